import { describe, expect, it } from "vitest";

import { situationAfter } from "../../domain/answer-situation.ts";
import type { ActResult, AnswerSituation } from "../../domain/answer-situation.ts";

const ME = "usr_me";
const act = { notificationId: "ntf_1", kind: "acknowledge", userId: ME } as const;
const refused = (
  reason: Extract<ActResult, { kind: "refused" }>["reason"],
  by: { readonly userId: string | null; readonly name: string | null } | null = null,
): ActResult => ({ kind: "refused", reason, by, at: by === null ? null : 5 });

describe("what is said after an act", () => {
  it.each<[result: ActResult, said: AnswerSituation | null, reason: string]>([
    [
      { kind: "applied", answer: "claimed" },
      { kind: "thanks", notificationId: "ntf_1", answer: "claimed" },
      "it was done",
    ],
    [
      { kind: "applied", answer: null },
      { kind: "thanks", notificationId: "ntf_1", answer: "acknowledged" },
      "it was done, without a word for it",
    ],
    [
      refused("already_acknowledged", { userId: "usr_a", name: "Sari" }),
      { kind: "taken", notificationId: "ntf_1", byName: "Sari", at: 5 },
      "somebody was first",
    ],
    [
      refused("already_claimed", { userId: null, name: null }),
      { kind: "taken", notificationId: "ntf_1", byName: null, at: 5 },
      "somebody without a name was first",
    ],
    [
      refused("already_acknowledged", { userId: ME, name: "Budi" }),
      { kind: "taken_by_you", notificationId: "ntf_1" },
      "the same person again",
    ],
    [
      refused("already_acknowledged"),
      { kind: "taken_by_you", notificationId: "ntf_1" },
      "everybody is asked, and this person has answered",
    ],
    [
      refused("already_cancelled"),
      { kind: "over", notificationId: "ntf_1", state: "cancelled" },
      "it was cancelled",
    ],
    [
      refused("already_resolved"),
      { kind: "over", notificationId: "ntf_1", state: "resolved" },
      "it was resolved",
    ],
    [
      refused("already_settled"),
      { kind: "over", notificationId: "ntf_1", state: "settled" },
      "nobody answered in time",
    ],
    [refused("not_possible"), { kind: "not_possible", notificationId: "ntf_1" }, "no reason given"],
    [{ kind: "unknown_notification" }, null, "it is gone"],
  ])("%o is %o (%s)", (result, said) => {
    expect(situationAfter(result, act)).toEqual(said);
  });

  it("thanks for a refusal that the run carries out", () => {
    expect(situationAfter({ kind: "pending" }, { ...act, kind: "refuse" })).toEqual({
      kind: "thanks",
      notificationId: "ntf_1",
      answer: "refused",
    });
  });
});
