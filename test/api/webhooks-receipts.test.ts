import fc from "fast-check";
import type pg from "pg";
import { describe, expect, it } from "vitest";

import { openDelivery, lockMessage, recordAccepted, reserveSlot } from "../../db/deliveries.ts";
import { newId } from "../../db/new-id.ts";
import { createPool } from "../../db/pool.ts";
import { withTransaction } from "../../db/transaction.ts";
import { SILENT_LOGGER } from "../../runtime/logger.ts";
import { assertDefined } from "../support/assert-defined.ts";
import {
  insertNotificationRow,
  insertPolicy,
  insertTarget,
  insertType,
  insertUser,
} from "../support/rows.ts";
import { insertTold } from "../support/told.ts";
import type { Told } from "../support/told.ts";
import {
  META_VERIFY_TOKEN,
  CALLERS,
  PROVIDERS,
  anyPost,
  evolutionPost,
  fonntePost,
  forged,
  gowaPost,
  insertVendorAccount,
  metaPost,
  receiptPost,
  reportedBy,
  twilioPost,
  vendorMessageId,
  wahaPost,
} from "../support/vendors.ts";
import type { ProviderName, VendorAccount, VendorPost } from "../support/vendors.ts";
import { buildApi, objectAt, useApi } from "./harness.ts";

const api = useApi();

const anyInstant: unknown = expect.stringMatching(/^\d{4}-.*Z$/);

type Scene = {
  readonly account: VendorAccount;
  readonly notificationId: string;
  readonly user: { readonly id: string; readonly phone: string };
};

async function scene(
  provider: ProviderName,
  options: Parameters<typeof insertVendorAccount>[2] = {},
): Promise<Scene> {
  const { pool } = api();
  const [type, policyId, user, account] = await Promise.all([
    insertType(pool),
    insertPolicy(pool),
    insertUser(pool),
    insertVendorAccount(pool, provider, options),
  ]);
  const notificationId = await insertNotificationRow(pool, { type, policyId });
  await insertTarget(pool, notificationId, { target: user.id });
  return { account, notificationId, user };
}

async function told(provider: ProviderName): Promise<Scene & { readonly told: Told }> {
  const one = await scene(provider);
  return { ...one, told: await tell(one) };
}

function tell(
  { account, notificationId, user }: Scene,
  options: Partial<Parameters<typeof insertTold>[1]> = {},
): Promise<Told> {
  return insertTold(api().pool, {
    notificationId,
    account,
    target: user.id,
    address: user.phone,
    ...options,
  });
}

async function post(request: VendorPost): Promise<number> {
  const answer = await api().request("POST", request.path, {
    key: null,
    rawBody: request.body,
    headers: request.headers,
  });
  return answer.status;
}

type Record_ = {
  readonly deliveries: readonly Record<string, unknown>[];
  readonly messages: readonly Record<string, unknown>[];
  readonly receipts: number;
  readonly events: number;
  readonly inbound: number;
};

/** Everything that a webhook about these messages may change. */
async function record(pool: pg.Pool, account: VendorAccount): Promise<Record_> {
  const { rows: deliveries } = await pool.query(
    "select id, status, note, sent_at, delivered_at, read_at, failed_at from deliveries where account_id = $1 order by id",
    [account.id],
  );
  const { rows: messages } = await pool.query(
    "select id, status, provider_message_id, provider_alias from messages where device_key = $1 order by id",
    [account.deviceKey],
  );
  const { rows } = await pool.query<{ receipts: number; events: number; inbound: number }>(
    `select (select count(*) from receipts where device_key = $1) as receipts,
       (select count(*) from notification_events e where e.account_id = $2) as events,
       (select count(*) from inbound_messages where device_key = $1) as inbound`,
    [account.deviceKey, account.id],
  );
  return { deliveries, messages, ...assertDefined(rows[0]) };
}

async function statusOf(told: Told): Promise<string> {
  const { rows } = await api().pool.query<{ status: string }>(
    "select status from deliveries where id = $1",
    [told.deliveryId],
  );
  return assertDefined(rows[0]).status;
}

function factsTold(notificationId: string): readonly unknown[] {
  return api()
    .temporal.signals.filter(({ workflowId }) => workflowId.endsWith(notificationId))
    .map(({ fact }) => fact);
}

