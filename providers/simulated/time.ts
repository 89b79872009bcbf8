/**
 * Time inside the simulated world. Spans that belong to vendors, networks and people (`inWorld`) are multiplied by
 * `timeScale`, all alike, so that their order never changes; spans that a test names to act against a client's real
 * timeouts (`sleep`) are taken literally. Everything that is still to happen is known here, so that a world can be
 * waited for (`idle`) and ended (`clear`).
 */
import { performance } from "node:perf_hooks";

/** Thrown into flows that wait when the world is cleared; ends them without a trace. */
export class WorldCleared extends Error {
  override readonly name = "WorldCleared";
}

export type Cancel = () => void;

/** Longest span that a Node timer keeps; longer ones fire at once, so they are cut to it. */
const TIMER_MS_MAX = 2_147_483_647;

export class WorldTime {
  readonly timeScale: number;
  readonly #clock: () => number;
  readonly #startedAt = performance.now();
  readonly #cancels = new Set<Cancel>();
  readonly #limits = new Set<Cancel>();
  readonly #clears = new Set<() => void>();
  #tasks = 0;
  #idleWaiters: (() => void)[] = [];

  constructor(options: { readonly clock: () => number; readonly timeScale: number }) {
    this.#clock = options.clock;
    this.timeScale = options.timeScale;
  }

  /** Epoch ms. */
  now(): number {
    return this.#clock();
  }

  /** Monotonic, since this world began. */
  elapsedMs(): number {
    return performance.now() - this.#startedAt;
  }

  /** `onClear` runs instead of `run` when the world is cleared before. */
  inWorld(ms: number, run: () => void, onClear: () => void = () => undefined): Cancel {
    return this.#schedule(ms * this.timeScale, run, onClear, this.#cancels);
  }

  /** Like `inWorld`, for limits that are far away as a rule: `idle` doesn't wait for them. */
  limitInWorld(ms: number, run: () => void): Cancel {
    return this.#schedule(ms * this.timeScale, run, () => undefined, this.#limits);
  }

  sleepInWorld(ms: number): Promise<void> {
    return this.sleep(ms * this.timeScale);
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const onClear = (): void => reject(new WorldCleared("the simulated world was cleared"));
      this.#schedule(ms, resolve, onClear, this.#cancels);
    });
  }

  /** Runs a flow that belongs to the world: counted for `idle`, ended silently by `clear`; any other error is a bug. */
  spawn(task: () => Promise<void>): void {
    this.#tasks += 1;
    task()
      .catch((error: unknown) => {
        if (!(error instanceof WorldCleared)) throw error;
      })
      .finally(() => {
        this.#tasks -= 1;
        this.#tellIdle();
      });
  }

  /** Resolves when nothing is scheduled and no flow is running. */
  idle(): Promise<void> {
    if (this.#isIdle()) return Promise.resolve();
    return new Promise((resolve) => {
      this.#idleWaiters.push(resolve);
    });
  }

  clear(): void {
    for (const clear of [...this.#clears]) clear();
  }

  #schedule(ms: number, run: () => void, onClear: () => void, among: Set<Cancel>): Cancel {
    const forget = (): boolean => {
      this.#clears.delete(clear);
      return among.delete(cancel);
    };
    const timer = setTimeout(
      () => {
        forget();
        run();
        this.#tellIdle();
      },
      Math.min(Math.max(0, ms), TIMER_MS_MAX),
    );
    const cancel = (): void => {
      if (!forget()) return;
      clearTimeout(timer);
      this.#tellIdle();
    };
    const clear = (): void => {
      cancel();
      onClear();
    };
    among.add(cancel);
    this.#clears.add(clear);
    return cancel;
  }

  #isIdle(): boolean {
    return this.#cancels.size === 0 && this.#tasks === 0;
  }

  #tellIdle(): void {
    if (!this.#isIdle() || this.#idleWaiters.length === 0) return;
    const waiters = this.#idleWaiters;
    this.#idleWaiters = [];
    for (const resolve of waiters) resolve();
  }
}
