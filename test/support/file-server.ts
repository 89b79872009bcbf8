import http from "node:http";
import type { AddressInfo } from "node:net";

/** What a path of the file server answers; `silent` never does. */
export type FileAnswer =
  | {
      readonly status?: number;
      readonly headers?: Readonly<Record<string, string>>;
      readonly body?: string | Uint8Array;
      /** Sent in this many pieces, without a length. */
      readonly chunks?: number;
    }
  | "silent"
  | "reset";

export interface FileServer {
  /** Without a slash at its end. */
  readonly url: string;
  readonly port: number;
  readonly asked: readonly { readonly path: string; readonly host: string }[];
  readonly answer: (path: string, answer: FileAnswer) => string;
  readonly close: () => Promise<void>;
}

/** The smallest picture: one pixel. */
export const PNG = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
  "base64",
);

/** Files on this machine, as a company's own server would have them. */
export async function startFileServer(): Promise<FileServer> {
  const answers = new Map<string, FileAnswer>();
  const asked: { path: string; host: string }[] = [];
  const server = http.createServer((request, response) => {
    const path = request.url ?? "";
    asked.push({ path, host: request.headers.host ?? "" });
    const answer = answers.get(path) ?? { status: 404 };
    if (answer === "silent") return;
    if (answer === "reset") {
      request.socket.destroy();
      return;
    }
    const { body = "", chunks } = answer;
    const bytes = Buffer.from(body);
    response.writeHead(answer.status ?? 200, {
      ...(chunks === undefined ? { "content-length": String(bytes.length) } : {}),
      ...answer.headers,
    });
    const size = Math.ceil(bytes.length / (chunks ?? 1)) || 1;
    for (let at = 0; at < bytes.length; at += size) response.write(bytes.subarray(at, at + size));
    response.end();
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const { port } = server.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}`;
  return {
    url,
    port,
    asked,
    answer: (path, answer) => {
      answers.set(path, answer);
      return `${url}${path}`;
    },
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => {
          resolve();
        });
      }),
  };
}
