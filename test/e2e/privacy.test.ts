import type { WorkflowHandle } from "@temporalio/client";
import { describe, expect, it } from "vitest";

import { GROUPS } from "../../db/seed/groups.ts";
import { PEOPLE } from "../../db/seed/people.ts";
import { SEARCH_ATTRIBUTES } from "../../workflows/contract.ts";
import { OUTAGE_DATA, useStory, type Story } from "../support/story.ts";

const story = useStory();

const NOTE = "Sandi ke rumah pelanggan";

/** Everything that a stranger to the installation must not read: numbers, names, texts, secrets. */
function personal({ world }: Story): readonly string[] {
  const secrets = [...world.vendors.sandbox.world.accounts.values()].flatMap(({ config }) =>
    Object.values(config.credentials).filter((secret) => typeof secret === "string"),
  );
  const tokens = world.accounts.map(({ webhookToken }) => webhookToken);
  return [
    ...PEOPLE.flatMap(({ phone, name, email }) => [
      phone.slice(1),
      name,
      ...(email ? [email] : []),
    ]),
    ...GROUPS.flatMap(({ groupChatId, name }) => [groupChatId, name]),
    "Contoh",
    OUTAGE_DATA.location,
    OUTAGE_DATA.description,
    NOTE,
    world.key,
    ...secrets,
    ...tokens,
  ];
}

function found(text: string, words: readonly string[]): readonly string[] {
  return words.filter((word) => text.includes(word));
}

/** Payloads stand in base64 in a history; their texts are what can be read in the UI. */
function readable(history: unknown): string {
  return JSON.stringify(history).replaceAll(
    /"data":"([A-Za-z0-9+/=]*)"/g,
    (_all, bytes: string) => `"data":${Buffer.from(bytes, "base64").toString("utf8")}`,
  );
}

async function everyRun({ world }: Story): Promise<readonly WorkflowHandle[]> {
  const handles: WorkflowHandle[] = [];
  for await (const { workflowId } of world.temporal.workflow.list()) {
    handles.push(world.temporal.workflow.getHandle(workflowId));
  }
  return handles;
}

/** A ladder with everything that can stand in a history: refusals, doubts, calls, acts with notes, role-up, a reassignment. */
async function tellEverything(current: Story): Promise<readonly string[]> {
  const { world, policy, raise, act, settled, toldOf, happened, person } = current;
  const { sandbox } = world.vendors;
  sandbox.phones.configure((await person("S-1")).phone, { calls: { kind: "answer", keys: "1" } });
  const everything = await policy(
    {
      roleUp: true,
      steps: [
        { channels: ["whatsapp_personal", "in_app"], groups: "primary", windowSeconds: 1 },
        { channels: ["sms"], windowSeconds: 1 },
        { channels: ["call"], windowSeconds: 2 },
      ],
    },
    "critical",
  );
  const [doubtful, refused] = [await person("T-1"), await person("T-2")];
  sandbox.faults.add({ kind: "drop_after", recipient: doubtful.phone, count: 1 });
  sandbox.faults.add({
    kind: "refuse",
    recipient: refused.phone,
    code: "target invalid",
    count: 1,
  });
  const climbing = await raise({
    policyId: everything,
    recipients: { userIds: ["ext:T-1", "ext:T-2"], groupIds: ["ext:G-NOC"] },
  });
  const steered = await policy({ steps: [{ windowSeconds: 3 }] });
  const handed = await raise({ policyId: steered, recipients: { userIds: ["ext:T-3"] } });
  await toldOf("whatsapp_personal T-3");
  await act(handed, "reassign", { userId: "ext:T-4", fromUserId: "ext:T-3", note: NOTE });
  await toldOf("whatsapp_personal T-4");
  await act(handed, "acknowledge", { by: "ext:T-4", note: NOTE });
  await settled(handed);
  const nobody = await raise({
    policyId: steered,
    recipients: { phones: ["+6281234000199"] },
  });
  await happened(nobody, ({ kind }) => kind === "delivery_accepted");
  await act(nobody, "cancel", { note: NOTE });
  await settled(nobody);
  expect(await settled(climbing)).toMatchObject({ outcome: "acknowledged" });
  return [climbing, handed, nobody];
}

