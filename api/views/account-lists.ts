import type { z } from "@hono/zod-openapi";
import type { Inventory } from "../../db/provider-inventories.ts";
import type { AccountGroupsSchema, AccountTemplatesSchema } from "../schemas/account-lists.ts";
import type { AccountGroups, AccountTemplates } from "../verbs/see-account-lists.ts";

export function toAccountGroups(
  { inventory, isFresh, groups }: AccountGroups,
  nowMs: number,
): z.input<typeof AccountGroupsSchema> {
  return {
    ...toReading(inventory, nowMs),
    isFresh,
    isComplete: inventory?.isComplete ?? false,
    items: groups.map((group) => ({ ...group })),
  };
}

export function toAccountTemplates(
  { inventory, templates }: AccountTemplates,
  nowMs: number,
): z.input<typeof AccountTemplatesSchema> {
  return {
    ...toReading(inventory, nowMs),
    items: templates.map((template) => ({
      name: template.name,
      languageCode: template.languageCode,
      state: template.state,
      stateSince: template.stateSince.toISOString(),
      category: template.category,
      body: template.body,
      parameters: template.parameters === null ? null : [...template.parameters],
      quickReplies: template.quickReplies,
      syncedAt: template.syncedAt.toISOString(),
      usedBy: template.usedBy.map((use) => ({ ...use, parameters: [...use.parameters] })),
    })),
  };
}

function toReading(inventory: Inventory | null, nowMs: number) {
  const listedAt = inventory?.listedAt ?? null;
  return {
    listedAt: listedAt?.toISOString() ?? null,
    ageSeconds:
      listedAt === null ? null : Math.max(0, Math.floor((nowMs - listedAt.getTime()) / 1_000)),
    failure: inventory?.failure ?? null,
  };
}
