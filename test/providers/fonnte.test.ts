import { describe, expect, it } from "vitest";

import { createFonnteProviders } from "../../providers/fonnte/index.ts";
import { signFonnteWebhook } from "../../providers/fonnte/signature.ts";
import { readDeviceState, readStatus } from "../../providers/fonnte/vocabulary.ts";
import { createHttpClient } from "../../providers/http.ts";
import type { HttpCall } from "../../providers/http.ts";
import type { AccountContext, OutboundMessage, Provider } from "../../providers/provider.ts";
import { answer, NOW, providerErrorOf, runConformance, WEBHOOK_URL } from "./conformance.ts";
import type { Conformance, UnsignedWebhook } from "./conformance.ts";
import { multipartIn } from "./forms.ts";
import { startScriptedServer } from "./scripted-server.ts";

const SECRET = "rahasia-webhook-perangkat";

const account = (baseUrl: string): AccountContext => ({
  accountId: "acc_1",
  baseUrl,
  sender: "+6281234000099",
  credentials: { token: "tOkEn+perangkat@1", webhookSecret: SECRET },
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
    const found = createFonnteProviders(httpCall).find((each) => each.channel === channel);
    if (found === undefined) throw new Error(`no fonnte for ${channel}`);
    return found;
  };
}

function withSecret(webhook: UnsignedWebhook, secret: string): UnsignedWebhook {
  const isForm = webhook.headers["content-type"] !== "application/json";
  const fields: Record<string, unknown> = isForm
    ? Object.fromEntries(new URLSearchParams(webhook.body))
    : (JSON.parse(webhook.body) as Record<string, unknown>);
  const signed = signFonnteWebhook(fields, secret);
  const body = isForm
    ? new URLSearchParams(signed as Record<string, string>).toString()
    : JSON.stringify(signed);
  return { ...webhook, body };
}

const shared = {
  account,
  textIn: (request) => multipartIn(request)["message"] ?? "",
  expectRequest: (request, expected) => {
    expect(multipartIn(request)).toEqual(expected.fields);
    expect(request.headers.authorization).toBe("tOkEn+perangkat@1");
  },
  refusalQuoting: (words) =>
    answer(200, { status: false, reason: words.join(" "), target: words, detail: words.join() }),
  sign: (webhook, ours) => {
    const signed = withSecret(webhook, ours.credentials["webhookSecret"] ?? "");
    return { ...signed, body: Buffer.from(signed.body) };
  },
  signWrongly: (webhook) => {
    const signed = withSecret(webhook, "another secret");
    return { ...signed, body: Buffer.from(signed.body) };
  },
  unsignedReason: "missing_secret",
  wrongReason: "wrong_secret",
  skip: [
    {
      case: "a secret in the body",
      reason: "nothing is signed: whoever knows the secret may write what he likes",
    },
  ],
} satisfies Partial<Conformance>;

runConformance({
  ...shared,
  title: "fonnte to a person",
  create: providerFor("whatsapp_personal"),
  message: toPerson,
  messageElsewhere: toGroup,
  fixtures: {
    requests: "fonnte/requests.json",
    successes: "fonnte/successes.json",
    failures: "fonnte/failures.json",
    webhooks: "fonnte/webhooks.json",
  },
});

runConformance({
  ...shared,
  title: "fonnte to a group",
  create: providerFor("whatsapp_group"),
  message: toGroup,
  messageElsewhere: toPerson,
  fixtures: {
    requests: "fonnte/group-requests.json",
    successes: "fonnte/successes.json",
    failures: "fonnte/failures.json",
    webhooks: "fonnte/webhooks.json",
  },
});

