import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { DeterminismViolationError } from "@temporalio/workflow";
import { Worker } from "@temporalio/worker";
import { beforeAll, describe, expect, inject, it } from "vitest";

import { BRANCHES, historyFile, VERSION } from "./branches.ts";

/**
 * Today's workflow code against what was recorded: a run that is under way while a new version is deployed must go on, not stall.
 * How to make the histories anew: CONTRIBUTING.md.
 */

const HISTORIES = fileURLToPath(new URL("histories/", import.meta.url));

const files = (await readdir(HISTORIES)).toSorted();

async function* histories(
  change: (history: string) => string = (history) => history,
): AsyncGenerator<{ workflowId: string; history: unknown }> {
  for (const file of files) {
    const text = await readFile(path.join(HISTORIES, file), "utf8");
    yield { workflowId: file, history: JSON.parse(change(text)) };
  }
}

/** Each file's problem; undefined where it replays. */
async function replayAll(
  change?: (history: string) => string,
): Promise<ReadonlyMap<string, Error | undefined>> {
  const problems = new Map<string, Error | undefined>();
  const options = { workflowBundle: { codePath: inject("workflowBundlePath") } };
  for await (const { workflowId, error } of Worker.runReplayHistories(options, histories(change))) {
    problems.set(workflowId, error);
  }
  return problems;
}

describe("invariant 39: today's workflow code", () => {
  let problems: ReadonlyMap<string, Error | undefined>;
  beforeAll(async () => {
    problems = await replayAll();
  });

  it.each(files)("replays %s", (file) => {
    expect(problems.has(file)).toBe(true);
    expect(problems.get(file)).toBeUndefined();
  });
});

describe("the histories", () => {
  it("are one for each branch", () => {
    const ofThisVersion = files.filter((file) => file.includes(`-${VERSION}-`));
    expect(ofThisVersion).toEqual(BRANCHES.map(historyFile).toSorted());
  });

  it("hold no phone number and no folder of the machine that recorded them", async () => {
    const telling: string[] = [];
    for await (const { workflowId, history } of histories()) {
      const payloads: string[] = [];
      const text = JSON.stringify(history, (key, value: unknown) => {
        if (key === "data" && typeof value === "string") {
          payloads.push(Buffer.from(value, "base64").toString());
        }
        return value;
      });
      const all = [text, ...payloads].join("\n");
      if (/\b(?:62|0)8\d{7,}\b|node_modules|file:\/\//.test(all)) telling.push(workflowId);
    }
    expect(telling).toEqual([]);
  });

  it("catch code that would have asked for another activity, wherever one was asked for", async () => {
    const asking: string[] = [];
    for await (const { workflowId, history } of histories()) {
      if (JSON.stringify(history).includes("EVENT_TYPE_ACTIVITY_TASK_SCHEDULED")) {
        asking.push(workflowId);
      }
    }
    const problems = await replayAll((history) =>
      history.replaceAll(/("activityType": \{\s*"name": ")\w+/g, "$1somethingElse"),
    );
    const caught = [...problems].filter(([, error]) => error instanceof DeterminismViolationError);
    expect(asking.length).toBeGreaterThan(20);
    expect(caught.map(([file]) => file).toSorted()).toEqual(asking);
  });
});
