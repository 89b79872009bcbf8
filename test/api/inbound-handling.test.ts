import { describe, expect, it } from "vitest";

import { newId } from "../../db/new-id.ts";
import { openSecret } from "../../db/sealed-secret.ts";
import type { Role } from "../../domain/role.ts";
import { insertUser, SECRET_KEY } from "../support/rows.ts";
import { insertTold } from "../support/told.ts";
import { insertNotificationRow, insertPolicy, insertType } from "../support/rows.ts";
import { insertVendorAccount, metaPost } from "../support/vendors.ts";
import type { ProviderName, VendorAccount } from "../support/vendors.ts";
import { useApi } from "./harness.ts";
import type { Answer } from "./harness.ts";

const api = useApi();

const STRANGER = "+6281234000881";

type Unmatched = { readonly id: string; readonly account: VendorAccount };

/** A message that nobody has understood, and the 24 hours that it opened. */
async function unmatched(
  options: {
    readonly provider?: ProviderName;
    readonly address?: string;
    readonly userId?: string;
    readonly state?: string;
    readonly groupChatId?: string;
    readonly quoted?: string;
    readonly account?: VendorAccount;
    /** How long ago; null: no window is known. */
    readonly openedAgoMs?: number | null;
  } = {},
): Promise<Unmatched> {
  const { pool } = api();
  const account =
    options.account ?? (await insertVendorAccount(pool, options.provider ?? "fonnte"));
  const id = newId("inb", Date.now());
  const address = options.address ?? STRANGER;
  await pool.query(
    `insert into inbound_messages (id, account_id, device_key, event_key, address, group_chat_id, kind, body, state, user_id, quoted_provider_message_id)
     values ($1, $2, $3, $1, $4, $5, 'text', 'kapan teknisinya datang?', $6, $7, $8)`,
    [
      id,
      account.id,
      account.deviceKey,
      address,
      options.groupChatId ?? null,
      options.state ?? "unmatched",
      options.userId ?? null,
      options.quoted ?? null,
    ],
  );
  if (options.openedAgoMs !== null) {
    await pool.query(
      `insert into contact_windows (device_key, address, last_inbound_at) values ($1, $2, $3) on conflict do nothing`,
      [account.deviceKey, address, new Date(Date.now() - (options.openedAgoMs ?? 1_000))],
    );
  }
  return { id, account };
}

async function answer(
  id: string,
  text = "Teknisi kami tiba pukul 14.",
  init: { readonly key?: string; readonly headers?: Readonly<Record<string, string>> } = {},
): Promise<Answer> {
  const answered = await api().request("POST", `/v1/inbound/${id}/answer`, {
    ...init,
    body: { text },
  });
  await api().background.idle();
  return answered;
}

function close(id: string, body: object = {}, key?: string): Promise<Answer> {
  return api().request("POST", `/v1/inbound/${id}/close`, {
    body,
    ...(key === undefined ? {} : { key }),
  });
}

async function written(id: string) {
  const { rows } = await api().pool.query<Record<string, unknown>>(
    "select id, account_id, address, written_text, status from answers where inbound_message_id = $1 and written_text is not null",
    [id],
  );
  return rows;
}

