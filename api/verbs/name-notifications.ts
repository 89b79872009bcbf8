import { loadSubjects } from "../../db/subjects.ts";
import type { Locale } from "../../domain/locale.ts";
import type { NamedNotification } from "../../rendering/answer-text.ts";
import { templateScope } from "../../rendering/scope.ts";
import { subjectOf } from "../../rendering/subject.ts";
import type { EventDeps } from "./inbound-deps.ts";

/** Notifications as a sentence names them, by id, in one language. */
export async function nameNotifications(
  { pool, inbound }: Pick<EventDeps, "pool" | "inbound">,
  notificationIds: readonly string[],
  locale: Locale,
): Promise<ReadonlyMap<string, NamedNotification>> {
  const subjects = await loadSubjects(pool, notificationIds);
  return new Map(
    [...subjects.values()].map((facts) => {
      const scope = templateScope({
        ...facts,
        type: { code: facts.type.code, name: facts.type.names[locale] },
        customer: null,
        portalUrl: inbound.portalUrl,
        locale,
      });
      return [facts.id, { subject: subjectOf(scope), code: null }];
    }),
  );
}
