import twilio from "twilio";
import { describe, expect, it } from "vitest";

import { readTwiml } from "../../../providers/simulated/vendors/twiml.ts";
import type { PhonePatch } from "../../../providers/simulated/phones.ts";
import type { SimulatedVendors } from "../../../providers/simulated/server.ts";
import {
  BUDI,
  TWILIO_NUMBER,
  TWILIO_SID,
  TWILIO_TOKEN,
  registerTwilio,
  startReceiver,
  startVendors,
  textLike,
  twilioRequest,
} from "./support.ts";
import type { Answer, Received, Receiver } from "./support.ts";

/** Rings for six real seconds, so that a slow machine is in time. */
const PATIENT = { Timeout: "600" };
const EVENTS = ["initiated", "ringing", "answered", "completed"] as const;

function question(action: string, text = "Tekan satu untuk terima."): string {
  return `<?xml version="1.0" encoding="UTF-8"?>
<Response>
  <Gather input="dtmf" numDigits="1" timeout="8" actionOnEmptyResult="true"
          action="${action}" method="POST">
    <Say language="id-ID">${text}</Say>
  </Gather>
</Response>`;
}

function call(
  vendors: SimulatedVendors,
  receiver: Receiver,
  fields: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  const all: [string, string][] = Object.entries({
    To: BUDI,
    From: TWILIO_NUMBER,
    Twiml: question(`${receiver.url}/gather?attempt=att_1`),
    StatusCallback: `${receiver.url}/status?attempt=att_1`,
    Timeout: "20",
    ...fields,
  });
  const events = EVENTS.map((event): [string, string] => ["StatusCallbackEvent", event]);
  return twilioRequest(vendors, "/Calls.json", [...all, ...events]);
}

/** Vendors, a registered number, a receiver that says goodbye to every key, and a phone that behaves as told. */
async function startCalls(phone: PhonePatch = {}) {
  const receiver = await startReceiver();
  const vendors = await startVendors();
  registerTwilio(vendors);
  vendors.sandbox.phones.configure(BUDI, phone);
  receiver.answerWith(({ path }) =>
    path.startsWith("/status")
      ? { status: 204 }
      : {
          status: 200,
          contentType: "text/xml",
          body: "<Response><Say>Terima kasih.</Say><Hangup/></Response>",
        },
  );
  return { receiver, vendors };
}

function statuses(receiver: Receiver): string[] {
  return receiver.received
    .filter(({ path }) => path.startsWith("/status"))
    .map(({ form }) => form["CallStatus"] ?? "");
}

function isSigned({ form, headers, url }: Received): boolean {
  const signature = String(headers["x-twilio-signature"]);
  return twilio.validateRequest(TWILIO_TOKEN, signature, url, form);
}

