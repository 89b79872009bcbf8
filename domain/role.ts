export const ROLES = [
  "admin",
  "manager",
  "supervisor",
  "noc",
  "customer_service",
  "technician",
  "customer",
] as const;
export type Role = (typeof ROLES)[number];

/**
 * The order in which "next role up" climbs: each inner list is one rank, lowest first.
 * `admin` and `customer` have no rank: they are never told by role-up and count as rank 0.
 */
export const ROLE_LADDER: readonly (readonly Role[])[] = [
  ["technician", "noc", "customer_service"],
  ["supervisor"],
  ["manager"],
];

/** 1-based rank of a role in the role ladder; 0 for roles outside it. */
export function roleRank(role: Role): number {
  return ROLE_LADDER.findIndex((rank) => rank.includes(role)) + 1;
}

/**
 * The role that role-up tells next, given the highest rank that this run told in person.
 * Nobody told in person (rank 0) starts at the second rank: supervisor. Null when there is nobody above.
 */
export function nextRoleUp(highestRankTold: number): Role | null {
  const rank = Math.max(highestRankTold, 1) + 1;
  return ROLE_LADDER[rank - 1]?.[0] ?? null;
}
