/**
 * GOWA: HTTP Basic, a header that chooses the device, codes in every answer, receipts for delivered and read alone, webhooks
 * signed with HMAC-SHA256 and tried five times. An answer comes when WhatsApp's server has the message. What the sources
 * leave open is decided here as: a wrong password is answered with a line of text.
 * https://github.com/aldinokemal/go-whatsapp-web-multidevice, release 9.2.0, checked September 2026.
 */
import { hexId } from "../ids.ts";
import type { SeenRequest } from "../seen.ts";
import { GOWA_SIGNATURE_HEADER, signGowaWebhook } from "../../gowa/signature.ts";
import { phoneFrom } from "../phones.ts";
import { isAccountOf, newMessage } from "../world.ts";
import { isGowaSendPath, readGowaChat, readGowaFields, readGowaOrder } from "./gowa-request.ts";
import { lidOf } from "./lid.ts";
import { jsonResponse, seenRequest } from "./vendor.ts";
import type { Misfortune, ReceiptFate, Signing } from "../faults.ts";
import type { WebhookKind } from "../log.ts";
import type { Network } from "../network.ts";
import type { Handset } from "../phones.ts";
import type { WorldTime } from "../time.ts";
import type { ReceiptLane, RetryPlan, WebhookDraft } from "../webhooks.ts";
import type { Account, Message, World } from "../world.ts";
import type { GowaAccount, GowaFields, GowaOrder } from "./gowa-request.ts";
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

/** Five tries within half a minute; then the event is lost. */
const RETRIES: RetryPlan = {
  delaysMs: [1_000, 2_000, 4_000, 8_000],
  isContent: ({ status }) => status !== null && status >= 200 && status < 300,
};

const WEBHOOK_TIMEOUT_MS = 10_000;

const CODE_STATUSES: Readonly<Record<string, number>> = {
  VALIDATION_ERROR: 400,
  INVALID_JID: 400,
  DEVICE_ID_REQUIRED: 400,
  DEVICE_NOT_FOUND: 404,
  AUTHENTICATION_ERROR: 401,
  WA_REACHOUT_TIMELOCK: 429,
  INTERNAL_SERVER_ERROR: 500,
  INVALID_WA_CLI: 500,
  UPLOAD_MEDIA_ERROR: 500,
  DEVICE_MANAGER_UNAVAILABLE: 503,
  GATEWAY_TIMEOUT: 504,
};

const DESCRIPTIONS = {
  delivered: "means the message was delivered to the device (but the user might not have noticed).",
  read: "the user opened the chat and saw the message.",
} as const;

type Refusal = { readonly code: string; readonly message: string };

