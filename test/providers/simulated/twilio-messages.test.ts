import twilio from "twilio";
import { describe, expect, it } from "vitest";

import type { SimulatedVendors } from "../../../providers/simulated/server.ts";
import {
  BUDI,
  SARI,
  SOME_TEXT,
  TWILIO_NUMBER,
  TWILIO_SERVICE,
  TWILIO_SID,
  TWILIO_TOKEN,
  at,
  registerTwilio,
  sendByTwilio,
  startReceiver,
  startVendors,
  textLike,
  twilioRequest,
} from "./support.ts";
import type { Received } from "./support.ts";

/** The vendor's own client, pointed at the sandbox. */
function officialClient(vendors: SimulatedVendors): twilio.Twilio {
  const httpClient = new twilio.RequestClient();
  const send = httpClient.request.bind(httpClient);
  httpClient.request = (options) =>
    send({
      ...options,
      uri: options.uri.replace("https://api.twilio.com", vendors.baseUrls.twilio),
    });
  return twilio(TWILIO_SID, TWILIO_TOKEN, { httpClient });
}

function isSigned({ form, headers, url }: Received): boolean {
  const signature = String(headers["x-twilio-signature"]);
  return twilio.validateRequest(TWILIO_TOKEN, signature, url, form);
}

describe("sending", () => {
  it("answers the sheet's example as the sheet says and logs it with the callback's key", async () => {
    const vendors = await startVendors();
    registerTwilio(vendors);
    const body = "[ALARM P1] Pompa 3 9.8 bar. Balas 1 K7Q2 = terima";
    const answer = await twilioRequest(vendors, "/Messages.json", [
      ["To", BUDI],
      ["MessagingServiceSid", TWILIO_SERVICE],
      ["Body", body],
      ["ValidityPeriod", "300"],
      ["StatusCallback", "https://alerts.example.id/hooks/twilio/sms?attempt=att_01HX"],
    ]);
    expect(answer.status).toBe(201);
    expect(answer.json).toMatchObject({
      sid: textLike(/^SM[0-9a-f]{32}$/),
      status: "accepted",
      error_code: null,
      error_message: null,
      num_segments: "1",
      price: null,
      price_unit: "USD",
      to: BUDI,
      from: null,
      account_sid: TWILIO_SID,
      uri: `/2010-04-01/Accounts/${TWILIO_SID}/Messages/${String(answer.json["sid"])}.json`,
    });
    expect(vendors.sandbox.log.entries()).toMatchObject([
      {
        vendor: "twilio",
        accountId: `twilio:${TWILIO_NUMBER}`,
        kind: "message",
        to: BUDI,
        text: body,
        accepted: true,
        httpStatus: 201,
        providerMessageId: answer.json["sid"],
        deliveryKey: "att_01HX",
      },
    ]);
  });

  it("is queued when a number sends instead of a service", async () => {
    const vendors = await startVendors();
    registerTwilio(vendors);
    const answer = await sendByTwilio(vendors);
    expect(answer.json).toMatchObject({ status: "queued", from: TWILIO_NUMBER });
  });

  it("works with the vendor's own client: send, fetch, list by recipient and time", async () => {
    const vendors = await startVendors();
    registerTwilio(vendors);
    const client = officialClient(vendors);
    const before = new Date(Date.now() - 1_000);
    const sent = await client.messages.create({ to: BUDI, from: TWILIO_NUMBER, body: "Satu" });
    await client.messages.create({ to: SARI, from: TWILIO_NUMBER, body: "Dua" });
    await vendors.sandbox.idle();
    const fetched = await client.messages(sent.sid).fetch();
    expect(fetched).toMatchObject({ sid: sent.sid, status: "delivered", body: "Satu", to: BUDI });
    const found = await client.messages.list({ to: BUDI, dateSentAfter: before });
    expect(found.map(({ sid }) => sid)).toEqual([sent.sid]);
    const tomorrow = new Date(Date.now() + 86_400_000);
    expect(await client.messages.list({ to: BUDI, dateSentAfter: tomorrow })).toEqual([]);
    expect(await client.messages.list({ pageSize: 1 })).toHaveLength(2);
  });

  it("makes the vendor's own client throw its error for a refusal", async () => {
    const vendors = await startVendors();
    registerTwilio(vendors);
    const refusal = officialClient(vendors).messages.create({
      to: "12",
      from: TWILIO_NUMBER,
      body: "x",
    });
    await expect(refusal).rejects.toMatchObject({ code: 21211, status: 400 });
  });

  const valid = { To: BUDI, From: TWILIO_NUMBER, Body: "x" };
  it.each([
    ["no recipient", 21604, { From: TWILIO_NUMBER, Body: "x" }],
    ["no sender", 21603, { To: BUDI, Body: "x" }],
    ["a recipient without plus", 21211, { ...valid, To: BUDI.slice(1) }],
    ["a WhatsApp address", 63007, { ...valid, To: `whatsapp:${BUDI}` }],
    ["another's number as sender", 21606, { ...valid, From: SARI }],
    ["an unknown service", 21701, { To: BUDI, Body: "x", MessagingServiceSid: "MG1" }],
    ["no text", 21602, { To: BUDI, From: TWILIO_NUMBER }],
    ["a text of 1,601 characters", 21617, { ...valid, Body: "x".repeat(1601) }],
    ["a callback address that is none", 21609, { ...valid, StatusCallback: "nowhere" }],
    [
      "a callback host with underscore",
      21609,
      { ...valid, StatusCallback: "https://a_b.example.id/" },
    ],
    ["a validity of 0 seconds", 21624, { ...valid, ValidityPeriod: "0" }],
    ["a validity of 36,001 seconds", 21624, { ...valid, ValidityPeriod: "36001" }],
    ["media from nowhere", 21620, { ...valid, MediaUrl: "nowhere" }],
  ])("refuses %s with %i", async (_what, code, fields) => {
    const vendors = await startVendors();
    registerTwilio(vendors);
    const answer = await twilioRequest(vendors, "/Messages.json", Object.entries(fields));
    expect(answer.status).toBe(400);
    expect(answer.json).toEqual({
      code,
      message: SOME_TEXT,
      more_info: `https://www.twilio.com/docs/errors/${code}`,
      status: 400,
    });
    expect(vendors.sandbox.log.entries()).toMatchObject([{ kind: "message", accepted: false }]);
  });

  it.each([
    ["a text of 1,600 characters", { Body: "x".repeat(1600) }],
    ["a validity of 1 second", { ValidityPeriod: "1" }],
    ["a validity of 36,000 seconds", { ValidityPeriod: "36000" }],
    ["an image alone", { Body: "", MediaUrl: "https://files.example.id/pompa.jpg" }],
  ])("takes %s", async (_what, fields) => {
    const vendors = await startVendors();
    registerTwilio(vendors);
    expect((await sendByTwilio(vendors, { ...fields })).status).toBe(201);
  });

  it.each([
    ["a wrong token", `${TWILIO_SID}:other`],
    ["another account's SID", `AC${"9".repeat(32)}:${TWILIO_TOKEN}`],
  ])("refuses %s with 20003", async (_what, credentials) => {
    const vendors = await startVendors();
    registerTwilio(vendors);
    const answer = await twilioRequest(vendors, "/Messages.json", [["To", BUDI]], credentials);
    expect([answer.status, answer.json["code"]]).toEqual([401, 20003]);
  });

  it("takes an API key in place of the account's token", async () => {
    const vendors = await startVendors();
    const apiKeySid = `SK${"a".repeat(32)}`;
    vendors.sandbox.registerAccount({
      vendor: "twilio",
      sender: TWILIO_NUMBER,
      credentials: {
        accountSid: TWILIO_SID,
        authToken: TWILIO_TOKEN,
        apiKeySid,
        apiKeySecret: "key-secret",
      },
    });
    const fields = [
      ["To", BUDI],
      ["From", TWILIO_NUMBER],
      ["Body", "x"],
    ] as const;
    const answer = await twilioRequest(
      vendors,
      "/Messages.json",
      fields,
      `${apiKeySid}:key-secret`,
    );
    expect(answer.status).toBe(201);
  });

  it.each([
    ["abc", "1", "a short text"],
    ["x".repeat(160), "1", "the longest single part"],
    ["x".repeat(161), "2", "one character more"],
    ["🚨".repeat(35), "1", "the longest single part with emoji"],
    [`${"🚨".repeat(35)}x`, "2", "one character more with emoji"],
  ])("counts parts (%#)", async (body, segments) => {
    const vendors = await startVendors();
    registerTwilio(vendors);
    expect((await sendByTwilio(vendors, { Body: body })).json["num_segments"]).toBe(segments);
  });

  it("does not know messages of others or resources that it hasn't", async () => {
    const vendors = await startVendors();
    registerTwilio(vendors);
    const unknown = await twilioRequest(vendors, `/Messages/SM${"0".repeat(32)}.json`, null);
    expect([unknown.status, unknown.json["code"]]).toEqual([404, 20404]);
    expect((await twilioRequest(vendors, "/Recordings.json", null)).status).toBe(404);
  });
});

