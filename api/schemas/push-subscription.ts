import { z } from "@hono/zod-openapi";
import { idOf, instantOut, text } from "./common.ts";

/** Longest address that a push service has been seen to hand out is a third of this. */
const ENDPOINT_CHARS_MAX = 2_000;
const TOKEN_CHARS_MAX = 1_000;
const DEVICE_NAME_CHARS_MAX = 100;

/** What RFC 8291 makes of a browser: its public key and a shared secret. */
const P256DH_BYTES = 65;
const AUTH_BYTES = 16;

const keyOf = (bytes: number) =>
  z
    .string()
    .regex(/^[\w-]+=*$/, "Must be base64url.")
    .max(2 * bytes)
    .refine((key) => Buffer.from(key, "base64url").length === bytes, {
      message: `Must be ${bytes} bytes in base64url.`,
    });

export const PushSubscriptionInputSchema = z
  .strictObject({
    accountId: idOf("acc").optional().openapi({
      description: "The account whose key it subscribed with; the first fitting one if not given.",
    }),
    deviceName: text(DEVICE_NAME_CHARS_MAX, 1).optional(),
    endpoint: z
      .url({ protocol: /^https?$/ })
      .max(ENDPOINT_CHARS_MAX)
      .optional()
      .openapi({ description: "Of a browser's PushSubscription, with `keys`." }),
    keys: z.strictObject({ p256dh: keyOf(P256DH_BYTES), auth: keyOf(AUTH_BYTES) }).optional(),
    expirationTime: z.number().nullable().optional().openapi({
      description: "As the browser's own JSON has it; push services say by themselves who is gone.",
    }),
    token: text(TOKEN_CHARS_MAX, 1)
      .optional()
      .openapi({ description: "Of an app that registered with Firebase, instead of `endpoint`." }),
  })
  .refine((given) => (given.endpoint === undefined) !== (given.token === undefined), {
    path: ["endpoint"],
    message: "Either an endpoint or a token.",
  })
  .refine((given) => given.endpoint === undefined || given.keys !== undefined, {
    path: ["keys"],
    message: "A browser's keys go with its endpoint.",
  })
  .openapi("PushSubscriptionInput");

export const PushSubscriptionSchema = z
  .object({
    id: z.string(),
    accountId: z.string(),
    provider: z.string(),
    deviceName: z.string().nullable(),
    createdAt: instantOut,
    lastUsedAt: instantOut.nullable().openapi({
      description: "When a push service last took a message for it.",
    }),
  })
  .openapi("PushSubscription");

export const PushSubscriptionsSchema = z
  .object({
    items: z.array(PushSubscriptionSchema),
    nextCursor: z.null(),
    accounts: z
      .array(
        z.object({
          id: z.string(),
          provider: z.string(),
          applicationServerKey: z.string().nullable().openapi({
            description: "What a browser subscribes with; null for apps.",
          }),
        }),
      )
      .openapi({ description: "Those that one can subscribe with, the first one first." }),
  })
  .openapi("PushSubscriptions");
