import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { PERSON_CHANNELS, PHONE_CHANNELS } from "../../domain/channel.ts";
import type { PersonChannel } from "../../domain/channel.ts";
import {
  PREFERENCE_CLASSES,
  SWITCHED_CHANNELS,
  allowedChannels,
  defaultSettings,
  effectiveChannels,
  isEmailOptedIn,
  mergeSettings,
  needsAdministrator,
  preferenceClassOf,
} from "../../domain/effective-settings.ts";
import type {
  ChannelQuestion,
  ChannelVerdict,
  Settings,
  SettingsPatch,
} from "../../domain/effective-settings.ts";
import { PRIORITIES } from "../../domain/priority.ts";
import type { Priority } from "../../domain/priority.ts";
import { DAY_KINDS } from "../../domain/quiet-hours.ts";
import { ROLES } from "../../domain/role.ts";
import type { Role } from "../../domain/role.ts";
import { SUPPRESSION_REASONS } from "../../domain/suppression.ts";

const STAFF = defaultSettings({ role: "technician", hasEmail: true });

const question: ChannelQuestion = {
  settings: STAFF,
  type: "ticket_urgent",
  priority: "high",
  channels: PERSON_CHANNELS,
  policyIgnoresChannelSwitches: false,
  emailOnlyIfOptedIn: false,
  isEmailOptedIn: false,
  contacts: { phone: "verified", email: "verified", hasPushSubscription: true },
  optedOutChannels: [],
};
const ask = (changes: Partial<ChannelQuestion>): readonly ChannelVerdict[] =>
  effectiveChannels({ ...question, ...changes });
/** Channel by channel: "allowed" or the reason of the skip. */
const told = (changes: Partial<ChannelQuestion>): Readonly<Record<string, string>> =>
  Object.fromEntries(
    ask(changes).map((verdict) => [
      verdict.channel,
      verdict.verdict === "allowed" ? "allowed" : verdict.reason,
    ]),
  );
const withSettings = (patch: SettingsPatch): Settings => mergeSettings(STAFF, patch);
const ALL_ALLOWED = Object.fromEntries(PERSON_CHANNELS.map((channel) => [channel, "allowed"]));

describe("default settings", () => {
  test.each(ROLES)("of a %s: WhatsApp on, daily and weekly off, quiet hours off", (role) => {
    const settings = defaultSettings({ role, hasEmail: true });
    expect(settings).toMatchObject({
      enabled: true,
      channels: { whatsapp: true, email: true, push: true },
      classes: {
        assigned: true,
        status: true,
        sla: true,
        urgent: true,
        daily: false,
        weekly: false,
      },
      types: {},
      groupNotifications: true,
      allowHighInQuietHours: false,
      overrideForCritical: true,
    });
    expect(settings.quietHours).toEqual({
      enabled: false,
      from: "22:00",
      to: "06:00",
      days: ["mon", "tue", "wed", "thu", "fri", "sat", "sun"],
      timeZone: null,
    });
  });

  test("give a customer e-mail if an address is given", () => {
    const emailOf = (hasEmail: boolean): boolean =>
      defaultSettings({ role: "customer", hasEmail }).channels.email;
    expect([emailOf(true), emailOf(false)]).toEqual([true, false]);
  });

  test.each<readonly [Role, boolean, boolean | null, boolean, string]>([
    ["technician", true, null, false, "left on is not chosen"],
    ["technician", true, true, true, "chosen"],
    ["technician", true, false, false, "refused"],
    ["customer", true, null, true, "giving the address was the choice"],
    ["customer", false, null, false, "no address"],
    ["customer", true, false, false, "refused although given"],
  ])("%s, address %s, chosen %s: opted in to e-mail %s: %s", (role, hasEmail, chosen, is) => {
    expect(isEmailOptedIn({ role, hasEmail, chosen })).toBe(is);
  });
});

describe("the class of a type", () => {
  test.each([
    ["ticket_assigned", "assigned"],
    ["new_ticket", "assigned"],
    ["ticket_status_changed", "status"],
    ["sla_warning", "sla"],
    ["sla_breach", "sla"],
    ["ticket_urgent", "urgent"],
    ["escalation", "urgent"],
    ["outage", "urgent"],
    ["critical_incident", "urgent"],
    ["system_alert", "urgent"],
    ["daily_summary", "daily"],
    ["weekly_report", "weekly"],
    ["operator_notice", null],
    ["promotion", null],
    ["a_type_added_as_data", null],
    ["constructor", null],
  ])("%s is %s", (type, preferenceClass) => {
    expect(preferenceClassOf(type)).toBe(preferenceClass);
  });
});

