/**
 * What is said to somebody who wrote to us or pressed a key: a situation by ids, decided together with the act it answers. Its text is made when it is
 * said, in that person's language.
 */
import type { ActKind, ActRefusal, Answer } from "./notification.ts";
import type { VerificationRefusal } from "./verification-code.ts";

export type AnswerSituation =
  /** It isn't clear which one is meant; empty: nothing waits for this person's answer. */
  | { readonly kind: "which_one"; readonly notificationIds: readonly string[] }
  | { readonly kind: "nothing_open" }
  | { readonly kind: "unknown_code"; readonly code: string }
  /** A critical one over a provider that signs nothing needs its code. */
  | { readonly kind: "code_needed"; readonly notificationId: string }
  | {
      readonly kind: "taken";
      readonly notificationId: string;
      readonly byName: string | null;
      /** Epoch ms. */
      readonly at: number | null;
    }
  | { readonly kind: "taken_by_you"; readonly notificationId: string }
  | {
      readonly kind: "over";
      readonly notificationId: string;
      readonly state: "cancelled" | "resolved" | "settled";
    }
  | { readonly kind: "not_possible"; readonly notificationId: string }
  | { readonly kind: "thanks"; readonly notificationId: string; readonly answer: Answer }
  | { readonly kind: "confirm_all"; readonly notificationIds: readonly string[] }
  | { readonly kind: "all_done"; readonly count: number }
  | { readonly kind: "rate_range"; readonly notificationId: string }
  /** Consent is withdrawn; operators hear of it where the writer is staff. */
  | { readonly kind: "stopped" | "stopped_staff" }
  /** Consent is given again. */
  | { readonly kind: "started" }
  /** Wants no more of something, and nothing of ours says of what. */
  | { readonly kind: "which_stop" }
  /** The number that wrote is proven; `isPrimary`: messages go there from now on. */
  | { readonly kind: "phone_verified"; readonly name: string | null; readonly isPrimary: boolean }
  | { readonly kind: "phone_not_verified"; readonly reason: VerificationRefusal };

/** How the referee answered an act. */
export type ActResult =
  | { readonly kind: "applied"; readonly answer: Answer | null }
  | {
      readonly kind: "refused";
      readonly reason: ActRefusal;
      readonly by: { readonly userId: string | null; readonly name: string | null } | null;
      readonly at: number | null;
    }
  /** Stored; the run carries it out. */
  | { readonly kind: "pending" }
  | { readonly kind: "unknown_notification" };

/** What is said after an act; null where nothing can be said of it. */
export function situationAfter(
  result: ActResult,
  act: {
    readonly notificationId: string;
    readonly kind: ActKind;
    /** Who acted; null: nobody with a row. */
    readonly userId: string | null;
  },
): AnswerSituation | null {
  const { notificationId } = act;
  switch (result.kind) {
    case "applied":
      return { kind: "thanks", notificationId, answer: result.answer ?? "acknowledged" };
    case "pending":
      return act.kind === "refuse"
        ? { kind: "thanks", notificationId, answer: "refused" }
        : { kind: "thanks", notificationId, answer: "acknowledged" };
    case "unknown_notification":
      return null;
    case "refused":
      return afterRefusal(result, act);
  }
}

function afterRefusal(
  result: Extract<ActResult, { kind: "refused" }>,
  { notificationId, userId }: { readonly notificationId: string; readonly userId: string | null },
): AnswerSituation {
  switch (result.reason) {
    case "already_acknowledged":
    case "already_claimed":
      // Where everybody is asked, nobody has it yet: then it was this person's own answer that was there before.
      return result.by === null || (userId !== null && result.by.userId === userId)
        ? { kind: "taken_by_you", notificationId }
        : { kind: "taken", notificationId, byName: result.by.name, at: result.at };
    case "already_cancelled":
      return { kind: "over", notificationId, state: "cancelled" };
    case "already_resolved":
      return { kind: "over", notificationId, state: "resolved" };
    case "already_settled":
      return { kind: "over", notificationId, state: "settled" };
    case "not_possible":
      return { kind: "not_possible", notificationId };
  }
}
