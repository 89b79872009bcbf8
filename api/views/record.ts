import type { z } from "@hono/zod-openapi";
import type {
  DeliveryRow,
  DeviceOutcome,
  MemberReceipt,
  TimelineRow,
} from "../../db/notification-record.ts";
import type { Channel } from "../../domain/channel.ts";
import { maskEmail, maskGroupChatId } from "../../domain/mask.ts";
import { maskPhone } from "../../domain/phone-number.ts";
import type {
  DeliverySchema,
  DeviceOutcomeSchema,
  MemberReceiptSchema,
  TimelineEntrySchema,
} from "../schemas/record.ts";
import { toInstant } from "./notification.ts";

export function toTimelineEntry(row: TimelineRow): z.input<typeof TimelineEntrySchema> {
  return {
    at: row.at.toISOString(),
    kind: row.kind,
    pass: row.pass,
    step: row.step,
    target: row.target,
    channel: row.channel,
    accountId: row.account_id,
    deliveryId: row.delivery_id,
    reason: row.reason,
    detail: row.detail,
  };
}

/** What a reader may see of one delivery, beside that it exists. */
export type DeliveryRights = {
  readonly message: boolean;
  readonly address: boolean;
  readonly cost: boolean;
};

export function toDelivery(
  row: DeliveryRow,
  rights: DeliveryRights,
): z.input<typeof DeliverySchema> {
  return {
    id: row.id,
    notificationId: row.notification_id,
    purpose: row.purpose,
    pass: row.pass,
    step: row.step,
    attempt: row.attempt,
    handOver: row.hand_over,
    channel: row.channel,
    accountId: row.account_id,
    provider: row.provider,
    userId: row.user_id,
    groupId: row.group_id,
    address: rights.address ? row.address : maskAddress(row.channel, row.address),
    message: rights.message ? row.body : null,
    status: row.status,
    // Web Push names a message by an address at the push service.
    providerMessageId: row.channel !== "push" || rights.address ? row.provider_message_id : null,
    // What the vendor answered can repeat number and text.
    providerResponse: rights.message && rights.address ? row.provider_response : null,
    error: row.error,
    reason: row.reason,
    attachments: row.attachments,
    devices: row.devices && row.devices.map((device) => toDevice(device, rights)),
    members: row.members && row.members.map((member) => toMemberReceipt(member, rights)),
    retries: row.tries,
    cost: rights.cost ? row.cost : null,
    createdAt: row.created_at.toISOString(),
    acceptedAt: toInstant(row.accepted_at),
    sentAt: toInstant(row.sent_at),
    deliveredAt: toInstant(row.delivered_at),
    readAt: toInstant(row.read_at),
    failedAt: toInstant(row.failed_at),
  };
}

function toDevice(
  device: DeviceOutcome,
  rights: DeliveryRights,
): z.input<typeof DeviceOutcomeSchema> {
  return {
    subscriptionId: device.subscriptionId,
    name: rights.message ? device.name : null,
    isSubscribed: device.isSubscribed,
    status: device.status,
    reason: device.reason,
    error: device.error,
    acceptedAt: fromJson(device.acceptedAt),
    sentAt: fromJson(device.sentAt),
    deliveredAt: fromJson(device.deliveredAt),
    readAt: fromJson(device.readAt),
    failedAt: fromJson(device.failedAt),
  };
}

function toMemberReceipt(
  member: MemberReceipt,
  rights: DeliveryRights,
): z.input<typeof MemberReceiptSchema> {
  return {
    memberId: member.memberId,
    userId: member.userId,
    name: rights.message ? member.name : null,
    address: rights.address ? member.address : maskMember(member.address),
    sentAt: fromJson(member.sentAt),
    deliveredAt: fromJson(member.deliveredAt),
    readAt: fromJson(member.readAt),
    failedAt: fromJson(member.failedAt),
  };
}

/** An alias stands for a number that its owner hides: nothing of it is shown. */
function maskMember(address: string | null): string | null {
  if (address === null) return null;
  return address.startsWith("+") ? maskPhone(address) : "•••";
}

function fromJson(at: string | null): string | null {
  return at === null ? null : new Date(at).toISOString();
}

function maskAddress(channel: Channel, address: string | null): string | null {
  if (address === null) return null;
  switch (channel) {
    case "whatsapp_group":
      return maskGroupChatId(address);
    case "email":
      return maskEmail(address);
    case "whatsapp_personal":
    case "sms":
    case "call":
      return maskPhone(address);
    case "push":
    case "in_app":
      return "•••";
  }
}
