import type { TemplateTrouble } from "../db/provider-templates.ts";
import type { TemplateFault } from "../domain/provider-template.ts";
import { raiseNotice, type NoticeDeps } from "./raise-notice.ts";

/** Tells the operators that texts of ours can't go out by an account's template. Idempotency: one notice for each fault of a template. */
export function createRaiseTemplateNotice(deps: NoticeDeps) {
  return async function raiseTemplateNotice(trouble: TemplateTrouble): Promise<void> {
    const { accountId, accountName, name, languageCode, fault, since } = trouble;
    await raiseNotice(deps, {
      ref: `template-${accountId}-${name}-${languageCode}-${fault}-${since}`,
      request: {
        type: "operator_notice",
        data: {
          notice: `${accountName}: template ${name} (${languageCode}) ${FAULT_WORDS[fault]}`,
          reason: fault,
        },
      },
      noticeOf: null,
    });
  };
}

/** What the operators read; both languages, because operators of both get one text. */
const FAULT_WORDS: Readonly<Record<TemplateFault, string>> = {
  template_unmapped: "belum dipilih / is not chosen",
  template_pending: "masih ditinjau / is still being reviewed",
  template_paused:
    "dijeda oleh penyedia, pesan lewat akun lain / is paused by the vendor, other accounts carry on",
  template_disabled:
    "dinonaktifkan oleh penyedia, pesan lewat akun lain / is disabled by the vendor, other accounts carry on",
  template_rejected:
    "ditolak oleh penyedia, pesan lewat akun lain / is rejected by the vendor, other accounts carry on",
  template_unknown: "tidak ada pada penyedia / does not exist at the vendor",
  template_parameters:
    "isiannya tidak cocok dengan teks penyedia / its variables don't fit the vendor's text",
  template_part:
    "punya bagian yang tidak bisa diisi / has a part that can't be filled, such as an image",
};
