import { OpenAPIHono, createRoute } from "@hono/zod-openapi";
import type { AppDeps } from "../deps.ts";
import { problemResponses } from "../errors.ts";
import { etagHeader, ifMatchHeaders, readIfMatch, toEtag } from "../etag.ts";
import type { AppEnv } from "../http.ts";
import { refuseInvalid } from "../invalid.ts";
import { refuseInvalidPart } from "../refuse-part.ts";
import {
  SECURITY,
  emptyQuery,
  idempotencyHeaders,
  jsonAnswer,
  jsonBody,
} from "../schemas/common.ts";
import { InboxMessageSchema, InboxParams, InboxQuery, InboxSchema } from "../schemas/inbox.ts";
import { SettingsPatchSchema, SettingsSchema, toPatch } from "../schemas/settings.ts";
import { OwnChangeSchema, UserSchema } from "../schemas/user.ts";
import { changeSettings, judgeSettingsPart } from "../verbs/change-settings.ts";
import { changeUser } from "../verbs/change-user.ts";
import { personOf, readInboxMessage, seeInbox } from "../verbs/inbox.ts";
import { seeSettings } from "../verbs/see-settings.ts";
import { seeUser } from "../verbs/see-users.ts";
import { toInboxMessage } from "../views/inbox.ts";
import { toSettings } from "../views/settings.ts";
import { toUser, userEtag } from "../views/user.ts";

/** The signed-in person: the same as /v1/users/{id}, without asking for the id. */

const TAGS = ["Me"];
const answer = { ...jsonAnswer(UserSchema, "The signed-in person."), headers: etagHeader };
const settingsAnswer = {
  ...jsonAnswer(SettingsSchema, "Complete: what was chosen over the defaults of the role."),
  headers: etagHeader,
};

const get = createRoute({
  method: "get",
  path: "/v1/me",
  tags: TAGS,
  security: SECURITY,
  summary: "Who is signed in",
  request: { query: emptyQuery },
  responses: { 200: answer, ...problemResponses(401, 403, 404, 422, 429, 500, 503) },
});

const change = createRoute({
  method: "patch",
  path: "/v1/me",
  tags: TAGS,
  security: SECURITY,
  summary: "Change one's own language or time zone",
  request: { headers: ifMatchHeaders, body: jsonBody(OwnChangeSchema) },
  responses: {
    200: answer,
    ...problemResponses(400, 401, 403, 404, 412, 413, 415, 422, 429, 500, 503),
  },
});

const getSettings = createRoute({
  method: "get",
  path: "/v1/me/settings",
  tags: TAGS,
  security: SECURITY,
  summary: "Read one's own settings",
  request: { query: emptyQuery },
  responses: { 200: settingsAnswer, ...problemResponses(401, 403, 404, 422, 429, 500, 503) },
});

const patchSettings = createRoute({
  method: "patch",
  path: "/v1/me/settings",
  tags: TAGS,
  security: SECURITY,
  summary: "Change one's own settings",
  request: { headers: ifMatchHeaders, body: jsonBody(SettingsPatchSchema) },
  responses: {
    200: settingsAnswer,
    ...problemResponses(400, 401, 403, 404, 412, 413, 415, 422, 429, 500, 503),
  },
});

const inbox = createRoute({
  method: "get",
  path: "/v1/me/inbox",
  tags: TAGS,
  security: SECURITY,
  summary: "List one's own in-app messages, newest first",
  request: { query: InboxQuery },
  responses: {
    200: jsonAnswer(InboxSchema, "The messages."),
    ...problemResponses(401, 403, 404, 422, 429, 500, 503),
  },
});

const read = createRoute({
  method: "post",
  path: "/v1/me/inbox/{id}/read",
  tags: TAGS,
  security: SECURITY,
  summary: "Mark a message as read",
  request: { params: InboxParams, headers: idempotencyHeaders },
  responses: {
    200: jsonAnswer(InboxMessageSchema, "The message; a second time changes nothing."),
    ...problemResponses(400, 401, 403, 404, 409, 413, 422, 429, 500, 503),
  },
});

export function meRoutes(deps: AppDeps) {
  return new OpenAPIHono<AppEnv>({ defaultHook: refuseInvalid })
    .openapi(get, async (c) => {
      const actor = c.get("actor");
      const row = await seeUser(deps, { actor, reference: personOf(actor) });
      return c.json(toUser(row), 200, userEtag(row));
    })
    .openapi(change, async (c) => {
      const actor = c.get("actor");
      const row = await changeUser(deps, {
        actor,
        reference: personOf(actor),
        change: c.req.valid("json"),
        ifMatch: readIfMatch(c),
      });
      return c.json(toUser(row), 200, userEtag(row));
    })
    .openapi(getSettings, async (c) => {
      const actor = c.get("actor");
      const seen = await seeSettings(deps, { actor, reference: personOf(actor) });
      return c.json(toSettings(seen.settings), 200, toEtag(seen.tag));
    })
    .openapi(
      patchSettings,
      async (c) => {
        const actor = c.get("actor");
        const { settings, tag } = await changeSettings(deps, {
          actor,
          reference: personOf(actor),
          patch: toPatch(c.req.valid("json")),
          ifMatch: readIfMatch(c),
        });
        return c.json(toSettings(settings), 200, toEtag(tag));
      },
      (result, c) =>
        refuseInvalidPart(result, c, SettingsPatchSchema, (part) => {
          const actor = c.get("actor");
          return judgeSettingsPart(deps, {
            actor,
            reference: personOf(actor),
            patch: toPatch(part),
          });
        }),
    )
    .openapi(inbox, async (c) => {
      const actor = c.get("actor");
      const { unread: isUnread, limit, cursor } = c.req.valid("query");
      const reference = personOf(actor);
      const page = await seeInbox(deps, { actor, reference, isUnread, limit, cursor });
      return c.json({ ...page, items: page.items.map(toInboxMessage) }, 200);
    })
    .openapi(read, async (c) => {
      const { id } = c.req.valid("param");
      const row = await readInboxMessage(deps, { userId: personOf(c.get("actor")), id });
      return c.json(toInboxMessage(row), 200);
    });
}
