import { describe, expect, it } from "vitest";

import { newId } from "../../db/new-id.ts";
import type { Role } from "../../domain/role.ts";
import { insertUser } from "../support/rows.ts";
import { useApi } from "./harness.ts";
import { idsOf, idsOfAllPages } from "./pages.ts";

const api = useApi();

async function insert(
  message: {
    readonly state?: string;
    readonly userId?: string | null;
    readonly address?: string;
    readonly at?: number;
    readonly body?: string;
  } = {},
): Promise<string> {
  const id = newId("inb", message.at ?? Date.now());
  await api().pool.query(
    `insert into inbound_messages (id, account_id, device_key, event_key, address, kind, body, state, user_id, received_at)
     values ($1, 'acc_1', 'device', $1, $2, 'text', $3, $4, $5, $6)`,
    [
      id,
      message.address ?? "+6281234000001",
      message.body ?? "halo",
      message.state ?? "unmatched",
      message.userId ?? null,
      new Date(message.at ?? Date.now()),
    ],
  );
  return id;
}

describe("the inbound list", () => {
  it("shows what nobody has understood, newest first, with what Siaga said to it", async () => {
    const older = await insert({ at: Date.now() - 5_000 });
    const newer = await insert({ body: "kapan teknisinya datang?" });
    await insert({ state: "applied" });
    await insert({ address: "" });
    await api().pool.query(
      `insert into answers (inbound_message_id, account_id, device_key, address, locale, time_zone, situations)
       values ($1, 'acc_1', 'device', '+6281234000001', 'id', 'Asia/Jakarta', '[]')`,
      [newer],
    );
    const page = await api().request("GET", "/v1/inbound?limit=2");
    expect(idsOf(page)).toEqual([newer, older]);
    expect(page.body["items"]).toMatchObject([
      {
        text: "kapan teknisinya datang?",
        state: "unmatched",
        address: "+6281234000001",
        answer: { status: "intended", text: null },
      },
      { answer: null },
    ]);
  });

  it("filters by state, writer and time", async () => {
    const user = await insertUser(api().pool, {});
    const at = Date.UTC(2026, 0, 5);
    const id = await insert({ state: "asked", userId: user.id, at });
    await insert({ state: "asked", at });
    await insert({ state: "asked", userId: user.id, at: at - 1 });
    const from = new Date(at).toISOString();
    const to = new Date(at + 1).toISOString();
    const query = `state=asked&userId=${user.id}&from=${from}&to=${to}`;
    expect(idsOf(await api().request("GET", `/v1/inbound?${query}`))).toEqual([id]);
    expect((await api().request("GET", "/v1/inbound?state=open")).status).toBe(422);
  });

  it("neither skips nor repeats while messages come in", async () => {
    const at = Date.UTC(2026, 1, 1);
    const ids: string[] = [];
    for (let count = 0; count < 7; count += 1) {
      ids.push(await insert({ state: "ignored", at: at + Math.floor(count / 2) }));
    }
    const to = new Date(at + 100).toISOString();
    const seen = await idsOfAllPages(
      (cursor) => api().request("GET", `/v1/inbound?state=ignored&to=${to}&limit=2${cursor}`),
      () => insert({ state: "ignored", at: at + 50 }),
    );
    expect(seen).toEqual([...seen].sort().toReversed());
    expect(ids.filter((id) => !seen.includes(id))).toEqual([]);
    expect(new Set(seen).size).toBe(seen.length);
  });

  it.each<[role: Role, sees: "all" | "own zone" | "nothing"]>([
    ["admin", "all"],
    ["manager", "all"],
    ["noc", "all"],
    ["customer_service", "all"],
    ["supervisor", "own zone"],
    ["technician", "nothing"],
    ["customer", "nothing"],
  ])("a %s sees %s", async (role, sees) => {
    const here = await insertUser(api().pool, { zones: ["karawang"] });
    const there = await insertUser(api().pool, { zones: ["bekasi"] });
    const at = Date.UTC(2026, 2, 1);
    await api().pool.query("delete from inbound_messages where received_at = $1", [new Date(at)]);
    const own = await insert({ state: "asked", userId: here.id, at });
    const other = await insert({ state: "asked", userId: there.id, at });
    const nobodys = await insert({ state: "asked", at });
    const { key } = await api().person(role, ["karawang"]);
    const window = `from=${new Date(at).toISOString()}&to=${new Date(at + 1).toISOString()}`;
    const page = await api().request("GET", `/v1/inbound?state=asked&${window}`, { key });
    if (sees === "nothing") {
      expect(page.status).toBe(403);
      return;
    }
    const expected = sees === "all" ? [own, other, nobodys] : [own];
    expect([...idsOf(page)].sort()).toEqual([...expected].sort());
    const { items } = page.body as { readonly items: readonly { readonly address: string }[] };
    for (const { address } of items) {
      // Whole numbers are for administrators.
      expect(address === "+6281234000001").toBe(role === "admin");
    }
  });

  it("is for a key with the scope of messages, and for nobody without a key", async () => {
    const may = await api().systemKey("messages:read");
    const mayNot = await api().systemKey("notifications:read");
    expect((await api().request("GET", "/v1/inbound", { key: may })).status).toBe(200);
    expect((await api().request("GET", "/v1/inbound", { key: mayNot })).status).toBe(403);
    expect((await api().request("GET", "/v1/inbound", { key: null })).status).toBe(401);
  });
});
