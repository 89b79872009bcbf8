/** Reads request bodies with other code than the one that wrote them. */
import type { CapturedRequest } from "./scripted-server.ts";

export function contentTypeOf(request: CapturedRequest): string {
  return request.headers["content-type"] ?? "";
}

export function jsonIn(request: CapturedRequest): unknown {
  return JSON.parse(request.body.toString("utf8"));
}

export function formIn(request: CapturedRequest): [string, string][] {
  return [...new URLSearchParams(request.body.toString("utf8"))];
}

/** Splits a multipart body by its boundary; every part must be a plain field. */
export function multipartIn(request: CapturedRequest): Record<string, string> {
  const boundary = /^multipart\/form-data; boundary=(\S+)$/.exec(contentTypeOf(request))?.[1];
  if (boundary === undefined) throw new Error(`no multipart: ${contentTypeOf(request)}`);
  const text = request.body.toString("utf8");
  const parts = text.split(`--${boundary}`);
  if (parts[0] !== "" || parts.at(-1) !== "--\r\n") throw new Error("badly delimited parts");
  return Object.fromEntries(
    parts.slice(1, -1).map((part) => {
      const match =
        /^\r\nContent-Disposition: form-data; name="([^"]+)"\r\n\r\n([\s\S]*)\r\n$/.exec(part);
      if (match === null) throw new Error(`unreadable part ${JSON.stringify(part)}`);
      return [match[1] ?? "", match[2] ?? ""];
    }),
  );
}
