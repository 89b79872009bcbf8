/**
 * What a message would cost by an account's price book. What messages did cost is worked out from their rows (view `message_costs`), by the same prices.
 *
 * Money is counted in millionths of a rupiah, as safe integers: sums are exact up to nine billion rupiah.
 */

/** What is counted: messages, parts of an SMS, minutes of a call; `month` is the account's fee. */
export const PRICE_UNITS = ["message", "segment", "minute", "month"] as const;
export type PriceUnit = (typeof PRICE_UNITS)[number];

/** Meta's classes of messages; other vendors have one price for all. */
export const BILLING_CLASSES = ["utility", "authentication", "marketing", "service"] as const;
export type BillingClass = (typeof BILLING_CLASSES)[number];

/** When a vendor bills: once it has taken the message, once the message has left it, or once the phone has it. */
export const CHARGED_ON = ["accepted", "sent", "delivered"] as const;
export type ChargedOn = (typeof CHARGED_ON)[number];

/** By what costs are summed. A day or month is a local one of the installation's zone; type and zone are the notification's. */
export const COST_GROUPINGS = ["day", "month", "account", "channel", "type", "zone"] as const;
export type CostGrouping = (typeof COST_GROUPINGS)[number];

/** Costs are in this currency; prices in another one carry their rate to it. */
export const COST_CURRENCY = "IDR";

/** E.164 without the plus: a country code and up to three digits of the network. */
export const PREFIX_DIGITS_MAX = 6;

const MICROS = 1_000_000;
const SECONDS_PER_MINUTE = 60;

export interface Price {
  readonly unit: Exclude<PriceUnit, "month">;
  /** Null stands for every class. */
  readonly billingClass: BillingClass | null;
  /** First digits of the number, from its country code; empty for every number. */
  readonly prefix: string;
  /** Of one unit, in millionths of a rupiah. */
  readonly unitMicros: number;
  /** Of a call: begun increments count. */
  readonly incrementSeconds: number;
  /** Epoch ms. */
  readonly validFrom: number;
}

/** What decides which price holds. */
export interface Priced {
  /** Null: not known, which counts as utility. */
  readonly billingClass: BillingClass | null;
  /** First digits of the number, PREFIX_DIGITS_MAX of them; null: a group, or no number. */
  readonly digits: string | null;
  /** Epoch ms. */
  readonly at: number;
}

/** Of its class, else of any; by the longest prefix; the newest. Null: there is none. `price_for` in the migrations is the same rule. */
export function priceFor(prices: readonly Price[], message: Priced): Price | null {
  const billingClass = message.billingClass ?? "utility";
  const fitting = prices.filter(
    (price) =>
      price.validFrom <= message.at &&
      (price.billingClass === null || price.billingClass === billingClass) &&
      (price.prefix === "" || message.digits?.startsWith(price.prefix) === true),
  );
  return fitting.reduce<Price | null>(
    (best, price) => (best === null || isCloser(price, best) ? price : best),
    null,
  );
}

function isCloser(price: Price, best: Price): boolean {
  if ((price.billingClass === null) !== (best.billingClass === null)) {
    return price.billingClass !== null;
  }
  if (price.prefix.length !== best.prefix.length) return price.prefix.length > best.prefix.length;
  return price.validFrom > best.validFrom;
}

/** Of one message that is billed: an SMS of `segments` parts, a call that ends within its first increment. Millionths of a rupiah. */
export function estimateMicros(price: Price, segments: number): number {
  switch (price.unit) {
    case "message":
      return price.unitMicros;
    case "segment":
      return price.unitMicros * Math.max(segments, 1);
    case "minute":
      return Math.round((price.unitMicros * price.incrementSeconds) / SECONDS_PER_MINUTE);
  }
}

/** Rupiah, with at most six decimals. */
export function toRupiah(micros: number): number {
  return micros / MICROS;
}

/** Exact, as long as the sum is below nine billion. */
export function sumRupiah(amounts: readonly number[]): number {
  return toRupiah(amounts.reduce((sum, amount) => sum + Math.round(amount * MICROS), 0));
}

/** The vendor's price list has a class for one-time passwords and one for promotion; all else that Siaga sends of itself is utility. */
export function billingClassOf(type: {
  readonly code: string;
  readonly consentClass?: string | null;
}): BillingClass {
  if (type.code === "otp") return "authentication";
  return type.consentClass === "promotion" ? "marketing" : "utility";
}
