/**
 * What a provider is: one object per vendor and channel. `send` is the required core; everything optional is an ability
 * that a vendor has or has not. A provider keeps no state, reads no clock and no environment: account, time and limits
 * are arguments. To add one, read providers/fonnte/ (small) or providers/twilio/ (two channels), list it in
 * providers/registry.ts and run the conformance suite on it.
 */
import type { z } from "zod";

import type { Channel } from "../domain/channel.ts";
import type { ReceiptKind } from "../domain/delivery.ts";
import type { BillingClass } from "../domain/price.ts";
import type { TemplateState, VendorTemplate } from "../domain/provider-template.ts";
import type { SanitizedJson, ProviderVerdict } from "./errors.ts";

/** As stored in `provider_accounts.provider` and used in webhook addresses. */
export const PROVIDER_IDS = [
  "fonnte",
  "meta",
  "twilio-sms",
  "twilio-voice",
  "wablas",
  "woowa",
  "zenziva",
  "nusasms",
  "evolution",
  "waha",
  "gowa",
  "smtp",
  "web-push",
  "fcm",
] as const;
export type ProviderId = (typeof PROVIDER_IDS)[number];

/** What can be known and done over this provider and channel: data that planner and policy checks rely on. */
export type Capabilities = {
  readonly receipts: {
    readonly sent: boolean;
    readonly delivered: boolean;
    readonly read: boolean;
    readonly failed: boolean;
  };
  readonly replies: boolean;
  /** A reply carries the id of the message that it quotes. */
  readonly quotes: boolean;
  readonly reactions: boolean;
  readonly buttons: boolean;
  /** The recipient answers by pressing a key during a call. */
  readonly keyPresses: boolean;
  readonly media: boolean;
  readonly location: boolean;
  readonly templates: boolean;
  readonly signedWebhooks: boolean;
  /** A message from a group says which member wrote it. */
  readonly groupMemberIds: boolean;
};

export type MessageLimits = {
  /** Longest text of one message, in UTF-16 units; longer is refused before anything is sent. */
  readonly textCharsMax: number;
  readonly buttonsMax: number;
  readonly buttonTitleCharsMax: number;
};

/** What one message may carry beside its text; `textCharsMax` 0: only without one. */
export type AttachmentLimit = {
  /** Longest text beside it, in UTF-16 units. */
  readonly textCharsMax: number;
  /** Largest file that the vendor takes; null for a place, and where it names none. */
  readonly bytesMax: number | null;
};

/** By kind; null: not at all. */
export type AttachmentLimits = Readonly<Record<Attachment["kind"], AttachmentLimit | null>>;

export const NO_ATTACHMENTS: AttachmentLimits = { image: null, document: null, location: null };

/** What a new account starts with; all of it is a row that an administrator may change. */
export type AccountDefaults = {
  /** Null for a gateway that every installation hosts itself: there the account's own address is needed. */
  readonly baseUrl: string | null;
  readonly pacing: { readonly perSecond: number; readonly minGapSeconds: number };
  /** Least distance between two messages to the same recipient; 0 where the vendor names none. */
  readonly pairGapSeconds: number;
  readonly dailyCap: number | null;
  /** How long `sent` may be missing before the account counts as silent; null where `sent` is never reported. */
  readonly receiptDeadlineSeconds: number | null;
  /** How long one request may take before its outcome counts as unknown. */
  readonly sendTimeoutMs: number;
};

/** One account as the caller loaded it. `credentials` are decrypted: never log or return this object. */
export type AccountContext = {
  readonly accountId: string;
  /** Null for the vendor's own address. */
  readonly baseUrl: string | null;
  /** The sending number (E.164, a Meta phone number id, a messaging service) as the provider's settings describe it. */
  readonly sender: string;
  readonly credentials: Readonly<Record<string, string>>;
  readonly settings: Readonly<Record<string, unknown>>;
};

export type Destination =
  | { readonly kind: "phone"; readonly e164: string }
  | { readonly kind: "group"; readonly groupChatId: string }
  | { readonly kind: "email"; readonly address: string }
  /** One browser, as its push service named it: an address and the keys to encrypt for it (base64url). */
  | {
      readonly kind: "push_subscription";
      readonly endpoint: string;
      readonly p256dh: string;
      readonly auth: string;
    }
  /** One installed app. */
  | { readonly kind: "push_token"; readonly token: string };

