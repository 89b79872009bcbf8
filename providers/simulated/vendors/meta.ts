/**
 * Meta WhatsApp Cloud API: JSON under a versioned path, errors as `{error: {code, …}}`, the 24-hour window, templates,
 * one webhook envelope for receipts and inbound messages, signed over its bytes. Beyond the error list: a template
 * parameter with a line break, a tab or more than four spaces in a row is refused with code 100, as integrators report
 * (netflie/whatsapp-cloud-api#201).
 * https://developers.facebook.com/documentation/business-messaging/whatsapp/support/error-codes and
 * …/webhooks/reference/messages, checked September 2026.
 */
import { META_SIGNATURE_HEADER, signMetaWebhook } from "../../whatsapp-cloud/signature.ts";
import { phoneFrom } from "../phones.ts";
import { hexId, isAccountOf, newMessage, templateParameterCount } from "../world.ts";
import { isRecord, isWebAddress, jsonResponse, listOf } from "./vendor.ts";
import type { Misfortune, ReceiptFate } from "../faults.ts";
import type { SeenRequest, WebhookKind } from "../log.ts";
import type { Network } from "../network.ts";
import type { Handset } from "../phones.ts";
import type { WorldTime } from "../time.ts";
import type { ReceiptLane, RetryPlan, WebhookDraft } from "../webhooks.ts";
import type {
  Account,
  AttachmentSeen,
  Button,
  ConfigOf,
  Message,
  Template,
  TemplateUse,
  World,
} from "../world.ts";
import type {
  Acceptance,
  Failure,
  InboundReport,
  PersonAct,
  Reading,
  ReceiptChange,
  VendorRequest,
  VendorResponse,
  VendorSimulator,
} from "./vendor.ts";

type MetaAccount = Account<ConfigOf<"meta">>;

const WINDOW_MS = 24 * 3_600_000;
const TEXT_CHARS_MAX = 4_096;
const CAPTION_CHARS_MAX = 1_024;
const INTERACTIVE_BODY_CHARS_MAX = 1_024;
const BUTTONS_MAX = 3;
const BUTTON_TITLE_CHARS_MAX = 20;
const BUTTON_ID_CHARS_MAX = 256;
const CALLBACK_DATA_CHARS_MAX = 512;
const WEBHOOK_TIMEOUT_MS = 10_000;

/** "Decreasing frequency for up to 7 days", without numbers: each wait is twice the one before, from 15 s to 6 h. */
const RETRIES: RetryPlan = {
  delaysMs: growingDelays(15_000, 6 * 3_600_000, 7 * 24 * 3_600_000),
  isContent: ({ status }) => status === 200,
};

function growingDelays(firstMs: number, longestMs: number, totalMs: number): readonly number[] {
  const delays: number[] = [];
  for (let next = firstMs, sum = firstMs; sum <= totalMs;) {
    delays.push(next);
    next = Math.min(next * 2, longestMs);
    sum += next;
  }
  return delays;
}

type MetaError = { readonly code: number; readonly details: string };

/** Title and HTTP status of each code; the codes of the error page that have a use here. */
const ERRORS: Readonly<Record<number, readonly [status: number, title: string]>> = {
  0: [401, "AuthException"],
  1: [400, "API Unknown"],
  2: [503, "API Service"],
  3: [500, "API Method"],
  4: [400, "API Too Many Calls"],
  10: [403, "Permission Denied"],
  33: [400, "Parameter value is not valid"],
  100: [400, "Invalid parameter"],
  190: [401, "Access token has expired"],
  200: [403, "API Permission"],
  368: [403, "Temporarily blocked for policies violations"],
  80007: [400, "Rate limit issues"],
  130429: [429, "Rate limit hit"],
  130472: [400, "User's number is part of an experiment"],
  131000: [500, "Something went wrong"],
  131008: [400, "Required parameter is missing"],
  131009: [400, "Parameter value is not valid"],
  131016: [503, "Service unavailable"],
  131020: [400, "Group has only one participant"],
  131026: [400, "Message undeliverable"],
  131030: [400, "Recipient phone number not in allowed list"],
  131031: [403, "Account has been locked"],
  131041: [400, "Unknown group"],
  131042: [400, "Business eligibility payment issue"],
  131047: [400, "Re-engagement message"],
  131048: [400, "Spam rate limit hit"],
  131049: [400, "Message not delivered to maintain healthy ecosystem engagement"],
  131050: [400, "User has stopped marketing messages from this business"],
  131051: [400, "Unsupported message type"],
  131052: [400, "Media download error"],
  131053: [400, "Media upload error"],
  131056: [400, "(Business Account, Consumer Account) pair rate limit hit"],
  131207: [400, "Group suspended"],
  131208: [429, "Group rate limit hit"],
  132000: [400, "Number of parameters does not match the expected number of params"],
  132001: [404, "Template name does not exist in the translation"],
  132005: [400, "Translated text too long"],
  132007: [400, "Template format character policy violated"],
  132012: [400, "Parameter format does not match format in the created template"],
  132015: [400, "Template is paused"],
  132016: [400, "Template is disabled"],
  133010: [400, "Phone number not registered"],
  133016: [429, "Account register deregister rate limit exceeded"],
};

