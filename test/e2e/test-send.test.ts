import { describe, expect, it } from "vitest";

import { DEVICES, useStory } from "../support/story.ts";

const story = useStory();

async function accountId(name: string): Promise<string> {
  const { rows } = await story().world.pool.query<{ id: string }>(
    "select id from provider_accounts where name = $1",
    [name],
  );
  const [row] = rows;
  if (row === undefined) throw new Error(`no account ${name}`);
  return row.id;
}

async function testAccount(name: string, to: object): Promise<Record<string, unknown>> {
  const id = await accountId(name);
  const { body, status } = await story().world.call(
    "POST",
    `/v1/provider-accounts/${id}/test-send`,
    { to, waitSeconds: 10 },
  );
  expect(status, JSON.stringify(body)).toBe(200);
  return body;
}

describe("invariant 33: a test send", () => {
  it("over an account says delivered when the phone has it, and the record says the same", async () => {
    const { person, deliveries, settled } = story();
    const { phone } = await person("T-1");
    const said = await testAccount("Fonnte cadangan", { phone });
    expect(said).toMatchObject({ verdict: "delivered", status: "delivered", error: null });
    expect(said["accountId"]).toBe(await accountId("Fonnte cadangan"));
    const id = String(said["notificationId"]);
    await settled(id);
    expect(await deliveries(id)).toMatchObject([
      { id: said["deliveryId"], status: "delivered", accountId: said["accountId"] },
    ]);
  });

  it("to a group says sent, because its vendor tells no more, and at once", async () => {
    story().world.vendors.sandbox.faults.add({
      kind: "receipts_dropped",
      vendor: "fonnte",
      statuses: ["delivered", "read"],
    });
    const groupId = await story().groupId("G-NOC");
    const { body } = await story().world.call("POST", `/v1/groups/${groupId}/test-send`, {});
    expect(body).toMatchObject({ verdict: "sent", channel: "whatsapp_group" });
    await story().settled(String(body["notificationId"]));
  });

  it("says failed with the vendor's reason, and queued while its device is offline", async () => {
    const { world, person, settled } = story();
    const { phone } = await person("T-1");
    world.vendors.sandbox.faults.add({ kind: "unauthorized", vendor: "fonnte", count: 1 });
    const refused = await testAccount("Fonnte utama", { phone });
    expect(refused).toMatchObject({
      verdict: "failed",
      error: { kind: "unauthorized", scope: "account" },
    });
    await settled(String(refused["notificationId"]));

    world.vendors.sandbox.faults.add({
      kind: "lost",
      vendor: "fonnte",
      account: DEVICES.primary,
      count: 1,
    });
    const id = await accountId("Fonnte utama");
    const { body } = await world.call("POST", `/v1/provider-accounts/${id}/test-send`, {
      to: { phone },
      waitSeconds: 1,
    });
    expect(body).toMatchObject({ verdict: "queued", status: "accepted" });
    await world.call("POST", `/v1/notifications/${String(body["notificationId"])}/cancel`, {});
    await settled(String(body["notificationId"]));
  });

  it("tries an account that is out, which no other message does", async () => {
    const { world, person, settled } = story();
    const { phone } = await person("T-1");
    const id = await accountId("Fonnte utama");
    await world.pool.query(
      "update provider_accounts set health_state = 'out', health_reason = 'failing' where id = $1",
      [id],
    );
    const said = await testAccount("Fonnte utama", { phone });
    expect(said).toMatchObject({ verdict: "delivered" });
    await settled(String(said["notificationId"]));
    const health = await world.call("GET", `/v1/provider-accounts/${id}/health`);
    expect(health.body).toMatchObject({ state: "healthy" });
  });

  it("names what is wrong with its target", async () => {
    const { world } = story();
    const id = await accountId("Fonnte utama");
    for (const to of [{}, { phone: "+6281234000001", userId: "ext:T-1" }]) {
      const { status } = await world.call("POST", `/v1/provider-accounts/${id}/test-send`, { to });
      expect(status).toBe(422);
    }
    const group = await world.call("POST", `/v1/provider-accounts/${id}/test-send`, {
      to: { groupId: "ext:G-NOC" },
    });
    expect(group).toMatchObject({ status: 422, body: { errors: [{ code: "unsupported" }] } });
  });
});