describe("answering what nobody has understood", () => {
  it("goes out once over the number that was written to, and takes the message off the list", async () => {
    const { id, account } = await unmatched();
    const { id: userId, key } = await api().person("customer_service");
    const answered = await answer(id, "Teknisi kami tiba pukul 14.", { key });
    expect(answered.status).toBe(200);
    expect(answered.body).toMatchObject({
      applied: true,
      message: {
        id,
        state: "answered",
        writtenAnswer: { status: "intended", text: "Teknisi kami tiba pukul 14." },
        handledBy: { userId },
      },
    });
    const [row] = await written(id);
    expect(row).toMatchObject({ account_id: account.id, address: STRANGER });
    expect(
      api().temporal.started.filter(
        ({ workflowId }) => workflowId === `answer/${String(row?.["id"])}`,
      ),
    ).toMatchObject([{ options: { args: [{ accountId: account.id }] } }]);
    const list = await api().request("GET", `/v1/inbound?accountId=${account.id}`);
    expect(list.body["items"]).toEqual([]);
    const done = await api().request("GET", `/v1/inbound?accountId=${account.id}&state=answered`);
    expect(done.body["items"]).toMatchObject([{ id }]);
  });

  it("by two people at once: one does, the other is told who was first", async () => {
    const { id } = await unmatched();
    const first = await api().person("customer_service");
    const second = await api().person("noc");
    const answers = await Promise.all([
      answer(id, "Baik.", { key: first.key }),
      answer(id, "Siap.", { key: second.key }),
    ]);
    const [won, lost] = answers.toSorted(
      (a, b) => Number(b.body["applied"]) - Number(a.body["applied"]),
    );
    const message = won?.body["message"] as { readonly handledBy: object };
    expect(lost?.body).toMatchObject({
      applied: false,
      reason: "already_answered",
      by: message.handledBy,
      at: expect.any(String) as string,
    });
    expect(await written(id)).toHaveLength(1);
  });

  it("repeated with the same Idempotency-Key is one answer", async () => {
    const { id } = await unmatched();
    const headers = { "Idempotency-Key": newId("evt", Date.now()) };
    const one = await answer(id, "Baik.", { headers });
    const two = await answer(id, "Baik.", { headers });
    expect(two.body).toEqual(one.body);
    expect(await written(id)).toHaveLength(1);
  });

  it("that was stored before the API died is the same answer when the request is repeated", async () => {
    const { id } = await unmatched();
    const key = newId("evt", Date.now());
    const headers = { "Idempotency-Key": key };
    await answer(id, "Baik.", { headers });
    // What the first try would have left behind, had it died before its end.
    await api().pool.query(
      "update idempotency_keys set state = 'in_flight', response_status = null, response_body = null, locked_until = now() - interval '1 minute' where key = $1",
      [key],
    );
    expect((await answer(id, "Baik.", { headers })).body).toMatchObject({ applied: true });
    expect(await written(id)).toHaveLength(1);
  });

  it("stands beside what Siaga said by itself", async () => {
    const { id, account } = await unmatched();
    await api().pool.query(
      `insert into answers (inbound_message_id, account_id, device_key, address, locale, time_zone, situations, is_unmatched)
       values ($1, $2, $3, $4, 'id', 'Asia/Jakarta', '[]', true)`,
      [id, account.id, account.deviceKey, STRANGER],
    );
    expect((await answer(id)).body).toMatchObject({
      applied: true,
      message: { answer: { status: "intended" }, writtenAnswer: { status: "intended" } },
    });
  });

  it.each<[why: string, ago: number | null, reason: string | null]>([
    ["just inside Meta's 24 hours", 24 * 3_600_000 - 120_000, null],
    ["at their end", 24 * 3_600_000, "window_closed"],
    ["long after them", 48 * 3_600_000, "window_closed"],
    ["of which nothing is known", null, "window_closed"],
  ])("%s (%s ms ago)", async (_why, openedAgoMs, reason) => {
    const { id } = await unmatched({ provider: "meta", openedAgoMs });
    const answered = await answer(id);
    expect(answered.body).toMatchObject(
      reason === null ? { applied: true } : { applied: false, reason },
    );
    expect(await written(id)).toHaveLength(reason === null ? 1 : 0);
  });

  it("over a gateway without such a window is possible later, too", async () => {
    const { id } = await unmatched({ openedAgoMs: null });
    expect((await answer(id)).body["applied"]).toBe(true);
  });

  it.each([
    ["applied", "not_open"],
    ["ignored", "not_open"],
    ["closed", "already_closed"],
    ["asked", null],
  ])("a message that is %s: %s", async (state, reason) => {
    const { id } = await unmatched({ state });
    expect((await answer(id)).body).toMatchObject(
      reason === null ? { applied: true } : { applied: false, reason },
    );
  });

  it("never goes into a group", async () => {
    const { id } = await unmatched({ state: "asked", groupChatId: "120363000000000881@g.us" });
    expect((await answer(id)).body).toMatchObject({ applied: false, reason: "not_open" });
  });

  it("finds the number of a person who hides it, and says so where nobody knows it", async () => {
    const user = await insertUser(api().pool, { role: "customer" });
    const known = await unmatched({ address: "99887766554433@lid", userId: user.id });
    await answer(known.id);
    expect(await written(known.id)).toMatchObject([{ address: user.phone }]);
    const nobody = await unmatched({ address: "11223344556677@lid" });
    expect((await answer(nobody.id)).body).toMatchObject({
      applied: false,
      reason: "no_address",
    });
  });

  it("to a hidden number that quotes us goes where the quoted message went", async () => {
    const { pool } = api();
    const account = await insertVendorAccount(pool, "fonnte");
    const customer = await insertUser(pool, { role: "customer" });
    const told = await insertTold(pool, {
      notificationId: await insertNotificationRow(pool, {
        type: await insertType(pool),
        policyId: await insertPolicy(pool),
      }),
      account,
      target: customer.id,
      address: customer.phone,
    });
    const { id } = await unmatched({
      account,
      address: "22334455667788@lid",
      quoted: told.providerMessageId,
    });
    await answer(id);
    expect(await written(id)).toMatchObject([{ address: customer.phone }]);
  });

  it("over an account that is switched off is refused", async () => {
    const { id, account } = await unmatched();
    await api().pool.query("update provider_accounts set enabled = false where id = $1", [
      account.id,
    ]);
    expect((await answer(id)).body).toMatchObject({ applied: false, reason: "no_account" });
    expect(await written(id)).toEqual([]);
  });

  it.each([
    ["no text", {}],
    ["only spaces", { text: "   " }],
    ["more than WhatsApp takes", { text: "a".repeat(4_097) }],
    ["another field", { text: "Baik.", to: "+6281234000001" }],
  ])("with %s is 422", async (_why, body) => {
    const { id } = await unmatched();
    const answered = await api().request("POST", `/v1/inbound/${id}/answer`, { body });
    expect(answered.status).toBe(422);
  });
});

