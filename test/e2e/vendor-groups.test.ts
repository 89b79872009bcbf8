import { describe, expect, it } from "vitest";

import { GROUPS } from "../../db/seed/groups.ts";
import { newId } from "../../db/new-id.ts";
import { freePort } from "../../runtime/embedded/free-port.ts";
import { SWEEP_WORKFLOW, WORKFLOW_TASK_QUEUE } from "../../workflows/contract.ts";
import {
  registerWaha,
  WAHA_API_KEY,
  WAHA_HMAC_KEY,
  WAHA_NUMBER,
} from "../providers/simulated/support.ts";
import { insertAccount } from "../support/rows.ts";
import { DEVICES, useStory } from "../support/story.ts";

const story = useStory();

const NOC = GROUPS.find(({ externalId }) => externalId === "G-NOC");
const WAHA = `waha:${WAHA_NUMBER}`;

/** Which devices are in the NOC's group, as their vendors know it. */
function inNocGroup(...accounts: readonly string[]): void {
  if (NOC === undefined) throw new Error("no such group");
  const { groupChatId: id, name } = NOC;
  story().world.vendors.sandbox.setGroup({ id, name, members: [], accounts: [...accounts] });
}

interface Listed {
  readonly isFresh: boolean;
  readonly isComplete: boolean;
  readonly failure: string | null;
  readonly items: readonly {
    readonly groupChatId: string;
    readonly groupId: string | null;
    readonly isProven: boolean;
  }[];
}

/** Of a 200 the route's own schema promises the shape; what a test reads of it is asserted there. */
async function groupsOf(accountId: string, waitSeconds = 15): Promise<Listed> {
  const { body, status } = await story().world.call(
    "GET",
    `/v1/provider-accounts/${accountId}/groups?waitSeconds=${waitSeconds}`,
  );
  expect(status, JSON.stringify(body)).toBe(200);
  // Reason: the call answers JSON of every route as a record; the route's schema, checked by the API itself, gives a 200 this shape.
  return body as unknown as Listed;
}

async function accountId(name: string): Promise<string> {
  const { rows } = await story().world.pool.query<{ id: string }>(
    "select id from provider_accounts where name = $1",
    [name],
  );
  return String(rows[0]?.id);
}

describe("a self-hosted gateway's number", () => {
  it("carries a group once its list has it, and no more once a list lacks it; open runs are planned again", async () => {
    const { world, policy, raise, toldOf, requests } = story();
    registerWaha(world.vendors);
    const id = await insertAccount(world.pool, {
      provider: "waha",
      channel: "whatsapp_group",
      baseUrl: world.vendors.baseUrls.waha,
      sender: `+${WAHA_NUMBER}`,
      credentials: { apiKey: WAHA_API_KEY, webhookHmacKey: WAHA_HMAC_KEY },
      settings: { engine: "GOWS" },
    });
    await world.pool.query(
      "update provider_accounts set position = 0, device_key = 'waha:one' where id = $1",
      [id],
    );
    inNocGroup(DEVICES.primary, DEVICES.second, WAHA);
    const groupId = await story().groupId("G-NOC");

    // The worker opens the new account's queue within seconds; the question waits for it.
    const listed = await groupsOf(id);
    expect(listed).toMatchObject({ isFresh: true, isComplete: true, failure: null });
    const ofNoc = (list: Listed) => list.items.find((item) => item.groupId === groupId);
    expect(ofNoc(listed)).toMatchObject({ isProven: true });

    const policyId = await policy({
      steps: [{ channels: [], groups: "primary", windowSeconds: 8 }],
    });
    const request = { type: "system_alert", policyId, recipients: { groupIds: ["ext:G-NOC"] } };
    const first = await raise({ ...request, data: { message: "uji", location: "POP Klari" } });
    await toldOf("whatsapp_group G-NOC");
    expect(requests().at(-1)?.accountId).toBe(WAHA);

    inNocGroup(DEVICES.primary, DEVICES.second);
    const after = await groupsOf(id);
    expect(after).toMatchObject({ isFresh: true, isComplete: true });
    expect(ofNoc(after)).toBeUndefined();
    const usesGateway = async (): Promise<boolean> => {
      const { rows } = await world.pool.query<{ plan: string }>(
        "select run_plan::text as plan from notifications where id = $1",
        [first],
      );
      return rows[0]?.plan.includes(id) ?? false;
    };
    await expect.poll(usesGateway, { timeout: 10_000 }).toBe(false);
    await world.call("POST", `/v1/notifications/${first}/cancel`, {});
    await story().settled(first);
    await story().happened(
      first,
      ({ kind, reason }) => kind === "replanned" && reason === "group_routes_changed",
    );
    const second = await raise({ ...request, data: { message: "uji", location: "POP Klari" } });
    await toldOf("whatsapp_group G-NOC", 2);
    expect(requests().at(-1)?.accountId).not.toBe(WAHA);
    await world.call("POST", `/v1/notifications/${second}/cancel`, {});
    await story().settled(second);
    await world.pool.query("update provider_accounts set enabled = false where id = $1", [id]);
  });
});