describe.each(PROVIDERS)("a receipt of %s", (provider) => {
  it("moves the message that has its account and id, tells the run and says 200", async () => {
    const one = await told(provider);
    const other = await tell(one, { attempt: 2 });
    expect(await post(receiptPost(one.account, one.told.providerMessageId, "delivered"))).toBe(200);
    await api().background.idle();
    expect(await statusOf(one.told)).toBe("delivered");
    expect(await statusOf(other)).toBe("accepted");
    expect(factsTold(one.notificationId)).toMatchObject([
      { kind: "receipt", status: "delivered", target: one.user.id, attempt: 1, handOver: 0 },
    ]);
    const { rows } = await api().pool.query(
      "select signalled_at is not null as told from receipts where device_key = $1",
      [one.account.deviceKey],
    );
    expect(rows).toEqual([{ told: true }]);
  });

  it("that comes fifteen times, five at once, is one transition", async () => {
    const one = await told(provider);
    const request = receiptPost(one.account, one.told.providerMessageId, "delivered");
    for (let round = 0; round < 3; round += 1) {
      expect(await Promise.all([1, 2, 3, 4, 5].map(() => post(request)))).toEqual(
        new Array(5).fill(200),
      );
    }
    await api().background.idle();
    expect(await record(api().pool, one.account)).toMatchObject({ receipts: 1, events: 1 });
    expect(factsTold(one.notificationId)).toHaveLength(1);
  });

  it("of an id that nobody knows is parked and changes nothing else", async () => {
    const one = await told(provider);
    const before = await record(api().pool, one.account);
    expect(await post(receiptPost(one.account, vendorMessageId(provider), "delivered"))).toBe(200);
    expect(await record(api().pool, one.account)).toEqual({ ...before, receipts: 1 });
  });

  it("that comes before the answer to the send is applied when the answer comes", async () => {
    const one = await scene(provider);
    const providerMessageId = vendorMessageId(provider);
    const send = await beginSend(one);
    expect(await post(receiptPost(one.account, providerMessageId, "delivered"))).toBe(200);
    const { status } = await endSend(one, send, providerMessageId);
    expect(status).toBe("delivered");
    expect(await record(api().pool, one.account)).toMatchObject({
      deliveries: [{ status: "delivered" }],
      messages: [{ status: "delivered", provider_message_id: providerMessageId }],
    });
  });

  it("with a message id of another account's message changes nothing there", async () => {
    const one = await told(provider);
    const elsewhere = await scene(provider);
    await post(receiptPost(elsewhere.account, one.told.providerMessageId, "delivered"));
    expect(await statusOf(one.told)).toBe("accepted");
  });
});

describe.each(CALLERS)("a request of %s", (provider) => {
  it.each([
    ["a wrong token", (one: Scene, id: string) => withToken(anyPost(one.account, id))],
    ["a wrong signature or secret", (one: Scene, id: string) => forged(one.account, id)],
    ["no signature or secret", (one: Scene, id: string) => unsigned(one.account, id)],
    ["an unknown account", (one: Scene, id: string) => elsewhere(anyPost(one.account, id))],
    [
      "another provider's name in its address",
      (one: Scene, id: string) => misnamed(anyPost(one.account, id)),
    ],
  ])("with %s gets 401, the same words, and changes nothing", async (_what, make) => {
    const one = await told(provider);
    const before = await record(api().pool, one.account);
    const request = make(one, one.told.providerMessageId);
    const answer = await api().request("POST", request.path, {
      key: null,
      rawBody: request.body,
      headers: request.headers,
    });
    expect(answer.status).toBe(401);
    expect(answer.body).toMatchObject({
      code: "unauthenticated",
      detail: "This address or its signature is not valid.",
    });
    expect(await record(api().pool, one.account)).toEqual(before);
  });

  it("with an altered body gets 401 where the vendor signs it", async () => {
    const one = await told(provider);
    const request = anyPost(one.account, one.told.providerMessageId);
    const altered = { ...request, body: `${request.body} ` };
    // Nothing covers the body of these: what proves it stands inside it or in a header.
    const unsigned: readonly ProviderName[] = ["fonnte", "wablas", "woowa", "evolution"];
    expect(await post(altered)).toBe(unsigned.includes(provider) ? 200 : 401);
  });

  it("that is too large gets 413", async () => {
    const one = await told(provider);
    const request = anyPost(one.account, one.told.providerMessageId);
    const body = request.body + " ".repeat(3 * 1024 * 1024);
    expect(await post({ ...request, body })).toBe(413);
  });
});