/** An approved template and what fills it. `buttonPayloads` fill its quick-reply buttons in order. */
export type MessageTemplate = {
  readonly name: string;
  readonly languageCode: string;
  readonly bodyParameters: readonly string[];
  /** As long as `bodyParameters`; set where the approved text has names instead of numbers. */
  readonly parameterNames?: readonly string[];
  readonly buttonPayloads: readonly string[];
  /** A one-time password, for the button that copies it; of templates that have one. */
  readonly code?: string;
};

export type ReplyButton = { readonly id: string; readonly title: string };

/** A file's bytes, fetched by the caller through its address guard. */
type FileContent = { readonly bytes: Uint8Array; readonly contentType: string };

/** `content` is there for providers whose `attachmentsAs` is "bytes", else null. */
export type Attachment =
  | {
      readonly kind: "image";
      readonly url: string;
      readonly fileName: string;
      readonly content: FileContent | null;
    }
  | {
      readonly kind: "document";
      readonly url: string;
      readonly fileName: string;
      readonly content: FileContent | null;
    }
  | {
      readonly kind: "location";
      readonly latitude: number;
      readonly longitude: number;
      readonly name: string | null;
      readonly address: string | null;
    };

export type MessageLanguage = "id" | "en";

export type OutboundMessage = {
  readonly to: Destination;
  /** The rendered text with its footer. For a call: what is spoken. */
  readonly text: string;
  readonly language: MessageLanguage;
  /** Sent instead of text, buttons and attachment unless the window is known to be open. */
  readonly template?: MessageTemplate;
  /** Shown where the provider has buttons and the window is open; the footer in `text` says the same in words. */
  readonly buttons?: readonly ReplyButton[];
  readonly attachment?: Attachment;
  /** An e-mail's subject, a push message's title; plain text on one line. */
  readonly subject?: string;
  /** Where a click on a push message leads, or an e-mail's button; absolute. */
  readonly link?: string;
  /** Whether the recipient wrote to this account within the last 24 hours. Absent: unknown. */
  readonly isWindowOpen?: boolean;
  /** The text tells a one-time password, which some vendors want to be told. Absent: it does not. */
  readonly tellsCode?: boolean;
};

export type SendOptions = {
  readonly signal: AbortSignal;
  readonly timeoutMs: number;
  /** The delivery's id: given back in receipts where the vendor can carry it, so that a lost answer can be resolved. */
  readonly deliveryKey: string;
  /** This account's own webhook address, secret token included; null when nobody can reach us. */
  readonly webhookUrl: string | null;
  /** How long the vendor may keep the message in its queue; null for the vendor's default. */
  readonly validForSeconds: number | null;
  /** Epoch ms. */
  readonly now: number;
};

export type SendResult = {
  /** Privacy: Meta's ids contain the recipient's number in Base64; keep ids in the database, out of logs and histories. */
  readonly providerMessageId: string;
  /** `accepted`: the vendor took it. `sent`: the vendor handed it on, where the answer proves that. */
  readonly status: "accepted" | "sent";
  /** SMS parts, where the vendor counts them in its answer. */
  readonly segments: number | null;
  /** Accepted, but the vendor may still drop it while it judges the template. */
  readonly isHeldForQuality: boolean;
  /** Without phone numbers, texts and secrets. */
  readonly providerResponse: SanitizedJson;
};

export type Receipt = {
  readonly status: ReceiptKind;
  /** When it happened by the vendor's clock, epoch ms; null when not told. */
  readonly at: number | null;
  /** Set for `failed`. */
  readonly failure: (ProviderVerdict & { readonly vendorCode: string | null }) | null;
};

/** A request from a vendor, exactly as it came. */
export type RawWebhook = {
  readonly method: "GET" | "POST";
  /** The public address that was called, with its query, built from configuration and never from the Host header. */
  readonly url: string;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: Uint8Array;
};

export type WebhookVerdict =
  | { readonly ok: true }
  | {
      readonly ok: false;
      readonly reason:
        | "missing_signature"
        | "wrong_signature"
        | "missing_secret"
        | "wrong_secret"
        | "wrong_account"
        | "wrong_verify_token"
        | "not_configured"
        | "unreadable";
    };

