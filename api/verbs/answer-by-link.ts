/** A signed link from a message: what it shows, and what pressing its button does. Having the link is the permission. */
import { readAckLink } from "../../db/ack-link.ts";
import type { AckLink } from "../../db/ack-link.ts";
import { loadAckPage } from "../../db/ack-pages.ts";
import type { AckPageRow } from "../../db/ack-pages.ts";
import { recordAct } from "../../db/acts.ts";
import type { ActBy } from "../../db/acts.ts";
import { newId } from "../../db/new-id.ts";
import { storableText } from "../../db/storable-text.ts";
import { loadSubjects } from "../../db/subjects.ts";
import type { SubjectFacts } from "../../db/subjects.ts";
import { situationAfter } from "../../domain/answer-situation.ts";
import type { AnswerSituation } from "../../domain/answer-situation.ts";
import { RATING_MAX, RATING_MIN } from "../../domain/reply-decision.ts";
import { signalAct } from "./tell-run.ts";
import type { TellDeps } from "./tell-run.ts";

export type AckLinkDeps = TellDeps & {
  readonly now: () => number;
  /** 32 bytes: proves the links. */
  readonly secretKey: Uint8Array;
};

export type SeenLink =
  /** Nobody made this link, or what it was about is gone. */
  | { readonly kind: "invalid" }
  | { readonly kind: "expired"; readonly locale: AckPageRow["recipient"]["locale"] | null }
  | {
      readonly kind: "open";
      readonly link: AckLink;
      readonly page: AckPageRow;
      readonly subject: SubjectFacts;
    };

export async function seeAckLink(deps: AckLinkDeps, token: string): Promise<SeenLink> {
  const link = readAckLink(token, deps.secretKey);
  if (link === null) return { kind: "invalid" };
  const [page, subjects] = await Promise.all([
    loadAckPage(deps.pool, link),
    loadSubjects(deps.pool, [link.notificationId]),
  ]);
  const subject = subjects.get(link.notificationId);
  if (deps.now() >= link.expiresAt) {
    return { kind: "expired", locale: page?.recipient.locale ?? null };
  }
  return page === null || subject === undefined
    ? { kind: "invalid" }
    : { kind: "open", link, page, subject };
}

export type LinkAnswer = {
  /** A group's member, from the page's list. */
  readonly memberId: string | null;
  /** Of somebody who isn't on it. */
  readonly name: string | null;
  readonly rating: number | null;
};

export type AnsweredLink =
  | Exclude<SeenLink, { readonly kind: "open" }>
  | (Extract<SeenLink, { readonly kind: "open" }> & {
      readonly result:
        | { readonly kind: "missing"; readonly what: "who" | "rating" }
        | { readonly kind: "answered"; readonly situation: AnswerSituation };
    });

export async function answerByLink(
  deps: AckLinkDeps,
  token: string,
  answer: LinkAnswer,
): Promise<AnsweredLink> {
  const seen = await seeAckLink(deps, token);
  if (seen.kind !== "open") return seen;
  const { link, page, subject } = seen;
  const by = answererOf(link, page, answer);
  if (by === null) return { ...seen, result: { kind: "missing", what: "who" } };
  const isRating = subject.answers === "rate";
  const { rating } = answer;
  if (isRating && (rating === null || rating < RATING_MIN || rating > RATING_MAX)) {
    return { ...seen, result: { kind: "missing", what: "rating" } };
  }
  const now = deps.now();
  const kind = isRating ? "rate" : "acknowledge";
  const result = await recordAct(deps.pool, {
    actId: newId("act", now),
    notificationId: link.notificationId,
    kind,
    by,
    via: "link",
    note: null,
    params: isRating && rating !== null ? { rating } : {},
    now,
  });
  deps.announce?.({ kind: "notification", notificationId: link.notificationId });
  if (result.kind === "applied" && !isRating) signalAct(deps, result.workflowId, result.act);
  const situation = situationAfter(result, {
    notificationId: link.notificationId,
    kind,
    userId: by.userId,
  });
  return situation === null
    ? { kind: "invalid" }
    : { ...seen, result: { kind: "answered", situation } };
}

const NAME_CHARS_MAX = 100;

/** A group's link asks who it is; nobody can check it, so the record says that it came by link. */
function answererOf(link: AckLink, page: AckPageRow, answer: LinkAnswer): ActBy | null {
  if (link.target.kind === "user") {
    return { kind: "link", userId: link.target.id, name: page.recipient.name };
  }
  const groupId = link.target.id;
  const member = page.members.find(({ id }) => id === answer.memberId);
  if (member !== undefined) {
    return { kind: "link", userId: member.userId, groupId, name: member.name };
  }
  const name = storableText((answer.name ?? "").replace(/\s+/gu, " ").trim(), NAME_CHARS_MAX);
  return name === "" ? null : { kind: "link", userId: null, groupId, name };
}
