import { z } from "@hono/zod-openapi";
import { CHANNELS } from "../../domain/channel.ts";
import { DELIVERY_STATUSES } from "../../domain/delivery.ts";
import { instantOut } from "./common.ts";

export const TimelineEntrySchema = z
  .object({
    at: instantOut,
    kind: z.string(),
    pass: z.int().nullable(),
    step: z.int().nullable(),
    target: z.string().nullable().openapi({ description: "Id of a user or group." }),
    channel: z.string().nullable(),
    accountId: z.string().nullable(),
    deliveryId: z.string().nullable(),
    reason: z.string().nullable(),
    detail: z.looseObject({}).nullable(),
  })
  .openapi("TimelineEntry");

export const DeviceOutcomeSchema = z
  .object({
    subscriptionId: z.string(),
    name: z.string().nullable().openapi({ description: "Null unless the reader may see it." }),
    isSubscribed: z.boolean().openapi({
      description: "False once the device was signed out or its push service no longer knows it.",
    }),
    status: z.enum(DELIVERY_STATUSES),
    reason: z.string().nullable(),
    error: z.looseObject({ kind: z.string(), scope: z.string(), message: z.string() }).nullable(),
    acceptedAt: instantOut.nullable(),
    sentAt: instantOut.nullable(),
    deliveredAt: instantOut.nullable(),
    readAt: instantOut.nullable(),
    failedAt: instantOut.nullable(),
  })
  .openapi("DeviceOutcome");

export const MemberReceiptSchema = z
  .object({
    memberId: z
      .string()
      .nullable()
      .openapi({ description: "Null for somebody who is not a registered member of the group." }),
    userId: z.string().nullable(),
    name: z.string().nullable().openapi({ description: "Null unless the reader may see it." }),
    address: z.string().nullable().openapi({ description: "Masked unless the reader may see it." }),
    sentAt: instantOut.nullable(),
    deliveredAt: instantOut.nullable(),
    readAt: instantOut.nullable(),
    failedAt: instantOut.nullable(),
  })
  .openapi("MemberReceipt");

export const DeliverySchema = z
  .object({
    id: z.string(),
    notificationId: z.string(),
    purpose: z.enum(["ladder", "closing"]),
    pass: z.int(),
    step: z.int(),
    attempt: z.int(),
    handOver: z.int().openapi({ description: "0 for the first account; each failover raises it." }),
    channel: z.enum(CHANNELS),
    accountId: z.string().nullable(),
    provider: z.string().nullable(),
    userId: z.string().nullable(),
    groupId: z.string().nullable(),
    address: z.string().nullable().openapi({ description: "Masked unless the reader may see it." }),
    message: z.string().nullable().openapi({ description: "Null unless the reader may see it." }),
    status: z.enum(DELIVERY_STATUSES),
    providerMessageId: z.string().nullable().openapi({
      description: "Of channel push: null unless the reader may see addresses.",
    }),
    providerResponse: z.unknown().openapi({ description: "Null unless the reader may see it." }),
    error: z.looseObject({ kind: z.string(), scope: z.string(), message: z.string() }).nullable(),
    reason: z.string().nullable(),
    attachments: z
      .array(z.object({ as: z.enum(["media", "link", "none"]), reason: z.string().nullable() }))
      .readonly()
      .nullable()
      .openapi({ description: "How it shows the notification's attachments, in their order." }),
    devices: z.array(DeviceOutcomeSchema).readonly().nullable().openapi({
      description:
        "Of channel push: every device that it went to, the one that speaks for the delivery first. Null on other channels.",
    }),
    members: z.array(MemberReceiptSchema).readonly().nullable().openapi({
      description:
        "Of group WhatsApp: the members of whom the vendor says that they have or read the message. It says nothing of the others and doesn't move the delivery beyond `sent`. Null on other channels.",
    }),
    retries: z.int(),
    cost: z.number().nullable(),
    createdAt: instantOut,
    acceptedAt: instantOut.nullable(),
    sentAt: instantOut.nullable(),
    deliveredAt: instantOut.nullable(),
    readAt: instantOut.nullable(),
    failedAt: instantOut.nullable(),
  })
  .openapi("Delivery");
