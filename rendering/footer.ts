/**
 * The line below every answerable message that says how to answer, and the buttons that say the same. It is no part of
 * any template, so that no edit of a text can take the code away.
 */
import type { Channel } from "../domain/channel.ts";
import type { Locale } from "../domain/locale.ts";
import type { AnswerKind } from "../domain/notification.ts";
import { assertNever } from "../domain/assert.ts";
import { TEXTS, fill } from "./texts.ts";

/** Meta: `id` up to 256 characters, titles up to 20 and unique, three buttons (providers' limits are checked again). */
export type ReplyButton = { readonly id: string; readonly title: string };

export type FooterInput = {
  readonly answers: AnswerKind;
  readonly channel: Channel;
  readonly locale: Locale;
  /** The four digits of this notification on the sending device; null where the account can't be answered. */
  readonly code: string | null;
  /** A signed link, for channels that can't be answered. */
  readonly answerUrl?: string | null;
};

/** The footer without the line break before it; null where nothing is to be said. In-app and push have buttons of their own. */
export function footerOf({
  answers,
  channel,
  locale,
  code,
  answerUrl,
}: FooterInput): string | null {
  if (answers === "none") return null;
  const texts = TEXTS[locale];
  const link = answerUrl ? fill(texts.answerLink, { url: answerUrl }) : null;
  switch (channel) {
    case "whatsapp_personal":
    case "whatsapp_group":
      return code === null ? link : fill(texts.footer[answers], { code });
    case "sms":
      return code === null ? link : fill(texts.smsFooter[answers], { code });
    case "email":
      return link;
    case "call":
    case "push":
    case "in_app":
      return null;
    default:
      return assertNever(channel, "channel");
  }
}

/** Button ids are `ack:<code>` and `ref:<code>`; a webhook gives them back. Empty where an answer has no buttons. */
export function replyButtons(
  answers: AnswerKind,
  locale: Locale,
  code: string | null,
): readonly ReplyButton[] {
  if (answers === "none" || code === null) return [];
  const [accept, refuse] = TEXTS[locale].buttons[answers];
  if (accept === undefined || refuse === undefined) return [];
  return [
    { id: `ack:${code}`, title: accept },
    { id: `ref:${code}`, title: refuse },
  ];
}
