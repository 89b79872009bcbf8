import { Outdated } from "./errors.ts";

/** Tags of the states that an edit may be made from; null where the caller didn't say: from whichever it is. */
export type IfMatch = readonly string[] | null;

/** Under the row's lock, so that of two edits from one state the second is refused. @throws Outdated */
export function assertCurrent(ifMatch: IfMatch, tag: string): void {
  if (ifMatch !== null && !ifMatch.includes(tag)) throw new Outdated();
}
