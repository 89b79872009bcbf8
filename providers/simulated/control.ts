/**
 * The control API: the sandbox's second face, JSON under `/sandbox`. One table of routes; `GET /sandbox` shows it. Times
 * are ISO 8601, errors problem+json. Names of settings and faults are those of the TypeScript side; `online` is accepted
 * for `isOnline`. Credentials are taken and never shown, webhook addresses are shown without their secret part.
 */
import { z } from "zod";

import { FAULT_MEANINGS, faultSchema } from "./faults.ts";
import { REQUEST_KINDS, WEBHOOK_KINDS } from "./log.ts";
import { phonePatchSchema } from "./phones.ts";
import { SandboxProblem } from "./problem.ts";
import { VENDORS, accountSchema, templateSchema } from "./world.ts";
import type { Fault } from "./faults.ts";
import type { EventLog, Logged, RequestEntry, WebhookEntry } from "./log.ts";
import type { Handset, HandsetMessage } from "./phones.ts";
import type { Sandbox } from "./sandbox.ts";
import type { CallSession } from "./vendors/twilio-calls.ts";
import type { Account, Group, Message, Vendor } from "./world.ts";

export type ControlRequest = {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly body: Buffer;
};

export type ControlResponse = {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
};

type Call = {
  readonly sandbox: Sandbox;
  readonly baseUrls: Readonly<Record<Vendor, string>>;
  readonly parameter: (name: string) => string;
  readonly query: URLSearchParams;
  readonly body: unknown;
};

type Route = {
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  readonly path: string;
  readonly what: string;
  readonly example?: unknown;
  readonly status?: number;
  readonly run: (call: Call) => unknown;
};

const LIST_LIMIT = { default: 100, max: 10_000 } as const;
const WAIT_MS_MAX = 60_000;

