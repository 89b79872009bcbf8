import type pg from "pg";
import { recordAudit } from "../../db/audit.ts";
import {
  deleteMember,
  findPhoneOwner,
  findSameMember,
  insertMember,
  memberTag,
  readMember,
  updateMember,
} from "../../db/group-members.ts";
import type { MemberRow } from "../../db/group-members.ts";
import { lockGroup, readGroup, touchGroups } from "../../db/groups.ts";
import { markStale } from "../../db/stale-plans.ts";
import type { StaleRun } from "../../db/stale-plans.ts";
import { withTransaction } from "../../db/transaction.ts";
import { lockUser, touchUser } from "../../db/users.ts";
import type { Actor } from "../../domain/actor.ts";
import { may } from "../../domain/permissions.ts";
import { normalisePhone } from "../../domain/phone-number.ts";
import { InvalidInput, NotFound } from "./errors.ts";
import { assertCurrent } from "./if-match.ts";
import type { IfMatch } from "./if-match.ts";
import { idOnce } from "./once.ts";
import type { Once } from "./once.ts";
import type { Replanner } from "./replanner.ts";
import { userResource } from "./see-users.ts";
import { writableGroup } from "./write-group.ts";

/**
 * Who is in a group. Members are written under the group's lock, so that nobody is in it twice; a member who is a user is
 * a change of that person too: who isn't counted by groups is told in person.
 *
 * Ordering: the person's row is locked before the group's, as by everything that locks both.
 */

export type MemberDeps = {
  readonly pool: pg.Pool;
  readonly now: () => number;
  readonly randomBytes: (count: number) => Uint8Array;
  readonly replanner: Replanner;
};

export type MemberInput = {
  /** An id or `ext:<externalId>`. */
  readonly userId?: string | undefined;
  readonly phone?: string | undefined;
  readonly name?: string | null | undefined;
  readonly role?: string | null | undefined;
};

type Subject = { readonly actor: Actor; readonly group: string };

/** A number that is an active user's makes that user the member. @throws NotFound, Forbidden, InvalidInput */
export async function addMember(
  deps: MemberDeps,
  { actor, group, member, once }: Subject & { readonly member: MemberInput; readonly once: Once },
): Promise<MemberRow> {
  const id = idOnce(deps, "mem", once);
  return changing(deps, async (client, nowMs) => {
    // Before anything is said about the person.
    writableGroup(actor, await readGroup(client, group));
    const person = await findPerson(client, actor, member);
    const { id: groupId } = writableGroup(actor, await lockGroup(client, group));
    const before = once === undefined ? null : await readMember(client, groupId, id);
    if (before !== null) return { row: before, targets: [] };
    const same = await findSameMember(client, groupId, person);
    if (same?.is_active === true) throw new InvalidInput([alreadyMember(member)]);
    const fields = {
      ...person,
      name: member.name ?? person.name ?? same?.name ?? null,
      role: member.role ?? same?.role ?? null,
      isActive: true,
    };
    if (same === null) {
      await insertMember(client, { ...fields, id, groupId }, nowMs);
    } else {
      await updateMember(client, same.id, { ...fields, joinedAt: new Date(nowMs) });
    }
    return finish(client, actor, "group_member.added", same?.id ?? id, groupId, nowMs);
  });
}

/** @throws NotFound, Forbidden, Outdated */
export async function changeMember(
  deps: MemberDeps,
  input: Subject & {
    readonly id: string;
    readonly change: {
      readonly name?: string | null | undefined;
      readonly role?: string | null | undefined;
      readonly isActive?: boolean | undefined;
    };
    readonly ifMatch: IfMatch;
  },
): Promise<MemberRow> {
  const { actor, change, id } = input;
  return changing(deps, async (client, nowMs) => {
    const { group, member } = await lockMember(client, input);
    assertCurrent(input.ifMatch, memberTag(member));
    await updateMember(client, id, {
      userId: member.user_id,
      phone: member.phone_number,
      name: change.name === undefined ? member.name : change.name,
      role: change.role === undefined ? member.role : change.role,
      isActive: change.isActive ?? member.is_active,
      joinedAt: member.joined_at,
    });
    return finish(client, actor, "group_member.changed", id, group.id, nowMs);
  });
}

