/**
 * What people do with their phones: write, quote, react, press a button, answer a call. The vendor tells the owner of the
 * business number, where it tells such a thing at all; each act says whether it did and what the owner's webhook answered.
 */
import type { PhoneCall } from "./calls.ts";
import { mediumOf } from "./seen.ts";
import type { Vendor } from "./seen.ts";
import { SandboxProblem } from "./problem.ts";
import type { Network } from "./network.ts";
import type { Handset, HandsetMessage, Phones } from "./phones.ts";
import type { WorldTime } from "./time.ts";
import type { InboundReport, PersonAct, VendorSimulator } from "./vendors/vendor.ts";
import type { Courier } from "./webhooks.ts";
import type { Account, Group, Message, World } from "./world.ts";

export type ActResult = {
  /** Whether the vendor posts this act to the account's webhook. */
  readonly isReported: boolean;
  /** Why not. */
  readonly reason: string | null;
  /** The vendor's id of what the person wrote. */
  readonly providerMessageId: string | null;
  /** What the webhook answered to the first attempt; null without an answer. */
  readonly answered: number | null;
};

export type ReplyRequest = {
  readonly text: string;
  /** Quotes this message: its id on the phone, or the vendor's. */
  readonly quote?: string;
  /** Writes into this group. */
  readonly group?: string;
  /** Writes to this account (id or sender); absent: where the last message came from. */
  readonly account?: string;
};

export type PeopleParts = {
  readonly time: WorldTime;
  readonly world: World;
  readonly phones: Phones;
  readonly network: Network;
  readonly courier: Courier;
  readonly vendorOf: (vendor: Vendor) => VendorSimulator;
};

export class People {
  readonly #parts: PeopleParts;

  constructor(parts: PeopleParts) {
    this.#parts = parts;
  }

  /** Writes, from this phone, bare or quoting, to a business number or into a group. */
  async reply(phone: string, request: ReplyRequest): Promise<ActResult> {
    const handset = this.#phoneInUse(phone);
    const quoted = request.quote === undefined ? null : this.#find(handset, request.quote);
    const group = this.#groupOf(handset, request.group ?? quoted?.group ?? null);
    const account = this.#accountFor(handset, request, quoted, group);
    const accounts = group === null ? [account] : this.#membersOf(group, account);
    const act: PersonAct = {
      kind: "text",
      text: request.text,
      quoted: quoted?.providerMessageId ?? null,
      group,
    };
    const reports = accounts.map((member) => this.#report(member, handset, act));
    const id = reports[0]?.kind === "report" ? reports[0].providerMessageId : null;
    this.#showWritten(handset, account, request.text, group, quoted, id);
    const [result] = await Promise.all(reports.map((report) => this.#post(report)));
    return result ?? UNREPORTED;
  }

  /** Puts an emoji on a message; "" takes it back. */
  async react(phone: string, reference: string, emoji: string): Promise<ActResult> {
    const handset = this.#phoneInUse(phone);
    const message = this.#find(handset, reference);
    if (message.medium !== "whatsapp") {
      throw new SandboxProblem(422, "not_possible", "only WhatsApp messages can be reacted to");
    }
    message.reaction = emoji === "" ? null : emoji;
    const group = this.#groupOf(handset, message.group);
    const act: PersonAct = {
      kind: "reaction",
      emoji,
      messageId: message.providerMessageId,
      group,
    };
    return this.#post(this.#report(this.#account(message.accountId), handset, act));
  }

  /** Presses a button of a message, named by id, title or number (1 is the first); absent: the first. */
  async press(phone: string, reference: string, button = "1"): Promise<ActResult> {
    const handset = this.#phoneInUse(phone);
    const message = this.#find(handset, reference);
    const pressed =
      message.buttons.find(({ id, title }) => id === button || title === button) ??
      message.buttons[Number(button) - 1];
    if (pressed === undefined) {
      throw new SandboxProblem(422, "no_such_button", "this message has no such button");
    }
    this.#markRead(handset, message);
    const act: PersonAct = {
      kind: "press",
      button: pressed,
      message: { id: message.providerMessageId, isTemplate: message.template !== null },
    };
    return this.#post(this.#report(this.#account(message.accountId), handset, act));
  }

  /** Opens a message, or the whole phone when none is named. */
  read(phone: string, reference?: string): void {
    const handset = this.#phoneInUse(phone);
    const messages =
      reference === undefined ? [...handset.messages] : [this.#find(handset, reference)];
    for (const message of messages) this.#markRead(handset, message);
  }

  /** Takes the call that rings; the keys are pressed as they are asked for. */
  answer(phone: string, keys: string): PhoneCall {
    const call = this.#currentCall(phone);
    if (!call.answer(keys) && !call.press(keys)) {
      throw new SandboxProblem(409, "no_call", "no call is ringing on this phone");
    }
    return call;
  }

  /** Refuses the call that rings, or hangs up. */
  hangUp(phone: string): PhoneCall {
    const call = this.#currentCall(phone);
    if (!call.leave()) throw new SandboxProblem(409, "no_call", "there is no call on this phone");
    return call;
  }

  /** A message has arrived: what the phone does by itself. */
  onArrival(handset: Handset, message: Message): void {
    const { autoReply } = handset.settings;
    if (message.medium === "email" || message.medium === "push") return;
    if (autoReply === null || (message.group !== null && !autoReply.isInGroups)) return;
    this.#parts.time.inWorld(autoReply.afterMs, () => {
      if (!handset.settings.isOnline) return;
      this.#parts.time.spawn(async () => {
        await this.reply(handset.phone, {
          text: autoReply.text,
          account: message.accountId,
          ...(autoReply.isQuoting ? { quote: message.id } : {}),
          ...(message.group === null ? {} : { group: message.group }),
        });
      });
    });
  }

