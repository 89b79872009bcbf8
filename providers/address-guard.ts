/**
 * Which addresses a file may be fetched from. An address in a request is written by somebody else, and the machine that fetches it stands inside our network: it
 * must not become a way to what only that network may reach, such as the cloud's metadata service.
 *
 * - The URL: https on a usual port, no user information. How an IPv4 address is spelled (decimal, octal, hexadecimal) is settled by the URL parser before it
 *   is judged.
 * - The addresses: every one that the name resolves to must be public. The caller connects to the one that was judged and resolves nothing again, so a name that
 *   answers differently the second time changes nothing.
 * - Redirects are the caller's: each is a new URL, judged like the first.
 *
 * What is public is told by ipaddr.js, which follows the registries of special addresses; a list of our own would age.
 */
import { lookup } from "node:dns/promises";
import { isIP, isIPv4 } from "node:net";

import ipaddr from "ipaddr.js";

export type GuardOptions = {
  /** With simulated vendors files may be on this machine, over plain http on any port; nowhere else in the network. */
  readonly allowsThisMachine: boolean;
  /** A name's addresses; the system's resolver if not given. */
  readonly resolve?: (hostname: string) => Promise<readonly string[]>;
};

/** An address that was judged and may be connected to. */
export type JudgedAddress = { readonly address: string; readonly family: 4 | 6 };

export type AddressGuard = {
  /** What is wrong with a URL as it stands, in English and without repeating it; null: nothing. Resolves no name. */
  readonly problemOf: (url: string) => string | null;
  /** Where to connect for this URL. Throws AddressRefused. */
  readonly judge: (url: URL) => Promise<JudgedAddress>;
};

export class AddressRefused extends Error {
  override readonly name = "AddressRefused";
  readonly reason: "address_refused" | "unresolved";

  constructor(reason: AddressRefused["reason"], what: string, cause?: unknown) {
    super(what, { cause });
    this.reason = reason;
  }
}

/** Ports on which files are served over https; any other might speak to something that is no web server. */
const PORTS: readonly string[] = ["", "443", "8443"];

/** Public by the registries, but answered by Azure's own host for every machine in it. */
const HOST_SERVICES: readonly string[] = ["168.63.129.16"];

/** All that has been given out for the public Internet (RFC 4291); the rest of IPv6 is special or free. */
const GLOBAL_IPV6 = ipaddr.IPv6.parseCIDR("2000::/3");

export function createAddressGuard(options: GuardOptions): AddressGuard {
  const resolve = options.resolve ?? resolveBySystem;
  const problemOf = (url: URL, addresses: readonly string[]): string | null => {
    if (url.username !== "" || url.password !== "") return "url has no user name or password";
    const isHere = addresses.length > 0 && addresses.every(isThisMachine);
    if (options.allowsThisMachine && isHere && /^https?:$/.test(url.protocol)) return null;
    if (url.protocol !== "https:") return "url begins with https://";
    if (!PORTS.includes(url.port)) return "url has port 443 or 8443";
    return addresses.every(isPublic) ? null : "url leads to no public address";
  };
  return {
    problemOf: (text) => {
      const url = parseUrl(text);
      if (url === null) return "url is an absolute address";
      const literal = literalAddress(url);
      // Whether a name leads to this machine is known when it is resolved.
      if (literal === null && options.allowsThisMachine && url.hostname === "localhost") {
        return problemOf(url, ["127.0.0.1"]);
      }
      return problemOf(url, literal === null ? [] : [literal]);
    },
    judge: async (url) => {
      const mayBeHere = options.allowsThisMachine && /^https?:$/.test(url.protocol);
      const problemOfText = mayBeHere ? null : problemOf(url, []);
      if (problemOfText !== null) throw new AddressRefused("address_refused", problemOfText);
      const literal = literalAddress(url);
      const addresses = literal === null ? await resolve(url.hostname) : [literal];
      const [first] = addresses;
      if (first === undefined) throw new AddressRefused("unresolved", "the name has no address");
      const problem = problemOf(url, addresses);
      if (problem !== null) throw new AddressRefused("address_refused", problem);
      // Many hosts have no way out over IPv6, and none of them lacks IPv4.
      const address = addresses.find((one) => isIPv4(one)) ?? first;
      return { address, family: isIPv4(address) ? 4 : 6 };
    },
  };
}

/** False for whatever is not surely public: private, shared, local, multicast, reserved, translated and tunnelled ranges, and what can't be read. */
export function isPublic(address: string): boolean {
  const parsed = parseAddress(address);
  if (parsed?.range() !== "unicast") return false;
  if (HOST_SERVICES.includes(parsed.toString())) return false;
  return parsed instanceof ipaddr.IPv4 || parsed.match(GLOBAL_IPV6);
}

function isThisMachine(address: string): boolean {
  return parseAddress(address)?.range() === "loopback";
}

/**
 * An IPv4 address that stands in an IPv6 one is judged as what it is. What two readers could take for different addresses (010.0.0.1) is none: ipaddr.js reads
 * octal where others read decimal.
 */
function parseAddress(address: string): ipaddr.IPv4 | ipaddr.IPv6 | null {
  return isIP(address) === 0 ? null : ipaddr.process(address);
}

function parseUrl(text: string): URL | null {
  // The parser drops spaces and line ends around and inside; what needs that was not written as an address.
  return /[\s\p{Cc}]/u.test(text) || !URL.canParse(text) ? null : new URL(text);
}

/** The host where it is an address and no name. The parser has written it in its usual form. */
function literalAddress({ hostname }: URL): string | null {
  const bare = /^\[(.*)\]$/.exec(hostname)?.[1] ?? hostname;
  return isIP(bare) === 0 ? null : bare;
}

async function resolveBySystem(hostname: string): Promise<readonly string[]> {
  try {
    const found = await lookup(hostname, { all: true });
    return found.map(({ address }) => address);
  } catch (error) {
    throw new AddressRefused("unresolved", "the name could not be resolved", error);
  }
}
