import { setTimeout as sleep } from "node:timers/promises";
import { Context } from "@temporalio/activity";
import type pg from "pg";

import type { NotificationRequest, RequestCheck } from "../domain/request.ts";
import type { ProviderRegistry } from "../providers/registry.ts";
import type { Activities } from "./contract.ts";
import { withAnnouncements, type Announce } from "./announce-changes.ts";
import { createAskVendor } from "./ask-vendor.ts";
import { createDeliverMessage, type DeliverDeps } from "./deliver-message.ts";
import { createHangUpCall } from "./hang-up-call.ts";
import { createJudgeAccounts, type JudgeAccountsDeps } from "./judge-accounts.ts";
import type { MessageSettings } from "./outbound-message.ts";
import { createRaiseAccountNotice } from "./raise-account-notice.ts";
import { createRaiseTemplateNotice } from "./raise-template-notice.ts";
import type { NoticeDeps } from "./raise-notice.ts";
import { createRaiseOperatorNotice } from "./raise-operator-notice.ts";
import { createRecordProgress } from "./record-progress.ts";
import { createRecordTemporalUiAct } from "./record-temporal-ui-act.ts";
import { createDropAnswer, createSendAnswer } from "./send-answer.ts";
import { createAdvanceResolution, createSettleNotification } from "./settle-notification.ts";
import { withSafeErrors } from "./safe-errors.ts";
import { createProbeAccount } from "./probe-account.ts";
import { createSweep, type SweepDeps } from "./sweep.ts";
import { createTakeInventory } from "./take-inventory.ts";
import { createTellOptOuts, createTellReplan } from "./tell-opt-outs.ts";

export interface ActivityDeps {
  readonly pool: pg.Pool;
  readonly providers: ProviderRegistry;
  readonly openAccount: DeliverDeps["openAccount"];
  readonly openDestination: DeliverDeps["openDestination"];
  readonly readCode: DeliverDeps["readCode"];
  readonly ackLink: DeliverDeps["ackLink"];
  readonly settings: MessageSettings;
  readonly files: DeliverDeps["files"];
  readonly sendOnlyTo: ReadonlySet<string> | null;
  readonly keepAcceptance: DeliverDeps["keepAcceptance"];
  readonly plan: Pick<Activities, "planNotification" | "replanNotification" | "planRoleUp">;
  readonly checkRequest: (request: NotificationRequest, now: number) => Promise<RequestCheck>;
  readonly startRun: NoticeDeps["startRun"];
  readonly signal: SweepDeps["signal"];
  readonly startAnswer: SweepDeps["startAnswer"];
  readonly startProbe: JudgeAccountsDeps["startProbe"];
  readonly startAsk: SweepDeps["startAsk"];
  readonly startInventory: JudgeAccountsDeps["startInventory"];
  readonly hash: NoticeDeps["hash"];
  /** Tells whoever watches; nobody is told if not given. */
  readonly announce?: Announce | undefined;
  /** Nothing happens at any of them if not given. */
  readonly crashPoint?: DeliverDeps["crashPoint"] | undefined;
  readonly now: () => number;
  readonly random: () => number;
  readonly log: NoticeDeps["log"];
}

/** Every activity, built on what the worker's composition root gives. */
export function createActivities(deps: ActivityDeps): Activities {
  const recordProgress = createRecordProgress(deps);
  const raiseOperatorNotice = createRaiseOperatorNotice(deps);
  const settleDeps = {
    ...deps,
    raiseNotice: raiseOperatorNotice,
    writeRunProgress: recordProgress,
  };
  const waiting: Pick<DeliverDeps, "sleep" | "cancelled"> = {
    sleep: async (ms, signal) => {
      if (ms > 0) await sleep(ms, undefined, { signal });
    },
    cancelled: () => Context.current().cancellationSignal,
  };
  const activities: Activities = {
    ...deps.plan,
    recordProgress,
    raiseOperatorNotice,
    sendAnswer: createSendAnswer({ ...deps, ...waiting }),
    dropAnswer: createDropAnswer(deps),
    deliverMessage: createDeliverMessage({
      ...deps,
      ...waiting,
      crashPoint: deps.crashPoint ?? (() => undefined),
      tellReplan: createTellReplan(deps),
      writeProgress: async ({ notificationId, progress }) => {
        if (progress) await recordProgress({ notificationId, progress });
      },
    }),
    settleNotification: createSettleNotification(settleDeps),
    advanceResolution: createAdvanceResolution(settleDeps),
    hangUpCall: createHangUpCall(deps),
    recordTemporalUiAct: createRecordTemporalUiAct(deps),
    probeAccount: createProbeAccount(deps),
    askVendor: createAskVendor(deps),
    takeInventory: createTakeInventory(deps),
    sweep: createSweep({
      ...deps,
      start: (row) => deps.startRun(row),
      judgeAccounts: createJudgeAccounts({
        ...deps,
        raiseAccountNotice: createRaiseAccountNotice(deps),
        raiseTemplateNotice: createRaiseTemplateNotice(deps),
      }),
      tellOptOuts: createTellOptOuts(deps),
    }),
  };
  const told =
    deps.announce === undefined
      ? activities
      : withAnnouncements(activities, deps.announce, deps.now);
  return withSafeErrors(told, deps.log);
}
