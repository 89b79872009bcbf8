import { createHmac } from "node:crypto";

import { describe, expect, it } from "vitest";

import {
  BUDI,
  GOWA_DEVICE,
  GOWA_LOGIN,
  GOWA_NUMBER,
  GOWA_SECRET,
  GROUP_ID,
  SARI,
  askGowa,
  at,
  registerGowa,
  startReceiver,
  startVendors,
  textLike,
} from "./support.ts";

const JID = `${BUDI.slice(1)}@s.whatsapp.net`;
const OWN = `${GOWA_NUMBER}@s.whatsapp.net`;

function photo(fields: Readonly<Record<string, string>>): FormData {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.set(name, value);
  form.set("image", new Blob([new Uint8Array([1, 2])], { type: "image/jpeg" }), "odp.jpg");
  return form;
}

describe("requests to GOWA", () => {
  it.each<[string, string, Record<string, unknown>, RegExp]>([
    ["no phone", "/send/message", { message: "x" }, /^phone: cannot be blank/],
    ["a leading zero", "/send/message", { phone: "081234000001", message: "x" }, /start with 0/],
    ["spaces in a number", "/send/message", { phone: "62 812 3400", message: "x" }, /valid JID/],
    ["another suffix", "/send/message", { phone: "6281234000001@c.us", message: "x" }, /valid JID/],
    ["no text", "/send/message", { phone: JID }, /^message: cannot be blank/],
    [
      "numbers for a place",
      "/send/location",
      { phone: JID, latitude: -6.2, longitude: "1" },
      /^latitude/,
    ],
    [
      "a place that is none",
      "/send/location",
      { phone: JID, latitude: "-6.2", longitude: "181" },
      /^longitude/,
    ],
    ["no image", "/send/image", { phone: JID, caption: "x" }, /^image: cannot be blank/],
    ["no file", "/send/file", { phone: JID }, /^file: cannot be blank/],
  ])("are refused with %s", async (_what, path, body, message) => {
    const vendors = await startVendors();
    registerGowa(vendors);
    const answer = await askGowa(vendors, path, body);
    expect(answer.status).toBe(400);
    expect(answer.json).toEqual({
      code: "VALIDATION_ERROR",
      message: textLike(message),
      results: null,
    });
    expect(vendors.sandbox.log.entries()[0]).toMatchObject({ kind: "message", accepted: false });
  });

  it.each([
    ["a bare number", BUDI.slice(1), BUDI, null],
    ["a number with its plus", BUDI, BUDI, null],
    ["more than fifteen bare digits, taken for a group", "120363020000000001", null, GROUP_ID],
  ])("reach %s", async (_what, phone, to, group) => {
    const vendors = await startVendors();
    registerGowa(vendors);
    expect((await askGowa(vendors, "/send/message", { phone, message: "x" })).status).toBe(200);
    expect(vendors.sandbox.log.entries()[0]).toMatchObject({ to, group, accepted: true });
  });

  it("are answered when WhatsApp's server has the message", async () => {
    const vendors = await startVendors({ timeScale: 1 });
    registerGowa(vendors);
    const answer = await askGowa(vendors, "/send/message", { phone: JID, message: "x" });
    const id = String(at(answer.json, "results", "message_id"));
    expect(id).toMatch(/^3EB0[0-9A-F]{18}$/);
    expect(answer.json["message"]).toContain("server timestamp");
    expect(vendors.sandbox.world.messages.get(id)?.status).toBe("sent");
  });

  it("take an image with its name and caption, or its address", async () => {
    const vendors = await startVendors();
    registerGowa(vendors);
    await askGowa(vendors, "/send/image", photo({ phone: JID, caption: "Foto" }));
    const url = "https://files.example.id/odp.jpg";
    await askGowa(vendors, "/send/image", { phone: JID, image_url: url });
    expect(vendors.sandbox.log.entries()).toMatchObject([
      { text: "Foto", attachment: { kind: "image", fileName: "odp.jpg", url: null } },
      { text: "", attachment: { kind: "image", fileName: null, url } },
    ]);
  });

  it("are refused without the right name and password, or without a device among several", async () => {
    const vendors = await startVendors();
    registerGowa(vendors);
    const ask = (headers: Record<string, string>) =>
      askGowa(vendors, "/send/message", { phone: JID, message: "x" }, headers);
    const stranger = await ask({ authorization: "Basic eDp5" });
    expect([stranger.status, stranger.text]).toEqual([401, "Unauthorized"]);
    vendors.sandbox.registerAccount({
      vendor: "gowa",
      sender: "6281234000915",
      credentials: { ...GOWA_LOGIN },
    });
    expect((await ask({})).json["code"]).toBe("DEVICE_ID_REQUIRED");
    const missing = await ask({ "x-device-id": "site_z" });
    expect([missing.status, missing.json["code"]]).toEqual([404, "DEVICE_NOT_FOUND"]);
    expect((await ask({ "x-device-id": GOWA_DEVICE })).status).toBe(200);
    expect((await ask({ "x-device-id": "6281234000915@s.whatsapp.net" })).status).toBe(200);
    expect((await askGowa(vendors, `/app/status?device_id=${GOWA_DEVICE}`)).status).toBe(200);
    const nowhere = await askGowa(vendors, "/nothing", null, { "x-device-id": GOWA_DEVICE });
    expect([nowhere.status, nowhere.text]).toEqual([404, "Cannot GET /nothing"]);
  });

  it("need no password where the gateway asks for none", async () => {
    const vendors = await startVendors();
    vendors.sandbox.registerAccount({ vendor: "gowa", sender: GOWA_NUMBER, credentials: {} });
    const answer = await askGowa(vendors, "/send/message", { phone: JID, message: "x" });
    expect(answer.status).toBe(200);
  });

  it.each([
    [true, 400],
    [false, 200],
  ])("look numbers up before they are sent to: %j", async (isValidating, status) => {
    const vendors = await startVendors();
    vendors.sandbox.phones.configure(BUDI, { hasWhatsApp: false });
    vendors.sandbox.registerAccount({
      vendor: "gowa",
      sender: GOWA_NUMBER,
      credentials: {},
      isValidating,
    });
    const answer = await askGowa(vendors, "/send/message", { phone: JID, message: "x" });
    expect(answer.status).toBe(status);
  });

  it("tell the device's state, its groups, numbers and chats", async () => {
    const vendors = await startVendors();
    registerGowa(vendors);
    expect((await askGowa(vendors, `/devices/${GOWA_DEVICE}/status`)).json["results"]).toEqual({
      device_id: GOWA_DEVICE,
      is_connected: true,
      is_logged_in: true,
      jid: OWN,
    });
    vendors.sandbox.setDevice(GOWA_NUMBER, false);
    expect(at((await askGowa(vendors, "/app/status")).json, "results")).toMatchObject({
      is_connected: false,
      is_logged_in: true,
    });
    vendors.sandbox.setDevice(GOWA_NUMBER, true);
    const groups = await askGowa(vendors, "/user/my/groups");
    expect(at(groups.json, "results", "data")).toMatchObject([
      { JID: GROUP_ID, Name: "Teknisi Karawang", Participants: [{ JID }, {}] },
    ]);
    const check = await askGowa(vendors, `/user/check?phone=${BUDI.slice(1)}`);
    expect(check.json["results"]).toEqual({ is_on_whatsapp: true });
    const chat = `/chat/${encodeURIComponent(JID)}/messages`;
    expect((await askGowa(vendors, chat)).status).toBe(404);
    await askGowa(vendors, "/send/message", { phone: JID, message: "satu" });
    await askGowa(vendors, "/send/image", photo({ phone: JID, caption: "dua" }));
    const contents = async (query: string): Promise<unknown[]> => {
      const data = at((await askGowa(vendors, `${chat}${query}`)).json, "results", "data");
      return (Array.isArray(data) ? data : []).map((each: unknown) => at(each, "content"));
    };
    expect((await contents("")).toSorted()).toEqual(["satu", "🖼️ dua"].toSorted());
    expect(await contents("?limit=1")).toHaveLength(1);
    expect(await contents("?start_time=2199-01-01T00:00:00Z")).toEqual([]);
  });
});

