import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Channel } from "../../domain/channel.ts";
import { ANSWER_KINDS } from "../../domain/notification.ts";
import {
  BUTTON_TEXT_CHARS_MAX,
  PARAMETER_CHARS_MAX,
  PUSH_CHARS_MAX,
  SPEECH_CHARS_MAX,
  TITLE_CHARS_MAX,
  composeMessage,
} from "../../rendering/compose.ts";
import { SMS_PARTS_MAX, smsParts } from "../../rendering/sms-parts.ts";
import type { Carrier, ComposeInput, MessageTemplateRow } from "../../rendering/compose.ts";

/** Half of a character: what a cut at the wrong place leaves. */
const LONE_SURROGATE = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/;

const META: Carrier = {
  capabilities: { replies: true, buttons: true, templates: true },
  limits: { textCharsMax: 4_096, buttonsMax: 3, buttonTitleCharsMax: 20 },
};
const FONNTE: Carrier = {
  capabilities: { replies: true, buttons: false, templates: false },
  limits: { textCharsMax: 60_000, buttonsMax: 0, buttonTitleCharsMax: 0 },
};
const SMS: Carrier = { ...FONNTE, limits: { ...FONNTE.limits, textCharsMax: 1_600 } };

const PHOTO = { kind: "image", url: "https://x.example/foto.jpg", fileName: null } as const;

const TEMPLATE: MessageTemplateRow = {
  channel: "whatsapp_personal",
  locale: "id",
  subject: "Gangguan: {{ location }}",
  body: "🚨 *GANGGUAN* {{ location }}",
  approvedTemplate: {
    name: "siaga_answer",
    languageCode: "id",
    parameters: ["location", "reply_code"],
    parameterNames: null,
    buttonsMax: null,
  },
};

function compose(changes: Partial<ComposeInput> = {}) {
  return composeMessage({
    notification: { answers: "acknowledge", typeName: "Gangguan massal" },
    template: TEMPLATE,
    data: { location: "POP Klari" },
    channel: "whatsapp_personal",
    locale: "id",
    timeZone: "Asia/Jakarta",
    code: "4821",
    target: "person",
    carrier: FONNTE,
    ...changes,
  });
}

describe("the footer", () => {
  it("ends every answerable WhatsApp message with its code", () => {
    expect(compose().text).toBe(
      "🚨 *GANGGUAN* POP Klari\n\nBalas *1 4821* terima · *2 4821* tolak",
    );
  });

  it.each<{ answers: (typeof ANSWER_KINDS)[number]; id: string; en: string }>([
    {
      answers: "acknowledge",
      id: "Balas *1 4821* terima · *2 4821* tolak",
      en: "Reply *1 4821* to take it · *2 4821* to decline",
    },
    {
      answers: "accept",
      id: "Balas *1 4821* terima · *2 4821* tolak",
      en: "Reply *1 4821* to accept · *2 4821* to decline",
    },
    { answers: "claim", id: "Balas *1 4821* untuk ambil", en: "Reply *1 4821* to claim it" },
    {
      answers: "rate",
      id: "Balas *4821* dan nilai 1–5, misalnya *4821 5*",
      en: "Reply *4821* and a rating from 1 to 5, for example *4821 5*",
    },
  ])("asks for $answers in the recipient's language", ({ answers, id, en }) => {
    const notification = { answers, typeName: "x" };
    expect(compose({ notification, locale: "id" }).text.split("\n").at(-1)).toBe(id);
    expect(compose({ notification, locale: "en" }).text.split("\n").at(-1)).toBe(en);
  });

  it.each<{ changes: Partial<ComposeInput>; last: string; reason: string }>([
    {
      changes: { notification: { answers: "none", typeName: "x" } },
      last: "🚨 *GANGGUAN* POP Klari",
      reason: "nothing to answer",
    },
    { changes: { code: null }, last: "🚨 *GANGGUAN* POP Klari", reason: "no code" },
    {
      changes: { channel: "sms", carrier: SMS },
      last: "Balas 1 4821 terima, 2 4821 tolak",
      reason: "SMS, without marks",
    },
    {
      changes: {
        channel: "sms",
        carrier: { ...SMS, capabilities: { ...SMS.capabilities, replies: false } },
        answerUrl: "https://s.example/a/x",
      },
      last: "Jawab di sini: https://s.example/a/x",
      reason: "a sender that can't be answered",
    },
    {
      changes: { channel: "email", carrier: null, answerUrl: "https://s.example/a/x" },
      last: "Jawab di sini: https://s.example/a/x",
      reason: "e-mail",
    },
    {
      changes: { channel: "in_app", carrier: null },
      last: "🚨 GANGGUAN POP Klari",
      reason: "in-app has buttons",
    },
    {
      changes: { channel: "push", carrier: null },
      last: "🚨 GANGGUAN POP Klari",
      reason: "push has buttons",
    },
  ])("is fit for the channel: $reason", ({ changes, last }) => {
    expect(compose(changes).text.split("\n").at(-1)).toBe(last);
  });

  it("can't be forged by data", () => {
    const { text } = compose({ data: { location: "Klari\n\nBalas *1 9999* terima" } });
    expect(text.split("\n").filter((line) => line.startsWith("Balas"))).toEqual([
      "Balas *1 4821* terima · *2 4821* tolak",
    ]);
    expect(text).not.toContain("*1 9999*");
  });
});

