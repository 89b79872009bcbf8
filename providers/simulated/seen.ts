/** What a vendor sees of one request, in words that all vendors share. */
export const MESSAGE_MEDIA = ["whatsapp", "sms", "email", "push"] as const;
export type Medium = (typeof MESSAGE_MEDIA)[number];
/** By the prefix of its address in the sandbox: how a message of this vendor's appears on a phone. */
const MEDIA = {
  fonnte: "whatsapp",
  meta: "whatsapp",
  twilio: "sms",
  wablas: "whatsapp",
  woowa: "whatsapp",
  zenziva: "sms",
  nusasms: "sms",
  evolution: "whatsapp",
  smtp: "email",
  "web-push": "push",
  fcm: "push",
  waha: "whatsapp",
  gowa: "whatsapp",
} as const satisfies Readonly<Record<string, Medium>>;
export type Vendor = keyof typeof MEDIA;

export function isVendor(text: string): text is Vendor {
  return Object.hasOwn(MEDIA, text);
}

export const VENDORS = Object.keys(MEDIA).filter(isVendor);

export function mediumOf(vendor: Vendor): Medium {
  return MEDIA[vendor];
}

export type Button = { readonly id: string; readonly title: string };
export type TemplateUse = {
  readonly name: string;
  readonly language: string;
  readonly parameters: readonly string[];
  readonly buttonPayloads: readonly string[];
};
export type AttachmentSeen =
  | {
      readonly kind: "image" | "document" | "file";
      readonly url: string | null;
      readonly fileName: string | null;
    }
  | {
      readonly kind: "location";
      readonly latitude: number;
      readonly longitude: number;
      readonly name: string | null;
    };

export const REQUEST_KINDS = ["message", "call", "hangup", "other"] as const;
export type RequestKind = (typeof REQUEST_KINDS)[number];

/** One message, call, hang-up or other request to a vendor. A request with several recipients makes one entry for each. */
export type SeenRequest = {
  readonly vendor: Vendor;
  /** Null when the credentials belong to no registered account. */
  readonly accountId: string | null;
  readonly sender: string | null;
  readonly kind: RequestKind;
  readonly method: string;
  /** Without the vendor's prefix and without query. */
  readonly path: string;
  /** E.164, or what was given where that is no phone number: a mailbox, a browser's address, an app's token. */
  readonly to: string | null;
  readonly group: string | null;
  /** An e-mail's subject, a push message's title. */
  readonly title: string | null;
  readonly text: string | null;
  /** Where a click leads. */
  readonly link: string | null;
  readonly template: TemplateUse | null;
  readonly buttons: readonly Button[];
  readonly attachment: AttachmentSeen | null;
  /** What the client wants back in receipts: Meta's callback data, or the first value in the callback address's query. */
  readonly deliveryKey: string | null;
  /** What else was asked for, by the vendor's own names. */
  readonly details: Readonly<Record<string, string>>;
};
