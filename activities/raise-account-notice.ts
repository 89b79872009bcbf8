import { isOutage, type Outage } from "../domain/circuit.ts";
import type { Trouble } from "../db/account-health.ts";
import { raiseNotice, type NoticeDeps } from "./raise-notice.ts";

/** Tells the operators, by other accounts, that a sending device is out. Idempotency: one notice for each outage. */
export function createRaiseAccountNotice(deps: NoticeDeps) {
  return async function raiseAccountNotice(trouble: Trouble): Promise<void> {
    const { accountIds, names, provider, reason, since } = trouble;
    const what = isOutage(reason) ? OUTAGE_WORDS[reason] : reason;
    await raiseNotice(deps, {
      ref: `account-${accountIds[0] ?? provider}-${since}`,
      request: {
        type: "operator_notice",
        avoidAccountIds: accountIds,
        data: { notice: `${names.join(", ")}: ${what}` },
      },
      noticeOf: null,
    });
  };
}

/** What the operators read; both languages, because operators of both get one text. */
const OUTAGE_WORDS: Readonly<Record<Outage, string>> = {
  failing: "pengiriman gagal berulang kali, akun tidak dipakai / its sends keep failing, taken out",
  unauthorized: "kredensial ditolak, akun tidak dipakai / its credentials are refused, taken out",
  silent:
    "pesan diterima tetapi tidak terkirim, akun tidak dipakai / it accepts messages and sends none, taken out",
  device_disconnected:
    "perangkat terputus, sambungkan kembali / its device is disconnected, link it again",
  restricted: "nomor dibatasi oleh WhatsApp / its number is restricted by the vendor",
  banned:
    "nomor diblokir, ganti dengan nomor cadangan / its number is banned, a standby takes over",
};
