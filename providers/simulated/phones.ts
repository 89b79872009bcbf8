/**
 * Virtual handsets: what every phone number shows, and how it behaves when nobody touches it. A number that was never
 * mentioned has a handset too, with the default behaviour.
 */
import type { PhoneCall } from "./calls.ts";
import type { AttachmentSeen, Button, Medium, TemplateUse, Vendor } from "./seen.ts";
import { z } from "zod";

import { SandboxProblem } from "./problem.ts";
import type { Message } from "./world.ts";

const spanMs = z.number().min(0).max(86_400_000);

/** What the phone does with a call. Spans are in the world's time, so they are scaled with everything else. */
export const callRuleSchema = z.discriminatedUnion("kind", [
  /** Rings until somebody answers through the sandbox, or the caller gives up. */
  z.strictObject({ kind: z.literal("ring") }),
  z.strictObject({
    kind: z.literal("answer"),
    afterMs: spanMs.default(2_000),
    /** Pressed one after another as they are asked for. */
    keys: z
      .string()
      .regex(/^[0-9*#]*$/)
      .default(""),
    /** From the moment the question begins. */
    keyAfterMs: spanMs.default(1_500),
  }),
  z.strictObject({ kind: z.literal("no_answer") }),
  z.strictObject({ kind: z.literal("busy"), afterMs: spanMs.default(500) }),
  z.strictObject({ kind: z.literal("voicemail"), afterMs: spanMs.default(4_000) }),
]);
export type CallRule = z.output<typeof callRuleSchema>;

export const phoneSettingsSchema = z.strictObject({
  /** Off: WhatsApp and SMS wait, calls fail. */
  isOnline: z.boolean(),
  hasWhatsApp: z.boolean(),
  /** Opens WhatsApp messages without anybody touching it. */
  reads: z.boolean(),
  readAfterMs: spanMs,
  /** One rule for each coming call; the last one stays. */
  calls: z.array(callRuleSchema).min(1).max(50),
  /** Answers each message that it gets. */
  autoReply: z
    .strictObject({
      text: z.string().min(1).max(4_096),
      afterMs: spanMs.default(1_000),
      isQuoting: z.boolean().default(false),
      /** Answers messages in groups too. */
      isInGroups: z.boolean().default(false),
    })
    .nullable(),
  /** Shown as the writer's name. */
  name: z.string().min(1).max(100),
  /** Meta tells a user id instead of the number, Fonnte an `@lid`. */
  hidesNumber: z.boolean(),
});
export type PhoneSettings = z.output<typeof phoneSettingsSchema>;
/** As given: some of the settings; `calls` may be one rule. */
export const phonePatchSchema = phoneSettingsSchema
  .extend({
    calls: z
      .union([callRuleSchema.transform((rule) => [rule]), z.array(callRuleSchema).min(1).max(50)])
      .optional(),
  })
  .partial();
export type PhonePatch = z.input<typeof phonePatchSchema>;

export type HandsetMessage = {
  /** `msg_…`; people name messages by it or by the vendor's id. */
  readonly id: string;
  readonly at: number;
  readonly direction: "received" | "written";
  readonly medium: Medium;
  readonly vendor: Vendor;
  readonly accountId: string;
  /** The business number on the other side. */
  readonly sender: string;
  readonly group: string | null;
  /** In a group: who wrote, E.164; null for the business number. */
  readonly author: string | null;
  /** An e-mail's subject, a push message's title. */
  readonly title: string | null;
  readonly text: string;
  /** Where a click leads. */
  readonly link: string | null;
  readonly buttons: readonly Button[];
  readonly attachment: AttachmentSeen | null;
  readonly template: TemplateUse | null;
  /** The vendor's id of this message. */
  readonly providerMessageId: string;
  readonly quotedMessageId: string | null;
  isRead: boolean;
  reaction: string | null;
};

export type Handset = {
  /** E.164; for a mailbox its address in lower case. */
  readonly phone: string;
  settings: PhoneSettings;
  readonly messages: HandsetMessage[];
  /** Sent to this phone while it was off. */
  readonly waiting: Message[];
  readonly calls: PhoneCall[];
};

export const DEFAULT_PHONE_SETTINGS: PhoneSettings = {
  isOnline: true,
  hasWhatsApp: true,
  reads: false,
  readAfterMs: 2_000,
  calls: [{ kind: "ring" }],
  autoReply: null,
  name: "Sandbox",
  hidesNumber: false,
};

/** A handset forgets what is older. */
const MESSAGES_PER_PHONE_MAX = 1_000;
const CALLS_PER_PHONE_MAX = 200;
const HANDSETS_MAX = 200_000;

/** E.164 from any spelling of the digits with country code; undefined when it can't be one. */
export function phoneFrom(text: string): string | undefined {
  const digits = text
    .trim()
    .replace(/^\+/, "")
    .replace(/[\s()-]/g, "");
  return /^[1-9]\d{6,14}$/.test(digits) ? `+${digits}` : undefined;
}

/** A mailbox is a handset of its own, named by its address. */
function mailboxFrom(text: string): string | undefined {
  const address = text.trim().toLowerCase();
  return /^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(address) && !address.endsWith("@g.us")
    ? address
    : undefined;
}

type MessageWaiter = {
  readonly handset: Handset;
  readonly matches: (message: HandsetMessage) => boolean;
  readonly resolve: (message: HandsetMessage) => void;
};

export class Phones {
  readonly #handsets = new Map<string, Handset>();
  readonly #waiters = new Set<MessageWaiter>();
  readonly #onChange: (handset: Handset, wasOnline: boolean) => void;
  readonly #onShow: (handset: Handset, message: HandsetMessage) => void;
  #defaults: PhoneSettings;
  #lastNumber = 0;

  /** `onChange` is told of a handset whose settings were changed, and whether it was on before. */
  constructor(
    defaults: PhonePatch,
    onChange: (handset: Handset, wasOnline: boolean) => void,
    onShow: (handset: Handset, message: HandsetMessage) => void,
  ) {
    this.#defaults = merge(DEFAULT_PHONE_SETTINGS, defaults);
    this.#onChange = onChange;
    this.#onShow = onShow;
  }

  /** The handset of a number with country code, or a mailbox; made when it is first asked for. Throws for anything else. */
  handset(number: string): Handset {
    const phone = phoneFrom(number) ?? mailboxFrom(number);
    if (phone === undefined) {
      throw new SandboxProblem(
        422,
        "not_a_phone",
        "not a phone number with country code, nor a mailbox",
      );
    }
    const known = this.#handsets.get(phone);
    if (known !== undefined) return known;
    const handset: Handset = {
      phone,
      settings: this.#defaults,
      messages: [],
      waiting: [],
      calls: [],
    };
    this.#handsets.set(phone, handset);
    if (this.#handsets.size > HANDSETS_MAX) this.#forgetOldest();
    return handset;
  }

  /** Those that were mentioned or set up, in that order. */
  list(): readonly Handset[] {
    return [...this.#handsets.values()];
  }

  /** Changes the named settings and keeps the others. */
  configure(phone: string, patch: PhonePatch): Handset {
    const handset = this.handset(phone);
    const wasOnline = handset.settings.isOnline;
    handset.settings = merge(handset.settings, patch);
    this.#onChange(handset, wasOnline);
    return handset;
  }

  /** What phones do that were not set up themselves. */
  configureDefaults(patch: PhonePatch): PhoneSettings {
    this.#defaults = merge(this.#defaults, patch);
    return this.#defaults;
  }

  show(handset: Handset, message: Omit<HandsetMessage, "id">): HandsetMessage {
    this.#lastNumber += 1;
    const shown = { ...message, id: `msg_${this.#lastNumber}` };
    this.restore(handset, shown);
    this.#onShow(handset, shown);
    for (const waiter of [...this.#waiters]) {
      if (waiter.handset !== handset || !waiter.matches(shown)) continue;
      this.#waiters.delete(waiter);
      waiter.resolve(shown);
    }
    return shown;
  }

  /** Puts back what an earlier process had shown. */
  restore(handset: Handset, shown: HandsetMessage): void {
    handset.messages.push(shown);
    if (handset.messages.length > MESSAGES_PER_PHONE_MAX) handset.messages.shift();
    const number = Number(shown.id.replace(/\D/g, ""));
    this.#lastNumber = Math.max(this.#lastNumber, number);
  }

  ring(handset: Handset, call: PhoneCall): void {
    handset.calls.push(call);
    if (handset.calls.length > CALLS_PER_PHONE_MAX) handset.calls.shift();
  }

  /** Takes the rule for the next call; the last one is kept. */
  takeCallRule(handset: Handset): CallRule {
    const [rule = { kind: "ring" as const }, ...rest] = handset.settings.calls;
    if (rest.length > 0) handset.settings = { ...handset.settings, calls: rest };
    return rule;
  }

  /** The first message on this phone, past or to come, that matches; rejects when there is none in time (real ms). */
  waitForMessage(
    phone: string,
    matches: (message: HandsetMessage) => boolean = () => true,
    timeoutMs = 5_000,
  ): Promise<HandsetMessage> {
    const handset = this.handset(phone);
    const present = handset.messages.find(matches);
    if (present !== undefined) return Promise.resolve(present);
    return new Promise((resolve, reject) => {
      const waiter: MessageWaiter = {
        handset,
        matches,
        resolve: (message) => {
          clearTimeout(timer);
          resolve(message);
        },
      };
      const timer = setTimeout(() => {
        this.#waiters.delete(waiter);
        const had = handset.messages.length;
        reject(new Error(`waited ${timeoutMs} ms; the phone has ${had} messages, none matches`));
      }, timeoutMs);
      this.#waiters.add(waiter);
    });
  }

  clear(): void {
    this.#handsets.clear();
  }

  /** The oldest handset that nobody set up. */
  #forgetOldest(): void {
    for (const [phone, handset] of this.#handsets) {
      if (handset.settings !== this.#defaults) continue;
      this.#handsets.delete(phone);
      return;
    }
  }
}

function merge(settings: PhoneSettings, patch: PhonePatch): PhoneSettings {
  const changes = phonePatchSchema.parse(patch);
  const given = Object.fromEntries(
    Object.entries(changes).filter(([, value]) => value !== undefined),
  );
  return phoneSettingsSchema.parse({ ...settings, ...given });
}
