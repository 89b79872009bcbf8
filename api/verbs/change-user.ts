import type pg from "pg";
import { recordAudit } from "../../db/audit.ts";
import { touchGroups } from "../../db/groups.ts";
import { markStale } from "../../db/stale-plans.ts";
import type { StaleRun } from "../../db/stale-plans.ts";
import { withTransaction } from "../../db/transaction.ts";
import {
  groupIdsOf,
  lockUser,
  readUser,
  replaceContacts,
  touchUser,
  updateUser,
  userTag,
} from "../../db/users.ts";
import type { UserFields, UserRow } from "../../db/users.ts";
import type { Actor } from "../../domain/actor.ts";
import { managesRole, mayChangeRole, mayPlaceIn } from "../../domain/managed-roles.ts";
import { may } from "../../domain/permissions.ts";
import type { Role } from "../../domain/role.ts";
import { checkUser, namingTakenField, vouchedBy } from "./check-user.ts";
import { Forbidden } from "./errors.ts";
import { assertCurrent } from "./if-match.ts";
import type { IfMatch } from "./if-match.ts";
import type { PartOf } from "./part-of.ts";
import type { Replanner } from "./replanner.ts";
import { isSelf, userResource, visible } from "./see-users.ts";
import type { UserInput } from "./create-user.ts";

export type ChangeUserDeps = {
  readonly pool: pg.Pool;
  readonly now: () => number;
  readonly replanner: Replanner;
  /** Roles and zones of signed-in people are remembered for a moment. */
  readonly forgetKeys: () => void;
};

/** Fields that are absent keep their value; a list replaces the list. */
export type UserChange = PartOf<UserInput> & { readonly isActive?: boolean | undefined };

/** Of these a plan knows nothing. */
const UNPLANNED = new Set(["externalId", "name", "locale"]);

/**
 * Changes a user; runs that the change outdates are told to plan again.
 *
 * @throws NotFound, Forbidden, Outdated, InvalidInput naming every bad field
 */
export async function changeUser(
  deps: ChangeUserDeps,
  input: {
    readonly actor: Actor;
    readonly reference: string;
    readonly change: UserChange;
    readonly ifMatch: IfMatch;
  },
): Promise<UserRow> {
  const nowMs = deps.now();
  const markedAt = new Date(nowMs);
  const { row, stale } = await namingTakenField(() =>
    withTransaction(deps.pool, async (client) => {
      const before = visible(input.actor, await lockUser(client, input.reference));
      judgeChange(input.actor, before, input.change);
      assertCurrent(input.ifMatch, userTag(before));
      return applyChange(client, before, input, nowMs);
    }),
  );
  deps.replanner.tell(stale, "user_changed", markedAt);
  deps.forgetKeys();
  return row;
}

/** @throws Forbidden */
function judgeChange(actor: Actor, before: UserRow, change: UserChange): void {
  if (!may(actor, "write_users", userResource(actor, before)) || !managesRole(actor, before.role)) {
    if (!isOwnClock(actor, before, change)) {
      throw new Forbidden("This key or role may not change this user.");
    }
    return;
  }
  if (change.role !== undefined && !mayChangeRole(actor, before.role, change.role)) {
    throw new Forbidden("Roles are given out by an administrator.");
  }
  if (change.zones !== undefined) {
    // Whom somebody looks after together with others stays where the others put them.
    const moved = [
      ...change.zones.filter((zone) => !before.zones.includes(zone)),
      ...before.zones.filter((zone) => !change.zones?.includes(zone)),
    ];
    const isLeftNowhere = change.zones.length === 0 && !mayPlaceIn(actor, "write_users", []);
    if (isLeftNowhere || (moved.length > 0 && !mayPlaceIn(actor, "write_users", moved))) {
      throw new Forbidden("This role may not put a user into, or take one out of, these zones.");
    }
  }
}

/** Language and clock are a person's own to choose. */
function isOwnClock(actor: Actor, { id }: UserRow, change: UserChange): boolean {
  return (
    isSelf(actor, id) &&
    may(actor, "write_own_settings", { isOwn: true }) &&
    Object.keys(change).every((field) => field === "locale" || field === "timeZone")
  );
}

async function applyChange(
  client: pg.PoolClient,
  before: UserRow,
  { actor, change }: { readonly actor: Actor; readonly change: UserChange },
  nowMs: number,
): Promise<{ readonly row: UserRow; readonly stale: readonly StaleRun[] }> {
  const { id } = before;
  const fields = mergeFields(before, change);
  const contacts = await checkUser(client, {
    ...fields,
    // Contacts of somebody who is switched off are free for others, and may have been taken.
    contacts: change.contacts ?? (fields.isActive ? before.contacts : []),
    exceptId: id,
  });
  await updateUser(client, id, fields, nowMs);
  if (change.contacts !== undefined) {
    await replaceContacts(client, id, contacts, { vouchedBy: vouchedBy(actor), nowMs });
  }
  await touchUser(client, id);
  const names = namesOf(change);
  await recordAudit(
    client,
    { by: actor, action: "user.changed", subject: id, detail: { fields: names } },
    nowMs,
  );
  const groupIds = change.isActive === undefined ? [] : await groupIdsOf(client, id);
  await touchGroups(client, groupIds);
  const stale = names.every((name) => UNPLANNED.has(name))
    ? []
    : await markStale(client, [id, ...groupIds], new Date(nowMs));
  const row = await readUser(client, id);
  if (row === null) throw new Error("Invariant broken: a locked user is there");
  return { row, stale };
}

function mergeFields(before: UserRow, change: UserChange): UserFields {
  const pick = <Value>(given: Value | undefined, kept: Value): Value =>
    given === undefined ? kept : given;
  return {
    externalId: pick(change.externalId, before.external_id),
    name: pick(change.name, before.name),
    role: pick<Role>(change.role, before.role),
    zones: pick(change.zones, before.zones),
    locale: pick(change.locale, before.locale),
    timeZone: pick(change.timeZone, before.time_zone),
    isActive: pick(change.isActive, before.is_active),
  };
}

/** Names of the fields that a change gives. */
export function namesOf(change: object): readonly string[] {
  return Object.entries(change).flatMap(([name, value]) => (value === undefined ? [] : [name]));
}
