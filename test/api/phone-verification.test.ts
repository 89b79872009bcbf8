import type pg from "pg";
import { describe, expect, it } from "vitest";

import { markProbed } from "../../db/account-health.ts";
import { hideVerificationCodes, OPEN_CODES_MAX } from "../../domain/verification-code.ts";
import { ROLES } from "../../domain/role.ts";
import type { Role } from "../../domain/role.ts";
import { assertDefined } from "../support/assert-defined.ts";
import { readQrSvg } from "../support/qr.ts";
import {
  fictionalNumber,
  insertNotificationRow,
  insertPolicy,
  insertTarget,
  insertType,
  insertUser,
} from "../support/rows.ts";
import { replyPost } from "../support/vendor-replies.ts";
import type { Words } from "../support/vendor-replies.ts";
import { insertVendorAccount, PHONE_SENDER } from "../support/vendors.ts";
import type { ProviderName, VendorAccount } from "../support/vendors.ts";
import { buildApi, objectAt, useApi } from "./harness.ts";
import type { Api } from "./harness.ts";

const api = useApi();

const MINUTE = 60_000;
const OWN = "/v1/me/phone/verification-link";

type Person = { readonly id: string; readonly key: string };

async function person(locale: "id" | "en" = "id"): Promise<Person> {
  const made = await api().person("technician");
  await api().pool.query("update users set locale = $2, name = 'Budi' where id = $1", [
    made.id,
    locale,
  ]);
  return made;
}

async function asked(one: Person): Promise<string> {
  const answer = await api().request("POST", OWN, { key: one.key });
  expect(answer.status, answer.text).toBe(200);
  return String(answer.body["text"]);
}

async function post(words: Words, account: VendorAccount, server: Api = api()): Promise<number> {
  const request = replyPost(account, words);
  const answer = await server.request("POST", request.path, {
    key: null,
    rawBody: request.body,
    headers: request.headers,
  });
  await server.background.idle();
  return answer.status;
}

/** A number at Fonnte, a person and the words of that person's link. */
async function ready(provider: ProviderName = "fonnte") {
  const account = await insertVendorAccount(api().pool, provider);
  await api().pool.query(
    "update provider_accounts set phone_number = $2 where id = $1 and provider = 'meta'",
    [account.id, PHONE_SENDER],
  );
  const one = await person();
  return { account, one, text: await asked(one) };
}

type Held = {
  readonly value: string;
  readonly by: string | null;
  readonly isPrimary: boolean;
  readonly hasConsented: boolean;
};

async function phonesOf(userId: string): Promise<readonly Held[]> {
  const { rows } = await api().pool.query<Held>(
    `select value, verified_by as by, is_primary as "isPrimary", consented_at is not null as "hasConsented"
     from contacts where user_id = $1 and kind = 'phone' order by created_at, value`,
    [userId],
  );
  return rows;
}

type Said = { readonly situation: unknown; readonly address: string; readonly locale: string };

async function saidOn(account: VendorAccount): Promise<readonly Said[]> {
  const { rows } = await api().pool.query<Said>(
    "select situations -> 0 as situation, address, locale from answers where device_key = $1 order by created_at, id",
    [account.deviceKey],
  );
  return rows;
}

async function lastSaid(account: VendorAccount): Promise<unknown> {
  return (await saidOn(account)).at(-1)?.situation;
}

async function inboundOf(
  account: VendorAccount,
): Promise<readonly { readonly state: string; readonly body: string }[]> {
  const { rows } = await api().pool.query<{ state: string; body: string }>(
    "select state, body from inbound_messages where device_key = $1 order by received_at, id",
    [account.deviceKey],
  );
  return rows;
}