type EventBase = {
  /** The same for every repeat of one event, different for different events of one account. */
  readonly eventKey: string;
};

/** `phone` is E.164; `lid` and `bsuid` are aliases that WhatsApp gives instead of a number. */
export type SenderId =
  | { readonly kind: "phone"; readonly e164: string }
  | { readonly kind: "lid"; readonly id: string }
  | { readonly kind: "bsuid"; readonly id: string };

export type ReceiptEvent = EventBase & {
  readonly kind: "receipt";
  /** Null when only the alias is told. */
  readonly providerMessageId: string | null;
  /** A second id of the same message, tied to the first by a `link` event. */
  readonly alias: string | null;
  /** `SendOptions.deliveryKey`, where the vendor gives it back. */
  readonly deliveryKey: string | null;
  /** Position among the receipts of this message, where the vendor counts; a lower one is older. */
  readonly sequence: number | null;
  /** Whether the vendor billed this message, where it says so. */
  readonly isBilled: boolean | null;
  /** As what it is billed, where the vendor's price list has classes. */
  readonly billingClass?: BillingClass | null;
  /** How long the call lasted, once it is over. */
  readonly callSeconds?: number | null;
  /**
   * Set for a report about one member of a group: every id by which the vendor names the member, the phone first; empty when it names none. It proves nothing of
   * the other members.
   */
  readonly member?: readonly SenderId[];
  readonly receipt: Receipt;
};

/** Ties a vendor's second id of a message to the id that `send` returned. Apply before the receipts of the same request. */
export type LinkEvent = EventBase & {
  readonly kind: "link";
  readonly providerMessageId: string;
  readonly alias: string;
};

/** A file that arrived, kept by reference: nothing is fetched. */
type InboundMedia = {
  /** "image", "voice", or the vendor's own word; "file" when it says none. */
  readonly type: string;
  /** The vendor's address of the file or its media id; null when it gives neither. */
  readonly reference: string | null;
  readonly contentType: string | null;
  readonly fileName: string | null;
};

export type ReplyEvent = EventBase & {
  readonly kind: "reply";
  /** Every id by which the vendor names the writer, the phone first; never empty. In a group: the member. */
  readonly from: readonly [SenderId, ...SenderId[]];
  readonly groupChatId: string | null;
  readonly displayName: string | null;
  readonly text: string;
  readonly quotedMessageId: string | null;
  readonly buttonId: string | null;
  /** The emoji, or "" when a reaction was taken back; null when this is no reaction. */
  readonly reaction: string | null;
  readonly location: { readonly latitude: number; readonly longitude: number } | null;
  readonly media: InboundMedia | null;
  readonly providerEventId: string | null;
  readonly at: number | null;
};

/** A key pressed during a call, believed to be a person's. */
export type KeyPressEvent = EventBase & {
  readonly kind: "keypress";
  readonly callId: string;
  readonly deliveryKey: string | null;
  readonly digit: string;
  readonly answer: "accept" | "refuse";
};

export type AccountStateEvent = EventBase & {
  readonly kind: "account_state";
  readonly state: "connected" | "disconnected" | "banned" | "restricted";
  readonly reason: string | null;
};

export type TemplateStateEvent = EventBase & {
  readonly kind: "template_state";
  readonly name: string;
  readonly languageCode: string;
  readonly state: TemplateState;
};

/** Authentic, but nothing that we know how to use: the caller keeps the raw body and answers as for any other. */
export type UnrecognisedEvent = EventBase & {
  readonly kind: "unrecognised";
  readonly what: string;
};

export type InboundEvent =
  | ReceiptEvent
  | LinkEvent
  | ReplyEvent
  | KeyPressEvent
  | AccountStateEvent
  | TemplateStateEvent
  | UnrecognisedEvent;

export type WebhookAnswer = {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
};

/** What a call needs to go on, as the caller looked it up by the delivery key. */
export type Speech = {
  readonly text: string;
  readonly language: MessageLanguage;
  /** Said instead of the plain thanks after a key press: who was first, for example. */
  readonly reply: string | null;
};

