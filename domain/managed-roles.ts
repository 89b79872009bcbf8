import type { Actor } from "./actor.ts";
import { may } from "./permissions.ts";
import type { Role } from "./role.ts";

/**
 * Whose rows an actor may write, beside the question where they work. Giving out roles is an administrator's: whoever
 * could change the phone of somebody with more rights could sign in as that person.
 */

/** Whom a person who isn't an administrator looks after: nobody with more rights than their own. */
const LOOKED_AFTER: readonly Role[] = ["technician", "customer"];

/** Whether the actor may create, change or switch off somebody of this role. */
export function managesRole(actor: Actor, role: Role): boolean {
  if (may(actor, "administer")) return true;
  return actor.kind === "system" ? role !== "admin" : LOOKED_AFTER.includes(role);
}

/** Whether the actor may make somebody of one role somebody of another. A system's key keeps the company's roles in step, administrators aside. */
export function mayChangeRole(actor: Actor, from: Role, to: Role): boolean {
  if (from === to) return true;
  if (actor.kind === "user") return may(actor, "administer");
  return managesRole(actor, from) && managesRole(actor, to);
}

/** Whether the actor may put somebody or something into exactly these work zones. No zone at all is everywhere. */
export function mayPlaceIn(
  actor: Actor,
  action: "write_users" | "write_groups",
  zones: readonly string[],
): boolean {
  if (zones.length === 0) return may(actor, action);
  return zones.every((zone) => may(actor, action, { zone }));
}