describe("the link", () => {
  it("opens a chat with our number in which the words are written already, as an address and as a QR code", async () => {
    const account = await insertVendorAccount(api().pool, "fonnte");
    const one = await person();
    const answer = await api().request("POST", OWN, { key: one.key });
    expect(answer.status, answer.text).toBe(200);
    const [link, second] = [0, 1].map((at) => objectAt(answer.body, "links", at));
    const url = new URL(String(objectAt(link, "url")));
    expect(`${url.origin}${url.pathname}`).toBe(`https://wa.me/${PHONE_SENDER.slice(1)}`);
    expect(url.searchParams.get("text")).toBe(answer.body["text"]);
    expect(answer.body["text"]).toContain(`Kode: ${String(answer.body["code"])}`);
    expect(answer.body["text"]).toContain("Saya Budi.");
    expect(readQrSvg(String(objectAt(link, "qrSvg")))).toBe(url.href);
    expect(objectAt(link, "phone")).toBe(PHONE_SENDER);
    expect(objectAt(link, "accountId")).not.toBe("");
    expect(second, "every account of the tests has the same number").toBeUndefined();
    expect(account.id).toMatch(/^acc_/);
  });

  it("speaks the person's language", async () => {
    await insertVendorAccount(api().pool, "fonnte");
    expect(await asked(await person("en"))).toMatch(/^I am Budi\. Please verify/);
  });

  it("is kept nowhere in words: neither its row nor a replayed answer holds the code", async () => {
    await insertVendorAccount(api().pool, "fonnte");
    const one = await person();
    const options = { key: one.key, headers: { "idempotency-key": `link-${one.id}` } };
    const first = await api().request("POST", OWN, options);
    const again = await api().request("POST", OWN, options);
    expect(again.headers.get("idempotent-replayed")).toBe("true");
    expect(again.body).toEqual({
      code: "***",
      text: "***",
      links: [],
      expiresAt: first.body["expiresAt"],
    });
    const code = String(first.body["code"]);
    for (const table of ["phone_verifications", "idempotency_keys", "audit_log"]) {
      const { rows } = await api().pool.query(`select t::text as row from ${table} t`);
      expect(JSON.stringify(rows)).not.toContain(code);
    }
    expect(api().logged.join("\n")).not.toContain(code);
  });

  it.each([
    ["own", 15 * MINUTE],
    ["another's", 24 * 60 * MINUTE],
  ])("of %s lasts as long as who holds it needs", async (whose, lastsMs) => {
    await insertVendorAccount(api().pool, "fonnte");
    const one = await person();
    const before = Date.now();
    const answer = await (whose === "own"
      ? api().request("POST", OWN, { key: one.key })
      : api().request("POST", `/v1/users/${one.id}/phone/verification-link`));
    const expiresAt = Date.parse(String(answer.body["expiresAt"]));
    expect(expiresAt).toBeGreaterThanOrEqual(before + lastsMs);
    expect(expiresAt).toBeLessThanOrEqual(Date.now() + lastsMs);
  });
});

describe("links of one key", () => {
  it("are 60, for oneself and others together, and one a second from then on; another key has its own", async () => {
    await insertVendorAccount(api().pool, "fonnte");
    const asker = await api().person("admin");
    const paths = [OWN, `/v1/users/${(await person()).id}/phone/verification-link`];
    const ask = (count: number, key = asker.key) =>
      Promise.all(
        Array.from({ length: count }, (_, index) =>
          api().request("POST", paths[index % paths.length] ?? OWN, { key }),
        ),
      );
    const statuses = async (count: number) => (await ask(count)).map(({ status }) => status);
    const start = Date.now();
    api().clock.nowMs = start;
    try {
      expect(new Set(await statuses(60))).toEqual(new Set([200]));
      const [refused] = await ask(1);
      expect([refused?.status, refused?.headers.get("retry-after")]).toEqual([429, "1"]);
      const another = await api().person("technician");
      expect((await ask(1, another.key))[0]?.status).toBe(200);
      api().clock.nowMs = start + 1_000;
      expect((await statuses(2)).toSorted()).toEqual([200, 429]);
    } finally {
      api().clock.nowMs = null;
    }
  });
});

