/**
 * A mail server on a loopback port that does what a test tells it, at the step that the test names, and keeps every message as
 * it came. It knows just enough SMTP for one client at a time per connection.
 */
import net from "node:net";

import { simpleParser } from "mailparser";
import type { ParsedMail } from "mailparser";

import type { Wire } from "./conformance.ts";
import { listen, portOf } from "./scripted-server.ts";
import type { CapturedRequest, Script, ScriptedServer } from "./scripted-server.ts";

export const SMTP_WIRE: Wire = {
  start: startScriptedMailServer,
  addressAt: (port) => `smtp://127.0.0.1:${port}`,
  secureAddressAt: (port) => `smtps://127.0.0.1:${port}`,
};

type Conversation = { request: CapturedRequest; readonly commands: string[] };

const parsed = new WeakMap<CapturedRequest, ParsedMail>();
const commandsOf = new WeakMap<CapturedRequest, readonly string[]>();

/** The message that a request brought. */
export function mailIn(request: CapturedRequest): ParsedMail {
  const mail = parsed.get(request);
  if (mail === undefined) throw new Error("this conversation brought no message");
  return mail;
}

/** What the client said, line by line, without the message. */
export function commandsIn(request: CapturedRequest): readonly string[] {
  return commandsOf.get(request) ?? [];
}

/** Each connection is one request: `path` is sender and recipient, `body` the message. */
async function startScriptedMailServer(): Promise<ScriptedServer> {
  let current: Script = { do: "answer", status: 250, body: "2.0.0 Ok" };
  let requests: CapturedRequest[] = [];
  let waiting: ((request: CapturedRequest) => void)[] = [];
  let connections = 0;
  const sockets = new Set<net.Socket>();

  const server = net.createServer((socket) => {
    connections += 1;
    sockets.add(socket);
    socket.setNoDelay(true);
    socket.on("error", () => undefined);
    socket.on("close", () => sockets.delete(socket));
    const own = requests;
    const place = own.length;
    const commands: string[] = [];
    const conversation: Conversation = {
      request: { method: "MAIL", path: "", headers: {}, body: Buffer.alloc(0) },
      commands,
    };
    const keep = (changes: Partial<CapturedRequest>): void => {
      conversation.request = { ...conversation.request, ...changes };
      commandsOf.set(conversation.request, commands);
      own[place] = conversation.request;
    };
    keep({});
    converse(socket, conversation, {
      script: () => current,
      keep,
      brought: async (content) => {
        keep({ body: content });
        parsed.set(conversation.request, await simpleParser(content));
        for (const resolve of waiting.splice(0)) resolve(conversation.request);
      },
    });
  });
  await listen(server);

  return {
    baseUrl: `smtp://127.0.0.1:${portOf(server)}`,
    get connections() {
      return connections;
    },
    get requests() {
      return requests;
    },
    firstRequest: () => {
      const first = requests.find((request) => parsed.has(request));
      return first === undefined
        ? new Promise((resolve) => waiting.push(resolve))
        : Promise.resolve(first);
    },
    script: (script) => {
      current = script;
      requests = [];
      waiting = [];
    },
    close: () => {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

type Part = {
  readonly script: () => Script;
  readonly keep: (changes: Partial<CapturedRequest>) => void;
  readonly brought: (content: Buffer) => Promise<void>;
};

const USUAL: Readonly<Record<string, string>> = {
  greeting: "220 mail.example.id ESMTP",
  sign_in: "235 2.7.0 Welcome",
  sender: "250 2.1.0 Ok",
  recipient: "250 2.1.5 Ok",
  data: "354 End data with <CR><LF>.<CR><LF>",
};

function converse(socket: net.Socket, conversation: Conversation, part: Part): void {
  let received = Buffer.alloc(0);
  let isContent = false;
  let from = "";

  /** The script's answer where it is meant for this step, else the usual one. True when it is a refusal. */
  const reply = (step: string): boolean => {
    const script = part.script();
    const isMeant = script.do === "answer" && script.at === step;
    const lines = isMeant ? replyLines(script.status, script.body) : `${USUAL[step] ?? ""}\r\n`;
    socket.write(lines);
    return isMeant;
  };

  const onLine = (line: string): void => {
    conversation.commands.push(line);
    const [, address = ""] = /<([^>]*)>/.exec(line) ?? [];
    switch (line.slice(0, 4).toUpperCase()) {
      case "EHLO":
        socket.write(
          "250-mail.example.id\r\n250-PIPELINING\r\n250-DSN\r\n250-AUTH PLAIN\r\n250 ENHANCEDSTATUSCODES\r\n",
        );
        return;
      case "AUTH":
        reply("sign_in");
        return;
      case "MAIL":
        from = address;
        reply("sender");
        return;
      case "RCPT":
        part.keep({ path: `${from} ${address}` });
        reply("recipient");
        return;
      case "DATA": {
        const script = part.script();
        const isRefusedBefore =
          script.do === "answer" && (script.at === "sender" || script.at === "recipient");
        if (isRefusedBefore) socket.write("503 5.5.1 No valid recipients\r\n");
        else isContent = !reply("data");
        return;
      }
      case "QUIT":
        socket.end("221 2.0.0 Bye\r\n");
        return;
      default:
        socket.write("500 5.5.2 Unknown command\r\n");
    }
  };

  const onContent = (content: Buffer): void => {
    void part.brought(content).then(() => play(part.script(), socket));
  };

  if (reply("greeting")) return;
  socket.on("data", (chunk: Buffer) => {
    received = Buffer.concat([received, chunk]);
    for (;;) {
      const end = received.indexOf(isContent ? "\r\n.\r\n" : "\r\n");
      if (end < 0) return;
      const piece = received.subarray(0, end);
      received = received.subarray(end + (isContent ? 5 : 2));
      if (isContent) {
        isContent = false;
        const text = `${piece.toString("latin1")}\r\n`.replaceAll("\r\n..", "\r\n.");
        onContent(Buffer.from(text, "latin1"));
      } else onLine(piece.toString("utf8"));
    }
  });
}

/** After the message. */
function play(script: Script, socket: net.Socket): void {
  switch (script.do) {
    case "answer":
      socket.write(replyLines(script.status, script.body));
      return;
    case "hang":
      return;
    case "reset":
      socket.resetAndDestroy();
      return;
    case "close":
      socket.destroy();
      return;
    case "garbage":
      socket.end(`${script.body}\r\n`);
      return;
    case "cut":
      socket.end(`${script.status}`.slice(0, 2));
      return;
    case "stall":
      socket.write(`${script.status}-`);
  }
}

function replyLines(code: number, text: string): string {
  const lines = text.split("\n");
  return lines
    .map((line, index) => `${code}${index < lines.length - 1 ? "-" : " "}${line}\r\n`)
    .join("");
}
