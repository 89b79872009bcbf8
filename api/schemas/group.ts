import { z } from "@hono/zod-openapi";
import { LOCALES } from "../../domain/locale.ts";
import { PRIORITIES } from "../../domain/priority.ts";
import { VALUE_CHARS_MAX } from "../../domain/request.ts";
import { GROUP_CATEGORIES } from "../../domain/group.ts";
import { idOf, instantOut, pageQuery, reference, text } from "./common.ts";
import { flagQuery, refOf } from "./references.ts";
import { QuietHoursSchema } from "./settings.ts";
import { externalId, name, timeZone } from "./user.ts";

const DESCRIPTION_CHARS_MAX = 2_000;
const LIST_MAX = 200;
const PHONE_CHARS_MAX = 40;
const CHAT_ID_CHARS_MAX = 64;
const MEMBER_ROLE_CHARS_MAX = 40;

const phone = text(PHONE_CHARS_MAX, 1).openapi({ example: "+6281234000001" });

/** A named schema that is merely nullable would be described as an object that is null too. */
const quietHoursOrNull = z.union([QuietHoursSchema, z.null()]);

export const GroupSchema = z
  .object({
    id: z.string(),
    externalId: z.string().nullable(),
    name: z.string(),
    description: z.string().nullable(),
    groupChatId: z.string().nullable(),
    phoneNumber: z.string().nullable(),
    category: z.enum(GROUP_CATEGORIES),
    zone: z.string().nullable().openapi({ description: "Null: all zones." }),
    serviceTypes: z.array(z.string()),
    types: z.array(z.string()).openapi({ description: "Types that it is told beside the rules'." }),
    minPriority: z.enum(PRIORITIES).nullable(),
    locale: z.enum(LOCALES),
    timeZone: z.string().nullable(),
    quietHours: quietHoursOrNull,
    isActive: z.boolean(),
    createdAt: instantOut,
    updatedAt: instantOut,
  })
  .openapi("Group");

export const GroupInputSchema = z
  .strictObject({
    externalId: externalId.nullish(),
    name,
    description: text(DESCRIPTION_CHARS_MAX).nullish(),
    groupChatId: text(CHAT_ID_CHARS_MAX, 1)
      .nullish()
      .openapi({ description: "WhatsApp's id, with its suffix @g.us." }),
    phoneNumber: phone.nullish(),
    category: z.enum(GROUP_CATEGORIES),
    zone: reference.nullish().openapi({ description: "Code of a work zone; null: all." }),
    serviceTypes: z.array(reference).max(LIST_MAX).optional(),
    types: z.array(reference).max(LIST_MAX).optional(),
    minPriority: z.enum(PRIORITIES).nullish(),
    locale: z.enum(LOCALES).optional().openapi({ default: "id" }),
    timeZone: timeZone.nullish(),
    quietHours: quietHoursOrNull.optional(),
  })
  .openapi("GroupInput");

export const GroupChangeSchema = GroupInputSchema.partial()
  .extend({ locale: z.enum(LOCALES).optional(), isActive: z.boolean().optional() })
  .openapi("GroupChange", {
    description: "Fields that are absent keep their value; a list replaces the list.",
  });

export const GroupListQuery = z.strictObject({
  category: z.enum(GROUP_CATEGORIES).optional(),
  zone: reference.optional(),
  isActive: flagQuery("Switched on or off; both if not given."),
  q: text(VALUE_CHARS_MAX, 1)
    .optional()
    .openapi({ description: "A part of the name, or an external id." }),
  ...pageQuery,
});

export const MemberSchema = z
  .object({
    id: z.string(),
    userId: z.string().nullable(),
    phone: z.string().nullable(),
    name: z.string().nullable(),
    role: z.string().nullable(),
    isActive: z.boolean(),
    joinedAt: instantOut,
  })
  .openapi("Member");

const memberText = {
  name: name.nullish(),
  role: text(MEMBER_ROLE_CHARS_MAX, 1).nullish(),
};

export const MemberInputSchema = z
  .strictObject({
    userId: refOf("usr").optional(),
    phone: phone.optional(),
    ...memberText,
  })
  .refine(({ userId, phone: given }) => (userId === undefined) !== (given === undefined), {
    message: "Either a userId or a phone.",
    path: ["userId"],
  })
  .openapi("MemberInput", { description: "A user, or a number; a user's number is the user." });

export const MemberChangeSchema = z
  .strictObject({ ...memberText, isActive: z.boolean().optional() })
  .openapi("MemberChange");

export const MemberListQuery = z.strictObject({
  isActive: flagQuery("Active members or former ones; both if not given."),
  ...pageQuery,
});

export const MemberParams = z.object({
  id: refOf("grp").openapi({ param: { name: "id", in: "path" } }),
  memberId: idOf("mem").openapi({ param: { name: "memberId", in: "path" } }),
});
