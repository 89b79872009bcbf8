import type pg from "pg";
import { toPage } from "./page.ts";
import type { Page, Position } from "./page.ts";

/** API keys as people see them: never the key, never its hash. */
export type ApiKeyRow = {
  readonly id: string;
  readonly name: string;
  readonly sender: string;
  readonly scopes: readonly string[];
  readonly user_id: string | null;
  readonly key_prefix: string;
  readonly created_at: Date;
  readonly last_used_at: Date | null;
  readonly revoked_at: Date | null;
  readonly created_us: number;
};

const COLUMNS = `
  k.id, k.name, k.sender, k.scopes, k.user_id, k.key_prefix, k.created_at, k.last_used_at, k.revoked_at,
  (extract(epoch from k.created_at) * 1000000)::bigint as created_us`;

export async function readApiKey(
  db: pg.Pool | pg.PoolClient,
  id: string,
): Promise<ApiKeyRow | null> {
  const { rows } = await db.query<ApiKeyRow>(`select ${COLUMNS} from api_keys k where k.id = $1`, [
    id,
  ]);
  return rows[0] ?? null;
}

/** Newest first, revoked ones too. */
export async function listApiKeys(
  pool: pg.Pool,
  { limit, after }: { readonly limit: number; readonly after: Position | null },
): Promise<Page<ApiKeyRow>> {
  const { rows } = await pool.query<ApiKeyRow>(
    `select ${COLUMNS} from api_keys k
     where $1::bigint is null or (k.created_at, k.id) < (timestamptz 'epoch' + $1 * interval '1 microsecond', $2)
     order by k.created_at desc, k.id desc limit $3`,
    [after?.order ?? null, after?.id ?? null, limit + 1],
  );
  return toPage(
    rows,
    limit,
    (row) => ({ order: row.created_us, id: row.id }),
    (row) => row,
  );
}

/** Whether somebody holds a key that may do everything. */
export async function hasAdministratorKey(pool: pg.Pool): Promise<boolean> {
  const { rows } = await pool.query<{ found: boolean }>(
    `select exists (
       select from api_keys k left join users u on u.id = k.user_id
       where k.revoked_at is null and (
         (k.user_id is null and 'admin' = any(k.scopes)) or (u.role = 'admin' and u.is_active)
       )
     ) as found`,
  );
  return rows[0]?.found === true;
}
