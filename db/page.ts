/**
 * Keyset pages: a cursor is the position of the last row that was read, so that rows inserted meanwhile neither shift
 * the rest nor repeat it. Positions are the sort key as it stands in the database, microseconds included.
 */

export type Page<Item> = { readonly items: readonly Item[]; readonly nextCursor: string | null };

/** Microseconds since 1970 (or a bigint id), and the id that orders rows of one instant. */
export type Position = { readonly order: number; readonly id: string };

export function encodeCursor({ order, id }: Position): string {
  return Buffer.from(JSON.stringify([order, id])).toString("base64url");
}

/** Null for a text that `encodeCursor` did not make. */
export function decodeCursor(cursor: string): Position | null {
  try {
    const value: unknown = JSON.parse(Buffer.from(cursor, "base64url").toString("utf8"));
    if (!isPair(value)) return null;
    const [order, id] = value;
    const isPosition =
      typeof order === "number" &&
      Number.isSafeInteger(order) &&
      typeof id === "string" &&
      /^[\w-]{1,64}$/.test(id);
    return isPosition ? { order, id } : null;
  } catch {
    return null;
  }
}

function isPair(value: unknown): value is readonly [unknown, unknown] {
  return Array.isArray(value) && value.length === 2;
}

/** Of `limit + 1` rows read: the page, and the cursor behind its last row if there is a next one. */
export function toPage<Row, Item>(
  rows: readonly Row[],
  limit: number,
  positionOf: (row: Row) => Position,
  toItem: (row: Row) => Item,
): Page<Item> {
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  return {
    items: shown.map(toItem),
    nextCursor: rows.length > limit && last !== undefined ? encodeCursor(positionOf(last)) : null,
  };
}

/** Collects the values of a statement and gives each its placeholder. */
export class Parameters {
  readonly values: unknown[] = [];

  add(value: unknown): string {
    this.values.push(value);
    return `$${this.values.length}`;
  }
}
