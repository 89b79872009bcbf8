/**
 * Who is told, when, by what, and why not: the plan of one notification. Pure: the same for the run, for `explain` and for the simulator of policies.
 *
 * A plan has two forms. `RunPlan` is what the run carries: targets, routes and sleep times, from which the ladder judges. `Plan` is what people read: the steps
 * that would follow if nobody answered, with a reason for everybody who is left out.
 */
import { attachmentCarriage } from "./attachment-carriage.ts";
import type { PlanAttachment } from "./attachment-carriage.ts";
import { isPhoneChannel } from "./channel.ts";
import type { Channel, PersonChannel } from "./channel.ts";
import type { Policy, PolicyRules, PolicyStep } from "./escalation-policy.ts";
import { foresee } from "./foresight.ts";
import type { ForeseenStep, Foresight, Opening, RoleUpAt } from "./foresight.ts";
import type { AnswerKind } from "./notification.ts";
import type { PlanSnapshot, SnapshotPerson } from "./plan-snapshot.ts";
import { isReachable, planGroup, planPerson, shutFor } from "./planned-target.ts";
import type { PlanMoment, PlannedGroup, PlannedPerson, PlanNote } from "./planned-target.ts";
import { sumMicros, targetMicros } from "./plan-cost.ts";
import { toRupiah } from "./price.ts";
import type { Priority } from "./priority.ts";
import type { TemplateFault } from "./provider-template.ts";
import type { Role } from "./role.ts";
import { membersToldInPerson, planAudience, roleBook, withTicket } from "./routing.ts";
import type { Audience, AudienceGroup, AudiencePerson, Because, Exclusion } from "./routing.ts";
import type { RunGroup, RunPerson, RunPlan } from "./run.ts";
import type { SuppressionReason } from "./suppression.ts";
import { wakeBand } from "./wake-place.ts";
import type { WakeBand, WakePlace } from "./wake-place.ts";

/** The API's shape; instants are ISO 8601. Costs are in rupiah, as if nobody answered and every message were billed; null: no price is known. */
export interface Plan {
  readonly policy: { readonly id: string; readonly version: number };
  readonly steps: readonly PlanStep[];
  readonly recipients: readonly PlanRecipient[];
  readonly excluded: readonly Exclusion[];
  /** Of the targets whose accounts have prices. */
  readonly cost: number | null;
  readonly warnings: readonly PlanWarning[];
  /** In the request's order; absent when nothing is attached. */
  readonly attachments?: readonly PlanAttachment[];
}

export interface PlanStep {
  readonly step: number;
  readonly pass: number;
  readonly startsAt: string;
  readonly channels: readonly PersonChannel[];
  readonly groups: PolicyStep["groups"];
  /** Whom role-up tells in this step; null in the run's own passes. */
  readonly role: Role | null;
  readonly targets: readonly PlanTarget[];
  readonly skipped: readonly (TargetRef & {
    readonly channel: Channel;
    readonly reason: SuppressionReason;
  })[];
}

type TargetRef = { readonly userId: string } | { readonly groupId: string };

export type PlanTarget = TargetRef & {
  readonly channel: Channel;
  readonly accountId: string | null;
  readonly at: string;
  readonly attempts: number;
  /** Of all attempts. */
  readonly cost: number | null;
  /** What made this a target: the first of its recipient's `because`. */
  readonly reason: Because["kind"];
};

export type PlanRecipient = TargetRef & {
  readonly because: readonly Because[];
  /** Quiet until then; null: told when its step comes. */
  readonly asleepUntil: string | null;
  /** The place that its waking has among those of the same minute; null: none was taken. */
  readonly wakePlace: number | null;
  readonly notes: readonly PlanNote[];
};

