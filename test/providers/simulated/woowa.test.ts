import http from "node:http";

import { describe, expect, it } from "vitest";

import {
  BUDI,
  GROUP_ID,
  SARI,
  SOME_NUMBER,
  WOOWA_KEY,
  WOOWA_NUMBER,
  at,
  registerWoowa,
  sendByWoowa,
  startReceiver,
  startVendors,
  textLike,
} from "./support.ts";

const TO = BUDI.slice(1);

describe("sending", () => {
  it("answers the sheet's example as the sheet says and logs what was asked", async () => {
    const vendors = await startVendors();
    registerWoowa(vendors);
    const message = "[ALARM P1] Pompa 3. Balas TERIMA K7Q2";
    const answer = await sendByWoowa(vendors, { phone_no: TO, message, skip_link: true });
    expect(answer.status).toBe(200);
    expect(answer.json).toEqual({
      code: 200,
      query: { to: TO, message },
      results: {
        id_message: textLike(/^WOWA[0-9A-F]{18}$/),
        type_chat: "personal",
        message: `Message success sent to ${TO}`,
      },
    });
    expect(vendors.sandbox.log.entries()).toMatchObject([
      {
        vendor: "woowa",
        accountId: `woowa:${WOOWA_NUMBER}`,
        kind: "message",
        to: BUDI,
        text: message,
        accepted: true,
        providerMessageId: at(answer.json, "results", "id_message"),
      },
    ]);
  });

  it("tells the group and its kind for a group", async () => {
    const vendors = await startVendors();
    registerWoowa(vendors);
    const answer = await sendByWoowa(
      vendors,
      { group_id: GROUP_ID, message: "Alarm" },
      { path: "/send_message_group_id" },
    );
    expect(answer.json).toMatchObject({ results: { serialized: GROUP_ID, type_chat: "group" } });
    await vendors.sandbox.idle();
    expect(vendors.sandbox.phones.handset(SARI).messages).toHaveLength(1);
  });

  it.each(["+6281234000001", "6281234000001", "081234000001"])(
    "takes the number %s",
    async (number) => {
      const vendors = await startVendors();
      registerWoowa(vendors);
      await sendByWoowa(
        vendors,
        { phone_no: number, message: "x" },
        { path: "/async_send_message" },
      );
      expect(vendors.sandbox.log.entries()[0]?.to).toBe(BUDI);
    },
  );

  it.each([
    ["/send_message", { message: "x" }, 400, "phone_no format invalid"],
    ["/send_message", { phone_no: "628", message: "x" }, 400, "phone_no format invalid"],
    ["/send_message", { phone_no: TO }, 400, "message is required"],
    ["/send_message", { phone_no: TO, message: "x", key: "another" }, 401, "api key not found"],
    ["/send_image_url", { phone_no: TO, message: "x", url: "here" }, 400, "url format invalid"],
    [
      "/send_message_group_id",
      { group_id: "120363020000000001", message: "x" },
      400,
      "group_id format invalid",
    ],
  ])("refuses at %s the body %j: %i %s", async (path, body, code, message) => {
    const vendors = await startVendors();
    registerWoowa(vendors);
    const answer = await sendByWoowa(vendors, body, { path });
    expect(answer.status).toBe(200);
    expect(answer.json).toEqual({ code, message });
    expect(vendors.sandbox.log.entries()).toMatchObject([
      { kind: "message", accepted: false, vendorCode: message },
    ]);
  });

  it("answers with a page what it does not know", async () => {
    const vendors = await startVendors();
    registerWoowa(vendors);
    expect((await sendByWoowa(vendors, {}, { path: "/check_number" })).status).toBe(404);
  });
});

