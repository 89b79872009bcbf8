/**
 * Faults on demand. A fault names what goes wrong and for whom: a vendor, an account, a recipient, the next `count`
 * requests or all of them, each with a probability. Three kinds of effect, which combine: what happens to the answer
 * (the first matching fault decides), to the message on its way, and to its receipts (all matching faults apply).
 */
import { REQUEST_KINDS, VENDORS } from "./seen.ts";
import type { SeenRequest } from "./seen.ts";
import { z } from "zod";

const receiptStatus = z.enum(["sent", "delivered", "read", "failed"]);

const scope = {
  vendor: z.enum(VENDORS).optional(),
  /** Id or sender of an account. */
  account: z.string().min(1).optional(),
  /** A phone number in any spelling of its digits with country code, or a group id. */
  recipient: z.string().min(1).optional(),
  requests: z.array(z.enum(REQUEST_KINDS)).min(1).default(["message", "call"]),
  /** How many matching requests it hits; absent: all, until it is removed. */
  count: z.int().min(1).optional(),
  /** Chance that a matching request is hit; only hits are counted. */
  probability: z.number().min(0).max(1).default(1),
  /** Makes the chances repeatable; absent: the world's seed. */
  seed: z.int().optional(),
};

const delayMs = z.number().min(0).max(3_600_000);

/** Spans here are real milliseconds, not scaled. */
const FAULT_SCHEMAS = [
  z.strictObject({ kind: z.literal("drop_before"), ...scope }),
  z.strictObject({ kind: z.literal("drop_after"), ...scope }),
  z.strictObject({ kind: z.literal("delay"), delayMs, ...scope }),
  z.strictObject({ kind: z.literal("malformed"), ...scope }),
  z.strictObject({ kind: z.literal("empty"), ...scope }),
  z.strictObject({
    kind: z.literal("refuse"),
    /** The vendor's error code, or Fonnte's reason; absent: a typical one. */
    code: z.union([z.int(), z.string().min(1)]).optional(),
    /** Absent: what the vendor uses for this code. */
    httpStatus: z.int().min(200).max(599).optional(),
    /** How Fonnte spells its failure flag. */
    shape: z.enum(["usual", "capitalised", "text", "detail"]).default("usual"),
    ...scope,
  }),
  z.strictObject({
    kind: z.literal("rate_limited"),
    retryAfterSeconds: z.int().min(0).optional(),
    ...scope,
  }),
  z.strictObject({
    kind: z.literal("server_error"),
    httpStatus: z.int().min(500).max(599).default(503),
    /** True: the message is made although the answer is an error. */
    accepts: z.boolean().default(false),
    ...scope,
  }),
  z.strictObject({ kind: z.literal("unauthorized"), ...scope }),
  z.strictObject({ kind: z.literal("ban"), ...scope }),
  z.strictObject({ kind: z.literal("early_receipt"), ...scope }),
  z.strictObject({ kind: z.literal("offline_queue"), ...scope }),
  z.strictObject({ kind: z.literal("lost"), ...scope }),
  z.strictObject({
    kind: z.literal("fails_later"),
    code: z.union([z.int(), z.string().min(1)]).optional(),
    ...scope,
  }),
  z.strictObject({ kind: z.literal("read_without_delivered"), ...scope }),
  z.strictObject({
    kind: z.literal("failed_and_delivered"),
    order: z.enum(["failed_first", "delivered_first"]).default("failed_first"),
    code: z.union([z.int(), z.string().min(1)]).optional(),
    ...scope,
  }),
  z.strictObject({ kind: z.literal("receipts_delayed"), delayMs, ...scope }),
  z.strictObject({
    kind: z.literal("receipts_duplicated"),
    copies: z.int().min(2).max(50).default(2),
    isConcurrent: z.boolean().default(false),
    ...scope,
  }),
  z.strictObject({ kind: z.literal("receipts_reordered"), ...scope }),
  z.strictObject({
    kind: z.literal("receipts_dropped"),
    /** Absent: all. */
    statuses: z.array(receiptStatus).min(1).optional(),
    ...scope,
  }),
  z.strictObject({
    kind: z.literal("bad_signature"),
    signing: z.enum(["wrong", "missing"]).default("wrong"),
    ...scope,
  }),
] as const;

export const faultSchema = z.discriminatedUnion("kind", FAULT_SCHEMAS);
/** As given: what has a default may be left out. */
export type FaultRequest = z.input<typeof faultSchema>;
export type FaultSpec = z.output<typeof faultSchema>;
export type FaultKind = FaultSpec["kind"];

