import { CLOSING_TYPE, CLOSING_VARIABLE } from "../../domain/closing-message.ts";
import type { Locale } from "../../domain/locale.ts";
import type { AnswerKind } from "../../domain/notification.ts";
import { OTP_TYPE, OTP_VARIABLE } from "../../domain/otp.ts";

/**
 * Templates for Meta, one for each way of answering, one for closing messages and one for codes: outside the 24-hour window only such a text may be sent, and its press
 * opens the window for the whole message. They name the matter in one line, so that one approval serves every type.
 */
export type MetaTemplate = {
  readonly name: string;
  readonly language: Locale;
  /** As submitted for approval: positions instead of names. */
  readonly body: string;
  readonly buttons: readonly string[];
  /** Meta's category for codes: its text is Meta's own, and its only button copies the code. */
  readonly isAuthentication?: true;
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
  {
    name: "siaga_closing",
    language: "id",
    body: "✅ Kabar Siaga: {{1}}. Tidak ada yang perlu Anda lakukan lagi.",
    buttons: [],
    parameters: [CLOSING_VARIABLE],
  },
  {
    name: "siaga_closing",
    language: "en",
    body: "✅ News from Siaga: {{1}}. There is nothing left for you to do.",
    buttons: [],
    parameters: [CLOSING_VARIABLE],
  },
  {
    name: "siaga_otp",
    language: "id",
    body: "*{{1}}* adalah kode verifikasi Anda. Demi keamanan, jangan bagikan kode ini.",
    buttons: [],
    isAuthentication: true,
    parameters: [OTP_VARIABLE],
  },
  {
    name: "siaga_otp",
    language: "en",
    body: "*{{1}}* is your verification code. For your security, do not share this code.",
    buttons: [],
    isAuthentication: true,
    parameters: [OTP_VARIABLE],
  },
];

const NAMES: Readonly<Record<AnswerKind, string>> = {
  acknowledge: "siaga_answer",
  accept: "siaga_answer",
  claim: "siaga_claim",
  none: "siaga_info",
  rate: "siaga_info",
};

/** Of types that have one to themselves. */
const OWN_NAMES: Readonly<Record<string, string>> = {
  [CLOSING_TYPE]: "siaga_closing",
  [OTP_TYPE]: "siaga_otp",
};

/** The template that a type uses, by its kind of answer if it has none of its own; one exists for every kind and language. */
export function metaTemplateFor(
  { code, answers }: { readonly code: string; readonly answers: AnswerKind },
  language: Locale,
): MetaTemplate {
  const name = OWN_NAMES[code] ?? NAMES[answers];
  const found = META_TEMPLATES.find(
    (template) => template.name === name && template.language === language,
  );
  if (found === undefined) throw new Error(`Invariant broken: no Meta template for ${code}`);
  return found;
}
