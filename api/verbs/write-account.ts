import type pg from "pg";
import { recordAudit } from "../../db/audit.ts";
import {
  accountTag,
  insertProviderAccount,
  lockProviderAccount,
  readProviderAccount,
  updateProviderAccount,
} from "../../db/provider-accounts.ts";
import type { AccountFields, Pacing, ProviderAccountRow } from "../../db/provider-accounts.ts";
import {
  SecretNotOpened,
  openCredentials,
  openWebhookToken,
  sealCredentials,
  sealWebhookToken,
} from "../../db/sealed-secret.ts";
import type { Credentials } from "../../db/sealed-secret.ts";
import { withTransaction } from "../../db/transaction.ts";
import { deviceKeyOf, isOnThisMachine, normaliseBaseUrl } from "../../domain/account.ts";
import type { AccountPurpose } from "../../domain/account.ts";
import type { Actor } from "../../domain/actor.ts";
import type { Channel } from "../../domain/channel.ts";
import { makeId } from "../../domain/ids.ts";
import type { WarmUp } from "../../domain/number-protection.ts";
import { may } from "../../domain/permissions.ts";
import { normalisePhone } from "../../domain/phone-number.ts";
import type { Provider } from "../../providers/provider.ts";
import type { ProviderRegistry } from "../../providers/registry.ts";
import { namesOf } from "./change-user.ts";
import { Forbidden, InvalidInput } from "./errors.ts";
import type { Problem } from "./errors.ts";
import { assertCurrent } from "./if-match.ts";
import type { IfMatch } from "./if-match.ts";
import { starvedPolicies } from "./policy-evidence.ts";
import { readFields } from "./provider-schema.ts";
import type { PartOf } from "./part-of.ts";
import { foundAccount, toSeenAccount } from "./see-accounts.ts";
import type { AccountDeps, SeenAccount } from "./see-accounts.ts";

/**
 * Provider accounts. Credentials and settings are what the provider's own schemas say; secrets go in and never come out:
 * an answer shows `***` where one is set, and `***` in a change means the one that is there.
 */

export type WriteAccountDeps = AccountDeps & {
  readonly now: () => number;
  readonly randomBytes: (count: number) => Uint8Array;
  readonly providers: ProviderRegistry;
  /** Nothing may leave this machine: only simulated vendors' addresses are taken. */
  readonly isSimulated: boolean;
};

/** What an answer shows for a secret that is set. */
export const HIDDEN = "***";

export type AccountInput = {
  readonly provider: string;
  readonly channel: Channel;
  readonly name: string;
  readonly sender: string;
  readonly credentials: Readonly<Record<string, unknown>>;
} & AccountOptions;

type AccountOptions = {
  readonly baseUrl?: string | null | undefined;
  readonly settings?: Readonly<Record<string, unknown>> | undefined;
  readonly order?: number | undefined;
  readonly purposes?: readonly AccountPurpose[] | undefined;
  readonly pacing?: { readonly [Name in keyof Pacing]?: number | undefined } | undefined;
  readonly dailyCap?: number | null | undefined;
  readonly newContactCap?: number | null | undefined;
  readonly warmUp?: WarmUp | null | undefined;
  readonly standby?: boolean | undefined;
  readonly receiptDeadlineSeconds?: number | undefined;
  readonly enabled?: boolean | undefined;
};

/** A credential that is null is taken away. */
export type AccountChange = AccountOptions & {
  readonly name?: string | undefined;
  readonly sender?: string | undefined;
  readonly credentials?: Readonly<Record<string, unknown>> | undefined;
};

const WEBHOOK_TOKEN_BYTES = 32;
const PURPOSES_DEFAULT: readonly AccountPurpose[] = ["critical", "operational"];
/** For providers that never report `sent`: nothing waits for it, the column wants a number. */
const RECEIPT_DEADLINE_SECONDS_UNREPORTED = 60;

/** @throws Forbidden, InvalidInput naming every bad field */
export async function createAccount(
  deps: WriteAccountDeps,
  { actor, account }: { readonly actor: Actor; readonly account: AccountInput },
): Promise<SeenAccount> {
  judgeWriter(actor);
  const nowMs = deps.now();
  const id = makeId("acc", nowMs, deps.randomBytes(10));
  const { fields, problems } = judgeNew(deps, id, account);
  if (fields === null || problems.length > 0) throw new InvalidInput(problems);
  return withTransaction(deps.pool, async (client) => {
    const { provider, channel } = account;
    await insertProviderAccount(client, { ...fields, id, provider, channel }, nowMs);
    await recordAudit(
      client,
      { by: actor, action: "provider_account.created", subject: id },
      nowMs,
    );
    return written(deps, client, actor, id);
  });
}

