/**
 * Which notification a reply is about, and so what it does. A quote says it, else a code; in a personal chat else the last message sent there; in a group
 * nothing else does. A critical notification over a provider that signs nothing is answered with its code alone. Whatever is not clear is asked about: nothing
 * is guessed.
 */
import type { AnswerSituation } from "./answer-situation.ts";
import type { AnswerKind } from "./notification.ts";
import type { Priority } from "./priority.ts";
import type { Meaning, Said } from "./reply.ts";

export interface TiedNotification {
  readonly id: string;
  readonly priority: Priority;
  readonly answers: AnswerKind;
  /** Neither stopped nor settled. */
  readonly isOpen: boolean;
  /** It told or concerns the writer, or the writer's role may answer it. */
  readonly mayAnswer: boolean;
  /** The policy counts answers of people who are in a told group and unknown to us. */
  readonly countsStrangers: boolean;
  /** What it is of, for who wants to hear no more like it: the type's consent class, else its preference class, else `type:<code>`. */
  readonly messageClass: string;
}

/** What a quote, a code or a chat's last message points to. */
export type Tie =
  | { readonly kind: "none" }
  /** Something that is no message, code or notification of ours. */
  | { readonly kind: "unknown" }
  | { readonly kind: "one"; readonly notification: TiedNotification }
  /** One message may carry several notifications. */
  | { readonly kind: "several"; readonly notifications: readonly TiedNotification[] };

export const NO_TIE: Tie = { kind: "none" };

export interface ReplyFacts {
  readonly chat: "personal" | "group";
  readonly via: "reply" | "reaction" | "button";
  /** The provider signs what it sends us. */
  readonly isSigned: boolean;
  /**
   * `known`: a user or a registered member. `alias`: in a personal chat, named by an alias that nobody has yet, and so believed by a code alone.
   * `stranger`: anybody else.
   */
  readonly writer: "known" | "alias" | "stranger";
  readonly said: Said;
  readonly quoted: Tie;
  readonly coded: Tie;
  /** The last message sent to this personal chat. */
  readonly last: Tie;
  /** Open ones that told this person and ask for an answer, most urgent first. */
  readonly open: readonly TiedNotification[];
  /** A question of ours that is still the last thing said in this chat. */
  readonly prompt: {
    readonly kind: "confirm_all" | "which_one";
    readonly meaning: Meaning | null;
    readonly notificationIds: readonly string[];
  } | null;
  /** Looked up for a word that withdraws consent or gives it again. */
  readonly consent: {
    /** The last message of a notification, closing messages included, that the writer can have seen in this personal chat. */
    readonly lastTold: Tie;
    /** What this person or number has opted out of on this channel. */
    readonly optedOut: readonly string[];
    /** Somebody's consent can be recorded: the number is known, by itself or by the message of ours that is quoted. */
    readonly hasHolder: boolean;
  };
}

export type TiedBy = "quote" | "code" | "last_message";

export type ReplyDecision =
  | {
      readonly kind: "act";
      readonly act: "acknowledge" | "refuse" | "rate";
      readonly rating: number | null;
      readonly notificationId: string;
      readonly tiedBy: TiedBy;
    }
  /** A confirmed "1 semua". */
  | { readonly kind: "act_all"; readonly notificationIds: readonly string[] }
  /** Withdraws consent to messages of these classes, or gives it again. */
  | {
      readonly kind: "opt_out" | "opt_in";
      readonly classes: readonly string[];
      /** The message that it was said about, where it told one notification. */
      readonly notificationId: string | null;
      readonly tiedBy: TiedBy | "chat";
    }
  | {
      readonly kind: "ask";
      readonly situations: readonly AnswerSituation[];
      /** What was answered already; a code alone then completes it. */
      readonly meaning: Meaning | null;
      readonly notificationId: string | null;
    }
  /** For the inbound list; what is said, at most once a day. */
  | { readonly kind: "unmatched"; readonly situations: readonly AnswerSituation[] }
  | {
      readonly kind: "ignore";
      readonly reason:
        "chatter" | "polite" | "no_meaning" | "asks_nothing" | "stranger" | "taken_back";
      readonly notificationId: string | null;
    };