type Content = {
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

export function createMeta(parts: {
  readonly world: World;
  readonly network: Network;
  readonly time: WorldTime;
  readonly newLane: (fate: ReceiptFate) => ReceiptLane;
}): VendorSimulator {
  const { world, network, time, newLane } = parts;

  async function read(request: VendorRequest): Promise<Reading> {
    const match = /^\/v\d+\.\d+\/(\d+)(\/[a-z_]+)?$/.exec(request.path);
    const bearer = /^Bearer (.+)$/.exec(request.headers.authorization ?? "")?.[1];
    const ofToken = world
      .accountsOf("meta")
      .filter(({ config }) => config.credentials.accessToken === bearer);
    const [, node = "", edge = ""] = match ?? [];
    const account = ofToken.find(({ config }) => config.phoneNumberId === node) ?? null;
    const isSend = request.method === "POST" && edge === "/messages";
    const body = isSend ? parseBody(request) : undefined;
    const seen = seenRequest(request, account, isSend ? whatWasAsked(body) : {});
    if (ofToken.length === 0) {
      return refuse(seen, { code: 190, details: "The access token could not be decrypted" });
    }
    if (request.method === "GET" && edge === "/message_templates") {
      const owner = ofToken.find(({ config }) => config.wabaId === node);
      if (owner !== undefined)
        return answered(seenRequest(request, owner, {}), templateList(owner));
    }
    if (account === null || match === null) return refuse(seen, unknownObject(node));
    if (request.method === "GET" && edge === "") return answered(seen, profile(account, request));
    if (!isSend) return refuse(seen, unknownObject(node));
    return readSend(account, seen, body);
  }

  function readSend(account: MetaAccount, seen: SeenRequest, body: unknown): Reading {
    if (!account.isOnline) return refuse(seen, { code: 131016, details: "Service unavailable" });
    if (account.isBanned) return refuse(seen, { code: 131031, details: "Account is locked" });
    if (!isRecord(body)) return refuse(seen, missing("messaging_product"));
    const problem = commonProblem(body);
    if (problem !== null) return refuse(seen, problem);
    const isGroup = body["recipient_type"] === "group";
    const group = isGroup ? world.groups.get(textOf(body["to"])) : undefined;
    if (isGroup && group?.accountIds.includes(account.id) !== true) {
      return refuse(seen, { code: 131041, details: "The group does not exist" });
    }
    const content = readContent(account, body, isGroup);
    if ("code" in content) return refuse(seen, content);
    const phone = isGroup ? undefined : phoneFrom(textOf(body["to"]));
    const isOutside = content.template === null && phone !== undefined && !isOpen(account, phone);
    if (isOutside && account.config.windowRefusal === "answer") {
      return refuse(seen, { code: 131047, details: WINDOW_CLOSED_DETAILS });
    }
    const input = textOf(body["to"]);
    const full = { ...seen, text: content.text, buttons: content.buttons };
    return {
      seen: [full],
      outcome: {
        kind: "accept",
        accept: ([misfortune]) =>
          accept(account, full, content, input, isOutside ? lateRefusal(misfortune) : misfortune),
      },
    };
  }

  function accept(
    account: MetaAccount,
    seen: SeenRequest,
    content: Content,
    input: string,
    misfortune: Misfortune | undefined,
  ): Acceptance {
    if (misfortune === undefined) throw new Error("every recipient has its misfortune");
    const message = newMessage({
      id: wamid(seen.to ?? input),
      networkId: null,
      vendor: "meta",
      accountId: account.id,
      sender: account.config.sender,
      medium: "whatsapp",
      to: seen.to,
      group: seen.group,
      text: content.text,
      template: content.template,
      buttons: content.buttons,
      attachment: content.attachment,
      deliveryKey: seen.deliveryKey,
      callbackUrl: null,
      acceptedAt: time.now(),
      messagingServiceSid: null,
      fate: misfortune.message,
      receipts: newLane(misfortune.receipts),
      expiry: null,
    });
    world.keepMessage(message);
    const held = content.isHeldForQuality ? "held_for_quality_assessment" : "accepted";
    return {
      response: jsonResponse(200, {
        messaging_product: "whatsapp",
        contacts: [{ input, wa_id: input.replace(/^\+/, "") }],
        messages: [
          { id: message.id, ...(content.template === null ? {} : { message_status: held }) },
        ],
      }),
      providerMessageIds: [message.id],
      start: async (isEarly) => {
        if (isEarly) await network.startAtOnce(message);
        else network.start(message);
      },
    };
  }

  function isOpen(account: MetaAccount, phone: string): boolean {
    const wroteAt = account.lastWroteAt.get(phone);
    return wroteAt !== undefined && time.now() - wroteAt < WINDOW_MS;
  }

  function receipts(
    message: Message,
    change: ReceiptChange,
    isForged: boolean,
  ): readonly WebhookDraft[] {
    const account = world.accounts.get(message.accountId);
    if (account === undefined || !isAccountOf(account, "meta")) return [];
    const recipient = change.member ?? message.to ?? message.group ?? "";
    const isBilled = change.status === "sent" || change.status === "delivered";
    const code = Number(change.code ?? "131026");
    const status = {
      id: message.id,
      status: change.status,
      timestamp: seconds(time.now()),
      recipient_id: recipient.replace(/^\+/, ""),
      ...(isBilled
        ? {
            pricing: {
              billable: message.template !== null,
              pricing_model: "PMP",
              category: message.template === null ? "service" : "utility",
              type: "regular",
            },
          }
        : {}),
      ...(change.status === "failed"
        ? {
            errors: [
              {
                code,
                title: titleOf(code),
                message: titleOf(code),
                error_data: { details: code === 131047 ? WINDOW_CLOSED_DETAILS : titleOf(code) },
              },
            ],
          }
        : {}),
      ...(message.deliveryKey === null ? {} : { biz_opaque_callback_data: message.deliveryKey }),
    };
    const value = { statuses: [status] };
    return envelope(account, "receipt", "messages", value, message.id, isForged);
  }

  function inbound(account: Account, handset: Handset, act: PersonAct): InboundReport {
    if (!isAccountOf(account, "meta")) return { kind: "unreported", reason: "another vendor" };
    account.lastWroteAt.set(handset.phone, time.now());
    const waId = handset.phone.slice(1);
    const { hidesNumber, name } = handset.settings;
    const userId = `ID.${BigInt(waId).toString(36).toUpperCase()}`;
    const hasUserId = hidesNumber || account.config.hasUserIds;
    const id = wamid(handset.phone);
    const contact = {
      profile: { name },
      ...(hidesNumber ? {} : { wa_id: waId }),
      ...(hasUserId ? { user_id: userId } : {}),
    };
    const common = {
      ...(hidesNumber ? {} : { from: waId }),
      ...(hasUserId ? { from_user_id: userId } : {}),
      id,
      timestamp: seconds(time.now()),
    };
    const value = {
      contacts: [contact],
      messages: [{ ...common, ...inboundContent(account.config.sender, act) }],
    };
    const [draft] = envelope(account, "inbound", "messages", value, null, false);
    return draft === undefined
      ? { kind: "unreported", reason: "the app has no webhook" }
      : { kind: "report", draft, providerMessageId: id };
  }

  function envelope(
    account: MetaAccount,
    kind: WebhookKind,
    field: string,
    value: Readonly<Record<string, unknown>>,
    providerMessageId: string | null,
    isForged: boolean,
  ): readonly WebhookDraft[] {
    const { credentials, phoneNumberId, sender, wabaId, webhookUrl } = account.config;
    if (webhookUrl === null) return [];
    const isOfMessages = field === "messages";
    const body = escapeUnicode(
      JSON.stringify({
        object: "whatsapp_business_account",
        entry: [
          {
            id: wabaId,
            changes: [
              {
                value: isOfMessages
                  ? {
                      messaging_product: "whatsapp",
                      metadata: { display_phone_number: sender, phone_number_id: phoneNumberId },
                      ...value,
                    }
                  : value,
                field,
              },
            ],
          },
        ],
      }),
    );
    const secret = isForged ? "not-the-app-secret" : credentials.appSecret;
    return [
      {
        vendor: "meta",
        accountId: account.id,
        kind,
        method: "POST",
        url: webhookUrl,
        headers: {
          "content-type": "application/json",
          "user-agent": "facebookexternalua",
          [META_SIGNATURE_HEADER]: signMetaWebhook(body, secret),
        },
        body,
        providerMessageId,
        timeoutMs: WEBHOOK_TIMEOUT_MS,
        retries: RETRIES,
      },
    ];
  }

  return {
    vendor: "meta",
    read,
    receipts,
    inbound,
    fail: failureResponse,
    failureCodes: { typical: "131026", notOnWhatsApp: "131026", notAMember: "131041" },
    queued: () => [],
    deviceChanged: () => [],
    templateChanged: (account, template) =>
      isAccountOf(account, "meta")
        ? envelope(
            account,
            "template",
            "message_template_status_update",
            {
              event: template.status,
              message_template_id: Number(templateId(template)),
              message_template_name: template.name,
              message_template_language: template.language,
              reason: "NONE",
            },
            null,
            false,
          )
        : [],
    tellsMembers: true,
  };
}

const WINDOW_CLOSED_DETAILS =
  "Message failed to send because more than 24 hours have passed since the customer last replied to this number.";

/** Accepted, and refused by a receipt. */
function lateRefusal(misfortune: Misfortune | undefined): Misfortune | undefined {
  return misfortune && { ...misfortune, message: { ...misfortune.message, failsWith: "131047" } };
}

function seenRequest(
  request: VendorRequest,
  account: MetaAccount | null,
  fields: Partial<SeenRequest>,
): SeenRequest {
  return {
    vendor: "meta",
    accountId: account?.id ?? null,
    sender: account?.config.sender ?? null,
    kind: "other",
    method: request.method,
    path: request.path,
    to: null,
    group: null,
    text: null,
    template: null,
    buttons: [],
    attachment: null,
    deliveryKey: null,
    ...fields,
  };
}

/** As much of the request as can be told, valid or not. */
function whatWasAsked(body: unknown): Partial<SeenRequest> {
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

function commonProblem(body: Readonly<Record<string, unknown>>): MetaError | null {
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

function readContent(
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
  return { ...PLAIN, text, buttons };
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
    if (type === "button" && !isButtonIndex(component["index"], template.buttons.length)) {
      return { code: 132012, details: "button: index does not match the created template" };
    }
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

function inboundContent(sender: string, act: PersonAct): Readonly<Record<string, unknown>> {
  switch (act.kind) {
    case "text":
      return {
        type: "text",
        ...(act.group === null ? {} : { group_id: act.group.id }),
        ...(act.quoted === null ? {} : { context: { from: sender, id: act.quoted } }),
        text: { body: act.text },
      };
    case "reaction":
      return {
        type: "reaction",
        ...(act.group === null ? {} : { group_id: act.group.id }),
        // A reaction that is taken back has no emoji.
        reaction: {
          message_id: act.messageId,
          ...(act.emoji === "" ? {} : { emoji: act.emoji }),
        },
      };
    case "press": {
      const context = { from: sender, id: act.message.id };
      return act.message.isTemplate
        ? {
            type: "button",
            context,
            button: { payload: act.button.id, text: act.button.title },
          }
        : {
            type: "interactive",
            context,
            interactive: {
              type: "button_reply",
              button_reply: { id: act.button.id, title: act.button.title },
            },
          };
    }
  }
}

function profile(account: MetaAccount, request: VendorRequest): Readonly<Record<string, unknown>> {
  const all: Readonly<Record<string, unknown>> = {
    verified_name: account.config.name,
    code_verification_status: "VERIFIED",
    display_phone_number: `+${account.config.sender}`,
    quality_rating: "GREEN",
    platform_type: "CLOUD_API",
    throughput: { level: "STANDARD" },
    status: account.isBanned ? "BANNED" : account.isOnline ? "CONNECTED" : "DISCONNECTED",
    name_status: "APPROVED",
    messaging_limit_tier: "TIER_1K",
    id: account.config.phoneNumberId,
  };
  const fields = request.query.get("fields")?.split(",");
  if (fields === undefined) return all;
  const wanted = new Set([...fields.map((field) => field.trim()), "id"]);
  return Object.fromEntries(Object.entries(all).filter(([key]) => wanted.has(key)));
}

function templateList(account: MetaAccount): Readonly<Record<string, unknown>> {
  return {
    data: account.config.templates.map((template) => ({
      name: template.name,
      components: [
        ...(template.header === "none" ? [] : [{ type: "HEADER", format: "IMAGE" }]),
        { type: "BODY", text: template.body },
        ...(template.buttons.length === 0
          ? []
          : [
              {
                type: "BUTTONS",
                buttons: template.buttons.map((text) => ({ type: "QUICK_REPLY", text })),
              },
            ]),
      ],
      language: template.language,
      status: template.status,
      category: template.category,
      id: templateId(template),
    })),
    paging: { cursors: { before: "MAZDZD", after: "MAZDZD" } },
  };
}

function answered(seen: SeenRequest, body: unknown): Reading {
  return {
    seen: [seen],
    outcome: { kind: "answer", response: jsonResponse(200, body), refusedAs: null },
  };
}

function refuse(seen: SeenRequest, error: MetaError): Reading {
  return {
    seen: [seen],
    outcome: { kind: "answer", response: errorResponse(error), refusedAs: String(error.code) },
  };
}

function errorResponse(
  { code, details }: MetaError,
  options: {
    readonly status?: number;
    readonly headers?: Readonly<Record<string, string>>;
  } = {},
): VendorResponse {
  const [status, title] = ERRORS[code] ?? [400, "API Unknown"];
  return jsonResponse(
    options.status ?? status,
    {
      error: {
        message: `(#${code}) ${title}`,
        type: "OAuthException",
        code,
        error_data: { messaging_product: "whatsapp", details },
        fbtrace_id: `A${hexId(11)}`,
      },
    },
    options.headers,
  );
}

function failureResponse(failure: Failure): VendorResponse {
  switch (failure.kind) {
    case "rate_limited": {
      const wait = failure.retryAfterSeconds;
      const headers = wait === null ? {} : { "retry-after": String(wait) };
      return errorResponse({ code: 130429, details: "Rate limit hit" }, { headers });
    }
    case "server_error": {
      const code = failure.httpStatus === 503 ? 131016 : 131000;
      return errorResponse({ code, details: titleOf(code) }, { status: failure.httpStatus });
    }
    case "unauthorized":
      return errorResponse({ code: 190, details: "The session has been invalidated" });
    case "banned":
      return errorResponse({ code: 131031, details: "Account is locked" });
    case "refused": {
      const code = Number(failure.code ?? "131026");
      const options = failure.httpStatus === null ? {} : { status: failure.httpStatus };
      return errorResponse({ code, details: titleOf(code) }, options);
    }
  }
}

function missing(parameter: string): MetaError {
  return invalid(`The parameter ${parameter} is required.`);
}

function missingNested(parameter: string): MetaError {
  return { code: 131008, details: `${parameter} is required` };
}

function invalid(details: string): MetaError {
  return { code: 100, details };
}

function badValue(details: string): MetaError {
  return { code: 131009, details };
}

function unknownObject(node: string): MetaError {
  return {
    code: 100,
    details: `Object with ID '${node}' does not exist, cannot be loaded due to missing permissions, or does not support this operation`,
  };
}

function titleOf(code: number): string {
  return ERRORS[code]?.[1] ?? "API Unknown";
}

function parseBody(request: VendorRequest): unknown {
  if (!/^application\/json\b/i.test(request.headers["content-type"] ?? "")) return undefined;
  try {
    return JSON.parse(request.body.toString("utf8"));
  } catch {
    return undefined;
  }
}

/** Looks like Meta's own: Base64 of a frame around the number and a random id. */
function wamid(to: string): string {
  const number = Buffer.from(to.replace(/^\+/, ""));
  const frame = Buffer.concat([
    Buffer.from([0x1c, 0x18, number.length]),
    number,
    Buffer.from([0x15, 0x02, 0x00, 0x11, 0x18, 0x12]),
    Buffer.from(hexId(9).toUpperCase()),
    Buffer.from([0x00]),
  ]);
  return `wamid.${frame.toString("base64")}`;
}

/** Stable per name and language. */
function templateId(template: Template): string {
  let sum = 0;
  for (const char of `${template.name}/${template.language}`) {
    sum = (sum * 31 + (char.codePointAt(0) ?? 0)) % 1_000_000_007;
  }
  return String(1_000_000_000_000 + sum);
}

/** Meta escapes everything beyond ASCII, and signs the escaped bytes. */
function escapeUnicode(json: string): string {
  return json.replace(
    /[\u0080-\uffff]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

function isText(value: unknown): value is string {
  return typeof value === "string" && value !== "";
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

function seconds(ms: number): string {
  return String(Math.floor(ms / 1_000));
}
