import { describe, expect, it } from "vitest";
import { newId } from "../../db/new-id.ts";
import { insertAccount, insertTarget } from "../support/rows.ts";
import { objectAt, useApi } from "./harness.ts";

const api = useApi();
const PHONE = "+6281234000021";

describe("GET /v1/notifications/{id}/timeline", () => {
  it("begins with the acceptance and goes on in order, in pages that fit together", async () => {
    const id = await api().accept();
    for (const [index, kind] of ["planned", "step_started", "delivery_attempted"].entries()) {
      await api().pool.query(
        `insert into notification_events (notification_id, entry_key, at, kind, pass, step, target, channel, account_id, reason, detail)
         values ($1, $2, now() + make_interval(secs => $3), $4, 1, 1, 'usr_a', 'sms', 'acc_a', 'step', '{"attempt": 1}')`,
        [id, `r${index}`, index, kind],
      );
    }
    const whole = await api().request("GET", `/v1/notifications/${id}/timeline`);
    expect(whole.status, whole.text).toBe(200);
    expect(kindsOf(whole.body)).toEqual([
      "accepted",
      "planned",
      "step_started",
      "delivery_attempted",
    ]);
    expect(objectAt(whole.body, "items", 3)).toEqual({
      at: objectAt(whole.body, "items", 3, "at"),
      kind: "delivery_attempted",
      pass: 1,
      step: 1,
      target: "usr_a",
      channel: "sms",
      accountId: "acc_a",
      deliveryId: null,
      reason: "step",
      detail: { attempt: 1 },
    });
    const first = await api().request("GET", `/v1/notifications/${id}/timeline?limit=3`);
    const cursor = String(first.body["nextCursor"]);
    const rest = await api().request(
      "GET",
      `/v1/notifications/${id}/timeline?limit=3&cursor=${cursor}`,
    );
    expect([...kindsOf(first.body), ...kindsOf(rest.body)]).toEqual(kindsOf(whole.body));
    expect(rest.body["nextCursor"]).toBeNull();
  });
});

