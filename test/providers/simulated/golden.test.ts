/**
 * The examples of the vendors' documentation, which the adapters are tested with, are what the simulated vendors take and
 * answer too: requests are accepted as they stand, successes have the documented fields, refusals the documented form.
 */
import { readFileSync } from "node:fs";

import { describe, expect, it } from "vitest";
import { z } from "zod";

import {
  BUDI,
  META_NUMBER_ID,
  META_TOKEN,
  NUSASMS_LOGIN,
  SOME_TEXT,
  TWILIO_TOKEN,
  WOOWA_KEY,
  ZENZIVA_KEYS,
  askEvolution,
  askGowa,
  askWaha,
  at,
  openWindow,
  pushTo,
  registerEvolution,
  registerFonnte,
  registerGowa,
  registerMeta,
  registerNusasms,
  registerTwilio,
  registerWablas,
  registerWaha,
  registerWebPush,
  registerWoowa,
  registerZenziva,
  request,
  sendByFcm,
  sendByFonnte,
  sendByMeta,
  sendByWablas,
  sendByWoowa,
  signInAtFcm,
  startVendors,
  textLike,
} from "./support.ts";
import type { Answer } from "./support.ts";
import type { SimulatedVendors } from "../../../providers/simulated/server.ts";

const requests = z.array(
  z.object({
    name: z.string(),
    expected: z.object({
      path: z.string(),
      fields: z.record(z.string(), z.string()).optional(),
      json: z.unknown().optional(),
      form: z.array(z.tuple([z.string(), z.string()])).optional(),
    }),
  }),
);
const successes = z.array(z.object({ body: z.record(z.string(), z.unknown()) }));
const failures = z.array(z.object({ reason: z.string(), status: z.number(), body: z.unknown() }));

function read<T>(schema: z.ZodType<T>, file: string): T {
  const url = new URL(`../fixtures/${file}`, import.meta.url);
  return schema.parse(JSON.parse(readFileSync(url, "utf8")));
}

function fieldsOf(value: unknown): string[] {
  return typeof value === "object" && value !== null ? Object.keys(value) : [];
}

function fieldsAt(value: unknown): object {
  return typeof value === "object" && value !== null ? value : {};
}

function documentedFields(file: string): string[] {
  return Object.keys(read(successes, file)[0]?.body ?? {});
}

function expectAccepted(vendors: SimulatedVendors, answer: Answer, file: string): void {
  expect(answer.json).toMatchObject(
    Object.fromEntries(documentedFields(file).map((name) => [name, at(answer.json, name)])),
  );
  expect(Object.keys(answer.json)).toEqual(expect.arrayContaining(documentedFields(file)));
  const [entry] = vendors.sandbox.log.entries();
  expect(entry).toMatchObject({ accepted: true });
  expect(entry?.to ?? entry?.group).not.toBeNull();
}

describe("Fonnte", () => {
  it.each([
    ...read(requests, "fonnte/requests.json"),
    ...read(requests, "fonnte/group-requests.json"),
  ])("takes $name", async ({ expected }) => {
    const vendors = await startVendors();
    registerFonnte(vendors);
    const answer = await sendByFonnte(vendors, expected.fields ?? {}, { path: expected.path });
    expect(answer.json["status"]).toBe(true);
    expectAccepted(vendors, answer, "fonnte/successes.json");
  });

  it.each(
    read(failures, "fonnte/failures.json").filter(
      ({ body, status }) => status === 200 && typeof at(body, "reason") === "string",
    ),
  )("can refuse for $reason", async ({ body }) => {
    const vendors = await startVendors();
    registerFonnte(vendors);
    const reason = String(at(body, "reason"));
    vendors.sandbox.faults.add({ kind: "refuse", code: reason });
    const answer = await sendByFonnte(vendors, { target: BUDI.slice(1), message: "x" });
    expect(answer.status).toBe(200);
    expect(answer.json).toMatchObject({ reason, status: false });
  });
});

