import type pg from "pg";
import { recordAudit } from "../../db/audit.ts";
import { lockGroup, touchGroups } from "../../db/groups.ts";
import {
  addProvenGroup,
  lockProviderAccount,
  readProviderAccount,
  removeProvenGroup,
  setAccountHealth,
} from "../../db/provider-accounts.ts";
import { markStale } from "../../db/stale-plans.ts";
import { withTransaction } from "../../db/transaction.ts";
import type { Actor } from "../../domain/actor.ts";
import { may } from "../../domain/permissions.ts";
import { Forbidden, InvalidInput, NotFound } from "./errors.ts";
import type { Replanner } from "./replanner.ts";
import { foundAccount, toSeenAccount } from "./see-accounts.ts";
import type { AccountDeps, SeenAccount } from "./see-accounts.ts";
import { judgeWriter } from "./write-account.ts";

type SteerDeps = AccountDeps & { readonly now: () => number; readonly replanner: Replanner };
type Subject = { readonly actor: Actor; readonly id: string };

/**
 * Takes an account out by hand: drained, it finishes what it has begun and gets nothing new. Or back in, whatever took it out.
 *
 * @throws Forbidden, NotFound
 */
export async function drainAccount(
  deps: SteerDeps,
  { actor, id, isDrained }: Subject & { readonly isDrained: boolean },
): Promise<SeenAccount> {
  if (!may(actor, "drain_accounts")) throw new Forbidden();
  return withTransaction(deps.pool, async (client) => {
    const row = foundAccount(await lockProviderAccount(client, id));
    if (row.health_state !== (isDrained ? "draining" : "healthy")) {
      await setAccountHealth(
        client,
        id,
        isDrained
          ? { state: "draining", reason: "by_hand" }
          : { state: "healthy", reason: "by_hand" },
        deps.now(),
      );
      const action = isDrained ? "provider_account.drained" : "provider_account.resumed";
      await recordAudit(client, { by: actor, action, subject: id }, deps.now());
    }
    return toSeenAccount(deps, actor, foundAccount(await readProviderAccount(client, id)));
  });
}

/**
 * Records that the account's number is, or is no longer, a proven member of a group: only such an account carries it.
 *
 * @throws Forbidden, NotFound, InvalidInput
 */
export async function proveGroup(
  deps: SteerDeps,
  input: Subject & { readonly group: string; readonly isProven: boolean },
): Promise<SeenAccount> {
  const { actor, id, isProven } = input;
  judgeWriter(actor);
  const nowMs = deps.now();
  const markedAt = new Date(nowMs);
  const { seen, stale } = await withTransaction(deps.pool, async (client) => {
    const account = foundAccount(await lockProviderAccount(client, id));
    if (account.channel !== "whatsapp_group") {
      throw new InvalidInput([
        {
          path: "id",
          code: "unsupported",
          message: "Only an account of channel whatsapp_group can be in a group.",
        },
      ]);
    }
    const groupId = await groupIdOf(client, input.group);
    const isChanged = isProven
      ? await addProvenGroup(client, id, groupId, nowMs)
      : await removeProvenGroup(client, id, groupId);
    if (isChanged) {
      const action = isProven ? "provider_account.group_proven" : "provider_account.group_left";
      await recordAudit(client, { by: actor, action, subject: id, detail: { groupId } }, nowMs);
      await touchGroups(client, [groupId]);
    }
    return {
      seen: toSeenAccount(deps, actor, foundAccount(await readProviderAccount(client, id))),
      stale: isChanged ? await markStale(client, [groupId], markedAt) : [],
    };
  });
  deps.replanner.tell(stale, "group_routes_changed", markedAt);
  return seen;
}

async function groupIdOf(client: pg.PoolClient, reference: string): Promise<string> {
  const group = await lockGroup(client, reference);
  if (group === null) throw new NotFound("group");
  return group.id;
}
