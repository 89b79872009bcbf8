import type pg from "pg";
import { recordAudit } from "../../db/audit.ts";
import {
  addPolicyVersion,
  findPolicyUses,
  insertPolicy,
  lockPolicy,
  policyTag,
  readPolicy,
  setPolicyActive,
} from "../../db/policies.ts";
import type { PolicyHead, PolicyRow } from "../../db/policies.ts";
import { withTransaction } from "../../db/transaction.ts";
import type { Actor } from "../../domain/actor.ts";
import type { PolicyRules } from "../../domain/escalation-policy.ts";
import { may } from "../../domain/permissions.ts";
import type { Priority } from "../../domain/priority.ts";
import type { ProviderRegistry } from "../../providers/registry.ts";
import { Conflict, Forbidden, InvalidInput, NotFound } from "./errors.ts";
import type { Problem } from "./errors.ts";
import { assertCurrent } from "./if-match.ts";
import type { IfMatch } from "./if-match.ts";
import { idOnce } from "./once.ts";
import type { Once } from "./once.ts";
import { evidenceProblems } from "./policy-evidence.ts";
import { readRules, rulesProblems } from "./policy-rules.ts";

/** Policies are changed by writing their next version; earlier ones stay as they are, because runs keep theirs. */

export type PolicyDeps = {
  readonly pool: pg.Pool;
  readonly now: () => number;
  readonly randomBytes: (count: number) => Uint8Array;
  readonly providers: ProviderRegistry;
};

/** `rules` is what the caller sent of a policy without its name and priority. */
export type PolicyInput = PolicyHead & { readonly rules: unknown };

/** @throws Forbidden, InvalidInput naming every bad field */
export async function createPolicy(
  deps: PolicyDeps,
  input: { readonly actor: Actor; readonly policy: PolicyInput; readonly once: Once },
): Promise<PolicyRow> {
  judgeWriter(input.actor);
  const { name, priority } = input.policy;
  const rules = readRules(input.policy.rules);
  const id = idOnce(deps, "pol", input.once);
  return withTransaction(deps.pool, async (client) => {
    const before = input.once === undefined ? null : await readPolicy(client, id);
    if (before !== null) return before;
    await assertEvidence(client, deps.providers, rules);
    await insertPolicy(client, { id, name, priority }, deps.now());
    return writeVersion(client, { id, name, priority, rules }, input.actor, deps.now());
  });
}

export type PolicyChange = {
  readonly name?: string | undefined;
  readonly priority?: Priority | undefined;
  /** Replaces what the rules name, or all of them. */
  readonly rules: Readonly<Record<string, unknown>>;
  readonly isWhole: boolean;
};

/** @throws Forbidden, NotFound, Outdated, InvalidInput naming every bad field */
export async function changePolicy(
  deps: PolicyDeps,
  input: {
    readonly actor: Actor;
    readonly id: string;
    readonly change: PolicyChange;
    readonly ifMatch: IfMatch;
  },
): Promise<PolicyRow> {
  judgeWriter(input.actor);
  const { change } = input;
  return withTransaction(deps.pool, async (client) => {
    const before = await lockPolicy(client, input.id);
    if (before === null) throw new NotFound("policy");
    assertCurrent(input.ifMatch, policyTag(before));
    const rules = readRules(change.isWhole ? change.rules : { ...before.rules, ...change.rules });
    await assertEvidence(client, deps.providers, rules);
    const priority = change.priority ?? before.priority;
    if (before.is_default && priority !== before.priority) {
      throw new InvalidInput([
        {
          path: "priority",
          code: "is_default",
          message: "This is the default policy of its priority.",
        },
      ]);
    }
    return writeVersion(
      client,
      { id: before.id, name: change.name ?? before.name, priority, rules },
      input.actor,
      deps.now(),
    );
  });
}

/** @throws InvalidInput for a policy that waits for what no account reports */
async function assertEvidence(
  client: pg.PoolClient,
  providers: ProviderRegistry,
  rules: PolicyRules,
): Promise<void> {
  const problems = await evidenceProblems(client, providers, rules);
  if (problems.length > 0) throw new InvalidInput(problems);
}

/**
 * What is wrong with a policy as it would be after a change, whatever the change is.
 *
 * @throws Forbidden, NotFound
 */
export async function judgePolicyChange(
  { pool }: Pick<PolicyDeps, "pool">,
  { actor, id, rules }: { readonly actor: Actor; readonly id: string; readonly rules: unknown },
): Promise<readonly Problem[]> {
  judgeWriter(actor);
  const before = await readPolicy(pool, id);
  if (before === null) throw new NotFound("policy");
  if (typeof rules !== "object" || rules === null || Array.isArray(rules)) return [];
  return rulesProblems({ ...before.rules, ...rules });
}

/**
 * Switched off, a policy is given to no new notification; runs that have it keep it.
 *
 * @throws Forbidden, NotFound, Conflict while something names it
 */
export async function switchPolicy(
  deps: PolicyDeps,
  input: { readonly actor: Actor; readonly id: string; readonly isActive: boolean },
): Promise<PolicyRow> {
  judgeWriter(input.actor);
  const { id, isActive } = input;
  return withTransaction(deps.pool, async (client) => {
    const before = await lockPolicy(client, id);
    if (before === null) throw new NotFound("policy");
    if (before.is_active === isActive) return before;
    if (!isActive) await assertUnused(client, before);
    await setPolicyActive(client, id, isActive, deps.now());
    const action = isActive ? "policy.activated" : "policy.deactivated";
    await recordAudit(client, { by: input.actor, action, subject: id }, deps.now());
    return written(await readPolicy(client, id));
  });
}

async function assertUnused(client: pg.PoolClient, policy: PolicyRow): Promise<void> {
  if (policy.is_default) {
    throw new Conflict("policy_in_use", `It is the default of priority ${policy.priority}.`);
  }
  const { types, ruleIds } = await findPolicyUses(client, policy.id);
  if (types.length + ruleIds.length > 0) {
    throw new Conflict("policy_in_use", `Named by: ${[...types, ...ruleIds].join(", ")}.`);
  }
}

async function writeVersion(
  client: pg.PoolClient,
  policy: PolicyHead & { readonly id: string; readonly rules: PolicyRules },
  actor: Actor,
  nowMs: number,
): Promise<PolicyRow> {
  const createdBy = actor.kind === "user" ? actor.userId : actor.keyId;
  await addPolicyVersion(client, { ...policy, createdBy }, nowMs);
  const row = written(await readPolicy(client, policy.id));
  await recordAudit(
    client,
    {
      by: actor,
      action: "policy.versioned",
      subject: row.id,
      detail: { version: row.current_version },
    },
    nowMs,
  );
  return row;
}

function judgeWriter(actor: Actor): void {
  if (!may(actor, "write_rules")) throw new Forbidden();
}

function written(row: PolicyRow | null): PolicyRow {
  if (row === null) throw new Error("Invariant broken: a policy that was written is there");
  return row;
}
