import { describe, expect, it } from "vitest";

import { newId } from "../../db/new-id.ts";
import { ROLES } from "../../domain/role.ts";
import type { Role } from "../../domain/role.ts";
import {
  fictionalNumber,
  insertNotificationRow,
  insertPolicy,
  insertTarget,
  insertType,
  insertUser,
} from "../support/rows.ts";
import { objectAt, problemsOf, useApi } from "./harness.ts";

const api = useApi();

const NOTE = "Menelepon kantor 22 November, minta dikirimi lagi.";

async function optedOut(
  holder: { readonly userId: string } | { readonly address: string },
  messageClass = "assigned",
  channel = "whatsapp_personal",
): Promise<void> {
  await api().pool.query(
    "insert into opt_outs (id, user_id, address, message_class, channel, since, inbound_message_id) values ($1, $2, $3, $4, $5, now(), 'inb_x')",
    [
      newId("out", Date.now()),
      "userId" in holder ? holder.userId : null,
      "address" in holder ? holder.address : null,
      messageClass,
      channel,
    ],
  );
}

const end = (userId: string, body: object = {}, key?: string) =>
  api().request("POST", `/v1/users/${userId}/opt-outs/end`, {
    ...(key === undefined ? {} : { key }),
    body: {
      messageClass: "assigned",
      channel: "whatsapp_personal",
      basis: "person_asked",
      note: NOTE,
      ...body,
    },
  });

async function standing(userId: string): Promise<unknown> {
  const answer = await api().request(
    "GET",
    `/v1/users/${userId}/effective-settings?type=outage&priority=medium`,
  );
  return answer.body["optOuts"];
}

describe("an opt-out that an administrator ends", () => {
  it("is over, with who wrote it down, why and in which words, and open runs plan again", async () => {
    const { pool } = api();
    const { id, phone } = await insertUser(pool);
    await optedOut({ userId: id });
    await optedOut({ address: phone });
    const run = await insertNotificationRow(pool, {
      type: await insertType(pool),
      policyId: await insertPolicy(pool),
    });
    await insertTarget(pool, run, { target: id });
    const admin = await api().person("admin");
    const answer = await end(id, {}, admin.key);
    expect([answer.status, answer.body]).toEqual([200, { applied: true }]);
    expect(await standing(id)).toEqual([]);
    const list = await api().request("GET", `/v1/users/${id}/opt-outs`);
    expect(list.body["items"]).toHaveLength(2);
    expect(objectAt(list.body, "items", 0)).toMatchObject({
      messageClass: "assigned",
      channel: "whatsapp_personal",
      source: "message",
      endedBasis: "person_asked",
      endedNote: NOTE,
      endedByName: "A admin",
    });
    expect(String(objectAt(list.body, "items", 0, "endedAt"))).toMatch(/Z$/);
    await api().background.idle();
    expect(
      api().temporal.signals.filter(({ workflowId }) => workflowId.endsWith(run)),
    ).toMatchObject([{ fact: { kind: "replan", reason: "consent_changed" } }]);
    const { rows } = await pool.query(
      "select by ->> 'userId' as by, detail from audit_log where subject = $1 and action = 'opt_out.ended'",
      [id],
    );
    expect(rows).toEqual([
      {
        by: admin.id,
        detail: {
          messageClass: "assigned",
          channel: "whatsapp_personal",
          basis: "person_asked",
        },
      },
    ]);
  });

  it("leaves everything else that the person stopped", async () => {
    const { id } = await insertUser(api().pool);
    await optedOut({ userId: id });
    await optedOut({ userId: id }, "assigned", "sms");
    await optedOut({ userId: id }, "urgent");
    await end(id, { basis: "recorded_in_error" });
    expect(await standing(id)).toMatchObject([
      { messageClass: "assigned", channel: "sms" },
      { messageClass: "urgent", channel: "whatsapp_personal" },
    ]);
  });

  it("can be said again: a later STOP stands as any other", async () => {
    const { id } = await insertUser(api().pool);
    await optedOut({ userId: id });
    await end(id);
    await optedOut({ userId: id });
    expect(await standing(id)).toHaveLength(1);
    const list = await api().request("GET", `/v1/users/${id}/opt-outs?limit=1`);
    expect(objectAt(list.body, "items", 0, "endedAt")).toBeNull();
    const rest = await api().request(
      "GET",
      `/v1/users/${id}/opt-outs?limit=1&cursor=${String(list.body["nextCursor"])}`,
    );
    expect(objectAt(rest.body, "items", 0, "endedBasis")).toBe("person_asked");
    expect(rest.body["nextCursor"]).toBeNull();
  });
});

