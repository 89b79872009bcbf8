import { describe, expect, it } from "vitest";

import {
  BUDI,
  FONNTE_DEVICE,
  FONNTE_TOKEN,
  GROUP_ID,
  SARI,
  SOME_NUMBER,
  at,
  registerFonnte,
  request,
  sendByFonnte,
  startReceiver,
  startVendors,
  textLike,
} from "./support.ts";

const TO = BUDI.slice(1);

describe("sending", () => {
  it("answers the sheet's example as the sheet says and logs what was asked", async () => {
    const vendors = await startVendors();
    registerFonnte(vendors);
    const message = "[ALARM P1] Tekanan pompa 3 = 9.8 bar. Balas: 1 = terima, 2 = tolak. Kode K7Q2";
    const answer = await sendByFonnte(vendors, {
      target: TO,
      message,
      countryCode: "0",
      connectOnly: "true",
      preview: "false",
    });
    expect(answer.status).toBe(200);
    expect(answer.json).toEqual({
      detail: "success! message in queue",
      id: [textLike(/^\d+$/)],
      process: "pending",
      requestid: SOME_NUMBER,
      status: true,
      target: [TO],
    });
    expect(Object.keys(answer.json)).toEqual([
      "detail",
      "id",
      "process",
      "requestid",
      "status",
      "target",
    ]);
    expect(vendors.sandbox.log.entries()).toMatchObject([
      {
        seq: 1,
        vendor: "fonnte",
        accountId: `fonnte:${FONNTE_DEVICE}`,
        kind: "message",
        to: BUDI,
        group: null,
        text: message,
        accepted: true,
        providerMessageId: at(answer.json, "id", 0),
        httpStatus: 200,
        fault: null,
      },
    ]);
  });

  it("takes urlencoded bodies too, and does not read JSON", async () => {
    const vendors = await startVendors();
    registerFonnte(vendors);
    const send = (body: URLSearchParams | string, contentType: string) =>
      request(`${vendors.baseUrls.fonnte}/send`, {
        method: "POST",
        headers: { authorization: FONNTE_TOKEN, "content-type": contentType },
        body,
      });
    const form = new URLSearchParams({ target: TO, message: "Alarm" });
    const urlencoded = await send(form, "application/x-www-form-urlencoded");
    expect(urlencoded.json["status"]).toBe(true);
    const json = await send(JSON.stringify({ target: TO, message: "Alarm" }), "application/json");
    expect(json.json).toMatchObject({ status: false, reason: "input invalid" });
  });

  it("keeps a text with quotes, newlines and emoji as it is", async () => {
    const vendors = await startVendors();
    registerFonnte(vendors);
    const message = "Baris \"satu\"\nbaris 'dua' 🚨 100% & lebih";
    await request(`${vendors.baseUrls.fonnte}/send`, {
      method: "POST",
      headers: { authorization: FONNTE_TOKEN },
      body: new URLSearchParams({ target: TO, message }),
    });
    const shown = await vendors.sandbox.phones.waitForMessage(BUDI);
    expect(shown.text).toBe(message);
  });

  it.each([
    ["081234000001", "62", BUDI, "a leading 0 becomes the country code"],
    ["6281234000001", "62", BUDI, "a full number stays"],
    ["+62 812-3400-0001", "0", BUDI, "signs are dropped"],
    ["6281234000001", "0", BUDI, "the filter is off"],
  ])("reads target %s with country code %s: %s (%s)", async (target, countryCode, phone) => {
    const vendors = await startVendors();
    registerFonnte(vendors);
    await sendByFonnte(vendors, { target, countryCode, message: "Alarm" });
    expect(vendors.sandbox.log.entries()[0]?.to).toBe(phone);
  });

  it("makes one message and one id for each target of a list", async () => {
    const vendors = await startVendors();
    registerFonnte(vendors);
    const target = `${TO}|Budi|var1,${SARI.slice(1)},${GROUP_ID}`;
    const answer = await sendByFonnte(vendors, { target, message: "Alarm", countryCode: "0" });
    expect(answer.json["target"]).toEqual([TO, SARI.slice(1), GROUP_ID]);
    const entries = vendors.sandbox.log.entries();
    expect(entries.map(({ group, to }) => to ?? group)).toEqual([BUDI, SARI, GROUP_ID]);
    expect(entries.map(({ providerMessageId }) => providerMessageId)).toEqual(answer.json["id"]);
  });

  it("sends every entry of a data list, and refuses one that is no JSON", async () => {
    const vendors = await startVendors();
    registerFonnte(vendors);
    const data = JSON.stringify([
      { target: TO, message: "Satu" },
      { target: SARI.slice(1), message: "Dua" },
    ]);
    const answer = await sendByFonnte(vendors, { data });
    expect(answer.json["target"]).toEqual([TO, SARI.slice(1)]);
    const broken = await sendByFonnte(vendors, { data: "[{" });
    expect(broken.json).toMatchObject({ status: false, reason: "JSON format invalid" });
  });

  it.each([
    ["nothing to send", "input invalid", { target: TO }],
    ["no target", "input invalid", { message: "x" }],
    ["an empty target", "target invalid", { target: "", message: "x" }],
    ["a target without digits", "target invalid", { target: "abc", message: "x" }],
    ["a number that is too short", "target invalid", { target: "62812", message: "x" }],
    ["one character too many", "input invalid", { target: TO, message: "x".repeat(60_001) }],
    ["a file address that is none", "url invalid", { target: TO, message: "x", url: "nowhere" }],
    ["a place without numbers", "input invalid", { target: TO, message: "x", location: "here" }],
    ["a delay without numbers", "input invalid", { target: TO, message: "x", delay: "fast" }],
    ["a code without digits", "input invalid", { target: TO, message: "x", countryCode: "id" }],
    ["a time without digits", "input invalid", { target: TO, message: "x", schedule: "soon" }],
    ["no boolean", "input invalid", { target: TO, message: "x", connectOnly: "maybe" }],
    ["a poll of one option", "input invalid", { target: TO, pollname: "Siap?", choices: "ya" }],
  ] as const)("refuses %s: %s", async (_why, reason, fields) => {
    const vendors = await startVendors();
    registerFonnte(vendors);
    const answer = await sendByFonnte(vendors, { ...fields });
    expect(answer.status).toBe(200);
    expect(answer.json).toEqual({ reason, requestid: SOME_NUMBER, status: false });
    expect(vendors.sandbox.log.entries()).toMatchObject([
      { kind: "message", accepted: false, vendorCode: reason, providerMessageId: null },
    ]);
  });

  it.each([
    ["the longest text", { message: "x".repeat(60_000) }],
    ["a place alone", { location: "-6.200000,106.816666" }],
    ["a poll of two options", { pollname: "Siap?", choices: "ya,tidak" }],
  ] as const)("takes %s", async (_what, fields) => {
    const vendors = await startVendors();
    registerFonnte(vendors);
    const answer = await sendByFonnte(vendors, { target: TO, ...fields });
    expect(answer.json["status"]).toBe(true);
  });

  it("refuses a file above 4 MB and takes one of 4 MB", async () => {
    const vendors = await startVendors();
    registerFonnte(vendors);
    const send = async (bytes: number) => {
      const form = new FormData();
      form.set("target", TO);
      form.set("file", new Blob([new Uint8Array(bytes)]), "foto.jpg");
      return request(`${vendors.baseUrls.fonnte}/send`, {
        method: "POST",
        headers: { authorization: FONNTE_TOKEN },
        body: form,
      });
    };
    expect((await send(4 * 1024 * 1024)).json["status"]).toBe(true);
    const tooLarge = await send(4 * 1024 * 1024 + 1);
    expect(tooLarge.json["reason"]).toBe("file size must under 4mb");
  });

  it("sends media only with a package that has them", async () => {
    const vendors = await startVendors();
    registerFonnte(vendors);
    const fields = { target: TO, message: "Foto", url: "https://files.example.id/pompa.jpg" };
    expect((await sendByFonnte(vendors, fields)).json["status"]).toBe(true);
    vendors.sandbox.registerAccount({
      vendor: "fonnte",
      sender: FONNTE_DEVICE,
      credentials: { token: FONNTE_TOKEN },
      package: "regular",
    });
    expect((await sendByFonnte(vendors, fields)).json["reason"]).toBe("url invalid");
  });

  it("refuses a wrong or missing token on every path", async () => {
    const vendors = await startVendors();
    registerFonnte(vendors);
    for (const path of ["/send", "/device", "/validate", "/get-whatsapp-group", "/status"]) {
      const answer = await sendByFonnte(vendors, { target: TO, message: "x" }, { path, token: "" });
      expect(answer.json).toMatchObject({ status: false, reason: "token invalid" });
    }
    const bearer = await sendByFonnte(
      vendors,
      { target: TO, message: "x" },
      { token: `Bearer ${FONNTE_TOKEN}` },
    );
    expect(bearer.json["reason"]).toBe("token invalid");
  });

  it("counts the quota down and refuses when it is used up", async () => {
    const vendors = await startVendors();
    registerFonnte(vendors);
    vendors.sandbox.setQuota(FONNTE_DEVICE, 1);
    const send = () => sendByFonnte(vendors, { target: TO, message: "x" });
    expect((await send()).json["status"]).toBe(true);
    expect((await send()).json["reason"]).toBe("insufficient quota");
    const profile = await sendByFonnte(vendors, {}, { path: "/device" });
    expect(profile.json["quota"]).toBe("0");
  });
});

