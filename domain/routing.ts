/**
 * Whom a notification reaches: rules, groups and roles turned into one audience, each person and group once, each exclusion with its reason. By what and when
 * they are told is decided in planner.ts.
 *
 * Groups: a group is told if a rule names it (by id or category) or its own list of types contains the type; the list adds, never removes. Only its zone, its
 * service types and its minimum priority remove it. A request without a zone (or category) is not compared by it.
 */
import type { Channel } from "./channel.ts";
import type {
  PlannedRequest,
  RoutingRule,
  RuleAudience,
  RuleChannels,
  SnapshotGroup,
  SnapshotPerson,
  SnapshotTicket,
} from "./plan-snapshot.ts";
import { isAtLeast } from "./priority.ts";
import type { Role } from "./role.ts";
import type { SuppressionReason } from "./suppression.ts";

/** What somebody is in the audience as. */
export type Because =
  | { readonly kind: "assignee" | "customer"; readonly ruleId: string }
  | {
      readonly kind: "on_duty" | "role" | "operators";
      readonly ruleId: string;
      readonly role: Role;
      readonly note: RoleNote | null;
    }
  /** Named by the request, in person or by role. */
  | { readonly kind: "recipient"; readonly role: Role | null; readonly note: RoleNote | null }
  /** A group that a rule names. */
  | { readonly kind: "rule"; readonly ruleId: string }
  | { readonly kind: "own_types" }
  /** The zone has no technicians' group: its technicians in person, and the supervisors' group. */
  | { readonly kind: "no_technicians_group"; readonly ruleId: string }
  /** A member of a told group who wants no group messages. */
  | { readonly kind: "group_notifications_off"; readonly groupId: string }
  | { readonly kind: "role_up"; readonly role: Role; readonly note: RoleNote | null }
  | { readonly kind: "reassigned" };

/** Why the role's members are not simply those on duty for the zone. */
export const ROLE_NOTES = ["no_duty_roster", "role_of_any_zone", "admins_for_operators"] as const;
export type RoleNote = (typeof ROLE_NOTES)[number];

export interface AudiencePerson {
  readonly person: SnapshotPerson;
  readonly because: readonly Because[];
  /** Of every rule that named the person; a person named by none is changed by none. */
  readonly channels: readonly RuleChannels[];
}

export interface AudienceGroup {
  readonly group: SnapshotGroup;
  readonly because: readonly Because[];
  /** By the rules and the group's own list; a policy without a later group step makes every group primary. */
  readonly primary: boolean;
}

export interface Exclusion {
  readonly userId?: string;
  readonly groupId?: string;
  readonly role?: Role;
  readonly zone?: string | null;
  readonly ruleId?: string;
  readonly channel?: Channel;
  readonly reason: SuppressionReason;
}

export interface Audience {
  readonly persons: readonly AudiencePerson[];
  readonly groups: readonly AudienceGroup[];
  readonly excluded: readonly Exclusion[];
}

export interface RoutingQuestion {
  readonly request: PlannedRequest;
  readonly ticket: SnapshotTicket | null;
  readonly rules: readonly RoutingRule[];
  readonly persons: readonly SnapshotPerson[];
  readonly groups: readonly SnapshotGroup[];
}

/** The words of a rule's conditions: these, or `data.<field>`, with dots into objects. */
const CONDITION_FIELDS = ["priority", "zone", "category"] as const;
const DATA_PREFIX = "data.";

/** Names in a rule's conditions that mean nothing; a rule is not saved with one, and a stored one never matches by it. */
export function unknownConditions(
  conditions: Readonly<Record<string, unknown>>,
): readonly string[] {
  return Object.keys(conditions).filter(
    (name) =>
      !CONDITION_FIELDS.some((field) => field === name) &&
      !(name.startsWith(DATA_PREFIX) && name.length > DATA_PREFIX.length),
  );
}