describe.each(PROVIDERS.filter((provider) => provider !== "twilio-voice"))(
  "reports of %s about one message",
  (provider) => {
    it("give the same state in any order, repeated or not", async () => {
      const kinds = reportedBy(provider);
      await fc.assert(
        fc.asyncProperty(
          fc.array(fc.constantFrom(...kinds), { minLength: 1, maxLength: 7 }),
          async (reports) => {
            const one = await told(provider);
            for (const status of reports) {
              await post(receiptPost(one.account, one.told.providerMessageId, status));
            }
            const furthest = ["read", "delivered", "failed", "sent"].find((kind) =>
              reports.some((report) => report === kind),
            );
            const { rows } = await api().pool.query<{
              status: string;
              delivered: boolean;
              note: string | null;
            }>(
              "select status, delivered_at is not null as delivered, note from deliveries where id = $1",
              [one.told.deliveryId],
            );
            const row = assertDefined(rows[0]);
            const hasArrived = reports.includes("delivered") || reports.includes("read");
            expect(row.status).toBe(furthest);
            expect(row.delivered).toBe(hasArrived);
            // A failure beside an arrival is a note, never a state.
            expect(row.note).toBe(
              hasArrived && reports.includes("failed") ? "contradiction" : null,
            );
          },
        ),
        { numRuns: 15 },
      );
    });
  },
);

describe("Fonnte's second id", () => {
  const alias = (): string => `3EB0${newId("evt", Date.now()).slice(-16).toUpperCase()}`;

  it("finds the message once a report has tied both", async () => {
    const one = await told("fonnte");
    const second = alias();
    await post(receiptPost(one.account, one.told.providerMessageId, "sent", { alias: second }));
    await post(receiptPost(one.account, "", "delivered", { alias: second, withoutId: true }));
    expect(await statusOf(one.told)).toBe("delivered");
  });

  it("that comes alone first waits for the report that ties it", async () => {
    const one = await told("fonnte");
    const second = alias();
    await post(receiptPost(one.account, "", "read", { alias: second, withoutId: true }));
    expect(await statusOf(one.told)).toBe("accepted");
    await post(receiptPost(one.account, one.told.providerMessageId, "sent", { alias: second }));
    await api().background.idle();
    expect(await statusOf(one.told)).toBe("read");
    expect(factsTold(one.notificationId)).toMatchObject([{ status: "sent" }, { status: "read" }]);
  });

  it("is found when the tie and the report come before the answer to the send, in either order", async () => {
    for (const order of [
      ["tie", "report"],
      ["report", "tie"],
    ]) {
      const one = await scene("fonnte");
      const second = alias();
      const providerMessageId = vendorMessageId("fonnte");
      const send = await beginSend(one);
      for (const which of order) {
        await post(
          which === "tie"
            ? receiptPost(one.account, providerMessageId, "sent", { alias: second })
            : receiptPost(one.account, "", "delivered", { alias: second, withoutId: true }),
        );
      }
      expect(await endSend(one, send, providerMessageId)).toMatchObject({ status: "delivered" });
    }
  });

  it("told with a status in unknown words still ties, early or late", async () => {
    for (const isEarly of [true, false]) {
      const one = await scene("fonnte");
      const second = alias();
      const providerMessageId = vendorMessageId("fonnte");
      const send = await beginSend(one);
      const tie = fonntePost(one.account, {
        id: providerMessageId,
        stateid: second,
        status: "kata baru",
      });
      if (isEarly) await post(tie);
      await endSend(one, send, providerMessageId);
      if (!isEarly) await post(tie);
      await post(receiptPost(one.account, "", "delivered", { alias: second, withoutId: true }));
      expect(await record(api().pool, one.account)).toMatchObject({
        deliveries: [{ status: "delivered" }],
      });
    }
  });

  it("reports of a group's message come to the address of the number's personal account", async () => {
    const personal = await scene("fonnte");
    const group = await insertVendorAccount(api().pool, "fonnte", {
      deviceKey: personal.account.deviceKey,
      channel: "whatsapp_group",
    });
    const sent = await tell({ ...personal, account: group });
    await post(receiptPost(personal.account, sent.providerMessageId, "sent"));
    expect(await statusOf(sent)).toBe("sent");
    const early = await scene("fonnte", { deviceKey: personal.account.deviceKey });
    const send = await beginSend({ ...early, account: group });
    const id = vendorMessageId("fonnte");
    await post(receiptPost(personal.account, id, "sent"));
    expect(await endSend({ ...early, account: group }, send, id)).toMatchObject({ status: "sent" });
  });
});

