import type { PersonChannel } from "./channel.ts";
import { isPhoneChannel } from "./channel.ts";
import { assertNever } from "./assert.ts";
import { isOtp, OTP_CHANNELS } from "./otp.ts";
import { isAtLeast } from "./priority.ts";
import type { Priority } from "./priority.ts";
import { DEFAULT_QUIET_HOURS } from "./quiet-hours.ts";
import type { QuietHours } from "./quiet-hours.ts";
import type { Role } from "./role.ts";
import type { SuppressionReason } from "./suppression.ts";

/**
 * What a person wants to be told, and on which channels: settings, their defaults, and what they come to for one
 * notification. Everything here is a function of its arguments.
 *
 * From general to particular: the master switch, the switch of the single type (else of its class), the switch of the
 * channel. The in-app inbox has no switch and always gets its row.
 */

export const SWITCHED_CHANNELS = ["whatsapp", "email", "push"] as const;
export type SwitchedChannel = (typeof SWITCHED_CHANNELS)[number];

/** The six boxes of the settings page. */
export const PREFERENCE_CLASSES = [
  "assigned",
  "status",
  "sla",
  "urgent",
  "daily",
  "weekly",
] as const;
export type PreferenceClass = (typeof PREFERENCE_CLASSES)[number];

/** A person's settings, complete, as the API shows them. */
export interface Settings {
  readonly enabled: boolean;
  readonly channels: Readonly<Record<SwitchedChannel, boolean>>;
  readonly classes: Readonly<Record<PreferenceClass, boolean>>;
  /** Single types under "customise"; a type that isn't listed follows its class. */
  readonly types: Readonly<Record<string, boolean>>;
  readonly quietHours: QuietHours;
  readonly groupNotifications: boolean;
  readonly allowHighInQuietHours: boolean;
  readonly overrideForCritical: boolean;
}

/** A change: fields that are absent keep their value. `null` for a type removes its own switch, so that it follows its class again. */
export interface SettingsPatch {
  readonly enabled?: boolean;
  readonly channels?: Partial<Settings["channels"]>;
  readonly classes?: Partial<Settings["classes"]>;
  readonly types?: Readonly<Record<string, boolean | null>>;
  readonly quietHours?: Partial<QuietHours>;
  readonly groupNotifications?: boolean;
  readonly allowHighInQuietHours?: boolean;
  readonly overrideForCritical?: boolean;
}

/**
 * Settings before the person has chosen anything. A customer gets WhatsApp, and e-mail if an address is given; push
 * needs a subscription of one's own and is on for whoever makes one.
 */
export function defaultSettings(person: {
  readonly role: Role;
  readonly hasEmail: boolean;
}): Settings {
  return {
    enabled: true,
    channels: {
      whatsapp: true,
      email: person.role === "customer" ? person.hasEmail : true,
      push: true,
    },
    classes: {
      assigned: true,
      status: true,
      sla: true,
      urgent: true,
      daily: false,
      weekly: false,
    },
    types: {},
    quietHours: DEFAULT_QUIET_HOURS,
    groupNotifications: true,
    allowHighInQuietHours: false,
    overrideForCritical: true,
  };
}

/** The settings after a change. Whatever the patch doesn't name stays; a list (`days`) is replaced as a whole. */
export function mergeSettings(current: Settings, patch: SettingsPatch): Settings {
  return {
    enabled: patch.enabled ?? current.enabled,
    channels: { ...current.channels, ...patch.channels },
    classes: { ...current.classes, ...patch.classes },
    types: mergeTypes(current.types, patch.types),
    quietHours: { ...current.quietHours, ...patch.quietHours },
    groupNotifications: patch.groupNotifications ?? current.groupNotifications,
    allowHighInQuietHours: patch.allowHighInQuietHours ?? current.allowHighInQuietHours,
    overrideForCritical: patch.overrideForCritical ?? current.overrideForCritical,
  };
}

