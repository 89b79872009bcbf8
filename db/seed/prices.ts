import type { BillingClass, ChargedOn, PriceUnit } from "../../domain/price.ts";

/**
 * What the simulated accounts cost: examples of each way of billing, in the order of magnitude that the owner's estimate assumes. No vendor's price list;
 * whoever runs Siaga enters their own.
 */
export type SeedPrice = {
  /** Of db/seed/accounts.ts. */
  readonly account: string;
  readonly unit: PriceUnit;
  readonly billingClass?: BillingClass;
  readonly prefix?: string;
  readonly amount: number;
  readonly currency?: string;
  /** Rupiah for one of the currency. */
  readonly exchangeRate?: number;
  readonly chargedOn?: ChargedOn;
  readonly quota?: number;
};

export const EXAMPLE_NOTE = "Contoh / example";

/** 1 January 2025 in Jakarta. */
export const PRICES_VALID_FROM_MS = Date.UTC(2024, 11, 31, 17);

const META = {
  account: "Meta",
  unit: "message",
  prefix: "62",
  currency: "USD",
  exchangeRate: 16_000,
  chargedOn: "delivered",
} as const;

export const PRICES: readonly SeedPrice[] = [
  // Paid as one goes.
  { account: "Fonnte utama", unit: "message", amount: 200 },
  { account: "Fonnte utama (grup)", unit: "message", amount: 200 },
  // A package by the month, whose messages cost nothing more.
  { account: "Fonnte cadangan", unit: "month", amount: 100_000, quota: 10_000 },
  { account: "Fonnte cadangan", unit: "message", amount: 0 },
  { account: "Fonnte cadangan (grup)", unit: "message", amount: 0 },
  // By class and country, once delivered.
  { ...META, billingClass: "utility", amount: 0.02 },
  { ...META, billingClass: "authentication", amount: 0.03 },
  { ...META, billingClass: "marketing", amount: 0.0411 },
  { ...META, billingClass: "service", amount: 0 },
  // By part and destination.
  { account: "Twilio SMS", unit: "segment", prefix: "62", amount: 500 },
  { account: "Twilio SMS", unit: "segment", amount: 1_200 },
  // By the begun minute.
  { account: "Twilio Voice", unit: "minute", chargedOn: "delivered", amount: 1_000 },
  { account: "E-mail", unit: "message", amount: 0 },
  { account: "Web Push", unit: "message", amount: 0 },
  { account: "FCM", unit: "message", amount: 0 },
];
