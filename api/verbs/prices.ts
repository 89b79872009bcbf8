import type pg from "pg";
import { recordAudit } from "../../db/audit.ts";
import type { Page } from "../../db/page.ts";
import {
  countPrices,
  insertPrice,
  listPrices as readList,
  lockAccountPrices,
  priceTag,
  readPrice,
  repriceMessages,
  updatePrice,
} from "../../db/prices.ts";
import type { PriceFilter, PriceRow, PriceTerms } from "../../db/prices.ts";
import { withTransaction } from "../../db/transaction.ts";
import type { Actor } from "../../domain/actor.ts";
import { may } from "../../domain/permissions.ts";
import type { PriceUnit } from "../../domain/price.ts";
import { Conflict, Forbidden, InvalidInput, NotFound } from "./errors.ts";
import { assertCurrent } from "./if-match.ts";
import type { IfMatch } from "./if-match.ts";
import { readCursor } from "./read-cursor.ts";

export type PriceDeps = {
  readonly pool: pg.Pool;
  readonly now: () => number;
  readonly planning: { readonly installationTimeZone: string };
};

export type SeenPrice = { readonly price: PriceRow; readonly tag: string };

/** Every plan reads its accounts' prices. */
const PRICES_PER_ACCOUNT_MAX = 500;

const UNITS: Readonly<Record<string, readonly PriceUnit[]>> = {
  sms: ["message", "segment", "month"],
  call: ["message", "minute", "month"],
};
const OTHER_UNITS: readonly PriceUnit[] = ["message", "month"];

/** @throws Forbidden */
export async function listPrices(
  { pool, planning }: Omit<PriceDeps, "now">,
  input: {
    readonly actor: Actor;
    readonly filter: PriceFilter;
    readonly limit: number;
    readonly cursor: string | undefined;
  },
): Promise<Page<PriceRow>> {
  if (!may(input.actor, "read_prices")) throw new Forbidden();
  return readList(pool, {
    filter: input.filter,
    timeZone: planning.installationTimeZone,
    limit: input.limit,
    after: readCursor(input.cursor),
  });
}

/** @throws Forbidden, NotFound */
export async function seePrice(
  { pool, planning }: Omit<PriceDeps, "now">,
  { actor, id }: { readonly actor: Actor; readonly id: string },
): Promise<SeenPrice> {
  if (!may(actor, "read_prices")) throw new Forbidden();
  const price = await readPrice(pool, id, planning.installationTimeZone);
  if (price === null) throw new NotFound("price");
  return seen(price);
}

/** Messages since the price's first day get it too. @throws Forbidden, InvalidInput, Conflict */
export async function createPrice(
  deps: PriceDeps,
  input: { readonly actor: Actor; readonly accountId: string; readonly terms: PriceTerms },
): Promise<SeenPrice> {
  const { actor, accountId, terms } = input;
  if (!may(actor, "write_prices")) throw new Forbidden();
  const timeZone = deps.planning.installationTimeZone;
  const price = await withTransaction(deps.pool, async (client) => {
    if (!(await lockAccountPrices(client, accountId))) throw unknownAccount();
    if ((await countPrices(client, accountId)) >= PRICES_PER_ACCOUNT_MAX) {
      throw new Conflict("too_many_prices", "This account has as many prices as it can have.");
    }
    const id = await insertPrice(client, accountId, terms, timeZone, deps.now());
    if (id === null) throw taken();
    return record(deps, client, { actor, action: "price.created", id });
  });
  await reprice(deps, price, terms.validFrom);
  return seen(price);
}

/** A correction: what it is about changes with it, the past included. @throws Forbidden, InvalidInput, NotFound, Conflict, Outdated */
export async function correctPrice(
  deps: PriceDeps,
  input: {
    readonly actor: Actor;
    readonly id: string;
    readonly terms: PriceTerms;
    readonly ifMatch: IfMatch;
  },
): Promise<SeenPrice> {
  const { actor, id, terms, ifMatch } = input;
  if (!may(actor, "write_prices")) throw new Forbidden();
  const timeZone = deps.planning.installationTimeZone;
  const { before, after } = await withTransaction(deps.pool, async (client) => {
    const found = await readPrice(client, id, timeZone);
    if (found === null) throw new NotFound("price");
    await lockAccountPrices(client, found.accountId);
    // Read again under the lock: another correction may have been before it.
    const before = (await readPrice(client, id, timeZone)) ?? found;
    assertCurrent(ifMatch, priceTag(before));
    if (!(await updatePrice(client, id, terms, timeZone, deps.now()))) throw taken();
    return { before, after: await record(deps, client, { actor, action: "price.changed", id }) };
  });
  const from = before.validFrom < terms.validFrom ? before.validFrom : terms.validFrom;
  await reprice(deps, after, from);
  return seen(after);
}

function seen(price: PriceRow): SeenPrice {
  return { price, tag: priceTag(price) };
}

/** What was written, if its unit is one that the account's channel has. */
async function record(
  { now, planning }: PriceDeps,
  client: pg.PoolClient,
  { actor, action, id }: { readonly actor: Actor; readonly action: string; readonly id: string },
): Promise<PriceRow> {
  const price = await readPrice(client, id, planning.installationTimeZone);
  if (price === null) throw new Error("Invariant broken: a price that was written is there");
  if (!(UNITS[price.channel] ?? OTHER_UNITS).includes(price.unit)) {
    throw new InvalidInput([
      { path: "unit", code: "not_of_channel", message: `Channel ${price.channel} has no such.` },
    ]);
  }
  await recordAudit(client, { by: actor, action, subject: id }, now());
  return price;
}

/** After the commit: it may touch many messages. What it does not reach when cut off, the same request again does. */
async function reprice({ pool, planning }: PriceDeps, price: PriceRow, from: string) {
  await repriceMessages(pool, price.accountId, from, planning.installationTimeZone);
}

function unknownAccount(): InvalidInput {
  return new InvalidInput([
    { path: "accountId", code: "unknown", message: "There is no such provider account." },
  ]);
}

function taken(): Conflict {
  return new Conflict(
    "price_exists",
    "The account has a price for the same from the same day: correct that one.",
  );
}
