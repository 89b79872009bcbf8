import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

import { CHANNELS } from "../../domain/channel.ts";
import { FAILURE_KINDS, VERDICTS } from "../../domain/result-kind.ts";
import { ProviderError } from "../../providers/errors.ts";
import { PROVIDER_IDS } from "../../providers/provider.ts";
import {
  capabilitiesOf,
  createProviders,
  createRegistry,
  isProviderId,
  UnknownProviderError,
  UnsupportedChannelError,
} from "../../providers/registry.ts";

const providers = createProviders(() => Promise.reject(new Error("no calls here")));

describe.each(providers.all.map((provider) => [`${provider.id} ${provider.channel}`, provider]))(
  "what %s attaches",
  (_name, provider) => {
    const { attachmentLimits, attachmentsAs, capabilities, limits } = provider;
    const { image, document, location } = attachmentLimits;

    it("agrees with its capabilities", () => {
      expect(image !== null || document !== null).toBe(capabilities.media);
      expect(location !== null).toBe(capabilities.location);
      expect(attachmentsAs !== null).toBe(capabilities.media);
    });

    it("stands beside texts that it can send, and files have a size", () => {
      for (const limit of [image, document, location]) {
        expect(limit?.textCharsMax ?? 0).toBeLessThanOrEqual(limits.textCharsMax);
        expect(limit?.bytesMax ?? 1).toBeGreaterThan(0);
      }
      expect(location?.bytesMax ?? null).toBeNull();
    });
  },
);

describe("the registry", () => {
  it("has every provider once for each of its channels", () => {
    expect(providers.all.map(({ id, channel }) => `${id} ${channel}`)).toEqual([
      "fonnte whatsapp_personal",
      "fonnte whatsapp_group",
      "meta whatsapp_personal",
      "twilio-sms sms",
      "twilio-voice call",
      "wablas whatsapp_personal",
      "wablas whatsapp_group",
      "woowa whatsapp_personal",
      "woowa whatsapp_group",
      "zenziva sms",
      "nusasms sms",
      "evolution whatsapp_personal",
      "evolution whatsapp_group",
      "waha whatsapp_personal",
      "waha whatsapp_group",
      "gowa whatsapp_personal",
      "gowa whatsapp_group",
      "smtp email",
      "web-push push",
      "fcm push",
    ]);
    expect(new Set(providers.all.map(({ id }) => id))).toEqual(new Set(PROVIDER_IDS));
  });

  it("finds a provider by id and channel", () => {
    expect(providers.get("fonnte", "whatsapp_group").channel).toBe("whatsapp_group");
  });

  it.each(
    PROVIDER_IDS.flatMap((id) =>
      CHANNELS.filter(
        (channel) => !providers.all.some((each) => each.id === id && each.channel === channel),
      ).map((channel) => [id, channel] as const),
    ),
  )("says that %s has no channel %s", (id, channel) => {
    expect(() => providers.get(id, channel)).toThrow(UnsupportedChannelError);
  });

  it.each([["telegram"], [""], ["Fonnte"]])("says that there is no provider %j", (id) => {
    expect(() => providers.get(id, "sms")).toThrow(UnknownProviderError);
    expect(isProviderId(id)).toBe(false);
  });

  it("refuses two providers for one id and channel at start", () => {
    const [first] = providers.all;
    if (first === undefined) throw new Error("no providers");
    expect(() => createRegistry([first, first])).toThrow("two providers for");
  });

  it("runs the conformance suite on every provider", () => {
    const folder = new URL("./", import.meta.url);
    const sources = readdirSync(folder)
      .filter((file) => file.endsWith(".test.ts"))
      .map((file) => readFileSync(new URL(file, folder), "utf8"));
    for (const { id } of providers.all) {
      const suites = sources.filter(
        (source) => source.includes("runConformance({") && source.includes(id),
      );
      expect(suites.length, id).toBeGreaterThan(0);
    }
  });
});

describe("what each provider says of itself", () => {
  it.each(providers.all.map((provider) => [`${provider.id} ${provider.channel}`, provider]))(
    "%s has limits, pace and an address",
    (_name, provider) => {
      expect(provider.limits.textCharsMax).toBeGreaterThan(100);
      expect(provider.defaults.pacing.perSecond).toBeGreaterThan(0);
      // A gateway that is hosted by whoever uses it has no address of its own.
      expect(provider.defaults.baseUrl ?? "https://").toMatch(/^https:\/\//);
      // A send must end before the activity that makes it is given up (20 s).
      expect(provider.defaults.sendTimeoutMs).toBeLessThan(20_000);
      expect(provider.settings.safeParse({}).success).toBe(true);
      expect(provider.credentials.safeParse({}).success).toBe(false);
    },
  );

  it("promises receipts and replies only with a webhook that tells them", () => {
    for (const { id, webhook, capabilities } of providers.all) {
      const { receipts, replies, keyPresses } = capabilities;
      const promised = [...Object.values(receipts), replies, keyPresses];
      expect(webhook !== null || !promised.includes(true), id).toBe(true);
    }
  });

  it("promises read only with delivered, and delivered only with sent", () => {
    for (const { capabilities } of providers.all) {
      const { sent, delivered, read } = capabilities.receipts;
      expect(!read || delivered).toBe(true);
      expect(!delivered || sent).toBe(true);
    }
  });

  it("narrows capabilities by the sender where it matters", () => {
    const sms = providers.get("twilio-sms", "sms");
    expect(capabilitiesOf(sms, { sender: "SIAGA", settings: {} }).replies).toBe(false);
    const meta = providers.get("meta", "whatsapp_personal");
    expect(capabilitiesOf(meta, { sender: "1", settings: {} })).toBe(meta.capabilities);
  });
});

describe("a provider error", () => {
  it.each(FAILURE_KINDS)("of kind %s knows whether anything can have left", (kind) => {
    const error = new ProviderError({
      provider: "fonnte",
      attempted: "send a WhatsApp message",
      kind,
      scope: "account",
      reason: "unlisted",
    });
    expect(error.surelyNotSent).toBe(VERDICTS[kind].isSurelyNotSent);
  });

  it("says what was attempted, what came back and under which request", () => {
    const cause = new Error("inner");
    const error = new ProviderError({
      provider: "meta",
      attempted: "send a WhatsApp message",
      kind: "rate_limited",
      scope: "recipient",
      reason: "pair_limit",
      httpStatus: 400,
      vendorCode: "131056",
      requestId: "AbC",
      retryAfterMs: 6_000,
      cause,
    });
    expect(error.message).toBe(
      "meta could not send a WhatsApp message: rate_limited (recipient, pair_limit), http 400, code 131056, request AbC",
    );
    expect(error.cause).toBe(cause);
  });
});