describe("receipts", () => {
  it("tell id and stateid first, then stateid alone, with the secret inside", async () => {
    const receiver = await startReceiver();
    const vendors = await startVendors({ defaultPhone: { reads: true } });
    registerFonnte(vendors, `${receiver.url}/hook`);
    const answer = await sendByFonnte(vendors, { target: TO, message: "x" });
    await vendors.sandbox.idle();
    const id = at(answer.json, "id", 0);
    const stateid = receiver.received[0]?.json["stateid"];
    const common = {
      device: FONNTE_DEVICE,
      stateid,
      timestamp: SOME_NUMBER,
      secret: "fonnte-secret",
    };
    expect(stateid).toMatch(/^3EB0[0-9A-F]{18}$/);
    expect(receiver.received.map(({ json }) => json)).toEqual([
      { ...common, id, status: "sent", state: "sent" },
      { ...common, state: "delivered" },
      { ...common, state: "read" },
    ]);
  });

  it("of a group tell delivered once every member has it", async () => {
    const receiver = await startReceiver();
    const vendors = await startVendors();
    registerFonnte(vendors, receiver.url);
    vendors.sandbox.phones.configure(SARI, { isOnline: false });
    await sendByFonnte(vendors, { target: GROUP_ID, message: "x" });
    await vendors.sandbox.idle();
    expect(receiver.received.map(({ json }) => json["state"])).toEqual(["sent"]);
    vendors.sandbox.phones.configure(SARI, { isOnline: true });
    await vendors.sandbox.idle();
    expect(receiver.received.map(({ json }) => json["state"])).toEqual(["sent", "delivered"]);
  });

  it.each([
    ["a number without WhatsApp", BUDI],
    ["a group that the device is not in", "120363020000000099@g.us"],
  ])("report invalid for %s", async (_reason, target) => {
    const receiver = await startReceiver();
    const vendors = await startVendors();
    registerFonnte(vendors, receiver.url);
    vendors.sandbox.phones.configure(BUDI, { hasWhatsApp: false });
    const answer = await sendByFonnte(vendors, { target: target.replace("+", ""), message: "x" });
    await vendors.sandbox.idle();
    expect(receiver.received.map(({ json }) => json)).toMatchObject([
      { id: at(answer.json, "id", 0), status: "invalid" },
    ]);
  });

  it("wait while the device is disconnected and connectOnly is false, and come when it is back", async () => {
    const receiver = await startReceiver();
    const vendors = await startVendors();
    registerFonnte(vendors, receiver.url);
    vendors.sandbox.setDevice(FONNTE_DEVICE, false, "logged out");
    const refused = await sendByFonnte(vendors, { target: TO, message: "x" });
    expect(refused.json["reason"]).toBe("request invalid on disconnected device");
    const queued = await sendByFonnte(vendors, { target: TO, message: "x", connectOnly: "false" });
    expect(queued.json["status"]).toBe(true);
    const id = at(queued.json, "id", 0);
    await vendors.sandbox.idle();
    expect(receiver.received.map(({ json }) => json)).toMatchObject([
      { status: "disconnect", reason: "logged out" },
      { id, status: "pending" },
    ]);
    const polled = await sendByFonnte(vendors, { id: String(id) }, { path: "/status" });
    expect(polled.json).toMatchObject({ message_status: "pending", status: true });
    vendors.sandbox.setDevice(FONNTE_DEVICE, true);
    await vendors.sandbox.idle();
    expect(receiver.received.slice(2).map(({ json }) => json)).toMatchObject([
      { device: FONNTE_DEVICE, status: "connect" },
      { id, state: "sent" },
      { state: "delivered" },
    ]);
  });

  it("report expired for what waited a day in the queue", async () => {
    const receiver = await startReceiver();
    const vendors = await startVendors({ timeScale: 1e-6 });
    registerFonnte(vendors, receiver.url);
    vendors.sandbox.setDevice(FONNTE_DEVICE, false);
    const answer = await sendByFonnte(vendors, { target: TO, message: "x", connectOnly: "false" });
    const [expired] = await receiver.waitFor(1, ({ json }) => json["status"] === "expired");
    expect(expired?.json["id"]).toBe(at(answer.json, "id", 0));
  });
});

