import { describe, expect, it } from "vitest";

import { recordAct } from "../../db/acts.ts";
import { newId } from "../../db/new-id.ts";
import { insertNotification } from "../../db/notifications-insert.ts";
import { bodyHashOf } from "../../db/notification-ref.ts";
import { recordReceipt } from "../../db/receipts.ts";
import { checkRequest } from "../../db/requests.ts";
import { markStale } from "../../db/stale-plans.ts";
import { withTransaction } from "../../db/transaction.ts";
import { createHttpClient } from "../../providers/http.ts";
import { createProviders } from "../../providers/registry.ts";
import { planningContext } from "../../worker/planning-context.ts";
import {
  notificationWorkflowId,
  SWEEP_WORKFLOW,
  WORKFLOW_TASK_QUEUE,
} from "../../workflows/contract.ts";
import { OUTAGE_DATA, useStory, type Story } from "../support/story.ts";

const story = useStory();

/** Longer ago than whoever recorded something has for telling the run. */
const LONG_AGO_MS = 20_000;

/** What the schedule starts every ten seconds. */
async function sweep({ world }: Story): Promise<void> {
  await world.temporal.workflow.execute(SWEEP_WORKFLOW, {
    workflowId: `sweep-${newId("ntf", Date.now())}`,
    taskQueue: WORKFLOW_TASK_QUEUE,
  });
}

/** Accepts as the API does, and dies before it starts the run. */
async function acceptOnly({ world }: Story, policyId: string): Promise<string> {
  const http = createHttpClient();
  const now = Date.now() - LONG_AGO_MS;
  const request = {
    type: "outage",
    zone: "karawang",
    policyId,
    data: OUTAGE_DATA,
    recipients: { userIds: ["ext:T-1"] },
  };
  const context = planningContext({
    providers: createProviders(http.call),
    installationTimeZone: "Asia/Jakarta",
    portalUrl: null,
    now: () => now,
  });
  const check = await checkRequest(world.pool, request, { ...context, now });
  if (!check.ok) throw new Error("a request that every story makes is refused");
  const id = newId("ntf", now);
  await insertNotification(world.pool, {
    id,
    ref: id,
    workflowId: notificationWorkflowId("outage", id),
    sender: "test",
    apiKeyId: null,
    idempotencyKey: null,
    bodyHash: bodyHashOf(request),
    request: check.request,
    acceptedAt: now,
    vouchesForPhones: true,
  });
  http.close();
  return id;
}

