export const GROUP_CATEGORIES = [
  "technicians",
  "supervisors",
  "managers",
  "noc",
  "customer_service",
  "all",
] as const;
export type GroupCategory = (typeof GROUP_CATEGORIES)[number];
