/**
 * WhatsApp's ids of messages as WAHA writes them: `{fromMe}_{chat}_{key}[_{participant}]`, an object around it, or the key
 * alone, depending on engine and event. Only the key names the message: the chat may be written with a phone or with an
 * alias, and receipts in groups add the member. https://waha.devlike.pro/docs/how-to/events/ and issues 569, 1122, 1464,
 * checked September 2026.
 */
import { isJsonObject, objectAt, textAt } from "../json.ts";
import type { JsonObject } from "../json.ts";

const FULL_ID = /^(?:true|false)_[^_]+_([^_]+)(?:_.+)?$/;

/** The key of an id in any of its forms; null when there is none. */
export function keyIdOf(id: unknown): string | null {
  if (typeof id === "string") {
    const key = FULL_ID.exec(id)?.[1] ?? id;
    return /^[\w.-]+$/.test(key) ? key : null;
  }
  if (!isJsonObject(id)) return null;
  return keyIdOf(textAt(id, "id") ?? textAt(id, "_serialized"));
}

/** The key of a message: its `id`, else the engine's own `key.id`, on top or within its raw data. */
export function keyIdOfMessage(message: JsonObject): string | null {
  const raw = objectAt(message, "_data");
  return (
    keyIdOf(message["id"]) ??
    keyIdOf(objectAt(message, "key")["id"]) ??
    keyIdOf(objectAt(raw, "key")["id"]) ??
    keyIdOf(raw["id"])
  );
}