describe("which numbers can be written to", () => {
  interface Row {
    readonly provider: ProviderName;
    readonly update: string;
    readonly isShown: boolean;
    readonly reason: string;
  }
  const rows: readonly Row[] = [
    { provider: "fonnte", update: "", isShown: true, reason: "as it is" },
    { provider: "woowa", update: "", isShown: true, reason: "its mapping reads what people write" },
    {
      provider: "woowa",
      update: "settings = '{}'",
      isShown: false,
      reason: "nothing of it reaches us without a mapping",
    },
    { provider: "meta", update: "", isShown: false, reason: "its number is not known yet" },
    {
      provider: "meta",
      update: `phone_number = '${PHONE_SENDER}'`,
      isShown: true,
      reason: "Meta has told the number behind its id",
    },
    { provider: "fonnte", update: "enabled = false", isShown: false, reason: "switched off" },
    { provider: "fonnte", update: "health_state = 'out'", isShown: false, reason: "not connected" },
    {
      provider: "fonnte",
      update: "health_state = 'draining'",
      isShown: true,
      reason: "it sends no more and still hears",
    },
    {
      provider: "fonnte",
      update: "channel = 'whatsapp_group'",
      isShown: false,
      reason: "it could not answer in person",
    },
    { provider: "twilio-sms", update: "", isShown: false, reason: "no WhatsApp" },
  ];

  it.each(rows)("$provider with $update: $isShown ($reason)", async (row) => {
    const { pool } = api();
    await pool.query("update provider_accounts set enabled = false");
    const account = await insertVendorAccount(pool, row.provider);
    if (row.update !== "") {
      await pool.query(`update provider_accounts set ${row.update} where id = $1`, [account.id]);
    }
    const one = await person();
    const answer = await api().request("POST", OWN, { key: one.key });
    await pool.query("update provider_accounts set enabled = true");
    if (row.isShown) {
      expect(objectAt(answer.body, "links", 0, "accountId"), answer.text).toBe(account.id);
    } else {
      expect([answer.status, answer.body["code"]], answer.text).toEqual([409, "no_number"]);
    }
    await pool.query("delete from provider_accounts where id = $1", [account.id]);
  });
});

it("a number that a probe has told is written to until the account sends as another one", async () => {
  const { pool } = api();
  await pool.query("update provider_accounts set enabled = false");
  const { id } = await insertVendorAccount(pool, "meta");
  const one = await person();
  const ask = () => api().request("POST", OWN, { key: one.key });
  const probed = (phoneNumber: string | null) =>
    markProbed(pool, { accountId: id, quotaLeft: null, phoneNumber, at: new Date() });
  expect((await ask()).status).toBe(409);
  await probed(PHONE_SENDER);
  await probed(null);
  expect(objectAt((await ask()).body, "links", 0, "phone"), "what was told is kept").toBe(
    PHONE_SENDER,
  );
  const rename = async (change: object) => {
    const answer = await api().request("PATCH", `/v1/provider-accounts/${id}`, { body: change });
    expect(answer.status, answer.text).toBe(200);
  };
  await rename({ name: "Another name" });
  expect((await ask()).status, "the number is the same").toBe(200);
  await rename({ sender: "100000000000094" });
  expect((await ask()).status, "another id is another number").toBe(409);
  await pool.query("update provider_accounts set enabled = true");
});

