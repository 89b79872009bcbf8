import { describe, expect, it, onTestFinished } from "vitest";

import { createHttpClient } from "../../providers/http.ts";
import type { HttpCall } from "../../providers/http.ts";
import type {
  AccountContext,
  Attachment,
  OutboundMessage,
  Provider,
} from "../../providers/provider.ts";
import { createWahaProviders } from "../../providers/waha/index.ts";
import { keyIdOf } from "../../providers/waha/message-id.ts";
import {
  isWahaSignatureValid,
  signWahaWebhook,
  WAHA_ALGORITHM_HEADER,
  WAHA_SIGNATURE_HEADER,
} from "../../providers/waha/signature.ts";
import { readAck } from "../../providers/waha/vocabulary.ts";
import { deliveryKeyOf, messageIdFor } from "../../providers/whatsapp-message-id.ts";
import { answer, NOW, providerErrorOf, runConformance, sendOptions } from "./conformance.ts";
import type { Conformance, UnsignedWebhook } from "./conformance.ts";
import { jsonIn } from "./forms.ts";
import { startScriptedServer } from "./scripted-server.ts";
import type { ScriptedServer } from "./scripted-server.ts";

const HMAC_KEY = "rahasia-webhook-sesi";
const API_KEY = "kUnCi-sesi-1";
const DELIVERY_KEY = "dlv_01k8z9qv5n4x7c2m6b3t9r8y1e";

const account = (baseUrl: string): AccountContext => ({
  accountId: "acc_1",
  baseUrl,
  sender: "+6281234000099",
  credentials: { apiKey: API_KEY, webhookHmacKey: HMAC_KEY },
  settings: {},
});

const toPerson: OutboundMessage = {
  to: { kind: "phone", e164: "+6281234000001" },
  text: "Tiang ODP roboh di Klari",
  language: "id",
};
const toGroup: OutboundMessage = {
  ...toPerson,
  to: { kind: "group", groupChatId: "120363020000000001@g.us" },
};

function providerFor(channel: Provider["channel"]): (httpCall: HttpCall) => Provider {
  return (httpCall) => {
    const found = createWahaProviders(httpCall).find((each) => each.channel === channel);
    if (found === undefined) throw new Error(`no waha for ${channel}`);
    return found;
  };
}

function signed(
  webhook: UnsignedWebhook,
  hmacKey: string,
): ReturnType<NonNullable<Conformance["sign"]>> {
  const body = Buffer.from(webhook.body);
  return {
    ...webhook,
    body,
    headers: {
      ...webhook.headers,
      [WAHA_SIGNATURE_HEADER]: signWahaWebhook(body, hmacKey),
      [WAHA_ALGORITHM_HEADER]: "sha512",
    },
  };
}

const shared = {
  account,
  textIn: (request) => {
    const body = jsonIn(request);
    return typeof body === "object" && body !== null && "text" in body ? String(body.text) : "";
  },
  expectRequest: (request, expected) => {
    expect(jsonIn(request)).toEqual(expected.json);
    expect(request.headers["x-api-key"]).toBe(API_KEY);
    expect(request.headers["content-type"]).toBe("application/json");
  },
  refusalQuoting: (words) =>
    answer(500, {
      statusCode: 500,
      exception: { message: words.join(" "), details: words },
      request: { body: { text: words.join(), chatId: words } },
    }),
  sign: (webhook, ours) => signed(webhook, ours.credentials["webhookHmacKey"] ?? ""),
  signWrongly: (webhook) => signed(webhook, "another key"),
  unsignedReason: "missing_signature",
  wrongReason: "wrong_signature",
  skip: [],
} satisfies Partial<Conformance>;

runConformance({
  ...shared,
  title: "waha to a person",
  create: providerFor("whatsapp_personal"),
  message: toPerson,
  messageElsewhere: toGroup,
  fixtures: {
    requests: "waha/requests.json",
    successes: "waha/successes.json",
    failures: "waha/failures.json",
    webhooks: "waha/webhooks.json",
  },
});

runConformance({
  ...shared,
  title: "waha to a group",
  create: providerFor("whatsapp_group"),
  message: toGroup,
  messageElsewhere: toPerson,
  fixtures: {
    requests: "waha/group-requests.json",
    successes: "waha/successes.json",
    failures: "waha/failures.json",
    webhooks: "waha/webhooks.json",
  },
});

async function start(channel: Provider["channel"] = "whatsapp_personal"): Promise<{
  readonly server: ScriptedServer;
  readonly provider: Provider;
}> {
  const server = await startScriptedServer();
  const client = createHttpClient();
  onTestFinished(async () => {
    client.close();
    await server.close();
  });
  return { server, provider: providerFor(channel)(client.call) };
}