/**
 * True when every condition holds: equality of JSON values, or, where the condition is a list, equality with one of its items. A field that the request lacks
 * equals null. No conditions: always.
 */
export function matchesConditions(
  conditions: Readonly<Record<string, unknown>>,
  request: {
    readonly priority: string;
    readonly zone: string | null;
    readonly category: string | null;
    readonly data: Readonly<Record<string, unknown>>;
  },
): boolean {
  return Object.entries(conditions).every(([name, wanted]) => {
    if (unknownConditions({ [name]: wanted }).length > 0) return false;
    const value = name.startsWith(DATA_PREFIX)
      ? fieldOf(request.data, name.slice(DATA_PREFIX.length))
      : name === "priority"
        ? request.priority
        : name === "zone"
          ? request.zone
          : request.category;
    return Array.isArray(wanted)
      ? wanted.some((item) => isEqualJson(item, value))
      : isEqualJson(wanted, value);
  });
}

/** The field itself, dots included, or the path through objects that the dots describe; null when there is none. */
function fieldOf(data: unknown, path: string): unknown {
  if (typeof data !== "object" || data === null || Array.isArray(data)) return null;
  const own = new Map<string, unknown>(Object.entries(data));
  if (own.has(path)) return own.get(path) ?? null;
  const dot = path.indexOf(".");
  return dot < 0 ? null : fieldOf(own.get(path.slice(0, dot)), path.slice(dot + 1));
}

function isEqualJson(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const entries = Object.entries(a);
  const others = new Map<string, unknown>(Object.entries(b));
  return (
    entries.length === others.size &&
    entries.every(([name, value]) => others.has(name) && isEqualJson(value, others.get(name)))
  );
}

/** The request with what its ticket knows where it says nothing itself. */
export function withTicket(request: PlannedRequest, ticket: SnapshotTicket | null): PlannedRequest {
  if (ticket === null) return request;
  return {
    ...request,
    zone: request.zone ?? ticket.zone,
    category: request.category ?? ticket.category,
    assigneeId: request.assigneeId ?? ticket.assigneeId,
    customerId: request.customerId ?? ticket.customerId,
  };
}

/** Enabled rules whose conditions hold, in their order. */
export function matchingRules(
  rules: readonly RoutingRule[],
  request: PlannedRequest,
): readonly RoutingRule[] {
  return rules.filter((rule) => matchesConditions(rule.conditions, request));
}

export function planAudience(question: RoutingQuestion): Audience {
  const request = withTicket(question.request, question.ticket);
  const rules = matchingRules(question.rules, request);
  const draft = new Map<string, Draft>();
  const excluded: Exclusion[] = [];
  const roles = roleBook(question.persons);

  const add = (person: SnapshotPerson, because: Because, channels: RuleChannels | null): void => {
    const known = draft.get(person.id) ?? { person, because: [], channels: [] };
    known.because.push(because);
    if (channels !== null) known.channels.push(channels);
    draft.set(person.id, known);
  };

  if (request.recipients === null) {
    for (const rule of rules) {
      for (const audience of rule.audience) {
        const found = resolveAudience(rule, audience, request, question, roles);
        excluded.push(...found.excluded);
        for (const { person, because } of found.persons) add(person, because, rule.channels);
      }
    }
  } else {
    // The request says who; the rules of its type still say by what.
    const channels = rules.filter((rule) => rule.audience.length > 0).map((rule) => rule.channels);
    const named = namedPersons(request, question.persons, roles);
    excluded.push(...named.excluded);
    for (const { person, because } of named.persons) {
      add(person, because, null);
      draft.get(person.id)?.channels.push(...channels);
    }
  }

  const groups =
    request.recipients === null
      ? routedGroups(request, rules, question.groups)
      : namedGroups(request.recipients.groupIds, question.groups);
  excluded.push(...groups.excluded);
  if (request.recipients === null) {
    const fallback = withoutTechniciansGroup(request, rules, question.groups);
    if (fallback !== null) {
      const because: Because = { kind: "no_technicians_group", ruleId: fallback.rule.id };
      const technicians = roles.membersOf("technician", request.zone);
      if (technicians.length === 0) {
        excluded.push({
          role: "technician",
          zone: request.zone,
          ruleId: fallback.rule.id,
          reason: "role_empty",
        });
      }
      for (const person of technicians) add(person, because, IN_PERSON);
      for (const group of fallback.groups) groups.add(group, because, fallback.rule.primary);
    }
  }

  const persons: AudiencePerson[] = [];
  for (const { person, because, channels } of draft.values()) {
    if (person.id === request.actorId) excluded.push({ userId: person.id, reason: "actor" });
    else if (!person.isActive) excluded.push({ userId: person.id, reason: "inactive" });
    else persons.push({ person, because: unique(because), channels: unique(channels) });
  }
  const told = new Set(persons.map(({ person }) => person.id));
  const left = excluded.filter(({ userId }) => userId === undefined || !told.has(userId));
  return { persons, groups: groups.told(), excluded: unique(left) };
}

