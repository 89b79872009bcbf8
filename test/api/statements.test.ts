import { beforeAll, describe, expect, it } from "vitest";
import { useApi } from "./harness.ts";

/** Round trips are the cost: how many statements an accepted request sends, what runs behind the answer included. */
const sent: string[] = [];
const api = useApi({
  wrapPool: (pool) =>
    new Proxy(pool, {
      get(target, name) {
        const value: unknown = Reflect.get(target, name);
        if (typeof value !== "function") return value;
        return (...args: unknown[]): unknown => {
          if (name === "query") sent.push(JSON.stringify(args[0]));
          return Reflect.apply(value, target, args);
        };
      },
    }),
});

const BODY = { type: "outage", zone: "karawang" };

beforeAll(async () => {
  // What a process keeps of the installation is read with its first request.
  await api().request("POST", "/v1/notifications", { body: BODY });
});

async function statementsOf(work: () => Promise<{ readonly status: number }>): Promise<number> {
  await api().request("GET", "/v1/zones");
  sent.length = 0;
  expect((await work()).status).toBeLessThan(300);
  return sent.length;
}

describe("an accepted notification", () => {
  it.each([
    { headers: {}, statements: 2, why: "check, store" },
    { headers: { "idempotency-key": "k1" }, statements: 3, why: "look for the key, check, store" },
    { headers: { "idempotency-key": "k1" }, statements: 1, why: "a repeat looks for the key" },
  ])("costs $statements statements before its answer: $why", async ({ headers, statements }) => {
    await api().starter.idle();
    // Away: nothing is started, so nothing is marked.
    api().temporal.mode = "away";
    const count = await statementsOf(() =>
      api().request("POST", "/v1/notifications", { body: BODY, headers }),
    );
    api().temporal.mode = "up";
    expect(count, sent.join("\n")).toBe(statements);
  });

  it("costs one more behind its answer, for the mark that it is started", async () => {
    await api().starter.idle();
    const count = await statementsOf(async () => {
      const answer = await api().request("POST", "/v1/notifications", { body: BODY });
      await api().starter.idle();
      return answer;
    });
    expect(count).toBe(3);
  });
});
