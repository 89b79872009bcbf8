import { createHmac } from "node:crypto";

import { describe, expect, it } from "vitest";

import { seededRandom } from "../../../providers/simulated/faults.ts";
import type { FaultKind, FaultRequest } from "../../../providers/simulated/faults.ts";
import type { SimulatedVendors } from "../../../providers/simulated/server.ts";
import {
  BUDI,
  FONNTE_DEVICE,
  GROUP_ID,
  META_APP_SECRET,
  SARI,
  SOME_NUMBER,
  TWILIO_NUMBER,
  TWILIO_TOKEN,
  at,
  registerFonnte,
  registerMeta,
  registerTwilio,
  sendByFonnte,
  sendByMeta,
  sendByTwilio,
  startReceiver,
  startVendors,
} from "./support.ts";
import type { Answer, Received, Receiver } from "./support.ts";

/** One of each kind; what is special to the others stands in their own tests. */
const VENDORS = ["fonnte", "meta", "twilio"] as const;
type Vendor = (typeof VENDORS)[number];

const template = {
  messaging_product: "whatsapp",
  to: BUDI.slice(1),
  type: "template",
  template: {
    name: "alarm_ack_v1",
    language: { code: "id" },
    components: [
      {
        type: "body",
        parameters: [
          { type: "text", text: "a" },
          { type: "text", text: "b" },
        ],
      },
    ],
  },
};

async function startAll(options: { readonly timeScale?: number } = {}): Promise<{
  readonly vendors: SimulatedVendors;
  readonly receiver: Receiver;
}> {
  const receiver = await startReceiver();
  const vendors = await startVendors(options);
  registerFonnte(vendors, receiver.url);
  registerMeta(vendors, receiver.url);
  registerTwilio(vendors, receiver.url);
  return { vendors, receiver };
}

function send(
  vendor: Vendor,
  vendors: SimulatedVendors,
  receiver: Receiver,
  to = BUDI,
): Promise<Answer> {
  switch (vendor) {
    case "fonnte":
      return sendByFonnte(vendors, { target: to.slice(1), message: "Alarm" });
    case "meta":
      return sendByMeta(vendors, { ...template, to: to.slice(1) });
    case "twilio":
      return sendByTwilio(vendors, { To: to, StatusCallback: receiver.url });
  }
}

function isAccepted(vendor: Vendor, answer: Answer): boolean {
  return vendor === "fonnte" ? answer.json["status"] === true : answer.status < 300;
}

/** What each receipt says, in the order in which they came. */
function told(vendor: Vendor, receiver: Receiver): unknown[] {
  return receiver.received.map(({ form, json }) => {
    switch (vendor) {
      case "fonnte":
        return json["state"] ?? json["status"];
      case "meta":
        return at(json, "entry", 0, "changes", 0, "value", "statuses", 0, "status");
      case "twilio":
        return form["MessageStatus"];
    }
  });
}

