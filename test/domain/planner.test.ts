import fc from "fast-check";
import { describe, expect, test } from "vitest";

import type { PersonChannel } from "../../domain/channel.ts";
import type { PlanSnapshot, RuleChannels } from "../../domain/plan-snapshot.ts";
import { planReassigned, planRoleUp, planRun, simulatePolicy } from "../../domain/planner.ts";
import type { Plan } from "../../domain/planner.ts";
import { DEFAULT_POLICIES } from "../../domain/default-policies.ts";
import type { RunPerson } from "../../domain/run.ts";
import { assertDefined } from "../support/assert-defined.ts";
import {
  EVERY_ACCOUNT,
  jakarta,
  NIGHTS,
  planSnapshot,
  policyOf,
  someAccount,
  somebody,
  someGroup,
  someRule,
  someTicket,
  T0,
} from "../support/plan-snapshot.ts";

const NO_CHANGE: RuleChannels = { add: [], remove: [], only: null };
const TECHNICIANS = { kind: "role", role: "technician", zone: "request" } as const;

/** One technician, T-1, told by one rule, and whatever the test is about. */
function world(
  over: Parameters<typeof planSnapshot>[0] & {
    readonly person?: Parameters<typeof somebody>[1];
    readonly channels?: RuleChannels;
  } = {},
): PlanSnapshot {
  const { person, channels = NO_CHANGE, ...rest } = over;
  return planSnapshot({
    persons: [somebody("T-1", person)],
    rules: [someRule("rul_1", { audience: [TECHNICIANS], channels })],
    ...rest,
  });
}

function only(snapshot: PlanSnapshot, now = T0): RunPerson {
  return assertDefined(planRun(snapshot, now).run.persons[0]);
}

const INBOX_TEXT = [{ channel: "in_app", locale: "id", subject: null, body: "…" }] as const;

/** What the first step doesn't use, and why. */
function skippedIn(plan: Plan, step = 1): Readonly<Record<string, string>> {
  return Object.fromEntries(
    plan.steps
      .filter((candidate) => candidate.step === step && candidate.pass === 1)
      .flatMap(({ skipped }) =>
        skipped.map(({ channel, reason }): [string, string] => [channel, reason]),
      ),
  );
}

