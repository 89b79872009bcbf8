import { describe, expect, it } from "vitest";
import { closingText } from "../../rendering/closing.ts";
import type { ClosingInput } from "../../rendering/closing.ts";

const DATA = { type: "Gangguan massal", location: "POP Klari" };

function close(changes: Partial<ClosingInput> = {}) {
  return closingText({
    kind: "acknowledge",
    by: "Ahmad Contoh",
    data: DATA,
    channel: "whatsapp_personal",
    locale: "id",
    ...changes,
  });
}

describe("a closing message", () => {
  it.each<{ kind: ClosingInput["kind"]; id: string; en: string }>([
    {
      kind: "acknowledge",
      id: "✅ Diambil oleh Ahmad Contoh: Gangguan massal, POP Klari.",
      en: "✅ Taken by Ahmad Contoh: Gangguan massal, POP Klari.",
    },
    {
      kind: "none",
      id: "✅ Diambil oleh Ahmad Contoh: Gangguan massal, POP Klari.",
      en: "✅ Taken by Ahmad Contoh: Gangguan massal, POP Klari.",
    },
    {
      kind: "accept",
      id: "✅ Diterima oleh Ahmad Contoh: Gangguan massal, POP Klari.",
      en: "✅ Accepted by Ahmad Contoh: Gangguan massal, POP Klari.",
    },
    {
      kind: "claim",
      id: "✅ Diambil oleh Ahmad Contoh: Gangguan massal, POP Klari.",
      en: "✅ Claimed by Ahmad Contoh: Gangguan massal, POP Klari.",
    },
    {
      kind: "resolve",
      id: "☑️ Selesai: Gangguan massal, POP Klari.",
      en: "☑️ Resolved: Gangguan massal, POP Klari.",
    },
    {
      kind: "cancel",
      id: "🚫 Dibatalkan: Gangguan massal, POP Klari. Tidak perlu ditindaklanjuti.",
      en: "🚫 Cancelled: Gangguan massal, POP Klari. Nothing left to do.",
    },
    {
      kind: "reopen",
      id: "🔁 Dibuka lagi: Gangguan massal, POP Klari. Belum selesai setelah diterima Ahmad Contoh.",
      en: "🔁 Open again: Gangguan massal, POP Klari. Not resolved since Ahmad Contoh took it.",
    },
    {
      kind: "reassign",
      id: "↪️ Dialihkan ke Ahmad Contoh: Gangguan massal, POP Klari. Anda tidak perlu menindaklanjuti.",
      en: "↪️ Reassigned to Ahmad Contoh: Gangguan massal, POP Klari. Nothing left to do for you.",
    },
  ])("after $kind says so in both languages", ({ kind, id, en }) => {
    expect(close({ kind }).text).toBe(id);
    expect(close({ kind, locale: "en" }).text).toBe(en);
  });

  it("has a title and no signs in the inbox", () => {
    expect(close({ channel: "in_app", kind: "resolve" })).toEqual({
      title: "Selesai",
      text: "Selesai: Gangguan massal, POP Klari.",
    });
  });

  it("names nobody when nobody is known", () => {
    expect(close({ by: null }).text).toBe(
      "✅ Diambil oleh rekan lain: Gangguan massal, POP Klari.",
    );
  });

  it("escapes names and places on WhatsApp alone", () => {
    const data = { type: "Gangguan", location: "*POP*" };
    expect(close({ by: "_A_", data }).text).toBe("✅ Diambil oleh ˍAˍ: Gangguan, ∗POP∗.");
    expect(close({ by: "_A_", data, channel: "in_app" }).text).toBe(
      "Diambil oleh _A_: Gangguan, *POP*.",
    );
  });

  it("can carry the code by which the chat knows it", () => {
    expect(close({ code: "4821" }).text).toMatch(/\. \(4821\)$/u);
  });

  it("names the ticket with its prefix", () => {
    const data = { type: "Tiket ditugaskan", ticket_id: "1042", zone: "Karawang" };
    expect(close({ data, kind: "accept" }).text).toContain("Tiket ditugaskan TKT1042, Karawang");
  });
});
