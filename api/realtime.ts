import { Server as HttpServer } from "node:http";
import type { ServerType } from "@hono/node-server";
import { createAdapter } from "@socket.io/postgres-adapter";
import type pg from "pg";
import { Server } from "socket.io";
import type { Socket } from "socket.io";
import { REALTIME_CHANNEL_PREFIX } from "../db/announcer.ts";
import { roomsOf } from "../domain/room.ts";
import type { Logger } from "../runtime/logger.ts";
import type { Authenticate } from "./authenticate.ts";

/**
 * Socket.IO on the API's own port, under /socket.io. Whoever connects shows the token that the HTTP API takes and is put into the rooms that the token's
 * permissions come to; there is no way to ask for others, and nothing that a client says is listened to. API processes share the rooms through PostgreSQL.
 *
 * WebSocket alone: long polling would need every request of a client to reach the same process.
 */
export type Realtime = { readonly stop: () => Promise<void> };

export type RealtimeDeps = {
  readonly pool: pg.Pool;
  readonly authenticate: Authenticate;
  readonly log: Logger;
  /** How often a connection is asked again whether it may still listen. */
  readonly recheckMs?: number;
};

/** A revoked key or a changed role closes the rooms within this time, and what the process remembers of keys. */
const RECHECK_MS = 15_000;
/** A token and little else. */
const PACKET_BYTES_MAX = 16_384;
const CONNECT_TIMEOUT_MS = 10_000;

type Admission = { readonly token: string; readonly rooms: readonly string[] };

export function startRealtime(server: ServerType, deps: RealtimeDeps): Realtime {
  if (!(server instanceof HttpServer)) throw new Error("Socket.IO is served over HTTP/1.1");
  const listening = createListening(deps);
  const io = new Server(server, {
    serveClient: false,
    transports: ["websocket"],
    maxHttpBufferSize: PACKET_BYTES_MAX,
    connectTimeout: CONNECT_TIMEOUT_MS,
    adapter: createAdapter(asPool(listening), {
      channelPrefix: REALTIME_CHANNEL_PREFIX,
      errorHandler: (error) =>
        deps.log.warn({ error }, "an announcement did not get through PostgreSQL"),
    }),
  });
  const admitted = new WeakMap<Socket, Admission>();

  io.use((socket, next) => {
    admit(deps.authenticate, tokenOf(socket)).then(
      (admission) => {
        if (admission !== null) admitted.set(socket, admission);
        next(admission === null ? new Error("unauthenticated") : undefined);
      },
      (error: unknown) => {
        deps.log.warn({ error }, "could not find out who connects");
        next(new Error("unavailable"));
      },
    );
  });

  io.on("connection", (socket) => {
    const admission = admitted.get(socket);
    if (admission === undefined) {
      socket.disconnect(true);
      return;
    }
    void socket.join([...admission.rooms]);
    const timer = setInterval(() => {
      void recheck(deps, socket, admission.token);
    }, deps.recheckMs ?? RECHECK_MS);
    timer.unref();
    socket.on("disconnect", () => clearInterval(timer));
  });

  return {
    stop: async () => {
      listening.stop();
      await io.close();
    },
  };
}

/**
 * What the adapter needs of a pool. It keeps one connection to listen on and does not mind what becomes of it: here its loss is survived, and it is never given
 * back to be used for something else.
 */
function createListening({ pool, log }: RealtimeDeps) {
  let isStopped = false;
  return {
    query: (text: string, values: unknown[]) => pool.query(text, values),
    connect: async (): Promise<pg.PoolClient> => {
      // The adapter would try for ever.
      if (isStopped) return new Promise(() => undefined);
      const client = await pool.connect();
      const release = client.release.bind(client);
      client.release = () => release(true);
      client.on("error", (error) => {
        log.warn({ error }, "lost the connection that listens for announcements");
      });
      client.on("end", () => release(true));
      return client;
    },
    stop: () => {
      isStopped = true;
    },
  };
}

/**
 * The adapter's type asks for pg's whole class, of which it calls `connect` and `query` alone (@socket.io/postgres-adapter 0.5.0). A real pool would give the
 * connection that listens back to others, and try for ever after the end.
 */
function asPool(listening: ReturnType<typeof createListening>): pg.Pool {
  // Reason: the adapter (0.5.0) calls `connect` and `query`, both of which are there; of pg's class it needs nothing else.
  return listening as unknown as pg.Pool;
}

/** Null: nobody whom anything is announced to. */
async function admit(authenticate: Authenticate, token: string | null): Promise<Admission | null> {
  const actor = token === null ? null : await authenticate(token);
  const rooms = actor === null ? [] : roomsOf(actor);
  return token === null || rooms.length === 0 ? null : { token, rooms };
}

async function recheck(
  { authenticate, log }: RealtimeDeps,
  socket: Socket,
  token: string,
): Promise<void> {
  try {
    const admission = await admit(authenticate, token);
    if (admission === null) {
      socket.disconnect(true);
      return;
    }
    const wanted = new Set(admission.rooms);
    for (const room of socket.rooms) {
      if (room !== socket.id && !wanted.has(room)) await socket.leave(room);
    }
    await socket.join([...wanted]);
  } catch (error) {
    log.warn({ error }, "could not find out whether somebody may still listen");
  }
}

const TOKEN_CHARS_MAX = 8_192;

/** A browser gives it as `auth.token`; programs may send the header that the HTTP API takes. */
function tokenOf({ handshake }: Socket): string | null {
  const { token } = handshake.auth as Readonly<Record<string, unknown>>;
  const given =
    typeof token === "string"
      ? token
      : /^Bearer +(\S+) *$/i.exec(handshake.headers.authorization ?? "")?.[1];
  return given !== undefined && given !== "" && given.length <= TOKEN_CHARS_MAX ? given : null;
}
