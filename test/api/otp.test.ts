import pg from "pg";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { newId } from "../../db/new-id.ts";
import { readCodeToSend } from "../../db/otp-challenges.ts";
import { CONTACTS_PER_USER_MAX } from "../../domain/contact.ts";
import {
  OTP_CHECKS_MAX,
  OTP_SENDS_PER_NUMBER_MAX,
  OTP_SENDS_PER_PERSON_MAX,
  OTP_SENDS_WITHIN_MS,
  OTP_VALID_MS,
} from "../../domain/otp.ts";
import type { Role } from "../../domain/role.ts";
import { ROLES } from "../../domain/role.ts";
import { freshDatabase } from "../support/database.ts";
import type { FreshDatabase } from "../support/database.ts";
import { fictionalNumber, insertTarget, insertUser, SECRET_KEY } from "../support/rows.ts";
import { buildApi, objectAt, problemsOf, seedWords } from "./harness.ts";
import type { Answer, Api } from "./harness.ts";

/** Every statement, of a transaction or not, as whoever listens on the wire would count them. */
const statementsSent = vi.spyOn(pg.Client.prototype, "query");

/** Two processes on one database. */
let database: FreshDatabase | undefined;
let apis: readonly Api[] = [];

beforeAll(async () => {
  database = await freshDatabase();
  const { pool } = database;
  await seedWords(pool);
  const id = newId("pol", Date.now());
  await pool.query(
    "insert into escalation_policies (id, code, name, priority) values ($1, 'otp', 'otp', 'high')",
    [id],
  );
  await pool.query(
    "insert into escalation_policy_versions (policy_id, version, rules) values ($1, 1, '{}')",
    [id],
  );
  await pool.query(
    "insert into notification_types (code, name_id, name_en, priority, policy_id) values ('otp', 'Kode', 'A code', 'high', $1)",
    [id],
  );
  await pool.query(
    "insert into templates (id, version, type, channel, locale, body) values ($1, 1, 'otp', 'whatsapp_personal', 'id', '{{ otp_code }}')",
    [newId("tpl", Date.now())],
  );
  apis = await Promise.all([1, 2].map(() => buildApi(pool)));
});
afterAll(async () => {
  for (const { starter, background } of apis) {
    await starter.stop();
    await background.idle();
  }
  await database?.drop();
});

function api(): Api {
  const [first] = apis;
  if (first === undefined) throw new Error("the APIs exist inside tests only");
  return first;
}

function pool(): pg.Pool {
  return api().pool;
}

type By = { readonly key?: string; readonly on?: Api };

function send(phone: string, { key, on = api() }: By = {}): Promise<Answer> {
  return on.request("POST", "/v1/otp", { body: { phone }, ...(key === undefined ? {} : { key }) });
}

function check(phone: string, code: string, { key, on = api() }: By = {}): Promise<Answer> {
  return on.request("POST", "/v1/otp/verify", {
    body: { phone, code },
    ...(key === undefined ? {} : { key }),
  });
}

/** The number's newest code, as the worker would read it. */
async function codeOf(phone: string): Promise<string> {
  const { rows } = await pool().query<{ notification_id: string }>(
    "select notification_id from otp_challenges where phone = $1 and notification_id is not null order by created_at desc, id desc limit 1",
    [phone],
  );
  const found = await readCodeToSend(
    pool(),
    {
      notificationId: rows[0]?.notification_id ?? "",
      deviceKey: null,
      nowMs: api().clock.nowMs ?? Date.now(),
    },
    SECRET_KEY,
  );
  if (found === null) throw new Error("no code to send");
  return found.code;
}

function anotherThan(code: string, step = 1): string {
  return String((Number(code) + step) % 1_000_000).padStart(6, "0");
}

async function unverified(zones: readonly string[] = []): Promise<{ id: string; phone: string }> {
  const user = await insertUser(pool(), { zones });
  await pool().query(
    "update contacts set verified_at = null, verified_by = null where user_id = $1",
    [user.id],
  );
  return user;
}

async function told(userId: string): Promise<number> {
  const { rows } = await pool().query(
    "select from notifications where type = 'otp' and recipients -> 'userIds' ? $1",
    [userId],
  );
  return rows.length;
}

async function keys(count: number): Promise<readonly string[]> {
  return Promise.all(Array.from({ length: count }, () => api().systemKey("otp:write")));
}