describe("invariant 38: a role sees and changes only what it may (links of verification)", () => {
  /** What each role gets for itself, for somebody of its own zone, and for somebody of another one. */
  const EXPECTED: Readonly<Record<Role, readonly [own: number, near: number, far: number]>> = {
    admin: [200, 200, 200],
    manager: [200, 403, 403],
    supervisor: [200, 403, 404],
    noc: [200, 403, 403],
    customer_service: [200, 404, 404],
    technician: [200, 404, 404],
    customer: [404, 404, 404],
  };

  it.each(ROLES)("%s", async (role) => {
    await insertVendorAccount(api().pool, "fonnte");
    const asker = await api().person(role, ["karawang"]);
    const [near, far] = await Promise.all([
      insertUser(api().pool, { zones: ["karawang"] }),
      insertUser(api().pool, { zones: ["bekasi"] }),
    ]);
    const statuses = await Promise.all(
      [OWN, ...[near, far].map(({ id }) => `/v1/users/${id}/phone/verification-link`)].map(
        async (path) => (await api().request("POST", path, { key: asker.key })).status,
      ),
    );
    expect(statuses).toEqual(EXPECTED[role]);
    const self = await api().request("POST", `/v1/users/${asker.id}/phone/verification-link`, {
      key: asker.key,
    });
    expect(self.status, "one's own by id is one's own").toBe(EXPECTED[role][0]);
  });

  it.each([
    ["master:write", 200, "it vouches for the numbers that it gives, too"],
    ["master:read", 403, "it may see and not change"],
    ["notifications:write", 404, "it may not even see"],
  ] as const)("a system with %s: %s (%s)", async (scope, status, _reason) => {
    await insertVendorAccount(api().pool, "fonnte");
    const { id } = await insertUser(api().pool);
    const key = await api().systemKey(scope);
    const answer = await api().request("POST", `/v1/users/${id}/phone/verification-link`, { key });
    expect(answer.status, answer.text).toBe(status);
    expect((await api().request("POST", OWN, { key })).status, "nobody's own").toBe(403);
  });

  it("gives nobody but an administrator a link for an administrator", async () => {
    await insertVendorAccount(api().pool, "fonnte");
    const path = `/v1/users/${(await api().person("admin")).id}/phone/verification-link`;
    const system = await api().systemKey("master:write");
    const admin = await api().person("admin");
    expect((await api().request("POST", path, { key: system })).status).toBe(403);
    expect((await api().request("POST", path, { key: admin.key })).status).toBe(200);
  });

  it("gives none for somebody who is switched off, or is not there", async () => {
    await insertVendorAccount(api().pool, "fonnte");
    const { id } = await insertUser(api().pool);
    await api().request("POST", `/v1/users/${id}/deactivate`);
    const off = await api().request("POST", `/v1/users/${id}/phone/verification-link`);
    expect([off.status, off.body["code"]]).toEqual([409, "user_inactive"]);
    const nobody = await api().request(
      "POST",
      "/v1/users/usr_01jd0000000000000000000000/phone/verification-link",
    );
    expect(nobody.status).toBe(404);
  });
});

describe("who writes the words", () => {
  const WHATSAPP = ["fonnte", "wablas", "woowa", "evolution", "waha", "gowa", "meta"] as const;

  it.each(WHATSAPP)(
    "over %s has the number: verified, agreed to, with an open window, and answered once",
    async (provider) => {
      const { account, one, text } = await ready(provider);
      const phone = fictionalNumber();
      expect(await post({ from: phone, text }, account)).toBe(200);
      expect(await phonesOf(one.id)).toEqual([
        { value: phone, by: "inbound", isPrimary: true, hasConsented: true },
      ]);
      expect(await saidOn(account)).toEqual([
        {
          situation: { kind: "phone_verified", name: "Budi", isPrimary: true },
          address: phone,
          locale: "id",
        },
      ]);
      const { rows: windows } = await api().pool.query(
        "select address from contact_windows where device_key = $1",
        [account.deviceKey],
      );
      expect(windows).toEqual([{ address: phone }]);
      const [message] = await inboundOf(account);
      expect(message).toEqual({ state: "applied", body: hideVerificationCodes(text) });
    },
  );

  it("is shown with it by the API, and the audit log says how it came", async () => {
    const { account, one, text } = await ready();
    const phone = fictionalNumber();
    await post({ from: phone, text }, account);
    const user = await api().request("GET", `/v1/users/${one.id}`);
    const contact = objectAt(user.body, "contacts", 0);
    expect(contact).toMatchObject({ value: phone, verifiedBy: "inbound", isPrimary: true });
    expect(String(objectAt(contact, "verifiedAt"))).toMatch(/Z$/);
    expect(objectAt(contact, "consentedAt")).toBe(objectAt(contact, "verifiedAt"));
    const { rows } = await api().pool.query<{ action: string; by: unknown; detail: unknown }>(
      "select action, by, detail from audit_log where subject = $1 order by at, id",
      [one.id],
    );
    expect(rows.map(({ action }) => action)).toEqual([
      "phone.verification_asked",
      "phone.verified",
    ]);
    expect(rows[1]).toMatchObject({
      by: { kind: "writer", userId: one.id },
      detail: { by: "inbound", accountId: account.id, isNew: true, isPrimary: true },
    });
    expect(JSON.stringify(rows)).not.toContain(phone.slice(1));
  });

  it("is answered in the language of the person", async () => {
    const account = await insertVendorAccount(api().pool, "fonnte");
    const text = await asked(await person("en"));
    await post({ from: fictionalNumber(), text }, account);
    expect((await saidOn(account))[0]).toMatchObject({ locale: "en" });
  });

  it("is known by the alias that came with the number from then on", async () => {
    const { account, one, text } = await ready("gowa");
    await post({ from: fictionalNumber(), alias: "12345678901", text }, account);
    const { rows } = await api().pool.query(
      "select value from contacts where user_id = $1 and kind = 'lid'",
      [one.id],
    );
    expect(rows).toEqual([{ value: "12345678901@lid" }]);
  });

  it("ends a question of ours in that chat: a bare word afterwards answers nothing", async () => {
    const { account, text } = await ready();
    const phone = fictionalNumber();
    await api().pool.query(
      `insert into reply_prompts (device_key, address, kind, notification_ids, expires_at) values ($1, $2, 'which_one', '{}', now() + interval '5 minutes')`,
      [account.deviceKey, phone],
    );
    await post({ from: phone, text }, account);
    const { rowCount } = await api().pool.query("select from reply_prompts where address = $1", [
      phone,
    ]);
    expect(rowCount).toBe(0);
  });
});

