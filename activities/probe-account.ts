import type pg from "pg";

import { changeCircuit, markProbed } from "../db/account-health.ts";
import { loadAccount, type AccountRow } from "../db/deliveries.ts";
import type { OpenedAccount } from "../db/opened-account.ts";
import { afterFailure, afterReport, tryAgain } from "../domain/circuit.ts";
import type { Circuit } from "../domain/circuit.ts";
import { ProviderError } from "../providers/errors.ts";
import type { AccountProbe } from "../providers/provider.ts";
import type { ProviderRegistry } from "../providers/registry.ts";
import type { ProbeAnswer, ProbeInput } from "./contract.ts";

export interface ProbeDeps {
  readonly pool: pg.Pool;
  readonly providers: ProviderRegistry;
  readonly openAccount: (row: AccountRow) => OpenedAccount;
  readonly now: () => number;
}

const PROBE_TIMEOUT_MS = 10_000;

/** Asks the vendor whether the account could send now, without sending anything, and moves its health by the answer. */
export function createProbeAccount(deps: ProbeDeps) {
  return async function probeAccount({ accountId }: ProbeInput): Promise<ProbeAnswer> {
    const row = await loadAccount(deps.pool, accountId);
    const provider = deps.providers.all.find(
      ({ id, channel }) => id === row?.provider && channel === row.channel,
    );
    if (!row?.enabled || provider?.probe === undefined) return { state: null };
    const said = await ask(deps, row, provider.probe);
    const at = new Date(deps.now());
    await markProbed(deps.pool, {
      accountId,
      quotaLeft: said.kind === "answer" ? said.probe.quotaLeft : null,
      phoneNumber: said.kind === "answer" ? (said.probe.phoneNumber ?? null) : null,
      at,
    });
    const moved = await changeCircuit(deps.pool, accountId, (circuit) =>
      afterProbe(circuit, said, at.getTime()),
    );
    return { state: moved?.after.state ?? null };
  };
}

type Said =
  | { readonly kind: "answer"; readonly probe: AccountProbe }
  | { readonly kind: "failure"; readonly error: ProviderError };

async function ask(
  { openAccount, now }: ProbeDeps,
  row: AccountRow,
  probe: NonNullable<ProbeDeps["providers"]["all"][number]["probe"]>,
): Promise<Said> {
  try {
    const answer = await probe(openAccount(row).context, {
      signal: AbortSignal.timeout(PROBE_TIMEOUT_MS),
      timeoutMs: PROBE_TIMEOUT_MS,
      now: now(),
    });
    return { kind: "answer", probe: answer };
  } catch (error) {
    if (error instanceof ProviderError) return { kind: "failure", error };
    throw error;
  }
}

/** An account that failed and now says that it is well gets one message to prove it. */
function afterProbe(circuit: Circuit, said: Said, now: number): Circuit {
  if (said.kind === "failure") {
    const { kind, scope } = said.error;
    return scope === "account" ? afterFailure(circuit, kind, now) : circuit;
  }
  const reported = afterReport(circuit, said.probe.state, now);
  return said.probe.state === "connected" ? tryAgain(reported, now) : reported;
}
