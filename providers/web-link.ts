/**
 * Null for what no browser would open as a page: a message goes without its link rather than not at all, and nothing else
 * may hide behind a button.
 */
export function webLink(link: string | undefined): string | null {
  if (link === undefined || !URL.canParse(link)) return null;
  return /^https?:$/.test(new URL(link).protocol) ? link : null;
}
