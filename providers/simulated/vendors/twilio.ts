/**
 * Twilio: form bodies, HTTP Basic, errors as `{code, message, more_info, status}`; messages with status callbacks, calls
 * that carry out TwiML (twilio-calls.ts), STOP and START of recipients. WhatsApp addresses are refused: this sandbox's
 * WhatsApp is at the other vendors. An invalid `StatusCallbackEvent` doesn't fail the call but silences its callbacks,
 * as integrators saw. Field lists, patterns and enums follow twilio/twilio-oai `spec/json/twilio_api_v2010.json`; codes
 * follow https://www.twilio.com/docs/api/errors, checked September 2026.
 */
import { phoneFrom } from "../phones.ts";
import { hexId, isAccountOf, newMessage } from "../world.ts";
import { CALL_EVENTS, CallSession } from "./twilio-calls.ts";
import { twilioDraft } from "./twilio-webhook.ts";
import { firstQueryValue, isWebAddress, jsonResponse } from "./vendor.ts";
import type { Misfortune, ReceiptFate } from "../faults.ts";
import type { SeenRequest } from "../log.ts";
import type { Network } from "../network.ts";
import type { Handset } from "../phones.ts";
import type { WorldTime } from "../time.ts";
import type { ReceiptLane, WebhookDraft } from "../webhooks.ts";
import type { Account, ConfigOf, Message, World } from "../world.ts";
import type { CallEvent, CallOrder, CallParts } from "./twilio-calls.ts";
import type {
  Acceptance,
  Failure,
  InboundReport,
  PersonAct,
  Reading,
  ReceiptChange,
  VendorRequest,
  VendorResponse,
  VendorSimulator,
} from "./vendor.ts";

type TwilioAccount = Account<ConfigOf<"twilio">>;
type TwilioError = { readonly code: number; readonly message: string };

const API_VERSION = "2010-04-01";
const BODY_CHARS_MAX = 1_600;
const MEDIA_MAX = 10;
const TWIML_CHARS_MAX = 4_000;
const VALIDITY_SECONDS_MAX = 36_000;
const RING_SECONDS = { default: 60, max: 600 } as const;
const TALK_SECONDS = { default: 14_400, max: 86_400 } as const;
const PAGE_SIZE = { default: 50, max: 1_000 } as const;

const STOP_WORDS = /^(stop|stopall|unsubscribe|cancel|end|quit)$/i;
const START_WORDS = /^(start|yes|unstop)$/i;

/** HTTP status of each refusal that isn't 400. */
const STATUS_OF: Readonly<Record<number, number>> = {
  20003: 401,
  20404: 404,
  20429: 429,
  20500: 500,
  20503: 503,
  21408: 403,
};

const MESSAGE_OF: Readonly<Record<number, string>> = {
  20003: "Authenticate",
  20404: "The requested resource was not found",
  20429: "Too Many Requests",
  20500: "Internal Server Error",
  20503: "Service unavailable",
  21211: "The 'To' number is not a valid phone number.",
  21214: "'To' phone number cannot be reached",
  21215:
    "Account not authorized to call this number. Perhaps you need to enable some international permissions",
  21408:
    "Permission to send an SMS has not been enabled for the region indicated by the 'To' number.",
  21606:
    "The 'From' phone number provided is not a valid, message-capable Twilio phone number for this destination",
  21608: "The number is unverified. Trial accounts cannot send messages to unverified numbers.",
  21610: "Attempt to send to unsubscribed recipient",
  21612: "The 'To' phone number is not currently reachable using the 'From' phone number via SMS",
  21614: "'To' number is not a valid mobile number",
  30001: "Queue overflow",
  30002: "Account suspended",
  90009: "Message SID already exists",
};

