import { expect, it } from "vitest";

import { newId } from "../../db/new-id.ts";
import { SWEEP_WORKFLOW, WORKFLOW_TASK_QUEUE } from "../../workflows/contract.ts";
import type { HandsetMessage } from "../../providers/simulated/phones.ts";
import { useStory } from "../support/story.ts";

/** Somebody wants no more of something, on the phone, and what becomes of the alerts of that kind. */
const story = useStory();

const WHATSAPP_THEN_SMS = [
  { channels: ["whatsapp_personal"], windowSeconds: 1 },
  { channels: ["sms"], windowSeconds: 1 },
] as const;

async function raise(person: string, fields: Readonly<Record<string, unknown>> = {}) {
  const policyId = await story().policy({ steps: WHATSAPP_THEN_SMS, settledBy: "sent" }, "high");
  return story().raise({
    policyId,
    priority: "high",
    recipients: { userIds: [`ext:${person}`] },
    ...fields,
  });
}

function shown(phone: string, fits: (text: string) => boolean): Promise<HandsetMessage> {
  return story().world.vendors.sandbox.phones.waitForMessage(
    phone,
    ({ direction, text }) => direction === "received" && fits(text),
    20_000,
  );
}

async function sweep(): Promise<void> {
  await story().world.temporal.workflow.execute(SWEEP_WORKFLOW, {
    workflowId: `sweep-${newId("ntf", Date.now())}`,
    taskQueue: WORKFLOW_TASK_QUEUE,
  });
}

async function notices(): Promise<readonly { readonly id: string; readonly notice: string }[]> {
  const { rows } = await story().world.pool.query<{ id: string; notice: string }>(
    "select id, data ->> 'notice' as notice from notifications where ref like 'opt-out-%' order by id",
  );
  return rows;
}

/** By what vendors carried; the inbox has its row all the same. */
async function ladderOf(id: string): Promise<readonly string[]> {
  const deliveries = await story().deliveries(id);
  return deliveries.map(({ channel }) => channel).filter((channel) => channel !== "in_app");
}

async function optOuts(userId: string): Promise<readonly object[]> {
  const { rows } = await story().world.pool.query<Record<string, unknown>>(
    "select message_class, channel, delivery_id is not null as by_vendor from opt_outs where user_id = $1 and ended_at is null order by since",
    [userId],
  );
  return rows;
}

it("a technician's STOP ends alerts of that class on WhatsApp and not by SMS, and the operators hear of it once", async () => {
  const { person, settled, happened, get } = story();
  const { id: userId, phone } = await person("T-1");
  const first = await raise("T-1");
  const { accountId: account } = await shown(phone, (text) => text.includes("POP Klari"));
  await settled(first);
  await story().world.vendors.sandbox.people.reply(phone, { text: "STOP", account });
  await shown(phone, (text) => text.includes("Balas MULAI"));
  expect(await optOuts(userId)).toEqual([
    { message_class: "urgent", channel: "whatsapp_personal", by_vendor: false },
  ]);

  const second = await raise("T-1");
  await settled(second);
  await happened(second, ({ channel, kind }) => channel === "sms" && kind === "delivery_accepted");
  expect(await ladderOf(second)).toEqual(["sms"]);
  const { plan } = (await get(second)) as {
    readonly plan: { readonly steps: readonly { readonly skipped: readonly unknown[] }[] };
  };
  expect(plan.steps[0]?.skipped).toMatchObject([
    { userId, channel: "whatsapp_personal", reason: "opted_out" },
  ]);

  await sweep();
  await sweep();
  const raised = await notices();
  expect(raised).toHaveLength(1);
  expect(raised[0]?.notice).toContain("urgent");
  await story().act(String(raised[0]?.id), "acknowledge");
  await settled(String(raised[0]?.id));

  await story().world.vendors.sandbox.people.reply(phone, { text: "MULAI", account });
  await shown(phone, (text) => text.startsWith("Anda akan menerima pesan ini kembali"));
  const third = await raise("T-1");
  await settled(third);
  expect(await ladderOf(third)).toEqual(["whatsapp_personal"]);
});

it("a vendor that refuses because the person told it to stop withdraws consent here too", async () => {
  const { person, settled } = story();
  const { id: userId, phone } = await person("C-1");
  const policyId = await story().policy(
    { steps: [{ channels: ["sms"], windowSeconds: 1 }], settledBy: "sent" },
    "medium",
  );
  const send = (type: string) =>
    story().raise({
      type,
      policyId,
      priority: "medium",
      recipients: { userIds: ["ext:C-1"] },
      data: DATA,
    });
  const first = await send("maintenance");
  // A rule tells such things by WhatsApp too.
  const { accountId: account } = await story().world.vendors.sandbox.phones.waitForMessage(
    phone,
    ({ direction, medium }) => direction === "received" && medium === "sms",
    20_000,
  );
  await settled(first);
  await story().world.vendors.sandbox.people.reply(phone, { text: "STOP", account });
  await expect.poll(() => optOuts(userId)).toHaveLength(1);
  const second = await send("service_update");
  expect(await settled(second)).toMatchObject({ outcome: "undeliverable" });
  expect(await optOuts(userId)).toMatchObject([
    { message_class: "type:maintenance", channel: "sms", by_vendor: false },
    { message_class: "type:service_update", channel: "sms", by_vendor: true },
  ]);
  const third = await send("service_update");
  expect(await settled(third)).toMatchObject({ outcome: "suppressed", reason: "opted_out" });
});

const DATA = {
  customer_name: "Contoh",
  location: "POP Klari",
  description: "Perbaikan",
  title: "Info",
  message: "Info layanan",
  start_time: "10:00",
  end_time: "12:00",
  date: "1 Desember",
} as const;

it("a vendor's report of an opt-out that comes before the send call has returned withdraws consent, too", async () => {
  const { person, settled, policy, raise: raiseStory, world } = story();
  const { id: userId } = await person("C-2");
  const { faults } = world.vendors.sandbox;
  faults.add({ kind: "early_receipt" });
  faults.add({ kind: "fails_later", code: 21610 });
  const policyId = await policy(
    { steps: [{ channels: ["sms"], windowSeconds: 1 }], settledBy: "sent" },
    "medium",
  );
  const send = () =>
    raiseStory({
      type: "service_update",
      policyId,
      priority: "medium",
      recipients: { userIds: ["ext:C-2"] },
      data: DATA,
    });
  const first = await send();
  await settled(first);
  const deliveries = await story().deliveries(first);
  expect(deliveries.find(({ channel }) => channel === "sms")).toMatchObject({
    status: "failed",
    error: { kind: "opted_out", scope: "recipient" },
  });
  await expect
    .poll(() => optOuts(userId))
    .toMatchObject([{ message_class: "type:service_update", channel: "sms", by_vendor: true }]);
  expect(await settled(await send())).toMatchObject({
    outcome: "suppressed",
    reason: "opted_out",
  });
});
