import type pg from "pg";

import type { ContactState } from "../domain/effective-settings.ts";
import type { PersonChannel } from "../domain/channel.ts";
import type { Outcome, StopAct } from "../domain/notification.ts";
import type {
  CandidateGroup,
  CandidatePerson,
  CandidatePolicy,
  RawRequest,
  RequestFacts,
  RoutingRule,
  RuleAudience,
  SnapshotTicket,
  TextFacts,
  TicketTexts,
} from "../domain/plan-snapshot.ts";
import { PREFIX_DIGITS_MAX } from "../domain/price.ts";
import { ROLE_LADDER } from "../domain/role.ts";
import type { RunPlan } from "../domain/run.ts";
import {
  epochMs,
  grouped,
  INSTALLATION,
  INSTALLATION_VERSION,
  POLICY_JSON,
  toInstallation,
  toPolicy,
} from "./installation.ts";
import type {
  Installation,
  InstallationCache,
  InstallationContext,
  InstallationRow,
  PolicyRow,
} from "./installation.ts";

/**
 * Loads what the planner and the request check need to know, as it is at one moment. The installation's part is kept by the process (installation.ts); the rest
 * and the version of that part are one statement. Where another version is found, one statement reads both.
 *
 * Which persons and groups can matter follows from the installation's rules and the request, and is handed to the statement. If what it read shows that others
 * would have, because a rule has changed or a stored request is not what its id let guess, it is read again for those.
 */

export interface SnapshotContext extends InstallationContext {
  readonly installationTimeZone: string;
  readonly installation: InstallationCache;
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
  const guess = { ...NOTHING_ASKED, type: typeOfWorkflow(idOrWorkflowId) };
  const source: Source = { kind: "stored", idOrWorkflowId };
  const read = await readSnapshot(client, source, guess, context, options);
  return read?.stored ? { stored: read.stored, facts: read.facts } : null;
}

export async function loadRequest(
  client: pg.Pool | pg.PoolClient,
  request: RawRequest,
  context: SnapshotContext,
  options: LoadOptions,
): Promise<RequestFacts> {
  const source: Source = { kind: "request", request };
  const read = await readSnapshot(client, source, request, context, options);
  if (read === null) throw new Error("Invariant broken: a request's snapshot is one row");
  return read.facts;
}

type Source =
  | { readonly kind: "request"; readonly request: RawRequest }
  | { readonly kind: "stored"; readonly idOrWorkflowId: string };

/** What decides which persons and groups can matter. */
type Asked = Pick<RawRequest, "type" | "priority" | "recipients" | "policyId" | "policyVersion">;

const NOTHING_ASKED: Asked = {
  type: "",
  priority: null,
  recipients: null,
  policyId: null,
  policyVersion: null,
};

/** A workflow id has the type in it, an id has not. A wrong guess costs a second statement. */
function typeOfWorkflow(idOrWorkflowId: string): string {
  return idOrWorkflowId.split("/")[1] ?? "";
}

/** Rules that change whom they want between each two statements would be a fault. */
const READS_MAX = 10;

async function readSnapshot(
  client: pg.Pool | pg.PoolClient,
  source: Source,
  guess: Asked,
  context: SnapshotContext,
  options: LoadOptions,
): Promise<{ readonly stored: StoredNotification | null; readonly facts: RequestFacts } | null> {
  const cache = context.installation;
  let kept = cache.latest;
  let wanted = kept === null ? NOBODY_WANTED : wantedBy(kept, guess, [], options);
  for (let reads = 1; reads <= READS_MAX; reads += 1) {
    const { rows } = await client.query<SnapshotRow>(
      statementOf(source, wanted, options, kept === null),
    );
    const row = rows[0];
    if (row === undefined) return null;
    const installation = installationOf(row, kept, context);
    if (installation !== null) {
      cache.latest = installation.version === null ? null : installation;
      const request = source.kind === "request" ? source.request : row.request;
      if (request === null) throw new Error("Invariant broken: a stored request is read with it");
      const needed = wantedBy(installation, request, row.pinned ?? [], options);
      if (isSame(needed, wanted)) {
        return { stored: row.stored, facts: toFacts(row, request, installation, context, options) };
      }
      wanted = needed;
    }
    // Without a version nobody could tell whether it still holds.
    kept = installation !== null && installation.version !== null ? installation : null;
  }
  throw new Error("what a snapshot is to hold was another one each time it was read");
}

