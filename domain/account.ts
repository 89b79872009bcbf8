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

/** http or https, for a mail server smtp or smtps; a host, perhaps a port and a path: nothing that could hold a secret or change a request's meaning. */
const BASE_URL =
  /^(?:http|smtp)s?:\/\/([a-z0-9.-]+|\[[0-9a-f:.]+\])(?::\d{1,5})?(?:\/[\w.~%/-]*)?$/i;

/** Without a slash at its end; null for text that can't be a vendor's address. */
export function normaliseBaseUrl(input: string): string | null {
  const text = input.trim().replace(/\/+$/, "");
  return BASE_URL.test(text) ? text : null;
}

/** Where simulated vendors listen: an address that no packet leaves this machine for. */
export function isOnThisMachine(baseUrl: string): boolean {
  const host = BASE_URL.exec(baseUrl)?.[1]?.toLowerCase() ?? "";
  return host === "localhost" || host === "[::1]" || /^127(?:\.\d{1,3}){3}$/.test(host);
}
