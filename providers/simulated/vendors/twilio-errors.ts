/** Twilio's errors in their one form. https://www.twilio.com/docs/api/errors, checked September 2026. */
import { jsonResponse } from "./vendor.ts";
import type { Failure, VendorRequest, VendorResponse } from "./vendor.ts";

export type TwilioError = { readonly code: number; readonly message: string };

/** HTTP status of each refusal that isn't 400. */
const STATUS_OF: Readonly<Record<number, number>> = {
  20003: 401,
  20404: 404,
  20429: 429,
  20500: 500,
  20503: 503,
  21408: 403,
};

const MESSAGE_OF: Readonly<Record<number, string>> = {
  20003: "Authenticate",
  20404: "The requested resource was not found",
  20429: "Too Many Requests",
  20500: "Internal Server Error",
  20503: "Service unavailable",
  21211: "The 'To' number is not a valid phone number.",
  21214: "'To' phone number cannot be reached",
  21215:
    "Account not authorized to call this number. Perhaps you need to enable some international permissions",
  21408:
    "Permission to send an SMS has not been enabled for the region indicated by the 'To' number.",
  21606:
    "The 'From' phone number provided is not a valid, message-capable Twilio phone number for this destination",
  21608: "The number is unverified. Trial accounts cannot send messages to unverified numbers.",
  21610: "Attempt to send to unsubscribed recipient",
  21612: "The 'To' phone number is not currently reachable using the 'From' phone number via SMS",
  21614: "'To' number is not a valid mobile number",
  30001: "Queue overflow",
  30002: "Account suspended",
  90009: "Message SID already exists",
};

export function errorResponse(
  { code, message }: TwilioError,
  options: {
    readonly status?: number;
    readonly headers?: Readonly<Record<string, string>>;
  } = {},
): VendorResponse {
  const status = options.status ?? STATUS_OF[code] ?? 400;
  return jsonResponse(
    status,
    { code, message, more_info: `https://www.twilio.com/docs/errors/${code}`, status },
    options.headers,
  );
}

export function known(code: number): TwilioError {
  return { code, message: MESSAGE_OF[code] ?? "Bad Request" };
}

export function notFound(request: VendorRequest): TwilioError {
  return { code: 20404, message: `The requested resource ${request.path} was not found` };
}

export function failureResponse(failure: Failure): VendorResponse {
  switch (failure.kind) {
    case "rate_limited": {
      const wait = failure.retryAfterSeconds;
      return errorResponse(known(20429), {
        headers: wait === null ? {} : { "retry-after": String(wait) },
      });
    }
    case "server_error":
      return errorResponse(known(failure.httpStatus === 503 ? 20503 : 20500), {
        status: failure.httpStatus,
      });
    case "unauthorized":
    case "banned":
      return errorResponse(known(20003));
    case "refused":
      return errorResponse(
        known(Number(failure.code ?? "21211")),
        failure.httpStatus === null ? {} : { status: failure.httpStatus },
      );
  }
}
