/**
 * Both sides of every vendor's protocol against each other: what an adapter sends, the simulated vendor understands; what the
 * simulated vendor reports, the adapter's reader believes and reads. Neither knows the other's code.
 */
import { describe, expect, it, onTestFinished } from "vitest";

import type { Channel } from "../../domain/channel.ts";
import { ProviderError } from "../../providers/errors.ts";
import { createHttpClient } from "../../providers/http.ts";
import type {
  AccountContext,
  InboundEvent,
  OutboundMessage,
  Provider,
  RawWebhook,
  SendResult,
  Speech,
} from "../../providers/provider.ts";
import { createProviders } from "../../providers/registry.ts";
import type { SimulatedVendors } from "../../providers/simulated/server.ts";
import { providerErrorOf, sendOptions } from "./conformance.ts";
import {
  BUDI,
  EVOLUTION_INSTANCE,
  EVOLUTION_KEY,
  EVOLUTION_NUMBER,
  EVOLUTION_SECRET,
  FONNTE_DEVICE,
  FONNTE_TOKEN,
  GOWA_DEVICE,
  GOWA_LOGIN,
  GOWA_NUMBER,
  GOWA_SECRET,
  GROUP_ID,
  META_APP_SECRET,
  META_NUMBER_ID,
  META_TOKEN,
  META_WABA_ID,
  NUSASMS_LOGIN,
  openWindow,
  registerEvolution,
  registerFcm,
  registerFonnte,
  registerGowa,
  registerMeta,
  registerNusasms,
  registerSmtp,
  registerTwilio,
  registerWablas,
  registerWaha,
  registerWebPush,
  registerWoowa,
  registerZenziva,
  SARI,
  SMTP_LOGIN,
  SMTP_SENDER,
  startReceiver,
  startVendors,
  TWILIO_NUMBER,
  TWILIO_SID,
  TWILIO_TOKEN,
  VAPID_SUBJECT,
  WABLAS_DEVICE,
  WABLAS_SECRET,
  WABLAS_TOKEN,
  WAHA_API_KEY,
  WAHA_HMAC_KEY,
  WAHA_NUMBER,
  WOOWA_FIELDS,
  WOOWA_KEY,
  WOOWA_NUMBER,
  ZENZIVA_KEYS,
} from "./simulated/support.ts";
import type { Received, Receiver } from "./simulated/support.ts";

type Setting = {
  readonly vendors: SimulatedVendors;
  readonly receiver: Receiver;
  readonly provider: Provider;
  readonly account: AccountContext;
  /** Everything that our reader believed and read, in order; a refused webhook fails the test. */
  readonly events: InboundEvent[];
  readonly refusals: string[];
  /** While it is away every webhook is answered with 503 the first time it comes. */
  readonly storage: { isAway: boolean };
  readonly send: (message: Partial<OutboundMessage>) => Promise<SendResult>;
};

const SPEECH: Speech = { text: "Tiang ODP roboh", language: "id", reply: null };

async function start(
  id: Provider["id"],
  channel: Channel,
  register: (vendors: SimulatedVendors, webhookUrl: string) => void,
  accountOf: (vendors: SimulatedVendors) => Omit<AccountContext, "accountId">,
): Promise<Setting> {
  const receiver = await startReceiver();
  const vendors = await startVendors();
  const client = createHttpClient();
  onTestFinished(() => client.close());
  const provider = createProviders(client.call).get(id, channel);
  const account: AccountContext = { accountId: "acc_1", ...accountOf(vendors) };
  const webhookUrl = `${receiver.url}/webhooks/${id}/acc_1/token`;
  const events: InboundEvent[] = [];
  const refusals: string[] = [];
  const storage = { isAway: false };
  const unstored = new Set<string>();
  receiver.answerWith((received) => {
    const request = toRaw(received);
    const verdict = provider.webhook?.verify(request, account);
    if (verdict?.ok !== true) {
      refusals.push(verdict?.reason ?? "no reader");
      return { status: 401 };
    }
    const webhook = `${request.url} ${Buffer.from(request.body).toString()}`;
    if (storage.isAway && !unstored.has(webhook)) {
      unstored.add(webhook);
      return { status: 503 };
    }
    events.push(...(provider.webhook?.parse(request, account, Date.now()) ?? []));
    const answer = provider.webhook?.respond(request, account, SPEECH);
    return answer ?? { status: 500 };
  });
  register(vendors, webhookUrl);
  return {
    vendors,
    receiver,
    provider,
    account,
    events,
    refusals,
    storage,
    send: (message) =>
      provider.send(
        account,
        {
          to: { kind: "phone", e164: BUDI },
          text: 'Tiang "ODP" roboh 🚨\nKlari',
          language: "id",
          ...message,
        },
        sendOptions({ webhookUrl, deliveryKey: "dlv_1", validForSeconds: 300 }),
      ),
  };
}

function toRaw(received: Received): RawWebhook {
  return {
    method: received.method === "GET" ? "GET" : "POST",
    url: received.url,
    headers: Object.fromEntries(
      Object.entries(received.headers).map(([name, value]) => [
        name,
        Array.isArray(value) ? value.join(", ") : value,
      ]),
    ),
    body: Buffer.from(received.body),
  };
}

/** Statuses told of one message, by its id or by an alias that was tied to it. */
function statusesOf(events: readonly InboundEvent[], messageId: string): readonly string[] {
  const aliases = new Set(
    events.flatMap((event) =>
      event.kind === "link" && event.providerMessageId === messageId ? [event.alias] : [],
    ),
  );
  return events.flatMap((event) => {
    if (event.kind !== "receipt") return [];
    const isOurs =
      event.providerMessageId === messageId || (event.alias !== null && aliases.has(event.alias));
    return isOurs ? [event.receipt.status] : [];
  });
}

/** Why a receipt says that the message failed; null for everything else. */
function failureReasonOf(event: unknown): string | null {
  const found = event as Partial<InboundEvent> | null;
  return found?.kind === "receipt" ? (found.receipt?.failure?.reason ?? null) : null;
}

function startFonnte(channel: "whatsapp_personal" | "whatsapp_group"): Promise<Setting> {
  return start("fonnte", channel, registerFonnte, (vendors) => ({
    baseUrl: vendors.baseUrls.fonnte,
    sender: `+${FONNTE_DEVICE}`,
    credentials: { token: FONNTE_TOKEN, webhookSecret: "fonnte-secret" },
    settings: {},
  }));
}

function startWablas(channel: "whatsapp_personal" | "whatsapp_group"): Promise<Setting> {
  return start("wablas", channel, registerWablas, (vendors) => ({
    baseUrl: vendors.baseUrls.wablas,
    sender: `+${WABLAS_DEVICE}`,
    credentials: { token: WABLAS_TOKEN, secretKey: WABLAS_SECRET },
    settings: { deviceId: "ABC123" },
  }));
}

function startWoowa(channel: "whatsapp_personal" | "whatsapp_group"): Promise<Setting> {
  return start("woowa", channel, registerWoowa, (vendors) => ({
    baseUrl: vendors.baseUrls.woowa,
    sender: `+${WOOWA_NUMBER}`,
    credentials: { key: WOOWA_KEY, webhookSecret: "woowa-secret" },
    settings: { inbound: WOOWA_FIELDS },
  }));
}

function startMeta(): Promise<Setting> {
  return start("meta", "whatsapp_personal", registerMeta, (vendors) => ({
    baseUrl: vendors.baseUrls.meta,
    sender: META_NUMBER_ID,
    credentials: {
      accessToken: META_TOKEN,
      appSecret: META_APP_SECRET,
      verifyToken: "meta-verify-token",
    },
    settings: { businessAccountId: META_WABA_ID },
  }));
}

function startTwilio(id: "twilio-sms" | "twilio-voice"): Promise<Setting> {
  return start(id, id === "twilio-sms" ? "sms" : "call", registerTwilio, (vendors) => ({
    baseUrl: vendors.baseUrls.twilio,
    sender: TWILIO_NUMBER,
    credentials: { accountSid: TWILIO_SID, authToken: TWILIO_TOKEN },
    settings: {},
  }));
}

const OPTIONS = { signal: new AbortController().signal, timeoutMs: 2_000, now: Date.now() };

