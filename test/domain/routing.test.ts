import fc from "fast-check";
import { describe, expect, test } from "vitest";

import type { RuleAudience } from "../../domain/plan-snapshot.ts";
import { matchesConditions, planAudience, unknownConditions } from "../../domain/routing.ts";
import type { Audience } from "../../domain/routing.ts";
import {
  planSnapshot,
  someGroup,
  somebody,
  someRule,
  someTicket,
  T0,
} from "../support/plan-snapshot.ts";

function audience(over: Parameters<typeof planSnapshot>[0]): Audience {
  return planAudience(planSnapshot(over));
}

function told({ persons, groups }: Audience): readonly string[] {
  return [...persons.map(({ person }) => person.id), ...groups.map(({ group }) => group.id)];
}

const ASSIGNEE: RuleAudience = { kind: "assignee", role: null, zone: "request" };
const CUSTOMER: RuleAudience = { kind: "customer", role: null, zone: "request" };
const OPERATORS: RuleAudience = { kind: "operators", role: null, zone: "request" };

function supervisors(kind: "role" | "on_duty", zone = "request"): RuleAudience {
  return { kind, role: "supervisor", zone };
}

describe("conditions", () => {
  const request = {
    priority: "high",
    zone: "karawang",
    category: null,
    data: {
      severity: 2,
      tags: ["a", "b"],
      site: { code: "POP-1" },
      "dotted.name": true,
      none: null,
    },
  };

  test.each([
    [{}, true, "no condition always holds"],
    [{ priority: "high" }, true, "equality"],
    [{ priority: "critical" }, false, "another value"],
    [{ priority: ["critical", "high"] }, true, "one of a list"],
    [{ zone: "karawang", priority: "low" }, false, "every condition must hold"],
    [{ category: null }, true, "what the request lacks equals null"],
    [{ category: "repair" }, false, "what the request lacks equals nothing else"],
    [{ category: [null, "repair"] }, true, "a list may hold null"],
    [{ "data.severity": 2 }, true, "a field of the data"],
    [{ "data.severity": "2" }, false, "JSON equality keeps types apart"],
    [{ "data.site.code": "POP-1" }, true, "a path into the data"],
    [{ "data.site": { code: "POP-1" } }, true, "an object by value"],
    [{ "data.site": { code: "POP-1", x: 1 } }, false, "an object with another field"],
    [{ "data.tags": [["a", "b"]] }, true, "a list by value stands in a list"],
    [{ "data.tags": ["a"] }, false, "a list is not its items"],
    [{ "data.dotted.name": true }, true, "a name that holds a dot"],
    [{ "data.none": null }, true, "null equals null"],
    [{ "data.constructor": null }, true, "inherited properties are no data"],
    [{ colour: "red" }, false, "an unknown word never holds"],
    [{ "data.": 1 }, false, "an empty field name is an unknown word"],
  ])("%j → %s: %s", (conditions, matches, _why) => {
    expect(matchesConditions(conditions, request)).toBe(matches);
  });

  test("unknown words are named, so that a rule with one is not saved", () => {
    const conditions = {
      priority: "high",
      zone: "x",
      category: "y",
      "data.a": 1,
      colour: 1,
      data: 2,
    };
    expect(unknownConditions(conditions)).toEqual(["colour", "data"]);
  });
});