describe("status callbacks", () => {
  it("are signed form posts with sent and delivered, none for the first status", async () => {
    const receiver = await startReceiver();
    const vendors = await startVendors();
    registerTwilio(vendors);
    const answer = await sendByTwilio(vendors, {
      StatusCallback: `${receiver.url}/sms?attempt=att_01HX`,
    });
    await vendors.sandbox.idle();
    const sid = answer.json["sid"];
    const common = { MessageSid: sid, SmsSid: sid, To: BUDI, From: TWILIO_NUMBER };
    expect(receiver.received.map(({ form }) => form)).toMatchObject([
      {
        ...common,
        AccountSid: TWILIO_SID,
        ApiVersion: "2010-04-01",
        MessageStatus: "sent",
        SmsStatus: "sent",
      },
      { ...common, MessageStatus: "delivered", RawDlrDoneDate: textLike(/^\d{10}$/) },
    ]);
    expect(receiver.received.every(isSigned)).toBe(true);
    expect(receiver.received.map(({ path }) => path)).toEqual([
      "/sms?attempt=att_01HX",
      "/sms?attempt=att_01HX",
    ]);
  });

  it("leave out the connection overrides in the address, in the call and in the signature", async () => {
    const receiver = await startReceiver();
    const vendors = await startVendors();
    registerTwilio(vendors);
    await sendByTwilio(vendors, { StatusCallback: `${receiver.url}/sms?attempt=1#rc=5&rp=all` });
    const [first] = await receiver.waitFor(1);
    expect(first?.path).toBe("/sms?attempt=1");
    expect(first !== undefined && isSigned(first)).toBe(true);
  });

  it.each([
    ["30003", "undelivered", "the carrier's word"],
    ["30007", "undelivered", "the carrier's word"],
    ["30001", "failed", "Twilio's own"],
  ])("report code %s as %s: %s", async (code, status) => {
    const receiver = await startReceiver();
    const vendors = await startVendors();
    registerTwilio(vendors);
    vendors.sandbox.faults.add({ kind: "fails_later", code });
    const answer = await sendByTwilio(vendors, { StatusCallback: receiver.url });
    await vendors.sandbox.idle();
    expect(receiver.received.map(({ form }) => form)).toMatchObject([
      { MessageStatus: status, ErrorCode: code },
    ]);
    const sid = String(answer.json["sid"]);
    const fetched = await twilioRequest(vendors, `/Messages/${sid}.json`, null);
    expect(fetched.json).toMatchObject({ status, error_code: Number(code) });
  });

  it("report 30036 when a message stays in the queue beyond its validity", async () => {
    const receiver = await startReceiver();
    const vendors = await startVendors();
    registerTwilio(vendors);
    vendors.sandbox.faults.add({ kind: "offline_queue" });
    await sendByTwilio(vendors, { StatusCallback: receiver.url, ValidityPeriod: "2" });
    const [failed] = await receiver.waitFor(1);
    expect(failed?.form).toMatchObject({ MessageStatus: "failed", ErrorCode: "30036" });
  });
});

