/**
 * Evolution API: JSON under the instance's name, every failure of a send 400 with its reason as text, receipts by WhatsApp's
 * own id, webhooks with a header or a token. What an outsider can't see is decided here as: the look-up of the number always
 * asks WhatsApp, a banned number is told as logged out with code 403, and stored messages are all that the world knows.
 * `whatsapp.baileys.service.ts` and `webhook.controller.ts` of 2.3.6, 2.3.7 and 2.4.0-rc2, September 2026.
 */
import { EVOLUTION_SECRET_HEADER, evolutionAuthorization } from "../../evolution/signature.ts";
import { hexId } from "../ids.ts";
import type { SeenRequest } from "../seen.ts";
import { phoneFrom } from "../phones.ts";
import { isAccountOf, newMessage } from "../world.ts";
import { jidOf, kindOf, readOrder } from "./evolution-request.ts";
import { lidOf } from "./lid.ts";
import { isRecord, jsonResponse, listOf, seenRequest } from "./vendor.ts";
import type { Misfortune, ReceiptFate, Signing } from "../faults.ts";
import type { WebhookKind } from "../log.ts";
import type { Network } from "../network.ts";
import type { Handset } from "../phones.ts";
import type { WorldTime } from "../time.ts";
import type { ReceiptLane, RetryPlan, WebhookDraft } from "../webhooks.ts";
import type { Account, ConfigOf, Message, MessageStatus, World } from "../world.ts";
import type { EvolutionOrder } from "./evolution-request.ts";
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

type EvolutionAccount = Account<ConfigOf<"evolution">>;
type Json = Readonly<Record<string, unknown>>;

/** Ten attempts in all, from 5 s to 300 s apart; these answers end them at once. */
const GIVEN_UP_ON: readonly number[] = [400, 401, 403, 404, 422];
const RETRIES: RetryPlan = {
  delaysMs: [5, 10, 20, 40, 80, 160, 300, 300, 300].map((seconds) => seconds * 1_000),
  isContent: ({ status }) =>
    status !== null && ((status >= 200 && status < 300) || GIVEN_UP_ON.includes(status)),
};
const WEBHOOK_TIMEOUT_MS = 30_000;

const CONNECTION_CLOSED = "Error: Connection Closed";

const WORDS: Readonly<Record<MessageStatus, string>> = {
  accepted: "PENDING",
  sent: "SERVER_ACK",
  delivered: "DELIVERY_ACK",
  read: "READ",
  failed: "ERROR",
};

/** Where a connection ends for good. */
const LOGGED_OUT = 401;
const BANNED = 403;

