/**
 * What the simulated gateways for SMS alone have in common: one message to one phone per request, an HTML page where the gateway itself fails, and no word about a
 * message afterwards. How a request is read and in which words it is answered is each vendor's own.
 */
import { newMessage } from "../world.ts";
import { page } from "./fonnte-failures.ts";
import { seenRequest } from "./vendor.ts";
import type { Misfortune, ReceiptFate } from "../faults.ts";
import type { Network } from "../network.ts";
import type { WorldTime } from "../time.ts";
import type { ReceiptLane } from "../webhooks.ts";
import type { Account, World } from "../world.ts";
import type {
  Acceptance,
  Failure,
  Reading,
  VendorRequest,
  VendorResponse,
  VendorSimulator,
} from "./vendor.ts";

type SendOnlyVendor = "nusasms" | "zenziva";

export type SmsParts = {
  readonly world: World;
  readonly network: Network;
  readonly time: WorldTime;
  readonly newLane: (fate: ReceiptFate) => ReceiptLane;
};

/** Takes the message of a valid request; `respond` gets its id. */
export type AcceptSms = (
  account: Account,
  order: { readonly phone: string; readonly text: string },
  misfortunes: readonly Misfortune[],
  respond: (messageId: string) => VendorResponse,
) => Acceptance;

export type SmsGateway = {
  readonly vendor: SendOnlyVendor;
  /** A request for one of its pages; null: it has no such page. */
  readonly read: (request: VendorRequest, accept: AcceptSms) => Promise<Reading | null>;
  /** In its words or codes; HTTP 200 if not given. */
  readonly refuse: (what: string, httpStatus?: number) => VendorResponse;
  readonly wrongCredentials: string;
  readonly wrongNumber: string;
  /** Why nobody can write to it. */
  readonly noInbound: string;
};

export function createSendOnlySms(parts: SmsParts, gateway: SmsGateway): VendorSimulator {
  const { network, newLane, time, world } = parts;
  const { vendor } = gateway;

  function accept(
    account: Account,
    { phone, text }: { readonly phone: string; readonly text: string },
    [misfortune]: readonly Misfortune[],
    respond: (messageId: string) => VendorResponse,
  ): Acceptance {
    if (misfortune === undefined) throw new Error("every recipient has its misfortune");
    const message = newMessage({
      id: String(world.nextNumber()),
      networkId: null,
      vendor,
      accountId: account.id,
      sender: account.config.sender,
      medium: "sms",
      to: phone,
      group: null,
      text,
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
    world.keepMessage(message);
    return {
      response: respond(message.id),
      providerMessageIds: [message.id],
      start: async (isEarly) => {
        if (isEarly) await network.startAtOnce(message);
        else network.start(message);
      },
    };
  }

  async function read(request: VendorRequest): Promise<Reading> {
    return (
      (await gateway.read(request, accept)) ?? {
        seen: [seenRequest(vendor, request, null, {})],
        outcome: { kind: "answer", response: page(404, {}), refusedAs: "not found" },
      }
    );
  }

  return {
    vendor,
    read,
    fail: (failure) => fail(gateway, failure),
    failureCodes: { typical: "failed", notOnWhatsApp: "failed", notAMember: "failed" },
    receipts: () => [],
    inbound: () => ({ kind: "unreported", reason: gateway.noInbound }),
    queued: () => [],
    deviceChanged: () => [],
    templateChanged: () => [],
    tellsMembers: false,
  };
}

function fail(
  { refuse, wrongCredentials, wrongNumber }: SmsGateway,
  failure: Failure,
): VendorResponse {
  switch (failure.kind) {
    case "rate_limited": {
      const wait = failure.retryAfterSeconds;
      return page(429, wait === null ? {} : { "retry-after": String(wait) });
    }
    case "server_error":
      return page(failure.httpStatus, {});
    case "unauthorized":
    case "banned":
      return refuse(wrongCredentials);
    case "refused":
      return refuse(failure.code ?? wrongNumber, failure.httpStatus ?? 200);
  }
}