describe.each(["waha", "gowa", "evolution"] as const)("a member's receipt of %s", (provider) => {
  const CHAT = `1203630200000${provider.length.toString().padStart(5, "0")}@g.us`;
  const [BUDI, SARI, GUEST] = ["+6281234000301", "+6281234000302", "+6281234000303"] as const;

  function memberPost(account: VendorAccount, messageId: string, phone: string, isRead: boolean) {
    const member = phone.slice(1);
    switch (provider) {
      case "waha":
        return wahaPost(account, "message.ack.group", {
          id: `true_${CHAT}_${messageId}_${member}@c.us`,
          from: CHAT,
          participant: `${member}@c.us`,
          fromMe: true,
          ack: isRead ? 3 : 2,
        });
      case "gowa":
        return gowaPost(account, "message.ack", {
          ids: [messageId],
          chat_id: CHAT,
          from: `${member}@s.whatsapp.net`,
          receipt_type: isRead ? "read" : "delivered",
        });
      case "evolution":
        return evolutionPost(account, "messages.update", {
          keyId: messageId,
          remoteJid: CHAT,
          fromMe: true,
          participant: `${member}@s.whatsapp.net`,
          status: isRead ? "READ" : "DELIVERY_ACK",
        });
    }
  }

  /** A group of a user, and of a number without one; somebody else is in it without our knowing. */
  async function toldGroup() {
    const { pool } = api();
    const one = await scene(provider, { channel: "whatsapp_group" });
    const groupId = newId("grp", Date.now());
    const memberId = newId("mem", Date.now());
    await pool.query("delete from whatsapp_groups where group_chat_id = $1", [CHAT]);
    await pool.query(
      "insert into whatsapp_groups (id, name, category, group_chat_id) values ($1, 'NOC', 'noc', $2)",
      [groupId, CHAT],
    );
    await pool.query("delete from contacts where value = $1", [BUDI]);
    const user = await insertUser(pool, { phone: BUDI });
    await pool.query(
      "insert into whatsapp_group_members (id, group_id, user_id, phone_number, name) values ($1, $3, $4, null, null), ($2, $3, null, $5, 'Sari')",
      [newId("mem", Date.now()), memberId, groupId, user.id, SARI],
    );
    const sent = await tell(one, { target: groupId, address: CHAT });
    return { ...one, groupId, memberId, member: user, told: sent };
  }

  async function delivery(notificationId: string) {
    const answer = await api().request("GET", `/v1/notifications/${notificationId}/deliveries`);
    return objectAt(answer.body, "items", 0);
  }

  it("invariant 25: is credited to that member and proves of the group that the message left", async () => {
    const one = await toldGroup();
    const { account, told: message } = one;
    const id = message.providerMessageId;
    expect(await post(memberPost(account, id, BUDI, false))).toBe(200);
    expect(await post(memberPost(account, id, SARI, true))).toBe(200);
    expect(await post(memberPost(account, id, BUDI, true))).toBe(200);
    expect(await post(memberPost(account, id, GUEST, true))).toBe(200);
    await api().background.idle();
    expect(await statusOf(message)).toBe("sent");
    expect(factsTold(one.notificationId)).toMatchObject([{ kind: "receipt", status: "sent" }]);
    const seen = await delivery(one.notificationId);
    expect(seen).toMatchObject({ status: "sent", deliveredAt: null, readAt: null });
    const members = Object.fromEntries(
      (seen as { members: readonly { address: string }[] }).members.map((each) => [
        each.address,
        each,
      ]),
    );
    expect(members).toMatchObject({
      [BUDI]: { userId: one.member.id, deliveredAt: anyInstant, readAt: anyInstant },
      [SARI]: { memberId: one.memberId, userId: null, name: "Sari", readAt: anyInstant },
      [GUEST]: { memberId: null, userId: null, name: null, readAt: anyInstant },
    });
    expect(Object.keys(members)).toHaveLength(3);
    const { rows } = await api().pool.query<{ member: string | null }>(
      "select detail ->> 'member' as member from notification_events where notification_id = $1 and kind = 'receipt' order by id",
      [one.notificationId],
    );
    expect(rows.map(({ member }) => member)).toEqual([
      one.member.id,
      one.memberId,
      one.member.id,
      null,
    ]);
  });

  // GOWA tells of no failures.
  if (provider !== "gowa") {
    it("that says that it failed for the member is no failure of the group", async () => {
      const one = await toldGroup();
      const { account, told: message } = one;
      const { body, ...request } = memberPost(account, message.providerMessageId, SARI, true);
      const failed =
        provider === "waha"
          ? wahaPost(account, "message.ack.group", {
              id: `true_${CHAT}_${message.providerMessageId}_${SARI.slice(1)}@c.us`,
              from: CHAT,
              participant: `${SARI.slice(1)}@c.us`,
              fromMe: true,
              ack: -1,
            })
          : { ...request, body: body.replace("READ", "ERROR"), path: account.path };
      expect(await post(failed)).toBe(200);
      await api().background.idle();
      expect(await statusOf(message)).toBe("accepted");
      expect(factsTold(one.notificationId)).toEqual([]);
      expect(await delivery(one.notificationId)).toMatchObject({
        status: "accepted",
        members: [{ name: "Sari", failedAt: anyInstant, readAt: null }],
      });
    });
  }

  it("that comes before the send's answer is kept for the member all the same", async () => {
    const group = await toldGroup();
    const one = { ...group, user: { id: group.user.id, phone: CHAT } };
    const send = await beginSend(one);
    const id = vendorMessageId(provider);
    await post(memberPost(one.account, id, SARI, true));
    expect(await endSend(one, send, id)).toMatchObject({ status: "sent" });
    const { rows } = await api().pool.query(
      "select status, member_id from receipts where device_key = $1 and provider_message_id = $2",
      [one.account.deviceKey, id],
    );
    expect(rows).toEqual([{ status: "read", member_id: one.memberId }]);
  });

  it("shows a number only to who may see it", async () => {
    const one = await toldGroup();
    await post(memberPost(one.account, one.told.providerMessageId, SARI, true));
    const { key } = await api().person("noc");
    const answer = await api().request(
      "GET",
      `/v1/notifications/${one.notificationId}/deliveries`,
      { key },
    );
    expect(objectAt(answer.body, "items", 0, "members", 0)).toMatchObject({
      name: "Sari",
      address: "+62•••302",
    });
    expect(answer.text).not.toContain("81234000302");
  });
});

