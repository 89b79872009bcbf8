/**
 * How Fonnte says no: HTTP 200 with a failure flag, seen in several spellings; what stands in front of its API answers with
 * pages.
 */
import { jsonResponse } from "./vendor.ts";
import type { Failure, VendorResponse } from "./vendor.ts";

export function failureResponse(
  failure: Failure,
  refuse: (reason: string) => VendorResponse,
  nextNumber: () => number,
): VendorResponse {
  switch (failure.kind) {
    case "rate_limited": {
      const wait = failure.retryAfterSeconds;
      return page(429, wait === null ? {} : { "retry-after": String(wait) });
    }
    case "server_error":
      return page(failure.httpStatus, {});
    case "unauthorized":
      return refuse("token invalid");
    case "banned":
      return refuse("request invalid on disconnected device");
    case "refused": {
      const reason = failure.code ?? "request invalid on disconnected device";
      const status = failure.httpStatus ?? 200;
      const requestid = nextNumber();
      switch (failure.shape) {
        case "usual":
          return jsonResponse(status, { reason, requestid, status: false });
        case "capitalised":
          return jsonResponse(status, { Status: false, reason, requestid });
        case "text":
          return jsonResponse(status, { reason, requestid, status: "false" });
        case "detail":
          return jsonResponse(status, { detail: reason, requestid, status: false });
      }
    }
  }
}

/** What stands in front of the API answers with pages. */
export function page(status: number, headers: Readonly<Record<string, string>>): VendorResponse {
  const titles: Readonly<Record<number, string>> = {
    404: "Not Found",
    429: "Too Many Requests",
    500: "Internal Server Error",
    502: "Bad Gateway",
    503: "Service Temporarily Unavailable",
    504: "Gateway Time-out",
  };
  const title = `${status} ${titles[status] ?? "Error"}`;
  return {
    status,
    headers: { "content-type": "text/html", ...headers },
    body: `<html>\r\n<head><title>${title}</title></head>\r\n<body>\r\n<center><h1>${title}</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n`,
  };
}

export function notFound(): VendorResponse {
  return page(404, {});
}
