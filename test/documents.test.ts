import { readdir, readFile, stat } from "node:fs/promises";
import { describe, expect, test } from "vitest";

/** What the documents say of the code, as far as a program can check it. */

const ROOT = new URL("../", import.meta.url);

async function read(file: string): Promise<string> {
  return readFile(new URL(file, ROOT), "utf8");
}

async function exists(file: string): Promise<boolean> {
  return stat(new URL(file, ROOT)).then(
    () => true,
    () => false,
  );
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
    const files = await readdir(new URL("api/", ROOT), { recursive: true });
    const sources = files.filter((file) => file.endsWith(".ts")).map((file) => `api/${file}`);
    const codes = new Set((await Promise.all(sources.map(read))).flatMap(codesIn));
    const document = await read("docs/api.md");
    const named = [...document.matchAll(/^\| \d{3} \| `(\w+)` \|/gm)].flatMap(
      (match) => match[1] ?? [],
    );
    expect(named.toSorted()).toEqual([...codes].toSorted());
  });
});

describe("the documents", () => {
  test("name files, folders and scripts that are there", async () => {
    const documents = [
      "README.md",
      "ARCHITECTURE.md",
      "CONTRIBUTING.md",
      ...(await readdir(new URL("docs/", ROOT), { recursive: true }))
        .filter((file) => file.endsWith(".md"))
        .map((file) => `docs/${file}`),
    ];
    const scripts = scriptsOf(await read("package.json"));
    const wrong: string[] = [];
    for (const document of documents) {
      const text = await read(document);
      for (const file of pathsIn(text)) {
        if (!(await exists(file))) wrong.push(`${document}: ${file}`);
      }
      for (const [, script = ""] of text.matchAll(/\bnpm run ([\w:-]+)/g)) {
        if (!scripts.includes(script)) wrong.push(`${document}: npm run ${script}`);
      }
    }
    expect(wrong).toEqual([]);
  });

  test("are read as they are meant", () => {
    expect(
      pathsIn("`domain/ladder.ts`, `test/domain/ladder*.test.ts`, `providers/<vendor>/send.ts`"),
    ).toEqual(["domain/ladder.ts"]);
    expect(pathsIn("`db/migrations/` and `domain/`, not `POST /v1/users`")).toEqual([
      "db/migrations/",
      "domain/",
    ]);
  });
});

/** npm's own file; its shape is npm's promise. */
function scriptsOf(packageText: string): readonly string[] {
  return Object.keys((JSON.parse(packageText) as { scripts: Record<string, string> }).scripts);
}

/** Written as code, below one of our folders, without anything to be filled in. */
const PATH =
  /`((?:\.ci|activities|api|bench|client|db|deploy|docs|domain|providers|rendering|runtime|test|worker|workflows)\/[\w./-]*)`/g;

function pathsIn(markdown: string): readonly string[] {
  return [...markdown.matchAll(PATH)].flatMap((match) => match[1] ?? []);
}
