import { describe, expect, it } from "vitest";

import { createHttpClient } from "../../providers/http.ts";
import type { HttpCall } from "../../providers/http.ts";
import type {
  AccountContext,
  OutboundMessage,
  Provider,
  RawWebhook,
  SendResult,
} from "../../providers/provider.ts";
import { createMetaProviders } from "../../providers/whatsapp-cloud/index.ts";
import { signMetaWebhook } from "../../providers/whatsapp-cloud/signature.ts";
import {
  readPhoneNumberState,
  readTemplateState,
} from "../../providers/whatsapp-cloud/vocabulary.ts";
import {
  answer,
  NOW,
  providerErrorOf,
  runConformance,
  sendOptions,
  WEBHOOK_URL,
} from "./conformance.ts";
import { contentTypeOf, jsonIn } from "./forms.ts";
import { startScriptedServer } from "./scripted-server.ts";
import type { CapturedRequest, Script } from "./scripted-server.ts";

const APP_SECRET = "rahasia-aplikasi-meta";

const account = (baseUrl: string): AccountContext => ({
  accountId: "acc_1",
  baseUrl,
  sender: "106540352242922",
  credentials: {
    accessToken: "EAAtokenSistem",
    appSecret: APP_SECRET,
    verifyToken: "token-verifikasi",
  },
  settings: { businessAccountId: "102290129340398" },
});

const text: OutboundMessage = {
  to: { kind: "phone", e164: "+6281234000001" },
  text: "Tiang ODP roboh di Klari",
  language: "id",
  isWindowOpen: true,
};

const ACCEPTED = answer(200, {
  messaging_product: "whatsapp",
  contacts: [{ input: "6281234000001", wa_id: "6281234000001" }],
  messages: [{ id: "wamid.HBgM0001" }],
});

function create(httpCall: HttpCall): Provider {
  const [provider] = createMetaProviders(httpCall);
  if (provider === undefined) throw new Error("no meta provider");
  return provider;
}

function bodyText(request: CapturedRequest): string {
  const body = jsonIn(request) as { text?: { body?: string } };
  return body.text?.body ?? "";
}

runConformance({
  title: "meta",
  create,
  account,
  message: text,
  messageElsewhere: { ...text, to: { kind: "group", groupChatId: "120363020000000001@g.us" } },
  fixtures: {
    requests: "whatsapp-cloud/requests.json",
    successes: "whatsapp-cloud/successes.json",
    failures: "whatsapp-cloud/failures.json",
    webhooks: "whatsapp-cloud/webhooks.json",
  },
  textIn: bodyText,
  expectRequest: (request, expected) => {
    expect(jsonIn(request)).toEqual(expected.json);
    expect(contentTypeOf(request)).toBe("application/json");
    expect(request.headers.authorization).toBe("Bearer EAAtokenSistem");
  },
  refusalQuoting: (words) =>
    answer(400, {
      error: {
        message: words.join(" "),
        type: "OAuthException",
        code: 131026,
        error_data: { messaging_product: "whatsapp", details: words.join(" ") },
        fbtrace_id: "AbCdEf",
      },
    }),
  sign: (webhook, ours) => ({
    ...webhook,
    headers: {
      ...webhook.headers,
      "x-hub-signature-256": signMetaWebhook(webhook.body, ours.credentials["appSecret"] ?? ""),
    },
    body: Buffer.from(webhook.body),
  }),
  signWrongly: (webhook) => ({
    ...webhook,
    headers: {
      ...webhook.headers,
      "x-hub-signature-256": signMetaWebhook(webhook.body, "another secret"),
    },
    body: Buffer.from(webhook.body),
  }),
  unsignedReason: "missing_signature",
  wrongReason: "wrong_signature",
  skip: [],
});

type Run = { readonly result: SendResult | Error; readonly requests: readonly CapturedRequest[] };

