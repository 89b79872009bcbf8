import { once } from "node:events";
import net from "node:net";

import { SMTPServer } from "smtp-server";
import type { SMTPServerOptions } from "smtp-server";
import { describe, expect, it, onTestFinished } from "vitest";

import type { AccountContext, OutboundMessage, Provider } from "../../providers/provider.ts";
import { readMailServer } from "../../providers/smtp/config.ts";
import { createSmtpProviders } from "../../providers/smtp/index.ts";
import { SMTP_STEPS, judgeReply, readReply } from "../../providers/smtp/vocabulary.ts";
import { answer, providerErrorOf, runConformance, sendOptions } from "./conformance.ts";
import { SMTP_WIRE, commandsIn, mailIn } from "./scripted-mail-server.ts";
import type { CapturedRequest } from "./scripted-server.ts";
import { CERTIFICATE, PRIVATE_KEY } from "./self-signed.ts";

const account = (baseUrl: string): AccountContext => ({
  accountId: "acc_1",
  baseUrl,
  sender: "alarm@alerts.example.id",
  credentials: { user: "siaga-kirim", password: "kata+sandi/pos" },
  settings: { fromName: "Alarm Siaga", replyTo: "noc@alerts.example.id" },
});

const toBudi: OutboundMessage = {
  to: { kind: "email", address: "budi@example.id" },
  text: "Tiang ODP roboh di Klari",
  language: "id",
};

function provider(): Provider {
  const [found] = createSmtpProviders();
  if (found === undefined) throw new Error("there is one");
  return found;
}

function fieldsIn(request: CapturedRequest): Readonly<Record<string, string>> {
  const mail = mailIn(request);
  const html = typeof mail.html === "string" ? mail.html : "";
  const button = /<a href="([^"]*)"[^>]*>([^<]*)</.exec(html);
  const header = (name: string): string => {
    const value = mail.headers.get(name);
    return typeof value === "string" ? value : "";
  };
  const said = (start: string) =>
    commandsIn(request).find((line) => line.startsWith(start)) ?? "nothing";
  return {
    from: mail.from?.text ?? "",
    to: [mail.to ?? []]
      .flat()
      .map(({ text }) => text)
      .join(),
    bcc: [mail.bcc ?? []]
      .flat()
      .map(({ text }) => text)
      .join(),
    replyTo: mail.replyTo?.text ?? "",
    subject: mail.subject ?? "",
    text: textIn(request),
    messageId: mail.messageId ?? "",
    autoSubmitted: header("auto-submitted"),
    language: header("content-language"),
    button: button?.[1] ?? "",
    buttonText: button?.[2] ?? "",
    sender: said("MAIL FROM"),
    recipient: said("RCPT TO"),
  };
}

/** A mail's text ends with a line end, whatever was written. */
function textIn(request: CapturedRequest): string {
  return mailIn(request).text?.replace(/\n$/, "") ?? "";
}

runConformance({
  title: "smtp",
  wire: SMTP_WIRE,
  create: () => provider(),
  account,
  message: toBudi,
  messageElsewhere: { ...toBudi, to: { kind: "phone", e164: "+6281234000001" } },
  fixtures: {
    requests: "smtp/requests.json",
    successes: "smtp/successes.json",
    failures: "smtp/failures.json",
    webhooks: null,
  },
  textIn,
  expectRequest: (request, expected) => {
    expect(fieldsIn(request)).toMatchObject(expected.fields ?? {});
    expect(commandsIn(request)[1]).toBe(
      `AUTH PLAIN ${Buffer.from("\0siaga-kirim\0kata+sandi/pos").toString("base64")}`,
    );
  },
  refusalQuoting: (words) => ({ ...answer(550, `5.1.1 ${words.join(" ")}`), at: "recipient" }),
  skip: [],
});

