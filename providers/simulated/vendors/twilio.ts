/**
 * Twilio: form bodies, HTTP Basic, errors as `{code, message, more_info, status}`; messages with status callbacks, calls
 * that carry out TwiML (twilio-calls.ts), STOP and START of recipients. WhatsApp addresses are refused: this sandbox's
 * WhatsApp is at the other vendors. An invalid `StatusCallbackEvent` doesn't fail the call but silences its callbacks,
 * as integrators saw. Field lists, patterns and enums follow twilio/twilio-oai `spec/json/twilio_api_v2010.json`; codes
 * follow https://www.twilio.com/docs/api/errors, checked September 2026.
 */
import { hexId } from "../ids.ts";
import type { SeenRequest } from "../seen.ts";
import { isAccountOf, newMessage } from "../world.ts";
import { CallSession } from "./twilio-calls.ts";
import { errorResponse, failureResponse, known, notFound } from "./twilio-errors.ts";
import {
  Form,
  VALIDITY_SECONDS_MAX,
  callOrder,
  callProblem,
  isAuthentic,
  isSender,
  messageProblem,
  readForm,
  whatWasAsked,
} from "./twilio-request.ts";
import {
  API_VERSION,
  callBody,
  listCalls,
  listMessages,
  messageBody,
  segmentsOf,
  statusWord,
} from "./twilio-resources.ts";
import { twilioDraft } from "./twilio-webhook.ts";
import { jsonResponse, seenRequest } from "./vendor.ts";
import type { PhoneCall } from "../calls.ts";
import type { Misfortune, ReceiptFate, Signing } from "../faults.ts";
import type { Network } from "../network.ts";
import type { Handset } from "../phones.ts";
import type { WorldTime } from "../time.ts";
import type { ReceiptLane, WebhookDraft } from "../webhooks.ts";
import type { Account, Message, World } from "../world.ts";
import type { CallParts } from "./twilio-calls.ts";
import type { TwilioError } from "./twilio-errors.ts";
import type { TwilioAccount } from "./twilio-request.ts";
import type {
  Acceptance,
  InboundReport,
  PersonAct,
  Reading,
  ReceiptChange,
  VendorRequest,
  VendorSimulator,
} from "./vendor.ts";

const STOP_WORDS = /^(stop|stopall|unsubscribe|cancel|end|quit)$/i;

const START_WORDS = /^(start|yes|unstop)$/i;

