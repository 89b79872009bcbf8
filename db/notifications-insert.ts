import type pg from "pg";

import { VALUE_CHARS_MAX, type CheckedRequest, type FieldProblem } from "../domain/request.ts";
import { newId } from "./new-id.ts";
import { markStale } from "./stale-plans.ts";
import type { StaleRun } from "./stale-plans.ts";

export interface NewNotification {
  readonly id: string;
  /** From sender and key, or the id itself without a key; unique. */
  readonly ref: string;
  readonly workflowId: string;
  readonly sender: string;
  readonly apiKeyId: string | null;
  readonly idempotencyKey: string | null;
  /** SHA-256 of the request's canonical JSON. */
  readonly bodyHash: Uint8Array;
  readonly request: CheckedRequest;
  /** Epoch ms. */
  readonly acceptedAt: number;
  /** The notification that an operator_notice is about. */
  readonly noticeOf?: string | null;
  /** A system's key vouches for the phones that it gives; a person's session does not. */
  readonly vouchesForPhones: boolean;
  /** Epoch ms: the caller starts the run itself, so the sweep leaves the row alone for now. */
  readonly startClaimedAt?: number | null;
}

export type InsertAnswer =
  | {
      readonly inserted: true;
      /** Runs of persons whose number is vouched for by this request, marked; to be told after the commit. Absent: none. */
      readonly stale?: readonly StaleRun[];
    }
  /** Another request with this ref was stored first: the same one again if the body hashes are equal. */
  | { readonly inserted: false; readonly existing: ExistingNotification };

export interface ExistingNotification {
  readonly id: string;
  readonly workflowId: string;
  readonly bodyHash: Buffer;
  readonly status: string;
  readonly outcome: string | null;
}

/**
 * Stores a request with its `accepted` event. One statement; one more when the request names phones, which are found or made as users first.
 *
 * Idempotency: a second call with the same ref stores nothing.
 */
export async function insertNotification(
  client: pg.Pool | pg.PoolClient,
  notification: NewNotification,
): Promise<InsertAnswer> {
  const { request, acceptedAt } = notification;
  const { userIds: phoneUserIds, stale } =
    request.phones.length === 0
      ? NOBODY_BY_PHONE
      : await findOrMakeUsers(client, request.phones, {
          vouches: notification.vouchesForPhones,
          now: acceptedAt,
        });
  const stored = await insert(client, {
    id: notification.id,
    ref: notification.ref,
    workflow_id: notification.workflowId,
    sender: notification.sender,
    api_key_id: notification.apiKeyId,
    idempotency_key: notification.idempotencyKey,
    body_hash: hex(notification.bodyHash),
    type: request.type,
    priority: request.priority,
    zone: request.zone,
    ticket_id: request.ticketId,
    assignee_id: request.assigneeId,
    customer_id: request.customerId,
    actor_id: request.actorId,
    category: request.category,
    data: request.data,
    recipients: recipientsWith(request, phoneUserIds),
    policy_id: request.policyId,
    policy_version: request.policyVersion,
    attachments: request.attachments,
    avoid_account_ids: request.avoidAccountIds,
    notice_of: notification.noticeOf ?? null,
    not_before: toTime(request.notBefore),
    not_after: toTime(request.notAfter),
    answers: request.answers,
    status: "accepted",
    outcome: null,
    reason: null,
    outcome_detail: null,
    accepted_at: toTime(acceptedAt),
    start_claimed_at: toTime(notification.startClaimedAt ?? null),
    started_at: null,
    run_id: null,
    settled_at: null,
  });
  return stored.inserted && stale.length > 0 ? { inserted: true, stale } : stored;
}

export interface RejectedNotification {
  readonly id: string;
  readonly ref: string;
  readonly workflowId: string;
  readonly runId: string;
  readonly sender: string;
  readonly idempotencyKey: string | null;
  readonly bodyHash: Uint8Array;
  readonly type: string;
  readonly priority: string;
  readonly problems: readonly FieldProblem[];
  /** Epoch ms. */
  readonly now: number;
}

