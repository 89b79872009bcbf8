/**
 * Fonnte: form bodies, a bare device token, refusals as HTTP 200 with `status: false` and a reason, receipts that carry
 * `id` and `stateid` first and `stateid` alone later, webhooks without signature. What the public pages leave open is
 * decided here as: a missing field is "input invalid", an unusable number "target invalid", a group that the device is
 * not in fails later with status "invalid", a JSON body is not read.
 * https://docs.fonnte.com/api-send-message/, https://docs.fonnte.com/webhook-update-message-status/ and
 * https://docs.fonnte.com/webhook-reply-message/, checked September 2026.
 */
import { signFonnteWebhook } from "../../fonnte/signature.ts";
import { phoneFrom } from "../phones.ts";
import { hexId, isAccountOf, newMessage } from "../world.ts";
import { isRecord, isWebAddress, jsonResponse, listOf } from "./vendor.ts";
import type { Misfortune, ReceiptFate } from "../faults.ts";
import type { SeenRequest, WebhookKind } from "../log.ts";
import type { Network } from "../network.ts";
import type { Handset } from "../phones.ts";
import type { WorldTime } from "../time.ts";
import type { ReceiptLane, RetryPlan, WebhookDraft } from "../webhooks.ts";
import type { Account, AttachmentSeen, ConfigOf, Message, World } from "../world.ts";
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

type FonnteAccount = Account<ConfigOf<"fonnte">>;

const MESSAGE_CHARS_MAX = 60_000;
const FILE_BYTES_MAX = 4 * 1024 * 1024;
const POLL_OPTIONS = { min: 2, max: 12 } as const;
/** Packages that may send media. */
const MEDIA_PACKAGES: readonly string[] = ["super", "advanced", "ultra"];
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

