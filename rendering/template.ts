/**
 * Templates: Liquid, strict and bounded. Data is printed, never parsed again, so braces in it are text. A template can
 * reach nothing but the values handed to it: no files, no other templates, no inherited properties, no way around the
 * escaping of data, and neither the host's clock nor its time zone.
 */
import { Liquid } from "liquidjs";
import type { Template as LiquidTemplate } from "liquidjs";
import type { Channel } from "../domain/channel.ts";
import type { Locale } from "../domain/locale.ts";
import { formatInstant } from "./instant.ts";
import { codeLabel } from "./notice.ts";
import { printValue } from "./printed-value.ts";
import type { TextStyle } from "./printed-value.ts";
import { toSpeech, withoutPictures } from "./speakable.ts";
import { ticketNumber } from "./ticket-number.ts";

/** The longest message of any channel that a person would read to its end; Fonnte's own limit is fifteen times this. */
export const TEMPLATE_CHARS_MAX = 4_000;
/** Only a runaway loop reaches these; a process that stalls for a moment must not lose a message. */
const RENDER_MS_MAX = 2_000;
const RENDER_OBJECTS_MAX = 100_000;

const TAGS = ["if", "unless", "case", "for", "break", "continue", "assign", "comment", "raw", "#"];
const FILTERS = [
  "abs append at_least at_most capitalize ceil compact concat default divided_by downcase first floor join last",
  "lstrip map minus modulo plus prepend remove replace reverse round rstrip size slice sort split strip times",
  "truncate truncatewords uniq upcase where",
].flatMap((line) => line.split(" "));

export type TemplateData = Readonly<Record<string, unknown>>;

export type TemplateProblem = {
  /** 1-based; null where the problem belongs to the whole body. */
  readonly line: number | null;
  readonly column: number | null;
  /** English, without data. */
  readonly message: string;
};

/** A checked body; make it once per version and keep it. */
export type ParsedTemplate = {
  readonly body: string;
  /** Names that the body takes from the data, optional ones included, in order of appearance. */
  readonly variables: readonly string[];
};

export type ParseResult =
  | { readonly ok: true; readonly template: ParsedTemplate }
  | { readonly ok: false; readonly problems: readonly TemplateProblem[] };

/** The data lacks values that the template can't do without. Names variables only. */
export class MissingVariables extends Error {
  readonly variables: readonly string[];

  constructor(variables: readonly string[]) {
    super(`template variables are missing: ${variables.join(", ")}`);
    this.name = "MissingVariables";
    this.variables = variables;
  }
}

/** The body is no template, or rendering it went over its limits. Privacy: its text quotes no data. */
export class TemplateFailed extends Error {
  constructor(what: string) {
    super(`the template can't be rendered: ${what}`);
    this.name = "TemplateFailed";
  }
}

/** Checks a body as an administrator wrote it and names everything that is wrong with it at once. */
export function parseTemplate(body: string): ParseResult {
  const problems: TemplateProblem[] = [];
  if (body.trim() === "") problems.push(wholeBody("the text is empty"));
  if (body.length > TEMPLATE_CHARS_MAX) {
    problems.push(wholeBody(`the text is longer than ${TEMPLATE_CHARS_MAX} characters`));
  }
  if (problems.length > 0) return { ok: false, problems };
  for (const match of body.matchAll(SINGLE_BRACES)) {
    const before = body.slice(0, match.index).split("\n");
    problems.push({
      line: before.length,
      column: (before.at(-1)?.length ?? 0) + 1,
      message: `variables stand in two braces: {{ ${match[1] ?? ""} }}`,
    });
  }
  try {
    const parsed = ENGINES.plain.parse(withTicketPrefixOnce(body));
    if (problems.length > 0) return { ok: false, problems };
    return {
      ok: true,
      template: { body, variables: ENGINES.plain.globalVariablesSync(parsed) },
    };
  } catch (error) {
    return { ok: false, problems: [...problems, ...leafErrors(error).map(toProblem)] };
  }
}

/**
 * Names that a body takes from the data, in order of appearance.
 *
 * @throws TemplateFailed
 */
export function templateVariables(body: string): readonly string[] {
  const result = parseTemplate(body);
  if (!result.ok)
    throw new TemplateFailed(result.problems.map(({ message }) => message).join("; "));
  return result.template.variables;
}

