import { describe, expect, it, onTestFinished } from "vitest";

import { createGowaProviders } from "../../providers/gowa/index.ts";
import { GOWA_SIGNATURE_HEADER, signGowaWebhook } from "../../providers/gowa/signature.ts";
import { readReceiptType } from "../../providers/gowa/vocabulary.ts";
import { createHttpClient } from "../../providers/http.ts";
import type { HttpCall } from "../../providers/http.ts";
import type {
  AccountContext,
  Attachment,
  OutboundMessage,
  Provider,
} from "../../providers/provider.ts";
import { answer, NOW, providerErrorOf, runConformance, sendOptions } from "./conformance.ts";
import type { Conformance, UnsignedWebhook } from "./conformance.ts";
import { contentTypeOf, jsonIn, multipartWithFilesIn } from "./forms.ts";
import { startScriptedServer } from "./scripted-server.ts";
import type { ScriptedServer } from "./scripted-server.ts";

const SECRET = "rahasia-webhook-perangkat";
const PASSWORD = "kata:sandi-1";

const account = (baseUrl: string): AccountContext => ({
  accountId: "acc_1",
  baseUrl,
  sender: "+6281234000099",
  credentials: { username: "gateway-user", password: PASSWORD, webhookSecret: SECRET },
  settings: { deviceId: "site_a" },
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
    const found = createGowaProviders(httpCall).find((each) => each.channel === channel);
    if (found === undefined) throw new Error(`no gowa for ${channel}`);
    return found;
  };
}

function signed(
  webhook: UnsignedWebhook,
  secret: string,
): ReturnType<NonNullable<Conformance["sign"]>> {
  const body = Buffer.from(webhook.body);
  const headers = { ...webhook.headers, [GOWA_SIGNATURE_HEADER]: signGowaWebhook(body, secret) };
  return { ...webhook, body, headers };
}

const shared = {
  account,
  textIn: (request) => {
    const body = jsonIn(request);
    return typeof body === "object" && body !== null && "message" in body
      ? String(body.message)
      : "";
  },
  expectRequest: (request, expected) => {
    if (expected.json === undefined) {
      expect(multipartWithFilesIn(request)).toEqual(expected.fields);
    } else {
      expect(contentTypeOf(request)).toBe("application/json");
      expect(jsonIn(request)).toEqual(expected.json);
    }
    const pair = Buffer.from(`gateway-user:${PASSWORD}`).toString("base64");
    expect(request.headers.authorization).toBe(`Basic ${pair}`);
    expect(request.headers["x-device-id"]).toBe("site_a");
  },
  refusalQuoting: (words) =>
    answer(400, { code: words.join(" "), message: words.join(" "), results: words }),
  sign: (webhook, ours) => signed(webhook, ours.credentials["webhookSecret"] ?? ""),
  signWrongly: (webhook) => signed(webhook, "secret"),
  unsignedReason: "missing_signature",
  wrongReason: "wrong_signature",
  skip: [],
} satisfies Partial<Conformance>;

runConformance({
  ...shared,
  title: "gowa to a person",
  create: providerFor("whatsapp_personal"),
  message: toPerson,
  messageElsewhere: toGroup,
  fixtures: {
    requests: "gowa/requests.json",
    successes: "gowa/successes.json",
    failures: "gowa/failures.json",
    webhooks: "gowa/webhooks.json",
  },
});

