import { z } from "@hono/zod-openapi";
import {
  ANSWER_KINDS,
  ANSWERS,
  NOTIFICATION_STATUSES,
  OUTCOMES,
} from "../../domain/notification.ts";
import {
  ATTACHMENT_URL_CHARS_MAX,
  ATTACHMENTS_MAX,
  FILE_NAME_CHARS_MAX,
  PLACE_CHARS_MAX,
} from "../../domain/attachment.ts";
import { PRIORITIES } from "../../domain/priority.ts";
import { ROLES } from "../../domain/role.ts";
import { RECIPIENTS_MAX, VALUE_CHARS_MAX } from "../../domain/request.ts";
import { PlanSchema } from "./plan.ts";
import { idOf, instant, instantOut, orNull, pageQuery, reference, text } from "./common.ts";

/** Above what one notification takes, so that the answer can say so and name the broadcast. */
const NAMED_MAX = 10 * RECIPIENTS_MAX;
const DATA_KEYS_MAX = 200;

const FileAttachmentSchema = z.strictObject({
  kind: z.enum(["image", "document"]),
  url: text(ATTACHMENT_URL_CHARS_MAX, 1).openapi({
    description: "https; fetched when the message is sent.",
    example: "https://files.example/odp.jpg",
  }),
  fileName: text(FILE_NAME_CHARS_MAX, 1).nullish(),
});

const LocationAttachmentSchema = z.strictObject({
  kind: z.literal("location"),
  latitude: z.number().min(-90).max(90),
  longitude: z.number().min(-180).max(180),
  name: text(PLACE_CHARS_MAX).nullish(),
  address: text(PLACE_CHARS_MAX).nullish(),
});

const AttachmentSchema = z
  .discriminatedUnion("kind", [FileAttachmentSchema, LocationAttachmentSchema])
  .openapi("Attachment");

const DataSchema = z
  .record(z.string().min(1).max(VALUE_CHARS_MAX), z.unknown())
  .refine((data) => Object.keys(data).length <= DATA_KEYS_MAX, {
    message: `At most ${DATA_KEYS_MAX} variables.`,
  })
  .openapi({
    type: "object",
    additionalProperties: true,
    maxProperties: DATA_KEYS_MAX,
    description: "Template variables.",
    example: { location: "POP Klari" },
  });

const phone = text(40, 1).openapi({ example: "+6281234000001" });

export const RecipientsSchema = z
  .strictObject({
    userIds: z.array(reference).max(NAMED_MAX).optional(),
    groupIds: z.array(reference).max(NAMED_MAX).optional(),
    roles: z.array(z.enum(ROLES)).max(ROLES.length).optional(),
    phones: z.array(phone).max(NAMED_MAX).optional(),
  })
  .openapi({ description: "Replaces routing." });

export const NotificationRequestSchema = z
  .strictObject({
    type: reference.openapi({ example: "outage" }),
    priority: z.enum(PRIORITIES).nullish().openapi({ description: "Else the type's." }),
    zone: reference.nullish().openapi({ description: "Code of a work zone.", example: "karawang" }),
    ticketId: reference.nullish().openapi({ example: "TKT-1042" }),
    assigneeId: reference.nullish(),
    customerId: reference.nullish(),
    actorId: reference.nullish().openapi({ description: "Who caused it; is not told of it." }),
    category: reference.nullish(),
    data: DataSchema.optional(),
    recipients: RecipientsSchema.nullish(),
    attachments: z.array(AttachmentSchema).max(ATTACHMENTS_MAX).optional(),
    policyId: reference.nullish().openapi({ description: "Else the type's, else the priority's." }),
    avoidAccountIds: z.array(reference).max(RECIPIENTS_MAX).optional(),
    dedupKey: reference.nullish(),
    notBefore: instant.nullish(),
    notAfter: instant.nullish(),
  })
  .openapi("NotificationRequest");

export const LinksSchema = z.object({
  self: z.string(),
  timeline: z.string(),
  temporal: z.string().nullable().openapi({ description: "The run in the Temporal UI." }),
});

