/** Zenziva and NusaSMS as the sandbox plays them: two gateways that take a text and never report. */
import { describe, expect, it } from "vitest";

import {
  BUDI,
  NUSASMS_LOGIN,
  ZENZIVA_KEYS,
  at,
  registerNusasms,
  registerZenziva,
  request,
  startVendors,
} from "./support.ts";
import type { Answer } from "./support.ts";
import type { SimulatedVendors } from "../../../providers/simulated/server.ts";

const LOCAL = "081234000001";

function sendByZenziva(
  vendors: SimulatedVendors,
  fields: Readonly<Record<string, string>>,
  form: "form" | "multipart" | "json" = "form",
): Promise<Answer> {
  const all = { ...ZENZIVA_KEYS, to: LOCAL, message: "Alarm", ...fields };
  const multipart = new FormData();
  for (const [key, value] of Object.entries(all)) multipart.set(key, value);
  const bodies = {
    form: { body: new URLSearchParams(all) },
    multipart: { body: multipart },
    json: { body: JSON.stringify(all), headers: { "content-type": "application/json" } },
  };
  const url = `${vendors.baseUrls.zenziva}/reguler/api/sendsms/`;
  return request(url, { method: "POST", ...bodies[form] });
}

function sendByNusasms(
  vendors: SimulatedVendors,
  fields: Readonly<Record<string, string>>,
): Promise<Answer> {
  const query = new URLSearchParams({
    ...NUSASMS_LOGIN,
    GSM: BUDI.slice(1),
    SMSText: "Alarm",
    output: "json",
    ...fields,
  });
  return request(`${vendors.baseUrls.nusasms}/api/v3/sendsms/plain?${query.toString()}`);
}

describe("Zenziva", () => {
  it.each(["form", "multipart", "json"] as const)("takes a body as %s", async (form) => {
    const vendors = await startVendors();
    registerZenziva(vendors);
    const answer = await sendByZenziva(vendors, {}, form);
    expect(answer.json).toMatchObject({
      to: LOCAL,
      status: "1",
      text: "Success",
      cost: "350",
      balance: "99,650",
    });
    expect(vendors.sandbox.log.entries()).toMatchObject([
      { vendor: "zenziva", kind: "message", accepted: true, to: BUDI, text: "Alarm" },
    ]);
    await vendors.sandbox.idle();
    expect(vendors.sandbox.phones.handset(BUDI).messages).toHaveLength(1);
  });

  it.each([
    ["another user key", { userkey: "x" }, "Userkey / Passkey Salah"],
    ["another pass key", { passkey: "x" }, "Userkey / Passkey Salah"],
    ["letters for a number", { to: "abc" }, "Nomor tujuan tidak valid"],
    ["no number", { to: "" }, "Nomor tujuan tidak valid"],
    ["no text", { message: "" }, "Isi pesan kosong"],
  ])("refuses %s in its own words", async (_what, fields, text) => {
    const vendors = await startVendors();
    registerZenziva(vendors);
    const answer = await sendByZenziva(vendors, fields);
    expect(answer.status).toBe(200);
    expect(answer.json).toMatchObject({ status: "0", text });
    expect(vendors.sandbox.log.entries()).toMatchObject([{ accepted: false, vendorCode: text }]);
  });

  it("refuses at an empty balance and while it is banned", async () => {
    const vendors = await startVendors();
    registerZenziva(vendors, 350);
    expect((await sendByZenziva(vendors, {})).json["status"]).toBe("1");
    expect((await sendByZenziva(vendors, {})).json["text"]).toBe("Saldo tidak mencukupi");
    registerZenziva(vendors);
    vendors.sandbox.setBanned("ZENZIVA", true);
    expect((await sendByZenziva(vendors, {})).json["status"]).toBe("0");
  });

  it("knows no other path", async () => {
    const vendors = await startVendors();
    registerZenziva(vendors);
    expect((await request(`${vendors.baseUrls.zenziva}/api/nothing/`)).status).toBe(404);
  });

  it("cannot be answered", async () => {
    const vendors = await startVendors();
    registerZenziva(vendors);
    const act = await vendors.sandbox.people.reply(BUDI, { text: "1", account: "ZENZIVA" });
    expect(act).toMatchObject({ isReported: false });
  });
});

describe("NusaSMS", () => {
  it("answers with the recipient's id and code", async () => {
    const vendors = await startVendors();
    registerNusasms(vendors);
    const answer = await sendByNusasms(vendors, {});
    expect(at(answer.json, "results", 0)).toMatchObject({
      status: "0",
      destination: BUDI.slice(1),
    });
    await vendors.sandbox.idle();
    expect(vendors.sandbox.phones.handset(BUDI).messages).toHaveLength(1);
  });

  it.each([
    ["another user", { user: "x" }, "-5"],
    ["another password", { password: "x" }, "-5"],
    ["the local form of a number", { GSM: LOCAL }, "-13"],
    ["a number with a plus", { GSM: BUDI }, "-13"],
    ["no number", { GSM: "" }, "-13"],
    ["no text", { SMSText: "" }, "-22"],
    ["a name that is not registered", { sender: "OTHER" }, "-34"],
  ])("refuses %s with its code", async (_what, fields, code) => {
    const vendors = await startVendors();
    registerNusasms(vendors);
    const answer = await sendByNusasms(vendors, fields);
    expect(answer.status).toBe(200);
    expect(at(answer.json, "results", 0, "status")).toBe(code);
    expect(vendors.sandbox.log.entries()).toMatchObject([{ accepted: false, vendorCode: code }]);
  });

  it("takes a registered name, and answers in XML without output=json", async () => {
    const vendors = await startVendors();
    registerNusasms(vendors);
    const answer = await sendByNusasms(vendors, { sender: "SIAGA", output: "" });
    expect(answer.headers.get("content-type")).toContain("text/xml");
    expect(answer.text).toContain("<status>0</status>");
  });
});

describe("faults of the SMS gateways", () => {
  const gateways = [
    ["zenziva", (vendors: SimulatedVendors) => sendByZenziva(vendors, {})],
    ["nusasms", (vendors: SimulatedVendors) => sendByNusasms(vendors, {})],
  ] as const;

  it.each(gateways)("%s: slows down, breaks, and refuses credentials on demand", async (...row) => {
    const [, send] = row;
    const vendors = await startVendors();
    registerZenziva(vendors);
    registerNusasms(vendors);
    const { faults } = vendors.sandbox;
    faults.add({ kind: "rate_limited", retryAfterSeconds: 7, count: 1 });
    const slowed = await send(vendors);
    expect([slowed.status, slowed.headers.get("retry-after")]).toEqual([429, "7"]);
    faults.add({ kind: "server_error", httpStatus: 502, count: 1 });
    expect((await send(vendors)).status).toBe(502);
    faults.add({ kind: "unauthorized", count: 1 });
    const refused = await send(vendors);
    expect(refused.status).toBe(200);
    expect(refused.json["status"] ?? at(refused.json, "results", 0, "status")).toMatch(/^(0|-5)$/);
    faults.add({ kind: "drop_after", count: 1 });
    await expect(send(vendors)).rejects.toThrow("fetch failed");
    await vendors.sandbox.idle();
    expect(vendors.sandbox.phones.handset(BUDI).messages).toHaveLength(1);
  });
});