runConformance({
  ...shared,
  title: "gowa to a group",
  create: providerFor("whatsapp_group"),
  message: toGroup,
  messageElsewhere: toPerson,
  fixtures: {
    requests: "gowa/group-requests.json",
    successes: "gowa/successes.json",
    failures: "gowa/failures.json",
    webhooks: "gowa/webhooks.json",
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

const success = (results: unknown): ReturnType<typeof answer> =>
  answer(200, { code: "SUCCESS", message: "Success", results });

describe("gowa", () => {
  it.each([
    ["secret", false, "what everybody's gateway signs with"],
    ["Secret", true, "another one"],
    ["", false, "none"],
  ])("takes the webhook secret %j: %j (%s)", (webhookSecret, isTaken) => {
    const provider = providerFor("whatsapp_personal")(() => Promise.reject(new Error("no calls")));
    expect(provider.credentials.safeParse({ webhookSecret }).success).toBe(isTaken);
  });

  it("believes nothing that is signed with the default secret, even where it was configured", () => {
    const { webhook } = providerFor("whatsapp_personal")(() =>
      Promise.reject(new Error("no calls")),
    );
    const request = signed(
      { method: "POST", url: "https://siaga.example/", headers: {}, body: "{}" },
      "secret",
    );
    const careless = { ...account(""), credentials: { webhookSecret: "secret" } };
    expect(webhook?.verify(request, careless)).toEqual({ ok: false, reason: "not_configured" });
    expect(webhook?.verify({ ...request, method: "GET" }, account(""))).toEqual({
      ok: false,
      reason: "unreadable",
    });
  });

  it.each<[string, string | null, string]>([
    ["delivered", "delivered", "documented"],
    ["read", "read", "documented"],
    ["played", "read", "not forwarded by this release"],
    ["read-self", "ours", "our own account elsewhere"],
    ["played-self", "ours", "our own account elsewhere"],
    ["sender", "ours", "our other devices"],
    ["retry", null, "nothing proved"],
    ["", null, "empty"],
    ["zzz", null, "nobody listed it"],
  ])("reads the receipt %j as %j (%s)", (word, expected) => {
    expect(readReceiptType(word)).toBe(expected);
  });

  it("asks without a name and a device where the gateway asks for none", async () => {
    const { server, provider } = await start();
    server.script(success({ message_id: "3EB0AA" }));
    const open = {
      ...account(server.baseUrl),
      credentials: { webhookSecret: SECRET },
      settings: {},
    };
    await provider.send(open, toPerson, sendOptions());
    expect(server.requests[0]?.headers.authorization).toBeUndefined();
    expect(server.requests[0]?.headers["x-device-id"]).toBeUndefined();
  });

  it("keeps a base path of the gateway", async () => {
    const { server, provider } = await start();
    server.script(success({ message_id: "3EB0AA" }));
    await provider.send(account(`${server.baseUrl}/wa/`), toPerson, sendOptions());
    expect(server.requests[0]?.path).toBe("/wa/send/message");
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

  it.each([
    ["120363020000000001", "a bare number of more than fifteen characters would be a group"],
    ["6281234000001@s.whatsapp.net", "a person"],
    ["", "nobody"],
  ])("refuses the group id %j: %s", async (groupChatId) => {
    const { server, provider } = await start("whatsapp_group");
    const error = await providerErrorOf(
      provider.send(
        account(server.baseUrl),
        { ...toGroup, to: { kind: "group", groupChatId } },
        sendOptions(),
      ),
    );
    expect(error).toMatchObject({ kind: "rejected", reason: "invalid_recipient" });
    expect(server.requests).toHaveLength(0);
  });

  it("writes no file name that could begin another header", async () => {
    const { server, provider } = await start();
    server.script(success({ message_id: "3EB0AA" }));
    const attachment: Attachment = {
      kind: "document",
      url: "https://siaga.example/a.pdf",
      fileName: 'a"\r\nX-Evil: 1.pdf',
      content: { bytes: new Uint8Array([13, 10, 45, 45, 0]), contentType: "a/b\r\nX-Evil: 1" },
    };
    await provider.send(account(server.baseUrl), { ...toPerson, attachment }, sendOptions());
    const [request] = server.requests;
    expect(request?.body.toString("latin1")).toContain('filename="a%22%0D%0AX-Evil: 1.pdf"');
    expect(request?.body.toString("latin1")).not.toMatch(/^X-Evil/m);
    expect(request?.body.includes(Buffer.from([13, 10, 45, 45, 0]))).toBe(true);
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
    [true, true, "connected"],
    [true, false, "disconnected"],
    [false, true, "disconnected"],
    [false, false, "disconnected"],
  ])("is connected %j and logged in %j: %s", async (is_connected, is_logged_in, state) => {
    const { server, provider } = await start();
    const status = { is_connected, is_logged_in, jid: "6281234000099@s.whatsapp.net" };
    server.script(success({ device_id: "site_a", ...status }));
    const probe = await provider.probe?.(account(server.baseUrl), OPTIONS);
    expect(probe).toEqual({ state, quotaLeft: null, detail: { is_connected, is_logged_in } });
    expect(server.requests[0]?.path).toBe("/devices/site_a/status");
    const only = { ...account(server.baseUrl), settings: {} };
    await provider.probe?.(only, OPTIONS);
    expect(server.requests[1]?.path).toBe("/app/status");
  });

  it.each([
    ["half an answer", success({ is_connected: true }), "malformed"],
    ["no JSON", answer(200, "<html>"), "malformed"],
    ["a wrong password", answer(401, "Unauthorized"), "unauthorized"],
    ["an error", answer(500, { code: "INTERNAL_SERVER_ERROR" }), "unavailable"],
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

  it("lists the groups that the device is in", async () => {
    const { server, provider } = await start("whatsapp_group");
    server.script(
      success({
        data: [
          { JID: "120363020000000001@g.us", Name: "NOC Team", Participants: [] },
          { JID: "120363020000000002@g.us" },
          { Name: "no id" },
        ],
      }),
    );
    expect((await provider.listGroups?.(account(server.baseUrl), OPTIONS))?.groups).toEqual([
      { groupChatId: "120363020000000001@g.us", name: "NOC Team" },
      { groupChatId: "120363020000000002@g.us", name: "120363020000000002@g.us" },
    ]);
    expect(server.requests[0]?.path).toBe("/user/my/groups");
  });

  it("finds a lost message in its chat by its words", async () => {
    const { server, provider } = await start();
    server.script(
      success({
        data: [
          { id: "3EB001", content: "Lain", is_from_me: true },
          { id: "3EB002", content: toPerson.text, is_from_me: false },
          { id: "3EB003", content: toPerson.text, is_from_me: true },
        ],
      }),
    );
    const ours = account(server.baseUrl);
    const found = await provider.findLost?.(ours, toPerson, NOW + 999, OPTIONS);
    expect(found).toMatchObject({ providerMessageId: "3EB003", status: "sent" });
    expect(server.requests[0]?.path).toBe(
      "/chat/6281234000001%40s.whatsapp.net/messages?limit=50&is_from_me=true&start_time=2026-09-01T12%3A00%3A00.000Z",
    );
  });

  it.each([
    [`🖼️ ${toPerson.text}`, true, "an image's caption"],
    [`📄 ${toPerson.text}`, true, "a document's caption"],
    [`Ulang: ${toPerson.text}`, false, "other words before it"],
    [`${toPerson.text}!`, false, "other words after it"],
    ["🖼️ Image", false, "an image without caption"],
  ])("knows the kept words %j for the message's: %j (%s)", async (content, isFound) => {
    const { server, provider } = await start();
    server.script(success({ data: [{ id: "3EB004", content, is_from_me: true }] }));
    const found = await provider.findLost?.(account(server.baseUrl), toPerson, NOW, OPTIONS);
    expect(found?.providerMessageId ?? null).toBe(isFound ? "3EB004" : null);
  });

  it("does not guess about a message without words", async () => {
    const { server, provider } = await start();
    server.script(success({ data: [{ id: "3EB004", content: "📍", is_from_me: true }] }));
    const pin: OutboundMessage = { ...toPerson, text: "" };
    expect(await provider.findLost?.(account(server.baseUrl), pin, NOW, OPTIONS)).toBeNull();
  });

  it("finds nothing in a chat that was never begun, and says when the device is missing", async () => {
    const { server, provider } = await start("whatsapp_group");
    const ours = account(server.baseUrl);
    server.script(answer(404, { code: "404", message: "Chat not found" }));
    expect(await provider.findLost?.(ours, toGroup, NOW, OPTIONS)).toBeNull();
    server.script(answer(404, { code: "DEVICE_NOT_FOUND", message: "device not found" }));
    const error = await providerErrorOf(
      provider.findLost?.(ours, toGroup, NOW, OPTIONS) ?? Promise.resolve(),
    );
    expect(error).toMatchObject({ kind: "unauthorized", reason: "not_configured" });
  });
});
