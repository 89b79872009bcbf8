/** The policies that an installation starts with: requirements section 2, in the words of the API document, and one each for test sends and codes. */
import type { PolicyRules, PolicyStep } from "./escalation-policy.ts";
import type { Priority } from "./priority.ts";

export interface DefaultPolicy {
  readonly name: string;
  readonly priority: Priority;
  /** The policy of its priority where neither the request nor the type names one. */
  readonly isPriorityDefault: boolean;
  readonly rules: PolicyRules;
}

const STEP: PolicyStep = {
  channels: [],
  groups: "none",
  attempts: 1,
  spacingSeconds: null,
  windowSeconds: 600,
  undeliveredAfterSeconds: null,
  roleUp: false,
  enabled: true,
};

const RULES: Omit<PolicyRules, "settledBy" | "quietHours" | "steps"> = {
  whenAlwaysQuiet: "hold",
  acknowledgment: "any",
  passes: 1,
  roleUp: false,
  tracksResolution: false,
  resolutionSeconds: null,
  reopenAfterSeconds: null,
  lifetimeSeconds: 24 * 3_600,
  calls: "all",
  emailOnlyIfOptedIn: true,
  ignoresChannelSwitches: false,
  countsStrangers: false,
  raisesNotice: true,
};

const HIGH_STEPS: readonly PolicyStep[] = [
  {
    ...STEP,
    channels: ["whatsapp_personal", "in_app", "push", "email"],
    groups: "primary",
    windowSeconds: 300,
    undeliveredAfterSeconds: 180,
  },
  { ...STEP, groups: "other", windowSeconds: 600 },
  {
    ...STEP,
    channels: ["whatsapp_personal", "in_app", "push", "email"],
    roleUp: true,
    windowSeconds: 600,
  },
  // Off: switching it on has a monthly cost, which the web app shows first.
  { ...STEP, channels: ["sms"], windowSeconds: 600, enabled: false },
];

export const DEFAULT_POLICIES = {
  low: {
    name: "low",
    priority: "low",
    isPriorityDefault: true,
    rules: {
      ...RULES,
      settledBy: "sent",
      quietHours: "hold",
      lifetimeSeconds: 72 * 3_600,
      steps: [{ ...STEP, channels: ["in_app", "email"], groups: "primary", windowSeconds: 1_800 }],
    },
  },
  medium: {
    name: "medium",
    priority: "medium",
    isPriorityDefault: true,
    rules: {
      ...RULES,
      settledBy: "delivered",
      quietHours: "hold",
      lifetimeSeconds: 72 * 3_600,
      steps: [
        {
          ...STEP,
          channels: ["whatsapp_personal", "in_app", "email"],
          groups: "primary",
          windowSeconds: 1_800,
        },
      ],
    },
  },
  high: {
    name: "high",
    priority: "high",
    isPriorityDefault: true,
    rules: {
      ...RULES,
      settledBy: "acknowledged",
      quietHours: "next_awake",
      // At high and critical everybody gets the e-mail, opted in or not.
      emailOnlyIfOptedIn: false,
      steps: HIGH_STEPS,
    },
  },
  critical: {
    name: "critical",
    priority: "critical",
    isPriorityDefault: true,
    rules: {
      ...RULES,
      settledBy: "acknowledged",
      quietHours: "override",
      passes: 2,
      roleUp: true,
      tracksResolution: true,
      resolutionSeconds: 24 * 3_600,
      emailOnlyIfOptedIn: false,
      ignoresChannelSwitches: true,
      steps: [
        {
          ...STEP,
          channels: ["whatsapp_personal", "in_app", "push", "email"],
          groups: "primary",
          attempts: 3,
          spacingSeconds: 60,
          windowSeconds: 180,
          undeliveredAfterSeconds: 60,
        },
        { ...STEP, groups: "other", windowSeconds: 60 },
        { ...STEP, channels: ["sms"], windowSeconds: 60 },
        { ...STEP, channels: ["call"], attempts: 3, spacingSeconds: 120, windowSeconds: 360 },
      ],
    },
  },
  assignment: {
    name: "assignment",
    priority: "medium",
    isPriorityDefault: false,
    rules: {
      ...RULES,
      settledBy: "acknowledged",
      quietHours: "hold",
      steps: [
        {
          ...STEP,
          channels: ["whatsapp_personal", "in_app"],
          groups: "primary",
          attempts: 2,
          spacingSeconds: 600,
          windowSeconds: 1_200,
        },
        {
          ...STEP,
          channels: ["whatsapp_personal", "in_app"],
          roleUp: true,
          windowSeconds: 1_800,
        },
      ],
    },
  },
  claim: {
    name: "claim",
    priority: "medium",
    isPriorityDefault: false,
    rules: {
      ...RULES,
      settledBy: "acknowledged",
      quietHours: "hold",
      steps: [
        { ...STEP, channels: ["in_app"], groups: "primary", windowSeconds: 900 },
        {
          ...STEP,
          channels: ["whatsapp_personal", "in_app"],
          roleUp: true,
          windowSeconds: 1_800,
        },
      ],
    },
  },
  notice: {
    name: "notice",
    priority: "high",
    isPriorityDefault: false,
    rules: {
      ...RULES,
      settledBy: "acknowledged",
      quietHours: "override",
      emailOnlyIfOptedIn: false,
      raisesNotice: false,
      steps: HIGH_STEPS,
    },
  },
  /** One message over whatever account is not avoided, now: somebody waits to see whether it arrives. */
  test: {
    name: "test",
    priority: "high",
    isPriorityDefault: false,
    rules: {
      ...RULES,
      settledBy: "delivered",
      quietHours: "override",
      emailOnlyIfOptedIn: false,
      ignoresChannelSwitches: true,
      raisesNotice: false,
      lifetimeSeconds: 600,
      steps: [
        {
          ...STEP,
          channels: ["whatsapp_personal", "sms", "call", "email", "push"],
          groups: "primary",
          windowSeconds: 60,
        },
      ],
    },
  },
  /** A code lives for five minutes, and somebody looks at a phone: nothing waits longer than it takes to see that a channel does not get through. */
  otp: {
    name: "otp",
    priority: "high",
    isPriorityDefault: false,
    rules: {
      ...RULES,
      settledBy: "delivered",
      quietHours: "override",
      emailOnlyIfOptedIn: false,
      ignoresChannelSwitches: true,
      raisesNotice: false,
      lifetimeSeconds: 300,
      steps: [
        {
          ...STEP,
          channels: ["whatsapp_personal"],
          windowSeconds: 60,
          undeliveredAfterSeconds: 25,
        },
        { ...STEP, channels: ["sms"], windowSeconds: 60, undeliveredAfterSeconds: 45 },
        { ...STEP, channels: ["email"], windowSeconds: 120 },
      ],
    },
  },
} as const satisfies Readonly<Record<string, DefaultPolicy>>;
