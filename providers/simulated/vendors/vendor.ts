/**
 * What one simulated vendor is. `read` authenticates and validates a request as the real vendor does and changes nothing;
 * what it would do stands in `accept`. Failures, receipts and inbound messages are written in the vendor's own form, and
 * everything that all vendors have in common (faults, log, network, retries) is done by the callers.
 */
import type { Button, SeenRequest, Vendor } from "../seen.ts";
import type { IncomingHttpHeaders } from "node:http";

import type { Misfortune, Signing } from "../faults.ts";
import type { Handset } from "../phones.ts";
import type { WebhookDraft } from "../webhooks.ts";
import type { Account, Group, Message } from "../world.ts";
import type { Template } from "./meta-account.ts";

export type VendorRequest = {
  readonly method: string;
  /** Without the vendor's prefix. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
};

export type VendorResponse = {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
};

export type Acceptance = {
  readonly response: VendorResponse;
  /** One for each recipient of the request, in order; null where nothing was made for it. */
  readonly providerMessageIds: readonly (string | null)[];
  /** Sends what was made on its way. Early: at once, and resolves when its first receipt has been answered. */
  readonly start: (isEarly: boolean) => Promise<void>;
};

export type Reading = {
  /** One for each recipient; a request without recipients has one too. */
  readonly seen: readonly [SeenRequest, ...SeenRequest[]];
  readonly outcome:
    | {
        readonly kind: "answer";
        readonly response: VendorResponse;
        /** Null when it was carried out. */
        readonly refusedAs: string | null;
      }
    | {
        readonly kind: "accept";
        /** Called at most once, with what befalls each recipient. */
        readonly accept: (misfortunes: readonly Misfortune[]) => Acceptance;
      };
};

/** A failure that a fault asks for, to be told in the vendor's form. */
export type Failure =
  | { readonly kind: "rate_limited"; readonly retryAfterSeconds: number | null }
  | { readonly kind: "server_error"; readonly httpStatus: number }
  | { readonly kind: "unauthorized" }
  | { readonly kind: "banned" }
  | {
      readonly kind: "refused";
      readonly code: string | null;
      /** Null: what the vendor uses for this code. */
      readonly httpStatus: number | null;
      readonly shape: "usual" | "capitalised" | "text" | "detail";
    };

export type ReceiptChange = {
  readonly status: "sent" | "delivered" | "read" | "failed";
  /** In a group: whose phone, E.164; null when it is told for the whole message. */
  readonly member: string | null;
  /** For `failed`: the vendor's code or word. */
  readonly code: string | null;
};

/** What a person did that the business number's owner may learn of. */
export type PersonAct =
  | {
      readonly kind: "text";
      readonly text: string;
      readonly quoted: string | null;
      readonly group: Group | null;
    }
  | {
      readonly kind: "reaction";
      readonly emoji: string;
      readonly messageId: string;
      readonly group: Group | null;
    }
  | {
      readonly kind: "press";
      readonly button: Button;
      readonly message: { readonly id: string; readonly isTemplate: boolean };
    };

export type InboundReport =
  | { readonly kind: "report"; readonly draft: WebhookDraft; readonly providerMessageId: string }
  | { readonly kind: "unreported"; readonly reason: string };

export type VendorSimulator = {
  readonly vendor: Vendor;
  readonly read: (request: VendorRequest) => Promise<Reading>;
  readonly fail: (failure: Failure) => VendorResponse;
  /** The code or word of a delivery that failed without a better reason. */
  readonly failureCodes: {
    readonly typical: string;
    readonly notOnWhatsApp: string;
    readonly notAMember: string;
  };
  /** Empty when the vendor tells nobody. */
  readonly receipts: (
    message: Message,
    change: ReceiptChange,
    signing: Signing,
  ) => readonly WebhookDraft[];
  readonly inbound: (account: Account, handset: Handset, act: PersonAct) => InboundReport;
  /** A message waits because the device is away. */
  readonly queued: (message: Message) => readonly WebhookDraft[];
  readonly deviceChanged: (account: Account, reason: string) => readonly WebhookDraft[];
  readonly templateChanged: (account: Account, template: Template) => readonly WebhookDraft[];
  /** Whether a group message's `delivered` and `read` are told for each member. */
  readonly tellsMembers: boolean;
};

/** A request as the log tells it; what is not named is absent. */
export function seenRequest(
  vendor: Vendor,
  request: VendorRequest,
  account: Account | null,
  fields: Partial<SeenRequest>,
): SeenRequest {
  return {
    vendor,
    accountId: account?.id ?? null,
    sender: account?.config.sender ?? null,
    kind: "other",
    method: request.method,
    path: request.path,
    to: null,
    group: null,
    title: null,
    text: null,
    link: null,
    template: null,
    buttons: [],
    attachment: null,
    deliveryKey: null,
    details: {},
    ...fields,
  };
}

export function jsonResponse(
  status: number,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): VendorResponse {
  return {
    status,
    headers: { "content-type": "application/json; charset=utf-8", ...headers },
    body: JSON.stringify(body),
  };
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Undefined when it is no list. */
export function listOf(value: unknown): readonly unknown[] | undefined {
  return Array.isArray(value) ? value.map((entry: unknown) => entry) : undefined;
}

/** The value of the first parameter in an address's query: by it a client finds its own row again. */
export function firstQueryValue(url: string | null): string | null {
  if (url === null || !URL.canParse(url)) return null;
  for (const [, value] of new URL(url).searchParams) return value;
  return null;
}

export function isWebAddress(text: string): boolean {
  return URL.canParse(text) && /^https?:$/.test(new URL(text).protocol);
}
