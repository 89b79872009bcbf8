import { setTimeout as sleep } from "node:timers/promises";

import type { Activities, RecordedAct } from "../../activities/contract.ts";
import { deliveryFailure } from "../../activities/failure.ts";
import { startAnswer } from "../../client/start-answer.ts";
import { startAsk, startInventory, startProbe } from "../../client/start-errand.ts";
import type { PolicyRules, PolicyStep } from "../../domain/escalation-policy.ts";
import type { RunPlan } from "../../domain/run.ts";
import {
  ANSWER_WORKFLOW,
  ASK_WORKFLOW,
  answerWorkflowId,
  askWorkflowId,
  INVENTORY_WORKFLOW,
  inventoryWorkflowId,
  NOTIFICATION_WORKFLOW,
  PROBE_WORKFLOW,
  probeWorkflowId,
  STEER_UPDATE,
  SWEEP_WORKFLOW,
  WORKFLOW_TASK_QUEUE,
} from "../../workflows/contract.ts";
import {
  fakeWorld,
  group,
  person,
  ROUTE,
  runPlan,
  type FakeOptions,
  type FakeWorld,
} from "../support/fake-activities.ts";
import type { TestNamespace } from "../support/open-namespace.ts";
import { MEDIUM_RULES } from "../support/rows.ts";
import { startRun, withWorkers, type RunHandle } from "../support/run-worker.ts";
import { act, receipt, tell } from "../support/signalled-facts.ts";

/**
 * One run for every way through a workflow. Each is driven to its end against a real server and kept as a history, so that workflow code can be held
 * against what older code did. A branch that does not end as it says is not recorded.
 */
export interface Branch {
  readonly workflow: "notification" | "answer" | "ask" | "inventory" | "probe" | "sweep";
  /** Completes "replays a run that …". */
  readonly name: string;
  /** Drives the run to its end and returns its workflow id. */
  readonly drive: (namespace: TestNamespace) => Promise<string>;
}

interface NotificationStory {
  /** What the run must return; an error's name where it must fail. */
  readonly outcome: string | null;
  /** Asked for when the run plans, so that its instants lie ahead of that. */
  readonly plan?: () => RunPlan;
  readonly acts?: () => readonly RecordedAct[];
  readonly fakes?: () => Omit<FakeOptions, "plan" | "acts">;
  readonly accounts?: readonly string[];
  readonly story?: (run: RunHandle, world: FakeWorld) => Promise<void>;
}

const STEP: PolicyStep = {
  channels: ["whatsapp_personal"],
  groups: "none",
  attempts: 1,
  spacingSeconds: null,
  windowSeconds: 600,
  undeliveredAfterSeconds: null,
  roleUp: false,
  enabled: true,
};
/** Long enough that a slow machine does not turn one branch into another. */
const SHORT: PolicyStep = { ...STEP, windowSeconds: 2 };
const BY_SMS: PolicyStep = { ...STEP, channels: ["sms"] };

/** A plan that wants an answer. */
function asking(steps: readonly PolicyStep[], rules: Partial<PolicyRules> = {}): RunPlan {
  return runPlan({
    priority: "high",
    answerKind: "acknowledge",
    rules: { ...MEDIUM_RULES, settledBy: "acknowledged", ...rules, steps },
  });
}

const [account] = ROUTE;
const SECOND_ACCOUNT = { ...account, accountId: "acc_second" };

const rejected = () =>
  deliveryFailure("rejected", { scope: "recipient", reason: "not_on_whatsapp", at: 0 });

/** Of a slow database: longer than it takes to send three signals. */
const RECORD_MS = 1_500;

function snoozing(): RecordedAct {
  return act({ kind: "snooze", stops: false, params: { until: Date.now() + 60_000 } });
}

async function acknowledge(run: RunHandle): Promise<void> {
  await tell(run, { kind: "act", act: act() });
}

/** Hands the run a steering act as the API does, and insists that it carried it out. */
async function steer(run: RunHandle, more: Partial<RecordedAct>): Promise<void> {
  const steering = act({ stops: false, ...more });
  const answer = await run.executeUpdate<
    { readonly applied: boolean; readonly reason: string | null },
    [RecordedAct]
  >(STEER_UPDATE, { args: [steering], updateId: steering.actId });
  if (!answer.applied) throw new Error(`${steering.kind} was refused: ${answer.reason ?? ""}`);
}

