import type { z } from "@hono/zod-openapi";
import type { AccountHealth, SeenAccount } from "../verbs/see-accounts.ts";
import { HIDDEN } from "../verbs/write-account.ts";
import type { AccountHealthSchema, AccountSchema } from "../schemas/account.ts";
import { toInstant } from "./notification.ts";

export function toAccount(seen: SeenAccount): z.input<typeof AccountSchema> {
  const { row } = seen;
  return {
    id: row.id,
    provider: row.provider,
    channel: row.channel,
    name: row.name,
    baseUrl: row.base_url,
    sender: row.sender,
    credentials: Object.fromEntries(seen.credentialNames.map((name) => [name, HIDDEN])),
    areSecretsReadable: seen.areSecretsReadable,
    settings: row.settings,
    order: row.position,
    purposes: [...row.purposes],
    pacing: {
      perSecond: row.pacing.perSecond,
      minGapSeconds: row.pacing.minGapSeconds,
      pairGapSeconds: row.pacing.pairGapSeconds,
    },
    dailyCap: row.daily_cap,
    newContactCap: row.new_contact_cap,
    warmUp: row.warm_up === null ? null : { ...row.warm_up, caps: [...row.warm_up.caps] },
    standby: row.is_standby,
    receiptDeadlineSeconds: row.receipt_deadline_seconds,
    enabled: row.enabled,
    health: toHealth(row),
    webhookUrl: seen.webhookUrl,
    groupIds: [...row.group_ids],
    warnings: (seen.starved ?? []).map(({ missing, name, policyId }) => ({
      code: "evidence_never_comes" as const,
      policyId,
      message: `Policy "${name}" waits for "${missing}", which no account of its channels reports.`,
    })),
    createdAt: row.created_at.toISOString(),
    updatedAt: row.updated_at.toISOString(),
  };
}

export function toAccountHealth({ row, pace }: AccountHealth): z.input<typeof AccountHealthSchema> {
  return {
    ...toHealth(row),
    enabled: row.enabled,
    consecutiveFailures: row.consecutive_failures,
    nextTryAt: toInstant(row.next_try_at),
    quotaLeft: row.quota_left,
    probedAt: toInstant(row.probed_at),
    sentToday: pace?.sentToday ?? 0,
    dailyCap: row.daily_cap,
    nextFreeAt: toInstant(pace?.nextFreeAt ?? null),
  };
}

function toHealth(row: SeenAccount["row"]) {
  return {
    state: row.health_state,
    since: row.health_since.toISOString(),
    reason: row.health_reason,
  };
}
