/**
 * Woowa: JSON with the key inside, an answer with a `code`, no receipts. Nothing of it is documented; integrations' code is
 * the only source. What they leave open is decided here as: refusals are HTTP 200 with a `code` in the 400s and a
 * `message`, the queue answers like the direct call, a number without WhatsApp and a group that the number is not in are
 * accepted and never heard of again, messages are refused while the device is away. Checked September 2026.
 */
import { hexId } from "../ids.ts";
import { phoneFrom } from "../phones.ts";
import type { AttachmentSeen, SeenRequest } from "../seen.ts";
import { NO_RETRIES } from "../webhooks.ts";
import { isAccountOf, newMessage } from "../world.ts";
import { lidOf } from "./lid.ts";
import { isRecord, isWebAddress, jsonResponse, seenRequest } from "./vendor.ts";
import type { Misfortune, ReceiptFate } from "../faults.ts";
import type { Network } from "../network.ts";
import type { Handset } from "../phones.ts";
import type { WorldTime } from "../time.ts";
import type { ReceiptLane } from "../webhooks.ts";
import type { Account, ConfigOf, Message, World } from "../world.ts";
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

type WoowaAccount = Account<ConfigOf<"woowa">>;
type Fields = Readonly<Record<string, unknown>>;

const WEBHOOK_TIMEOUT_MS = 10_000;

const SEND_PATHS: readonly string[] = [
  "/send_message",
  "/async_send_message",
  "/send_image_url",
  "/send_message_group_id",
];

type Order = {
  readonly phone: string | null;
  readonly group: string | null;
  readonly text: string;
  readonly attachment: AttachmentSeen | null;
};

