/** Every sentence that Siaga itself says, per language. Names in braces are filled by `fill`; what fills them is escaped. */
import type { AnswerKind, Answer } from "../domain/notification.ts";
import type { Locale } from "../domain/locale.ts";
import type { Priority } from "../domain/priority.ts";
import type { VerificationRefusal } from "../domain/verification-code.ts";

/** What ends a run for those who were told of it. */
export const CLOSING_KINDS = [
  "acknowledge",
  "accept",
  "claim",
  "resolve",
  "cancel",
  "expire",
  "reopen",
  "reassign",
  "supersede",
] as const;
export type ClosingKind = (typeof CLOSING_KINDS)[number];

/** Automatic answers without variants; thanks and what is over have their own tables. */
type ReplyKind =
  | "which_one"
  | "nothing_open"
  | "unknown_code"
  | "code_needed"
  | "taken"
  | "taken_at"
  | "taken_by_you"
  | "over"
  | "not_possible"
  | "confirm_all"
  | "all_done"
  | "rate_range"
  | "stopped"
  | "stopped_staff"
  | "started"
  | "which_stop"
  | "help";

type Answerable = Exclude<AnswerKind, "none">;

type Texts = {
  readonly priority: Readonly<Record<Priority, string>>;
  /** `*` marks are WhatsApp's; they are removed elsewhere. */
  readonly footer: Readonly<Record<Answerable, string>>;
  readonly smsFooter: Readonly<Record<Answerable, string>>;
  readonly answerLink: string;
  readonly buttons: Readonly<
    Record<Answerable, readonly [accept: string, refuse: string] | readonly []>
  >;
  readonly drill: string;
  readonly reminder: string;
  readonly escalated: string;
  readonly toldBefore: string;
  readonly andMore: string;
  readonly reassignedFrom: string;
  readonly maybeDuplicate: string;
  readonly attachment: string;
  readonly place: string;
  readonly rest: string;
  readonly closing: Readonly<Record<ClosingKind, string>>;
  readonly closingTitle: Readonly<Record<ClosingKind, string>>;
  readonly somebody: string;
  readonly moreItems: string;
  readonly thanks: Readonly<Record<Answer, string>>;
  readonly reply: Readonly<Record<ReplyKind, string>>;
  readonly over: Readonly<Record<"cancelled" | "resolved" | "settled", string>>;
  /** What a person sends to prove a number: says whose it will be and agrees to be written to. */
  readonly verifyMe: Readonly<Record<"named" | "unnamed", string>>;
  /** `second`: messages still go to another number. */
  readonly verified: Readonly<Record<"primary" | "second" | "you", string>>;
  readonly notVerified: Readonly<Record<VerificationRefusal, string>>;
};

