import type { Locale } from "../domain/locale.ts";
import { templateScope } from "./scope.ts";
import type { ScopeFacts } from "./scope.ts";
import { subjectOf } from "./subject.ts";

/** What is known of a notification, in no language yet. */
export type NotificationFacts = Omit<
  ScopeFacts,
  "type" | "customer" | "portalUrl" | "locale" | "now"
> & {
  readonly type: { readonly code: string; readonly names: Readonly<Record<Locale, string>> };
};

/** What a notification is about, in a few words, from what the record says of it: for an answer that names it. */
export function notificationSubject(facts: NotificationFacts, locale: Locale): string {
  return subjectOf(
    templateScope({
      ...facts,
      type: { code: facts.type.code, name: facts.type.names[locale] },
      customer: null,
      portalUrl: null,
      locale,
    }),
  );
}
