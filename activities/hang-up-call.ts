import type pg from "pg";

import { callOf, recordHangUp } from "../db/calls.ts";
import type { AccountRow } from "../db/deliveries.ts";
import { ProviderError } from "../providers/errors.ts";
import type { ProviderRegistry } from "../providers/registry.ts";
import type { OpenedAccount } from "../db/opened-account.ts";
import type { HangUpInput } from "./contract.ts";

export interface HangUpDeps {
  readonly pool: pg.Pool;
  readonly providers: ProviderRegistry;
  readonly openAccount: (row: AccountRow) => OpenedAccount;
  readonly now: () => number;
}

const HANG_UP_TIMEOUT_MS = 10_000;

/** Ends a call that rings or talks. Harmless when it has ended, and when it runs twice. */
export function createHangUpCall(deps: HangUpDeps) {
  return async function hangUpCall(
    input: HangUpInput,
  ): Promise<{ hungUp: boolean; reason: string | null }> {
    const call = await callOf(deps.pool, input.notificationId, input.key);
    if (!call) return { hungUp: false, reason: "no_such_call" };
    const provider = deps.providers.get(call.account.provider, "call");
    if (!provider.hangUp) return { hungUp: false, reason: "not_supported" };
    try {
      const hungUp = await provider.hangUp(
        deps.openAccount(call.account).context,
        call.providerMessageId,
        {
          signal: AbortSignal.timeout(HANG_UP_TIMEOUT_MS),
          timeoutMs: HANG_UP_TIMEOUT_MS,
          now: deps.now(),
        },
      );
      if (hungUp)
        await recordHangUp(deps.pool, input.notificationId, call.deliveryId, input.key, deps.now());
      return { hungUp, reason: hungUp ? null : "already_over" };
    } catch (error) {
      if (error instanceof ProviderError && error.kind === "unavailable") throw error;
      if (error instanceof ProviderError) return { hungUp: false, reason: error.reason };
      throw error;
    }
  };
}
