import { describe, expect, it } from "vitest";

import {
  BUDI,
  FONNTE_DEVICE,
  openWindow,
  registerFonnte,
  registerMeta,
  registerTwilio,
  sendByTwilio,
  startReceiver,
  startVendors,
} from "./support.ts";

describe("repeats", () => {
  it("Fonnte's come 15 times, a minute apart, until 200 is answered", async () => {
    const receiver = await startReceiver();
    const vendors = await startVendors({ timeScale: 0.0002 });
    registerFonnte(vendors, receiver.url);
    receiver.answerWith(() => ({ status: 500 }));
    await vendors.sandbox.people.reply(BUDI, { text: "siap", account: FONNTE_DEVICE });
    await vendors.sandbox.idle();
    expect(receiver.received).toHaveLength(16);
    expect(new Set(receiver.received.map(({ body }) => body)).size).toBe(1);
    const attempts = vendors.sandbox.webhooks.entries();
    expect(attempts.map(({ attempt }) => attempt)).toEqual(
      Array.from({ length: 16 }, (_unused, index) => index + 1),
    );
    const gaps = attempts
      .slice(1)
      .map(({ elapsedMs }, index) => elapsedMs - (attempts[index]?.elapsedMs ?? 0));
    // A minute is 12 ms in this world; timers may fire up to a millisecond early.
    expect(Math.min(...gaps)).toBeGreaterThan(10.9);
  });

  it.each([
    [200, 1, "the only answer that contents Fonnte"],
    [204, 16, "a success to others"],
    [302, 16, "a redirect"],
    [404, 16, "a refusal"],
  ])("Fonnte's after %i: %i posts, %s", async (status, posts) => {
    const receiver = await startReceiver();
    const vendors = await startVendors({ timeScale: 0.00001 });
    registerFonnte(vendors, receiver.url);
    receiver.answerWith(() => ({ status }));
    await vendors.sandbox.people.reply(BUDI, { text: "siap", account: FONNTE_DEVICE });
    await vendors.sandbox.idle();
    expect(receiver.received).toHaveLength(posts);
  });

  it("stop once the receiver is content", async () => {
    const receiver = await startReceiver();
    const vendors = await startVendors({ timeScale: 0.0001 });
    registerFonnte(vendors, receiver.url);
    receiver.answerWith(() => ({ status: receiver.received.length < 3 ? 503 : 200 }));
    await vendors.sandbox.people.reply(BUDI, { text: "siap", account: FONNTE_DEVICE });
    await vendors.sandbox.idle();
    expect(vendors.sandbox.webhooks.entries().map(({ answered }) => answered)).toEqual([
      503, 503, 200,
    ]);
  });

  it("Meta's come with growing distances for up to seven days", async () => {
    const receiver = await startReceiver();
    const vendors = await startVendors({ timeScale: 1e-6 });
    registerMeta(vendors, receiver.url);
    receiver.answerWith(() => ({ status: 500 }));
    await openWindow(vendors, BUDI);
    await vendors.sandbox.idle();
    const attempts = vendors.sandbox.webhooks.entries();
    expect(attempts.length).toBeGreaterThan(15);
    const gap = (index: number): number =>
      (attempts[index]?.elapsedMs ?? 0) - (attempts[index - 1]?.elapsedMs ?? 0);
    // 15 s at first, 6 h at last; in this world 0.015 ms and 21.6 ms.
    expect(gap(attempts.length - 1)).toBeGreaterThan(20);
    expect(gap(1)).toBeLessThan(20);
  });

  it.each([
    ["", 500, 1, "an error status is not repeated by default"],
    ["#rp=all", 500, 2, "one repeat of whatever fails"],
    ["#rc=5&rp=all", 500, 6, "five repeats"],
    ["#rc=9&rp=all", 500, 6, "never more than five"],
    ["#rc=5&rp=5xx", 404, 1, "only what the policy names"],
    ["#rc=2&rp=4xx", 404, 3, "what the policy names"],
    ["#rc=0&rp=all", 500, 1, "none"],
  ])("Twilio's with %s after %i: %i posts, %s", async (fragment, status, posts) => {
    const receiver = await startReceiver();
    const vendors = await startVendors({ timeScale: 0.001 });
    registerTwilio(vendors);
    vendors.sandbox.faults.add({ kind: "receipts_dropped", statuses: ["delivered"] });
    receiver.answerWith(() => ({ status }));
    await sendByTwilio(vendors, { StatusCallback: `${receiver.url}/sms${fragment}` });
    await vendors.sandbox.idle();
    expect(receiver.received).toHaveLength(posts);
    const tokens = receiver.received.map(({ headers }) => headers["i-twilio-idempotency-token"]);
    expect(new Set(tokens).size).toBe(1);
    expect(tokens[0]).toMatch(/^[0-9a-f-]{36}$/);
  });

  it("Twilio's come once when nobody listens", async () => {
    const vendors = await startVendors({ timeScale: 0.001 });
    registerTwilio(vendors);
    vendors.sandbox.faults.add({ kind: "receipts_dropped", statuses: ["delivered"] });
    // Port 9 (discard) is closed wherever tests run.
    await sendByTwilio(vendors, { StatusCallback: "http://127.0.0.1:9/sms" });
    await vendors.sandbox.idle();
    expect(vendors.sandbox.webhooks.entries()).toMatchObject([
      { attempt: 1, answered: null, error: "ECONNREFUSED" },
      { attempt: 2, answered: null, error: "ECONNREFUSED" },
    ]);
  });
});