describe("a mail server's reply", () => {
  it.each(SMTP_STEPS)("of refusal at %s is never taken for a success, nor for doubt", (step) => {
    for (let code = 400; code < 600; code += 1) {
      const { kind } = judgeReply({ step, code, enhanced: null });
      const isPasswordTransition = step === "sign_in" && code === 432;
      const isTemporary = kind === "unavailable" || kind === "rate_limited";
      expect(kind).not.toBe("unknown_outcome");
      expect(isTemporary, `${code} ${kind}`).toBe(code < 500 && !isPasswordTransition);
    }
  });

  it("is about this recipient only once he has been named", () => {
    for (const step of ["greeting", "sign_in", "sender"] as const) {
      for (const code of [400, 450, 499, 500, 550, 554, 599]) {
        expect(judgeReply({ step, code, enhanced: null }).scope).toBe("account");
      }
    }
  });

  it.each([
    ["550 5.1.1 no", { code: 550, enhanced: "5.1.1" }, "both codes"],
    ["550-5.1.1 no", { code: 550, enhanced: "5.1.1" }, "the first of several lines"],
    ["550 no", { code: 550, enhanced: null }, "no enhanced code"],
    ["550", { code: 550, enhanced: null }, "no text"],
    ["450 5.1 no", { code: 450, enhanced: null }, "half an enhanced code"],
    ["5500 no", null, "four digits"],
    ["250 ok", null, "no refusal"],
    ["354 go on", null, "no refusal"],
    ["", null, "nothing"],
    ["HTTP/1.1 400", null, "another protocol"],
  ])("%j is read as %j (%s)", (line, expected, _why) => {
    const reply = readReply("recipient", line);
    expect(reply).toEqual(expected === null ? null : { step: "recipient", ...expected });
  });
});

describe("the address of a mail server", () => {
  it.each([
    ["smtps://mail.example.id", undefined, 465, "wrapped"],
    ["smtps://mail.example.id:2465", "off", 2465, "wrapped"],
    ["smtp://mail.example.id", undefined, 587, "upgraded"],
    ["smtp://mail.example.id:25", "required", 25, "upgraded"],
    ["smtp://127.0.0.1:2525", undefined, 2525, "none"],
    ["smtp://localhost:2525", "off", 2525, "none"],
    ["smtp://[::1]:2525", undefined, 2525, "none"],
    ["smtp://127.0.0.1:2525", "required", 2525, "upgraded"],
  ] as const)("%s with tls %s is port %i, %s", (baseUrl, tls, port, encryption) => {
    expect(readMailServer(baseUrl, tls)).toMatchObject({ port, encryption });
  });

  it.each([
    ["smtp://mail.example.id:25", "off", "a password in plain text over a network"],
    ["https://mail.example.id", undefined, "another protocol"],
    ["smtp://user@mail.example.id", undefined, "a user in the address"],
    ["mail.example.id", undefined, "no protocol"],
    [null, undefined, "none"],
  ] as const)("%s with tls %s is none: %s", async (baseUrl, tls, _why) => {
    expect(readMailServer(baseUrl, tls)).toBeNull();
    const settings = tls === undefined ? {} : { tls };
    const error = await providerErrorOf(
      provider().send({ ...account(""), baseUrl, settings }, toBudi, sendOptions()),
    );
    expect(error).toMatchObject({ kind: "unauthorized", reason: "not_configured" });
  });
});

/** A real mail server, for what a scripted one cannot show. */
async function startMailServer(options: SMTPServerOptions): Promise<{
  readonly port: number;
  readonly messages: string[];
}> {
  const messages: string[] = [];
  const server = new SMTPServer({
    key: PRIVATE_KEY,
    cert: CERTIFICATE,
    disableReverseLookup: true,
    allowInsecureAuth: true,
    logger: false,
    onAuth: (_auth, _session, callback) => callback(null, { user: "siaga" }),
    onData: (stream, _session, callback) => {
      let content = "";
      stream.on("data", (chunk: Buffer) => (content += chunk.toString()));
      stream.on("end", () => {
        messages.push(content);
        callback(null);
      });
    },
    ...options,
  });
  server.on("error", () => undefined);
  server.listen(0, "127.0.0.1");
  await once(server.server, "listening");
  onTestFinished(() => new Promise((resolve) => server.close(() => resolve())));
  const address = server.server.address() as net.AddressInfo;
  return { port: address.port, messages };
}