describe("a call that is answered", () => {
  it("rings, asks, posts the key, follows the answer and completes", async () => {
    const { receiver, vendors } = await startCalls({
      calls: { kind: "answer", afterMs: 1_000, keys: "1" },
    });
    const answer = await call(vendors, receiver);
    expect(answer.status).toBe(201);
    expect(answer.json).toMatchObject({
      sid: textLike(/^CA[0-9a-f]{32}$/),
      status: "queued",
      to: BUDI,
      from: TWILIO_NUMBER,
      answered_by: null,
    });
    await vendors.sandbox.idle();
    const sid = answer.json["sid"];
    expect(statuses(receiver)).toEqual(["initiated", "ringing", "in-progress", "completed"]);
    const sequence = receiver.received
      .filter(({ path }) => path.startsWith("/status"))
      .map(({ form }) => form["SequenceNumber"]);
    expect(sequence).toEqual(["0", "1", "2", "3"]);
    const gather = receiver.received.find(({ path }) => path.startsWith("/gather"));
    expect(gather?.form).toMatchObject({
      CallSid: sid,
      AccountSid: TWILIO_SID,
      From: TWILIO_NUMBER,
      To: BUDI,
      CallStatus: "in-progress",
      Direction: "outbound-api",
      Digits: "1",
    });
    expect(receiver.received.every(isSigned)).toBe(true);
    const [shown] = vendors.sandbox.phones.handset(BUDI).calls;
    expect(shown).toMatchObject({
      status: "completed",
      pressed: "1",
      spoken: ["Tekan satu untuk terima.", "Terima kasih."],
    });
    const fetched = await twilioRequest(vendors, `/Calls/${String(sid)}.json`, null);
    expect(fetched.json).toMatchObject({ status: "completed", direction: "outbound-api" });
    expect(Number(fetched.json["duration"])).toBeGreaterThan(0);
    expect(vendors.sandbox.log.entries(({ kind }) => kind === "call")).toMatchObject([
      { to: BUDI, accepted: true, providerMessageId: sid, deliveryKey: "att_1" },
    ]);
  });

  it("fetches its instructions from an address and asks again for another key", async () => {
    const { receiver, vendors } = await startCalls({ calls: { kind: "answer", keys: "91" } });
    receiver.answerWith(({ form, path }) => {
      if (path.startsWith("/status")) return { status: 204 };
      const isDone = form["Digits"] === "1";
      const body = isDone ? "<Response><Hangup/></Response>" : question("gather?attempt=att_1");
      return { status: 200, contentType: "text/xml", body };
    });
    await call(vendors, receiver, { Url: `${receiver.url}/voice?attempt=att_1`, Twiml: "" });
    await vendors.sandbox.idle();
    const asked = receiver.received.filter(({ path }) => !path.startsWith("/status"));
    expect(asked.map(({ form, path }) => [path, form["Digits"] ?? null])).toEqual([
      ["/voice?attempt=att_1", null],
      ["/gather?attempt=att_1", "9"],
      ["/gather?attempt=att_1", "1"],
    ]);
    expect(asked.every(isSigned)).toBe(true);
  });

  it("fetches by GET with its parameters in the signed address", async () => {
    const { receiver, vendors } = await startCalls({ calls: { kind: "answer" } });
    await call(vendors, receiver, { Url: `${receiver.url}/voice?a=1`, Twiml: "", Method: "GET" });
    await vendors.sandbox.idle();
    const fetched = receiver.received.find(({ method }) => method === "GET");
    expect(fetched?.path).toMatch(/^\/voice\?a=1&CallSid=CA/);
    const signature = String(fetched?.headers["x-twilio-signature"]);
    expect(twilio.validateRequest(TWILIO_TOKEN, signature, fetched?.url ?? "", {})).toBe(true);
  });

  it("posts an empty result when nobody presses, and only where it was asked for", async () => {
    const { receiver, vendors } = await startCalls({ calls: { kind: "answer", keys: "" } });
    await call(vendors, receiver);
    await vendors.sandbox.idle();
    const [empty] = receiver.received.filter(({ path }) => path.startsWith("/gather"));
    expect(empty?.form["Digits"]).toBe("");
    const other = await startCalls({ calls: { kind: "answer", keys: "" } });
    const quiet = question(`${other.receiver.url}/gather`).replace(
      'actionOnEmptyResult="true"',
      "",
    );
    await call(other.vendors, other.receiver, {
      Twiml: quiet.replace("</Response>", "<Say>Sampai jumpa.</Say></Response>"),
    });
    await other.vendors.sandbox.idle();
    expect(other.receiver.received.some(({ path }) => path.startsWith("/gather"))).toBe(false);
    expect(other.vendors.sandbox.phones.handset(BUDI).calls[0]?.spoken).toEqual([
      "Tekan satu untuk terima.",
      "Sampai jumpa.",
    ]);
  });

  it.each([
    ['numDigits="4"', "1234", "1234", "as many as are wanted"],
    ["", "12#", "12", "up to the finishing key"],
    ['finishOnKey="*"', "1#2*", "1#2", "up to the finishing key that was chosen"],
    ["", "77", "77", "until the time is over"],
  ])("gathers keys (%s) from %s: %s, %s", async (attributes, keys, digits) => {
    const { receiver, vendors } = await startCalls({ calls: { kind: "answer", keys } });
    const twiml = `<Response><Gather ${attributes} action="${receiver.url}/gather"/></Response>`;
    await call(vendors, receiver, { Twiml: twiml });
    await vendors.sandbox.idle();
    const [gather] = receiver.received.filter(({ path }) => path.startsWith("/gather"));
    expect(gather?.form["Digits"]).toBe(digits);
  });

  it("can be answered and acted on by hand", async () => {
    const { receiver, vendors } = await startCalls();
    const patient = question(`${receiver.url}/gather`).replace('timeout="8"', 'timeout="300"');
    await call(vendors, receiver, { ...PATIENT, Twiml: patient });
    await receiver.waitFor(1, ({ form }) => form["CallStatus"] === "ringing");
    const { people } = vendors.sandbox;
    people.answer(BUDI, "");
    await receiver.waitFor(1, ({ form }) => form["CallStatus"] === "in-progress");
    people.answer(BUDI, "2");
    const [gather] = await receiver.waitFor(1, ({ path }) => path.startsWith("/gather"));
    expect(gather?.form["Digits"]).toBe("2");
    await vendors.sandbox.idle();
    expect(() => people.answer(BUDI, "1")).toThrow("no call");
  });
});