describe("Wablas", () => {
  it.each([
    ...read(requests, "wablas/requests.json"),
    ...read(requests, "wablas/group-requests.json"),
  ])("takes $name", async ({ expected }) => {
    const vendors = await startVendors();
    registerWablas(vendors);
    const answer = await sendByWablas(vendors, expected.json, { path: expected.path });
    expect(answer.json["status"]).toBe(true);
    expect(fieldsOf(at(answer.json, "data"))).toEqual(["device_id", "quota", "messages"]);
    expectAccepted(vendors, answer, "wablas/successes.json");
    expect(vendors.sandbox.log.entries()[0]?.deliveryKey).toBe("dlv_1");
  });

  it.each(
    read(failures, "wablas/failures.json").filter(
      ({ body }) => at(body, "status") === false && typeof at(body, "message") === "string",
    ),
  )("can refuse for $reason", async ({ body, status }) => {
    const vendors = await startVendors();
    registerWablas(vendors);
    const message = String(at(body, "message"));
    vendors.sandbox.faults.add({ kind: "refuse", code: message, httpStatus: status });
    const answer = await sendByWablas(vendors, { data: [{ phone: BUDI.slice(1), message: "x" }] });
    expect(answer.status).toBe(status);
    expect(answer.json).toEqual({ status: false, message });
  });
});

describe("Woowa", () => {
  it.each([
    ...read(requests, "woowa/requests.json"),
    ...read(requests, "woowa/group-requests.json"),
  ])("takes $name", async ({ expected }) => {
    const vendors = await startVendors();
    registerWoowa(vendors);
    const body = { ...fieldsAt(expected.json), key: WOOWA_KEY };
    const answer = await sendByWoowa(vendors, body, { path: expected.path });
    expect(answer.json["code"]).toBe(200);
    expect(fieldsOf(at(answer.json, "results"))).toEqual(
      expect.arrayContaining(["id_message", "type_chat", "message"]),
    );
    expectAccepted(vendors, answer, "woowa/successes.json");
  });

  it.each(
    read(failures, "woowa/failures.json").filter(
      ({ body, status }) => status === 200 && typeof at(body, "message") === "string",
    ),
  )("can refuse for $reason", async ({ body }) => {
    const vendors = await startVendors();
    registerWoowa(vendors);
    const message = String(at(body, "message"));
    vendors.sandbox.faults.add({ kind: "refuse", code: message });
    const answer = await sendByWoowa(vendors, { phone_no: BUDI.slice(1), message: "x" });
    expect(answer.json).toEqual({ code: 400, message });
  });
});

describe("Meta", () => {
  it.each(read(requests, "whatsapp-cloud/requests.json"))("takes $name", async ({ expected }) => {
    const vendors = await startVendors();
    registerMeta(vendors);
    await openWindow(vendors, BUDI);
    const template = at(expected.json, "template");
    if (template !== undefined) await fitTemplate(vendors, template);
    const path = expected.path.replace(/\d{9,}/, META_NUMBER_ID);
    const answer = await sendByMeta(vendors, expected.json, { path });
    expect(answer.json).toMatchObject({ messaging_product: "whatsapp" });
    expectAccepted(vendors, answer, "whatsapp-cloud/successes.json");
    const key = at(expected.json, "biz_opaque_callback_data");
    expect(vendors.sandbox.log.entries()[0]?.deliveryKey).toBe(key ?? null);
  });

  it.each(
    read(failures, "whatsapp-cloud/failures.json").filter(
      ({ body }) => typeof at(body, "error", "code") === "number",
    ),
  )("can refuse with $reason", async ({ body, status }) => {
    const vendors = await startVendors();
    registerMeta(vendors);
    const code = Number(at(body, "error", "code"));
    vendors.sandbox.faults.add({ kind: "refuse", code, httpStatus: status });
    const answer = await sendByMeta(vendors, { to: BUDI }, { token: META_TOKEN });
    expect(answer.status).toBe(status);
    expect(at(answer.json, "error", "code")).toBe(code);
    expect(fieldsOf(at(answer.json, "error"))).toEqual(
      expect.arrayContaining(["message", "type", "code", "error_data", "fbtrace_id"]),
    );
  });
});

/** Registers the template that an example uses, with as many parameters as the example gives. */
async function fitTemplate(vendors: SimulatedVendors, use: unknown): Promise<void> {
  const components: unknown = at(use, "components");
  const list = Array.isArray(components) ? (components as readonly unknown[]) : [];
  const ofType = (type: string) => list.filter((component) => at(component, "type") === type);
  const parameters: unknown = at(ofType("body")[0], "parameters");
  const count = Array.isArray(parameters) ? parameters.length : 0;
  const places = Array.from({ length: count }, (_unused, index) => `{{${index + 1}}}`);
  vendors.sandbox.setTemplate("6281234000901", {
    name: String(at(use, "name")),
    language: String(at(use, "language", "code")),
    body: `Alarm ${places.join(" ")}`,
    header: ofType("header").length > 0 ? "image" : "none",
    buttons: ofType("button").map((_unused, index) => `Tombol ${index + 1}`),
  });
}

