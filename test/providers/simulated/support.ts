/**
 * What the tests of the simulated vendors share: a client's webhook receiver, registered accounts, and requests as the
 * vendors' clients make them.
 */
import { createSign } from "node:crypto";
import http from "node:http";
import type { AddressInfo } from "node:net";

import { expect, onTestFinished } from "vitest";
import webPush from "web-push";

import { subscriptionOf } from "../../../providers/simulated/push-addresses.ts";
import type { PushAddress } from "../../../providers/simulated/push-addresses.ts";
import { startSimulatedVendors } from "../../../providers/simulated/server.ts";
import { makeServiceAccount } from "../../../providers/simulated/vendors/fcm-account.ts";
import type { ServerOptions, SimulatedVendors } from "../../../providers/simulated/server.ts";

export const BUDI = "+6281234000001";
export const SARI = "+6281234000002";
export const GROUP_ID = "120363020000000001@g.us";

/** Matchers, as values that are not `any`. */
export const SOME_TEXT: unknown = expect.any(String);
export const SOME_NUMBER: unknown = expect.any(Number);
export function textLike(pattern: RegExp): unknown {
  return expect.stringMatching(pattern);
}

export type Received = {
  readonly method: string;
  readonly url: string;
  readonly path: string;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
  readonly json: Record<string, unknown>;
  readonly form: Record<string, string>;
};

export type ReceiverAnswer = {
  readonly status: number;
  readonly contentType?: string;
  readonly body?: string;
};

export type Receiver = {
  readonly url: string;
  readonly received: readonly Received[];
  /** Decides what is answered from now on; a promise holds the answer back. */
  answerWith: (decide: (request: Received) => ReceiverAnswer | Promise<ReceiverAnswer>) => void;
  /** The first `count` requests that match, past or to come. */
  waitFor: (count: number, matches?: (request: Received) => boolean) => Promise<Received[]>;
};