export const AcceptedSchema = z
  .object({
    id: z.string(),
    status: z.literal("accepted"),
    workflowId: z.string(),
    links: LinksSchema,
  })
  .openapi("Accepted");

/** Who acted. */
export const ActedBySchema = z
  .object({
    kind: z.string(),
    userId: z.string().nullable(),
    groupId: z.string().nullable(),
    name: z.string().nullable(),
    via: z.string().nullable().openapi({ description: "api, reply, button, call, link, …" }),
  })
  .openapi("ActedBy");

const NOTIFICATION_SUMMARY = {
  id: z.string(),
  type: z.string(),
  priority: z.enum(PRIORITIES),
  zone: z.string().nullable(),
  ticketId: z.string().nullable(),
  assigneeId: z.string().nullable(),
  customerId: z.string().nullable(),
  actorId: z.string().nullable(),
  category: z.string().nullable(),
  data: z.record(z.string(), z.unknown()),
  recipients: z.looseObject({}).nullable(),
  policyId: z.string().nullable(),
  policyVersion: z.int().nullable(),
  attachments: z.array(AttachmentSchema),
  avoidAccountIds: z.array(z.string()),
  noticeOf: z
    .string()
    .nullable()
    .openapi({ description: "An operator_notice: the notification that it is about." }),
  notBefore: instantOut.nullable(),
  notAfter: instantOut.nullable(),
  answers: z.enum(ANSWER_KINDS),
  sender: z.string(),
  status: z.enum(NOTIFICATION_STATUSES),
  outcome: z.enum(OUTCOMES).nullable(),
  reason: z.string().nullable(),
  outcomeDetail: z.looseObject({}).nullable(),
  answer: z.enum(ANSWERS).nullable(),
  pass: z.int(),
  step: z.int(),
  nextStepAt: instantOut.nullable(),
  waitingFor: z.looseObject({ kind: z.string() }).nullable(),
  acknowledgedBy: orNull(ActedBySchema),
  acknowledgedAt: instantOut.nullable(),
  resolvedAt: instantOut.nullable(),
  unresolved: z.boolean(),
  closedBy: orNull(ActedBySchema),
  closedAt: instantOut.nullable(),
  closeNote: z.string().nullable(),
  rating: z.int().nullable(),
  cost: z
    .number()
    .nullable()
    .openapi({ description: "Of its deliveries so far; null: none known." }),
  acceptedAt: instantOut,
  startedAt: instantOut.nullable(),
  plannedAt: instantOut.nullable(),
  settledAt: instantOut.nullable(),
  workflowId: z.string(),
  links: LinksSchema,
};

export const NotificationSummarySchema = z
  .object(NOTIFICATION_SUMMARY)
  .openapi("NotificationSummary");

export const NotificationSchema = z
  .object({
    ...NOTIFICATION_SUMMARY,
    plan: orNull(PlanSchema),
  })
  .openapi("Notification");

const FILTERS = {
  status: z.enum(NOTIFICATION_STATUSES).optional(),
  outcome: z.enum(OUTCOMES).optional(),
  type: reference.optional(),
  priority: z.enum(PRIORITIES).optional(),
  zone: reference.optional(),
  ticketId: reference.optional(),
  userId: reference.optional().openapi({ description: "Those that told or concern this user." }),
  from: instant.optional().openapi({ description: "Accepted at or after." }),
  to: instant.optional().openapi({ description: "Accepted before." }),
  q: text(VALUE_CHARS_MAX, 1)
    .optional()
    .openapi({ description: "Words of the ticket, type, zone, category or data; or an id." }),
};

export const NotificationFilterSchema = z.strictObject({
  ...FILTERS,
  open: z.boolean().optional(),
});

export const NotificationListQuery = z.strictObject({
  ...FILTERS,
  open: z
    .enum(["true", "false"])
    .transform((flag) => flag === "true")
    .optional()
    .openapi({ type: "boolean", description: "Not settled yet." }),
  ...pageQuery,
});

export const NotificationParams = z.object({
  id: idOf("ntf").openapi({ param: { name: "id", in: "path" } }),
});