describe.each(["twilio-sms", "twilio-voice"])("%s", (channel) => {
  it.each(read(requests, `${channel}/requests.json`))("takes $name", async ({ expected }) => {
    const vendors = await startVendors();
    registerTwilio(vendors);
    const form = expected.form ?? [];
    const given = (name: string) => form.find(([key]) => key === name)?.[1];
    const accountSid = /AC\w+/.exec(expected.path)?.[0] ?? "";
    vendors.sandbox.registerAccount({
      vendor: "twilio",
      sender: given("From") ?? "+6281234000902",
      credentials: { accountSid, authToken: TWILIO_TOKEN },
      messagingServiceSid: given("MessagingServiceSid") ?? null,
    });
    const answer = await request(`${vendors.baseUrls.twilio}${expected.path}`, {
      method: "POST",
      headers: {
        authorization: `Basic ${Buffer.from(`${accountSid}:${TWILIO_TOKEN}`).toString("base64")}`,
      },
      body: new URLSearchParams(form),
    });
    expect(answer.status).toBe(201);
    expectAccepted(vendors, answer, `${channel}/successes.json`);
    const callback = given("StatusCallback");
    const key = callback === undefined ? null : new URL(callback).searchParams.get("delivery");
    expect(vendors.sandbox.log.entries()[0]?.deliveryKey).toBe(key);
  });

  it.each(
    read(failures, `${channel}/failures.json`).filter(
      ({ body }) => typeof at(body, "code") === "number",
    ),
  )("can refuse with $reason", async ({ body, status }) => {
    const vendors = await startVendors();
    registerTwilio(vendors);
    const code = Number(at(body, "code"));
    vendors.sandbox.faults.add({
      kind: "refuse",
      code,
      httpStatus: status,
      requests: ["message", "call", "other"],
    });
    const answer = await request(
      `${vendors.baseUrls.twilio}/2010-04-01/Accounts/AC/Messages.json`,
      {
        method: "POST",
      },
    );
    expect(answer.json).toEqual({
      code,
      message: SOME_TEXT,
      more_info: `https://www.twilio.com/docs/errors/${code}`,
      status,
    });
    expect(answer.status).toBe(status);
  });
});

describe("Zenziva", () => {
  const send = (vendors: SimulatedVendors, path: string, fields: [string, string][]) =>
    request(`${vendors.baseUrls.zenziva}${path}`, {
      method: "POST",
      body: new URLSearchParams([...fields, ...Object.entries(ZENZIVA_KEYS)]),
    });

  it.each(read(requests, "zenziva/requests.json"))("takes $name", async ({ expected }) => {
    const vendors = await startVendors();
    registerZenziva(vendors);
    const fields = (expected.form ?? []).filter(([key]) => !Object.hasOwn(ZENZIVA_KEYS, key));
    const answer = await send(vendors, expected.path, fields);
    expect(answer.json["status"]).toBe("1");
    expectAccepted(vendors, answer, "zenziva/successes.json");
  });

  it.each(
    read(failures, "zenziva/failures.json").filter(
      ({ body, status }) => status === 200 && typeof at(body, "text") === "string",
    ),
  )("can refuse for $reason", async ({ body }) => {
    const vendors = await startVendors();
    registerZenziva(vendors);
    const text = String(at(body, "text"));
    vendors.sandbox.faults.add({ kind: "refuse", code: text });
    const answer = await send(vendors, "/reguler/api/sendsms/", [["to", "081234000001"]]);
    expect(answer.status).toBe(200);
    expect(answer.json).toMatchObject({ status: "0", text });
  });
});

describe("NusaSMS", () => {
  const send = (vendors: SimulatedVendors, fields: Readonly<Record<string, string>>) => {
    const query = new URLSearchParams({ ...fields, ...NUSASMS_LOGIN });
    return request(`${vendors.baseUrls.nusasms}/api/v3/sendsms/plain?${query.toString()}`);
  };

  it.each(read(requests, "nusasms/requests.json"))("takes $name", async ({ expected }) => {
    const vendors = await startVendors();
    registerNusasms(vendors);
    const answer = await send(vendors, expected.fields ?? {});
    expect(at(answer.json, "results", 0, "status")).toBe("0");
    expect(fieldsOf(at(answer.json, "results", 0))).toEqual(
      expect.arrayContaining(["status", "messageid", "destination"]),
    );
    expectAccepted(vendors, answer, "nusasms/successes.json");
  });

  it.each(
    read(failures, "nusasms/failures.json").filter(
      ({ body, status }) =>
        status === 200 && String(at(body, "results", 0, "status")).startsWith("-"),
    ),
  )("can refuse with $reason", async ({ body }) => {
    const vendors = await startVendors();
    registerNusasms(vendors);
    const code = String(at(body, "results", 0, "status"));
    vendors.sandbox.faults.add({ kind: "refuse", code });
    const answer = await send(vendors, { GSM: BUDI.slice(1), SMSText: "x", output: "json" });
    expect(answer.status).toBe(200);
    expect(at(answer.json, "results", 0, "status")).toBe(code);
  });
});