/** As a process leaves the request that died before it could keep its answer, once its lock has run out. */
async function forgetAnswer(idempotencyKey: string): Promise<void> {
  const { rowCount } = await pool().query(
    `update idempotency_keys set state = 'in_flight', response_status = null, response_headers = null, response_body = null,
       locked_until = now() - interval '1 second' where key = $1`,
    [idempotencyKey],
  );
  expect(rowCount).toBe(1);
}

/** Runs it with every process's clock standing at this instant. */
async function at<T>(nowMs: number, work: () => Promise<T>): Promise<T> {
  for (const { clock } of apis) clock.nowMs = nowMs;
  try {
    return await work();
  } finally {
    for (const { clock } of apis) clock.nowMs = null;
  }
}

function reasonsOf(answers: readonly Answer[]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const { body, status, text } of answers) {
    expect(status, text).toBe(200);
    const name = body["verified"] === true ? "verified" : String(body["reason"]);
    counts[name] = (counts[name] ?? 0) + 1;
  }
  return counts;
}

describe("invariant 31: guesses at the same moment", () => {
  const GUESSES = 50;

  async function guess(phone: string, codes: readonly string[]): Promise<readonly Answer[]> {
    const both = await keys(2);
    return Promise.all(
      codes.map((code, index) => {
        const on = apis[index % apis.length];
        const key = both[index % both.length];
        if (on === undefined || key === undefined) throw new Error("there are two of each");
        return check(phone, code, { on, key });
      }),
    );
  }

  it("are compared five times, however many come over two processes, and the right code is worth nothing after them", async () => {
    const { phone } = await unverified();
    await send(phone);
    const code = await codeOf(phone);
    const wrong = Array.from({ length: GUESSES }, (_, index) => anotherThan(code, index + 1));
    const answers = await guess(phone, wrong);
    expect(reasonsOf(answers)).toEqual({
      wrong_code: OTP_CHECKS_MAX,
      no_valid_code: GUESSES - OTP_CHECKS_MAX,
    });
    const left = answers
      .filter(({ body }) => body["reason"] === "wrong_code")
      .map(({ body }) => body["checksLeft"])
      .toSorted();
    expect(left, "each check was counted once").toEqual([0, 1, 2, 3, 4]);
    expect((await check(phone, code)).body).toMatchObject({ verified: false });
    const { rows } = await pool().query(
      "select checks, used_at, code_encrypted from otp_challenges where phone = $1",
      [phone],
    );
    expect(rows).toEqual([{ checks: OTP_CHECKS_MAX, used_at: null, code_encrypted: null }]);
  });

  it("that are all right verify once", async () => {
    const { phone } = await unverified();
    await send(phone);
    const code = await codeOf(phone);
    const counts = reasonsOf(await guess(phone, Array<string>(GUESSES).fill(code)));
    expect(counts).toEqual({ verified: 1, no_valid_code: GUESSES - 1 });
  });

  it.each([1, 2, 3, 4, 5, 6])(
    "with the right one among them compare no more than five and accept one at most (%i)",
    async (place) => {
      const { id, phone } = await unverified();
      await send(phone);
      const code = await codeOf(phone);
      const codes = Array.from({ length: GUESSES }, (_, index) =>
        index === place ? code : anotherThan(code, index + 1),
      );
      const counts = reasonsOf(await guess(phone, codes));
      const compared = (counts["wrong_code"] ?? 0) + (counts["verified"] ?? 0);
      expect(compared).toBeLessThanOrEqual(OTP_CHECKS_MAX);
      expect(counts["verified"] ?? 0).toBeLessThanOrEqual(1);
      const { rows } = await pool().query(
        "select checks, used_at is not null as used from otp_challenges where phone = $1",
        [phone],
      );
      expect(rows).toEqual([{ checks: compared, used: counts["verified"] === 1 }]);
      const { rows: contacts } = await pool().query(
        "select verified_by from contacts where user_id = $1",
        [id],
      );
      expect(contacts).toEqual([{ verified_by: counts["verified"] === 1 ? "otp" : null }]);
    },
  );
});

