/**
 * Zenziva: keys in the body, HTTP 200 for every verdict, `status` "1" for what it took. No page of its documentation could
 * be read, so this follows public clients of `console.zenziva.net` (September 2026), and what they leave open is decided
 * here: refusals have status "0" and an Indonesian sentence, numbers are taken as "08…" and "628…", and one message costs
 * the same however long it is.
 */
import { phoneFrom } from "../phones.ts";
import { readFields } from "./fonnte-request.ts";
import { createSendOnlySms } from "./send-only-sms.ts";
import { isRecord, jsonResponse, seenRequest } from "./vendor.ts";
import type { SeenRequest } from "../seen.ts";
import type { Account, ConfigOf, World } from "../world.ts";
import type { AcceptSms, SmsParts } from "./send-only-sms.ts";
import type { Reading, VendorRequest, VendorResponse, VendorSimulator } from "./vendor.ts";

type ZenzivaAccount = Account<ConfigOf<"zenziva">>;

const SEND_PATHS: readonly string[] = ["/reguler/api/sendsms/", "/masking/api/sendsms/"];

const REFUSALS = {
  keys: "Userkey / Passkey Salah",
  balance: "Saldo tidak mencukupi",
  number: "Nomor tujuan tidak valid",
  message: "Isi pesan kosong",
} as const;

export function createZenziva(parts: SmsParts): VendorSimulator {
  return createSendOnlySms(parts, {
    vendor: "zenziva",
    read: (request, accept) => read(parts.world, request, accept),
    refuse: refusal,
    wrongCredentials: REFUSALS.keys,
    wrongNumber: REFUSALS.number,
    noInbound: "Zenziva's senders cannot be answered",
  });
}

async function read(
  world: World,
  request: VendorRequest,
  accept: AcceptSms,
): Promise<Reading | null> {
  if (request.method === "GET" && request.path === "/api/balance/") {
    return readBalance(world, request);
  }
  if (request.method !== "POST" || !SEND_PATHS.includes(request.path)) return null;
  return readSend(world, request, await textsOf(request), accept);
}

function accountWith(world: World, userkey: string, passkey: string): ZenzivaAccount | undefined {
  return world
    .accountsOf("zenziva")
    .find(
      ({ config }) =>
        config.credentials.userkey === userkey && config.credentials.passkey === passkey,
    );
}

function readBalance(world: World, request: VendorRequest): Reading {
  const account = accountWith(
    world,
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

function readSend(
  world: World,
  request: VendorRequest,
  texts: ReadonlyMap<string, string>,
  accept: AcceptSms,
): Reading {
  const asked = texts.get("to") ?? "";
  const text = texts.get("message") ?? "";
  const account = accountWith(world, texts.get("userkey") ?? "", texts.get("passkey") ?? "");
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
      accept: (misfortunes) =>
        accept(account, { phone, text }, misfortunes, (messageId) =>
          charged(account, { messageId, to: asked }),
        ),
    },
  };
}

function charged(
  account: ZenzivaAccount,
  { messageId, to }: { readonly messageId: string; readonly to: string },
): VendorResponse {
  const { balance, rupiahPerMessage } = account.config;
  account.config = { ...account.config, balance: balance - rupiahPerMessage };
  return jsonResponse(200, {
    messageId,
    to,
    status: "1",
    text: "Success",
    cost: String(rupiahPerMessage),
    balance: grouped(account.config.balance),
  });
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
