import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readContacts } from "../../domain/contact.ts";
import type { GivenContact } from "../../domain/contact.ts";
import { normaliseEmail } from "../../domain/email-address.ts";

const PHONE = "+6281234000001";
const OTHER = "+6281234000002";

const phone = (value: string, isPrimary?: boolean): GivenContact => ({
  kind: "phone",
  value,
  ...(isPrimary === undefined ? {} : { isPrimary }),
});
const email = (value: string): GivenContact => ({ kind: "email", value });

describe("readContacts", () => {
  it.each([
    {
      given: [phone("0812-3400-0001"), phone(OTHER)],
      primary: [true, false],
      reason: "the first of its kind if none says so",
    },
    {
      given: [phone(PHONE), phone(OTHER, true)],
      primary: [false, true],
      reason: "the one that says so",
    },
    {
      given: [phone(PHONE), email("a@b.example")],
      primary: [true, true],
      reason: "one of each kind",
    },
    { given: [], primary: [], reason: "nothing given" },
  ])("makes exactly one of each kind primary: $reason", ({ given, primary }) => {
    const { contacts, problems } = readContacts(given);
    expect(problems).toEqual([]);
    expect(contacts.map((contact) => contact?.isPrimary)).toEqual(primary);
  });

  it.each([
    { given: [phone(PHONE), phone("0812 3400 0001")], problem: "1.value duplicate" },
    { given: [email("A@b.example"), email("a@B.example")], problem: "1.value duplicate" },
    { given: [phone(PHONE, true), phone(OTHER, true)], problem: "1.isPrimary duplicate" },
    { given: [phone("120363041234567890@g.us")], problem: "0.value invalid_phone" },
    { given: [phone("")], problem: "0.value invalid_phone" },
    { given: [email("nobody")], problem: "0.value invalid_email" },
    { given: [email(PHONE)], problem: "0.value invalid_email" },
  ])("names what is wrong and keeps its place: $problem", ({ given, problem }) => {
    const { contacts, problems } = readContacts(given);
    expect(problems.map(({ path, code }) => `${path} ${code}`)).toEqual([problem]);
    expect(contacts).toHaveLength(given.length);
  });

  it("repeats no value in a problem", () => {
    const { problems } = readContacts([phone("9999999-secret"), email("secret")]);
    expect(JSON.stringify(problems)).not.toContain("secret");
  });

  it("reads what it has read into the same", () => {
    const first = readContacts([phone("62812-3400-0001"), email(" A.B@C.Example ")]);
    const stored = first.contacts.flatMap((contact) => contact ?? []);
    expect(readContacts(stored)).toEqual(first);
  });
});

describe("normaliseEmail", () => {
  it.each([
    { input: " T1@Siaga.Example ", email: "t1@siaga.example", reason: "space and case" },
    { input: "a.b+c@sub.siaga.example", email: "a.b+c@sub.siaga.example", reason: "as it is" },
    { input: "a@b", email: null, reason: "no domain" },
    { input: "a@b@c.example", email: null, reason: "two at signs" },
    { input: ".a@b.example", email: null, reason: "a dot at the start" },
    { input: "a..b@c.example", email: null, reason: "two dots" },
    { input: "a b@c.example", email: null, reason: "a space" },
    { input: "a@-b.example", email: null, reason: "a hyphen at the start of a label" },
    { input: '"a"@b.example', email: null, reason: "quoted" },
    { input: "Name <a@b.example>", email: null, reason: "a display name" },
    { input: "a@127.0.0.1", email: null, reason: "an address of a machine" },
    { input: "a\r\nbcc: x@b.example", email: null, reason: "a second header" },
    { input: "", email: null, reason: "nothing" },
    {
      input: `${"a".repeat(242)}@b.example`,
      email: `${"a".repeat(242)}@b.example`,
      reason: "252 characters",
    },
    { input: `${"a".repeat(244)}@b.example`, email: `${"a".repeat(244)}@b.example`, reason: "254" },
    { input: `${"a".repeat(245)}@b.example`, email: null, reason: "255" },
  ])("reads $reason", ({ input, email: expected }) => {
    expect(normaliseEmail(input)).toBe(expected);
  });

  it("is idempotent and never slow, whatever it is given", () => {
    fc.assert(
      fc.property(fc.oneof(fc.emailAddress(), fc.string()), (text) => {
        const once = normaliseEmail(text);
        expect(once === null ? null : normaliseEmail(once)).toBe(once);
      }),
    );
    expect(normaliseEmail(`${"a.".repeat(5_000)}@`)).toBeNull();
  });
});