describe("fonnte and its simulation", () => {
  it("agree on a text to a person, its receipts and the answer to it", async () => {
    const { vendors, events, refusals, send } = await startFonnte("whatsapp_personal");
    vendors.sandbox.phones.configure(BUDI, { reads: true });
    const result = await send({});
    await vendors.sandbox.idle();
    expect(vendors.sandbox.phones.handset(BUDI).messages[0]?.text).toBe(
      'Tiang "ODP" roboh 🚨\nKlari',
    );
    expect(statusesOf(events, result.providerMessageId)).toEqual(
      expect.arrayContaining(["delivered", "read"]),
    );
    await vendors.sandbox.people.reply(BUDI, { text: "1 4821" });
    expect(events.at(-1)).toMatchObject({
      kind: "reply",
      from: [{ kind: "phone", e164: BUDI }],
      text: "1 4821",
    });
    expect(refusals).toEqual([]);
  });

  it("agree on a group and the member who answers in it", async () => {
    const { vendors, events, send } = await startFonnte("whatsapp_group");
    await send({ to: { kind: "group", groupChatId: GROUP_ID } });
    await vendors.sandbox.idle();
    await vendors.sandbox.people.reply(SARI, { text: "siap 4821", group: GROUP_ID });
    expect(events.at(-1)).toMatchObject({
      kind: "reply",
      groupChatId: GROUP_ID,
      from: [{ kind: "phone", e164: SARI }],
    });
  });

  it("agree that a device is away, and on its state and groups", async () => {
    const { vendors, provider, account, events, send } = await startFonnte("whatsapp_group");
    expect(await provider.probe?.(account, OPTIONS)).toMatchObject({ state: "connected" });
    expect((await provider.listGroups?.(account, OPTIONS))?.groups).toEqual([
      { groupChatId: GROUP_ID, name: "Teknisi Karawang" },
    ]);
    vendors.sandbox.setDevice(FONNTE_DEVICE, false, "logged out");
    const error = await providerErrorOf(send({ to: { kind: "group", groupChatId: GROUP_ID } }));
    expect(error).toMatchObject({ kind: "unavailable", reason: "device_disconnected" });
    await vendors.sandbox.idle();
    expect(events.at(-1)).toMatchObject({ kind: "account_state", state: "disconnected" });
    expect(await provider.probe?.(account, OPTIONS)).toMatchObject({ state: "disconnected" });
  });

  it("agree on a wrong token and on a used-up quota", async () => {
    const { vendors, provider, account, send } = await startFonnte("whatsapp_personal");
    vendors.sandbox.setQuota(FONNTE_DEVICE, 0);
    expect(await providerErrorOf(send({}))).toMatchObject({ reason: "quota" });
    const other = { ...account, credentials: { token: "another" } };
    const error = await providerErrorOf(
      provider.send(
        other,
        { to: { kind: "phone", e164: BUDI }, text: "x", language: "id" },
        sendOptions(),
      ),
    );
    expect(error).toMatchObject({ kind: "unauthorized", reason: "credentials" });
  });
});

describe("wablas and its simulation", () => {
  it("agree on a text to a person, its receipts, the answer to it and what the report says", async () => {
    const { vendors, provider, account, events, refusals, send } =
      await startWablas("whatsapp_personal");
    vendors.sandbox.phones.configure(BUDI, { reads: true });
    const sentAfter = Date.now();
    const result = await send({});
    await vendors.sandbox.idle();
    expect(vendors.sandbox.phones.handset(BUDI).messages[0]?.text).toBe(
      'Tiang "ODP" roboh 🚨\nKlari',
    );
    expect(statusesOf(events, result.providerMessageId)).toEqual(["sent", "delivered", "read"]);
    await vendors.sandbox.people.reply(BUDI, { text: "1 4821" });
    expect(events.at(-1)).toMatchObject({
      kind: "reply",
      from: [{ kind: "phone", e164: BUDI }],
      groupChatId: null,
      text: "1 4821",
    });
    expect(await provider.lookUp?.(account, result.providerMessageId, OPTIONS)).toMatchObject({
      status: "read",
    });
    const message: OutboundMessage = {
      to: { kind: "phone", e164: BUDI },
      text: 'Tiang "ODP" roboh 🚨\nKlari',
      language: "id",
    };
    const options = { ...OPTIONS, now: Date.now() };
    expect(await provider.findLost?.(account, message, sentAfter, options)).toMatchObject({
      providerMessageId: result.providerMessageId,
    });
    expect(refusals).toEqual([]);
  });

  it("agree on a group and the member who answers in it", async () => {
    const { vendors, events, send } = await startWablas("whatsapp_group");
    const result = await send({ to: { kind: "group", groupChatId: GROUP_ID } });
    await vendors.sandbox.idle();
    expect(statusesOf(events, result.providerMessageId)).toContain("sent");
    await vendors.sandbox.people.reply(SARI, { text: "siap 4821", group: GROUP_ID });
    expect(events.at(-1)).toMatchObject({
      kind: "reply",
      groupChatId: GROUP_ID,
      from: [{ kind: "phone", e164: SARI }],
    });
  });

  it("agree that a device is away, on its state and its quota", async () => {
    const { vendors, provider, account, events, send } = await startWablas("whatsapp_personal");
    vendors.sandbox.setQuota(WABLAS_DEVICE, 7);
    expect(await provider.probe?.(account, OPTIONS)).toMatchObject({
      state: "connected",
      quotaLeft: 7,
    });
    vendors.sandbox.setDevice(WABLAS_DEVICE, false, "logged out");
    const error = await providerErrorOf(send({}));
    expect(error).toMatchObject({ kind: "unavailable", reason: "device_disconnected" });
    await vendors.sandbox.idle();
    expect(events.at(-1)).toMatchObject({ kind: "account_state", state: "disconnected" });
    expect(await provider.probe?.(account, OPTIONS)).toMatchObject({ state: "disconnected" });
  });

  it("agree on wrong credentials, a used-up quota and a number without WhatsApp", async () => {
    const { vendors, provider, account, events, send } = await startWablas("whatsapp_personal");
    vendors.sandbox.phones.configure(BUDI, { hasWhatsApp: false });
    const result = await send({});
    await vendors.sandbox.idle();
    expect(statusesOf(events, result.providerMessageId)).toEqual(["failed"]);
    vendors.sandbox.setQuota(WABLAS_DEVICE, 0);
    expect(await providerErrorOf(send({}))).toMatchObject({ kind: "unavailable", reason: "quota" });
    for (const credentials of [{ token: "another" }, { token: WABLAS_TOKEN, secretKey: "wrong" }]) {
      const error = await providerErrorOf(
        provider.send(
          { ...account, credentials },
          { to: { kind: "phone", e164: BUDI }, text: "x", language: "id" },
          sendOptions(),
        ),
      );
      expect(error).toMatchObject({ kind: "unauthorized", reason: "credentials" });
    }
  });

  it("agree that receipts which name another device are nobody's", async () => {
    const { vendors, events, refusals, send } = await startWablas("whatsapp_personal");
    vendors.sandbox.faults.add({ kind: "bad_signature" });
    await send({});
    await vendors.sandbox.idle();
    expect(events).toEqual([]);
    expect(new Set(refusals)).toEqual(new Set(["wrong_account"]));
  });
});

describe("woowa and its simulation", () => {
  it("agree on a text to a person and on the mapped answer to it; nothing tells of receipts", async () => {
    const { vendors, events, refusals, send } = await startWoowa("whatsapp_personal");
    vendors.sandbox.phones.configure(BUDI, { reads: true });
    await send({});
    await vendors.sandbox.idle();
    expect(vendors.sandbox.phones.handset(BUDI).messages[0]?.text).toBe(
      'Tiang "ODP" roboh 🚨\nKlari',
    );
    expect(events).toEqual([]);
    await vendors.sandbox.people.reply(BUDI, { text: "1 4821" });
    expect(events).toMatchObject([
      { kind: "reply", from: [{ kind: "phone", e164: BUDI }], groupChatId: null, text: "1 4821" },
    ]);
    expect(refusals).toEqual([]);
  });

  it("agree on a group, the groups and the member who answers", async () => {
    const { vendors, provider, account, events, send } = await startWoowa("whatsapp_group");
    expect((await provider.listGroups?.(account, OPTIONS))?.groups).toEqual([
      { groupChatId: GROUP_ID, name: "Teknisi Karawang" },
    ]);
    await send({ to: { kind: "group", groupChatId: GROUP_ID } });
    await vendors.sandbox.idle();
    await vendors.sandbox.people.reply(SARI, { text: "siap 4821", group: GROUP_ID });
    expect(events.at(-1)).toMatchObject({
      kind: "reply",
      groupChatId: GROUP_ID,
      from: [{ kind: "phone", e164: SARI }],
    });
  });

  it("agree that a device is away and on a wrong key", async () => {
    const { vendors, provider, account, send } = await startWoowa("whatsapp_personal");
    vendors.sandbox.setDevice(WOOWA_NUMBER, false);
    expect(await providerErrorOf(send({}))).toMatchObject({ reason: "device_disconnected" });
    const other = { ...account, credentials: { key: "another" } };
    const message = { to: { kind: "phone", e164: BUDI }, text: "x", language: "id" } as const;
    expect(await providerErrorOf(provider.send(other, message, sendOptions()))).toMatchObject({
      kind: "unauthorized",
      reason: "credentials",
    });
  });
});