describe("channels", () => {
  test("a person gets the channels of the policy that have a contact and an account", () => {
    const planned = planRun(world({ person: { email: "verified" } }), T0);
    expect(planned.run.persons[0]).toMatchObject({
      routes: { whatsapp_personal: [{ accountId: "whatsapp_personal" }] },
      inApp: true,
      firstStepChannels: null,
      only: null,
      silentSuffices: false,
    });
    expect(skippedIn(planned.plan)).toEqual({ push: "no_subscription", email: "no_provider" });
  });

  test.each([
    [{ phone: "none" }, {}, "no_contact", "no number"],
    [{ settings: { enabled: false } }, {}, "settings_disabled", "the master switch"],
    [{ settings: { channels: { whatsapp: false } } }, {}, "channel_off", "the channel's switch"],
    [{ settings: { types: { ticket_urgent: false } } }, {}, "type_off", "the type's switch"],
    [{ settings: { classes: { urgent: false } } }, {}, "class_off", "the class's switch"],
    [{}, { accounts: [] }, "no_provider", "no account"],
    [{}, { templates: INBOX_TEXT }, "no_template", "no text that WhatsApp could use"],
  ] as const)("%j, %j skips WhatsApp with %s: %s", (person, over, reason, _why) => {
    const planned = planRun(world({ person, type: { preferenceClass: "urgent" }, ...over }), T0);
    expect(skippedIn(planned.plan)["whatsapp_personal"]).toBe(reason);
  });

  test.each([
    ["critical", [], ["unverified"], "goes, marked"],
    ["high", [], ["unverified"], "goes, marked"],
    ["medium", ["whatsapp_personal"], [], "is skipped"],
    ["low", ["whatsapp_personal"], [], "is skipped"],
  ] as const)(
    "an unverified number at priority %s: skipped %j, notes %j: %s",
    (priority, skipped, notes, _why) => {
      const planned = planRun(
        world({
          person: { phone: "unverified" },
          request: { priority },
          policy: policyOf(priority),
          channels: { add: ["whatsapp_personal"], remove: [], only: null },
        }),
        T0,
      );
      const reasons = Object.entries(skippedIn(planned.plan)).filter(
        ([, reason]) => reason === "unverified",
      );
      expect(reasons.map(([channel]) => channel)).toEqual(skipped);
      expect(planned.plan.recipients[0]?.notes).toEqual(notes);
    },
  );

  test("critical ignores channel switches where the policy says so, and the record says so", () => {
    const off = { settings: { channels: { whatsapp: false } } };
    const request = { priority: "critical" as const };
    const ignoring = planRun(world({ person: off, request, policy: policyOf("critical") }), T0);
    expect(ignoring.run.persons[0]?.routes.whatsapp_personal).toBeDefined();
    expect(ignoring.plan.recipients[0]?.notes).toEqual(["critical_ignores_channel_switches"]);

    const policy = policyOf("critical", { ignoresChannelSwitches: false });
    const heeding = planRun(world({ person: off, request, policy }), T0);
    expect(heeding.run.persons[0]?.routes.whatsapp_personal).toBeUndefined();
  });

  test.each([
    [
      { add: ["sms"], remove: [], only: null },
      ["whatsapp_personal", "in_app", "push", "email", "sms"],
      null,
    ],
    [{ add: [], remove: ["email", "push"], only: null }, ["whatsapp_personal", "in_app"], null],
    [{ add: [], remove: [], only: ["in_app"] }, ["in_app"], ["in_app"]],
    [{ add: ["whatsapp_personal"], remove: [], only: null }, null, null],
  ] as const)(
    "a rule's channels %j give the first step %j, the ladder only %j",
    (channels, first, onlyOf) => {
      const person = only(world({ channels }));
      expect(person.firstStepChannels).toEqual(first);
      expect(person.only).toEqual(onlyOf);
    },
  );

  test("of several rules that name a person the most telling counts", () => {
    const inbox: RuleChannels = { add: [], remove: [], only: ["in_app"] };
    const noEmail: RuleChannels = { add: [], remove: ["email"], only: null };
    const rules = [inbox, noEmail].map((channels, index) =>
      someRule(`rul_${index}`, { audience: [TECHNICIANS], channels }),
    );
    const person = only(world({ rules }));
    expect(person.only).toBeNull();
    expect(person.firstStepChannels).toEqual(["whatsapp_personal", "in_app", "push"]);
  });

  test("what a rule takes away is named as the rule's doing", () => {
    const { plan } = planRun(world({ channels: { add: [], remove: ["email"], only: null } }), T0);
    expect(skippedIn(plan)).toEqual({ push: "no_subscription", email: "rule_removed_channel" });
  });

  describe("silence suffices", () => {
    const off = { settings: { channels: { whatsapp: false } } };
    const inbox: RuleChannels = { add: [], remove: [], only: ["in_app"] };

    test.each([
      ["high", {}, NO_CHANGE, {}, false, "WhatsApp can reach the person"],
      ["high", off, NO_CHANGE, {}, true, "the person switched the only phone channel off"],
      [
        "critical",
        off,
        NO_CHANGE,
        { ignoresChannelSwitches: false },
        false,
        "SMS and calls are left",
      ],
      [
        "critical",
        { settings: { enabled: false } },
        NO_CHANGE,
        {},
        true,
        "the person switched everything off",
      ],
      ["high", { phone: "none" }, NO_CHANGE, {}, false, "a missing number is nobody's wish"],
      ["medium", { phone: "unverified" }, NO_CHANGE, {}, false, "an unverified one neither"],
      ["low", {}, NO_CHANGE, {}, true, "the ladder names no phone channel"],
      [
        "low",
        {},
        { add: ["whatsapp_personal"], remove: [], only: null },
        {},
        false,
        "a rule adds one",
      ],
      ["high", {}, inbox, {}, true, "a rule leaves nothing but the inbox"],
      ["claim", {}, NO_CHANGE, {}, true, "only role-up has a phone channel"],
    ] as const)("%s, %j, %j, %j → %s: %s", (code, person, channels, rules, suffices, _why) => {
      const policy = policyOf(code, rules);
      const planned = only(
        world({ person, channels, policy, request: { priority: policy.priority } }),
      );
      expect(planned.silentSuffices).toBe(suffices);
    });

    test("not where the provider is what is missing", () => {
      expect(only(world({ accounts: [] })).silentSuffices).toBe(false);
    });
  });

  test("turning a channel, a class, a type or everything off never adds a message", () => {
    const channel = fc.constantFrom("whatsapp", "email", "push");
    const settings = fc.record({
      enabled: fc.boolean(),
      channels: fc.dictionary(channel, fc.boolean()),
      classes: fc.dictionary(fc.constantFrom("urgent", "sla"), fc.boolean()),
      types: fc.dictionary(fc.constantFrom("ticket_urgent", "other"), fc.boolean()),
    });
    const code = fc.constantFrom("low", "medium", "high", "critical", "assignment", "claim");
    const switched = fc.constantFrom(
      { enabled: false },
      { channels: { whatsapp: false } },
      { channels: { email: false } },
      { classes: { urgent: false } },
      { types: { ticket_urgent: false } },
    );
    fc.assert(
      fc.property(settings, code, switched, fc.boolean(), (before, policy, change, ignores) => {
        const count = (given: object): number => {
          const policyRules = policyOf(policy, { ignoresChannelSwitches: ignores });
          const { plan } = planRun(
            world({
              person: { settings: given, email: "verified" },
              accounts: [...EVERY_ACCOUNT, someAccount("email"), someAccount("push")],
              type: { preferenceClass: "urgent" },
              policy: policyRules,
              request: { priority: policyRules.priority },
            }),
            T0,
          );
          return plan.steps
            .flatMap(({ targets }) => targets)
            .reduce((sum, { attempts }) => sum + attempts, 0);
        };
        const after = {
          ...before,
          ...change,
          channels: { ...before.channels, ...("channels" in change ? change.channels : {}) },
          classes: { ...before.classes, ...("classes" in change ? change.classes : {}) },
          types: { ...before.types, ...("types" in change ? change.types : {}) },
        };
        expect(count(after)).toBeLessThanOrEqual(count(before));
      }),
      { numRuns: 60 },
    );
  });
});

