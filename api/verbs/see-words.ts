import type pg from "pg";
import { readTypes, readZones } from "../../db/words.ts";
import type { TypeRow, ZoneRow } from "../../db/words.ts";
import type { Actor } from "../../domain/actor.ts";
import { may } from "../../domain/permissions.ts";
import { Forbidden } from "./errors.ts";

type Deps = { readonly pool: pg.Pool };

export async function seeZones({ pool }: Deps, actor: Actor): Promise<readonly ZoneRow[]> {
  if (!may(actor, "read_words")) throw new Forbidden();
  return readZones(pool);
}

export async function seeTypes({ pool }: Deps, actor: Actor): Promise<readonly TypeRow[]> {
  if (!may(actor, "read_words")) throw new Forbidden();
  return readTypes(pool);
}
