import { describe, expect, it } from "vitest";

import {
  BUDI,
  GROUP_ID,
  SARI,
  SOME_TEXT,
  WABLAS_DEVICE,
  WABLAS_SECRET,
  WABLAS_TOKEN,
  at,
  registerWablas,
  request,
  sendByWablas,
  startReceiver,
  startVendors,
  textLike,
} from "./support.ts";
import type { Answer } from "./support.ts";
import type { SimulatedVendors } from "../../../providers/simulated/server.ts";

const TO = BUDI.slice(1);
const GROUP_NUMBER = GROUP_ID.replace("@g.us", "");

function text(message = "Alarm", fields: object = {}): object {
  return { data: [{ phone: TO, message, isGroup: false, flag: "instant", ...fields }] };
}

function ask(
  vendors: SimulatedVendors,
  path: string,
  authorization = `${WABLAS_TOKEN}.${WABLAS_SECRET}`,
): Promise<Answer> {
  return request(`${vendors.baseUrls.wablas}${path}`, { headers: { authorization } });
}

describe("sending", () => {
  it("answers the sheet's example as the sheet says and logs what was asked", async () => {
    const vendors = await startVendors();
    registerWablas(vendors);
    const message = "[ALARM P1] Pompa 3. Balas TERIMA K7Q2";
    const answer = await sendByWablas(vendors, text(message));
    expect(answer.status).toBe(200);
    expect(answer.json).toEqual({
      status: true,
      message: "Text Message is pending and waiting to be processed. with error: 0",
      data: {
        device_id: "ABC123",
        quota: 9_999,
        messages: [{ id: SOME_TEXT, phone: TO, message, status: "pending", ref_id: null }],
      },
    });
    expect(vendors.sandbox.log.entries()).toMatchObject([
      {
        vendor: "wablas",
        accountId: `wablas:${WABLAS_DEVICE}`,
        kind: "message",
        to: BUDI,
        group: null,
        text: message,
        accepted: true,
        providerMessageId: at(answer.json, "data", "messages", 0, "id"),
        httpStatus: 200,
        deliveryKey: null,
      },
    ]);
  });

  it("takes a single text as a form, and makes one message for each number of its list", async () => {
    const vendors = await startVendors();
    registerWablas(vendors);
    const answer = await request(`${vendors.baseUrls.wablas}/api/send-message`, {
      method: "POST",
      headers: { authorization: `${WABLAS_TOKEN}.${WABLAS_SECRET}` },
      body: new URLSearchParams({ phone: `${TO}, ${SARI.slice(1)}`, message: "Alarm & awas" }),
    });
    expect(answer.json["status"]).toBe(true);
    expect(vendors.sandbox.log.entries().map(({ to }) => to)).toEqual([BUDI, SARI]);
    expect(vendors.sandbox.log.entries()[0]?.text).toBe("Alarm & awas");
  });

  it.each([
    ["no list", "data is required", { message: "x" }],
    ["an empty list", "data is required", { data: [] }],
    ["a list of words", "data format invalid", { data: ["x"] }],
    [
      "too long a list",
      "too many messages",
      { data: Array.from({ length: 101 }, () => ({ phone: TO, message: "x" })) },
    ],
    ["no number", "phone is required", { data: [{ message: "x" }] }],
    ["no text", "message is required", text("")],
    ["a number with a plus", "phone invalid", text("x", { phone: BUDI })],
    ["a number that is too short", "phone invalid", text("x", { phone: "62812" })],
    ["a group without its flag", "phone invalid", text("x", { phone: GROUP_NUMBER })],
    ["a group with its suffix", "phone invalid", text("x", { phone: GROUP_ID, isGroup: "true" })],
    ["a number flagged as group", "phone invalid", text("x", { isGroup: "true" })],
  ] as const)("refuses %s: %s", async (_why, message, body) => {
    const vendors = await startVendors();
    registerWablas(vendors);
    const answer = await sendByWablas(vendors, body);
    expect(answer.status).toBe(200);
    expect(answer.json).toEqual({ status: false, message });
    expect(vendors.sandbox.log.entries()).toMatchObject([
      { kind: "message", accepted: false, vendorCode: message, providerMessageId: null },
    ]);
  });

  it.each([
    ["/api/v2/send-image", { image: "nowhere" }, "image url invalid"],
    ["/api/v2/send-document", {}, "document url invalid"],
    [
      "/api/v2/send-location",
      { message: { latitude: "6" } },
      "latitude and longitude are required",
    ],
  ])("refuses by %s what it can't read (%j)", async (path, fields, message) => {
    const vendors = await startVendors();
    registerWablas(vendors);
    const answer = await sendByWablas(vendors, { data: [{ phone: TO, ...fields }] }, { path });
    expect(answer.json).toEqual({ status: false, message });
  });

  it.each([
    ["", "token invalid"],
    ["another", "token invalid"],
    [`Bearer ${WABLAS_TOKEN}`, "token invalid"],
    [WABLAS_TOKEN, "secret key invalid"],
    [`${WABLAS_TOKEN}.wrong`, "secret key invalid"],
  ])("refuses the authorization %j: %s", async (authorization, message) => {
    const vendors = await startVendors();
    registerWablas(vendors);
    const answer = await sendByWablas(vendors, text(), { authorization });
    expect(answer.json).toEqual({ status: false, message });
  });

  it("takes the token alone of a device without a secret key", async () => {
    const vendors = await startVendors();
    vendors.sandbox.registerAccount({
      vendor: "wablas",
      sender: WABLAS_DEVICE,
      credentials: { token: WABLAS_TOKEN },
    });
    const answer = await sendByWablas(vendors, text(), { authorization: WABLAS_TOKEN });
    expect(answer.json["status"]).toBe(true);
  });

  it("counts the quota down and refuses when it is used up", async () => {
    const vendors = await startVendors();
    registerWablas(vendors);
    vendors.sandbox.setQuota(WABLAS_DEVICE, 1);
    expect((await sendByWablas(vendors, text())).json["status"]).toBe(true);
    expect((await sendByWablas(vendors, text())).json["message"]).toBe("quota is not enough");
  });
});

