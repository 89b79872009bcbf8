import { describe, expect, it } from "vitest";
import { GROUPS } from "../../../db/seed/groups.ts";
import { META_TEMPLATES, metaTemplateFor } from "../../../db/seed/meta-templates.ts";
import { PEOPLE } from "../../../db/seed/people.ts";
import { REPLY_MEANINGS, REPLY_WORDS } from "../../../db/seed/reply-words.ts";
import { RULES } from "../../../db/seed/rules.ts";
import { sampleData } from "../../../db/seed/sample-data.ts";
import { TEMPLATES, variablesOf } from "../../../db/seed/templates.ts";
import { TICKETS } from "../../../db/seed/tickets.ts";
import { TYPES } from "../../../db/seed/types.ts";
import { ZONES } from "../../../db/seed/zones.ts";
import { isTimeZone } from "../../../domain/clock-time.ts";
import { DEFAULT_POLICIES } from "../../../domain/default-policies.ts";
import { preferenceClassOf } from "../../../domain/effective-settings.ts";
import { isGroupChatId } from "../../../domain/group-id.ts";
import { LOCALES } from "../../../domain/locale.ts";
import { ANSWER_KINDS } from "../../../domain/notification.ts";
import { chooseTemplate } from "../../../domain/template-choice.ts";
import { composeMessage } from "../../../rendering/compose.ts";
import { DERIVED_VARIABLES, templateScope } from "../../../rendering/scope.ts";
import { smsParts } from "../../../rendering/sms-parts.ts";
import { missingVariables, renderText, templateVariables } from "../../../rendering/template.ts";