describe("the number that wrote", () => {
  it("takes the place of a registered one that nobody has verified", async () => {
    const { account, one, text } = await ready();
    const [registered, phone] = [fictionalNumber(), fictionalNumber()];
    await give(one.id, registered, null);
    await post({ from: phone, text }, account);
    expect(await phonesOf(one.id)).toEqual(
      expect.arrayContaining([
        { value: registered, by: null, isPrimary: false, hasConsented: false },
        { value: phone, by: "inbound", isPrimary: true, hasConsented: true },
      ]),
    );
  });

  it("stands beside a registered one that is verified, and the writer hears that messages go there", async () => {
    const { account, one, text } = await ready();
    const [registered, phone] = [fictionalNumber(), fictionalNumber()];
    await give(one.id, registered, "admin");
    await post({ from: phone, text }, account);
    expect((await phonesOf(one.id)).find(({ isPrimary }) => isPrimary)?.value).toBe(registered);
    expect(await lastSaid(account)).toMatchObject({ kind: "phone_verified", isPrimary: false });
  });

  it("proves the registered number that an administrator had vouched for", async () => {
    const { account, one, text } = await ready();
    const phone = fictionalNumber();
    await give(one.id, phone, "admin");
    await post({ from: phone, text }, account);
    expect(await phonesOf(one.id)).toEqual([
      { value: phone, by: "inbound", isPrimary: true, hasConsented: true },
    ]);
  });

  it("belongs to one active person: another's is refused, nobody's is changed, and the writer is told without a name", async () => {
    const { account, one, text } = await ready();
    const other = await insertUser(api().pool, { name: "Sari" });
    await post({ from: other.phone, text }, account);
    expect(await phonesOf(one.id)).toEqual([]);
    expect(await phonesOf(other.id)).toMatchObject([{ value: other.phone, by: "admin" }]);
    expect(await saidOn(account)).toEqual([
      {
        situation: { kind: "phone_not_verified", reason: "taken" },
        address: other.phone,
        locale: "id",
      },
    ]);
    const phone = fictionalNumber();
    await post({ from: phone, text }, account);
    expect(await phonesOf(one.id), "the code is still good for the right phone").toMatchObject([
      { value: phone, by: "inbound" },
    ]);
  });
});

async function give(userId: string, phone: string, by: string | null): Promise<void> {
  await api().pool.query(
    `insert into contacts (id, user_id, kind, value, verified_by, verified_at)
     values ($1, $2, 'phone', $3, $4::text, case when $4::text is null then null else now() end)`,
    [`con_${phone}`, userId, phone, by],
  );
}