const NOTIFICATIONS: Readonly<Record<string, NotificationStory>> = {
  "plain-delivered": {
    outcome: "delivered",
    plan: () => runPlan(),
    story: async (run, world) => {
      await tell(run, receipt(await world.order(() => true), "delivered"));
    },
  },
  "opening-written-with-plan": {
    outcome: "delivered",
    fakes: () => ({
      overrides: {
        planNotification: () =>
          Promise.resolve({
            kind: "planned",
            plan: runPlan(),
            acts: [],
            opening: { status: "notifying", pass: 1, step: 1, entries: ["step_started"] },
          }),
      },
    }),
    story: async (run, world) => {
      await tell(run, receipt(await world.order(() => true), "delivered"));
    },
  },
  "planned-at-second-try": {
    outcome: "delivered",
    fakes: () => ({ overrides: { planNotification: failsOnce(() => planned(runPlan())) } }),
    story: async (run, world) => {
      await tell(run, receipt(await world.order(() => true), "delivered"));
    },
  },
  "group-told": {
    outcome: "acknowledged",
    plan: () => ({ ...asking([{ ...STEP, groups: "primary" }]), groups: [group()] }),
    story: async (run, world) => {
      await tell(run, receipt(await world.order((order) => order.target === "grp_a"), "delivered"));
      await acknowledge(run);
    },
  },
  "failed-over": {
    outcome: "delivered",
    accounts: ["acc_fake", "acc_second"],
    plan: () =>
      runPlan({ persons: [person({ routes: { whatsapp_personal: [account, SECOND_ACCOUNT] } })] }),
    fakes: () => ({
      deliver: (order) =>
        order.handOver > 0
          ? "accepted"
          : deliveryFailure("unavailable", { scope: "account", reason: "device_offline", at: 0 }),
    }),
    story: async (run, world) => {
      const second = await world.order((order) => order.reason === "failed_over");
      await tell(run, receipt(second, "delivered"));
    },
  },
  "pulled-forward": {
    outcome: "acknowledged",
    plan: () => asking([STEP, BY_SMS]),
    fakes: () => ({ deliver: (order) => (order.channel === "sms" ? "accepted" : rejected()) }),
    story: async (run, world) => {
      await world.order((order) => order.reason === "pulled_forward");
      await acknowledge(run);
    },
  },
  "outcome-unknown": {
    outcome: "acknowledged",
    plan: () => asking([STEP, BY_SMS]),
    fakes: () => ({
      deliver: (order) =>
        order.channel === "sms"
          ? "accepted"
          : deliveryFailure("unknown_outcome", { scope: "account", reason: "timeout", at: 0 }),
    }),
    story: async (run, world) => {
      await world.order((order) => order.channel === "sms");
      await acknowledge(run);
    },
  },
  "repeated-role-up": {
    outcome: "acknowledged",
    plan: () => asking([{ ...STEP, windowSeconds: 1 }], { passes: 2, roleUp: true }),
    fakes: () => ({
      overrides: {
        planRoleUp: ({ role }) =>
          Promise.resolve({
            role,
            persons:
              role === "supervisor"
                ? [person({ key: "usr_supervisor", role, origin: "role_up" })]
                : [],
            reason: role === "supervisor" ? null : "role_empty",
          }),
      },
    }),
    story: async (run, world) => {
      await world.order((order) => order.pass === 2);
      await world.order((order) => order.target === "usr_supervisor");
      await tell(run, { kind: "act", act: act({ userId: "usr_supervisor" }) });
    },
  },
  exhausted: { outcome: "exhausted", plan: () => asking([{ ...STEP, windowSeconds: 1 }]) },
  "held-resumed": {
    outcome: "delivered",
    plan: () => runPlan({ persons: [person({ asleepUntil: Date.now() + 1_000 })] }),
    story: async (run, world) => {
      await tell(run, receipt(await world.order(() => true), "delivered"));
    },
  },
  snoozed: {
    outcome: "acknowledged",
    plan: () => asking([SHORT, BY_SMS]),
    story: async (run, world) => {
      await world.order(() => true);
      await steer(run, { kind: "snooze", params: { until: Date.now() + 1_000 } });
      await world.order((order) => order.step === 2);
      await acknowledge(run);
    },
  },
  escalated: {
    outcome: "acknowledged",
    plan: () => asking([STEP, BY_SMS]),
    story: async (run, world) => {
      await world.order(() => true);
      await steer(run, { kind: "escalate" });
      await world.order((order) => order.step === 2);
      await acknowledge(run);
    },
  },
  refused: {
    outcome: "acknowledged",
    plan: () => ({ ...asking([STEP]), persons: [person(), person({ key: "usr_b" })] }),
    story: async (run, world) => {
      await world.order((order) => order.target === "usr_b");
      await steer(run, { kind: "refuse" });
      await tell(run, { kind: "act", act: act({ userId: "usr_b" }) });
    },
  },
  reassigned: {
    outcome: "acknowledged",
    plan: () => asking([STEP]),
    fakes: () => ({
      overrides: {
        replanNotification: () =>
          Promise.resolve({
            kind: "reassigned",
            from: "usr_a",
            person: person({ key: "usr_b", origin: "reassigned" }),
          }),
      },
    }),
    story: async (run, world) => {
      await world.order(() => true);
      await steer(run, {
        kind: "reassign",
        params: { userId: "usr_b", fromUserId: "usr_a" },
      });
      await world.order((order) => order.target === "usr_b");
      await tell(run, { kind: "act", act: act({ userId: "usr_b" }) });
    },
  },
  reprioritised: {
    outcome: "acknowledged",
    plan: () => asking([STEP]),
    fakes: () => replanningTo(() => ({ ...asking([STEP, BY_SMS]), priority: "critical" })),
    story: async (run, world) => {
      await world.order(() => true);
      await steer(run, { kind: "reprioritise", params: { priority: "critical" } });
      await world.order((order) => order.channel === "sms");
      await acknowledge(run);
    },
  },
  "reprioritised-too-late": {
    outcome: "exhausted",
    plan: () => asking([STEP]),
    fakes: () => ({
      overrides: {
        recordProgress: () => sleep(RECORD_MS),
        replanNotification: () =>
          Promise.resolve({ kind: "replanned", plan: asking([STEP, BY_SMS]) }),
      },
    }),
    story: async (run, world) => {
      await world.order(() => true);
      await tell(run, { kind: "act", act: snoozing() });
      await sleep(RECORD_MS / 3);
      // All at once, as soon as that is written: what the second pause has to say is still being written when the last step is over.
      await tell(run, { kind: "act", act: snoozing() });
      await tell(run, { kind: "act", act: act({ kind: "escalate", stops: false }) });
      await tell(run, {
        kind: "act",
        act: act({ kind: "reprioritise", stops: false, params: { priority: "critical" } }),
      });
    },
  },
  moved: {
    outcome: "acknowledged",
    plan: () => asking([STEP]),
    fakes: () => replanningTo(() => ({ ...asking([STEP, BY_SMS]), policyVersion: 2 })),
    story: async (run, world) => {
      await world.order(() => true);
      await steer(run, { kind: "move", params: { policyVersion: 2 } });
      await world.order((order) => order.channel === "sms");
      await acknowledge(run);
    },
  },
  replanned: {
    outcome: "acknowledged",
    plan: () => asking([STEP]),
    fakes: () =>
      replanningTo(() => ({
        ...asking([STEP]),
        persons: [person(), person({ key: "usr_b", origin: "added" })],
      })),
    story: async (run, world) => {
      await world.order(() => true);
      await tell(run, { kind: "replan", reason: "settings_changed" });
      await world.order((order) => order.target === "usr_b");
      await acknowledge(run);
    },
  },
  "suppressed-while-held": {
    outcome: "suppressed",
    plan: () => ({ ...asking([STEP]), persons: [person({ asleepUntil: Date.now() + 600_000 })] }),
    fakes: () =>
      replanningTo(() => ({ ...asking([STEP]), persons: [], suppressed: "ticket_closed" })),
    story: async (run) => {
      await tell(run, { kind: "replan", reason: "ticket" });
    },
  },
  resent: {
    outcome: "acknowledged",
    plan: () => asking([STEP]),
    story: async (run, world) => {
      const first = await world.order(() => true);
      await tell(run, receipt(first, "delivered"));
      const { pass, step, target, channel, attempt, handOver } = first;
      await steer(run, {
        kind: "resend",
        params: { resend: { pass, step, target, channel, attempt, handOver } },
      });
      await world.order((order) => order.reason === "resend");
      await acknowledge(run);
    },
  },
  "hung-up": {
    outcome: "acknowledged",
    plan: () => asking([{ ...STEP, channels: ["call"] }]),
    story: async (run, world) => {
      const call = await world.order(() => true);
      await tell(run, receipt(call, "sent"));
      await acknowledge(run);
    },
  },
  cancelled: {
    outcome: "cancelled",
    plan: () => asking([STEP]),
    story: async (run, world) => {
      await world.order(() => true);
      await tell(run, { kind: "act", act: act({ kind: "cancel" }) });
    },
  },
  "cancelled-before-start": {
    outcome: "cancelled",
    plan: () => asking([STEP]),
    acts: () => [act({ kind: "cancel" })],
  },
  "cancelled-in-temporal-ui": {
    outcome: "WorkflowFailedError",
    plan: () => asking([STEP]),
    story: async (run, world) => {
      await world.order(() => true);
      await run.cancel();
    },
  },
  "acknowledged-in-temporal-ui": {
    outcome: "acknowledged",
    plan: () => asking([STEP]),
    story: async (run, world) => {
      await world.order(() => true);
      await run.executeUpdate<string, [string]>("acknowledge", { args: ["On it"] });
    },
  },
  "acknowledged-resolved": {
    outcome: "resolved",
    plan: () => asking([STEP], { tracksResolution: true, resolutionSeconds: 60 }),
    fakes: () => ({
      settle: () => ({
        closing: [
          {
            closing: 1,
            target: "usr_a",
            channel: "whatsapp_personal",
            accountId: "acc_fake",
            at: Date.now() + 1_000,
          },
        ],
        awaitResolution: { until: Date.now() + 60_000, reopenAt: null },
      }),
    }),
    story: async (run, world) => {
      await world.order(() => true);
      await acknowledge(run);
      await tell(run, { kind: "act", act: act({ kind: "resolve" }) });
    },
  },
  reopened: {
    outcome: "acknowledged",
    plan: () =>
      asking([STEP], { tracksResolution: true, resolutionSeconds: 60, reopenAfterSeconds: 1 }),
    fakes: () => {
      let settled = 0;
      return {
        settle: () => {
          settled += 1;
          const reopenAt = Date.now() + 1_000;
          return settled > 1 ? {} : { awaitResolution: { until: reopenAt + 60_000, reopenAt } };
        },
        overrides: {
          advanceResolution: () => Promise.resolve({ kind: "reopened", acknowledger: "usr_a" }),
        },
      };
    },
    story: async (run, world) => {
      await world.order(() => true);
      await acknowledge(run);
      await world.order((order) => order.pass === 2);
      await acknowledge(run);
    },
  },
  expired: { outcome: "expired", plan: () => asking([STEP], { lifetimeSeconds: 2 }) },
  undeliverable: {
    outcome: "undeliverable",
    plan: () => runPlan({ rules: { ...MEDIUM_RULES, steps: [STEP] } }),
    fakes: () => ({ deliver: rejected }),
  },
  "not-ours": {
    outcome: "cancelled",
    fakes: () => ({
      overrides: {
        planNotification: () =>
          Promise.resolve({ kind: "not_ours", outcome: "cancelled", reason: "already_settled" }),
      },
    }),
  },
};

