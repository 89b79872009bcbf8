import { OpenAPIHono } from "@hono/zod-openapi";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import type { AppDeps } from "../deps.ts";
import type { AppContext, AppEnv } from "../http.ts";
import { limitBody } from "../middleware/limit-body.ts";
import { receiveWebhook } from "../verbs/receive-webhook.ts";

/**
 * Meta's largest request, and nobody's is larger.
 * https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/overview, checked September 2026.
 */
export const WEBHOOK_BYTES_MAX = 3 * 1024 * 1024;
const WEBHOOK_PATH = "/webhooks/:provider/:accountId/:token";

/** Vendors report here. No key is asked for: the address is secret, and each vendor proves itself in its own way too. */
export function webhookRoutes(deps: AppDeps) {
  return new OpenAPIHono<AppEnv>().on(
    ["GET", "POST"],
    WEBHOOK_PATH,
    limitBody(WEBHOOK_BYTES_MAX),
    async (c) => {
      const answer = await receiveWebhook(deps, {
        provider: c.req.param("provider"),
        accountId: c.req.param("accountId"),
        token: c.req.param("token"),
        request: {
          method: c.req.method === "GET" ? "GET" : "POST",
          url: `${deps.publicUrl}${pathAndQuery(c)}`,
          headers: c.req.header(),
          body: new Uint8Array(await c.req.arrayBuffer()),
        },
      });
      return c.body(answer.body, statusOf(answer.status), { "Content-Type": answer.contentType });
    },
  );
}

export function isWebhookPath(path: string): boolean {
  return /^\/webhooks(?:\/[^/]+){3}$/.test(path);
}

/** As it was sent: vendors sign the address letter by letter. The host may be a proxy's and is not looked at. */
function pathAndQuery(c: AppContext): string {
  const { url } = c.req;
  return url.slice(url.indexOf("/", url.indexOf("://") + 3));
}

/** A reader answers with statuses that may have a body. */
function statusOf(status: number): ContentfulStatusCode {
  return status as ContentfulStatusCode;
}
