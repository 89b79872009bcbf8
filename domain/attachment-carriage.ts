/** How the channels of a ladder bring what is attached: in the message itself, as a link in its words, or not at all. */
import type { AttachmentKind } from "./attachment.ts";
import { CHANNELS } from "./channel.ts";
import type { Channel } from "./channel.ts";
import type { PlanSnapshot } from "./plan-snapshot.ts";
import { matchingRules, withTicket } from "./routing.ts";

/** `media`: seen in the message. `link`: an address in its words. `none`: left out. */
export type ShownAs = "media" | "link" | "none";

export interface PlanAttachment {
  readonly kind: AttachmentKind;
  /** The channels of the ladder, each by the best that one of its accounts can do. */
  readonly channels: readonly { readonly channel: Channel; readonly as: ShownAs }[];
}

/** In the request's order. `isCarried`: an account on the ladder can carry this kind, be it in a message without text. */
export function attachmentCarriage(
  snapshot: PlanSnapshot,
): readonly (PlanAttachment & { readonly isCarried: boolean })[] {
  const { attachments, avoidAccountIds } = snapshot.request;
  if (attachments.length === 0) return [];
  const channels = ladderChannels(snapshot);
  const accounts = snapshot.accounts.filter(
    ({ id, channel }) => channels.includes(channel) && !avoidAccountIds.includes(id),
  );
  return attachments.map(({ kind }) => ({
    kind,
    isCarried: accounts.some(({ carries }) => carries?.[kind] !== undefined),
    channels: channels.map((channel) => ({
      channel,
      as: accounts.some(
        (account) => account.channel === channel && account.carries?.[kind] === "with_text",
      )
        ? "media"
        : inWords(channel),
    })),
  }));
}

function inWords(channel: Channel): ShownAs {
  // A voice can't spell an address, and what a phone shows of a push message is too short for one.
  return channel === "call" || channel === "push" ? "none" : "link";
}

function ladderChannels({ policy, request, rules, ticket }: PlanSnapshot): readonly Channel[] {
  const steps = policy.steps.filter(({ enabled }) => enabled);
  const named = new Set<Channel>([
    ...steps.flatMap((step) => step.channels),
    ...matchingRules(rules, withTicket(request, ticket)).flatMap((rule) => rule.channels.add),
  ]);
  if (steps.some(({ groups }) => groups !== "none")) named.add("whatsapp_group");
  return CHANNELS.filter((channel) => named.has(channel));
}
