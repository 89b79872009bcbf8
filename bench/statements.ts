import type pg from "pg";

export interface CountedStatement {
  readonly calls: number;
  /** Ms in the server, over all calls. */
  readonly totalMs: number;
  /** Its beginning. */
  readonly text: string;
}

/** The bench's own statements carry this. */
const OWN = "/* bench */";
const TEXT_CHARS = 110;

/** Counts from now on. */
export async function forgetStatements(pool: pg.Pool): Promise<void> {
  await pool.query(`${OWN} create extension if not exists pg_stat_statements`);
  await pool.query(`${OWN} select pg_stat_statements_reset()`);
}

/** What API and worker asked PostgreSQL; BEGIN and COMMIT are not counted. Most calls first. */
export async function countStatements(pool: pg.Pool): Promise<readonly CountedStatement[]> {
  const { rows } = await pool.query<{ calls: number; total_ms: number; query: string }>(
    `${OWN} select calls, total_exec_time as total_ms, query from pg_stat_statements
     where dbid = (select oid from pg_database where datname = current_database()) and query not like '%${OWN}%'
     order by calls desc`,
  );
  return rows.map(({ calls, total_ms, query }) => ({
    calls,
    totalMs: total_ms,
    text: query.replace(/\s+/g, " ").trim().slice(0, TEXT_CHARS),
  }));
}
