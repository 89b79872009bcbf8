/**
 * What a person's settings come to for one type and priority at one moment: which channels, why not the others, and what
 * quiet hours do. The planner asks the same functions about everybody at once; this is the answer for one person.
 */
import { PERSON_CHANNELS } from "./channel.ts";
import type { PersonChannel } from "./channel.ts";
import type { LocalDate } from "./clock-time.ts";
import {
  defaultSettings,
  effectiveChannels,
  isEmailOptedIn,
  mergeSettings,
} from "./effective-settings.ts";
import type {
  ChannelVerdict,
  ContactState,
  PreferenceClass,
  Settings,
  SettingsPatch,
} from "./effective-settings.ts";
import type { PolicyRules } from "./escalation-policy.ts";
import type { Priority } from "./priority.ts";
import { awakeFrom, outsideSendWindow } from "./quiet-calendar.ts";
import type { QuietRule } from "./quiet-calendar.ts";
import { quietTreatment, resolveTimeZone } from "./quiet-hours.ts";
import type { QuietDecision, ResolvedTimeZone } from "./quiet-hours.ts";
import type { Role } from "./role.ts";

export interface EffectQuestion {
  /** Epoch ms. */
  readonly now: number;
  readonly person: {
    readonly role: Role;
    readonly timeZone: string | null;
    readonly phone: ContactState;
    readonly email: ContactState;
    readonly hasPushSubscription: boolean;
    /** Where consent to messages of this type's class is withdrawn. */
    readonly optedOutChannels: readonly PersonChannel[];
    /** What the person changed of the defaults. */
    readonly chosen: SettingsPatch;
  };
  readonly type: {
    readonly code: string;
    readonly preferenceClass: PreferenceClass | null;
    /** Holds for customers. */
    readonly sendWindow: { readonly from: string; readonly to: string } | null;
  };
  readonly priority: Priority;
  readonly policy: Pick<
    PolicyRules,
    "quietHours" | "whenAlwaysQuiet" | "emailOnlyIfOptedIn" | "ignoresChannelSwitches"
  >;
  /** IANA name of the person's first work zone. */
  readonly workZoneTimeZone: string | null;
  readonly installationTimeZone: string;
  /** Dates that are holidays where the person works. */
  readonly holidays: readonly LocalDate[];
}

export interface SettingsEffect {
  readonly settings: Settings;
  readonly isEmailOptedIn: boolean;
  /** One verdict for every channel that reaches a person. */
  readonly channels: readonly ChannelVerdict[];
  /** The clock of the person's quiet hours, and who named it. */
  readonly clock: ResolvedTimeZone;
  /** When the person is awake: epoch ms, `now` itself when they are. */
  readonly quietUntil: number | "always";
  readonly quiet: QuietDecision;
}

export function settingsEffect(question: EffectQuestion): SettingsEffect {
  const { person, priority, policy, now } = question;
  const settings = settingsInForce(person);
  const optedIn = isEmailOptedIn({
    role: person.role,
    hasEmail: person.email !== "none",
    chosen: person.chosen.channels?.email ?? null,
  });
  const zones = {
    person: person.timeZone,
    workZone: question.workZoneTimeZone,
    installation: question.installationTimeZone,
  };
  const clock = resolveTimeZone({ ...zones, quietHours: settings.quietHours.timeZone });
  const quietUntil = awakeFrom(
    now,
    calendarOf(question, settings, clock.timeZone, resolveTimeZone(zones).timeZone),
  );
  return {
    settings,
    isEmailOptedIn: optedIn,
    clock,
    quietUntil,
    channels: effectiveChannels({
      settings,
      type: question.type.code,
      preferenceClass: question.type.preferenceClass,
      priority,
      channels: PERSON_CHANNELS,
      policyIgnoresChannelSwitches: policy.ignoresChannelSwitches,
      emailOnlyIfOptedIn: policy.emailOnlyIfOptedIn,
      isEmailOptedIn: optedIn,
      contacts: {
        phone: person.phone,
        email: person.email,
        hasPushSubscription: person.hasPushSubscription,
      },
      optedOutChannels: person.optedOutChannels,
    }),
    quiet: quietTreatment({
      now,
      quietUntil,
      priority,
      policyQuietHours: policy.quietHours,
      whenAlwaysQuiet: policy.whenAlwaysQuiet,
      allowHighInQuietHours: settings.allowHighInQuietHours,
      overrideForCritical: settings.overrideForCritical,
    }),
  };
}

/** What the person changed over the defaults of the role. */
export function settingsInForce(person: {
  readonly role: Role;
  readonly email: ContactState;
  readonly chosen: SettingsPatch;
}): Settings {
  const defaults = defaultSettings({ role: person.role, hasEmail: person.email !== "none" });
  return mergeSettings(defaults, person.chosen);
}

function calendarOf(
  { person, type, holidays }: EffectQuestion,
  { quietHours }: Settings,
  quietTimeZone: string,
  ownTimeZone: string,
): readonly QuietRule[] {
  const own: QuietRule = { hours: quietHours, timeZone: quietTimeZone, holidays };
  const outside =
    person.role === "customer" && type.sendWindow !== null
      ? outsideSendWindow(type.sendWindow, ownTimeZone)
      : null;
  return [...(quietHours.enabled ? [own] : []), ...(outside === null ? [] : [outside])];
}
