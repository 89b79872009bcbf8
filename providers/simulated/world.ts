/**
 * The sandbox's world at rest: accounts as they are configured at the vendors, groups, and every message and call that a
 * vendor accepted. What moves it is elsewhere: the vendors accept (vendors/), the network delivers (network.ts), people
 * act (people.ts).
 */
import { z } from "zod";

import type { PhoneCall } from "./calls.ts";
import type { MessageFate } from "./faults.ts";
import type { AttachmentSeen, Button, TemplateUse, Vendor } from "./seen.ts";
import type { ReceiptLane } from "./webhooks.ts";

const webhookUrl = z
  .url({ protocol: /^https?$/ })
  .nullable()
  .default(null);
const digits = z
  .string()
  .transform((text) => text.replace(/^\+/, ""))
  .pipe(z.string().regex(/^[1-9]\d{6,14}$/, "must be a phone number in E.164"));
const name = z.string().min(1).default("Siaga");

export const templateSchema = z.strictObject({
  name: z.string().regex(/^[a-z0-9_]{1,512}$/),
  language: z.string().regex(/^[a-z]{2,3}(_[A-Z]{2})?$/),
  status: z.enum(["APPROVED", "PENDING", "REJECTED", "PAUSED", "DISABLED"]).default("APPROVED"),
  category: z.enum(["UTILITY", "MARKETING", "AUTHENTICATION"]).default("UTILITY"),
  /** With `{{1}}`, `{{2}}` …: the person sees it filled in, and the highest number is how many parameters it wants. */
  body: z.string().min(1),
  header: z.enum(["none", "image"]).default("none"),
  /** Titles of its quick-reply buttons. */
  buttons: z.array(z.string().min(1)).max(10).default([]),
  /** Accepts with `held_for_quality_assessment`. */
  isHeldForQuality: z.boolean().default(false),
});
export type Template = z.output<typeof templateSchema>;

const fonnteSchema = z.strictObject({
  vendor: z.literal("fonnte"),
  /** The device's number. */
  sender: digits,
  name,
  credentials: z.strictObject({
    /** The device token. */
    token: z.string().min(1),
    /** Put into every webhook body when set. */
    webhookSecret: z.string().min(1).nullable().default(null),
  }),
  /** Media need one of the last three. */
  package: z
    .enum(["free", "regular", "regular pro", "master", "super", "advanced", "ultra"])
    .default("super"),
  /** Messages left. */
  quota: z.int().min(0).default(10_000),
  /** For inbound messages; the next two default to it. */
  webhookUrl,
  statusWebhookUrl: webhookUrl,
  connectWebhookUrl: webhookUrl,
  /** Inbound messages are told only where this is on. */
  autoread: z
    .strictObject({ personal: z.boolean().default(true), group: z.boolean().default(true) })
    .default({ personal: true, group: true }),
  webhookEncoding: z.enum(["json", "form"]).default("json"),
});

const metaSchema = z.strictObject({
  vendor: z.literal("meta"),
  /** The business number that people see. */
  sender: digits,
  name,
  credentials: z.strictObject({
    accessToken: z.string().min(1),
    appSecret: z.string().min(1),
    verifyToken: z.string().min(1).default("verify"),
  }),
  phoneNumberId: z.string().regex(/^\d{5,20}$/),
  wabaId: z
    .string()
    .regex(/^\d{5,20}$/)
    .default("102290129340398"),
  webhookUrl,
  templates: z.array(templateSchema).default([]),
  /** Where a free-form message outside the 24-hour window is refused: in the answer, or later in a `failed` receipt. */
  windowRefusal: z.enum(["answer", "receipt"]).default("answer"),
  /** Whether webhooks carry business-scoped user ids beside phone numbers. */
  hasUserIds: z.boolean().default(false),
});

const twilioSchema = z.strictObject({
  vendor: z.literal("twilio"),
  /** E.164, or an alphanumeric sender (one-way). */
  sender: z
    .string()
    .regex(
      /^(\+[1-9]\d{6,14}|(?=.*[A-Za-z])[A-Za-z0-9 ]{1,11})$/,
      "must be E.164, or 1 to 11 letters, digits and spaces",
    ),
  name,
  credentials: z.strictObject({
    accountSid: z.string().regex(/^AC[0-9a-fA-F]{32}$/),
    authToken: z.string().min(1),
    apiKeySid: z
      .string()
      .regex(/^SK[0-9a-fA-F]{32}$/)
      .nullable()
      .default(null),
    apiKeySecret: z.string().min(1).nullable().default(null),
  }),
  messagingServiceSid: z
    .string()
    .regex(/^MG[0-9a-fA-F]{32}$/)
    .nullable()
    .default(null),
  /** For inbound SMS. Status callbacks go where each request says. */
  webhookUrl,
});

export const accountSchema = z.discriminatedUnion("vendor", [
  fonnteSchema,
  metaSchema,
  twilioSchema,
]);
/** As given: what has a default may be left out. */
export type AccountRegistration = z.input<typeof accountSchema>;
export type AccountConfig = z.output<typeof accountSchema>;
export type ConfigOf<V extends Vendor> = Extract<AccountConfig, { readonly vendor: V }>;

export type Account<C extends AccountConfig = AccountConfig> = {
  /** `<vendor>:<sender>`. */
  readonly id: string;
  config: C;
  /** A Fonnte device's link; for the others, whether the vendor's service for this number is up. */
  isOnline: boolean;
  isBanned: boolean;
  /** Messages accepted while the device was away. */
  readonly outbox: Message[];
  /** Meta: when each person last wrote to this number, epoch ms. */
  readonly lastWroteAt: Map<string, number>;
  /** Twilio: who sent STOP to this sender. */
  readonly optedOut: Set<string>;
};