describe("what settings leave of a step's channels", () => {
  test("is everything for a verified person who changed nothing", () => {
    expect(told({})).toEqual(ALL_ALLOWED);
  });

  test("keeps the step's order and asks only about its channels", () => {
    const channels: readonly PersonChannel[] = ["call", "in_app", "sms"];
    expect(ask({ channels }).map(({ channel }) => channel)).toEqual(channels);
    expect(ask({ channels: [] })).toEqual([]);
  });

  const everythingBut = (reason: string): Readonly<Record<string, string>> => ({
    ...Object.fromEntries(PERSON_CHANNELS.map((channel) => [channel, reason])),
    in_app: "allowed",
  });
  test.each<readonly [Partial<ChannelQuestion>, Readonly<Record<string, string>>, string]>([
    [
      { settings: withSettings({ enabled: false }) },
      everythingBut("settings_disabled"),
      "the master switch",
    ],
    [
      { settings: withSettings({ classes: { urgent: false } }) },
      everythingBut("class_off"),
      "the class",
    ],
    [
      { settings: withSettings({ types: { ticket_urgent: false } }) },
      everythingBut("type_off"),
      "the single type",
    ],
    [
      { settings: withSettings({ classes: { urgent: false }, types: { ticket_urgent: true } }) },
      ALL_ALLOWED,
      "a single type customised on is on although its class is off",
    ],
    [{ settings: withSettings({ classes: { sla: false } }) }, ALL_ALLOWED, "another class"],
    [{ settings: withSettings({ types: { promotion: false } }) }, ALL_ALLOWED, "another type"],
    [{ type: "daily_summary" }, everythingBut("class_off"), "daily is off at first"],
    [
      { type: "daily_summary", settings: withSettings({ classes: { daily: true } }) },
      ALL_ALLOWED,
      "until switched on",
    ],
    [{ type: "promotion" }, ALL_ALLOWED, "a type without a class follows the master switch alone"],
    [{ type: "constructor" }, ALL_ALLOWED, "a type's name is data"],
    [
      { type: "fibre_cut", preferenceClass: "weekly" },
      everythingBut("class_off"),
      "the class of a type added as data",
    ],
    [
      { preferenceClass: null, settings: withSettings({ classes: { urgent: false } }) },
      ALL_ALLOWED,
      "a type whose class was taken away",
    ],
    [
      { settings: withSettings({ channels: { whatsapp: false } }) },
      { ...ALL_ALLOWED, whatsapp_personal: "channel_off" },
      "SMS and calls have no switch",
    ],
    [
      { settings: withSettings({ channels: { email: false, push: false } }) },
      { ...ALL_ALLOWED, email: "channel_off", push: "channel_off" },
      "e-mail and push",
    ],
    [
      { emailOnlyIfOptedIn: true },
      { ...ALL_ALLOWED, email: "not_opted_in" },
      "e-mail must be chosen",
    ],
    [{ emailOnlyIfOptedIn: true, isEmailOptedIn: true }, ALL_ALLOWED, "e-mail was chosen"],
    [
      { contacts: { phone: "none", email: "none", hasPushSubscription: false } },
      { ...everythingBut("no_contact"), push: "no_subscription" },
      "nowhere to be reached but the inbox",
    ],
    [
      { optedOutChannels: ["whatsapp_personal"] },
      { ...ALL_ALLOWED, whatsapp_personal: "opted_out" },
      "consent withdrawn there",
    ],
  ])("%#", (changes, expected, reason) => {
    expect(told(changes), reason).toEqual(expected);
  });

  test("names the most general of several reasons", () => {
    const nothing: Partial<ChannelQuestion> = {
      settings: withSettings({
        enabled: false,
        classes: { urgent: false },
        channels: { whatsapp: false },
      }),
      optedOutChannels: ["whatsapp_personal"],
      contacts: { phone: "none", email: "none", hasPushSubscription: false },
      channels: ["whatsapp_personal"],
    };
    expect(told(nothing)).toEqual({ whatsapp_personal: "settings_disabled" });
    const enabled = withSettings({ classes: { urgent: false }, channels: { whatsapp: false } });
    expect(told({ ...nothing, settings: enabled })).toEqual({ whatsapp_personal: "class_off" });
    const whatsappOff = withSettings({ channels: { whatsapp: false } });
    expect(told({ ...nothing, settings: whatsappOff })).toEqual({
      whatsapp_personal: "channel_off",
    });
    expect(told({ ...nothing, settings: STAFF })).toEqual({ whatsapp_personal: "opted_out" });
  });
});

