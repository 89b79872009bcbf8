import { inBothLanguages, lines, when } from "./template.ts";
import type { SeedTemplate } from "./template.ts";

const GREETING_ID = "Halo{% if customer_name %} {{ customer_name }}{% endif %},";
const GREETING_EN = "Hello{% if customer_name %} {{ customer_name }}{% endif %},";

/** Texts to customers, and to customer service about them. */
export const CUSTOMER_TEMPLATES: readonly SeedTemplate[] = [
  ...inBothLanguages("registration_approved", "whatsapp_personal", {
    id: {
      subject: "Registrasi Anda telah disetujui",
      body: lines(
        "Registrasi Anda telah disetujui!",
        when("customer_id", "Customer ID: {{ customer_id }}"),
        when("package", "Paket: {{ package }}"),
      ),
    },
    en: {
      subject: "Your registration has been approved",
      body: lines(
        "Your registration has been approved!",
        when("customer_id", "Customer ID: {{ customer_id }}"),
        when("package", "Package: {{ package }}"),
      ),
    },
  }),
  ...inBothLanguages("new_registration", "whatsapp_group", {
    id: {
      subject: "Registrasi baru",
      body: lines(
        "📝 *REGISTRASI BARU*",
        "",
        when("customer_name", "Nama: {{ customer_name }}"),
        when("package", "Paket: {{ package }}"),
        when("zone", "Zona: {{ zone }}"),
        when("address", "Alamat: {{ address }}"),
        when("url", "", "🔗 {{ url }}"),
      ),
    },
    en: {
      subject: "New registration",
      body: lines(
        "📝 *NEW REGISTRATION*",
        "",
        when("customer_name", "Name: {{ customer_name }}"),
        when("package", "Package: {{ package }}"),
        when("zone", "Zone: {{ zone }}"),
        when("address", "Address: {{ address }}"),
        when("url", "", "🔗 {{ url }}"),
      ),
    },
  }),
  ...inBothLanguages("customer_complaint", "whatsapp_group", {
    id: {
      subject: "Keluhan pelanggan",
      body: lines(
        "🗣️ *KELUHAN PELANGGAN*",
        "",
        when("customer_name", "Pelanggan: {{ customer_name }}"),
        when("customer_id", "Customer ID: {{ customer_id }}"),
        when("ticket_id", "Ticket: TKT{{ ticket_id }}"),
        when("complaint", "", "“{{ complaint }}”"),
      ),
    },
    en: {
      subject: "Customer complaint",
      body: lines(
        "🗣️ *CUSTOMER COMPLAINT*",
        "",
        when("customer_name", "Customer: {{ customer_name }}"),
        when("customer_id", "Customer ID: {{ customer_id }}"),
        when("ticket_id", "Ticket: TKT{{ ticket_id }}"),
        when("complaint", "", "“{{ complaint }}”"),
      ),
    },
  }),
  ...inBothLanguages("payment_received", "whatsapp_personal", {
    id: {
      subject: "Pembayaran diterima",
      body: lines(
        GREETING_ID,
        "Pembayaran Anda sudah kami terima. Terima kasih!",
        when("invoice_id", "Tagihan: {{ invoice_id }}"),
        when("amount", "Jumlah: {{ amount }}"),
        when("paid_at", "Tanggal: {{ paid_at | local_time }}"),
      ),
    },
    en: {
      subject: "Payment received",
      body: lines(
        GREETING_EN,
        "We have received your payment. Thank you!",
        when("invoice_id", "Invoice: {{ invoice_id }}"),
        when("amount", "Amount: {{ amount }}"),
        when("paid_at", "Date: {{ paid_at | local_time }}"),
      ),
    },
  }),
  ...inBothLanguages("invoice_reminder", "whatsapp_personal", {
    id: {
      subject: "Pengingat tagihan",
      body: lines(
        GREETING_ID,
        "Tagihan internet Anda akan jatuh tempo{% if days_left %} dalam {{ days_left }} hari{% endif %}.",
        when("invoice_id", "Tagihan: {{ invoice_id }}"),
        when("amount", "Jumlah: {{ amount }}"),
        when("due_date", "Jatuh tempo: {{ due_date | local_time }}"),
        when("payment_url", "", "🔗 Bayar: {{ payment_url }}"),
        "",
        "Abaikan pesan ini jika sudah membayar.",
      ),
    },
    en: {
      subject: "Invoice reminder",
      body: lines(
        GREETING_EN,
        "Your internet invoice is due{% if days_left %} in {{ days_left }} days{% endif %}.",
        when("invoice_id", "Invoice: {{ invoice_id }}"),
        when("amount", "Amount: {{ amount }}"),
        when("due_date", "Due: {{ due_date | local_time }}"),
        when("payment_url", "", "🔗 Pay: {{ payment_url }}"),
        "",
        "Please ignore this if you have already paid.",
      ),
    },
  }),
  ...inBothLanguages("service_update", "whatsapp_personal", {
    id: {
      subject: "Info layanan{% if title %}: {{ title }}{% endif %}",
      body: lines(
        GREETING_ID,
        "ℹ️ {% if title %}*{{ title }}*{% else %}Ada kabar tentang layanan internet Anda.{% endif %}",
        when("description", "{{ description }}"),
        when("location", "Lokasi: {{ location }}"),
        when("estimated_end", "Perkiraan selesai: {{ estimated_end | local_time }}"),
      ),
    },
    en: {
      subject: "Service update{% if title %}: {{ title }}{% endif %}",
      body: lines(
        GREETING_EN,
        "ℹ️ {% if title %}*{{ title }}*{% else %}There is news about your internet service.{% endif %}",
        when("description", "{{ description }}"),
        when("location", "Location: {{ location }}"),
        when("estimated_end", "Expected end: {{ estimated_end | local_time }}"),
      ),
    },
  }),
  ...inBothLanguages("installation_schedule", "whatsapp_personal", {
    id: {
      subject: "Jadwal pemasangan",
      body: lines(
        GREETING_ID,
        "🛠️ Pemasangan internet Anda dijadwalkan{% if schedule %} {{ schedule | local_time }}{% endif %}.",
        when("technician_name", "Teknisi: {{ technician_name }}"),
        when("address", "Alamat: {{ address }}"),
        "Mohon ada yang berada di lokasi. Terima kasih.",
      ),
    },
    en: {
      subject: "Installation schedule",
      body: lines(
        GREETING_EN,
        "🛠️ Your internet installation is scheduled{% if schedule %} for {{ schedule | local_time }}{% endif %}.",
        when("technician_name", "Technician: {{ technician_name }}"),
        when("address", "Address: {{ address }}"),
        "Please make sure that somebody is there. Thank you.",
      ),
    },
  }),
  ...inBothLanguages("maintenance", "whatsapp_personal", {
    id: {
      subject: "Pemeliharaan jaringan",
      body: lines(
        GREETING_ID,
        "🔧 Akan ada pemeliharaan jaringan{% if location %} di {{ location }}{% elsif zone %} di {{ zone }}{% endif %}.",
        when("starts_at", "Mulai: {{ starts_at | local_time }}"),
        when("ends_at", "Selesai: {{ ends_at | local_time }}"),
        "Selama itu internet Anda bisa terputus. Mohon maaf atas ketidaknyamanannya.",
      ),
    },
    en: {
      subject: "Network maintenance",
      body: lines(
        GREETING_EN,
        "🔧 There will be network maintenance{% if location %} at {{ location }}{% elsif zone %} in {{ zone }}{% endif %}.",
        when("starts_at", "Start: {{ starts_at | local_time }}"),
        when("ends_at", "End: {{ ends_at | local_time }}"),
        "Your internet may be interrupted meanwhile. We are sorry for the inconvenience.",
      ),
    },
  }),
  ...inBothLanguages("welcome", "whatsapp_personal", {
    id: {
      subject: "Selamat datang",
      body: lines(
        GREETING_ID,
        "👋 Selamat datang! Internet Anda sudah aktif.",
        when("customer_id", "Customer ID: {{ customer_id }}"),
        when("package", "Paket: {{ package }}"),
        "Ada kendala? Balas saja pesan ini.",
      ),
    },
    en: {
      subject: "Welcome",
      body: lines(
        GREETING_EN,
        "👋 Welcome! Your internet is up and running.",
        when("customer_id", "Customer ID: {{ customer_id }}"),
        when("package", "Package: {{ package }}"),
        "Any trouble? Just reply to this message.",
      ),
    },
  }),
  ...inBothLanguages("satisfaction_survey", "whatsapp_personal", {
    id: {
      subject: "Bagaimana layanan kami?",
      body: lines(
        GREETING_ID,
        "⭐ Bagaimana layanan kami{% if ticket_id %} untuk tiket TKT{{ ticket_id }}{% endif %}? Beri nilai 1 (buruk) sampai 5 (sangat baik).",
      ),
    },
    en: {
      subject: "How did we do?",
      body: lines(
        GREETING_EN,
        "⭐ How did we do{% if ticket_id %} with ticket TKT{{ ticket_id }}{% endif %}? Please rate us from 1 (poor) to 5 (excellent).",
      ),
    },
  }),
  ...inBothLanguages("upgrade_offer", "whatsapp_personal", {
    id: {
      subject: "Penawaran paket untuk Anda",
      body: lines(
        GREETING_ID,
        "🚀 Ada penawaran untuk Anda{% if package %}: paket *{{ package }}*{% endif %}.",
        when("price", "Harga: {{ price }}"),
        when("valid_until", "Berlaku sampai: {{ valid_until | local_time }}"),
        when("description", "{{ description }}"),
        "",
        "Balas BERHENTI jika tidak ingin menerima penawaran.",
      ),
    },
    en: {
      subject: "An offer for you",
      body: lines(
        GREETING_EN,
        "🚀 We have an offer for you{% if package %}: *{{ package }}*{% endif %}.",
        when("price", "Price: {{ price }}"),
        when("valid_until", "Valid until: {{ valid_until | local_time }}"),
        when("description", "{{ description }}"),
        "",
        "Reply STOP if you don't want to receive offers.",
      ),
    },
  }),
  ...inBothLanguages("promotion", "whatsapp_personal", {
    id: {
      subject: "{% if title %}{{ title }}{% else %}Promo{% endif %}",
      body: lines(
        GREETING_ID,
        "🎁 {% if title %}*{{ title }}*{% else %}*PROMO*{% endif %}",
        when("description", "{{ description }}"),
        when("valid_until", "Berlaku sampai: {{ valid_until | local_time }}"),
        when("url", "🔗 {{ url }}"),
        "",
        "Balas BERHENTI jika tidak ingin menerima promo.",
      ),
    },
    en: {
      subject: "{% if title %}{{ title }}{% else %}Special offer{% endif %}",
      body: lines(
        GREETING_EN,
        "🎁 {% if title %}*{{ title }}*{% else %}*SPECIAL OFFER*{% endif %}",
        when("description", "{{ description }}"),
        when("valid_until", "Valid until: {{ valid_until | local_time }}"),
        when("url", "🔗 {{ url }}"),
        "",
        "Reply STOP if you don't want to receive offers.",
      ),
    },
  }),
];
