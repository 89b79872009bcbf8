import { setTimeout as sleep } from "node:timers/promises";

/**
 * A writer that waits for others: what is given to it within `forMs` of the first is written by one call, and everybody who gave some of it waits for that call and
 * fails with it.
 */
export function gathered<Item>(
  write: (items: readonly Item[]) => Promise<void>,
  { forMs }: { readonly forMs: number },
): (items: readonly Item[]) => Promise<void> {
  let open: { readonly items: Item[]; readonly written: Promise<void> } | null = null;

  async function writeLater(items: readonly Item[]): Promise<void> {
    await sleep(forMs);
    open = null;
    await write(items);
  }

  return (given) => {
    if (open === null) {
      const items: Item[] = [];
      open = { items, written: writeLater(items) };
    }
    open.items.push(...given);
    return open.written;
  };
}
