/**
 * Meta's errors: codes with their titles and HTTP statuses, in the one form that answers and failed receipts share.
 * https://developers.facebook.com/documentation/business-messaging/whatsapp/support/error-codes, checked September 2026.
 */
import { hexId } from "../ids.ts";
import { jsonResponse } from "./vendor.ts";
import type { Failure, VendorResponse } from "./vendor.ts";

export type MetaError = { readonly code: number; readonly details: string };

/** Title and HTTP status of each code; the codes of the error page that have a use here. */
const ERRORS: Readonly<Record<number, readonly [status: number, title: string]>> = {
  0: [401, "AuthException"],
  1: [400, "API Unknown"],
  2: [503, "API Service"],
  3: [500, "API Method"],
  4: [400, "API Too Many Calls"],
  10: [403, "Permission Denied"],
  33: [400, "Parameter value is not valid"],
  100: [400, "Invalid parameter"],
  190: [401, "Access token has expired"],
  200: [403, "API Permission"],
  368: [403, "Temporarily blocked for policies violations"],
  80007: [400, "Rate limit issues"],
  130429: [429, "Rate limit hit"],
  130472: [400, "User's number is part of an experiment"],
  131000: [500, "Something went wrong"],
  131008: [400, "Required parameter is missing"],
  131009: [400, "Parameter value is not valid"],
  131016: [503, "Service unavailable"],
  131020: [400, "Group has only one participant"],
  131026: [400, "Message undeliverable"],
  131030: [400, "Recipient phone number not in allowed list"],
  131031: [403, "Account has been locked"],
  131041: [400, "Unknown group"],
  131042: [400, "Business eligibility payment issue"],
  131047: [400, "Re-engagement message"],
  131048: [400, "Spam rate limit hit"],
  131049: [400, "Message not delivered to maintain healthy ecosystem engagement"],
  131050: [400, "User has stopped marketing messages from this business"],
  131051: [400, "Unsupported message type"],
  131052: [400, "Media download error"],
  131053: [400, "Media upload error"],
  131056: [400, "(Business Account, Consumer Account) pair rate limit hit"],
  131207: [400, "Group suspended"],
  131208: [429, "Group rate limit hit"],
  132000: [400, "Number of parameters does not match the expected number of params"],
  132001: [404, "Template name does not exist in the translation"],
  132005: [400, "Translated text too long"],
  132007: [400, "Template format character policy violated"],
  132012: [400, "Parameter format does not match format in the created template"],
  132015: [400, "Template is paused"],
  132016: [400, "Template is disabled"],
  133010: [400, "Phone number not registered"],
  133016: [429, "Account register deregister rate limit exceeded"],
};

export function errorResponse(
  { code, details }: MetaError,
  options: {
    readonly status?: number;
    readonly headers?: Readonly<Record<string, string>>;
  } = {},
): VendorResponse {
  const [status, title] = ERRORS[code] ?? [400, "API Unknown"];
  return jsonResponse(
    options.status ?? status,
    {
      error: {
        message: `(#${code}) ${title}`,
        type: "OAuthException",
        code,
        error_data: { messaging_product: "whatsapp", details },
        fbtrace_id: `A${hexId(11)}`,
      },
    },
    options.headers,
  );
}

export function failureResponse(failure: Failure): VendorResponse {
  switch (failure.kind) {
    case "rate_limited": {
      const wait = failure.retryAfterSeconds;
      const headers = wait === null ? {} : { "retry-after": String(wait) };
      return errorResponse({ code: 130429, details: "Rate limit hit" }, { headers });
    }
    case "server_error": {
      const code = failure.httpStatus === 503 ? 131016 : 131000;
      return errorResponse({ code, details: titleOf(code) }, { status: failure.httpStatus });
    }
    case "unauthorized":
      return errorResponse({ code: 190, details: "The session has been invalidated" });
    case "banned":
      return errorResponse({ code: 131031, details: "Account is locked" });
    case "refused": {
      const code = Number(failure.code ?? "131026");
      const options = failure.httpStatus === null ? {} : { status: failure.httpStatus };
      return errorResponse({ code, details: titleOf(code) }, options);
    }
  }
}

export function missing(parameter: string): MetaError {
  return invalid(`The parameter ${parameter} is required.`);
}

export function missingNested(parameter: string): MetaError {
  return { code: 131008, details: `${parameter} is required` };
}

export function invalid(details: string): MetaError {
  return { code: 100, details };
}

export function badValue(details: string): MetaError {
  return { code: 131009, details };
}

export function unknownObject(node: string): MetaError {
  return {
    code: 100,
    details: `Object with ID '${node}' does not exist, cannot be loaded due to missing permissions, or does not support this operation`,
  };
}

export function titleOf(code: number): string {
  return ERRORS[code]?.[1] ?? "API Unknown";
}
