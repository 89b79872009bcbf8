import { createHmac } from "node:crypto";

import { describe, expect, it } from "vitest";

import {
  BUDI,
  GROUP_ID,
  META_APP_SECRET,
  META_NUMBER_ID,
  META_TOKEN,
  META_WABA_ID,
  SARI,
  SOME_TEXT,
  at,
  metaText,
  openWindow,
  registerMeta,
  request,
  sendByMeta,
  startReceiver,
  startVendors,
  textLike,
} from "./support.ts";
import type { Received } from "./support.ts";

const TO = BUDI.slice(1);
const ACCOUNT = "6281234000901";

const textExample = {
  messaging_product: "whatsapp",
  recipient_type: "individual",
  to: TO,
  type: "text",
  text: { preview_url: false, body: "[ALARM P1] Tekanan pompa 3 = 9.8 bar" },
  biz_opaque_callback_data: "inc_01HX:step2:att1",
};
const interactiveExample = {
  messaging_product: "whatsapp",
  recipient_type: "individual",
  to: TO,
  type: "interactive",
  interactive: {
    type: "button",
    body: { text: "Alarm P1 pompa 3" },
    action: {
      buttons: [
        { type: "reply", reply: { id: "ack:K7Q2", title: "Terima" } },
        { type: "reply", reply: { id: "esc:K7Q2", title: "Eskalasi" } },
      ],
    },
  },
};
const templateExample = {
  messaging_product: "whatsapp",
  recipient_type: "individual",
  to: TO,
  type: "template",
  template: {
    name: "alarm_ack_v1",
    language: { code: "id" },
    components: [
      {
        type: "body",
        parameters: [
          { type: "text", text: "Pompa 3" },
          { type: "text", text: "9.8 bar" },
        ],
      },
      {
        type: "button",
        sub_type: "quick_reply",
        index: "0",
        parameters: [{ type: "payload", payload: "ack:K7Q2" }],
      },
    ],
  },
  biz_opaque_callback_data: "inc_01HX:step2:att1",
};

function isSigned({ body, headers }: Received): boolean {
  const expected = createHmac("sha256", META_APP_SECRET).update(body).digest("hex");
  return headers["x-hub-signature-256"] === `sha256=${expected}`;
}

function valueOf(received: Received | undefined): unknown {
  return at(received?.json, "entry", 0, "changes", 0, "value");
}

