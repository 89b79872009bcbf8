/** A vendor on a loopback port that does what a test tells it and keeps what it was asked, byte for byte. */
import http from "node:http";
import net from "node:net";
import type { AddressInfo } from "node:net";

export type CapturedRequest = {
  readonly method: string;
  /** With the query. */
  readonly path: string;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: Buffer;
};

export type Script =
  | {
      readonly do: "answer";
      /** For a vendor that answers step by step: at which. */
      readonly at?: string;
      readonly status: number;
      readonly headers?: Readonly<Record<string, string>>;
      readonly body: string;
    }
  /** Reads the request and never answers. */
  | { readonly do: "hang" }
  /** Reads the request and resets the connection. */
  | { readonly do: "reset" }
  /** Reads the request and closes the connection without an answer. */
  | { readonly do: "close" }
  /** Answers with what is not of the vendor's protocol. */
  | { readonly do: "garbage"; readonly body: string }
  /** Announces more than it sends, then closes. */
  | { readonly do: "cut"; readonly status: number; readonly body: string }
  /** Announces more than it sends and stays silent. */
  | { readonly do: "stall"; readonly status: number; readonly body: string };

export type ScriptedServer = {
  readonly baseUrl: string;
  readonly requests: readonly CapturedRequest[];
  /** How many connections were ever opened. */
  readonly connections: number;
  /** Resolves with the first request that comes, or has come, since the last script. */
  readonly firstRequest: () => Promise<CapturedRequest>;
  /** One script for all requests until the next; forgets the requests so far. */
  readonly script: (script: Script) => void;
  readonly close: () => Promise<void>;
};

/** Requests that `aside` answers are neither scripted nor kept: a vendor's sign-in, say. */
export async function startScriptedServer(
  aside: (request: CapturedRequest) => Script | null = () => null,
): Promise<ScriptedServer> {
  let current: Script = { do: "answer", status: 500, body: "no script" };
  let requests: CapturedRequest[] = [];
  let waiting: ((request: CapturedRequest) => void)[] = [];

  const server = http.createServer((incoming, outgoing) => {
    const chunks: Buffer[] = [];
    incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
    incoming.on("end", () => {
      const request: CapturedRequest = {
        method: incoming.method ?? "",
        path: incoming.url ?? "",
        headers: incoming.headers,
        body: Buffer.concat(chunks),
      };
      const answered = aside(request);
      if (answered !== null) {
        play(answered, incoming, outgoing);
        return;
      }
      requests.push(request);
      for (const resolve of waiting.splice(0)) resolve(request);
      play(current, incoming, outgoing);
    });
  });
  let connections = 0;
  server.on("connection", () => {
    connections += 1;
  });
  await listen(server);

  return {
    baseUrl: `http://127.0.0.1:${portOf(server)}`,
    get connections() {
      return connections;
    },
    get requests() {
      return requests;
    },
    firstRequest: () => {
      const [first] = requests;
      return first === undefined
        ? new Promise((resolve) => waiting.push(resolve))
        : Promise.resolve(first);
    },
    script: (script) => {
      current = script;
      requests = [];
      waiting = [];
    },
    close: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

function play(script: Script, incoming: http.IncomingMessage, outgoing: http.ServerResponse): void {
  switch (script.do) {
    case "answer":
      outgoing.writeHead(script.status, script.headers).end(script.body);
      return;
    case "hang":
      return;
    case "reset":
      incoming.socket.resetAndDestroy();
      return;
    case "close":
      incoming.socket.destroy();
      return;
    case "garbage":
      incoming.socket.end(script.body);
      return;
    case "cut":
    case "stall":
      outgoing.writeHead(script.status, {
        "content-type": "application/json",
        "content-length": String(Buffer.byteLength(script.body) + 100),
      });
      outgoing.write(script.body, () => {
        if (script.do === "cut") incoming.socket.destroy();
      });
  }
}

/** A port on which nobody listens: it was free a moment ago. */
export async function closedPort(): Promise<number> {
  const server = net.createServer();
  await listen(server);
  const port = portOf(server);
  await new Promise<void>((resolve) => server.close(() => resolve()));
  return port;
}

/** Accepts connections and says nothing, so that a TLS session never comes about. */
export function startSilentServer(): Promise<RawServer> {
  return startRawServer(() => undefined);
}

export type RawServer = { readonly port: number; readonly close: () => Promise<void> };

async function startRawServer(serve: (socket: net.Socket) => void): Promise<RawServer> {
  const sockets = new Set<net.Socket>();
  const server = net.createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => sockets.delete(socket));
    serve(socket);
  });
  await listen(server);
  return {
    port: portOf(server),
    close: () => {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

export function listen(server: net.Server): Promise<void> {
  return new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve()));
}

export function portOf(server: net.Server): number {
  const address = server.address() as AddressInfo;
  return address.port;
}