describe("webhooks of GOWA", () => {
  it("tell delivered and read alone, signed over the bytes", async () => {
    const receiver = await startReceiver();
    const vendors = await startVendors({ defaultPhone: { reads: true } });
    registerGowa(vendors, receiver.url);
    const answer = await askGowa(vendors, "/send/message", { phone: JID, message: "x" });
    await vendors.sandbox.idle();
    expect(receiver.received.map(({ json }) => json)).toMatchObject(
      ["delivered", "read"].map((receipt_type) => ({
        event: "message.ack",
        device_id: OWN,
        session_id: GOWA_DEVICE,
        timestamp: textLike(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
        payload: {
          ids: [at(answer.json, "results", "message_id")],
          chat_id: JID,
          from: JID,
          from_lid: textLike(/@lid$/),
          receipt_type,
        },
      })),
    );
    const [first] = receiver.received;
    const hmac = createHmac("sha256", GOWA_SECRET)
      .update(first?.body ?? "")
      .digest("hex");
    expect(first?.headers["x-hub-signature-256"]).toBe(`sha256=${hmac}`);
  });

  it("tell no failure, whatever becomes of the message", async () => {
    const receiver = await startReceiver();
    const vendors = await startVendors();
    registerGowa(vendors, receiver.url);
    vendors.sandbox.faults.add({ kind: "fails_later" });
    const answer = await askGowa(vendors, "/send/message", { phone: JID, message: "x" });
    await vendors.sandbox.idle();
    expect(answer.status).toBe(200);
    expect(receiver.received).toEqual([]);
  });

  it("name members, alias included, and use the alias where the number is hidden", async () => {
    const receiver = await startReceiver();
    const vendors = await startVendors();
    registerGowa(vendors, receiver.url);
    vendors.sandbox.phones.configure(SARI, { hidesNumber: true });
    await askGowa(vendors, "/send/message", { phone: GROUP_ID, message: "x" });
    await vendors.sandbox.idle();
    const [last] = vendors.sandbox.phones.handset(SARI).messages;
    await vendors.sandbox.people.reply(SARI, { text: "siap", quote: last?.id ?? "" });
    const from = receiver.received.map(({ json }) => at(json, "payload", "from"));
    expect(from).toEqual([JID, textLike(/@lid$/), textLike(/@lid$/)]);
    expect(receiver.received.at(-1)?.json).toMatchObject({
      event: "message",
      payload: {
        chat_id: GROUP_ID,
        body: "siap",
        replied_to_id: last?.providerMessageId,
        is_from_me: false,
      },
    });
  });

  it("are tried five times, and lost after that", async () => {
    const receiver = await startReceiver();
    receiver.answerWith(() => ({ status: 500 }));
    const vendors = await startVendors();
    registerGowa(vendors, receiver.url);
    await vendors.sandbox.people.reply(BUDI, { text: "ok", account: GOWA_NUMBER });
    await vendors.sandbox.idle();
    expect(receiver.received).toHaveLength(5);
  });

  it("say nothing about the device, nor what is written while it is away", async () => {
    const receiver = await startReceiver();
    const vendors = await startVendors();
    registerGowa(vendors, receiver.url);
    vendors.sandbox.setDevice(GOWA_NUMBER, false, "logged out");
    const act = await vendors.sandbox.people.reply(BUDI, { text: "ok", account: GOWA_NUMBER });
    await vendors.sandbox.idle();
    expect(act).toMatchObject({ isReported: false, reason: "the device is not connected" });
    expect(receiver.received).toEqual([]);
  });
});
