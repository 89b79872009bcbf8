import type { OpenAPIHono } from "@hono/zod-openapi";
import { API_SCOPES } from "../../domain/actor.ts";
import type { AppEnv } from "../http.ts";
import { renderReferencePage } from "../reference-page.ts";

const DESCRIPTION = [
  "Accepts notifications, steers and shows their runs.",
  "Times are ISO 8601 in UTC, durations whole seconds, ids prefixed and sortable; wherever an id of a user, group,",
  "customer or ticket is taken, `ext:<externalId>` works too. Errors are RFC 9457 problems with a stable `code`.",
  "Every POST takes an `Idempotency-Key`.",
  "Not described here: `/webhooks/{provider}/{accountId}/{token}`, where each vendor posts by its own contract, and",
  "`/a/{token}`, the page behind a signed answer link, which people open and no program calls.",
].join(" ");
const SANDBOX_DESCRIPTION =
  "With simulated vendors alone there is `/sandbox`, which passes on what the simulator offers: `GET /sandbox` lists it.";

const SCOPES = Object.entries(API_SCOPES)
  .map(([scope, meaning]) => `- \`${scope}\`: ${meaning}`)
  .join("\n");

/** Registers the description of the whole app on the app itself; public, because a contract is no secret. */
export function addReference(app: OpenAPIHono<AppEnv>, version: string): void {
  app.openAPIRegistry.registerComponent("securitySchemes", "bearer", {
    type: "http",
    scheme: "bearer",
    description: `An API key (\`sg_live_…\`), a session token or the portal's JWT. Scopes of an API key:\n${SCOPES}`,
  });
  // Made on first use, when every route is there, and the same from then on.
  let made: { readonly document: object; readonly page: string } | undefined;
  const description = () => {
    if (made === undefined) {
      const hasSandbox = app.routes.some(({ path }) => path.startsWith("/sandbox"));
      const document = app.getOpenAPI31Document({
        openapi: "3.1.0",
        info: {
          title: "Siaga",
          version,
          description: hasSandbox ? `${DESCRIPTION} ${SANDBOX_DESCRIPTION}` : DESCRIPTION,
        },
        servers: [{ url: "/" }],
      });
      made = { document, page: renderReferencePage(document) };
    }
    return made;
  };
  app.get("/v1/openapi.json", (c) => c.json(description().document));
  app.get("/docs", (c) => c.html(description().page));
}
