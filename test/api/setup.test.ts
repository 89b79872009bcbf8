import { randomBytes } from "node:crypto";
import { describe, expect, it } from "vitest";
import { printSetupLinkIfNeeded } from "../../api/print-setup-link.ts";
import { SETUP_LINK_LASTS_MS, createSetupLink } from "../../db/setup-links.ts";
import { freshDatabase } from "../support/database.ts";
import { PUBLIC_URL, useApi } from "./harness.ts";
import type { Answer } from "./harness.ts";

const api = useApi();

let counter = 0;
function aPhone(): string {
  counter += 1;
  return `+6281234000${String(counter).padStart(3, "0")}`;
}

async function aLink(): Promise<string> {
  return (await createSetupLink(api().pool, Date.now(), randomBytes)).token;
}

const open = (token: string, headers: Record<string, string> = {}): Promise<Answer> =>
  api().request("GET", `/setup/${token}`, { key: null, headers });

const submit = (token: string, form: Record<string, string>): Promise<Answer> =>
  api().request("POST", `/setup/${token}`, {
    key: null,
    rawBody: new URLSearchParams(form).toString(),
    headers: { "content-type": "application/x-www-form-urlencoded" },
  });

const keyIn = ({ text }: Answer): string => /sg_live_[\w-]{43}/.exec(text)?.[0] ?? "";

describe("GET /setup/{token}", () => {
  it("shows one form and no script, however often it is opened", async () => {
    const token = await aLink();
    // Chat programs open links to show a preview.
    for (let times = 0; times < 3; times += 1) {
      const page = await open(token);
      expect(page.status).toBe(200);
      expect(page.headers.get("content-type")).toMatch(/^text\/html/);
      expect(page.text.match(/<form/g)).toHaveLength(1);
      expect(page.text).not.toMatch(/<script|javascript:|\son\w+=/i);
    }
    const page = await open(token);
    expect(page.headers.get("cache-control")).toBe("no-store");
    expect(page.headers.get("content-security-policy")).toContain("default-src 'none'");
    expect(page.headers.get("referrer-policy")).toBe("no-referrer");
  });

  it.each([
    { language: "en-GB,en;q=0.9", title: "First administrator" },
    { language: "id-ID", title: "Administrator pertama" },
    { language: "", title: "Administrator pertama" },
  ])("speaks $language", async ({ language, title }) => {
    const page = await open(await aLink(), { "accept-language": language });
    expect(page.text).toContain(`<h1>${title}</h1>`);
  });

  it.each(["x", "a".repeat(43), "..%2f", "%00"])("does not know %s", async (token) => {
    expect((await open(token)).status).toBe(404);
    expect((await submit(token, { name: "Contoh", phone: aPhone() })).status).toBe(404);
  });
});

