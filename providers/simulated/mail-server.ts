/**
 * The sandbox's SMTP server: a real one, so that a real client cannot tell the difference. Each step is handed to the
 * simulated vendor, and the faults have their say at the step at which a real server would say it: about a recipient before
 * the message, about a content after it. No TLS: it listens on this machine only.
 */
import type net from "node:net";
import type { AddressInfo } from "node:net";

import { SMTPServer } from "smtp-server";
import type { SMTPServerSession } from "smtp-server";

import type { Exchange } from "./exchange.ts";
import { NO_MISFORTUNE } from "./faults.ts";
import type { AnswerFault, Misfortune } from "./faults.ts";
import type { Sandbox } from "./sandbox.ts";
import { WorldCleared } from "./time.ts";
import type { Reading, VendorRequest, VendorResponse } from "./vendors/vendor.ts";

export type MailServer = { readonly port: number; readonly close: () => Promise<void> };

const MESSAGE_BYTES_MAX = 20 * 1024 * 1024;

type Reply = (error: Error | null, text?: string) => void;

/** What is known of a message before it is there. */
type Envelope = { readonly misfortunes: Misfortune[] };

export async function startMailServer(
  sandbox: Sandbox,
  options: { readonly host: string; readonly port: number },
): Promise<MailServer> {
  const sockets = new Map<number, net.Socket>();
  const envelopes = new Map<string, Envelope>();

  const server = new SMTPServer({
    authOptional: false,
    // The client is on this machine, and no certificate would be believed.
    allowInsecureAuth: true,
    disabledCommands: ["STARTTLS"],
    disableReverseLookup: true,
    hideENHANCEDSTATUSCODES: false,
    size: MESSAGE_BYTES_MAX,
    logger: false,
    onAuth: ({ password, username }, _session, callback) => {
      step(
        sandbox.exchange("smtp", requestOf("AUTH", { user: username, password })),
        _session,
        (error) => {
          if (error === null) callback(null, { user: username });
          else callback(error);
        },
      );
    },
    onMailFrom: ({ address }, session, callback) => {
      envelopes.set(session.id, { misfortunes: [] });
      step(
        tellOnlyRefusals(requestOf("MAIL FROM", { ...userOf(session), from: address })),
        session,
        callback,
      );
    },
    onRcptTo: ({ address }, session, callback) => {
      step(receive(session, address), session, callback);
    },
    onData: (stream, session, callback) => {
      const chunks: Buffer[] = [];
      stream.on("data", (chunk: Buffer) => chunks.push(chunk));
      stream.on("end", () => step(finish(session, Buffer.concat(chunks)), session, callback));
    },
    onClose: (session) => void envelopes.delete(session.id),
  });
  server.on("error", () => undefined);
  server.server.on("connection", (socket: net.Socket) => {
    const { remotePort } = socket;
    if (remotePort === undefined) return;
    sockets.set(remotePort, socket);
    socket.on("close", () => sockets.delete(remotePort));
    // A client that dies takes its connection with it.
    socket.on("error", () => undefined);
  });

  /** A step that is allowed is no request of its own: the log names each message once. */
  async function tellOnlyRefusals(request: VendorRequest): Promise<Exchange> {
    const reading = await sandbox.read("smtp", request);
    return isRefusal(reading)
      ? sandbox.carryOut("smtp", reading, unharmed(reading))
      : allowed(reading);
  }

  /** A recipient is refused, or his message's faults are remembered. */
  async function receive(session: SMTPServerSession, to: string): Promise<Exchange> {
    const reading = await sandbox.read("smtp", requestOf("RCPT TO", { ...userOf(session), to }));
    const misfortunes = reading.seen.map((seen) => sandbox.faults.befall(seen));
    const [misfortune] = misfortunes;
    if (isRefusal(reading) || isToldEarly(misfortune?.answer ?? null)) {
      return sandbox.carryOut("smtp", reading, misfortunes);
    }
    envelopes.get(session.id)?.misfortunes.push(...misfortunes);
    return allowed(reading);
  }

  async function finish(session: SMTPServerSession, body: Buffer): Promise<Exchange> {
    const query = new URLSearchParams({ ...userOf(session) });
    for (const { address } of session.envelope.rcptTo) query.append("to", address);
    const request = { ...requestOf("DATA", {}), query, body };
    const reading = await sandbox.read("smtp", request);
    return sandbox.carryOut("smtp", reading, envelopes.get(session.id)?.misfortunes ?? []);
  }

  function step(exchange: Promise<Exchange>, session: SMTPServerSession, done: Reply): void {
    exchange.then(
      (outcome) => {
        const socket = sockets.get(session.remotePort);
        if (outcome.kind === "drop") socket?.resetAndDestroy();
        else if (outcome.response.status === GARBLED) socket?.end(`${outcome.response.body}\r\n`);
        else tell(outcome.response, done);
      },
      (error: unknown) => {
        sockets.get(session.remotePort)?.destroy();
        // Conversations under way when the world is cleared lose their connection; all else is a bug.
        if (!(error instanceof WorldCleared)) throw error;
      },
    );
  }

  const port = await new Promise<number>((resolve, reject) => {
    server.server.once("error", reject);
    server.listen(options.port, options.host, () => resolve(boundPort(server.server)));
  });
  return {
    port,
    close: () => {
      for (const socket of sockets.values()) socket.destroy();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

/** What a fault makes of an answer that is to be unreadable: no reply has this code. */
const GARBLED = 200;

function tell({ body, status }: VendorResponse, done: Reply): void {
  if (status < 400) done(null, body);
  else done(Object.assign(new Error(body), { responseCode: status }));
}

function isRefusal({ outcome }: Reading): boolean {
  return outcome.kind === "answer" && outcome.refusedAs !== null;
}

function allowed({ outcome }: Reading): Exchange {
  if (outcome.kind === "answer") return { kind: "answer", response: outcome.response };
  throw new Error("only a whole message is accepted");
}

function unharmed(reading: Reading): readonly Misfortune[] {
  return reading.seen.map(() => NO_MISFORTUNE);
}

/** What a server says as soon as it knows the recipient. */
function isToldEarly(fault: AnswerFault | null): boolean {
  switch (fault?.kind) {
    case "drop_before":
    case "rate_limited":
    case "unauthorized":
    case "ban":
      return true;
    case "server_error":
      return !fault.accepts;
    case "refuse":
      return !isAboutContent(String(fault.code ?? ""));
    case "drop_after":
    case "delay":
    case "malformed":
    case "empty":
    case "early_receipt":
    case undefined:
      return false;
  }
}

/** 552 and 554 speak of the message, and so does every code with the word before it. */
function isAboutContent(code: string): boolean {
  return /^(552|554|content )/.test(code);
}

function userOf({ user }: SMTPServerSession): { readonly user: string } {
  return { user: typeof user === "string" ? user : "" };
}

function requestOf(
  method: string,
  fields: Readonly<Record<string, string | null | undefined>>,
): VendorRequest {
  const given = Object.entries(fields).filter((entry): entry is [string, string] => !!entry[1]);
  return {
    method,
    path: "/",
    query: new URLSearchParams(given),
    headers: {},
    body: Buffer.alloc(0),
  };
}

/** A server that listens on TCP has an address with a port. */
function boundPort(server: net.Server): number {
  return (server.address() as AddressInfo).port;
}
