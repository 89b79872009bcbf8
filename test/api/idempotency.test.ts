import { createHash } from "node:crypto";
import type pg from "pg";
import { describe, expect, it } from "vitest";
import { KEY_LOCK_SECONDS } from "../../db/idempotency.ts";
import { refOfKey } from "../../db/notification-ref.ts";
import { problemsOf, useApi } from "./harness.ts";

const BODY = { type: "outage", zone: "karawang", data: { location: "POP Klari" } };
let counter = 0;
const newKey = (): string => `key-${(counter += 1)}`;

describe("invariant 2: POST /v1/notifications with a key", () => {
  const api = useApi();
  const post = (key: string, body: object = BODY) =>
    api().request("POST", "/v1/notifications", { body, headers: { "idempotency-key": key } });

  it.each([1, 2, 3, 4, 5])(
    "gives N parallel requests one workflow and N equal answers (round %d)",
    async () => {
      const key = newKey();
      const answers = await Promise.all(Array.from({ length: 30 }, () => post(key)));
      await api().starter.idle();

      expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([202]));
      expect(new Set(answers.map(({ text }) => text)).size).toBe(1);
      expect(answers.filter(({ headers }) => headers.has("idempotent-replayed"))).toHaveLength(29);
      const workflowId = `notification/outage/${refOfKey("ticket-system", key)}`;
      expect(answers[0]?.body["workflowId"]).toBe(workflowId);
      const runs = api().temporal.started.filter((run) => run.workflowId === workflowId);
      expect(runs).toHaveLength(1);
      expect(await countWithKey(api().pool, key)).toBe(1);
    },
  );

  it("takes the same body in another order of fields for the same", async () => {
    const key = newKey();
    const first = await post(key);
    const again = await post(key, { data: BODY.data, zone: BODY.zone, type: BODY.type });
    expect(again.text).toBe(first.text);
    expect(again.headers.get("idempotent-replayed")).toBe("true");
  });

  it("refuses another body with 422 and no effect", async () => {
    const key = newKey();
    await post(key);
    const other = await post(key, { ...BODY, zone: "bekasi" });
    expect(other.status).toBe(422);
    expect(other.body["code"]).toBe("idempotency_key_reused");
    expect(problemsOf(other)).toEqual(["Idempotency-Key: key_reused"]);
    expect(await countWithKey(api().pool, key)).toBe(1);
  });

  it("lets one of many parallel requests with different bodies win and refuses the others", async () => {
    const key = newKey();
    const answers = await Promise.all(
      ["karawang", "bekasi", "karawang", "bekasi"].map((zone) => post(key, { ...BODY, zone })),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([202, 202, 422, 422]);
    expect(await countWithKey(api().pool, key)).toBe(1);
  });

  it("does not use up the key of a refused request", async () => {
    const key = newKey();
    expect((await post(key, { ...BODY, zone: "atlantis" })).status).toBe(422);
    expect((await post(key)).status).toBe(202);
  });

  it("answers a repeat as the first time although the request would be refused by now", async () => {
    const key = newKey();
    const body = { ...BODY, notAfter: new Date(Date.now() + 60_000).toISOString() };
    const first = await post(key, body);
    expect(first.status, first.text).toBe(202);
    api().clock.nowMs = Date.now() + 3_600_000;
    try {
      expect((await post(key, body)).text).toBe(first.text);
    } finally {
      api().clock.nowMs = null;
    }
  });

  it("remembers the key although every list of keys and Temporal have forgotten it", async () => {
    const key = newKey();
    const first = await post(key);
    await api().pool.query("delete from idempotency_keys");
    await api().pool.query(
      "update notifications set status = 'settled', outcome = 'sent', settled_at = now() where idempotency_key = $1",
      [key],
    );
    const again = await post(key);
    expect(again.text).toBe(first.text);
    expect(await countWithKey(api().pool, key)).toBe(1);
  });

  it("is the sender's: the same key of another client is another request", async () => {
    const key = newKey();
    const first = await post(key);
    const other = await api().request("POST", "/v1/notifications", {
      key: (await api().person("manager")).key,
      body: BODY,
      headers: { "idempotency-key": key },
    });
    expect(other.status).toBe(202);
    expect(other.body["id"]).not.toBe(first.body["id"]);
  });

  it("takes the draft's quoted form for the same key", async () => {
    const key = newKey();
    const first = await post(key);
    expect((await post(`"${key}"`)).text).toBe(first.text);
  });

  it.each([
    { key: "", status: 422, why: "nothing" },
    { key: "x".repeat(255), status: 202, why: "the longest" },
    { key: "x".repeat(256), status: 422, why: "one too long" },
    { key: "schlüssel", status: 422, why: "not ASCII" },
  ])("answers $status to a key that is $why", async ({ key, status }) => {
    expect((await post(key)).status).toBe(status);
  });
});

