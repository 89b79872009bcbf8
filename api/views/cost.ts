import type { z } from "@hono/zod-openapi";
import type { CostSum } from "../../db/costs.ts";
import { CHANNELS } from "../../domain/channel.ts";
import { COST_CURRENCY, sumRupiah } from "../../domain/price.ts";
import type { CostGrouping } from "../../domain/price.ts";
import type { CostsSchema } from "../schemas/cost.ts";
import type { Costs } from "../verbs/see-costs.ts";

type View = z.input<typeof CostsSchema>;

export function toCosts({ span, messages, items, fees }: Costs, by: readonly CostGrouping[]): View {
  return {
    currency: COST_CURRENCY,
    timeZone: span.timeZone,
    from: span.from,
    to: span.to,
    messages: toSum(messages),
    items: items.map((item) => ({ ...toGroup(item, by), ...toSum(item) })),
    fees: fees.map((fee) => ({ ...fee })),
    total: sumRupiah([messages.cost ?? 0, ...fees.map(({ cost }) => cost)]),
  };
}

function toSum({ cost, messages, unpriced, inDoubt }: CostSum): View["messages"] {
  return { cost, messages, unpriced, inDoubt };
}

/** Only what the sums are grouped by. */
function toGroup(
  sum: CostSum,
  by: readonly CostGrouping[],
): Omit<View["items"][number], "cost" | "messages" | "unpriced" | "inDoubt"> {
  const channel = CHANNELS.find((known) => known === sum.channel);
  return {
    ...(by.includes("day") && sum.day !== null ? { day: sum.day } : {}),
    ...(by.includes("month") && sum.month !== null ? { month: sum.month } : {}),
    ...(by.includes("account") && sum.accountId !== null ? { accountId: sum.accountId } : {}),
    ...(by.includes("channel") && channel !== undefined ? { channel } : {}),
    ...(by.includes("type") ? { type: sum.type } : {}),
    ...(by.includes("zone") ? { zone: sum.zone } : {}),
  };
}
