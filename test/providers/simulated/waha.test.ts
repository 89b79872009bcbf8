import { createHmac } from "node:crypto";

import { describe, expect, it } from "vitest";

import {
  BUDI,
  GROUP_ID,
  SARI,
  SOME_NUMBER,
  WAHA_API_KEY,
  WAHA_HMAC_KEY,
  WAHA_NUMBER,
  askWaha,
  at,
  registerWaha,
  startReceiver,
  startVendors,
  textLike,
} from "./support.ts";

const CHAT = `${BUDI.slice(1)}@c.us`;
const FILE = { mimetype: "image/jpeg", filename: "odp.jpg", data: "/9j/4A==" };
const text = (fields: Record<string, unknown> = {}): Record<string, unknown> => ({
  session: "default",
  chatId: CHAT,
  text: "Alarm",
  ...fields,
});

describe("requests to WAHA", () => {
  it.each<[string, string, Record<string, unknown>, string]>([
    ["no session", "/api/sendText", { chatId: CHAT, text: "x" }, "session must be a string"],
    ["no chat", "/api/sendText", { session: "default", text: "x" }, "chatId must be a string"],
    ["no text", "/api/sendText", text({ text: "" }), "text must be a string"],
    ["a bare number", "/api/sendText", text({ chatId: BUDI.slice(1) }), "chatId must be a chat id"],
    ["a plus", "/api/sendText", text({ chatId: `${BUDI}@c.us` }), "chatId must be a chat id"],
    [
      "a leading zero",
      "/api/sendText",
      text({ chatId: "081234000001@c.us" }),
      "chatId must be a chat id",
    ],
    [
      "whatsmeow's suffix",
      "/api/sendText",
      text({ chatId: `${BUDI.slice(1)}@s.whatsapp.net` }),
      "chatId must be a chat id",
    ],
    [
      "a preview in words",
      "/api/sendText",
      text({ linkPreview: "no" }),
      "linkPreview must be boolean",
    ],
    ["an id that is none", "/api/sendText", text({ id: 7 }), "id must be a string"],
    ["no file", "/api/sendImage", { session: "default", chatId: CHAT }, "file must be an object"],
    [
      "a file without its type",
      "/api/sendFile",
      { session: "default", chatId: CHAT, file: { data: FILE.data } },
      "file.mimetype must be a string",
    ],
    [
      "a file that is no Base64",
      "/api/sendFile",
      { session: "default", chatId: CHAT, file: { ...FILE, data: "%%%" } },
      "file.data or file.url must be given",
    ],
    [
      "a place in words",
      "/api/sendLocation",
      { session: "default", chatId: CHAT, latitude: "-6.2", longitude: 106.8, title: "POP" },
      "latitude must be a number",
    ],
    [
      "a place without a title",
      "/api/sendLocation",
      { session: "default", chatId: CHAT, latitude: -6.2, longitude: 106.8 },
      "title must be a string",
    ],
  ])("are refused with %s", async (_what, path, body, message) => {
    const vendors = await startVendors();
    registerWaha(vendors);
    const answer = await askWaha(vendors, path, body);
    expect([answer.status, answer.json["message"]]).toEqual([400, [message]]);
    const [entry] = vendors.sandbox.log.entries();
    expect(entry).toMatchObject({ kind: "message", accepted: false, vendorCode: message });
  });

  it("are refused without their key, for a session that nobody made, and elsewhere", async () => {
    const vendors = await startVendors();
    registerWaha(vendors);
    const stranger = await askWaha(vendors, "/api/sendText", text(), "another");
    expect([stranger.status, stranger.json]).toEqual([
      401,
      { message: "Unauthorized", statusCode: 401 },
    ]);
    const lost = await askWaha(vendors, "/api/sendText", text({ session: "lain" }));
    expect(lost.status).toBe(404);
    expect(lost.json["message"]).toContain("didn't find a session");
    const nowhere = await askWaha(vendors, "/api/sendTex", text());
    expect(nowhere.json["message"]).toBe("Cannot POST /api/sendTex");
    expect((await askWaha(vendors, "/api/sessions/lain")).status).toBe(404);
    expect((await askWaha(vendors, "/api/default/nothing")).status).toBe(404);
  });

  it("go to the session that is named, where one key opens several", async () => {
    const vendors = await startVendors();
    registerWaha(vendors);
    vendors.sandbox.registerAccount({
      vendor: "waha",
      sender: "6281234000914",
      credentials: { apiKey: WAHA_API_KEY },
      session: "site_b",
    });
    await askWaha(vendors, "/api/sendText", text({ session: "site_b" }));
    expect(vendors.sandbox.log.entries()[0]).toMatchObject({ sender: "6281234000914" });
  });

  it.each([
    ["NOWEB", true],
    ["GOWS", true],
    ["WEBJS", false],
  ] as const)("under an id of their own are shown once on %s: %j", async (engine, isHonoured) => {
    const vendors = await startVendors();
    registerWaha(vendors, null, engine);
    const id = "3EB0A1B2C3D4E5F60718";
    const first = await askWaha(vendors, "/api/sendText", text({ id }));
    const second = await askWaha(vendors, "/api/sendText", text({ id }));
    await vendors.sandbox.idle();
    expect([first.status, second.status]).toEqual([201, 201]);
    expect(vendors.sandbox.phones.handset(BUDI).messages).toHaveLength(isHonoured ? 1 : 2);
    const ids = vendors.sandbox.log.entries().map(({ providerMessageId }) => providerMessageId);
    expect(ids.every((known) => known === id)).toBe(isHonoured);
  });

  it("tell the session, its groups, numbers, aliases and new ids", async () => {
    const vendors = await startVendors();
    registerWaha(vendors, null, "NOWEB");
    vendors.sandbox.phones.configure(SARI, { hasWhatsApp: false });
    expect((await askWaha(vendors, "/api/sessions/default")).json).toMatchObject({
      name: "default",
      status: "WORKING",
      me: { id: `${WAHA_NUMBER}@c.us` },
      engine: { engine: "NOWEB" },
    });
    expect((await askWaha(vendors, "/api/default/groups")).json).toEqual({
      [GROUP_ID]: { id: GROUP_ID, subject: "Teknisi Karawang" },
    });
    const exists = (phone: string) =>
      askWaha(vendors, `/api/contacts/check-exists?phone=${phone}&session=default`);
    expect((await exists(BUDI.slice(1))).json).toEqual({ numberExists: true, chatId: CHAT });
    expect((await exists(SARI.slice(1))).json).toEqual({ numberExists: false });
    expect((await exists("x")).status).toBe(400);
    const { json } = await askWaha(vendors, `/api/default/lids/pn/${BUDI.slice(1)}`);
    const lid = String(json["lid"]);
    expect((await askWaha(vendors, `/api/default/lids/${encodeURIComponent(lid)}`)).json).toEqual({
      lid,
      pn: CHAT,
    });
    expect((await askWaha(vendors, "/api/default/lids/1%40lid")).json["pn"]).toBeNull();
    expect((await askWaha(vendors, "/api/default/new-message-id")).json).toEqual({
      id: textLike(/^3EB0[0-9A-F]{18}$/),
    });
  });
});

