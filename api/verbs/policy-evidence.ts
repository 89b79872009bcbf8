import type pg from "pg";
import { listEnabledCarriers } from "../../db/provider-accounts.ts";
import { listActivePolicyRules } from "../../db/policies.ts";
import type { PolicyRules } from "../../domain/escalation-policy.ts";
import { missingEvidence, type Reporter } from "../../domain/policy-evidence.ts";
import { capabilitiesOf, type ProviderRegistry } from "../../providers/registry.ts";
import type { Problem } from "./errors.ts";

/** What is wrong with a policy that waits for a receipt which none of the accounts reports. */
export async function evidenceProblems(
  db: pg.Pool | pg.PoolClient,
  providers: ProviderRegistry,
  rules: PolicyRules,
): Promise<readonly Problem[]> {
  const missing = missingEvidence(rules, await reportersOf(db, providers));
  if (missing === null) return [];
  return [
    {
      path: "settledBy",
      code: "evidence_never_comes",
      message: `No account of the channels in its steps reports "${missing}".`,
    },
  ];
}

export type StarvedPolicy = {
  readonly policyId: string;
  readonly name: string;
  readonly missing: "delivered" | "read";
};

/** Policies in use that wait for what no account reports, as the accounts are now. */
export async function starvedPolicies(
  db: pg.Pool | pg.PoolClient,
  providers: ProviderRegistry,
): Promise<readonly StarvedPolicy[]> {
  const reporters = await reportersOf(db, providers);
  const policies = await listActivePolicyRules(db);
  return policies.flatMap(({ id, name, rules }) => {
    const missing = missingEvidence(rules, reporters);
    return missing === null ? [] : [{ policyId: id, name, missing }];
  });
}

async function reportersOf(
  db: pg.Pool | pg.PoolClient,
  { all }: ProviderRegistry,
): Promise<readonly Reporter[]> {
  const accounts = await listEnabledCarriers(db);
  return accounts.flatMap((account) => {
    const provider = all.find(
      ({ id, channel }) => id === account.provider && channel === account.channel,
    );
    if (provider === undefined) return [];
    const { delivered, read } = capabilitiesOf(provider, account).receipts;
    return [{ channel: account.channel, delivered, read }];
  });
}