export function createGowa(parts: {
  readonly world: World;
  readonly network: Network;
  readonly time: WorldTime;
  readonly newLane: (fate: ReceiptFate) => ReceiptLane;
}): VendorSimulator {
  const { world, network, time, newLane } = parts;

  async function read(request: VendorRequest): Promise<Reading> {
    const isSend = request.method === "POST" && isGowaSendPath(request.path);
    const fields = await readGowaFields(request);
    const seen = isSend ? seenAsGiven(fields) : {};
    const devices = world
      .accountsOf("gowa")
      .filter((device) => isOpenedBy(device, request.headers.authorization));
    if (devices.length === 0) {
      return answered(request, null, unauthorized(), "unauthorized", seen);
    }
    const device = chosen(devices, request);
    if ("code" in device) return refused(request, null, device, seen);
    if (isSend) return readSend(request, device, fields, seen);
    return request.method === "GET"
      ? readQuestion(request, device)
      : answered(request, device, notFound(request), "not found");
  }

  function readSend(
    request: VendorRequest,
    account: GowaAccount,
    fields: GowaFields,
    seen: Partial<SeenRequest>,
  ): Reading {
    if (!isGowaSendPath(request.path)) throw new Error("only sends come here");
    const order = readGowaOrder(request.path, fields);
    if (typeof order === "string") {
      return refused(request, account, { code: "VALIDATION_ERROR", message: order }, seen);
    }
    const noted = {
      kind: "message" as const,
      to: order.phone,
      group: order.group,
      text: order.text,
      attachment: order.attachment,
    };
    const obstacle = obstacleOf(account, order);
    if (obstacle !== null) return refused(request, account, obstacle, noted);
    return {
      seen: [seenRequest("gowa", request, account, noted)],
      outcome: {
        kind: "accept",
        accept: ([misfortune]) => accept(account, order, misfortune),
      },
    };
  }

  function obstacleOf(account: GowaAccount, order: GowaOrder): Refusal | null {
    if (!account.isOnline || account.isBanned) {
      return { code: "AUTHENTICATION_ERROR", message: "you are not connect to whatsapp server" };
    }
    if (order.group !== null) {
      const group = world.groups.get(order.group);
      if (group?.accountIds.includes(account.id) === true) return null;
      const why =
        group === undefined
          ? "that group does not exist"
          : "you're not participating in that group";
      return {
        code: "INTERNAL_SERVER_ERROR",
        message: `failed to get group members: ${why}`,
      };
    }
    const isKnown = order.phone !== null && network.hasWhatsApp(order.phone);
    return isKnown || !account.config.isValidating
      ? null
      : { code: "INVALID_JID", message: `Phone ${order.phone ?? ""} is not on whatsapp` };
  }

  function accept(
    account: GowaAccount,
    order: GowaOrder,
    misfortune: Misfortune | undefined,
  ): Acceptance {
    if (misfortune === undefined) throw new Error("every recipient has its misfortune");
    const message = newMessage({
      id: `3EB0${hexId(9).toUpperCase()}`,
      networkId: null,
      vendor: "gowa",
      accountId: account.id,
      sender: account.config.sender,
      medium: "whatsapp",
      to: order.phone,
      group: order.group,
      text: order.text,
      template: null,
      buttons: [],
      attachment: order.attachment,
      deliveryKey: null,
      callbackUrl: null,
      acceptedAt: time.now(),
      messagingServiceSid: null,
      fate: misfortune.message,
      receipts: newLane(misfortune.receipts),
      expiry: null,
    });
    world.keepMessage(message);
    const status = `Message sent to ${jidOf(message)} (server timestamp: ${instant(time.now())})`;
    return {
      response: success(status, { message_id: message.id, status }),
      providerMessageIds: [message.id],
      start: () => network.startAtOnce(message),
    };
  }

  function readQuestion(request: VendorRequest, account: GowaAccount): Reading {
    const { path, query } = request;
    if (path === "/app/status" || /^\/devices\/[^/]+\/status$/.test(path)) {
      return told(request, account, "Device status", {
        device_id: deviceIdOf(account),
        is_connected: account.isOnline && !account.isBanned,
        is_logged_in: !account.isBanned,
        jid: ownJid(account),
      });
    }
    if (path === "/user/my/groups") {
      return told(request, account, "Success get list groups", { data: groupsOf(account) });
    }
    if (path === "/user/check") {
      const phone = phoneFrom((query.get("phone") ?? "").replace(/@.*$/, ""));
      const is_on_whatsapp = phone !== undefined && network.hasWhatsApp(phone);
      return told(request, account, "Success check user", { is_on_whatsapp });
    }
    const chat = /^\/chat\/([^/]+)\/messages$/.exec(path)?.[1];
    return chat === undefined
      ? answered(request, account, notFound(request), "not found")
      : readChatMessages(request, account, decodeURIComponent(chat));
  }

  /** The newest first; a chat in which nothing was written is not there. */
  function readChatMessages(request: VendorRequest, account: GowaAccount, jid: string): Reading {
    const { query } = request;
    const chat = readGowaChat(jid);
    const written = [...world.messages.values()].filter(
      (message) =>
        message.accountId === account.id &&
        typeof chat !== "string" &&
        message.to === chat.phone &&
        message.group === chat.group,
    );
    if (written.length === 0) {
      const response = jsonResponse(404, { code: "404", message: "Chat not found", results: null });
      return answered(request, account, response, "chat not found");
    }
    const since = Date.parse(query.get("start_time") ?? "");
    const found = written.filter(
      ({ acceptedAt }) => Number.isNaN(since) || wholeSeconds(acceptedAt) >= since,
    );
    const limit = Math.min(Number(query.get("limit") ?? 50), 100);
    return told(request, account, "Success get chat messages", {
      data: found
        .toReversed()
        .slice(0, limit)
        .map((message) => ({
          id: message.id,
          chat_jid: jidOf(message),
          sender_jid: ownJid(account),
          content: contentOf(message),
          timestamp: instant(message.acceptedAt),
          is_from_me: true,
          media_type: mediaTypeOf(message),
        })),
      pagination: { limit, offset: 0, total: found.length },
    });
  }

  function groupsOf(account: GowaAccount): readonly unknown[] {
    return [...world.groups.values()]
      .filter(({ accountIds }) => accountIds.includes(account.id))
      .map(({ id, members, name }) => ({
        JID: id,
        Name: name,
        Participants: members.map((phone) => ({
          JID: `${phone.slice(1)}@s.whatsapp.net`,
          LID: lidOf(phone),
        })),
      }));
  }

  function webhook(
    account: GowaAccount,
    kind: WebhookKind,
    event: string,
    payload: Readonly<Record<string, unknown>>,
    options: {
      readonly providerMessageId: string | null;
      readonly timestamp: string | null;
      readonly signing: Signing;
    },
  ): readonly WebhookDraft[] {
    const { credentials, webhookUrl } = account.config;
    if (webhookUrl === null) return [];
    const body = JSON.stringify({
      event,
      device_id: ownJid(account),
      session_id: deviceIdOf(account),
      ...(options.timestamp === null ? {} : { timestamp: options.timestamp }),
      payload,
    });
    const secret = { right: credentials.webhookSecret, wrong: "not-the-secret", missing: null }[
      options.signing
    ];
    return [
      {
        vendor: "gowa",
        accountId: account.id,
        kind,
        method: "POST",
        url: webhookUrl,
        headers: {
          "content-type": "application/json",
          ...(secret === null ? {} : { [GOWA_SIGNATURE_HEADER]: signGowaWebhook(body, secret) }),
        },
        body,
        providerMessageId: options.providerMessageId,
        timeoutMs: WEBHOOK_TIMEOUT_MS,
        retries: RETRIES,
      },
    ];
  }

  /** Nothing tells that a message was sent, or failed. */
  function receipts(
    message: Message,
    change: ReceiptChange,
    signing: Signing,
  ): readonly WebhookDraft[] {
    const account = world.accounts.get(message.accountId);
    if (account === undefined || !isAccountOf(account, "gowa")) return [];
    if (change.status === "sent" || change.status === "failed") return [];
    const reader = change.member ?? message.to;
    return webhook(
      account,
      "receipt",
      "message.ack",
      {
        ids: [message.id],
        chat_id: jidOf(message),
        ...(reader === null ? {} : writerOf(reader)),
        receipt_type: change.status,
        receipt_type_description: DESCRIPTIONS[change.status],
      },
      { providerMessageId: message.id, timestamp: instant(time.now()), signing },
    );
  }

  /** The phone where the gateway knows it, else the alias. */
  function writerOf(phone: string): { readonly from: string; readonly from_lid: string } {
    const lid = lidOf(phone);
    const from = network.hidesNumber(phone) ? lid : `${phone.slice(1)}@s.whatsapp.net`;
    return { from, from_lid: lid };
  }

  function inbound(account: Account, handset: Handset, act: PersonAct): InboundReport {
    if (!isAccountOf(account, "gowa")) return { kind: "unreported", reason: "another vendor" };
    if (act.kind === "press") {
      return { kind: "unreported", reason: "GOWA messages have no buttons" };
    }
    if (!account.isOnline || account.isBanned) {
      return { kind: "unreported", reason: "the device is not connected" };
    }
    const id = `3EB0${hexId(9).toUpperCase()}`;
    const writer = writerOf(handset.phone);
    const head = {
      id,
      chat_id: act.group?.id ?? writer.from,
      ...writer,
      from_name: handset.settings.name,
      sender_display_name: handset.settings.name,
      timestamp: instant(time.now()),
      is_from_me: false,
    };
    const options = { providerMessageId: null, timestamp: null, signing: "right" } as const;
    const [draft] =
      act.kind === "reaction"
        ? webhook(
            account,
            "inbound",
            "message.reaction",
            { ...head, reaction: act.emoji, reacted_message_id: act.messageId },
            options,
          )
        : webhook(
            account,
            "inbound",
            "message",
            {
              ...head,
              body: act.text,
              ...(act.quoted === null ? {} : { replied_to_id: act.quoted, quoted_body: "" }),
            },
            options,
          );
    return draft === undefined
      ? { kind: "unreported", reason: "the device has no webhook" }
      : { kind: "report", draft, providerMessageId: id };
  }

  return {
    vendor: "gowa",
    read,
    receipts,
    inbound,
    fail,
    failureCodes: { typical: "failed", notOnWhatsApp: "failed", notAMember: "failed" },
    queued: () => [],
    // The gateway reconnects in silence: only its status tells.
    deviceChanged: () => [],
    templateChanged: () => [],
    tellsMembers: true,
  };
}

