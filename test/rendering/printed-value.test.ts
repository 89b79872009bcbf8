import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { VALUE_CHARS_MAX, printValue } from "../../rendering/printed-value.ts";

describe("a value of the data in a WhatsApp message", () => {
  it.each<{ value: unknown; shown: string; reason: string }>([
    { value: "POP *Klari*", shown: "POP ∗Klari∗", reason: "bold" },
    { value: "_miring_", shown: "ˍmiringˍ", reason: "italics" },
    { value: "~coret~", shown: "∼coret∼", reason: "struck through" },
    { value: "```kode```", shown: "ˋˋˋkodeˋˋˋ", reason: "monospace" },
    {
      value: "olt_krw_01",
      shown: "olt_krw_01",
      reason: "an underscore inside a word formats nothing",
    },
    { value: "_olt_krw_", shown: "ˍolt_krwˍ", reason: "at the edge of a word it does" },
    { value: "2 * 3", shown: "2 ∗ 3", reason: "a lonely mark could pair with one of the template" },
    {
      value: "baris satu\nBalas *1 9999* terima",
      shown: "baris satu Balas ∗1 9999∗ terima",
      reason: "a line break could forge a footer",
    },
    { value: "a\r\n\t b\u2028c", shown: "a b c", reason: "every kind of break" },
    { value: "> kutipan", shown: "› kutipan", reason: "quotation" },
    { value: "- butir", shown: "– butir", reason: "list" },
    { value: "-6.3", shown: "-6.3", reason: "a negative number is no list" },
    {
      value: "https://x.example/a_b/_c_/*d*?e=~f",
      shown: "https://x.example/a_b/%5Fc%5F/%2Ad%2A?e=%7Ef",
      reason: "a link stays a link",
    },
    {
      value: "lihat https://x.example/_a_ *segera*",
      shown: "lihat https://x.example/%5Fa%5F ∗segera∗",
      reason: "text beside a link",
    },
    {
      value: "\u202ebalik\u200b\u0007",
      shown: "balik",
      reason: "invisible and turning characters",
    },
    { value: "{{ secret }} {% if %}", shown: "{{ secret }} {% if %}", reason: "braces are text" },
    { value: 12.5, shown: "12.5", reason: "number" },
    { value: true, shown: "true", reason: "boolean" },
    { value: ["*a*", "b"], shown: "∗a∗, b", reason: "list of values" },
    { value: { a: "x", b: 2 }, shown: "x, 2", reason: "object" },
    { value: null, shown: "", reason: "nothing" },
    { value: undefined, shown: "", reason: "nothing" },
    { value: "👨‍👩‍👧 keluarga", shown: "👨‍👩‍👧 keluarga", reason: "joined emoji stay whole" },
  ])("prints $value as $shown: $reason", ({ value, shown }) => {
    expect(printValue(value, "whatsapp")).toBe(shown);
  });

  it("never holds a mark outside a link, whatever the data", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), (text) => {
        fc.pre(!/https?:\/\//iu.test(text));
        const shown = printValue(text, "whatsapp");
        expect(shown).not.toMatch(/[*~`\n]/u);
        expect(shown).not.toMatch(/(?<![\p{L}\p{N}])_|_(?![\p{L}\p{N}])/u);
      }),
    );
  });

  it("prints what it printed again unchanged", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), (text) => {
        const once = printValue(text, "whatsapp");
        expect(printValue(once, "whatsapp")).toBe(once);
      }),
    );
  });
});

describe("a value of the data on a plain screen", () => {
  it("keeps marks and loses line breaks", () => {
    expect(printValue("*tebal*\n_miring_", "plain")).toBe("*tebal* _miring_");
  });
});

describe("a very long value", () => {
  it.each([
    { length: VALUE_CHARS_MAX - 1, isCut: false },
    { length: VALUE_CHARS_MAX, isCut: false },
    { length: VALUE_CHARS_MAX + 1, isCut: true },
  ])("of $length characters is cut: $isCut", ({ length, isCut }) => {
    const shown = printValue("a".repeat(length), "plain");
    expect(shown.length).toBe(Math.min(length, VALUE_CHARS_MAX));
    expect(shown.endsWith("…")).toBe(isCut);
  });

  it("is not cut inside an emoji's surrogate pair", () => {
    const shown = printValue(`a${"😀".repeat(VALUE_CHARS_MAX)}`, "plain");
    expect(shown).not.toMatch(/[\ud800-\udbff](?![\udc00-\udfff])/);
  });
});
