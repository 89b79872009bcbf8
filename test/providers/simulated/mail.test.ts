import net from "node:net";

import nodemailer from "nodemailer";
import { describe, expect, it, onTestFinished } from "vitest";

import { SMTP_LOGIN, SMTP_SENDER, at, registerSmtp, request, startVendors } from "./support.ts";
import type { SimulatedVendors } from "../../../providers/simulated/server.ts";

const BUDI_MAIL = "budi@example.id";

/** The library's own way of sending, which is not our adapter's. */
function transport(
  vendors: SimulatedVendors,
  auth = { user: SMTP_LOGIN.user, pass: SMTP_LOGIN.password },
) {
  const { hostname, port } = new URL(vendors.baseUrls.smtp.replace("smtp:", "http:"));
  const made = nodemailer.createTransport({
    host: hostname,
    port: Number(port),
    ignoreTLS: true,
    auth,
  });
  onTestFinished(() => made.close());
  return made;
}

const MAIL = {
  from: SMTP_SENDER,
  to: BUDI_MAIL,
  subject: "[P1] Pompa 3",
  text: "Tekanan 9.8 bar\n\nSegera!",
  html: '<p>Tekanan</p><a href="https://a.example.id/1?x=1&amp;y=2">Buka</a>',
  messageId: "<dlv_1@alerts.example.id>",
};

async function start(): Promise<SimulatedVendors> {
  const vendors = await startVendors();
  registerSmtp(vendors);
  return vendors;
}

const messagesOf = (vendors: SimulatedVendors, mailbox = BUDI_MAIL) =>
  vendors.sandbox.phones.handset(mailbox).messages;

const sendsIn = (vendors: SimulatedVendors) =>
  vendors.sandbox.log.entries(({ kind }) => kind === "message");

