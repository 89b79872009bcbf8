import type pg from "pg";
import { isAudited, recordAudit } from "../../db/audit.ts";
import { endOptOutByHand, listOptOuts, needsOwnConsent } from "../../db/opt-outs.ts";
import type { RecordedOptOut } from "../../db/opt-outs.ts";
import type { Page } from "../../db/page.ts";
import type { StaleRun } from "../../db/stale-plans.ts";
import { withTransaction } from "../../db/transaction.ts";
import { lockUser, readUser } from "../../db/users.ts";
import type { Actor } from "../../domain/actor.ts";
import type { OptOutEndBasis, OptOutEndRefusal } from "../../domain/opt-out.ts";
import { may } from "../../domain/permissions.ts";
import { Forbidden } from "./errors.ts";
import { idOnce } from "./once.ts";
import type { Once } from "./once.ts";
import { readCursor } from "./read-cursor.ts";
import type { Replanner } from "./replanner.ts";
import { visible } from "./see-users.ts";

export type EndOptOutDeps = {
  readonly pool: pg.Pool;
  readonly now: () => number;
  readonly randomBytes: (count: number) => Uint8Array;
  readonly replanner: Pick<Replanner, "tell">;
};

export type EndOptOutAnswer =
  { readonly kind: "applied" } | { readonly kind: "refused"; readonly reason: OptOutEndRefusal };

/** What a person has opted out of, and how it ended. @throws NotFound */
export async function seeOptOuts(
  { pool }: Pick<EndOptOutDeps, "pool">,
  input: {
    readonly actor: Actor;
    readonly reference: string;
    readonly limit: number;
    readonly cursor: string | undefined;
  },
): Promise<Page<RecordedOptOut>> {
  const user = visible(input.actor, await readUser(pool, input.reference));
  return listOptOuts(pool, {
    userId: user.id,
    limit: input.limit,
    after: readCursor(input.cursor),
  });
}

/**
 * Writes down that somebody may be told of something again; runs that it outdates plan again. It records what the person said: nobody is asked here, and a
 * vendor with a list of its own goes on refusing until the person has told it, too.
 *
 * Idempotency: the audit entry's id comes from the Idempotency-Key. A repeat whose first try died behind its commit finds that entry, is answered as the first, and
 * leaves alone what the person has stopped since; the sweep tells the runs.
 *
 * @throws NotFound, Forbidden
 */
export async function endOptOut(
  deps: EndOptOutDeps,
  input: {
    readonly actor: Actor;
    readonly reference: string;
    readonly messageClass: string;
    readonly channel: string;
    readonly basis: OptOutEndBasis;
    readonly note: string;
    readonly once: Once;
  },
): Promise<EndOptOutAnswer> {
  const { actor, messageClass, channel, basis, note } = input;
  const now = deps.now();
  const ended = await withTransaction(
    deps.pool,
    async (client): Promise<readonly StaleRun[] | OptOutEndRefusal> => {
      const user = visible(actor, await lockUser(client, input.reference));
      if (!may(actor, "administer")) {
        throw new Forbidden("Only an administrator may end somebody's opt-out.");
      }
      const entry = {
        id: idOnce(deps, "aud", input.once),
        action: "opt_out.ended",
        subject: user.id,
      } as const;
      if (await isAudited(client, entry)) return [];
      if (await needsOwnConsent(client, messageClass)) return "only_the_person";
      const by = {
        kind: actor.kind,
        userId: actor.kind === "user" ? actor.userId : null,
        name: actor.name,
      };
      const stale = await endOptOutByHand(client, {
        userId: user.id,
        channel,
        messageClass,
        by,
        basis,
        note,
        now,
      });
      if (stale === null) return "not_opted_out";
      await recordAudit(
        client,
        { ...entry, by: actor, detail: { messageClass, channel, basis } },
        now,
      );
      return stale;
    },
  );
  if (typeof ended === "string") return { kind: "refused", reason: ended };
  deps.replanner.tell(ended, "consent_changed", new Date(now));
  return { kind: "applied" };
}
