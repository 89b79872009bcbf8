import { z } from "@hono/zod-openapi";
import { PERSON_CHANNELS } from "../../domain/channel.ts";
import { PREFERENCE_CLASSES, SWITCHED_CHANNELS } from "../../domain/effective-settings.ts";
import type {
  PreferenceClass,
  SettingsPatch,
  SwitchedChannel,
} from "../../domain/effective-settings.ts";
import { PRIORITIES } from "../../domain/priority.ts";
import { DAY_KINDS, TIME_ZONE_SOURCES } from "../../domain/quiet-hours.ts";
import { VALUE_CHARS_MAX } from "../../domain/request.ts";
import { instantOut, reference, text } from "./common.ts";
import { timeZone } from "./user.ts";

const CLOCK_TIME_CHARS_MAX = 8;
const TYPES_MAX = 500;

const clockTime = text(CLOCK_TIME_CHARS_MAX, 1).openapi({ example: "22:00" });
const days = z.array(z.enum(DAY_KINDS)).max(DAY_KINDS.length).openapi({
  description: "Days on which a window starts; `holiday` adds the zone's holidays.",
});

export const QuietHoursSchema = z
  .strictObject({
    enabled: z.boolean(),
    from: clockTime.openapi({ description: "Inclusive." }),
    to: clockTime.openapi({ description: "Exclusive; at or before `from`: the next day's." }),
    days,
    timeZone: timeZone.nullable(),
  })
  .openapi("QuietHours");

function flags<Name extends string>(names: readonly Name[]) {
  return z.strictObject(shapeOf(names, z.boolean()));
}

function optionalFlags<Name extends string>(names: readonly Name[]) {
  return z.strictObject(shapeOf(names, z.boolean().optional()));
}

/** Every name becomes a field and there is no other: that is what the type says. */
function shapeOf<Name extends string, Field extends z.ZodType>(
  names: readonly Name[],
  field: Field,
): Record<Name, Field> {
  return Object.fromEntries(names.map((name) => [name, field])) as Record<Name, Field>;
}

const types = z.record(z.string().min(1).max(VALUE_CHARS_MAX), z.boolean());

export const SettingsSchema = z
  .object({
    enabled: z.boolean(),
    channels: flags<SwitchedChannel>(SWITCHED_CHANNELS),
    classes: flags<PreferenceClass>(PREFERENCE_CLASSES),
    types,
    quietHours: QuietHoursSchema,
    groupNotifications: z.boolean(),
    allowHighInQuietHours: z.boolean(),
    overrideForCritical: z.boolean(),
  })
  .openapi("Settings");

export const SettingsPatchSchema = z
  .strictObject({
    enabled: z.boolean().optional(),
    channels: optionalFlags<SwitchedChannel>(SWITCHED_CHANNELS).optional(),
    classes: optionalFlags<PreferenceClass>(PREFERENCE_CLASSES).optional(),
    types: z
      .record(z.string().min(1).max(VALUE_CHARS_MAX), z.boolean().nullable())
      .refine((given) => Object.keys(given).length <= TYPES_MAX, {
        message: `At most ${TYPES_MAX} types.`,
      })
      .optional()
      .openapi({
        type: "object",
        additionalProperties: { type: ["boolean", "null"] },
        description: "Switches of single types; null: it follows its class again.",
      }),
    quietHours: QuietHoursSchema.partial().optional(),
    groupNotifications: z.boolean().optional(),
    allowHighInQuietHours: z.boolean().optional(),
    overrideForCritical: z
      .boolean()
      .optional()
      .openapi({ description: "Only an administrator switches it off." }),
  })
  .openapi("SettingsPatch", { description: "Fields that are absent keep their value." });

/** Zod's type allows members that are undefined, its result has none: JSON has no such value. */
export function toPatch(parsed: z.output<typeof SettingsPatchSchema>): SettingsPatch {
  return parsed as SettingsPatch;
}

export const EffectiveSettingsQuery = z.strictObject({
  type: reference.openapi({ example: "ticket_urgent" }),
  priority: z.enum(PRIORITIES).optional().openapi({ description: "Else the type's." }),
});

export const EffectiveSettingsSchema = z
  .object({
    userId: z.string(),
    type: z.string(),
    priority: z.enum(PRIORITIES),
    policy: z.object({ id: z.string(), version: z.int() }),
    channels: z.array(
      z.object({
        channel: z.enum(PERSON_CHANNELS),
        verdict: z.enum(["allowed", "skipped"]),
        reason: z.string().nullable().openapi({ description: "Why it is skipped." }),
        isUnverified: z.boolean().openapi({ description: "Goes to a contact nobody verified." }),
        override: z.string().nullable().openapi({ description: "Why it goes all the same." }),
      }),
    ),
    emailOptedIn: z.boolean(),
    groupNotifications: z.boolean(),
    quietHours: z.object({
      enabled: z.boolean(),
      timeZone: z.string(),
      timeZoneSource: z.enum(TIME_ZONE_SOURCES),
      quietUntil: instantOut
        .nullable()
        .openapi({ description: "The next awake moment; null while awake or always quiet." }),
      isAlwaysQuiet: z.boolean(),
      decision: z.enum(["tell_now", "asleep", "always_quiet"]),
      reason: z.string(),
    }),
    optOuts: z
      .array(z.object({ messageClass: z.string(), channel: z.string(), since: instantOut }))
      .openapi({
        description:
          "What the person has opted out of, by STOP or at the vendor: a consent class, a preference class, or `type:<code>`.",
      }),
    settings: SettingsSchema,
  })
  .openapi("EffectiveSettings");