/** Null: what is kept is not of the moment of this row. */
function installationOf(
  { version, installation }: SnapshotRow,
  kept: Installation | null,
  context: SnapshotContext,
): Installation | null {
  if (installation !== null) return toInstallation(version, installation, context);
  return kept?.version === version ? kept : null;
}

/** What a snapshot holds besides the persons that the request and its ticket name. */
interface Wanted {
  /** Members of a role, by where they work: a zone, null for all, THE_PLACE for the zone of the request or else the ticket. */
  readonly roles: readonly { readonly role: string; readonly zone: string | null }[];
  readonly groupIds: readonly string[];
  /** Opting out of this is what matters. */
  readonly messageClass: string | null;
  /** Whether somebody wrote to one of these is what matters. */
  readonly deviceKeys: readonly string[];
}

const NOBODY_WANTED: Wanted = { roles: [], groupIds: [], messageClass: null, deviceKeys: [] };
/** No zone is called so. */
const THE_PLACE = "";

function wantedBy(
  installation: Installation,
  asked: Asked,
  pinned: readonly PolicyRow[],
  options: LoadOptions,
): Wanted {
  const rules = installation.rules.get(asked.type) ?? [];
  const atPlace = (role: string) => ({ role, zone: THE_PLACE });
  const canRoleUp =
    (options.withRoleUp ?? false) &&
    policiesOf(installation, asked, pinned, options).some(hasRoleUp);
  const roles = [
    ...rules.flatMap(({ audience }) => audience.flatMap(rolesOf)),
    ...(asked.recipients?.roles ?? []).map(atPlace),
    ...(rules.some(tellsTechnicians) ? [atPlace("technician")] : []),
    ...(options.roles ?? []).map(atPlace),
    ...(canRoleUp ? ROLE_LADDER.slice(1).flat().map(atPlace) : []),
  ];
  return {
    roles: [...new Map(roles.map((one) => [`${one.role} ${one.zone ?? "*"}`, one])).values()],
    groupIds: groupsOf(installation, asked).map(({ id }) => id),
    messageClass: installation.types.get(asked.type)?.messageClass ?? null,
    deviceKeys: installation.deviceKeys,
  };
}

function isSame(one: Wanted, other: Wanted): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

function rolesOf({ kind, role, zone }: RuleAudience): Wanted["roles"] {
  switch (kind) {
    case "on_duty":
    case "role": {
      if (role === null) return [];
      return [{ role, zone: zone === "all" ? null : zone === "request" ? THE_PLACE : zone }];
    }
    case "operators":
      return [
        { role: "noc", zone: THE_PLACE },
        { role: "admin", zone: null },
      ];
    case "assignee":
    case "customer":
      return [];
  }
}

function tellsTechnicians({ groupCategories }: RoutingRule): boolean {
  return groupCategories.includes("technicians");
}

function hasRoleUp({ roleUp, steps }: CandidatePolicy): boolean {
  return roleUp || steps.some((step) => step.roleUp && step.enabled);
}

