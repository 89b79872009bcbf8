import { inBothLanguages, lines, when } from "./template.ts";
import type { SeedTemplate } from "./template.ts";

const PENDING = "{% if pending %}{{ pending }}{% else %}{{ total | minus: completed }}{% endif %}";

/** Summaries, reports and figures. */
export const REPORT_TEMPLATES: readonly SeedTemplate[] = [
  ...inBothLanguages("daily_summary", "whatsapp_group", {
    id: {
      subject: "Ringkasan harian {{ date }}",
      body: lines(
        "📊 *DAILY REPORT*",
        "{{ date }}",
        "",
        "Total Tickets: {{ total }}",
        "✅ Completed: {{ completed }}",
        "🔄 In Progress: {{ in_progress }}",
        "📋 Assigned: {{ assigned }}",
        "🆕 Open: {{ open }}",
        "",
        "SLA Compliance: {{ sla }}%",
        "Avg Resolution: {{ avg_time }}h",
      ),
    },
    en: {
      subject: "Daily summary {{ date }}",
      body: lines(
        "📊 *DAILY REPORT*",
        "{{ date }}",
        "",
        "Total tickets: {{ total }}",
        "✅ Completed: {{ completed }}",
        "🔄 In progress: {{ in_progress }}",
        "📋 Assigned: {{ assigned }}",
        "🆕 Open: {{ open }}",
        "",
        "SLA compliance: {{ sla }}%",
        "Average resolution: {{ avg_time }} h",
      ),
    },
  }),
  ...inBothLanguages("daily_summary", "whatsapp_personal", {
    id: {
      subject: "Ringkasan harian{% if date %} {{ date }}{% endif %}",
      body: lines(
        "📊 DAILY REPORT",
        "Total tickets: {{ total }}",
        "Completed: {{ completed }}",
        `Pending: ${PENDING}`,
        "SLA Compliance: {{ sla }}%",
      ),
    },
    en: {
      subject: "Daily summary{% if date %} {{ date }}{% endif %}",
      body: lines(
        "📊 DAILY REPORT",
        "Total tickets: {{ total }}",
        "Completed: {{ completed }}",
        `Pending: ${PENDING}`,
        "SLA compliance: {{ sla }}%",
      ),
    },
  }),
  ...inBothLanguages("daily_summary", "email", {
    id: {
      subject: "Ringkasan harian {{ date }}",
      body: lines(
        "Ringkasan harian {{ date }}",
        "",
        "Total tiket: {{ total }}",
        "Selesai: {{ completed }}",
        "Dikerjakan: {{ in_progress }}",
        "Ditugaskan: {{ assigned }}",
        "Terbuka: {{ open }}",
        "",
        "Kepatuhan SLA: {{ sla }}%",
        "Rata-rata penyelesaian: {{ avg_time }} jam",
      ),
    },
    en: {
      subject: "Daily summary {{ date }}",
      body: lines(
        "Daily summary {{ date }}",
        "",
        "Total tickets: {{ total }}",
        "Completed: {{ completed }}",
        "In progress: {{ in_progress }}",
        "Assigned: {{ assigned }}",
        "Open: {{ open }}",
        "",
        "SLA compliance: {{ sla }}%",
        "Average resolution: {{ avg_time }} h",
      ),
    },
  }),
  ...inBothLanguages("weekly_report", "whatsapp_group", {
    id: {
      subject: "Laporan mingguan {{ period }}",
      body: lines(
        "📈 *LAPORAN MINGGUAN*",
        "{{ period }}",
        "",
        "Tiket dibuat: {{ created }}",
        "Tiket selesai: {{ closed }}",
        when("open", "Masih terbuka: {{ open }}"),
        when("sla", "Kepatuhan SLA: {{ sla }}%"),
        when("time_to_acknowledge", "Waktu sampai dijawab (p50/p95): {{ time_to_acknowledge }}"),
        when("time_to_resolve", "Waktu sampai selesai (p50/p95): {{ time_to_resolve }}"),
        when("unanswered", "Tidak dijawab: {{ unanswered }}"),
        when("details", "", "{{ details }}"),
      ),
    },
    en: {
      subject: "Weekly report {{ period }}",
      body: lines(
        "📈 *WEEKLY REPORT*",
        "{{ period }}",
        "",
        "Tickets created: {{ created }}",
        "Tickets closed: {{ closed }}",
        when("open", "Still open: {{ open }}"),
        when("sla", "SLA compliance: {{ sla }}%"),
        when("time_to_acknowledge", "Time to answer (p50/p95): {{ time_to_acknowledge }}"),
        when("time_to_resolve", "Time to resolve (p50/p95): {{ time_to_resolve }}"),
        when("unanswered", "Unanswered: {{ unanswered }}"),
        when("details", "", "{{ details }}"),
      ),
    },
  }),
  ...inBothLanguages("technician_performance", "whatsapp_personal", {
    id: {
      subject: "Kinerja Anda{% if period %} {{ period }}{% endif %}",
      body: lines(
        "🏅 *KINERJA ANDA*",
        when("period", "{{ period }}"),
        "",
        when("technician_name", "Teknisi: {{ technician_name }}"),
        when("completed", "Tiket selesai: {{ completed }}"),
        when("accepted", "Diterima: {{ accepted }}"),
        when("refused", "Ditolak: {{ refused }}"),
        when("median_time", "Waktu penyelesaian (median): {{ median_time }}"),
        when("rating", "Nilai pelanggan: {{ rating }}"),
      ),
    },
    en: {
      subject: "Your performance{% if period %} {{ period }}{% endif %}",
      body: lines(
        "🏅 *YOUR PERFORMANCE*",
        when("period", "{{ period }}"),
        "",
        when("technician_name", "Technician: {{ technician_name }}"),
        when("completed", "Tickets completed: {{ completed }}"),
        when("accepted", "Accepted: {{ accepted }}"),
        when("refused", "Declined: {{ refused }}"),
        when("median_time", "Resolution time (median): {{ median_time }}"),
        when("rating", "Customer rating: {{ rating }}"),
      ),
    },
  }),
  ...inBothLanguages("kpi_alert", "whatsapp_personal", {
    id: {
      subject: "KPI: {% if kpi %}{{ kpi }}{% else %}{{ type }}{% endif %}",
      body: lines(
        "📉 *PERINGATAN KPI*",
        "",
        when("kpi", "KPI: {{ kpi }}"),
        when("value", "Nilai: {{ value }}"),
        when("threshold", "Batas: {{ threshold }}"),
        when("zone", "Zona: {{ zone }}"),
        when("period", "Periode: {{ period }}"),
        when("description", "", "{{ description }}"),
      ),
    },
    en: {
      subject: "KPI: {% if kpi %}{{ kpi }}{% else %}{{ type }}{% endif %}",
      body: lines(
        "📉 *KPI ALERT*",
        "",
        when("kpi", "KPI: {{ kpi }}"),
        when("value", "Value: {{ value }}"),
        when("threshold", "Threshold: {{ threshold }}"),
        when("zone", "Zone: {{ zone }}"),
        when("period", "Period: {{ period }}"),
        when("description", "", "{{ description }}"),
      ),
    },
  }),
  ...inBothLanguages("performance_issue", "whatsapp_personal", {
    id: {
      subject: "Masalah kinerja{% if technician_name %}: {{ technician_name }}{% endif %}",
      body: lines(
        "🔎 *MASALAH KINERJA*",
        "",
        when("technician_name", "Teknisi: {{ technician_name }}"),
        when("kpi", "Ukuran: {{ kpi }}"),
        when("value", "Nilai: {{ value }}"),
        when("threshold", "Batas: {{ threshold }}"),
        when("period", "Periode: {{ period }}"),
        when("description", "", "{{ description }}"),
      ),
    },
    en: {
      subject: "Performance issue{% if technician_name %}: {{ technician_name }}{% endif %}",
      body: lines(
        "🔎 *PERFORMANCE ISSUE*",
        "",
        when("technician_name", "Technician: {{ technician_name }}"),
        when("kpi", "Measure: {{ kpi }}"),
        when("value", "Value: {{ value }}"),
        when("threshold", "Threshold: {{ threshold }}"),
        when("period", "Period: {{ period }}"),
        when("description", "", "{{ description }}"),
      ),
    },
  }),
];