describe("sending", () => {
  it.each([
    ["text", textExample, {}],
    ["interactive", interactiveExample, {}],
    ["template", templateExample, { message_status: "accepted" }],
  ])("answers the sheet's %s example as the sheet says", async (_type, body, extra) => {
    const vendors = await startVendors();
    registerMeta(vendors);
    await openWindow(vendors, BUDI);
    const answer = await sendByMeta(vendors, body);
    expect(answer.status).toBe(200);
    expect(answer.json).toEqual({
      messaging_product: "whatsapp",
      contacts: [{ input: TO, wa_id: TO }],
      messages: [{ id: textLike(/^wamid\.[A-Za-z0-9+/=]+$/), ...extra }],
    });
  });

  it("logs text, buttons, template and the client's own key", async () => {
    const vendors = await startVendors();
    registerMeta(vendors);
    await openWindow(vendors, BUDI);
    await sendByMeta(vendors, textExample);
    await sendByMeta(vendors, interactiveExample);
    await sendByMeta(vendors, templateExample);
    const common = { vendor: "meta", kind: "message", to: BUDI, accepted: true, httpStatus: 200 };
    expect(vendors.sandbox.log.entries()).toMatchObject([
      { ...common, text: textExample.text.body, deliveryKey: "inc_01HX:step2:att1" },
      {
        ...common,
        text: "Alarm P1 pompa 3",
        buttons: [
          { id: "ack:K7Q2", title: "Terima" },
          { id: "esc:K7Q2", title: "Eskalasi" },
        ],
      },
      {
        ...common,
        template: {
          name: "alarm_ack_v1",
          language: "id",
          parameters: ["Pompa 3", "9.8 bar"],
          buttonPayloads: ["ack:K7Q2"],
        },
      },
    ]);
  });

  describe("a template that tells a code", () => {
    const codeExample = (button: readonly object[]) => ({
      ...templateExample,
      template: {
        name: "login_code",
        language: { code: "id" },
        components: [{ type: "body", parameters: [{ type: "text", text: "123456" }] }, ...button],
      },
    });
    const button = (parameters: readonly object[], subType = "url") => [
      { type: "button", sub_type: subType, index: "0", parameters },
    ];

    it.each([
      { given: button([{ type: "text", text: "123456" }]), code: null, why: "twice the same" },
      { given: [], code: 131008, why: "nothing for the button" },
      { given: button([]), code: 131008, why: "nothing in the button" },
      { given: button([{ type: "text", text: "654321" }]), code: 132012, why: "another code" },
      {
        given: button([{ type: "payload", payload: "123456" }], "quick_reply"),
        code: 132012,
        why: "it is no reply button",
      },
    ])("wants it in its body and in its button: $why", async ({ given, code }) => {
      const vendors = await startVendors();
      registerMeta(vendors);
      const answer = await sendByMeta(vendors, codeExample(given));
      expect(at(answer.json, "error", "code") ?? null).toBe(code);
      if (code !== null) return;
      const shown = await vendors.sandbox.phones.waitForMessage(BUDI);
      expect(shown).toMatchObject({ text: "*123456* adalah kode verifikasi Anda." });
    });
  });

  it("shows the person the template filled in, with its buttons", async () => {
    const vendors = await startVendors();
    registerMeta(vendors);
    await sendByMeta(vendors, templateExample);
    const shown = await vendors.sandbox.phones.waitForMessage(BUDI);
    expect(shown).toMatchObject({
      text: "Alarm Pompa 3: 9.8 bar",
      buttons: [
        { id: "ack:K7Q2", title: "Terima" },
        { id: "Eskalasi", title: "Eskalasi" },
      ],
    });
  });

  it("refuses a wrong token with 190 and another number's path with 100", async () => {
    const vendors = await startVendors();
    registerMeta(vendors);
    const wrongToken = await sendByMeta(vendors, textExample, { token: "other" });
    expect(wrongToken.status).toBe(401);
    expect(wrongToken.json).toEqual({
      error: {
        message: SOME_TEXT,
        type: "OAuthException",
        code: 190,
        error_data: { messaging_product: "whatsapp", details: SOME_TEXT },
        fbtrace_id: SOME_TEXT,
      },
    });
    const wrongNumber = await sendByMeta(vendors, textExample, { path: "/v23.0/1234567/messages" });
    expect([wrongNumber.status, at(wrongNumber.json, "error", "code")]).toEqual([400, 100]);
    const noVersion = await sendByMeta(vendors, textExample, {
      path: `/${META_NUMBER_ID}/messages`,
    });
    expect(noVersion.status).toBe(400);
    expect(vendors.sandbox.log.count(({ accepted }) => accepted)).toBe(0);
  });

  const buttons = (...titles: readonly string[]) => ({
    ...interactiveExample,
    interactive: {
      ...interactiveExample.interactive,
      action: {
        buttons: titles.map((title, index) => ({
          type: "reply",
          reply: { id: `b${index}`, title },
        })),
      },
    },
  });
  const templateWith = (components: unknown, name = "alarm_ack_v1", code = "id") => ({
    ...templateExample,
    template: { name, language: { code }, components },
  });
  const bodyParameters = (...texts: readonly string[]) => [
    { type: "body", parameters: texts.map((text) => ({ type: "text", text })) },
  ];
  const pressable = (index: string) => ({
    type: "button",
    sub_type: "quick_reply",
    index,
    parameters: [{ type: "payload", payload: "x" }],
  });

  it.each([
    ["a body without messaging_product", 100, { to: TO, type: "text", text: { body: "x" } }],
    ["no recipient", 100, { messaging_product: "whatsapp", type: "text", text: { body: "x" } }],
    ["a recipient without digits", 131009, { ...textExample, to: "abc" }],
    ["an unknown recipient type", 131009, { ...textExample, recipient_type: "person" }],
    ["an unknown type", 131051, { ...textExample, type: "hologram" }],
    ["a text without body", 131008, { ...textExample, text: {} }],
    ["a text that is too long", 100, metaText(TO, "x".repeat(4097))],
    [
      "callback data that is too long",
      131009,
      { ...textExample, biz_opaque_callback_data: "x".repeat(513) },
    ],
    ["a quote without id", 131008, { ...textExample, context: {} }],
    ["an image without link or id", 131008, { ...textExample, type: "image", image: {} }],
    [
      "an image from nowhere",
      131009,
      { ...textExample, type: "image", image: { link: "nowhere" } },
    ],
    [
      "a place beyond the pole",
      131009,
      { ...textExample, type: "location", location: { latitude: 91, longitude: 0 } },
    ],
    ["no button", 131009, buttons()],
    ["four buttons", 131009, buttons("a", "b", "c", "d")],
    ["a button title of 21 characters", 131009, buttons("x".repeat(21))],
    ["two buttons alike", 131009, buttons("Terima", "Terima")],
    ["a template that isn't there", 132001, templateWith([], "other")],
    ["a template in another language", 132001, templateWith([], "alarm_ack_v1", "en")],
    ["one parameter too few", 132000, templateWith(bodyParameters("a"))],
    ["one parameter too many", 132000, templateWith(bodyParameters("a", "b", "c"))],
    [
      "a button that the template hasn't",
      132012,
      templateWith([...bodyParameters("a", "b"), pressable("2")]),
    ],
    [
      "a header that the template hasn't",
      132012,
      templateWith([{ type: "header", parameters: [] }, ...bodyParameters("a", "b")]),
    ],
    ["a line break in a parameter", 100, templateWith(bodyParameters("a\nb", "c"))],
    ["five spaces in a parameter", 100, templateWith(bodyParameters("a     b", "c"))],
  ])("refuses %s with %i", async (_what, code, body) => {
    const vendors = await startVendors();
    registerMeta(vendors);
    await openWindow(vendors, BUDI);
    const answer = await sendByMeta(vendors, body);
    expect(at(answer.json, "error", "code")).toBe(code);
    expect(answer.status).toBeGreaterThanOrEqual(400);
    expect(vendors.sandbox.log.entries()).toMatchObject([
      { accepted: false, vendorCode: String(code), providerMessageId: null },
    ]);
  });

  it.each([
    ["a text of 4,096 characters", metaText(TO, "x".repeat(4096))],
    [
      "callback data of 512 characters",
      { ...textExample, biz_opaque_callback_data: "x".repeat(512) },
    ],
    ["a button title of 20 characters", buttons("x".repeat(20))],
    ["three buttons", buttons("a", "b", "c")],
    ["the last button of a template", templateWith([...bodyParameters("a", "b"), pressable("1")])],
    ["four spaces in a parameter", templateWith(bodyParameters("a    b", "c"))],
    [
      "a place as numbers",
      { ...textExample, type: "location", location: { latitude: -6.2, longitude: 106.8 } },
    ],
    [
      "a place as texts",
      { ...textExample, type: "location", location: { latitude: "-6.2", longitude: "106.8" } },
    ],
    [
      "an image by link",
      { ...textExample, type: "image", image: { link: "https://files.example.id/pompa.jpg" } },
    ],
    ["a quote", { ...textExample, context: { message_id: "wamid.X" } }],
    ["a number with plus", metaText(BUDI, "x")],
  ])("takes %s", async (_what, body) => {
    const vendors = await startVendors();
    registerMeta(vendors);
    await openWindow(vendors, BUDI);
    expect((await sendByMeta(vendors, body)).status).toBe(200);
  });

  it("does not read a body that is not declared as JSON", async () => {
    const vendors = await startVendors();
    registerMeta(vendors);
    const answer = await request(`${vendors.baseUrls.meta}/v23.0/${META_NUMBER_ID}/messages`, {
      method: "POST",
      headers: { authorization: `Bearer ${META_TOKEN}`, "content-type": "text/plain" },
      body: JSON.stringify(textExample),
    });
    expect(at(answer.json, "error", "code")).toBe(100);
  });
});