/** Vendors that call us. */
export type WebhookReader = {
  /** Runs on the raw bytes, before any parsing. */
  readonly verify: (request: RawWebhook, account: AccountContext) => WebhookVerdict;
  /** Only for verified requests; never throws. `receivedAt` is epoch ms. */
  readonly parse: (
    request: RawWebhook,
    account: AccountContext,
    receivedAt: number,
  ) => readonly InboundEvent[];
  /** What the vendor expects back once the events are stored: for calls, what is said next. */
  readonly respond: (
    request: RawWebhook,
    account: AccountContext,
    speech: Speech | null,
  ) => WebhookAnswer;
  /** Set for a request whose answer may need the call's text again: the delivery key to look `Speech` up by. */
  readonly speechWanted?: (request: RawWebhook) => string | null;
};

/** How long a side request (not a send) may take, and what may end it early. */
export type CallOptions = {
  readonly signal: AbortSignal;
  readonly timeoutMs: number;
  /** Epoch ms. */
  readonly now: number;
};

export type AccountProbe = {
  readonly state: "connected" | "disconnected" | "banned" | "restricted";
  /** Messages left in the package, where the vendor tells. */
  readonly quotaLeft: number | null;
  /** E.164: the number behind the account's sender, where that is an id of the vendor's and the vendor tells. */
  readonly phoneNumber?: string | null;
  readonly detail: SanitizedJson;
};

export type ProviderGroup = { readonly groupChatId: string; readonly name: string };

export type ProviderGroups = {
  readonly groups: readonly ProviderGroup[];
  /** The number is in no other group now. False where the vendor keeps an older list, or cuts it. */
  readonly isComplete: boolean;
};

export type ProviderTemplate = VendorTemplate & {
  readonly category: string | null;
  /** With its placeholders; null where the vendor doesn't show it. */
  readonly body: string | null;
};

export interface Provider {
  readonly id: ProviderId;
  readonly channel: Channel;
  readonly capabilities: Capabilities;
  /** Where what is possible depends on the account's sender. */
  readonly capabilitiesOf?: (account: Pick<AccountContext, "sender" | "settings">) => Capabilities;
  readonly limits: MessageLimits;
  readonly defaults: AccountDefaults;
  /** Whether this vendor fetches a file by its public address, or is handed its bytes; null where it takes no files. */
  readonly attachmentsAs: "url" | "bytes" | null;
  /** The same for every account; `capabilities` say whether media and locations are carried at all. */
  readonly attachmentLimits: AttachmentLimits;
  readonly credentials: z.ZodType<Readonly<Record<string, string | undefined>>>;
  readonly settings: z.ZodType<Readonly<Record<string, unknown>>>;
  /** Resolves only when the vendor accepted the message; every other end is a ProviderError. */
  readonly send: (
    account: AccountContext,
    message: OutboundMessage,
    options: SendOptions,
  ) => Promise<SendResult>;
  readonly webhook: WebhookReader | null;
  /** What a browser subscribes with, so that this account may push to it; null while the account is not configured. */
  readonly subscriptionKey?: (account: AccountContext) => string | null;
  /** Asks about a message by its id; null when the vendor has nothing final or knows no such message. */
  readonly lookUp?: (
    account: AccountContext,
    providerMessageId: string,
    options: CallOptions,
  ) => Promise<Receipt | null>;
  /**
   * Looks for a message whose answer was lost, by recipient and time; null when there is none. The caller must have sent
   * at most one message to that recipient over this account since `sentAfter` (epoch ms), or take the answer as a hint.
   */
  readonly findLost?: (
    account: AccountContext,
    message: OutboundMessage,
    sentAfter: number,
    options: CallOptions,
  ) => Promise<SendResult | null>;
  /** Ends a call that rings or talks; false when it had ended already. */
  readonly hangUp?: (
    account: AccountContext,
    callId: string,
    options: CallOptions,
  ) => Promise<boolean>;
  /** Asks whether the account could send now, without sending anything. */
  readonly probe?: (account: AccountContext, options: CallOptions) => Promise<AccountProbe>;
  /** Groups that this account's number is a member of; several accounts of one number get the same. */
  readonly listGroups?: (account: AccountContext, options: CallOptions) => Promise<ProviderGroups>;
  readonly listTemplates?: (
    account: AccountContext,
    options: CallOptions,
  ) => Promise<readonly ProviderTemplate[]>;
}
