import type pg from "pg";
import { describe, expect, it } from "vitest";

import { withTransaction } from "../../db/transaction.ts";
import { verifyContact } from "../../db/verified-contacts.ts";
import type { VerifyAnswer } from "../../db/verified-contacts.ts";
import { CONTACTS_PER_USER_MAX } from "../../domain/contact.ts";
import type { Verification } from "../../domain/contact.ts";
import { useFreshDatabase } from "../support/database.ts";
import {
  fictionalNumber,
  insertNotificationRow,
  insertPolicy,
  insertTarget,
  insertType,
  insertUser,
} from "../support/rows.ts";

const database = useFreshDatabase();
const NOW = Date.parse("2026-11-22T03:00:00Z");

interface Held {
  readonly value: string;
  readonly by: Verification | null;
  readonly at: number | null;
  readonly isPrimary: boolean;
}

async function contactsOf(pool: pg.Pool, userId: string): Promise<readonly Held[]> {
  const { rows } = await pool.query<Held & { at: Date | null }>(
    `select value, verified_by as by, verified_at as at, is_primary as "isPrimary" from contacts where user_id = $1 order by created_at, value`,
    [userId],
  );
  return rows.map((row) => ({ ...row, at: row.at === null ? null : row.at.getTime() }));
}

async function withPhone(by: Verification | null, at = NOW - 1_000) {
  const { pool } = database();
  const { id, phone } = await insertUser(pool);
  await pool.query("update contacts set verified_by = $2, verified_at = $3 where user_id = $1", [
    id,
    by,
    by === null ? null : new Date(at),
  ]);
  return { pool, id, phone };
}

function verify(
  userId: string,
  value: string,
  by: Verification = "otp",
  more: { readonly makesPrimary?: boolean; readonly nowMs?: number } = {},
): Promise<VerifyAnswer> {
  return withTransaction(database().pool, (client) =>
    verifyContact(client, { userId, kind: "phone", value, by, nowMs: NOW, ...more }),
  );
}

async function openRunOf(pool: pg.Pool, userId: string, state = "open"): Promise<string> {
  const id = await insertNotificationRow(pool, {
    type: await insertType(pool),
    policyId: await insertPolicy(pool),
  });
  await insertTarget(pool, id, { target: userId });
  await pool.query("update notification_targets set state = $2 where notification_id = $1", [
    id,
    state,
  ]);
  return id;
}

describe("what somebody has verified", () => {
  const rows: readonly {
    readonly before: Verification | null;
    readonly by: Verification;
    readonly after: Verification;
    readonly isAgain: boolean;
    readonly reason: string;
  }[] = [
    { before: null, by: "otp", after: "otp", isAgain: false, reason: "nobody had" },
    { before: null, by: "admin", after: "admin", isAgain: false, reason: "a word is enough" },
    { before: "admin", by: "inbound", after: "inbound", isAgain: true, reason: "proof over word" },
    { before: "import", by: "otp", after: "otp", isAgain: true, reason: "proof over word" },
    { before: "api", by: "admin", after: "api", isAgain: true, reason: "the first word stands" },
    { before: "otp", by: "inbound", after: "otp", isAgain: true, reason: "the first proof stands" },
    { before: "inbound", by: "admin", after: "inbound", isAgain: true, reason: "never downwards" },
  ];
  it.each(rows)(
    "$before, then $by, is recorded as $after ($reason)",
    async ({ before, by, after, isAgain }) => {
      const { pool, id, phone } = await withPhone(before);
      const answer = await verify(id, phone, by);
      expect(answer).toMatchObject({ kind: "verified", wasVerified: isAgain, isNew: false });
      const at = after === before ? NOW - 1_000 : NOW;
      expect(await contactsOf(pool, id)).toEqual([
        { value: phone, by: after, at, isPrimary: true },
      ]);
    },
  );
});

describe("open runs", () => {
  it.each(["open", "left_out"])("are outdated once, with a target that is %s", async (state) => {
    const { pool, id, phone } = await withPhone(null);
    const run = await openRunOf(pool, id, state);
    const first = await verify(id, phone);
    expect(first).toMatchObject({ stale: [{ notificationId: run }] });
    await pool.query("update notification_targets set plan_stale_at = null");
    expect(await verify(id, phone, "otp", { nowMs: NOW + 1 })).toMatchObject({ stale: [] });
    const marked = await pool.query(
      "select from notification_targets where plan_stale_at is not null",
    );
    expect(marked.rowCount).toBe(0);
  });

  it("of a person whose number somebody had vouched for stay as they are when it is proven", async () => {
    const { pool, id, phone } = await withPhone("admin");
    await openRunOf(pool, id);
    const before = await versionOf(pool, id);
    expect(await verify(id, phone, "inbound")).toMatchObject({ stale: [] });
    expect(await versionOf(pool, id)).toBe(before);
  });

  it("lets no plan be saved that was made from the unverified number", async () => {
    const { pool, id, phone } = await withPhone(null);
    const before = await versionOf(pool, id);
    await verify(id, phone);
    expect(await versionOf(pool, id)).toBe(before + 1);
  });
});