describe("encryption", () => {
  const trusting = { tls: "required", caCertificate: CERTIFICATE };

  it.each([
    ["smtps", true],
    ["smtp", false],
  ])("%s delivers over a line whose certificate is believed", async (scheme, secure) => {
    const server = await startMailServer({ secure });
    const ours = { ...account(`${scheme}://localhost:${server.port}`), settings: trusting };
    const result = await provider().send(ours, toBudi, sendOptions());
    expect(result.status).toBe("accepted");
    expect(server.messages).toHaveLength(1);
    const options = { signal: new AbortController().signal, timeoutMs: 5_000, now: 0 };
    expect(await provider().probe?.(ours, options)).toMatchObject({ state: "connected" });
    expect(server.messages).toHaveLength(1);
  });

  it.each([
    ["smtps", true],
    ["smtp", false],
  ])("%s sends nothing where the certificate is nobody's", async (scheme, secure) => {
    const server = await startMailServer({ secure });
    const ours = {
      ...account(`${scheme}://localhost:${server.port}`),
      settings: { tls: "required" },
    };
    const error = await providerErrorOf(provider().send(ours, toBudi, sendOptions()));
    expect(error).toMatchObject({ kind: "unavailable", scope: "account", surelyNotSent: true });
    expect(server.messages).toEqual([]);
  });

  it("sends nothing where the certificate is another server's", async () => {
    const server = await startMailServer({ secure: true });
    const ours = { ...account(`smtps://127.0.0.1:${server.port}`), settings: trusting };
    const error = await providerErrorOf(provider().send(ours, toBudi, sendOptions()));
    expect(error).toMatchObject({ kind: "unavailable", surelyNotSent: true });
    expect(error.vendorCode).toBe("ERR_TLS_CERT_ALTNAME_INVALID");
    expect(server.messages).toEqual([]);
  });

  it("says neither password nor message where the server offers no encryption", async () => {
    const said: string[] = [];
    const server = await startMailServer({
      disabledCommands: ["STARTTLS"],
      onAuth: (_auth, _session, callback) => {
        said.push("password");
        callback(null, { user: "x" });
      },
    });
    const ours = { ...account(`smtp://localhost:${server.port}`), settings: trusting };
    const error = await providerErrorOf(provider().send(ours, toBudi, sendOptions()));
    expect(error).toMatchObject({ kind: "unavailable", scope: "account", surelyNotSent: true });
    expect(said).toEqual([]);
    expect(server.messages).toEqual([]);
  });
});

