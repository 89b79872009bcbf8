/**
 * Fetches the files that a message carries, past the address guard and within bounds. A file that can't be had is no fault of the message: callers send a link
 * instead, so everything that goes wrong here has one exception with a reason.
 */
import http from "node:http";
import https from "node:https";

import type { AddressGuard, JudgedAddress } from "./address-guard.ts";
import { AddressRefused } from "./address-guard.ts";

export const FILE_FAILURES = [
  "address_refused",
  "unresolved",
  "unreachable",
  "timeout",
  "refused",
  "too_many_redirects",
  "content_type",
  "too_large",
  "empty",
  "cut_off",
] as const;
export type FileFailure = (typeof FILE_FAILURES)[number];

/** Privacy: says nothing of the address. */
export class FileUnavailable extends Error {
  override readonly name = "FileUnavailable";
  readonly reason: FileFailure;

  constructor(reason: FileFailure, cause?: unknown) {
    super(`the file can't be fetched: ${reason}`, { cause });
    this.reason = reason;
  }
}

export type FileRequest = {
  readonly url: string;
  readonly kind: "image" | "document";
  readonly bytesMax: number;
  /** For all of it, redirects included. */
  readonly timeoutMs: number;
};

export type FetchedFile = { readonly bytes: Uint8Array; readonly contentType: string };

export type FileClient = {
  /** Asks for the file and reads its head alone: whether somebody else could fetch it. Throws FileUnavailable. */
  readonly check: (request: FileRequest) => Promise<void>;
  /** Throws FileUnavailable. */
  readonly fetch: (request: FileRequest) => Promise<FetchedFile>;
};

/** Object stores redirect once, shorteners once more. */
const REDIRECTS_MAX = 3;
const REDIRECTS: readonly number[] = [301, 302, 303, 307, 308];

/** What WhatsApp shows as a picture; others can go as documents or links. */
const IMAGE_TYPES: readonly string[] = ["image/jpeg", "image/png"];
/** What WhatsApp lists for documents, and pictures that shall not be shrunk. Nothing that a phone or computer would run. */
const DOCUMENT_TYPES: readonly string[] = [
  ...IMAGE_TYPES,
  "application/pdf",
  "application/msword",
  "application/vnd.ms-excel",
  "application/vnd.ms-powerpoint",
  "application/vnd.openxmlformats-officedocument.presentationml.presentation",
  "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
  "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
  "text/csv",
  "text/plain",
];

export function createFileClient(guard: AddressGuard): FileClient {
  const ask = async (request: FileRequest, isWanted: boolean): Promise<FetchedFile> => {
    const deadline = AbortSignal.timeout(Math.ceil(request.timeoutMs));
    let url = new URL(request.url);
    for (let redirects = 0; ; redirects += 1) {
      const address = await within(deadline, judged(guard, url));
      const answer = await readAnswer({ ...request, url, address, deadline, isWanted });
      if (answer.kind === "file") return answer;
      if (redirects >= REDIRECTS_MAX) throw new FileUnavailable("too_many_redirects");
      url = answer.to;
    }
  };
  return {
    check: async (request) => {
      await ask(request, false);
    },
    fetch: (request) => ask(request, true),
  };
}

async function judged(guard: AddressGuard, url: URL): Promise<JudgedAddress> {
  try {
    return await guard.judge(url);
  } catch (error) {
    if (error instanceof AddressRefused) throw new FileUnavailable(error.reason, error);
    throw error;
  }
}

/** The system's resolver can't be called off; its answer is no longer waited for. */
function within<T>(deadline: AbortSignal, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => {
      reject(new FileUnavailable("timeout"));
    };
    deadline.addEventListener("abort", onAbort, { once: true });
    void work
      .then(resolve, (error: unknown) => {
        reject(error instanceof Error ? error : new Error("unknown failure", { cause: error }));
      })
      .finally(() => {
        deadline.removeEventListener("abort", onAbort);
      });
  });
}

type Ask = Pick<FileRequest, "kind" | "bytesMax"> & {
  readonly url: URL;
  readonly address: JudgedAddress;
  readonly deadline: AbortSignal;
  /** False: the head of the answer is enough. */
  readonly isWanted: boolean;
};

type Answer = ({ readonly kind: "file" } & FetchedFile) | { readonly kind: "moved"; to: URL };

function readAnswer(ask: Ask): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const { url, address, deadline } = ask;
    const { request } = url.protocol === "https:" ? https : http;
    const outgoing = request(url, {
      method: "GET",
      // A connection of its own, to the address that was judged: no name is resolved again.
      agent: false,
      lookup: (_hostname, options, callback) => {
        if (options.all === true) callback(null, [address]);
        else callback(null, address.address, address.family);
      },
      headers: { accept: "*/*", "accept-encoding": "identity", "user-agent": "Siaga" },
    });
    const settle = (): void => {
      deadline.removeEventListener("abort", onAbort);
      outgoing.destroy();
    };
    const fail = (reason: FileFailure, cause?: unknown): void => {
      settle();
      reject(new FileUnavailable(reason, cause));
    };
    const end = (answer: Answer): void => {
      settle();
      resolve(answer);
    };
    const onAbort = (): void => {
      fail("timeout");
    };
    deadline.addEventListener("abort", onAbort, { once: true });
    outgoing.on("error", (error) => {
      // Privacy: a parser's error carries the bytes that it stumbled over.
      Reflect.deleteProperty(error, "rawPacket");
      fail("unreachable", error);
    });
    outgoing.on("response", (incoming) => {
      incoming.on("error", (error) => {
        fail("cut_off", error);
      });
      const head = readHead(incoming, ask);
      if (typeof head === "string") return fail(head);
      if (head.kind === "moved") return end(head);
      const { contentType } = head;
      if (!ask.isWanted) return end({ kind: "file", bytes: new Uint8Array(), contentType });
      const chunks: Buffer[] = [];
      let bytes = 0;
      incoming.on("data", (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes > ask.bytesMax) fail("too_large");
        else chunks.push(chunk);
      });
      incoming.on("end", () => {
        if (!incoming.complete) fail("cut_off");
        else if (bytes === 0) fail("empty");
        else end({ kind: "file", bytes: Buffer.concat(chunks), contentType });
      });
    });
    if (deadline.aborted) onAbort();
    else outgoing.end();
  });
}

function readHead(
  { headers, statusCode = 0 }: http.IncomingMessage,
  { bytesMax, kind, url }: Ask,
):
  | FileFailure
  | { readonly kind: "moved"; to: URL }
  | { readonly kind: "file"; contentType: string } {
  if (REDIRECTS.includes(statusCode)) {
    const location = headers.location ?? "";
    return location !== "" && URL.canParse(location, url.href)
      ? { kind: "moved", to: new URL(location, url) }
      : "refused";
  }
  if (statusCode !== 200) return "refused";
  const contentType = (headers["content-type"] ?? "").split(";")[0]?.trim().toLowerCase() ?? "";
  const isEncoded = (headers["content-encoding"] ?? "identity") !== "identity";
  const allowed = kind === "image" ? IMAGE_TYPES : DOCUMENT_TYPES;
  if (isEncoded || !allowed.includes(contentType)) return "content_type";
  const length = headers["content-length"];
  if (length !== undefined && Number(length) > bytesMax) return "too_large";
  if (length !== undefined && Number(length) === 0) return "empty";
  return { kind: "file", contentType };
}