describe("accounts", () => {
  function route(over: Parameters<typeof world>[0]): readonly string[] {
    return (only(world(over)).routes.whatsapp_personal ?? []).map(({ accountId }) => accountId);
  }
  const account = (id: string, over: Parameters<typeof someAccount>[1] = {}) =>
    someAccount("whatsapp_personal", { id, ...over });

  test.each([
    ["high", ["probing", "first", "second", "standby", "out"], "one being tried takes its turn"],
    ["critical", ["first", "second", "standby", "probing", "out"], "a critical one is no test"],
  ] as const)("for %s are tried as %j: %s", (priority, ids, _why) => {
    const accounts = [
      account("probing", { health: "probing" }),
      account("standby", { isStandby: true }),
      account("first"),
      account("out", { health: "out" }),
      account("second"),
      account("draining", { health: "draining" }),
    ];
    expect(route({ accounts, request: { priority }, policy: policyOf(priority) })).toEqual(ids);
    expect(planRun(world({ accounts }), T0).plan.warnings).toContainEqual({
      code: "accounts_out",
      accountIds: ["out", "draining"],
    });
  });

  test.each([
    [{}, {}, ["gateway", "meta"], "no template can be sent instead"],
    [{ openDeviceKeys: ["meta"] }, {}, ["meta", "gateway"], "the person wrote to it a moment ago"],
    [
      { openDeviceKeys: ["gateway"] },
      {},
      ["gateway", "meta"],
      "the person wrote to another number",
    ],
    [{ locale: "en" }, {}, ["meta", "gateway"], "the template of the person's language is well"],
    [{}, { templateFaults: {} }, ["meta", "gateway"], "its templates are well"],
  ] as const)(
    "for %j, one that needs templates %j is tried as %j: %s",
    (person, over, ids, _why) => {
      const meta = { templateFaults: { id: "template_paused" }, ...over } as const;
      const accounts = [account("meta", meta), account("gateway")];
      expect(route({ accounts, person })).toEqual(ids);
      const warning = {
        code: "template_unusable",
        accountId: "meta",
        reason: "template_paused",
        userIds: ["T-1"],
      };
      const { warnings } = planRun(world({ accounts, person }), T0).plan;
      const warned = warnings.filter(({ code }) => code === "template_unusable");
      expect(warned).toEqual(ids[0] === "gateway" ? [warning] : []);
    },
  );

  test.each([
    ["technician", "high", ["operational", "both"], "operational ones"],
    [
      "technician",
      "critical",
      ["critical", "both", "operational"],
      "those kept for critical first",
    ],
    ["customer", "medium", ["customer", "operational", "both"], "those kept for customers first"],
  ] as const)("for a %s at %s are %j: %s", (role, priority, ids, _why) => {
    const accounts = [
      account("bulk", { purposes: ["bulk"] }),
      account("operational", { purposes: ["operational"] }),
      account("customer", { purposes: ["customer"] }),
      account("critical", { purposes: ["critical"] }),
      account("both", { purposes: ["critical", "operational"] }),
    ];
    const rules = [someRule("rul_1", { audience: [{ kind: "role", role, zone: "all" }] })];
    const found = route({
      person: { role },
      accounts,
      rules,
      request: { priority },
      policy: policyOf(priority),
    });
    expect(found).toEqual(ids);
  });

  test("that the request avoids are avoided, and without another the channel has none", () => {
    const request = { avoidAccountIds: ["first"] };
    expect(route({ accounts: [account("first"), account("second")], request })).toEqual(["second"]);
    const planned = planRun(world({ accounts: [account("first")], request }), T0);
    expect(skippedIn(planned.plan)["whatsapp_personal"]).toBe("no_provider");
  });

  test("carry with them what they can tell about a message", () => {
    const accounts = [
      account("silent", { givesSent: false, givesDelivered: false, receiptDeadlineMs: 7 }),
    ];
    expect(only(world({ accounts })).routes.whatsapp_personal).toEqual([
      { accountId: "silent", givesSent: false, givesDelivered: false, receiptDeadlineMs: 7 },
    ]);
  });

  test.each([
    [{ provenAccountIds: [] }, "no_provider", "no number of ours is a member"],
    [{ provenAccountIds: ["other"] }, "no_provider", "the member is an account that is gone"],
    [{ hasChat: false }, "no_contact", "the group has no chat id"],
  ])("a group %j has no route and says %s: %s", (over, reason, _why) => {
    const snapshot = planSnapshot({
      groups: [someGroup("G-1", over)],
      rules: [someRule("rul_1", { groupIds: ["G-1"], primary: true })],
    });
    const planned = planRun(snapshot, T0);
    expect(planned.run.groups).toMatchObject([{ key: "G-1", route: [] }]);
    expect(skippedIn(planned.plan)).toEqual({ whatsapp_group: reason });
    expect(planned.plan.warnings).toContainEqual({
      code: "group_unreachable",
      groupId: "G-1",
      reason,
    });
    expect(planned.run.suppressed).toBeNull();
  });

  test("a group is told by proven members alone, in the accounts' order", () => {
    const accounts = ["a", "b", "c"].map((id) => someAccount("whatsapp_group", { id }));
    const snapshot = planSnapshot({
      accounts,
      groups: [someGroup("G-1", { provenAccountIds: ["c", "a"] })],
      rules: [someRule("rul_1", { groupIds: ["G-1"] })],
    });
    const [group] = planRun(snapshot, T0).run.groups;
    expect(group?.route.map(({ accountId }) => accountId)).toEqual(["a", "c"]);
  });
});