export type PlanWarning =
  /** The pace of the account's device needs longer than the step's window for the targets that it would tell. */
  | {
      readonly code: "pace";
      readonly step: number;
      readonly pass: number;
      readonly accountId: string;
      readonly neededSeconds: number;
      readonly windowSeconds: number;
    }
  /** Sent to numbers that nobody has verified, because of the priority. */
  | { readonly code: "unverified"; readonly userIds: readonly string[] }
  | {
      readonly code: "group_unreachable";
      readonly groupId: string;
      readonly reason: SuppressionReason;
    }
  | { readonly code: "no_technicians_group"; readonly zone: string | null }
  /** These have no price while others do: the cost is of the others alone. */
  | { readonly code: "unpriced"; readonly accountIds: readonly string[] }
  | { readonly code: "accounts_out"; readonly accountIds: readonly string[] }
  /** Outside these persons' windows, and no template can be sent instead: the account is tried last, and refused before it is asked. */
  | {
      readonly code: "template_unusable";
      readonly accountId: string;
      readonly reason: TemplateFault;
      readonly userIds: readonly string[];
    }
  | { readonly code: "role_up_empty"; readonly role: Role }
  | { readonly code: "nobody_reachable" };

export interface PlanOptions {
  /** Taken for this run; without them sleepers wake at the very end of their quiet hours. */
  readonly places?: readonly WakePlace[];
  readonly wakePerSecond?: number;
  /** Of a run that is planned again: its targets so far. Whom acts and role-up brought in stays, who is out stays out, whoever is new is marked so. */
  readonly kept?: readonly KeptTarget[];
}

export interface KeptTarget {
  readonly target: string;
  readonly origin: RunPerson["origin"];
  readonly state: "open" | "answered" | "refused" | "out" | "left_out";
}

export interface Planned {
  readonly plan: Plan;
  readonly run: RunPlan;
  /** Quiet-hours ends at which this run wakes somebody: each takes one place. */
  readonly wakes: readonly Wake[];
  readonly opening: Opening;
}

export interface Wake {
  readonly windowEnd: number;
  readonly band: WakeBand;
}

/** SIAGA_WAKE_PER_SECOND's default; without places it changes nothing. */
const WAKE_PER_SECOND = 10;

export function planRun(snapshot: PlanSnapshot, now: number, options: PlanOptions = {}): Planned {
  const { request, type, policy } = snapshot;
  const moment = momentOf(snapshot, now, options);
  const audience = completeAudience(snapshot);
  const told = tellAudience(snapshot, audience, moment, options);
  const suppressed = suppressionOf(snapshot, told);
  const isTold = suppressed === null;
  const persons = isTold ? told.persons : [];
  const groups = isTold ? told.groups : [];

  const run: RunPlan = {
    notificationId: request.notificationId ?? "",
    type: type.code,
    priority: request.priority,
    zone: withTicket(request, snapshot.ticket).zone,
    ticketId: request.ticketId,
    answerKind: type.answers,
    policyId: policy.id,
    policyVersion: policy.version,
    rules: rulesOf(policy),
    acceptedAt: request.acceptedAt,
    notBefore: request.notBefore,
    notAfter: request.notAfter,
    persons: persons.map((person) => person.run),
    groups: groups.map((group) => group.run),
    suppressed,
    inAppWritten: moment.startsAt > now ? [] : inFirstInbox(policy, persons),
  };
  const roleUps = new Map<string, PlannedPerson>();
  // Whom role-up told earlier has a part in role-up alone.
  const own = { ...run, persons: run.persons.filter(({ origin }) => origin !== "role_up") };
  const foresight = foresee(own, now, roleUpOf(snapshot, moment, roleUps));
  const everybody = [...persons, ...roleUps.values()];
  const costs = foresight.steps.flatMap(({ targets }) =>
    targets.map((target) => targetMicros(snapshot, target)),
  );
  return {
    run,
    opening: foresight.opening,
    wakes: wakesOf(request.priority, [...persons, ...groups]),
    plan: {
      policy: { id: policy.id, version: policy.version },
      steps: foresight.steps.map((step) => toPlanStep(step, snapshot, everybody, groups)),
      recipients: [
        ...persons.map((person) => toRecipient({ userId: person.run.key }, person, moment)),
        ...groups.map((group) => toRecipient({ groupId: group.run.key }, group, moment)),
      ],
      excluded: isTold ? told.excluded : [...told.excluded, ...allExcluded(told, suppressed)],
      cost: rupiah(sumMicros(costs)),
      warnings: warningsOf(snapshot, told, foresight, everybody),
      ...attachmentsOf(snapshot),
    },
  };
}

function attachmentsOf(snapshot: PlanSnapshot): Pick<Plan, "attachments"> {
  const attachments = attachmentCarriage(snapshot).map(({ kind, channels }) => ({
    kind,
    channels,
  }));
  return attachments.length === 0 ? {} : { attachments };
}

