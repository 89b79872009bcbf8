import type pg from "pg";

import {
  accountsToProbe,
  changeCircuit,
  illAccounts,
  markTold,
  silentAccounts,
  untoldTroubles,
  type IllAccount,
  type Trouble,
} from "../db/account-health.ts";
import { dueInventories, type InventoryKind } from "../db/provider-inventories.ts";
import {
  markTemplateTold,
  untoldTemplateTroubles,
  type TemplateTrouble,
} from "../db/provider-templates.ts";
import { afterSent, afterSilence, dropTrial, tryAgain, type Circuit } from "../domain/circuit.ts";
import type { Provider } from "../providers/provider.ts";
import { carriersOf, type ProviderRegistry } from "../providers/registry.ts";
import type { InventoryInput } from "./contract.ts";

export interface JudgeAccountsDeps {
  readonly pool: pg.Pool;
  readonly providers: ProviderRegistry;
  readonly now: () => number;
  /** Starts the short workflow that asks an account's vendor how it is. Idempotency: one at a time for each account. */
  readonly startProbe: (accountId: string) => Promise<void>;
  /** As `startProbe`, for a list that the vendor keeps of the account. */
  readonly startInventory: (input: InventoryInput) => Promise<void>;
  readonly raiseAccountNotice: (trouble: Trouble) => Promise<void>;
  readonly raiseTemplateNotice: (trouble: TemplateTrouble) => Promise<void>;
  readonly log: { readonly warn: (fields: Record<string, unknown>, message: string) => void };
}

/** How often a vendor that can be asked is asked: a device that lost its phone is found before an alert needs it. */
const PROBE_EVERY_MS = 300_000;
const PROBES_MAX = 20;
/** Between two readings of a list. A template's state is also reported; for groups a gateway has to ask WhatsApp, which likes it seldom. */
const INVENTORY_EVERY_MS: Readonly<Record<InventoryKind, number>> = {
  templates: 300_000,
  groups: 3_600_000,
};

/**
 * Looks at every account: which accept and don't send, which may be tried again, whose vendor should be asked, and of which outages people have not heard.
 * Everything here may happen twice.
 */
export function createJudgeAccounts(deps: JudgeAccountsDeps) {
  return async function judgeAccounts(): Promise<void> {
    await findSilent(deps);
    for (const account of await illAccounts(deps.pool, new Date(deps.now()))) {
      await judgeIll(deps, account);
    }
    const asked = await accountsToProbe(deps.pool, {
      carriers: carriersOf(deps.providers, ({ probe }) => probe !== undefined),
      askedBefore: new Date(deps.now() - PROBE_EVERY_MS),
      limit: PROBES_MAX,
    });
    for (const accountId of asked) await deps.startProbe(accountId);
    await askInventories(deps, "templates", ({ listTemplates }) => listTemplates !== undefined);
    // Only what carries groups can be proven to: the lists of other accounts are read when somebody asks for them.
    await askInventories(
      deps,
      "groups",
      ({ listGroups, channel }) => listGroups !== undefined && channel === "whatsapp_group",
    );
    await tellOperators(deps);
  };
}

async function askInventories(
  { pool, now, providers, startInventory }: JudgeAccountsDeps,
  kind: InventoryKind,
  isMeant: (provider: Provider) => boolean,
): Promise<void> {
  const due = await dueInventories(pool, {
    kind,
    carriers: carriersOf(providers, isMeant),
    askedBefore: new Date(now() - INVENTORY_EVERY_MS[kind]),
    limit: PROBES_MAX,
  });
  for (const accountId of due) await startInventory({ accountId, kind });
}

async function findSilent(deps: JudgeAccountsDeps): Promise<void> {
  const silent = await silentAccounts(deps.pool, {
    carriers: carriersOf(deps.providers, ({ capabilities }) => capabilities.receipts.sent),
    now: new Date(deps.now()),
  });
  for (const accountId of silent) await move(deps, accountId, afterSilence);
}

async function judgeIll(deps: JudgeAccountsDeps, account: IllAccount): Promise<void> {
  if (account.hasSent) await move(deps, account.id, afterSent);
  else if (account.trial === "silent") await move(deps, account.id, afterSilence);
  else if (account.trial === "void") await move(deps, account.id, dropTrial);
  else if (account.isTime && !canBeAsked(deps, account)) await move(deps, account.id, tryAgain);
}

/** Whose vendor can be asked is tried when that vendor has said that it is well; see probe-account.ts. */
function canBeAsked({ providers }: JudgeAccountsDeps, { provider, channel }: IllAccount): boolean {
  return providers.all.some(
    (known) => known.id === provider && known.channel === channel && known.probe !== undefined,
  );
}

async function move(
  { pool, now, log }: JudgeAccountsDeps,
  accountId: string,
  change: (circuit: Circuit, now: number) => Circuit,
): Promise<void> {
  const moved = await changeCircuit(pool, accountId, (circuit) => change(circuit, now()));
  if (moved === null || moved.before.state === moved.after.state) return;
  log.warn(
    { accountId, from: moved.before.state, to: moved.after.state, reason: moved.after.reason },
    "the health of an account changed",
  );
}

async function tellOperators(deps: JudgeAccountsDeps): Promise<void> {
  const { pool, now, raiseAccountNotice, raiseTemplateNotice } = deps;
  for (const trouble of await untoldTroubles(pool, new Date(now()))) {
    await raiseAccountNotice(trouble);
    await markTold(pool, trouble.accountIds, new Date(now()));
  }
  for (const trouble of await untoldTemplateTroubles(pool)) {
    await raiseTemplateNotice(trouble);
    await markTemplateTold(pool, trouble);
  }
}