describe("the 24-hour window", () => {
  it.each([
    [24 * 3_600_000 - 1, 200, "a moment before it closes"],
    [24 * 3_600_000, 400, "as it closes"],
    [24 * 3_600_000 + 1, 400, "after it has closed"],
  ])("after %i ms a free text gets %i: %s", async (passedMs, status) => {
    let now = 1_782_000_000_000;
    const vendors = await startVendors({ clock: () => now });
    registerMeta(vendors);
    await openWindow(vendors, BUDI);
    now += passedMs;
    const answer = await sendByMeta(vendors, textExample);
    expect(answer.status).toBe(status);
    if (status === 400) expect(at(answer.json, "error", "code")).toBe(131047);
  });

  it("is closed for a person who never wrote, and open for templates", async () => {
    const vendors = await startVendors();
    registerMeta(vendors);
    await openWindow(vendors, SARI);
    expect(at((await sendByMeta(vendors, textExample)).json, "error", "code")).toBe(131047);
    expect(at((await sendByMeta(vendors, interactiveExample)).json, "error", "code")).toBe(131047);
    expect((await sendByMeta(vendors, templateExample)).status).toBe(200);
  });

  it("is opened by a button press", async () => {
    const vendors = await startVendors();
    registerMeta(vendors);
    await sendByMeta(vendors, templateExample);
    const shown = await vendors.sandbox.phones.waitForMessage(BUDI);
    await vendors.sandbox.people.press(BUDI, shown.id, "Terima");
    expect((await sendByMeta(vendors, textExample)).status).toBe(200);
  });

  it("can refuse later, by a failed receipt", async () => {
    const receiver = await startReceiver();
    const vendors = await startVendors();
    vendors.sandbox.registerAccount({
      vendor: "meta",
      sender: ACCOUNT,
      credentials: { accessToken: META_TOKEN, appSecret: META_APP_SECRET },
      phoneNumberId: META_NUMBER_ID,
      webhookUrl: receiver.url,
      windowRefusal: "receipt",
    });
    expect((await sendByMeta(vendors, textExample)).status).toBe(200);
    const [failed] = await receiver.waitFor(1);
    expect(valueOf(failed)).toMatchObject({
      statuses: [{ status: "failed", errors: [{ code: 131047, title: "Re-engagement message" }] }],
    });
  });
});

