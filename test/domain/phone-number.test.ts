import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isPhoneNumber, maskPhone, normalisePhone } from "../../domain/phone-number.ts";
import type { PhoneRefusal } from "../../domain/phone-number.ts";

const refusalOf = (input: string): PhoneRefusal | null => {
  const result = normalisePhone(input);
  return result.ok ? null : result.reason;
};

describe("a phone number is read into E.164", () => {
  test.each([
    ["081234000001", "national"],
    ["0812-3400-0001", "national with hyphens"],
    ["0812 3400 0001", "national with spaces"],
    ["(0812) 34000001", "national with brackets"],
    ["0812.3400.0001", "national with dots"],
    ["81234000001", "without the leading zero"],
    ["6281234000001", "as vendors write it"],
    ["62 812 3400 0001", "as vendors write it, with spaces"],
    ["62081234000001", "country code before the leading zero"],
    ["+6281234000001", "E.164 itself"],
    ["+62 812-3400-0001", "international with hyphens"],
    ["+62 (0) 812 3400 0001", "international with the zero in brackets"],
    ["  +6281234000001\n", "with space around it"],
    ["tel:+62-812-3400-0001", "as a link"],
    ["008 6281234000001", "with an Indonesian international prefix"],
    ["６２８１２３４０００００１", "full-width digits"],
    ["+62\u00a0812\u20113400\u20110001", "no-break space and hyphens of a word processor"],
    ["6281234000001@s.whatsapp.net", "a personal chat"],
    ["6281234000001:12@s.whatsapp.net", "a personal chat on one device"],
    ["6281234000001@c.us", "a personal chat as WAHA writes it"],
    ["+6281234000001@C.US", "a personal chat, loosely typed"],
  ])("%j: %s", (input) => {
    expect(normalisePhone(input)).toEqual({ ok: true, phone: "+6281234000001" });
  });

  test.each([
    ["021-5550001", "+62215550001", "Jakarta"],
    ["(021) 5550001", "+62215550001", "Jakarta in brackets"],
    ["0267 400001", "+62267400001", "Karawang"],
    ["62215550001", "+62215550001", "a country code that could be an area code"],
    ["+62 267 400001", "+62267400001", "international"],
  ])("the fixed line %j as %s: %s", (input, phone) => {
    expect(normalisePhone(input)).toEqual({ ok: true, phone });
  });

  test("of another country when it is written internationally", () => {
    expect(normalisePhone("+1 202 555 0143")).toEqual({ ok: true, phone: "+12025550143" });
    expect(normalisePhone("12025550143@c.us")).toEqual({ ok: true, phone: "+12025550143" });
  });

  test("of the installation's country when that is another", () => {
    expect(normalisePhone("(202) 555-0143", "US")).toEqual({ ok: true, phone: "+12025550143" });
    expect(normalisePhone("1 202 555 0143", "US")).toEqual({ ok: true, phone: "+12025550143" });
    expect(normalisePhone("+6281234000001", "US")).toEqual({ ok: true, phone: "+6281234000001" });
  });
});

describe("what is no phone number is refused with the reason", () => {
  const rows: readonly (readonly [string, PhoneRefusal, string])[] = [
    ["", "empty", "nothing"],
    ["  \t", "empty", "only space"],
    ["tel:", "empty", "a link to nothing"],
    ["120363041234567890@g.us", "group_id", "a group"],
    ["120363041234567890", "group_id", "a group without its suffix"],
    ["6281234000001-1588888888@g.us", "group_id", "an older group, made by a phone"],
    ["6281234000001-1588888888", "group_id", "an older group without its suffix"],
    [" 6281234000001-1588888888@G.US ", "group_id", "an older group, loosely typed"],
    ["6281234000001@g.us", "group_id", "a number with a group's suffix"],
    ["123456789012345@lid", "alias", "an alias"],
    ["6281234000001@lid", "alias", "an alias that looks like a number"],
    ["6281234000001@newsletter", "not_a_phone_number", "a channel"],
    ["status@broadcast", "not_a_phone_number", "the status list"],
    ["120363041234567890@s.whatsapp.net", "not_a_phone_number", "a group in a person's clothes"],
    ["budi@example.com", "not_a_phone_number", "an e-mail address"],
    ["0812-TEKNISI", "not_a_phone_number", "letters"],
    ["081234000001 / 081234000002", "not_a_phone_number", "two numbers"],
    ["081234000001, 081234000002", "not_a_phone_number", "two numbers"],
    ["-", "not_a_phone_number", "a dash for none"],
    ["0".repeat(65), "not_a_phone_number", "far too long"],
    ["021-5550001 ext 12", "has_extension", "a switchboard"],
    ["021-5550001 x12", "has_extension", "a switchboard, in short"],
    ["0812", "invalid_number", "too short"],
    ["110", "invalid_number", "an emergency number"],
    ["0812340000010000", "invalid_number", "too long"],
    ["+999 12345678", "invalid_number", "no such country"],
    ["123456789012345", "invalid_number", "an alias without its suffix"],
  ];
  test.each(rows)("%j is %s: %s", (input, reason) => {
    expect(refusalOf(input)).toBe(reason);
  });
});

