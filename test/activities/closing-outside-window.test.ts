import { describe, expect, it } from "vitest";

import { newId } from "../../db/new-id.ts";
import { ProviderError } from "../../providers/errors.ts";
import type { OutboundMessage } from "../../providers/provider.ts";
import { useFreshDatabase } from "../support/database.ts";
import { closingMessage, deliverWorker, takenAs } from "../support/deliver-worker.ts";
import {
  insertAccount,
  insertNotificationRow,
  insertPolicy,
  insertTarget,
  insertType,
  insertUser,
} from "../support/rows.ts";

const database = useFreshDatabase();

const MISJUDGED = new ProviderError({
  provider: "meta",
  attempted: "send a WhatsApp message",
  kind: "rejected",
  scope: "recipient",
  reason: "window_closed",
});

/** As an administrator chose it, and as the account's list has it. */
async function mapTemplate(accountId: string, state: string): Promise<void> {
  const { pool } = database();
  await pool.query(
    `insert into notification_types (code, name_id, name_en, priority) values ('closing_message', 'Penutup', 'Closing', 'low') on conflict do nothing`,
  );
  await pool.query(
    `insert into templates (id, version, type, channel, locale, body, provider_template)
     values ($1, 1, 'closing_message', 'whatsapp_personal', 'id', '{{ closing_line }}', $2)`,
    [
      newId("tpl", Date.now()),
      { name: "siaga_closing", status: null, language: "id", parameters: ["closing_line"] },
    ],
  );
  await pool.query(
    `insert into provider_templates (account_id, name, language_code, state, state_since, parameters, quick_replies, synced_at)
     values ($1, 'siaga_closing', 'id', $2, now(), '{1}', 0, now())`,
    [accountId, state],
  );
}

async function scene(provider: string, hoursSinceWord: number | null) {
  const { pool } = database();
  await pool.query("delete from templates where type = 'closing_message'");
  const type = await insertType(pool);
  const notificationId = await insertNotificationRow(pool, {
    type,
    policyId: await insertPolicy(pool),
  });
  await pool.query(
    `update notifications set stopped_at = now(), stop_kind = 'acknowledge', acknowledged_by = '{"name": "Nani Contoh"}' where id = $1`,
    [notificationId],
  );
  const user = await insertUser(pool);
  await insertTarget(pool, notificationId, { target: user.id });
  const deviceKey = `device-${notificationId}`;
  const accountId = await insertAccount(pool, { provider, deviceKey });
  if (hoursSinceWord !== null) {
    await pool.query(
      `insert into contact_windows (device_key, address, last_inbound_at) values ($1, $2, now() - make_interval(hours => $3))`,
      [deviceKey, user.phone, hoursSinceWord],
    );
  }
  const input = closingMessage({ notificationId, target: user.id, accountId });
  return { input, notificationId, accountId };
}

function worker(sent: OutboundMessage[], answers: ProviderError[] = []) {
  return deliverWorker(database().pool, (message) => {
    sent.push(message);
    const answer = answers.shift();
    return answer === undefined
      ? Promise.resolve(takenAs(`vendor-${Math.random()}`))
      : Promise.reject(answer);
  });
}

async function record(notificationId: string) {
  const { pool } = database();
  const { rows: deliveries } = await pool.query<{ line: string }>(
    `select concat_ws(' ', channel, status, case when status = 'skipped' then reason end) as line from deliveries
     where notification_id = $1 and purpose = 'closing' order by channel`,
    [notificationId],
  );
  const { rows: events } = await pool.query<{ line: string }>(
    `select concat_ws(' ', kind, channel, reason) as line from notification_events
     where notification_id = $1 and kind <> 'delivery_attempted' order by channel, id`,
    [notificationId],
  );
  const { rows: inbox } = await pool.query<{ body: string }>(
    "select body from in_app_messages where notification_id = $1 and purpose = 'closing'",
    [notificationId],
  );
  return {
    deliveries: deliveries.map(({ line }) => line),
    events: events.map(({ line }) => line),
    inbox: inbox.map(({ body }) => body),
  };
}

describe("a closing message outside the vendor's window", () => {
  it.each([
    { provider: "meta", hours: null, chats: 0, why: "the person never wrote to this number" },
    { provider: "meta", hours: 25, chats: 0, why: "the last word is too old" },
    { provider: "meta", hours: 23, chats: 1, why: "the window is open" },
    { provider: "fonnte", hours: null, chats: 1, why: "this vendor knows no window" },
  ])("goes into $chats chats over $provider: $why", async ({ provider, hours, chats }) => {
    const { input, notificationId } = await scene(provider, hours);
    const sent: OutboundMessage[] = [];
    await worker(sent)(input);
    expect(sent).toHaveLength(chats);
    const { deliveries, inbox } = await record(notificationId);
    expect(deliveries).toEqual(
      chats === 1
        ? ["whatsapp_personal accepted"]
        : ["in_app sent", "whatsapp_personal skipped window_closed"],
    );
    expect(inbox).toHaveLength(1 - chats);
  });

  it("is found in the inbox instead, once, and the timeline says why", async () => {
    const { input, notificationId } = await scene("meta", null);
    const sent: OutboundMessage[] = [];
    const deliver = worker(sent);
    await deliver(input);
    expect((await deliver(input)).result).toMatchObject({ kind: "not_sent" });
    expect(sent).toEqual([]);
    const { events, inbox } = await record(notificationId);
    expect(events).toEqual([
      "closing_sent in_app",
      "delivery_skipped whatsapp_personal window_closed",
    ]);
    expect(inbox).toEqual([expect.stringContaining("Nani Contoh")]);
  });

  it("goes as the template that was chosen for it, in one sentence", async () => {
    const { accountId, input, notificationId } = await scene("meta", null);
    await mapTemplate(accountId, "approved");
    const sent: OutboundMessage[] = [];
    await worker(sent)(input);
    expect(sent).toMatchObject([
      {
        isWindowOpen: false,
        template: {
          name: "siaga_closing",
          languageCode: "id",
          bodyParameters: [expect.stringMatching(/^Diambil oleh Nani Contoh: [^.]+$/)],
          buttonPayloads: [],
        },
      },
    ]);
    expect(await record(notificationId)).toMatchObject({
      deliveries: ["whatsapp_personal accepted"],
      inbox: [],
    });
  });

  it("names what is wrong with that template, and asks nobody", async () => {
    const { accountId, input, notificationId } = await scene("meta", null);
    await mapTemplate(accountId, "paused");
    const sent: OutboundMessage[] = [];
    await worker(sent)(input);
    expect(sent).toEqual([]);
    expect((await record(notificationId)).deliveries).toEqual([
      "in_app sent",
      "whatsapp_personal skipped template_paused",
    ]);
  });

  it("takes no template over a vendor that has none", async () => {
    const { accountId, input } = await scene("fonnte", null);
    await mapTemplate(accountId, "approved");
    const sent: OutboundMessage[] = [];
    await worker(sent)(input);
    expect(sent).toHaveLength(1);
    expect(sent[0]).not.toHaveProperty("template");
  });

  it("is not asked again when the vendor knows better than our record", async () => {
    const { input, notificationId } = await scene("meta", 1);
    const sent: OutboundMessage[] = [];
    const deliver = worker(sent, [MISJUDGED]);
    await expect(deliver(input)).rejects.toThrow("window_closed");
    await deliver(input);
    expect(sent).toHaveLength(1);
    const { deliveries, inbox } = await record(notificationId);
    expect(deliveries).toEqual(["in_app sent", "whatsapp_personal skipped window_closed"]);
    expect(inbox).toHaveLength(1);
  });
});
