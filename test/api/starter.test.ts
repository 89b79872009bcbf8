import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createStarter } from "../../api/starter.ts";
import type { Starter } from "../../api/starter.ts";
import type { UnstartedRow } from "../../db/starting.ts";
import type { Priority } from "../../domain/priority.ts";
import { SILENT_LOGGER } from "../../runtime/logger.ts";

class Away extends Error {
  override readonly name = "Away";
}

const row = (id: string, priority: Priority = "medium", type = "outage"): UnstartedRow => ({
  id,
  workflowId: `notification/${type}/${id}`,
  type,
  priority,
  zone: null,
  ticketId: null,
});

/** A start that is answered when the test says so. */
type Pending = { readonly id: string; answer(): void; fail(error: Error): void };

function build(concurrency = 2): {
  readonly starter: Starter;
  readonly pending: Pending[];
  readonly marked: { readonly id: string; readonly runId: string | null }[][];
} {
  const pending: Pending[] = [];
  const marked: { readonly id: string; readonly runId: string | null }[][] = [];
  const starter = createStarter({
    start: ({ id }) =>
      new Promise((resolve, reject) => {
        pending.push({ id, answer: () => resolve(`run-${id}`), fail: reject });
      }),
    markStarted: async (batch) => {
      marked.push([...batch]);
    },
    isAway: (error) => error instanceof Away,
    concurrency,
    log: SILENT_LOGGER,
  });
  return { starter, pending, marked };
}

/** Lets every promise that can settle do so. */
const settled = (): Promise<void> => vi.advanceTimersByTimeAsync(0).then(() => undefined);

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

describe("the starter", () => {
  it("starts no more at once than it may, and the next as soon as one is through", async () => {
    const { starter, pending } = build(2);
    for (const id of ["a", "b", "c"]) starter.enqueue(row(id));
    expect(pending.map(({ id }) => id)).toEqual(["a", "b"]);
    pending[0]?.answer();
    await settled();
    expect(pending.map(({ id }) => id)).toEqual(["a", "b", "c"]);
  });

  it("lets the most urgent overtake, and keeps the order within a priority", async () => {
    const { starter, pending } = build(1);
    starter.enqueue(row("first"));
    starter.enqueue(row("low", "low"));
    starter.enqueue(row("medium-1"));
    starter.enqueue(row("critical", "critical"));
    starter.enqueue(row("medium-2"));
    starter.enqueue(row("high", "high"));
    for (let count = 0; count < 6; count += 1) {
      pending[count]?.answer();
      await settled();
    }
    expect(pending.map(({ id }) => id)).toEqual([
      "first",
      "critical",
      "high",
      "medium-1",
      "medium-2",
      "low",
    ]);
  });

  it("lets a code overtake what is as urgent by its priority", async () => {
    const { starter, pending } = build(1);
    starter.enqueue(row("first"));
    starter.enqueue(row("high", "high"));
    starter.enqueue(row("code", "high", "otp"));
    for (let count = 0; count < 3; count += 1) {
      pending[count]?.answer();
      await settled();
    }
    expect(pending.map(({ id }) => id)).toEqual(["first", "code", "high"]);
  });

  it("marks what was started, several with one statement when they come together", async () => {
    const { starter, pending, marked } = build(3);
    for (const id of ["a", "b", "c"]) starter.enqueue(row(id));
    for (const start of pending) start.answer();
    await starter.idle();
    expect(marked.flat()).toEqual([
      { id: "a", runId: "run-a" },
      { id: "b", runId: "run-b" },
      { id: "c", runId: "run-c" },
    ]);
    expect(marked.length).toBeLessThan(3);
  });

  it("leaves it to a run's first activity for a second to mark its row", async () => {
    const { starter, pending, marked } = build(2);
    starter.enqueue(row("a"));
    pending[0]?.answer();
    await vi.advanceTimersByTimeAsync(999);
    expect(marked).toEqual([]);
    starter.enqueue(row("b"));
    pending[1]?.answer();
    await vi.advanceTimersByTimeAsync(1);
    expect(marked.map((batch) => batch.map(({ id }) => id))).toEqual([["a", "b"]]);
    await vi.advanceTimersByTimeAsync(5_000);
    expect(marked).toHaveLength(1);
  });

  it("tries one at a time while Temporal is away, at most two seconds apart, most urgent first", async () => {
    const { starter, pending } = build(2);
    starter.enqueue(row("a"));
    const gaps: number[] = [];
    for (let tries = 0; tries < 8; tries += 1) {
      pending.at(-1)?.fail(new Away());
      await settled();
      const before = Date.now();
      const count = pending.length;
      while (pending.length === count) await vi.advanceTimersByTimeAsync(50);
      gaps.push(Date.now() - before);
    }
    expect(gaps[0]).toBe(100);
    expect(Math.max(...gaps)).toBe(2_000);
    starter.enqueue(row("urgent", "critical"));
    expect(pending.filter(({ id }) => id === "urgent")).toEqual([]);
    pending.at(-1)?.fail(new Away());
    await vi.advanceTimersByTimeAsync(2_000);
    expect(pending.at(-1)?.id).toBe("urgent");
    pending.at(-1)?.answer();
    await settled();
    expect(pending.at(-1)?.id).toBe("a");
  });

  it("goes on with the others when one is refused for its own sake", async () => {
    const { starter, pending, marked } = build(1);
    starter.enqueue(row("bad"));
    starter.enqueue(row("good"));
    pending[0]?.fail(new Error("refused"));
    await settled();
    pending[1]?.answer();
    await starter.idle();
    expect(marked.flat().map(({ id }) => id)).toEqual(["good"]);
  });

  it("takes no more once it stops, and waits for what is in flight", async () => {
    const { starter, pending, marked } = build(1);
    starter.enqueue(row("a"));
    starter.enqueue(row("b"));
    const stopped = starter.stop();
    starter.enqueue(row("c"));
    pending[0]?.answer();
    await vi.advanceTimersByTimeAsync(50);
    await stopped;
    expect(pending.map(({ id }) => id)).toEqual(["a"]);
    expect(marked.flat().map(({ id }) => id)).toEqual(["a"]);
  });
});