describe("persons", () => {
  const people = [
    somebody("T-1"),
    somebody("T-2", { zones: ["bekasi"] }),
    somebody("S-1", { role: "supervisor" }),
    somebody("S-2", { role: "supervisor", zones: ["bekasi"] }),
    somebody("S-3", { role: "supervisor", isActive: false }),
    somebody("A-1", { role: "admin", zones: [] }),
    somebody("C-1", { role: "customer" }),
  ];

  test.each([
    [ASSIGNEE, "karawang", ["T-1"], [], "the request's assignee"],
    [CUSTOMER, "karawang", ["C-1"], [], "the request's customer"],
    [supervisors("role"), "karawang", ["S-1"], [], "active members of the request's zone"],
    [supervisors("role", "all"), "karawang", ["S-1", "S-2"], [], "all zones"],
    [supervisors("role", "bekasi"), "karawang", ["S-2"], [], "a zone by its code"],
    [supervisors("role"), "subang", [], ["role_empty"], "nobody of the role in the zone"],
    [supervisors("role"), null, ["S-1", "S-2"], [], "a request without a zone means the role"],
    [supervisors("on_duty"), "karawang", ["S-1"], [], "without a roster the zone's members"],
    [supervisors("on_duty"), "subang", ["S-1", "S-2"], [], "and else the role"],
    [OPERATORS, "karawang", ["A-1"], [], "without a noc the admins operate"],
  ])("%j in zone %s → %j, excluded %j: %s", (kind, zone, ids, reasons, _why) => {
    const answer = audience({
      persons: people,
      request: { zone, assigneeId: "T-1", customerId: "C-1" },
      rules: [someRule("rul_1", { audience: [kind] })],
    });
    expect(told(answer)).toEqual(ids);
    expect(answer.excluded.map(({ reason }) => reason)).toEqual(reasons);
  });

  test("operators are those with role noc, when there is one", () => {
    const answer = audience({
      persons: [...people, somebody("N-1", { role: "noc" })],
      rules: [someRule("rul_1", { audience: [OPERATORS] })],
    });
    expect(told(answer)).toEqual(["N-1"]);
    expect(answer.persons[0]?.because).toEqual([
      { kind: "operators", ruleId: "rul_1", role: "noc", note: "no_duty_roster" },
    ]);
  });

  test.each([
    [ASSIGNEE, "no_assignee"],
    [CUSTOMER, "no_customer"],
  ])("an audience of %j that nobody fills says so", (kind, reason) => {
    const answer = audience({ rules: [someRule("rul_1", { audience: [kind] })] });
    expect(answer).toEqual({
      persons: [],
      groups: [],
      excluded: [{ ruleId: "rul_1", reason }],
    });
  });

  test("assignee and customer come from the ticket where the request is silent", () => {
    const answer = audience({
      persons: people,
      ticket: someTicket({ assigneeId: "T-2", customerId: "C-1" }),
      rules: [someRule("rul_1", { audience: [ASSIGNEE, CUSTOMER] })],
    });
    expect(told(answer)).toEqual(["T-2", "C-1"]);
  });

  test.each([
    [T0 - 1, ["T-1"], [], "the ticket changed before the request: the request is newer"],
    [T0, ["T-1"], [], "at the same moment the request stands"],
    [
      T0 + 1,
      ["T-2"],
      [{ userId: "T-1", ruleId: "rul_1", reason: "reassigned" }],
      "given away since",
    ],
  ])("ticket changed at %d → told %j, excluded %j: %s", (updatedAt, ids, excluded, _why) => {
    const answer = audience({
      persons: people,
      ticket: someTicket({ assigneeId: "T-2", updatedAt }),
      request: { assigneeId: "T-1" },
      rules: [someRule("rul_1", { audience: [ASSIGNEE] })],
    });
    expect(told(answer)).toEqual(ids);
    expect(answer.excluded).toEqual(excluded);
  });

  test("whoever caused the event is not told of it", () => {
    const answer = audience({
      persons: people,
      request: { assigneeId: "T-1", actorId: "T-1" },
      rules: [someRule("rul_1", { audience: [ASSIGNEE, supervisors("role")] })],
    });
    expect(told(answer)).toEqual(["S-1"]);
    expect(answer.excluded).toEqual([{ userId: "T-1", reason: "actor" }]);
  });

  test("a person whom two rules match is told once, with both reasons and both rules' channels", () => {
    const inbox = { add: [], remove: [], only: ["in_app" as const] };
    const answer = audience({
      persons: people,
      rules: [
        someRule("rul_1", { audience: [supervisors("role")], channels: inbox }),
        someRule("rul_2", { audience: [supervisors("on_duty"), supervisors("role")] }),
      ],
    });
    expect(told(answer)).toEqual(["S-1"]);
    expect(answer.persons[0]?.because).toHaveLength(3);
    expect(answer.persons[0]?.channels).toEqual([inbox, { add: [], remove: [], only: null }]);
  });

  test("a rule whose conditions fail names nobody", () => {
    const answer = audience({
      persons: people,
      rules: [
        someRule("rul_1", { conditions: { zone: "bekasi" }, audience: [supervisors("role")] }),
      ],
    });
    expect(told(answer)).toEqual([]);
  });
});

