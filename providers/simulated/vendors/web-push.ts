/**
 * A push service, and the browsers behind it: it checks who sends and how, keeps the message and answers 201; the browser
 * opens it with its own keys. Refusals are written as Mozilla's service writes them, the only one that describes its own.
 * RFC 8030, 8291, 8292; https://mozilla-services.github.io/autopush-rs/errors.html, checked September 2026.
 */
import { hexId } from "../ids.ts";
import type { PushAddress } from "../push-addresses.ts";
import { newMessage } from "../world.ts";
import { isRecord, jsonResponse, listOf, seenRequest } from "./vendor.ts";
import { openEnvelope, readVapid } from "./web-push-crypto.ts";
import type { Misfortune, ReceiptFate } from "../faults.ts";
import type { Network } from "../network.ts";
import type { AttachmentSeen, Button, SeenRequest } from "../seen.ts";
import type { WorldTime } from "../time.ts";
import type { ReceiptLane } from "../webhooks.ts";
import type { Account, ConfigOf, World } from "../world.ts";
import type {
  Acceptance,
  Failure,
  Reading,
  VendorRequest,
  VendorResponse,
  VendorSimulator,
} from "./vendor.ts";

type WebPushAccount = Account<ConfigOf<"web-push">>;

const BODY_BYTES_MAX = 4_096;
const TTL_SECONDS_MAX = 2_592_000;

/** Mozilla's numbers. */
const ERRNO = {
  noEndpoint: 102,
  tooLarge: 104,
  unsubscribed: 106,
  authentication: 109,
  cryptoKeys: 110,
  missingHeader: 111,
  ttl: 112,
  topic: 113,
  backOff: 201,
  unknown: 999,
} as const;

const ERRNO_BY_STATUS: Readonly<Record<number, number>> = {
  400: ERRNO.cryptoKeys,
  401: ERRNO.authentication,
  403: ERRNO.authentication,
  404: ERRNO.noEndpoint,
  410: ERRNO.unsubscribed,
  413: ERRNO.tooLarge,
  429: ERRNO.backOff,
  503: ERRNO.backOff,
};

type Shown = {
  readonly title: string;
  readonly text: string;
  readonly link: string | null;
  readonly buttons: readonly Button[];
  readonly attachment: AttachmentSeen | null;
  readonly deliveryKey: string | null;
};

export function createWebPush(parts: {
  readonly world: World;
  readonly network: Network;
  readonly time: WorldTime;
  readonly newLane: (fate: ReceiptFate) => ReceiptLane;
}): VendorSimulator {
  const { world, network, time, newLane } = parts;

  async function read(request: VendorRequest): Promise<Reading> {
    const id = /^\/push\/([\w-]+)$/.exec(request.path)?.[1] ?? "";
    const address = world.pushAddresses.get(id);
    const account = world.accountsOf("web-push").find(({ id: own }) => own === address?.accountId);
    const endpoint = `http://${request.headers.host ?? ""}/web-push${request.path}`;
    const told: Partial<SeenRequest> =
      request.method === "POST" ? { kind: "message", to: endpoint } : {};
    const refuse = (status: number, errno: number, message: string): Reading => ({
      seen: [seenRequest("web-push", request, account ?? null, told)],
      outcome: {
        kind: "answer",
        response: refusal(status, errno, message),
        refusedAs: String(errno),
      },
    });
    if (request.method !== "POST" || address === undefined || account === undefined) {
      return refuse(404, ERRNO.noEndpoint, "Invalid URL endpoint");
    }
    const vapid = readVapid(
      request.headers.authorization ?? "",
      new URL(endpoint).origin,
      time.now(),
    );
    if (typeof vapid === "string") {
      return refuse(401, ERRNO.authentication, `Invalid authentication: ${vapid}`);
    }
    if (vapid.publicKey !== bare(account.config.credentials.publicKey)) {
      return refuse(403, ERRNO.authentication, "The key is not the one that was subscribed with");
    }
    if (address.isGone) return refuse(410, ERRNO.unsubscribed, "Invalid subscription");
    const problem = headerProblem(request);
    if (problem !== null) return refuse(...problem);
    if (request.body.length > BODY_BYTES_MAX) {
      return refuse(413, ERRNO.tooLarge, "Data payload too large");
    }
    if (!account.isOnline || account.isBanned) {
      return refuse(503, ERRNO.backOff, "Use exponential back-off for retries");
    }
    const shown = showable(openEnvelope(request.body, keysOf(address)));
    return {
      seen: [
        seenRequest("web-push", request, account, {
          ...told,
          ...shown,
          details: {
            ttl: headerOf(request, "ttl"),
            urgency: headerOf(request, "urgency"),
            topic: headerOf(request, "topic"),
          },
        }),
      ],
      outcome: {
        kind: "accept",
        accept: ([misfortune]) => accept(account, address, shown, request, misfortune),
      },
    };
  }

  function accept(
    account: WebPushAccount,
    address: PushAddress,
    shown: Shown | null,
    request: VendorRequest,
    misfortune: Misfortune | undefined,
  ): Acceptance {
    if (misfortune === undefined) throw new Error("every recipient has its misfortune");
    const id = `http://${request.headers.host ?? ""}/web-push/message/${hexId(16)}`;
    const topic = headerOf(request, "topic");
    const ttlMs = Number(headerOf(request, "ttl")) * 1_000;
    const message = newMessage({
      id,
      networkId: null,
      vendor: "web-push",
      accountId: account.id,
      sender: account.config.sender,
      medium: "push",
      to: address.phone,
      group: null,
      title: shown?.title ?? null,
      text: shown?.text ?? "",
      link: shown?.link ?? null,
      template: null,
      buttons: shown?.buttons ?? [],
      attachment: shown?.attachment ?? null,
      deliveryKey: shown?.deliveryKey ?? null,
      callbackUrl: null,
      acceptedAt: time.now(),
      messagingServiceSid: null,
      // A browser that cannot open a message drops it in silence.
      fate: shown === null ? { ...misfortune.message, isLost: true } : misfortune.message,
      receipts: newLane(misfortune.receipts),
      expiry: null,
      collapseKey: topic === "" ? null : `${address.id} ${topic}`,
      lapsesAt: time.now() + ttlMs * time.timeScale,
    });
    world.keepMessage(message);
    return {
      response: { status: 201, headers: { location: id }, body: "" },
      providerMessageIds: [id],
      start: async (isEarly) => {
        if (isEarly) await network.startAtOnce(message);
        else network.start(message);
      },
    };
  }

  return {
    vendor: "web-push",
    read,
    fail,
    failureCodes: { typical: "410", notOnWhatsApp: "410", notAMember: "410" },
    receipts: () => [],
    inbound: () => ({ kind: "unreported", reason: "a push service tells nobody of answers" }),
    queued: () => [],
    deviceChanged: () => [],
    templateChanged: () => [],
    tellsMembers: false,
  };
}

