import type { z } from "@hono/zod-openapi";
import type { NotificationFilter } from "../../db/notification-list.ts";
import type { NotificationFilterSchema } from "../schemas/notification.ts";

/** Instants of a filter as epoch milliseconds. */
export function toFilter(filter: z.output<typeof NotificationFilterSchema>): NotificationFilter {
  const { from, to, ...rest } = filter;
  return { ...rest, ...toMs("from", from), ...toMs("to", to) };
}

function toMs<Name extends string>(
  name: Name,
  instant: string | undefined,
): { readonly [K in Name]?: number } {
  return instant === undefined ? {} : fieldOf(name, Date.parse(instant));
}

/** One member under the given name: what the type says. */
function fieldOf<Name extends string>(name: Name, value: number): { readonly [K in Name]: number } {
  return { [name]: value } as { readonly [K in Name]: number };
}
