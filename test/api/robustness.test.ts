import fc from "fast-check";
import type pg from "pg";
import { describe, expect, it } from "vitest";
import { BODY_BYTES_MAX } from "../../api/app.ts";
import { BODY_DEPTH_MAX } from "../../api/middleware/strict-json.ts";
import { newId } from "../../db/new-id.ts";
import { problemsOf, useApi } from "./harness.ts";

const NOTIFICATIONS = "/v1/notifications";

/** So many lists in each other. */
const nested = (count: number): string => `${"[".repeat(count)}${"]".repeat(count)}`;

describe("a body", () => {
  const api = useApi();
  const post = (rawBody: string | Uint8Array, headers: Record<string, string> = {}) =>
    api().request("POST", NOTIFICATIONS, { rawBody, headers });

  it.each([
    { rawBody: "{", status: 400, code: "malformed", why: "cut off" },
    { rawBody: "{'type':'outage'}", status: 400, code: "malformed", why: "no JSON" },
    { rawBody: "[]", status: 422, code: "invalid_input", why: "a list" },
    { rawBody: '"outage"', status: 422, code: "invalid_input", why: "a text" },
    { rawBody: "null", status: 422, code: "invalid_input", why: "null" },
    { rawBody: "", status: 422, code: "invalid_input", why: "empty" },
    {
      rawBody: '{"type":"outage","type":"otp"}',
      status: 400,
      code: "duplicate_member",
      why: "a field twice",
    },
    {
      rawBody: '{"type":"outage","data":{"a":{"b":1,"b":2}}}',
      status: 400,
      code: "duplicate_member",
      why: "a field twice, far inside",
    },
    {
      rawBody: '{"type":"outage","data":{"a":"\\u0000"}}',
      status: 422,
      code: "invalid_input",
      why: "NUL in a value",
    },
    {
      rawBody: '{"type":"outage","data":{"\\u0000":1}}',
      status: 422,
      code: "invalid_input",
      why: "NUL in a name",
    },
    {
      rawBody: '{"type":"outage","data":{"a":"\\ud800"}}',
      status: 422,
      code: "invalid_input",
      why: "half a character",
    },
    {
      rawBody: '{"type":"outage","data":{"a":1e400}}',
      status: 422,
      code: "invalid_input",
      why: "a number that is infinite",
    },
    {
      rawBody: '{"type":"outage","data":{"a":12345678901234567890}}',
      status: 422,
      code: "invalid_input",
      why: "a number that would lose digits",
    },
    {
      rawBody: `{"type":"outage","data":{"a":${nested(BODY_DEPTH_MAX)}}}`,
      status: 400,
      code: "too_deep",
      why: "one level too deep",
    },
    {
      rawBody: '{"type":"outage","data":{"__proto__":{"a":1}}}',
      status: 422,
      code: "invalid_input",
      why: "with a name that JavaScript gives a meaning",
    },
    {
      rawBody: "[".repeat(100_000),
      status: 400,
      code: "malformed",
      why: "as deep as the body is long",
    },
  ])("answers $status $code when it is $why", async ({ rawBody, status, code }) => {
    const answer = await post(rawBody);
    expect(answer.status, answer.text).toBe(status);
    expect(answer.body["code"]).toBe(code);
    expect(answer.headers.get("content-type")).toBe("application/problem+json");
  });

  it("is accepted with colons, quotes and escapes in its texts", async () => {
    const answer = await post(
      JSON.stringify({ type: "outage", data: { 'a":"b': 'x:"y":\\', "c:d": "\\\\", e: "😀:é" } }),
    );
    expect(answer.status, answer.text).toBe(202);
  });

  it("is accepted as deep as is allowed", async () => {
    const answer = await post(`{"type":"outage","data":{"a":${nested(BODY_DEPTH_MAX - 1)}}}`);
    expect(answer.status, answer.text).toBe(202);
  });

  it("that is not UTF-8 is refused with 400", async () => {
    const bytes = Buffer.concat([
      Buffer.from('{"type":"outage","data":{"a":"'),
      Buffer.from([0xff, 0xfe]),
      Buffer.from('"}}'),
    ]);
    expect((await post(bytes)).status).toBe(400);
  });

  it.each([
    { bytes: BODY_BYTES_MAX, status: 422, why: "at the limit; its data is too long" },
    { bytes: BODY_BYTES_MAX + 1, status: 413, why: "one byte above" },
  ])("of $bytes bytes answers $status: $why", async ({ bytes, status }) => {
    const frame = JSON.stringify({ type: "outage", data: { a: "" } });
    const rawBody = frame.replace('""', `"${"x".repeat(bytes - frame.length)}"`);
    expect(rawBody).toHaveLength(bytes);
    const answer = await post(rawBody, { "content-length": String(bytes) });
    expect(answer.status).toBe(status);
  });

  it.each(["text/plain", "application/xml", "multipart/form-data; boundary=x", "nonsense"])(
    "of type %s is refused with 415",
    async (type) => {
      const answer = await post('{"type":"outage"}', { "content-type": type });
      expect(answer.status).toBe(415);
      expect(answer.body["code"]).toBe("unsupported_media_type");
    },
  );

  it("of an act may be empty although its type says JSON", async () => {
    const id = await api().accept();
    const answer = await api().request("POST", `${NOTIFICATIONS}/${id}/acknowledge`, {
      headers: { "content-type": "application/json" },
    });
    expect(answer.status, answer.text).toBe(200);
  });

  it("never makes the API answer 500, whatever JSON it is", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          fc.json(),
          fc
            .record(
              {
                type: fc.oneof(fc.constant("outage"), fc.string({ unit: "binary" })),
                zone: fc.oneof(fc.constant("karawang"), fc.string({ unit: "binary" })),
                ticketId: fc.string({ unit: "binary" }),
                assigneeId: fc.string({ unit: "binary" }),
                data: fc.dictionary(fc.string({ unit: "binary" }), fc.jsonValue()),
                recipients: fc.record(
                  { phones: fc.array(fc.string()), roles: fc.array(fc.string()) },
                  { requiredKeys: [] },
                ),
                notBefore: fc.oneof(fc.string(), fc.date().map(String)),
                avoidAccountIds: fc.array(fc.string({ unit: "binary" })),
              },
              { requiredKeys: [] },
            )
            .map((request) => JSON.stringify(request)),
        ),
        async (rawBody) => {
          const answer = await post(rawBody);
          expect([202, 400, 422], answer.text).toContain(answer.status);
        },
      ),
      { numRuns: 300 },
    );
  });
});

