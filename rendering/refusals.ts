/** What Siaga answers on its own to somebody who wrote: short, polite, in the writer's language, never guessing. */
import type { Channel } from "../domain/channel.ts";
import type { Locale } from "../domain/locale.ts";
import type { Answer } from "../domain/notification.ts";
import type { VerificationRefusal } from "../domain/verification-code.ts";
import { printValue } from "./printed-value.ts";
import { isWhatsApp } from "./template.ts";
import { TEXTS, fill } from "./texts.ts";

/** An open notification of the writer. */
export type OpenItem = {
  /** Four digits on the device that was written to. */
  readonly code: string;
  /** From `subjectOf`, unescaped (its `plain` style). */
  readonly subject: string;
};

export type ReplySituation =
  /** It isn't clear which one is meant: lists them with their codes. */
  | { readonly kind: "which_one"; readonly items: readonly OpenItem[] }
  | { readonly kind: "nothing_open" }
  | { readonly kind: "unknown_code"; readonly code: string }
  /** A critical one over a provider that signs nothing needs its code. */
  | { readonly kind: "code_needed"; readonly code: string }
  | {
      readonly kind: "taken";
      readonly subject: string;
      readonly byName: string | null;
      /** On the reader's clock, "14:05"; left out where nobody knows. */
      readonly at?: string | null;
    }
  | { readonly kind: "taken_by_you"; readonly subject: string }
  | {
      readonly kind: "over";
      readonly subject: string;
      readonly state: "cancelled" | "resolved" | "settled";
    }
  | { readonly kind: "not_possible"; readonly subject: string }
  | { readonly kind: "thanks"; readonly answer: Answer; readonly subject: string }
  /** "1 semua": lists all and asks once more. */
  | { readonly kind: "confirm_all"; readonly items: readonly OpenItem[] }
  | { readonly kind: "all_done"; readonly count: number }
  | { readonly kind: "rate_range"; readonly code: string }
  | { readonly kind: "stopped" | "stopped_staff" | "started" | "which_stop" | "help" }
  | { readonly kind: "phone_verified"; readonly name: string | null; readonly isPrimary: boolean }
  | { readonly kind: "phone_not_verified"; readonly reason: VerificationRefusal };

export type ReplyContext = {
  readonly channel: Channel;
  readonly locale: Locale;
  /** In a group: the member who wrote, so that the others see who is meant. */
  readonly toName?: string | null;
};

/** More would fill the screen; the web app has them all. */
const ITEMS_MAX = 10;

export function replyText(situation: ReplySituation, context: ReplyContext): string {
  const { channel, toName } = context;
  const text = sentence(situation, context);
  return toName ? `${printValue(toName, styleOf(channel))}: ${text}` : text;
}

function sentence(situation: ReplySituation, { channel, locale }: ReplyContext): string {
  const texts = TEXTS[locale];
  const print = (value: string | null): string => printValue(value, styleOf(channel));
  // The sentences carry WhatsApp's marks; what is filled in keeps its own characters.
  const say = (text: string, values: Readonly<Record<string, string | number>> = {}): string =>
    fill(isWhatsApp(channel) ? text : text.replaceAll("*", ""), values);
  switch (situation.kind) {
    case "which_one":
      return `${say(texts.reply.which_one)}\n${itemLines(situation.items, channel, locale)}`;
    case "confirm_all":
      return say(texts.reply.confirm_all, { items: itemLines(situation.items, channel, locale) });
    case "thanks":
      return say(texts.thanks[situation.answer], { subject: print(situation.subject) });
    case "taken":
      return say(situation.at ? texts.reply.taken_at : texts.reply.taken, {
        subject: print(situation.subject),
        name: print(situation.byName) || texts.somebody,
        time: situation.at ?? "",
      });
    case "over":
      return say(texts.reply.over, {
        subject: print(situation.subject),
        state: texts.over[situation.state],
      });
    case "taken_by_you":
    case "not_possible":
      return say(texts.reply[situation.kind], { subject: print(situation.subject) });
    case "unknown_code":
    case "code_needed":
    case "rate_range":
      return say(texts.reply[situation.kind], { code: print(situation.code) });
    case "all_done":
      return say(texts.reply.all_done, { count: situation.count });
    case "nothing_open":
    case "stopped":
    case "stopped_staff":
    case "started":
    case "which_stop":
    case "help":
      return say(texts.reply[situation.kind]);
    case "phone_verified":
      return say(texts.verified[situation.isPrimary ? "primary" : "second"], {
        name: print(situation.name) || texts.verified.you,
      });
    case "phone_not_verified":
      return say(texts.notVerified[situation.reason]);
  }
}

/** One line each, code first: "*4821* Gangguan massal, POP Klari". */
export function itemLines(items: readonly OpenItem[], channel: Channel, locale: Locale): string {
  const style = styleOf(channel);
  const lines = items.slice(0, ITEMS_MAX).map(({ code, subject }) => {
    const shownCode = isWhatsApp(channel) ? `*${code}*` : code;
    return `${shownCode} ${printValue(subject, style)}`;
  });
  const more = items.length - lines.length;
  return (more === 0 ? lines : [...lines, fill(TEXTS[locale].moreItems, { count: more })]).join(
    "\n",
  );
}

function styleOf(channel: Channel): "whatsapp" | "plain" {
  return isWhatsApp(channel) ? "whatsapp" : "plain";
}
