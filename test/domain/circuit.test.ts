import fc from "fast-check";
import { describe, expect, test } from "vitest";

import {
  afterAnswer,
  afterFailure,
  afterReport,
  afterSent,
  afterSilence,
  dropTrial,
  takeTrial,
  tryAgain,
  type AccountReport,
  type Circuit,
} from "../../domain/circuit.ts";
import { FAILURE_KINDS, type FailureKind } from "../../domain/result-kind.ts";
import { randomFrom } from "../support/simulated-run.ts";

const T0 = Date.UTC(2026, 8, 1);
const SECOND = 1_000;
const MINUTE = 60 * SECOND;

const HEALTHY: Circuit = {
  state: "healthy",
  reason: null,
  since: T0,
  failures: 0,
  failedTries: 0,
  nextTryAt: null,
  trialId: null,
};

function failing(kind: FailureKind, times: number, from = HEALTHY): Circuit {
  let circuit = from;
  for (let count = 0; count < times; count += 1) circuit = afterFailure(circuit, kind, T0 + count);
  return circuit;
}

describe("invariant 27: a circuit opens", () => {
  test.each<[FailureKind, number, Circuit["state"], string | null, string]>([
    ["unavailable", 4, "healthy", null, "one message's three tries and one more are no proof"],
    ["unavailable", 5, "out", "failing", "two messages' tries have failed"],
    ["unavailable", 6, "out", "failing", "and it stays open"],
    ["unknown_outcome", 5, "out", "failing", "a vendor that never answers is away too"],
    ["malformed", 5, "out", "failing", "so is one that talks nonsense"],
    ["unauthorized", 1, "healthy", null, "a vendor may slip once"],
    ["unauthorized", 2, "out", "unauthorized", "the credentials are refused"],
    ["rate_limited", 50, "healthy", null, "a pace that is exceeded is no illness"],
    ["rejected", 50, "healthy", null, "a message that nobody takes says nothing of the account"],
    ["opted_out", 50, "healthy", null, "nor does a recipient's wish"],
  ])("by %s %i times: %s (%s), because %s", (kind, times, state, reason) => {
    expect(failing(kind, times)).toMatchObject({ state, reason });
  });

  test("only for failures in a row: one answer between them starts the count anew", () => {
    let circuit = failing("unavailable", 4);
    circuit = afterAnswer(circuit, T0);
    expect(failing("unavailable", 4, circuit)).toMatchObject({ state: "healthy", failures: 4 });
  });

  test("hardly ever when one request in ten fails at random", () => {
    const random = randomFrom(7);
    let circuit = HEALTHY;
    let outages = 0;
    for (let request = 0; request < 10_000; request += 1) {
      const before = circuit.state;
      circuit = random.chance(0.1)
        ? afterFailure(circuit, "unavailable", T0 + request)
        : afterAnswer(circuit, T0 + request);
      if (before === "healthy" && circuit.state === "out") outages += 1;
    }
    expect(outages).toBeLessThanOrEqual(1);
  });

  test("by silence, and by what the vendor says", () => {
    expect(afterSilence(HEALTHY, T0)).toMatchObject({ state: "out", reason: "silent" });
    const rows: readonly [AccountReport, Circuit["state"], string | null][] = [
      ["connected", "healthy", null],
      ["disconnected", "out", "device_disconnected"],
      ["restricted", "out", "restricted"],
      ["banned", "draining", "banned"],
    ];
    for (const [report, state, reason] of rows) {
      expect(afterReport(HEALTHY, report, T0), report).toMatchObject({ state, reason });
    }
  });
});