function mergeTypes(
  current: Settings["types"],
  patch: SettingsPatch["types"],
): Readonly<Record<string, boolean>> {
  const merged = Object.entries({ ...current, ...patch }).filter(
    (entry): entry is [string, boolean] => entry[1] !== null,
  );
  return Object.fromEntries(merged);
}

/** Fields of a patch that only an administrator may change: `overrideForCritical` keeps somebody asleep through an outage. */
export function needsAdministrator(current: Settings, patch: SettingsPatch): boolean {
  return patch.overrideForCritical === false && current.overrideForCritical;
}

/**
 * Whether e-mail was chosen rather than merely left on. A policy with `emailOnlyIfOptedIn` asks this. `chosen` is what
 * the person has set, null when nothing was; a customer who gave an address has chosen by that.
 */
export function isEmailOptedIn(person: {
  readonly role: Role;
  readonly hasEmail: boolean;
  readonly chosen: boolean | null;
}): boolean {
  return person.chosen ?? (person.role === "customer" && person.hasEmail);
}

/** The class of each seeded type that has one. All others know only the master, channel and type switches. */
const CLASS_OF_TYPE: Readonly<Record<string, PreferenceClass>> = {
  ticket_assigned: "assigned",
  new_ticket: "assigned",
  ticket_status_changed: "status",
  sla_warning: "sla",
  sla_breach: "sla",
  ticket_urgent: "urgent",
  escalation: "urgent",
  outage: "urgent",
  critical_incident: "urgent",
  system_alert: "urgent",
  daily_summary: "daily",
  weekly_report: "weekly",
};

export function preferenceClassOf(type: string): PreferenceClass | null {
  return ownValue(CLASS_OF_TYPE, type) ?? null;
}

export type ContactState = "verified" | "unverified" | "none";

export interface ChannelQuestion {
  readonly settings: Settings;
  readonly type: string;
  /** Of a type added as data; else `preferenceClassOf(type)`. */
  readonly preferenceClass?: PreferenceClass | null;
  readonly priority: Priority;
  /** What the step, after the routing rule, would use. */
  readonly channels: readonly PersonChannel[];
  readonly policyIgnoresChannelSwitches: boolean;
  readonly emailOnlyIfOptedIn: boolean;
  readonly isEmailOptedIn: boolean;
  readonly contacts: {
    readonly phone: ContactState;
    readonly email: ContactState;
    readonly hasPushSubscription: boolean;
  };
  /** Channels on which the person has withdrawn consent for this message's class. No policy overrides it. */
  readonly optedOutChannels: readonly PersonChannel[];
}

export const SWITCH_OVERRIDES = ["critical_ignores_channel_switches"] as const;
export type SwitchOverride = (typeof SWITCH_OVERRIDES)[number];

export type ChannelVerdict =
  | {
      readonly channel: PersonChannel;
      readonly verdict: "allowed";
      /** Goes to a contact that nobody has verified: critical and high do, marked. */
      readonly isUnverified: boolean;
      /** Why it goes although its switch is off; for the record. */
      readonly override: SwitchOverride | null;
    }
  | {
      readonly channel: PersonChannel;
      readonly verdict: "skipped";
      readonly reason: SuppressionReason;
    };

/**
 * What the settings, contacts and consents of one person leave of a step's channels: one verdict for each, in the
 * step's order. Of several reasons the most general is named, so that repairing it brings the next to light.
 */
export function effectiveChannels(question: ChannelQuestion): readonly ChannelVerdict[] {
  return question.channels.map((channel) => verdictOn(channel, question));
}

/** The channels that remain. */
export function allowedChannels(verdicts: readonly ChannelVerdict[]): readonly PersonChannel[] {
  return verdicts.filter(({ verdict }) => verdict === "allowed").map(({ channel }) => channel);
}

