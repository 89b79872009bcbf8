import { describe, expect, it } from "vitest";

import {
  BUDI,
  FONNTE_DEVICE,
  FONNTE_TOKEN,
  GROUP_ID,
  META_APP_SECRET,
  META_NUMBER_ID,
  META_TOKEN,
  SARI,
  TWILIO_NUMBER,
  TWILIO_TOKEN,
  at,
  registerFonnte,
  registerMeta,
  registerTwilio,
  request,
  sendByFonnte,
  sendByTwilio,
  startReceiver,
  startVendors,
  textLike,
  twilioRequest,
} from "./support.ts";
import type { Answer } from "./support.ts";
import { VENDORS } from "../../../providers/simulated/seen.ts";
import type { SimulatedVendors } from "../../../providers/simulated/server.ts";

const TO = BUDI.slice(1);

function ask(
  vendors: SimulatedVendors,
  method: string,
  path: string,
  body?: unknown,
): Promise<Answer> {
  return request(`${vendors.url}/sandbox${path}`, {
    method,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
}

async function startAll() {
  const receiver = await startReceiver();
  const vendors = await startVendors();
  registerFonnte(vendors, `${receiver.url}/webhooks/fonnte/acc_1/secret-part`);
  registerMeta(vendors, receiver.url);
  registerTwilio(vendors, receiver.url);
  return { receiver, vendors };
}

describe("finding one's way", () => {
  it("shows the vendors' base addresses and every route with an example that works", async () => {
    const { vendors } = await startAll();
    const index = await ask(vendors, "GET", "");
    expect(index.status).toBe(200);
    const overHttp = VENDORS.filter((vendor) => vendor !== "smtp");
    expect(index.json["vendors"]).toEqual({
      ...Object.fromEntries(overHttp.map((vendor) => [vendor, `${vendors.url}/${vendor}`])),
      smtp: textLike(/^smtp:\/\/127\.0\.0\.1:\d+$/),
    });
    const routes = index.json["routes"];
    expect(Array.isArray(routes) && routes.length).toBeGreaterThan(30);
    expect(routes).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ method: "GET", path: "/sandbox/log" }),
        expect.objectContaining({ method: "POST", path: "/sandbox/phones/{phone}/reply" }),
      ]),
    );
  });

  it("says what is wrong as a problem", async () => {
    const { vendors } = await startAll();
    const unknown = await ask(vendors, "GET", "/nothing");
    expect(unknown.status).toBe(404);
    expect(unknown.headers.get("content-type")).toContain("application/problem+json");
    expect(unknown.json).toEqual({
      type: "about:blank",
      title: "Not Found",
      status: 404,
      code: "no_such_route",
      detail: "no such route; GET /sandbox lists them",
    });
    expect((await ask(vendors, "DELETE", "/log")).json).toMatchObject({
      status: 405,
      code: "method_not_allowed",
    });
    const broken = await request(`${vendors.url}/sandbox/faults`, { method: "POST", body: "{" });
    expect(broken.json).toMatchObject({ status: 400, code: "malformed_json" });
  });

  it("names every bad field of a request at once", async () => {
    const { vendors } = await startAll();
    const answer = await ask(vendors, "POST", "/groups", { id: "", name: 5, people: [] });
    expect(answer.status).toBe(422);
    expect(answer.json["code"]).toBe("invalid");
    const errors = answer.json["errors"];
    const paths = Array.isArray(errors) ? errors.map((error: unknown) => at(error, "path")) : [];
    expect(paths).toEqual(expect.arrayContaining(["id", "name"]));
    const fault = await ask(vendors, "POST", "/faults", { kind: "explode" });
    expect([fault.status, fault.json["code"]]).toEqual([422, "invalid"]);
    const query = await ask(vendors, "GET", "/log?vendor=smoke");
    expect(query.status).toBe(422);
  });

  it("answers 404 for an address that is no vendor's", async () => {
    const { vendors } = await startAll();
    expect((await request(`${vendors.url}/nobody/send`)).status).toBe(404);
  });
});

