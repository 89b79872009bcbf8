import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { REPLY_MEANINGS, REPLY_WORDS } from "../../db/seed/reply-words.ts";
import { LOCALES } from "../../domain/locale.ts";
import { parseButton, parseReaction, parseReply, replyWords } from "../../domain/reply.ts";
import type { Said, WordRow } from "../../domain/reply.ts";

const ROWS: readonly WordRow[] = LOCALES.flatMap((locale) =>
  REPLY_MEANINGS.flatMap((meaning) =>
    REPLY_WORDS[locale][meaning].map((word) => ({ locale, word, meaning })),
  ),
);
const WORDS = replyWords(ROWS, "id");

const answer = (fields: Partial<Extract<Said, { kind: "answer" }>>): Said => ({
  kind: "answer",
  meaning: null,
  digit: null,
  code: null,
  hasComment: false,
  ...fields,
});
const yes = (fields: Partial<Extract<Said, { kind: "answer" }>> = {}): Said =>
  answer({ meaning: "acknowledge", ...fields });
const no = (fields: Partial<Extract<Said, { kind: "answer" }>> = {}): Said =>
  answer({ meaning: "refuse", ...fields });
const unclear = (code: string | null = null): Said => ({ kind: "unclear", code });

describe("a reply's text", () => {
  it.each<[text: string, said: Said, reason: string]>([
    ["1 4821", yes({ digit: 1, code: "4821" }), "as the footer says it"],
    ["2 4821", no({ digit: 2, code: "4821" }), "as the footer says it"],
    ["4821 1", yes({ digit: 1, code: "4821" }), "the other way round"],
    ["1#4821", yes({ digit: 1, code: "4821" }), "a sign between"],
    ["1.4821", yes({ digit: 1, code: "4821" }), "a point between"],
    ["(1) — 4821!", yes({ digit: 1, code: "4821" }), "any punctuation"],
    ["  1\n4821  ", yes({ digit: 1, code: "4821" }), "any white space"],
    ["*1 4821*", yes({ digit: 1, code: "4821" }), "copied with its marks"],
    ["１ ４８２１", yes({ digit: 1, code: "4821" }), "full-width digits"],
    ["1️⃣ 4821", yes({ digit: 1, code: "4821" }), "a keycap"],
    ["ok 4821", yes({ code: "4821" }), "a word and the code"],
    ["OK, 4821 🙏", yes({ code: "4821" }), "case and decoration"],
    ["Siap pak 4821", yes({ code: "4821" }), "politeness between"],
    ["tolak 4821", no({ code: "4821" }), "a refusing word"],
    ["👍 4821", yes({ code: "4821" }), "an emoji as the word"],
    ["👍🏽 4821", yes({ code: "4821" }), "in any skin tone"],
    ["4821", answer({ code: "4821" }), "the code alone"],
    ["4821 5", answer({ digit: 5, code: "4821" }), "a rating"],
    ["5", answer({ digit: 5 }), "a number alone"],
    ["1", yes({ digit: 1 }), "a bare number that is a word"],
    ["siap", yes(), "a bare word"],
    ["Ya.", yes(), "a bare word with its full stop"],
    ["tidak", no(), "a bare refusal"],
    ["yes", yes(), "the other language counts too"],
    ["ok siap pak", yes(), "two words of one meaning"],
    ["terima", yes(), "the word itself"],
    ["terima kasih", { kind: "polite" }, "thanks are not an acceptance"],
    ["Terima kasih pak 🙏", { kind: "polite" }, "nor with anything polite around them"],
    ["STOP", { kind: "stop", code: null }, "consent withdrawn"],
    ["Berhenti.", { kind: "stop", code: null }, "in Indonesian"],
    ["berhenti berlangganan", { kind: "stop", code: null }, "a phrase of the same meaning"],
    ["stop pak 🙏", { kind: "stop", code: null }, "politely"],
    ["stop 4821", { kind: "stop", code: "4821" }, "with the code of what is meant"],
    ["MULAI", { kind: "start", code: null }, "consent given again"],
    ["start", { kind: "start", code: null }, "in English"],
    ["jangan stop", unclear(), "the opposite"],
    ["stop mulai", unclear(), "both at once"],
    ["stop 4821 1307", unclear(), "two codes"],
    ["ok stop", unclear(), "an answer beside it is another sentence"],
    ["ok mulai jalan", unclear(), "work that begins"],
    ["1 4821 mulai", yes({ digit: 1, code: "4821", hasComment: true }), "a comment of that word"],
    ["1 semua", { kind: "all", meaning: "acknowledge" }, "all of them"],
    ["semua ok", { kind: "all", meaning: "acknowledge" }, "all, the other way round"],
    ["1 all", { kind: "all", meaning: "acknowledge" }, "all, in English"],
    ["2 semua", { kind: "all", meaning: "refuse" }, "refusing all"],
    ["semua", { kind: "all", meaning: null }, "all of what?"],
    ["1 4821 sudah di jalan", yes({ digit: 1, code: "4821", hasComment: true }), "a comment"],
    ["4821 ok otw", yes({ code: "4821", hasComment: true }), "a comment after code and word"],
    ["1 4821 ok gas", yes({ digit: 1, code: "4821", hasComment: true }), "it says the same again"],
    ["", { kind: "nothing" }, "nothing"],
    ["🙏", { kind: "nothing" }, "decoration alone"],
    ["...", { kind: "nothing" }, "punctuation alone"],
    ["4821 sudah ada yang urus?", unclear("4821"), "a question about it is no answer"],
    ["belum siap 4821", unclear("4821"), "a word before turns the meaning"],
    ["tidak bisa 4821", unclear("4821"), "words that contradict each other"],
    ["1 4821 tidak jadi", unclear("4821"), "a comment that takes it back"],
    ["1 4821 5310", unclear(), "two codes"],
    ["1 2 4821", unclear("4821"), "two numbers"],
    ["1 semua 4821", unclear("4821"), "all, or one?"],
    ["14821", unclear(), "five digits are no code"],
    ["482", unclear(), "three digits are no code"],
    ["081234000001", unclear(), "a phone number"],
    ["ya tapi saya cuti", unclear(), "a sentence that begins with a word is no bare word"],
    ["ok meluncur", unclear(), "nor is a short one"],
    ["jam 1430", unclear("1430"), "a time looks like a code"],
  ])("%j is read as expected: %o (%s)", (text, said) => {
    expect(parseReply(text, WORDS)).toEqual(said);
  });

  it("means the same in any case, between any punctuation and with any decoration", () => {
    const decoration = fc.constantFrom("", " ", "!", " 🙏", "…", " 😀", "\n", "*", "_", ".");
    fc.assert(
      fc.property(
        fc.constantFrom(...ROWS.filter(({ meaning }) => meaning !== "polite")),
        fc.option(fc.integer({ min: 1000, max: 9999 }).map(String), { nil: null }),
        fc.boolean(),
        decoration,
        decoration,
        (row, code, isUpper, before, after) => {
          const plain = code === null ? row.word : `${row.word} ${code}`;
          const dressed = `${before}${isUpper ? plain.toUpperCase() : plain}${after}`;
          expect(parseReply(dressed, WORDS)).toEqual(parseReply(plain, WORDS));
        },
      ),
    );
  });

  it("is read whatever it is", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 200 }), (text) => {
        const said = parseReply(text, WORDS);
        expect(["answer", "all", "polite", "unclear", "nothing"]).toContain(said.kind);
      }),
    );
  });

  it("with a word that two languages use differently follows the writer's own", () => {
    const rows: readonly WordRow[] = [
      { locale: "id", word: "no", meaning: "acknowledge" },
      { locale: "en", word: "no", meaning: "refuse" },
    ];
    expect(parseReply("no", replyWords(rows, "id"))).toEqual(yes());
    expect(parseReply("no", replyWords(rows, "en"))).toEqual(no());
  });
});

describe("a reaction", () => {
  it.each<[emoji: string, meaning: "acknowledge" | "refuse" | null]>([
    ["👍", "acknowledge"],
    ["👍🏻", "acknowledge"],
    ["👍🏿", "acknowledge"],
    ["✅", "acknowledge"],
    ["👎", "refuse"],
    ["👎🏾", "refuse"],
    ["❌", "refuse"],
    ["❤️", null],
    ["😂", null],
    ["", null],
  ])("%s means %s", (emoji, meaning) => {
    expect(parseReaction(emoji, WORDS)).toEqual(
      meaning === null ? { kind: "nothing" } : answer({ meaning }),
    );
  });
});

describe("a button", () => {
  it.each<[id: string, said: Said | null]>([
    ["ack:4821", yes({ code: "4821" })],
    ["ref:4821", no({ code: "4821" })],
    ["ack:48211", null],
    ["esc:4821", null],
    ["ack:abcd", null],
    ["", null],
  ])("%j is %o", (id, said) => {
    expect(parseButton(id)).toEqual(said);
  });
});
