/** How long does the history of a critical notification become that climbs its whole ladder twice and a third time for the next role? */
import { actionsOf } from "../actions.ts";
import { untilFact } from "../waiting.ts";
import type { Line } from "../line.ts";
import { makePeople } from "../people.ts";
import { criticalInShort, makePolicy } from "../policies.ts";
import { URGENT_TYPE } from "../urgent.ts";

const EVENTS_MAX = 900;
const TIMES_SHORTER = 30;
const PERSONS = 3;
const GROUPS = 3;
/** Two passes, and one for the next role up. */
const LAST_PASS = 3;
const CALL_STEP = 4;
const LAST_STEP_WITHIN_MS = 300_000;

export const criticalHistory: Line = {
  name: "critical-history",
  measure: async ({ install, progress }) => {
    const { client, pool, stack, temporal } = await install();
    stack.vendors.sandbox.phones.configureDefaults({ calls: [{ kind: "busy", afterMs: 500 }] });
    const people = await makePeople(pool, PERSONS);
    const { rows: groups } = await pool.query<{ id: string }>(
      "/* bench */ select id from whatsapp_groups order by id limit $1",
      [GROUPS],
    );
    const policyId = await makePolicy(client, {
      name: "bench: critical in short",
      priority: "critical",
      rules: {
        ...criticalInShort(TIMES_SHORTER),
        tracksResolution: false,
        resolutionSeconds: null,
      },
    });
    const { id, workflowId } = await client.accept({
      type: URGENT_TYPE,
      priority: "critical",
      policyId,
      recipients: {
        userIds: people.map((person) => person.id),
        groupIds: groups.map((group) => group.id),
      },
      data: { message: "bench", system: "bench", description: "bench", component: "bench" },
    });
    const place = await untilFact(
      "the last step of the third pass is told",
      LAST_STEP_WITHIN_MS,
      async () => {
        const { rows } = await pool.query<{ pass: number; step: number; told: number }>(
          `/* bench */ select n.pass, n.step,
           (select count(*) from deliveries d where d.notification_id = n.id and d.pass = n.pass and d.step = n.step and d.attempt = 3) as told
         from notifications n where n.id = $1`,
          [id],
        );
        const [row] = rows;
        return row && row.pass >= LAST_PASS && row.step >= CALL_STEP && row.told > 0 ? row : null;
      },
    );
    progress(`pass ${place.pass}, step ${place.step}: acknowledging`);
    await client.call("POST", `/v1/notifications/${id}/acknowledge`, {});
    await temporal.workflow.getHandle(workflowId).result();
    const history = await temporal.workflow.getHandle(workflowId).fetchHistory();
    const events = history.events?.length ?? 0;
    const { rows } = await pool.query<{ channel: string; purpose: string; count: number }>(
      "/* bench */ select channel, purpose, count(*) as count from deliveries where notification_id = $1 group by channel, purpose order by 3 desc",
      [id],
    );
    for (const row of rows) progress(`${row.count} × ${row.channel}, ${row.purpose}`);
    const deliveries = rows.reduce((sum, { count }) => sum + count, 0);
    return [
      {
        measure: `history of a critical one: ${PERSONS} persons, ${GROUPS} groups, 2 passes, one role-up`,
        ours: `${events} events, ${deliveries} deliveries`,
        reference: null,
        target: `≤ ${EVENTS_MAX} events`,
        isMet: events <= EVENTS_MAX,
        values: { events, deliveries, actions: actionsOf(history.events ?? []) },
      },
    ];
  },
};
