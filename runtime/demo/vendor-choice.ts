/**
 * Another vendor for a channel: the seeded accounts are switched off, accounts of the chosen one are made through the API as an administrator would make
 * them, and the sandbox is told of the same numbers and credentials. The ladder and everything else stay as they are.
 */
import { randomBytes } from "node:crypto";

import type { AccountRegistration } from "../../providers/simulated/world.ts";
import type { SimulatedVendors } from "../../providers/simulated/server.ts";
import type { DemoApi, Json } from "./api-client.ts";

export const WHATSAPP_CHOICES = ["fonnte", "wablas", "woowa", "waha", "gowa", "evolution"] as const;
export const SMS_CHOICES = ["twilio-sms", "zenziva", "nusasms"] as const;

export interface VendorChoice {
  readonly whatsapp: (typeof WHATSAPP_CHOICES)[number];
  readonly sms: (typeof SMS_CHOICES)[number];
}

const SEEDED_CHOICE = { whatsapp: "fonnte", sms: "twilio-sms" } as const satisfies VendorChoice;

/** @throws Error naming the choices */
export function readChoice(given: {
  readonly whatsapp?: string | undefined;
  readonly sms?: string | undefined;
}): VendorChoice {
  return {
    whatsapp: oneOf("--whatsapp", WHATSAPP_CHOICES, given.whatsapp ?? SEEDED_CHOICE.whatsapp),
    sms: oneOf("--sms", SMS_CHOICES, given.sms ?? SEEDED_CHOICE.sms),
  };
}

function oneOf<Choice extends string>(
  option: string,
  choices: readonly Choice[],
  given: string,
): Choice {
  const found = choices.find((choice) => choice === given);
  if (found === undefined) throw new Error(`${option} is one of ${choices.join(", ")}`);
  return found;
}

/** One number at a vendor: how Siaga knows it, and how the vendor does. */
interface Device {
  readonly sender: string;
  readonly credentials: Readonly<Record<string, string>>;
  readonly settings: Readonly<Record<string, unknown>>;
  readonly register: (webhookUrl: string | null) => AccountRegistration;
}

const DEVICES_PER_VENDOR = 2;
/** As the seeded accounts: a vendor's own gentle pace would make the story long. */
const DEMO_PACING = { perSecond: 1, minGapSeconds: 1, pairGapSeconds: 0 };

/** The account of the first number, as the sandbox calls it: the one that fails in the story. */
export function firstDevice(whatsapp: VendorChoice["whatsapp"]): string {
  return `${whatsapp}:${senderOf(whatsapp, 1).slice(1)}`;
}

export async function chooseVendors(
  vendors: SimulatedVendors,
  api: DemoApi,
  choice: VendorChoice,
): Promise<void> {
  if (choice.whatsapp !== SEEDED_CHOICE.whatsapp) {
    await switchOff(api, ["whatsapp_personal", "whatsapp_group"]);
    await addWhatsApp(vendors, api, choice.whatsapp);
  }
  if (choice.sms !== SEEDED_CHOICE.sms) {
    await switchOff(api, ["sms"]);
    await addSms(vendors, api, choice.sms);
  }
}

export async function addSms(
  vendors: SimulatedVendors,
  api: DemoApi,
  vendor: Exclude<VendorChoice["sms"], "twilio-sms">,
): Promise<void> {
  const device = smsDevice(vendor);
  await addAccount(vendors, api, vendor, "sms", device);
  vendors.sandbox.registerAccount(device.register(null));
}

async function switchOff(api: DemoApi, channels: readonly string[]): Promise<void> {
  const page = await api.get("/v1/provider-accounts?limit=100&enabled=true");
  for (const account of page["items"] as readonly Json[]) {
    if (!channels.includes(String(account["channel"]))) continue;
    await api.send("POST", `/v1/provider-accounts/${String(account["id"])}/disable`, undefined);
  }
}

/** Two numbers at the vendor, for persons and for every group. */
export async function addWhatsApp(
  vendors: SimulatedVendors,
  api: DemoApi,
  vendor: Exclude<VendorChoice["whatsapp"], "fonnte">,
): Promise<void> {
  const groups = (await api.get("/v1/groups?limit=100"))["items"] as readonly Json[];
  for (let number = 1; number <= DEVICES_PER_VENDOR; number += 1) {
    const device = whatsAppDevice(vendor, number);
    const personal = await addAccount(vendors, api, vendor, "whatsapp_personal", device);
    // One number has one webhook, for persons and groups alike.
    const registered = vendors.sandbox.registerAccount(device.register(personal.webhookUrl));
    const group = await addAccount(vendors, api, vendor, "whatsapp_group", device);
    for (const { id, groupChatId } of groups) {
      await api.send("PUT", `/v1/provider-accounts/${group.id}/groups/${String(id)}`, undefined);
      const known = vendors.sandbox.world.groups.get(String(groupChatId));
      if (known === undefined) continue;
      vendors.sandbox.setGroup({
        id: known.id,
        name: known.name,
        members: [...known.members],
        accounts: [...known.accountIds, registered.id],
      });
    }
  }
}