export const TEXTS: Readonly<Record<Locale, Texts>> = {
  id: {
    priority: { critical: "Kritis", high: "Tinggi", medium: "Sedang", low: "Rendah" },
    footer: {
      acknowledge: "Balas *1 {code}* terima · *2 {code}* tolak",
      accept: "Balas *1 {code}* terima · *2 {code}* tolak",
      claim: "Balas *1 {code}* untuk ambil",
      rate: "Balas *{code}* dan nilai 1–5, misalnya *{code} 5*",
    },
    smsFooter: {
      acknowledge: "Balas 1 {code} terima, 2 {code} tolak",
      accept: "Balas 1 {code} terima, 2 {code} tolak",
      claim: "Balas 1 {code} untuk ambil",
      rate: "Balas {code} dan nilai 1-5, misalnya {code} 5",
    },
    answerLink: "Jawab di sini: {url}",
    buttons: {
      acknowledge: ["Terima", "Tolak"],
      accept: ["Terima", "Tolak"],
      claim: ["Ambil", "Lewati"],
      rate: [],
    },
    drill: "[LATIHAN]",
    reminder: "Pengingat ke-{count}: belum ada jawaban.",
    escalated: "Diteruskan ke Anda karena belum ada yang menjawab.",
    toldBefore: "Sudah diberi tahu, belum menjawab: {names}.",
    andMore: "dan {count} orang lagi",
    reassignedFrom: "Dialihkan dari {name}.",
    maybeDuplicate: "Mungkin pesan ini juga sudah sampai lewat jalur lain.",
    attachment: "Lampiran: {url}",
    place: "Lokasi: {url}",
    rest: "Selengkapnya: {url}",
    closing: {
      acknowledge: "Diambil oleh {name}: {subject}.",
      accept: "Diterima oleh {name}: {subject}.",
      claim: "Diambil oleh {name}: {subject}.",
      resolve: "Selesai: {subject}.",
      cancel: "Dibatalkan: {subject}. Tidak perlu ditindaklanjuti.",
      expire: "Sudah lewat waktunya: {subject}.",
      reopen: "Dibuka lagi: {subject}. Belum selesai setelah diterima {name}.",
      reassign: "Dialihkan ke {name}: {subject}. Anda tidak perlu menindaklanjuti.",
      supersede: "Digabung dengan pemberitahuan lain: {subject}.",
    },
    closingTitle: {
      acknowledge: "Sudah diambil",
      accept: "Tiket diterima",
      claim: "Tiket diambil",
      resolve: "Selesai",
      cancel: "Dibatalkan",
      expire: "Lewat waktu",
      reopen: "Dibuka lagi",
      reassign: "Dialihkan",
      supersede: "Digabung",
    },
    somebody: "rekan lain",
    moreItems: "dan {count} lagi",
    thanks: {
      acknowledged: "Terima kasih, sudah dicatat. {subject} sekarang Anda yang tangani.",
      accepted: "Terima kasih, sudah dicatat. Anda menerima {subject}.",
      claimed: "Sudah dicatat. {subject} sekarang tugas Anda.",
      refused: "Sudah dicatat. Anda menolak {subject}, kami teruskan ke yang lain.",
      rated: "Terima kasih atas penilaian Anda.",
    },
    reply: {
      which_one: "Maaf, yang mana? Balas dengan kodenya:",
      nothing_open: "Terima kasih. Saat ini tidak ada yang menunggu jawaban Anda.",
      unknown_code: "Maaf, kode {code} tidak ditemukan atau sudah selesai.",
      code_needed:
        "Untuk keadaan darurat, mohon balas beserta kodenya: *1 {code}* terima · *2 {code}* tolak",
      taken: "Terima kasih, tetapi {subject} sudah diambil oleh {name}.",
      taken_at: "Terima kasih, tetapi {subject} sudah diambil oleh {name} pukul {time}.",
      taken_by_you: "Sudah tercatat sebelumnya: {subject} ada pada Anda.",
      over: "Terima kasih, tetapi {subject} {state}.",
      not_possible: "Maaf, itu tidak bisa dilakukan untuk {subject}.",
      confirm_all:
        "Ini semua yang menunggu jawaban Anda:\n{items}\nBalas *ya* untuk menerima semuanya.",
      all_done: "Sudah dicatat: {count} diterima.",
      rate_range: "Mohon beri nilai 1 sampai 5, misalnya *{code} 5*.",
      stopped:
        "Anda tidak akan menerima pesan seperti ini lagi. Balas MULAI untuk menerimanya kembali.",
      stopped_staff:
        "Sudah dicatat. Operator kami beri tahu bahwa Anda berhenti menerima pesan ini. Balas MULAI untuk menerimanya kembali.",
      started: "Anda akan menerima pesan ini kembali.",
      which_stop: "Maaf, pesan mana yang ingin Anda hentikan? Balas pesan itu sendiri dengan STOP.",
      help: "Balas *1 kode* terima, *2 kode* tolak, *1 semua* terima semua, *tugas* daftar tugas Anda, *piket* siapa yang bertugas, *tunda 30* tunda 30 menit.",
    },
    over: {
      cancelled: "sudah dibatalkan",
      resolved: "sudah selesai",
      settled: "sudah ditutup",
    },
    verifyMe: {
      named:
        "Saya {name}. Tolong verifikasi nomor ini dan kirim pemberitahuan Siaga ke sini. Kode: {code}",
      unnamed: "Tolong verifikasi nomor ini dan kirim pemberitahuan Siaga ke sini. Kode: {code}",
    },
    verified: {
      primary:
        "Terima kasih, nomor ini sudah terverifikasi untuk {name}. Pemberitahuan dikirim ke sini; balas STOP pada pesan yang tidak Anda inginkan.",
      second:
        "Terima kasih, nomor ini sudah terverifikasi untuk {name}. Pemberitahuan tetap dikirim ke nomor utama.",
      you: "Anda",
    },
    notVerified: {
      unknown: "Maaf, kode verifikasi itu tidak kami kenal. Nomor ini tidak berubah.",
      expired: "Maaf, kode verifikasi itu sudah kedaluwarsa. Mohon minta tautan baru.",
      used: "Maaf, kode verifikasi itu sudah tidak berlaku. Mohon minta tautan baru.",
      no_number:
        "Maaf, WhatsApp menyembunyikan nomor Anda dari kami, jadi nomor ini tidak bisa diverifikasi di sini. Mohon pakai kode sekali pakai atau hubungi administrator.",
      taken:
        "Maaf, nomor ini sudah terdaftar atas nama orang lain, jadi tidak bisa diverifikasi. Mohon hubungi administrator.",
      too_many:
        "Maaf, terlalu banyak nomor terdaftar untuk orang ini. Mohon hapus salah satu dahulu.",
    },
  },
  en: {
    priority: { critical: "Critical", high: "High", medium: "Medium", low: "Low" },
    footer: {
      acknowledge: "Reply *1 {code}* to take it · *2 {code}* to decline",
      accept: "Reply *1 {code}* to accept · *2 {code}* to decline",
      claim: "Reply *1 {code}* to claim it",
      rate: "Reply *{code}* and a rating from 1 to 5, for example *{code} 5*",
    },
    smsFooter: {
      acknowledge: "Reply 1 {code} to take it, 2 {code} to decline",
      accept: "Reply 1 {code} to accept, 2 {code} to decline",
      claim: "Reply 1 {code} to claim it",
      rate: "Reply {code} and a rating from 1 to 5, for example {code} 5",
    },
    answerLink: "Answer here: {url}",
    buttons: {
      acknowledge: ["I'll take it", "Decline"],
      accept: ["Accept", "Decline"],
      claim: ["Claim", "Skip"],
      rate: [],
    },
    drill: "[DRILL]",
    reminder: "Reminder {count}: no answer yet.",
    escalated: "Passed on to you because nobody has answered.",
    toldBefore: "Told before, no answer: {names}.",
    andMore: "and {count} more",
    reassignedFrom: "Reassigned from {name}.",
    maybeDuplicate: "This may also have reached you another way.",
    attachment: "Attachment: {url}",
    place: "Location: {url}",
    rest: "The rest: {url}",
    closing: {
      acknowledge: "Taken by {name}: {subject}.",
      accept: "Accepted by {name}: {subject}.",
      claim: "Claimed by {name}: {subject}.",
      resolve: "Resolved: {subject}.",
      cancel: "Cancelled: {subject}. Nothing left to do.",
      expire: "Out of date: {subject}.",
      reopen: "Open again: {subject}. Not resolved since {name} took it.",
      reassign: "Reassigned to {name}: {subject}. Nothing left to do for you.",
      supersede: "Joined with another notification: {subject}.",
    },
    closingTitle: {
      acknowledge: "Taken",
      accept: "Ticket accepted",
      claim: "Ticket claimed",
      resolve: "Resolved",
      cancel: "Cancelled",
      expire: "Out of date",
      reopen: "Open again",
      reassign: "Reassigned",
      supersede: "Joined",
    },
    somebody: "a colleague",
    moreItems: "and {count} more",
    thanks: {
      acknowledged: "Thank you, noted: you are taking care of {subject}.",
      accepted: "Thank you, noted: you accepted {subject}.",
      claimed: "Noted: {subject} is yours.",
      refused: "Noted: you declined {subject}. We will pass it on.",
      rated: "Thank you for your rating.",
    },
    reply: {
      which_one: "Sorry, which one? Reply with its code:",
      nothing_open: "Thank you. Nothing is waiting for your answer right now.",
      unknown_code: "Sorry, code {code} is unknown or already closed.",
      code_needed:
        "For an emergency, please reply with its code: *1 {code}* to take it · *2 {code}* to decline",
      taken: "Thank you, but {subject} has already been taken by {name}.",
      taken_at: "Thank you, but {subject} has already been taken by {name} at {time}.",
      taken_by_you: "Already noted: {subject} is with you.",
      over: "Thank you, but {subject} {state}.",
      not_possible: "Sorry, that can't be done for {subject}.",
      confirm_all:
        "This is everything that waits for your answer:\n{items}\nReply *yes* to accept them all.",
      all_done: "Noted: {count} accepted.",
      rate_range: "Please rate from 1 to 5, for example *{code} 5*.",
      stopped: "You won't receive messages like this any more. Reply START to receive them again.",
      stopped_staff:
        "Noted. We are telling an operator that you stopped receiving this. Reply START to receive it again.",
      started: "You will receive these messages again.",
      which_stop: "Sorry, which message do you want to stop? Reply STOP to that message itself.",
      help: "Reply *1 code* to accept, *2 code* to decline, *1 all* to accept all, *tasks* for your list, *duty* for who is on duty, *snooze 30* to wait 30 minutes.",
    },
    over: {
      cancelled: "has been cancelled",
      resolved: "has been resolved",
      settled: "is closed",
    },
    verifyMe: {
      named:
        "I am {name}. Please verify this number and send my Siaga notifications here. Code: {code}",
      unnamed: "Please verify this number and send my Siaga notifications here. Code: {code}",
    },
    verified: {
      primary:
        "Thank you, this number is now verified for {name}. Notifications come here; reply STOP to a message that you don't want.",
      second:
        "Thank you, this number is now verified for {name}. Notifications still go to the main number.",
      you: "you",
    },
    notVerified: {
      unknown: "Sorry, we don't know that verification code. Nothing has changed.",
      expired: "Sorry, that verification code is too old. Please ask for a new link.",
      used: "Sorry, that verification code is no longer valid. Please ask for a new link.",
      no_number:
        "Sorry, WhatsApp hides your number from us, so it can't be verified here. Please use a one-time password or ask an administrator.",
      taken:
        "Sorry, this number is registered to somebody else, so it can't be verified. Please ask an administrator.",
      too_many: "Sorry, this person has too many numbers. Please remove one of them first.",
    },
  },
};

/** A sentence with its braces filled. A name without a value is a fault of the caller and stays visible. */
export function fill(text: string, values: Readonly<Record<string, string | number>>): string {
  return text.replace(/\{(\w+)\}/gu, (braces, name: string) => String(values[name] ?? braces));
}
