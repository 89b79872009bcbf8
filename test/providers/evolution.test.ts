import { describe, expect, it, onTestFinished } from "vitest";

import { createEvolutionProviders } from "../../providers/evolution/index.ts";
import {
  EVOLUTION_SECRET_HEADER,
  evolutionAuthorization,
  isEvolutionAuthorizationValid,
} from "../../providers/evolution/signature.ts";
import { readConnection, readStatus } from "../../providers/evolution/vocabulary.ts";
import { createHttpClient } from "../../providers/http.ts";
import type { HttpCall } from "../../providers/http.ts";
import type {
  AccountContext,
  OutboundMessage,
  Provider,
  RawWebhook,
  SendOptions,
} from "../../providers/provider.ts";
import { deliveryKeyOf, messageIdFor } from "../../providers/whatsapp-message-id.ts";
import {
  answer,
  expectNothingSecret,
  NOW,
  providerErrorOf,
  runConformance,
  sendOptions,
  WEBHOOK_URL,
} from "./conformance.ts";
import type { Conformance, UnsignedWebhook } from "./conformance.ts";
import { jsonIn } from "./forms.ts";
import { startScriptedServer } from "./scripted-server.ts";
import type { ScriptedServer } from "./scripted-server.ts";

const SECRET = "rahasia-webhook-evolusi";
const API_KEY = "kunci-api-evolusi";

const account = (baseUrl: string): AccountContext => ({
  accountId: "acc_1",
  baseUrl,
  sender: "+6281234000099",
  credentials: { apiKey: API_KEY, webhookSecret: SECRET },
  settings: { instance: "site a" },
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
    const found = createEvolutionProviders(httpCall).find((each) => each.channel === channel);
    if (found === undefined) throw new Error(`no evolution for ${channel}`);
    return found;
  };
}

function withHeader(webhook: UnsignedWebhook, name: string, value: string): RawWebhook {
  return {
    ...webhook,
    headers: { ...webhook.headers, [name]: value },
    body: Buffer.from(webhook.body),
  };
}

const shared = {
  account,
  textIn: (request) => {
    const body = jsonIn(request) as { readonly text?: string };
    return body.text ?? "";
  },
  expectRequest: (request, expected) => {
    expect(jsonIn(request)).toEqual(expected.json);
    expect(request.headers["apikey"]).toBe(API_KEY);
    expect(request.headers["content-type"]).toBe("application/json");
  },
  refusalQuoting: (words) =>
    answer(400, {
      status: 400,
      error: words.join(" "),
      response: { message: [words.join(" "), { number: words, exists: true }] },
    }),
  sign: (webhook, ours) =>
    withHeader(webhook, EVOLUTION_SECRET_HEADER, ours.credentials["webhookSecret"] ?? ""),
  signWrongly: (webhook) => withHeader(webhook, EVOLUTION_SECRET_HEADER, "another secret"),
  unsignedReason: "missing_secret",
  wrongReason: "wrong_secret",
  skip: [
    {
      case: "a secret in the body",
      reason: "nothing covers the body: the secret stands in a header",
    },
  ],
} satisfies Partial<Conformance>;

runConformance({
  ...shared,
  title: "evolution to a person",
  create: providerFor("whatsapp_personal"),
  message: toPerson,
  messageElsewhere: toGroup,
  fixtures: {
    requests: "evolution/requests.json",
    successes: "evolution/successes.json",
    failures: "evolution/failures.json",
    webhooks: "evolution/webhooks.json",
  },
});

runConformance({
  ...shared,
  title: "evolution to a group",
  create: providerFor("whatsapp_group"),
  message: toGroup,
  messageElsewhere: toPerson,
  fixtures: {
    requests: "evolution/group-requests.json",
    successes: "evolution/successes.json",
    failures: "evolution/failures.json",
    webhooks: "evolution/webhooks.json",
  },
});