export interface RoleUp {
  readonly role: Role;
  readonly persons: readonly PlannedPerson[];
  /** Why it is nobody, or why not those on duty for the zone. */
  readonly reason: string | null;
  readonly wakes: readonly Wake[];
}

/**
 * The persons of the next role up, as of now: on duty for the zone, else of the role for the zone, else of the role. Whoever is in the run already is among
 * them: the ladder knows who was told in person and who merely has a row in the inbox.
 */
export function planRoleUp(
  snapshot: PlanSnapshot,
  role: Role,
  now: number,
  options: PlanOptions = {},
): RoleUp {
  const { request, ticket } = snapshot;
  const moment: PlanMoment = { ...momentOf(snapshot, now, options), startsAt: now };
  const { members, note } = roleBook(snapshot.persons).onDuty(
    role,
    withTicket(request, ticket).zone,
  );
  if (members.length === 0) return { role, persons: [], reason: "role_empty", wakes: [] };
  const because: Because = { kind: "role_up", role, note };
  const planned = members
    .filter(({ id }) => id !== request.actorId)
    .map((person) =>
      planPerson(snapshot, { person, because: [because], channels: [] }, "role_up", moment),
    );
  const persons = planned.filter(isReachable);
  if (persons.length > 0) {
    return { role, persons, reason: note, wakes: wakesOf(request.priority, persons) };
  }
  const reason = planned.map(exclusionReason).find((found) => found !== null) ?? "actor";
  return { role, persons: [], reason, wakes: [] };
}

export interface Reassigned {
  readonly run: RunPerson;
  readonly recipient: PlanRecipient;
  readonly wakes: readonly Wake[];
}

/** Who takes an assignment over, planned like anybody first asked; null: cannot be told by anything. */
export function planReassigned(
  snapshot: PlanSnapshot,
  person: SnapshotPerson,
  now: number,
  options: PlanOptions = {},
): Reassigned | null {
  const audience = planAudience({
    ...snapshot,
    request: { ...snapshot.request, assigneeId: person.id, acceptedAt: now },
  });
  const routed = audience.persons.find((candidate) => candidate.person.id === person.id);
  const moment: PlanMoment = { ...momentOf(snapshot, now, options), startsAt: now };
  const planned = planPerson(
    snapshot,
    { person, because: [{ kind: "reassigned" }], channels: routed?.channels ?? [] },
    "reassigned",
    moment,
  );
  if (!isReachable(planned)) return null;
  return {
    run: planned.run,
    recipient: toRecipient({ userId: person.id }, planned, moment),
    wakes: wakesOf(snapshot.request.priority, [planned]),
  };
}

/** Everything that a policy's editor asks: who would be told how often and when, with invented people. */
export interface Simulation {
  readonly priority: Priority;
  /** Epoch ms. */
  readonly startsAt: number;
  readonly persons: number;
  readonly primaryGroups: number;
  readonly otherGroups: number;
  readonly answerKind: AnswerKind;
}

export interface SimulatedPlan {
  readonly steps: readonly (Omit<PlanStep, "targets" | "skipped"> & {
    readonly targets: readonly {
      readonly target: string;
      readonly channel: Channel;
      readonly at: string;
      readonly attempts: number;
    }[];
  })[];
  /** When the run is over if nobody answers; ISO 8601. */
  readonly endsAt: string;
  readonly outcome: string | null;
}

