import { randomBytes } from "node:crypto";
import type pg from "pg";

import type { ReceiptKind } from "../../domain/delivery.ts";
import { EVOLUTION_SECRET_HEADER } from "../../providers/evolution/signature.ts";
import { signFonnteWebhook } from "../../providers/fonnte/signature.ts";
import { GOWA_SIGNATURE_HEADER, signGowaWebhook } from "../../providers/gowa/signature.ts";
import { parseForm, signTwilioWebhook } from "../../providers/twilio/signature.ts";
import {
  signWahaWebhook,
  WAHA_ALGORITHM_HEADER,
  WAHA_SIGNATURE_HEADER,
} from "../../providers/waha/signature.ts";
import { signMetaWebhook } from "../../providers/whatsapp-cloud/signature.ts";
import { insertAccount } from "./rows.ts";

/** Accounts at providers of every kind of proof, and what their vendors would post to the API, signed as each of them signs. */

/** Those that report what became of a message. */
export const PROVIDERS = [
  "fonnte",
  "wablas",
  "evolution",
  "waha",
  "gowa",
  "meta",
  "twilio-sms",
  "twilio-voice",
] as const;
type Reporter = (typeof PROVIDERS)[number];

/** Every provider that has a webhook. */
export const CALLERS = [...PROVIDERS, "woowa"] as const;
export type ProviderName = (typeof CALLERS)[number];

export type VendorAccount = {
  readonly provider: ProviderName;
  readonly id: string;
  readonly channel: string;
  readonly deviceKey: string;
  /** The path of its webhook. */
  readonly path: string;
};

export type VendorPost = {
  readonly path: string;
  readonly body: string;
  readonly headers: Readonly<Record<string, string>>;
};

const SECRET = "rahasia-webhook";
const APP_SECRET = "rahasia-aplikasi";
const AUTH_TOKEN = "rahasia-token";
const VERIFY_TOKEN = "kata-sandi-verifikasi";
const TOKEN = "token-alamat-webhook";
const SENDER = "+6281234000091";
/** The number of every account, as people dial it. */
export const PHONE_SENDER = SENDER;
const INSTANCE = "siaga";
const SESSION = "siaga";
const PHONE_NUMBER_ID = "100000000000093";
const ACCOUNT_SID = `AC${"a".repeat(32)}`;

const SET_UP = {
  fonnte: {
    channel: "whatsapp_personal",
    sender: SENDER,
    credentials: { token: "tOkEn", webhookSecret: SECRET },
  },
  wablas: {
    channel: "whatsapp_personal",
    sender: SENDER,
    credentials: { token: "tOkEn", secretKey: SECRET },
  },
  evolution: {
    channel: "whatsapp_personal",
    sender: SENDER,
    credentials: { apiKey: "kunci", webhookSecret: SECRET },
    settings: { instance: INSTANCE },
  },
  waha: {
    channel: "whatsapp_personal",
    sender: SENDER,
    credentials: { apiKey: "kunci", webhookHmacKey: SECRET },
    settings: { session: SESSION },
  },
  gowa: {
    channel: "whatsapp_personal",
    sender: SENDER,
    credentials: { username: "siaga", password: "kunci", webhookSecret: SECRET },
  },
  woowa: {
    channel: "whatsapp_personal",
    sender: SENDER,
    credentials: { key: "kunci", webhookSecret: SECRET },
    settings: {
      inbound: {
        sender: "from",
        text: "message",
        id: "message_id",
        time: "time",
        name: "name",
        device: "device",
        secret: "secret",
      },
    },
  },
  meta: {
    channel: "whatsapp_personal",
    sender: PHONE_NUMBER_ID,
    credentials: { accessToken: "akses", appSecret: APP_SECRET, verifyToken: VERIFY_TOKEN },
  },
  "twilio-sms": {
    channel: "sms",
    sender: SENDER,
    credentials: { accountSid: ACCOUNT_SID, authToken: AUTH_TOKEN },
  },
  "twilio-voice": {
    channel: "call",
    sender: SENDER,
    credentials: { accountSid: ACCOUNT_SID, authToken: AUTH_TOKEN },
  },
} as const;

export const META_VERIFY_TOKEN = VERIFY_TOKEN;

