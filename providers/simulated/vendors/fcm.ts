/**
 * Firebase Cloud Messaging and the sign-in before it: a statement signed with the service account's key gets an access
 * token, the token may send. Answers as Google's APIs write them. What the pages leave open is decided as: a token that
 * nobody was given is unregistered, one of another project is a mismatch.
 * https://firebase.google.com/docs/reference/fcm/rest/v1/projects.messages/send,
 * https://developers.google.com/identity/protocols/oauth2/service-account, checked September 2026.
 */
import { createHmac, verify } from "node:crypto";

import { hexId } from "../ids.ts";
import type { PushAddress } from "../push-addresses.ts";
import { newMessage } from "../world.ts";
import { keyOf } from "./fcm-account.ts";
import { readRequest } from "./fcm-request.ts";
import type { FcmRequest, Violation } from "./fcm-request.ts";
import { isRecord, jsonResponse, seenRequest } from "./vendor.ts";
import type { Misfortune, ReceiptFate } from "../faults.ts";
import type { Network } from "../network.ts";
import type { SeenRequest } from "../seen.ts";
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

type FcmAccount = Account<ConfigOf<"fcm">>;

const TOKEN_SECONDS = 3_599;
const TTL_SECONDS_DEFAULT = 2_419_200;
const SCOPES: readonly string[] = [
  "https://www.googleapis.com/auth/firebase.messaging",
  "https://www.googleapis.com/auth/cloud-platform",
];

/** FCM's codes with the status and the canonical word that Google's APIs give with them. */
const CODES: Readonly<Record<string, readonly [status: number, word: string]>> = {
  UNREGISTERED: [404, "NOT_FOUND"],
  INVALID_ARGUMENT: [400, "INVALID_ARGUMENT"],
  SENDER_ID_MISMATCH: [403, "PERMISSION_DENIED"],
  QUOTA_EXCEEDED: [429, "RESOURCE_EXHAUSTED"],
  UNAVAILABLE: [503, "UNAVAILABLE"],
  INTERNAL: [500, "INTERNAL"],
  THIRD_PARTY_AUTH_ERROR: [401, "UNAUTHENTICATED"],
};

