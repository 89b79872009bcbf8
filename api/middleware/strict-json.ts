import type { MiddlewareHandler } from "hono";
import type { AppContext, AppEnv } from "../http.ts";
import { InvalidInput, Malformed } from "../verbs/errors.ts";
import type { Problem } from "../verbs/errors.ts";

/**
 * Reads a JSON body once, strictly, before any schema sees it, and refuses what JSON.parse would let through in a way
 * that nobody meant: bytes that aren't UTF-8, a member that is there twice (the last would win), numbers beyond what a
 * double holds exactly, NUL and lone surrogates (PostgreSQL can't store them), a name that JavaScript gives a meaning of
 * its own, and nesting without end.
 */

/** Deeper than any request of the contract, shallow enough for every function that walks it. */
export const BODY_DEPTH_MAX = 32;
/** One answer names at most so many bad fields. */
const PROBLEMS_MAX = 100;

const BODILESS = new Set(["GET", "HEAD"]);
const JSON_TYPE = /^application\/([\w.-]+\+)?json$/;

export function strictJson(): MiddlewareHandler<AppEnv> {
  return async function strictJson(c, next) {
    if (!BODILESS.has(c.req.method) && JSON_TYPE.test(mediaTypeOf(c))) {
      const bytes = await c.req.arrayBuffer();
      if (bytes.byteLength === 0) {
        readAsEmptyObject(c);
        c.set("json", {});
      } else {
        const text = decode(new Uint8Array(bytes));
        keepText(c, text);
        c.set("json", parseStrictJson(text));
      }
    }
    await next();
  };
}

/** Clients that always send the header send it with an act that needs no body, too. */
function readAsEmptyObject(c: AppContext): void {
  const { method, headers } = c.req.raw;
  c.req.bodyCache = {};
  c.req.raw = new Request(c.req.url, { method, headers, body: "{}" });
}

/**
 * For the validators: without it Hono would make a Response of the bytes only to read them as a text. Its type speaks of texts where it keeps promises of them
 * (hono 4.13, `HonoRequest.#cachedBody`).
 */
function keepText(c: AppContext, text: string): void {
  Object.assign(c.req.bodyCache, { text: Promise.resolve(text) });
}

function mediaTypeOf(c: AppContext): string {
  return (c.req.header("content-type") ?? "").split(";", 1).join("").trim().toLowerCase();
}

/**
 * @throws Malformed when it isn't one JSON text in UTF-8 with each member once
 * @throws InvalidInput when it holds values that can't be kept as they are
 */
export function parseStrictJson(text: string): unknown {
  const value = parse(text);
  const seen = { members: 0, problems: [] as Problem[] };
  walk(value, "", 0, seen);
  if (seen.members !== countMembers(text)) {
    throw new Malformed("duplicate_member", "A member of an object is there more than once.");
  }
  if (seen.problems.length > 0) {
    throw new InvalidInput(seen.problems);
  }
  return value;
}

function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new Malformed("malformed", "The body is not UTF-8.");
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Malformed("malformed", "The body is not JSON.");
  }
}

/** Outside of strings a valid JSON text has one colon for each member. */
function countMembers(text: string): number {
  return text.replace(/"(?:[^"\\]|\\.)*"/g, "").split(":").length - 1;
}

type Seen = { members: number; readonly problems: Problem[] };

function walk(value: unknown, path: string, depth: number, seen: Seen): void {
  if (depth > BODY_DEPTH_MAX) {
    throw new Malformed("too_deep", `The body is nested deeper than ${BODY_DEPTH_MAX} levels.`);
  }
  if (typeof value === "string") {
    checkText(value, path, seen);
  } else if (typeof value === "number") {
    if (!Number.isFinite(value) || (Number.isInteger(value) && !Number.isSafeInteger(value))) {
      report(seen, path, "number_too_large", "A number beyond 2^53 loses digits: send it as text.");
    }
  } else if (Array.isArray(value)) {
    value.forEach((item, index) => walk(item, joinPath(path, String(index)), depth + 1, seen));
  } else if (typeof value === "object" && value !== null) {
    for (const [name, member] of Object.entries(value)) {
      seen.members += 1;
      const memberPath = joinPath(path, name);
      checkText(name, memberPath, seen);
      if (name === "__proto__") {
        report(seen, memberPath, "invalid_name", "A field can't have this name.");
      }
      walk(member, memberPath, depth + 1, seen);
    }
  }
}

function joinPath(path: string, name: string): string {
  return path === "" ? name : `${path}.${name}`;
}

function checkText(text: string, path: string, seen: Seen): void {
  const rule = textProblem(text);
  if (rule !== null) {
    report(seen, path, rule.code, rule.message);
  }
}

const LONE_SURROGATE = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/;

/** Why a text can't be stored, or null. */
export function textProblem(text: string): Omit<Problem, "path"> | null {
  if (text.includes("\0")) {
    return { code: "nul_character", message: "Must not contain the NUL character." };
  }
  return LONE_SURROGATE.test(text)
    ? { code: "lone_surrogate", message: "Must be whole Unicode characters." }
    : null;
}

function report(seen: Seen, path: string, code: string, message: string): void {
  if (seen.problems.length < PROBLEMS_MAX) {
    seen.problems.push({
      path: path.slice(0, 200).replaceAll(/[\0\ud800-\udfff]/g, "�"),
      code,
      message,
    });
  }
}
