/**
 * What every provider must do alike, run on each of them against a scripted vendor: read answers by the vendor's rules, call
 * nothing sent that is not, never say more than it knows, and let no secret, number or text into an error. A case that does
 * not apply to a vendor is skipped with its reason.
 */
import { readFileSync } from "node:fs";
import { inspect } from "node:util";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { z } from "zod";

import { ProviderError } from "../../providers/errors.ts";
import { createHttpClient } from "../../providers/http.ts";
import type { HttpCall } from "../../providers/http.ts";
import type {
  AccountContext,
  Destination,
  InboundEvent,
  OutboundMessage,
  Provider,
  RawWebhook,
  SendOptions,
  SendResult,
  WebhookReader,
} from "../../providers/provider.ts";
import { closedPort, startScriptedServer, startSilentServer } from "./scripted-server.ts";
import type { CapturedRequest, Script, ScriptedServer } from "./scripted-server.ts";

export const NOW = Date.UTC(2026, 8, 1, 12, 0, 0);
const TIMEOUT_MS = 5_000;
/** Long enough for a loopback request to arrive, short enough to wait for. */
const SHORT_TIMEOUT_MS = 200;

export type SkippableCase =
  | "a secret in the address"
  | "a secret in the body"
  | "long text"
  | "attachments"
  | "a success that cannot be read";

/** How a vendor is reached that does not speak plain HTTP. */
export type Wire = {
  /** A vendor that does what a test tells it; it plays the scripts of `answer` in its own words. */
  readonly start: () => Promise<ScriptedServer>;
  readonly addressAt: (port: number) => string;
  readonly secureAddressAt: (port: number) => string;
};

export type UnsignedWebhook = {
  readonly method: "POST";
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
};

export type Conformance = {
  readonly title: string;
  readonly create: (httpCall: HttpCall) => Provider;
  readonly account: (baseUrl: string) => AccountContext;
  /** Absent: HTTP, and everything that is true of HTTP alone is tested too. */
  readonly wire?: Wire;
  /** Requests beside the sends, such as a sign-in, with what is answered; null for a send. */
  readonly aside?: (request: CapturedRequest) => Script | null;
  /** For a destination that names the vendor's own address: the same message, to that address. */
  readonly messageAt?: (message: OutboundMessage, baseUrl: string) => OutboundMessage;
  /** A message that this provider can send. */
  readonly message: OutboundMessage;
  /** A message to a destination of a kind that this provider does not serve. */
  readonly messageElsewhere: OutboundMessage;
  readonly fixtures: {
    readonly requests: string;
    readonly successes: string;
    readonly failures: string;
    /** Null: this vendor tells nothing. */
    readonly webhooks: string | null;
  };
  /** What the vendor would put before the recipient. */
  readonly textIn: (request: CapturedRequest) => string;
  /** How a text reaches the recipient where the provider may not hand it on as it is. */
  readonly textAsSent?: (text: string) => string;
  /** Compares a captured request with the expectation of a request fixture. */
  readonly expectRequest: (request: CapturedRequest, expected: RequestExpectation) => void;
  /** The vendor's body of a refusal that quotes everything it should not. */
  readonly refusalQuoting: (words: readonly string[]) => Script;
  /** Makes a webhook authentic, and makes one that only looks so. These four: for a vendor that has webhooks. */
  readonly sign?: (webhook: UnsignedWebhook, account: AccountContext) => RawWebhook;
  readonly signWrongly?: (webhook: UnsignedWebhook, account: AccountContext) => RawWebhook;
  readonly unsignedReason?: string;
  readonly wrongReason?: string;
  readonly skip: readonly { readonly case: SkippableCase; readonly reason: string }[];
};

const requestExpectation = z.object({
  method: z.string(),
  path: z.string(),
  fields: z.record(z.string(), z.string()).optional(),
  json: z.unknown().optional(),
  form: z.array(z.tuple([z.string(), z.string()])).optional(),
});
export type RequestExpectation = z.infer<typeof requestExpectation>;

const requestFixtures = z.array(
  z.object({
    name: z.string(),
    source: z.string(),
    deliveryKey: z.string().default("dlv_1"),
    webhookUrl: z.string().nullable().default(null),
    validForSeconds: z.number().nullable().default(null),
    sender: z.string().optional(),
    message: z.custom<OutboundMessage>((value) => typeof value === "object").transform(withBytes),
    expected: requestExpectation,
  }),
);
/** In a fixture a file's bytes are written in Base64. */
const writtenContent = z.object({ base64: z.base64(), contentType: z.string() });

