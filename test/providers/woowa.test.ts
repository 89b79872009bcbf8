import { describe, expect, it, onTestFinished } from "vitest";

import { createHttpClient } from "../../providers/http.ts";
import type { HttpCall } from "../../providers/http.ts";
import type { AccountContext, OutboundMessage, Provider } from "../../providers/provider.ts";
import { createWoowaProviders } from "../../providers/woowa/index.ts";
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

const KEY = "kUnCi-aPi+1";
const SECRET = "rahasia-balasan";

const MAPPING = {
  sender: "from",
  text: "text",
  id: "id",
  group: "group",
  writer: "member",
  name: "name",
  time: "time",
  secret: "secret",
};

const account = (baseUrl: string): AccountContext => ({
  accountId: "acc_1",
  baseUrl,
  sender: "+6281234000099",
  credentials: { key: KEY, webhookSecret: SECRET },
  settings: { inbound: MAPPING },
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
    const found = createWoowaProviders(httpCall).find((each) => each.channel === channel);
    if (found === undefined) throw new Error(`no woowa for ${channel}`);
    return found;
  };
}

function withSecret(webhook: UnsignedWebhook, secret: string): UnsignedWebhook {
  if (webhook.headers["content-type"] !== "application/json") {
    const form = new URLSearchParams(webhook.body);
    form.set("secret", secret);
    return { ...webhook, body: form.toString() };
  }
  const fields = JSON.parse(webhook.body) as Record<string, unknown>;
  return { ...webhook, body: JSON.stringify({ ...fields, secret }) };
}

const shared = {
  account,
  textIn: (request) => String(at(jsonIn(request), "message")),
  expectRequest: (request, expected) => {
    expect(jsonIn(request)).toEqual(expected.json);
    expect(request.headers["content-type"]).toBe("application/json");
    expect(request.headers.authorization).toBeUndefined();
  },
  refusalQuoting: (words) =>
    answer(200, { code: 400, message: words.join(" "), query: { to: words, key: words.join() } }),
  sign: (webhook) => {
    const signed = withSecret(webhook, SECRET);
    return { ...signed, body: Buffer.from(signed.body) };
  },
  signWrongly: (webhook) => {
    const signed = withSecret(webhook, "another secret");
    return { ...signed, body: Buffer.from(signed.body) };
  },
  unsignedReason: "missing_secret",
  wrongReason: "wrong_secret",
} satisfies Partial<Conformance>;

const UNSIGNED = {
  case: "a secret in the body",
  reason: "nothing is signed: whoever knows the secret may write what he likes",
} as const;

runConformance({
  ...shared,
  title: "woowa to a person",
  create: providerFor("whatsapp_personal"),
  message: toPerson,
  messageElsewhere: toGroup,
  fixtures: {
    requests: "woowa/requests.json",
    successes: "woowa/successes.json",
    failures: "woowa/failures.json",
    webhooks: "woowa/webhooks.json",
  },
  skip: [UNSIGNED],
});

runConformance({
  ...shared,
  title: "woowa to a group",
  create: providerFor("whatsapp_group"),
  message: toGroup,
  messageElsewhere: toPerson,
  fixtures: {
    requests: "woowa/group-requests.json",
    successes: "woowa/successes.json",
    failures: "woowa/failures.json",
    webhooks: "woowa/webhooks.json",
  },
  skip: [UNSIGNED, { case: "attachments", reason: "groups have a text endpoint only" }],
});