describe("smtp", () => {
  it("hands over files as they are, with their names and types", async () => {
    const server = await SMTP_WIRE.start();
    onTestFinished(() => server.close());
    const bytes = Uint8Array.from({ length: 5_000 }, (_unused, index) => index % 256);
    for (const [kind, fileName, contentType] of [
      ["image", "foto odp.jpg", "image/jpeg"],
      ["document", "laporan «akhir».pdf", "application/pdf"],
    ] as const) {
      server.script(answer(250, "ok"));
      await provider().send(
        account(server.baseUrl),
        {
          ...toBudi,
          attachment: {
            kind,
            fileName,
            url: "https://siaga.example/f",
            content: { bytes, contentType },
          },
        },
        sendOptions(),
      );
      const [file] = mailIn(await server.firstRequest()).attachments;
      expect(file).toMatchObject({ filename: fileName, contentType });
      expect(Buffer.compare(file?.content ?? Buffer.alloc(0), bytes)).toBe(0);
    }
  });

  it.each([
    [
      "a file without its bytes",
      {
        attachment: { kind: "image", url: "https://x.example/a.jpg", fileName: "a", content: null },
      },
      "media",
    ],
    [
      "a pin, for which a mail has no place",
      {
        attachment: {
          kind: "location",
          latitude: -6.2,
          longitude: 106.8,
          name: null,
          address: null,
        },
      },
      "unsupported_content",
    ],
    ["two addresses", { to: { kind: "email", address: "a@x.id,b@x.id" } }, "invalid_recipient"],
    ["a command", { to: { kind: "email", address: "a@x.id>\r\nDATA" } }, "invalid_recipient"],
    [
      "a name around the address",
      { to: { kind: "email", address: "B <b@x.id>" } },
      "invalid_recipient",
    ],
    ["no address", { to: { kind: "email", address: "budi" } }, "invalid_recipient"],
  ] as const)("refuses %s before anything is sent", async (_what, changes, reason) => {
    const server = await SMTP_WIRE.start();
    onTestFinished(() => server.close());
    const message: OutboundMessage = { ...toBudi, ...changes };
    const error = await providerErrorOf(
      provider().send(account(server.baseUrl), message, sendOptions()),
    );
    expect(error).toMatchObject({ kind: "rejected", scope: "recipient", reason });
    expect(server.connections).toBe(0);
  });

  it.each([
    ["a script", "<script>alert(1)</script>"],
    ["a link of its own", '<a href="https://elsewhere.example">Klik</a>'],
    ["the end of the page", "</body></html>"],
    ["a quote that ends an attribute", `" onmouseover="x' y='`],
  ])("shows %s in the text as what it is", async (_what, text) => {
    const server = await SMTP_WIRE.start();
    onTestFinished(() => server.close());
    server.script(answer(250, "ok"));
    const link = `https://alerts.example.id/a?q="><script>`;
    await provider().send(account(server.baseUrl), { ...toBudi, text, link }, sendOptions());
    const html = String(mailIn(await server.firstRequest()).html);
    expect(html).not.toContain(text);
    expect(html).not.toMatch(/<script/);
    expect(html.match(/<a /g)).toHaveLength(1);
    expect(html.match(/<\/html>/g)).toHaveLength(1);
  });

  it.each(["javascript:alert(1)", "data:text/html,x", "klik di sini", ""])(
    "sends a message without the link %j, for no button may lead there",
    async (link) => {
      const server = await SMTP_WIRE.start();
      onTestFinished(() => server.close());
      server.script(answer(250, "ok"));
      await provider().send(account(server.baseUrl), { ...toBudi, link }, sendOptions());
      const request = await server.firstRequest();
      expect(textIn(request)).toBe(toBudi.text);
      expect(String(mailIn(request).html)).not.toContain("<a ");
    },
  );

  it("writes a domain in another script as the protocol wants it", async () => {
    const server = await SMTP_WIRE.start();
    onTestFinished(() => server.close());
    server.script(answer(250, "ok"));
    const to = { kind: "email", address: "budi@bücher.example" } as const;
    await provider().send(account(server.baseUrl), { ...toBudi, to }, sendOptions());
    expect(commandsIn(await server.firstRequest())).toContainEqual(
      expect.stringContaining("RCPT TO:<budi@xn--bcher-kva.example>"),
    );
  });

  it("keeps one Message-ID over every try, and another for another delivery", async () => {
    const server = await SMTP_WIRE.start();
    onTestFinished(() => server.close());
    const idOf = async (deliveryKey: string): Promise<string | undefined> => {
      server.script(answer(250, "ok"));
      await provider().send(account(server.baseUrl), toBudi, sendOptions({ deliveryKey }));
      return mailIn(await server.firstRequest()).messageId;
    };
    const first = await idOf("dlv_1");
    expect(await idOf("dlv_1")).toBe(first);
    expect(await idOf("dlv_2")).not.toBe(first);
  });

  it("hands over a message with lines that look like the protocol's end", async () => {
    const server = await SMTP_WIRE.start();
    onTestFinished(() => server.close());
    server.script(answer(250, "ok"));
    const text = "satu\n.\n..\n.tiga\nQUIT";
    await provider().send(account(server.baseUrl), { ...toBudi, text }, sendOptions());
    expect(textIn(await server.firstRequest())).toBe(text);
  });

  it.each([
    ["hears a line without a code", { do: "garbage", body: "2.0.0 Ok: queued" } as const],
    ["hears a code of four digits", { do: "garbage", body: "2500 Ok" } as const],
    ["hears 250 and half a line", { do: "cut", status: 250, body: "" } as const],
    ["hears a reply that never ends", { do: "stall", status: 250, body: "" } as const],
  ])("does not know what became of a message when it %s", async (_what, script) => {
    const server = await SMTP_WIRE.start();
    onTestFinished(() => server.close());
    server.script(script);
    const error = await providerErrorOf(
      provider().send(account(server.baseUrl), toBudi, sendOptions({ timeoutMs: 300 })),
    );
    expect(error).toMatchObject({ kind: "unknown_outcome", scope: "account" });
  });

  it.each(["greeting", "sign_in", "sender", "data"])(
    "knows that nothing was sent when the server falls silent at %s",
    async (at) => {
      const silent = await startSilentAt(at);
      const error = await providerErrorOf(
        provider().send(account(silent), toBudi, sendOptions({ timeoutMs: 300 })),
      );
      expect(error).toMatchObject({
        kind: "unavailable",
        scope: "account",
        reason: "timeout",
        surelyNotSent: true,
      });
    },
  );

  it("knows that nothing was sent when the caller gives up before the message was wanted", async () => {
    const giveUp = new AbortController();
    const silent = await startSilentAt("data", () => giveUp.abort());
    const error = await providerErrorOf(
      provider().send(account(silent), toBudi, sendOptions({ signal: giveUp.signal })),
    );
    expect(error).toMatchObject({
      kind: "unavailable",
      scope: "recipient",
      reason: "aborted_before_send",
      surelyNotSent: true,
    });
  });

  it("takes a greeting that is none for nonsense, and nothing for sent", async () => {
    const server = net.createServer((socket) => socket.end("SSH-2.0-OpenSSH_9.6\r\n"));
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    onTestFinished(() => void server.close());
    const { port } = server.address() as net.AddressInfo;
    const error = await providerErrorOf(
      provider().send(account(`smtp://127.0.0.1:${port}`), toBudi, sendOptions()),
    );
    expect(error).toMatchObject({ kind: "malformed", scope: "account", surelyNotSent: true });
  });

  it("does not send what is larger than the server announces", async () => {
    const server = await startMailServer({ size: 2_000 });
    const error = await providerErrorOf(
      provider().send(
        account(`smtp://127.0.0.1:${server.port}`),
        { ...toBudi, text: "x".repeat(3_000) },
        sendOptions(),
      ),
    );
    expect(error).toMatchObject({ kind: "rejected", scope: "recipient", reason: "too_long" });
    expect(server.messages).toEqual([]);
  });

  it("probes by signing in, and tells a wrong password from a server that is away", async () => {
    const server = await SMTP_WIRE.start();
    const options = { signal: new AbortController().signal, timeoutMs: 1_000, now: 0 };
    const probe = () => provider().probe?.(account(server.baseUrl), options) ?? Promise.resolve();
    expect(await probe()).toEqual({
      state: "connected",
      quotaLeft: null,
      detail: { encryption: "none" },
    });
    server.script({ ...answer(535, "5.7.8 no"), at: "sign_in" });
    expect(await providerErrorOf(probe())).toMatchObject({ kind: "unauthorized" });
    await server.close();
    expect(await providerErrorOf(probe())).toMatchObject({ kind: "unavailable" });
  });
});

/** Answers until that step, then takes what comes and says nothing more. */
async function startSilentAt(at: string, onSilence = (): void => undefined): Promise<string> {
  const words = { EHLO: "sign_in", AUTH: "sender", MAIL: "data" } as const;
  const sockets = new Set<net.Socket>();
  const server = net.createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
    let isSilent = at === "greeting";
    if (!isSilent) socket.write("220 x ESMTP\r\n");
    socket.on("data", (chunk: Buffer) => {
      for (const line of chunk.toString().split("\r\n")) {
        const word = line.slice(0, 4);
        if (isSilent || line === "") continue;
        if (word === "EHLO") socket.write("250-x\r\n250 AUTH PLAIN\r\n");
        else if (word === "DATA") onSilence();
        else socket.write("250 2.0.0 Ok\r\n");
        isSilent = (words as Readonly<Record<string, string>>)[word] === at || word === "DATA";
        if (word === "MAIL" && at === "data") isSilent = false;
      }
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return `smtp://127.0.0.1:${(server.address() as net.AddressInfo).port}`;
}