describe("faults", () => {
  it.each([
    ["rate_limited", { kind: "rate_limited", retryAfterSeconds: 7 }, 429],
    ["server_error", { kind: "server_error", httpStatus: 503 }, 503],
    ["unauthorized", { kind: "unauthorized" }, 200],
    ["refuse", { kind: "refuse" }, 200],
    ["ban", { kind: "ban" }, 200],
  ] as const)("of kind %s speak Wablas's words", async (_kind, fault, status) => {
    const vendors = await startVendors();
    registerWablas(vendors);
    vendors.sandbox.faults.add({ ...fault, vendor: "wablas", count: 1 });
    const answer = await sendByWablas(vendors, text());
    expect(answer.status).toBe(status);
    if (status !== 503) expect(answer.json).toEqual({ status: false, message: SOME_TEXT });
    expect(vendors.sandbox.phones.handset(BUDI).messages).toEqual([]);
  });

  it("of kind ban take the device away until the ban is lifted", async () => {
    const vendors = await startVendors();
    registerWablas(vendors);
    vendors.sandbox.setBanned(WABLAS_DEVICE, true);
    expect((await sendByWablas(vendors, text())).json["message"]).toBe("device disconnected");
    vendors.sandbox.setBanned(WABLAS_DEVICE, false);
    expect((await sendByWablas(vendors, text())).json["status"]).toBe(true);
  });

  it("of kind fails_later report cancel when they are told to, else reject", async () => {
    const receiver = await startReceiver();
    const vendors = await startVendors();
    registerWablas(vendors, receiver.url);
    vendors.sandbox.faults.add({ kind: "fails_later", code: "cancel", count: 1 });
    await sendByWablas(vendors, text());
    await vendors.sandbox.idle();
    vendors.sandbox.faults.add({ kind: "fails_later", count: 1 });
    await sendByWablas(vendors, text());
    await vendors.sandbox.idle();
    expect(receiver.received.map(({ json }) => json["status"])).toEqual(["cancel", "reject"]);
  });
});

