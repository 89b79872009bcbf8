import type { z } from "@hono/zod-openapi";
import type { PriceRow } from "../../db/prices.ts";
import type { PriceSchema } from "../schemas/price.ts";

export function toPrice(row: PriceRow): z.input<typeof PriceSchema> {
  return {
    id: row.id,
    accountId: row.accountId,
    channel: row.channel,
    unit: row.unit,
    billingClass: row.billingClass,
    prefix: row.prefix,
    amount: row.amount,
    currency: row.currency,
    exchangeRate: row.exchangeRate,
    unitCost: row.unitCost,
    chargedOn: row.chargedOn,
    incrementSeconds: row.incrementSeconds,
    quota: row.quota,
    validFrom: row.validFrom,
    note: row.note,
    createdAt: row.createdAt.toISOString(),
    updatedAt: row.updatedAt.toISOString(),
  };
}
