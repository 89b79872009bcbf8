import https from "node:https";
import net from "node:net";

import { deleteApp, initializeApp } from "firebase-admin/app";
import type { Credential } from "firebase-admin/app";
import { getMessaging } from "firebase-admin/messaging";
import type { Message } from "firebase-admin/messaging";
import { describe, expect, it, onTestFinished } from "vitest";

import { createAccessTokens } from "../../providers/fcm/access-token.ts";
import { readServiceAccount } from "../../providers/fcm/config.ts";
import { createFcmProviders } from "../../providers/fcm/index.ts";
import { createHttpClient } from "../../providers/http.ts";
import type { HttpAnswer, HttpCall, HttpRequest } from "../../providers/http.ts";
import type { AccountContext, OutboundMessage, Provider } from "../../providers/provider.ts";
import { makeServiceAccount } from "../../providers/simulated/vendors/fcm-account.ts";
import { NOW, answer, providerErrorOf, runConformance, sendOptions } from "./conformance.ts";
import { BUDI, registerFcm, startVendors } from "./simulated/support.ts";

const PROJECT = "siaga-alarm-1";
const KEY_FILE = makeServiceAccount(PROJECT);

const account = (baseUrl: string): AccountContext => ({
  accountId: "acc_1",
  baseUrl,
  sender: PROJECT,
  credentials: { serviceAccount: KEY_FILE },
  settings: { androidChannelId: "alarm" },
});

const toApp: OutboundMessage = {
  to: { kind: "push_token", token: "eX4mPl3:APA91b-abc_DEF" },
  text: "Tiang ODP roboh di Klari",
  language: "id",
};

function create(httpCall: HttpCall): Provider {
  const [found] = createFcmProviders(httpCall);
  if (found === undefined) throw new Error("there is one");
  return found;
}

type Json = Readonly<Record<string, unknown>>;
const jsonIn = (body: Uint8Array | string | null): Json =>
  JSON.parse(Buffer.from(body ?? "").toString("utf8")) as Json;

runConformance({
  title: "fcm",
  create,
  account,
  message: toApp,
  messageElsewhere: { ...toApp, to: { kind: "phone", e164: "+6281234000001" } },
  aside: ({ path }) =>
    path === "/token"
      ? answer(200, { access_token: "ya29.token", expires_in: 3599, token_type: "Bearer" })
      : null,
  fixtures: {
    requests: "fcm/requests.json",
    successes: "fcm/successes.json",
    failures: "fcm/failures.json",
    webhooks: null,
  },
  textIn: ({ body }) =>
    String((jsonIn(body)["message"] as { notification: Json }).notification["body"]),
  expectRequest: (request, expected) => {
    expect(jsonIn(request.body)).toEqual(expected.json);
    expect(request.headers.authorization).toBe("Bearer ya29.token");
  },
  refusalQuoting: (words) =>
    answer(400, {
      error: { code: 400, message: words.join(" "), status: words[0], details: words },
    }),
  skip: [],
});

/** FCM and its sign-in as functions; what was asked is kept. */
function scripted(answers: readonly HttpAnswer[]): {
  readonly call: HttpCall;
  readonly asked: HttpRequest[];
} {
  const asked: HttpRequest[] = [];
  const left = [...answers];
  return {
    asked,
    call: (request) => {
      asked.push(request);
      return Promise.resolve(left.shift() ?? plain(500, "nothing more"));
    },
  };
}

function plain(status: number, body: unknown): HttpAnswer {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  return { status, headers: {}, body: text, isComplete: true };
}

const TOKEN = plain(200, { access_token: "ya29.first", expires_in: 3_600 });
const NEW_TOKEN = plain(200, { access_token: "ya29.second", expires_in: 3_600 });
const TAKEN = plain(200, { name: "projects/siaga-alarm-1/messages/1" });
const EXPIRED = plain(401, { error: { code: 401, status: "UNAUTHENTICATED" } });

