import type { WorkflowHandle } from "@temporalio/client";
import { afterEach, describe, expect, it } from "vitest";

import { newId } from "../../db/new-id.ts";
import { SWEEP_WORKFLOW, WORKFLOW_TASK_QUEUE } from "../../workflows/contract.ts";
import { DEVICES, useStory, type Story } from "../support/story.ts";

const story = useStory();

/** The run that tells the newest code. */
async function notificationOf({ world }: Story, phone: string): Promise<string> {
  const { rows } = await world.pool.query<{ id: string }>(
    "select notification_id as id from otp_challenges where phone = $1 and notification_id is not null order by created_at desc limit 1",
    [phone],
  );
  const [row] = rows;
  if (row === undefined) throw new Error("no notification tells a code");
  return row.id;
}

async function ask(phone: string): Promise<string> {
  const { status, body } = await story().world.call("POST", "/v1/otp", { phone });
  expect(status, JSON.stringify(body)).toBe(202);
  return notificationOf(story(), phone);
}

function codeIn(text: string | null): string {
  const code = /(?<!\d)\d{6}(?!\d)/.exec(text ?? "")?.[0];
  if (code === undefined) throw new Error("no code in the message");
  return code;
}

/** Limits look back an hour; each test begins without one. */
afterEach(async () => {
  await story().world.pool.query("delete from otp_challenges");
});

/** The seeded person whose number nobody has verified. */
async function unverified(externalId: string): Promise<{ id: string; phone: string }> {
  const found = await story().person(externalId);
  await story().world.pool.query(
    "update contacts set verified_at = null, verified_by = null where user_id = $1 and kind = 'phone'",
    [found.id],
  );
  return found;
}

/** The ladder of codes with short windows, as data. */
async function hurry(undeliveredAfterSeconds: number): Promise<void> {
  const { pool } = story().world;
  await pool.query(
    `update escalation_policy_versions v set rules = jsonb_set(v.rules, '{steps}', (
       select jsonb_agg(s || jsonb_build_object('windowSeconds', 3, 'undeliveredAfterSeconds',
         case when s ->> 'undeliveredAfterSeconds' is null then null else $1::int end))
       from jsonb_array_elements(v.rules -> 'steps') s
     ))
     from escalation_policies p where p.id = v.policy_id and p.code = 'otp'`,
    [undeliveredAfterSeconds],
  );
}