const TYPE_CODES = TYPES.map(({ code }) => code);
const ZONE_CODES: readonly string[] = ZONES.map(({ code }) => code);
/** GSM 03.38 without its extension: one character more and the SMS holds 70 instead of 160. */
const GSM_7 = /^[@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !"#¤%&'()*+,\-./0-9:;<=>?¡A-ZÄÖÑÜ§¿a-zäöñüà]*$/u;

function scopeWith(type: string, locale: "id" | "en", data: Readonly<Record<string, unknown>>) {
  return templateScope({
    type: { code: type, name: type },
    priority: "high",
    zone: null,
    category: null,
    ticketId: null,
    ticket: null,
    assigneeName: null,
    customer: null,
    data,
    portalUrl: null,
    locale,
  });
}

describe("types", () => {
  it("are those of the requirements, each once", () => {
    expect([...TYPE_CODES].sort()).toEqual(
      [
        ..."ticket_assigned ticket_urgent ticket_status_changed new_ticket sla_warning sla_breach escalation".split(
          " ",
        ),
        ..."registration_approved new_registration customer_complaint payment_received invoice_reminder".split(
          " ",
        ),
        ..."service_update installation_schedule maintenance welcome satisfaction_survey upgrade_offer promotion".split(
          " ",
        ),
        ..."system_alert outage critical_incident kpi_alert performance_issue daily_summary weekly_report".split(
          " ",
        ),
        ..."technician_performance operator_notice test_message closing_message otp".split(" "),
      ].sort(),
    );
  });

  it.each(
    "critical: outage critical_incident; high: ticket_urgent sla_warning sla_breach escalation system_alert operator_notice otp; low: installation_schedule maintenance welcome satisfaction_survey upgrade_offer promotion daily_summary weekly_report technician_performance"
      .split("; ")
      .flatMap((line) => {
        const [priority = "", codes = ""] = line.split(": ");
        return codes.split(" ").map((code) => ({ code, priority }));
      }),
  )("$code has priority $priority", ({ code, priority }) => {
    expect(TYPES.find((type) => type.code === code)?.priority).toBe(priority);
  });

  it("that are neither critical, high nor low are medium", () => {
    const medium = TYPES.filter(({ priority }) => priority === "medium").map(({ code }) => code);
    expect(medium.sort()).toEqual(
      "customer_complaint invoice_reminder kpi_alert new_registration new_ticket payment_received performance_issue registration_approved service_update ticket_assigned ticket_status_changed".split(
        " ",
      ),
    );
  });

  it("ask for answers as the table says", () => {
    const asking = TYPES.filter(({ answers }) => answers !== "none");
    expect(Object.fromEntries(asking.map(({ code, answers }) => [code, answers]))).toEqual({
      ticket_assigned: "accept",
      new_ticket: "claim",
      satisfaction_survey: "rate",
      ticket_urgent: "acknowledge",
      sla_warning: "acknowledge",
      sla_breach: "acknowledge",
      escalation: "acknowledge",
      system_alert: "acknowledge",
      outage: "acknowledge",
      critical_incident: "acknowledge",
      operator_notice: "acknowledge",
    });
  });

  it("name policies that exist", () => {
    const named = TYPES.flatMap(({ policy }) => (policy === null ? [] : [policy]));
    expect(named.sort()).toEqual(["assignment", "claim", "notice", "otp", "test"]);
    for (const policy of named) expect(Object.keys(DEFAULT_POLICIES)).toContain(policy);
  });

  it("have the preference class that settings know them by", () => {
    for (const { code, preferenceClass } of TYPES) {
      expect({ code, preferenceClass }).toEqual({ code, preferenceClass: preferenceClassOf(code) });
    }
  });

  it("that go to customers have a send window, and offers and surveys need consent", () => {
    const toCustomers = TYPES.filter(({ sendWindow }) => sendWindow !== null);
    expect(toCustomers).toHaveLength(10);
    for (const { isCustomer, sendWindow } of toCustomers) {
      expect(isCustomer).toBe(true);
      expect(sendWindow).toEqual({ from: "08:00", to: "20:00" });
    }
    const consents = TYPES.filter(({ consentClass }) => consentClass !== null);
    expect(
      Object.fromEntries(consents.map(({ code, consentClass }) => [code, consentClass])),
    ).toEqual({
      satisfaction_survey: "survey",
      upgrade_offer: "promotion",
      promotion: "promotion",
    });
  });
});

describe("routing rules", () => {
  it("have names of their own and types that exist", () => {
    expect(new Set(RULES.map(({ name }) => name)).size).toBe(RULES.length);
    for (const { type } of RULES) expect(TYPE_CODES).toContain(type);
  });

  it("exist for every type but the one-time password, which has its own lane, the test message, whose request names whom, and the closing message", () => {
    const routed = new Set(RULES.map(({ type }) => type));
    expect(TYPE_CODES.filter((code) => !routed.has(code))).toEqual([
      "test_message",
      "closing_message",
      "otp",
    ]);
  });

  it("name group categories of which a group exists", () => {
    const categories = new Set(GROUPS.map(({ category }) => category));
    for (const { groupCategories } of RULES) {
      for (const category of groupCategories) expect(categories).toContain(category);
    }
  });

  it.each<{ type: string; primary: string[]; other: string[] }>([
    { type: "ticket_assigned", primary: [], other: [] },
    { type: "ticket_urgent", primary: ["supervisors"], other: [] },
    { type: "ticket_status_changed", primary: [], other: [] },
    { type: "new_ticket", primary: ["technicians"], other: [] },
    { type: "sla_warning", primary: [], other: ["supervisors"] },
    { type: "sla_breach", primary: ["supervisors"], other: [] },
    { type: "escalation", primary: [], other: [] },
    { type: "new_registration", primary: ["customer_service"], other: [] },
    { type: "customer_complaint", primary: ["customer_service"], other: [] },
    { type: "system_alert", primary: ["noc"], other: [] },
    { type: "outage", primary: ["noc"], other: ["technicians", "supervisors"] },
    { type: "critical_incident", primary: ["noc"], other: ["supervisors"] },
    { type: "kpi_alert", primary: [], other: [] },
    { type: "daily_summary", primary: ["managers", "supervisors"], other: [] },
    { type: "weekly_report", primary: ["managers"], other: [] },
    { type: "operator_notice", primary: ["noc"], other: [] },
  ])("tell groups of $type as the table says", ({ type, primary, other }) => {
    const categories = (isPrimary: boolean) =>
      RULES.filter((rule) => rule.type === type && rule.primary === isPrimary).flatMap(
        ({ groupCategories }) => groupCategories,
      );
    expect(categories(true)).toEqual(primary);
    expect(categories(false)).toEqual(other);
  });

  it.each<{ type: string; full: string[]; inboxOnly: string[]; emailOnly: string[] }>([
    { type: "ticket_assigned", full: ["assignee"], inboxOnly: [], emailOnly: [] },
    {
      type: "ticket_urgent",
      full: ["assignee"],
      inboxOnly: ["role supervisor request"],
      emailOnly: [],
    },
    { type: "ticket_status_changed", full: ["assignee", "customer"], inboxOnly: [], emailOnly: [] },
    { type: "new_ticket", full: [], inboxOnly: ["role technician request"], emailOnly: [] },
    {
      type: "sla_warning",
      full: ["assignee"],
      inboxOnly: ["role supervisor request"],
      emailOnly: [],
    },
    {
      type: "sla_breach",
      full: ["on_duty supervisor request"],
      inboxOnly: ["role supervisor request"],
      emailOnly: [],
    },
    { type: "escalation", full: ["on_duty supervisor request"], inboxOnly: [], emailOnly: [] },
    { type: "registration_approved", full: ["customer"], inboxOnly: [], emailOnly: [] },
    { type: "new_registration", full: [], inboxOnly: ["role customer_service all"], emailOnly: [] },
    {
      type: "system_alert",
      full: ["on_duty noc request"],
      inboxOnly: ["role admin all"],
      emailOnly: [],
    },
    {
      type: "outage",
      full: ["on_duty noc request"],
      inboxOnly: ["role noc all", "role admin all"],
      emailOnly: [],
    },
    {
      type: "critical_incident",
      full: ["on_duty noc request", "on_duty supervisor request"],
      inboxOnly: ["role admin all"],
      emailOnly: [],
    },
    { type: "kpi_alert", full: ["role manager all"], inboxOnly: [], emailOnly: [] },
    {
      type: "daily_summary",
      full: [],
      inboxOnly: [],
      emailOnly: ["role manager all", "role supervisor all"],
    },
    { type: "weekly_report", full: [], inboxOnly: [], emailOnly: ["role manager all"] },
    { type: "technician_performance", full: ["assignee"], inboxOnly: [], emailOnly: [] },
    { type: "operator_notice", full: ["operators"], inboxOnly: ["role admin all"], emailOnly: [] },
  ])("tell persons of $type as the table says", ({ type, full, inboxOnly, emailOnly }) => {
    const audience = (only: string | null) =>
      RULES.filter(
        (rule) => rule.type === type && (rule.channels.only?.join() ?? null) === only,
      ).flatMap((rule) =>
        rule.audience.map(({ kind, role, zone }) =>
          role === null ? kind : `${kind} ${role} ${zone}`,
        ),
      );
    expect(audience(null)).toEqual(full);
    expect(audience("in_app")).toEqual(inboxOnly);
    expect(audience("email")).toEqual(emailOnly);
  });

  it.each([
    "installation_schedule",
    "maintenance",
    "welcome",
    "satisfaction_survey",
    "upgrade_offer",
    "promotion",
    "technician_performance",
  ])("add WhatsApp to the low priority of %s", (type) => {
    const rules = RULES.filter((rule) => rule.type === type);
    expect(rules.map(({ channels }) => channels.add)).toEqual([["whatsapp_personal"]]);
  });
});

describe("groups", () => {
  it("are the brief's seven and three more, with the brief's types", () => {
    const shown = GROUPS.map(({ name, category, zone, types }) => [
      name,
      category,
      zone,
      types.join(" "),
    ]);
    const technicians = "ticket_assigned new_ticket sla_warning";
    expect(shown).toEqual([
      ["Teknisi Karawang", "technicians", "karawang", technicians],
      ["Teknisi Bekasi", "technicians", "bekasi", technicians],
      ["Teknisi Cikampek", "technicians", "cikampek", technicians],
      ["Teknisi Purwakarta", "technicians", "purwakarta", technicians],
      ["Teknisi Subang", "technicians", "subang", technicians],
      ["Teknisi Bandung", "technicians", "bandung", technicians],
      ["Supervisor Team", "supervisors", null, "sla_warning escalation daily_summary"],
      ["NOC Team", "noc", null, "system_alert outage critical_incident"],
      ["Management", "managers", null, "weekly_report kpi_alert"],
      ["Customer Service", "customer_service", null, "new_registration customer_complaint"],
    ]);
  });

  it("have ids of their own that are group ids, types that exist and members", () => {
    expect(new Set(GROUPS.map(({ groupChatId }) => groupChatId)).size).toBe(GROUPS.length);
    for (const { externalId, groupChatId, types } of GROUPS) {
      expect(isGroupChatId(groupChatId)).toBe(true);
      for (const type of types) expect(TYPE_CODES).toContain(type);
      expect(PEOPLE.some(({ groups }) => groups.includes(externalId))).toBe(true);
    }
  });
});

describe("invented people and tickets", () => {
  it("have numbers of the invented range alone, each once", () => {
    const phones = PEOPLE.map(({ phone }) => phone);
    expect(new Set(phones).size).toBe(phones.length);
    for (const phone of phones) expect(phone).toMatch(/^\+62812340000\d\d$/u);
    for (const { email } of PEOPLE) if (email !== null) expect(email).toMatch(/\.example$/u);
  });

  it("have every role, thirteen technicians, and somebody of every field role in every zone", () => {
    const count = (role: string) => PEOPLE.filter((person) => person.role === role).length;
    expect(count("technician")).toBe(13);
    for (const role of ["admin", "manager", "supervisor", "noc", "customer_service", "customer"]) {
      expect(count(role)).toBeGreaterThan(0);
    }
    for (const zone of ZONES) {
      for (const role of ["technician", "supervisor", "noc", "customer"]) {
        expect(
          PEOPLE.some((person) => person.role === role && person.zones.includes(zone.code)),
          `${role} in ${zone.code}`,
        ).toBe(true);
      }
    }
  });

  it("refer to groups, people and zones that exist", () => {
    const externalIds = PEOPLE.map(({ externalId }) => externalId);
    expect(new Set(externalIds).size).toBe(externalIds.length);
    for (const { groups } of PEOPLE) {
      for (const group of groups)
        expect(GROUPS.map(({ externalId }) => externalId)).toContain(group);
    }
    expect(TICKETS).toHaveLength(12);
    for (const { assignee, customer, zone } of TICKETS) {
      if (assignee !== null) expect(externalIds).toContain(assignee);
      expect(externalIds).toContain(customer);
      expect(ZONE_CODES).toContain(zone);
    }
  });

  it("have technicians on tickets of their own zone", () => {
    for (const { assignee, zone } of TICKETS) {
      if (assignee === null) continue;
      expect(PEOPLE.find(({ externalId }) => externalId === assignee)?.zones).toContain(zone);
    }
  });
});

it("zones are the six of the brief, in time zones that exist", () => {
  expect(ZONE_CODES).toEqual(["karawang", "bekasi", "cikampek", "purwakarta", "subang", "bandung"]);
  for (const { timeZone } of ZONES) expect(isTimeZone(timeZone)).toBe(true);
});

it("reply words are words or phrases in lower case and mean one thing per language", () => {
  for (const locale of LOCALES) {
    const words = REPLY_MEANINGS.flatMap((meaning) => REPLY_WORDS[locale][meaning]);
    expect(new Set(words).size).toBe(words.length);
    for (const word of words) {
      expect(word).toBe(word.toLowerCase());
      expect(word).not.toMatch(/^\s|\s\s|\s$/u);
    }
  }
});

describe("templates", () => {
  const named = TEMPLATES.map((template) => ({
    ...template,
    name: `${template.type} ${template.channel} ${template.locale}`,
  }));

  it("exist for every type in both languages, also for persons who have no group", () => {
    for (const type of TYPE_CODES) {
      const ofType = TEMPLATES.filter((template) => template.type === type);
      for (const locale of LOCALES) {
        const found = chooseTemplate(ofType, "whatsapp_personal", locale);
        expect(found?.locale, `${type} ${locale}`).toBe(locale);
      }
    }
  });

  it("have SMS and voice texts for what may ring at night", () => {
    for (const type of [
      "outage",
      "critical_incident",
      "ticket_urgent",
      "operator_notice",
      "ticket_assigned",
      "new_ticket",
    ]) {
      for (const channel of ["sms", "call", "in_app"]) {
        const locales = TEMPLATES.filter((t) => t.type === type && t.channel === channel).map(
          (t) => t.locale,
        );
        expect(locales, `${type} ${channel}`).toEqual(["id", "en"]);
      }
    }
  });

  it("are one for each type, channel and language", () => {
    expect(new Set(named.map(({ name }) => name)).size).toBe(named.length);
  });

  it.each(named)("$name declares the variables that Liquid finds", (template) => {
    const found = [
      ...templateVariables(template.body),
      ...(template.subject === null ? [] : templateVariables(template.subject)),
    ];
    expect([...variablesOf(template)].sort()).toEqual([...new Set(found)].sort());
  });

  it.each(named)("$name is filled by its sample data, whole", (template) => {
    const data = sampleData(template.type);
    const known = new Set([...Object.keys(data), ...DERIVED_VARIABLES]);
    expect(variablesOf(template).filter((name) => !known.has(name))).toEqual([]);
    const scope = scopeWith(template.type, template.locale, data);
    expect(missingVariables(template.body, scope)).toEqual([]);
    const { text, title, isCut } = composeMessage({
      notification: { answers: "none", typeName: template.type },
      template,
      data: scope,
      channel: template.channel,
      locale: template.locale,
      timeZone: "Asia/Jakarta",
      code: null,
      target: "person",
      carrier: null,
    });
    expect(isCut).toBe(false);
    expect(title.trim()).not.toBe("");
    expect(text).not.toMatch(/[{}]|undefined|\[object/u);
    if (template.channel === "sms") expect(text).toMatch(GSM_7);
  });

  it.each(TEMPLATES.filter(({ type }) => type === "otp"))(
    "that tell codes fit one SMS and lead nowhere: $channel $locale",
    ({ body, channel, locale, subject }) => {
      const text = renderText({
        body,
        bodyChannel: channel,
        channel,
        data: scopeWith("otp", locale, sampleData("otp")),
        locale,
        timeZone: "Asia/Jakarta",
      });
      expect(text).toContain("123456");
      expect(text).not.toMatch(/https?:|www\.|\.id\b|\.com\b/u);
      expect(subject ?? "").not.toContain("otp_code");
      if (channel === "sms")
        expect(smsParts(text)).toMatchObject({ segments: 1, alphabet: "GSM-7" });
    },
  );

  it.each<{ type: string; needs: string[]; reason: string }>([
    { type: "outage", needs: ["location"], reason: "an outage without a place helps nobody" },
    { type: "ticket_assigned", needs: ["ticket_id"], reason: "the ticket is the message" },
    { type: "ticket_urgent", needs: ["ticket_id"], reason: "the ticket is the message" },
    { type: "new_ticket", needs: ["ticket_id"], reason: "the ticket is the message" },
    { type: "sla_warning", needs: ["ticket_id"], reason: "the ticket is the message" },
    { type: "critical_incident", needs: [], reason: "whatever is known must go out" },
    { type: "system_alert", needs: [], reason: "monitoring sends what it has" },
    { type: "operator_notice", needs: [], reason: "operators are told whatever is known" },
    { type: "registration_approved", needs: [], reason: "the news is in the type" },
    { type: "otp", needs: ["otp_code"], reason: "the code is the message" },
  ])("of $type need $needs alone: $reason", ({ type, needs }) => {
    const missing = TEMPLATES.filter((template) => template.type === type).flatMap((template) =>
      missingVariables(template.body, scopeWith(type, template.locale, {})),
    );
    // A status is either told or known from the ticket.
    expect([...new Set(missing)]).toEqual(needs);
  });
});

describe("the brief's own texts", () => {
  const render = (type: string, channel: "whatsapp_personal" | "whatsapp_group", data = {}) => {
    const template = TEMPLATES.find(
      (t) => t.type === type && t.channel === channel && t.locale === "id",
    );
    return renderText({
      body: template?.body ?? "",
      data: scopeWith(type, "id", { ...sampleData(type), ...data }),
      channel,
      locale: "id",
      timeZone: "Asia/Jakarta",
    });
  };

  it.each<{ what: string; text: string; lines: string[] }>([
    {
      what: "template 1",
      text: render("ticket_assigned", "whatsapp_personal", {
        address: "ALAMAT",
        customer_phone: "0812",
      }),
      lines: [
        "🎫 *TICKET BARU ASSIGNED*",
        "",
        "Ticket: TKT001",
        "Customer: PT. ABC",
        "Lokasi: Karawang",
        "Issue: Installation FTTH",
        "Priority: High",
        "",
        "📍 ALAMAT",
        "📞 0812",
        "",
        "🔗 Detail: https://portal.example/tickets/TKT001",
      ],
    },
    {
      what: "template 2",
      text: render("sla_warning", "whatsapp_personal", { sla_deadline: "18:00" }),
      lines: [
        "⚠️ *SLA WARNING*",
        "",
        "Ticket: TKT005",
        "Status: Assigned",
        "Assigned: Ahmad",
        "Deadline: 18:00",
        "Remaining: 2 jam",
        "",
        "⚡ ACTION REQUIRED!",
      ],
    },
    {
      what: "template 3",
      text: render("daily_summary", "whatsapp_group"),
      lines: [
        "📊 *DAILY REPORT*",
        "15 Oktober 2025",
        "",
        "Total Tickets: 25",
        "✅ Completed: 18",
        "🔄 In Progress: 4",
        "📋 Assigned: 2",
        "🆕 Open: 1",
        "",
        "SLA Compliance: 95%",
        "Avg Resolution: 3.2h",
      ],
    },
    {
      what: "ticket assigned",
      text: render("ticket_assigned", "whatsapp_group"),
      lines: [
        "Halo Ahmad, Anda mendapat ticket baru TKT001",
        "Lokasi: Karawang",
        "Customer: PT. ABC",
        "Klik: https://portal.example/tickets/TKT001",
      ],
    },
    {
      what: "ticket updated",
      text: render("ticket_status_changed", "whatsapp_personal"),
      lines: [
        "Ticket TKT001 status berubah: In Progress → Completed",
        "Teknisi: Ahmad",
        "Durasi: 2.5 jam",
      ],
    },
    {
      what: "registration approved",
      text: render("registration_approved", "whatsapp_personal"),
      lines: ["Registrasi Anda telah disetujui!", "Customer ID: CUST001", "Paket: Premium 50Mbps"],
    },
    {
      what: "new ticket",
      text: render("new_ticket", "whatsapp_group"),
      lines: [
        "🆕 TICKET BARU!",
        "TKT001 - Installation FTTH",
        "Lokasi: Karawang",
        "Priority: High",
        "Siapa yang available?",
      ],
    },
    {
      what: "SLA alert, nobody assigned",
      text: render("sla_warning", "whatsapp_group", { technician_name: null }),
      lines: [
        "⚠️ SLA WARNING!",
        "Ticket TKT005 mendekati deadline",
        "Remaining: 2 jam",
        "Technician: Belum assigned",
      ],
    },
    {
      what: "daily summary",
      text: render("daily_summary", "whatsapp_personal"),
      lines: [
        "📊 DAILY REPORT",
        "Total tickets: 25",
        "Completed: 18",
        "Pending: 7",
        "SLA Compliance: 95%",
      ],
    },
  ])("stand word by word: $what", ({ text, lines }) => {
    expect(text.split("\n")).toEqual(lines);
  });
});

describe("Meta's templates", () => {
  it("exist for every way of answering in both languages", () => {
    for (const answers of ANSWER_KINDS) {
      for (const locale of LOCALES) {
        expect(metaTemplateFor({ code: "outage", answers }, locale).language).toBe(locale);
      }
    }
  });

  it("take the one that may tell codes for codes alone", () => {
    for (const locale of LOCALES) {
      const isAuthentication = (code: string): boolean =>
        metaTemplateFor({ code, answers: "none" }, locale).isAuthentication ?? false;
      expect(["otp", "welcome"].map(isAuthentication)).toEqual([true, false]);
    }
  });

  it.each(META_TEMPLATES)(
    "$name $language keeps Meta's rules",
    ({ name, body, buttons, parameters }) => {
      expect(name).toMatch(/^[a-z0-9_]{1,512}$/u);
      expect(body.length).toBeLessThanOrEqual(1_024 - 2 * 200);
      const positions = [...body.matchAll(/\{\{(\d+)\}\}/gu)].map(([, position]) =>
        Number(position),
      );
      expect(positions).toEqual(parameters.map((_, index) => index + 1));
      // Meta refuses a body that begins or ends with a variable.
      expect(body).not.toMatch(/^\{\{|\}\}$/u);
      expect(buttons.length).toBeLessThanOrEqual(3);
      for (const title of buttons) expect(title.length).toBeLessThanOrEqual(20);
    },
  );
});
