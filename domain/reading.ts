/** Somebody who has read and not answered gets more time, once per pass. */
import { isPhoneChannel } from "./channel.ts";
import { own, turnOf } from "./run-draft.ts";
import type { Work } from "./run-draft.ts";
import { keysOf, note, passOf, targetOf } from "./run-draft.ts";
import type { Line, Target, Turn } from "./run-state.ts";
import { isOpen, windowEnd } from "./target-window.ts";

/** A critical window is short because somebody must act: reading alone buys two minutes at most. */
const READ_EXTENSION_CRITICAL_MS_MAX = 120_000;

export function extendReaders(work: Work): void {
  const { run } = work;
  if (run.plan.rules.settledBy !== "acknowledged") return;
  for (const key of keysOf(work)) {
    const seen = targetOf(work, key);
    if (seen.kind !== "person" || seen.isExtended || !seen.lines.some(isRead)) continue;
    const current = currentTurn(work, seen);
    if (current === null || !isOpen(run, seen, current.step)) continue;
    if (!hasRead(work, seen, current)) continue;
    const target = own(work, key);
    const turn = turnOf(target, current.step);
    if (turn === null) continue;
    target.isExtended = true;
    turn.extendedMs =
      run.plan.priority === "critical"
        ? Math.min(turn.windowMs, READ_EXTENSION_CRITICAL_MS_MAX)
        : turn.windowMs;
    note(work, "window_extended", {
      step: turn.step,
      target: key,
      reason: "read",
      detail: { seconds: turn.extendedMs / 1_000 },
    });
  }
}

function currentTurn(work: Work, target: Target): Turn | null {
  if (target.late !== null) {
    return target.late.done || target.late.isWaiting ? null : turnOf(target, target.late.step);
  }
  const { phase } = work.run;
  const turn = phase.kind === "step" ? turnOf(target, phase.step) : null;
  return turn === null || turn.closed ? null : turn;
}

/** Read within the window that stands: what was read in an earlier step has had its effect. */
function hasRead(work: Work, target: Target, turn: Turn): boolean {
  const end = windowEnd(work.run, target, turn);
  const pass = passOf(work.run, target);
  return target.lines.some(
    (line) =>
      line.pass === pass &&
      !line.retired &&
      isPhoneChannel(line.channel) &&
      line.deliveries.some(
        ({ readAt }) => readAt !== null && readAt >= turn.startedAt && readAt <= end,
      ),
  );
}

function isRead(line: Line): boolean {
  return !line.retired && line.deliveries.some(({ readAt }) => readAt !== null);
}
