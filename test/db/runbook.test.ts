import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { useFreshDatabase } from "../support/database.ts";

/** What somebody types at night must work: every SQL block of the runbook runs on a database of this release. */

const runbook = await readFile(new URL("../../docs/runbook.md", import.meta.url), "utf8");
const statements = [...runbook.matchAll(/^```sql\n([\s\S]*?)^```$/gm)].flatMap((block) =>
  (block[1] ?? "")
    .split(";")
    .map((statement) => statement.trim())
    .filter((statement) => statement !== ""),
);

describe("the runbook's SQL", () => {
  const database = useFreshDatabase();

  it("is there", () => {
    expect(statements.length).toBeGreaterThan(15);
  });

  it.each(statements)("%s", async (statement) => {
    const client = await database().pool.connect();
    try {
      await client.query("begin");
      const { command } = await client.query(statement);
      expect(["SELECT", "UPDATE"]).toContain(command);
    } finally {
      await client.query("rollback");
      client.release();
    }
  });
});
