import type pg from "pg";
import { recordAudit } from "../../db/audit.ts";
import { touchGroups } from "../../db/groups.ts";
import { readChoice, saveChoice, unknownTypes } from "../../db/settings.ts";
import { markStale } from "../../db/stale-plans.ts";
import { withTransaction } from "../../db/transaction.ts";
import { groupIdsOf, lockUser, readUser, touchUser } from "../../db/users.ts";
import type { UserRow } from "../../db/users.ts";
import type { Actor } from "../../domain/actor.ts";
import { needsAdministrator } from "../../domain/effective-settings.ts";
import type { Settings, SettingsPatch } from "../../domain/effective-settings.ts";
import { managesRole } from "../../domain/managed-roles.ts";
import { may } from "../../domain/permissions.ts";
import { mergeChoice } from "../../domain/settings-choice.ts";
import { namesOf } from "./change-user.ts";
import { Forbidden, InvalidInput } from "./errors.ts";
import type { Problem } from "./errors.ts";
import { assertCurrent } from "./if-match.ts";
import type { IfMatch } from "./if-match.ts";
import { quietHoursProblemsOf } from "./quiet-hours-problems.ts";
import type { Replanner } from "./replanner.ts";
import { toSeenSettings } from "./see-settings.ts";
import type { SeenSettings } from "./see-settings.ts";
import { userResource, visible } from "./see-users.ts";

export type ChangeSettingsDeps = {
  readonly pool: pg.Pool;
  readonly now: () => number;
  readonly replanner: Replanner;
};

/**
 * Changes what the patch names and nothing else; runs that the change outdates are told to plan again.
 *
 * @throws NotFound, Forbidden, Outdated, InvalidInput naming every bad field
 */
export async function changeSettings(
  deps: ChangeSettingsDeps,
  input: {
    readonly actor: Actor;
    readonly reference: string;
    readonly patch: SettingsPatch;
    readonly ifMatch: IfMatch;
  },
): Promise<SeenSettings> {
  const { actor, patch } = input;
  const nowMs = deps.now();
  const markedAt = new Date(nowMs);
  const { seen, stale } = await withTransaction(deps.pool, async (client) => {
    const user = visible(actor, await lockUser(client, input.reference));
    judgeWriter(actor, user);
    const chosen = await readChoice(client, user.id);
    const before = toSeenSettings(user, chosen);
    assertCurrent(input.ifMatch, before.tag);
    const isOverrideEnded = needsAdministrator(before.settings, patch);
    if (isOverrideEnded && !may(actor, "administer")) {
      throw new Forbidden("overrideForCritical: only an administrator may switch it off.");
    }
    const choice = mergeChoice(chosen, patch);
    const seenAfter = toSeenSettings(user, choice);
    const problems = await settingsProblems(client, seenAfter.settings, patch);
    if (problems.length > 0) throw new InvalidInput(problems);
    await saveChoice(client, user.id, choice, nowMs);
    await touchUser(client, user.id);
    await recordAudit(
      client,
      {
        by: actor,
        action: isOverrideEnded ? "settings.critical_override_ended" : "settings.changed",
        subject: user.id,
        detail: { fields: namesOf(patch) },
      },
      nowMs,
    );
    // Who doesn't want to be told by the group is told in person, by runs that know only the group so far.
    const groupIds =
      patch.groupNotifications === undefined ? [] : await groupIdsOf(client, user.id);
    await touchGroups(client, groupIds);
    return {
      seen: seenAfter,
      stale: await markStale(client, [user.id, ...groupIds], markedAt),
    };
  });
  deps.replanner.tell(stale, "settings_changed", markedAt);
  return seen;
}

/**
 * What is wrong with that part of a patch which its schema accepts.
 *
 * @throws NotFound, Forbidden
 */
export async function judgeSettingsPart(
  { pool }: Pick<ChangeSettingsDeps, "pool">,
  input: { readonly actor: Actor; readonly reference: string; readonly patch: SettingsPatch },
): Promise<readonly Problem[]> {
  const user = visible(input.actor, await readUser(pool, input.reference));
  judgeWriter(input.actor, user);
  const choice = mergeChoice(await readChoice(pool, user.id), input.patch);
  return settingsProblems(pool, toSeenSettings(user, choice).settings, input.patch);
}

async function settingsProblems(
  db: pg.Pool | pg.PoolClient,
  settings: Settings,
  patch: SettingsPatch,
): Promise<readonly Problem[]> {
  return [
    ...quietHoursProblemsOf("quietHours", settings.quietHours),
    ...(await typeProblems(db, patch)),
  ];
}

/** @throws Forbidden */
function judgeWriter(actor: Actor, user: UserRow): void {
  const resource = userResource(actor, user);
  const isOwn = resource.isOwn === true && may(actor, "write_own_settings", resource);
  const isManaged = may(actor, "write_users", resource) && managesRole(actor, user.role);
  if (!isOwn && !isManaged) {
    throw new Forbidden("This key or role may not change this user's settings.");
  }
}

/** Taking away the switch of a type that is gone is always possible. */
async function typeProblems(
  db: pg.Pool | pg.PoolClient,
  { types = {} }: SettingsPatch,
): Promise<readonly Problem[]> {
  const named = Object.entries(types).flatMap(([code, value]) => (value === null ? [] : [code]));
  return (await unknownTypes(db, named)).map((code) => ({
    path: `types.${code}`,
    code: "unknown",
    message: "There is no such notification type.",
  }));
}