type Started = {
  readonly server: ScriptedServer;
  readonly provider: Provider;
  readonly ours: AccountContext;
  readonly send: (
    message: Partial<OutboundMessage>,
    settings?: Readonly<Record<string, unknown>>,
    options?: Partial<SendOptions>,
  ) => ReturnType<Provider["send"]>;
};

async function start(channel: Provider["channel"] = "whatsapp_personal"): Promise<Started> {
  const server = await startScriptedServer();
  const client = createHttpClient();
  onTestFinished(async () => {
    client.close();
    await server.close();
  });
  const provider = providerFor(channel)(client.call);
  const ours = account(server.baseUrl);
  server.script(answer(201, { key: { id: "3EB0A1" }, status: "PENDING" }));
  return {
    server,
    provider,
    ours,
    send: (message, settings = {}, options = {}) =>
      provider.send(
        { ...ours, settings: { ...ours.settings, ...settings } },
        { ...toPerson, ...message },
        sendOptions(options),
      ),
  };
}

const OPTIONS = { signal: new AbortController().signal, timeoutMs: 1_000, now: NOW };

const BUTTONS = [
  { id: "ack:4821", title: "Terima" },
  { id: "ref:4821", title: "Tolak" },
];

describe("evolution", () => {
  it("sends reply buttons where the owner has switched them on, the first line as their title", async () => {
    const { server, provider, send } = await start();
    await send({ text: "Pompa 3 mati\nKlari\n\nBalas", buttons: BUTTONS }, { hasButtons: true });
    const [request] = server.requests;
    expect(request?.path).toBe("/message/sendButtons/site%20a");
    expect(request === undefined ? null : jsonIn(request)).toEqual({
      number: "6281234000001@s.whatsapp.net",
      title: "Pompa 3 mati",
      description: "Klari\n\nBalas",
      footer: "",
      buttons: [
        { type: "reply", displayText: "Terima", id: "ack:4821" },
        { type: "reply", displayText: "Tolak", id: "ref:4821" },
      ],
      delay: 0,
    });
    expect(provider.capabilities.buttons).toBe(false);
    const told = (settings: Readonly<Record<string, unknown>>): boolean | undefined =>
      provider.capabilitiesOf?.({ sender: "", settings }).buttons;
    expect([told({ hasButtons: true }), told({}), told({ hasButtons: 3 })]).toEqual([
      true,
      false,
      false,
    ]);
  });

  it.each([
    ["four buttons", [...BUTTONS, ...BUTTONS], "invalid_request"],
    ["a title that is too long", [{ id: "a", title: "x".repeat(21) }], "invalid_request"],
    ["a button without an id", [{ id: "", title: "x" }], "invalid_request"],
  ] as const)("refuses %s before anything is sent", async (_what, buttons, reason) => {
    const { server, send } = await start();
    const error = await providerErrorOf(send({ buttons }, { hasButtons: true }));
    expect(error).toMatchObject({ kind: "rejected", reason });
    expect(server.requests).toHaveLength(0);
  });

  it.each<[string, Partial<OutboundMessage>, string]>([
    ["a text of spaces", { text: " \n " }, "invalid_request"],
    [
      "a place with a text, which a pin cannot carry",
      {
        attachment: { kind: "location", latitude: 1, longitude: 2, name: null, address: null },
      },
      "unsupported_content",
    ],
    [
      "a file whose bytes are missing: its address is never handed on",
      {
        attachment: {
          kind: "image",
          url: "http://10.0.0.1/a.jpg",
          fileName: "a.jpg",
          content: null,
        },
      },
      "media",
    ],
    [
      "a file of no bytes",
      {
        attachment: {
          kind: "document",
          url: "https://siaga.example/a.pdf",
          fileName: "a.pdf",
          content: { bytes: new Uint8Array(), contentType: "application/pdf" },
        },
      },
      "media",
    ],
    [
      "a caption one longer than the longest",
      {
        text: "x".repeat(1_025),
        attachment: {
          kind: "image",
          url: "https://siaga.example/a.jpg",
          fileName: "a.jpg",
          content: { bytes: new Uint8Array([1]), contentType: "image/jpeg" },
        },
      },
      "too_long",
    ],
  ])("refuses %s", async (_what, message, reason) => {
    const { server, send } = await start();
    expect(await providerErrorOf(send(message))).toMatchObject({ kind: "rejected", reason });
    expect(server.requests).toHaveLength(0);
  });

  it.each([
    ["laporan.pdf", "application/pdf", "laporan.pdf", "it has an extension"],
    ["laporan", "application/pdf; charset=binary", "laporan.pdf", "the type knows one"],
    ["laporan v1.2 akhir", "text/csv", "laporan v1.2 akhir.csv", "a dot is no extension"],
    ["laporan", "application/x-unknown", "laporan", "nobody knows one"],
  ])("names the file %j of type %s as %j: %s", async (fileName, contentType, expected) => {
    const { server, send } = await start();
    const content = { bytes: new Uint8Array([1, 2, 3]), contentType };
    await send({ attachment: { kind: "document", url: "https://x.example/", fileName, content } });
    const [request] = server.requests;
    expect(request === undefined ? null : jsonIn(request)).toMatchObject({ fileName: expected });
  });

  it.each([
    ["without an instance", { instance: undefined }],
    ["with an empty instance", { instance: "" }],
  ])("cannot send %s", async (_what, settings) => {
    const { server, send } = await start();
    const error = await providerErrorOf(send({}, settings));
    expect(error).toMatchObject({ kind: "unauthorized", reason: "not_configured" });
    expect(server.requests).toHaveLength(0);
  });

  it("cannot send without the gateway's address", async () => {
    const { provider, ours } = await start();
    const error = await providerErrorOf(
      provider.send({ ...ours, baseUrl: null }, toPerson, sendOptions()),
    );
    expect(error).toMatchObject({ kind: "unauthorized", reason: "not_configured" });
  });

  it.each([
    ["PENDING", "nothing", "handed to the library"],
    ["SERVER_ACK", "sent", "WhatsApp has it"],
    ["DELIVERY_ACK", "delivered", "on a phone"],
    ["READ", "read", "before the person"],
    ["PLAYED", "read", "a voice note was heard"],
    ["read", "read", "in small letters"],
    ["ERROR", "failed", "refused later"],
    ["DELETED", "nothing", "2.3.6's word for no status"],
    ["EDITED", "nothing", "no evidence"],
    ["", "unknown", "nothing said"],
    ["TELEPORTED", "unknown", "nobody listed it"],
    ["constructor", "unknown", "no word of the table"],
  ])("reads the status %j as %s (%s)", (word, expected) => {
    const found = readStatus(word);
    expect(found.kind === "receipt" ? found.status : found.kind).toBe(expected);
  });

  it.each<[string, number | null, string | null, string]>([
    ["open", 200, "connected", "linked"],
    ["open", 401, "connected", "the state counts"],
    ["close", 401, "disconnected", "unlinked"],
    ["close", 402, "restricted", "banned for a while"],
    ["close", 403, "banned", "forbidden"],
    ["close", 406, "banned", "banned"],
    ["close", 428, "disconnected", "a code without a meaning of its own"],
    ["close", null, "disconnected", "no code"],
    ["closed", null, "disconnected", "the other spelling"],
    ["connecting", 200, null, "not known yet"],
    ["", null, null, "nothing said"],
  ])("reads the connection %j with %j as %j (%s)", (state, code, expected) => {
    expect(readConnection(state, code)).toBe(expected);
  });
});

