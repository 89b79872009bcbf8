/** What the planner knows, with valid and boring defaults; each test sets only what matters to its title. */
import { ACCOUNTS } from "../../db/seed/accounts.ts";
import { GROUPS } from "../../db/seed/groups.ts";
import { PEOPLE } from "../../db/seed/people.ts";
import { RULES } from "../../db/seed/rules.ts";
import { TEMPLATES } from "../../db/seed/templates.ts";
import { TYPES } from "../../db/seed/types.ts";
import { ZONES } from "../../db/seed/zones.ts";
import { DEFAULT_POLICIES } from "../../domain/default-policies.ts";
import type { Policy, PolicyRules } from "../../domain/escalation-policy.ts";
import type {
  PlannedRequest,
  PlanSnapshot,
  RoutingRule,
  SnapshotAccount,
  SnapshotGroup,
  SnapshotPerson,
  SnapshotTicket,
  SnapshotType,
} from "../../domain/plan-snapshot.ts";
import type { Channel } from "../../domain/channel.ts";
import type { Priority } from "../../domain/priority.ts";
import type { QuietHours } from "../../domain/quiet-hours.ts";
import { assertDefined } from "./assert-defined.ts";

/** 2026-03-02 10:00 in Jakarta, a Monday. */
export const T0 = Date.UTC(2026, 2, 2, 3);

export function jakarta(local: string): number {
  return Date.parse(`${local}:00+07:00`);
}

export const NIGHTS: QuietHours = {
  enabled: true,
  from: "22:00",
  to: "06:00",
  days: ["mon", "tue", "wed", "thu", "fri", "sat", "sun"],
  timeZone: null,
};

export function somebody(id: string, over: Partial<SnapshotPerson> = {}): SnapshotPerson {
  return {
    id,
    role: "technician",
    zones: ["karawang"],
    locale: "id",
    timeZone: null,
    isActive: true,
    version: 1,
    settings: {},
    phone: "verified",
    email: "none",
    pushAccountIds: [],
    optedOutChannels: [],
    groupIds: [],
    ...over,
  };
}

export function someGroup(id: string, over: Partial<SnapshotGroup> = {}): SnapshotGroup {
  return {
    id,
    category: "technicians",
    zone: null,
    serviceTypes: [],
    types: [],
    minPriority: null,
    timeZone: null,
    quietHours: null,
    isActive: true,
    version: 1,
    hasChat: true,
    provenAccountIds: ["whatsapp_group"],
    ...over,
  };
}

/** An account named after its channel. */
export function someAccount(
  channel: Channel,
  over: Partial<SnapshotAccount> = {},
): SnapshotAccount {
  return {
    id: channel,
    channel,
    purposes: ["critical", "operational", "customer"],
    health: "healthy",
    isStandby: false,
    givesSent: true,
    givesDelivered: true,
    receiptDeadlineMs: 30_000,
    deviceKey: over.id ?? channel,
    gapMs: 0,
    ...over,
  };
}

export function someRule(id: string, over: Partial<RoutingRule> = {}): RoutingRule {
  return {
    id,
    conditions: {},
    audience: [],
    groupIds: [],
    groupCategories: [],
    primary: false,
    policyId: null,
    channels: { add: [], remove: [], only: null },
    ...over,
  };
}

export function someRequest(over: Partial<PlannedRequest> = {}): PlannedRequest {
  return {
    notificationId: "ntf_1",
    type: "ticket_urgent",
    priority: "high",
    zone: "karawang",
    ticketId: null,
    assigneeId: null,
    customerId: null,
    actorId: null,
    category: null,
    data: {},
    recipients: null,
    attachments: [],
    avoidAccountIds: [],
    acceptedAt: T0,
    notBefore: null,
    notAfter: null,
    ...over,
  };
}

export function someTicket(over: Partial<SnapshotTicket> = {}): SnapshotTicket {
  return {
    id: "TKT-1",
    zone: "karawang",
    category: "repair",
    isClosed: false,
    assigneeId: null,
    customerId: null,
    updatedAt: T0 - 60_000,
    ...over,
  };
}

export function someType(over: Partial<SnapshotType> = {}): SnapshotType {
  return {
    code: "ticket_urgent",
    priority: "high",
    policyId: null,
    answers: "acknowledge",
    isCustomer: false,
    isOperational: true,
    sendWindow: null,
    preferenceClass: null,
    isActive: true,
    ...over,
  };
}

export function policyOf(
  code: keyof typeof DEFAULT_POLICIES,
  over: Partial<PolicyRules> = {},
): Policy {
  const { name, priority, rules } = DEFAULT_POLICIES[code];
  return { id: `pol_${code}`, version: 1, name, priority, ...rules, ...over };
}

export const EVERY_ACCOUNT: readonly SnapshotAccount[] = (
  ["whatsapp_personal", "whatsapp_group", "sms", "call"] as const
).map((channel) => someAccount(channel));

export function planSnapshot(
  over: Partial<Omit<PlanSnapshot, "request" | "type">> & {
    readonly request?: Partial<PlannedRequest>;
    readonly type?: Partial<SnapshotType>;
  } = {},
): PlanSnapshot {
  const { request, type, ...rest } = over;
  return {
    policy: policyOf("high"),
    ticket: null,
    rules: [],
    persons: [],
    groups: [],
    accounts: EVERY_ACCOUNT,
    templates: [{ channel: "whatsapp_personal", locale: "id", subject: null, body: "…" }],
    zoneTimeZones: { karawang: "Asia/Jakarta", jayapura: "Asia/Jayapura" },
    holidays: {},
    installationTimeZone: "Asia/Jakarta",
    ...rest,
    request: someRequest(request),
    type: someType(type),
  };
}

/** The seeded installation, ids being the external ids: as loaded for one request, or with all its people. */
export function seededSnapshot(
  type: string,
  over: Partial<PlannedRequest> & { readonly rules?: readonly RoutingRule[] } = {},
): PlanSnapshot {
  const { rules = seededRules(type), ...request } = over;
  const seeded = assertDefined(TYPES.find(({ code }) => code === type));
  const priority: Priority = request.priority ?? seeded.priority;
  const policy = policyOf(seeded.policy ?? priority);
  return planSnapshot({
    type: { ...seeded, policyId: seeded.policy, isActive: true },
    request: { type, priority, ...request },
    policy,
    rules,
    persons: PEOPLE.map((person) =>
      somebody(person.externalId, {
        role: person.role,
        zones: person.zones,
        locale: person.locale,
        email: person.email === null ? "none" : "verified",
        groupIds: person.groups,
      }),
    ),
    groups: GROUPS.map((group) =>
      someGroup(group.externalId, {
        category: group.category,
        zone: group.zone,
        types: group.types,
        provenAccountIds: ACCOUNTS.filter(({ isInGroups }) => isInGroups).map(({ name }) => name),
      }),
    ),
    accounts: ACCOUNTS.map(({ name, channel, purposes, pacing, deviceKey }) =>
      someAccount(channel, { id: name, purposes, deviceKey, gapMs: pacing.minGapSeconds * 1_000 }),
    ),
    templates: TEMPLATES.filter((template) => template.type === type).map(
      ({ channel, locale, subject, body }) => ({ channel, locale, subject, body }),
    ),
    zoneTimeZones: Object.fromEntries(ZONES.map(({ code, timeZone }) => [code, timeZone])),
  });
}

export function seededRules(type: string): readonly RoutingRule[] {
  return RULES.filter((rule) => rule.type === type).map(({ name, type: _type, ...rule }) => ({
    ...rule,
    id: name,
    groupIds: [],
    policyId: null,
  }));
}