describe("fonnte", () => {
  it.each([
    ["120363020000000001@g.us,6281234000002", "a list would reach more than one"],
    ["120363020000000001@g.us|Budi", "a bar starts variables"],
    ["rotator#1", "another sender would be chosen"],
    ["120363020000000001", "a bare number is no group"],
  ])("refuses the group id %j: %s", async (groupChatId) => {
    const client = createHttpClient();
    const provider = providerFor("whatsapp_group")(client.call);
    const error = await providerErrorOf(
      provider.send(
        account("http://127.0.0.1:9"),
        { ...toGroup, to: { kind: "group", groupChatId } },
        {
          signal: new AbortController().signal,
          timeoutMs: 1_000,
          deliveryKey: "dlv_1",
          webhookUrl: null,
          validForSeconds: null,
          now: NOW,
        },
      ),
    );
    client.close();
    expect(error).toMatchObject({ kind: "rejected", reason: "invalid_recipient" });
  });

  it.each([
    ["sent", "sent", "documented"],
    ["SENT", "sent", "capitalisation varies"],
    ["success", "sent", "seen in receivers"],
    ["delivered", "delivered", "phone side"],
    ["received", "delivered", "seen in receivers"],
    ["read", "read", "phone side"],
    ["unread", "delivered", "the opposite of read"],
    ["undelivered", "failed", "the opposite of delivered"],
    ["pending", "queued", "device away, tried again next minute"],
    ["waiting", "queued", "scheduled"],
    ["processing", "queued", "documented"],
    ["invalid", "failed", "bad number"],
    ["expired", "failed", "device stayed away"],
    ["url unreachable", "failed", "media"],
    ["failed", "failed", "seen in receivers"],
    ["error", "failed", "seen in receivers"],
    ["rejected", "failed", "seen in receivers"],
    ["cancelled", "failed", "seen in receivers"],
    ["", "unknown", "empty"],
    ["zzz", "unknown", "nobody listed it"],
  ])("reads the status %j as %s (%s)", (word, expected) => {
    const found = readStatus(word);
    expect(found.kind === "receipt" ? found.status : found.kind).toBe(expected);
  });

  it.each([
    ["connect", "connected"],
    ["connected", "connected"],
    ["disconnect", "disconnected"],
    ["Disconnected", "disconnected"],
    ["", null],
    ["expired", null],
  ])("reads the device state %j as %j", (word, expected) => {
    expect(readDeviceState(word)).toBe(expected);
  });

  it("believes a device that has no secret by its number alone", () => {
    const open = { ...account(""), credentials: { token: "t" } };
    const request = webhook({ device: "6281234000099", id: "1", status: "sent" });
    expect(reader().verify(request, open)).toEqual({ ok: true });
    const other = webhook({ device: "6281234000098", id: "1", status: "sent" });
    expect(reader().verify(other, open)).toEqual({ ok: false, reason: "wrong_account" });
    const nameless = webhook({ id: "1", status: "sent" });
    expect(reader().verify(nameless, open)).toEqual({ ok: false, reason: "wrong_account" });
  });

  it("takes equal texts at different minutes for two messages when no time is told", () => {
    const request = webhook({ device: "6281234000099", sender: "6281234000001", message: "1" });
    const keyAt = (at: number): string | undefined =>
      reader().parse(request, account(""), at)[0]?.eventKey;
    expect(keyAt(NOW)).toBe(keyAt(NOW + 59_999));
    expect(keyAt(NOW)).not.toBe(keyAt(NOW + 60_000));
  });

  it("answers anything else than a POST with a refusal", () => {
    const request = { ...webhook({ device: "6281234000099" }), method: "GET" as const };
    expect(reader().verify(request, account(""))).toEqual({ ok: false, reason: "unreadable" });
  });

  it("asks for the device's state and quota", async () => {
    const server = await startScriptedServer();
    const client = createHttpClient();
    const provider = providerFor("whatsapp_personal")(client.call);
    const options = { signal: new AbortController().signal, timeoutMs: 1_000, now: NOW };
    server.script(
      answer(200, {
        device: "6281234000099",
        device_status: "connect",
        expired: "18 November 2029",
        messages: 16785,
        name: "Siaga",
        package: "Reguler",
        quota: "78",
        status: true,
      }),
    );
    const probe = await provider.probe?.(account(server.baseUrl), options);
    expect(probe).toMatchObject({ state: "connected", quotaLeft: 78 });
    expect(server.requests[0]?.path).toBe("/device");
    expect(JSON.stringify(probe?.detail)).not.toContain("6281234000099");

    server.script(answer(200, { device_status: "disconnect", status: true }));
    expect(await provider.probe?.(account(server.baseUrl), options)).toMatchObject({
      state: "disconnected",
      quotaLeft: null,
    });

    server.script({ do: "hang" });
    const lost = await providerErrorOf(
      provider.probe?.(account(server.baseUrl), { ...options, timeoutMs: 200 }) ??
        Promise.resolve(),
    );
    expect(lost).toMatchObject({ kind: "unavailable", reason: "timeout" });
    client.close();
    await server.close();
  });

  it("lists the groups that the device is in", async () => {
    const server = await startScriptedServer();
    const client = createHttpClient();
    const provider = providerFor("whatsapp_group")(client.call);
    server.script(
      answer(200, {
        status: true,
        data: [{ id: "120363020000000001@g.us", name: "NOC Team" }, { name: "no id" }],
      }),
    );
    const list = await provider.listGroups?.(account(server.baseUrl), {
      signal: new AbortController().signal,
      timeoutMs: 1_000,
      now: NOW,
    });
    // Its own copy, refreshed by hand: what it lacks may be there all the same.
    expect(list).toEqual({
      groups: [{ groupChatId: "120363020000000001@g.us", name: "NOC Team" }],
      isComplete: false,
    });
    expect(server.requests[0]?.path).toBe("/get-whatsapp-group");
    client.close();
    await server.close();
  });
});

function reader(): NonNullable<Provider["webhook"]> {
  const provider = providerFor("whatsapp_personal")(() => Promise.reject(new Error("no calls")));
  if (provider.webhook === null) throw new Error("fonnte has a webhook");
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
