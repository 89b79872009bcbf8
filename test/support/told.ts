import type pg from "pg";

import { takeReplyCode } from "../../db/deliveries.ts";
import { newId } from "../../db/new-id.ts";
import type { VendorAccount } from "./vendors.ts";
import { vendorMessageId } from "./vendors.ts";

export type Told = {
  readonly deliveryId: string;
  readonly messageId: string;
  readonly providerMessageId: string;
};

/** A message that a vendor has taken: what `deliver` leaves behind, without a worker. */
export async function insertTold(
  db: pg.Pool,
  told: {
    readonly notificationId: string;
    readonly account: VendorAccount;
    /** User or group id. */
    readonly target: string;
    readonly address: string;
    readonly code?: string | null;
    readonly providerMessageId?: string | null;
    readonly status?: string;
    readonly purpose?: "ladder" | "closing";
    readonly attempt?: number;
    readonly at?: number;
    readonly evidence?: readonly string[];
    readonly messageId?: string;
  },
): Promise<Told> {
  const at = new Date(told.at ?? Date.now());
  const providerMessageId =
    told.providerMessageId === undefined
      ? vendorMessageId(told.account.provider)
      : told.providerMessageId;
  const messageId = told.messageId ?? newId("msg", at.getTime());
  const deliveryId = newId("dlv", at.getTime());
  const status = told.status ?? "accepted";
  await db.query(
    `insert into messages (id, account_id, provider, channel, device_key, address, body, provider_message_id, status, reply_code, answerable, created_at, accepted_at)
     values ($1, $2, $3, $4, $5, $6, 'Gangguan massal di POP Klari', $7, $8, $9, $10, $11, $11)
     on conflict (id) do nothing`,
    [
      messageId,
      told.account.id,
      told.account.provider,
      told.account.channel,
      told.account.deviceKey,
      told.address,
      providerMessageId,
      status,
      told.code ?? null,
      (told.purpose ?? "ladder") === "ladder",
      at,
    ],
  );
  await db.query(
    `insert into deliveries (id, notification_id, purpose, pass, step, target, user_id, group_id, channel, attempt, hand_over, account_id, provider,
       message_id, address, status, evidence, created_at, sending_at, accepted_at)
     values ($1, $2, $3, 1, 1, $4, $5, $6, $7, $8, 0, $9, $10, $11, $12, $13, $14, $15, $15, $15)`,
    [
      deliveryId,
      told.notificationId,
      told.purpose ?? "ladder",
      told.target,
      told.target.startsWith("usr_") ? told.target : null,
      told.target.startsWith("grp_") ? told.target : null,
      told.account.channel,
      told.attempt ?? 1,
      told.account.id,
      told.account.provider,
      messageId,
      told.address,
      status,
      told.evidence ?? ["sent", "delivered", "read"],
      at,
    ],
  );
  return { deliveryId, messageId, providerMessageId: providerMessageId ?? "" };
}

/** The four digits of a notification on an account's device. */
export async function codeOf(
  db: pg.Pool,
  account: VendorAccount,
  notificationId: string,
): Promise<string> {
  const code = await takeReplyCode(db, {
    deviceKey: account.deviceKey,
    notificationId,
    random: Math.random,
  });
  if (code === null) throw new Error("the device has no free code");
  return code;
}
