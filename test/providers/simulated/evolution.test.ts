import { describe, expect, it } from "vitest";

import {
  BUDI,
  EVOLUTION_INSTANCE,
  EVOLUTION_NUMBER,
  EVOLUTION_SECRET,
  GROUP_ID,
  SARI,
  SOME_TEXT,
  askEvolution,
  at,
  registerEvolution,
  request,
  startReceiver,
  startVendors,
  textLike,
} from "./support.ts";
import type { Answer } from "./support.ts";
import type { SimulatedVendors } from "../../../providers/simulated/server.ts";

const JID = `${BUDI.slice(1)}@s.whatsapp.net`;

function sendText(
  vendors: SimulatedVendors,
  fields: Readonly<Record<string, unknown>> = {},
): Promise<Answer> {
  return askEvolution(vendors, "/message/sendText", { number: JID, text: "Alarm", ...fields });
}

describe("sending", () => {
  it.each([
    ["the whole id", JID, BUDI, null],
    ["digits with spaces", "+62 812 3400 0001", BUDI, null],
    ["a group's id", GROUP_ID, null, GROUP_ID],
    ["a group's digits", "120363020000000001", null, GROUP_ID],
  ])("takes %s for what it is", async (_what, number, to, group) => {
    const vendors = await startVendors();
    registerEvolution(vendors);
    expect((await sendText(vendors, { number })).status).toBe(201);
    expect(vendors.sandbox.log.entries()).toMatchObject([{ accepted: true, to, group }]);
  });

  it("replaces no leading 0: that is nobody's number", async () => {
    const vendors = await startVendors();
    registerEvolution(vendors);
    const number = "081234000001";
    const answer = await sendText(vendors, { number });
    expect(answer.status).toBe(400);
    expect(at(answer.json, "response", "message", 0)).toEqual({
      jid: `${number}@s.whatsapp.net`,
      exists: false,
      number,
    });
  });

  it.each<[string, string, Record<string, unknown>, string]>([
    ["a text that is missing", "sendText", { text: undefined }, "requires property"],
    ["a text of another type", "sendText", { text: 3 }, "is not of a type"],
    ["an empty text", "sendText", { text: " " }, "Text is required"],
    ["a delay that is no number", "sendText", { delay: "1" }, "milliseconds"],
    ["a media type that is missing", "sendMedia", {}, "requires property"],
    ["an unknown media type", "sendMedia", { mediatype: "x" }, "is not one of enum"],
    ["a file that is none", "sendMedia", { mediatype: "image", media: "!" }, "url or base64"],
    [
      "a document without a name",
      "sendMedia",
      { mediatype: "document", media: "AAAA" },
      "file name",
    ],
    [
      "a place without an address",
      "sendLocation",
      { latitude: 1, longitude: 2, name: "x" },
      "address",
    ],
    [
      "coordinates as text",
      "sendLocation",
      { latitude: "1", longitude: 2, name: "x", address: "x" },
      "type",
    ],
    ["no buttons", "sendButtons", { buttons: [] }, "At least one"],
    ["four buttons", "sendButtons", { buttons: Array(4).fill({ type: "reply" }) }, "Maximum of 3"],
  ])("refuses %s as the schemas do", async (_what, path, fields, phrase) => {
    const vendors = await startVendors();
    registerEvolution(vendors);
    const body = { number: JID, ...(path === "sendText" ? { text: "x" } : {}), ...fields };
    const answer = await askEvolution(vendors, `/message/${path}`, body);
    expect(answer.status).toBe(400);
    expect(answer.json).toMatchObject({ status: 400, error: "Bad Request" });
    expect(JSON.stringify(at(answer.json, "response", "message"))).toContain(phrase);
    expect(vendors.sandbox.log.entries()).toMatchObject([{ kind: "message", accepted: false }]);
  });

  it("asks for the instance first, then for its key", async () => {
    const vendors = await startVendors();
    registerEvolution(vendors);
    const body = { number: JID, text: "x" };
    const options = { instance: "another", key: "wrong" };
    const unknown = await askEvolution(vendors, "/message/sendText", body, options);
    expect(unknown.status).toBe(404);
    expect(at(unknown.json, "response", "message", 0)).toContain("does not exist");
    const wrong = await askEvolution(vendors, "/message/sendText", body, { key: "wrong" });
    expect(wrong.status).toBe(401);
  });

  it("honours ids of the client's own from 2.4 on, and a licence is needed there", async () => {
    const vendors = await startVendors();
    registerEvolution(vendors, null, { release: "2.3.7" });
    const messageId = "3EB0AAAAAAAAAAAAAAAAAA";
    expect(at((await sendText(vendors, { messageId })).json, "key", "id")).not.toBe(messageId);
    registerEvolution(vendors, null, { release: "2.4.0-rc2" });
    expect(at((await sendText(vendors, { messageId })).json, "key", "id")).toBe(messageId);
    expect(at((await sendText(vendors, { messageId })).json, "key", "id")).toBe(messageId);
    await vendors.sandbox.idle();
    expect(vendors.sandbox.phones.handset(BUDI).messages).toHaveLength(2);
    registerEvolution(vendors, null, { release: "2.4.0-rc2", hasLicence: false });
    const locked = await sendText(vendors);
    expect([locked.status, locked.json["code"]]).toEqual([503, "LICENSE_REQUIRED"]);
  });
});

