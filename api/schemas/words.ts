import { z } from "@hono/zod-openapi";
import { ANSWER_KINDS } from "../../domain/notification.ts";
import { PRIORITIES } from "../../domain/priority.ts";

export const ZoneSchema = z
  .object({ code: z.string(), name: z.string(), timeZone: z.string() })
  .openapi("Zone");

export const TypeSchema = z
  .object({
    code: z.string(),
    name: z.object({ id: z.string(), en: z.string() }),
    priority: z.enum(PRIORITIES),
    policyId: z.string().nullable(),
    answers: z.enum(ANSWER_KINDS),
    isCustomer: z.boolean(),
    isOperational: z.boolean(),
    sendWindow: z.object({ from: z.string(), to: z.string() }).nullable(),
    consentClass: z.string().nullable(),
    preferenceClass: z.string().nullable(),
    isActive: z.boolean(),
  })
  .openapi("NotificationType");