describe("any other POST with a key", () => {
  const api = useApi();
  const acknowledge = (id: string, key: string, body: object = {}) =>
    api().request("POST", `/v1/notifications/${id}/acknowledge`, {
      body,
      headers: { "idempotency-key": key },
    });

  it("is carried out once and answered the same, marked as replayed", async () => {
    const id = await api().accept();
    const key = newKey();
    const first = await acknowledge(id, key);
    const again = await acknowledge(id, key);
    expect(first.body["applied"]).toBe(true);
    expect(again.body).toEqual(first.body);
    expect(first.headers.has("idempotent-replayed")).toBe(false);
    expect(again.headers.get("idempotent-replayed")).toBe("true");
    expect(await countActs(api().pool, id)).toBe(1);
  });

  it("carries out one of N parallel requests and answers all the same", async () => {
    const id = await api().accept();
    const key = newKey();
    const answers = await Promise.all(Array.from({ length: 10 }, () => acknowledge(id, key)));
    expect(answers.map(({ body }) => body["applied"])).toEqual(Array(10).fill(true));
    expect(await countActs(api().pool, id)).toBe(1);
  });

  it("refuses another body with 422 and no effect", async () => {
    const id = await api().accept();
    const key = newKey();
    await acknowledge(id, key);
    expect((await acknowledge(id, key, { note: "another" })).status).toBe(422);
    expect(await countActs(api().pool, id)).toBe(1);
  });

  it("means something else on another path", async () => {
    const [one, two] = [await api().accept(), await api().accept()];
    const key = newKey();
    expect((await acknowledge(one, key)).body["applied"]).toBe(true);
    expect((await acknowledge(two, key)).body["applied"]).toBe(true);
  });

  it("does not use up the key of a refused request", async () => {
    const id = await api().accept();
    const key = newKey();
    const path = `/v1/notifications/${id}/rate`;
    const headers = { "idempotency-key": key };
    expect((await api().request("POST", path, { body: { rating: 6 }, headers })).status).toBe(422);
    expect((await api().request("POST", path, { body: { rating: 5 }, headers })).status).toBe(200);
  });

  it("does not give another key of the same sender, with other rights, the answer", async () => {
    const id = await api().accept();
    const key = newKey();
    const path = `/v1/notifications/${id}/cancel`;
    const headers = { "idempotency-key": key };
    expect((await api().request("POST", path, { headers })).status).toBe(200);
    const reader = await api().systemKey("notifications:read");
    const other = await api().request("POST", path, { headers, key: reader });
    expect(other.status).toBe(403);
    expect(other.headers.has("idempotent-replayed")).toBe(false);
  });

  it("waits five seconds for the first, then answers 409 with Retry-After", async () => {
    const id = await api().accept();
    const key = newKey();
    await claimAsAnother(api().pool, id, key, "20 seconds");
    const startedAt = Date.now();
    const answer = await acknowledge(id, key);
    expect(answer.status).toBe(409);
    expect(answer.body["code"]).toBe("idempotency_in_flight");
    expect(Number(answer.headers.get("retry-after"))).toBeGreaterThan(0);
    expect(Date.now() - startedAt).toBeGreaterThanOrEqual(5_000);
    expect(Date.now() - startedAt).toBeLessThan(7_000);
  });

  it("takes over from a process that died, with the act that it had recorded already", async () => {
    const id = await api().accept();
    const key = newKey();
    // The first process dies between the act and the answer: the act is in the record, the key in flight for ever.
    const first = await acknowledge(id, key);
    await api().pool.query(
      `update idempotency_keys set state = 'in_flight', response_status = null, response_body = null, locked_until = now() - interval '1 second'
       where key = $1`,
      [key],
    );
    const again = await acknowledge(id, key);
    expect(again.status).toBe(200);
    expect(again.body["applied"]).toBe(first.body["applied"]);
    expect(again.headers.has("idempotent-replayed")).toBe(false);
    expect(await countActs(api().pool, id)).toBe(1);
  });

  it("takes over from a process that has just died before it gives up waiting", async () => {
    const id = await api().accept();
    const key = newKey();
    await claimAsAnother(api().pool, id, key, `${KEY_LOCK_SECONDS} seconds`);
    const answer = await acknowledge(id, key);
    expect(answer.status, answer.text).toBe(200);
    expect(answer.body["applied"]).toBe(true);
  });

  it("does not take over from a slow one that is alive", async () => {
    const id = await api().accept();
    const key = newKey();
    const holder = await api().pool.connect();
    try {
      await holder.query("begin");
      await holder.query("select from notifications where id = $1 for update", [id]);
      // Which of the two is the first is chance; it waits for the row, and the other one gives up.
      const both = [acknowledge(id, key), acknowledge(id, key)];
      const repeat = await Promise.race(both);
      expect(repeat.body["code"], repeat.text).toBe("idempotency_in_flight");
      await holder.query("rollback");
      const answers = await Promise.all(both);
      expect(answers.filter(({ body }) => body["applied"] === true)).toHaveLength(1);
    } finally {
      await holder.query("rollback");
      holder.release();
    }
    expect((await acknowledge(id, key)).headers.get("idempotent-replayed")).toBe("true");
    expect(await countActs(api().pool, id)).toBe(1);
  });

  it("lets one of many take over from a process that died", async () => {
    const id = await api().accept();
    const key = newKey();
    await claimAsAnother(api().pool, id, key, "-1 seconds");
    const answers = await Promise.all(Array.from({ length: 8 }, () => acknowledge(id, key)));
    expect(answers.map(({ body }) => body["applied"])).toEqual(Array(8).fill(true));
    expect(await countActs(api().pool, id)).toBe(1);
  });
});

async function countWithKey(pool: pg.Pool, key: string): Promise<number> {
  const { rows } = await pool.query<{ count: number }>(
    "select count(*) from notifications where idempotency_key = $1 and sender = 'ticket-system'",
    [key],
  );
  return rows[0]?.count ?? -1;
}

async function countActs(pool: pg.Pool, notificationId: string): Promise<number> {
  const { rows } = await pool.query<{ count: number }>(
    "select count(*) from acts where notification_id = $1",
    [notificationId],
  );
  return rows[0]?.count ?? -1;
}

/** The row that another process writes before it carries out the same request. */
async function claimAsAnother(
  pool: pg.Pool,
  id: string,
  key: string,
  lockedFor: string,
): Promise<void> {
  const bodyHash = createHash("sha256").update('["",{}]').digest();
  await pool.query(
    `insert into idempotency_keys (sender, route, key, body_hash, locked_until)
     values ('["ticket-system","admin"]', $1, $2, $3, now() + $4::interval)`,
    [`POST /v1/notifications/${id}/acknowledge`, key, bodyHash, lockedFor],
  );
}
