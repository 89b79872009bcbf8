/**
 * A ticket's number as people know it: `TKT` stands before it unless the ticket system's id brings letters of its own
 * (`TKT-1042`, `INC-7`).
 */
export function ticketNumber(ticketId: string): string {
  const id = ticketId.trim();
  return /^\p{L}/u.test(id) ? id.replace(/^tkt/iu, "TKT") : `TKT${id}`;
}

/**
 * Where a ticket is shown: the address that the ticket system gave, else below the portal's, else nowhere.
 * `portalUrl` has no slash at its end.
 */
export function ticketUrl(
  ticketId: string | null,
  givenUrl: string | null,
  portalUrl: string | null,
): string | null {
  if (givenUrl !== null && /^https?:\/\//iu.test(givenUrl)) return givenUrl;
  if (ticketId === null || portalUrl === null) return null;
  return `${portalUrl}/tickets/${encodeURIComponent(ticketNumber(ticketId))}`;
}
