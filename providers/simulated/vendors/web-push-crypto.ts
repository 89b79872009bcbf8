/**
 * What a browser and its push service do with a message: check the sender's signed statement (RFC 8292) and open the
 * envelope (RFC 8291, RFC 8188). Written from the RFCs, apart from the library that the sender uses.
 */
import { createDecipheriv, createECDH, createPublicKey, hkdfSync, verify } from "node:crypto";

import type { BrowserKeys } from "../push-addresses.ts";
import { isRecord } from "./vendor.ts";

const PUBLIC_KEY_BYTES = 65;
const SALT_BYTES = 16;
const TAG_BYTES = 16;
/** Salt, record size and the length of the key id. */
const HEADER_BYTES = SALT_BYTES + 4 + 1;
const DAY_SECONDS = 86_400;

export type VapidProblem = "missing" | "unreadable" | "wrong signature" | "wrong claims";

/** The key that proved itself, or what is wrong. `origin` is the push service's own. */
export function readVapid(
  authorization: string,
  origin: string,
  nowMs: number,
): { readonly publicKey: string } | VapidProblem {
  if (authorization === "") return "missing";
  const token = /^vapid\s.*?\bt=([\w-]+)\.([\w-]+)\.([\w-]+)/.exec(authorization);
  const publicKey = /^vapid\s.*?\bk=([\w-]+)/.exec(authorization)?.[1];
  const [, header, claims, signature] = token ?? [];
  if (!header || !claims || !signature || publicKey === undefined) return "unreadable";
  const key = keyFrom(publicKey);
  if (key === null) return "unreadable";
  const isSigned = verify(
    "sha256",
    Buffer.from(`${header}.${claims}`),
    { key, dsaEncoding: "ieee-p1363" },
    Buffer.from(signature, "base64url"),
  );
  if (!isSigned) return "wrong signature";
  const said = jsonOf(claims);
  const isRight =
    jsonOf(header)["alg"] === "ES256" &&
    said["aud"] === origin &&
    typeof said["exp"] === "number" &&
    said["exp"] > nowMs / 1_000 &&
    said["exp"] <= nowMs / 1_000 + DAY_SECONDS &&
    /^(mailto:|https:\/\/)./.test(String(said["sub"]));
  return isRight ? { publicKey } : "wrong claims";
}

/** Null for what this browser cannot open; it shows nothing then and tells nobody. */
export function openEnvelope(body: Buffer, keys: BrowserKeys): string | null {
  if (body.length < HEADER_BYTES + PUBLIC_KEY_BYTES + TAG_BYTES) return null;
  const salt = body.subarray(0, SALT_BYTES);
  const keyIdBytes = body[HEADER_BYTES - 1];
  if (keyIdBytes !== PUBLIC_KEY_BYTES) return null;
  const senderKey = body.subarray(HEADER_BYTES, HEADER_BYTES + PUBLIC_KEY_BYTES);
  const record = body.subarray(HEADER_BYTES + PUBLIC_KEY_BYTES);
  if (record.length > body.readUInt32BE(SALT_BYTES)) return null;
  try {
    const curve = createECDH("prime256v1");
    curve.setPrivateKey(Buffer.from(keys.privateKey, "base64url"));
    const shared = curve.computeSecret(senderKey);
    const own = Buffer.from(keys.publicKey, "base64url");
    const secret = derive(
      shared,
      Buffer.from(keys.authSecret, "base64url"),
      Buffer.concat([Buffer.from("WebPush: info\0"), own, senderKey]),
      32,
    );
    const contentKey = derive(secret, salt, Buffer.from("Content-Encoding: aes128gcm\0"), 16);
    const nonce = derive(secret, salt, Buffer.from("Content-Encoding: nonce\0"), 12);
    const decipher = createDecipheriv("aes-128-gcm", contentKey, nonce);
    decipher.setAuthTag(record.subarray(-TAG_BYTES));
    const padded = Buffer.concat([
      decipher.update(record.subarray(0, -TAG_BYTES)),
      decipher.final(),
    ]);
    // The last record ends with a 2 and perhaps zeros.
    const end = padded.findLastIndex((byte) => byte !== 0);
    return padded[end] === 2 ? padded.subarray(0, end).toString("utf8") : null;
  } catch {
    return null;
  }
}

function derive(input: Buffer, salt: Buffer, info: Buffer, bytes: number): Buffer {
  return Buffer.from(hkdfSync("sha256", input, salt, info, bytes));
}

/** Null for what is no point of the curve. */
function keyFrom(publicKey: string) {
  const point = Buffer.from(publicKey, "base64url");
  if (point.length !== PUBLIC_KEY_BYTES || point[0] !== 4) return null;
  const jwk = {
    kty: "EC",
    crv: "P-256",
    x: point.subarray(1, 33).toString("base64url"),
    y: point.subarray(33).toString("base64url"),
  };
  try {
    return createPublicKey({ key: jwk, format: "jwk" });
  } catch {
    return null;
  }
}

function jsonOf(part: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, "base64url").toString("utf8"));
    return isRecord(value) ? value : {};
  } catch {
    return {};
  }
}