/** The run of a policy that isn't saved yet, on channels that all work, with nobody asleep and nobody answering. */
export function simulatePolicy(rules: PolicyRules, simulation: Simulation): SimulatedPlan {
  const person = (key: string, role: Role, origin: RunPerson["origin"]): RunPerson => ({
    key,
    role,
    origin,
    routes: {
      whatsapp_personal: [simulatedAccount("whatsapp_personal")],
      push: [simulatedAccount("push")],
      email: [simulatedAccount("email")],
      sms: [simulatedAccount("sms")],
      call: [simulatedAccount("call")],
    },
    inApp: true,
    firstStepChannels: null,
    only: null,
    silentSuffices: !rules.steps.some(
      (step) => step.enabled && !step.roleUp && step.channels.some(isPhoneChannel),
    ),
    asleepUntil: null,
    quietTreatment: rules.quietHours,
  });
  const group = (key: string, primary: boolean): RunGroup => ({
    key,
    primary,
    route: [simulatedAccount("whatsapp_group")],
    asleepUntil: null,
  });
  const count = (number: number, name: string): readonly string[] =>
    Array.from({ length: number }, (_, index) => `${name}_${index + 1}`);
  const run: RunPlan = {
    notificationId: "simulation",
    type: "simulation",
    priority: simulation.priority,
    zone: null,
    ticketId: null,
    answerKind: simulation.answerKind,
    policyId: "simulation",
    policyVersion: 0,
    rules,
    acceptedAt: simulation.startsAt,
    notBefore: null,
    notAfter: null,
    persons: count(simulation.persons, "technician").map((key) =>
      person(key, "technician", "audience"),
    ),
    groups: [
      ...count(simulation.primaryGroups, "primary_group").map((key) => group(key, true)),
      ...count(simulation.otherGroups, "other_group").map((key) => group(key, false)),
    ],
    suppressed: null,
    inAppWritten: [],
  };
  const foresight = foresee(run, simulation.startsAt, (role) => ({
    persons: [person(role, role, "role_up")],
    reason: null,
  }));
  return {
    endsAt: toTime(foresight.endsAt),
    outcome: foresight.outcome,
    steps: foresight.steps.map(({ targets, ...step }) => ({
      ...stepFacts(step, rules),
      targets: targets.map(({ key, channel, at, attempts }) => ({
        target: key,
        channel,
        at: toTime(at),
        attempts,
      })),
    })),
  };
}

function simulatedAccount(channel: Channel): RunGroup["route"][number] {
  return { accountId: channel, givesSent: true, givesDelivered: true, receiptDeadlineMs: 30_000 };
}

function momentOf(snapshot: PlanSnapshot, now: number, options: PlanOptions): PlanMoment {
  return {
    startsAt: Math.max(now, snapshot.request.notBefore ?? now),
    places: options.places ?? [],
    wakePerSecond: options.wakePerSecond ?? WAKE_PER_SECOND,
  };
}

/** The audience, with those members of told groups who want to be told in person instead. */
function completeAudience(snapshot: PlanSnapshot): Audience {
  const audience = planAudience(snapshot);
  const inPerson = membersToldInPerson(audience, snapshot.persons, snapshot.request, (group) =>
    doesStepTellPersons(snapshot.policy, group),
  );
  return {
    persons: [...audience.persons, ...inPerson.persons],
    groups: audience.groups,
    excluded: [...audience.excluded, ...inPerson.excluded],
  };
}

/** Whether the step that tells this group has channels for persons as well. */
function doesStepTellPersons(rules: PolicyRules, { primary }: AudienceGroup): boolean {
  const enabled = rules.steps.filter((step) => step.enabled);
  const other = enabled.find((step) => step.groups === "other");
  const telling =
    primary || other === undefined ? enabled.find((step) => step.groups === "primary") : other;
  return telling !== undefined && !telling.roleUp && telling.channels.length > 0;
}

interface Told {
  readonly persons: readonly PlannedPerson[];
  readonly groups: readonly PlannedGroup[];
  readonly excluded: readonly Exclusion[];
}

function tellAudience(
  snapshot: PlanSnapshot,
  audience: Audience,
  moment: PlanMoment,
  options: PlanOptions,
): Told {
  const kept = new Map((options.kept ?? []).map((target) => [target.target, target]));
  const entries = [
    ...audience.persons
      .filter(({ person }) => kept.get(person.id)?.origin !== "role_up")
      .map((entry) => ({ entry, origin: originOf(entry, kept, options) })),
    ...broughtIn(snapshot, audience, options.kept ?? []),
  ];
  const planned = entries
    .filter(({ entry: { person } }) => {
      const state = kept.get(person.id)?.state;
      return state !== "out" && state !== "refused";
    })
    .map(({ entry, origin }) => planPerson(snapshot, entry, origin, moment));
  const groups = audience.groups.map((group) => planGroup(snapshot, group, moment));
  return {
    persons: planned.filter(isReachable),
    groups: groups.filter(({ excluded }) => excluded === null),
    excluded: [
      ...audience.excluded,
      ...planned.flatMap((person): Exclusion[] => {
        const reason = exclusionReason(person);
        return reason === null ? [] : [{ userId: person.run.key, reason }];
      }),
      ...groups.flatMap(({ run, excluded }): Exclusion[] =>
        excluded === null ? [] : [{ groupId: run.key, reason: excluded }],
      ),
    ],
  };
}

