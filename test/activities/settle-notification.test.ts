import { expect, it } from "vitest";

import { createSettleNotification } from "../../activities/settle-notification.ts";
import { OTP_TYPE } from "../../domain/otp.ts";
import { useFreshDatabase } from "../support/database.ts";
import {
  insertNotificationRow,
  insertPaidDelivery,
  insertPolicy,
  insertType,
} from "../support/rows.ts";

const database = useFreshDatabase();

it.each([
  { code: OTP_TYPE, closings: 0, why: "whoever entered a code knows that it is over" },
  { code: "outage", closings: 1, why: "everybody else who was told hears it" },
])("a stopped run of type $code has $closings closing messages: $why", async (expected) => {
  const { pool } = database();
  const notificationId = await insertNotificationRow(pool, {
    type: await insertType(pool, { code: expected.code }),
    policyId: await insertPolicy(pool),
  });
  await insertPaidDelivery(pool, notificationId, 0);
  await pool.query(
    "update notifications set stopped_at = now(), stop_kind = 'acknowledge' where id = $1",
    [notificationId],
  );
  const settle = createSettleNotification({
    pool,
    settings: { installationTimeZone: "Asia/Jakarta", portalUrl: null },
    now: () => Date.now(),
    raiseNotice: () => Promise.resolve(),
    writeRunProgress: () => Promise.resolve(),
  });
  const { outcome, closing } = await settle({
    notificationId,
    end: { outcome: "acknowledged", reason: null, unreached: [], unanswered: [] },
    progress: null,
  });
  expect([outcome, closing.length]).toEqual(["acknowledged", expected.closings]);
});