function replanningTo(plan: () => RunPlan): Omit<FakeOptions, "plan"> {
  return {
    overrides: {
      replanNotification: () => Promise.resolve({ kind: "replanned", plan: plan() }),
    },
  };
}

type Planner = Activities["planNotification"];

function planned(plan: RunPlan, acts: readonly RecordedAct[] = []): Awaited<ReturnType<Planner>> {
  return { kind: "planned", plan, acts };
}

/** PostgreSQL is away for one moment: the quick try fails, the patient one comes through. */
function failsOnce(answer: () => Awaited<ReturnType<Planner>>): Planner {
  let tries = 0;
  return () => {
    tries += 1;
    return tries === 1 ? Promise.reject(new Error("no database")) : Promise.resolve(answer());
  };
}

function notificationBranch(name: string, told: NotificationStory): Branch {
  const { plan = () => runPlan(), acts = () => [] } = told;
  return {
    workflow: NOTIFICATION_WORKFLOW,
    name,
    drive: async (namespace) => {
      const fakes = told.fakes?.() ?? {};
      const world = fakeWorld({
        ...fakes,
        plan: runPlan(),
        overrides: {
          planNotification: () => Promise.resolve(planned(plan(), acts())),
          ...fakes.overrides,
        },
      });
      return withWorkers(
        namespace,
        world.activities,
        async () => {
          const run = await startRun(namespace, name);
          await told.story?.(run, world);
          expectEnd(name, told.outcome, await endOf(run));
          return run.workflowId;
        },
        told.accounts,
      );
    },
  };
}

