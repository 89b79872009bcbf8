import { randomBytes } from "node:crypto";

/** So many random bytes, as lower-case hexadecimal digits. */
export function hexId(bytes: number): string {
  return randomBytes(bytes).toString("hex");
}