describe("inbound messages", () => {
  it("carry the writer's phone, and in a group the group as sender and the phone as member", async () => {
    const receiver = await startReceiver();
    const vendors = await startVendors();
    registerFonnte(vendors, receiver.url);
    await vendors.sandbox.people.reply(BUDI, { text: "1 4821", account: FONNTE_DEVICE });
    await vendors.sandbox.people.reply(SARI, { text: "siap", group: GROUP_ID });
    expect(receiver.received.map(({ json }) => json)).toMatchObject([
      {
        device: FONNTE_DEVICE,
        sender: TO,
        member: "",
        message: "1 4821",
        pengirim: TO,
        pesan: "1 4821",
        inboxid: SOME_NUMBER,
        timestamp: SOME_NUMBER,
        secret: "fonnte-secret",
      },
      { sender: GROUP_ID, member: SARI.slice(1), message: "siap" },
    ]);
  });

  it("name a stand-in where WhatsApp hides the writer's number", async () => {
    const receiver = await startReceiver();
    const vendors = await startVendors({ defaultPhone: { hidesNumber: true } });
    registerFonnte(vendors, receiver.url);
    await vendors.sandbox.people.reply(BUDI, { text: "siap", account: FONNTE_DEVICE });
    await vendors.sandbox.people.reply(BUDI, { text: "siap", group: GROUP_ID });
    const [personal, group] = receiver.received.map(({ json }) => json);
    expect(personal?.["sender"]).toMatch(/^\d{15}@lid$/);
    expect(group?.["member"]).toBe(personal?.["sender"]);
    expect(receiver.received[0]?.body).not.toContain(TO);
  });

  it("come as a form where the device is set so", async () => {
    const receiver = await startReceiver();
    const vendors = await startVendors();
    vendors.sandbox.registerAccount({
      vendor: "fonnte",
      sender: FONNTE_DEVICE,
      credentials: { token: FONNTE_TOKEN },
      webhookUrl: receiver.url,
      webhookEncoding: "form",
    });
    await vendors.sandbox.people.reply(BUDI, { text: "siap & jalan", account: FONNTE_DEVICE });
    expect(receiver.received[0]?.headers["content-type"]).toBe("application/x-www-form-urlencoded");
    expect(receiver.received[0]?.form).toMatchObject({ sender: TO, message: "siap & jalan" });
  });

  it("are not told while autoread is off or the device is disconnected", async () => {
    const receiver = await startReceiver();
    const vendors = await startVendors();
    vendors.sandbox.registerAccount({
      vendor: "fonnte",
      sender: FONNTE_DEVICE,
      credentials: { token: FONNTE_TOKEN },
      webhookUrl: receiver.url,
      autoread: { personal: false },
    });
    const write = () =>
      vendors.sandbox.people.reply(BUDI, { text: "siap", account: FONNTE_DEVICE });
    expect(await write()).toMatchObject({ isReported: false });
    vendors.sandbox.registerAccount({
      vendor: "fonnte",
      sender: FONNTE_DEVICE,
      credentials: { token: FONNTE_TOKEN },
      webhookUrl: `${receiver.url}/inbound`,
      connectWebhookUrl: `${receiver.url}/connect`,
    });
    vendors.sandbox.setDevice(FONNTE_DEVICE, false);
    expect(await write()).toMatchObject({ isReported: false });
    vendors.sandbox.setDevice(FONNTE_DEVICE, true);
    expect(await write()).toMatchObject({ isReported: true, answered: 200 });
    await vendors.sandbox.idle();
    expect(receiver.received.map(({ path }) => path).sort()).toEqual([
      "/connect",
      "/connect",
      "/inbound",
    ]);
  });
});