async function endOf(run: RunHandle): Promise<string | null> {
  try {
    return (await run.result()).outcome;
  } catch (error) {
    return error instanceof Error ? error.name : "failed";
  }
}

function expectEnd(name: string, expected: string | null, ended: string | null): void {
  if (ended !== expected) {
    throw new Error(`${name} ended as ${String(ended)} instead of ${String(expected)}`);
  }
}

function answerBranch(name: string, status: string, sendAnswer: Activities["sendAnswer"]): Branch {
  return {
    workflow: ANSWER_WORKFLOW,
    name,
    drive: async (namespace) => {
      const world = fakeWorld({ plan: runPlan(), overrides: { sendAnswer } });
      const inboundMessageId = `inb_${name}`;
      const workflowId = answerWorkflowId(inboundMessageId);
      await withWorkers(namespace, world.activities, async () => {
        await startAnswer(namespace.client, { inboundMessageId, accountId: "acc_fake" });
        const ended: unknown = await namespace.client.workflow.getHandle(workflowId).result();
        expectEnd(name, status, statusOf(ended));
      });
      return workflowId;
    },
  };
}

function statusOf(ended: unknown): string | null {
  const isAnswer = typeof ended === "object" && ended !== null && "status" in ended;
  return isAnswer ? String(ended.status) : null;
}

