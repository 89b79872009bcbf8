import { beforeEach, describe, expect, it } from "vitest";
import { newId } from "../../db/new-id.ts";
import { objectAt, useApi } from "./harness.ts";
import { idsOfAllPages } from "./pages.ts";

const api = useApi();

let person: { readonly id: string; readonly key: string };
let notificationId: string;

beforeEach(async () => {
  person = await api().person("technician", ["karawang"]);
  notificationId = await api().accept();
});

/** An in-app message with its delivery, as plan and settle write them. */
async function giveMessage(
  options: {
    readonly userId?: string;
    readonly purpose?: "ladder" | "closing";
    readonly notificationId?: string;
  } = {},
): Promise<string> {
  const id = newId("ina", Date.now());
  const {
    userId = person.id,
    purpose = "ladder",
    notificationId: about = notificationId,
  } = options;
  await api().pool.query(
    `insert into in_app_messages (id, notification_id, user_id, purpose, purpose_key, title, body) values ($1, $2, $3, $4, $5, 'Judul', 'Isi')`,
    [id, about, userId, purpose, purpose === "closing" ? "1" : "1/1"],
  );
  await api().pool.query(
    `insert into deliveries (id, notification_id, purpose, pass, step, target, user_id, channel, attempt, hand_over, status, accepted_at, sent_at)
     values ($1, $2, $3, 1, $4, $5, $5, 'in_app', 1, 0, 'sent', now(), now())`,
    [newId("dlv", Date.now()), about, purpose, purpose === "closing" ? 0 : 1, userId],
  );
  return id;
}

async function deliveries(): Promise<readonly string[]> {
  const { rows } = await api().pool.query<{ line: string }>(
    `select purpose || ' ' || status || case when read_at is null then '' else ' read_at' end as line
     from deliveries where notification_id = $1 and user_id = $2 order by purpose`,
    [notificationId, person.id],
  );
  return rows.map(({ line }) => line);
}

const read = (id: string, key = person.key) =>
  api().request("POST", `/v1/me/inbox/${id}/read`, { key });

describe("GET /v1/me/inbox", () => {
  it("shows one's messages, newest first, and how many are unread", async () => {
    const first = await giveMessage();
    const second = await giveMessage({ purpose: "closing" });
    await giveMessage({ userId: (await api().person("technician")).id });
    await read(first);

    const answer = await api().request("GET", "/v1/me/inbox", { key: person.key });
    expect(answer.status, answer.text).toBe(200);
    expect(answer.body).toMatchObject({
      unread: 1,
      nextCursor: null,
      items: [
        { id: second, notificationId, purpose: "closing", title: "Judul", readAt: null },
        { id: first, type: "outage", priority: "critical" },
      ],
    });
    expect(objectAt(answer.body, "items", 1, "readAt")).toMatch(/Z$/);
    const unread = await api().request("GET", "/v1/me/inbox?unread=true", { key: person.key });
    expect(objectAt(unread.body, "items", 0, "id")).toBe(second);
    expect(objectAt(unread.body, "items", 1)).toBeUndefined();
  });

  it("neither skips nor repeats while new ones arrive", async () => {
    const messages: string[] = [];
    for (let index = 0; index < 7; index += 1) {
      messages.push(await giveMessage({ notificationId: await api().accept() }));
    }
    const seen = await idsOfAllPages(
      (cursor) => api().request("GET", `/v1/me/inbox?limit=3${cursor}`, { key: person.key }),
      async () => giveMessage({ notificationId: await api().accept() }),
    );
    expect(seen).toEqual(messages.toReversed());
  });
});

describe("POST /v1/me/inbox/{id}/read", () => {
  it.each(["ladder", "closing"] as const)(
    "marks a %s message and its delivery, once",
    async (purpose) => {
      await giveMessage({ purpose });
      const other = await giveMessage({ purpose: purpose === "ladder" ? "closing" : "ladder" });
      const id = await giveMessageId(purpose);
      const first = await read(id);
      expect(first.status, first.text).toBe(200);
      const second = await read(id);
      expect(second.body).toEqual(first.body);
      expect(await deliveries()).toEqual(
        purpose === "ladder"
          ? ["closing sent", "ladder read read_at"]
          : ["closing read read_at", "ladder sent"],
      );
      expect(other).not.toBe(id);
      const { rows } = await api().pool.query<{ kind: string }>(
        "select kind from notification_events where notification_id = $1 and reason = 'read'",
        [notificationId],
      );
      expect(rows).toEqual([{ kind: "receipt" }]);
    },
  );

  async function giveMessageId(purpose: string): Promise<string> {
    const { rows } = await api().pool.query<{ id: string }>(
      "select id from in_app_messages where notification_id = $1 and purpose = $2",
      [notificationId, purpose],
    );
    return rows[0]?.id ?? "";
  }

  it.each([
    { settledBy: "read", isTold: true, reason: "waits for just that" },
    { settledBy: "delivered", isTold: true, reason: "read implies delivered" },
    { settledBy: "sent", isTold: false, reason: "was met before" },
    { settledBy: "acknowledged", isTold: false, reason: "reading is no acknowledgment" },
  ])("tells a run settled by $settledBy: $isTold, $reason", async ({ settledBy, isTold }) => {
    await api().pool.query("update notifications set run_plan = $2 where id = $1", [
      notificationId,
      { rules: { settledBy } },
    ]);
    const id = await giveMessage();
    await read(id);
    await api().background.idle();
    const facts = api()
      .temporal.signals.filter(({ workflowId }) => workflowId.endsWith(notificationId))
      .map(({ fact }) => fact);
    expect(facts).toEqual(
      isTold
        ? [
            expect.objectContaining({
              kind: "receipt",
              channel: "in_app",
              status: "read",
              target: person.id,
              pass: 1,
              step: 1,
              attempt: 1,
            }),
          ]
        : [],
    );
  });

  it("keeps another's message closed, and lets nobody read for others", async () => {
    const other = await api().person("technician", ["karawang"]);
    const id = await giveMessage({ userId: other.id });
    expect((await read(id)).status).toBe(404);
    expect((await read(newId("ina", Date.now()))).status).toBe(404);
    expect((await api().request("POST", `/v1/me/inbox/${id}/read`)).status).toBe(403);
    const { rows } = await api().pool.query(
      "select from in_app_messages where id = $1 and read_at is not null",
      [id],
    );
    expect(rows).toEqual([]);
  });
});

describe("invariant 38: GET /v1/users/{id}/inbox", () => {
  it.each([
    { role: "admin", status: 200 },
    { role: "manager", status: 403 },
    { role: "supervisor", status: 403 },
    { role: "noc", status: 403 },
    { role: "customer_service", status: 404 },
    { role: "technician", status: 404 },
  ] as const)("another's inbox for a $role: $status", async ({ role, status }) => {
    const { key } = await api().person(role, role === "supervisor" ? ["karawang"] : []);
    const answer = await api().request("GET", `/v1/users/${person.id}/inbox`, { key });
    expect(answer.status).toBe(status);
  });

  it("is open to its owner, and to a system that may read texts", async () => {
    await giveMessage();
    const path = `/v1/users/${person.id}/inbox`;
    expect((await api().request("GET", path, { key: person.key })).status).toBe(200);
    const master = await api().systemKey("master:read");
    expect((await api().request("GET", path, { key: master })).status).toBe(403);
    const reader = await api().systemKey("master:read", "messages:read");
    expect((await api().request("GET", path, { key: reader })).status).toBe(200);
  });
});