describe("a code", () => {
  const refusals: readonly (readonly [
    reason: string,
    make: (pool: pg.Pool, one: Person) => Promise<unknown>,
  ])[] = [
    [
      "expired",
      (pool, { id }) =>
        pool.query("update phone_verifications set expires_at = now() where user_id = $1", [id]),
    ],
    [
      "used",
      (pool, { id }) =>
        pool.query(
          "update phone_verifications set ended_at = now(), ended_by = 'used' where user_id = $1",
          [id],
        ),
    ],
    [
      "unknown",
      (pool, { id }) => pool.query("delete from phone_verifications where user_id = $1", [id]),
    ],
    [
      "unknown",
      (pool, { id }) => pool.query("update users set is_active = false where id = $1", [id]),
    ],
  ];
  it.each(refusals)("that is %s verifies nothing, and the sender is told", async (reason, make) => {
    const { account, one, text } = await ready();
    await make(api().pool, one);
    await post({ from: fictionalNumber(), text }, account);
    expect(await phonesOf(one.id)).toEqual([]);
    expect(await lastSaid(account)).toEqual({ kind: "phone_not_verified", reason });
    expect((await inboundOf(account))[0]?.state).toBe("asked");
  });

  it.each([
    { sinceMs: 15 * MINUTE - 1, isGood: true, reason: "its last millisecond" },
    { sinceMs: 15 * MINUTE, isGood: false, reason: "its time is over" },
    { sinceMs: 15 * MINUTE + 1, isGood: false, reason: "and stays over" },
  ])("after $sinceMs ms is good: $isGood ($reason)", async ({ sinceMs, isGood }) => {
    const account = await insertVendorAccount(api().pool, "fonnte");
    const one = await person();
    const start = Date.now();
    api().clock.nowMs = start;
    try {
      const text = await asked(one);
      api().clock.nowMs = start + sinceMs;
      await post({ from: fictionalNumber(), text }, account);
    } finally {
      api().clock.nowMs = null;
    }
    expect((await phonesOf(one.id)).length).toBe(isGood ? 1 : 0);
  });

  it("is good once: another number that writes it afterwards gets nothing", async () => {
    const { account, one, text } = await ready();
    const [first, second] = [fictionalNumber(), fictionalNumber()];
    await post({ from: first, text }, account);
    await post({ from: second, text }, account);
    expect((await phonesOf(one.id)).map(({ value }) => value)).toEqual([first]);
    expect(await lastSaid(account)).toEqual({ kind: "phone_not_verified", reason: "used" });
  });

  it("written again by the number that it has verified changes nothing and is confirmed again", async () => {
    const { account, one, text } = await ready();
    const second = await insertVendorAccount(api().pool, "waha");
    const phone = fictionalNumber();
    await post({ from: phone, text }, account);
    const before = await phonesOf(one.id);
    await post({ from: phone, text }, second);
    expect(await lastSaid(second)).toMatchObject({ kind: "phone_verified" });
    expect(await phonesOf(one.id)).toEqual(before);
  });

  it("reported fifteen times by the vendor is one verification and one answer", async () => {
    const { account, one, text } = await ready("meta");
    const words = { from: fictionalNumber(), text, id: "SAMA" };
    const statuses = await Promise.all(Array.from({ length: 15 }, () => post(words, account)));
    expect(new Set(statuses)).toEqual(new Set([200]));
    expect(await phonesOf(one.id)).toHaveLength(1);
    expect(await saidOn(account)).toHaveLength(1);
    expect(await inboundOf(account)).toHaveLength(1);
    const { rowCount } = await api().pool.query(
      "select from audit_log where subject = $1 and action = 'phone.verified'",
      [one.id],
    );
    expect(rowCount).toBe(1);
  });

  it("used at the same moment from several numbers over two API processes verifies one of them", async () => {
    const other = await buildApi(api().pool);
    for (let round = 0; round < 5; round += 1) {
      const { account, one, text } = await ready();
      const second = await insertVendorAccount(api().pool, "waha");
      const phones = Array.from({ length: 6 }, () => fictionalNumber());
      await Promise.all(
        phones.map((from, at) =>
          at % 2 === 0 ? post({ from, text }, account) : post({ from, text }, second, other),
        ),
      );
      expect(await phonesOf(one.id)).toHaveLength(1);
      const said = [...(await saidOn(account)), ...(await saidOn(second))];
      expect(said.map(({ situation }) => objectAt(situation, "kind")).toSorted()).toEqual([
        ...Array.from({ length: 5 }, () => "phone_not_verified"),
        "phone_verified",
      ]);
    }
  });

  it("of two persons written at the same moment from one number gives it to one of them", async () => {
    const { account, one, text } = await ready();
    const other = await person();
    const otherText = await asked(other);
    const from = fictionalNumber();
    await Promise.all([post({ from, text }, account), post({ from, text: otherText }, account)]);
    const held = [...(await phonesOf(one.id)), ...(await phonesOf(other.id))];
    expect(held).toMatchObject([{ value: from }]);
    const said = (await saidOn(account)).map(({ situation }) => objectAt(situation, "reason"));
    expect(said.toSorted()).toEqual(["taken", undefined]);
  });

  it("is one of a few: the oldest ends when more are asked for than anybody has in hand", async () => {
    const account = await insertVendorAccount(api().pool, "fonnte");
    const one = await person();
    const texts: string[] = [];
    for (let count = 0; count <= OPEN_CODES_MAX; count += 1) texts.push(await asked(one));
    const [oldest, second] = [assertDefined(texts[0]), assertDefined(texts[1])];
    await post({ from: fictionalNumber(), text: oldest }, account);
    expect(await lastSaid(account)).toEqual({ kind: "phone_not_verified", reason: "used" });
    await post({ from: fictionalNumber(), text: second }, account);
    expect(await lastSaid(account)).toMatchObject({ kind: "phone_verified" });
  });
});

