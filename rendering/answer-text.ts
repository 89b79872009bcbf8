/** The text of an answer situation: ids become subjects and codes, instants become clock times. */
import type { AnswerSituation } from "../domain/answer-situation.ts";
import { replyText } from "./refusals.ts";
import type { OpenItem, ReplyContext, ReplySituation } from "./refusals.ts";

/** A notification as the answer names it. */
export type NamedNotification = {
  /** From `subjectOf`, in its `plain` style. */
  readonly subject: string;
  /** Four digits on the device that was written to; null where it has none. */
  readonly code: string | null;
};

export type AnswerContext = ReplyContext & {
  /** IANA zone of the person who is answered. */
  readonly timeZone: string;
  readonly named: ReadonlyMap<string, NamedNotification>;
};

/** Null when what it speaks of is gone. */
export function answerText(situation: AnswerSituation, context: AnswerContext): string | null {
  const filled = fillIn(situation, context);
  return filled && replyText(filled, context);
}

function fillIn(situation: AnswerSituation, context: AnswerContext): ReplySituation | null {
  switch (situation.kind) {
    case "nothing_open":
    case "unknown_code":
    case "all_done":
    case "stopped":
    case "stopped_staff":
    case "started":
    case "which_stop":
    case "phone_verified":
    case "phone_not_verified":
      return situation;
    case "which_one": {
      const items = itemsOf(situation.notificationIds, context);
      return items.length === 0 ? { kind: "nothing_open" } : { kind: "which_one", items };
    }
    case "confirm_all": {
      const items = itemsOf(situation.notificationIds, context);
      return items.length === 0 ? { kind: "nothing_open" } : { kind: "confirm_all", items };
    }
    case "code_needed":
    case "rate_range": {
      const code = context.named.get(situation.notificationId)?.code;
      return code ? { kind: situation.kind, code } : null;
    }
    case "taken": {
      const subject = subjectIn(situation.notificationId, context);
      const at = situation.at === null ? null : clockText(situation.at, context.timeZone);
      return subject === null ? null : { kind: "taken", subject, byName: situation.byName, at };
    }
    case "over": {
      const subject = subjectIn(situation.notificationId, context);
      return subject === null ? null : { kind: "over", subject, state: situation.state };
    }
    case "thanks": {
      const subject = subjectIn(situation.notificationId, context);
      return subject === null ? null : { kind: "thanks", subject, answer: situation.answer };
    }
    case "taken_by_you":
    case "not_possible": {
      const subject = subjectIn(situation.notificationId, context);
      return subject === null ? null : { kind: situation.kind, subject };
    }
  }
}

function subjectIn(notificationId: string, { named }: AnswerContext): string | null {
  return named.get(notificationId)?.subject ?? null;
}

function itemsOf(ids: readonly string[], { named }: AnswerContext): readonly OpenItem[] {
  return ids.flatMap((id) => {
    const found = named.get(id);
    return found?.code ? [{ code: found.code, subject: found.subject }] : [];
  });
}

/** "14:05" on the clock of a zone. */
function clockText(at: number, timeZone: string): string {
  return new Intl.DateTimeFormat("en-GB", {
    timeZone,
    hour: "2-digit",
    minute: "2-digit",
    hourCycle: "h23",
  }).format(at);
}
