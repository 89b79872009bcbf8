/**
 * The whole sandbox put together: what tests hold in their hands, and what the control API speaks for.
 */
import type { Vendor } from "./seen.ts";
import { carryOut, exchange } from "./exchange.ts";
import { Faults, NO_MESSAGE_FATE, NO_RECEIPT_FATE } from "./faults.ts";
import { Journal, readJournal } from "./journal.ts";
import { EventLog } from "./log.ts";
import { Network } from "./network.ts";
import { People } from "./people.ts";
import { Phones, phoneFrom } from "./phones.ts";
import { newPushAddress } from "./push-addresses.ts";
import type { PushAddress } from "./push-addresses.ts";
import { SandboxProblem } from "./problem.ts";
import { WorldTime } from "./time.ts";
import { createFcm } from "./vendors/fcm.ts";
import { createEvolution } from "./vendors/evolution.ts";
import { createFonnte } from "./vendors/fonnte.ts";
import { createGowa } from "./vendors/gowa.ts";
import { createMeta } from "./vendors/meta.ts";
import { createNusasms } from "./vendors/nusasms.ts";
import { createSmtp } from "./vendors/smtp.ts";
import { createTwilio } from "./vendors/twilio.ts";
import { createWablas } from "./vendors/wablas.ts";
import { createWaha } from "./vendors/waha.ts";
import { createWoowa } from "./vendors/woowa.ts";
import { createWebPush } from "./vendors/web-push.ts";
import { createZenziva } from "./vendors/zenziva.ts";
import { Courier, NO_RETRIES, ReceiptLane } from "./webhooks.ts";
import { World, isAccountOf } from "./world.ts";
import { templateSchema } from "./vendors/meta-account.ts";
import type { Template } from "./vendors/meta-account.ts";
import type { Exchange, ExchangeParts } from "./exchange.ts";
import type { Misfortune } from "./faults.ts";
import type { Logged, RequestEntry, WebhookEntry } from "./log.ts";
import type { HandsetMessage, PhonePatch, PhoneSettings } from "./phones.ts";
import type { Reading, ReceiptChange, VendorRequest, VendorSimulator } from "./vendors/vendor.ts";
import type { Account, AccountRegistration, Group, Message } from "./world.ts";
import type { z } from "zod";

export type SandboxOptions = {
  /** Epoch ms; default: the system's clock. */
  readonly clock?: () => number;
  /** Multiplies all spans of vendors, network and people; greater than 0, default 1. */
  readonly timeScale?: number;
  /** For the chances of faults that name no seed of their own; default 1. */
  readonly seed?: number;
  /** How phones behave that are not set up themselves. */
  readonly defaultPhone?: PhonePatch;
  /** Kept requests; beyond that the oldest are dropped. Default 200,000. */
  readonly logEntriesMax?: number;
  /** Kept webhook attempts. Default 100,000. */
  readonly webhookEntriesMax?: number;
  /** Where the memory is kept over restarts; default: nowhere. */
  readonly stateFile?: string;
};

const LOG_ENTRIES_MAX = 200_000;
const WEBHOOK_ENTRIES_MAX = 100_000;
/** Gateways that drive a linked phone: a ban takes the link away. */
const LINKED_DEVICES: ReadonlySet<Vendor> = new Set<Vendor>([
  "fonnte",
  "wablas",
  "woowa",
  "waha",
  "gowa",
  "evolution",
]);
const VERIFICATION_TIMEOUT_MS = 10_000;

export type GroupRegistration = {
  readonly id: string;
  readonly name: string;
  /** Phone numbers with country code. */
  readonly members: readonly string[];
  /** Ids or senders of the accounts whose number is a member. */
  readonly accounts: readonly string[];
};

export class Sandbox {
  readonly time: WorldTime;
  readonly world = new World();
  /** What the vendors saw. */
  readonly log: EventLog<RequestEntry>;
  /** What the vendors posted. */
  readonly webhooks: EventLog<WebhookEntry>;
  readonly faults: Faults;
  readonly phones: Phones;
  readonly people: People;
  readonly #courier: Courier;
  readonly #network: Network;
  readonly #vendors: Readonly<Record<Vendor, VendorSimulator>>;
  readonly #journal: Journal<SavedLine> | null;