const OPTIONS = { signal: new AbortController().signal, timeoutMs: 1_000, now: NOW };

describe("ids of messages", () => {
  it.each([
    [DELIVERY_KEY, "an id as it is made"],
    ["dlv_00000000000000000000000000", "the least"],
    ["dlv_7zzzzzzzzzzzzzzzzzzzzzzzzz", "the greatest"],
  ])("hold the delivery %s so that it can be read back (%s)", (deliveryKey) => {
    const id = messageIdFor(deliveryKey);
    expect(id).toMatch(/^3EB0[0-9A-F]{32}$/);
    expect(deliveryKeyOf(id)).toBe(deliveryKey);
    expect(messageIdFor(deliveryKey)).toBe(id);
  });

  it.each([
    ["msg_01k8z9qv5n4x7c2m6b3t9r8y1e", "an answer's own id, which is no delivery's"],
    ["dlv_1", "too short"],
    ["dlv_81k8z9qv5n4x7c2m6b3t9r8y1e", "more than 128 bits"],
    ["dlv_01k8z9qv5n4x7c2m6b3t9r8y1u", "u is no digit"],
  ])("are made of %s too, and give nothing back (%s)", (key) => {
    const id = messageIdFor(key);
    expect(id).toMatch(/^3EB0[0-9A-F]{18}$/);
    expect(deliveryKeyOf(id)).toBeNull();
  });

  it.each<[unknown, string | null, string]>([
    ["true_6281234000001@c.us_3EB0AA", "3EB0AA", "a person's"],
    ["false_251500000000001@lid_3EB0AA", "3EB0AA", "an alias's"],
    ["true_120363020000000001@g.us_3EB0AA_9999@lid", "3EB0AA", "a group's, with its member"],
    ["3EB0AA", "3EB0AA", "bare"],
    [{ id: "3EB0AA", remote: "x" }, "3EB0AA", "an object"],
    [{ _serialized: "true_6281234000001@c.us_3EB0AA" }, "3EB0AA", "an object's long form"],
    ["6281234000001@c.us", null, "a chat is no message"],
    ["", null, "empty"],
    [{}, null, "an empty object"],
    [null, null, "nothing"],
    [7, null, "a number"],
  ])("are read from %j as %j (%s)", (given, expected) => {
    expect(keyIdOf(given)).toBe(expected);
  });
});

