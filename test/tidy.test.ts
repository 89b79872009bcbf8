import { readdir, readFile, stat } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, it } from "vitest";

/** Checks on the repository itself, for what no compiler sees. */

const ROOT = fileURLToPath(new URL("../", import.meta.url));
const NOT_OURS = new Set(["node_modules", "dist", ".git", ".siaga", "coverage", "test-results"]);
const TEXT =
  /\.(ts|tsx|js|cjs|mjs|json|md|sql|sh|ya?ml|css|html|csv|txt)$|(^|\/)(Dockerfile|Caddyfile|run)$/;

let files: readonly string[];

beforeAll(async () => {
  files = (await walk("")).toSorted();
});

/** Paths relative to the root, with slashes. */
async function walk(folder: string): Promise<string[]> {
  const found: string[] = [];
  for (const entry of await readdir(path.join(ROOT, folder), { withFileTypes: true })) {
    const name = folder === "" ? entry.name : `${folder}/${entry.name}`;
    if (entry.isDirectory()) {
      if (!NOT_OURS.has(entry.name)) {
        found.push(...(await walk(name)));
      }
    } else if (entry.isFile()) {
      found.push(name);
    }
  }
  return found;
}

function read(file: string): Promise<string> {
  return readFile(path.join(ROOT, file), "utf8");
}

type Hit = { readonly file: string; readonly line: number; readonly text: string };

/** Every match in the files that are chosen, as `file:line text`. */
async function search(choose: (file: string) => boolean, pattern: RegExp): Promise<readonly Hit[]> {
  const hits: Hit[] = [];
  for (const file of files.filter(choose)) {
    for (const [index, line] of (await read(file)).split("\n").entries()) {
      for (const match of line.matchAll(pattern)) {
        hits.push({ file, line: index + 1, text: match[0] });
      }
    }
  }
  return hits;
}

const isText = (file: string): boolean => TEXT.test(file) && file !== "package-lock.json";
const isCode = (file: string): boolean => /\.(ts|tsx|js|cjs|sql|sh)$/.test(file);
const isTest = (file: string): boolean => /^test\/.*\.ts$/.test(file);
const isMarkdown = (file: string): boolean => file.endsWith(".md");

describe("the repository", () => {
  it("has every top-level folder on the map in ARCHITECTURE.md", async () => {
    const map = files.includes("ARCHITECTURE.md") ? await read("ARCHITECTURE.md") : null;
    const folders = new Set(
      files.filter((file) => file.includes("/")).map((file) => file.split("/")[0] ?? ""),
    );
    const visible = [...folders].filter((folder) => !folder.startsWith("."));
    expect(visible).toContain("domain");
    expect(map === null ? [] : visible.filter((folder) => !map.includes(`${folder}/`))).toEqual([]);
  });

  it("numbers its migrations without a gap", () => {
    const migrations = files
      .filter((file) => file.startsWith("db/migrations/"))
      .map((file) => path.basename(file));
    expect(migrations.length).toBeGreaterThan(0);
    for (const [index, name] of migrations.entries()) {
      expect(name).toMatch(/^\d{6}_[a-z0-9_]+\.sql$/);
      expect(Number(name.slice(0, 6))).toBe(index + 1);
    }
  });

  it("locks the packages of every platform, not only of the one it was locked on", async () => {
    const locked = new Map(Object.entries(parseLock(await read("package-lock.json"))));
    const missing = [...locked].flatMap(([place, { optionalDependencies = {} }]) =>
      Object.keys(optionalDependencies).filter((name) => !isLocked(locked, place, name)),
    );
    expect(locked.size).toBeGreaterThan(100);
    expect(missing).toEqual([]);
  });

  it("runs the conformance suite on every vendor", async () => {
    const vendors = files.flatMap(
      (file) => /^providers\/([^/]+)\/send[^/]*\.ts$/.exec(file)?.[1] ?? [],
    );
    const suites = files.filter((file) => /^test\/providers\/.*\.test\.ts$/.test(file));
    const tested: string[] = [];
    for (const suite of suites) {
      const text = await read(suite);
      if (text.includes("runConformance(")) {
        tested.push(...vendors.filter((vendor) => text.includes(`providers/${vendor}/`)));
      }
    }
    expect(vendors.length).toBeGreaterThan(0);
    expect([...new Set(vendors)].filter((vendor) => !tested.includes(vendor))).toEqual([]);
  });

  it("keeps a history of every workflow, once there is one of any", async () => {
    const histories = files
      .filter((file) => file.startsWith("test/replay/histories/"))
      .map((file) => path.basename(file));
    const exported = [...(await read("workflows/index.ts")).matchAll(/export \{ (\w+) \}/g)];
    const workflows = exported.flatMap((match) => match[1] ?? []);
    expect(workflows).toContain("notification");
    const without = workflows.filter(
      (name) => !histories.some((history) => history.startsWith(`${toKebabCase(name)}-`)),
    );
    expect(histories.length === 0 ? [] : without).toEqual([]);
  });

  it("holds no note to oneself without a reference to an issue", async () => {
    const words = ["TO" + "DO", "FIX" + "ME", "X" + "XX", "HA" + "CK"].join("|");
    expect(await search(isCode, new RegExp(`\\b(?:${words})\\b(?!\\(#\\d+\\))`, "g"))).toEqual([]);
  });

  it("holds no test that is focused, skipped or still to be written", async () => {
    expect(
      await search(isTest, /\b(?:describe|it|test)(?:\.\w+)*\.(?:only|skip|todo|fails)\b/g),
    ).toEqual([]);
  });

  it("holds no phone number that could be somebody's", async () => {
    const numbers = await search(
      isText,
      /(?<![\w./-])(?:\+?62[ -]?|0)8\d{1,2}(?:[ -]?\d){6,10}(?![\w])|(?<!\w)\+[1-9]\d{7,14}(?!\w)/g,
    );
    expect(numbers.length).toBeGreaterThan(0);
    expect(numbers.filter(({ text }) => !isFictional(text))).toEqual([]);
  });
});

function toKebabCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

type Locked = { readonly optionalDependencies?: Readonly<Record<string, string>> };

/** npm's own file; its shape is npm's promise (lockfileVersion 3). */
function parseLock(text: string): Readonly<Record<string, Locked>> {
  return (JSON.parse(text) as { packages: Record<string, Locked> }).packages;
}

/** Whether a package installed at that place finds the other one, as Node looks for it: there, then further up. */
function isLocked(locked: ReadonlyMap<string, Locked>, place: string, name: string): boolean {
  for (
    let folder = place;
    ;
    folder = folder.slice(0, Math.max(0, folder.lastIndexOf("/node_modules/")))
  ) {
    if (locked.has(`${folder === "" ? "" : `${folder}/`}node_modules/${name}`)) {
      return true;
    }
    if (folder === "") {
      return false;
    }
  }
}

/**
 * What may stand for a phone number: our own invented ranges (0812-3400-0…, and for fixed lines 021-555-000x and
 * 0267-40000x), and those that North America keeps free for fiction (555-01xx) and the vendor for tests (500-555).
 */
const FICTIONAL = [
  /^62812340{3}\d*$/,
  /^6221555000\d$/,
  /^6226740000\d$/,
  /^1\d{3}55501\d{2}$/,
  /^1500555\d{4}$/,
];

function isFictional(text: string): boolean {
  const digits = text.replace(/\D/g, "").replace(/^(62)?0/, "62");
  return FICTIONAL.some((range) => range.test(digits));
}

/** Of the numbered promises (ARCHITECTURE.md, "Invariants and their tests"), those that no test can prove yet, with the reason. */
const INVARIANTS = 41;
const UNPROVEN: ReadonlyMap<number, string> = new Map([[41, "there is no canary yet"]]);

