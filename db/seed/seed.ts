/**
 * Fills a migrated database. Master data (zones, policies, types, rules, texts, words) goes into every installation; invented
 * people, groups, tickets and the accounts that reach them only where all vendors are simulated.
 *
 * Idempotency: a row that is there is left as it is, edited or not. What belongs to a row (a type's rules, a group's
 * members) comes with it and never alone, so what an administrator has deleted does not come back.
 */
import { randomBytes } from "node:crypto";
import type pg from "pg";
import { DEFAULT_POLICIES } from "../../domain/default-policies.ts";
import { LOCALES } from "../../domain/locale.ts";
import type { PolicyId } from "../../domain/ids.ts";
import { COST_CURRENCY } from "../../domain/price.ts";
import {
  openCredentials,
  openWebhookToken,
  SecretNotOpened,
  sealCredentials,
  sealWebhookToken,
} from "../sealed-secret.ts";
import type { Credentials } from "../sealed-secret.ts";
import { withTransaction } from "../transaction.ts";
import { ACCOUNTS } from "./accounts.ts";
import type { SeedAccount, SimulatedVendorAccess } from "./accounts.ts";
import { GROUPS } from "./groups.ts";
import { metaTemplateFor } from "./meta-templates.ts";
import { PEOPLE } from "./people.ts";
import { EXAMPLE_NOTE, PRICES, PRICES_VALID_FROM_MS } from "./prices.ts";
import { REPLY_MEANINGS, REPLY_WORDS } from "./reply-words.ts";
import { RULES } from "./rules.ts";
import type { SeedRule } from "./rules.ts";
import { seedId } from "./seed-id.ts";
import { TEMPLATES, variablesOf } from "./templates.ts";
import type { SeedTemplate } from "./templates.ts";
import { TICKETS } from "./tickets.ts";
import { TYPES } from "./types.ts";
import type { SeedType } from "./types.ts";
import { ZONES } from "./zones.ts";

export type SeedOptions = {
  /** Set only where every vendor is simulated; null: master data alone. */
  readonly simulated: SimulatedVendorAccess | null;
  /** SIAGA_SECRET_KEY, 32 bytes; seals the accounts' credentials. */
  readonly secretKey: Uint8Array;
  /** Epoch ms. */
  readonly now: number;
};

/** Privacy: `webhookToken` is a secret; for whoever sets up the simulated vendors. */
export type SeededAccount = {
  readonly id: string;
  readonly provider: SeedAccount["provider"];
  readonly channel: SeedAccount["channel"];
  readonly sender: string;
  readonly credentials: SeedAccount["credentials"];
  readonly webhookToken: string;
};

export type SeedResult = {
  /** Rows that this run added, by table; a table without any is absent. */
  readonly added: Readonly<Record<string, number>>;
  /** The simulated accounts, whether or not this run added them; empty without simulated vendors. */
  readonly accounts: readonly SeededAccount[];
};

export async function seed(pool: pg.Pool, options: SeedOptions): Promise<SeedResult> {
  return withTransaction(pool, async (client) => {
    // Two processes that seed at once would each add what belongs to the other's rows.
    await client.query("select pg_advisory_xact_lock(hashtext('siaga seed'))");
    const rows = new Inserter(client);
    await addZones(rows);
    const policies = await addPolicies(rows);
    await addTypes(rows, policies);
    await addTemplates(rows, options.simulated !== null);
    await addReplyWords(rows);
    if (options.simulated === null) return { added: rows.added, accounts: [] };
    await addGroups(rows);
    await addPeople(rows, options.now);
    await addTickets(rows, options.now);
    const accounts = await addAccounts(rows, options.simulated, options);
    return { added: rows.added, accounts };
  });
}

/** Inserts rows that are not there and counts what it added. */
class Inserter {
  readonly client: pg.PoolClient;
  readonly #added = new Map<string, number>();

  constructor(client: pg.PoolClient) {
    this.client = client;
  }

  get added(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#added);
  }

  /** False when a row of the same key was there. `values` by column; lists that are jsonb go in as JSON text. */
  async insert(table: string, values: Readonly<Record<string, unknown>>): Promise<boolean> {
    const columns = Object.keys(values);
    const places = columns.map((_, index) => `$${index + 1}`);
    const { rowCount } = await this.client.query(
      `insert into ${table} (${columns.join(", ")}) values (${places.join(", ")}) on conflict do nothing`,
      Object.values(values),
    );
    const isNew = rowCount === 1;
    if (isNew) this.#added.set(table, (this.#added.get(table) ?? 0) + 1);
    return isNew;
  }
}