describe("meta and its simulation", () => {
  it("agree on a template outside the window, its receipts and its button", async () => {
    const { vendors, events, refusals, send } = await startMeta();
    vendors.sandbox.phones.configure(BUDI, { reads: true });
    const result = await send({
      isWindowOpen: false,
      template: {
        name: "alarm_ack_v1",
        languageCode: "id",
        bodyParameters: ["Pompa 3", "9.8 bar"],
        buttonPayloads: ["ack:K7Q2", "esc:K7Q2"],
      },
    });
    await vendors.sandbox.idle();
    expect(statusesOf(events, result.providerMessageId)).toEqual(
      expect.arrayContaining(["sent", "read"]),
    );
    expect(events.every((event) => event.kind !== "receipt" || event.deliveryKey === "dlv_1")).toBe(
      true,
    );
    await vendors.sandbox.people.press(BUDI, result.providerMessageId, "Terima");
    expect(events.at(-1)).toMatchObject({
      kind: "reply",
      buttonId: "ack:K7Q2",
      quotedMessageId: result.providerMessageId,
    });
    expect(refusals).toEqual([]);
  });

  it("agree on a template that tells a code, and that it needs the code once more", async () => {
    const { vendors, provider, account, refusals, send } = await startMeta();
    const template = {
      name: "login_code",
      languageCode: "id",
      bodyParameters: ["123456"],
      buttonPayloads: [],
      code: "123456",
    };
    await send({ isWindowOpen: false, template });
    expect((await vendors.sandbox.phones.waitForMessage(BUDI)).text).toContain("123456");
    expect(refusals).toEqual([]);
    const { code: _code, ...bare } = template;
    await expect(send({ isWindowOpen: false, template: bare })).rejects.toThrow(ProviderError);
    expect(await provider.listTemplates?.(account, OPTIONS)).toContainEqual(
      expect.objectContaining({
        name: "login_code",
        category: "AUTHENTICATION",
        unfillable: ["code_button"],
      }),
    );
  });

  it("agree that a free text outside the window needs a template", async () => {
    const { vendors, events, send } = await startMeta();
    const outcome = await send({}).catch((error: unknown) => error);
    await vendors.sandbox.idle();
    const said: readonly unknown[] = [outcome, ...events];
    const reasons = said.map((each) =>
      each instanceof ProviderError ? each.reason : failureReasonOf(each),
    );
    expect(reasons).toContain("window_closed");
  });

  it("agree on buttons inside the window, quotes and reactions", async () => {
    const { vendors, events, send } = await startMeta();
    await openWindow(vendors, BUDI);
    const buttons = [
      { id: "ack:K7Q2", title: "Terima" },
      { id: "esc:K7Q2", title: "Tolak" },
    ];
    const result = await send({ isWindowOpen: true, buttons });
    await vendors.sandbox.idle();
    await vendors.sandbox.people.press(BUDI, result.providerMessageId, "Tolak");
    expect(events.at(-1)).toMatchObject({ kind: "reply", buttonId: "esc:K7Q2" });
    await vendors.sandbox.people.react(BUDI, result.providerMessageId, "👍");
    expect(events.at(-1)).toMatchObject({
      kind: "reply",
      reaction: "👍",
      quotedMessageId: result.providerMessageId,
    });
    await vendors.sandbox.people.reply(BUDI, { text: "ok", quote: result.providerMessageId });
    expect(events.at(-1)).toMatchObject({
      text: "ok",
      quotedMessageId: result.providerMessageId,
    });
  });

  it("agree on a picture above buttons, in one message", async () => {
    const { vendors, events, send } = await startMeta();
    await openWindow(vendors, BUDI);
    const url = "https://siaga.example/pompa.jpg";
    const result = await send({
      isWindowOpen: true,
      buttons: [{ id: "ack:K7Q2", title: "Terima" }],
      attachment: { kind: "image", url, fileName: "pompa.jpg", content: null },
    });
    await vendors.sandbox.idle();
    const sent = vendors.sandbox.log.entries(({ kind }) => kind === "message");
    expect(sent.at(-1)).toMatchObject({
      attachment: { kind: "image", url },
      buttons: [{ id: "ack:K7Q2", title: "Terima" }],
    });
    await vendors.sandbox.people.press(BUDI, result.providerMessageId, "Terima");
    expect(events.at(-1)).toMatchObject({ kind: "reply", buttonId: "ack:K7Q2" });
  });

  it("agree on a person who hides the number", async () => {
    const { vendors, events } = await startMeta();
    vendors.sandbox.phones.configure(BUDI, { hidesNumber: true });
    await vendors.sandbox.people.reply(BUDI, { text: "Halo", account: "6281234000901" });
    const [reply] = events;
    expect(reply).toMatchObject({ kind: "reply", text: "Halo" });
    expect(reply?.kind === "reply" && reply.from.map(({ kind }) => kind)).toEqual(["bsuid"]);
  });

  it("agree on the set-up request, the number's state and the templates", async () => {
    const { vendors, provider, account } = await startMeta();
    expect(await vendors.sandbox.verifyWebhook("6281234000901")).toBe(true);
    expect(await provider.probe?.(account, OPTIONS)).toMatchObject({ state: "connected" });
    expect(await provider.listTemplates?.(account, OPTIONS)).toContainEqual(
      expect.objectContaining({ name: "alarm_ack_v1", languageCode: "id", state: "approved" }),
    );
  });
});

describe("twilio and its simulation", () => {
  it("agree on an SMS, its receipts, the answer to it and what became of it", async () => {
    const { vendors, provider, account, events, refusals, send } = await startTwilio("twilio-sms");
    const sentAfter = Date.now() - 1_000;
    const result = await send({});
    await vendors.sandbox.idle();
    expect(statusesOf(events, result.providerMessageId)).toEqual(
      expect.arrayContaining(["sent", "delivered"]),
    );
    await vendors.sandbox.people.reply(BUDI, { text: "1 4821" });
    expect(events.at(-1)).toMatchObject({ kind: "reply", text: "1 4821" });
    expect(await provider.lookUp?.(account, result.providerMessageId, OPTIONS)).toMatchObject({
      status: "delivered",
    });
    const message: OutboundMessage = {
      to: { kind: "phone", e164: BUDI },
      text: 'Tiang "ODP" roboh 🚨\nKlari',
      language: "id",
    };
    expect(await provider.findLost?.(account, message, sentAfter, OPTIONS)).toMatchObject({
      providerMessageId: result.providerMessageId,
    });
    expect(refusals).toEqual([]);
  });

  it.each([
    ["1", "accept"],
    ["2", "refuse"],
  ] as const)("agree on a call that is answered with %s", async (keys, answer) => {
    const { vendors, events, refusals, send } = await startTwilio("twilio-voice");
    vendors.sandbox.phones.configure(BUDI, { calls: { kind: "answer", keys } });
    const result = await send({ text: "Tiang ODP roboh" });
    await vendors.sandbox.idle();
    expect(events).toContainEqual(
      expect.objectContaining({
        kind: "keypress",
        callId: result.providerMessageId,
        deliveryKey: "dlv_1",
        answer,
      }),
    );
    expect(refusals).toEqual([]);
  });

  it("agree on repeating what we could not store: receipts, keys and signatures come again", async () => {
    const sms = await startTwilio("twilio-sms");
    sms.storage.isAway = true;
    const message = await sms.send({});
    await sms.vendors.sandbox.idle();
    expect(statusesOf(sms.events, message.providerMessageId)).toContain("delivered");

    const voice = await startTwilio("twilio-voice");
    voice.storage.isAway = true;
    voice.vendors.sandbox.phones.configure(BUDI, { calls: { kind: "answer", keys: "1" } });
    const call = await voice.send({ text: "Tiang ODP roboh" });
    await voice.vendors.sandbox.idle();
    expect(voice.events).toContainEqual(
      expect.objectContaining({ kind: "keypress", callId: call.providerMessageId }),
    );
    expect([...sms.refusals, ...voice.refusals]).toEqual([]);
  });

  it("agree on a call that hears the text again after another key, and then accepts", async () => {
    const { vendors, events, send } = await startTwilio("twilio-voice");
    vendors.sandbox.phones.configure(BUDI, { calls: { kind: "answer", keys: "51" } });
    await send({ text: "Tiang ODP roboh" });
    await vendors.sandbox.idle();
    const [call] = vendors.sandbox.phones.handset(BUDI).calls;
    expect(call?.spoken.filter((text) => text === "Tiang ODP roboh")).toHaveLength(2);
    expect(events.filter(({ kind }) => kind === "keypress")).toHaveLength(1);
  });

  it.each([
    ["voicemail", { kind: "voicemail" } as const, "voicemail"],
    ["a busy line", { kind: "busy" } as const, "busy"],
    ["nobody", { kind: "no_answer" } as const, "no_answer"],
  ])("agree on a call that meets %s: no answer, and why", async (_whom, rule, reason) => {
    const { vendors, events, send } = await startTwilio("twilio-voice");
    vendors.sandbox.phones.configure(BUDI, { calls: rule });
    const result = await send({ text: "Tiang ODP roboh" });
    await vendors.sandbox.idle();
    expect(events.filter(({ kind }) => kind === "keypress")).toEqual([]);
    expect(statusesOf(events, result.providerMessageId)).not.toContain("delivered");
    expect(events.map(failureReasonOf)).toContain(reason);
  });

  it("agree on hanging up a call that rings", async () => {
    const { vendors, provider, account, events, send } = await startTwilio("twilio-voice");
    vendors.sandbox.phones.configure(BUDI, { calls: { kind: "ring" } });
    const result = await send({ text: "Tiang ODP roboh" });
    expect(await provider.hangUp?.(account, result.providerMessageId, OPTIONS)).toBe(true);
    await vendors.sandbox.idle();
    expect(events.filter(({ kind }) => kind === "keypress")).toEqual([]);
    expect(await provider.hangUp?.(account, result.providerMessageId, OPTIONS)).toBe(false);
    expect(await provider.probe?.(account, OPTIONS)).toMatchObject({ state: "connected" });
  });
});

