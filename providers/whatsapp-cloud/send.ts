/**
 * One request per message. There is no idempotency key: `biz_opaque_callback_data` carries the delivery's id, so that the
 * status webhooks tell what became of a message whose answer was lost.
 */
import { normalisePhone } from "../../domain/phone-number.ts";
import { CODE_BUTTON } from "../../domain/provider-template.ts";
import { baseUrlOf, readAccount } from "../account.ts";
import { ProviderError } from "../errors.ts";
import type { FailureReason, SanitizedJson, ProviderVerdict } from "../errors.ts";
import type { HttpAnswer, HttpCall } from "../http.ts";
import { callVendor, retryAfterMs } from "../http.ts";
import { numberAt, objectAt, objectsAt, parseJsonObject, textAt } from "../json.ts";
import type { JsonObject } from "../json.ts";
import type {
  AccountContext,
  AccountProbe,
  Attachment,
  CallOptions,
  MessageTemplate,
  OutboundMessage,
  ProviderId,
  ProviderTemplate,
  ReplyButton,
  SendOptions,
  SendResult,
} from "../provider.ts";
import {
  BUTTON_ID_CHARS_MAX,
  CALLBACK_DATA_CHARS_MAX,
  CAPTION_CHARS_MAX,
  INTERACTIVE_BODY_CHARS_MAX,
  META_DEFAULTS,
  META_LIMITS,
  metaCredentials,
  metaSettings,
} from "./config.ts";
import type { MetaSettings } from "./config.ts";
import {
  judgeCode,
  judgeHttpStatus,
  PAIR_LIMIT_PAUSE_MS,
  readPhoneNumberState,
  readTemplateState,
  SPAM_LIMIT_PAUSE_MS,
} from "./vocabulary.ts";

const PROVIDER: ProviderId = "meta";
const SEND = "send a WhatsApp message";
const PROBE = "ask about the phone number";
const LIST_TEMPLATES = "list the templates";

/** Pages of templates read; Meta allows an account 6,000 templates at most. */
const TEMPLATE_PAGES_MAX = 60;
const TEMPLATES_PER_PAGE = 100;

const PHONE = /^\+[1-9]\d{6,14}$/;

const SCHEMAS = { credentials: metaCredentials, settings: metaSettings };

export async function sendMessage(
  httpCall: HttpCall,
  account: AccountContext,
  message: OutboundMessage,
  options: SendOptions,
): Promise<SendResult> {
  const { credentials, settings } = readAccount(PROVIDER, SEND, account, SCHEMAS);
  const path = `/${settings.apiVersion}/${phoneNumberIdOf(SEND, account, settings)}/messages`;
  const body = messageBody(message, options.deliveryKey);
  const answer = await callVendor(
    httpCall,
    { provider: PROVIDER, attempted: SEND, effect: "sends" },
    {
      method: "POST",
      url: `${baseUrlOf(account, META_DEFAULTS)}${path}`,
      headers: {
        authorization: `Bearer ${credentials.accessToken}`,
        "content-type": "application/json",
      },
      body: JSON.stringify(body),
      timeoutMs: options.timeoutMs,
      signal: options.signal,
    },
  );
  return readAccepted(answer, options.now);
}

/** Whether the number may send, as its own record says. */
export async function probeNumber(
  httpCall: HttpCall,
  account: AccountContext,
  options: CallOptions,
): Promise<AccountProbe> {
  const { settings } = readAccount(PROVIDER, PROBE, account, SCHEMAS);
  const id = phoneNumberIdOf(PROBE, account, settings);
  const path = `/${settings.apiVersion}/${id}?fields=id,status,quality_rating,display_phone_number`;
  const body = await read(httpCall, account, path, PROBE, options);
  return {
    state: readPhoneNumberState(textAt(body, "status") ?? ""),
    quotaLeft: null,
    phoneNumber: shownNumberOf(body),
    detail: { status: textAt(body, "status"), quality_rating: textAt(body, "quality_rating") },
  };
}

/** Written for people, with spaces and hyphens; null where it is no number that exists. */
function shownNumberOf(body: JsonObject): string | null {
  const read = normalisePhone(
    `+${(textAt(body, "display_phone_number") ?? "").replace(/\D/g, "")}`,
  );
  return read.ok ? read.phone : null;
}

