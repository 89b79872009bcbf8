import { z } from "@hono/zod-openapi";
import { CHANNELS } from "../../domain/channel.ts";
import { COST_CURRENCY, COST_GROUPINGS } from "../../domain/price.ts";
import { localDay } from "./price.ts";

const GROUPINGS_MAX = 3;

const sum = {
  cost: z.number().nullable().openapi({
    description: "Rupiah, as far as vendors have said; null: no message of these has a price.",
  }),
  messages: z.int(),
  unpriced: z.int().openapi({ description: "Of these: sent by an account without a price." }),
  inDoubt: z.int().openapi({
    description: "Of these: nobody knows whether the vendor has them; not in the cost.",
  }),
};

export const CostsSchema = z
  .object({
    currency: z.literal(COST_CURRENCY),
    timeZone: z.string(),
    from: localDay,
    to: localDay,
    messages: z.object(sum).openapi({ description: "All messages of the span." }),
    items: z
      .array(
        z.object({
          day: z.string().optional(),
          month: z.string().optional(),
          accountId: z.string().optional(),
          channel: z.enum(CHANNELS).optional(),
          type: z.string().nullable().optional(),
          zone: z.string().nullable().optional(),
          ...sum,
        }),
      )
      .openapi({
        description:
          "Their cost adds up to that of all. Type and zone are null for what no notification sent: answers to people.",
      }),
    fees: z
      .array(
        z.object({
          accountId: z.string(),
          month: z.string(),
          cost: z.number(),
          quota: z.int().nullable(),
          used: z.int(),
          runsOutOn: z.string().nullable().openapi({
            description: "When the package is used up if the month goes on as it went so far.",
          }),
        }),
      )
      .openapi({ description: "Monthly fees of the months whose first day is in the span." }),
    total: z.number().openapi({ description: "Messages and fees." }),
  })
  .openapi("Costs");

/** A year and a day: the same day of two years can be seen together. */
const SPAN_DAYS_MAX = 367;
const DAY_MS = 86_400_000;

export const CostsQuery = z
  .strictObject({
    from: localDay.openapi({ description: "First local day, in the installation's zone." }),
    to: localDay.openapi({ description: "Last local day." }),
    by: z
      .string()
      .default("")
      .transform((text) => text.split(",").filter((word) => word !== ""))
      .pipe(z.array(z.enum(COST_GROUPINGS)).max(GROUPINGS_MAX))
      .openapi({
        type: "string",
        description: `Up to ${GROUPINGS_MAX} of ${COST_GROUPINGS.join(", ")}, with commas.`,
        example: "month,account",
      }),
  })
  .refine(({ from, to }) => from <= to, { path: ["to"], message: "Must not be before `from`." })
  .refine(({ from, to }) => Date.parse(to) - Date.parse(from) < SPAN_DAYS_MAX * DAY_MS, {
    path: ["to"],
    message: `Must be within ${SPAN_DAYS_MAX} days.`,
  });
