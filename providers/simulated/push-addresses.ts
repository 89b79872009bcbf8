/** Browsers and apps that asked to be pushed to. Whose phone they are on is known to the sandbox, not to the sender. */
import { createECDH, randomBytes } from "node:crypto";

import type { Vendor } from "./seen.ts";

export type PushVendor = Extract<Vendor, "web-push" | "fcm">;

export type PushAddress = {
  /** The last part of a browser's address; an app's token. */
  readonly id: string;
  readonly vendor: PushVendor;
  readonly accountId: string;
  /** Where its messages appear, E.164. */
  readonly phone: string;
  /** A browser's own, base64url; null for an app, whose messages only Google encrypts. */
  readonly keys: BrowserKeys | null;
  /** Unsubscribed, or the app was removed. */
  isGone: boolean;
};

export type BrowserKeys = {
  readonly publicKey: string;
  readonly privateKey: string;
  readonly authSecret: string;
};

export function newPushAddress(vendor: PushVendor, accountId: string, phone: string): PushAddress {
  const isBrowser = vendor === "web-push";
  return {
    id: isBrowser ? randomText(32) : `${randomText(16)}:APA91b${randomText(96)}`,
    vendor,
    accountId,
    phone,
    keys: isBrowser ? newBrowserKeys() : null,
    isGone: false,
  };
}

export type Subscription =
  | {
      readonly endpoint: string;
      readonly keys: { readonly p256dh: string; readonly auth: string };
    }
  | { readonly token: string; readonly endpoint?: undefined; readonly keys?: undefined };

/** What the browser or the app hands to whoever wants to push to it. */
export function subscriptionOf(
  address: PushAddress,
  baseUrls: Readonly<Record<Vendor, string>>,
): Subscription {
  if (address.keys === null) return { token: address.id };
  return {
    endpoint: `${baseUrls[address.vendor]}/push/${address.id}`,
    keys: { p256dh: address.keys.publicKey, auth: address.keys.authSecret },
  };
}

function newBrowserKeys(): BrowserKeys {
  const curve = createECDH("prime256v1");
  return {
    publicKey: curve.generateKeys().toString("base64url"),
    privateKey: curve.getPrivateKey().toString("base64url"),
    authSecret: randomText(16),
  };
}

function randomText(bytes: number): string {
  return randomBytes(bytes).toString("base64url");
}