describe("an unverified phone", () => {
  const contacts: ChannelQuestion["contacts"] = {
    phone: "unverified",
    email: "unverified",
    hasPushSubscription: true,
  };
  test.each<readonly [Priority, boolean]>([
    ["critical", true],
    ["high", true],
    ["medium", false],
    ["low", false],
  ])("is told of %s: %s, and marked", (priority, isTold) => {
    for (const verdict of ask({ priority, contacts, channels: PHONE_CHANNELS })) {
      expect(verdict).toEqual(
        isTold
          ? { channel: verdict.channel, verdict: "allowed", isUnverified: true, override: null }
          : { channel: verdict.channel, verdict: "skipped", reason: "unverified" },
      );
    }
  });

  test.each(PRIORITIES)("leaves e-mail, push and in-app of %s alone", (priority) => {
    expect(allowedChannels(ask({ priority, contacts }))).toEqual(
      expect.arrayContaining(["in_app", "push", "email"]),
    );
  });
});

describe("critical", () => {
  const settings = withSettings({ channels: { whatsapp: false, email: false, push: false } });
  const critical = { priority: "critical", settings } as const;

  test("ignores channel switches where the policy says so, and records it", () => {
    const verdicts = ask({ ...critical, policyIgnoresChannelSwitches: true });
    expect(allowedChannels(verdicts)).toEqual(PERSON_CHANNELS);
    const overridden = verdicts.filter(
      (verdict) =>
        verdict.verdict === "allowed" && verdict.override === "critical_ignores_channel_switches",
    );
    expect(overridden.map(({ channel }) => channel)).toEqual([
      "whatsapp_personal",
      "push",
      "email",
    ]);
  });

  test("obeys them where the policy doesn't", () => {
    expect(allowedChannels(ask(critical))).toEqual(["in_app", "sms", "call"]);
  });

  test("is alone in ignoring them", () => {
    for (const priority of ["high", "medium", "low"] as const) {
      const verdicts = ask({ ...critical, priority, policyIgnoresChannelSwitches: true });
      expect(allowedChannels(verdicts)).toEqual(["in_app", "sms", "call"]);
    }
  });

  test("ignores channel switches only: not the master switch, the class, the type, consent or a missing contact", () => {
    const policyIgnoresChannelSwitches = true;
    const channels = ["whatsapp_personal"] as const;
    const ignoring = { priority: "critical", policyIgnoresChannelSwitches, channels } as const;
    const reasonOf = (changes: Partial<ChannelQuestion>): string | undefined =>
      told({ ...ignoring, ...changes })["whatsapp_personal"];
    expect(reasonOf({ settings: withSettings({ enabled: false }) })).toBe("settings_disabled");
    expect(reasonOf({ settings: withSettings({ classes: { urgent: false } }) })).toBe("class_off");
    expect(reasonOf({ settings: withSettings({ types: { ticket_urgent: false } }) })).toBe(
      "type_off",
    );
    expect(reasonOf({ optedOutChannels: channels })).toBe("opted_out");
    expect(reasonOf({ contacts: { ...question.contacts, phone: "none" } })).toBe("no_contact");
  });
});