describe("invariant 31: a code", () => {
  it.each([
    { afterMs: OTP_VALID_MS - 1, verified: true, why: "just before its end" },
    { afterMs: OTP_VALID_MS, verified: false, why: "at its end" },
    { afterMs: OTP_VALID_MS + 1, verified: false, why: "just after its end" },
  ])("$why is right: $verified", async ({ afterMs, verified }) => {
    const { phone } = await unverified();
    const startMs = Date.now();
    const answer = await at(startMs, () => send(phone));
    expect(answer.body).toEqual({
      expiresAt: new Date(startMs + OTP_VALID_MS).toISOString(),
      digits: 6,
      checks: 5,
    });
    const code = await at(startMs, () => codeOf(phone));
    const { body } = await at(startMs + afterMs, () => check(phone, code));
    expect(body["verified"]).toBe(verified);
  });

  it("makes the one before it worthless, and ends the run that told it", async () => {
    const { phone } = await unverified();
    await send(phone);
    const first = await codeOf(phone);
    await send(phone);
    const second = await codeOf(phone);
    if (first !== second) {
      expect((await check(phone, first)).body).toMatchObject({
        verified: false,
        reason: "wrong_code",
      });
    }
    expect((await check(phone, second)).body).toMatchObject({ verified: true });
    await new Promise(setImmediate);
    await api().background.idle();
    const { rows } = await pool().query(
      `select o.code_encrypted is null as wiped, n.stop_kind from otp_challenges o join notifications n on n.id = o.notification_id
       where o.phone = $1 order by o.created_at`,
      [phone],
    );
    expect(rows).toEqual([
      { wiped: true, stop_kind: "cancel" },
      { wiped: true, stop_kind: "cancel" },
    ]);
  });

  it("is read however it is spaced, and what can't be one uses up no check", async () => {
    const { phone } = await unverified();
    await send(phone);
    const code = await codeOf(phone);
    for (const text of ["12345", "1234567", "12345a", "", "١٢٣٤٥٦"]) {
      const answer = await check(phone, text);
      expect(answer.status, text).toBe(422);
      expect(objectAt(answer.body, "errors", 0, "path")).toBe("code");
    }
    const { rows } = await pool().query("select checks from otp_challenges where phone = $1", [
      phone,
    ]);
    expect(rows).toEqual([{ checks: 0 }]);
    const spaced = ` ${code.slice(0, 3)}-${code.slice(3)} `;
    expect((await check(phone.replace("+62", "0"), spaced)).body).toMatchObject({ verified: true });
  });

  it("verifies the person's number, says whose it is, and outdates what was planned without it", async () => {
    const { id, phone } = await unverified();
    const open = await api().accept({ recipients: { userIds: [id] } });
    await insertTarget(pool(), open, { target: id });
    await send(phone);
    const signalled = api().temporal.signals.length;
    const answer = await check(phone, await codeOf(phone));
    expect(answer.body).toMatchObject({
      verified: true,
      reason: null,
      userId: id,
      verifiedAt: expect.stringMatching(/Z$/) as unknown,
    });
    await api().background.idle();
    expect(api().temporal.signals.slice(signalled)).toContainEqual({
      workflowId: `notification/outage/${open}`,
      name: expect.any(String) as unknown,
      fact: { kind: "replan", reason: "contact_verified" },
    });
    const { rows } = await pool().query(
      "select action, detail ->> 'by' as by from audit_log where subject = $1",
      [id],
    );
    expect(rows).toEqual([{ action: "contact.verified", by: "otp" }]);
  });

  it("gives nobody back a number that is being taken from them", async () => {
    const { id, phone } = await unverified();
    await send(phone);
    const code = await codeOf(phone);
    const administrator = await pool().connect();
    let verdict: Promise<Answer>;
    try {
      await administrator.query("begin");
      await administrator.query("select from users where id = $1 for update", [id]);
      await administrator.query("delete from contacts where user_id = $1", [id]);
      verdict = check(phone, code);
      await expect
        .poll(async () => {
          const { rowCount } = await pool().query(
            "select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock' and query like '%from users where id = $1 and is_active for update%'",
          );
          return rowCount;
        })
        .toBe(1);
      await administrator.query("commit");
    } finally {
      administrator.release();
    }
    expect((await verdict).body).toMatchObject({ verified: false, reason: "no_valid_code" });
    const { rows } = await pool().query("select from contacts where user_id = $1", [id]);
    expect(rows).toEqual([]);
  });

  it("is nothing that anybody can answer, steer or rate: its run can be cancelled alone", async () => {
    const { id, phone } = await unverified();
    await send(phone);
    const { rows } = await pool().query<{ id: string }>(
      "select notification_id as id from otp_challenges where phone = $1",
      [phone],
    );
    const act = (verb: string, body: object = {}): Promise<Answer> =>
      api().request("POST", `/v1/notifications/${rows[0]?.id ?? ""}/${verb}`, { body });
    const other = await insertUser(pool());
    const refused = [
      await act("acknowledge"),
      await act("resolve"),
      await act("refuse"),
      await act("escalate"),
      await act("snooze", { until: new Date(Date.now() + 60_000).toISOString() }),
      await act("reprioritise", { priority: "critical" }),
      await act("reassign", { userId: other.id, fromUserId: id }),
      await act("rate", { rating: 5 }),
      await act("close", { note: "Selesai." }),
    ];
    for (const answer of refused) {
      expect(answer.status, answer.text).toBe(200);
      expect(answer.body).toMatchObject({ applied: false, reason: "not_possible" });
    }
    expect((await act("cancel")).body["applied"]).toBe(true);
    expect((await act("acknowledge")).body["reason"], "after it, too").toBe("not_possible");
  });

  it("proves nothing for somebody who has lost the number since", async () => {
    const { id, phone } = await unverified();
    await send(phone);
    const code = await codeOf(phone);
    await pool().query("delete from contacts where user_id = $1", [id]);
    expect((await check(phone, code)).body).toMatchObject({
      verified: false,
      reason: "no_valid_code",
    });
  });
});