describe("groups", () => {
  const zone = someGroup("G-K", { zone: "karawang", types: ["ticket_urgent"] });

  test.each([
    ["low", true],
    ["medium", true],
    ["high", false],
    ["critical", false],
  ] as const)("a group added by its own list is primary for %s: %s", (priority, primary) => {
    const answer = audience({ groups: [zone], request: { priority } });
    expect(answer.groups).toEqual([{ group: zone, because: [{ kind: "own_types" }], primary }]);
  });

  test("a rule makes a listed group primary, and the list adds what no rule names", () => {
    const other = someGroup("G-N", { category: "noc", types: ["ticket_urgent"] });
    const answer = audience({
      groups: [zone, other],
      rules: [someRule("rul_1", { groupCategories: ["technicians"], primary: true })],
    });
    expect(answer.groups.map(({ group, primary }) => [group.id, primary])).toEqual([
      ["G-K", true],
      ["G-N", false],
    ]);
  });

  test("a group by its id", () => {
    const answer = audience({
      groups: [someGroup("G-1"), someGroup("G-2")],
      rules: [someRule("rul_1", { groupIds: ["G-2"] })],
    });
    expect(told(answer)).toEqual(["G-2"]);
  });

  test.each([
    [{ zone: "bekasi" }, {}, "out_of_zone", "another zone"],
    [{ zone: null }, {}, null, "all zones"],
    [{ zone: "bekasi" }, { zone: null }, null, "a request without a zone is not compared"],
    [
      { serviceTypes: ["install"] },
      { category: "repair" },
      "service_type_mismatch",
      "another service",
    ],
    [{ serviceTypes: ["repair"] }, { category: "repair" }, null, "its service"],
    [{ serviceTypes: ["install"] }, { category: null }, null, "a request without a category"],
    [{ minPriority: "critical" }, {}, "below_min_priority", "just below"],
    [{ minPriority: "high" }, {}, null, "at the minimum"],
    [{ minPriority: "medium" }, {}, null, "above the minimum"],
    [{ isActive: false }, {}, "inactive", "switched off"],
  ] as const)("group %j, request %j → %s: %s", (over, request, reason, _why) => {
    const answer = audience({
      groups: [someGroup("G-1", over), someGroup("G-0")],
      request,
      rules: [someRule("rul_1", { groupIds: ["G-1"] })],
    });
    expect(told(answer)).toEqual(reason === null ? ["G-1"] : []);
    expect(answer.excluded).toEqual(reason === null ? [] : [{ groupId: "G-1", reason }]);
  });

  describe("a zone without a technicians' group", () => {
    const rule = someRule("rul_1", { groupCategories: ["technicians"], primary: true });
    const people = [somebody("T-1"), somebody("T-2", { zones: ["bekasi"] })];
    const supervisorsGroup = someGroup("G-S", { category: "supervisors" });

    test("tells its technicians in person and the supervisors' group", () => {
      const answer = audience({
        rules: [rule],
        persons: people,
        groups: [someGroup("G-B", { zone: "bekasi" }), supervisorsGroup],
      });
      expect(told(answer)).toEqual(["T-1", "G-S"]);
      expect(answer.persons[0]?.channels).toEqual([
        { add: ["whatsapp_personal"], remove: [], only: null },
      ]);
      expect(answer.groups[0]?.primary).toBe(true);
      expect(answer.excluded).toEqual([{ groupId: "G-B", reason: "out_of_zone" }]);
    });

    test("is one whose only technicians' group is switched off", () => {
      const off = someGroup("G-K", { zone: "karawang", isActive: false });
      const answer = audience({ rules: [rule], persons: people, groups: [off, supervisorsGroup] });
      expect(told(answer)).toEqual(["T-1", "G-S"]);
    });

    test("is not one whose group is merely below its minimum priority", () => {
      const quiet = someGroup("G-K", { zone: "karawang", minPriority: "critical" });
      const answer = audience({
        rules: [rule],
        persons: people,
        groups: [quiet, supervisorsGroup],
      });
      expect(told(answer)).toEqual([]);
    });

    test("says so when it has no technicians either", () => {
      const answer = audience({ rules: [rule], groups: [supervisorsGroup] });
      expect(answer.excluded).toEqual([
        { role: "technician", zone: "karawang", ruleId: "rul_1", reason: "role_empty" },
      ]);
    });
  });
});

