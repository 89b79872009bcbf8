import type { Locale } from "../domain/locale.ts";
import type { AnswerKind } from "../domain/notification.ts";

/** Every sentence of the page behind a signed link. Names in braces are filled by `fill`. */
export type AckPageTexts = {
  readonly what: string;
  readonly where: string;
  readonly since: string;
  readonly priority: string;
  readonly nobody: string;
  readonly takenBy: string;
  readonly yours: string;
  readonly over: Readonly<Record<"cancelled" | "resolved" | "settled", string>>;
  readonly button: Readonly<Record<Exclude<AnswerKind, "none">, string>>;
  readonly asks: Readonly<Record<Exclude<AnswerKind, "none">, string>>;
  readonly rating: string;
  readonly who: string;
  readonly choose: string;
  readonly otherName: string;
  readonly whoMissing: string;
  readonly ratingMissing: string;
  readonly invalidTitle: string;
  readonly invalid: string;
  readonly expiredTitle: string;
  readonly expired: string;
};

export const ACK_PAGE_TEXTS: Readonly<Record<Locale, AckPageTexts>> = {
  id: {
    what: "Apa",
    where: "Di mana",
    since: "Sejak",
    priority: "Prioritas",
    nobody: "Belum ada yang mengambil.",
    takenBy: "Sudah diambil oleh {name} pada {time}.",
    yours: "Sudah tercatat: ini ada pada Anda.",
    over: {
      cancelled: "Sudah dibatalkan. Tidak perlu ditindaklanjuti.",
      resolved: "Sudah selesai. Tidak perlu ditindaklanjuti.",
      settled: "Sudah ditutup. Tidak perlu ditindaklanjuti.",
    },
    button: {
      acknowledge: "Saya tangani",
      accept: "Terima tugas",
      claim: "Ambil tugas",
      rate: "Kirim penilaian",
    },
    asks: {
      acknowledge: "Apakah Anda menangani ini?",
      accept: "Apakah Anda menerima tugas ini?",
      claim: "Apakah Anda mengambil tugas ini?",
      rate: "Bagaimana penilaian Anda?",
    },
    rating: "Nilai, 1 kurang sampai 5 sangat baik",
    who: "Siapa yang menjawab?",
    choose: "Pilih nama",
    otherName: "Atau tulis nama Anda",
    whoMissing: "Mohon pilih atau tulis nama Anda.",
    ratingMissing: "Mohon pilih nilai 1 sampai 5.",
    invalidTitle: "Tautan tidak berlaku",
    invalid: "Mohon buka lagi tautan dari pesan aslinya, lengkap sampai huruf terakhir.",
    expiredTitle: "Tautan sudah berakhir",
    expired: "Pemberitahuan ini sudah lama ditutup. Tidak perlu ditindaklanjuti.",
  },
  en: {
    what: "What",
    where: "Where",
    since: "Since",
    priority: "Priority",
    nobody: "Nobody has taken it yet.",
    takenBy: "Taken by {name} on {time}.",
    yours: "Noted: this is with you.",
    over: {
      cancelled: "It has been cancelled. Nothing left to do.",
      resolved: "It has been resolved. Nothing left to do.",
      settled: "It is closed. Nothing left to do.",
    },
    button: {
      acknowledge: "I'll take care of it",
      accept: "Accept the task",
      claim: "Claim the task",
      rate: "Send the rating",
    },
    asks: {
      acknowledge: "Are you taking care of this?",
      accept: "Do you accept this task?",
      claim: "Do you claim this task?",
      rate: "How do you rate it?",
    },
    rating: "Rating, from 1 poor to 5 very good",
    who: "Who is answering?",
    choose: "Choose a name",
    otherName: "Or write your name",
    whoMissing: "Please choose or write your name.",
    ratingMissing: "Please choose a rating from 1 to 5.",
    invalidTitle: "This link is not valid",
    invalid: "Please open the link in the original message again, complete to its last letter.",
    expiredTitle: "This link has ended",
    expired: "This notification was closed long ago. Nothing left to do.",
  },
};