function originOf(
  { person }: AudiencePerson,
  kept: ReadonlyMap<string, KeptTarget>,
  options: PlanOptions,
): RunPerson["origin"] {
  return kept.get(person.id)?.origin ?? (options.kept === undefined ? "audience" : "added");
}

/** Persons of the run whom today's audience doesn't bring: whom role-up told, and whom acts put in somebody's place. */
function broughtIn(
  snapshot: PlanSnapshot,
  audience: Audience,
  kept: readonly KeptTarget[],
): readonly { readonly entry: AudiencePerson; readonly origin: RunPerson["origin"] }[] {
  return kept.flatMap(({ target, origin }) => {
    const isRouted = audience.persons.some(({ person }) => person.id === target);
    const isBrought = origin === "role_up" || (origin === "reassigned" && !isRouted);
    const person = snapshot.persons.find(({ id, isActive }) => id === target && isActive);
    if (!isBrought || person === undefined) return [];
    const because: Because =
      origin === "role_up"
        ? { kind: "role_up", role: person.role, note: null }
        : { kind: "reassigned" };
    return [{ entry: { person, because: [because], channels: [] }, origin }];
  });
}

/** Why a person is told nothing at all; null for one who is told. The reason on the channel that would be tried first. */
function exclusionReason(person: PlannedPerson): SuppressionReason | null {
  if (person.excluded !== null) return person.excluded;
  if (isReachable(person)) return null;
  const reasons = [...person.skipped.values()];
  return reasons.find((reason) => reason !== "rule_removed_channel") ?? "rule_removed_channel";
}

/** Reasons that are somebody's decision: a run that they leave without targets is suppressed, not undeliverable. */
const DECISIONS: readonly SuppressionReason[] = [
  "settings_disabled",
  "channel_off",
  "class_off",
  "type_off",
  "not_opted_in",
  "opted_out",
  "always_quiet",
  "muted",
  "actor",
  "below_min_priority",
  "ticket_closed",
  "reassigned",
];

/** Set when nobody is left, and by decisions alone. One hole (an empty role, no contact) and the run must say so instead. */
function suppressionOf(snapshot: PlanSnapshot, told: Told): SuppressionReason | null {
  if (isMoot(snapshot)) return "ticket_closed";
  if (told.persons.length > 0 || told.groups.length > 0) return null;
  const decisions = told.excluded.filter(({ reason }) => reason !== "out_of_zone");
  const first = decisions[0]?.reason ?? null;
  return decisions.every(({ reason }) => DECISIONS.includes(reason)) ? first : null;
}

/** The ticket is closed and the notification asks somebody to do something about it. What only informs goes out all the same. */
function isMoot({ ticket, type }: PlanSnapshot): boolean {
  if (ticket?.isClosed !== true) return false;
  return type.answers === "acknowledge" || type.answers === "accept" || type.answers === "claim";
}

function allExcluded(told: Told, reason: SuppressionReason): readonly Exclusion[] {
  return [
    ...told.persons.map(({ run }): Exclusion => ({ userId: run.key, reason })),
    ...told.groups.map(({ run }): Exclusion => ({ groupId: run.key, reason })),
  ];
}

/** Persons whose first step has an in-app row: it is written with the plan, asleep or not, because it is silent. */
function inFirstInbox(rules: PolicyRules, persons: readonly PlannedPerson[]): readonly string[] {
  const first = rules.steps.find((step) => step.enabled);
  if (first === undefined || first.roleUp) return [];
  return persons
    .filter(({ run }) => {
      const channels = run.firstStepChannels ?? first.channels;
      const isKept = run.only === null || run.only.includes("in_app");
      const isOwn = run.origin !== "role_up";
      return isOwn && run.inApp && isKept && channels.includes("in_app");
    })
    .map(({ run }) => run.key);
}

