import fc from "fast-check";
import { expect, it } from "vitest";
import { canonicalJson } from "../../domain/canonical-json.ts";

it.each([
  { value: { b: 1, a: [2, { d: null, c: "x" }] }, text: '{"a":[2,{"c":"x","d":null}],"b":1}' },
  { value: { a: undefined, b: 1 }, text: '{"b":1}' },
  { value: undefined, text: "null" },
  { value: [undefined], text: "[null]" },
  { value: "a", text: '"a"' },
  { value: {}, text: "{}" },
])("writes $text", ({ value, text }) => {
  expect(canonicalJson(value)).toBe(text);
});

it("is JSON of the same value, and the same text whatever the order of members", () => {
  fc.assert(
    fc.property(fc.jsonValue({ noUnicodeString: false }), (value) => {
      const text = canonicalJson(value);
      expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value)));
      expect(canonicalJson(reversed(value))).toBe(text);
    }),
  );
});

function reversed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversed);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([name, member]): [string, unknown] => [name, reversed(member)]),
  );
}