describe("the logs", () => {
  it("list what the vendors saw, filtered, after a number, limited", async () => {
    const { vendors } = await startAll();
    await sendByFonnte(vendors, { target: TO, message: "satu" });
    await sendByTwilio(vendors, {
      Body: "dua",
      StatusCallback: "https://siaga.example/hook?delivery=dlv_2",
    });
    await sendByTwilio(vendors, { Body: "" });
    const seqs = async (query: string): Promise<unknown[]> => {
      const items = (await ask(vendors, "GET", `/log${query}`)).json["items"];
      return Array.isArray(items) ? items.map((item: unknown) => at(item, "seq")) : [];
    };
    expect(await seqs("")).toEqual([1, 2, 3]);
    expect(await seqs("?vendor=twilio")).toEqual([2, 3]);
    expect(await seqs("?accepted=false")).toEqual([3]);
    expect(await seqs("?deliveryKey=dlv_2")).toEqual([2]);
    expect(await seqs(`?to=${TO}&limit=1`)).toEqual([3]);
    expect(await seqs("?after=1&limit=1")).toEqual([2]);
    expect(await seqs(`?account=${FONNTE_DEVICE}`)).toEqual([1]);
    expect(await seqs("?kind=call")).toEqual([]);
    const first = at((await ask(vendors, "GET", "/log")).json, "items", 0);
    expect(first).toMatchObject({ at: textLike(/^\d{4}-\d\d-\d\dT.*Z$/), text: "satu" });
  });

  it("wait for what comes, and for nothing no longer than asked", async () => {
    const { vendors } = await startAll();
    const later = ask(vendors, "GET", "/log?after=0&wait=5000");
    await sendByFonnte(vendors, { target: TO, message: "satu" });
    expect((await later).json["items"]).toMatchObject([{ seq: 1 }]);
    const nothing = await ask(vendors, "GET", "/log?after=1&wait=20");
    expect(nothing.json).toEqual({ items: [], lastSeq: 1, dropped: 0 });
  });

  it("list webhooks without the secret part of the address", async () => {
    const { vendors } = await startAll();
    await sendByFonnte(vendors, { target: TO, message: "satu" });
    await vendors.sandbox.idle();
    const webhooks = await ask(vendors, "GET", "/webhooks?vendor=fonnte&kind=receipt");
    expect(webhooks.json["items"]).toMatchObject([
      { answered: 200, attempt: 1, url: textLike(/\/webhooks\/fonnte\/acc_1\/•••$/) },
      { answered: 200 },
    ]);
    expect(webhooks.text).not.toContain("secret-part");
  });
});

describe("phones", () => {
  it("show messages, take settings, answer, react, press, read and call off", async () => {
    const { receiver, vendors } = await startAll();
    await sendByFonnte(vendors, { target: TO, message: "satu" });
    await vendors.sandbox.phones.waitForMessage(BUDI);
    const messages = await ask(vendors, "GET", `/phones/${BUDI}/messages`);
    const id = at(messages.json, "items", 0, "id");
    expect(messages.json["items"]).toMatchObject([
      { direction: "received", text: "satu", isRead: false, group: null },
    ]);
    const reply = await ask(vendors, "POST", `/phones/${TO}/reply`, { text: "1 4821", quote: id });
    expect(reply.json).toMatchObject({ isReported: true, answered: 200 });
    expect(receiver.received.some(({ json }) => json["message"] === "1 4821")).toBe(true);
    const react = await ask(vendors, "POST", `/phones/${TO}/react`, { message: id, emoji: "👍" });
    expect(react.json).toMatchObject({ isReported: false });
    const press = await ask(vendors, "POST", `/phones/${TO}/press`, { message: id, button: 1 });
    expect(press.json).toMatchObject({ status: 422, code: "no_such_button" });
    const read = await ask(vendors, "POST", `/phones/${TO}/read`, {});
    expect(read.json).toMatchObject({ phone: BUDI, unread: 0 });
    const state = await ask(vendors, "POST", `/phones/${TO}/state`, {
      online: false,
      calls: { kind: "busy" },
    });
    expect(state.json).toMatchObject({
      settings: { isOnline: false, calls: [{ kind: "busy", afterMs: 500 }] },
    });
    const list = await ask(vendors, "GET", "/phones");
    expect(at(list.json, "items", 0, "phone")).toBe(BUDI);
    const wrong = await ask(vendors, "GET", "/phones/081234/messages");
    expect(wrong.json).toMatchObject({ status: 422, code: "not_a_phone" });
  });

  it("ring, are answered with a key, and hang up", async () => {
    const { receiver, vendors } = await startAll();
    receiver.answerWith(() => ({
      status: 200,
      contentType: "text/xml",
      body: "<Response><Hangup/></Response>",
    }));
    const call = (seconds: string) =>
      twilioRequest(vendors, "/Calls.json", [
        ["To", BUDI],
        ["From", TWILIO_NUMBER],
        ["Timeout", "600"],
        ["StatusCallback", `${receiver.url}/status`],
        ["StatusCallbackEvent", "ringing"],
        ["StatusCallbackEvent", "completed"],
        [
          "Twiml",
          `<Response><Gather numDigits="1" timeout="${seconds}" action="${receiver.url}/gather"/></Response>`,
        ],
      ]);
    await call("600");
    await receiver.waitFor(1, ({ form }) => form["CallStatus"] === "ringing");
    const phone = await ask(vendors, "GET", `/phones/${BUDI}`);
    expect(at(phone.json, "call", "status")).toBe("ringing");
    const answer = await ask(vendors, "POST", `/phones/${BUDI}/answer`, { keys: "1" });
    expect(answer.status).toBe(200);
    const [gather] = await receiver.waitFor(1, ({ path }) => path === "/gather");
    expect(gather?.form["Digits"]).toBe("1");
    await vendors.sandbox.idle();
    await call("600");
    await receiver.waitFor(2, ({ form }) => form["CallStatus"] === "ringing");
    expect((await ask(vendors, "POST", `/phones/${BUDI}/hang-up`)).status).toBe(200);
    await vendors.sandbox.idle();
    const calls = await ask(vendors, "GET", `/phones/${BUDI}/calls`);
    expect(calls.json["items"]).toMatchObject([
      { status: "completed", pressed: "1" },
      { status: "busy", pressed: "" },
    ]);
    const none = await ask(vendors, "POST", `/phones/${BUDI}/answer`, { keys: "1" });
    expect(none.json).toMatchObject({ status: 409, code: "no_call" });
  });

  it("that nobody set up behave by the default", async () => {
    const { vendors } = await startAll();
    await ask(vendors, "POST", "/default-phone", { reads: true });
    expect((await ask(vendors, "GET", `/phones/${SARI}`)).json).toMatchObject({
      settings: { reads: true },
    });
  });
});