function roleUpOf(
  snapshot: PlanSnapshot,
  moment: PlanMoment,
  planned: Map<string, PlannedPerson>,
): RoleUpAt {
  return (role, at) => {
    const found = planRoleUp(snapshot, role, at, moment);
    for (const person of found.persons) planned.set(person.run.key, person);
    return { persons: found.persons.map(({ run }) => run), reason: found.reason };
  };
}

function wakesOf(
  priority: Priority,
  targets: readonly { readonly windowEnd: number | null }[],
): readonly Wake[] {
  const ends = targets.flatMap(({ windowEnd }) => windowEnd ?? []);
  return [...new Set(ends)]
    .sort((a, b) => a - b)
    .map((windowEnd) => ({ windowEnd, band: wakeBand(priority) }));
}

function stepFacts(
  { step, pass, startsAt, role }: Omit<ForeseenStep, "targets">,
  rules: PolicyRules,
): Omit<PlanStep, "targets" | "skipped"> {
  const ruled = rules.steps[step - 1];
  return {
    step,
    pass,
    startsAt: toTime(startsAt),
    channels: ruled?.channels ?? [],
    groups: ruled?.groups ?? "none",
    role,
  };
}

function toPlanStep(
  foreseen: ForeseenStep,
  snapshot: PlanSnapshot,
  persons: readonly PlannedPerson[],
  groups: readonly PlannedGroup[],
): PlanStep {
  const rules = snapshot.policy;
  const facts = stepFacts(foreseen, rules);
  const byKey = new Map<string, PlannedPerson | PlannedGroup>(
    [...persons, ...groups].map((target) => [target.run.key, target]),
  );
  const targets = foreseen.targets.map((target): PlanTarget => ({
    ...refOf(target.key, groups),
    channel: target.channel,
    accountId: target.accountId,
    at: toTime(target.at),
    attempts: target.attempts,
    cost: rupiah(targetMicros(snapshot, target)),
    reason: byKey.get(target.key)?.because[0]?.kind ?? "role_up",
  }));
  const inStep = persons.filter(({ run }) =>
    foreseen.role === null
      ? run.origin !== "role_up"
      : run.origin === "role_up" && run.role === foreseen.role,
  );
  const isFirst = rules.steps.findIndex((step) => step.enabled) === foreseen.step - 1;
  const tellsGroups = foreseen.role === null && facts.groups !== "none";
  return {
    ...facts,
    targets,
    skipped: [
      ...inStep.flatMap((person) => skippedPersonChannels(person, facts.channels, isFirst)),
      ...groups.flatMap(({ run, skipped }) =>
        skipped !== null && tellsGroups && (facts.groups === "primary") === run.primary
          ? [{ groupId: run.key, channel: "whatsapp_group" as const, reason: skipped }]
          : [],
      ),
    ],
  };
}

function skippedPersonChannels(
  { run, skipped }: PlannedPerson,
  channels: readonly PersonChannel[],
  isFirst: boolean,
): readonly { userId: string; channel: PersonChannel; reason: SuppressionReason }[] {
  const own = isFirst ? [...channels, ...(run.firstStepChannels ?? [])] : channels;
  return [...new Set(own)].flatMap((channel) => {
    const isTaken = isFirst && run.firstStepChannels?.includes(channel) === false;
    const reason = isTaken ? "rule_removed_channel" : skipped.get(channel);
    return reason === undefined ? [] : [{ userId: run.key, channel, reason }];
  });
}

function refOf(key: string, groups: readonly PlannedGroup[]): TargetRef {
  return groups.some(({ run }) => run.key === key) ? { groupId: key } : { userId: key };
}

function toRecipient(
  ref: TargetRef,
  { run, because, notes, windowEnd }: PlannedPerson | PlannedGroup,
  { places }: PlanMoment,
): PlanRecipient {
  return {
    ...ref,
    because,
    asleepUntil: run.asleepUntil === null ? null : toTime(run.asleepUntil),
    wakePlace: places.find((place) => place.windowEnd === windowEnd)?.place ?? null,
    notes,
  };
}

