import { recordAudit } from "../../db/audit.ts";
import {
  channelsOfCode,
  ownerOfNumber,
  provenBy,
  takeCheck,
  useChallenge,
} from "../../db/otp-challenges.ts";
import type { TakenCheck } from "../../db/otp-challenges.ts";
import type { StaleRun } from "../../db/stale-plans.ts";
import { withTransaction } from "../../db/transaction.ts";
import { verifyContact } from "../../db/verified-contacts.ts";
import type { Actor } from "../../domain/actor.ts";
import { OTP_DIGITS, readOtpCode } from "../../domain/otp.ts";
import { mayAny } from "../../domain/permissions.ts";
import { Forbidden, InvalidInput } from "./errors.ts";
import type { Problem } from "./errors.ts";
import type { Once } from "./once.ts";
import type { PartOf } from "./part-of.ts";
import type { Replanner } from "./replanner.ts";
import { callerOf, judgePhone, reachesOwner, readPhone } from "./send-otp.ts";
import { stopTelling } from "./stop-telling-code.ts";
import type { TellDeps } from "./tell-run.ts";

export type VerifyOtpDeps = TellDeps & {
  readonly now: () => number;
  readonly secretKey: Uint8Array;
  readonly replanner: Replanner;
};

export type OtpVerdict =
  /** The number is this person's; whoever signs people in knows by it who they are. */
  | { readonly kind: "verified"; readonly userId: string; readonly verifiedAt: number }
  | { readonly kind: "wrong_code"; readonly checksLeft: number }
  /** Never asked for, used, replaced by a newer one, guessed at too often, or over. */
  | { readonly kind: "no_valid_code" };

/**
 * Whether a code is the one that was sent to the number, and what follows if it is: the number is proven, and runs that were planned without it are planned again.
 *
 * Of guesses at the same time five at most are compared, and one that is right is answered so (db/otp-challenges.ts). A process that dies between the check and the
 * proof has used up a check: the code still serves. One that dies behind the proof leaves it to a repeat with the same Idempotency-Key, which is answered as the first.
 *
 * @throws Forbidden, InvalidInput
 */
export async function verifyOtp(
  deps: VerifyOtpDeps,
  asked: {
    readonly actor: Actor;
    readonly phone: string;
    readonly code: string;
    readonly once: Once;
  },
): Promise<OtpVerdict> {
  const { actor } = asked;
  if (!mayAny(actor, "send_otp")) throw new Forbidden();
  const code = readOtpCode(asked.code);
  if (code === null) throw new InvalidInput(judgeOtpCheck(asked));
  const phone = readPhone(asked.phone);
  const nowMs = deps.now();
  const request = asked.once?.random ?? null;
  const earlier = request && (await provenBy(deps.pool, request));
  if (earlier !== null) return { kind: "verified", ...earlier };
  const owner = await ownerOfNumber(deps.pool, phone);
  const check = await takeCheck(
    deps.pool,
    { phone, reachesOwner: reachesOwner(actor, owner), caller: callerOf(actor), code, nowMs },
    deps.secretKey,
  );
  if (check === null) return { kind: "no_valid_code" };
  if (!check.isRight || check.userId === null) {
    if (check.checksLeft === 0) stopLater(deps, check, nowMs);
    return { kind: "wrong_code", checksLeft: check.checksLeft };
  }
  const stale = await prove(deps, { actor, phone, check, userId: check.userId, request, nowMs });
  if (stale === null) return { kind: "no_valid_code" };
  deps.replanner.tell(stale, "contact_verified", new Date(nowMs));
  stopLater(deps, check, nowMs);
  return { kind: "verified", userId: check.userId, verifiedAt: nowMs };
}

/** What is wrong with each field that is given. */
export function judgeOtpCheck(
  asked: PartOf<{ readonly phone: string; readonly code: string }>,
): readonly Problem[] {
  const isCode = asked.code === undefined || readOtpCode(asked.code) !== null;
  return [
    ...judgePhone(asked),
    ...(isCode
      ? []
      : [{ path: "code", code: "invalid", message: `Must be ${OTP_DIGITS} digits.` }]),
  ];
}

/** The runs that it outdates; null: another request was first, or the number is not this person's to prove any more. */
async function prove(
  deps: VerifyOtpDeps,
  {
    actor,
    phone,
    check,
    userId,
    request,
    nowMs,
  }: {
    readonly actor: Actor;
    readonly phone: string;
    readonly check: TakenCheck;
    readonly userId: string;
    readonly request: Uint8Array | null;
    readonly nowMs: number;
  },
): Promise<readonly StaleRun[] | null> {
  return withTransaction(deps.pool, async (client) => {
    if (!(await useChallenge(client, { id: check.id, request, nowMs }))) return null;
    const verified = await verifyContact(client, {
      userId,
      kind: "phone",
      value: phone,
      by: "otp",
      nowMs,
      // Who gives a number wants to be told on it.
      makesPrimary: check.isClaim,
      isHeldAlready: !check.isClaim,
    });
    if (verified.kind !== "verified") return null;
    const detail = {
      by: "otp",
      challengeId: check.id,
      isNew: verified.isNew,
      channels: await channelsOfCode(client, check.notificationId),
    };
    await recordAudit(
      client,
      { by: actor, action: "contact.verified", subject: userId, detail },
      nowMs,
    );
    return verified.stale;
  });
}

function stopLater(deps: VerifyOtpDeps, { notificationId }: TakenCheck, nowMs: number): void {
  if (notificationId === null) return;
  setImmediate(() => stopTelling(deps, [notificationId], nowMs));
}
