import { isIP } from "node:net";
import { loadClientConnectConfig } from "@temporalio/envconfig";
import type { ClientConnectConfig } from "@temporalio/envconfig";
import { CRASH_POINTS } from "./crash-points.ts";
import type { CrashSetting } from "./crash-points.ts";
import { Secret } from "./secret.ts";

/**
 * The only reader of the process environment. Everything is parsed once, at start, into a frozen object; all problems
 * are reported together, by the variable's name and the rule it breaks, never by its value.
 *
 * `ENV_VARIABLES` is also the source of the table in docs/configuration.md (a test keeps the two equal).
 */

export type EnvVariable = {
  readonly name: string;
  /** What holds when it is not set, in words for the table. */
  readonly whenUnset: string;
  readonly meaning: string;
};

export const ENV_VARIABLES = [
  {
    name: "DATABASE_URL",
    whenUnset: "required",
    meaning: "PostgreSQL connection string, `postgresql://user:password@host:port/database`.",
  },
  {
    name: "TEMPORAL_ADDRESS",
    whenUnset: "`localhost:7233`",
    meaning:
      "Temporal's gRPC address, `host:port`. Set, `npm run demo` uses that server and fetches none.",
  },
  {
    name: "TEMPORAL_NAMESPACE",
    whenUnset: "`default`",
    meaning: "Temporal namespace.",
  },
  {
    name: "TEMPORAL_API_KEY",
    whenUnset: "none",
    meaning: "API key for Temporal Cloud; switches TLS on. Secret.",
  },
  {
    name: "TEMPORAL_TLS",
    whenUnset: "on when a key or certificate is given",
    meaning: "`true` or `false`.",
  },
  {
    name: "TEMPORAL_TLS_CLIENT_CERT_PATH",
    whenUnset: "none",
    meaning:
      "File with the client certificate (PEM); `TEMPORAL_TLS_CLIENT_CERT_DATA` holds it inline.",
  },
  {
    name: "TEMPORAL_TLS_CLIENT_KEY_PATH",
    whenUnset: "none",
    meaning:
      "File with the client key (PEM); `TEMPORAL_TLS_CLIENT_KEY_DATA` holds it inline. Secret.",
  },
  {
    name: "TEMPORAL_TLS_SERVER_CA_CERT_PATH",
    whenUnset: "the system's authorities",
    meaning:
      "File with the server's authority (PEM); `TEMPORAL_TLS_SERVER_CA_CERT_DATA` holds it inline.",
  },
  {
    name: "TEMPORAL_TLS_SERVER_NAME",
    whenUnset: "the host of the address",
    meaning: "Name expected in the server's certificate.",
  },
  {
    name: "TEMPORAL_PROFILE",
    whenUnset: "none",
    meaning:
      "Profile of Temporal's own configuration file. The file is read only if this or the next is set.",
  },
  {
    name: "TEMPORAL_CONFIG_FILE",
    whenUnset: "Temporal's default place",
    meaning: "Temporal's own configuration file (TOML).",
  },
  {
    name: "SIAGA_PUBLIC_URL",
    whenUnset: "`http://localhost:<SIAGA_PORT>` with simulated vendors, else required",
    meaning:
      "Address at which vendors and people reach this installation; webhooks and signed links begin with it.",
  },
  {
    name: "SIAGA_PORT",
    whenUnset: "`3000`",
    meaning: "Port of the API and the web app.",
  },
  {
    name: "SIAGA_SECRET_KEY",
    whenUnset: "required",
    meaning:
      "32 bytes in base64 (`openssl rand -base64 32`): encrypts provider credentials and signs links and sessions. Secret. The demo makes its own.",
  },
  {
    name: "SIAGA_TIME_ZONE",
    whenUnset: "`Asia/Jakarta`",
    meaning: "The installation's time zone (IANA), for people and zones without one of their own.",
  },
  {
    name: "SIAGA_LOCALE",
    whenUnset: "`id`",
    meaning: "The installation's language, `id` or `en`.",
  },
  {
    name: "SIAGA_PORTAL_URL",
    whenUnset: "no ticket links",
    meaning: "Address of the company's ticket portal; links to tickets in messages begin with it.",
  },
  {
    name: "SIAGA_TEMPORAL_UI_URL",
    whenUnset: "no links to runs",
    meaning: "Address of the Temporal UI, for the links to a notification's run.",
  },
  {
    name: "SIAGA_SIMULATED",
    whenUnset: "`false`",
    meaning:
      "`true`: every vendor is simulated and no message leaves this machine; what is attached may be on it.",
  },
  {
    name: "SIAGA_SIMULATED_VENDORS_URL",
    whenUnset: "`http://127.0.0.1:4010`",
    meaning:
      "Address of the simulated vendors, whose phones and faults the API shows under `/sandbox`; counts with `SIAGA_SIMULATED` alone.",
  },
  {
    name: "SIAGA_SEND_ONLY_TO",
    whenUnset: "no limit",
    meaning:
      "Comma-separated numbers (E.164), group ids, e-mail addresses, or ids of users for push; real sends go to these alone, everything else is skipped.",
  },
  {
    name: "SIAGA_WAKE_PER_SECOND",
    whenUnset: "`10`",
    meaning: "How many held notifications wake in a second at the end of quiet hours.",
  },
  {
    name: "SIAGA_START_CONCURRENCY",
    whenUnset: "`20`",
    meaning: "How many runs the API starts at once behind their acceptance.",
  },
  {
    name: "SIAGA_MAX_CACHED_WORKFLOWS",
    whenUnset: "`1000`",
    meaning: "Runs that a worker keeps in memory; bounds its memory at about 70 KB each.",
  },
  {
    name: "SIAGA_DB_POOL_MAX",
    whenUnset: "`10`",
    meaning:
      "Database connections of one process. The API keeps half of them for accepting and for vendors' reports, and takes three at least.",
  },
  {
    name: "SIAGA_LOG_LEVEL",
    whenUnset: "`info`",
    meaning: "`debug`, `info`, `warn` or `error`.",
  },
  {
    name: "SIAGA_CRASH_POINT",
    whenUnset: "none",
    meaning:
      "For drills, with `SIAGA_SIMULATED` alone: the process kills itself when it first comes to this point (`runtime/crash-points.ts` names them).",
  },
  {
    name: "SIAGA_CRASH_FILE",
    whenUnset: "required with `SIAGA_CRASH_POINT`",
    meaning: "File that remembers that it has done so; while it exists, it does not again.",
  },
  {
    name: "SIAGA_CACHE_DIR",
    whenUnset: "`.siaga/cache`",
    meaning:
      "Where the demo, tests and measurements keep the Temporal program that they fetch once.",
  },
] as const satisfies readonly EnvVariable[];

