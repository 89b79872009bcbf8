import { DEFAULT_POLICIES } from "../domain/default-policies.ts";
import type { PolicyRules, PolicyStep } from "../domain/escalation-policy.ts";
import type { Priority } from "../domain/priority.ts";
import type { LoadClient } from "./load-client.ts";

const STEP: PolicyStep = {
  channels: [],
  groups: "none",
  attempts: 1,
  spacingSeconds: null,
  windowSeconds: 60,
  undeliveredAfterSeconds: null,
  roleUp: false,
  enabled: true,
};

const RULES: Omit<PolicyRules, "steps"> = {
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
  ignoresChannelSwitches: true,
  countsStrangers: false,
  raisesNotice: false,
};

/** Personal WhatsApp, then SMS; an acknowledgment ends it unless something else does. */
export function twoSteps(
  firstWindowSeconds: number,
  more: Partial<Omit<PolicyRules, "steps">> = {},
  lastWindowSeconds: number = STEP.windowSeconds,
): PolicyRules {
  return {
    ...RULES,
    ...more,
    steps: [
      { ...STEP, channels: ["whatsapp_personal"], windowSeconds: firstWindowSeconds },
      { ...STEP, channels: ["sms"], windowSeconds: lastWindowSeconds },
    ],
  };
}

/** The default policy of critical ones, with every span that many times shorter. */
export function criticalInShort(timesShorter: number): PolicyRules {
  const { rules } = DEFAULT_POLICIES.critical;
  const inShort = (seconds: number): number => Math.ceil(seconds / timesShorter);
  return {
    ...rules,
    steps: rules.steps.map((step) => ({
      ...step,
      windowSeconds: inShort(step.windowSeconds),
      spacingSeconds: step.spacingSeconds && inShort(step.spacingSeconds),
      undeliveredAfterSeconds:
        step.undeliveredAfterSeconds && inShort(step.undeliveredAfterSeconds),
    })),
  };
}

/** Stores a policy and answers its id. */
export async function makePolicy(
  client: LoadClient,
  policy: { readonly name: string; readonly priority: Priority; readonly rules: PolicyRules },
): Promise<string> {
  const { name, priority, rules } = policy;
  const answer = await client.call("POST", "/v1/policies", { name, priority, ...rules });
  if (answer.status !== 201) throw new Error(`no policy: ${JSON.stringify(answer.body)}`);
  return String(answer.body["id"]);
}
