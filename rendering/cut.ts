const graphemes = new Intl.Segmenter("id", { granularity: "grapheme" });

/**
 * A text of at most `charsMax` UTF-16 units, with an ellipsis where it was cut; never inside a character that a person
 * sees as one. `ellipsis` is "..." where "…" would change the alphabet of an SMS.
 */
export function cutText(text: string, charsMax: number, ellipsis = "…"): string {
  if (text.length <= charsMax) return text;
  const room = charsMax - ellipsis.length;
  if (room <= 0) return ellipsis.slice(0, Math.max(charsMax, 0));
  let end = 0;
  // Beyond the room by one, so that a character that spans the edge is seen whole.
  for (const { index, segment } of graphemes.segment(text.slice(0, room + GRAPHEME_CHARS_MAX))) {
    if (index + segment.length > room) break;
    end = index + segment.length;
  }
  return `${text.slice(0, end).trimEnd()}${ellipsis}`;
}

/** Longer than the longest emoji sequences (a family with skin tones has 25). */
const GRAPHEME_CHARS_MAX = 64;
