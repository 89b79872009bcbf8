import { randomBytes } from "node:crypto";
import { Client, Connection } from "@temporalio/client";
import type { Payload, PayloadCodec } from "@temporalio/common";
import { google } from "@temporalio/proto";
import { afterAll, describe, expect, inject, it } from "vitest";
import { NotStartable, startNotification } from "../../client/start-notification.ts";
import { startRun } from "../../client/start-run.ts";
import type { RunToStart } from "../../client/start-run.ts";
import { bodyHashOf, refOfKey } from "../../db/notification-ref.ts";
import {
  NOTIFICATION_WORKFLOW,
  SEARCH_ATTRIBUTES,
  WORKFLOW_TASK_QUEUE,
} from "../../workflows/contract.ts";
import { useTestNamespace } from "../support/namespace.ts";

/** On a real server without workers: what stands in Temporal after a start, and how many runs there are. */
const namespace = useTestNamespace();

const run = (changes: Partial<RunToStart> = {}): RunToStart => ({
  workflowId: `notification/outage/${randomBytes(8).toString("hex")}`,
  type: "outage",
  priority: "critical",
  zone: "karawang",
  ticketId: "TKT-1042",
  direct: null,
  ...changes,
});

describe("startRun", () => {
  it("starts the notification's run so that people find and read it", async () => {
    const { client } = namespace();
    const wanted = run();
    const answer = await startRun(client, wanted);
    const description = await client.workflow.getHandle(wanted.workflowId).describe();

    expect(answer).toEqual({ kind: "started", runId: description.runId });
    expect(description.type).toBe(NOTIFICATION_WORKFLOW);
    expect(description.taskQueue).toBe(WORKFLOW_TASK_QUEUE);
    expect(description.priority?.priorityKey).toBe(1);
    expect(await description.staticSummary()).toBe("critical outage · karawang · TKT-1042");
    const attributes = description.typedSearchAttributes;
    expect(attributes.get(SEARCH_ATTRIBUTES.type)).toBe("outage");
    expect(attributes.get(SEARCH_ATTRIBUTES.priority)).toBe("critical");
    expect(attributes.get(SEARCH_ATTRIBUTES.status)).toBe("accepted");
    expect(attributes.get(SEARCH_ATTRIBUTES.zone)).toBe("karawang");
    expect(attributes.get(SEARCH_ATTRIBUTES.ticket)).toBe("TKT-1042");
    expect(description.memo ?? {}).toEqual({});
  });

  it("gives N parallel starts one run", async () => {
    const { client } = namespace();
    const wanted = run();
    const answers = await Promise.all(Array.from({ length: 10 }, () => startRun(client, wanted)));
    expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
  });

  it("starts nothing after the run is over", async () => {
    const { client } = namespace();
    const wanted = run();
    await startRun(client, wanted);
    await client.workflow.getHandle(wanted.workflowId).terminate();
    expect(await startRun(client, wanted)).toEqual({ kind: "already_over" });
  });

  it("starts also what has no zone and ticket, and a long ticket in any script", async () => {
    const { client } = namespace();
    expect(await startRun(client, run({ zone: null, ticketId: null }))).toMatchObject({
      kind: "started",
    });
    expect(await startRun(client, run({ ticketId: "𝕋".repeat(50) }))).toMatchObject({
      kind: "started",
    });
  });

  it("starts also in a namespace where nobody registered the search attributes", async () => {
    const connection = await Connection.connect({ address: inject("temporalAddress") });
    const name = `bare-${randomBytes(5).toString("hex")}`;
    await connection.workflowService.registerNamespace({
      namespace: name,
      workflowExecutionRetentionPeriod: google.protobuf.Duration.fromObject({ seconds: 86_400 }),
    });
    const client = new Client({ connection, namespace: name });
    const wanted = run();
    await expect
      .poll(() => startRun(client, wanted).catch((error: unknown) => error), { timeout: 15_000 })
      .toMatchObject({ kind: "started" });
    await connection.close();
  });
});

