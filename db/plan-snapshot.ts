import type pg from "pg";

import { CHANNELS } from "../domain/channel.ts";
import type { Channel } from "../domain/channel.ts";
import type { ContactState } from "../domain/effective-settings.ts";
import type { PolicyRules } from "../domain/escalation-policy.ts";
import { LOCALES } from "../domain/locale.ts";
import type { Locale } from "../domain/locale.ts";
import type { Outcome, StopAct } from "../domain/notification.ts";
import type {
  AttachmentCarriage,
  CandidatePerson,
  CandidatePolicy,
  RawRequest,
  RequestFacts,
  SnapshotAccount,
  SnapshotTemplate,
  TextFacts,
} from "../domain/plan-snapshot.ts";
import { PREFIX_DIGITS_MAX } from "../domain/price.ts";
import { judgeTemplate } from "../domain/provider-template.ts";
import type {
  TemplateFault,
  TemplateMapping,
  VendorTemplate,
} from "../domain/provider-template.ts";
import { ROLE_LADDER } from "../domain/role.ts";
import type { RunPlan } from "../domain/run.ts";
import { chooseTemplate, TEXT_LENDERS } from "../domain/template-choice.ts";
import { VENDOR_TEMPLATE_JSON } from "./provider-templates.ts";

/**
 * Loads what the planner and the request check need to know, in one statement: a plain notification may cost twenty in all, and one statement sees one moment.
 * Only rows that can matter are read: the persons named by the request, its ticket and its rules, the groups that a rule or their own list names.
 */

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

export interface SnapshotContext {
  readonly installationTimeZone: string;
  readonly capabilitiesOf: CapabilitiesOf;
  /** Composed from rendering/: how many parts an SMS with a template's text has. One if not given. */
  readonly segmentsOf?: (template: string) => number;
}

/** The record of a notification, as far as planning needs it. */
export interface StoredNotification {
  readonly id: string;
  readonly workflowId: string;
  readonly runId: string | null;
  /** Hexadecimal. */
  readonly bodyHash: string;
  /** A message of the ladder has been handed to an account, or was about to be. */
  readonly hasSent: boolean;
  readonly outcome: Outcome | null;
  readonly stopKind: StopAct | null;
  readonly stopActId: string | null;
  readonly runPlan: RunPlan | null;
  readonly acts: readonly StoredAct[];
  readonly targets: readonly StoredTarget[];
}

export interface StoredAct {
  readonly actId: string;
  readonly kind: string;
  readonly at: number;
  readonly userId: string | null;
  readonly params: Readonly<Record<string, unknown>>;
}

export interface StoredTarget {
  readonly target: string;
  readonly kind: "person" | "group";
  readonly origin: "audience" | "role_up" | "reassigned" | "added";
  readonly state: "open" | "answered" | "refused" | "out" | "left_out";
}

export interface LoadOptions {
  /** Epoch ms; bounds the holidays. */
  readonly now: number;
  /** Roles whose members are wanted whatever the rules say: the next role up. */
  readonly roles?: readonly string[];
  /** Persons wanted beyond those of the request: a new assignee. Ids or `ext:` ids. */
  readonly userIds?: readonly string[];
  /** Of a policy with role-up, the persons whom it may tell: for a plan that people read. */
  readonly withRoleUp?: boolean;
  /** A policy wanted beside those of the request: another priority's default, or another version of its own. */
  readonly priority?: string | null;
  readonly policyVersion?: number | null;
}

/** Null: no such notification. `idOrWorkflowId` is unique as either. */
export async function loadStored(
  client: pg.Pool | pg.PoolClient,
  idOrWorkflowId: string,
  context: SnapshotContext,
  options: LoadOptions,
): Promise<{ readonly stored: StoredNotification; readonly facts: RequestFacts } | null> {
  const { rows } = await client.query<SnapshotRow>({
    name: "plan-snapshot-stored",
    text: STORED_SNAPSHOT,
    values: [idOrWorkflowId, ...optionValues(options)],
  });
  const row = rows[0];
  if (!row?.stored) return null;
  return { stored: row.stored, facts: toFacts(row, context) };
}

