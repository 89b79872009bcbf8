import { describe, expect, it, onTestFinished } from "vitest";
import webPush from "web-push";

import { createHttpClient } from "../../providers/http.ts";
import type { HttpCall, HttpRequest } from "../../providers/http.ts";
import type { AccountContext, OutboundMessage, Provider } from "../../providers/provider.ts";
import { openEnvelope, readVapid } from "../../providers/simulated/vendors/web-push-crypto.ts";
import { isPushService } from "../../providers/web-push/config.ts";
import { createWebPushProviders } from "../../providers/web-push/index.ts";
import { answer, providerErrorOf, runConformance, sendOptions } from "./conformance.ts";
import { startScriptedServer } from "./scripted-server.ts";
import type { CapturedRequest } from "./scripted-server.ts";

/** The receiver of RFC 8291, section 5. */
const BROWSER = {
  publicKey:
    "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4",
  privateKey: "q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94",
  authSecret: "BTBZMqHH6r4Tts7J_aSIgg",
};
const VAPID = { ...webPush.generateVAPIDKeys() };

const account = (baseUrl: string): AccountContext => ({
  accountId: "acc_1",
  baseUrl,
  sender: "mailto:noc@siaga.example",
  credentials: VAPID,
  settings: {},
});

const toBrowser: OutboundMessage = {
  to: {
    kind: "push_subscription",
    endpoint: "https://updates.push.services.mozilla.com/push/JzLQ3raZJfFBR0aqvOMsLrt54w4rJUsV",
    p256dh: BROWSER.publicKey,
    auth: BROWSER.authSecret,
  },
  text: "Tiang ODP roboh di Klari",
  language: "id",
};

function create(httpCall: HttpCall): Provider {
  const [found] = createWebPushProviders(httpCall);
  if (found === undefined) throw new Error("there is one");
  return found;
}

/** The same browser, at a push service with that address. */
function messageAt(message: OutboundMessage, baseUrl: string): OutboundMessage {
  if (message.to.kind !== "push_subscription" || baseUrl === "") return message;
  const { pathname } = new URL(message.to.endpoint);
  return { ...message, to: { ...message.to, endpoint: `${baseUrl}${pathname}` } };
}

function payloadIn(request: CapturedRequest): Readonly<Record<string, unknown>> {
  const text = openEnvelope(request.body, BROWSER);
  if (text === null) throw new Error("the browser could not open this");
  return JSON.parse(text) as Record<string, unknown>;
}

runConformance({
  title: "web-push",
  create,
  account,
  message: toBrowser,
  messageElsewhere: { ...toBrowser, to: { kind: "phone", e164: "+6281234000001" } },
  messageAt,
  fixtures: {
    requests: "web-push/requests.json",
    successes: "web-push/successes.json",
    failures: "web-push/failures.json",
    webhooks: null,
  },
  textIn: (request) => String(payloadIn(request)["body"]),
  expectRequest: (request, expected) => {
    expect(request.headers).toMatchObject(expected.fields ?? {});
    expect(payloadIn(request)).toEqual(expected.json);
    const origin = `http://${request.headers.host ?? ""}`;
    expect(readVapid(request.headers.authorization ?? "", origin, Date.now())).toEqual({
      publicKey: VAPID.publicKey,
    });
  },
  refusalQuoting: (words) => answer(400, { errno: 110, message: words.join(" "), error: words }),
  skip: [
    {
      case: "a success that cannot be read",
      reason: "RFC 8030 gives no body to a success: the status alone says that the message is kept",
    },
  ],
});

describe("the simulated browser", () => {
  it("opens the envelope that RFC 8291 shows", () => {
    const envelope = Buffer.from(
      "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN",
      "base64url",
    );
    expect(openEnvelope(envelope, BROWSER)).toBe("When I grow up, I want to be a watermelon");
    for (const place of [0, 20, 90, envelope.length - 1]) {
      const changed = Buffer.from(envelope);
      changed.writeUInt8(changed.readUInt8(place) ^ 1, place);
      expect(openEnvelope(changed, BROWSER)).toBeNull();
    }
    expect(openEnvelope(envelope.subarray(0, 40), BROWSER)).toBeNull();
  });

  it("believes the statement that RFC 8292 shows, at its time and for its service", () => {
    const header =
      "vapid t=eyJ0eXAiOiJKV1QiLCJhbGciOiJFUzI1NiJ9.eyJhdWQiOiJodHRwczovL3B1c2guZXhhbXBsZS5uZXQiLCJleHAiOjE0NTM1MjM3NjgsInN1YiI6Im1haWx0bzpwdXNoQGV4YW1wbGUuY29tIn0.i3CYb7t4xfxCDquptFOepC9GAu_HLGkMlMuCGSK2rpiUfnK9ojFwDXb1JrErtmysazNjjvW2L9OkSSHzvoD1oA, k=BA1Hxzyi1RUM1b5wjxsn7nGxAszw2u61m164i3MrAIxHF6YK5h4SDYic-dRuU_RCPCfA5aq9ojSwk5Y2EmClBPs";
    const origin = "https://push.example.net";
    const at = (1_453_523_768 - 60) * 1_000;
    expect(readVapid(header, origin, at)).toMatchObject({ publicKey: header.slice(-87) });
    expect(readVapid(header, origin, at + 120_000)).toBe("wrong claims");
    expect(readVapid(header, "https://elsewhere.example.net", at)).toBe("wrong claims");
    expect(readVapid(header.replace("i3CYb7t4", "i3CYb7t5"), origin, at)).toBe("wrong signature");
    expect(readVapid("", origin, at)).toBe("missing");
    expect(readVapid("Bearer x", origin, at)).toBe("unreadable");
  });
});