/** Members of a told group who get no group messages are told in person, where the step that tells the group has channels for persons. */
export function membersToldInPerson(
  audience: Audience,
  persons: readonly SnapshotPerson[],
  request: PlannedRequest,
  doesStepTellPersons: (group: AudienceGroup) => boolean,
): { readonly persons: readonly AudiencePerson[]; readonly excluded: readonly Exclusion[] } {
  const told = new Set(audience.persons.map(({ person }) => person.id));
  const added: AudiencePerson[] = [];
  const excluded: Exclusion[] = [];
  for (const person of persons) {
    if (!person.isActive || told.has(person.id) || person.id === request.actorId) continue;
    if (person.settings.groupNotifications !== false) continue;
    const group = audience.groups.find(({ group: { id } }) => person.groupIds.includes(id));
    if (group === undefined) continue;
    if (doesStepTellPersons(group)) {
      added.push({
        person,
        because: [{ kind: "group_notifications_off", groupId: group.group.id }],
        channels: [],
      });
    } else {
      excluded.push({
        userId: person.id,
        groupId: group.group.id,
        reason: "group_notifications_off",
      });
    }
  }
  return { persons: added, excluded };
}

interface Draft {
  readonly person: SnapshotPerson;
  readonly because: Because[];
  readonly channels: RuleChannels[];
}

/** "In person" is by phone, whatever the policy's first step says: the group that should have told them isn't there. */
const IN_PERSON: RuleChannels = { add: ["whatsapp_personal"], remove: [], only: null };

interface Found {
  readonly persons: readonly { readonly person: SnapshotPerson; readonly because: Because }[];
  readonly excluded: readonly Exclusion[];
}

function resolveAudience(
  rule: RoutingRule,
  audience: RuleAudience,
  request: PlannedRequest,
  question: RoutingQuestion,
  roles: RoleBook,
): Found {
  const ruleId = rule.id;
  const zone = zoneOf(audience.zone, request.zone);
  switch (audience.kind) {
    case "assignee":
      return resolveOne("assignee", assigneeOf(request, question), question.persons, ruleId);
    case "customer":
      return resolveOne("customer", request.customerId, question.persons, ruleId);
    case "role": {
      const role = audience.role ?? "admin";
      const members = roles.membersOf(role, zone);
      if (members.length === 0) return emptyRole(role, zone, ruleId);
      return found(members, { kind: "role", ruleId, role, note: null });
    }
    case "on_duty": {
      const role = audience.role ?? "noc";
      const { members, note } = roles.onDuty(role, zone);
      if (members.length === 0) return emptyRole(role, zone, ruleId);
      return found(members, { kind: "on_duty", ruleId, role, note });
    }
    case "operators": {
      const operators = roles.operators(zone);
      if (operators.members.length === 0) return emptyRole("noc", zone, ruleId);
      const { members, role, note } = operators;
      return found(members, { kind: "operators", ruleId, role, note });
    }
  }
}