/**
 * Variables without which this very data can't be rendered. A value that is null counts as missing; one that the body
 * only asks about (`if`, `unless`, `default`) may be absent. Empty: rendering will succeed.
 *
 * @throws TemplateFailed
 */
export function missingVariables(body: string, data: TemplateData): readonly string[] {
  try {
    run("plain", body, data, { locale: "id", timeZone: "UTC" });
    return [];
  } catch (error) {
    if (error instanceof MissingVariables) return error.variables;
    throw error;
  }
}

export type RenderInput = {
  readonly body: string;
  readonly data: TemplateData;
  /** What will show the text: data is escaped for it. */
  readonly channel: Channel;
  readonly locale: Locale;
  /** The channel that the body was written for, when another one's text stands in; WhatsApp's marks are then removed. */
  readonly bodyChannel?: Channel;
  /** IANA zone in which `local_time` prints instants; UTC when absent, and then it says so. */
  readonly timeZone?: string;
};

/**
 * The text of one message, without footer and uncut.
 *
 * @throws MissingVariables, TemplateFailed
 */
export function renderText(input: RenderInput): string {
  const { channel, locale, bodyChannel = channel } = input;
  const isForWhatsApp = isWhatsApp(channel);
  const body = isWhatsApp(bodyChannel) && !isForWhatsApp ? withoutMarks(input.body) : input.body;
  const text = tidyLines(
    run(isForWhatsApp ? "whatsapp" : "plain", body, input.data, {
      locale,
      timeZone: input.timeZone ?? "UTC",
    }),
  );
  if (channel === "call") return toSpeech(text, locale);
  return channel === "sms" && isWhatsApp(bodyChannel) ? tidyLines(withoutPictures(text)) : text;
}

export function isWhatsApp(channel: Channel): boolean {
  return channel === "whatsapp_personal" || channel === "whatsapp_group";
}

/** `{name}` as in older texts of the first owner: WhatsApp would show it as it stands. */
const SINGLE_BRACES = /(?<![{%])\{\s*(\w+)\s*\}(?!\})/gu;

/** The brief writes `TKT{ticket_id}`, while ticket systems give ids with or without that prefix. */
function withTicketPrefixOnce(body: string): string {
  return body.replace(/TKT(\{\{-?\s*[\w.]+)(\s*(?:\|[^{}]*)?\}\})/gu, "$1 | ticket_number$2");
}