export function createEvolution(parts: {
  readonly world: World;
  readonly network: Network;
  readonly time: WorldTime;
  readonly newLane: (fate: ReceiptFate) => ReceiptLane;
}): VendorSimulator {
  const { world, network, time, newLane } = parts;
  /** 2.3.6 tells a pair of message and status once. */
  const toldOnce = new WeakMap<Message, Set<string>>();

  function read(request: VendorRequest): Promise<Reading> {
    const at = request.path.lastIndexOf("/");
    const path = request.path.slice(0, at);
    const instance = decoded(request.path.slice(at + 1));
    const account = world
      .accountsOf("evolution")
      .find(({ config }) => config.instance === instance);
    return Promise.resolve(readFor(request, path, instance, account));
  }

  function readFor(
    request: VendorRequest,
    path: string,
    instance: string,
    account: EvolutionAccount | undefined,
  ): Reading {
    const kind = request.method === "POST" ? kindOf(path) : null;
    const body = jsonIn(request);
    const to = kind === null ? null : isRecord(body) ? body["number"] : null;
    const asked: Partial<SeenRequest> = {
      ...(kind === null ? {} : { kind: "message" }),
      ...(typeof to === "string" ? { to } : {}),
    };
    const refused = (refusedAs: string, response: VendorResponse): Reading => ({
      seen: [seenRequest("evolution", request, account ?? null, asked)],
      outcome: { kind: "answer", response, refusedAs },
    });
    if (account === undefined) {
      const message = [`The "${instance}" instance does not exist`];
      return refused("no instance", failed(404, "Not Found", message));
    }
    if (request.headers["apikey"] !== account.config.credentials.apiKey) {
      return refused("unauthorized", failed(401, "Unauthorized", "Unauthorized"));
    }
    if (account.config.release === "2.4.0-rc2" && !account.config.hasLicence) {
      return refused("LICENSE_REQUIRED", unlicensed());
    }
    const answered = (answer: unknown): Reading => ({
      seen: [seenRequest("evolution", request, account, {})],
      outcome: { kind: "answer", response: jsonResponse(200, answer), refusedAs: null },
    });
    switch (`${request.method} ${path}`) {
      case "GET /instance/connectionState":
        return answered({
          instance: { instanceName: instance, state: account.isOnline ? "open" : "close" },
        });
      case "GET /group/fetchAllGroups":
        return request.query.has("getParticipants")
          ? answered(groupsOf(account))
          : refused(
              "no getParticipants",
              failed(400, "Bad Request", ["The getParticipants needs to be informed in the query"]),
            );
      case "POST /chat/whatsappNumbers":
        return answered(numbersIn(body));
      case "POST /chat/findStatusMessage":
        return answered(statusesOf(account, body));
      case "POST /chat/findMessages":
        return answered(foundMessages(account, body));
    }
    if (kind === null) {
      const message = [`Cannot ${request.method} ${request.path}`];
      return refused("not found", failed(404, "Not Found", message));
    }
    const reading = readOrder(kind, isRecord(body) ? body : {});
    if (!reading.ok) {
      return refused("bad request", failed(400, "Bad Request", reading.message));
    }
    return readSend(request, account, reading.order);
  }

  function readSend(
    request: VendorRequest,
    account: EvolutionAccount,
    order: EvolutionOrder,
  ): Reading {
    const seen = seenRequest("evolution", request, account, {
      kind: "message",
      to: order.phone ?? (order.group === null ? order.number : null),
      group: order.group,
      text: order.text,
      buttons: order.buttons,
      attachment: order.attachment,
    });
    const obstacle = obstacleTo(account, order);
    return obstacle === null
      ? {
          seen: [seen],
          outcome: { kind: "accept", accept: ([first]) => accept(account, order, first) },
        }
      : {
          seen: [seen],
          outcome: {
            kind: "answer",
            response: failed(400, "Bad Request", [obstacle.message]),
            refusedAs: obstacle.code,
          },
        };
  }

  /** In the order of the gateway: the number is looked up, then the group, then the message leaves. */
  function obstacleTo(
    account: EvolutionAccount,
    order: EvolutionOrder,
  ): { readonly code: string; readonly message: unknown } | null {
    const isAway = account.isBanned || !account.isOnline;
    if (order.group !== null) {
      const isMember = world.groups.get(order.group)?.accountIds.includes(account.id) === true;
      // "Group not found", turned into text twice; a group can't be read over a closed connection either.
      return isMember && !isAway ? null : { code: "group not found", message: "[object Object]" };
    }
    if (isAway) return { code: "Connection Closed", message: CONNECTION_CLOSED };
    return order.phone !== null && network.hasWhatsApp(order.phone)
      ? null
      : { code: "exists false", message: { jid: order.jid, exists: false, number: order.number } };
  }

  function accept(
    account: EvolutionAccount,
    order: EvolutionOrder,
    misfortune: Misfortune | undefined,
  ): Acceptance {
    if (misfortune === undefined) throw new Error("every recipient has its misfortune");
    const takesOwnIds = account.config.release === "2.4.0-rc2";
    const id = (takesOwnIds ? order.ownId : null) ?? `3EB0${hexId(9).toUpperCase()}`;
    const known = world.messages.get(id);
    const message = known ?? whatsAppOf(account, order, id, misfortune);
    if (known === undefined) world.keepMessage(message);
    return {
      response: jsonResponse(201, {
        key: { remoteJid: order.jid, fromMe: true, id },
        pushName: "Você",
        status: "PENDING",
        message: order.content,
        contextInfo: {},
        messageType: order.messageType,
        messageTimestamp: seconds(time.now()),
        instanceId: account.id,
        source: "web",
      }),
      providerMessageIds: [id],
      start: async (isEarly) => {
        // One id is one message, however often it is asked for.
        if (known !== undefined) return;
        if (isEarly) await network.startAtOnce(message);
        else network.start(message);
      },
    };
  }

  function whatsAppOf(
    account: EvolutionAccount,
    order: EvolutionOrder,
    id: string,
    misfortune: Misfortune,
  ): Message {
    return newMessage({
      id,
      networkId: id,
      vendor: "evolution",
      accountId: account.id,
      sender: account.config.sender,
      medium: "whatsapp",
      to: order.phone,
      group: order.group,
      text: order.text,
      template: null,
      buttons: order.buttons,
      attachment: order.attachment,
      deliveryKey: null,
      callbackUrl: null,
      acceptedAt: time.now(),
      messagingServiceSid: null,
      fate: misfortune.message,
      receipts: newLane(misfortune.receipts),
      expiry: null,
    });
  }

  function groupsOf(account: EvolutionAccount): readonly Json[] {
    return [...world.groups.values()]
      .filter((group) => group.accountIds.includes(account.id))
      .map(({ id, members, name }) => ({ id, subject: name, size: members.length + 1 }));
  }

  function numbersIn(body: unknown): readonly Json[] {
    const numbers = isRecord(body) ? (listOf(body["numbers"]) ?? []) : [];
    return numbers.map((number) => {
      const jid = jidOf(String(number));
      const phone = phoneFrom(jid.replace(/@.*$/, ""));
      const exists = phone !== undefined && network.hasWhatsApp(phone);
      return { jid, exists, number };
    });
  }

  function messagesOf(account: EvolutionAccount): readonly Message[] {
    return [...world.messages.values()].filter(({ accountId }) => accountId === account.id);
  }

  /** One row for each status that was reached, as receipts are stored. */
  function statusesOf(account: EvolutionAccount, body: unknown): readonly Json[] {
    const id = whereOf(body)["id"];
    const message = messagesOf(account).find((each) => each.id === id);
    if (message === undefined || message.status === "accepted") return [];
    const reached =
      message.status === "failed"
        ? (["failed"] as const)
        : (["sent", "delivered", "read"] as const).slice(0, ORDER.indexOf(message.status) + 1);
    return reached.map((status) => ({
      id: hexId(12),
      keyId: message.id,
      remoteJid: chatOf(message),
      fromMe: true,
      participant: null,
      status: WORDS[status],
    }));
  }

  function foundMessages(account: EvolutionAccount, body: unknown): Json {
    const key = whereOf(body)["key"];
    const chat = isRecord(key) ? key["remoteJid"] : undefined;
    const records = messagesOf(account)
      .filter((message) => chat === undefined || chatOf(message) === chat)
      .toReversed()
      .map((message) => ({
        id: hexId(12),
        key: { id: message.id, fromMe: true, remoteJid: chatOf(message) },
        pushName: "Você",
        messageType: "conversation",
        message: { conversation: message.text },
        messageTimestamp: seconds(message.acceptedAt),
        instanceId: account.id,
        source: "web",
        contextInfo: null,
        MessageUpdate: [],
      }));
    return { messages: { total: records.length, pages: 1, currentPage: 1, records } };
  }

  function webhook(
    account: EvolutionAccount,
    kind: WebhookKind,
    event: string,
    data: Json,
    providerMessageId: string | null,
    signing: Signing = "right",
  ): readonly WebhookDraft[] {
    const { config } = account;
    if (config.webhookUrl === null) return [];
    const { webhookSecret } = config.credentials;
    const secret = { right: webhookSecret, wrong: "not-the-secret", missing: null }[signing];
    const proof =
      secret === null
        ? {}
        : config.webhookAuth === "jwt"
          ? { authorization: evolutionAuthorization(secret, time.now()) }
          : { [EVOLUTION_SECRET_HEADER]: secret };
    return [
      {
        vendor: "evolution",
        accountId: account.id,
        kind,
        method: "POST",
        url: config.webhookUrl,
        headers: { "content-type": "application/json", ...proof },
        body: JSON.stringify({
          event,
          instance: config.instance,
          data,
          destination: config.webhookUrl,
          date_time: new Date(time.now()).toISOString(),
          sender: `${config.sender}@s.whatsapp.net`,
          server_url: "http://evolution.example:8080",
          apikey: null,
        }),
        providerMessageId,
        timeoutMs: WEBHOOK_TIMEOUT_MS,
        retries: RETRIES,
      },
    ];
  }

  function receipts(
    message: Message,
    change: ReceiptChange,
    signing: Signing,
  ): readonly WebhookDraft[] {
    const account = world.accounts.get(message.accountId);
    if (account === undefined || !isAccountOf(account, "evolution")) return [];
    const status = WORDS[change.status];
    if (account.config.release === "2.3.6") {
      const told = toldOnce.get(message) ?? new Set<string>();
      if (change.member !== null && told.has(status)) return [];
      toldOnce.set(message, told.add(status));
    }
    const data = {
      keyId: message.id,
      remoteJid: chatOf(message),
      fromMe: true,
      participant: change.member === null ? null : jidFor(change.member),
      status,
      instanceId: account.id,
      messageId: hexId(12),
    };
    return webhook(account, "receipt", "messages.update", data, message.id, signing);
  }

  function inbound(account: Account, handset: Handset, act: PersonAct): InboundReport {
    if (!isAccountOf(account, "evolution")) return { kind: "unreported", reason: "another vendor" };
    if (!account.isOnline) return { kind: "unreported", reason: "the instance is disconnected" };
    const { hidesNumber, name } = handset.settings;
    const writer = hidesNumber ? lidOf(handset.phone) : jidFor(handset.phone);
    const group = act.kind === "press" ? null : act.group;
    const id = `3A${hexId(9).toUpperCase()}`;
    const chat = group === null ? writer : group.id;
    const content = contentOf(act, chat);
    const [draft] = webhook(
      account,
      "inbound",
      "messages.upsert",
      {
        key: {
          remoteJid: chat,
          fromMe: false,
          id,
          ...(group === null ? {} : { participant: writer }),
          addressingMode: hidesNumber ? "lid" : "pn",
        },
        pushName: name,
        status: "DELIVERY_ACK",
        ...content,
        messageTimestamp: seconds(time.now()),
        instanceId: account.id,
        source: "android",
      },
      null,
    );
    return draft === undefined
      ? { kind: "unreported", reason: "the instance has no webhook" }
      : { kind: "report", draft, providerMessageId: id };
  }

  return {
    vendor: "evolution",
    read,
    receipts,
    inbound,
    fail,
    failureCodes: { typical: "ERROR", notOnWhatsApp: "ERROR", notAMember: "ERROR" },
    queued: () => [],
    deviceChanged: (account) => {
      if (!isAccountOf(account, "evolution")) return [];
      const { instance } = account.config;
      if (account.isOnline) {
        const data = { instance, state: "open", statusReason: 200 };
        return webhook(account, "device", "connection.update", data, null);
      }
      const code = account.isBanned ? BANNED : LOGGED_OUT;
      const closed = { instance, status: "closed", disconnectionReasonCode: code };
      const update = { instance, state: "close", statusReason: code };
      return [
        ...webhook(account, "device", "status.instance", closed, null),
        ...webhook(account, "device", "connection.update", update, null),
      ];
    },
    templateChanged: () => [],
    tellsMembers: true,
  };
}