describe("templates", () => {
  it.each([
    ["PENDING", 132001],
    ["REJECTED", 132001],
    ["PAUSED", 132015],
    ["DISABLED", 132016],
  ] as const)("that are %s are refused with %i", async (status, code) => {
    const vendors = await startVendors();
    registerMeta(vendors);
    vendors.sandbox.setTemplate(ACCOUNT, {
      name: "alarm_ack_v1",
      language: "id",
      body: "Alarm {{1}}: {{2}}",
      buttons: ["Terima"],
      status,
    });
    const answer = await sendByMeta(vendors, templateExample);
    expect(at(answer.json, "error", "code")).toBe(code);
  });

  it("may be held for quality", async () => {
    const vendors = await startVendors();
    registerMeta(vendors);
    vendors.sandbox.setTemplate(ACCOUNT, {
      name: "alarm_ack_v1",
      language: "id",
      body: "Alarm {{1}}: {{2}}",
      buttons: ["Terima"],
      isHeldForQuality: true,
    });
    const answer = await sendByMeta(vendors, templateExample);
    expect(at(answer.json, "messages", 0, "message_status")).toBe("held_for_quality_assessment");
  });

  it("are listed, and a changed status is told by a signed webhook", async () => {
    const receiver = await startReceiver();
    const vendors = await startVendors();
    registerMeta(vendors, receiver.url);
    const list = await request(`${vendors.baseUrls.meta}/v23.0/${META_WABA_ID}/message_templates`, {
      headers: { authorization: `Bearer ${META_TOKEN}` },
    });
    expect(list.json["data"]).toMatchObject([
      { name: "alarm_ack_v1", language: "id", status: "APPROVED", category: "UTILITY" },
      { name: "login_code", language: "id", status: "APPROVED", category: "AUTHENTICATION" },
    ]);
    vendors.sandbox.setTemplate(ACCOUNT, {
      name: "alarm_ack_v1",
      language: "id",
      body: "Alarm {{1}}: {{2}}",
      status: "PAUSED",
    });
    const [changed] = await receiver.waitFor(1);
    expect(at(changed?.json, "entry", 0, "changes", 0)).toMatchObject({
      field: "message_template_status_update",
      value: {
        event: "PAUSED",
        message_template_name: "alarm_ack_v1",
        message_template_language: "id",
      },
    });
    expect(changed !== undefined && isSigned(changed)).toBe(true);
  });
});

