/**
 * Reads and checks what a client asks of Twilio's Messages and Calls. Field names, patterns and limits follow twilio/twilio-oai
 * `spec/json/twilio_api_v2010.json`; codes follow https://www.twilio.com/docs/api/errors, checked September 2026.
 */
import type { SeenRequest } from "../seen.ts";
import { phoneFrom } from "../phones.ts";
import { CALL_EVENTS } from "./twilio-calls.ts";
import { firstQueryValue, isWebAddress } from "./vendor.ts";
import type { Account, ConfigOf } from "../world.ts";
import type { CallEvent, CallOrder } from "./twilio-calls.ts";
import type { TwilioError } from "./twilio-errors.ts";
import type { VendorRequest } from "./vendor.ts";

export type TwilioAccount = Account<ConfigOf<"twilio">>;

const BODY_CHARS_MAX = 1_600;

const MEDIA_MAX = 10;

const TWIML_CHARS_MAX = 4_000;

export const VALIDITY_SECONDS_MAX = 36_000;

const RING_SECONDS = { default: 60, max: 600 } as const;

const TALK_SECONDS = { default: 14_400, max: 86_400 } as const;

/** A form in which a name may come more than once. */
export class Form {
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

export function readForm(request: VendorRequest): Form {
  const isForm = /^application\/x-www-form-urlencoded\b/i.test(
    request.headers["content-type"] ?? "",
  );
  return new Form(new URLSearchParams(isForm ? request.body.toString("utf8") : ""));
}

export function isAuthentic(
  account: TwilioAccount,
  request: VendorRequest,
  accountSid: string,
): boolean {
  const encoded = /^Basic (.+)$/.exec(request.headers.authorization ?? "")?.[1] ?? "";
  const given = Buffer.from(encoded, "base64").toString("utf8");
  const { apiKeySecret, apiKeySid, authToken, accountSid: ownSid } = account.config.credentials;
  if (accountSid !== "" && accountSid !== ownSid) return false;
  return (
    given === `${ownSid}:${authToken}` ||
    (apiKeySid !== null && apiKeySecret !== null && given === `${apiKeySid}:${apiKeySecret}`)
  );
}

export function isSender(account: TwilioAccount, form: Form): boolean {
  const { messagingServiceSid, sender } = account.config;
  return form.has("From")
    ? form.get("From") === sender
    : messagingServiceSid !== null && form.get("MessagingServiceSid") === messagingServiceSid;
}

/** As much of the request as can be told, valid or not. A call's text is its inline TwiML. */
export function whatWasAsked(form: Form, resource: string): Partial<SeenRequest> {
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

export function messageProblem(form: Form, account: TwilioAccount | null): TwilioError | null {
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

export function callProblem(form: Form): TwilioError | null {
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

export function callOrder(form: Form, deliveryKey: string | null): CallOrder {
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