export async function listTemplates(
  httpCall: HttpCall,
  account: AccountContext,
  options: CallOptions,
): Promise<readonly ProviderTemplate[]> {
  const { settings } = readAccount(PROVIDER, LIST_TEMPLATES, account, SCHEMAS);
  if (settings.businessAccountId === undefined) throw notConfigured(LIST_TEMPLATES);
  const templates: ProviderTemplate[] = [];
  let after: string | null = null;
  for (let page = 0; page < TEMPLATE_PAGES_MAX; page += 1) {
    const query = new URLSearchParams({
      fields: "name,language,status,category,components",
      limit: String(TEMPLATES_PER_PAGE),
      ...(after === null ? {} : { after }),
    });
    const path = `/${settings.apiVersion}/${settings.businessAccountId}/message_templates?${query.toString()}`;
    const body = await read(httpCall, account, path, LIST_TEMPLATES, options);
    for (const found of objectsAt(body, "data")) {
      const name = textAt(found, "name");
      const languageCode = textAt(found, "language");
      if (name === null || languageCode === null) continue;
      templates.push({
        name,
        languageCode,
        state: readTemplateState(textAt(found, "status") ?? ""),
        category: textAt(found, "category"),
        ...partsOf(objectsAt(found, "components")),
      });
    }
    const paging = objectAt(body, "paging");
    after = textAt(objectAt(paging, "cursors"), "after");
    if (after === null || textAt(paging, "next") === null) break;
  }
  return templates;
}

type Parts = Pick<ProviderTemplate, "body" | "parameters" | "quickReplies" | "unfillable">;

/**
 * Of a template's components: https://developers.facebook.com/documentation/business-messaging/whatsapp/templates/components, checked September 2026. Places are
 * `{{1}}` or, in a named template, `{{order_id}}`.
 */
function partsOf(components: readonly JsonObject[]): Parts {
  if (components.length === 0) {
    return { body: null, parameters: null, quickReplies: null, unfillable: [] };
  }
  const typed = (type: string): readonly JsonObject[] =>
    components.filter((component) => textAt(component, "type")?.toUpperCase() === type);
  const body = typed("BODY").map((component) => textAt(component, "text"))[0] ?? "";
  const buttons = typed("BUTTONS").flatMap((component) => objectsAt(component, "buttons"));
  const otherAt = buttons.findIndex(
    (button) => textAt(button, "type")?.toUpperCase() !== "QUICK_REPLY",
  );
  const wantsHeader = typed("HEADER").some(
    (header) =>
      textAt(header, "format")?.toUpperCase() !== "TEXT" ||
      placesOf(textAt(header, "text") ?? "").length > 0,
  );
  const wantsCode = buttons.some(isCodeButton);
  const wantsButton = buttons.some(
    (button) =>
      !isCodeButton(button) &&
      (placesOf(textAt(button, "url") ?? "").length > 0 ||
        ["COPY_CODE", "FLOW", "CATALOG", "MPM"].includes(
          textAt(button, "type")?.toUpperCase() ?? "",
        )),
  );
  return {
    body,
    parameters: placesOf(body),
    // Payloads go by position: replies behind a button of another kind are not counted.
    quickReplies: otherAt < 0 ? buttons.length : otherAt,
    unfillable: [
      ...(wantsHeader ? ["header"] : []),
      ...(wantsButton ? ["button"] : []),
      ...(wantsCode ? [CODE_BUTTON] : []),
    ],
  };
}

/** Where Meta's own button of an authentication template leads. */
const CODE_ADDRESS = /^https:\/\/(?:www\.)?whatsapp\.com\/otp\//i;

/**
 * Made as `OTP`, listed as `URL` (a marketing template's `COPY_CODE` is a voucher, and another thing):
 * https://developers.facebook.com/documentation/business-messaging/whatsapp/templates/authentication-templates/copy-code-button-authentication-templates,
 * checked September 2026.
 */
function isCodeButton(button: JsonObject): boolean {
  const type = textAt(button, "type")?.toUpperCase();
  return type === "OTP" || (type === "URL" && CODE_ADDRESS.test(textAt(button, "url") ?? ""));
}

/** Each once, numbers by size. */
function placesOf(text: string): readonly string[] {
  const found = [...text.matchAll(/\{\{\s*(\w+)\s*\}\}/g)].flatMap(([, name]) => name ?? []);
  return [...new Set(found)].sort((a, b) => Number(a) - Number(b) || 0);
}

export function phoneNumberIdOf(
  attempted: string,
  account: AccountContext,
  settings: MetaSettings,
): string {
  const id = settings.phoneNumberId ?? account.sender;
  if (!/^\d+$/.test(id)) throw notConfigured(attempted);
  return id;
}

function notConfigured(attempted: string): ProviderError {
  return new ProviderError({
    provider: PROVIDER,
    attempted,
    kind: "unauthorized",
    scope: "account",
    reason: "not_configured",
  });
}

function refusal(reason: FailureReason): ProviderError {
  return new ProviderError({
    provider: PROVIDER,
    attempted: SEND,
    kind: "rejected",
    scope: "recipient",
    reason,
  });
}

