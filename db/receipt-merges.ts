import { DELIVERY_STATUSES, mergeReceipt, RECEIPT_KINDS } from "../domain/delivery.ts";

type Merges = Readonly<Record<string, readonly [status: string, note: string | null]>>;

/** What one report does to a delivery of each status; what it leaves as it is has no entry. */
function mergesOf(kind: (typeof RECEIPT_KINDS)[number], isReplaced: boolean): Merges {
  return Object.fromEntries(
    DELIVERY_STATUSES.flatMap((before) => {
      const { status, changed, note } = mergeReceipt(before, kind, { isReplaced });
      return changed || note !== null ? [[before, [status, note] as const]] : [];
    }),
  );
}

/** `mergeReceipt` as the table that the database's functions look it up in, in JSON. */
export const RECEIPT_MERGES = JSON.stringify(
  Object.fromEntries(
    RECEIPT_KINDS.map((kind) => [
      kind,
      { copy: mergesOf(kind, false), replaced: mergesOf(kind, true) },
    ]),
  ),
);