describe("faults", () => {
  it.each([
    ["rate_limited", { kind: "rate_limited", retryAfterSeconds: 7 }, 429, 429],
    ["unauthorized", { kind: "unauthorized" }, 200, 401],
    ["refuse", { kind: "refuse" }, 200, 400],
    ["ban", { kind: "ban" }, 200, 400],
    ["server_error", { kind: "server_error", httpStatus: 502 }, 502, undefined],
  ] as const)("of kind %s speak Woowa's words", async (_kind, fault, status, code) => {
    const vendors = await startVendors();
    registerWoowa(vendors);
    vendors.sandbox.faults.add({ ...fault, vendor: "woowa", count: 1 });
    const answer = await sendByWoowa(vendors, { phone_no: TO, message: "x" });
    expect([answer.status, answer.json["code"]]).toEqual([status, code]);
    expect(vendors.sandbox.phones.handset(BUDI).messages).toEqual([]);
  });

  it("of kind offline_queue keep the message until they are removed", async () => {
    const vendors = await startVendors();
    registerWoowa(vendors);
    const fault = vendors.sandbox.faults.add({ kind: "offline_queue" });
    await sendByWoowa(vendors, { phone_no: TO, message: "x" });
    await vendors.sandbox.idle();
    expect(vendors.sandbox.phones.handset(BUDI).messages).toEqual([]);
    vendors.sandbox.faults.remove(fault.id);
    await vendors.sandbox.idle();
    expect(vendors.sandbox.phones.handset(BUDI).messages).toHaveLength(1);
  });

  it("of kind ban take the number away until the ban is lifted", async () => {
    const vendors = await startVendors();
    registerWoowa(vendors);
    const send = () => sendByWoowa(vendors, { phone_no: TO, message: "x" });
    vendors.sandbox.setBanned(WOOWA_NUMBER, true);
    expect((await send()).json["message"]).toBe("device not connected");
    vendors.sandbox.setBanned(WOOWA_NUMBER, false);
    expect((await send()).json["code"]).toBe(200);
  });
});

describe("what it tells", () => {
  it("is nothing of receipts, devices and groups that the number is not in", async () => {
    const receiver = await startReceiver();
    const vendors = await startVendors({ defaultPhone: { reads: true } });
    registerWoowa(vendors, receiver.url);
    await sendByWoowa(vendors, { phone_no: TO, message: "x" });
    await sendByWoowa(
      vendors,
      { group_id: "120363020000000099@g.us", message: "x" },
      { path: "/send_message_group_id" },
    );
    vendors.sandbox.setDevice(WOOWA_NUMBER, false);
    await vendors.sandbox.idle();
    expect(receiver.received).toEqual([]);
  });

  it("is what people write, in the fields that the account names", async () => {
    const receiver = await startReceiver();
    const vendors = await startVendors();
    registerWoowa(vendors, receiver.url);
    await vendors.sandbox.people.reply(BUDI, { text: "1 4821", account: WOOWA_NUMBER });
    await vendors.sandbox.people.reply(SARI, { text: "siap", group: GROUP_ID });
    expect(receiver.received.map(({ json }) => json)).toMatchObject([
      {
        from: TO,
        text: "1 4821",
        group: "",
        member: "",
        device: WOOWA_NUMBER,
        secret: "woowa-secret",
        time: SOME_NUMBER,
      },
      { from: GROUP_ID, group: GROUP_ID, member: SARI.slice(1), text: "siap" },
    ]);
  });

  it("is nothing while the account names no fields or the device is away", async () => {
    const receiver = await startReceiver();
    const vendors = await startVendors();
    registerWoowa(vendors, receiver.url);
    const write = () => vendors.sandbox.people.reply(BUDI, { text: "siap", account: WOOWA_NUMBER });
    vendors.sandbox.setDevice(WOOWA_NUMBER, false);
    expect(await write()).toMatchObject({ isReported: false });
    vendors.sandbox.setDevice(WOOWA_NUMBER, true);
    expect(await write()).toMatchObject({ isReported: true, answered: 200 });
    vendors.sandbox.registerAccount({
      vendor: "woowa",
      sender: WOOWA_NUMBER,
      credentials: { key: WOOWA_KEY },
      webhookUrl: receiver.url,
    });
    expect(await write()).toMatchObject({ isReported: false });
  });

  it("is the groups of the number, asked by a GET whose body carries the key", async () => {
    const vendors = await startVendors();
    registerWoowa(vendors);
    const ask = (key: string): Promise<unknown> =>
      new Promise((resolve, reject) => {
        const body = JSON.stringify({ key });
        const asking = http.request(
          `${vendors.baseUrls.woowa}/get_group_id`,
          {
            method: "GET",
            headers: { "content-type": "application/json", "content-length": body.length },
          },
          (response) => {
            const chunks: Buffer[] = [];
            response.on("data", (chunk: Buffer) => chunks.push(chunk));
            response.on("end", () => resolve(JSON.parse(Buffer.concat(chunks).toString("utf8"))));
          },
        );
        asking.on("error", reject);
        asking.end(body);
      });
    expect(await ask(WOOWA_KEY)).toEqual({
      code: 200,
      results: [{ id: GROUP_ID, subject: "Teknisi Karawang" }],
    });
    expect(await ask("another")).toEqual({ code: 401, message: "api key not found" });
  });
});
