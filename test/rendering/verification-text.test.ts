import { expect, it } from "vitest";

import { findVerificationCode } from "../../domain/verification-code.ts";
import { LOCALES } from "../../domain/locale.ts";
import { verificationText } from "../../rendering/verification-text.ts";

const code = "SIAGA-7K3QF-9XW2M";

it("says whose number it will be, what is asked for and the code", () => {
  expect(verificationText({ name: "Budi", code, locale: "id" })).toBe(
    "Saya Budi. Tolong verifikasi nomor ini dan kirim pemberitahuan Siaga ke sini. Kode: SIAGA-7K3QF-9XW2M",
  );
  expect(verificationText({ name: "Budi", code, locale: "en" })).toBe(
    "I am Budi. Please verify this number and send my Siaga notifications here. Code: SIAGA-7K3QF-9XW2M",
  );
});

it.each([
  ["a name that is missing", null],
  ["a name of spaces", "  \n "],
  ["a name that is very long", "Nama ".repeat(100)],
  ["a name with lines and braces", "Budi\n{code} {name}"],
])("carries its one code with %s, in every language", (_reason, name) => {
  for (const locale of LOCALES) {
    const text = verificationText({ name, code, locale });
    expect(findVerificationCode(text)).toBe(code);
    expect(text).not.toContain("\n");
    expect(text.length).toBeLessThan(200);
  }
});