async function addAccount(
  vendors: SimulatedVendors,
  api: DemoApi,
  provider: string,
  channel: string,
  { credentials, sender, settings }: Device,
): Promise<{ readonly id: string; readonly webhookUrl: string | null }> {
  const baseUrl = Object.entries(vendors.baseUrls).find(([vendor]) => vendor === provider)?.[1];
  const page = await api.get(
    `/v1/provider-accounts?limit=100&provider=${provider}&channel=${channel}`,
  );
  const known = (page["items"] as readonly Json[]).find((account) => account["sender"] === sender);
  const made = known
    ? await api.send("PATCH", `/v1/provider-accounts/${String(known["id"])}`, {
        credentials,
        baseUrl,
        enabled: true,
      })
    : await api.send("POST", "/v1/provider-accounts", {
        provider,
        channel,
        name: `${provider} ${sender.slice(-2)}${channel === "whatsapp_group" ? " (grup)" : ""}`,
        sender,
        baseUrl,
        credentials,
        settings,
        pacing: DEMO_PACING,
        purposes: ["critical", "operational", "customer", "otp"],
      });
  const webhookUrl = made["webhookUrl"];
  return { id: String(made["id"]), webhookUrl: typeof webhookUrl === "string" ? webhookUrl : null };
}

function senderOf(vendor: VendorChoice["whatsapp"], number: number): string {
  // The seeded numbers of the first one.
  if (vendor === "fonnte") return `+62812340000${90 + number}`;
  return `+6281234000${100 + WHATSAPP_CHOICES.indexOf(vendor) * DEVICES_PER_VENDOR + number}`;
}

/** What Woowa calls its fields is unknown; the sandbox and the account agree on these. */
const WOOWA_FIELDS = {
  sender: "sender",
  text: "message",
  id: "id",
  group: "group_id",
  writer: "member",
  name: "name",
  time: "time",
  device: "device",
  secret: "secret",
} as const;

function whatsAppDevice(
  vendor: Exclude<VendorChoice["whatsapp"], "fonnte">,
  number: number,
): Device {
  const sender = senderOf(vendor, number);
  const secret = (): string => randomBytes(16).toString("hex");
  const common = { sender: sender.slice(1), name: `Siaga ${number}` };
  switch (vendor) {
    case "wablas": {
      const credentials = { token: secret(), secretKey: secret() };
      const deviceId = `DEMO${number}`;
      return {
        sender,
        credentials,
        settings: { deviceId },
        register: (webhookUrl) => ({ ...common, vendor, credentials, deviceId, webhookUrl }),
      };
    }
    case "woowa": {
      const credentials = { key: secret(), webhookSecret: secret() };
      return {
        sender,
        credentials,
        settings: { inbound: WOOWA_FIELDS },
        register: (webhookUrl) => ({
          ...common,
          vendor,
          credentials,
          inbound: WOOWA_FIELDS,
          webhookUrl,
        }),
      };
    }
    case "waha": {
      const credentials = { apiKey: secret(), webhookHmacKey: secret() };
      const session = `demo${number}`;
      return {
        sender,
        credentials,
        settings: { session },
        register: (webhookUrl) => ({ ...common, vendor, credentials, session, webhookUrl }),
      };
    }
    case "gowa": {
      const credentials = { webhookSecret: secret() };
      const deviceId = `demo${number}`;
      return {
        sender,
        credentials,
        settings: { deviceId },
        register: (webhookUrl) => ({ ...common, vendor, credentials, deviceId, webhookUrl }),
      };
    }
    case "evolution": {
      const credentials = { apiKey: secret(), webhookSecret: secret() };
      const instance = `demo${number}`;
      return {
        sender,
        credentials,
        settings: { instance },
        register: (webhookUrl) => ({ ...common, vendor, credentials, instance, webhookUrl }),
      };
    }
  }
}

function smsDevice(vendor: Exclude<VendorChoice["sms"], "twilio-sms">): Device {
  const sender = "SIAGA";
  const secret = (): string => randomBytes(8).toString("hex");
  const name = "Siaga";
  switch (vendor) {
    case "zenziva": {
      const credentials = { userkey: secret(), passkey: secret() };
      return {
        sender,
        credentials,
        settings: {},
        register: (webhookUrl) => ({ vendor, sender, name, credentials, webhookUrl }),
      };
    }
    case "nusasms": {
      const credentials = { user: secret(), password: secret() };
      return {
        sender,
        credentials,
        settings: {},
        register: (webhookUrl) => ({ vendor, sender, name, credentials, webhookUrl }),
      };
    }
  }
}
