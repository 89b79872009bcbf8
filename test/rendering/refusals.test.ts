import { describe, expect, it } from "vitest";
import { replyText } from "../../rendering/refusals.ts";
import type { ReplyContext, ReplySituation } from "../../rendering/refusals.ts";
import { VERIFICATION_REFUSALS } from "../../domain/verification-code.ts";

const ITEMS = [
  { code: "4821", subject: "Gangguan massal, POP *Klari*" },
  { code: "1307", subject: "Tiket ditugaskan TKT-1042" },
];
const CHAT: ReplyContext = { channel: "whatsapp_personal", locale: "id" };
const SMS: ReplyContext = { channel: "sms", locale: "id" };

/** Every situation once, so that a new one can't be forgotten in a language. */
const SITUATIONS: readonly ReplySituation[] = [
  { kind: "which_one", items: ITEMS },
  { kind: "nothing_open" },
  { kind: "unknown_code", code: "9999" },
  { kind: "code_needed", code: "4821" },
  { kind: "taken", subject: "Gangguan", byName: "Ahmad" },
  { kind: "taken", subject: "Gangguan", byName: "Ahmad", at: "14:05" },
  { kind: "taken_by_you", subject: "Gangguan" },
  { kind: "over", subject: "Gangguan", state: "cancelled" },
  { kind: "over", subject: "Gangguan", state: "resolved" },
  { kind: "over", subject: "Gangguan", state: "settled" },
  { kind: "not_possible", subject: "Gangguan" },
  { kind: "thanks", answer: "acknowledged", subject: "Gangguan" },
  { kind: "thanks", answer: "accepted", subject: "Gangguan" },
  { kind: "thanks", answer: "claimed", subject: "Gangguan" },
  { kind: "thanks", answer: "refused", subject: "Gangguan" },
  { kind: "thanks", answer: "rated", subject: "Gangguan" },
  { kind: "confirm_all", items: ITEMS },
  { kind: "all_done", count: 2 },
  { kind: "rate_range", code: "4821" },
  { kind: "stopped" },
  { kind: "stopped_staff" },
  { kind: "started" },
  { kind: "which_stop" },
  { kind: "help" },
  { kind: "phone_verified", name: "Budi", isPrimary: true },
  { kind: "phone_verified", name: null, isPrimary: false },
  ...VERIFICATION_REFUSALS.map((reason) => ({ kind: "phone_not_verified" as const, reason })),
];

describe("an automatic answer", () => {
  it.each(SITUATIONS)("is complete in both languages and differs between them: %o", (situation) => {
    const id = replyText(situation, CHAT);
    const en = replyText(situation, { ...CHAT, locale: "en" });
    for (const text of [id, en]) expect(text).not.toMatch(/\{\w+\}|undefined/u);
    expect(id).not.toBe(en);
  });

  it.each(SITUATIONS)("has no WhatsApp marks of its own in an SMS: %o", (situation) => {
    expect(replyText(situation, SMS).replaceAll("*Klari*", "")).not.toContain("*");
  });

  it("asks which one is meant, with codes first", () => {
    expect(replyText({ kind: "which_one", items: ITEMS }, CHAT)).toBe(
      "Maaf, yang mana? Balas dengan kodenya:\n*4821* Gangguan massal, POP ∗Klari∗\n*1307* Tiket ditugaskan TKT-1042",
    );
  });

  it("lists before it takes all", () => {
    expect(replyText({ kind: "confirm_all", items: ITEMS }, SMS)).toBe(
      "Ini semua yang menunggu jawaban Anda:\n4821 Gangguan massal, POP *Klari*\n1307 Tiket ditugaskan TKT-1042\n" +
        "Balas ya untuk menerima semuanya.",
    );
  });

  it("tells a later claimer who was first", () => {
    const situation: ReplySituation = {
      kind: "taken",
      subject: "Tiket baru TKT-1043",
      byName: "Budi Contoh",
    };
    expect(replyText(situation, CHAT)).toBe(
      "Terima kasih, tetapi Tiket baru TKT-1043 sudah diambil oleh Budi Contoh.",
    );
    expect(replyText({ ...situation, byName: null }, CHAT)).toContain("oleh rekan lain");
  });

  it("names the member whom it answers in a group", () => {
    expect(
      replyText(
        { kind: "nothing_open" },
        { channel: "whatsapp_group", locale: "id", toName: "*Ahmad*" },
      ),
    ).toMatch(/^∗Ahmad∗: Terima kasih/u);
  });

  it.each([
    { count: 10, lines: 11, reason: "all fit" },
    { count: 11, lines: 12, reason: "the rest is counted" },
    { count: 50, lines: 12, reason: "the rest is counted" },
  ])("lists $count open ones in $lines lines: $reason", ({ count, lines }) => {
    const items = Array.from({ length: count }, () => ({ code: "1234", subject: "x" }));
    const text = replyText({ kind: "which_one", items }, CHAT).split("\n");
    expect(text).toHaveLength(lines);
    expect(text.at(-1)).toBe(count > 10 ? `dan ${count - 10} lagi` : "*1234* x");
  });

  it("never reads a subject as one of its own blanks", () => {
    expect(replyText({ kind: "taken", subject: "{name}", byName: "Ahmad" }, CHAT)).toBe(
      "Terima kasih, tetapi {name} sudah diambil oleh Ahmad.",
    );
  });
});
