import type { Actor, ApiScope, UserActor } from "./actor.ts";
import type { Role } from "./role.ts";

/**
 * Who may do what: the permission table of the product as data, and one function that reads it. A row is an action, a
 * cell is a list of grants; one grant that holds is enough, and a grant holds when all its limits do.
 */

/** What narrows a grant to a part of the things that an action works on. */
export const LIMITS = {
  /** The thing's zone is one of the person's. */
  own_zones: "own zones",
  /** Notifications of customer types; templates of those. */
  customer_types: "customer types",
  /** Notifications of operational types. */
  operational_types: "operational types",
  /** Anything but promotion. */
  no_promotion: "no promotion",
  /** Users with role customer. */
  customers: "customers",
  /** What told or concerns the person; the person's own row, leave, duty. */
  own: "own",
} as const;
export type Limit = keyof typeof LIMITS;

/** All limits of one grant hold together; no limits: everything. */
export type Grant = readonly Limit[];
type Cell = readonly Grant[];
type Row = Readonly<Record<Role, Cell>>;

const ALL: Cell = [[]];
const NONE: Cell = [];
const OWN: Cell = [["own"]];
/** Who was told of a notification may see and answer it, wherever it belongs. */
const OWN_ZONES_OR_OWN: Cell = [["own_zones"], ["own"]];
const CUSTOMER_TYPES_OR_OWN: Cell = [["customer_types"], ["own"]];

const row = (cells: Partial<Row>): Row => ({
  admin: ALL,
  manager: NONE,
  supervisor: NONE,
  noc: NONE,
  customer_service: NONE,
  technician: NONE,
  customer: NONE,
  ...cells,
});

export const PERMISSIONS = {
  /** Notifications, their timelines and deliveries. */
  see_notification: row({
    manager: ALL,
    supervisor: OWN_ZONES_OR_OWN,
    noc: ALL,
    customer_service: CUSTOMER_TYPES_OR_OWN,
    technician: OWN,
  }),
  /** The text of a delivery, which may name a customer; `own` is a delivery to oneself. */
  see_message: row({
    manager: ALL,
    supervisor: OWN_ZONES_OR_OWN,
    noc: ALL,
    customer_service: CUSTOMER_TYPES_OR_OWN,
    technician: OWN,
  }),
  /** The full address of a delivery; everybody else sees it masked. */
  see_address: row({}),
  /** What people wrote to us; a supervisor's own zones are the writers'. */
  read_inbound: row({
    manager: ALL,
    supervisor: [["own_zones"]],
    noc: ALL,
    customer_service: ALL,
  }),
  /** Answer or close what people wrote to us and nobody understood. */
  answer_inbound: row({
    manager: ALL,
    supervisor: [["own_zones"]],
    noc: ALL,
    customer_service: ALL,
  }),
  /** Acknowledge, refuse, escalate, snooze, resolve, rate, close. */
  answer_notification: row({
    manager: ALL,
    supervisor: OWN_ZONES_OR_OWN,
    noc: ALL,
    customer_service: CUSTOMER_TYPES_OR_OWN,
    technician: OWN,
  }),
  /** Cancel, reprioritise, reassign, resend, move, mute. */
  steer_notification: row({
    manager: ALL,
    supervisor: [["own_zones"]],
    noc: ALL,
  }),
  /** By hand, and asking what a request would do; broadcasts too. */
  create_notification: row({
    manager: ALL,
    supervisor: [["own_zones", "no_promotion"]],
    noc: [["operational_types"]],
    customer_service: [["customer_types"]],
  }),
  read_users: row({
    manager: ALL,
    supervisor: [["own_zones"], ["own"]],
    noc: ALL,
    customer_service: [["customers"], ["own"]],
    technician: OWN,
  }),
  write_users: row({ supervisor: [["own_zones"]] }),
  /** One's own settings, phones, inbox. */
  write_own_settings: row({
    manager: OWN,
    supervisor: OWN,
    noc: OWN,
    customer_service: OWN,
    technician: OWN,
  }),
  /** Send a code to a number and check it: what proves a person's number changes that person. */
  send_otp: row({
    manager: OWN,
    supervisor: OWN_ZONES_OR_OWN,
    noc: OWN,
    customer_service: OWN,
    technician: OWN,
  }),
  read_groups: row({ manager: ALL, supervisor: [["own_zones"]], noc: ALL }),
  write_groups: row({ supervisor: [["own_zones"]] }),
  read_duty: row({ manager: ALL, supervisor: [["own_zones"]], noc: ALL, technician: OWN }),
  write_duty: row({ supervisor: [["own_zones"]], noc: OWN }),
  write_leave: row({ supervisor: [["own_zones"]], noc: OWN, technician: OWN }),
  /** Rules and escalation policies. */
  read_rules: row({ manager: ALL, supervisor: ALL, noc: ALL }),
  read_templates: row({
    manager: ALL,
    supervisor: ALL,
    noc: ALL,
    customer_service: [["customer_types"]],
  }),
  write_rules: row({}),
  write_templates: row({ customer_service: [["customer_types"]] }),
  read_accounts: row({ noc: ALL }),
  drain_accounts: row({ noc: ALL }),
  write_accounts: row({}),
  read_prices: row({ manager: ALL }),
  write_prices: row({}),
  administer: row({}),
  see_analytics: row({
    manager: ALL,
    supervisor: [["own_zones"]],
    noc: ALL,
    customer_service: [["customer_types"]],
    technician: OWN,
  }),
  see_costs: row({ manager: ALL }),
  see_audit: row({}),
  export_personal_data: row({ technician: OWN }),
  erase_personal_data: row({}),
  /** Zones, types, holidays: words that every signed-in person needs to read a page. */
  read_words: row({
    manager: ALL,
    supervisor: ALL,
    noc: ALL,
    customer_service: ALL,
    technician: ALL,
  }),
} as const satisfies Readonly<Record<string, Row>>;
export type Action = keyof typeof PERMISSIONS;