export const FAULT_MEANINGS: Readonly<Record<FaultKind, string>> = {
  drop_before: "closes the connection without accepting",
  drop_after: "accepts, then closes the connection without an answer",
  delay: "accepts, and answers delayMs later",
  malformed: "accepts, and answers 200 with a body cut in the middle",
  empty: "accepts, and answers 200 with no body",
  refuse: "refuses in the vendor's own words (Fonnte: 200 with a failure flag); code picks which",
  rate_limited: "429 in the vendor's form, with Retry-After when retryAfterSeconds is given",
  server_error:
    "5xx (httpStatus) in the vendor's form; accepts: true makes the message all the same",
  unauthorized: "refuses the credentials in the vendor's form",
  ban: "bans the account from this request on, until it is unbanned",
  early_receipt: "posts the first receipt and has its answer before it answers the request",
  offline_queue:
    "accepts and keeps the message until the fault is removed or the device comes back",
  lost: "accepts, and nothing more is ever heard of the message",
  fails_later: "accepts, then reports a failure; code picks which",
  read_without_delivered: "reports read at once and never delivered",
  failed_and_delivered: "reports both failed and delivered, in the given order",
  receipts_delayed: "posts every receipt delayMs later",
  receipts_duplicated: "posts every receipt `copies` times, one after another or isConcurrent",
  receipts_reordered: "posts each receipt after the one that should follow it",
  receipts_dropped: "never posts receipts, or those of the given statuses",
  bad_signature: "posts receipts with a wrong signature or secret, or with none (signing: missing)",
};

export type AnswerFault = Extract<
  FaultSpec,
  {
    readonly kind:
      | "drop_before"
      | "drop_after"
      | "delay"
      | "malformed"
      | "empty"
      | "refuse"
      | "rate_limited"
      | "server_error"
      | "unauthorized"
      | "ban"
      | "early_receipt";
  }
>;

export type MessageFate = {
  /** The fault that keeps the message back. */
  readonly heldBy: string | null;
  readonly isLost: boolean;
  /** "" stands for the vendor's typical failure. */
  readonly failsWith: string | null;
  readonly isReadAtOnce: boolean;
  readonly contradiction: {
    readonly order: "failed_first" | "delivered_first";
    readonly code: string;
  } | null;
};

/** How a webhook proves where it comes from. */
export type Signing = "right" | "wrong" | "missing";

export type ReceiptFate = {
  readonly delayMs: number;
  readonly copies: number;
  readonly isConcurrent: boolean;
  readonly isReordered: boolean;
  readonly signing: Signing;
  readonly dropped: "all" | readonly z.output<typeof receiptStatus>[];
};

export type Fault = {
  readonly id: string;
  readonly spec: FaultSpec;
  /** Null: until removed. */
  remaining: number | null;
  hits: number;
};

/** What the faults make of one request to one recipient. */
export type Misfortune = {
  readonly answer: AnswerFault | null;
  readonly message: MessageFate;
  readonly receipts: ReceiptFate;
  readonly kinds: readonly FaultKind[];
};

export const NO_MESSAGE_FATE: MessageFate = {
  heldBy: null,
  isLost: false,
  failsWith: null,
  isReadAtOnce: false,
  contradiction: null,
};
export const NO_RECEIPT_FATE: ReceiptFate = {
  delayMs: 0,
  copies: 1,
  isConcurrent: false,
  isReordered: false,
  signing: "right",
  dropped: [],
};
export const NO_MISFORTUNE: Misfortune = {
  answer: null,
  message: NO_MESSAGE_FATE,
  receipts: NO_RECEIPT_FATE,
  kinds: [],
};

/** Used-up faults stay readable; beyond this many the oldest of them go. */
const SPENT_FAULTS_MAX = 1_000;

export class Faults {
  readonly #seed: number;
  readonly #onRemoved: (faultId: string) => void;
  readonly #faults = new Map<string, Fault & { readonly random: () => number }>();
  #lastNumber = 0;

  /** `onRemoved` is told of every fault that is removed, so that what it kept back can go on. */
  constructor(seed: number, onRemoved: (faultId: string) => void) {
    this.#seed = seed;
    this.#onRemoved = onRemoved;
  }

