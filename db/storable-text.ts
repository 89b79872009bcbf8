const LONE_SURROGATE = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/gu;

/**
 * What somebody else wrote, in characters that PostgreSQL can keep, cut to `charsMax` UTF-16 units. A vendor repeats what can't be stored, for days: a
 * character that no text and no JSON column takes must not make its message one of those.
 */
export function storableText(text: string, charsMax: number): string {
  return text.slice(0, charsMax).replaceAll("\0", "").replace(LONE_SURROGATE, "\ufffd");
}
