import { describe, expect, it } from "vitest";
import { CHANNELS } from "../../domain/channel.ts";
import type { Channel } from "../../domain/channel.ts";
import { hasTextFor } from "../../domain/template-choice.ts";
import { chooseTemplate } from "../../domain/template-choice.ts";

function texts(...names: string[]) {
  return names.map((name) => {
    const [channel = "", locale = ""] = name.split(" ");
    return { channel, locale };
  });
}

describe("the text for a channel and language", () => {
  it.each<{ has: string[]; channel: Channel; chosen: string | null; reason: string }>([
    {
      has: ["sms id", "whatsapp_personal id"],
      channel: "sms",
      chosen: "sms id",
      reason: "its own",
    },
    {
      has: ["whatsapp_personal id", "whatsapp_group id"],
      channel: "sms",
      chosen: "whatsapp_personal id",
      reason: "borrowed",
    },
    {
      has: ["whatsapp_group id"],
      channel: "whatsapp_personal",
      chosen: "whatsapp_group id",
      reason: "a zone without a group is told in person",
    },
    {
      has: ["sms id", "whatsapp_personal id"],
      channel: "call",
      chosen: "sms id",
      reason: "what is short is better spoken",
    },
    {
      has: ["in_app id", "whatsapp_personal id"],
      channel: "push",
      chosen: "in_app id",
      reason: "what is short fits a headline",
    },
    {
      has: ["sms en", "whatsapp_personal id"],
      channel: "sms",
      chosen: "whatsapp_personal id",
      reason: "the right language first",
    },
    {
      has: ["sms en"],
      channel: "sms",
      chosen: "sms en",
      reason: "another language is better than silence",
    },
    {
      has: ["sms id"],
      channel: "whatsapp_personal",
      chosen: null,
      reason: "an SMS text serves no chat",
    },
    { has: [], channel: "sms", chosen: null, reason: "there is none" },
  ])("on $channel out of $has is $chosen: $reason", ({ has, channel, chosen }) => {
    const found = chooseTemplate(texts(...has), channel, "id");
    expect(found && `${found.channel} ${found.locale}`).toBe(chosen);
  });

  it("exists on every channel for a type with any text for WhatsApp", () => {
    for (const channel of CHANNELS) {
      expect(hasTextFor(channel, ["whatsapp_group"])).toBe(true);
      expect(hasTextFor(channel, ["whatsapp_personal"])).toBe(true);
      expect(hasTextFor(channel, [])).toBe(false);
    }
  });
});
