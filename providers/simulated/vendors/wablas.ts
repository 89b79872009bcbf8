/**
 * Wablas: a server of its own for each account, token and secret joined in one header, lists of messages in JSON, refusals
 * as `status: false` under any HTTP code, tracking webhooks in which `received` means delivered, nothing signed. What the
 * public pages leave open is decided here as: refusals come with HTTP 200, a device that is away refuses (unless the
 * account is set to queue), webhooks are not repeated, what waits a day is cancelled.
 * https://wablas.com/documentation/api and https://manual.test.co.id/docs/api/webhook-tracking-message, checked September
 * 2026.
 */
import { randomUUID } from "node:crypto";

import type { SeenRequest } from "../seen.ts";
import { NO_RETRIES } from "../webhooks.ts";
import { isAccountOf, newMessage } from "../world.ts";
import { lidOf } from "./lid.ts";
import { jsonResponse, seenRequest } from "./vendor.ts";
import { isSendPath, kindOf, readOrders } from "./wablas-request.ts";
import type { Misfortune, ReceiptFate, Signing } from "../faults.ts";
import type { WebhookKind } from "../log.ts";
import type { Network } from "../network.ts";
import type { Handset } from "../phones.ts";
import type { WorldTime } from "../time.ts";
import type { ReceiptLane, WebhookDraft } from "../webhooks.ts";
import type { Account, Message, World } from "../world.ts";
import type { Order, SendPath, WablasAccount } from "./wablas-request.ts";
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

const WEBHOOK_TIMEOUT_MS = 10_000;

const QUEUE_MS_MAX = 24 * 3_600_000;

/** The report's dates are in Jakarta's time and say no zone. */
const CLOCK_OFFSET_MS = 7 * 3_600_000;

const ROWS_PER_PAGE = 20;

const DEVICE_AWAY = "device disconnected";

/** What a `failed` receipt is called. */
const FAILURE_WORDS: readonly string[] = ["reject", "cancel"];

type Fields = Readonly<Record<string, unknown>>;