describe("invariant 31: sends", () => {
  it("of one number at the same moment are five, over two processes and several keys", async () => {
    const { id, phone } = await unverified();
    const many = await keys(4);
    const answers = await Promise.all(
      Array.from({ length: 24 }, (_, index) => {
        const on = apis[index % apis.length];
        const key = many[index % many.length];
        if (on === undefined || key === undefined) throw new Error("there are some of each");
        return send(phone, { on, key });
      }),
    );
    const refused = answers.filter(({ status }) => status === 429);
    expect(answers.filter(({ status }) => status === 202)).toHaveLength(OTP_SENDS_PER_NUMBER_MAX);
    expect(refused).toHaveLength(24 - OTP_SENDS_PER_NUMBER_MAX);
    for (const { headers, body } of refused) {
      expect(Number(headers.get("retry-after"))).toBeGreaterThan(3_000);
      expect(body["code"]).toBe("rate_limited");
    }
    expect(await told(id)).toBe(OTP_SENDS_PER_NUMBER_MAX);
    const { rows } = await pool().query(
      "select from otp_challenges where phone = $1 and replaced_at is null",
      [phone],
    );
    expect(rows, "one of them counts").toHaveLength(1);
  });

  it.each([
    { afterMs: OTP_SENDS_WITHIN_MS - 1, status: 429, why: "just before an hour is over" },
    { afterMs: OTP_SENDS_WITHIN_MS, status: 202, why: "when an hour is over" },
    { afterMs: OTP_SENDS_WITHIN_MS + 1, status: 202, why: "just after" },
  ])("a sixth $why: $status", async ({ afterMs, status }) => {
    const { phone } = await unverified();
    const startMs = Date.now();
    for (let count = 0; count < OTP_SENDS_PER_NUMBER_MAX; count += 1) {
      expect((await at(startMs + count, () => send(phone))).status).toBe(202);
    }
    expect((await at(startMs + afterMs, () => send(phone))).status).toBe(status);
  });

  it("of one person, to whatever numbers, end at the person's own bound", async () => {
    const { key } = await api().person("admin");
    for (let count = 0; count < OTP_SENDS_PER_PERSON_MAX; count += 1) {
      expect((await send(fictionalNumber(), { key })).status).toBe(202);
    }
    const { phone } = await unverified();
    const answer = await send(phone, { key });
    expect(answer.status).toBe(429);
    expect(answer.text).not.toContain(phone.slice(1));
    expect((await send(phone)).status, "of others they don't").toBe(202);
  });

  it("with one Idempotency-Key are one", async () => {
    const { id, phone } = await unverified();
    const headers = { "idempotency-key": "once" };
    const options = { body: { phone }, headers };
    const [first, second] = [
      await api().request("POST", "/v1/otp", options),
      await api().request("POST", "/v1/otp", options),
    ];
    expect(second.body).toEqual(first.body);
    expect(second.headers.get("idempotent-replayed")).toBe("true");
    expect(await told(id)).toBe(1);
  });

  it("with one Idempotency-Key are one, too, when the first was cut off before its answer was kept and another key of the sender repeats it", async () => {
    const { id, phone } = await unverified();
    const [first = "", second = ""] = await keys(2);
    const key = { "Idempotency-Key": "one-code-two-keys" };
    const sendAs = (apiKey: string) =>
      api().request("POST", "/v1/otp", { body: { phone }, key: apiKey, headers: key });
    const answer = await sendAs(first);
    await forgetAnswer(key["Idempotency-Key"]);
    const repeated = await sendAs(second);
    expect(repeated).toMatchObject({ status: 202, text: answer.text });
    expect(await told(id)).toBe(1);
  });

  it("are bounded in each process beside that: guessing is slow whatever is guessed at", async () => {
    const key = await api().systemKey("otp:write");
    const statuses: number[] = [];
    for (let count = 0; count < 70; count += 1) {
      statuses.push((await check("+6281234000901", "000000", { key })).status);
    }
    expect(statuses.slice(0, 60)).not.toContain(429);
    expect(statuses).toContain(429);
  });
});