function found(members: readonly SnapshotPerson[], because: Because): Found {
  return { persons: members.map((person) => ({ person, because })), excluded: [] };
}

function emptyRole(role: Role, zone: string | null, ruleId: string): Found {
  return { persons: [], excluded: [{ role, zone, ruleId, reason: "role_empty" }] };
}

function zoneOf(ruleZone: string, requestZone: string | null): string | null {
  if (ruleZone === "all") return null;
  return ruleZone === "request" ? requestZone : ruleZone;
}

function resolveOne(
  kind: "assignee" | "customer",
  id: string | null | { readonly reassignedFrom: string; readonly to: string | null },
  persons: readonly SnapshotPerson[],
  ruleId: string,
): Found {
  if (id !== null && typeof id === "object") {
    const rest = resolveOne(kind, id.to, persons, ruleId);
    return {
      persons: rest.persons,
      excluded: [{ userId: id.reassignedFrom, ruleId, reason: "reassigned" }, ...rest.excluded],
    };
  }
  const person = persons.find((candidate) => candidate.id === id);
  if (person === undefined) {
    return {
      persons: [],
      excluded: [{ ruleId, reason: kind === "assignee" ? "no_assignee" : "no_customer" }],
    };
  }
  return found([person], { kind, ruleId });
}

/** The request's assignee, unless the ticket has been given to somebody else since the request was accepted. */
function assigneeOf(
  request: PlannedRequest,
  { request: asked, ticket }: RoutingQuestion,
): string | null | { readonly reassignedFrom: string; readonly to: string | null } {
  const isNewer = ticket !== null && ticket.updatedAt > request.acceptedAt;
  if (asked.assigneeId !== null && isNewer && ticket.assigneeId !== asked.assigneeId) {
    return { reassignedFrom: asked.assigneeId, to: ticket.assigneeId };
  }
  return request.assigneeId;
}

function namedPersons(
  request: PlannedRequest,
  persons: readonly SnapshotPerson[],
  roles: RoleBook,
): Found {
  const userIds = request.recipients?.userIds ?? [];
  const byId = persons.filter(({ id }) => userIds.includes(id));
  const named = found(byId, { kind: "recipient", role: null, note: null });
  const byRole = (request.recipients?.roles ?? []).map((role): Found => {
    const { members, note } = roles.onDuty(role, request.zone);
    if (members.length > 0) return found(members, { kind: "recipient", role, note });
    return { persons: [], excluded: [{ role, zone: request.zone, reason: "role_empty" }] };
  });
  return {
    persons: [named, ...byRole].flatMap((part) => part.persons),
    excluded: byRole.flatMap((part) => part.excluded),
  };
}

export interface RoleBook {
  /** Active members of a role, of the zone where one is named. */
  readonly membersOf: (role: Role, zone: string | null) => readonly SnapshotPerson[];
  /** Those on duty for the zone, else the role's members for the zone, else the role. */
  readonly onDuty: (
    role: Role,
    zone: string | null,
  ) => { readonly members: readonly SnapshotPerson[]; readonly note: RoleNote };
  /** On duty with role noc, else the admins. */
  readonly operators: (zone: string | null) => {
    readonly members: readonly SnapshotPerson[];
    readonly role: Role;
    readonly note: RoleNote;
  };
}

/** There is no duty roster yet: every role is answered by its members, and says so. */
export function roleBook(persons: readonly SnapshotPerson[]): RoleBook {
  const membersOf: RoleBook["membersOf"] = (role, zone) =>
    persons.filter(
      (person) =>
        person.isActive && person.role === role && (zone === null || person.zones.includes(zone)),
    );
  const onDuty: RoleBook["onDuty"] = (role, zone) => {
    const ofZone = membersOf(role, zone);
    return ofZone.length > 0
      ? { members: ofZone, note: "no_duty_roster" }
      : { members: membersOf(role, null), note: "role_of_any_zone" };
  };
  return {
    membersOf,
    onDuty,
    operators: (zone) => {
      const { members, note } = onDuty("noc", zone);
      return members.length > 0
        ? { members, role: "noc", note }
        : { members: membersOf("admin", null), role: "admin", note: "admins_for_operators" };
    },
  };
}