describe("length", () => {
  const long = { ...TEMPLATE, body: "{{ a }}{{ b }}{{ c }}" };
  const footer = "\n\nBalas *1 4821* terima · *2 4821* tolak";
  const filling = (length: number) => ({
    location: "x",
    a: "a".repeat(Math.min(length, 1_400)),
    b: "b".repeat(Math.min(Math.max(length - 1_400, 0), 1_400)),
    c: "c".repeat(Math.max(length - 2_800, 0)),
  });

  it.each([
    { length: 4_096 - footer.length - 1, isCut: false, reason: "one below" },
    { length: 4_096 - footer.length, isCut: false, reason: "exactly full" },
    { length: 4_096 - footer.length + 1, isCut: true, reason: "one above" },
  ])("cuts the text and keeps the footer: $reason the limit of Meta", ({ length, isCut }) => {
    const composed = compose({ template: long, data: filling(length), carrier: META });
    expect(composed.isCut).toBe(isCut);
    expect(composed.text.length).toBe(Math.min(length + footer.length, 4_096));
    expect(composed.text.endsWith(footer)).toBe(true);
    expect(composed.text.includes("…")).toBe(isCut);
  });

  it.each<{ channel: Channel; carrier: Carrier | null; max: number }>([
    { channel: "whatsapp_personal", carrier: META, max: 4_096 },
    { channel: "whatsapp_group", carrier: FONNTE, max: 60_000 },
    { channel: "sms", carrier: SMS, max: 1_600 },
    {
      channel: "call",
      carrier: { ...FONNTE, limits: { ...FONNTE.limits, textCharsMax: 1_500 } },
      max: SPEECH_CHARS_MAX,
    },
    {
      channel: "call",
      carrier: { ...FONNTE, limits: { ...FONNTE.limits, textCharsMax: 500 } },
      max: 500,
    },
    { channel: "push", carrier: null, max: PUSH_CHARS_MAX },
  ])(
    "is never above $max on $channel, whatever the data and the marks",
    ({ channel, carrier, max }) => {
      fc.assert(
        fc.property(
          fc.string({ unit: "grapheme", maxLength: 3_000 }),
          fc.array(fc.string({ unit: "grapheme", maxLength: 200 }), { maxLength: 30 }),
          (location, toldBefore) => {
            const { text, isCut } = compose({
              template: { ...TEMPLATE, body: "{{ location }}\n{{ location }}\n{{ location }}" },
              data: { location },
              channel,
              carrier,
              toldBefore,
              marks: [
                { kind: "drill" },
                { kind: "reminder", count: 3 },
                { kind: "maybe_duplicate" },
              ],
            });
            expect(text.length).toBeLessThanOrEqual(max);
            expect(text).not.toMatch(LONE_SURROGATE);
            if (channel === "sms")
              expect(text.endsWith("Balas 1 4821 terima, 2 4821 tolak")).toBe(true);
            if (isCut && channel === "sms") expect(text).not.toContain("…");
          },
        ),
        { numRuns: 60 },
      );
    },
  );

  it("gives up the lines about others before the text itself, never drill mark and footer", () => {
    const carrier = { ...SMS, limits: { ...SMS.limits, textCharsMax: 140 } };
    const { text } = compose({
      channel: "sms",
      carrier,
      data: { location: "POP Klari ".repeat(30) },
      toldBefore: ["Ahmad Contoh", "Budi Contoh"],
      marks: [{ kind: "drill" }, { kind: "reminder", count: 2 }],
    });
    expect(text.length).toBeLessThanOrEqual(140);
    expect(text.startsWith("[LATIHAN]\nGANGGUAN POP Klari")).toBe(true);
    expect(text).not.toContain("Ahmad");
    expect(text.endsWith("Balas 1 4821 terima, 2 4821 tolak")).toBe(true);
  });

  it("does not cut inside a character that is seen as one", () => {
    const family = "👨‍👩‍👧";
    const carrier = { ...FONNTE, limits: { ...FONNTE.limits, textCharsMax: 100 } };
    const { text } = compose({
      code: null,
      carrier,
      template: { ...TEMPLATE, body: family.repeat(30) },
    });
    expect(text.replace(/…$/u, "").length % family.length).toBe(0);
  });
});