describe("a Fonnte number", () => {
  it("gains what its list has and loses nothing by it: the list may be an old one", async () => {
    const { pool } = story().world;
    const id = await accountId("Fonnte cadangan (grup)");
    const groupId = await story().groupId("G-NOC");
    const proven = async (): Promise<boolean> => {
      const { rowCount } = await pool.query(
        "select from provider_account_groups where account_id = $1 and group_id = $2",
        [id, groupId],
      );
      return rowCount === 1;
    };
    inNocGroup(DEVICES.primary);
    const without = await groupsOf(id);
    expect(without).toMatchObject({ isFresh: true, isComplete: false });
    expect(without.items.some((item) => item.groupId === groupId)).toBe(false);
    expect(await proven()).toBe(true);

    await pool.query("delete from provider_account_groups where account_id = $1", [id]);
    inNocGroup(DEVICES.primary, DEVICES.second);
    await pool.query("update provider_inventories set asked_at = now() - interval '2 hours'");
    await story().world.temporal.workflow.execute(SWEEP_WORKFLOW, {
      workflowId: `sweep-${newId("ntf", Date.now())}`,
      taskQueue: WORKFLOW_TASK_QUEUE,
    });
    await expect.poll(proven, { timeout: 10_000 }).toBe(true);
  });

  it("whose vendor doesn't answer shows the list that it had, and why", async () => {
    const { world } = story();
    const id = await accountId("Fonnte utama (grup)");
    const before = await groupsOf(id);
    expect(before.items.length).toBeGreaterThan(0);
    const move = (port: number | null) =>
      world.pool.query(
        "update provider_accounts set base_url = coalesce('http://127.0.0.1:' || $2::text, $3) where id = $1",
        [id, port, world.vendors.baseUrls.fonnte],
      );
    await move(await freePort());
    expect(await groupsOf(id)).toEqual({
      ...before,
      isFresh: false,
      failure: "no_connection",
      ageSeconds: expect.any(Number) as number,
    });
    expect(await groupsOf(id, 0)).toMatchObject({ isFresh: false, failure: "no_connection" });
    await move(null);
    expect(await groupsOf(id)).toMatchObject({ isFresh: true, failure: null });
  });
});

it("an account whose vendor lists no groups says so", async () => {
  const id = await accountId("Meta");
  const { body, status } = await story().world.call("GET", `/v1/provider-accounts/${id}/groups`);
  expect(status).toBe(422);
  expect(body).toMatchObject({ errors: [{ path: "id", code: "unsupported" }] });
});

describe("invariant 36: what vendors list", () => {
  it("stands in no workflow history", async () => {
    const { temporal } = story().world;
    const id = await accountId("Fonnte utama (grup)");
    await groupsOf(id);
    const history = await temporal.workflow.getHandle(`inventory/${id}/groups`).fetchHistory();
    const text = JSON.stringify(history);
    expect(text).toContain("takeInventory");
    const payloads = (history.events ?? []).flatMap((event) =>
      [
        event.workflowExecutionStartedEventAttributes?.input,
        event.activityTaskScheduledEventAttributes?.input,
        event.activityTaskCompletedEventAttributes?.result,
      ].flatMap((part) => part?.payloads ?? []),
    );
    const said = payloads.map(({ data }) => Buffer.from(data ?? []).toString("utf8"));
    expect(said.length).toBeGreaterThan(2);
    for (const { groupChatId, name } of GROUPS) {
      expect(said.join("\n")).not.toContain(groupChatId);
      expect(said.join("\n")).not.toContain(name);
    }
  });
});
