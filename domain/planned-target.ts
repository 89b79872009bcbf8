/**
 * One person or group of a plan: on which channels it can be told, by which accounts, from when on, and why not on the others.
 */
import { isPhoneChannel } from "./channel.ts";
import type { Channel, PersonChannel } from "./channel.ts";
import {
  defaultSettings,
  effectiveChannels,
  isEmailOptedIn,
  mergeSettings,
} from "./effective-settings.ts";
import type { ChannelVerdict, Settings, SwitchOverride } from "./effective-settings.ts";
import type { PolicyRules, QuietHoursTreatment } from "./escalation-policy.ts";
import { isOtp } from "./otp.ts";
import type {
  PlanSnapshot,
  RuleChannels,
  SnapshotAccount,
  SnapshotPerson,
} from "./plan-snapshot.ts";
import { awakeFrom, isAwakeAt, outsideSendWindow, quietWindows } from "./quiet-calendar.ts";
import type { QuietRule } from "./quiet-calendar.ts";
import type { TemplateFault } from "./provider-template.ts";
import { quietTreatment, resolveTimeZone } from "./quiet-hours.ts";
import type { OverrideReason, QuietDecision } from "./quiet-hours.ts";
import type { AudienceGroup, AudiencePerson, Because } from "./routing.ts";
import type { AccountRoute, QuietWindow, RunGroup, RunPerson } from "./run.ts";
import type { SuppressionReason } from "./suppression.ts";
import { hasTextFor } from "./template-choice.ts";
import { resumeAt } from "./wake-place.ts";
import type { WakePlace } from "./wake-place.ts";

/** What the plan is made for: from when on, and which places its wake-ups have. */
export interface PlanMoment {
  /** Epoch ms: now, or the request's `notBefore` if that is later. */
  readonly startsAt: number;
  /** Places taken for this run; a window end without one is slept to exactly. */
  readonly places: readonly WakePlace[];
  readonly wakePerSecond: number;
}

export interface PlannedPerson {
  readonly run: RunPerson;
  readonly because: readonly Because[];
  /** Channels of the ladder that can't or must not be used for this person. */
  readonly skipped: ReadonlyMap<PersonChannel, SuppressionReason>;
  readonly notes: readonly PlanNote[];
  /** The end of the quiet hours that hold this person; null: awake. */
  readonly windowEnd: number | null;
  /** Set when the person is not told at all: always quiet, and the policy skips such. */
  readonly excluded: SuppressionReason | null;
}

export interface PlannedGroup {
  readonly run: RunGroup;
  readonly because: readonly Because[];
  readonly skipped: SuppressionReason | null;
  readonly notes: readonly PlanNote[];
  readonly windowEnd: number | null;
  readonly excluded: SuppressionReason | null;
}

/** Facts about one target that a reader of the plan must see. */
export type PlanNote =
  OverrideReason | SwitchOverride | "unverified" | "no_override_for_this_person";

/** Of a person's own choice: where these removed every phone channel, silence is what the person wants. */
const OWN_CHOICES: readonly SuppressionReason[] = [
  "settings_disabled",
  "channel_off",
  "class_off",
  "type_off",
  "not_opted_in",
  "opted_out",
];

export function isOwnChoice(reason: SuppressionReason): boolean {
  return OWN_CHOICES.includes(reason);
}

