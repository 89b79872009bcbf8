import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  ID_PREFIXES,
  ID_RANDOM_BYTES,
  instantOfId,
  isId,
  makeId,
  notificationRef,
  notificationRefText,
} from "../../domain/ids.ts";

const randomBytes = fc.uint8Array({ minLength: ID_RANDOM_BYTES, maxLength: 16 });
const instant = fc.integer({ min: 0, max: 2 ** 48 - 1 });
const prefix = fc.constantFrom(...Object.values(ID_PREFIXES));

describe("ids", () => {
  test("no two kinds share a prefix, and each has three letters", () => {
    const prefixes = Object.values(ID_PREFIXES);
    expect(new Set(prefixes).size).toBe(prefixes.length);
    for (const text of prefixes) expect(text).toMatch(/^[a-z]{3}$/);
  });

  test("have the ULID layout: time in ten digits, randomness in sixteen", () => {
    // The example of the ULID specification, in lower case: 1469918176385 is 01ARYZ6S41.
    const id = makeId("ntf", 1469918176385, new Uint8Array(10));
    expect(id).toBe("ntf_01aryz6s410000000000000000");
    expect(makeId("ntf", 0, new Uint8Array(10).fill(255))).toBe("ntf_0000000000zzzzzzzzzzzzzzzz");
  });

  test("of an earlier millisecond sort before those of a later one, by bytes", () => {
    fc.assert(
      fc.property(instant, instant, randomBytes, randomBytes, (a, b, bytesA, bytesB) => {
        fc.pre(a !== b);
        const isEarlier = makeId("dlv", a, bytesA) < makeId("dlv", b, bytesB);
        expect(isEarlier).toBe(a < b);
      }),
    );
  });

  test("give back their instant, are recognised by their prefix and by no other", () => {
    fc.assert(
      fc.property(prefix, prefix, instant, randomBytes, (own, other, at, bytes) => {
        const id = makeId(own, at, bytes);
        expect(instantOfId(id)).toBe(at);
        expect(isId(own, id)).toBe(true);
        expect(isId(other, id)).toBe(own === other);
      }),
    );
  });

  test("differ when their randomness differs in one bit", () => {
    const zero = new Uint8Array(10);
    const ids = new Set([makeId("act", 1, zero)]);
    for (let bit = 0; bit < 80; bit += 1) {
      const bytes = new Uint8Array(10);
      bytes[bit >> 3] = 1 << (bit & 7);
      ids.add(makeId("act", 1, bytes));
    }
    expect(ids.size).toBe(81);
  });

  test.each([
    ["", "empty"],
    ["ntf_", "no body"],
    ["ntf_01aryz6s41000000000000000", "one digit short"],
    ["ntf_01aryz6s4100000000000000000", "one digit too many"],
    ["ntf_81aryz6s410000000000000000", "time beyond 48 bits"],
    ["ntf_01ARYZ6S410000000000000000", "upper case"],
    ["ntf_01aryz6s41000000000000000u", "u is no Crockford digit"],
    ["ntf_01aryz6s410000000000000000\n", "trailing newline"],
    ["usr_01aryz6s410000000000000000", "another kind"],
    ["ext:T-17", "an external id"],
  ])("%j is not a notification's id: %s", (text) => {
    expect(isId("ntf", text)).toBe(false);
  });

  test.each([
    [-1, "before 1970"],
    [1.5, "not whole"],
    [Number.NaN, "not a number"],
    [2 ** 48, "beyond 48 bits"],
  ])("are not made at %d: %s", (at) => {
    expect(() => makeId("ntf", at, new Uint8Array(10))).toThrow("Invariant broken");
  });

  test("are not made from too little randomness", () => {
    expect(() => makeId("ntf", 1, new Uint8Array(9))).toThrow("Invariant broken");
  });
});

describe("the reference of a request with a key", () => {
  const refOf = (sender: string, key: string): string =>
    notificationRef(createHash("sha256").update(notificationRefText(sender, key)).digest());

  test("is RFC 4648 base32 of the digest, in lower case and without padding", () => {
    const digest = createHash("sha256").update("foobar").digest();
    expect(notificationRef(digest)).toBe(base32(digest));
    expect(notificationRef(new Uint8Array(32))).toBe("a".repeat(52));
    expect(notificationRef(new Uint8Array(32).fill(255))).toBe(`${"7".repeat(51)}q`);
  });

  test("is equal for equal sender and key, and differs when the border between them moves", () => {
    expect(refOf("helpdesk", "TKT-1")).toBe(refOf("helpdesk", "TKT-1"));
    expect(refOf("help", "deskTKT-1")).not.toBe(refOf("helpdesk", "TKT-1"));
    expect(refOf("a", 'b","c')).not.toBe(refOf('a","b', "c"));
  });

  test("never looks like a notification's id", () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (sender, key) => {
        expect(refOf(sender, key)).toMatch(/^[a-z2-7]{52}$/);
        expect(isId("ntf", refOf(sender, key))).toBe(false);
      }),
    );
  });

  test("is made from a whole SHA-256 digest only", () => {
    expect(() => notificationRef(new Uint8Array(20))).toThrow("Invariant broken");
  });
});

/** By big integers instead of a bit buffer: 256 bits padded to 260 are 52 groups of five. */
function base32(digest: Uint8Array): string {
  const padded = BigInt(`0x${Buffer.from(digest).toString("hex")}`) << 4n;
  return padded
    .toString(32)
    .padStart(52, "0")
    .replace(/./g, (digit) => "abcdefghijklmnopqrstuvwxyz234567".charAt(parseInt(digit, 32)));
}