describe("POST /setup/{token}", () => {
  it("makes its holder an administrator and shows the key once", async () => {
    const [token, phone] = [await aLink(), aPhone()];
    const page = await submit(token, { name: " Ibu Contoh ", phone: phone.replace("+62", "0") });
    expect(page.status, page.text).toBe(200);
    const me = await api().request("GET", "/v1/me", { key: keyIn(page) });
    expect(me.status, me.text).toBe(200);
    expect(me.body).toMatchObject({
      name: "Ibu Contoh",
      role: "admin",
      isActive: true,
      contacts: [{ kind: "phone", value: phone, verifiedBy: "admin" }],
    });
    for (const again of [await open(token), await submit(token, { name: "X", phone: aPhone() })]) {
      expect(again.status).toBe(410);
      expect(keyIn(again)).toBe("");
    }
  });

  it("lets one of many who use it at once win", async () => {
    const token = await aLink();
    const pages = await Promise.all(
      [1, 2, 3, 4].map(() => submit(token, { name: "Contoh", phone: aPhone() })),
    );
    expect(pages.map(({ status }) => status).sort()).toEqual([200, 410, 410, 410]);
    const { rows } = await api().pool.query(
      "select from audit_log where action = 'administrator.set_up' and by ->> 'kind' = 'setup_link'",
    );
    expect(rows.length).toBeGreaterThan(0);
  });

  it.each([
    { form: { name: "", phone: "+6281234000001" }, reason: "no name" },
    { form: { name: "Contoh", phone: "abc" }, reason: "no number" },
    { form: { phone: "+6281234000001" }, reason: "a field that isn't sent" },
    { form: { name: "x".repeat(201), phone: "+6281234000001" }, reason: "a name without end" },
  ])("shows the form again for $reason and stays usable", async ({ form }) => {
    const token = await aLink();
    const page = await submit(token, form);
    expect(page.status).toBe(422);
    expect(page.text).toContain('role="alert"');
    expect((await submit(token, { name: "Contoh", phone: aPhone() })).status).toBe(200);
  });

  it("shows what was typed as text, whatever it was", async () => {
    const page = await submit(await aLink(), { name: '"><script>alert(1)</script>', phone: "x" });
    expect(page.status).toBe(422);
    expect(page.text).not.toContain("<script>");
    expect(page.text).toContain("&quot;&gt;&lt;script&gt;");
  });

  it("brings back an administrator who lost every key, under the same user", async () => {
    const phone = aPhone();
    const first = await submit(await aLink(), { name: "Ibu Contoh", phone });
    const second = await submit(await aLink(), { name: "Nama Lain", phone });
    const [one, two] = await Promise.all(
      [first, second].map((page) => api().request("GET", "/v1/me", { key: keyIn(page) })),
    );
    expect(two?.body["id"]).toBe(one?.body["id"]);
    expect(two?.body["name"]).toBe("Ibu Contoh");
  });

  it("raises somebody who is known by the number to administrator", async () => {
    const phone = aPhone();
    const made = await api().request("POST", "/v1/users", {
      body: { name: "Contoh", role: "noc", contacts: [{ kind: "phone", value: phone }] },
    });
    const page = await submit(await aLink(), { name: "Contoh", phone });
    const me = await api().request("GET", "/v1/me", { key: keyIn(page) });
    expect(me.body).toMatchObject({ id: made.body["id"], role: "admin" });
  });

  it.each([
    { afterMs: SETUP_LINK_LASTS_MS - 1, status: 200, reason: "just before" },
    { afterMs: SETUP_LINK_LASTS_MS, status: 410, reason: "at" },
    { afterMs: SETUP_LINK_LASTS_MS + 1, status: 410, reason: "just after" },
  ])("$reason the end of its time answers $status", async ({ afterMs, status }) => {
    const madeAt = Date.UTC(2026, 0, 5);
    const { token } = await createSetupLink(api().pool, madeAt, randomBytes);
    api().clock.nowMs = madeAt + afterMs;
    try {
      expect((await open(token)).status).toBe(status);
      expect((await submit(token, { name: "Contoh", phone: aPhone() })).status).toBe(status);
    } finally {
      api().clock.nowMs = null;
    }
  });

  it("leaves neither token nor key in a log line or a row", async () => {
    const token = await aLink();
    const page = await submit(token, { name: "Contoh", phone: aPhone() });
    const { rows } = await api().pool.query<{ text: string }>(
      `select jsonb_agg(l)::text as text from setup_links l
       union all select jsonb_agg(k)::text from api_keys k
       union all select jsonb_agg(a)::text from audit_log a`,
    );
    const kept = [...rows.map(({ text }) => text), ...api().logged].join("\n");
    expect(kept).not.toContain(token);
    expect(kept).not.toContain(keyIn(page));
  });
});

describe("the first start", () => {
  it("prints a link while nobody is an administrator, and none afterwards", async () => {
    const database = await freshDatabase();
    try {
      const printed: string[] = [];
      const start = () =>
        printSetupLinkIfNeeded(database.pool, PUBLIC_URL, (text) => printed.push(text));
      await start();
      await start();
      expect(printed).toHaveLength(2);
      expect(printed[0]).toMatch(/https:\/\/siaga\.test\/setup\/[\w-]{43}$/);

      await database.pool.query(
        `insert into api_keys (id, name, sender, key_hash, key_prefix, scopes) values ('key_1', 'x', 'x', '\\x01', 'x', '{admin}')`,
      );
      await start();
      expect(printed).toHaveLength(2);

      await database.pool.query("update api_keys set revoked_at = now()");
      await start();
      expect(printed).toHaveLength(3);
    } finally {
      await database.drop();
    }
  });
});
