import type { TemplateTrouble } from "../db/provider-templates.ts";
import type { NoticeFacts } from "../domain/notice.ts";
import { raiseNotice, type NoticeDeps } from "./raise-notice.ts";

/** Tells the operators that texts of ours can't go out by an account's template. Idempotency: one notice for each fault of a template. */
export function createRaiseTemplateNotice(deps: NoticeDeps) {
  return async function raiseTemplateNotice(trouble: TemplateTrouble): Promise<void> {
    const { accountId, accountName, name, languageCode, fault, since } = trouble;
    const notice: NoticeFacts = {
      kind: "template_fault",
      account: accountName,
      template: name,
      language: languageCode,
      fault,
    };
    await raiseNotice(deps, {
      ref: `template-${accountId}-${name}-${languageCode}-${fault}-${since}`,
      request: {
        type: "operator_notice",
        data: { notice, reason: fault },
      },
      noticeOf: null,
    });
  };
}
