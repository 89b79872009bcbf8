/**
 * Checks what a client asks Evolution to send as the gateway's JSON schemas do, and reads it. A refusal is the gateway's
 * `response.message`. `src/validate/message.schema.ts` and `src/utils/createJid.ts`, 2.3.6 to 2.4.0-rc2, September 2026.
 */
import type { AttachmentSeen, Button } from "../seen.ts";
import { phoneFrom } from "../phones.ts";
import { isRecord, isWebAddress, listOf } from "./vendor.ts";

type Kind = "sendText" | "sendMedia" | "sendLocation" | "sendButtons";
type Body = Readonly<Record<string, unknown>>;

export type EvolutionOrder = {
  readonly jid: string;
  readonly number: string;
  readonly phone: string | null;
  readonly group: string | null;
  readonly text: string;
  readonly attachment: AttachmentSeen | null;
  readonly buttons: readonly Button[];
  /** The id that the client asks for, where this kind of message takes one. */
  readonly ownId: string | null;
  /** The message as WhatsApp's protocol has it, and what that is called. */
  readonly content: Body;
  readonly messageType: string;
};

export type EvolutionReading =
  | { readonly ok: true; readonly order: EvolutionOrder }
  | { readonly ok: false; readonly message: readonly unknown[]; readonly to: string | null };

const TYPES: Readonly<Record<Kind, Readonly<Record<string, "string" | "number" | "object">>>> = {
  sendText: { number: "string", text: "string" },
  sendMedia: { number: "string", mediatype: "string" },
  sendLocation: {
    number: "string",
    latitude: "number",
    longitude: "number",
    name: "string",
    address: "string",
  },
  sendButtons: { number: "string" },
};

const OPTIONAL_TEXTS = ["mimetype", "media", "fileName", "caption", "title", "description"];

const MEDIA_TYPES: readonly unknown[] = ["image", "document", "video", "audio"];

const BUTTONS_MAX = 3;

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

export function kindOf(path: string): Kind | null {
  switch (path) {
    case "/message/sendText":
      return "sendText";
    case "/message/sendMedia":
      return "sendMedia";
    case "/message/sendLocation":
      return "sendLocation";
    case "/message/sendButtons":
      return "sendButtons";
    default:
      return null;
  }
}

export function readOrder(kind: Kind, body: Body): EvolutionReading {
  const number = textIn(body, "number");
  const refuse = (...message: readonly unknown[]): EvolutionReading => ({
    ok: false,
    message,
    to: number === "" ? null : number,
  });
  const problems = problemsOf(kind, body);
  if (problems.length > 0) return refuse(problems);
  const content = contentOf(kind, body);
  if (typeof content === "string") return refuse(content);
  const jid = jidOf(number);
  const group = jid.endsWith("@g.us") ? jid : null;
  const phone = group === null ? (phoneFrom(jid.replace(/@.*$/, "")) ?? null) : null;
  const ownId = kind === "sendText" || kind === "sendMedia" ? textIn(body, "messageId") : "";
  return {
    ok: true,
    order: { jid, number, phone, group, ownId: ownId === "" ? null : ownId, ...content },
  };
}

function problemsOf(kind: Kind, body: Body): readonly string[] {
  const required = Object.entries(TYPES[kind]).flatMap(([name, type]) => {
    if (body[name] === undefined) return [`instance requires property "${name}"`];
    return typeof body[name] === type ? [] : [`${name} is not of a type(s) ${type}`];
  });
  const optional = OPTIONAL_TEXTS.flatMap((name) =>
    body[name] === undefined || typeof body[name] === "string"
      ? []
      : [`${name} is not of a type(s) string`],
  );
  const { delay, linkPreview, mediatype } = body;
  return [
    ...required,
    ...optional,
    ...(delay === undefined || Number.isInteger(delay) ? [] : ["Enter a value in milliseconds"]),
    ...(linkPreview === undefined || typeof linkPreview === "boolean"
      ? []
      : ["linkPreview is not of a type(s) boolean"]),
    ...(kind !== "sendMedia" || mediatype === undefined || MEDIA_TYPES.includes(mediatype)
      ? []
      : ["mediatype is not one of enum values: image,document,video,audio"]),
  ];
}