export async function startReceiver(): Promise<Receiver> {
  const received: Received[] = [];
  const listeners = new Set<() => void>();
  let decide: (request: Received) => ReceiverAnswer | Promise<ReceiverAnswer> = () => ({
    status: 200,
  });
  const server = http.createServer((request, response) => {
    void (async () => {
      const chunks: Buffer[] = [];
      for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
      const body = Buffer.concat(chunks).toString("utf8");
      const entry: Received = {
        method: request.method ?? "",
        url: `${url}${request.url ?? ""}`,
        path: request.url ?? "",
        headers: request.headers,
        body,
        json: parse(body),
        form: Object.fromEntries(new URLSearchParams(body)),
      };
      received.push(entry);
      for (const listener of [...listeners]) listener();
      const { body: text = "", contentType = "text/plain", status } = await decide(entry);
      response.writeHead(status, { "content-type": contentType }).end(text);
    })();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return {
    url,
    received,
    answerWith: (next) => {
      decide = next;
    },
    waitFor: (count, matches = () => true) =>
      new Promise((resolve, reject) => {
        const timer = setTimeout(() => {
          listeners.delete(look);
          reject(new Error(`expected ${count} webhooks, ${received.filter(matches).length} came`));
        }, 5_000);
        const look = (): void => {
          const found = received.filter(matches);
          if (found.length < count) return;
          clearTimeout(timer);
          listeners.delete(look);
          resolve(found.slice(0, count));
        };
        listeners.add(look);
        look();
      }),
  };
}

/** A hundredth of real time, unless a test says otherwise; closed with the test. */
export async function startVendors(options: ServerOptions = {}): Promise<SimulatedVendors> {
  const vendors = await startSimulatedVendors({ timeScale: 0.01, ...options });
  onTestFinished(() => vendors.close());
  return vendors;
}

export const FONNTE_TOKEN = "fonnte-device-token";
export const FONNTE_DEVICE = "6281234000900";

export function registerFonnte(vendors: SimulatedVendors, webhookUrl: string | null = null): void {
  vendors.sandbox.registerAccount({
    vendor: "fonnte",
    sender: FONNTE_DEVICE,
    credentials: { token: FONNTE_TOKEN, webhookSecret: "fonnte-secret" },
    webhookUrl,
  });
  vendors.sandbox.setGroup({
    id: GROUP_ID,
    name: "Teknisi Karawang",
    members: [BUDI, SARI],
    accounts: [FONNTE_DEVICE],
  });
}

export type Answer = {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly json: Record<string, unknown>;
};

export async function request(url: string, init: RequestInit = {}): Promise<Answer> {
  const response = await fetch(url, init);
  const text = await response.text();
  return { status: response.status, headers: response.headers, text, json: parse(text) };
}

export function sendByFonnte(
  vendors: SimulatedVendors,
  fields: Readonly<Record<string, string>>,
  options: { readonly path?: string; readonly token?: string } = {},
): Promise<Answer> {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.set(name, value);
  return request(`${vendors.baseUrls.fonnte}${options.path ?? "/send"}`, {
    method: "POST",
    headers: { authorization: options.token ?? FONNTE_TOKEN },
    body: form,
  });
}

export const WABLAS_DEVICE = "6281234000910";
export const WABLAS_TOKEN = "wablas-device-token";
export const WABLAS_SECRET = "wablas-secret-key";

export function registerWablas(vendors: SimulatedVendors, webhookUrl: string | null = null): void {
  vendors.sandbox.registerAccount({
    vendor: "wablas",
    sender: WABLAS_DEVICE,
    credentials: { token: WABLAS_TOKEN, secretKey: WABLAS_SECRET },
    webhookUrl,
  });
  vendors.sandbox.setGroup({
    id: GROUP_ID,
    name: "Teknisi Karawang",
    members: [BUDI, SARI],
    accounts: [WABLAS_DEVICE],
  });
}

export function sendByWablas(
  vendors: SimulatedVendors,
  body: unknown,
  options: { readonly path?: string; readonly authorization?: string } = {},
): Promise<Answer> {
  return request(`${vendors.baseUrls.wablas}${options.path ?? "/api/v2/send-message"}`, {
    method: "POST",
    headers: {
      authorization: options.authorization ?? `${WABLAS_TOKEN}.${WABLAS_SECRET}`,
      "content-type": "application/json",
    },
    body: JSON.stringify(body),
  });
}

export const WOOWA_NUMBER = "6281234000911";
export const WOOWA_KEY = "woowa-api-key";
/** What inbound messages call their fields in these tests, at both ends. */
export const WOOWA_FIELDS = {
  sender: "from",
  text: "text",
  id: "id",
  group: "group",
  writer: "member",
  name: "name",
  time: "time",
  device: "device",
  secret: "secret",
} as const;

export function registerWoowa(vendors: SimulatedVendors, webhookUrl: string | null = null): void {
  vendors.sandbox.registerAccount({
    vendor: "woowa",
    sender: WOOWA_NUMBER,
    credentials: { key: WOOWA_KEY, webhookSecret: "woowa-secret" },
    webhookUrl,
    inbound: WOOWA_FIELDS,
  });
  vendors.sandbox.setGroup({
    id: GROUP_ID,
    name: "Teknisi Karawang",
    members: [BUDI, SARI],
    accounts: [WOOWA_NUMBER],
  });
}

export function sendByWoowa(
  vendors: SimulatedVendors,
  body: object,
  options: { readonly path?: string } = {},
): Promise<Answer> {
  return request(`${vendors.baseUrls.woowa}${options.path ?? "/send_message"}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ key: WOOWA_KEY, ...body }),
  });
}

export const META_NUMBER_ID = "106540352242922";
export const META_WABA_ID = "102290129340398";
export const META_TOKEN = "meta-access-token";
export const META_APP_SECRET = "meta-app-secret";

export function registerMeta(vendors: SimulatedVendors, webhookUrl: string | null = null): void {
  vendors.sandbox.registerAccount({
    vendor: "meta",
    sender: "6281234000901",
    credentials: {
      accessToken: META_TOKEN,
      appSecret: META_APP_SECRET,
      verifyToken: "meta-verify-token",
    },
    phoneNumberId: META_NUMBER_ID,
    wabaId: META_WABA_ID,
    webhookUrl,
    templates: [
      {
        name: "alarm_ack_v1",
        language: "id",
        body: "Alarm {{1}}: {{2}}",
        buttons: ["Terima", "Eskalasi"],
      },
      {
        name: "login_code",
        language: "id",
        category: "AUTHENTICATION",
        body: "*{{1}}* adalah kode verifikasi Anda.",
        copyCode: true,
      },
    ],
  });
}

export function sendByMeta(
  vendors: SimulatedVendors,
  body: unknown,
  options: { readonly token?: string; readonly path?: string } = {},
): Promise<Answer> {
  return request(`${vendors.baseUrls.meta}${options.path ?? `/v23.0/${META_NUMBER_ID}/messages`}`, {
    method: "POST",
    headers: {
      authorization: `Bearer ${options.token ?? META_TOKEN}`,
      "content-type": "application/json",
    },
    body: JSON.stringify(body),
  });
}

export function metaText(to: string, text: string): Record<string, unknown> {
  return { messaging_product: "whatsapp", to, type: "text", text: { body: text } };
}

/** The person writes first, which opens the 24-hour window. */
export async function openWindow(vendors: SimulatedVendors, phone: string): Promise<void> {
  await vendors.sandbox.people.reply(phone, { text: "Halo", account: "6281234000901" });
}

export const TWILIO_SID = `AC${"0".repeat(31)}1`;
export const TWILIO_TOKEN = "twilio-auth-token";
export const TWILIO_NUMBER = "+6281234000902";
export const TWILIO_SERVICE = `MG${"0".repeat(32)}`;

export function registerTwilio(vendors: SimulatedVendors, webhookUrl: string | null = null): void {
  vendors.sandbox.registerAccount({
    vendor: "twilio",
    sender: TWILIO_NUMBER,
    credentials: { accountSid: TWILIO_SID, authToken: TWILIO_TOKEN },
    messagingServiceSid: TWILIO_SERVICE,
    webhookUrl,
  });
}

export const EVOLUTION_NUMBER = "6281234000910";
export const EVOLUTION_KEY = "evolution-instance-token";
export const EVOLUTION_SECRET = "evolution-webhook-secret";
export const EVOLUTION_INSTANCE = "site a";

export function registerEvolution(
  vendors: SimulatedVendors,
  webhookUrl: string | null = null,
  changes: {
    readonly release?: "2.3.6" | "2.3.7" | "2.4.0-rc2";
    readonly hasLicence?: boolean;
    readonly webhookAuth?: "header" | "jwt";
  } = {},
): void {
  vendors.sandbox.registerAccount({
    vendor: "evolution",
    sender: EVOLUTION_NUMBER,
    instance: EVOLUTION_INSTANCE,
    credentials: { apiKey: EVOLUTION_KEY, webhookSecret: EVOLUTION_SECRET },
    webhookUrl,
    ...changes,
  });
  vendors.sandbox.setGroup({
    id: GROUP_ID,
    name: "Teknisi Karawang",
    members: [BUDI, SARI],
    accounts: [EVOLUTION_NUMBER],
  });
}

export function askEvolution(
  vendors: SimulatedVendors,
  path: string,
  body: unknown,
  options: { readonly key?: string; readonly instance?: string; readonly query?: string } = {},
): Promise<Answer> {
  const instance = encodeURIComponent(options.instance ?? EVOLUTION_INSTANCE);
  return request(`${vendors.baseUrls.evolution}${path}/${instance}${options.query ?? ""}`, {
    method: body === null ? "GET" : "POST",
    headers: { apikey: options.key ?? EVOLUTION_KEY, "content-type": "application/json" },
    ...(body === null ? {} : { body: JSON.stringify(body) }),
  });
}

export const ZENZIVA_KEYS = { userkey: "zenziva-userkey", passkey: "zenziva-passkey" };

export function registerZenziva(vendors: SimulatedVendors, balance = 100_000): void {
  vendors.sandbox.registerAccount({
    vendor: "zenziva",
    sender: "ZENZIVA",
    credentials: ZENZIVA_KEYS,
    balance,
  });
}

export const NUSASMS_LOGIN = { user: "nusasms-user", password: "nusasms-password" };

export function registerNusasms(vendors: SimulatedVendors): void {
  vendors.sandbox.registerAccount({
    vendor: "nusasms",
    sender: "NUSASMS",
    credentials: NUSASMS_LOGIN,
    maskingNames: ["SIAGA"],
  });
}

export function twilioRequest(
  vendors: SimulatedVendors,
  path: string,
  fields: readonly (readonly [string, string])[] | null,
  credentials = `${TWILIO_SID}:${TWILIO_TOKEN}`,
): Promise<Answer> {
  const authorization = `Basic ${Buffer.from(credentials).toString("base64")}`;
  return request(
    `${vendors.baseUrls.twilio}/2010-04-01/Accounts/${TWILIO_SID}${path}`,
    fields === null
      ? { headers: { authorization } }
      : {
          method: "POST",
          headers: { authorization },
          body: new URLSearchParams(fields.map(([name, value]): [string, string] => [name, value])),
        },
  );
}

export function sendByTwilio(
  vendors: SimulatedVendors,
  fields: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  const all = { To: BUDI, From: TWILIO_NUMBER, Body: "Alarm", ...fields };
  return twilioRequest(vendors, "/Messages.json", Object.entries(all));
}

export const WAHA_NUMBER = "6281234000911";
export const WAHA_API_KEY = "waha-api-key";
export const WAHA_HMAC_KEY = "waha-hmac-key";

export function registerWaha(
  vendors: SimulatedVendors,
  webhookUrl: string | null = null,
  engine: "NOWEB" | "GOWS" | "WEBJS" = "GOWS",
): void {
  vendors.sandbox.registerAccount({
    vendor: "waha",
    sender: WAHA_NUMBER,
    credentials: { apiKey: WAHA_API_KEY, webhookHmacKey: WAHA_HMAC_KEY },
    engine,
    webhookUrl,
  });
  vendors.sandbox.setGroup({
    id: GROUP_ID,
    name: "Teknisi Karawang",
    members: [BUDI, SARI],
    accounts: [WAHA_NUMBER],
  });
}

/** POST with a body, GET without one. */
export function askWaha(
  vendors: SimulatedVendors,
  path: string,
  body: unknown = null,
  apiKey = WAHA_API_KEY,
): Promise<Answer> {
  return request(`${vendors.baseUrls.waha}${path}`, {
    method: body === null ? "GET" : "POST",
    headers: { "x-api-key": apiKey, "content-type": "application/json" },
    ...(body === null ? {} : { body: JSON.stringify(body) }),
  });
}

export const GOWA_NUMBER = "6281234000912";
export const GOWA_SECRET = "gowa-webhook-secret";
export const GOWA_LOGIN = { username: "siaga", password: "gowa-password" } as const;
export const GOWA_DEVICE = "site_a";

export function registerGowa(vendors: SimulatedVendors, webhookUrl: string | null = null): void {
  vendors.sandbox.registerAccount({
    vendor: "gowa",
    sender: GOWA_NUMBER,
    credentials: { ...GOWA_LOGIN, webhookSecret: GOWA_SECRET },
    deviceId: GOWA_DEVICE,
    webhookUrl,
  });
  vendors.sandbox.setGroup({
    id: GROUP_ID,
    name: "Teknisi Karawang",
    members: [BUDI, SARI],
    accounts: [GOWA_NUMBER],
  });
}

/** POST with JSON or a form, GET without a body. */
export function askGowa(
  vendors: SimulatedVendors,
  path: string,
  body: FormData | Readonly<Record<string, unknown>> | null = null,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  const pair = Buffer.from(`${GOWA_LOGIN.username}:${GOWA_LOGIN.password}`).toString("base64");
  const isForm = body instanceof FormData;
  return request(`${vendors.baseUrls.gowa}${path}`, {
    method: body === null ? "GET" : "POST",
    headers: {
      authorization: `Basic ${pair}`,
      ...(isForm || body === null ? {} : { "content-type": "application/json" }),
      ...headers,
    },
    ...(body === null ? {} : { body: isForm ? body : JSON.stringify(body) }),
  });
}

export const SMTP_LOGIN = { user: "siaga-kirim", password: "kata-sandi-pos" };
export const SMTP_SENDER = "alarm@alerts.example.id";

export function registerSmtp(vendors: SimulatedVendors): void {
  vendors.sandbox.registerAccount({
    vendor: "smtp",
    sender: SMTP_SENDER,
    credentials: SMTP_LOGIN,
  });
}

export const VAPID_SUBJECT = "mailto:noc@siaga.example";

/** Who may push, and one browser on this phone that lets him. */
export function registerWebPush(vendors: SimulatedVendors, phone = BUDI) {
  const vapid = webPush.generateVAPIDKeys();
  const account = vendors.sandbox.registerAccount({
    vendor: "web-push",
    sender: VAPID_SUBJECT,
    credentials: vapid,
  });
  const address = vendors.sandbox.subscribe(account.id, phone);
  return { vapid, address, subscription: subscriptionOf(address, vendors.baseUrls) };
}

/** Slow to make, so one for all tests of a file. */
const SERVICE_ACCOUNT = makeServiceAccount("siaga-simulated");

export function registerFcm(vendors: SimulatedVendors) {
  vendors.sandbox.registerAccount({
    vendor: "fcm",
    sender: "siaga-simulated",
    credentials: { serviceAccount: SERVICE_ACCOUNT },
  });
  return { projectId: "siaga-simulated", serviceAccount: SERVICE_ACCOUNT };
}

/** A push message as the library writes it, which is not how our adapter sends it. */
export function pushTo(
  vendors: SimulatedVendors,
  address: PushAddress,
  vapid: { readonly publicKey: string; readonly privateKey: string },
  payload: unknown,
  options: {
    readonly ttl?: string;
    readonly urgency?: string;
    readonly topic?: string;
    readonly subject?: string;
    readonly headers?: Readonly<Record<string, string>>;
  } = {},
): Promise<Answer> {
  const { endpoint, keys } = subscriptionOf(address, vendors.baseUrls);
  if (endpoint === undefined) throw new Error("a browser has an address");
  const details = webPush.generateRequestDetails({ endpoint, keys }, JSON.stringify(payload), {
    TTL: Number(options.ttl ?? 60),
    vapidDetails: { subject: options.subject ?? VAPID_SUBJECT, ...vapid },
    ...(options.urgency === "high" ? { urgency: "high" as const } : {}),
    ...(options.topic === undefined ? {} : { topic: options.topic }),
  });
  const headers = Object.fromEntries(
    Object.entries({ ...details.headers }).map(([name, value]) => [name.toLowerCase(), value]),
  );
  return request(endpoint, {
    method: "POST",
    headers: { ...headers, ...options.headers },
    body: new Uint8Array(details.body),
  });
}

/** An access token, as a client gets one with its key file. */
export async function signInAtFcm(
  vendors: SimulatedVendors,
  changes: Readonly<Record<string, unknown>> = {},
): Promise<string> {
  const { serviceAccount } = registerFcm(vendors);
  const file = JSON.parse(serviceAccount) as Record<string, string>;
  const now = Math.floor(Date.now() / 1_000);
  const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");
  const signed = `${part({ alg: "RS256", typ: "JWT" })}.${part({
    iss: file["client_email"],
    scope: "https://www.googleapis.com/auth/firebase.messaging",
    aud: `${vendors.baseUrls.fcm}/token`,
    iat: now,
    exp: now + 3_600,
    ...changes,
  })}`;
  const signature = createSign("RSA-SHA256")
    .update(signed)
    .sign(file["private_key"] ?? "");
  const answer = await request(`${vendors.baseUrls.fcm}/token`, {
    method: "POST",
    body: new URLSearchParams({
      grant_type: "urn:ietf:params:oauth:grant-type:jwt-bearer",
      assertion: `${signed}.${signature.toString("base64url")}`,
    }),
  });
  return String(answer.json["access_token"] ?? answer.json["error"]);
}

export function sendByFcm(
  vendors: SimulatedVendors,
  token: string,
  body: unknown,
  project = "siaga-simulated",
): Promise<Answer> {
  return request(`${vendors.baseUrls.fcm}/v1/projects/${project}/messages:send`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: JSON.stringify(body),
  });
}

/** The object at this place of a JSON answer, however deep. */
export function at(value: unknown, ...path: readonly (string | number)[]): unknown {
  let current = value;
  for (const key of path) {
    if (typeof current !== "object" || current === null) return undefined;
    current = Reflect.get(current, key);
  }
  return current;
}

function parse(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
