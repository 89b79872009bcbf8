import type { z } from "@hono/zod-openapi";
import type { InboundRow } from "../../db/inbound-list.ts";
import { maskPhone } from "../../domain/phone-number.ts";
import type { InboundMessageSchema } from "../schemas/inbound.ts";

type InboundMessage = z.input<typeof InboundMessageSchema>;

export function toInboundMessage(row: InboundRow, showsAddress: boolean): InboundMessage {
  return {
    id: row.id,
    receivedAt: row.received_at.toISOString(),
    accountId: row.account_id,
    userId: row.user_id,
    groupId: row.group_id,
    isGroup: row.is_group,
    address: showsAddress ? row.address : maskAddress(row.address),
    kind: row.kind,
    text: row.body,
    media: row.media,
    state: row.state,
    notificationId: row.notification_id,
    actId: row.act_id,
    answer:
      row.answer_status === null
        ? null
        : { status: toAnswerStatus(row.answer_status), text: row.answer_body },
    writtenAnswer:
      row.written_status === null || row.written_text === null
        ? null
        : { status: toAnswerStatus(row.written_status), text: row.written_text },
    handledBy: row.handled_by,
    handledAt: row.handled_at?.toISOString() ?? null,
    note: row.handling_note,
  };
}

/** A number keeps its last digits; of an alias or a call nothing is worth showing. */
function maskAddress(address: string): string {
  return address.startsWith("+") ? maskPhone(address) : "•••";
}

/** The table's own check allows these words alone. */
function toAnswerStatus(status: string): NonNullable<InboundMessage["answer"]>["status"] {
  return status as NonNullable<InboundMessage["answer"]>["status"];
}
