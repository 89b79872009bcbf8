import { inBothLanguages, lines, when } from "./template.ts";
import type { SeedTemplate } from "./template.ts";

const MAP_LINE = [
  "{%- if map_url and map_url != address %}",
  "🗺️ {{ map_url }}",
  "{%- endif %}",
] as const;

/** The ticket system knows the technician's name only once somebody is assigned. */
function technicianOr(label: string, nobody: string): string {
  return `${label}: {% if technician_name %}{{ technician_name }}{% else %}${nobody}{% endif %}`;
}

const STATUS_CHANGE =
  "{% if old_status %}{{ old_status | status_label }} → {% endif %}" +
  "{% if new_status %}{{ new_status | status_label }}{% else %}{{ status | status_label }}{% endif %}";

/** Texts about tickets. The Indonesian ones for WhatsApp are the owner's own where the brief has them. */
export const TICKET_TEMPLATES: readonly SeedTemplate[] = [
  ...inBothLanguages("ticket_assigned", "whatsapp_personal", {
    id: {
      subject: "Tiket TKT{{ ticket_id }} untuk Anda",
      body: lines(
        "🎫 *TICKET BARU ASSIGNED*",
        "",
        "Ticket: TKT{{ ticket_id }}",
        when("customer_name", "Customer: {{ customer_name }}"),
        when("location", "Lokasi: {{ location }}"),
        when("issue_type", "Issue: {{ issue_type }}"),
        "Priority: {{ priority }}",
        when("address", "", "📍 {{ address }}"),
        MAP_LINE,
        when("customer_phone", "📞 {{ customer_phone }}"),
        when("ticket_url", "", "🔗 Detail: {{ ticket_url }}"),
      ),
    },
    en: {
      subject: "Ticket TKT{{ ticket_id }} for you",
      body: lines(
        "🎫 *NEW TICKET ASSIGNED*",
        "",
        "Ticket: TKT{{ ticket_id }}",
        when("customer_name", "Customer: {{ customer_name }}"),
        when("location", "Location: {{ location }}"),
        when("issue_type", "Issue: {{ issue_type }}"),
        "Priority: {{ priority }}",
        when("address", "", "📍 {{ address }}"),
        MAP_LINE,
        when("customer_phone", "📞 {{ customer_phone }}"),
        when("ticket_url", "", "🔗 Details: {{ ticket_url }}"),
      ),
    },
  }),
  ...inBothLanguages("ticket_assigned", "whatsapp_group", {
    id: {
      body: lines(
        "Halo{% if technician_name %} {{ technician_name }}{% endif %}, Anda mendapat ticket baru TKT{{ ticket_id }}",
        when("location", "Lokasi: {{ location }}"),
        when("customer_name", "Customer: {{ customer_name }}"),
        when("ticket_url", "Klik: {{ ticket_url }}"),
      ),
    },
    en: {
      body: lines(
        "Hello{% if technician_name %} {{ technician_name }}{% endif %}, you have a new ticket TKT{{ ticket_id }}",
        when("location", "Location: {{ location }}"),
        when("customer_name", "Customer: {{ customer_name }}"),
        when("ticket_url", "Open: {{ ticket_url }}"),
      ),
    },
  }),
  ...inBothLanguages("ticket_assigned", "in_app", {
    id: {
      subject: "Tiket TKT{{ ticket_id }} untuk Anda",
      body: lines(
        "{% if issue_type %}{{ issue_type }}{% else %}Tiket baru{% endif %}{% if location %}, {{ location }}{% endif %}",
        when("customer_name", "Pelanggan: {{ customer_name }}"),
        "Prioritas: {{ priority }}",
      ),
    },
    en: {
      subject: "Ticket TKT{{ ticket_id }} for you",
      body: lines(
        "{% if issue_type %}{{ issue_type }}{% else %}New ticket{% endif %}{% if location %}, {{ location }}{% endif %}",
        when("customer_name", "Customer: {{ customer_name }}"),
        "Priority: {{ priority }}",
      ),
    },
  }),
  ...inBothLanguages("ticket_assigned", "sms", {
    id: {
      body: "Tiket TKT{{ ticket_id }} untuk Anda{% if issue_type %}: {{ issue_type }}{% endif %}{% if location %}, {{ location }}{% endif %}.",
    },
    en: {
      body: "Ticket TKT{{ ticket_id }} for you{% if issue_type %}: {{ issue_type }}{% endif %}{% if location %}, {{ location }}{% endif %}.",
    },
  }),
  ...inBothLanguages("ticket_assigned", "call", {
    id: {
      body: "Anda mendapat tiket TKT{{ ticket_id }}.{% if issue_type %} {{ issue_type }}.{% endif %}{% if location %} Lokasi {{ location }}.{% endif %}",
    },
    en: {
      body: "You have been assigned ticket TKT{{ ticket_id }}.{% if issue_type %} {{ issue_type }}.{% endif %}{% if location %} Location {{ location }}.{% endif %}",
    },
  }),

  ...inBothLanguages("ticket_urgent", "whatsapp_personal", {
    id: {
      subject: "Mendesak: TKT{{ ticket_id }}",
      body: lines(
        "🚨 *TICKET MENDESAK*",
        "",
        "Ticket: TKT{{ ticket_id }}",
        when("customer_name", "Customer: {{ customer_name }}"),
        when("location", "Lokasi: {{ location }}"),
        when("issue_type", "Issue: {{ issue_type }}"),
        technicianOr("Teknisi", "Belum assigned"),
        when("sla_deadline", "Deadline: {{ sla_deadline | local_time }}"),
        when("reason", "Alasan: {{ reason }}"),
        when("address", "", "📍 {{ address }}"),
        MAP_LINE,
        when("ticket_url", "", "🔗 Detail: {{ ticket_url }}"),
      ),
    },
    en: {
      subject: "Urgent: TKT{{ ticket_id }}",
      body: lines(
        "🚨 *URGENT TICKET*",
        "",
        "Ticket: TKT{{ ticket_id }}",
        when("customer_name", "Customer: {{ customer_name }}"),
        when("location", "Location: {{ location }}"),
        when("issue_type", "Issue: {{ issue_type }}"),
        technicianOr("Technician", "nobody yet"),
        when("sla_deadline", "Deadline: {{ sla_deadline | local_time }}"),
        when("reason", "Reason: {{ reason }}"),
        when("address", "", "📍 {{ address }}"),
        MAP_LINE,
        when("ticket_url", "", "🔗 Details: {{ ticket_url }}"),
      ),
    },
  }),
  ...inBothLanguages("ticket_urgent", "whatsapp_group", {
    id: {
      body: lines(
        "🚨 *TICKET MENDESAK* TKT{{ ticket_id }}",
        when("issue_type", "Issue: {{ issue_type }}"),
        when("location", "Lokasi: {{ location }}"),
        technicianOr("Teknisi", "Belum assigned"),
        when("sla_deadline", "Deadline: {{ sla_deadline | local_time }}"),
        when("ticket_url", "🔗 {{ ticket_url }}"),
      ),
    },
    en: {
      body: lines(
        "🚨 *URGENT TICKET* TKT{{ ticket_id }}",
        when("issue_type", "Issue: {{ issue_type }}"),
        when("location", "Location: {{ location }}"),
        technicianOr("Technician", "nobody yet"),
        when("sla_deadline", "Deadline: {{ sla_deadline | local_time }}"),
        when("ticket_url", "🔗 {{ ticket_url }}"),
      ),
    },
  }),
  ...inBothLanguages("ticket_urgent", "in_app", {
    id: {
      subject: "Mendesak: TKT{{ ticket_id }}",
      body: lines(
        "{% if issue_type %}{{ issue_type }}{% else %}Tiket mendesak{% endif %}{% if location %}, {{ location }}{% endif %}",
        technicianOr("Teknisi", "belum ada"),
      ),
    },
    en: {
      subject: "Urgent: TKT{{ ticket_id }}",
      body: lines(
        "{% if issue_type %}{{ issue_type }}{% else %}Urgent ticket{% endif %}{% if location %}, {{ location }}{% endif %}",
        technicianOr("Technician", "nobody yet"),
      ),
    },
  }),
  ...inBothLanguages("ticket_urgent", "sms", {
    id: {
      body: "MENDESAK TKT{{ ticket_id }}{% if issue_type %}: {{ issue_type }}{% endif %}{% if location %}, {{ location }}{% endif %}.",
    },
    en: {
      body: "URGENT TKT{{ ticket_id }}{% if issue_type %}: {{ issue_type }}{% endif %}{% if location %}, {{ location }}{% endif %}.",
    },
  }),
  ...inBothLanguages("ticket_urgent", "call", {
    id: {
      body: "Tiket mendesak. TKT{{ ticket_id }}.{% if issue_type %} {{ issue_type }}.{% endif %}{% if location %} Lokasi {{ location }}.{% endif %}",
    },
    en: {
      body: "Urgent ticket. TKT{{ ticket_id }}.{% if issue_type %} {{ issue_type }}.{% endif %}{% if location %} Location {{ location }}.{% endif %}",
    },
  }),

  ...inBothLanguages("ticket_status_changed", "whatsapp_personal", {
    id: {
      subject: "Status TKT{{ ticket_id }} berubah",
      body: lines(
        `Ticket TKT{{ ticket_id }} status berubah: ${STATUS_CHANGE}`,
        when("technician_name", "Teknisi: {{ technician_name }}"),
        when("duration", "Durasi: {{ duration }}"),
      ),
    },
    en: {
      subject: "TKT{{ ticket_id }} has a new status",
      body: lines(
        `Ticket TKT{{ ticket_id }} changed status: ${STATUS_CHANGE}`,
        when("technician_name", "Technician: {{ technician_name }}"),
        when("duration", "Duration: {{ duration }}"),
      ),
    },
  }),

  ...inBothLanguages("new_ticket", "whatsapp_group", {
    id: {
      body: lines(
        "🆕 TICKET BARU!",
        "TKT{{ ticket_id }}{% if issue_type %} - {{ issue_type }}{% endif %}",
        when("location", "Lokasi: {{ location }}"),
        "Priority: {{ priority }}",
        "Siapa yang available?",
      ),
    },
    en: {
      body: lines(
        "🆕 NEW TICKET!",
        "TKT{{ ticket_id }}{% if issue_type %} - {{ issue_type }}{% endif %}",
        when("location", "Location: {{ location }}"),
        "Priority: {{ priority }}",
        "Who is available?",
      ),
    },
  }),
  ...inBothLanguages("new_ticket", "whatsapp_personal", {
    id: {
      subject: "Tiket baru TKT{{ ticket_id }}",
      body: lines(
        "🆕 *TICKET BARU*",
        "",
        "TKT{{ ticket_id }}{% if issue_type %} - {{ issue_type }}{% endif %}",
        when("customer_name", "Customer: {{ customer_name }}"),
        when("location", "Lokasi: {{ location }}"),
        "Priority: {{ priority }}",
        "Belum ada yang mengambil.",
        when("ticket_url", "", "🔗 Detail: {{ ticket_url }}"),
      ),
    },
    en: {
      subject: "New ticket TKT{{ ticket_id }}",
      body: lines(
        "🆕 *NEW TICKET*",
        "",
        "TKT{{ ticket_id }}{% if issue_type %} - {{ issue_type }}{% endif %}",
        when("customer_name", "Customer: {{ customer_name }}"),
        when("location", "Location: {{ location }}"),
        "Priority: {{ priority }}",
        "Nobody has claimed it yet.",
        when("ticket_url", "", "🔗 Details: {{ ticket_url }}"),
      ),
    },
  }),
  ...inBothLanguages("new_ticket", "in_app", {
    id: {
      subject: "Tiket baru TKT{{ ticket_id }}",
      body: lines(
        "{% if issue_type %}{{ issue_type }}{% else %}Tiket baru{% endif %}{% if location %}, {{ location }}{% endif %}",
        "Prioritas: {{ priority }}",
      ),
    },
    en: {
      subject: "New ticket TKT{{ ticket_id }}",
      body: lines(
        "{% if issue_type %}{{ issue_type }}{% else %}New ticket{% endif %}{% if location %}, {{ location }}{% endif %}",
        "Priority: {{ priority }}",
      ),
    },
  }),
  ...inBothLanguages("new_ticket", "sms", {
    id: {
      body: "Tiket baru TKT{{ ticket_id }}{% if issue_type %}: {{ issue_type }}{% endif %}{% if location %}, {{ location }}{% endif %}. Belum ada yang mengambil.",
    },
    en: {
      body: "New ticket TKT{{ ticket_id }}{% if issue_type %}: {{ issue_type }}{% endif %}{% if location %}, {{ location }}{% endif %}. Nobody has claimed it yet.",
    },
  }),
  ...inBothLanguages("new_ticket", "call", {
    id: {
      body: "Tiket baru TKT{{ ticket_id }} belum ada yang mengambil.{% if issue_type %} {{ issue_type }}.{% endif %}{% if location %} Lokasi {{ location }}.{% endif %}",
    },
    en: {
      body: "Nobody has claimed new ticket TKT{{ ticket_id }} yet.{% if issue_type %} {{ issue_type }}.{% endif %}{% if location %} Location {{ location }}.{% endif %}",
    },
  }),

  ...inBothLanguages("sla_warning", "whatsapp_personal", {
    id: {
      subject: "SLA TKT{{ ticket_id }} hampir habis",
      body: lines(
        "⚠️ *SLA WARNING*",
        "",
        "Ticket: TKT{{ ticket_id }}",
        when("status", "Status: {{ status | status_label }}"),
        when("technician_name", "Assigned: {{ technician_name }}"),
        when("sla_deadline", "Deadline: {{ sla_deadline | local_time }}"),
        when("remaining_time", "Remaining: {{ remaining_time }}"),
        "",
        "⚡ ACTION REQUIRED!",
      ),
    },
    en: {
      subject: "SLA of TKT{{ ticket_id }} is running out",
      body: lines(
        "⚠️ *SLA WARNING*",
        "",
        "Ticket: TKT{{ ticket_id }}",
        when("status", "Status: {{ status | status_label }}"),
        when("technician_name", "Assigned to: {{ technician_name }}"),
        when("sla_deadline", "Deadline: {{ sla_deadline | local_time }}"),
        when("remaining_time", "Remaining: {{ remaining_time }}"),
        "",
        "⚡ ACTION REQUIRED!",
      ),
    },
  }),
  ...inBothLanguages("sla_warning", "whatsapp_group", {
    id: {
      body: lines(
        "⚠️ SLA WARNING!",
        "Ticket TKT{{ ticket_id }} mendekati deadline",
        when("remaining_time", "Remaining: {{ remaining_time }}"),
        technicianOr("Technician", "Belum assigned"),
      ),
    },
    en: {
      body: lines(
        "⚠️ SLA WARNING!",
        "Ticket TKT{{ ticket_id }} is close to its deadline",
        when("remaining_time", "Remaining: {{ remaining_time }}"),
        technicianOr("Technician", "nobody yet"),
      ),
    },
  }),

  ...inBothLanguages("sla_breach", "whatsapp_personal", {
    id: {
      subject: "SLA TKT{{ ticket_id }} terlampaui",
      body: lines(
        "⛔ *SLA TERLAMPAUI*",
        "",
        "Ticket: TKT{{ ticket_id }}",
        when("issue_type", "Issue: {{ issue_type }}"),
        when("location", "Lokasi: {{ location }}"),
        technicianOr("Teknisi", "Belum assigned"),
        when("sla_deadline", "Deadline: {{ sla_deadline | local_time }}"),
        when("overdue_time", "Terlambat: {{ overdue_time }}"),
        when("ticket_url", "", "🔗 Detail: {{ ticket_url }}"),
      ),
    },
    en: {
      subject: "SLA of TKT{{ ticket_id }} breached",
      body: lines(
        "⛔ *SLA BREACHED*",
        "",
        "Ticket: TKT{{ ticket_id }}",
        when("issue_type", "Issue: {{ issue_type }}"),
        when("location", "Location: {{ location }}"),
        technicianOr("Technician", "nobody yet"),
        when("sla_deadline", "Deadline: {{ sla_deadline | local_time }}"),
        when("overdue_time", "Overdue: {{ overdue_time }}"),
        when("ticket_url", "", "🔗 Details: {{ ticket_url }}"),
      ),
    },
  }),

  ...inBothLanguages("escalation", "whatsapp_personal", {
    id: {
      subject: "Eskalasi{% if ticket_id %} TKT{{ ticket_id }}{% endif %}",
      body: lines(
        "⬆️ *ESKALASI*",
        when("ticket_id", "", "Ticket: TKT{{ ticket_id }}"),
        when("issue_type", "Issue: {{ issue_type }}"),
        when("location", "Lokasi: {{ location }}"),
        when("technician_name", "Teknisi: {{ technician_name }}"),
        when("reason", "Alasan: {{ reason }}"),
        when("description", "", "{{ description }}"),
        when("ticket_url", "", "🔗 Detail: {{ ticket_url }}"),
      ),
    },
    en: {
      subject: "Escalation{% if ticket_id %} TKT{{ ticket_id }}{% endif %}",
      body: lines(
        "⬆️ *ESCALATION*",
        when("ticket_id", "", "Ticket: TKT{{ ticket_id }}"),
        when("issue_type", "Issue: {{ issue_type }}"),
        when("location", "Location: {{ location }}"),
        when("technician_name", "Technician: {{ technician_name }}"),
        when("reason", "Reason: {{ reason }}"),
        when("description", "", "{{ description }}"),
        when("ticket_url", "", "🔗 Details: {{ ticket_url }}"),
      ),
    },
  }),
];