describe("buttons", () => {
  it("name the code and stay within Meta's limits in both languages", () => {
    for (const locale of ["id", "en"] as const) {
      for (const answers of ANSWER_KINDS) {
        const { buttons = [] } = compose({
          notification: { answers, typeName: "x" },
          locale,
          carrier: META,
        });
        expect(buttons.length).toBe(answers === "none" || answers === "rate" ? 0 : 2);
        expect(buttons.map(({ id }) => id)).toEqual(
          buttons.length === 0 ? [] : ["ack:4821", "ref:4821"],
        );
        for (const { id, title } of buttons) {
          expect(title.length).toBeLessThanOrEqual(20);
          expect(id.length).toBeLessThanOrEqual(256);
        }
        expect(new Set(buttons.map(({ title }) => title)).size).toBe(buttons.length);
      }
    }
  });

  it.each<{ changes: Partial<ComposeInput>; reason: string }>([
    { changes: { carrier: FONNTE }, reason: "the gateway has none" },
    { changes: { target: "group", channel: "whatsapp_group" }, reason: "a group can't press them" },
    { changes: { code: null }, reason: "there is no code" },
    {
      changes: { template: { ...TEMPLATE, body: "a".repeat(BUTTON_TEXT_CHARS_MAX) } },
      reason: "the text is too long to stand above buttons",
    },
    {
      changes: { carrier: { ...META, limits: { ...META.limits, buttonsMax: 1 } } },
      reason: "there is room for fewer",
    },
    {
      changes: { carrier: { ...META, limits: { ...META.limits, buttonTitleCharsMax: 5 } } },
      reason: "titles are too long",
    },
  ])("are left to the footer when $reason", ({ changes }) => {
    expect(compose({ carrier: META, ...changes }).buttons).toBeUndefined();
  });
});

describe("Meta's template", () => {
  it("is filled in order, with payloads that name the code", () => {
    expect(compose({ carrier: META }).template).toEqual({
      name: "siaga_answer",
      languageCode: "id",
      bodyParameters: ["POP Klari", "4821"],
      buttonPayloads: ["ack:4821", "ref:4821"],
    });
  });

  it("names its parameters where the vendor does, and leaves out buttons that the vendor has not", () => {
    const approvedTemplate = {
      name: "siaga_answer",
      languageCode: "en_US",
      parameters: ["location"],
      parameterNames: ["location"],
      buttonsMax: 1,
    };
    const filled = compose({ template: { ...TEMPLATE, approvedTemplate }, carrier: META });
    expect(filled.template).toEqual({
      name: "siaga_answer",
      languageCode: "en_US",
      bodyParameters: ["POP Klari"],
      parameterNames: ["location"],
      buttonPayloads: ["ack:4821"],
    });
  });

  it.each<{ value: unknown; shown: string; reason: string }>([
    {
      value: "a\nb\tc     d",
      shown: "a b c d",
      reason: "breaks and runs of spaces are refused by Meta",
    },
    { value: "", shown: "-", reason: "so is an empty one" },
    { value: null, shown: "-", reason: "so is an absent one" },
    {
      value: "x".repeat(PARAMETER_CHARS_MAX),
      shown: "x".repeat(PARAMETER_CHARS_MAX),
      reason: "just fits",
    },
    {
      value: "x".repeat(PARAMETER_CHARS_MAX + 1),
      shown: `${"x".repeat(PARAMETER_CHARS_MAX - 1)}…`,
      reason: "too long",
    },
  ])("has $shown as its parameter: $reason", ({ value, shown }) => {
    const template = { ...TEMPLATE, subject: null, body: "teks" };
    const { template: filled } = compose({ template, data: { location: value }, carrier: META });
    expect(filled?.bodyParameters[0]).toBe(shown);
  });

  it.each<{ changes: Partial<ComposeInput>; reason: string }>([
    { changes: { carrier: FONNTE }, reason: "the gateway knows none" },
    {
      changes: { template: { ...TEMPLATE, approvedTemplate: null } },
      reason: "none can be sent",
    },
    { changes: { channel: "sms" }, reason: "it is no WhatsApp message" },
  ])("is absent when $reason", ({ changes }) => {
    expect(compose({ carrier: META, ...changes }).template).toBeUndefined();
  });
});

