import { z } from "@hono/zod-openapi";
import { CHANNELS, PERSON_CHANNELS } from "../../domain/channel.ts";
import {
  ACKNOWLEDGMENTS,
  ATTEMPTS_PER_STEP_MAX,
  CALL_ORDERS,
  LIFETIME_SECONDS_MAX,
  LIFETIME_SECONDS_MIN,
  PASSES_MAX,
  QUIET_HOURS_TREATMENTS,
  RESOLUTION_SECONDS_MAX,
  SETTLED_BY,
  STEPS_MAX,
  STEP_GROUPS,
  WHEN_ALWAYS_QUIET,
  WINDOW_SECONDS_MAX,
  WINDOW_SECONDS_MIN,
} from "../../domain/escalation-policy.ts";
import { ANSWER_KINDS } from "../../domain/notification.ts";
import { PRIORITIES } from "../../domain/priority.ts";
import { RECIPIENTS_MAX } from "../../domain/request.ts";
import { ROLES } from "../../domain/role.ts";
import { idOf, instant, instantOut, pageQuery } from "./common.ts";
import { flagQuery } from "./references.ts";
import { name } from "./user.ts";

/**
 * The shape and bounds of a policy, for its description and for naming bad fields. The judge is domain's parsePolicy,
 * which also knows the rules between fields.
 */

const seconds = (min: number, max: number) => z.int().min(min).max(max);
const windowSeconds = seconds(1, WINDOW_SECONDS_MAX);
const resolution = seconds(1, RESOLUTION_SECONDS_MAX);

const STEP = {
  channels: z.array(z.enum(PERSON_CHANNELS)).max(PERSON_CHANNELS.length),
  groups: z.enum(STEP_GROUPS),
  attempts: z.int().min(1).max(ATTEMPTS_PER_STEP_MAX),
  spacingSeconds: windowSeconds.nullable(),
  windowSeconds: seconds(WINDOW_SECONDS_MIN, WINDOW_SECONDS_MAX),
  undeliveredAfterSeconds: windowSeconds.nullable(),
  roleUp: z.boolean(),
  enabled: z.boolean(),
};

const RULES = {
  settledBy: z.enum(SETTLED_BY),
  quietHours: z.enum(QUIET_HOURS_TREATMENTS),
  whenAlwaysQuiet: z.enum(WHEN_ALWAYS_QUIET),
  acknowledgment: z.enum(ACKNOWLEDGMENTS),
  passes: z.int().min(1).max(PASSES_MAX),
  roleUp: z.boolean(),
  tracksResolution: z.boolean(),
  resolutionSeconds: resolution.nullable(),
  reopenAfterSeconds: resolution.nullable(),
  lifetimeSeconds: seconds(LIFETIME_SECONDS_MIN, LIFETIME_SECONDS_MAX),
  calls: z.enum(CALL_ORDERS),
  emailOnlyIfOptedIn: z.boolean(),
  ignoresChannelSwitches: z.boolean(),
  countsStrangers: z.boolean(),
  raisesNotice: z.boolean(),
};

export const PolicySchema = z
  .object({
    id: z.string(),
    version: z.int(),
    name: z.string(),
    priority: z.enum(PRIORITIES),
    ...RULES,
    steps: z.array(z.object(STEP).openapi("PolicyStep")),
    code: z.string().nullable().openapi({ description: "Of the policies that came with Siaga." }),
    isDefault: z.boolean().openapi({ description: "Of its priority." }),
    isActive: z.boolean(),
    isCurrent: z.boolean().openapi({ description: "Whether this is the newest version." }),
    createdAt: instantOut.openapi({ description: "Of this version." }),
    createdBy: z
      .string()
      .nullable()
      .openapi({ description: "Id of the user or key; null: it came with Siaga." }),
  })
  .openapi("Policy");

const StepInputSchema = z
  .strictObject({
    channels: STEP.channels.optional(),
    groups: STEP.groups.optional().openapi({ default: "none" }),
    attempts: STEP.attempts.optional().openapi({ default: 1 }),
    spacingSeconds: STEP.spacingSeconds.optional(),
    windowSeconds: STEP.windowSeconds,
    undeliveredAfterSeconds: STEP.undeliveredAfterSeconds.optional(),
    roleUp: STEP.roleUp.optional().openapi({ default: false }),
    enabled: STEP.enabled.optional().openapi({ default: true }),
  })
  .openapi("PolicyStepInput");