/** Of the request, its type, its rules and its priority; older versions where they are pinned or asked for. */
function policiesOf(
  { types, rules, policies }: Installation,
  { type, priority, policyId }: Asked,
  pinned: readonly PolicyRow[],
  options: LoadOptions,
): readonly CandidatePolicy[] {
  const known = types.get(type)?.type;
  const priorities: readonly (string | null | undefined)[] = [
    priority ?? known?.priority,
    options.priority,
  ];
  const ids: readonly (string | null | undefined)[] = [
    policyId,
    known?.policyId,
    ...(rules.get(type) ?? []).map((rule) => rule.policyId),
  ];
  return policies
    .filter(
      (policy) =>
        ids.includes(policy.id) || (policy.isDefault && priorities.includes(policy.priority)),
    )
    .flatMap((policy) => [...pinned.filter(({ id }) => id === policy.id).map(toPolicy), policy]);
}

/** Those that a rule or their own list names, and those of the request. */
function groupsOf({ rules, groups }: Installation, asked: Asked): readonly CandidateGroup[] {
  const ofType = rules.get(asked.type) ?? [];
  const categories = ofType.flatMap(({ groupCategories }) => groupCategories);
  // Where a zone has no technicians' group, the supervisors' are told.
  if (categories.includes("technicians")) categories.push("supervisors");
  const ruled = ofType.flatMap(({ groupIds }) => groupIds);
  const named = asked.recipients?.groupIds ?? [];
  return groups.filter(
    ({ id, externalId, category, types, isActive }) =>
      (isActive && (types.includes(asked.type) || categories.includes(category))) ||
      ruled.includes(id) ||
      named.includes(id) ||
      (externalId !== null && named.includes(`${EXTERNAL}${externalId}`)),
  );
}

/** Null where a list has nobody, or was not asked for. */
interface SnapshotRow {
  readonly version: string | null;
  readonly installation: InstallationRow | null;
  readonly request: RawRequest | null;
  readonly stored: StoredNotification | null;
  /** Versions of the request's policy that are not the newest. */
  readonly pinned: readonly PolicyRow[] | null;
  readonly ticket: { readonly facts: SnapshotTicket; readonly texts: TicketTexts } | null;
  readonly people: readonly PersonRow[] | null;
  /** Each person's best first. */
  readonly contacts: readonly ContactRow[] | null;
  /** The most recently used first. */
  readonly pushes: readonly { readonly userId: string; readonly accountId: string }[] | null;
  readonly opt_outs: readonly { readonly holder: string; readonly channel: PersonChannel }[] | null;
  readonly windows: readonly { readonly address: string; readonly deviceKey: string }[] | null;
  /** Members of the groups who want no messages there. */
  readonly silent: readonly { readonly userId: string; readonly groupId: string }[] | null;
  readonly phone_owners: RequestFacts["userIdByPhone"] | null;
}

interface PersonRow extends Omit<
  CandidatePerson,
  | "phone"
  | "phoneDigits"
  | "email"
  | "pushAccountIds"
  | "optedOutChannels"
  | "openDeviceKeys"
  | "groupIds"
> {
  readonly name: string | null;
}

interface ContactRow {
  readonly userId: string;
  readonly kind: "phone" | "email";
  /** Of a phone, E.164. Privacy: of a number only what CandidatePerson has leaves this file, and the customer's for the texts. */
  readonly number: string | null;
  readonly state: ContactState;
}

function toFacts(
  row: SnapshotRow,
  request: RawRequest,
  installation: Installation,
  context: SnapshotContext,
  options: LoadOptions,
): RequestFacts {
  const { types, zones, rules, zoneTimeZones, knownAccountIds } = installation;
  const known = types.get(request.type);
  const zone = request.zone === "" ? null : request.zone;
  const all = belongings(row);
  const persons = (row.people ?? []).map((person) => toPerson(person, all, installation));
  const groups = groupsOf(installation, request);
  return {
    request,
    type: known?.type ?? null,
    ticket: row.ticket?.facts ?? null,
    rules: rules.get(request.type) ?? [],
    groups,
    texts: {
      typeNames: known?.names ?? null,
      zone: zones.get(zone ?? row.ticket?.facts.zone ?? "") ?? null,
      ...namesOf(row, request),
      ticket: row.ticket?.texts ?? null,
    },
    isZoneKnown: zone === null || zones.has(zone),
    policies: policiesOf(installation, request, row.pinned ?? [], options),
    persons,
    ...installation.outfitOf(request.type),
    knownAccountIds,
    userIdByPhone: row.phone_owners ?? {},
    zoneTimeZones,
    holidays: holidaysFor(persons, groups, installation, options.now),
    installationTimeZone: context.installationTimeZone,
  };
}

