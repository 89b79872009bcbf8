/**
 * The timer by which a run wakes up. It may be kept while news comes in that changes nothing about when to wake: each one that is started and given up again is
 * two events of a history that is readable only while it is short.
 */
import { CancellationScope, condition, isCancellation, sleep } from "@temporalio/workflow";

export interface Wake {
  /** Epoch ms; null: news alone wakes the run. */
  readonly at: number | null;
  readonly summary: string;
  /** False: something else brings news before that, so a timer is kept but none is started. */
  readonly needsTimer: boolean;
}

interface Timer {
  readonly at: number;
  readonly summary: string;
  readonly scope: CancellationScope;
}

export class Alarm {
  #timer: Timer | null = null;

  /** Goes on when `changed` says so, or when it is time to wake. */
  async changedOr(changed: () => boolean, wake: Wake): Promise<void> {
    if (this.#timer?.at !== wake.at || this.#timer.summary !== wake.summary) {
      this.clear();
      if (wake.needsTimer && wake.at !== null) this.#start(wake.at, wake.summary);
    }
    const timer = this.#timer;
    await condition(() => changed() || this.#timer !== timer);
  }

  clear(): void {
    const timer = this.#timer;
    this.#timer = null;
    timer?.scope.cancel();
  }

  #start(at: number, summary: string): void {
    const timer = { at, summary, scope: new CancellationScope() };
    this.#timer = timer;
    const rung = timer.scope.run(() => sleep(at - Date.now(), { summary }));
    void rung.then(
      () => {
        if (this.#timer === timer) this.#timer = null;
      },
      (error: unknown) => {
        if (!isCancellation(error)) throw error;
      },
    );
  }
}