describe.each(VENDORS)("%s", (vendor) => {
  const start = async (fault: FaultRequest) => {
    const started = await startAll();
    started.vendors.sandbox.faults.add(fault);
    return started;
  };

  it("without faults is accepted, sent and delivered", async () => {
    const { receiver, vendors } = await startAll();
    expect(isAccepted(vendor, await send(vendor, vendors, receiver))).toBe(true);
    await vendors.sandbox.idle();
    expect(told(vendor, receiver)).toEqual(["sent", "delivered"]);
  });

  it("drops the connection before accepting: nothing is made", async () => {
    const { receiver, vendors } = await start({ kind: "drop_before" });
    await expect(send(vendor, vendors, receiver)).rejects.toThrow("fetch failed");
    await vendors.sandbox.idle();
    expect(vendors.sandbox.log.entries()).toMatchObject([
      { accepted: false, httpStatus: null, fault: "drop_before", providerMessageId: null },
    ]);
    expect(vendors.sandbox.phones.handset(BUDI).messages).toEqual([]);
  });

  it("drops the connection after accepting: the message arrives and the log says accepted", async () => {
    const { receiver, vendors } = await start({ kind: "drop_after" });
    await expect(send(vendor, vendors, receiver)).rejects.toThrow("fetch failed");
    await vendors.sandbox.idle();
    const [entry] = vendors.sandbox.log.entries();
    expect(entry).toMatchObject({ accepted: true, httpStatus: null, fault: "drop_after" });
    const [shown] = vendors.sandbox.phones.handset(BUDI).messages;
    expect(shown?.providerMessageId).toBe(entry?.providerMessageId);
  });

  it("answers late: the message is made at once", async () => {
    const { receiver, vendors } = await start({ kind: "delay", delayMs: 150 });
    const startedAt = performance.now();
    const answer = send(vendor, vendors, receiver);
    const entry = await vendors.sandbox.log.waitFor(({ accepted }) => accepted);
    expect(entry.fault).toBe("delay");
    expect(isAccepted(vendor, await answer)).toBe(true);
    expect(performance.now() - startedAt).toBeGreaterThan(140);
  });

  it.each([
    ["malformed", "a body that is cut"],
    ["empty", "no body"],
  ] as const)("accepts and answers 200, %s: %s", async (kind, _what) => {
    const { receiver, vendors } = await start({ kind });
    const answer = await send(vendor, vendors, receiver);
    expect(answer.status).toBe(200);
    expect(answer.json).toEqual({});
    expect(answer.text === "").toBe(kind === "empty");
    expect(vendors.sandbox.log.entries()).toMatchObject([{ accepted: true, httpStatus: 200 }]);
    expect(await vendors.sandbox.phones.waitForMessage(BUDI)).toBeDefined();
  });

  it.each([
    [7, "7"],
    [undefined, null],
  ])("limits the rate with Retry-After %s: %s", async (retryAfterSeconds, header) => {
    const { receiver, vendors } = await start({
      kind: "rate_limited",
      ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
    });
    const answer = await send(vendor, vendors, receiver);
    expect(answer.status).toBe(429);
    expect(answer.headers.get("retry-after")).toBe(header);
    expect(vendors.sandbox.log.entries()).toMatchObject([{ accepted: false, httpStatus: 429 }]);
  });

  it.each([
    [503, false],
    [500, false],
    [500, true],
  ])("answers %i, accepting it: %s", async (httpStatus, accepts) => {
    const { receiver, vendors } = await start({ kind: "server_error", httpStatus, accepts });
    const answer = await send(vendor, vendors, receiver);
    expect(answer.status).toBe(httpStatus);
    await vendors.sandbox.idle();
    expect(vendors.sandbox.log.entries()).toMatchObject([{ accepted: accepts, httpStatus }]);
    expect(vendors.sandbox.phones.handset(BUDI).messages).toHaveLength(accepts ? 1 : 0);
  });

  it("reports a failure later", async () => {
    const { receiver, vendors } = await start({ kind: "fails_later" });
    expect(isAccepted(vendor, await send(vendor, vendors, receiver))).toBe(true);
    await vendors.sandbox.idle();
    const word = { fonnte: "invalid", meta: "failed", twilio: "undelivered" }[vendor];
    expect(told(vendor, receiver)).toEqual([word]);
    expect(vendors.sandbox.phones.handset(BUDI).messages).toEqual([]);
  });

  it("loses the message: accepted and never heard of", async () => {
    const { receiver, vendors } = await start({ kind: "lost" });
    expect(isAccepted(vendor, await send(vendor, vendors, receiver))).toBe(true);
    await vendors.sandbox.idle();
    expect(receiver.received).toEqual([]);
    expect(vendors.sandbox.phones.handset(BUDI).messages).toEqual([]);
  });

  it("queues while the device is away and delivers when the fault is removed", async () => {
    const { receiver, vendors } = await startAll();
    const fault = vendors.sandbox.faults.add({ kind: "offline_queue" });
    expect(isAccepted(vendor, await send(vendor, vendors, receiver))).toBe(true);
    await vendors.sandbox.idle();
    expect(receiver.received).toEqual([]);
    vendors.sandbox.faults.remove(fault.id);
    await vendors.sandbox.idle();
    expect(told(vendor, receiver)).toEqual(["sent", "delivered"]);
  });

  it("forgets at a reset what was kept back", async () => {
    const { receiver, vendors } = await startAll();
    vendors.sandbox.faults.add({ kind: "offline_queue" });
    await send(vendor, vendors, receiver);
    vendors.sandbox.reset();
    await vendors.sandbox.idle();
    expect(receiver.received).toEqual([]);
  });

  it("posts the first receipt before it answers", async () => {
    const { receiver, vendors } = await start({ kind: "early_receipt" });
    const order: string[] = [];
    receiver.answerWith(() => {
      order.push("receipt");
      return { status: 200 };
    });
    await send(vendor, vendors, receiver).then(() => order.push("answer"));
    expect(order.slice(0, 2)).toEqual(["receipt", "answer"]);
    await vendors.sandbox.idle();
    expect(told(vendor, receiver)).toEqual(["sent", "delivered"]);
  });

  it("delays receipts, not the message", async () => {
    const { receiver, vendors } = await start({ kind: "receipts_delayed", delayMs: 200 });
    await send(vendor, vendors, receiver);
    await vendors.sandbox.phones.waitForMessage(BUDI);
    expect(receiver.received).toEqual([]);
    await vendors.sandbox.idle();
    expect(told(vendor, receiver)).toEqual(["sent", "delivered"]);
  });

  it("repeats receipts one after another", async () => {
    const { receiver, vendors } = await start({ kind: "receipts_duplicated", copies: 3 });
    await send(vendor, vendors, receiver);
    await vendors.sandbox.idle();
    const [first, second, third] = receiver.received.map(({ body }) => body);
    expect([second, third]).toEqual([first, first]);
    expect(told(vendor, receiver)).toHaveLength(6);
  });

  it("repeats receipts at the same time", async () => {
    const { receiver, vendors } = await start({
      kind: "receipts_duplicated",
      copies: 2,
      isConcurrent: true,
    });
    let open: () => void = () => undefined;
    const bothAreThere = new Promise<void>((resolve) => (open = resolve));
    receiver.answerWith(async () => {
      if (receiver.received.length === 2) open();
      await bothAreThere;
      return { status: 200 };
    });
    await send(vendor, vendors, receiver);
    await vendors.sandbox.idle();
    expect(told(vendor, receiver)).toEqual(["sent", "sent", "delivered", "delivered"]);
  });

  it("posts each receipt after the one that should follow it", async () => {
    const { receiver, vendors } = await start({ kind: "receipts_reordered" });
    await send(vendor, vendors, receiver);
    await vendors.sandbox.idle();
    expect(told(vendor, receiver)).toEqual(["delivered", "sent"]);
  });

  it.each([
    [undefined, []],
    [["sent"], ["delivered"]],
    [["delivered"], ["sent"]],
  ] as const)("drops receipts of %s", async (statuses, expected) => {
    const { receiver, vendors } = await start({
      kind: "receipts_dropped",
      ...(statuses === undefined ? {} : { statuses: [...statuses] }),
    });
    await send(vendor, vendors, receiver);
    await vendors.sandbox.idle();
    expect(told(vendor, receiver)).toEqual(expected);
    expect(vendors.sandbox.phones.handset(BUDI).messages).toHaveLength(1);
  });

  it.each(["failed_first", "delivered_first"] as const)("contradicts itself, %s", async (order) => {
    const { receiver, vendors } = await start({ kind: "failed_and_delivered", order });
    await send(vendor, vendors, receiver);
    await vendors.sandbox.idle();
    const failed = { fonnte: "invalid", meta: "failed", twilio: "undelivered" }[vendor];
    const expected =
      order === "failed_first" ? [failed, "delivered"] : ["sent", "delivered", failed];
    expect(told(vendor, receiver)).toEqual(expected);
  });

  it("bans the account from one request on, until the ban is lifted", async () => {
    const { receiver, vendors } = await start({ kind: "ban", vendor, count: 1 });
    const account = { fonnte: FONNTE_DEVICE, meta: "6281234000901", twilio: TWILIO_NUMBER }[vendor];
    expect(isAccepted(vendor, await send(vendor, vendors, receiver))).toBe(false);
    expect(isAccepted(vendor, await send(vendor, vendors, receiver))).toBe(false);
    expect(vendors.sandbox.account(account).isBanned).toBe(true);
    vendors.sandbox.setBanned(account, false);
    expect(isAccepted(vendor, await send(vendor, vendors, receiver))).toBe(true);
  });
});

