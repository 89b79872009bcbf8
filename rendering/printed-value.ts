/**
 * How a value of the data stands in a message. Data comes from other systems and from people: whatever it holds, it stays
 * one piece of one line and never formats, links or speaks anything that the template's author did not write.
 */
import { LINKS } from "./speakable.ts";

/** What reads the text: WhatsApp (formats on `*_~` and backticks), a plain screen, or a voice. */
export type TextStyle = "whatsapp" | "plain";

/** A value of the data may not carry more than this into a message; a description is longer than any name or place. */
export const VALUE_CHARS_MAX = 1_500;

/** WhatsApp has no escape character, and invisible ones are not dependable: marks become letters that look like them. */
const MARK_LOOKALIKES: Readonly<Record<string, string>> = {
  "*": "\u2217",
  _: "\u02cd",
  "~": "\u223c",
  "`": "\u02cb",
};

/** The same marks inside a link, where a look-alike would break it (RFC 3986, section 2.1). */
const MARKS_IN_LINKS: Readonly<Record<string, string>> = {
  "*": "%2A",
  _: "%5F",
  "~": "%7E",
  "`": "%60",
};

/** Control characters, and those that turn the direction of what follows and so can disguise it. */
const INVISIBLE = /[\p{Cc}\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff]/gu;

/** `null`, texts, numbers, booleans, lists and objects of these → one line of text. */
export function printValue(value: unknown, style: TextStyle): string {
  const text = shorten(oneLine(plainText(value)));
  return style === "whatsapp" ? escapeMarks(text) : text;
}

function plainText(value: unknown): string {
  if (value === null || value === undefined) return "";
  if (typeof value === "string") return value;
  if (typeof value === "number" || typeof value === "boolean" || typeof value === "bigint") {
    return String(value);
  }
  if (Array.isArray(value)) return value.map(plainText).join(", ");
  if (typeof value === "object") return Object.values(value).map(plainText).join(", ");
  return "";
}

/** A line break in data could forge a footer or a line of the template: it becomes a space. */
function oneLine(text: string): string {
  return text
    .replace(/[\s\u2028\u2029]+/gu, " ")
    .replace(INVISIBLE, "")
    .trim();
}

function shorten(text: string): string {
  return text.length <= VALUE_CHARS_MAX
    ? text
    : `${text.slice(0, VALUE_CHARS_MAX - 1).replace(/[\ud800-\udbff]$/u, "")}…`;
}

function escapeMarks(text: string): string {
  return splitAtLinks(text)
    .map(({ part, isLink }) =>
      isLink
        ? replaceMarks(part, MARKS_IN_LINKS)
        : // A line that begins so is shown as a quotation or a list.
          replaceMarks(part, MARK_LOOKALIKES)
            .replace(/^>/u, "›")
            .replace(/^-(?= )/u, "–"),
    )
    .join("");
}

/** An underscore inside a word formats nothing, and names of devices and mailboxes stay copyable. */
function replaceMarks(text: string, replacements: Readonly<Record<string, string>>): string {
  return text.replace(
    /[*~`]|(?<![\p{L}\p{N}])_|_(?![\p{L}\p{N}])/gu,
    (mark) => replacements[mark] ?? mark,
  );
}

function splitAtLinks(text: string): readonly { part: string; isLink: boolean }[] {
  const parts: { part: string; isLink: boolean }[] = [];
  let end = 0;
  for (const match of text.matchAll(LINKS)) {
    parts.push({ part: text.slice(end, match.index), isLink: false });
    parts.push({ part: match[0], isLink: true });
    end = match.index + match[0].length;
  }
  parts.push({ part: text.slice(end), isLink: false });
  return parts;
}
