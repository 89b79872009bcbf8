/** Whether what a policy waits for can ever come: a run that waits for a receipt which no account reports would wait out every window for nothing. */
import { isPhoneChannel } from "./channel.ts";
import type { Channel } from "./channel.ts";
import type { PolicyRules } from "./escalation-policy.ts";

/** What an account that is switched on reports of its messages. */
export interface Reporter {
  readonly channel: Channel;
  readonly delivered: boolean;
  readonly read: boolean;
}

/**
 * The evidence that the policy waits for and none of its accounts can give; null when it can come, or when its channels have no account at all: nothing
 * can be said of those yet. `sent` is met by acceptance where an account reports no more, a group by `sent`, an acknowledgment by a person.
 */
export function missingEvidence(
  { settledBy, steps }: Pick<PolicyRules, "settledBy" | "steps">,
  reporters: readonly Reporter[],
): "delivered" | "read" | null {
  if (settledBy === "acknowledged" || settledBy === "sent") return null;
  const enabled = steps.filter((step) => step.enabled);
  const channels = new Set<Channel>(
    enabled.flatMap((step) => [
      ...step.channels.filter(isPhoneChannel),
      ...(step.groups === "none" ? [] : (["whatsapp_group"] as const)),
    ]),
  );
  const used = reporters.filter(({ channel }) => channels.has(channel));
  const canCome = used.some(
    (reporter) => reporter.channel === "whatsapp_group" || reporter[settledBy],
  );
  return used.length === 0 || canCome ? null : settledBy;
}