describe("the answer to a webhook", () => {
  it("is 5xx while the record can't be written, and the repeat is applied once", async () => {
    const one = await told("meta");
    await post(receiptPost(one.account, vendorMessageId("meta"), "sent"));
    const request = receiptPost(one.account, one.told.providerMessageId, "delivered");
    await api().pool.query("alter table receipts rename to receipts_away");
    try {
      expect(await post(request)).toBe(500);
    } finally {
      await api().pool.query("alter table receipts_away rename to receipts");
    }
    expect(await statusOf(one.told)).toBe("accepted");
    expect(await post(request)).toBe(200);
    expect(await statusOf(one.told)).toBe("delivered");
  });

  it.each(CALLERS)("to %s is 503 while PostgreSQL is away", async (provider) => {
    const one = await told(provider);
    const away = createPool({
      databaseUrl: "postgresql://nobody@127.0.0.1:1/none",
      applicationName: "siaga-test",
      max: 1,
      log: SILENT_LOGGER,
    });
    const cutOff = await buildApi(api().pool, { wrapPool: () => away });
    const request = anyPost(one.account, one.told.providerMessageId);
    const answer = await cutOff.request("POST", request.path, {
      key: null,
      rawBody: request.body,
      headers: request.headers,
    });
    expect(answer.status).toBe(503);
    expect(await statusOf(one.told)).toBe("accepted");
    await cutOff.starter.stop();
    await away.end();
  });

  it("stands before Temporal is told, and the sweep finds what could not be told", async () => {
    const one = await told("meta");
    api().temporal.mode = "away";
    try {
      expect(await post(receiptPost(one.account, one.told.providerMessageId, "delivered"))).toBe(
        200,
      );
      await api().background.idle();
    } finally {
      api().temporal.mode = "up";
    }
    const { rows } = await api().pool.query(
      "select signalled_at from receipts where device_key = $1",
      [one.account.deviceKey],
    );
    expect(rows).toEqual([{ signalled_at: null }]);
  });

  it("to Meta's set-up request is its challenge, for the right word only", async () => {
    const { account } = await scene("meta");
    const ask = (word: string) =>
      api().request(
        "GET",
        `${account.path}?hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token=${word}`,
        { key: null },
      );
    expect(await ask(META_VERIFY_TOKEN)).toMatchObject({ status: 200, text: "1158201444" });
    expect((await ask("another")).status).toBe(401);
  });

  it("believes Twilio by the configured address, whatever the Host header says", async () => {
    const one = await told("twilio-sms");
    const fields = { MessageSid: one.told.providerMessageId, MessageStatus: "delivered" };
    const query = `?delivery=${one.told.deliveryId}`;
    const honest = twilioPost(one.account, fields, { query });
    expect(await post({ ...honest, headers: { ...honest.headers, host: "evil.test" } })).toBe(200);
    const foreign = twilioPost(one.account, fields, { query, publicUrl: "https://evil.test" });
    expect(await post({ ...foreign, headers: { ...foreign.headers, host: "evil.test" } })).toBe(
      401,
    );
  });

  it("finds a message whose send answer was lost by the delivery that Twilio names", async () => {
    const one = await scene("twilio-sms");
    const lost = await tell(one, { providerMessageId: null, status: "unknown" });
    const id = vendorMessageId("twilio-sms");
    const fields = { MessageSid: id, MessageStatus: "delivered" };
    await post(twilioPost(one.account, fields, { query: `?delivery=${lost.deliveryId}` }));
    expect(await record(api().pool, one.account)).toMatchObject({
      deliveries: [{ status: "delivered" }],
      messages: [{ provider_message_id: id }],
    });
  });

  it("applies every event of one request, the known and the unknown", async () => {
    const one = await told("meta");
    const second = await tell(one, { attempt: 2 });
    const statuses = [
      { id: one.told.providerMessageId, status: "read", timestamp: "1782000000" },
      { id: second.providerMessageId, status: "kata baru", timestamp: "1782000000" },
      { id: second.providerMessageId, status: "delivered", timestamp: "1782000000" },
    ];
    expect(await post(metaPost(one.account, { statuses }))).toBe(200);
    expect(await statusOf(one.told)).toBe("read");
    expect(await statusOf(second)).toBe("delivered");
    expect(await record(api().pool, one.account)).toMatchObject({ inbound: 1 });
  });

  it("keeps what it does not understand without the account's secrets", async () => {
    const { account } = await scene("fonnte");
    const odd = fonntePost(account, { kejadian: "sesuatu yang baru", nul: "a\0b" });
    expect(await post(odd)).toBe(200);
    expect(await post(odd)).toBe(200);
    const { rows } = await api().pool.query<{ body: string; state: string }>(
      "select body, state from inbound_messages where device_key = $1",
      [account.deviceKey],
    );
    expect(rows).toHaveLength(1);
    const row = assertDefined(rows[0]);
    expect(row).toMatchObject({ state: "ignored" });
    expect(row.body).toContain("sesuatu yang baru");
    expect(row.body).not.toContain("rahasia-webhook");
  });

  it("costs two statements for a receipt of an account in steady use", async () => {
    const one = await told("fonnte");
    await post(receiptPost(one.account, vendorMessageId("fonnte"), "sent"));
    await api().background.idle();
    const counted = await countStatements(api().pool, async () => {
      const request = receiptPost(one.account, one.told.providerMessageId, "delivered", {
        alias: "3EB0STEADY",
      });
      await post(request);
      await api().background.idle();
    });
    // The receipt with what it changes, and that the run was told.
    expect(counted).toBe(2);
  });
});

