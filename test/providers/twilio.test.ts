import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { describe, expect, it } from "vitest";

import { createHttpClient } from "../../providers/http.ts";
import type { HttpCall } from "../../providers/http.ts";
import { smsCapabilitiesOf } from "../../providers/twilio/config.ts";
import { createTwilioProviders } from "../../providers/twilio/index.ts";
import { parseForm, signTwilioBody, signTwilioWebhook } from "../../providers/twilio/signature.ts";
import { readMessageStatus } from "../../providers/twilio/vocabulary.ts";
import type {
  AccountContext,
  CallOptions,
  OutboundMessage,
  Provider,
  RawWebhook,
} from "../../providers/provider.ts";
import { answer, NOW, providerErrorOf, runConformance, sendOptions } from "./conformance.ts";
import type { Conformance, UnsignedWebhook } from "./conformance.ts";
import { contentTypeOf, formIn } from "./forms.ts";
import { startScriptedServer } from "./scripted-server.ts";
import type { CapturedRequest, ScriptedServer } from "./scripted-server.ts";

const ACCOUNT_SID = `AC${"a".repeat(32)}`;
const MESSAGE_SID = "SM0123456789abcdef0123456789abcdef";
const CALL_SID = "CA0123456789abcdef0123456789abcdef";
const AUTH_TOKEN = "rahasia-token-twilio";

const account = (baseUrl: string): AccountContext => ({
  accountId: "acc_1",
  baseUrl,
  sender: "+15005550006",
  credentials: { accountSid: ACCOUNT_SID, authToken: AUTH_TOKEN },
  settings: {},
});

const message: OutboundMessage = {
  to: { kind: "phone", e164: "+6281234000001" },
  text: "Tiang ODP roboh di Klari",
  language: "id",
};

function providerOf(id: Provider["id"]): (httpCall: HttpCall) => Provider {
  return (httpCall) => {
    const found = createTwilioProviders(httpCall).find((each) => each.id === id);
    if (found === undefined) throw new Error(`no ${id}`);
    return found;
  };
}

function sign(webhook: UnsignedWebhook, authToken: string): RawWebhook {
  return {
    ...webhook,
    headers: {
      ...webhook.headers,
      "x-twilio-signature": signTwilioWebhook(webhook.url, parseForm(webhook.body), authToken),
    },
    body: Buffer.from(webhook.body),
  };
}

const shared = {
  account,
  message,
  messageElsewhere: { ...message, to: { kind: "group", groupChatId: "120363020000000001@g.us" } },
  expectRequest: (request, expected) => {
    expect(formIn(request)).toEqual(expected.form);
    expect(contentTypeOf(request)).toBe("application/x-www-form-urlencoded");
    expect(request.headers.authorization).toBe(
      `Basic ${Buffer.from(`${ACCOUNT_SID}:${AUTH_TOKEN}`).toString("base64")}`,
    );
  },
  refusalQuoting: (words) =>
    answer(400, {
      code: 21211,
      message: words.join(" "),
      more_info: `https://www.twilio.com/docs/errors/${words.join("/")}`,
      status: 400,
    }),
  sign: (webhook, ours) => sign(webhook, ours.credentials["authToken"] ?? ""),
  signWrongly: (webhook) => sign(webhook, "another token"),
  unsignedReason: "missing_signature",
  wrongReason: "wrong_signature",
} satisfies Partial<Conformance>;

const NO_ATTACHMENTS = {
  case: "attachments",
  reason: "neither an SMS in Indonesia nor a call carries media or pins",
} as const;

runConformance({
  ...shared,
  title: "twilio-sms",
  create: providerOf("twilio-sms"),
  fixtures: {
    requests: "twilio-sms/requests.json",
    successes: "twilio-sms/successes.json",
    failures: "twilio-sms/failures.json",
    webhooks: "twilio-sms/webhooks.json",
  },
  textIn: (request) => new Map(formIn(request)).get("Body") ?? "",
  skip: [NO_ATTACHMENTS],
});