const text = z.string().min(1);
const keys = z.string().regex(/^[0-9*#]*$/);

const replySchema = z.strictObject({
  text: text.max(4_096),
  quote: text.optional(),
  group: text.optional(),
  account: text.optional(),
});
const reactSchema = z.strictObject({ message: text, emoji: z.string().max(16) });
const pressSchema = z.strictObject({
  message: text,
  button: z.union([text, z.int().transform(String)]).optional(),
});
const answerSchema = z.strictObject({ keys: keys.default("") });
const readSchema = z.strictObject({ message: text.optional() });
const deviceSchema = z
  .strictObject({
    online: z.boolean().optional(),
    isOnline: z.boolean().optional(),
    reason: z.string().default(""),
  })
  .transform(({ isOnline, online, reason }, context) => {
    const value = isOnline ?? online;
    if (value === undefined) {
      context.addIssue({ code: "custom", path: ["isOnline"], message: "is required" });
      return z.NEVER;
    }
    return { isOnline: value, reason };
  });
const groupSchema = z.strictObject({
  id: text,
  name: text,
  members: z.array(text).default([]),
  accounts: z.array(text).default([]),
});
const receiptSchema = z.strictObject({
  status: z.enum(["sent", "delivered", "read", "failed"]),
  member: text.nullable().default(null),
  code: text.nullable().default(null),
});

const listQuery = {
  vendor: z.enum(VENDORS).optional(),
  account: text.optional(),
  after: z.coerce.number().int().min(0).optional(),
  limit: z.coerce.number().int().min(1).max(LIST_LIMIT.max).default(LIST_LIMIT.default),
  wait: z.coerce.number().int().min(0).max(WAIT_MS_MAX).default(0),
};
const logQuerySchema = z.strictObject({
  ...listQuery,
  kind: z.enum(REQUEST_KINDS).optional(),
  to: text.optional(),
  group: text.optional(),
  accepted: z.enum(["true", "false"]).optional(),
  deliveryKey: text.optional(),
  providerMessageId: text.optional(),
  fault: text.optional(),
});
const webhookQuerySchema = z.strictObject({
  ...listQuery,
  kind: z.enum(WEBHOOK_KINDS).optional(),
  providerMessageId: text.optional(),
});
const messagesQuerySchema = z.strictObject({
  limit: z.coerce.number().int().min(1).max(1_000).default(LIST_LIMIT.default),
  medium: z.enum(["whatsapp", "sms"]).optional(),
  group: text.optional(),
});

const ROUTES: readonly Route[] = [
  {
    method: "GET",
    path: "/sandbox",
    what: "what there is: vendors' base addresses, numbers, these routes",
    run: ({ baseUrls, sandbox }) => ({
      vendors: baseUrls,
      timeScale: sandbox.time.timeScale,
      accounts: sandbox.world.accounts.size,
      phones: sandbox.phones.list().length,
      requestsSeen: sandbox.log.lastSeq,
      faults: sandbox.faults.list().length,
      routes: ROUTES.map(({ example, method, path, what }) => ({
        method,
        path,
        what,
        ...(example === undefined ? {} : { example }),
      })),
    }),
  },
  {
    method: "GET",
    path: "/sandbox/log",
    what: "what the vendors saw; filters: vendor, account, kind, to, group, accepted, deliveryKey, providerMessageId, fault, after (seq), limit, wait (ms until there is something)",
    run: ({ query, sandbox }) => listRequests(sandbox, queryOf(logQuerySchema, query)),
  },
  {
    method: "GET",
    path: "/sandbox/webhooks",
    what: "what the vendors posted and what was answered; filters: vendor, account, kind, providerMessageId, after, limit, wait",
    run: ({ query, sandbox }) => listWebhooks(sandbox, queryOf(webhookQuerySchema, query)),
  },
  {
    method: "GET",
    path: "/sandbox/phones",
    what: "phones that were mentioned or set up",
    run: ({ sandbox }) => ({ items: sandbox.phones.list().map(showPhone) }),
  },
  {
    method: "GET",
    path: "/sandbox/phones/{phone}",
    what: "one phone: how it behaves, what it shows",
    run: ({ parameter, sandbox }) => showPhone(sandbox.phones.handset(parameter("phone"))),
  },
  {
    method: "GET",
    path: "/sandbox/phones/{phone}/messages",
    what: "what the person sees, oldest first; filters: medium, group, limit (the newest)",
    run: ({ parameter, query, sandbox }) => {
      const { group, limit, medium } = queryOf(messagesQuerySchema, query);
      const messages = sandbox.phones
        .handset(parameter("phone"))
        .messages.filter(
          (message) =>
            (medium === undefined || message.medium === medium) &&
            (group === undefined || message.group === group),
        );
      return { items: messages.slice(-limit).map(showHandsetMessage) };
    },
  },
  {
    method: "GET",
    path: "/sandbox/phones/{phone}/calls",
    what: "calls to this phone: what was said, what was pressed, how they ended",
    run: ({ parameter, sandbox }) => ({
      items: sandbox.phones.handset(parameter("phone")).calls.map(showCall),
    }),
  },
  {
    method: "POST",
    path: "/sandbox/phones/{phone}/state",
    what: "set up a phone; what is not named stays",
    example: {
      isOnline: true,
      reads: true,
      calls: [{ kind: "busy" }, { kind: "answer", afterMs: 2_000, keys: "1" }],
    },
    run: ({ body, parameter, sandbox }) => {
      const patch = bodyOf(phonePatchSchema, withOnline(body));
      return showPhone(sandbox.phones.configure(parameter("phone"), patch));
    },
  },
  {
    method: "POST",
    path: "/sandbox/phones/{phone}/reply",
    what: "write: bare, quoting a message, into a group, or to an account",
    example: { text: "1 4821", quote: "msg_7" },
    run: ({ body, parameter, sandbox }) => {
      const { account, group, quote, text: reply } = bodyOf(replySchema, body);
      return sandbox.people.reply(parameter("phone"), {
        text: reply,
        ...(account === undefined ? {} : { account }),
        ...(group === undefined ? {} : { group }),
        ...(quote === undefined ? {} : { quote }),
      });
    },
  },
  {
    method: "POST",
    path: "/sandbox/phones/{phone}/react",
    what: 'put an emoji on a message; "" takes it back',
    example: { message: "msg_7", emoji: "👍" },
    run: ({ body, parameter, sandbox }) => {
      const { emoji, message } = bodyOf(reactSchema, body);
      return sandbox.people.react(parameter("phone"), message, emoji);
    },
  },
  {
    method: "POST",
    path: "/sandbox/phones/{phone}/press",
    what: "press a button by id, title or number",
    example: { message: "msg_7", button: "Terima" },
    run: ({ body, parameter, sandbox }) => {
      const { button, message } = bodyOf(pressSchema, body);
      return sandbox.people.press(parameter("phone"), message, button);
    },
  },
  {
    method: "POST",
    path: "/sandbox/phones/{phone}/read",
    what: "open one message, or all",
    example: { message: "msg_7" },
    run: ({ body, parameter, sandbox }) => {
      const { message } = bodyOf(readSchema, body);
      sandbox.people.read(parameter("phone"), message);
      return showPhone(sandbox.phones.handset(parameter("phone")));
    },
  },
  {
    method: "POST",
    path: "/sandbox/phones/{phone}/answer",
    what: "take the ringing call and press keys when asked, or press keys in the call",
    example: { keys: "1" },
    run: ({ body, parameter, sandbox }) => {
      const { keys: pressed } = bodyOf(answerSchema, body);
      return showCall(sandbox.people.answer(parameter("phone"), pressed));
    },
  },
  {
    method: "POST",
    path: "/sandbox/phones/{phone}/hang-up",
    what: "refuse the ringing call, or hang up",
    run: ({ parameter, sandbox }) => showCall(sandbox.people.hangUp(parameter("phone"))),
  },
  {
    method: "POST",
    path: "/sandbox/default-phone",
    what: "how phones behave that were not set up themselves and appear from now on",
    example: { reads: true, calls: { kind: "answer", keys: "1" } },
    run: ({ body, sandbox }) =>
      sandbox.phones.configureDefaults(bodyOf(phonePatchSchema, withOnline(body))),
  },
  {
    method: "GET",
    path: "/sandbox/messages/{id}",
    what: "one message by the vendor's id: what became of it",
    run: ({ parameter, sandbox }) => {
      const message = sandbox.world.messages.get(parameter("id"));
      if (message !== undefined) return showMessage(message);
      throw new SandboxProblem(404, "no_such_message", "no vendor knows this message");
    },
  },
  {
    method: "POST",
    path: "/sandbox/messages/{id}/receipt",
    what: "post a receipt that did not happen, or happened already",
    example: { status: "failed", code: "131026" },
    run: async ({ body, parameter, sandbox }) => {
      await sandbox.forceReceipt(parameter("id"), bodyOf(receiptSchema, body));
      return { posted: true };
    },
  },
  {
    method: "GET",
    path: "/sandbox/faults",
    what: "faults that are set, and every kind that there is",
    run: ({ sandbox }) => ({ items: sandbox.faults.list().map(showFault), kinds: FAULT_MEANINGS }),
  },
  {
    method: "POST",
    path: "/sandbox/faults",
    what: "set a fault; scope: vendor, account, recipient, requests, count, probability, seed",
    example: { kind: "drop_after", vendor: "fonnte", recipient: "+6281234000001", count: 1 },
    status: 201,
    run: ({ body, sandbox }) => showFault(sandbox.faults.add(bodyOf(faultSchema, body))),
  },
  {
    method: "DELETE",
    path: "/sandbox/faults",
    what: "remove all faults",
    run: ({ sandbox }) => {
      sandbox.faults.clear();
      return { items: [] };
    },
  },
  {
    method: "DELETE",
    path: "/sandbox/faults/{id}",
    what: "remove one fault; what it kept back goes on",
    run: ({ parameter, sandbox }) => {
      if (sandbox.faults.remove(parameter("id"))) return { removed: true };
      throw new SandboxProblem(404, "no_such_fault", "no such fault");
    },
  },
  {
    method: "GET",
    path: "/sandbox/accounts",
    what: "accounts at the vendors",
    run: ({ baseUrls, sandbox }) => ({
      items: [...sandbox.world.accounts.values()].map((account) => showAccount(account, baseUrls)),
    }),
  },
  {
    method: "PUT",
    path: "/sandbox/accounts",
    what: "register an account, or change it; credentials are never shown again",
    example: {
      vendor: "fonnte",
      sender: "6281234000900",
      credentials: { token: "sandbox-token" },
      webhookUrl: "http://127.0.0.1:3000/webhooks/fonnte/acc_1/token",
    },
    run: ({ baseUrls, body, sandbox }) =>
      showAccount(sandbox.registerAccount(bodyOf(accountSchema, body)), baseUrls),
  },
  {
    method: "GET",
    path: "/sandbox/accounts/{account}",
    what: "one account, by id or sender",
    run: ({ baseUrls, parameter, sandbox }) =>
      showAccount(sandbox.account(parameter("account")), baseUrls),
  },
  {
    method: "DELETE",
    path: "/sandbox/accounts/{account}",
    what: "remove an account; its credentials no longer work",
    run: ({ parameter, sandbox }) => {
      sandbox.removeAccount(parameter("account"));
      return { removed: true };
    },
  },
  {
    method: "POST",
    path: "/sandbox/accounts/{account}/device",
    what: "link or unlink a Fonnte device; put another vendor's service up or down",
    example: { online: false, reason: "phone without power" },
    run: ({ baseUrls, body, parameter, sandbox }) => {
      const { isOnline, reason } = bodyOf(deviceSchema, body);
      return showAccount(sandbox.setDevice(parameter("account"), isOnline, reason), baseUrls);
    },
  },
  {
    method: "POST",
    path: "/sandbox/accounts/{account}/ban",
    what: "ban an account, or lift the ban",
    example: { isBanned: true },
    run: ({ baseUrls, body, parameter, sandbox }) => {
      const { isBanned } = bodyOf(z.strictObject({ isBanned: z.boolean() }), body);
      return showAccount(sandbox.setBanned(parameter("account"), isBanned), baseUrls);
    },
  },
  {
    method: "POST",
    path: "/sandbox/accounts/{account}/quota",
    what: "messages left in a Fonnte package",
    example: { quota: 0 },
    run: ({ baseUrls, body, parameter, sandbox }) => {
      const { quota } = bodyOf(z.strictObject({ quota: z.int().min(0) }), body);
      return showAccount(sandbox.setQuota(parameter("account"), quota), baseUrls);
    },
  },
  {
    method: "PUT",
    path: "/sandbox/accounts/{account}/templates",
    what: "add a Meta template or change it; a changed status is told by webhook",
    example: {
      name: "alarm_ack_v1",
      language: "id",
      body: "Alarm {{1}}: {{2}}",
      buttons: ["Terima"],
      status: "PAUSED",
    },
    run: ({ body, parameter, sandbox }) =>
      sandbox.setTemplate(parameter("account"), bodyOf(templateSchema, body)),
  },
  {
    method: "POST",
    path: "/sandbox/accounts/{account}/verify-webhook",
    what: "ask a Meta account's webhook for its challenge",
    run: async ({ parameter, sandbox }) => ({
      isVerified: await sandbox.verifyWebhook(parameter("account")),
    }),
  },
  {
    method: "GET",
    path: "/sandbox/groups",
    what: "groups",
    run: ({ sandbox }) => ({ items: [...sandbox.world.groups.values()].map(showGroup) }),
  },
  {
    method: "POST",
    path: "/sandbox/groups",
    what: "add a group or change it; accounts are those whose number is a member",
    example: {
      id: "120363020000000001@g.us",
      name: "Teknisi Karawang",
      members: ["+6281234000001"],
      accounts: ["6281234000900"],
    },
    run: ({ body, sandbox }) => showGroup(sandbox.setGroup(bodyOf(groupSchema, body))),
  },
  {
    method: "DELETE",
    path: "/sandbox/groups/{id}",
    what: "remove a group",
    run: ({ parameter, sandbox }) => {
      if (sandbox.removeGroup(parameter("id"))) return { removed: true };
      throw new SandboxProblem(404, "no_such_group", "no such group");
    },
  },
  {
    method: "POST",
    path: "/sandbox/reset",
    what: "forget what happened, faults and how phones were set up; accounts and groups stay",
    run: ({ sandbox }) => {
      sandbox.reset();
      return { reset: true };
    },
  },
];

export async function control(
  sandbox: Sandbox,
  baseUrls: Readonly<Record<Vendor, string>>,
  request: ControlRequest,
): Promise<ControlResponse> {
  try {
    const found = findRoute(request);
    const value = await found.route.run({
      sandbox,
      baseUrls,
      parameter: (name) => found.parameters.get(name) ?? "",
      query: request.query,
      body: found.route.method === "GET" ? undefined : readBody(request.body),
    });
    return json(found.route.status ?? 200, "application/json", value);
  } catch (error) {
    if (error instanceof SandboxProblem) return problem(error);
    throw error;
  }
}

function findRoute(request: ControlRequest): {
  readonly route: Route;
  readonly parameters: ReadonlyMap<string, string>;
} {
  const path = request.path.replace(/\/+$/, "");
  const ofPath = ROUTES.flatMap((route) => {
    const parameters = matchPath(route.path, path);
    return parameters === undefined ? [] : [{ route, parameters }];
  });
  const found = ofPath.find(({ route }) => route.method === request.method);
  if (found !== undefined) return found;
  if (ofPath.length === 0) {
    throw new SandboxProblem(404, "no_such_route", "no such route; GET /sandbox lists them");
  }
  const methods = ofPath.map(({ route }) => route.method).join(", ");
  throw new SandboxProblem(405, "method_not_allowed", `this path knows ${methods}`);
}

function matchPath(pattern: string, path: string): ReadonlyMap<string, string> | undefined {
  const wanted = pattern.split("/");
  const given = path.split("/");
  if (wanted.length !== given.length) return undefined;
  const parameters = new Map<string, string>();
  for (const [index, part] of wanted.entries()) {
    const value = given[index] ?? "";
    const name = /^\{(.+)\}$/.exec(part)?.[1];
    if (name === undefined && part !== value) return undefined;
    if (name !== undefined) {
      const decoded = decode(value);
      if (decoded === undefined || decoded === "") return undefined;
      parameters.set(name, decoded);
    }
  }
  return parameters;
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

function readBody(body: Buffer): unknown {
  if (body.length === 0) return {};
  try {
    return JSON.parse(body.toString("utf8"));
  } catch {
    throw new SandboxProblem(400, "malformed_json", "the body is not JSON");
  }
}

function bodyOf<S extends z.ZodType>(schema: S, body: unknown): z.output<S> {
  const result = schema.safeParse(body);
  if (result.success) return result.data;
  throw invalid("the body is not valid", result.error);
}

function queryOf<S extends z.ZodType>(schema: S, query: URLSearchParams): z.output<S> {
  const result = schema.safeParse(Object.fromEntries(query));
  if (result.success) return result.data;
  throw invalid("the query is not valid", result.error);
}

function invalid(detail: string, error: z.ZodError): SandboxProblem {
  const errors = error.issues.map(({ code, message, path }) => ({
    path: path.join("."),
    code,
    message,
  }));
  return new SandboxProblem(422, "invalid", detail, errors);
}

/** `online` is short for `isOnline`. */
function withOnline(body: unknown): unknown {
  if (typeof body !== "object" || body === null || !("online" in body)) return body;
  const { online, ...rest } = body;
  return { isOnline: online, ...rest };
}

async function listRequests(
  sandbox: Sandbox,
  query: z.output<typeof logQuerySchema>,
): Promise<unknown> {
  const accountId = query.account === undefined ? undefined : sandbox.account(query.account).id;
  const isWanted = (entry: RequestEntry): boolean =>
    (query.vendor === undefined || entry.vendor === query.vendor) &&
    (accountId === undefined || entry.accountId === accountId) &&
    (query.kind === undefined || entry.kind === query.kind) &&
    (query.to === undefined || samePhone(entry.to, query.to)) &&
    (query.group === undefined || entry.group === query.group) &&
    (query.accepted === undefined || String(entry.accepted) === query.accepted) &&
    (query.deliveryKey === undefined || entry.deliveryKey === query.deliveryKey) &&
    (query.providerMessageId === undefined ||
      entry.providerMessageId === query.providerMessageId) &&
    (query.fault === undefined || entry.faults.some((kind) => kind === query.fault));
  return list(sandbox.log, isWanted, query, (entry) => ({ ...entry, at: iso(entry.at) }));
}

async function listWebhooks(
  sandbox: Sandbox,
  query: z.output<typeof webhookQuerySchema>,
): Promise<unknown> {
  const accountId = query.account === undefined ? undefined : sandbox.account(query.account).id;
  const isWanted = (entry: WebhookEntry): boolean =>
    (query.vendor === undefined || entry.vendor === query.vendor) &&
    (accountId === undefined || entry.accountId === accountId) &&
    (query.kind === undefined || entry.kind === query.kind) &&
    (query.providerMessageId === undefined || entry.providerMessageId === query.providerMessageId);
  return list(sandbox.webhooks, isWanted, query, (entry) => ({
    ...entry,
    at: iso(entry.at),
    url: maskedUrl(entry.url),
  }));
}

/** With `after`: the first ones after it; without: the newest. Always oldest first. */
async function list<F extends object>(
  log: EventLog<F>,
  isWanted: (entry: Logged<F>) => boolean,
  query: { readonly after?: number | undefined; readonly limit: number; readonly wait: number },
  show: (entry: Logged<F>) => unknown,
): Promise<unknown> {
  const afterSeq = query.after ?? 0;
  if (query.wait > 0) {
    // Nothing in time is an answer too: the empty list.
    await log.waitFor(isWanted, { afterSeq, timeoutMs: query.wait }).catch(() => undefined);
  }
  const entries =
    query.after === undefined
      ? log.entries(isWanted).slice(-query.limit)
      : log.entries(isWanted, { afterSeq, limit: query.limit });
  return { items: entries.map(show), lastSeq: log.lastSeq, dropped: log.dropped };
}

function showPhone(handset: Handset): unknown {
  const { calls, messages, phone, settings, waiting } = handset;
  const call = calls.findLast((entry) => !entry.isOver);
  return {
    phone,
    settings,
    messages: messages.length,
    unread: messages.filter(({ isRead }) => !isRead).length,
    waiting: waiting.length,
    call: call === undefined ? null : showCall(call),
  };
}

function showHandsetMessage(message: HandsetMessage): unknown {
  return { ...message, at: iso(message.at) };
}

function showCall(call: CallSession): unknown {
  return {
    id: call.id,
    accountId: call.account.id,
    from: call.order.from,
    to: call.order.to,
    status: call.status,
    isAsking: call.isAsking,
    spoken: call.spoken,
    pressed: call.pressed,
    answeredBy: call.answeredBy,
    warnings: call.warnings,
    deliveryKey: call.order.deliveryKey,
    createdAt: iso(call.createdAt),
    answeredAt: isoOrNull(call.answeredAt),
    endedAt: isoOrNull(call.endedAt),
  };
}

function showMessage(message: Message): unknown {
  return {
    id: message.id,
    vendor: message.vendor,
    accountId: message.accountId,
    to: message.to,
    group: message.group,
    text: message.text,
    status: message.status,
    failure: message.failure,
    deliveryKey: message.deliveryKey,
    acceptedAt: iso(message.acceptedAt),
    sentAt: isoOrNull(message.sentAt),
    updatedAt: iso(message.updatedAt),
    deliveredTo: [...message.deliveredTo],
    readBy: [...message.readBy],
  };
}

function showAccount(account: Account, baseUrls: Readonly<Record<Vendor, string>>): unknown {
  const { config, id, isBanned, isOnline, outbox } = account;
  const common = {
    id,
    vendor: config.vendor,
    sender: config.sender,
    name: config.name,
    baseUrl: baseUrls[config.vendor],
    isOnline,
    isBanned,
    waiting: outbox.length,
    webhookUrl: config.webhookUrl === null ? null : maskedUrl(config.webhookUrl),
  };
  switch (config.vendor) {
    case "fonnte":
      return { ...common, package: config.package, quota: config.quota };
    case "meta":
      return {
        ...common,
        phoneNumberId: config.phoneNumberId,
        wabaId: config.wabaId,
        templates: config.templates,
      };
    case "twilio":
      return {
        ...common,
        accountSid: config.credentials.accountSid,
        messagingServiceSid: config.messagingServiceSid,
      };
  }
}

function showGroup({ accountIds, id, members, name }: Group): unknown {
  return { id, name, members, accounts: accountIds };
}

function showFault({ hits, id, remaining, spec }: Fault): unknown {
  return { id, ...spec, remaining, hits };
}

/** Privacy: the last part of a webhook's path is a secret. */
function maskedUrl(url: string): string {
  return url.replace(/(\/webhooks\/[^/]+\/[^/]+\/)[^/?#]+/, "$1•••");
}

function samePhone(given: string | null, wanted: string): boolean {
  const digits = (phone: string): string => phone.replace(/\D/g, "");
  return given !== null && digits(given) === digits(wanted);
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}

function isoOrNull(ms: number | null): string | null {
  return ms === null ? null : iso(ms);
}

function problem(error: SandboxProblem): ControlResponse {
  return json(error.status, "application/problem+json", {
    type: "about:blank",
    title: TITLES[error.status] ?? "Error",
    status: error.status,
    code: error.code,
    detail: error.message,
    ...(error.errors.length === 0 ? {} : { errors: error.errors }),
  });
}

const TITLES: Readonly<Record<number, string>> = {
  400: "Bad Request",
  404: "Not Found",
  405: "Method Not Allowed",
  409: "Conflict",
  422: "Unprocessable Content",
};

function json(status: number, contentType: string, value: unknown): ControlResponse {
  return {
    status,
    headers: { "content-type": `${contentType}; charset=utf-8` },
    body: `${JSON.stringify(value, null, 2)}\n`,
  };
}
