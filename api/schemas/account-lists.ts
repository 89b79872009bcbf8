import { z } from "@hono/zod-openapi";
import { CHANNELS } from "../../domain/channel.ts";
import { LOCALES } from "../../domain/locale.ts";
import { TEMPLATE_FAULTS, TEMPLATE_STATES } from "../../domain/provider-template.ts";
import { instantOut, wholeNumber } from "./common.ts";

/** Somebody waits for the vendor; longer than this, what it said before is the better answer. */
const WAIT_SECONDS_MAX = 15;

export const AccountGroupsQuery = z.strictObject({
  waitSeconds: wholeNumber(0, WAIT_SECONDS_MAX, WAIT_SECONDS_MAX),
});

const READING = {
  listedAt: instantOut.nullable().openapi({
    description: "When the vendor gave this list; null: it has given none yet.",
  }),
  ageSeconds: z.int().nullable(),
  failure: z
    .string()
    .nullable()
    .openapi({ description: "Why the latest question to the vendor has no answer." }),
};

export const AccountGroupsSchema = z
  .object({
    ...READING,
    isFresh: z.boolean().openapi({ description: "The vendor gave it for this very request." }),
    isComplete: z.boolean().openapi({
      description:
        "False: the vendor's own list may be older, so it proves, and disproves nothing.",
    }),
    items: z.array(
      z.object({
        groupChatId: z.string(),
        name: z.string().openapi({ description: "As the vendor has it." }),
        groupId: z.string().nullable().openapi({ description: "Null: it is no group of ours." }),
        groupName: z.string().nullable(),
        isProven: z.boolean().openapi({ description: "This account carries it." }),
      }),
    ),
  })
  .openapi("ProviderAccountGroups");

export const AccountTemplatesSchema = z
  .object({
    ...READING,
    items: z.array(
      z.object({
        name: z.string(),
        languageCode: z.string(),
        state: z.enum(TEMPLATE_STATES),
        stateSince: instantOut,
        category: z.string().nullable(),
        body: z.string().nullable(),
        parameters: z
          .array(z.string())
          .nullable()
          .openapi({ description: "Placeholders of the body; null: the vendor has not shown it." }),
        quickReplies: z.int().nullable(),
        syncedAt: instantOut,
        usedBy: z
          .array(
            z.object({
              templateId: z.string(),
              type: z.string(),
              channel: z.enum(CHANNELS),
              locale: z.enum(LOCALES),
              parameters: z.array(z.string()),
              fault: z
                .enum(TEMPLATE_FAULTS)
                .nullable()
                .openapi({ description: "Why this text can't go out by it; null: it can." }),
            }),
          )
          .openapi({ description: "Texts of ours that go out by it outside the 24-hour window." }),
      }),
    ),
  })
  .openapi("ProviderAccountTemplates");