describe("receipts", () => {
  it("come in the envelope, signed over the escaped bytes, with the client's key", async () => {
    const receiver = await startReceiver();
    const vendors = await startVendors({ defaultPhone: { reads: true } });
    registerMeta(vendors, receiver.url);
    const key = "kunci-é-✓";
    const answer = await sendByMeta(vendors, {
      ...templateExample,
      biz_opaque_callback_data: key,
    });
    await vendors.sandbox.idle();
    const id = at(answer.json, "messages", 0, "id");
    expect(receiver.received.every(isSigned)).toBe(true);
    expect(receiver.received[0]?.body).toContain("kunci-\\u00e9-\\u2713");
    const statuses = receiver.received.map((received) => at(valueOf(received), "statuses", 0));
    const common = {
      id,
      recipient_id: TO,
      timestamp: textLike(/^\d{10}$/),
      biz_opaque_callback_data: key,
    };
    expect(statuses).toMatchObject([
      { ...common, status: "sent", pricing: { billable: true, pricing_model: "PMP" } },
      { ...common, status: "delivered" },
      { ...common, status: "read" },
    ]);
    expect(receiver.received[0]?.json).toMatchObject({
      object: "whatsapp_business_account",
      entry: [
        {
          id: META_WABA_ID,
          changes: [
            {
              field: "messages",
              value: {
                messaging_product: "whatsapp",
                metadata: { display_phone_number: ACCOUNT, phone_number_id: META_NUMBER_ID },
              },
            },
          ],
        },
      ],
    });
  });

  it("report 131026 for a number without WhatsApp", async () => {
    const receiver = await startReceiver();
    const vendors = await startVendors({ defaultPhone: { hasWhatsApp: false } });
    registerMeta(vendors, receiver.url);
    await sendByMeta(vendors, templateExample);
    await vendors.sandbox.idle();
    expect(receiver.received.map((received) => at(valueOf(received), "statuses", 0))).toMatchObject(
      [
        {
          status: "failed",
          errors: [{ code: 131026, error_data: { details: "Message undeliverable" } }],
        },
      ],
    );
  });

  it("of a group come for each member; an unknown group is refused with 131041", async () => {
    const receiver = await startReceiver();
    const vendors = await startVendors();
    registerMeta(vendors, receiver.url);
    const body = { ...metaText(GROUP_ID, "Halo tim"), recipient_type: "group" };
    const unknown = await sendByMeta(vendors, body);
    expect(at(unknown.json, "error", "code")).toBe(131041);
    vendors.sandbox.setGroup({
      id: GROUP_ID,
      name: "Tim",
      members: [BUDI, SARI],
      accounts: [ACCOUNT],
    });
    const buttons = { ...interactiveExample, to: GROUP_ID, recipient_type: "group" };
    expect(at((await sendByMeta(vendors, buttons)).json, "error", "code")).toBe(131051);
    expect((await sendByMeta(vendors, body)).status).toBe(200);
    await vendors.sandbox.idle();
    const statuses = receiver.received.map((received) => at(valueOf(received), "statuses", 0));
    expect(statuses).toMatchObject([
      { status: "sent", recipient_id: GROUP_ID },
      { status: "delivered", recipient_id: BUDI.slice(1) },
      { status: "delivered", recipient_id: SARI.slice(1) },
    ]);
  });
});

