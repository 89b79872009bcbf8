import { z } from "@hono/zod-openapi";
import { PERSON_CHANNELS } from "../../domain/channel.ts";
import { OPT_OUT_END_BASES, OPT_OUT_END_REFUSALS } from "../../domain/opt-out.ts";
import { VALUE_CHARS_MAX } from "../../domain/request.ts";
import { instantOut, pageQuery, text } from "./common.ts";

const NOTE_CHARS_MAX = 500;

export const OptOutSchema = z
  .object({
    id: z.string(),
    messageClass: z.string().openapi({
      description: "A consent class, a preference class, or `type:<code>`.",
      example: "assigned",
    }),
    channel: z.string(),
    since: instantOut,
    source: z.enum(["message", "vendor"]).openapi({
      description: "The person's own message, or a vendor that refused because it had been told.",
    }),
    endedAt: instantOut.nullable(),
    endedBasis: z.enum(OPT_OUT_END_BASES).nullable().openapi({
      description: "Null: it stands, or the person's own word ended it.",
    }),
    endedNote: z.string().nullable(),
    endedByName: z.string().nullable(),
  })
  .openapi("OptOut");

export const OptOutListQuery = z.strictObject(pageQuery);

export const OptOutEndSchema = z
  .strictObject({
    messageClass: text(VALUE_CHARS_MAX, 1).openapi({ example: "assigned" }),
    // The inbox is where somebody looks, not what disturbs: nobody can opt out of it.
    channel: z.enum(PERSON_CHANNELS).exclude(["in_app"]),
    basis: z.enum(OPT_OUT_END_BASES),
    note: z.string().trim().min(1).max(NOTE_CHARS_MAX).openapi({
      description: "When and how the person said so, or what was mistaken; kept with it.",
    }),
  })
  .openapi("OptOutEnd");

export const OptOutEndedSchema = z
  .union([
    z.object({ applied: z.literal(true) }),
    z.object({ applied: z.literal(false), reason: z.enum(OPT_OUT_END_REFUSALS) }),
  ])
  .openapi("OptOutEnded");