describe("fcm's access tokens", () => {
  it("are asked for once an hour, and not in the last minutes of one", async () => {
    const { asked, call } = scripted([TOKEN, TAKEN, TAKEN, NEW_TOKEN, TAKEN]);
    const provider = create(call);
    const at = [NOW, NOW + 54 * 60_000, NOW + 55 * 60_000];
    for (const now of at) await provider.send(account("http://x"), toApp, sendOptions({ now }));
    expect(asked.map(({ url }) => url.replace(/.*\//, ""))).toEqual([
      "token",
      "messages:send",
      "messages:send",
      "token",
      "messages:send",
    ]);
    expect(asked[4]?.headers["authorization"]).toBe("Bearer ya29.second");
  });

  it("are asked for at Google with a statement that the key has signed", async () => {
    const { asked, call } = scripted([TOKEN, TAKEN]);
    await create(call).send({ ...account(""), baseUrl: null }, toApp, sendOptions());
    expect(asked.map(({ url }) => url)).toEqual([
      "https://oauth2.googleapis.com/token",
      "https://fcm.googleapis.com/v1/projects/siaga-alarm-1/messages:send",
    ]);
    const form = new URLSearchParams(String(asked[0]?.body));
    const [header = "", claims = ""] = (form.get("assertion") ?? "").split(".");
    expect(form.get("grant_type")).toBe("urn:ietf:params:oauth:grant-type:jwt-bearer");
    expect(jsonIn(Buffer.from(header, "base64url"))).toMatchObject({ alg: "RS256" });
    expect(jsonIn(Buffer.from(claims, "base64url"))).toEqual({
      iss: `siaga@${PROJECT}.iam.gserviceaccount.com`,
      scope: "https://www.googleapis.com/auth/firebase.messaging",
      aud: "https://oauth2.googleapis.com/token",
      iat: NOW / 1_000,
      exp: NOW / 1_000 + 3_600,
    });
  });

  it("that are refused are forgotten, and the refused message is not repeated", async () => {
    const { asked, call } = scripted([TOKEN, EXPIRED, NEW_TOKEN, TAKEN]);
    const provider = create(call);
    const error = await providerErrorOf(provider.send(account("http://x"), toApp, sendOptions()));
    expect(error).toMatchObject({ kind: "unauthorized", scope: "account", reason: "credentials" });
    expect(asked).toHaveLength(2);
    await provider.send(account("http://x"), toApp, sendOptions());
    expect(asked[3]?.headers["authorization"]).toBe("Bearer ya29.second");
  });

  it.each([
    [
      plain(400, { error: "invalid_grant", error_description: "x" }),
      "unauthorized",
      "a revoked key",
    ],
    [plain(401, { error: "invalid_client" }), "unauthorized", "an unknown key"],
    [plain(429, ""), "rate_limited", "too many"],
    [plain(500, "oops"), "unavailable", "a fault"],
    [plain(200, "{}"), "malformed", "no token"],
    [plain(200, "<html>"), "malformed", "a page"],
    [plain(302, ""), "malformed", "a redirection"],
  ])("%j that do not come leave nothing sent: %s (%s)", async (refusal, kind) => {
    const { asked, call } = scripted([refusal]);
    const error = await providerErrorOf(
      create(call).send(account("http://x"), toApp, sendOptions()),
    );
    expect(error).toMatchObject({ kind, scope: "account", surelyNotSent: true });
    expect(asked).toHaveLength(1);
  });

  it("of different accounts are kept apart", async () => {
    const { asked, call } = scripted([TOKEN, TAKEN, NEW_TOKEN, TAKEN]);
    const provider = create(call);
    await provider.send(account("http://x"), toApp, sendOptions());
    const other = {
      ...account("http://x"),
      credentials: { serviceAccount: makeServiceAccount(PROJECT) },
    };
    await provider.send(other, toApp, sendOptions());
    expect(asked[3]?.headers["authorization"]).toBe("Bearer ya29.second");
  });
});

describe("fcm", () => {
  it.each([
    ["no JSON", "kunci"],
    ["no key in it", JSON.stringify({ client_email: "a@b.id" })],
    ["a key that is none", JSON.stringify({ client_email: "a@b.id", private_key: "kunci" })],
    [
      "somebody else's address for tokens",
      JSON.stringify({ ...JSON.parse(KEY_FILE), token_uri: "https://evil.example/token" }),
    ],
    [
      "an address for tokens that only looks like Google's",
      JSON.stringify({
        ...JSON.parse(KEY_FILE),
        token_uri: "https://googleapis.com.evil.example/",
      }),
    ],
  ])("is not configured by a key file with %s", async (_what, serviceAccount) => {
    expect(readServiceAccount(serviceAccount)).toBeNull();
    const { asked, call } = scripted([]);
    const ours = { ...account("http://x"), credentials: { serviceAccount } };
    const error = await providerErrorOf(create(call).send(ours, toApp, sendOptions()));
    expect(error).toMatchObject({ kind: "unauthorized", reason: "not_configured" });
    expect(asked).toEqual([]);
  });

  it("is not configured by a key that cannot sign", async () => {
    const broken = "-----BEGIN PRIVATE KEY-----\nbukan kunci\n-----END PRIVATE KEY-----\n";
    const serviceAccount = JSON.stringify({ ...JSON.parse(KEY_FILE), private_key: broken });
    const { asked, call } = scripted([]);
    const ours = { ...account("http://x"), credentials: { serviceAccount } };
    const error = await providerErrorOf(create(call).send(ours, toApp, sendOptions()));
    expect(error).toMatchObject({ kind: "unauthorized", reason: "not_configured" });
    expect(asked).toEqual([]);
  });

  it.each(["Siaga", "../other", "siaga/x", "si", ""])("has no project %j", async (sender) => {
    const { asked, call } = scripted([]);
    const error = await providerErrorOf(
      create(call).send({ ...account("http://x"), sender }, toApp, sendOptions()),
    );
    expect(error).toMatchObject({ kind: "unauthorized", reason: "not_configured" });
    expect(asked).toEqual([]);
  });

  it.each([
    [0, "0s", "HIGH", "now or never"],
    [900, "900s", "HIGH", "the last that is urgent"],
    [901, "901s", "NORMAL", "the first that is not"],
    [9_999_999, "2419200s", "NORMAL", "the longest"],
    [null, "900s", "HIGH", "FCM would keep it for four weeks"],
  ])(
    "gives a message that is valid for %s s the ttl %s and priority %s (%s)",
    async (validForSeconds, ttl, priority, _why) => {
      const { asked, call } = scripted([TOKEN, TAKEN]);
      await create(call).send(account("http://x"), toApp, sendOptions({ validForSeconds }));
      const { message } = jsonIn(String(asked[1]?.body)) as { readonly message: Json };
      expect(message["android"]).toMatchObject({ ttl, priority });
    },
  );

  it.each([
    [
      "a document",
      {
        attachment: {
          kind: "document",
          url: "https://x.example/a.pdf",
          fileName: "a",
          content: null,
        },
      },
      "unsupported_content",
    ],
    [
      "a pin",
      { attachment: { kind: "location", latitude: 1, longitude: 1, name: null, address: null } },
      "unsupported_content",
    ],
    ["no token", { to: { kind: "push_token", token: "" } }, "invalid_recipient"],
    ["a link that leaves no place", { link: `https://x.example/${"a".repeat(4_000)}` }, "too_long"],
  ] as const)("refuses %s before anything is asked", async (_what, changes, reason) => {
    const { asked, call } = scripted([]);
    const message: OutboundMessage = { ...toApp, ...changes };
    const error = await providerErrorOf(
      create(call).send(account("http://x"), message, sendOptions()),
    );
    expect(error).toMatchObject({ kind: "rejected", reason });
    expect(asked).toEqual([]);
  });

  it("fits the longest text in the widest letters", async () => {
    const { call } = scripted([TOKEN, TAKEN]);
    const provider = create(call);
    const text = "漢".repeat(provider.limits.textCharsMax);
    const link = `https://alerts.example.id/a/${"k".repeat(60)}`;
    const message = { ...toApp, text, link, subject: "字".repeat(50) };
    expect((await provider.send(account("http://x"), message, sendOptions())).status).toBe(
      "accepted",
    );
  });

  it("probes with a message that FCM only validates", async () => {
    const fake = plain(200, { name: "projects/siaga-alarm-1/messages/fake_message_id" });
    const { asked, call } = scripted([TOKEN, fake, plain(500, ""), EXPIRED]);
    const provider = create(call);
    const options = { signal: new AbortController().signal, timeoutMs: 1_000, now: NOW };
    const probe = () => provider.probe?.(account("http://x"), options) ?? Promise.resolve();
    expect(await probe()).toMatchObject({ state: "connected" });
    expect(jsonIn(String(asked[1]?.body))).toMatchObject({ validate_only: true });
    expect(await providerErrorOf(probe())).toMatchObject({ kind: "unavailable" });
    expect(await providerErrorOf(probe())).toMatchObject({ kind: "unauthorized" });
  });
});

/**
 * The vendor's own client against the simulated vendor: what it sends is understood, what is answered it understands. It
 * knows one address only, so its connections are led to the simulator underneath.
 */
describe("firebase-admin and the simulated FCM", () => {
  async function startApp() {
    const vendors = await startVendors();
    const { projectId, serviceAccount } = registerFcm(vendors);
    const agent = new LeadingAgent(vendors.port);
    const credential = signedIn(serviceAccount, `${vendors.baseUrls.fcm}/token`);
    const app = initializeApp({ credential, projectId, httpAgent: agent }, `app-${vendors.port}`);
    onTestFinished(async () => {
      await deleteApp(app);
      agent.destroy();
    });
    return { vendors, messaging: getMessaging(app) };
  }

  const message = (token: string): Message => ({
    token,
    notification: { title: "ALARM P1", body: "Pompa 3: 9.8 bar" },
    data: { deliveryId: "dlv_1" },
    android: { priority: "high", ttl: 300_000, notification: { tag: "dlv_1" } },
    apns: { headers: { "apns-priority": "10" }, payload: { aps: { sound: "default" } } },
    webpush: { fcmOptions: { link: "https://alerts.example.id/a" } },
  });

  it("agree on a message", async () => {
    const { messaging, vendors } = await startApp();
    const { id } = vendors.sandbox.subscribe("fcm:siaga-simulated", BUDI);
    const name = await messaging.send(message(id));
    expect(name).toMatch(/^projects\/siaga-simulated\/messages\//);
    await vendors.sandbox.idle();
    expect(vendors.sandbox.phones.handset(BUDI).messages).toEqual([
      expect.objectContaining({ title: "ALARM P1", text: "Pompa 3: 9.8 bar", medium: "push" }),
    ]);
  });

  it("agree on refusals", async () => {
    const { messaging, vendors } = await startApp();
    const { id } = vendors.sandbox.subscribe("fcm:siaga-simulated", BUDI);
    vendors.sandbox.unsubscribe(id);
    await expect(messaging.send(message(id))).rejects.toMatchObject({
      code: "messaging/registration-token-not-registered",
    });
    vendors.sandbox.faults.add({ kind: "rate_limited" });
    await expect(messaging.send(message(id))).rejects.toMatchObject({
      code: "messaging/message-rate-exceeded",
    });
  });
});

/** The client's own sign-in cannot be led elsewhere, so this is ours. */
function signedIn(keyFile: string, tokenUrl: string): Credential {
  const serviceAccount = readServiceAccount(keyFile);
  if (serviceAccount === null) throw new Error("a key file");
  const client = createHttpClient();
  onTestFinished(() => client.close());
  const tokens = createAccessTokens(client.call);
  const signal = new AbortController().signal;
  return {
    getAccessToken: async () => ({
      access_token: await tokens.get({
        attempted: "sign in",
        serviceAccount,
        tokenUrl,
        signal,
        timeoutMs: 5_000,
        now: Date.now(),
      }),
      expires_in: 3_599,
    }),
  };
}

/** Opens every connection to the simulator, whatever its name, and gives requests the prefix of its FCM. */
class LeadingAgent extends https.Agent {
  readonly #port: number;

  constructor(port: number) {
    super({ keepAlive: false });
    this.#port = port;
  }

  override createConnection(): net.Socket {
    const socket = net.connect(this.#port, "127.0.0.1");
    const write = socket.write.bind(socket);
    let isFirst = true;
    socket.write = (chunk: string | Uint8Array, ...rest: []) => {
      if (!isFirst) return write(chunk, ...rest);
      isFirst = false;
      const text = Buffer.from(chunk as Uint8Array).toString("latin1");
      return write(Buffer.from(text.replace(/^POST /, "POST /fcm"), "latin1"), ...rest);
    };
    return socket;
  }
}
