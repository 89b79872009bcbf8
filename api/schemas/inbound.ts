import { z } from "@hono/zod-openapi";
import { HANDLING_REFUSALS, INBOUND_STATES } from "../../domain/inbound.ts";
import { idOf, instant, instantOut, pageQuery } from "./common.ts";

const ANSWER_STATUSES = [
  "intended",
  "sending",
  "accepted",
  "failed",
  "unknown",
  "dropped",
] as const;
/** What WhatsApp takes in one message. */
const ANSWER_CHARS_MAX = 4_096;
const NOTE_CHARS_MAX = 2_000;

const HandlerSchema = z.object({
  userId: z.string().nullable(),
  name: z.string().nullable(),
});

export const InboundMessageSchema = z
  .object({
    id: z.string(),
    receivedAt: instantOut,
    accountId: z.string(),
    userId: z.string().nullable(),
    groupId: z.string().nullable(),
    isGroup: z.boolean(),
    address: z.string().openapi({ description: "Who wrote; masked for most readers." }),
    kind: z.enum(["text", "button", "reaction", "keypress", "other"]),
    text: z.string().openapi({ description: "What was written, or the caption of a file." }),
    media: z
      .object({
        type: z.string().openapi({ example: "image" }),
        contentType: z.string().nullable(),
        fileName: z.string().nullable(),
      })
      .nullable()
      .openapi({ description: "A file that came with it; kept by reference, not fetched." }),
    state: z.enum(INBOUND_STATES),
    notificationId: z.string().nullable(),
    actId: z.string().nullable(),
    answer: z
      .object({
        status: z.enum(ANSWER_STATUSES),
        text: z.string().nullable(),
      })
      .nullable()
      .openapi({ description: "What Siaga said by itself." }),
    writtenAnswer: z
      .object({ status: z.enum(ANSWER_STATUSES), text: z.string() })
      .nullable()
      .openapi({ description: "What a person answered, the last one of several." }),
    handledBy: HandlerSchema.nullable(),
    handledAt: instantOut.nullable(),
    note: z.string().nullable(),
  })
  .openapi("InboundMessage");

export const InboundListQuery = z.strictObject({
  state: z.enum(INBOUND_STATES).default("unmatched").openapi({
    description:
      "`unmatched`: nobody has understood them yet; `answered`, `closed`: by a person since.",
  }),
  userId: idOf("usr").optional(),
  accountId: idOf("acc").optional(),
  from: instant.optional(),
  to: instant.optional(),
  ...pageQuery,
});

export const InboundParams = z.object({
  id: idOf("inb").openapi({ param: { name: "id", in: "path" } }),
});

export const InboundAnswerSchema = z.strictObject({
  text: z.string().trim().min(1).max(ANSWER_CHARS_MAX),
});

export const InboundCloseSchema = z.strictObject({
  note: z.string().trim().max(NOTE_CHARS_MAX).optional(),
});

export const InboundHandledSchema = z.union([
  z.object({ applied: z.literal(true), message: InboundMessageSchema }),
  z.object({
    applied: z.literal(false),
    reason: z.enum(HANDLING_REFUSALS),
    by: HandlerSchema.nullable(),
    at: instantOut.nullable(),
  }),
]);