export function planPerson(
  snapshot: PlanSnapshot,
  audience: AudiencePerson,
  origin: RunPerson["origin"],
  moment: PlanMoment,
): PlannedPerson {
  const { policy, request } = snapshot;
  const { person } = audience;
  const settings = settingsOf(person);
  const named = namedChannels(policy, audience.channels, origin);
  const verdicts = effectiveChannels({
    settings,
    type: request.type,
    preferenceClass: snapshot.type.preferenceClass,
    priority: request.priority,
    channels: named.all,
    policyIgnoresChannelSwitches: policy.ignoresChannelSwitches,
    emailOnlyIfOptedIn: policy.emailOnlyIfOptedIn,
    isEmailOptedIn: isEmailOptedIn({
      role: person.role,
      hasEmail: person.email !== "none",
      chosen: person.settings.channels?.email ?? null,
    }),
    contacts: {
      phone: person.phone,
      email: person.email,
      hasPushSubscription: person.pushAccountIds.length > 0,
    },
    optedOutChannels: person.optedOutChannels,
  });
  const skipped = new Map<PersonChannel, SuppressionReason>();
  const routes = new Map<Exclude<PersonChannel, "in_app">, readonly AccountRoute[]>();
  const used: ChannelVerdict[] = [];
  for (const verdict of verdicts) {
    const { channel } = verdict;
    if (verdict.verdict === "skipped") {
      skipped.set(channel, verdict.reason);
      continue;
    }
    if (!hasTextFor(channel, textChannels(snapshot))) {
      skipped.set(channel, "no_template");
      continue;
    }
    if (channel !== "in_app") {
      const route = routeFor(snapshot, channel, person);
      if (route.length === 0) {
        skipped.set(channel, "no_provider");
        continue;
      }
      routes.set(channel, route);
    }
    used.push(verdict);
  }
  for (const channel of named.removed) skipped.set(channel, "rule_removed_channel");

  const calendar = personCalendar(snapshot, person, settings);
  const quiet = decideQuiet(snapshot, calendar, settings, moment);
  const phones = named.all.filter(isPhoneChannel);
  return {
    because: audience.because,
    skipped,
    notes: [...new Set([...used.flatMap(notesOf), ...quiet.notes])],
    windowEnd: quiet.windowEnd,
    excluded: quiet.excluded,
    run: {
      key: person.id,
      role: person.role,
      origin,
      routes: Object.fromEntries(routes),
      inApp: used.some(({ channel }) => channel === "in_app"),
      firstStepChannels: named.first,
      only: named.only,
      silentSuffices: phones.every((channel) => {
        const reason = skipped.get(channel);
        return reason !== undefined && isOwnChoice(reason);
      }),
      asleepUntil: quiet.asleepUntil,
      quietWindows: quiet.windows,
      quietTreatment: quiet.treatment,
    },
  };
}

export function planGroup(
  snapshot: PlanSnapshot,
  { group, because, primary }: AudienceGroup,
  moment: PlanMoment,
): PlannedGroup {
  const calendar = groupCalendar(snapshot, group);
  const quiet = decideQuiet(
    snapshot,
    calendar,
    { allowHighInQuietHours: false, overrideForCritical: true },
    moment,
  );
  const hasText = hasTextFor("whatsapp_group", textChannels(snapshot));
  const proven = new Set(group.provenAccountIds);
  const route =
    group.hasChat && hasText
      ? routeOver(snapshot, "whatsapp_group", ["operational"]).filter(({ accountId }) =>
          proven.has(accountId),
        )
      : [];
  const skipped = !group.hasChat ? "no_contact" : !hasText ? "no_template" : "no_provider";
  return {
    because,
    skipped: route.length === 0 ? skipped : null,
    notes: quiet.notes,
    windowEnd: quiet.windowEnd,
    excluded: quiet.excluded,
    run: {
      key: group.id,
      primary: primary || !hasStepForOtherGroups(snapshot.policy),
      route,
      asleepUntil: quiet.asleepUntil,
      quietWindows: quiet.windows,
    },
  };
}

/** A person who can be told something, if only in the inbox. */
export function isReachable({ run, excluded }: PlannedPerson): boolean {
  return excluded === null && (run.inApp || Object.keys(run.routes).length > 0);
}

export function hasStepForOtherGroups(rules: PolicyRules): boolean {
  return rules.steps.some((step) => step.enabled && step.groups === "other");
}

/** Settings as they are in force: what the person changed over the defaults of the role. */
export function settingsOf(person: SnapshotPerson): Settings {
  const defaults = defaultSettings({ role: person.role, hasEmail: person.email !== "none" });
  return mergeSettings(defaults, person.settings);
}