describe("ids of our own", () => {
  const DELIVERY = "dlv_01j2xy39ejfxq4rehb3m79z2kw";

  it("hold the delivery's id and give it back", () => {
    expect(deliveryKeyOf(messageIdFor(DELIVERY))).toBe(DELIVERY);
    expect(messageIdFor(DELIVERY)).toMatch(/^3EB0[0-9A-F]{32}$/);
    expect(messageIdFor(DELIVERY)).toBe(messageIdFor(DELIVERY));
  });

  it.each([
    ["dlv_00000000000000000000000000", "the least"],
    ["dlv_7zzzzzzzzzzzzzzzzzzzzzzzzz", "the greatest"],
  ])("hold %s, %s", (delivery) => {
    expect(deliveryKeyOf(messageIdFor(delivery))).toBe(delivery);
  });

  it.each([
    ["dlv_1", "no delivery's id"],
    ["dlv_8zzzzzzzzzzzzzzzzzzzzzzzzz", "more than 128 bits"],
    ["ntf_01j2xy39ejfxq4rehb3m79z2kw", "another kind"],
  ])("of %s have the usual length: %s", (key) => {
    expect(messageIdFor(key)).toMatch(/^3EB0[0-9A-F]{18}$/);
    expect(deliveryKeyOf(messageIdFor(key))).toBeNull();
  });

  it.each(["3EB0A1B2C3D4E5F60718", "3A0000000000000000A1", "", "3eb0"])(
    "are not taken for one in %j",
    (id) => expect(deliveryKeyOf(id)).toBeNull(),
  );
});

