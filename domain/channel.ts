/** Every medium that a delivery can use. `whatsapp_group` never stands in a step's `channels`: a step's `groups` means it. */
export const CHANNELS = [
  "whatsapp_personal",
  "whatsapp_group",
  "sms",
  "call",
  "email",
  "push",
  "in_app",
] as const;
export type Channel = (typeof CHANNELS)[number];

/** Channels that reach one person; these may stand in a step's `channels`. */
export const PERSON_CHANNELS = [
  "whatsapp_personal",
  "in_app",
  "push",
  "email",
  "sms",
  "call",
] as const;
export type PersonChannel = (typeof PERSON_CHANNELS)[number];

/** Channels that ring a phone: only these keep a person open and count as told in person. */
export const PHONE_CHANNELS = ["whatsapp_personal", "sms", "call"] as const;
export type PhoneChannel = (typeof PHONE_CHANNELS)[number];

export function isPhoneChannel(channel: Channel): channel is PhoneChannel {
  return channel === "whatsapp_personal" || channel === "sms" || channel === "call";
}