export function createWablas(parts: {
  readonly world: World;
  readonly network: Network;
  readonly time: WorldTime;
  readonly newLane: (fate: ReceiptFate) => ReceiptLane;
}): VendorSimulator {
  const { world, network, time, newLane } = parts;

  function read(request: VendorRequest): Promise<Reading> {
    return Promise.resolve(readNow(request));
  }

  function readNow(request: VendorRequest): Reading {
    const { method, path } = request;
    const isSend = isSendPath(path);
    const given = request.headers.authorization ?? request.query.get("token") ?? "";
    const account = accountOfToken(given);
    const seen = isSend ? seenAsGiven(request) : {};
    if (account === undefined) return refused(request, null, "token invalid", seen);
    const isTokenEnough = path === "/api/device/info" && request.query.has("token");
    if (!isTokenEnough && given !== authorizationOf(account)) {
      return refused(request, account, "secret key invalid", seen);
    }
    if (method === "POST" && isSend) return readSend(request, path, account, seen);
    if (method === "GET" && path === "/api/device/info") {
      return answered(request, account, { status: true, message: "", data: deviceOf(account) });
    }
    if (method === "GET" && path === "/api/report/message") {
      return answered(request, account, reportOf(account, request.query));
    }
    return {
      seen: [seenRequest("wablas", request, account, seen)],
      outcome: { kind: "answer", response: page(404, {}), refusedAs: "not found" },
    };
  }

  function accountOfToken(given: string): WablasAccount | undefined {
    return world
      .accountsOf("wablas")
      .find(
        ({ config: { credentials } }) =>
          given === credentials.token || given.startsWith(`${credentials.token}.`),
      );
  }

  function refused(
    request: VendorRequest,
    account: WablasAccount | null,
    message: string,
    seen: Partial<SeenRequest>,
  ): Reading {
    return {
      seen: [seenRequest("wablas", request, account, seen)],
      outcome: { kind: "answer", response: refusal(message), refusedAs: message },
    };
  }

  function answered(request: VendorRequest, account: WablasAccount, body: Fields): Reading {
    return {
      seen: [seenRequest("wablas", request, account, {})],
      outcome: { kind: "answer", response: jsonResponse(200, body), refusedAs: null },
    };
  }

  function readSend(
    request: VendorRequest,
    path: SendPath,
    account: WablasAccount,
    seen: Partial<SeenRequest>,
  ): Reading {
    const orders = readOrders(path, request);
    if (typeof orders === "string") return refused(request, account, orders, seen);
    const [first, ...others] = orders.map((order) =>
      seenRequest("wablas", request, account, {
        kind: "message",
        to: order.phone,
        group: order.group,
        text: order.text,
        attachment: order.attachment,
        deliveryKey: order.reference,
      }),
    );
    if (first === undefined) return refused(request, account, "data is required", seen);
    const obstacle = obstacleOf(account, orders.length);
    if (obstacle !== null) {
      return {
        seen: [first, ...others],
        outcome: { kind: "answer", response: refusal(obstacle), refusedAs: obstacle },
      };
    }
    return {
      seen: [first, ...others],
      outcome: {
        kind: "accept",
        accept: (misfortunes) => accept(path, account, orders, misfortunes),
      },
    };
  }

  function accept(
    path: SendPath,
    account: WablasAccount,
    orders: readonly Order[],
    misfortunes: readonly Misfortune[],
  ): Acceptance {
    const made = orders.map((order, index) => makeMessage(account, order, misfortunes[index]));
    account.config = { ...account.config, quota: account.config.quota - made.length };
    const ids = made.map(({ id }) => id);
    return {
      response: jsonResponse(200, {
        status: true,
        message: `${kindOf(path)} Message is pending and waiting to be processed. with error: 0`,
        data: {
          device_id: account.config.deviceId,
          quota: account.config.quota,
          messages: orders.map((order, index) => ({
            id: ids[index],
            phone: order.as,
            message: order.text,
            status: "pending",
            ref_id: order.reference,
          })),
        },
      }),
      providerMessageIds: ids,
      start: async (isEarly) => {
        for (const message of made) {
          if (isEarly) await network.startAtOnce(message);
          else network.start(message);
        }
      },
    };
  }

  function makeMessage(
    account: WablasAccount,
    order: Order,
    misfortune: Misfortune | undefined,
  ): Message {
    if (misfortune === undefined) throw new Error("every recipient has its misfortune");
    const message = newMessage({
      id: randomUUID(),
      networkId: null,
      vendor: "wablas",
      accountId: account.id,
      sender: account.config.sender,
      medium: "whatsapp",
      to: order.phone,
      group: order.group,
      text: order.text,
      template: null,
      buttons: [],
      attachment: order.attachment,
      deliveryKey: order.reference,
      callbackUrl: null,
      acceptedAt: time.now(),
      messagingServiceSid: null,
      fate: misfortune.message,
      receipts: newLane(misfortune.receipts),
      expiry: { afterMs: QUEUE_MS_MAX, code: "cancel" },
    });
    world.keepMessage(message);
    return message;
  }

  function reportOf(account: WablasAccount, query: URLSearchParams): Fields {
    const asked = (name: string): string | null => query.get(name) || null;
    const [id, phone, date] = [asked("message_id"), asked("phone"), asked("date")];
    const found = [...world.messages.values()]
      .filter(
        (message) =>
          message.accountId === account.id &&
          (id === null || message.id === id) &&
          (phone === null || addressOf(message) === phone) &&
          (date === null || localTime(message.acceptedAt).startsWith(date)),
      )
      .reverse();
    const perPage = Number(asked("perPage") ?? ROWS_PER_PAGE);
    const number = Number(asked("page") ?? 1);
    return {
      status: true,
      message: found.slice((number - 1) * perPage, number * perPage).map(reportRow),
      totalData: found.length,
      perPage,
      page: number,
      totalPage: Math.ceil(found.length / perPage),
    };
  }

  function deviceOf(account: WablasAccount): Fields {
    const { config } = account;
    return {
      serial: config.deviceId,
      name: config.name,
      sender: config.sender,
      status: account.isOnline ? "connected" : "disconnected",
      quota: config.quota,
      expired_date: "2030-12-31",
    };
  }

  function webhook(
    account: WablasAccount,
    kind: WebhookKind,
    url: string | null,
    fields: Fields,
    providerMessageId: string | null,
    signing: Signing = "right",
  ): readonly WebhookDraft[] {
    if (url === null) return [];
    const { deviceId, sender, webhookEncoding } = account.config;
    const body = { ...fields, ...deviceNamed(signing, deviceId, sender) };
    const isJson = webhookEncoding === "json";
    return [
      {
        vendor: "wablas",
        accountId: account.id,
        kind,
        method: "POST",
        url,
        headers: {
          "content-type": isJson ? "application/json" : "application/x-www-form-urlencoded",
        },
        body: isJson ? JSON.stringify(body) : formText(body),
        providerMessageId,
        timeoutMs: WEBHOOK_TIMEOUT_MS,
        retries: NO_RETRIES,
      },
    ];
  }

  function tracking(message: Message, status: string, signing: Signing): readonly WebhookDraft[] {
    const account = world.accounts.get(message.accountId);
    if (account === undefined || !isAccountOf(account, "wablas")) return [];
    const fields = { id: message.id, phone: addressOf(message), status, note: "" };
    const url = account.config.trackingUrl ?? account.config.webhookUrl;
    return webhook(account, "receipt", url, fields, message.id, signing);
  }

  function receipts(
    message: Message,
    change: ReceiptChange,
    signing: Signing,
  ): readonly WebhookDraft[] {
    switch (change.status) {
      case "delivered":
        return tracking(message, "received", signing);
      case "failed": {
        const word = change.code ?? "reject";
        return tracking(message, FAILURE_WORDS.includes(word) ? word : "reject", signing);
      }
      case "sent":
      case "read":
        return tracking(message, change.status, signing);
    }
  }

  function inbound(account: Account, handset: Handset, act: PersonAct): InboundReport {
    if (!isAccountOf(account, "wablas")) return { kind: "unreported", reason: "another vendor" };
    if (act.kind === "reaction") {
      return { kind: "unreported", reason: "Wablas does not report reactions" };
    }
    if (act.kind === "press") {
      return { kind: "unreported", reason: "Wablas messages have no buttons" };
    }
    const { config } = account;
    if (!config.getsIncoming) {
      return { kind: "unreported", reason: "Get Incoming Message is off for this device" };
    }
    if (!account.isOnline) return { kind: "unreported", reason: "the device is disconnected" };
    const writer = handset.settings.hidesNumber ? lidOf(handset.phone) : handset.phone.slice(1);
    const { group } = act;
    const id = randomUUID();
    const groupNumber = group?.id.replace(/@g\.us$/, "");
    const [draft] = webhook(
      account,
      "inbound",
      config.webhookUrl,
      {
        id,
        pushName: handset.settings.name,
        isFromMe: false,
        isGroup: group !== null,
        group: {
          group_id: groupNumber ?? "",
          sender: group !== null && config.namesGroupWriter ? writer : "",
          subject: group?.name ?? "",
          owner: "",
          desc: "",
          participants: [],
        },
        message: act.text,
        phone: groupNumber ?? writer,
        messageType: "text",
        file: "",
        mimeType: "",
        url: "",
        timestamp: new Date(time.now()).toISOString(),
      },
      null,
    );
    return draft === undefined
      ? { kind: "unreported", reason: "the device has no webhook" }
      : { kind: "report", draft, providerMessageId: id };
  }

  return {
    vendor: "wablas",
    read,
    receipts,
    inbound,
    fail: failureResponse,
    failureCodes: { typical: "reject", notOnWhatsApp: "reject", notAMember: "reject" },
    queued: (message) => tracking(message, "pending", "right"),
    deviceChanged: (account, reason) => {
      if (!isAccountOf(account, "wablas")) return [];
      const { deviceStatusUrl, name, webhookUrl } = account.config;
      const status = account.isOnline ? "connected" : "disconnected";
      const fields = { deviceName: name, status, note: reason };
      return webhook(account, "device", deviceStatusUrl ?? webhookUrl, fields, null);
    },
    templateChanged: () => [],
    tellsMembers: false,
  };
}