describe("GET /v1/notifications/{id}/deliveries", () => {
  async function withDelivery(): Promise<{
    readonly id: string;
    readonly technician: { readonly id: string; readonly key: string };
    readonly colleague: { readonly id: string; readonly key: string };
  }> {
    const id = await api().accept({ zone: "karawang" });
    const [technician, colleague] = [
      await api().person("technician"),
      await api().person("technician"),
    ];
    for (const { id: target } of [technician, colleague]) {
      await insertTarget(api().pool, id, { target });
    }
    const messageId = newId("msg", Date.now());
    await api().pool.query(
      `insert into messages (id, account_id, provider, channel, device_key, address, body, provider_message_id, provider_response, status)
       values ($1, 'acc_a', 'fonnte', 'whatsapp_personal', 'dev', $2, 'Isi pesan', $1, '{"target": "6281234000021"}', 'accepted')`,
      [messageId, PHONE],
    );
    await api().pool.query(
      `insert into deliveries (id, notification_id, pass, step, target, user_id, channel, attempt, hand_over, account_id, provider, message_id, address, status)
       values ($1, $2, 1, 1, $3, $3, 'whatsapp_personal', 1, 0, 'acc_a', 'fonnte', $4, $5, 'accepted')`,
      [newId("dlv", Date.now()), id, technician.id, messageId, PHONE],
    );
    return { id, technician, colleague };
  }

  it("shows everything to an administrator", async () => {
    const { id, technician } = await withDelivery();
    const answer = await api().request("GET", `/v1/notifications/${id}/deliveries`);
    expect(answer.status, answer.text).toBe(200);
    expect(objectAt(answer.body, "items", 0)).toMatchObject({
      notificationId: id,
      purpose: "ladder",
      pass: 1,
      step: 1,
      attempt: 1,
      handOver: 0,
      channel: "whatsapp_personal",
      accountId: "acc_a",
      provider: "fonnte",
      userId: technician.id,
      groupId: null,
      address: PHONE,
      message: "Isi pesan",
      status: "accepted",
      providerResponse: { target: "6281234000021" },
      error: null,
    });
  });

  it.each([
    { who: "manager", message: true, why: "may read the text" },
    { who: "noc", message: true, why: "may read the text" },
    { who: "supervisor", message: true, why: "own zone" },
    { who: "technician", message: true, why: "it was told this person" },
    { who: "colleague", message: false, why: "it was told somebody else" },
    { who: "reading key", message: false, why: "no scope for messages" },
  ] as const)(
    "masks the address for a $who and shows the text: $message, $why",
    async ({ who, message }) => {
      const { id, technician, colleague } = await withDelivery();
      const keys = {
        manager: async () => (await api().person("manager")).key,
        noc: async () => (await api().person("noc")).key,
        supervisor: async () => (await api().person("supervisor", ["karawang"])).key,
        technician: async () => technician.key,
        colleague: async () => colleague.key,
        "reading key": async () => api().systemKey("notifications:read"),
      };
      const answer = await api().request("GET", `/v1/notifications/${id}/deliveries`, {
        key: await keys[who](),
      });
      expect(objectAt(answer.body, "items", 0, "address")).toBe("+62•••021");
      expect(objectAt(answer.body, "items", 0, "message")).toBe(message ? "Isi pesan" : null);
      expect(answer.text).not.toContain("81234000021");
    },
  );

  describe("of a push", () => {
    const ENDPOINT = "https://push.siaga.example/messages/one";

    async function withPush(): Promise<string> {
      const id = await api().accept({ zone: "karawang" });
      const person = await api().person("technician");
      await insertTarget(api().pool, id, { target: person.id });
      const accountId = await insertAccount(api().pool, { provider: "web-push", channel: "push" });
      const deliveryId = newId("dlv", Date.now());
      const copies = [
        { device: "Laptop", status: "failed", reason: "subscription_gone", gone: true },
        { device: "Ponsel", status: "accepted", reason: null, gone: false },
      ].map((copy) => ({
        ...copy,
        messageId: newId("msg", Date.now()),
        subscriptionId: newId("psh", Date.now()),
      }));
      for (const { device, status, gone, messageId, subscriptionId } of copies) {
        await api().pool.query(
          `insert into push_subscriptions (id, user_id, account_id, destination_encrypted, destination_hash, device_name, expired_at)
           values ($1, $2, $3, $4, $5, $6, $7)`,
          [
            subscriptionId,
            person.id,
            accountId,
            gone ? null : Buffer.from("sealed"),
            Buffer.from(subscriptionId),
            device,
            gone ? new Date() : null,
          ],
        );
        await api().pool.query(
          `insert into messages (id, account_id, provider, channel, device_key, address, body, provider_message_id, status, accepted_at, failed_at)
           values ($1, $2, 'web-push', 'push', 'dev', $3, 'Isi pesan', $4, $5, case when $5 = 'accepted' then now() end,
             case when $5 = 'failed' then now() end)`,
          [messageId, accountId, subscriptionId, gone ? null : `${ENDPOINT}/${messageId}`, status],
        );
      }
      await api().pool.query(
        `insert into deliveries (id, notification_id, pass, step, target, user_id, channel, attempt, hand_over, account_id, provider, message_id, address, status)
         values ($1, $2, 1, 1, $3, $3, 'push', 1, 0, $4, 'web-push', $5, $6, 'accepted')`,
        [deliveryId, id, person.id, accountId, copies[1]?.messageId, copies[1]?.subscriptionId],
      );
      for (const { messageId, subscriptionId, reason } of copies) {
        await api().pool.query(
          "insert into push_copies (delivery_id, subscription_id, message_id, reason, error) values ($1, $2, $3, $4, $5)",
          [
            deliveryId,
            subscriptionId,
            messageId,
            reason,
            reason && { kind: "rejected", scope: "recipient", message: "gone" },
          ],
        );
      }
      return id;
    }

    it("says of each device whether its service took the message, the one that speaks for the delivery first", async () => {
      const id = await withPush();
      const { key } = await api().person("noc");
      const answer = await api().request("GET", `/v1/notifications/${id}/deliveries`, { key });
      expect(objectAt(answer.body, "items", 0)).toMatchObject({
        status: "accepted",
        address: "•••",
        devices: [
          { name: "Ponsel", isSubscribed: true, status: "accepted", reason: null, error: null },
          {
            name: "Laptop",
            isSubscribed: false,
            status: "failed",
            reason: "subscription_gone",
            error: { kind: "rejected", scope: "recipient" },
            acceptedAt: null,
          },
        ],
      });
      expect(objectAt(answer.body, "items", 0, "devices", 0, "acceptedAt")).toMatch(
        /^\d{4}-\d\d-\d\dT[\d:]+\.\d{3}Z$/,
      );
      expect(answer.text, "where a device is reached").not.toContain(ENDPOINT);
    });

    it("names no device to a reader without the right to messages", async () => {
      const id = await withPush();
      const key = await api().systemKey("notifications:read");
      const answer = await api().request("GET", `/v1/notifications/${id}/deliveries`, { key });
      expect(objectAt(answer.body, "items", 0, "devices", 1)).toMatchObject({
        name: null,
        status: "failed",
      });
      expect(answer.text).not.toContain("Ponsel");
    });

    it("is the only delivery that has devices", async () => {
      const { id } = await withDelivery();
      const answer = await api().request("GET", `/v1/notifications/${id}/deliveries`);
      expect(objectAt(answer.body, "items", 0, "devices")).toBeNull();
    });
  });

  it("shows text and address to a key with the scope for messages", async () => {
    const { id } = await withDelivery();
    const key = await api().systemKey("notifications:read", "messages:read");
    const answer = await api().request("GET", `/v1/notifications/${id}/deliveries`, { key });
    expect(objectAt(answer.body, "items", 0)).toMatchObject({
      address: PHONE,
      message: "Isi pesan",
    });
  });

  it("lists the newest first, in pages that fit together", async () => {
    const id = await api().accept();
    const made: string[] = [];
    for (let attempt = 1; attempt <= 5; attempt += 1) {
      const deliveryId = newId("dlv", Date.now());
      made.push(deliveryId);
      await api().pool.query(
        `insert into deliveries (id, notification_id, pass, step, target, channel, attempt, hand_over, status)
         values ($1, $2, 1, 1, 'usr_a', 'sms', $3, 0, 'intended')`,
        [deliveryId, id, attempt],
      );
    }
    const path = `/v1/notifications/${id}/deliveries?limit=3`;
    const first = await api().request("GET", path);
    const rest = await api().request("GET", `${path}&cursor=${String(first.body["nextCursor"])}`);
    expect([...idsOf(first.body), ...idsOf(rest.body)]).toEqual(made.toReversed());
  });
});

function kindsOf(body: Readonly<Record<string, unknown>>): unknown[] {
  const { items } = body;
  return Array.isArray(items) ? items.map((item: unknown) => objectAt(item, "kind")) : [];
}

function idsOf(body: Readonly<Record<string, unknown>>): unknown[] {
  const { items } = body;
  return Array.isArray(items) ? items.map((item: unknown) => objectAt(item, "id")) : [];
}
