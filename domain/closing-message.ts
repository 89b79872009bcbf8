/**
 * The type whose texts say by which of a vendor's templates a closing message goes out where free text may not: Siaga words closing messages itself, and nobody
 * creates a notification of this type.
 */
export const CLOSING_TYPE = "closing_message";

/** What such a text names: the closing message in one sentence, without its full stop. */
export const CLOSING_VARIABLE = "closing_line";
