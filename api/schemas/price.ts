import { z } from "@hono/zod-openapi";
import {
  BILLING_CLASSES,
  CHARGED_ON,
  COST_CURRENCY,
  PREFIX_DIGITS_MAX,
  PRICE_UNITS,
} from "../../domain/price.ts";
import { idOf, instantOut, pageQuery, text } from "./common.ts";

/** Numbers go to the database as they were written; more digits than this would not come back the same. */
const AMOUNT_MAX = 1_000_000_000;
const DECIMALS_MAX = 6;
const RATE_MAX = 1_000_000;
const INCREMENT_SECONDS_MAX = 3_600;
const QUOTA_MAX = 1_000_000_000;
const NOTE_CHARS_MAX = 500;
/** PostgreSQL has no year 0; nobody has older prices. */
const DATE_MIN = "2000-01-01";

export const localDay = z.iso
  .date()
  .refine((day) => day >= DATE_MIN, { message: `Must not be before ${DATE_MIN}.` })
  .openapi({ example: "2026-01-01" });

const decimal = (max: number) =>
  z
    .number()
    .min(0)
    .max(max)
    .refine((value) => Number(value.toFixed(DECIMALS_MAX)) === value, {
      message: `Must have at most ${DECIMALS_MAX} decimals.`,
    });

const unit = z.enum(PRICE_UNITS).openapi({
  description:
    "What is counted. `segment`: the parts of an SMS; `minute`: of a call; `month`: the account's fee, beside its other prices.",
});
const billingClass = z.enum(BILLING_CLASSES).nullable().openapi({
  description:
    "Meta's class of messages; null for every class. A price of one class goes before that for every class.",
});
const prefix = z
  .string()
  .regex(new RegExp(`^[0-9]{0,${PREFIX_DIGITS_MAX}}$`), "Must be digits, without a plus.")
  .openapi({
    description: "First digits of the number, from its country code; the longest that fits holds.",
    example: "62",
  });
const chargedOn = z.enum(CHARGED_ON).openapi({
  description:
    "When the vendor bills: a message that it took, that left it, or that arrived. Its own word in a receipt goes first.",
});

export const PriceSchema = z
  .object({
    id: z.string(),
    accountId: z.string(),
    channel: z.string(),
    unit,
    billingClass,
    prefix,
    amount: z.number(),
    currency: z.string(),
    exchangeRate: z.number(),
    unitCost: z.number().openapi({ description: "Rupiah for one unit." }),
    chargedOn,
    incrementSeconds: z.int(),
    quota: z.int().nullable(),
    validFrom: localDay,
    note: z.string().nullable(),
    createdAt: instantOut,
    updatedAt: instantOut,
  })
  .openapi("Price");

const terms = {
  unit,
  billingClass: billingClass.default(null),
  prefix: prefix.default(""),
  amount: decimal(AMOUNT_MAX),
  currency: z
    .string()
    .regex(/^[A-Z]{3}$/, "Must be a currency's three letters.")
    .default(COST_CURRENCY),
  exchangeRate: decimal(RATE_MAX)
    .refine((rate) => rate > 0, { message: "Must be more than 0." })
    .default(1)
    .openapi({ description: "Rupiah for one of the currency; must be given for another one." }),
  chargedOn: chargedOn.default("accepted"),
  incrementSeconds: z
    .int()
    .min(1)
    .max(INCREMENT_SECONDS_MAX)
    .default(60)
    .openapi({ description: "Of a price by the minute: begun increments are paid." }),
  quota: z
    .int()
    .min(1)
    .max(QUOTA_MAX)
    .nullable()
    .default(null)
    .openapi({ description: "Of a monthly fee: messages in its package." }),
  validFrom: localDay.openapi({
    description: "From the beginning of this day in the installation's time zone.",
  }),
  note: text(NOTE_CHARS_MAX).nullable().default(null),
};

type Terms = z.output<z.ZodObject<typeof terms>>;

function checkTerms(price: Terms, report: (path: keyof Terms, message: string) => void): void {
  if ((price.currency === COST_CURRENCY) !== (price.exchangeRate === 1)) {
    report("exchangeRate", `Must be 1 for ${COST_CURRENCY} and given for any other currency.`);
  }
  if (price.unit === "month") {
    if (price.billingClass !== null) report("billingClass", "A monthly fee has no class.");
    if (price.prefix !== "") report("prefix", "A monthly fee has no prefix.");
  } else if (price.quota !== null) {
    report("quota", "Only a monthly fee has a quota.");
  }
}

export const PriceTermsSchema = z
  .strictObject(terms)
  .superRefine((price, context) =>
    checkTerms(price, (path, message) =>
      context.addIssue({ code: "custom", path: [path], message }),
    ),
  )
  .openapi("PriceTerms");

export const PriceInputSchema = z
  .strictObject({ accountId: idOf("acc"), ...terms })
  .superRefine((price, context) =>
    checkTerms(price, (path, message) =>
      context.addIssue({ code: "custom", path: [path], message }),
    ),
  )
  .openapi("PriceInput");

export const PriceListQuery = z.strictObject({
  accountId: idOf("acc").optional(),
  on: localDay
    .optional()
    .openapi({ description: "Only prices that hold at the beginning of this day." }),
  ...pageQuery,
});