  add(request: FaultRequest): Fault {
    const spec = faultSchema.parse(request);
    this.#lastNumber += 1;
    const fault = {
      id: `flt_${this.#lastNumber}`,
      spec,
      remaining: spec.count ?? null,
      hits: 0,
      random: seededRandom(spec.seed ?? this.#seed + this.#lastNumber),
    };
    this.#faults.set(fault.id, fault);
    this.#dropSpent();
    return fault;
  }

  list(): readonly Fault[] {
    return [...this.#faults.values()].map(({ id, spec, remaining, hits }) => ({
      id,
      spec,
      remaining,
      hits,
    }));
  }

  /** False when there is no such fault. */
  remove(id: string): boolean {
    if (!this.#faults.delete(id)) return false;
    this.#onRemoved(id);
    return true;
  }

  clear(): void {
    for (const id of [...this.#faults.keys()]) this.remove(id);
  }

  /** What befalls this request; counts it. Faults are asked in the order in which they were added. */
  befall(seen: SeenRequest): Misfortune {
    if (this.#faults.size === 0) return NO_MISFORTUNE;
    const hitting = [...this.#faults.values()].filter((fault) => isInScope(fault.spec, seen));
    let answer: AnswerFault | null = null;
    const others: Fault[] = [];
    const kinds: FaultKind[] = [];
    for (const fault of hitting) {
      const asAnswer = answerFault(fault.spec);
      if (fault.remaining === 0 || (asAnswer !== null && answer !== null)) continue;
      if (fault.random() >= fault.spec.probability) continue;
      if (fault.remaining !== null) fault.remaining -= 1;
      fault.hits += 1;
      if (asAnswer === null) others.push(fault);
      else answer = asAnswer;
      if (asAnswer === null) kinds.push(fault.spec.kind);
      else kinds.unshift(fault.spec.kind);
    }
    return kinds.length === 0
      ? NO_MISFORTUNE
      : { answer, message: messageFate(others), receipts: receiptFate(others), kinds };
  }

  #dropSpent(): void {
    const spent = [...this.#faults.values()].filter(
      (fault) => fault.remaining === 0 && fault.spec.kind !== "offline_queue",
    );
    for (const fault of spent.slice(0, Math.max(0, spent.length - SPENT_FAULTS_MAX))) {
      this.#faults.delete(fault.id);
    }
  }
}

function isInScope(spec: FaultSpec, seen: SeenRequest): boolean {
  if (!spec.requests.includes(seen.kind)) return false;
  if (spec.vendor !== undefined && spec.vendor !== seen.vendor) return false;
  if (spec.account !== undefined && !namesAccount(spec.account, seen)) return false;
  if (spec.recipient === undefined) return true;
  const recipient = spec.recipient.trim();
  return recipient === seen.group || (seen.to !== null && bare(recipient) === bare(seen.to));
}

function namesAccount(reference: string, seen: SeenRequest): boolean {
  if (seen.accountId === null || seen.sender === null) return false;
  return reference === seen.accountId || bare(reference) === bare(seen.sender);
}

function bare(text: string): string {
  return text.replace(/[\s+()-]/g, "");
}

function answerFault(spec: FaultSpec): AnswerFault | null {
  switch (spec.kind) {
    case "drop_before":
    case "drop_after":
    case "delay":
    case "malformed":
    case "empty":
    case "refuse":
    case "rate_limited":
    case "server_error":
    case "unauthorized":
    case "ban":
    case "early_receipt":
      return spec;
    case "offline_queue":
    case "lost":
    case "fails_later":
    case "read_without_delivered":
    case "failed_and_delivered":
    case "receipts_delayed":
    case "receipts_duplicated":
    case "receipts_reordered":
    case "receipts_dropped":
    case "bad_signature":
      return null;
  }
}

function messageFate(faults: readonly Fault[]): MessageFate {
  let fate = NO_MESSAGE_FATE;
  for (const { id, spec } of faults) {
    if (spec.kind === "offline_queue") fate = { ...fate, heldBy: id };
    if (spec.kind === "lost") fate = { ...fate, isLost: true };
    if (spec.kind === "fails_later") fate = { ...fate, failsWith: codeText(spec.code) };
    if (spec.kind === "read_without_delivered") fate = { ...fate, isReadAtOnce: true };
    if (spec.kind === "failed_and_delivered") {
      fate = { ...fate, contradiction: { order: spec.order, code: codeText(spec.code) } };
    }
  }
  return fate;
}

function receiptFate(faults: readonly Fault[]): ReceiptFate {
  let fate = NO_RECEIPT_FATE;
  for (const { spec } of faults) {
    if (spec.kind === "receipts_delayed") fate = { ...fate, delayMs: spec.delayMs };
    if (spec.kind === "receipts_duplicated") {
      fate = { ...fate, copies: spec.copies, isConcurrent: spec.isConcurrent };
    }
    if (spec.kind === "receipts_reordered") fate = { ...fate, isReordered: true };
    if (spec.kind === "bad_signature") fate = { ...fate, signing: spec.signing };
    if (spec.kind === "read_without_delivered") fate = dropping(fate, ["delivered"]);
    if (spec.kind === "receipts_dropped") fate = dropping(fate, spec.statuses ?? "all");
  }
  return fate;
}

function dropping(fate: ReceiptFate, statuses: ReceiptFate["dropped"]): ReceiptFate {
  if (fate.dropped === "all" || statuses === "all") return { ...fate, dropped: "all" };
  return { ...fate, dropped: [...fate.dropped, ...statuses] };
}

function codeText(code: string | number | undefined): string {
  return code === undefined ? "" : String(code);
}

/** Mulberry32 (public domain, Tommy Ettinger): small, and the same numbers for the same seed everywhere. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
