import type { z } from "@hono/zod-openapi";
import type { PushSubscriptionRow } from "../../db/push-subscriptions.ts";
import type { PushSubscriptionSchema } from "../schemas/push-subscription.ts";
import { toInstant } from "./notification.ts";

/** Privacy: where the device is reached is written, never read. */
export function toPushSubscription(
  row: PushSubscriptionRow,
): z.input<typeof PushSubscriptionSchema> {
  return {
    id: row.id,
    accountId: row.account_id,
    provider: row.provider,
    deviceName: row.device_name,
    createdAt: row.created_at.toISOString(),
    lastUsedAt: toInstant(row.last_used_at),
  };
}