export async function insertVendorAccount(
  db: pg.Pool,
  provider: ProviderName,
  options: { readonly deviceKey?: string; readonly channel?: string } = {},
): Promise<VendorAccount> {
  const { channel, sender, credentials, ...rest } = SET_UP[provider];
  const deviceKey = options.deviceKey ?? `${provider}:${randomBytes(4).toString("hex")}`;
  const id = await insertAccount(db, {
    provider,
    channel: options.channel ?? channel,
    deviceKey,
    sender,
    credentials,
    ...rest,
    webhookToken: TOKEN,
  });
  return {
    provider,
    id,
    channel: options.channel ?? channel,
    deviceKey,
    path: `/webhooks/${provider}/${id}/${TOKEN}`,
  };
}

/** An id as this vendor gives to messages. */
export function vendorMessageId(provider: ProviderName): string {
  const hex = randomBytes(16).toString("hex");
  switch (provider) {
    case "fonnte":
      return String(80_000_000 + Number.parseInt(hex.slice(0, 6), 16));
    case "wablas":
      return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
    case "evolution":
    case "waha":
    case "gowa":
      return `3EB0${hex.slice(0, 18).toUpperCase()}`;
    case "woowa":
      return hex;
    case "meta":
      return `wamid.${hex}`;
    case "twilio-sms":
      return `SM${hex}`;
    case "twilio-voice":
      return `CA${hex}`;
  }
}

type ReceiptWords = Readonly<Record<string, string | number>>;

/** What each of them reports, in its own words; a state that is not there is never told. */
const RECEIPT_WORDS: Readonly<
  Record<Reporter, Readonly<Partial<Record<ReceiptKind, ReceiptWords>>>>
> = {
  fonnte: {
    sent: { status: "sent" },
    delivered: { status: "sent", state: "delivered" },
    read: { status: "sent", state: "read" },
    failed: { status: "invalid" },
  },
  wablas: {
    sent: { status: "sent" },
    delivered: { status: "received" },
    read: { status: "read" },
    failed: { status: "reject" },
  },
  evolution: {
    sent: { status: "SERVER_ACK" },
    delivered: { status: "DELIVERY_ACK" },
    read: { status: "READ" },
    failed: { status: "ERROR" },
  },
  waha: {
    sent: { ack: 1, ackName: "SERVER" },
    delivered: { ack: 2, ackName: "DEVICE" },
    read: { ack: 3, ackName: "READ" },
    failed: { ack: -1, ackName: "ERROR" },
  },
  // The answer to the send proves `sent`; nothing reports a failure afterwards.
  gowa: {
    delivered: { receipt_type: "delivered" },
    read: { receipt_type: "read" },
  },
  meta: {
    sent: { status: "sent" },
    delivered: { status: "delivered" },
    read: { status: "read" },
    failed: { status: "failed" },
  },
  "twilio-sms": {
    sent: { MessageStatus: "sent" },
    delivered: { MessageStatus: "delivered" },
    read: { MessageStatus: "read" },
    failed: { MessageStatus: "undelivered", ErrorCode: "30005" },
  },
  "twilio-voice": {
    sent: { CallStatus: "ringing" },
    delivered: { CallStatus: "in-progress", AnsweredBy: "human" },
    // A key that is believed proves that the call was heard; see `keyPress`.
    failed: { CallStatus: "failed" },
  },
};

/** States that this vendor reports of a message. */
export function reportedBy(provider: Reporter): readonly ReceiptKind[] {
  const kinds: readonly ReceiptKind[] = ["sent", "delivered", "read", "failed"];
  return kinds.filter((kind) => RECEIPT_WORDS[provider][kind] !== undefined);
}