describe("zenziva and its simulation", () => {
  const startZenziva = (): Promise<Setting> =>
    start(
      "zenziva",
      "sms",
      (vendors) => registerZenziva(vendors, 700),
      (vendors) => ({
        baseUrl: vendors.baseUrls.zenziva,
        sender: "ZENZIVA",
        credentials: ZENZIVA_KEYS,
        settings: {},
      }),
    );

  it("agree on a text, on what is left of the balance, and on an empty one", async () => {
    const { vendors, provider, account, events, send } = await startZenziva();
    const result = await send({});
    await vendors.sandbox.idle();
    const [shown] = vendors.sandbox.phones.handset(BUDI).messages;
    expect(shown?.text).toBe('Tiang "ODP" roboh 🚨\nKlari');
    expect(shown?.providerMessageId).toBe(result.providerMessageId);
    expect(await provider.probe?.(account, OPTIONS)).toMatchObject({ quotaLeft: 1 });
    await send({});
    expect(await providerErrorOf(send({}))).toMatchObject({
      kind: "unavailable",
      reason: "payment",
    });
    expect(await provider.probe?.(account, OPTIONS)).toMatchObject({ quotaLeft: 0 });
    await vendors.sandbox.idle();
    expect(events).toEqual([]);
  });

  it("agree on wrong keys, for a message and for the balance", async () => {
    const { provider, account } = await startZenziva();
    const other = { ...account, credentials: { ...ZENZIVA_KEYS, passkey: "another" } };
    const message: OutboundMessage = {
      to: { kind: "phone", e164: BUDI },
      text: "x",
      language: "id",
    };
    const refused = { kind: "unauthorized", reason: "credentials" };
    expect(await providerErrorOf(provider.send(other, message, sendOptions()))).toMatchObject(
      refused,
    );
    const probe = provider.probe?.(other, OPTIONS) ?? Promise.resolve();
    expect(await providerErrorOf(probe)).toMatchObject(refused);
  });
});

describe("nusasms and its simulation", () => {
  const startNusasms = (settings: Readonly<Record<string, unknown>> = {}): Promise<Setting> =>
    start("nusasms", "sms", registerNusasms, (vendors) => ({
      baseUrl: vendors.baseUrls.nusasms,
      sender: "NUSASMS",
      credentials: NUSASMS_LOGIN,
      settings,
    }));

  it("agree on a text with everything in it", async () => {
    const { vendors, events, send } = await startNusasms({ maskingName: "SIAGA", isForOtp: true });
    const text = 'Tiang "ODP" roboh 🚨\nKlari & POP + 100% = ?';
    const result = await send({ text });
    await vendors.sandbox.idle();
    const [shown] = vendors.sandbox.phones.handset(BUDI).messages;
    expect(shown?.text).toBe(text);
    expect(shown?.providerMessageId).toBe(result.providerMessageId);
    expect(events).toEqual([]);
  });

  it("agree on a wrong password and on a sender that is not registered", async () => {
    const { provider, account, send } = await startNusasms({ maskingName: "OTHER" });
    expect(await providerErrorOf(send({}))).toMatchObject({ vendorCode: "-34" });
    const other = { ...account, credentials: { ...NUSASMS_LOGIN, password: "another" } };
    const message: OutboundMessage = {
      to: { kind: "phone", e164: BUDI },
      text: "x",
      language: "id",
    };
    const error = await providerErrorOf(provider.send(other, message, sendOptions()));
    expect(error).toMatchObject({ kind: "unauthorized", reason: "credentials" });
  });
});

type GatewayChannel = "whatsapp_personal" | "whatsapp_group";

function startWaha(
  channel: GatewayChannel,
  engine: "NOWEB" | "GOWS" | "WEBJS" = "NOWEB",
): Promise<Setting> {
  return start(
    "waha",
    channel,
    (vendors, webhookUrl) => registerWaha(vendors, webhookUrl, engine),
    (vendors) => ({
      baseUrl: vendors.baseUrls.waha,
      sender: `+${WAHA_NUMBER}`,
      credentials: { apiKey: WAHA_API_KEY, webhookHmacKey: WAHA_HMAC_KEY },
      settings: { engine },
    }),
  );
}

function startGowa(channel: GatewayChannel): Promise<Setting> {
  return start("gowa", channel, registerGowa, (vendors) => ({
    baseUrl: vendors.baseUrls.gowa,
    sender: `+${GOWA_NUMBER}`,
    credentials: { ...GOWA_LOGIN, webhookSecret: GOWA_SECRET },
    settings: { deviceId: GOWA_DEVICE },
  }));
}

const PHOTO = {
  kind: "image",
  url: "https://siaga.example/odp.jpg",
  fileName: "odp.jpg",
  content: { bytes: new Uint8Array([0xff, 0xd8, 0xff, 0xe0, 13, 10]), contentType: "image/jpeg" },
} as const;
const TEXT = 'Tiang "ODP" roboh 🚨\nKlari';
const UNKNOWN_GROUP = { kind: "group", groupChatId: "120363020000000099@g.us" } as const;
const THE_GROUP = { kind: "group", groupChatId: GROUP_ID } as const;