type EnvName = (typeof ENV_VARIABLES)[number]["name"];

/** Where `tsx providers/simulated/main.ts` listens by itself. */
const SIMULATED_VENDORS_URL = "http://127.0.0.1:4010";

export const LOG_LEVELS = ["debug", "info", "warn", "error"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

const LOCALES = ["id", "en"] as const;
export type Locale = (typeof LOCALES)[number];

export type TemporalEnv = {
  /** `host:port`. */
  readonly address: string;
  readonly namespace: string;
  /** What the client and the worker connect with; holds the API key and the client key. */
  readonly connection: Secret<ClientConnectConfig["connectionOptions"]>;
};

export type Env = {
  readonly databaseUrl: Secret<string>;
  readonly dbPoolMax: number;
  readonly temporal: TemporalEnv;
  /** Without a slash at its end. */
  readonly publicUrl: string;
  readonly port: number;
  /** 32 bytes. */
  readonly secretKey: Secret<Uint8Array>;
  /** IANA name. */
  readonly timeZone: string;
  readonly locale: Locale;
  readonly portalUrl: string | null;
  readonly temporalUiUrl: string | null;
  readonly isSimulated: boolean;
  /** Without a slash at its end; null: the vendors are real. */
  readonly simulatedVendorsUrl: string | null;
  /** Null: no limit. Numbers with their plus sign, group ids as the vendor writes them. */
  readonly sendOnlyTo: readonly string[] | null;
  readonly wakePerSecond: number;
  readonly startConcurrency: number;
  readonly maxCachedWorkflows: number;
  readonly logLevel: LogLevel;
  /** Null outside of drills. */
  readonly crash: CrashSetting | null;
};

/** What a program that only touches the database needs (migrate). */
export type DatabaseEnv = Pick<Env, "databaseUrl" | "logLevel">;

export type EnvSource = Readonly<Record<string, string | undefined>>;

export type EnvProblem = { readonly name: string; readonly rule: string };

/** Everything wrong with the environment, at once. Its text names variables and rules, never values. */
export class InvalidEnvironment extends Error {
  readonly problems: readonly EnvProblem[];

  constructor(problems: readonly EnvProblem[]) {
    super(
      [
        "The environment is not usable (docs/configuration.md has the table):",
        ...problems.map(({ name, rule }) => `  ${name}: ${rule}`),
      ].join("\n"),
    );
    this.name = "InvalidEnvironment";
    this.problems = problems;
  }
}

/** @throws InvalidEnvironment naming every problem */
export function readEnv(source: EnvSource = process.env): Env {
  const read = new Reader(source);
  const isSimulated = read.flag("SIAGA_SIMULATED", false);
  const port = read.integer("SIAGA_PORT", 3000, 1, 65_535);
  const env: Env = {
    databaseUrl: read.databaseUrl(),
    dbPoolMax: read.integer("SIAGA_DB_POOL_MAX", 10, 1, 200),
    temporal: readTemporal(read, source),
    publicUrl: read.publicUrl(isSimulated, port),
    port,
    secretKey: read.secretKey(),
    timeZone: read.timeZone("SIAGA_TIME_ZONE", "Asia/Jakarta"),
    locale: read.oneOf("SIAGA_LOCALE", LOCALES, "id"),
    portalUrl: read.optionalUrl("SIAGA_PORTAL_URL"),
    temporalUiUrl: read.optionalUrl("SIAGA_TEMPORAL_UI_URL"),
    isSimulated,
    simulatedVendorsUrl: read.simulatedVendorsUrl(isSimulated),
    sendOnlyTo: read.sendOnlyTo(),
    wakePerSecond: read.integer("SIAGA_WAKE_PER_SECOND", 10, 1, 1000),
    startConcurrency: read.integer("SIAGA_START_CONCURRENCY", 20, 1, 200),
    maxCachedWorkflows: read.integer("SIAGA_MAX_CACHED_WORKFLOWS", 1000, 1, 100_000),
    logLevel: read.oneOf("SIAGA_LOG_LEVEL", LOG_LEVELS, "info"),
    crash: read.crash(isSimulated),
  };
  read.failIfAnyProblem();
  return Object.freeze(env);
}

/** @throws InvalidEnvironment naming every problem */
export function readDatabaseEnv(source: EnvSource = process.env): DatabaseEnv {
  const read = new Reader(source);
  const env: DatabaseEnv = {
    databaseUrl: read.databaseUrl(),
    logLevel: read.oneOf("SIAGA_LOG_LEVEL", LOG_LEVELS, "info"),
  };
  read.failIfAnyProblem();
  return Object.freeze(env);
}

/** The environment for a child process: this one's, with the given variables set, or removed where undefined. */
export function environmentWith(changes: EnvSource): NodeJS.ProcessEnv {
  return { ...process.env, ...changes };
}

/** One variable of this process, for programs that must decide something before `readEnv` can succeed (demo, bench). */
export function readVariable(name: EnvName): string | null {
  const text = process.env[name]?.trim();
  return text === undefined || text === "" ? null : text;
}

const URL_RULE = "must be an http or https address";

/** Reads variables one by one, remembering what is wrong with each; a placeholder stands in for a bad value. */
class Reader {
  readonly #source: EnvSource;
  readonly #problems: EnvProblem[] = [];

  constructor(source: EnvSource) {
    this.#source = source;
  }

  failIfAnyProblem(): void {
    if (this.#problems.length > 0) {
      throw new InvalidEnvironment(this.#problems);
    }
  }

  problem(name: EnvName, rule: string): void {
    this.#problems.push({ name, rule });
  }

  /** Null when unset or blank: an empty line in a compose file means the default. */
  text(name: EnvName): string | null {
    const text = this.#source[name]?.trim();
    return text === undefined || text === "" ? null : text;
  }

  integer(name: EnvName, whenUnset: number, min: number, max: number): number {
    const text = this.text(name);
    if (text === null) {
      return whenUnset;
    }
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < min || value > max) {
      this.problem(name, `must be a whole number from ${min} to ${max}`);
      return whenUnset;
    }
    return value;
  }

  flag(name: EnvName, whenUnset: boolean): boolean {
    const text = this.text(name);
    if (text === null) {
      return whenUnset;
    }
    if (text !== "true" && text !== "false") {
      this.problem(name, "must be true or false");
    }
    return text === "true";
  }

  oneOf<T extends string>(name: EnvName, allowed: readonly T[], whenUnset: T): T {
    const text = this.text(name);
    if (text === null) {
      return whenUnset;
    }
    const found = allowed.find((value) => value === text);
    if (found === undefined) {
      this.problem(name, `must be one of ${allowed.join(", ")}`);
    }
    return found ?? whenUnset;
  }

  optionalUrl(name: EnvName): string | null {
    const text = this.text(name);
    if (text === null) {
      return null;
    }
    if (!isHttpUrl(text)) {
      this.problem(name, URL_RULE);
    }
    return text.replace(/\/+$/, "");
  }

  publicUrl(isSimulated: boolean, port: number): string {
    const url = this.optionalUrl("SIAGA_PUBLIC_URL");
    if (url === null && !isSimulated) {
      this.problem("SIAGA_PUBLIC_URL", "is required unless SIAGA_SIMULATED is true");
    }
    return url ?? `http://localhost:${port}`;
  }

  simulatedVendorsUrl(isSimulated: boolean): string | null {
    const url = this.optionalUrl("SIAGA_SIMULATED_VENDORS_URL") ?? SIMULATED_VENDORS_URL;
    return isSimulated ? url : null;
  }

  databaseUrl(): Secret<string> {
    const text = this.text("DATABASE_URL");
    if (text === null) {
      this.problem("DATABASE_URL", "is required");
    } else if (!/^postgres(ql)?:\/\/\S+$/.test(text) || !URL.canParse(text)) {
      this.problem("DATABASE_URL", "must be a postgresql:// connection string");
    }
    return new Secret(text ?? "");
  }

  secretKey(): Secret<Uint8Array> {
    const text = this.text("SIAGA_SECRET_KEY");
    if (text === null) {
      this.problem("SIAGA_SECRET_KEY", "is required: 32 bytes in base64 (openssl rand -base64 32)");
      return new Secret(new Uint8Array());
    }
    const isBase64 = /^[A-Za-z0-9+/_-]+={0,2}$/.test(text);
    const bytes = new Uint8Array(Buffer.from(text, "base64"));
    if (!isBase64 || bytes.length !== 32) {
      this.problem("SIAGA_SECRET_KEY", "must be exactly 32 bytes in base64");
    }
    return new Secret(bytes);
  }

  crash(isSimulated: boolean): CrashSetting | null {
    const [firstPoint] = CRASH_POINTS;
    const file = this.text("SIAGA_CRASH_FILE");
    if (this.text("SIAGA_CRASH_POINT") === null) {
      return null;
    }
    if (!isSimulated) {
      this.problem("SIAGA_CRASH_POINT", "is refused unless SIAGA_SIMULATED is true");
    }
    if (file === null) {
      this.problem("SIAGA_CRASH_FILE", "is required with SIAGA_CRASH_POINT");
    }
    const point = this.oneOf("SIAGA_CRASH_POINT", CRASH_POINTS, firstPoint);
    return { point, file: file ?? "" };
  }

  timeZone(name: EnvName, whenUnset: string): string {
    const text = this.text(name);
    if (text === null) {
      return whenUnset;
    }
    if (!isTimeZone(text)) {
      this.problem(name, "must be an IANA time zone such as Asia/Makassar");
    }
    return text;
  }

  sendOnlyTo(): readonly string[] | null {
    const text = this.text("SIAGA_SEND_ONLY_TO");
    if (text === null) {
      return null;
    }
    const entries = text.split(",").map((entry) => entry.trim());
    const isValid = (entry: string): boolean =>
      /^\+[1-9]\d{7,14}$/.test(entry) ||
      /^usr_[0-9a-z]{26}$/.test(entry) ||
      /^[^\s@,]{1,64}@[^\s@,]{3,253}$/.test(entry);
    if (!entries.every(isValid)) {
      this.problem(
        "SIAGA_SEND_ONLY_TO",
        "must list numbers as +<country><number>, group ids, e-mail addresses or ids of users, comma-separated",
      );
    }
    return Object.freeze(entries);
  }
}

/** Temporal's standard variables, read by Temporal's own reader. */
function readTemporal(read: Reader, source: EnvSource): TemporalEnv {
  const overrideEnvVars: Record<string, string> = {};
  for (const [name, value] of Object.entries(source)) {
    if (value !== undefined && value.trim() !== "") {
      overrideEnvVars[name] = value;
    }
  }
  const isFileWanted =
    read.text("TEMPORAL_PROFILE") !== null || read.text("TEMPORAL_CONFIG_FILE") !== null;
  read.oneOf("TEMPORAL_TLS", ["true", "false", "1", "0"], "false");
  if (
    (read.text("TEMPORAL_TLS_CLIENT_CERT_PATH") === null) !==
    (read.text("TEMPORAL_TLS_CLIENT_KEY_PATH") === null)
  ) {
    read.problem(
      "TEMPORAL_TLS_CLIENT_CERT_PATH",
      "and TEMPORAL_TLS_CLIENT_KEY_PATH must be set together",
    );
  }
  let config: ClientConnectConfig = { connectionOptions: {} };
  try {
    config = loadClientConnectConfig({ overrideEnvVars, disableFile: !isFileWanted });
  } catch {
    // The cause names files and may quote their content; the rule is enough to find it.
    read.problem(
      isFileWanted ? "TEMPORAL_CONFIG_FILE" : "TEMPORAL_TLS",
      "Temporal's configuration can't be loaded: a named file or profile is missing or unreadable",
    );
  }
  const address = config.connectionOptions.address ?? "localhost:7233";
  if (!isHostAndPort(address)) {
    read.problem("TEMPORAL_ADDRESS", "must be host:port");
  }
  return Object.freeze({
    address,
    namespace: config.namespace ?? "default",
    connection: new Secret({ ...config.connectionOptions, address }),
  });
}

function isHostAndPort(text: string): boolean {
  const match = /^(\[[^\]]+\]|[^:\s/]+):(\d{1,5})$/.exec(text);
  const host = match?.[1];
  const port = Number(match?.[2]);
  if (host === undefined || port < 1 || port > 65_535) {
    return false;
  }
  return host.startsWith("[") ? isIP(host.slice(1, -1)) === 6 : true;
}

function isHttpUrl(text: string): boolean {
  return URL.canParse(text) && /^https?:$/.test(new URL(text).protocol);
}

function isTimeZone(text: string): boolean {
  // "UTC" and area names only: bare offsets and abbreviations would hide a daylight-saving rule.
  if (text !== "UTC" && !text.includes("/")) {
    return false;
  }
  try {
    new Intl.DateTimeFormat("en", { timeZone: text });
    return true;
  } catch {
    return false;
  }
}
