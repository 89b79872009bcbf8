import type { Channel } from "../domain/channel.ts";
import type { Locale } from "../domain/locale.ts";
import type { AnswerKind } from "../domain/notification.ts";
import { printValue } from "./printed-value.ts";
import { subjectOf } from "./subject.ts";
import { isWhatsApp } from "./template.ts";
import type { TemplateData } from "./template.ts";
import { TEXTS, fill } from "./texts.ts";
import type { ClosingKind } from "./texts.ts";

export type ClosingInput = {
  /** What closed it; an acknowledgment is named by what the type asks for. */
  readonly kind: AnswerKind | Exclude<ClosingKind, "acknowledge" | "accept" | "claim">;
  /** Who did it, or who has it now; null when nobody is known by name. */
  readonly by: string | null;
  /** From `templateScope`, in `locale`. */
  readonly data: TemplateData;
  readonly channel: Channel;
  readonly locale: Locale;
  /** The code that the chat knows the notification by. */
  readonly code?: string | null;
};

/** Tells those who were told that it is taken or over. In-app and e-mail have the title; a chat has the text alone. */
export function closingText(input: ClosingInput): {
  readonly title: string;
  readonly text: string;
} {
  const { channel, locale, data } = input;
  const kind: ClosingKind =
    input.kind === "none" || input.kind === "rate" ? "acknowledge" : input.kind;
  const texts = TEXTS[locale];
  const style = isWhatsApp(channel) ? "whatsapp" : "plain";
  const name = printValue(input.by, style) || texts.somebody;
  const sign = isWhatsApp(channel) ? `${CLOSING_SIGNS[kind]} ` : "";
  const code = input.code ? ` (${input.code})` : "";
  const sentence = fill(texts.closing[kind], { name, subject: subjectOf(data, style) });
  return { title: texts.closingTitle[kind], text: `${sign}${sentence}${code}` };
}

const CLOSING_SIGNS: Readonly<Record<ClosingKind, string>> = {
  acknowledge: "✅",
  accept: "✅",
  claim: "✅",
  resolve: "☑️",
  cancel: "🚫",
  expire: "⌛",
  reopen: "🔁",
  reassign: "↪️",
  supersede: "📎",
};