/** Of every person, by id or by number. */
function belongings({ contacts, pushes, silent, opt_outs: optOuts, windows }: SnapshotRow) {
  return {
    contacts: grouped(contacts ?? [], (row) => [row.userId, row]),
    pushes: grouped(pushes ?? [], ({ userId, accountId }) => [userId, accountId]),
    silent: grouped(silent ?? [], ({ userId, groupId }) => [userId, groupId]),
    optOuts: grouped(optOuts ?? [], ({ holder, channel }) => [holder, channel]),
    windows: grouped(windows ?? [], ({ address, deviceKey }) => [address, deviceKey]),
  };
}

function toPerson(
  person: PersonRow,
  all: ReturnType<typeof belongings>,
  { hasPrefixPrices }: Installation,
): CandidatePerson {
  const { id, externalId, role, zones, locale, timeZone, isActive, version, settings } = person;
  const contacts = all.contacts.get(id) ?? [];
  const numbers = contacts.flatMap(({ number }) => number ?? []);
  const number = numbers[0] ?? "";
  return {
    id,
    externalId,
    role,
    zones,
    locale,
    timeZone,
    isActive,
    version,
    settings,
    phone: contacts.find(({ kind }) => kind === "phone")?.state ?? "none",
    // Without the plus.
    phoneDigits: hasPrefixPrices && number !== "" ? number.slice(1, 1 + PREFIX_DIGITS_MAX) : null,
    email: contacts.find(({ kind }) => kind === "email")?.state ?? "none",
    pushAccountIds: all.pushes.get(id) ?? [],
    optedOutChannels: distinct([id, ...numbers].flatMap((holder) => all.optOuts.get(holder) ?? [])),
    openDeviceKeys: distinct(all.windows.get(number) ?? []),
    groupIds: all.silent.get(id) ?? [],
  };
}

function distinct<T extends string>(values: readonly T[]): readonly T[] {
  return [...new Set(values)];
}

function namesOf(
  { people, contacts, ticket }: SnapshotRow,
  { assigneeId, customerId }: RawRequest,
): Pick<TextFacts, "assigneeName" | "customer"> {
  const find = (ref: string | null): PersonRow | null =>
    (people ?? []).find(
      ({ id, externalId }) =>
        ref === id || (externalId !== null && ref === `${EXTERNAL}${externalId}`),
    ) ?? null;
  const customer = find(customerId ?? ticket?.facts.customerId ?? null);
  const ownNumber = (contacts ?? []).find(
    ({ userId, number }) => userId === customer?.id && number !== null,
  );
  return {
    assigneeName: find(assigneeId ?? ticket?.facts.assigneeId ?? null)?.name ?? null,
    customer: customer && {
      name: customer.name,
      externalId: customer.externalId,
      phone: ownNumber?.number ?? null,
    },
  };
}

/** Quiet hours look ahead a year; one day back, because a window of yesterday's holiday may still last. */
const HOLIDAYS_BACK_MS = 2 * 86_400_000;
const HOLIDAYS_AHEAD_MS = 370 * 86_400_000;