runConformance({
  ...shared,
  title: "twilio-voice",
  create: providerOf("twilio-voice"),
  fixtures: {
    requests: "twilio-voice/requests.json",
    successes: "twilio-voice/successes.json",
    failures: "twilio-voice/failures.json",
    webhooks: "twilio-voice/webhooks.json",
  },
  textIn: (request) => spokenIn(new Map(formIn(request)).get("Twiml") ?? "")[0] ?? "",
  textAsSent: (text) =>
    text
      .replace(/[*_~`]/g, "")
      .replace(/[\p{Extended_Pictographic}\u200d\ufe0f]/gu, "")
      .replace(/\n+/g, " ")
      .trim(),
  skip: [NO_ATTACHMENTS],
});

/** What a TwiML document says, in order. */
function spokenIn(twiml: string): readonly string[] {
  return [...twiml.matchAll(/<Say[^>]*>([^<]*)<\/Say>/g)].map((match) =>
    (match[1] ?? "")
      .replaceAll("&lt;", "<")
      .replaceAll("&gt;", ">")
      .replaceAll("&quot;", '"')
      .replaceAll("&amp;", "&"),
  );
}

const callOptions: CallOptions = {
  signal: new AbortController().signal,
  timeoutMs: 1_000,
  now: NOW,
};

async function withServer<T>(
  id: Provider["id"],
  run: (provider: Provider, server: ScriptedServer) => Promise<T>,
): Promise<T> {
  const server = await startScriptedServer();
  const client = createHttpClient();
  try {
    return await run(providerOf(id)(client.call), server);
  } finally {
    client.close();
    await server.close();
  }
}

describe("twilio", () => {
  it("sends with an API key where there is one", async () => {
    await withServer("twilio-sms", async (provider, server) => {
      server.script(answer(201, { sid: MESSAGE_SID, status: "queued" }));
      const withKey = {
        ...account(server.baseUrl),
        credentials: {
          accountSid: ACCOUNT_SID,
          authToken: AUTH_TOKEN,
          apiKeySid: `SK${"b".repeat(32)}`,
          apiKeySecret: "rahasia-kunci",
        },
      };
      await provider.send(withKey, message, sendOptions());
      expect(server.requests[0]?.headers.authorization).toBe(
        `Basic ${Buffer.from(`SK${"b".repeat(32)}:rahasia-kunci`).toString("base64")}`,
      );
      expect(server.requests[0]?.path).toContain(ACCOUNT_SID);
    });
  });

  it("is not configured with half an API key", async () => {
    await withServer("twilio-sms", async (provider, server) => {
      const half = {
        ...account(server.baseUrl),
        credentials: { accountSid: ACCOUNT_SID, authToken: AUTH_TOKEN, apiKeySid: "SK1" },
      };
      const error = await providerErrorOf(provider.send(half, message, sendOptions()));
      expect(error).toMatchObject({ kind: "unauthorized", reason: "not_configured" });
    });
  });

  it.each([
    ["accepted", "waiting"],
    ["scheduled", "waiting"],
    ["queued", "waiting"],
    ["sending", "waiting"],
    ["sent", "receipt"],
    ["delivered", "receipt"],
    ["undelivered", "failed"],
    ["failed", "failed"],
    ["read", "receipt"],
    ["canceled", "failed"],
    ["partially_delivered", "receipt"],
    ["receiving", "inbound"],
    ["received", "inbound"],
    ["", "unknown"],
    ["DELIVERED", "unknown"],
  ])("reads the message status %j as %s", (status, expected) => {
    expect(readMessageStatus(status).kind).toBe(expected);
  });

  it.each([
    ["+15005550006", true, "a number can be answered"],
    [`MG${"0".repeat(32)}`, true, "a messaging service has numbers"],
    ["90909", true, "a short code can be answered"],
    ["SIAGA", false, "nobody can answer a name"],
    ["SIAGA 112", false, "a name with digits is a name"],
  ])("says for the sender %j that it can be answered: %j (%s)", (sender, expected) => {
    expect(smsCapabilitiesOf({ sender }).replies).toBe(expected);
  });

  describe("asking about a message", () => {
    it.each<[object, object | null, string]>([
      [{ status: "queued" }, null, "nothing proved yet"],
      [{ status: "sent" }, { status: "sent" }, "with the carrier"],
      [{ status: "delivered" }, { status: "delivered" }, "there"],
      [
        { status: "undelivered", error_code: 30005 },
        { status: "failed", failure: { reason: "invalid_recipient", vendorCode: "30005" } },
        "failed",
      ],
      [{ status: "zzz" }, null, "nobody listed it"],
    ])("reads %j as %j (%s)", async (body, expected) => {
      await withServer("twilio-sms", async (provider, server) => {
        server.script(answer(200, { sid: MESSAGE_SID, ...body }));
        const receipt = await provider.lookUp?.(account(server.baseUrl), MESSAGE_SID, callOptions);
        if (expected === null) expect(receipt).toBeNull();
        else expect(receipt).toMatchObject(expected);
        expect(server.requests[0]?.path).toBe(
          `/2010-04-01/Accounts/${ACCOUNT_SID}/Messages/${MESSAGE_SID}.json`,
        );
      });
    });

    it("knows nothing of a message that Twilio does not have", async () => {
      await withServer("twilio-sms", async (provider, server) => {
        server.script(answer(404, { code: 20404, message: "not found", status: 404 }));
        expect(
          await provider.lookUp?.(account(server.baseUrl), MESSAGE_SID, callOptions),
        ).toBeNull();
      });
    });

    it("is unavailable, not unknown, when the answer is lost", async () => {
      await withServer("twilio-sms", async (provider, server) => {
        server.script({ do: "reset" });
        const error = await providerErrorOf(
          provider.lookUp?.(account(server.baseUrl), MESSAGE_SID, callOptions) ?? Promise.resolve(),
        );
        expect(error.kind).toBe("unavailable");
      });
    });
  });

  describe("looking for a message whose answer was lost", () => {
    const created = "Tue, 01 Sep 2026 12:00:05 +0000";
    const found = { sid: MESSAGE_SID, status: "sent", body: message.text, date_created: created };
    const sentAfter = Date.UTC(2026, 8, 1, 12, 0, 5, 700);

    it.each<[object[], string | null, string]>([
      [[found], MESSAGE_SID, "same text, same second"],
      [[{ ...found, body: "another" }], null, "another text"],
      [[{ ...found, date_created: "Tue, 01 Sep 2026 12:00:04 +0000" }], null, "before"],
      [[{ ...found, date_created: null }], null, "no date"],
      [[], null, "none"],
    ])("finds in %j: %j (%s)", async (messages, expected) => {
      await withServer("twilio-sms", async (provider, server) => {
        server.script(answer(200, { messages }));
        const result = await provider.findLost?.(
          account(server.baseUrl),
          message,
          sentAfter,
          callOptions,
        );
        expect(result?.providerMessageId ?? null).toBe(expected);
        const url = new URL(server.requests[0]?.path ?? "", "http://twilio.example");
        expect(Object.fromEntries(url.searchParams)).toEqual({
          To: "+6281234000001",
          "DateSent>": "2026-09-01",
          PageSize: "50",
        });
      });
    });

    it("says that it failed when it did", async () => {
      await withServer("twilio-sms", async (provider, server) => {
        server.script(
          answer(200, { messages: [{ ...found, status: "undelivered", error_code: 30003 }] }),
        );
        const error = await providerErrorOf(
          provider.findLost?.(account(server.baseUrl), message, sentAfter, callOptions) ??
            Promise.resolve(),
        );
        expect(error.reason).toBe("recipient_unreachable");
      });
    });

    it("finds a lost call by recipient, sender and time", async () => {
      await withServer("twilio-voice", async (provider, server) => {
        server.script(
          answer(200, { calls: [{ sid: CALL_SID, status: "ringing", date_created: created }] }),
        );
        const result = await provider.findLost?.(
          account(server.baseUrl),
          message,
          sentAfter,
          callOptions,
        );
        expect(result).toMatchObject({ providerMessageId: CALL_SID, status: "sent" });
        const url = new URL(server.requests[0]?.path ?? "", "http://twilio.example");
        expect(Object.fromEntries(url.searchParams)).toEqual({
          To: "+6281234000001",
          From: "+15005550006",
          "StartTime>": "2026-09-01",
          PageSize: "50",
        });
      });
    });
  });

  describe("hanging up", () => {
    const statuses = (requests: readonly CapturedRequest[]): readonly (string | undefined)[] =>
      requests.map((request) => new Map(formIn(request)).get("Status"));

    it("ends a call that talks", async () => {
      await withServer("twilio-voice", async (provider, server) => {
        server.script(answer(200, { sid: CALL_SID, status: "completed" }));
        expect(await provider.hangUp?.(account(server.baseUrl), CALL_SID, callOptions)).toBe(true);
        expect(statuses(server.requests)).toEqual(["completed"]);
        expect(server.requests[0]?.path).toBe(
          `/2010-04-01/Accounts/${ACCOUNT_SID}/Calls/${CALL_SID}.json`,
        );
      });
    });

    it("cancels a call that still rings", async () => {
      await withServer("twilio-voice", async (provider, server) => {
        server.script(answer(200, { sid: CALL_SID, status: "ringing" }));
        expect(await provider.hangUp?.(account(server.baseUrl), CALL_SID, callOptions)).toBe(true);
        expect(statuses(server.requests)).toEqual(["completed", "canceled"]);
      });
    });

    it.each([
      [400, { code: 21220, message: "not in-progress", status: 400 }, "over"],
      [404, { code: 20404, message: "not found", status: 404 }, "unknown"],
    ])("leaves a call alone that is %i %j (%s)", async (status, body) => {
      await withServer("twilio-voice", async (provider, server) => {
        server.script(answer(status, body));
        expect(await provider.hangUp?.(account(server.baseUrl), CALL_SID, callOptions)).toBe(false);
      });
    });

    it("says so when Twilio cannot be reached", async () => {
      await withServer("twilio-voice", async (provider, server) => {
        server.script({ do: "reset" });
        const error = await providerErrorOf(
          provider.hangUp?.(account(server.baseUrl), CALL_SID, callOptions) ?? Promise.resolve(),
        );
        expect(error.kind).toBe("unavailable");
      });
    });
  });

  it.each<[object, object | null]>([
    [{ status: "queued" }, null],
    [{ status: "ringing" }, { status: "sent" }],
    [{ status: "completed", answered_by: "human" }, { status: "delivered" }],
    [{ status: "completed", answered_by: null }, { status: "sent" }],
    [
      { status: "completed", answered_by: "machine_start" },
      { status: "failed", failure: { reason: "voicemail" } },
    ],
    [{ status: "busy" }, { status: "failed", failure: { reason: "busy" } }],
  ])("reads the call %j as %j when asked", async (body, expected) => {
    await withServer("twilio-voice", async (provider, server) => {
      server.script(answer(200, { sid: CALL_SID, ...body }));
      const receipt = await provider.lookUp?.(account(server.baseUrl), CALL_SID, callOptions);
      if (expected === null) expect(receipt).toBeNull();
      else expect(receipt).toMatchObject(expected);
    });
  });

  it.each(["twilio-sms", "twilio-voice"] as const)(
    "asks with the sending credentials whether the account of %s works",
    async (id) => {
      await withServer(id, async (provider, server) => {
        server.script(answer(200, { messages: [], page_size: 1 }));
        expect(await provider.probe?.(account(server.baseUrl), callOptions)).toMatchObject({
          state: "connected",
        });
        expect(server.requests[0]?.path).toBe(
          `/2010-04-01/Accounts/${ACCOUNT_SID}/Messages.json?PageSize=1`,
        );
        server.script(answer(401, { code: 20005, message: "Account not active", status: 401 }));
        const suspended = await providerErrorOf(
          provider.probe?.(account(server.baseUrl), callOptions) ?? Promise.resolve(),
        );
        expect(suspended).toMatchObject({ provider: id, reason: "account_suspended" });
        server.script(answer(200, {}));
        const unreadable = await providerErrorOf(
          provider.probe?.(account(server.baseUrl), callOptions) ?? Promise.resolve(),
        );
        expect(unreadable.kind).toBe("malformed");
      });
    },
  );

  it("refuses a call whose TwiML would be longer than Twilio takes", async () => {
    await withServer("twilio-voice", async (provider, server) => {
      const error = await providerErrorOf(
        provider.send(
          account(server.baseUrl),
          { ...message, text: "&".repeat(1_000) },
          sendOptions(),
        ),
      );
      expect(error).toMatchObject({ kind: "rejected", reason: "too_long" });
      expect(server.requests).toHaveLength(0);
    });
  });

  it("cannot call from a sender that is no number", async () => {
    await withServer("twilio-voice", async (provider, server) => {
      const error = await providerErrorOf(
        provider.send({ ...account(server.baseUrl), sender: "SIAGA" }, message, sendOptions()),
      );
      expect(error).toMatchObject({ kind: "unauthorized", reason: "not_configured" });
    });
  });

  it("speaks characters that XML cannot carry as spaces, and quotes them in no error", async () => {
    await withServer("twilio-voice", async (provider, server) => {
      server.script(answer(201, { sid: CALL_SID, status: "queued" }));
      const text = "satu\u0000dua\u0008tiga\ud800empat\uffff";
      await provider.send(account(server.baseUrl), { ...message, text }, sendOptions());
      const [request] = server.requests;
      if (request === undefined) throw new Error("nothing was sent");
      expect(spokenIn(new Map(formIn(request)).get("Twiml") ?? "")[0]).toBe("satu dua tiga empat");
    });
  });

  it("rings and speaks as the settings say", async () => {
    await withServer("twilio-voice", async (provider, server) => {
      server.script(answer(201, { sid: CALL_SID, status: "queued" }));
      const settings = { ringSeconds: 20, voices: { id: "Google.id-ID-Standard-A" } };
      await provider.send({ ...account(server.baseUrl), settings }, message, sendOptions());
      const [request] = server.requests;
      if (request === undefined) throw new Error("nothing was sent");
      const form = new Map(formIn(request));
      expect(form.get("Timeout")).toBe("20");
      expect(form.get("Twiml")).toContain('voice="Google.id-ID-Standard-A"');
    });
  });
});

describe("twilio's parameters", () => {
  /** Names that the vendor's own client, generated from the published API description, puts into a request. */
  function namesKnownTo(resource: "message" | "call"): ReadonlySet<string> {
    const file = createRequire(import.meta.url).resolve(
      `twilio/lib/rest/api/v2010/account/${resource}.js`,
    );
    return new Set(
      [...readFileSync(file, "utf8").matchAll(/data\["([A-Za-z]+)[<>]?"\]/g)].map(
        (match) => match[1] ?? "",
      ),
    );
  }

  it.each([
    ["twilio-sms", "message"],
    ["twilio-voice", "call"],
  ] as const)("of %s are those of the published description", async (id, resource) => {
    await withServer(id, async (provider, server) => {
      server.script(answer(201, { sid: "none", status: "queued" }));
      const sent = provider.send(
        account(server.baseUrl),
        message,
        sendOptions({ validForSeconds: 60 }),
      );
      await providerErrorOf(sent);
      const [request] = server.requests;
      if (request === undefined) throw new Error("nothing was sent");
      const known = namesKnownTo(resource);
      const names = formIn(request).map(([name]) => name);
      expect(known.size).toBeGreaterThan(10);
      expect(names.length).toBeGreaterThan(4);
      expect(names.filter((name) => !known.has(name))).toEqual([]);
    });
  });
});

describe("what a call says next", () => {
  const reader = providerOf("twilio-voice")(() => Promise.reject(new Error("no calls"))).webhook;
  const speech = { text: "Tiang ODP roboh", language: "id", reply: null } as const;

  function gather(
    digits: string,
    changes: { query?: string; answeredBy?: string } = {},
  ): RawWebhook {
    const query = changes.query ?? "delivery=dlv_1&round=0&language=id";
    const form = new URLSearchParams({
      CallSid: CALL_SID,
      Digits: digits,
      ...(changes.answeredBy === undefined ? {} : { AnsweredBy: changes.answeredBy }),
    });
    return {
      method: "POST",
      url: `https://siaga.example/webhooks/twilio-voice/acc_1/t?${query}`,
      headers: { "content-type": "application/x-www-form-urlencoded" },
      body: Buffer.from(form.toString()),
    };
  }
  const next = (request: RawWebhook, said: typeof speech | null = speech): string => {
    const response = reader?.respond(request, account(""), said);
    expect(response?.contentType).toBe("text/xml; charset=utf-8");
    return response?.body ?? "";
  };

  it.each([
    ["1", "Jawaban Anda: terima. Terima kasih."],
    ["2", "Jawaban Anda: tolak. Terima kasih."],
  ])("thanks for %s and ends", (digits, thanks) => {
    const twiml = next(gather(digits));
    expect(spokenIn(twiml)).toEqual([thanks]);
    expect(twiml).toContain("<Hangup/>");
    expect(twiml).not.toContain("<Gather");
  });

  it("says what the caller found out instead of the plain thanks", () => {
    const reply = "Sudah diambil oleh Andi.";
    const response = reader?.respond(gather("1"), account(""), { ...speech, reply });
    expect(spokenIn(response?.body ?? "")).toEqual([reply]);
  });

  it.each([["3"], ["#"], [""]])("says the text again after %j", (digits) => {
    const twiml = next(gather(digits));
    expect(spokenIn(twiml)[0]).toBe(speech.text);
    expect(twiml).toContain(
      'action="https://siaga.example/webhooks/twilio-voice/acc_1/t?delivery=dlv_1&amp;round=1&amp;language=id#rc=5&amp;rp=all"',
    );
    expect(twiml).toContain('actionOnEmptyResult="true"');
  });

  it("offers the choice again when the text is not at hand", () => {
    expect(spokenIn(next(gather("3"), null))).toHaveLength(1);
  });

  it.each([
    ["round=0", true, "first"],
    ["round=1", true, "second"],
    ["round=2", false, "third and last"],
    ["round=9", false, "beyond"],
  ])("repeats after %s: %j (%s)", (round, repeats) => {
    const twiml = next(gather("", { query: `delivery=dlv_1&${round}&language=id` }));
    expect(twiml.includes("<Gather")).toBe(repeats);
    expect(twiml.includes("<Hangup/>")).toBe(!repeats);
  });

  it("asks a doubtful answer to be pressed again, and then believes it", () => {
    const doubtful = gather("1", { answeredBy: "machine_start" });
    const twiml = next(doubtful);
    expect(twiml).toContain("confirm=1");
    expect(twiml).not.toContain("<Hangup/>");
    const again = gather("1", {
      answeredBy: "machine_start",
      query: "delivery=dlv_1&round=0&language=id&confirm=1",
    });
    expect(next(again)).toContain("<Hangup/>");
  });

  it("does not believe the last round of a machine either", () => {
    const last = gather("1", {
      answeredBy: "machine_end_beep",
      query: "delivery=dlv_1&round=2&language=id",
    });
    expect(reader?.parse(last, account(""), NOW)).toEqual([]);
    expect(next(last)).toContain("confirm=1");
  });

  it("speaks English in an English call", () => {
    const twiml = next(gather("1", { query: "delivery=dlv_1&round=0&language=en" }));
    expect(spokenIn(twiml)).toEqual(["Your answer: accepted. Thank you."]);
    expect(twiml).toContain('language="en-US"');
  });

  it("wants the text for what may need it", () => {
    expect(reader?.speechWanted?.(gather("3"))).toBe("dlv_1");
    expect(reader?.speechWanted?.(gather("1"))).toBe("dlv_1");
    const goodbye = gather("", { query: "delivery=dlv_1&round=2&language=id" });
    expect(reader?.speechWanted?.(goodbye)).toBeNull();
  });

  it("says nothing to a progress report", () => {
    const progress = { ...gather(""), url: "https://siaga.example/t?delivery=dlv_1" };
    expect(next(progress)).toContain("<Response/>");
    expect(reader?.speechWanted?.(progress)).toBeNull();
  });
});

