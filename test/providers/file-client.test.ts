import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { createAddressGuard } from "../../providers/address-guard.ts";
import type { AddressGuard } from "../../providers/address-guard.ts";
import { createFileClient, FileUnavailable } from "../../providers/file-client.ts";
import type { FileRequest } from "../../providers/file-client.ts";
import { rememberFiles } from "../../providers/file-memory.ts";
import { PNG, startFileServer } from "../support/file-server.ts";
import type { FileAnswer, FileServer } from "../support/file-server.ts";

let server: FileServer;
beforeAll(async () => {
  server = await startFileServer();
});
afterAll(() => server.close());

const BYTES_MAX = 1_000;
const IMAGE = { "content-type": "image/png" };
const here = createAddressGuard({ allowsThisMachine: true });

function request(url: string, over: Partial<FileRequest> = {}): FileRequest {
  return { url, kind: "image", bytesMax: BYTES_MAX, timeoutMs: 2_000, ...over };
}

async function verdict(asking: Promise<unknown>): Promise<string> {
  try {
    await asking;
    return "had";
  } catch (error) {
    if (error instanceof FileUnavailable) return error.reason;
    throw error;
  }
}

describe("a file", () => {
  it("comes with its bytes and its type", async () => {
    const url = server.answer("/odp.png", {
      headers: { "content-type": "image/png; charset=binary" },
      body: PNG,
    });
    const file = await createFileClient(here).fetch(request(url));
    expect(file.contentType).toBe("image/png");
    expect(Buffer.from(file.bytes).equals(PNG)).toBe(true);
  });

  it.each<[string, FileAnswer, string, string]>([
    ["/missing", { status: 404 }, "refused", "not there"],
    ["/forbidden", { status: 403 }, "refused", "not for us"],
    ["/broken", { status: 500 }, "refused", "a fault"],
    ["/part", { status: 206, headers: IMAGE, body: PNG }, "refused", "a part of it"],
    ["/page", { headers: { "content-type": "text/html" }, body: "<p>" }, "content_type", "a page"],
    ["/svg", { headers: { "content-type": "image/svg+xml" }, body: "x" }, "content_type", "runs"],
    [
      "/pdf",
      { headers: { "content-type": "application/pdf" }, body: "%" },
      "content_type",
      "no image",
    ],
    ["/untyped", { body: PNG }, "content_type", "of no type"],
    [
      "/packed",
      { headers: { ...IMAGE, "content-encoding": "gzip" }, body: PNG },
      "content_type",
      "packed although nobody asked for it: it could unpack to anything",
    ],
    ["/empty", { headers: IMAGE, body: "" }, "empty", "nothing"],
    ["/below", { headers: IMAGE, body: "x".repeat(BYTES_MAX - 1) }, "had", "just below the limit"],
    ["/at", { headers: IMAGE, body: "x".repeat(BYTES_MAX) }, "had", "at the limit"],
    ["/above", { headers: IMAGE, body: "x".repeat(BYTES_MAX + 1) }, "too_large", "just above"],
    ["/silent", "silent", "timeout", "a server that says nothing"],
    ["/reset", "reset", "unreachable", "a connection that breaks"],
    ["/lost", { status: 302 }, "refused", "a redirect to nowhere"],
  ])("%s answered with %j is %s: %s", async (path, answer, expected, _why) => {
    const url = server.answer(path, answer);
    const asked = request(url, { timeoutMs: path === "/silent" ? 100 : 2_000 });
    expect(await verdict(createFileClient(here).fetch(asked))).toBe(expected);
    expect(await verdict(createFileClient(here).check(asked)), "its head alone").toBe(expected);
  });

  it("may take a part of a millisecond", async () => {
    const url = server.answer("/odp.png", { headers: IMAGE, body: PNG });
    const asked = request(url, { timeoutMs: 871.75 });
    expect(await verdict(createFileClient(here).fetch(asked))).toBe("had");
  });

  it("that hides its size is given up where the limit is passed", async () => {
    const body = "x".repeat(BYTES_MAX * 3);
    const url = server.answer("/hidden", { headers: IMAGE, body, chunks: 30 });
    expect(await verdict(createFileClient(here).fetch(request(url)))).toBe("too_large");
  });

  it.each([
    ["application/pdf", "had"],
    ["image/jpeg", "had"],
    ["text/plain", "had"],
    ["application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "had"],
    ["text/html", "content_type"],
    ["application/x-msdownload", "content_type"],
    ["application/octet-stream", "content_type"],
  ])("of type %s as a document: %s", async (type, expected) => {
    const url = server.answer("/document", { headers: { "content-type": type }, body: "x" });
    const asked = request(url, { kind: "document" });
    expect(await verdict(createFileClient(here).fetch(asked))).toBe(expected);
  });

  it("says nothing of its address when it can't be had", async () => {
    const url = server.answer("/secret?token=abc", { status: 404 });
    const failure: unknown = await createFileClient(here)
      .fetch(request(url))
      .catch((error: unknown) => error);
    expect(String(failure)).not.toMatch(/127\.0|secret|token/);
  });
});

describe("a redirect", () => {
  const chain = (hops: number): string => {
    for (let hop = hops; hop > 0; hop -= 1) {
      server.answer(`/hop/${hop}`, { status: 302, headers: { location: `/hop/${hop - 1}` } });
    }
    server.answer("/hop/0", { headers: IMAGE, body: PNG });
    return `${server.url}/hop/${hops}`;
  };

  it.each([
    [2, "had", "just below"],
    [3, "had", "at the limit"],
    [4, "too_many_redirects", "just above"],
  ])("followed %d times: %s: %s", async (hops, expected, _why) => {
    expect(await verdict(createFileClient(here).fetch(request(chain(hops))))).toBe(expected);
  });

  it.each<[string, string]>([
    ["http://10.0.0.1/inside", "another machine of the network"],
    ["http://169.254.169.254/latest/meta-data/", "the metadata service"],
    ["http://[::ffff:10.0.0.1]/", "the same inside IPv6"],
    ["http://0x0a000001/", "the same in hexadecimal"],
    ["file:///etc/passwd", "this machine's files"],
  ])("to %s is refused: %s", async (location, _why) => {
    const url = server.answer("/away", { status: 301, headers: { location } });
    expect(await verdict(createFileClient(here).fetch(request(url)))).toBe("address_refused");
  });
});

describe("a name", () => {
  /** Says once that the name leads here, as a rebinding server would, and then elsewhere. */
  function rebinding(): { readonly guard: AddressGuard; readonly asked: () => number } {
    let asked = 0;
    const guard = createAddressGuard({
      allowsThisMachine: true,
      resolve: () => {
        asked += 1;
        return Promise.resolve([asked === 1 ? "127.0.0.1" : "10.0.0.1"]);
      },
    });
    return { guard, asked: () => asked };
  }

  it("is resolved once, and the connection goes to what was judged", async () => {
    server.answer("/odp.png", { headers: IMAGE, body: PNG });
    const { guard, asked } = rebinding();
    const url = `http://files.invalid:${server.port}/odp.png`;
    // No resolver of the world knows this name: whoever resolved it again could not connect.
    expect(await verdict(createFileClient(guard).fetch(request(url)))).toBe("had");
    expect(asked()).toBe(1);
    expect(server.asked.at(-1)).toEqual({
      path: "/odp.png",
      host: `files.invalid:${server.port}`,
    });
  });

  it("that leads elsewhere when it is redirected to itself is judged anew", async () => {
    server.answer("/again", { status: 307, headers: { location: "/odp.png" } });
    const { guard } = rebinding();
    const url = `http://files.invalid:${server.port}/again`;
    expect(await verdict(createFileClient(guard).fetch(request(url)))).toBe("address_refused");
  });

  it("whose resolver says nothing is not waited for longer than the file may take", async () => {
    const guard = createAddressGuard({
      allowsThisMachine: true,
      resolve: () => new Promise(() => undefined),
    });
    const asked = request("https://files.invalid/", { timeoutMs: 50 });
    expect(await verdict(createFileClient(guard).fetch(asked))).toBe("timeout");
  });
});

describe("for many recipients at once", () => {
  it("a file is asked for once, and so is one that can't be had", async () => {
    const clock = { now: 0 };
    const files = rememberFiles(createFileClient(here), () => clock.now);
    const good = server.answer("/once.png", { headers: IMAGE, body: PNG });
    const bad = server.answer("/never.png", { status: 404 });
    const times = (path: string): number =>
      server.asked.filter((asked) => asked.path === path).length;
    await Promise.all([1, 2, 3].map(() => files.fetch(request(good))));
    const verdicts = [1, 2].map(() => verdict(files.fetch(request(bad))));
    expect(await Promise.all(verdicts)).toEqual(["refused", "refused"]);
    expect([times("/once.png"), times("/never.png")]).toEqual([1, 1]);

    clock.now = 59_999;
    await files.fetch(request(good));
    expect(times("/once.png"), "just before it is too old").toBe(1);
    clock.now = 60_000;
    await files.fetch(request(good));
    expect(times("/once.png"), "too old").toBe(2);
  });
});
