import { randomBytes } from "node:crypto";
import webPush from "web-push";
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { PUSH_SUBSCRIPTIONS_MAX, createOpenDestination } from "../../db/push-subscriptions.ts";
import { ROLES } from "../../domain/role.ts";
import { insertAccount, insertTarget, SECRET_KEY } from "../support/rows.ts";
import { objectAt, problemsOf, useApi } from "./harness.ts";

const api = useApi();
const PATH = "/v1/me/push-subscriptions";

const keys = webPush.generateVAPIDKeys();
let browserAccount: string;
let appAccount: string;
let person: { readonly id: string; readonly key: string };

beforeAll(async () => {
  browserAccount = await insertAccount(api().pool, {
    provider: "web-push",
    channel: "push",
    sender: "mailto:siaga@example.id",
    credentials: { publicKey: keys.publicKey, privateKey: keys.privateKey },
  });
  appAccount = await insertAccount(api().pool, {
    provider: "fcm",
    channel: "push",
    sender: "siaga-app",
  });
});

beforeEach(async () => {
  person = await api().person("technician", ["karawang"]);
});

/** What a browser's `PushSubscription.toJSON()` gives. */
function browser(
  endpoint = `https://fcm.googleapis.com/fcm/send/${randomBytes(8).toString("hex")}`,
) {
  return {
    endpoint,
    expirationTime: null,
    keys: {
      p256dh: Buffer.concat([Buffer.of(4), randomBytes(64)]).toString("base64url"),
      auth: randomBytes(16).toString("base64url"),
    },
  };
}

const add = (body: unknown, key = person.key) => api().request("POST", PATH, { key, body });
const list = (key = person.key) => api().request("GET", PATH, { key });

