import { describe, expect, it } from "vitest";

import {
  BUDI,
  SARI,
  VAPID_SUBJECT,
  at,
  pushTo,
  registerFcm,
  registerWebPush,
  request,
  sendByFcm,
  signInAtFcm,
  startVendors,
} from "./support.ts";
import webPush from "web-push";

const HELLO = { title: "ALARM", body: "Pompa 3", data: { url: "https://a.example.id/1" } };
const toApp = (token: string, changes: object = {}) => ({
  message: { token, notification: { title: "ALARM", body: "Pompa 3" }, ...changes },
});

describe("a push service", () => {
  it("shows a message on the phone of the browser that it was encrypted for", async () => {
    const vendors = await startVendors();
    const { vapid, address } = registerWebPush(vendors);
    const answer = await pushTo(vendors, address, vapid, HELLO);
    expect(answer.status).toBe(201);
    await vendors.sandbox.idle();
    expect(vendors.sandbox.phones.handset(BUDI).messages).toMatchObject([
      {
        medium: "push",
        title: "ALARM",
        text: "Pompa 3",
        link: "https://a.example.id/1",
        providerMessageId: answer.headers.get("location"),
      },
    ]);
    expect(vendors.sandbox.webhooks.size).toBe(0);
  });

  it("takes a message for another browser's keys, and that browser shows nothing", async () => {
    const vendors = await startVendors();
    const { vapid, address } = registerWebPush(vendors);
    const other = vendors.sandbox.subscribe(`web-push:${VAPID_SUBJECT}`, SARI);
    const swapped = { ...address, keys: other.keys };
    expect((await pushTo(vendors, swapped, vapid, HELLO)).status).toBe(201);
    await vendors.sandbox.idle();
    expect(vendors.sandbox.log.entries()[0]).toMatchObject({ accepted: true, text: null });
    expect(vendors.sandbox.phones.handset(BUDI).messages).toEqual([]);
  });

  it.each([
    [{ authorization: "" }, 401, "no statement"],
    [{ authorization: "vapid t=a.b.c, k=d" }, 401, "a statement that is none"],
    [{ ttl: "soon" }, 400, "a lifetime that is none"],
    [{ "content-encoding": "gzip" }, 400, "another encryption"],
    [{ topic: "no spaces here" }, 400, "a topic with spaces"],
    [{ urgency: "now" }, 400, "an urgency that nobody knows"],
  ])("refuses a message with %j: %i (%s)", async (headers, status, _why) => {
    const vendors = await startVendors();
    const { vapid, address } = registerWebPush(vendors);
    const answer = await pushTo(vendors, address, vapid, HELLO, { headers });
    expect(answer.status).toBe(status);
    expect(vendors.sandbox.log.entries()[0]).toMatchObject({ accepted: false, httpStatus: status });
  });

  it("refuses who has another key than the browser subscribed with, and who names nobody", async () => {
    const vendors = await startVendors();
    const { vapid, address } = registerWebPush(vendors);
    const other = webPush.generateVAPIDKeys();
    expect((await pushTo(vendors, address, other, HELLO)).status).toBe(403);
    const elsewhere = { ...address, id: "nobody" };
    expect((await pushTo(vendors, elsewhere, vapid, HELLO)).status).toBe(404);
    vendors.sandbox.unsubscribe(address.id);
    const gone = await pushTo(vendors, address, vapid, HELLO);
    expect([gone.status, gone.json["errno"]]).toEqual([410, 106]);
  });

  it("refuses what is too large", async () => {
    const vendors = await startVendors();
    const { vapid, address } = registerWebPush(vendors);
    const body = "x".repeat(4_090);
    expect((await pushTo(vendors, address, vapid, { title: "x", body })).status).toBe(413);
  });

  it("keeps a message for a phone that is off, the newest of a topic, and none beyond its time", async () => {
    const vendors = await startVendors();
    const { vapid, address } = registerWebPush(vendors);
    vendors.sandbox.phones.configure(BUDI, { isOnline: false });
    const say = (body: string, options: { readonly topic?: string; readonly ttl?: string }) =>
      pushTo(vendors, address, vapid, { title: "x", body }, options);
    await say("first", { topic: "abc" });
    await say("second", { topic: "abc" });
    await say("another", { topic: "def" });
    await say("too late", { ttl: "0" });
    await vendors.sandbox.idle();
    expect(vendors.sandbox.phones.handset(BUDI).messages).toEqual([]);
    vendors.sandbox.phones.configure(BUDI, { isOnline: true });
    await vendors.sandbox.idle();
    const texts = vendors.sandbox.phones.handset(BUDI).messages.map(({ text }) => text);
    expect(texts.toSorted()).toEqual(["another", "second"]);
  });

  it.each([
    [{ kind: "refuse", code: 410 }, 410, null],
    [{ kind: "rate_limited", retryAfterSeconds: 30 }, 429, "30"],
    [{ kind: "server_error", httpStatus: 502 }, 502, null],
    [{ kind: "unauthorized" }, 401, null],
    [{ kind: "ban" }, 401, null],
  ] as const)("has the fault %j", async (fault, status, retryAfter) => {
    const vendors = await startVendors();
    const { vapid, address } = registerWebPush(vendors);
    vendors.sandbox.faults.add({ ...fault, vendor: "web-push" });
    const answer = await pushTo(vendors, address, vapid, HELLO);
    expect([answer.status, answer.headers.get("retry-after")]).toEqual([status, retryAfter]);
    expect(vendors.sandbox.log.entries()[0]).toMatchObject({ accepted: false, fault: fault.kind });
  });

  it("is away while its account is off", async () => {
    const vendors = await startVendors();
    const { vapid, address } = registerWebPush(vendors);
    vendors.sandbox.setDevice(`web-push:${VAPID_SUBJECT}`, false);
    expect((await pushTo(vendors, address, vapid, HELLO)).status).toBe(503);
  });
});

