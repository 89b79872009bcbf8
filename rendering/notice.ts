import { assertNever } from "../domain/assert.ts";
import type { Outage } from "../domain/circuit.ts";
import type { Locale } from "../domain/locale.ts";
import { isNamed, isNotice } from "../domain/notice.ts";
import type { Named, NoticeFacts, Unanswered } from "../domain/notice.ts";
import type { TemplateFault } from "../domain/provider-template.ts";
import { fill } from "./texts.ts";

/** Facts of an operator_notice and names with a word for each language, in this reader's; any other value as it is. */
export function inWordsOf(locale: Locale, value: unknown): unknown {
  if (isNamed(value)) return value[locale];
  return isNotice(value) ? noticeText(value, locale) : value;
}

function noticeText(notice: NoticeFacts, locale: Locale): string {
  const texts = NOTICES[locale];
  switch (notice.kind) {
    case "unanswered":
      return texts.unanswered[notice.happened];
    case "account_out": {
      const what = notice.outage === null ? texts.out : texts.outages[notice.outage];
      return `${notice.accounts.join(", ")}: ${what}`;
    }
    case "template_fault": {
      const { account, template, language, fault } = notice;
      return fill(texts.template, { account, template, language, fault: texts.faults[fault] });
    }
    case "staff_opted_out":
      return fill(texts.optedOut, {
        person: notice.person ?? texts.somebody,
        channel: wordFor(CHANNELS, notice.channel) ?? notice.channel,
        classes: notice.classes.map((name) => nameIn(name, locale)).join(", "),
      });
    default:
      return assertNever(notice, "kind of a notice");
  }
}

/** What a code that stands in data is called; null: its own letters will do. */
export function codeLabel(code: string, locale: Locale): string | null {
  return wordFor(LABELS[locale], code);
}

/** Callers choose the code: what every object has of its own is no word of ours. */
function wordFor(words: Readonly<Record<string, string>>, code: string): string | null {
  return Object.hasOwn(words, code) ? (words[code] ?? null) : null;
}

/** English codes are English words. */
const LABELS: Readonly<Record<Locale, Readonly<Record<string, string>>>> = {
  id: {
    lifetime: "Waktunya habis",
    nobody_answered: "Tidak ada yang menjawab",
    nobody_reachable: "Tidak ada yang bisa dihubungi",
    not_after: "Batas waktunya lewat",
    nothing_accepted: "Tidak ada penyedia yang menerima pesannya",
    opted_out: "Berhenti menerima pesan",
    partly_acknowledged: "Belum semua menjawab",
    sleepers_only: "Tinggal yang sedang jam tenang",
    template_disabled: "Template dinonaktifkan",
    template_parameters: "Isian template tidak cocok",
    template_part: "Bagian template tidak bisa diisi",
    template_paused: "Template dijeda",
    template_pending: "Template masih ditinjau",
    template_rejected: "Template ditolak",
    template_unknown: "Template tidak ada",
    template_unmapped: "Template belum dipilih",
    unknown_outcome: "Belum tentu sampai",
  },
  en: {},
};

function nameIn(name: string | Named, locale: Locale): string {
  return typeof name === "string" ? name : name[locale];
}

const CHANNELS: Readonly<Record<string, string>> = {
  whatsapp_personal: "WhatsApp",
  sms: "SMS",
  email: "e-mail",
};

type NoticeTexts = {
  readonly unanswered: Readonly<Record<Unanswered, string>>;
  readonly out: string;
  readonly outages: Readonly<Record<Outage, string>>;
  readonly template: string;
  readonly faults: Readonly<Record<TemplateFault, string>>;
  readonly optedOut: string;
  readonly somebody: string;
};

const NOTICES: Readonly<Record<Locale, NoticeTexts>> = {
  id: {
    unanswered: {
      exhausted: "tidak ada yang menjawab",
      expired: "waktunya habis tanpa jawaban",
      undeliverable: "tidak dapat disampaikan kepada siapa pun",
      sleepers_only: "semua langkah selesai, tinggal yang sedang jam tenang",
    },
    out: "akun tidak dipakai",
    outages: {
      failing: "pengiriman gagal berulang kali, akun tidak dipakai",
      unauthorized: "kredensial ditolak, akun tidak dipakai",
      silent: "pesan diterima tetapi tidak terkirim, akun tidak dipakai",
      device_disconnected: "perangkat terputus, sambungkan kembali",
      restricted: "nomor dibatasi oleh WhatsApp",
      banned: "nomor diblokir, ganti dengan nomor cadangan",
    },
    template: "{account}: template {template} ({language}) {fault}",
    faults: {
      template_unmapped: "belum dipilih",
      template_pending: "masih ditinjau",
      template_paused: "dijeda oleh penyedia, pesan lewat akun lain",
      template_disabled: "dinonaktifkan oleh penyedia, pesan lewat akun lain",
      template_rejected: "ditolak oleh penyedia, pesan lewat akun lain",
      template_unknown: "tidak ada pada penyedia",
      template_parameters: "isiannya tidak cocok dengan teks penyedia",
      template_part: "punya bagian yang tidak bisa diisi, misalnya gambar",
    },
    optedOut: "{person} berhenti menerima ini lewat {channel}: {classes}",
    somebody: "seseorang",
  },
  en: {
    unanswered: {
      exhausted: "nobody answered",
      expired: "its time ran out without an answer",
      undeliverable: "it could not be delivered to anybody",
      sleepers_only: "all steps are over, only people in quiet hours are left",
    },
    out: "taken out",
    outages: {
      failing: "its sends keep failing, taken out",
      unauthorized: "its credentials are refused, taken out",
      silent: "it accepts messages and sends none, taken out",
      device_disconnected: "its device is disconnected, link it again",
      restricted: "its number is restricted by the vendor",
      banned: "its number is banned, a standby takes over",
    },
    template: "{account}: template {template} ({language}) {fault}",
    faults: {
      template_unmapped: "is not chosen",
      template_pending: "is still being reviewed",
      template_paused: "is paused by the vendor, other accounts carry on",
      template_disabled: "is disabled by the vendor, other accounts carry on",
      template_rejected: "is rejected by the vendor, other accounts carry on",
      template_unknown: "does not exist at the vendor",
      template_parameters: "has places that our variables don't fit",
      template_part: "has a part that can't be filled, such as an image",
    },
    optedOut: "{person} no longer wants these by {channel}: {classes}",
    somebody: "somebody",
  },
};
