import { smsParts } from "./sms-parts.ts";

/** What a variable stands for, in length: a name, a place, an hour. */
const TYPICAL_VALUE = "x".repeat(12);
/** Far more than an installation has; a text that is edited leaves its older form behind. */
const REMEMBERED_MAX = 1_000;

/** Counting takes a tenth of a plan's time, and an installation's texts hardly ever change. */
const remembered = new Map<string, number>();

/** Parts of an SMS with a template's text, before its variables are known; for estimates of cost. */
export function estimateSegments(template: string): number {
  const known = remembered.get(template);
  if (known !== undefined) return known;
  const text = template.replaceAll(/\{%.*?%\}/gs, "").replaceAll(/\{\{.*?\}\}/gs, TYPICAL_VALUE);
  const { segments } = smsParts(text);
  if (remembered.size >= REMEMBERED_MAX) remembered.clear();
  remembered.set(template, segments);
  return segments;
}