describe("the log of webhooks", () => {
  it("says what was posted where, what was answered and for which message", async () => {
    const receiver = await startReceiver();
    const vendors = await startVendors();
    registerTwilio(vendors);
    const answer = await sendByTwilio(vendors, { StatusCallback: `${receiver.url}/sms?attempt=1` });
    await vendors.sandbox.idle();
    expect(vendors.sandbox.webhooks.entries()[0]).toMatchObject({
      seq: 1,
      vendor: "twilio",
      kind: "receipt",
      attempt: 1,
      method: "POST",
      url: `${receiver.url}/sms?attempt=1`,
      body: receiver.received[0]?.body,
      providerMessageId: answer.json["sid"],
      answered: 200,
      error: null,
    });
  });
});

it("a reset ends posts under way and their repeats", async () => {
  const receiver = await startReceiver();
  const vendors = await startVendors({ timeScale: 0.001 });
  registerFonnte(vendors, receiver.url);
  receiver.answerWith(() => new Promise(() => undefined));
  const reply = vendors.sandbox.people.reply(BUDI, { text: "siap", account: FONNTE_DEVICE });
  await receiver.waitFor(1);
  vendors.sandbox.reset();
  await expect(reply).rejects.toThrow("cleared");
  await vendors.sandbox.idle();
  expect(receiver.received).toHaveLength(1);
  expect(vendors.sandbox.webhooks.entries()).toEqual([]);
});

it("receipts of one message wait for each other, so a slow receiver gets them in order", async () => {
  const receiver = await startReceiver();
  const vendors = await startVendors();
  registerTwilio(vendors);
  let release: () => void = () => undefined;
  const released = new Promise<void>((resolve) => (release = resolve));
  receiver.answerWith(async () => {
    await released;
    return { status: 200 };
  });
  await sendByTwilio(vendors, { StatusCallback: receiver.url });
  await vendors.sandbox.phones.waitForMessage(BUDI);
  await receiver.waitFor(1);
  expect(receiver.received.map(({ form }) => form["MessageStatus"])).toEqual(["sent"]);
  release();
  await vendors.sandbox.idle();
  expect(receiver.received.map(({ form }) => form["MessageStatus"])).toEqual(["sent", "delivered"]);
});