describe("closing what needs no answer", () => {
  it("takes it off the list with who did it and why, once", async () => {
    const { id } = await unmatched();
    const { id: userId, key } = await api().person("customer_service");
    expect((await close(id, { note: "Salah kirim" }, key)).body).toMatchObject({
      applied: true,
      message: { state: "closed", handledBy: { userId }, note: "Salah kirim" },
    });
    expect((await close(id)).body).toMatchObject({
      applied: false,
      reason: "already_closed",
      by: { userId },
    });
    expect((await answer(id)).body).toMatchObject({ applied: false, reason: "already_closed" });
  });
});

describe("invariant 38: inbound messages by role", () => {
  it.each<[role: Role, own: number, other: number]>([
    ["admin", 200, 200],
    ["manager", 200, 200],
    ["noc", 200, 200],
    ["customer_service", 200, 200],
    ["supervisor", 200, 404],
    ["technician", 403, 403],
    ["customer", 403, 403],
  ])("a %s answers and closes in the own zone: %s, elsewhere: %s", async (role, own, other) => {
    const here = await insertUser(api().pool, { zones: ["karawang"], role: "customer" });
    const there = await insertUser(api().pool, { zones: ["bekasi"], role: "customer" });
    const { key } = await api().person(role, ["karawang"]);
    for (const [user, expected] of [
      [here, own],
      [there, other],
    ] as const) {
      const one = await unmatched({ userId: user.id, address: user.phone });
      const two = await unmatched({ userId: user.id, address: user.phone });
      expect((await answer(one.id, "Baik.", { key })).status).toBe(expected);
      expect((await close(two.id, {}, key)).status).toBe(expected);
    }
  });

  it("asks a key for both scopes, and anybody for a key", async () => {
    const { id } = await unmatched();
    const reads = await api().systemKey("messages:read");
    const acts = await api().systemKey("acts:write");
    const both = await api().systemKey("messages:read", "acts:write");
    expect((await close(id, {}, reads)).status).toBe(403);
    expect((await close(id, {}, acts)).status).toBe(403);
    expect((await close(id, {}, both)).status).toBe(200);
    const none = await api().request("POST", `/v1/inbound/${id}/close`, { key: null, body: {} });
    expect(none.status).toBe(401);
    expect((await close("inb_nothing")).status).toBe(404);
  });
});

describe("a file that somebody sends", () => {
  it("is listed by type and name; where it lies is sealed, and shown to nobody", async () => {
    const account = await insertVendorAccount(api().pool, "meta");
    const request = metaPost(account, {
      messages: [
        {
          from: STRANGER.slice(1),
          id: "wamid.FILE",
          timestamp: String(Math.floor(Date.now() / 1000)),
          type: "document",
          document: {
            id: "media-rahasia-1",
            mime_type: "application/pdf",
            filename: "bukti bayar.pdf",
            caption: "sudah saya bayar",
          },
        },
      ],
    });
    const posted = await api().request("POST", request.path, {
      key: null,
      rawBody: request.body,
      headers: request.headers,
    });
    expect(posted.status).toBe(200);
    await api().background.idle();
    const list = await api().request("GET", `/v1/inbound?accountId=${account.id}`);
    expect(list.body["items"]).toMatchObject([
      {
        text: "sudah saya bayar",
        media: {
          type: "document",
          contentType: "application/pdf",
          fileName: "bukti bayar.pdf",
        },
      },
    ]);
    expect(list.text).not.toContain("media-rahasia-1");
    expect(api().logged.join("\n")).not.toContain("media-rahasia-1");
    const { rows } = await api().pool.query<{ id: string; sealed: Buffer; row: string }>(
      "select id, media_reference_encrypted as sealed, i::text as row from inbound_messages i where device_key = $1",
      [account.deviceKey],
    );
    const [row] = rows;
    expect(row?.row).not.toContain("media-rahasia-1");
    expect(
      row && openSecret(row.sealed, SECRET_KEY, { purpose: "inbound_media", accountId: row.id }),
    ).toBe("media-rahasia-1");
  });
});
