import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { defaultSettings, mergeSettings } from "../../domain/effective-settings.ts";
import type { SettingsPatch } from "../../domain/effective-settings.ts";
import { mergeChoice } from "../../domain/settings-choice.ts";

const flag = fc.boolean();
const patches: fc.Arbitrary<SettingsPatch> = fc.record(
  {
    enabled: flag,
    channels: fc.record({ whatsapp: flag, email: flag, push: flag }, { requiredKeys: [] }),
    classes: fc.record({ assigned: flag, daily: flag, weekly: flag }, { requiredKeys: [] }),
    types: fc.dictionary(fc.constantFrom("outage", "promotion"), fc.option(flag)),
    quietHours: fc.record(
      {
        enabled: flag,
        from: fc.constantFrom("21:00", "22:00"),
        to: fc.constantFrom("05:00", "06:00"),
        timeZone: fc.constantFrom(null, "Asia/Jayapura"),
      },
      { requiredKeys: [] },
    ),
    groupNotifications: flag,
    overrideForCritical: flag,
  },
  { requiredKeys: [] },
);

const DEFAULTS = defaultSettings({ role: "technician", hasEmail: true });

describe("mergeChoice", () => {
  it.each([
    { chosen: {}, patch: { enabled: false }, merged: { enabled: false }, reason: "a first choice" },
    {
      chosen: { channels: { email: true } },
      patch: { channels: { push: false } },
      merged: { channels: { email: true, push: false } },
      reason: "beside an earlier one",
    },
    {
      chosen: { types: { outage: false, promotion: true } },
      patch: { types: { outage: null } },
      merged: { types: { promotion: true } },
      reason: "a switch taken away",
    },
    {
      chosen: { quietHours: { enabled: true, days: ["mon", "tue"] } },
      patch: { quietHours: { days: ["holiday"] } },
      merged: { quietHours: { enabled: true, days: ["holiday"] } },
      reason: "a list, as a whole",
    },
    { chosen: { enabled: false }, patch: {}, merged: { enabled: false }, reason: "nothing" },
  ] as const)("keeps what was named and nothing else: $reason", ({ chosen, patch, merged }) => {
    expect(mergeChoice(chosen, patch)).toEqual(merged);
  });

  it("gives the same settings as changing them one patch after the other", () => {
    fc.assert(
      fc.property(fc.array(patches, { maxLength: 6 }), (changes) => {
        const stored = changes.reduce(mergeChoice, {});
        expect(mergeSettings(DEFAULTS, stored)).toEqual(changes.reduce(mergeSettings, DEFAULTS));
      }),
    );
  });

  it("changes nothing when the same is said again", () => {
    fc.assert(
      fc.property(patches, patches, (chosen, patch) => {
        const once = mergeChoice(mergeChoice({}, chosen), patch);
        expect(mergeChoice(once, patch)).toEqual(once);
      }),
    );
  });
});
