import type pg from "pg";

import { stopByLastAnswer } from "../db/acts.ts";
import {
  acknowledgerAt,
  lockAnswered,
  lockSettleSubject,
  reopen,
  settleStopped,
  settleUnstopped,
  toldTargets,
  zonesAndHolidays,
  type SettleSubject,
  type ToldTarget,
} from "../db/settle.ts";
import { withTransaction } from "../db/transaction.ts";
import type { LadderEnd } from "../domain/run.ts";
import { assert } from "../domain/assert.ts";
import {
  defaultSettings,
  mergeSettings,
  type SettingsPatch,
} from "../domain/effective-settings.ts";
import { UNANSWERED_OUTCOMES, type Outcome } from "../domain/notification.ts";
import { isOtp } from "../domain/otp.ts";
import { quietUntil, resolveTimeZone } from "../domain/quiet-hours.ts";
import { ROLES } from "../domain/role.ts";
import { writeClosingInInbox } from "./closing-in-inbox.ts";
import type {
  ClosingOrder,
  NoticeInput,
  Progress,
  ResolutionAnswer,
  ResolutionInput,
  SettleAnswer,
  SettleInput,
} from "./contract.ts";
import type { MessageSettings } from "./outbound-message.ts";

export interface SettleDeps {
  readonly pool: pg.Pool;
  readonly settings: MessageSettings;
  readonly now: () => number;
  readonly raiseNotice: (input: NoticeInput) => Promise<void>;
  readonly writeRunProgress: (input: {
    readonly notificationId: string;
    readonly progress: NonNullable<SettleInput["progress"]>;
  }) => Promise<void>;
}

/** A closing message for somebody asleep waits this long for a chat; when the night is longer, the inbox has it at once and the chat stays silent. */
const CLOSING_WAIT_MS_MAX = 3_600_000;

/**
 * Settles a run: with the ladder's own end when nobody stopped it, else with the outcome of the act that did.
 *
 * Idempotency: the row's state decides; a second execution finds it settled and gives the same answer.
 */
export function createSettleNotification(deps: SettleDeps) {
  return async function settleNotification(input: SettleInput): Promise<SettleAnswer> {
    const { notificationId, end } = input;
    const isStopped =
      end.outcome === "acknowledged" || end.outcome === "cancelled" || end.outcome === "resolved";
    let progress = input.progress;
    if (progress && (isStopped || hasMoreThanEntries(progress))) {
      await deps.writeRunProgress({ notificationId, progress });
      progress = null;
    }
    if (!isStopped) {
      if (await settleByLadder(deps, notificationId, end, progress)) {
        await noticeUnanswered(deps, notificationId, end.outcome);
        return { outcome: end.outcome, reason: end.reason, closing: [], awaitResolution: null };
      }
      if (progress) await deps.writeRunProgress({ notificationId, progress });
    }
    return settleByAct(deps, input);
  };
}

/**
 * The ladder's own end. With `all` somebody may have answered whom the run has not heard yet: an answer that was taken counts, so those who are missing are read
 * under the lock that answers take.
 */
async function settleByLadder(
  deps: SettleDeps,
  notificationId: string,
  end: LadderEnd,
  progress: Progress | null,
): Promise<boolean> {
  const settle = (db: pg.Pool | pg.PoolClient, known: LadderEnd): Promise<boolean> =>
    settleUnstopped(db, notificationId, known, progress, deps.now());
  if (end.unanswered.length === 0) return settle(deps.pool, end);
  return withTransaction(deps.pool, async (client) => {
    const answered = await lockAnswered(client, notificationId);
    const unanswered = end.unanswered.filter((target) => !answered.includes(target));
    const isPartly = end.reason === "nobody_answered" && answered.length > 0;
    return settle(client, {
      ...end,
      unanswered,
      reason: isPartly ? "partly_acknowledged" : end.reason,
    });
  });
}

/** Inbox rows and answers to acts are written apart; entries alone go with the settling. */
function hasMoreThanEntries({ inApp, actAnswers }: Progress): boolean {
  return inApp.length > 0 || actAnswers.length > 0;
}

