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
  pageOf,
} from "../schemas/common.ts";
import { InboxQuery, InboxSchema } from "../schemas/inbox.ts";
import { refParams } from "../schemas/references.ts";
import {
  EffectiveSettingsQuery,
  EffectiveSettingsSchema,
  SettingsPatchSchema,
  SettingsSchema,
  toPatch,
} from "../schemas/settings.ts";
import { UserChangeSchema, UserInputSchema, UserListQuery, UserSchema } from "../schemas/user.ts";
import { changeSettings, judgeSettingsPart } from "../verbs/change-settings.ts";
import { changeUser } from "../verbs/change-user.ts";
import { createUser, judgeUserPart } from "../verbs/create-user.ts";
import { seeInbox } from "../verbs/inbox.ts";
import { seeEffectiveSettings, seeSettings } from "../verbs/see-settings.ts";
import { listUsers, seeUser } from "../verbs/see-users.ts";
import { toInboxMessage } from "../views/inbox.ts";
import { toEffectiveSettings, toSettings } from "../views/settings.ts";
import { toUser, userEtag } from "../views/user.ts";

const TAGS = ["Users"];
const params = refParams("usr");
const answer = { ...jsonAnswer(UserSchema, "The user."), headers: etagHeader };
const settingsAnswer = {
  ...jsonAnswer(SettingsSchema, "Complete: what was chosen over the defaults of the role."),
  headers: etagHeader,
};

const list = createRoute({
  method: "get",
  path: "/v1/users",
  tags: TAGS,
  security: SECURITY,
  summary: "List users, newest first",
  request: { query: UserListQuery },
  responses: {
    200: jsonAnswer(pageOf(UserSchema), "Those whom this key or role may see."),
    ...problemResponses(401, 403, 422, 429, 500, 503),
  },
});

const create = createRoute({
  method: "post",
  path: "/v1/users",
  tags: TAGS,
  security: SECURITY,
  summary: "Make a user",
  request: { headers: idempotencyHeaders, body: jsonBody(UserInputSchema) },
  responses: {
    201: {
      ...answer,
      headers: {
        ...etagHeader,
        Location: { schema: { type: "string" }, description: "The user." },
      },
    },
    ...problemResponses(400, 401, 403, 409, 413, 415, 422, 429, 500, 503),
  },
});

const get = createRoute({
  method: "get",
  path: "/v1/users/{id}",
  tags: TAGS,
  security: SECURITY,
  summary: "Read a user",
  request: { params, query: emptyQuery },
  responses: { 200: answer, ...problemResponses(401, 404, 422, 429, 500, 503) },
});

const change = createRoute({
  method: "patch",
  path: "/v1/users/{id}",
  tags: TAGS,
  security: SECURITY,
  summary: "Change a user",
  description: "Open notifications that the change concerns are planned again.",
  request: { params, headers: ifMatchHeaders, body: jsonBody(UserChangeSchema) },
  responses: {
    200: answer,
    ...problemResponses(400, 401, 403, 404, 412, 413, 415, 422, 429, 500, 503),
  },
});

const deactivate = createRoute({
  method: "post",
  path: "/v1/users/{id}/deactivate",
  tags: TAGS,
  security: SECURITY,
  summary: "Switch a user off",
  description: "Told of nothing, signed in nowhere; the number is free for somebody else.",
  request: { params, headers: idempotencyHeaders },
  responses: { 200: answer, ...problemResponses(400, 401, 403, 404, 409, 413, 422, 429, 500, 503) },
});

const getSettings = createRoute({
  method: "get",
  path: "/v1/users/{id}/settings",
  tags: TAGS,
  security: SECURITY,
  summary: "Read a user's settings",
  request: { params, query: emptyQuery },
  responses: { 200: settingsAnswer, ...problemResponses(401, 404, 422, 429, 500, 503) },
});

const patchSettings = createRoute({
  method: "patch",
  path: "/v1/users/{id}/settings",
  tags: TAGS,
  security: SECURITY,
  summary: "Change a user's settings",
  request: { params, headers: ifMatchHeaders, body: jsonBody(SettingsPatchSchema) },
  responses: {
    200: settingsAnswer,
    ...problemResponses(400, 401, 403, 404, 412, 413, 415, 422, 429, 500, 503),
  },
});

