import type { z } from "zod";

import { ProviderError } from "./errors.ts";
import type { AccountContext, AccountDefaults } from "./provider.ts";

/** An account that lacks what its provider needs fails as `unauthorized`: it is never a success and never retried. */
export function readAccount<C, S>(
  provider: string,
  attempted: string,
  account: AccountContext,
  schemas: { readonly credentials: z.ZodType<C>; readonly settings: z.ZodType<S> },
): { readonly credentials: C; readonly settings: S } {
  const credentials = schemas.credentials.safeParse(account.credentials);
  const settings = schemas.settings.safeParse(account.settings);
  if (credentials.success && settings.success) {
    return { credentials: credentials.data, settings: settings.data };
  }
  throw new ProviderError({
    provider,
    attempted,
    kind: "unauthorized",
    scope: "account",
    reason: "not_configured",
  });
}

/** The vendor's address without a trailing slash, or the account's own. */
export function baseUrlOf(account: AccountContext, defaults: AccountDefaults): string {
  return (account.baseUrl ?? defaults.baseUrl).replace(/\/+$/, "");
}