describe("what a vendor says of a number", () => {
  it("takes every account of the number out once, and lets a reconnected one back in", async () => {
    const one = await scene("fonnte");
    const group = await insertVendorAccount(api().pool, "fonnte", {
      deviceKey: one.account.deviceKey,
      channel: "whatsapp_group",
    });
    const say = (status: string, timestamp: string) =>
      post(fonntePost(one.account, { device_status: status, timestamp }));
    await say("disconnect", "1");
    expect(await health([one.account.id, group.id])).toEqual([
      ["out", "device_disconnected"],
      ["out", "device_disconnected"],
    ]);
    await say("connect", "2");
    expect(await health([one.account.id, group.id])).toEqual([
      ["healthy", null],
      ["healthy", null],
    ]);
    await say("disconnect", "1");
    expect(await health([one.account.id])).toEqual([["healthy", null]]);
  });

  it.each<[state: string, reason: string | null, why: string]>([
    ["draining", null, "an operator is taking it out of use"],
    ["out", "failures", "its circuit opened for another reason"],
  ])("leaves an account alone that is %s (%s): %s", async (state, reason) => {
    const { account } = await scene("fonnte");
    await api().pool.query(
      "update provider_accounts set health_state = $2, health_reason = $3 where id = $1",
      [account.id, state, reason],
    );
    await post(fonntePost(account, { device_status: "connect", timestamp: "1" }));
    expect(await health([account.id])).toEqual([[state, reason]]);
  });

  it("drains a banned Meta number", async () => {
    const { account } = await scene("meta");
    await post(metaPost(account, { event: "DISABLED_UPDATE" }, { field: "account_update" }));
    expect(await health([account.id])).toEqual([["draining", "banned"]]);
  });

  it.each([
    [-1_000, 0, "the vendor knows better than our note"],
    [60_000, 1, "the person wrote after the message"],
  ])(
    "forgets a window of %i ms after a message that Meta calls closed (%i left): %s",
    async (afterMs, left) => {
      const one = await told("meta");
      const { pool } = api();
      await pool.query(
        `insert into contact_windows (device_key, address, last_inbound_at)
         select m.device_key, m.address, m.created_at + make_interval(secs => $2) from messages m where m.id = $1`,
        [one.told.messageId, afterMs / 1_000],
      );
      const failed = {
        id: one.told.providerMessageId,
        status: "failed",
        timestamp: "1782000000",
        errors: [{ code: 131047 }],
      };
      expect(await post(metaPost(one.account, { statuses: [failed] }))).toBe(200);
      const { rowCount } = await pool.query("select from contact_windows where device_key = $1", [
        one.account.deviceKey,
      ]);
      expect(rowCount).toBe(left);
    },
  );

  it("writes a template's state where the template is used, in its language", async () => {
    const { account } = await scene("meta");
    const { pool } = api();
    const type = await insertType(pool);
    const name = `gangguan_${newId("evt", Date.now()).slice(-8)}`;
    await pool.query(`update templates set provider_template = $2 where type = $1`, [
      type,
      { name, status: "approved", language: "id", parameters: [] },
    ]);
    const update = {
      message_template_name: name,
      message_template_language: "id",
      event: "PAUSED",
    };
    await post(metaPost(account, update, { field: "message_template_status_update" }));
    const state = await pool.query(
      "select provider_template ->> 'status' as s from templates where type = $1",
      [type],
    );
    expect(state.rows).toEqual([{ s: "paused" }]);
    await post(
      metaPost(
        account,
        { ...update, message_template_language: "en", event: "APPROVED" },
        { field: "message_template_status_update" },
      ),
    );
    const after = await pool.query(
      "select provider_template ->> 'status' as s from templates where type = $1",
      [type],
    );
    expect(after.rows).toEqual([{ s: "paused" }]);
  });
});