describe("startNotification", () => {
  const request = { type: "outage", zone: "karawang", ticketId: "TKT-7" };

  async function inputOf(client: Client, workflowId: string): Promise<unknown> {
    const history = await client.workflow.getHandle(workflowId).fetchHistory();
    const payloads =
      history.events?.[0]?.workflowExecutionStartedEventAttributes?.input?.payloads ?? [];
    return JSON.parse(Buffer.from(payloads[0]?.data ?? []).toString("utf8"));
  }

  it("meets the record of the HTTP road: the same workflow id and body hash for one sender and key", async () => {
    const { client } = namespace();
    const key = randomBytes(4).toString("hex");
    const answer = await startNotification(client, { sender: "ticket-system", key, request });
    const ref = refOfKey("ticket-system", key);
    expect(answer.workflowId).toBe(`notification/outage/${ref}`);
    expect(await inputOf(client, answer.workflowId)).toEqual({
      direct: {
        ...request,
        sender: "ticket-system",
        key,
        bodyHash: Buffer.from(bodyHashOf(request)).toString("hex"),
      },
    });
  });

  it("is the same run for a repeat with the key, and another for every call without", async () => {
    const { client } = namespace();
    const key = randomBytes(4).toString("hex");
    const [first, again] = [
      await startNotification(client, { sender: "a", key, request }),
      await startNotification(client, { sender: "a", key, request }),
    ];
    expect(again).toEqual(first);
    const [one, two] = [
      await startNotification(client, { sender: "a", key: null, request }),
      await startNotification(client, { sender: "a", key: null, request }),
    ];
    expect(one.workflowId).toMatch(/^notification\/outage\/ntf_/);
    expect(one.workflowId).not.toBe(two.workflowId);
  });

  it("starts nothing anew after the run of the key is over", async () => {
    const { client } = namespace();
    const key = randomBytes(4).toString("hex");
    const { workflowId } = await startNotification(client, { sender: "a", key, request });
    await client.workflow.getHandle(workflowId).terminate();
    expect(await startNotification(client, { sender: "a", key, request })).toEqual({
      workflowId,
      runId: null,
    });
  });

  it("invariant 36: refuses data, phones and files, which would stand in the history", async () => {
    const { client } = namespace();
    const start = startNotification(client, {
      sender: "a",
      key: null,
      request: {
        ...request,
        data: { location: "x" },
        recipients: { phones: ["+6281234000001"] },
        attachments: [{ kind: "image", url: "https://files.example/a?token=x" }],
      },
    });
    await expect(start).rejects.toThrow(NotStartable);
    await expect(start).rejects.toMatchObject({
      fields: ["data", "recipients.phones", "attachments"],
    });
    await expect(start).rejects.not.toThrow("6281234000001");
  });

  describe("with a payload codec", () => {
    const codec: PayloadCodec = {
      encode: async (payloads) => payloads.map(flip),
      decode: async (payloads) => payloads.map(flip),
    };
    const connections: Connection[] = [];
    afterAll(async () => {
      for (const connection of connections) await connection.close();
    });

    it("takes data and phones, unreadable in the history", async () => {
      const connection = await Connection.connect({ address: inject("temporalAddress") });
      connections.push(connection);
      const client = new Client({
        connection,
        namespace: namespace().name,
        dataConverter: { payloadCodecs: [codec] },
      });
      const { workflowId } = await startNotification(client, {
        sender: "a",
        key: null,
        request: { ...request, data: { location: "Rumah" } },
      });
      const history = JSON.stringify(await client.workflow.getHandle(workflowId).fetchHistory());
      expect(history).not.toContain("Rumah");
    });
  });
});

/** Stands for encryption: every bit of the data is turned. */
function flip(payload: Payload): Payload {
  return { ...payload, data: payload.data?.map((byte) => byte ^ 0xff) ?? null };
}
