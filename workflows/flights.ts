/**
 * Messages on their way: started by the ladder's orders, withdrawn when their reason is gone, reported back to the run as facts.
 *
 * A send that no worker has taken yet is cancelled by the server at once; one that has begun finishes, and its result is kept.
 */
import {
  ActivityFailure,
  ApplicationFailure,
  CancellationScope,
  isCancellation,
  sleep,
  TimeoutFailure,
} from "@temporalio/workflow";

import type { ClosingOrder, DeliverAnswer, Progress } from "../activities/contract.ts";
import { closingInWords, orderInWords } from "../domain/narration.ts";
import { priorityKeyOf } from "../domain/lane.ts";
import { isResultKind } from "../domain/result-kind.ts";
import type { DeliveryKey, DeliveryOrder, DeliveryResult, Todo } from "../domain/run.ts";
import { deliver, hangUp, onRecord } from "./activity-proxies.ts";
import { nowMs } from "./handlers.ts";
import { keyText, type Run } from "./progress.ts";

/** A closing message may wait this long for its account; after that nobody cares any more. */
const CLOSING_WAIT_MS = 600_000;

export class Flights {
  readonly #run: Run;
  readonly #scopes = new Map<string, CancellationScope>();
  /** By when each is taken by a worker or given up. */
  readonly #deadlines = new Map<string, number>();
  /** Which account carries what; kept after the send, because a call rings on. */
  readonly #accounts = new Map<string, string>();
  #others = 0;

  constructor(run: Run) {
    this.#run = run;
  }

  areOver(): boolean {
    return this.#scopes.size === 0 && this.#others === 0;
  }

  /** When the first of them brings news at the latest; null when none is in flight. */
  landsBy(): number | null {
    return this.#deadlines.size === 0 ? null : Math.min(...this.#deadlines.values());
  }

  start(todo: Todo): void {
    let progress = todo.deliveries.length > 0 ? this.#run.progressWith(todo) : null;
    for (const order of todo.deliveries) {
      this.#fly(order, progress);
      progress = null; // rides with the first
    }
  }

  /** The run's own part of the record, when no send is there to carry it. */
  write(todo: Todo): void {
    const progress = this.#run.takeProgress(todo);
    this.#count(onRecord("recordProgress", { notificationId: this.#run.id, progress }));
  }

  withdraw(keys: readonly DeliveryKey[] | "all"): void {
    if (keys === "all") {
      for (const scope of this.#scopes.values()) scope.cancel();
      return;
    }
    for (const key of keys) this.#scopes.get(keyText(key))?.cancel();
  }

  hangUp(keys: readonly DeliveryKey[]): void {
    for (const { pass, step, target, channel, attempt, handOver } of keys) {
      const key = { pass, step, target, channel, attempt, handOver };
      const accountId = this.#accounts.get(keyText(key));
      if (!accountId) continue;
      this.#count(hangUp({ notificationId: this.#run.id, key }, accountId));
    }
  }

  #fly(order: DeliveryOrder, progress: Progress | null): void {
    const key = keyText(order);
    const scope = new CancellationScope();
    this.#scopes.set(key, scope);
    this.#deadlines.set(key, order.deadlineAt);
    this.#accounts.set(key, order.accountId);
    const now = nowMs();
    const flight = scope.run(() =>
      deliver(
        {
          notificationId: this.#run.id,
          priorityKey: this.#priorityKey(),
          order: { purpose: "ladder", ...order },
          progress,
        },
        {
          summary: orderInWords(order),
          accountId: order.accountId,
          priorityKey: this.#priorityKey(),
          scheduleToStartMs: order.deadlineAt - now,
        },
      ),
    );
    void flight.then(
      (answer) => this.#landed(order, answer),
      (error: unknown) => this.#failed(order, error, progress),
    );
  }

  #landed(order: DeliveryOrder, answer: DeliverAnswer): void {
    this.#scopes.delete(keyText(order));
    this.#deadlines.delete(keyText(order));
    this.#run.learnResult(order, answer.result, nowMs());
    if (answer.earlyFailure) {
      this.#run.learn(
        {
          ...order,
          kind: "receipt",
          status: "failed",
          final: answer.earlyFailure.final,
          reason: answer.earlyFailure.reason,
          at: answer.at,
        },
        nowMs(),
      );
    }
  }

  #failed(order: DeliveryOrder, error: unknown, progress: Progress | null): void {
    if (progress) this.#run.giveBack(progress);
    this.#scopes.delete(keyText(order));
    this.#deadlines.delete(keyText(order));
    this.#run.learnResult(order, resultOf(error), nowMs());
  }

  #priorityKey(): number {
    return priorityKeyOf(this.#run.plan.type, this.#run.priority);
  }

  #count(work: Promise<unknown>): void {
    this.#others += 1;
    const done = (): void => {
      this.#others -= 1;
      this.#run.touch();
    };
    void work.then(done, done);
  }
}

/** Each closing message at its time; one that fails is in the record and changes nothing. */
export async function tellClosing(run: Run, closing: readonly ClosingOrder[]): Promise<void> {
  await Promise.all(closing.map((order) => tellOne(run, order)));
}

async function tellOne(run: Run, order: ClosingOrder): Promise<void> {
  const waitMs = order.at === null ? 0 : order.at - nowMs();
  if (waitMs > 0) await sleep(waitMs, { summary: "Closing message waits for quiet hours to end" });
  try {
    await deliver(
      {
        notificationId: run.id,
        priorityKey: priorityKeyOf(run.plan.type, run.priority),
        order: { purpose: "closing", ...order },
        progress: null,
      },
      {
        summary: closingInWords(order),
        accountId: order.accountId,
        priorityKey: priorityKeyOf(run.plan.type, run.priority),
        scheduleToStartMs: CLOSING_WAIT_MS,
      },
    );
  } catch (error) {
    if (isCancellation(error)) throw error;
    if (!(error instanceof ActivityFailure)) throw error;
  }
}

/** What the failure of a `deliver` says about the message. */
function resultOf(error: unknown): DeliveryResult {
  if (isCancellation(error)) return { kind: "not_sent", reason: "cancelled" };
  if (!(error instanceof ActivityFailure)) throw error;
  const { cause } = error;
  if (cause instanceof TimeoutFailure) {
    return cause.timeoutType === "SCHEDULE_TO_START"
      ? { kind: "failed", resultKind: "unavailable", scope: "account", reason: "no_worker_or_pace" }
      : { kind: "unknown", reason: "no_answer_in_time" };
  }
  if (cause instanceof ApplicationFailure && cause.type && isResultKind(cause.type)) {
    const detail = detailOf(cause);
    if (cause.type === "unknown_outcome" || cause.type === "accepted") {
      return { kind: "unknown", reason: detail.reason };
    }
    return { kind: "failed", resultKind: cause.type, ...detail };
  }
  throw error;
}

/** `deliveryFailure` puts exactly this into the details; another shape is a bug and must stall visibly. */
function detailOf(failure: ApplicationFailure): {
  readonly scope: "recipient" | "account";
  readonly reason: string;
} {
  const detail = failure.details?.[0] as { scope: "recipient" | "account"; reason: string };
  return { scope: detail.scope, reason: detail.reason };
}