async function health(ids: readonly string[]): Promise<readonly unknown[]> {
  const { rows } = await api().pool.query<{ s: string; r: string | null }>(
    "select health_state as s, health_reason as r from provider_accounts where id = any($1) order by id",
    [ids],
  );
  return rows.map(({ s, r }) => [s, r]);
}

type Begun = { readonly deliveryId: string; readonly messageId: string };

/** What `deliver` does before it asks the vendor. */
async function beginSend({ account, notificationId, user }: Scene): Promise<Begun> {
  const { pool } = api();
  const context = assertDefined(
    await openDelivery(pool, {
      deliveryId: newId("dlv", Date.now()),
      notificationId,
      purpose: "ladder",
      pass: 1,
      step: 1,
      target: user.id,
      channel: "whatsapp_personal",
      attempt: 1,
      handOver: 0,
      accountId: account.id,
      orderReason: "step",
      because: null,
      evidence: ["sent", "delivered", "read"],
      now: Date.now(),
    }),
  );
  const slot = await reserveSlot(pool, {
    notificationId,
    purpose: "ladder",
    deliveryId: context.delivery.id,
    isReserved: false,
    account: assertDefined(context.account),
    address: user.phone,
    aheadSeconds: 2,
    caps: { daily: null, newContacts: null },
    messageId: newId("msg", Date.now()),
    body: "Halo",
    replyCode: null,
    answerable: false,
  });
  if (slot.kind !== "send") throw new Error(`no slot: ${slot.kind}`);
  return { deliveryId: context.delivery.id, messageId: slot.messageId };
}

