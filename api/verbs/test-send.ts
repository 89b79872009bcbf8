import { setTimeout as sleep } from "node:timers/promises";
import { readProviderAccount } from "../../db/provider-accounts.ts";
import {
  firstAccountOfGroup,
  otherAccountIds,
  readTestSend,
  type TestSendState,
} from "../../db/test-sends.ts";
import type { Actor } from "../../domain/actor.ts";
import { may } from "../../domain/permissions.ts";
import type { NotificationRequest } from "../../domain/request.ts";
import { isLastWord, verdictOf, type Tells, type TestVerdict } from "../../domain/test-send.ts";
import { capabilitiesOf, type ProviderRegistry } from "../../providers/registry.ts";
import { acceptNotification, type AcceptDeps } from "./accept-notification.ts";
import { Forbidden, InvalidInput } from "./errors.ts";
import { foundAccount } from "./see-accounts.ts";
import { seeGroup } from "./see-groups.ts";

/**
 * A test send is an ordinary notification over one account: paced, recorded and reported like every other, so that page and record can't disagree. The caller
 * waits for the vendor's word; what comes later stands in the record.
 */
export type TestSendDeps = AcceptDeps & { readonly providers: ProviderRegistry };

export type TestSendResult = {
  readonly verdict: TestVerdict;
  readonly notificationId: string;
  readonly accountId: string;
  readonly state: TestSendState;
};

/** Whom a test of an account tells; exactly one of them. */
export type TestTarget = {
  readonly phone?: string | undefined;
  readonly userId?: string | undefined;
  readonly groupId?: string | undefined;
};

type Waiting = {
  readonly actor: Actor;
  readonly key: string | null;
  readonly waitSeconds: number;
};

const LOOK_EVERY_MS = 250;

/** @throws Forbidden, NotFound, InvalidInput */
export async function testAccount(
  deps: TestSendDeps,
  input: Waiting & { readonly id: string; readonly to: TestTarget },
): Promise<TestSendResult> {
  if (!may(input.actor, "drain_accounts")) throw new Forbidden();
  const account = foundAccount(await readProviderAccount(deps.pool, input.id));
  const { phone, userId, groupId } = input.to;
  const isGroup = account.channel === "whatsapp_group";
  if (isGroup !== (groupId !== undefined)) {
    throw new InvalidInput([
      {
        path: isGroup ? "to.groupId" : "to",
        code: isGroup ? "required" : "unsupported",
        message: isGroup ? "This account tells groups." : "This account tells persons.",
      },
    ]);
  }
  return send(deps, input, account.id, {
    phones: phone === undefined ? [] : [phone],
    userIds: userId === undefined ? [] : [userId],
    groupIds: groupId === undefined ? [] : [groupId],
  });
}

/**
 * A message that tells a group like any other: whoever may see the group and create such a notification by hand may test it.
 *
 * @throws Forbidden, NotFound, InvalidInput
 */
export async function testGroup(
  deps: TestSendDeps,
  input: Waiting & { readonly reference: string; readonly accountId: string | null },
): Promise<TestSendResult> {
  const group = await seeGroup(deps, input);
  const zone = group.work_zone;
  const accountId = input.accountId ?? (await firstAccountOfGroup(deps.pool, group.id));
  if (accountId === null) {
    throw new InvalidInput([
      {
        path: "id",
        code: "no_provider",
        message: "No account's number is a proven member of this group.",
      },
    ]);
  }
  return send(deps, input, foundAccount(await readProviderAccount(deps.pool, accountId)).id, {
    groupIds: [group.id],
    ...(zone === null ? {} : { zone }),
  });
}

async function send(
  deps: TestSendDeps,
  { actor, key, waitSeconds }: Waiting,
  accountId: string,
  {
    zone,
    ...recipients
  }: NonNullable<NotificationRequest["recipients"]> & { readonly zone?: string },
): Promise<TestSendResult> {
  const { id } = await acceptNotification(deps, {
    actor,
    // A repeat after a crash finds its message; the caller's other requests may use the same key.
    key: key === null ? null : `test-send ${key}`,
    request: {
      type: "test_message",
      ...(zone === undefined ? {} : { zone }),
      recipients,
      avoidAccountIds: await otherAccountIds(deps.pool, [accountId]),
      data: actor.kind === "user" ? { asked_by: actor.name } : {},
    },
  });
  const state = await untilLastWord(deps, id, await tellsOf(deps, accountId), waitSeconds);
  return {
    verdict: verdictSoFar(state),
    notificationId: id,
    accountId,
    state,
  };
}

/** Without a delivery nothing was tried: it is still being planned, or nothing can carry it. */
function verdictSoFar({ delivery, isSettled }: TestSendState): TestVerdict {
  if (delivery !== null) return verdictOf(delivery.status);
  return isSettled ? "failed" : "queued";
}

async function tellsOf({ pool, providers }: TestSendDeps, accountId: string): Promise<Tells> {
  const row = foundAccount(await readProviderAccount(pool, accountId));
  const provider = providers.all.find(
    ({ id, channel }) => id === row.provider && channel === row.channel,
  );
  return provider === undefined
    ? { sent: false, delivered: false }
    : capabilitiesOf(provider, row).receipts;
}

async function untilLastWord(
  { pool, now }: TestSendDeps,
  notificationId: string,
  tells: Tells,
  waitSeconds: number,
): Promise<TestSendState> {
  const until = now() + waitSeconds * 1_000;
  for (;;) {
    const state = await readTestSend(pool, notificationId);
    const isOver =
      state.delivery === null ? state.isSettled : isLastWord(state.delivery.status, tells);
    if (isOver || now() >= until) return state;
    await sleep(LOOK_EVERY_MS);
  }
}
