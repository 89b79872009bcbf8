import { describe, expect, it } from "vitest";

import { inboxRows } from "../../activities/inbox-row.ts";
import type { MessageFacts, SnapshotTemplate } from "../../domain/plan-snapshot.ts";
import { T0 } from "../support/plan-snapshot.ts";

const TEMPLATES: readonly SnapshotTemplate[] = [
  { channel: "in_app", locale: "id", subject: "Sejak", body: "Mulai {{ since | local_time }}" },
  { channel: "in_app", locale: "en", subject: "Since", body: "Since {{ since | local_time }}" },
];

const MOMENT = { portalUrl: null, now: T0 };

function facts(data: Readonly<Record<string, unknown>>): MessageFacts {
  return {
    type: { code: "outage", names: { id: "Gangguan", en: "Outage" } },
    answers: "none",
    priority: "medium",
    zone: null,
    category: null,
    ticketId: null,
    ticket: null,
    assigneeName: null,
    customer: null,
    data,
    attachments: [],
  };
}

function reader(id: string, locale: "id" | "en", timeZone: string) {
  return { person: { id, locale }, timeZone };
}

describe("the inbox rows of a notification that begins", () => {
  it("are in each reader's language and by each reader's clock, in the readers' order", () => {
    const rows = inboxRows(
      TEMPLATES,
      facts({ since: T0 }),
      [
        reader("usr_1", "id", "Asia/Jakarta"),
        reader("usr_2", "en", "Asia/Jakarta"),
        reader("usr_3", "id", "Asia/Jayapura"),
        reader("usr_4", "id", "Asia/Jakarta"),
      ],
      MOMENT,
    );

    expect(rows.map(({ userId, title }) => `${userId} ${title}`)).toEqual([
      "usr_1 Sejak",
      "usr_2 Since",
      "usr_3 Sejak",
      "usr_4 Sejak",
    ]);
    const [first, second, third, fourth] = rows.map(({ body }) => body);
    expect(first).toContain("10.00 WIB");
    expect(second).toContain("Since");
    expect(third).toContain("12.00 WIT");
    expect(fourth).toBe(first);
  });

  it("are nobody's when the facts don't fill the text any more", () => {
    const readers = [
      reader("usr_1", "id", "Asia/Jakarta"),
      reader("usr_2", "id", "Asia/Jakarta"),
      reader("usr_3", "en", "Asia/Jakarta"),
    ];

    expect(inboxRows(TEMPLATES, facts({}), readers, MOMENT)).toEqual([]);
  });
});
