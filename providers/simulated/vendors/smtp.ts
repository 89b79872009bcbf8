/**
 * A mail server and the mailboxes behind it, as far as it decides: who may sign in, what he may send from, what becomes of a
 * message. The conversation itself is held by a real SMTP server (`../mail-server.ts`), which hands each step over as a
 * request; the answer's status is the reply's code and its body the reply's text. RFC 5321, RFC 3463; checked September 2026.
 */
import { simpleParser } from "mailparser";
import type { ParsedMail } from "mailparser";

import { newMessage } from "../world.ts";
import { seenRequest } from "./vendor.ts";
import type { Misfortune, ReceiptFate } from "../faults.ts";
import type { Network } from "../network.ts";
import type { AttachmentSeen, SeenRequest } from "../seen.ts";
import type { WorldTime } from "../time.ts";
import type { ReceiptLane } from "../webhooks.ts";
import type { Account, ConfigOf, Message, World } from "../world.ts";
import type {
  Acceptance,
  Failure,
  Reading,
  VendorRequest,
  VendorResponse,
  VendorSimulator,
} from "./vendor.ts";

type SmtpAccount = Account<ConfigOf<"smtp">>;

type MailSeen = Partial<SeenRequest> & Pick<SeenRequest, "text" | "title" | "link" | "attachment">;

export function createSmtp(parts: {
  readonly world: World;
  readonly network: Network;
  readonly time: WorldTime;
  readonly newLane: (fate: ReceiptFate) => ReceiptLane;
}): VendorSimulator {
  const { world, network, time, newLane } = parts;

  async function read(request: VendorRequest): Promise<Reading> {
    switch (request.method) {
      case "AUTH":
        return readSignIn(request);
      case "MAIL FROM":
        return readSender(request);
      case "RCPT TO":
        return readRecipient(request);
      default:
        return readMessage(request);
    }
  }

  function accountOf(request: VendorRequest): SmtpAccount | null {
    const user = request.query.get("user") ?? "";
    return world.accountsOf("smtp").find(({ config }) => config.credentials.user === user) ?? null;
  }

  function readSignIn(request: VendorRequest): Reading {
    const account = accountOf(request);
    const isRight = account?.config.credentials.password === request.query.get("password");
    return answered(request, account, {}, isRight ? reply(235, "2.7.0 Welcome") : WRONG_PASSWORD);
  }

  function readSender(request: VendorRequest): Reading {
    const account = accountOf(request);
    if (account === null) return answered(request, null, MESSAGE, SIGN_IN_FIRST);
    const from = (request.query.get("from") ?? "").toLowerCase();
    const isOwn = from === account.config.sender;
    return answered(
      request,
      account,
      isOwn ? {} : MESSAGE,
      isOwn
        ? reply(250, "2.1.0 Ok")
        : reply(553, "5.7.1 Sender address rejected: not owned by user"),
    );
  }

  /** What would be refused before the message; the rest is decided when it is there. */
  function readRecipient(request: VendorRequest): Reading {
    const account = accountOf(request);
    const to = request.query.get("to");
    const seen = { ...MESSAGE, to };
    if (account === null) return answered(request, null, seen, SIGN_IN_FIRST);
    if (account.isBanned) return answered(request, account, seen, SUSPENDED);
    if (!account.isOnline) return answered(request, account, seen, AWAY);
    if (!/^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(to ?? "")) {
      return answered(request, account, seen, reply(553, "5.1.3 Bad recipient address syntax"));
    }
    return answered(request, account, seen, reply(250, "2.1.5 Ok"));
  }

  async function readMessage(request: VendorRequest): Promise<Reading> {
    const account = accountOf(request);
    const recipients = request.query.getAll("to");
    const mail = await simpleParser(request.body, { skipTextToHtml: true });
    const seen = seenIn(mail);
    const [first, ...others] = recipients.map((to) =>
      seenRequest("smtp", request, account, { ...MESSAGE, ...seen, to: to.toLowerCase() }),
    );
    if (account === null || first === undefined) {
      return answered(request, account, MESSAGE, SIGN_IN_FIRST);
    }
    const id = mail.messageId ?? `<${world.nextNumber()}@simulated.example>`;
    if (mail.from === undefined || mail.date === undefined) {
      const response = reply(550, "5.6.0 Message has no From or no Date");
      return { seen: [first, ...others], outcome: refusedWith(response) };
    }
    return {
      seen: [first, ...others],
      outcome: {
        kind: "accept",
        accept: (misfortunes) => accept(account, recipients, id, seen, misfortunes),
      },
    };
  }

  function accept(
    account: SmtpAccount,
    recipients: readonly string[],
    id: string,
    seen: MailSeen,
    misfortunes: readonly Misfortune[],
  ): Acceptance {
    const made = recipients.map((to, index) =>
      makeMessage(account, to.toLowerCase(), id, seen, misfortunes[index]),
    );
    // A mailbox shows a message with a known id once.
    const fresh = made.filter(({ to }) => world.messages.get(id)?.to !== to);
    for (const message of fresh) world.keepMessage(message);
    return {
      response: reply(250, `2.0.0 Ok: queued as ${world.nextNumber()}`),
      providerMessageIds: made.map(() => id),
      start: async (isEarly) => {
        for (const message of fresh) {
          if (isEarly) await network.startAtOnce(message);
          else network.start(message);
        }
      },
    };
  }

  function makeMessage(
    account: SmtpAccount,
    to: string,
    id: string,
    seen: MailSeen,
    misfortune: Misfortune | undefined,
  ): Message {
    if (misfortune === undefined) throw new Error("every recipient has its misfortune");
    return newMessage({
      id,
      networkId: null,
      vendor: "smtp",
      accountId: account.id,
      sender: account.config.sender,
      medium: "email",
      to,
      group: null,
      title: seen.title,
      text: seen.text ?? "",
      link: seen.link,
      template: null,
      buttons: [],
      attachment: seen.attachment,
      deliveryKey: seen.deliveryKey ?? null,
      callbackUrl: null,
      acceptedAt: time.now(),
      messagingServiceSid: null,
      fate: misfortune.message,
      receipts: newLane(misfortune.receipts),
      expiry: null,
    });
  }

  return {
    vendor: "smtp",
    read,
    fail,
    failureCodes: { typical: "550 5.1.1", notOnWhatsApp: "550 5.1.1", notAMember: "550 5.1.1" },
    receipts: () => [],
    inbound: () => ({ kind: "unreported", reason: "nobody reads the sender's mailbox" }),
    queued: () => [],
    deviceChanged: () => [],
    templateChanged: () => [],
    tellsMembers: false,
  };
}

