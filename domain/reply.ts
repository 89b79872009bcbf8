/**
 * What a person's reply says: the text, reaction or button is read into an answer, a code, both or neither. Which notification it is about is decided in
 * reply-decision.ts. Words that acknowledge and refuse are data; everything here is tolerant of case, punctuation, emoji and spaces, and of nothing else: what
 * is not understood is asked about, never guessed.
 */

/**
 * `all` widens an answer ("1 semua"); `polite` words say nothing by themselves ("terima kasih pak"); `stop` withdraws consent to messages of a kind, `start`
 * gives it again.
 */
export const WORD_MEANINGS = ["acknowledge", "refuse", "all", "polite", "stop", "start"] as const;
export type WordMeaning = (typeof WORD_MEANINGS)[number];
export type Meaning = Extract<WordMeaning, "acknowledge" | "refuse">;

export interface WordRow {
  readonly locale: string;
  /** One word, an emoji, or a phrase. */
  readonly word: string;
  readonly meaning: WordMeaning;
}

/** Meanings by word as `wordsOf` splits it. */
export interface ReplyWords {
  readonly meanings: ReadonlyMap<string, WordMeaning>;
  /** Longest phrase, in words. */
  readonly phraseWordsMax: number;
}

export type Said =
  | {
      readonly kind: "answer";
      /** Null: a code or a number alone. */
      readonly meaning: Meaning | null;
      /** A one-digit number, which may be a rating. */
      readonly digit: number | null;
      readonly code: string | null;
      /** Something follows that is not part of the answer. */
      readonly hasComment: boolean;
    }
  | { readonly kind: "all"; readonly meaning: Meaning | null }
  /** Nothing but the word, and perhaps the code of what is meant. */
  | { readonly kind: "stop" | "start"; readonly code: string | null }
  /** Politeness alone asks for nothing. */
  | { readonly kind: "polite" }
  /** Words that are not understood, or that contradict each other. */
  | { readonly kind: "unclear"; readonly code: string | null }
  /** No words at all: an image, a place, an emoji without meaning. */
  | { readonly kind: "nothing" };

export const CODE_DIGITS = 4;

/** The words of every language count; where two languages differ, the writer's own decides. */
export function replyWords(rows: readonly WordRow[], locale: string): ReplyWords {
  const meanings = new Map<string, WordMeaning>();
  const own = rows.filter((row) => row.locale === locale);
  for (const { word, meaning } of [...rows.filter((row) => row.locale !== locale), ...own]) {
    meanings.set(wordsOf(word).join(" "), meaning);
  }
  const lengths = [...meanings.keys()].map((phrase) => phrase.split(" ").length);
  return { meanings, phraseWordsMax: Math.max(1, ...lengths) };
}

