import type pg from "pg";
import { recordAudit } from "../../db/audit.ts";
import { classesToGiveBack, endOptOuts } from "../../db/opt-outs.ts";
import {
  endPhoneVerification,
  lockPhoneVerification,
  recordConsent,
} from "../../db/phone-verifications.ts";
import type { SenderAddress } from "../../db/replies.ts";
import type { StaleRun } from "../../db/stale-plans.ts";
import { findVerified, verifyContact } from "../../db/verified-contacts.ts";
import { findVerificationCode } from "../../domain/verification-code.ts";
import type { VerificationRefusal } from "../../domain/verification-code.ts";

/**
 * A person wrote the words of a verification link to a number of ours: the number that wrote is theirs, may be written to, and is what open runs plan with. The
 * vendor vouches for who wrote, the code for who that is; neither is enough alone.
 */

export type MessageVerification =
  | {
      readonly kind: "verified";
      readonly isPrimary: boolean;
      readonly stale: readonly StaleRun[];
    }
  | { readonly kind: "refused"; readonly reason: VerificationRefusal };

type Written = {
  readonly inboundId: string;
  readonly from: readonly SenderAddress[];
  readonly groupChatId: string | null;
  readonly accountId: string;
  /** What the person wrote, as it came. */
  readonly text: string;
  /** The personal channel that it was written on. */
  readonly channel: string;
  readonly nowMs: number;
};

/** Null: it is no verification, and means whatever it means otherwise. */
export async function verifyByMessage(
  client: pg.PoolClient,
  written: Written,
): Promise<MessageVerification | null> {
  const { from, groupChatId, text, channel, nowMs } = written;
  // An SMS says who sent it, and anybody can make it say so.
  const code = channel === "whatsapp_personal" ? findVerificationCode(text) : null;
  if (code === null) return null;
  if (groupChatId !== null) {
    // Everybody there has read it.
    await endPhoneVerification(client, { code, by: "shown", nowMs });
    return null;
  }
  const found = await lockPhoneVerification(client, code, nowMs);
  if (found === null) return refused("unknown");
  const phone = from.find(({ kind }) => kind === "phone")?.value;
  if (phone === undefined) return refused("no_number");
  if (found.state !== "open") {
    // The same words to a second number of ours: what they ask for is done.
    const held = found.state === "used" ? await findVerified(client, found.userId, phone) : null;
    return held === null
      ? refused(found.state)
      : { kind: "verified", isPrimary: held.isPrimary, stale: [] };
  }
  return verify(client, { ...written, code, phone, userId: found.userId });
}

async function verify(
  client: pg.PoolClient,
  given: Written & { readonly code: string; readonly phone: string; readonly userId: string },
): Promise<MessageVerification> {
  const { userId, phone, code, inboundId, channel, nowMs } = given;
  const answer = await verifyContact(client, {
    userId,
    kind: "phone",
    value: phone,
    by: "inbound",
    nowMs,
  });
  switch (answer.kind) {
    case "unknown_user":
    case "not_held":
      return refused("unknown");
    // The code stays good: the person may write from another phone.
    case "taken":
    case "too_many":
      return refused(answer.kind);
    case "verified":
      break;
  }
  await endPhoneVerification(client, { code, by: "used", nowMs });
  await recordConsent(client, { userId, phone, inboundMessageId: inboundId, nowMs });
  const givenBack = await endOptOuts(client, {
    userId,
    address: phone,
    channel,
    classes: await classesToGiveBack(client, { userId, channel }),
    inboundMessageId: inboundId,
    now: nowMs,
  });
  const { isNew, isPrimary } = answer;
  await recordAudit(
    client,
    {
      by: { kind: "writer", userId, name: null },
      action: "phone.verified",
      subject: userId,
      detail: { by: "inbound", inboundId, accountId: given.accountId, isNew, isPrimary },
    },
    nowMs,
  );
  const stale = new Map([...answer.stale, ...givenBack].map((run) => [run.notificationId, run]));
  return { kind: "verified", isPrimary, stale: [...stale.values()] };
}

function refused(reason: VerificationRefusal): MessageVerification {
  return { kind: "refused", reason };
}
