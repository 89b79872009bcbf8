/**
 * What a vendor's answer to a send means, in the product's words, and what each meaning leads to. Adapters translate the
 * vendor's vocabulary into these kinds; nothing else reads vendor words, and nothing else decides what a kind means.
 */
export const RESULT_KINDS = [
  "accepted",
  /** The vendor will never accept this message or destination. */
  "rejected",
  /** The recipient has withdrawn consent. */
  "opted_out",
  /** Told to wait. */
  "rate_limited",
  /** 5xx, refused before sending, device offline, switched off, no slot in time: surely not sent. */
  "unavailable",
  /** Our credentials. */
  "unauthorized",
  /** Lost after sending may have begun. */
  "unknown_outcome",
  /** Nonsense in answer to a request that failed. Nonsense in a 2xx is `unknown_outcome`. */
  "malformed",
] as const;
export type ResultKind = (typeof RESULT_KINDS)[number];
export type FailureKind = Exclude<ResultKind, "accepted">;
export const FAILURE_KINDS = RESULT_KINDS.filter(
  (kind): kind is FailureKind => kind !== "accepted",
);

/** Whom a failure is about: this recipient, or the account and thus everybody it would tell. */
export const RESULT_SCOPES = ["recipient", "account"] as const;
export type ResultScope = (typeof RESULT_SCOPES)[number];

export interface Verdict {
  /** Whether the same attempt may ask the same account again. `after_asking`: only once the vendor denies having it. */
  readonly retry: "never" | "after_wait" | "within_budget" | "after_asking";
  /** True when the vendor can't have passed the message on: a further request can't double it. */
  readonly isSurelyNotSent: boolean;
  /** When the next account of the same channel takes over. */
  readonly failover: "never" | "at_once" | "after_retries" | "if_window_would_be_missed";
  /**
   * When the person's next different channel starts. `if_urgent`: high and critical at once, others when the doubt is
   * resolved or the window is over. `if_permitted`: only where the withdrawn consent doesn't cover it.
   */
  readonly pullForward: "at_once" | "when_no_account_is_left" | "if_urgent" | "if_permitted";
  /** The delivery's status when nothing more is tried on it. */
  readonly status: "failed" | "unknown";
  readonly recordsOptOut: boolean;
  /** A person has to repair something. */
  readonly alarmsOperator: boolean;
}

export const VERDICTS: Readonly<Record<FailureKind, Verdict>> = {
  rejected: {
    retry: "never",
    isSurelyNotSent: true,
    failover: "never",
    pullForward: "at_once",
    status: "failed",
    recordsOptOut: false,
    alarmsOperator: false,
  },
  opted_out: {
    retry: "never",
    isSurelyNotSent: true,
    failover: "never",
    pullForward: "if_permitted",
    status: "failed",
    recordsOptOut: true,
    alarmsOperator: false,
  },
  rate_limited: {
    retry: "after_wait",
    isSurelyNotSent: true,
    failover: "if_window_would_be_missed",
    pullForward: "when_no_account_is_left",
    status: "failed",
    recordsOptOut: false,
    alarmsOperator: false,
  },
  unavailable: {
    retry: "within_budget",
    isSurelyNotSent: true,
    failover: "after_retries",
    pullForward: "when_no_account_is_left",
    status: "failed",
    recordsOptOut: false,
    alarmsOperator: false,
  },
  unauthorized: {
    retry: "never",
    isSurelyNotSent: true,
    failover: "at_once",
    pullForward: "when_no_account_is_left",
    status: "failed",
    recordsOptOut: false,
    alarmsOperator: true,
  },
  unknown_outcome: {
    retry: "after_asking",
    isSurelyNotSent: false,
    failover: "never",
    pullForward: "if_urgent",
    status: "unknown",
    recordsOptOut: false,
    alarmsOperator: false,
  },
  malformed: {
    retry: "never",
    isSurelyNotSent: true,
    failover: "never",
    pullForward: "at_once",
    status: "failed",
    recordsOptOut: false,
    alarmsOperator: true,
  },
};

/** Repeats of `unavailable` on one account before failover, and the time they must fit in: a person is waiting. */
export const UNAVAILABLE_RETRIES_MAX = 2;
export const UNAVAILABLE_RETRIES_WITHIN_MS = 10_000;

/** The result as it travels: from adapter to activity to record. */
export interface SendFailure {
  readonly kind: FailureKind;
  readonly scope: ResultScope;
  /** Only with `rate_limited`, when the vendor said how long. */
  readonly retryAfterMs: number | null;
}

/** Only failures of the account move its health; one bad number must not take out the account for all. */
export function countsAgainstHealth(failure: SendFailure): boolean {
  return failure.scope === "account";
}

export function isResultKind(text: string): text is ResultKind {
  return RESULT_KINDS.some((kind) => kind === text);
}

export type Retry =
  | { readonly retry: true; readonly afterMs: number }
  | {
      readonly retry: false;
      readonly reason: "verdict" | "retries_used" | "window_would_be_missed";
    };

/** The pause before a repeat where the vendor names none: a third of the budget, so that two repeats fit in it. */
const RETRY_PAUSE_MS = 3_000;

/**
 * Whether the same attempt asks the same account again, and after how long. `retriesUsed` counts repeats on this account;
 * `windowLeftMs` is what is left of the target's window.
 */
export function retryOf(
  failure: SendFailure,
  progress: {
    readonly retriesUsed: number;
    readonly elapsedMs: number;
    readonly windowLeftMs: number;
  },
): Retry {
  const { retry } = VERDICTS[failure.kind];
  switch (retry) {
    case "never":
    case "after_asking":
      return { retry: false, reason: "verdict" };
    case "after_wait": {
      const afterMs = failure.retryAfterMs ?? RETRY_PAUSE_MS;
      return afterMs < progress.windowLeftMs
        ? { retry: true, afterMs }
        : { retry: false, reason: "window_would_be_missed" };
    }
    case "within_budget":
      return progress.retriesUsed < UNAVAILABLE_RETRIES_MAX &&
        progress.elapsedMs + RETRY_PAUSE_MS <= UNAVAILABLE_RETRIES_WITHIN_MS
        ? { retry: true, afterMs: RETRY_PAUSE_MS }
        : { retry: false, reason: "retries_used" };
  }
}