describe("a path or query", () => {
  const api = useApi();

  it.each([
    { path: `${NOTIFICATIONS}/ntf_nonsense`, status: 404, why: "no id of ours" },
    { path: `${NOTIFICATIONS}/%00`, status: 404, why: "NUL" },
    { path: `${NOTIFICATIONS}/%ff`, status: 404, why: "not UTF-8" },
    { path: `${NOTIFICATIONS}/${"x".repeat(5_000)}`, status: 404, why: "very long" },
    { path: `${NOTIFICATIONS}/550e8400-e29b-41d4-a716-446655440000`, status: 404, why: "a UUID" },
    { path: "/v1/nothing", status: 404, why: "unknown path" },
    { path: `${NOTIFICATIONS}?limit=0`, status: 422, why: "limit below one" },
    { path: `${NOTIFICATIONS}?limit=201`, status: 422, why: "limit above the most" },
    { path: `${NOTIFICATIONS}?limit=1e2`, status: 422, why: "limit not in digits" },
    { path: `${NOTIFICATIONS}?limit=99999999999999999999`, status: 422, why: "limit huge" },
    { path: `${NOTIFICATIONS}?limit=1&limit=2`, status: 422, why: "limit twice" },
    { path: `${NOTIFICATIONS}?colour=red`, status: 422, why: "unknown parameter" },
    { path: `${NOTIFICATIONS}?status=open`, status: 422, why: "unknown status" },
    { path: `${NOTIFICATIONS}?from=yesterday`, status: 422, why: "not an instant" },
    { path: `${NOTIFICATIONS}?from=2026-01-01T00:00:00`, status: 422, why: "no offset" },
    { path: `${NOTIFICATIONS}?zone=%00`, status: 422, why: "NUL" },
    { path: `${NOTIFICATIONS}?q=%00`, status: 422, why: "NUL" },
    { path: `${NOTIFICATIONS}?q=%ed%a0%80`, status: 200, why: "bytes that aren't UTF-8" },
    {
      path: `${NOTIFICATIONS}?q=${encodeURIComponent("'; drop table --:*&|!()<->")}`,
      status: 200,
      why: "words of a query language",
    },
    { path: `${NOTIFICATIONS}?cursor=nonsense`, status: 422, why: "no cursor" },
    { path: `${NOTIFICATIONS}?cursor=W10`, status: 422, why: "a cursor of nothing" },
    {
      path: `${NOTIFICATIONS}?cursor=${Buffer.from('[1e300,"x"]').toString("base64url")}`,
      status: 422,
      why: "a cursor beyond time",
    },
    {
      path: `${NOTIFICATIONS}?cursor=${Buffer.from(`[${Number.MAX_SAFE_INTEGER},"ntf_x"]`).toString("base64url")}`,
      status: 200,
      why: "a cursor at the end of time",
    },
    { path: "/v1/zones?x=1", status: 422, why: "unknown parameter" },
  ])("answers $status to $why", async ({ path, status }) => {
    const answer = await api().request("GET", path);
    expect(answer.status, answer.text).toBe(status);
    if (status !== 200) {
      expect(answer.headers.get("content-type")).toBe("application/problem+json");
      expect(answer.body["requestId"]).toBe(answer.headers.get("x-request-id"));
    }
  });

  it("answers 422 to a timeline's cursor that another list gave", async () => {
    const id = await api().accept();
    const cursor = Buffer.from(`[1,"${id}"]`).toString("base64url");
    const path = `${NOTIFICATIONS}/${id}/timeline?cursor=${cursor}`;
    expect(problemsOf(await api().request("GET", path))).toEqual(["cursor: invalid_cursor"]);
  });

  it.each([
    { method: "PUT", path: NOTIFICATIONS, allow: ["GET", "HEAD", "POST"] },
    { method: "DELETE", path: `${NOTIFICATIONS}/ntf_x`, allow: ["GET", "HEAD"] },
    { method: "GET", path: `${NOTIFICATIONS}/ntf_x/acknowledge`, allow: ["POST"] },
    { method: "GET", path: `${NOTIFICATIONS}/acknowledge`, allow: ["POST"] },
    { method: "OPTIONS", path: `${NOTIFICATIONS}/explain`, allow: ["POST"] },
    { method: "POST", path: "/healthz", allow: ["GET", "HEAD"] },
  ])("answers 405 with Allow to $method $path", async ({ method, path, allow }) => {
    const answer = await api().request(method, path);
    expect(answer.status).toBe(405);
    expect(answer.headers.get("allow")?.split(", ").sort()).toEqual(allow);
  });

  it("takes a caller's request id if it is short and plain, else makes its own", async () => {
    const given = await api().request("GET", NOTIFICATIONS, {
      headers: { "x-request-id": "abc-1" },
    });
    expect(given.headers.get("x-request-id")).toBe("abc-1");
    for (const id of ["x".repeat(65), "a b", "<script>"]) {
      const made = await api().request("GET", NOTIFICATIONS, { headers: { "x-request-id": id } });
      expect(made.headers.get("x-request-id")).toMatch(/^req_/);
    }
  });
});

