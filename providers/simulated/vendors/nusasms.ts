/**
 * NusaSMS: everything in the query of a GET, a code per recipient in `results` under HTTP 200. What the page leaves open is
 * decided here: a missing text is code -22, a masking name that is not registered -34, and without `output=json` the answer
 * is XML. https://nusasms.com/sms-api, checked September 2026.
 */
import { phoneFrom } from "../phones.ts";
import { createSendOnlySms } from "./send-only-sms.ts";
import { jsonResponse, seenRequest } from "./vendor.ts";
import type { Account, ConfigOf, World } from "../world.ts";
import type { AcceptSms, SmsParts } from "./send-only-sms.ts";
import type { Reading, VendorRequest, VendorResponse, VendorSimulator } from "./vendor.ts";

type NusasmsAccount = Account<ConfigOf<"nusasms">>;

type Result = {
  readonly status: string;
  readonly messageid: string;
  readonly destination: string;
};

const SEND_PATH = "/api/v3/sendsms/plain";

const WRONG_CREDENTIALS = "-5";
const WRONG_DESTINATION = "-13";
const MISSING_TEXT = "-22";
const UNKNOWN_SENDER = "-34";

export function createNusasms(parts: SmsParts): VendorSimulator {
  return createSendOnlySms(parts, {
    vendor: "nusasms",
    read: (request, accept) => Promise.resolve(read(parts.world, request, accept)),
    refuse: (status, httpStatus) =>
      answer(true, { status, messageid: "", destination: "" }, httpStatus),
    wrongCredentials: WRONG_CREDENTIALS,
    wrongNumber: WRONG_DESTINATION,
    noInbound: "NusaSMS has no inbound messages",
  });
}

function read(world: World, request: VendorRequest, accept: AcceptSms): Reading | null {
  if (request.method !== "GET" || request.path !== SEND_PATH) return null;
  const asked = request.query.get("GSM") ?? "";
  const text = request.query.get("SMSText") ?? "";
  const isJson = request.query.get("output") === "json";
  const account = world
    .accountsOf("nusasms")
    .find(
      ({ config }) =>
        config.credentials.user === request.query.get("user") &&
        config.credentials.password === request.query.get("password"),
    );
  const phone = /^[1-9]\d{6,14}$/.test(asked) ? phoneFrom(asked) : undefined;
  const seen = seenRequest("nusasms", request, account ?? null, {
    kind: "message",
    to: phone ?? asked,
    text,
  });
  const code = refusalOf(account, phone, text, request.query.get("sender"));
  if (account === undefined || phone === undefined || code !== null) {
    const status = code ?? WRONG_DESTINATION;
    const response = answer(isJson, { status, messageid: "", destination: asked });
    return { seen: [seen], outcome: { kind: "answer", response, refusedAs: status } };
  }
  return {
    seen: [seen],
    outcome: {
      kind: "accept",
      accept: (misfortunes) =>
        accept(account, { phone, text }, misfortunes, (messageid) =>
          answer(isJson, { status: "0", messageid, destination: phone.slice(1) }),
        ),
    },
  };
}

/** Null when the message may go. */
function refusalOf(
  account: NusasmsAccount | undefined,
  phone: string | undefined,
  text: string,
  sender: string | null,
): string | null {
  if (account === undefined || account.isBanned) return WRONG_CREDENTIALS;
  if (phone === undefined) return WRONG_DESTINATION;
  if (text === "") return MISSING_TEXT;
  if (sender !== null && !account.config.maskingNames.includes(sender)) return UNKNOWN_SENDER;
  return null;
}

function answer(isJson: boolean, result: Result, httpStatus = 200): VendorResponse {
  if (isJson) return jsonResponse(httpStatus, { results: [result] });
  const fields = Object.entries(result).map(([key, value]) => `<${key}>${value}</${key}>`);
  return {
    status: httpStatus,
    headers: { "content-type": "text/xml; charset=utf-8" },
    body: `<results><result>${fields.join("")}</result></results>`,
  };
}
