import { expect, it } from "vitest";

import { GROUPS } from "../../db/seed/groups.ts";
import { PEOPLE } from "../../db/seed/people.ts";
import type { RequestEntry } from "../../providers/simulated/log.ts";
import type { HandsetMessage } from "../../providers/simulated/phones.ts";
import { insertPolicy } from "../support/rows.ts";
import { useWorld } from "../support/world.ts";

/** People answer on their phones, the vendors report it, the run ends, and the sender hears what came of it. */
const world = useWorld();

const STEP = {
  channels: ["whatsapp_personal"],
  groups: "none",
  attempts: 1,
  spacingSeconds: null,
  windowSeconds: 30,
  undeliveredAfterSeconds: null,
  roleUp: false,
  enabled: true,
} as const;

const phoneOf = (externalId: string): string => {
  const phone = PEOPLE.find((person) => person.externalId === externalId)?.phone;
  if (phone === undefined) throw new Error(`nobody is ${externalId}`);
  return phone;
};

async function raise(
  step: Partial<Record<keyof typeof STEP, unknown>>,
  request: Readonly<Record<string, unknown>>,
): Promise<string> {
  const policyId = await insertPolicy(world().pool, {
    rules: {
      settledBy: "acknowledged",
      quietHours: "override",
      steps: [{ ...STEP, ...step } as never],
    },
  });
  const accepted = await world().call("POST", "/v1/notifications", {
    type: "ticket_urgent",
    priority: "high",
    zone: "karawang",
    policyId,
    data: {
      ticket_id: "TKT-1042",
      customer_name: "Contoh",
      location: "POP Klari",
      description: "OLT-2",
      issue_type: "Gangguan",
    },
    ...request,
  });
  expect(accepted.status, JSON.stringify(accepted.body)).toBe(202);
  return String(accepted.body["id"]);
}

/** The message on the phone, once it is there. */
function shown(phone: string, fits: (text: string) => boolean): Promise<HandsetMessage> {
  return world().vendors.sandbox.phones.waitForMessage(
    phone,
    ({ direction, text }) => direction === "received" && fits(text),
    20_000,
  );
}

const codeIn = (message: HandsetMessage): string => {
  const code = /1 (\d{4})/.exec(message.text)?.[1];
  if (code === undefined) throw new Error("the message has no code");
  return code;
};

it("a reply with the code ends the run, and its writer is thanked in the same chat", async () => {
  const phone = phoneOf("T-1");
  const id = await raise({}, { recipients: { userIds: ["ext:T-1"] } });
  const message = await shown(phone, (text) => text.includes("POP Klari"));
  await world().vendors.sandbox.people.reply(phone, { text: `1 ${codeIn(message)}` });
  expect(await world().settled(id)).toMatchObject({
    outcome: "acknowledged",
    acknowledgedBy: { via: "reply" },
  });
  const thanks = await shown(phone, (text) => text.startsWith("Terima kasih, sudah dicatat"));
  expect(thanks.sender).toBe(message.sender);
});

it("of two who claim, the second is told on the phone who was first", async () => {
  const [first, second] = [phoneOf("T-2"), phoneOf("T-3")];
  const id = await raise({}, { recipients: { userIds: ["ext:T-2", "ext:T-3"] } });
  const told = await shown(first, (text) => text.includes("POP Klari"));
  const toldToo = await shown(second, (text) => text.includes("POP Klari"));
  await world().vendors.sandbox.people.reply(first, { text: `1 ${codeIn(told)}` });
  await world().vendors.sandbox.people.reply(second, { text: `ok ${codeIn(toldToo)}` });
  await world().settled(id);
  const answer = await shown(second, (text) => text.includes("sudah diambil oleh"));
  expect(answer.text).toContain(PEOPLE.find(({ externalId }) => externalId === "T-2")?.name);
});

it("an answer in a group that two of our numbers hear counts once, as the member who wrote", async () => {
  const group = GROUPS.find(({ externalId }) => externalId === "G-NOC")?.groupChatId ?? "";
  const phone = phoneOf("N-1");
  const id = await raise(
    { channels: [], groups: "primary" },
    { type: "system_alert", recipients: { groupIds: ["ext:G-NOC"] } },
  );
  const message = await shown(phone, (text) => /1 \d{4}/.test(text));
  await world().vendors.sandbox.people.reply(phone, {
    text: `1 ${codeIn(message)}`,
    group,
  });
  expect(await world().settled(id)).toMatchObject({
    outcome: "acknowledged",
    acknowledgedBy: { userId: expect.stringMatching(/^usr_/) as unknown },
  });
  await world().vendors.sandbox.idle();
  const { rows } = await world().pool.query(
    "select count(*) from acts where notification_id = $1",
    [id],
  );
  expect(rows).toEqual([{ count: 1 }]);
  const inGroup = world().vendors.sandbox.log.entries(
    (entry: RequestEntry) => entry.group === group,
  ).length;
  // The alarm and the closing message: nobody chats with a group.
  expect(inGroup).toBe(2);
});

it("an SMS is answered by SMS", async () => {
  const phone = phoneOf("T-4");
  const id = await raise({ channels: ["sms"] }, { recipients: { userIds: ["ext:T-4"] } });
  const message = await shown(phone, (text) => text.includes("POP Klari"));
  expect(message.medium).toBe("sms");
  await world().vendors.sandbox.people.reply(phone, { text: "siap" });
  await world().settled(id);
  const thanks = await shown(phone, (text) => text.startsWith("Terima kasih, sudah dicatat"));
  expect(thanks.medium).toBe("sms");
});