function isOpenedBy({ config }: GowaAccount, authorization: string | undefined): boolean {
  const { password, username } = config.credentials;
  if (username === null) return true;
  const pair = Buffer.from(`${username}:${password ?? ""}`).toString("base64");
  return authorization === `Basic ${pair}`;
}

/** By header, query or path; without any, the only one. */
function chosen(devices: readonly GowaAccount[], request: VendorRequest): GowaAccount | Refusal {
  const header = request.headers["x-device-id"];
  const inPath = /^\/devices\/([^/]+)\/status$/.exec(request.path)?.[1];
  const wanted =
    inPath === undefined
      ? ((typeof header === "string" ? header : null) ?? request.query.get("device_id"))
      : decodeURIComponent(inPath);
  const [only, ...others] = devices;
  if (wanted === null && only !== undefined && others.length === 0) return only;
  if (wanted === null) {
    return {
      code: "DEVICE_ID_REQUIRED",
      message: "device_id is required via X-Device-Id header or device_id query",
    };
  }
  const found = devices.find(
    (device) => deviceIdOf(device) === wanted || ownJid(device) === wanted,
  );
  return found ?? { code: "DEVICE_NOT_FOUND", message: "device not found" };
}

function ownJid({ config }: GowaAccount): string {
  return `${config.sender}@s.whatsapp.net`;
}

