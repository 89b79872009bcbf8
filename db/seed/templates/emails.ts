import { inBothLanguages, lines, when } from "./template.ts";
import type { SeedTemplate } from "./template.ts";

const TITLE_OR = (otherwise: string): string =>
  `{% if title %}{{ title }}{% else %}${otherwise}{% endif %}`;

/** What an operator notice is about. */
const ABOUT = "{% if notification_type %}: {{ notification_type }}{% endif %}";

const PLACE = {
  id: [
    when("location", "Lokasi: {{ location }}"),
    when("zone", "Zona: {{ zone }}"),
    when("map_url", "Peta: {{ map_url }}"),
  ],
  en: [
    when("location", "Location: {{ location }}"),
    when("zone", "Zone: {{ zone }}"),
    when("map_url", "Map: {{ map_url }}"),
  ],
} as const;

const TICKET = {
  id: [
    "Tiket: TKT{{ ticket_id }}",
    when("customer_name", "Pelanggan: {{ customer_name }}"),
    when("issue_type", "Masalah: {{ issue_type }}"),
    when("location", "Lokasi: {{ location }}"),
    when("address", "Alamat: {{ address }}"),
  ],
  en: [
    "Ticket: TKT{{ ticket_id }}",
    when("customer_name", "Customer: {{ customer_name }}"),
    when("issue_type", "Issue: {{ issue_type }}"),
    when("location", "Location: {{ location }}"),
    when("address", "Address: {{ address }}"),
  ],
} as const;

const TICKET_LINK = {
  id: when("ticket_url", "", "Tiket di portal: {{ ticket_url }}"),
  en: when("ticket_url", "", "The ticket in the portal: {{ ticket_url }}"),
} as const;