describe("webhooks of WAHA", () => {
  it("are signed over the bytes, and carry numbers for states", async () => {
    const receiver = await startReceiver();
    const vendors = await startVendors({ defaultPhone: { reads: true } });
    registerWaha(vendors, receiver.url, "NOWEB");
    const answer = await askWaha(vendors, "/api/sendText", text());
    await vendors.sandbox.idle();
    const id = answer.json["id"];
    expect(receiver.received.map(({ json }) => json["payload"])).toEqual(
      [
        [1, "SERVER"],
        [2, "DEVICE"],
        [3, "READ"],
      ].map(([ack, ackName]) => ({
        id,
        from: CHAT,
        to: `${WAHA_NUMBER}@c.us`,
        participant: null,
        fromMe: true,
        ack,
        ackName,
      })),
    );
    const [first] = receiver.received;
    expect(first?.json).toMatchObject({
      id: textLike(/^evt_/),
      timestamp: SOME_NUMBER,
      event: "message.ack",
      session: "default",
      engine: "NOWEB",
    });
    const hmac = createHmac("sha512", WAHA_HMAC_KEY)
      .update(first?.body ?? "")
      .digest("hex");
    expect(first?.headers).toMatchObject({
      "x-webhook-hmac": hmac,
      "x-webhook-hmac-algorithm": "sha512",
    });
  });

  it("tell each member of a group, by an alias where the number is hidden", async () => {
    const receiver = await startReceiver();
    const vendors = await startVendors();
    registerWaha(vendors, receiver.url, "NOWEB");
    vendors.sandbox.phones.configure(SARI, { hidesNumber: true });
    await askWaha(vendors, "/api/sendText", text({ chatId: GROUP_ID }));
    await vendors.sandbox.idle();
    const told = receiver.received.map(({ json }) => [
      json["event"],
      at(json, "payload", "ackName"),
      at(json, "payload", "participant"),
    ]);
    expect(told).toEqual([
      ["message.ack", "SERVER", null],
      ["message.ack.group", "DEVICE", CHAT],
      ["message.ack.group", "DEVICE", textLike(/^\d{15}@lid$/)],
    ]);
  });

  it("are repeated every two seconds until they are answered with success", async () => {
    const receiver = await startReceiver();
    let count = 0;
    receiver.answerWith(() => {
      count += 1;
      return { status: count < 4 ? 500 : 201 };
    });
    const vendors = await startVendors();
    registerWaha(vendors, receiver.url);
    vendors.sandbox.setDevice(WAHA_NUMBER, false, "logged out");
    await vendors.sandbox.idle();
    expect(receiver.received).toHaveLength(4);
    expect(new Set(receiver.received.map(({ json }) => json["id"])).size).toBe(1);
    expect(at(receiver.received[0]?.json, "payload", "status")).toBe("SCAN_QR_CODE");
  });

  it("come for the configured events alone, and on WEBJS for no receipts without its setting", async () => {
    const receiver = await startReceiver();
    const vendors = await startVendors();
    const register = (changes: {
      readonly webjsTagsEvents?: boolean;
      readonly events?: string[];
    }) =>
      vendors.sandbox.registerAccount({
        vendor: "waha",
        sender: WAHA_NUMBER,
        credentials: { apiKey: WAHA_API_KEY },
        engine: "WEBJS",
        webhookUrl: receiver.url,
        webhookEvents: changes.events ?? ["message", "message.ack"],
        webjsTagsEvents: changes.webjsTagsEvents ?? false,
      });
    const reply = () => vendors.sandbox.people.reply(BUDI, { text: "ok", account: WAHA_NUMBER });
    register({});
    await askWaha(vendors, "/api/sendText", text());
    await vendors.sandbox.idle();
    expect(receiver.received).toHaveLength(0);
    expect(await reply()).toMatchObject({ isReported: true });
    expect(receiver.received[0]?.headers["x-webhook-hmac"]).toBeUndefined();
    register({ webjsTagsEvents: true, events: ["message.ack"] });
    await askWaha(vendors, "/api/sendText", text());
    await vendors.sandbox.idle();
    expect(receiver.received.slice(1).map(({ json }) => json["event"])).toEqual([
      "message.ack",
      "message.ack",
    ]);
    expect(await reply()).toMatchObject({ isReported: false });
  });

  it("tell nothing that a person writes while the session does not work", async () => {
    const receiver = await startReceiver();
    const vendors = await startVendors();
    registerWaha(vendors, receiver.url);
    vendors.sandbox.setBanned(WAHA_NUMBER, true);
    await vendors.sandbox.idle();
    expect(at(receiver.received.at(-1)?.json, "payload", "status")).toBe("FAILED");
    const act = await vendors.sandbox.people.reply(BUDI, { text: "ok", account: WAHA_NUMBER });
    expect(act).toMatchObject({ isReported: false, reason: "the session does not work" });
  });
});