describe("when something is wrong on our side", () => {
  const broken: { error: Error | null } = { error: null };
  const api = useApi({
    wrapPool: (pool) =>
      new Proxy(pool, {
        get(target, name) {
          if (name === "query" || name === "connect") {
            return (...args: unknown[]): unknown => {
              if (broken.error !== null) return Promise.reject(broken.error);
              const value: unknown = Reflect.get(target, name);
              return typeof value === "function" ? Reflect.apply(value, target, args) : undefined;
            };
          }
          const value: unknown = Reflect.get(target, name);
          return typeof value === "function"
            ? (...args: unknown[]): unknown => Reflect.apply(value, target, args)
            : value;
        },
      }) satisfies pg.Pool,
  });

  async function withError<T>(error: Error, work: () => Promise<T>): Promise<T> {
    broken.error = error;
    try {
      return await work();
    } finally {
      broken.error = null;
    }
  }

  it.each([
    { error: Object.assign(new Error("connect"), { code: "ECONNREFUSED", syscall: "connect" }) },
    { error: new Error("Connection terminated unexpectedly") },
    { error: new Error("timeout exceeded when trying to connect") },
  ])("answers 503 with Retry-After while PostgreSQL is down: $error.message", async ({ error }) => {
    await api().request("GET", NOTIFICATIONS);
    const answer = await withError(error, () =>
      api().request("POST", NOTIFICATIONS, { body: { type: "outage" } }),
    );
    expect(answer.status).toBe(503);
    expect(answer.body["code"]).toBe("database_unavailable");
    expect(Number(answer.headers.get("retry-after"))).toBeGreaterThan(0);
  });

  it("answers an unexpected error with a fixed sentence and the request id, which the log explains", async () => {
    await api().request("GET", NOTIFICATIONS);
    const secret = "column users.password +6281234000009";
    const answer = await withError(new Error(secret), () =>
      api().request("GET", `${NOTIFICATIONS}/${newId("ntf", Date.now())}`),
    );
    expect(answer.status).toBe(500);
    expect(answer.text).not.toContain("password");
    expect(answer.body).toMatchObject({ code: "internal_error", status: 500 });
    const logged = api().logged.filter((line) => line.includes(String(answer.body["requestId"])));
    expect(logged.some((line) => line.includes("column users.password"))).toBe(true);
  });
});

describe("above the rate limit", () => {
  const api = useApi({ rateLimit: { burst: 5, perSecond: 1 } });

  it("answers 429 with Retry-After, and again 200 after that time; another key is not held up", async () => {
    const other = await api().systemKey("admin");
    const startMs = Date.now();
    api().clock.nowMs = startMs;
    const answers = [];
    for (let count = 0; count < 6; count += 1)
      answers.push(await api().request("GET", "/v1/zones"));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200, 429]);
    expect(answers[5]?.body["code"]).toBe("rate_limited");
    const waitSeconds = Number(answers[5]?.headers.get("retry-after"));
    expect(waitSeconds).toBe(1);
    expect((await api().request("GET", "/v1/zones", { key: other })).status).toBe(200);
    api().clock.nowMs = startMs + waitSeconds * 1_000 - 1;
    expect((await api().request("GET", "/v1/zones")).status).toBe(429);
    api().clock.nowMs = startMs + waitSeconds * 1_000;
    expect((await api().request("GET", "/v1/zones")).status).toBe(200);
  });
});