interface NamedChannels {
  /** Everything that a step of the ladder would use for this person. */
  readonly all: readonly PersonChannel[];
  /** Of the first step, where rules changed it; null: the policy's. */
  readonly first: readonly PersonChannel[] | null;
  readonly only: readonly PersonChannel[] | null;
  /** Named by the policy for this person's steps, and taken away by every rule. */
  readonly removed: readonly PersonChannel[];
}

/** Several rules that name one person add up: whatever one of them would use is used. */
function namedChannels(
  rules: PolicyRules,
  changes: readonly RuleChannels[],
  origin: RunPerson["origin"],
): NamedChannels {
  const enabled = rules.steps.filter((step) => step.enabled);
  // A run's own persons are not told by role-up steps; those told by role-up pass through all steps that name persons.
  const own = enabled.filter((step) => origin === "role_up" || !step.roleUp);
  const first = enabled[0]?.channels ?? [];
  const changed =
    changes.length === 0 ? first : inOrder(changes.flatMap((change) => changeFirst(first, change)));
  const only =
    changes.length > 0 && changes.every((change) => change.only !== null)
      ? inOrder(changes.flatMap((change) => change.only ?? []))
      : null;
  const isKept = (channel: PersonChannel): boolean => only === null || only.includes(channel);
  const later = own.filter((step) => step !== enabled[0]).flatMap((step) => step.channels);
  const firstOfOwn = enabled[0] !== undefined && own.includes(enabled[0]) ? changed : [];
  const all = inOrder([...firstOfOwn, ...later]).filter(isKept);
  const isFirstChanged =
    changed.length !== first.length || changed.some((channel) => !first.includes(channel));
  const policyChannels = inOrder(own.flatMap((step) => step.channels));
  return {
    all,
    first: isFirstChanged ? changed : null,
    only,
    removed: policyChannels.filter((channel) => !all.includes(channel)),
  };
}

function changeFirst(
  first: readonly PersonChannel[],
  change: RuleChannels,
): readonly PersonChannel[] {
  if (change.only !== null) return change.only;
  return [...first.filter((channel) => !change.remove.includes(channel)), ...change.add];
}

const CHANNEL_ORDER: readonly PersonChannel[] = [
  "whatsapp_personal",
  "in_app",
  "push",
  "email",
  "sms",
  "call",
];

function inOrder(channels: readonly PersonChannel[]): readonly PersonChannel[] {
  return CHANNEL_ORDER.filter((channel) => channels.includes(channel));
}

function textChannels({ templates }: PlanSnapshot): readonly Channel[] {
  return templates.map(({ channel }) => channel);
}

function routeFor(
  snapshot: PlanSnapshot,
  channel: Channel,
  person: SnapshotPerson,
): readonly AccountRoute[] {
  const usual = person.role === "customer" ? ["customer", "operational"] : ["operational"];
  const route = routeOver(
    snapshot,
    channel,
    isOtp(snapshot.request.type) ? ["otp", ...usual] : usual,
  );
  if (channel === "push") return byLatestUse(route, person.pushAccountIds);
  return channel === "whatsapp_personal" ? shutLast(snapshot, route, person) : route;
}

/**
 * Why this account can't write to this person: the person's window is closed, and no template can be sent instead. Null: it can. Others come before such an
 * account; it stays in the route, because a word of the person's opens it.
 */
export function shutFor(
  account: Pick<SnapshotAccount, "deviceKey" | "templateFaults">,
  { locale, openDeviceKeys = [] }: SnapshotPerson,
): TemplateFault | null {
  return openDeviceKeys.includes(account.deviceKey)
    ? null
    : (account.templateFaults?.[locale] ?? null);
}

function shutLast(
  { accounts }: PlanSnapshot,
  route: readonly AccountRoute[],
  person: SnapshotPerson,
): readonly AccountRoute[] {
  const shut = new Set(
    accounts.filter((account) => shutFor(account, person) !== null).map(({ id }) => id),
  );
  return [
    ...route.filter(({ accountId }) => !shut.has(accountId)),
    ...route.filter(({ accountId }) => shut.has(accountId)),
  ];
}

