import type pg from "pg";
import { recordAudit } from "../../db/audit.ts";
import { withTransaction } from "../../db/transaction.ts";
import { insertUser, readUser, replaceContacts } from "../../db/users.ts";
import type { UserRow } from "../../db/users.ts";
import type { Actor } from "../../domain/actor.ts";
import type { GivenContact } from "../../domain/contact.ts";
import type { Locale } from "../../domain/locale.ts";
import { managesRole, mayPlaceIn } from "../../domain/managed-roles.ts";
import { mayAny } from "../../domain/permissions.ts";
import type { Role } from "../../domain/role.ts";
import { Forbidden } from "./errors.ts";
import type { Problem } from "./errors.ts";
import { idOnce } from "./once.ts";
import type { PartOf } from "./part-of.ts";
import { visible } from "./see-users.ts";
import type { Once } from "./once.ts";
import { checkUser, namingTakenField, userProblems, vouchedBy } from "./check-user.ts";

export type CreateUserDeps = {
  readonly pool: pg.Pool;
  readonly now: () => number;
  readonly randomBytes: (count: number) => Uint8Array;
};

export type UserInput = {
  readonly externalId?: string | null | undefined;
  readonly name?: string | null | undefined;
  readonly role: Role;
  readonly zones?: readonly string[] | undefined;
  readonly locale?: Locale | undefined;
  readonly timeZone?: string | null | undefined;
  readonly contacts?: readonly GivenContact[] | undefined;
};

/** @throws Forbidden, InvalidInput naming every bad field */
export async function createUser(
  deps: CreateUserDeps,
  { actor, user, once }: { readonly actor: Actor; readonly user: UserInput; readonly once: Once },
): Promise<UserRow> {
  const zones = user.zones ?? [];
  if (!mayAny(actor, "write_users")) throw new Forbidden();
  if (!managesRole(actor, user.role) || !mayPlaceIn(actor, "write_users", zones)) {
    throw new Forbidden("This key or role may not make such a user.");
  }
  const id = idOnce(deps, "usr", once);
  const nowMs = deps.now();
  const fields = {
    externalId: user.externalId ?? null,
    name: user.name ?? null,
    role: user.role,
    zones,
    locale: user.locale ?? "id",
    timeZone: user.timeZone ?? null,
  };
  return namingTakenField(() =>
    withTransaction(deps.pool, async (client) => {
      const before = once === undefined ? null : await readUser(client, id);
      if (before !== null) return before;
      const contacts = await checkUser(client, {
        ...fields,
        contacts: user.contacts ?? [],
        exceptId: null,
      });
      await insertUser(client, { id, ...fields }, nowMs);
      await replaceContacts(client, id, contacts, { vouchedBy: vouchedBy(actor), nowMs });
      await recordAudit(client, { by: actor, action: "user.created", subject: id }, nowMs);
      const row = await readUser(client, id);
      if (row === null) throw new Error("Invariant broken: a user that was inserted is there");
      return row;
    }),
  );
}

/**
 * What the record has against that part of a user's fields which their schema accepts. `reference` is whose fields they
 * are; null: a new user's. Asked of somebody who may not write users, it refuses that instead.
 *
 * @throws Forbidden, NotFound
 */
export async function judgeUserPart(
  { pool }: Pick<CreateUserDeps, "pool">,
  {
    actor,
    reference,
    part,
  }: {
    readonly actor: Actor;
    readonly reference: string | null;
    readonly part: PartOf<UserInput>;
  },
): Promise<readonly Problem[]> {
  if (!mayAny(actor, "write_users")) throw new Forbidden();
  const user = reference === null ? null : visible(actor, await readUser(pool, reference));
  return userProblems(pool, {
    externalId: part.externalId ?? null,
    zones: part.zones ?? [],
    timeZone: part.timeZone ?? null,
    contacts: part.contacts ?? [],
    exceptId: user?.id ?? null,
  });
}