describe("the simulated mail server", () => {
  it("takes a message and shows it in the mailbox", async () => {
    const vendors = await start();
    const sent = await transport(vendors).sendMail({
      ...MAIL,
      attachments: [{ filename: "odp.jpg", content: Buffer.from("x"), contentType: "image/jpeg" }],
    });
    expect(sent.accepted).toEqual([BUDI_MAIL]);
    expect(sent.response).toMatch(/^250 2\.\d\.\d .*queued as \d+/);
    await vendors.sandbox.idle();
    expect(messagesOf(vendors)).toMatchObject([
      {
        medium: "email",
        vendor: "smtp",
        sender: SMTP_SENDER,
        title: "[P1] Pompa 3",
        text: "Tekanan 9.8 bar\n\nSegera!",
        link: "https://a.example.id/1?x=1&y=2",
        attachment: { kind: "image", url: null, fileName: "odp.jpg" },
        providerMessageId: "<dlv_1@alerts.example.id>",
      },
    ]);
    expect(sendsIn(vendors)).toMatchObject([
      { accepted: true, to: BUDI_MAIL, deliveryKey: "dlv_1", httpStatus: 250 },
    ]);
    const shown = await request(`${vendors.url}/sandbox/phones/${BUDI_MAIL}/messages?medium=email`);
    expect(at(shown.json, "items", 0, "title")).toBe("[P1] Pompa 3");
    expect(vendors.sandbox.webhooks.size).toBe(0);
  });

  it("takes a message again and shows it once", async () => {
    const vendors = await start();
    for (let time = 0; time < 2; time += 1) await transport(vendors).sendMail(MAIL);
    await vendors.sandbox.idle();
    expect(sendsIn(vendors)).toHaveLength(2);
    expect(messagesOf(vendors)).toHaveLength(1);
  });

  it("takes one message for several mailboxes", async () => {
    const vendors = await start();
    await transport(vendors).sendMail({ ...MAIL, to: [BUDI_MAIL, "Sari@Example.id"] });
    await vendors.sandbox.idle();
    expect(sendsIn(vendors).map(({ to }) => to)).toEqual([BUDI_MAIL, "sari@example.id"]);
    expect(messagesOf(vendors, "sari@example.id")).toHaveLength(1);
  });

  it("lets a mailbox that is off wait", async () => {
    const vendors = await start();
    vendors.sandbox.phones.configure(BUDI_MAIL, { isOnline: false });
    await transport(vendors).sendMail(MAIL);
    await vendors.sandbox.idle();
    expect(messagesOf(vendors)).toEqual([]);
    vendors.sandbox.phones.configure(BUDI_MAIL, { isOnline: true });
    await vendors.sandbox.idle();
    expect(messagesOf(vendors)).toHaveLength(1);
  });

  it.each([
    [{ user: SMTP_LOGIN.user, pass: "salah" }, 535, "a wrong password"],
    [{ user: "siapa", pass: SMTP_LOGIN.password }, 535, "a user of nobody"],
  ])("lets nobody in as %j: %i (%s)", async (auth, responseCode, _why) => {
    const vendors = await start();
    await expect(transport(vendors, auth).sendMail(MAIL)).rejects.toMatchObject({ responseCode });
    expect(sendsIn(vendors)).toEqual([]);
    expect(vendors.sandbox.log.entries()).toMatchObject([{ method: "AUTH", accepted: false }]);
  });

  it.each([
    [{ from: "orang@lain.example.id" }, 553, "another's sender"],
    [{ envelope: { from: SMTP_SENDER, to: "budi@kantor" } }, 553, "an address without a domain"],
  ])("refuses a message with %j: %i (%s)", async (changes, responseCode, _why) => {
    const vendors = await start();
    await expect(transport(vendors).sendMail({ ...MAIL, ...changes })).rejects.toMatchObject({
      responseCode,
    });
    expect(sendsIn(vendors)).toMatchObject([{ accepted: false, httpStatus: responseCode }]);
  });

  it.each([
    [{ kind: "refuse" }, 550, "RCPT TO"],
    [{ kind: "refuse", code: "551 5.1.6" }, 551, "RCPT TO"],
    [{ kind: "refuse", code: 552 }, 552, "DATA"],
    [{ kind: "refuse", code: "554 5.7.1" }, 554, "DATA"],
    [{ kind: "refuse", code: "content 550 5.7.26" }, 550, "DATA"],
    [{ kind: "rate_limited" }, 451, "RCPT TO"],
    [{ kind: "server_error" }, 421, "CONN"],
    [{ kind: "unauthorized" }, 530, "RCPT TO"],
    [{ kind: "ban" }, 535, "RCPT TO"],
  ] as const)("has the fault %j: %i at %s", async (fault, responseCode, command) => {
    const vendors = await start();
    vendors.sandbox.faults.add({ ...fault, vendor: "smtp", recipient: BUDI_MAIL });
    await transport(vendors).sendMail({ ...MAIL, to: "sari@example.id" });
    await expect(transport(vendors).sendMail(MAIL)).rejects.toMatchObject({
      responseCode,
      command,
    });
    expect(sendsIn(vendors).at(-1)).toMatchObject({
      accepted: false,
      fault: fault.kind,
      httpStatus: responseCode,
    });
    await vendors.sandbox.idle();
    expect(messagesOf(vendors)).toEqual([]);
  });

  it.each([
    [{ kind: "drop_before" }, false, "nothing was taken"],
    [{ kind: "drop_after" }, true, "the message was taken"],
    [{ kind: "empty" }, true, "the message was taken"],
    [{ kind: "server_error", accepts: true }, true, "the message was taken"],
  ] as const)(
    "leaves a client in the dark with the fault %j: taken is %s (%s)",
    async (fault, isTaken, _why) => {
      const vendors = await start();
      vendors.sandbox.faults.add({ ...fault, count: 1 });
      await expect(transport(vendors).sendMail(MAIL)).rejects.toThrow();
      expect(sendsIn(vendors)).toMatchObject([{ accepted: isTaken, fault: fault.kind }]);
      await vendors.sandbox.idle();
      expect(messagesOf(vendors)).toHaveLength(isTaken ? 1 : 0);
    },
  );

  it("answers without a code with the fault malformed", async () => {
    const vendors = await start();
    vendors.sandbox.faults.add({ kind: "malformed" });
    const { response } = await transport(vendors).sendMail(MAIL);
    expect(response).toMatch(/^2\.0\.0 Ok/);
  });

  it("answers late with the fault delay", async () => {
    const vendors = await start();
    vendors.sandbox.faults.add({ kind: "delay", delayMs: 150 });
    const startedAt = performance.now();
    await transport(vendors).sendMail(MAIL);
    expect(performance.now() - startedAt).toBeGreaterThan(140);
  });

  it("is away while its account is off", async () => {
    const vendors = await start();
    vendors.sandbox.setDevice(`smtp:${SMTP_SENDER}`, false);
    await expect(transport(vendors).sendMail(MAIL)).rejects.toMatchObject({ responseCode: 421 });
  });

  it("goes on after a client that dies in the middle of its message", async () => {
    const vendors = await start();
    const { port } = new URL(vendors.baseUrls.smtp.replace("smtp:", "http:"));
    const socket = net.connect(Number(port), "127.0.0.1");
    const token = Buffer.from(`\0${SMTP_LOGIN.user}\0${SMTP_LOGIN.password}`).toString("base64");
    const lines = [
      `EHLO x`,
      `AUTH PLAIN ${token}`,
      `MAIL FROM:<${SMTP_SENDER}>`,
      `RCPT TO:<${BUDI_MAIL}>`,
      "DATA",
      "Subject: x",
    ];
    const left = [...lines];
    await new Promise<void>((resolve) => {
      socket.on("data", () => {
        const line = left.shift();
        if (line === undefined) return;
        socket.write(`${line}\r\n`);
        if (left.length > 0) return;
        socket.resetAndDestroy();
        resolve();
      });
    });
    await transport(vendors).sendMail(MAIL);
    expect(sendsIn(vendors)).toHaveLength(1);
  });

  it("is not reached over HTTP", async () => {
    const vendors = await start();
    expect((await request(`${vendors.url}/smtp/`)).status).toBe(404);
  });
});
