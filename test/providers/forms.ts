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
  return Object.fromEntries(
    partsIn(request).map((part) => {
      const match =
        /^\r\nContent-Disposition: form-data; name="([^"]+)"\r\n\r\n([\s\S]*)\r\n$/.exec(part);
      if (match === null) throw new Error(`unreadable part ${JSON.stringify(part)}`);
      return [match[1] ?? "", utf8(match[2] ?? "")];
    }),
  );
}

/** The same where parts may be files, each written as its name, type and bytes in Base64. */
export function multipartWithFilesIn(request: CapturedRequest): Record<string, string> {
  return Object.fromEntries(
    partsIn(request).map((part) => {
      const match =
        /^\r\nContent-Disposition: form-data; name="([^"]+)"(?:; filename="([^"]+)"\r\nContent-Type: (\S+))?\r\n\r\n([\s\S]*)\r\n$/.exec(
          part,
        );
      if (match === null) throw new Error(`unreadable part ${JSON.stringify(part)}`);
      const [, name = "", fileName, contentType, content = ""] = match;
      if (fileName === undefined) return [name, utf8(content)];
      const base64 = Buffer.from(content, "latin1").toString("base64");
      return [name, `${utf8(fileName)} ${contentType} ${base64}`];
    }),
  );
}

/** One character for each byte, so that files stay whole. */
function partsIn(request: CapturedRequest): readonly string[] {
  const boundary = /^multipart\/form-data; boundary=(\S+)$/.exec(contentTypeOf(request))?.[1];
  if (boundary === undefined) throw new Error(`no multipart: ${contentTypeOf(request)}`);
  const parts = request.body.toString("latin1").split(`--${boundary}`);
  if (parts[0] !== "" || parts.at(-1) !== "--\r\n") throw new Error("badly delimited parts");
  return parts.slice(1, -1);
}

function utf8(bytes: string): string {
  return Buffer.from(bytes, "latin1").toString("utf8");
}