describe("WAHA", () => {
  it.each([...read(requests, "waha/requests.json"), ...read(requests, "waha/group-requests.json")])(
    "takes $name",
    async ({ expected }) => {
      const vendors = await startVendors();
      registerWaha(vendors);
      const answer = await askWaha(vendors, expected.path, expected.json);
      expect(answer.status).toBe(201);
      expectAccepted(vendors, answer, "waha/successes.json");
      const id = at(expected.json, "id");
      const known = vendors.sandbox.log.entries()[0]?.providerMessageId;
      if (id === undefined) expect(known).toMatch(/^3EB0/);
      else expect(known).toBe(id);
    },
  );

  it.each(
    read(failures, "waha/failures.json").flatMap(({ body, reason, status }) => {
      const code =
        at(body, "exception", "message") ?? at(body, "status") ?? at(body, "message") ?? null;
      return status >= 400 && typeof code === "string" ? [{ body, code, reason, status }] : [];
    }),
  )("can refuse for $reason", async ({ body, code, status }) => {
    const vendors = await startVendors();
    registerWaha(vendors);
    vendors.sandbox.faults.add({ kind: "refuse", code, httpStatus: status });
    const answer = await askWaha(vendors, "/api/sendText", {
      session: "default",
      chatId: `${BUDI.slice(1)}@c.us`,
      text: "x",
    });
    expect(answer.status).toBe(status);
    for (const path of [["exception", "message"], ["status"], ["expected"], ["message"]]) {
      if (at(body, ...path) !== undefined) {
        expect(at(answer.json, ...path)).toEqual(at(body, ...path));
      }
    }
  });
});

describe("GOWA", () => {
  /** A form's files are written as name, type and bytes. */
  function bodyOf(expected: z.output<typeof requests>[number]["expected"]): unknown {
    if (expected.fields === undefined) return expected.json;
    const form = new FormData();
    for (const [name, value] of Object.entries(expected.fields)) {
      const file = /^(.+) (\S+\/\S+) ([A-Za-z0-9+/=]+)$/.exec(value);
      if (file === null) form.set(name, value);
      else {
        const bytes = Buffer.from(file[3] ?? "", "base64");
        form.set(name, new Blob([bytes], { type: file[2] ?? "" }), file[1]);
      }
    }
    return form;
  }

  it.each([...read(requests, "gowa/requests.json"), ...read(requests, "gowa/group-requests.json")])(
    "takes $name",
    async ({ expected }) => {
      const vendors = await startVendors();
      registerGowa(vendors);
      const body = bodyOf(expected) as FormData | Record<string, unknown>;
      const answer = await askGowa(vendors, expected.path, body);
      expect(answer.status).toBe(200);
      expectAccepted(vendors, answer, "gowa/successes.json");
      expect(fieldsOf(answer.json["results"])).toEqual(["message_id", "status"]);
    },
  );

  it.each(
    read(failures, "gowa/failures.json").flatMap(({ body, reason, status }) => {
      const [code, message] = [at(body, "code"), at(body, "message")];
      const isTold = status >= 400 && typeof code === "string" && typeof message === "string";
      return isTold ? [{ code, message, reason, status }] : [];
    }),
  )("can refuse for $reason", async ({ code, message, status }) => {
    const vendors = await startVendors();
    registerGowa(vendors);
    vendors.sandbox.faults.add({
      kind: "refuse",
      code: `${code}: ${message}`,
      httpStatus: status,
    });
    const phone = `${BUDI.slice(1)}@s.whatsapp.net`;
    const answer = await askGowa(vendors, "/send/message", { phone, message: "x" });
    expect(answer.status).toBe(status);
    expect(answer.json).toEqual({ code, message, results: null });
  });
});

