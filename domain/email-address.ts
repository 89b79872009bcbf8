declare const emailAddressBrand: unique symbol;
/** One mailbox, in lower case. */
export type EmailAddress = string & { readonly [emailAddressBrand]: true };

/** RFC 5321, section 4.5.3.1: a path has at most 256 octets, its angle brackets included. */
const EMAIL_CHARS_MAX = 254;

/**
 * One address without a display name, a quoted local part or a bare IP address: those that people have. Whether it
 * exists is only known when something arrives there.
 */
const EMAIL =
  /^[a-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*@(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])$/;

/** The stored form, or null for text that is no address. Mail systems don't tell apart upper and lower case in practice. */
export function normaliseEmail(input: string): EmailAddress | null {
  const text = input.trim().toLowerCase();
  return text.length <= EMAIL_CHARS_MAX && EMAIL.test(text) ? asEmailAddress(text) : null;
}

/** Only for text that the pattern above has accepted. */
function asEmailAddress(text: string): EmailAddress {
  return text as EmailAddress;
}