/** @throws NotFound, Forbidden */
export async function removeMember(
  deps: MemberDeps,
  input: Subject & { readonly id: string },
): Promise<void> {
  await changing(deps, async (client, nowMs) => {
    const { group, member } = await lockMember(client, input);
    await deleteMember(client, member.id);
    await recordAudit(
      client,
      {
        by: input.actor,
        action: "group_member.removed",
        subject: member.id,
        detail: { groupId: group.id },
      },
      nowMs,
    );
    return { row: member, targets: targetsOf(member) };
  });
}

type Changed = { readonly row: MemberRow; readonly targets: readonly string[] };

/** One transaction with its marks, and the runs told after it. */
async function changing(
  deps: MemberDeps,
  work: (client: pg.PoolClient, nowMs: number) => Promise<Changed>,
): Promise<MemberRow> {
  const nowMs = deps.now();
  const markedAt = new Date(nowMs);
  const { row, stale } = await withTransaction(
    deps.pool,
    async (client): Promise<{ row: MemberRow; stale: readonly StaleRun[] }> => {
      const changed = await work(client, nowMs);
      const { user_id: userId } = changed.row;
      if (changed.targets.length > 0) {
        if (userId !== null) await touchUser(client, userId);
        await touchGroups(client, [changed.row.group_id]);
      }
      return { row: changed.row, stale: await markStale(client, changed.targets, markedAt) };
    },
  );
  deps.replanner.tell(stale, "membership_changed", markedAt);
  return row;
}

async function finish(
  client: pg.PoolClient,
  actor: Actor,
  action: string,
  id: string,
  groupId: string,
  nowMs: number,
): Promise<Changed> {
  await recordAudit(client, { by: actor, action, subject: id, detail: { groupId } }, nowMs);
  const row = await readMember(client, groupId, id);
  if (row === null) throw new Error("Invariant broken: a member that was written is there");
  return { row, targets: targetsOf(row) };
}

function targetsOf(member: MemberRow): readonly string[] {
  return member.user_id === null ? [member.group_id] : [member.user_id, member.group_id];
}

/** The member, with the group and the person behind it locked. @throws NotFound, Forbidden */
async function lockMember(
  client: pg.PoolClient,
  { actor, group: reference, id }: Subject & { readonly id: string },
) {
  const found = await readMemberOf(client, reference, id);
  if (found?.user_id) await lockUser(client, found.user_id);
  const group = writableGroup(actor, await lockGroup(client, reference));
  const member = await readMember(client, group.id, id);
  if (member === null) throw new NotFound("member");
  return { group, member };
}

async function readMemberOf(
  client: pg.PoolClient,
  reference: string,
  id: string,
): Promise<MemberRow | null> {
  const group = await readGroup(client, reference);
  return group === null ? null : readMember(client, group.id, id);
}

type Person = {
  readonly userId: string | null;
  readonly phone: string | null;
  readonly name: string | null;
};

/** Who is meant, their row locked. @throws InvalidInput */
async function findPerson(
  client: pg.PoolClient,
  actor: Actor,
  { userId, phone }: MemberInput,
): Promise<Person> {
  if (userId !== undefined) {
    const user = await lockUser(client, userId);
    const isKnown = user?.is_active === true && may(actor, "read_users", userResource(actor, user));
    if (!isKnown) {
      throw new InvalidInput([
        { path: "userId", code: "unknown", message: "There is no such active user." },
      ]);
    }
    const own = user.contacts.find(({ kind, isPrimary }) => kind === "phone" && isPrimary);
    return { userId: user.id, phone: own?.value ?? null, name: user.name };
  }
  const read = normalisePhone(phone ?? "");
  if (!read.ok) {
    throw new InvalidInput([
      {
        path: "phone",
        code: "invalid_phone",
        message: `Must be a phone number: ${read.reason}.`,
      },
    ]);
  }
  const ownerId = await findPhoneOwner(client, read.phone);
  const owner = ownerId === null ? null : await lockUser(client, ownerId);
  return { userId: owner?.id ?? null, phone: read.phone, name: owner?.name ?? null };
}

function alreadyMember({ userId }: MemberInput) {
  return {
    path: userId === undefined ? "phone" : "userId",
    code: "taken",
    message: "Is a member of this group already.",
  };
}
