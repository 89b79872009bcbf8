import { setTimeout as sleep } from "node:timers/promises";
import type pg from "pg";
import { readProviderAccount } from "../../db/provider-accounts.ts";
import type { ProviderAccountRow } from "../../db/provider-accounts.ts";
import { readProviderGroups } from "../../db/provider-groups.ts";
import type { SeenProviderGroup } from "../../db/provider-groups.ts";
import { readInventory } from "../../db/provider-inventories.ts";
import type { Inventory } from "../../db/provider-inventories.ts";
import { readProviderTemplates } from "../../db/provider-templates.ts";
import type { ProviderTemplateRow } from "../../db/provider-templates.ts";
import type { Actor } from "../../domain/actor.ts";
import { may } from "../../domain/permissions.ts";
import type { Provider } from "../../providers/provider.ts";
import type { ProviderRegistry } from "../../providers/registry.ts";
import type { Logger } from "../../runtime/logger.ts";
import type { InventoryWorkflowInput } from "../../workflows/contract.ts";
import { Forbidden, InvalidInput } from "./errors.ts";
import { foundAccount } from "./see-accounts.ts";

/** What vendors list of an account, as the workers keep it: the API never calls a vendor. */

type ListDeps = { readonly pool: pg.Pool; readonly providers: ProviderRegistry };
type Subject = { readonly actor: Actor; readonly id: string };

export type AccountTemplates = {
  readonly inventory: Inventory | null;
  readonly templates: readonly ProviderTemplateRow[];
};

/** @throws Forbidden, NotFound, InvalidInput */
export async function seeAccountTemplates(
  deps: ListDeps,
  { actor, id }: Subject,
): Promise<AccountTemplates> {
  await readSubject(deps, { actor, id }, "templates");
  return {
    inventory: await readInventory(deps.pool, id, "templates"),
    templates: await readProviderTemplates(deps.pool, id),
  };
}

export type AccountGroups = {
  readonly inventory: Inventory | null;
  /** The vendor gave it since it was asked for. */
  readonly isFresh: boolean;
  readonly groups: readonly SeenProviderGroup[];
};

/** Starts the workflow that has a worker ask the vendor. Idempotency: one at a time for each account and list. */
export type StartInventory = (input: InventoryWorkflowInput) => Promise<void>;

type GroupDeps = ListDeps & {
  readonly startInventory: StartInventory;
  readonly log: Logger;
  readonly now: () => number;
};

const LOOK_EVERY_MS = 100;

/**
 * Asks the vendor and waits for it; where it doesn't answer in time, the list is the one that it gave before.
 *
 * @throws Forbidden, NotFound, InvalidInput
 */
export async function seeAccountGroups(
  deps: GroupDeps,
  { actor, id, waitSeconds }: Subject & { readonly waitSeconds: number },
): Promise<AccountGroups> {
  const row = await readSubject(deps, { actor, id }, "groups");
  const before = await readInventory(deps.pool, id, "groups");
  const isAsked = waitSeconds > 0 && row.enabled && (await ask(deps, id));
  const inventory = isAsked ? await untilAnswered(deps, id, before, waitSeconds) : before;
  return {
    inventory,
    isFresh: (inventory?.listedAt ?? null)?.getTime() !== before?.listedAt?.getTime(),
    groups: await readProviderGroups(deps.pool, id),
  };
}

async function readSubject(
  { pool, providers }: ListDeps,
  { actor, id }: Subject,
  kind: "templates" | "groups",
): Promise<ProviderAccountRow> {
  if (!may(actor, "read_accounts")) throw new Forbidden();
  const row = foundAccount(await readProviderAccount(pool, id));
  const provider = providers.all.find(
    (known) => known.id === row.provider && known.channel === row.channel,
  );
  if (provider === undefined || !doesList(provider, kind)) {
    throw new InvalidInput([
      {
        path: "id",
        code: "unsupported",
        message: `This account's provider doesn't list ${kind}.`,
      },
    ]);
  }
  return row;
}

function doesList(provider: Provider, kind: "templates" | "groups"): boolean {
  return (kind === "templates" ? provider.listTemplates : provider.listGroups) !== undefined;
}

/** False when the question could not be put. */
async function ask({ startInventory, log }: GroupDeps, accountId: string): Promise<boolean> {
  try {
    await startInventory({ accountId, kind: "groups" });
    return true;
  } catch (error) {
    log.warn({ error, accountId }, "a vendor could not be asked for its groups");
    return false;
  }
}

async function untilAnswered(
  { pool, now }: GroupDeps,
  accountId: string,
  before: Inventory | null,
  waitSeconds: number,
): Promise<Inventory | null> {
  const until = now() + waitSeconds * 1_000;
  for (;;) {
    const inventory = await readInventory(pool, accountId, "groups");
    const askedAt = inventory?.askedAt?.getTime() ?? null;
    const isAnswered = askedAt !== null && askedAt !== before?.askedAt?.getTime();
    if (isAnswered || now() >= until) return inventory;
    await sleep(LOOK_EVERY_MS);
  }
}
