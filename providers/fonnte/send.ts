import { randomUUID } from "node:crypto";

import { isGroupChatId } from "../../domain/group-id.ts";
import { baseUrlOf, readAccount } from "../account.ts";
import { ProviderError } from "../errors.ts";
import type { SanitizedJson, ProviderVerdict } from "../errors.ts";
import type { HttpAnswer, HttpCall } from "../http.ts";
import { callVendor, retryAfterMs } from "../http.ts";
import { objectsAt, parseJsonObject, textAt } from "../json.ts";
import type { JsonObject } from "../json.ts";
import type {
  AccountContext,
  AccountProbe,
  CallOptions,
  OutboundMessage,
  ProviderGroups,
  ProviderId,
  SendOptions,
  SendResult,
} from "../provider.ts";
import { FONNTE_DEFAULTS, FONNTE_LIMITS, fonnteCredentials, fonnteSettings } from "./config.ts";
import { judgeReason, readDeviceState, readFlag } from "./vocabulary.ts";

const PROVIDER: ProviderId = "fonnte";
const SEND = "send a WhatsApp message";
const PROBE = "ask about the device";
const LIST_GROUPS = "list the groups";

const PHONE = /^\+[1-9]\d{6,14}$/;

/**
 * Sends one message to one person or group: Fonnte answers with ids in the order of the targets, so one target makes the
 * id unambiguous. There is no idempotency key; a lost answer stays unknown.
 */
export async function sendMessage(
  httpCall: HttpCall,
  destination: "phone" | "group",
  account: AccountContext,
  message: OutboundMessage,
  options: SendOptions,
): Promise<SendResult> {
  const { credentials } = readAccount(PROVIDER, SEND, account, {
    credentials: fonnteCredentials,
    settings: fonnteSettings,
  });
  const fields = fieldsOf(destination, message);
  const answer = await post(httpCall, account, credentials.token, "/send", fields, SEND, options);
  const body = acceptedBody(answer, SEND, "sends", options.now);
  const id = firstId(body["id"]);
  if (id === null) throw failure(SEND, UNREADABLE_SUCCESS, { answer, body });
  return {
    providerMessageId: id,
    status: "accepted",
    segments: null,
    isHeldForQuality: false,
    providerResponse: sanitize(body),
  };
}

/** The device's own state; Fonnte asks not to call this often. */
export async function probeDevice(
  httpCall: HttpCall,
  account: AccountContext,
  options: CallOptions,
): Promise<AccountProbe> {
  const { credentials } = readAccount(PROVIDER, PROBE, account, {
    credentials: fonnteCredentials,
    settings: fonnteSettings,
  });
  const answer = await post(httpCall, account, credentials.token, "/device", {}, PROBE, options);
  const body = acceptedBody(answer, PROBE, "reads", options.now);
  const state = readDeviceState(textAt(body, "device_status") ?? "");
  if (state === null) throw failure(PROBE, UNREADABLE_READ, { answer, body });
  const quota = Number(textAt(body, "quota") ?? Number.NaN);
  return {
    state,
    quotaLeft: Number.isFinite(quota) ? quota : null,
    detail: {
      device_status: textAt(body, "device_status"),
      package: textAt(body, "package"),
      expired: textAt(body, "expired"),
      quota: textAt(body, "quota"),
    },
  };
}

/** Reads the list that Fonnte keeps; it is not refreshed from the phone, because that queries WhatsApp each time. */
export async function listGroups(
  httpCall: HttpCall,
  account: AccountContext,
  options: CallOptions,
): Promise<ProviderGroups> {
  const { credentials } = readAccount(PROVIDER, LIST_GROUPS, account, {
    credentials: fonnteCredentials,
    settings: fonnteSettings,
  });
  const answer = await post(
    httpCall,
    account,
    credentials.token,
    "/get-whatsapp-group",
    {},
    LIST_GROUPS,
    options,
  );
  const body = acceptedBody(answer, LIST_GROUPS, "reads", options.now);
  const groups = objectsAt(body, "data").flatMap((group) => {
    const groupChatId = textAt(group, "id");
    return groupChatId === null
      ? []
      : [{ groupChatId, name: textAt(group, "name") ?? groupChatId }];
  });
  // Fonnte's copy of the list, as old as its latest refresh: a group that it lacks may have been joined since.
  return { groups, isComplete: false };
}

function fieldsOf(
  destination: "phone" | "group",
  message: OutboundMessage,
): Readonly<Record<string, string>> {
  if (message.text.length > FONNTE_LIMITS.textCharsMax) throw refusal("too_long");
  return {
    target: targetOf(destination, message),
    ...(message.text === "" ? {} : { message: message.text }),
    ...attachmentFields(message),
    // The number is complete: no digit of it may be replaced.
    countryCode: "0",
    // A message that waits for a phone to come back would arrive after the ladder has moved on.
    connectOnly: "true",
    // A preview opens the links of a message, the acknowledgment link included.
    preview: "false",
  };
}

/** A comma, a bar or "rotator#" would mean something else to Fonnte, so only these two shapes may pass. */
function targetOf(destination: "phone" | "group", message: OutboundMessage): string {
  const to = message.to;
  if (to.kind !== destination) throw refusal("invalid_recipient");
  if (to.kind === "phone" && PHONE.test(to.e164)) return to.e164.slice(1);
  if (to.kind === "group" && isGroupChatId(to.groupChatId)) return to.groupChatId;
  throw refusal("invalid_recipient");
}

