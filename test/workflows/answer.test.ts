import { randomUUID } from "node:crypto";
import { ApplicationFailure } from "@temporalio/common";
import { describe, expect, it } from "vitest";

import type { Activities, AnswerOutcome } from "../../activities/contract.ts";
import { startAnswer } from "../../client/start-answer.ts";
import { answerWorkflowId } from "../../workflows/contract.ts";
import { fakeWorld, runPlan } from "../support/fake-activities.ts";
import { useTestNamespace } from "../support/namespace.ts";
import { withWorkers } from "../support/run-worker.ts";

const namespace = useTestNamespace();

const ACCOUNT = "acc_answers";

async function answered(
  overrides: Partial<Activities>,
  inboundMessageId = `inb_${randomUUID()}`,
): Promise<AnswerOutcome> {
  const { activities } = fakeWorld({ plan: runPlan(), overrides });
  const { client } = namespace();
  return withWorkers(
    namespace(),
    activities,
    async () => {
      await startAnswer(client, { inboundMessageId, accountId: ACCOUNT });
      const handle = client.workflow.getHandle(answerWorkflowId(inboundMessageId));
      return (await handle.result()) as AnswerOutcome;
    },
    [ACCOUNT],
  );
}

describe("an answer", () => {
  it("goes by the queue of the account that was written to, once for each message", async () => {
    const sent: string[] = [];
    const inboundMessageId = `inb_${randomUUID()}`;
    const sendAnswer: Activities["sendAnswer"] = (input) => {
      sent.push(input.inboundMessageId);
      return Promise.resolve({ status: "accepted", reason: null });
    };
    expect(await answered({ sendAnswer }, inboundMessageId)).toEqual({
      status: "accepted",
      reason: null,
    });
    // Asked for again by the sweep, after it is over: the same workflow, and nothing is sent.
    expect(await answered({ sendAnswer }, inboundMessageId)).toMatchObject({ status: "accepted" });
    expect(sent).toEqual([inboundMessageId]);
  });

  it("is tried again as often as the record says", async () => {
    let tries = 0;
    const outcome = await answered({
      sendAnswer: () => {
        tries += 1;
        if (tries < 3) {
          throw ApplicationFailure.create({
            type: "try_again",
            message: "no slot yet",
            nextRetryDelay: 10,
          });
        }
        return Promise.resolve({ status: "accepted", reason: null });
      },
    });
    expect({ outcome, tries }).toMatchObject({ outcome: { status: "accepted" }, tries: 3 });
  });

  it("that the account can't take any more is dropped in the record, and the workflow ends well", async () => {
    const dropped: string[] = [];
    const outcome = await answered({
      sendAnswer: () => {
        throw ApplicationFailure.nonRetryable("the queue is gone");
      },
      dropAnswer: ({ reason }) => {
        dropped.push(reason);
        return Promise.resolve();
      },
    });
    expect(outcome).toEqual({ status: "not_sent", reason: "no_worker" });
    expect(dropped).toEqual(["no_worker"]);
  });
});