export const RATING_MIN = 1;
export const RATING_MAX = 5;

export function decideReply(facts: ReplyFacts): ReplyDecision {
  if (facts.via === "reaction") return decideReaction(facts);
  return facts.chat === "group" ? decideInGroup(facts) : decideInPerson(facts);
}

/** A reaction stands on one message; on anything else it is none of ours. */
function decideReaction(facts: ReplyFacts): ReplyDecision {
  const { quoted, said } = facts;
  if (said.kind !== "answer") return ignore("no_meaning", idOf(quoted));
  return quoted.kind === "one"
    ? answer(facts, said, quoted.notification, "quote")
    : ignore("chatter", null);
}

type SaidAnswer = Extract<Said, { kind: "answer" }>;

function decideInGroup(facts: ReplyFacts): ReplyDecision {
  const { said, quoted, coded } = facts;
  if (said.kind !== "answer") return ignore("chatter", null);
  if (quoted.kind === "one") {
    return contradicts(facts, quoted.notification)
      ? ignore("chatter", null)
      : answer(facts, said, quoted.notification, "quote");
  }
  if (said.code === null || quoted.kind === "several") return ignore("chatter", null);
  if (coded.kind === "one") return answer(facts, said, coded.notification, "code");
  // Four digits alone may be anything in a conversation; with an answer beside them they were meant for us.
  const wasMeant = said.meaning !== null && facts.writer === "known";
  return wasMeant && coded.kind === "unknown"
    ? ask([{ kind: "unknown_code", code: said.code }])
    : ignore("chatter", null);
}

function decideInPerson(facts: ReplyFacts): ReplyDecision {
  const { said, quoted, coded } = facts;
  switch (said.kind) {
    case "polite":
      return ignore("polite", idOf(quoted));
    case "nothing":
    case "unclear":
      return decideUnclear(facts);
    case "all":
      return decideAll(facts, said.meaning);
    case "stop":
      return decideStop(facts);
    case "start":
      return decideStart(facts);
    case "answer":
      break;
  }
  if (quoted.kind === "one") {
    return contradicts(facts, quoted.notification)
      ? askWhich(facts, [quoted, coded].flatMap(idsOf), said.meaning)
      : answer(facts, said, quoted.notification, "quote");
  }
  if (said.code !== null) {
    if (coded.kind === "one") return answer(facts, said, coded.notification, "code");
    return facts.writer === "stranger"
      ? { kind: "unmatched", situations: [{ kind: "nothing_open" }] }
      : ask([{ kind: "unknown_code", code: said.code }]);
  }
  if (quoted.kind !== "none") return askWhich(facts, idsOf(quoted), said.meaning);
  return decideBareWord(facts, said);
}

/** A button's code may have been given out again since; the message that it stands on has not changed. */
function contradicts({ via, coded }: ReplyFacts, quoted: TiedNotification): boolean {
  return via === "reply" && coded.kind === "one" && coded.notification.id !== quoted.id;
}

function decideBareWord(facts: ReplyFacts, said: SaidAnswer): ReplyDecision {
  const { last, open, prompt } = facts;
  if (facts.writer === "known" && prompt?.kind === "confirm_all" && said.meaning !== null) {
    const ids = confirmable(facts).filter((id) => prompt.notificationIds.includes(id));
    return said.meaning === "acknowledge" && ids.length > 0
      ? { kind: "act_all", notificationIds: ids }
      : askWhich(facts, [], null);
  }
  if (last.kind === "one" && last.notification.answers !== "none") {
    return answer(facts, said, last.notification, "last_message");
  }
  // One that asks nothing was not meant by an answer, while another waits for one.
  const meant = last.kind === "several" ? idsOf(last) : [];
  if (open.length > 0) return askWhich(facts, meant, said.meaning);
  return last.kind === "one"
    ? ignore("asks_nothing", last.notification.id)
    : { kind: "unmatched", situations: [{ kind: "nothing_open" }] };
}

