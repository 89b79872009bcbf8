/**
 * What a run is when everything that happens to it happens one after another: written from the requirements, with nothing of the ladder's own in it. It knows two
 * persons, policies of one channel per step, and no clock: that a window is over is a move of its own, possible whenever a step stands.
 */

export const WHO = ["A", "B"] as const;
export type Who = (typeof WHO)[number];

export type ModelChannel = "whatsapp_personal" | "sms" | "call";

export interface ModelPolicy {
  readonly priority: "high" | "critical";
  /** The channel of each step. */
  readonly steps: readonly ModelChannel[];
  readonly acknowledgment: "any" | "all";
  readonly tracksResolution: boolean;
  /** Acknowledged and not resolved, it is asked again. */
  readonly reopens: boolean;
}

export type ModelAct =
  | { readonly kind: "acknowledge"; readonly by: Who }
  | { readonly kind: "refuse"; readonly by: Who }
  | { readonly kind: "cancel" }
  | { readonly kind: "resolve" }
  | { readonly kind: "escalate" }
  | { readonly kind: "snooze" }
  | { readonly kind: "reprioritise"; readonly to: ModelPolicy }
  /** The vendor gives up on this WhatsApp message to the person, or reports that it has arrived after all, which counts more. */
  | {
      readonly kind: "failed" | "arrived";
      readonly of: Who;
      readonly pass: number;
      /** Counted from 1 in its pass. */
      readonly attempt: number;
    };

export interface ModelAnswer {
  readonly applied: boolean;
  readonly reason: string | null;
  /** Of a refusal: who was first. */
  readonly by: Who | null;
}

/** What can happen without anybody acting. */
export type ModelMove =
  | "begin"
  | "window_over"
  | "snooze_over"
  | "resolution_time_over"
  | "reopen"
  | "settle_by_act"
  | "settle";

export interface ToldOnce {
  readonly who: Who;
  readonly channel: ModelChannel;
  /** The run went on although it waits for whoever it tells: this message must have left. Others may be stopped before. */
  readonly isSure: boolean;
  /** Repeated after a snooze. */
  readonly isRepeat: boolean;
  readonly pass: number;
  /** Told before the run was opened again. */
  readonly isPast: boolean;
}

export interface ModelState {
  readonly policy: ModelPolicy;
  readonly hasBegun: boolean;
  readonly pass: number;
  /** Index of the step that stands; as many as there are steps: they are over. */
  readonly place: number;
  readonly isSnoozed: boolean;
  /** Opened again: the step that stands tells this person alone, who had taken it. */
  readonly reopenedFor: Who | null;
  /** Has had the first step alone in this pass, and is not waited for when it is everybody's. */
  readonly hadFirstStep: Who | null;
  readonly stop: "acknowledge" | "cancel" | "resolve" | null;
  readonly acknowledgedBy: Who | null;
  /** Acknowledgments and resolutions: each is told once to everybody who was told. */
  readonly closings: number;
  readonly settled: { readonly outcome: string; readonly reason: string | null } | null;
  readonly refused: readonly Who[];
  readonly answered: readonly Who[];
  readonly told: readonly ToldOnce[];
  /** Not repeated in this pass, for each person. */
  readonly toldInPass: ByWho<readonly ModelChannel[]>;
  /** Of those, what was not told before under another policy: a snooze's end repeats it when its step stands. */
  readonly begunInPass: ByWho<readonly ModelChannel[]>;
  /** Messages that failed for good in this pass, and whether the next channel has been begun for them. */
  readonly failedInPass: ByWho<readonly ModelChannel[]>;
  readonly leftInPass: ByWho<readonly ModelChannel[]>;
  /** Messages that are known to have arrived, of those that were also reported as failed. */
  readonly arrived: readonly string[];
  /** Told by this run, under whatever policy, and not known to have failed. */
  readonly toldInRun: ByWho<readonly ModelChannel[]>;
  /** Told under an earlier policy of this run: not repeated, and no part of the steps now. */
  readonly carried: ByWho<readonly ModelChannel[]>;
}

type ByWho<Value> = Readonly<Record<Who, Value>>;
const NO_CHANNELS: ByWho<readonly ModelChannel[]> = { A: [], B: [] };

