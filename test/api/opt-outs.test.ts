import { describe, expect, it } from "vitest";

import { newId } from "../../db/new-id.ts";
import { REPLY_MEANINGS, REPLY_WORDS } from "../../db/seed/reply-words.ts";
import { LOCALES } from "../../domain/locale.ts";
import {
  insertNotificationRow,
  insertPolicy,
  insertTarget,
  insertType,
  insertUser,
} from "../support/rows.ts";
import { insertTold } from "../support/told.ts";
import type { Told } from "../support/told.ts";
import { insertVendorAccount, metaPost, twilioPost } from "../support/vendors.ts";
import type { VendorAccount, VendorPost } from "../support/vendors.ts";
import { useApi } from "./harness.ts";
import type { Answer } from "./harness.ts";

const api = useApi();
let hasWords = false;

type Person = { readonly id: string; readonly phone: string };
type Chat = { readonly account: VendorAccount; readonly user: Person };

async function chat(
  provider: "meta" | "twilio-sms" = "meta",
  user: Parameters<typeof insertUser>[1] = { role: "customer", name: "Pelanggan" },
): Promise<Chat> {
  if (!hasWords) {
    hasWords = true;
    for (const locale of LOCALES) {
      for (const meaning of REPLY_MEANINGS) {
        for (const word of REPLY_WORDS[locale][meaning]) {
          await api().pool.query(
            "insert into reply_words (locale, word, meaning) values ($1, $2, $3)",
            [locale, word, meaning],
          );
        }
      }
    }
  }
  return {
    account: await insertVendorAccount(api().pool, provider),
    user: await insertUser(api().pool, user),
  };
}

async function typeOf(
  classes: { readonly consent?: string; readonly preference?: string } = {},
): Promise<string> {
  const code = await insertType(api().pool, { answers: "none" });
  await api().pool.query(
    "update notification_types set consent_class = $2, preference_class = $3 where code = $1",
    [code, classes.consent ?? null, classes.preference ?? null],
  );
  return code;
}

type Notice = Told & { readonly notificationId: string };

/** A message of this type that the person has in this chat. */
async function tell(
  { account, user }: Chat,
  type: string,
  options: { readonly address?: string; readonly at?: number } = {},
): Promise<Notice> {
  const { pool } = api();
  const notificationId = await insertNotificationRow(pool, {
    type,
    policyId: await insertPolicy(pool),
    priority: "medium",
    answers: "none",
  });
  await insertTarget(pool, notificationId, { target: user.id });
  const told = await insertTold(pool, {
    notificationId,
    account,
    target: user.id,
    address: options.address ?? user.phone,
    at: options.at ?? Date.now() - 60_000,
  });
  return { ...told, notificationId };
}

let eventId = 1_000;

async function write(
  { account, user }: Chat,
  text: string,
  options: { readonly quote?: string; readonly from?: string; readonly alias?: string } = {},
): Promise<void> {
  const from = options.from ?? user.phone;
  eventId += 1;
  const request =
    account.provider === "meta"
      ? metaPost(account, {
          messages: [
            {
              ...(options.alias === undefined
                ? { from: from.slice(1) }
                : { from_user_id: options.alias }),
              id: `wamid.STOP${eventId}`,
              timestamp: String(Math.floor(Date.now() / 1000)),
              type: "text",
              text: { body: text },
              ...(options.quote === undefined ? {} : { context: { id: options.quote } }),
            },
          ],
        })
      : twilioPost(account, {
          MessageSid: `SM${String(eventId).padStart(32, "0")}`,
          From: from,
          To: "+6281234000091",
          Body: text,
          NumMedia: "0",
        });
  expect(await post(request)).toBe(200);
}

async function post(request: VendorPost): Promise<number> {
  const answer = await api().request("POST", request.path, {
    key: null,
    rawBody: request.body,
    headers: request.headers,
  });
  await api().background.idle();
  return answer.status;
}

/** What stands, as "class on channel". */
async function optOuts(holder: string): Promise<readonly string[]> {
  const { rows } = await api().pool.query<{ what: string }>(
    "select message_class || ' on ' || channel as what from opt_outs where holder = $1 and ended_at is null order by what",
    [holder],
  );
  return rows.map(({ what }) => what);
}

async function said({ account }: Chat): Promise<unknown> {
  const { rows } = await api().pool.query<{ situations: readonly { kind: string }[] }>(
    "select situations from answers where device_key = $1 order by created_at desc, id desc limit 1",
    [account.deviceKey],
  );
  return rows[0]?.situations.map(({ kind }) => kind) ?? null;
}

async function states({ account }: Chat): Promise<readonly string[]> {
  const { rows } = await api().pool.query<{ state: string }>(
    "select state from inbound_messages where device_key = $1 order by received_at, id",
    [account.deviceKey],
  );
  return rows.map(({ state }) => state);
}

