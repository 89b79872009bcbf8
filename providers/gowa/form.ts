import { randomUUID } from "node:crypto";

export type FormFile = {
  readonly field: string;
  readonly fileName: string;
  readonly contentType: string;
  readonly bytes: Uint8Array;
};

/** A multipart form with one file. Written by hand because FormData would turn the line ends of a text into CR LF. */
export function multipart(
  fields: Readonly<Record<string, string>>,
  file: FormFile,
): { readonly contentType: string; readonly body: Uint8Array } {
  const boundary = `siaga-${randomUUID()}`;
  const parts = Object.entries(fields).map(([name, value]) =>
    Buffer.from(
      `--${boundary}\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`,
    ),
  );
  const head = Buffer.from(
    `--${boundary}\r\nContent-Disposition: form-data; name="${file.field}"; filename="${quoted(file.fileName)}"\r\n` +
      `Content-Type: ${oneLine(file.contentType)}\r\n\r\n`,
  );
  return {
    contentType: `multipart/form-data; boundary=${boundary}`,
    body: Buffer.concat([...parts, head, file.bytes, Buffer.from(`\r\n--${boundary}--\r\n`)]),
  };
}

/** As browsers write names of files: https://html.spec.whatwg.org/multipage/form-control-infrastructure.html#multipart-form-data. */
function quoted(name: string): string {
  return name.replace(/\r/g, "%0D").replace(/\n/g, "%0A").replace(/"/g, "%22");
}

function oneLine(text: string): string {
  return text.replace(/[\r\n]+/g, " ");
}
