import { describe, expect, it } from "vitest";
import {
  MissingVariables,
  TEMPLATE_CHARS_MAX,
  TemplateFailed,
  missingVariables,
  parseTemplate,
  renderText,
  templateVariables,
} from "../../rendering/template.ts";
import type { RenderInput } from "../../rendering/template.ts";

function render(body: string, data: RenderInput["data"] = {}, more: Partial<RenderInput> = {}) {
  return renderText({ body, data, channel: "whatsapp_personal", locale: "id", ...more });
}

describe("checking a template", () => {
  it("names its variables in order of appearance, optional ones included", () => {
    expect(
      templateVariables(
        "{{ b }} {% if a %}{{ c.d }}{% endif %}{% assign x = 1 %}{{ x }} {{ e | default: f }}",
      ),
    ).toEqual(["b", "a", "c", "e", "f"]);
  });

  it.each<{ body: string; message: RegExp; line: number | null; reason: string }>([
    { body: "", message: /empty/u, line: null, reason: "nothing to say" },
    { body: " \n ", message: /empty/u, line: null, reason: "nothing to say" },
    { body: "a\n{{ b", message: /not closed/u, line: 2, reason: "open braces" },
    { body: "{% if a %}x", message: /not closed/u, line: 1, reason: "open tag" },
    {
      body: "{{ a | unheard_of }}",
      message: /undefined filter/u,
      line: 1,
      reason: "unknown filter",
    },
    {
      body: "{{ a | raw }}",
      message: /undefined filter/u,
      line: 1,
      reason: "would let marks through",
    },
    {
      body: "{{ a | date: '%H' }}",
      message: /undefined filter/u,
      line: 1,
      reason: "uses the host's zone",
    },
    { body: "{% include 'x' %}", message: /not found/u, line: 1, reason: "no other templates" },
    { body: "{% render 'x' %}", message: /not found/u, line: 1, reason: "no other templates" },
    { body: "{% layout 'x' %}", message: /not found/u, line: 1, reason: "no other templates" },
    {
      body: "{% capture a %}{% endcapture %}",
      message: /not found/u,
      line: 1,
      reason: "not needed",
    },
    {
      body: "Ticket\nTKT{ticket_id}",
      message: /two braces: \{\{ ticket_id \}\}/u,
      line: 2,
      reason: "the older notation would be sent as it stands",
    },
    {
      body: "a".repeat(TEMPLATE_CHARS_MAX + 1),
      message: /longer than/u,
      line: null,
      reason: "beyond the limit",
    },
  ])("refuses a body: $reason", ({ body, message, line }) => {
    const result = parseTemplate(body);
    expect(result.ok).toBe(false);
    if (result.ok) return;
    expect(result.problems[0]?.message).toMatch(message);
    expect(result.problems[0]?.line).toBe(line);
  });

  it("names every problem at once", () => {
    const result = parseTemplate("{ a }\n{{ b | nope }}\n{% foo %}");
    expect(result.ok ? [] : result.problems.map(({ line }) => line)).toEqual([1, 2, 3]);
  });

  it("accepts a body of exactly the greatest length", () => {
    expect(parseTemplate("a".repeat(TEMPLATE_CHARS_MAX)).ok).toBe(true);
  });
});

describe("missing variables", () => {
  it.each<{ body: string; data: RenderInput["data"]; missing: string[]; reason: string }>([
    { body: "{{ a }} {{ b }}", data: {}, missing: ["a", "b"], reason: "all at once" },
    { body: "{{ a }} {{ a }}", data: {}, missing: ["a"], reason: "each once" },
    { body: "{{ a }}", data: { a: "" }, missing: [], reason: "empty text is a value" },
    { body: "{{ a }}", data: { a: null }, missing: ["a"], reason: "null is none" },
    { body: "{{ a }}", data: { a: false }, missing: [], reason: "false is a value" },
    { body: "{{ a.b }}", data: { a: {} }, missing: ["a"], reason: "named by its root" },
    { body: "{% if a %}{{ a }}{% endif %}", data: {}, missing: [], reason: "asked about first" },
    { body: "{{ a | default: 'x' }}", data: {}, missing: [], reason: "has a default" },
    {
      body: "{% if a %}{{ b }}{% endif %}",
      data: { a: 1 },
      missing: ["b"],
      reason: "inside a branch taken",
    },
    {
      body: "{% if a %}{{ b }}{% endif %}",
      data: {},
      missing: [],
      reason: "inside a branch not taken",
    },
    { body: "{{ a.constructor }}", data: { a: "x" }, missing: ["a"], reason: "nothing inherited" },
    { body: "{{ toString }}", data: {}, missing: ["toString"], reason: "nothing inherited" },
    { body: "{{ __proto__ }}", data: {}, missing: ["__proto__"], reason: "nothing inherited" },
  ])("of $body with $data are $missing: $reason", ({ body, data, missing }) => {
    expect(missingVariables(body, data)).toEqual(missing);
    if (missing.length === 0) expect(() => render(body, data)).not.toThrow();
    else expect(() => render(body, data)).toThrow(MissingVariables);
  });
});