  #report(account: Account, handset: Handset, act: PersonAct): InboundReport {
    return this.#parts.vendorOf(account.config.vendor).inbound(account, handset, act);
  }

  /** Resolves when the webhook has answered for the first time. */
  #post(report: InboundReport): Promise<ActResult> {
    if (report.kind === "unreported") {
      return Promise.resolve({ ...UNREPORTED, reason: report.reason });
    }
    const posting = this.#parts.courier.post(report.draft).then(({ status }) => ({
      isReported: true,
      reason: null,
      providerMessageId: report.providerMessageId,
      answered: status,
    }));
    this.#parts.time.spawn(async () => {
      await posting;
    });
    return posting;
  }

  #showWritten(
    handset: Handset,
    account: Account,
    text: string,
    group: Group | null,
    quoted: HandsetMessage | null,
    providerMessageId: string | null,
  ): void {
    const { phones, time } = this.#parts;
    const written: Omit<HandsetMessage, "id"> = {
      at: time.now(),
      direction: "written",
      medium: mediumOf(account.config.vendor),
      vendor: account.config.vendor,
      accountId: account.id,
      sender: account.config.sender,
      group: group?.id ?? null,
      author: handset.phone,
      title: null,
      text,
      link: null,
      buttons: [],
      attachment: null,
      template: null,
      providerMessageId: providerMessageId ?? "",
      quotedMessageId: quoted?.providerMessageId ?? null,
      isRead: true,
      reaction: null,
    };
    phones.show(handset, written);
    for (const phone of group?.members ?? []) {
      if (phone === handset.phone) continue;
      const received = { ...written, direction: "received" as const, isRead: false };
      phones.show(phones.handset(phone), received);
    }
  }

  #markRead(handset: Handset, shown: HandsetMessage): void {
    shown.isRead = true;
    const message = this.#parts.world.messages.get(shown.providerMessageId);
    if (message !== undefined) this.#parts.network.read(message, handset);
  }

  #phoneInUse(phone: string): Handset {
    const handset = this.#parts.phones.handset(phone);
    if (!handset.settings.isOnline) {
      throw new SandboxProblem(409, "phone_off", "this phone is switched off");
    }
    return handset;
  }

  #find(handset: Handset, reference: string): HandsetMessage {
    const found = handset.messages.findLast(
      ({ id, providerMessageId }) => id === reference || providerMessageId === reference,
    );
    if (found === undefined) {
      throw new SandboxProblem(404, "no_such_message", "this phone has no such message");
    }
    return found;
  }

  #groupOf(handset: Handset, id: string | null): Group | null {
    if (id === null) return null;
    const group = this.#parts.world.groups.get(id);
    if (group === undefined) throw new SandboxProblem(404, "no_such_group", "no such group");
    if (!group.members.includes(handset.phone)) {
      throw new SandboxProblem(422, "not_a_member", "this phone is not a member of the group");
    }
    return group;
  }

  #accountFor(
    handset: Handset,
    request: ReplyRequest,
    quoted: HandsetMessage | null,
    group: Group | null,
  ): Account {
    if (request.account !== undefined) return this.#account(request.account);
    if (quoted !== null) return this.#account(quoted.accountId);
    const last = handset.messages.findLast((entry) => entry.group === (group?.id ?? null));
    const id = last?.accountId ?? group?.accountIds[0];
    if (id === undefined) {
      throw new SandboxProblem(
        422,
        "no_chat",
        "nothing came to this phone yet: name the account to write to",
      );
    }
    return this.#account(id);
  }

  #account(reference: string): Account {
    const account = this.#parts.world.findAccount(reference);
    if (account !== undefined) return account;
    throw new SandboxProblem(
      404,
      "no_such_account",
      "no such account, or several share the sender",
    );
  }

  /** Everyone whose number is in the group hears what is written there; the one that is meant comes first. */
  #membersOf(group: Group, first: Account): readonly Account[] {
    const others = group.accountIds
      .map((id) => this.#parts.world.accounts.get(id))
      .filter((account) => account !== undefined && account !== first);
    return [first, ...others.filter((account) => account !== undefined)];
  }

  #currentCall(phone: string): PhoneCall {
    const call = this.#parts.phones.handset(phone).calls.findLast((entry) => !entry.isOver);
    if (call !== undefined) return call;
    throw new SandboxProblem(409, "no_call", "there is no call on this phone");
  }
}

const UNREPORTED: ActResult = {
  isReported: false,
  reason: null,
  providerMessageId: null,
  answered: null,
};