describe("a repeat with the same Idempotency-Key whose first try died behind its commit", () => {
  const KEY = "opt-out-cut-off";
  const endOnce = (userId: string) =>
    api().request("POST", `/v1/users/${userId}/opt-outs/end`, {
      headers: { "Idempotency-Key": KEY },
      body: {
        messageClass: "assigned",
        channel: "whatsapp_personal",
        basis: "person_asked",
        note: NOTE,
      },
    });

  /** As a process leaves the request that died before it could keep its answer, once its lock has run out. */
  async function forgetAnswer(userId: string): Promise<void> {
    const { rowCount } = await api().pool.query(
      `update idempotency_keys set state = 'in_flight', response_status = null, response_headers = null, response_body = null,
         locked_until = now() - interval '1 second' where key = $1 and route = $2`,
      [KEY, `POST /v1/users/${userId}/opt-outs/end`],
    );
    expect(rowCount).toBe(1);
  }

  it("is answered as the first, and ends nothing that was stopped since", async () => {
    const { id } = await insertUser(api().pool);
    await optedOut({ userId: id });
    const first = await endOnce(id);
    expect(first.body).toEqual({ applied: true });
    await forgetAnswer(id);
    await optedOut({ userId: id });
    const repeated = await endOnce(id);
    expect([repeated.status, repeated.text]).toEqual([200, first.text]);
    expect(repeated.headers.get("idempotent-replayed"), "it was carried out").toBeNull();
    expect(await standing(id), "the later STOP").toHaveLength(1);
    const { rowCount } = await api().pool.query(
      "select from audit_log where subject = $1 and action = 'opt_out.ended'",
      [id],
    );
    expect(rowCount).toBe(1);
  });

  it("is another request for another person", async () => {
    const { id } = await insertUser(api().pool);
    const other = await insertUser(api().pool);
    for (const userId of [id, other.id]) await optedOut({ userId });
    await endOnce(id);
    expect((await endOnce(other.id)).body).toEqual({ applied: true });
    expect(await standing(other.id)).toEqual([]);
  });
});

describe("is not ended by hand", () => {
  it.each(["person_asked", "recorded_in_error"])(
    "what needs a consent of its own, on the basis %s: it is the person's to give",
    async (basis) => {
      await api().pool.query(
        "update notification_types set consent_class = 'promotion' where code = 'promotion'",
      );
      const { id } = await insertUser(api().pool, { role: "customer" });
      await optedOut({ userId: id }, "promotion");
      const answer = await end(id, { messageClass: "promotion", basis });
      expect(answer.body).toEqual({ applied: false, reason: "only_the_person" });
      expect(await standing(id)).toHaveLength(1);
    },
  );

  it.each([
    ["messageClass", "urgent"],
    ["channel", "sms"],
  ])("what was not opted out of: another %s", async (field, value) => {
    const { id } = await insertUser(api().pool);
    await optedOut({ userId: id });
    const answer = await end(id, { [field]: value });
    expect(answer.body).toEqual({ applied: false, reason: "not_opted_out" });
    expect(await standing(id)).toHaveLength(1);
  });

  it("somebody else's number's", async () => {
    const { id } = await insertUser(api().pool);
    const stranger = fictionalNumber();
    await optedOut({ address: stranger });
    expect((await end(id)).body).toEqual({ applied: false, reason: "not_opted_out" });
  });

  it("twice: of two at once one does it", async () => {
    const { id } = await insertUser(api().pool);
    await optedOut({ userId: id });
    const answers = await Promise.all([end(id), end(id), end(id)]);
    expect(answers.map(({ body }) => body["applied"]).toSorted()).toEqual([false, false, true]);
  });

  it.each([
    ["", "nothing"],
    [" \n\t\u00a0", "nothing that can be read"],
  ])("without a reason (%j): every bad field is named at once", async (note, _why) => {
    const { id } = await insertUser(api().pool);
    const answer = await end(id, { note, basis: "because", channel: "whatsapp_group" });
    expect(answer.status).toBe(422);
    expect(problemsOf(answer).map((problem) => problem.split(":")[0])).toEqual([
      "channel",
      "basis",
      "note",
    ]);
  });
});

describe("what a request to end an opt-out names", () => {
  it.each([
    ["whatsapp_personal", 200, "where people say STOP"],
    ["push", 200, "where a vendor may say that they did"],
    ["in_app", 422, "the inbox, which nobody can opt out of"],
    ["whatsapp_group", 422, "what is not one person's"],
  ])("as channel %s is answered %i: %s", async (channel, status) => {
    const { id } = await insertUser(api().pool);
    const answer = await end(id, { channel });
    expect(answer.status, answer.text).toBe(status);
    const named = problemsOf(answer).map((problem) => problem.split(":")[0]);
    expect(named).toEqual(status === 200 ? [] : ["channel"]);
  });
});

describe("invariant 38: opt-outs by role", () => {
  const EXPECTED: Readonly<Record<Role, readonly [read: number, end: number]>> = {
    admin: [200, 200],
    manager: [200, 403],
    supervisor: [200, 403],
    noc: [200, 403],
    customer_service: [404, 404],
    technician: [404, 404],
    customer: [404, 404],
  };

  it.each(ROLES)("%s", async (role) => {
    const { id } = await insertUser(api().pool, { zones: ["karawang"] });
    await optedOut({ userId: id });
    const { key } = await api().person(role, ["karawang"]);
    const read = await api().request("GET", `/v1/users/${id}/opt-outs`, { key });
    const ended = await end(id, {}, key);
    expect([read.status, ended.status]).toEqual(EXPECTED[role]);
  });

  it("one's own is read, and ended by one's own START alone", async () => {
    const { id, key } = await api().person("technician");
    await optedOut({ userId: id });
    expect((await api().request("GET", `/v1/users/${id}/opt-outs`, { key })).status).toBe(200);
    expect((await end(id, {}, key)).status).toBe(403);
  });
});