export function newRun(policy: ModelPolicy): ModelState {
  return {
    policy,
    hasBegun: false,
    pass: 1,
    place: 0,
    isSnoozed: false,
    reopenedFor: null,
    hadFirstStep: null,
    stop: null,
    acknowledgedBy: null,
    closings: 0,
    settled: null,
    refused: [],
    answered: [],
    told: [],
    toldInPass: NO_CHANNELS,
    begunInPass: NO_CHANNELS,
    failedInPass: NO_CHANNELS,
    leftInPass: NO_CHANNELS,
    arrived: [],
    toldInRun: NO_CHANNELS,
    carried: NO_CHANNELS,
  };
}

/** The run after an act or move, and what it notes in its timeline on the way. */
export interface After {
  readonly state: ModelState;
  readonly noted: readonly string[];
}

export interface AfterAct extends After {
  readonly answer: ModelAnswer;
}

const APPLIED: ModelAnswer = { applied: true, reason: null, by: null };

/** Every way in which the act may turn out; more than one only where its own time may have passed. */
export function act(state: ModelState, done: ModelAct): readonly AfterAct[] {
  switch (done.kind) {
    case "acknowledge":
      return [acknowledge(state, done.by)];
    case "resolve":
      return [resolve(state)];
    case "failed":
      return fail(state, done).map((after) => ({ ...after, answer: APPLIED }));
    case "arrived":
      return [{ state: arrive(state, done), noted: [], answer: APPLIED }];
    default: {
      const over = whyOver(state);
      if (over !== null) return [{ state, noted: [], answer: over }];
      if (done.kind === "cancel") {
        return [{ state: { ...state, stop: "cancel" }, noted: [], answer: APPLIED }];
      }
      return steer(state, done).map((after) => ({ ...after, answer: APPLIED }));
    }
  }
}

function whyOver({ stop, settled, acknowledgedBy }: ModelState): ModelAnswer | null {
  const no = (reason: string, by: Who | null = null) => ({ applied: false, reason, by });
  switch (stop) {
    case "acknowledge":
      return no("already_acknowledged", acknowledgedBy);
    case "cancel":
      return no("already_cancelled");
    case "resolve":
      return no("already_resolved");
    case null:
      return settled === null ? null : no("already_settled");
  }
}

function acknowledge(state: ModelState, by: Who): AfterAct {
  const over = whyOver(state);
  if (over !== null) return { state, noted: [], answer: over };
  const isSecond = state.policy.acknowledgment === "all" && state.answered.includes(by);
  if (isSecond) {
    const answer = { applied: false, reason: "already_acknowledged", by: null };
    return { state, noted: [], answer };
  }
  const answered = [...new Set([...state.answered, by])];
  const others = WHO.filter((who) => !answered.includes(who) && !state.refused.includes(who));
  if (state.policy.acknowledgment === "all" && others.length > 0) {
    return { ...untilOpen({ ...state, answered }), answer: APPLIED };
  }
  return {
    state: {
      ...state,
      answered,
      stop: "acknowledge",
      acknowledgedBy: by,
      closings: state.closings + 1,
    },
    noted: [],
    answer: APPLIED,
  };
}

function resolve(state: ModelState): AfterAct {
  const isAwaited =
    state.stop === "acknowledge" && state.policy.tracksResolution && state.settled === null;
  const over = isAwaited ? null : whyOver(state);
  if (over !== null) return { state, noted: [], answer: over };
  return {
    state: { ...state, stop: "resolve", closings: state.closings + 1 },
    noted: [],
    answer: APPLIED,
  };
}

type Steering = Extract<ModelAct, { kind: "refuse" | "escalate" | "snooze" | "reprioritise" }>;

function steer(state: ModelState, done: Steering): readonly After[] {
  switch (done.kind) {
    case "refuse": {
      if (state.refused.includes(done.by)) return [{ state, noted: [] }];
      const after = untilOpen({ ...state, refused: [...state.refused, done.by] });
      return [{ ...after, noted: [`refused ${done.by}`, ...after.noted] }];
    }
    case "escalate": {
      const awake = { ...state, isSnoozed: false };
      const begun = awake.hasBegun ? { state: awake, noted: [] } : enter(awake, 0);
      if (isClimbedOut(begun.state))
        return [{ state: begun.state, noted: ["escalated", ...begun.noted] }];
      const { place } = begun.state;
      const after = leave(begun.state);
      return [
        {
          state: after.state,
          noted: ["escalated", ...begun.noted, `ended ${place + 1} escalated`, ...after.noted],
        },
      ];
    }
    case "snooze":
      // One that is carried out after its own end pauses nothing.
      return [
        { state: { ...state, isSnoozed: true }, noted: ["snoozed"] },
        { state, noted: [] },
      ];
    case "reprioritise": {
      const after = changePolicy(state, done.to);
      return [{ state: after.state, noted: ["reprioritised", ...after.noted] }];
    }
  }
}

