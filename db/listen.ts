import pg from "pg";

export interface Listener {
  readonly close: () => Promise<void>;
}

const RECONNECT_MS = 1_000;

/**
 * Calls `onNotify` for each notification on a channel, and once after every reconnect, because what came in between was lost.
 * Keeps a connection of its own; a failure is logged and tried again until `close`.
 */
export async function listen(options: {
  readonly databaseUrl: string;
  readonly channel: "provider_accounts" | "api_keys";
  readonly onNotify: (payload: string | null) => void;
  readonly log: { readonly warn: (fields: Record<string, unknown>, message: string) => void };
}): Promise<Listener> {
  let client: pg.Client | null = null;
  let timer: NodeJS.Timeout | null = null;
  let isClosed = false;

  const connect = async (): Promise<void> => {
    const next = new pg.Client({
      connectionString: options.databaseUrl,
      application_name: `siaga-listen-${options.channel}`,
      keepAlive: true,
    });
    next.on("notification", ({ payload }) => {
      options.onNotify(payload ?? null);
    });
    next.on("error", (error) => {
      options.log.warn({ error, channel: options.channel }, "lost the listening connection");
    });
    next.on("end", () => {
      if (client === next) reconnectLater();
    });
    await next.connect();
    await next.query(`listen ${options.channel}`);
    if (isClosed) await next.end();
    else client = next;
  };

  const reconnectLater = (): void => {
    client = null;
    if (isClosed) return;
    timer = setTimeout(() => {
      connect().then(
        () => {
          options.onNotify(null);
        },
        () => {
          reconnectLater();
        },
      );
    }, RECONNECT_MS);
  };

  await connect().catch((error: unknown) => {
    options.log.warn({ error, channel: options.channel }, "can't listen yet");
    reconnectLater();
  });
  return {
    close: async () => {
      isClosed = true;
      if (timer) clearTimeout(timer);
      const current = client;
      client = null;
      await current?.end().catch(() => undefined);
    },
  };
}
