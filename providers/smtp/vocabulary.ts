/**
 * What a mail server's reply means, by the step at which it came. The first digit decides whether a later try may succeed,
 * the step whom it is about, and the enhanced code (RFC 3463) tells why. RFC 5321 section 4.2, RFC 4954 (sign-in), RFC 7504
 * (521, 556), RFC 6647 (greylisting); checked September 2026.
 */
import type { ProviderVerdict } from "../errors.ts";

/** `content`: after the message's last line. Until then nothing of it can have been taken. */
export const SMTP_STEPS = [
  "greeting",
  "sign_in",
  "sender",
  "recipient",
  "data",
  "content",
] as const;
export type SmtpStep = (typeof SMTP_STEPS)[number];

export type SmtpReply = {
  readonly step: SmtpStep;
  /** 400 to 599. */
  readonly code: number;
  /** "5.1.1"; null where the server gives none. */
  readonly enhanced: string | null;
};

const SERVER_AWAY: ProviderVerdict = {
  kind: "unavailable",
  scope: "account",
  reason: "provider_fault",
};
const SLOW_DOWN: ProviderVerdict = { kind: "rate_limited", scope: "account", reason: "rate_limit" };
const USED_UP: ProviderVerdict = { kind: "unavailable", scope: "account", reason: "quota" };
const CREDENTIALS: ProviderVerdict = {
  kind: "unauthorized",
  scope: "account",
  reason: "credentials",
};
/** The server does not serve us, or not this sender. */
const PERMISSION: ProviderVerdict = {
  kind: "unauthorized",
  scope: "account",
  reason: "permission",
};
const TOO_LONG: ProviderVerdict = { kind: "rejected", scope: "recipient", reason: "too_long" };
const BLOCKED: ProviderVerdict = {
  kind: "rejected",
  scope: "recipient",
  reason: "content_blocked",
};
const NO_SUCH_MAILBOX: ProviderVerdict = {
  kind: "rejected",
  scope: "recipient",
  reason: "invalid_recipient",
};
const MAILBOX_CLOSED: ProviderVerdict = {
  kind: "rejected",
  scope: "recipient",
  reason: "recipient_unreachable",
};
const NOT_FOR_US: ProviderVerdict = { kind: "rejected", scope: "recipient", reason: "permission" };
const BAD_COMMAND: ProviderVerdict = {
  kind: "rejected",
  scope: "recipient",
  reason: "invalid_request",
};
const REFUSED: ProviderVerdict = { kind: "rejected", scope: "recipient", reason: "unlisted" };
/** "Later": greylisting, a full mailbox, a server that is busy with others. */
const DEFERRED: ProviderVerdict = {
  kind: "rate_limited",
  scope: "recipient",
  reason: "rate_limit",
};
const MAILBOX_BUSY: ProviderVerdict = {
  kind: "rate_limited",
  scope: "recipient",
  reason: "recipient_unreachable",
};

type Row = {
  /** Absent: at every step. */
  readonly steps?: readonly SmtpStep[];
  /** Absent: every code that the row's other conditions allow. */
  readonly codes?: readonly number[];
  readonly enhanced?: RegExp;
  readonly verdict: ProviderVerdict;
};

const EARLY: readonly SmtpStep[] = ["greeting"];
const SIGN_IN: readonly SmtpStep[] = ["sign_in"];
const SENDER: readonly SmtpStep[] = ["sender"];
const RECIPIENT: readonly SmtpStep[] = ["recipient"];
const MESSAGE: readonly SmtpStep[] = ["data", "content"];