const someTypes = fc.constantFrom(
  "ticket_urgent",
  "sla_warning",
  "daily_summary",
  "promotion",
  "outage",
  "__proto__",
  "constructor",
);
const someSettings: fc.Arbitrary<Settings> = fc.record({
  enabled: fc.boolean(),
  channels: fc.record({ whatsapp: fc.boolean(), email: fc.boolean(), push: fc.boolean() }),
  classes: fc.record({
    assigned: fc.boolean(),
    status: fc.boolean(),
    sla: fc.boolean(),
    urgent: fc.boolean(),
    daily: fc.boolean(),
    weekly: fc.boolean(),
  }),
  types: fc.dictionary(someTypes, fc.boolean(), { noNullPrototype: true }),
  quietHours: fc.record({
    enabled: fc.boolean(),
    from: fc.constantFrom("22:00", "21:00"),
    to: fc.constantFrom("06:00", "05:00"),
    days: fc.subarray([...DAY_KINDS]),
    timeZone: fc.constantFrom(null, "Asia/Jayapura"),
  }),
  groupNotifications: fc.boolean(),
  allowHighInQuietHours: fc.boolean(),
  overrideForCritical: fc.boolean(),
});
const aQuestion: fc.Arbitrary<ChannelQuestion> = fc.record({
  settings: someSettings,
  type: someTypes,
  priority: fc.constantFrom(...PRIORITIES),
  channels: fc.shuffledSubarray([...PERSON_CHANNELS]),
  policyIgnoresChannelSwitches: fc.boolean(),
  emailOnlyIfOptedIn: fc.boolean(),
  isEmailOptedIn: fc.boolean(),
  contacts: fc.record({
    phone: fc.constantFrom("verified", "unverified", "none"),
    email: fc.constantFrom("verified", "unverified", "none"),
    hasPushSubscription: fc.boolean(),
  }),
  optedOutChannels: fc.subarray([...PERSON_CHANNELS]),
});

describe("effective settings", () => {
  test("are pure: equal questions get equal answers and leave the question as it was", () => {
    fc.assert(
      fc.property(aQuestion, (any) => {
        const copy = structuredClone(any);
        const first = effectiveChannels(any);
        expect(effectiveChannels(copy)).toEqual(first);
        expect(any).toEqual(copy);
      }),
    );
  });

  test("give every asked channel one verdict, and every skip a reason of the closed set", () => {
    fc.assert(
      fc.property(aQuestion, (any) => {
        const verdicts = effectiveChannels(any);
        expect(verdicts.map(({ channel }) => channel)).toEqual(any.channels);
        for (const verdict of verdicts) {
          if (verdict.verdict === "skipped") expect(SUPPRESSION_REASONS).toContain(verdict.reason);
          if (verdict.channel === "in_app") expect(verdict.verdict).toBe("allowed");
        }
      }),
    );
  });

  test.each(SWITCHED_CHANNELS)(
    "turning %s off never increases its messages and changes no other channel",
    (channel) => {
      const own = channel === "whatsapp" ? "whatsapp_personal" : channel;
      let fewerCount = 0;
      fc.assert(
        fc.property(aQuestion, (any) => {
          const on = mergeSettings(any.settings, { channels: { [channel]: true } });
          const off = mergeSettings(any.settings, { channels: { [channel]: false } });
          const before = effectiveChannels({ ...any, settings: on });
          const after = effectiveChannels({ ...any, settings: off });
          const others = (verdicts: readonly ChannelVerdict[]): readonly ChannelVerdict[] =>
            verdicts.filter((verdict) => verdict.channel !== own);
          expect(others(after)).toEqual(others(before));
          const isToldBefore = allowedChannels(before).includes(own);
          const isToldAfter = allowedChannels(after).includes(own);
          if (isToldAfter) expect(isToldBefore).toBe(true);
          if (isToldBefore && !isToldAfter) fewerCount += 1;
        }),
        { numRuns: 1_000 },
      );
      expect(fewerCount).toBeGreaterThan(0);
    },
  );

  test("turning the master switch, a class or a type off never increases messages", () => {
    fc.assert(
      fc.property(aQuestion, fc.constantFrom(...PREFERENCE_CLASSES), (any, preferenceClass) => {
        const allowedWith = (patch: SettingsPatch): readonly PersonChannel[] =>
          allowedChannels(
            effectiveChannels({ ...any, settings: mergeSettings(any.settings, patch) }),
          );
        const pairs: readonly (readonly [SettingsPatch, SettingsPatch])[] = [
          [{ enabled: true }, { enabled: false }],
          [{ classes: { [preferenceClass]: true } }, { classes: { [preferenceClass]: false } }],
          [{ types: { [any.type]: true } }, { types: { [any.type]: false } }],
        ];
        for (const [on, off] of pairs) {
          expect(allowedWith(on)).toEqual(expect.arrayContaining([...allowedWith(off)]));
        }
      }),
      { numRuns: 1_000 },
    );
  });

  test("a more urgent message is never told on fewer channels than a milder one", () => {
    fc.assert(
      fc.property(aQuestion, (any) => {
        const allowedAt = (priority: Priority): readonly PersonChannel[] =>
          allowedChannels(effectiveChannels({ ...any, priority }));
        const [critical, high, medium, low] = PRIORITIES.map(allowedAt);
        expect(critical).toEqual(expect.arrayContaining([...(high ?? [])]));
        expect(high).toEqual(expect.arrayContaining([...(medium ?? [])]));
        expect(medium).toEqual(low);
      }),
    );
  });
});

