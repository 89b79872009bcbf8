/**
 * The way of a message from the vendor to the phone and of its receipts back: accepted, sent (left the business number),
 * delivered (on the phone), read. A phone that is off, or a device that is away, lets the message wait where it is. What
 * the faults of a message's request ordered is carried out here.
 */
import type { Vendor } from "./seen.ts";
import type { Phones, Handset } from "./phones.ts";
import type { WorldTime } from "./time.ts";
import type { ReceiptChange, VendorSimulator } from "./vendors/vendor.ts";
import type { Courier, WebhookDraft } from "./webhooks.ts";
import { fillTemplate, isAccountOf } from "./world.ts";
import type { Account, Message, MessageStatus, World } from "./world.ts";

/** World ms. What a quick network needs; a real one varies between tenths of a second and several. */
const SENT_MS = 150;
const DELIVERED_MS = 250;

const RANK: Readonly<Record<MessageStatus, number>> = {
  accepted: 0,
  sent: 1,
  failed: 1,
  delivered: 2,
  read: 3,
};

export type NetworkParts = {
  readonly time: WorldTime;
  readonly world: World;
  readonly phones: Phones;
  readonly courier: Courier;
  readonly vendorOf: (vendor: Vendor) => VendorSimulator;
  /** A message has arrived on a phone. */
  readonly onArrival: (handset: Handset, message: Message) => void;
  readonly onChange: (message: Message) => void;
};

export class Network {
  readonly #parts: NetworkParts;

  constructor(parts: NetworkParts) {
    this.#parts = parts;
  }

