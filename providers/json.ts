/** Reads answers and webhooks of which nothing may be taken for granted: every read has a value for "not there". */

export type JsonObject = Readonly<Record<string, unknown>>;

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Null for everything that is not a JSON object; the parser's own error is dropped because it quotes the text. */
export function parseJsonObject(text: string): JsonObject | null {
  const value = parseJson(text);
  return isJsonObject(value) ? value : null;
}

/** The objects of a JSON list; null for everything that is no list. */
export function parseJsonObjects(text: string): readonly JsonObject[] | null {
  const value = parseJson(text);
  return Array.isArray(value) ? value.filter(isJsonObject) : null;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

export function objectAt(object: JsonObject, key: string): JsonObject {
  const value = object[key];
  return isJsonObject(value) ? value : {};
}

/** The objects of a list; anything else in it is left out. */
export function objectsAt(object: JsonObject, key: string): readonly JsonObject[] {
  const value = object[key];
  return Array.isArray(value) ? value.filter(isJsonObject) : [];
}

/** Text, or a number as text; null for anything else and for the empty string. */
export function textAt(object: JsonObject, key: string): string | null {
  const value = object[key];
  if (typeof value === "number" && Number.isFinite(value)) return String(value);
  return typeof value === "string" && value !== "" ? value : null;
}

/** A number, or text that is one. */
export function numberAt(object: JsonObject, key: string): number | null {
  const value = object[key];
  if (typeof value === "string" && value.trim() === "") return null;
  const number = typeof value === "string" ? Number(value) : value;
  return typeof number === "number" && Number.isFinite(number) ? number : null;
}

/** Unix seconds (or ms, as the size tells) to epoch ms. */
export function epochMsAt(object: JsonObject, key: string): number | null {
  const value = numberAt(object, key);
  if (value === null || value <= 0) return null;
  // 1e11 seconds is the year 5138, 1e11 ms is 1973: no message lies between.
  return Math.round(value < 1e11 ? value * 1000 : value);
}
