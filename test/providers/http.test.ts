import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { createHttpClient, retryAfterMs, TransportFailure } from "../../providers/http.ts";
import type { HttpAnswer, HttpRequest } from "../../providers/http.ts";
import { closedPort, startScriptedServer, startSilentServer } from "./scripted-server.ts";
import type { ScriptedServer } from "./scripted-server.ts";

const TIMEOUT_MS = 150;

let server: ScriptedServer;
const client = createHttpClient();

beforeAll(async () => {
  server = await startScriptedServer();
});
afterAll(async () => {
  client.close();
  await server.close();
});

function requestTo(url: string, changes: Partial<HttpRequest> = {}): HttpRequest {
  return {
    method: "POST",
    url,
    headers: { "content-type": "text/plain" },
    body: "payload",
    timeoutMs: 5_000,
    signal: new AbortController().signal,
    ...changes,
  };
}

async function failureOf(promise: Promise<unknown>): Promise<TransportFailure> {
  const error: unknown = await promise.then(
    () => null,
    (reason: unknown) => reason,
  );
  if (error instanceof TransportFailure) return error;
  throw new Error("the request did not fail on its way", { cause: error });
}

describe("a request that failed before it could leave", () => {
  it("is told apart when nobody listens", async () => {
    const failure = await failureOf(
      client.call(requestTo(`http://127.0.0.1:${await closedPort()}/`)),
    );
    expect([failure.stage, failure.reason]).toEqual(["before_send", "no_connection"]);
  });

  it("is told apart when the other side speaks no TLS", async () => {
    server.script({ do: "answer", status: 200, body: "{}" });
    const url = server.baseUrl.replace("http:", "https:");
    const failure = await failureOf(client.call(requestTo(url)));
    expect([failure.stage, failure.reason]).toEqual(["before_send", "no_connection"]);
    expect(server.requests).toHaveLength(0);
  });

  it("is told apart when the TLS session does not come about in time", async () => {
    const silent = await startSilentServer();
    const failure = await failureOf(
      client.call(requestTo(`https://127.0.0.1:${silent.port}/`, { timeoutMs: TIMEOUT_MS })),
    );
    await silent.close();
    expect([failure.stage, failure.reason]).toEqual(["before_send", "timeout"]);
  });

  it("is told apart when the caller had given up already", async () => {
    server.script({ do: "answer", status: 200, body: "{}" });
    const failure = await failureOf(
      client.call(requestTo(server.baseUrl, { signal: AbortSignal.abort() })),
    );
    expect([failure.stage, failure.reason]).toEqual(["before_send", "aborted"]);
    expect(server.requests).toHaveLength(0);
  });
});

describe("a request that failed after it may have left", () => {
  it.each([
    ["the connection is reset", { do: "reset" } as const],
    ["the connection is closed", { do: "close" } as const],
  ])("is told apart when %s", async (_why, script) => {
    server.script(script);
    const failure = await failureOf(client.call(requestTo(server.baseUrl)));
    expect([failure.stage, failure.reason]).toEqual(["after_send", "connection_lost"]);
    expect(server.requests).toHaveLength(1);
  });

  it("is told apart when no answer comes in time", async () => {
    server.script({ do: "hang" });
    const failure = await failureOf(
      client.call(requestTo(server.baseUrl, { timeoutMs: TIMEOUT_MS })),
    );
    expect([failure.stage, failure.reason]).toEqual(["after_send", "timeout"]);
  });

  it("is told apart when the caller gives up while waiting", async () => {
    server.script({ do: "hang" });
    const giveUp = new AbortController();
    const pending = failureOf(client.call(requestTo(server.baseUrl, { signal: giveUp.signal })));
    await server.firstRequest();
    giveUp.abort();
    const failure = await pending;
    expect([failure.stage, failure.reason]).toEqual(["after_send", "aborted"]);
  });

  it("is told apart on a connection that served an earlier request", async () => {
    server.script({ do: "answer", status: 200, body: "{}" });
    await client.call(requestTo(server.baseUrl));
    server.script({ do: "reset" });
    const failure = await failureOf(client.call(requestTo(server.baseUrl)));
    expect(failure.stage).toBe("after_send");
    expect(server.requests).toHaveLength(1);
  });
});

describe("an answer", () => {
  it("comes with its status, headers and body", async () => {
    server.script({
      do: "answer",
      status: 418,
      headers: { "X-Request": "r1" },
      body: "pendek & gemuk ☕",
    });
    const answer = await client.call(requestTo(server.baseUrl));
    expect(answer).toMatchObject({ status: 418, body: "pendek & gemuk ☕", isComplete: true });
    expect(answer.headers["x-request"]).toBe("r1");
  });

  it.each([
    ["is cut off", { do: "cut", status: 201, body: "{" } as const],
    ["never ends", { do: "stall", status: 201, body: "{" } as const],
    [
      "is longer than any vendor's",
      { do: "answer", status: 201, body: "x".repeat(1024 * 1024 + 1) } as const,
    ],
  ])("that %s keeps its status and loses its body", async (_why, script) => {
    server.script(script);
    const answer = await client.call(requestTo(server.baseUrl, { timeoutMs: 2_000 }));
    expect(answer).toMatchObject({ status: 201, body: "", isComplete: false });
  });

  it("of the greatest length is read whole", async () => {
    server.script({ do: "answer", status: 200, body: "x".repeat(1024 * 1024) });
    const answer = await client.call(requestTo(server.baseUrl));
    expect([answer.body.length, answer.isComplete]).toEqual([1024 * 1024, true]);
  });

  it("leaves its connection open for the next request", async () => {
    server.script({ do: "answer", status: 200, body: "{}" });
    await client.call(requestTo(server.baseUrl));
    const before = server.connections;
    await client.call(requestTo(server.baseUrl));
    await client.call(requestTo(server.baseUrl));
    expect(server.connections).toBe(before);
  });

  it("that redirects is not followed", async () => {
    server.script({ do: "answer", status: 307, headers: { location: "/elsewhere" }, body: "" });
    const answer = await client.call(requestTo(server.baseUrl));
    expect(answer.status).toBe(307);
    expect(server.requests).toHaveLength(1);
  });
});

describe("Retry-After", () => {
  const now = Date.UTC(2026, 8, 1, 12, 0, 0);
  it.each<[string, number | null, string]>([
    ["7", 7_000, "seconds"],
    ["0", 0, "at once"],
    ["Tue, 01 Sep 2026 12:00:30 GMT", 30_000, "an HTTP date"],
    ["Tue, 01 Sep 2026 11:59:00 GMT", 0, "a date that has passed"],
    ["999999999", 24 * 60 * 60 * 1000, "no longer than a day"],
    ["soon", null, "unreadable"],
    ["", null, "empty"],
  ])("%j is read as %j ms (%s)", (value, expected) => {
    const answer: HttpAnswer = {
      status: 429,
      headers: { "retry-after": value },
      body: "",
      isComplete: true,
    };
    expect(retryAfterMs(answer, now)).toBe(expected);
  });

  it("is null when there is none", () => {
    expect(retryAfterMs({ status: 429, headers: {}, body: "", isComplete: true }, now)).toBeNull();
  });
});
