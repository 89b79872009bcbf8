import { createServer } from "node:net";

const LOOPBACK = "127.0.0.1";

/**
 * The preferred port if nobody listens on it, else one that the system gives. The port is free when this returns; a
 * caller that starts a server on it at once is as safe as one can be.
 */
export async function freePort(preferred = 0): Promise<number> {
  return (await tryPort(preferred)) ?? (await tryPort(0)) ?? preferred;
}

/** Null when the port is taken, on this address or on all. */
async function tryPort(port: number): Promise<number | null> {
  // A server on all addresses does not always collide with one on the loopback address, so both are asked.
  for (const host of port === 0 ? [LOOPBACK] : ["0.0.0.0", LOOPBACK]) {
    const got = await listenOnce(port, host);
    if (got === null || port === 0) {
      return got;
    }
  }
  return port;
}

function listenOnce(port: number, host: string): Promise<number | null> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(null));
    server.listen({ port, host, exclusive: true }, () => {
      const address = server.address();
      server.close(() =>
        resolve(typeof address === "object" && address !== null ? address.port : null),
      );
    });
  });
}
