import { describe, expect, it, onTestFinished } from "vitest";

import { createHttpClient } from "../../providers/http.ts";
import type { HttpCall } from "../../providers/http.ts";
import { createNusasmsProviders } from "../../providers/nusasms/index.ts";
import { judgeStatus, needsUnicode } from "../../providers/nusasms/vocabulary.ts";
import type { AccountContext, OutboundMessage, Provider } from "../../providers/provider.ts";
import { answer, runConformance, sendOptions } from "./conformance.ts";
import { startScriptedServer } from "./scripted-server.ts";
import type { CapturedRequest } from "./scripted-server.ts";

const account = (baseUrl: string): AccountContext => ({
  accountId: "acc_1",
  baseUrl,
  sender: "NUSASMS",
  credentials: { user: "u-siaga", password: "p4ss/rahasia&=" },
  settings: {},
});

const toPerson: OutboundMessage = {
  to: { kind: "phone", e164: "+6281234000001" },
  text: "Tiang ODP roboh di Klari",
  language: "id",
};

function create(httpCall: HttpCall): Provider {
  const [provider] = createNusasmsProviders(httpCall);
  if (provider === undefined) throw new Error("no nusasms");
  return provider;
}

function queryIn(request: CapturedRequest): Record<string, string> {
  return Object.fromEntries(new URL(request.path, "http://vendor.example").searchParams);
}

runConformance({
  title: "nusasms",
  create,
  account,
  message: toPerson,
  messageElsewhere: { ...toPerson, to: { kind: "group", groupChatId: "120363020000000001@g.us" } },
  fixtures: {
    requests: "nusasms/requests.json",
    successes: "nusasms/successes.json",
    failures: "nusasms/failures.json",
    webhooks: null,
  },
  textIn: (request) => queryIn(request)["SMSText"] ?? "",
  expectRequest: (request, expected) => {
    expect(queryIn(request)).toEqual(expected.fields);
    expect(request.body).toHaveLength(0);
  },
  refusalQuoting: (words) =>
    answer(200, {
      results: [{ status: words.join(" "), messageid: words[2], destination: words.join(" ") }],
    }),
  skip: [
    { case: "attachments", reason: "an SMS carries text only" },
    {
      case: "a secret in the address",
      reason: "this vendor takes its credentials in the query and nowhere else",
    },
  ],
});

describe("nusasms", () => {
  it.each<[Record<string, unknown>, Record<string, string>, string]>([
    [{ maskingName: "SIAGA" }, { sender: "SIAGA" }, "a registered masking name"],
    [{ isForOtp: true }, { otp: "Y" }, "one-time codes must say so"],
    [{}, {}, "neither"],
  ])("with settings %j adds %j: %s", async (settings, added) => {
    const server = await startScriptedServer();
    const client = createHttpClient();
    onTestFinished(async () => {
      client.close();
      await server.close();
    });
    server.script(answer(200, { results: [{ status: "0", messageid: "1" }] }));
    const ours = { ...account(server.baseUrl), settings };
    await create(client.call).send(ours, toPerson, sendOptions());
    const [request] = server.requests;
    if (request === undefined) throw new Error("nothing was captured");
    expect(queryIn(request)).toEqual({
      user: "u-siaga",
      password: "p4ss/rahasia&=",
      GSM: "6281234000001",
      SMSText: toPerson.text,
      output: "json",
      ...added,
    });
  });

  it("says of a message that tells a code what it is, whatever the account is for", async () => {
    const server = await startScriptedServer();
    const client = createHttpClient();
    onTestFinished(async () => {
      client.close();
      await server.close();
    });
    server.script(answer(200, { results: [{ status: "0", messageid: "1" }] }));
    const message = { ...toPerson, tellsCode: true };
    await create(client.call).send(account(server.baseUrl), message, sendOptions());
    const [request] = server.requests;
    if (request === undefined) throw new Error("nothing was captured");
    expect(queryIn(request)["otp"]).toBe("Y");
  });

  it.each<[string, string | null, string]>([
    ["0", "accepted", "documented"],
    ["-5", "unauthorized", "documented"],
    ["-13", "rejected", "documented"],
    ["-2", "rejected", "negative and not listed"],
    ["-99999", "rejected", "negative and not listed"],
    ["5", null, "positive"],
    ["00", null, "no code"],
    ["", null, "nothing"],
    ["-5 wrong password", null, "free text"],
  ])("reads the status %j as %j (%s)", (status, expected) => {
    const judged = judgeStatus(status);
    const kind = judged?.kind === "refused" ? judged.verdict.kind : (judged?.kind ?? null);
    expect(kind).toBe(expected);
  });

  it.each([
    ["Pompa 3 mati @ Klari €5 [1]\n", false, "basic and extended alphabet"],
    ["é", false, "an accent of the alphabet"],
    ["É", false, "an accent of the alphabet"],
    ["ê", true, "an accent outside it"],
    ["–", true, "a dash that is no hyphen"],
    ["🚨", true, "an emoji"],
    ["", false, "nothing"],
  ])("says whether %j needs unicode: %s (%s)", (text, expected) => {
    expect(needsUnicode(text)).toBe(expected);
  });
});
