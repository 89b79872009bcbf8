import { describe, expect, it } from "vitest";
import { deviceKeyOf, isOnThisMachine, normaliseBaseUrl } from "../../domain/account.ts";
import { ACCOUNTS } from "../../db/seed/accounts.ts";

describe("deviceKeyOf", () => {
  it("names the device of every seeded account as the seed does", () => {
    for (const { provider, sender, deviceKey } of ACCOUNTS) {
      expect(deviceKeyOf(provider, sender)).toBe(deviceKey);
    }
  });
});

describe("addresses of vendors", () => {
  it.each([
    { url: "https://api.fonnte.com/", stored: "https://api.fonnte.com", local: false },
    { url: " http://127.0.0.1:4010/fonnte ", stored: "http://127.0.0.1:4010/fonnte", local: true },
    { url: "http://127.8.9.10", stored: "http://127.8.9.10", local: true },
    { url: "http://localhost:4010", stored: "http://localhost:4010", local: true },
    { url: "http://[::1]:4010", stored: "http://[::1]:4010", local: true },
    { url: "http://LOCALHOST:1", stored: "http://LOCALHOST:1", local: true },
    { url: "http://10.0.0.7:3000", stored: "http://10.0.0.7:3000", local: false },
    { url: "http://waha:3000", stored: "http://waha:3000", local: false },
    { url: "http://127.0.0.1.evil.example", stored: "http://127.0.0.1.evil.example", local: false },
    { url: "http://localhost.evil.example", stored: "http://localhost.evil.example", local: false },
    { url: "http://user:secret@127.0.0.1", stored: null, local: false },
    { url: "http://127.0.0.1@evil.example", stored: null, local: false },
    { url: "https://vendor.example/?token=x", stored: null, local: false },
    { url: "https://vendor.example/#x", stored: null, local: false },
    { url: "smtps://mail.example.id:465", stored: "smtps://mail.example.id:465", local: false },
    { url: "smtp://127.0.0.1:2525", stored: "smtp://127.0.0.1:2525", local: true },
    { url: "ftp://vendor.example", stored: null, local: false },
    { url: "vendor.example", stored: null, local: false },
    { url: "https://", stored: null, local: false },
    { url: "", stored: null, local: false },
  ])("reads $url", ({ url, stored, local }) => {
    expect(normaliseBaseUrl(url)).toBe(stored);
    expect(stored !== null && isOnThisMachine(stored)).toBe(local);
    if (stored !== null) expect(normaliseBaseUrl(stored)).toBe(stored);
  });
});