describe("faults", () => {
  it("are set, listed with all kinds that there are, and removed", async () => {
    const { vendors } = await startAll();
    const set = await ask(vendors, "POST", "/faults", {
      kind: "refuse",
      vendor: "fonnte",
      code: "insufficient quota",
      count: 1,
    });
    expect(set.status).toBe(201);
    expect(set.json).toMatchObject({ kind: "refuse", remaining: 1, hits: 0 });
    const answer = await sendByFonnte(vendors, { target: TO, message: "x" });
    expect(answer.json["reason"]).toBe("insufficient quota");
    const list = await ask(vendors, "GET", "/faults");
    expect(list.json["items"]).toMatchObject([{ remaining: 0, hits: 1 }]);
    expect(list.json["kinds"]).toHaveProperty("drop_after");
    const id = String(set.json["id"]);
    expect((await ask(vendors, "DELETE", `/faults/${id}`)).status).toBe(200);
    expect((await ask(vendors, "DELETE", `/faults/${id}`)).json["code"]).toBe("no_such_fault");
    await ask(vendors, "POST", "/faults", { kind: "ban" });
    await ask(vendors, "DELETE", "/faults");
    expect((await ask(vendors, "GET", "/faults")).json["items"]).toEqual([]);
  });
});

describe("accounts and groups", () => {
  it("are registered, changed and removed; credentials are never shown", async () => {
    const vendors = await startVendors();
    const registration = {
      vendor: "fonnte",
      sender: `+${FONNTE_DEVICE}`,
      credentials: { token: FONNTE_TOKEN },
    };
    const first = await ask(vendors, "PUT", "/accounts", registration);
    expect(first.json).toMatchObject({
      id: `fonnte:${FONNTE_DEVICE}`,
      baseUrl: `${vendors.url}/fonnte`,
      isOnline: true,
    });
    await sendByFonnte(vendors, { target: TO, message: "x" });
    await ask(vendors, "PUT", "/accounts", { ...registration, quota: 7 });
    expect((await ask(vendors, "GET", "/accounts")).json["items"]).toMatchObject([{ quota: 7 }]);
    expect(vendors.sandbox.log.size).toBe(1);
    registerMeta(vendors);
    registerTwilio(vendors);
    const all = await ask(vendors, "GET", "/accounts");
    for (const secret of [FONNTE_TOKEN, META_TOKEN, META_APP_SECRET, TWILIO_TOKEN]) {
      expect(all.text).not.toContain(secret);
    }
    expect(at(all.json, "items", 1, "phoneNumberId")).toBe(META_NUMBER_ID);
    await ask(vendors, "DELETE", `/accounts/${FONNTE_DEVICE}`);
    const answer = await sendByFonnte(vendors, { target: TO, message: "x" });
    expect(answer.json["reason"]).toBe("token invalid");
  });

  it("go offline, are banned, run out, and have templates", async () => {
    const { vendors } = await startAll();
    const device = await ask(vendors, "POST", `/accounts/${FONNTE_DEVICE}/device`, {
      online: false,
    });
    expect(device.json).toMatchObject({ isOnline: false });
    const missing = await ask(vendors, "POST", `/accounts/${FONNTE_DEVICE}/device`, {});
    expect(missing.status).toBe(422);
    await ask(vendors, "POST", `/accounts/${FONNTE_DEVICE}/device`, { isOnline: true });
    const ban = await ask(vendors, "POST", `/accounts/${TWILIO_NUMBER}/ban`, { isBanned: true });
    expect(ban.json).toMatchObject({ isBanned: true });
    expect((await sendByTwilio(vendors)).status).toBe(401);
    const quota = await ask(vendors, "POST", `/accounts/${FONNTE_DEVICE}/quota`, { quota: 0 });
    expect(quota.json).toMatchObject({ quota: 0 });
    const template = await ask(vendors, "PUT", "/accounts/6281234000901/templates", {
      name: "alarm_2",
      language: "id",
      body: "Alarm {{1}}",
    });
    expect(template.json).toMatchObject({ name: "alarm_2", status: "APPROVED" });
    expect(
      (
        await ask(vendors, "PUT", `/accounts/${FONNTE_DEVICE}/templates`, {
          name: "alarm_2",
          language: "id",
          body: "x",
        })
      ).json["code"],
    ).toBe("not_possible");
    const verified = await ask(vendors, "POST", "/accounts/6281234000901/verify-webhook");
    expect(verified.json).toEqual({ isVerified: false });
    expect((await ask(vendors, "GET", "/accounts/6281234000999")).status).toBe(404);
  });

  it("have groups with members", async () => {
    const { vendors } = await startAll();
    const group = { id: "1203630200000001@g.us", name: "NOC", members: [TO, SARI], accounts: [] };
    const added = await ask(vendors, "POST", "/groups", group);
    expect(added.json).toMatchObject({ name: "NOC", members: [BUDI, SARI] });
    const wrong = await ask(vendors, "POST", "/groups", { ...group, members: ["0812"] });
    expect(wrong.json["code"]).toBe("not_a_phone");
    expect((await ask(vendors, "GET", "/groups")).json["items"]).toHaveLength(2);
    const path = `/groups/${encodeURIComponent(GROUP_ID)}`;
    expect((await ask(vendors, "DELETE", path)).status).toBe(200);
    expect((await ask(vendors, "DELETE", path)).status).toBe(404);
  });

  it("survive a reset, which forgets all else", async () => {
    const { vendors } = await startAll();
    await sendByFonnte(vendors, { target: TO, message: "x" });
    await ask(vendors, "POST", "/faults", { kind: "lost" });
    expect((await ask(vendors, "POST", "/reset")).json).toEqual({ reset: true });
    expect((await ask(vendors, "GET", "/log")).json["items"]).toEqual([]);
    expect((await ask(vendors, "GET", "/phones")).json["items"]).toEqual([]);
    expect((await ask(vendors, "GET", "/faults")).json["items"]).toEqual([]);
    expect((await ask(vendors, "GET", "/accounts")).json["items"]).toHaveLength(3);
    expect((await ask(vendors, "GET", "/groups")).json["items"]).toHaveLength(1);
    await vendors.sandbox.idle();
    expect(vendors.sandbox.phones.handset(BUDI).messages).toEqual([]);
  });
});

describe("messages", () => {
  it("tell what became of them, and take receipts by hand", async () => {
    const { receiver, vendors } = await startAll();
    const sent = await sendByTwilio(vendors, { StatusCallback: receiver.url });
    await vendors.sandbox.idle();
    const id = String(sent.json["sid"]);
    const message = await ask(vendors, "GET", `/messages/${id}`);
    expect(message.json).toMatchObject({ status: "delivered", deliveredTo: [BUDI], readBy: [] });
    const posted = await ask(vendors, "POST", `/messages/${id}/receipt`, {
      status: "failed",
      code: "30008",
    });
    expect(posted.json).toEqual({ posted: true });
    expect(receiver.received.at(-1)?.form).toMatchObject({ ErrorCode: "30008" });
    expect((await ask(vendors, "GET", "/messages/unknown")).status).toBe(404);
  });
});
