import type pg from "pg";
import { insertApiKey } from "../../db/api-keys.ts";
import { recordAudit } from "../../db/audit.ts";
import { readSetupLink, useSetupLink } from "../../db/setup-links.ts";
import type { SetupLinkState } from "../../db/setup-links.ts";
import { markStale } from "../../db/stale-plans.ts";
import { withTransaction } from "../../db/transaction.ts";
import {
  insertUser,
  lockUser,
  readUser,
  replaceContacts,
  touchUser,
  updateUser,
} from "../../db/users.ts";
import { findPhoneOwner } from "../../db/group-members.ts";
import { makeId } from "../../domain/ids.ts";
import type { Locale } from "../../domain/locale.ts";
import { normalisePhone } from "../../domain/phone-number.ts";
import { namingTakenField } from "./check-user.ts";
import { InvalidInput } from "./errors.ts";

/**
 * What a one-time link from the server is for: its holder becomes an administrator and gets a key, shown once. Somebody
 * whose number is known already keeps their row; so an administrator who has lost every key comes back.
 */

export type SetupDeps = {
  readonly pool: pg.Pool;
  readonly now: () => number;
  readonly randomBytes: (count: number) => Uint8Array;
  readonly forgetKeys: () => void;
};

export function seeSetupLink(
  { pool, now }: Pick<SetupDeps, "pool" | "now">,
  token: string,
): Promise<SetupLinkState> {
  return readSetupLink(pool, token, now());
}

const NAME_CHARS_MAX = 200;

export type { SetupLinkState };

export type SetUp =
  | { readonly kind: "done"; readonly userId: string; readonly key: string }
  /** Unknown, used by somebody else meanwhile, or too old. */
  | { readonly kind: "refused"; readonly state: Exclude<SetupLinkState, "open"> };

/** @throws InvalidInput; the link stays open then */
export async function setUpAdministrator(
  deps: SetupDeps,
  input: {
    readonly token: string;
    readonly name: string;
    readonly phone: string;
    readonly locale: Locale;
  },
): Promise<SetUp> {
  const nowMs = deps.now();
  const state = await readSetupLink(deps.pool, input.token, nowMs);
  if (state !== "open") return { kind: "refused", state };
  const { name, phone } = readInput(input);
  const done = await namingTakenField(() =>
    withTransaction(deps.pool, async (client) => {
      if (!(await useSetupLink(client, input.token, nowMs))) return null;
      const ownerId = await findPhoneOwner(client, phone);
      const userId =
        ownerId ?? (await insertAdministrator(client, deps, { ...input, name, phone }, nowMs));
      if (ownerId !== null) await promote(client, ownerId, name, nowMs);
      const { id, key } = await insertApiKey(
        client,
        { name: "Set-up link", sender: `user:${userId}`, scopes: [], userId },
        nowMs,
        deps.randomBytes,
      );
      await recordAudit(
        client,
        {
          by: { kind: "setup_link" },
          action: "administrator.set_up",
          subject: userId,
          detail: { apiKeyId: id },
        },
        nowMs,
      );
      return { userId, key };
    }),
  );
  if (done === null) return { kind: "refused", state: "over" };
  deps.forgetKeys();
  return { kind: "done", ...done };
}

function readInput(input: { readonly name: string; readonly phone: string }) {
  const name = input.name.trim();
  const phone = normalisePhone(input.phone);
  const isNamed = name !== "" && name.length <= NAME_CHARS_MAX && !name.includes("\0");
  if (!phone.ok || !isNamed) {
    throw new InvalidInput([
      ...(isNamed ? [] : [{ path: "name", code: "required", message: "Is required." }]),
      ...(phone.ok
        ? []
        : [{ path: "phone", code: "invalid_phone", message: "Must be a phone number." }]),
    ]);
  }
  return { name, phone: phone.phone };
}

async function insertAdministrator(
  client: pg.PoolClient,
  { randomBytes }: SetupDeps,
  admin: { readonly name: string; readonly phone: string; readonly locale: Locale },
  nowMs: number,
): Promise<string> {
  const id = makeId("usr", nowMs, randomBytes(10));
  await insertUser(
    client,
    {
      id,
      name: admin.name,
      role: "admin",
      locale: admin.locale,
      externalId: null,
      zones: [],
      timeZone: null,
    },
    nowMs,
  );
  await replaceContacts(client, id, [{ kind: "phone", value: admin.phone, isPrimary: true }], {
    vouchedBy: "admin",
    nowMs,
  });
  return id;
}

async function promote(
  client: pg.PoolClient,
  id: string,
  name: string,
  nowMs: number,
): Promise<void> {
  await lockUser(client, id);
  const row = await readUser(client, id);
  if (row === null) throw new Error("Invariant broken: the owner of a number is a user");
  await updateUser(
    client,
    id,
    {
      externalId: row.external_id,
      name: row.name ?? name,
      role: "admin",
      zones: row.zones,
      locale: row.locale,
      timeZone: row.time_zone,
      isActive: true,
    },
    nowMs,
  );
  await touchUser(client, id);
  // Nobody waits for it: the sweep tells the runs.
  await markStale(client, [id], new Date(nowMs));
}