describe("failures in the vendor's own words", () => {
  it.each([
    ["token invalid", undefined, { status: false, reason: "token invalid" }],
    ["insufficient quota", "capitalised", { Status: false, reason: "insufficient quota" }],
    ["target invalid", "text", { status: "false", reason: "target invalid" }],
    ["url unreachable", "detail", { status: false, detail: "url unreachable" }],
  ] as const)("Fonnte: %s, spelt %s", async (code, shape, expected) => {
    const { receiver, vendors } = await startAll();
    const spelling = shape === undefined ? {} : { shape };
    vendors.sandbox.faults.add({ kind: "refuse", code, ...spelling });
    const answer = await send("fonnte", vendors, receiver);
    expect(answer.status).toBe(200);
    expect(answer.json).toEqual({ ...expected, requestid: SOME_NUMBER });
  });

  it.each([
    [130429, 429],
    [131056, 400],
    [131026, 400],
    [131031, 403],
    [131000, 500],
    [131016, 503],
    [132015, 400],
    [190, 401],
  ])("Meta: code %i with HTTP %i", async (code, status) => {
    const { receiver, vendors } = await startAll();
    vendors.sandbox.faults.add({ kind: "refuse", code });
    const answer = await send("meta", vendors, receiver);
    expect([answer.status, at(answer.json, "error", "code")]).toEqual([status, code]);
  });

  it.each([
    [20003, 401],
    [20429, 429],
    [20500, 500],
    [20503, 503],
    [21408, 403],
    [21610, 400],
    [21614, 400],
  ])("Twilio: code %i with HTTP %i", async (code, status) => {
    const { receiver, vendors } = await startAll();
    vendors.sandbox.faults.add({ kind: "refuse", code });
    const answer = await send("twilio", vendors, receiver);
    expect([answer.status, answer.json["code"], answer.json["status"]]).toEqual([
      status,
      code,
      status,
    ]);
  });

  it.each([
    ["fonnte", 200],
    ["meta", 401],
    ["twilio", 401],
  ] as const)("%s: wrong credentials with HTTP %i", async (vendor, status) => {
    const { receiver, vendors } = await startAll();
    vendors.sandbox.faults.add({ kind: "unauthorized" });
    const answer = await send(vendor, vendors, receiver);
    expect(answer.status).toBe(status);
    expect(isAccepted(vendor, answer)).toBe(false);
  });
});