describe("quiet hours", () => {
  const sleeper = { settings: { quietHours: NIGHTS } };
  const MIDNIGHT = jakarta("2026-03-03T00:00");
  const SIX = jakarta("2026-03-03T06:00");

  test.each([
    [jakarta("2026-03-02T21:59"), null, "just before the window"],
    [jakarta("2026-03-02T22:00"), SIX, "its start is inside"],
    [jakarta("2026-03-03T05:59"), SIX, "just before its end"],
    [SIX, null, "its end is outside"],
  ])("at %d a person sleeps until %j: %s", (now, until, _why) => {
    expect(only(world({ person: sleeper, request: { acceptedAt: now } }), now).asleepUntil).toBe(
      until,
    );
  });

  test.each([
    ["medium", "medium", {}, SIX, "hold", [], "medium holds"],
    ["high", "high", {}, SIX, "next_awake", [], "high goes on to who is awake"],
    [
      "high",
      "high",
      { allowHighInQuietHours: true },
      null,
      "override",
      ["person_allows_high"],
      "let through",
    ],
    ["critical", "critical", {}, null, "override", ["critical_priority"], "critical overrides"],
    [
      "critical",
      "critical",
      { overrideForCritical: false },
      SIX,
      "next_awake",
      ["no_override_for_this_person"],
      "not for this person",
    ],
    [
      "critical",
      "medium",
      {},
      null,
      "override",
      ["critical_priority"],
      "whatever the type's policy",
    ],
    ["high", "notice", {}, null, "override", ["policy_override"], "the policy overrides"],
  ] as const)(
    "%s under policy %s with %j → until %j, %s, %j: %s",
    (priority, code, wishes, until, treatment, notes, _why) => {
      const planned = planRun(
        world({
          person: { settings: { quietHours: NIGHTS, ...wishes } },
          policy: policyOf(code),
          request: { priority, acceptedAt: MIDNIGHT },
        }),
        MIDNIGHT,
      );
      expect(planned.run.persons[0]).toMatchObject({
        asleepUntil: until,
        quietTreatment: treatment,
      });
      expect(planned.plan.recipients[0]?.notes).toEqual(notes);
    },
  );

  test.each([
    [{}, "Asia/Jakarta", "the work zone's clock"],
    [{ zones: ["jayapura"] }, "Asia/Jayapura", "another work zone's"],
    [{ zones: [] }, "Asia/Jakarta", "without a zone the installation's"],
    [{ timeZone: "Asia/Makassar" }, "Asia/Makassar", "the person's own before the work zone's"],
    [
      {
        timeZone: "Asia/Makassar",
        settings: { quietHours: { ...NIGHTS, timeZone: "Asia/Tokyo" } },
      },
      "Asia/Tokyo",
      "that of the quiet hours first",
    ],
    [{ zones: ["jayapura", "karawang"] }, "Asia/Jakarta", "of several work zones the request's"],
  ])("%j is read on the clock of %s: %s", (over, timeZone, _why) => {
    const hours: Readonly<Record<string, number>> = {
      "Asia/Jakarta": 7,
      "Asia/Makassar": 8,
      "Asia/Jayapura": 9,
      "Asia/Tokyo": 9,
    };
    const rules = [someRule("rul_1", { audience: [{ ...TECHNICIANS, zone: "all" }] })];
    const now = jakarta("2026-03-03T01:00");
    const person = only(
      world({ person: { ...sleeper, ...over }, rules, request: { acceptedAt: now } }),
      now,
    );
    expect(person.asleepUntil).toBe(Date.UTC(2026, 2, 3, 6 - assertDefined(hours[timeZone])));
  });

  test("quiet windows that begin later are part of the plan, as far as the run may last", () => {
    const person = only(
      world({ person: sleeper, policy: policyOf("medium"), request: { priority: "medium" } }),
    );
    expect(person.quietWindows).toEqual(
      [2, 3, 4].map((day) => ({
        from: jakarta(`2026-03-0${day}T22:00`),
        until: jakarta(`2026-03-0${day + 1}T06:00`),
      })),
    );
  });

  test("whom quiet hours don't hold has none", () => {
    const request = { priority: "critical" as const };
    expect(
      only(world({ person: sleeper, policy: policyOf("critical"), request })).quietWindows,
    ).toEqual([]);
  });

  test("holidays of the person's zone and of all zones count where the person lists them", () => {
    const holiday = { ...NIGHTS, from: "00:00", to: "23:00", days: ["holiday" as const] };
    const snapshot = world({
      person: { settings: { quietHours: holiday } },
      holidays: { karawang: ["2026-03-02"], "*": ["2026-03-03"], jayapura: ["2026-03-04"] },
    });
    expect(only(snapshot).asleepUntil).toBe(jakarta("2026-03-02T23:00"));
    expect(only(snapshot).quietWindows).toEqual([
      { from: jakarta("2026-03-03T00:00"), until: jakarta("2026-03-03T23:00") },
    ]);
  });

  test("a group sleeps by its own quiet hours", () => {
    const snapshot = planSnapshot({
      groups: [someGroup("G-1", { quietHours: NIGHTS, timeZone: "Asia/Jayapura" })],
      rules: [someRule("rul_1", { groupIds: ["G-1"] })],
      request: { acceptedAt: MIDNIGHT },
    });
    expect(planRun(snapshot, MIDNIGHT).run.groups[0]?.asleepUntil).toBe(
      jakarta("2026-03-03T04:00"),
    );
  });

  describe("a customer type's send window", () => {
    const window = { from: "08:00", to: "20:00" };
    const customer = (over: Parameters<typeof somebody>[1], acceptedAt: number) =>
      world({
        person: { role: "customer", ...over },
        rules: [
          someRule("rul_1", {
            audience: [{ kind: "role", role: over?.role ?? "customer", zone: "all" }],
          }),
        ],
        type: { sendWindow: window, isCustomer: true },
        policy: policyOf("medium"),
        request: { priority: "medium", acceptedAt },
      });

    test.each([
      ["2026-03-02T07:59", "2026-03-02T08:00", {}, "just before it opens"],
      ["2026-03-02T08:00", null, {}, "at its opening"],
      ["2026-03-02T19:59", null, {}, "just before it closes"],
      ["2026-03-02T20:00", "2026-03-03T08:00", {}, "at its closing"],
      ["2026-03-02T20:00", null, { role: "technician" }, "only customers have it"],
      ["2026-03-02T18:30", "2026-03-03T06:00", { zones: ["jayapura"] }, "on the customer's clock"],
      [
        "2026-03-02T20:00",
        "2026-03-03T09:00",
        { settings: { quietHours: { ...NIGHTS, from: "07:00", to: "09:00" } } },
        "with their quiet hours",
      ],
    ] as const)("at %s waits until %s for %j: %s", (at, until, over, _why) => {
      const now = jakarta(at);
      expect(only(customer(over, now), now).asleepUntil).toBe(
        until === null ? null : jakarta(until),
      );
    });
  });

  describe("without any awake moment", () => {
    const always = { settings: { quietHours: { ...NIGHTS, from: "00:00", to: "00:00" } } };

    test.each(["hold", "send", "skip"] as const)(
      "%s is what the policy says",
      (whenAlwaysQuiet) => {
        const policy = policyOf("medium", { whenAlwaysQuiet });
        const planned = planRun(
          world({ person: always, policy, request: { priority: "medium" } }),
          T0,
        );
        switch (whenAlwaysQuiet) {
          case "hold":
            expect(planned.run.persons[0]?.asleepUntil).toBe(T0 + policy.lifetimeSeconds * 1_000);
            break;
          case "send":
            expect(planned.run.persons[0]?.asleepUntil).toBeNull();
            expect(planned.plan.recipients[0]?.notes).toEqual(["always_quiet_send"]);
            break;
          case "skip":
            expect(planned.run.persons).toEqual([]);
            expect(planned.plan.excluded).toEqual([{ userId: "T-1", reason: "always_quiet" }]);
            expect(planned.run.suppressed).toBe("always_quiet");
        }
      },
    );
  });

  describe("places", () => {
    test.each([
      ["high", 0, SIX, "urgent ones begin at the end itself"],
      ["high", 25, SIX + 2_500, "ten wake in a second"],
      ["medium", 0, SIX + 60_000, "others begin a minute later"],
      ["medium", 6_000, SIX + 660_000, "the last of six thousand after eleven minutes"],
    ] as const)("%s with place %d wakes at %d: %s", (priority, place, wakesAt, _why) => {
      const snapshot = world({
        person: sleeper,
        policy: policyOf(priority),
        request: { priority, acceptedAt: MIDNIGHT },
      });
      const first = planRun(snapshot, MIDNIGHT);
      const band = priority === "high" ? "urgent" : "other";
      expect(first.wakes).toEqual([{ windowEnd: SIX, band }]);
      const places = [{ windowEnd: SIX, band, place } as const];
      const planned = planRun(snapshot, MIDNIGHT, { places, wakePerSecond: 10 });
      expect(planned.run.persons[0]?.asleepUntil).toBe(wakesAt);
      expect(planned.plan.recipients[0]).toMatchObject({
        asleepUntil: new Date(wakesAt).toISOString(),
        wakePlace: place,
      });
    });

    test("all sleepers of one run share a place", () => {
      const snapshot = world({
        request: { acceptedAt: MIDNIGHT },
        persons: ["T-1", "T-2"].map((id) => somebody(id, sleeper)),
      });
      expect(planRun(snapshot, MIDNIGHT).wakes).toHaveLength(1);
    });

    test("never lead into another quiet window", () => {
      const snapshot = world({
        person: { settings: { quietHours: { ...NIGHTS, from: "06:02", to: "06:00" } } },
        policy: policyOf("medium"),
        request: { priority: "medium", acceptedAt: MIDNIGHT },
      });
      fc.assert(
        fc.property(fc.nat(20_000), (place) => {
          const places = [{ windowEnd: SIX, band: "other", place } as const];
          const { run } = planRun(snapshot, MIDNIGHT, { places, wakePerSecond: 10 });
          const wakesAt = assertDefined(run.persons[0]?.asleepUntil);
          expect(wakesAt).toBeGreaterThanOrEqual(SIX);
          expect(wakesAt).toBeLessThan(SIX + 120_000);
        }),
      );
    });
  });

  test("a request that waits for its time is judged at that time", () => {
    const notBefore = jakarta("2026-03-02T23:00");
    const planned = planRun(world({ person: sleeper, request: { notBefore } }), T0);
    expect(planned.run.persons[0]?.asleepUntil).toBe(SIX);
    expect(planned.run.inAppWritten).toEqual([]);
    expect(planned.opening.todo).toMatchObject({ status: "holding", nextStepAt: notBefore });
  });

  test.each([
    ["medium", "holding", "quiet_hours", "holds the run"],
    ["high", "waiting", "sleepers", "leaves it waiting for its sleepers alone"],
  ] as const)(
    "when everybody sleeps and nobody is above, %s → %s for %s: %s",
    (priority, status, kind, _why) => {
      const snapshot = world({
        person: sleeper,
        policy: policyOf(priority),
        request: { priority, acceptedAt: MIDNIGHT },
      });
      const planned = planRun(snapshot, MIDNIGHT);
      expect(planned.opening).toMatchObject({
        hasOrders: false,
        todo: { status, nextStepAt: SIX, waitingFor: { kind, until: SIX, asleep: 1 } },
      });
      expect(planned.opening.entries.map((entry) => entry.kind)).toContain("held");
      const whatsapp = planned.plan.steps[0]?.targets.find(
        ({ channel }) => channel === "whatsapp_personal",
      );
      expect(whatsapp?.at).toBe(new Date(SIX).toISOString());
    },
  );

  test("a row in the inbox is silent and written at once, also for who sleeps", () => {
    const planned = planRun(
      world({ person: sleeper, request: { acceptedAt: MIDNIGHT } }),
      MIDNIGHT,
    );
    expect(planned.run.inAppWritten).toEqual(["T-1"]);
  });
});