describe("Evolution", () => {
  it.each([
    ...read(requests, "evolution/requests.json"),
    ...read(requests, "evolution/group-requests.json"),
  ])("takes $name", async ({ expected }) => {
    const vendors = await startVendors();
    registerEvolution(vendors);
    const path = expected.path.slice(0, expected.path.lastIndexOf("/"));
    const answer = await askEvolution(vendors, path, expected.json);
    expect(answer.status).toBe(201);
    expectAccepted(vendors, answer, "evolution/successes.json");
    expect(at(answer.json, "status")).toBe("PENDING");
    expect(at(answer.json, "key", "remoteJid")).toBe(at(expected.json, "number"));
  });

  it.each(
    read(failures, "evolution/failures.json").filter(
      ({ body, status }) =>
        status === 400 && typeof at(body, "response", "message", 0) === "string",
    ),
  )("can refuse because $reason", async ({ body, status }) => {
    const vendors = await startVendors();
    registerEvolution(vendors);
    const code = String(at(body, "response", "message", 0));
    vendors.sandbox.faults.add({ kind: "refuse", code, httpStatus: status });
    const answer = await askEvolution(vendors, "/message/sendText", { number: BUDI, text: "x" });
    expect(answer.status).toBe(status);
    expect(answer.json).toEqual(body);
  });
});

describe("Web Push", () => {
  const examples = z.array(
    z.object({
      name: z.string(),
      expected: z.object({ fields: z.record(z.string(), z.string()), json: z.unknown() }),
    }),
  );

  it.each(read(examples, "web-push/requests.json"))("takes $name", async ({ expected }) => {
    const vendors = await startVendors();
    const { vapid, address } = registerWebPush(vendors);
    const { ttl = "", urgency = "" } = expected.fields;
    const answer = await pushTo(vendors, address, vapid, expected.json, { ttl, urgency });
    expect(answer.status).toBe(201);
    expect(answer.headers.get("location")).toMatch(/^http/);
    const [entry] = vendors.sandbox.log.entries();
    expect(entry).toMatchObject({
      accepted: true,
      providerMessageId: answer.headers.get("location"),
      title: at(expected.json, "title"),
      text: at(expected.json, "body"),
      link: at(expected.json, "data", "url") ?? null,
      deliveryKey: at(expected.json, "data", "deliveryId"),
      details: { ttl, urgency },
    });
  });

  it.each(
    read(failures, "web-push/failures.json").filter(
      ({ body }) => typeof at(body, "errno") === "number" && Number(at(body, "errno")) < 300,
    ),
  )("can refuse with $reason", async ({ status }) => {
    const vendors = await startVendors();
    const { vapid, address } = registerWebPush(vendors);
    vendors.sandbox.faults.add({ kind: "refuse", code: status });
    const answer = await pushTo(vendors, address, vapid, { title: "x", body: "x" });
    expect(answer.status).toBe(status);
    expect(fieldsOf(answer.json)).toEqual(["code", "errno", "error", "message", "more_info"]);
  });
});

describe("FCM", () => {
  it.each(read(requests, "fcm/requests.json"))("takes $name", async ({ expected }) => {
    const vendors = await startVendors();
    const token = await signInAtFcm(vendors);
    const { id } = vendors.sandbox.subscribe("fcm:siaga-simulated", BUDI);
    const asked = { message: { ...(at(expected.json, "message") as object), token: id } };
    const answer = await sendByFcm(vendors, token, asked);
    expect(answer.status).toBe(200);
    expect(fieldsOf(answer.json)).toEqual(documentedFields("fcm/successes.json"));
    expect(answer.json["name"]).toEqual(
      textLike(/^projects\/siaga-simulated\/messages\/0:\d+%[0-9a-f]{16}$/),
    );
    const sends = vendors.sandbox.log.entries(({ kind }) => kind === "message");
    expect(sends).toMatchObject([
      {
        accepted: true,
        to: id,
        text: at(expected.json, "message", "notification", "body"),
        deliveryKey: at(expected.json, "message", "data", "deliveryId"),
      },
    ]);
  });

  it.each(
    ["UNREGISTERED", "INVALID_ARGUMENT", "SENDER_ID_MISMATCH", "QUOTA_EXCEEDED"].concat([
      "UNAVAILABLE",
      "INTERNAL",
      "THIRD_PARTY_AUTH_ERROR",
    ]),
  )("can refuse with %s as documented", async (code) => {
    const vendors = await startVendors();
    const token = await signInAtFcm(vendors);
    vendors.sandbox.faults.add({ kind: "refuse", code });
    const answer = await sendByFcm(vendors, token, {
      message: { token: "x", notification: { body: "x" } },
    });
    const documented = read(failures, "fcm/failures.json").find(
      ({ body }) => at(body, "error", "details", 0, "errorCode") === code,
    );
    expect(answer.status).toBe(documented?.status);
    expect({ ...answer.json, error: { ...(answer.json["error"] as object), message: "" } }).toEqual(
      {
        error: { ...(at(documented?.body, "error") as object), message: "" },
      },
    );
  });
});