/** At the new policy's first step with a channel that somebody was not told on; with nothing left untold, everything again. */
function changePolicy(state: ModelState, policy: ModelPolicy): After {
  const told = state.toldInRun;
  const fresh: ModelState = {
    ...state,
    policy,
    pass: 1,
    isSnoozed: false,
    reopenedFor: null,
    hadFirstStep: null,
    toldInPass: told,
    begunInPass: NO_CHANNELS,
    failedInPass: NO_CHANNELS,
    leftInPass: NO_CHANNELS,
    carried: told,
  };
  if (isEveryAnswerIn(fresh)) return { state: { ...fresh, hasBegun: true }, noted: [] };
  const entry = policy.steps.findIndex((channel) =>
    WHO.some((who) => isAsked(fresh, who) && !told[who].includes(channel)),
  );
  return entry < 0
    ? enter({ ...fresh, toldInPass: NO_CHANNELS, carried: NO_CHANNELS }, 0)
    : enter(fresh, entry);
}

/** What can happen now without anybody acting. */
export function moves(state: ModelState): readonly (After & { readonly move: ModelMove })[] {
  if (state.settled !== null) return [];
  if (state.stop !== null) return stoppedMoves(state);
  if (state.isSnoozed) return [{ move: "snooze_over", ...wake(state) }];
  if (isEveryAnswerIn(state))
    return [{ move: "settle", noted: [], state: stopByLastAnswer(state) }];
  if (!state.hasBegun) return [{ move: "begin", ...enter(state, 0) }];
  if (!isClimbedOut(state)) return [{ move: "window_over", ...windowOver(state) }];
  const reason = state.answered.length > 0 ? "partly_acknowledged" : "nobody_answered";
  const sure = surely(state, () => true);
  return [settle(sure, "settle", "exhausted", reason)];
}

/** The last who answered speaks for all: whoever was missing has refused, or the policy asks for less. */
function stopByLastAnswer(state: ModelState): ModelState {
  return {
    ...state,
    stop: "acknowledge",
    acknowledgedBy: state.answered.at(-1) ?? null,
    closings: state.closings + 1,
  };
}

function stoppedMoves(state: ModelState): readonly (After & { readonly move: ModelMove })[] {
  switch (state.stop) {
    case "cancel":
      return [settle(state, "settle_by_act", "cancelled", null)];
    case "resolve":
      return [settle(state, "settle_by_act", "resolved", null)];
    default:
      if (!state.policy.tracksResolution) {
        return [settle(state, "settle_by_act", "acknowledged", null)];
      }
      return state.policy.reopens
        ? [{ move: "reopen", ...reopen(state) }]
        : [settle(state, "resolution_time_over", "acknowledged", "unresolved")];
  }
}

/** The next pass: its first step is for whoever had taken it, unless they are out; then it goes as any other. */
function reopen(state: ModelState): After {
  const { acknowledgedBy } = state;
  const isIn = acknowledgedBy !== null && !state.refused.includes(acknowledgedBy);
  const reopened: ModelState = {
    ...state,
    pass: state.pass + 1,
    stop: null,
    acknowledgedBy: null,
    answered: [],
    isSnoozed: false,
    reopenedFor: isIn ? acknowledgedBy : null,
    hadFirstStep: null,
    told: state.told.map((message) => ({ ...message, isPast: true })),
    toldInPass: NO_CHANNELS,
    begunInPass: NO_CHANNELS,
    failedInPass: NO_CHANNELS,
    leftInPass: NO_CHANNELS,
    carried: NO_CHANNELS,
  };
  const after = enter(reopened, 0);
  return { ...after, noted: ["reopened", ...after.noted] };
}

function settle(state: ModelState, move: ModelMove, outcome: string, reason: string | null) {
  return { move, state: { ...state, settled: { outcome, reason } }, noted: [] };
}

