import { CHANNELS } from "../domain/channel.ts";
import type { Channel } from "../domain/channel.ts";
import type { PolicyRules } from "../domain/escalation-policy.ts";
import { LOCALES } from "../domain/locale.ts";
import type { Locale } from "../domain/locale.ts";
import type {
  AttachmentCarriage,
  CandidateGroup,
  CandidatePolicy,
  RequestFacts,
  RoutingRule,
  SnapshotAccount,
  SnapshotTemplate,
  SnapshotType,
  TextFacts,
} from "../domain/plan-snapshot.ts";
import { judgeTemplate } from "../domain/provider-template.ts";
import type {
  TemplateFault,
  TemplateMapping,
  VendorTemplate,
} from "../domain/provider-template.ts";
import { chooseTemplate, TEXT_LENDERS } from "../domain/template-choice.ts";
import { VENDOR_TEMPLATE_JSON } from "./provider-templates.ts";

/**
 * What planning knows of the installation and not of the request: types, rules, policies, texts, accounts with their prices, groups, zones, holidays. It changes
 * a few times a day and is read for every notification, so a process keeps it under its version (`installation_versions`).
 *
 * Whoever uses what is kept reads the version in the same statement as the rest: if it is the kept one, that statement would have read just this. Versions are
 * random and never come twice, so it does not matter which database or transaction something was read in.
 */

/** Holds what was read last; one for each process, or for whatever else asks of one database. */
export interface InstallationCache {
  latest: Installation | null;
}

export function createInstallationCache(): InstallationCache {
  return { latest: null };
}

export interface Installation {
  /** Null: the table of versions is empty, and nothing may be kept. */
  readonly version: string | null;
  readonly types: ReadonlyMap<string, InstallationType>;
  readonly zones: ReadonlyMap<string, { readonly code: string; readonly name: string }>;
  readonly zoneTimeZones: Readonly<Record<string, string>>;
  /** Enabled ones by type, in their order. */
  readonly rules: ReadonlyMap<string, readonly RoutingRule[]>;
  /** With their newest version. */
  readonly policies: readonly CandidatePolicy[];
  readonly groups: readonly CandidateGroup[];
  /** All dates by zone; `*` for all. */
  readonly holidays: RequestFacts["holidays"];
  /** Devices of the accounts for personal WhatsApp. */
  readonly deviceKeys: readonly string[];
  /** Disabled ones too. */
  readonly knownAccountIds: readonly string[];
  /** Some price holds only for certain numbers. */
  readonly hasPrefixPrices: boolean;
  /** Texts of a type, and the accounts as they stand to them; made when first asked for. */
  readonly outfitOf: (type: string) => Outfit;
}

export interface InstallationType {
  readonly type: SnapshotType;
  readonly names: NonNullable<TextFacts["typeNames"]>;
  /** What opting out of it is called. */
  readonly messageClass: string;
}

export type Outfit = Pick<RequestFacts, "templates" | "accounts" | "smsSegments">;

/** What the database can't say of an account: what its provider reports of its messages and can attach to them. Null: no such provider. */
export type CapabilitiesOf = (account: {
  readonly provider: string;
  readonly channel: string;
  readonly sender: string;
  readonly settings: Readonly<Record<string, unknown>>;
}) => {
  readonly givesSent: boolean;
  readonly givesDelivered: boolean;
  readonly carries?: AttachmentCarriage;
  /** Outside the recipient's window only approved templates may be sent. */
  readonly needsTemplates?: boolean;
} | null;

export interface InstallationContext {
  /** The same for the same account. */
  readonly capabilitiesOf: CapabilitiesOf;
  /** Composed from rendering/: how many parts an SMS with a template's text has. One if not given. */
  readonly segmentsOf?: (template: string) => number;
}

/** What INSTALLATION gives. */
export interface InstallationRow {
  readonly types: readonly InstallationType[];
  readonly zones: readonly {
    readonly code: string;
    readonly name: string;
    readonly timeZone: string;
  }[];
  readonly rules: readonly { readonly type: string; readonly rule: RoutingRule }[];
  readonly policies: readonly PolicyRow[];
  readonly templates: readonly { readonly type: string; readonly text: MappedText }[];
  readonly accounts: readonly AccountRow[];
  readonly groups: readonly CandidateGroup[];
  readonly holidays: RequestFacts["holidays"];
  readonly hasPrefixPrices: boolean;
}

/** A policy in one of its versions. */
export type PolicyRow = Omit<CandidatePolicy, keyof PolicyRules> & { readonly rules: PolicyRules };

type MappedText = SnapshotTemplate & { readonly providerTemplate: TemplateMapping | null };