describe("evolution's webhook", () => {
  const body = {
    event: "messages.update",
    instance: "site a",
    data: { keyId: "3EB0A1", fromMe: true, status: "READ" },
  };
  const posted = (
    headers: Readonly<Record<string, string>>,
    content: unknown = body,
  ): RawWebhook => ({
    method: "POST",
    url: WEBHOOK_URL,
    headers: { "content-type": "application/json", ...headers },
    body: Buffer.from(JSON.stringify(content)),
  });
  const reader = (): NonNullable<Provider["webhook"]> => {
    const provider = providerFor("whatsapp_personal")(() => Promise.reject(new Error("no calls")));
    if (provider.webhook === null) throw new Error("evolution has a webhook");
    return provider.webhook;
  };
  const ours = account("");
  const bearer = evolutionAuthorization(SECRET, NOW);

  it("is believed by the token that jwt_key makes, also long after it was made", () => {
    expect(reader().verify(posted({ authorization: bearer }), ours)).toEqual({ ok: true });
    const old = evolutionAuthorization(SECRET, NOW - 7_200_000);
    expect(reader().verify(posted({ authorization: old }), ours)).toEqual({ ok: true });
  });

  it.each([
    ["another key", evolutionAuthorization("another", NOW)],
    ["no token", "Bearer x"],
    ["nothing", ""],
    ["its last part missing", bearer.slice(0, bearer.lastIndexOf("."))],
    ["a fourth part", `${bearer}.x`],
    ["other claims", bearer.replace(/\.[^.]+\./, `.${encoded({ app: "x", action: "webhook" })}.`)],
  ])("is refused with a token of %s", (_what, authorization) => {
    expect(reader().verify(posted({ authorization }), ours)).toEqual({
      ok: false,
      reason: "wrong_signature",
    });
  });

  it("is refused with a token that is rightly signed and says something else", () => {
    expect(isEvolutionAuthorizationValid(bearer, SECRET)).toBe(true);
    const none = `Bearer ${encoded({ alg: "none" })}.${encoded({ app: "evolution", action: "webhook" })}.`;
    expect(isEvolutionAuthorizationValid(none, SECRET)).toBe(false);
  });

  it("is refused for another instance", () => {
    const other = posted({ [EVOLUTION_SECRET_HEADER]: SECRET }, { ...body, instance: "site_b" });
    expect(reader().verify(other, ours)).toEqual({ ok: false, reason: "wrong_account" });
  });

  it("is refused when it is no POST", () => {
    const request = { ...posted({ [EVOLUTION_SECRET_HEADER]: SECRET }), method: "GET" as const };
    expect(reader().verify(request, ours)).toEqual({ ok: false, reason: "unreadable" });
  });

  it("tells one state at two times as two events, and a repeat of it as one", () => {
    const state = (date_time: string): RawWebhook =>
      posted(
        {},
        { event: "connection.update", instance: "site a", data: { state: "open" }, date_time },
      );
    const keyOf = (request: RawWebhook): string | undefined =>
      reader().parse(request, ours, NOW)[0]?.eventKey;
    const first = state("2026-05-17T07:00:05.000Z");
    expect(keyOf(first)).toBe(keyOf(first));
    expect(keyOf(first)).not.toBe(keyOf(state("2026-05-17T08:00:05.000Z")));
  });

  it("tells a receipt that is told twice as one event", () => {
    const data = { ...body.data, messageId: "another database id" };
    const keys = [posted({}), posted({}, { ...body, data })].map(
      (request) => reader().parse(request, ours, NOW)[0]?.eventKey,
    );
    expect(keys[0]).toBe(keys[1]);
  });
});

