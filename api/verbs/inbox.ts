import type pg from "pg";
import { countUnread, listInbox, markRead } from "../../db/inbox.ts";
import type { InboxRow } from "../../db/inbox.ts";
import type { Page } from "../../db/page.ts";
import { readUser } from "../../db/users.ts";
import type { Actor } from "../../domain/actor.ts";
import { may } from "../../domain/permissions.ts";
import { FACT_SIGNAL } from "../../workflows/contract.ts";
import type { SignalledFact } from "../../workflows/contract.ts";
import { Forbidden, NotFound } from "./errors.ts";
import { readCursor } from "./read-cursor.ts";
import { isSelf, visible } from "./see-users.ts";
import type { TellDeps } from "./tell-run.ts";

type Deps = { readonly pool: pg.Pool };

/**
 * A person's messages, newest first. Privacy: their texts are the person's own; of others, only whoever may read full
 * texts and addresses of all deliveries reads them.
 *
 * @throws NotFound, Forbidden
 */
export async function seeInbox(
  { pool }: Deps,
  input: {
    readonly actor: Actor;
    readonly reference: string;
    readonly isUnread: boolean | undefined;
    readonly limit: number;
    readonly cursor: string | undefined;
  },
): Promise<Page<InboxRow> & { readonly unread: number }> {
  const { actor, isUnread, limit } = input;
  const user = visible(actor, await readUser(pool, input.reference));
  if (!isSelf(actor, user.id) && !may(actor, "see_address")) throw new Forbidden();
  const [page, unread] = await Promise.all([
    listInbox(pool, { userId: user.id, isUnread, limit, after: readCursor(input.cursor) }),
    countUnread(pool, user.id),
  ]);
  return { ...page, unread };
}

const SIGNAL_DEADLINE_MS = 2_000;

/**
 * The person has read it. A run that waits for just that is told.
 *
 * @throws NotFound for a message that isn't this person's
 */
export async function readInboxMessage(
  deps: TellDeps & { readonly now: () => number },
  { userId, id }: { readonly userId: string; readonly id: string },
): Promise<InboxRow> {
  const marked = await markRead(deps.pool, { userId, id, nowMs: deps.now() });
  if (marked === null) throw new NotFound("message");
  const { tell } = marked;
  if (tell !== null) {
    deps.background.run(async () => {
      const fact: SignalledFact = tell.fact;
      await deps.temporal.withDeadline(Date.now() + SIGNAL_DEADLINE_MS, () =>
        deps.temporal.workflow.getHandle(tell.workflowId).signal(FACT_SIGNAL, fact),
      );
    });
  }
  return marked.row;
}

/** Whose `/v1/me` it is. @throws Forbidden for a system's key */
export function personOf(actor: Actor): string {
  if (actor.kind === "user") return actor.userId;
  throw new Forbidden("This key is a system's: it is nobody's own.");
}
