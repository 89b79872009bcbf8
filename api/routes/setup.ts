import { OpenAPIHono, createRoute, z } from "@hono/zod-openapi";
import type { AppDeps } from "../deps.ts";
import type { AppContext, AppEnv } from "../http.ts";
import { refuseInvalid } from "../invalid.ts";
import { setupDonePage, setupFormPage, setupLanguage, setupRefusedPage } from "../setup-page.ts";
import type { SetupFault, SetupForm } from "../setup-page.ts";
import { InvalidInput } from "../verbs/errors.ts";
import { seeSetupLink, setUpAdministrator } from "../verbs/set-up-administrator.ts";
import type { SetupLinkState } from "../verbs/set-up-administrator.ts";

/** The one-time link by which the first administrator comes in. It needs no key: its token is the key. */

const TAGS = ["Set-up"];
const html = { "text/html": { schema: z.string() } };
const params = z.object({
  token: z.string().openapi({ param: { name: "token", in: "path" }, description: "A secret." }),
});
const REFUSED = {
  404: { description: "There is no such link.", content: html },
  410: { description: "The link was used, or is too old.", content: html },
};

const open = createRoute({
  method: "get",
  path: "/setup/{token}",
  tags: TAGS,
  summary: "Show the form of a set-up link",
  request: { params },
  responses: { 200: { description: "A page with one form.", content: html }, ...REFUSED },
});

const submit = createRoute({
  method: "post",
  path: "/setup/{token}",
  tags: TAGS,
  summary: "Use a set-up link: its holder becomes an administrator",
  request: {
    params,
    body: {
      required: true,
      content: {
        "application/x-www-form-urlencoded": {
          schema: z.object({ name: z.string().default(""), phone: z.string().default("") }),
        },
      },
    },
  },
  responses: {
    200: { description: "A page with the new administrator's API key, this once.", content: html },
    422: { description: "The form again, with what is wrong.", content: html },
    ...REFUSED,
  },
});

/** Nothing of the page may be kept, framed, or sent on with a link; and nothing in it runs. */
const HEADERS = {
  "Cache-Control": "no-store",
  "Content-Security-Policy":
    "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
  "X-Robots-Tag": "noindex",
} as const;

export function setupRoutes(deps: AppDeps) {
  return new OpenAPIHono<AppEnv>({ defaultHook: refuseInvalid })
    .openapi(open, async (c) => {
      const state = await seeSetupLink(deps, c.req.valid("param").token);
      if (state !== "open") return refused(c, state);
      return c.html(setupFormPage(languageOf(c)), 200, HEADERS);
    })
    .openapi(submit, async (c) => {
      const language = languageOf(c);
      const form = c.req.valid("form");
      try {
        const done = await setUpAdministrator(deps, {
          ...form,
          token: c.req.valid("param").token,
          locale: language,
        });
        if (done.kind === "refused") return refused(c, done.state);
        return c.html(setupDonePage(language, done.key), 200, HEADERS);
      } catch (error) {
        if (!(error instanceof InvalidInput)) throw error;
        return again(c, form, error);
      }
    });
}

function refused(c: AppContext, state: Exclude<SetupLinkState, "open">) {
  return c.html(setupRefusedPage(languageOf(c), state), state === "unknown" ? 404 : 410, HEADERS);
}

function again(c: AppContext, form: SetupForm, { problems }: InvalidInput) {
  const faults = problems.map(({ path, code }): SetupFault => {
    if (code === "taken") return "taken";
    return path === "name" ? "badName" : "badPhone";
  });
  return c.html(setupFormPage(languageOf(c), form, faults), 422, HEADERS);
}

function languageOf(c: AppContext) {
  return setupLanguage(c.req.header("accept-language"));
}