export function createWoowa(parts: {
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
    const body = bodyOf(request);
    const seen = SEND_PATHS.includes(path) ? seenAsGiven(body) : {};
    const account = world
      .accountsOf("woowa")
      .find(({ config }) => config.credentials.key === body["key"]);
    if (account === undefined) return refused(request, null, 401, "api key not found", seen);
    if (method === "GET" && path === "/get_group_id") {
      return {
        seen: [seenRequest("woowa", request, account, {})],
        outcome: {
          kind: "answer",
          response: jsonResponse(200, { code: 200, results: groupsOf(account) }),
          refusedAs: null,
        },
      };
    }
    if (method !== "POST" || !SEND_PATHS.includes(path)) {
      return {
        seen: [seenRequest("woowa", request, account, seen)],
        outcome: { kind: "answer", response: page(404), refusedAs: "not found" },
      };
    }
    return readSend(request, account, body, seen);
  }

  function refused(
    request: VendorRequest,
    account: WoowaAccount | null,
    code: number,
    message: string,
    seen: Partial<SeenRequest>,
  ): Reading {
    return {
      seen: [seenRequest("woowa", request, account, seen)],
      outcome: { kind: "answer", response: refusal(code, message), refusedAs: message },
    };
  }

  function readSend(
    request: VendorRequest,
    account: WoowaAccount,
    body: Fields,
    seen: Partial<SeenRequest>,
  ): Reading {
    const order = readOrder(request.path, body);
    if (typeof order === "string") return refused(request, account, 400, order, seen);
    const understood = {
      kind: "message",
      to: order.phone,
      group: order.group,
      text: order.text,
      attachment: order.attachment,
    } as const;
    if (account.isBanned || !account.isOnline) {
      return refused(request, account, 400, "device not connected", understood);
    }
    return {
      seen: [seenRequest("woowa", request, account, understood)],
      outcome: {
        kind: "accept",
        accept: ([misfortune]) => accept(account, order, body, misfortune),
      },
    };
  }

  function accept(
    account: WoowaAccount,
    order: Order,
    body: Fields,
    misfortune: Misfortune | undefined,
  ): Acceptance {
    const message = makeMessage(account, order, misfortune);
    const to = order.group ?? body["phone_no"];
    return {
      response: jsonResponse(200, {
        code: 200,
        query: { to, message: order.text },
        results: {
          id_message: message.id,
          ...(order.group === null ? {} : { serialized: order.group }),
          type_chat: order.group === null ? "personal" : "group",
          message: order.group === null ? `Message success sent to ${String(to)}` : "Message",
        },
      }),
      providerMessageIds: [message.id],
      start: async (isEarly) => {
        if (isEarly) await network.startAtOnce(message);
        else network.start(message);
      },
    };
  }

  function makeMessage(
    account: WoowaAccount,
    order: Order,
    misfortune: Misfortune | undefined,
  ): Message {
    if (misfortune === undefined) throw new Error("every recipient has its misfortune");
    const message = newMessage({
      id: `WOWA${hexId(9).toUpperCase()}`,
      networkId: null,
      vendor: "woowa",
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

  function groupsOf(account: WoowaAccount): readonly Fields[] {
    return [...world.groups.values()]
      .filter((group) => group.accountIds.includes(account.id))
      .map(({ id, name }) => ({ id, subject: name }));
  }

  function inbound(account: Account, handset: Handset, act: PersonAct): InboundReport {
    if (!isAccountOf(account, "woowa")) return { kind: "unreported", reason: "another vendor" };
    if (act.kind !== "text") {
      return { kind: "unreported", reason: "Woowa is not known to report such a thing" };
    }
    const { credentials, inbound: names, sender, webhookUrl } = account.config;
    if (names === null || webhookUrl === null) {
      return { kind: "unreported", reason: "no webhook, or no names for its fields" };
    }
    if (!account.isOnline) return { kind: "unreported", reason: "the device is disconnected" };
    const writer = handset.settings.hidesNumber ? lidOf(handset.phone) : handset.phone.slice(1);
    const id = `WOWA${hexId(9).toUpperCase()}`;
    const { group } = act;
    const fields: Fields = {
      [names.sender]: group?.id ?? writer,
      [names.text]: act.text,
      [names.id]: id,
      [names.group]: group?.id ?? "",
      [names.writer]: group === null ? "" : writer,
      [names.name]: handset.settings.name,
      [names.time]: Math.floor(time.now() / 1_000),
      [names.device]: sender,
      ...(credentials.webhookSecret === null ? {} : { [names.secret]: credentials.webhookSecret }),
    };
    return {
      kind: "report",
      providerMessageId: id,
      draft: {
        vendor: "woowa",
        accountId: account.id,
        kind: "inbound",
        method: "POST",
        url: webhookUrl,
        headers: { "content-type": "application/json" },
        body: JSON.stringify(fields),
        providerMessageId: null,
        timeoutMs: WEBHOOK_TIMEOUT_MS,
        retries: NO_RETRIES,
      },
    };
  }

  return {
    vendor: "woowa",
    read,
    inbound,
    fail: failureResponse,
    failureCodes: { typical: "failed", notOnWhatsApp: "failed", notAMember: "failed" },
    receipts: () => [],
    queued: () => [],
    deviceChanged: () => [],
    templateChanged: () => [],
    tellsMembers: false,
  };
}

function bodyOf(request: VendorRequest): Fields {
  const type = request.headers["content-type"] ?? "";
  if (!/^application\/json\b/i.test(type)) return {};
  try {
    const value: unknown = JSON.parse(request.body.toString("utf8"));
    return isRecord(value) ? value : {};
  } catch {
    return {};
  }
}

function textOf(body: Fields, name: string): string | null {
  const value = body[name];
  return typeof value === "string" && value !== "" ? value : null;
}

/** A request that was refused before it was understood: what it says of itself. */
function seenAsGiven(body: Fields): Partial<SeenRequest> {
  return {
    kind: "message",
    to: textOf(body, "phone_no"),
    group: textOf(body, "group_id"),
    text: textOf(body, "message"),
  };
}

/** What is wrong with it, when it is refused. */
function readOrder(path: string, body: Fields): Order | string {
  const text = textOf(body, "message");
  if (path === "/send_message_group_id") {
    const group = textOf(body, "group_id");
    if (group === null || !/^[\d-]{10,40}@g\.us$/.test(group)) return "group_id format invalid";
    return text === null ? "message is required" : { phone: null, group, text, attachment: null };
  }
  const given = textOf(body, "phone_no") ?? "";
  const phone = phoneFrom(given.replace(/^0/, "62"));
  if (phone === undefined) return "phone_no format invalid";
  if (path === "/send_image_url") {
    const url = textOf(body, "url");
    if (url === null || !isWebAddress(url)) return "url format invalid";
    const attachment = { kind: "image", url, fileName: null } as const;
    return { phone, group: null, text: text ?? "", attachment };
  }
  return text === null ? "message is required" : { phone, group: null, text, attachment: null };
}

function refusal(code: number, message: string, httpStatus = 200): VendorResponse {
  return jsonResponse(httpStatus, { code, message });
}

function failureResponse(failure: Failure): VendorResponse {
  switch (failure.kind) {
    case "rate_limited": {
      const wait = failure.retryAfterSeconds;
      const headers = wait === null ? {} : { "retry-after": String(wait) };
      return jsonResponse(429, { code: 429, message: "too many requests" }, headers);
    }
    case "server_error":
      return page(failure.httpStatus);
    case "unauthorized":
      return refusal(401, "api key not found");
    case "banned":
      return refusal(400, "device not connected");
    case "refused":
      return refusal(400, failure.code ?? "device not connected", failure.httpStatus ?? 200);
  }
}

/** What stands in front of the API answers with pages. */
function page(status: number): VendorResponse {
  return {
    status,
    headers: { "content-type": "text/html; charset=utf-8" },
    body: `<html><head><title>${status}</title></head><body><h1>${status}</h1></body></html>\n`,
  };
}
