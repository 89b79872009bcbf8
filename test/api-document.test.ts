import { readdir, readFile } from "node:fs/promises";
import { describe, expect, test } from "vitest";

/** docs/api.md names every problem code of the API, each once, and no other. */

async function read(file: string): Promise<string> {
  return readFile(new URL(`../${file}`, import.meta.url), "utf8");
}

function codesIn(source: string): readonly string[] {
  const written = [
    /readonly code = "(\w+)"/g,
    /\bcode = "(\w+)"\)/g,
    /\bstatus: \d{3},\s*code: "(\w+)"/g,
    /new (?:Malformed|Conflict|Unavailable)\(\s*"(\w+)"/g,
    /^ {4}"(idempotency_\w+)",$/gm,
  ];
  return written.flatMap((form) => [...source.matchAll(form)].flatMap((match) => match[1] ?? []));
}

describe("docs/api.md", () => {
  test("names exactly the problem codes that the API answers with", async () => {
    const files = await readdir(new URL("../api/", import.meta.url), { recursive: true });
    const sources = files.filter((file) => file.endsWith(".ts")).map((file) => `api/${file}`);
    const codes = new Set((await Promise.all(sources.map(read))).flatMap(codesIn));
    const document = await read("docs/api.md");
    const named = [...document.matchAll(/^\| \d{3} \| `(\w+)` \|/gm)].flatMap(
      (match) => match[1] ?? [],
    );
    expect(named.toSorted()).toEqual([...codes].toSorted());
  });
});
