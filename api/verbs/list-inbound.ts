import type pg from "pg";
import { listInbound as readList } from "../../db/inbound-list.ts";
import type { InboundFilter, InboundRow } from "../../db/inbound-list.ts";
import type { Page } from "../../db/page.ts";
import type { Actor } from "../../domain/actor.ts";
import { may, reach } from "../../domain/permissions.ts";
import { Forbidden } from "./errors.ts";
import { readCursor } from "./read-cursor.ts";

export type SeenInbound = {
  readonly page: Page<InboundRow>;
  /** Whether this reader sees whole numbers. */
  readonly showsAddress: boolean;
};

/** What people wrote, as far as the actor may read it, newest first. */
export async function listInbound(
  { pool }: { readonly pool: pg.Pool },
  input: {
    readonly actor: Actor;
    readonly filter: InboundFilter;
    readonly limit: number;
    readonly cursor: string | undefined;
  },
): Promise<SeenInbound> {
  const { actor, filter, limit } = input;
  const grants = reach(actor, "read_inbound");
  if (grants.length === 0) throw new Forbidden();
  const page = await readList(pool, {
    actor,
    grants,
    filter,
    limit,
    after: readCursor(input.cursor),
  });
  return { page, showsAddress: may(actor, "see_address") };
}