describe("recipients of the request", () => {
  const people = [
    somebody("T-1"),
    somebody("S-1", { role: "supervisor" }),
    somebody("S-2", { role: "supervisor", zones: ["bekasi"] }),
    somebody("X", { isActive: false }),
  ];
  const groups = [
    someGroup("G-1", { zone: "bekasi", minPriority: "critical" }),
    someGroup("G-2", { types: ["ticket_urgent"] }),
  ];

  test("replace routing: nothing is added to them or filtered from them", () => {
    const answer = audience({
      persons: people,
      groups,
      rules: [someRule("rul_1", { audience: [supervisors("role")], groupIds: ["G-2"] })],
      request: { recipients: { userIds: ["T-1"], groupIds: ["G-1"], roles: [] } },
    });
    expect(told(answer)).toEqual(["T-1", "G-1"]);
    expect(answer.groups[0]?.primary).toBe(true);
  });

  test("by role are those of the zone, and an empty role says so", () => {
    const answer = audience({
      persons: people,
      request: { recipients: { userIds: [], groupIds: [], roles: ["supervisor", "noc"] } },
    });
    expect(told(answer)).toEqual(["S-1"]);
    expect(answer.excluded).toEqual([{ role: "noc", zone: "karawang", reason: "role_empty" }]);
  });

  test("named in person and by role are told once", () => {
    const answer = audience({
      persons: people,
      request: { recipients: { userIds: ["S-1"], groupIds: [], roles: ["supervisor"] } },
    });
    expect(told(answer)).toEqual(["S-1"]);
  });

  test("who is inactive is left out with the reason", () => {
    const answer = audience({
      persons: people,
      request: { recipients: { userIds: ["X"], groupIds: [], roles: [] } },
    });
    expect(answer).toEqual({
      persons: [],
      groups: [],
      excluded: [{ userId: "X", reason: "inactive" }],
    });
  });

  test("are told by the channels of the type's rules", () => {
    const channels = { add: ["whatsapp_personal" as const], remove: [], only: null };
    const answer = audience({
      persons: people,
      rules: [
        someRule("rul_1", { audience: [CUSTOMER], channels }),
        someRule("rul_2", { groupCategories: ["noc"] }),
      ],
      request: { recipients: { userIds: ["T-1"], groupIds: [], roles: [] } },
    });
    expect(answer.persons[0]?.channels).toEqual([channels]);
  });
});

test("nobody stands in an audience twice, whatever rules, roles and lists name them", () => {
  const ids = ["T-1", "T-2", "S-1", "S-2", "N-1"];
  const kinds = fc.constantFrom<RuleAudience>(
    ASSIGNEE,
    CUSTOMER,
    OPERATORS,
    supervisors("role"),
    supervisors("on_duty", "all"),
    { kind: "role", role: "technician", zone: "request" },
  );
  const rule = fc.record({
    audience: fc.array(kinds, { maxLength: 4 }),
    groupCategories: fc.subarray(["technicians", "supervisors", "noc"]),
    groupIds: fc.subarray(["G-1", "G-2"]),
    primary: fc.boolean(),
  });
  const world = fc.record({
    rules: fc.array(rule, { maxLength: 5 }),
    assigneeId: fc.option(fc.constantFrom(...ids)),
    customerId: fc.option(fc.constantFrom(...ids)),
    actorId: fc.option(fc.constantFrom(...ids)),
    named: fc.option(
      fc.record({
        userIds: fc.array(fc.constantFrom(...ids)),
        groupIds: fc.array(fc.constantFrom("G-1", "G-2")),
      }),
    ),
  });
  fc.assert(
    fc.property(world, ({ rules, named, ...request }) => {
      const answer = audience({
        persons: ids.map((id) =>
          somebody(id, {
            role: id.startsWith("T") ? "technician" : id.startsWith("S") ? "supervisor" : "noc",
          }),
        ),
        groups: [
          someGroup("G-1", { types: ["ticket_urgent"] }),
          someGroup("G-2", { category: "noc" }),
        ],
        rules: rules.map((over, index) => someRule(`rul_${index}`, over)),
        request: { ...request, recipients: named && { ...named, roles: ["supervisor"] } },
      });
      const everybody = told(answer);
      expect(new Set(everybody).size).toBe(everybody.length);
      expect(everybody).not.toContain(request.actorId);
      for (const { because } of [...answer.persons, ...answer.groups]) {
        expect(because.length).toBeGreaterThan(0);
      }
    }),
  );
});
