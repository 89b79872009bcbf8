import { ATTACHMENT_KINDS } from "../domain/attachment.ts";
import type { Channel } from "../domain/channel.ts";
import type { AttachmentCarriage } from "../domain/plan-snapshot.ts";
import { createFcmProviders } from "./fcm/index.ts";
import { createEvolutionProviders } from "./evolution/index.ts";
import { createFonnteProviders } from "./fonnte/index.ts";
import { createGowaProviders } from "./gowa/index.ts";
import type { HttpCall } from "./http.ts";
import { createNusasmsProviders } from "./nusasms/index.ts";
import { PROVIDER_IDS } from "./provider.ts";
import type { AccountContext, Capabilities, Provider, ProviderId } from "./provider.ts";
import { createSmtpProviders } from "./smtp/index.ts";
import { createTwilioProviders } from "./twilio/index.ts";
import { createWebPushProviders } from "./web-push/index.ts";
import { createWablasProviders } from "./wablas/index.ts";
import { createWoowaProviders } from "./woowa/index.ts";
import { createWahaProviders } from "./waha/index.ts";
import { createMetaProviders } from "./whatsapp-cloud/index.ts";
import { createZenzivaProviders } from "./zenziva/index.ts";

/** No provider of that name exists in this release: an account row from another release, or a mistyped address. */
export class UnknownProviderError extends Error {
  override readonly name = "UnknownProviderError";
}

/** The provider exists, but not for that channel. */
export class UnsupportedChannelError extends Error {
  override readonly name = "UnsupportedChannelError";
}

export type ProviderRegistry = {
  readonly all: readonly Provider[];
  /** Throws UnknownProviderError or UnsupportedChannelError. */
  readonly get: (id: string, channel: Channel) => Provider;
};

export function isProviderId(text: string): text is ProviderId {
  return PROVIDER_IDS.some((id) => id === text);
}

/** Every provider of this release. */
export function createProviders(httpCall: HttpCall): ProviderRegistry {
  return createRegistry([
    ...createFonnteProviders(httpCall),
    ...createMetaProviders(httpCall),
    ...createTwilioProviders(httpCall),
    ...createWablasProviders(httpCall),
    ...createWoowaProviders(httpCall),
    ...createZenzivaProviders(httpCall),
    ...createNusasmsProviders(httpCall),
    ...createEvolutionProviders(httpCall),
    ...createWahaProviders(httpCall),
    ...createGowaProviders(httpCall),
    ...createSmtpProviders(),
    ...createWebPushProviders(httpCall),
    ...createFcmProviders(httpCall),
  ]);
}

/** Two providers for one id and channel are a mistake in the list above: nobody could say which one sends. */
export function createRegistry(providers: readonly Provider[]): ProviderRegistry {
  const byKey = new Map<string, Provider>();
  for (const provider of providers) {
    const key = `${provider.id} ${provider.channel}`;
    if (byKey.has(key)) throw new Error(`two providers for ${key}`);
    byKey.set(key, provider);
  }
  return {
    all: [...byKey.values()],
    get: (id, channel) => {
      const provider = byKey.get(`${id} ${channel}`);
      if (provider !== undefined) return provider;
      throw providers.some((other) => other.id === id)
        ? new UnsupportedChannelError(`provider ${id} has no channel ${channel}`)
        : new UnknownProviderError(`there is no provider ${JSON.stringify(id.slice(0, 40))}`);
    },
  };
}

/** What this account can tell and do: the provider's capabilities, narrowed by what its sender is. */
export function capabilitiesOf(
  provider: Provider,
  account: Pick<AccountContext, "sender" | "settings">,
): Capabilities {
  return provider.capabilitiesOf?.(account) ?? provider.capabilities;
}

/** What an account's provider reports of its messages and can attach to them, for the planner. Null: no such provider. */
export function evidenceOf(
  providers: ProviderRegistry,
  account: Pick<AccountContext, "sender" | "settings"> & {
    readonly provider: string;
    readonly channel: string;
  },
): {
  readonly givesSent: boolean;
  readonly givesDelivered: boolean;
  readonly carries: AttachmentCarriage;
  readonly needsTemplates: boolean;
} | null {
  const known = providers.all.find(
    ({ id, channel }) => id === account.provider && channel === account.channel,
  );
  if (known === undefined) return null;
  const { receipts, templates } = capabilitiesOf(known, account);
  return {
    givesSent: receipts.sent,
    givesDelivered: receipts.delivered,
    carries: carriageOf(known, account),
    needsTemplates: templates,
  };
}

/** What this account's messages can show beside or instead of a text. */
export function carriageOf(
  provider: Provider,
  account: Pick<AccountContext, "sender" | "settings">,
): AttachmentCarriage {
  const { media, location } = capabilitiesOf(provider, account);
  return Object.fromEntries(
    ATTACHMENT_KINDS.flatMap((kind) => {
      const limit = provider.attachmentLimits[kind];
      if (limit === null || !(kind === "location" ? location : media)) return [];
      return [[kind, limit.textCharsMax > 0 ? "with_text" : "alone"] as const];
    }),
  );
}

/** Providers on channels of which this holds. */
export function carriersOf(
  { all }: ProviderRegistry,
  isMeant: (provider: Provider) => boolean,
): readonly { readonly provider: string; readonly channel: Channel }[] {
  return all.filter(isMeant).map(({ id, channel }) => ({ provider: id, channel }));
}
