import { beforeEach, describe, expect, it } from "vitest";

import { newId } from "../../db/new-id.ts";
import { SWEEP_WORKFLOW, WORKFLOW_TASK_QUEUE } from "../../workflows/contract.ts";
import { DEVICES, useStory } from "../support/story.ts";

const story = useStory();

const WHATSAPP = [{ channels: ["whatsapp_personal"], windowSeconds: 4 }] as const;

interface Health {
  readonly name: string;
  readonly state: string;
  readonly reason: string | null;
}

/** What the schedule starts every ten seconds. */
async function sweep(): Promise<void> {
  await story().world.temporal.workflow.execute(SWEEP_WORKFLOW, {
    workflowId: `sweep-${newId("ntf", Date.now())}`,
    taskQueue: WORKFLOW_TASK_QUEUE,
  });
}

async function health(): Promise<readonly Health[]> {
  const { rows } = await story().world.pool.query<Health>(
    `select name, health_state as state, health_reason as reason from provider_accounts
     where device_key like 'fonnte:%' and channel = 'whatsapp_personal' order by position`,
  );
  return rows;
}

async function primaryIs(state: string): Promise<void> {
  await expect.poll(async () => (await health())[0]?.state, { timeout: 10_000 }).toBe(state);
}

/** One message to one technician, to its end. */
async function send(priority: "critical" | "medium", person = "T-1"): Promise<string> {
  const { policy, raise, settled } = story();
  const policyId = await policy({ settledBy: "sent", steps: WHATSAPP }, priority);
  const id = await raise({ policyId, priority, recipients: { userIds: [`ext:${person}`] } });
  await settled(id);
  return id;
}

/** Which numbers were asked, in order. */
function asked(): readonly (string | null)[] {
  return story()
    .requests()
    .map(({ accountId }) => accountId);
}

/** The distance to the next try is over. */
async function itIsTime(): Promise<void> {
  await story().world.pool.query(
    "update provider_accounts set next_try_at = now(), probed_at = now() where next_try_at is not null",
  );
}

beforeEach(async () => {
  await story().world.pool.query("update provider_accounts set noticed_at = 'infinity'");
});

describe("an account whose credentials are refused", () => {
  it("invariant 27: is taken out, is asked by no message while another is well, and comes back by one message that tries it", async () => {
    const { world } = story();
    const fault = world.vendors.sandbox.faults.add({
      kind: "unauthorized",
      vendor: "fonnte",
      account: DEVICES.primary,
    });
    await send("medium");
    expect(await health()).toMatchObject([{ state: "healthy" }, { state: "healthy" }]);
    await send("medium");
    expect(await health()).toMatchObject([
      { state: "out", reason: "unauthorized" },
      { state: "healthy" },
    ]);
    expect(asked()).toEqual([DEVICES.primary, DEVICES.second, DEVICES.primary, DEVICES.second]);

    await send("critical");
    await send("medium");
    expect(asked().slice(4)).toEqual([DEVICES.second, DEVICES.second]);

    world.vendors.sandbox.faults.remove(fault.id);
    await itIsTime();
    await sweep();
    await primaryIs("probing");
    await send("critical");
    expect(asked().slice(6), "a critical message is no test").toEqual([DEVICES.second]);
    await send("medium");
    expect(asked().slice(7)).toEqual([DEVICES.primary]);
    expect(await health()).toMatchObject([
      { state: "healthy", reason: null },
      { state: "healthy" },
    ]);
  });

  it("is told to the operators once, by other accounts", async () => {
    const { world, settled, leaveOpen } = story();
    world.vendors.sandbox.faults.add({
      kind: "unauthorized",
      vendor: "fonnte",
      account: DEVICES.primary,
    });
    await send("medium");
    await send("medium");
    await world.pool.query("update provider_accounts set noticed_at = null");
    await sweep();
    await sweep();
    const { rows } = await world.pool.query<{ id: string; notice: string }>(
      "select id, data ->> 'notice' as notice from notifications where type = 'operator_notice' and settled_at is null",
    );
    const [notice, ...others] = rows;
    if (notice === undefined) throw new Error("no notice");
    expect(others).toEqual([]);
    expect(notice.notice).toContain("Fonnte utama");
    expect(JSON.parse(notice.notice)).toMatchObject({
      kind: "account_out",
      outage: "unauthorized",
    });
    await story().toldOf("whatsapp_personal T-1", 2);
    await expect
      .poll(async () => (await story().deliveries(notice.id)).length, { timeout: 10_000 })
      .toBeGreaterThan(0);
    await world.call("POST", `/v1/notifications/${notice.id}/acknowledge`, {});
    await settled(notice.id);
    const { rows: ill } = await world.pool.query<{ id: string }>(
      "select id from provider_accounts where name like 'Fonnte utama%'",
    );
    const used = (await story().deliveries(notice.id)).map(({ accountId }) => accountId);
    expect(used.filter((id) => ill.some((account) => account.id === id))).toEqual([]);
    leaveOpen(notice.id);
  });
});

describe("an account that accepts and sends nothing", () => {
  it("is found by its silence, and by a message that leaves it is found well again", async () => {
    const { world } = story();
    await world.pool.query(
      "update provider_accounts set receipt_deadline_seconds = 1 where provider = 'fonnte'",
    );
    const fault = world.vendors.sandbox.faults.add({
      kind: "lost",
      vendor: "fonnte",
      account: DEVICES.primary,
    });
    for (const person of ["T-1", "T-2", "S-1"]) await send("medium", person);
    await sweep();
    expect(await health()).toMatchObject([{ state: "out", reason: "silent" }, {}]);

    await itIsTime();
    await sweep();
    await primaryIs("probing");
    await send("medium");
    await expect
      .poll(
        async () => {
          await sweep();
          return (await health())[0]?.state;
        },
        { timeout: 10_000 },
      )
      .toBe("out");

    world.vendors.sandbox.faults.remove(fault.id);
    await itIsTime();
    await sweep();
    await primaryIs("probing");
    await send("medium");
    await sweep();
    expect(await health()).toMatchObject([{ state: "healthy", reason: null }, {}]);
  });
});

describe("a device", () => {
  it("that reports itself disconnected is out at once, a standby carries on, and its own word brings it back", async () => {
    const { world } = story();
    await world.pool.query(
      "update provider_accounts set is_standby = true where device_key like 'fonnte:%92'",
    );
    await send("medium");
    world.vendors.sandbox.setDevice(DEVICES.primary, false);
    await primaryIs("out");
    await send("medium");
    world.vendors.sandbox.setDevice(DEVICES.meta, false);
    world.vendors.sandbox.setDevice(DEVICES.primary, true);
    await primaryIs("healthy");
    await send("medium");
    expect(asked()).toEqual([DEVICES.primary, DEVICES.meta, DEVICES.primary]);
    await world.pool.query("update provider_accounts set is_standby = false");
  });
});