async function startWoowa(channel: Provider["channel"] = "whatsapp_personal"): Promise<{
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

describe("woowa", () => {
  it.each([
    [false, "/send_message"],
    [true, "/async_send_message"],
  ])("hands texts to its queue only when the account says so (%s: %s)", async (isQueued, path) => {
    const { server, provider } = await startWoowa();
    server.script(answer(200, { code: 200, results: { id_message: "WOWA1" } }));
    await provider.send(
      { ...account(server.baseUrl), settings: { isQueued } },
      toPerson,
      sendOptions(),
    );
    expect(server.requests[0]?.path).toBe(path);
  });

  it("knows nothing when the queue answers in words without an id", async () => {
    const { server, provider } = await startWoowa();
    server.script(answer(200, "success"));
    const error = await providerErrorOf(
      provider.send(
        { ...account(server.baseUrl), settings: { isQueued: true } },
        toPerson,
        sendOptions(),
      ),
    );
    expect(error).toMatchObject({ kind: "unknown_outcome", surelyNotSent: false });
  });

  it("asks below the path of an older server's address", async () => {
    const { server, provider } = await startWoowa();
    server.script(answer(200, { code: 200, results: { id_message: "WOWA1" } }));
    await provider.send(account(`${server.baseUrl}/api/`), toPerson, sendOptions());
    expect(server.requests[0]?.path).toBe("/api/send_message");
  });

  it.each([
    ["a document", { kind: "document", url: "https://siaga.example/a.pdf", fileName: "a.pdf" }],
    ["a place", { kind: "location", latitude: -6.2, longitude: 106.8, name: null, address: null }],
  ] as const)("refuses %s, for which it has no endpoint", async (_what, attachment) => {
    const { server, provider } = await startWoowa();
    const message: OutboundMessage = {
      ...toPerson,
      attachment: attachment.kind === "document" ? { ...attachment, content: null } : attachment,
    };
    const error = await providerErrorOf(
      provider.send(account(server.baseUrl), message, sendOptions()),
    );
    expect(error).toMatchObject({ kind: "rejected", reason: "unsupported_content" });
    expect(server.requests).toHaveLength(0);
  });

  it.each([
    ["120363020000000001", "a bare number is no group"],
    ["6281234000001", "a phone is no group"],
  ])("refuses the group id %j: %s", async (groupChatId) => {
    const { server, provider } = await startWoowa("whatsapp_group");
    const message: OutboundMessage = { ...toGroup, to: { kind: "group", groupChatId } };
    const error = await providerErrorOf(
      provider.send(account(server.baseUrl), message, sendOptions()),
    );
    expect(error).toMatchObject({ kind: "rejected", reason: "invalid_recipient" });
    expect(server.requests).toHaveLength(0);
  });

  it("lists the groups by a GET whose body carries the key", async () => {
    const { server, provider } = await startWoowa("whatsapp_group");
    server.script(
      answer(200, {
        code: 200,
        results: [
          { id: "120363020000000001@g.us", subject: "NOC Team" },
          { id: "120363020000000002@g.us", name: "Teknisi" },
          { id: "120363020000000003@g.us" },
          { id: "6281234000001@c.us", name: "no group" },
          { name: "no id" },
        ],
      }),
    );
    expect((await provider.listGroups?.(account(server.baseUrl), OPTIONS))?.groups).toEqual([
      { groupChatId: "120363020000000001@g.us", name: "NOC Team" },
      { groupChatId: "120363020000000002@g.us", name: "Teknisi" },
      { groupChatId: "120363020000000003@g.us", name: "120363020000000003@g.us" },
    ]);
    const [request] = server.requests;
    if (request === undefined) throw new Error("nothing was captured");
    expect([request.method, request.path]).toEqual(["GET", "/get_group_id"]);
    expect(jsonIn(request)).toEqual({ key: KEY });
  });

  it.each([
    [answer(200, { code: 401, message: "api key not found" }), "unauthorized", "credentials"],
    [answer(200, { code: 400, message: "device offline" }), "unavailable", "device_disconnected"],
    [answer(200, { code: 500, message: "moon" }), "unavailable", "unlisted"],
    [answer(200, { code: 200 }), "malformed", "unreadable_answer"],
    [answer(503, "<html>away</html>"), "unavailable", "provider_fault"],
  ])("fails to list them as it is (%j)", async (script, kind, reason) => {
    const { server, provider } = await startWoowa("whatsapp_group");
    server.script(script);
    const asked = provider.listGroups?.(account(server.baseUrl), OPTIONS);
    expect(await providerErrorOf(asked ?? Promise.resolve())).toMatchObject({ kind, reason });
  });

  it.each<[Record<string, unknown>, boolean, boolean, string]>([
    [{}, false, false, "nobody has written down how replies look"],
    [{ inbound: { sender: "from", text: "text" } }, true, false, "no field for a group's member"],
    [{ inbound: MAPPING }, true, true, "everything is mapped"],
    [{ inbound: { sender: "from" } }, false, false, "a mapping that can't be used"],
  ])(
    "with the settings %j promises replies: %s, members: %s (%s)",
    (settings, replies, members) => {
      for (const provider of createWoowaProviders(noCalls)) {
        const found = provider.capabilitiesOf?.({ sender: "", settings });
        expect([found?.replies, found?.groupMemberIds]).toEqual([replies, members]);
        expect(Object.values(found?.receipts ?? {})).toEqual([false, false, false, false]);
      }
    },
  );

  it.each<[Record<string, string>, boolean, string]>([
    [{ sender: "from", text: "text" }, true, "names"],
    [{ sender: "data.0.from", text: "data.body" }, true, "ways"],
    [{ sender: "from" }, false, "no text"],
    [{ sender: "from", text: "" }, false, "an empty name"],
    [{ sender: "from", text: "a..b" }, false, "a broken way"],
    [{ sender: "from", text: "text", extra: "x" }, false, "an unknown meaning"],
  ])("takes the mapping %j: %s (%s)", (inbound, isTaken) => {
    const provider = providerFor("whatsapp_personal")(noCalls);
    expect(provider.settings.safeParse({ inbound }).success).toBe(isTaken);
  });
});

describe("woowa, inbound", () => {
  it("reads fields further inside", () => {
    const inbound = { sender: "data.from", text: "data.content.body", time: "data.at" };
    const body = {
      data: { from: "6281234000001", at: 1_782_000_000, content: { body: "1 4821" } },
    };
    const events = reader().parse(webhook(body), { ...account(""), settings: { inbound } }, NOW);
    expect(events).toMatchObject([{ kind: "reply", text: "1 4821", at: 1_782_000_000_000 }]);
  });

  it("is refused while nobody has written down how it looks", () => {
    const bare = { ...account(""), settings: {} };
    expect(reader().verify(webhook({ from: "1" }), bare)).toEqual({
      ok: false,
      reason: "not_configured",
    });
    expect(reader().parse(webhook({ from: "1" }), bare, NOW)).toMatchObject([
      { kind: "unrecognised" },
    ]);
  });

  it("is refused where a secret is mapped and none is known", () => {
    const forgotten = { ...account(""), credentials: { key: KEY } };
    expect(reader().verify(webhook({ secret: "x" }), forgotten)).toEqual({
      ok: false,
      reason: "not_configured",
    });
  });

  it.each([
    ["6281234000099", true],
    ["081234000099", true],
    ["6281234000098", false],
    [undefined, false],
  ])("of the device %s is believed: %s", (device, isBelieved) => {
    const inbound = { sender: "from", text: "text", device: "device" };
    const verdict = reader().verify(webhook({ from: "1", device }), {
      ...account(""),
      settings: { inbound },
    });
    expect(verdict).toEqual(isBelieved ? { ok: true } : { ok: false, reason: "wrong_account" });
  });

  it("takes equal texts at different minutes for two messages when neither id nor time is told", () => {
    const request = webhook({ from: "6281234000001", text: "1" });
    const keyAt = (time: number): string | undefined =>
      reader().parse(request, account(""), time)[0]?.eventKey;
    expect(keyAt(NOW)).toBe(keyAt(NOW + 59_999));
    expect(keyAt(NOW)).not.toBe(keyAt(NOW + 60_000));
  });

  it("is answered with nothing", () => {
    expect(reader().respond(webhook({}), account(""), null)).toMatchObject({
      status: 200,
      body: "",
    });
  });
});

const OPTIONS = { signal: new AbortController().signal, timeoutMs: 1_000, now: NOW };

const noCalls: HttpCall = () => Promise.reject(new Error("no calls"));

function reader(): NonNullable<Provider["webhook"]> {
  const provider = providerFor("whatsapp_personal")(noCalls);
  if (provider.webhook === null) throw new Error("woowa has a webhook");
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
