import { expect, it } from "vitest";

import { recordReceipt } from "../../db/receipts.ts";
import type { FailureKind } from "../../domain/result-kind.ts";
import { useFreshDatabase } from "../support/database.ts";
import { closingMessage, deliverWorker, takenAs } from "../support/deliver-worker.ts";
import {
  insertAccount,
  insertNotificationRow,
  insertPolicy,
  insertTarget,
  insertType,
  insertUser,
} from "../support/rows.ts";

const database = useFreshDatabase();
let vendorIds = 0;

/** One message whose vendor reports this failure before it answers the send. */
async function sentAndFailed(
  failure: { readonly kind: FailureKind; readonly scope: "recipient" | "account" },
  knows: { readonly ourId: boolean },
) {
  const { pool } = database();
  const type = await insertType(pool);
  await pool.query("update notification_types set consent_class = 'promotion' where code = $1", [
    type,
  ]);
  const notificationId = await insertNotificationRow(pool, {
    type,
    policyId: await insertPolicy(pool),
  });
  await pool.query(
    "update notifications set stopped_at = now(), stop_kind = 'acknowledge' where id = $1",
    [notificationId],
  );
  const user = await insertUser(pool, { role: "customer" });
  await insertTarget(pool, notificationId, { target: user.id });
  const deviceKey = `device-${notificationId}`;
  const accountId = await insertAccount(pool, { provider: "fonnte", deviceKey });
  const providerMessageId = `vendor-${(vendorIds += 1)}`;
  const input = closingMessage({ notificationId, target: user.id, accountId });
  const deliver = deliverWorker(pool, async () => {
    const { rows } = await pool.query<{ id: string }>(
      "select id from deliveries where notification_id = $1",
      [notificationId],
    );
    await recordReceipt(pool, {
      receiptId: `rcp_${providerMessageId}`,
      accountId,
      eventKey: "once",
      providerMessageId,
      alias: null,
      deliveryKey: knows.ourId ? (rows[0]?.id ?? null) : null,
      status: "failed",
      final: true,
      reason: failure.kind === "opted_out" ? "opted_out" : "not_on_whatsapp",
      error: { ...failure, message: "reported" },
      reportedAt: null,
      receivedAt: Date.now(),
    });
    return takenAs(providerMessageId);
  });
  return { input, deliver, userId: user.id, notificationId };
}

async function optOuts(userId: string): Promise<readonly string[]> {
  const { rows } = await database().pool.query<{ what: string }>(
    "select message_class || ' on ' || channel as what from opt_outs where user_id = $1 and ended_at is null",
    [userId],
  );
  return rows.map(({ what }) => what);
}

async function deliveryOf(notificationId: string): Promise<unknown> {
  const { rows } = await database().pool.query(
    "select status, reason, error ->> 'kind' as kind from deliveries where notification_id = $1 and channel <> 'in_app'",
    [notificationId],
  );
  return rows[0];
}

it("an opt-out that is reported before the vendor has answered withdraws consent once the message is known", async () => {
  const { input, deliver, userId, notificationId } = await sentAndFailed(
    { kind: "opted_out", scope: "recipient" },
    { ourId: false },
  );
  expect(await deliver(input)).toMatchObject({ earlyFailure: { final: true } });
  expect(await deliveryOf(notificationId)).toEqual({
    status: "failed",
    reason: "opted_out",
    kind: "opted_out",
  });
  expect(await optOuts(userId)).toEqual(["promotion on whatsapp_personal"]);
});

it("is recorded by the next execution where the one before died over it", async () => {
  const { input, deliver, userId } = await sentAndFailed(
    { kind: "opted_out", scope: "recipient" },
    { ourId: false },
  );
  await deliver(input);
  await database().pool.query("delete from opt_outs where user_id = $1", [userId]);
  await expect(deliver(input)).rejects.toMatchObject({ type: "opted_out" });
  expect(await optOuts(userId)).toEqual(["promotion on whatsapp_personal"]);
});

it.each([
  [{ kind: "rejected", scope: "recipient" }, "another failure is no word about consent"],
  [{ kind: "opted_out", scope: "account" }, "what concerns the account is nobody's consent"],
] as const)("%o withdraws nothing: %s", async (failure, _reason) => {
  const { input, deliver, userId, notificationId } = await sentAndFailed(failure, { ourId: false });
  await deliver(input);
  expect(await deliveryOf(notificationId)).toMatchObject({ status: "failed", kind: failure.kind });
  expect(await optOuts(userId)).toEqual([]);
});

it("what was said of a failure that names our own delivery stands after the vendor's answer", async () => {
  const { input, deliver, notificationId } = await sentAndFailed(
    { kind: "rejected", scope: "recipient" },
    { ourId: true },
  );
  expect(await deliver(input)).toMatchObject({ earlyFailure: { final: true } });
  expect(await deliveryOf(notificationId)).toEqual({
    status: "failed",
    reason: "not_on_whatsapp",
    kind: "rejected",
  });
});
