import type { Locale } from "../../domain/locale.ts";
import type { Role } from "../../domain/role.ts";
import { ZONES } from "./zones.ts";
import type { SeedZoneCode } from "./zones.ts";

export type SeedPerson = {
  readonly externalId: string;
  /** "Contoh" is Indonesian for "example": nobody is called that. */
  readonly name: string;
  readonly role: Role;
  readonly zones: readonly SeedZoneCode[];
  readonly locale: Locale;
  /** E.164, in a range that is nobody's. */
  readonly phone: string;
  readonly email: string | null;
  /** External ids of the groups that the person is a member of. */
  readonly groups: readonly string[];
};

const ALL_ZONES = ZONES.map(({ code }) => code);

/** Two digits at the end of the invented range +62812340000xx. */
function inventedPhone(lastTwoDigits: number): string {
  return `+62812340000${String(lastTwoDigits).padStart(2, "0")}`;
}

function technician(number: number, name: string, zone: SeedZoneCode): SeedPerson {
  return {
    externalId: `T-${number}`,
    name,
    role: "technician",
    zones: [zone],
    locale: "id",
    phone: inventedPhone(number),
    email: `t${number}@siaga.example`,
    groups: [`G-TEKNISI-${zone.toUpperCase()}`],
  };
}

function supervisor(number: number, name: string, zones: readonly SeedZoneCode[]): SeedPerson {
  return {
    externalId: `S-${number}`,
    name,
    role: "supervisor",
    zones,
    locale: "id",
    phone: inventedPhone(20 + number),
    email: `s${number}@siaga.example`,
    groups: ["G-SUPERVISOR"],
  };
}

function noc(number: number, name: string): SeedPerson {
  return {
    externalId: `N-${number}`,
    name,
    role: "noc",
    zones: ALL_ZONES,
    locale: "id",
    phone: inventedPhone(30 + number),
    email: `n${number}@siaga.example`,
    groups: ["G-NOC"],
  };
}

function manager(number: number, name: string, locale: Locale): SeedPerson {
  return {
    externalId: `M-${number}`,
    name,
    role: "manager",
    zones: ALL_ZONES,
    locale,
    phone: inventedPhone(40 + number),
    email: `m${number}@siaga.example`,
    groups: ["G-MANAGEMENT"],
  };
}

function customerService(number: number, name: string): SeedPerson {
  return {
    externalId: `CS-${number}`,
    name,
    role: "customer_service",
    zones: ALL_ZONES,
    locale: "id",
    phone: inventedPhone(50 + number),
    email: `cs${number}@siaga.example`,
    groups: ["G-CS"],
  };
}

function customer(
  number: number,
  name: string,
  zone: SeedZoneCode,
  locale: Locale = "id",
): SeedPerson {
  return {
    externalId: `C-${number}`,
    name,
    role: "customer",
    zones: [zone],
    locale,
    phone: inventedPhone(70 + number),
    // Every third has given no address, so that both kinds can be seen.
    email: number % 3 === 0 ? null : `c${number}@pelanggan.example`,
    groups: [],
  };
}

/** Invented people: for simulated vendors alone. */
export const PEOPLE: readonly SeedPerson[] = [
  technician(1, "Ahmad Contoh", "karawang"),
  technician(2, "Budi Contoh", "karawang"),
  technician(3, "Cecep Contoh", "karawang"),
  technician(4, "Dadang Contoh", "bekasi"),
  technician(5, "Eko Contoh", "bekasi"),
  technician(6, "Fajar Contoh", "bekasi"),
  technician(7, "Galih Contoh", "cikampek"),
  technician(8, "Hendra Contoh", "cikampek"),
  technician(9, "Iwan Contoh", "purwakarta"),
  technician(10, "Joko Contoh", "purwakarta"),
  technician(11, "Kurnia Contoh", "subang"),
  technician(12, "Lukman Contoh", "bandung"),
  technician(13, "Maman Contoh", "bandung"),
  supervisor(1, "Nani Contoh", ["karawang", "cikampek"]),
  supervisor(2, "Oman Contoh", ["bekasi"]),
  supervisor(3, "Putri Contoh", ["purwakarta", "subang", "bandung"]),
  noc(1, "Rani Contoh"),
  noc(2, "Sandi Contoh"),
  manager(1, "Tuti Contoh", "id"),
  manager(2, "Umar Contoh", "en"),
  customerService(1, "Vina Contoh"),
  customerService(2, "Wawan Contoh"),
  {
    externalId: "A-1",
    name: "Yanti Contoh",
    role: "admin",
    zones: ALL_ZONES,
    locale: "id",
    phone: inventedPhone(61),
    email: "a1@siaga.example",
    groups: [],
  },
  customer(1, "PT. ABC Contoh", "karawang"),
  customer(2, "Toko Maju Contoh", "karawang"),
  customer(3, "Ibu Sari Contoh", "karawang"),
  customer(4, "Example Factory Ltd.", "karawang", "en"),
  customer(5, "CV Sinar Contoh", "bekasi"),
  customer(6, "Bapak Agus Contoh", "bekasi"),
  customer(7, "Klinik Sehat Contoh", "cikampek"),
  customer(8, "SMK Bina Contoh", "cikampek"),
  customer(9, "Warung Rasa Contoh", "purwakarta"),
  customer(10, "Koperasi Tani Contoh", "subang"),
  customer(11, "Hotel Asri Contoh", "bandung"),
  customer(12, "Ibu Dewi Contoh", "bandung"),
];