function authorizationOf({ config: { credentials } }: WablasAccount): string {
  const { secretKey, token } = credentials;
  return secretKey === null ? token : `${token}.${secretKey}`;
}

function obstacleOf(account: WablasAccount, messages: number): string | null {
  const { queuesOffline, quota } = account.config;
  if (account.isBanned || (!account.isOnline && !queuesOffline)) return DEVICE_AWAY;
  return quota < messages ? "quota is not enough" : null;
}

/** A request that was refused before it was understood: what it says of itself. */
function seenAsGiven(request: VendorRequest): Partial<SeenRequest> {
  const text = request.body.toString("utf8");
  const phone = /"phone"\s*:\s*"([^"]*)"/.exec(text)?.[1] ?? new URLSearchParams(text).get("phone");
  return { kind: "message", to: phone };
}

function addressOf(message: Message): string {
  return message.to === null
    ? (message.group ?? "").replace(/@g\.us$/, "")
    : message.to.replace(/^\+/, "");
}

function reportRow(message: Message): Fields {
  return {
    id: message.id,
    phone: { from: message.sender, to: addressOf(message) },
    text: message.text,
    status: reportWord(message),
    type: "single",
    category: message.attachment?.kind ?? "text",
    ref_id: message.deliveryKey,
    date: {
      created_at: localTime(message.acceptedAt),
      updated_at: localTime(message.updatedAt),
    },
  };
}

