/**
 * Looks for a serial order that explains what was seen of a run: the same acts, one after another, with the same answers, the same steps and the same end. An act
 * stands somewhere between the instant at which it was sent and the one at which it was answered; a window ends no earlier than its length after the message.
 */
import {
  act,
  moves,
  newRun,
  WHO,
  type After,
  type ModelAct,
  type ModelAnswer,
  type ModelChannel,
  type ModelMove,
  type ModelPolicy,
  type ModelState,
  type Who,
} from "./serial-model.ts";

export interface SeenAct {
  readonly act: ModelAct;
  /** Epoch ms; `answeredAt` is Infinity where nobody was told when it was carried out. */
  readonly sentAt: number;
  readonly answeredAt: number;
  /** Null: a receipt, which is answered with no more than that it was stored. */
  readonly answer: (Omit<ModelAnswer, "by"> & { readonly by: Who | null | "untold" }) | null;
}

export interface SeenRun {
  readonly policy: ModelPolicy;
  readonly windowMs: number;
  readonly acts: readonly SeenAct[];
  /** What the run noted of its steps and of acts that steer it, oldest first. */
  readonly noted: readonly { readonly what: string; readonly at: number }[];
  /** Messages of the ladder that vendors took, oldest first, by the vendors' clock. */
  readonly told: readonly {
    readonly who: Who;
    readonly channel: ModelChannel;
    readonly at: number;
  }[];
  /** Closing messages that each person got, in the chat and in the inbox. */
  readonly closings: Readonly<Record<Who, { readonly chat: number; readonly inbox: number }>>;
  /** Whose inbox holds a message of the ladder. */
  readonly inInbox: readonly Who[];
  readonly outcome: string;
  readonly reason: string | null;
  readonly priority: string;
  readonly acknowledgedBy: Who | null;
  readonly unanswered: readonly Who[];
}

export type Explanation =
  | { readonly kind: "explained"; readonly order: readonly string[] }
  | { readonly kind: "unexplained"; readonly nearest: readonly string[] };

/** A workflow task's time may lie a little before what it was started by; both clocks are this machine's. */
const CLOCK_SLACK_MS = 25;
/** Closer than this to the end of a snooze, a message may have been in flight, and counts as the repeat. */
const IN_FLIGHT_MS_MAX = 1_000;

interface Place {
  readonly state: ModelState;
  readonly left: readonly SeenAct[];
  readonly order: readonly string[];
  /** Which notes are not explained yet, by their place. */
  readonly noted: readonly number[];
  /** Acts were applied that the run had no time to carry out: only a stop can follow. */
  readonly isCutShort: boolean;
  readonly lastSentAt: number;
  /** When what is told to everybody was sent, for each time that the run was open; Infinity: nobody's act, or not known. */
  readonly closings: readonly (readonly number[])[];
}

export function explain(run: SeenRun): Explanation {
  const nearest = { depth: -1, text: [] as readonly string[] };
  const remember = (place: Place, why: readonly string[]): void => {
    const depth = place.order.length + (place.state.settled === null ? 0 : 100);
    if (nearest.depth >= depth) return;
    nearest.depth = depth;
    nearest.text = [`${place.order.join(", ")}:`, ...why];
  };
  const search = (place: Place): readonly string[] | null => {
    if (place.state.settled !== null && place.left.length === 0) {
      const wrong = differences(run, place);
      if (wrong.length === 0) return place.order;
      remember(place, wrong);
      return null;
    }
    for (const next of nextPlaces(run, place)) {
      const found = search(next);
      if (found !== null) return found;
    }
    remember(place, [
      `nothing fits next; left: ${place.left.map(({ act: done }) => inWords(done)).join(", ")}`,
    ]);
    return null;
  };
  const order = search({
    state: newRun(run.policy),
    left: run.acts,
    order: [],
    noted: [...run.noted.keys()],
    isCutShort: false,
    lastSentAt: -Infinity,
    closings: [[]],
  });
  return order === null
    ? { kind: "unexplained", nearest: nearest.text }
    : { kind: "explained", order };
}

