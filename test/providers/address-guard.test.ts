import { describe, expect, it } from "vitest";

import { AddressRefused, createAddressGuard, isPublic } from "../../providers/address-guard.ts";

/** Public, and nobody's: the guard connects nowhere. */
const PUBLIC = "93.184.215.14";
const PUBLIC_6 = "2606:2800:21f:cb07:6820:80da:af6b:8b2c";

function guardOf(answers: Readonly<Record<string, readonly string[]>> = {}, isSimulated = false) {
  const asked: string[] = [];
  const guard = createAddressGuard({
    allowsThisMachine: isSimulated,
    resolve: (hostname) => {
      asked.push(hostname);
      return Promise.resolve(answers[hostname] ?? [PUBLIC]);
    },
  });
  return { asked, judge: (url: string) => guard.judge(new URL(url)), problemOf: guard.problemOf };
}

async function verdict(judging: Promise<unknown>): Promise<string> {
  try {
    await judging;
    return "allowed";
  } catch (error) {
    if (error instanceof AddressRefused) return error.reason;
    throw error;
  }
}

describe("an address", () => {
  it.each<[string, boolean, string]>([
    [PUBLIC, true, "a public one"],
    [PUBLIC_6, true, "a public one of IPv6"],
    ["9.255.255.255", true, "just below 10.0.0.0/8"],
    ["10.0.0.0", false, "private"],
    ["10.255.255.255", false, "private, its last"],
    ["11.0.0.0", true, "just above 10.0.0.0/8"],
    ["172.15.255.255", true, "just below 172.16.0.0/12"],
    ["172.16.0.0", false, "private"],
    ["172.31.255.255", false, "private, its last"],
    ["172.32.0.0", true, "just above 172.16.0.0/12"],
    ["192.168.0.1", false, "private"],
    ["100.63.255.255", true, "just below the shared range"],
    ["100.64.0.0", false, "shared by a provider's customers"],
    ["100.100.100.200", false, "Alibaba's metadata service"],
    ["100.127.255.255", false, "shared, its last"],
    ["100.128.0.0", true, "just above the shared range"],
    ["127.0.0.1", false, "this machine"],
    ["127.255.255.254", false, "this machine, too"],
    ["0.0.0.0", false, "this machine on many systems"],
    ["169.254.169.254", false, "the metadata service of most clouds"],
    ["169.254.0.1", false, "link-local"],
    ["168.63.129.16", false, "Azure's host, inside a public range"],
    ["192.0.0.192", false, "Oracle's metadata service"],
    ["192.0.2.1", false, "for documents"],
    ["198.18.0.1", false, "for benchmarks"],
    ["224.0.0.1", false, "multicast"],
    ["255.255.255.255", false, "broadcast"],
    ["::", false, "no address"],
    ["::1", false, "this machine"],
    ["::ffff:10.0.0.1", false, "a private one inside IPv6"],
    ["::ffff:a9fe:a9fe", false, "metadata inside IPv6, in hexadecimal"],
    ["::ffff:93.184.215.14", true, "a public one inside IPv6"],
    ["::10.0.0.1", false, "a private one inside IPv6, the old way"],
    ["64:ff9b::a00:1", false, "translated to a private one"],
    ["2002:a00:1::", false, "tunnelled to a private one"],
    ["2001:0:a00:1::", false, "tunnelled"],
    ["fe80::1", false, "link-local"],
    ["fe80::1%eth0", false, "link-local with its zone"],
    ["fec0::1", false, "site-local"],
    ["fc00::1", false, "unique local"],
    ["fd00:ec2::254", false, "AWS's metadata service"],
    ["ff02::1", false, "multicast"],
    ["2001:db8::1", false, "for documents"],
    ["4000::1", false, "not given out"],
    ["010.0.0.1", false, "octal, as some resolvers spell it"],
    ["localhost", false, "no address at all"],
    ["", false, "nothing"],
  ])("%s is public: %s: %s", (address, expected, _why) => {
    expect(isPublic(address)).toBe(expected);
  });
});

