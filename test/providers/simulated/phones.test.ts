import { describe, expect, it } from "vitest";

import { DEFAULT_PHONE_SETTINGS } from "../../../providers/simulated/phones.ts";
import {
  BUDI,
  FONNTE_DEVICE,
  GROUP_ID,
  SARI,
  registerFonnte,
  registerMeta,
  registerTwilio,
  sendByFonnte,
  sendByTwilio,
  startReceiver,
  startVendors,
} from "./support.ts";

const TO = BUDI.slice(1);

describe("a phone that is off", () => {
  it("leaves a message at sent and gets it when it is switched on", async () => {
    const receiver = await startReceiver();
    const vendors = await startVendors();
    registerFonnte(vendors, receiver.url);
    const { phones } = vendors.sandbox;
    phones.configure(BUDI, { isOnline: false });
    await sendByFonnte(vendors, { target: TO, message: "Alarm" });
    await vendors.sandbox.idle();
    expect(receiver.received.map(({ json }) => json["state"])).toEqual(["sent"]);
    expect(phones.handset(BUDI).messages).toEqual([]);
    expect(phones.handset(BUDI).waiting).toHaveLength(1);
    phones.configure(BUDI, { isOnline: true });
    await vendors.sandbox.idle();
    expect(receiver.received.map(({ json }) => json["state"])).toEqual(["sent", "delivered"]);
    expect(phones.handset(BUDI).messages.map(({ text }) => text)).toEqual(["Alarm"]);
  });

  it("can't be used", async () => {
    const vendors = await startVendors();
    registerFonnte(vendors);
    vendors.sandbox.phones.configure(BUDI, { isOnline: false });
    await expect(
      vendors.sandbox.people.reply(BUDI, { text: "ok", account: FONNTE_DEVICE }),
    ).rejects.toMatchObject({ status: 409, code: "phone_off" });
  });
});

describe("reading", () => {
  it("happens by itself where the phone is set so, else by hand, once", async () => {
    const receiver = await startReceiver();
    const vendors = await startVendors();
    registerFonnte(vendors, receiver.url);
    const { people, phones } = vendors.sandbox;
    phones.configure(SARI, { reads: true, readAfterMs: 500 });
    await sendByFonnte(vendors, { target: SARI.slice(1), message: "x" });
    await sendByFonnte(vendors, { target: TO, message: "x" });
    await vendors.sandbox.idle();
    expect(phones.handset(SARI).messages[0]?.isRead).toBe(true);
    expect(phones.handset(BUDI).messages[0]?.isRead).toBe(false);
    people.read(BUDI);
    people.read(BUDI);
    await vendors.sandbox.idle();
    const reads = receiver.received.filter(({ json }) => json["state"] === "read");
    expect(reads).toHaveLength(2);
  });

  it("of an SMS is told to nobody", async () => {
    const receiver = await startReceiver();
    const vendors = await startVendors({ defaultPhone: { reads: true } });
    registerTwilio(vendors);
    await sendByTwilio(vendors, { StatusCallback: receiver.url });
    await vendors.sandbox.idle();
    vendors.sandbox.people.read(BUDI);
    await vendors.sandbox.idle();
    expect(receiver.received.map(({ form }) => form["MessageStatus"])).toEqual([
      "sent",
      "delivered",
    ]);
  });
});

describe("settings", () => {
  it("change where they are named and stay where they are not", async () => {
    const vendors = await startVendors({ defaultPhone: { name: "Budi" } });
    const { phones } = vendors.sandbox;
    phones.configure(BUDI, { reads: true });
    phones.configure(BUDI, { calls: { kind: "busy" } });
    expect(phones.handset(BUDI).settings).toEqual({
      ...DEFAULT_PHONE_SETTINGS,
      name: "Budi",
      reads: true,
      calls: [{ kind: "busy", afterMs: 500 }],
    });
    expect(phones.handset(SARI).settings).toEqual({ ...DEFAULT_PHONE_SETTINGS, name: "Budi" });
  });

  it.each(["+62 812-3400-0001", "6281234000001", "+6281234000001"])(
    "belong to one phone, written %s",
    async (number) => {
      const vendors = await startVendors();
      expect(vendors.sandbox.phones.handset(number).phone).toBe(BUDI);
    },
  );

  it.each(["", "081234000001", "pompa", "123", GROUP_ID])(
    "are refused for %s, which is no phone",
    async (number) => {
      const vendors = await startVendors();
      expect(() => vendors.sandbox.phones.handset(number)).toThrow("not a phone number");
    },
  );
});

