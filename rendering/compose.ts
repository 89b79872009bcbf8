/**
 * One message, complete: marks (drill, reminder, escalation), the type's text, and the footer that says how to answer,
 * within the length of what carries it. Too long a text loses its end; marks and footer never.
 */
import type { StoredAttachment } from "../domain/attachment.ts";
import type { Channel } from "../domain/channel.ts";
import type { Locale } from "../domain/locale.ts";
import type { AnswerKind } from "../domain/notification.ts";
import { OTP_VARIABLE } from "../domain/otp.ts";
import { attachmentLines } from "./attachment-lines.ts";
import { cutText } from "./cut.ts";
import { footerOf, replyButtons } from "./footer.ts";
import type { ReplyButton } from "./footer.ts";
import { printValue } from "./printed-value.ts";
import { cutToParts, inSmsAlphabet } from "./sms-parts.ts";
import { toSpeech } from "./speakable.ts";
import { isWhatsApp, renderText } from "./template.ts";
import type { TemplateData } from "./template.ts";
import { TEXTS, fill } from "./texts.ts";

/** A row of `templates`, as far as a message needs it. */
export type MessageTemplateRow = {
  /** What the text was written for; another channel may borrow it (see domain/template-choice.ts). */
  readonly channel: Channel;
  readonly locale: Locale;
  /** Title in the inbox, subject of an e-mail; Liquid. */
  readonly subject: string | null;
  readonly body: string;
  /** What the vendor has approved, and the variables that fill it; null: nothing that could be sent. */
  readonly approvedTemplate?: ApprovedTemplate | null;
};

export type ApprovedTemplate = {
  readonly name: string;
  readonly languageCode: string;
  /** Our variables, in the vendor's order. */
  readonly parameters: readonly string[];
  /** Set where the vendor's places have names. */
  readonly parameterNames: readonly string[] | null;
  /** Null: as many as there are. */
  readonly buttonsMax: number | null;
  /** It has a button that copies the one-time password. */
  readonly hasCodeButton?: boolean;
};

/** What carries the message: structurally a `Provider`, so pass the provider itself. Null for in-app. */
export type Carrier = {
  readonly capabilities: {
    readonly replies: boolean;
    readonly buttons: boolean;
    readonly templates: boolean;
  };
  readonly limits: {
    readonly textCharsMax: number;
    readonly buttonsMax: number;
    readonly buttonTitleCharsMax: number;
  };
};

export type Mark =
  /** A scheduled drill: first words of the message. */
  | { readonly kind: "drill" }
  /** The same person is told for the `count`th time (attempts and passes together); 2 or more. */
  | { readonly kind: "reminder"; readonly count: number }
  /** Told by role-up; `toldBefore` names who was told and did not answer. */
  | { readonly kind: "escalated" }
  | { readonly kind: "reassigned"; readonly fromName: string | null }
  /** Another channel's message has an unknown outcome, so this may be the second. */
  | { readonly kind: "maybe_duplicate" };

export type ComposeInput = {
  readonly notification: {
    readonly answers: AnswerKind;
    /** The type's name in `locale`: the title where the template has none. */
    readonly typeName: string;
  };
  readonly template: MessageTemplateRow;
  /** From `templateScope`. */
  readonly data: TemplateData;
  readonly channel: Channel;
  /** The recipient's language: of footer and marks. The text is in the template's. */
  readonly locale: Locale;
  /** IANA zone of the recipient, for instants in the text. */
  readonly timeZone: string;
  /** Four digits, unique on the sending device; null when there is nothing to answer or nobody to read the answer. */
  readonly code: string | null;
  readonly target: "person" | "group";
  /** Names of those told before who did not answer; shown to persons only. */
  readonly toldBefore?: readonly string[];
  readonly marks?: readonly Mark[];
  /** Signed answer link, for e-mail and for numbers that can't be answered. */
  readonly answerUrl?: string | null;
  /** What the message doesn't show itself; they become links, unless they would cost the text its end. */
  readonly linkedAttachments?: readonly StoredAttachment[];
  readonly carrier: Carrier | null;
};

