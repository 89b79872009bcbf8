/**
 * What an operator_notice is about, as it stands in its `data`: facts, because every reader is told in a language of the own. Callers may raise one with plain
 * words in their place.
 */
import { OUTAGES } from "./circuit.ts";
import type { Outage } from "./circuit.ts";
import { LOCALES } from "./locale.ts";
import type { Locale } from "./locale.ts";
import { TEMPLATE_FAULTS } from "./provider-template.ts";
import type { TemplateFault } from "./provider-template.ts";

/** A name that every language has its own word for. */
export type Named = Readonly<Record<Locale, string>>;

export type NoticeFacts =
  | { readonly kind: "unanswered"; readonly happened: Unanswered }
  | {
      readonly kind: "account_out";
      readonly accounts: readonly string[];
      readonly outage: Outage | null;
    }
  | {
      readonly kind: "template_fault";
      readonly account: string;
      readonly template: string;
      readonly language: string;
      readonly fault: TemplateFault;
    }
  | {
      readonly kind: "staff_opted_out";
      /** Null: nobody gave this person a name. */
      readonly person: string | null;
      readonly channel: string;
      readonly classes: readonly (string | Named)[];
    };

export const UNANSWERED = ["exhausted", "expired", "undeliverable", "sleepers_only"] as const;
export type Unanswered = (typeof UNANSWERED)[number];

/** Callers may write anything into `data`: what is not wholly of this shape is their own words. */
export function isNotice(value: unknown): value is NoticeFacts {
  if (!isRecord(value)) return false;
  switch (value["kind"]) {
    case "unanswered":
      return isOneOf(UNANSWERED, value["happened"]);
    case "account_out":
      return (
        areAll(value["accounts"], isText) &&
        (value["outage"] === null || isOneOf(OUTAGES, value["outage"]))
      );
    case "template_fault":
      return (
        [value["account"], value["template"], value["language"]].every(isText) &&
        isOneOf(TEMPLATE_FAULTS, value["fault"])
      );
    case "staff_opted_out":
      return (
        (value["person"] === null || isText(value["person"])) &&
        isText(value["channel"]) &&
        areAll(value["classes"], (name) => isText(name) || isNamed(name))
      );
    default:
      return false;
  }
}

export function isNamed(value: unknown): value is Named {
  return (
    isRecord(value) &&
    Object.keys(value).length === LOCALES.length &&
    LOCALES.every((locale) => isText(value[locale]))
  );
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}

function isOneOf(known: readonly string[], value: unknown): boolean {
  return isText(value) && known.includes(value);
}

function areAll(value: unknown, isRight: (one: unknown) => boolean): boolean {
  return Array.isArray(value) && value.every(isRight);
}