export async function loadRequest(
  client: pg.Pool | pg.PoolClient,
  request: RawRequest,
  context: SnapshotContext,
  options: LoadOptions,
): Promise<RequestFacts> {
  const { rows } = await client.query<SnapshotRow>({
    name: "plan-snapshot-request",
    text: REQUEST_SNAPSHOT,
    values: [JSON.stringify(request), ...optionValues(options)],
  });
  const row = rows[0];
  if (!row) throw new Error("Invariant broken: a request's snapshot is one row");
  return toFacts(row, context);
}

/** Quiet hours look ahead a year; one day back, because a window of yesterday's holiday may still last. */
const HOLIDAYS_BACK_MS = 2 * 86_400_000;
const HOLIDAYS_AHEAD_MS = 370 * 86_400_000;

function optionValues(options: LoadOptions): readonly unknown[] {
  const day = (instant: number): string => new Date(instant).toISOString().slice(0, 10);
  return [
    day(options.now - HOLIDAYS_BACK_MS),
    day(options.now + HOLIDAYS_AHEAD_MS),
    options.roles ?? [],
    options.userIds ?? [],
    options.withRoleUp === true ? ROLE_LADDER.slice(1).flat() : [],
    options.priority ?? null,
    options.policyVersion ?? null,
  ];
}

interface SnapshotRow extends Pick<
  RequestFacts,
  "request" | "type" | "ticket" | "rules" | "groups"
> {
  readonly templates: readonly MappedText[];
  readonly stored: StoredNotification | null;
  readonly zone_is_known: boolean;
  readonly policies: readonly (Omit<CandidatePolicy, keyof PolicyRules> & {
    readonly rules: PolicyRules;
  })[];
  readonly persons: readonly (Omit<CandidatePerson, "phone" | "email"> & {
    readonly phone: ContactState | null;
    readonly email: ContactState | null;
  })[];
  readonly accounts: readonly AccountRow[];
  readonly user_id_by_phone: RequestFacts["userIdByPhone"];
  readonly texts: TextFacts;
  readonly zone_time_zones: RequestFacts["zoneTimeZones"];
  readonly holidays: RequestFacts["holidays"] | null;
}

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

function toFacts(row: SnapshotRow, context: SnapshotContext): RequestFacts {
  const { request, type, ticket, rules, groups, templates, texts } = row;
  return {
    request,
    type,
    ticket,
    rules,
    groups,
    templates,
    texts,
    isZoneKnown: row.zone_is_known,
    policies: row.policies.map(({ rules: policyRules, ...policy }) => ({
      ...policy,
      ...policyRules,
    })),
    persons: row.persons.map((person) => ({
      ...person,
      phone: person.phone ?? "none",
      email: person.email ?? "none",
    })),
    accounts: row.accounts.flatMap((account) => toAccount(account, row.templates, context)),
    ...smsSegmentsOf(row, context),
    knownAccountIds: row.accounts.map(({ id }) => id),
    userIdByPhone: row.user_id_by_phone,
    zoneTimeZones: row.zone_time_zones,
    holidays: row.holidays ?? {},
    installationTimeZone: context.installationTimeZone,
  };
}