/** Not understood. Who points at something of ours is asked about it; the rest is for the inbound list. */
function decideUnclear(facts: ReplyFacts): ReplyDecision {
  const pointed = [facts.quoted, facts.coded].flatMap(idsOf);
  const asked = facts.open.map(({ id }) => id).filter((id) => pointed.includes(id));
  if (asked.length > 0) return askWhich(facts, asked, null);
  const open = facts.open.map(({ id }) => id);
  return {
    kind: "unmatched",
    situations: [
      open.length === 0 ? { kind: "nothing_open" } : { kind: "which_one", notificationIds: open },
    ],
  };
}

function decideAll(facts: ReplyFacts, meaning: Meaning | null): ReplyDecision {
  if (facts.writer !== "known" || facts.open.length === 0) {
    return { kind: "unmatched", situations: [{ kind: "nothing_open" }] };
  }
  const ids = confirmable(facts);
  if (meaning !== "acknowledge" || ids.length === 0) return askWhich(facts, [], null);
  const left = facts.open.filter(({ id, answers }) => !ids.includes(id) && answers !== "rate");
  return {
    kind: "ask",
    situations: [
      { kind: "confirm_all", notificationIds: ids },
      ...left.map(({ id }): AnswerSituation => ({ kind: "code_needed", notificationId: id })),
    ],
    meaning: "acknowledge",
    notificationId: null,
  };
}

/** In answer to what is quoted, to a code of the writer's own, else to the last message there. */
function decideStop(facts: ReplyFacts): ReplyDecision {
  const { consent, coded } = facts;
  const ownCode = coded.kind === "one" && coded.notification.mayAnswer ? coded : NO_TIE;
  const candidates: readonly (readonly [Tie, TiedBy])[] = [
    [facts.quoted, "quote"],
    [ownCode, "code"],
    [consent.lastTold, "last_message"],
  ];
  const found = candidates.find(([tie]) => classesOf(tie).length > 0);
  if (found === undefined || !consent.hasHolder) {
    return { kind: "unmatched", situations: [{ kind: "which_stop" }] };
  }
  const [tie, tiedBy] = found;
  return { kind: "opt_out", classes: classesOf(tie), notificationId: idOf(tie), tiedBy };
}

/** What is quoted, or everything. Who has stopped nothing means something else by the word: "mulai" is also said of work that begins. */
function decideStart(facts: ReplyFacts): ReplyDecision {
  const { quoted, consent } = facts;
  const wanted = classesOf(quoted);
  const classes =
    wanted.length > 0
      ? consent.optedOut.filter((one) => wanted.includes(one))
      : [...consent.optedOut];
  if (classes.length === 0 || !consent.hasHolder) return decideUnclear(facts);
  return {
    kind: "opt_in",
    classes,
    notificationId: idOf(quoted),
    tiedBy: wanted.length > 0 ? "quote" : "chat",
  };
}

function classesOf(tie: Tie): readonly string[] {
  switch (tie.kind) {
    case "none":
    case "unknown":
      return [];
    case "one":
      return [tie.notification.messageClass];
    case "several":
      return [...new Set(tie.notifications.map(({ messageClass }) => messageClass))].toSorted();
  }
}

/** What a confirmation may acknowledge: not what needs its code, and nothing that asks for a number. */
function confirmable({ open, isSigned }: ReplyFacts): readonly string[] {
  return open
    .filter(({ answers, priority }) => answers !== "rate" && (isSigned || priority !== "critical"))
    .map(({ id }) => id);
}

function answer(
  facts: ReplyFacts,
  said: SaidAnswer,
  notification: TiedNotification,
  tiedBy: TiedBy,
): ReplyDecision {
  const { id, answers } = notification;
  if (facts.writer === "stranger") {
    if (facts.chat === "personal") {
      return { kind: "unmatched", situations: [{ kind: "nothing_open" }] };
    }
    if (!notification.countsStrangers) return ignore("stranger", id);
  } else if (!notification.mayAnswer && !(facts.writer === "alias" && tiedBy === "code")) {
    const isHidden = facts.writer === "alias" && tiedBy === "quote" && notification.isOpen;
    return isHidden && answers !== "none"
      ? { ...ask([{ kind: "code_needed", notificationId: id }]), notificationId: id }
      : notAllowed(facts, said);
  }
  if (answers === "none") return ignore("asks_nothing", id);
  const needsCode = notification.priority === "critical" && !facts.isSigned;
  if (needsCode && tiedBy !== "code") {
    return facts.chat === "group" && facts.via === "reaction"
      ? ignore("no_meaning", id)
      : { ...ask([{ kind: "code_needed", notificationId: id }]), notificationId: id };
  }
  return answers === "rate"
    ? rate(facts, said, id, tiedBy)
    : acknowledgeOrRefuse(facts, said, id, tiedBy);
}