/** Stores a direct start that can't be carried out: settled as `rejected` with the list of what is wrong. */
export async function insertRejected(
  client: pg.Pool | pg.PoolClient,
  rejected: RejectedNotification,
): Promise<InsertAnswer> {
  return insert(client, {
    id: rejected.id,
    ref: rejected.ref,
    workflow_id: rejected.workflowId,
    sender: rejected.sender,
    api_key_id: null,
    idempotency_key: rejected.idempotencyKey,
    body_hash: hex(rejected.bodyHash),
    type: rejected.type.slice(0, VALUE_CHARS_MAX),
    priority: rejected.priority,
    zone: null,
    ticket_id: null,
    assignee_id: null,
    customer_id: null,
    actor_id: null,
    category: null,
    data: {},
    recipients: null,
    policy_id: null,
    policy_version: null,
    attachments: [],
    avoid_account_ids: [],
    notice_of: null,
    not_before: null,
    not_after: null,
    answers: "none",
    status: "settled",
    outcome: "rejected",
    reason: "invalid_request",
    outcome_detail: { problems: rejected.problems },
    accepted_at: toTime(rejected.now),
    start_claimed_at: null,
    started_at: toTime(rejected.now),
    run_id: rejected.runId,
    settled_at: toTime(rejected.now),
  });
}

async function insert(
  client: pg.Pool | pg.PoolClient,
  row: Readonly<Record<string, unknown>>,
): Promise<InsertAnswer> {
  const { rows } = await client.query<{
    inserted: boolean;
    existing: (Omit<ExistingNotification, "bodyHash"> & { bodyHash: string }) | null;
  }>({ name: "insert-notification", text: INSERT, values: [JSON.stringify(row)] });
  const answer = rows[0];
  if (answer?.inserted) return { inserted: true };
  // A row that was committed while this statement waited on it is invisible to it; the next statement sees it.
  const existing = answer?.existing ?? (await readExisting(client, String(row["ref"])));
  return {
    inserted: false,
    existing: { ...existing, bodyHash: Buffer.from(existing.bodyHash, "hex") },
  };
}

const EXISTING = `jsonb_build_object('id', n.id, 'workflowId', n.workflow_id, 'bodyHash', encode(n.body_hash, 'hex'),
  'status', n.status, 'outcome', n.outcome)`;

const INSERT = `
  with given as (
    select * from jsonb_to_record($1::jsonb) as g(
      id text, ref text, workflow_id text, run_id text, sender text, api_key_id text, idempotency_key text, body_hash text,
      type text, priority text, zone text, ticket_id text, assignee_id text, customer_id text, actor_id text, category text,
      data jsonb, recipients jsonb, policy_id text, policy_version integer, attachments jsonb, avoid_account_ids text[],
      notice_of text,
      not_before timestamptz, not_after timestamptz, answers text, status text, outcome text, reason text, outcome_detail jsonb,
      accepted_at timestamptz, start_claimed_at timestamptz, started_at timestamptz, settled_at timestamptz
    )
  ),
  stored as (
    insert into notifications (id, ref, workflow_id, run_id, sender, api_key_id, idempotency_key, body_hash, type, priority, zone,
      ticket_id, assignee_id, customer_id, actor_id, category, data, recipients, policy_id, policy_version, attachments, avoid_account_ids,
      notice_of, not_before, not_after, answers, status, outcome, reason, outcome_detail, accepted_at, start_claimed_at,
      started_at, settled_at)
    select id, ref, workflow_id, run_id, sender, api_key_id, idempotency_key, decode(body_hash, 'hex'), type, priority, zone,
      ticket_id, assignee_id, customer_id, actor_id, category, data, nullif(recipients, 'null'), policy_id, policy_version,
      attachments, avoid_account_ids, notice_of, not_before, not_after, answers, status, outcome, reason, nullif(outcome_detail, 'null'),
      accepted_at, start_claimed_at, started_at, settled_at
    from given
    -- Ref and workflow id name one request: of two inserts at once either index may meet the other first.
    on conflict do nothing
    returning id, accepted_at, sender, settled_at, outcome, reason
  ),
  events as (
    insert into notification_events (notification_id, entry_key, at, kind, reason, detail)
    select s.id, e.kind, s.accepted_at, e.kind, e.reason, e.detail
    from stored s, lateral (
      select 'accepted' as kind, null as reason, jsonb_build_object('sender', s.sender) as detail
      union all
      select 'settled', s.reason, jsonb_build_object('outcome', s.outcome) where s.settled_at is not null
    ) e
  )
  select exists (select from stored) as inserted,
    (select ${EXISTING} from notifications n, given where n.ref = given.ref) as existing`;

