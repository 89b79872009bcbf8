import { describe, expect, it } from "vitest";

import { EventLog } from "../../../providers/simulated/log.ts";
import { WorldTime } from "../../../providers/simulated/time.ts";
import { BUDI, registerTwilio, sendByTwilio, startVendors } from "./support.ts";

type Fact = { readonly name: string };

function startLog(entriesMax = 10, clock: () => number = () => 1_000): EventLog<Fact> {
  return new EventLog<Fact>(new WorldTime({ clock, timeScale: 1 }), entriesMax);
}

describe("order", () => {
  it("numbers entries and never lets time go back, whatever the clock does", () => {
    const times = [1_000, 900, 1_100];
    const log = startLog(10, () => times.shift() ?? 0);
    for (const name of ["a", "b", "c"]) log.append({ name });
    const entries = log.entries();
    expect(entries.map(({ at, name, seq }) => [seq, at, name])).toEqual([
      [1, 1_000, "a"],
      [2, 1_000, "b"],
      [3, 1_100, "c"],
    ]);
    const elapsed = entries.map(({ elapsedMs }) => elapsedMs);
    expect([...elapsed].sort((one, other) => one - other)).toEqual(elapsed);
  });

  it("is that in which the vendors saw the requests, each once, under parallel load", async () => {
    const vendors = await startVendors();
    registerTwilio(vendors);
    const bodies = Array.from({ length: 200 }, (_unused, index) => `Alarm ${index}`);
    await Promise.all(bodies.map((body) => sendByTwilio(vendors, { Body: body })));
    const entries = vendors.sandbox.log.entries();
    expect(entries.map(({ seq }) => seq)).toEqual(bodies.map((_unused, index) => index + 1));
    expect(entries.map(({ text }) => text).sort()).toEqual([...bodies].sort());
    expect(new Set(entries.map(({ providerMessageId }) => providerMessageId)).size).toBe(200);
  });

  it("of one client's requests is the order in which it made them", async () => {
    const vendors = await startVendors();
    registerTwilio(vendors);
    for (const body of ["a", "b", "c"]) await sendByTwilio(vendors, { Body: body });
    expect(vendors.sandbox.log.entries().map(({ text }) => text)).toEqual(["a", "b", "c"]);
  });
});

describe("looking", () => {
  it("filters, starts after a number and stops at a limit", () => {
    const log = startLog();
    for (const name of ["a", "b", "a", "b", "a"]) log.append({ name });
    const isA = ({ name }: Fact) => name === "a";
    expect(log.entries(isA).map(({ seq }) => seq)).toEqual([1, 3, 5]);
    expect(log.entries(isA, { afterSeq: 1 }).map(({ seq }) => seq)).toEqual([3, 5]);
    expect(log.entries(isA, { afterSeq: 1, limit: 1 }).map(({ seq }) => seq)).toEqual([3]);
    expect(log.entries(undefined, { afterSeq: 5 })).toEqual([]);
    expect(log.count(isA)).toBe(3);
    expect(log.lastSeq).toBe(5);
  });

  it("drops the oldest when it is full and says how many", () => {
    const log = startLog(3);
    for (let number = 1; number <= 5_000; number += 1) log.append({ name: `${number}` });
    expect(log.entries().map(({ seq }) => seq)).toEqual([4_998, 4_999, 5_000]);
    expect(log.size).toBe(3);
    expect(log.dropped).toBe(4_997);
    expect(log.entries(undefined, { afterSeq: 4_999 }).map(({ name }) => name)).toEqual(["5000"]);
  });

  it("numbers on after it was cleared", () => {
    const log = startLog();
    log.append({ name: "a" });
    log.clear();
    log.append({ name: "b" });
    expect(log.entries().map(({ seq }) => seq)).toEqual([2]);
  });
});

describe("waiting", () => {
  it("finds what is there already", async () => {
    const log = startLog();
    log.append({ name: "a" });
    expect((await log.waitFor(({ name }) => name === "a")).seq).toBe(1);
  });

  it("is told of what comes, and only of what comes after a number", async () => {
    const log = startLog();
    log.append({ name: "a" });
    const later = log.waitFor(({ name }) => name === "a", { afterSeq: 1 });
    log.append({ name: "b" });
    log.append({ name: "a" });
    expect((await later).seq).toBe(3);
  });

  it("counts what is there and what comes", async () => {
    const log = startLog();
    log.append({ name: "a" });
    const three = log.waitForCount(3, ({ name }) => name === "a");
    for (const name of ["b", "a", "a", "a"]) log.append({ name });
    expect((await three).map(({ seq }) => seq)).toEqual([1, 3, 4]);
  });

  it("gives up in time and says what it saw", async () => {
    const log = startLog();
    log.append({ name: "a" });
    await expect(log.waitForCount(2, () => true, { timeoutMs: 10 })).rejects.toThrow(
      "saw 1 of 2 matching entries",
    );
  });

  it("works on the vendors' log: a request is seen before its client has the answer", async () => {
    const vendors = await startVendors();
    registerTwilio(vendors);
    vendors.sandbox.faults.add({ kind: "delay", delayMs: 50 });
    let isAnswered = false;
    const answer = sendByTwilio(vendors).then(() => (isAnswered = true));
    const entry = await vendors.sandbox.log.waitFor(({ to }) => to === BUDI);
    expect([entry.accepted, isAnswered]).toEqual([true, false]);
    await answer;
  });
});