/** First match wins. */
const ROWS: readonly Row[] = [
  // A transition of passwords; everywhere else the same code counts connections.
  { steps: SIGN_IN, codes: [432], verdict: CREDENTIALS },
  { codes: [432], verdict: SLOW_DOWN },
  { codes: [421], enhanced: /^4\.[57]\./, verdict: SLOW_DOWN },
  { codes: [421], verdict: SERVER_AWAY },
  { codes: [530, 534, 535, 538], verdict: CREDENTIALS },
  // Google's word for a user who has sent his day's share.
  { enhanced: /^5\.4\.5$/, verdict: USED_UP },

  { steps: EARLY, enhanced: /^4\.7\./, verdict: SLOW_DOWN },
  { steps: EARLY, codes: [450, 451, 452, 454], verdict: SERVER_AWAY },
  { steps: SIGN_IN, codes: [450, 451, 452, 454], verdict: SERVER_AWAY },
  { steps: SIGN_IN, enhanced: /^5/, verdict: CREDENTIALS },

  { codes: [523], verdict: TOO_LONG },
  { enhanced: /^5\.(2\.3|3\.4)$/, verdict: TOO_LONG },
  { steps: SENDER, codes: [552], verdict: TOO_LONG },
  { steps: SENDER, enhanced: /^4\.7\./, verdict: SLOW_DOWN },

  { steps: RECIPIENT, enhanced: /^4\.2\./, verdict: MAILBOX_BUSY },
  { steps: RECIPIENT, enhanced: /^5\.1\./, verdict: NO_SUCH_MAILBOX },
  { steps: RECIPIENT, enhanced: /^5\.2\./, verdict: MAILBOX_CLOSED },
  { steps: RECIPIENT, enhanced: /^5\.7\./, verdict: NOT_FOR_US },
  { steps: RECIPIENT, codes: [550, 551, 553, 521, 556, 501, 555], verdict: NO_SUCH_MAILBOX },
  { steps: RECIPIENT, codes: [552], verdict: MAILBOX_CLOSED },
  { steps: RECIPIENT, codes: [554], verdict: NOT_FOR_US },

  { steps: MESSAGE, enhanced: /^5\.1\./, verdict: NO_SUCH_MAILBOX },
  { steps: MESSAGE, enhanced: /^5\.2\./, verdict: MAILBOX_CLOSED },
  { steps: MESSAGE, enhanced: /^5\.7\./, verdict: BLOCKED },
  { steps: MESSAGE, codes: [552], verdict: TOO_LONG },
  { steps: MESSAGE, codes: [550, 554], verdict: BLOCKED },

  {
    steps: ["recipient", "data", "content"],
    codes: [500, 502, 503, 504, 501, 555],
    verdict: BAD_COMMAND,
  },
];

/** Codes that no row knows: the first digit and the step are enough. */
const TEMPORARY: Readonly<Record<SmtpStep, ProviderVerdict>> = {
  greeting: SERVER_AWAY,
  sign_in: SERVER_AWAY,
  sender: SERVER_AWAY,
  recipient: DEFERRED,
  data: DEFERRED,
  content: DEFERRED,
};
const PERMANENT: Readonly<Record<SmtpStep, ProviderVerdict>> = {
  greeting: PERMISSION,
  sign_in: CREDENTIALS,
  sender: PERMISSION,
  recipient: REFUSED,
  data: REFUSED,
  content: REFUSED,
};

/** A reply that says no has taken nothing, whenever it comes. */
export function judgeReply(reply: SmtpReply): ProviderVerdict {
  const row = ROWS.find((each) => fits(each, reply));
  return row?.verdict ?? (reply.code < 500 ? TEMPORARY : PERMANENT)[reply.step];
}

function fits({ steps, codes, enhanced }: Row, reply: SmtpReply): boolean {
  return (
    (steps === undefined || steps.includes(reply.step)) &&
    (codes === undefined || codes.includes(reply.code)) &&
    (enhanced === undefined || (reply.enhanced !== null && enhanced.test(reply.enhanced)))
  );
}

/** Null for a line that is no reply of refusal. */
export function readReply(step: SmtpStep, line: string): SmtpReply | null {
  const match = /^([45]\d{2})(?:[ -](?:([45]\.\d{1,3}\.\d{1,3})\b)?|$)/.exec(line);
  if (match === null) return null;
  return { step, code: Number(match[1]), enhanced: match[2] ?? null };
}
