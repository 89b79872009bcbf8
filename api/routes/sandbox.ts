import { OpenAPIHono, z } from "@hono/zod-openapi";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import type { AppDeps } from "../deps.ts";
import { problemResponses } from "../errors.ts";
import type { AppContext, AppEnv } from "../http.ts";
import { authentication } from "../middleware/authentication.ts";
import { SECURITY, jsonAnswer } from "../schemas/common.ts";
import { askSandbox } from "../verbs/ask-sandbox.ts";

const PATHS = ["/sandbox", "/sandbox/*"];
const CHANGING = ["POST", "PUT", "PATCH", "DELETE"];

/**
 * The phones of invented people: with simulated vendors alone. Anybody may look, because nobody is real; who presses a key or breaks a vendor has a key of this
 * installation, of any scope.
 */
export function sandboxRoutes(deps: AppDeps) {
  const app = new OpenAPIHono<AppEnv>();
  const { sandboxUrl } = deps;
  if (sandboxUrl === null) return app;
  describe(app);
  app.on(CHANGING, PATHS, authentication(deps.authenticate));
  app.on(["GET", ...CHANGING], PATHS, async (c) => {
    const { body, contentType, status } = await askSandbox(sandboxUrl, {
      method: c.req.method,
      pathAndQuery: pathAndQuery(c),
      contentType: c.req.header("content-type") ?? null,
      body: c.req.method === "GET" ? null : new Uint8Array(await c.req.arrayBuffer()),
    });
    return c.body(new Uint8Array(body), statusOf(status), { "Content-Type": contentType });
  });
  return app;
}

function pathAndQuery(c: AppContext): string {
  const { pathname, search } = new URL(c.req.url);
  return `${pathname}${search}`;
}

/** The control interface answers with statuses that may have a body. */
function statusOf(status: number): ContentfulStatusCode {
  return status as ContentfulStatusCode;
}

function describe(app: OpenAPIHono<AppEnv>): void {
  const anything = z.looseObject({}).openapi("SandboxAnswer");
  const tags = ["Sandbox"];
  app.openAPIRegistry.registerPath({
    method: "get",
    path: "/sandbox",
    tags,
    summary: "What the simulated vendors offer",
    description:
      "Lists every route below /sandbox with an example: phones and their messages, answering and pressing keys, what the vendors saw, faults on demand. GET needs no key, anything else any key.",
    responses: {
      200: jsonAnswer(anything, "Routes, numbers and settings."),
      ...problemResponses(503),
    },
  });
  app.openAPIRegistry.registerPath({
    method: "post",
    path: "/sandbox/phones/{phone}/{act}",
    tags,
    security: SECURITY,
    summary: "Use a simulated phone",
    request: {
      params: z.object({
        phone: z.string().openapi({ example: "+6281234000031" }),
        act: z.string().openapi({ example: "answer" }),
      }),
      body: { content: { "application/json": { schema: anything } } },
    },
    responses: {
      200: jsonAnswer(anything, "What the vendor made of it."),
      ...problemResponses(401, 404, 422, 503),
    },
  });
}