describe("invariant 31: a number that nobody has", () => {
  async function statementsOf(work: () => Promise<Answer>): Promise<{
    readonly answer: Answer;
    readonly statements: readonly string[];
  }> {
    await api().starter.idle();
    await api().background.idle();
    statementsSent.mockClear();
    const answer = await work();
    // What follows behind the answer is nobody's wait.
    const statements = statementsSent.mock.calls.map(([statement]: readonly unknown[]) =>
      String(typeof statement === "string" ? statement : objectAt(statement, "text")),
    );
    await new Promise(setImmediate);
    return { answer, statements };
  }

  it("gets the same answer after the same work, sends and guesses alike", async () => {
    const { phone } = await unverified();
    const nobodys = fictionalNumber();
    const nowMs = Date.now();
    const startedBefore = api().temporal.started.length;
    const [known, unknown] = [
      await statementsOf(() => at(nowMs, () => send(phone))),
      await statementsOf(() => at(nowMs, () => send(nobodys))),
    ];
    expect(unknown.answer.status).toBe(known.answer.status);
    expect(unknown.answer.text).toBe(known.answer.text);
    const namesOf = (answer: Answer) => [...answer.headers.keys()].toSorted();
    expect(namesOf(unknown.answer)).toEqual(namesOf(known.answer));
    const isOwn = (statement: string): boolean => !statement.includes("savepoint");
    expect(unknown.statements.filter(isOwn)).toEqual(known.statements.filter(isOwn));
    expect(unknown.statements).toHaveLength(known.statements.length);
    expect(unknown.statements.join("\n")).toContain("insert into notifications");

    const code = await codeOf(phone);
    const [wrong, alsoWrong] = [
      await statementsOf(() => check(phone, anotherThan(code))),
      await statementsOf(() => check(nobodys, anotherThan(code))),
    ];
    expect(alsoWrong.answer.text).toBe(wrong.answer.text);
    expect(alsoWrong.statements).toEqual(wrong.statements);
    expect(wrong.statements).toHaveLength(2);

    await api().starter.idle();
    expect(api().temporal.started.length - startedBefore, "one run began").toBe(1);
    const { rows } = await pool().query(
      "select from notifications where recipients -> 'userIds' ? 'usr_nobody'",
    );
    expect(rows).toEqual([]);
  });

  it("is bound by the same limits", async () => {
    const nobodys = fictionalNumber();
    for (let count = 0; count < OTP_SENDS_PER_NUMBER_MAX; count += 1) {
      expect((await send(nobodys)).status).toBe(202);
    }
    expect((await send(nobodys)).status).toBe(429);
    const guesses = [];
    for (let count = 0; count < OTP_CHECKS_MAX + 1; count += 1) {
      guesses.push(await check(nobodys, "123456"));
    }
    expect(reasonsOf(guesses)).toEqual({ wrong_code: OTP_CHECKS_MAX, no_valid_code: 1 });
  });

  it("looks like one that is out of the caller's reach, whose owner notices nothing", async () => {
    const { id, phone } = await unverified(["bekasi"]);
    const { key } = await api().person("technician", ["karawang"]);
    await send(phone);
    const code = await codeOf(phone);
    const nobodys = fictionalNumber();
    const nowMs = Date.now();
    for (let count = 0; count < OTP_SENDS_PER_NUMBER_MAX; count += 1) {
      const [theirs, none] = [
        await at(nowMs, () => send(phone, { key })),
        await at(nowMs, () => send(nobodys, { key })),
      ];
      expect(theirs.status).toBe(202);
      expect(theirs.text).toBe(none.text);
    }
    expect((await send(phone, { key })).status).toBe(429);
    const guess = await check(phone, code, { key });
    expect(guess.body).toMatchObject({ verified: false, reason: "wrong_code" });
    expect(await told(id)).toBe(1);
    expect((await check(phone, code)).body).toMatchObject({ verified: true });
  });

  it("and text that is no number are told apart, and nothing of it comes back", async () => {
    for (const path of ["/v1/otp", "/v1/otp/verify"]) {
      const answer = await api().request("POST", path, {
        body: { phone: "0812-nonsense", ...(path.endsWith("y") ? { code: "123456" } : {}) },
      });
      expect(answer.status).toBe(422);
      expect(answer.text).not.toContain("nonsense");
    }
  });
});