describe("receipts", () => {
  it("carry WhatsApp's id and the configured header", async () => {
    const receiver = await startReceiver();
    const vendors = await startVendors({ defaultPhone: { reads: true } });
    registerEvolution(vendors, receiver.url);
    const id = at((await sendText(vendors)).json, "key", "id");
    await vendors.sandbox.idle();
    expect(receiver.received.map(({ json }) => at(json, "data", "status"))).toEqual([
      "SERVER_ACK",
      "DELIVERY_ACK",
      "READ",
    ]);
    expect(receiver.received[0]?.json).toMatchObject({
      event: "messages.update",
      instance: EVOLUTION_INSTANCE,
      data: { keyId: id, remoteJid: JID, fromMe: true, participant: null },
      sender: `${EVOLUTION_NUMBER}@s.whatsapp.net`,
      apikey: null,
    });
    expect(receiver.received[0]?.headers["x-siaga-secret"]).toBe(EVOLUTION_SECRET);
  });

  it.each([
    ["2.3.6", 1],
    ["2.3.7", 2],
  ] as const)("of a group in %s tell %i members", async (release, members) => {
    const receiver = await startReceiver();
    const vendors = await startVendors();
    registerEvolution(vendors, receiver.url, { release });
    await sendText(vendors, { number: GROUP_ID });
    await vendors.sandbox.idle();
    const delivered = receiver.received.filter(
      ({ json }) => at(json, "data", "status") === "DELIVERY_ACK",
    );
    expect(delivered).toHaveLength(members);
    const participants = delivered.map(({ json }) => at(json, "data", "participant"));
    expect(participants).toEqual(expect.arrayContaining([JID]));
  });

  it("come with a token where the instance has a key for it, and are repeated after a 500 only", async () => {
    const receiver = await startReceiver();
    const vendors = await startVendors({ timeScale: 0.0001 });
    registerEvolution(vendors, receiver.url, { webhookAuth: "jwt" });
    receiver.answerWith(() => ({ status: receiver.received.length === 1 ? 500 : 401 }));
    await sendText(vendors);
    await vendors.sandbox.idle();
    const bodies = receiver.received.map(({ json }) => at(json, "data", "status"));
    expect(bodies.filter((status) => status === "SERVER_ACK")).toHaveLength(2);
    expect(bodies.filter((status) => status === "DELIVERY_ACK")).toHaveLength(1);
    expect(receiver.received[0]?.headers.authorization).toMatch(/^Bearer [\w-]+\.[\w-]+\.[\w-]+$/);
    expect(receiver.received[0]?.headers["x-siaga-secret"]).toBeUndefined();
  });

  it("say ERROR when a message fails later", async () => {
    const receiver = await startReceiver();
    const vendors = await startVendors();
    registerEvolution(vendors, receiver.url);
    vendors.sandbox.faults.add({ kind: "fails_later" });
    await sendText(vendors);
    await vendors.sandbox.idle();
    expect(receiver.received.map(({ json }) => at(json, "data", "status"))).toEqual(["ERROR"]);
  });

  it.each([
    ["wrong", "not-the-secret"],
    ["missing", undefined],
  ] as const)("prove nothing when a fault makes the proof %s", async (signing, secret) => {
    const receiver = await startReceiver();
    const vendors = await startVendors();
    registerEvolution(vendors, receiver.url);
    vendors.sandbox.faults.add({ kind: "bad_signature", signing });
    await sendText(vendors);
    await vendors.sandbox.idle();
    expect(receiver.received[0]?.headers["x-siaga-secret"]).toBe(secret);
  });
});