const PROBED: Branch = {
  workflow: PROBE_WORKFLOW,
  name: "asked",
  drive: async (namespace) => {
    const world = fakeWorld({ plan: runPlan() });
    const workflowId = probeWorkflowId("acc_fake");
    await withWorkers(namespace, world.activities, async () => {
      await startProbe(namespace.client, { accountId: "acc_fake" });
      await namespace.client.workflow.getHandle(workflowId).result();
    });
    return workflowId;
  },
};

const ASKED: Branch = {
  workflow: ASK_WORKFLOW,
  name: "asked",
  drive: async (namespace) => {
    const world = fakeWorld({ plan: runPlan() });
    const workflowId = askWorkflowId("dlv_asked");
    await withWorkers(namespace, world.activities, async () => {
      await startAsk(namespace.client, { deliveryId: "dlv_asked", accountId: "acc_fake" });
      await namespace.client.workflow.getHandle(workflowId).result();
    });
    return workflowId;
  },
};

const LISTED: Branch = {
  workflow: INVENTORY_WORKFLOW,
  name: "listed",
  drive: async (namespace) => {
    const world = fakeWorld({ plan: runPlan() });
    const input = { accountId: "acc_fake", kind: "groups" } as const;
    const workflowId = inventoryWorkflowId(input);
    await withWorkers(namespace, world.activities, async () => {
      await startInventory(namespace.client, input);
      await namespace.client.workflow.getHandle(workflowId).result();
    });
    return workflowId;
  },
};

const SWEPT: Branch = {
  workflow: SWEEP_WORKFLOW,
  name: "swept",
  drive: async (namespace) => {
    const workflowId = "sweep/swept";
    const world = fakeWorld({ plan: runPlan() });
    await withWorkers(namespace, world.activities, async () => {
      await namespace.client.workflow.execute(SWEEP_WORKFLOW, {
        workflowId,
        taskQueue: WORKFLOW_TASK_QUEUE,
      });
    });
    return workflowId;
  },
};

export const BRANCHES: readonly Branch[] = [
  ...Object.entries(NOTIFICATIONS).map(([name, told]) => notificationBranch(name, told)),
  answerBranch("sent", "accepted", () => Promise.resolve({ status: "accepted", reason: null })),
  answerBranch("dropped", "not_sent", () => Promise.reject(rejected())),
  ASKED,
  LISTED,
  PROBED,
  SWEPT,
];

/** The version whose code made the histories; histories of an older one stay as long as its runs may live. */
export const VERSION = "0.2";

export function historyFile(branch: Branch): string {
  return `${branch.workflow}-${VERSION}-${branch.name}.json`;
}