/** Collects groups once each; what adds a group a second time can only make it primary. */
class GroupDraft {
  readonly excluded: Exclusion[] = [];
  readonly #told = new Map<
    string,
    { group: SnapshotGroup; because: Because[]; primary: boolean }
  >();

  add(group: SnapshotGroup, because: Because, primary: boolean): void {
    const known = this.#told.get(group.id) ?? { group, because: [], primary: false };
    known.because.push(because);
    known.primary ||= primary;
    this.#told.set(group.id, known);
  }

  told(): readonly AudienceGroup[] {
    return [...this.#told.values()].map(({ because, ...rest }) => ({
      ...rest,
      because: unique(because),
    }));
  }
}

function routedGroups(
  request: PlannedRequest,
  rules: readonly RoutingRule[],
  groups: readonly SnapshotGroup[],
): GroupDraft {
  const draft = new GroupDraft();
  for (const group of groups) {
    const naming = rules.filter(
      (rule) => rule.groupIds.includes(group.id) || rule.groupCategories.includes(group.category),
    );
    const isListed = group.types.includes(request.type);
    if (naming.length === 0 && !isListed) continue;
    const reason = removalOf(group, request);
    if (reason !== null) {
      draft.excluded.push({ groupId: group.id, reason });
      continue;
    }
    for (const rule of naming) draft.add(group, { kind: "rule", ruleId: rule.id }, rule.primary);
    if (isListed) draft.add(group, { kind: "own_types" }, !isAtLeast(request.priority, "high"));
  }
  return draft;
}

function removalOf(group: SnapshotGroup, request: PlannedRequest): SuppressionReason | null {
  if (!group.isActive) return "inactive";
  if (!isInZone(group, request.zone)) return "out_of_zone";
  if (
    group.serviceTypes.length > 0 &&
    request.category !== null &&
    !group.serviceTypes.includes(request.category)
  ) {
    return "service_type_mismatch";
  }
  if (group.minPriority !== null && !isAtLeast(request.priority, group.minPriority)) {
    return "below_min_priority";
  }
  return null;
}

function isInZone(group: SnapshotGroup, zone: string | null): boolean {
  return group.zone === null || zone === null || group.zone === zone;
}

/** Groups that the request names itself are the caller's decision: nothing but being inactive removes them. */
function namedGroups(groupIds: readonly string[], groups: readonly SnapshotGroup[]): GroupDraft {
  const draft = new GroupDraft();
  for (const group of groups.filter(({ id }) => groupIds.includes(id))) {
    if (group.isActive) draft.add(group, { kind: "recipient", role: null, note: null }, true);
    else draft.excluded.push({ groupId: group.id, reason: "inactive" });
  }
  return draft;
}

/** The rule that wanted the technicians' group of a zone that has none, and the supervisors' groups that stand in. */
function withoutTechniciansGroup(
  request: PlannedRequest,
  rules: readonly RoutingRule[],
  groups: readonly SnapshotGroup[],
): { readonly rule: RoutingRule; readonly groups: readonly SnapshotGroup[] } | null {
  const rule = rules.find(({ groupCategories }) => groupCategories.includes("technicians"));
  if (rule === undefined || request.zone === null) return null;
  const active = groups.filter((group) => group.isActive && isInZone(group, request.zone));
  if (active.some(({ category }) => category === "technicians")) return null;
  return { rule, groups: active.filter(({ category }) => category === "supervisors") };
}

/** Each value once, in order of first appearance; values are small and plain. */
function unique<Value>(values: readonly Value[]): readonly Value[] {
  const seen = new Map(values.map((value) => [JSON.stringify(value), value]));
  return [...seen.values()];
}