describe("receipts that lie", () => {
  it.each(["fonnte", "meta"] as const)("%s tells read and never delivered", async (vendor) => {
    const { receiver, vendors } = await startAll();
    vendors.sandbox.faults.add({ kind: "read_without_delivered" });
    await send(vendor, vendors, receiver);
    await vendors.sandbox.idle();
    expect(told(vendor, receiver)).toEqual(["sent", "read"]);
  });

  const isSigned = ({ headers, json }: Received): boolean =>
    json["secret"] !== undefined ||
    headers["x-hub-signature-256"] !== undefined ||
    headers["x-twilio-signature"] !== undefined;

  it("have a wrong signature or secret, or none, when told to", async () => {
    const { receiver, vendors } = await startAll();
    vendors.sandbox.faults.add({ kind: "bad_signature" });
    for (const vendor of VENDORS) await send(vendor, vendors, receiver);
    await vendors.sandbox.idle();
    const isRight = ({ body, headers, json }: Received): boolean => {
      const meta = createHmac("sha256", META_APP_SECRET).update(body).digest("hex");
      const sorted = [...new URLSearchParams(body)].sort(([a], [b]) => (a < b ? -1 : 1));
      const twilio = createHmac("sha1", TWILIO_TOKEN)
        .update(receiver.url + sorted.map(([name, value]) => name + value).join(""))
        .digest("base64");
      return (
        json["secret"] === "fonnte-secret" ||
        headers["x-hub-signature-256"] === `sha256=${meta}` ||
        headers["x-twilio-signature"] === twilio
      );
    };
    expect(receiver.received).toHaveLength(6);
    expect(receiver.received.filter(isRight)).toEqual([]);
    expect(receiver.received.every(isSigned)).toBe(true);
    vendors.sandbox.faults.clear();
    vendors.sandbox.faults.add({ kind: "bad_signature", signing: "missing" });
    for (const vendor of VENDORS) await send(vendor, vendors, receiver);
    await vendors.sandbox.idle();
    expect(receiver.received.slice(6).some(isSigned)).toBe(false);
    vendors.sandbox.faults.clear();
    for (const vendor of VENDORS) await send(vendor, vendors, receiver);
    await vendors.sandbox.idle();
    expect(receiver.received.slice(12).every(isRight)).toBe(true);
  });

  it("can be posted by hand", async () => {
    const { receiver, vendors } = await startAll();
    const answer = await send("meta", vendors, receiver);
    await vendors.sandbox.idle();
    const id = String(at(answer.json, "messages", 0, "id"));
    await vendors.sandbox.forceReceipt(id, { status: "failed", member: null, code: "131049" });
    expect(told("meta", receiver)).toEqual(["sent", "delivered", "failed"]);
    await expect(
      vendors.sandbox.forceReceipt("unknown", { status: "read", member: null, code: null }),
    ).rejects.toThrow("no vendor knows");
  });
});

