import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { PRICES } from "../../db/seed/prices.ts";
import {
  billingClassOf,
  estimateMicros,
  priceFor,
  sumRupiah,
  toRupiah,
  type Price,
  type Priced,
} from "../../domain/price.ts";
import { assertDefined } from "../support/assert-defined.ts";

const DAY = 86_400_000;
const T0 = Date.UTC(2026, 0, 5);

function price(over: Partial<Price> & { readonly rupiah?: number } = {}): Price {
  const { rupiah = 200, ...rest } = over;
  return {
    unit: "message",
    billingClass: null,
    prefix: "",
    unitMicros: Math.round(rupiah * 1_000_000),
    incrementSeconds: 60,
    validFrom: T0 - DAY,
    ...rest,
  };
}

const message = (over: Partial<Priced> = {}): Priced => ({
  billingClass: null,
  digits: "628123",
  at: T0,
  ...over,
});

describe("priceFor", () => {
  const plain = price();
  const utility = price({ billingClass: "utility" });
  const marketing = price({ billingClass: "marketing" });
  const country = price({ prefix: "62" });
  const network = price({ prefix: "62812" });
  const elsewhere = price({ prefix: "65" });
  const old = price({ validFrom: T0 - 9 * DAY });
  const next = price({ validFrom: T0 + 1 });

  test.each<[string, readonly Price[], Partial<Priced>, Price | null]>([
    ["there is no price", [], {}, null],
    ["any goes for all", [plain], { billingClass: "marketing" }, plain],
    ["its class goes before any", [plain, marketing], { billingClass: "marketing" }, marketing],
    ["another class does not count", [marketing], { billingClass: "service" }, null],
    ["unclassed counts as utility", [plain, utility, marketing], {}, utility],
    ["the country's goes before any", [plain, country], {}, country],
    ["the longest prefix holds", [country, network, plain], {}, network],
    ["another country's does not count", [elsewhere], {}, null],
    ["a group has no number", [country, plain], { digits: null }, plain],
    ["a class goes before a prefix", [network, utility], { billingClass: "utility" }, utility],
    ["the newest holds", [old, plain], {}, plain],
    ["one to come does not hold yet", [plain, next], {}, plain],
    ["it holds from its first instant", [plain, next], { at: T0 + 1 }, next],
    ["and after", [plain, next], { at: T0 + 2 }, next],
    ["before the first there is none", [plain], { at: T0 - DAY - 1 }, null],
    ["at the first there is one", [plain], { at: T0 - DAY }, plain],
  ])("%s", (_why, prices, over, expected) => {
    expect(priceFor(prices, message(over))).toBe(expected);
    expect(priceFor([...prices].reverse(), message(over))).toBe(expected);
  });
});

describe("estimateMicros", () => {
  test.each<[string, Price, number, number]>([
    ["a message costs its price", price(), 1, 200],
    ["whatever its length", price(), 3, 200],
    ["an SMS of one part", price({ unit: "segment" }), 1, 200],
    ["an SMS of three parts", price({ unit: "segment" }), 3, 600],
    ["no text is still one part", price({ unit: "segment" }), 0, 200],
    ["a call is one minute", price({ unit: "minute" }), 1, 200],
    ["or one increment", price({ unit: "minute", incrementSeconds: 6 }), 1, 20],
    [
      "of a third of a rupiah",
      price({ unit: "minute", incrementSeconds: 1, rupiah: 20 }),
      1,
      0.333333,
    ],
    ["a price of nothing costs nothing", price({ rupiah: 0 }), 1, 0],
  ])("%s", (_why, one, segments, rupiah) => {
    expect(toRupiah(estimateMicros(one, segments))).toBe(rupiah);
  });
});

describe("billingClassOf", () => {
  test.each([
    ["a one-time password", { code: "otp" }, "authentication"],
    ["promotion needs that consent", { code: "promotion", consentClass: "promotion" }, "marketing"],
    ["so does another type of it", { code: "upgrade", consentClass: "promotion" }, "marketing"],
    ["a survey is part of the service", { code: "survey", consentClass: "survey" }, "utility"],
    ["all else", { code: "ticket_urgent", consentClass: null }, "utility"],
    ["and without saying", { code: "ticket_urgent" }, "utility"],
  ] as const)("%s", (_why, type, expected) => {
    expect(billingClassOf(type)).toBe(expected);
  });
});

test("sums of rupiah with six decimals are exact", () => {
  expect(sumRupiah([0.1, 0.2])).toBe(0.3);
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 0, max: 1_000_000_000 }), { maxLength: 1_000 }),
      (all) => {
        expect(sumRupiah(all.map(toRupiah))).toBe(toRupiah(all.reduce((sum, one) => sum + one, 0)));
      },
    ),
  );
});

test("the owner's estimate follows from the example prices", () => {
  const seeded = assertDefined(
    PRICES.find(({ account, unit }) => account === "Fonnte utama" && unit === "message"),
  );
  const perMessage = estimateMicros(price({ rupiah: seeded.amount }), 1);
  const month = [
    { what: "10 tickets × 2 notifications × 30 days", messages: 600, rupiah: 120_000 },
    { what: "daily summaries", messages: 30, rupiah: 6_000 },
    { what: "SLA alerts", messages: 50, rupiah: 10_000 },
    { what: "group notifications", messages: 100, rupiah: 20_000 },
  ];
  for (const { messages, rupiah, what } of month) {
    expect(toRupiah(messages * perMessage), what).toBe(rupiah);
  }
  expect(sumRupiah(month.map(({ messages }) => toRupiah(messages * perMessage)))).toBe(156_000);
});
