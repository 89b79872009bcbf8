import fc from "fast-check";
import { describe, expect, it } from "vitest";

import {
  CODE_RANDOM_BYTES,
  findVerificationCode,
  hideVerificationCodes,
  makeVerificationCode,
} from "../../domain/verification-code.ts";

const CODE = "SIAGA-7K3QF-9XW2M";

it("finds every code that it makes, in the words around it", () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: CODE_RANDOM_BYTES, maxLength: CODE_RANDOM_BYTES }),
      (bytes) => {
        const code = makeVerificationCode(bytes);
        expect(findVerificationCode(`Saya Budi. Kode: ${code}. Terima kasih`)).toBe(code);
        expect(findVerificationCode(code.toLowerCase())).toBe(code);
      },
    ),
  );
});

it("makes no code of too few random bytes", () => {
  expect(() => makeVerificationCode(new Uint8Array(CODE_RANDOM_BYTES - 1))).toThrow("random bytes");
});

describe("a code in a text", () => {
  const rows: readonly (readonly [text: string, found: string | null, reason: string])[] = [
    [CODE, CODE, "alone"],
    ["Kode: siaga-7k3qf-9xw2m", CODE, "in small letters"],
    ["*SIAGA-7K3QF-9XW2M*", CODE, "in bold"],
    ["SIAGA–7K3QF–9XW2M", CODE, "a keyboard made dashes of the hyphens"],
    ["SIAGA‑7K3QF‑9XW2M", CODE, "hyphens that don't break"],
    ["SIAGA-OIL7F-9XW2M", "SIAGA-0117F-9XW2M", "letters that are read for digits"],
    [`${CODE} ${CODE}`, CODE, "twice the same"],
    [`${CODE} SIAGA-7K3QF-9XW2N`, null, "two codes mean neither"],
    ["siaga masuk kabel putus", null, "words of the same lengths"],
    ["SIAGA 7K3QF 9XW2M", null, "without hyphens it is no code"],
    ["SIAGA-7K3QF-9XW2", null, "too short"],
    ["SIAGA-7K3QF-9XW2MM", null, "too long"],
    ["XSIAGA-7K3QF-9XW2M", null, "the end of another word"],
    ["SIAGA-7K3QU-9XW2M", null, "a letter that no code has"],
    ["1 4821", null, "a reply code"],
    ["", null, "nothing"],
  ];
  it.each(rows)("%j: %s (%s)", (text, found) => {
    expect(findVerificationCode(text)).toBe(found);
  });

  it("is hidden wherever it stands, and nothing else is", () => {
    expect(hideVerificationCodes(`Kode: ${CODE} dan siaga-00000-00000!`)).toBe(
      "Kode: SIAGA-•••••-••••• dan SIAGA-•••••-•••••!",
    );
    expect(hideVerificationCodes("Siap, ½ jam lagi")).toBe("Siap, ½ jam lagi");
  });
});