const RULES_INPUT = {
  settledBy: RULES.settledBy,
  quietHours: RULES.quietHours,
  whenAlwaysQuiet: RULES.whenAlwaysQuiet.optional().openapi({ default: "hold" }),
  acknowledgment: RULES.acknowledgment.optional().openapi({ default: "any" }),
  passes: RULES.passes.optional().openapi({ default: 1 }),
  roleUp: RULES.roleUp.optional().openapi({ default: false }),
  tracksResolution: RULES.tracksResolution.optional().openapi({ default: false }),
  resolutionSeconds: RULES.resolutionSeconds.optional(),
  reopenAfterSeconds: RULES.reopenAfterSeconds.optional(),
  lifetimeSeconds: RULES.lifetimeSeconds.optional().openapi({ default: 86_400 }),
  calls: RULES.calls.optional().openapi({ default: "all" }),
  emailOnlyIfOptedIn: RULES.emailOnlyIfOptedIn.optional().openapi({ default: true }),
  ignoresChannelSwitches: RULES.ignoresChannelSwitches.optional().openapi({ default: false }),
  countsStrangers: RULES.countsStrangers.optional().openapi({ default: false }),
  raisesNotice: RULES.raisesNotice.optional().openapi({ default: true }),
  steps: z.array(StepInputSchema).min(1).max(STEPS_MAX),
};

export const PolicyInputSchema = z
  .strictObject({ name, priority: z.enum(PRIORITIES), ...RULES_INPUT })
  .openapi("PolicyInput");

/** Made of the fields without their defaults: what is absent from a change keeps its value. */
export const PolicyChangeSchema = z
  .strictObject({ name, priority: z.enum(PRIORITIES), ...RULES, steps: RULES_INPUT.steps })
  .partial()
  .openapi("PolicyChange", {
    description: "Fields that are absent keep their value; `steps` replaces all steps.",
  });

export const PolicyRulesInputSchema = z.strictObject(RULES_INPUT).openapi("PolicyRulesInput");

export const PolicyListQuery = z.strictObject({
  priority: z.enum(PRIORITIES).optional(),
  isActive: flagQuery("Switched on or off; both if not given."),
  ...pageQuery,
});

const VERSION_DIGITS = /^[1-9]\d{0,8}$/;

export const PolicyVersionQuery = z.strictObject({
  version: z
    .string()
    .regex(VERSION_DIGITS, "Must be a whole number.")
    .transform(Number)
    .optional()
    .openapi({ type: "integer", minimum: 1, description: "The current one if not given." }),
});

const PEOPLE_MAX = RECIPIENTS_MAX;

export const SimulateSchema = z
  .strictObject({
    policy: PolicyRulesInputSchema.optional().openapi({ description: "One that isn't saved." }),
    policyId: idOf("pol").optional().openapi({ description: "Or one that is." }),
    version: z.int().min(1).optional().openapi({ description: "Of the saved one." }),
    priority: z.enum(PRIORITIES).optional(),
    startsAt: instant.optional().openapi({ description: "Now if not given." }),
    persons: z.int().min(0).max(PEOPLE_MAX).default(1),
    primaryGroups: z.int().min(0).max(PEOPLE_MAX).default(1),
    otherGroups: z.int().min(0).max(PEOPLE_MAX).default(1),
    answers: z.enum(ANSWER_KINDS).default("acknowledge"),
  })
  .refine(({ policy, policyId }) => (policy === undefined) !== (policyId === undefined), {
    message: "Either a policy or a policyId.",
    path: ["policy"],
  })
  .refine(({ policyId, version }) => version === undefined || policyId !== undefined, {
    message: "Belongs to a policyId.",
    path: ["version"],
  })
  .openapi("PolicySimulation");

export const SimulatedPlanSchema = z
  .object({
    steps: z.array(
      z.object({
        step: z.int(),
        pass: z.int(),
        startsAt: instantOut,
        channels: z.array(z.enum(PERSON_CHANNELS)),
        groups: z.enum(STEP_GROUPS),
        role: z.enum(ROLES).nullable().openapi({ description: "Whom role-up tells here." }),
        targets: z.array(
          z.object({
            target: z.string(),
            channel: z.enum(CHANNELS),
            at: instantOut,
            attempts: z.int(),
          }),
        ),
      }),
    ),
    endsAt: instantOut.openapi({ description: "If nobody answers." }),
    outcome: z.string().nullable(),
  })
  .openapi("SimulatedPlan");
