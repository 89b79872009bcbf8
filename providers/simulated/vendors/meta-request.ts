/**
 * Reads and checks what a client asks Meta to send: the fields common to all types, then each type's own, with the limits of
 * the API. Beyond the error list: a template parameter with a line break, a tab or more than four spaces in a row is refused
 * with code 100, as integrators report (netflie/whatsapp-cloud-api#201).
 * https://developers.facebook.com/documentation/business-messaging/whatsapp/ and `business-messaging-api_v23.0.yaml` in
 * github.com/facebook/openapi, checked September 2026.
 */
import type { AttachmentSeen, Button, SeenRequest, TemplateUse } from "../seen.ts";
import { phoneFrom } from "../phones.ts";
import { templateParameterCount } from "../world.ts";
import { badValue, invalid, missing, missingNested } from "./meta-errors.ts";
import { isRecord, isWebAddress, listOf } from "./vendor.ts";
import type { Account, ConfigOf } from "../world.ts";
import type { Template } from "./meta-account.ts";
import type { MetaError } from "./meta-errors.ts";
import type { VendorRequest } from "./vendor.ts";

export type MetaAccount = Account<ConfigOf<"meta">>;

const TEXT_CHARS_MAX = 4_096;

const CAPTION_CHARS_MAX = 1_024;

const INTERACTIVE_BODY_CHARS_MAX = 1_024;

const BUTTONS_MAX = 3;

const BUTTON_TITLE_CHARS_MAX = 20;

const BUTTON_ID_CHARS_MAX = 256;

const CALLBACK_DATA_CHARS_MAX = 512;

export type Content = {
  readonly text: string;
  readonly template: TemplateUse | null;
  readonly isHeldForQuality: boolean;
  readonly buttons: readonly Button[];
  readonly attachment: AttachmentSeen | null;
};

const PLAIN: Content = {
  text: "",
  template: null,
  isHeldForQuality: false,
  buttons: [],
  attachment: null,
};

/** As much of the request as can be told, valid or not. */
export function whatWasAsked(body: unknown): Partial<SeenRequest> {
  if (!isRecord(body)) return { kind: "message" };
  const to = typeof body["to"] === "string" ? body["to"] : null;
  const isGroup = body["recipient_type"] === "group";
  const key = body["biz_opaque_callback_data"];
  const text = isRecord(body["text"]) ? body["text"]["body"] : undefined;
  const template = isRecord(body["template"]) ? readTemplateUse(body["template"]) : null;
  return {
    kind: "message",
    to: isGroup || to === null ? null : (phoneFrom(to) ?? to),
    group: isGroup ? to : null,
    text: typeof text === "string" ? text : null,
    template,
    deliveryKey: typeof key === "string" ? key : null,
  };
}

export function commonProblem(body: Readonly<Record<string, unknown>>): MetaError | null {
  if (body["messaging_product"] !== "whatsapp") return missing("messaging_product");
  const to = body["to"];
  const recipientType = body["recipient_type"];
  if (typeof to !== "string" || to === "") return missing("to");
  if (recipientType !== undefined && recipientType !== "individual" && recipientType !== "group") {
    return badValue("recipient_type must be one of: individual, group");
  }
  if (recipientType !== "group" && phoneFrom(to) === undefined) {
    return badValue("to is not a valid phone number");
  }
  const key = body["biz_opaque_callback_data"];
  if (key !== undefined && (typeof key !== "string" || key.length > CALLBACK_DATA_CHARS_MAX)) {
    return badValue(
      `biz_opaque_callback_data must be a string of at most ${CALLBACK_DATA_CHARS_MAX} characters`,
    );
  }
  const context = body["context"];
  if (context !== undefined && !(isRecord(context) && isText(context["message_id"]))) {
    return missingNested("context.message_id");
  }
  return null;
}

export function readContent(
  account: MetaAccount,
  body: Readonly<Record<string, unknown>>,
  isGroup: boolean,
): Content | MetaError {
  const type = body["type"] ?? "text";
  if (typeof type !== "string") return badValue("type must be a string");
  const part = body[type];
  switch (type) {
    case "text":
      return isRecord(part) ? readText(part) : missing("text");
    case "image":
    case "document":
      return isRecord(part) ? readMedia(type, part) : missing(type);
    case "location":
      return isRecord(part) ? readLocation(part) : missing("location");
    case "interactive":
      if (isGroup)
        return { code: 131051, details: "Interactive messages are not supported in groups" };
      return isRecord(part) ? readInteractive(part) : missing("interactive");
    case "template":
      return isRecord(part) ? readTemplate(account, part) : missing("template");
    default:
      return { code: 131051, details: "Message type is not currently supported" };
  }
}

function readText(part: Readonly<Record<string, unknown>>): Content | MetaError {
  const text = part["body"];
  if (!isText(text)) return missingNested("text.body");
  if (text.length > TEXT_CHARS_MAX) {
    return invalid(`Param text['body'] must be at most ${TEXT_CHARS_MAX} characters long.`);
  }
  const preview = part["preview_url"];
  if (preview !== undefined && typeof preview !== "boolean") {
    return invalid("Param text['preview_url'] must be a boolean.");
  }
  return { ...PLAIN, text };
}

