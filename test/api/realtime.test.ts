import { randomBytes } from "node:crypto";
import { io } from "socket.io-client";
import type { Socket } from "socket.io-client";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { startApi } from "../../api/start-api.ts";
import type { RunningApi } from "../../api/start-api.ts";
import { createAnnouncer } from "../../db/announcer.ts";
import type { Announcer } from "../../db/announcer.ts";
import { insertApiKey } from "../../db/api-keys.ts";
import { newId } from "../../db/new-id.ts";
import type { ApiScope } from "../../domain/actor.ts";
import { ROLES } from "../../domain/role.ts";
import type { Role } from "../../domain/role.ts";
import { createProviders } from "../../providers/registry.ts";
import { SILENT_LOGGER } from "../../runtime/logger.ts";
import { useFreshDatabase } from "../support/database.ts";
import { insertTarget, insertUser, SECRET_KEY } from "../support/rows.ts";
import { FakeTemporal, seedWords } from "./harness.ts";

/** Two API processes on one database, and a worker's announcer: what one of them changes is heard at both, by whoever may see it. */
const database = useFreshDatabase();
const apis: RunningApi[] = [];
const sockets: Socket[] = [];
let worker: Announcer;

beforeAll(async () => {
  await seedWords(database().pool);
  apis.push(await start(), await start());
  worker = createAnnouncer({ pool: database().pool, log: SILENT_LOGGER });
});
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.disconnect();
});
afterAll(async () => {
  await worker.stop();
  for (const api of apis) await api.stop();
});

function start(): Promise<RunningApi> {
  return startApi(
    {
      port: 0,
      version: "0.0.0-test",
      temporalNamespace: "default",
      temporalUiUrl: null,
      portalUrl: null,
      timeZone: "Asia/Jakarta",
      locale: "id",
      startConcurrency: 5,
      publicUrl: "http://siaga.test",
      secretKey: SECRET_KEY,
      realtimeRecheckMs: 200,
    },
    {
      pool: database().pool,
      temporal: new FakeTemporal().asClient(),
      isTemporalAway: () => false,
      providers: createProviders(() => Promise.reject(new Error("the API calls no vendor"))),
      log: SILENT_LOGGER,
    },
  );
}

async function keyOf(userId: string | null, ...scopes: ApiScope[]): Promise<string> {
  const made = await insertApiKey(
    database().pool,
    { name: "A key", sender: "test", scopes, userId },
    Date.now(),
    randomBytes,
  );
  return made.key;
}

async function person(role: Role, zones: readonly string[] = []) {
  const { id } = await insertUser(database().pool, { role, zones });
  return { id, key: await keyOf(id) };
}

interface Listener {
  readonly socket: Socket;
  readonly heard: { readonly event: string; readonly payload: Readonly<Record<string, unknown>> }[];
}

const addressOf = (place: number): string => `http://127.0.0.1:${apis[place]?.port ?? 0}`;

async function listenAt(place: number, key: string): Promise<Listener> {
  const socket = io(addressOf(place), {
    transports: ["websocket"],
    auth: { token: key },
    reconnection: false,
    forceNew: true,
  });
  sockets.push(socket);
  const heard: Listener["heard"] = [];
  socket.onAny((event: string, payload: Readonly<Record<string, unknown>>) => {
    heard.push({ event, payload });
  });
  await new Promise<void>((resolve, reject) => {
    socket.once("connect", resolve);
    socket.once("connect_error", reject);
  });
  return { socket, heard };
}

async function accept(zone: string | null, type = "outage"): Promise<string> {
  const response = await fetch(`${addressOf(0)}/v1/notifications`, {
    method: "POST",
    headers: {
      authorization: `Bearer ${await keyOf(null, "admin")}`,
      "content-type": "application/json",
    },
    body: JSON.stringify({
      type,
      ...(zone === null ? {} : { zone }),
      ...(type === "outage" ? {} : { recipients: { phones: ["+6281234000011"] } }),
    }),
  });
  const body = (await response.json()) as { id: string };
  expect(response.status, JSON.stringify(body)).toBe(202);
  return body.id;
}

/** Everybody in here hears it last of all, so that whoever has not heard before is not going to. */
async function andNothingElse(listeners: readonly Listener[], about: readonly string[]) {
  const admin = await listenAt(1, (await person("admin")).key);
  const marker = await accept(null);
  await expect.poll(() => about1(admin, marker)).not.toEqual([]);
  return listeners.map((listener) => about.flatMap((id) => about1(listener, id)));
}

const about1 = ({ heard }: Listener, id: string) =>
  heard.filter(({ payload }) => payload["id"] === id || payload["notificationId"] === id);

