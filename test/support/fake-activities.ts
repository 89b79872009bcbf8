import type { ApplicationFailure } from "@temporalio/common";

import type {
  Activities,
  DeliverInput,
  PlanAnswer,
  RecordedAct,
  SettleAnswer,
} from "../../activities/contract.ts";
import type { DeliveryOrder, RunGroup, RunPerson, RunPlan } from "../../domain/run.ts";
import { MEDIUM_RULES } from "./rows.ts";

/** The world below the workflow, in memory: keeps what it was asked for, and answers as the test says. */
export interface FakeWorld {
  readonly activities: Activities;
  readonly orders: DeliveryOrder[];
  readonly closings: DeliverInput[];
  readonly settled: Parameters<Activities["settleNotification"]>[0][];
  readonly progress: Parameters<Activities["recordProgress"]>[0]["progress"][];
  /** Resolves with the first order, past or future, that fits. */
  readonly order: (fits: (order: DeliveryOrder) => boolean) => Promise<DeliveryOrder>;
  readonly hungUp: Parameters<Activities["hangUpCall"]>[0][];
}

export interface FakeOptions {
  readonly plan: RunPlan;
  readonly acts?: readonly RecordedAct[];
  /** What the vendor does with an order; accepted if not given. */
  readonly deliver?: (
    order: DeliveryOrder,
  ) => "accepted" | ApplicationFailure | Promise<"accepted">;
  readonly settle?: (
    input: Parameters<Activities["settleNotification"]>[0],
  ) => Partial<SettleAnswer>;
  readonly overrides?: Partial<Activities>;
}

export function fakeWorld(options: FakeOptions): FakeWorld {
  const orders: DeliveryOrder[] = [];
  const closings: DeliverInput[] = [];
  const settled: FakeWorld["settled"] = [];
  const progress: FakeWorld["progress"] = [];
  const hungUp: FakeWorld["hungUp"] = [];
  const waiting: {
    fits: (order: DeliveryOrder) => boolean;
    resolve: (order: DeliveryOrder) => void;
  }[] = [];
  const planned: PlanAnswer = { kind: "planned", plan: options.plan, acts: options.acts ?? [] };
  const activities: Activities = {
    planNotification: () => Promise.resolve(planned),
    replanNotification: () => Promise.resolve({ kind: "refused", reason: "not_possible" }),
    planRoleUp: ({ role }) => Promise.resolve({ role, persons: [], reason: "role_empty" }),
    deliverMessage: async (input) => {
      if (input.progress) progress.push(input.progress);
      const at = Date.now();
      if (input.order.purpose === "closing") {
        closings.push(input);
        return { deliveryId: "dlv_closing", at, result: ACCEPTED, earlyFailure: null };
      }
      const { order } = input;
      orders.push(order);
      for (const one of waiting.splice(0)) {
        if (one.fits(order)) one.resolve(order);
        else waiting.push(one);
      }
      const verdict = await (options.deliver?.(order) ?? "accepted");
      if (verdict !== "accepted") throw verdict;
      return { deliveryId: "dlv_x", at, result: ACCEPTED, earlyFailure: null };
    },
    recordProgress: (input) => {
      progress.push(input.progress);
      return Promise.resolve();
    },
    settleNotification: (input) => {
      settled.push(input);
      return Promise.resolve({
        outcome: input.end.outcome,
        reason: input.end.reason,
        closing: [],
        awaitResolution: null,
        ...options.settle?.(input),
      });
    },
    advanceResolution: () => Promise.resolve({ kind: "settled", outcome: "resolved", closing: [] }),
    hangUpCall: (input) => {
      hungUp.push(input);
      return Promise.resolve({ hungUp: true, reason: null });
    },
    recordTemporalUiAct: ({ actId, kind, minutes }) =>
      Promise.resolve({
        applied: true,
        reason: null,
        act: {
          actId,
          kind,
          at: Date.now(),
          userId: null,
          stops: kind === "acknowledge" || kind === "cancel" || kind === "resolve",
          params: minutes === null ? {} : { until: Date.now() + minutes * 60_000 },
        },
      }),
    raiseOperatorNotice: () => Promise.resolve(),
    sendAnswer: () => Promise.resolve({ status: "accepted", reason: null }),
    dropAnswer: () => Promise.resolve(),
    askVendor: () => Promise.resolve({ found: null }),
    probeAccount: () => Promise.resolve({ state: null }),
    takeInventory: () => Promise.resolve({ listed: 0 }),
    sweep: () => Promise.resolve({ started: 0, acts: 0, receipts: 0, replans: 0, answers: 0 }),
    ...options.overrides,
  };
  return {
    activities,
    orders,
    closings,
    settled,
    progress,
    hungUp,
    order: (fits) => {
      const found = orders.find(fits);
      if (found) return Promise.resolve(found);
      return new Promise((resolve) => {
        waiting.push({ fits, resolve });
      });
    },
  };
}

const ACCEPTED = { kind: "accepted", status: "accepted" } as const;

export const ROUTE = [
  {
    accountId: "acc_fake",
    givesSent: true,
    givesDelivered: true,
    receiptDeadlineMs: 60_000,
  },
] as const;

export function person(more: Partial<RunPerson> = {}): RunPerson {
  return {
    key: "usr_a",
    role: "technician",
    origin: "audience",
    routes: { whatsapp_personal: ROUTE, sms: ROUTE, call: ROUTE },
    inApp: true,
    firstStepChannels: null,
    only: null,
    silentSuffices: false,
    asleepUntil: null,
    quietTreatment: "hold",
    ...more,
  };
}

export function group(more: Partial<RunGroup> = {}): RunGroup {
  return { key: "grp_a", primary: true, route: ROUTE, asleepUntil: null, ...more };
}

export function runPlan(more: Partial<RunPlan> = {}): RunPlan {
  return {
    notificationId: "ntf_test",
    type: "outage",
    priority: "medium",
    zone: "karawang",
    ticketId: null,
    answerKind: "none",
    policyId: "pol_test",
    policyVersion: 1,
    rules: MEDIUM_RULES,
    acceptedAt: Date.now(),
    notBefore: null,
    notAfter: null,
    persons: [person()],
    groups: [],
    suppressed: null,
    inAppWritten: ["usr_a"],
    ...more,
  };
}