describe("the sweep", () => {
  it("starts what was accepted and never started, once", async () => {
    const { world, policy, settled, told } = story();
    // The first of a cold world: a machine that is full of other tests may take a second to hand over.
    const id = await acceptOnly(story(), await policy({ steps: [{ windowSeconds: 3 }] }));
    await Promise.all([sweep(story()), sweep(story())]);
    expect(await settled(id)).toMatchObject({ outcome: "exhausted" });
    expect(told()).toEqual(["whatsapp_personal T-1"]);
    // It belongs to this story, whenever it was accepted.
    await world.pool.query("update notifications set accepted_at = now() where id = $1", [id]);
  });

  it("tells a run of an act whose signal was lost", async () => {
    const { world, policy, raise, settled, toldOf } = story();
    const policyId = await policy({ steps: [{ windowSeconds: 2 }] });
    const id = await raise({ policyId, recipients: { userIds: ["ext:T-1"] } });
    await toldOf("whatsapp_personal T-1");
    const actId = newId("act", Date.now());
    await recordAct(world.pool, {
      actId,
      notificationId: id,
      kind: "acknowledge",
      by: { kind: "system", userId: null, name: null },
      via: "system",
      note: null,
      params: {},
      now: Date.now(),
    });
    await world.pool.query(
      "update acts set created_at = created_at - interval '20 seconds' where id = $1",
      [actId],
    );
    await sweep(story());
    expect(await settled(id)).toMatchObject({ outcome: "acknowledged" });
    await toldOf("whatsapp_personal T-1", 2);
  });

  it("tells a run of a steering act whose signal was lost, and the run answers into the record", async () => {
    const { world, policy, raise, settled, told, toldOf } = story();
    const policyId = await policy({
      steps: [{ windowSeconds: 5 }, { channels: ["sms"], windowSeconds: 1 }],
    });
    const id = await raise({ policyId, recipients: { userIds: ["ext:T-1"] } });
    await toldOf("whatsapp_personal T-1");
    const actId = newId("act", Date.now());
    await recordAct(world.pool, {
      actId,
      notificationId: id,
      kind: "escalate",
      by: { kind: "system", userId: null, name: null },
      via: "system",
      note: null,
      params: {},
      now: Date.now(),
    });
    await world.pool.query(
      "update acts set created_at = created_at - interval '20 seconds' where id = $1",
      [actId],
    );
    const sweptAt = Date.now();
    await sweep(story());
    const sms = await toldOf("sms T-1");
    expect(sms.at - sweptAt).toBeLessThan(3_000);
    expect(await settled(id)).toMatchObject({ outcome: "exhausted" });
    expect(told()).toEqual(["whatsapp_personal T-1", "sms T-1"]);
    const { rows } = await world.pool.query("select applied from acts where id = $1", [actId]);
    expect(rows).toEqual([{ applied: true }]);
  });

  it("tells a run of a receipt whose signal was lost", async () => {
    const { world, policy, raise, settled, toldOf, deliveries, happened } = story();
    world.vendors.sandbox.faults.add({ kind: "receipts_dropped" });
    const policyId = await policy({
      settledBy: "delivered",
      steps: [{ windowSeconds: 5 }],
    });
    const id = await raise({ policyId, priority: "medium", recipients: { userIds: ["ext:T-1"] } });
    const seen = await toldOf("whatsapp_personal T-1");
    await happened(
      id,
      ({ kind, channel }) => kind === "delivery_accepted" && channel === "whatsapp_personal",
    );
    const [delivery] = (await deliveries(id)).filter(
      ({ channel }) => channel === "whatsapp_personal",
    );
    await recordReceipt(world.pool, {
      receiptId: newId("rcp", Date.now()),
      accountId: delivery?.accountId ?? "",
      eventKey: "lost",
      providerMessageId: seen.providerMessageId,
      alias: null,
      deliveryKey: null,
      status: "delivered",
      final: true,
      reason: null,
      error: null,
      reportedAt: Date.now(),
      receivedAt: Date.now() - LONG_AGO_MS,
    });
    const sweptAt = Date.now();
    await sweep(story());
    expect(await settled(id)).toMatchObject({ outcome: "delivered" });
    expect(Date.now() - sweptAt).toBeLessThan(3_000);
  });

  it("tells a run to plan again whose signal was lost", async () => {
    const { world, policy, raise, settled, told, happened, person } = story();
    const { id: userId } = await person("T-1");
    await world.pool.query(
      "insert into notification_settings (user_id, settings) values ($1, $2)",
      [userId, { quietHours: { enabled: true, from: "00:00", to: "23:59", timeZone: "UTC" } }],
    );
    const policyId = await policy({ quietHours: "hold", steps: [{ windowSeconds: 1 }] });
    const id = await raise({ policyId, priority: "high", recipients: { userIds: [userId] } });
    await happened(id, ({ kind }) => kind === "held");
    await withTransaction(world.pool, async (client) => {
      await client.query("update users set version = version + 1 where id = $1", [userId]);
      await client.query("delete from notification_settings where user_id = $1", [userId]);
      await markStale(client, [userId], new Date(Date.now() - LONG_AGO_MS));
    });
    await sweep(story());
    expect(await settled(id)).toMatchObject({ outcome: "exhausted" });
    expect(told()).toEqual(["whatsapp_personal T-1"]);
  });
});