describe("a code", () => {
  it("goes by WhatsApp, proves the number, and works once", async () => {
    const { world, toldOf, settled, deliveries } = story();
    const { id: userId, phone } = await unverified("T-1");
    const id = await ask(phone);
    const { text } = await toldOf("whatsapp_personal T-1");
    const code = codeIn(text);
    const right = await world.call("POST", "/v1/otp/verify", { phone, code });
    expect(right).toMatchObject({ status: 200, body: { verified: true, userId } });
    const again = await world.call("POST", "/v1/otp/verify", { phone, code });
    expect(again.body).toMatchObject({ verified: false, reason: "no_valid_code" });
    const { body } = await world.call("GET", `/v1/users/${userId}`);
    expect(body["contacts"]).toMatchObject([{ kind: "phone", verifiedBy: "otp" }, {}]);
    await settled(id);
    const [delivery] = await deliveries(id);
    expect(delivery?.message).toContain("xxxxxx");
    expect(delivery?.message).not.toContain(code);
  });

  it("falls back to SMS, then to the person's own e-mail, as each is refused", async () => {
    const { world, told, toldOf, settled, deliveries } = story();
    const { phone } = await unverified("T-2");
    const { sandbox } = world.vendors;
    sandbox.faults.add({ kind: "refuse", recipient: phone, code: "target invalid" });
    const id = await ask(phone);
    const { text } = await toldOf("email T-2");
    expect(text).toMatch(/Kode verifikasi Siaga Anda: \d{6}/);
    expect(told(), "nothing else was taken").toEqual(["email T-2"]);
    expect(await settled(id)).toMatchObject({ outcome: "sent" });
    const channels = (await deliveries(id)).map(({ channel }) => channel);
    expect([...new Set(channels)]).toEqual(["whatsapp_personal", "sms", "email"]);
    const verdict = await world.call("POST", "/v1/otp/verify", { phone, code: codeIn(text) });
    expect(verdict.body).toMatchObject({ verified: true });
  });

  it("does not go to a mailbox that nobody has stood for", async () => {
    const { world, told, settled } = story();
    const { id: userId, phone } = await unverified("T-2");
    await world.pool.query(
      "update contacts set verified_at = null, verified_by = null where user_id = $1",
      [userId],
    );
    world.vendors.sandbox.faults.add({ kind: "refuse", recipient: phone, code: "target invalid" });
    const id = await ask(phone);
    expect(await settled(id)).toMatchObject({ outcome: "undeliverable" });
    expect(told()).toEqual([]);
    await world.pool.query(
      "update contacts set verified_at = now(), verified_by = 'import' where user_id = $1",
      [userId],
    );
  });

  it("goes on by SMS when the phone does not get it, and stops when it has been entered", async () => {
    const { world, told, toldOf, settled } = story();
    await hurry(1);
    const { phone } = await unverified("T-3");
    world.vendors.sandbox.faults.add({
      kind: "receipts_dropped",
      vendor: "fonnte",
      statuses: ["delivered", "read"],
    });
    world.vendors.sandbox.faults.add({
      kind: "receipts_dropped",
      vendor: "twilio",
      statuses: ["delivered", "read"],
    });
    const id = await ask(phone);
    const { text } = await toldOf("sms T-3");
    expect(text, "one part of the plainest alphabet, and no link").toMatch(/^[ -~\n]{1,160}$/);
    expect(text).not.toMatch(/https?:|www\./);
    const verdict = await world.call("POST", "/v1/otp/verify", { phone, code: codeIn(text) });
    expect(verdict.body).toMatchObject({ verified: true });
    const ended = await settled(id);
    expect(ended).toMatchObject({ outcome: "cancelled" });
    // A run that has ended sends nothing more.
    await world.temporal.workflow.getHandle(String(ended["workflowId"])).result();
    expect(told(), "no e-mail any more").toEqual(["whatsapp_personal T-3", "sms T-3"]);
    await hurry(25);
  });

  it("is of no use once a newer one is asked for, and its run ends", async () => {
    const { world, settled, toldOf } = story();
    const { phone } = await unverified("T-4");
    world.vendors.sandbox.setDevice(DEVICES.primary, false);
    const first = await ask(phone);
    world.vendors.sandbox.setDevice(DEVICES.primary, true);
    const second = await ask(phone);
    const { text } = await toldOf("whatsapp_personal T-4");
    await settled(second);
    expect(["cancelled", "delivered"]).toContain((await settled(first))["outcome"]);
    const { rows } = await world.pool.query<{ open: boolean }>(
      "select replaced_at is null as open from otp_challenges where phone = $1 order by created_at",
      [phone],
    );
    expect(rows).toEqual([{ open: false }, { open: true }]);
    expect(codeIn(text)).toMatch(/^\d{6}$/);
  });
});

describe("a policy for codes that was edited badly", () => {
  it("tells nobody else, and puts no code into an inbox", async () => {
    const { world, told, settled, deliveries } = story();
    const { pool } = world;
    const { phone } = await unverified("T-10");
    const { rows } = await pool.query<{ policy_id: string; rules: object }>(
      "select v.policy_id, v.rules from escalation_policy_versions v join escalation_policies p on p.id = v.policy_id where p.code = 'otp'",
    );
    const [kept] = rows;
    await pool.query(
      `update escalation_policy_versions set rules = rules || jsonb_build_object('roleUp', true, 'steps', jsonb_build_array(
         (rules -> 'steps' -> 0) || '{"channels": ["whatsapp_personal", "in_app", "push", "call"], "windowSeconds": 1}',
         (rules -> 'steps' -> 0) || '{"channels": ["whatsapp_personal", "in_app"], "roleUp": true, "windowSeconds": 1}'
       )) where policy_id = $1`,
      [kept?.policy_id],
    );
    world.vendors.sandbox.faults.add({ kind: "refuse", recipient: phone, code: "target invalid" });
    try {
      const id = await ask(phone);
      expect(await settled(id)).toMatchObject({ outcome: "undeliverable" });
      expect(told()).toEqual([]);
      const others = (await deliveries(id)).filter(({ reason }) => reason === "code_over");
      expect(others.length, "the roles above were tried, and refused here").toBeGreaterThan(0);
      const inbox = await pool.query("select from in_app_messages where notification_id = $1", [
        id,
      ]);
      expect(inbox.rowCount).toBe(0);
    } finally {
      await pool.query("update escalation_policy_versions set rules = $2 where policy_id = $1", [
        kept?.policy_id,
        kept?.rules,
      ]);
    }
  });
});