function* nextPlaces(run: SeenRun, place: Place): Generator<Place> {
  for (const seen of place.left) {
    if (place.left.some((other) => other.answeredAt < seen.sentAt)) continue;
    for (const after of act(place.state, seen.act)) {
      if (!isSameAnswer(seen, after.answer)) continue;
      const noted = isStopped(after.state) ? place.noted : explainedBy(run, place, after, null);
      yield {
        state: after.state,
        left: place.left.filter((other) => other !== seen),
        order: [...place.order, inWords(seen.act)],
        noted: noted ?? place.noted,
        isCutShort: place.isCutShort || noted === null,
        lastSentAt: Math.max(place.lastSentAt, seen.sentAt),
        closings: isClosing(place, after) ? closedAt(place, seen.sentAt) : place.closings,
      };
    }
  }
  for (const { move, ...after } of moves(place.state)) {
    if (move === "reopen") {
      const next = reopened(run, place, after);
      if (next !== null) yield next;
      continue;
    }
    const isOwn = !isStopped(place.state);
    if (isOwn && place.isCutShort) continue;
    if (isTooEarly(run, place, move)) continue;
    const noted = isOwn ? explainedBy(run, place, after, place.lastSentAt) : place.noted;
    if (noted === null) continue;
    yield {
      ...place,
      state: move === "snooze_over" ? repeated(run, place, after.state) : after.state,
      order: [...place.order, `(${move.replaceAll("_", " ")})`],
      noted,
      closings: isClosing(place, after) ? closedAt(place, Infinity) : place.closings,
    };
  }
}

/** What the run still noted before it knew that it was stopped explains itself. */
function reopened(run: SeenRun, place: Place, after: After): Place | null {
  const first = place.noted.findIndex((index) => run.noted[index]?.what === "reopened");
  if (first < 0) return null;
  const open = { ...place, noted: place.noted.slice(first), isCutShort: false };
  // Decided in the database after the task has begun whose time it is noted with.
  const noted = explainedBy(run, open, after, null);
  if (noted === null) return null;
  return {
    ...open,
    state: withoutWithdrawn(run, after.state, run.noted[open.noted[0] ?? -1]?.at ?? Infinity),
    order: [...place.order, "(reopen)"],
    noted,
    closings: [...place.closings, []],
  };
}

/** What the stop withdrew before it left was not told. */
function withoutWithdrawn(run: SeenRun, state: ModelState, reopenedAt: number): ModelState {
  const left = (who: Who) =>
    state.toldInRun[who].filter(
      (channel) =>
        state.toldInPass[who].includes(channel) ||
        run.told.some(
          (message) =>
            message.who === who && message.channel === channel && message.at < reopenedAt,
        ),
    );
  return { ...state, toldInRun: { A: left("A"), B: left("B") } };
}

function isClosing({ state }: Place, after: After): boolean {
  return after.state.closings > state.closings;
}

function closedAt({ closings }: Place, at: number): Place["closings"] {
  return [...closings.slice(0, -1), [...(closings.at(-1) ?? []), at]];
}

function isStopped({ stop }: ModelState): boolean {
  return stop !== null;
}

/**
 * What of the notes is left to be explained after this; null when it was noted otherwise, or before an act that had not been sent yet. A run notes an act when it
 * learns of it and what follows from it when it decides: what it learned at one instant it notes in any order.
 */
function explainedBy(
  run: SeenRun,
  place: Place,
  after: After,
  notBefore: number | null,
): readonly number[] | null {
  if (place.isCutShort) return after.noted.length === 0 ? place.noted : null;
  let left = place.noted;
  for (const what of after.noted) {
    const at = run.noted[left[0] ?? -1]?.at;
    const found = left.find((index) => {
      const entry = run.noted[index];
      return entry?.what === what && entry.at === at;
    });
    if (found === undefined || at === undefined) return null;
    if (notBefore !== null && at < notBefore - CLOCK_SLACK_MS) return null;
    left = left.filter((index) => index !== found);
  }
  return left;
}

function isSameAnswer(seen: SeenAct, expected: ModelAnswer): boolean {
  const { answer } = seen;
  if (answer === null) return true;
  if (answer.applied !== expected.applied) return false;
  if (answer.applied) return true;
  return answer.reason === expected.reason && (answer.by === "untold" || answer.by === expected.by);
}

/** A window is not over before its length has passed since the last message by which it is counted, however late the run learned of it. */
function isTooEarly(run: SeenRun, { state, left }: Place, move: ModelMove): boolean {
  if (move !== "window_over") return false;
  const endsAt = earliestEnd(run, state);
  return left.some(({ answeredAt }) => answeredAt < endsAt);
}

function earliestEnd(run: SeenRun, state: ModelState): number {
  const channel = state.policy.steps[state.place];
  let endsAt = -Infinity;
  for (const who of WHO) {
    if (state.refused.includes(who) || state.answered.includes(who)) continue;
    if (channel === undefined || !state.begunInPass[who].includes(channel)) continue;
    if (state.failedInPass[who].includes(channel)) continue;
    const nth = state.told.filter((told) => told.who === who && told.channel === channel).length;
    const messages = run.told.filter((told) => told.who === who && told.channel === channel);
    const message = messages[nth - 1];
    if (message !== undefined) endsAt = Math.max(endsAt, message.at + run.windowMs);
  }
  return endsAt;
}