type Content = Pick<EvolutionOrder, "text" | "attachment" | "buttons" | "content" | "messageType">;

/** The refusal's text when it is refused. */
function contentOf(kind: Kind, body: Body): Content | string {
  const plain = { attachment: null, buttons: [] };
  switch (kind) {
    case "sendText": {
      const text = textIn(body, "text");
      if (text.trim() === "") return "Text is required";
      return { ...plain, text, content: { conversation: text }, messageType: "conversation" };
    }
    case "sendLocation": {
      const { latitude, longitude } = body;
      const name = textIn(body, "name");
      return {
        ...plain,
        text: "",
        attachment: {
          kind: "location",
          latitude: Number(latitude),
          longitude: Number(longitude),
          name,
        },
        content: {
          locationMessage: {
            degreesLatitude: latitude,
            degreesLongitude: longitude,
            name,
            address: textIn(body, "address"),
          },
        },
        messageType: "locationMessage",
      };
    }
    case "sendMedia":
      return mediaOf(body);
    case "sendButtons":
      return buttonsOf(body);
  }
}

function mediaOf(body: Body): Content | string {
  const media = textIn(body, "media");
  const fileName = textIn(body, "fileName");
  const mediatype = textIn(body, "mediatype");
  const isAddress = isWebAddress(media);
  if (!isAddress && (media === "" || !BASE64.test(media))) {
    return "Owned media must be a url or base64";
  }
  if (!isAddress && fileName === "" && mediatype === "document") {
    return "For base64 the file name must be informed.";
  }
  const text = textIn(body, "caption");
  const messageType = `${mediatype}Message`;
  return {
    text,
    buttons: [],
    attachment: {
      kind: mediatype === "image" || mediatype === "document" ? mediatype : "file",
      url: isAddress ? media : null,
      fileName: fileName === "" ? null : fileName,
    },
    content: { [messageType]: { caption: text, fileName, mimetype: textIn(body, "mimetype") } },
    messageType,
  };
}

function buttonsOf(body: Body): Content | string {
  const given = listOf(body["buttons"]) ?? [];
  const buttons = given.flatMap((button) =>
    isRecord(button) && button["type"] === "reply"
      ? [{ id: textIn(button, "id"), title: textIn(button, "displayText") }]
      : [],
  );
  if (given.length === 0) return "At least one button is required";
  if (buttons.length !== given.length) {
    return "Reply buttons cannot be mixed with other button types";
  }
  if (buttons.length > BUTTONS_MAX) return "Maximum of 3 reply buttons allowed";
  const description = textIn(body, "description");
  const title = `*${textIn(body, "title")}*`;
  const text = description === "" ? title : `${title}\n\n${description}\n`;
  return {
    text,
    buttons,
    attachment: null,
    content: { viewOnceMessage: { message: { interactiveMessage: { body: { text } } } } },
    messageType: "viewOnceMessage",
  };
}

/** A suffix decides; bare digits are a phone up to 17 of them, and no country's leading 0 is replaced. */
export function jidOf(number: string): string {
  if (/@(?:g\.us|s\.whatsapp\.net|lid)$/.test(number)) return number;
  const bare = number.replace(/[\s+()]/g, "");
  if (bare.includes("-") && bare.length >= 24) return `${bare.replace(/[^\d-]/g, "")}@g.us`;
  const digits = bare.replace(/\D/g, "");
  return digits.length >= 18 ? `${digits}@g.us` : `${digits}@s.whatsapp.net`;
}

function textIn(body: Body, key: string): string {
  const value = body[key];
  return typeof value === "string" ? value : "";
}