describe("scope", () => {
  const kindsSeen = (vendors: SimulatedVendors): (FaultKind | null)[] =>
    vendors.sandbox.log.entries().map(({ fault }) => fault);

  it.each([
    ["a vendor", { vendor: "meta" }, [null, "refuse", null]],
    ["an account by id", { account: `fonnte:${FONNTE_DEVICE}` }, ["refuse", null, null]],
    ["an account by sender", { account: TWILIO_NUMBER }, [null, null, "refuse"]],
    ["nobody of that name", { account: "6281234000999" }, [null, null, null]],
  ] as const)("reaches %s", async (_what, scope, expected) => {
    const { receiver, vendors } = await startAll();
    vendors.sandbox.faults.add({ kind: "refuse", ...scope });
    for (const vendor of VENDORS) await send(vendor, vendors, receiver);
    expect(kindsSeen(vendors)).toEqual(expected);
  });

  it("reaches one recipient, however the number is written", async () => {
    const { receiver, vendors } = await startAll();
    vendors.sandbox.faults.add({ kind: "refuse", recipient: "62 812-3400-0002" });
    await send("fonnte", vendors, receiver, BUDI);
    await send("fonnte", vendors, receiver, SARI);
    await send("twilio", vendors, receiver, SARI);
    expect(kindsSeen(vendors)).toEqual([null, "refuse", "refuse"]);
  });

  it("reaches one group", async () => {
    const { vendors } = await startAll();
    vendors.sandbox.faults.add({ kind: "refuse", recipient: GROUP_ID });
    await sendByFonnte(vendors, { target: GROUP_ID, message: "x" });
    await sendByFonnte(vendors, { target: BUDI.slice(1), message: "x" });
    expect(kindsSeen(vendors)).toEqual(["refuse", null]);
  });

  it("hits the next so many requests and stays readable when used up", async () => {
    const { receiver, vendors } = await startAll();
    const { id } = vendors.sandbox.faults.add({ kind: "refuse", count: 2 });
    for (let attempt = 0; attempt < 4; attempt += 1) await send("twilio", vendors, receiver);
    expect(kindsSeen(vendors)).toEqual(["refuse", "refuse", null, null]);
    expect(vendors.sandbox.faults.list()).toMatchObject([{ id, remaining: 0, hits: 2 }]);
  });

  it("leaves other requests alone unless they are named", async () => {
    const { vendors } = await startAll();
    vendors.sandbox.faults.add({ kind: "server_error", count: 1 });
    const ask = () => sendByFonnte(vendors, {}, { path: "/device" });
    expect((await ask()).status).toBe(200);
    vendors.sandbox.faults.add({ kind: "server_error", httpStatus: 502, requests: ["other"] });
    expect((await ask()).status).toBe(502);
  });

  it("lets several faults act together: the first decides the answer, all others apply", async () => {
    const { receiver, vendors } = await startAll();
    vendors.sandbox.faults.add({ kind: "receipts_duplicated" });
    vendors.sandbox.faults.add({ kind: "drop_after", count: 1 });
    const spare = vendors.sandbox.faults.add({ kind: "refuse", count: 1 });
    await expect(send("meta", vendors, receiver)).rejects.toThrow();
    await vendors.sandbox.idle();
    expect(vendors.sandbox.log.entries()).toMatchObject([
      { fault: "drop_after", faults: ["drop_after", "receipts_duplicated"] },
    ]);
    expect(told("meta", receiver)).toEqual(["sent", "sent", "delivered", "delivered"]);
    expect(vendors.sandbox.faults.list().find(({ id }) => id === spare.id)?.remaining).toBe(1);
  });

  it("hits at random with a chance that the seed repeats", async () => {
    const run = async (seed: number) => {
      const { receiver, vendors } = await startAll();
      vendors.sandbox.faults.add({ kind: "refuse", probability: 0.3, seed });
      for (let attempt = 0; attempt < 60; attempt += 1) await send("twilio", vendors, receiver);
      return kindsSeen(vendors);
    };
    const first = await run(7);
    expect(await run(7)).toEqual(first);
    expect(await run(8)).not.toEqual(first);
    const hits = first.filter((kind) => kind !== null).length;
    expect(hits).toBeGreaterThan(5);
    expect(hits).toBeLessThan(35);
  });

  it("draws evenly over many draws", () => {
    const random = seededRandom(1);
    const below = Array.from({ length: 10_000 }, random).filter((value) => value < 0.1).length;
    expect(below).toBeGreaterThan(900);
    expect(below).toBeLessThan(1_100);
  });
});