/** The body of the request; everything that Meta would refuse for its form is refused here, before anything is sent. */
function messageBody(message: OutboundMessage, deliveryKey: string): JsonObject {
  if (message.to.kind !== "phone" || !PHONE.test(message.to.e164)) {
    throw refusal("invalid_recipient");
  }
  if (deliveryKey.length > CALLBACK_DATA_CHARS_MAX) throw refusal("invalid_request");
  return {
    messaging_product: "whatsapp",
    recipient_type: "individual",
    to: message.to.e164.slice(1),
    ...contentOf(message),
    biz_opaque_callback_data: deliveryKey,
  };
}

/**
 * Outside the 24 hours after the recipient's last message only an approved template may be sent, so a template wins unless
 * the window is known to be open. Without a template the text is tried where the window is unknown: Meta's 131047 then
 * says `window_closed`.
 */
function contentOf(message: OutboundMessage): JsonObject {
  if (message.isWindowOpen !== true && message.template !== undefined) {
    return templateContent(message.template);
  }
  if (message.isWindowOpen === false) throw refusal("window_closed");
  const { attachment, buttons = [], text } = message;
  const standsAboveButtons =
    buttons.length > 0 && text !== "" && text.length <= INTERACTIVE_BODY_CHARS_MAX;
  if (standsAboveButtons && attachment?.kind !== "location") {
    return buttonContent(text, buttons, attachment ?? null);
  }
  if (attachment !== undefined) return attachmentContent(message);
  if (text === "") throw refusal("invalid_request");
  // A text too long for buttons goes without them: its footer says in words what they would.
  if (message.text.length > META_LIMITS.textCharsMax) throw refusal("too_long");
  return { type: "text", text: { preview_url: false, body: message.text } };
}

/**
 * A header shows a file, never a place: https://developers.facebook.com/documentation/business-messaging/whatsapp/messages/interactive-reply-buttons-messages,
 * checked September 2026.
 */
function buttonContent(
  text: string,
  buttons: readonly ReplyButton[],
  file: FileShown | null,
): JsonObject {
  const titles = new Set(buttons.map((button) => button.title));
  const isWellFormed =
    buttons.length <= META_LIMITS.buttonsMax &&
    titles.size === buttons.length &&
    buttons.every(
      ({ id, title }) =>
        title.trim() !== "" &&
        title.length <= META_LIMITS.buttonTitleCharsMax &&
        id !== "" &&
        id === id.trim() &&
        id.length <= BUTTON_ID_CHARS_MAX,
    );
  if (!isWellFormed) throw refusal("invalid_request");
  return {
    type: "interactive",
    interactive: {
      type: "button",
      ...(file === null ? {} : { header: mediaContent(file, {}) }),
      body: { text },
      action: {
        buttons: buttons.map(({ id, title }) => ({ type: "reply", reply: { id, title } })),
      },
    },
  };
}

function attachmentContent(message: OutboundMessage): JsonObject {
  const { attachment, text } = message;
  if (attachment === undefined) throw refusal("invalid_request");
  if (attachment.kind === "location") {
    // A pin has no caption: dropping the text silently would lose it.
    if (text !== "") throw refusal("unsupported_content");
    return {
      type: "location",
      location: {
        latitude: String(attachment.latitude),
        longitude: String(attachment.longitude),
        ...(attachment.name === null ? {} : { name: attachment.name }),
        ...(attachment.address === null ? {} : { address: attachment.address }),
      },
    };
  }
  if (text.length > CAPTION_CHARS_MAX) throw refusal("too_long");
  return mediaContent(attachment, text === "" ? {} : { caption: text });
}

type FileShown = Exclude<Attachment, { kind: "location" }>;

function mediaContent(file: FileShown, caption: JsonObject): JsonObject {
  const media = { link: file.url, ...caption };
  return file.kind === "image"
    ? { type: "image", image: media }
    : { type: "document", document: { ...media, filename: file.fileName } };
}

function templateContent(template: MessageTemplate): JsonObject {
  const { parameterNames } = template;
  const parameters = template.bodyParameters.map((value, place) => {
    const name = parameterNames?.[place];
    const text = templateText(value);
    return { type: "text", ...(name === undefined ? {} : { parameter_name: name }), text };
  });
  return {
    type: "template",
    template: {
      name: template.name,
      language: { code: template.languageCode },
      components: [
        ...(parameters.length === 0 ? [] : [{ type: "body", parameters }]),
        ...template.buttonPayloads.map((payload, index) => ({
          type: "button",
          sub_type: "quick_reply",
          index: String(index),
          parameters: [{ type: "payload", payload }],
        })),
        // The code stands in an authentication template's body and, once more, in its only button.
        ...(template.code === undefined
          ? []
          : [
              {
                type: "button",
                sub_type: "url",
                index: "0",
                parameters: [{ type: "text", text: templateText(template.code) }],
              },
            ]),
      ],
    },
  };
}