function readMedia(
  kind: "image" | "document",
  part: Readonly<Record<string, unknown>>,
): Content | MetaError {
  const link = part["link"];
  const caption = part["caption"];
  const filename = part["filename"];
  if (!isText(link) && !isText(part["id"])) return missingNested(`${kind}.link or ${kind}.id`);
  if (isText(link) && !isWebAddress(link)) return badValue(`${kind}.link is not a valid URL`);
  if (
    caption !== undefined &&
    (typeof caption !== "string" || caption.length > CAPTION_CHARS_MAX)
  ) {
    return badValue(`${kind}.caption must be a string of at most ${CAPTION_CHARS_MAX} characters`);
  }
  return {
    ...PLAIN,
    text: typeof caption === "string" ? caption : "",
    attachment: {
      kind,
      url: isText(link) ? link : null,
      fileName: isText(filename) ? filename : null,
    },
  };
}

function readLocation(part: Readonly<Record<string, unknown>>): Content | MetaError {
  const latitude = coordinate(part["latitude"], 90);
  const longitude = coordinate(part["longitude"], 180);
  if (latitude === undefined) return badValue("location.latitude is not valid");
  if (longitude === undefined) return badValue("location.longitude is not valid");
  const name = part["name"];
  return {
    ...PLAIN,
    attachment: { kind: "location", latitude, longitude, name: isText(name) ? name : null },
  };
}

/** Numbers and numeric strings both appear in practice. */
function coordinate(value: unknown, limit: number): number | undefined {
  const number = typeof value === "string" && value !== "" ? Number(value) : value;
  return typeof number === "number" && Math.abs(number) <= limit ? number : undefined;
}

function readInteractive(part: Readonly<Record<string, unknown>>): Content | MetaError {
  if (part["type"] !== "button") return badValue("interactive.type must be button");
  const body = part["body"];
  if (!isRecord(body) || !isText(body["text"])) return missingNested("interactive.body.text");
  const text = body["text"];
  if (text.length > INTERACTIVE_BODY_CHARS_MAX) {
    return badValue(
      `Body text length invalid. Min length: 1, Max length: ${INTERACTIVE_BODY_CHARS_MAX}`,
    );
  }
  const attachment = readHeader(part["header"]);
  if (attachment !== null && "code" in attachment) return attachment;
  const action = part["action"];
  const given = isRecord(action) ? listOf(action["buttons"]) : undefined;
  if (given === undefined) return missingNested("interactive.action.buttons");
  if (given.length < 1 || given.length > BUTTONS_MAX) {
    return badValue(
      `Invalid buttons count. Min allowed buttons: 1, Max allowed buttons: ${BUTTONS_MAX}`,
    );
  }
  const buttons: Button[] = [];
  for (const entry of given) {
    const reply = isRecord(entry) && entry["type"] === "reply" ? entry["reply"] : undefined;
    if (!isRecord(reply)) return badValue("interactive.action.buttons[].type must be reply");
    const id = reply["id"];
    const title = reply["title"];
    if (!isText(title) || title.length > BUTTON_TITLE_CHARS_MAX) {
      return badValue(
        `Button title length invalid. Min length: 1, Max length: ${BUTTON_TITLE_CHARS_MAX}`,
      );
    }
    if (!isText(id) || id.length > BUTTON_ID_CHARS_MAX) {
      return badValue(
        `Button id length invalid. Min length: 1, Max length: ${BUTTON_ID_CHARS_MAX}`,
      );
    }
    buttons.push({ id, title });
  }
  if (new Set(buttons.map(({ title }) => title)).size < buttons.length) {
    return badValue("Button titles must be unique");
  }
  if (new Set(buttons.map(({ id }) => id)).size < buttons.length) {
    return badValue("Button ids must be unique");
  }
  return { ...PLAIN, text, buttons, attachment };
}

const HEADER_CHARS_MAX = 60;

/** Above reply buttons stands a text, an image, a video or a document; we send no video. */
function readHeader(header: unknown): AttachmentSeen | MetaError | null {
  if (header === undefined) return null;
  if (!isRecord(header)) return badValue("interactive.header must be an object");
  const type = header["type"];
  switch (type) {
    case "text": {
      const text = header["text"];
      return isText(text) && text.length <= HEADER_CHARS_MAX
        ? null
        : badValue(`Header text length invalid. Min length: 1, Max length: ${HEADER_CHARS_MAX}`);
    }
    case "image":
    case "document": {
      const part = header[type];
      if (!isRecord(part)) return missingNested(`interactive.header.${type}`);
      if (part["caption"] !== undefined) {
        return badValue(`Unexpected key "caption" on param "interactive.header.${type}"`);
      }
      const media = readMedia(type, part);
      return "code" in media ? media : media.attachment;
    }
    default:
      return badValue("interactive.header.type must be one of: text, image, video, document");
  }
}