/** A device is reached by the account that it subscribed with and by no other; the account of the device used last comes first. */
function byLatestUse(
  route: readonly AccountRoute[],
  accountIds: readonly string[],
): readonly AccountRoute[] {
  return accountIds.flatMap((id) => route.filter(({ accountId }) => accountId === id));
}

/** Where an account stands among those of its channel: 0 is first. One that is being tried takes its turn, but a critical message is no test. */
function latenessOf({ health, isStandby }: SnapshotAccount, isCritical: boolean): number {
  if (health === "out") return 3;
  if (health === "probing" && isCritical) return 2;
  return isStandby ? 1 : 0;
}

/**
 * Accounts of the channel in their order. Those kept for the purpose come before those that merely may serve it; critical takes the accounts kept for it first.
 * An account that is being drained is left out, a standby comes behind the others, and one that is out comes last: it is a worse hope than any other
 * account and a better one than none, because the news that it is back may have been lost.
 */
function routeOver(
  snapshot: PlanSnapshot,
  channel: Channel,
  usual: readonly string[],
): readonly AccountRoute[] {
  const isCritical = snapshot.request.priority === "critical";
  const purposes = isCritical ? ["critical", ...usual] : usual;
  const rank = (account: SnapshotAccount): number =>
    purposes.findIndex((purpose) => account.purposes.includes(purpose)) +
    purposes.length * latenessOf(account, isCritical);
  return snapshot.accounts
    .filter(
      (account) =>
        account.channel === channel &&
        account.health !== "draining" &&
        account.purposes.some((purpose) => purposes.includes(purpose)) &&
        !snapshot.request.avoidAccountIds.includes(account.id),
    )
    .map((account, order) => ({ account, order }))
    .sort((a, b) => rank(a.account) - rank(b.account) || a.order - b.order)
    .map(({ account }) => ({
      accountId: account.id,
      givesSent: account.givesSent,
      givesDelivered: account.givesDelivered,
      receiptDeadlineMs: account.receiptDeadlineMs,
    }));
}

function notesOf(verdict: ChannelVerdict): readonly PlanNote[] {
  if (verdict.verdict === "skipped") return [];
  return [
    ...(verdict.isUnverified && isPhoneChannel(verdict.channel) ? (["unverified"] as const) : []),
    ...(verdict.override === null ? [] : [verdict.override]),
  ];
}

/** The person's quiet hours and, for a customer, the type's send window, each on its own clock. */
function personCalendar(
  snapshot: PlanSnapshot,
  person: SnapshotPerson,
  settings: Settings,
): readonly QuietRule[] {
  // Whoever waits for a code is awake.
  if (isOtp(snapshot.request.type)) return [];
  const zones = zonesOf(snapshot, person);
  const hours = settings.quietHours;
  const own: QuietRule = {
    hours,
    timeZone: resolveTimeZone({ ...zones, quietHours: hours.timeZone }).timeZone,
    holidays: holidaysOf(snapshot, workZoneOf(snapshot, person)),
  };
  const { sendWindow } = snapshot.type;
  const outside =
    person.role === "customer" && sendWindow !== null
      ? outsideSendWindow(sendWindow, timeZoneOf(snapshot, person))
      : null;
  return [...(hours.enabled ? [own] : []), ...(outside === null ? [] : [outside])];
}

/** The clock by which a person reads times: their own zone, else their work zone's, else the installation's. */
export function timeZoneOf(snapshot: PlanSnapshot, person: SnapshotPerson): string {
  return resolveTimeZone(zonesOf(snapshot, person)).timeZone;
}

function zonesOf(snapshot: PlanSnapshot, person: SnapshotPerson) {
  const workZone = workZoneOf(snapshot, person);
  return {
    person: person.timeZone,
    workZone: workZone === null ? null : (snapshot.zoneTimeZones[workZone] ?? null),
    installation: snapshot.installationTimeZone,
  };
}

