/**
 * Whether a text of ours can go out as a template that a vendor has approved: what the vendor says of the template, held against what we would fill it with.
 * Decided before anything is sent, so that nobody waits for a refusal.
 */
import type { Locale } from "./locale.ts";
import { OTP_VARIABLE } from "./otp.ts";

export const TEMPLATE_STATES = [
  "pending",
  "approved",
  "paused",
  "disabled",
  "rejected",
  /** The vendor has no such template, or says a word of it that we don't know. */
  "unknown",
] as const;
export type TemplateState = (typeof TEMPLATE_STATES)[number];

/** Of `unfillable`: a button that copies a one-time password. A text that tells one has the value for it. */
export const CODE_BUTTON = "code_button";

/** What a text of ours is sent as outside the recipient's window: a row's `provider_template`. */
export interface TemplateMapping {
  readonly name: string | null;
  /** The last word on it before its account's list was read; the list decides once there is one. */
  readonly status: string | null;
  /** The vendor's code; the text's own language if not given. */
  readonly language?: string | null;
  /** Our variables: in the order of the vendor's places, or under the vendor's names. */
  readonly parameters?: readonly string[];
}

/** A template as its vendor has it. */
export interface VendorTemplate {
  readonly name: string;
  readonly languageCode: string;
  readonly state: TemplateState;
  /** Placeholders of its body, each once: "1", "2" …, or names. Null: not shown yet. */
  readonly parameters: readonly string[] | null;
  /** Buttons that answer; null: not shown yet. */
  readonly quickReplies: number | null;
  /** Parts that want a value which we have none for, such as an image above the text. */
  readonly unfillable: readonly string[];
}

export const TEMPLATE_FAULTS = [
  /** No template was chosen for this text. */
  "template_unmapped",
  "template_pending",
  "template_paused",
  "template_disabled",
  "template_rejected",
  "template_unknown",
  /** Our variables are not those of the vendor's body, by number or by name. */
  "template_parameters",
  /** It has a part that we can't fill. */
  "template_part",
] as const;
export type TemplateFault = (typeof TEMPLATE_FAULTS)[number];

export type TemplateVerdict =
  | {
      readonly ok: true;
      readonly name: string;
      readonly languageCode: string;
      /** Our variables, in the vendor's order. */
      readonly parameters: readonly string[];
      /** Set where the vendor's places have names. */
      readonly parameterNames: readonly string[] | null;
      /** Buttons beyond these are left out; null: unknown. */
      readonly buttonsMax: number | null;
      /** It wants the code a second time, for the button that copies it. */
      readonly hasCodeButton: boolean;
    }
  | { readonly ok: false; readonly fault: TemplateFault };

/** `templates` are those of the account that would send, in any language. */
export function judgeTemplate(
  mapping: TemplateMapping | null,
  locale: Locale,
  templates: readonly VendorTemplate[],
): TemplateVerdict {
  if (!mapping?.name) return { ok: false, fault: "template_unmapped" };
  const languageCode = mapping.language ?? locale;
  const vendor = findVendorTemplate(templates, mapping.name, languageCode);
  const fault = faultOf(mapping, vendor);
  if (fault !== null) return { ok: false, fault };
  const parameters = mapping.parameters ?? [];
  const names = vendor?.parameters ?? null;
  const isNamed = names?.some((name) => !isPlace(name)) ?? false;
  return {
    ok: true,
    name: mapping.name,
    languageCode: vendor?.languageCode ?? languageCode,
    parameters,
    parameterNames: isNamed ? parameters : null,
    buttonsMax: vendor?.quickReplies ?? null,
    hasCodeButton: tellsCode(mapping) && (vendor?.unfillable.includes(CODE_BUTTON) ?? true),
  };
}

/** Of several languages that fit (en, en_US), the very one that was asked for comes first. */
export function findVendorTemplate<T extends Pick<VendorTemplate, "name" | "languageCode">>(
  templates: readonly T[],
  name: string,
  languageCode: string,
): T | null {
  const named = templates.filter((template) => template.name === name);
  return (
    named.find((template) => template.languageCode === languageCode) ??
    named.find((template) => languageOf(template.languageCode) === languageCode) ??
    null
  );
}

/** The language of a vendor's code: of `en_US`, `en`. */
function languageOf(code: string): string {
  return code.split("_")[0] ?? code;
}

function faultOf(mapping: TemplateMapping, vendor: VendorTemplate | null): TemplateFault | null {
  const state = vendor?.state ?? TEMPLATE_STATES.find((known) => known === mapping.status);
  if (state !== "approved") return `template_${state ?? "unknown"}`;
  if (vendor === null) return null;
  const unfilled = vendor.unfillable.filter((part) => part !== CODE_BUTTON || !tellsCode(mapping));
  if (unfilled.length > 0) return "template_part";
  return doParametersFit(mapping.parameters ?? [], vendor.parameters)
    ? null
    : "template_parameters";
}

/** Meta lets codes out by authentication templates alone, and all of them have that button. */
function tellsCode({ parameters = [] }: TemplateMapping): boolean {
  return parameters.includes(OTP_VARIABLE);
}

function doParametersFit(ours: readonly string[], theirs: readonly string[] | null): boolean {
  if (theirs === null) return true;
  if (ours.length !== theirs.length) return false;
  return theirs.every(isPlace) || theirs.every((name) => ours.includes(name));
}

function isPlace(name: string): boolean {
  return /^\d+$/.test(name);
}