const charOf = (alphabet: string): fc.Arbitrary<string> => fc.constantFrom(...alphabet.split(""));

const digits = (minLength: number, maxLength: number): fc.Arbitrary<string> =>
  fc.array(charOf("0123456789"), { minLength, maxLength }).map((list) => list.join(""));

describe("the normaliser", () => {
  const numberLike = fc.oneof(
    fc.string({ maxLength: 40 }),
    fc.array(charOf("0123456789+-() ./:@xe"), { maxLength: 24 }).map((list) => list.join("")),
    fc
      .tuple(
        fc.constantFrom("0", "62", "+62", "+62 ", "0062", "", "+1", "tel:+62", "62 0"),
        digits(5, 13),
        fc.constantFrom("", "@c.us", "@s.whatsapp.net", " "),
      )
      .map((parts) => parts.join("")),
  );

  test("invariant 32: is idempotent, and its results are E.164 that it recognises", () => {
    let readCount = 0;
    fc.assert(
      fc.property(numberLike, (input) => {
        const result = normalisePhone(input);
        if (!result.ok) return;
        readCount += 1;
        expect(result.phone).toMatch(/^\+[1-9]\d{4,14}$/);
        expect(normalisePhone(result.phone)).toEqual(result);
        expect(isPhoneNumber(result.phone)).toBe(true);
        // The number means the same whatever country is the default.
        expect(normalisePhone(result.phone, "US")).toEqual(result);
        if (result.phone.startsWith("+62")) {
          expect(normalisePhone(result.phone.slice(1))).toEqual(result);
        }
      }),
      { numRuns: 4_000 },
    );
    expect(readCount).toBeGreaterThan(150);
  });

  test("invariant 32: never turns a group id into a phone, however it is written", () => {
    const mobile = digits(7, 8).map((rest) => `62812${rest}`);
    const createdAt = fc.integer({ min: 1_000_000_000, max: 2_000_000_000 }).map(String);
    const groupNumber = fc.oneof(
      digits(12, 16).map((rest) => `120363${rest}`),
      digits(18, 22),
      fc.tuple(mobile, createdAt).map(([phone, at]) => `${phone}-${at}`),
    );
    const written = fc.tuple(
      fc.constantFrom("", " ", "+", "tel:"),
      groupNumber,
      fc.constantFrom("@g.us", "@G.us", "", "@s.whatsapp.net", "@c.us", " "),
    );
    fc.assert(
      fc.property(written, (parts) => {
        expect(normalisePhone(parts.join("")).ok).toBe(false);
      }),
      { numRuns: 4_000 },
    );
  });

  test("never turns a phone with a group's suffix or an alias's into a phone", () => {
    fc.assert(
      fc.property(digits(5, 15), fc.constantFrom("@g.us", "@lid"), (number, suffix) => {
        expect(normalisePhone(`${number}${suffix}`).ok).toBe(false);
      }),
    );
  });
});

test.each([
  ["+6281234000001", true, "the stored form"],
  ["6281234000001", false, "without the plus"],
  ["+62 81234000001", false, "with a space"],
  ["+62081234000001", false, "with the national zero"],
  ["+62812", false, "too short"],
  ["", false, "empty"],
])("recognises only the stored form: %j is %s: %s", (text, is) => {
  expect(isPhoneNumber(text)).toBe(is);
});

describe("a masked phone", () => {
  test.each([
    ["+6281234000070", "+62•••070", "mobile"],
    ["+62215550001", "+62•••001", "fixed line"],
    ["+12025550143", "+1•••143", "another country"],
    ["081234000070", "•••", "not the stored form"],
    ["+6212", "•••", "too short to show a part"],
    ["budi", "•••", "not a number"],
    ["", "•••", "empty"],
  ])("%j shows as %s: %s", (phone, masked) => {
    expect(maskPhone(phone)).toBe(masked);
  });

  test("shows the country code and three digits at most, of whatever it is given", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          digits(1, 20).map((number) => `+${number}`),
        ),
        (text) => {
          expect(maskPhone(text)).toMatch(/^(?:\+\d{1,3}•••\d{3}|•••)$/);
        },
      ),
    );
  });
});