describe("a request that can't be carried out", () => {
  it.each([
    { body: { phone: "nope", code: "12" }, paths: ["code", "phone"], reason: "neither can be one" },
    { body: { phone: "nope" }, paths: ["code", "phone"], reason: "one is missing" },
    { body: { phone: "nope", code: 123456 }, paths: ["code", "phone"], reason: "not a text" },
    { body: { phone: 1, code: "12" }, paths: ["code", "phone"], reason: "not a text either" },
    { body: { phone: "nope", code: "123456", x: 1 }, paths: ["phone", "x"], reason: "no field" },
    {
      body: { phone: "+6281234000901", code: "\uff11\uff12\uff13\uff14\uff15\uff16" },
      paths: ["code"],
      reason: "digits, but none that a code is made of",
    },
  ])("to check a code names every bad field: $reason", async ({ body, paths }) => {
    const answer = await api().request("POST", "/v1/otp/verify", { body });
    expect(answer.status).toBe(422);
    expect(
      problemsOf(answer)
        .map((problem) => problem.split(":")[0])
        .toSorted(),
    ).toEqual(paths);
  });

  it.each(["/v1/otp", "/v1/me/phone"])("to %s names every bad field", async (path) => {
    const { key } = await api().person("noc");
    const answer = await api().request("POST", path, { body: { phone: "nope", x: 1 }, key });
    expect(answer.status).toBe(422);
    expect(problemsOf(answer)).toEqual(["x: unknown_field", "phone: invalid_phone"]);
  });
});

describe("an installation", () => {
  it("of an earlier release, whose type names no policy, tells codes by the one for codes alone", async () => {
    const { id, phone } = await unverified();
    const { rows } = await pool().query<{ policy_id: string }>(
      "select policy_id from notification_types where code = 'otp'",
    );
    await pool().query("update notification_types set policy_id = null where code = 'otp'");
    try {
      expect((await send(phone)).status).toBe(202);
      const { rows: told } = await pool().query(
        "select p.code from notifications n join escalation_policies p on p.id = n.policy_id where n.recipients -> 'userIds' ? $1",
        [id],
      );
      expect(told).toEqual([{ code: "otp" }]);
      await pool().query("update escalation_policies set code = null where code = 'otp'");
      const answer = await send(phone);
      expect(answer).toMatchObject({ status: 503, body: { code: "otp_not_set_up" } });
    } finally {
      const policyId = rows[0]?.policy_id;
      await pool().query("update escalation_policies set code = 'otp' where id = $1", [policyId]);
      await pool().query("update notification_types set policy_id = $1 where code = 'otp'", [
        policyId,
      ]);
    }
  });
});

