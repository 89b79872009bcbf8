import type { Actor } from "./actor.ts";
import { reach } from "./permissions.ts";
import type { Grant } from "./permissions.ts";

/**
 * Who hears at once that something has changed. A room belongs to a person, to a zone, or to everybody who may see all; which rooms somebody is in follows from the
 * permission table alone, and nobody can ask for another one.
 */
export const EVERYTHING_ROOM = "everything";
/** Notifications of customer types, wherever they belong. */
export const CUSTOMER_TYPES_ROOM = "customer_types";

export function personRoom(userId: string): string {
  return `person:${userId}`;
}

export function zoneRoom(code: string): string {
  return `zone:${code}`;
}

/** Empty: this actor sees nothing of what is announced. */
export function roomsOf(actor: Actor): readonly string[] {
  return [...new Set(reach(actor, "see_notification").flatMap((grant) => roomsFor(grant, actor)))];
}

function roomsFor(grant: Grant, actor: Actor): readonly string[] {
  const own = actor.kind === "user" ? [personRoom(actor.userId)] : [];
  const [limit, ...more] = grant;
  if (limit === undefined) return [EVERYTHING_ROOM, ...own];
  // Rooms can't say "both": whoever is limited twice hears nothing rather than too much.
  if (more.length > 0) return [];
  switch (limit) {
    case "own_zones":
      return actor.kind === "user" ? [...actor.zones.map(zoneRoom), ...own] : [];
    case "customer_types":
      return [CUSTOMER_TYPES_ROOM, ...own];
    case "own":
      return own;
    case "operational_types":
    case "no_promotion":
    case "customers":
      return [];
  }
}

/** Where a change is announced: to whoever may see the notification. `persons` are those whom it told or concerns. */
export function roomsToldOf(notification: {
  readonly zone: string | null;
  readonly isCustomer: boolean;
  readonly persons: readonly string[];
}): readonly string[] {
  return [
    EVERYTHING_ROOM,
    ...(notification.zone === null ? [] : [zoneRoom(notification.zone)]),
    ...(notification.isCustomer ? [CUSTOMER_TYPES_ROOM] : []),
    ...notification.persons.map(personRoom),
  ];
}
