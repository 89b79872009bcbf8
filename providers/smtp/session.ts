/**
 * One conversation with a mail server: connect, sign in, hand over one message, leave. One connection for each message and
 * none kept: the library's pool puts a message whose connection broke back into its queue, and the caller would never learn
 * how often it left. `step` always says how far the conversation came, because the library's own errors do not.
 */
import { Readable } from "node:stream";

import SMTPConnection from "nodemailer/lib/smtp-connection";

import type { MailServer } from "./config.ts";
import type { SmtpStep } from "./vocabulary.ts";

export type SessionOptions = {
  readonly server: MailServer;
  /** What we call ourselves in the greeting. */
  readonly ownName: string;
  readonly user: string;
  readonly password: string;
  /** PEM; null for the public authorities. */
  readonly caCertificate: string | null;
  readonly connectTimeoutMs: number;
  /** From the call to the last reply. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
};

/** Null for a mere sign-in. */
export type Handover = {
  readonly from: string;
  readonly to: string;
  readonly bytes: Buffer;
  /** Comes back in a bounce (RFC 3461), where the servers on the way know how. */
  readonly envelopeId: string;
};

export type SessionEnd =
  | { readonly kind: "accepted" }
  | {
      readonly kind: "failed";
      readonly step: SmtpStep;
      readonly why:
        "reply" | "timeout" | "aborted" | "no_connection" | "connection_lost" | "library";
      /** The server's line, which may quote addresses and texts; never to be shown. */
      readonly line: string | null;
      /** The library's or the system's word: "ETLS", "ECONNREFUSED". */
      readonly code: string | null;
    };

type Failure = Extract<SessionEnd, { readonly kind: "failed" }>;

/** Long enough for a server that answers our farewell, short enough not to keep a process from ending. */
const CLOSE_TIMEOUT_MS = 1_000;

export function converse(options: SessionOptions, handover: Handover | null): Promise<SessionEnd> {
  return new Promise((resolve) => {
    let step: SmtpStep = "greeting";
    let isConnected = false;
    let isOver = false;
    const connection = new SMTPConnection(connectionOptions(options));

    const finish = (end: SessionEnd): void => {
      if (isOver) return;
      isOver = true;
      clearTimeout(timer);
      options.signal.removeEventListener("abort", onAbort);
      if (end.kind === "accepted") connection.quit();
      else connection.close();
      resolve(end);
    };
    const fail = (why: Failure["why"], error: unknown = null): void => {
      finish({ kind: "failed", step, why, line: fieldOf(error, "response"), code: codeOf(error) });
    };
    const onError = (error: unknown): void => {
      const lost = isConnected ? "connection_lost" : "no_connection";
      // A refused STARTTLS has a reply too, but it is about the line, not about a message.
      if (fieldOf(error, "code") === "ETLS") fail(lost, error);
      else if (fieldOf(error, "response") !== null) fail("reply", error);
      else if (fieldOf(error, "code") === "ETIMEDOUT") fail("timeout", error);
      else if (isWire(fieldOf(error, "code"))) fail(lost, error);
      else fail("library", error);
    };
    const onAbort = (): void => fail("aborted");
    const timer = setTimeout(() => fail("timeout"), options.timeoutMs);
    options.signal.addEventListener("abort", onAbort, { once: true });

    const handOver = (): void => {
      if (handover === null) {
        finish({ kind: "accepted" });
        return;
      }
      step = "sender";
      const content = contentOf(handover.bytes, () => (step = "content"));
      const envelope: SMTPConnection.Envelope = {
        from: handover.from,
        to: [handover.to],
        size: handover.bytes.length,
        dsn: { id: handover.envelopeId, return: "HDRS", notify: ["FAILURE", "DELAY"] },
      };
      connection.send(envelope, content, (error: unknown, info: unknown) => {
        if (!isNothing(error)) {
          step = stepOf(error, step);
          onError(error);
        } else if (isSuccess(fieldOf(info, "response"))) finish({ kind: "accepted" });
        else fail("reply", info);
      });
    };
    const signIn = (): void => {
      step = "sign_in";
      const auth = { user: options.user, pass: options.password };
      connection.login(auth, (error: unknown) => {
        if (isNothing(error)) handOver();
        else onError(error);
      });
    };

    // Stays on after the end: a server may break the line under our farewell.
    connection.on("error", onError);
    connection.connect((error?: unknown) => {
      if (!isNothing(error)) onError(error);
      else {
        isConnected = true;
        signIn();
      }
    });
    if (options.signal.aborted) onAbort();
  });
}

function connectionOptions(options: SessionOptions): SMTPConnection.Options {
  const { server } = options;
  return {
    host: server.host,
    port: server.port,
    secure: server.encryption === "wrapped",
    requireTLS: server.encryption === "upgraded",
    ignoreTLS: server.encryption === "none",
    tls: options.caCertificate === null ? {} : { ca: options.caCertificate },
    name: options.ownName,
    connectionTimeout: Math.min(options.connectTimeoutMs, options.timeoutMs),
    greetingTimeout: options.timeoutMs,
    socketTimeout: options.timeoutMs,
    socketCloseTimeout: CLOSE_TIMEOUT_MS,
    dnsTimeout: Math.min(options.connectTimeoutMs, options.timeoutMs),
    logger: false,
  };
}

/** The library is content with any line that begins with a 2. */
function isSuccess(line: string | null): boolean {
  return line !== null && /^2\d{2}([ -]|$)/.test(line);
}

/** Read only once the server has said that it wants the message: that is the moment from which it may have it. */
function contentOf(bytes: Buffer, onRead: () => void): Readable {
  return new Readable({
    read() {
      onRead();
      this.push(bytes);
      this.push(null);
    },
  });
}

/** With pipelining the whole envelope is on its way at once; the error names the command that it answers. */
function stepOf(error: unknown, reached: SmtpStep): SmtpStep {
  if (reached === "content") return "content";
  switch (fieldOf(error, "command")) {
    case "RCPT TO":
      return "recipient";
    case "DATA":
      return "data";
    default:
      return "sender";
  }
}

/** Of the library's words, those for a line that broke or never was. */
const WIRE_CODES: readonly string[] = ["ECONNECTION", "ESOCKET", "EDNS", "ETLS", "EPROXY"];

function isWire(code: string | null): boolean {
  return code !== null && WIRE_CODES.includes(code);
}

function isNothing(error: unknown): error is null | undefined {
  return error === null || error === undefined;
}

/** The system's own word, where the library has replaced it. */
function codeOf(error: unknown): string | null {
  return fieldOf(error, "originalCode") ?? fieldOf(error, "code");
}

function fieldOf(error: unknown, name: string): string | null {
  if (typeof error !== "object" || error === null) return null;
  const value: unknown = Reflect.get(error, name);
  return typeof value === "string" && value !== "" ? value : null;
}
