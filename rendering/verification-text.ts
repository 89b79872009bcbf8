/** The message that a person sends to prove a number: ready in WhatsApp's text field when the link opens. */
import type { Locale } from "../domain/locale.ts";
import { TEXTS, fill } from "./texts.ts";

/** The whole text goes into a QR code, which a longer one makes hard to read from a screen. */
const NAME_CHARS_MAX = 60;

export function verificationText(request: {
  /** Whose number it will be; whoever is asked to send it for somebody else reads so. */
  readonly name: string | null;
  readonly code: string;
  readonly locale: Locale;
}): string {
  const texts = TEXTS[request.locale].verifyMe;
  const name = (request.name ?? "").replace(/\s+/gu, " ").trim();
  const shown = Array.from(name).slice(0, NAME_CHARS_MAX).join("");
  return shown === ""
    ? fill(texts.unnamed, { code: request.code })
    : fill(texts.named, { name: shown, code: request.code });
}
