import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { toSpeech, withoutPictures } from "../../rendering/speakable.ts";

describe("what a voice reads", () => {
  it.each<{ text: string; spoken: string; reason: string }>([
    { text: "🚨 *GANGGUAN MASSAL*", spoken: "GANGGUAN MASSAL.", reason: "no pictures, no marks" },
    {
      text: "Lokasi: Klari\nZona: Karawang",
      spoken: "Lokasi: Klari. Zona: Karawang.",
      reason: "lines are sentences",
    },
    {
      text: "TKT-1042 dan TKT7",
      spoken: "T K T 1 0 4 2 dan T K T 7.",
      reason: "ticket numbers digit by digit",
    },
    { text: "SLA 95% & naik", spoken: "SLA 95 persen dan naik.", reason: "signs as words" },
    { text: "Open → Closed", spoken: "Open menjadi Closed.", reason: "arrow" },
    {
      text: "🔗 Detail: https://x.example/a?b=c",
      spoken: "",
      reason: "a label whose link is gone",
    },
    { text: "━━━━━━", spoken: "", reason: "rules" },
    { text: "Segera!", spoken: "Segera!", reason: "keeps its own end" },
    { text: "Deadline 18.00 WIB,", spoken: "Deadline 18.00 WIB.", reason: "an open end is closed" },
    { text: 'a <b> & "c"', spoken: "a b dan c.", reason: "nothing that XML would have to escape" },
  ])("of $text is $spoken: $reason", ({ text, spoken }) => {
    expect(toSpeech(text, "id")).toBe(spoken);
  });

  it("says signs in English to English speakers", () => {
    expect(toSpeech("95% → 90%", "en")).toBe("95 percent to 90 percent.");
  });

  it("needs no escaping in XML and no line break, whatever the text", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), (text) => {
        expect(toSpeech(text, "id")).not.toMatch(/[<>&"*_~`\n]/u);
      }),
    );
  });
});

it("pictures go, digits and signs of the keyboard stay", () => {
  expect(withoutPictures("1 # * © ✅ 🇮🇩 👍🏽 a")).toBe("1 # *     a");
});