describe("nobody outside PostgreSQL", () => {
  it("learns a number, a name, a text or a secret: not from histories, search attributes or logs", async () => {
    const current = story();
    const words = [...personal(current), "6281234000199"];
    await tellEverything(current);
    const { world } = current;

    const runs = await everyRun(current);
    expect(runs.length).toBeGreaterThanOrEqual(3);
    for (const run of runs) {
      const history = readable(await run.fetchHistory());
      expect(history, "payloads are readable here").toContain('"notificationId":"ntf_');
      expect(found(history, words), `history of ${run.workflowId}`).toEqual([]);
      const { typedSearchAttributes, memo, staticSummary, staticDetails } = await run.describe();
      const shown = JSON.stringify([
        ...Object.values(SEARCH_ATTRIBUTES).map((key) => typedSearchAttributes.get(key) ?? null),
        memo,
        await staticSummary(),
        await staticDetails(),
      ]);
      expect(shown).toContain("outage");
      expect(found(shown, words), `attributes of ${run.workflowId}`).toEqual([]);
    }
    const logged = world.logged.join("\n");
    expect(logged).toContain("/v1/notifications");
    expect(found(logged, words), "logs").toEqual([]);
  });
});

describe("a supervisor in the Temporal UI", () => {
  it("reads what it is, what it waits for and what can be done, without looking anything up", async () => {
    const { world, policy, raise, act, settled, toldOf, happened } = story();
    const policyId = await policy({
      steps: [{ windowSeconds: 3 }, { channels: ["sms"], windowSeconds: 1 }],
    });
    const id = await raise({
      policyId,
      ticketId: "TKT-1042",
      recipients: { userIds: ["ext:T-1"] },
    });
    await toldOf("whatsapp_personal T-1");
    await happened(id, ({ kind, reason }) => kind === "receipt" && reason === "delivered");
    const run = world.temporal.workflow.getHandle(`notification/outage/${id}`);
    const open = await metadataOf(run);
    expect(open.currentDetails).toMatch(/^### outage, critical, karawang, ticket TKT-1042/);
    expect(open.currentDetails).toContain("**Now:** waiting, step 1 of 2, pass 1.");
    expect(open.currentDetails).toContain(
      "**Waits for:** Step 1, pass 1: waiting for an answer until 20",
    );
    expect(open.currentDetails).toMatch(
      /delivery accepted \(step 1, WhatsApp, usr_.*\n.*step started \(step 1\)/,
    );
    const described = open.definition.updateDefinitions.filter(({ description }) => description);
    expect(described.map(({ name }) => name).toSorted()).toEqual([
      "acknowledge",
      "cancel",
      "escalate",
      "resolve",
      "snooze",
      "steer",
    ]);
    expect(await (await run.describe()).staticSummary()).toBe(
      "critical outage · karawang · TKT-1042",
    );

    const answer = await run.executeUpdate<string, []>("acknowledge");
    expect(answer).toBe('Recorded as "Temporal UI, unverified".');
    expect(await settled(id)).toMatchObject({ outcome: "acknowledged" });
    expect((await story().timeline(id)).find(({ kind }) => kind === "acknowledged")).toMatchObject({
      reason: "temporal_ui",
    });
    const over = await metadataOf(run);
    expect(over.currentDetails).toMatch(/^### Settled: acknowledged/);
    expect(await act(id, "cancel")).toMatchObject({ applied: false });
    const { typedSearchAttributes } = await run.describe();
    expect(typedSearchAttributes.get(SEARCH_ATTRIBUTES.status)).toBe("acknowledged");
    await toldOf("whatsapp_personal T-1", 2);
  });
});

interface Metadata {
  readonly currentDetails: string;
  readonly definition: {
    readonly updateDefinitions: readonly { readonly name: string; readonly description: string }[];
  };
}

/** The query that the UI asks. */
function metadataOf(run: WorkflowHandle): Promise<Metadata> {
  return run.query<Metadata>("__temporal_workflow_metadata");
}