describe("a call that isn't answered by a person", () => {
  it.each([
    ["busy", { calls: { kind: "busy" } }, ["initiated", "ringing", "busy"], "486"],
    ["nobody", { calls: { kind: "no_answer" } }, ["initiated", "ringing", "no-answer"], "487"],
    ["a phone that rings on", {}, ["initiated", "ringing", "no-answer"], "487"],
    [
      "an answer that comes after the caller's patience",
      { calls: { kind: "answer", afterMs: 25_001, keys: "1" } },
      ["initiated", "ringing", "no-answer"],
      "487",
    ],
    ["a phone that is off", { isOnline: false }, ["initiated", "failed"], "480"],
  ] as const)("ends for %s", async (_what, phone, expected, sipCode) => {
    const { receiver, vendors } = await startCalls(phone);
    await call(vendors, receiver);
    await vendors.sandbox.idle();
    expect(statuses(receiver)).toEqual(expected);
    expect(receiver.received.at(-1)?.form).toMatchObject({
      SipResponseCode: sipCode,
      CallDuration: "0",
    });
    expect(receiver.received.some(({ path }) => path.startsWith("/gather"))).toBe(false);
  });

  it("ends as completed for a voicemail, which presses nothing", async () => {
    const { receiver, vendors } = await startCalls({ calls: { kind: "voicemail" } });
    const answer = await call(vendors, receiver, { MachineDetection: "Enable" });
    await vendors.sandbox.idle();
    expect(statuses(receiver)).toEqual(["initiated", "ringing", "in-progress", "completed"]);
    expect(receiver.received.at(-1)?.form["AnsweredBy"]).toBe("machine_start");
    const digits = receiver.received.map(({ form }) => form["Digits"]).filter(Boolean);
    expect(digits).toEqual([]);
    const sid = String(answer.json["sid"]);
    const fetched = await twilioRequest(vendors, `/Calls/${sid}.json`, null);
    expect(fetched.json).toMatchObject({ status: "completed", answered_by: "machine_start" });
  });

  it.each([
    ["a person", { kind: "answer", keys: "1" }, "Enable", "human"],
    ["a machine", { kind: "voicemail" }, "Enable", "machine_start"],
    ["a machine that is heard out", { kind: "voicemail" }, "DetectMessageEnd", "machine_end_beep"],
  ] as const)("tells %s apart beside the call when asked to", async (_who, rule, mode, by) => {
    const { receiver, vendors } = await startCalls({ calls: rule });
    await call(vendors, receiver, {
      Twiml: "<Response><Pause length='600'/></Response>",
      MachineDetection: mode,
      AsyncAmd: "true",
      AsyncAmdStatusCallback: `${receiver.url}/status-amd`,
    });
    const [told] = await receiver.waitFor(1, ({ path }) => path === "/status-amd");
    expect(told?.form).toMatchObject({ AnsweredBy: by });
    expect(told !== undefined && isSigned(told)).toBe(true);
    vendors.sandbox.people.hangUp(BUDI);
    await vendors.sandbox.idle();
  });

  it("is busy when the person refuses it, and when the phone is in a call", async () => {
    const { receiver, vendors } = await startCalls();
    await call(vendors, receiver, PATIENT);
    await receiver.waitFor(1, ({ form }) => form["CallStatus"] === "ringing");
    const second = await call(vendors, receiver);
    const isSecond = ({ form }: Received) => form["CallSid"] === second.json["sid"];
    await receiver.waitFor(1, (entry) => isSecond(entry) && entry.form["CallStatus"] === "busy");
    vendors.sandbox.people.hangUp(BUDI);
    await vendors.sandbox.idle();
    expect(statuses(receiver).filter((status) => status === "busy")).toHaveLength(2);
  });

  it("takes one rule for each call and keeps the last", async () => {
    const { receiver, vendors } = await startCalls({
      calls: [{ kind: "busy" }, { kind: "no_answer" }, { kind: "answer", keys: "1" }],
    });
    for (let attempt = 0; attempt < 4; attempt += 1) {
      await call(vendors, receiver);
      await vendors.sandbox.idle();
    }
    const ends = vendors.sandbox.phones.handset(BUDI).calls.map(({ status }) => status);
    expect(ends).toEqual(["busy", "no-answer", "completed", "completed"]);
  });
});

