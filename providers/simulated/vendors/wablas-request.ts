/**
 * Reads and checks what a client asks Wablas to send: lists in JSON (v2), one text as a form (v1). A refusal is a text in
 * Wablas's words, as far as they are known. https://wablas.com/documentation/api, checked September 2026.
 */
import type { AttachmentSeen } from "../seen.ts";
import { phoneFrom } from "../phones.ts";
import { isRecord, isWebAddress, listOf } from "./vendor.ts";
import type { Account, ConfigOf } from "../world.ts";
import type { VendorRequest } from "./vendor.ts";

export type WablasAccount = Account<ConfigOf<"wablas">>;

/** As integrations were told: one request takes at most so many messages. */
const MESSAGES_MAX = 100;

/** The field of its content, and what the answer calls it. */
const ENDPOINTS = {
  "/api/send-message": { field: "message", kind: "Text" },
  "/api/v2/send-message": { field: "message", kind: "Text" },
  "/api/v2/send-image": { field: "image", kind: "Image" },
  "/api/v2/send-document": { field: "document", kind: "Document" },
  "/api/v2/send-location": { field: "message", kind: "Location" },
} as const;
export type SendPath = keyof typeof ENDPOINTS;

export function isSendPath(path: string): path is SendPath {
  return Object.hasOwn(ENDPOINTS, path);
}

export function kindOf(path: SendPath): string {
  return ENDPOINTS[path].kind;
}

export type Order = {
  readonly phone: string | null;
  readonly group: string | null;
  /** As it was given. */
  readonly as: string;
  readonly text: string;
  readonly attachment: AttachmentSeen | null;
  readonly reference: string | null;
};

type Fields = Readonly<Record<string, unknown>>;

/** A refusal's text when something is wrong with any of them. */
export function readOrders(path: SendPath, request: VendorRequest): readonly Order[] | string {
  const items = path === "/api/send-message" ? readForm(request) : readList(request);
  if (typeof items === "string") return items;
  const orders: Order[] = [];
  for (const item of items) {
    const order = readOrder(path, item);
    if (typeof order === "string") return order;
    orders.push(order);
  }
  return orders;
}

function readForm(request: VendorRequest): readonly Fields[] | string {
  const fields = Object.fromEntries(new URLSearchParams(request.body.toString("utf8")));
  const { phone } = fields;
  if (phone === undefined || phone === "") return "phone is required";
  return phone.split(",").map((one) => ({ ...fields, phone: one.trim() }));
}

function readList(request: VendorRequest): readonly Fields[] | string {
  const type = request.headers["content-type"] ?? "";
  if (!/^application\/json\b/i.test(type)) return "data is required";
  const body = parseJson(request.body.toString("utf8"));
  const list = isRecord(body) ? listOf(body["data"]) : undefined;
  if (list === undefined || list.length === 0) return "data is required";
  if (list.length > MESSAGES_MAX) return "too many messages";
  const items = list.filter(isRecord);
  return items.length === list.length ? items : "data format invalid";
}

function readOrder(path: SendPath, item: Fields): Order | string {
  const { phone } = item;
  if (typeof phone !== "string" || phone === "") return "phone is required";
  const to = readRecipient(phone, item["isGroup"]);
  if (to === null) return "phone invalid";
  const content = readContent(path, item);
  if (typeof content === "string") return content;
  const reference = item["ref_id"];
  return {
    ...to,
    as: phone,
    ...content,
    reference: typeof reference === "string" ? reference : null,
  };
}

function readRecipient(
  phone: string,
  isGroup: unknown,
): { readonly phone: string | null; readonly group: string | null } | null {
  if (isGroup === true || isGroup === "true") {
    return /^(?:\d{18,25}|\d{8,15}-\d{10})$/.test(phone)
      ? { phone: null, group: `${phone}@g.us` }
      : null;
  }
  const number = /^\d+$/.test(phone) ? phoneFrom(phone.replace(/^0/, "62")) : undefined;
  return number === undefined ? null : { phone: number, group: null };
}

type Content = { readonly text: string; readonly attachment: AttachmentSeen | null };

function readContent(path: SendPath, item: Fields): Content | string {
  const { field } = ENDPOINTS[path];
  const given = item[field];
  const caption = typeof item["caption"] === "string" ? item["caption"] : "";
  switch (path) {
    case "/api/send-message":
    case "/api/v2/send-message":
      return typeof given === "string" && given !== ""
        ? { text: given, attachment: null }
        : "message is required";
    case "/api/v2/send-image":
    case "/api/v2/send-document": {
      if (typeof given !== "string" || !isWebAddress(given)) return `${field} url invalid`;
      const kind = path === "/api/v2/send-image" ? "image" : "document";
      return { text: caption, attachment: { kind, url: given, fileName: null } };
    }
    case "/api/v2/send-location": {
      const place = isRecord(given) ? given : {};
      const { latitude, longitude, name } = place;
      if (typeof latitude !== "number" || typeof longitude !== "number") {
        return "latitude and longitude are required";
      }
      return {
        text: "",
        attachment: {
          kind: "location",
          latitude,
          longitude,
          name: typeof name === "string" ? name : null,
        },
      };
    }
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
