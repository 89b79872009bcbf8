import { describe, expect, it, onTestFinished } from "vitest";

import { createHttpClient } from "../../providers/http.ts";
import type { HttpCall } from "../../providers/http.ts";
import type { AccountContext, OutboundMessage, Provider } from "../../providers/provider.ts";
import { createWablasProviders } from "../../providers/wablas/index.ts";
import { readDeviceState, readStatus } from "../../providers/wablas/vocabulary.ts";
import {
  answer,
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
import { at } from "./simulated/support.ts";

const DEVICE = "6281234000099";

const account = (baseUrl: string): AccountContext => ({
  accountId: "acc_1",
  baseUrl,
  sender: `+${DEVICE}`,
  credentials: { token: "tOkEn+perangkat@1", secretKey: "rAhAsIa9" },
  settings: { deviceId: "ABC123" },
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
    const found = createWablasProviders(httpCall).find((each) => each.channel === channel);
    if (found === undefined) throw new Error(`no wablas for ${channel}`);
    return found;
  };
}

function namingDevice(webhook: UnsignedWebhook, deviceId: string, sender: string): UnsignedWebhook {
  if (webhook.headers["content-type"] !== "application/json") {
    const form = new URLSearchParams(webhook.body);
    form.set(form.has("device_id") ? "device_id" : "deviceId", deviceId);
    form.set("sender", sender);
    return { ...webhook, body: form.toString() };
  }
  const fields = JSON.parse(webhook.body) as Record<string, unknown>;
  return { ...webhook, body: JSON.stringify({ ...fields, deviceId, sender }) };
}

const shared = {
  account,
  textIn: (request) => String(at(jsonIn(request), "data", 0, "message")),
  expectRequest: (request, expected) => {
    expect(jsonIn(request)).toEqual(expected.json);
    expect(request.headers["content-type"]).toBe("application/json");
    expect(request.headers.authorization).toBe("tOkEn+perangkat@1.rAhAsIa9");
  },
  refusalQuoting: (words) =>
    answer(200, { status: false, message: words.join(" "), data: { phone: words.join() } }),
  sign: (webhook) => {
    const signed = namingDevice(webhook, "ABC123", DEVICE);
    return { ...signed, body: Buffer.from(signed.body) };
  },
  signWrongly: (webhook) => {
    const signed = namingDevice(webhook, "XYZ789", "6281234000098");
    return { ...signed, body: Buffer.from(signed.body) };
  },
  unsignedReason: "wrong_account",
  wrongReason: "wrong_account",
  skip: [
    {
      case: "a secret in the body",
      reason: "nothing is signed: whoever knows the address and the device may write what he likes",
    },
  ],
} satisfies Partial<Conformance>;

runConformance({
  ...shared,
  title: "wablas to a person",
  create: providerFor("whatsapp_personal"),
  message: toPerson,
  messageElsewhere: toGroup,
  fixtures: {
    requests: "wablas/requests.json",
    successes: "wablas/successes.json",
    failures: "wablas/failures.json",
    webhooks: "wablas/webhooks.json",
  },
});

runConformance({
  ...shared,
  title: "wablas to a group",
  create: providerFor("whatsapp_group"),
  message: toGroup,
  messageElsewhere: toPerson,
  fixtures: {
    requests: "wablas/group-requests.json",
    successes: "wablas/successes.json",
    failures: "wablas/failures.json",
    webhooks: "wablas/webhooks.json",
  },
});

async function startWablas(): Promise<{
  readonly server: ScriptedServer;
  readonly provider: Provider;
}> {
  const server = await startScriptedServer();
  const client = createHttpClient();
  onTestFinished(async () => {
    client.close();
    await server.close();
  });
  return { server, provider: providerFor("whatsapp_personal")(client.call) };
}

const options = { signal: new AbortController().signal, timeoutMs: 1_000, now: NOW };

describe("wablas", () => {
  it("sends nothing while the account has no server of its own", async () => {
    const { server, provider } = await startWablas();
    const nowhere = { ...account(server.baseUrl), baseUrl: null };
    const error = await providerErrorOf(provider.send(nowhere, toPerson, sendOptions()));
    expect(error).toMatchObject({ kind: "unauthorized", reason: "not_configured" });
    expect(server.requests).toHaveLength(0);
  });

  it("sends the token alone where the device has no secret key", async () => {
    const { server, provider } = await startWablas();
    server.script(answer(200, { status: true, data: { messages: [{ id: "a" }] } }));
    const plain = { ...account(server.baseUrl), credentials: { token: "t" } };
    await provider.send(plain, toPerson, sendOptions());
    expect(server.requests[0]?.headers.authorization).toBe("t");
  });

  it.each([
    ["120363020000000001@g.us,6281234000002", "a list would reach more than one"],
    ["120363020000000001", "a bare number is no group"],
    ["6281234000001", "a phone is no group"],
  ])("refuses the group id %j: %s", async (groupChatId) => {
    const { server } = await startWablas();
    const client = createHttpClient();
    const provider = providerFor("whatsapp_group")(client.call);
    const message: OutboundMessage = { ...toGroup, to: { kind: "group", groupChatId } };
    const error = await providerErrorOf(
      provider.send(account(server.baseUrl), message, sendOptions()),
    );
    client.close();
    expect(error).toMatchObject({ kind: "rejected", reason: "invalid_recipient" });
    expect(server.requests).toHaveLength(0);
  });

  it("refuses a place with a text, which a pin can't show", async () => {
    const { server, provider } = await startWablas();
    const message: OutboundMessage = {
      ...toPerson,
      attachment: { kind: "location", latitude: -6.2, longitude: 106.8, name: null, address: null },
    };
    const error = await providerErrorOf(
      provider.send(account(server.baseUrl), message, sendOptions()),
    );
    expect(error).toMatchObject({ kind: "rejected", reason: "unsupported_content" });
    expect(server.requests).toHaveLength(0);
  });

  it.each([
    ["pending", "queued", "documented"],
    ["sent", "sent", "documented"],
    ["SENT", "sent", "capitalisation may vary"],
    ["received", "delivered", "documented"],
    ["delivered", "delivered", "the report's word in an integration"],
    ["read", "read", "documented"],
    ["reject", "failed", "documented"],
    ["rejected", "failed", "the report's word in an integration"],
    ["cancel", "failed", "documented"],
    ["failed", "failed", "the report's word in an integration"],
    ["unread", "unknown", "not read, and not listed"],
    ["constructor", "unknown", "no word of theirs"],
    ["", "unknown", "empty"],
  ])("reads the status %j as %s (%s)", (word, expected) => {
    const found = readStatus(word);
    expect(found.kind === "receipt" ? found.status : found.kind).toBe(expected);
  });

  it.each([
    ["connected", "connected"],
    ["Ready to use", "connected"],
    ["disconnected", "disconnected"],
    ["need scan qr code again", "disconnected"],
    ["device not connected", "disconnected"],
    ["expired", "disconnected"],
    ["banned", "banned"],
    ["connecting", null],
    ["", null],
  ])("reads the device state %j as %j", (word, expected) => {
    expect(readDeviceState(word)).toBe(expected);
  });

  it("answers every webhook with nothing, because a text would go into the chat", () => {
    const respond = reader().respond(webhook({}), account(""), null);
    expect(respond).toMatchObject({ status: 200, body: "" });
  });

  it.each<[Record<string, string>, Record<string, string>, boolean, string]>([
    [{ deviceId: "ABC123" }, { deviceId: "ABC123" }, true, "the device's id"],
    [{ deviceId: "ABC123" }, { device_id: "ABC123" }, true, "the older spelling"],
    [{ deviceId: "ABC123" }, { sender: DEVICE }, false, "an id is demanded where one is set"],
    [{ deviceId: "ABC123" }, { deviceId: "X", sender: DEVICE }, false, "another device"],
    [{}, { sender: DEVICE }, true, "the device's number"],
    [{}, { sender: `0${DEVICE.slice(2)}` }, true, "the number in national form"],
    [{}, { sender: "6281234000098" }, false, "another number"],
    [{}, { deviceId: "ABC123" }, false, "an id that nobody knows"],
    [{}, {}, false, "nothing"],
  ])("with the settings %j believes %j: %s (%s)", (settings, named, isBelieved) => {
    const request = webhook({ id: "1", status: "sent", ...named });
    const verdict = reader().verify(request, { ...account(""), settings });
    expect(verdict).toEqual(isBelieved ? { ok: true } : { ok: false, reason: "wrong_account" });
  });

  it("takes equal texts at different minutes for two messages when neither id nor time is told", () => {
    const request = webhook({ deviceId: "ABC123", phone: "6281234000001", message: "1" });
    const keyAt = (time: number): string | undefined =>
      reader().parse(request, account(""), time)[0]?.eventKey;
    expect(keyAt(NOW)).toBe(keyAt(NOW + 59_999));
    expect(keyAt(NOW)).not.toBe(keyAt(NOW + 60_000));
  });

  it("refuses anything else than a POST", () => {
    const request = { ...webhook({ deviceId: "ABC123" }), method: "GET" as const };
    expect(reader().verify(request, account(""))).toEqual({ ok: false, reason: "unreadable" });
  });
});

describe("wablas, asked", () => {
  it.each([
    [
      { status: "connected", quota: 9876 },
      { state: "connected", quotaLeft: 9876 },
    ],
    [
      { status: "connected", quota: "12" },
      { state: "connected", quotaLeft: 12 },
    ],
    [[{ status: "disconnected" }], { state: "disconnected", quotaLeft: null }],
  ])("for the device %j finds %j", async (device, expected) => {
    const { server, provider } = await startWablas();
    server.script(answer(200, { status: true, message: "", data: device }));
    expect(await provider.probe?.(account(server.baseUrl), options)).toMatchObject(expected);
    const [request] = server.requests;
    expect(request?.method).toBe("GET");
    expect(request?.path).toBe("/api/device/info?token=tOkEn%2Bperangkat%401");
  });

  it.each([
    [answer(200, { status: false, message: "token invalid" }), "unauthorized", "credentials"],
    [answer(200, { status: true, data: {} }), "malformed", "unreadable_answer"],
    [{ do: "hang" } as const, "unavailable", "timeout"],
  ])("for the device fails as it is (%j)", async (script, kind, reason) => {
    const { server, provider } = await startWablas();
    server.script(script);
    const probe = provider.probe?.(account(server.baseUrl), { ...options, timeoutMs: 200 });
    const error = await providerErrorOf(probe ?? Promise.resolve());
    expect(error).toMatchObject({ kind, reason });
    expect(JSON.stringify([error.message, error.stack])).not.toContain("perangkat");
  });

  const row = (changes: object = {}) => ({
    id: "0f6c",
    phone: { from: DEVICE, to: "6281234000001" },
    text: toPerson.text,
    status: "sent",
    type: "single",
    ref_id: "dlv_1",
    // NOW in Jakarta.
    date: { created_at: "2026-09-01 19:00:00", updated_at: "2026-09-01 19:00:02" },
    ...changes,
  });
  const report = (...rows: readonly object[]) =>
    answer(200, { status: true, message: rows, totalData: rows.length, perPage: 20, page: 1 });

  it.each([
    ["pending", null],
    ["sent", { status: "sent", at: null, failure: null }],
    ["received", { status: "delivered" }],
    ["read", { status: "read" }],
    ["reject", { status: "failed", failure: { kind: "rejected" } }],
    ["cancel", { status: "failed", failure: { reason: "canceled" } }],
    ["zzz", null],
  ])("for a message that is %s answers %j", async (status, expected) => {
    const { server, provider } = await startWablas();
    server.script(report(row({ status })));
    const receipt = await provider.lookUp?.(account(server.baseUrl), "0f6c", options);
    if (expected === null) expect(receipt).toBeNull();
    else expect(receipt).toMatchObject(expected);
    expect(server.requests[0]?.path).toBe("/api/report/message?message_id=0f6c");
    expect(server.requests[0]?.headers.authorization).toBe("tOkEn+perangkat@1.rAhAsIa9");
  });

  it("for a message that the report does not know answers null", async () => {
    const { server, provider } = await startWablas();
    server.script(report(row({ id: "another" })));
    expect(await provider.lookUp?.(account(server.baseUrl), "0f6c", options)).toBeNull();
  });

  it.each([
    ["the same text, just now", "0f6c", row()],
    ["another text", null, row({ text: "Halo" })],
    ["the same text, before that", null, row({ date: { created_at: "2026-09-01 18:50:00" } })],
    ["the same text without a date", null, row({ date: {} })],
  ])("for a lost message, seeing %s, finds %j", async (_what, expected, found) => {
    const { server, provider } = await startWablas();
    server.script(report(found));
    const lost = await provider.findLost?.(
      account(server.baseUrl),
      toPerson,
      NOW - 60_000,
      options,
    );
    expect(lost?.providerMessageId ?? null).toBe(expected);
    expect(server.requests.map(({ path }) => path)).toEqual([
      "/api/report/message?date=2026-09-01&phone=6281234000001&perPage=100",
    ]);
    expect(JSON.stringify(lost)).not.toContain("6281234000001");
  });

  it("for a lost message looks through both days when midnight in Jakarta lies between", async () => {
    const { server, provider } = await startWablas();
    server.script(report());
    const midnight = Date.UTC(2026, 7, 31, 17, 0, 0);
    await provider.findLost?.(account(server.baseUrl), toPerson, midnight - 1_000, {
      ...options,
      now: midnight + 1_000,
    });
    expect(server.requests.map(({ path }) => /date=([\d-]+)/.exec(path)?.[1])).toEqual([
      "2026-09-01",
      "2026-08-31",
    ]);
  });

  it.each([
    [answer(429, { error: "Report generation limit exceeded" }), "rate_limited"],
    [answer(200, { status: true, message: "no report" }), "malformed"],
    [answer(500, "<html>oops</html>"), "unavailable"],
  ])("for the report fails as it is (%j)", async (script, kind) => {
    const { server, provider } = await startWablas();
    server.script(script);
    const asked = provider.lookUp?.(account(server.baseUrl), "0f6c", options);
    expect(await providerErrorOf(asked ?? Promise.resolve())).toMatchObject({ kind });
  });
});

function reader(): NonNullable<Provider["webhook"]> {
  const provider = providerFor("whatsapp_personal")(() => Promise.reject(new Error("no calls")));
  if (provider.webhook === null) throw new Error("wablas has a webhook");
  return provider.webhook;
}

function webhook(body: Record<string, unknown>): {
  method: "POST";
  url: string;
  headers: Record<string, string>;
  body: Uint8Array;
} {
  return {
    method: "POST",
    url: WEBHOOK_URL,
    headers: { "content-type": "application/json" },
    body: Buffer.from(JSON.stringify(body)),
  };
}
