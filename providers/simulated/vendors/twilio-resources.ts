/**
 * How Twilio shows its resources: messages, calls, and pages of them, filtered by recipient and time.
 * https://www.twilio.com/docs/messaging/api/message-resource, https://www.twilio.com/docs/voice/api/call-resource, checked
 * September 2026.
 */
import type { PhoneCall } from "../calls.ts";
import type { Message } from "../world.ts";
import type { VendorRequest } from "./vendor.ts";

export const API_VERSION = "2010-04-01";

const PAGE_SIZE = { default: 50, max: 1_000 } as const;

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

export function messageBody(
  message: Message,
  accountSid: string,
): Readonly<Record<string, unknown>> {
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

export function callBody(call: PhoneCall, accountSid: string): Readonly<Record<string, unknown>> {
  return {
    sid: call.id,
    date_created: rfc2822(call.createdAt),
    date_updated: rfc2822(call.endedAt ?? call.answeredAt ?? call.startedAt ?? call.createdAt),
    parent_call_sid: null,
    account_sid: accountSid,
    to: call.to,
    to_formatted: call.to,
    from: call.from,
    from_formatted: call.from,
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

export function listMessages(
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

export function listCalls(
  request: VendorRequest,
  accountSid: string,
  calls: readonly PhoneCall[],
): Readonly<Record<string, unknown>> {
  const { query } = request;
  const matching = calls
    .filter(
      (call) =>
        (!query.has("To") || query.get("To") === call.to) &&
        (!query.has("From") || query.get("From") === call.from) &&
        (!query.has("Status") || query.get("Status") === call.status) &&
        isInTime(query, "StartTime", call.createdAt),
    )
    .reverse();
  return page(request, "calls", matching, (call) => callBody(call, accountSid));
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

export function statusWord(status: Message["status"], code: string | null): string {
  if (status !== "failed") return status === "accepted" ? "queued" : status;
  return code !== null && CARRIER_CODES.includes(code) ? "undelivered" : "failed";
}

/** Parts of 160 characters (153 when several) in the basic alphabet, else of 70 (67). */
export function segmentsOf(text: string): number {
  const isBasic = /^[\n\r -~£¥èéùìòÇØøÅåÄÖÑÜ§¿äöñüàΔΦΓΛΩΠΨΣΘΞ€]*$/u.test(text);
  const [single, several] = isBasic ? [160, 153] : [70, 67];
  return text.length <= single ? 1 : Math.ceil(text.length / several);
}

function rfc2822(ms: number): string {
  return new Date(ms).toUTCString().replace("GMT", "+0000");
}