describe("rendering", () => {
  it("prints data and never reads it as a template", () => {
    expect(render("{{ a }}", { a: "{{ b }} {% if x %}", b: "geheim" })).toBe("{{ b }} {% if x %}");
  });

  it("keeps the template's own marks and escapes those of the data", () => {
    expect(render("*{{ a }}* _x_", { a: "*b*" })).toBe("*∗b∗* _x_");
  });

  it("escapes what filters make of the data too", () => {
    expect(render("{{ a | append: '*' | upcase }}", { a: "*b" })).toBe("∗B∗");
    expect(render("{% assign c = a %}{{ c }}", { a: "*b*" })).toBe("∗b∗");
    expect(render("{% for x in a %}{{ x }};{% endfor %}", { a: ["*b*", "c"] })).toBe("∗b∗;c;");
  });

  it.each<{ id: string | number; shown: string; reason: string }>([
    { id: "001", shown: "TKT001", reason: "prefix is missing" },
    { id: 1042, shown: "TKT1042", reason: "a number" },
    { id: "TKT001", shown: "TKT001", reason: "prefix is there" },
    { id: "TKT-1042", shown: "TKT-1042", reason: "prefix is there" },
    { id: "tkt-7", shown: "TKT-7", reason: "prefix in small letters" },
    { id: "INC-7", shown: "INC-7", reason: "another system's letters" },
  ])("prints ticket $id as $shown: $reason", ({ id, shown }) => {
    for (const body of [
      "TKT{{ ticket_id }}",
      "TKT{{ticket_id}}",
      "{{ ticket_id | ticket_number }}",
    ]) {
      expect(render(body, { ticket_id: id })).toBe(shown);
    }
  });

  it.each<{ body: string; data: RenderInput["data"]; reason: string }>([
    { body: "{% for i in (1..100000000) %}x{% endfor %}", data: {}, reason: "a huge range" },
    {
      body: "{% for i in (1..5000) %}{% for j in (1..5000) %}x{% endfor %}{% endfor %}",
      data: {},
      reason: "nested loops",
    },
    { body: "{{ a", data: {}, reason: "no template" },
  ])("stops at its limits: $reason", ({ body, data }) => {
    expect(() => render(body, data)).toThrow(TemplateFailed);
  });

  it("quotes no data in its errors", () => {
    const secret = "rahasia-besar";
    for (const body of [
      "{{ a }}{{ b }}",
      "{{ a | nope }}",
      "{% for i in (1..100000000) %}{% endfor %}",
    ]) {
      let text = "";
      try {
        render(body, { a: secret });
      } catch (error) {
        text = String(error);
      }
      expect(text).not.toBe("");
      expect(text).not.toContain(secret);
    }
  });

  it("prints instants in the recipient's zone and leaves other words alone", () => {
    const at = { at: "2025-10-15T11:00:00Z", words: "hari ini", count: 12 };
    expect(render("{{ at | local_time }}", at, { timeZone: "Asia/Jakarta" })).toBe(
      "15 Okt 2025, 18.00 WIB",
    );
    expect(render("{{ at | local_time }}", at, { timeZone: "Asia/Makassar", locale: "en" })).toBe(
      "15 Oct 2025, 19:00 WITA",
    );
    expect(render("{{ words | local_time }} {{ count | local_time }}", at)).toBe("hari ini 12");
  });

  it("prints a status as people say it", () => {
    expect(render("{{ s | status_label }}", { s: "in_progress" })).toBe("In Progress");
  });

  it("leaves no empty lines where optional ones are absent", () => {
    const body = "A\n{%- if x %}\nX {{ x }}\n{%- endif %}\n\n{% if y %}{% endif %}\n\nB  \n";
    expect(render(body)).toBe("A\n\nB");
    expect(render(body, { x: 1 })).toBe("A\nX 1\n\nB");
  });
});

describe("a WhatsApp text on another channel", () => {
  const body = "🎫 *TICKET* _baru_ ```TKT{{ ticket_id }}``` nama_alat\n🔗 {{ ticket_url }}";
  const data = { ticket_id: "TKT-1042", ticket_url: "https://portal.example/tickets/TKT-1042" };

  it("loses its marks and pictures in an SMS", () => {
    expect(render(body, data, { channel: "sms", bodyChannel: "whatsapp_personal" })).toBe(
      "TICKET baru TKT-1042 nama_alat\nhttps://portal.example/tickets/TKT-1042",
    );
  });

  it("loses its marks and keeps its pictures in the inbox", () => {
    expect(render(body, data, { channel: "in_app", bodyChannel: "whatsapp_personal" })).toBe(
      "🎫 TICKET baru TKT-1042 nama_alat\n🔗 https://portal.example/tickets/TKT-1042",
    );
  });

  it("becomes sentences in a call", () => {
    expect(render(body, data, { channel: "call", bodyChannel: "whatsapp_personal" })).toBe(
      "TICKET baru T K T 1 0 4 2 nama alat.",
    );
  });

  it("keeps a star that an SMS text has of its own", () => {
    expect(render("Tekan *123#", {}, { channel: "sms" })).toBe("Tekan *123#");
  });
});

describe("an error elsewhere", () => {
  it.each([
    { body: "{% if b %}{{ b }}{% endif %}", reason: "a text that could be rendered" },
    { body: "{{ b }}", reason: "a text that lacks a variable" },
  ])("has its whole stack after $reason", ({ body }) => {
    const before = Error.stackTraceLimit;

    expect(missingVariables(body, {})).toEqual(body === "{{ b }}" ? ["b"] : []);

    expect(Error.stackTraceLimit).toBe(before);
    expect(before).toBeGreaterThan(0);
  });
});