export function createTwilio(parts: {
  readonly world: World;
  readonly network: Network;
  readonly time: WorldTime;
  readonly newLane: (fate: ReceiptFate) => ReceiptLane;
  readonly calls: CallParts;
}): VendorSimulator {
  const { world, network, time, newLane } = parts;

  async function read(request: VendorRequest): Promise<Reading> {
    const match =
      /^\/2010-04-01\/Accounts\/(AC[0-9a-fA-F]{32})\/(Messages|Calls)(?:\/([A-Z]{2}[0-9a-fA-F]{32}))?\.json$/.exec(
        request.path,
      );
    const [, accountSid = "", resource = "", sid = ""] = match ?? [];
    const isPost = request.method === "POST";
    const form = isPost ? readForm(request) : new Form(new URLSearchParams());
    const candidates = world
      .accountsOf("twilio")
      .filter((account) => isAuthentic(account, request, accountSid));
    const account = candidates.find((candidate) => isSender(candidate, form)) ?? null;
    const owner = account ?? candidates[0] ?? null;
    const isCreation = isPost && sid === "" && match !== null;
    const kind =
      !isPost || match === null
        ? "other"
        : resource === "Messages"
          ? isCreation
            ? "message"
            : "other"
          : isCreation
            ? "call"
            : "hangup";
    const seen = seenRequest("twilio", request, isCreation ? account : owner, {
      kind,
      ...(isCreation ? whatWasAsked(form, resource) : {}),
    });
    if (owner === null) return refuse(seen, known(20003));
    if (match === null) return refuse(seen, notFound(request));
    if (owner.isBanned) return refuse(seen, known(20003));
    if (!owner.isOnline) return refuse(seen, known(20503));
    const isOfAccount = (id: string): boolean =>
      candidates.some((candidate) => candidate.id === id);
    if (resource === "Messages") {
      if (isCreation) return readMessage(account, seen, form);
      const message = world.messages.get(sid);
      if (!isPost && sid === "") {
        const messages = [...world.messages.values()].filter((entry) =>
          isOfAccount(entry.accountId),
        );
        return answered(seen, listMessages(request, accountSid, messages));
      }
      return isPost || message === undefined || !isOfAccount(message.accountId)
        ? refuse(seen, notFound(request))
        : answered(seen, messageBody(message, accountSid));
    }
    if (isCreation) return readCall(account, seen, form);
    if (sid === "") {
      const calls = [...world.calls.values()].filter((entry) => isOfAccount(entry.accountId));
      return answered(seen, listCalls(request, accountSid, calls));
    }
    const call = world.calls.get(sid);
    if (call === undefined || !isOfAccount(call.accountId)) return refuse(seen, notFound(request));
    return isPost
      ? readHangUp(call, accountSid, seen, form)
      : answered(seen, callBody(call, accountSid));
  }

  function readMessage(account: TwilioAccount | null, seen: SeenRequest, form: Form): Reading {
    const problem = messageProblem(form, account);
    if (problem !== null) return refuse(seen, problem);
    if (account === null) return refuse(seen, known(21606));
    if (account.optedOut.has(form.get("To"))) return refuse(seen, known(21610));
    return {
      seen: [seen],
      outcome: {
        kind: "accept",
        accept: ([misfortune]) => acceptMessage(account, seen, form, misfortune),
      },
    };
  }

  function acceptMessage(
    account: TwilioAccount,
    seen: SeenRequest,
    form: Form,
    misfortune: Misfortune | undefined,
  ): Acceptance {
    if (misfortune === undefined) throw new Error("every recipient has its misfortune");
    const hasMedia = form.all("MediaUrl").length > 0;
    const serviceSid = form.get("MessagingServiceSid");
    const validity = Number(form.get("ValidityPeriod") || VALIDITY_SECONDS_MAX);
    const message = newMessage({
      id: `${hasMedia ? "MM" : "SM"}${hexId(16)}`,
      networkId: null,
      vendor: "twilio",
      accountId: account.id,
      sender: account.config.sender,
      medium: "sms",
      to: seen.to,
      group: null,
      text: form.get("Body"),
      template: null,
      buttons: [],
      attachment: seen.attachment,
      deliveryKey: seen.deliveryKey,
      callbackUrl: form.get("StatusCallback") || null,
      acceptedAt: time.now(),
      messagingServiceSid: serviceSid === "" ? null : serviceSid,
      fate: misfortune.message,
      receipts: newLane(misfortune.receipts),
      expiry: { afterMs: validity * 1_000, code: "30036" },
    });
    world.keepMessage(message);
    return {
      response: jsonResponse(201, messageBody(message, account.config.credentials.accountSid)),
      providerMessageIds: [message.id],
      start: async (isEarly) => {
        if (isEarly) await network.startAtOnce(message);
        else network.start(message);
      },
    };
  }

  function readCall(account: TwilioAccount | null, seen: SeenRequest, form: Form): Reading {
    const problem = callProblem(form);
    if (problem !== null) return refuse(seen, problem);
    if (account === null || !account.config.sender.startsWith("+")) {
      return refuse(seen, {
        code: 21210,
        message: `The source phone number provided, ${form.get("From")}, is not yet verified for your account.`,
      });
    }
    return {
      seen: [seen],
      outcome: {
        kind: "accept",
        accept: ([misfortune]) => acceptCall(account, seen, form, misfortune),
      },
    };
  }

  function acceptCall(
    account: TwilioAccount,
    seen: SeenRequest,
    form: Form,
    misfortune: Misfortune | undefined,
  ): Acceptance {
    if (misfortune === undefined) throw new Error("every recipient has its misfortune");
    const call = new CallSession(
      parts.calls,
      `CA${hexId(16)}`,
      account,
      callOrder(form, seen.deliveryKey),
      misfortune,
      newLane(misfortune.receipts),
    );
    world.keepCall(call);
    return {
      response: jsonResponse(201, callBody(call, account.config.credentials.accountSid)),
      providerMessageIds: [call.id],
      start: (isEarly) => call.start(isEarly),
    };
  }

  function readHangUp(call: PhoneCall, accountSid: string, seen: SeenRequest, form: Form): Reading {
    const status = form.get("Status");
    const full: SeenRequest = {
      ...seen,
      accountId: call.accountId,
      sender: call.from,
      to: call.to,
      deliveryKey: call.deliveryKey,
    };
    if (status !== "completed" && status !== "canceled") {
      return refuse(full, { code: 21200, message: "Status must be completed or canceled" });
    }
    const isTooLate = call.isOver || (status === "canceled" && call.status === "in-progress");
    if (isTooLate) {
      return refuse(full, { code: 21220, message: "Call is not in-progress. Cannot redirect." });
    }
    return {
      seen: [full],
      outcome: {
        kind: "accept",
        accept: () => {
          call.end();
          return {
            response: jsonResponse(200, callBody(call, accountSid)),
            providerMessageIds: [call.id],
            start: () => Promise.resolve(),
          };
        },
      },
    };
  }

  function accountOf(message: Message): TwilioAccount | undefined {
    const account = world.accounts.get(message.accountId);
    return account !== undefined && isAccountOf(account, "twilio") ? account : undefined;
  }

  function receipts(
    message: Message,
    change: ReceiptChange,
    signing: Signing,
  ): readonly WebhookDraft[] {
    const account = accountOf(message);
    if (account === undefined || message.callbackUrl === null || change.status === "read")
      return [];
    const status = statusWord(change.status, change.code);
    const isByCarrier = status === "delivered" || status === "undelivered";
    return [
      twilioDraft(account, {
        kind: "receipt",
        url: message.callbackUrl,
        method: "POST",
        parameters: {
          SmsSid: message.id,
          SmsStatus: status,
          MessageStatus: status,
          To: message.to ?? "",
          ...(message.messagingServiceSid === null
            ? {}
            : { MessagingServiceSid: message.messagingServiceSid }),
          MessageSid: message.id,
          AccountSid: account.config.credentials.accountSid,
          From: account.config.sender,
          ApiVersion: API_VERSION,
          ...(isByCarrier ? { RawDlrDoneDate: dlrDate(time.now()) } : {}),
          ...(change.code === null ? {} : { ErrorCode: change.code }),
        },
        providerMessageId: message.id,
        signing,
      }),
    ];
  }

  function inbound(account: Account, handset: Handset, act: PersonAct): InboundReport {
    if (!isAccountOf(account, "twilio")) return { kind: "unreported", reason: "another vendor" };
    if (act.kind !== "text") return { kind: "unreported", reason: "an SMS is only text" };
    const { credentials, messagingServiceSid, sender, webhookUrl } = account.config;
    if (!sender.startsWith("+")) {
      return { kind: "unreported", reason: "an alphanumeric sender can't be answered" };
    }
    if (STOP_WORDS.test(act.text.trim())) account.optedOut.add(handset.phone);
    if (START_WORDS.test(act.text.trim())) account.optedOut.delete(handset.phone);
    if (webhookUrl === null) return { kind: "unreported", reason: "the number has no webhook" };
    const sid = `SM${hexId(16)}`;
    const draft = twilioDraft(account, {
      kind: "inbound",
      url: webhookUrl,
      method: "POST",
      parameters: {
        SmsMessageSid: sid,
        NumMedia: "0",
        SmsSid: sid,
        SmsStatus: "received",
        Body: act.text,
        To: sender,
        ...(messagingServiceSid === null ? {} : { MessagingServiceSid: messagingServiceSid }),
        NumSegments: String(segmentsOf(act.text)),
        MessageSid: sid,
        AccountSid: credentials.accountSid,
        From: handset.phone,
        ApiVersion: API_VERSION,
      },
      providerMessageId: sid,
    });
    return { kind: "report", draft, providerMessageId: sid };
  }

  return {
    vendor: "twilio",
    read,
    receipts,
    inbound,
    fail: failureResponse,
    failureCodes: { typical: "30003", notOnWhatsApp: "63024", notAMember: "30008" },
    queued: () => [],
    deviceChanged: () => [],
    templateChanged: () => [],
    tellsMembers: false,
  };
}

function answered(seen: SeenRequest, body: unknown): Reading {
  return {
    seen: [seen],
    outcome: { kind: "answer", response: jsonResponse(200, body), refusedAs: null },
  };
}

function refuse(seen: SeenRequest, error: TwilioError): Reading {
  return {
    seen: [seen],
    outcome: { kind: "answer", response: errorResponse(error), refusedAs: String(error.code) },
  };
}

/** YYMMDDhhmm. */
function dlrDate(ms: number): string {
  return new Date(ms).toISOString().replace(/\D/g, "").slice(2, 12);
}
