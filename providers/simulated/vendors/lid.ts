import { createHash } from "node:crypto";

/** WhatsApp's stand-in for a hidden number: stable, and nothing can be read from it. */
export function lidOf(phone: string): string {
  const digits = createHash("sha256").update(phone).digest().readUIntBE(0, 6);
  return `${String(digits).padStart(15, "1")}@lid`;
}