describe("receipts", () => {
  it("tell sent, received and read, with the device and without any proof", async () => {
    const receiver = await startReceiver();
    const vendors = await startVendors({ defaultPhone: { reads: true } });
    registerWablas(vendors, `${receiver.url}/hook`);
    const answer = await sendByWablas(vendors, text());
    await vendors.sandbox.idle();
    const common = {
      id: at(answer.json, "data", "messages", 0, "id"),
      phone: TO,
      note: "",
      sender: WABLAS_DEVICE,
      deviceId: "ABC123",
    };
    expect(receiver.received.map(({ json }) => json)).toEqual([
      { ...common, status: "sent" },
      { ...common, status: "received" },
      { ...common, status: "read" },
    ]);
  });

  it("reject a group that the device is not in", async () => {
    const receiver = await startReceiver();
    const vendors = await startVendors();
    registerWablas(vendors, receiver.url);
    await sendByWablas(vendors, text("x", { phone: "120363020000000099", isGroup: "true" }));
    await vendors.sandbox.idle();
    expect(receiver.received.map(({ json }) => json)).toMatchObject([
      { phone: "120363020000000099", status: "reject" },
    ]);
  });

  it("wait while the device is away and the account queues, and come when it is back", async () => {
    const receiver = await startReceiver();
    const vendors = await startVendors();
    vendors.sandbox.registerAccount({
      vendor: "wablas",
      sender: WABLAS_DEVICE,
      credentials: { token: WABLAS_TOKEN, secretKey: WABLAS_SECRET },
      webhookUrl: `${receiver.url}/incoming`,
      trackingUrl: `${receiver.url}/tracking`,
      deviceStatusUrl: `${receiver.url}/device`,
      queuesOffline: true,
    });
    vendors.sandbox.setDevice(WABLAS_DEVICE, false, "logged out");
    expect((await sendByWablas(vendors, text())).json["status"]).toBe(true);
    await vendors.sandbox.idle();
    expect(receiver.received.map(({ path, json }) => [path, json["status"]])).toEqual([
      ["/device", "disconnected"],
      ["/tracking", "pending"],
    ]);
    vendors.sandbox.setDevice(WABLAS_DEVICE, true);
    await vendors.sandbox.idle();
    expect(receiver.received.slice(2).map(({ path, json }) => [path, json["status"]])).toEqual([
      ["/device", "connected"],
      ["/tracking", "sent"],
      ["/tracking", "received"],
    ]);
  });

  it("cancel what waited a day in the queue", async () => {
    const receiver = await startReceiver();
    const vendors = await startVendors({ timeScale: 1e-6 });
    vendors.sandbox.registerAccount({
      vendor: "wablas",
      sender: WABLAS_DEVICE,
      credentials: { token: WABLAS_TOKEN },
      webhookUrl: receiver.url,
      queuesOffline: true,
    });
    vendors.sandbox.setDevice(WABLAS_DEVICE, false);
    await sendByWablas(vendors, text(), { authorization: WABLAS_TOKEN });
    const [canceled] = await receiver.waitFor(1, ({ json }) => json["status"] === "cancel");
    expect(canceled?.json["phone"]).toBe(TO);
  });
});