type Fields = { readonly texts: ReadonlyMap<string, string>; readonly fileBytes: number | null };
type WebhookFields = Readonly<Record<string, string | number | null>>;
type Target = { readonly phone: string | null; readonly group: string | null; readonly as: string };
type Order = {
  readonly targets: readonly Target[];
  readonly text: string;
  readonly attachment: AttachmentSeen | null;
  readonly isConnectOnly: boolean;
  /** World ms between two targets. */
  readonly gapMs: number;
  /** World ms until the first one leaves. */
  readonly waitMs: number;
};

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
      seen: [seenRequest(request, account, seen)],
      outcome: { kind: "answer", response: refuse(reason), refusedAs: reason },
    };
  }

  function answered(
    request: VendorRequest,
    account: FonnteAccount,
    body: Readonly<Record<string, unknown>>,
  ): Reading {
    return {
      seen: [seenRequest(request, account, {})],
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
        seen: [seenRequest(request, account ?? null, kind)],
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
          seen: [seenRequest(request, account, {})],
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
        seenRequest(request, account, {
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
    isForged = false,
  ): readonly WebhookDraft[] {
    if (url === null) return [];
    const { webhookSecret } = account.config.credentials;
    const secret = isForged ? "not-the-secret" : webhookSecret;
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
    isForged: boolean,
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
      isForged,
    );
  }

  function receipts(
    message: Message,
    change: ReceiptChange,
    isForged: boolean,
  ): readonly WebhookDraft[] {
    if (change.status === "failed") {
      const word = change.code ?? "invalid";
      const status = FAILURE_WORDS.includes(word) ? word : "invalid";
      return statusWebhook(message, { id: message.id, status }, isForged);
    }
    if (message.isLinked) {
      const fields = { stateid: message.networkId, state: change.status };
      return statusWebhook(message, fields, isForged);
    }
    message.isLinked = true;
    const fields = {
      id: message.id,
      stateid: message.networkId,
      status: "sent",
      state: change.status,
    };
    return statusWebhook(message, fields, isForged);
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
    const writer = handset.phone.slice(1);
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
    queued: (message) => statusWebhook(message, { id: message.id, status: "pending" }, false),
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

function seenRequest(
  request: VendorRequest,
  account: FonnteAccount | null,
  fields: Partial<SeenRequest>,
): SeenRequest {
  return {
    vendor: "fonnte",
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

/** A reason when the request is refused. */
function readOrders(
  account: FonnteAccount,
  fields: Fields,
  now: number,
): readonly Order[] | string {
  const data = fields.texts.get("data");
  if (data === undefined) {
    const order = readOrder(account, fields, now);
    return typeof order === "string" ? order : [order];
  }
  const entries = listOf(parseJson(data));
  if (entries === undefined || entries.length === 0) return "JSON format invalid";
  const orders: Order[] = [];
  for (const entry of entries) {
    if (!isRecord(entry)) return "JSON format invalid";
    const texts = new Map<string, string>();
    for (const [key, value] of Object.entries(entry)) {
      if (typeof value === "string" || typeof value === "number" || typeof value === "boolean") {
        texts.set(key, String(value));
      }
    }
    const order = readOrder(account, { texts, fileBytes: null }, now);
    if (typeof order === "string") return order;
    orders.push(order);
  }
  return orders;
}

function readOrder(account: FonnteAccount, fields: Fields, now: number): Order | string {
  const { texts } = fields;
  const target = texts.get("target");
  const message = texts.get("message") ?? "";
  if (target === undefined) return "input invalid";
  const targets = readTargets(target, texts.get("countryCode") ?? "62");
  if (targets.length === 0) return "target invalid";
  if (!areOptionsValid(texts) || message.length > MESSAGE_CHARS_MAX) return "input invalid";
  const attachment = readAttachment(account, fields);
  if (typeof attachment === "string") return attachment;
  if (message === "" && attachment === null && !texts.has("pollname")) return "input invalid";
  const [gapSeconds = 0] = (texts.get("delay") ?? "0").split("-").map(Number);
  const scheduledAt = Number(texts.get("schedule") ?? "0") * 1_000;
  return {
    targets,
    text: message,
    attachment,
    isConnectOnly: texts.get("connectOnly") !== "false",
    gapMs: gapSeconds * 1_000,
    waitMs: Math.max(0, scheduledAt - now) + Number(texts.get("followup") ?? "0") * 1_000,
  };
}

function areOptionsValid(texts: Fields["texts"]): boolean {
  const patterns: readonly (readonly [string, RegExp])[] = [
    ["countryCode", /^\d{1,4}$/],
    ["delay", /^\d+(-\d+)?$/],
    ["schedule", /^\d{1,12}$/],
    ["followup", /^\d{1,8}$/],
    ["duration", /^\d+$/],
    ["typing", /^(true|false)$/],
    ["connectOnly", /^(true|false)$/],
    ["sequence", /^(true|false)$/],
    ["preview", /^(true|false)$/],
  ];
  const options = texts.get("choices")?.split(",").length;
  const hasPoll =
    options === undefined || (options >= POLL_OPTIONS.min && options <= POLL_OPTIONS.max);
  return (
    hasPoll && patterns.every(([key, pattern]) => pattern.test(texts.get(key) ?? defaultOf(key)))
  );
}

function defaultOf(key: string): string {
  return key === "typing" || key === "connectOnly" || key === "sequence" || key === "preview"
    ? "true"
    : "0";
}

/** The usable ones; Fonnte sends to those and drops the others. */
function readTargets(target: string, countryCode: string): readonly Target[] {
  return target.split(",").flatMap((entry): Target[] => {
    const [address = ""] = entry.trim().split("|");
    if (/^[\d-]{10,40}@g\.us$/.test(address)) return [{ phone: null, group: address, as: address }];
    const number = withCountryCode(address, countryCode);
    const phone = phoneFrom(number);
    return phone === undefined ? [] : [{ phone, group: null, as: phone.slice(1) }];
  });
}

/** Replaces a leading 0; a country code of 0 switches that off. */
function withCountryCode(number: string, countryCode: string): string {
  const bare = number.replace(/[\s+()-]/g, "");
  return countryCode !== "0" && bare.startsWith("0") ? `${countryCode}${bare.slice(1)}` : bare;
}

/** A reason when it is refused. */
function readAttachment(account: FonnteAccount, fields: Fields): AttachmentSeen | null | string {
  const { texts, fileBytes } = fields;
  const location = texts.get("location");
  if (location !== undefined) {
    const match = /^\s*(-?\d{1,2}(?:\.\d+)?)\s*,\s*(-?\d{1,3}(?:\.\d+)?)\s*$/.exec(location);
    if (match === null) return "input invalid";
    return {
      kind: "location",
      latitude: Number(match[1]),
      longitude: Number(match[2]),
      name: null,
    };
  }
  const url = texts.get("url");
  if (url === undefined && fileBytes === null) return null;
  if (fileBytes !== null && fileBytes > FILE_BYTES_MAX) return "file size must under 4mb";
  if (url !== undefined && !isWebAddress(url)) return "url invalid";
  if (!MEDIA_PACKAGES.includes(account.config.package)) return "url invalid";
  const fileName = texts.get("filename") ?? null;
  if (url === undefined) return { kind: "file", url: null, fileName };
  const isImage = /\.(jpe?g|png|gif|webp)$/i.test(new URL(url).pathname);
  return { kind: isImage ? "image" : "document", url, fileName };
}

async function readFields(request: VendorRequest): Promise<Fields> {
  const texts = new Map<string, string>();
  const type = request.headers["content-type"] ?? "";
  if (/^application\/x-www-form-urlencoded\b/i.test(type)) {
    for (const [key, value] of new URLSearchParams(request.body.toString("utf8"))) {
      texts.set(key, value);
    }
    return { texts, fileBytes: null };
  }
  if (!/^multipart\/form-data\b/i.test(type)) return { texts, fileBytes: null };
  const sent = new Response(new Uint8Array(request.body), { headers: { "content-type": type } });
  // Deprecated for servers that face the world; here it reads small bodies of our own clients.
  // eslint-disable-next-line @typescript-eslint/no-deprecated
  const form = await sent.formData().catch(() => new FormData());
  let fileBytes: number | null = null;
  for (const [key, value] of form) {
    if (typeof value === "string") texts.set(key, value);
    else if (key === "file") fileBytes = value.size;
  }
  return { texts, fileBytes };
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

function failureResponse(
  failure: Failure,
  refuse: (reason: string) => VendorResponse,
  nextNumber: () => number,
): VendorResponse {
  switch (failure.kind) {
    case "rate_limited": {
      const wait = failure.retryAfterSeconds;
      return page(429, wait === null ? {} : { "retry-after": String(wait) });
    }
    case "server_error":
      return page(failure.httpStatus, {});
    case "unauthorized":
      return refuse("token invalid");
    case "banned":
      return refuse("request invalid on disconnected device");
    case "refused": {
      const reason = failure.code ?? "request invalid on disconnected device";
      const status = failure.httpStatus ?? 200;
      const requestid = nextNumber();
      switch (failure.shape) {
        case "usual":
          return jsonResponse(status, { reason, requestid, status: false });
        case "capitalised":
          return jsonResponse(status, { Status: false, reason, requestid });
        case "text":
          return jsonResponse(status, { reason, requestid, status: "false" });
        case "detail":
          return jsonResponse(status, { detail: reason, requestid, status: false });
      }
    }
  }
}

/** What stands in front of the API answers with pages. */
function page(status: number, headers: Readonly<Record<string, string>>): VendorResponse {
  const titles: Readonly<Record<number, string>> = {
    404: "Not Found",
    429: "Too Many Requests",
    500: "Internal Server Error",
    502: "Bad Gateway",
    503: "Service Temporarily Unavailable",
    504: "Gateway Time-out",
  };
  const title = `${status} ${titles[status] ?? "Error"}`;
  return {
    status,
    headers: { "content-type": "text/html", ...headers },
    body: `<html>\r\n<head><title>${title}</title></head>\r\n<body>\r\n<center><h1>${title}</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n`,
  };
}

function notFound(): VendorResponse {
  return page(404, {});
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
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