describe("who is left", () => {
  const noWhatsApp = { settings: { channels: { whatsapp: false } } };
  const noInbox: RuleChannels = { add: [], remove: ["in_app"], only: null };

  test.each([
    [world({ person: noWhatsApp, channels: noInbox }), "channel_off", "the person's own settings"],
    [world({ request: { actorId: "T-1" } }), "actor", "who caused it"],
    [world({ ticket: someTicket({ isClosed: true }) }), "ticket_closed", "the ticket is closed"],
    [
      planSnapshot({
        groups: [someGroup("G-1", { minPriority: "critical" })],
        rules: [someRule("rul_1", { groupIds: ["G-1"] })],
      }),
      "below_min_priority",
      "the group's own threshold",
    ],
    [world({ persons: [] }), null, "an empty role is a hole"],
    [world({ person: { phone: "none" }, channels: noInbox }), null, "no contact is a hole"],
    [
      world({
        person: { phone: "unverified" },
        channels: noInbox,
        request: { priority: "medium" },
        policy: policyOf("medium"),
      }),
      null,
      "unverified is a hole",
    ],
    [world({ accounts: [], channels: noInbox }), null, "no provider is a hole"],
    [
      world({
        person: { isActive: false },
        rules: [
          someRule("rul_1", { audience: [{ kind: "assignee", role: null, zone: "request" }] }),
        ],
        request: { assigneeId: "T-1" },
      }),
      null,
      "an inactive assignee is a hole",
    ],
    [planSnapshot(), null, "no rule matched"],
    [
      world({
        channels: noInbox,
        persons: [somebody("T-1", noWhatsApp), somebody("T-2", { phone: "none" })],
      }),
      null,
      "one hole beside a wish is still a hole",
    ],
    [world(), null, "somebody is told"],
  ] as const)("%# suppressed: %s, %s", (snapshot, reason, _why) => {
    const planned = planRun(snapshot, T0);
    expect(planned.run.suppressed).toBe(reason);
    if (reason !== null) {
      expect(planned.run.persons).toEqual([]);
      expect(planned.plan.steps).toEqual([]);
      expect(planned.plan.excluded).toContainEqual(expect.objectContaining({ reason }));
    }
  });

  test.each([
    ["acknowledge", "ticket_closed"],
    ["accept", "ticket_closed"],
    ["claim", "ticket_closed"],
    ["none", null],
    ["rate", null],
  ] as const)("a closed ticket makes what asks to %s moot: %s", (answers, reason) => {
    const snapshot = world({ ticket: someTicket({ isClosed: true }), type: { answers } });
    expect(planRun(snapshot, T0).run.suppressed).toBe(reason);
  });

  test("nobody reachable is said aloud", () => {
    const { plan } = planRun(world({ persons: [] }), T0);
    expect(plan.excluded).toEqual([
      { role: "technician", zone: "karawang", ruleId: "rul_1", reason: "role_empty" },
    ]);
    expect(plan.warnings).toContainEqual({ code: "nobody_reachable" });
  });
});