describe("incoming messages", () => {
  it("carry the writer's phone, and in a group the group as phone and the writer inside group", async () => {
    const receiver = await startReceiver();
    const vendors = await startVendors();
    registerWablas(vendors, receiver.url);
    await vendors.sandbox.people.reply(BUDI, { text: "1 4821", account: WABLAS_DEVICE });
    await vendors.sandbox.people.reply(SARI, { text: "siap", group: GROUP_ID });
    expect(receiver.received.map(({ json }) => json)).toMatchObject([
      {
        isGroup: false,
        phone: TO,
        message: "1 4821",
        messageType: "text",
        deviceId: "ABC123",
        sender: WABLAS_DEVICE,
        timestamp: textLike(/^\d{4}-\d{2}-\d{2}T/),
      },
      {
        isGroup: true,
        phone: GROUP_NUMBER,
        group: { group_id: GROUP_NUMBER, sender: SARI.slice(1), subject: "Teknisi Karawang" },
        message: "siap",
      },
    ]);
  });

  it("name a stand-in where WhatsApp hides the writer's number, and nobody where the account says so", async () => {
    const receiver = await startReceiver();
    const vendors = await startVendors({ defaultPhone: { hidesNumber: true } });
    registerWablas(vendors, receiver.url);
    await vendors.sandbox.people.reply(BUDI, { text: "siap", account: WABLAS_DEVICE });
    expect(receiver.received[0]?.json["phone"]).toMatch(/^\d{15}@lid$/);
    vendors.sandbox.registerAccount({
      vendor: "wablas",
      sender: WABLAS_DEVICE,
      credentials: { token: WABLAS_TOKEN },
      webhookUrl: receiver.url,
      namesGroupWriter: false,
    });
    await vendors.sandbox.people.reply(BUDI, { text: "siap", group: GROUP_ID });
    expect(at(receiver.received[1]?.json, "group", "sender")).toBe("");
  });

  it("come as a form where the server is an old one", async () => {
    const receiver = await startReceiver();
    const vendors = await startVendors();
    vendors.sandbox.registerAccount({
      vendor: "wablas",
      sender: WABLAS_DEVICE,
      credentials: { token: WABLAS_TOKEN },
      webhookUrl: receiver.url,
      webhookEncoding: "form",
    });
    await vendors.sandbox.people.reply(BUDI, { text: "siap & jalan", account: WABLAS_DEVICE });
    expect(receiver.received[0]?.form).toMatchObject({
      phone: TO,
      message: "siap & jalan",
      isGroup: "false",
    });
  });

  it("are not told while Get Incoming Message is off, the device is away, or for reactions", async () => {
    const receiver = await startReceiver();
    const vendors = await startVendors();
    registerWablas(vendors, receiver.url);
    await sendByWablas(vendors, text());
    await vendors.sandbox.idle();
    const [shown] = vendors.sandbox.phones.handset(BUDI).messages;
    const reaction = await vendors.sandbox.people.react(BUDI, shown?.id ?? "", "👍");
    expect(reaction).toMatchObject({ isReported: false });
    vendors.sandbox.setDevice(WABLAS_DEVICE, false);
    const write = () =>
      vendors.sandbox.people.reply(BUDI, { text: "siap", account: WABLAS_DEVICE });
    expect(await write()).toMatchObject({ isReported: false });
    vendors.sandbox.setDevice(WABLAS_DEVICE, true);
    vendors.sandbox.registerAccount({
      vendor: "wablas",
      sender: WABLAS_DEVICE,
      credentials: { token: WABLAS_TOKEN },
      webhookUrl: receiver.url,
      getsIncoming: false,
    });
    expect(await write()).toMatchObject({ isReported: false });
  });
});

describe("other requests", () => {
  it("tell the device by its token in the address, and what is left of its package", async () => {
    const vendors = await startVendors();
    registerWablas(vendors);
    const answer = await ask(vendors, `/api/device/info?token=${WABLAS_TOKEN}`, WABLAS_TOKEN);
    expect(answer.json).toMatchObject({
      status: true,
      data: { serial: "ABC123", status: "connected", quota: 10_000 },
    });
    expect((await ask(vendors, "/api/device/info?token=x", "")).json["status"]).toBe(false);
  });

  it("report messages by id, by number and by day, in Jakarta's time", async () => {
    const clock = Date.UTC(2026, 7, 31, 17, 0, 5);
    const vendors = await startVendors({ clock: () => clock });
    registerWablas(vendors);
    const first = await sendByWablas(vendors, text("Satu", { ref_id: "dlv_1" }));
    await sendByWablas(vendors, text("Dua", { phone: SARI.slice(1) }));
    await vendors.sandbox.idle();
    const id = String(at(first.json, "data", "messages", 0, "id"));
    const byId = await ask(vendors, `/api/report/message?message_id=${id}`);
    expect(byId.json).toMatchObject({
      status: true,
      message: [
        {
          id,
          phone: { from: WABLAS_DEVICE, to: TO },
          text: "Satu",
          status: "received",
          ref_id: "dlv_1",
          date: { created_at: "2026-09-01 00:00:05" },
        },
      ],
      totalData: 1,
    });
    const countOf = async (query: string): Promise<unknown> =>
      (await ask(vendors, `/api/report/message?${query}`)).json["totalData"];
    expect(await countOf("date=2026-09-01")).toBe(2);
    expect(await countOf("date=2026-08-31")).toBe(0);
    expect(await countOf(`date=2026-09-01&phone=${TO}`)).toBe(1);
    const page = await ask(vendors, "/api/report/message?perPage=1&page=2");
    expect(page.json).toMatchObject({ message: [{ id }], totalPage: 2 });
  });

  it("are answered with a page when there is no such thing", async () => {
    const vendors = await startVendors();
    registerWablas(vendors);
    expect((await ask(vendors, "/api/nothing")).status).toBe(404);
  });
});
