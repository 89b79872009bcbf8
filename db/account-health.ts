import type pg from "pg";

import type { HealthState } from "../domain/account.ts";
import type { Circuit } from "../domain/circuit.ts";
import { OUTAGES, SILENT_SENDS_MAX } from "../domain/circuit.ts";
import { withTransaction } from "./transaction.ts";

interface CircuitRow {
  readonly id: string;
  readonly health_state: HealthState;
  readonly health_reason: string | null;
  readonly health_since: Date;
  readonly consecutive_failures: number;
  readonly failed_tries: number;
  readonly next_try_at: Date | null;
  readonly trial_delivery_id: string | null;
}

const CIRCUIT = `a.id, a.health_state, a.health_reason, a.health_since, a.consecutive_failures, a.failed_tries, a.next_try_at,
  a.trial_delivery_id`;

export interface CircuitChange {
  readonly accountId: string;
  readonly before: Circuit;
  readonly after: Circuit;
}

/** Moves one account's circuit by a rule of domain/circuit.ts, under a lock on its row. Null: no such account. */
export async function changeCircuit(
  pool: pg.Pool,
  accountId: string,
  change: (circuit: Circuit) => Circuit,
): Promise<CircuitChange | null> {
  return withTransaction(pool, async (client) => {
    const { rows } = await client.query<CircuitRow>({
      name: "circuit-lock",
      text: `select ${CIRCUIT} from provider_accounts a where a.id = $1 for no key update`,
      values: [accountId],
    });
    const row = rows[0];
    return row === undefined ? null : apply(client, row, change);
  });
}

/** As `changeCircuit`, for every account of a sending device: what the vendor says of a number holds for all its channels. */
export async function changeDeviceCircuits(
  client: pg.PoolClient,
  device: { readonly deviceKey: string; readonly provider: string },
  change: (circuit: Circuit) => Circuit,
): Promise<readonly CircuitChange[]> {
  const { rows } = await client.query<CircuitRow>({
    name: "circuit-lock-device",
    text: `select ${CIRCUIT} from provider_accounts a where a.device_key = $1 and a.provider = $2 order by a.id for no key update`,
    values: [device.deviceKey, device.provider],
  });
  const changes: CircuitChange[] = [];
  for (const row of rows) changes.push(await apply(client, row, change));
  return changes.filter(({ before, after }) => before !== after);
}

async function apply(
  client: pg.PoolClient,
  row: CircuitRow,
  change: (circuit: Circuit) => Circuit,
): Promise<CircuitChange> {
  const before: Circuit = {
    state: row.health_state,
    reason: row.health_reason,
    since: row.health_since.getTime(),
    failures: row.consecutive_failures,
    failedTries: row.failed_tries,
    nextTryAt: row.next_try_at?.getTime() ?? null,
    trialId: row.trial_delivery_id,
  };
  const after = change(before);
  if (after !== before) {
    await client.query({
      name: "circuit-write",
      text: `update provider_accounts set health_state = $2, health_reason = $3, health_since = $4, consecutive_failures = $5,
          failed_tries = $6, next_try_at = $7, trial_delivery_id = $8, updated_at = now()
        where id = $1`,
      values: [
        row.id,
        after.state,
        after.reason,
        new Date(after.since),
        after.failures,
        after.failedTries,
        after.nextTryAt === null ? null : new Date(after.nextTryAt),
        after.trialId,
      ],
    });
  }
  return { accountId: row.id, before, after };
}

/**
 * Accounts in use that accept and don't send: their newest messages whose deadline for `sent` is over have no word of it, and no newer one has. Reports that
 * came while nobody listened, as when the API is replaced, are lost: the next one shows that the account is well. Only messages of the time since the account
 * was last found well count. `providers` are those that report `sent` at all.
 */
export async function silentAccounts(
  pool: pg.Pool,
  input: { readonly carriers: readonly Carrier[]; readonly now: Date },
): Promise<readonly string[]> {
  const { rows } = await pool.query<{ id: string }>({
    name: "circuit-silent",
    text: `
      select a.id from provider_accounts a
      join jsonb_to_recordset($1::jsonb) as c(provider text, channel text) on c.provider = a.provider and c.channel = a.channel
      where a.health_state = 'healthy' and a.enabled and (
        select count(*) filter (where newest.is_silent) from (
          select d.status = 'accepted' and d.sent_at is null as is_silent from deliveries d
          where d.account_id = a.id and d.created_at > $2::timestamptz - interval '1 hour' and d.accepted_at > a.health_since
            and (d.sent_at is not null or d.accepted_at < $2::timestamptz - make_interval(secs => a.receipt_deadline_seconds))
          order by d.created_at desc limit ${SILENT_SENDS_MAX}
        ) newest
      ) = ${SILENT_SENDS_MAX}`,
    values: [JSON.stringify(input.carriers), input.now],
  });
  return rows.map(({ id }) => id);
}