async function addZones(rows: Inserter): Promise<void> {
  for (const { code, name, timeZone } of ZONES) {
    await rows.insert("zones", { code, name, time_zone: timeZone });
  }
}

/** Ids of the default policies by code, for the types that name one. */
async function addPolicies(rows: Inserter): Promise<ReadonlyMap<string, string>> {
  for (const [code, policy] of Object.entries(DEFAULT_POLICIES)) {
    const id = policyIdOf(code);
    const isNew = await rows.insert("escalation_policies", {
      id,
      code,
      name: policy.name,
      priority: policy.priority,
      is_default: policy.isPriorityDefault,
    });
    if (!isNew) continue;
    await rows.insert("escalation_policy_versions", {
      policy_id: id,
      version: 1,
      rules: JSON.stringify(policy.rules),
    });
  }
  const { rows: found } = await rows.client.query<{ code: string; id: string }>(
    "select code, id from escalation_policies where code is not null",
  );
  return new Map(found.map(({ code, id }) => [code, id]));
}

/** The id of a default policy, the same in every installation. */
export function policyIdOf(code: string): PolicyId {
  return seedId("pol", code);
}

async function addTypes(rows: Inserter, policies: ReadonlyMap<string, string>): Promise<void> {
  for (const type of TYPES) {
    const isNew = await rows.insert("notification_types", {
      code: type.code,
      name_id: type.nameId,
      name_en: type.nameEn,
      priority: type.priority,
      policy_id: type.policy === null ? null : (policies.get(type.policy) ?? null),
      answers: type.answers,
      is_customer: type.isCustomer,
      is_operational: type.isOperational,
      send_window: type.sendWindow === null ? null : JSON.stringify(type.sendWindow),
      consent_class: type.consentClass,
      preference_class: type.preferenceClass,
    });
    if (isNew) await addRules(rows, type);
  }
}

async function addRules(rows: Inserter, type: SeedType): Promise<void> {
  const rules = RULES.filter((rule) => rule.type === type.code);
  for (const [position, rule] of rules.entries()) {
    await rows.insert("notification_group_rules", {
      id: ruleIdOf(rule),
      notification_type: rule.type,
      conditions: JSON.stringify(rule.conditions),
      audience: JSON.stringify(rule.audience),
      group_categories: rule.groupCategories,
      is_primary: rule.primary,
      channels: JSON.stringify(rule.channels),
      position,
    });
  }
}

export function ruleIdOf(rule: SeedRule): string {
  return seedId("rul", rule.name);
}

/** A text is added where the type never had one for that channel and language, so a later release may bring more. */
async function addTemplates(rows: Inserter, isSimulated: boolean): Promise<void> {
  const { rows: known } = await rows.client.query<Record<"type" | "channel" | "locale", string>>(
    "select distinct type, channel, locale from templates",
  );
  const isKnown = new Set(known.map(({ type, channel, locale }) => `${type} ${channel} ${locale}`));
  for (const template of TEMPLATES) {
    const name = `${template.type} ${template.channel} ${template.locale}`;
    if (isKnown.has(name)) continue;
    await rows.insert("templates", {
      id: seedId("tpl", name),
      version: 1,
      type: template.type,
      channel: template.channel,
      locale: template.locale,
      subject: template.subject,
      body: template.body,
      variables: variablesOf(template),
      provider_template: providerTemplateOf(template, isSimulated),
    });
  }
}

/** A real Meta account has to have the template approved first; then an administrator enters its name. */
function providerTemplateOf(template: SeedTemplate, isSimulated: boolean): string | null {
  if (!template.channel.startsWith("whatsapp_")) return null;
  const answers = TYPES.find(({ code }) => code === template.type)?.answers ?? "none";
  const { name, language, parameters } = metaTemplateFor(
    { code: template.type, answers },
    template.locale,
  );
  return JSON.stringify({
    name: isSimulated ? name : null,
    status: isSimulated ? "approved" : null,
    language,
    parameters,
  });
}

