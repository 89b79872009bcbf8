/**
 * One notification, from acceptance to its outcome. What happens next is decided in domain/ladder.ts; this file waits and carries out.
 *
 * It may be interrupted by facts alone: results of sends, receipts, acts, re-plans. Each is handed to the run (progress.ts), and the ladder is asked again.
 * Whoever stops the run has already won or lost in PostgreSQL: the run only learns it.
 */
import { CancellationScope, isCancellation, patched, uuid4 } from "@temporalio/workflow";

import type {
  ClosingOrder,
  PlanAnswer,
  RecordedAct,
  ResolutionAnswer,
  ResolutionInput,
  SettleAnswer,
} from "../activities/contract.ts";
import type { Todo } from "../domain/run.ts";
import { onRecord } from "./activity-proxies.ts";
import type { NotificationInput, NotificationResult } from "./contract.ts";
import { Flights, tellClosing } from "./flights.ts";
import {
  handlersFinished,
  listen,
  nowMs,
  runIdentity,
  showProgress,
  showSettled,
} from "./handlers.ts";
import { Run } from "./progress.ts";

export async function notification(input: NotificationInput): Promise<NotificationResult> {
  const run = new Run();
  listen(run); // before the first await, so that nothing that arrives early is lost
  const planned = await plan(input);
  if (planned.kind === "not_ours") return leave(run, planned);
  run.begin(planned, nowMs());
  try {
    return await climbUntilSettled(run);
  } catch (error) {
    if (!isCancellation(error)) throw error;
    await CancellationScope.nonCancellable(() => cancelFromTemporal(run));
    throw error;
  }
}

function plan(input: NotificationInput): Promise<PlanAnswer> {
  return onRecord("planNotification", { ...runIdentity(), direct: input.direct });
}

async function climbUntilSettled(run: Run): Promise<NotificationResult> {
  const closings: Promise<void>[] = [];
  for (;;) {
    const flights = new Flights(run);
    await climb(run, flights);
    run.end();
    let settled = await settle(run);
    if (settled.closing.length > 0) closings.push(tellClosing(run, settled.closing));
    if (settled.awaitResolution) {
      const resolution = await resolutionOf(run, settled.awaitResolution);
      if (resolution === "reopened") continue;
      settled = { ...settled, ...resolution };
      closings.push(tellClosing(run, resolution.closing));
    }
    showSettled(run, settled.outcome, settled.reason);
    if (closings.length > 0) await Promise.all(closings);
    await finish(run);
    return { outcome: settled.outcome, reason: settled.reason };
  }
}

/** Asks the ladder, carries out what it says, waits; until the ladder has an end and nothing is in flight any more. */
async function climb(run: Run, flights: Flights): Promise<void> {
  const decide = (): Todo => {
    const todo = run.next(nowMs());
    showProgress(run, todo);
    carryOut(todo, run, flights);
    return todo;
  };
  for (;;) {
    // Every promise of a run costs its worker a stack trace: none is made where nothing is to be waited for.
    if (run.hasSteering) await steer(run, decide);
    const todo = decide();
    if (todo.end && flights.areOver()) return;
    const asked = ask(run, todo);
    if (asked) await asked;
    else if (!run.hasSteering) await run.changedOrUntil(todo, flights.landsBy());
  }
}

function carryOut(todo: Todo, run: Run, flights: Flights): void {
  flights.withdraw(todo.end ? "all" : todo.withdraw);
  flights.hangUp(todo.hangUp);
  flights.start(todo);
  if (todo.deliveries.length === 0 && run.mustWriteNow(todo)) flights.write(todo);
}

/**
 * The next steering act: a simple one goes to the ladder as a fact, another needs the planner first.
 *
 * Ordering: what arrived before it has its consequences first. Whatever arrives at one instant ends as if it had come one by one.
 */
async function steer(run: Run, decide: () => Todo): Promise<void> {
  await decideFirst(run, decide);
  const act = run.nextSteering();
  if (act) {
    const replanned =
      needsPlanner(act) && !isTooLateToPlan(run)
        ? await onRecord("replanNotification", run.replanInput(act))
        : null;
    // A plan that is stored holds: nothing that became due meanwhile may end the run without it.
    if (replanned?.kind === "replanned") run.hear(replanned.answers ?? [], nowMs());
    run.steered(act, replanned, nowMs());
    return;
  }
  for (let reason = run.nextReplan(); reason; reason = run.nextReplan()) {
    const why = { kind: "reason", reason } as const;
    const answer = await onRecord("replanNotification", { notificationId: run.id, why });
    run.replanned(answer, reason, nowMs());
  }
}

