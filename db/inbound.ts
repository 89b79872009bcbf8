import type pg from "pg";

import type { InboundState } from "../domain/inbound.ts";
import { storableText } from "./storable-text.ts";

export type InboundKind = "text" | "button" | "reaction" | "keypress" | "other";

/** A file that came with it. */
export interface InboundMedia {
  readonly type: string;
  readonly contentType: string | null;
  readonly fileName: string | null;
  /** Sealed for the message. */
  readonly referenceEncrypted: Buffer | null;
}

/** Longer than any text that WhatsApp takes; what is above is cut. */
const BODY_CHARS_MAX = 70_000;
const ID_CHARS_MAX = 1_000;

export interface InboundMessage {
  readonly id: string;
  readonly accountId: string;
  readonly deviceKey: string;
  /** The same for every repeat of one event. */
  readonly eventKey: string;
  /** Who wrote, as the vendor says; empty where nobody did. */
  readonly address: string;
  readonly groupChatId: string | null;
  readonly kind: InboundKind;
  readonly body: string;
  readonly quotedProviderMessageId: string | null;
  readonly media?: InboundMedia | null;
  readonly state: InboundState;
  /** Epoch ms. */
  readonly receivedAt: number;
}

/** False: it is stored already. A repeat that comes at the same time waits here for the first one's end. */
export async function insertInbound(
  client: pg.PoolClient,
  message: InboundMessage,
): Promise<boolean> {
  const { rowCount } = await client.query({
    name: "inbound-insert",
    text: `
      insert into inbound_messages (id, account_id, device_key, event_key, address, group_chat_id, kind, body, quoted_provider_message_id, state, received_at,
        media, media_reference_encrypted)
      values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
      on conflict on constraint inbound_messages_once do nothing`,
    values: [
      message.id,
      message.accountId,
      message.deviceKey,
      message.eventKey,
      storableText(message.address, ID_CHARS_MAX),
      message.groupChatId && storableText(message.groupChatId, ID_CHARS_MAX),
      message.kind,
      storableText(message.body, BODY_CHARS_MAX),
      message.quotedProviderMessageId &&
        storableText(message.quotedProviderMessageId, ID_CHARS_MAX),
      message.state,
      new Date(message.receivedAt),
      message.media ? shownOf(message.media) : null,
      message.media?.referenceEncrypted ?? null,
    ],
  });
  return rowCount === 1;
}

function shownOf({ type, contentType, fileName }: InboundMedia): object {
  return { type, contentType, fileName };
}

/** How it was understood and what came of it. */
export interface Interpretation {
  readonly state: InboundState;
  readonly userId: string | null;
  readonly groupId: string | null;
  readonly notificationId: string | null;
  readonly actId: string | null;
  /** Words of closed sets and ids; the text itself stays in `body`. */
  readonly detail: Readonly<Record<string, unknown>>;
  /** Privacy: what people say to each other in a group is none of ours. */
  readonly forgetBody: boolean;
}

export async function interpretInbound(
  client: pg.PoolClient,
  id: string,
  interpretation: Interpretation,
): Promise<void> {
  await client.query({
    name: "inbound-interpret",
    text: `
      update inbound_messages set state = $2, user_id = $3, group_id = $4, notification_id = $5, act_id = $6, interpretation = $7,
        body = case when $8 then '' else body end,
        media = case when $8 then null else media end,
        media_reference_encrypted = case when $8 then null else media_reference_encrypted end
      where id = $1`,
    values: [
      id,
      interpretation.state,
      interpretation.userId,
      interpretation.groupId,
      interpretation.notificationId,
      interpretation.actId,
      interpretation.detail,
      interpretation.forgetBody,
    ],
  });
}

/** What an earlier delivery of the same event was found to mean; null when there was none. */
export async function readInterpretation(
  db: pg.Pool | pg.PoolClient,
  deviceKey: string,
  eventKey: string,
): Promise<Readonly<Record<string, unknown>> | null> {
  const { rows } = await db.query<{ interpretation: Record<string, unknown> | null }>({
    name: "inbound-read",
    text: "select interpretation from inbound_messages where device_key = $1 and event_key = $2",
    values: [deviceKey, eventKey],
  });
  return rows[0]?.interpretation ?? null;
}

/** A line of the notification's timeline: somebody answered, and how that was taken. */
export async function writeReplyEvent(
  client: pg.PoolClient,
  event: {
    readonly inboundId: string;
    readonly notificationId: string;
    readonly at: number;
    /** The person or group that wrote, where it has a row. */
    readonly target: string | null;
    readonly channel: string;
    readonly accountId: string;
    readonly reason: string;
    readonly detail: Readonly<Record<string, unknown>>;
  },
): Promise<void> {
  await client.query({
    name: "inbound-event",
    text: `
      insert into notification_events (notification_id, entry_key, at, kind, target, channel, account_id, reason, detail)
      values ($1, 'i:' || $2, $3, 'reply', $4, $5, $6, $7, $8)
      on conflict on constraint notification_events_once do nothing`,
    values: [
      event.notificationId,
      event.inboundId,
      new Date(event.at),
      event.target,
      event.channel,
      event.accountId,
      event.reason,
      event.detail,
    ],
  });
}