const effective = createRoute({
  method: "get",
  path: "/v1/users/{id}/effective-settings",
  tags: TAGS,
  security: SECURITY,
  summary: "What a user's settings come to for one type and priority",
  request: { params, query: EffectiveSettingsQuery },
  responses: {
    200: jsonAnswer(EffectiveSettingsSchema, "One verdict for each channel, with its reason."),
    ...problemResponses(401, 404, 422, 429, 500, 503),
  },
});

const inbox = createRoute({
  method: "get",
  path: "/v1/users/{id}/inbox",
  tags: TAGS,
  security: SECURITY,
  summary: "List a user's in-app messages, newest first",
  request: { params, query: InboxQuery },
  responses: {
    200: jsonAnswer(InboxSchema, "The messages."),
    ...problemResponses(401, 403, 404, 422, 429, 500, 503),
  },
});

export function userRoutes(deps: AppDeps) {
  return new OpenAPIHono<AppEnv>({ defaultHook: refuseInvalid })
    .openapi(list, async (c) => {
      const { limit, cursor, ...filter } = c.req.valid("query");
      const page = await listUsers(deps, { actor: c.get("actor"), filter, limit, cursor });
      return c.json({ ...page, items: page.items.map(toUser) }, 200);
    })
    .openapi(
      create,
      async (c) => {
        const row = await createUser(deps, {
          actor: c.get("actor"),
          user: c.req.valid("json"),
          once: c.get("once"),
        });
        return c.json(toUser(row), 201, {
          ...userEtag(row),
          Location: `/v1/users/${row.id}`,
        });
      },
      (result, c) =>
        refuseInvalidPart(result, c, UserInputSchema, (part) =>
          judgeUserPart(deps, { actor: c.get("actor"), reference: null, part }),
        ),
    )
    .openapi(get, async (c) => {
      const { id: reference } = c.req.valid("param");
      const row = await seeUser(deps, { actor: c.get("actor"), reference });
      return c.json(toUser(row), 200, userEtag(row));
    })
    .openapi(
      change,
      async (c) => {
        const row = await changeUser(deps, {
          actor: c.get("actor"),
          reference: c.req.valid("param").id,
          change: c.req.valid("json"),
          ifMatch: readIfMatch(c),
        });
        return c.json(toUser(row), 200, userEtag(row));
      },
      (result, c) =>
        refuseInvalidPart(result, c, UserChangeSchema, (part) =>
          judgeUserPart(deps, { actor: c.get("actor"), reference: c.req.param("id"), part }),
        ),
    )
    .openapi(deactivate, async (c) => {
      const row = await changeUser(deps, {
        actor: c.get("actor"),
        reference: c.req.valid("param").id,
        change: { isActive: false },
        ifMatch: null,
      });
      return c.json(toUser(row), 200, userEtag(row));
    })
    .openapi(getSettings, async (c) => {
      const { id: reference } = c.req.valid("param");
      const { settings, tag } = await seeSettings(deps, { actor: c.get("actor"), reference });
      return c.json(toSettings(settings), 200, toEtag(tag));
    })
    .openapi(
      patchSettings,
      async (c) => {
        const { settings, tag } = await changeSettings(deps, {
          actor: c.get("actor"),
          reference: c.req.valid("param").id,
          patch: toPatch(c.req.valid("json")),
          ifMatch: readIfMatch(c),
        });
        return c.json(toSettings(settings), 200, toEtag(tag));
      },
      (result, c) =>
        refuseInvalidPart(result, c, SettingsPatchSchema, (part) =>
          judgeSettingsPart(deps, {
            actor: c.get("actor"),
            reference: c.req.param("id"),
            patch: toPatch(part),
          }),
        ),
    )
    .openapi(effective, async (c) => {
      const { type, priority } = c.req.valid("query");
      const seen = await seeEffectiveSettings(deps, {
        actor: c.get("actor"),
        reference: c.req.valid("param").id,
        type,
        priority,
      });
      return c.json(toEffectiveSettings(seen), 200);
    })
    .openapi(inbox, async (c) => {
      const { unread: isUnread, limit, cursor } = c.req.valid("query");
      const { id: reference } = c.req.valid("param");
      const page = await seeInbox(deps, {
        actor: c.get("actor"),
        reference,
        isUnread,
        limit,
        cursor,
      });
      return c.json({ ...page, items: page.items.map(toInboxMessage) }, 200);
    });
}
