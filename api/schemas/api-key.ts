import { z } from "@hono/zod-openapi";
import { API_SCOPES, isApiScope } from "../../domain/actor.ts";
import { instantOut, pageQuery, text } from "./common.ts";
import { refOf } from "./references.ts";
import { name } from "./user.ts";

const SENDER_CHARS_MAX = 100;
const SCOPES = Object.keys(API_SCOPES).filter(isApiScope);

export const ApiKeySchema = z
  .object({
    id: z.string(),
    name: z.string(),
    sender: z.string(),
    scopes: z.array(z.string()),
    userId: z.string().nullable(),
    prefix: z.string().openapi({ description: "Enough to recognise the key, useless to use it." }),
    createdAt: instantOut,
    lastUsedAt: instantOut.nullable().openapi({ description: "To the minute." }),
    revokedAt: instantOut.nullable(),
  })
  .openapi("ApiKey");

export const NewApiKeySchema = ApiKeySchema.extend({
  key: z.string().openapi({ description: "Shown this once; `***` in a replayed answer." }),
}).openapi("NewApiKey");

export const ApiKeyInputSchema = z
  .strictObject({
    name,
    sender: text(SENDER_CHARS_MAX, 1)
      .optional()
      .openapi({ description: "The client system; keys may share it. Else the name." }),
    scopes: z.array(z.enum(SCOPES)).min(1).max(SCOPES.length).optional(),
    userId: refOf("usr")
      .optional()
      .openapi({ description: "Instead of scopes: the key acts with this user's role and zones." }),
  })
  .refine(({ scopes, userId }) => (scopes === undefined) !== (userId === undefined), {
    message: "Either scopes, for a system, or a userId.",
    path: ["scopes"],
  })
  .openapi("ApiKeyInput");

export const ApiKeyListQuery = z.strictObject(pageQuery);
