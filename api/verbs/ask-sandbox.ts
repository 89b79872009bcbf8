import { NotFound, Unavailable } from "./errors.ts";

export type SandboxRequest = {
  readonly method: string;
  /** As it was asked, with its query; begins with `/sandbox`. */
  readonly pathAndQuery: string;
  readonly contentType: string | null;
  readonly body: Uint8Array | null;
};

export type SandboxAnswer = {
  readonly status: number;
  readonly contentType: string;
  readonly body: Uint8Array;
};

/** The control interface waits up to a minute for something to happen, when it is asked to. */
const TIMEOUT_MS = 70_000;

/**
 * Passes a request on to the control interface of the simulated vendors, and to nothing else that listens there.
 *
 * @throws NotFound, Unavailable
 */
export async function askSandbox(
  sandboxUrl: string,
  request: SandboxRequest,
): Promise<SandboxAnswer> {
  const url = new URL(request.pathAndQuery, `${sandboxUrl}/`);
  const isControl = url.pathname === "/sandbox" || url.pathname.startsWith("/sandbox/");
  if (!isControl || url.origin !== new URL(sandboxUrl).origin) throw new NotFound("sandbox path");
  try {
    const response = await fetch(url, {
      method: request.method,
      redirect: "error",
      signal: AbortSignal.timeout(TIMEOUT_MS),
      headers: request.contentType === null ? {} : { "content-type": request.contentType },
      ...(request.body === null ? {} : { body: new Uint8Array(request.body) }),
    });
    return {
      status: response.status,
      contentType: response.headers.get("content-type") ?? "application/json",
      body: new Uint8Array(await response.arrayBuffer()),
    };
  } catch {
    throw new Unavailable("sandbox_unavailable", "The simulated vendors can't be asked now.");
  }
}
