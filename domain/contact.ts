import { normaliseEmail } from "./email-address.ts";
import { normalisePhone } from "./phone-number.ts";

/** What people give; aliases (`lid`, `bsuid`) are learned from what they write. */
export const CONTACT_KINDS = ["phone", "email"] as const;
export type ContactKind = (typeof CONTACT_KINDS)[number];

export const VERIFICATIONS = ["otp", "inbound", "admin", "import", "api"] as const;
export type Verification = (typeof VERIFICATIONS)[number];

/** Shown by the person, from the contact itself; the others are somebody's word for it. */
export function isProof(verification: Verification): boolean {
  switch (verification) {
    case "otp":
    case "inbound":
      return true;
    case "admin":
    case "import":
    case "api":
      return false;
  }
}

/** More than a person has; a list that is longer is a mistake. */
export const CONTACTS_PER_USER_MAX = 20;

export interface GivenContact {
  readonly kind: ContactKind;
  readonly value: string;
  /** Of several of one kind, the one that is used; the first if none says so. */
  readonly isPrimary?: boolean | undefined;
}

/** As stored: E.164, or an address in lower case; exactly one of each kind is primary. */
export interface ReadContact {
  readonly kind: ContactKind;
  readonly value: string;
  readonly isPrimary: boolean;
}

export interface ContactProblem {
  /** Within the list: `0.value`. */
  readonly path: string;
  readonly code: "invalid_phone" | "invalid_email" | "duplicate";
  readonly message: string;
}

export type ReadContacts = {
  /** As many as were given, in their order; null where a value is none. */
  readonly contacts: readonly (ReadContact | null)[];
  readonly problems: readonly ContactProblem[];
};

/** Reads a person's whole list of contacts; every bad one is named at once. Privacy: problems never repeat a value. */
export function readContacts(given: readonly GivenContact[]): ReadContacts {
  const problems: ContactProblem[] = [];
  const seen = new Set<string>();
  const values = given.map(({ kind, value }, index) => {
    const read = readValue(kind, value);
    if (!read.ok) {
      problems.push({ path: `${index}.value`, ...read.problem });
      return null;
    }
    const name = `${kind} ${read.value}`;
    if (seen.has(name)) {
      problems.push({
        path: `${index}.value`,
        code: "duplicate",
        message: "This contact is in the list already.",
      });
    }
    seen.add(name);
    return read.value;
  });
  for (const kind of CONTACT_KINDS) {
    for (const second of indexesOf(given, (one) => one.kind === kind && one.isPrimary).slice(1)) {
      problems.push({
        path: `${second}.isPrimary`,
        code: "duplicate",
        message: `Only one ${kind} can be the primary one.`,
      });
    }
  }
  return {
    problems,
    contacts: given.map(({ kind }, index) => {
      const value = values[index] ?? null;
      return value === null ? null : { kind, value, isPrimary: index === primaryOf(given, kind) };
    }),
  };
}

type ReadValue =
  | { readonly ok: true; readonly value: string }
  | { readonly ok: false; readonly problem: Omit<ContactProblem, "path"> };

function readValue(kind: ContactKind, value: string): ReadValue {
  switch (kind) {
    case "phone": {
      const read = normalisePhone(value);
      return read.ok
        ? { ok: true, value: read.phone }
        : {
            ok: false,
            problem: {
              code: "invalid_phone",
              message: `Must be a phone number: ${read.reason}.`,
            },
          };
    }
    case "email": {
      const email = normaliseEmail(value);
      return email === null
        ? {
            ok: false,
            problem: { code: "invalid_email", message: "Must be an e-mail address." },
          }
        : { ok: true, value: email };
    }
  }
}

function primaryOf(given: readonly GivenContact[], kind: ContactKind): number {
  const named = given.findIndex((one) => one.kind === kind && one.isPrimary);
  return named === -1 ? given.findIndex((one) => one.kind === kind) : named;
}

function indexesOf<Item>(
  items: readonly Item[],
  isWanted: (item: Item) => boolean | undefined,
): readonly number[] {
  return items.flatMap((item, index) => (isWanted(item) ? [index] : []));
}