export function isAccountOf<V extends Vendor>(
  account: Account,
  vendor: V,
): account is Account<ConfigOf<V>> {
  return account.config.vendor === vendor;
}

export const MESSAGE_STATUSES = ["accepted", "sent", "delivered", "read", "failed"] as const;
export type MessageStatus = (typeof MESSAGE_STATUSES)[number];

export type Message = {
  /** What the vendor answered. */
  readonly id: string;
  /** WhatsApp's own id, where the vendor tells another one. */
  readonly networkId: string | null;
  readonly vendor: Vendor;
  readonly accountId: string;
  readonly sender: string;
  readonly medium: "whatsapp" | "sms";
  /** E.164; null for a group. */
  readonly to: string | null;
  readonly group: string | null;
  readonly text: string;
  readonly template: TemplateUse | null;
  readonly buttons: readonly Button[];
  readonly attachment: AttachmentSeen | null;
  readonly deliveryKey: string | null;
  /** Where this message's receipts go, when the request said so. */
  readonly callbackUrl: string | null;
  readonly acceptedAt: number;
  readonly messagingServiceSid: string | null;
  readonly fate: MessageFate;
  readonly receipts: ReceiptLane;
  /** How long it may wait in the vendor's queue (world ms), and what it fails with after that. */
  readonly expiry: { readonly afterMs: number; readonly code: string } | null;
  status: MessageStatus;
  /** The vendor's code or word when `failed`. */
  failure: string | null;
  sentAt: number | null;
  updatedAt: number;
  readonly deliveredTo: Set<string>;
  readonly readBy: Set<string>;
  /** True once a receipt has told both ids. */
  isLinked: boolean;
};

/** The parts of a message that begin alike for all vendors. */
export function newMessage(
  order: Omit<
    Message,
    "status" | "failure" | "sentAt" | "updatedAt" | "deliveredTo" | "readBy" | "isLinked"
  >,
): Message {
  return {
    ...order,
    status: "accepted",
    failure: null,
    sentAt: null,
    updatedAt: order.acceptedAt,
    deliveredTo: new Set(),
    readBy: new Set(),
    isLinked: false,
  };
}

export type Group = {
  /** `…@g.us`, or the opaque id of a Meta group. */
  readonly id: string;
  name: string;
  /** E.164. */
  members: readonly string[];
  /** Accounts whose number is a member. */
  accountIds: readonly string[];
};

/** Vendors answer for messages as long as they are kept here; the oldest are dropped. */
const MESSAGES_MAX = 200_000;
const CALLS_MAX = 20_000;

export class World {
  readonly accounts = new Map<string, Account>();
  readonly groups = new Map<string, Group>();
  readonly messages = new Map<string, Message>();
  readonly calls = new Map<string, PhoneCall>();
  /** Counters begin at the clock's value, so that a restarted simulator never hands out an id twice. */
  #lastNumber = Date.now();

  /** Registering again changes the configuration and keeps what has happened. */
  register(registration: AccountRegistration): Account {
    const config = accountSchema.parse(registration);
    const id = `${config.vendor}:${config.sender}`;
    const known = this.accounts.get(id);
    if (known !== undefined) {
      known.config = config;
      return known;
    }
    const account: Account = {
      id,
      config,
      isOnline: true,
      isBanned: false,
      outbox: [],
      lastWroteAt: new Map(),
      optedOut: new Set(),
    };
    this.accounts.set(id, account);
    return account;
  }

  accountsOf<V extends Vendor>(vendor: V): readonly Account<ConfigOf<V>>[] {
    return [...this.accounts.values()].filter((account) => isAccountOf(account, vendor));
  }

  /** By id or by sender, with or without `+`; a sender that several vendors share finds none. */
  findAccount(reference: string): Account | undefined {
    const byId = this.accounts.get(reference);
    if (byId !== undefined) return byId;
    const bare = reference.replace(/^\+/, "");
    const bySender = [...this.accounts.values()].filter(
      (account) => account.config.sender.replace(/^\+/, "") === bare,
    );
    return bySender.length === 1 ? bySender[0] : undefined;
  }

  keepMessage(message: Message): void {
    this.messages.set(message.id, message);
    dropOldest(this.messages, MESSAGES_MAX);
  }

  keepCall(call: PhoneCall): void {
    this.calls.set(call.id, call);
    dropOldest(this.calls, CALLS_MAX);
  }

  nextNumber(): number {
    this.#lastNumber += 1;
    return this.#lastNumber;
  }

  /** Forgets what happened; accounts and groups stay. */
  clear(): void {
    this.messages.clear();
    this.calls.clear();
    for (const account of this.accounts.values()) {
      account.isOnline = true;
      account.isBanned = false;
      account.outbox.length = 0;
      account.lastWroteAt.clear();
      account.optedOut.clear();
    }
  }
}

/** What the person reads: the template's body with its parameters in place. */
export function fillTemplate(body: string, parameters: readonly string[]): string {
  return body.replace(/\{\{(\d+)\}\}/g, (placeholder, index: string) => {
    return parameters[Number(index) - 1] ?? placeholder;
  });
}

export function templateParameterCount(body: string): number {
  return Math.max(0, ...[...body.matchAll(/\{\{(\d+)\}\}/g)].map((match) => Number(match[1])));
}

function dropOldest<V>(map: Map<string, V>, sizeMax: number): void {
  for (const key of map.keys()) {
    if (map.size <= sizeMax) return;
    map.delete(key);
  }
}
