import type { Locale } from "../../domain/locale.ts";
import type { AnswerKind } from "../../domain/notification.ts";

/**
 * Templates for Meta, one for each way of answering: outside the 24-hour window only such a text may be sent, and its press
 * opens the window for the whole message. They name the matter in one line, so that one approval serves every type.
 */
export type MetaTemplate = {
  readonly name: string;
  readonly language: Locale;
  /** As submitted for approval: positions instead of names. */
  readonly body: string;
  readonly buttons: readonly string[];
  /** What fills the positions, in order. */
  readonly parameters: readonly string[];
};

const WITH_CODE = ["subject_line", "reply_code"] as const;
const WITHOUT_CODE = ["subject_line"] as const;

export const META_TEMPLATES: readonly MetaTemplate[] = [
  {
    name: "siaga_answer",
    language: "id",
    body: "🔔 Pemberitahuan Siaga: {{1}}. Mohon jawab dengan tombol di bawah, atau balas dengan kode {{2}}.",
    buttons: ["Terima", "Tolak"],
    parameters: WITH_CODE,
  },
  {
    name: "siaga_answer",
    language: "en",
    body: "🔔 Siaga notification: {{1}}. Please answer with a button below, or reply with code {{2}}.",
    buttons: ["Accept", "Decline"],
    parameters: WITH_CODE,
  },
  {
    name: "siaga_claim",
    language: "id",
    body: "🆕 Siaga mencari yang bisa menangani: {{1}}. Ambil dengan tombol di bawah, atau balas dengan kode {{2}}.",
    buttons: ["Ambil", "Lewati"],
    parameters: WITH_CODE,
  },
  {
    name: "siaga_claim",
    language: "en",
    body: "🆕 Siaga is looking for somebody to take: {{1}}. Claim it with a button below, or reply with code {{2}}.",
    buttons: ["Claim", "Skip"],
    parameters: WITH_CODE,
  },
  {
    name: "siaga_info",
    language: "id",
    body: "🔔 Pemberitahuan Siaga: {{1}}. Balas pesan ini untuk menerima rinciannya.",
    buttons: [],
    parameters: WITHOUT_CODE,
  },
  {
    name: "siaga_info",
    language: "en",
    body: "🔔 Siaga notification: {{1}}. Reply to this message to receive the details.",
    buttons: [],
    parameters: WITHOUT_CODE,
  },
];

const NAMES: Readonly<Record<AnswerKind, string>> = {
  acknowledge: "siaga_answer",
  accept: "siaga_answer",
  claim: "siaga_claim",
  none: "siaga_info",
  rate: "siaga_info",
};

/** The template that a type with this kind of answer uses; one exists for every kind and language. */
export function metaTemplateFor(answers: AnswerKind, language: Locale): MetaTemplate {
  const found = META_TEMPLATES.find(
    (template) => template.name === NAMES[answers] && template.language === language,
  );
  if (found === undefined) throw new Error(`Invariant broken: no Meta template for ${answers}`);
  return found;
}
