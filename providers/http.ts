/**
 * The one way in which requests reach vendors. It answers a question that fetch leaves open: when a request failed, can
 * any of it have left? It is written on node:http(s) for that reason: the socket's own events tell whether the connection
 * (for https: the TLS session) stood, and nothing of a request is written before that.
 *
 * - Failed before: refused, unresolved, TLS refused, not connected in time, aborted. Surely not sent.
 * - Failed after: reset, timed out, aborted, hung up. May have been sent.
 * - An answer whose body was cut off or is too long is an answer with `isComplete: false`: its status is known.
 *
 * Redirects are answers like others and never followed: a redirected POST would be a second request.
 */
import http from "node:http";
import https from "node:https";

import { ProviderError } from "./errors.ts";

/** Longest answer read; vendors' answers are a few kilobytes, anything longer is not theirs. */
const RESPONSE_BYTES_MAX = 1024 * 1024;

/** Leaves room for another try within the send time-out when a vendor's address does not answer at all. */
const CONNECT_TIMEOUT_MS = 5_000;

/**
 * Idle connections are closed before vendors close them (commonly after 5 s and more): a request that meets a closing
 * connection would be lost with unknown outcome.
 */
const IDLE_CONNECTION_MS = 3_000;

const RETRY_AFTER_MS_MAX = 24 * 60 * 60 * 1000;

export type HttpRequest = {
  readonly method: "GET" | "POST";
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array | null;
  /** From the call to the last byte of the answer. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
};

export type HttpAnswer = {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly isComplete: boolean;
};

export type HttpCall = (request: HttpRequest) => Promise<HttpAnswer>;

export type HttpClient = { readonly call: HttpCall; readonly close: () => void };

export type TransportStage = "before_send" | "after_send";
export type TransportReason = "no_connection" | "connection_lost" | "timeout" | "aborted";

export class TransportFailure extends Error {
  override readonly name = "TransportFailure";
  readonly stage: TransportStage;
  readonly reason: TransportReason;

  constructor(stage: TransportStage, reason: TransportReason, cause?: unknown) {
    super(`${reason} ${stage === "before_send" ? "before" : "after"} sending could begin`, {
      cause,
    });
    this.stage = stage;
    this.reason = reason;
  }
}

export function createHttpClient(): HttpClient {
  const options = { keepAlive: true, timeout: IDLE_CONNECTION_MS };
  const plain = new http.Agent(options);
  const secure = new https.Agent(options);
  return {
    call: (request) => call(request, request.url.startsWith("https:") ? secure : plain),
    close: () => {
      plain.destroy();
      secure.destroy();
    },
  };
}

function call(request: HttpRequest, agent: http.Agent): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    if (request.signal.aborted) {
      reject(new TransportFailure("before_send", "aborted"));
      return;
    }
    const isSecure = agent instanceof https.Agent;
    let stage: TransportStage = "before_send";
    let answer: http.IncomingMessage | null = null;
    const chunks: Buffer[] = [];
    let bytes = 0;

    const open = isSecure ? https.request : http.request;
    const outgoing = open(request.url, {
      agent,
      method: request.method,
      headers: { ...request.headers, "accept-encoding": "identity" },
    });

    const settle = (): void => {
      clearTimeout(connectTimer);
      clearTimeout(totalTimer);
      request.signal.removeEventListener("abort", onAbort);
    };
    const end = (isComplete: boolean): void => {
      settle();
      // A connection with an unread rest on it cannot serve another request.
      if (!isComplete) outgoing.destroy();
      if (answer === null) return;
      resolve({
        status: answer.statusCode ?? 0,
        headers: joinHeaders(answer.headers),
        body: isComplete ? Buffer.concat(chunks).toString("utf8") : "",
        isComplete,
      });
    };
    const fail = (reason: TransportReason, cause?: unknown): void => {
      if (answer !== null) {
        end(false);
        return;
      }
      settle();
      outgoing.destroy();
      reject(new TransportFailure(stage, reason, cause));
    };
    const onAbort = (): void => fail("aborted");
    const connectTimer = setTimeout(
      () => fail("timeout"),
      Math.min(CONNECT_TIMEOUT_MS, request.timeoutMs),
    );
    const totalTimer = setTimeout(() => fail("timeout"), request.timeoutMs);
    request.signal.addEventListener("abort", onAbort, { once: true });

    const onConnected = (): void => {
      stage = "after_send";
      clearTimeout(connectTimer);
    };
    outgoing.on("socket", (socket) => {
      if (outgoing.reusedSocket) onConnected();
      else socket.once(isSecure ? "secureConnect" : "connect", onConnected);
    });
    outgoing.on("error", (error) => {
      // Privacy: a parser's error carries the bytes that it stumbled over.
      Reflect.deleteProperty(error, "rawPacket");
      fail(stage === "before_send" ? "no_connection" : "connection_lost", error);
    });
    outgoing.on("response", (incoming) => {
      answer = incoming;
      incoming.on("data", (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes > RESPONSE_BYTES_MAX) end(false);
        else chunks.push(chunk);
      });
      incoming.on("end", () => end(incoming.complete));
      incoming.on("error", () => end(false));
    });
    outgoing.end(request.body ?? undefined);
  });
}

function joinHeaders(headers: http.IncomingHttpHeaders): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, Array.isArray(value) ? value.join(", ") : value] as const],
    ),
  );
}

export type VendorCall = {
  readonly provider: string;
  /** As in ProviderErrorDetails.attempted. */
  readonly attempted: string;
  /** `reads`: repeating it harms nobody, so a lost answer is only `unavailable`. */
  readonly effect: "sends" | "reads";
};

/** One request to a vendor; what the wire did to it becomes a ProviderError. The caller judges every answer that came. */
export async function callVendor(
  httpCall: HttpCall,
  what: VendorCall,
  request: HttpRequest,
): Promise<HttpAnswer> {
  try {
    return await httpCall(request);
  } catch (error) {
    if (!(error instanceof TransportFailure)) throw error;
    const isUnknown = error.stage === "after_send" && what.effect === "sends";
    throw new ProviderError({
      provider: what.provider,
      attempted: what.attempted,
      kind: isUnknown ? "unknown_outcome" : "unavailable",
      // The caller's own abort says nothing about the vendor.
      scope: error.reason === "aborted" ? "recipient" : "account",
      reason:
        error.reason === "aborted"
          ? error.stage === "before_send"
            ? "aborted_before_send"
            : "connection_lost"
          : error.reason,
      cause: error,
    });
  }
}

/** `Retry-After` in ms from now, from seconds or an HTTP date; null when absent or unreadable, at most a day. */
export function retryAfterMs(answer: HttpAnswer, now: number): number | null {
  const value = answer.headers["retry-after"]?.trim();
  if (value === undefined || value === "") return null;
  const waitMs = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - now;
  return Number.isNaN(waitMs) ? null : Math.min(Math.max(waitMs, 0), RETRY_AFTER_MS_MAX);
}