async function settleByAct(deps: SettleDeps, input: SettleInput): Promise<SettleAnswer> {
  const { notificationId, end } = input;
  const now = deps.now();
  const subject = await withTransaction(deps.pool, async (client) => {
    let locked = await lockSettleSubject(client, notificationId);
    assert(locked !== null, "a run that settles has its notification");
    if (locked.stopKind === null && locked.status !== "settled" && end.outcome === "acknowledged") {
      await stopByLastAnswer(client, notificationId);
      locked = await lockSettleSubject(client, notificationId);
      assert(locked !== null, "a notification that is locked stays");
    }
    if (locked.status === "settled" || awaitsResolution(locked)) return locked;
    await settleStopped(client, notificationId, {
      outcome: locked.stopKind === null ? end.outcome : OUTCOME_OF_STOP[locked.stopKind],
      reason: null,
      unresolved: false,
      end,
      now,
    });
    return locked;
  });
  if (subject.stopKind === null) {
    // Settled here or by an earlier execution of this activity, which may have died before the notice.
    const outcome = subject.outcome ?? end.outcome;
    await noticeUnanswered(deps, notificationId, outcome);
    return { outcome, reason: subject.reason, closing: [], awaitResolution: null };
  }
  const outcome = subject.outcome ?? OUTCOME_OF_STOP[subject.stopKind];
  return {
    outcome,
    reason: null,
    closing: subject.stopKind === "cancel" ? [] : await closingOrders(deps, subject),
    awaitResolution: awaitsResolution(subject) ? resolutionTimes(subject) : null,
  };
}

const OUTCOME_OF_STOP = {
  acknowledge: "acknowledged",
  cancel: "cancelled",
  resolve: "resolved",
} as const satisfies Record<string, Outcome>;

function awaitsResolution(subject: SettleSubject): boolean {
  return (
    subject.stopKind === "acknowledge" &&
    subject.status !== "settled" &&
    subject.rules.tracksResolution
  );
}

function resolutionTimes({
  acknowledgedAt,
  rules,
}: SettleSubject): NonNullable<SettleAnswer["awaitResolution"]> {
  assert(acknowledgedAt !== null, "an acknowledged notification has its instant");
  assert(rules.resolutionSeconds !== null, "a policy that tracks resolution has a resolution time");
  return {
    acknowledgedAt,
    until: acknowledgedAt + rules.resolutionSeconds * 1000,
    reopenAt:
      rules.reopenAfterSeconds === null ? null : acknowledgedAt + rules.reopenAfterSeconds * 1000,
  };
}

/** After an acknowledgment whose policy tracks resolution: resolved, its time is over, or it is to be asked again. */
export function createAdvanceResolution(deps: SettleDeps) {
  return async function advanceResolution(input: ResolutionInput): Promise<ResolutionAnswer> {
    const now = deps.now();
    const decided = await withTransaction(deps.pool, async (client) => {
      const subject = await lockSettleSubject(client, input.notificationId);
      assert(subject !== null, "a run that waits for resolution has its notification");
      if (input.event === "reopen") {
        return { subject, reopened: await reopenOnce(client, subject, input.acknowledgedAt) };
      }
      if (subject.status !== "settled") {
        const resolved = subject.stopKind === "resolve";
        await settleStopped(client, subject.id, {
          outcome: resolved ? "resolved" : "acknowledged",
          reason: resolved ? null : "unresolved",
          unresolved: !resolved,
          end: null,
          now,
        });
      }
      return { subject, reopened: null };
    });
    const { subject, reopened } = decided;
    if (input.event === "reopen") return reopened ?? { kind: "not_possible" };
    const resolved = subject.stopKind === "resolve";
    return {
      kind: "settled",
      outcome: subject.outcome ?? (resolved ? "resolved" : "acknowledged"),
      closing: resolved ? await closingOrders(deps, subject) : [],
    };
  };
}