export type ComposedMessage = {
  /** In-app title, e-mail subject, push title. */
  readonly title: string;
  /** Complete, footer included. For a call: what is spoken; which keys to press, and again, is said by the provider. */
  readonly text: string;
  /** The language of the text: a voice must speak in it, whatever the recipient's. */
  readonly locale: Locale;
  /** True when the end of the type's text was left out. */
  readonly isCut: boolean;
  /** Whether the attachments to be linked are in the text; false where there was no room and on channels where links are of no use. */
  readonly hasLinks: boolean;
  /** Hand over only while the recipient's window is open; the provider ignores them otherwise. */
  readonly buttons?: readonly ReplyButton[];
  /** The vendor's template, when one can be sent. */
  readonly template?: FilledTemplate;
};

export type FilledTemplate = {
  readonly name: string;
  readonly languageCode: string;
  readonly bodyParameters: readonly string[];
  readonly parameterNames?: readonly string[];
  readonly buttonPayloads: readonly string[];
  /** What its button copies. */
  readonly code?: string;
};

/** A call longer than a minute is not heard to its end; spoken, this takes about that long. Far below TwiML's 4000. */
export const SPEECH_CHARS_MAX = 900;
/** What phones show of a push message; the rest is in the inbox. */
export const PUSH_CHARS_MAX = 240;
export const TITLE_CHARS_MAX = 120;
/** For channels without a carrier's limit. */
const TEXT_CHARS_MAX = 10_000;
/** Meta's limit for the text above buttons, far below that of a plain text; a longer one goes without them. */
export const BUTTON_TEXT_CHARS_MAX = 1_024;
/** Meta fills templates to 1024 characters at most; names of places are short, descriptions are cut. */
export const PARAMETER_CHARS_MAX = 200;
/** What is left of a text when marks and footer need the rest; below this the marks give way. */
const BODY_CHARS_MIN = 80;
/** Names beyond these are counted. */
const NAMES_MAX = 5;
const NAME_CHARS_MAX = 60;

/** @throws MissingVariables, TemplateFailed */
export function composeMessage(input: ComposeInput): ComposedMessage {
  const title = titleOf(input);
  const body = renderText({
    body: input.template.body,
    bodyChannel: input.template.channel,
    data: input.data,
    channel: input.channel,
    locale: input.template.locale,
    timeZone: input.timeZone,
  });
  if (input.channel === "call") {
    // One voice reads all of it, so marks are in the text's language.
    return composeCall({ ...input, locale: input.template.locale }, title, body);
  }

  const footer = footerOf({
    answers: input.notification.answers,
    channel: input.channel,
    locale: input.locale,
    code: canBeAnswered(input) ? input.code : null,
    answerUrl: input.answerUrl ?? null,
  });
  const { text, isCut, hasLinks } = assemble(input, body, footer);
  const buttons = buttonsOf(input, text);
  const template = providerTemplateOf(input);
  return {
    title,
    text,
    locale: input.template.locale,
    isCut,
    hasLinks,
    ...(buttons.length === 0 ? {} : { buttons }),
    ...(template === null ? {} : { template }),
  };
}

function assemble(
  input: ComposeInput,
  body: string,
  footer: string | null,
): { text: string; isCut: boolean; hasLinks: boolean } {
  const whole = input.channel === "sms" ? inSmsAlphabet(body) : body;
  const bodyCharsMin = Math.min(whole.length, BODY_CHARS_MIN);
  const links = attachmentLines(input.linkedAttachments ?? [], input.channel, input.locale);
  // On a short carrier links give way to the text, and then the lines about other people to what has happened.
  for (const parts of ["links", "lines", "least"] as const) {
    if (parts === "links" && links.length === 0) continue;
    const isLeast = parts === "least";
    const before = isLeast ? drillMark(input) : marksBefore(input);
    const after = [
      ...(parts === "links" ? links : []),
      ...(isLeast ? [] : marksAfter(input)),
      ...(footer === null ? [] : [footer]),
    ];
    const fitted = fitBetween(input, before, whole, after);
    const { kept, text } = fitted;
    if (!isLeast && kept.length < bodyCharsMin) continue;
    if (kept === whole) return { text, isCut: false, hasLinks: parts === "links" };
    if (parts === "links") continue;
    // Where the rest can be read, unless that costs what can be read here.
    const rest = restLine(input, whole);
    const withRest = rest === null ? fitted : fitBetween(input, before, whole, [rest, ...after]);
    const isWorthIt = withRest.kept.length >= bodyCharsMin;
    return { text: isWorthIt ? withRest.text : text, isCut: true, hasLinks: false };
  }
  throw new Error("Invariant broken: the last way of composing always fits");
}