const ORDER: readonly MessageStatus[] = ["sent", "delivered", "read"];

function contentOf(act: PersonAct, chat: string): Json {
  switch (act.kind) {
    case "text":
      return {
        message: { conversation: act.text },
        contextInfo: act.quoted === null ? null : { stanzaId: act.quoted, quotedMessage: {} },
        messageType: "conversation",
      };
    case "reaction":
      return {
        message: {
          reactionMessage: {
            key: { remoteJid: chat, fromMe: true, id: act.messageId },
            text: act.emoji,
          },
        },
        contextInfo: null,
        messageType: "reactionMessage",
      };
    case "press": {
      const { id, title } = act.button;
      return {
        message: {
          interactiveResponseMessage: {
            body: { text: title },
            nativeFlowResponseMessage: {
              name: "quick_reply",
              paramsJson: JSON.stringify({ display_text: title, id }),
            },
            contextInfo: { stanzaId: act.message.id },
          },
        },
        contextInfo: { stanzaId: act.message.id },
        messageType: "interactiveResponseMessage",
      };
    }
  }
}

function fail(failure: Failure): VendorResponse {
  switch (failure.kind) {
    case "rate_limited": {
      const wait = failure.retryAfterSeconds;
      const answer = failed(429, "Too Many Requests", ["Too Many Requests"]);
      return wait === null
        ? answer
        : { ...answer, headers: { ...answer.headers, "retry-after": String(wait) } };
    }
    case "server_error":
      return failed(failure.httpStatus, "Internal Server Error", "Internal Server Error");
    case "unauthorized":
      return failed(401, "Unauthorized", "Unauthorized");
    case "banned":
      return failed(400, "Bad Request", [CONNECTION_CLOSED]);
    case "refused":
      return refusedWith(failure.code, failure.httpStatus);
  }
}