async function addReplyWords(rows: Inserter): Promise<void> {
  for (const locale of LOCALES) {
    const { rowCount } = await rows.client.query("select from reply_words where locale = $1", [
      locale,
    ]);
    if (rowCount !== 0) continue;
    for (const meaning of REPLY_MEANINGS) {
      for (const word of REPLY_WORDS[locale][meaning]) {
        await rows.insert("reply_words", { locale, word, meaning });
      }
    }
  }
}

async function addGroups(rows: Inserter): Promise<void> {
  for (const group of GROUPS) {
    await rows.insert("whatsapp_groups", {
      id: seedId("grp", group.externalId),
      external_id: group.externalId,
      name: group.name,
      description: group.description,
      group_chat_id: group.groupChatId,
      category: group.category,
      work_zone: group.zone,
      types: group.types,
    });
  }
}

async function addPeople(rows: Inserter, now: number): Promise<void> {
  const verifiedAt = new Date(now);
  for (const person of PEOPLE) {
    const id = seedId("usr", person.externalId);
    const isNew = await rows.insert("users", {
      id,
      external_id: person.externalId,
      name: person.name,
      role: person.role,
      zones: person.zones,
      locale: person.locale,
    });
    if (!isNew) continue;
    const contacts = [
      { kind: "phone", value: person.phone },
      ...(person.email === null ? [] : [{ kind: "email", value: person.email }]),
    ];
    for (const { kind, value } of contacts) {
      await rows.insert("contacts", {
        id: seedId("con", `${person.externalId} ${kind}`),
        user_id: id,
        kind,
        value,
        verified_at: verifiedAt,
        verified_by: "import",
      });
    }
    for (const group of person.groups) {
      await addMember(rows, group, { ...person, id });
    }
  }
}

async function addMember(
  rows: Inserter,
  groupExternalId: string,
  person: {
    readonly id: string;
    readonly externalId: string;
    readonly name: string;
    readonly role: string;
    readonly phone: string;
  },
): Promise<void> {
  const groupId = await idByExternalId(rows, "whatsapp_groups", groupExternalId);
  if (groupId === null) return;
  await rows.insert("whatsapp_group_members", {
    id: seedId("mem", `${groupExternalId} ${person.externalId}`),
    group_id: groupId,
    user_id: person.id,
    phone_number: person.phone,
    name: person.name,
    role: person.role,
  });
}

const HOUR_MS = 3_600_000;

async function addTickets(rows: Inserter, now: number): Promise<void> {
  for (const ticket of TICKETS) {
    const openedAt = now - ticket.openedHoursAgo * HOUR_MS;
    await rows.insert("tickets", {
      id: ticket.id,
      title: ticket.title,
      category: ticket.category,
      priority: ticket.priority,
      zone: ticket.zone,
      status: ticket.status,
      assignee_id:
        ticket.assignee === null ? null : await idByExternalId(rows, "users", ticket.assignee),
      customer_id: await idByExternalId(rows, "users", ticket.customer),
      sla_hours: ticket.slaHours,
      deadline_at: new Date(openedAt + ticket.slaHours * HOUR_MS),
      location_text: ticket.location,
      latitude: ticket.latitude,
      longitude: ticket.longitude,
      created_at: new Date(openedAt),
    });
  }
}

/** Null when an administrator has taken the row or its external id away. */
async function idByExternalId(
  rows: Inserter,
  table: "users" | "whatsapp_groups",
  externalId: string,
): Promise<string | null> {
  const { rows: found } = await rows.client.query<{ id: string }>(
    `select id from ${table} where external_id = $1`,
    [externalId],
  );
  return found[0]?.id ?? null;
}

async function addPrices(rows: Inserter, account: string, accountId: string): Promise<void> {
  const prices = PRICES.filter((price) => price.account === account);
  for (const { unit, billingClass = null, prefix = "", ...price } of prices) {
    await rows.insert("price_book", {
      id: seedId("prc", [account, unit, billingClass, prefix].join(" ")),
      account_id: accountId,
      unit,
      billing_class: billingClass,
      prefix,
      amount: price.amount,
      currency: price.currency ?? COST_CURRENCY,
      exchange_rate: price.exchangeRate ?? 1,
      charged_on: price.chargedOn ?? "accepted",
      quota: price.quota ?? null,
      valid_from: new Date(PRICES_VALID_FROM_MS),
      note: EXAMPLE_NOTE,
    });
  }
}

