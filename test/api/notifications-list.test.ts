import { describe, expect, it } from "vitest";
import { newId } from "../../db/new-id.ts";
import { insertPaidDelivery, insertTarget } from "../support/rows.ts";
import { objectAt, useApi } from "./harness.ts";
import type { Answer } from "./harness.ts";

const LIST = "/v1/notifications";

function idsOf(answer: Answer): string[] {
  const { items } = answer.body;
  return Array.isArray(items) ? items.map((item: unknown) => String(objectAt(item, "id"))) : [];
}

function cursorOf(answer: Answer): string | null {
  const { nextCursor } = answer.body;
  return typeof nextCursor === "string" ? nextCursor : null;
}

describe("invariant 35: cursor lists", () => {
  const api = useApi();

  it("neither skip nor repeat while others insert", async () => {
    const before: string[] = [];
    for (let count = 0; count < 40; count += 1) before.push(await api().accept());
    const reading = { isOver: false };
    const inserting = (async () => {
      while (!reading.isOver) await api().accept();
    })();
    const read: string[] = [];
    let cursor: string | null = null;
    do {
      const answer = await api().request(
        "GET",
        `${LIST}?limit=7${cursor === null ? "" : `&cursor=${cursor}`}`,
      );
      read.push(...idsOf(answer));
      cursor = cursorOf(answer);
      await api().accept();
    } while (cursor !== null);
    reading.isOver = true;
    await inserting;

    expect(new Set(read).size).toBe(read.length);
    expect(read.filter((id) => before.includes(id))).toEqual(before.toReversed());
  });

  it("neither skip nor repeat rows of one and the same microsecond", async () => {
    const ids: string[] = [];
    for (let count = 0; count < 10; count += 1) ids.push(await api().accept({ zone: "bekasi" }));
    await api().pool.query(
      "update notifications set accepted_at = '2026-01-01T00:00:00.123456Z' where id = any($1)",
      [ids],
    );
    const read: string[] = [];
    let cursor: string | null = null;
    do {
      const answer = await api().request(
        "GET",
        `${LIST}?zone=bekasi&limit=3${cursor === null ? "" : `&cursor=${cursor}`}`,
      );
      read.push(...idsOf(answer));
      cursor = cursorOf(answer);
    } while (cursor !== null);
    expect(read).toEqual(ids.toSorted().toReversed());
  });

  it.each([
    { limit: 9, pages: 2, why: "one is left" },
    { limit: 10, pages: 1, why: "the page is full and there is no more" },
    { limit: 11, pages: 1, why: "the page has room" },
  ])("of ten in pages of $limit have $pages: $why", async ({ limit, pages }) => {
    let count = 0;
    let cursor: string | null = null;
    do {
      const query = `${LIST}?zone=bekasi&limit=${limit}`;
      const answer = await api().request(
        "GET",
        cursor === null ? query : `${query}&cursor=${cursor}`,
      );
      count += 1;
      cursor = cursorOf(answer);
    } while (cursor !== null);
    expect(count).toBe(pages);
  });
});

describe("filters", () => {
  const api = useApi();

  async function listed(query: string): Promise<string[]> {
    const answer = await api().request("GET", `${LIST}?${query}`);
    expect(answer.status, answer.text).toBe(200);
    return idsOf(answer);
  }

  it("pick what they name, alone and together", async () => {
    const { id: userId } = await api().person("technician");
    await api().pool.query("update users set external_id = 'T-1' where id = $1", [userId]);
    const one = await api().accept({
      zone: "karawang",
      ticketId: "TKT-1042",
      data: { location: "POP Klari", port: 17 },
    });
    const two = await api().accept({ type: "ticket_urgent", zone: "bekasi", assigneeId: userId });
    const three = await api().accept({ zone: "bekasi", category: "repair" });
    await insertTarget(api().pool, three, { target: userId });
    await api().pool.query(
      "update notifications set status = 'settled', outcome = 'exhausted', settled_at = now() where id = $1",
      [two],
    );
    await api().pool.query("update notifications set accepted_at = $2 where id = $1", [
      one,
      "2026-01-01T00:00:00Z",
    ]);

    const expectations: [string, string[]][] = [
      ["type=ticket_urgent", [two]],
      ["priority=critical", [three, one]],
      ["zone=bekasi", [three, two]],
      ["status=settled", [two]],
      ["outcome=exhausted", [two]],
      ["outcome=sent", []],
      ["open=true", [three, one]],
      ["open=false", [two]],
      ["ticketId=TKT-1042", [one]],
      ["ticketId=TKT-1", []],
      [`userId=${userId}`, [three, two]],
      ["userId=ext:T-1", [three, two]],
      ["userId=ext:nobody", []],
      ["from=2026-01-01T00:00:00Z&to=2026-01-01T00:00:01Z", [one]],
      ["to=2026-01-01T00:00:00Z", []],
      ["to=2026-01-01T00:00:00.001Z", [one]],
      ["from=2026-01-01T07:00:00.000%2B07:00&to=2026-01-02T00:00:00Z", [one]],
      ["q=klari", [one]],
      ["q=POP%20Klari", [one]],
      ["q=klari%20karawang", [one]],
      ["q=klari%20bekasi", []],
      ["q=TKT-1042", [one]],
      ["q=17", [one]],
      ["q=repair", [three]],
      [`q=${two}`, [two]],
      ["q=%20%20", []],
      ["zone=bekasi&open=true&q=repair", [three]],
    ];
    for (const [query, expected] of expectations) {
      expect(await listed(query), query).toEqual(expected);
    }
  });

  it("show everything of a notification but its plan", async () => {
    const answer = await api().request("GET", `${LIST}?limit=1`);
    const item = objectAt(answer.body, "items", 0);
    const whole = await api().request("GET", `${LIST}/${String(objectAt(item, "id"))}`);
    const { plan, ...rest } = whole.body;
    expect(plan).toBeNull();
    expect(item).toEqual(rest);
  });
});

describe("reading one", () => {
  const api = useApi();

  it("shows where it stands in the words of the API", async () => {
    const id = await api().accept();
    const until = Date.UTC(2026, 10, 22, 3);
    await api().pool.query(
      `update notifications set status = 'waiting', pass = 1, step = 2, next_step_at = $2, waiting_for = $3 where id = $1`,
      [id, new Date(until), { kind: "answer", step: 2, pass: 1, until }],
    );
    for (const cost of [200, 350.5]) await insertPaidDelivery(api().pool, id, cost);
    const answer = await api().request("GET", `${LIST}/${id}`);
    expect(answer.body).toMatchObject({
      status: "waiting",
      pass: 1,
      step: 2,
      nextStepAt: "2026-11-22T03:00:00.000Z",
      waitingFor: { kind: "answer", step: 2, pass: 1, until: "2026-11-22T03:00:00.000Z" },
      cost: 550.5,
    });
  });

  it("answers 404 to an id that there is not", async () => {
    const answer = await api().request("GET", `${LIST}/${newId("ntf", Date.now())}`);
    expect(answer.status).toBe(404);
    expect(answer.body["code"]).toBe("not_found");
  });
});