describe("calls", () => {
  it("know the same faults", async () => {
    const { receiver, vendors } = await startAll();
    const call = () =>
      sendByTwilioCall(vendors, {
        To: BUDI,
        From: TWILIO_NUMBER,
        Twiml: "<Response/>",
        StatusCallback: receiver.url,
        StatusCallbackEvent: "initiated",
      });
    vendors.sandbox.faults.add({ kind: "drop_after", count: 1, requests: ["call"] });
    await expect(call()).rejects.toThrow();
    expect(vendors.sandbox.log.entries()).toMatchObject([{ kind: "call", accepted: true }]);
    await vendors.sandbox.idle();
    vendors.sandbox.reset();
    const order: string[] = [];
    receiver.answerWith(({ form }) => {
      order.push(form["CallStatus"] ?? "");
      return { status: 200 };
    });
    vendors.sandbox.faults.add({ kind: "early_receipt" });
    await call().then(() => order.push("answer"));
    expect(order.slice(0, 2)).toEqual(["initiated", "answer"]);
    await vendors.sandbox.idle();
    vendors.sandbox.reset();
    vendors.sandbox.faults.add({ kind: "fails_later" });
    await call();
    await vendors.sandbox.idle();
    expect([...vendors.sandbox.world.calls.values()].map(({ status }) => status)).toEqual([
      "failed",
    ]);
  });
});

function sendByTwilioCall(
  vendors: SimulatedVendors,
  fields: Readonly<Record<string, string>>,
): Promise<Response> {
  const account = [...vendors.sandbox.world.accountsOf("twilio")][0];
  const { accountSid, authToken } = account?.config.credentials ?? {
    accountSid: "",
    authToken: "",
  };
  return fetch(`${vendors.baseUrls.twilio}/2010-04-01/Accounts/${accountSid}/Calls.json`, {
    method: "POST",
    headers: {
      authorization: `Basic ${Buffer.from(`${accountSid}:${authToken}`).toString("base64")}`,
    },
    body: new URLSearchParams(fields),
  });
}
