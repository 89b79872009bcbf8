import { beforeEach, describe, expect, it } from "vitest";

import { META_TEMPLATES } from "../../db/seed/meta-templates.ts";
import { newId } from "../../db/new-id.ts";
import { SWEEP_WORKFLOW, WORKFLOW_TASK_QUEUE } from "../../workflows/contract.ts";
import { DEVICES, useStory, type DeliveryLine } from "../support/story.ts";

/** Meta first: outside the 24 hours after a person's last word, only what Meta has approved may go out by it. */
const story = useStory();

const WHATSAPP = [{ channels: ["whatsapp_personal"], windowSeconds: 4 }] as const;
const ANSWER = META_TEMPLATES.find(
  ({ name, language }) => name === "siaga_answer" && language === "id",
);

type Status = "APPROVED" | "PAUSED";

/** What Meta says of the template that outages go out by; a changed status is told by webhook. */
function metaSays(change: { status?: Status; body?: string }): void {
  if (ANSWER === undefined) throw new Error("no such template");
  const { body, buttons, language, name } = ANSWER;
  story().world.vendors.sandbox.setTemplate(DEVICES.meta, {
    name,
    language,
    body,
    buttons: [...buttons],
    ...change,
  });
}

async function metaAccountId(): Promise<string> {
  const { rows } = await story().world.pool.query<{ id: string }>(
    "select id from provider_accounts where provider = 'meta'",
  );
  return String(rows[0]?.id);
}

interface Known {
  readonly state: string;
  readonly faults: readonly (string | null)[];
}

/** As the API shows it. */
async function known(): Promise<Known> {
  const { body } = await story().world.call(
    "GET",
    `/v1/provider-accounts/${await metaAccountId()}/templates`,
  );
  const items = body["items"] as {
    name: string;
    languageCode: string;
    state: string;
    usedBy: { fault: string | null; type: string }[];
  }[];
  const found = items.find(
    ({ name, languageCode }) => name === "siaga_answer" && languageCode === "id",
  );
  return {
    state: found?.state ?? "none",
    faults: [...new Set(found?.usedBy.map(({ fault }) => fault))],
  };
}

/** What the schedule starts every ten seconds; the vendor's list is due. */
async function sweep(): Promise<void> {
  const { pool, temporal } = story().world;
  await pool.query("update provider_inventories set asked_at = null where kind = 'templates'");
  await temporal.workflow.execute(SWEEP_WORKFLOW, {
    workflowId: `sweep-${newId("ntf", Date.now())}`,
    taskQueue: WORKFLOW_TASK_QUEUE,
  });
  await expect
    .poll(
      async () => {
        const { rows } = await pool.query(
          "select from provider_inventories where kind = 'templates' and asked_at is not null",
        );
        return rows.length;
      },
      { timeout: 10_000 },
    )
    .toBe(1);
}

async function request(): Promise<Readonly<Record<string, unknown>>> {
  const policyId = await story().policy({ settledBy: "sent", steps: WHATSAPP }, "medium");
  return { policyId, priority: "medium", recipients: { userIds: ["ext:T-1"] } };
}

async function send(): Promise<string> {
  const id = await story().raise(await request());
  await story().settled(id);
  return id;
}

async function byWhatsApp(id: string): Promise<readonly DeliveryLine[]> {
  const all = await story().deliveries(id);
  return all.filter(({ channel }) => channel === "whatsapp_personal");
}

function asked(): readonly (string | null)[] {
  return story()
    .requests()
    .map(({ accountId }) => accountId);
}

beforeEach(async () => {
  const { pool } = story().world;
  await pool.query("update provider_accounts set position = 0 where provider = 'meta'");
  await pool.query("delete from contact_windows");
  metaSays({});
  await sweep();
  expect(await known()).toEqual({ state: "approved", faults: [null] });
  await pool.query("update provider_templates set told_fault = null");
});

