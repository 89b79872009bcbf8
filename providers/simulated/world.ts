/**
 * The sandbox's world at rest: accounts as they are configured at the vendors, groups, and every message and call that a
 * vendor accepted. What moves it is elsewhere: the vendors accept (vendors/), the network delivers (network.ts), people
 * act (people.ts).
 */
import { z } from "zod";

import type { PhoneCall } from "./calls.ts";
import type { MessageFate } from "./faults.ts";
import type { PushAddress } from "./push-addresses.ts";
import type { AttachmentSeen, Button, Medium, TemplateUse, Vendor } from "./seen.ts";
import { fcmAccount } from "./vendors/fcm-account.ts";
import { evolutionAccount } from "./vendors/evolution-account.ts";
import { fonnteAccount } from "./vendors/fonnte-account.ts";
import { gowaAccount } from "./vendors/gowa-account.ts";
import { metaAccount } from "./vendors/meta-account.ts";
import { nusasmsAccount } from "./vendors/nusasms-account.ts";
import { smtpAccount } from "./vendors/smtp-account.ts";
import { twilioAccount } from "./vendors/twilio-account.ts";
import { zenzivaAccount } from "./vendors/zenziva-account.ts";
import { wablasAccount } from "./vendors/wablas-account.ts";
import { wahaAccount } from "./vendors/waha-account.ts";
import { woowaAccount } from "./vendors/woowa-account.ts";
import { webPushAccount } from "./vendors/web-push-account.ts";
import type { ReceiptLane } from "./webhooks.ts";

export const accountSchema = z.discriminatedUnion("vendor", [
  fonnteAccount,
  metaAccount,
  twilioAccount,
  wablasAccount,
  woowaAccount,
  zenzivaAccount,
  nusasmsAccount,
  evolutionAccount,
  smtpAccount,
  webPushAccount,
  fcmAccount,
  wahaAccount,
  gowaAccount,
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
  readonly medium: Medium;
  /** On which phone (E.164) or in which mailbox it appears; null for a group. */
  readonly to: string | null;
  readonly group: string | null;
  /** An e-mail's subject, a push message's title. */
  readonly title: string | null;
  readonly text: string;
  readonly link: string | null;
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
  /** A push message that waits for a phone gives way to a later one with the same key. */
  readonly collapseKey: string | null;
  /** Epoch ms after which a push message is not shown any more; null: never. */
  readonly lapsesAt: number | null;
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

/** What only e-mail and push messages have. */
const WITHOUT_TITLE: Pick<Message, "title" | "link" | "collapseKey" | "lapsesAt"> = {
  title: null,
  link: null,
  collapseKey: null,
  lapsesAt: null,
};

/** The parts of a message that begin alike for all vendors. */
export function newMessage(
  order: Omit<
    Message,
    | "status"
    | "failure"
    | "sentAt"
    | "updatedAt"
    | "deliveredTo"
    | "readBy"
    | "isLinked"
    | keyof typeof WITHOUT_TITLE
  > &
    Partial<Pick<Message, keyof typeof WITHOUT_TITLE>>,
): Message {
  return {
    ...WITHOUT_TITLE,
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
  /** Browsers and apps that asked to be pushed to, by their ids. */
  readonly pushAddresses = new Map<string, PushAddress>();
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

  /** Forgets what happened; accounts, groups, browsers and apps stay. */
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