describe("where a code proves nothing", () => {
  it("in a group: nobody is verified, nothing is said, and what everybody there has read is void", async () => {
    const { account, one, text } = await ready("gowa");
    const phone = fictionalNumber();
    await post({ from: phone, text, group: "120363000000000001@g.us" }, account);
    expect(await phonesOf(one.id)).toEqual([]);
    expect(await saidOn(account)).toEqual([]);
    expect(await inboundOf(account)).toEqual([{ state: "ignored", body: "" }]);
    await post({ from: phone, text }, account);
    expect(await phonesOf(one.id)).toEqual([]);
    expect(await lastSaid(account)).toEqual({ kind: "phone_not_verified", reason: "used" });
  });

  it("from somebody whose number the vendor hides: it waits in the inbound list, and stays good", async () => {
    const { account, one, text } = await ready("waha");
    await post({ from: null, alias: "99988877766", text }, account);
    expect(await phonesOf(one.id)).toEqual([]);
    expect(await saidOn(account)).toEqual([]);
    const [message] = await inboundOf(account);
    expect(message).toEqual({ state: "unmatched", body: hideVerificationCodes(text) });
    await post({ from: fictionalNumber(), text }, account);
    expect(await phonesOf(one.id)).toHaveLength(1);
  });

  it("from a hidden number that we know by its alias: the person is told where we write to", async () => {
    const { account, one, text } = await ready("waha");
    const phone = fictionalNumber();
    await give(one.id, phone, null);
    await post({ from: phone, alias: "55544433322", text: "halo" }, account);
    await post({ from: null, alias: "55544433322", text }, account);
    expect(await phonesOf(one.id)).toMatchObject([{ value: phone, by: null }]);
    expect((await saidOn(account)).at(-1)).toMatchObject({
      situation: { kind: "phone_not_verified", reason: "no_number" },
      address: phone,
    });
  });

  it("by SMS, whose sender anybody can forge: it is a text like others", async () => {
    const { one, text } = await ready();
    const sms = await insertVendorAccount(api().pool, "twilio-sms");
    await post({ from: fictionalNumber(), text }, sms);
    expect(await phonesOf(one.id)).toEqual([]);
    expect((await inboundOf(sms))[0]?.state).toBe("unmatched");
  });

  it("in a webhook that is not believed", async () => {
    const { account, one, text } = await ready("waha");
    const request = replyPost(account, { from: fictionalNumber(), text });
    const answer = await api().request("POST", request.path, {
      key: null,
      rawBody: request.body.replace('"timestamp"', '"timestamp" '),
      headers: request.headers,
    });
    expect(answer.status).toBe(401);
    expect(await phonesOf(one.id)).toEqual([]);
  });
});