describe("members who get no group messages", () => {
  const shy = { settings: { groupNotifications: false }, groupIds: ["G-1"] };
  const rule = someRule("rul_1", { groupIds: ["G-1"], primary: true });

  test("are told in person where the group's step has channels for persons", () => {
    const snapshot = planSnapshot({
      rules: [rule],
      groups: [someGroup("G-1")],
      persons: [somebody("T-1", shy)],
    });
    const planned = planRun(snapshot, T0);
    expect(planned.run.persons.map(({ key }) => key)).toEqual(["T-1"]);
    expect(planned.plan.recipients[0]?.because).toEqual([
      { kind: "group_notifications_off", groupId: "G-1" },
    ]);
  });

  test("are left out with the reason where it has none", () => {
    const snapshot = planSnapshot({
      rules: [{ ...rule, primary: false }],
      groups: [someGroup("G-1")],
      persons: [somebody("T-1", shy)],
    });
    const planned = planRun(snapshot, T0);
    expect(planned.run.persons).toEqual([]);
    expect(planned.plan.excluded).toEqual([
      { userId: "T-1", groupId: "G-1", reason: "group_notifications_off" },
    ]);
  });

  test("are told once when a rule names them too", () => {
    const snapshot = world({
      groups: [someGroup("G-1")],
      persons: [somebody("T-1", shy)],
      rules: [rule, someRule("rul_2", { audience: [TECHNICIANS] })],
    });
    expect(planRun(snapshot, T0).run.persons).toHaveLength(1);
  });
});