describe("the simulated FCM", () => {
  it("shows a message on the phone of the app", async () => {
    const vendors = await startVendors();
    const token = await signInAtFcm(vendors);
    const { id } = vendors.sandbox.subscribe("fcm:siaga-simulated", BUDI);
    const answer = await sendByFcm(vendors, token, toApp(id));
    expect(answer.status).toBe(200);
    await vendors.sandbox.idle();
    expect(vendors.sandbox.phones.handset(BUDI).messages).toMatchObject([
      { medium: "push", title: "ALARM", text: "Pompa 3", providerMessageId: answer.json["name"] },
    ]);
  });

  it.each([
    [{ aud: "https://oauth2.googleapis.com/token" }, "for another address"],
    [{ exp: 1_000 }, "that has ended"],
    [{ iat: 9_999_999_999, exp: 9_999_999_999 }, "of the future"],
    [{ exp: Math.floor(Date.now() / 1_000) + 90_000 }, "for a day"],
    [{ scope: "https://www.googleapis.com/auth/drive" }, "for something else"],
    [{ iss: "somebody@else.example" }, "of somebody else"],
  ])("gives no access token for a statement with %j (%s)", async (changes, _why) => {
    const vendors = await startVendors();
    expect(await signInAtFcm(vendors, changes)).toBe("invalid_grant");
  });

  it("believes its access tokens after a restart, and no others", async () => {
    const vendors = await startVendors();
    const token = await signInAtFcm(vendors);
    const { id } = vendors.sandbox.subscribe("fcm:siaga-simulated", BUDI);
    expect((await sendByFcm(vendors, `${token}x`, toApp(id))).status).toBe(401);
    expect((await sendByFcm(vendors, "", toApp(id))).status).toBe(401);
    const restarted = await startVendors();
    registerFcm(restarted);
    const again = restarted.sandbox.subscribe("fcm:siaga-simulated", BUDI);
    expect((await sendByFcm(restarted, token, toApp(again.id))).status).toBe(200);
  });

  it.each([
    [{ data: { count: 1 } }, "message.data.count", "a value that is no text"],
    [{ android: { ttl: "300" } }, "message.android.ttl", "a duration without its unit"],
    [{ android: { priority: "URGENT" } }, "message.android.priority", "a priority of nobody"],
    [{ colour: "red" }, "message", "a field of nobody"],
    [{ topic: "x" }, "message", "two addressees"],
    [{ notification: { body: "x".repeat(4_100) } }, "message", "too much"],
    [
      { webpush: { fcm_options: { link: "http://a.example.id" } } },
      "message.webpush.fcm_options.link",
      "a link without encryption",
    ],
  ])("refuses %j and names %s (%s)", async (changes, field, _why) => {
    const vendors = await startVendors();
    const token = await signInAtFcm(vendors);
    const { id } = vendors.sandbox.subscribe("fcm:siaga-simulated", BUDI);
    const answer = await sendByFcm(vendors, token, toApp(id, changes));
    expect(answer.status).toBe(400);
    expect(at(answer.json, "error", "details", 0, "fieldViolations", 0, "field")).toBe(field);
  });

  it("refuses an app that was removed, one of nobody, and another project", async () => {
    const vendors = await startVendors();
    const token = await signInAtFcm(vendors);
    const { id } = vendors.sandbox.subscribe("fcm:siaga-simulated", BUDI);
    vendors.sandbox.unsubscribe(id);
    for (const gone of [id, "never"]) {
      const answer = await sendByFcm(vendors, token, toApp(gone));
      expect(answer.status).toBe(404);
      expect(at(answer.json, "error", "details", 0, "errorCode")).toBe("UNREGISTERED");
    }
    expect((await sendByFcm(vendors, token, toApp(id), "another-project")).status).toBe(403);
  });

  it("validates a message without sending it", async () => {
    const vendors = await startVendors();
    const token = await signInAtFcm(vendors);
    const { id } = vendors.sandbox.subscribe("fcm:siaga-simulated", BUDI);
    const answer = await sendByFcm(vendors, token, { ...toApp(id), validate_only: true });
    expect(answer.json["name"]).toBe("projects/siaga-simulated/messages/fake_message_id");
    await vendors.sandbox.idle();
    expect(vendors.sandbox.phones.handset(BUDI).messages).toEqual([]);
  });

  it("waits for a phone that is off no longer than it was told to", async () => {
    const vendors = await startVendors();
    const token = await signInAtFcm(vendors);
    const { id } = vendors.sandbox.subscribe("fcm:siaga-simulated", BUDI);
    vendors.sandbox.phones.configure(BUDI, { isOnline: false });
    await sendByFcm(vendors, token, toApp(id, { android: { ttl: "0s" } }));
    await sendByFcm(vendors, token, toApp(id, { notification: { body: "in time" } }));
    await vendors.sandbox.idle();
    vendors.sandbox.phones.configure(BUDI, { isOnline: true });
    await vendors.sandbox.idle();
    const { messages } = vendors.sandbox.phones.handset(BUDI);
    expect(messages.map(({ text }) => text)).toEqual(["in time"]);
  });
});