/** Reported by a carrier, so `undelivered`; the others are Twilio's own, so `failed`. */
const CARRIER_CODES: readonly string[] = [
  "30003",
  "30004",
  "30005",
  "30006",
  "30007",
  "30008",
  "30410",
];

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
    const seen = seenRequest(request, isCreation ? account : owner, {
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
      const calls = [...world.calls.values()].filter((entry) => isOfAccount(entry.account.id));
      return answered(seen, listCalls(request, accountSid, calls));
    }
    const call = world.calls.get(sid);
    if (call === undefined || !isOfAccount(call.account.id)) return refuse(seen, notFound(request));
    return isPost ? readHangUp(call, seen, form) : answered(seen, callBody(call));
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
      response: jsonResponse(201, callBody(call)),
      providerMessageIds: [call.id],
      start: (isEarly) => call.start(isEarly),
    };
  }

  function readHangUp(call: CallSession, seen: SeenRequest, form: Form): Reading {
    const status = form.get("Status");
    const full: SeenRequest = {
      ...seen,
      accountId: call.account.id,
      sender: call.account.config.sender,
      to: call.order.to,
      deliveryKey: call.order.deliveryKey,
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
            response: jsonResponse(200, callBody(call)),
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
    isForged: boolean,
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
        isForged,
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
        ToCountry: "ID",
        SmsMessageSid: sid,
        NumMedia: "0",
        SmsSid: sid,
        SmsStatus: "received",
        Body: act.text,
        FromCountry: "ID",
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

/** A form in which a name may come more than once. */
class Form {
  readonly #entries: URLSearchParams;

  constructor(entries: URLSearchParams) {
    this.#entries = entries;
  }

  /** "" when it is missing. */
  get(name: string): string {
    return this.#entries.get(name) ?? "";
  }

  has(name: string): boolean {
    return this.#entries.has(name);
  }

  all(name: string): readonly string[] {
    return this.#entries.getAll(name);
  }
}

function readForm(request: VendorRequest): Form {
  const isForm = /^application\/x-www-form-urlencoded\b/i.test(
    request.headers["content-type"] ?? "",
  );
  return new Form(new URLSearchParams(isForm ? request.body.toString("utf8") : ""));
}

function isAuthentic(account: TwilioAccount, request: VendorRequest, accountSid: string): boolean {
  const encoded = /^Basic (.+)$/.exec(request.headers.authorization ?? "")?.[1] ?? "";
  const given = Buffer.from(encoded, "base64").toString("utf8");
  const { apiKeySecret, apiKeySid, authToken, accountSid: ownSid } = account.config.credentials;
  if (accountSid !== "" && accountSid !== ownSid) return false;
  return (
    given === `${ownSid}:${authToken}` ||
    (apiKeySid !== null && apiKeySecret !== null && given === `${apiKeySid}:${apiKeySecret}`)
  );
}

function isSender(account: TwilioAccount, form: Form): boolean {
  const { messagingServiceSid, sender } = account.config;
  return form.has("From")
    ? form.get("From") === sender
    : messagingServiceSid !== null && form.get("MessagingServiceSid") === messagingServiceSid;
}

function seenRequest(
  request: VendorRequest,
  account: TwilioAccount | null,
  fields: Partial<SeenRequest>,
): SeenRequest {
  return {
    vendor: "twilio",
    accountId: account?.id ?? null,
    sender: account?.config.sender ?? null,
    kind: "other",
    method: request.method,
    path: request.path,
    to: null,
    group: null,
    text: null,
    template: null,
    buttons: [],
    attachment: null,
    deliveryKey: null,
    ...fields,
  };
}

/** As much of the request as can be told, valid or not. A call's text is its inline TwiML. */
function whatWasAsked(form: Form, resource: string): Partial<SeenRequest> {
  const isMessage = resource === "Messages";
  const [media] = form.all("MediaUrl");
  return {
    to: form.get("To") || null,
    text: (isMessage ? form.get("Body") : form.get("Twiml")) || null,
    attachment: media === undefined ? null : { kind: "file", url: media, fileName: null },
    deliveryKey:
      firstQueryValue(form.get("StatusCallback") || null) ??
      (isMessage ? null : firstQueryValue(form.get("Url") || null)),
  };
}

function messageProblem(form: Form, account: TwilioAccount | null): TwilioError | null {
  const to = form.get("To");
  if (to === "") return { code: 21604, message: "A 'To' phone number is required." };
  const hasFrom = form.has("From") && form.get("From") !== "";
  if (!hasFrom && !form.has("MessagingServiceSid")) {
    return { code: 21603, message: "A 'From' phone number is required." };
  }
  if (to.startsWith("whatsapp:") || form.get("From").startsWith("whatsapp:")) {
    return {
      code: 63007,
      message: "Twilio could not find a Channel with the specified From address",
    };
  }
  if (!isE164(to)) {
    return { code: 21211, message: `Invalid 'To' Phone Number: ${masked(to)}` };
  }
  if (!hasFrom && account === null) {
    return { code: 21701, message: "The Messaging Service does not exist" };
  }
  const body = form.get("Body");
  const media = form.all("MediaUrl");
  if (body === "" && media.length === 0 && form.get("ContentSid") === "") {
    return { code: 21602, message: "Message body is required." };
  }
  if (body.length > BODY_CHARS_MAX) {
    return {
      code: 21617,
      message: `The concatenated message body exceeds the ${BODY_CHARS_MAX} character limit`,
    };
  }
  if (media.length > MEDIA_MAX || !media.every(isWebAddress)) {
    return { code: 21620, message: "Invalid media URL(s)" };
  }
  if (form.has("StatusCallback") && !isCallbackAddress(form.get("StatusCallback"))) {
    return { code: 21609, message: "The 'StatusCallback' URL is not a valid URL." };
  }
  if (
    form.has("ValidityPeriod") &&
    !isWithin(form.get("ValidityPeriod"), 1, VALIDITY_SECONDS_MAX)
  ) {
    return { code: 21624, message: "Invalid validity period value" };
  }
  return null;
}

function callProblem(form: Form): TwilioError | null {
  const to = form.get("To");
  if (to === "") return { code: 21201, message: "No 'To' number is specified" };
  if (form.get("From") === "") return { code: 21213, message: "No 'From' number is specified" };
  if (!isE164(to)) {
    return {
      code: 21211,
      message: `The phone number you are attempting to call, ${masked(to)}, is not valid.`,
    };
  }
  const url = form.get("Url");
  const hasInstructions =
    url !== "" || form.get("Twiml") !== "" || form.get("ApplicationSid") !== "";
  if (!hasInstructions) return { code: 21205, message: "Url parameter is required." };
  if (url !== "" && !isCallbackAddress(url)) {
    return { code: 21205, message: "Url is not a valid URL" };
  }
  if (form.get("Twiml").length > TWIML_CHARS_MAX) {
    return { code: 21200, message: `Twiml exceeds the ${TWIML_CHARS_MAX} character limit` };
  }
  if (form.has("StatusCallback") && !isCallbackAddress(form.get("StatusCallback"))) {
    return { code: 21609, message: "The 'StatusCallback' URL is not a valid URL." };
  }
  const methods = ["Method", "StatusCallbackMethod", "AsyncAmdStatusCallbackMethod"];
  if (methods.some((name) => form.has(name) && !/^(GET|POST)$/i.test(form.get(name)))) {
    return { code: 21200, message: "Methods must be GET or POST" };
  }
  if (form.has("Timeout") && !isWithin(form.get("Timeout"), 0, RING_SECONDS.max)) {
    return { code: 21200, message: `Timeout must be between 0 and ${RING_SECONDS.max}` };
  }
  if (form.has("TimeLimit") && !isWithin(form.get("TimeLimit"), 1, TALK_SECONDS.max)) {
    return { code: 21200, message: `TimeLimit must be between 1 and ${TALK_SECONDS.max}` };
  }
  const detection = form.get("MachineDetection");
  if (detection !== "" && !/^(Enable|DetectMessageEnd)$/.test(detection)) {
    return { code: 21200, message: "MachineDetection must be Enable or DetectMessageEnd" };
  }
  return null;
}

function callOrder(form: Form, deliveryKey: string | null): CallOrder {
  const callbackUrl = form.get("StatusCallback");
  const detection = form.get("MachineDetection");
  return {
    to: form.get("To"),
    from: form.get("From"),
    url: form.get("Url") || null,
    urlMethod: methodOf(form.get("Method")),
    twiml: form.get("Twiml") || null,
    callback:
      callbackUrl === ""
        ? null
        : {
            url: callbackUrl,
            method: methodOf(form.get("StatusCallbackMethod")),
            events: callbackEvents(form.all("StatusCallbackEvent")),
          },
    timeoutSeconds: Number(form.get("Timeout") || RING_SECONDS.default),
    timeLimitSeconds: Number(form.get("TimeLimit") || TALK_SECONDS.default),
    machineDetection: detection === "Enable" || detection === "DetectMessageEnd" ? detection : null,
    asyncDetection:
      form.get("AsyncAmd") === "true"
        ? {
            url: form.get("AsyncAmdStatusCallback") || null,
            method: methodOf(form.get("AsyncAmdStatusCallbackMethod")),
          }
        : null,
    deliveryKey,
  };
}

function callbackEvents(asked: readonly string[]): readonly CallEvent[] {
  if (asked.length === 0) return ["completed"];
  const events = CALL_EVENTS.filter((event) => asked.includes(event));
  return asked.every((name) => CALL_EVENTS.some((event) => event === name)) ? events : [];
}

function methodOf(text: string): "GET" | "POST" {
  return text.toUpperCase() === "GET" ? "GET" : "POST";
}

function messageBody(message: Message, accountSid: string): Readonly<Record<string, unknown>> {
  const uri = `/${API_VERSION}/Accounts/${accountSid}/Messages/${message.id}.json`;
  const isQueued = message.status === "accepted";
  const status = isQueued
    ? message.messagingServiceSid === null
      ? "queued"
      : "accepted"
    : statusWord(message.status, message.failure);
  return {
    body: message.text,
    num_segments: String(segmentsOf(message.text)),
    direction: "outbound-api",
    from: message.messagingServiceSid !== null && isQueued ? null : message.sender,
    date_updated: rfc2822(message.updatedAt),
    price: null,
    error_message: null,
    uri,
    account_sid: accountSid,
    num_media: message.attachment === null ? "0" : "1",
    to: message.to,
    date_created: rfc2822(message.acceptedAt),
    status,
    sid: message.id,
    date_sent: message.sentAt === null ? null : rfc2822(message.sentAt),
    messaging_service_sid: message.messagingServiceSid,
    error_code: message.failure === null ? null : Number(message.failure),
    price_unit: "USD",
    api_version: API_VERSION,
    subresource_uris: { media: uri.replace(/\.json$/, "/Media.json") },
  };
}

function callBody(call: CallSession): Readonly<Record<string, unknown>> {
  const { accountSid } = call.account.config.credentials;
  return {
    sid: call.id,
    date_created: rfc2822(call.createdAt),
    date_updated: rfc2822(call.endedAt ?? call.answeredAt ?? call.startedAt ?? call.createdAt),
    parent_call_sid: null,
    account_sid: accountSid,
    to: call.order.to,
    to_formatted: call.order.to,
    from: call.order.from,
    from_formatted: call.order.from,
    phone_number_sid: null,
    status: call.status,
    start_time: call.answeredAt === null ? null : rfc2822(call.answeredAt),
    end_time: call.endedAt === null ? null : rfc2822(call.endedAt),
    duration: call.isOver ? String(call.durationSeconds) : null,
    price: null,
    price_unit: "USD",
    direction: "outbound-api",
    answered_by: call.answeredBy,
    api_version: API_VERSION,
    forwarded_from: null,
    group_sid: null,
    caller_name: null,
    queue_time: "0",
    trunk_sid: null,
    uri: `/${API_VERSION}/Accounts/${accountSid}/Calls/${call.id}.json`,
    subresource_uris: {},
  };
}

function listMessages(
  request: VendorRequest,
  accountSid: string,
  messages: readonly Message[],
): Readonly<Record<string, unknown>> {
  const { query } = request;
  const matching = messages
    .filter(
      (message) =>
        (!query.has("To") || query.get("To") === message.to) &&
        (!query.has("From") || query.get("From") === message.sender) &&
        isInTime(query, "DateSent", message.sentAt ?? message.acceptedAt),
    )
    .reverse();
  return page(request, "messages", matching, (message) => messageBody(message, accountSid));
}

function listCalls(
  request: VendorRequest,
  _accountSid: string,
  calls: readonly CallSession[],
): Readonly<Record<string, unknown>> {
  const { query } = request;
  const matching = calls
    .filter(
      (call) =>
        (!query.has("To") || query.get("To") === call.order.to) &&
        (!query.has("From") || query.get("From") === call.order.from) &&
        (!query.has("Status") || query.get("Status") === call.status) &&
        isInTime(query, "StartTime", call.createdAt),
    )
    .reverse();
  return page(request, "calls", matching, callBody);
}

/** `Name`, `Name>` (from then on) and `Name<` (until then); a date alone is that day in UTC. */
function isInTime(query: URLSearchParams, name: string, at: number): boolean {
  const from = query.get(`${name}>`);
  const until = query.get(`${name}<`);
  const on = query.get(name);
  return (
    (from === null || at >= Date.parse(from)) &&
    (until === null || at <= Date.parse(until) + (isDay(until) ? DAY_MS - 1 : 0)) &&
    (on === null || new Date(at).toISOString().startsWith(on.slice(0, 10)))
  );
}

const DAY_MS = 24 * 3_600_000;

function isDay(text: string): boolean {
  return /^\d{4}-\d{2}-\d{2}$/.test(text);
}

function page<T>(
  request: VendorRequest,
  name: string,
  items: readonly T[],
  show: (item: T) => Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  const asked = Number(request.query.get("PageSize") ?? PAGE_SIZE.default);
  const size = Number.isInteger(asked)
    ? Math.min(Math.max(asked, 1), PAGE_SIZE.max)
    : PAGE_SIZE.default;
  const number = Math.max(0, Math.trunc(Number(request.query.get("Page") ?? "0")) || 0);
  const start = number * size;
  const uri = (wanted: number): string => {
    const query = new URLSearchParams(request.query);
    query.set("PageSize", String(size));
    query.set("Page", String(wanted));
    return `${request.path}?${query.toString()}`;
  };
  const shown = items.slice(start, start + size);
  return {
    [name]: shown.map(show),
    page: number,
    page_size: size,
    start,
    end: start + Math.max(0, shown.length - 1),
    uri: uri(number),
    first_page_uri: uri(0),
    next_page_uri: start + size < items.length ? uri(number + 1) : null,
    previous_page_uri: number > 0 ? uri(number - 1) : null,
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

function errorResponse(
  { code, message }: TwilioError,
  options: {
    readonly status?: number;
    readonly headers?: Readonly<Record<string, string>>;
  } = {},
): VendorResponse {
  const status = options.status ?? STATUS_OF[code] ?? 400;
  return jsonResponse(
    status,
    { code, message, more_info: `https://www.twilio.com/docs/errors/${code}`, status },
    options.headers,
  );
}

function known(code: number): TwilioError {
  return { code, message: MESSAGE_OF[code] ?? "Bad Request" };
}

function notFound(request: VendorRequest): TwilioError {
  return { code: 20404, message: `The requested resource ${request.path} was not found` };
}

function failureResponse(failure: Failure): VendorResponse {
  switch (failure.kind) {
    case "rate_limited": {
      const wait = failure.retryAfterSeconds;
      return errorResponse(known(20429), {
        headers: wait === null ? {} : { "retry-after": String(wait) },
      });
    }
    case "server_error":
      return errorResponse(known(failure.httpStatus === 503 ? 20503 : 20500), {
        status: failure.httpStatus,
      });
    case "unauthorized":
    case "banned":
      return errorResponse(known(20003));
    case "refused":
      return errorResponse(
        known(Number(failure.code ?? "21211")),
        failure.httpStatus === null ? {} : { status: failure.httpStatus },
      );
  }
}

function statusWord(status: Message["status"], code: string | null): string {
  if (status !== "failed") return status === "accepted" ? "queued" : status;
  return code !== null && CARRIER_CODES.includes(code) ? "undelivered" : "failed";
}

function isE164(text: string): boolean {
  return text.startsWith("+") && phoneFrom(text) === text;
}

/** Twilio takes no host name with an underscore. */
function isCallbackAddress(text: string): boolean {
  return isWebAddress(text) && !new URL(text).hostname.includes("_");
}

function isWithin(text: string, min: number, max: number): boolean {
  return /^\d+$/.test(text) && Number(text) >= min && Number(text) <= max;
}

function masked(number: string): string {
  return number.length <= 4 ? number : `${number.slice(0, 4)}XXXX`;
}

/** Parts of 160 characters (153 when several) in the basic alphabet, else of 70 (67). */
function segmentsOf(text: string): number {
  const isBasic = /^[\n\r -~£¥èéùìòÇØøÅåÄÖÑÜ§¿äöñüàΔΦΓΛΩΠΨΣΘΞ€]*$/u.test(text);
  const [single, several] = isBasic ? [160, 153] : [70, 67];
  return text.length <= single ? 1 : Math.ceil(text.length / several);
}

function rfc2822(ms: number): string {
  return new Date(ms).toUTCString().replace("GMT", "+0000");
}

/** YYMMDDhhmm. */
function dlrDate(ms: number): string {
  return new Date(ms).toISOString().replace(/\D/g, "").slice(2, 12);
}
