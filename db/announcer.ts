import { Emitter } from "@socket.io/postgres-emitter";
import type pg from "pg";

import { readChanges, type Announcement, type Change } from "./changes.ts";

/**
 * Tells whoever watches that something has changed. What changes within a moment is looked up and announced together: two statements for all of it, behind the
 * work and never in its way. An announcement is a hint to read again; one that is lost with its process costs a glance, nothing else.
 */
export interface Announcer {
  readonly announce: (change: Change) => void;
  /** Announces what waits, then nothing more. */
  readonly stop: () => Promise<void>;
}

/** Sooner than anybody looks up, and long enough for what belongs together. */
const GATHER_MS = 200;
/** Above this, what nobody could announce for want of a database is forgotten: pages read again when they are back. */
const WAITING_MAX = 5_000;
/** A NOTIFY takes less than 8000 bytes; this many rooms are about half of that. */
const ROOMS_MAX = 100;

export const REALTIME_CHANNEL_PREFIX = "siaga";

export function createAnnouncer(deps: {
  readonly pool: pg.Pool;
  readonly log: { readonly warn: (fields: Record<string, unknown>, message: string) => void };
}): Announcer {
  const waiting = new Map<string, Change>();
  let timer: NodeJS.Timeout | null = null;
  let announcing: Promise<void> = Promise.resolve();
  let isStopped = false;

  const announceAll = async (): Promise<void> => {
    const changes = [...waiting.values()];
    waiting.clear();
    if (changes.length === 0) return;
    try {
      await send(deps.pool, await readChanges(deps.pool, changes));
    } catch (error) {
      deps.log.warn({ error, count: changes.length }, "changes could not be announced");
    }
  };
  const later = (): void => {
    timer = null;
    announcing = announcing.then(announceAll);
  };

  return {
    announce: (change) => {
      if (isStopped || waiting.size >= WAITING_MAX) return;
      const key = keyOf(change);
      // The earliest instant stands for all later ones.
      if (!waiting.has(key)) waiting.set(key, change);
      timer ??= setTimeout(later, GATHER_MS);
    },
    stop: async () => {
      isStopped = true;
      if (timer) clearTimeout(timer);
      later();
      await announcing;
    },
  };
}

function keyOf(change: Change): string {
  return JSON.stringify(change.kind === "inbox" ? { ...change, since: 0 } : change);
}

/** The emitter writes each event by a statement of its own; here its statements are gathered and written by one. */
async function send(pool: pg.Pool, announcements: readonly Announcement[]): Promise<void> {
  const channels: string[] = [];
  const payloads: string[] = [];
  const emitter = new Emitter(
    {
      query: (_text: string, [channel = "", payload = ""]: readonly string[]) => {
        channels.push(channel);
        payloads.push(withNamespace(payload));
        return Promise.resolve({ rows: [] });
      },
    },
    NAMESPACE,
    { channelPrefix: REALTIME_CHANNEL_PREFIX },
  );
  for (const { event, rooms, payload } of announcements) {
    for (let start = 0; start < rooms.length; start += ROOMS_MAX) {
      emitter.to(rooms.slice(start, start + ROOMS_MAX)).emit(event, payload);
    }
  }
  if (channels.length === 0) return;
  await pool.query({
    name: "announce",
    text: "select pg_notify(n.channel, n.payload) from unnest($1::text[], $2::text[]) as n(channel, payload)",
    values: [channels, payloads],
  });
}

const NAMESPACE = "/";

/** Version 0.5 of the adapter finds a message's namespace in it, and version 0.1 of the emitter names it in the channel alone. */
function withNamespace(payload: string): string {
  const message: unknown = JSON.parse(payload);
  return JSON.stringify(typeof message === "object" ? { ...message, nsp: NAMESPACE } : message);
}
