import { describe, expect, it, test } from "vitest";

import { PERSON_CHANNELS } from "../../domain/channel.ts";
import {
  makeOtpCode,
  OTP_DIGITS,
  OTP_MASK,
  OTP_SENDS_WITHIN_MS,
  readOtpCode,
  sendsAgainAt,
} from "../../domain/otp.ts";
import {
  defaultSettings,
  effectiveChannels,
  mergeSettings,
} from "../../domain/effective-settings.ts";

describe("a code", () => {
  test.each([
    [0, "000000", "the least"],
    [7, "000007", "zeros in front are digits, too"],
    [999_999, "999999", "the greatest"],
  ])("of the number %i is %s: %s", (number, code) => {
    expect(makeOtpCode(() => number)).toBe(code);
  });

  it("is drawn from all of them alike", () => {
    const asked: number[] = [];
    makeOtpCode((below) => asked.push(below));
    expect(asked).toEqual([1_000_000]);
  });

  test.each([
    ["123456", "123456", "as it is written"],
    [" 123 456 ", "123456", "in two groups"],
    ["123-456", "123456", "with a hyphen"],
    ["000000", "000000", "zeros"],
    ["12345", null, "one too few"],
    ["1234567", null, "one too many"],
    ["12345a", null, "a letter"],
    ["१२३४५६", null, "digits of another script are another keyboard's slip"],
    ["-1234.5", null, "a number is no code"],
    ["", null, "nothing"],
  ])("is read from %j as %s: %s", (text, code, _why) => {
    expect(readOtpCode(text)).toBe(code);
  });

  it("is masked by something that is no code and as long", () => {
    expect(OTP_MASK).toHaveLength(OTP_DIGITS);
    expect(readOtpCode(OTP_MASK)).toBeNull();
  });
});

describe("the next send", () => {
  const AT = 1_000_000;
  test.each([
    { sentAt: [], at: null, why: "nothing was sent" },
    { sentAt: [AT], at: null, why: "one below the limit" },
    {
      sentAt: [AT, AT + 5],
      at: AT + OTP_SENDS_WITHIN_MS,
      why: "at the limit: when the first is over",
    },
    {
      sentAt: [AT - 9, AT, AT + 5],
      at: AT + OTP_SENDS_WITHIN_MS,
      why: "a limit that was lowered: when enough of them are over",
    },
  ])("of two in an hour: $why", ({ sentAt, at }) => {
    expect(sendsAgainAt(sentAt, 2)).toBe(at);
  });
});

describe("the channels of a code", () => {
  const silent = mergeSettings(defaultSettings({ role: "technician", hasEmail: true }), {
    enabled: false,
    channels: { whatsapp: false, email: false, push: false },
    types: { otp: false },
  });
  const verdicts = (email: "verified" | "unverified" | "none"): Readonly<Record<string, string>> =>
    Object.fromEntries(
      effectiveChannels({
        settings: silent,
        type: "otp",
        priority: "low",
        channels: PERSON_CHANNELS,
        policyIgnoresChannelSwitches: false,
        emailOnlyIfOptedIn: true,
        isEmailOptedIn: false,
        contacts: { phone: "none", email, hasPushSubscription: true },
        optedOutChannels: PERSON_CHANNELS,
      }).map((verdict) => [
        verdict.channel,
        verdict.verdict === "allowed" ? "allowed" : verdict.reason,
      ]),
    );

  test.each([
    { email: "verified", mail: "allowed", why: "somebody has stood for the address" },
    { email: "unverified", mail: "unverified", why: "nobody has" },
    { email: "none", mail: "no_contact", why: "there is none" },
  ] as const)(
    "are those of the phone that it is to prove, whatever the person has switched off; e-mail: $why",
    ({ email, mail }) => {
      expect(verdicts(email)).toEqual({
        whatsapp_personal: "allowed",
        sms: "allowed",
        call: "not_available",
        email: mail,
        push: "not_available",
        in_app: "not_available",
      });
    },
  );
});
