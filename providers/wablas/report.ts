/**
 * What can be asked of a Wablas server: the device, and the report of messages. Paths and fields are read from the vendor's
 * package (https://packagist.org/packages/silvanix/wablas) and from integrations; the report has a limit of its own, unpublished.
 * Checked September 2026.
 */
import type { SanitizedJson } from "../errors.ts";
import { ProviderError } from "../errors.ts";
import type { HttpCall } from "../http.ts";
import { numberAt, objectAt, objectsAt, textAt } from "../json.ts";
import type { JsonObject } from "../json.ts";
import type {
  AccountContext,
  AccountProbe,
  CallOptions,
  OutboundMessage,
  Receipt,
  SendResult,
} from "../provider.ts";
import { callWablas, openAccount, PROVIDER, unreadable } from "./rest.ts";
import { readDeviceState, readStatus } from "./vocabulary.ts";

const PROBE = "ask about the device";
const LOOK_UP = "look up a message";
const FIND_LOST = "look for a lost message";

/** The report's dates name no zone; the service and its customers are in Jakarta. Unconfirmed. */
const WABLAS_CLOCK_OFFSET_MS = 7 * 60 * 60 * 1000;
/** Their dates have whole seconds, and their clock is not ours. */
const CLOCK_TOLERANCE_MS = 60_000;
const DAY_MS = 24 * 60 * 60 * 1000;
const ROWS_PER_PAGE = 100;

/** The device's own state and what is left of its package. This call alone takes the token in the address. */
export async function probeDevice(
  httpCall: HttpCall,
  account: AccountContext,
  options: CallOptions,
): Promise<AccountProbe> {
  const { credentials } = openAccount(PROBE, account);
  const query = new URLSearchParams({ token: credentials.token });
  const request = readRequest(PROBE, `/api/device/info?${query.toString()}`);
  const body = await callWablas(httpCall, request, account, options);
  const device = objectsAt(body, "data")[0] ?? objectAt(body, "data");
  const state = readDeviceState(textAt(device, "status") ?? "");
  if (state === null) throw unreadable(request, body);
  return {
    state,
    quotaLeft: numberAt(device, "quota"),
    detail: {
      status: textAt(device, "status"),
      quota: numberAt(device, "quota"),
      expired_date: textAt(device, "expired_date"),
    },
  };
}

/** The status of a message by the report; `at` stays open because its dates name no zone. */
export async function lookUpMessage(
  httpCall: HttpCall,
  account: AccountContext,
  providerMessageId: string,
  options: CallOptions,
): Promise<Receipt | null> {
  const query = new URLSearchParams({ message_id: providerMessageId });
  const rows = await readReport(httpCall, LOOK_UP, query, account, options);
  const row = rows.find((candidate) => textAt(candidate, "id") === providerMessageId);
  const found = readStatus(row === undefined ? "" : (textAt(row, "status") ?? ""));
  if (found.kind === "receipt") return { status: found.status, at: null, failure: null };
  return found.kind === "failed" ? { status: "failed", at: null, failure: found.failure } : null;
}

/**
 * Looks through the report of the day (or days) since then for a message to that recipient with that text. How soon a
 * message stands in the report is unconfirmed, so null is no proof that there is none.
 */
export async function findLostMessage(
  httpCall: HttpCall,
  account: AccountContext,
  message: OutboundMessage,
  sentAfter: number,
  options: CallOptions,
): Promise<SendResult | null> {
  const phone = addressOf(message);
  for (const date of daysBetween(sentAfter, options.now)) {
    const query = new URLSearchParams({ date, phone, perPage: String(ROWS_PER_PAGE) });
    const rows = await readReport(httpCall, FIND_LOST, query, account, options);
    const found = rows.find(
      (row) => textAt(row, "text") === message.text && isSince(row, sentAfter),
    );
    const id = found === undefined ? null : textAt(found, "id");
    if (id === null) continue;
    return {
      providerMessageId: id,
      status: "accepted",
      segments: null,
      isHeldForQuality: false,
      providerResponse: describe(found),
    };
  }
  return null;
}

async function readReport(
  httpCall: HttpCall,
  attempted: string,
  query: URLSearchParams,
  account: AccountContext,
  options: CallOptions,
): Promise<readonly JsonObject[]> {
  const request = readRequest(attempted, `/api/report/message?${query.toString()}`);
  const body = await callWablas(httpCall, request, account, options);
  // The rows stand where refusals have their text.
  if (!Array.isArray(body["message"])) throw unreadable(request, body);
  return objectsAt(body, "message");
}

function readRequest(attempted: string, path: string): Parameters<typeof callWablas>[1] {
  return { attempted, effect: "reads", method: "GET", path, body: null };
}

function addressOf({ to }: OutboundMessage): string {
  if (to.kind === "phone") return to.e164.replace(/^\+/, "");
  if (to.kind === "group") return to.groupChatId.replace(/@g\.us$/, "");
  throw new ProviderError({
    provider: PROVIDER,
    attempted: FIND_LOST,
    kind: "rejected",
    scope: "recipient",
    reason: "invalid_recipient",
  });
}

function isSince(row: JsonObject, sentAfter: number): boolean {
  const written = textAt(objectAt(row, "date"), "created_at") ?? "";
  const match = /^(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2}:\d{2})/.exec(written);
  if (match === null) return false;
  const createdAt = Date.parse(`${match[1]}T${match[2]}Z`) - WABLAS_CLOCK_OFFSET_MS;
  return createdAt >= sentAfter - CLOCK_TOLERANCE_MS;
}

/** Days as the report counts them, the last first: a lost message is a recent one. */
function daysBetween(from: number, until: number): readonly string[] {
  const dayOf = (at: number): string =>
    new Date(at + WABLAS_CLOCK_OFFSET_MS).toISOString().slice(0, 10);
  const days = [dayOf(until)];
  for (let at = until - DAY_MS; dayOf(at) >= dayOf(from); at -= DAY_MS) days.push(dayOf(at));
  return days;
}

function describe(row: JsonObject | undefined): SanitizedJson {
  return row === undefined ? null : { id: textAt(row, "id"), status: textAt(row, "status") };
}
