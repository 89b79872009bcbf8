import { inBothLanguages, lines, when } from "./template.ts";
import type { SeedTemplate } from "./template.ts";

const TITLE_OR = (otherwise: string): string =>
  `{% if title %}{{ title }}{% else %}${otherwise}{% endif %}`;

/** What an operator notice is about. */
const ABOUT = "{% if notification_type %}: {{ notification_type }}{% endif %}";

/** Outages, incidents, monitoring, and what Siaga itself has to say to the operators. */
export const ALERT_TEMPLATES: readonly SeedTemplate[] = [
  ...inBothLanguages("outage", "whatsapp_personal", {
    id: {
      subject: "Gangguan massal: {{ location }}",
      body: lines(
        "🚨 *GANGGUAN MASSAL*",
        "",
        "Lokasi: {{ location }}",
        when("zone", "Zona: {{ zone }}"),
        when("since", "Sejak: {{ since | local_time }}"),
        when("affected", "Terdampak: {{ affected }} pelanggan"),
        when("cause", "Dugaan penyebab: {{ cause }}"),
        when("description", "", "{{ description }}"),
        when("map_url", "", "📍 {{ map_url }}"),
        when("ticket_url", "🔗 Detail: {{ ticket_url }}"),
        "",
        "Segera ditangani!",
      ),
    },
    en: {
      subject: "Outage: {{ location }}",
      body: lines(
        "🚨 *OUTAGE*",
        "",
        "Location: {{ location }}",
        when("zone", "Zone: {{ zone }}"),
        when("since", "Since: {{ since | local_time }}"),
        when("affected", "Affected: {{ affected }} customers"),
        when("cause", "Suspected cause: {{ cause }}"),
        when("description", "", "{{ description }}"),
        when("map_url", "", "📍 {{ map_url }}"),
        when("ticket_url", "🔗 Details: {{ ticket_url }}"),
        "",
        "Act now!",
      ),
    },
  }),
  ...inBothLanguages("outage", "whatsapp_group", {
    id: {
      body: lines(
        "🚨 *GANGGUAN MASSAL* {{ location }}",
        when("zone", "Zona: {{ zone }}"),
        when("since", "Sejak: {{ since | local_time }}"),
        when("affected", "Terdampak: {{ affected }} pelanggan"),
        when("cause", "Dugaan penyebab: {{ cause }}"),
        when("map_url", "📍 {{ map_url }}"),
        "Siapa yang menangani?",
      ),
    },
    en: {
      body: lines(
        "🚨 *OUTAGE* {{ location }}",
        when("zone", "Zone: {{ zone }}"),
        when("since", "Since: {{ since | local_time }}"),
        when("affected", "Affected: {{ affected }} customers"),
        when("cause", "Suspected cause: {{ cause }}"),
        when("map_url", "📍 {{ map_url }}"),
        "Who takes it?",
      ),
    },
  }),
  ...inBothLanguages("outage", "in_app", {
    id: {
      subject: "Gangguan massal: {{ location }}",
      body: lines(
        "{% if zone %}Zona {{ zone }}. {% endif %}{% if affected %}{{ affected }} pelanggan terdampak. {% endif %}Segera ditangani.",
        when("cause", "Dugaan penyebab: {{ cause }}"),
      ),
    },
    en: {
      subject: "Outage: {{ location }}",
      body: lines(
        "{% if zone %}Zone {{ zone }}. {% endif %}{% if affected %}{{ affected }} customers affected. {% endif %}Act now.",
        when("cause", "Suspected cause: {{ cause }}"),
      ),
    },
  }),
  ...inBothLanguages("outage", "sms", {
    id: {
      body: "GANGGUAN MASSAL {{ location }}{% if zone %}, zona {{ zone }}{% endif %}{% if affected %}, {{ affected }} pelanggan terdampak{% endif %}. Segera ditangani.",
    },
    en: {
      body: "OUTAGE {{ location }}{% if zone %}, zone {{ zone }}{% endif %}{% if affected %}, {{ affected }} customers affected{% endif %}. Act now.",
    },
  }),
  ...inBothLanguages("outage", "call", {
    id: {
      body: "Siaga. Gangguan massal di {{ location }}{% if zone %}, zona {{ zone }}{% endif %}.{% if affected %} {{ affected }} pelanggan terdampak.{% endif %} Mohon segera ditangani.",
    },
    en: {
      body: "Siaga. Outage at {{ location }}{% if zone %}, zone {{ zone }}{% endif %}.{% if affected %} {{ affected }} customers are affected.{% endif %} Please act now.",
    },
  }),

  ...inBothLanguages("critical_incident", "whatsapp_personal", {
    id: {
      subject: `Insiden kritis: ${TITLE_OR("{{ subject_line }}")}`,
      body: lines(
        "🆘 *INSIDEN KRITIS*",
        when("title", "", "*{{ title }}*"),
        when("location", "Lokasi: {{ location }}"),
        when("zone", "Zona: {{ zone }}"),
        when("ticket_id", "Ticket: TKT{{ ticket_id }}"),
        when("since", "Sejak: {{ since | local_time }}"),
        when("description", "", "{{ description }}"),
        when("map_url", "", "📍 {{ map_url }}"),
        when("ticket_url", "🔗 Detail: {{ ticket_url }}"),
        "",
        "Segera ditangani!",
      ),
    },
    en: {
      subject: `Critical incident: ${TITLE_OR("{{ subject_line }}")}`,
      body: lines(
        "🆘 *CRITICAL INCIDENT*",
        when("title", "", "*{{ title }}*"),
        when("location", "Location: {{ location }}"),
        when("zone", "Zone: {{ zone }}"),
        when("ticket_id", "Ticket: TKT{{ ticket_id }}"),
        when("since", "Since: {{ since | local_time }}"),
        when("description", "", "{{ description }}"),
        when("map_url", "", "📍 {{ map_url }}"),
        when("ticket_url", "🔗 Details: {{ ticket_url }}"),
        "",
        "Act now!",
      ),
    },
  }),
  ...inBothLanguages("critical_incident", "whatsapp_group", {
    id: {
      body: lines(
        "🆘 *INSIDEN KRITIS*",
        when("title", "*{{ title }}*"),
        when("location", "Lokasi: {{ location }}"),
        when("zone", "Zona: {{ zone }}"),
        when("description", "{{ description }}"),
        "Siapa yang menangani?",
      ),
    },
    en: {
      body: lines(
        "🆘 *CRITICAL INCIDENT*",
        when("title", "*{{ title }}*"),
        when("location", "Location: {{ location }}"),
        when("zone", "Zone: {{ zone }}"),
        when("description", "{{ description }}"),
        "Who takes it?",
      ),
    },
  }),
  ...inBothLanguages("critical_incident", "in_app", {
    id: {
      subject: `Insiden kritis: ${TITLE_OR("{{ subject_line }}")}`,
      body: lines(
        "{% if location %}{{ location }}. {% endif %}{% if zone %}Zona {{ zone }}. {% endif %}Segera ditangani.",
        when("description", "{{ description }}"),
      ),
    },
    en: {
      subject: `Critical incident: ${TITLE_OR("{{ subject_line }}")}`,
      body: lines(
        "{% if location %}{{ location }}. {% endif %}{% if zone %}Zone {{ zone }}. {% endif %}Act now.",
        when("description", "{{ description }}"),
      ),
    },
  }),
  ...inBothLanguages("critical_incident", "sms", {
    id: {
      body: "INSIDEN KRITIS{% if title %}: {{ title }}{% endif %}{% if location %}, {{ location }}{% endif %}{% if zone %}, zona {{ zone }}{% endif %}. Segera ditangani.",
    },
    en: {
      body: "CRITICAL INCIDENT{% if title %}: {{ title }}{% endif %}{% if location %}, {{ location }}{% endif %}{% if zone %}, zone {{ zone }}{% endif %}. Act now.",
    },
  }),
  ...inBothLanguages("critical_incident", "call", {
    id: {
      body: "Siaga. Insiden kritis.{% if title %} {{ title }}.{% endif %}{% if location %} Lokasi {{ location }}.{% endif %}{% if zone %} Zona {{ zone }}.{% endif %} Mohon segera ditangani.",
    },
    en: {
      body: "Siaga. Critical incident.{% if title %} {{ title }}.{% endif %}{% if location %} Location {{ location }}.{% endif %}{% if zone %} Zone {{ zone }}.{% endif %} Please act now.",
    },
  }),

  ...inBothLanguages("system_alert", "whatsapp_personal", {
    id: {
      subject: `Peringatan sistem: ${TITLE_OR("{{ subject_line }}")}`,
      body: lines(
        "🖥️ *PERINGATAN SISTEM*",
        when("title", "", "*{{ title }}*"),
        when("host", "Perangkat: {{ host }}"),
        when("location", "Lokasi: {{ location }}"),
        when("zone", "Zona: {{ zone }}"),
        when("severity", "Tingkat: {{ severity }}"),
        when("since", "Sejak: {{ since | local_time }}"),
        when("description", "", "{{ description }}"),
        when("url", "", "🔗 {{ url }}"),
      ),
    },
    en: {
      subject: `System alert: ${TITLE_OR("{{ subject_line }}")}`,
      body: lines(
        "🖥️ *SYSTEM ALERT*",
        when("title", "", "*{{ title }}*"),
        when("host", "Device: {{ host }}"),
        when("location", "Location: {{ location }}"),
        when("zone", "Zone: {{ zone }}"),
        when("severity", "Severity: {{ severity }}"),
        when("since", "Since: {{ since | local_time }}"),
        when("description", "", "{{ description }}"),
        when("url", "", "🔗 {{ url }}"),
      ),
    },
  }),

  ...inBothLanguages("operator_notice", "whatsapp_personal", {
    id: {
      subject: `Perlu perhatian operator${ABOUT}`,
      body: lines(
        "📣 *PERLU PERHATIAN OPERATOR*",
        when("notification_type", "", "*{{ notification_type }}*"),
        when("notice", "{{ notice }}"),
        when("ticket_id", "Ticket: TKT{{ ticket_id }}"),
        when("zone", "Zona: {{ zone }}"),
        when("reason", "Sebab: {{ reason | status_label }}"),
        when("description", "", "{{ description }}"),
        when("notification_url", "", "🔗 Detail: {{ notification_url }}"),
      ),
    },
    en: {
      subject: `For the operators${ABOUT}`,
      body: lines(
        "📣 *OPERATOR ATTENTION NEEDED*",
        when("notification_type", "", "*{{ notification_type }}*"),
        when("notice", "{{ notice }}"),
        when("ticket_id", "Ticket: TKT{{ ticket_id }}"),
        when("zone", "Zone: {{ zone }}"),
        when("reason", "Reason: {{ reason | status_label }}"),
        when("description", "", "{{ description }}"),
        when("notification_url", "", "🔗 Details: {{ notification_url }}"),
      ),
    },
  }),
  ...inBothLanguages("operator_notice", "in_app", {
    id: {
      subject: `Perlu perhatian operator${ABOUT}`,
      body: lines(
        when("notice", "{{ notice }}"),
        when("zone", "Zona: {{ zone }}"),
        when("description", "{{ description }}"),
        "Mohon diperiksa.",
      ),
    },
    en: {
      subject: `For the operators${ABOUT}`,
      body: lines(
        when("notice", "{{ notice }}"),
        when("zone", "Zone: {{ zone }}"),
        when("description", "{{ description }}"),
        "Please look into it.",
      ),
    },
  }),
  ...inBothLanguages("operator_notice", "sms", {
    id: {
      body: `PERLU PERHATIAN OPERATOR${ABOUT}{% if zone %}, zona {{ zone }}{% endif %}{% if notice %} - {{ notice }}{% endif %}. Mohon diperiksa.`,
    },
    en: {
      body: `OPERATOR ATTENTION NEEDED${ABOUT}{% if zone %}, zone {{ zone }}{% endif %}{% if notice %} - {{ notice }}{% endif %}. Please look into it.`,
    },
  }),
  ...inBothLanguages("operator_notice", "call", {
    id: {
      body: "Siaga memerlukan perhatian operator.{% if notification_type %} {{ notification_type }}.{% endif %}{% if notice %} {{ notice }}.{% endif %}{% if zone %} Zona {{ zone }}.{% endif %} Mohon diperiksa.",
    },
    en: {
      body: "Siaga needs an operator's attention.{% if notification_type %} {{ notification_type }}.{% endif %}{% if notice %} {{ notice }}.{% endif %}{% if zone %} Zone {{ zone }}.{% endif %} Please look into it.",
    },
  }),

  ...inBothLanguages("test_message", "whatsapp_personal", {
    id: {
      subject: "Pesan uji Siaga",
      body: lines(
        "✅ *PESAN UJI SIAGA*",
        when("asked_by", "Diminta oleh: {{ asked_by }}"),
        "Tidak perlu dibalas.",
      ),
    },
    en: {
      subject: "Test message from Siaga",
      body: lines(
        "✅ *TEST MESSAGE FROM SIAGA*",
        when("asked_by", "Asked for by: {{ asked_by }}"),
        "No reply is needed.",
      ),
    },
  }),

  ...inBothLanguages("closing_message", "whatsapp_personal", {
    id: { body: "✅ Kabar Siaga: {{ closing_line }}. Tidak ada yang perlu Anda lakukan lagi." },
    en: { body: "✅ News from Siaga: {{ closing_line }}. There is nothing left for you to do." },
  }),

  ...inBothLanguages("otp", "whatsapp_personal", {
    id: {
      body: "Kode verifikasi Siaga: *{{ otp_code }}*\nBerlaku {% if minutes %}{{ minutes }}{% else %}5{% endif %} menit. Jangan berikan kode ini kepada siapa pun.",
    },
    en: {
      body: "Your Siaga verification code: *{{ otp_code }}*\nValid for {% if minutes %}{{ minutes }}{% else %}5{% endif %} minutes. Do not give it to anybody.",
    },
  }),
  ...inBothLanguages("otp", "sms", {
    id: {
      body: "Kode verifikasi Siaga: {{ otp_code }}. Berlaku {% if minutes %}{{ minutes }}{% else %}5{% endif %} menit. Jangan berikan kepada siapa pun.",
    },
    en: {
      body: "Your Siaga verification code: {{ otp_code }}. Valid for {% if minutes %}{{ minutes }}{% else %}5{% endif %} minutes. Do not give it to anybody.",
    },
  }),
];