describe("twilio's signature", () => {
  const reader = providerOf("twilio-sms")(() => Promise.reject(new Error("no calls"))).webhook;
  const url = "https://siaga.example/webhooks/twilio-sms/acc_1/t?delivery=dlv_1";
  const body = "MessageSid=SM1&MessageStatus=sent";
  const signed = (over: string, changes: Partial<RawWebhook> = {}): RawWebhook => ({
    method: "POST",
    url,
    headers: { "x-twilio-signature": signTwilioWebhook(over, parseForm(body), AUTH_TOKEN) },
    body: Buffer.from(body),
    ...changes,
  });

  it("matches the vendor's published example", () => {
    // https://www.twilio.com/docs/usage/webhooks/webhooks-security: token 12345.
    const params = parseForm(
      "CallSid=CA1234567890ABCDE&Caller=%2B12349013030&Digits=1234&From=%2B12349013030&To=%2B18005551212",
    );
    expect(signTwilioWebhook("https://mycompany.com/myapp.php?foo=1&bar=2", params, "12345")).toBe(
      "0/KCTR6DLpKmkAf8muzZqo1nDgQ=",
    );
  });

  it.each([
    [url, "as configured"],
    [url.replace("siaga.example", "siaga.example:443"), "with the usual port written out"],
  ])("is believed over %s (%s)", (over) => {
    expect(reader?.verify(signed(over), account(""))).toEqual({ ok: true });
  });

  it.each([
    [url.replace("https:", "http:"), "another scheme"],
    [url.replace("siaga.example", "evil.example"), "another host"],
    [url.replace("dlv_1", "dlv_2"), "another delivery"],
    [`${url}&x=1`, "one parameter more"],
  ])("is not believed over %s (%s)", (over) => {
    expect(reader?.verify(signed(over), account(""))).toEqual({
      ok: false,
      reason: "wrong_signature",
    });
  });

  it("covers every value of a parameter that comes twice", () => {
    const twice = "A=1&A=2&MessageSid=SM1";
    const request = (text: string): RawWebhook => ({
      method: "POST",
      url,
      headers: { "x-twilio-signature": signTwilioWebhook(url, parseForm(twice), AUTH_TOKEN) },
      body: Buffer.from(text),
    });
    expect(reader?.verify(request(twice), account(""))).toEqual({ ok: true });
    expect(reader?.verify(request("A=1&A=3&MessageSid=SM1"), account("")).ok).toBe(false);
  });

  it("covers a body that is no form by its hash", () => {
    const json = '{"a":1}';
    const { url: hashedUrl, signature } = signTwilioBody(url, json, AUTH_TOKEN);
    const request = (text: string): RawWebhook => ({
      method: "POST",
      url: hashedUrl,
      headers: { "x-twilio-signature": signature, "content-type": "application/json" },
      body: Buffer.from(text),
    });
    expect(reader?.verify(request(json), account(""))).toEqual({ ok: true });
    expect(reader?.verify(request('{"a":2}'), account(""))).toEqual({
      ok: false,
      reason: "wrong_signature",
    });
  });

  it("gives requests with one repeat token one key, and others others", () => {
    const withToken = (token: string, text: string): RawWebhook =>
      signed(url, {
        headers: { "i-twilio-idempotency-token": token },
        body: Buffer.from(text),
      });
    const keyOf = (request: RawWebhook): string | undefined =>
      reader?.parse(request, account(""), NOW)[0]?.eventKey;
    expect(keyOf(withToken("t1", body))).toBe(keyOf(withToken("t1", body)));
    expect(keyOf(withToken("t1", body))).not.toBe(keyOf(withToken("t2", body)));
    expect(keyOf(signed(url))).toBe(keyOf(signed(url)));
  });
});