describe.each([
  ["waha", startWaha, ["sent", "delivered", "read"]],
  ["gowa", startGowa, ["delivered", "read"]],
] as const)("%s and its simulation", (id, startOne, told) => {
  /** Only GOWA always tells the alias too. */
  const aliases = id === "gowa" ? [{ kind: "lid" }] : [];

  it("agree on a text to a person, its receipts, a quote and a reaction", async () => {
    const { vendors, events, refusals, send } = await startOne("whatsapp_personal");
    vendors.sandbox.phones.configure(BUDI, { reads: true });
    const { providerMessageId } = await send({});
    await vendors.sandbox.idle();
    expect(vendors.sandbox.phones.handset(BUDI).messages[0]?.text).toBe(TEXT);
    expect(statusesOf(events, providerMessageId)).toEqual(told);
    await vendors.sandbox.people.reply(BUDI, { text: "1 4821", quote: providerMessageId });
    expect(events.at(-1)).toMatchObject({
      kind: "reply",
      from: [{ kind: "phone", e164: BUDI }, ...aliases],
      text: "1 4821",
      quotedMessageId: providerMessageId,
    });
    for (const reaction of ["👍", ""]) {
      await vendors.sandbox.people.react(BUDI, providerMessageId, reaction);
      expect(events.at(-1)).toMatchObject({ reaction, quotedMessageId: providerMessageId });
    }
    expect(refusals).toEqual([]);
  });

  it("agree on a group, each member's receipts and the member who answers in it", async () => {
    const { vendors, events, send } = await startOne("whatsapp_group");
    vendors.sandbox.phones.configure(BUDI, { hidesNumber: true });
    const { providerMessageId } = await send({ to: THE_GROUP });
    await vendors.sandbox.idle();
    const delivered = statusesOf(events, providerMessageId).filter((word) => word === "delivered");
    expect(delivered).toHaveLength(2);
    expect(new Set(events.map(({ eventKey }) => eventKey)).size).toBe(events.length);
    await vendors.sandbox.people.reply(SARI, { text: "siap 4821", group: GROUP_ID });
    expect(events.at(-1)).toMatchObject({
      kind: "reply",
      groupChatId: GROUP_ID,
      from: [{ kind: "phone", e164: SARI }, ...aliases],
    });
    await vendors.sandbox.people.reply(BUDI, { text: "siap", group: GROUP_ID });
    const last = events.at(-1);
    expect(last?.kind === "reply" && last.from.map(({ kind }) => kind)).toEqual(["lid"]);
  });

  it("agree on a photograph by its bytes and on a place", async () => {
    const { vendors, send } = await startOne("whatsapp_personal");
    await send({ text: "Foto ODP", attachment: PHOTO });
    const place = { latitude: -6.2, longitude: 106.8, name: "POP", address: null };
    await send({ text: "", attachment: { kind: "location", ...place } });
    await vendors.sandbox.idle();
    const shown = vendors.sandbox.phones.handset(BUDI).messages;
    expect(shown.map(({ text, attachment }) => [text, attachment])).toMatchObject([
      ["Foto ODP", { kind: "image", url: null, fileName: "odp.jpg" }],
      ["", { kind: "location", latitude: -6.2, longitude: 106.8 }],
    ]);
  });

  it("agree that a device is away or banned, and on its state and groups", async () => {
    const { vendors, provider, account, send } = await startOne("whatsapp_group");
    expect(await provider.probe?.(account, OPTIONS)).toMatchObject({ state: "connected" });
    expect((await provider.listGroups?.(account, OPTIONS))?.groups).toEqual([
      { groupChatId: GROUP_ID, name: "Teknisi Karawang" },
    ]);
    const breaks: readonly (() => unknown)[] = [
      () => vendors.sandbox.setDevice(account.sender, false, "logged out"),
      () => vendors.sandbox.setBanned(account.sender, true),
    ];
    for (const breakOff of breaks) {
      breakOff();
      expect(await providerErrorOf(send({ to: THE_GROUP }))).toMatchObject({
        kind: "unavailable",
        reason: "device_disconnected",
      });
      expect(await provider.probe?.(account, OPTIONS)).toMatchObject({ state: "disconnected" });
      vendors.sandbox.setBanned(account.sender, false);
      expect(await provider.probe?.(account, OPTIONS)).toMatchObject({ state: "connected" });
    }
  });

  it("agree on a lost answer: the message is found in its chat, and only there", async () => {
    const { vendors, provider, account, send } = await startOne("whatsapp_personal");
    const sentAfter = Date.now() - 1_000;
    const find = (text: string, e164: string): Promise<SendResult | null> | undefined =>
      provider.findLost?.(
        account,
        { to: { kind: "phone", e164 }, text, language: "id" },
        sentAfter,
        OPTIONS,
      );
    expect(await find(TEXT, BUDI)).toBeNull();
    vendors.sandbox.faults.add({ kind: "drop_after", count: 1 });
    expect(await providerErrorOf(send({}))).toMatchObject({ kind: "unknown_outcome" });
    await vendors.sandbox.idle();
    const sent = vendors.sandbox.log.entries().find(({ kind }) => kind === "message");
    expect(await find(TEXT, BUDI)).toMatchObject({
      providerMessageId: sent?.providerMessageId,
      status: "sent",
    });
    expect(await find("lain", BUDI)).toBeNull();
    expect(await find(TEXT, SARI)).toBeNull();
  });

  it.each([
    [{ kind: "drop_before" }, "unknown_outcome", "connection_lost"],
    [{ kind: "malformed" }, "unknown_outcome", "unreadable_answer"],
    [{ kind: "empty" }, "unknown_outcome", "unreadable_answer"],
    [{ kind: "server_error", httpStatus: 502 }, "unknown_outcome", "provider_fault"],
    [{ kind: "server_error", httpStatus: 504 }, "unknown_outcome", "provider_fault"],
    [{ kind: "unauthorized" }, "unauthorized", "credentials"],
    [{ kind: "ban" }, "unavailable", "device_disconnected"],
    [{ kind: "rate_limited" }, "rate_limited", "rate_limit"],
  ] as const)("agree on what %j means: %s, %s", async (fault, kind, reason) => {
    const { vendors, send } = await startOne("whatsapp_personal");
    vendors.sandbox.faults.add(fault);
    expect(await providerErrorOf(send({}))).toMatchObject({ kind, reason, scope: "account" });
  });

  it("agree on a message that is kept back, one that is lost and receipts that come twice", async () => {
    const { vendors, provider, account, events } = await startOne("whatsapp_personal");
    const send = (text: string): Promise<SendResult> =>
      provider.send(
        account,
        { to: { kind: "phone", e164: BUDI }, text, language: "id" },
        sendOptions({ deliveryKey: text }),
      );
    const { id: queue } = vendors.sandbox.faults.add({ kind: "offline_queue", count: 1 });
    const kept = await send("ditahan");
    vendors.sandbox.faults.add({ kind: "lost", count: 1 });
    const lost = await send("hilang");
    vendors.sandbox.faults.add({ kind: "receipts_duplicated", copies: 3, count: 1 });
    const repeated = await send("berulang");
    await vendors.sandbox.idle();
    expect(statusesOf(events, kept.providerMessageId)).toEqual([]);
    vendors.sandbox.faults.remove(queue);
    await vendors.sandbox.idle();
    expect(statusesOf(events, kept.providerMessageId)).toContain("delivered");
    expect(statusesOf(events, lost.providerMessageId)).toEqual([]);
    const keys = events.flatMap((event) =>
      event.kind === "receipt" && event.providerMessageId === repeated.providerMessageId
        ? [event.eventKey]
        : [],
    );
    expect(keys).toHaveLength(new Set(keys).size * 3);
  });

  it("agree on wrong credentials, a wrong signature and a request to slow down", async () => {
    const { vendors, provider, account, events, refusals, send } =
      await startOne("whatsapp_personal");
    const stranger = {
      ...account,
      credentials: { ...account.credentials, apiKey: "another", password: "another" },
    };
    const error = await providerErrorOf(
      provider.send(
        stranger,
        { to: { kind: "phone", e164: BUDI }, text: "x", language: "id" },
        sendOptions(),
      ),
    );
    expect(error).toMatchObject({ kind: "unauthorized", reason: "credentials" });
    vendors.sandbox.faults.add({ kind: "rate_limited", retryAfterSeconds: 7, count: 1 });
    expect(await providerErrorOf(send({}))).toMatchObject({
      kind: "rate_limited",
      scope: "account",
      retryAfterMs: 7_000,
    });
    vendors.sandbox.faults.add({ kind: "bad_signature" });
    await send({});
    await vendors.sandbox.idle();
    expect(new Set(refusals)).toEqual(new Set(["wrong_signature"]));
    expect(events).toEqual([]);
  });
});

