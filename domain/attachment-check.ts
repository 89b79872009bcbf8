/** Reads what a caller attached, as it came. */
import {
  ATTACHMENT_KINDS,
  ATTACHMENT_URL_CHARS_MAX,
  ATTACHMENTS_MAX,
  FILE_NAME_CHARS_MAX,
  PLACE_CHARS_MAX,
} from "./attachment.ts";
import type { FileAttachment, LocationAttachment, StoredAttachment } from "./attachment.ts";
import type { FieldProblem } from "./request.ts";

/** Field by field, so that everything that is wrong is named by its own path. Whether an address may be fetched is not decided here. */
export function readAttachments(given: readonly unknown[]): {
  readonly attachments: readonly StoredAttachment[];
  readonly problems: readonly FieldProblem[];
} {
  const problems: FieldProblem[] = [];
  if (given.length > ATTACHMENTS_MAX) {
    problems.push({
      path: "attachments",
      code: "too_large",
      message: `a notification has at most ${ATTACHMENTS_MAX} attachments`,
    });
  }
  const attachments = given.slice(0, ATTACHMENTS_MAX).flatMap((value, index) => {
    const reader = new FieldReader(`attachments.${index}`, value, problems);
    const attachment = readOne(reader);
    return attachment === null ? [] : [attachment];
  });
  return { attachments, problems };
}

function readOne(reader: FieldReader): StoredAttachment | null {
  switch (reader.value("kind")) {
    case "image":
      return readFile(reader, "image");
    case "document":
      return readFile(reader, "document");
    case "location":
      return readLocation(reader);
    default:
      reader.problem("kind", "invalid", `kind is one of ${ATTACHMENT_KINDS.join(", ")}`);
      return null;
  }
}

function readFile(reader: FieldReader, kind: FileAttachment["kind"]): FileAttachment | null {
  reader.expectOnly(["kind", "url", "fileName"]);
  const url = reader.text("url", ATTACHMENT_URL_CHARS_MAX);
  const fileName = reader.text("fileName", FILE_NAME_CHARS_MAX);
  if (fileName !== null && (fileName.trim() === "" || /[\p{Cc}/\\]/u.test(fileName))) {
    reader.problem("fileName", "invalid", "fileName is a name without path");
  }
  if (url === null) {
    if (!reader.has("url")) reader.problem("url", "required", "url is required");
    return null;
  }
  return { kind, url, fileName };
}

function readLocation(reader: FieldReader): LocationAttachment | null {
  reader.expectOnly(["kind", "latitude", "longitude", "name", "address"]);
  const latitude = reader.degrees("latitude", 90);
  const longitude = reader.degrees("longitude", 180);
  const name = reader.text("name", PLACE_CHARS_MAX);
  const address = reader.text("address", PLACE_CHARS_MAX);
  if (latitude === null || longitude === null) return null;
  return { kind: "location", latitude, longitude, name, address };
}

/** Reads the fields of one attachment and keeps what is wrong with them. */
class FieldReader {
  readonly #path: string;
  readonly #fields: ReadonlyMap<string, unknown>;
  readonly #problems: FieldProblem[];

  constructor(path: string, value: unknown, problems: FieldProblem[]) {
    this.#path = path;
    this.#problems = problems;
    this.#fields = new Map(
      typeof value === "object" && value !== null ? Object.entries(value) : [],
    );
  }

  has(name: string): boolean {
    return (this.#fields.get(name) ?? null) !== null;
  }

  value(name: string): unknown {
    return this.#fields.get(name) ?? null;
  }

  expectOnly(names: readonly string[]): void {
    for (const name of this.#fields.keys()) {
      if (!names.includes(name)) this.problem(name, "unknown", "there is no such field");
    }
  }

  text(name: string, charsMax: number): string | null {
    const value = this.value(name);
    if (value === null) return null;
    if (typeof value !== "string") {
      this.problem(name, "invalid", `${name} is a text`);
      return null;
    }
    if (value.length > charsMax) {
      this.problem(name, "too_large", `${name} has at most ${charsMax} characters`);
      return null;
    }
    return value;
  }

  degrees(name: string, bound: number): number | null {
    const value = this.value(name);
    if (value === null) {
      this.problem(name, "required", `${name} is required`);
      return null;
    }
    if (typeof value !== "number" || !(Math.abs(value) <= bound)) {
      this.problem(name, "invalid", `${name} is a number from -${bound} to ${bound}`);
      return null;
    }
    return value;
  }

  problem(name: string, code: FieldProblem["code"], message: string): void {
    this.#problems.push({ path: `${this.#path}.${name}`, code, message });
  }
}
