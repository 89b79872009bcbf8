import { randomBytes } from "node:crypto";
import { describe, expect, it } from "vitest";
import {
  SecretNotOpened,
  openCredentials,
  openSecret,
  openWebhookToken,
  sealCredentials,
  sealSecret,
  sealWebhookToken,
} from "../../db/sealed-secret.ts";
import type { SecretPlace } from "../../db/sealed-secret.ts";

const KEY = randomBytes(32);
const PLACE: SecretPlace = { purpose: "provider_credentials", accountId: "acc_1" };

function reasonOf(open: () => unknown): string | null {
  try {
    open();
    return null;
  } catch (error) {
    return error instanceof SecretNotOpened ? error.reason : String(error);
  }
}

describe("a sealed secret", () => {
  it.each(["", "token", "𝄞 rahasia ß", "x".repeat(100_000)])("opens to the same text", (text) => {
    expect(openSecret(sealSecret(text, KEY, PLACE), KEY, PLACE)).toBe(text);
  });

  it("shows nothing of its text and is never the same twice", () => {
    const one = sealSecret("rahasia-besar", KEY, PLACE);
    const two = sealSecret("rahasia-besar", KEY, PLACE);
    expect(one.equals(two)).toBe(false);
    expect(one.includes("rahasia")).toBe(false);
  });

  it.each<{ place: SecretPlace; reason: string }>([
    { place: { ...PLACE, accountId: "acc_2" }, reason: "another account" },
    { place: { ...PLACE, purpose: "webhook_token" }, reason: "another purpose" },
  ])("does not open in the place of $reason", ({ place }) => {
    const sealed = sealSecret("rahasia", KEY, PLACE);
    expect(reasonOf(() => openSecret(sealed, KEY, place))).toBe("not_authentic");
  });

  it("names a replaced key as the cause", () => {
    const sealed = sealSecret("rahasia", KEY, PLACE);
    expect(reasonOf(() => openSecret(sealed, randomBytes(32), PLACE))).toBe("other_key");
  });

  it("does not open when any one byte was changed", () => {
    const sealed = sealSecret("rahasia", KEY, PLACE);
    for (let index = 0; index < sealed.length; index += 1) {
      const changed = Buffer.from(sealed);
      changed[index] = (changed[index] ?? 0) ^ 1;
      expect(reasonOf(() => openSecret(changed, KEY, PLACE))).toMatch(
        /^(not_authentic|other_key|other_version)$/u,
      );
    }
  });

  it.each([0, 1, 32, 33])("of %i bytes is too short or not authentic", (length) => {
    const cut = sealSecret("rahasia", KEY, PLACE).subarray(0, length);
    expect(reasonOf(() => openSecret(cut, KEY, PLACE))).toBe(
      length < 33 ? "unreadable" : "not_authentic",
    );
  });

  it("tells in its error neither key nor content", () => {
    const sealed = sealSecret("rahasia-besar", KEY, PLACE);
    const message = (() => {
      try {
        openSecret(sealed, randomBytes(32), PLACE);
        return "";
      } catch (error) {
        return String(error);
      }
    })();
    expect(message).toContain("acc_1");
    expect(message).not.toMatch(/rahasia/u);
    expect(message).not.toContain(KEY.toString("hex"));
  });

  it.each([16, 31, 33])("needs a key of 32 bytes, not %i", (length) => {
    expect(() => sealSecret("x", randomBytes(length), PLACE)).toThrow(RangeError);
  });
});

describe("credentials and webhook tokens", () => {
  it("open as what they were", () => {
    const credentials = { token: "t", webhookSecret: "s" };
    expect(openCredentials(sealCredentials(credentials, KEY, "acc_1"), KEY, "acc_1")).toEqual(
      credentials,
    );
    expect(openWebhookToken(sealWebhookToken("t", KEY, "acc_1"), KEY, "acc_1")).toBe("t");
  });

  it.each(["[]", '"t"', "null", '{"token":1}'])("that are %s are no credentials", (json) => {
    const sealed = sealSecret(json, KEY, PLACE);
    expect(reasonOf(() => openCredentials(sealed, KEY, "acc_1"))).toBe("unreadable");
  });
});