/** None where nobody's quiet hours ask for them. */
function holidaysFor(
  persons: readonly CandidatePerson[],
  groups: readonly CandidateGroup[],
  { holidays }: Installation,
  now: number,
): RequestFacts["holidays"] {
  const hours = [
    ...persons.map(({ settings }) => settings.quietHours),
    ...groups.map(({ quietHours }) => quietHours),
  ];
  if (!hours.some((one) => one?.days?.includes("holiday"))) return {};
  const day = (instant: number): string => new Date(instant).toISOString().slice(0, 10);
  const from = day(now - HOLIDAYS_BACK_MS);
  const to = day(now + HOLIDAYS_AHEAD_MS);
  return Object.fromEntries(
    Object.entries(holidays).flatMap(([zone, dates]) => {
      const near = dates.filter((date) => date >= from && date <= to);
      return near.length === 0 ? [] : [[zone, near] as const];
    }),
  );
}

/** Marks an id as the caller's own. */
const EXTERNAL = "ext:";

function withoutPrefix(id: string): string {
  return id.startsWith(EXTERNAL) ? id.slice(EXTERNAL.length) : id;
}

interface Statement {
  readonly name?: string;
  readonly text: string;
  readonly values: unknown[];
}

/**
 * What nobody wants is left out of the text: setting up a part costs PostgreSQL as much as carrying it out. So there are a few statements, each under the name
 * of its parts.
 */
function statementOf(
  source: Source,
  wanted: Wanted,
  options: LoadOptions,
  withInstallation: boolean,
): Statement {
  const parts: string[] = [source.kind];
  const values: unknown[] = [];
  const given = (value: unknown): string => `$${values.push(value)}`;
  const part: Part = (name, isWanted, text) => {
    if (!isWanted) return "";
    parts.push(name);
    return text();
  };
  const named = [...(options.userIds ?? []), ...namedBy(source)];
  const external = named.filter((id) => id.startsWith(EXTERNAL)).map(withoutPrefix);
  const hasGroups = wanted.groupIds.length > 0;

  const asked =
    source.kind === "stored"
      ? recordAsked(given(source.idOrWorkflowId))
      : requestAsked(source.request, given, part);
  const text = `
  with asked as materialized (${asked}),
  ticket as (select t.* from tickets t join asked on t.id = asked.ticket_id),
  ${part("groups", hasGroups, () => `silent as (${silentMembers(given(wanted.groupIds))}),`)}
  people as (
    select u.id, u.external_id, u.name, u.locale, u.role, u.zones, u.time_zone, u.is_active, u.version, s.settings
    from users u left join notification_settings s on s.user_id = u.id
    where u.id = any (${given(named)}::text[] || (select user_ids from asked) || (select array[assignee_id, customer_id] from ticket)
      ${part("external", external.length > 0, () => `|| array(select x.id from users x where x.external_id = any (${given(external)}::text[]))`)}
      ${hasGroups ? "|| array(select user_id from silent)" : ""}
      ${part("roles", wanted.roles.length > 0, () => `|| array(${roleMembers(wanted.roles, given)})`)})
  ),
  contact as (
    select c.user_id, c.kind, c.value, c.verified_at, c.is_primary, c.created_at from contacts c
    where c.user_id = any (array(select id from people)) and c.is_active and c.kind in ('phone', 'email')
  )
  select ${INSTALLATION_VERSION} as version, ${withInstallation ? INSTALLATION : "null"} as installation,
    asked.request, asked.stored, asked.phone_owners,
    (
      select json_agg(${POLICY_JSON} order by v.version)
      from escalation_policies p join escalation_policy_versions v on v.policy_id = p.id
      where p.id = asked.policy_id and v.version in (asked.policy_version, ${given(options.policyVersion ?? null)}) and v.version <> p.current_version
    ) as pinned,
    ${TICKET} as ticket,
    ${PEOPLE} as people,
    ${CONTACTS} as contacts,
    ${PUSHES} as pushes,
    (
      select json_agg(json_build_object('holder', o.holder, 'channel', o.channel) order by o.channel) from opt_outs o
      where o.ended_at is null and o.message_class = ${given(wanted.messageClass)}
        and o.holder = any (array(select id from people union all select value from contact where kind = 'phone'))
    ) as opt_outs,
    ${part("devices", wanted.deviceKeys.length > 0, () => `${openWindows(given(wanted.deviceKeys))} as windows,`)}
    ${hasGroups ? "(select json_agg(json_build_object('userId', m.user_id, 'groupId', m.group_id)) from silent m)" : "null"} as silent
  from asked`;
  // What is asked once after a change is not kept by every connection.
  return withInstallation
    ? { text, values }
    : { name: ["plan-snapshot", ...parts].join("-"), text, values };
}

