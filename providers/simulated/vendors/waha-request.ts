/**
 * Reads and checks what a client asks WAHA to send, against its OpenAPI description 2026.7.1: JSON bodies with required
 * fields of the right types, files as Base64 or by address, chats as `…@c.us`, `…@lid` or `…@g.us`. A refusal is a sentence.
 */
import type { AttachmentSeen } from "../seen.ts";
import { phoneFrom } from "../phones.ts";
import { isRecord, isWebAddress } from "./vendor.ts";
import type { Account, ConfigOf } from "../world.ts";
import type { VendorRequest } from "./vendor.ts";

export type WahaAccount = Account<ConfigOf<"waha">>;

export type WahaOrder = {
  readonly phone: string | null;
  readonly group: string | null;
  readonly chatId: string;
  readonly text: string;
  readonly attachment: AttachmentSeen | null;
  /** Chosen by the client; only some engines honour it. */
  readonly id: string | null;
};

export const WAHA_SEND_PATHS = [
  "/api/sendText",
  "/api/sendImage",
  "/api/sendFile",
  "/api/sendLocation",
] as const;
export type WahaSendPath = (typeof WAHA_SEND_PATHS)[number];

export function isWahaSendPath(path: string): path is WahaSendPath {
  return WAHA_SEND_PATHS.some((known) => known === path);
}

export type Fields = Readonly<Record<string, unknown>>;

/** Null when the body is no JSON object. */
export function readBody(request: VendorRequest): Fields | null {
  if (!/^application\/json\b/i.test(request.headers["content-type"] ?? "")) return null;
  try {
    const value: unknown = JSON.parse(request.body.toString("utf8"));
    return isRecord(value) ? value : null;
  } catch {
    return null;
  }
}

/** A sentence when it is refused. */
export function readOrder(path: WahaSendPath, body: Fields): WahaOrder | string {
  const chatId = body["chatId"];
  if (typeof body["session"] !== "string") return "session must be a string";
  if (typeof chatId !== "string") return "chatId must be a string";
  const chat = readChat(chatId);
  if (chat === null) return "chatId must be a chat id";
  const id = body["id"] ?? null;
  if (id !== null && (typeof id !== "string" || id === "")) return "id must be a string";
  const content = readContent(path, body);
  if (typeof content === "string") return content;
  // Files have no id of the client's choice.
  const takesId = path === "/api/sendText" || path === "/api/sendLocation";
  return { ...chat, chatId, ...content, id: takesId ? id : null };
}

export function readChat(
  chatId: string,
): { readonly phone: string | null; readonly group: string | null } | null {
  if (/^[\d-]{10,40}@g\.us$/.test(chatId)) return { phone: null, group: chatId };
  const phone = /^[1-9]\d{6,14}@c\.us$/.test(chatId) ? phoneFrom(chatId.slice(0, -5)) : undefined;
  return phone === undefined ? null : { phone, group: null };
}

function readContent(
  path: WahaSendPath,
  body: Fields,
): Pick<WahaOrder, "text" | "attachment"> | string {
  if (path === "/api/sendText") {
    const { text } = body;
    if (typeof text !== "string" || text === "") return "text must be a string";
    const preview = body["linkPreview"];
    if (preview !== undefined && typeof preview !== "boolean") return "linkPreview must be boolean";
    return { text, attachment: null };
  }
  if (path === "/api/sendLocation") {
    const { latitude, longitude, title } = body;
    if (typeof latitude !== "number" || Math.abs(latitude) > 90) return "latitude must be a number";
    if (typeof longitude !== "number" || Math.abs(longitude) > 180) {
      return "longitude must be a number";
    }
    if (typeof title !== "string") return "title must be a string";
    return { text: "", attachment: { kind: "location", latitude, longitude, name: title } };
  }
  const caption = body["caption"] ?? "";
  if (typeof caption !== "string") return "caption must be a string";
  const attachment = readFile(path, body["file"]);
  return typeof attachment === "string" ? attachment : { text: caption, attachment };
}

function readFile(path: WahaSendPath, file: unknown): AttachmentSeen | string {
  if (!isRecord(file)) return "file must be an object";
  const { data, filename, mimetype, url } = file;
  if (typeof mimetype !== "string" || mimetype === "") return "file.mimetype must be a string";
  if (filename !== undefined && typeof filename !== "string")
    return "file.filename must be a string";
  const hasBytes = typeof data === "string" && data !== "" && /^[A-Za-z0-9+/]+={0,2}$/.test(data);
  const isRemote = typeof url === "string" && isWebAddress(url);
  if (!hasBytes && !isRemote) return "file.data or file.url must be given";
  return {
    kind: path === "/api/sendImage" ? "image" : "document",
    url: isRemote ? url : null,
    fileName: filename ?? null,
  };
}
