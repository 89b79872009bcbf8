import { expect, it } from "vitest";

import { createSweep } from "../../activities/sweep.ts";
import { insertPhoneVerification } from "../../db/phone-verifications.ts";
import { withTransaction } from "../../db/transaction.ts";
import { createProviders } from "../../providers/registry.ts";
import { useFreshDatabase } from "../support/database.ts";
import { insertUser } from "../support/rows.ts";

const database = useFreshDatabase();

const DAY_MS = 86_400_000;

async function sweepAt(nowMs: number): Promise<void> {
  const sweep = createSweep({
    pool: database().pool,
    now: () => nowMs,
    start: () => Promise.resolve(null),
    startAnswer: () => Promise.resolve(),
    signal: () => Promise.resolve(true),
    judgeAccounts: () => Promise.resolve(),
    tellOptOuts: () => Promise.resolve(),
    providers: createProviders(() => Promise.reject(new Error("this sweep calls no vendor"))),
    startAsk: () => Promise.resolve(),
    log: { warn: () => undefined },
  });
  await sweep();
}

it.each([
  { afterMs: DAY_MS - 1, isKept: true, why: "a late message still hears that it has expired" },
  { afterMs: DAY_MS, isKept: false, why: "a day after its end" },
  { afterMs: DAY_MS + 1, isKept: false, why: "and from then on" },
])("a link that ended $afterMs ms ago is kept: $isKept ($why)", async ({ afterMs, isKept }) => {
  const { pool } = database();
  const { id: userId } = await insertUser(pool);
  const endsAtMs = Date.now() + 60_000;
  await withTransaction(pool, (client) =>
    insertPhoneVerification(client, {
      code: `CODE-${userId}`,
      userId,
      nowMs: endsAtMs - 60_000,
      lastsMs: 60_000,
    }),
  );
  await sweepAt(endsAtMs + afterMs);
  const { rowCount } = await pool.query("select from phone_verifications where user_id = $1", [
    userId,
  ]);
  expect(rowCount).toBe(isKept ? 1 : 0);
});
