/**
 * WAHA: JSON bodies, a key in `X-Api-Key`, answers with 201 whose shape depends on the engine, refusals as NestJS writes
 * them, acknowledgments as numbers, webhooks signed with HMAC-SHA512 and repeated fifteen times every two seconds. What the
 * documentation leaves open is decided here as: a message that is sent again under its id is shown once, a chat without
 * WhatsApp and a group that the number is not in fail later with ERROR (on GOWS the latter at once).
 * https://waha.devlike.pro/docs/ and its OpenAPI description 2026.7.1, checked September 2026.
 */
import { hexId } from "../ids.ts";
import type { SeenRequest } from "../seen.ts";
import {
  signWahaWebhook,
  WAHA_ALGORITHM_HEADER,
  WAHA_SIGNATURE_HEADER,
} from "../../waha/signature.ts";
import { phoneFrom } from "../phones.ts";
import { isAccountOf, newMessage } from "../world.ts";
import { lidOf } from "./lid.ts";
import { jsonResponse, seenRequest } from "./vendor.ts";
import { isWahaSendPath, readBody, readChat, readOrder } from "./waha-request.ts";
import type { Misfortune, ReceiptFate, Signing } from "../faults.ts";
import type { WebhookKind } from "../log.ts";
import type { Network } from "../network.ts";
import type { Handset } from "../phones.ts";
import type { WorldTime } from "../time.ts";
import type { ReceiptLane, RetryPlan, WebhookDraft } from "../webhooks.ts";
import type { Account, Message, MessageStatus, World } from "../world.ts";
import type { Fields, WahaAccount, WahaOrder, WahaSendPath } from "./waha-request.ts";
import type {
  Acceptance,
  Failure,
  InboundReport,
  PersonAct,
  Reading,
  VendorRequest,
  VendorResponse,
  VendorSimulator,
} from "./vendor.ts";

/** The default of `retries`: policy constant, 15 attempts, 2 s. */
const RETRIES: RetryPlan = {
  delaysMs: Array.from({ length: 15 }, () => 2_000),
  isContent: ({ status }) => status !== null && status >= 200 && status < 300,
};

const WEBHOOK_TIMEOUT_MS = 10_000;

const ACKS = {
  failed: [-1, "ERROR"],
  accepted: [0, "PENDING"],
  sent: [1, "SERVER"],
  delivered: [2, "DEVICE"],
  read: [3, "READ"],
} as const satisfies Readonly<Record<MessageStatus, readonly [number, string]>>;

const SESSION_STATES: readonly string[] = [
  "STOPPED",
  "STARTING",
  "SCAN_QR_CODE",
  "FAILED",
  "PASSKEY_REQUIRED",
];