describe("marks", () => {
  it("tell a drill, a reminder and an escalation before the text, who did not answer after it", () => {
    const { text } = compose({
      marks: [
        { kind: "drill" },
        { kind: "reminder", count: 2 },
        { kind: "escalated" },
        { kind: "maybe_duplicate" },
      ],
      toldBefore: ["Ahmad Contoh", "*Budi* Contoh"],
    });
    expect(text.split("\n")).toEqual([
      "*[LATIHAN]*",
      "🔁 *Pengingat ke-2: belum ada jawaban.*",
      "⬆️ *Diteruskan ke Anda karena belum ada yang menjawab.*",
      "🚨 *GANGGUAN* POP Klari",
      "",
      "Sudah diberi tahu, belum menjawab: Ahmad Contoh, ∗Budi∗ Contoh.",
      "Mungkin pesan ini juga sudah sampai lewat jalur lain.",
      "Balas *1 4821* terima · *2 4821* tolak",
    ]);
  });

  it("tell a group nothing about who did not answer", () => {
    const { text } = compose({
      target: "group",
      channel: "whatsapp_group",
      toldBefore: ["Ahmad Contoh"],
    });
    expect(text).not.toContain("Ahmad");
  });

  it.each([
    { count: 5, shown: "P1, P2, P3, P4, P5.", reason: "all fit" },
    { count: 6, shown: "P1, P2, P3, P4, P5 dan 1 orang lagi.", reason: "the rest is counted" },
  ])("name $count people: $reason", ({ count, shown }) => {
    const toldBefore = Array.from({ length: count }, (_, index) => `P${index + 1}`);
    expect(compose({ toldBefore }).text).toContain(`belum menjawab: ${shown}`);
  });

  it("are plain outside WhatsApp and in the recipient's language", () => {
    const { text } = compose({
      channel: "sms",
      carrier: SMS,
      locale: "en",
      marks: [
        { kind: "reminder", count: 3 },
        { kind: "reassigned", fromName: "Ahmad" },
      ],
    });
    expect(text.split("\n").slice(0, 2)).toEqual([
      "Reminder 3: no answer yet.",
      "Reassigned from Ahmad.",
    ]);
  });

  it("stand in a drill's title, because the title is what a locked phone shows", () => {
    expect(compose({ channel: "in_app", carrier: null, marks: [{ kind: "drill" }] }).title).toBe(
      "[LATIHAN] Gangguan: POP Klari",
    );
  });
});

describe("the title", () => {
  it("is the template's subject, else the type's name", () => {
    expect(compose().title).toBe("Gangguan: POP Klari");
    expect(compose({ template: { ...TEMPLATE, subject: null } }).title).toBe("Gangguan massal");
  });

  it("is short enough for a notification's headline", () => {
    const { title } = compose({ data: { location: "x".repeat(500) } });
    expect(title.length).toBe(TITLE_CHARS_MAX);
  });
});

it("a call speaks message and marks without signs, and leaves the keys to the provider", () => {
  const { text } = compose({
    channel: "call",
    marks: [{ kind: "drill" }, { kind: "escalated" }],
    toldBefore: ["Ahmad Contoh"],
  });
  expect(text).toBe(
    "LATIHAN. Diteruskan ke Anda karena belum ada yang menjawab. GANGGUAN POP Klari. " +
      "Sudah diberi tahu, belum menjawab: Ahmad Contoh.",
  );
});

it("a call is in one language, the text's, and says which", () => {
  const { text, locale } = compose({
    channel: "call",
    locale: "en",
    marks: [{ kind: "reminder", count: 2 }],
  });
  expect(text).toBe("Pengingat ke-2: belum ada jawaban. GANGGUAN POP Klari.");
  expect(locale).toBe("id");
});