function warningsOf(
  snapshot: PlanSnapshot,
  told: Told,
  foresight: Foresight,
  everybody: readonly PlannedPerson[],
): readonly PlanWarning[] {
  const unverified = everybody.filter(({ notes }) => notes.includes("unverified"));
  const out = snapshot.accounts.filter(({ health }) => health === "out" || health === "draining");
  const isFallback = told.persons.some(({ because }) =>
    because.some(({ kind }) => kind === "no_technicians_group"),
  );
  return [
    ...paceWarnings(snapshot, foresight),
    ...(unverified.length > 0
      ? [{ code: "unverified" as const, userIds: unverified.map(({ run }) => run.key) }]
      : []),
    ...told.groups.flatMap(({ run, skipped }) =>
      skipped === null
        ? []
        : [{ code: "group_unreachable" as const, groupId: run.key, reason: skipped }],
    ),
    ...(isFallback
      ? [
          {
            code: "no_technicians_group" as const,
            zone: withTicket(snapshot.request, snapshot.ticket).zone,
          },
        ]
      : []),
    ...(out.length > 0
      ? [{ code: "accounts_out" as const, accountIds: out.map(({ id }) => id) }]
      : []),
    ...templateWarnings(snapshot, everybody),
    ...unpricedWarnings(snapshot, foresight),
    ...foresight.emptyRoles
      .filter(({ reason }) => reason === "role_empty")
      .map(({ role }) => ({ code: "role_up_empty" as const, role })),
    ...(foresight.steps.every(({ targets }) => targets.length === 0)
      ? [{ code: "nobody_reachable" as const }]
      : []),
  ];
}

function templateWarnings(
  { accounts, persons }: PlanSnapshot,
  everybody: readonly PlannedPerson[],
): readonly PlanWarning[] {
  const byId = new Map(persons.map((person) => [person.id, person]));
  return accounts.flatMap((account): PlanWarning[] => {
    if (account.templateFaults === undefined) return [];
    const userIds = new Map<TemplateFault, string[]>();
    for (const { run } of everybody) {
      const person = byId.get(run.key);
      const isUsed = run.routes.whatsapp_personal?.some(
        ({ accountId }) => accountId === account.id,
      );
      const reason = person === undefined || isUsed !== true ? null : shutFor(account, person);
      if (reason !== null) userIds.set(reason, [...(userIds.get(reason) ?? []), run.key]);
    }
    return [...userIds].map(([reason, ids]) => ({
      code: "template_unusable",
      accountId: account.id,
      reason,
      userIds: ids,
    }));
  });
}

function unpricedWarnings(snapshot: PlanSnapshot, { steps }: Foresight): readonly PlanWarning[] {
  if (snapshot.accounts.every(({ prices = [] }) => prices.length === 0)) return [];
  const accountIds = steps.flatMap(({ targets }) =>
    targets.flatMap((target) =>
      target.accountId !== null && targetMicros(snapshot, target) === null
        ? [target.accountId]
        : [],
    ),
  );
  return accountIds.length === 0
    ? []
    : [{ code: "unpriced", accountIds: [...new Set(accountIds)].sort() }];
}

/** A step's first messages leave a device one gap after the other: the last of them may come after the window. */
function paceWarnings(snapshot: PlanSnapshot, { steps }: Foresight): readonly PlanWarning[] {
  const accounts = new Map(snapshot.accounts.map((account) => [account.id, account]));
  return steps.flatMap(({ step, pass, targets }) => {
    const windowSeconds = snapshot.policy.steps[step - 1]?.windowSeconds ?? 0;
    const needs = new Map<string, { readonly accountId: string; ms: number }>();
    for (const { accountId } of targets) {
      const account = accountId === null ? undefined : accounts.get(accountId);
      if (account === undefined) continue;
      const need = needs.get(account.deviceKey) ?? { accountId: account.id, ms: 0 };
      need.ms += account.gapMs;
      needs.set(account.deviceKey, need);
    }
    return [...needs.values()].flatMap(({ accountId, ms }): PlanWarning[] => {
      const neededSeconds = Math.ceil(ms / 1_000);
      if (neededSeconds <= windowSeconds) return [];
      return [{ code: "pace", step, pass, accountId, neededSeconds, windowSeconds }];
    });
  });
}

function rulesOf({
  id: _id,
  version: _version,
  name: _name,
  priority: _priority,
  ...rules
}: Policy): PolicyRules {
  return rules;
}

function rupiah(micros: number | null): number | null {
  return micros === null ? null : toRupiah(micros);
}

function toTime(instant: number): string {
  return new Date(instant).toISOString();
}
