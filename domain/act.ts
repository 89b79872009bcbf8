/**
 * What an act does to a notification: the referee's rule, decided on the locked row and final. Of two stop-acts the first that gets the row wins; the other
 * is told who was first. Steering acts are only admitted here; the run carries them out and answers.
 */
import type { ActKind, ActRefusal, Answer, AnswerKind, StopAct } from "./notification.ts";

/** The referee's view of a notification, read under its row lock. */
export interface ActSubject {
  readonly status: string;
  readonly outcome: string | null;
  readonly answers: AnswerKind;
  /** It tells a one-time password, which is entered or runs out: nothing but ending it is of use, and nothing else may bring it to anybody. */
  readonly tellsCode: boolean;
  readonly acknowledgment: "any" | "all";
  /** False before the run has its plan: who is asked is not known yet. */
  readonly isPlanned: boolean;
  readonly tracksResolution: boolean;
  readonly stopKind: StopAct | null;
  readonly closed: boolean;
  readonly unanswered: boolean;
  /** The actor is a person and has answered before; with `all` that counts once. */
  readonly hasAnswered: boolean;
  /** A person, whom a plan to come may ask. */
  readonly isByPerson: boolean;
  /** The actor's own target row, directly or as a member of a group that was told; null for anybody else. */
  readonly actorTarget: {
    readonly firstAsked: boolean;
    readonly origin: "audience" | "role_up" | "reassigned" | "added";
    readonly state: "open" | "answered" | "refused" | "out";
    readonly isPerson: boolean;
  } | null;
  /**
   * Persons of the run who have not answered and are not out; role-up persons, the actor, and those told in passing only (a rule's `only`) left out. These last
   * count where the run asks nobody else.
   */
  readonly othersOpen: number;
}

export type ActDecision =
  /** The row stops (or, for resolve after an acknowledgment, is resolved). */
  | { readonly kind: "stop"; readonly stop: StopAct; readonly answer: Answer | null }
  /** With `all`: this person has answered, others are still asked, or it is not known yet who is. */
  | { readonly kind: "answer_person"; readonly answer: Answer }
  /** Stored; the run carries it out. */
  | { readonly kind: "steer" }
  | { readonly kind: "rate" }
  | { readonly kind: "close" }
  | { readonly kind: "refused"; readonly reason: ActRefusal };

export function decideAct(act: ActKind, subject: ActSubject): ActDecision {
  if (subject.tellsCode && act !== "cancel") return { kind: "refused", reason: "not_possible" };
  switch (act) {
    case "rate":
      return { kind: "rate" };
    case "close":
      return subject.unanswered && !subject.closed
        ? { kind: "close" }
        : { kind: "refused", reason: "not_possible" };
    case "acknowledge":
      return decideAcknowledge(subject);
    case "resolve":
      return decideResolve(subject);
    case "cancel":
    case "refuse":
    case "escalate":
    case "snooze":
    case "reprioritise":
    case "reassign":
    case "resend":
    case "move": {
      const over = alreadyOver(subject);
      if (over) return { kind: "refused", reason: over };
      return act === "cancel" ? { kind: "stop", stop: "cancel", answer: null } : { kind: "steer" };
    }
  }
}

function decideAcknowledge(subject: ActSubject): ActDecision {
  const over = alreadyOver(subject);
  if (over) return { kind: "refused", reason: over };
  const answer = answerOf(subject);
  const { actorTarget } = subject;
  const isAskedPerson =
    actorTarget !== null && actorTarget.isPerson && actorTarget.origin !== "role_up";
  const mayBeAsked = isAskedPerson || (!subject.isPlanned && subject.isByPerson);
  if (subject.acknowledgment === "any" || !mayBeAsked) {
    return { kind: "stop", stop: "acknowledge", answer };
  }
  if (subject.hasAnswered) return { kind: "refused", reason: "already_acknowledged" };
  // Before the plan one person's answer must not speak for others: `decideEarlyAnswer` says what it was once they are known.
  if (!subject.isPlanned) return { kind: "answer_person", answer };
  return subject.othersOpen === 0
    ? { kind: "stop", stop: "acknowledge", answer }
    : { kind: "answer_person", answer };
}

/** An acknowledgment that came before the plan, looked at again when the plan says who is asked. */
export function decideEarlyAnswer(subject: ActSubject): ActDecision {
  return decideAcknowledge({ ...subject, isPlanned: true, hasAnswered: false });
}

function decideResolve(subject: ActSubject): ActDecision {
  const awaitsResolution =
    subject.stopKind === "acknowledge" && subject.tracksResolution && subject.status !== "settled";
  if (awaitsResolution) return { kind: "stop", stop: "resolve", answer: null };
  const over = alreadyOver(subject);
  return over ? { kind: "refused", reason: over } : { kind: "stop", stop: "resolve", answer: null };
}

/** Accept and claim count from those first asked; from anybody else the same words are an acknowledgment. */
function answerOf(subject: ActSubject): Answer {
  if (!subject.actorTarget?.firstAsked) return "acknowledged";
  if (subject.answers === "accept") return "accepted";
  if (subject.answers === "claim") return "claimed";
  return "acknowledged";
}

function alreadyOver(subject: ActSubject): ActRefusal | null {
  if (subject.stopKind !== null) return alreadyStopped(subject.stopKind, subject.answers);
  return subject.status === "settled" ? "already_settled" : null;
}

/** Why an act comes too late for a run that this has stopped. */
export function alreadyStopped(stop: StopAct, answers: AnswerKind): ActRefusal {
  switch (stop) {
    case "acknowledge":
      return answers === "claim" ? "already_claimed" : "already_acknowledged";
    case "cancel":
      return "already_cancelled";
    case "resolve":
      return "already_resolved";
  }
}
