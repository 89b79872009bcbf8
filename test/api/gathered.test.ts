import { describe, expect, it } from "vitest";
import { gathered } from "../../api/verbs/gathered.ts";

const FOR_MS = 5;

function writer() {
  const written: (readonly string[])[] = [];
  const faults: Error[] = [];
  const write = gathered<string>(
    async (items) => {
      written.push([...items]);
      const fault = faults.shift();
      if (fault !== undefined) throw fault;
    },
    { forMs: FOR_MS },
  );
  return { write, written, faults };
}

describe("what is gathered", () => {
  it("within the time is written by one call, in the order in which it came", async () => {
    const { write, written } = writer();
    await Promise.all([write(["a"]), write(["b", "c"]), write([])]);
    expect(written).toEqual([["a", "b", "c"]]);
  });

  it("after a call has begun goes into the next one", async () => {
    const { write, written } = writer();
    await write(["a"]);
    await write(["b"]);
    expect(written).toEqual([["a"], ["b"]]);
  });

  it("is written once whoever asks meanwhile", async () => {
    const { write, written } = writer();
    const first = write(["a"]);
    const second = first.then(() => write(["b"]));
    await Promise.all([first, second]);
    expect(written.flat()).toEqual(["a", "b"]);
  });

  it("fails for all who gave some of it, and for nobody after them", async () => {
    const { write, written, faults } = writer();
    faults.push(new Error("no database"));
    const results = await Promise.allSettled([write(["a"]), write(["b"])]);
    expect(results.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
    await write(["c"]);
    expect(written).toEqual([["a", "b"], ["c"]]);
  });
});