/** A parameter of the statement. */
type Given = (value: unknown) => string;
/** Text that is in the statement or not; names the statement. */
type Part = (name: string, isWanted: boolean, text: () => string) => string;

/** Persons that a request names, by id or `ext:` id. Those of a stored one are in its row. */
function namedBy(source: Source): readonly string[] {
  if (source.kind === "stored") return [];
  const { assigneeId, customerId, actorId, recipients } = source.request;
  return [assigneeId, customerId, actorId, ...(recipients?.userIds ?? [])].filter(
    (id) => id !== null,
  );
}

/** One row of what is asked: its place, its policy, and persons that only the database knows. */
function requestAsked(request: RawRequest, given: Given, part: Part): string {
  const { zone, ticketId, policyId, policyVersion, recipients } = request;
  const phones = recipients?.phones ?? [];
  const owners = part(
    "phones",
    phones.length > 0,
    () =>
      `from contacts c where c.kind = 'phone' and c.is_active and c.value = any (${given(phones)}::text[])`,
  );
  // The request is read as a whole, so that characters that PostgreSQL can't store are refused here and not when it is accepted.
  return `
    select ${given(zone)} as zone, ${given(ticketId && withoutPrefix(ticketId))} as ticket_id,
      ${given(policyId)} as policy_id, ${given(policyVersion)}::integer as policy_version,
      ${owners === "" ? "null::text[]" : `array(select c.user_id ${owners})`} as user_ids,
      ${owners === "" ? "null" : `(select json_object_agg(c.value, c.user_id) ${owners})`} as phone_owners,
      null as request, case when ${given(JSON.stringify(request))}::jsonb is null then 0 end as stored`;
}

function recordAsked(idOrWorkflowId: string): string {
  return `
    select n.zone, n.ticket_id, n.policy_id, n.policy_version, null as phone_owners,
      array[n.assignee_id, n.customer_id, n.actor_id] || array(select jsonb_array_elements_text(n.recipients -> 'userIds'))
        || array(select t.user_id from notification_targets t where t.notification_id = n.id) as user_ids,
      json_build_object('notificationId', n.id, 'type', n.type, 'priority', n.priority, 'zone', n.zone, 'ticketId', n.ticket_id,
        'assigneeId', n.assignee_id, 'customerId', n.customer_id, 'actorId', n.actor_id, 'category', n.category, 'data', n.data,
        'recipients', n.recipients, 'policyId', n.policy_id, 'policyVersion', n.policy_version,
        'attachments', n.attachments, 'avoidAccountIds', n.avoid_account_ids, 'acceptedAt', ${epochMs("n.accepted_at")}, 'notBefore', ${epochMs("n.not_before")},
        'notAfter', ${epochMs("n.not_after")}) as request,
      json_build_object('id', n.id, 'workflowId', n.workflow_id, 'runId', n.run_id, 'bodyHash', encode(n.body_hash, 'hex'),
        'outcome', n.outcome, 'stopKind', n.stop_kind, 'stopActId', n.stop_act_id, 'runPlan', n.run_plan,
        'hasSent', exists (select from deliveries d where d.notification_id = n.id and d.purpose = 'ladder' and d.channel <> 'in_app'),
        'acts', (
          select coalesce(json_agg(json_build_object('actId', a.id, 'kind', a.kind, 'at', ${epochMs("a.at")}, 'userId', a.by ->> 'userId',
            'params', a.params) order by a.at, a.id), '[]')
          from acts a where a.notification_id = n.id and a.applied is distinct from false and a.kind not in ('rate', 'close')
        ),
        'targets', (
          select coalesce(json_agg(json_build_object('target', t.target, 'kind', t.kind, 'origin', t.origin, 'state', t.state)), '[]')
          from notification_targets t where t.notification_id = n.id
        )
      ) as stored
    from notifications n where n.id = ${idOrWorkflowId} or n.workflow_id = ${idOrWorkflowId}`;
}