/** Sentences instead of signs: a mailbox is read on a large screen, between other letters, perhaps the next morning. */
export const EMAIL_TEMPLATES: readonly SeedTemplate[] = [
  ...inBothLanguages("outage", "email", {
    id: {
      subject: "Gangguan massal: {{ location }}",
      body: lines(
        "Ada gangguan massal yang harus segera ditangani.",
        "",
        ...PLACE.id,
        when("since", "Sejak: {{ since | local_time }}"),
        when("affected", "Terdampak: {{ affected }} pelanggan"),
        when("cause", "Dugaan penyebab: {{ cause }}"),
        when("description", "", "{{ description }}"),
        TICKET_LINK.id,
      ),
    },
    en: {
      subject: "Outage: {{ location }}",
      body: lines(
        "There is an outage that needs to be dealt with now.",
        "",
        ...PLACE.en,
        when("since", "Since: {{ since | local_time }}"),
        when("affected", "Affected: {{ affected }} customers"),
        when("cause", "Suspected cause: {{ cause }}"),
        when("description", "", "{{ description }}"),
        TICKET_LINK.en,
      ),
    },
  }),
  ...inBothLanguages("critical_incident", "email", {
    id: {
      subject: `Insiden kritis: ${TITLE_OR("{{ subject_line }}")}`,
      body: lines(
        "Ada insiden kritis yang harus segera ditangani.",
        when("title", "", "{{ title }}"),
        "",
        ...PLACE.id,
        when("ticket_id", "Tiket: TKT{{ ticket_id }}"),
        when("since", "Sejak: {{ since | local_time }}"),
        when("description", "", "{{ description }}"),
        TICKET_LINK.id,
      ),
    },
    en: {
      subject: `Critical incident: ${TITLE_OR("{{ subject_line }}")}`,
      body: lines(
        "There is a critical incident that needs to be dealt with now.",
        when("title", "", "{{ title }}"),
        "",
        ...PLACE.en,
        when("ticket_id", "Ticket: TKT{{ ticket_id }}"),
        when("since", "Since: {{ since | local_time }}"),
        when("description", "", "{{ description }}"),
        TICKET_LINK.en,
      ),
    },
  }),
  ...inBothLanguages("ticket_urgent", "email", {
    id: {
      subject: "Mendesak: TKT{{ ticket_id }}",
      body: lines(
        "Tiket ini mendesak.",
        "",
        ...TICKET.id,
        when("technician_name", "Teknisi: {{ technician_name }}"),
        when("sla_deadline", "Batas waktu: {{ sla_deadline | local_time }}"),
        when("reason", "Alasan: {{ reason }}"),
        TICKET_LINK.id,
      ),
    },
    en: {
      subject: "Urgent: TKT{{ ticket_id }}",
      body: lines(
        "This ticket is urgent.",
        "",
        ...TICKET.en,
        when("technician_name", "Technician: {{ technician_name }}"),
        when("sla_deadline", "Deadline: {{ sla_deadline | local_time }}"),
        when("reason", "Reason: {{ reason }}"),
        TICKET_LINK.en,
      ),
    },
  }),
  ...inBothLanguages("ticket_assigned", "email", {
    id: {
      subject: "Tiket TKT{{ ticket_id }} untuk Anda",
      body: lines(
        "Tiket ini ditugaskan kepada Anda.",
        "",
        ...TICKET.id,
        "Prioritas: {{ priority }}",
        when("customer_phone", "Telepon pelanggan: {{ customer_phone }}"),
        TICKET_LINK.id,
      ),
    },
    en: {
      subject: "Ticket TKT{{ ticket_id }} for you",
      body: lines(
        "This ticket was assigned to you.",
        "",
        ...TICKET.en,
        "Priority: {{ priority }}",
        when("customer_phone", "The customer's phone: {{ customer_phone }}"),
        TICKET_LINK.en,
      ),
    },
  }),
  ...inBothLanguages("new_ticket", "email", {
    id: {
      subject: "Tiket baru TKT{{ ticket_id }}",
      body: lines(
        "Ada tiket baru yang belum diambil siapa pun.",
        "",
        ...TICKET.id,
        "Prioritas: {{ priority }}",
        TICKET_LINK.id,
      ),
    },
    en: {
      subject: "New ticket TKT{{ ticket_id }}",
      body: lines(
        "There is a new ticket that nobody has claimed yet.",
        "",
        ...TICKET.en,
        "Priority: {{ priority }}",
        TICKET_LINK.en,
      ),
    },
  }),
  ...inBothLanguages("operator_notice", "email", {
    id: {
      subject: `Perlu perhatian operator${ABOUT}`,
      body: lines(
        "Siaga memerlukan perhatian operator.",
        when("notification_type", "", "{{ notification_type }}"),
        when("notice", "{{ notice }}"),
        when("ticket_id", "Tiket: TKT{{ ticket_id }}"),
        when("zone", "Zona: {{ zone }}"),
        when("reason", "Sebab: {{ reason | status_label }}"),
        when("description", "", "{{ description }}"),
        when("notification_url", "", "Selengkapnya: {{ notification_url }}"),
      ),
    },
    en: {
      subject: `For the operators${ABOUT}`,
      body: lines(
        "Siaga needs the attention of an operator.",
        when("notification_type", "", "{{ notification_type }}"),
        when("notice", "{{ notice }}"),
        when("ticket_id", "Ticket: TKT{{ ticket_id }}"),
        when("zone", "Zone: {{ zone }}"),
        when("reason", "Reason: {{ reason | status_label }}"),
        when("description", "", "{{ description }}"),
        when("notification_url", "", "Details: {{ notification_url }}"),
      ),
    },
  }),

  // No code in a subject: it stands on locked screens and in lists that others see.
  ...inBothLanguages("otp", "email", {
    id: {
      subject: "Kode verifikasi Siaga",
      body: lines(
        "Kode verifikasi Siaga Anda: {{ otp_code }}",
        "",
        "Berlaku {% if minutes %}{{ minutes }}{% else %}5{% endif %} menit. Jangan berikan kode ini kepada siapa pun, juga tidak kepada petugas kami.",
        "Abaikan pesan ini jika Anda tidak memintanya.",
      ),
    },
    en: {
      subject: "Your Siaga verification code",
      body: lines(
        "Your Siaga verification code: {{ otp_code }}",
        "",
        "Valid for {% if minutes %}{{ minutes }}{% else %}5{% endif %} minutes. Do not give it to anybody, our own people included.",
        "Ignore this message if you did not ask for it.",
      ),
    },
  }),
];