  /** Starts a message's journey. */
  start(message: Message): void {
    this.#parts.onChange(message);
    if (message.fate.isLost || this.#isKeptBack(message)) return;
    this.#parts.time.inWorld(SENT_MS, () => this.#leaveLater(message));
  }

  /** Starts without the time on the way; resolves when the first receipt has been answered, or there will be none. */
  async startAtOnce(message: Message): Promise<void> {
    this.#parts.onChange(message);
    if (message.fate.isLost || this.#isKeptBack(message)) return;
    await this.#leave(message);
  }

  /** Links or unlinks a device; when it is back, what waits goes out. */
  setDevice(account: Account, isOnline: boolean, reason: string): void {
    if (account.isOnline === isOnline && (!isOnline || account.outbox.length === 0)) return;
    const hasChanged = account.isOnline !== isOnline;
    account.isOnline = isOnline;
    if (hasChanged) {
      const drafts = this.#parts.vendorOf(account.config.vendor).deviceChanged(account, reason);
      for (const draft of drafts) this.#parts.time.spawn(() => this.#post(draft));
    }
    if (isOnline && !account.isBanned) this.#release(account, () => true);
  }

  /** A fault was removed: what it kept back goes out. */
  releaseHeldBy(faultId: string): void {
    for (const account of this.#parts.world.accounts.values()) {
      if (account.isOnline) this.#release(account, (message) => message.fate.heldBy === faultId);
    }
  }

  /** A phone was switched on: what waits for it arrives. */
  phoneCameOn(handset: Handset): void {
    for (const message of handset.waiting.splice(0)) {
      this.#parts.time.inWorld(DELIVERED_MS, () => this.#arrive(message, handset));
    }
  }

  /** The person has the message before them. */
  read(message: Message, handset: Handset): void {
    const shown = handset.messages.find((entry) => entry.providerMessageId === message.id);
    if (shown !== undefined) shown.isRead = true;
    if (message.medium !== "whatsapp" || message.readBy.has(handset.phone)) return;
    message.readBy.add(handset.phone);
    this.#tellOfPhone(message, handset, "read", message.readBy);
  }

  hasWhatsApp(phone: string): boolean {
    return this.#parts.phones.handset(phone).settings.hasWhatsApp;
  }

  hidesNumber(phone: string): boolean {
    return this.#parts.phones.handset(phone).settings.hidesNumber;
  }

  /** Posts a receipt that did not happen, or happened already: for tests of contradictions and repeats. */
  forceReceipt(message: Message, change: ReceiptChange): Promise<void> {
    return this.#report(message, change);
  }

  /** What waits too long in a vendor's queue fails. */
  #limitStay(message: Message, account: Account): void {
    const { expiry } = message;
    if (expiry === null) return;
    this.#parts.time.limitInWorld(expiry.afterMs, () => {
      const place = account.outbox.indexOf(message);
      if (place < 0) return;
      account.outbox.splice(place, 1);
      this.#parts.time.spawn(() => this.#fail(message, expiry.code));
    });
  }

  #release(account: Account, isFree: (message: Message) => boolean): void {
    const waiting = account.outbox.splice(0);
    for (const message of waiting) {
      if (!isFree(message)) account.outbox.push(message);
      else this.#parts.time.inWorld(SENT_MS, () => this.#leaveLater(message));
    }
  }

  #leaveLater(message: Message): void {
    this.#parts.time.spawn(() => this.#leave(message));
  }

  /** By a fault, or because the device is away: only the latter is told. */
  #isKeptBack(message: Message): boolean {
    const account = this.#parts.world.accounts.get(message.accountId);
    if (account === undefined) return true;
    const isHeld = message.fate.heldBy !== null;
    if (!isHeld && account.isOnline) return false;
    account.outbox.push(message);
    this.#limitStay(message, account);
    if (!isHeld) {
      const drafts = this.#vendor(message).queued(message);
      this.#parts.time.spawn(() => this.#postAll(message, drafts));
    }
    return true;
  }

  async #leave(message: Message): Promise<void> {
    const { world, phones, time } = this.#parts;
    const account = world.accounts.get(message.accountId);
    if (account?.isOnline !== true) {
      account?.outbox.push(message);
      return;
    }
    const obstacle = this.#obstacle(message, account);
    if (obstacle !== null) {
      await this.#fail(message, obstacle);
      return;
    }
    const { contradiction } = message.fate;
    const group = message.group === null ? undefined : world.groups.get(message.group);
    const recipients = message.to === null ? (group?.members ?? []) : [message.to];
    for (const phone of recipients) {
      const handset = phones.handset(phone);
      if (!handset.settings.isOnline) this.#keepWaiting(message, handset);
      else time.inWorld(DELIVERED_MS, () => this.#arrive(message, handset));
    }
    this.#advance(message, "sent", null);
    message.sentAt ??= time.now();
    if (contradiction?.order === "failed_first") {
      const code = contradiction.code === "" ? this.#codes(message).typical : contradiction.code;
      await this.#report(message, { status: "failed", member: null, code });
      return;
    }
    await this.#report(message, { status: "sent", member: null, code: null });
  }

  /** Why this message can't leave, as the vendor's code; null when it can. */
  #obstacle(message: Message, account: Account): string | null {
    const codes = this.#codes(message);
    if (message.fate.failsWith !== null) {
      return message.fate.failsWith === "" ? codes.typical : message.fate.failsWith;
    }
    if (message.group !== null) {
      const group = this.#parts.world.groups.get(message.group);
      return group?.accountIds.includes(account.id) === true ? null : codes.notAMember;
    }
    if (message.medium !== "whatsapp" || message.to === null) return null;
    const isThere = this.#parts.phones.handset(message.to).settings.hasWhatsApp;
    return isThere ? null : codes.notOnWhatsApp;
  }

  #arrive(message: Message, handset: Handset): void {
    const { phones, time } = this.#parts;
    if (!handset.settings.isOnline) {
      this.#keepWaiting(message, handset);
      return;
    }
    if (message.lapsesAt !== null && time.now() > message.lapsesAt) return;
    if (message.deliveredTo.has(handset.phone)) return;
    message.deliveredTo.add(handset.phone);
    phones.show(handset, {
      at: time.now(),
      direction: "received",
      medium: message.medium,
      vendor: message.vendor,
      accountId: message.accountId,
      sender: message.sender,
      group: message.group,
      author: null,
      title: message.title,
      text: this.#visibleText(message),
      link: message.link,
      buttons: message.buttons,
      attachment: message.attachment,
      template: message.template,
      providerMessageId: message.id,
      quotedMessageId: null,
      isRead: false,
      reaction: null,
    });
    this.#tellOfPhone(message, handset, "delivered", message.deliveredTo);
    const { contradiction } = message.fate;
    if (contradiction?.order === "delivered_first") {
      const code = contradiction.code === "" ? this.#codes(message).typical : contradiction.code;
      time.spawn(() => this.#report(message, { status: "failed", member: null, code }));
    }
    if (message.fate.isReadAtOnce) this.read(message, handset);
    else if (handset.settings.reads && message.medium === "whatsapp") {
      time.inWorld(handset.settings.readAfterMs, () => {
        if (handset.settings.isOnline) this.read(message, handset);
      });
    }
    this.#parts.onArrival(handset, message);
  }

  #keepWaiting(message: Message, handset: Handset): void {
    const { collapseKey } = message;
    const older = handset.waiting.findIndex(
      (waiting) => collapseKey !== null && waiting.collapseKey === collapseKey,
    );
    if (older >= 0) handset.waiting.splice(older, 1);
    handset.waiting.push(message);
  }

  /** A group message is delivered (read) when every member has (read) it; some vendors tell each member too. */
  #tellOfPhone(
    message: Message,
    handset: Handset,
    status: "delivered" | "read",
    reached: ReadonlySet<string>,
  ): void {
    const { time, world } = this.#parts;
    const group = message.group === null ? undefined : world.groups.get(message.group);
    const isForAll = group === undefined || group.members.every((phone) => reached.has(phone));
    if (isForAll) this.#advance(message, status, null);
    if (group !== undefined && this.#vendor(message).tellsMembers) {
      time.spawn(() => this.#report(message, { status, member: handset.phone, code: null }));
    } else if (isForAll) {
      time.spawn(() => this.#report(message, { status, member: null, code: null }));
    }
  }

  async #fail(message: Message, code: string): Promise<void> {
    this.#advance(message, "failed", code);
    await this.#report(message, { status: "failed", member: null, code });
  }

  #advance(message: Message, status: MessageStatus, failure: string | null): void {
    message.updatedAt = this.#parts.time.now();
    if (failure !== null) message.failure = failure;
    if (RANK[status] > RANK[message.status]) message.status = status;
    this.#parts.onChange(message);
  }

  async #report(message: Message, change: ReceiptChange): Promise<void> {
    const { dropped, signing } = message.receipts.fate;
    if (dropped === "all" || dropped.includes(change.status)) return;
    await this.#postAll(message, this.#vendor(message).receipts(message, change, signing));
  }

  async #postAll(message: Message, drafts: readonly WebhookDraft[]): Promise<void> {
    for (const draft of drafts) await message.receipts.post(draft);
  }

  async #post(draft: WebhookDraft): Promise<void> {
    await this.#parts.courier.post(draft);
  }

  #visibleText(message: Message): string {
    const { template } = message;
    if (template === null) return message.text;
    const account = this.#parts.world.accounts.get(message.accountId);
    if (account === undefined || !isAccountOf(account, "meta")) return message.text;
    const known = account.config.templates.find(
      (entry) => entry.name === template.name && entry.language === template.language,
    );
    return known === undefined ? message.text : fillTemplate(known.body, template.parameters);
  }

  #vendor(message: Message): VendorSimulator {
    return this.#parts.vendorOf(message.vendor);
  }

  #codes(message: Message): VendorSimulator["failureCodes"] {
    return this.#vendor(message).failureCodes;
  }
}
