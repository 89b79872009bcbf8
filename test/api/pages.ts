import { expect } from "vitest";
import { objectAt } from "./harness.ts";
import type { Answer } from "./harness.ts";

/** Ids of a page's items, in its order. */
export function idsOf({ body }: Answer): readonly string[] {
  const { items } = body;
  return Array.isArray(items) ? items.map((item: unknown) => String(objectAt(item, "id"))) : [];
}

/**
 * Ids of a whole list, read page by page. `get` is given what the query ends with; `between` happens after each page: rows
 * that come meanwhile.
 */
export async function idsOfAllPages(
  get: (cursor: string) => Promise<Answer>,
  between: () => Promise<unknown> = () => Promise.resolve(),
): Promise<readonly string[]> {
  const ids: string[] = [];
  let cursor = "";
  for (;;) {
    const page = await get(cursor);
    expect(page.status, page.text).toBe(200);
    ids.push(...idsOf(page));
    const { nextCursor } = page.body;
    if (typeof nextCursor !== "string") return ids;
    cursor = `&cursor=${nextCursor}`;
    await between();
  }
}
