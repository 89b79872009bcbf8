import { encodeQR } from "qr";
import type pg from "pg";
import { recordAudit } from "../../db/audit.ts";
import { insertPhoneVerification } from "../../db/phone-verifications.ts";
import { listListeningAccounts } from "../../db/provider-accounts.ts";
import type { ListeningAccount } from "../../db/provider-accounts.ts";
import { withTransaction } from "../../db/transaction.ts";
import { lockUser } from "../../db/users.ts";
import type { UserRow } from "../../db/users.ts";
import type { Actor } from "../../domain/actor.ts";
import { managesRole } from "../../domain/managed-roles.ts";
import { may } from "../../domain/permissions.ts";
import { normalisePhone } from "../../domain/phone-number.ts";
import {
  CODE_RANDOM_BYTES,
  HANDED_LINK_LASTS_MS,
  makeVerificationCode,
  OWN_LINK_LASTS_MS,
} from "../../domain/verification-code.ts";
import { capabilitiesOf } from "../../providers/registry.ts";
import type { ProviderRegistry } from "../../providers/registry.ts";
import { verificationText } from "../../rendering/verification-text.ts";
import { vouchedBy } from "./check-user.ts";
import { Conflict, Forbidden } from "./errors.ts";
import { isSelf, userResource, visible } from "./see-users.ts";

/**
 * A link by which a person proves a number: it opens a chat with one of our numbers in which the words are written already, and whoever sends them has the
 * number. See verify-by-message.ts for what the message does, and docs/adr/0051 for what may go wrong with it.
 */

export type AskVerificationDeps = {
  readonly pool: pg.Pool;
  readonly now: () => number;
  readonly randomBytes: (count: number) => Uint8Array;
  readonly providers: ProviderRegistry;
};

export type AskedVerification = {
  /** In this answer and nowhere else. */
  readonly code: string;
  readonly expiresAt: Date;
  /** What the person sends. */
  readonly text: string;
  /** One for each of our numbers that can receive it, the first to be tried first. */
  readonly links: readonly VerificationLink[];
};

export type VerificationLink = {
  readonly accountId: string;
  /** E.164: the number that is written to. */
  readonly phone: string;
  readonly url: string;
  readonly qrSvg: string;
};

/** @throws NotFound, Forbidden, Conflict */
export async function askPhoneVerification(
  deps: AskVerificationDeps,
  { actor, reference }: { readonly actor: Actor; readonly reference: string },
): Promise<AskedVerification> {
  const nowMs = deps.now();
  const code = makeVerificationCode(deps.randomBytes(CODE_RANDOM_BYTES));
  return withTransaction(deps.pool, async (client) => {
    const user = visible(actor, await lockUser(client, reference));
    judgeAsker(actor, user);
    if (!user.is_active) throw new Conflict("user_inactive", "This user is switched off.");
    const numbers = numbersOf(deps.providers, await listListeningAccounts(client));
    if (numbers.length === 0) {
      throw new Conflict("no_number", "No connected WhatsApp number can receive messages now.");
    }
    const lastsMs = isSelf(actor, user.id) ? OWN_LINK_LASTS_MS : HANDED_LINK_LASTS_MS;
    await insertPhoneVerification(client, { code, userId: user.id, nowMs, lastsMs });
    await recordAudit(
      client,
      { by: actor, action: "phone.verification_asked", subject: user.id },
      nowMs,
    );
    const text = verificationText({ name: user.name, code, locale: user.locale });
    return {
      code,
      expiresAt: new Date(nowMs + lastsMs),
      text,
      links: numbers.map((number) => toLink(number, text)),
    };
  });
}

/** For oneself; for others, whoever may vouch for their numbers anyway: a link in other hands could do no more than that. @throws Forbidden */
function judgeAsker(actor: Actor, user: UserRow): void {
  const resource = userResource(actor, user);
  if (isSelf(actor, user.id) && may(actor, "write_own_settings", resource)) return;
  const mayVouch = vouchedBy(actor) !== null && may(actor, "write_users", resource);
  if (!mayVouch || !managesRole(actor, user.role)) {
    throw new Forbidden("This key or role may not ask for a link for this user.");
  }
}

type OurNumber = { readonly accountId: string; readonly phone: string };

/** Each number once, where what is written to it reaches us. */
function numbersOf(
  providers: ProviderRegistry,
  accounts: readonly ListeningAccount[],
): readonly OurNumber[] {
  const byPhone = new Map<string, OurNumber>();
  for (const account of accounts) {
    const provider = providers.all.find(
      ({ id, channel }) => id === account.provider && channel === account.channel,
    );
    if (provider === undefined || provider.webhook === null) continue;
    const phone = account.phone_number ?? numberIn(account.sender);
    const isHeard = capabilitiesOf(provider, account).replies;
    if (!isHeard || phone === null || byPhone.has(phone)) continue;
    byPhone.set(phone, { accountId: account.id, phone });
  }
  return [...byPhone.values()];
}

/** Senders that are numbers are kept in E.164; anything else is the vendor's own id of one. */
function numberIn(sender: string): string | null {
  const read = sender.startsWith("+") ? normalisePhone(sender) : null;
  return read?.ok === true ? read.phone : null;
}

/** https://faq.whatsapp.com/5913398998672934: the number in international format without signs, the text URL-encoded; checked November 2026. */
function toLink({ accountId, phone }: OurNumber, text: string): VerificationLink {
  const url = `https://wa.me/${phone.slice(1)}?text=${encodeURIComponent(text)}`;
  // Read from a screen, where nothing is torn or stained: the least redundancy gives the largest modules.
  return { accountId, phone, url, qrSvg: encodeQR(url, "svg", { ecc: "low" }) };
}
