import type { z } from "@hono/zod-openapi";
import type { Settings } from "../../domain/effective-settings.ts";
import type { SeenEffect } from "../verbs/see-settings.ts";
import type { EffectiveSettingsSchema, SettingsSchema } from "../schemas/settings.ts";

export function toSettings(settings: Settings): z.input<typeof SettingsSchema> {
  return {
    ...settings,
    quietHours: { ...settings.quietHours, days: [...settings.quietHours.days] },
  };
}

export function toEffectiveSettings(seen: SeenEffect): z.input<typeof EffectiveSettingsSchema> {
  const { settings, quietUntil, quiet } = seen;
  const isAwake = quiet.kind === "tell_now" && quiet.reason === "awake";
  return {
    userId: seen.userId,
    type: seen.type,
    priority: seen.priority,
    policy: seen.policy,
    channels: seen.channels.map((verdict) =>
      verdict.verdict === "allowed"
        ? { ...verdict, reason: null }
        : { ...verdict, isUnverified: false, override: null },
    ),
    emailOptedIn: seen.isEmailOptedIn,
    groupNotifications: settings.groupNotifications,
    quietHours: {
      enabled: settings.quietHours.enabled,
      timeZone: seen.clock.timeZone,
      timeZoneSource: seen.clock.source,
      quietUntil: isAwake || quietUntil === "always" ? null : new Date(quietUntil).toISOString(),
      isAlwaysQuiet: quietUntil === "always",
      decision: quiet.kind,
      reason: quiet.reason,
    },
    optOuts: seen.optOuts.map(({ messageClass, channel, since }) => ({
      messageClass,
      channel,
      since: new Date(since).toISOString(),
    })),
    settings: toSettings(settings),
  };
}
