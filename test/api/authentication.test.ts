import { randomBytes } from "node:crypto";
import { describe, expect, it } from "vitest";
import { KEY_REMEMBERED_MS, createApiKeyReader } from "../../api/authenticate.ts";
import { insertApiKey, revokeApiKey } from "../../db/api-keys.ts";
import { useApi } from "./harness.ts";

const api = useApi();

async function newKey(): Promise<{ readonly id: string; readonly key: string }> {
  return insertApiKey(
    api().pool,
    { name: "A key", sender: "test", scopes: ["admin"], userId: null },
    Date.now(),
    randomBytes,
  );
}

describe("an API key", () => {
  it("has 32 random bytes and stands in the database as a hash alone", async () => {
    const { id, key } = await newKey();
    expect(key).toMatch(/^sg_live_[A-Za-z0-9_-]{43}$/);
    const { rows } = await api().pool.query<{ all: string }>(
      "select to_jsonb(k)::text as all from api_keys k where id = $1",
      [id],
    );
    expect(rows[0]?.all).toContain(key.slice(0, 12));
    expect(rows[0]?.all).not.toContain(key.slice(0, 16));
  });

  it("costs no statement while it is remembered, and is asked for once by many requests at once", async () => {
    const { key } = await newKey();
    let asked = 0;
    let nowMs = Date.now();
    const pool = new Proxy(api().pool, {
      get(target, name) {
        const value: unknown = Reflect.get(target, name);
        if (name !== "query" || typeof value !== "function") return value;
        return (...args: unknown[]): unknown => {
          if (JSON.stringify(args).includes("api-key-actor")) asked += 1;
          return Reflect.apply(value, target, args);
        };
      },
    });
    const reader = createApiKeyReader(pool, () => nowMs);
    await Promise.all(Array.from({ length: 20 }, () => reader.authenticate(key)));
    await reader.authenticate(key);
    expect(asked).toBe(1);
    nowMs += KEY_REMEMBERED_MS + 1;
    await reader.authenticate(key);
    expect(asked).toBe(2);
  });

  it.each([
    { afterMs: KEY_REMEMBERED_MS - 1, isKnown: true, why: "still remembered" },
    { afterMs: KEY_REMEMBERED_MS, isKnown: false, why: "asked for again" },
  ])(
    "that is revoked elsewhere is known: $isKnown after $afterMs ms, $why",
    async ({ afterMs, isKnown }) => {
      const { id, key } = await newKey();
      const startMs = Date.now();
      let nowMs = startMs;
      const reader = createApiKeyReader(api().pool, () => nowMs);
      expect(await reader.authenticate(key)).not.toBeNull();
      expect(await revokeApiKey(api().pool, id, Date.now())).toBe(true);
      nowMs = startMs + afterMs;
      expect((await reader.authenticate(key)) !== null).toBe(isKnown);
    },
  );

  it("that is revoked here ends at once", async () => {
    const { id, key } = await newKey();
    const reader = createApiKeyReader(api().pool, Date.now);
    expect(await reader.authenticate(key)).not.toBeNull();
    await revokeApiKey(api().pool, id, Date.now());
    reader.forget();
    expect(await reader.authenticate(key)).toBeNull();
    expect(await revokeApiKey(api().pool, id, Date.now())).toBe(false);
  });

  it("of a user acts with the role and zones that the user has now", async () => {
    const { id, key } = await api().person("supervisor", ["karawang"]);
    const reader = createApiKeyReader(api().pool, Date.now);
    expect(await reader.authenticate(key)).toMatchObject({
      kind: "user",
      userId: id,
      role: "supervisor",
      zones: ["karawang"],
    });
    await api().pool.query("update users set role = 'manager' where id = $1", [id]);
    reader.forget();
    expect(await reader.authenticate(key)).toMatchObject({ role: "manager" });
    await api().pool.query("update users set is_active = false where id = $1", [id]);
    reader.forget();
    expect(await reader.authenticate(key)).toBeNull();
  });

  it("drops scopes that this release does not know", async () => {
    const { id, key } = await newKey();
    await api().pool.query("update api_keys set scopes = '{acts:write,fly}' where id = $1", [id]);
    expect(await createApiKeyReader(api().pool, Date.now).authenticate(key)).toMatchObject({
      scopes: ["acts:write"],
    });
  });

  it("notes its use, at most once a minute", async () => {
    const { id, key } = await newKey();
    const reader = createApiKeyReader(api().pool, Date.now);
    await reader.authenticate(key);
    const first = await usedAt(id);
    expect(first).not.toBeNull();
    reader.forget();
    await reader.authenticate(key);
    expect(await usedAt(id)).toEqual(first);
    await api().pool.query(
      "update api_keys set last_used_at = now() - interval '61 seconds' where id = $1",
      [id],
    );
    reader.forget();
    await reader.authenticate(key);
    expect((await usedAt(id))?.getTime()).toBeGreaterThanOrEqual(first?.getTime() ?? Infinity);
  });

  it.each([
    "",
    "sg_live_",
    "sg_live_short",
    `sg_test_${"A".repeat(43)}`,
    `sg_live_${"A".repeat(44)}`,
    `sg_live_${"é".repeat(43)}`,
  ])("is not looked for when %j can't be one", async (token) => {
    const reader = createApiKeyReader(
      new Proxy(api().pool, {
        get: () => {
          throw new Error("the database was asked");
        },
      }),
      Date.now,
    );
    expect(await reader.authenticate(token)).toBeNull();
  });
});

async function usedAt(id: string): Promise<Date | null> {
  const { rows } = await api().pool.query<{ last_used_at: Date | null }>(
    "select last_used_at from api_keys where id = $1",
    [id],
  );
  return rows[0]?.last_used_at ?? null;
}
