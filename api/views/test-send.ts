import type { z } from "@hono/zod-openapi";
import { CHANNELS } from "../../domain/channel.ts";
import { RESULT_KINDS, RESULT_SCOPES } from "../../domain/result-kind.ts";
import type { TestSendSchema } from "../schemas/test-send.ts";
import type { TestSendResult } from "../verbs/test-send.ts";

export function toTestSend(result: TestSendResult): z.input<typeof TestSendSchema> {
  const { accountId, notificationId, state, verdict } = result;
  const { delivery } = state;
  return {
    verdict,
    notificationId,
    accountId,
    deliveryId: delivery?.id ?? null,
    channel: CHANNELS.find((channel) => channel === delivery?.channel) ?? null,
    status: delivery?.status ?? null,
    reason: delivery === null ? state.reason : delivery.reason,
    error: toError(delivery?.error ?? null),
  };
}

function toError(error: NonNullable<TestSendResult["state"]["delivery"]>["error"]) {
  const kind = RESULT_KINDS.find((known) => known === error?.kind);
  const scope = RESULT_SCOPES.find((known) => known === error?.scope);
  if (error === null || kind === undefined || scope === undefined) return null;
  return { kind, scope, message: error.message };
}
