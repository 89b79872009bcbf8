import type pg from "pg";

import type { DeliveryStatus } from "../domain/delivery.ts";
import { gapSecondsOf, pairGapSecondsOf } from "./pace.ts";
import { toSlotVerdict, type SlotRequest, type SlotRow, type SlotVerdict } from "./deliveries.ts";

/** The messages of a delivery that goes to several devices of one person; see docs/adr/0041-one-push-to-all-devices.md. */

export interface PushCopy {
  readonly subscriptionId: string;
  readonly messageId: string;
}

/** As `reserveSlot`, for all copies at once. */
export async function reservePushSlots(
  db: pg.Pool | pg.PoolClient,
  request: Omit<SlotRequest, "address" | "messageId" | "replyCode" | "answerable">,
  copies: readonly PushCopy[],
): Promise<SlotVerdict> {
  const { account } = request;
  const { rows } = await db.query<SlotRow>({
    name: "reserve-push-slots",
    text: `select * from reserve_push_slots($1, $2, $3, $4, $5, $6, $7, $8, make_interval(secs => $9), make_interval(secs => $10),
      make_interval(secs => $11), $12, $13, $14, $15)`,
    values: [
      request.notificationId,
      request.purpose === "ladder",
      request.deliveryId,
      request.isReserved,
      account.id,
      account.provider,
      account.channel,
      account.deviceKey,
      gapSecondsOf(account.pacing),
      pairGapSecondsOf(account.pacing),
      request.aheadSeconds,
      request.caps.daily,
      request.caps.newContacts,
      JSON.stringify(
        copies.map(({ subscriptionId, messageId }) => ({ subscriptionId, messageId })),
      ),
      request.body,
    ],
  });
  return toSlotVerdict(rows[0], copies[0]?.messageId ?? "");
}

/** As `reason` and `error` of a delivery. */
export interface CopyRefusal {
  readonly reason: string;
  readonly error: { readonly kind: string; readonly scope: string; readonly message: string };
}

/** What became of one copy. */
export interface CopyOutcome extends PushCopy {
  readonly status: Extract<DeliveryStatus, "accepted" | "sent" | "failed" | "unknown">;
  readonly providerMessageId: string | null;
  readonly providerResponse: unknown;
  /** Null where its service took the message. */
  readonly refusal: CopyRefusal | null;
  /** The vendor says that nobody is there any more. */
  readonly isGone: boolean;
}

/**
 * Notes what became of each copy, forgets the devices that are gone, and names the message that speaks for the delivery from now on; the delivery itself is
 * recorded by the caller.
 */
export async function recordCopies(
  db: pg.Pool | pg.PoolClient,
  input: {
    readonly deliveryId: string;
    /** Id of the message that speaks for the delivery. */
    readonly speaker: string;
    readonly outcomes: readonly CopyOutcome[];
    readonly at: number;
  },
): Promise<void> {
  await db.query({
    name: "record-copies",
    text: `
      with outcome as (
        select * from jsonb_to_recordset($3::jsonb) as o("subscriptionId" text, "messageId" text, status text, "providerMessageId" text,
          "providerResponse" jsonb, refusal jsonb, "isGone" boolean)
      ),
      copies as (
        update messages m set status = o.status,
          provider_message_id = case when exists (
            select from messages other
            where other.device_key = m.device_key and other.provider_message_id = o."providerMessageId" and other.id <> m.id
          ) then m.provider_message_id else coalesce(o."providerMessageId", m.provider_message_id) end,
          provider_response = o."providerResponse",
          accepted_at = case when o.status in ('accepted', 'sent') then coalesce(m.accepted_at, $4) else m.accepted_at end,
          sent_at = case when o.status = 'sent' then coalesce(m.sent_at, $4) else m.sent_at end,
          failed_at = case when o.status = 'failed' then coalesce(m.failed_at, $4) else m.failed_at end
        from outcome o where m.id = o."messageId" and m.id <> $2 and m.status = 'sending'
      ),
      refusals as (
        update push_copies c set reason = o.refusal ->> 'reason', error = o.refusal -> 'error'
        from outcome o where c.delivery_id = $1 and c.subscription_id = o."subscriptionId"
      ),
      devices as (
        update push_subscriptions p set
          last_used_at = case when o.status in ('accepted', 'sent') then $4 else p.last_used_at end,
          expired_at = case when o."isGone" then $4 else p.expired_at end,
          destination_encrypted = case when o."isGone" then null else p.destination_encrypted end
        from outcome o where p.id = o."subscriptionId" and p.expired_at is null
      )
      update deliveries set message_id = $2, address = (select o."subscriptionId" from outcome o where o."messageId" = $2)
      where id = $1 and status = 'sending'`,
    values: [input.deliveryId, input.speaker, JSON.stringify(input.outcomes), new Date(input.at)],
  });
}
