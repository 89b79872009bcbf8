import type { InboxRow } from "../db/plans.ts";
import type { MessageFacts, SnapshotPerson, SnapshotTemplate } from "../domain/plan-snapshot.ts";
import { chooseTemplate } from "../domain/template-choice.ts";
import { composeMessage } from "../rendering/compose.ts";
import { templateScope } from "../rendering/scope.ts";
import { MissingVariables, TemplateFailed } from "../rendering/template.ts";

export interface InboxReader {
  readonly person: Pick<SnapshotPerson, "id" | "locale">;
  /** IANA zone of the reader's clock. */
  readonly timeZone: string;
}

/**
 * What a person's inbox shows of a notification that begins. Null when the type has no text that these facts fill any more: the ladder then orders the row, and
 * what becomes of it is recorded there.
 */
export function inboxRow(
  templates: readonly SnapshotTemplate[],
  facts: MessageFacts,
  { person, timeZone }: InboxReader,
  moment: { readonly portalUrl: string | null; readonly now: number },
): InboxRow | null {
  const template = chooseTemplate(templates, "in_app", person.locale);
  if (template === null) return null;
  try {
    const message = composeMessage({
      notification: { answers: facts.answers, typeName: facts.type.names[person.locale] },
      template,
      data: templateScope({
        ...facts,
        ...moment,
        type: { code: facts.type.code, name: facts.type.names[template.locale] },
        locale: template.locale,
      }),
      channel: "in_app",
      locale: person.locale,
      timeZone,
      code: null,
      target: "person",
      linkedAttachments: facts.attachments,
      carrier: null,
    });
    return { userId: person.id, title: message.title, body: message.text };
  } catch (error) {
    if (error instanceof MissingVariables || error instanceof TemplateFailed) return null;
    throw error;
  }
}