describe("what people do", () => {
  it("is told as text, quote, reaction, button and interactive reply with the message's id", async () => {
    const receiver = await startReceiver();
    const vendors = await startVendors();
    registerMeta(vendors, receiver.url);
    const { people, phones } = vendors.sandbox;
    await sendByMeta(vendors, templateExample);
    const template = await phones.waitForMessage(BUDI);
    await people.press(BUDI, template.id, "Terima");
    await sendByMeta(vendors, interactiveExample);
    const interactive = await phones.waitForMessage(
      BUDI,
      ({ text }) => text === "Alarm P1 pompa 3",
    );
    await people.press(BUDI, interactive.id, "2");
    await people.reply(BUDI, { text: "siap" });
    await people.reply(BUDI, { text: "ok", quote: interactive.providerMessageId });
    await people.react(BUDI, interactive.id, "👍");
    await people.react(BUDI, interactive.id, "");
    const inbound = receiver.received
      .map((received) => at(valueOf(received), "messages", 0))
      .filter((message) => message !== undefined);
    const context = (message: { providerMessageId: string }) => ({
      from: ACCOUNT,
      id: message.providerMessageId,
    });
    expect(inbound).toMatchObject([
      {
        from: TO,
        type: "button",
        context: context(template),
        button: { payload: "ack:K7Q2", text: "Terima" },
      },
      {
        type: "interactive",
        context: context(interactive),
        interactive: {
          type: "button_reply",
          button_reply: { id: "esc:K7Q2", title: "Eskalasi" },
        },
      },
      { type: "text", text: { body: "siap" } },
      { type: "text", text: { body: "ok" }, context: context(interactive) },
      {
        type: "reaction",
        reaction: { message_id: interactive.providerMessageId, emoji: "👍" },
      },
      { type: "reaction", reaction: { message_id: interactive.providerMessageId } },
    ]);
    expect(at(inbound[2], "context")).toBeUndefined();
    expect(receiver.received.every(isSigned)).toBe(true);
  });

  it("carries the user id alone when the person hides the number", async () => {
    const receiver = await startReceiver();
    const vendors = await startVendors({ defaultPhone: { hidesNumber: true } });
    registerMeta(vendors, receiver.url);
    await openWindow(vendors, BUDI);
    const value = valueOf(receiver.received[0]);
    expect(at(value, "contacts", 0, "user_id")).toMatch(/^ID\.[A-Z0-9]+$/);
    expect(at(value, "contacts", 0, "wa_id")).toBeUndefined();
    expect(at(value, "messages", 0, "from")).toBeUndefined();
    expect(receiver.received[0]?.body).not.toContain(TO);
  });
});

describe("other requests", () => {
  it("tell the number's profile, whole or by fields", async () => {
    const vendors = await startVendors();
    registerMeta(vendors);
    const ask = (query: string) =>
      request(`${vendors.baseUrls.meta}/v23.0/${META_NUMBER_ID}${query}`, {
        headers: { authorization: `Bearer ${META_TOKEN}` },
      });
    expect((await ask("")).json).toMatchObject({
      id: META_NUMBER_ID,
      display_phone_number: `+${ACCOUNT}`,
      quality_rating: "GREEN",
    });
    expect((await ask("?fields=quality_rating")).json).toEqual({
      quality_rating: "GREEN",
      id: META_NUMBER_ID,
    });
  });

  it("verify a webhook by its challenge and say when the answer is another", async () => {
    const receiver = await startReceiver();
    const vendors = await startVendors();
    registerMeta(vendors, receiver.url);
    receiver.answerWith(({ path }) => {
      const query = new URL(path, receiver.url).searchParams;
      const isOurs =
        query.get("hub.mode") === "subscribe" &&
        query.get("hub.verify_token") === "meta-verify-token";
      return { status: isOurs ? 200 : 403, body: query.get("hub.challenge") ?? "" };
    });
    expect(await vendors.sandbox.verifyWebhook(ACCOUNT)).toBe(true);
    receiver.answerWith(() => ({ status: 200, body: "something else" }));
    expect(await vendors.sandbox.verifyWebhook(ACCOUNT)).toBe(false);
  });
});
