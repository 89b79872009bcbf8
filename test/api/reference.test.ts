import { describe, expect, it } from "vitest";
import { objectAt, useApi } from "./harness.ts";

const api = useApi();

type Operation = { readonly path: string; readonly method: string; readonly operation: unknown };

async function operations(of = api()): Promise<readonly Operation[]> {
  const answer = await of.request("GET", "/v1/openapi.json", { key: null });
  expect(answer.status).toBe(200);
  const { paths } = answer.body;
  return Object.entries(typeof paths === "object" && paths !== null ? paths : {}).flatMap(
    ([path, methods]: [string, unknown]) =>
      Object.entries(typeof methods === "object" && methods !== null ? methods : {}).map(
        ([method, operation]: [string, unknown]) => ({ path, method, operation }),
      ),
  );
}

const statusesOf = (operation: unknown): string[] =>
  Object.keys(Object(objectAt(operation, "responses")) as object);

const WEBHOOK = "/webhooks/{provider}/{accountId}/{token}";
/** The routes outside the document, and how its description names them; null: it is the document itself. */
const UNDESCRIBED = [
  { route: "GET /v1/openapi.json", named: null, reason: "the document itself" },
  { route: "GET /docs", named: null, reason: "the document as a page" },
  { route: `GET ${WEBHOOK}`, named: WEBHOOK, reason: "each vendor's own contract" },
  { route: `POST ${WEBHOOK}`, named: WEBHOOK, reason: "each vendor's own contract" },
  { route: "GET /a/{token}", named: "/a/{token}", reason: "a page for people" },
  { route: "POST /a/{token}", named: "/a/{token}", reason: "that page's buttons" },
] as const;

/** A path of Hono's as OpenAPI writes it. */
const inBraces = (path: string): string => path.replaceAll(/:(\w+)(?:\{[^/]*\})?/g, "{$1}");

describe("GET /v1/openapi.json", () => {
  it("is an OpenAPI 3.1 document that needs no key", async () => {
    const answer = await api().request("GET", "/v1/openapi.json", { key: null });
    expect(answer.body["openapi"]).toBe("3.1.0");
    expect(objectAt(answer.body, "info", "title")).toBe("Siaga");
    expect(objectAt(answer.body, "components", "securitySchemes", "bearer", "scheme")).toBe(
      "bearer",
    );
  });

  it("describes every route of the core", async () => {
    const described = (await operations()).map(
      ({ method, path }) => `${method.toUpperCase()} ${path}`,
    );
    const acts = [
      "acknowledge",
      "refuse",
      "escalate",
      "snooze",
      "cancel",
      "resolve",
      "rate",
      "reprioritise",
      "reassign",
      "resend",
      "move",
      "close",
    ].map((verb) => `POST /v1/notifications/{id}/${verb}`);
    expect(described).toEqual(
      expect.arrayContaining([
        "POST /v1/notifications",
        "GET /v1/notifications",
        "GET /v1/notifications/{id}",
        "GET /v1/notifications/{id}/timeline",
        "GET /v1/notifications/{id}/deliveries",
        "POST /v1/notifications/acknowledge",
        "POST /v1/notifications/explain",
        "GET /v1/zones",
        "GET /v1/types",
        "GET /healthz",
        "GET /readyz",
        ...acts,
      ]),
    );
  });

  it("describes every route that the app has, but for these, and names in its own words why", async () => {
    const described = new Set(
      (await operations()).map(({ method, path }) => `${method.toUpperCase()} ${path}`),
    );
    const real = new Set(api().routes.map(({ method, path }) => `${method} ${inBraces(path)}`));
    expect([...real].filter((route) => !described.has(route)).toSorted()).toEqual(
      UNDESCRIBED.map(({ route }) => route).toSorted(),
    );
    expect(
      [...described].filter((route) => !real.has(route)),
      "and nothing that the app has not",
    ).toEqual([]);
    const answer = await api().request("GET", "/v1/openapi.json", { key: null });
    const words = String(objectAt(answer.body, "info", "description"));
    for (const { route, named, reason } of UNDESCRIBED) {
      if (named !== null) expect(words, `${route}: ${reason}`).toContain(`\`${named}\``);
    }
  });

  it("names the statuses that any route behind a key can answer, with the schema of problems", async () => {
    for (const { path, method, operation } of await operations()) {
      if (!path.startsWith("/v1/")) continue;
      const where = `${method} ${path}`;
      const statuses = statusesOf(operation);
      expect(statuses, where).toEqual(expect.arrayContaining(["401", "429", "500", "503"]));
      expect(objectAt(operation, "security", 0), where).toEqual({ bearer: [] });
      // In flight under the same Idempotency-Key.
      if (method === "post") expect(statuses, where).toContain("409");
      // A body is read also where none is asked for.
      if (method !== "get") expect(statuses, where).toEqual(expect.arrayContaining(["400", "413"]));
      if (objectAt(operation, "requestBody") !== undefined) {
        expect(statuses, where).toEqual(expect.arrayContaining(["415", "422"]));
      }
      if (path.includes("{")) expect(statuses, where).toContain("404");
      for (const status of statuses.filter((one) => Number(one) >= 400)) {
        expect(
          objectAt(operation, "responses", status, "content", "application/problem+json", "schema"),
          `${where} ${status}`,
        ).toEqual({ $ref: "#/components/schemas/Problem" });
      }
    }
  });

  it("offers the Idempotency-Key on every POST behind a key", async () => {
    for (const { path, method, operation } of await operations()) {
      if (method !== "post" || !path.startsWith("/v1/")) continue;
      const parameters = objectAt(operation, "parameters");
      expect(JSON.stringify(parameters), path).toContain('"Idempotency-Key"');
    }
  });
});

