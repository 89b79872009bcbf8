/** Work that goes on behind an answer: telling a run, noting a use. What it leaves undone is found again by the sweep. */
export interface Background {
  run(work: () => Promise<void>): void;
  /** Resolves when nothing is running; at shutdown and in tests. */
  idle(): Promise<void>;
}

export function createBackground(onError: (error: unknown) => void): Background {
  const running = new Set<Promise<void>>();
  return {
    run(work) {
      const promise = work()
        .catch(onError)
        .finally(() => running.delete(promise));
      running.add(promise);
    },
    async idle() {
      while (running.size > 0) await Promise.all(running);
    },
  };
}