/** The scopes of an API key of which any one is enough; `admin` is enough for everything. */
export const ACTION_SCOPES = {
  see_notification: ["notifications:read"],
  see_message: ["messages:read"],
  see_address: ["messages:read"],
  read_inbound: ["messages:read"],
  answer_inbound: ["acts:write"],
  answer_notification: ["acts:write"],
  steer_notification: ["acts:write"],
  create_notification: ["notifications:write"],
  read_users: ["master:read", "master:write"],
  write_users: ["master:write"],
  write_own_settings: ["master:write"],
  send_otp: ["otp:write"],
  read_groups: ["master:read", "master:write"],
  write_groups: ["master:write"],
  read_duty: ["master:read", "master:write"],
  write_duty: ["master:write"],
  write_leave: ["master:write"],
  read_rules: ["master:read", "master:write"],
  read_templates: ["master:read", "master:write"],
  write_rules: ["master:write"],
  write_templates: ["master:write"],
  read_accounts: ["accounts:read"],
  drain_accounts: [],
  write_accounts: [],
  read_prices: ["accounts:read"],
  write_prices: [],
  administer: [],
  see_analytics: ["analytics:read"],
  see_costs: ["analytics:read"],
  see_audit: [],
  export_personal_data: [],
  erase_personal_data: [],
  read_words: [
    "notifications:write",
    "notifications:read",
    "acts:write",
    "events:write",
    "broadcasts:write",
    "master:read",
    "master:write",
  ],
} as const satisfies Readonly<Record<Action, readonly ApiScope[]>>;

/** What `may` needs to know of a thing. A fact that is left out is one that no limit is satisfied by. */
export interface Resource {
  readonly zone?: string | null;
  /** Zones of a user; one in common is enough. */
  readonly zones?: readonly string[];
  readonly type?: {
    readonly code: string;
    readonly isCustomer: boolean;
    readonly isOperational: boolean;
  };
  readonly role?: Role;
  /** It told or concerns this person, or is this person's own. */
  readonly isOwn?: boolean;
}

export function may(actor: Actor, action: Action, resource: Resource = {}): boolean {
  switch (actor.kind) {
    case "system":
      return holdsScope(actor.scopes, action);
    case "user":
      return PERMISSIONS[action][actor.role].some((grant: Grant) =>
        grant.every((limit) => holds(limit, actor, resource)),
      );
  }
}

/** Whether there is anything at all on which the actor may do this; a list then filters by `reach`. */
export function mayAny(actor: Actor, action: Action): boolean {
  return reach(actor, action).length > 0;
}

/** The grants of an actor, for a list that must filter in the database. Empty: nothing; a grant without limits: everything. */
export function reach(actor: Actor, action: Action): readonly Grant[] {
  switch (actor.kind) {
    case "system":
      return holdsScope(actor.scopes, action) ? ALL : NONE;
    case "user":
      return PERMISSIONS[action][actor.role];
  }
}

function holdsScope(scopes: readonly ApiScope[], action: Action): boolean {
  const enough: readonly ApiScope[] = ACTION_SCOPES[action];
  return scopes.some((scope) => scope === "admin" || enough.includes(scope));
}

function holds(limit: Limit, actor: UserActor, resource: Resource): boolean {
  switch (limit) {
    case "own_zones":
      return [resource.zone ?? null, ...(resource.zones ?? [])].some(
        (zone) => zone !== null && actor.zones.includes(zone),
      );
    case "customer_types":
      return resource.type?.isCustomer === true;
    case "operational_types":
      return resource.type?.isOperational === true;
    case "no_promotion":
      return resource.type !== undefined && resource.type.code !== "promotion";
    case "customers":
      return resource.role === "customer";
    case "own":
      return resource.isOwn === true;
  }
}
