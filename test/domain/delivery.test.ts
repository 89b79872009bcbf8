import { describe, expect, test } from "vitest";
import {
  DELIVERY_STATUSES,
  EVIDENCE_KINDS,
  RECEIPT_KINDS,
  impliedStatuses,
  isEvidenceAtLeast,
  isInFlight,
  mergeReceipt,
  wasAccepted,
} from "../../domain/delivery.ts";
import type {
  DeliveryStatus,
  EvidenceKind,
  MergedReceipt,
  ReceiptKind,
  ReceiptNote,
} from "../../domain/delivery.ts";
import { SETTLED_BY } from "../../domain/escalation-policy.ts";
import type { SettledBy } from "../../domain/escalation-policy.ts";

interface End {
  readonly status: DeliveryStatus;
  readonly notes: readonly ReceiptNote[];
}

/** The end of a series of reports: the status, and which notes were made. */
function endOf(start: DeliveryStatus, reports: readonly EvidenceKind[], isReplaced = false): End {
  const notes = new Set<ReceiptNote>();
  let status = start;
  for (const report of reports) {
    const merged = mergeReceipt(status, report, { isReplaced });
    if (merged.note !== null) notes.add(merged.note);
    status = merged.status;
  }
  return { status, notes: [...notes].sort() };
}

/** Every series of 1 to `lengthMax` reports, duplicates included. */
function* seriesOf(
  kinds: readonly EvidenceKind[],
  lengthMax: number,
): Generator<readonly EvidenceKind[]> {
  if (lengthMax === 0) return;
  for (const kind of kinds) {
    yield [kind];
    for (const rest of seriesOf(kinds, lengthMax - 1)) yield [kind, ...rest];
  }
}

describe("invariant 21: the same reports in whatever order, with duplicates, give the same state", () => {
  const endsAgree = (
    start: DeliveryStatus,
    kinds: readonly EvidenceKind[],
    lengthMax: number,
    isReplaced: boolean,
  ): number => {
    const endBySet = new Map<string, End>();
    let seriesCount = 0;
    for (const series of seriesOf(kinds, lengthMax)) {
      const set = [...new Set(series)].sort().join("+");
      const end = endOf(start, series, isReplaced);
      const first = endBySet.get(set) ?? end;
      endBySet.set(set, first);
      expect(end, `${start}: ${series.join(", ")}`).toEqual(first);
      seriesCount += 1;
    }
    return seriesCount;
  };

  test.each(DELIVERY_STATUSES)("from %s, for receipts up to six reports long", (start) => {
    expect(endsAgree(start, RECEIPT_KINDS, 6, false)).toBe(4 + 16 + 64 + 256 + 1024 + 4096);
  });

  test.each(DELIVERY_STATUSES)(
    "from %s, with the send call's own late outcome among them",
    (start) => {
      expect(endsAgree(start, EVIDENCE_KINDS, 4, false)).toBe(6 + 36 + 216 + 1296);
    },
  );

  test.each(DELIVERY_STATUSES)("from %s, for a delivery that another has replaced", (start) => {
    expect(endsAgree(start, EVIDENCE_KINDS, 4, true)).toBe(6 + 36 + 216 + 1296);
  });
});