describe("one's own number", () => {
  function claim(phone: string, key: string): Promise<Answer> {
    return api().request("POST", "/v1/me/phone", { body: { phone }, key });
  }

  async function phonesOf(userId: string): Promise<readonly unknown[]> {
    const { rows } = await pool().query<Record<string, unknown>>(
      "select value, is_primary, verified_by from contacts where user_id = $1 order by created_at, value",
      [userId],
    );
    return rows;
  }

  it("is the person's, and the one that is used, once it is proven and not before", async () => {
    const { id, key } = await api().person("technician");
    const [first, second] = [fictionalNumber(), fictionalNumber()];
    expect((await claim(first, key)).status).toBe(202);
    expect(await phonesOf(id)).toEqual([]);
    expect((await check(first, await codeOf(first), { key })).body).toMatchObject({
      verified: true,
      userId: id,
    });
    expect(await phonesOf(id)).toEqual([{ value: first, is_primary: true, verified_by: "otp" }]);

    await claim(second, key);
    expect(await phonesOf(id)).toHaveLength(1);
    await check(second, await codeOf(second), { key });
    expect(await phonesOf(id)).toEqual([
      { value: first, is_primary: false, verified_by: "otp" },
      { value: second, is_primary: true, verified_by: "otp" },
    ]);
  });

  it("is nobody's code but the person's own: somebody else's guess finds none", async () => {
    const { key } = await api().person("technician");
    const other = await api().person("technician");
    const phone = fictionalNumber();
    await claim(phone, key);
    const code = await codeOf(phone);
    expect((await check(phone, code, { key: other.key })).body["reason"]).toBe("no_valid_code");
    expect((await check(phone, code)).body["reason"]).toBe("no_valid_code");
    expect((await check(phone, code, { key })).body["verified"]).toBe(true);
  });

  it("that somebody else has gets the same answer and no message", async () => {
    const { id, phone } = await unverified();
    const { id: claimer, key } = await api().person("technician");
    const nowMs = Date.now();
    const [theirs, free] = [
      await at(nowMs, () => claim(phone, key)),
      await at(nowMs, () => claim(fictionalNumber(), key)),
    ];
    expect(theirs.status).toBe(202);
    expect(theirs.text).toBe(free.text);
    expect(await told(id)).toBe(0);
    expect(await told(claimer), "of the free one").toBe(1);
  });

  it("that somebody else has looks free, however often, and by whichever route, it is asked for", async () => {
    const { phone: taken } = await unverified();
    const free = fictionalNumber();
    const [first, second] = [await api().person("technician"), await api().person("technician")];
    const statusesOf = async (phone: string): Promise<readonly number[]> => {
      const statuses: number[] = [];
      for (let count = 0; count < OTP_SENDS_PER_NUMBER_MAX + 1; count += 1) {
        statuses.push((await claim(phone, first.key)).status);
      }
      statuses.push((await send(phone, { key: first.key })).status);
      statuses.push((await claim(phone, second.key)).status);
      return statuses;
    };
    expect(await statusesOf(taken)).toEqual(await statusesOf(free));
  });

  it("that somebody else has leaves no trace by which it could be told from a free one", async () => {
    const { phone: taken } = await unverified();
    const { id, key } = await api().person("technician");
    await claim(taken, key);
    await claim(fictionalNumber(), key);
    const { rows } = await pool().query<{ id: string }>(
      "select id from notifications where type = 'otp' and recipients -> 'userIds' ? $1",
      [id],
    );
    expect(rows).toHaveLength(1);
    const notificationId = rows[0]?.id ?? "";
    await insertTarget(pool(), notificationId, { target: id });
    const seen = await api().request("GET", `/v1/notifications/${notificationId}`, { key });
    expect(seen.status).toBe(404);
    const list = await api().request("GET", "/v1/notifications", { key });
    expect(list.status).toBe(200);
    expect(list.body["items"]).toEqual([]);
  });

  it("is refused at once to a person who has as many as anybody may, unless it is one of them", async () => {
    const { id, key } = await api().person("technician");
    const numbers = Array.from({ length: CONTACTS_PER_USER_MAX }, () => fictionalNumber());
    for (const number of numbers) {
      await pool().query(
        "insert into contacts (id, user_id, kind, value) values ($1, $2, 'phone', $3)",
        [newId("con", Date.now()), id, number],
      );
    }
    const { phone: taken } = await unverified();
    for (const phone of [fictionalNumber(), taken]) {
      expect(await claim(phone, key)).toMatchObject({
        status: 409,
        body: { code: "too_many_contacts" },
      });
    }
    expect((await claim(numbers[0] ?? "", key)).status).toBe(202);
  });

  it("that two persons claim goes to whoever proves it first", async () => {
    const people = [await api().person("technician"), await api().person("noc")];
    const phone = fictionalNumber();
    const codes: string[] = [];
    for (const { key } of people) {
      await claim(phone, key);
      codes.push(await codeOf(phone));
    }
    const verdicts = await Promise.all(
      people.map(({ key }, index) => check(phone, codes[index] ?? "", { key })),
    );
    expect(verdicts.filter(({ body }) => body["verified"] === true)).toHaveLength(1);
    const { rows } = await pool().query("select from contacts where value = $1", [phone]);
    expect(rows).toHaveLength(1);
  });

  it("is asked of a signed-in person alone", async () => {
    expect((await claim(fictionalNumber(), api().admin)).status).toBe(403);
    expect((await claim("", (await api().person("noc")).key)).status).toBe(422);
  });
});