/** Counted only where a price asks for it: the longest of the languages. */
function smsSegmentsOf(
  { accounts, templates }: SnapshotRow,
  { segmentsOf }: SnapshotContext,
): Pick<RequestFacts, "smsSegments"> {
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
  context: SnapshotContext,
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

type MappedText = SnapshotTemplate & { readonly providerTemplate: TemplateMapping | null };

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
function epochMs(column: string): string {
  return `floor(extract(epoch from ${column}) * 1000)::bigint`;
}

/**
 * From a CTE `q` (one row: `r`, the raw request; `stored`; `id`, the notification's or null) to everything else.
 * Parameters: $2, $3 holidays from and to; $4 roles wanted; $5 persons wanted; $6 roles of role-up, if wanted; $7, $8 another policy's priority or version.
 */
const REST = `
given as (
    select q.id, q.r ->> 'type' as type, q.r ->> 'priority' as priority, nullif(q.r ->> 'zone', '') as zone,
      case when q.r ->> 'ticketId' like 'ext:%' then substr(q.r ->> 'ticketId', 5) else q.r ->> 'ticketId' end as ticket_id,
      q.r ->> 'policyId' as policy_id, (q.r ->> 'policyVersion')::integer as policy_version,
      case when jsonb_typeof(q.r -> 'recipients') = 'object' then q.r -> 'recipients' end as recipients, q.r
    from q
  ),
  kind as (select t.* from notification_types t join given on t.code = given.type),
  ticket as (select t.* from tickets t join given on t.id = given.ticket_id),
  place as (select coalesce(given.zone, (select zone from ticket)) as zone from given),
  rules as (
    select g.* from notification_group_rules g join given on g.notification_type = given.type where g.enabled
  ),
  policies as (
    select p.id, v.version, p.name, p.priority, p.is_default, p.is_active, v.version = p.current_version as is_current, v.rules
    from given
    join escalation_policies p on p.id = given.policy_id
      or p.id = (select policy_id from kind)
      or p.id in (select policy_id from rules)
      or (p.is_default and p.priority in (coalesce(given.priority, (select priority from kind)), $7))
    join escalation_policy_versions v on v.policy_id = p.id
      and (v.version = p.current_version or (p.id = given.policy_id and v.version in (given.policy_version, $8)))
  ),
  phone_owners as (
    select c.value as phone, c.user_id from contacts c
    where c.kind = 'phone' and c.is_active and c.value in (select jsonb_array_elements_text(given.recipients -> 'phones') from given)
  ),
  person_refs as (
    select f.ref from given, lateral (values (given.r ->> 'assigneeId'), (given.r ->> 'customerId'), (given.r ->> 'actorId')) f(ref)
    where f.ref is not null
    union select jsonb_array_elements_text(given.recipients -> 'userIds') from given
    union select f.ref from ticket, lateral (values (ticket.assignee_id), (ticket.customer_id)) f(ref) where f.ref is not null
    union select unnest($5::text[])
    union select user_id from phone_owners
    union select t.user_id from notification_targets t join given on t.notification_id = given.id where t.user_id is not null
  ),
  wanted_roles as (
    select a ->> 'role' as role, case a ->> 'zone' when 'all' then null when 'request' then place.zone else coalesce(a ->> 'zone', place.zone) end as zone
    from place, rules, jsonb_array_elements(rules.audience) a where a ->> 'kind' in ('on_duty', 'role')
    union
    select o.role, o.zone from place, rules, jsonb_array_elements(rules.audience) a, lateral (values ('noc', place.zone), ('admin', null)) o(role, zone)
    where a ->> 'kind' = 'operators'
    union select jsonb_array_elements_text(given.recipients -> 'roles'), place.zone from given, place
    union select 'technician', place.zone from place, rules where 'technicians' = any(rules.group_categories)
    union select w.role, place.zone from place, unnest($4::text[]) w(role)
    union select w.role, place.zone from place, unnest($6::text[]) w(role)
    where exists (
      select from policies p where (p.rules ->> 'roleUp')::boolean
        or jsonb_path_exists(p.rules, '$.steps[*] ? (@.roleUp == true && @.enabled == true)')
    )
  ),
  groups as (
    select g.* from whatsapp_groups g, given
    where (
      g.is_active and (
        given.type = any(g.types)
        or g.id in (select unnest(rules.group_ids) from rules)
        or g.category in (select unnest(rules.group_categories) from rules)
        or (g.category = 'supervisors' and exists (select from rules where 'technicians' = any(rules.group_categories)))
      )
    )
    or g.id in (select unnest(rules.group_ids) from rules)
    or g.id in (select jsonb_array_elements_text(given.recipients -> 'groupIds'))
    or 'ext:' || g.external_id in (select jsonb_array_elements_text(given.recipients -> 'groupIds'))
  ),
  members as (
    select m.group_id, m.user_id from whatsapp_group_members m join groups g on g.id = m.group_id
    join notification_settings s on s.user_id = m.user_id
    where m.is_active and m.user_id is not null and s.settings ->> 'groupNotifications' = 'false'
  ),
  people as (
    select u.* from users u where u.id in (select ref from person_refs)
    union
    select u.* from users u where u.external_id in (select substr(ref, 5) from person_refs where ref like 'ext:%')
    union
    select u.* from users u join members m on m.user_id = u.id
    union
    select u.* from users u join wanted_roles w on w.role = u.role
    where u.is_active and u.role <> 'customer' and (
      w.zone is null or w.zone = any(u.zones)
      or not exists (
        select from users x where x.role = w.role and x.is_active and x.role <> 'customer' and w.zone = any(x.zones)
      )
    )
  )
  select q.r as request, q.stored,
    (
      select jsonb_build_object('code', k.code, 'priority', k.priority, 'policyId', k.policy_id, 'answers', k.answers,
        'isCustomer', k.is_customer, 'isOperational', k.is_operational, 'sendWindow', k.send_window,
        'preferenceClass', k.preference_class, 'consentClass', k.consent_class, 'isActive', k.is_active)
      from kind k
    ) as type,
    jsonb_build_object(
      'typeNames', (select jsonb_build_object('id', k.name_id, 'en', k.name_en) from kind k),
      'zone', (select jsonb_build_object('code', z.code, 'name', z.name) from zones z, place where z.code = place.zone),
      'assigneeName', (
        select u.name from people u, given
        where coalesce(given.r ->> 'assigneeId', (select assignee_id from ticket)) in (u.id, 'ext:' || u.external_id)
      ),
      'customer', (
        select jsonb_build_object('name', u.name, 'externalId', u.external_id, 'phone', (
          select c.value from contacts c where c.user_id = u.id and c.kind = 'phone' and c.is_active
          order by c.is_primary desc, c.created_at limit 1
        ))
        from people u, given
        where coalesce(given.r ->> 'customerId', (select customer_id from ticket)) in (u.id, 'ext:' || u.external_id)
      ),
      'ticket', (
        select jsonb_build_object('id', t.id, 'title', t.title, 'category', t.category, 'priority', t.priority, 'status', t.status,
          'slaHours', t.sla_hours, 'deadlineAt', ${epochMs("t.deadline_at")}, 'locationText', t.location_text,
          'latitude', t.latitude, 'longitude', t.longitude, 'url', t.url)
        from ticket t
      )
    ) as texts,
    (select given.zone is null or exists (select from zones z where z.code = given.zone) from given) as zone_is_known,
    (
      select jsonb_build_object('id', t.id, 'zone', t.zone, 'category', t.category, 'isClosed', t.status in ('resolved', 'closed'),
        'assigneeId', t.assignee_id, 'customerId', t.customer_id, 'updatedAt', ${epochMs("t.updated_at")})
      from ticket t
    ) as ticket,
    (
      select coalesce(jsonb_agg(jsonb_build_object('id', g.id, 'conditions', g.conditions, 'audience', g.audience, 'groupIds', g.group_ids,
        'groupCategories', g.group_categories, 'primary', g.is_primary, 'policyId', g.policy_id, 'channels', g.channels)
        order by g.position, g.id), '[]')
      from rules g
    ) as rules,
    (
      select coalesce(jsonb_agg(jsonb_build_object('id', p.id, 'version', p.version, 'name', p.name, 'priority', p.priority,
        'isDefault', p.is_default, 'isActive', p.is_active, 'isCurrent', p.is_current, 'rules', p.rules) order by p.id, p.version), '[]')
      from policies p
    ) as policies,
    (
      select coalesce(jsonb_agg(jsonb_build_object('id', u.id, 'externalId', u.external_id, 'locale', u.locale, 'role', u.role,
        'zones', u.zones, 'timeZone', u.time_zone, 'isActive', u.is_active, 'version', u.version,
        'settings', coalesce((select s.settings from notification_settings s where s.user_id = u.id), '{}'),
        'phone', (
          select case when c.verified_at is null then 'unverified' else 'verified' end from contacts c
          where c.user_id = u.id and c.kind = 'phone' and c.is_active order by c.is_primary desc, c.created_at limit 1
        ),
        'phoneDigits', case when exists (select from price_book p where p.prefix <> '') then (
          select substr(c.value, 2, ${PREFIX_DIGITS_MAX}) from contacts c
          where c.user_id = u.id and c.kind = 'phone' and c.is_active order by c.is_primary desc, c.created_at limit 1
        ) end,
        'email', (
          select case when c.verified_at is null then 'unverified' else 'verified' end from contacts c
          where c.user_id = u.id and c.kind = 'email' and c.is_active order by c.is_primary desc, c.created_at limit 1
        ),
        'pushAccountIds', (
          select coalesce(jsonb_agg(s.account_id order by s.used_at desc, s.account_id), '[]') from (
            select p.account_id, max(coalesce(p.last_used_at, p.created_at)) as used_at
            from push_subscriptions p where p.user_id = u.id and p.expired_at is null group by p.account_id
          ) s
        ),
        'optedOutChannels', (
          select coalesce(jsonb_agg(distinct o.channel), '[]') from opt_outs o
          where o.ended_at is null and o.message_class = (select k.message_class from kind k) and o.holder in (
            select u.id union all select c.value from contacts c where c.user_id = u.id and c.kind = 'phone' and c.is_active
          )
        ),
        'openDeviceKeys', (
          select coalesce(jsonb_agg(distinct w.device_key), '[]') from provider_accounts a
          join contact_windows w on w.device_key = a.device_key and w.address = (
            select c.value from contacts c
            where c.user_id = u.id and c.kind = 'phone' and c.is_active order by c.is_primary desc, c.created_at limit 1
          )
          where a.channel = 'whatsapp_personal' and w.last_inbound_at > now() - interval '24 hours'
        ),
        'groupIds', coalesce((select jsonb_agg(m.group_id) from members m where m.user_id = u.id), '[]')
      ) order by u.id), '[]')
      from people u
    ) as persons,
    (
      select coalesce(jsonb_agg(jsonb_build_object('id', g.id, 'externalId', g.external_id, 'category', g.category, 'zone', g.work_zone,
        'serviceTypes', g.service_types, 'types', g.types, 'minPriority', g.min_priority, 'timeZone', g.time_zone,
        'quietHours', g.quiet_hours, 'isActive', g.is_active, 'version', g.version, 'hasChat', g.group_chat_id is not null,
        'provenAccountIds', coalesce((select jsonb_agg(x.account_id) from provider_account_groups x where x.group_id = g.id), '[]')
      ) order by g.id), '[]')
      from groups g
    ) as groups,
    (
      select coalesce(jsonb_agg(jsonb_build_object('id', a.id, 'provider', a.provider, 'channel', a.channel, 'sender', a.sender, 'settings', a.settings, 'purposes', a.purposes,
        'health', a.health_state, 'isStandby', a.is_standby, 'enabled', a.enabled, 'receiptDeadlineSeconds', a.receipt_deadline_seconds, 'deviceKey', a.device_key, 'pacing', a.pacing,
        'vendorTemplates', (
          select coalesce(jsonb_agg(${VENDOR_TEMPLATE_JSON}), '[]') from provider_templates p
          where p.account_id = a.id and p.name in (
            select t.provider_template ->> 'name' from templates t join given on t.type = given.type where t.is_current
          )
        ),
        'prices', (
          -- Each slot's present price and those to come.
          select coalesce(jsonb_agg(jsonb_build_object('unit', p.unit, 'billingClass', p.billing_class, 'prefix', p.prefix,
            'unitMicros', (p.unit_cost * 1000000)::bigint, 'incrementSeconds', p.increment_seconds, 'validFrom', ${epochMs("p.valid_from")})), '[]')
          from price_book p
          where p.account_id = a.id and p.unit <> 'month' and not exists (
            select from price_book newer
            where newer.account_id = p.account_id and newer.unit <> 'month' and newer.prefix = p.prefix
              and newer.billing_class is not distinct from p.billing_class and newer.valid_from > p.valid_from and newer.valid_from <= now()
          )
        ))
        order by a.channel, a.position, a.id), '[]')
      from provider_accounts a
    ) as accounts,
    (
      select coalesce(jsonb_agg(jsonb_build_object('channel', t.channel, 'locale', t.locale, 'subject', t.subject, 'body', t.body,
        'providerTemplate', t.provider_template) order by t.channel, t.locale), '[]')
      from templates t join given on t.type = given.type where t.is_current
    ) as templates,
    (select coalesce(jsonb_object_agg(o.phone, o.user_id), '{}') from phone_owners o) as user_id_by_phone,
    (select coalesce(jsonb_object_agg(z.code, z.time_zone), '{}') from zones z) as zone_time_zones,
    case when exists (
      select from notification_settings s join people u on u.id = s.user_id where s.settings -> 'quietHours' -> 'days' ? 'holiday'
      union all
      select from groups g where g.quiet_hours -> 'days' ? 'holiday'
    ) then (
      select jsonb_object_agg(h.zone, h.dates) from (
        select zone, jsonb_agg(date order by date) as dates from holidays where date between $2 and $3 group by zone
      ) h
    ) end as holidays
  from q`;

const REQUEST_SNAPSHOT = `
  with q as (select null::text as id, $1::jsonb as r, null::jsonb as stored), ${REST}`;

const STORED_SNAPSHOT = `
  with q as (
    select n.id,
      jsonb_build_object('notificationId', n.id, 'type', n.type, 'priority', n.priority, 'zone', n.zone, 'ticketId', n.ticket_id,
        'assigneeId', n.assignee_id, 'customerId', n.customer_id, 'actorId', n.actor_id, 'category', n.category, 'data', n.data,
        'recipients', n.recipients, 'policyId', n.policy_id, 'policyVersion', n.policy_version,
        'attachments', n.attachments, 'avoidAccountIds', n.avoid_account_ids, 'acceptedAt', ${epochMs("n.accepted_at")}, 'notBefore', ${epochMs("n.not_before")},
        'notAfter', ${epochMs("n.not_after")}) as r,
      jsonb_build_object('id', n.id, 'workflowId', n.workflow_id, 'runId', n.run_id, 'bodyHash', encode(n.body_hash, 'hex'),
        'outcome', n.outcome, 'stopKind', n.stop_kind, 'stopActId', n.stop_act_id, 'runPlan', n.run_plan,
        'hasSent', exists (select from deliveries d where d.notification_id = n.id and d.purpose = 'ladder' and d.channel <> 'in_app'),
        'acts', (
          select coalesce(jsonb_agg(jsonb_build_object('actId', a.id, 'kind', a.kind, 'at', ${epochMs("a.at")}, 'userId', a.by ->> 'userId',
            'params', a.params) order by a.at, a.id), '[]')
          from acts a where a.notification_id = n.id and a.applied is distinct from false and a.kind not in ('rate', 'close')
        ),
        'targets', (
          select coalesce(jsonb_agg(jsonb_build_object('target', t.target, 'kind', t.kind, 'origin', t.origin, 'state', t.state)), '[]')
          from notification_targets t where t.notification_id = n.id
        )
      ) as stored
    from notifications n where n.id = $1 or n.workflow_id = $1
  ), ${REST}`;
