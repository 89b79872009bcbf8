import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";

import { signAckLink } from "../../db/ack-link.ts";
import { recordAct } from "../../db/acts.ts";
import { newId } from "../../db/new-id.ts";
import { assertDefined } from "../support/assert-defined.ts";
import {
  insertNotificationRow,
  insertPolicy,
  insertTarget,
  insertType,
  insertUser,
  SECRET_KEY,
} from "../support/rows.ts";
import { useApi } from "./harness.ts";
import type { Answer } from "./harness.ts";

const api = useApi();

type Scene = { readonly id: string; readonly userId: string; readonly path: string };

async function scene(
  options: {
    readonly answers?: string;
    readonly locale?: string;
    readonly name?: string;
    readonly data?: Readonly<Record<string, unknown>>;
    readonly expiresAt?: number;
  } = {},
): Promise<Scene> {
  const { pool } = api();
  const answers = options.answers ?? "acknowledge";
  const type = await insertType(pool, { answers, priority: "critical" });
  const id = await insertNotificationRow(pool, {
    type,
    policyId: await insertPolicy(pool),
    priority: "critical",
    answers,
  });
  const user = await insertUser(pool, { name: options.name ?? "Budi" });
  await insertTarget(pool, id, { target: user.id });
  await pool.query("update users set locale = $2 where id = $1", [user.id, options.locale ?? "id"]);
  await pool.query("update notifications set data = $2, accepted_at = $3 where id = $1", [
    id,
    options.data ?? { location: "POP Klari", description: "OLT-2 tidak merespons" },
    new Date(Date.UTC(2026, 0, 5, 1, 0)),
  ]);
  return { id, userId: user.id, path: linkTo(id, user.id, options.expiresAt) };
}

function linkTo(notificationId: string, targetId: string, expiresAt = Date.now() + 60_000): string {
  const kind = targetId.startsWith("grp_") ? "group" : "user";
  const link = { notificationId, target: { kind, id: targetId }, expiresAt } as const;
  return `/a/${signAckLink(link, SECRET_KEY)}`;
}

const open = (path: string): Promise<Answer> => api().request("GET", path, { key: null });
const press = (path: string, fields: Readonly<Record<string, string>> = {}): Promise<Answer> =>
  api().request("POST", path, {
    key: null,
    rawBody: new URLSearchParams(fields).toString(),
    headers: { "content-type": "application/x-www-form-urlencoded" },
  });

async function row(id: string): Promise<Readonly<Record<string, unknown>>> {
  const { rows } = await api().pool.query<Record<string, unknown>>(
    "select stop_kind, answer, rating, acknowledged_by from notifications where id = $1",
    [id],
  );
  return assertDefined(rows[0]);
}

const buttonsIn = (page: Answer): number => page.text.split("<button").length - 1;

