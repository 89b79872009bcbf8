import { CLOSING_TYPE } from "../../domain/closing-message.ts";
import type { PreferenceClass } from "../../domain/effective-settings.ts";
import type { AnswerKind } from "../../domain/notification.ts";
import type { Priority } from "../../domain/priority.ts";

export type SeedType = {
  readonly code: string;
  readonly nameId: string;
  readonly nameEn: string;
  readonly priority: Priority;
  /** Code of the policy; null: the default of the priority. */
  readonly policy: "assignment" | "claim" | "notice" | "test" | "otp" | null;
  readonly answers: AnswerKind;
  /** Customer service may see and create it. */
  readonly isCustomer: boolean;
  /** The NOC may create it by hand. */
  readonly isOperational: boolean;
  /** Told only between these times of the customer's zone. */
  readonly sendWindow: { readonly from: string; readonly to: string } | null;
  /** Needs recorded consent of this class. */
  readonly consentClass: "promotion" | "survey" | null;
  readonly preferenceClass: PreferenceClass | null;
};

const OPERATIONAL = {
  policy: null,
  answers: "none",
  isCustomer: false,
  isOperational: true,
  sendWindow: null,
  consentClass: null,
  preferenceClass: null,
} as const;

/** About customers, for the people of customer service. */
const CUSTOMER_SERVICE = { ...OPERATIONAL, isCustomer: true } as const;

/** To customers: nobody's phone rings for an invoice before eight or after twenty. */
const TO_CUSTOMERS = {
  ...CUSTOMER_SERVICE,
  isOperational: false,
  sendWindow: { from: "08:00", to: "20:00" },
} as const;

/** Reports about people and figures: made by schedules and administrators. */
const REPORT = { ...OPERATIONAL, isOperational: false } as const;

