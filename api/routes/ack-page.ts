import { OpenAPIHono } from "@hono/zod-openapi";
import { createMiddleware } from "hono/factory";
import type { AppDeps } from "../deps.ts";
import type { AppEnv } from "../http.ts";
import { answerByLink, seeAckLink } from "../verbs/answer-by-link.ts";
import type { SeenLink } from "../verbs/answer-by-link.ts";
import { ACK_PAGE_POLICY, renderAnsweredLink, renderSeenLink } from "../views/ack-page.ts";

const PATH = "/a/:token";
/** A name, a member, a number. */
const FIELD_CHARS_MAX = 200;

/**
 * Signed acknowledgment links. GET only shows: link previews and mail scanners open links, people press buttons. The token is the permission, so nothing of
 * this is cached, indexed, framed or told to other sites.
 */
export function ackPageRoutes(deps: AppDeps) {
  return new OpenAPIHono<AppEnv>()
    .use(PATH, guarded)
    .get(PATH, async (c) => {
      const seen = await seeAckLink(deps, c.req.param("token"));
      return c.html(renderSeenLink(seen, deps.inbound), statusOf(seen));
    })
    .post(PATH, async (c) => {
      const fields = new URLSearchParams(await c.req.text());
      const text = (name: string): string | null =>
        fields.get(name)?.slice(0, FIELD_CHARS_MAX) || null;
      const rating = text("rating");
      const answered = await answerByLink(deps, c.req.param("token"), {
        memberId: text("member"),
        name: text("name"),
        rating: rating !== null && /^\d$/.test(rating) ? Number(rating) : null,
      });
      const isMissing = answered.kind === "open" && answered.result.kind === "missing";
      return c.html(
        renderAnsweredLink(answered, deps.inbound),
        isMissing ? 422 : statusOf(answered),
      );
    });
}

const guarded = createMiddleware<AppEnv>(async (c, next) => {
  await next();
  c.header("Cache-Control", "no-store");
  c.header("Content-Security-Policy", ACK_PAGE_POLICY);
  c.header("Referrer-Policy", "no-referrer");
  c.header("X-Robots-Tag", "noindex, nofollow");
});

function statusOf({ kind }: SeenLink): 200 | 404 | 410 {
  switch (kind) {
    case "open":
      return 200;
    case "invalid":
      return 404;
    case "expired":
      return 410;
  }
}