describe("a report", () => {
  const rows: readonly (readonly [
    DeliveryStatus,
    EvidenceKind,
    DeliveryStatus,
    ReceiptNote | null,
    string,
  ])[] = [
    ["sending", "accepted", "accepted", null, "the send call returned"],
    ["sending", "sent", "sent", null, "a receipt overtook the send call"],
    ["sent", "accepted", "sent", null, "the send call returned after its receipt"],
    ["delivered", "unknown", "delivered", null, "the call was lost, the receipt was not"],
    ["intended", "delivered", "delivered", null, "the proof outweighs our own record"],
    ["accepted", "sent", "sent", null, "forward"],
    ["accepted", "read", "read", null, "vendors leave out `delivered` when it is read at once"],
    ["delivered", "sent", "delivered", null, "older than what it would replace"],
    ["delivered", "delivered", "delivered", null, "a duplicate"],
    ["read", "delivered", "read", null, "never back"],
    ["accepted", "failed", "failed", null, "a real failure"],
    ["sent", "failed", "failed", null, "it left and still failed"],
    ["failed", "sent", "failed", null, "the same two the other way round"],
    ["failed", "accepted", "failed", null, "an early failure overtook the send call"],
    ["delivered", "failed", "delivered", "contradiction", "a late `failed` is a note"],
    ["read", "failed", "read", "contradiction", "a late `failed` is a note"],
    ["failed", "delivered", "delivered", "contradiction", "delivered wins, both are kept"],
    ["failed", "read", "read", "contradiction", "read wins, both are kept"],
    ["unknown", "accepted", "accepted", null, "the vendor was asked and has it"],
    ["unknown", "sent", "sent", null, "the doubt is resolved"],
    ["unknown", "delivered", "delivered", null, "the doubt is resolved"],
    ["unknown", "read", "read", null, "the doubt is resolved"],
    ["unknown", "failed", "failed", null, "the doubt is resolved"],
    ["accepted", "unknown", "accepted", null, "what is known stays known"],
    ["failed", "unknown", "failed", null, "what is known stays known"],
    ["superseded", "delivered", "superseded", "superseded_evidence", "remembered, not undone"],
    ["superseded", "failed", "superseded", "superseded_evidence", "remembered, not undone"],
    ["skipped", "delivered", "skipped", "unexpected", "nothing was handed to a vendor"],
  ];

  test.each(rows)("on %s, %s gives %s with note %s: %s", (current, evidence, status, note) => {
    const expected: MergedReceipt = { status, changed: status !== current, note };
    expect(mergeReceipt(current, evidence)).toEqual(expected);
  });

  const replacedRows: readonly (readonly [DeliveryStatus, EvidenceKind, DeliveryStatus, string])[] =
    [
      ["accepted", "sent", "superseded", "the queueing vendor sent the first copy after all"],
      ["unknown", "delivered", "superseded", "the lost one arrived beside its successor"],
      ["unknown", "failed", "failed", "the lost one surely failed"],
      ["accepted", "failed", "failed", "the first copy surely failed"],
      ["unknown", "accepted", "accepted", "taken, and no sign yet that it left"],
      ["failed", "delivered", "superseded", "it arrived in spite of its failure"],
    ];
  test.each(replacedRows)("on a replaced %s, %s gives %s: %s", (current, evidence, status) => {
    expect(mergeReceipt(current, evidence, { isReplaced: true }).status).toBe(status);
  });

  test("never leads back to a state before the request", () => {
    for (const start of DELIVERY_STATUSES) {
      for (const evidence of EVIDENCE_KINDS) {
        const { status, changed } = mergeReceipt(start, evidence);
        if (changed) expect(["intended", "sending", "skipped"]).not.toContain(status);
      }
    }
  });
});

describe("evidence", () => {
  const proves: Readonly<Record<DeliveryStatus, readonly SettledBy[]>> = {
    intended: [],
    sending: [],
    accepted: [],
    sent: ["sent"],
    delivered: ["sent", "delivered"],
    read: ["sent", "delivered", "read"],
    failed: [],
    unknown: [],
    superseded: [],
    skipped: [],
  };

  test.each(DELIVERY_STATUSES)("of %s counts for exactly what it proves", (status) => {
    const met = SETTLED_BY.filter((settledBy) => isEvidenceAtLeast(status, settledBy));
    expect(met).toEqual(proves[status]);
  });

  test("invariant 21: of read implies that it was accepted, sent and delivered", () => {
    expect(impliedStatuses("read")).toEqual(["accepted", "sent", "delivered", "read"]);
    expect(impliedStatuses("delivered")).toEqual(["accepted", "sent", "delivered"]);
    expect(impliedStatuses("failed")).toEqual(["failed"]);
  });

  test("every status implies itself", () => {
    for (const status of DELIVERY_STATUSES) expect(impliedStatuses(status)).toContain(status);
  });

  test("sorts every status into in flight, taken by a vendor, both or neither", () => {
    const table = DELIVERY_STATUSES.map((status) => [
      status,
      isInFlight(status),
      wasAccepted(status),
    ]);
    expect(table).toEqual([
      ["intended", true, false],
      ["sending", true, false],
      ["accepted", true, true],
      ["sent", true, true],
      ["delivered", false, true],
      ["read", false, true],
      ["failed", false, false],
      ["unknown", false, false],
      ["superseded", false, true],
      ["skipped", false, false],
    ]);
  });

  test("receipts are the reports that a policy can wait for, and failure", () => {
    const waitable: readonly ReceiptKind[] = RECEIPT_KINDS.filter((kind) => kind !== "failed");
    expect(waitable).toEqual(SETTLED_BY.filter((settledBy) => settledBy !== "acknowledged"));
  });
});