function readTemplate(
  account: MetaAccount,
  part: Readonly<Record<string, unknown>>,
): Content | MetaError {
  const use = readTemplateUse(part);
  if (use.name === "") return missingNested("template.name");
  if (use.language === "") return missingNested("template.language.code");
  const template = account.config.templates.find(
    ({ name, language }) => name === use.name && language === use.language,
  );
  const notThere = `template name (${use.name}) does not exist in ${use.language}`;
  if (template === undefined) return { code: 132001, details: notThere };
  switch (template.status) {
    case "PENDING":
    case "REJECTED":
      return { code: 132001, details: notThere };
    case "PAUSED":
      return { code: 132015, details: "Template is paused due to low quality" };
    case "DISABLED":
      return { code: 132016, details: "Template is permanently disabled due to low quality" };
    case "APPROVED": {
      const problem = parameterProblem(template, part, use);
      if (problem !== null) return problem;
      const isHeldForQuality = template.isHeldForQuality;
      const buttons = template.buttons.map((title, index) => ({
        id: use.buttonPayloads[index] ?? title,
        title,
      }));
      return { ...PLAIN, template: use, isHeldForQuality, buttons };
    }
  }
}

function parameterProblem(
  template: Template,
  part: Readonly<Record<string, unknown>>,
  use: TemplateUse,
): MetaError | null {
  const expected = templateParameterCount(template.body);
  if (use.parameters.length !== expected) {
    return {
      code: 132000,
      details: `body: number of localizable_params (${use.parameters.length}) does not match the expected number of params (${expected})`,
    };
  }
  for (const component of componentsOf(part)) {
    const type = component["type"];
    if (type !== "body" && type !== "header" && type !== "button") {
      return badValue("template.components[].type must be one of: header, body, button");
    }
    const count = template.copyCode ? 1 : template.buttons.length;
    if (type === "button" && !isButtonIndex(component["index"], count)) {
      return { code: 132012, details: "button: index does not match the created template" };
    }
  }
  if (template.copyCode) {
    const problem = copyCodeProblem(part, use);
    if (problem !== null) return problem;
  }
  const hasHeader = componentsOf(part).some((component) => component["type"] === "header");
  if (hasHeader !== (template.header !== "none")) {
    return { code: 132012, details: "header: Format mismatch, expected the created template's" };
  }
  if (use.parameters.some((parameter) => parameter === "")) {
    return missingNested("template.components[].parameters[].text");
  }
  if (use.parameters.some((parameter) => /[\n\r\t]| {5,}/.test(parameter))) {
    return invalid(
      "Param text cannot have new-line/tab characters or more than 4 consecutive spaces",
    );
  }
  return null;
}

/** The code, fifteen characters at most, in the body and once more as the button's only parameter. */
function copyCodeProblem(
  part: Readonly<Record<string, unknown>>,
  use: TemplateUse,
): MetaError | null {
  const buttons = componentsOf(part).filter((component) => component["type"] === "button");
  const [button] = buttons;
  const parameters = (listOf(button?.["parameters"]) ?? []).filter(isRecord);
  const [parameter] = parameters;
  if (button === undefined || parameter === undefined) {
    return { code: 131008, details: "buttons: Button at index 0 of type Url requires a parameter" };
  }
  const isWellFormed =
    buttons.length === 1 &&
    parameters.length === 1 &&
    button["sub_type"] === "url" &&
    parameter["type"] === "text";
  if (!isWellFormed) return { code: 132012, details: "buttons: Parameter format does not match" };
  const code = parameter["text"];
  if (!isText(code) || code.length > 15 || code !== use.parameters[0]) {
    return { code: 132012, details: "buttons: the code does not match the body's" };
  }
  return null;
}

function isButtonIndex(index: unknown, buttons: number): boolean {
  return /^\d+$/.test(typeof index === "string" || typeof index === "number" ? String(index) : "")
    ? Number(index) < buttons
    : false;
}

function componentsOf(
  part: Readonly<Record<string, unknown>>,
): readonly Readonly<Record<string, unknown>>[] {
  return (listOf(part["components"]) ?? []).filter(isRecord);
}

function readTemplateUse(part: Readonly<Record<string, unknown>>): TemplateUse {
  const language = part["language"];
  const parametersOf = (type: string, key: string): readonly string[] =>
    componentsOf(part)
      .filter((component) => component["type"] === type)
      .flatMap((component) => listOf(component["parameters"]) ?? [])
      .map((parameter) => (isRecord(parameter) ? textOf(parameter[key]) : ""));
  return {
    name: textOf(part["name"]),
    language: isRecord(language) ? textOf(language["code"]) : "",
    parameters: parametersOf("body", "text"),
    buttonPayloads: parametersOf("button", "payload"),
  };
}

export function parseBody(request: VendorRequest): unknown {
  if (!/^application\/json\b/i.test(request.headers["content-type"] ?? "")) return undefined;
  try {
    return JSON.parse(request.body.toString("utf8"));
  } catch {
    return undefined;
  }
}

function isText(value: unknown): value is string {
  return typeof value === "string" && value !== "";
}

export function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}
