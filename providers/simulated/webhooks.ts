/**
 * Calls the client's webhooks as the vendors do: one post with the vendor's own retries, every attempt logged with what
 * was posted and what was answered. Retry distances belong to the world and are scaled; time-outs act against real
 * servers and are not.
 */
import { hexId } from "./ids.ts";
import type { Vendor } from "./seen.ts";
import http from "node:http";
import https from "node:https";

import { EventLog } from "./log.ts";
import { WorldCleared } from "./time.ts";
import type { ReceiptFate } from "./faults.ts";
import type { Logged, WebhookEntry, WebhookKind } from "./log.ts";
import type { WorldTime } from "./time.ts";

export type WebhookAnswer = {
  /** Null when there was no answer. */
  readonly status: number | null;
  readonly contentType: string;
  readonly body: string;
  /** `connect`: never reached the server; `read`: lost or timed out after that. */
  readonly failure: "connect" | "read" | null;
};

export type RetryPlan = {
  /** World ms before each repeat; its length is the number of repeats. */
  readonly delaysMs: readonly number[];
  /** Whether the vendor is content with this answer. */
  readonly isContent: (answer: WebhookAnswer) => boolean;
};

export type WebhookDraft = {
  readonly vendor: Vendor;
  readonly accountId: string;
  readonly kind: WebhookKind;
  readonly method: "POST" | "GET";
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly providerMessageId: string | null;
  readonly timeoutMs: number;
  readonly retries: RetryPlan;
};

export const NO_RETRIES: RetryPlan = { delaysMs: [], isContent: () => true };

/**
 * The receipts of one message or call: posted one after the other, unless the faults of its request delay, repeat or
 * reorder them.
 */
export class ReceiptLane {
  readonly fate: ReceiptFate;
  readonly #courier: Courier;
  readonly #time: WorldTime;
  #last: Promise<void> = Promise.resolve();
  /** Held back by a fault until the next one has been posted. */
  #held: (() => Promise<void>) | null = null;

  constructor(courier: Courier, time: WorldTime, fate: ReceiptFate) {
    this.#courier = courier;
    this.#time = time;
    this.fate = fate;
  }

  /** Resolves when the first attempt has been answered; at once for one that is held back. */
  async post(draft: WebhookDraft): Promise<void> {
    if (this.fate.delayMs > 0) await this.#time.sleep(this.fate.delayMs);
    if (this.fate.isReordered) {
      this.#swap(draft);
      return;
    }
    this.#last = this.#last.then(() => this.#postCopies(draft));
    await this.#last;
  }

  #swap(draft: WebhookDraft): void {
    const held = this.#held;
    if (held !== null) {
      this.#held = null;
      this.#time.spawn(async () => {
        await this.#postCopies(draft);
        await held();
      });
      return;
    }
    const post = (): Promise<void> => this.#postCopies(draft);
    this.#held = post;
    this.#time.inWorld(REORDER_PATIENCE_MS, () => {
      if (this.#held !== post) return;
      this.#held = null;
      this.#time.spawn(post);
    });
  }

  async #postCopies(draft: WebhookDraft): Promise<void> {
    const { copies, isConcurrent } = this.fate;
    if (isConcurrent) {
      await Promise.all(Array.from({ length: copies }, () => this.#courier.post(draft)));
      return;
    }
    for (let copy = 0; copy < copies; copy += 1) await this.#courier.post(draft);
  }
}

/** Enough for a receiver that answers slowly, few enough not to run out of file descriptors. */
const SOCKETS_MAX = 256;
const ANSWER_BYTES_MAX = 1_000_000;
/** World ms after which a held receipt goes out without a next one. */
const REORDER_PATIENCE_MS = 3_000;