describe("STOP", () => {
  it.each(["STOP", "Berhenti", "berhenti berlangganan", "unsubscribe"])(
    "said as %s withdraws consent to the class of the last message there, on that channel alone",
    async (word) => {
      const one = await chat();
      await tell(one, await typeOf({ consent: "promotion" }));
      await write(one, word);
      expect(await optOuts(one.user.id)).toEqual(["promotion on whatsapp_personal"]);
      expect(await said(one)).toEqual(["stopped"]);
      expect(await states(one)).toEqual(["applied"]);
    },
  );

  it("is about what it quotes, whatever was sent since", async () => {
    const one = await chat();
    const survey = await tell(one, await typeOf({ consent: "survey" }), {
      at: Date.now() - 120_000,
    });
    await tell(one, await typeOf({ consent: "promotion" }));
    await write(one, "stop", { quote: survey.providerMessageId });
    expect(await optOuts(one.user.id)).toEqual(["survey on whatsapp_personal"]);
  });

  it.each([
    [{ consent: "promotion", preference: "status" }, "promotion", "the consent that it needs"],
    [{ preference: "status" }, "status", "else the box of the settings page"],
  ] as const)("%o is of class %s: %s", async (classes, expected, _why) => {
    const one = await chat("twilio-sms");
    await tell(one, await typeOf(classes));
    await write(one, "STOP");
    expect(await optOuts(one.user.id)).toEqual([`${expected} on sms`]);
  });

  it("of a type without any class is about that type alone", async () => {
    const one = await chat();
    const type = await typeOf();
    await tell(one, type);
    await write(one, "STOP");
    expect(await optOuts(one.user.id)).toEqual([`type:${type} on whatsapp_personal`]);
  });

  it("of staff is answered with word that an operator hears of it", async () => {
    const one = await chat("meta", { role: "technician" });
    await tell(one, await typeOf({ preference: "urgent" }));
    await write(one, "STOP");
    expect(await optOuts(one.user.id)).toEqual(["urgent on whatsapp_personal"]);
    expect(await said(one)).toEqual(["stopped_staff"]);
  });

  it("makes the person's open runs plan again, and no plan made before it is saved", async () => {
    const one = await chat();
    const { notificationId } = await tell(one, await typeOf({ consent: "promotion" }));
    const { rows: before } = await api().pool.query<{ version: number }>(
      "select version from users where id = $1",
      [one.user.id],
    );
    await write(one, "STOP");
    const { rows: after } = await api().pool.query<{ version: number }>(
      "select version from users where id = $1",
      [one.user.id],
    );
    expect(after[0]?.version).toBe((before[0]?.version ?? 0) + 1);
    expect(
      api().temporal.signals.filter(({ workflowId }) => workflowId.endsWith(notificationId)),
    ).toMatchObject([{ fact: { kind: "replan", reason: "consent_changed" } }]);
  });

  it("said twice stands once, since the first time", async () => {
    const one = await chat();
    await tell(one, await typeOf({ consent: "promotion" }));
    await write(one, "STOP");
    const since = async (): Promise<readonly unknown[]> => {
      const { rows } = await api().pool.query<{ since: Date }>(
        "select since from opt_outs where holder = $1",
        [one.user.id],
      );
      return rows;
    };
    const first = await since();
    await write(one, "STOP");
    expect(await since()).toEqual(first);
  });

  it("where nothing was ever told asks of what, and waits in the inbound list", async () => {
    const one = await chat();
    await write(one, "STOP");
    expect(await optOuts(one.user.id)).toEqual([]);
    expect(await said(one)).toEqual(["which_stop"]);
    expect(await states(one)).toEqual(["unmatched"]);
  });

  it("of a number that nobody has is kept for whoever has the number later", async () => {
    const one = await chat();
    const stranger = "+6281234000871";
    const type = await typeOf({ consent: "promotion" });
    await tell(one, type, { address: stranger });
    await write(one, "STOP", { from: stranger });
    expect(await optOuts(stranger)).toEqual(["promotion on whatsapp_personal"]);
    const owner = await insertUser(api().pool, { role: "customer", phone: stranger });
    expect(await verdictFor(owner.id, type)).toBe("opted_out");
    await write(one, "MULAI", { from: stranger });
    expect(await verdictFor(owner.id, type)).toBe("allowed");
  });

  it("of a hidden number counts for the number that the quoted message went to, and for nobody without a quote", async () => {
    const one = await chat();
    const { providerMessageId } = await tell(one, await typeOf({ consent: "promotion" }));
    const alias = `ID.${newId("evt", Date.now()).slice(-20)}`;
    await write(one, "STOP", { alias });
    expect(await optOuts(one.user.id)).toEqual([]);
    await write(one, "STOP", { alias, quote: providerMessageId });
    expect(await optOuts(one.user.id)).toEqual(["promotion on whatsapp_personal"]);
    await write(one, "START", { alias, quote: providerMessageId });
    expect(await optOuts(one.user.id)).toEqual([]);
  });
});