describe("writing", () => {
  it("goes to where the last message came from", async () => {
    const receiver = await startReceiver();
    const vendors = await startVendors();
    registerFonnte(vendors, `${receiver.url}/fonnte`);
    registerTwilio(vendors, `${receiver.url}/twilio`);
    const { people, phones } = vendors.sandbox;
    await sendByFonnte(vendors, { target: TO, message: "satu" });
    await phones.waitForMessage(BUDI, ({ text }) => text === "satu");
    await people.reply(BUDI, { text: "ok" });
    await sendByTwilio(vendors, { Body: "dua" });
    await phones.waitForMessage(BUDI, ({ text }) => text === "dua");
    await people.reply(BUDI, { text: "siap" });
    const texts = receiver.received
      .filter(({ form, json }) => json["message"] !== undefined || form["Body"] !== undefined)
      .map(({ form, json, path }) => [path, json["message"] ?? form["Body"]]);
    expect(texts).toEqual([
      ["/fonnte", "ok"],
      ["/twilio", "siap"],
    ]);
  });

  it("into a group is seen by its members and told to every account in it", async () => {
    const receiver = await startReceiver();
    const vendors = await startVendors();
    registerFonnte(vendors, `${receiver.url}/fonnte`);
    registerMeta(vendors, `${receiver.url}/meta`);
    vendors.sandbox.setGroup({
      id: GROUP_ID,
      name: "Tim",
      members: [BUDI, SARI],
      accounts: [FONNTE_DEVICE, "6281234000901"],
    });
    await vendors.sandbox.people.reply(SARI, { text: "siap", group: GROUP_ID });
    expect(receiver.received.map(({ path }) => path).sort()).toEqual(["/fonnte", "/meta"]);
    expect(vendors.sandbox.phones.handset(BUDI).messages).toMatchObject([
      { direction: "received", author: SARI, group: GROUP_ID, text: "siap" },
    ]);
    expect(vendors.sandbox.phones.handset(SARI).messages).toMatchObject([
      { direction: "written", author: SARI, group: GROUP_ID },
    ]);
  });

  it.each([
    ["to nobody, when nothing came yet", { text: "ok" }, "no_chat"],
    ["quoting what it hasn't", { text: "ok", quote: "msg_99" }, "no_such_message"],
    ["into a group that isn't", { text: "ok", group: "1@g.us" }, "no_such_group"],
    ["into a group that it isn't in", { text: "ok", group: GROUP_ID }, "not_a_member"],
    ["to an account that isn't", { text: "ok", account: "6281234000999" }, "no_such_account"],
  ])("is refused %s", async (_what, request, code) => {
    const vendors = await startVendors();
    registerFonnte(vendors);
    await expect(vendors.sandbox.people.reply("+6281234000003", request)).rejects.toMatchObject({
      code,
    });
  });

  it("happens by itself where the phone is set so, in groups only when told", async () => {
    const receiver = await startReceiver();
    const vendors = await startVendors();
    registerFonnte(vendors, receiver.url);
    vendors.sandbox.phones.configure(BUDI, { autoReply: { text: "1" } });
    vendors.sandbox.phones.configure(SARI, { autoReply: { text: "2", isInGroups: true } });
    await sendByFonnte(vendors, { target: GROUP_ID, message: "Alarm" });
    await sendByFonnte(vendors, { target: TO, message: "Alarm" });
    await vendors.sandbox.idle();
    const replies = receiver.received.flatMap(({ json }) =>
      json["message"] === undefined ? [] : [[json["sender"], json["message"]]],
    );
    expect(replies).toHaveLength(2);
    expect(replies).toEqual(
      expect.arrayContaining([
        [GROUP_ID, "2"],
        [TO, "1"],
      ]),
    );
  });
});

describe("acts that a vendor does not report", () => {
  it("say so: reactions and buttons at Fonnte", async () => {
    const vendors = await startVendors();
    registerFonnte(vendors);
    await sendByFonnte(vendors, { target: TO, message: "x" });
    const shown = await vendors.sandbox.phones.waitForMessage(BUDI);
    const result = await vendors.sandbox.people.react(BUDI, shown.id, "👍");
    expect(result).toMatchObject({ isReported: false, answered: null });
    expect(result.reason).toContain("Fonnte");
    expect(vendors.sandbox.phones.handset(BUDI).messages[0]?.reaction).toBe("👍");
    await expect(vendors.sandbox.people.press(BUDI, shown.id)).rejects.toMatchObject({
      code: "no_such_button",
    });
  });
});

it("forgets the oldest messages of a phone beyond a thousand", async () => {
  const vendors = await startVendors();
  const { phones } = vendors.sandbox;
  const handset = phones.handset(BUDI);
  for (let number = 1; number <= 1_001; number += 1) {
    phones.show(handset, {
      at: 0,
      direction: "received",
      medium: "sms",
      vendor: "twilio",
      accountId: "twilio:x",
      sender: "x",
      group: null,
      author: null,
      title: null,
      text: `${number}`,
      link: null,
      buttons: [],
      attachment: null,
      template: null,
      providerMessageId: `${number}`,
      quotedMessageId: null,
      isRead: false,
      reaction: null,
    });
  }
  expect(handset.messages).toHaveLength(1_000);
  expect(handset.messages[0]?.text).toBe("2");
});