function windowOver(state: ModelState): After {
  const sure = surely(state, ({ channel }) => channel === state.policy.steps[state.place]);
  const after = leave(sure);
  return { ...after, noted: [`ended ${state.place + 1} window_elapsed`, ...after.noted] };
}

/** To the next step; from the one that was for whoever had taken it, to the first for everybody. */
function leave(state: ModelState): After {
  return state.reopenedFor === null
    ? enter(state, state.place + 1)
    : enter({ ...state, reopenedFor: null, hadFirstStep: state.reopenedFor }, 0);
}

/** The same step once more: everybody who is still asked is told again on its channel. */
function wake(state: ModelState): After {
  const awake = { ...state, isSnoozed: false };
  if (!awake.hasBegun) {
    const after = enter(awake, 0);
    return { ...after, noted: ["resumed", ...after.noted] };
  }
  if (isClimbedOut(awake)) return { state: awake, noted: ["resumed"] };
  const channel = awake.policy.steps[awake.place];
  const again = WHO.filter(
    (who) =>
      channel !== undefined &&
      isAsked(awake, who) &&
      awake.begunInPass[who].includes(channel) &&
      !awake.failedInPass[who].includes(channel),
  );
  const told = again.map((who) => ({
    who,
    channel: channel ?? "call",
    isSure: false,
    isRepeat: true,
    pass: awake.pass,
    isPast: false,
  }));
  const isAgain = awake.hadFirstStep !== null && again.includes(awake.hadFirstStep);
  const after = untilOpen({
    ...awake,
    told: [...awake.told, ...told],
    hadFirstStep: isAgain ? null : awake.hadFirstStep,
  });
  return { ...after, noted: ["resumed", `started ${awake.place + 1}`, ...after.noted] };
}

/** Begins a step: tells on its channel whoever is still asked and was not told on it in this pass. */
function enter(state: ModelState, place: number): After {
  const channel = state.policy.steps[place];
  const begun = { ...state, hasBegun: true, place };
  if (channel === undefined) return { state: begun, noted: [] };
  const telling = WHO.filter(
    (who) => isTold(state, who) && !state.toldInPass[who].includes(channel),
  );
  const add = (before: ByWho<readonly ModelChannel[]>) =>
    byWho((who) => (telling.includes(who) ? [...before[who], channel] : before[who]));
  const after = untilOpen({
    ...begun,
    told: [
      ...begun.told,
      ...telling.map((who) => ({
        who,
        channel,
        isSure: false,
        isRepeat: false,
        pass: state.pass,
        isPast: false,
      })),
    ],
    toldInPass: add(begun.toldInPass),
    toldInRun: add(begun.toldInRun),
    begunInPass: add(begun.begunInPass),
  });
  return { ...after, noted: [`started ${place + 1}`, ...after.noted] };
}

/** Pulls forward what is due, and passes steps in which nobody is left to be waited for. */
function untilOpen(state: ModelState): After {
  if (!state.hasBegun || state.isSnoozed || state.stop !== null || state.settled !== null) {
    return { state, noted: [] };
  }
  if (isClimbedOut(state) || isEveryAnswerIn(state)) return { state, noted: [] };
  const pulled = pullForward(state);
  if (WHO.some((who) => isOpen(pulled.state, who))) return pulled;
  const after = leave(pulled.state);
  return {
    state: after.state,
    noted: [...pulled.noted, `ended ${state.place + 1} nobody`, ...after.noted],
  };
}

function pullForward(state: ModelState): After {
  let current = state;
  const noted: string[] = [];
  for (const who of WHO.filter((person) => isAsked(state, person))) {
    for (const channel of state.failedInPass[who]) {
      if (current.leftInPass[who].includes(channel)) continue;
      const next = current.policy.steps
        .slice(current.place + 1)
        .find((later) => later !== channel && !current.toldInPass[who].includes(later));
      if (next === undefined) continue;
      noted.push(`pulled ${who}`);
      current = {
        ...current,
        told: [
          ...current.told,
          { who, channel: next, isSure: false, isRepeat: false, pass: state.pass, isPast: false },
        ],
        toldInPass: { ...current.toldInPass, [who]: [...current.toldInPass[who], next] },
        begunInPass: { ...current.begunInPass, [who]: [...current.begunInPass[who], next] },
        toldInRun: { ...current.toldInRun, [who]: [...current.toldInRun[who], next] },
        leftInPass: { ...current.leftInPass, [who]: [...current.leftInPass[who], channel] },
      };
    }
  }
  return { state: current, noted };
}