function silentMembers(groupIds: string): string {
  return `
    select m.group_id, m.user_id from whatsapp_group_members m join notification_settings s on s.user_id = m.user_id
    where m.group_id = any (${groupIds}::text[]) and m.is_active and s.settings ->> 'groupNotifications' = 'false'`;
}

/** Of the zone, or of any where the zone has none. */
function roleMembers(roles: Wanted["roles"], given: Given): string {
  return `
    select u.id
    from (
      select w.role, case w.zone when '${THE_PLACE}' then (select coalesce(nullif(asked.zone, ''), (select zone from ticket)) from asked) else w.zone end as zone
      from unnest(${given(roles.map(({ role }) => role))}::text[], ${given(roles.map(({ zone }) => zone))}::text[]) w(role, zone)
    ) w
    join users u on u.role = w.role
    where u.is_active and u.role <> 'customer' and (
      w.zone is null or w.zone = any(u.zones)
      or not exists (
        select from users x where x.role = w.role and x.is_active and x.role <> 'customer' and w.zone = any(x.zones)
      )
    )`;
}

const TICKET = `(
  select json_build_object(
    'facts', json_build_object('id', t.id, 'zone', t.zone, 'category', t.category, 'isClosed', t.status in ('resolved', 'closed'),
      'assigneeId', t.assignee_id, 'customerId', t.customer_id, 'updatedAt', ${epochMs("t.updated_at")}),
    'texts', json_build_object('id', t.id, 'title', t.title, 'category', t.category, 'priority', t.priority, 'status', t.status,
      'slaHours', t.sla_hours, 'deadlineAt', ${epochMs("t.deadline_at")}, 'locationText', t.location_text,
      'latitude', t.latitude, 'longitude', t.longitude, 'url', t.url)
  )
  from ticket t
)`;

const PEOPLE = `(
  select json_agg(json_build_object('id', u.id, 'externalId', u.external_id, 'name', u.name, 'locale', u.locale, 'role', u.role,
    'zones', u.zones, 'timeZone', u.time_zone, 'isActive', u.is_active, 'version', u.version, 'settings', coalesce(u.settings, '{}')) order by u.id)
  from people u
)`;

const CONTACTS = `(
  select json_agg(json_build_object('userId', c.user_id, 'kind', c.kind, 'number', case c.kind when 'phone' then c.value end,
    'state', case when c.verified_at is null then 'unverified' else 'verified' end) order by c.is_primary desc, c.created_at)
  from contact c
)`;

const PUSHES = `(
  select json_agg(json_build_object('userId', s.user_id, 'accountId', s.account_id) order by s.used_at desc, s.account_id)
  from (
    select p.user_id, p.account_id, max(coalesce(p.last_used_at, p.created_at)) as used_at
    from push_subscriptions p where p.user_id = any (array(select id from people)) and p.expired_at is null group by p.user_id, p.account_id
  ) s
)`;

/** Within 24 hours of what somebody wrote, anything may be written to them. */
function openWindows(deviceKeys: string): string {
  return `(
    select json_agg(json_build_object('address', w.address, 'deviceKey', w.device_key) order by w.device_key) from contact_windows w
    where w.device_key = any (${deviceKeys}::text[]) and w.address = any (array(select value from contact where kind = 'phone'))
      and w.last_inbound_at > now() - interval '24 hours'
  )`;
}