describe("inbound messages and the device", () => {
  it("tell writer, group, quote and reaction", async () => {
    const receiver = await startReceiver();
    const vendors = await startVendors();
    registerEvolution(vendors, receiver.url);
    const id = String(at((await sendText(vendors)).json, "key", "id"));
    await vendors.sandbox.idle();
    await vendors.sandbox.people.reply(BUDI, { text: "siap", quote: id });
    expect(receiver.received.at(-1)?.json).toMatchObject({
      event: "messages.upsert",
      data: {
        key: { remoteJid: JID, fromMe: false, id: textLike(/^3A/) },
        message: { conversation: "siap" },
        contextInfo: { stanzaId: id },
      },
    });
    await vendors.sandbox.people.react(BUDI, id, "👍");
    expect(at(receiver.received.at(-1)?.json, "data", "message", "reactionMessage")).toMatchObject({
      key: { id },
      text: "👍",
    });
    await vendors.sandbox.people.reply(SARI, { text: "siap", group: GROUP_ID });
    expect(at(receiver.received.at(-1)?.json, "data", "key")).toMatchObject({
      remoteJid: GROUP_ID,
      participant: `${SARI.slice(1)}@s.whatsapp.net`,
    });
    vendors.sandbox.phones.configure(SARI, { hidesNumber: true });
    await vendors.sandbox.people.reply(SARI, { text: "siap", group: GROUP_ID });
    const hidden = receiver.received.at(-1);
    expect(at(hidden?.json, "data", "key", "participant")).toMatch(/^\d+@lid$/);
    expect(hidden?.body).not.toContain(SARI.slice(1));
  });

  it("tell that the number was unlinked, linked again and banned", async () => {
    const receiver = await startReceiver();
    const vendors = await startVendors();
    registerEvolution(vendors, receiver.url);
    let seen = 0;
    const told = () => {
      const fresh = receiver.received.slice(seen);
      seen = receiver.received.length;
      return fresh.map(({ json }) => [
        json["event"],
        at(json, "data", "state") ?? at(json, "data", "status"),
        at(json, "data", "statusReason") ?? at(json, "data", "disconnectionReasonCode"),
      ]);
    };
    vendors.sandbox.setDevice(EVOLUTION_NUMBER, false);
    await vendors.sandbox.idle();
    expect(told()).toEqual(
      expect.arrayContaining([
        ["status.instance", "closed", 401],
        ["connection.update", "close", 401],
      ]),
    );
    expect((await sendText(vendors)).json).toMatchObject({
      status: 400,
      response: { message: ["Error: Connection Closed"] },
    });
    vendors.sandbox.setDevice(EVOLUTION_NUMBER, true);
    await vendors.sandbox.idle();
    expect(told()).toEqual([["connection.update", "open", 200]]);
    vendors.sandbox.faults.add({ kind: "ban", count: 1 });
    expect((await sendText(vendors)).status).toBe(400);
    await vendors.sandbox.idle();
    expect(told()).toEqual(expect.arrayContaining([["connection.update", "close", 403]]));
    expect((await sendText(vendors)).status).toBe(400);
  });

  it("are not told without a webhook or while the instance is disconnected", async () => {
    const vendors = await startVendors();
    registerEvolution(vendors);
    const write = () =>
      vendors.sandbox.people.reply(BUDI, { text: "siap", account: EVOLUTION_NUMBER });
    expect(await write()).toMatchObject({ isReported: false });
    vendors.sandbox.setDevice(EVOLUTION_NUMBER, false);
    expect(await write()).toMatchObject({ isReported: false, reason: SOME_TEXT });
  });
});

describe("other requests", () => {
  it("tell the connection, groups, numbers, statuses and messages", async () => {
    const vendors = await startVendors();
    registerEvolution(vendors);
    vendors.sandbox.phones.configure(SARI, { hasWhatsApp: false });
    const id = at((await sendText(vendors)).json, "key", "id");
    await vendors.sandbox.idle();
    const state = await askEvolution(vendors, "/instance/connectionState", null);
    expect(at(state.json, "instance", "state")).toBe("open");
    const list = async (path: string, body: unknown, query = ""): Promise<unknown> =>
      JSON.parse((await askEvolution(vendors, path, body, { query })).text);
    expect(await list("/group/fetchAllGroups", null, "?getParticipants=false")).toMatchObject([
      { id: GROUP_ID, subject: "Teknisi Karawang" },
    ]);
    expect((await askEvolution(vendors, "/group/fetchAllGroups", null)).status).toBe(400);
    expect(
      await list("/chat/whatsappNumbers", { numbers: [BUDI.slice(1), SARI.slice(1)] }),
    ).toMatchObject([{ exists: true }, { exists: false }]);
    expect(await list("/chat/findStatusMessage", { where: { id } })).toMatchObject([
      { keyId: id, status: "SERVER_ACK" },
      { keyId: id, status: "DELIVERY_ACK" },
    ]);
    expect(await list("/chat/findStatusMessage", { where: { id: "x" } })).toEqual([]);
    const found = await list("/chat/findMessages", { where: { key: { remoteJid: JID } } });
    expect(at(found, "messages", "records", 0)).toMatchObject({
      key: { id, fromMe: true },
      message: { conversation: "Alarm" },
    });
    expect((await askEvolution(vendors, "/message/nothing", {})).status).toBe(404);
    const broken = await request(`${vendors.baseUrls.evolution}/message/sendText/%E0%A4%A`);
    expect(broken.status).toBe(404);
  });
});