  constructor(options: SandboxOptions = {}) {
    const timeScale = options.timeScale ?? 1;
    if (!(timeScale > 0)) throw new RangeError("timeScale must be greater than 0");
    const time = new WorldTime({ clock: options.clock ?? Date.now, timeScale });
    this.time = time;
    this.log = new EventLog(time, options.logEntriesMax ?? LOG_ENTRIES_MAX);
    const courier = new Courier(time, options.webhookEntriesMax ?? WEBHOOK_ENTRIES_MAX);
    this.#courier = courier;
    this.webhooks = courier.log;
    const vendorOf = (vendor: Vendor): VendorSimulator => this.#vendors[vendor];
    this.phones = new Phones(
      options.defaultPhone ?? {},
      (handset, wasOnline) => {
        if (handset.settings.isOnline && !wasOnline) this.#network.phoneCameOn(handset);
        this.#journal?.write({
          kind: "phone",
          value: { phone: handset.phone, settings: handset.settings },
        });
      },
      (handset, message) =>
        this.#journal?.write({ kind: "shown", value: { phone: handset.phone, message } }),
    );
    const world = this.world;
    const network = new Network({
      time,
      world,
      phones: this.phones,
      courier,
      vendorOf,
      onArrival: (handset, message) => this.people.onArrival(handset, message),
      onChange: (message) =>
        this.#journal?.write({ kind: "message", value: savedMessage(message) }),
    });
    this.#network = network;
    this.people = new People({ time, world, phones: this.phones, network, courier, vendorOf });
    this.faults = new Faults(options.seed ?? 1, (id) => network.releaseHeldBy(id));
    const newLane = (fate: ReceiptLane["fate"]): ReceiptLane =>
      new ReceiptLane(courier, time, fate);
    const parts = { world, network, time, newLane };
    this.#vendors = {
      fonnte: createFonnte(parts),
      meta: createMeta(parts),
      wablas: createWablas(parts),
      woowa: createWoowa(parts),
      twilio: createTwilio({ ...parts, calls: { time, phones: this.phones, courier } }),
      zenziva: createZenziva(parts),
      nusasms: createNusasms(parts),
      evolution: createEvolution(parts),
      smtp: createSmtp(parts),
      "web-push": createWebPush(parts),
      fcm: createFcm(parts),
      waha: createWaha(parts),
      gowa: createGowa(parts),
    };
    this.#journal = options.stateFile === undefined ? null : this.#openJournal(options.stateFile);
  }

  /** Idempotent: registering again changes the configuration and keeps what has happened. */
  registerAccount(registration: AccountRegistration): Account {
    const account = this.world.register(registration);
    this.#saveAccount(account);
    return account;
  }

  account(reference: string): Account {
    const account = this.world.findAccount(reference);
    if (account !== undefined) return account;
    throw new SandboxProblem(
      404,
      "no_such_account",
      "no such account, or several share the sender",
    );
  }

  removeAccount(reference: string): void {
    const account = this.account(reference);
    this.world.accounts.delete(account.id);
    this.#journal?.write({ kind: "account_removed", value: account.id });
  }

  /** Links or unlinks a Fonnte device; for the others, puts the vendor's service for this number up or down. */
  setDevice(reference: string, isOnline: boolean, reason = ""): Account {
    const account = this.account(reference);
    this.#network.setDevice(account, isOnline, reason);
    this.#saveAccount(account);
    return account;
  }

  /** A banned device of an unofficial gateway is disconnected too. */
  setBanned(reference: string, isBanned: boolean): Account {
    const account = this.account(reference);
    account.isBanned = isBanned;
    if (LINKED_DEVICES.has(account.config.vendor)) {
      this.#network.setDevice(account, !isBanned, isBanned ? "banned" : "");
    }
    this.#saveAccount(account);
    return account;
  }

  /** Messages left in a Fonnte or Wablas package. */
  setQuota(reference: string, quota: number): Account {
    const account = this.account(reference);
    const { config } = account;
    if (config.vendor !== "fonnte" && config.vendor !== "wablas") {
      throw new SandboxProblem(422, "not_possible", "only Fonnte and Wablas accounts have a quota");
    }
    account.config = { ...config, quota };
    this.#saveAccount(account);
    return account;
  }

  /** Adds or changes a template; a changed status is told by webhook. */
  setTemplate(reference: string, given: z.input<typeof templateSchema>): Template {
    const account = this.account(reference);
    if (!isAccountOf(account, "meta")) {
      throw new SandboxProblem(422, "not_possible", "only Meta accounts have templates");
    }
    const template = templateSchema.parse(given);
    const isSame = ({ name, language }: Template): boolean =>
      name === template.name && language === template.language;
    const before = account.config.templates.find(isSame);
    const others = account.config.templates.filter((entry) => !isSame(entry));
    account.config = { ...account.config, templates: [...others, template] };
    this.#saveAccount(account);
    if (before?.status !== template.status) {
      for (const draft of this.#vendors.meta.templateChanged(account, template)) {
        this.time.spawn(async () => {
          await this.#courier.post(draft);
        });
      }
    }
    return template;
  }

  /** Whether the webhook answers Meta's set-up question with its challenge. */
  async verifyWebhook(reference: string): Promise<boolean> {
    const account = this.account(reference);
    if (!isAccountOf(account, "meta") || account.config.webhookUrl === null) {
      throw new SandboxProblem(
        422,
        "not_possible",
        "only Meta accounts with a webhook are verified",
      );
    }
    const url = new URL(account.config.webhookUrl);
    const challenge = String(this.world.nextNumber());
    url.searchParams.set("hub.mode", "subscribe");
    url.searchParams.set("hub.challenge", challenge);
    url.searchParams.set("hub.verify_token", account.config.credentials.verifyToken);
    const answer = await this.#courier.post({
      vendor: "meta",
      accountId: account.id,
      kind: "verification",
      method: "GET",
      url: url.href,
      headers: {},
      body: "",
      providerMessageId: null,
      timeoutMs: VERIFICATION_TIMEOUT_MS,
      retries: NO_RETRIES,
    });
    return answer.status === 200 && answer.body === challenge;
  }

  /** Adds a group or changes it. */
  setGroup(registration: GroupRegistration): Group {
    const members = registration.members.map((number) => {
      const phone = phoneFrom(number);
      if (phone !== undefined) return phone;
      throw new SandboxProblem(422, "not_a_phone", "a member is no phone number with country code");
    });
    const group: Group = {
      id: registration.id,
      name: registration.name,
      members: [...new Set(members)],
      accountIds: registration.accounts.map((reference) => this.account(reference).id),
    };
    this.world.groups.set(group.id, group);
    this.#journal?.write({ kind: "group", value: group });
    return group;
  }

  /** False when there is no such group. */
  removeGroup(id: string): boolean {
    this.#journal?.write({ kind: "group_removed", value: id });
    return this.world.groups.delete(id);
  }

  /** Posts a receipt that did not happen, or happened already. */
  async forceReceipt(messageId: string, change: ReceiptChange): Promise<void> {
    const message = this.world.messages.get(messageId);
    if (message === undefined) {
      throw new SandboxProblem(404, "no_such_message", "no vendor knows this message");
    }
    await this.#network.forceReceipt(message, change);
  }

  /** A browser or an app on this phone asks to be pushed to by this account. */
  subscribe(reference: string, number: string): PushAddress {
    const { config, id } = this.account(reference);
    if (config.vendor !== "web-push" && config.vendor !== "fcm") {
      throw new SandboxProblem(422, "not_possible", "only Web Push and FCM accounts push");
    }
    const { phone } = this.phones.handset(number);
    const address = newPushAddress(config.vendor, id, phone);
    this.#keepPushAddress(address);
    return address;
  }

  /** The browser unsubscribes, or the app is removed: its address is gone for good. False when there is none. */
  unsubscribe(id: string): boolean {
    const address = this.world.pushAddresses.get(id);
    if (address === undefined) return false;
    address.isGone = true;
    this.#keepPushAddress(address);
    return true;
  }

  /** One request to a vendor. */
  exchange(vendor: Vendor, request: VendorRequest): Promise<Exchange> {
    return exchange(this.#exchangeParts(), this.#vendors[vendor], request);
  }

  /** What a vendor makes of a request, and nothing done yet: with `carryOut`, an exchange in two steps. */
  read(vendor: Vendor, request: VendorRequest): Promise<Reading> {
    return this.#vendors[vendor].read(request);
  }

  carryOut(
    vendor: Vendor,
    reading: Reading,
    misfortunes: readonly Misfortune[],
  ): Promise<Exchange> {
    return carryOut(this.#exchangeParts(), this.#vendors[vendor], reading, misfortunes);
  }

  /** Resolves when nothing is under way: no message, call, webhook or repeat. */
  idle(): Promise<void> {
    return this.time.idle();
  }

  /** Forgets what happened, faults and how phones were set up; accounts, groups, browsers and apps stay. */
  reset(): void {
    // First, because what a fault kept back sets out with it.
    this.faults.clear();
    this.time.clear();
    this.#courier.abort();
    this.phones.clear();
    this.world.clear();
    this.log.clear();
    this.webhooks.clear();
    this.#journal?.write({ kind: "reset", value: null });
  }

  async close(): Promise<void> {
    this.time.clear();
    this.#courier.close();
    await this.#journal?.close();
  }

  #exchangeParts(): ExchangeParts {
    return {
      time: this.time,
      faults: this.faults,
      log: this.log,
      ban: (accountId) => this.setBanned(accountId, true),
    };
  }

  #keepPushAddress(address: PushAddress): void {
    this.world.pushAddresses.set(address.id, address);
    this.#journal?.write({ kind: "push_address", value: address });
  }

  #saveAccount(account: Account): void {
    const { config, isBanned, isOnline } = account;
    this.#journal?.write({ kind: "account", value: { config, isBanned, isOnline } });
  }

  #openJournal(path: string): Journal<SavedLine> {
    for (const line of readJournal(path)) this.#restore(asSavedLine(line));
    const journal = new Journal(path, () => this.#snapshot());
    this.log.subscribe((entry) => journal.write({ kind: "request", value: entry }));
    this.webhooks.subscribe((entry) => journal.write({ kind: "webhook", value: entry }));
    return journal;
  }

  *#snapshot(): Iterable<SavedLine> {
    for (const { config, isBanned, isOnline } of this.world.accounts.values()) {
      yield { kind: "account", value: { config, isBanned, isOnline } };
    }
    for (const group of this.world.groups.values()) yield { kind: "group", value: group };
    for (const address of this.world.pushAddresses.values()) {
      yield { kind: "push_address", value: address };
    }
    for (const handset of this.phones.list()) {
      yield { kind: "phone", value: { phone: handset.phone, settings: handset.settings } };
      for (const message of handset.messages) {
        yield { kind: "shown", value: { phone: handset.phone, message } };
      }
    }
    for (const message of this.world.messages.values()) {
      yield { kind: "message", value: savedMessage(message) };
    }
    for (const entry of this.log.entries()) yield { kind: "request", value: entry };
    for (const entry of this.webhooks.entries()) yield { kind: "webhook", value: entry };
  }

  #restore(line: SavedLine): void {
    switch (line.kind) {
      case "account": {
        const account = this.world.register(line.value.config);
        account.isBanned = line.value.isBanned;
        account.isOnline = line.value.isOnline;
        return;
      }
      case "account_removed":
        this.world.accounts.delete(line.value);
        return;
      case "group":
        this.world.groups.set(line.value.id, line.value);
        return;
      case "group_removed":
        this.world.groups.delete(line.value);
        return;
      case "push_address":
        this.world.pushAddresses.set(line.value.id, line.value);
        return;
      case "phone":
        this.phones.handset(line.value.phone).settings = line.value.settings;
        return;
      case "shown":
        this.phones.restore(this.phones.handset(line.value.phone), line.value.message);
        return;
      case "message":
        this.#restoreMessage(line.value);
        return;
      case "request":
        this.log.restore(line.value);
        return;
      case "webhook":
        this.webhooks.restore(line.value);
        return;
      case "reset":
        this.phones.clear();
        this.world.clear();
        this.log.clear();
        this.webhooks.clear();
        return;
    }
  }

  #restoreMessage(saved: SavedMessage): void {
    this.world.keepMessage({
      ...saved,
      fate: NO_MESSAGE_FATE,
      receipts: new ReceiptLane(this.#courier, this.time, NO_RECEIPT_FATE),
      deliveredTo: new Set(saved.deliveredTo),
      readBy: new Set(saved.readBy),
    });
  }
}

