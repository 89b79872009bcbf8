import pg from "pg";
import type { Logger } from "../runtime/logger.ts";

export type PoolOptions = {
  readonly databaseUrl: string;
  /** Shown in pg_stat_activity: `siaga-api`, `siaga-worker`, … */
  readonly applicationName: string;
  readonly max: number;
  readonly log: Logger;
  /** A statement of a request or activity that takes longer is a fault; reports and migrations set their own. */
  readonly statementTimeoutMs?: number;
  /**
   * Every named statement is planned once per connection, whatever its values. For statements that go by keys: PostgreSQL would plan the largest of them anew
   * each time, which takes three times as long as executing it. Not for lists that filter.
   */
  readonly plansOnce?: boolean;
};

const STATEMENT_TIMEOUT_MS = 15_000;
/** A lock is held for milliseconds; who waits this long waits for somebody who is stuck. */
const LOCK_TIMEOUT_MS = 10_000;
/** A transaction of a process that hangs must not keep its locks. */
const IDLE_IN_TRANSACTION_TIMEOUT_MS = 30_000;
const CONNECT_TIMEOUT_MS = 5_000;
/** Beyond the server's own limit, so that it only ends queries on connections that died silently. */
const QUERY_TIMEOUT_MARGIN_MS = 5_000;
const IDLE_CONNECTION_MS = 30_000;
/** A connection that knows its plans is worth keeping from one burst of alarms to the next. */
const IDLE_CONNECTION_WITH_PLANS_MS = 600_000;

/**
 * A pool whose sessions are in UTC and bounded in time.
 *
 * Values: int8 as number (a value beyond 2^53 throws), numeric as the nearest number, timestamptz as Date, date and
 * timestamp without zone as the text that PostgreSQL gives (a Date would move them into the host's zone).
 */
export function createPool(options: PoolOptions): pg.Pool {
  const statementTimeoutMs = options.statementTimeoutMs ?? STATEMENT_TIMEOUT_MS;
  const plansOnce = options.plansOnce ?? false;
  const pool = new pg.Pool({
    connectionString: options.databaseUrl,
    application_name: options.applicationName,
    max: options.max,
    options: `-c TimeZone=UTC${plansOnce ? " -c plan_cache_mode=force_generic_plan" : ""}`,
    statement_timeout: statementTimeoutMs,
    query_timeout: statementTimeoutMs + QUERY_TIMEOUT_MARGIN_MS,
    lock_timeout: LOCK_TIMEOUT_MS,
    idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_TIMEOUT_MS,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    idleTimeoutMillis: plansOnce ? IDLE_CONNECTION_WITH_PLANS_MS : IDLE_CONNECTION_MS,
    keepAlive: true,
    types: VALUE_PARSERS,
  });
  // An idle connection that breaks (server restarted) is replaced on the next query; without a listener it would end the process.
  pool.on("error", (error) => options.log.warn({ error }, "idle database connection lost"));
  return pool;
}

type ValueParser = (text: string) => unknown;
type TypeOid = Parameters<typeof pg.types.getTypeParser>[0];

const { INT8, NUMERIC, DATE, TIMESTAMP } = pg.types.builtins;

const OWN_PARSERS: ReadonlyMap<number, ValueParser> = new Map<number, ValueParser>([
  [INT8, toSafeInteger],
  [NUMERIC, Number],
  [DATE, String],
  [TIMESTAMP, String],
]);

const VALUE_PARSERS: pg.CustomTypesConfig = {
  getTypeParser(oid: TypeOid, format?: "text" | "binary"): ValueParser {
    const own = format === "binary" ? undefined : OWN_PARSERS.get(oid);
    return own ?? asParser(pg.types.getTypeParser(oid, format));
  },
};

/** pg types its parsers as `any`; each is a function of the text that the server sent. */
function asParser(parser: unknown): ValueParser {
  return parser as ValueParser;
}

function toSafeInteger(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value)) {
    throw new RangeError("an int8 of the database is beyond 2^53");
  }
  return value;
}
