import { readAccount } from "../account.ts";
import { ProviderError } from "../errors.ts";
import type { ProviderVerdict } from "../errors.ts";
import type {
  AccountContext,
  AccountProbe,
  CallOptions,
  OutboundMessage,
  ProviderId,
  SendOptions,
  SendResult,
} from "../provider.ts";
import {
  CONNECT_TIMEOUT_MS,
  DEFERRED_MS,
  readMailServer,
  senderAddress,
  smtpCredentials,
  smtpSettings,
} from "./config.ts";
import { SEND, composeMail } from "./mail.ts";
import { converse } from "./session.ts";
import type { SessionEnd, SessionOptions } from "./session.ts";
import { judgeReply, readReply } from "./vocabulary.ts";

const PROVIDER: ProviderId = "smtp";
const PROBE = "sign in at the mail server";

/** Sends one message to one address: a server that refuses one of several recipients still takes the message. */
export async function sendMail(
  account: AccountContext,
  message: OutboundMessage,
  options: SendOptions,
): Promise<SendResult> {
  const { settings, session } = configOf(account, SEND, options);
  const mail = await composeMail(message, {
    from: account.sender,
    fromName: settings.fromName ?? null,
    replyTo: settings.replyTo ?? null,
    deliveryKey: options.deliveryKey,
  });
  refuseWhenAborted(options.signal, SEND);
  const handover = {
    from: mail.sender,
    to: mail.recipient,
    bytes: mail.bytes,
    envelopeId: mail.messageId.slice(1, mail.messageId.indexOf("@")),
  };
  const end = await converse(session, handover);
  if (end.kind === "failed") throw failure(end, SEND);
  return {
    providerMessageId: mail.messageId,
    status: "accepted",
    segments: null,
    isHeldForQuality: false,
    providerResponse: { messageId: mail.messageId, bytes: mail.bytes.length },
  };
}

/** Connects, signs in and leaves: proves address, certificate and password. */
export async function probeServer(
  account: AccountContext,
  options: CallOptions,
): Promise<AccountProbe> {
  const { session } = configOf(account, PROBE, options);
  refuseWhenAborted(options.signal, PROBE);
  const end = await converse(session, null);
  if (end.kind === "failed") throw failure(end, PROBE);
  return { state: "connected", quotaLeft: null, detail: { encryption: session.server.encryption } };
}

function configOf(
  account: AccountContext,
  attempted: string,
  options: { readonly signal: AbortSignal; readonly timeoutMs: number },
) {
  const { credentials, settings } = readAccount(PROVIDER, attempted, account, {
    credentials: smtpCredentials,
    settings: smtpSettings,
  });
  const server = readMailServer(account.baseUrl, settings.tls);
  if (server === null || !senderAddress.safeParse(account.sender).success) {
    throw problem(attempted, {
      kind: "unauthorized",
      scope: "account",
      reason: "not_configured",
    });
  }
  const session: SessionOptions = {
    server,
    ownName: account.sender.slice(account.sender.lastIndexOf("@") + 1),
    user: credentials.user,
    password: credentials.password,
    caCertificate: settings.caCertificate ?? null,
    connectTimeoutMs: CONNECT_TIMEOUT_MS,
    timeoutMs: options.timeoutMs,
    signal: options.signal,
  };
  return { settings, session };
}

function refuseWhenAborted(signal: AbortSignal, attempted: string): void {
  if (!signal.aborted) return;
  throw problem(attempted, {
    kind: "unavailable",
    scope: "recipient",
    reason: "aborted_before_send",
  });
}

type Failed = Extract<SessionEnd, { readonly kind: "failed" }>;

function failure(end: Failed, attempted: string): ProviderError {
  const reply = end.why === "reply" ? readReply(end.step, end.line ?? "") : null;
  if (reply === null) {
    return problem(attempted, verdictOf(end), end.code === null ? {} : { vendorCode: end.code });
  }
  const verdict = judgeReply(reply);
  const isDeferred = verdict.kind === "rate_limited";
  return problem(attempted, verdict, {
    vendorCode: reply.enhanced === null ? `${reply.code}` : `${reply.code} ${reply.enhanced}`,
    ...(isDeferred ? { retryAfterMs: DEFERRED_MS } : {}),
    providerResponse: { step: end.step, code: reply.code, enhanced: reply.enhanced },
  });
}

/** Without a reply: whether the server has the message is known as long as it has not asked for it. */
function verdictOf({ step, why, code }: Failed): ProviderVerdict {
  const isUnknown = step === "content";
  const kind = isUnknown ? "unknown_outcome" : "unavailable";
  switch (why) {
    case "aborted":
      return {
        kind,
        scope: "recipient",
        reason: isUnknown ? "connection_lost" : "aborted_before_send",
      };
    case "timeout":
    case "no_connection":
    case "connection_lost":
      return { kind, scope: "account", reason: why };
    case "reply":
      return {
        kind: isUnknown ? "unknown_outcome" : "malformed",
        scope: "account",
        reason: "unreadable_answer",
      };
    case "library":
      return verdictOfRefusal(isUnknown, code);
  }
}

/** What the library refuses by itself: a message larger than the server announced, or what it cannot write. */
function verdictOfRefusal(isUnknown: boolean, code: string | null): ProviderVerdict {
  if (isUnknown) return { kind: "unknown_outcome", scope: "account", reason: "unreadable_answer" };
  if (code === "EMESSAGE") return { kind: "rejected", scope: "recipient", reason: "too_long" };
  if (code === "EPROTOCOL") {
    return { kind: "malformed", scope: "account", reason: "unreadable_answer" };
  }
  if (code === "EAUTH") return { kind: "unauthorized", scope: "account", reason: "credentials" };
  return { kind: "rejected", scope: "recipient", reason: "invalid_request" };
}

/** Privacy: no cause. The library's errors quote the server, and servers quote addresses. */
function problem(
  attempted: string,
  verdict: ProviderVerdict,
  more: {
    readonly vendorCode?: string;
    readonly retryAfterMs?: number;
    readonly providerResponse?: ProviderError["providerResponse"];
  } = {},
): ProviderError {
  return new ProviderError({ ...verdict, provider: PROVIDER, attempted, ...more });
}