/** Meta refuses parameters that are empty, that contain line ends or tabs, or more than four spaces in a row. */
function templateText(value: string): string {
  const text = value
    .replace(/\s*[\r\n\t]+\s*/g, " ")
    .replace(/ {4,}/g, "   ")
    .trim();
  if (text === "") throw refusal("template");
  return text;
}

function readAccepted(answer: HttpAnswer, now: number): SendResult {
  const body = answer.isComplete ? parseJsonObject(answer.body) : null;
  const message = body === null ? undefined : objectsAt(body, "messages")[0];
  const id = message === undefined ? null : textAt(message, "id");
  const isSuccess = answer.status >= 200 && answer.status < 300;
  if (
    !isSuccess ||
    body === null ||
    body["error"] !== undefined ||
    message === undefined ||
    id === null
  ) {
    throw failure(SEND, "sends", answer, body, now);
  }
  const messageStatus = textAt(message, "message_status");
  return {
    providerMessageId: id,
    status: "accepted",
    segments: null,
    isHeldForQuality: messageStatus !== null && messageStatus !== "accepted",
    // Privacy: contacts[] has the number, and the id has it in Base64.
    providerResponse: { message_status: messageStatus },
  };
}

async function read(
  httpCall: HttpCall,
  account: AccountContext,
  path: string,
  attempted: string,
  options: CallOptions,
): Promise<JsonObject> {
  const { credentials } = readAccount(PROVIDER, attempted, account, SCHEMAS);
  const answer = await callVendor(
    httpCall,
    { provider: PROVIDER, attempted, effect: "reads" },
    {
      method: "GET",
      url: `${baseUrlOf(account, META_DEFAULTS)}${path}`,
      headers: { authorization: `Bearer ${credentials.accessToken}` },
      body: null,
      timeoutMs: options.timeoutMs,
      signal: options.signal,
    },
  );
  const body = answer.isComplete ? parseJsonObject(answer.body) : null;
  const isSuccess = answer.status >= 200 && answer.status < 300;
  if (!isSuccess || body === null || body["error"] !== undefined) {
    throw failure(attempted, "reads", answer, body, options.now);
  }
  return body;
}

function failure(
  attempted: string,
  effect: "sends" | "reads",
  answer: HttpAnswer,
  body: JsonObject | null,
  now: number,
): ProviderError {
  const error = body === null ? {} : objectAt(body, "error");
  const code = numberAt(error, "code");
  const requestId = textAt(error, "fbtrace_id");
  const verdict = verdictOf(effect, answer.status, code);
  const wait = retryAfterMs(answer, now) ?? defaultPauseMs(verdict);
  return new ProviderError({
    ...verdict,
    provider: PROVIDER,
    attempted,
    httpStatus: answer.status,
    ...(code === null ? {} : { vendorCode: String(code) }),
    ...(requestId === null ? {} : { requestId }),
    ...(wait === null ? {} : { retryAfterMs: wait }),
    providerResponse: sanitize(error),
  });
}

function verdictOf(
  effect: "sends" | "reads",
  httpStatus: number,
  code: number | null,
): ProviderVerdict {
  const judged = code === null ? withoutCode(httpStatus) : judgeCode(code, httpStatus);
  return effect === "reads" && judged.kind === "unknown_outcome"
    ? { ...judged, kind: "unavailable" }
    : judged;
}

/** Meta's refusals always carry a code: a success without an id, and anything else without a code, is not readable. */
function withoutCode(httpStatus: number): ProviderVerdict {
  if (httpStatus >= 200 && httpStatus < 300) {
    return { kind: "unknown_outcome", scope: "account", reason: "unreadable_answer" };
  }
  const judged = judgeHttpStatus(httpStatus);
  return judged.reason === "unlisted"
    ? { kind: "malformed", scope: "account", reason: "unreadable_answer" }
    : judged;
}

function defaultPauseMs(verdict: ProviderVerdict): number | null {
  if (verdict.reason === "pair_limit") return PAIR_LIMIT_PAUSE_MS;
  return verdict.reason === "spam_limit" ? SPAM_LIMIT_PAUSE_MS : null;
}

/** Privacy: `message` and `error_data.details` are free text. */
function sanitize(error: JsonObject): SanitizedJson {
  return {
    error: {
      code: numberAt(error, "code"),
      error_subcode: numberAt(error, "error_subcode"),
      type: textAt(error, "type"),
      fbtrace_id: textAt(error, "fbtrace_id"),
    },
  };
}
