export type SeedZone = { readonly code: string; readonly name: string; readonly timeZone: string };

export const ZONES = [
  { code: "karawang", name: "Karawang", timeZone: "Asia/Jakarta" },
  { code: "bekasi", name: "Bekasi", timeZone: "Asia/Jakarta" },
  { code: "cikampek", name: "Cikampek", timeZone: "Asia/Jakarta" },
  { code: "purwakarta", name: "Purwakarta", timeZone: "Asia/Jakarta" },
  { code: "subang", name: "Subang", timeZone: "Asia/Jakarta" },
  { code: "bandung", name: "Bandung", timeZone: "Asia/Jakarta" },
] as const satisfies readonly SeedZone[];
export type SeedZoneCode = (typeof ZONES)[number]["code"];