/** @throws Forbidden, NotFound, Outdated, InvalidInput naming every bad field */
export async function changeAccount(
  deps: WriteAccountDeps,
  input: {
    readonly actor: Actor;
    readonly id: string;
    readonly change: AccountChange;
    readonly ifMatch: IfMatch;
  },
): Promise<SeenAccount> {
  const { actor, id, change } = input;
  judgeWriter(actor);
  const nowMs = deps.now();
  return withTransaction(deps.pool, async (client) => {
    const row = foundAccount(await lockProviderAccount(client, id));
    assertCurrent(input.ifMatch, accountTag(row));
    const { provider, problems: unknown } = findProvider(deps.providers, row);
    if (provider === null) throw new InvalidInput(unknown);
    const credentials = openedOrNone(deps, row);
    const { fields, problems } = judgeFields(deps, provider, id, change, { row, credentials });
    if (problems.length > 0) throw new InvalidInput(problems);
    await updateProviderAccount(client, id, fields, nowMs);
    await recordAudit(
      client,
      {
        by: actor,
        action: "provider_account.changed",
        subject: id,
        detail: { fields: namesOf(change) },
      },
      nowMs,
    );
    return written(deps, client, actor, id);
  });
}

/** The account as it is now, and which policies its change has left without what they wait for. */
async function written(
  deps: WriteAccountDeps,
  client: pg.PoolClient,
  actor: Actor,
  id: string,
): Promise<SeenAccount> {
  const seen = toSeenAccount(deps, actor, foundAccount(await readProviderAccount(client, id)));
  return { ...seen, starved: await starvedPolicies(client, deps.providers) };
}

/**
 * What is wrong with that part of a change which its schema accepts. Asked of somebody who may not change accounts, it
 * refuses that instead.
 *
 * @throws Forbidden, NotFound
 */
export async function judgeAccountChange(
  deps: WriteAccountDeps,
  { actor, id, part }: { readonly actor: Actor; readonly id: string; readonly part: AccountChange },
): Promise<readonly Problem[]> {
  judgeWriter(actor);
  const row = foundAccount(await readProviderAccount(deps.pool, id));
  const { provider, problems } = findProvider(deps.providers, row);
  if (provider === null) return problems;
  return judgeFields(deps, provider, id, part, { row, credentials: openedOrNone(deps, row) })
    .problems;
}

/**
 * What is wrong with that part of a new account which its schema accepts. Asked of somebody who may not make accounts, it
 * refuses that instead.
 *
 * @throws Forbidden
 */
export function judgeAccountPart(
  deps: WriteAccountDeps,
  actor: Actor,
  part: PartOf<AccountInput>,
): readonly Problem[] {
  judgeWriter(actor);
  const { provider, channel } = part;
  if (provider === undefined || channel === undefined) return [];
  return judgeNew(deps, "", { ...part, provider, channel }).problems;
}

function judgeNew(
  deps: WriteAccountDeps,
  id: string,
  account: AccountChange & Pick<AccountInput, "provider" | "channel">,
): { readonly fields: AccountFields | null; readonly problems: readonly Problem[] } {
  const { provider, problems } = findProvider(deps.providers, account);
  return provider === null
    ? { fields: null, problems }
    : judgeFields(deps, provider, id, account, { row: null, credentials: {} });
}

function findProvider(
  { all }: ProviderRegistry,
  { provider: id, channel }: { readonly provider: string; readonly channel: string },
): { readonly provider: Provider | null; readonly problems: readonly Problem[] } {
  const ofId = all.filter((provider) => provider.id === id);
  const provider = ofId.find((one) => one.channel === channel) ?? null;
  if (provider !== null) return { provider, problems: [] };
  return {
    provider,
    problems: [
      ofId.length === 0
        ? { path: "provider", code: "unknown", message: "There is no such provider." }
        : {
            path: "channel",
            code: "unsupported",
            message: `This provider carries ${ofId.map((one) => one.channel).join(", ")}.`,
          },
    ],
  };
}

/** Secrets that another key sealed are lost; whoever gives new ones repairs the account. */
function openedOrNone({ secretKey }: AccountDeps, row: ProviderAccountRow): Credentials {
  return unlessLost(() => openCredentials(row.credentials_encrypted, secretKey, row.id)) ?? {};
}

/** The token that is there; a new one for a new account, and for one whose token is lost. */
function webhookToken(
  { secretKey, randomBytes }: WriteAccountDeps,
  row: ProviderAccountRow | null,
): string {
  const known =
    row && unlessLost(() => openWebhookToken(row.webhook_token_encrypted, secretKey, row.id));
  return known ?? Buffer.from(randomBytes(WEBHOOK_TOKEN_BYTES)).toString("base64url");
}

function unlessLost<Secret>(open: () => Secret): Secret | null {
  try {
    return open();
  } catch (error) {
    if (error instanceof SecretNotOpened) return null;
    throw error;
  }
}