/** Says no more of somebody else's notification than of a code that does not exist. */
function notAllowed(facts: ReplyFacts, said: SaidAnswer): ReplyDecision {
  if (facts.chat === "group") return ignore("chatter", null);
  return said.code === null
    ? { kind: "unmatched", situations: [{ kind: "nothing_open" }] }
    : ask([{ kind: "unknown_code", code: said.code }]);
}

function rate(
  facts: ReplyFacts,
  { digit }: SaidAnswer,
  notificationId: string,
  tiedBy: TiedBy,
): ReplyDecision {
  if (digit !== null && digit >= RATING_MIN && digit <= RATING_MAX) {
    return { kind: "act", act: "rate", rating: digit, notificationId, tiedBy };
  }
  return facts.chat === "group"
    ? ignore("no_meaning", notificationId)
    : { ...ask([{ kind: "rate_range", notificationId }]), notificationId };
}

function acknowledgeOrRefuse(
  facts: ReplyFacts,
  said: SaidAnswer,
  notificationId: string,
  tiedBy: TiedBy,
): ReplyDecision {
  const meaning = said.meaning ?? meaningOfCodeAlone(facts, said, notificationId);
  // A number beside 1 and 2 answers no question of ours.
  const isOddNumber = said.digit !== null && said.meaning === null;
  if (meaning === null || isOddNumber) {
    return facts.chat === "group"
      ? ignore("no_meaning", notificationId)
      : askWhich(facts, [notificationId], null);
  }
  return { kind: "act", act: meaning, rating: null, notificationId, tiedBy };
}

/** A code alone completes the answer that we asked about; nobody sends one for any other reason than to say "mine". */
function meaningOfCodeAlone(
  { prompt }: ReplyFacts,
  said: SaidAnswer,
  notificationId: string,
): Meaning | null {
  if (said.code === null || said.digit !== null) return null;
  const wasAsked = prompt?.kind === "which_one" && prompt.notificationIds.includes(notificationId);
  return (wasAsked ? prompt.meaning : null) ?? "acknowledge";
}

/** Lists those of these that are open, or every open one. */
function askWhich(
  { open }: ReplyFacts,
  ids: readonly string[],
  meaning: Meaning | null,
): ReplyDecision {
  const all = open.map(({ id }) => id);
  const stillOpen = ids.filter((id) => all.includes(id));
  const listed = stillOpen.length > 0 ? stillOpen : ids.length === 1 ? ids : all;
  return {
    kind: "ask",
    situations: [
      listed.length === 0
        ? { kind: "nothing_open" }
        : { kind: "which_one", notificationIds: [...new Set(listed)] },
    ],
    meaning,
    notificationId: null,
  };
}

function ask(situations: readonly AnswerSituation[]): Extract<ReplyDecision, { kind: "ask" }> {
  return { kind: "ask", situations, meaning: null, notificationId: null };
}

type IgnoreReason = Extract<ReplyDecision, { kind: "ignore" }>["reason"];

function ignore(reason: IgnoreReason, notificationId: string | null): ReplyDecision {
  return { kind: "ignore", reason, notificationId };
}

function idsOf(tie: Tie): readonly string[] {
  switch (tie.kind) {
    case "none":
    case "unknown":
      return [];
    case "one":
      return [tie.notification.id];
    case "several":
      return tie.notifications.map(({ id }) => id);
  }
}

function idOf(tie: Tie): string | null {
  return tie.kind === "one" ? tie.notification.id : null;
}