describe("waha and its simulation", () => {
  it("agree on the delivery that a receipt is about, although the answer was lost", async () => {
    const { vendors, provider, account, events } = await startWaha("whatsapp_personal");
    const deliveryKey = "dlv_01k8z9qv5n4x7c2m6b3t9r8y1e";
    const send = (): Promise<SendResult> =>
      provider.send(
        account,
        { to: { kind: "phone", e164: BUDI }, text: "x", language: "id" },
        sendOptions({ deliveryKey }),
      );
    vendors.sandbox.faults.add({ kind: "drop_after", count: 1 });
    await providerErrorOf(send());
    await vendors.sandbox.idle();
    expect(events).toContainEqual(expect.objectContaining({ kind: "receipt", deliveryKey }));
    await send();
    await vendors.sandbox.idle();
    expect(vendors.sandbox.phones.handset(BUDI).messages).toHaveLength(1);
  });

  it.each(["NOWEB", "GOWS", "WEBJS"] as const)(
    "agree on the ids of the engine %s",
    async (engine) => {
      const { vendors, provider, account, events, send } = await startWaha(
        "whatsapp_group",
        engine,
      );
      const { providerMessageId } = await send({ to: THE_GROUP, text: "", attachment: PHOTO });
      await vendors.sandbox.idle();
      expect(vendors.sandbox.world.messages.has(providerMessageId)).toBe(true);
      expect(statusesOf(events, providerMessageId).length > 0).toBe(engine !== "WEBJS");
      expect((await provider.listGroups?.(account, OPTIONS))?.groups).toHaveLength(1);
      await vendors.sandbox.people.reply(SARI, { text: "ok", quote: providerMessageId });
      expect(events.at(-1)).toMatchObject({ quotedMessageId: providerMessageId });
    },
  );

  it.each([
    ["a number without WhatsApp", { kind: "phone", e164: BUDI }],
    ["a group that the number is not in", UNKNOWN_GROUP],
  ] as const)("agree that %s fails later", async (_whom, to) => {
    const channel = to.kind === "group" ? "whatsapp_group" : "whatsapp_personal";
    const { vendors, events, send } = await startWaha(channel);
    vendors.sandbox.phones.configure(BUDI, { hasWhatsApp: false });
    const { providerMessageId } = await send({ to });
    await vendors.sandbox.idle();
    expect(statusesOf(events, providerMessageId)).toEqual(["failed"]);
    expect(events.map(failureReasonOf)).toEqual(["provider_fault"]);
  });

  it("agree on a group that is not there, told at once by GOWS", async () => {
    const { send } = await startWaha("whatsapp_group", "GOWS");
    expect(await providerErrorOf(send({ to: UNKNOWN_GROUP }))).toMatchObject({
      reason: "invalid_recipient",
    });
  });

  it("agree that a session was lost and is back", async () => {
    const { vendors, account, events } = await startWaha("whatsapp_personal");
    vendors.sandbox.setDevice(account.sender, false, "logged out");
    await vendors.sandbox.idle();
    expect(events.at(-1)).toMatchObject({ state: "disconnected", reason: "SCAN_QR_CODE" });
    vendors.sandbox.setDevice(account.sender, true);
    await vendors.sandbox.idle();
    expect(events.at(-1)).toMatchObject({ kind: "account_state", state: "connected" });
    vendors.sandbox.setBanned(account.sender, true);
    await vendors.sandbox.idle();
    expect(events.at(-1)).toMatchObject({ state: "disconnected", reason: "FAILED" });
  });
});

describe("gowa and its simulation", () => {
  it.each([
    ["a number without WhatsApp", { kind: "phone", e164: BUDI }, "not_on_channel"],
    ["a group that is not there", UNKNOWN_GROUP, "invalid_recipient"],
  ] as const)("agree that %s is refused", async (_whom, to, reason) => {
    const channel = to.kind === "group" ? "whatsapp_group" : "whatsapp_personal";
    const { vendors, send } = await startGowa(channel);
    vendors.sandbox.phones.configure(BUDI, { hasWhatsApp: false });
    expect(await providerErrorOf(send({ to }))).toMatchObject({ reason });
  });

  it("agree on a group that the number has left", async () => {
    const { vendors, send } = await startGowa("whatsapp_group");
    vendors.sandbox.setGroup({ id: GROUP_ID, name: "Teknisi", members: [BUDI], accounts: [] });
    expect(await providerErrorOf(send({ to: THE_GROUP }))).toMatchObject({
      kind: "rejected",
      reason: "not_a_member",
    });
  });

  it("agree on the time limit, after which nobody knows", async () => {
    const { vendors, send } = await startGowa("whatsapp_personal");
    vendors.sandbox.faults.add({ kind: "server_error", httpStatus: 504, accepts: true, count: 1 });
    expect(await providerErrorOf(send({}))).toMatchObject({
      kind: "unknown_outcome",
      vendorCode: "GATEWAY_TIMEOUT",
    });
    await vendors.sandbox.idle();
    expect(vendors.sandbox.phones.handset(BUDI).messages).toHaveLength(1);
  });

  it("agree on a device that is chosen among several, and on one that is not there", async () => {
    const { vendors, provider, account } = await startGowa("whatsapp_personal");
    vendors.sandbox.registerAccount({
      vendor: "gowa",
      sender: "6281234000913",
      credentials: { ...GOWA_LOGIN, webhookSecret: GOWA_SECRET },
      deviceId: "site_b",
    });
    expect(await provider.probe?.(account, OPTIONS)).toMatchObject({ state: "connected" });
    for (const deviceId of [undefined, "site_c"]) {
      const settings = deviceId === undefined ? {} : { deviceId };
      const error = await providerErrorOf(
        provider.probe?.({ ...account, settings }, OPTIONS) ?? Promise.resolve(),
      );
      expect(error).toMatchObject({ kind: "unauthorized", reason: "not_configured" });
    }
  });
});

