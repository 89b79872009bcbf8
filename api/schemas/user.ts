import { z } from "@hono/zod-openapi";
import { CONTACT_KINDS, CONTACTS_PER_USER_MAX, VERIFICATIONS } from "../../domain/contact.ts";
import { LOCALES } from "../../domain/locale.ts";
import { ROLES } from "../../domain/role.ts";
import { VALUE_CHARS_MAX } from "../../domain/request.ts";
import { instantOut, pageQuery, reference, text } from "./common.ts";
import { flagQuery } from "./references.ts";

const NAME_CHARS_MAX = 200;
const CONTACT_CHARS_MAX = 254;
const ZONES_MAX = 100;
const TIME_ZONE_CHARS_MAX = 64;

export const timeZone = text(TIME_ZONE_CHARS_MAX, 1).openapi({
  description: "IANA name.",
  example: "Asia/Jakarta",
});
export const name = text(NAME_CHARS_MAX, 1);
export const externalId = text(VALUE_CHARS_MAX, 1).openapi({
  description: "The caller's own id.",
  example: "T-17",
});

export const ContactSchema = z
  .object({
    kind: z.enum(CONTACT_KINDS),
    value: z.string().openapi({ example: "+6281234000001" }),
    verifiedAt: instantOut.nullable(),
    verifiedBy: z.enum(VERIFICATIONS).nullable(),
    isPrimary: z.boolean(),
    consentedAt: instantOut.nullable().openapi({
      description:
        "When the person agreed, by a message from this number, to be written to; null: not recorded.",
    }),
  })
  .openapi("Contact");

const ContactInputSchema = z
  .strictObject({
    kind: z.enum(CONTACT_KINDS),
    value: text(CONTACT_CHARS_MAX, 1).openapi({
      description: "A phone number in any usual spelling, or an e-mail address.",
      example: "0812-3400-0001",
    }),
    isPrimary: z.boolean().optional().openapi({
      description: "Of several of one kind, the one that is used; the first if none says so.",
    }),
    verifiedAt: z.unknown().optional().openapi({ readOnly: true, description: "Not read." }),
    verifiedBy: z.unknown().optional().openapi({ readOnly: true, description: "Not read." }),
    consentedAt: z.unknown().optional().openapi({ readOnly: true, description: "Not read." }),
  })
  .openapi("ContactInput");

export const UserSchema = z
  .object({
    id: z.string(),
    externalId: z.string().nullable(),
    name: z.string().nullable(),
    role: z.enum(ROLES),
    zones: z.array(z.string()),
    locale: z.enum(LOCALES),
    timeZone: z.string().nullable(),
    isActive: z.boolean(),
    contacts: z.array(ContactSchema),
    createdAt: instantOut,
    updatedAt: instantOut,
  })
  .openapi("User");

const contacts = z.array(ContactInputSchema).max(CONTACTS_PER_USER_MAX).openapi({
  description:
    "The whole list. One number is one active person. Given by an administrator or a system's key, it counts as verified.",
});
const zones = z.array(reference).max(ZONES_MAX).openapi({ description: "Codes of work zones." });

export const UserInputSchema = z
  .strictObject({
    externalId: externalId.nullish(),
    name: name.nullish(),
    role: z.enum(ROLES),
    zones: zones.optional(),
    locale: z.enum(LOCALES).optional().openapi({ default: "id" }),
    timeZone: timeZone.nullish().openapi({ description: "Else the work zone's." }),
    contacts: contacts.optional(),
  })
  .openapi("UserInput");

export const UserChangeSchema = UserInputSchema.partial()
  .extend({ locale: z.enum(LOCALES).optional(), isActive: z.boolean().optional() })
  .openapi("UserChange", {
    description: "Fields that are absent keep their value; a list replaces the list.",
  });

export const OwnChangeSchema = z
  .strictObject({
    locale: z.enum(LOCALES).optional(),
    timeZone: timeZone.nullish(),
  })
  .openapi("OwnChange");

export const UserListQuery = z.strictObject({
  role: z.enum(ROLES).optional(),
  zone: reference.optional().openapi({ description: "Those who work in this zone." }),
  isActive: flagQuery("Switched on or off; both if not given."),
  q: text(VALUE_CHARS_MAX, 1).optional().openapi({
    description: "Beginnings of words of the name; or an external id, number or address.",
  }),
  ...pageQuery,
});