describe("hanging up", () => {
  it.each(["canceled", "completed"])("a ringing call with %s cancels it", async (status) => {
    const { receiver, vendors } = await startCalls();
    const answer = await call(vendors, receiver, PATIENT);
    await receiver.waitFor(1, ({ form }) => form["CallStatus"] === "ringing");
    const path = `/Calls/${String(answer.json["sid"])}.json`;
    const ended = await twilioRequest(vendors, path, [["Status", status]]);
    expect(ended.status).toBe(200);
    await vendors.sandbox.idle();
    expect(statuses(receiver)).toEqual(["initiated", "ringing", "canceled"]);
    expect(vendors.sandbox.log.entries(({ kind }) => kind === "hangup")).toMatchObject([
      { accepted: true, to: BUDI, providerMessageId: answer.json["sid"], deliveryKey: "att_1" },
    ]);
    const again = await twilioRequest(vendors, path, [["Status", status]]);
    expect([again.status, again.json["code"]]).toEqual([400, 21220]);
  });

  it("a call in progress works with completed only", async () => {
    const { receiver, vendors } = await startCalls({
      calls: { kind: "answer", keyAfterMs: 60_000 },
    });
    const answer = await call(vendors, receiver, {
      Twiml: "<Response><Pause length='600'/></Response>",
    });
    await receiver.waitFor(1, ({ form }) => form["CallStatus"] === "in-progress");
    const path = `/Calls/${String(answer.json["sid"])}.json`;
    const canceled = await twilioRequest(vendors, path, [["Status", "canceled"]]);
    expect(canceled.json["code"]).toBe(21220);
    const completed = await twilioRequest(vendors, path, [["Status", "completed"]]);
    expect(completed.status).toBe(200);
    await vendors.sandbox.idle();
    expect(statuses(receiver).at(-1)).toBe("completed");
  });

  it("wants a status, and a call that exists", async () => {
    const { receiver, vendors } = await startCalls();
    const answer = await call(vendors, receiver);
    const path = `/Calls/${String(answer.json["sid"])}.json`;
    expect((await twilioRequest(vendors, path, [["Status", "gone"]])).status).toBe(400);
    const unknown = await twilioRequest(vendors, `/Calls/CA${"0".repeat(32)}.json`, [
      ["Status", "completed"],
    ]);
    expect(unknown.status).toBe(404);
  });
});