describe("the push services that may be asked", () => {
  it.each([
    ["https://fcm.googleapis.com/fcm/send/abc", true, "Chrome"],
    ["https://updates.push.services.mozilla.com/wpush/v2/abc", true, "Firefox"],
    ["https://web.push.apple.com/abc", true, "Safari"],
    ["https://wns2-sg2p.notify.windows.com/w/?token=abc", true, "Edge"],
    ["https://push.example.id/abc", true, "one that the account names"],
    ["http://fcm.googleapis.com/fcm/send/abc", false, "not encrypted"],
    ["https://fcm.googleapis.com:8443/abc", false, "another port"],
    ["https://user@fcm.googleapis.com/abc", false, "somebody's name in the address"],
    ["https://fcm.googleapis.com.evil.example/abc", false, "a name that only begins so"],
    ["https://evilfcm.googleapis.com/abc", false, "a name that only ends so"],
    ["https://169.254.169.254/latest/meta-data", false, "a machine inside"],
    ["https://127.0.0.1/abc", false, "this machine"],
    ["https://[::1]/abc", false, "this machine"],
    ["https://localhost/abc", false, "this machine"],
    ["file:///etc/passwd", false, "a file"],
    ["no address", false, "no address"],
  ])("%s: %s (%s)", async (endpoint, isAllowed) => {
    expect(isPushService(endpoint, null, ["push.example.id"])).toBe(isAllowed);
    if (isAllowed) return;
    const asked: string[] = [];
    const provider = create((request) => {
      asked.push(request.url);
      return Promise.reject(new Error("nobody may be asked"));
    });
    const message: OutboundMessage = {
      ...toBrowser,
      to: {
        kind: "push_subscription",
        endpoint,
        p256dh: BROWSER.publicKey,
        auth: BROWSER.authSecret,
      },
    };
    const ours = { ...account(""), baseUrl: null };
    const error = await providerErrorOf(provider.send(ours, message, sendOptions()));
    expect(error).toMatchObject({ kind: "rejected", reason: "invalid_recipient" });
    expect(asked).toEqual([]);
  });

  it("are one alone where the account has an address of its own", () => {
    expect(
      isPushService("http://127.0.0.1:4010/web-push/1", "http://127.0.0.1:4010/web-push", []),
    ).toBe(true);
    expect(
      isPushService("http://127.0.0.1:4011/web-push/1", "http://127.0.0.1:4010/web-push", []),
    ).toBe(false);
    expect(
      isPushService("https://fcm.googleapis.com/fcm/send/1", "http://127.0.0.1:4010", []),
    ).toBe(false);
  });
});

