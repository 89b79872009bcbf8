/** One message as mail: headers, a text, the same as plain HTML with the link as a button, and files. */
import { createHash } from "node:crypto";

import MailComposer from "nodemailer/lib/mail-composer";

import { ProviderError } from "../errors.ts";
import type { FailureReason } from "../errors.ts";
import type { OutboundMessage, ProviderId } from "../provider.ts";
import { webLink } from "../web-link.ts";
import { MESSAGE_BYTES_MAX, SMTP_LIMITS, SUBJECT_CHARS_MAX } from "./config.ts";

const PROVIDER: ProviderId = "smtp";
export const SEND = "send an e-mail";

export type MailHeaders = {
  readonly from: string;
  readonly fromName: string | null;
  readonly replyTo: string | null;
  readonly deliveryKey: string;
};

export type Mail = {
  readonly sender: string;
  readonly recipient: string;
  /** With its angle brackets. */
  readonly messageId: string;
  readonly bytes: Buffer;
};

/** One line, one address: a line end or a list would mean something else to a mail server. */
const ADDRESS = /^[^\s<>(),;:"@\\[\]\p{Cc}]{1,64}@[\p{L}\p{N}.-]{1,253}$/u;

export async function composeMail(message: OutboundMessage, headers: MailHeaders): Promise<Mail> {
  const { to } = message;
  if (to.kind !== "email" || !ADDRESS.test(to.address)) throw refusal("invalid_recipient");
  if (message.text === "") throw refusal("invalid_request");
  if (message.text.length > SMTP_LIMITS.textCharsMax) throw refusal("too_long");
  const link = webLink(message.link);
  const messageId = messageIdOf(headers);
  const composer = new MailComposer({
    from: { name: headers.fromName ?? "", address: headers.from },
    to: { name: "", address: to.address },
    ...(headers.replyTo === null ? {} : { replyTo: headers.replyTo }),
    subject: subjectOf(message),
    text: textOf(message.text, link),
    html: htmlOf(message, link),
    messageId,
    headers: {
      // RFC 3834: nobody's holiday note should answer a machine.
      "Auto-Submitted": "auto-generated",
      "Content-Language": message.language,
    },
    attachments: attachmentsOf(message),
    // Nothing in a message may make us read a file or ask an address.
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  const node = composer.compile();
  // Domains in other scripts stand here as the protocol wants them.
  const { from, to: recipients } = node.getEnvelope();
  const [recipient, ...others] = recipients;
  if (from === false || recipient === undefined || others.length > 0) {
    throw refusal("invalid_recipient");
  }
  const bytes = await node.build();
  if (bytes.length > MESSAGE_BYTES_MAX) throw refusal("too_long");
  return { sender: from, recipient, messageId, bytes };
}

/** The same for every try of a delivery: many mailboxes show a message with a known id only once. */
export function messageIdOf({
  deliveryKey,
  from,
}: Pick<MailHeaders, "deliveryKey" | "from">): string {
  const name = /^[\w.-]{1,64}$/.test(deliveryKey)
    ? deliveryKey
    : createHash("sha256").update(deliveryKey).digest("hex").slice(0, 32);
  return `<${name}@${from.slice(from.lastIndexOf("@") + 1)}>`;
}

function subjectOf({ subject, text }: OutboundMessage): string {
  const line = (subject ?? text).replace(/\p{Cc}+/gu, " ").trim();
  return line.length <= SUBJECT_CHARS_MAX ? line : `${line.slice(0, SUBJECT_CHARS_MAX - 1)}…`;
}

function textOf(text: string, link: string | null): string {
  return link === null || text.includes(link) ? text : `${text}\n\n${link}`;
}

const OPEN = { id: "Buka", en: "Open" } as const;

/** No style sheet, no picture, no script: what every reader shows, and what no filter mistrusts. */
function htmlOf(message: OutboundMessage, link: string | null): string {
  const paragraphs = message.text
    .split(/\n{2,}/)
    .map(
      (paragraph) =>
        `<p style="margin:0 0 16px">${escaped(paragraph).replaceAll("\n", "<br>")}</p>`,
    )
    .join("\n");
  const button =
    link === null
      ? ""
      : `\n<p style="margin:24px 0"><a href="${escaped(link)}" style="display:inline-block;padding:12px 24px;border-radius:6px;background:#14532d;color:#ffffff;text-decoration:none;font-weight:bold">${OPEN[message.language]}</a></p>`;
  return `<!DOCTYPE html>
<html lang="${message.language}">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"></head>
<body style="margin:0;padding:16px;font-family:sans-serif;font-size:16px;line-height:1.5;color:#111111;background:#ffffff">
${paragraphs}${button}
</body>
</html>
`;
}

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (sign) => ENTITIES[sign] ?? "");
}

function attachmentsOf({ attachment }: OutboundMessage) {
  if (attachment === undefined) return [];
  if (attachment.kind === "location") throw refusal("unsupported_content");
  if (attachment.content === null) throw refusal("media");
  const { bytes, contentType } = attachment.content;
  return [{ filename: attachment.fileName, content: Buffer.from(bytes), contentType }];
}

function refusal(
  reason: Extract<
    FailureReason,
    "invalid_recipient" | "invalid_request" | "too_long" | "unsupported_content" | "media"
  >,
): ProviderError {
  return new ProviderError({
    provider: PROVIDER,
    attempted: SEND,
    kind: "rejected",
    scope: "recipient",
    reason,
  });
}