describe("inbound SMS", () => {
  it("are signed posts to the number's webhook, without reference to what they answer", async () => {
    const receiver = await startReceiver();
    const vendors = await startVendors();
    registerTwilio(vendors, `${receiver.url}/inbound`);
    await sendByTwilio(vendors);
    const shown = await vendors.sandbox.phones.waitForMessage(BUDI);
    const result = await vendors.sandbox.people.reply(BUDI, { text: "1 K7Q2", quote: shown.id });
    expect(result).toMatchObject({ isReported: true, answered: 200 });
    const [inbound] = receiver.received;
    expect(inbound?.form).toMatchObject({
      MessageSid: result.providerMessageId,
      From: BUDI,
      To: TWILIO_NUMBER,
      Body: "1 K7Q2",
      NumMedia: "0",
      SmsStatus: "received",
      AccountSid: TWILIO_SID,
    });
    expect(inbound?.form).not.toHaveProperty("OriginalRepliedMessageSid");
    expect(inbound !== undefined && isSigned(inbound)).toBe(true);
  });

  it("with STOP block the sender until START", async () => {
    const vendors = await startVendors();
    registerTwilio(vendors);
    const { people } = vendors.sandbox;
    await people.reply(BUDI, { text: " stop ", account: TWILIO_NUMBER });
    const blocked = await sendByTwilio(vendors);
    expect([blocked.status, blocked.json["code"]]).toEqual([400, 21610]);
    expect((await sendByTwilio(vendors, { To: SARI })).status).toBe(201);
    await people.reply(BUDI, { text: "START", account: TWILIO_NUMBER });
    expect((await sendByTwilio(vendors)).status).toBe(201);
  });

  it("can't be sent to an alphanumeric sender", async () => {
    const vendors = await startVendors();
    vendors.sandbox.registerAccount({
      vendor: "twilio",
      sender: "SIAGA",
      credentials: { accountSid: TWILIO_SID, authToken: TWILIO_TOKEN },
    });
    expect((await sendByTwilio(vendors, { From: "SIAGA" })).status).toBe(201);
    await vendors.sandbox.phones.waitForMessage(BUDI);
    const result = await vendors.sandbox.people.reply(BUDI, { text: "1" });
    expect(result).toMatchObject({ isReported: false });
    expect(at(result, "reason")).toContain("alphanumeric");
  });
});