describe("waha", () => {
  it("signs as its documentation's example", () => {
    const body = Buffer.from('{"event":"message","session":"default","engine":"WEBJS"}');
    const signature =
      "208f8a55dde9e05519e898b10b89bf0d0b3b0fdf11fdbf09b6b90476301b98d8097c462b2b17a6ce93b6b47a136cf2e78a33a63f6752c2c1631777076153fa89";
    expect(signWahaWebhook(body, "my-secret-key")).toBe(signature);
    expect(isWahaSignatureValid(body, signature.toUpperCase(), "my-secret-key")).toBe(true);
    expect(isWahaSignatureValid(body, signature.slice(2), "my-secret-key")).toBe(false);
  });

  it("refuses a webhook that was signed in another way, or is no POST", () => {
    const reader = providerFor("whatsapp_personal")(() =>
      Promise.reject(new Error("no calls")),
    ).webhook;
    const request = signed(
      { method: "POST", url: "https://siaga.example/", headers: {}, body: "{}" },
      HMAC_KEY,
    );
    const ours = account("");
    const other = { ...request, headers: { ...request.headers, [WAHA_ALGORITHM_HEADER]: "md5" } };
    expect(reader?.verify(request, ours)).toEqual({ ok: true });
    expect(reader?.verify(other, ours)).toEqual({ ok: false, reason: "wrong_signature" });
    expect(reader?.verify({ ...request, method: "GET" }, ours)).toEqual({
      ok: false,
      reason: "unreadable",
    });
  });

  it.each<[Record<string, unknown>, string, string]>([
    [{ ack: -1 }, "failed", "ERROR"],
    [{ ack: 0 }, "none", "PENDING"],
    [{ ack: 1 }, "sent", "SERVER"],
    [{ ack: 2 }, "delivered", "DEVICE"],
    [{ ack: 3 }, "read", "READ"],
    [{ ack: 4 }, "read", "PLAYED"],
    [{ ack: 5 }, "unknown", "nobody listed it"],
    [{ ackName: "SERVER" }, "sent", "by name"],
    [{ status: "PENDING" }, "none", "raw answer of NOWEB"],
    [{}, "unknown", "nothing said"],
  ])("reads the acknowledgment %j as %s (%s)", (message, expected) => {
    const found = readAck(message);
    expect(found.kind === "receipt" ? found.status : found.kind).toBe(expected);
  });

  it.each([
    [{}, "whatsapp_personal", { sent: true, delivered: true, read: true, failed: true }],
    [
      { engine: "GOWS" },
      "whatsapp_group",
      { sent: true, delivered: false, read: false, failed: true },
    ],
    [
      { engine: "WEBJS" },
      "whatsapp_personal",
      { sent: false, delivered: false, read: false, failed: false },
    ],
    [
      { engine: "WEBJS", webjsTagsEvents: true },
      "whatsapp_personal",
      { sent: true, delivered: true, read: true, failed: true },
    ],
    [
      { engine: "WEBJS", webjsTagsEvents: true },
      "whatsapp_group",
      { sent: true, delivered: false, read: false, failed: true },
    ],
    [
      { engine: "WPP" },
      "whatsapp_personal",
      { sent: false, delivered: false, read: false, failed: false },
    ],
    [
      { engine: "VENOM" },
      "whatsapp_personal",
      { sent: false, delivered: false, read: false, failed: false },
    ],
  ] as const)(
    "promises with the settings %j over %s the receipts %j",
    (settings, channel, receipts) => {
      const provider = providerFor(channel)(() => Promise.reject(new Error("no calls")));
      const found = provider.capabilitiesOf?.({ sender: "+6281234000099", settings });
      expect(found?.receipts).toEqual(receipts);
    },
  );

  it.each([
    ["NOWEB", true],
    ["GOWS", true],
    ["WEBJS", false],
    ["WPP", false],
  ])("chooses the message's id on the engine %s: %j", async (engine, hasId) => {
    const { server, provider } = await start();
    server.script(answer(201, { id: "true_6281234000001@c.us_3EB0AA" }));
    const ours = { ...account(server.baseUrl), settings: { engine, session: "site_a" } };
    await provider.send(ours, toPerson, sendOptions({ deliveryKey: DELIVERY_KEY }));
    const [request] = server.requests;
    if (request === undefined) throw new Error("nothing was captured");
    const body = jsonIn(request);
    expect(body).toMatchObject({ session: "site_a" });
    expect(body).toEqual(
      hasId
        ? expect.objectContaining({ id: messageIdFor(DELIVERY_KEY) })
        : expect.not.objectContaining({ id: expect.anything() as unknown }),
    );
  });

  it.each<[string, Attachment, string, string]>([
    [
      "a file without its bytes",
      { kind: "image", url: "https://siaga.example/a.jpg", fileName: "a.jpg", content: null },
      "",
      "media",
    ],
    [
      "a caption one longer than the longest",
      {
        kind: "document",
        url: "https://siaga.example/a.pdf",
        fileName: "a.pdf",
        content: { bytes: new Uint8Array([1]), contentType: "application/pdf" },
      },
      "x".repeat(1025),
      "too_long",
    ],
    [
      "a place with words, which a pin cannot carry",
      { kind: "location", latitude: 1, longitude: 2, name: null, address: null },
      "Di sini",
      "unsupported_content",
    ],
  ])("refuses %s before anything is sent", async (_what, attachment, text, reason) => {
    const { server, provider } = await start();
    const error = await providerErrorOf(
      provider.send(account(server.baseUrl), { ...toPerson, text, attachment }, sendOptions()),
    );
    expect(error).toMatchObject({ kind: "rejected", scope: "recipient", reason });
    expect(server.requests).toHaveLength(0);
  });

  it("is not configured without the gateway's address, never a success", async () => {
    const { provider } = await start();
    const homeless = { ...account(""), baseUrl: null };
    for (const promise of [
      provider.send(homeless, toPerson, sendOptions()),
      provider.probe?.(homeless, OPTIONS),
      provider.listGroups?.(homeless, OPTIONS),
      provider.findLost?.(homeless, toPerson, NOW, OPTIONS),
    ]) {
      const error = await providerErrorOf(promise ?? Promise.resolve());
      expect(error).toMatchObject({ kind: "unauthorized", reason: "not_configured" });
    }
  });

  it.each([
    ["WORKING", "connected"],
    ["STARTING", "disconnected"],
    ["SCAN_QR_CODE", "disconnected"],
    ["FAILED", "disconnected"],
    ["STOPPED", "disconnected"],
    ["PASSKEY_CONFIRMATION_REQUIRED", "disconnected"],
  ])("asks for the session's state: %s is %s", async (status, state) => {
    const { server, provider } = await start();
    server.script(
      answer(200, {
        name: "default",
        status,
        me: { id: "6281234000099@c.us", pushName: "Siaga" },
        engine: { engine: "NOWEB" },
      }),
    );
    const probe = await provider.probe?.(account(server.baseUrl), OPTIONS);
    expect(probe).toEqual({ state, quotaLeft: null, detail: { status, engine: "NOWEB" } });
    expect(server.requests[0]?.path).toBe("/api/sessions/default");
    expect(server.requests[0]?.headers["x-api-key"]).toBe(API_KEY);
  });

  it.each([
    ["a state that nobody listed", answer(200, { status: "DREAMING" }), "malformed"],
    ["no JSON", answer(200, "<html>"), "malformed"],
    ["a wrong key", answer(401, { message: "Unauthorized" }), "unauthorized"],
    ["an engine's error", answer(500, {}), "unavailable"],
    ["no answer", { do: "hang" } as const, "unavailable"],
  ])("cannot say the state after %s", async (_what, script, kind) => {
    const { server, provider } = await start();
    server.script(script);
    const error = await providerErrorOf(
      provider.probe?.(account(server.baseUrl), { ...OPTIONS, timeoutMs: 200 }) ??
        Promise.resolve(),
    );
    expect(error.kind).toBe(kind);
  });

  it.each([
    ["WEBJS", [{ id: { _serialized: "120363020000000001@g.us" }, name: "NOC Team" }]],
    [
      "NOWEB",
      { "120363020000000001@g.us": { id: "120363020000000001@g.us", subject: "NOC Team" } },
    ],
    ["NOWEB, as a list", [{ id: "120363020000000001@g.us", subject: "NOC Team" }]],
    ["GOWS", [{ JID: "120363020000000001@g.us", Name: "NOC Team" }]],
    ["an older WEBJS", [{ id: "120363020000000001@g.us", groupMetadata: { subject: "NOC Team" } }]],
  ])("lists the groups as %s answers", async (_engine, groups) => {
    const { server, provider } = await start("whatsapp_group");
    server.script(answer(200, groups));
    expect((await provider.listGroups?.(account(server.baseUrl), OPTIONS))?.groups).toEqual([
      { groupChatId: "120363020000000001@g.us", name: "NOC Team" },
    ]);
    expect(server.requests[0]?.path).toBe("/api/default/groups?limit=1000&exclude=participants");
  });

  it("names a group without a name by its id, leaves out what is no group, and stumbles over pages", async () => {
    const { server, provider } = await start("whatsapp_group");
    server.script(answer(200, [{ id: "120363020000000001@g.us" }, { id: "x" }, 7]));
    expect((await provider.listGroups?.(account(server.baseUrl), OPTIONS))?.groups).toEqual([
      { groupChatId: "120363020000000001@g.us", name: "120363020000000001@g.us" },
    ]);
    server.script(answer(200, "<html>"));
    const error = await providerErrorOf(
      provider.listGroups?.(account(server.baseUrl), OPTIONS) ?? Promise.resolve(),
    );
    expect(error).toMatchObject({ kind: "malformed", scope: "account" });
  });

  it("finds a lost message in its chat by its words", async () => {
    const { server, provider } = await start();
    server.script(
      answer(200, [
        { id: "true_6281234000001@c.us_3EB001", fromMe: true, body: "Lain", ack: 2 },
        { id: "false_6281234000001@c.us_3EB002", fromMe: false, body: toPerson.text, ack: 2 },
        { id: "true_6281234000001@c.us_3EB003", fromMe: true, body: toPerson.text, ack: 2 },
      ]),
    );
    const found = await provider.findLost?.(account(server.baseUrl), toPerson, NOW, OPTIONS);
    expect(found).toMatchObject({ providerMessageId: "3EB003", status: "sent" });
    const path = `/api/default/chats/6281234000001%40c.us/messages?limit=50&downloadMedia=false&filter.timestamp.gte=${NOW / 1000}&filter.fromMe=true`;
    expect(server.requests[0]?.path).toBe(path);
  });

  it("finds nothing where nothing is, and does not guess about a pin", async () => {
    const { server, provider } = await start("whatsapp_group");
    server.script(answer(200, [{ id: "true_x@g.us_3EB003", fromMe: true, body: "", ack: 2 }]));
    const ours = account(server.baseUrl);
    expect(await provider.findLost?.(ours, toGroup, NOW, OPTIONS)).toBeNull();
    const pin: OutboundMessage = { ...toGroup, text: "" };
    expect(await provider.findLost?.(ours, pin, NOW, OPTIONS)).toBeNull();
    server.script(answer(500, { exception: { message: "Enable the store first" } }));
    const error = await providerErrorOf(
      provider.findLost?.(ours, toGroup, NOW, OPTIONS) ?? Promise.resolve(),
    );
    expect(error).toMatchObject({ kind: "unavailable", reason: "provider_fault" });
  });
});
