/**
 * What the simulated vendors saw and what they posted: append-only, numbered in the order in which it happened, bounded
 * (the oldest entries are dropped), and waitable: a test names the fact that it waits for and is told when it is there.
 */
import type { SeenRequest, Vendor } from "./seen.ts";
import type { WorldTime } from "./time.ts";
import type { FaultKind } from "./faults.ts";

export type Logged<F> = F & {
  /** 1, 2, 3 …; goes on over `clear`. */
  readonly seq: number;
  /** Epoch ms by the world's clock, never lower than in the entry before. */
  readonly at: number;
  /** Monotonic ms with fractions since the world began: for rates and gaps. */
  readonly elapsedMs: number;
};

export type RequestEntry = SeenRequest & {
  /** True when the vendor took it: a message or call was made (for other requests: it was carried out). */
  readonly accepted: boolean;
  readonly providerMessageId: string | null;
  /** Null when the connection was dropped instead of an answer. */
  readonly httpStatus: number | null;
  /** The vendor's own code or reason when it refused. */
  readonly vendorCode: string | null;
  /** The fault that shaped the answer, else the first that shapes the receipts. */
  readonly fault: FaultKind | null;
  readonly faults: readonly FaultKind[];
};

export const WEBHOOK_KINDS = [
  "receipt",
  "inbound",
  "device",
  "template",
  "call",
  "twiml",
  "gather",
  "verification",
] as const;
export type WebhookKind = (typeof WEBHOOK_KINDS)[number];

/** One attempt to call one webhook. */
export type WebhookEntry = {
  readonly vendor: Vendor;
  readonly accountId: string;
  readonly kind: WebhookKind;
  /** The same for all attempts of one post. */
  readonly postId: string;
  readonly attempt: number;
  readonly method: "POST" | "GET";
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly providerMessageId: string | null;
  /** The status that was answered; null when there was no answer. */
  readonly answered: number | null;
  readonly error: string | null;
  readonly durationMs: number;
};

export type WaitOptions = {
  /** Real ms; default 5,000. */
  readonly timeoutMs?: number;
  /** Only entries after this number count; default 0, so entries of the past do. */
  readonly afterSeq?: number;
};

type Waiter<F> = {
  readonly matches: (entry: Logged<F>) => boolean;
  readonly wanted: number;
  readonly found: Logged<F>[];
  readonly resolve: (entries: readonly Logged<F>[]) => void;
};

const WAIT_MS_DEFAULT = 5_000;

export class EventLog<F extends object> {
  readonly #time: WorldTime;
  readonly #entriesMax: number;
  readonly #waiters = new Set<Waiter<F>>();
  readonly #listeners = new Set<(entry: Logged<F>) => void>();
  /** Dropped entries leave a gap at the front, which is closed once it is as long as the rest: O(1) per entry. */
  #stored: Logged<F>[] = [];
  #front = 0;
  #seq = 0;
  #lastAt = 0;
  #dropped = 0;

  constructor(time: WorldTime, entriesMax: number) {
    this.#time = time;
    this.#entriesMax = entriesMax;
  }

  append(fields: F): Logged<F> {
    this.#lastAt = Math.max(this.#lastAt, this.#time.now());
    this.#seq += 1;
    const entry = {
      seq: this.#seq,
      at: this.#lastAt,
      elapsedMs: this.#time.elapsedMs(),
      ...fields,
    };
    this.#keep(entry);
    for (const listener of this.#listeners) listener(entry);
    for (const waiter of [...this.#waiters]) this.#offer(waiter, entry);
    return entry;
  }

  /** Takes over an entry of an earlier process, with its number. */
  restore(entry: Logged<F>): void {
    this.#seq = Math.max(this.#seq, entry.seq);
    this.#lastAt = Math.max(this.#lastAt, entry.at);
    this.#keep(entry);
  }

  /** Oldest first. `limit` keeps the first ones after `afterSeq`. */
  entries(
    matches: (entry: Logged<F>) => boolean = () => true,
    options: { readonly afterSeq?: number; readonly limit?: number } = {},
  ): readonly Logged<F>[] {
    const found: Logged<F>[] = [];
    for (let index = this.#indexAfter(options.afterSeq ?? 0); ; index += 1) {
      const entry = this.#stored[index];
      if (entry === undefined || found.length >= (options.limit ?? Infinity)) return found;
      if (matches(entry)) found.push(entry);
    }
  }

  count(matches: (entry: Logged<F>) => boolean = () => true): number {
    return this.entries(matches).length;
  }

  get size(): number {
    return this.#stored.length - this.#front;
  }

  /** How many entries were dropped because the log was full. */
  get dropped(): number {
    return this.#dropped;
  }

  /** The number of the newest entry; pass it as `afterSeq` to look only at what comes later. */
  get lastSeq(): number {
    return this.#seq;
  }

  /** The first entry, past or to come, that matches; rejects when there is none in time. */
  async waitFor(
    matches: (entry: Logged<F>) => boolean,
    options: WaitOptions = {},
  ): Promise<Logged<F>> {
    const [entry] = await this.waitForCount(1, matches, options);
    if (entry === undefined) throw new Error("a satisfied wait has an entry");
    return entry;
  }

  waitForCount(
    wanted: number,
    matches: (entry: Logged<F>) => boolean,
    options: WaitOptions = {},
  ): Promise<readonly Logged<F>[]> {
    const found = [
      ...this.entries(matches, { afterSeq: options.afterSeq ?? 0, limit: Math.max(1, wanted) }),
    ];
    if (found.length >= wanted) return Promise.resolve(found);
    const timeoutMs = options.timeoutMs ?? WAIT_MS_DEFAULT;
    return new Promise((resolve, reject) => {
      const waiter: Waiter<F> = {
        matches,
        wanted,
        found,
        resolve: (entries) => {
          clearTimeout(timer);
          resolve(entries);
        },
      };
      const timer = setTimeout(() => {
        this.#waiters.delete(waiter);
        const had = `${waiter.found.length} of ${wanted} matching entries`;
        reject(
          new Error(`waited ${timeoutMs} ms and saw ${had}; the log has ${this.size} entries`),
        );
      }, timeoutMs);
      this.#waiters.add(waiter);
    });
  }

  subscribe(listener: (entry: Logged<F>) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  clear(): void {
    this.#stored = [];
    this.#front = 0;
    this.#dropped = 0;
  }

  #keep(entry: Logged<F>): void {
    this.#stored.push(entry);
    if (this.size > this.#entriesMax) {
      this.#front += 1;
      this.#dropped += 1;
    }
    if (this.#front > 1_000 && this.#front * 2 > this.#stored.length) {
      this.#stored = this.#stored.slice(this.#front);
      this.#front = 0;
    }
  }

  #offer(waiter: Waiter<F>, entry: Logged<F>): void {
    if (!waiter.matches(entry)) return;
    waiter.found.push(entry);
    if (waiter.found.length < waiter.wanted) return;
    this.#waiters.delete(waiter);
    waiter.resolve(waiter.found);
  }

  /** Numbers grow with the position, so the place is found by halving. */
  #indexAfter(afterSeq: number): number {
    let low = this.#front;
    let high = this.#stored.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#stored[middle]?.seq ?? Infinity) <= afterSeq) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
