import { describe, expect, it } from "vitest";
import type { ApiScope, SystemActor, UserActor } from "../../domain/actor.ts";
import { API_SCOPES } from "../../domain/actor.ts";
import { ACTION_SCOPES, PERMISSIONS, may, mayAny } from "../../domain/permissions.ts";
import type { Action, Resource } from "../../domain/permissions.ts";
import { ROLES } from "../../domain/role.ts";
import type { Role } from "../../domain/role.ts";

const user = (role: Role, zones: readonly string[] = ["karawang"]): UserActor => ({
  kind: "user",
  userId: "usr_a",
  role,
  zones,
  name: null,
  sender: "test",
  keyId: null,
});
const system = (...scopes: ApiScope[]): SystemActor => ({
  kind: "system",
  keyId: "key_a",
  sender: "test",
  name: "A key",
  scopes,
});

const OPERATIONAL = { code: "outage", isCustomer: false, isOperational: true };
const CUSTOMER = { code: "service_update", isCustomer: true, isOperational: false };
const PROMOTION = { code: "promotion", isCustomer: true, isOperational: false };

/** The kinds of thing by which the table's cells differ. */
const THINGS = {
  "own zone": { zone: "karawang", type: OPERATIONAL },
  "other zone": { zone: "bekasi", type: OPERATIONAL },
  "no zone": { zone: null, type: OPERATIONAL },
  "own zone, customer type": { zone: "karawang", type: CUSTOMER },
  "other zone, customer type": { zone: "bekasi", type: CUSTOMER },
  "own zone, promotion": { zone: "karawang", type: PROMOTION },
  "other zone, one's own": { zone: "bekasi", type: OPERATIONAL, isOwn: true },
  "own zone, customer": { zones: ["karawang"], role: "customer" },
  "other zone, customer": { zones: ["bekasi"], role: "customer" },
  "other zone, technician": { zones: ["bekasi"], role: "technician" },
} as const satisfies Readonly<Record<string, Resource>>;
type Thing = keyof typeof THINGS;

const ALL = Object.keys(THINGS).filter(isThing);
function isThing(name: string): name is Thing {
  return Object.hasOwn(THINGS, name);
}
const IN_OWN_ZONE: readonly Thing[] = [
  "own zone",
  "own zone, customer type",
  "own zone, promotion",
  "own zone, customer",
];
const OWN: readonly Thing[] = ["other zone, one's own"];
const OF_CUSTOMER_TYPES: readonly Thing[] = [
  "own zone, customer type",
  "other zone, customer type",
  "own zone, promotion",
];
const OPERATIONAL_ONES: readonly Thing[] = [
  "own zone",
  "other zone",
  "no zone",
  "other zone, one's own",
];
const CUSTOMERS: readonly Thing[] = ["own zone, customer", "other zone, customer"];

const nobodyBut = (
  cells: Partial<Record<Role, readonly Thing[]>>,
): Record<Role, readonly Thing[]> => ({
  admin: ALL,
  manager: [],
  supervisor: [],
  noc: [],
  customer_service: [],
  technician: [],
  customer: [],
  ...cells,
});

const SEEN = nobodyBut({
  manager: ALL,
  supervisor: [...IN_OWN_ZONE, ...OWN],
  noc: ALL,
  customer_service: [...OF_CUSTOMER_TYPES, ...OWN],
  technician: OWN,
});