async function decideFirst(run: Run, decide: () => Todo): Promise<void> {
  while (run.hasUndecided) {
    const asked = ask(run, decide());
    if (asked) await asked;
  }
}

/** What the ladder wants to know or to have told before it goes on; null: nothing. */
function ask(run: Run, todo: Todo): Promise<void> | null {
  if (todo.roleUp) return nextRoleUp(run, todo.roleUp);
  return todo.noticeSleepersOnly ? tellOperators(run) : null;
}

/**
 * 2026-11-22: a plan was made and stored before for a run whose ladder had ended, which then refused the act. To be removed when no run is open that was planned
 * before.
 */
function isTooLateToPlan(run: Run): boolean {
  return run.hasEnded && patched("nothing-planned-after-the-end");
}

function needsPlanner({ kind }: RecordedAct): boolean {
  return kind === "reprioritise" || kind === "move" || kind === "reassign";
}

async function nextRoleUp(run: Run, request: NonNullable<Todo["roleUp"]>): Promise<void> {
  const answer = await onRecord("planRoleUp", {
    notificationId: run.id,
    role: request.role,
    known: run.knownPersons(),
  });
  run.learn({ kind: "role_up_planned", ...answer, at: nowMs() }, nowMs());
}

async function tellOperators(run: Run): Promise<void> {
  await onRecord("raiseOperatorNotice", { notificationId: run.id, reason: "sleepers_only" });
}

function settle(run: Run): Promise<SettleAnswer> {
  const { end, progress } = run.ending(nowMs());
  return onRecord("settleNotification", { notificationId: run.id, end, progress });
}

type Resolution = Pick<SettleAnswer, "outcome" | "closing">;

/** Acknowledged, and the policy tracks the thing behind it: wait until it is resolved, the time for that is over, or it is asked again. */
async function resolutionOf(
  run: Run,
  wait: NonNullable<SettleAnswer["awaitResolution"]>,
): Promise<Resolution | "reopened"> {
  let reopenAt = wait.reopenAt;
  for (;;) {
    const event = await run.resolvedOr({ until: wait.until, reopenAt });
    const answer = await advance(run, event, wait.acknowledgedAt);
    if (answer.kind === "settled") return { outcome: answer.outcome, closing: answer.closing };
    if (answer.kind === "reopened") return "reopened";
    reopenAt = null; // a resolve came first; its fact is on its way
  }
}

/**
 * 2026-11-22: facts that came while the reopening was being recorded were lost on the run before, which then went on although somebody had answered. To be
 * removed when no run is open that was acknowledged before.
 */
async function advance(
  run: Run,
  event: ResolutionInput["event"],
  acknowledgedAt: number | undefined,
): Promise<ResolutionAnswer> {
  if (event === "reopen" && patched("facts-wait-for-reopening")) run.holdFacts();
  try {
    const answer = await onRecord("advanceResolution", {
      notificationId: run.id,
      event,
      ...(acknowledgedAt === undefined ? {} : { acknowledgedAt }),
    });
    if (answer.kind === "reopened") {
      run.learn({ kind: "reopened", acknowledger: answer.acknowledger, at: nowMs() }, nowMs());
    }
    return answer;
  } finally {
    run.releaseFacts(nowMs());
  }
}

/** Nobody who asked this run something is left without an answer, and no answer is left out of the record. */
async function finish(run: Run): Promise<void> {
  await handlersFinished();
  const progress = run.lastAnswers();
  if (progress) await onRecord("recordProgress", { notificationId: run.id, progress });
}

/** Another run owns the record, it had settled before, or the direct request was refused. Nothing was sent. */
async function leave(
  run: Run,
  answer: Extract<PlanAnswer, { kind: "not_ours" }>,
): Promise<NotificationResult> {
  run.leave(); // else whoever steers it waits for ever, and it with them
  showSettled(run, answer.outcome, answer.reason);
  await handlersFinished();
  return { outcome: answer.outcome, reason: answer.reason };
}

/** Cancel pressed in the Temporal UI: an act like any other, by somebody we can't verify. */
async function cancelFromTemporal(run: Run): Promise<void> {
  await onRecord("recordTemporalUiAct", {
    notificationId: run.id,
    actId: `act_${uuid4()}`,
    kind: "cancel",
    minutes: null,
    note: null,
  });
  run.stoppedByTemporal(nowMs());
  run.end();
  const settled = await settle(run);
  await tellClosing(run, settled.closing satisfies readonly ClosingOrder[]);
  showSettled(run, settled.outcome, settled.reason);
}
