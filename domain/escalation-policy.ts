import type { PersonChannel } from "./channel.ts";
import type { Priority } from "./priority.ts";

export const SETTLED_BY = ["sent", "delivered", "read", "acknowledged"] as const;
export type SettledBy = (typeof SETTLED_BY)[number];
export const QUIET_HOURS_TREATMENTS = ["hold", "next_awake", "override"] as const;
export type QuietHoursTreatment = (typeof QUIET_HOURS_TREATMENTS)[number];
export const WHEN_ALWAYS_QUIET = ["hold", "send", "skip"] as const;
export type WhenAlwaysQuiet = (typeof WHEN_ALWAYS_QUIET)[number];
export const STEP_GROUPS = ["none", "primary", "other"] as const;
export type StepGroups = (typeof STEP_GROUPS)[number];

/** One rung. `attempts` and `spacingSeconds` count for whatsapp_personal, sms and call; all else goes once per step and pass. */
export interface PolicyStep {
  readonly channels: readonly PersonChannel[];
  readonly groups: StepGroups;
  readonly attempts: number;
  readonly spacingSeconds: number | null;
  readonly windowSeconds: number;
  readonly undeliveredAfterSeconds: number | null;
  /** The step's persons are the next role up instead of the run's persons. */
  readonly roleUp: boolean;
  readonly enabled: boolean;
}

/** The rules of one escalation policy, without its identity: what a version stores and a run pins. */
export interface PolicyRules {
  readonly settledBy: SettledBy;
  readonly quietHours: QuietHoursTreatment;
  readonly whenAlwaysQuiet: WhenAlwaysQuiet;
  readonly acknowledgment: "any" | "all";
  /** Runs through the steps before role-up: 1 is once. */
  readonly passes: number;
  /** After the last pass, one pass for each next role up. */
  readonly roleUp: boolean;
  readonly tracksResolution: boolean;
  readonly resolutionSeconds: number | null;
  readonly reopenAfterSeconds: number | null;
  /** From acceptance to the first answer. */
  readonly lifetimeSeconds: number;
  readonly calls: "all" | "one_by_one";
  readonly emailOnlyIfOptedIn: boolean;
  readonly ignoresChannelSwitches: boolean;
  /** A stranger's answer in a group counts as an answer. */
  readonly countsStrangers: boolean;
  /** Unanswered ends raise an operator_notice. */
  readonly raisesNotice: boolean;
  readonly steps: readonly PolicyStep[];
}

export interface Policy extends PolicyRules {
  readonly id: string;
  readonly version: number;
  readonly name: string;
  readonly priority: Priority;
}
