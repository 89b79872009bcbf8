import { describe, expect, it, onTestFinished } from "vitest";

import { createHttpClient } from "../../providers/http.ts";
import type { HttpCall } from "../../providers/http.ts";
import type { AccountContext, OutboundMessage, Provider } from "../../providers/provider.ts";
import { createZenzivaProviders } from "../../providers/zenziva/index.ts";
import { judgeText, readAmount } from "../../providers/zenziva/vocabulary.ts";
import {
  answer,
  expectNothingSecret,
  NOW,
  providerErrorOf,
  runConformance,
  sendOptions,
} from "./conformance.ts";
import { formIn } from "./forms.ts";
import { startScriptedServer } from "./scripted-server.ts";
import type { ScriptedServer } from "./scripted-server.ts";

const account = (baseUrl: string): AccountContext => ({
  accountId: "acc_1",
  baseUrl,
  sender: "ZENZIVA",
  credentials: { userkey: "u1-kunci-pengguna", passkey: "p1-kunci-rahasia" },
  settings: {},
});

const toPerson: OutboundMessage = {
  to: { kind: "phone", e164: "+6281234000001" },
  text: "Tiang ODP roboh di Klari",
  language: "id",
};

function create(httpCall: HttpCall): Provider {
  const [provider] = createZenzivaProviders(httpCall);
  if (provider === undefined) throw new Error("no zenziva");
  return provider;
}

runConformance({
  title: "zenziva",
  create,
  account,
  message: toPerson,
  messageElsewhere: { ...toPerson, to: { kind: "group", groupChatId: "120363020000000001@g.us" } },
  fixtures: {
    requests: "zenziva/requests.json",
    successes: "zenziva/successes.json",
    failures: "zenziva/failures.json",
    webhooks: null,
  },
  textIn: (request) => Object.fromEntries(formIn(request))["message"] ?? "",
  expectRequest: (request, expected) => {
    expect(formIn(request)).toEqual(expected.form);
    expect(request.headers["content-type"]).toBe("application/x-www-form-urlencoded");
  },
  refusalQuoting: (words) =>
    answer(200, {
      status: words.join(" "),
      text: words.join(" "),
      to: words[2],
      messageId: words[2],
      balance: words[2],
      cost: words[2],
    }),
  skip: [{ case: "attachments", reason: "an SMS carries text only" }],
});

async function start(): Promise<{ readonly server: ScriptedServer; readonly provider: Provider }> {
  const server = await startScriptedServer();
  const client = createHttpClient();
  onTestFinished(async () => {
    client.close();
    await server.close();
  });
  return { server, provider: create(client.call) };
}

const OPTIONS = { signal: new AbortController().signal, timeoutMs: 1_000, now: NOW };

describe("zenziva", () => {
  it("sends over the brand's sender where the account is set so", async () => {
    const { server, provider } = await start();
    server.script(answer(200, { status: "1", messageId: "1", text: "Success" }));
    const masked = { ...account(server.baseUrl), settings: { product: "masking" } };
    await provider.send(masked, toPerson, sendOptions());
    expect(server.requests[0]?.path).toBe("/masking/api/sendsms/");
  });

  it.each([
    ["+6281234000001", "081234000001", "a mobile number"],
    ["+62215550001", "0215550001", "a fixed line"],
  ])("writes %s as %s: %s", async (e164, local) => {
    const { server, provider } = await start();
    server.script(answer(200, { status: "1", messageId: "1" }));
    const message: OutboundMessage = { ...toPerson, to: { kind: "phone", e164 } };
    await provider.send(account(server.baseUrl), message, sendOptions());
    const [request] = server.requests;
    if (request === undefined) throw new Error("nothing was captured");
    expect(Object.fromEntries(formIn(request))["to"]).toBe(local);
  });

  it.each([
    ["+12125550123", "another country has no local form here"],
    ["+620", "too short"],
    ["081234000001", "not the stored form"],
  ])("refuses %s before anything is sent: %s", async (e164) => {
    const { server, provider } = await start();
    const message: OutboundMessage = { ...toPerson, to: { kind: "phone", e164 } };
    const error = await providerErrorOf(
      provider.send(account(server.baseUrl), message, sendOptions()),
    );
    expect(error).toMatchObject({ kind: "rejected", reason: "invalid_recipient" });
    expect(server.requests).toHaveLength(0);
  });

  it.each([
    ["Userkey tidak dikenal", "userkey", "unauthorized"],
    ["PASSKEY SALAH", "passkey", "unauthorized"],
    ["Saldo habis", "saldo", "unavailable"],
    ["kredit habis", "kredit", "unavailable"],
    ["no balance", "balance", "unavailable"],
    ["no credit", "credit", "unavailable"],
    ["Nomor salah", "nomor", "rejected"],
    ["Tujuan salah", "tujuan", "rejected"],
    ["bad number", "number", "rejected"],
    ["bad destination", "destination", "rejected"],
    ["zzz", null, "rejected"],
    ["", null, "rejected"],
  ])("reads %j by the word %j as %s", (text, word, kind) => {
    const judged = judgeText(text);
    expect([judged.word, judged.verdict.kind]).toEqual([word, kind]);
  });

  it.each<[string, number | null, string]>([
    ["12,345", 12_345, "the vendor's form"],
    ["1,234,567", 1_234_567, "twice"],
    ["0", 0, "nothing left"],
    ["350", 350, "no thousands"],
    ["12,345.50", 12_345.5, "with a fraction"],
    ["12.345,00", null, "the Indonesian form is not the vendor's"],
    ["1,2,3", null, "no amount"],
    ["", null, "nothing"],
    ["banyak", null, "a word"],
  ])("reads the amount %j as %j (%s)", (text, amount) => {
    expect(readAmount(text)).toBe(amount);
  });

  it("asks for the balance and says how many messages it buys", async () => {
    const { server, provider } = await start();
    server.script(answer(200, { balance: "12,345" }));
    expect(await provider.probe?.(account(server.baseUrl), OPTIONS)).toEqual({
      state: "connected",
      quotaLeft: 35,
      detail: { balance: 12_345 },
    });
    expect(server.requests[0]?.method).toBe("GET");
    expect(server.requests[0]?.path).toBe(
      "/api/balance/?userkey=u1-kunci-pengguna&passkey=p1-kunci-rahasia",
    );
    const priced = { ...account(server.baseUrl), settings: { rupiahPerMessage: 12_345 } };
    expect(await provider.probe?.(priced, OPTIONS)).toMatchObject({ quotaLeft: 1 });
  });

  it.each([
    [200, { status: "0", text: "Userkey / Passkey Salah" }, "unauthorized"],
    [200, { balance: "banyak" }, "malformed"],
    [200, "<html></html>", "malformed"],
    [500, {}, "unavailable"],
    [429, {}, "rate_limited"],
  ])("takes a balance answered with %i %j for %s, with no key in the error", async (...row) => {
    const [status, body, kind] = row;
    const { server, provider } = await start();
    server.script(answer(status, body));
    const ours = account(server.baseUrl);
    const error = await providerErrorOf(provider.probe?.(ours, OPTIONS) ?? Promise.resolve());
    expect(error.kind).toBe(kind);
    expectNothingSecret(error, Object.values(ours.credentials));
  });
});