/** Removes WhatsApp's marks from what the author wrote, leaving the parts between braces alone. */
function withoutMarks(body: string): string {
  return body
    .split(/(\{\{[\s\S]*?\}\}|\{%[\s\S]*?%\})/u)
    .map((part, index) =>
      index % 2 === 1 ? part : part.replace(/[*~`]|(?<![\p{L}\p{N}])_|_(?![\p{L}\p{N}])/gu, ""),
    )
    .join("");
}

/** Lines that guards left empty, and blanks at the ends of lines, are no part of the message. */
function tidyLines(text: string): string {
  return text
    .replace(/[^\S\n]+$/gmu, "")
    .replace(/^[^\S\n]+/gmu, "")
    .replace(/\n{3,}/gu, "\n\n")
    .trim();
}

type Locality = { readonly locale: Locale; readonly timeZone: string };

function run(style: TextStyle, body: string, data: TemplateData, locality: Locality): string {
  const engine = ENGINES[style];
  try {
    const parsed = parsedFor(style, body);
    return withoutStacks(() =>
      asText(engine.renderSync(parsed, withoutNulls(data), { globals: { [LOCALITY]: locality } })),
    );
  } catch (error) {
    const errors = leafErrors(error);
    const missing = errors.map(missingVariable);
    const names = missing.filter((name) => name !== null);
    if (names.length > 0 && names.length === missing.length) {
      throw new MissingVariables([...new Set(names)]);
    }
    throw new TemplateFailed(
      errors
        .filter((_, index) => missing[index] === null)
        .map(({ message }) => message)
        .join("; "),
    );
  }
}

/** To liquidjs each absent name that a body only asks about is an error, thrown and caught: its stack, which nobody reads, costs as much as the text. */
function withoutStacks<Result>(work: () => Result): Result {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  try {
    return work();
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}

/** Several hundred texts are more than an installation has; previews of unsaved ones push out the oldest. */
const PARSED_MAX = 500;
const parsedBodies = new Map<string, LiquidTemplate[]>();

/** Parsing costs ten times what rendering does, and a parsed body keeps no state. */
function parsedFor(style: TextStyle, body: string): LiquidTemplate[] {
  const key = `${style} ${body}`;
  const known = parsedBodies.get(key);
  if (known !== undefined) return known;
  const parsed = ENGINES[style].parse(withTicketPrefixOnce(body));
  const [oldest] = parsedBodies.keys();
  if (parsedBodies.size >= PARSED_MAX && oldest !== undefined) parsedBodies.delete(oldest);
  parsedBodies.set(key, parsed);
  return parsed;
}

/** Not a word of Liquid, so no template can name it. */
const LOCALITY = "(locality)";

function buildEngine(style: TextStyle): Liquid {
  const engine = new Liquid({
    strictVariables: true,
    strictFilters: true,
    lenientIf: true,
    ownPropertyOnly: true,
    catchAllErrors: true,
    parseLimit: TEMPLATE_CHARS_MAX * 2,
    renderLimit: RENDER_MS_MAX,
    memoryLimit: RENDER_OBJECTS_MAX,
    // A name that is never found: there are no files behind a template.
    templates: {},
    outputEscape: (value: unknown) => printValue(value, style),
  });
  keepOnly(engine.tags, TAGS);
  keepOnly(engine.filters, FILTERS);
  engine.registerFilter("ticket_number", (value: unknown) =>
    ticketNumber(printValue(value, "plain")),
  );
  engine.registerFilter("status_label", function (value: unknown) {
    const code = printValue(value, "plain");
    return (
      codeLabel(code, localityOf(this.context.globals).locale) ??
      code.replaceAll("_", " ").replace(/(?<=^| )\p{Ll}/gu, (letter) => letter.toUpperCase())
    );
  });
  engine.registerFilter("local_time", function (value: unknown) {
    const { locale, timeZone } = localityOf(this.context.globals);
    return formatInstant(value, locale, timeZone);
  });
  return engine;
}

const ENGINES: Readonly<Record<TextStyle, Liquid>> = {
  whatsapp: buildEngine("whatsapp"),
  plain: buildEngine("plain"),
};

function keepOnly(registry: Record<string, unknown>, names: readonly string[]): void {
  for (const name of Object.keys(registry)) {
    if (!names.includes(name)) Reflect.deleteProperty(registry, name);
  }
}

/** `run` is the only caller of the engines and puts a Locality there. */
function localityOf(globals: object): Locality {
  return (globals as Record<typeof LOCALITY, Locality>)[LOCALITY];
}

/** liquidjs types what it renders as `any`; with `keepOutputType` off it is text. */
function asText(rendered: unknown): string {
  return String(rendered);
}

function withoutNulls(data: TemplateData): TemplateData {
  return Object.fromEntries(
    Object.entries(data).filter(([, value]) => value !== null && value !== undefined),
  );
}

type LeafError = { readonly message: string; readonly cause: unknown };

/** liquidjs nests what it collected: errors inside a tag's block hang below the tag's own. */
function leafErrors(error: unknown): readonly LeafError[] {
  if (error instanceof Error && "errors" in error && Array.isArray(error.errors)) {
    return error.errors.flatMap(leafErrors);
  }
  if (!(error instanceof Error)) throw error;
  return [
    { message: error.message, cause: "originalError" in error ? error.originalError : error },
  ];
}

/** The root name of the variable whose absence an error reports; null for any other error. */
function missingVariable({ cause }: LeafError): string | null {
  return cause instanceof Error && "variableName" in cause && typeof cause.variableName === "string"
    ? (cause.variableName.split(/[.[]/u)[0] ?? cause.variableName)
    : null;
}

function toProblem({ message }: LeafError): TemplateProblem {
  const at = /^(.*?)(?:, file:.*?)?, line:(\d+), col:(\d+)$/su.exec(message);
  if (at === null) return wholeBody(message);
  return { line: Number(at[2]), column: Number(at[3]), message: at[1] ?? message };
}

function wholeBody(message: string): TemplateProblem {
  return { line: null, column: null, message };
}
