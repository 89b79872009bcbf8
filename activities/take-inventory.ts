/**
 * Asks a vendor for a list that it keeps of an account: its approved templates, or the groups that its number is in. What it says is kept in PostgreSQL and
 * carried out there; nothing of it passes through Temporal. Nothing is ever sent here. Everything may happen twice.
 */
import type pg from "pg";

import { loadAccount, type AccountRow } from "../db/deliveries.ts";
import type { OpenedAccount } from "../db/opened-account.ts";
import { recordGroupList } from "../db/provider-groups.ts";
import { recordNotListed } from "../db/provider-inventories.ts";
import { recordTemplateList } from "../db/provider-templates.ts";
import { clearStaleMarks, type StaleRun } from "../db/stale-plans.ts";
import { ProviderError } from "../providers/errors.ts";
import type { CallOptions, Provider } from "../providers/provider.ts";
import type { ProviderRegistry } from "../providers/registry.ts";
import type { SignalledFact } from "../workflows/contract.ts";
import type { InventoryAnswer, InventoryInput } from "./contract.ts";

export interface InventoryDeps {
  readonly pool: pg.Pool;
  readonly providers: ProviderRegistry;
  readonly openAccount: (row: AccountRow) => OpenedAccount;
  readonly signal: (workflowId: string, fact: SignalledFact) => Promise<boolean>;
  readonly now: () => number;
  readonly log: { readonly warn: (fields: Record<string, unknown>, message: string) => void };
}

/** A long list comes in pages. */
const INVENTORY_TIMEOUT_MS = 15_000;

export function createTakeInventory(deps: InventoryDeps) {
  return async function takeInventory(input: InventoryInput): Promise<InventoryAnswer> {
    const row = await loadAccount(deps.pool, input.accountId);
    const provider = deps.providers.all.find(
      ({ id, channel }) => id === row?.provider && channel === row.channel,
    );
    if (!row?.enabled || provider === undefined) return { listed: null };
    try {
      return { listed: await take(deps, input, provider, row) };
    } catch (error) {
      if (!(error instanceof ProviderError)) throw error;
      await recordNotListed(deps.pool, {
        ...input,
        failure: error.reason,
        at: new Date(deps.now()),
      });
      return { listed: null };
    }
  };
}

/** How many it listed; null: this vendor gives no such list. */
async function take(
  deps: InventoryDeps,
  { accountId, kind }: InventoryInput,
  provider: Provider,
  row: AccountRow,
): Promise<number | null> {
  const { context } = deps.openAccount(row);
  switch (kind) {
    case "templates": {
      const templates = await provider.listTemplates?.(context, callOptions(deps));
      if (templates === undefined) return null;
      await recordTemplateList(deps.pool, { accountId, templates, at: new Date(deps.now()) });
      return templates.length;
    }
    case "groups": {
      const list = await provider.listGroups?.(context, callOptions(deps));
      if (list === undefined) return null;
      const { proven, lost, stale } = await recordGroupList(deps.pool, {
        accountId,
        ...list,
        at: new Date(deps.now()),
      });
      if (proven + lost > 0) {
        deps.log.warn({ accountId, proven, lost }, "the groups of a number changed");
      }
      await tellRuns(deps, stale);
      return list.groups.length;
    }
  }
}

/** What can't be told keeps its mark and is swept. */
async function tellRuns(deps: InventoryDeps, stale: readonly StaleRun[]): Promise<void> {
  const markedAt = new Date(deps.now());
  try {
    for (const { notificationId, workflowId } of stale) {
      await deps.signal(workflowId, { kind: "replan", reason: "group_routes_changed" });
      await clearStaleMarks(deps.pool, notificationId, markedAt);
    }
  } catch (error) {
    deps.log.warn({ error }, "runs wait for the sweep to plan again");
  }
}

function callOptions({ now }: InventoryDeps): CallOptions {
  return {
    signal: AbortSignal.timeout(INVENTORY_TIMEOUT_MS),
    timeoutMs: INVENTORY_TIMEOUT_MS,
    now: now(),
  };
}