describe("the control API", () => {
  it("lets a browser and an app subscribe and go, and hands out what they would", async () => {
    const vendors = await startVendors();
    const { vapid } = registerWebPush(vendors, SARI);
    registerFcm(vendors);
    const url = `${vendors.url}/sandbox/phones/${BUDI}/push-addresses`;
    const subscribe = (account: string) =>
      request(url, { method: "POST", body: JSON.stringify({ account }) });
    const browser = await subscribe(`web-push:${VAPID_SUBJECT}`);
    expect(browser.status).toBe(201);
    const endpoint = String(at(browser.json, "subscription", "endpoint"));
    expect(endpoint.startsWith(vendors.baseUrls["web-push"])).toBe(true);
    expect(at(browser.json, "subscription", "keys", "auth")).toHaveLength(22);
    const app = await subscribe("fcm:siaga-simulated");
    expect(String(at(app.json, "subscription", "token"))).toContain(":APA91b");
    expect(at((await request(url)).json, "items")).toHaveLength(2);
    const id = String(browser.json["id"]);
    const removed = await request(`${vendors.url}/sandbox/push-addresses/${id}`, {
      method: "DELETE",
    });
    expect(removed.json).toEqual({ removed: true });
    const address = vendors.sandbox.world.pushAddresses.get(id);
    if (address === undefined) throw new Error("it is kept, as gone");
    expect((await pushTo(vendors, address, vapid, HELLO)).status).toBe(410);
    expect((await subscribe("nobody")).status).toBe(404);
    const nobody = await request(`${vendors.url}/sandbox/push-addresses/x`, { method: "DELETE" });
    expect(nobody.status).toBe(404);
  });
});
