import { expect, it } from "vitest";

import { sumRupiah } from "../../domain/price.ts";
import { DEVICES, useStory } from "../support/story.ts";

const story = useStory();

it("what a notification cost is what each vendor billed: a failed-over copy, parts of an SMS, minutes of a call", async () => {
  const { world, policy, raise, person, settled, deliveries, get, told } = story();
  const { sandbox } = world.vendors;
  const technician = await person("T-1");
  // The first device keeps everything; the person takes the call and says nothing.
  sandbox.faults.add({ kind: "offline_queue", account: DEVICES.primary });
  await world.pool.query("update provider_accounts set receipt_deadline_seconds = 1");
  sandbox.phones.configure(technician.phone, { calls: { kind: "answer", keys: "" } });
  const policyId = await policy(
    {
      steps: [
        { channels: ["whatsapp_personal"], windowSeconds: 3 },
        { channels: ["sms"], windowSeconds: 1 },
        { channels: ["call"], windowSeconds: 6 },
      ],
    },
    "high",
  );
  const today = new Intl.DateTimeFormat("en-CA", { timeZone: "Asia/Jakarta" });
  const from = today.format();
  const id = await raise({ policyId, recipients: { userIds: [technician.id] } });
  expect(await settled(id)).toMatchObject({ outcome: "exhausted" });
  await sandbox.idle();

  expect(told()).toEqual(["whatsapp_personal T-1", "whatsapp_personal T-1", "sms T-1", "call T-1"]);
  const { rows } = await world.pool.query<{
    channel: string;
    segments: number | null;
    seconds: number | null;
  }>(
    `select m.channel, m.segments, m.call_seconds as seconds from messages m join deliveries d on d.message_id = m.id
     where d.notification_id = $1 order by m.created_at`,
    [id],
  );
  const segments = rows.find(({ channel }) => channel === "sms")?.segments ?? 0;
  const seconds = rows.find(({ channel }) => channel === "call")?.seconds ?? 0;
  expect(segments).toBeGreaterThan(0);
  expect(seconds, "the person was on the line").toBeGreaterThan(0);

  const lines = await deliveries(id);
  const costs = Object.fromEntries(
    lines.map((line) => [`${line.channel} ${line.handOver}`, line.cost]),
  );
  expect(costs).toEqual({
    "in_app 0": 0,
    "whatsapp_personal 0": 200,
    "whatsapp_personal 1": 0,
    // Never sent.
    "whatsapp_personal 2": null,
    "sms 0": 500 * segments,
    "call 0": 1_000 * Math.ceil(seconds / 60),
  });
  const whole = await get(id);
  const cost = sumRupiah(lines.map((line) => line.cost ?? 0));
  expect(whole["cost"]).toBe(cost);
  expect(whole["plan"]).toMatchObject({ cost: expect.any(Number) as unknown });

  const { body } = await world.call("GET", `/v1/costs?from=${from}&to=${today.format()}&by=type`);
  const items = body["items"] as readonly { readonly type: string; readonly cost: number }[];
  expect(items.find(({ type }) => type === whole["type"])?.cost).toBe(cost);
});