export class Courier {
  readonly log: EventLog<WebhookEntry>;
  readonly #time: WorldTime;
  readonly #agents = {
    http: new http.Agent({ keepAlive: true, maxSockets: SOCKETS_MAX }),
    https: new https.Agent({ keepAlive: true, maxSockets: SOCKETS_MAX }),
  };
  readonly #underWay = new Set<AbortController>();

  constructor(time: WorldTime, entriesMax: number) {
    this.#time = time;
    this.log = new EventLog(time, entriesMax);
  }

  /** Resolves with the first attempt's answer; repeats go on behind it as part of the world. */
  async post(draft: WebhookDraft): Promise<WebhookAnswer> {
    const postId = `post_${hexId(6)}`;
    const first = await this.#attempt(draft, postId, 1);
    if (!draft.retries.isContent(first) && draft.retries.delaysMs.length > 0) {
      this.#time.spawn(() => this.#repeat(draft, postId));
    }
    return first;
  }

  /** Like `post`, but with the answer of the last attempt: for what the vendor waits for, such as the next TwiML. */
  async fetch(draft: WebhookDraft): Promise<WebhookAnswer> {
    const postId = `post_${hexId(6)}`;
    let answer = await this.#attempt(draft, postId, 1);
    for (const [index, delayMs] of draft.retries.delaysMs.entries()) {
      if (draft.retries.isContent(answer)) return answer;
      await this.#time.sleepInWorld(delayMs);
      answer = await this.#attempt(draft, postId, index + 2);
    }
    return answer;
  }

  /** Ends requests under way, unlogged; what was scheduled is ended by the world's time. */
  abort(): void {
    for (const controller of [...this.#underWay]) controller.abort();
  }

  close(): void {
    this.abort();
    this.#agents.http.destroy();
    this.#agents.https.destroy();
  }

  async #repeat(draft: WebhookDraft, postId: string): Promise<void> {
    for (const [index, delayMs] of draft.retries.delaysMs.entries()) {
      await this.#time.sleepInWorld(delayMs);
      const answer = await this.#attempt(draft, postId, index + 2);
      if (draft.retries.isContent(answer)) return;
    }
  }

  async #attempt(draft: WebhookDraft, postId: string, attempt: number): Promise<WebhookAnswer> {
    const startedAt = this.#time.elapsedMs();
    const controller = new AbortController();
    this.#underWay.add(controller);
    const { answer, error } = await this.#request(draft, controller.signal);
    this.#underWay.delete(controller);
    if (controller.signal.aborted) throw new WorldCleared("the simulated world was cleared");
    const entry: Omit<Logged<WebhookEntry>, "seq" | "at" | "elapsedMs"> = {
      vendor: draft.vendor,
      accountId: draft.accountId,
      kind: draft.kind,
      postId,
      attempt,
      method: draft.method,
      url: draft.url,
      headers: draft.headers,
      body: draft.body,
      providerMessageId: draft.providerMessageId,
      answered: answer.status,
      error,
      durationMs: this.#time.elapsedMs() - startedAt,
    };
    this.log.append(entry);
    return answer;
  }

  #request(
    draft: WebhookDraft,
    signal: AbortSignal,
    isReusing = true,
  ): Promise<{ readonly answer: WebhookAnswer; readonly error: string | null }> {
    return new Promise((resolve) => {
      const url = new URL(draft.url);
      const isSecure = url.protocol === "https:";
      const agent = isSecure ? this.#agents.https : this.#agents.http;
      let isConnected = false;
      const fail = (error: Error): void => {
        // A kept connection that the server closed meanwhile says nothing about the server: a new one is made.
        if (request.reusedSocket && isReset(error)) {
          resolve(this.#request(draft, signal, false));
          return;
        }
        const failure = isConnected ? "read" : "connect";
        resolve({
          answer: { status: null, contentType: "", body: "", failure },
          error: errorName(error),
        });
      };
      const request = (isSecure ? https : http).request(
        url,
        {
          method: draft.method,
          agent: isReusing ? agent : false,
          headers: {
            ...draft.headers,
            ...(draft.method === "POST"
              ? { "content-length": String(Buffer.byteLength(draft.body)) }
              : {}),
          },
          signal: AbortSignal.any([signal, AbortSignal.timeout(draft.timeoutMs)]),
        },
        (response) => {
          isConnected = true;
          const chunks: Buffer[] = [];
          let bytes = 0;
          response.on("data", (chunk: Buffer) => {
            bytes += chunk.length;
            if (bytes <= ANSWER_BYTES_MAX) chunks.push(chunk);
          });
          response.on("error", fail);
          response.on("end", () => {
            resolve({
              answer: {
                status: response.statusCode ?? null,
                contentType: response.headers["content-type"] ?? "",
                body: Buffer.concat(chunks).toString("utf8"),
                failure: null,
              },
              error: null,
            });
          });
        },
      );
      request.on("socket", (socket) => {
        if (socket.connecting) socket.once("connect", () => (isConnected = true));
        else isConnected = true;
      });
      request.on("error", fail);
      request.end(draft.method === "POST" ? draft.body : undefined);
    });
  }
}

function isReset(error: Error): boolean {
  return "code" in error && (error.code === "ECONNRESET" || error.code === "EPIPE");
}

/** Without addresses: Node's codes say what happened ("ECONNREFUSED"). */
function errorName(error: Error): string {
  const code = "code" in error ? error.code : undefined;
  return typeof code === "string" ? code : error.name;
}