function reportWord(message: Message): string {
  switch (message.status) {
    case "accepted":
      return "pending";
    case "sent":
    case "read":
      return message.status;
    case "delivered":
      return "received";
    case "failed":
      return message.failure ?? "reject";
  }
}

function localTime(at: number): string {
  return new Date(at + CLOCK_OFFSET_MS).toISOString().slice(0, 19).replace("T", " ");
}

/** Nothing is signed: what proves a request is the device that it names. */
function deviceNamed(signing: Signing, deviceId: string, sender: string): Fields {
  switch (signing) {
    case "right":
      return { deviceId, sender };
    case "wrong":
      return { deviceId: "another", sender: "6281234000998" };
    case "missing":
      return {};
  }
}

function refusal(message: string, httpStatus = 200): VendorResponse {
  return jsonResponse(httpStatus, { status: false, message });
}

function failureResponse(failure: Failure): VendorResponse {
  switch (failure.kind) {
    case "rate_limited": {
      const wait = failure.retryAfterSeconds;
      const headers = wait === null ? {} : { "retry-after": String(wait) };
      return jsonResponse(429, { status: false, message: "Too many requests" }, headers);
    }
    case "server_error":
      return page(failure.httpStatus, {});
    case "unauthorized":
      return refusal("token invalid");
    case "banned":
      return refusal(DEVICE_AWAY);
    case "refused": {
      const message = failure.code ?? DEVICE_AWAY;
      const status = failure.httpStatus ?? 200;
      return failure.shape === "text"
        ? jsonResponse(status, { status: "false", message })
        : refusal(message, status);
    }
  }
}

/** What stands in front of the API answers with pages. */
function page(status: number, headers: Readonly<Record<string, string>>): VendorResponse {
  return {
    status,
    headers: { "content-type": "text/html; charset=UTF-8", ...headers },
    body: `<!DOCTYPE html>\n<html><head><title>${status}</title></head><body><h1>${status}</h1></body></html>\n`,
  };
}

function formText(fields: Fields): string {
  const form = new URLSearchParams();
  for (const [key, value] of Object.entries(fields)) {
    form.set(key, typeof value === "string" ? value : JSON.stringify(value));
  }
  return form.toString();
}
