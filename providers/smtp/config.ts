/**
 * E-mail by SMTP (RFC 5321) to the installation's own mail server or a mail service's submission port. What may be sent, how
 * fast and how much is that server's business; checked September 2026 against nodemailer 10.
 */
import { z } from "zod";

import { isOnThisMachine } from "../../domain/account.ts";
import type {
  AccountContext,
  AccountDefaults,
  AttachmentLimits,
  Capabilities,
  MessageLimits,
} from "../provider.ts";

export const SMTP_DEFAULTS: AccountDefaults = {
  // Every installation has its own mail server.
  baseUrl: null,
  // Few servers take more than a handful of connections from one client, and each message needs one.
  pacing: { perSecond: 5, minGapSeconds: 0 },
  pairGapSeconds: 0,
  dailyCap: null,
  receiptDeadlineSeconds: null,
  sendTimeoutMs: 15_000,
};

export const SMTP_LIMITS: MessageLimits = {
  textCharsMax: 50_000,
  buttonsMax: 0,
  buttonTitleCharsMax: 0,
};

/** What most servers take, Base64 included. */
export const MESSAGE_BYTES_MAX = 20 * 1024 * 1024;
/** Longer ones are cut by readers anyway. */
export const SUBJECT_CHARS_MAX = 200;

/** How long it may take until a server is reached; leaves time for the message itself. */
export const CONNECT_TIMEOUT_MS = 5_000;

/** How soon a server that says "later" may be asked again: greylisting wants at least a minute (RFC 6647). */
export const DEFERRED_MS = 60_000;

/** Base64 makes a file a third longer, and text and headers need their part of the whole. */
const FILE_BYTES_MAX = 10_000_000;
export const SMTP_ATTACHMENTS: AttachmentLimits = {
  image: { textCharsMax: SMTP_LIMITS.textCharsMax, bytesMax: FILE_BYTES_MAX },
  document: { textCharsMax: SMTP_LIMITS.textCharsMax, bytesMax: FILE_BYTES_MAX },
  location: null,
};

export const SMTP_CAPABILITIES: Capabilities = {
  // 250 says that the next server has it. Bounces come by mail, and only to whoever reads that mailbox.
  receipts: { sent: false, delivered: false, read: false, failed: false },
  replies: false,
  quotes: false,
  reactions: false,
  buttons: false,
  keyPresses: false,
  media: true,
  location: false,
  templates: false,
  signedWebhooks: false,
  groupMemberIds: false,
};

export const smtpCredentials = z.object({ user: z.string().min(1), password: z.string().min(1) });

export const smtpSettings = z.object({
  /** Shown before the sender's address. */
  fromName: z.string().min(1).max(100).optional(),
  /** Where answers go; absent: to the sender. */
  replyTo: z.email().optional(),
  /**
   * `required`: never a word of a message or a password over a line that is not encrypted. `off` is for a server on this
   * machine. Absent: off there, required everywhere else.
   */
  tls: z.enum(["required", "off"]).optional(),
  /** PEM of the authority that signed the server's certificate, where that is no public one. */
  caCertificate: z.string().includes("BEGIN CERTIFICATE").optional(),
});

export const senderAddress = z.email();

export type MailServer = {
  readonly host: string;
  readonly port: number;
  /** `wrapped`: TLS from the first byte on; `upgraded`: STARTTLS, or nothing is sent. */
  readonly encryption: "wrapped" | "upgraded" | "none";
};

const PORT_WRAPPED = 465;
const PORT_SUBMISSION = 587;

/** `smtps://host:465` or `smtp://host:587`; null for anything else, and for plain text over a network. */
export function readMailServer(
  baseUrl: AccountContext["baseUrl"],
  tls: "required" | "off" | undefined,
): MailServer | null {
  const match = /^(smtps?):\/\/([a-z0-9.-]+|\[[0-9a-f:.]+\])(?::(\d{1,5}))?$/i.exec(baseUrl ?? "");
  if (baseUrl === null || match === null) return null;
  const isWrapped = match[1]?.toLowerCase() === "smtps";
  const host = (match[2] ?? "").replace(/^\[|\]$/g, "");
  const port = Number(match[3] ?? (isWrapped ? PORT_WRAPPED : PORT_SUBMISSION));
  if (isWrapped) return { host, port, encryption: "wrapped" };
  const isHere = isOnThisMachine(baseUrl);
  const isPlain = tls === undefined ? isHere : tls === "off";
  if (isPlain && !isHere) return null;
  return { host, port, encryption: isPlain ? "none" : "upgraded" };
}
