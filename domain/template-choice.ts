import type { Channel } from "./channel.ts";

/**
 * Whose text a channel takes when the type has none for it, best first, its own foremost. Texts for WhatsApp serve every
 * channel, so a type with one of them can be told on all.
 */
export const TEXT_LENDERS: Readonly<Record<Channel, readonly Channel[]>> = {
  whatsapp_personal: ["whatsapp_personal", "whatsapp_group"],
  whatsapp_group: ["whatsapp_group", "whatsapp_personal"],
  sms: ["sms", "whatsapp_personal", "whatsapp_group"],
  call: ["call", "sms", "whatsapp_personal", "whatsapp_group"],
  email: ["email", "whatsapp_personal", "whatsapp_group"],
  push: ["push", "in_app", "sms", "whatsapp_personal", "whatsapp_group"],
  in_app: ["in_app", "whatsapp_personal", "whatsapp_group"],
};

/** Whether a type with texts for `templateChannels` has anything to say on a channel. */
export function hasTextFor(channel: Channel, templateChannels: readonly Channel[]): boolean {
  return TEXT_LENDERS[channel].some((lender) => templateChannels.includes(lender));
}
