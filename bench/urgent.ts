import type { Accepted, LoadClient, NotificationBody } from "./load-client.ts";
import type { BenchPerson } from "./people.ts";

/** One that wants an answer, told to one person by the given policy. */
export const URGENT_TYPE = "system_alert";

export function urgentTo(
  person: BenchPerson,
  policyId: string,
  priority: string,
): NotificationBody {
  return {
    type: URGENT_TYPE,
    priority,
    policyId,
    recipients: { userIds: [person.id] },
    data: { message: "bench", system: "bench", description: "bench", component: "bench" },
  };
}

/** Answers as the act's own instant, epoch ms. @throws when it was not applied */
export async function acknowledge(client: LoadClient, { id }: Accepted): Promise<void> {
  const answer = await client.call("POST", `/v1/notifications/${id}/acknowledge`, {});
  if (answer.body["applied"] !== true) {
    throw new Error(`not acknowledged: ${answer.status} ${JSON.stringify(answer.body)}`);
  }
}