describe("web-push", () => {
  it("sends to known push services with a statement for that service alone", async () => {
    const headers: Readonly<Record<string, string>>[] = [];
    const provider = create((request) => {
      headers.push(request.headers);
      return Promise.resolve({ status: 201, headers: {}, body: "", isComplete: true });
    });
    await provider.send({ ...account(""), baseUrl: null }, toBrowser, sendOptions());
    const authorization = headers[0]?.["authorization"] ?? "";
    const origin = "https://updates.push.services.mozilla.com";
    expect(readVapid(authorization, origin, Date.now())).toEqual({ publicKey: VAPID.publicKey });
  });

  it.each([
    ["no subject", { sender: "NOC" }],
    ["a subject without encryption", { sender: "http://siaga.example" }],
    ["no keys", { credentials: {} }],
    [
      "keys that are no pair",
      {
        credentials: {
          publicKey: VAPID.publicKey,
          privateKey: webPush.generateVAPIDKeys().privateKey,
        },
      },
    ],
    ["a key that is none", { credentials: { ...VAPID, privateKey: "kunci" } }],
  ])("is not configured with %s", async (_what, changes) => {
    const provider = create(() => Promise.reject(new Error("nobody may be asked")));
    const ours = { ...account(""), baseUrl: null, ...changes };
    const error = await providerErrorOf(provider.send(ours, toBrowser, sendOptions()));
    expect(error).toMatchObject({ kind: "unauthorized", reason: "not_configured" });
    if ("credentials" in changes) expect(provider.subscriptionKey?.(ours)).toBeNull();
  });

  it("tells what browsers subscribe with", () => {
    const provider = create(() => Promise.reject(new Error("no calls")));
    expect(provider.subscriptionKey?.(account(""))).toBe(VAPID.publicKey);
  });

  it.each([
    ["a key that is no point of the curve", { p256dh: Buffer.alloc(65, 4).toString("base64url") }],
    ["half a key", { p256dh: BROWSER.publicKey.slice(0, 40) }],
    ["half a secret", { auth: BROWSER.authSecret.slice(0, 8) }],
    ["nothing", { p256dh: "", auth: "" }],
  ])("refuses a browser with %s", async (_what, changes) => {
    const provider = create(() => Promise.reject(new Error("nobody may be asked")));
    const to = { ...toBrowser.to, ...changes } as OutboundMessage["to"];
    const ours = { ...account(""), baseUrl: null };
    const error = await providerErrorOf(provider.send(ours, { ...toBrowser, to }, sendOptions()));
    expect(error).toMatchObject({ kind: "rejected", reason: "invalid_recipient" });
  });

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
    [
      "three buttons",
      { buttons: ["1", "2", "3"].map((id) => ({ id, title: id })) },
      "unsupported_content",
    ],
    [
      "a button of 31 letters",
      { buttons: [{ id: "1", title: "x".repeat(31) }] },
      "unsupported_content",
    ],
    ["a link that leaves no place", { link: `https://x.example/${"a".repeat(3_000)}` }, "too_long"],
  ] as const)("refuses %s before anything is sent", async (_what, changes, reason) => {
    const provider = create(() => Promise.reject(new Error("nobody may be asked")));
    const message: OutboundMessage = { ...toBrowser, ...changes };
    const ours = { ...account(""), baseUrl: null };
    const error = await providerErrorOf(provider.send(ours, message, sendOptions()));
    expect(error).toMatchObject({ kind: "rejected", reason });
  });

  it.each([
    [0, "0", "high", "now or never"],
    [60, "60", "high", "minutes"],
    [900, "900", "high", "the last that is urgent"],
    [901, "901", "normal", "the first that is not"],
    [86_400.7, "86400", "normal", "whole seconds"],
    [9_999_999, "2419200", "normal", "the longest"],
  ])(
    "gives a message that is valid for %s s the TTL %s and the urgency %s (%s)",
    async (validForSeconds, ttl, urgency) => {
      const server = await startScriptedServer();
      const client = createHttpClient();
      onTestFinished(async () => {
        client.close();
        await server.close();
      });
      server.script(answer(201, ""));
      await create(client.call).send(
        account(server.baseUrl),
        messageAt(toBrowser, server.baseUrl),
        sendOptions({ validForSeconds }),
      );
      expect(server.requests[0]?.headers).toMatchObject({ ttl, urgency });
    },
  );

  it("leaves out a link that is no page", async () => {
    const bodies: HttpRequest["body"][] = [];
    const provider = create((request) => {
      bodies.push(request.body);
      return Promise.resolve({ status: 201, headers: {}, body: "", isComplete: true });
    });
    const ours = { ...account(""), baseUrl: null };
    await provider.send(ours, { ...toBrowser, link: "javascript:alert(1)" }, sendOptions());
    const payload = openEnvelope(Buffer.from(bodies[0] ?? ""), BROWSER);
    expect(JSON.parse(payload ?? "null")).toMatchObject({ data: { deliveryId: "dlv_1" } });
    expect(payload).not.toContain("javascript");
  });

  it("keeps one topic over every try of a delivery, and another for another delivery", async () => {
    const topics: (string | undefined)[] = [];
    const provider = create((request) => {
      topics.push(request.headers["topic"]);
      return Promise.resolve({ status: 201, headers: {}, body: "", isComplete: true });
    });
    const ours = { ...account(""), baseUrl: null };
    for (const deliveryKey of ["dlv_1", "dlv_1", "dlv_2"]) {
      await provider.send(ours, toBrowser, sendOptions({ deliveryKey }));
    }
    expect(topics[0]).toMatch(/^[a-z0-9]{32}$/);
    expect(topics[1]).toBe(topics[0]);
    expect(topics[2]).not.toBe(topics[0]);
  });

  it("fits the longest text in the widest letters", async () => {
    const sizes: number[] = [];
    const provider = create((request) => {
      sizes.push(request.body?.length ?? 0);
      return Promise.resolve({ status: 201, headers: {}, body: "", isComplete: true });
    });
    const text = "漢".repeat(provider.limits.textCharsMax);
    const ours = { ...account(""), baseUrl: null };
    const link = `https://alerts.example.id/a/${"k".repeat(60)}`;
    await provider.send(
      ours,
      { ...toBrowser, text, subject: "字".repeat(50), link },
      sendOptions(),
    );
    expect(sizes[0]).toBeLessThan(4_096);
  });
});