function withBytes(message: OutboundMessage): OutboundMessage {
  const { attachment } = message;
  if (attachment === undefined || attachment.kind === "location") return message;
  const written = writtenContent.safeParse(attachment.content);
  if (!written.success) return message;
  const { base64, contentType } = written.data;
  const content = { bytes: Buffer.from(base64, "base64"), contentType };
  return { ...message, attachment: { ...attachment, content } };
}

const successFixtures = z.array(
  z.object({
    name: z.string(),
    source: z.string(),
    status: z.number(),
    headers: z.record(z.string(), z.string()).default({}),
    body: z.unknown(),
    expected: z.record(z.string(), z.unknown()),
  }),
);
const failureFixtures = z.array(
  z.object({
    reason: z.string(),
    at: z.string().optional(),
    status: z.number(),
    headers: z.record(z.string(), z.string()).default({}),
    body: z.unknown(),
    expected: z.record(z.string(), z.unknown()),
  }),
);
const webhookFixtures = z.array(
  z.object({
    name: z.string(),
    source: z.string(),
    query: z.string().default(""),
    json: z.unknown().optional(),
    form: z.string().optional(),
    expected: z.array(z.record(z.string(), z.unknown())),
  }),
);
export type WebhookFixture = z.infer<typeof webhookFixtures>[number];

function readFixtures<T>(schema: z.ZodType<T>, file: string): T {
  const url = new URL(`./fixtures/${file}`, import.meta.url);
  return schema.parse(JSON.parse(readFileSync(url, "utf8")));
}

export function readWebhookFixtures(file: string): readonly WebhookFixture[] {
  return readFixtures(webhookFixtures, file);
}

export const WEBHOOK_URL = "https://siaga.example/webhooks/provider/acc_1/token";

export function unsignedWebhook(fixture: WebhookFixture): UnsignedWebhook {
  const isForm = fixture.form !== undefined;
  return {
    method: "POST",
    url: `${WEBHOOK_URL}${fixture.query}`,
    headers: {
      "content-type": isForm ? "application/x-www-form-urlencoded" : "application/json",
    },
    body: fixture.form ?? JSON.stringify(fixture.json),
  };
}

export function sendOptions(changes: Partial<SendOptions> = {}): SendOptions {
  return {
    signal: new AbortController().signal,
    timeoutMs: TIMEOUT_MS,
    deliveryKey: "dlv_1",
    webhookUrl: WEBHOOK_URL,
    validForSeconds: null,
    now: NOW,
    ...changes,
  };
}

export async function providerErrorOf(promise: Promise<unknown>): Promise<ProviderError> {
  const outcome: unknown = await promise.then(
    (value) => ({ value }),
    (error: unknown) => error,
  );
  if (outcome instanceof ProviderError) return outcome;
  throw new Error(`expected a ProviderError, found ${inspect(outcome)}`);
}