function deviceIdOf(account: GowaAccount): string {
  return account.config.deviceId ?? ownJid(account);
}

function jidOf({ group, to }: Message): string {
  return group ?? `${(to ?? "").slice(1)}@s.whatsapp.net`;
}

/** A caption is kept behind a mark for its kind of file. */
function contentOf({ attachment, text }: Message): string {
  if (attachment === null) return text;
  const mark = attachment.kind === "image" ? "🖼️" : attachment.kind === "location" ? "📍" : "📄";
  return text === "" ? mark : `${mark} ${text}`;
}

function mediaTypeOf({ attachment }: Message): string | null {
  return attachment === null || attachment.kind === "location" ? null : attachment.kind;
}

function seenAsGiven({ values }: GowaFields): Partial<SeenRequest> {
  const { phone } = values;
  const text = values["message"] ?? values["caption"];
  const chat = typeof phone === "string" ? readGowaChat(phone) : "";
  return {
    kind: "message",
    to: typeof chat === "string" ? null : chat.phone,
    group: typeof chat === "string" ? null : chat.group,
    text: typeof text === "string" ? text : null,
  };
}

function answered(
  request: VendorRequest,
  account: GowaAccount | null,
  response: VendorResponse,
  refusedAs: string,
  seen: Partial<SeenRequest> = {},
): Reading {
  return {
    seen: [seenRequest("gowa", request, account, seen)],
    outcome: { kind: "answer", response, refusedAs },
  };
}

function refused(
  request: VendorRequest,
  account: GowaAccount | null,
  refusal: Refusal,
  seen: Partial<SeenRequest>,
): Reading {
  return answered(request, account, refusalResponse(refusal, null), refusal.code, seen);
}

function told(
  request: VendorRequest,
  account: GowaAccount,
  message: string,
  results: unknown,
): Reading {
  return {
    seen: [seenRequest("gowa", request, account, {})],
    outcome: { kind: "answer", response: success(message, results), refusedAs: null },
  };
}

function success(message: string, results: unknown): VendorResponse {
  return jsonResponse(200, { code: "SUCCESS", message, results });
}

function refusalResponse({ code, message }: Refusal, httpStatus: number | null): VendorResponse {
  return jsonResponse(httpStatus ?? CODE_STATUSES[code] ?? 400, { code, message, results: null });
}

function unauthorized(): VendorResponse {
  return text(401, "Unauthorized");
}

function notFound({ method, path }: VendorRequest): VendorResponse {
  return text(404, `Cannot ${method} ${path}`);
}

function text(status: number, body: string): VendorResponse {
  return { status, headers: { "content-type": "text/plain; charset=utf-8" }, body };
}

/** `code`: one of the gateway's, with a sentence after a colon where one is wanted. */
function fail(failure: Failure): VendorResponse {
  switch (failure.kind) {
    case "rate_limited": {
      const wait = failure.retryAfterSeconds;
      const headers = wait === null ? {} : { "retry-after": String(wait) };
      return jsonResponse(429, { code: "TOO_MANY_REQUESTS", message: "slow down" }, headers);
    }
    case "server_error": {
      const isTimeout = failure.httpStatus === 504;
      const code = isTimeout ? "GATEWAY_TIMEOUT" : "INTERNAL_SERVER_ERROR";
      return refusalResponse({ code, message: "something went wrong" }, failure.httpStatus);
    }
    case "unauthorized":
      return unauthorized();
    case "banned":
      return refusalResponse(
        { code: "AUTHENTICATION_ERROR", message: "you are not logged in" },
        null,
      );
    case "refused": {
      const given = failure.code ?? "INTERNAL_SERVER_ERROR";
      const [code = "", ...sentence] = given.split(": ");
      return refusalResponse({ code, message: sentence.join(": ") }, failure.httpStatus);
    }
  }
}

function wholeSeconds(ms: number): number {
  return Math.floor(ms / 1_000) * 1_000;
}

/** RFC 3339 in whole seconds. */
function instant(ms: number): string {
  return new Date(wholeSeconds(ms)).toISOString().replace(".000Z", "Z");
}