/** As much of the text's beginning as the carrier takes between these lines. */
function fitBetween(
  input: ComposeInput,
  before: readonly string[],
  body: string,
  after: readonly string[],
): { readonly kept: string; readonly text: string } {
  const isSms = input.channel === "sms";
  const around = (kept: string): string => {
    const head = [...before, kept].join("\n");
    const text = after.length === 0 ? head : `${head}\n\n${after.join("\n")}`;
    return isSms ? inSmsAlphabet(text) : text;
  };
  const room = Math.max(charsMax(input) - around("").length, 0);
  const cut = cutText(body, room, isSms ? "..." : "…");
  const kept = isSms ? cutToParts(cut, around) : cut;
  return { kept, text: around(kept) };
}

/** Leads to the ticket, where there is one that the text doesn't name. A click on a push message leads there by itself. */
function restLine({ channel, data, locale }: ComposeInput, body: string): string | null {
  const url = printValue(data["ticket_url"], isWhatsApp(channel) ? "whatsapp" : "plain");
  if (url === "" || channel === "push" || body.includes(url)) return null;
  return fill(TEXTS[locale].rest, { url });
}

function composeCall(input: ComposeInput, title: string, body: string): ComposedMessage {
  const say = (lines: readonly string[]): string => toSpeech(lines.join("\n"), input.locale);
  const before = say(marksBefore(input));
  const after = say(marksAfter(input));
  const speechCharsMax = Math.min(SPEECH_CHARS_MAX, charsMax(input));
  const room = speechCharsMax - before.length - after.length - 2;
  // A sentence that breaks off is better heard as ended.
  const kept = cutText(body, Math.max(room, 0), ".");
  const speech = [before, kept, after].filter((part) => part !== "").join(" ");
  return { title, text: speech, locale: input.locale, isCut: kept !== body, hasLinks: false };
}

function titleOf({ notification, template, data, timeZone, marks }: ComposeInput): string {
  const rendered =
    template.subject === null
      ? notification.typeName
      : renderText({
          body: template.subject,
          data,
          channel: "in_app",
          bodyChannel: template.channel,
          locale: template.locale,
          timeZone,
        });
  const isDrill = marks?.some(({ kind }) => kind === "drill") ?? false;
  const title = isDrill ? `${TEXTS[template.locale].drill} ${rendered}` : rendered;
  return cutText(title, TITLE_CHARS_MAX);
}

/** A drill must never be taken for an alarm, so this line stays whatever the length. */
function drillMark({ marks = [], locale, channel }: ComposeInput): readonly string[] {
  return marks.some(({ kind }) => kind === "drill") ? [strong(TEXTS[locale].drill, channel)] : [];
}

/** Lines above the text. */
function marksBefore(input: ComposeInput): readonly string[] {
  const { marks = [], locale, channel } = input;
  const texts = TEXTS[locale];
  const lines = marks.flatMap((mark): string[] => {
    switch (mark.kind) {
      case "reminder":
        return [emphatic("🔁", fill(texts.reminder, { count: mark.count }), channel)];
      case "escalated":
        return [emphatic("⬆️", texts.escalated, channel)];
      case "reassigned":
        return mark.fromName === null
          ? []
          : [fill(texts.reassignedFrom, { name: nameFor(mark.fromName, channel) })];
      case "drill":
      case "maybe_duplicate":
        return [];
    }
  });
  return [...drillMark(input), ...lines];
}

