/** Run plans with valid and boring defaults; each test sets only what matters to its title. */
import type { PolicyRules, PolicyStep } from "../../domain/escalation-policy.ts";
import type { AccountRoute, RunGroup, RunPerson, RunPlan } from "../../domain/run.ts";

export const SECOND = 1_000;
export const MINUTE = 60_000;
export const HOUR = 3_600_000;
/** 2026-03-02 10:00 in Jakarta. */
export const T0 = Date.UTC(2026, 2, 2, 3);

export function account(accountId: string, over: Partial<AccountRoute> = {}): AccountRoute {
  return { accountId, givesSent: true, givesDelivered: true, receiptDeadlineMs: 30_000, ...over };
}

export function step(over: Partial<PolicyStep> = {}): PolicyStep {
  return {
    channels: ["whatsapp_personal"],
    groups: "none",
    attempts: 1,
    spacingSeconds: null,
    windowSeconds: 300,
    undeliveredAfterSeconds: null,
    roleUp: false,
    enabled: true,
    ...over,
  };
}

export function rules(over: Partial<PolicyRules> = {}): PolicyRules {
  return {
    settledBy: "acknowledged",
    quietHours: "override",
    whenAlwaysQuiet: "hold",
    acknowledgment: "any",
    passes: 1,
    roleUp: false,
    tracksResolution: false,
    resolutionSeconds: null,
    reopenAfterSeconds: null,
    lifetimeSeconds: 86_400,
    calls: "all",
    emailOnlyIfOptedIn: true,
    ignoresChannelSwitches: false,
    countsStrangers: false,
    raisesNotice: true,
    steps: [step()],
    ...over,
  };
}

const ALL_CHANNELS = ["whatsapp_personal", "sms", "call", "email", "push"] as const;

/** Somebody with one account per channel, named after it: `wa1`, `sms1`, `call1`, … */
export function person(key: string, over: Partial<RunPerson> = {}): RunPerson {
  return {
    key,
    role: "technician",
    origin: "audience",
    routes: routes(ALL_CHANNELS),
    inApp: true,
    firstStepChannels: null,
    only: null,
    silentSuffices: false,
    asleepUntil: null,
    quietTreatment: "override",
    ...over,
  };
}

const ACCOUNTS = {
  whatsapp_personal: [account("wa1"), account("wa2")],
  sms: [account("sms1", { givesSent: false })],
  call: [account("call1", { givesSent: false })],
  email: [account("mail1", { givesSent: false, givesDelivered: false })],
  push: [account("push1", { givesSent: false, givesDelivered: false })],
} as const;

export function routes(
  channels: readonly (keyof typeof ACCOUNTS)[],
  over: RunPerson["routes"] = {},
): RunPerson["routes"] {
  return {
    ...Object.fromEntries(channels.map((channel) => [channel, ACCOUNTS[channel]])),
    ...over,
  };
}

/** Whom in-app alone satisfies: no phone channel is left to this person. */
export function silentPerson(key: string, over: Partial<RunPerson> = {}): RunPerson {
  return person(key, { routes: {}, silentSuffices: true, ...over });
}

export function group(key: string, over: Partial<RunGroup> = {}): RunGroup {
  return {
    key,
    primary: true,
    route: [account("grp1", { givesDelivered: false })],
    asleepUntil: null,
    ...over,
  };
}

export function plan(over: Partial<RunPlan> = {}): RunPlan {
  return {
    notificationId: "ntf_1",
    type: "outage",
    priority: "critical",
    zone: "karawang",
    ticketId: null,
    answerKind: "acknowledge",
    policyId: "pol_1",
    policyVersion: 1,
    rules: rules(),
    acceptedAt: T0,
    notBefore: null,
    notAfter: null,
    persons: [person("usr_a")],
    groups: [],
    suppressed: null,
    inAppWritten: [],
    ...over,
  };
}

/** The default critical policy, as the API document gives it. */
export function criticalRules(over: Partial<PolicyRules> = {}): PolicyRules {
  return rules({
    passes: 2,
    roleUp: true,
    tracksResolution: true,
    steps: [
      step({
        channels: ["whatsapp_personal", "in_app", "push", "email"],
        groups: "primary",
        attempts: 3,
        spacingSeconds: 60,
        windowSeconds: 180,
        undeliveredAfterSeconds: 60,
      }),
      step({ channels: [], groups: "other", windowSeconds: 60 }),
      step({ channels: ["sms"], windowSeconds: 60 }),
      step({ channels: ["call"], attempts: 3, spacingSeconds: 120, windowSeconds: 360 }),
    ],
    ...over,
  });
}

export function mediumRules(over: Partial<PolicyRules> = {}): PolicyRules {
  return rules({
    settledBy: "delivered",
    quietHours: "hold",
    lifetimeSeconds: 72 * 3_600,
    steps: [
      step({
        channels: ["whatsapp_personal", "in_app", "email"],
        groups: "primary",
        windowSeconds: 1_800,
      }),
    ],
    ...over,
  });
}
