import { isOutage } from "../domain/circuit.ts";
import type { NoticeFacts } from "../domain/notice.ts";
import type { Trouble } from "../db/account-health.ts";
import { raiseNotice, type NoticeDeps } from "./raise-notice.ts";

/** Tells the operators, by other accounts, that a sending device is out. Idempotency: one notice for each outage. */
export function createRaiseAccountNotice(deps: NoticeDeps) {
  return async function raiseAccountNotice(trouble: Trouble): Promise<void> {
    const { accountIds, names, provider, reason, since } = trouble;
    const notice: NoticeFacts = {
      kind: "account_out",
      accounts: names,
      outage: isOutage(reason) ? reason : null,
    };
    await raiseNotice(deps, {
      ref: `account-${accountIds[0] ?? provider}-${since}`,
      request: {
        type: "operator_notice",
        avoidAccountIds: accountIds,
        data: { notice },
      },
      noticeOf: null,
    });
  };
}