export function createWaha(parts: {
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
    const key = request.headers["x-api-key"];
    const accounts = world
      .accountsOf("waha")
      .filter(({ config }) => config.credentials.apiKey === key);
    const isSend = method === "POST" && isWahaSendPath(path);
    const seen = isSend ? seenAsGiven(request) : {};
    if (accounts.length === 0) {
      return answered(request, null, unauthorized(), "unauthorized", seen);
    }
    if (isSend) return readSend(request, path, accounts, seen);
    return method === "GET"
      ? readQuestion(request, accounts)
      : answered(request, null, notFound(request), "not found");
  }

  /** Sessions of this key, by the name in the body, path or query. */
  function sessionOf(accounts: readonly WahaAccount[], name: unknown): WahaAccount | undefined {
    return accounts.find(({ config }) => config.session === name);
  }

  function readSend(
    request: VendorRequest,
    path: WahaSendPath,
    accounts: readonly WahaAccount[],
    seen: Partial<SeenRequest>,
  ): Reading {
    const body = readBody(request);
    if (body === null) return invalid(request, null, "Unexpected token in JSON", seen);
    const order = readOrder(path, body);
    if (typeof order === "string") return invalid(request, null, order, seen);
    const account = sessionOf(accounts, body["session"]);
    if (account === undefined) {
      return answered(request, null, noSession(body["session"]), "no session", seen);
    }
    const noted = seenRequest("waha", request, account, {
      kind: "message",
      to: order.phone,
      group: order.group,
      text: order.text,
      attachment: order.attachment,
    });
    const obstacle = obstacleOf(account, order);
    return {
      seen: [noted],
      outcome:
        obstacle === null
          ? {
              kind: "accept",
              accept: ([misfortune]) => accept(account, path, order, misfortune),
            }
          : { kind: "answer", ...obstacle },
    };
  }

  function obstacleOf(
    account: WahaAccount,
    order: WahaOrder,
  ): { readonly response: VendorResponse; readonly refusedAs: string } | null {
    if (!account.isOnline || account.isBanned) {
      const status = account.isBanned ? "FAILED" : "SCAN_QR_CODE";
      return {
        response: sessionResponse(account.config.session, status),
        refusedAs: `session ${status}`,
      };
    }
    const group = order.group === null ? undefined : world.groups.get(order.group);
    const isStranger = order.group !== null && group?.accountIds.includes(account.id) !== true;
    if (account.config.engine !== "GOWS" || !isStranger) return null;
    const message = `2 UNKNOWN: failed to get group members: ${group === undefined ? "that group does not exist" : "you're not participating in that group"}`;
    return { response: engineError(500, message), refusedAs: message };
  }

  function accept(
    account: WahaAccount,
    path: WahaSendPath,
    order: WahaOrder,
    misfortune: Misfortune | undefined,
  ): Acceptance {
    const { engine } = account.config;
    const honoured = engine === "NOWEB" || engine === "GOWS" ? order.id : null;
    const known = honoured === null ? undefined : world.messages.get(honoured);
    const isRepeat = known !== undefined && known.accountId === account.id;
    const message = isRepeat
      ? known
      : makeMessage(account, order, honoured ?? `3EB0${hexId(9).toUpperCase()}`, misfortune);
    return {
      response: jsonResponse(201, sentMessage(account, message, path)),
      providerMessageIds: [message.id],
      start: async (isEarly) => {
        if (isRepeat) return;
        if (isEarly) await network.startAtOnce(message);
        else network.start(message);
      },
    };
  }

  function makeMessage(
    account: WahaAccount,
    order: WahaOrder,
    id: string,
    misfortune: Misfortune | undefined,
  ): Message {
    if (misfortune === undefined) throw new Error("every recipient has its misfortune");
    const message = newMessage({
      id,
      networkId: null,
      vendor: "waha",
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
    return message;
  }

  function readQuestion(request: VendorRequest, accounts: readonly WahaAccount[]): Reading {
    const { path, query } = request;
    const session = /^\/api\/sessions\/([^/]+)$/.exec(path)?.[1];
    if (session !== undefined) {
      const account = sessionOf(accounts, session);
      return account === undefined
        ? answered(request, null, notFound(request), "no session")
        : told(request, account, sessionInfo(account));
    }
    if (path === "/api/contacts/check-exists") return readExists(request, accounts);
    const [, name, what] = /^\/api\/([^/]+)(\/.+)$/.exec(path) ?? [];
    const account = sessionOf(accounts, name);
    if (account === undefined || what === undefined) {
      return answered(request, null, notFound(request), "not found");
    }
    if (what === "/new-message-id") {
      return told(request, account, { id: `3EB0${hexId(9).toUpperCase()}` });
    }
    if (what === "/groups") return told(request, account, groupsOf(account));
    const chat = /^\/chats\/([^/]+)\/messages$/.exec(what)?.[1];
    if (chat !== undefined) {
      return told(request, account, messagesOf(account, decodeURIComponent(chat), query));
    }
    const lid = /^\/lids\/(?:pn\/)?([^/]+)$/.exec(what)?.[1];
    return lid === undefined
      ? answered(request, account, notFound(request), "not found")
      : told(request, account, mappingOf(decodeURIComponent(lid), what.startsWith("/lids/pn/")));
  }

  function readExists(request: VendorRequest, accounts: readonly WahaAccount[]): Reading {
    const account = sessionOf(accounts, request.query.get("session"));
    const phone = phoneFrom(request.query.get("phone") ?? "");
    if (account === undefined) return answered(request, null, notFound(request), "no session");
    if (phone === undefined) return invalid(request, account, "phone must be a phone number");
    return told(
      request,
      account,
      network.hasWhatsApp(phone)
        ? { numberExists: true, chatId: `${phone.slice(1)}@c.us` }
        : { numberExists: false },
    );
  }

  function mappingOf(given: string, isPhone: boolean): Fields {
    const bare = given.replace(/@.*$/, "");
    if (isPhone) {
      const phone = phoneFrom(bare);
      return { lid: phone === undefined ? null : lidOf(phone), pn: `${bare}@c.us` };
    }
    const lid = `${bare}@lid`;
    const known = [...world.groups.values()]
      .flatMap(({ members }) => members)
      .find((phone) => lidOf(phone) === lid);
    return { lid, pn: known === undefined ? null : `${known.slice(1)}@c.us` };
  }

  function sessionInfo(account: WahaAccount): Fields {
    const { config, isBanned, isOnline } = account;
    const isWorking = isOnline && !isBanned;
    return {
      name: config.session,
      status: isWorking ? "WORKING" : isBanned ? "FAILED" : "SCAN_QR_CODE",
      config: {},
      me: isWorking ? meOf(account) : null,
      engine: { engine: config.engine },
    };
  }

  /** As each engine writes them. */
  function groupsOf(account: WahaAccount): unknown {
    const groups = [...world.groups.values()].filter(({ accountIds }) =>
      accountIds.includes(account.id),
    );
    switch (account.config.engine) {
      case "NOWEB":
        return Object.fromEntries(groups.map(({ id, name }) => [id, { id, subject: name }]));
      case "GOWS":
        return groups.map(({ id, name }) => ({ JID: id, Name: name }));
      case "WEBJS":
      case "WPP":
        return groups.map(({ id, name }) => ({ id: { _serialized: id }, name, isGroup: true }));
    }
  }

  /** The newest first. */
  function messagesOf(
    account: WahaAccount,
    chatId: string,
    query: URLSearchParams,
  ): readonly Fields[] {
    const chat = readChat(chatId);
    const since = Number(query.get("filter.timestamp.gte") ?? 0);
    return [...world.messages.values()]
      .filter(
        (message) =>
          message.accountId === account.id &&
          chat !== null &&
          message.to === chat.phone &&
          message.group === chat.group &&
          seconds(message.acceptedAt) >= since,
      )
      .reverse()
      .slice(0, Number(query.get("limit") ?? 10))
      .map((message) => wahaMessage(account, message));
  }

  function accountOf(message: Message): WahaAccount | undefined {
    const account = world.accounts.get(message.accountId);
    return account !== undefined && isAccountOf(account, "waha") ? account : undefined;
  }

  function webhook(
    account: WahaAccount,
    kind: WebhookKind,
    event: string,
    payload: Fields,
    providerMessageId: string | null,
    signing: Signing = "right",
  ): readonly WebhookDraft[] {
    const { credentials, engine, session, webhookEvents, webhookUrl } = account.config;
    if (webhookUrl === null || !webhookEvents.includes(event)) return [];
    const body = JSON.stringify({
      id: `evt_${hexId(13)}`,
      timestamp: time.now(),
      event,
      session,
      metadata: {},
      me: meOf(account),
      payload,
      engine,
      environment: { version: "2026.7.1", engine, tier: "CORE" },
    });
    const hmacKey = { right: credentials.webhookHmacKey, wrong: "not-the-key", missing: null }[
      signing
    ];
    return [
      {
        vendor: "waha",
        accountId: account.id,
        kind,
        method: "POST",
        url: webhookUrl,
        headers: {
          "content-type": "application/json",
          "x-webhook-request-id": hexId(16),
          "x-webhook-timestamp": String(time.now()),
          ...(hmacKey === null
            ? {}
            : {
                [WAHA_SIGNATURE_HEADER]: signWahaWebhook(body, hmacKey),
                [WAHA_ALGORITHM_HEADER]: "sha512",
              }),
        },
        body,
        providerMessageId,
        timeoutMs: WEBHOOK_TIMEOUT_MS,
        retries: RETRIES,
      },
    ];
  }

  function ackWebhook(
    message: Message,
    status: MessageStatus,
    member: string | null,
    signing: Signing,
  ): readonly WebhookDraft[] {
    const account = accountOf(message);
    if (account === undefined) return [];
    const { engine, webjsTagsEvents } = account.config;
    if (engine === "WEBJS" && !webjsTagsEvents) return [];
    const participant = member === null ? null : participantOf(member);
    const [ack, ackName] = ACKS[status];
    const id = `true_${chatIdOf(message)}_${message.id}`;
    return webhook(
      account,
      "receipt",
      participant === null ? "message.ack" : "message.ack.group",
      {
        id: participant === null ? id : `${id}_${participant}`,
        from: chatIdOf(message),
        to: meOf(account).id,
        participant,
        fromMe: true,
        ack,
        ackName,
      },
      message.id,
      signing,
    );
  }

  function participantOf(phone: string): string {
    return network.hidesNumber(phone) ? lidOf(phone) : `${phone.slice(1)}@c.us`;
  }

  function inbound(account: Account, handset: Handset, act: PersonAct): InboundReport {
    if (!isAccountOf(account, "waha")) return { kind: "unreported", reason: "another vendor" };
    if (act.kind === "press") {
      return { kind: "unreported", reason: "WAHA messages have no buttons" };
    }
    if (!account.isOnline || account.isBanned) {
      return { kind: "unreported", reason: "the session does not work" };
    }
    const id = `3EB0${hexId(9).toUpperCase()}`;
    const writer = participantOf(handset.phone);
    const chat = act.group?.id ?? writer;
    const head = {
      id: `false_${chat}_${id}${act.group === null ? "" : `_${writer}`}`,
      timestamp: seconds(time.now()),
      from: chat,
      fromMe: false,
      source: "app",
      to: meOf(account).id,
      participant: act.group === null ? null : writer,
      _data: { pushName: handset.settings.name },
    };
    const isReaction = act.kind === "reaction";
    const [draft] = webhook(
      account,
      "inbound",
      isReaction ? "message.reaction" : "message",
      isReaction
        ? {
            ...head,
            reaction: { text: act.emoji, messageId: `true_${chat}_${act.messageId}` },
          }
        : {
            ...head,
            body: act.text,
            hasMedia: false,
            media: null,
            location: null,
            replyTo:
              act.quoted === null
                ? null
                : { id: quotedId(account, chat, act.quoted), body: "", hasMedia: false },
          },
      null,
    );
    return draft === undefined
      ? { kind: "unreported", reason: "the session has no webhook for this event" }
      : { kind: "report", draft, providerMessageId: id };
  }

  function deviceChanged(account: Account, reason: string): readonly WebhookDraft[] {
    if (!isAccountOf(account, "waha")) return [];
    const down = account.isBanned || !/log/i.test(reason) ? "FAILED" : "SCAN_QR_CODE";
    const status = account.isOnline ? "WORKING" : down;
    return webhook(account, "device", "session.status", { status, statuses: [], data: null }, null);
  }

  return {
    vendor: "waha",
    read,
    inbound,
    deviceChanged,
    fail,
    receipts: (message, change, signing) =>
      ackWebhook(message, change.status, change.member, signing),
    failureCodes: { typical: "ERROR", notOnWhatsApp: "ERROR", notAMember: "ERROR" },
    queued: (message) => ackWebhook(message, "accepted", null, "right"),
    templateChanged: () => [],
    tellsMembers: true,
  };
}

function meOf(account: WahaAccount): { readonly id: string; readonly pushName: string } {
  return { id: `${account.config.sender}@c.us`, pushName: account.config.name };
}

function chatIdOf({ group, to }: Message): string {
  return group ?? `${(to ?? "").slice(1)}@c.us`;
}

/** NOWEB tells the bare key of a quoted message, the others the whole id. */
function quotedId(account: WahaAccount, chat: string, key: string): string {
  return account.config.engine === "NOWEB" ? key : `true_${chat}_${key}`;
}

function wahaMessage(account: WahaAccount, message: Message): Fields {
  const [ack, ackName] = ACKS[message.status];
  return {
    id: `true_${chatIdOf(message)}_${message.id}`,
    timestamp: seconds(message.acceptedAt),
    from: meOf(account).id,
    fromMe: true,
    source: "api",
    to: chatIdOf(message),
    body: message.text,
    hasMedia: message.attachment !== null && message.attachment.kind !== "location",
    media: null,
    ack,
    ackName,
    _data: {},
  };
}

/** The description types the answer to a text only; what the engines answer to the rest is their own. */
function sentMessage(account: WahaAccount, message: Message, path: WahaSendPath): Fields {
  const usual = wahaMessage(account, message);
  switch (account.config.engine) {
    case "GOWS":
      return { ...usual, ack: 1, ackName: "SERVER" };
    case "WEBJS":
    case "WPP": {
      const remote = chatIdOf(message);
      return {
        ...usual,
        id: { fromMe: true, remote, id: message.id, _serialized: usual["id"] },
      };
    }
    case "NOWEB":
      if (path === "/api/sendText") return usual;
      return {
        key: {
          remoteJid: chatIdOf(message).replace("@c.us", "@s.whatsapp.net"),
          fromMe: true,
          id: message.id,
        },
        message: {},
        messageTimestamp: String(seconds(message.acceptedAt)),
        status: "PENDING",
      };
  }
}

function seenAsGiven(request: VendorRequest): Partial<SeenRequest> {
  const body = readBody(request) ?? {};
  const text = body["text"] ?? body["caption"];
  const chatId = body["chatId"];
  const chat = typeof chatId === "string" ? readChat(chatId) : null;
  return {
    kind: "message",
    to: chat?.phone ?? null,
    group: chat?.group ?? null,
    text: typeof text === "string" ? text : null,
  };
}

function answered(
  request: VendorRequest,
  account: WahaAccount | null,
  response: VendorResponse,
  refusedAs: string,
  seen: Partial<SeenRequest> = {},
): Reading {
  return {
    seen: [seenRequest("waha", request, account, seen)],
    outcome: { kind: "answer", response, refusedAs },
  };
}

function told(request: VendorRequest, account: WahaAccount, body: unknown): Reading {
  return {
    seen: [seenRequest("waha", request, account, {})],
    outcome: { kind: "answer", response: jsonResponse(200, body), refusedAs: null },
  };
}

function invalid(
  request: VendorRequest,
  account: WahaAccount | null,
  message: string,
  seen: Partial<SeenRequest> = {},
): Reading {
  const response = jsonResponse(400, { statusCode: 400, message: [message], error: "Bad Request" });
  return answered(request, account, response, message, seen);
}

function unauthorized(): VendorResponse {
  return jsonResponse(401, { message: "Unauthorized", statusCode: 401 });
}

function notFound({ method, path }: VendorRequest): VendorResponse {
  return jsonResponse(404, {
    statusCode: 404,
    message: `Cannot ${method} ${path}`,
    error: "Not Found",
  });
}

function noSession(name: unknown): VendorResponse {
  return jsonResponse(404, {
    statusCode: 404,
    message: `We didn't find a session with name '${String(name)}'.`,
    error: "Not Found",
  });
}

function sessionResponse(session: string, status: string): VendorResponse {
  return jsonResponse(422, {
    error: "Session status is not as expected. Try again later or restart the session",
    session,
    status,
    expected: ["WORKING"],
  });
}

function engineError(statusCode: number, message: string): VendorResponse {
  return jsonResponse(statusCode, {
    statusCode,
    timestamp: new Date(0).toISOString(),
    exception: { message, code: 2, details: message.replace(/^2 UNKNOWN: /, "") },
    request: { path: "/api", method: "POST" },
    version: { version: "2026.7.1", tier: "CORE" },
  });
}

/** `code`: a number of WhatsApp's server, a session's state, or the sentence of the refusal. */
function fail(failure: Failure): VendorResponse {
  switch (failure.kind) {
    case "rate_limited": {
      const wait = failure.retryAfterSeconds;
      const headers = wait === null ? {} : { "retry-after": String(wait) };
      return jsonResponse(429, { statusCode: 429, message: "Too Many Requests" }, headers);
    }
    case "server_error":
      return engineError(failure.httpStatus, "Evaluation failed: t");
    case "unauthorized":
      return unauthorized();
    case "banned":
      return sessionResponse("default", "FAILED");
    case "refused": {
      const code = failure.code ?? "FAILED";
      const isState = failure.httpStatus === 422 && /^[A-Z_]+$/.test(code);
      if (isState || SESSION_STATES.includes(code)) return sessionResponse("default", code);
      const isNumber = /^\d+$/.test(code);
      const status = failure.httpStatus ?? (isNumber ? 500 : 400);
      return status >= 500
        ? engineError(status, isNumber ? `2 UNKNOWN: server returned error ${code}` : code)
        : jsonResponse(status, { statusCode: status, message: code });
    }
  }
}

function seconds(ms: number): number {
  return Math.floor(ms / 1_000);
}
