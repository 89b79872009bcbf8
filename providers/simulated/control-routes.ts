/**
 * The routes of the control API, each with what it is for and an example of its body: `GET /sandbox` shows this table.
 */
import { MESSAGE_MEDIA } from "./seen.ts";
import type { Vendor } from "./seen.ts";
import { z } from "zod";
import { bodyOf, queryOf } from "./control-input.ts";
import {
  LIST_LIMIT,
  listRequests,
  listWebhooks,
  logQuerySchema,
  webhookQuerySchema,
} from "./control-lists.ts";
import {
  showAccount,
  showCall,
  showFault,
  showGroup,
  showHandsetMessage,
  showMessage,
  showPhone,
  showPushAddress,
} from "./control-views.ts";
import { FAULT_MEANINGS, faultSchema } from "./faults.ts";
import { phonePatchSchema } from "./phones.ts";
import { SandboxProblem } from "./problem.ts";
import { templateSchema } from "./vendors/meta-account.ts";
import { accountSchema } from "./world.ts";
import type { Sandbox } from "./sandbox.ts";

type Call = {
  readonly sandbox: Sandbox;
  readonly baseUrls: Readonly<Record<Vendor, string>>;
  readonly parameter: (name: string) => string;
  readonly query: URLSearchParams;
  readonly body: unknown;
};

export type Route = {
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  readonly path: string;
  readonly what: string;
  readonly example?: unknown;
  readonly status?: number;
  readonly run: (call: Call) => unknown;
};

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

const messagesQuerySchema = z.strictObject({
  limit: z.coerce.number().int().min(1).max(1_000).default(LIST_LIMIT.default),
  medium: z.enum(MESSAGE_MEDIA).optional(),
  group: text.optional(),
});

export const ROUTES: readonly Route[] = [
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
    method: "GET",
    path: "/sandbox/phones/{phone}/push-addresses",
    what: "browsers and apps on this phone that asked to be pushed to",
    run: ({ baseUrls, parameter, sandbox }) => {
      const { phone } = sandbox.phones.handset(parameter("phone"));
      return {
        items: [...sandbox.world.pushAddresses.values()]
          .filter((address) => address.phone === phone)
          .map((address) => showPushAddress(address, baseUrls)),
      };
    },
  },
  {
    method: "POST",
    path: "/sandbox/phones/{phone}/push-addresses",
    what: "a browser (Web Push account) or an app (FCM account) on this phone asks to be pushed to",
    example: { account: "web-push:mailto:noc@siaga.example" },
    status: 201,
    run: ({ baseUrls, body, parameter, sandbox }) => {
      const { account } = bodyOf(z.strictObject({ account: text }), body);
      return showPushAddress(sandbox.subscribe(account, parameter("phone")), baseUrls);
    },
  },
  {
    method: "DELETE",
    path: "/sandbox/push-addresses/{id}",
    what: "the browser unsubscribes, or the app is removed: messages to it are refused from now on",
    run: ({ parameter, sandbox }) => {
      if (sandbox.unsubscribe(parameter("id"))) return { removed: true };
      throw new SandboxProblem(404, "no_such_address", "no such browser or app");
    },
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

/** `online` is short for `isOnline`. */
function withOnline(body: unknown): unknown {
  if (typeof body !== "object" || body === null || !("online" in body)) return body;
  const { online, ...rest } = body;
  return { isOnline: online, ...rest };
}
