import { describe, expect, it } from "vitest";

import { recordGroupList } from "../../db/provider-groups.ts";
import { recordNotListed } from "../../db/provider-inventories.ts";
import { recordTemplateList } from "../../db/provider-templates.ts";
import { insertAccount, insertType } from "../support/rows.ts";
import { problemsOf, useApi } from "./harness.ts";

const api = useApi();

const groupAccount = () =>
  insertAccount(api().pool, { provider: "waha", channel: "whatsapp_group" });
const metaAccount = () => insertAccount(api().pool, { provider: "meta" });

const get = (path: string, key?: string | null) =>
  api().request("GET", `/v1/provider-accounts/${path}`, key === undefined ? {} : { key });

const TEMPLATE = {
  name: "siaga_answer",
  languageCode: "id",
  state: "paused",
  category: "UTILITY",
  body: "{{1}}",
  parameters: ["1"],
  quickReplies: 2,
  unfillable: [],
} as const;

describe("GET /v1/provider-accounts/{id}/templates", () => {
  it("is empty and without a date until the vendor was read", async () => {
    const id = await metaAccount();
    expect(await get(`${id}/templates`)).toMatchObject({
      status: 200,
      body: { items: [], listedAt: null, ageSeconds: null, failure: null },
    });
  });

  it("shows each template with its texts and what hinders them, and why the latest reading failed", async () => {
    const { pool } = api();
    const id = await metaAccount();
    const type = await insertType(pool);
    await pool.query(
      "update templates set channel = 'whatsapp_personal', locale = 'id', provider_template = $2 where type = $1",
      [type, { name: "siaga_answer", status: "approved", language: "id", parameters: ["a"] }],
    );
    const at = new Date(Date.now() - 60_000);
    await recordTemplateList(pool, { accountId: id, templates: [TEMPLATE], at });
    await recordNotListed(pool, {
      accountId: id,
      kind: "templates",
      failure: "permission",
      at: new Date(),
    });
    const { body } = await get(`${id}/templates`);
    expect(body).toMatchObject({
      listedAt: at.toISOString(),
      failure: "permission",
      items: [
        {
          name: "siaga_answer",
          languageCode: "id",
          state: "paused",
          stateSince: at.toISOString(),
          parameters: ["1"],
          usedBy: [{ type, locale: "id", parameters: ["a"], fault: "template_paused" }],
        },
      ],
    });
    expect(body["ageSeconds"]).toBeGreaterThanOrEqual(60);
  });

  it("is refused for a vendor that has no templates", async () => {
    const answer = await get(`${await groupAccount()}/templates`);
    expect(answer.status).toBe(422);
    expect(problemsOf(answer)).toEqual(["id: unsupported"]);
  });
});

describe("GET /v1/provider-accounts/{id}/groups", () => {
  it("asks the vendor by a workflow, and answers the list before when none comes in time", async () => {
    const id = await groupAccount();
    const groups = [{ groupChatId: "120363000000000009@g.us", name: "Arisan" }];
    const at = new Date(Date.now() - 60_000);
    await recordGroupList(api().pool, { accountId: id, groups, isComplete: true, at });
    const answer = await get(`${id}/groups?waitSeconds=1`);
    expect(answer).toMatchObject({
      status: 200,
      body: {
        isFresh: false,
        isComplete: true,
        listedAt: at.toISOString(),
        items: [
          {
            groupChatId: "120363000000000009@g.us",
            name: "Arisan",
            groupId: null,
            groupName: null,
            isProven: false,
          },
        ],
      },
    });
    expect(api().temporal.started.at(-1)).toMatchObject({
      workflowId: `inventory/${id}/groups`,
      options: { args: [{ accountId: id, kind: "groups" }] },
    });
  });

  it.each<{ what: string; act: (id: string) => Promise<unknown>; wait: number }>([
    { what: "nobody waits", act: () => Promise.resolve(), wait: 0 },
    {
      what: "the account is switched off",
      act: (id) =>
        api().pool.query("update provider_accounts set enabled = false where id = $1", [id]),
      wait: 15,
    },
    {
      what: "Temporal is away",
      act: () => {
        api().temporal.mode = "away";
        return Promise.resolve();
      },
      wait: 15,
    },
  ])("answers at once when $what", async ({ act, wait }) => {
    const id = await groupAccount();
    const before = api().temporal.started.length;
    await act(id);
    try {
      const answer = await get(`${id}/groups?waitSeconds=${wait}`);
      expect(answer).toMatchObject({ status: 200, body: { isFresh: false, items: [] } });
    } finally {
      api().temporal.mode = "up";
    }
    expect(api().temporal.started).toHaveLength(before);
  });

  it.each([
    ["", "id: unsupported"],
    ["?waitSeconds=16", "waitSeconds: invalid"],
  ])("is refused with %s: %s", async (query, problem) => {
    const id = problem.startsWith("id") ? await metaAccount() : await groupAccount();
    const answer = await get(`${id}/groups${query}`);
    expect(answer.status).toBe(422);
    expect(problemsOf(answer).map((each) => each.split(" ")[0])).toEqual([problem.split(" ")[0]]);
  });
});

describe("invariant 38: a vendor's lists by role", () => {
  it.each([
    ["admin", 200],
    ["manager", 403],
    ["supervisor", 403],
    ["noc", 200],
    ["customer_service", 403],
    ["technician", 403],
    ["customer", 403],
  ] as const)("%s: %i", async (role, status) => {
    const { key } = await api().person(role, ["karawang"]);
    const [meta, gateway] = [await metaAccount(), await groupAccount()];
    expect((await get(`${meta}/templates`, key)).status).toBe(status);
    expect((await get(`${gateway}/groups?waitSeconds=0`, key)).status).toBe(status);
  });

  it("a system needs the scope that reads accounts, and everybody a key", async () => {
    const meta = await metaAccount();
    const reader = await api().systemKey("accounts:read");
    const other = await api().systemKey("master:read");
    expect((await get(`${meta}/templates`, reader)).status).toBe(200);
    expect((await get(`${meta}/templates`, other)).status).toBe(403);
    expect((await get(`${meta}/templates`, null)).status).toBe(401);
  });

  it("an account that is not there is not found by those who may know", async () => {
    const { key } = await api().person("noc");
    const gone = "acc_01jd0000000000000000000000";
    expect((await get(`${gone}/groups`, key)).status).toBe(404);
    expect((await get(`${gone}/templates`, key)).status).toBe(404);
  });
});