describe("what evolution can be asked", () => {
  it.each([
    ["open", "connected"],
    ["close", "disconnected"],
    ["connecting", "disconnected"],
  ])("is whether the instance is linked: %s is %s", async (word, state) => {
    const { server, provider, ours } = await start();
    server.script(answer(200, { instance: { instanceName: "site a", state: word } }));
    expect(await provider.probe?.(ours, OPTIONS)).toEqual({
      state,
      quotaLeft: null,
      detail: { state: word },
    });
    expect(server.requests[0]).toMatchObject({
      method: "GET",
      path: "/instance/connectionState/site%20a",
    });
  });

  it.each<[string, number, unknown, string]>([
    ["a state nobody listed", 200, { instance: { state: "floating" } }, "malformed"],
    ["no object", 200, [], "malformed"],
    ["a page", 200, "<html></html>", "malformed"],
    ["a wrong key", 401, { status: 401, response: { message: "Unauthorized" } }, "unauthorized"],
    ["an error", 500, {}, "unavailable"],
    ["no licence", 503, { code: "LICENSE_REQUIRED" }, "unauthorized"],
  ])("takes a state answered with %s for %s", async (...row) => {
    const [, status, content, kind] = row;
    const { server, provider, ours } = await start();
    server.script(answer(status, content));
    const error = await providerErrorOf(provider.probe?.(ours, OPTIONS) ?? Promise.resolve());
    expect(error.kind).toBe(kind);
    expectNothingSecret(error, [API_KEY, SECRET]);
  });

  it("is which groups the number is in", async () => {
    const { server, provider, ours } = await start("whatsapp_group");
    server.script(
      answer(200, [
        { id: "120363020000000001@g.us", subject: "NOC Team", size: 3 },
        { id: "120363020000000002@g.us" },
        { subject: "no id" },
        { id: "6281234000001@s.whatsapp.net", subject: "no group" },
      ]),
    );
    expect((await provider.listGroups?.(ours, OPTIONS))?.groups).toEqual([
      { groupChatId: "120363020000000001@g.us", name: "NOC Team" },
      { groupChatId: "120363020000000002@g.us", name: "120363020000000002@g.us" },
    ]);
    expect(server.requests[0]?.path).toBe("/group/fetchAllGroups/site%20a?getParticipants=false");
    server.script(answer(200, { groups: [] }));
    const error = await providerErrorOf(provider.listGroups?.(ours, OPTIONS) ?? Promise.resolve());
    expect(error.kind).toBe("malformed");
  });

  it.each<[string, readonly string[], unknown]>([
    ["the furthest of its statuses", ["SERVER_ACK", "READ", "DELIVERY_ACK"], { status: "read" }],
    ["its only status", ["SERVER_ACK"], { status: "sent" }],
    ["a failure", ["ERROR"], { status: "failed", failure: { vendorCode: "ERROR" } }],
    ["a failure beside a delivery", ["ERROR", "DELIVERY_ACK"], { status: "delivered" }],
  ])("is what became of a message: %s", async (_what, words, expected) => {
    const { server, provider, ours } = await start();
    const rows = words.map((status) => ({ keyId: "3EB0A1", fromMe: true, status }));
    server.script(answer(200, rows));
    expect(await provider.lookUp?.(ours, "3EB0A1", OPTIONS)).toMatchObject(expected as object);
    const [request] = server.requests;
    expect(request?.path).toBe("/chat/findStatusMessage/site%20a");
    expect(request === undefined ? null : jsonIn(request)).toEqual({
      where: { id: "3EB0A1" },
      page: 1,
      offset: 50,
    });
  });

  it.each([
    ["nothing is stored", []],
    ["only PENDING is stored", [{ keyId: "3EB0A1", fromMe: true, status: "PENDING" }]],
    ["another message is told", [{ keyId: "3EB0A2", fromMe: true, status: "READ" }]],
    ["a message to us is told", [{ keyId: "3EB0A1", fromMe: false, status: "READ" }]],
  ])("knows nothing of a message when %s", async (_what, rows) => {
    const { server, provider, ours } = await start();
    server.script(answer(200, rows));
    expect(await provider.lookUp?.(ours, "3EB0A1", OPTIONS)).toBeNull();
  });

  const record = (changes: Readonly<Record<string, unknown>> = {}): unknown => ({
    key: { id: "3EB0LOST", fromMe: true, remoteJid: "6281234000001@s.whatsapp.net" },
    message: { conversation: toPerson.text },
    messageTimestamp: Math.floor(NOW / 1000),
    ...changes,
  });

  it.each<[string, unknown, boolean, string]>([
    ["its text", record(), true, "the usual form"],
    [
      "its text as a long one",
      record({ message: { extendedTextMessage: { text: toPerson.text } } }),
      true,
      "another form",
    ],
    [
      "its caption",
      record({ message: { imageMessage: { caption: toPerson.text } } }),
      true,
      "file",
    ],
    ["another text", record({ message: { conversation: "x" } }), false, "another message"],
    [
      "the second before",
      record({ messageTimestamp: Math.floor(NOW / 1000) - 1 }),
      false,
      "an older one",
    ],
    [
      "another chat",
      record({ key: { id: "3EB0X", fromMe: true, remoteJid: "6281234000002@s.whatsapp.net" } }),
      false,
      "somebody else's",
    ],
    [
      "the other side",
      record({ key: { id: "3EB0X", fromMe: false, remoteJid: "6281234000001@s.whatsapp.net" } }),
      false,
      "an answer",
    ],
    ["no time", record({ messageTimestamp: null }), false, "it proves nothing"],
    ["no id", record({ key: { fromMe: true } }), false, "nothing could be matched"],
  ])("finds a lost message by %s: %s", async (_by, found, isFound) => {
    const { server, provider, ours } = await start();
    server.script(answer(200, { messages: { total: 1, records: [found] } }));
    const result = await provider.findLost?.(ours, toPerson, NOW + 400, OPTIONS);
    expect(result?.providerMessageId ?? null).toBe(isFound ? "3EB0LOST" : null);
    const [request] = server.requests;
    expect(request?.path).toBe("/chat/findMessages/site%20a");
    expect(request === undefined ? null : jsonIn(request)).toEqual({
      where: { key: { remoteJid: "6281234000001@s.whatsapp.net", fromMe: true } },
      page: 1,
      offset: 50,
    });
  });

  it("does not take a lost place for any other message without text", async () => {
    const { server, provider, ours } = await start();
    server.script(answer(200, { messages: { records: [record({ message: {} })] } }));
    const place: OutboundMessage = { ...toPerson, text: "" };
    expect(await provider.findLost?.(ours, place, NOW, OPTIONS)).toBeNull();
  });
});

function encoded(value: Readonly<Record<string, unknown>>): string {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}
