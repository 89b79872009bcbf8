/**
 * NusaSMS: everything in the query of a GET, a code per recipient in `results` under HTTP 200. What the page leaves open is
 * decided here: a missing text is code -22, a masking name that is not registered -34, and without `output=json` the answer
 * is XML. https://nusasms.com/sms-api, checked September 2026.
 */
import { page } from "./fonnte-failures.ts";
import { phoneFrom } from "../phones.ts";
import { newMessage } from "../world.ts";
import { jsonResponse, seenRequest } from "./vendor.ts";
import type { Misfortune, ReceiptFate } from "../faults.ts";
import type { Network } from "../network.ts";
import type { SeenRequest } from "../seen.ts";
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

export function createNusasms(parts: {
  readonly world: World;
  readonly network: Network;
  readonly time: WorldTime;
  readonly newLane: (fate: ReceiptFate) => ReceiptLane;
}): VendorSimulator {
  const { world, network, time, newLane } = parts;

  function read(request: VendorRequest): Promise<Reading> {
    if (request.method !== "GET" || request.path !== SEND_PATH) {
      return Promise.resolve({
        seen: [seenRequest("nusasms", request, null, {})],
        outcome: { kind: "answer", response: page(404, {}), refusedAs: "not found" },
      });
    }
    return Promise.resolve(readSend(request));
  }

  function readSend(request: VendorRequest): Reading {
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
    } satisfies Partial<SeenRequest>);
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
        accept: ([misfortune]) => accept(account, { phone, text }, isJson, misfortune),
      },
    };
  }

  function accept(
    account: NusasmsAccount,
    order: { readonly phone: string; readonly text: string },
    isJson: boolean,
    misfortune: Misfortune | undefined,
  ): Acceptance {
    if (misfortune === undefined) throw new Error("every recipient has its misfortune");
    const message = smsOf(account, order, misfortune);
    world.keepMessage(message);
    return {
      response: answer(isJson, {
        status: "0",
        messageid: message.id,
        destination: order.phone.slice(1),
      }),
      providerMessageIds: [message.id],
      start: async (isEarly) => {
        if (isEarly) await network.startAtOnce(message);
        else network.start(message);
      },
    };
  }

  function smsOf(
    account: NusasmsAccount,
    order: { readonly phone: string; readonly text: string },
    misfortune: Misfortune,
  ): Message {
    return newMessage({
      id: String(world.nextNumber()),
      networkId: null,
      vendor: "nusasms",
      accountId: account.id,
      sender: account.config.sender,
      medium: "sms",
      to: order.phone,
      group: null,
      text: order.text,
      template: null,
      buttons: [],
      attachment: null,
      deliveryKey: null,
      callbackUrl: null,
      acceptedAt: time.now(),
      messagingServiceSid: null,
      fate: misfortune.message,
      receipts: newLane(misfortune.receipts),
      expiry: null,
    });
  }

  return {
    vendor: "nusasms",
    read,
    fail,
    failureCodes: { typical: "failed", notOnWhatsApp: "failed", notAMember: "failed" },
    receipts: () => [],
    inbound: () => ({ kind: "unreported", reason: "NusaSMS has no inbound messages" }),
    queued: () => [],
    deviceChanged: () => [],
    templateChanged: () => [],
    tellsMembers: false,
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

function fail(failure: Failure): VendorResponse {
  switch (failure.kind) {
    case "rate_limited": {
      const wait = failure.retryAfterSeconds;
      return page(429, wait === null ? {} : { "retry-after": String(wait) });
    }
    case "server_error":
      return page(failure.httpStatus, {});
    case "unauthorized":
    case "banned":
      return answer(true, { status: WRONG_CREDENTIALS, messageid: "", destination: "" });
    case "refused":
      return answer(
        true,
        { status: failure.code ?? WRONG_DESTINATION, messageid: "", destination: "" },
        failure.httpStatus ?? 200,
      );
  }
}