describe("a change of settings", () => {
  /** Every field by its path; a list is one value. */
  const fieldsOf = (value: unknown, path = ""): readonly (readonly [string, unknown])[] =>
    typeof value !== "object" || value === null || Array.isArray(value)
      ? [[path, value]]
      : Object.entries(value).flatMap(([key, inner]) => fieldsOf(inner, `${path}/${key}`));

  const somePatch: fc.Arbitrary<SettingsPatch> = someSettings.chain((settings) =>
    fc
      .tuple(
        fc.subarray(Object.keys(settings)),
        fc.record({
          channels: fc.subarray([...SWITCHED_CHANNELS]),
          classes: fc.subarray([...PREFERENCE_CLASSES]),
          quietHours: fc.subarray(["enabled", "from", "to", "days", "timeZone"]),
        }),
      )
      .map(([keys, parts]) => {
        const pick = (from: object, names: readonly string[]): object =>
          Object.fromEntries(Object.entries(from).filter(([name]) => names.includes(name)));
        const whole = pick(settings, keys);
        return {
          ...whole,
          ...("channels" in whole ? { channels: pick(settings.channels, parts.channels) } : {}),
          ...("classes" in whole ? { classes: pick(settings.classes, parts.classes) } : {}),
          ...("quietHours" in whole
            ? { quietHours: pick(settings.quietHours, parts.quietHours) }
            : {}),
        };
      }),
  );

  test("sets every field that it names and keeps all others", () => {
    fc.assert(
      fc.property(someSettings, somePatch, (current, patch) => {
        const copy = structuredClone(current);
        const merged = mergeSettings(current, patch);
        const expected = new Map(fieldsOf(current).filter(([path]) => path !== "/types"));
        for (const [path, value] of fieldsOf(patch)) expected.set(path, value);
        const actual = new Map(fieldsOf(merged));
        expect(actual).toEqual(expected);
        expect(current).toEqual(copy);
      }),
      { numRuns: 1_000 },
    );
  });

  test("twice is the same as once, and an empty one changes nothing", () => {
    fc.assert(
      fc.property(someSettings, somePatch, (current, patch) => {
        const once = mergeSettings(current, patch);
        expect(mergeSettings(once, patch)).toEqual(once);
        expect(mergeSettings(current, {})).toEqual(current);
      }),
    );
  });

  test("with null for a type lets it follow its class again", () => {
    const customised = withSettings({ types: { ticket_urgent: false, promotion: false } });
    expect(mergeSettings(customised, { types: { ticket_urgent: null } }).types).toEqual({
      promotion: false,
    });
  });

  test("of one part of the quiet hours keeps the rest", () => {
    const changed = withSettings({ quietHours: { from: "21:00", timeZone: "Asia/Makassar" } });
    expect(
      mergeSettings(changed, { quietHours: { enabled: true, timeZone: null } }).quietHours,
    ).toEqual({ ...STAFF.quietHours, enabled: true, from: "21:00" });
  });

  test.each<readonly [SettingsPatch, boolean, boolean, string]>([
    [{ overrideForCritical: false }, true, true, "takes the override away"],
    [{ overrideForCritical: false }, false, false, "it is away already"],
    [{ overrideForCritical: true }, false, false, "gives it back"],
    [{ enabled: false }, true, false, "another field"],
  ])("%j with override %s needs an administrator: %s: %s", (patch, overrideForCritical, needs) => {
    expect(needsAdministrator({ ...STAFF, overrideForCritical }, patch)).toBe(needs);
  });
});