describe("with simulated vendors", () => {
  const simulated = useApi({ sandboxUrl: "http://127.0.0.1:9/sandbox" });

  it("the sandbox is passed on, its list and its phones are described, and the document says so", async () => {
    const known = new Set(api().routes.map(({ path }) => path));
    const own = simulated().routes.filter(({ path }) => !known.has(path));
    expect(new Set(own.map(({ path }) => path))).toEqual(new Set(["/sandbox", "/sandbox/*"]));
    const described = (await operations(simulated())).filter(({ path }) =>
      path.includes("sandbox"),
    );
    expect(described.map(({ method, path }) => `${method} ${path}`)).toEqual([
      "get /sandbox",
      "post /sandbox/phones/{phone}/{act}",
    ]);
    const answer = await simulated().request("GET", "/v1/openapi.json", { key: null });
    expect(objectAt(answer.body, "info", "description")).toContain("`GET /sandbox` lists it");
  });
});

describe("GET /docs", () => {
  it("is a page that loads nothing from anywhere and shows every route", async () => {
    const answer = await api().request("GET", "/docs", { key: null });
    expect(answer.status).toBe(200);
    expect(answer.headers.get("content-type")).toContain("text/html");
    expect(answer.text).not.toMatch(/<script|<link|<img|src=|@import|url\(|href="(?![#/])/);
    expect(answer.text).toContain("<code>Idempotency-Key</code>");
    for (const { path } of await operations()) expect(answer.text).toContain(path);
  });
});

describe("operations", () => {
  it("is alive", async () => {
    const answer = await api().request("GET", "/healthz", { key: null });
    expect(answer.status).toBe(200);
    expect(answer.body).toEqual({ status: "ok", version: "0.0.0-test" });
  });

  it("is ready with everything reachable, and with Temporal away", async () => {
    const all = await api().request("GET", "/readyz", { key: null });
    expect(all.body).toMatchObject({
      status: "ready",
      checks: { database: "reachable", temporal: "reachable" },
    });
    api().temporal.mode = "away";
    const some = await api().request("GET", "/readyz", { key: null });
    api().temporal.mode = "up";
    expect(some.status).toBe(200);
    expect(some.body).toMatchObject({
      status: "ready",
      checks: { database: "reachable", temporal: "away" },
    });
  });
});

describe("when the database is away", () => {
  const broken = useApi({
    wrapPool: (pool) =>
      new Proxy(pool, {
        get: (target, name): unknown =>
          name === "query"
            ? () => Promise.reject(new Error("Connection terminated unexpectedly"))
            : Reflect.get(target, name),
      }),
  });

  it("is alive but not ready", async () => {
    expect((await broken().request("GET", "/healthz", { key: null })).status).toBe(200);
    const answer = await broken().request("GET", "/readyz", { key: null });
    expect(answer.status).toBe(503);
    expect(answer.body).toMatchObject({ status: "not_ready", checks: { database: "away" } });
  });
});

describe("words", () => {
  it("are the zones and types of the installation", async () => {
    const zones = await api().request("GET", "/v1/zones");
    expect(zones.body["items"]).toEqual([
      { code: "bekasi", name: "bekasi", timeZone: "Asia/Jakarta" },
      { code: "karawang", name: "karawang", timeZone: "Asia/Jakarta" },
    ]);
    const types = await api().request("GET", "/v1/types");
    expect(types.body["items"]).toContainEqual({
      code: "outage",
      name: { id: "Jenis", en: "A type" },
      priority: "critical",
      policyId: null,
      answers: "acknowledge",
      isCustomer: false,
      isOperational: true,
      sendWindow: null,
      consentClass: null,
      preferenceClass: null,
      isActive: true,
    });
  });
});