type SavedAccount = Pick<Account, "config" | "isBanned" | "isOnline">;
type SavedMessage = Omit<Message, "fate" | "receipts" | "deliveredTo" | "readBy"> & {
  readonly deliveredTo: readonly string[];
  readonly readBy: readonly string[];
};

function savedMessage(message: Message): SavedMessage {
  const { fate: _fate, receipts: _receipts, deliveredTo, readBy, ...rest } = message;
  return { ...rest, deliveredTo: [...deliveredTo], readBy: [...readBy] };
}

type SavedLine =
  | { readonly kind: "account"; readonly value: SavedAccount }
  | { readonly kind: "account_removed" | "group_removed"; readonly value: string }
  | { readonly kind: "group"; readonly value: Group }
  | { readonly kind: "push_address"; readonly value: PushAddress }
  | {
      readonly kind: "phone";
      readonly value: { readonly phone: string; readonly settings: PhoneSettings };
    }
  | {
      readonly kind: "shown";
      readonly value: { readonly phone: string; readonly message: HandsetMessage };
    }
  | { readonly kind: "message"; readonly value: SavedMessage }
  | { readonly kind: "request"; readonly value: Logged<RequestEntry> }
  | { readonly kind: "webhook"; readonly value: Logged<WebhookEntry> }
  | { readonly kind: "reset"; readonly value: null };

/** A journal is only ever written by this file, from values of these very types. */
function asSavedLine(line: { readonly kind: string; readonly value: unknown }): SavedLine {
  return line as SavedLine;
}
