import type pg from "pg";
import { contentTag } from "../../db/content-tag.ts";
import { standingOptOuts } from "../../db/opt-outs.ts";
import type { StandingOptOut } from "../../db/opt-outs.ts";
import { hasPushSubscription } from "../../db/push-subscriptions.ts";
import { readCalendar, readChoice, readPolicyInForce } from "../../db/settings.ts";
import { readUser } from "../../db/users.ts";
import type { ContactRow, UserRow } from "../../db/users.ts";
import { readType } from "../../db/words.ts";
import type { Actor } from "../../domain/actor.ts";
import { PERSON_CHANNELS } from "../../domain/channel.ts";
import type { ContactKind } from "../../domain/contact.ts";
import { PREFERENCE_CLASSES } from "../../domain/effective-settings.ts";
import type { ContactState, Settings, SettingsPatch } from "../../domain/effective-settings.ts";
import type { Priority } from "../../domain/priority.ts";
import { settingsEffect, settingsInForce } from "../../domain/settings-effect.ts";
import type { SettingsEffect } from "../../domain/settings-effect.ts";
import { InvalidInput } from "./errors.ts";
import { visible } from "./see-users.ts";

export type SeenSettings = { readonly settings: Settings; readonly tag: string };

/** Complete: what the person chose over the defaults of the role. @throws NotFound */
export async function seeSettings(
  { pool }: { readonly pool: pg.Pool },
  { actor, reference }: { readonly actor: Actor; readonly reference: string },
): Promise<SeenSettings> {
  const user = visible(actor, await readUser(pool, reference));
  return toSeenSettings(user, await readChoice(pool, user.id));
}

export function toSeenSettings(user: UserRow, chosen: SettingsPatch): SeenSettings {
  const settings = settingsInForce({
    role: user.role,
    email: contactState(user.contacts, "email"),
    chosen,
  });
  return { settings, tag: contentTag(settings) };
}

/** Of the contact that would be used. */
export function contactState(contacts: readonly ContactRow[], kind: ContactKind): ContactState {
  const own = contacts.filter((contact) => contact.kind === kind);
  const used = own.find(({ isPrimary }) => isPrimary) ?? own[0];
  if (used === undefined) return "none";
  return used.verifiedAt === null ? "unverified" : "verified";
}

export type SeenEffect = SettingsEffect & {
  readonly userId: string;
  readonly type: string;
  readonly priority: Priority;
  readonly policy: { readonly id: string; readonly version: number };
  /** Everything that the person has opted out of, of this type's class and others. */
  readonly optOuts: readonly StandingOptOut[];
};

/**
 * What the settings come to for one type and priority, now.
 *
 * @throws NotFound, InvalidInput
 */
export async function seeEffectiveSettings(
  deps: {
    readonly pool: pg.Pool;
    readonly now: () => number;
    readonly planning: { readonly installationTimeZone: string };
  },
  input: {
    readonly actor: Actor;
    readonly reference: string;
    readonly type: string;
    readonly priority: Priority | undefined;
  },
): Promise<SeenEffect> {
  const { pool } = deps;
  const now = deps.now();
  const user = visible(input.actor, await readUser(pool, input.reference));
  const type = await readType(pool, input.type);
  if (type === null) {
    throw new InvalidInput([
      { path: "type", code: "unknown", message: "There is no such notification type." },
    ]);
  }
  const priority = input.priority ?? type.priority;
  const [policy, chosen, calendar, isSubscribed, optOuts] = await Promise.all([
    readPolicyInForce(pool, type.policy_id, priority),
    readChoice(pool, user.id),
    readCalendar(pool, user.zones[0] ?? null, now),
    hasPushSubscription(pool, user.id),
    standingOptOuts(pool, user.id),
  ]);
  if (policy === null) {
    throw new InvalidInput([
      {
        path: "priority",
        code: "not_available",
        message: "There is no escalation policy for this type and priority.",
      },
    ]);
  }
  const effect = settingsEffect({
    now,
    priority,
    policy: policy.rules,
    person: {
      role: user.role,
      timeZone: user.time_zone,
      phone: contactState(user.contacts, "phone"),
      email: contactState(user.contacts, "email"),
      hasPushSubscription: isSubscribed,
      optedOutChannels: PERSON_CHANNELS.filter((channel) =>
        optOuts.some(
          (optOut) => optOut.channel === channel && optOut.messageClass === type.message_class,
        ),
      ),
      chosen,
    },
    type: {
      code: type.code,
      preferenceClass: PREFERENCE_CLASSES.find((known) => known === type.preference_class) ?? null,
      sendWindow: type.send_window,
    },
    workZoneTimeZone: calendar.timeZone,
    installationTimeZone: deps.planning.installationTimeZone,
    holidays: calendar.holidays,
  });
  return {
    ...effect,
    userId: user.id,
    type: type.code,
    priority,
    policy: { id: policy.id, version: policy.version },
    optOuts,
  };
}
