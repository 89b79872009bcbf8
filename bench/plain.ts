import type { NotificationBody } from "./load-client.ts";
import type { BenchPerson } from "./people.ts";

/** The plain notification: medium, one person, personal WhatsApp and inbox; settled when the receipt says delivered. */
export const PLAIN_TYPE = "ticket_status_changed";

export function plainTo(
  person: BenchPerson,
  more: Partial<NotificationBody> = {},
): NotificationBody {
  return {
    type: PLAIN_TYPE,
    ticketId: "TKT-1042",
    recipients: { userIds: [person.id] },
    data: { status: "in_progress", previous_status: "assigned" },
    ...more,
  };
}

/** The same persons again and again, one after the other. */
export function inTurn(people: readonly BenchPerson[], index: number): BenchPerson {
  const person = people[index % people.length];
  if (person === undefined) throw new Error("the bench has people");
  return person;
}