describe("START", () => {
  it("gives back everything on that channel, and what it quotes alone where it quotes", async () => {
    const one = await chat();
    const promotion = await tell(one, await typeOf({ consent: "promotion" }));
    await write(one, "STOP");
    await tell(one, await typeOf({ consent: "survey" }), { at: Date.now() - 1_000 });
    await write(one, "STOP");
    await write(one, "mulai", { quote: promotion.providerMessageId });
    expect(await optOuts(one.user.id)).toEqual(["survey on whatsapp_personal"]);
    await write(one, "START");
    expect(await optOuts(one.user.id)).toEqual([]);
    expect(await said(one)).toEqual(["started"]);
  });

  it("leaves alone what was stopped on another channel", async () => {
    const one = await chat("twilio-sms");
    const type = await typeOf({ consent: "promotion" });
    await tell(one, type);
    await write(one, "STOP");
    const other: Chat = { account: (await chat()).account, user: one.user };
    await tell(other, type);
    await write(other, "STOP");
    await write(other, "START");
    expect(await optOuts(one.user.id)).toEqual(["promotion on sms"]);
  });

  it("of somebody who has stopped nothing is a word like others", async () => {
    const one = await chat();
    await tell(one, await typeOf());
    await write(one, "mulai");
    expect(await states(one)).toEqual(["unmatched"]);
  });
});

describe("a vendor's word that somebody has opted out", () => {
  it("in a report withdraws consent here too, once", async () => {
    const one = await chat();
    const type = await typeOf({ consent: "promotion" });
    const { providerMessageId } = await tell(one, type);
    const report = metaPost(one.account, {
      statuses: [
        {
          id: providerMessageId,
          status: "failed",
          timestamp: String(Math.floor(Date.now() / 1000)),
          recipient_id: one.user.phone.slice(1),
          errors: [{ code: 131050 }],
        },
      ],
    });
    expect(await post(report)).toBe(200);
    expect(await post(report)).toBe(200);
    const { rows } = await api().pool.query(
      "select message_class, channel, inbound_message_id, delivery_id is not null as refused from opt_outs where holder = $1",
      [one.user.id],
    );
    expect(rows).toEqual([
      {
        message_class: "promotion",
        channel: "whatsapp_personal",
        inbound_message_id: null,
        refused: true,
      },
    ]);
  });
});

describe("a plan that is only asked for", () => {
  it("leaves out the channel that a number has opted out of, whoever has it", async () => {
    const one = await chat();
    const stranger = "+6281234000872";
    await tell(one, "promotion", { address: stranger });
    await write(one, "STOP", { from: stranger });
    const explained = await api().request("POST", "/v1/notifications/explain", {
      body: {
        type: "promotion",
        priority: "medium",
        recipients: { phones: [stranger, "+6281234000873"] },
      },
    });
    expect(explained.status, explained.text).toBe(200);
    const { excluded, steps } = explained.body as {
      readonly excluded: readonly object[];
      readonly steps: readonly { readonly skipped: readonly object[] }[];
    };
    expect([...excluded, ...steps.flatMap(({ skipped }) => skipped)]).toContainEqual(
      expect.objectContaining({ userId: "phone_0", reason: "opted_out" }),
    );
    expect(JSON.stringify([excluded, steps])).not.toContain('"phone_1","reason":"opted_out"');
  });
});

describe("effective settings", () => {
  it("name the channel that was opted out of, and everything else that was", async () => {
    const one = await chat("meta", { role: "customer" });
    const type = await typeOf({ consent: "promotion" });
    const other = await typeOf();
    await tell(one, type);
    expect(await verdictFor(one.user.id, type)).toBe("allowed");
    await write(one, "STOP");
    expect(await verdictFor(one.user.id, type)).toBe("opted_out");
    expect(await verdictFor(one.user.id, other)).toBe("allowed");
    const answer = await effective(one.user.id, other);
    expect(answer.body["optOuts"]).toMatchObject([
      { messageClass: "promotion", channel: "whatsapp_personal" },
    ]);
  });
});

function effective(userId: string, type: string): Promise<Answer> {
  return api().request("GET", `/v1/users/${userId}/effective-settings?type=${type}`);
}

async function verdictFor(userId: string, type: string): Promise<string | undefined> {
  const { body } = await effective(userId, type);
  const { channels } = body as {
    readonly channels: readonly {
      readonly channel: string;
      readonly verdict: string;
      readonly reason: string | null;
    }[];
  };
  const found = channels.find(({ channel }) => channel === "whatsapp_personal");
  return found?.reason ?? found?.verdict;
}