describe("a template that Meta pauses", () => {
  it("is known by its report, warned of by explain, and left to the next account until it is back", async () => {
    const { world } = story();
    await send();
    expect(asked()).toEqual([DEVICES.meta]);

    metaSays({ status: "PAUSED" });
    await expect.poll(known, { timeout: 10_000 }).toMatchObject({ state: "paused" });
    const { body } = await world.call("POST", "/v1/notifications/explain", {
      type: "outage",
      zone: "karawang",
      data: { location: "POP Klari", description: "-", affected_customers: 1 },
      ...(await request()),
    });
    const { id } = await story().person("T-1");
    expect(body["warnings"]).toContainEqual({
      code: "template_unusable",
      accountId: await metaAccountId(),
      reason: "template_paused",
      userIds: [id],
    });
    await send();
    expect(asked().slice(1)).toEqual([DEVICES.primary]);

    metaSays({ status: "APPROVED" });
    await expect.poll(known, { timeout: 10_000 }).toMatchObject({ state: "approved" });
    await send();
    expect(asked().slice(2)).toEqual([DEVICES.meta]);
  });

  it("is learnt from the refusal where its report was lost: that message goes by the next account, and later ones don't ask", async () => {
    const { pool } = story().world;
    metaSays({ status: "PAUSED" });
    await expect.poll(known, { timeout: 10_000 }).toMatchObject({ state: "paused" });
    await pool.query("update provider_templates set state = 'approved'");
    const id = await send();
    expect(asked()).toEqual([DEVICES.meta, DEVICES.primary]);
    expect(await known()).toMatchObject({ state: "paused" });
    expect(await byWhatsApp(id)).toMatchObject([
      { handOver: 0, status: "failed", reason: "template_paused" },
      { handOver: 1, status: expect.stringMatching(/sent|delivered|read/) as string },
    ]);
    await send();
    expect(asked().slice(2)).toEqual([DEVICES.primary]);
    const { rows } = await pool.query<{ state: string }>(
      "select health_state as state from provider_accounts where provider = 'meta'",
    );
    expect(rows).toEqual([{ state: "healthy" }]);
  });

  it("hinders nobody who wrote within the last 24 hours", async () => {
    const { world } = story();
    const { phone } = await story().person("T-1");
    await send();
    metaSays({ status: "PAUSED" });
    await expect.poll(known, { timeout: 10_000 }).toMatchObject({ state: "paused" });
    await world.vendors.sandbox.people.reply(phone, {
      text: "halo",
    });
    await expect
      .poll(async () => (await world.pool.query("select from contact_windows")).rowCount, {
        timeout: 10_000,
      })
      .toBe(1);
    await send();
    const ladder = story()
      .requests()
      .filter(({ text }) => text?.includes("POP Klari"));
    expect(ladder.at(-1)?.accountId).toBe(DEVICES.meta);
  });

  it("is not waited for where the window was believed open and is not: the next account carries the message", async () => {
    const { pool } = story().world;
    const { phone } = await story().person("T-1");
    metaSays({ status: "PAUSED" });
    await expect.poll(known, { timeout: 10_000 }).toMatchObject({ state: "paused" });
    await pool.query(
      `insert into contact_windows (device_key, address, last_inbound_at)
       select device_key, $1, now() from provider_accounts where provider = 'meta'`,
      [phone],
    );
    const id = await send();
    expect(asked()).toEqual([DEVICES.meta, DEVICES.primary]);
    expect(await byWhatsApp(id)).toMatchObject([
      { handOver: 0, status: "failed", reason: "template_paused" },
      { handOver: 1 },
    ]);
    const { rowCount } = await pool.query("select from contact_windows");
    expect(rowCount).toBe(0);
  });

  it("is told to the operators once", async () => {
    const { world, settled, leaveOpen } = story();
    metaSays({ status: "PAUSED" });
    await expect.poll(known, { timeout: 10_000 }).toMatchObject({ state: "paused" });
    await sweep();
    await sweep();
    const { rows } = await world.pool.query<{ id: string; notice: string }>(
      `select id, data ->> 'notice' as notice from notifications
       where type = 'operator_notice' and settled_at is null and data ->> 'reason' = 'template_paused'`,
    );
    expect(rows.map(({ notice }) => JSON.parse(notice) as unknown)).toEqual([
      {
        kind: "template_fault",
        account: "Meta",
        template: "siaga_answer",
        language: "id",
        fault: "template_paused",
      },
    ]);
    const id = String(rows[0]?.id);
    await expect
      .poll(async () => (await story().deliveries(id)).length, { timeout: 10_000 })
      .toBeGreaterThan(0);
    await world.call("POST", `/v1/notifications/${id}/acknowledge`, {});
    await settled(id);
    leaveOpen(id);
  });
});

describe("a template whose places are not our variables", () => {
  it("is found by Meta's list, and nothing is asked of Meta with it", async () => {
    metaSays({ body: "Gangguan {{1}} di {{2}}, kode {{3}}" });
    await sweep();
    expect(await known()).toEqual({ state: "approved", faults: ["template_parameters"] });
    await story().world.pool.query(
      "update provider_accounts set enabled = false where provider <> 'meta' and channel = 'whatsapp_personal'",
    );
    try {
      const id = await send();
      expect(asked()).toEqual([]);
      expect(await byWhatsApp(id)).toMatchObject([
        { status: "failed", reason: "template_parameters", error: { scope: "account" } },
      ]);
    } finally {
      await story().world.pool.query("update provider_accounts set enabled = true");
    }
  });
});
