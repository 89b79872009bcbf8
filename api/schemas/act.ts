import { z } from "@hono/zod-openapi";
import { PRIORITIES } from "../../domain/priority.ts";
import { ACKNOWLEDGE_MANY_MAX } from "../verbs/acknowledge-many.ts";
import { idOf, instant, instantOut, orNull, reference, text } from "./common.ts";
import { ActedBySchema, NotificationFilterSchema, NotificationSchema } from "./notification.ts";

const NOTE_CHARS_MAX = 1_000;
/** The largest value of the column's type. */
const VERSION_MAX = 2_147_483_647;

const note = text(NOTE_CHARS_MAX);
const by = reference.openapi({
  description: "With a system's key: the user on whose behalf it acts.",
});

const BASE = {
  actId: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9_.:-]{0,99}$/)
    .optional()
    .openapi({
      description: "Your own id of this act, unique: a repeat gets the answer of the first time.",
      example: "act_01jd0000000000000000000000",
    }),
  by: by.optional(),
  note: note.optional(),
};

export const PlainActSchema = z.strictObject(BASE).openapi("Act");
export const SnoozeSchema = z
  .strictObject({
    ...BASE,
    until: instant.openapi({ description: "At most 2 h from now, for critical 15 min." }),
  })
  .openapi("Snooze");
export const ReprioritiseSchema = z
  .strictObject({ ...BASE, priority: z.enum(PRIORITIES) })
  .openapi("Reprioritise");
export const ReassignSchema = z
  .strictObject({
    ...BASE,
    userId: reference,
    fromUserId: reference.optional().openapi({ description: "Else the assignee." }),
  })
  .openapi("Reassign");
export const ResendSchema = z.strictObject({ ...BASE, deliveryId: reference }).openapi("Resend");
export const MoveSchema = z
  .strictObject({
    ...BASE,
    policyVersion: z
      .int()
      .min(1)
      .max(VERSION_MAX)
      .optional()
      .openapi({ description: "Else the policy's current version." }),
  })
  .openapi("Move");
export const RateSchema = z
  .strictObject({ ...BASE, rating: z.int().min(1).max(5) })
  .openapi("Rate");
export const CloseSchema = z
  .strictObject({ ...BASE, note: text(NOTE_CHARS_MAX, 1) })
  .openapi("Close");

/** A domain "no" is an answer, not an error. */
const RefusedSchema = z.object({
  applied: z.literal(false),
  reason: z.string().openapi({ example: "already_acknowledged" }),
  by: orNull(ActedBySchema).openapi({ description: "Who was first." }),
  at: instantOut.nullable(),
});

export const ActAnswerSchema = z
  .union([z.object({ applied: z.literal(true), notification: NotificationSchema }), RefusedSchema])
  .openapi("ActAnswer");

export const ActPendingSchema = z
  .object({ applied: z.null(), pending: z.literal(true), actId: z.string() })
  .openapi("ActPending");

export const AcknowledgeManySchema = z
  .strictObject({
    ids: z.array(idOf("ntf")).min(1).max(ACKNOWLEDGE_MANY_MAX).optional(),
    filter: NotificationFilterSchema.optional().openapi({
      description: `The newest ${ACKNOWLEDGE_MANY_MAX} open ones that it names.`,
    }),
    by: by.optional(),
    note: note.optional(),
  })
  .refine(({ ids, filter }) => (ids === undefined) !== (filter === undefined), {
    message: "Either ids or filter.",
    path: ["ids"],
  })
  .openapi("AcknowledgeMany", {
    oneOf: [{ required: ["ids"] }, { required: ["filter"] }],
  });

export const AcknowledgeManyAnswerSchema = z
  .object({
    acknowledged: z.int(),
    hasMore: z.boolean().openapi({ description: "The filter holds more: ask again." }),
    results: z.array(
      z.object({
        id: z.string(),
        applied: z.boolean(),
        reason: z.string().nullable(),
        by: orNull(ActedBySchema),
        at: instantOut.nullable(),
      }),
    ),
  })
  .openapi("AcknowledgeManyAnswer");