it.each(["waha", "fonnte"] as const)(
  "a known number over %s that writes anything but a code stays unverified: it proves that somebody has it, not who",
  async (provider) => {
    const { account, one } = await ready(provider);
    const phone = fictionalNumber();
    await give(one.id, phone, null);
    await post({ from: phone, text: "Halo, ini Budi" }, account);
    expect(await phonesOf(one.id)).toMatchObject([{ value: phone, by: null }]);
  },
);

describe("open runs", () => {
  it("are planned again with the number, within the same second", async () => {
    const { account, one, text } = await ready();
    const { pool } = api();
    const id = await insertNotificationRow(pool, {
      type: await insertType(pool),
      policyId: await insertPolicy(pool),
    });
    await insertTarget(pool, id, { target: one.id });
    await post({ from: fictionalNumber(), text }, account);
    const { rows } = await pool.query<{ workflow_id: string }>(
      "select workflow_id from notifications where id = $1",
      [id],
    );
    const signals = api().temporal.signals.filter(
      ({ workflowId }) => workflowId === rows[0]?.workflow_id,
    );
    expect(signals.map(({ fact }) => fact)).toEqual([
      { kind: "replan", reason: "contact_verified" },
    ]);
    const marked = await pool.query(
      "select from notification_targets where notification_id = $1 and plan_stale_at is not null",
      [id],
    );
    expect(marked.rowCount).toBe(0);
  });
});

describe("consent", () => {
  it("gives back what was stopped on WhatsApp, offers and surveys excepted, and nothing elsewhere", async () => {
    const { account, one, text } = await ready();
    const { pool } = api();
    const phone = fictionalNumber();
    await pool.query(
      "update notification_types set consent_class = 'promotion' where code = 'promotion'",
    );
    const stopped: readonly (readonly [holder: string, what: string, channel: string])[] = [
      [one.id, "assigned", "whatsapp_personal"],
      [one.id, "promotion", "whatsapp_personal"],
      [one.id, "assigned", "sms"],
      [phone, "urgent", "whatsapp_personal"],
    ];
    for (const [at, [holder, messageClass, channel]] of stopped.entries()) {
      const isUser = holder.startsWith("usr_");
      await pool.query(
        "insert into opt_outs (id, user_id, address, message_class, channel, since) values ($1, $2, $3, $4, $5, now())",
        [
          `out_${one.id}_${at}`,
          isUser ? holder : null,
          isUser ? null : holder,
          messageClass,
          channel,
        ],
      );
    }
    await post({ from: phone, text }, account);
    const { rows } = await pool.query<{ what: string }>(
      "select message_class || ' on ' || channel as what from opt_outs where ended_at is null and holder in ($1, $2) order by what",
      [one.id, phone],
    );
    expect(rows.map(({ what }) => what)).toEqual([
      "assigned on sms",
      "promotion on whatsapp_personal",
    ]);
  });

  it("belongs to the number: who has it next has agreed to nothing", async () => {
    const { account, one, text } = await ready();
    const phone = fictionalNumber();
    await post({ from: phone, text }, account);
    await api().request("PATCH", `/v1/users/${one.id}`, { body: { contacts: [] } });
    const next = await insertUser(api().pool, { phone });
    expect(await phonesOf(next.id)).toMatchObject([{ value: phone, hasConsented: false }]);
  });
});

it("nothing of it stands in the log", async () => {
  const { account, one, text } = await ready();
  const phone = fictionalNumber();
  await post({ from: phone, text }, account);
  expect(await phonesOf(one.id)).toHaveLength(1);
  const log = api().logged.join("\n");
  expect(log).not.toContain(phone.slice(1));
  expect(log).not.toMatch(/SIAGA-[0-9A-Z]{5}/);
});
