/**
 * What a person wrote, from the vendor's event to its effect: stored once, tied to a person and a notification, carried out by the referee, answered in the same
 * chat. All of it is one transaction, so that a repeat finds everything or nothing; runs are told, and the answer sent, behind it.
 */
import type pg from "pg";
import { markAnswerStarted } from "../../db/answers.ts";
import { insertInbound } from "../../db/inbound.ts";
import type { InboundMedia } from "../../db/inbound.ts";
import {
  findWriter,
  isEcho,
  loadReplyFacts,
  openWindow,
  rememberAliases,
  rememberMemberAliases,
} from "../../db/replies.ts";
import type { ReplyWriter } from "../../db/replies.ts";
import { sealSecret } from "../../db/sealed-secret.ts";
import { storableText } from "../../db/storable-text.ts";
import { withTransaction } from "../../db/transaction.ts";
import { decideReply } from "../../domain/reply-decision.ts";
import type { ReplyDecision } from "../../domain/reply-decision.ts";
import { replyWords } from "../../domain/reply.ts";
import type { ReplyWords } from "../../domain/reply.ts";
import type { ReplyEvent } from "../../providers/provider.ts";
import {
  carryOut,
  carryOutVerification,
  interpret,
  NOTHING_LEFT,
  personalChannel,
} from "./carry-out-reply.ts";
import type { Aftermath } from "./carry-out-reply.ts";
import type { EventDeps, Received } from "./inbound-deps.ts";
import { toFacts, VENDOR_CLOCK_MS } from "./reply-facts.ts";
import { readSaid, toMessage } from "./reply-message.ts";
import type { ReplyMessage } from "./reply-message.ts";
import { signalAct } from "./tell-run.ts";
import { verifyByMessage } from "./verify-by-message.ts";

export async function recordReply(deps: EventDeps, received: Received<ReplyEvent>): Promise<void> {
  const words = await deps.inbound.readWords();
  const { told, answer, stale, staleBy } = await withTransaction(deps.pool, (client) =>
    store(client, deps, received, (locale) => replyWords(words, locale)),
  );
  deps.replanner.tell(stale, staleBy, new Date(received.receivedAt));
  for (const { workflowId, act } of told) {
    if (act.kind !== "rate") signalAct(deps, workflowId, act);
    deps.announce?.({ kind: "act", actId: act.actId });
  }
  if (answer !== null) {
    deps.background.run(async () => {
      await deps.inbound.startAnswer(answer);
      await markAnswerStarted(deps.pool, answer.inboundMessageId);
    });
  }
}

async function store(
  client: pg.PoolClient,
  deps: EventDeps,
  received: Received<ReplyEvent>,
  wordsFor: (locale: string) => ReplyWords,
): Promise<Aftermath> {
  const { account, event, receivedAt } = received;
  const { deviceKey } = account.row;
  const message = toMessage(event, receivedAt);
  const address = message.from[0]?.value ?? "";
  const isNew = await insertInbound(client, {
    id: message.inboundId,
    accountId: account.row.id,
    deviceKey,
    eventKey: event.eventKey,
    address,
    groupChatId: message.groupChatId,
    kind: message.kind,
    body: message.body,
    quotedProviderMessageId: event.quotedMessageId,
    media: sealedMedia(deps.secretKey, message.inboundId, event.media),
    state: "ignored",
    receivedAt,
  });
  if (!isNew) return NOTHING_LEFT;
  const { groupChatId } = message;
  if (
    groupChatId !== null &&
    (await isEcho(client, {
      id: message.inboundId,
      deviceKey,
      groupChatId,
      address,
      body: message.body,
      receivedAt,
    }))
  ) {
    await interpret(client, message.inboundId, { state: "ignored", detail: { echo: true } });
    return NOTHING_LEFT;
  }
  // Ordering: before the writer is looked up, because it says who that is.
  const verification = await verifyByMessage(client, {
    ...message,
    accountId: account.row.id,
    text: message.via === "reply" ? event.text : "",
    channel: personalChannel(account.row),
    nowMs: receivedAt,
  });
  const writer = await findWriter(client, message.from, groupChatId);
  const addresses = await meetWriter(client, deps, received, message, writer);
  if (verification !== null) {
    const met = { message, writer, addresses, quotedTo: null };
    return carryOutVerification(client, deps, received, met, verification);
  }
  const said = readSaid(event, message, wordsFor(writer.user?.locale ?? deps.inbound.locale));
  const found = await loadReplyFacts(client, {
    deviceKey,
    userId: writer.user?.id ?? null,
    groupChatId,
    groupId: writer.group?.id ?? null,
    addresses,
    code: "code" in said ? said.code : null,
    quotedProviderMessageId: event.quotedMessageId,
    now: receivedAt,
    writtenBy: (event.at ?? receivedAt) + VENDOR_CLOCK_MS,
    address,
    consentChannel:
      said.kind === "stop" || said.kind === "start" ? personalChannel(account.row) : null,
  });
  const facts = toFacts(received, message, writer, said, found);
  return carryOut(client, deps, received, {
    message,
    writer,
    addresses,
    quotedTo: found.quotedTo,
    facts,
    decision: isTakenBack(event) ? TAKEN_BACK : decideReply(facts),
  });
}

const MEDIA_CHARS_MAX = 200;

/** Privacy: the reference opens the file for whoever has it (some vendors' addresses carry their secret), so it is kept sealed. */
function sealedMedia(
  secretKey: Uint8Array,
  inboundId: string,
  media: ReplyEvent["media"],
): InboundMedia | null {
  if (media === null) return null;
  const short = (text: string | null): string | null =>
    text === null ? null : storableText(text, MEDIA_CHARS_MAX);
  return {
    type: storableText(media.type, MEDIA_CHARS_MAX),
    contentType: short(media.contentType),
    fileName: short(media.fileName),
    referenceEncrypted:
      media.reference === null
        ? null
        : sealSecret(media.reference, secretKey, {
            purpose: "inbound_media",
            accountId: inboundId,
          }),
  };
}

const TAKEN_BACK: ReplyDecision = { kind: "ignore", reason: "taken_back", notificationId: null };

function isTakenBack(event: ReplyEvent): boolean {
  return event.reaction === "";
}

/** Keeps what the message teaches about its writer; returns the addresses under which we write to this person's chat. */
async function meetWriter(
  client: pg.PoolClient,
  { now }: EventDeps,
  { account, event, receivedAt }: Received<ReplyEvent>,
  { from, groupChatId }: ReplyMessage,
  { user, group, member }: ReplyWriter,
): Promise<readonly string[]> {
  const named = from.filter(({ kind }) => kind === "phone").map(({ value }) => value);
  const newAliases = from.filter(
    ({ kind, value }) => kind !== "phone" && user !== null && !user.aliases.includes(value),
  );
  // Only a number ties an alias to a person: an alias that came alone found nobody.
  if (user !== null && named.length > 0) await rememberAliases(client, user.id, newAliases, now());
  if (user === null && member !== null && group !== null) {
    const aliases = from.flatMap(({ kind, value }) => (kind === "phone" ? [] : [value]));
    await rememberMemberAliases(client, group.id, named, aliases);
  }
  const addresses = [...new Set([...named, ...(user?.phones ?? [])])];
  // Taking a reaction back is no word to us, and Meta doesn't say that it counts as one.
  if (groupChatId === null && addresses.length > 0 && !isTakenBack(event)) {
    const opened = named.length > 0 ? named : addresses.slice(0, 1);
    const at = Math.min(event.at ?? receivedAt, receivedAt);
    await openWindow(client, account.row.deviceKey, opened, at);
  }
  return addresses;
}