export function runConformance(conformance: Conformance): void {
  const { title, account, message, fixtures } = conformance;
  const reasonToSkip = (name: SkippableCase): string | undefined =>
    conformance.skip.find((skipped) => skipped.case === name)?.reason;

  describe(`invariant 26: ${title} (conformance)`, () => {
    const client = createHttpClient();
    const provider = conformance.create(client.call);
    let server: ScriptedServer;
    const success = readFixtures(successFixtures, fixtures.successes)[0];

    beforeAll(async () => {
      server = await (conformance.wire?.start() ?? startScriptedServer(conformance.aside));
    });
    beforeEach(() => {
      server.script(answer(success?.status ?? 0, success?.body, success?.headers));
    });
    afterAll(async () => {
      client.close();
      await server.close();
    });

    const { addressAt, secureAddressAt } = conformance.wire ?? HTTP_ADDRESSES;

    const send = (
      changes: { readonly message?: OutboundMessage; readonly account?: AccountContext } = {},
      options: Partial<SendOptions> = {},
    ): Promise<SendResult> => {
      const sender = changes.account ?? account(server.baseUrl);
      const plain = changes.message ?? message;
      const addressed = conformance.messageAt?.(plain, sender.baseUrl ?? "") ?? plain;
      return provider.send(sender, addressed, sendOptions(options));
    };

    /** Runs the send and checks what holds of every failure, whatever it is. */
    const failing = async (promise: Promise<unknown>): Promise<ProviderError> => {
      const error = await providerErrorOf(promise);
      const addressed = conformance.messageAt?.(message, server.baseUrl) ?? message;
      expectNothingSecret(error, secretsOf(account(server.baseUrl), addressed));
      expect(error.provider).toBe(provider.id);
      return error;
    };

    describe("requests", () => {
      it.each(readFixtures(requestFixtures, fixtures.requests))(
        "writes $name as the vendor describes it ($source)",
        async (fixture) => {
          const plain = account(server.baseUrl);
          await send(
            {
              message: fixture.message,
              account: { ...plain, sender: fixture.sender ?? plain.sender },
            },
            {
              deliveryKey: fixture.deliveryKey,
              webhookUrl: fixture.webhookUrl,
              validForSeconds: fixture.validForSeconds,
            },
          );
          expect(server.requests).toHaveLength(1);
          const [request] = server.requests;
          if (request === undefined) throw new Error("nothing was captured");
          expect([request.method, request.path]).toEqual([
            fixture.expected.method,
            fixture.expected.path,
          ]);
          conformance.expectRequest(request, fixture.expected);
        },
      );

      it.each([
        ["emoji", "Alarm 🚨 POP Klari 👍🏽 selesai?"],
        ["quotes", `"Tekanan" 'pompa' \\ «3» & <9.8> %41 + ? # = ; {name} {{ x }}`],
        ["newlines", "baris satu\nbaris dua\n\nbaris empat"],
        ["other scripts", "Ñandú – 漢字 – العربية – ไทย"],
        ["what looks like the encoding", "--boundary\n&a=b%0A\u0022}],{"],
      ])("hands on %s as they are", async (_what, text) => {
        const spoken = conformance.textAsSent ?? ((unchanged: string) => unchanged);
        await send({ message: { ...message, text } });
        const [request] = server.requests;
        if (request === undefined) throw new Error("nothing was captured");
        expect(conformance.textIn(request)).toBe(spoken(text));
      });

      if (reasonToSkip("a secret in the address") === undefined) {
        it("puts no secret into the address", async () => {
          await send();
          const [request] = server.requests;
          const secrets = Object.values(account(server.baseUrl).credentials).filter(
            (value) => !/^(AC|SK)/.test(value),
          );
          for (const secret of secrets) expect(request?.path).not.toContain(secret);
        });
      }
    });

    describe("what is refused before anything is sent", () => {
      it("is a destination of another kind", async () => {
        const error = await failing(send({ message: conformance.messageElsewhere }));
        expect(error).toMatchObject({ kind: "rejected", scope: "recipient" });
        expect(server.requests).toHaveLength(0);
      });

      it("is an empty message", async () => {
        const error = await failing(send({ message: { ...message, text: "" } }));
        expect(error).toMatchObject({ kind: "rejected", reason: "invalid_request" });
        expect(server.requests).toHaveLength(0);
      });

      it("is everything while the account has no credentials: never a success", async () => {
        const unconfigured = { ...account(server.baseUrl), credentials: {} };
        const error = await failing(send({ account: unconfigured }));
        expect(error).toMatchObject({
          kind: "unauthorized",
          scope: "account",
          reason: "not_configured",
          surelyNotSent: true,
        });
        expect(server.requests).toHaveLength(0);
      });

      if (reasonToSkip("long text") === undefined) {
        it("is a text one longer than the longest", async () => {
          const longest = "x".repeat(provider.limits.textCharsMax);
          await send({ message: { ...message, text: longest } });
          expect(server.requests).toHaveLength(1);
          const error = await failing(send({ message: { ...message, text: `${longest}x` } }));
          expect(error).toMatchObject({ kind: "rejected", reason: "too_long" });
          expect(server.requests).toHaveLength(1);
        });
      }

      if (reasonToSkip("attachments") !== undefined) {
        it("is an attachment that this vendor cannot carry", async () => {
          const withImage: OutboundMessage = {
            ...message,
            attachment: {
              kind: "image",
              url: "https://siaga.example/a.jpg",
              fileName: "a.jpg",
              content: null,
            },
          };
          const error = await failing(send({ message: withImage }));
          expect(error).toMatchObject({ kind: "rejected", reason: "unsupported_content" });
          expect(server.requests).toHaveLength(0);
        });
      }

      it("is a message whose caller has given up already", async () => {
        const error = await failing(send({}, { signal: AbortSignal.abort() }));
        expect(error).toMatchObject({
          kind: "unavailable",
          scope: "recipient",
          reason: "aborted_before_send",
          surelyNotSent: true,
        });
        expect(server.requests).toHaveLength(0);
      });
    });

    describe("answers", () => {
      it.each(readFixtures(successFixtures, fixtures.successes))(
        "takes $name for accepted ($source)",
        async (fixture) => {
          server.script(answer(fixture.status, fixture.body, fixture.headers));
          const result = await send();
          expect(result).toMatchObject(fixture.expected);
          expect(server.requests).toHaveLength(1);
          const secrets = secretsOf(account(server.baseUrl), message);
          for (const secret of secrets) {
            expect(JSON.stringify(result.providerResponse)).not.toContain(secret);
          }
        },
      );

      it.each(readFixtures(failureFixtures, fixtures.failures))(
        "takes $reason for $expected.kind",
        async (fixture) => {
          const script = answer(fixture.status, fixture.body, fixture.headers);
          server.script(fixture.at === undefined ? script : { ...script, at: fixture.at });
          const error = await failing(send());
          expect(error).toMatchObject(fixture.expected);
          expect(server.requests).toHaveLength(1);
        },
      );

      if (conformance.wire === undefined) {
        it.each<[string | null, number | null, string]>([
          ["7", 7_000, "seconds"],
          ["Tue, 01 Sep 2026 12:00:30 GMT", 30_000, "an HTTP date"],
          [null, null, "nothing said"],
        ])("waits on 429 with Retry-After %j for %j ms (%s)", async (value, expected) => {
          const headers = value === null ? {} : { "retry-after": value };
          server.script(answer(429, {}, headers));
          const error = await failing(send());
          expect(error).toMatchObject({
            kind: "rate_limited",
            scope: "account",
            surelyNotSent: true,
            retryAfterMs: expected,
          });
        });

        if (reasonToSkip("a success that cannot be read") === undefined) {
          it.each([
            ["an empty body", answer(200, "")],
            ["an empty object", answer(200, {})],
            ["a list", answer(200, [])],
            ["a word", answer(200, '"ok"')],
            ["null", answer(200, "null")],
            ["a page", answer(200, "<html><body>OK</body></html>")],
            ["half a body", answer(200, '{"status": true, "id": ["1"')],
            ["nothing at all (204)", answer(204, "")],
            ["a body that is cut off", { do: "cut", status: 200, body: "{" } as const],
            ["a body without end", answer(200, "x".repeat(2 * 1024 * 1024))],
          ])(
            "takes a success with %s for an unknown outcome, never for sent",
            async (_w, script) => {
              server.script(script);
              const error = await failing(send());
              expect(error).toMatchObject({
                kind: "unknown_outcome",
                scope: "account",
                reason: "unreadable_answer",
                surelyNotSent: false,
              });
              expect(server.requests).toHaveLength(1);
            },
          );
        }

        it.each([
          ["a page with 500", answer(500, "<html>oops</html>"), "unknown_outcome"],
          ["a page with 502", answer(502, "<html>bad gateway</html>"), "unknown_outcome"],
          ["a page with 504", answer(504, "<html>timeout</html>"), "unknown_outcome"],
          ["a page with 400", answer(400, "<html>bad</html>"), "malformed"],
          ["a redirection", answer(307, "", { location: "/elsewhere" }), "malformed"],
          ["a page with 429", answer(429, "<html>slow</html>"), "rate_limited"],
          ["a page with 401", answer(401, "<html>who</html>"), "unauthorized"],
        ])("takes %s by its status", async (_what, script, kind) => {
          server.script(script);
          const error = await failing(send());
          expect([error.kind, error.scope]).toEqual([kind, "account"]);
          expect(server.requests).toHaveLength(1);
        });
      }
    });

    describe("the way there", () => {
      it("knows that nothing was sent when nobody listens", async () => {
        const error = await failing(send({ account: account(addressAt(await closedPort())) }));
        expect(error).toMatchObject({
          kind: "unavailable",
          scope: "account",
          reason: "no_connection",
          surelyNotSent: true,
        });
      });

      it("knows that nothing was sent when no secure connection comes about", async () => {
        const silent = await startSilentServer();
        const error = await failing(
          send({ account: account(secureAddressAt(silent.port)) }, { timeoutMs: SHORT_TIMEOUT_MS }),
        );
        await silent.close();
        expect(error).toMatchObject({
          kind: "unavailable",
          scope: "account",
          reason: "timeout",
          surelyNotSent: true,
        });
      });

      it.each([
        ["the connection is reset", { do: "reset" } as const, "connection_lost"],
        ["the connection is closed", { do: "close" } as const, "connection_lost"],
        ["no answer comes", { do: "hang" } as const, "timeout"],
      ])("knows nothing when %s after the request", async (_what, script, reason) => {
        server.script(script);
        const error = await failing(send({}, { timeoutMs: SHORT_TIMEOUT_MS }));
        expect(error).toMatchObject({
          kind: "unknown_outcome",
          scope: "account",
          reason,
          surelyNotSent: false,
        });
        expect(server.requests).toHaveLength(1);
      });

      it("knows nothing when the caller gives up while the vendor thinks", async () => {
        server.script({ do: "hang" });
        const giveUp = new AbortController();
        const pending = failing(send({}, { signal: giveUp.signal }));
        await server.firstRequest();
        giveUp.abort();
        const error = await pending;
        expect(error).toMatchObject({ kind: "unknown_outcome", scope: "recipient" });
      });
    });

    it("knows nothing when the answer is none of the vendor's, and shows none of its bytes", async () => {
      server.script({ do: "garbage", body: secretsOf(account(""), message).join("\n") });
      const error = await failing(send());
      expect(error).toMatchObject({ kind: "unknown_outcome", surelyNotSent: false });
      expect(inspect(error, { depth: 20, showHidden: true })).not.toContain("<Buffer");
    });

    it("lets nothing that a vendor quotes into an error", async () => {
      const quoted = secretsOf(account(server.baseUrl), message);
      server.script(conformance.refusalQuoting(quoted));
      const error = await failing(send());
      expect(error.message).toContain(provider.id);
    });

    if (fixtures.webhooks === null) {
      it("promises nothing that only a webhook could tell", () => {
        const { receipts, replies, quotes, reactions, keyPresses } = provider.capabilities;
        const promised = [...Object.values(receipts), replies, quotes, reactions, keyPresses];
        expect(provider.webhook).toBeNull();
        expect(promised).not.toContain(true);
      });
    }

    describe.skipIf(fixtures.webhooks === null)("webhooks", () => {
      if (fixtures.webhooks === null) return;
      const { sign, signWrongly } = signersOf(conformance);
      const cases = readWebhookFixtures(fixtures.webhooks);
      const reader = webhookOf(provider);
      const ours = account("http://unused.example");

      it.each(cases)("reads $name ($source)", (fixture) => {
        const request = sign(unsignedWebhook(fixture), ours);
        expect(reader.verify(request, ours)).toEqual({ ok: true });
        expect(reader.parse(request, ours, NOW)).toMatchObject(fixture.expected);
        expect(reader.parse(request, ours, NOW)).toHaveLength(fixture.expected.length);
        expect(reader.respond(request, ours, null).status).toBe(200);
      });

      it.each(cases)("gives a repeat of $name the same keys", (fixture) => {
        const request = sign(unsignedWebhook(fixture), ours);
        const first = keysOf(reader.parse(request, ours, NOW));
        expect(keysOf(reader.parse(request, ours, NOW + 20_000))).toEqual(first);
        expect(new Set(first).size).toBe(first.length);
      });

      it("gives different events different keys", () => {
        const bodies = new Set<string>();
        const keys = cases.flatMap((fixture) => {
          const unsigned = unsignedWebhook(fixture);
          const content = `${unsigned.body}${unsigned.url}`;
          if (bodies.has(content)) return [];
          bodies.add(content);
          return reader
            .parse(sign(unsigned, ours), ours, NOW)
            .map((event) => ({ key: event.eventKey, what: JSON.stringify({ ...event }) }));
        });
        const byKey = new Map<string, Set<string>>();
        for (const { key, what } of keys) {
          byKey.set(key, (byKey.get(key) ?? new Set()).add(identityOf(what)));
        }
        const shared = [...byKey.values()].filter((events) => events.size > 1);
        expect(shared.map((events) => [...events])).toEqual([]);
      });

      it("refuses one without its proof", () => {
        const [fixture] = cases;
        if (fixture === undefined) throw new Error("no webhook fixtures");
        const { headers, ...rest } = unsignedWebhook(fixture);
        const request: RawWebhook = { ...rest, headers, body: Buffer.from(rest.body) };
        expect(reader.verify(request, ours)).toEqual({
          ok: false,
          reason: conformance.unsignedReason,
        });
      });

      it.each(cases)("refuses $name with a wrong proof", (fixture) => {
        const request = signWrongly(unsignedWebhook(fixture), ours);
        expect(reader.verify(request, ours)).toEqual({
          ok: false,
          reason: conformance.wrongReason,
        });
      });

      if (reasonToSkip("a secret in the body") === undefined) {
        it("refuses one that was changed after it was signed", () => {
          for (const fixture of cases) {
            const signed = sign(unsignedWebhook(fixture), ours);
            const changed = { ...signed, body: Buffer.concat([signed.body, Buffer.from(" ")]) };
            expect(reader.verify(changed, ours)).toEqual({
              ok: false,
              reason: conformance.wrongReason,
            });
          }
        });
      }

      it("refuses all while the account is not configured", () => {
        const [fixture] = cases;
        if (fixture === undefined) throw new Error("no webhook fixtures");
        const request = sign(unsignedWebhook(fixture), ours);
        expect(reader.verify(request, { ...ours, credentials: {} })).toEqual({
          ok: false,
          reason: "not_configured",
        });
      });

      it.each([
        ["nothing", ""],
        ["no text", "\u0000\u0001\ufffd"],
        ["half an object", '{"entry":[{"changes":[{'],
        ["deep nesting", `${"[".repeat(5_000)}${"]".repeat(5_000)}`],
        ["null where objects are", '{"entry":null,"id":null,"sender":{},"status":[]}'],
        ["lists of nonsense", '{"entry":[1,"x",null,{"changes":[null,{"value":3}]}]}'],
        ["a list", "[]"],
      ])("does not stumble over %s", (_what, body) => {
        const request: RawWebhook = {
          method: "POST",
          url: WEBHOOK_URL,
          headers: { "content-type": "application/json" },
          body: Buffer.from(body),
        };
        const events = reader.parse(request, ours, NOW);
        expect(events.every((event) => event.kind === "unrecognised")).toBe(true);
        expect(reader.verify(request, ours).ok).toBe(false);
      });
    });

    it("skips only with a reason", () => {
      for (const skipped of conformance.skip) expect(skipped.reason.length).toBeGreaterThan(10);
    });
  });
}