export function createFcm(parts: {
  readonly world: World;
  readonly network: Network;
  readonly time: WorldTime;
  readonly newLane: (fate: ReceiptFate) => ReceiptLane;
}): VendorSimulator {
  const { world, network, time, newLane } = parts;

  async function read(request: VendorRequest): Promise<Reading> {
    if (request.method === "POST" && request.path === "/token") return readSignIn(request);
    const project = /^\/v1\/projects\/([^/]+)\/messages:send$/.exec(request.path)?.[1];
    if (request.method !== "POST" || project === undefined) {
      return refused(request, null, {}, refusal(404, "NOT_FOUND", []), "NOT_FOUND");
    }
    return readSend(request, project);
  }

  function readSignIn(request: VendorRequest): Reading {
    const form = new URLSearchParams(request.body.toString("utf8"));
    const assertion = form.get("assertion") ?? "";
    const account = world
      .accountsOf("fcm")
      .find(({ config }) => isSignedBy(config.credentials.serviceAccount, assertion));
    const isAsked = form.get("grant_type") === "urn:ietf:params:oauth:grant-type:jwt-bearer";
    const audience = `http://${request.headers.host ?? ""}/fcm/token`;
    if (account === undefined || !isAsked || !isStatement(assertion, audience, time.now())) {
      const body = { error: "invalid_grant", error_description: "Invalid JWT Signature." };
      return refused(request, account ?? null, {}, jsonResponse(400, body), "invalid_grant");
    }
    const token = accessToken(account, time.now() + TOKEN_SECONDS * 1_000);
    const body = { access_token: token, expires_in: TOKEN_SECONDS, token_type: "Bearer" };
    return {
      seen: [seenRequest("fcm", request, account, {})],
      outcome: { kind: "answer", response: jsonResponse(200, body), refusedAs: null },
    };
  }

  function readSend(request: VendorRequest, project: string): Reading {
    const told: Partial<SeenRequest> = { kind: "message" };
    const account = accountOf(request.headers.authorization ?? "");
    if (account === null) {
      const response = refusal(401, "UNAUTHENTICATED", []);
      return refused(request, null, told, response, "UNAUTHENTICATED");
    }
    if (account.config.sender !== project || account.isBanned) {
      const response = refusal(403, "PERMISSION_DENIED", []);
      return refused(request, account, told, response, "PERMISSION_DENIED");
    }
    const asked = readRequest(request.body.toString("utf8"));
    if ("field" in asked) {
      return refused(request, account, told, badRequest(asked), "INVALID_ARGUMENT");
    }
    const seen = { ...told, ...seenIn(asked) };
    if (!account.isOnline) return byCode(request, account, seen, "UNAVAILABLE");
    if (asked.validate_only === true) return validated(request, account, seen, project);
    const address = world.pushAddresses.get(asked.message.token ?? "");
    if (address?.vendor !== "fcm" || address.isGone) {
      return byCode(request, account, seen, "UNREGISTERED");
    }
    if (address.accountId !== account.id) {
      return byCode(request, account, seen, "SENDER_ID_MISMATCH");
    }
    return {
      seen: [seenRequest("fcm", request, account, seen)],
      outcome: {
        kind: "accept",
        accept: ([misfortune]) => accept(account, address, asked, misfortune),
      },
    };
  }

  function accountOf(authorization: string): FcmAccount | null {
    const until = Number(/^Bearer ya29\.(\d+)\./.exec(authorization)?.[1] ?? 0);
    if (until < time.now()) return null;
    const isOwn = (account: FcmAccount): boolean =>
      authorization === `Bearer ${accessToken(account, until)}`;
    return world.accountsOf("fcm").find(isOwn) ?? null;
  }

  function refused(
    request: VendorRequest,
    account: FcmAccount | null,
    seen: Partial<SeenRequest>,
    response: VendorResponse,
    refusedAs: string,
  ): Reading {
    return {
      seen: [seenRequest("fcm", request, account, seen)],
      outcome: { kind: "answer", response, refusedAs },
    };
  }

  function byCode(
    request: VendorRequest,
    account: FcmAccount,
    seen: Partial<SeenRequest>,
    code: string,
  ): Reading {
    return refused(request, account, seen, refusalByCode(code, null), code);
  }

  function validated(
    request: VendorRequest,
    account: FcmAccount,
    seen: Partial<SeenRequest>,
    project: string,
  ): Reading {
    const body = { name: `projects/${project}/messages/fake_message_id` };
    return {
      seen: [seenRequest("fcm", request, account, { ...seen, kind: "other" })],
      outcome: { kind: "answer", response: jsonResponse(200, body), refusedAs: null },
    };
  }

  function accept(
    account: FcmAccount,
    address: PushAddress,
    asked: FcmRequest,
    misfortune: Misfortune | undefined,
  ): Acceptance {
    if (misfortune === undefined) throw new Error("every recipient has its misfortune");
    const name = `projects/${account.config.sender}/messages/0:${time.now()}${world.nextNumber()}%${hexId(8)}`;
    const seen = seenIn(asked);
    const { android } = asked.message;
    const ttlSeconds = Number.parseFloat(android?.ttl ?? `${TTL_SECONDS_DEFAULT}`);
    const collapse = android?.collapse_key;
    const message = newMessage({
      id: name,
      networkId: null,
      vendor: "fcm",
      accountId: account.id,
      sender: account.config.sender,
      medium: "push",
      to: address.phone,
      group: null,
      title: seen.title,
      text: seen.text ?? "",
      link: seen.link,
      template: null,
      buttons: [],
      attachment: seen.attachment,
      deliveryKey: seen.deliveryKey,
      callbackUrl: null,
      acceptedAt: time.now(),
      messagingServiceSid: null,
      fate: misfortune.message,
      receipts: newLane(misfortune.receipts),
      expiry: null,
      collapseKey: collapse === undefined ? null : `${address.id} ${collapse}`,
      lapsesAt: time.now() + ttlSeconds * 1_000 * time.timeScale,
    });
    world.keepMessage(message);
    return {
      response: jsonResponse(200, { name }),
      providerMessageIds: [name],
      start: async (isEarly) => {
        if (isEarly) await network.startAtOnce(message);
        else network.start(message);
      },
    };
  }

  return {
    vendor: "fcm",
    read,
    fail,
    failureCodes: {
      typical: "UNREGISTERED",
      notOnWhatsApp: "UNREGISTERED",
      notAMember: "UNREGISTERED",
    },
    receipts: () => [],
    inbound: () => ({ kind: "unreported", reason: "FCM tells nobody of answers" }),
    queued: () => [],
    deviceChanged: () => [],
    templateChanged: () => [],
    tellsMembers: false,
  };
}