describe("other requests", () => {
  it("tell the device, its groups, which numbers are on WhatsApp and a message's status", async () => {
    const vendors = await startVendors();
    registerFonnte(vendors);
    vendors.sandbox.phones.configure(SARI, { hasWhatsApp: false });
    const ask = (path: string, fields: Record<string, string> = {}) =>
      sendByFonnte(vendors, fields, { path });
    expect((await ask("/device")).json).toMatchObject({
      device: FONNTE_DEVICE,
      device_status: "connect",
      package: "super",
      quota: "10000",
      status: true,
    });
    expect((await ask("/get-whatsapp-group")).json).toMatchObject({
      data: [{ id: GROUP_ID, name: "Teknisi Karawang" }],
      status: true,
    });
    expect((await ask("/fetch-group")).json).toMatchObject({ status: true });
    const target = `${TO},${SARI.slice(1)}`;
    expect((await ask("/validate", { target })).json).toMatchObject({
      registered: [TO],
      not_registered: [SARI.slice(1)],
      status: true,
    });
    const sent = await sendByFonnte(vendors, { target: TO, message: "x" });
    await vendors.sandbox.idle();
    const id = String(at(sent.json, "id", 0));
    expect((await ask("/status", { id })).json).toMatchObject({
      id: Number(id),
      message_status: "sent",
      status: true,
    });
    expect((await ask("/status", { id: "1" })).json["status"]).toBe(false);
    expect((await ask("/nothing")).status).toBe(404);
    const kinds = vendors.sandbox.log.entries().map(({ kind }) => kind);
    expect(kinds.filter((kind) => kind === "message")).toHaveLength(1);
  });
});
