/**
 * Fonnte: form bodies, a bare device token, refusals as HTTP 200 with `status: false` and a reason, receipts that carry
 * `id` and `stateid` first and `stateid` alone later, webhooks without signature. What the public pages leave open is
 * decided here as: a missing field is "input invalid", an unusable number "target invalid", a group that the device is
 * not in fails later with status "invalid", a JSON body is not read.
 * https://docs.fonnte.com/api-send-message/, https://docs.fonnte.com/webhook-update-message-status/ and
 * https://docs.fonnte.com/webhook-reply-message/, checked September 2026.
 */
import { hexId } from "../ids.ts";
import type { SeenRequest } from "../seen.ts";
import { signFonnteWebhook } from "../../fonnte/signature.ts";
import { phoneFrom } from "../phones.ts";
import { isAccountOf, newMessage } from "../world.ts";
import { failureResponse, notFound } from "./fonnte-failures.ts";
import { readFields, readOrders, withCountryCode } from "./fonnte-request.ts";
import { lidOf } from "./lid.ts";
import { jsonResponse, seenRequest } from "./vendor.ts";
import type { Misfortune, ReceiptFate, Signing } from "../faults.ts";
import type { WebhookKind } from "../log.ts";
import type { Network } from "../network.ts";
import type { Handset } from "../phones.ts";
import type { WorldTime } from "../time.ts";
import type { ReceiptLane, RetryPlan, WebhookDraft } from "../webhooks.ts";
import type { Account, Message, World } from "../world.ts";
import type { Fields, FonnteAccount, Order, Target } from "./fonnte-request.ts";
import type {
  Acceptance,
  InboundReport,
  PersonAct,
  Reading,
  ReceiptChange,
  VendorRequest,
  VendorResponse,
  VendorSimulator,
} from "./vendor.ts";

/** "15 times at one-minute spacing" since January 2026; only 200 counts. */
const RETRIES: RetryPlan = {
  delaysMs: Array.from({ length: 15 }, () => 60_000),
  isContent: (answer) => answer.status === 200,
};

const WEBHOOK_TIMEOUT_MS = 10_000;

/** "expired: device stayed disconnected too long": one day in the newer text. */
const QUEUE_MS_MAX = 24 * 3_600_000;

/** What a `failed` receipt is called in the status webhook. */
const FAILURE_WORDS: readonly string[] = ["invalid", "expired", "url unreachable"];

type WebhookFields = Readonly<Record<string, string | number | null>>;