/** A provider on a channel. */
export interface Carrier {
  readonly provider: string;
  readonly channel: string;
}

export interface IllAccount {
  readonly id: string;
  readonly provider: string;
  readonly channel: string;
  /** A message of the account left after it had gone out. */
  readonly hasSent: boolean;
  /** What became of the message that tries it: `waiting` for its turn or for `sent`, `silent` past the deadline, `void` when it never went. */
  readonly trial: "none" | "waiting" | "silent" | "void";
  readonly isTime: boolean;
}

/** Accounts that are out or being tried, with what has happened to them since. */
export async function illAccounts(pool: pg.Pool, now: Date): Promise<readonly IllAccount[]> {
  const { rows } = await pool.query<IllAccount>({
    name: "circuit-ill",
    text: `
      select a.id, a.provider, a.channel,
        exists (
          select from deliveries d where d.account_id = a.id and d.created_at > a.health_since - interval '1 hour' and d.sent_at > a.health_since
        ) as "hasSent",
        case
          when a.trial_delivery_id is null then 'none'
          when t.status is null or t.status in ('skipped', 'failed', 'unknown') then 'void'
          when t.status = 'accepted' and t.accepted_at < $1::timestamptz - make_interval(secs => a.receipt_deadline_seconds) then 'silent'
          else 'waiting'
        end as trial,
        coalesce(a.next_try_at <= $1, false) as "isTime"
      from provider_accounts a
      left join deliveries t on t.id = a.trial_delivery_id
      where a.health_state in ('out', 'probing') and a.enabled
      order by a.id`,
    values: [now],
  });
  return rows;
}

/** A sending device that people must hear of: out, or drained by a ban. */
export interface Trouble {
  readonly deviceKey: string;
  readonly provider: string;
  /** Every account of the device. */
  readonly accountIds: readonly string[];
  readonly names: readonly string[];
  readonly reason: string;
  /** Epoch ms. */
  readonly since: number;
}

/** A device that falls ill again and again is told of this often at most. */
const NOTICE_REST = "15 minutes";

/** Outages that the operators have not been told of. */
export async function untoldTroubles(pool: pg.Pool, now: Date): Promise<readonly Trouble[]> {
  const { rows } = await pool.query<Omit<Trouble, "since"> & { since: Date }>({
    name: "circuit-untold",
    text: `
      select a.device_key as "deviceKey", a.provider, array_agg(a.name order by a.id) as names,
        (select array_agg(o.id order by o.id) from provider_accounts o where o.device_key = a.device_key and o.provider = a.provider) as "accountIds",
        min(a.health_reason) as reason, min(a.health_since) as since
      from provider_accounts a
      where a.health_state in ('out', 'probing', 'draining') and a.enabled and a.health_reason = any($1)
        and (a.noticed_at is null or (a.noticed_at < a.health_since and a.noticed_at < $2::timestamptz - interval '${NOTICE_REST}'))
      group by a.device_key, a.provider
      order by a.device_key`,
    values: [OUTAGES, now],
  });
  return rows.map((row) => ({ ...row, since: row.since.getTime() }));
}

export async function markTold(
  pool: pg.Pool,
  accountIds: readonly string[],
  now: Date,
): Promise<void> {
  await pool.query({
    name: "circuit-told",
    text: `update provider_accounts set noticed_at = $2 where id = any($1)`,
    values: [accountIds, now],
  });
}

/** Accounts whose vendor can be asked how they are, and was not for so long. */
export async function accountsToProbe(
  pool: pg.Pool,
  input: {
    readonly carriers: readonly Carrier[];
    readonly askedBefore: Date;
    readonly limit: number;
  },
): Promise<readonly string[]> {
  const { rows } = await pool.query<{ id: string }>({
    name: "circuit-to-probe",
    text: `
      select a.id from provider_accounts a
      join jsonb_to_recordset($1::jsonb) as c(provider text, channel text) on c.provider = a.provider and c.channel = a.channel
      where a.enabled and a.health_state <> 'draining'
        and (a.probed_at is null or a.probed_at < $2 or a.next_try_at <= now())
      order by a.probed_at nulls first, a.id limit $3`,
    values: [JSON.stringify(input.carriers), input.askedBefore, input.limit],
  });
  return rows.map(({ id }) => id);
}

export async function markProbed(
  pool: pg.Pool,
  input: {
    readonly accountId: string;
    readonly quotaLeft: number | null;
    readonly phoneNumber: string | null;
    readonly at: Date;
  },
): Promise<void> {
  await pool.query({
    name: "circuit-probed",
    text: `update provider_accounts set probed_at = $2, quota_left = coalesce($3, quota_left), phone_number = coalesce($4, phone_number)
      where id = $1`,
    values: [input.accountId, input.at, input.quotaLeft, input.phoneNumber],
  });
}