describe("/v1/me/push-subscriptions", () => {
  it("gives a browser the key that it subscribes with, takes its subscription, lists and forgets it", async () => {
    const before = await list();
    expect(before.status, before.text).toBe(200);
    expect(before.body).toEqual({
      items: [],
      nextCursor: null,
      accounts: [
        { id: browserAccount, provider: "web-push", applicationServerKey: keys.publicKey },
        { id: appAccount, provider: "fcm", applicationServerKey: null },
      ],
    });

    const added = await add({ ...browser(), deviceName: "Chrome di Android" });
    expect(added.status, added.text).toBe(201);
    expect(added.body).toMatchObject({
      accountId: browserAccount,
      provider: "web-push",
      deviceName: "Chrome di Android",
      lastUsedAt: null,
    });
    expect((await list()).body["items"]).toEqual([added.body]);

    const path = `${PATH}/${String(added.body["id"])}`;
    expect((await api().request("DELETE", path, { key: person.key })).status).toBe(204);
    expect((await list()).body["items"]).toEqual([]);
    expect((await api().request("DELETE", path, { key: person.key })).status).toBe(404);
  });

  it("takes the token of an app", async () => {
    const added = await add({ token: "a-registration-token" });
    expect(added.body).toMatchObject({ accountId: appAccount, provider: "fcm" });
  });

  it("knows a browser again, with its newer keys, and gives it to whoever signs in there", async () => {
    const subscription = browser();
    const first = await add({ ...subscription, deviceName: "Firefox" });
    const again = await add({ ...browser(subscription.endpoint) });
    expect(again.body).toEqual(first.body);
    const other = await api().person("technician");
    const moved = await add(subscription, other.key);
    expect(moved.body["id"]).toBe(first.body["id"]);
    expect((await list()).body["items"]).toEqual([]);
    const { rows } = await api().pool.query<{ sealed: Buffer }>(
      "select destination_encrypted as sealed from push_subscriptions where id = $1",
      [moved.body["id"]],
    );
    const open = createOpenDestination({ secretKey: SECRET_KEY });
    expect(open(String(moved.body["id"]), rows[0]?.sealed ?? Buffer.of())).toEqual({
      kind: "push_subscription",
      endpoint: subscription.endpoint,
      ...subscription.keys,
    });
  });

  it("keeps the devices used last when somebody has too many", async () => {
    const first = await add(browser());
    for (let count = 0; count < PUSH_SUBSCRIPTIONS_MAX; count += 1) await add(browser());
    const { items } = (await list()).body;
    expect(items).toHaveLength(PUSH_SUBSCRIPTIONS_MAX);
    expect(JSON.stringify(items)).not.toContain(first.body["id"]);
  });

  it("never shows, stores in the clear or logs where a device is reached", async () => {
    const secret = `https://fcm.googleapis.com/fcm/send/${randomBytes(12).toString("hex")}`;
    const added = await add(browser(secret));
    const { rows } = await api().pool.query<{ text: string }>(
      "select p::text || a.entries as text from push_subscriptions p, (select string_agg(l::text, ' ') as entries from audit_log l) a",
    );
    const seen = [
      added.text,
      (await list()).text,
      ...rows.map(({ text }) => text),
      ...api().logged,
    ];
    for (const text of seen) {
      expect(text).not.toContain(secret);
      expect(text).not.toContain(Buffer.from(secret).toString("hex"));
    }
  });

  it.each([
    [{}, "endpoint: invalid", "neither a browser nor an app"],
    [{ ...browser(), token: "t" }, "endpoint: invalid", "both"],
    [{ endpoint: browser().endpoint }, "keys: invalid", "a browser without keys"],
    [
      { ...browser(), keys: { p256dh: "AAAA", auth: "AAAA" } },
      "keys.p256dh: invalid",
      "short keys",
    ],
    [browser("http://fcm.googleapis.com/x"), "endpoint: not_a_push_service", "not encrypted"],
    [
      browser("https://169.254.169.254/latest"),
      "endpoint: not_a_push_service",
      "an address of ours",
    ],
    [
      browser("https://fcm.googleapis.com.example.com/x"),
      "endpoint: not_a_push_service",
      "a look-alike",
    ],
    [
      { ...browser(), accountId: "acc_01jd0000000000000000000000" },
      "accountId: unknown",
      "no such account",
    ],
  ])("refuses %j with %s: %s", async (body, expected, reason) => {
    const answer = await add(body);
    expect(answer.status, reason).toBe(422);
    expect(problemsOf(answer).join(" "), reason).toContain(expected.split(":")[0]);
    if (!expected.endsWith("invalid")) expect(problemsOf(answer), reason).toContain(expected);
    expect((await list()).body["items"]).toEqual([]);
  });

  it("plans open runs anew for a first device, and makes push possible", async () => {
    const notificationId = await api().accept();
    await insertTarget(api().pool, notificationId, { target: person.id });
    const effect = async () =>
      (
        await api().request(
          "GET",
          `/v1/users/${person.id}/effective-settings?type=outage&priority=critical`,
        )
      ).text;
    expect(await effect()).toContain("no_subscription");
    await add(browser());
    await api().background.idle();
    expect(
      api().temporal.signals.filter(({ workflowId }) => workflowId.endsWith(notificationId)),
    ).toEqual([
      expect.objectContaining({
        fact: { kind: "replan", reason: "push_subscriptions_changed" },
      }),
    ]);
    expect(await effect()).not.toContain("no_subscription");
  });

  it("keeps another's devices closed", async () => {
    const added = await add(browser());
    const other = await api().person("admin");
    const path = `${PATH}/${String(added.body["id"])}`;
    expect((await api().request("DELETE", path, { key: other.key })).status).toBe(404);
    expect((await list(other.key)).body["items"]).toEqual([]);
    expect(objectAt((await list()).body, "items", 0, "id")).toBe(added.body["id"]);
  });

  it.each(ROLES.map((role) => ({ role, status: role === "customer" ? 403 : 201 })))(
    "invariant 38: $role may subscribe: $status",
    async ({ role, status }) => {
      const { key } = await api().person(role);
      expect((await add(browser(), key)).status).toBe(status);
      expect((await list(key)).status).toBe(status === 201 ? 200 : 403);
    },
  );

  it("is nobody's with a system's key, and closed without one", async () => {
    for (const method of ["GET", "POST"]) {
      const body = method === "POST" ? { body: browser() } : {};
      expect((await api().request(method, PATH, body)).status).toBe(403);
      expect((await api().request(method, PATH, { ...body, key: null })).status).toBe(401);
    }
  });
});