describe("validation", () => {
  const valid = { To: BUDI, From: TWILIO_NUMBER, Twiml: "<Response/>" };
  it.each([
    ["no recipient", 21201, { From: TWILIO_NUMBER, Twiml: "<Response/>" }],
    ["no sender", 21213, { To: BUDI, Twiml: "<Response/>" }],
    ["a recipient that is no number", 21211, { ...valid, To: "pompa" }],
    ["another's number as sender", 21210, { ...valid, From: "+6281234000999" }],
    ["no instructions", 21205, { To: BUDI, From: TWILIO_NUMBER }],
    ["an address that is none", 21205, { ...valid, Url: "nowhere" }],
    ["instructions of 4,001 characters", 21200, { ...valid, Twiml: "x".repeat(4001) }],
    ["a timeout of 601 seconds", 21200, { ...valid, Timeout: "601" }],
    ["an unknown method", 21200, { ...valid, Method: "PUT" }],
    ["an unknown detection", 21200, { ...valid, MachineDetection: "Maybe" }],
    ["a callback address that is none", 21609, { ...valid, StatusCallback: "nowhere" }],
  ])("refuses %s with %i", async (_what, code, fields) => {
    const vendors = await startVendors();
    registerTwilio(vendors);
    const answer = await twilioRequest(vendors, "/Calls.json", Object.entries(fields));
    expect([answer.status, answer.json["code"]]).toEqual([400, code]);
    expect(vendors.sandbox.log.entries()).toMatchObject([{ kind: "call", accepted: false }]);
  });

  it("takes an unknown callback event and never calls back", async () => {
    const { receiver, vendors } = await startCalls({ calls: { kind: "busy" } });
    const answer = await call(vendors, receiver, { StatusCallbackEvent: "picked-up" });
    expect(answer.status).toBe(201);
    await vendors.sandbox.idle();
    expect(receiver.received).toEqual([]);
  });

  it("calls back for completed alone when no event is named", async () => {
    const { receiver, vendors } = await startCalls({ calls: { kind: "busy" } });
    await twilioRequest(vendors, "/Calls.json", [
      ["To", BUDI],
      ["From", TWILIO_NUMBER],
      ["Twiml", "<Response/>"],
      ["StatusCallback", `${receiver.url}/status`],
    ]);
    await vendors.sandbox.idle();
    expect(statuses(receiver)).toEqual(["busy"]);
  });
});

describe("instructions that can't be carried out", () => {
  it.each([
    ["an error status", { status: 500, body: "oops" }, 11200],
    ["no XML content type", { status: 200, contentType: "application/json", body: "{}" }, 12300],
    ["broken XML", { status: 200, contentType: "text/xml", body: "<Response><Say>" }, 12100],
    ["another root", { status: 200, contentType: "text/xml", body: "<Answer/>" }, 12100],
  ])("end the call: %s", async (_what, reply, warning) => {
    const { receiver, vendors } = await startCalls({ calls: { kind: "answer", keys: "1" } });
    receiver.answerWith(({ path }) => (path.startsWith("/status") ? { status: 204 } : reply));
    await call(vendors, receiver);
    await vendors.sandbox.idle();
    expect(vendors.sandbox.phones.handset(BUDI).calls[0]?.warnings).toEqual([warning]);
    expect(statuses(receiver).at(-1)).toBe("completed");
  });

  it("end the call when they lead in a circle", async () => {
    const { receiver, vendors } = await startCalls({ calls: { kind: "answer" } });
    receiver.answerWith(({ path }) =>
      path.startsWith("/status")
        ? { status: 204 }
        : {
            status: 200,
            contentType: "text/xml",
            body: "<Response><Redirect>/again</Redirect></Response>",
          },
    );
    await call(vendors, receiver, { Url: `${receiver.url}/again`, Twiml: "" });
    await vendors.sandbox.idle();
    expect(vendors.sandbox.phones.handset(BUDI).calls[0]?.warnings).toEqual([12400]);
  });
});

describe("reading TwiML", () => {
  it("keeps order, attributes, escapes and nesting", () => {
    const verbs = readTwiml(
      '<Response><Say language="id-ID">A &amp; B &lt;1&gt;</Say><Gather numDigits="1"><Say>C</Say></Gather><!-- x --></Response>',
    );
    expect(verbs).toEqual([
      { name: "Say", attributes: { language: "id-ID" }, text: "A & B <1>", verbs: [] },
      {
        name: "Gather",
        attributes: { numDigits: "1" },
        text: "",
        verbs: [{ name: "Say", attributes: {}, text: "C", verbs: [] }],
      },
    ]);
  });

  it.each([
    ["nothing", ""],
    ["an unclosed verb", "<Response><Say></Response>"],
    ["a bare ampersand", "<Response><Say>A & B</Say></Response>"],
    ["two roots", "<Response/><Response/>"],
    ["no markup", "hello"],
  ])("refuses %s", (_what, document) => {
    expect(readTwiml(document)).toBeUndefined();
  });

  it("reads what the vendor's own builder writes", () => {
    const response = new twilio.twiml.VoiceResponse();
    response.gather({ numDigits: 1, action: "/gather?a=1&b=2" }).say("Tekan satu");
    expect(readTwiml(response.toString())).toMatchObject([
      {
        name: "Gather",
        attributes: { action: "/gather?a=1&b=2" },
        verbs: [{ text: "Tekan satu" }],
      },
    ]);
  });
});
