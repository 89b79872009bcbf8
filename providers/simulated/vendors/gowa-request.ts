/**
 * Reads and checks what a client asks GOWA to send, against `docs/openapi.yaml` and the gateway's own handling of phones:
 * texts and places as JSON, files as multipart forms, both numbers of a place as strings. A refusal is a sentence.
 */
import { readMultipart } from "../multipart.ts";
import type { AttachmentSeen } from "../seen.ts";
import { phoneFrom } from "../phones.ts";
import { isRecord, isWebAddress } from "./vendor.ts";
import type { Account, ConfigOf } from "../world.ts";
import type { VendorRequest } from "./vendor.ts";

export type GowaAccount = Account<ConfigOf<"gowa">>;

export type GowaOrder = {
  readonly phone: string | null;
  readonly group: string | null;
  readonly text: string;
  readonly attachment: AttachmentSeen | null;
};

export const GOWA_SEND_PATHS = [
  "/send/message",
  "/send/image",
  "/send/file",
  "/send/location",
] as const;
export type GowaSendPath = (typeof GOWA_SEND_PATHS)[number];

export function isGowaSendPath(path: string): path is GowaSendPath {
  return GOWA_SEND_PATHS.some((known) => known === path);
}

export type GowaFields = {
  readonly values: Readonly<Record<string, unknown>>;
  /** Names of the files by their fields. */
  readonly files: ReadonlyMap<string, string>;
};

const NOTHING: GowaFields = { values: {}, files: new Map() };

export async function readGowaFields(request: VendorRequest): Promise<GowaFields> {
  const type = request.headers["content-type"] ?? "";
  if (/^application\/json\b/i.test(type)) {
    try {
      const value: unknown = JSON.parse(request.body.toString("utf8"));
      return isRecord(value) ? { values: value, files: new Map() } : NOTHING;
    } catch {
      return NOTHING;
    }
  }
  if (!/^multipart\/form-data\b/i.test(type)) return NOTHING;
  const form = await readMultipart({ body: request.body, contentType: type });
  const files = new Map<string, string>();
  const values: Record<string, unknown> = {};
  for (const [key, value] of form) {
    if (typeof value === "string") values[key] = value;
    else files.set(key, value.name);
  }
  return { values, files };
}

/** A sentence when it is refused. */
export function readGowaOrder(path: GowaSendPath, fields: GowaFields): GowaOrder | string {
  const { values } = fields;
  if (typeof values["phone"] !== "string" || values["phone"] === "") {
    return "phone: cannot be blank.";
  }
  const chat = readGowaChat(values["phone"]);
  if (typeof chat === "string") return chat;
  const content = readContent(path, fields);
  return typeof content === "string" ? content : { ...chat, ...content };
}

/** A bare value of more than fifteen characters is taken for a group; `+` goes, spaces and dashes stay. */
export function readGowaChat(
  given: string,
): { readonly phone: string | null; readonly group: string | null } | string {
  const bare = given.replace(/\+/g, "");
  if (bare.startsWith("0")) {
    return "phone: phone number must be in international format (should not start with 0).";
  }
  const suffix = bare.length <= 15 ? "@s.whatsapp.net" : "@g.us";
  const jid = bare.includes("@") ? bare : `${bare}${suffix}`;
  if (/^[\d-]{10,40}@g\.us$/.test(jid)) return { phone: null, group: jid };
  const phone = /^\d+@s\.whatsapp\.net$/.test(jid) ? phoneFrom(jid.split("@")[0] ?? "") : undefined;
  return phone === undefined ? "phone: must be a valid JID." : { phone, group: null };
}

function readContent(
  path: GowaSendPath,
  fields: GowaFields,
): Pick<GowaOrder, "text" | "attachment"> | string {
  const { values } = fields;
  if (path === "/send/message") {
    const { message } = values;
    return typeof message === "string" && message !== ""
      ? { text: message, attachment: null }
      : "message: cannot be blank.";
  }
  if (path === "/send/location") {
    const { latitude, longitude } = values;
    if (typeof latitude !== "string" || !isWithin(latitude, 90)) {
      return "latitude: must be a valid latitude.";
    }
    if (typeof longitude !== "string" || !isWithin(longitude, 180)) {
      return "longitude: must be a valid longitude.";
    }
    return {
      text: "",
      attachment: {
        kind: "location",
        latitude: Number(latitude),
        longitude: Number(longitude),
        name: null,
      },
    };
  }
  const caption = values["caption"] ?? "";
  const attachment = readFile(path === "/send/image" ? "image" : "file", fields);
  if (typeof caption !== "string") return "caption: must be text.";
  return typeof attachment === "string" ? attachment : { text: caption, attachment };
}

function isWithin(text: string, max: number): boolean {
  return /^-?\d+(\.\d+)?$/.test(text) && Math.abs(Number(text)) <= max;
}

function readFile(field: "image" | "file", { files, values }: GowaFields): AttachmentSeen | string {
  const kind = field === "image" ? "image" : "document";
  const fileName = files.get(field);
  if (fileName !== undefined) return { kind, url: null, fileName };
  const url = values[`${field}_url`];
  return typeof url === "string" && isWebAddress(url)
    ? { kind, url, fileName: null }
    : `${field}: cannot be blank.`;
}