/** Skin tones, variation selectors, keycaps and joiners: how an emoji or digit looks, never what it says. */
const LOOKS = /[\u{1f3fb}-\u{1f3ff}\ufe0e\ufe0f\u20e3\u200b-\u200d\u2060\ufeff]/gu;
const WORD = /\p{L}[\p{L}\p{M}'’]*|\p{N}+|\p{Extended_Pictographic}/gu;
const EMOJI = /^\p{Extended_Pictographic}$/u;

/** "Ok, 4821 👍🏽!" → ["ok", "4821", "👍"]. */
function wordsOf(text: string): readonly string[] {
  return text.normalize("NFKC").replace(LOOKS, "").toLowerCase().match(WORD) ?? [];
}

type Item =
  | { readonly kind: "meaning"; readonly meaning: Meaning }
  | { readonly kind: "digit"; readonly digit: number; readonly meaning: Meaning | null }
  | { readonly kind: "code"; readonly code: string }
  | { readonly kind: "all" | "stop" | "start" }
  | { readonly kind: "unknown" };

export function parseReply(text: string, words: ReplyWords): Said {
  const { items: found, wasPolite } = itemsOf(wordsOf(text), words);
  if (found.length === 0) return wasPolite ? { kind: "polite" } : { kind: "nothing" };
  const consent = readConsent(found);
  if (consent !== null) return consent;
  const items = found.map((item): Item =>
    item.kind === "stop" || item.kind === "start" ? { kind: "unknown" } : item,
  );
  if (items.every(({ kind }) => kind !== "unknown")) return readWhole(items);
  return readLeading(items) ?? unclear(items);
}

function itemsOf(
  words: readonly string[],
  { meanings, phraseWordsMax }: ReplyWords,
): { readonly items: readonly Item[]; readonly wasPolite: boolean } {
  const items: Item[] = [];
  let wasPolite = false;
  for (let at = 0; at < words.length;) {
    const length = phraseLength(words, at, meanings, phraseWordsMax);
    const meaning = meanings.get(words.slice(at, at + length).join(" "));
    const item = itemOf(words[at] ?? "", meaning);
    if (meaning === "polite") wasPolite = true;
    else if (item) items.push(item);
    at += length;
  }
  return { items, wasPolite };
}

/** Of phrases that begin here, the longest that has a meaning; one word if none has. */
function phraseLength(
  words: readonly string[],
  at: number,
  meanings: ReadonlyMap<string, WordMeaning>,
  max: number,
): number {
  for (let length = Math.min(max, words.length - at); length > 1; length -= 1) {
    if (meanings.has(words.slice(at, at + length).join(" "))) return length;
  }
  return 1;
}

/** Null: an emoji that means nothing is decoration. */
function itemOf(word: string, meaning: WordMeaning | undefined): Item | null {
  const answer = meaning === "acknowledge" || meaning === "refuse" ? meaning : null;
  if (/^\d$/.test(word)) return { kind: "digit", digit: Number(word), meaning: answer };
  if (meaning === "all" || meaning === "stop" || meaning === "start") return { kind: meaning };
  if (answer !== null) return { kind: "meaning", meaning: answer };
  if (/^\d+$/.test(word) && word.length === CODE_DIGITS) return { kind: "code", code: word };
  return EMOJI.test(word) ? null : { kind: "unknown" };
}

/** Every word is understood; they must not contradict each other. */
function readWhole(items: readonly Item[]): Said {
  const codes = codesIn(items);
  const meanings = meaningsIn(items);
  const digits = new Set(items.flatMap((item) => (item.kind === "digit" ? [item.digit] : [])));
  if (codes.length > 1 || meanings.length > 1 || digits.size > 1) return unclear(items);
  const [meaning = null] = meanings;
  const [digit = null] = digits;
  const [code = null] = codes;
  if (items.some(({ kind }) => kind === "all")) {
    return code === null ? { kind: "all", meaning } : unclear(items);
  }
  return { kind: "answer", meaning, digit, code, hasComment: false };
}

/** Beside such a word stands a code at most; in any other company it is a word like others ("1 4821 mulai jalan"). */
function readConsent(items: readonly Item[]): Said | null {
  const codes = codesIn(items);
  const kinds = new Set(items.flatMap(({ kind }) => (kind === "code" ? [] : [kind])));
  const [only] = kinds;
  if (codes.length > 1 || kinds.size !== 1 || (only !== "stop" && only !== "start")) return null;
  return { kind: only, code: codes[0] ?? null };
}

/** An answer and its code stand first, and what follows is a comment that holds no other answer: "1 4821 sudah di jalan". */
function readLeading(items: readonly Item[]): Said | null {
  const pair = items.slice(0, 2);
  const rest = items.slice(2);
  const head = readWhole(pair);
  const isPair =
    head.kind === "answer" &&
    head.code !== null &&
    pair.some(({ kind }) => kind === "meaning" || kind === "digit") &&
    pair.every(({ kind }) => kind !== "unknown");
  if (!isPair) return null;
  const restMeanings = meaningsIn(rest);
  const contradicts =
    codesIn(rest).length > 0 ||
    restMeanings.some((meaning) => meaning !== head.meaning) ||
    rest.some(({ kind }) => kind === "digit" || kind === "all");
  return contradicts ? null : { ...head, hasComment: true };
}

function codesIn(items: readonly Item[]): readonly string[] {
  return [...new Set(items.flatMap((item) => (item.kind === "code" ? [item.code] : [])))];
}

function meaningsIn(items: readonly Item[]): readonly Meaning[] {
  const found = items.flatMap((item) =>
    (item.kind === "meaning" || item.kind === "digit") && item.meaning !== null
      ? [item.meaning]
      : [],
  );
  return [...new Set(found)];
}

function unclear(items: readonly Item[]): Said {
  const codes = codesIn(items);
  return { kind: "unclear", code: codes.length === 1 ? (codes[0] ?? null) : null };
}

/** "" is a reaction taken back. */
export function parseReaction(emoji: string, words: ReplyWords): Said {
  const said = parseReply(emoji, words);
  return said.kind === "answer" && said.meaning !== null && said.code === null
    ? said
    : { kind: "nothing" };
}

/** Buttons carry `ack:<code>` and `ref:<code>`; any other id is not ours. */
export function parseButton(id: string): Said | null {
  const match = /^(ack|ref):(\d{4})$/.exec(id);
  const code = match?.[2];
  if (code === undefined) return null;
  return {
    kind: "answer",
    meaning: match?.[1] === "ack" ? "acknowledge" : "refuse",
    digit: null,
    code,
    hasComment: false,
  };
}