async function addAccounts(
  rows: Inserter,
  simulated: SimulatedVendorAccess,
  { secretKey }: SeedOptions,
): Promise<readonly SeededAccount[]> {
  const seeded: SeededAccount[] = [];
  for (const account of ACCOUNTS) {
    const id = accountIdOf(account);
    const credentials = simulated.credentials[account.credentials];
    const newToken = randomBytes(24).toString("base64url");
    const isNew = await rows.insert("provider_accounts", {
      id,
      provider: account.provider,
      channel: account.channel,
      name: account.name,
      base_url: simulated.baseUrls[account.vendor],
      sender: account.sender,
      device_key: account.deviceKey,
      credentials_encrypted: sealCredentials(credentials, secretKey, id),
      settings: JSON.stringify(account.settings),
      position: account.position,
      purposes: account.purposes,
      pacing: JSON.stringify(account.pacing),
      receipt_deadline_seconds: account.receiptDeadlineSeconds,
      webhook_token_encrypted: sealWebhookToken(newToken, secretKey, id),
    });
    if (isNew && account.isInGroups) await addProvenGroups(rows, id);
    if (isNew) await addPrices(rows, account.name, id);
    const webhookToken = isNew
      ? newToken
      : await followVendors(rows.client, account, id, { simulated, secretKey, newToken });
    seeded.push({
      id,
      provider: account.provider,
      channel: account.channel,
      sender: account.sender,
      credentials: account.credentials,
      webhookToken,
    });
  }
  return seeded;
}

/** The id of a seeded account, the same in every installation with simulated vendors. */
export function accountIdOf(account: SeedAccount): string {
  return seedId("acc", account.name);
}

async function addProvenGroups(rows: Inserter, accountId: string): Promise<void> {
  for (const { externalId } of GROUPS) {
    const groupId = await idByExternalId(rows, "whatsapp_groups", externalId);
    if (groupId === null) continue;
    await rows.insert("provider_account_groups", { account_id: accountId, group_id: groupId });
  }
}

/**
 * Simulated vendors may listen elsewhere and want other credentials than at the last start, and the secret key may be a new
 * one: address and secrets of an account that was there follow them, all else stays. Answers the webhook token in force.
 */
async function followVendors(
  client: pg.PoolClient,
  account: SeedAccount,
  id: string,
  given: {
    readonly simulated: SimulatedVendorAccess;
    readonly secretKey: Uint8Array;
    readonly newToken: string;
  },
): Promise<string> {
  const { simulated, secretKey, newToken } = given;
  const { rows } = await client.query<{
    base_url: string | null;
    credentials_encrypted: Buffer;
    webhook_token_encrypted: Buffer;
  }>(
    "select base_url, credentials_encrypted, webhook_token_encrypted from provider_accounts where id = $1 for update",
    [id],
  );
  const [row] = rows;
  if (row === undefined) return newToken;
  const baseUrl = simulated.baseUrls[account.vendor];
  const credentials = simulated.credentials[account.credentials];
  const known = opened(() => openCredentials(row.credentials_encrypted, secretKey, id));
  const token = opened(() => openWebhookToken(row.webhook_token_encrypted, secretKey, id));
  if (
    row.base_url === baseUrl &&
    known !== null &&
    areEqual(known, credentials) &&
    token !== null
  ) {
    return token;
  }
  await client.query(
    `update provider_accounts set base_url = $2, credentials_encrypted = $3, webhook_token_encrypted = $4,
       version = version + 1, updated_at = now()
     where id = $1`,
    [
      id,
      baseUrl,
      sealCredentials(credentials, secretKey, id),
      sealWebhookToken(token ?? newToken, secretKey, id),
    ],
  );
  return token ?? newToken;
}

/** Null for a secret that was sealed with another key. */
function opened<T>(open: () => T): T | null {
  try {
    return open();
  } catch (error) {
    if (error instanceof SecretNotOpened) return null;
    throw error;
  }
}

function areEqual(a: Credentials, b: Credentials): boolean {
  const names = new Set([...Object.keys(a), ...Object.keys(b)]);
  return [...names].every((name) => a[name] === b[name]);
}
