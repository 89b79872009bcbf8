import { z } from "@hono/zod-openapi";
import { ACCOUNT_PURPOSES, HEALTH_STATES } from "../../domain/account.ts";
import { CHANNELS } from "../../domain/channel.ts";
import { PROVIDER_IDS } from "../../providers/provider.ts";
import { idOf, instantOut, pageQuery, text } from "./common.ts";
import { flagQuery, refOf } from "./references.ts";
import { name } from "./user.ts";

const URL_CHARS_MAX = 500;
const SENDER_CHARS_MAX = 64;
const FIELDS_MAX = 30;
const SECRET_CHARS_MAX = 8_192;
const ORDER_MAX = 1_000;
const PER_SECOND_MAX = 1_000;
const GAP_SECONDS_MAX = 3_600;
const DAILY_CAP_MAX = 10_000_000;
const WARM_UP_DAYS_MAX = 365;
const RECEIPT_DEADLINE_SECONDS_MAX = 3_600;

const purposes = z.array(z.enum(ACCOUNT_PURPOSES)).min(1).max(ACCOUNT_PURPOSES.length);
const perSecond = z.number().positive().max(PER_SECOND_MAX);
const gapSeconds = z.number().min(0).max(GAP_SECONDS_MAX);

const WarmUpSchema = z.strictObject({
  startedOn: z.iso.date().openapi({ description: "UTC day on which the first cap holds." }),
  caps: z
    .array(z.int().min(0).max(DAILY_CAP_MAX))
    .min(1)
    .max(WARM_UP_DAYS_MAX)
    .openapi({ description: "Messages on the first day, the second …", example: [20, 40, 80] }),
});

const HealthSchema = z.object({
  state: z.enum(HEALTH_STATES),
  since: instantOut,
  reason: z.string().nullable(),
});

export const AccountSchema = z
  .object({
    id: z.string(),
    provider: z.string(),
    channel: z.enum(CHANNELS),
    name: z.string(),
    baseUrl: z.string().nullable().openapi({ description: "Null: the vendor's own address." }),
    sender: z.string(),
    credentials: z
      .record(z.string(), z.literal("***"))
      .openapi({ description: "Which are set; never what they are." }),
    areSecretsReadable: z.boolean().openapi({
      description: "False: sealed under another SIAGA_SECRET_KEY; give the credentials again.",
    }),
    settings: z.record(z.string(), z.unknown()),
    order: z.int(),
    purposes: z.array(z.enum(ACCOUNT_PURPOSES)),
    pacing: z.object({
      perSecond: z.number(),
      minGapSeconds: z.number(),
      pairGapSeconds: z.number(),
    }),
    dailyCap: z.int().nullable(),
    newContactCap: z.int().nullable(),
    warmUp: WarmUpSchema.nullable(),
    standby: z.boolean(),
    receiptDeadlineSeconds: z.int(),
    enabled: z.boolean(),
    health: HealthSchema,
    webhookUrl: z.string().nullable().openapi({
      description: "Holds a secret: null for those who don't manage accounts.",
    }),
    groupIds: z
      .array(z.string())
      .openapi({ description: "Groups that its number is a proven member of." }),
    warnings: z
      .array(
        z.object({
          code: z.literal("evidence_never_comes"),
          policyId: z.string(),
          message: z.string(),
        }),
      )
      .openapi({ description: "After a change: policies that wait for what no account reports." }),
    createdAt: instantOut,
    updatedAt: instantOut,
  })
  .openapi("ProviderAccount");

const fields = z
  .record(z.string().min(1).max(SENDER_CHARS_MAX), z.unknown())
  .refine((given) => Object.keys(given).length <= FIELDS_MAX, {
    message: `At most ${FIELDS_MAX} fields.`,
  });

