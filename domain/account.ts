/** What a provider account may be used for. Bulk never goes over an account that is kept for critical messages. */
export const ACCOUNT_PURPOSES = ["critical", "operational", "customer", "bulk", "otp"] as const;
export type AccountPurpose = (typeof ACCOUNT_PURPOSES)[number];

export const HEALTH_STATES = ["healthy", "probing", "out", "draining"] as const;
export type HealthState = (typeof HEALTH_STATES)[number];

/**
 * What names the sending device. Accounts of one number at one provider share its pace, whatever their channel: it is
 * one phone. Different providers' accounts are paced apart, because each vendor counts for itself.
 */
export function deviceKeyOf(provider: string, sender: string): string {
  return `${provider}:${sender}`;
}