/** Lines between the text and the footer. */
function marksAfter(input: ComposeInput): readonly string[] {
  const { marks = [], locale, channel, target, toldBefore = [] } = input;
  const texts = TEXTS[locale];
  const lines: string[] = [];
  // Privacy: who has not answered is for those who must act on it, not for a group to read.
  if (target === "person" && toldBefore.length > 0) {
    lines.push(fill(texts.toldBefore, { names: nameList(toldBefore, locale, channel) }));
  }
  if (marks.some(({ kind }) => kind === "maybe_duplicate")) lines.push(texts.maybeDuplicate);
  return lines;
}

function nameList(names: readonly string[], locale: Locale, channel: Channel): string {
  const shown = names.slice(0, NAMES_MAX).map((name) => nameFor(name, channel));
  const more = names.length - shown.length;
  return more === 0
    ? shown.join(", ")
    : `${shown.join(", ")} ${fill(TEXTS[locale].andMore, { count: more })}`;
}

function nameFor(name: string, channel: Channel): string {
  return cutText(printValue(name, isWhatsApp(channel) ? "whatsapp" : "plain"), NAME_CHARS_MAX);
}

function strong(text: string, channel: Channel): string {
  return isWhatsApp(channel) ? `*${text}*` : text;
}

function emphatic(sign: string, text: string, channel: Channel): string {
  return isWhatsApp(channel) ? `${sign} *${text}*` : text;
}

function canBeAnswered({ carrier }: ComposeInput): boolean {
  return carrier === null || carrier.capabilities.replies;
}

function charsMax({ channel, carrier }: ComposeInput): number {
  const carried = carrier?.limits.textCharsMax ?? TEXT_CHARS_MAX;
  return channel === "push" ? Math.min(PUSH_CHARS_MAX, carried) : carried;
}

function buttonsOf(input: ComposeInput, text: string): readonly ReplyButton[] {
  const { carrier, notification, locale, code, target } = input;
  if (!isWhatsApp(input.channel) || target === "group" || carrier === null) return [];
  const { buttonsMax, buttonTitleCharsMax } = carrier.limits;
  if (!carrier.capabilities.buttons || text.length > BUTTON_TEXT_CHARS_MAX) return [];
  const buttons = replyButtons(notification.answers, locale, code);
  const fits =
    buttons.length <= buttonsMax &&
    buttons.every(({ title }) => title.length <= buttonTitleCharsMax);
  return fits ? buttons : [];
}

function providerTemplateOf(input: ComposeInput): FilledTemplate | null {
  const { template, carrier, notification, code, channel, data, timeZone } = input;
  const approved = template.approvedTemplate ?? null;
  if (approved === null) return null;
  if (carrier?.capabilities.templates !== true || !isWhatsApp(channel)) return null;
  return fillTemplate(approved, {
    data: { ...data, reply_code: code },
    locale: template.locale,
    timeZone,
    buttons: replyButtons(notification.answers, template.locale, code),
  });
}

/** `locale` is that of the vendor's text. */
export function fillTemplate(
  approved: ApprovedTemplate,
  {
    buttons,
    data,
    locale,
    timeZone,
  }: {
    readonly data: TemplateData;
    readonly locale: Locale;
    readonly timeZone: string;
    readonly buttons: readonly ReplyButton[];
  },
): FilledTemplate {
  return {
    name: approved.name,
    languageCode: approved.languageCode,
    bodyParameters: approved.parameters.map((name) => parameterText(name, data, locale, timeZone)),
    ...(approved.parameterNames === null ? {} : { parameterNames: approved.parameterNames }),
    buttonPayloads: buttons.slice(0, approved.buttonsMax ?? buttons.length).map(({ id }) => id),
    ...(approved.hasCodeButton === true
      ? { code: parameterText(OTP_VARIABLE, data, locale, timeZone) }
      : {}),
  };
}

/** Meta refuses an empty parameter, line breaks, and more than four spaces in a row (error 132012). */
function parameterText(name: string, data: TemplateData, locale: Locale, timeZone: string): string {
  const text = renderText({
    body: `{{ ${name} | default: "-" | local_time }}`,
    data,
    channel: "whatsapp_personal",
    locale,
    timeZone,
  });
  return cutText(text === "" ? "-" : text, PARAMETER_CHARS_MAX);
}