describe("a text that was cut", () => {
  const LONG = { ...TEMPLATE, body: `{{ location }} ${"panjang ".repeat(400)}` };
  const ticket_url = "https://portal.example/t/1042";
  const REST = `…\n\nSelengkapnya: ${ticket_url}\nBalas *1 4821* terima · *2 4821* tolak`;
  const short = (textCharsMax: number) => ({
    ...FONNTE,
    limits: { ...FONNTE.limits, textCharsMax },
  });

  it("leads to its ticket, within the carrier's limit", () => {
    const data = { location: "POP Klari", ticket_url };
    const { text, isCut } = compose({ template: LONG, data, carrier: short(1_000) });
    expect(isCut).toBe(true);
    expect(text.endsWith(REST), text.slice(-150)).toBe(true);
    expect(text.length).toBeLessThanOrEqual(1_000);
    expect(text.length, "nothing is wasted").toBeGreaterThan(980);
  });

  it("leads to it in an SMS, too, within its parts", () => {
    const data = { location: "POP Klari", ticket_url };
    const { text } = compose({ template: LONG, data, carrier: SMS, channel: "sms" });
    expect(text).toContain(`...\n\nSelengkapnya: ${ticket_url}\n`);
    expect(smsParts(text)).toEqual({ alphabet: "GSM-7", segments: SMS_PARTS_MAX });
  });

  it.each<[Partial<ComposeInput>, string]>([
    [{ template: LONG, carrier: short(1_000) }, "there is no ticket"],
    [{ data: { location: "POP Klari", ticket_url } }, "the text is whole"],
    [
      {
        template: { ...LONG, body: `{{ ticket_url }} ${LONG.body}` },
        data: { location: "POP Klari", ticket_url },
        carrier: short(1_000),
      },
      "the text says so itself",
    ],
    [
      { template: LONG, data: { location: "POP Klari", ticket_url }, channel: "push" },
      "a click leads there",
    ],
    [
      { template: LONG, data: { location: "POP Klari", ticket_url }, carrier: short(140) },
      "the text would be lost for it",
    ],
  ])("says nothing of a ticket for %j: %s", (changes, _why) => {
    expect(compose(changes).text).not.toContain("Selengkapnya");
  });
});

describe("attachments that the message does not show itself", () => {
  const PLACE = {
    kind: "location",
    latitude: -6.3,
    longitude: 107.3,
    name: null,
    address: null,
  } as const;
  const MAP = "https://www.google.com/maps/search/?api=1&query=-6.3,107.3";

  it.each<[string, ComposeInput["linkedAttachments"], string, string]>([
    ["whatsapp_personal", [PHOTO], "Lampiran: https://x.example/foto.jpg", "a file without name"],
    [
      "whatsapp_group",
      [{ ...PHOTO, fileName: "foto *odp*.jpg" }],
      "foto ∗odp∗.jpg: https://x.example/foto.jpg",
      "a name formats nothing",
    ],
    ["sms", [PHOTO], "Lampiran: https://x.example/foto.jpg", "an SMS"],
    ["email", [PLACE], `Lokasi: ${MAP}`, "a place without name"],
    [
      "in_app",
      [{ ...PLACE, name: "POP Klari", address: "Jl. Contoh 1" }, PHOTO],
      `POP Klari, Jl. Contoh 1: ${MAP}\nLampiran: https://x.example/foto.jpg`,
      "in their order",
    ],
  ])("are links on %s: %j → %s: %s", (channel, linkedAttachments = [], lines, _why) => {
    const { text, hasLinks } = compose({ channel: channel as Channel, linkedAttachments });
    expect(text).toContain(`\n\n${lines}`);
    expect(hasLinks).toBe(true);
  });

  it.each(["call", "push"] as const)("are left out of a %s", (channel) => {
    const { text, hasLinks } = compose({ channel, linkedAttachments: [PHOTO, PLACE] });
    expect(text).not.toMatch(/Lampiran|Lokasi|http/);
    expect(hasLinks).toBe(false);
  });

  it.each([
    [-1, false, "just too little for both"],
    [0, true, "just enough for both"],
    [1, true, "more than enough"],
  ])("give way to the text with %d characters to spare: linked %s: %s", (spare, hasLinks, _why) => {
    const textCharsMax = compose({ linkedAttachments: [PHOTO] }).text.length + spare;
    const carrier = { ...FONNTE, limits: { ...FONNTE.limits, textCharsMax } };
    const message = compose({ carrier, linkedAttachments: [PHOTO] });
    expect(message).toMatchObject({ isCut: false, hasLinks });
    expect(message.text).toContain("POP Klari");
    expect(message.text).toContain("4821");
    expect(message.text.length).toBeLessThanOrEqual(textCharsMax);
  });
});
