import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { ENV_VARIABLES } from "../runtime/env.ts";
import { SEARCH_ATTRIBUTES } from "../workflows/contract.ts";

function read(file: string): Promise<string> {
  return readFile(new URL(`../${file}`, import.meta.url), "utf8");
}

/** `Name=Type`, with the types as Temporal's command line spells them. */
const ATTRIBUTES = Object.values(SEARCH_ATTRIBUTES)
  .map(({ name, type }) => `${name}=${type.charAt(0)}${type.slice(1).toLowerCase()}`)
  .toSorted();

describe("the deployment", () => {
  it("makes exactly the search attributes that the workflows use", async () => {
    const script = await read("deploy/temporal/setup-namespace.sh");
    const list = /SEARCH_ATTRIBUTES="\n([^"]*)"/.exec(script)?.[1] ?? "";
    expect(list.trim().split("\n").toSorted()).toEqual(ATTRIBUTES);
  });

  it("gives the dev server the same ones", async () => {
    const compose = await read("docker-compose.yml");
    const flags = [...compose.matchAll(/--search-attribute=(\w+=\w+)/g)].flatMap(
      (match) => match[1] ?? [],
    );
    expect(flags.toSorted()).toEqual(ATTRIBUTES);
  });

  it("hands on every variable that Siaga reads, but those of the demo, of drills and of files", async () => {
    const compose = await read("docker-compose.yml");
    const start = compose.indexOf("x-siaga-environment:");
    const environment = compose.slice(start, compose.indexOf("\n\n", start));
    const given = [...environment.matchAll(/^ {2}([A-Z_]+):/gm)].flatMap((match) => match[1] ?? []);
    const leftOut =
      /^(SIAGA_CACHE_DIR|SIAGA_CRASH_.*|TEMPORAL_TLS.*|TEMPORAL_PROFILE|TEMPORAL_CONFIG_FILE)$/;
    expect(given.toSorted()).toEqual(
      ENV_VARIABLES.map(({ name }) => name)
        .filter((name) => !leftOut.test(name))
        .toSorted(),
    );
  });
});