/** A code is the exception's text; one word stands for an answer of its own. */
function refusedWith(code: string | null, httpStatus: number | null): VendorResponse {
  if (code === "LICENSE_REQUIRED") return unlicensed();
  const status = httpStatus ?? 400;
  return failed(status, status === 404 ? "Not Found" : "Bad Request", [code ?? CONNECTION_CLOSED]);
}

function failed(status: number, error: string, message: unknown): VendorResponse {
  return jsonResponse(status, { status, error, response: { message } });
}

function unlicensed(): VendorResponse {
  return jsonResponse(503, { error: "service not activated", code: "LICENSE_REQUIRED" });
}

function jsonIn(request: VendorRequest): unknown {
  if (!/^application\/json\b/i.test(request.headers["content-type"] ?? "")) return null;
  try {
    return JSON.parse(request.body.toString("utf8"));
  } catch {
    return null;
  }
}

/** As it stands where it is no encoding. */
function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

function whereOf(body: unknown): Json {
  const where = isRecord(body) ? body["where"] : null;
  return isRecord(where) ? where : {};
}

function chatOf(message: Message): string {
  return message.group ?? jidFor(message.to ?? "");
}

function jidFor(phone: string): string {
  return `${phone.replace(/^\+/, "")}@s.whatsapp.net`;
}

function seconds(ms: number): number {
  return Math.floor(ms / 1_000);
}