describe("invariant 27: an open circuit", () => {
  const out = failing("unavailable", 5);
  const openedAt = out.since;

  test.each([
    [29_999, "out", "not yet"],
    [30_000, "probing", "now"],
    [30_001, "probing", "and from then on"],
  ])("is tried after 30 s: at %i ms it is %s (%s)", (afterMs, state) => {
    expect(tryAgain(out, openedAt + afterMs).state).toBe(state);
  });

  test("is tried by one message", () => {
    const probing = tryAgain(out, openedAt + 30 * SECOND);
    const taken = takeTrial(probing, "dlv_1");
    expect(taken.trialId).toBe("dlv_1");
    expect(takeTrial(taken, "dlv_2")).toBe(taken);
    expect(dropTrial(taken).trialId).toBeNull();
  });

  test("closes when that message is accepted", () => {
    const probing = takeTrial(tryAgain(out, openedAt + 30 * SECOND), "dlv_1");
    const closed = afterAnswer(probing, openedAt + 31 * SECOND);
    expect(closed).toEqual({ ...HEALTHY, since: openedAt + 31 * SECOND });
  });

  test("waits twice as long after each try that fails, ten minutes at most, and is the same outage all the while", () => {
    let circuit = out;
    let now = openedAt;
    const waits: number[] = [];
    for (let tries = 0; tries < 7; tries += 1) {
      waits.push((circuit.nextTryAt ?? NaN) - now);
      now = circuit.nextTryAt ?? NaN;
      circuit = takeTrial(tryAgain(circuit, now), `dlv_${tries}`);
      circuit =
        tries % 2 === 0 ? afterFailure(circuit, "unavailable", now) : afterSilence(circuit, now);
      expect(circuit).toMatchObject({ state: "out", reason: "failing", since: openedAt });
    }
    expect(waits).toEqual([0.5, 1, 2, 4, 8, 10, 10].map((minutes) => minutes * MINUTE));
  });

  test.each<[reason: string, make: Circuit, change: (c: Circuit) => Circuit, ends: boolean]>([
    ["failing", out, (c) => afterAnswer(c, T0), true],
    ["failing", out, (c) => afterSent(c, T0), true],
    ["failing", out, (c) => afterReport(c, "connected", T0), false],
    ["silent", afterSilence(HEALTHY, T0), (c) => afterAnswer(c, T0), false],
    ["silent", afterSilence(HEALTHY, T0), (c) => afterSent(c, T0), true],
    ["silent", afterSilence(HEALTHY, T0), (c) => afterReport(c, "connected", T0), false],
    [
      "device_disconnected",
      afterReport(HEALTHY, "disconnected", T0),
      (c) => afterAnswer(c, T0),
      false,
    ],
    [
      "device_disconnected",
      afterReport(HEALTHY, "disconnected", T0),
      (c) => afterSent(c, T0),
      true,
    ],
    [
      "device_disconnected",
      afterReport(HEALTHY, "disconnected", T0),
      (c) => afterReport(c, "connected", T0),
      true,
    ],
    ["restricted", afterReport(HEALTHY, "restricted", T0), (c) => afterSent(c, T0), false],
    [
      "restricted",
      afterReport(HEALTHY, "restricted", T0),
      (c) => afterReport(c, "connected", T0),
      false,
    ],
    ["banned", afterReport(HEALTHY, "banned", T0), (c) => afterReport(c, "connected", T0), false],
  ])("for %s closes by the right proof alone", (_reason, circuit, change, ends) => {
    expect(change(circuit).state === "healthy").toBe(ends);
  });

  test("by a ban or a restriction is never tried by itself", () => {
    for (const report of ["banned", "restricted"] as const) {
      const circuit = afterReport(HEALTHY, report, T0);
      expect(tryAgain(circuit, T0 + 365 * 86_400_000)).toBe(circuit);
    }
  });
});

test("what a person drains no vendor brings back", () => {
  const drained: Circuit = { ...HEALTHY, state: "draining", reason: "by_hand" };
  const moves = fc.array(
    fc.oneof(
      fc.constantFrom(...FAILURE_KINDS).map((kind) => (c: Circuit) => afterFailure(c, kind, T0)),
      fc.constant((c: Circuit) => afterAnswer(c, T0)),
      fc.constant((c: Circuit) => afterSent(c, T0)),
      fc.constant((c: Circuit) => afterSilence(c, T0)),
      fc.constant((c: Circuit) => tryAgain(c, T0 + 86_400_000)),
      fc.constant((c: Circuit) => takeTrial(c, "dlv_1")),
      fc
        .constantFrom<AccountReport>("connected", "disconnected", "restricted", "banned")
        .map((report) => (c: Circuit) => afterReport(c, report, T0)),
    ),
  );
  fc.assert(
    fc.property(moves, (changes) => {
      const after = changes.reduce((circuit, change) => change(circuit), drained);
      expect(after).toMatchObject({ state: "draining", reason: "by_hand", since: T0 });
    }),
  );
});

test("a report that is repeated changes nothing", () => {
  for (const report of ["disconnected", "restricted", "banned"] as const) {
    const once = afterReport(HEALTHY, report, T0);
    expect(afterReport(once, report, T0 + MINUTE)).toBe(once);
  }
});
