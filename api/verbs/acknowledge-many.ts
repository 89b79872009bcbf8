import { createHash } from "node:crypto";
import { listNotifications } from "../../db/notification-list.ts";
import type { NotificationFilter } from "../../db/notification-list.ts";
import { reach } from "../../domain/permissions.ts";
import { isRefusal } from "./errors.ts";
import { performAct } from "./perform-act.ts";
import type { ActAnswer, ActDeps, ActInput } from "./perform-act.ts";

/** So many at once; what is left is acknowledged by asking again. */
export const ACKNOWLEDGE_MANY_MAX = 100;
/** Each is a transaction of its own on its own row. */
const CONCURRENCY = 5;

export type ManyInput = Omit<ActInput, "notificationId" | "actId"> & {
  readonly what:
    | { readonly ids: readonly string[] }
    /** The newest open ones of the filter that the actor may answer. */
    | { readonly filter: NotificationFilter };
};

export type ManyAnswer = {
  readonly results: readonly {
    readonly id: string;
    readonly answer: ActAnswer | { readonly kind: "not_found" };
  }[];
  /** A filter held more than one call takes. */
  readonly hasMore: boolean;
};

export async function acknowledgeMany(deps: ActDeps, input: ManyInput): Promise<ManyAnswer> {
  const { ids, hasMore } = await chosen(deps, input);
  const results: { id: string; answer: ActAnswer | { readonly kind: "not_found" } }[] = [];
  for (let start = 0; start < ids.length; start += CONCURRENCY) {
    const batch = ids.slice(start, start + CONCURRENCY);
    results.push(
      ...(await Promise.all(
        batch.map(async (id) => ({ id, answer: await acknowledgeOne(deps, input, id) })),
      )),
    );
  }
  return { results, hasMore };
}

async function chosen(
  { pool }: ActDeps,
  { what, actor }: ManyInput,
): Promise<{ readonly ids: readonly string[]; readonly hasMore: boolean }> {
  if ("ids" in what) return { ids: [...new Set(what.ids)], hasMore: false };
  const page = await listNotifications(pool, {
    actor,
    grants: reach(actor, "answer_notification"),
    filter: { ...what.filter, open: true },
    limit: ACKNOWLEDGE_MANY_MAX,
    after: null,
  });
  return { ids: page.items.map(({ id }) => id), hasMore: page.nextCursor !== null };
}

async function acknowledgeOne(
  deps: ActDeps,
  { actor, by, note, once }: ManyInput,
  notificationId: string,
): Promise<ActAnswer | { readonly kind: "not_found" }> {
  try {
    return await performAct(deps, "acknowledge", {
      actor,
      notificationId,
      by,
      note,
      once: once && { atMs: once.atMs, random: seedFor(once.random, notificationId) },
    });
  } catch (error) {
    // One that is unknown or hidden does not hold up the others, and the two look alike.
    if (isRefusal(error) && (error.kind === "not_found" || error.kind === "forbidden")) {
      return { kind: "not_found" };
    }
    throw error;
  }
}

/** Another act id for each notification of one request, the same in a repeat of it. */
function seedFor(random: Uint8Array, notificationId: string): Uint8Array {
  return createHash("sha256").update(random).update(notificationId).digest();
}
