import { describe, expect, it } from "vitest";
import { settingsEffect } from "../../domain/settings-effect.ts";
import type { EffectQuestion } from "../../domain/settings-effect.ts";

/** Monday 2026-01-05, 23:00 in Jakarta. */
const NIGHT = Date.UTC(2026, 0, 5, 16);
const SIX_IN_JAKARTA = Date.UTC(2026, 0, 5, 23);
const QUIET = { quietHours: { enabled: true } };

type Overrides = Partial<Omit<EffectQuestion, "person" | "type">> & {
  readonly person?: Partial<EffectQuestion["person"]>;
  readonly type?: Partial<EffectQuestion["type"]>;
};

const ask = ({ person, type, ...rest }: Overrides = {}) =>
  settingsEffect({
    now: NIGHT,
    priority: "medium",
    policy: {
      quietHours: "hold",
      whenAlwaysQuiet: "hold",
      emailOnlyIfOptedIn: true,
      ignoresChannelSwitches: false,
    },
    workZoneTimeZone: null,
    installationTimeZone: "Asia/Jakarta",
    holidays: [],
    ...rest,
    person: {
      role: "technician",
      timeZone: null,
      phone: "verified",
      email: "verified",
      hasPushSubscription: false,
      optedOutChannels: [],
      chosen: {},
      ...person,
    },
    type: { code: "service_update", preferenceClass: null, sendWindow: null, ...type },
  });

describe("settingsEffect", () => {
  it.each([
    { zones: {}, timeZone: "Asia/Jakarta", source: "installation" },
    {
      zones: { workZoneTimeZone: "Asia/Makassar" },
      timeZone: "Asia/Makassar",
      source: "work_zone",
    },
    {
      zones: { workZoneTimeZone: "Asia/Makassar", person: { timeZone: "Asia/Jayapura" } },
      timeZone: "Asia/Jayapura",
      source: "person",
    },
    {
      zones: {
        person: {
          timeZone: "Asia/Jayapura",
          chosen: { quietHours: { enabled: true, timeZone: "Europe/Berlin" } },
        },
      },
      timeZone: "Europe/Berlin",
      source: "quiet_hours",
    },
  ])("reads quiet hours on the clock of the $source", ({ zones, timeZone, source }) => {
    expect(ask(zones).clock).toMatchObject({ timeZone, source });
  });

  it.each([
    {
      person: {},
      priority: "medium",
      kind: "tell_now",
      until: NIGHT,
      reason: "quiet hours are off",
    },
    {
      person: { chosen: QUIET },
      priority: "medium",
      kind: "asleep",
      until: SIX_IN_JAKARTA,
      reason: "the window holds it",
    },
    {
      person: { chosen: QUIET },
      priority: "critical",
      kind: "tell_now",
      until: SIX_IN_JAKARTA,
      reason: "critical doesn't wait",
    },
    {
      person: { chosen: { ...QUIET, overrideForCritical: false } },
      priority: "critical",
      kind: "asleep",
      until: SIX_IN_JAKARTA,
      reason: "an administrator said that it does for this person",
    },
    {
      person: { chosen: { ...QUIET, allowHighInQuietHours: true } },
      priority: "high",
      kind: "tell_now",
      until: SIX_IN_JAKARTA,
      reason: "the person lets high through",
    },
  ] as const)("at night: $kind, $reason", ({ person, priority, kind, until }) => {
    const effect = ask({ person, priority });
    expect(effect.quiet.kind).toBe(kind);
    expect(effect.quietUntil).toBe(until);
  });

  it("counts a holiday of the zone when the quiet hours list it", () => {
    const chosen = {
      quietHours: { enabled: true, from: "00:00", to: "00:00", days: ["holiday"] as const },
    };
    const noon = Date.UTC(2026, 0, 5, 5);
    expect(ask({ now: noon, person: { chosen } }).quiet.kind).toBe("tell_now");
    const holiday = ask({ now: noon, person: { chosen }, holidays: ["2026-01-05"] });
    expect(holiday.quietUntil).toBe(Date.UTC(2026, 0, 5, 17));
  });

  it("holds the send window of a type for customers alone", () => {
    const type = { sendWindow: { from: "08:00", to: "20:00" } };
    expect(ask({ type }).quiet.kind).toBe("tell_now");
    const customer = ask({ type, person: { role: "customer" } });
    expect(customer.quietUntil).toBe(Date.UTC(2026, 0, 6, 1));
  });

  it("says that somebody is never awake", () => {
    const chosen = {
      quietHours: {
        enabled: true,
        from: "00:00",
        to: "00:00",
        days: ["mon", "tue", "wed", "thu", "fri", "sat", "sun"] as const,
      },
    };
    expect(ask({ person: { chosen } })).toMatchObject({
      quietUntil: "always",
      quiet: { kind: "always_quiet", outcome: "hold" },
    });
  });

  it("turns no channel on by turning one off (invariant 30)", () => {
    const allowed = (chosen: EffectQuestion["person"]["chosen"]) =>
      ask({ person: { chosen, hasPushSubscription: true } })
        .channels.filter(({ verdict }) => verdict === "allowed")
        .map(({ channel }) => channel);
    const before = allowed({ channels: { email: true } });
    for (const channel of ["whatsapp", "email", "push"] as const) {
      const after = allowed({ channels: { email: true, [channel]: false } });
      expect(before).toEqual(expect.arrayContaining(after));
      expect(after.length).toBe(before.length - 1);
    }
  });
});
