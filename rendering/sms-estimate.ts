import { smsParts } from "./sms-parts.ts";

/** What a variable stands for, in length: a name, a place, an hour. */
const TYPICAL_VALUE = "x".repeat(12);

/** Parts of an SMS with a template's text, before its variables are known; for estimates of cost. */
export function estimateSegments(template: string): number {
  const text = template.replaceAll(/\{%.*?%\}/gs, "").replaceAll(/\{\{.*?\}\}/gs, TYPICAL_VALUE);
  return smsParts(text).segments;
}