export function createFonnte(parts: {
  readonly world: World;
  readonly network: Network;
  readonly time: WorldTime;
  readonly newLane: (fate: ReceiptFate) => ReceiptLane;
}): VendorSimulator {
  const { world, network, time, newLane } = parts;

  function refuse(reason: string, extra: Readonly<Record<string, unknown>> = {}): VendorResponse {
    return jsonResponse(200, { reason, requestid: world.nextNumber(), status: false, ...extra });
  }

  function refusedReading(
    request: VendorRequest,
    account: FonnteAccount | null,
    reason: string,
    seen: Partial<SeenRequest> = {},
  ): Reading {
    return {
      seen: [seenRequest("fonnte", request, account, seen)],
      outcome: { kind: "answer", response: refuse(reason), refusedAs: reason },
    };
  }

  function answered(
    request: VendorRequest,
    account: FonnteAccount,
    body: Readonly<Record<string, unknown>>,
  ): Reading {
    return {
      seen: [seenRequest("fonnte", request, account, {})],
      outcome: {
        kind: "answer",
        response: jsonResponse(200, { ...body, requestid: world.nextNumber() }),
        refusedAs: null,
      },
    };
  }

  async function read(request: VendorRequest): Promise<Reading> {
    const isSend = request.path === "/send";
    const kind = isSend ? { kind: "message" as const } : {};
    const token = request.headers.authorization ?? "";
    const account = world
      .accountsOf("fonnte")
      .find((candidate) => candidate.config.credentials.token === token);
    if (request.method !== "POST") {
      return {
        seen: [seenRequest("fonnte", request, account ?? null, kind)],
        outcome: { kind: "answer", response: notFound(), refusedAs: "not found" },
      };
    }
    const fields = await readFields(request);
    const asked = fields.texts.get("target");
    const seen: Partial<SeenRequest> = {
      ...kind,
      ...(isSend && asked !== undefined ? { to: asked } : {}),
      ...(isSend ? { text: fields.texts.get("message") ?? null } : {}),
    };
    if (account === undefined) return refusedReading(request, null, "token invalid", seen);
    switch (request.path) {
      case "/send":
        return readSend(request, account, fields, seen);
      case "/device":
        return answered(request, account, deviceProfile(account));
      case "/validate":
        return readValidate(request, account, fields);
      case "/get-whatsapp-group":
        return answered(request, account, { data: groupsOf(account), status: true });
      case "/fetch-group":
        return account.isOnline
          ? answered(request, account, {
              detail: "update whatsapp group list success",
              status: true,
            })
          : refusedReading(request, account, "request invalid on disconnected device");
      case "/status":
        return readStatus(request, account, fields);
      default:
        return {
          seen: [seenRequest("fonnte", request, account, {})],
          outcome: { kind: "answer", response: notFound(), refusedAs: "not found" },
        };
    }
  }

  function readSend(
    request: VendorRequest,
    account: FonnteAccount,
    fields: Fields,
    seen: Partial<SeenRequest>,
  ): Reading {
    const orders = readOrders(account, fields, time.now());
    if (typeof orders === "string") return refusedReading(request, account, orders, seen);
    const targets = orders.flatMap((order) => order.targets);
    const seenTargets = orders.flatMap((order) =>
      order.targets.map((target) =>
        seenRequest("fonnte", request, account, {
          kind: "message",
          to: target.phone,
          group: target.group,
          text: order.text,
          attachment: order.attachment,
        }),
      ),
    );
    const [first, ...others] = seenTargets;
    if (first === undefined) return refusedReading(request, account, "target invalid", seen);
    const isConnectOnly = orders.some((order) => order.isConnectOnly);
    const obstacle =
      account.isBanned || (isConnectOnly && !account.isOnline)
        ? "request invalid on disconnected device"
        : account.config.quota < targets.length
          ? "insufficient quota"
          : null;
    if (obstacle !== null) {
      return {
        seen: [first, ...others],
        outcome: { kind: "answer", response: refuse(obstacle), refusedAs: obstacle },
      };
    }
    return {
      seen: [first, ...others],
      outcome: {
        kind: "accept",
        accept: (misfortunes) => accept(account, orders, misfortunes),
      },
    };
  }

  function accept(
    account: FonnteAccount,
    orders: readonly Order[],
    misfortunes: readonly Misfortune[],
  ): Acceptance {
    const planned = orders.flatMap((order) =>
      order.targets.map((target, index) => ({
        order,
        target,
        waitMs: order.waitMs + index * order.gapMs,
      })),
    );
    const made = planned.map(({ order, target, waitMs }, index) => ({
      waitMs,
      message: makeMessage(account, order, target, misfortunes[index]),
    }));
    account.config = { ...account.config, quota: account.config.quota - made.length };
    const ids = made.map(({ message }) => message.id);
    return {
      response: jsonResponse(200, {
        detail: "success! message in queue",
        id: ids,
        process: "pending",
        requestid: world.nextNumber(),
        status: true,
        target: planned.map(({ target }) => target.as),
      }),
      providerMessageIds: ids,
      start: async (isEarly) => {
        for (const { message, waitMs } of made) {
          if (waitMs > 0) time.inWorld(waitMs, () => network.start(message));
          else if (isEarly) await network.startAtOnce(message);
          else network.start(message);
        }
      },
    };
  }

  function makeMessage(
    account: FonnteAccount,
    order: Order,
    target: Target,
    misfortune: Misfortune | undefined,
  ): Message {
    if (misfortune === undefined) throw new Error("every recipient has its misfortune");
    const message = newMessage({
      id: String(world.nextNumber()),
      networkId: `3EB0${hexId(9).toUpperCase()}`,
      vendor: "fonnte",
      accountId: account.id,
      sender: account.config.sender,
      medium: "whatsapp",
      to: target.phone,
      group: target.group,
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
      expiry: { afterMs: QUEUE_MS_MAX, code: "expired" },
    });
    world.keepMessage(message);
    return message;
  }

  function readValidate(request: VendorRequest, account: FonnteAccount, fields: Fields): Reading {
    const asked = fields.texts.get("target");
    if (asked === undefined || asked === "") {
      return refusedReading(request, account, "input invalid");
    }
    if (!account.isOnline) {
      return refusedReading(request, account, "request invalid on disconnected device");
    }
    const countryCode = fields.texts.get("countryCode") ?? "62";
    const numbers = asked.split(",").map((entry) => withCountryCode(entry.trim(), countryCode));
    return answered(request, account, {
      not_registered: numbers.filter((number) => !isOnWhatsApp(number)),
      registered: numbers.filter(isOnWhatsApp),
      status: true,
    });
  }

  function isOnWhatsApp(number: string): boolean {
    const phone = phoneFrom(number);
    return phone !== undefined && network.hasWhatsApp(phone);
  }

  function readStatus(request: VendorRequest, account: FonnteAccount, fields: Fields): Reading {
    const id = fields.texts.get("id") ?? "";
    const message = world.messages.get(id);
    if (message?.accountId !== account.id) return refusedReading(request, account, "input invalid");
    return answered(request, account, {
      id: Number(message.id),
      message_status: queueStatus(message),
      status: true,
    });
  }

  function deviceProfile(account: FonnteAccount): Readonly<Record<string, unknown>> {
    const { config } = account;
    return {
      device: config.sender,
      device_status: account.isOnline ? "connect" : "disconnect",
      expired: "31 December 2030",
      messages: [...world.messages.values()].filter(({ accountId }) => accountId === account.id)
        .length,
      name: config.name,
      package: config.package,
      quota: String(config.quota),
      status: true,
    };
  }

  function groupsOf(account: FonnteAccount): readonly Readonly<Record<string, string>>[] {
    return [...world.groups.values()]
      .filter((group) => group.accountIds.includes(account.id))
      .map(({ id, name }) => ({ id, name }));
  }

  function webhook(
    account: FonnteAccount,
    kind: WebhookKind,
    url: string | null,
    fields: WebhookFields,
    providerMessageId: string | null,
    signing: Signing = "right",
  ): readonly WebhookDraft[] {
    if (url === null) return [];
    const { webhookSecret } = account.config.credentials;
    const secret = { right: webhookSecret, wrong: "not-the-secret", missing: null }[signing];
    const body = secret === null ? fields : signFonnteWebhook(fields, secret);
    const isJson = account.config.webhookEncoding === "json";
    return [
      {
        vendor: "fonnte",
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
        retries: RETRIES,
      },
    ];
  }

  function accountOf(message: Message): FonnteAccount | undefined {
    const account = world.accounts.get(message.accountId);
    return account !== undefined && isAccountOf(account, "fonnte") ? account : undefined;
  }

  function statusWebhook(
    message: Message,
    fields: WebhookFields,
    signing: Signing,
  ): readonly WebhookDraft[] {
    const account = accountOf(message);
    if (account === undefined) return [];
    const { sender, statusWebhookUrl, webhookUrl } = account.config;
    return webhook(
      account,
      "receipt",
      statusWebhookUrl ?? webhookUrl,
      { device: sender, ...fields, timestamp: seconds(time.now()) },
      message.id,
      signing,
    );
  }

  function receipts(
    message: Message,
    change: ReceiptChange,
    signing: Signing,
  ): readonly WebhookDraft[] {
    if (change.status === "failed") {
      const word = change.code ?? "invalid";
      const status = FAILURE_WORDS.includes(word) ? word : "invalid";
      return statusWebhook(message, { id: message.id, status }, signing);
    }
    if (message.isLinked) {
      const fields = { stateid: message.networkId, state: change.status };
      return statusWebhook(message, fields, signing);
    }
    message.isLinked = true;
    const fields = {
      id: message.id,
      stateid: message.networkId,
      status: "sent",
      state: change.status,
    };
    return statusWebhook(message, fields, signing);
  }

  function inbound(account: Account, handset: Handset, act: PersonAct): InboundReport {
    if (!isAccountOf(account, "fonnte")) return { kind: "unreported", reason: "another vendor" };
    if (act.kind === "reaction") {
      return { kind: "unreported", reason: "Fonnte does not report reactions" };
    }
    if (act.kind === "press") {
      return { kind: "unreported", reason: "Fonnte messages have no buttons" };
    }
    const { autoread, sender, webhookUrl } = account.config;
    const isGroup = act.group !== null;
    if (!(isGroup ? autoread.group : autoread.personal)) {
      return { kind: "unreported", reason: "autoread is off for this device" };
    }
    if (!account.isOnline) return { kind: "unreported", reason: "the device is disconnected" };
    const writer = handset.settings.hidesNumber ? lidOf(handset.phone) : handset.phone.slice(1);
    const from = act.group === null ? writer : act.group.id;
    const inboxId = world.nextNumber();
    const [draft] = webhook(
      account,
      "inbound",
      webhookUrl,
      {
        device: sender,
        sender: from,
        message: act.text,
        text: "",
        member: isGroup ? writer : "",
        name: handset.settings.name,
        location: "",
        pollname: "",
        choices: "",
        url: "",
        filename: "",
        extension: "",
        type: "text",
        timestamp: seconds(time.now()),
        inboxid: inboxId,
        pengirim: from,
        pesan: act.text,
      },
      null,
    );
    return draft === undefined
      ? { kind: "unreported", reason: "the device has no webhook" }
      : { kind: "report", draft, providerMessageId: String(inboxId) };
  }

  return {
    vendor: "fonnte",
    read,
    receipts,
    inbound,
    fail: (failure) => failureResponse(failure, refuse, () => world.nextNumber()),
    failureCodes: { typical: "invalid", notOnWhatsApp: "invalid", notAMember: "invalid" },
    queued: (message) => statusWebhook(message, { id: message.id, status: "pending" }, "right"),
    deviceChanged: (account, reason) => {
      if (!isAccountOf(account, "fonnte")) return [];
      const { connectWebhookUrl, sender, webhookUrl } = account.config;
      const status = account.isOnline ? "connect" : "disconnect";
      const url = connectWebhookUrl ?? webhookUrl;
      return webhook(
        account,
        "device",
        url,
        { device: sender, status, reason, timestamp: seconds(time.now()) },
        null,
      );
    },
    templateChanged: () => [],
    tellsMembers: false,
  };
}

function queueStatus(message: Message): string {
  switch (message.status) {
    case "accepted":
      return "pending";
    case "sent":
    case "delivered":
    case "read":
      return "sent";
    case "failed":
      return message.failure ?? "invalid";
  }
}

function formText(fields: WebhookFields): string {
  const form = new URLSearchParams();
  for (const [key, value] of Object.entries(fields))
    form.set(key, value === null ? "" : `${value}`);
  return form.toString();
}

function seconds(ms: number): number {
  return Math.floor(ms / 1_000);
}
