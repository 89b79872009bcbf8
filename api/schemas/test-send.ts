import { z } from "@hono/zod-openapi";
import { CHANNELS } from "../../domain/channel.ts";
import { DELIVERY_STATUSES } from "../../domain/delivery.ts";
import { RESULT_KINDS, RESULT_SCOPES } from "../../domain/result-kind.ts";
import { TEST_VERDICTS } from "../../domain/test-send.ts";
import { idOf, text } from "./common.ts";
import { refOf } from "./references.ts";

const WAIT_SECONDS_MAX = 60;
const PHONE_CHARS_MAX = 64;

const waitSeconds = z
  .int()
  .min(0)
  .max(WAIT_SECONDS_MAX)
  .default(WAIT_SECONDS_MAX)
  .openapi({ description: "How long to wait for the vendor's last word." });

export const AccountTestSchema = z
  .strictObject({
    to: z
      .strictObject({
        phone: text(PHONE_CHARS_MAX, 1).optional(),
        userId: refOf("usr").optional(),
        groupId: refOf("grp").optional(),
      })
      .refine((to) => Object.values(to).filter((value) => value !== undefined).length === 1, {
        message: "One of phone, userId and groupId.",
      })
      .openapi({ description: "One of them; a group for an account of channel whatsapp_group." }),
    waitSeconds,
  })
  .openapi("AccountTestSend");

export const GroupTestSchema = z
  .strictObject({
    accountId: idOf("acc")
      .optional()
      .openapi({ description: "Else the account that would carry the group." }),
    waitSeconds,
  })
  .openapi("GroupTestSend");

export const TestSendSchema = z
  .object({
    verdict: z.enum(TEST_VERDICTS).openapi({
      description: "As far as the vendor has told; what comes later stands in the notification.",
    }),
    notificationId: z.string(),
    accountId: z.string(),
    deliveryId: z.string().nullable(),
    channel: z.enum(CHANNELS).nullable(),
    status: z.enum(DELIVERY_STATUSES).nullable(),
    reason: z.string().nullable(),
    error: z
      .object({
        kind: z.enum(RESULT_KINDS),
        scope: z.enum(RESULT_SCOPES),
        message: z.string(),
      })
      .nullable(),
  })
  .openapi("TestSend");
