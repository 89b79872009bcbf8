/**
 * Zenziva: keys in the body, HTTP 200 for every verdict, `status` "1" for what it took. No page of its documentation could
 * be read, so this follows public clients of `console.zenziva.net` (September 2026), and what they leave open is decided
 * here: refusals have status "0" and an Indonesian sentence, numbers are taken as "08…" and "628…", and one message costs
 * the same however long it is.
 */
import { readFields } from "./fonnte-request.ts";
import { page } from "./fonnte-failures.ts";
import { phoneFrom } from "../phones.ts";
import { newMessage } from "../world.ts";
import { isRecord, jsonResponse, seenRequest } from "./vendor.ts";
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

type ZenzivaAccount = Account<ConfigOf<"zenziva">>;

const SEND_PATHS: readonly string[] = ["/reguler/api/sendsms/", "/masking/api/sendsms/"];

const REFUSALS = {
  keys: "Userkey / Passkey Salah",
  balance: "Saldo tidak mencukupi",
  number: "Nomor tujuan tidak valid",
  message: "Isi pesan kosong",
} as const;

export function createZenziva(parts: {
  readonly world: World;
  readonly network: Network;
  readonly time: WorldTime;
  readonly newLane: (fate: ReceiptFate) => ReceiptLane;
}): VendorSimulator {
  const { world, network, time, newLane } = parts;

  function accountWith(userkey: string, passkey: string): ZenzivaAccount | undefined {
    return world
      .accountsOf("zenziva")
      .find(
        ({ config }) =>
          config.credentials.userkey === userkey && config.credentials.passkey === passkey,
      );
  }

  async function read(request: VendorRequest): Promise<Reading> {
    if (request.method === "GET" && request.path === "/api/balance/") return readBalance(request);
    if (request.method !== "POST" || !SEND_PATHS.includes(request.path)) {
      return {
        seen: [seenRequest("zenziva", request, null, {})],
        outcome: { kind: "answer", response: page(404, {}), refusedAs: "not found" },
      };
    }
    return readSend(request, await textsOf(request));
  }

  function readBalance(request: VendorRequest): Reading {
    const account = accountWith(
      request.query.get("userkey") ?? "",
      request.query.get("passkey") ?? "",
    );
    if (account === undefined) return refused(request, null, REFUSALS.keys, {});
    const body = { balance: grouped(account.config.balance) };
    return {
      seen: [seenRequest("zenziva", request, account, {})],
      outcome: { kind: "answer", response: jsonResponse(200, body), refusedAs: null },
    };
  }

  function readSend(request: VendorRequest, texts: ReadonlyMap<string, string>): Reading {
    const asked = texts.get("to") ?? "";
    const text = texts.get("message") ?? "";
    const account = accountWith(texts.get("userkey") ?? "", texts.get("passkey") ?? "");
    const phone = phoneFrom(asked.replace(/^0/, "62"));
    const seen: Partial<SeenRequest> = { kind: "message", to: phone ?? asked, text };
    if (account === undefined) return refused(request, null, REFUSALS.keys, seen);
    if (account.isBanned) return refused(request, account, REFUSALS.keys, seen);
    if (phone === undefined) return refused(request, account, REFUSALS.number, seen);
    if (text === "") return refused(request, account, REFUSALS.message, seen);
    if (account.config.balance < account.config.rupiahPerMessage) {
      return refused(request, account, REFUSALS.balance, seen);
    }
    return {
      seen: [seenRequest("zenziva", request, account, seen)],
      outcome: {
        kind: "accept",
        accept: (misfortunes) => accept(account, { phone, asked, text }, misfortunes[0]),
      },
    };
  }

  function accept(
    account: ZenzivaAccount,
    order: { readonly phone: string; readonly asked: string; readonly text: string },
    misfortune: Misfortune | undefined,
  ): Acceptance {
    if (misfortune === undefined) throw new Error("every recipient has its misfortune");
    const message = smsOf(account, order, misfortune);
    world.keepMessage(message);
    const { balance, rupiahPerMessage } = account.config;
    account.config = { ...account.config, balance: balance - rupiahPerMessage };
    return {
      response: jsonResponse(200, {
        messageId: message.id,
        to: order.asked,
        status: "1",
        text: "Success",
        cost: String(rupiahPerMessage),
        balance: grouped(account.config.balance),
      }),
      providerMessageIds: [message.id],
      start: async (isEarly) => {
        if (isEarly) await network.startAtOnce(message);
        else network.start(message);
      },
    };
  }

  function smsOf(
    account: ZenzivaAccount,
    order: { readonly phone: string; readonly text: string },
    misfortune: Misfortune,
  ): Message {
    return newMessage({
      id: String(world.nextNumber()),
      networkId: null,
      vendor: "zenziva",
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
    vendor: "zenziva",
    read,
    fail,
    failureCodes: { typical: "failed", notOnWhatsApp: "failed", notAMember: "failed" },
    receipts: () => [],
    inbound: () => ({ kind: "unreported", reason: "Zenziva's senders cannot be answered" }),
    queued: () => [],
    deviceChanged: () => [],
    templateChanged: () => [],
    tellsMembers: false,
  };
}

function refused(
  request: VendorRequest,
  account: ZenzivaAccount | null,
  text: string,
  seen: Partial<SeenRequest>,
): Reading {
  return {
    seen: [seenRequest("zenziva", request, account, seen)],
    outcome: { kind: "answer", response: refusal(text), refusedAs: text },
  };
}

function refusal(text: string, httpStatus = 200): VendorResponse {
  return jsonResponse(httpStatus, { messageId: null, to: null, status: "0", text });
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
      return refusal(REFUSALS.keys);
    case "refused":
      return refusal(failure.code ?? REFUSALS.number, failure.httpStatus ?? 200);
  }
}

async function textsOf(request: VendorRequest): Promise<ReadonlyMap<string, string>> {
  if (!/^application\/json\b/i.test(request.headers["content-type"] ?? "")) {
    return (await readFields(request)).texts;
  }
  const body = jsonIn(request.body.toString("utf8"));
  const texts = isRecord(body) ? Object.entries(body) : [];
  return new Map(
    texts.flatMap(([key, value]) => (typeof value === "string" ? [[key, value]] : [])),
  );
}

function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** Thousands with a comma, as the balance is written. */
function grouped(amount: number): string {
  return String(amount).replace(/\B(?=(\d{3})+$)/g, ",");
}