const MESSAGE = { kind: "message" } as const;

const WRONG_PASSWORD = reply(535, "5.7.8 Authentication credentials invalid");
const SIGN_IN_FIRST = reply(530, "5.7.0 Authentication required");
const SUSPENDED = reply(535, "5.7.8 This account is suspended");
const AWAY = reply(421, "4.3.2 Service not available, closing transmission channel");

function reply(code: number, text: string): VendorResponse {
  return { status: code, headers: {}, body: text };
}

function answered(
  request: VendorRequest,
  account: SmtpAccount | null,
  seen: Partial<SeenRequest>,
  response: VendorResponse,
): Reading {
  return {
    seen: [seenRequest("smtp", request, account, seen)],
    outcome:
      response.status < 400 ? { kind: "answer", response, refusedAs: null } : refusedWith(response),
  };
}

function refusedWith(response: VendorResponse): Reading["outcome"] {
  return { kind: "answer", response, refusedAs: `${response.status}` };
}

function seenIn(mail: ParsedMail): MailSeen {
  const html = typeof mail.html === "string" ? mail.html : "";
  const [file] = mail.attachments;
  return {
    title: mail.subject ?? null,
    text: mail.text?.replace(/\n$/, "") ?? null,
    link: /<a href="([^"]+)"/.exec(html)?.[1]?.replaceAll("&amp;", "&") ?? null,
    attachment: file === undefined ? null : attachmentSeen(file.contentType, file.filename),
    deliveryKey: /^<(.+)@/.exec(mail.messageId ?? "")?.[1] ?? null,
    details: {
      messageId: mail.messageId ?? "",
      from: mail.from?.text ?? "",
      replyTo: mail.replyTo?.text ?? "",
      autoSubmitted: headerOf(mail, "auto-submitted"),
      html,
    },
  };
}

function headerOf(mail: ParsedMail, name: string): string {
  const value = mail.headers.get(name);
  return typeof value === "string" ? value : "";
}

function attachmentSeen(contentType: string, fileName: string | undefined): AttachmentSeen {
  const kind = contentType.startsWith("image/") ? "image" : "document";
  return { kind, url: null, fileName: fileName ?? null };
}

/** A code as "550" or "550 5.1.1", perhaps with the step before it. */
function fail(failure: Failure): VendorResponse {
  switch (failure.kind) {
    case "rate_limited":
      return reply(451, "4.7.1 Please try again later");
    case "server_error":
      return reply(421, "4.3.2 Service not available, closing transmission channel");
    case "unauthorized":
      return SIGN_IN_FIRST;
    case "banned":
      return SUSPENDED;
    case "refused": {
      const match = /([45]\d{2})(?: ([45]\.\d+\.\d+))?$/.exec(failure.code ?? "550 5.1.1");
      const enhanced = match?.[2] === undefined ? "" : `${match[2]} `;
      return reply(Number(match?.[1] ?? 550), `${enhanced}Refused`);
    }
  }
}