async function sendOnce(
  message: OutboundMessage,
  script: Script = ACCEPTED,
  changes: Partial<AccountContext> = {},
): Promise<Run> {
  const server = await startScriptedServer();
  const client = createHttpClient();
  server.script(script);
  const result = await create(client.call)
    .send({ ...account(server.baseUrl), ...changes }, message, sendOptions())
    .catch((error: unknown) => (error instanceof Error ? error : new Error("not an error")));
  const requests = [...server.requests];
  client.close();
  await server.close();
  return { result, requests };
}

describe("meta", () => {
  it("refuses a free text outside the window when there is no template, without asking", async () => {
    const { result, requests } = await sendOnce({ ...text, isWindowOpen: false });
    expect(result).toMatchObject({ kind: "rejected", scope: "recipient", reason: "window_closed" });
    expect(requests).toHaveLength(0);
  });

  it("tries a free text when the window is unknown and there is no template", async () => {
    const { isWindowOpen: _unknown, ...message } = text;
    const { requests } = await sendOnce(message);
    expect(requests).toHaveLength(1);
    expect(jsonIn(requests[0] ?? fail())).toMatchObject({ type: "text" });
  });

  it("prefers free text to a template while the window is open", async () => {
    const template = {
      name: "alarm_ack_v1",
      languageCode: "id",
      bodyParameters: [],
      buttonPayloads: [],
    };
    const { requests } = await sendOnce({ ...text, template });
    expect(jsonIn(requests[0] ?? fail())).toMatchObject({ type: "text" });
  });

  it("leaves the buttons out when the text is too long to stand above them", async () => {
    const buttons = [{ id: "ack:1", title: "Terima" }];
    const fits = await sendOnce({ ...text, text: "x".repeat(1024), buttons });
    expect(jsonIn(fits.requests[0] ?? fail())).toMatchObject({ type: "interactive" });
    const tooLong = await sendOnce({ ...text, text: "x".repeat(1025), buttons });
    expect(jsonIn(tooLong.requests[0] ?? fail())).toMatchObject({ type: "text" });
  });

  const picture = {
    kind: "image",
    url: "https://siaga.example/a.jpg",
    fileName: "a.jpg",
    content: null,
  } as const;
  const place = {
    kind: "location",
    latitude: -6.3,
    longitude: 107.3,
    name: null,
    address: null,
  } as const;
  it.each([
    {
      chars: 1,
      attachment: picture,
      type: "interactive",
      why: "the shortest text stands above buttons",
    },
    { chars: 1024, attachment: picture, type: "interactive", why: "the longest one too" },
    { chars: 0, attachment: picture, type: "image", why: "buttons need a text above them" },
    { chars: 0, attachment: place, type: "location", why: "no header shows a place" },
  ])("sends $type for $attachment.kind, buttons and $chars characters: $why", async (row) => {
    const buttons = [{ id: "ack:1", title: "Terima" }];
    const message = { ...text, text: "x".repeat(row.chars), attachment: row.attachment, buttons };
    const { requests } = await sendOnce(message);
    expect(requests).toHaveLength(1);
    expect(jsonIn(requests[0] ?? fail())).toMatchObject({ type: row.type });
  });

  const button = (title: string, id = `id:${title}`): { id: string; title: string } => ({
    id,
    title,
  });
  it.each([
    [[button("a"), button("b"), button("c"), button("d")], "four buttons"],
    [[button("a"), button("a", "other")], "two alike"],
    [[button("")], "no title"],
    [[button("x".repeat(21))], "a title of 21 characters"],
    [[button("a", "")], "no id"],
    [[button("a", " a")], "an id that begins with a space"],
    [[button("a", "x".repeat(257))], "an id of 257 characters"],
  ])("refuses %j before sending (%s)", async (buttons) => {
    const { result, requests } = await sendOnce({ ...text, buttons });
    expect(result).toMatchObject({ kind: "rejected", reason: "invalid_request" });
    expect(requests).toHaveLength(0);
  });

  it("sends the longest title and id", async () => {
    const buttons = [button("x".repeat(20), "y".repeat(256))];
    const { result } = await sendOnce({ ...text, buttons });
    expect(result).toMatchObject({ status: "accepted" });
  });

  it("refuses a template with an empty parameter before sending", async () => {
    const template = {
      name: "alarm_ack_v1",
      languageCode: "id",
      bodyParameters: ["Pompa 3", " \n "],
      buttonPayloads: [],
    };
    const { result, requests } = await sendOnce({ ...text, isWindowOpen: false, template });
    expect(result).toMatchObject({ kind: "rejected", reason: "template" });
    expect(requests).toHaveLength(0);
  });

  it("refuses a pin with a text, because a pin has no caption", async () => {
    const attachment = {
      kind: "location",
      latitude: -6.3,
      longitude: 107.3,
      name: null,
      address: null,
    } as const;
    const { result } = await sendOnce({ ...text, attachment });
    expect(result).toMatchObject({ kind: "rejected", reason: "unsupported_content" });
  });

  it("refuses a caption one longer than the longest", async () => {
    const attachment = {
      kind: "image",
      url: "https://siaga.example/a.jpg",
      fileName: "a.jpg",
      content: null,
    } as const;
    const longest = await sendOnce({ ...text, text: "x".repeat(1024), attachment });
    expect(longest.result).toMatchObject({ status: "accepted" });
    const longer = await sendOnce({ ...text, text: "x".repeat(1025), attachment });
    expect(longer.result).toMatchObject({ kind: "rejected", reason: "too_long" });
  });

  it("uses the version and number of the settings", async () => {
    const settings = { apiVersion: "v26.0", phoneNumberId: "42" };
    const { requests } = await sendOnce(text, ACCEPTED, { settings, sender: "+6281234000099" });
    expect(requests[0]?.path).toBe("/v26.0/42/messages");
  });

  it("is not configured while neither settings nor sender name a number id", async () => {
    const { result, requests } = await sendOnce(text, ACCEPTED, {
      settings: {},
      sender: "+6281234000099",
    });
    expect(result).toMatchObject({ kind: "unauthorized", reason: "not_configured" });
    expect(requests).toHaveLength(0);
  });

  it.each<[number, number | null, string]>([
    [131056, 6_000, "pair limit"],
    [131048, 3_600_000, "quality limit"],
    [130429, null, "throughput: the caller's own pause"],
  ])("names a pause for %i (%s ms, %s)", async (code, expected) => {
    const { result } = await sendOnce(text, answer(400, { error: { code, message: "x" } }));
    expect(result).toMatchObject({ kind: "rate_limited", retryAfterMs: expected });
  });

  describe("set-up request", () => {
    const get = (query: string): RawWebhook => ({
      method: "GET",
      url: `${WEBHOOK_URL}?${query}`,
      headers: {},
      body: new Uint8Array(),
    });
    const reader = create(() => Promise.reject(new Error("no calls"))).webhook;

    it("is answered with its challenge when the token is ours", () => {
      const request = get(
        "hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token=token-verifikasi",
      );
      expect(reader?.verify(request, account(""))).toEqual({ ok: true });
      expect(reader?.parse(request, account(""), NOW)).toEqual([]);
      expect(reader?.respond(request, account(""), null)).toEqual({
        status: 200,
        contentType: "text/plain; charset=utf-8",
        body: "1158201444",
      });
    });

    it.each([
      ["hub.mode=subscribe&hub.challenge=1&hub.verify_token=other", "another token"],
      ["hub.mode=subscribe&hub.challenge=1", "no token"],
      ["hub.mode=unsubscribe&hub.challenge=1&hub.verify_token=token-verifikasi", "another mode"],
      ["hub.mode=subscribe&hub.verify_token=token-verifikasi", "no challenge"],
    ])("%s is refused (%s)", (query) => {
      expect(reader?.verify(get(query), account(""))).toEqual({
        ok: false,
        reason: "wrong_verify_token",
      });
    });
  });

  it("checks the signature over the bytes, not over what they mean", () => {
    const reader = create(() => Promise.reject(new Error("no calls"))).webhook;
    const escaped = '{"entry":[],"note":"\\u00e4\\/"}';
    const headers = { "x-hub-signature-256": signMetaWebhook(escaped, APP_SECRET) };
    const request = { method: "POST", url: WEBHOOK_URL, headers } as const;
    expect(reader?.verify({ ...request, body: Buffer.from(escaped) }, account(""))).toEqual({
      ok: true,
    });
    const rewritten = JSON.stringify(JSON.parse(escaped));
    expect(reader?.verify({ ...request, body: Buffer.from(rewritten) }, account(""))).toEqual({
      ok: false,
      reason: "wrong_signature",
    });
  });

  it("knows the documented signature of a known body and secret", () => {
    // printf 'hello' | openssl dgst -sha256 -hmac secret
    expect(signMetaWebhook("hello", "secret")).toBe(
      "sha256=88aab3ede8d3adf94d26ab90d3bafd4a2083070c3bcce9c014ee04a443847c0b",
    );
  });

  it.each([
    ["CONNECTED", "connected"],
    ["FLAGGED", "connected"],
    ["", "connected"],
    ["BANNED", "banned"],
    ["DELETED", "banned"],
    ["RESTRICTED", "restricted"],
    ["RATE_LIMITED", "restricted"],
    ["PENDING", "disconnected"],
    ["DISCONNECTED", "disconnected"],
    ["MIGRATED", "disconnected"],
    ["UNLINKED", "disconnected"],
    ["UNVERIFIED", "disconnected"],
  ])("reads the number's state %j as %s", (word, expected) => {
    expect(readPhoneNumberState(word)).toBe(expected);
  });

  it.each([
    ["APPROVED", "approved"],
    ["REINSTATED", "approved"],
    ["UNPAUSED", "approved"],
    ["UNARCHIVED", "approved"],
    ["FLAGGED", "approved"],
    ["PENDING", "pending"],
    ["IN_APPEAL", "pending"],
    ["PENDING_REVIEW", "pending"],
    ["PAUSED", "paused"],
    ["DISABLED", "disabled"],
    ["DELETED", "disabled"],
    ["PENDING_DELETION", "disabled"],
    ["ARCHIVED", "disabled"],
    ["LIMIT_EXCEEDED", "disabled"],
    ["REJECTED", "rejected"],
    ["rejected", "rejected"],
    ["ZZZ", "unknown"],
  ])("reads the template's state %j as %s", (word, expected) => {
    expect(readTemplateState(word)).toBe(expected);
  });

  it.each([
    {
      shown: "+62 812-3400-0093",
      phoneNumber: "+6281234000093",
      reason: "as Meta writes it for people",
    },
    { shown: "6281234000093", phoneNumber: "+6281234000093", reason: "as it stands in webhooks" },
    { shown: "", phoneNumber: null, reason: "nothing" },
    { shown: "+1 234", phoneNumber: null, reason: "no number that exists" },
    { shown: undefined, phoneNumber: null, reason: "not told" },
  ])(
    "tells the number behind its id: $shown is $phoneNumber ($reason)",
    async ({ shown, phoneNumber }) => {
      const server = await startScriptedServer();
      const client = createHttpClient();
      server.script(
        answer(200, {
          id: "106540352242922",
          status: "CONNECTED",
          ...(shown === undefined ? {} : { display_phone_number: shown }),
        }),
      );
      const probe = await create(client.call).probe?.(account(server.baseUrl), {
        signal: new AbortController().signal,
        timeoutMs: 1_000,
        now: NOW,
      });
      expect(probe).toMatchObject({ phoneNumber });
      client.close();
      await server.close();
    },
  );

  it("asks whether the number may send", async () => {
    const server = await startScriptedServer();
    const client = createHttpClient();
    const provider = create(client.call);
    const options = { signal: new AbortController().signal, timeoutMs: 1_000, now: NOW };
    server.script(answer(200, { id: "106540352242922", status: "CONNECTED" }));
    expect(await provider.probe?.(account(server.baseUrl), options)).toMatchObject({
      state: "connected",
    });
    expect(server.requests[0]?.path).toBe(
      "/v23.0/106540352242922?fields=id,status,quality_rating,display_phone_number",
    );
    server.script(answer(401, { error: { code: 190, message: "expired" } }));
    const refused = await providerErrorOf(
      provider.probe?.(account(server.baseUrl), options) ?? Promise.resolve(),
    );
    expect(refused).toMatchObject({ kind: "unauthorized", scope: "account" });
    server.script(answer(500, { error: { code: 1, message: "?" } }));
    const lost = await providerErrorOf(
      provider.probe?.(account(server.baseUrl), options) ?? Promise.resolve(),
    );
    expect(lost.kind).toBe("unavailable");
    client.close();
    await server.close();
  });

  it("lists the templates", async () => {
    const server = await startScriptedServer();
    const client = createHttpClient();
    server.script(
      answer(200, {
        data: [
          {
            name: "alarm_ack_v1",
            language: "id",
            status: "APPROVED",
            category: "UTILITY",
            components: [
              { type: "HEADER", format: "TEXT", text: "Siaga" },
              { type: "BODY", text: "{{2}} di {{1}}, sekali lagi {{1}}" },
              {
                type: "BUTTONS",
                buttons: [
                  { type: "QUICK_REPLY", text: "Terima" },
                  { type: "QUICK_REPLY", text: "Tolak" },
                ],
              },
            ],
          },
          {
            name: "alarm_ack_v2",
            language: "en_US",
            status: "PAUSED",
            components: [
              { type: "HEADER", format: "IMAGE" },
              { type: "BODY", text: "Outage at {{location}}" },
              {
                type: "BUTTONS",
                buttons: [
                  { type: "QUICK_REPLY", text: "Accept" },
                  { type: "URL", text: "Open", url: "https://x.example/{{1}}" },
                ],
              },
            ],
          },
          {
            name: "siaga_otp",
            language: "id",
            status: "APPROVED",
            category: "AUTHENTICATION",
            components: [
              { type: "BODY", text: "*{{1}}* adalah kode verifikasi Anda." },
              { type: "FOOTER", text: "Kode ini kedaluwarsa dalam 5 menit." },
              {
                type: "BUTTONS",
                buttons: [
                  {
                    type: "URL",
                    text: "Salin kode",
                    url: "https://www.whatsapp.com/otp/code/?otp_type=COPY_CODE&code_expiration_minutes=5&code=otp{{1}}",
                  },
                ],
              },
            ],
          },
          { name: "bare", language: "id", status: "WHATEVER" },
          { name: "broken" },
        ],
        paging: { cursors: { before: "a", after: "b" } },
      }),
    );
    const templates = await create(client.call).listTemplates?.(account(server.baseUrl), {
      signal: new AbortController().signal,
      timeoutMs: 1_000,
      now: NOW,
    });
    expect(templates).toEqual([
      {
        name: "alarm_ack_v1",
        languageCode: "id",
        state: "approved",
        category: "UTILITY",
        body: "{{2}} di {{1}}, sekali lagi {{1}}",
        parameters: ["1", "2"],
        quickReplies: 2,
        unfillable: [],
      },
      {
        name: "alarm_ack_v2",
        languageCode: "en_US",
        state: "paused",
        category: null,
        body: "Outage at {{location}}",
        parameters: ["location"],
        quickReplies: 1,
        unfillable: ["header", "button"],
      },
      {
        name: "siaga_otp",
        languageCode: "id",
        state: "approved",
        category: "AUTHENTICATION",
        body: "*{{1}}* adalah kode verifikasi Anda.",
        parameters: ["1"],
        quickReplies: 0,
        unfillable: ["code_button"],
      },
      {
        name: "bare",
        languageCode: "id",
        state: "unknown",
        category: null,
        body: null,
        parameters: null,
        quickReplies: null,
        unfillable: [],
      },
    ]);
    expect(server.requests).toHaveLength(1);
    expect(server.requests[0]?.path).toMatch(
      /^\/v23\.0\/102290129340398\/message_templates\?fields=/,
    );
    client.close();
    await server.close();
  });
});

function fail(): never {
  throw new Error("nothing was sent");
}
