import type { GroupCategory } from "./rules.ts";
import type { SeedZoneCode } from "./zones.ts";

export type SeedGroup = {
  readonly externalId: string;
  readonly name: string;
  readonly description: string;
  readonly groupChatId: string;
  readonly category: GroupCategory;
  /** Null: all zones. */
  readonly zone: SeedZoneCode | null;
  /** Types that the group is told of in addition to what the rules name. */
  readonly types: readonly string[];
};

const TECHNICIANS_TYPES = ["ticket_assigned", "new_ticket", "sla_warning"] as const;

function technicians(zone: SeedZoneCode, name: string, groupChatId: string): SeedGroup {
  return {
    externalId: `G-TEKNISI-${zone.toUpperCase()}`,
    name: `Teknisi ${name}`,
    description: `Teknisi lapangan zona ${name}`,
    groupChatId,
    category: "technicians",
    zone,
    types: TECHNICIANS_TYPES,
  };
}

/** Invented group ids: for simulated vendors alone. */
export const GROUPS: readonly SeedGroup[] = [
  technicians("karawang", "Karawang", "120363020000000001@g.us"),
  technicians("bekasi", "Bekasi", "120363020000000002@g.us"),
  technicians("cikampek", "Cikampek", "120363020000000003@g.us"),
  technicians("purwakarta", "Purwakarta", "120363020000000004@g.us"),
  technicians("subang", "Subang", "120363020000000005@g.us"),
  technicians("bandung", "Bandung", "120363020000000006@g.us"),
  {
    externalId: "G-SUPERVISOR",
    name: "Supervisor Team",
    description: "Semua supervisor",
    groupChatId: "120363020000000007@g.us",
    category: "supervisors",
    zone: null,
    types: ["sla_warning", "escalation", "daily_summary"],
  },
  {
    externalId: "G-NOC",
    name: "NOC Team",
    description: "Network operations center",
    groupChatId: "120363020000000008@g.us",
    category: "noc",
    zone: null,
    types: ["system_alert", "outage", "critical_incident"],
  },
  {
    externalId: "G-MANAGEMENT",
    name: "Management",
    description: "Manajemen",
    groupChatId: "120363020000000009@g.us",
    category: "managers",
    zone: null,
    types: ["weekly_report", "kpi_alert"],
  },
  {
    externalId: "G-CS",
    name: "Customer Service",
    description: "Layanan pelanggan",
    groupChatId: "120363020000000010@g.us",
    category: "customer_service",
    zone: null,
    types: ["new_registration", "customer_complaint"],
  },
];