/** The vendor's report that a message reached this state. */
export function receiptPost(
  account: VendorAccount,
  messageId: string,
  status: ReceiptKind,
  options: { readonly alias?: string; readonly withoutId?: boolean } = {},
): VendorPost {
  if (account.provider === "woowa") throw new Error("Woowa reports nothing of a message");
  const words = RECEIPT_WORDS[account.provider][status];
  if (words === undefined) throw new Error(`${account.provider} never reports ${status}`);
  const texts = Object.fromEntries(
    Object.entries(words).map(([name, value]) => [name, String(value)]),
  );
  switch (account.provider) {
    case "fonnte":
      return fonntePost(account, {
        ...(options.withoutId ? {} : { id: messageId }),
        ...(options.alias ? { stateid: options.alias } : {}),
        ...texts,
      });
    case "wablas":
      return wablasPost(account, { id: messageId, phone: "6281234000001", note: "", ...texts });
    case "waha":
      return wahaPost(account, "message.ack", {
        id: `true_6281234000001@c.us_${messageId}`,
        from: `${SENDER.slice(1)}@c.us`,
        to: "6281234000001@c.us",
        fromMe: true,
        ...words,
      });
    case "gowa":
      return gowaPost(account, "message.ack", {
        ids: [messageId],
        chat_id: "6281234000001@s.whatsapp.net",
        from: "6281234000001@s.whatsapp.net",
        ...words,
      });
    case "evolution":
      return evolutionPost(account, "messages.update", {
        keyId: messageId,
        remoteJid: "6281234000001@s.whatsapp.net",
        fromMe: true,
        participant: null,
        ...words,
      });
    case "meta":
      return metaPost(account, {
        statuses: [
          {
            id: messageId,
            timestamp: "1782000000",
            recipient_id: "6281234000001",
            ...words,
            ...(status === "failed" ? { errors: [{ code: 131026 }] } : {}),
          },
        ],
      });
    case "twilio-sms":
      return twilioPost(account, { MessageSid: messageId, AccountSid: ACCOUNT_SID, ...texts });
    case "twilio-voice":
      return twilioPost(account, { CallSid: messageId, AccountSid: ACCOUNT_SID, ...texts });
  }
}

export function fonntePost(
  account: VendorAccount,
  fields: Readonly<Record<string, string>>,
  secret = SECRET,
): VendorPost {
  return {
    path: account.path,
    body: JSON.stringify(signFonnteWebhook({ device: SENDER.slice(1), ...fields }, secret)),
    headers: { "content-type": "application/json" },
  };
}

/** What proves it is the device's own number. */
export function wablasPost(
  account: VendorAccount,
  fields: Readonly<Record<string, string>>,
  sender = SENDER,
): VendorPost {
  return {
    path: account.path,
    body: JSON.stringify({ ...fields, deviceId: "ABC123", sender: sender.slice(1) }),
    headers: { "content-type": "application/json" },
  };
}

export function evolutionPost(
  account: VendorAccount,
  event: string,
  data: Readonly<Record<string, unknown>>,
  secret = SECRET,
): VendorPost {
  return {
    path: account.path,
    body: JSON.stringify({ event, instance: INSTANCE, data }),
    headers: { "content-type": "application/json", [EVOLUTION_SECRET_HEADER]: secret },
  };
}

export function wahaPost(
  account: VendorAccount,
  event: string,
  payload: Readonly<Record<string, unknown>>,
  hmacKey = SECRET,
): VendorPost {
  const body = JSON.stringify({ event, session: SESSION, timestamp: 1_782_000_000_000, payload });
  return {
    path: account.path,
    body,
    headers: {
      "content-type": "application/json",
      [WAHA_ALGORITHM_HEADER]: "sha512",
      [WAHA_SIGNATURE_HEADER]: signWahaWebhook(body, hmacKey),
    },
  };
}

export function gowaPost(
  account: VendorAccount,
  event: string,
  payload: Readonly<Record<string, unknown>>,
  secret = SECRET,
): VendorPost {
  const body = JSON.stringify({
    event,
    device_id: `${SENDER.slice(1)}@s.whatsapp.net`,
    timestamp: "2026-06-21T00:00:00Z",
    payload,
  });
  return {
    path: account.path,
    body,
    headers: {
      "content-type": "application/json",
      [GOWA_SIGNATURE_HEADER]: signGowaWebhook(body, secret),
    },
  };
}

/** In the fields that the account's mapping names. */
export function woowaPost(
  account: VendorAccount,
  fields: Readonly<Record<string, string>>,
  secret: string | null = SECRET,
): VendorPost {
  return {
    path: account.path,
    body: JSON.stringify({
      device: SENDER.slice(1),
      ...(secret === null ? {} : { secret }),
      ...fields,
    }),
    headers: { "content-type": "application/json" },
  };
}

