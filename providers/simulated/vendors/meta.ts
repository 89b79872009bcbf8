/**
 * Meta WhatsApp Cloud API: JSON under a versioned path, errors as `{error: {code, …}}`, the 24-hour window, templates,
 * one webhook envelope for receipts and inbound messages, signed over its bytes. Beyond the error list: a template
 * parameter with a line break, a tab or more than four spaces in a row is refused with code 100, as integrators report
 * (netflie/whatsapp-cloud-api#201).
 * https://developers.facebook.com/documentation/business-messaging/whatsapp/support/error-codes and
 * …/webhooks/reference/messages, checked September 2026.
 */
import { hexId } from "../ids.ts";
import type { SeenRequest } from "../seen.ts";
import { META_SIGNATURE_HEADER, signMetaWebhook } from "../../whatsapp-cloud/signature.ts";
import { phoneFrom } from "../phones.ts";
import { isAccountOf, newMessage } from "../world.ts";
import { errorResponse, failureResponse, missing, titleOf, unknownObject } from "./meta-errors.ts";
import { commonProblem, parseBody, readContent, textOf, whatWasAsked } from "./meta-request.ts";
import { isRecord, jsonResponse, seenRequest } from "./vendor.ts";
import type { Misfortune, ReceiptFate, Signing } from "../faults.ts";
import type { WebhookKind } from "../log.ts";
import type { Network } from "../network.ts";
import type { Handset } from "../phones.ts";
import type { WorldTime } from "../time.ts";
import type { ReceiptLane, RetryPlan, WebhookDraft } from "../webhooks.ts";
import type { Account, Message, World } from "../world.ts";
import type { Template } from "./meta-account.ts";
import type { MetaError } from "./meta-errors.ts";
import type { Content, MetaAccount } from "./meta-request.ts";
import type {
  Acceptance,
  InboundReport,
  PersonAct,
  Reading,
  ReceiptChange,
  VendorRequest,
  VendorSimulator,
} from "./vendor.ts";

const WINDOW_MS = 24 * 3_600_000;

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
    const seen = seenRequest("meta", request, account, isSend ? whatWasAsked(body) : {});
    if (ofToken.length === 0) {
      return refuse(seen, { code: 190, details: "The access token could not be decrypted" });
    }
    if (request.method === "GET" && edge === "/message_templates") {
      const owner = ofToken.find(({ config }) => config.wabaId === node);
      if (owner !== undefined)
        return answered(seenRequest("meta", request, owner, {}), templateList(owner));
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
    const { text, buttons, attachment } = content;
    const full = { ...seen, text, buttons, attachment };
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
    signing: Signing,
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
              category: categoryOf(account, message.template),
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
    return envelope(account, "receipt", "messages", value, message.id, signing);
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
    const [draft] = envelope(account, "inbound", "messages", value, null, "right");
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
    signing: Signing,
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
            ...(isOfMessages ? {} : { time: Number(seconds(time.now())) }),
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
    const secret = signing === "right" ? credentials.appSecret : "not-the-app-secret";
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
          ...(signing === "missing"
            ? {}
            : { [META_SIGNATURE_HEADER]: signMetaWebhook(body, secret) }),
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
            "right",
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

/** As Meta lists what was made as `OTP`. */
const COPY_CODE_BUTTON = {
  type: "URL",
  text: "Copy code",
  url: "https://www.whatsapp.com/otp/code/?otp_type=COPY_CODE&code_expiration_minutes=5&code=otp{{1}}",
  example: [
    "https://www.whatsapp.com/otp/code/?otp_type=COPY_CODE&code_expiration_minutes=5&code=otp123456",
  ],
};

function templateList(account: MetaAccount): Readonly<Record<string, unknown>> {
  return {
    data: account.config.templates.map((template) => ({
      name: template.name,
      components: [
        ...(template.header === "none" ? [] : [{ type: "HEADER", format: "IMAGE" }]),
        { type: "BODY", text: template.body },
        ...(template.copyCode ? [{ type: "BUTTONS", buttons: [COPY_CODE_BUTTON] }] : []),
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

function seconds(ms: number): string {
  return String(Math.floor(ms / 1_000));
}

function categoryOf(account: MetaAccount, use: Message["template"]): string {
  if (use === null) return "service";
  const { name, language } = use;
  const template = account.config.templates.find(
    (known) => known.name === name && known.language === language,
  );
  return (template?.category ?? "UTILITY").toLowerCase();
}