describe("invariant 17: a code is told to whoever asks for it", () => {
  it("asleep, with everything switched off, opted out and unverified", async () => {
    const { world, toldOf, settled } = story();
    const { id, phone } = await unverified("T-5");
    const settings = {
      enabled: false,
      channels: { whatsapp: false },
      types: { otp: false },
      quietHours: { enabled: true, from: "00:00", to: "00:00" },
      overrideForCritical: false,
    };
    const { status, body } = await world.call("PATCH", `/v1/users/${id}/settings`, settings);
    expect(status, JSON.stringify(body)).toBe(200);
    await world.pool.query(
      `insert into opt_outs (id, user_id, message_class, channel, since, noticed_at)
       select 'out_' || c, $1, 'type:otp', c, now(), now() from unnest('{whatsapp_personal,sms}'::text[]) c`,
      [id],
    );
    const notification = await ask(phone);
    await toldOf("whatsapp_personal T-5");
    expect(await settled(notification)).toMatchObject({ outcome: "delivered" });
    await world.pool.query("delete from opt_outs");
  });
});

describe("an account for codes", () => {
  it("comes before every other, and carries nothing else", async () => {
    const { world, deliveries, settled, raise, policy } = story();
    const { pool } = world;
    const { id: userId, phone } = await unverified("T-6");
    const { rows } = await pool.query<{ id: string; purposes: readonly string[] }>(
      "select id, purposes from provider_accounts where channel = 'whatsapp_personal' order by position, id",
    );
    const last = rows.at(-1)?.id ?? "";
    await pool.query(
      "update provider_accounts set purposes = case when id = $1 then '{otp}' else array_remove(purposes, 'otp') end where channel = 'whatsapp_personal'",
      [last],
    );
    await pool.query(
      `insert into contact_windows (device_key, address, last_inbound_at)
       select device_key, $2, now() from provider_accounts where id = $1`,
      [last, phone],
    );
    try {
      const code = await ask(phone);
      await settled(code);
      expect((await deliveries(code)).map(({ accountId }) => accountId)).toEqual([last]);
      const policyId = await policy({ settledBy: "sent", steps: [{ windowSeconds: 1 }] });
      const other = await raise({ policyId, recipients: { userIds: [userId] } });
      await settled(other);
      expect((await deliveries(other)).map(({ accountId }) => accountId)).not.toContain(last);
    } finally {
      for (const { id, purposes } of rows) {
        await pool.query("update provider_accounts set purposes = $2 where id = $1", [
          id,
          purposes,
        ]);
      }
    }
  });

  it("of Meta's sends it by the template that may tell codes, with its button", async () => {
    const { world, requests, settled } = story();
    const { phone } = await unverified("T-7");
    await world.pool.query(
      "update provider_accounts set enabled = false where provider = 'fonnte'",
    );
    try {
      const id = await ask(phone);
      expect(await settled(id)).toMatchObject({ outcome: "delivered" });
    } finally {
      await world.pool.query(
        "update provider_accounts set enabled = true where provider = 'fonnte'",
      );
    }
    const [request] = requests();
    expect(request?.template).toMatchObject({ name: "siaga_otp", language: "id" });
    const code = codeIn(request?.template?.parameters[0] ?? null);
    const verdict = await world.call("POST", "/v1/otp/verify", { phone, code });
    expect(verdict.body).toMatchObject({ verified: true });
  });
});

describe("a template without a place for the code", () => {
  it("is not sent: SMS tells the code instead", async () => {
    const { world, settled, told, toldOf, deliveries } = story();
    const { pool } = world;
    const { phone } = await unverified("T-11");
    await pool.query("update provider_accounts set enabled = false where provider = 'fonnte'");
    const { rows } = await pool.query<{ id: string; provider_template: object }>(
      "select id, provider_template from templates where type = 'otp' and channel = 'whatsapp_personal' and is_current",
    );
    await pool.query(
      `update templates set provider_template = provider_template || '{"name": "siaga_info", "parameters": ["subject_line"]}' where id = any($1)`,
      [rows.map(({ id }) => id)],
    );
    try {
      const id = await ask(phone);
      await toldOf("sms T-11");
      await settled(id);
      expect(told()).toEqual(["sms T-11"]);
      expect((await deliveries(id))[0]).toMatchObject({
        channel: "whatsapp_personal",
        status: "failed",
        reason: "template_parameters",
      });
    } finally {
      await pool.query("update provider_accounts set enabled = true where provider = 'fonnte'");
      for (const { id, provider_template } of rows) {
        await pool.query("update templates set provider_template = $2 where id = $1", [
          id,
          provider_template,
        ]);
      }
    }
  });
});

