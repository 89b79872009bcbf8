import type { RecordedAct } from "../../activities/contract.ts";
import type { DeliveryOrder, ReceiptFact } from "../../domain/run.ts";
import { FACT_SIGNAL, type SignalledFact } from "../../workflows/contract.ts";
import type { RunHandle } from "./run-worker.ts";

/** What the API and the webhooks tell a run, without them. */

export function receipt(order: DeliveryOrder, status: ReceiptFact["status"]): SignalledFact {
  const { pass, step, target, channel, attempt, handOver } = order;
  return {
    kind: "receipt",
    pass,
    step,
    target,
    channel,
    attempt,
    handOver,
    status,
    final: true,
    at: Date.now(),
    reason: null,
  };
}

let acts = 0;

/** An acknowledgment that stops the run, if not said otherwise; each with an id of its own. */
export function act(more: Partial<RecordedAct> = {}): RecordedAct {
  acts += 1;
  return {
    actId: `act_${acts}`,
    kind: "acknowledge",
    at: Date.now(),
    userId: "usr_a",
    stops: true,
    params: {},
    ...more,
  };
}

export async function tell(run: RunHandle, fact: SignalledFact): Promise<void> {
  await run.signal(FACT_SIGNAL, fact);
}
