import { once } from "node:events";
import http from "node:http";
import type { AddressInfo } from "node:net";
import net from "node:net";
import { createAdaptorServer } from "@hono/node-server";
import { Hono } from "hono";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { AppEnv } from "../../api/http.ts";
import { limitBody } from "../../api/middleware/limit-body.ts";

const BYTES_MAX = 1_000;

/** On a real server: what a length promises is Node's to keep. */
const app = new Hono<AppEnv>()
  .use(limitBody(BYTES_MAX, { except: (path) => path === "/free" }))
  .all("*", async (c) => c.text(`${(await c.req.arrayBuffer()).byteLength}`));
const server = createAdaptorServer({ fetch: app.fetch });
let port = 0;

beforeAll(async () => {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  ({ port } = server.address() as AddressInfo);
});
afterAll(() => {
  server.close();
});

type Sent = { readonly status: number; readonly text: string };

/** With a length it is sent as one piece, without one in chunks. */
function send(
  body: string,
  options: { readonly chunked: boolean; readonly method?: string; readonly path?: string },
): Promise<Sent> {
  return new Promise((resolve, reject) => {
    const request = http.request(
      {
        port,
        host: "127.0.0.1",
        method: options.method ?? "POST",
        path: options.path ?? "/",
        headers: options.chunked
          ? { "transfer-encoding": "chunked" }
          : { "content-length": Buffer.byteLength(body) },
      },
      (response) => {
        let text = "";
        response.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
        response.on("end", () => resolve({ status: response.statusCode ?? 0, text }));
      },
    );
    request.on("error", reject);
    request.end(body);
  });
}

/** Everything that the server says to these bytes until it closes the connection, which it is asked for. */
async function talk(bytes: string): Promise<string> {
  const socket = net.connect(port, "127.0.0.1");
  let heard = "";
  socket.setEncoding("utf8").on("data", (chunk: string) => (heard += chunk));
  socket.end(bytes);
  await once(socket, "close");
  return heard;
}

describe("a body", () => {
  const rows = [
    { bytes: BYTES_MAX - 1, status: 200, why: "just below" },
    { bytes: BYTES_MAX, status: 200, why: "at the limit" },
    { bytes: BYTES_MAX + 1, status: 413, why: "just above" },
  ];

  it.each(rows)("of $bytes bytes with its length gets $status: $why", async (row) => {
    const answer = await send("x".repeat(row.bytes), { chunked: false });
    expect(answer.status).toBe(row.status);
    if (row.status === 200) expect(answer.text).toBe(String(row.bytes));
  });

  it.each(rows)("of $bytes bytes in chunks gets $status: $why", async (row) => {
    const answer = await send("x".repeat(row.bytes), { chunked: true });
    expect(answer.status).toBe(row.status);
    if (row.status === 200) expect(answer.text).toBe(String(row.bytes));
  });

  it("is no matter of this limit on a path with one of its own", async () => {
    const answer = await send("x".repeat(BYTES_MAX + 1), { chunked: false, path: "/free" });
    expect(answer).toEqual({ status: 200, text: String(BYTES_MAX + 1) });
  });

  it("is read up to the length that it claims: what follows is another request", async () => {
    const heard = await talk(
      [
        "POST / HTTP/1.1\r\nHost: siaga.test\r\nContent-Length: 3\r\n\r\nabc",
        "GET / HTTP/1.1\r\nHost: siaga.test\r\nConnection: close\r\n\r\n",
      ].join(""),
    );
    expect([...heard.matchAll(/(?<=\r\n\r\n)\d+/g)].join(" ")).toBe("3 0");
  });

  it.each([
    ["Content-Length: 3\r\nTransfer-Encoding: chunked", "two ways to say where it ends"],
    ["Content-Length: 3\r\nContent-Length: 2000", "two lengths"],
    ["Content-Length: -1", "less than nothing"],
    ["Content-Length: 0x10", "no decimal number"],
  ])("with %j is refused by the server itself: %s", async (headers) => {
    const heard = await talk(
      `POST / HTTP/1.1\r\nHost: siaga.test\r\n${headers}\r\n\r\n3\r\nabc\r\n0\r\n\r\n`,
    );
    expect(heard).toMatch(/^HTTP\/1\.1 400 Bad Request/);
  });
});
