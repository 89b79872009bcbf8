/**
 * Reads and checks what a client asks Fonnte to send: form fields, several targets, lists of messages. A refusal is a reason
 * in Fonnte's words. https://docs.fonnte.com/api-send-message/, checked September 2026.
 */
import { readMultipart } from "../multipart.ts";
import type { AttachmentSeen } from "../seen.ts";
import { phoneFrom } from "../phones.ts";
import { isRecord, isWebAddress, listOf } from "./vendor.ts";
import type { Account, ConfigOf } from "../world.ts";
import type { VendorRequest } from "./vendor.ts";

export type FonnteAccount = Account<ConfigOf<"fonnte">>;

const MESSAGE_CHARS_MAX = 60_000;

const FILE_BYTES_MAX = 4 * 1024 * 1024;

const POLL_OPTIONS = { min: 2, max: 12 } as const;

/** Packages that may send media. */
const MEDIA_PACKAGES: readonly string[] = ["super", "advanced", "ultra"];

export type Fields = {
  readonly texts: ReadonlyMap<string, string>;
  readonly fileBytes: number | null;
};

export type Target = {
  readonly phone: string | null;
  readonly group: string | null;
  readonly as: string;
};

export type Order = {
  readonly targets: readonly Target[];
  readonly text: string;
  readonly attachment: AttachmentSeen | null;
  readonly isConnectOnly: boolean;
  /** World ms between two targets. */
  readonly gapMs: number;
  /** World ms until the first one leaves. */
  readonly waitMs: number;
};

/** A reason when the request is refused. */
export function readOrders(
  account: FonnteAccount,
  fields: Fields,
  now: number,
): readonly Order[] | string {
  const data = fields.texts.get("data");
  if (data === undefined) {
    const order = readOrder(account, fields, now);
    return typeof order === "string" ? order : [order];
  }
  const entries = listOf(parseJson(data));
  if (entries === undefined || entries.length === 0) return "JSON format invalid";
  const orders: Order[] = [];
  for (const entry of entries) {
    if (!isRecord(entry)) return "JSON format invalid";
    const texts = new Map<string, string>();
    for (const [key, value] of Object.entries(entry)) {
      if (typeof value === "string" || typeof value === "number" || typeof value === "boolean") {
        texts.set(key, String(value));
      }
    }
    const order = readOrder(account, { texts, fileBytes: null }, now);
    if (typeof order === "string") return order;
    orders.push(order);
  }
  return orders;
}

function readOrder(account: FonnteAccount, fields: Fields, now: number): Order | string {
  const { texts } = fields;
  const target = texts.get("target");
  const message = texts.get("message") ?? "";
  if (target === undefined) return "input invalid";
  const targets = readTargets(target, texts.get("countryCode") ?? "62");
  if (targets.length === 0) return "target invalid";
  if (!areOptionsValid(texts) || message.length > MESSAGE_CHARS_MAX) return "input invalid";
  const attachment = readAttachment(account, fields);
  if (typeof attachment === "string") return attachment;
  if (message === "" && attachment === null && !texts.has("pollname")) return "input invalid";
  const [gapSeconds = 0] = (texts.get("delay") ?? "0").split("-").map(Number);
  const scheduledAt = Number(texts.get("schedule") ?? "0") * 1_000;
  return {
    targets,
    text: message,
    attachment,
    isConnectOnly: texts.get("connectOnly") !== "false",
    gapMs: gapSeconds * 1_000,
    waitMs: Math.max(0, scheduledAt - now) + Number(texts.get("followup") ?? "0") * 1_000,
  };
}

function areOptionsValid(texts: Fields["texts"]): boolean {
  const patterns: readonly (readonly [string, RegExp])[] = [
    ["countryCode", /^\d{1,4}$/],
    ["delay", /^\d+(-\d+)?$/],
    ["schedule", /^\d{1,12}$/],
    ["followup", /^\d{1,8}$/],
    ["duration", /^\d+$/],
    ["typing", /^(true|false)$/],
    ["connectOnly", /^(true|false)$/],
    ["sequence", /^(true|false)$/],
    ["preview", /^(true|false)$/],
  ];
  const options = texts.get("choices")?.split(",").length;
  const hasPoll =
    options === undefined || (options >= POLL_OPTIONS.min && options <= POLL_OPTIONS.max);
  return (
    hasPoll && patterns.every(([key, pattern]) => pattern.test(texts.get(key) ?? defaultOf(key)))
  );
}

function defaultOf(key: string): string {
  return key === "typing" || key === "connectOnly" || key === "sequence" || key === "preview"
    ? "true"
    : "0";
}

/** The usable ones; Fonnte sends to those and drops the others. */
function readTargets(target: string, countryCode: string): readonly Target[] {
  return target.split(",").flatMap((entry): Target[] => {
    const [address = ""] = entry.trim().split("|");
    if (/^[\d-]{10,40}@g\.us$/.test(address)) return [{ phone: null, group: address, as: address }];
    const number = withCountryCode(address, countryCode);
    const phone = phoneFrom(number);
    return phone === undefined ? [] : [{ phone, group: null, as: phone.slice(1) }];
  });
}

/** Replaces a leading 0; a country code of 0 switches that off. */
export function withCountryCode(number: string, countryCode: string): string {
  const bare = number.replace(/[\s+()-]/g, "");
  return countryCode !== "0" && bare.startsWith("0") ? `${countryCode}${bare.slice(1)}` : bare;
}

/** A reason when it is refused. */
function readAttachment(account: FonnteAccount, fields: Fields): AttachmentSeen | null | string {
  const { texts, fileBytes } = fields;
  const location = texts.get("location");
  if (location !== undefined) {
    const match = /^\s*(-?\d{1,2}(?:\.\d+)?)\s*,\s*(-?\d{1,3}(?:\.\d+)?)\s*$/.exec(location);
    if (match === null) return "input invalid";
    return {
      kind: "location",
      latitude: Number(match[1]),
      longitude: Number(match[2]),
      name: null,
    };
  }
  const url = texts.get("url");
  if (url === undefined && fileBytes === null) return null;
  if (fileBytes !== null && fileBytes > FILE_BYTES_MAX) return "file size must under 4mb";
  if (url !== undefined && !isWebAddress(url)) return "url invalid";
  if (!MEDIA_PACKAGES.includes(account.config.package)) return "url invalid";
  const fileName = texts.get("filename") ?? null;
  if (url === undefined) return { kind: "file", url: null, fileName };
  const isImage = /\.(jpe?g|png|gif|webp)$/i.test(new URL(url).pathname);
  return { kind: isImage ? "image" : "document", url, fileName };
}

export async function readFields(request: VendorRequest): Promise<Fields> {
  const texts = new Map<string, string>();
  const type = request.headers["content-type"] ?? "";
  if (/^application\/x-www-form-urlencoded\b/i.test(type)) {
    for (const [key, value] of new URLSearchParams(request.body.toString("utf8"))) {
      texts.set(key, value);
    }
    return { texts, fileBytes: null };
  }
  if (!/^multipart\/form-data\b/i.test(type)) return { texts, fileBytes: null };
  const form = await readMultipart({ body: request.body, contentType: type });
  let fileBytes: number | null = null;
  for (const [key, value] of form) {
    if (typeof value === "string") texts.set(key, value);
    else if (key === "file") fileBytes = value.size;
  }
  return { texts, fileBytes };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
