import { describe, expect, test } from "vitest";
import {
  FAILURE_KINDS,
  RESULT_KINDS,
  RESULT_SCOPES,
  UNAVAILABLE_RETRIES_MAX,
  UNAVAILABLE_RETRIES_WITHIN_MS,
  VERDICTS,
  countsAgainstHealth,
  isResultKind,
  retryOf,
} from "../../domain/result-kind.ts";
import type { FailureKind, SendFailure } from "../../domain/result-kind.ts";

const failure = (kind: FailureKind, retryAfterMs: number | null = null): SendFailure => ({
  kind,
  scope: "account",
  retryAfterMs,
});
const FRESH = { retriesUsed: 0, elapsedMs: 0, windowLeftMs: 300_000 };

describe("the verdict on a result kind", () => {
  test("stands in the table for every failure and for nothing else", () => {
    expect(Object.keys(VERDICTS).sort()).toEqual([...FAILURE_KINDS].sort());
    expect(RESULT_KINDS).toEqual(["accepted", ...FAILURE_KINDS]);
  });

  const rows: readonly (readonly [FailureKind, string, string, string, string])[] = [
    ["rejected", "never", "never", "at_once", "will never be accepted anywhere"],
    ["opted_out", "never", "never", "if_permitted", "consent is withdrawn, not only here"],
    [
      "rate_limited",
      "after_wait",
      "if_window_would_be_missed",
      "when_no_account_is_left",
      "told to wait",
    ],
    [
      "unavailable",
      "within_budget",
      "after_retries",
      "when_no_account_is_left",
      "surely nothing went out",
    ],
    [
      "unauthorized",
      "never",
      "at_once",
      "when_no_account_is_left",
      "another account has other keys",
    ],
    ["unknown_outcome", "after_asking", "never", "if_urgent", "another copy could be the second"],
    ["malformed", "never", "never", "at_once", "the same question gets the same nonsense"],
  ];
  test.each(rows)(
    "of %s: retry %s, failover %s, pull forward %s: %s",
    (kind, retry, failover, pullForward) => {
      expect(VERDICTS[kind]).toMatchObject({ retry, failover, pullForward });
    },
  );

  test("never sends again on the same channel what may have been sent", () => {
    for (const kind of FAILURE_KINDS) {
      const verdict = VERDICTS[kind];
      if (verdict.isSurelyNotSent) {
        expect(verdict.status).toBe("failed");
      } else {
        expect(verdict).toMatchObject({ status: "unknown", failover: "never" });
        expect(["never", "after_asking"]).toContain(verdict.retry);
      }
    }
    expect(FAILURE_KINDS.filter((kind) => !VERDICTS[kind].isSurelyNotSent)).toEqual([
      "unknown_outcome",
    ]);
  });

  test("fails over exactly on unavailable, unauthorized and rate_limited", () => {
    const failingOver = FAILURE_KINDS.filter((kind) => VERDICTS[kind].failover !== "never");
    expect([...failingOver].sort()).toEqual(["rate_limited", "unauthorized", "unavailable"]);
  });

  test("calls an operator for credentials and nonsense, records consent for an opt-out alone", () => {
    expect(FAILURE_KINDS.filter((kind) => VERDICTS[kind].alarmsOperator)).toEqual([
      "unauthorized",
      "malformed",
    ]);
    expect(FAILURE_KINDS.filter((kind) => VERDICTS[kind].recordsOptOut)).toEqual(["opted_out"]);
  });

  test("moves an account's health for account scope alone, whatever the kind", () => {
    for (const kind of FAILURE_KINDS) {
      for (const scope of RESULT_SCOPES) {
        const counts = countsAgainstHealth({ kind, scope, retryAfterMs: null });
        expect(counts).toBe(scope === "account");
      }
    }
  });

  test("knows its own kinds and no vendor's words", () => {
    for (const kind of RESULT_KINDS) expect(isResultKind(kind)).toBe(true);
    expect(isResultKind("server_error")).toBe(false);
    expect(isResultKind("toString")).toBe(false);
  });
});

describe("a retry on the same account", () => {
  test.each(["rejected", "opted_out", "unauthorized", "malformed", "unknown_outcome"] as const)(
    "never happens on its own after %s",
    (kind) => {
      expect(retryOf(failure(kind, 1_000), FRESH)).toEqual({ retry: false, reason: "verdict" });
    },
  );

  test.each([
    [0, true, "first repeat"],
    [UNAVAILABLE_RETRIES_MAX - 1, true, "last repeat"],
    [UNAVAILABLE_RETRIES_MAX, false, "budget used"],
  ])("after unavailable with %d repeats used: %s (%s)", (retriesUsed, retry) => {
    expect(retryOf(failure("unavailable"), { ...FRESH, retriesUsed }).retry).toBe(retry);
  });

  test("after unavailable fits its budget of time", () => {
    let elapsedMs = 0;
    let retriesUsed = 0;
    for (;;) {
      const next = retryOf(failure("unavailable"), { ...FRESH, elapsedMs, retriesUsed });
      if (!next.retry) break;
      elapsedMs += next.afterMs;
      retriesUsed += 1;
    }
    expect(retriesUsed).toBe(UNAVAILABLE_RETRIES_MAX);
    expect(elapsedMs).toBeLessThanOrEqual(UNAVAILABLE_RETRIES_WITHIN_MS);
    const late = { ...FRESH, elapsedMs: UNAVAILABLE_RETRIES_WITHIN_MS };
    expect(retryOf(failure("unavailable"), late)).toEqual({ retry: false, reason: "retries_used" });
  });

  test.each([
    [59_999, true, "one millisecond is left"],
    [60_000, false, "the window is over then"],
    [60_001, false, "the window is over before"],
  ])("after rate_limited honours a wait of %d ms in a window of 60 s: %s (%s)", (waitMs, retry) => {
    const answer = retryOf(failure("rate_limited", waitMs), { ...FRESH, windowLeftMs: 60_000 });
    expect(answer).toEqual(
      retry ? { retry: true, afterMs: waitMs } : { retry: false, reason: "window_would_be_missed" },
    );
  });

  test("after rate_limited without a stated wait still pauses", () => {
    const answer = retryOf(failure("rate_limited"), FRESH);
    expect(answer.retry && answer.afterMs > 0).toBe(true);
  });
});