/** Made of what is known anyway, so that it outlives a restart of the sandbox as Google's outlive one of ours. */
function accessToken({ config }: FcmAccount, until: number): string {
  const { serviceAccount } = config.credentials;
  const proof = createHmac("sha256", serviceAccount).update(String(until)).digest("base64url");
  return `ya29.${until}.${proof}`;
}

function seenIn({ message }: FcmRequest) {
  const { android, data = {}, notification = {} } = message;
  return {
    to: message.token ?? message.topic ?? message.condition ?? message.fid ?? null,
    title: notification.title ?? null,
    text: notification.body ?? null,
    link: data["url"] ?? null,
    deliveryKey: data["deliveryId"] ?? null,
    attachment:
      notification.image === undefined
        ? null
        : ({ kind: "image", url: notification.image, fileName: null } as const),
    details: {
      priority: android?.priority ?? "",
      ttl: android?.ttl ?? "",
      tag: android?.notification?.tag ?? "",
    },
  };
}

function fail(failure: Failure): VendorResponse {
  switch (failure.kind) {
    case "rate_limited":
      return refusalByCode("QUOTA_EXCEEDED", failure.retryAfterSeconds);
    case "server_error":
      return failure.httpStatus === 503
        ? refusalByCode("UNAVAILABLE", null)
        : refusal(failure.httpStatus, "INTERNAL", [detailOf("INTERNAL")]);
    case "unauthorized":
      return refusal(401, "UNAUTHENTICATED", []);
    case "banned":
      return refusal(403, "PERMISSION_DENIED", []);
    case "refused": {
      const response = refusalByCode(failure.code ?? "UNREGISTERED", null);
      return { ...response, status: failure.httpStatus ?? response.status };
    }
  }
}

function refusalByCode(code: string, retryAfterSeconds: number | null): VendorResponse {
  const [status, word] = CODES[code] ?? [400, "INVALID_ARGUMENT"];
  const response = refusal(status, word, [detailOf(code)]);
  return retryAfterSeconds === null
    ? response
    : { ...response, headers: { ...response.headers, "retry-after": `${retryAfterSeconds}` } };
}

function badRequest(violation: Violation): VendorResponse {
  return refusal(400, "INVALID_ARGUMENT", [
    { "@type": "type.googleapis.com/google.rpc.BadRequest", fieldViolations: [violation] },
  ]);
}

function detailOf(errorCode: string): unknown {
  return { "@type": "type.googleapis.com/google.firebase.fcm.v1.FcmError", errorCode };
}

function refusal(status: number, word: string, details: readonly unknown[]): VendorResponse {
  const error = { code: status, message: "The request was refused.", status: word };
  return jsonResponse(status, {
    error: details.length === 0 ? error : { ...error, details },
  });
}

function isSignedBy(serviceAccount: string, assertion: string): boolean {
  const [header = "", claims = "", signature = ""] = assertion.split(".");
  const { clientEmail, publicKey } = keyOf(serviceAccount);
  return (
    partOf(header)["alg"] === "RS256" &&
    partOf(claims)["iss"] === clientEmail &&
    verify(
      "RSA-SHA256",
      Buffer.from(`${header}.${claims}`),
      publicKey,
      Buffer.from(signature, "base64url"),
    )
  );
}

/** Of now, for this address, for at most an hour, and for pushing. */
function isStatement(assertion: string, audience: string, nowMs: number): boolean {
  const claims = partOf(assertion.split(".")[1] ?? "");
  const issuedAt = Number(claims["iat"]);
  const endsAt = Number(claims["exp"]);
  const now = nowMs / 1_000;
  const scopes = String(claims["scope"]).split(" ");
  return (
    claims["aud"] === audience &&
    issuedAt <= now + 300 &&
    endsAt > now &&
    endsAt - issuedAt <= 3_600 &&
    scopes.some((scope) => SCOPES.includes(scope))
  );
}

function partOf(part: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, "base64url").toString("utf8"));
    return isRecord(value) ? value : {};
  } catch {
    return {};
  }
}