async function readExisting(
  client: pg.Pool | pg.PoolClient,
  ref: string,
): Promise<Omit<ExistingNotification, "bodyHash"> & { bodyHash: string }> {
  const { rows } = await client.query<{
    existing: Omit<ExistingNotification, "bodyHash"> & { bodyHash: string };
  }>(`select ${EXISTING} as existing from notifications n where n.ref = $1`, [ref]);
  const row = rows[0];
  if (!row) throw new Error("Invariant broken: a ref that could not be stored belongs to a row");
  return row.existing;
}

function recipientsWith(
  request: CheckedRequest,
  phoneUserIds: readonly string[],
): CheckedRequest["recipients"] {
  if (phoneUserIds.length === 0) return request.recipients;
  const named = request.recipients ?? { userIds: [], groupIds: [], roles: [] };
  return { ...named, userIds: [...new Set([...named.userIds, ...phoneUserIds])] };
}

export interface UsersByPhone {
  /** In the order given, each once. */
  readonly userIds: readonly string[];
  /** Open runs of persons whose number was verified by nobody until now, marked. */
  readonly stale: readonly StaleRun[];
}

const NOBODY_BY_PHONE: UsersByPhone = { userIds: [], stale: [] };

/**
 * The active users with these numbers; a number that nobody has becomes a customer without a name. One statement, a second one for numbers that somebody else
 * took at the same moment, a third where a number is verified by being given.
 */
export async function findOrMakeUsers(
  client: pg.Pool | pg.PoolClient,
  phones: readonly string[],
  options: { readonly vouches: boolean; readonly now: number },
): Promise<UsersByPhone> {
  const given = phones.map((phone) => ({
    phone,
    user_id: newId("usr", options.now),
    contact_id: newId("con", options.now),
  }));
  const { rows } = await client.query<{ phone: string; user_id: string; is_vouched: boolean }>({
    name: "find-or-make-users",
    text: `
      with given as (
        select * from jsonb_to_recordset($1::jsonb) as g(phone text, user_id text, contact_id text)
      ),
      known as (
        select c.id, c.value as phone, c.user_id, c.verified_at from contacts c join given g on g.phone = c.value
        where c.kind = 'phone' and c.is_active
      ),
      -- Whoever vouches for a known number that nobody has verified changes that person, as any change of contacts does.
      vouched as (
        update contacts c set verified_at = $3, verified_by = 'api' from known k
        where $2 and c.id = k.id and k.verified_at is null
        returning c.user_id
      ),
      raised as (
        update users u set version = u.version + 1, updated_at = $3 from vouched v where u.id = v.user_id
      ),
      missing as (
        select g.* from given g where not exists (select from known k where k.phone = g.phone)
      ),
      made_users as (
        insert into users (id, role, created_at, updated_at) select m.user_id, 'customer', $3, $3 from missing m returning id
      ),
      made_contacts as (
        insert into contacts (id, user_id, kind, value, verified_at, verified_by, created_at)
        select m.contact_id, m.user_id, 'phone', m.phone, case when $2 then $3::timestamptz end, case when $2 then 'api' end, $3
        from missing m join made_users u on u.id = m.user_id
        on conflict (kind, value) where is_active do nothing
        returning value as phone, user_id
      )
      select phone, user_id, user_id in (select user_id from vouched) as is_vouched from known
      union all select phone, user_id, false from made_contacts`,
    values: [JSON.stringify(given), options.vouches, new Date(options.now)],
  });
  const userIdByPhone = new Map(rows.map((row) => [row.phone, row.user_id]));
  const lost = phones.filter((phone) => !userIdByPhone.has(phone));
  if (lost.length > 0) {
    const found = await client.query<{ phone: string; user_id: string }>(
      "select value as phone, user_id from contacts where kind = 'phone' and is_active and value = any($1)",
      [lost],
    );
    for (const row of found.rows) userIdByPhone.set(row.phone, row.user_id);
    const unused = given.filter(({ phone }) => lost.includes(phone)).map((row) => row.user_id);
    await client.query("delete from users where id = any($1)", [unused]);
  }
  const userIds = [...new Set(phones.map((phone) => userIdByPhone.get(phone) ?? missingUser()))];
  // Ordering: a statement of its own, behind the lock of the raised versions: it sees the targets of every plan that was saved before.
  const vouched = rows.flatMap((row) => (row.is_vouched ? [row.user_id] : []));
  return { userIds, stale: await markStale(client, vouched, new Date(options.now)) };
}

function missingUser(): never {
  throw new Error("Invariant broken: a number that could not be given to a new user has one");
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

function toTime(instant: number | null): string | null {
  return instant === null ? null : new Date(instant).toISOString();
}