interface AccountRow {
  readonly id: string;
  readonly provider: string;
  readonly channel: string;
  readonly sender: string;
  readonly settings: Readonly<Record<string, unknown>>;
  readonly purposes: readonly string[];
  readonly health: SnapshotAccount["health"];
  readonly isStandby: boolean;
  readonly enabled: boolean;
  readonly receiptDeadlineSeconds: number;
  readonly deviceKey: string;
  readonly prices: NonNullable<SnapshotAccount["prices"]>;
  readonly vendorTemplates: readonly VendorTemplate[];
  readonly pacing: { readonly perSecond?: number; readonly minGapSeconds?: number };
}

export function toInstallation(
  version: string | null,
  row: InstallationRow,
  context: InstallationContext,
): Installation {
  const { accounts, groups, holidays, hasPrefixPrices } = row;
  const texts = grouped(row.templates, ({ type, text }) => [type, text]);
  const outfits = new Map<string, Outfit>();
  const makeOutfit = (type: string): Outfit => {
    const templates = texts.get(type) ?? [];
    return {
      templates,
      accounts: accounts.flatMap((account) => toAccount(account, templates, context)),
      ...smsSegmentsOf(accounts, templates, context),
    };
  };
  return {
    version,
    types: new Map(row.types.map((one) => [one.type.code, one])),
    zones: new Map(row.zones.map(({ code, name }) => [code, { code, name }])),
    zoneTimeZones: Object.fromEntries(row.zones.map(({ code, timeZone }) => [code, timeZone])),
    rules: grouped(row.rules, ({ type, rule }) => [type, rule]),
    policies: row.policies.map(toPolicy),
    groups,
    holidays,
    deviceKeys: [
      ...new Set(
        accounts
          .filter(({ channel }) => channel === "whatsapp_personal")
          .map(({ deviceKey }) => deviceKey),
      ),
    ],
    knownAccountIds: accounts.map(({ id }) => id),
    hasPrefixPrices,
    outfitOf: (type) => {
      // What no type is called is not kept: requests may ask for anything.
      if (!texts.has(type)) return makeOutfit(type);
      const outfit = outfits.get(type) ?? makeOutfit(type);
      outfits.set(type, outfit);
      return outfit;
    },
  };
}

export function toPolicy({ rules, ...policy }: PolicyRow): CandidatePolicy {
  return { ...policy, ...rules };
}

/** Values by key, in the order of their rows. */
export function grouped<Row, Value>(
  rows: readonly Row[],
  entryOf: (row: Row) => readonly [string, Value],
): ReadonlyMap<string, readonly Value[]> {
  const groups = new Map<string, Value[]>();
  for (const [key, value] of rows.map(entryOf)) {
    const group = groups.get(key) ?? [];
    group.push(value);
    groups.set(key, group);
  }
  return groups;
}

/** Counted only where a price asks for it: the longest of the languages. */
function smsSegmentsOf(
  accounts: readonly AccountRow[],
  templates: readonly MappedText[],
  { segmentsOf }: InstallationContext,
): Pick<Outfit, "smsSegments"> {
  const isCounted = accounts.some(({ prices }) => prices.some(({ unit }) => unit === "segment"));
  if (segmentsOf === undefined || !isCounted) return {};
  const lender = TEXT_LENDERS.sms.find((from) => templates.some(({ channel }) => channel === from));
  const counts = templates
    .filter(({ channel }) => channel === lender)
    .map(({ body }) => segmentsOf(body));
  return { smsSegments: Math.max(1, ...counts) };
}

function toAccount(
  account: AccountRow,
  texts: readonly MappedText[],
  context: InstallationContext,
): readonly SnapshotAccount[] {
  const channel = CHANNELS.find((known) => known === account.channel);
  const capabilities = context.capabilitiesOf(account);
  if (!account.enabled || channel === undefined || capabilities === null) return [];
  const { perSecond = 0, minGapSeconds = 0 } = account.pacing;
  return [
    {
      id: account.id,
      channel,
      purposes: account.purposes,
      health: account.health,
      isStandby: account.isStandby,
      givesSent: capabilities.givesSent,
      givesDelivered: capabilities.givesDelivered,
      ...(capabilities.carries === undefined ? {} : { carries: capabilities.carries }),
      ...(capabilities.needsTemplates === true
        ? { templateFaults: templateFaultsOf(account, channel, texts) }
        : {}),
      receiptDeadlineMs: account.receiptDeadlineSeconds * 1_000,
      deviceKey: account.deviceKey,
      gapMs: Math.max(minGapSeconds * 1_000, perSecond > 0 ? 1_000 / perSecond : 0),
      prices: account.prices,
    },
  ];
}

function templateFaultsOf(
  { vendorTemplates }: AccountRow,
  channel: Channel,
  texts: readonly MappedText[],
): NonNullable<SnapshotAccount["templateFaults"]> {
  const faults: Partial<Record<Locale, TemplateFault>> = {};
  for (const locale of LOCALES) {
    const text = chooseTemplate(texts, channel, locale);
    if (text === null) continue;
    const verdict = judgeTemplate(text.providerTemplate, text.locale, vendorTemplates);
    if (!verdict.ok) faults[locale] = verdict.fault;
  }
  return faults;
}