/** What `deliver` does with the vendor's answer. */
function endSend({ account, notificationId, user }: Scene, begun: Begun, id: string) {
  return withTransaction(api().pool, async (client) => {
    await lockMessage(client, account.id, id);
    return recordAccepted(client, {
      notificationId,
      ...begun,
      accountId: account.id,
      providerMessageId: id,
      status: "accepted",
      segments: null,
      providerResponse: {},
      at: Date.now(),
      event: {
        pass: 1,
        step: 1,
        target: user.id,
        channel: account.channel,
        attempt: 1,
        purpose: "ladder",
      },
    });
  });
}

function withToken(request: VendorPost): VendorPost {
  return { ...request, path: request.path.replace(/[^/?]+(?=\?|$)/, "another-token") };
}

function unsigned(account: VendorAccount, id: string): VendorPost {
  const {
    "x-hub-signature-256": _meta,
    "x-twilio-signature": _twilio,
    "x-siaga-secret": _evolution,
    "x-webhook-hmac": _waha,
    ...headers
  } = anyPost(account, id).headers;
  return { path: account.path, body: bodyWithoutProof(account, id), headers };
}

function bodyWithoutProof(account: VendorAccount, id: string): string {
  switch (account.provider) {
    case "fonnte":
      return JSON.stringify({ device: "6281234000091", id, status: "sent" });
    case "wablas":
      return JSON.stringify({ id, phone: "6281234000001", status: "sent", note: "" });
    case "woowa":
      return JSON.stringify({ device: "6281234000091", from: "6281234000001", message: "halo" });
    case "evolution":
    case "waha":
    case "gowa":
    case "meta":
    case "twilio-sms":
    case "twilio-voice":
      return anyPost(account, id).body;
  }
}

function elsewhere(request: VendorPost): VendorPost {
  return { ...request, path: request.path.replace(/acc_\w+/, newId("acc", Date.now())) };
}

function misnamed(request: VendorPost): VendorPost {
  const other = request.path.startsWith("/webhooks/meta/") ? "fonnte" : "meta";
  return { ...request, path: request.path.replace(/^\/webhooks\/[^/]+/, `/webhooks/${other}`) };
}

/** Statements without BEGIN and COMMIT, on every connection of the pool. */
async function countStatements(pool: pg.Pool, work: () => Promise<void>): Promise<number> {
  let count = 0;
  const texts = new WeakSet<pg.PoolClient>();
  const watch = (client: pg.PoolClient): void => {
    if (texts.has(client)) return;
    texts.add(client);
    const query = client.query.bind(client) as (...args: unknown[]) => unknown;
    Object.assign(client, {
      query: (...args: unknown[]) => {
        const [first] = args;
        const text = typeof first === "string" ? first : ((first as { text?: string }).text ?? "");
        if (!/^(begin|commit|rollback)/i.test(text.trim())) count += 1;
        return query(...args);
      },
    });
  };
  pool.on("acquire", watch);
  await work();
  pool.off("acquire", watch);
  return count;
}
