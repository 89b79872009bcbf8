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

type InboxText = Omit<InboxRow, "userId">;

/**
 * What these persons' inboxes show of a notification that begins; who reads in one language and zone reads one text. Nobody has a row when the type has no text
 * that these facts fill any more: the ladder then orders the row, and what becomes of it is recorded there.
 */
export function inboxRows(
  templates: readonly SnapshotTemplate[],
  facts: MessageFacts,
  readers: readonly InboxReader[],
  moment: { readonly portalUrl: string | null; readonly now: number },
): readonly InboxRow[] {
  const texts = new Map<string, InboxText | null>();
  return readers.flatMap(({ person, timeZone }): readonly InboxRow[] => {
    const key = `${person.locale} ${timeZone}`;
    const known = texts.get(key);
    const text =
      known === undefined ? inboxText(templates, facts, { person, timeZone }, moment) : known;
    texts.set(key, text);
    return text === null ? [] : [{ userId: person.id, ...text }];
  });
}

function inboxText(
  templates: readonly SnapshotTemplate[],
  facts: MessageFacts,
  { person: { locale }, timeZone }: InboxReader,
  moment: { readonly portalUrl: string | null; readonly now: number },
): InboxText | null {
  const template = chooseTemplate(templates, "in_app", locale);
  if (template === null) return null;
  try {
    const message = composeMessage({
      notification: { answers: facts.answers, typeName: facts.type.names[locale] },
      template,
      data: templateScope({
        ...facts,
        ...moment,
        type: { code: facts.type.code, name: facts.type.names[template.locale] },
        locale: template.locale,
      }),
      channel: "in_app",
      locale,
      timeZone,
      code: null,
      target: "person",
      linkedAttachments: facts.attachments,
      carrier: null,
    });
    return { title: message.title, body: message.text };
  } catch (error) {
    if (error instanceof MissingVariables || error instanceof TemplateFailed) return null;
    throw error;
  }
}
