import { beforeEach, describe, expect, it } from "vitest";

import { silentAccounts } from "../../db/account-health.ts";
import { newId } from "../../db/new-id.ts";
import { useFreshDatabase } from "../support/database.ts";
import {
  insertAccount,
  insertNotificationRow,
  insertPolicy,
  insertType,
  insertUser,
} from "../support/rows.ts";

const database = useFreshDatabase();

beforeEach(async () => {
  await database().pool.query("delete from notifications");
});

/** A message without a report must have one within thirty seconds: see `insertAccount`. */
interface Accepted {
  readonly secondsAgo: number;
  readonly isReported: boolean;
}

const silent = (secondsAgo: number): Accepted => ({ secondsAgo, isReported: false });
const reported = (secondsAgo: number): Accepted => ({ secondsAgo, isReported: true });

async function accountWith(messages: readonly Accepted[]): Promise<string> {
  const { pool } = database();
  const accountId = await insertAccount(pool);
  await pool.query(
    "update provider_accounts set health_since = now() - interval '1 day' where id = $1",
    [accountId],
  );
  const notificationId = await insertNotificationRow(pool, {
    type: await insertType(pool),
    policyId: await insertPolicy(pool),
  });
  const { id: userId } = await insertUser(pool);
  for (const [index, { secondsAgo, isReported }] of messages.entries()) {
    await pool.query(
      `insert into deliveries (id, notification_id, pass, step, target, user_id, channel, attempt, hand_over, account_id, order_reason, status,
         created_at, accepted_at, sent_at)
       select $1, $2, 1, 1, $3, $3, 'whatsapp_personal', $4, 0, $5, 'step', $6, at, at, case when $7 then at + interval '1 second' end
       from (select now() - make_interval(secs => $8) as at) as instant`,
      [
        newId("dlv", Date.now()),
        notificationId,
        userId,
        index + 1,
        accountId,
        isReported ? "sent" : "accepted",
        isReported,
        secondsAgo,
      ],
    );
  }
  return accountId;
}

describe("silentAccounts", () => {
  it.each([
    { messages: [silent(60), silent(50), silent(40)], found: true, why: "three in a row" },
    { messages: [silent(60), silent(50)], found: false, why: "two may be chance" },
    {
      messages: [silent(60), silent(50), silent(20)],
      found: false,
      why: "the third still has time",
    },
    {
      messages: [silent(60), reported(50), silent(40), silent(35)],
      found: false,
      why: "one of the last three was reported",
    },
    {
      messages: [reported(70), silent(60), silent(50), silent(40)],
      found: true,
      why: "it has fallen silent",
    },
    {
      messages: [silent(60), silent(50), silent(40), reported(5)],
      found: false,
      why: "it speaks: those reports came while nobody listened",
    },
  ])("says $found where $why", async ({ messages, found }) => {
    const accountId = await accountWith(messages);
    const carriers = [{ provider: "fonnte", channel: "whatsapp_personal" }];
    const answer = await silentAccounts(database().pool, { carriers, now: new Date() });
    expect(answer).toEqual(found ? [accountId] : []);
  });
});
