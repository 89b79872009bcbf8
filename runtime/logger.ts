import { pino } from "pino";
import type { DestinationStream } from "pino";
import type { LogLevel } from "./env.ts";
import { Secret } from "./secret.ts";

/**
 * Structured logs, one JSON object a line. `Privacy:` fields pass through `maskFields`, which hides secrets by their
 * type, and phone numbers and chat ids wherever they stand in a text, so that nobody has to remember to.
 */

export type LogFields = Readonly<Record<string, unknown>>;

export type Logger = {
  debug(fields: LogFields, message: string): void;
  info(fields: LogFields, message: string): void;
  warn(fields: LogFields, message: string): void;
  error(fields: LogFields, message: string): void;
};

export type LoggerOptions = {
  readonly level: LogLevel;
  /** Which process writes: `api`, `worker`, `migrate`, … */
  readonly process: string;
  /**
   * Lines below a warning may wait a moment for others. For a server that writes some for every request; false if not given. What Node lives to see (the end, an
   * exit, an uncaught error) loses nothing; a process that is killed loses the lines of its last moment.
   */
  readonly gathers?: boolean;
  /** Standard output, if not given. */
  readonly destination?: DestinationStream;
};

/** Soon enough for whoever watches; a write for each line costs more than everything else about it. */
const GATHER_MS = 100;
/** Below what sonic-boom writes at once (16 KB). */
const GATHERED_BYTES_MAX = 8_192;

export function createLogger({
  level,
  process,
  gathers = false,
  destination,
}: LoggerOptions): Logger {
  const options = {
    level,
    base: { process },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
  };
  const output = gathers ? pino.destination({ sync: false, minLength: GATHERED_BYTES_MAX }) : null;
  const log = pino(options, destination ?? output ?? pino.destination());
  let timer: NodeJS.Timeout | null = null;
  const flush = (): void => {
    if (timer !== null) clearTimeout(timer);
    timer = null;
    output?.flush();
  };
  const write = (method: LogLevel, fields: LogFields, message: string): void => {
    if (!log.isLevelEnabled(method)) return;
    log[method](maskFields(fields), maskText(message));
    if (output === null) return;
    if (method === "warn" || method === "error") flush();
    else timer ??= setTimeout(flush, GATHER_MS).unref();
  };
  return {
    debug: (fields, message) => write("debug", fields, message),
    info: (fields, message) => write("info", fields, message),
    warn: (fields, message) => write("warn", fields, message),
    error: (fields, message) => write("error", fields, message),
  };
}

/** For code under test and programs whose log nobody reads. */
export const SILENT_LOGGER: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};

const REDACTED = "[redacted]";
const PHONE_MASK = "[phone]";
const CHAT_MASK = "[chat]";

/** Names under which personal data or secrets arrive from outside (vendor bodies, headers), compared in lower case. */
const HIDDEN_NAMES = new Set(
  [
    "authorization cookie set-cookie password secret token apiKey api_key key signature otp code_verifier",
    "phone phoneNumber phone_number msisdn wa_id recipient_number chatId chat_id to_number from_number",
    "body text message_text caption email address latitude longitude",
  ]
    .join(" ")
    .split(" ")
    .map((name) => name.toLowerCase()),
);

/** WhatsApp addresses of persons and groups: digits, perhaps two groups of them, before a known host. */
const CHAT_ID = /\d{5,20}(?:-\d{5,20})?(?::\d+)?@(?:g\.us|s\.whatsapp\.net|c\.us|lid)/g;
/** International, or national with a leading zero; not part of a longer word such as an id. */
const PHONE =
  /(?<![\w.-])(?:\+|00)?[1-9]\d(?:[ -]?\d){7,12}(?![\w-])|(?<![\w.-])0\d(?:[ -]?\d){7,11}(?![\w-])/g;
const URL_CREDENTIALS = /\/\/[^/\s:@]+:[^/\s@]+@/g;
/** Deep enough for a vendor's answer, shallow enough for a cyclic one. */
const DEPTH_MAX = 6;

/** A text without phone numbers, chat ids and credentials in addresses. Instants written in ISO form stay. */
export function maskText(text: string): string {
  return text
    .replace(URL_CREDENTIALS, `//${REDACTED}@`)
    .replace(CHAT_ID, CHAT_MASK)
    .replace(PHONE, (found, offset: number) => (isInstant(text, offset) ? found : PHONE_MASK));
}

function isInstant(text: string, offset: number): boolean {
  return /^\d{4}-\d{2}-\d{2}(?:[T ]|$)/.test(text.slice(offset, offset + 11));
}

/** A copy of the fields that is safe to write. */
export function maskFields(fields: LogFields): Record<string, unknown> {
  const masked: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(fields)) {
    masked[name] = maskNamed(name, value, 0);
  }
  return masked;
}

function maskNamed(name: string, value: unknown, depth: number): unknown {
  const isHidden = HIDDEN_NAMES.has(name.toLowerCase()) && value !== null && value !== undefined;
  return isHidden ? REDACTED : maskValue(value, depth);
}

function maskValue(value: unknown, depth: number): unknown {
  if (typeof value === "string") {
    return maskText(value);
  }
  if (typeof value === "bigint") {
    return value.toString();
  }
  if (typeof value !== "object" || value === null) {
    return value;
  }
  if (value instanceof Secret) {
    return REDACTED;
  }
  if (depth >= DEPTH_MAX) {
    return "[deep]";
  }
  if (value instanceof Error) {
    return maskError(value, depth);
  }
  if (value instanceof Date) {
    return value.toISOString();
  }
  if (ArrayBuffer.isView(value)) {
    return `[${value.byteLength} bytes]`;
  }
  if (Array.isArray(value)) {
    return value.map((item: unknown) => maskValue(item, depth + 1));
  }
  const masked: Record<string, unknown> = {};
  for (const [name, item] of Object.entries(value)) {
    masked[name] = maskNamed(name, item, depth + 1);
  }
  return masked;
}

function maskError(error: Error, depth: number): Record<string, unknown> {
  const masked: Record<string, unknown> = { name: error.name, message: maskText(error.message) };
  if ("code" in error && (typeof error.code === "string" || typeof error.code === "number")) {
    masked["code"] = error.code;
  }
  if (error.stack !== undefined) {
    masked["stack"] = maskText(error.stack);
  }
  if (error.cause !== undefined) {
    masked["cause"] = maskValue(error.cause, depth + 1);
  }
  return masked;
}