/** The numbers in titles such as `it("invariant 5: …` and `it("invariants 5 and 12: …`. */
function invariantsIn(text: string): readonly number[] {
  const titles = text.matchAll(/\(\s*["'`]invariants? (\d+(?:(?:, | and )\d+)*): /g);
  return [...titles].flatMap(([, numbers = ""]) => numbers.split(/, | and /).map(Number));
}

describe("the invariants", () => {
  it("are each in the title of a test, but for those that are not built", async () => {
    const proven = new Set<number>();
    for (const file of files.filter((name) => isTest(name) && name !== "test/tidy.test.ts")) {
      for (const number of invariantsIn(await read(file))) proven.add(number);
    }
    const built = Array.from({ length: INVARIANTS }, (_, index) => index + 1).filter(
      (number) => !UNPROVEN.has(number),
    );
    expect([...proven].toSorted((a, b) => a - b)).toEqual(built);
  });

  it("are each in the table of ARCHITECTURE.md, built or named as not built", async () => {
    const [, section = ""] = (await read("ARCHITECTURE.md")).split("## Invariants and their tests");
    const table = [...section.matchAll(/^\| (\d[\d, ]*) \|/gm)].flatMap(([, numbers = ""]) =>
      numbers.split(", ").map(Number),
    );
    const absent = [...(/^Not built.*$/m.exec(section)?.[0] ?? "").matchAll(/\((\d+)\)/g)];
    const named = [...table, ...absent.map(([, number]) => Number(number))];
    expect(named.toSorted((a, b) => a - b)).toEqual(
      Array.from({ length: INVARIANTS }, (_, index) => index + 1),
    );
    expect(absent.map(([, number]) => Number(number))).toEqual([...UNPROVEN.keys()]);
  });

  it("are read from one title or several numbers in it, and from nothing else", () => {
    expect(
      invariantsIn('it("invariant 5: x"); test.each([1])(\n  `invariants 1, 3 and 37: ${y}`'),
    ).toEqual([5, 1, 3, 37]);
    expect(invariantsIn('// invariant 6: x\nit("y (invariant 7)"')).toEqual([]);
  });
});

describe("the documents", () => {
  it("link to files and headings that exist", async () => {
    const broken: string[] = [];
    for (const file of files.filter(isMarkdown)) {
      for (const target of linksOf(await read(file))) {
        const problem = await linkProblem(file, target);
        if (problem !== null) {
          broken.push(`${file}: ${target} (${problem})`);
        }
      }
    }
    expect(broken).toEqual([]);
  });

  it("number their decisions without a gap and list each in the index", async () => {
    const decisions = files
      .filter((file) => /^docs\/adr\/\d/.test(file))
      .map((file) => path.basename(file));
    const index = decisions.length > 0 ? await read("docs/adr/README.md") : "";
    for (const [position, name] of decisions.entries()) {
      expect(name).toMatch(/^\d{4}-[a-z0-9-]+\.md$/);
      expect(Number(name.slice(0, 4))).toBe(position + 1);
      expect(index).toContain(`(${name})`);
    }
  });

  it("show links that the check above would find broken", async () => {
    expect(linksOf("see [a](b.md#c) and `[not](this.md)`\n```\n[nor](that.md)\n```")).toEqual([
      "b.md#c",
    ]);
    expect(await linkProblem("docs/configuration.md", "no-such-file.md")).toBe("no such file");
    expect(await linkProblem("docs/configuration.md", "#no-such-heading")).toBe("no such heading");
    expect(await linkProblem("docs/configuration.md", "#configuration")).toBeNull();
  });
});

function linksOf(markdown: string): readonly string[] {
  const prose = markdown.replace(/^(```|~~~)[\s\S]*?^\1/gm, "").replace(/`[^`\n]*`/g, "");
  return [...prose.matchAll(/\]\(([^)\s]+)(?:\s+"[^"]*")?\)/g)].flatMap((match) => match[1] ?? []);
}

async function linkProblem(file: string, target: string): Promise<string | null> {
  if (/^[a-z]+:/i.test(target)) {
    return null;
  }
  const [pathPart = "", heading] = target.split("#");
  const resolved =
    pathPart === ""
      ? file
      : path.posix.normalize(path.posix.join(path.posix.dirname(file), pathPart));
  const found = await stat(path.join(ROOT, resolved)).catch(() => null);
  if (found === null) {
    return "no such file";
  }
  if (
    heading !== undefined &&
    isMarkdown(resolved) &&
    !headingsOf(await read(resolved)).has(heading)
  ) {
    return "no such heading";
  }
  return null;
}

/** Anchors as GitHub makes them. */
function headingsOf(markdown: string): ReadonlySet<string> {
  const headings = [...markdown.matchAll(/^#{1,6}\s+(.+?)\s*#*$/gm)].flatMap(
    (match) => match[1] ?? [],
  );
  return new Set(
    headings.map((heading) =>
      heading
        .toLowerCase()
        .replace(/[^\p{L}\p{N}\s_-]/gu, "")
        .replace(/\s/g, "-"),
    ),
  );
}