describe("invariant 38: who may send codes", () => {
  /** To whom a code really goes, of those whom one might ask about. */
  const REACHES: Record<Role, readonly string[]> = {
    admin: ["own", "own zone", "other zone"],
    manager: ["own"],
    supervisor: ["own", "own zone"],
    noc: ["own"],
    customer_service: ["own"],
    technician: ["own"],
    customer: [],
  };

  it.each(ROLES.map((role) => ({ role })))("$role", async ({ role }) => {
    const { id, key } = await api().person(role, ["karawang"]);
    const own = fictionalNumber();
    await pool().query(
      "insert into contacts (id, user_id, kind, value) values ($1, $2, 'phone', $3)",
      [newId("con", Date.now()), id, own],
    );
    const subjects = {
      own: { id, phone: own },
      "own zone": await unverified(["karawang"]),
      "other zone": await unverified(["bekasi"]),
    };
    const isAllowed = REACHES[role].length > 0;
    for (const [name, subject] of Object.entries(subjects)) {
      expect((await send(subject.phone, { key })).status, name).toBe(isAllowed ? 202 : 403);
      expect(await told(subject.id), name).toBe(REACHES[role].includes(name) ? 1 : 0);
    }
    expect((await check(own, "123456", { key })).status).toBe(isAllowed ? 200 : 403);
  });

  it("a system's key with the scope, and no other", async () => {
    const { phone } = await unverified();
    const may = await api().systemKey("otp:write");
    const mayNot = await api().systemKey("notifications:write", "master:write");
    expect((await send(phone, { key: may })).status).toBe(202);
    expect((await send(phone, { key: mayNot })).status).toBe(403);
    expect((await check(phone, "123456", { key: mayNot })).status).toBe(403);
  });
});

describe("a process that dies", () => {
  /** As if the process went away at this statement. */
  async function failing(event: "insert" | "update", table: string): Promise<() => Promise<void>> {
    await pool().query(
      "create function refuse() returns trigger language plpgsql as $$ begin raise exception 'refused'; end $$",
    );
    await pool().query(
      `create trigger refuse before ${event} on ${table} for each row execute function refuse()`,
    );
    return async () => {
      await pool().query("drop function refuse() cascade");
    };
  }

  it("between storing and starting leaves challenge and notification, which the sweep starts", async () => {
    const { id, phone } = await unverified();
    api().temporal.mode = "away";
    expect((await send(phone)).status).toBe(202);
    api().temporal.mode = "up";
    const { rows } = await pool().query(
      `select n.status, n.not_after = o.expires_at as ends_with_it from otp_challenges o join notifications n on n.id = o.notification_id
       where o.user_id = $1`,
      [id],
    );
    expect(rows).toEqual([{ status: "accepted", ends_with_it: true }]);
  });

  it("between a right code and its proof has used up a check: the code still serves", async () => {
    const { phone } = await unverified();
    await send(phone);
    const code = await codeOf(phone);
    const heal = await failing("update", "contacts");
    try {
      expect((await check(phone, code)).status).toBe(500);
    } finally {
      await heal();
    }
    expect((await check(phone, code)).body).toMatchObject({ verified: true });
    const { rows } = await pool().query("select checks from otp_challenges where phone = $1", [
      phone,
    ]);
    expect(rows).toEqual([{ checks: 2 }]);
  });

  it("behind the proof leaves its repeat the same answer, and to nobody else", async () => {
    const { id, phone } = await unverified();
    await send(phone);
    const code = await codeOf(phone);
    const verify = (name: string) =>
      api().request("POST", "/v1/otp/verify", {
        body: { phone, code },
        headers: { "Idempotency-Key": name },
      });
    const first = await verify("proof-cut-off");
    await forgetAnswer("proof-cut-off");
    await send(phone);
    expect((await verify("proof-of-another")).body["verified"]).toBe(false);
    const repeated = await verify("proof-cut-off");
    expect(repeated.body).toMatchObject({ verified: true, userId: id });
    expect(repeated.text).toBe(first.text);
    const { rows } = await pool().query(
      "select checks from otp_challenges where phone = $1 and used_at is null",
      [phone],
    );
    expect(rows, "the repeat is no guess at the newer code").toEqual([{ checks: 1 }]);
  });

  it("before it has stored everything leaves nothing", async () => {
    const { id, phone } = await unverified();
    const heal = await failing("insert", "notifications");
    try {
      expect((await send(phone)).status).toBe(500);
    } finally {
      await heal();
    }
    const { rows } = await pool().query("select from otp_challenges where user_id = $1", [id]);
    expect(rows).toEqual([]);
  });
});