describe("the steps ahead", () => {
  const people = [
    somebody("T-1"),
    somebody("S-1", { role: "supervisor" }),
    somebody("M-1", { role: "manager", zones: [] }),
  ];
  const groups = [someGroup("G-1"), someGroup("G-2")];
  const rules = [
    someRule("rul_1", { audience: [TECHNICIANS], groupIds: ["G-1"], primary: true }),
    someRule("rul_2", { groupIds: ["G-2"] }),
  ];

  function ladder(plan: Plan): readonly string[] {
    return plan.steps.map(({ pass, step, startsAt, targets }) => {
      const told = targets.map((target) => ("userId" in target ? target.userId : target.groupId));
      const minutes = (Date.parse(startsAt) - T0) / 60_000;
      return `${pass}.${step} +${minutes} min ${[...new Set(told)].join(" ")}`.trim();
    });
  }

  test("of high follow each other by their windows, then the next role up", () => {
    const { plan } = planRun(planSnapshot({ persons: people, groups, rules }), T0);
    expect(ladder(plan)).toEqual(["1.1 +0 min T-1 G-1", "1.2 +5 min G-2", "1.3 +15 min S-1"]);
    expect(plan.steps[2]?.role).toBe("supervisor");
  });

  test("of critical run through two passes, then one for each next role up", () => {
    const snapshot = planSnapshot({
      persons: people,
      groups,
      rules,
      policy: policyOf("critical"),
      request: { priority: "critical" },
    });
    const { plan } = planRun(snapshot, T0);
    expect(ladder(plan)).toEqual([
      "1.1 +0 min T-1 G-1",
      "1.2 +3 min G-2",
      "1.3 +4 min T-1",
      "1.4 +5 min T-1",
      "2.1 +11 min T-1 G-1",
      "2.2 +14 min G-2",
      "2.3 +15 min T-1",
      "2.4 +16 min T-1",
      "3.1 +22 min S-1",
      "3.3 +25 min S-1",
      "3.4 +26 min S-1",
      "4.1 +32 min M-1",
      "4.3 +35 min M-1",
      "4.4 +36 min M-1",
    ]);
    const whatsapp = plan.steps[0]?.targets.find(({ channel }) => channel === "whatsapp_personal");
    expect(whatsapp).toMatchObject({
      userId: "T-1",
      accountId: "whatsapp_personal",
      attempts: 3,
      cost: null,
    });
    expect(plan.steps[3]?.targets).toMatchObject([{ channel: "call", attempts: 3 }]);
  });

  test("pass at once where they can reach nobody, and say why", () => {
    const snapshot = planSnapshot({
      persons: [somebody("T-1", { phone: "none" }), ...people.slice(1)],
      groups: [someGroup("G-2")],
      rules,
    });
    const { plan } = planRun(snapshot, T0);
    expect(ladder(plan)).toEqual(["1.1 +0 min T-1", "1.2 +0 min G-2", "1.3 +10 min S-1"]);
    expect(skippedIn(plan)["whatsapp_personal"]).toBe("no_contact");
  });

  test("name an empty role and climb past it", () => {
    const snapshot = planSnapshot({ persons: [people[0], people[2]].map(assertDefined), rules });
    const { plan } = planRun(snapshot, T0);
    expect(plan.steps.at(-1)).toMatchObject({ role: "manager" });
    expect(plan.warnings).toContainEqual({ code: "role_up_empty", role: "supervisor" });
  });

  test("warn of a pace that can't carry a step, and only then", () => {
    const crowd = Array.from({ length: 10 }, (_, index) => somebody(`T-${index}`));
    const warnings = (gapMs: number) =>
      planRun(
        planSnapshot({
          persons: crowd,
          rules,
          accounts: [someAccount("whatsapp_personal", { gapMs })],
        }),
        T0,
      ).plan.warnings;
    expect(warnings(30_000)).not.toContainEqual(expect.objectContaining({ code: "pace" }));
    expect(warnings(30_001)).toContainEqual({
      code: "pace",
      step: 1,
      pass: 1,
      accountId: "whatsapp_personal",
      neededSeconds: 301,
      windowSeconds: 300,
    });
  });

  test("count what one device sends over all its accounts", () => {
    const shared = { deviceKey: "phone", gapMs: 151_000 };
    const snapshot = planSnapshot({
      persons: people,
      groups: [someGroup("G-1")],
      rules,
      accounts: [someAccount("whatsapp_personal", shared), someAccount("whatsapp_group", shared)],
    });
    expect(planRun(snapshot, T0).plan.warnings).toContainEqual(
      expect.objectContaining({ code: "pace", step: 1, neededSeconds: 302, windowSeconds: 300 }),
    );
  });

  test("warn of numbers that nobody has verified", () => {
    const { plan } = planRun(world({ person: { phone: "unverified" } }), T0);
    expect(plan.warnings).toContainEqual({ code: "unverified", userIds: ["T-1"] });
  });
});