describe("opening a signed link", () => {
  it("shows what, where, since when and who has it, with one button, and acknowledges nothing", async () => {
    const { id, path } = await scene();
    for (let previews = 0; previews < 3; previews += 1) await open(path);
    const page = await open(path);
    expect(page.status).toBe(200);
    for (const words of [
      "OLT-2 tidak merespons",
      "POP Klari",
      "5 Jan 2026",
      "08.00",
      "Kritis",
      "Belum ada yang mengambil.",
      "Saya tangani",
    ]) {
      expect(page.text).toContain(words);
    }
    expect(buttonsIn(page)).toBe(1);
    expect(await row(id)).toMatchObject({ stop_kind: null });
    expect((await api().request("HEAD", path, { key: null })).status).toBe(200);
    expect(await row(id)).toMatchObject({ stop_kind: null });
  });

  it("is small, plain and for this reader alone", async () => {
    const { path } = await scene();
    const page = await open(path);
    expect(Buffer.byteLength(page.text)).toBeLessThan(20_000);
    expect(page.text).not.toMatch(/<script|javascript:|\son\w+=|<img|<link|https?:\/\//i);
    expect(page.text).toMatch(/^<!doctype html>\s*<html lang="id">/);
    expect(page.text).toContain('name="viewport"');
    expect(page.headers.get("cache-control")).toBe("no-store");
    expect(page.headers.get("referrer-policy")).toBe("no-referrer");
    expect(page.headers.get("x-robots-tag")).toContain("noindex");
    const policy = page.headers.get("content-security-policy");
    expect(policy).toContain("default-src 'none'");
    // The browser shows the style only if its text is exactly that of the policy.
    const style = /<style>(.*?)<\/style>/s.exec(page.text)?.[1] ?? "";
    const hash = createHash("sha256").update(style).digest("base64");
    expect(policy).toContain(`style-src 'sha256-${hash}'`);
    expect(page.headers.get("content-type")).toContain("text/html");
  });

  it("speaks the reader's language", async () => {
    const { path } = await scene({ locale: "en" });
    const page = await open(path);
    expect(page.text).toContain('<html lang="en">');
    expect(page.text).toContain("Nobody has taken it yet.");
    expect(page.text).toContain("take care of it");
  });

  it("shows what other systems wrote as text and nothing else", async () => {
    const { path } = await scene({
      data: { location: '"><script>alert(1)</script>', description: "<b>tebal</b> & 'kutip'" },
    });
    const page = await open(path);
    expect(page.text).not.toContain("<script>");
    expect(page.text).not.toContain("<b>");
    expect(page.text).toContain("&lt;b&gt;tebal&lt;/b&gt; &amp; &#39;kutip&#39;");
  });

  it.each([
    ["nonsense", () => "/a/nonsense", 404],
    [
      "a forged tag",
      (path: string) => `${path.slice(0, -1)}${path.endsWith("A") ? "B" : "A"}`,
      404,
    ],
  ])("with %s says politely that it is not valid", async (_what, alter, status) => {
    const { path } = await scene();
    const page = await open(alter(path));
    expect(page.status).toBe(status);
    expect(page.text).toContain("Tautan tidak berlaku");
    expect(page.headers.get("cache-control")).toBe("no-store");
    expect(buttonsIn(page)).toBe(0);
  });

  it("of somebody who was switched off shows nothing", async () => {
    const { path, userId } = await scene();
    await api().pool.query("update users set is_active = false where id = $1", [userId]);
    const page = await open(path);
    expect(page.status).toBe(404);
    expect(page.text).not.toContain("POP Klari");
  });

  it.each<[when: string, pastEndMs: number, status: number]>([
    ["just before its end", -1_000, 200],
    ["at its end", 0, 410],
    ["just after its end", 1_000, 410],
  ])("%s answers as it should", async (_when, pastEndMs, status) => {
    const expiresAt = Date.UTC(2026, 0, 6);
    const { id, path } = await scene({ expiresAt });
    api().clock.nowMs = expiresAt + pastEndMs;
    try {
      expect((await open(path)).status).toBe(status);
      expect((await press(path)).status).toBe(status);
    } finally {
      api().clock.nowMs = null;
    }
    expect(await row(id)).toMatchObject({ stop_kind: status === 200 ? "acknowledge" : null });
  });

  it.each([
    ["cancel", "Sudah dibatalkan"],
    ["resolve", "Sudah selesai"],
  ] as const)("after a %s says so without a button", async (kind, words) => {
    const { id, path } = await scene();
    await act(id, kind, null);
    const page = await open(path);
    expect(page.text).toContain(words);
    expect(buttonsIn(page)).toBe(0);
  });

  it("after the run ended without an answer says so without a button", async () => {
    const { id, path } = await scene();
    await api().pool.query(
      "update notifications set status = 'settled', outcome = 'exhausted', settled_at = now() where id = $1",
      [id],
    );
    const page = await open(path);
    expect(page.text).toContain("Sudah ditutup");
    expect(buttonsIn(page)).toBe(0);
    expect((await press(path)).text).toContain("sudah ditutup");
    expect(await row(id)).toMatchObject({ stop_kind: null });
  });
});

async function act(id: string, kind: "acknowledge" | "cancel" | "resolve", by: string | null) {
  const person = by === null ? null : await insertUser(api().pool, { name: by });
  await recordAct(api().pool, {
    actId: newId("act", Date.now()),
    notificationId: id,
    kind,
    by: { kind: "user", userId: person?.id ?? null, name: by },
    via: "api",
    note: null,
    params: {},
    now: Date.UTC(2026, 0, 5, 7, 5),
  });
}

describe("pressing its button", () => {
  it("acknowledges as the person it was sent to, and tells the run", async () => {
    const { id, path, userId } = await scene();
    const page = await press(path);
    await api().background.idle();
    expect(page.status).toBe(200);
    expect(page.text).toContain("Terima kasih, sudah dicatat.");
    expect(buttonsIn(page)).toBe(0);
    expect(await row(id)).toMatchObject({
      stop_kind: "acknowledge",
      acknowledged_by: { kind: "link", userId, name: "Budi", via: "link" },
    });
    expect(
      api().temporal.signals.filter(({ workflowId }) => workflowId.endsWith(id)),
    ).toMatchObject([{ fact: { kind: "act", act: { kind: "acknowledge", userId } } }]);
  });

  it("twice records one and says that it is noted", async () => {
    const { id, path } = await scene();
    await Promise.all([press(path), press(path)]);
    const again = await press(path);
    expect(again.text).toContain("Sudah tercatat sebelumnya");
    expect((await open(path)).text).toContain("ini ada pada Anda");
    const { rows } = await api().pool.query(
      "select count(*) from acts where notification_id = $1 and applied",
      [id],
    );
    expect(rows).toEqual([{ count: 1 }]);
  });

  it("too late says who was first and when", async () => {
    const { id, path } = await scene();
    await act(id, "acknowledge", "Sari");
    expect((await open(path)).text).toContain("Sudah diambil oleh Sari pada 5 Jan 2026");
    const page = await press(path);
    expect(page.text).toContain("sudah diambil oleh Sari pukul 14:05");
    expect(await row(id)).toMatchObject({ acknowledged_by: { name: "Sari" } });
  });

  it.each([
    ["accept", "Terima tugas", "accepted"],
    ["claim", "Ambil tugas", "claimed"],
  ])("of a type that asks to %s does that", async (answers, words, answer) => {
    const { id, path } = await scene({ answers });
    expect((await open(path)).text).toContain(words);
    await press(path);
    expect(await row(id)).toMatchObject({ answer });
  });

  it.each<[rating: string | null, status: number, kept: number | null]>([
    [null, 422, null],
    ["0", 422, null],
    ["1", 200, 1],
    ["5", 200, 5],
    ["6", 422, null],
    ["lima", 422, null],
  ])("of a survey with the rating %s answers %i", async (rating, status, kept) => {
    const { id, path } = await scene({ answers: "rate" });
    expect((await open(path)).text).toContain('type="radio"');
    const page = await press(path, rating === null ? {} : { rating });
    expect(page.status).toBe(status);
    expect(await row(id)).toMatchObject({ rating: kept });
  });

  it("needs no sign-in and takes no notice of a key", async () => {
    const { id, path } = await scene();
    const page = await api().request("POST", path, {
      rawBody: "",
      headers: { "content-type": "text/plain" },
    });
    expect(page.status).toBe(200);
    expect(await row(id)).toMatchObject({
      stop_kind: "acknowledge",
      acknowledged_by: { kind: "link" },
    });
  });

  it("while the record can't be written says 5xx and changes nothing", async () => {
    const { id, path } = await scene();
    await api().pool.query("alter table acts rename to acts_away");
    try {
      expect((await press(path)).status).toBe(500);
    } finally {
      await api().pool.query("alter table acts_away rename to acts");
    }
    expect(await row(id)).toMatchObject({ stop_kind: null });
  });
});

describe("a group's link", () => {
  async function group(): Promise<Scene & { readonly groupId: string; readonly memberId: string }> {
    const one = await scene();
    const groupId = newId("grp", Date.now());
    const memberId = newId("mem", Date.now());
    const { pool } = api();
    await pool.query("insert into whatsapp_groups (id, name, category) values ($1, 'NOC', 'noc')", [
      groupId,
    ]);
    await pool.query(
      `insert into whatsapp_group_members (id, group_id, user_id, name, is_active) values
         ($1, $2, $3, null, true), ($4, $2, null, 'Pak RT', true), ($5, $2, null, 'Sudah keluar', false)`,
      [memberId, groupId, one.userId, newId("mem", Date.now()), newId("mem", Date.now())],
    );
    await insertTarget(pool, one.id, { target: groupId });
    return { ...one, groupId, memberId, path: linkTo(one.id, groupId) };
  }

  it("asks who is answering, from its active members or by name", async () => {
    const { path } = await group();
    const page = await open(path);
    expect(page.text).toContain("Siapa yang menjawab?");
    expect(page.text).toContain(">Budi</option>");
    expect(page.text).toContain(">Pak RT</option>");
    expect(page.text).not.toContain("Sudah keluar");
    expect(buttonsIn(page)).toBe(1);
  });

  it("without a name acknowledges nothing and asks again", async () => {
    const { id, path } = await group();
    for (const fields of [{}, { name: "   " }, { member: newId("mem", Date.now()) }]) {
      const page = await press(path, fields);
      expect(page.status).toBe(422);
      expect(page.text).toContain("Mohon pilih atau tulis nama Anda.");
      expect(buttonsIn(page)).toBe(1);
    }
    expect(await row(id)).toMatchObject({ stop_kind: null });
  });

  it("acknowledges as the member who was chosen", async () => {
    const { groupId, id, memberId, path, userId } = await group();
    await press(path, { member: memberId });
    expect(await row(id)).toMatchObject({
      stop_kind: "acknowledge",
      acknowledged_by: { kind: "link", userId, groupId, name: "Budi" },
    });
  });

  it("acknowledges under the name that was written", async () => {
    const { groupId, id, path } = await group();
    await press(path, { name: "  Tetangga\u0000 sebelah " });
    expect(await row(id)).toMatchObject({
      stop_kind: "acknowledge",
      acknowledged_by: { kind: "link", userId: null, groupId, name: "Tetangga sebelah" },
    });
  });
});

it("a signed link never reaches the log", async () => {
  const { path } = await scene();
  await open(path);
  await press(path);
  const token = path.slice("/a/".length);
  expect(api().logged.join("\n")).not.toContain(token);
  expect(api().logged.length).toBeGreaterThan(0);
});
