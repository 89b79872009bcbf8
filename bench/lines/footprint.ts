/** What does one plain delivered notification cost: history events, Temporal actions, SQL statements? */
import { setTimeout as sleep } from "node:timers/promises";

import { actionsOf } from "../actions.ts";
import { percentile } from "../figures.ts";
import type { Line } from "../line.ts";
import { makePeople } from "../people.ts";
import { inTurn, PLAIN_TYPE, plainTo } from "../plain.ts";
import { countStatements, forgetStatements } from "../statements.ts";
import { untilSettled } from "../waiting.ts";

const EVENTS_MAX = 25;
const ACTIONS_MAX = 7;
const STATEMENTS_MAX = 20;
const WARM_UP = 10;
/** Its receipts are in before the next one is sent: nothing is saved by doing two at once. */
const GAP_MS = 150;

export const footprint: Line = {
  name: "footprint",
  measure: async ({ isQuick, install, progress }) => {
    const { bare, client, pool, temporal } = await install();
    const count = isQuick ? 40 : 100;
    const people = await makePeople(pool, 20);
    for (let index = 0; index < WARM_UP; index += 1) {
      await client.accept(plainTo(inTurn(people, index)));
      await sleep(GAP_MS);
    }
    await untilSettled(pool, PLAIN_TYPE, WARM_UP);
    await sleep(1_000);
    await forgetStatements(pool);
    const workflowIds: string[] = [];
    for (let index = 0; index < count; index += 1) {
      workflowIds.push((await client.accept(plainTo(inTurn(people, index)))).workflowId);
      await sleep(GAP_MS);
    }
    await untilSettled(pool, PLAIN_TYPE, WARM_UP + count);
    await sleep(1_000);
    const counted = await countStatements(pool);
    for (const { calls, text } of counted) {
      if (calls >= count / 10) progress(`${(calls / count).toFixed(2)} × ${text}`);
    }
    const statements = counted.reduce((sum, { calls }) => sum + calls, 0) / count;
    const events: number[] = [];
    const actions: number[] = [];
    for (const workflowId of workflowIds) {
      const history = await temporal.workflow.getHandle(workflowId).fetchHistory();
      events.push(history.events?.length ?? 0);
      actions.push(actionsOf(history.events ?? []));
    }
    await bare.once();
    return [
      {
        measure: "history of a plain delivered notification",
        ours: `p50 ${percentile(events, 0.5)}, most ${Math.max(...events)} events`,
        reference: null,
        target: `≤ ${EVENTS_MAX} events`,
        isMet: Math.max(...events) <= EVENTS_MAX,
        values: { p50Events: percentile(events, 0.5), mostEvents: Math.max(...events), count },
      },
      {
        measure: "Temporal actions of a plain delivered notification",
        ours: `p50 ${percentile(actions, 0.5)}, most ${Math.max(...actions)}`,
        reference: null,
        target: `≤ ${ACTIONS_MAX}`,
        isMet: Math.max(...actions) <= ACTIONS_MAX,
        values: { p50Actions: percentile(actions, 0.5), mostActions: Math.max(...actions), count },
      },
      {
        measure: "SQL statements of a plain delivered notification",
        ours: `${statements.toFixed(1)}, the sweep's included`,
        reference: null,
        target: `≤ ${STATEMENTS_MAX}`,
        isMet: statements <= STATEMENTS_MAX,
        values: { statements, count },
      },
    ];
  },
};