async function versionOf(pool: pg.Pool, id: string): Promise<number> {
  const { rows } = await pool.query<{ version: number }>(
    "select version from users where id = $1",
    [id],
  );
  return rows[0]?.version ?? Number.NaN;
}

describe("a number that the person did not have", () => {
  it("is the one that is used where the one before was verified by nobody", async () => {
    const { pool, id, phone } = await withPhone(null);
    const second = fictionalNumber();
    expect(await verify(id, second)).toMatchObject({ isNew: true, isPrimary: true });
    expect(await contactsOf(pool, id)).toMatchObject(
      expect.arrayContaining([
        expect.objectContaining({ value: phone, by: null, isPrimary: false }),
        expect.objectContaining({ value: second, by: "otp", isPrimary: true }),
      ]),
    );
  });

  it("stands beside one that is verified, unless it is wanted in its place", async () => {
    const { pool, id, phone } = await withPhone("admin");
    const [second, third] = [fictionalNumber(), fictionalNumber()];
    expect(await verify(id, second)).toMatchObject({ isNew: true, isPrimary: false });
    expect(await verify(id, third, "otp", { makesPrimary: true })).toMatchObject({
      isPrimary: true,
    });
    const held = await contactsOf(pool, id);
    expect(held.filter(({ isPrimary }) => isPrimary).map(({ value }) => value)).toEqual([third]);
    expect(held).toHaveLength(3);
    expect(held.map(({ value }) => value)).toContain(phone);
  });

  it("is refused where another active person has it, and changes nothing", async () => {
    const { pool, id } = await withPhone(null);
    const other = await withPhone("otp");
    const before = await contactsOf(pool, id);
    expect(await verify(id, other.phone)).toEqual({ kind: "taken" });
    expect(await contactsOf(pool, id)).toEqual(before);
  });

  it("is free once the other person is switched off", async () => {
    const { id } = await withPhone(null);
    const other = await withPhone("otp");
    await database().pool.query("update users set is_active = false where id = $1", [other.id]);
    await database().pool.query("update contacts set is_active = false where user_id = $1", [
      other.id,
    ]);
    expect(await verify(id, other.phone)).toMatchObject({ kind: "verified", isNew: true });
  });

  it("goes to one of two who take it at the same moment", async () => {
    const [a, b] = [await withPhone(null), await withPhone(null)];
    const wanted = fictionalNumber();
    const answers = await Promise.all([verify(a.id, wanted), verify(b.id, wanted)]);
    expect(answers.map(({ kind }) => kind).toSorted()).toEqual(["taken", "verified"]);
  });

  it.each([
    { held: CONTACTS_PER_USER_MAX - 1, kind: "verified", reason: "the last that fits" },
    { held: CONTACTS_PER_USER_MAX, kind: "too_many", reason: "full" },
    { held: CONTACTS_PER_USER_MAX + 1, kind: "too_many", reason: "fuller than may be" },
  ])("beside $held others is $kind ($reason)", async ({ held, kind }) => {
    const { pool, id } = await withPhone("admin");
    await pool.query(
      `insert into contacts (id, user_id, kind, value, is_primary)
       select 'con_' || $1 || n, $1, 'phone', '+6281234' || lpad((900000 + n + $3)::text, 6, '0'), false from generate_series(2, $2) n`,
      [id, held, held * 100],
    );
    expect((await verify(id, fictionalNumber())).kind).toBe(kind);
  });
});

it("verifies nothing of somebody who is switched off or not there", async () => {
  const { pool, id, phone } = await withPhone(null);
  await pool.query("update users set is_active = false where id = $1", [id]);
  expect(await verify(id, phone)).toEqual({ kind: "unknown_user" });
  expect(await verify("usr_nobody", phone)).toEqual({ kind: "unknown_user" });
});

it("two proofs of one number at the same moment are one", async () => {
  const { pool, id, phone } = await withPhone(null);
  const answers = await Promise.all([verify(id, phone, "otp"), verify(id, phone, "inbound")]);
  expect(answers.filter((answer) => answer.kind === "verified" && answer.wasVerified)).toHaveLength(
    1,
  );
  expect(await contactsOf(pool, id)).toHaveLength(1);
});