describe("evolution and its simulation", () => {
  const startEvolution = (
    channel: "whatsapp_personal" | "whatsapp_group",
    changes: Parameters<typeof registerEvolution>[2] = {},
    settings: Readonly<Record<string, unknown>> = {},
  ): Promise<Setting> =>
    start(
      "evolution",
      channel,
      (vendors, webhookUrl) => registerEvolution(vendors, webhookUrl, changes),
      (vendors) => ({
        baseUrl: vendors.baseUrls.evolution,
        sender: `+${EVOLUTION_NUMBER}`,
        credentials: { apiKey: EVOLUTION_KEY, webhookSecret: EVOLUTION_SECRET },
        settings: { instance: EVOLUTION_INSTANCE, ...settings },
      }),
    );
  const DELIVERY = "dlv_01j2xy39ejfxq4rehb3m79z2kw";

  it.each(["header", "jwt"] as const)(
    "agree on a text, its receipts and a quoting answer, proved by %s",
    async (webhookAuth) => {
      const { vendors, provider, account, events, refusals, send } = await startEvolution(
        "whatsapp_personal",
        { webhookAuth },
      );
      vendors.sandbox.phones.configure(BUDI, { reads: true });
      const sentAfter = Date.now() - 1_000;
      const result = await send({});
      await vendors.sandbox.idle();
      const [shown] = vendors.sandbox.phones.handset(BUDI).messages;
      expect(shown?.text).toBe('Tiang "ODP" roboh 🚨\nKlari');
      expect(statusesOf(events, result.providerMessageId)).toEqual(["sent", "delivered", "read"]);
      const quote = result.providerMessageId;
      await vendors.sandbox.people.reply(BUDI, { text: "siap", quote });
      expect(events.at(-1)).toMatchObject({
        kind: "reply",
        from: [{ kind: "phone", e164: BUDI }],
        text: "siap",
        quotedMessageId: quote,
      });
      await vendors.sandbox.people.react(BUDI, quote, "👍");
      expect(events.at(-1)).toMatchObject({ reaction: "👍", quotedMessageId: quote });
      expect(await provider.lookUp?.(account, quote, OPTIONS)).toMatchObject({ status: "read" });
      const message: OutboundMessage = {
        to: { kind: "phone", e164: BUDI },
        text: 'Tiang "ODP" roboh 🚨\nKlari',
        language: "id",
      };
      expect(await provider.findLost?.(account, message, sentAfter, OPTIONS)).toMatchObject({
        providerMessageId: quote,
      });
      expect(refusals).toEqual([]);
    },
  );

  it("agree on a file, a place and buttons", async () => {
    const { vendors, events, send } = await startEvolution(
      "whatsapp_personal",
      {},
      { hasButtons: true },
    );
    const content = { bytes: new Uint8Array([1, 2, 3]), contentType: "image/jpeg" };
    await send({
      text: "Foto",
      attachment: { kind: "image", url: "https://siaga.example/a", fileName: "a", content },
    });
    await send({
      text: "",
      attachment: {
        kind: "location",
        latitude: -6.2,
        longitude: 106.816666,
        name: null,
        address: null,
      },
    });
    const asked = await send({ text: "Pompa", buttons: [{ id: "ack:4821", title: "Terima" }] });
    await vendors.sandbox.idle();
    const shown = vendors.sandbox.phones.handset(BUDI).messages;
    expect(shown.map(({ attachment }) => attachment?.kind ?? null)).toEqual([
      "image",
      "location",
      null,
    ]);
    expect(shown[0]?.attachment).toMatchObject({ fileName: "a.jpg" });
    await vendors.sandbox.people.press(BUDI, asked.providerMessageId);
    // Who presses has read: that receipt may come after.
    expect(events.find(({ kind }) => kind === "reply")).toMatchObject({
      buttonId: "ack:4821",
      text: "Terima",
      quotedMessageId: asked.providerMessageId,
    });
  });

  it("agree that receipts give a lost delivery back, and that a repeat is the same message", async () => {
    const { vendors, provider, account, events } = await startEvolution("whatsapp_personal", {
      release: "2.4.0-rc2",
    });
    const message: OutboundMessage = {
      to: { kind: "phone", e164: BUDI },
      text: "Pompa 3",
      language: "id",
    };
    const options = sendOptions({ deliveryKey: DELIVERY });
    vendors.sandbox.faults.add({ kind: "drop_after", count: 1 });
    const lost = await providerErrorOf(provider.send(account, message, options));
    expect(lost).toMatchObject({ kind: "unknown_outcome" });
    await vendors.sandbox.idle();
    expect(events).not.toEqual([]);
    expect(
      events.every((event) => event.kind === "receipt" && event.deliveryKey === DELIVERY),
    ).toBe(true);
    await provider.send(account, message, options);
    await vendors.sandbox.idle();
    expect(vendors.sandbox.phones.handset(BUDI).messages).toHaveLength(1);
  });

  it("agree on a group, its members' receipts and the member who answers", async () => {
    const { vendors, provider, account, events, send } = await startEvolution("whatsapp_group");
    expect((await provider.listGroups?.(account, OPTIONS))?.groups).toEqual([
      { groupChatId: GROUP_ID, name: "Teknisi Karawang" },
    ]);
    const result = await send({ to: { kind: "group", groupChatId: GROUP_ID } });
    await vendors.sandbox.idle();
    expect(statusesOf(events, result.providerMessageId)).toEqual([
      "sent",
      "delivered",
      "delivered",
    ]);
    expect(new Set(events.map(({ eventKey }) => eventKey)).size).toBe(3);
    await vendors.sandbox.people.reply(SARI, { text: "siap 4821", group: GROUP_ID });
    expect(events.at(-1)).toMatchObject({
      groupChatId: GROUP_ID,
      from: [{ kind: "phone", e164: SARI }],
    });
    vendors.sandbox.phones.configure(SARI, { hidesNumber: true });
    await vendors.sandbox.people.reply(SARI, { text: "siap 4821", group: GROUP_ID });
    const hidden = events.at(-1);
    expect(hidden?.kind === "reply" && hidden.from.map(({ kind }) => kind)).toEqual(["lid"]);
    const elsewhere = send({ to: { kind: "group", groupChatId: "120363020000000099@g.us" } });
    expect(await providerErrorOf(elsewhere)).toMatchObject({ reason: "not_a_member" });
  });

  it("agree on a number without WhatsApp, a wrong key, an unknown instance and a missing licence", async () => {
    const { vendors, provider, account, send } = await startEvolution("whatsapp_personal");
    vendors.sandbox.phones.configure(BUDI, { hasWhatsApp: false });
    expect(await providerErrorOf(send({}))).toMatchObject({ reason: "not_on_channel" });
    const probing = async (changes: Partial<AccountContext>) => {
      const probe = provider.probe?.({ ...account, ...changes }, OPTIONS) ?? Promise.resolve();
      return (await providerErrorOf(probe)).reason;
    };
    const credentials = { ...account.credentials, apiKey: "another" };
    expect(await probing({ credentials })).toBe("credentials");
    expect(await probing({ settings: { instance: "another" } })).toBe("not_configured");
    registerEvolution(vendors, null, { release: "2.4.0-rc2", hasLicence: false });
    expect(await probing({})).toBe("permission");
    expect(await providerErrorOf(send({}))).toMatchObject({
      kind: "unauthorized",
      reason: "permission",
    });
  });

  it("agree that a number is unlinked, and that it is banned", async () => {
    const { vendors, provider, account, events, send } = await startEvolution("whatsapp_personal");
    expect(await provider.probe?.(account, OPTIONS)).toMatchObject({ state: "connected" });
    vendors.sandbox.setDevice(EVOLUTION_NUMBER, false);
    await vendors.sandbox.idle();
    expect(events.at(-1)).toMatchObject({ kind: "account_state", state: "disconnected" });
    expect(await providerErrorOf(send({}))).toMatchObject({ reason: "device_disconnected" });
    expect(await provider.probe?.(account, OPTIONS)).toMatchObject({ state: "disconnected" });
    vendors.sandbox.setDevice(EVOLUTION_NUMBER, true);
    await vendors.sandbox.idle();
    expect(events.at(-1)).toMatchObject({ kind: "account_state", state: "connected" });
    vendors.sandbox.setBanned(EVOLUTION_NUMBER, true);
    await vendors.sandbox.idle();
    expect(events.at(-1)).toMatchObject({ kind: "account_state", state: "banned" });
  });
});

describe("smtp and its simulation", () => {
  const MAILBOX = "budi@example.id";

  async function startSmtp() {
    const setting = await start("smtp", "email", registerSmtp, (vendors) => ({
      baseUrl: vendors.baseUrls.smtp,
      sender: SMTP_SENDER,
      credentials: SMTP_LOGIN,
      settings: { fromName: "Alarm Siaga" },
    }));
    const send = (message: Partial<OutboundMessage> = {}) =>
      setting.send({ to: { kind: "email", address: MAILBOX }, ...message });
    return { ...setting, send };
  }

  it("agree on a message with its subject, link and file", async () => {
    const { vendors, send } = await startSmtp();
    const content = { bytes: Buffer.from("%PDF-1.7"), contentType: "application/pdf" };
    const result = await send({
      subject: "[P1] Tiang ODP roboh",
      link: "https://alerts.example.id/a/K7Q2?x=1&y=2",
      attachment: { kind: "document", url: "https://x.example/a", fileName: "odp.pdf", content },
    });
    await vendors.sandbox.idle();
    const [entry] = vendors.sandbox.log.entries(({ kind }) => kind === "message");
    expect(entry).toMatchObject({ deliveryKey: "dlv_1", to: MAILBOX, accepted: true });
    expect(vendors.sandbox.phones.handset(MAILBOX).messages).toMatchObject([
      {
        title: "[P1] Tiang ODP roboh",
        text: 'Tiang "ODP" roboh 🚨\nKlari\n\nhttps://alerts.example.id/a/K7Q2?x=1&y=2',
        link: "https://alerts.example.id/a/K7Q2?x=1&y=2",
        attachment: { kind: "document", fileName: "odp.pdf" },
        providerMessageId: result.providerMessageId,
      },
    ]);
  });

  it.each([
    [{ kind: "refuse", code: "550 5.1.1" }, "rejected", "invalid_recipient", 0],
    [{ kind: "refuse", code: "554 5.7.1" }, "rejected", "content_blocked", 0],
    [{ kind: "rate_limited" }, "rate_limited", "rate_limit", 0],
    [{ kind: "server_error" }, "unavailable", "provider_fault", 0],
    [{ kind: "unauthorized" }, "unauthorized", "credentials", 0],
    [{ kind: "ban" }, "unauthorized", "credentials", 0],
    [{ kind: "drop_before" }, "unavailable", "connection_lost", 0],
    [{ kind: "drop_after" }, "unknown_outcome", "connection_lost", 1],
    [{ kind: "malformed" }, "unknown_outcome", "unreadable_answer", 1],
    [{ kind: "empty" }, "unknown_outcome", "connection_lost", 1],
    [{ kind: "delay", delayMs: 3_600_000 }, "unknown_outcome", "timeout", 1],
  ] as const)("agree on the fault %j: %s, %s, %i shown", async (fault, kind, reason, shown) => {
    const { vendors, provider, account } = await startSmtp();
    vendors.sandbox.faults.add({ ...fault, count: 1 });
    const message: OutboundMessage = {
      to: { kind: "email", address: MAILBOX },
      text: "Tiang ODP roboh",
      language: "id",
    };
    const options = sendOptions({ timeoutMs: 1_000 });
    const error = await providerErrorOf(provider.send(account, message, options));
    expect(error).toMatchObject({ kind, reason });
    await vendors.sandbox.log.waitFor(({ kind: what }) => what === "message");
    if (shown > 0) await vendors.sandbox.phones.waitForMessage(MAILBOX);
    expect(vendors.sandbox.phones.handset(MAILBOX).messages).toHaveLength(shown);
    expect(error.surelyNotSent).toBe(shown === 0);
  });

  it("agree on the sign-in, a wrong password and another's sender", async () => {
    const { provider, account, send } = await startSmtp();
    expect(await provider.probe?.(account, OPTIONS)).toMatchObject({ state: "connected" });
    const wrong = { ...account, credentials: { ...SMTP_LOGIN, password: "salah" } };
    const probe = provider.probe?.(wrong, OPTIONS) ?? Promise.resolve();
    expect(await providerErrorOf(probe)).toMatchObject({ reason: "credentials" });
    const message: OutboundMessage = {
      to: { kind: "email", address: MAILBOX },
      text: "x",
      language: "id",
    };
    const foreign = { ...account, sender: "orang@lain.example.id" };
    const error = await providerErrorOf(provider.send(foreign, message, sendOptions()));
    expect(error).toMatchObject({ kind: "unauthorized", reason: "permission" });
    expect((await send()).status).toBe("accepted");
  });
});

