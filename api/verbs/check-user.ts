import type pg from "pg";
import { findUserConflicts } from "../../db/users.ts";
import { violatedUnique } from "../../db/violations.ts";
import type { Actor } from "../../domain/actor.ts";
import { isTimeZone } from "../../domain/clock-time.ts";
import { readContacts } from "../../domain/contact.ts";
import type { GivenContact, ReadContact, Verification } from "../../domain/contact.ts";
import { may } from "../../domain/permissions.ts";
import { InvalidInput } from "./errors.ts";
import type { Problem } from "./errors.ts";

/** What the fields of a user are judged by, when made and when changed. */

const CONFLICTS = {
  externalId: "Another user has this external id.",
  zones: "There is no such zone.",
  contacts: "Another active user has this contact.",
} as const;

export type JudgedFields = {
  readonly externalId: string | null;
  readonly zones: readonly string[];
  readonly timeZone: string | null;
  readonly contacts: readonly GivenContact[];
  /** The user whose fields these are already; null: nobody's yet. */
  readonly exceptId: string | null;
};

/** The contacts as they are stored. @throws InvalidInput naming every bad field */
export async function checkUser(
  client: pg.PoolClient,
  fields: JudgedFields,
): Promise<readonly ReadContact[]> {
  const problems = await userProblems(client, fields);
  if (problems.length > 0) throw new InvalidInput(problems);
  return readContacts(fields.contacts).contacts.filter((contact) => contact !== null);
}

export async function userProblems(
  db: pg.Pool | pg.PoolClient,
  fields: JudgedFields,
): Promise<readonly Problem[]> {
  const read = readContacts(fields.contacts);
  const conflicts = await findUserConflicts(db, { ...fields, contacts: read.contacts });
  return [
    ...timeZoneProblems("timeZone", fields.timeZone),
    ...read.problems.map((problem) => ({ ...problem, path: `contacts.${problem.path}` })),
    ...conflicts.map(({ path, code }) => ({ path, code, message: CONFLICTS[groupOf(path)] })),
    ...repeated("zones", fields.zones),
  ];
}

/** Of a list that names things, what is named more than once. */
export function repeated(path: string, names: readonly string[]): readonly Problem[] {
  return names.flatMap((name, index) =>
    names.indexOf(name) === index
      ? []
      : [{ path: `${path}.${index}`, code: "duplicate", message: "This is named already." }],
  );
}

function groupOf(path: string): keyof typeof CONFLICTS {
  if (path === "externalId") return "externalId";
  return path.startsWith("zones") ? "zones" : "contacts";
}

export function timeZoneProblems(path: string, timeZone: string | null): readonly Problem[] {
  return timeZone === null || isTimeZone(timeZone)
    ? []
    : [{ path, code: "invalid_time_zone", message: "Must be an IANA time zone." }];
}

/** Who stands for a contact that nobody has verified; null: nobody, it stays unverified. */
export function vouchedBy(actor: Actor): Verification | null {
  if (actor.kind === "system") return "api";
  return may(actor, "administer") ? "admin" : null;
}

/** Of two requests at the same time the second meets the index instead of the check; the caller is told the same. */
export async function namingTakenField<Result>(work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    switch (violatedUnique(error)) {
      case "contacts_one_active_person":
        throw new InvalidInput([{ path: "contacts", code: "taken", message: CONFLICTS.contacts }]);
      case "users_external_id_unique":
        throw new InvalidInput([
          { path: "externalId", code: "taken", message: CONFLICTS.externalId },
        ]);
      default:
        throw error;
    }
  }
}
