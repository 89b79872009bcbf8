import { createHash } from "node:crypto";

import {
  evolutionPost,
  fonntePost,
  gowaPost,
  metaPost,
  twilioPost,
  wablasPost,
  wahaPost,
  woowaPost,
} from "./vendors.ts";
import type { VendorAccount, VendorPost } from "./vendors.ts";

/** What a person writes, reacts or presses, as each vendor reports it. */
export type Words = {
  readonly text?: string;
  readonly quote?: string;
  readonly reaction?: string;
  readonly button?: { readonly id: string; readonly title: string };
  /** The vendor's own name of this event; another one each time if left out. */
  readonly id?: string;
  /** E.164; null: the vendor tells the alias alone. */
  readonly from: string | null;
  /** Digits: what WhatsApp says instead of a number. */
  readonly alias?: string;
  readonly group?: string;
  /** Epoch ms. */
  readonly at?: number;
};

const NAME = "Nama di WhatsApp";
let eventId = 1_000;

export function replyPost(account: VendorAccount, words: Words): VendorPost {
  const id = words.id ?? String((eventId += 1));
  const seconds = Math.floor((words.at ?? Date.now()) / 1000);
  const one: Reported = { ...words, id, seconds };
  switch (account.provider) {
    case "fonnte": {
      const writer = digitsOf(one) ?? `${one.alias ?? ""}@lid`;
      return fonntePost(account, {
        ...(one.group === undefined ? { sender: writer } : { sender: one.group, member: writer }),
        message: one.text ?? "",
        inboxid: id,
        timestamp: String(seconds),
        name: NAME,
      });
    }
    case "wablas":
      return wablasPost(account, {
        phone: digitsOf(one) ?? `${one.alias ?? ""}@lid`,
        message: one.text ?? "",
        messageType: "text",
        isGroup: "false",
        id,
        timestamp: String(seconds),
        pushName: NAME,
      });
    case "woowa":
      return woowaPost(account, {
        from: digitsOf(one) ?? `${one.alias ?? ""}@lid`,
        message: one.text ?? "",
        message_id: id,
        time: String(seconds),
        name: NAME,
      });
    case "evolution":
      return evolutionReply(account, one);
    case "waha":
      return wahaReply(account, one);
    case "gowa":
      return gowaReply(account, one);
    case "meta":
      return metaReply(account, one);
    case "twilio-sms":
      return twilioPost(account, {
        MessageSid: `SM${id.padStart(32, "0")}`,
        From: one.from ?? "",
        To: "+6281234000091",
        Body: one.text ?? "",
        NumMedia: "0",
      });
    case "twilio-voice":
      throw new Error("nobody writes to a call");
  }
}

type Reported = Words & { readonly id: string; readonly seconds: number };

function digitsOf({ from }: Words): string | null {
  return from?.replace("+", "") ?? null;
}

function aliasOf({ alias }: Words): string | null {
  return alias === undefined ? null : `${alias}@lid`;
}

/** The gateways on WhatsApp Web name the writer by the alias where there is one, and the number beside it where they know it. */
function evolutionReply(account: VendorAccount, one: Reported): VendorPost {
  const phone = one.from === null ? null : `${digitsOf(one)}@s.whatsapp.net`;
  const writer = aliasOf(one) ?? phone ?? "";
  const beside = writer === phone ? null : phone;
  const isReaction = one.reaction !== undefined;
  return evolutionPost(account, "messages.upsert", {
    key: {
      ...(one.group === undefined
        ? { remoteJid: writer, ...(beside ? { remoteJidAlt: beside } : {}) }
        : {
            remoteJid: one.group,
            participant: writer,
            ...(beside ? { participantAlt: beside } : {}),
          }),
      fromMe: false,
      id: one.id,
    },
    pushName: NAME,
    message: isReaction
      ? { reactionMessage: { key: { id: one.quote }, text: one.reaction } }
      : { conversation: one.text ?? "" },
    ...(one.quote && !isReaction ? { contextInfo: { stanzaId: one.quote } } : {}),
    messageTimestamp: one.seconds,
  });
}

function wahaReply(account: VendorAccount, one: Reported): VendorPost {
  const phone = one.from === null ? null : `${digitsOf(one)}@c.us`;
  const writer = aliasOf(one) ?? phone ?? "";
  const chat = one.group ?? writer;
  const beside = writer === phone || one.from === null ? null : `${digitsOf(one)}@s.whatsapp.net`;
  const isGroup = one.group !== undefined;
  const payload = {
    id: `false_${chat}_${keyOf(one.id)}${isGroup ? `_${writer}` : ""}`,
    timestamp: one.seconds,
    from: chat,
    fromMe: false,
    ...(isGroup ? { participant: writer } : {}),
    _data: {
      notifyName: NAME,
      key: beside === null ? {} : isGroup ? { participantAlt: beside } : { remoteJidAlt: beside },
    },
  };
  return one.reaction === undefined
    ? wahaPost(account, "message", {
        ...payload,
        body: one.text ?? "",
        hasMedia: false,
        ...(one.quote === undefined ? {} : { replyTo: { id: one.quote } }),
      })
    : wahaPost(account, "message.reaction", {
        ...payload,
        reaction: { text: one.reaction, messageId: `true_${chat}_${one.quote ?? ""}` },
      });
}

function gowaReply(account: VendorAccount, one: Reported): VendorPost {
  const phone = one.from === null ? null : `${digitsOf(one)}@s.whatsapp.net`;
  const writer = phone ?? aliasOf(one) ?? "";
  const payload = {
    id: keyOf(one.id),
    chat_id: one.group ?? writer,
    from: writer,
    ...(one.alias === undefined ? {} : { from_lid: aliasOf(one) }),
    from_name: NAME,
    timestamp: new Date(one.seconds * 1000).toISOString(),
    is_from_me: false,
  };
  return one.reaction === undefined
    ? gowaPost(account, "message", {
        ...payload,
        body: one.text ?? "",
        ...(one.quote === undefined ? {} : { replied_to_id: one.quote }),
      })
    : gowaPost(account, "message.reaction", {
        ...payload,
        reaction: one.reaction,
        reacted_message_id: one.quote,
      });
}

function metaReply(account: VendorAccount, one: Reported): VendorPost {
  const from = digitsOf(one);
  return metaPost(account, {
    ...(from === null ? {} : { contacts: [{ wa_id: from, profile: { name: NAME } }] }),
    messages: [
      {
        ...(from === null ? {} : { from }),
        ...(one.alias === undefined ? {} : { from_user_id: `ID.${one.alias}` }),
        id: `wamid.IN${one.id}`,
        timestamp: String(one.seconds),
        ...(one.quote && one.reaction === undefined ? { context: { id: one.quote } } : {}),
        ...(one.reaction !== undefined
          ? { type: "reaction", reaction: { message_id: one.quote, emoji: one.reaction } }
          : one.button
            ? { type: "button", button: { payload: one.button.id, text: one.button.title } }
            : { type: "text", text: { body: one.text ?? "" } }),
      },
    ],
  });
}

/** A key as WhatsApp makes them, the same for the same event. */
function keyOf(id: string): string {
  return `3EB0${createHash("sha256").update(id).digest("hex").slice(0, 18).toUpperCase()}`;
}