describe("role-up", () => {
  const supervisor = somebody("S-1", { role: "supervisor" });

  test("names the zone's members, planned as anybody, without a part in the run's own steps", () => {
    const snapshot = world({
      persons: [supervisor, somebody("S-2", { role: "supervisor", zones: ["bekasi"] })],
    });
    const { persons, reason } = planRoleUp(snapshot, "supervisor", T0);
    expect(persons.map(({ run }) => run)).toMatchObject([
      { key: "S-1", origin: "role_up", firstStepChannels: null },
    ]);
    expect(reason).toBe("no_duty_roster");
  });

  test.each([
    [[], {}, "role_empty"],
    [[{ ...supervisor, isActive: false }], {}, "role_empty"],
    [[supervisor], { actorId: "S-1" }, "actor"],
  ] as const)("of %j with %j is nobody: %s", (persons, request, reason) => {
    expect(planRoleUp(world({ persons, request }), "supervisor", T0)).toMatchObject({
      persons: [],
      reason,
    });
  });

  test("decides quiet hours at its own moment", () => {
    const night = jakarta("2026-03-02T23:00");
    const sleeping = { ...supervisor, settings: { quietHours: NIGHTS } };
    const { persons, wakes } = planRoleUp(world({ persons: [sleeping] }), "supervisor", night);
    expect(persons[0]?.run.asleepUntil).toBe(jakarta("2026-03-03T06:00"));
    expect(wakes).toHaveLength(1);
  });
});

describe("a run that is planned again", () => {
  const kept = (target: string, origin: RunPerson["origin"], state = "open" as const) => ({
    target,
    origin,
    state,
  });
  const people = ["T-1", "T-2", "S-1"].map((id) =>
    somebody(id, { role: id.startsWith("S") ? "supervisor" : "technician" }),
  );

  test("keeps whom acts and role-up brought in, and marks who is new", () => {
    const planned = planRun(
      world({ persons: [...people, somebody("T-9", { zones: ["bekasi"] })] }),
      T0,
      {
        kept: [kept("T-1", "audience"), kept("S-1", "role_up"), kept("T-9", "reassigned")],
      },
    );
    expect(planned.run.persons.map(({ key, origin }) => [key, origin])).toEqual([
      ["T-1", "audience"],
      ["T-2", "added"],
      ["S-1", "role_up"],
      ["T-9", "reassigned"],
    ]);
  });

  test("leaves out who is out or has refused", () => {
    const planned = planRun(world({ persons: people }), T0, {
      kept: [
        { target: "T-1", origin: "audience", state: "out" },
        { target: "T-2", origin: "audience", state: "refused" },
      ],
    });
    expect(planned.run.persons).toEqual([]);
  });

  test("takes back who had been left out", () => {
    const planned = planRun(world({ persons: people }), T0, {
      kept: [{ target: "T-1", origin: "audience", state: "left_out" }],
    });
    expect(planned.run.persons.map(({ key }) => key)).toContain("T-1");
  });
});

describe("a reassignment", () => {
  test("plans the successor by the channels of whom it replaces", () => {
    const channels: RuleChannels = { add: ["sms"], remove: [], only: null };
    const rules = [
      someRule("rul_1", {
        audience: [{ kind: "assignee", role: null, zone: "request" }],
        channels,
      }),
    ];
    const snapshot = world({ rules, request: { assigneeId: "T-0" } });
    const successor = assertDefined(snapshot.persons[0]);
    const planned = planReassigned(snapshot, successor, T0);
    expect(planned?.run).toMatchObject({ key: "T-1", origin: "reassigned" });
    expect(planned?.run.firstStepChannels).toContain("sms");
  });

  test("is not possible to somebody whom nothing can tell", () => {
    const snapshot = world({ accounts: [], policy: policyOf("medium", { steps: [] }) });
    expect(planReassigned(snapshot, assertDefined(snapshot.persons[0]), T0)).toBeNull();
  });
});

describe("the simulator", () => {
  test("shows a policy's ladder with invented people", () => {
    const simulated = simulatePolicy(DEFAULT_POLICIES.high.rules, {
      priority: "high",
      startsAt: T0,
      persons: 2,
      primaryGroups: 1,
      otherGroups: 1,
      answerKind: "acknowledge",
    });
    const channels = (step: number): readonly string[] =>
      (simulated.steps[step]?.targets ?? []).map(({ target, channel }) => `${target} ${channel}`);
    expect(simulated.steps.map(({ startsAt }) => (Date.parse(startsAt) - T0) / 1_000)).toEqual([
      0, 300, 900,
    ]);
    expect(channels(1)).toEqual(["other_group_1 whatsapp_group"]);
    expect(channels(2)).toContain("supervisor whatsapp_personal");
    expect(simulated).toMatchObject({
      outcome: "exhausted",
      endsAt: new Date(T0 + 1_500_000).toISOString(),
    });
  });

  test.each<[PersonChannel, number]>([
    ["whatsapp_personal", 3],
    ["call", 3],
    ["sms", 3],
    ["in_app", 1],
    ["email", 1],
    ["push", 1],
  ])("counts %s %d times where a step has three attempts", (channel, attempts) => {
    const step = {
      ...assertDefined(DEFAULT_POLICIES.high.rules.steps[0]),
      channels: [channel],
      attempts: 3,
      spacingSeconds: 60,
      undeliveredAfterSeconds: null,
    };
    const simulated = simulatePolicy(
      { ...DEFAULT_POLICIES.high.rules, steps: [step] },
      {
        priority: "high",
        startsAt: T0,
        persons: 1,
        primaryGroups: 0,
        otherGroups: 0,
        answerKind: "acknowledge",
      },
    );
    expect(simulated.steps[0]?.targets).toMatchObject([{ channel, attempts }]);
  });
});