/** Requirements section 11, written out by hand: action × role → the things on which it is allowed. */
const EXPECTED: Record<Action, Record<Role, readonly Thing[]>> = {
  see_notification: SEEN,
  see_message: SEEN,
  see_address: nobodyBut({}),
  read_inbound: nobodyBut({
    manager: ALL,
    supervisor: IN_OWN_ZONE,
    noc: ALL,
    customer_service: ALL,
  }),
  answer_inbound: nobodyBut({
    manager: ALL,
    supervisor: IN_OWN_ZONE,
    noc: ALL,
    customer_service: ALL,
  }),
  answer_notification: SEEN,
  steer_notification: nobodyBut({ manager: ALL, supervisor: IN_OWN_ZONE, noc: ALL }),
  create_notification: nobodyBut({
    manager: ALL,
    supervisor: ["own zone", "own zone, customer type"],
    noc: OPERATIONAL_ONES,
    customer_service: OF_CUSTOMER_TYPES,
  }),
  read_users: nobodyBut({
    manager: ALL,
    supervisor: [...IN_OWN_ZONE, ...OWN],
    noc: ALL,
    customer_service: [...CUSTOMERS, ...OWN],
    technician: OWN,
  }),
  write_users: nobodyBut({ supervisor: IN_OWN_ZONE }),
  write_own_settings: nobodyBut({
    manager: OWN,
    supervisor: OWN,
    noc: OWN,
    customer_service: OWN,
    technician: OWN,
  }),
  send_otp: nobodyBut({
    manager: OWN,
    supervisor: [...IN_OWN_ZONE, ...OWN],
    noc: OWN,
    customer_service: OWN,
    technician: OWN,
  }),
  read_groups: nobodyBut({ manager: ALL, supervisor: IN_OWN_ZONE, noc: ALL }),
  write_groups: nobodyBut({ supervisor: IN_OWN_ZONE }),
  read_duty: nobodyBut({ manager: ALL, supervisor: IN_OWN_ZONE, noc: ALL, technician: OWN }),
  write_duty: nobodyBut({ supervisor: IN_OWN_ZONE, noc: OWN }),
  write_leave: nobodyBut({ supervisor: IN_OWN_ZONE, noc: OWN, technician: OWN }),
  read_rules: nobodyBut({ manager: ALL, supervisor: ALL, noc: ALL }),
  read_templates: nobodyBut({
    manager: ALL,
    supervisor: ALL,
    noc: ALL,
    customer_service: OF_CUSTOMER_TYPES,
  }),
  write_rules: nobodyBut({}),
  write_templates: nobodyBut({ customer_service: OF_CUSTOMER_TYPES }),
  read_accounts: nobodyBut({ noc: ALL }),
  drain_accounts: nobodyBut({ noc: ALL }),
  write_accounts: nobodyBut({}),
  read_prices: nobodyBut({ manager: ALL }),
  write_prices: nobodyBut({}),
  administer: nobodyBut({}),
  see_analytics: nobodyBut({
    manager: ALL,
    supervisor: IN_OWN_ZONE,
    noc: ALL,
    customer_service: OF_CUSTOMER_TYPES,
    technician: OWN,
  }),
  see_costs: nobodyBut({ manager: ALL }),
  see_audit: nobodyBut({}),
  export_personal_data: nobodyBut({ technician: OWN }),
  erase_personal_data: nobodyBut({}),
  read_words: nobodyBut({
    manager: ALL,
    supervisor: ALL,
    noc: ALL,
    customer_service: ALL,
    technician: ALL,
  }),
};
const ACTIONS = Object.keys(EXPECTED).filter((name): name is Action =>
  Object.hasOwn(PERMISSIONS, name),
);

describe("invariant 38: a role may do what the table says, on every kind of thing", () => {
  it.each(ACTIONS.flatMap((action) => ROLES.map((role) => ({ action, role }))))(
    "$role: $action",
    ({ action, role }) => {
      const allowed = ALL.filter((thing) => may(user(role), action, THINGS[thing]));
      expect(allowed).toEqual(ALL.filter((thing) => EXPECTED[action][role].includes(thing)));
      expect(mayAny(user(role), action)).toBe(EXPECTED[action][role].length > 0);
    },
  );

  it("names every action", () => {
    expect(Object.keys(PERMISSIONS).sort()).toEqual(Object.keys(EXPECTED).sort());
  });

  it("gives a supervisor without zones no zone", () => {
    expect(may(user("supervisor", []), "see_notification", THINGS["own zone"])).toBe(false);
    expect(may(user("supervisor", []), "see_notification", THINGS["no zone"])).toBe(false);
  });

  it("takes a fact that is not known for one that does not hold", () => {
    expect(may(user("supervisor"), "create_notification", { zone: "karawang" })).toBe(false);
    expect(may(user("noc"), "create_notification", {})).toBe(false);
    expect(may(user("technician"), "see_notification", {})).toBe(false);
  });
});

describe("a system's key", () => {
  const scopes = Object.keys(API_SCOPES).filter((name): name is ApiScope =>
    Object.hasOwn(API_SCOPES, name),
  );

  it.each(ACTIONS.map((action) => ({ action })))(
    "does $action with its scopes alone",
    ({ action }) => {
      const enough: readonly ApiScope[] = ["admin", ...ACTION_SCOPES[action]];
      expect(scopes.filter((scope) => may(system(scope), action)).sort()).toEqual(
        [...enough].sort(),
      );
    },
  );

  it("without scopes may do nothing", () => {
    expect(ACTIONS.filter((action) => mayAny(system(), action))).toEqual([]);
  });

  it("has a use for every scope that stands for an action of this table, or one of its own", () => {
    const used = new Set(ACTIONS.flatMap((action): readonly ApiScope[] => ACTION_SCOPES[action]));
    expect(scopes.filter((scope) => !used.has(scope))).toEqual(["admin"]);
  });
});