/** Any request that this vendor makes about a message of ours or to us. */
export function anyPost(account: VendorAccount, messageId: string): VendorPost {
  return account.provider === "woowa"
    ? woowaPost(account, {
        from: "6281234000001",
        message: "halo",
        message_id: messageId,
        time: "1782000000",
      })
    : receiptPost(account, messageId, "delivered");
}

export function metaPost(
  account: VendorAccount,
  value: Readonly<Record<string, unknown>>,
  options: { readonly appSecret?: string; readonly field?: string } = {},
): VendorPost {
  const body = JSON.stringify({
    object: "whatsapp_business_account",
    entry: [
      {
        id: "200000000000093",
        changes: [
          {
            field: options.field ?? "messages",
            value: {
              messaging_product: "whatsapp",
              metadata: {
                display_phone_number: "6281234000093",
                phone_number_id: PHONE_NUMBER_ID,
              },
              ...value,
            },
          },
        ],
      },
    ],
  });
  return {
    path: account.path,
    body,
    headers: {
      "content-type": "application/json",
      "x-hub-signature-256": signMetaWebhook(body, options.appSecret ?? APP_SECRET),
    },
  };
}

export function twilioPost(
  account: VendorAccount,
  fields: Readonly<Record<string, string>>,
  options: {
    readonly query?: string;
    readonly authToken?: string;
    readonly publicUrl?: string;
  } = {},
): VendorPost {
  const body = new URLSearchParams(fields).toString();
  const path = `${account.path}${options.query ?? ""}`;
  const url = `${options.publicUrl ?? "https://siaga.test"}${path}`;
  return {
    path,
    body,
    headers: {
      "content-type": "application/x-www-form-urlencoded",
      "x-twilio-signature": signTwilioWebhook(
        url,
        parseForm(body),
        options.authToken ?? AUTH_TOKEN,
      ),
    },
  };
}

/** The request that follows a round of a call: a key, or none. */
export function gatherPost(
  account: VendorAccount,
  callId: string,
  key: {
    readonly digits: string;
    readonly deliveryId: string;
    readonly answeredBy?: string;
    readonly isConfirming?: boolean;
  },
): VendorPost {
  const confirm = key.isConfirming ? "&confirm=1" : "";
  return twilioPost(
    account,
    {
      CallSid: callId,
      AccountSid: ACCOUNT_SID,
      CallStatus: "in-progress",
      Digits: key.digits,
      ...(key.answeredBy ? { AnsweredBy: key.answeredBy } : {}),
    },
    { query: `?delivery=${key.deliveryId}&round=0&language=id${confirm}` },
  );
}

/** The same request with another secret, as somebody would send it who does not know the right one. */
export function forged(account: VendorAccount, messageId: string): VendorPost {
  switch (account.provider) {
    case "fonnte":
      return fonntePost(account, { id: messageId, status: "sent" }, "another secret");
    case "wablas":
      return wablasPost(account, { id: messageId, status: "sent" }, "+6281234000098");
    case "evolution":
      return evolutionPost(
        account,
        "messages.update",
        { keyId: messageId, fromMe: true, status: "READ" },
        "another secret",
      );
    case "waha":
      return wahaPost(
        account,
        "message.ack",
        { id: `true_6281234000001@c.us_${messageId}`, fromMe: true, ack: 3 },
        "another secret",
      );
    case "gowa":
      return gowaPost(
        account,
        "message.ack",
        { ids: [messageId], receipt_type: "read" },
        "another secret",
      );
    case "woowa":
      return woowaPost(
        account,
        { from: "6281234000001", message: "halo", message_id: messageId },
        "another secret",
      );
    case "meta":
      return metaPost(
        account,
        { statuses: [{ id: messageId, status: "read", timestamp: "1782000000" }] },
        { appSecret: "another secret" },
      );
    case "twilio-sms":
      return twilioPost(
        account,
        { MessageSid: messageId, MessageStatus: "delivered" },
        { authToken: "another secret" },
      );
    case "twilio-voice":
      return twilioPost(
        account,
        { CallSid: messageId, CallStatus: "ringing" },
        { authToken: "another secret" },
      );
  }
}