type Before = { readonly row: ProviderAccountRow | null; readonly credentials: Credentials };

/** The fields as they are stored, and everything that is wrong with them at once. */
function judgeFields(
  deps: WriteAccountDeps,
  provider: Provider,
  id: string,
  given: AccountChange,
  { row, credentials: known }: Before,
): { readonly fields: AccountFields; readonly problems: readonly Problem[] } {
  const { defaults } = provider;
  const sender = readSender(given.sender ?? row?.sender ?? "");
  const baseUrl = readBaseUrl(
    deps,
    provider,
    given.baseUrl === undefined ? row?.base_url : given.baseUrl,
  );
  const credentials = readFields(
    "credentials",
    provider.credentials,
    mergeCredentials(known, given.credentials ?? {}),
  );
  const settings = readFields("settings", provider.settings, given.settings ?? row?.settings ?? {});
  const pacing = {
    ...defaults.pacing,
    pairGapSeconds: defaults.pairGapSeconds,
    ...row?.pacing,
    ...definedOf(given.pacing ?? {}),
  };
  return {
    problems: [credentials, settings]
      .flatMap((read) => (read.ok ? [] : read.problems))
      .concat(baseUrl.problems),
    fields: {
      name: given.name ?? row?.name ?? "",
      baseUrl: baseUrl.url,
      sender,
      deviceKey: deviceKeyOf(provider.id, sender),
      credentialsEncrypted: sealCredentials(
        credentials.ok ? definedOf(credentials.fields) : {},
        deps.secretKey,
        id,
      ),
      webhookTokenEncrypted: sealWebhookToken(webhookToken(deps, row), deps.secretKey, id),
      settings: settings.ok ? settings.fields : {},
      position: given.order ?? null,
      purposes: given.purposes ?? row?.purposes ?? PURPOSES_DEFAULT,
      pacing,
      dailyCap:
        given.dailyCap === undefined ? (row ? row.daily_cap : defaults.dailyCap) : given.dailyCap,
      newContactCap:
        given.newContactCap === undefined ? (row?.new_contact_cap ?? null) : given.newContactCap,
      warmUp: given.warmUp === undefined ? (row?.warm_up ?? null) : given.warmUp,
      isStandby: given.standby ?? row?.is_standby ?? false,
      receiptDeadlineSeconds:
        given.receiptDeadlineSeconds ??
        row?.receipt_deadline_seconds ??
        defaults.receiptDeadlineSeconds ??
        RECEIPT_DEADLINE_SECONDS_UNREPORTED,
      enabled: given.enabled ?? row?.enabled ?? true,
    },
  };
}

/** What is there, with what is given: `***` keeps, null takes away. */
function mergeCredentials(
  known: Credentials,
  given: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  const changed = Object.entries(given).filter(
    ([name, value]) => !(value === HIDDEN && Object.hasOwn(known, name)),
  );
  const merged = { ...known, ...Object.fromEntries(changed) };
  return Object.fromEntries(Object.entries(merged).filter(([, value]) => value !== null));
}

function definedOf<Value>(
  values: Readonly<Record<string, Value | undefined>>,
): Record<string, Value> {
  return Object.fromEntries(
    Object.entries(values).filter((entry): entry is [string, Value] => entry[1] !== undefined),
  );
}

/** A number is stored as all numbers are; ids and names that vendors give stay as they are. */
function readSender(text: string): string {
  const sender = text.trim();
  const looksLikeNumber = /^(?:\+|0|62)[\d\s().-]+$/.test(sender);
  const phone = looksLikeNumber ? normalisePhone(sender) : null;
  return phone?.ok === true ? phone.phone : sender;
}

function readBaseUrl(
  { isSimulated }: WriteAccountDeps,
  { defaults }: Provider,
  given: string | null | undefined,
): { readonly url: string | null; readonly problems: readonly Problem[] } {
  const url = given === null || given === undefined ? null : normaliseBaseUrl(given);
  if (given !== null && given !== undefined && url === null) {
    const message =
      "Must be an address (http, https, smtp, smtps) without a user, a query or a fragment.";
    return { url, problems: [{ path: "baseUrl", code: "invalid_url", message }] };
  }
  if (isSimulated && (url === null || !isOnThisMachine(url))) {
    const message = "All vendors are simulated here: must be an address of this machine.";
    return { url, problems: [{ path: "baseUrl", code: "not_simulated", message }] };
  }
  if (url === null && defaults.baseUrl === null) {
    const message = "Required: every installation of this provider has an address of its own.";
    return { url, problems: [{ path: "baseUrl", code: "required", message }] };
  }
  return { url, problems: [] };
}

/** @throws Forbidden */
export function judgeWriter(actor: Actor): void {
  if (!may(actor, "write_accounts")) throw new Forbidden();
}