/** Epoch ms of a timestamp, as JSON carries it. */
export function epochMs(column: string): string {
  return `floor(extract(epoch from ${column}) * 1000)::bigint`;
}

/** Null where there is none. */
export const INSTALLATION_VERSION = `(select string_agg(v.id::text, ' ' order by v.id) from installation_versions v)`;

/** From policy `p` and its version `v`. */
export const POLICY_JSON = `json_build_object('id', p.id, 'version', v.version, 'name', p.name, 'priority', p.priority, 'isDefault', p.is_default,
  'isActive', p.is_active, 'isCurrent', v.version = p.current_version, 'rules', v.rules)`;

/** An InstallationRow as one JSON. Every table here has a trigger that changes the version (000027_installation_version.sql). */
export const INSTALLATION = `json_build_object(
  'types', (
    select coalesce(json_agg(json_build_object(
      'names', json_build_object('id', k.name_id, 'en', k.name_en),
      'messageClass', k.message_class,
      'type', json_build_object('code', k.code, 'priority', k.priority, 'policyId', k.policy_id, 'answers', k.answers,
        'isCustomer', k.is_customer, 'isOperational', k.is_operational, 'sendWindow', k.send_window,
        'preferenceClass', k.preference_class, 'consentClass', k.consent_class, 'isActive', k.is_active)
    )), '[]')
    from notification_types k
  ),
  'zones', (select coalesce(json_agg(json_build_object('code', z.code, 'name', z.name, 'timeZone', z.time_zone)), '[]') from zones z),
  'rules', (
    select coalesce(json_agg(json_build_object('type', g.notification_type, 'rule', json_build_object('id', g.id, 'conditions', g.conditions,
      'audience', g.audience, 'groupIds', g.group_ids, 'groupCategories', g.group_categories, 'primary', g.is_primary, 'policyId', g.policy_id,
      'channels', g.channels)) order by g.position, g.id), '[]')
    from notification_group_rules g where g.enabled
  ),
  'policies', (
    select coalesce(json_agg(${POLICY_JSON} order by p.id), '[]')
    from escalation_policies p join escalation_policy_versions v on v.policy_id = p.id and v.version = p.current_version
  ),
  'templates', (
    select coalesce(json_agg(json_build_object('type', t.type, 'text', json_build_object('channel', t.channel, 'locale', t.locale,
      'subject', t.subject, 'body', t.body, 'providerTemplate', t.provider_template)) order by t.channel, t.locale), '[]')
    from templates t where t.is_current
  ),
  'accounts', (
    select coalesce(json_agg(json_build_object('id', a.id, 'provider', a.provider, 'channel', a.channel, 'sender', a.sender,
      'settings', a.settings, 'purposes', a.purposes, 'health', a.health_state, 'isStandby', a.is_standby, 'enabled', a.enabled,
      'receiptDeadlineSeconds', a.receipt_deadline_seconds, 'deviceKey', a.device_key, 'pacing', a.pacing,
      'vendorTemplates', (
        select coalesce(json_agg(${VENDOR_TEMPLATE_JSON}), '[]') from provider_templates p
        where p.account_id = a.id and p.name in (select t.provider_template ->> 'name' from templates t where t.is_current)
      ),
      'prices', (
        -- Each slot's present price and those to come. What time has outdated since is older than what it outdated it with.
        select coalesce(json_agg(json_build_object('unit', p.unit, 'billingClass', p.billing_class, 'prefix', p.prefix,
          'unitMicros', (p.unit_cost * 1000000)::bigint, 'incrementSeconds', p.increment_seconds, 'validFrom', ${epochMs("p.valid_from")})), '[]')
        from price_book p
        where p.account_id = a.id and p.unit <> 'month' and not exists (
          select from price_book newer
          where newer.account_id = p.account_id and newer.unit <> 'month' and newer.prefix = p.prefix
            and newer.billing_class is not distinct from p.billing_class and newer.valid_from > p.valid_from and newer.valid_from <= now()
        )
      )
    ) order by a.channel, a.position, a.id), '[]')
    from provider_accounts a
  ),
  'groups', (
    select coalesce(json_agg(json_build_object('id', g.id, 'externalId', g.external_id, 'category', g.category, 'zone', g.work_zone,
      'serviceTypes', g.service_types, 'types', g.types, 'minPriority', g.min_priority, 'timeZone', g.time_zone,
      'quietHours', g.quiet_hours, 'isActive', g.is_active, 'version', g.version, 'hasChat', g.group_chat_id is not null,
      'provenAccountIds', coalesce((select json_agg(x.account_id) from provider_account_groups x where x.group_id = g.id), '[]')
    ) order by g.id), '[]')
    from whatsapp_groups g
  ),
  'holidays', (
    select coalesce(json_object_agg(h.zone, h.dates), '{}') from (
      select zone, json_agg(date order by date) as dates from holidays group by zone
    ) h
  ),
  'hasPrefixPrices', exists (select from price_book p where p.prefix <> '')
)`;
