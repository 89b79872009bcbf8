/**
 * The sandbox's one HTTP server: each vendor under its own prefix (`/fonnte`, `/meta` …), the control API under
 * `/sandbox`; beside it a mail server. A client that is given a vendor's base address can't tell it from the vendor.
 */
import { VENDORS } from "./seen.ts";
import type { Vendor } from "./seen.ts";
import http from "node:http";
import type { AddressInfo } from "node:net";

import { control } from "./control.ts";
import { startMailServer } from "./mail-server.ts";
import { Sandbox } from "./sandbox.ts";
import { WorldCleared } from "./time.ts";
import type { SandboxOptions } from "./sandbox.ts";

export type ServerOptions = SandboxOptions & {
  /** Default 0, which takes a free one. */
  readonly port?: number;
  /** Of the mail server; default 0, which takes a free one. */
  readonly smtpPort?: number;
  /** Default 127.0.0.1: the sandbox asks nobody who they are. */
  readonly host?: string;
  /** Told of what goes on, without personal data. */
  readonly log?: (event: string, fields: Readonly<Record<string, string | number>>) => void;
};

export type SimulatedVendors = {
  /** `http://host:port`, without a slash at the end. */
  readonly url: string;
  readonly port: number;
  /** What an account's base address is set to. */
  readonly baseUrls: Readonly<Record<Vendor, string>>;
  readonly sandbox: Sandbox;
  readonly close: () => Promise<void>;
};

/** Fonnte takes files of 4 MB; the form around them adds little. */
const BODY_BYTES_MAX = 6 * 1024 * 1024;
/** Longer than a client keeps an idle connection, so that it is never cut under a request. */
const KEEP_ALIVE_MS = 75_000;

export async function startSimulatedVendors(
  options: ServerOptions = {},
): Promise<SimulatedVendors> {
  const sandbox = new Sandbox(options);
  const host = options.host ?? "127.0.0.1";
  let baseUrls = baseUrlsAt("", "");
  const server = http.createServer((request, response) => {
    handle(sandbox, baseUrls, request, response).catch((error: unknown) => {
      response.socket?.destroy();
      // Requests under way when the world is cleared lose their connection; all else is a bug.
      if (!(error instanceof WorldCleared)) throw error;
    });
  });
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(options.port ?? 0, host, resolve);
  });
  const { port } = boundAddress(server);
  const mail = await startMailServer(sandbox, { host, port: options.smtpPort ?? 0 });
  const hostName = host.includes(":") ? `[${host}]` : host;
  const url = `http://${hostName}:${port}`;
  baseUrls = baseUrlsAt(url, `smtp://${hostName}:${mail.port}`);
  options.log?.("simulated vendors listen", { url });
  sandbox.log.subscribe(({ accepted, httpStatus, kind, seq, vendor }) => {
    options.log?.("request", {
      seq,
      vendor,
      kind,
      accepted: accepted ? "yes" : "no",
      httpStatus: httpStatus ?? "none",
    });
  });
  return {
    url,
    port,
    baseUrls,
    sandbox,
    close: async () => {
      const closed = new Promise<void>((resolve) => {
        server.close(() => resolve());
      });
      await sandbox.close();
      await mail.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

/** All but the mail server, which has a port of its own. */
const HTTP_VENDORS = VENDORS.filter((vendor) => vendor !== "smtp");

async function handle(
  sandbox: Sandbox,
  baseUrls: Readonly<Record<Vendor, string>>,
  request: http.IncomingMessage,
  response: http.ServerResponse,
): Promise<void> {
  const body = await readBody(request);
  if (body === "lost") return;
  if (body === "too large" || !URL.canParse(request.url ?? "/", "http://sandbox")) {
    response.writeHead(body === "too large" ? 413 : 400, { connection: "close" }).end();
    return;
  }
  const { pathname, searchParams } = new URL(request.url ?? "/", "http://sandbox");
  const method = request.method ?? "GET";
  if (pathname === "/sandbox" || pathname.startsWith("/sandbox/")) {
    const answer = await control(sandbox, baseUrls, {
      method,
      path: pathname,
      query: searchParams,
      body,
    });
    response.writeHead(answer.status, answer.headers).end(answer.body);
    return;
  }
  const vendor = HTTP_VENDORS.find((name) => pathname.startsWith(`/${name}/`));
  if (vendor === undefined) {
    response.writeHead(404, { "content-type": "text/plain" });
    response.end("No vendor here. GET /sandbox says what there is.\n");
    return;
  }
  const outcome = await sandbox.exchange(vendor, {
    method,
    path: pathname.slice(vendor.length + 1),
    query: searchParams,
    headers: request.headers,
    body,
  });
  if (outcome.kind === "drop") {
    if (!request.socket.destroyed) request.socket.resetAndDestroy();
    return;
  }
  const { body: text, headers, status } = outcome.response;
  const length = { "content-length": String(Buffer.byteLength(text)) };
  response.writeHead(status, { ...headers, ...length }).end(text);
}

/** Lost: the client went away in the middle, as one does that is killed. */
async function readBody(request: http.IncomingMessage): Promise<Buffer | "lost" | "too large"> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of request as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > BODY_BYTES_MAX) return "too large";
      chunks.push(chunk);
    }
  } catch {
    return "lost";
  }
  return Buffer.concat(chunks);
}

function baseUrlsAt(url: string, smtpUrl: string): Readonly<Record<Vendor, string>> {
  const addresses = [["smtp", smtpUrl], ...HTTP_VENDORS.map((name) => [name, `${url}/${name}`])];
  // Every vendor has its row.
  return Object.fromEntries(addresses) as Record<Vendor, string>;
}

/** A server that listens on TCP has an address with a port. */
function boundAddress(server: http.Server): AddressInfo {
  return server.address() as AddressInfo;
}
