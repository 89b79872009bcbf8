import { describe, expect, it } from "vitest";

import { cutToParts, inSmsAlphabet, SMS_PARTS_MAX, smsParts } from "../../rendering/sms-parts.ts";

describe("an SMS", () => {
  it.each<[string, number, "GSM-7" | "UCS-2", string]>([
    ["", 1, "GSM-7", "nothing is one part, too"],
    ["x".repeat(160), 1, "GSM-7", "at the limit of one part"],
    ["x".repeat(161), 2, "GSM-7", "just above: parts carry their number"],
    ["x".repeat(306), 2, "GSM-7", "at the limit of two"],
    ["x".repeat(307), 3, "GSM-7", "just above"],
    ["é\n@£".repeat(40), 1, "GSM-7", "signs of the alphabet"],
    ["€".repeat(80), 1, "GSM-7", "a sign that takes two places"],
    ["€".repeat(81), 2, "GSM-7", "just above"],
    ["я".repeat(70), 1, "UCS-2", "another alphabet, at the limit of one part"],
    ["я".repeat(71), 2, "UCS-2", "just above"],
    [`${"x".repeat(70)}—`, 2, "UCS-2", "one sign of another alphabet is enough"],
    ["🚨".repeat(35), 1, "UCS-2", "a picture takes two places"],
    ["🚨".repeat(36), 2, "UCS-2", "just above"],
  ])("%j has %d parts of %s: %s", (text, segments, alphabet, _why) => {
    expect(smsParts(text)).toEqual({ segments, alphabet });
  });

  it.each([
    ["“Pompa” — ‘mati’…", "\"Pompa\" - 'mati'...", "signs that have a plain cousin"],
    ["Rp 200\u00a0ribu", "Rp 200 ribu", "a space that only looks like one"],
    ["Café POP", "Café POP", "signs of the alphabet stay"],
    ["“Насос”", "“Насос”", "a text of another alphabet gains nothing"],
  ])("%j is written %j: %s", (text, expected, _why) => {
    expect(inSmsAlphabet(text)).toBe(expected);
  });

  it.each([
    ["x".repeat(2_000), "GSM-7"],
    ["я".repeat(2_000), "UCS-2"],
    ["🚨".repeat(1_000), "UCS-2"],
    ["€".repeat(1_000), "GSM-7"],
  ])("that is too long loses its end and fills the parts that it may have", (text, alphabet) => {
    const whole = (kept: string): string => `${kept}\n\nBalas 1 4821 terima`;
    const kept = cutToParts(text, whole);
    expect(smsParts(whole(kept))).toEqual({ segments: SMS_PARTS_MAX, alphabet });
    expect(kept.endsWith("...")).toBe(true);
    const longer = text.slice(0, kept.length);
    expect(smsParts(whole(longer)).segments, "nothing is wasted").toBeGreaterThanOrEqual(
      SMS_PARTS_MAX,
    );
  });
});
