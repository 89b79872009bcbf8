/**
 * How Twilio calls an address: form parameters (in the query for GET), its signature, and the connection overrides that
 * the address' fragment may hold. The fragment itself is neither sent nor signed. By default there is one repeat, and
 * only when the connection could not be made (`rc=1`, `rp=ct`): an error status is not repeated unless the address asks
 * for it, for example with `#rc=5&rp=all`.
 * https://www.twilio.com/docs/usage/webhooks/webhooks-connection-overrides, checked September 2026.
 */
import { randomUUID } from "node:crypto";

import { TWILIO_SIGNATURE_HEADER, signTwilioWebhook } from "../../twilio/signature.ts";
import type { Signing } from "../faults.ts";
import type { WebhookKind } from "../log.ts";
import type { RetryPlan, WebhookAnswer, WebhookDraft } from "../webhooks.ts";
import type { Account, ConfigOf } from "../world.ts";

const READ_TIMEOUT_MS = 15_000;
/** World ms; Twilio names no distance, the whole of it fits into 15 s. */
const RETRY_DELAY_MS = 1_000;
const RETRIES_MAX = 5;

export type TwilioParameters = Readonly<Record<string, string>>;

export function twilioDraft(
  account: Account<ConfigOf<"twilio">>,
  call: {
    readonly kind: WebhookKind;
    readonly url: string;
    readonly method: "GET" | "POST";
    readonly parameters: TwilioParameters;
    readonly providerMessageId: string | null;
    readonly signing?: Signing;
  },
): WebhookDraft {
  const { authToken } = account.config.credentials;
  const { signing = "right" } = call;
  const secret = signing === "right" ? authToken : "not-the-auth-token";
  const bare = call.url.replace(/#.*$/s, "");
  const form = new URLSearchParams(call.parameters).toString();
  const isGet = call.method === "GET";
  const url = isGet ? `${bare}${bare.includes("?") ? "&" : "?"}${form}` : bare;
  return {
    vendor: "twilio",
    accountId: account.id,
    kind: call.kind,
    method: call.method,
    url,
    headers: {
      ...(isGet ? {} : { "content-type": "application/x-www-form-urlencoded; charset=UTF-8" }),
      "user-agent": "TwilioProxy/1.1",
      accept: "*/*",
      ...(signing === "missing"
        ? {}
        : {
            [TWILIO_SIGNATURE_HEADER]: signTwilioWebhook(url, isGet ? {} : call.parameters, secret),
          }),
      "i-twilio-idempotency-token": randomUUID(),
    },
    body: isGet ? "" : form,
    providerMessageId: call.providerMessageId,
    timeoutMs: READ_TIMEOUT_MS,
    retries: retryPlan(call.url),
  };
}

function retryPlan(url: string): RetryPlan {
  const overrides = new URLSearchParams(/#(.*)$/s.exec(url)?.[1] ?? "");
  const asked = Number(overrides.get("rc") ?? "1");
  const count = Number.isInteger(asked) ? Math.min(Math.max(asked, 0), RETRIES_MAX) : 1;
  const policies = (overrides.get("rp") ?? "ct").split(",");
  return {
    delaysMs: Array.from({ length: count }, () => RETRY_DELAY_MS),
    isContent: (answer) => {
      const trouble = troubleOf(answer);
      return trouble === null || !(policies.includes("all") || policies.includes(trouble));
    },
  };
}

function troubleOf({ status, failure }: WebhookAnswer): "ct" | "rt" | "4xx" | "5xx" | null {
  if (failure === "connect") return "ct";
  if (failure === "read" || status === null) return "rt";
  if (status >= 500) return "5xx";
  return status >= 400 ? "4xx" : null;
}