function verdictOn(channel: PersonChannel, question: ChannelQuestion): ChannelVerdict {
  if (isOtp(question.type)) return verdictOnCode(channel, question);
  if (channel === "in_app") return allowed(channel, false, null);

  const reason = refusalOfMessage(question);
  if (reason !== null) return skipped(channel, reason);

  const isSwitchedOff = !isSwitchedOn(channel, question.settings);
  const ignoresSwitches = question.policyIgnoresChannelSwitches && question.priority === "critical";
  if (isSwitchedOff && !ignoresSwitches) return skipped(channel, "channel_off");
  if (channel === "email" && question.emailOnlyIfOptedIn && !question.isEmailOptedIn) {
    return skipped(channel, "not_opted_in");
  }
  if (question.optedOutChannels.includes(channel)) return skipped(channel, "opted_out");

  const contact = contactOn(channel, question);
  if (contact === "none") {
    return skipped(channel, channel === "push" ? "no_subscription" : "no_contact");
  }
  const isUnverified = contact === "unverified";
  if (isUnverified && isPhoneChannel(channel) && !isAtLeast(question.priority, "high")) {
    return skipped(channel, "unverified");
  }
  return allowed(channel, isUnverified, isSwitchedOff ? "critical_ignores_channel_switches" : null);
}

/**
 * A code that the person has just asked for, sent to the number that it is to prove: no switch, no withdrawn consent and no missing proof stands against it. By
 * e-mail it goes only where somebody has stood for the address.
 */
function verdictOnCode(channel: PersonChannel, { contacts }: ChannelQuestion): ChannelVerdict {
  if (!OTP_CHANNELS.includes(channel)) return skipped(channel, "not_available");
  if (channel !== "email" || contacts.email === "verified") return allowed(channel, false, null);
  return skipped(channel, contacts.email === "none" ? "no_contact" : "unverified");
}

/** Why this person wants nothing of this type on any channel that has a switch. */
function refusalOfMessage(question: ChannelQuestion): SuppressionReason | null {
  const { settings, type } = question;
  if (!settings.enabled) return "settings_disabled";
  const ownSwitch = ownValue(settings.types, type);
  if (ownSwitch !== undefined) return ownSwitch ? null : "type_off";
  const preferenceClass =
    question.preferenceClass === undefined ? preferenceClassOf(type) : question.preferenceClass;
  if (preferenceClass === null) return null;
  return settings.classes[preferenceClass] ? null : "class_off";
}

/** SMS and calls have no switch of their own: the ladder uses them where WhatsApp did not get through. */
function isSwitchedOn(channel: Exclude<PersonChannel, "in_app">, settings: Settings): boolean {
  switch (channel) {
    case "whatsapp_personal":
      return settings.channels.whatsapp;
    case "email":
      return settings.channels.email;
    case "push":
      return settings.channels.push;
    case "sms":
    case "call":
      return true;
    default:
      return assertNever(channel, "channel");
  }
}

function contactOn(
  channel: Exclude<PersonChannel, "in_app">,
  { contacts }: ChannelQuestion,
): ContactState {
  switch (channel) {
    case "whatsapp_personal":
    case "sms":
    case "call":
      return contacts.phone;
    case "email":
      return contacts.email;
    case "push":
      return contacts.hasPushSubscription ? "verified" : "none";
    default:
      return assertNever(channel, "channel");
  }
}

function allowed(
  channel: PersonChannel,
  isUnverified: boolean,
  override: SwitchOverride | null,
): ChannelVerdict {
  return { channel, verdict: "allowed", isUnverified, override };
}

function skipped(channel: PersonChannel, reason: SuppressionReason): ChannelVerdict {
  return { channel, verdict: "skipped", reason };
}

/** Type names come from outside: `constructor` is not a switch. */
function ownValue<Value>(record: Readonly<Record<string, Value>>, key: string): Value | undefined {
  return Object.hasOwn(record, key) ? record[key] : undefined;
}