describe("real-time", () => {
  it("tells listeners of both processes what one of them accepts, with ids and states only", async () => {
    const noc = await person("noc");
    const here = await listenAt(0, noc.key);
    const there = await listenAt(1, noc.key);
    const id = await accept("karawang");
    for (const listener of [here, there]) {
      await expect
        .poll(() => about1(listener, id))
        .toEqual([
          {
            event: "notification.changed",
            payload: { id, status: "accepted", outcome: null, pass: 0, step: 0 },
          },
        ]);
    }
  });

  it("tells of deliveries and inbox rows that a worker announces, each to its own", async () => {
    const told = await person("technician");
    const other = await person("technician");
    const id = await accept("bekasi");
    // The acceptance has been announced before anybody of these is told of it.
    await andNothingElse([], []);
    await insertTarget(database().pool, id, { target: told.id });
    const delivery = newId("dlv", Date.now());
    const row = newId("ina", Date.now());
    const since = Date.now();
    await database().pool.query(
      `insert into deliveries (id, notification_id, purpose, pass, step, target, user_id, channel, attempt, hand_over, status)
       values ($1, $2, 'ladder', 1, 1, $3, $3, 'push', 1, 0, 'accepted')`,
      [delivery, id, told.id],
    );
    await database().pool.query(
      "insert into in_app_messages (id, notification_id, user_id, title, body) values ($1, $2, $3, 'Judul', 'Rahasia')",
      [row, id, told.id],
    );
    const listeners = [
      await listenAt(0, told.key),
      await listenAt(1, told.key),
      await listenAt(1, other.key),
    ];
    worker.announce({ kind: "notification", notificationId: id });
    worker.announce({
      kind: "delivery_key",
      notificationId: id,
      purpose: "ladder",
      pass: 1,
      step: 1,
      target: told.id,
      channel: "push",
      attempt: 1,
      handOver: 0,
    });
    worker.announce({ kind: "inbox", notificationId: id, since: since - 1 });
    await expect.poll(() => listeners[1]?.heard.length).toBe(3);
    const [first, second, third] = await andNothingElse(listeners, [id]);
    expect(first).toEqual([
      expect.objectContaining({ event: "notification.changed" }),
      {
        event: "delivery.changed",
        payload: { id: delivery, notificationId: id, channel: "push", status: "accepted" },
      },
      { event: "inbox.added", payload: { id: row, notificationId: id } },
    ]);
    expect(second).toEqual(first);
    expect(third).toEqual([]);
    expect(JSON.stringify(listeners.map(({ heard }) => heard))).not.toMatch(/Rahasia|Judul|\+62/);
  });

  it.each(ROLES.filter((role) => role !== "customer").map((role) => ({ role })))(
    "invariant 38: a $role hears what the permission table lets that role see",
    async ({ role }) => {
      const listening = await person(role, ["karawang"]);
      const listener = await listenAt(1, listening.key);
      const ids = {
        own_zone: await accept("karawang"),
        other_zone: await accept("bekasi"),
        no_zone: await accept(null),
        customer_type: await accept("bekasi", "service_update"),
        told: await accept("bekasi"),
      };
      await insertTarget(database().pool, ids.told, { target: listening.id });
      worker.announce({ kind: "notification", notificationId: ids.told });
      await andNothingElse([], []);
      await andNothingElse([], []);
      const heard = Object.entries(ids).flatMap(([name, id]) =>
        about1(listener, id).length > 0 ? [name] : [],
      );
      const all = ["own_zone", "other_zone", "no_zone", "customer_type", "told"];
      const expected: Partial<Record<Role, readonly string[]>> = {
        admin: all,
        manager: all,
        noc: all,
        supervisor: ["own_zone", "told"],
        customer_service: ["customer_type", "told"],
        technician: ["told"],
      };
      expect(heard).toEqual(expected[role]);
    },
  );

  it("tells nobody of what tells them a code: it is there for a number that is free, and not for one that somebody else has", async () => {
    const told = await person("technician");
    const noc = await person("noc");
    const id = await accept("bekasi");
    await andNothingElse([], []);
    await database().pool.query(
      "update notifications set type = 'otp', zone = null where id = $1",
      [id],
    );
    await insertTarget(database().pool, id, { target: told.id });
    await database().pool.query(
      `insert into deliveries (id, notification_id, purpose, pass, step, target, user_id, channel, attempt, hand_over, status)
       values ($1, $2, 'ladder', 1, 1, $3, $3, 'sms', 1, 0, 'accepted')`,
      [newId("dlv", Date.now()), id, told.id],
    );
    const listeners = [await listenAt(0, noc.key), await listenAt(1, told.key)];
    worker.announce({ kind: "notification", notificationId: id });
    worker.announce({
      kind: "delivery_key",
      notificationId: id,
      purpose: "ladder",
      pass: 1,
      step: 1,
      target: told.id,
      channel: "sms",
      attempt: 1,
      handOver: 0,
    });
    await expect.poll(() => listeners[0]?.heard.length).toBe(2);
    const [seesAll, itself] = await andNothingElse(listeners, [id]);
    expect(seesAll).toHaveLength(2);
    expect(itself).toEqual([]);
  });

  it("invariant 38: another person's room stays closed to everybody, whatever their role and whatever they ask for", async () => {
    const owner = await person("technician");
    const curious = [await person("admin"), await person("noc"), await person("supervisor")];
    const listeners = await Promise.all(curious.map(({ key }) => listenAt(0, key)));
    for (const { socket } of listeners) {
      socket.emit("join", `person:${owner.id}`);
      socket.emit("subscribe", { room: `person:${owner.id}` });
    }
    const id = await accept("bekasi");
    const row = newId("ina", Date.now());
    await database().pool.query(
      "insert into in_app_messages (id, notification_id, user_id, title, body) values ($1, $2, $3, 'Judul', 'Isi')",
      [row, id, owner.id],
    );
    const own = await listenAt(0, owner.key);
    worker.announce({ kind: "inbox", notificationId: id, since: 0 });
    await expect.poll(() => about1(own, row)).toHaveLength(1);
    expect(await andNothingElse(listeners, [row])).toEqual([[], [], []]);
  });

  it("tells the members of a told group, and the assignee", async () => {
    const member = await person("technician");
    const assignee = await person("technician");
    const id = await accept("bekasi");
    const groupId = newId("grp", Date.now());
    const { pool } = database();
    await pool.query(
      "insert into whatsapp_groups (id, name, category) values ($1, 'A group', 'noc')",
      [groupId],
    );
    await pool.query(
      "insert into whatsapp_group_members (id, group_id, user_id) values ($1, $2, $3)",
      [newId("mem", Date.now()), groupId, member.id],
    );
    await insertTarget(pool, id, { target: groupId });
    await pool.query("update notifications set assignee_id = $2 where id = $1", [id, assignee.id]);
    const listeners = [await listenAt(0, member.key), await listenAt(1, assignee.key)];
    worker.announce({ kind: "notification", notificationId: id });
    for (const listener of listeners) {
      // Its acceptance may be announced by the API a moment later, too: a hint to read again may come twice.
      await expect.poll(() => about1(listener, id).length).toBeGreaterThan(0);
    }
  });

  it.each([
    ["no token", async () => ""],
    ["a token that is none", async () => "nonsense"],
    ["a key that nobody has", async () => `sg_live_${"A".repeat(43)}`],
    ["a customer", async () => (await person("customer")).key],
    ["a system that may not read", async () => keyOf(null, "notifications:write")],
  ])("lets nobody in with %s", async (_who, key) => {
    await expect(listenAt(0, await key())).rejects.toThrow("unauthenticated");
  });

  it("lets a system in that may read notifications", async () => {
    const listener = await listenAt(0, await keyOf(null, "notifications:read"));
    const id = await accept("bekasi");
    await expect.poll(() => about1(listener, id)).toHaveLength(1);
  });

  it("shuts out who loses the key, and moves who changes zones", async () => {
    const leaving = await person("noc");
    const moving = await person("supervisor", ["karawang"]);
    const left = await listenAt(0, leaving.key);
    const moved = await listenAt(0, moving.key);
    await database().pool.query("update api_keys set revoked_at = now() where user_id = $1", [
      leaving.id,
    ]);
    await database().pool.query("update users set zones = '{bekasi}' where id = $1", [moving.id]);
    await expect.poll(() => left.socket.connected, { timeout: 10_000 }).toBe(false);
    await expect
      .poll(
        async () => {
          const id = await accept("bekasi");
          await andNothingElse([], []);
          return about1(moved, id).length;
        },
        { timeout: 15_000 },
      )
      .toBe(1);
    const id = await accept("karawang");
    expect(await andNothingElse([left, moved], [id])).toEqual([[], []]);
  }, 30_000);

  it("costs two statements for any number of changes of a moment", async () => {
    const asked: string[] = [];
    const { pool } = database();
    const counting = new Proxy(pool, {
      get: (target, name, receiver) => {
        if (name === "query") asked.push("a statement");
        return Reflect.get(target, name, receiver) as unknown;
      },
    });
    const ids = await Promise.all(Array.from({ length: 20 }, () => accept("karawang")));
    const announcer = createAnnouncer({ pool: counting, log: SILENT_LOGGER });
    for (const id of [...ids, ...ids])
      announcer.announce({ kind: "notification", notificationId: id });
    await announcer.stop();
    expect(asked).toHaveLength(2);
  });

  it("outlives a database that hangs up, on both sides", async () => {
    const listener = await listenAt(1, (await person("noc")).key);
    await database().pool.query(
      "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and query like 'LISTEN%'",
    );
    await expect
      .poll(
        async () => {
          const id = await accept("karawang");
          await new Promise((resolve) => setTimeout(resolve, 500));
          return about1(listener, id).length;
        },
        { timeout: 20_000 },
      )
      .toBe(1);
  }, 30_000);
});