function attachmentFields(message: OutboundMessage): Readonly<Record<string, string>> {
  const attachment = message.attachment;
  if (attachment === undefined) {
    if (message.text === "") throw refusal("invalid_request");
    return {};
  }
  switch (attachment.kind) {
    case "image":
      return { url: attachment.url };
    case "document":
      return { url: attachment.url, filename: attachment.fileName };
    case "location":
      return { location: `${attachment.latitude},${attachment.longitude}` };
  }
}

function refusal(reason: "too_long" | "invalid_recipient" | "invalid_request"): ProviderError {
  return new ProviderError({
    provider: PROVIDER,
    attempted: SEND,
    kind: "rejected",
    scope: "recipient",
    reason,
  });
}

/**
 * The official samples send multipart forms; other encodings are honoured by some devices only. Written by hand because
 * FormData would turn the line ends of a text into CR LF.
 */
function multipart(fields: Readonly<Record<string, string>>): {
  readonly contentType: string;
  readonly body: string;
} {
  const boundary = `siaga-${randomUUID()}`;
  const parts = Object.entries(fields).map(
    ([name, value]) =>
      `--${boundary}\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`,
  );
  return {
    contentType: `multipart/form-data; boundary=${boundary}`,
    body: `${parts.join("")}--${boundary}--\r\n`,
  };
}

function post(
  httpCall: HttpCall,
  account: AccountContext,
  token: string,
  path: string,
  fields: Readonly<Record<string, string>>,
  attempted: string,
  options: { readonly signal: AbortSignal; readonly timeoutMs: number },
): Promise<HttpAnswer> {
  const form = multipart(fields);
  return callVendor(
    httpCall,
    { provider: PROVIDER, attempted, effect: attempted === SEND ? "sends" : "reads" },
    {
      method: "POST",
      url: `${baseUrlOf(account, FONNTE_DEFAULTS)}${path}`,
      // The bare token; Fonnte knows no "Bearer".
      headers: { authorization: token, "content-type": form.contentType },
      body: form.body,
      timeoutMs: options.timeoutMs,
      signal: options.signal,
    },
  );
}

const UNREADABLE_SUCCESS: ProviderVerdict = {
  kind: "unknown_outcome",
  scope: "account",
  reason: "unreadable_answer",
};
const UNREADABLE_READ: ProviderVerdict = {
  kind: "malformed",
  scope: "account",
  reason: "unreadable_answer",
};

/** The body of an answer that says `status: true` with HTTP 200; every other answer is thrown as what it means. */
function acceptedBody(
  answer: HttpAnswer,
  attempted: string,
  effect: "sends" | "reads",
  now: number,
): JsonObject {
  const body = answer.isComplete ? parseJsonObject(answer.body) : null;
  const isSuccess = answer.status >= 200 && answer.status < 300;
  const flag = body === null ? null : readFlag(body["status"] ?? body["Status"]);
  if (isSuccess && body !== null && flag === true) return body;
  if (isSuccess && flag === null) {
    throw failure(attempted, effect === "sends" ? UNREADABLE_SUCCESS : UNREADABLE_READ, {
      answer,
      body,
    });
  }
  throw failure(attempted, verdictOf(answer.status, body, flag, effect), { answer, body, now });
}

/** Only HTTP 200 (with a flag) and 4xx say that nothing was sent; after a 5xx Fonnte may have queued the message. */
function verdictOf(
  status: number,
  body: JsonObject | null,
  flag: boolean | null,
  effect: "sends" | "reads",
): ProviderVerdict {
  if (status >= 500 || status === 408) {
    return {
      kind: effect === "sends" ? "unknown_outcome" : "unavailable",
      scope: "account",
      reason: "provider_fault",
    };
  }
  if (status === 429) return { kind: "rate_limited", scope: "account", reason: "rate_limit" };
  const refused = flag === false && body !== null ? judgeReason(reasonOf(body)) : null;
  if (refused !== null && (status < 300 || refused.phrase !== null)) return refused.verdict;
  if (status === 401 || status === 403) {
    return { kind: "unauthorized", scope: "account", reason: "credentials" };
  }
  if (status === 413) return { kind: "rejected", scope: "recipient", reason: "too_long" };
  return UNREADABLE_READ;
}

function reasonOf(body: JsonObject): string {
  return textAt(body, "reason") ?? textAt(body, "detail") ?? "";
}

function failure(
  attempted: string,
  verdict: ProviderVerdict,
  found: { readonly answer: HttpAnswer; readonly body: JsonObject | null; readonly now?: number },
): ProviderError {
  const phrase = found.body === null ? null : judgeReason(reasonOf(found.body)).phrase;
  const requestId = found.body === null ? null : textAt(found.body, "requestid");
  const wait = found.now === undefined ? null : retryAfterMs(found.answer, found.now);
  return new ProviderError({
    ...verdict,
    provider: PROVIDER,
    attempted,
    httpStatus: found.answer.status,
    ...(phrase === null ? {} : { vendorCode: phrase }),
    ...(requestId === null ? {} : { requestId }),
    ...(wait === null ? {} : { retryAfterMs: wait }),
    ...(found.body === null ? {} : { providerResponse: sanitize(found.body) }),
  });
}

function firstId(value: unknown): string | null {
  const ids: readonly unknown[] = Array.isArray(value) ? value : [value];
  return textAt({ id: ids[0] }, "id");
}

/** Privacy: `target` is a number and `detail` and `reason` are free text, so only known words of them are kept. */
function sanitize(body: JsonObject): SanitizedJson {
  return {
    status: readFlag(body["status"] ?? body["Status"]),
    id: firstId(body["id"]),
    process: textAt(body, "process"),
    requestid: textAt(body, "requestid"),
    reason: judgeReason(reasonOf(body)).phrase,
  };
}