type HeaderProblem = readonly [status: number, errno: number, message: string];

function headerProblem(request: VendorRequest): HeaderProblem | null {
  if (headerOf(request, "content-encoding") !== "aes128gcm") {
    return [400, ERRNO.missingHeader, "Missing Crypto Headers"];
  }
  const ttl = headerOf(request, "ttl");
  if (ttl === "") return [400, ERRNO.missingHeader, "Missing TTL Header"];
  if (!/^\d{1,9}$/.test(ttl) || Number(ttl) > TTL_SECONDS_MAX) {
    return [400, ERRNO.ttl, "Invalid TTL header value"];
  }
  if (!/^[A-Za-z0-9]{0,32}$/.test(headerOf(request, "topic"))) {
    return [400, ERRNO.topic, "Invalid Topic header value"];
  }
  if (!/^(very-low|low|normal|high|)$/.test(headerOf(request, "urgency"))) {
    return [400, ERRNO.missingHeader, "Invalid Urgency header value"];
  }
  return null;
}

/** What a service worker shows that hands the message to `showNotification`; null for what it could not read. */
function showable(payload: string | null): Shown | null {
  if (payload === null) return null;
  const message = parseRecord(payload);
  const data = isRecord(message["data"]) ? message["data"] : {};
  const image = textOf(message["image"]);
  return {
    title: textOf(message["title"]) ?? "",
    text: textOf(message["body"]) ?? "",
    link: textOf(data["url"]),
    buttons: (listOf(message["actions"]) ?? []).flatMap((action) =>
      isRecord(action)
        ? [{ id: textOf(action["action"]) ?? "", title: textOf(action["title"]) ?? "" }]
        : [],
    ),
    attachment: image === null ? null : { kind: "image", url: image, fileName: null },
    deliveryKey: textOf(data["deliveryId"]),
  };
}

function fail(failure: Failure): VendorResponse {
  switch (failure.kind) {
    case "rate_limited": {
      const wait = failure.retryAfterSeconds;
      const headers = wait === null ? {} : { "retry-after": String(wait) };
      return refusal(429, ERRNO.backOff, "Too many requests", headers);
    }
    case "server_error":
      return refusal(failure.httpStatus, ERRNO.unknown, "Unknown error");
    case "unauthorized":
    case "banned":
      return refusal(401, ERRNO.authentication, "Invalid authentication");
    case "refused": {
      const status = failure.httpStatus ?? Number(failure.code ?? 410);
      const known = ERRNO_BY_STATUS[status] === undefined ? 410 : status;
      return refusal(known, ERRNO_BY_STATUS[known] ?? ERRNO.unknown, "Refused");
    }
  }
}

function refusal(
  status: number,
  errno: number,
  message: string,
  headers: Readonly<Record<string, string>> = {},
): VendorResponse {
  const body = { code: status, errno, error: "Error", message, more_info: "" };
  return jsonResponse(status, body, headers);
}

function headerOf(request: VendorRequest, name: string): string {
  const value = request.headers[name];
  return typeof value === "string" ? value : "";
}

function bare(key: string): string {
  return key.replace(/=+$/, "");
}

/** Browsers always have keys; apps are another vendor's. */
function keysOf(address: PushAddress): NonNullable<PushAddress["keys"]> {
  if (address.keys === null) throw new Error("a browser has keys");
  return address.keys;
}

function textOf(value: unknown): string | null {
  return typeof value === "string" ? value : null;
}

function parseRecord(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    return isRecord(value) ? value : {};
  } catch {
    return {};
  }
}
