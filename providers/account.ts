import type { z } from "zod";

import { assert } from "../domain/assert.ts";
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
  throw notConfigured(provider, attempted);
}

/** The same of an account at a gateway that every installation hosts itself: without its address it fails likewise. */
export function readGatewayAccount<C, S>(
  provider: string,
  attempted: string,
  account: AccountContext,
  schemas: { readonly credentials: z.ZodType<C>; readonly settings: z.ZodType<S> },
): { readonly credentials: C; readonly settings: S; readonly baseUrl: string } {
  const read = readAccount(provider, attempted, account, schemas);
  if (account.baseUrl === null) throw notConfigured(provider, attempted);
  return { ...read, baseUrl: withoutSlash(account.baseUrl) };
}

function notConfigured(provider: string, attempted: string): ProviderError {
  return new ProviderError({
    provider,
    attempted,
    kind: "unauthorized",
    scope: "account",
    reason: "not_configured",
  });
}

/** The vendor's address without a trailing slash, or the account's own. */
export function baseUrlOf(account: AccountContext, defaults: AccountDefaults): string {
  const url = account.baseUrl ?? defaults.baseUrl;
  assert(url !== null, "a vendor without an address of its own is read as a gateway");
  return withoutSlash(url);
}

function withoutSlash(url: string): string {
  return url.replace(/\/+$/, "");
}