type Report = Extract<ModelAct, { kind: "failed" | "arrived" }>;

function messageOf({ of, pass, attempt }: Report): string {
  return `${of}/${pass}/${attempt}`;
}

function arrive(state: ModelState, report: Report): ModelState {
  const { of } = report;
  const known = { ...state, arrived: [...state.arrived, messageOf(report)] };
  if (!state.failedInPass[of].includes("whatsapp_personal")) return known;
  const failed = state.failedInPass[of].filter((channel) => channel !== "whatsapp_personal");
  const told = [...state.toldInRun[of], "whatsapp_personal"] as const;
  return {
    ...known,
    failedInPass: { ...state.failedInPass, [of]: failed },
    toldInRun: { ...state.toldInRun, [of]: told },
  };
}

/** More than one way only where the repeat after a snooze may be the message itself, which was in flight then. */
function fail(state: ModelState, report: Report): readonly After[] {
  const { of, pass, attempt } = report;
  const unchanged: After = { state, noted: [] };
  if (state.arrived.includes(messageOf(report))) return [unchanged];
  const messages = state.told.filter(
    ({ who, channel }) => who === of && channel === "whatsapp_personal",
  );
  const message = messages.filter((one) => one.pass === pass)[attempt - 1];
  // One that was sent again stands for it.
  const again = message === undefined ? [] : messages.slice(messages.indexOf(message) + 1);
  const isNews =
    message?.isPast === false &&
    again.every(({ isRepeat }) => isRepeat) &&
    state.toldInPass[of].includes("whatsapp_personal") &&
    !state.failedInPass[of].includes("whatsapp_personal");
  if (!isNews) return [unchanged];
  const failedInPass = {
    ...state.failedInPass,
    [of]: [...state.failedInPass[of], "whatsapp_personal"] as const,
  };
  const toldInRun = {
    ...state.toldInRun,
    [of]: state.toldInRun[of].filter((channel) => channel !== "whatsapp_personal"),
  };
  const changed = untilOpen({ ...state, failedInPass, toldInRun });
  return again.length > 0 ? [changed, unchanged] : [changed];
}

function isAsked({ refused, answered }: ModelState, who: Who): boolean {
  return !refused.includes(who) && !answered.includes(who);
}

function isTold(state: ModelState, who: Who): boolean {
  return isAsked(state, who) && (state.reopenedFor === null || state.reopenedFor === who);
}

/** The step that stands waits for this person: a message of it, or one pulled forward from a later step, has not failed. */
function isOpen(state: ModelState, who: Who): boolean {
  if (!isAsked(state, who)) return false;
  if (state.place === 0 && state.hadFirstStep === who) return false;
  return state.policy.steps
    .slice(state.place)
    .some(
      (channel) =>
        state.toldInPass[who].includes(channel) &&
        !state.failedInPass[who].includes(channel) &&
        !state.carried[who].includes(channel),
    );
}

function isClimbedOut({ hasBegun, place, policy }: ModelState): boolean {
  return hasBegun && place >= policy.steps.length;
}

/** Everybody who is asked and has not refused has answered; where anybody's answer is enough, one such has. */
function isEveryAnswerIn({ policy, refused, answered }: ModelState): boolean {
  const asked = WHO.filter((who) => !refused.includes(who));
  const hasAnswered = (who: Who): boolean => answered.includes(who);
  if (policy.acknowledgment === "any") return asked.some(hasAnswered);
  return asked.length > 0 && asked.every(hasAnswered);
}

/** A window begins with its message, and a run has no end while one is under way: whoever is still asked must have got these. */
function surely(state: ModelState, isSent: (message: ToldOnce) => boolean): ModelState {
  return {
    ...state,
    told: state.told.map((message) =>
      isAsked(state, message.who) && !message.isPast && isSent(message)
        ? { ...message, isSure: true }
        : message,
    ),
  };
}

function byWho<Value>(valueOf: (who: Who) => Value): ByWho<Value> {
  return { A: valueOf("A"), B: valueOf("B") };
}