const HTTP_ADDRESSES: Pick<Wire, "addressAt" | "secureAddressAt"> = {
  addressAt: (port) => `http://127.0.0.1:${port}`,
  secureAddressAt: (port) => `https://127.0.0.1:${port}`,
};

export function answer(
  status: number,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): Extract<Script, { readonly do: "answer" }> {
  const isText = typeof body === "string";
  return {
    do: "answer",
    status,
    headers: { "content-type": isText ? "text/html" : "application/json", ...headers },
    body: isText ? body : JSON.stringify(body),
  };
}

function signersOf({
  title,
  sign,
  signWrongly,
}: Conformance): Required<Pick<Conformance, "sign" | "signWrongly">> {
  if (sign !== undefined && signWrongly !== undefined) return { sign, signWrongly };
  throw new Error(`${title}: who has webhooks says how they are signed`);
}

function webhookOf(provider: Provider): WebhookReader {
  if (provider.webhook === null) throw new Error(`${provider.id} has no webhook`);
  return provider.webhook;
}

function keysOf(events: readonly InboundEvent[]): readonly string[] {
  return events.map((event) => event.eventKey);
}

/** An event without what may differ between two reports of the same fact. */
function identityOf(event: string): string {
  const { eventKey: _key, ...rest } = z.record(z.string(), z.unknown()).parse(JSON.parse(event));
  return JSON.stringify(rest);
}

/** Everything that must stay out of logs: credentials, the recipient in every spelling, the text. */
function secretsOf(account: AccountContext, message: OutboundMessage): readonly string[] {
  return [...Object.values(account.credentials), addressIn(message.to), message.text];
}

function addressIn(to: Destination): string {
  switch (to.kind) {
    case "phone":
      return to.e164.slice(1);
    case "group":
      return to.groupChatId;
    case "email":
      return to.address;
    case "push_subscription":
      return to.endpoint;
    case "push_token":
      return to.token;
  }
}

/** Looks at everything that a logger could print of an error, its causes included. */
export function expectNothingSecret(error: Error, secrets: readonly string[]): void {
  const printed = inspect(error, { depth: 20, showHidden: true, maxStringLength: null });
  const serialised = JSON.stringify([error, error.message, error.stack]);
  for (const secret of secrets) {
    expect(printed).not.toContain(secret);
    expect(serialised).not.toContain(secret);
    expect(printed).not.toContain(Buffer.from(secret).toString("base64"));
  }
  if (error.cause instanceof Error) expectNothingSecret(error.cause, secrets);
}