/** Where the person works: the zone of the request if it is one of theirs, else the first of theirs. */
function workZoneOf({ request, ticket }: PlanSnapshot, person: SnapshotPerson): string | null {
  const zone = request.zone ?? ticket?.zone ?? null;
  return zone !== null && person.zones.includes(zone) ? zone : (person.zones[0] ?? null);
}

function groupCalendar(
  snapshot: PlanSnapshot,
  group: AudienceGroup["group"],
): readonly QuietRule[] {
  const hours = group.quietHours;
  if (hours?.enabled !== true) return [];
  const { timeZone } = resolveTimeZone({
    quietHours: hours.timeZone,
    person: group.timeZone,
    workZone: group.zone === null ? null : (snapshot.zoneTimeZones[group.zone] ?? null),
    installation: snapshot.installationTimeZone,
  });
  return [{ hours, timeZone, holidays: holidaysOf(snapshot, group.zone) }];
}

function holidaysOf({ holidays }: PlanSnapshot, zone: string | null): readonly string[] {
  return [...(holidays["*"] ?? []), ...(zone === null ? [] : (holidays[zone] ?? []))];
}

interface Quiet {
  readonly asleepUntil: number | null;
  readonly windowEnd: number | null;
  readonly windows: readonly QuietWindow[];
  readonly treatment: QuietHoursTreatment;
  readonly notes: readonly PlanNote[];
  readonly excluded: SuppressionReason | null;
}

function decideQuiet(
  { request, policy }: PlanSnapshot,
  calendar: readonly QuietRule[],
  wishes: Pick<Settings, "allowHighInQuietHours" | "overrideForCritical">,
  moment: PlanMoment,
): Quiet {
  const { startsAt } = moment;
  const question = {
    now: startsAt,
    priority: request.priority,
    policyQuietHours: policy.quietHours,
    whenAlwaysQuiet: policy.whenAlwaysQuiet,
    allowHighInQuietHours: wishes.allowHighInQuietHours,
    overrideForCritical: wishes.overrideForCritical,
  };
  const expiresAt = Math.min(
    request.acceptedAt + policy.lifetimeSeconds * 1_000,
    request.notAfter ?? Number.POSITIVE_INFINITY,
  );
  const decision = quietTreatment({ ...question, quietUntil: awakeFrom(startsAt, calendar) });
  switch (decision.kind) {
    case "tell_now": {
      // What would be done in a window that begins later: the same question, asked as if one had begun.
      const later = treatmentOf(quietTreatment({ ...question, quietUntil: startsAt + 1 }));
      const isOverridden = later === "override" || decision.reason === "always_quiet_send";
      return {
        asleepUntil: null,
        windowEnd: null,
        windows: isOverridden ? [] : quietWindows(startsAt, expiresAt, calendar),
        treatment: isOverridden ? "override" : later,
        notes: decision.reason === "awake" ? [] : [decision.reason],
        excluded: null,
      };
    }
    case "asleep": {
      const taken = moment.places.find(({ windowEnd }) => windowEnd === decision.until) ?? null;
      const asleepUntil =
        taken === null
          ? decision.until
          : resumeAt(taken, moment.wakePerSecond, (instant) => isAwakeAt(instant, calendar));
      return {
        asleepUntil,
        windowEnd: decision.until,
        windows: quietWindows(decision.until, expiresAt, calendar),
        treatment: decision.treatment,
        notes: decision.reason === "quiet_hours" ? [] : [decision.reason],
        excluded: null,
      };
    }
    case "always_quiet":
      // Held without an end: until somebody changes the window, or the lifetime is over.
      return {
        asleepUntil: Math.max(expiresAt, startsAt + 1),
        windowEnd: null,
        windows: [],
        treatment: decision.treatment,
        notes: [],
        excluded: decision.outcome === "skip" ? "always_quiet" : null,
      };
  }
}

function treatmentOf(decision: QuietDecision): QuietHoursTreatment {
  return decision.kind === "tell_now" ? "override" : decision.treatment;
}