/** Who had been told well before the snooze was over is told again; of others the message in flight counts. */
function repeated(run: SeenRun, place: Place, state: ModelState): ModelState {
  const wokeAt = run.noted[place.noted[0] ?? -1]?.at ?? Infinity;
  return {
    ...state,
    told: state.told.map((message, index) => {
      if (index < place.state.told.length || !message.isRepeat) return message;
      const first = run.told.find(
        ({ who, channel }) => who === message.who && channel === message.channel,
      );
      const isPlain = first !== undefined && first.at < wokeAt - IN_FLIGHT_MS_MAX;
      return { ...message, isRepeat: !isPlain };
    }),
  };
}

/** What the serial run would have left behind otherwise. */
function differences(run: SeenRun, place: Place): readonly string[] {
  const { state, noted } = place;
  const wrong: string[] = [];
  const hold = (what: string, seen: unknown, expected: unknown): void => {
    if (seen !== expected) wrong.push(`${what} is ${String(seen)}, not ${String(expected)}`);
  };
  const isExhausted = state.settled?.outcome === "exhausted";
  const isNobodyTold = isExhausted && run.told.length === 0;
  hold("outcome", run.outcome, isNobodyTold ? "undeliverable" : state.settled?.outcome);
  if (!isNobodyTold) hold("reason", run.reason, state.settled?.reason);
  hold("priority", run.priority, state.policy.priority);
  hold("acknowledged by", run.acknowledgedBy, state.acknowledgedBy);
  if (isExhausted) {
    const unanswered = WHO.filter(
      (who) => !state.refused.includes(who) && !state.answered.includes(who),
    );
    hold("unanswered", run.unanswered.join(), unanswered.join());
  }
  if (!isStopped(state)) hold("number of entries that nothing explains", noted.length, 0);
  for (const who of WHO) {
    wrong.push(...toldDifferences(run, state, who), ...closingDifferences(run, place, who));
  }
  return wrong;
}

function toldDifferences(run: SeenRun, state: ModelState, who: Who): readonly string[] {
  return (["whatsapp_personal", "sms", "call"] as const).flatMap((channel) => {
    const told = state.told.filter((message) => message.who === who && message.channel === channel);
    const least = told.filter(({ isSure, isRepeat }) => isSure && !isRepeat).length;
    const seen = run.told.filter((message) => message.who === who && message.channel === channel);
    const isRight = seen.length >= least && seen.length <= told.length;
    const wanted = least === told.length ? String(least) : `${least} to ${told.length}`;
    return isRight ? [] : [`${who} got ${seen.length} by ${channel}, not ${wanted}`];
  });
}

/** One for the acknowledgment and one for the resolution; a resolution that comes before the first was told speaks for both. Whoever was told later hears of neither. */
function closingDifferences(run: SeenRun, place: Place, who: Who): readonly string[] {
  const { chat, inbox } = run.closings[who];
  const told = run.told.filter((message) => message.who === who);
  const isTold = told.length > 0 || run.inInbox.includes(who);
  const most = isTold ? place.state.closings : 0;
  const least = isTold ? leastClosings(place, told) : 0;
  const isFailed = run.acts.some(({ act: done }) => done.kind === "failed" && done.of === who);
  const wrong: string[] = [];
  if (chat + inbox < least || chat + inbox > most) {
    wrong.push(`${who} got ${chat + inbox} closing messages, not ${least} to ${most}`);
  }
  if (!isFailed && isInWrongPlace(run, place, who)) wrong.push(`${who} got one in the wrong place`);
  return wrong;
}

function leastClosings({ closings }: Place, told: SeenRun["told"]): number {
  if (closings.length === 1) return Math.min(closings.flat().length, 1);
  return closings.filter((times) => told.some(({ at }) => at < Math.max(...times))).length;
}

/** In the chat of whoever has one; the inbox is for those who had been told nothing there when it was closed. */
function isInWrongPlace(run: SeenRun, { closings }: Place, who: Who): boolean {
  const { chat, inbox } = run.closings[who];
  const inChat = run.told.filter(
    (message) => message.who === who && message.channel === "whatsapp_personal",
  );
  if (inChat.length === 0) return chat > 0;
  if (closings.length === 1) return inbox > 0;
  return inbox > 0 && inChat.some(({ at }) => at < Math.min(...closings.flat()));
}

export function inWords(done: ModelAct): string {
  switch (done.kind) {
    case "acknowledge":
    case "refuse":
      return `${done.kind} by ${done.by}`;
    case "failed":
      return `failed for ${done.of}`;
    case "arrived":
      return `arrived for ${done.of}`;
    case "reprioritise":
      return `reprioritise to ${done.to.priority}`;
    default:
      return done.kind;
  }
}