export const TYPES: readonly SeedType[] = [
  {
    ...OPERATIONAL,
    code: "ticket_assigned",
    nameId: "Tiket ditugaskan",
    nameEn: "Ticket assigned",
    priority: "medium",
    policy: "assignment",
    answers: "accept",
    preferenceClass: "assigned",
  },
  {
    ...OPERATIONAL,
    code: "ticket_urgent",
    nameId: "Tiket mendesak",
    nameEn: "Urgent ticket",
    priority: "high",
    answers: "acknowledge",
    preferenceClass: "urgent",
  },
  {
    ...OPERATIONAL,
    code: "ticket_status_changed",
    nameId: "Status tiket berubah",
    nameEn: "Ticket status changed",
    priority: "medium",
    preferenceClass: "status",
  },
  {
    ...OPERATIONAL,
    code: "new_ticket",
    nameId: "Tiket baru",
    nameEn: "New ticket",
    priority: "medium",
    policy: "claim",
    answers: "claim",
    preferenceClass: "assigned",
  },
  {
    ...OPERATIONAL,
    code: "sla_warning",
    nameId: "Peringatan SLA",
    nameEn: "SLA warning",
    priority: "high",
    answers: "acknowledge",
    preferenceClass: "sla",
  },
  {
    ...OPERATIONAL,
    code: "sla_breach",
    nameId: "SLA terlampaui",
    nameEn: "SLA breached",
    priority: "high",
    answers: "acknowledge",
    preferenceClass: "sla",
  },
  {
    ...OPERATIONAL,
    code: "escalation",
    nameId: "Eskalasi",
    nameEn: "Escalation",
    priority: "high",
    answers: "acknowledge",
    preferenceClass: "urgent",
  },
  {
    ...TO_CUSTOMERS,
    code: "registration_approved",
    nameId: "Registrasi disetujui",
    nameEn: "Registration approved",
    priority: "medium",
  },
  {
    ...CUSTOMER_SERVICE,
    code: "new_registration",
    nameId: "Registrasi baru",
    nameEn: "New registration",
    priority: "medium",
  },
  {
    ...CUSTOMER_SERVICE,
    code: "customer_complaint",
    nameId: "Keluhan pelanggan",
    nameEn: "Customer complaint",
    priority: "medium",
  },
  {
    ...TO_CUSTOMERS,
    code: "payment_received",
    nameId: "Pembayaran diterima",
    nameEn: "Payment received",
    priority: "medium",
  },
  {
    ...TO_CUSTOMERS,
    code: "invoice_reminder",
    nameId: "Pengingat tagihan",
    nameEn: "Invoice reminder",
    priority: "medium",
  },
  {
    ...TO_CUSTOMERS,
    code: "service_update",
    nameId: "Info layanan",
    nameEn: "Service update",
    priority: "medium",
  },
  {
    ...TO_CUSTOMERS,
    code: "installation_schedule",
    nameId: "Jadwal pemasangan",
    nameEn: "Installation schedule",
    priority: "low",
  },
  {
    ...TO_CUSTOMERS,
    code: "maintenance",
    nameId: "Pemeliharaan jaringan",
    nameEn: "Network maintenance",
    priority: "low",
  },
  {
    ...TO_CUSTOMERS,
    code: "welcome",
    nameId: "Selamat datang",
    nameEn: "Welcome",
    priority: "low",
  },
  {
    ...TO_CUSTOMERS,
    code: "satisfaction_survey",
    nameId: "Survei kepuasan",
    nameEn: "Satisfaction survey",
    priority: "low",
    answers: "rate",
    consentClass: "survey",
  },
  {
    ...TO_CUSTOMERS,
    code: "upgrade_offer",
    nameId: "Penawaran paket",
    nameEn: "Upgrade offer",
    priority: "low",
    consentClass: "promotion",
  },
  {
    ...TO_CUSTOMERS,
    code: "promotion",
    nameId: "Promosi",
    nameEn: "Promotion",
    priority: "low",
    consentClass: "promotion",
  },
  {
    ...OPERATIONAL,
    code: "system_alert",
    nameId: "Peringatan sistem",
    nameEn: "System alert",
    priority: "high",
    answers: "acknowledge",
    preferenceClass: "urgent",
  },
  {
    ...OPERATIONAL,
    code: "outage",
    nameId: "Gangguan massal",
    nameEn: "Outage",
    priority: "critical",
    answers: "acknowledge",
    preferenceClass: "urgent",
  },
  {
    ...OPERATIONAL,
    code: "critical_incident",
    nameId: "Insiden kritis",
    nameEn: "Critical incident",
    priority: "critical",
    answers: "acknowledge",
    preferenceClass: "urgent",
  },
  {
    ...REPORT,
    code: "kpi_alert",
    nameId: "Peringatan KPI",
    nameEn: "KPI alert",
    priority: "medium",
  },
  {
    ...REPORT,
    code: "performance_issue",
    nameId: "Masalah kinerja",
    nameEn: "Performance issue",
    priority: "medium",
  },
  {
    ...REPORT,
    code: "daily_summary",
    nameId: "Ringkasan harian",
    nameEn: "Daily summary",
    priority: "low",
    preferenceClass: "daily",
  },
  {
    ...REPORT,
    code: "weekly_report",
    nameId: "Laporan mingguan",
    nameEn: "Weekly report",
    priority: "low",
    preferenceClass: "weekly",
  },
  {
    ...REPORT,
    code: "technician_performance",
    nameId: "Kinerja teknisi",
    nameEn: "Technician performance",
    priority: "low",
  },
  {
    ...OPERATIONAL,
    code: "operator_notice",
    nameId: "Pemberitahuan operator",
    nameEn: "Operator notice",
    priority: "high",
    policy: "notice",
    answers: "acknowledge",
  },
  {
    ...OPERATIONAL,
    code: "test_message",
    nameId: "Pesan uji",
    nameEn: "Test message",
    priority: "high",
    policy: "test",
  },
  {
    ...REPORT,
    code: CLOSING_TYPE,
    nameId: "Pesan penutup",
    nameEn: "Closing message",
    priority: "low",
  },
  {
    ...REPORT,
    code: "otp",
    nameId: "Kode verifikasi",
    nameEn: "Verification code",
    priority: "high",
    policy: "otp",
  },
];