const OPTIONS = {
  baseUrl: text(URL_CHARS_MAX, 1)
    .nullish()
    .openapi({ description: "Null or absent: the vendor's own address." }),
  settings: fields
    .optional()
    .openapi({ type: "object", additionalProperties: true, description: "By the provider." }),
  order: z
    .int()
    .min(1)
    .max(ORDER_MAX)
    .optional()
    .openapi({ description: "Lower is tried first; behind the channel's last one if absent." }),
  purposes: purposes.optional(),
  pacing: z
    .strictObject({
      perSecond: perSecond.optional(),
      minGapSeconds: gapSeconds.optional(),
      pairGapSeconds: gapSeconds
        .optional()
        .openapi({ description: "Between two messages to the same recipient." }),
    })
    .optional()
    .openapi({ description: "Else the vendor's documented limits." }),
  dailyCap: z
    .int()
    .min(1)
    .max(DAILY_CAP_MAX)
    .nullish()
    .openapi({ description: "Messages a UTC day; critical ones are not held back." }),
  newContactCap: z.int().min(0).max(DAILY_CAP_MAX).nullish().openapi({
    description: "First messages a UTC day to contacts that neither wrote nor were written to.",
  }),
  warmUp: WarmUpSchema.nullish().openapi({ description: "The caps of a new number's first days." }),
  standby: z
    .boolean()
    .optional()
    .openapi({ description: "Used when the other accounts of its channel are not well." }),
  receiptDeadlineSeconds: z.int().min(1).max(RECEIPT_DEADLINE_SECONDS_MAX).optional(),
  enabled: z.boolean().optional(),
};

const sender = text(SENDER_CHARS_MAX, 1).openapi({
  description: "The sending number, the vendor's id of it, or a messaging service.",
  example: "+6281234000091",
});

const secret = text(SECRET_CHARS_MAX, 1);

export const AccountInputSchema = z
  .strictObject({
    provider: z.string().min(1).max(SENDER_CHARS_MAX).openapi({ example: PROVIDER_IDS[0] }),
    channel: z.enum(CHANNELS),
    name,
    sender,
    credentials: z.record(z.string().min(1).max(SENDER_CHARS_MAX), secret).openapi({
      type: "object",
      additionalProperties: { type: "string" },
      description: "By the provider; go in and never come out.",
    }),
    ...OPTIONS,
  })
  .openapi("ProviderAccountInput");

export const AccountChangeSchema = z
  .strictObject({
    name: name.optional(),
    sender: sender.optional(),
    credentials: z
      .record(z.string().min(1).max(SENDER_CHARS_MAX), secret.nullable())
      .optional()
      .openapi({
        type: "object",
        additionalProperties: { type: ["string", "null"] },
        description: "Others stay; `***` is the one that is set, null takes one away.",
      }),
    ...OPTIONS,
  })
  .openapi("ProviderAccountChange", {
    description: "Fields that are absent keep their value. Provider and channel stay.",
  });

export const AccountListQuery = z.strictObject({
  provider: text(SENDER_CHARS_MAX, 1).optional(),
  channel: z.enum(CHANNELS).optional(),
  enabled: flagQuery("Switched on or off; both if not given."),
  ...pageQuery,
});

export const AccountHealthSchema = z
  .object({
    ...HealthSchema.shape,
    enabled: z.boolean(),
    consecutiveFailures: z.int(),
    nextTryAt: instantOut
      .nullable()
      .openapi({ description: "While it is out: when one message tries it." }),
    quotaLeft: z
      .int()
      .nullable()
      .openapi({ description: "Messages left in its package, where the vendor tells." }),
    probedAt: instantOut
      .nullable()
      .openapi({ description: "When its vendor was last asked how it is." }),
    sentToday: z.int().openapi({ description: "By all accounts of its number, UTC day." }),
    dailyCap: z.int().nullable(),
    nextFreeAt: instantOut
      .nullable()
      .openapi({ description: "When its pace lets the next message go; null: now." }),
  })
  .openapi("ProviderAccountHealth");

export const AccountGroupParams = z.object({
  id: idOf("acc").openapi({ param: { name: "id", in: "path" } }),
  groupId: refOf("grp").openapi({ param: { name: "groupId", in: "path" } }),
});
