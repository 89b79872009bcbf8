import type pg from "pg";

/** What a vendor says about the number itself; the reasons stand in `health_reason`. */
const REASONS = {
  disconnected: "device_disconnected",
  banned: "banned",
  restricted: "restricted",
} as const;
type Trouble = keyof typeof REASONS;

/** Reasons that a reconnected device ends. A ban or a circuit that opened for other failures is for somebody else to end. */
const ENDED_BY_CONNECT: readonly string[] = [REASONS.disconnected];

/**
 * Takes every account of a device out, or back in; draining ones are left alone. Idempotency: each statement only moves rows that are not there yet.
 * Returns the accounts that changed.
 */
export async function recordAccountState(
  client: pg.PoolClient,
  report: {
    readonly deviceKey: string;
    readonly provider: string;
    readonly state: "connected" | Trouble;
    /** Epoch ms. */
    readonly at: number;
  },
): Promise<readonly string[]> {
  const { deviceKey, provider, state } = report;
  const at = new Date(report.at);
  const { rows } =
    state === "connected"
      ? await client.query<{ id: string }>(
          `update provider_accounts set health_state = 'healthy', health_reason = null, health_since = $3, consecutive_failures = 0, updated_at = $3
           where device_key = $1 and provider = $2 and health_state in ('out', 'probing') and health_reason = any($4)
           returning id`,
          [deviceKey, provider, at, ENDED_BY_CONNECT],
        )
      : await client.query<{ id: string }>(
          `update provider_accounts set health_state = 'out', health_reason = $4, health_since = $3, updated_at = $3
           where device_key = $1 and provider = $2 and health_state in ('healthy', 'probing', 'out')
             and (health_state, health_reason) is distinct from ('out', $4)
           returning id`,
          [deviceKey, provider, at, REASONS[state]],
        );
  return rows.map(({ id }) => id);
}

/** The vendor's word on one of its approved templates, in every version of ours that sends by it. */
export async function recordTemplateState(
  client: pg.PoolClient,
  report: { readonly name: string; readonly languageCode: string; readonly state: string },
): Promise<void> {
  await client.query(
    `update templates set provider_template = jsonb_set(provider_template, '{status}', to_jsonb($3::text))
     where provider_template ->> 'name' = $1
       and coalesce(provider_template ->> 'language', locale) in ($2, split_part($2, '_', 1))
       and provider_template ->> 'status' is distinct from $3`,
    [report.name, report.languageCode, report.state],
  );
}
