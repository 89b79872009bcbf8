import { z } from "@hono/zod-openapi";
import { ATTACHMENT_KINDS } from "../../domain/attachment.ts";
import { CHANNELS, PERSON_CHANNELS } from "../../domain/channel.ts";
import { STEP_GROUPS } from "../../domain/escalation-policy.ts";
import { ROLES } from "../../domain/role.ts";
import { instantOut } from "./common.ts";

/** A target is a user or a group. */
const target = { userId: z.string().optional(), groupId: z.string().optional() };
const cost = z.number().nullable();
const reason = z.string();

const StepSchema = z.object({
  step: z.int(),
  pass: z.int(),
  startsAt: instantOut,
  channels: z.array(z.enum(PERSON_CHANNELS)).readonly(),
  groups: z.enum(STEP_GROUPS),
  role: z
    .enum(ROLES)
    .nullable()
    .openapi({ description: "Whom role-up tells in this step; null in the run's own passes." }),
  targets: z
    .array(
      z.object({
        ...target,
        channel: z.enum(CHANNELS),
        accountId: z.string().nullable(),
        at: instantOut,
        attempts: z.int(),
        cost,
        reason,
      }),
    )
    .readonly(),
  skipped: z.array(z.object({ ...target, channel: z.enum(CHANNELS), reason })).readonly(),
});

export const PlanSchema = z
  .object({
    policy: z.object({ id: z.string(), version: z.int() }),
    steps: z.array(StepSchema).readonly(),
    recipients: z
      .array(
        z.object({
          ...target,
          because: z.array(z.looseObject({ kind: z.string() })).readonly(),
          asleepUntil: instantOut.nullable(),
          wakePlace: z.int().nullable(),
          notes: z.array(z.string()).readonly(),
        }),
      )
      .readonly(),
    excluded: z
      .array(
        z.object({
          ...target,
          role: z.enum(ROLES).optional(),
          zone: z.string().nullable().optional(),
          ruleId: z.string().optional(),
          channel: z.enum(CHANNELS).optional(),
          reason,
        }),
      )
      .readonly(),
    cost,
    warnings: z
      .array(
        z
          .object({
            code: z.string(),
            step: z.int().optional(),
            pass: z.int().optional(),
            accountId: z.string().optional(),
            accountIds: z.array(z.string()).readonly().optional(),
            neededSeconds: z.number().optional(),
            windowSeconds: z.number().optional(),
            userIds: z.array(z.string()).readonly().optional(),
            groupId: z.string().optional(),
            role: z.enum(ROLES).optional(),
            zone: z.string().nullable().optional(),
            reason: z.string().optional(),
          })
          .openapi({ description: "`code` says what; the other fields are those that it has." }),
      )
      .readonly(),
    attachments: z
      .array(
        z.object({
          kind: z.enum(ATTACHMENT_KINDS),
          channels: z
            .array(
              z.object({
                channel: z.enum(CHANNELS),
                as: z.enum(["media", "link", "none"]).openapi({
                  description: "The best that an account of the channel can do.",
                }),
              }),
            )
            .readonly(),
        }),
      )
      .readonly()
      .optional(),
  })
  .openapi("Plan");