describe("a URL", () => {
  it.each<[string, string, string]>([
    ["https://files.example/odp.jpg", "allowed", "a public name"],
    ["https://files.example:443/odp.jpg", "allowed", "its port named"],
    ["https://files.example:8443/odp.jpg", "allowed", "the other usual port"],
    [`https://${PUBLIC}/odp.jpg`, "allowed", "a public address"],
    [`https://[${PUBLIC_6}]/odp.jpg`, "allowed", "a public address of IPv6"],
    ["http://files.example/odp.jpg", "address_refused", "not encrypted"],
    ["ftp://files.example/odp.jpg", "address_refused", "no web server"],
    ["https://files.example:22/odp.jpg", "address_refused", "a port of something else"],
    ["https://files.example:6379/", "address_refused", "a port of something else"],
    ["https://user@files.example/", "address_refused", "a user name"],
    ["https://files.example:secret@10.0.0.1/", "address_refused", "a name before the real host"],
    ["https://10.0.0.1/", "address_refused", "private"],
    ["https://167772161/", "address_refused", "private, in one decimal number"],
    ["https://0x0a000001/", "address_refused", "private, in hexadecimal"],
    ["https://0x7f.1/", "address_refused", "this machine, in hexadecimal and short"],
    ["https://012.0.0.1/", "address_refused", "private, in octal"],
    ["https://017700000001/", "address_refused", "this machine, in octal"],
    ["https://127.1/", "address_refused", "this machine, short"],
    ["https://2130706433/", "address_refused", "this machine, in one decimal number"],
    ["https://[::1]/", "address_refused", "this machine"],
    ["https://[::ffff:10.0.0.1]/", "address_refused", "private inside IPv6"],
    ["https://[::ffff:7f00:1]/", "address_refused", "this machine inside IPv6"],
    ["https://169.254.169.254/latest/meta-data/", "address_refused", "metadata"],
    ["https://１０.0.0.1/", "address_refused", "digits of another script"],
    ["https://10。0。0。1/", "address_refused", "dots of another script"],
    ["https://inside.example/", "address_refused", "a name that leads inside"],
    ["https://both.example/", "address_refused", "a name that leads outside and inside"],
    ["https://mapped.example/", "address_refused", "a name that leads inside through IPv6"],
    ["https://nothing.example/", "unresolved", "a name without address"],
  ])("%s is %s: %s", async (url, expected, _why) => {
    const { judge } = guardOf({
      "inside.example": ["10.0.0.1"],
      "both.example": [PUBLIC, "192.168.1.1"],
      "mapped.example": ["::ffff:169.254.169.254"],
      "nothing.example": [],
    });
    expect(await verdict(judge(url))).toBe(expected);
  });

  it("is connected to where its name was found to lead", async () => {
    const { asked, judge } = guardOf({ "files.example": [PUBLIC_6, PUBLIC] });
    expect(await judge("https://files.example/")).toEqual({ address: PUBLIC, family: 4 });
    expect(asked, "resolved once").toEqual(["files.example"]);
  });

  it("names nothing of itself when it is refused", async () => {
    const refusal: unknown = await guardOf()
      .judge("https://10.0.0.1/secret?token=abc")
      .catch((error: unknown) => error);
    expect(String(refusal)).not.toMatch(/10\.0|secret|token/);
  });

  it.each<[string, string | null, string]>([
    ["https://files.example/odp.jpg", null, "what its name leads to is known later"],
    ["https://10.0.0.1/", "url leads to no public address", "an address is known now"],
    ["http://files.example/", "url begins with https://", "not encrypted"],
    ["https://user:pw@files.example/", "url has no user name or password", "a password"],
    ["https://files.example:25/", "url has port 443 or 8443", "a port of something else"],
    ["/odp.jpg", "url is an absolute address", "no host"],
    ["https://files.example/a b", "url is an absolute address", "a space"],
    [" https://files.example/", "url is an absolute address", "a space before it"],
    ["https://files.example/\n", "url is an absolute address", "a line end"],
    ["javascript:alert(1)", "url begins with https://", "no address of a file"],
  ])("%j → %j before anything is resolved: %s", (url, expected, _why) => {
    const { asked, problemOf } = guardOf();
    expect(problemOf(url)).toBe(expected);
    expect(asked).toEqual([]);
  });
});

describe("with simulated vendors", () => {
  it.each<[string, string, string]>([
    ["http://127.0.0.1:4011/odp.jpg", "allowed", "this machine, plain, on any port"],
    ["http://[::1]:4011/odp.jpg", "allowed", "this machine"],
    ["http://here.example:4011/", "allowed", "a name of this machine"],
    ["https://files.example/odp.jpg", "allowed", "what is allowed always"],
    ["http://files.example/odp.jpg", "address_refused", "plain elsewhere"],
    ["http://10.0.0.1/", "address_refused", "another machine of the network"],
    ["http://169.254.169.254/", "address_refused", "metadata"],
    ["http://both.example/", "address_refused", "this machine and another"],
    ["http://user@127.0.0.1/", "address_refused", "a user name"],
    ["ftp://127.0.0.1/", "address_refused", "no web server"],
  ])("%s is %s: %s", async (url, expected, _why) => {
    const { judge } = guardOf(
      { "here.example": ["127.0.0.1", "::1"], "both.example": ["127.0.0.1", "10.0.0.1"] },
      true,
    );
    expect(await verdict(judge(url))).toBe(expected);
  });
});