describe("invariant 36: nobody reads a code but the phone that it was sent to", () => {
  async function everyText({ world }: Story): Promise<string> {
    const { rows: tables } = await world.pool.query<{ name: string }>(
      "select quote_ident(table_name) as name from information_schema.tables where table_schema = 'public' and table_type = 'BASE TABLE'",
    );
    const texts: string[] = [];
    for (const { name } of tables) {
      const { rows } = await world.pool.query<{ text: string | null }>(
        `select string_agg(t::text, E'\\n') as text from ${name} t`,
      );
      texts.push(rows[0]?.text ?? "");
    }
    return texts.join("\n");
  }

  /** Payloads stand in base64 in a history. */
  async function historyOf(run: WorkflowHandle): Promise<string> {
    return JSON.stringify(await run.fetchHistory()).replaceAll(
      /"data":"([A-Za-z0-9+/=]*)"/g,
      (_all, bytes: string) => `"data":${Buffer.from(bytes, "base64").toString("utf8")}`,
    );
  }

  /** The six digits by themselves: a million codes hide in any long number. */
  function has(text: string, code: string): boolean {
    return new RegExp(`(?<![0-9a-z_.])${code}(?![0-9a-z])`, "i").test(text);
  }

  it("not in the database, in histories, in logs or in the API's answers, while it is good and after", async () => {
    const { world, toldOf, settled, get, timeline } = story();
    const { phone } = await unverified("T-8");
    const sent = await world.call("POST", "/v1/otp", { phone });
    const id = await notificationOf(story(), phone);
    const { text } = await toldOf("whatsapp_personal T-8");
    const code = codeIn(text);
    await settled(id);
    expect(has(`x ${code}.`, code), "the code would be found").toBe(true);
    const dump = await everyText(story());
    expect(dump, "the dump has the message").toContain("Kode verifikasi Siaga: *xxxxxx*");
    expect(has(dump, code), "database").toBe(false);
    const run = world.temporal.workflow.getHandle(`notification/otp/${id}`);
    const history = await historyOf(run);
    expect(history).toContain(id);
    expect(has(history, code), "history").toBe(false);
    const shown = [
      sent.body,
      await get(id),
      await timeline(id),
      (await world.call("GET", `/v1/notifications/${id}/deliveries`)).body,
    ];
    expect(has(JSON.stringify(shown), code), "answers").toBe(false);

    await world.call("POST", "/v1/otp/verify", { phone, code });
    expect(has(await everyText(story()), code), "database, once it is used").toBe(false);
    const logged = world.logged.join("\n");
    expect(logged).toContain("/v1/otp/verify");
    expect(has(logged, code), "logs").toBe(false);
  });

  it("and is forgotten when its time is over, by the sweep", async () => {
    const { world, settled } = story();
    const { phone } = await unverified("T-9");
    await settled(await ask(phone));
    const sealed = async (): Promise<readonly unknown[]> =>
      (
        await world.pool.query<{ sealed: boolean }>(
          "select code_encrypted is not null as sealed from otp_challenges where phone = $1",
          [phone],
        )
      ).rows;
    expect(await sealed()).toEqual([{ sealed: true }]);
    await world.pool.query("update otp_challenges set expires_at = now() where phone = $1", [
      phone,
    ]);
    await sweep(story());
    expect(await sealed()).toEqual([{ sealed: false }]);
    await world.pool.query(
      "update otp_challenges set created_at = now() - interval '24 hours 1 second' where phone = $1",
      [phone],
    );
    await sweep(story());
    expect(await sealed()).toEqual([]);
  });
});

async function sweep({ world }: Story): Promise<void> {
  await world.temporal.workflow.execute(SWEEP_WORKFLOW, {
    taskQueue: WORKFLOW_TASK_QUEUE,
    workflowId: `sweep-${newId("ntf", Date.now())}`,
  });
}
