import type pg from "pg";
import { recordAudit } from "../../db/audit.ts";
import {
  deletePushSubscription,
  listPushAccounts,
  listPushSubscriptions,
  savePushSubscription,
} from "../../db/push-subscriptions.ts";
import type {
  PushAccount,
  PushDestination,
  PushSubscriptionRow,
} from "../../db/push-subscriptions.ts";
import { SecretNotOpened, openCredentials } from "../../db/sealed-secret.ts";
import { markStale } from "../../db/stale-plans.ts";
import { withTransaction } from "../../db/transaction.ts";
import { lockUser, touchUser } from "../../db/users.ts";
import type { Actor } from "../../domain/actor.ts";
import { may } from "../../domain/permissions.ts";
import type { ProviderRegistry } from "../../providers/registry.ts";
import { isPushService, webPushSettings } from "../../providers/web-push/config.ts";
import { Forbidden, InvalidInput, NotFound } from "./errors.ts";
import type { Problem } from "./errors.ts";
import { personOf } from "./inbox.ts";
import type { Replanner } from "./replanner.ts";

/** Where the signed-in person takes push messages. It is nobody else's business: there is no such list of others. */

export type PushSubscriptionDeps = {
  readonly pool: pg.Pool;
  readonly now: () => number;
  readonly secretKey: Uint8Array;
  readonly providers: ProviderRegistry;
  readonly replanner: Replanner;
};

export type SubscribableAccount = {
  readonly id: string;
  readonly provider: string;
  readonly applicationServerKey: string | null;
};

/** @throws Forbidden */
export async function seePushSubscriptions(
  deps: PushSubscriptionDeps,
  actor: Actor,
): Promise<{
  readonly items: readonly PushSubscriptionRow[];
  readonly accounts: readonly SubscribableAccount[];
}> {
  const userId = judged(actor);
  const [items, accounts] = await Promise.all([
    listPushSubscriptions(deps.pool, userId),
    listPushAccounts(deps.pool),
  ]);
  return { items, accounts: accounts.map((account) => toSubscribable(deps, account)) };
}

/** A device that was known keeps its id. @throws Forbidden, InvalidInput */
export async function addPushSubscription(
  deps: PushSubscriptionDeps,
  input: {
    readonly actor: Actor;
    readonly accountId: string | undefined;
    readonly deviceName: string | undefined;
    readonly destination: PushDestination;
  },
): Promise<PushSubscriptionRow> {
  const { actor, destination } = input;
  const userId = judged(actor);
  const account = await accountFor(deps, input);
  return changing(deps, actor, "push_subscription.added", async (client, nowMs) => {
    const saved = await savePushSubscription(
      client,
      { userId, accountId: account.id, destination, deviceName: input.deviceName ?? null },
      { secretKey: deps.secretKey, nowMs },
    );
    return {
      answer: saved.row,
      subject: saved.row.id,
      // In whose name the device was before: not reached there any more.
      alsoChanged: saved.formerUserId,
    };
  });
}

/** @throws Forbidden, NotFound for one that isn't this person's */
export async function removePushSubscription(
  deps: PushSubscriptionDeps,
  { actor, id }: { readonly actor: Actor; readonly id: string },
): Promise<void> {
  const userId = judged(actor);
  await changing(deps, actor, "push_subscription.removed", async (client) => {
    if (!(await deletePushSubscription(client, { userId, id }))) {
      throw new NotFound("push subscription");
    }
    return { answer: undefined, subject: id, alsoChanged: null };
  });
}

function judged(actor: Actor): string {
  const userId = personOf(actor);
  if (!may(actor, "write_own_settings", { isOwn: true })) throw new Forbidden();
  return userId;
}

/** Who gets a first device or loses the last one is planned for otherwise from now on. */
async function changing<Answer>(
  { pool, now, replanner }: PushSubscriptionDeps,
  actor: Actor,
  action: string,
  change: (
    client: pg.PoolClient,
    nowMs: number,
  ) => Promise<{
    readonly answer: Answer;
    readonly subject: string;
    readonly alsoChanged: string | null;
  }>,
): Promise<Answer> {
  const userId = personOf(actor);
  const nowMs = now();
  const markedAt = new Date(nowMs);
  const { answer, stale } = await withTransaction(pool, async (client) => {
    if ((await lockUser(client, userId)) === null) throw new NotFound("user");
    const { answer: changed, subject, alsoChanged } = await change(client, nowMs);
    const users = [userId, ...(alsoChanged === null ? [] : [alsoChanged])];
    for (const user of users) await touchUser(client, user);
    await recordAudit(client, { by: actor, action, subject }, nowMs);
    return { answer: changed, stale: await markStale(client, users, markedAt) };
  });
  replanner.tell(stale, "push_subscriptions_changed", markedAt);
  return answer;
}

/** The providers that can reach what a browser or an app gives. */
const PROVIDERS: Readonly<Record<PushDestination["kind"], string>> = {
  push_subscription: "web-push",
  push_token: "fcm",
};

async function accountFor(
  deps: PushSubscriptionDeps,
  input: { readonly accountId: string | undefined; readonly destination: PushDestination },
): Promise<PushAccount> {
  const { accountId, destination } = input;
  const fitting = (await listPushAccounts(deps.pool)).filter(
    ({ provider }) => provider === PROVIDERS[destination.kind],
  );
  const account = fitting.find(({ id }) => accountId === undefined || id === accountId);
  if (account === undefined) {
    throw new InvalidInput([
      accountId === undefined
        ? problem(
            destination.kind === "push_token" ? "token" : "endpoint",
            "not_available",
            "No account for push messages of this kind is switched on.",
          )
        : problem("accountId", "unknown", "There is no such account for push messages."),
    ]);
  }
  if (destination.kind === "push_subscription" && !isReachable(account, destination.endpoint)) {
    // Whatever is asked to take a message could be made to ask any address of ours.
    throw new InvalidInput([
      problem("endpoint", "not_a_push_service", "Must be an address of a known push service."),
    ]);
  }
  return account;
}

function isReachable(account: PushAccount, endpoint: string): boolean {
  const settings = webPushSettings.safeParse(account.settings);
  return isPushService(
    endpoint,
    account.baseUrl,
    settings.success ? settings.data.pushServices : [],
  );
}

function problem(path: string, code: string, message: string): Problem {
  return { path, code, message };
}

function toSubscribable(
  { providers, secretKey }: PushSubscriptionDeps,
  account: PushAccount,
): SubscribableAccount {
  const { id, provider, baseUrl, sender, settings } = account;
  const known = providers.all.find((one) => one.id === provider && one.channel === "push");
  const credentials = opened(() => openCredentials(account.credentialsEncrypted, secretKey, id));
  const applicationServerKey =
    credentials === null
      ? null
      : (known?.subscriptionKey?.({ accountId: id, baseUrl, sender, settings, credentials }) ??
        null);
  return { id, provider, applicationServerKey };
}

/** Null for a secret that was sealed with another key. */
function opened<Secret>(open: () => Secret): Secret | null {
  try {
    return open();
  } catch (error) {
    if (error instanceof SecretNotOpened) return null;
    throw error;
  }
}