describe("web-push and its simulation", () => {
  async function startWebPush() {
    const vendors = await startVendors();
    const { address, subscription, vapid } = registerWebPush(vendors);
    if (subscription.endpoint === undefined) throw new Error("a browser has an address");
    const client = createHttpClient();
    onTestFinished(() => client.close());
    const provider = createProviders(client.call).get("web-push", "push");
    const account: AccountContext = {
      accountId: "acc_1",
      baseUrl: vendors.baseUrls["web-push"],
      sender: VAPID_SUBJECT,
      credentials: { ...vapid },
      settings: {},
    };
    const { endpoint, keys } = subscription;
    const message: OutboundMessage = {
      to: { kind: "push_subscription", endpoint, ...keys },
      subject: "ALARM P1",
      text: 'Tiang "ODP" roboh 🚨\nKlari',
      link: "https://alerts.example.id/a/K7Q2",
      language: "id",
      buttons: [{ id: "ack:K7Q2", title: "Terima" }],
    };
    const send = (changes: Partial<AccountContext> = {}) =>
      provider.send({ ...account, ...changes }, message, sendOptions({ validForSeconds: 300 }));
    return { vendors, address, provider, account, send };
  }

  it("agree on a message, encrypted and signed", async () => {
    const { vendors, provider, account, address, send } = await startWebPush();
    const result = await send();
    await vendors.sandbox.idle();
    expect(vendors.sandbox.phones.handset(address.phone).messages).toMatchObject([
      {
        title: "ALARM P1",
        text: 'Tiang "ODP" roboh 🚨\nKlari',
        link: "https://alerts.example.id/a/K7Q2",
        buttons: [{ id: "ack:K7Q2", title: "Terima" }],
        providerMessageId: result.providerMessageId,
      },
    ]);
    expect(vendors.sandbox.log.entries()[0]).toMatchObject({
      deliveryKey: "dlv_1",
      providerMessageId: result.providerMessageId,
      details: { ttl: "300", urgency: "high" },
    });
    expect(provider.subscriptionKey?.(account)).toBe(account.credentials["publicKey"]);
  });

  it("show one of two tries on a phone that was off", async () => {
    const { vendors, address, send } = await startWebPush();
    vendors.sandbox.phones.configure(address.phone, { isOnline: false });
    await send();
    await send();
    await vendors.sandbox.idle();
    vendors.sandbox.phones.configure(address.phone, { isOnline: true });
    await vendors.sandbox.idle();
    expect(vendors.sandbox.log.count(({ accepted }) => accepted)).toBe(2);
    expect(vendors.sandbox.phones.handset(address.phone).messages).toHaveLength(1);
  });

  it.each([
    [{ kind: "refuse", code: 410 }, "rejected", "subscription_gone", null],
    [{ kind: "refuse", code: 404 }, "rejected", "subscription_gone", null],
    [{ kind: "rate_limited", retryAfterSeconds: 30 }, "rate_limited", "rate_limit", 30_000],
    [{ kind: "server_error", httpStatus: 503 }, "unavailable", "provider_fault", null],
    [{ kind: "server_error", httpStatus: 500 }, "unknown_outcome", "provider_fault", null],
    [{ kind: "unauthorized" }, "unauthorized", "credentials", null],
    [{ kind: "drop_after" }, "unknown_outcome", "connection_lost", null],
  ] as const)("agree on the fault %j: %s, %s", async (fault, kind, reason, retryAfterMs) => {
    const { vendors, send } = await startWebPush();
    vendors.sandbox.faults.add(fault);
    expect(await providerErrorOf(send())).toMatchObject({ kind, reason, retryAfterMs });
  });

  it("agree that a browser has gone, and that it knows another key", async () => {
    const { vendors, address, send } = await startWebPush();
    const other = { ...registerWebPush(await startVendors()).vapid };
    const mismatch = await providerErrorOf(send({ credentials: other }));
    expect(mismatch).toMatchObject({ kind: "unauthorized", scope: "recipient" });
    vendors.sandbox.unsubscribe(address.id);
    expect(await providerErrorOf(send())).toMatchObject({ reason: "subscription_gone" });
  });
});

describe("fcm and its simulation", () => {
  async function startFcm() {
    const vendors = await startVendors();
    const { projectId, serviceAccount } = registerFcm(vendors);
    const address = vendors.sandbox.subscribe(`fcm:${projectId}`, BUDI);
    const client = createHttpClient();
    onTestFinished(() => client.close());
    const provider = createProviders(client.call).get("fcm", "push");
    const account: AccountContext = {
      accountId: "acc_1",
      baseUrl: vendors.baseUrls.fcm,
      sender: projectId,
      credentials: { serviceAccount },
      settings: {},
    };
    const message: OutboundMessage = {
      to: { kind: "push_token", token: address.id },
      subject: "ALARM P1",
      text: 'Tiang "ODP" roboh 🚨\nKlari',
      link: "https://alerts.example.id/a/K7Q2",
      language: "id",
    };
    // Statements are signed with the time, and the simulated Google looks at its clock.
    const send = (changes: Partial<OutboundMessage> = {}) =>
      provider.send(account, { ...message, ...changes }, sendOptions({ now: Date.now() }));
    return { vendors, address, provider, account, send };
  }

  it("agree on the sign-in, the message and a probe", async () => {
    const { vendors, provider, account, send } = await startFcm();
    const result = await send();
    await vendors.sandbox.idle();
    expect(vendors.sandbox.phones.handset(BUDI).messages).toMatchObject([
      {
        title: "ALARM P1",
        text: 'Tiang "ODP" roboh 🚨\nKlari',
        link: "https://alerts.example.id/a/K7Q2",
        providerMessageId: result.providerMessageId,
      },
    ]);
    await send();
    expect(vendors.sandbox.log.count(({ path }) => path === "/token")).toBe(1);
    expect(await provider.probe?.(account, OPTIONS)).toMatchObject({ state: "connected" });
    expect(vendors.sandbox.log.count(({ kind }) => kind === "message")).toBe(2);
  });

  it.each([
    [{ kind: "refuse", code: "UNREGISTERED" }, "rejected", "subscription_gone", null],
    [{ kind: "refuse", code: "SENDER_ID_MISMATCH" }, "unauthorized", "permission", null],
    [{ kind: "refuse", code: "THIRD_PARTY_AUTH_ERROR" }, "unauthorized", "credentials", null],
    [{ kind: "rate_limited", retryAfterSeconds: 30 }, "rate_limited", "rate_limit", 30_000],
    [{ kind: "server_error", httpStatus: 503 }, "unavailable", "provider_fault", null],
    [{ kind: "server_error", httpStatus: 500 }, "unknown_outcome", "provider_fault", null],
    [{ kind: "unauthorized" }, "unauthorized", "credentials", null],
    [{ kind: "ban" }, "unauthorized", "permission", null],
    [{ kind: "drop_after" }, "unknown_outcome", "connection_lost", null],
    [{ kind: "malformed" }, "unknown_outcome", "unreadable_answer", null],
    [{ kind: "empty" }, "unknown_outcome", "unreadable_answer", null],
  ] as const)("agree on the fault %j: %s, %s", async (fault, kind, reason, retryAfterMs) => {
    const { vendors, send } = await startFcm();
    vendors.sandbox.faults.add(fault);
    expect(await providerErrorOf(send())).toMatchObject({ kind, reason, retryAfterMs });
  });

  it("agree that a wrong clock gets no access, and that an app was removed", async () => {
    const { vendors, address, provider, account, send } = await startFcm();
    const probe = provider.probe?.(account, { ...OPTIONS, now: 0 }) ?? Promise.resolve();
    expect(await providerErrorOf(probe)).toMatchObject({
      kind: "unauthorized",
      reason: "credentials",
    });
    vendors.sandbox.unsubscribe(address.id);
    expect(await providerErrorOf(send())).toMatchObject({ reason: "subscription_gone" });
  });
});
