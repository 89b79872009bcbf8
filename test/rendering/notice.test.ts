import { describe, expect, it } from "vitest";

import { OUTAGES } from "../../domain/circuit.ts";
import { LOCALES } from "../../domain/locale.ts";
import { UNANSWERED } from "../../domain/notice.ts";
import type { NoticeFacts } from "../../domain/notice.ts";
import { TEMPLATE_FAULTS } from "../../domain/provider-template.ts";
import { inWordsOf } from "../../rendering/notice.ts";
import { templateScope } from "../../rendering/scope.ts";
import type { ScopeFacts } from "../../rendering/scope.ts";
import { renderText } from "../../rendering/template.ts";

const OUT = { kind: "account_out", accounts: ["Fonnte utama"], outage: "unauthorized" } as const;

const EVERY: readonly NoticeFacts[] = [
  ...UNANSWERED.map((happened) => ({ kind: "unanswered", happened }) as const),
  ...[...OUTAGES, null].map(
    (outage) => ({ kind: "account_out", accounts: ["A", "B"], outage }) as const,
  ),
  ...TEMPLATE_FAULTS.map(
    (fault) =>
      ({
        kind: "template_fault",
        account: "Meta",
        template: "siaga_info",
        language: "id",
        fault,
      }) as const,
  ),
  {
    kind: "staff_opted_out",
    person: null,
    channel: "sms",
    classes: ["urgent", { id: "Promo", en: "Offers" }],
  },
];

describe("a notice to the operators", () => {
  it.each(EVERY)("is told in each language in words of its own: %j", (facts) => {
    const [indonesian, english] = LOCALES.map((locale) => inWordsOf(locale, facts));
    expect(indonesian).not.toBe(english);
    for (const words of [indonesian, english]) {
      expect(words).toEqual(expect.stringMatching(/^[^{}]{5,}$/));
      expect(words).not.toContain("undefined");
    }
  });

  it.each([
    {
      locale: "id",
      notice: "Fonnte utama: kredensial ditolak, akun tidak dipakai",
      type: "Tiket mendesak",
      reason: "Tidak ada yang menjawab",
    },
    {
      locale: "en",
      notice: "Fonnte utama: its credentials are refused, taken out",
      type: "Urgent ticket",
      reason: "Nobody Answered",
    },
  ] as const)("is $locale to a reader of $locale, the names and reasons beside it too", (row) => {
    const facts: ScopeFacts = {
      type: { code: "operator_notice", name: "x" },
      priority: "high",
      zone: null,
      category: null,
      ticketId: null,
      ticket: null,
      assigneeName: null,
      customer: null,
      portalUrl: null,
      locale: row.locale,
      data: {
        notice: OUT,
        notification_type: { id: "Tiket mendesak", en: "Urgent ticket" },
        reason: "nobody_answered",
      },
    };
    const text = renderText({
      body: "{{ notification_type }} | {{ notice }} | {{ reason | status_label }}",
      data: templateScope(facts),
      channel: "in_app",
      locale: row.locale,
      timeZone: "Asia/Jakarta",
    });
    expect(text).toBe(`${row.type} | ${row.notice} | ${row.reason}`);
  });

  it.each([
    ["listrik padam", "a person's own words"],
    [{ kind: "account_out", accounts: "Fonnte", outage: null }, "no list"],
    [{ kind: "account_out", accounts: ["Fonnte"], outage: "on fire" }, "no outage that we know"],
    [{ kind: "unanswered", happened: "toString" }, "nothing that happens"],
    [{ kind: "template_fault", account: "Meta" }, "half of it"],
    [{ kind: "staff_opted_out", person: null, channel: "sms", classes: [1] }, "no name"],
    [{ id: "satu", en: "one", fr: "un" }, "more than a name in our languages"],
    [["id", "en"], "a list"],
    [null, "nothing"],
  ])("leaves %j as it is: %s", (value, _why) => {
    expect(inWordsOf("en", value)).toEqual(value);
  });

  it.each([
    ["constructor", "Constructor"],
    ["toString", "ToString"],
    ["__proto__", "  Proto  "],
  ])("says %j, which every object has and no language, by its own letters", (word, label) => {
    for (const locale of LOCALES) {
      const text = renderText({
        body: "{{ status | status_label }}|{{ notice }}",
        data: {
          status: word,
          notice: inWordsOf(locale, {
            kind: "staff_opted_out",
            person: "Ani",
            channel: word,
            classes: [],
          }),
        },
        channel: "in_app",
        locale,
        timeZone: "Asia/Jakarta",
      });
      expect(text).not.toMatch(/native code|\[object/u);
      expect(text).toContain(label.trim());
      expect(text.split("|")[1]).toContain(word);
    }
  });
});
