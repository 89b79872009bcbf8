import { decodeCursor } from "../../db/page.ts";
import type { Position } from "../../db/page.ts";
import { InvalidInput } from "./errors.ts";

/** @throws InvalidInput for a text that no page gave */
export function readCursor(cursor: string | undefined): Position | null {
  if (cursor === undefined) return null;
  const position = decodeCursor(cursor);
  if (position === null) throw invalidCursor();
  return position;
}

export function invalidCursor(): InvalidInput {
  return new InvalidInput([
    { path: "cursor", code: "invalid_cursor", message: "Must be the nextCursor of a page." },
  ]);
}