/**
 * Null: it was resolved or cancelled first. An earlier execution may have reopened it and lost its answer; by now the row may even hold the next acknowledgment,
 * which is not asked again by this.
 */
async function reopenOnce(
  client: pg.PoolClient,
  subject: SettleSubject,
  acknowledgedAt: number | undefined,
): Promise<Extract<ResolutionAnswer, { kind: "reopened" }> | null> {
  if (subject.status === "settled") return null;
  const isThisOne = acknowledgedAt === undefined || subject.acknowledgedAt === acknowledgedAt;
  if (subject.stopKind === "acknowledge" && isThisOne) {
    await reopen(client, subject.id);
    return { kind: "reopened", acknowledger: subject.acknowledgedByUserId };
  }
  if (subject.stopKind !== null && subject.stopKind !== "acknowledge") return null;
  return {
    kind: "reopened",
    acknowledger: await acknowledgerAt(client, subject.id, acknowledgedAt),
  };
}

/** Never silence: high and critical that nobody answered tell the operators. Raised once per notification. */
async function noticeUnanswered(
  deps: SettleDeps,
  notificationId: string,
  outcome: Outcome,
): Promise<void> {
  if (UNANSWERED_OUTCOMES.some((unanswered) => unanswered === outcome)) {
    await deps.raiseNotice({ notificationId, reason: "unanswered" });
  }
}

/**
 * One closing message for everybody who was told, on the same chat; those reached by SMS, call or inbox alone find it in their inbox, which is written here.
 * Nobody is told that a code is over: whoever entered it knows.
 */
async function closingOrders(
  deps: SettleDeps,
  subject: SettleSubject,
): Promise<readonly ClosingOrder[]> {
  if (isOtp(subject.type)) return [];
  const now = deps.now();
  const told = await toldTargets(deps.pool, subject.id);
  if (told.length === 0) return [];
  const places = await zonesAndHolidays(deps.pool);
  const orders: ClosingOrder[] = [];
  for (const target of told) {
    const awakeAt = wakesAt(target, now, places, deps.settings.installationTimeZone);
    const inChat = target.chat !== null && awakeAt <= now + CLOSING_WAIT_MS_MAX;
    if (target.chat && inChat) {
      orders.push({
        closing: subject.stops,
        target: target.target,
        channel: target.chat.channel,
        accountId: target.chat.accountId,
        at: awakeAt > now ? awakeAt : null,
      });
    } else if (target.kind === "person") {
      await writeClosingInInbox(deps, {
        notificationId: subject.id,
        closing: subject.stops,
        userId: target.target,
        now,
      });
    }
  }
  return orders;
}

function wakesAt(
  { quiet }: ToldTarget,
  now: number,
  places: Awaited<ReturnType<typeof zonesAndHolidays>>,
  installation: string,
): number {
  if (!quiet) return now;
  const role = ROLES.find((known) => known === quiet.role);
  const settings = mergeSettings(
    defaultSettings({ role: role ?? "technician", hasEmail: false }),
    storedPatch(quiet.settings),
  );
  const zone = quiet.zones[0] ?? null;
  const { timeZone } = resolveTimeZone({
    quietHours: settings.quietHours.timeZone,
    person: quiet.timeZone,
    workZone: zone === null ? null : (places.timeZones.get(zone) ?? null),
    installation,
  });
  const dates = places.holidays
    .filter((holiday) => holiday.zone === "*" || holiday.zone === zone)
    .map((holiday) => holiday.date);
  const until = quietUntil(now, settings.quietHours, timeZone, dates);
  return until === "always" ? Number.POSITIVE_INFINITY : until;
}

/** Written through the settings' own check; a group's has its quiet hours alone, or none. */
function storedPatch(settings: unknown): SettingsPatch {
  const { quietHours, ...rest } = settings as Omit<SettingsPatch, "quietHours"> & {
    readonly quietHours?: SettingsPatch["quietHours"] | null;
  };
  return quietHours ? { ...rest, quietHours } : rest;
}
