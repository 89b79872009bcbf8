/**
 * The control API: the sandbox's second face, JSON under `/sandbox`. One table of routes; `GET /sandbox` shows it. Times
 * are ISO 8601, errors problem+json. Names of settings and faults are those of the TypeScript side; `online` is accepted
 * for `isOnline`. Credentials are taken and never shown, webhook addresses are shown without their secret part.
 */
import type { Vendor } from "./seen.ts";
import { readBody } from "./control-input.ts";
import { ROUTES } from "./control-routes.ts";
import { SandboxProblem } from "./problem.ts";
import type { Route } from "./control-routes.ts";
import type { Sandbox } from "./sandbox.ts";

export type ControlRequest = {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly body: Buffer;
};

export type ControlResponse = {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
};

export async function control(
  sandbox: Sandbox,
  baseUrls: Readonly<Record<Vendor, string>>,
  request: ControlRequest,
): Promise<ControlResponse> {
  try {
    const found = findRoute(request);
    const value = await found.route.run({
      sandbox,
      baseUrls,
      parameter: (name) => found.parameters.get(name) ?? "",
      query: request.query,
      body: found.route.method === "GET" ? undefined : readBody(request.body),
    });
    return json(found.route.status ?? 200, "application/json", value);
  } catch (error) {
    if (error instanceof SandboxProblem) return problem(error);
    throw error;
  }
}

function findRoute(request: ControlRequest): {
  readonly route: Route;
  readonly parameters: ReadonlyMap<string, string>;
} {
  const path = request.path.replace(/\/+$/, "");
  const ofPath = ROUTES.flatMap((route) => {
    const parameters = matchPath(route.path, path);
    return parameters === undefined ? [] : [{ route, parameters }];
  });
  const found = ofPath.find(({ route }) => route.method === request.method);
  if (found !== undefined) return found;
  if (ofPath.length === 0) {
    throw new SandboxProblem(404, "no_such_route", "no such route; GET /sandbox lists them");
  }
  const methods = ofPath.map(({ route }) => route.method).join(", ");
  throw new SandboxProblem(405, "method_not_allowed", `this path knows ${methods}`);
}

function matchPath(pattern: string, path: string): ReadonlyMap<string, string> | undefined {
  const wanted = pattern.split("/");
  const given = path.split("/");
  if (wanted.length !== given.length) return undefined;
  const parameters = new Map<string, string>();
  for (const [index, part] of wanted.entries()) {
    const value = given[index] ?? "";
    const name = /^\{(.+)\}$/.exec(part)?.[1];
    if (name === undefined && part !== value) return undefined;
    if (name !== undefined) {
      const decoded = decode(value);
      if (decoded === undefined || decoded === "") return undefined;
      parameters.set(name, decoded);
    }
  }
  return parameters;
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

function problem(error: SandboxProblem): ControlResponse {
  return json(error.status, "application/problem+json", {
    type: "about:blank",
    title: TITLES[error.status] ?? "Error",
    status: error.status,
    code: error.code,
    detail: error.message,
    ...(error.errors.length === 0 ? {} : { errors: error.errors }),
  });
}

const TITLES: Readonly<Record<number, string>> = {
  400: "Bad Request",
  404: "Not Found",
  405: "Method Not Allowed",
  409: "Conflict",
  422: "Unprocessable Content",
};

function json(status: number, contentType: string, value: unknown): ControlResponse {
  return {
    status,
    headers: { "content-type": `${contentType}; charset=utf-8` },
    body: `${JSON.stringify(value, null, 2)}\n`,
  };
}
