import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { createAckLinks, readAckLink, signAckLink } from "../../db/ack-link.ts";
import type { AckLink } from "../../db/ack-link.ts";
import { newId } from "../../db/new-id.ts";
import { makeId } from "../../domain/ids.ts";
import { assertDefined } from "../support/assert-defined.ts";

const KEY = new Uint8Array(32).fill(7);
const OTHER_KEY = new Uint8Array(32).fill(8);
const LINK: AckLink = {
  notificationId: newId("ntf", Date.UTC(2026, 0, 5)),
  target: { kind: "user", id: newId("usr", Date.UTC(2026, 0, 5)) },
  expiresAt: Date.UTC(2026, 0, 12),
};

describe("a signed link", () => {
  it("says what was put into it, for any ids and times", () => {
    const anId = <P extends "ntf" | "usr" | "grp">(prefix: P) =>
      fc
        .tuple(
          fc.integer({ min: 0, max: 2 ** 48 - 1 }),
          fc.uint8Array({ minLength: 10, maxLength: 10 }),
        )
        .map(([at, random]) => makeId(prefix, at, random));
    fc.assert(
      fc.property(
        anId("ntf"),
        fc.oneof(
          anId("usr").map((id) => ({ kind: "user", id }) as const),
          anId("grp").map((id) => ({ kind: "group", id }) as const),
        ),
        fc.integer({ min: 0, max: 2 ** 40 - 1 }),
        (notificationId, target, endSeconds) => {
          const link = { notificationId, target, expiresAt: endSeconds * 1000 };
          expect(readAckLink(signAckLink(link, KEY), KEY)).toEqual(link);
        },
      ),
    );
  });

  it("is short enough to stand in an SMS beside its text", () => {
    const url = createAckLinks({ secretKey: KEY, publicUrl: "https://siaga.example.id" })(LINK);
    expect(assertDefined(url).length).toBeLessThanOrEqual(110);
    expect(createAckLinks({ secretKey: KEY, publicUrl: null })(LINK)).toBeNull();
  });

  it("with any letter changed, added or taken away is none of ours", () => {
    const token = signAckLink(LINK, KEY);
    for (let at = 0; at < token.length; at += 1) {
      const letter = token[at] === "A" ? "B" : "A";
      expect(readAckLink(`${token.slice(0, at)}${letter}${token.slice(at + 1)}`, KEY)).toBeNull();
    }
    expect(readAckLink(`${token}A`, KEY)).toBeNull();
    expect(readAckLink(token.slice(0, -1), KEY)).toBeNull();
    expect(readAckLink(`${token}=`, KEY)).toBeNull();
    expect(readAckLink("", KEY)).toBeNull();
  });

  it("of another installation is none of ours", () => {
    expect(readAckLink(signAckLink(LINK, OTHER_KEY), KEY)).toBeNull();
  });
});
