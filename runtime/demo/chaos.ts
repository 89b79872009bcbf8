/**
 * `npm run chaos`: every simulated vendor has every misfortune in turn, while a critical message goes over it to one person. After each the promises are held
 * against the record and the vendors' log: one outcome (1), no message twice but for a recorded doubt or hand-over (4), nothing called sent that was not taken
 * (5), the record and the log the same (37). The table says what an operator reads; the program exits 1 when a promise does not hold.
 */
import { rm } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

import type { FaultRequest } from "../../providers/simulated/faults.ts";
import type { Logged, RequestEntry } from "../../providers/simulated/log.ts";
import type { Vendor } from "../../providers/simulated/seen.ts";
import { createLogger } from "../logger.ts";
import {
  createDemoApi,
  readDeliveries,
  readTimeline,
  type DeliveryLine,
  type DemoApi,
  type Json,
  type TimelineLine,
} from "./api-client.ts";
import { inWords, type Names } from "./narrator.ts";
import { startStack, type Stack } from "./stack.ts";
import { addSms, addWhatsApp } from "./vendor-choice.ts";

const DATA_DIR = fileURLToPath(new URL("../../.siaga/chaos", import.meta.url));
const TIME_SCALE = 0.05;
/** Longer than both steps and the tries of a vendor that is away. */
const ROW_MS_MAX = 60_000;
const LOOK_EVERY_MS = 250;
/** What was kept back by a fault arrives after it; then the record must agree. */
const REST_MS = 1_500;

/** A vendor under test: its first account has the misfortune with messages to this person, who is no operator and so is told of nothing else. */
interface Victim {
  readonly provider: string;
  readonly vendor: Vendor;
  readonly channel: "whatsapp_personal" | "sms" | "call";
  readonly person: string;
}

const VICTIMS: readonly Victim[] = [
  { provider: "fonnte", vendor: "fonnte", channel: "whatsapp_personal", person: "T-1" },
  { provider: "meta", vendor: "meta", channel: "whatsapp_personal", person: "T-2" },
  { provider: "wablas", vendor: "wablas", channel: "whatsapp_personal", person: "T-3" },
  { provider: "woowa", vendor: "woowa", channel: "whatsapp_personal", person: "S-1" },
  { provider: "waha", vendor: "waha", channel: "whatsapp_personal", person: "S-2" },
  { provider: "gowa", vendor: "gowa", channel: "whatsapp_personal", person: "C-1" },
  { provider: "evolution", vendor: "evolution", channel: "whatsapp_personal", person: "C-2" },
  { provider: "twilio-sms", vendor: "twilio", channel: "sms", person: "M-1" },
  { provider: "zenziva", vendor: "zenziva", channel: "sms", person: "CS-1" },
  { provider: "nusasms", vendor: "nusasms", channel: "sms", person: "CS-2" },
  { provider: "twilio-voice", vendor: "twilio", channel: "call", person: "C-3" },
];

interface Misfortune {
  readonly name: string;
  readonly fault: FaultRequest;
}

const MISFORTUNES: readonly Misfortune[] = [
  { name: "drops after accepting", fault: { kind: "drop_after", count: 1 } },
  { name: "refuses in its own words", fault: { kind: "refuse", count: 1 } },
  { name: "delays receipts", fault: { kind: "receipts_delayed", delayMs: 2_500 } },
  {
    name: "duplicates receipts",
    fault: { kind: "receipts_duplicated", copies: 5, isConcurrent: true },
  },
  { name: "reorders receipts", fault: { kind: "receipts_reordered" } },
  { name: "offline, queues inside", fault: { kind: "offline_queue" } },
  { name: "rate-limits", fault: { kind: "rate_limited", retryAfterSeconds: 1, count: 1 } },
  { name: "bans", fault: { kind: "ban", count: 1 } },
];

interface Row {
  readonly victim: string;
  readonly misfortune: string;
  readonly outcome: string;
  readonly story: string;
  readonly broken: readonly string[];
}

async function main(victims: readonly Victim[]): Promise<number> {
  if (victims.length === 0) {
    console.error(`--vendor is one of ${VICTIMS.map(({ provider }) => provider).join(", ")}`);
    return 2;
  }
  await rm(DATA_DIR, { recursive: true, force: true });
  const stack = await startStack({
    dataDir: path.resolve(DATA_DIR),
    progress: (line) => {
      if (line !== "") console.error(`  ${line}`);
    },
    log: createLogger({ level: "error", process: "chaos" }),
    ports: { api: 3000, temporal: 7233, temporalUi: 8233 },
    timeScale: TIME_SCALE,
    apiKeyName: "chaos",
  });
  try {
    const api = createDemoApi(stack.apiUrl, stack.key);
    const rows = await play(stack, api, victims);
    console.log(values.json ? JSON.stringify(rows, null, 2) : tableOf(rows));
    return rows.some(({ broken }) => broken.length > 0) ? 1 : 0;
  } finally {
    await stack.stop();
  }
}

async function play(
  stack: Stack,
  api: DemoApi,
  victims: readonly Victim[],
): Promise<readonly Row[]> {
  const scene = await setScene(stack, api);
  const rows: Row[] = [];
  for (const misfortune of MISFORTUNES) {
    console.error(`  ${misfortune.name} …`);
    rows.push(...(await suffer(scene, victims, misfortune)));
    await recover(scene);
  }
  return rows;
}

interface Scene {
  readonly stack: Stack;
  readonly api: DemoApi;
  readonly accounts: readonly Json[];
  readonly names: Names;
  readonly policies: Readonly<Record<Victim["channel"], string>>;
  readonly phones: ReadonlyMap<string, string>;
}

async function setScene(stack: Stack, api: DemoApi): Promise<Scene> {
  for (const vendor of ["wablas", "woowa", "waha", "gowa", "evolution"] as const) {
    await addWhatsApp(stack.vendors, api, vendor);
  }
  for (const vendor of ["zenziva", "nusasms"] as const) await addSms(stack.vendors, api, vendor);
  const accounts = (await api.get("/v1/provider-accounts?limit=100"))["items"] as readonly Json[];
  for (const { id } of accounts) {
    await api.send("PATCH", `/v1/provider-accounts/${String(id)}`, {
      receiptDeadlineSeconds: 2,
      pacing: { perSecond: 100, minGapSeconds: 0, pairGapSeconds: 0 },
    });
  }
  const users = (await api.get("/v1/users?limit=100"))["items"] as readonly Json[];
  const phones = new Map(
    users.map((user) => [
      String(user["externalId"]),
      String((user["contacts"] as readonly Json[])[0]?.["value"]),
    ]),
  );
  const known = new Map(
    [...accounts, ...users].map(({ id, name }) => [String(id), String(name)] as const),
  );
  for (const phone of phones.values()) {
    stack.vendors.sandbox.phones.configure(phone, {
      calls: { kind: "answer", keys: "", afterMs: 1_000 },
    });
  }
  return {
    stack,
    api,
    accounts,
    names: { of: (id) => (id === null ? "" : (known.get(id) ?? id)) },
    phones,
    policies: {
      whatsapp_personal: await policy(api, "whatsapp_personal", "sms"),
      sms: await policy(api, "sms", "whatsapp_personal"),
      call: await policy(api, "call", "whatsapp_personal"),
    },
  };
}

async function policy(api: DemoApi, first: string, second: string): Promise<string> {
  const made = await api.send("POST", "/v1/policies", {
    name: `chaos: ${first}`,
    priority: "critical",
    settledBy: "delivered",
    quietHours: "override",
    ignoresChannelSwitches: true,
    raisesNotice: false,
    steps: [
      { channels: [first], groups: "none", windowSeconds: 12, undeliveredAfterSeconds: 5 },
      { channels: [second], groups: "none", windowSeconds: 6 },
    ],
  });
  return String(made["id"]);
}

/** Each vendor has the same misfortune at the same time, with a person of its own. */
async function suffer(
  scene: Scene,
  victims: readonly Victim[],
  { name, fault }: Misfortune,
): Promise<readonly Row[]> {
  const { sandbox } = scene.stack.vendors;
  const afterSeq = sandbox.log.lastSeq;
  for (const victim of victims) {
    const recipient = scene.phones.get(victim.person) ?? "";
    const account = deviceOf(scene, victim);
    sandbox.faults.add({ ...fault, vendor: victim.vendor, account, recipient });
  }
  const ids = await Promise.all(victims.map((victim) => raise(scene, victim)));
  const ended = await Promise.all(ids.map((id) => untilSettled(scene.api, id)));
  // Queued messages leave now; what arrives late must change nothing that was promised.
  sandbox.faults.clear();
  await rest();
  return Promise.all(
    victims.map(async (victim, index) => {
      const id = ids[index] ?? "";
      const [timeline, deliveries] = await Promise.all([
        readTimeline(scene.api, id),
        readDeliveries(scene.api, id),
      ]);
      const log = sandbox.log.entries(isMessageTo(scene, victim), { afterSeq });
      return {
        victim: victim.provider,
        misfortune: name,
        outcome: wordAt(ended[index] ?? null, "outcome"),
        story: storyOf(timeline, scene.names),
        broken: brokenPromises(ended[index] ?? null, timeline, deliveries, log),
      };
    }),
  );
}

function wordAt(notification: Json | null, field: string): string {
  const value = notification?.[field];
  return typeof value === "string" ? value : "none";
}

function deviceOf({ accounts }: Scene, { channel, provider, vendor }: Victim): string {
  const first = accounts
    .filter((account) => account["provider"] === provider && account["channel"] === channel)
    .sort((a, b) => Number(a["order"]) - Number(b["order"]))[0];
  const sender = String(first?.["sender"]);
  return vendor === "twilio" ? `${vendor}:${sender}` : `${vendor}:${sender.replace(/^\+/, "")}`;
}

async function raise(scene: Scene, victim: Victim): Promise<string> {
  const { accounts, api, policies } = scene;
  const fallback = victim.channel === "whatsapp_personal" ? "twilio-sms" : "fonnte";
  const avoided = accounts
    .filter(({ provider }) => provider !== victim.provider && provider !== fallback)
    .map(({ id }) => id);
  const accepted = await api.send("POST", "/v1/notifications", {
    type: "outage",
    zone: "karawang",
    priority: "critical",
    policyId: policies[victim.channel],
    recipients: { userIds: [`ext:${victim.person}`] },
    avoidAccountIds: avoided,
    data: { location: "POP Klari", description: `chaos: ${victim.provider}` },
  });
  return String(accepted["id"]);
}

async function untilSettled(api: DemoApi, id: string): Promise<Json | null> {
  const until = Date.now() + ROW_MS_MAX;
  while (Date.now() < until) {
    const notification = await api.get(`/v1/notifications/${id}`);
    if (notification["status"] === "settled") return notification;
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
  return null;
}

function rest(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, REST_MS));
}

function isMessageTo({ phones }: Scene, { person }: Victim) {
  const phone = phones.get(person);
  return ({ kind, to }: RequestEntry): boolean =>
    (kind === "message" || kind === "call") && to === phone;
}

const TAKEN = new Set(["accepted", "sent", "delivered", "read", "superseded"]);

function brokenPromises(
  notification: Json | null,
  timeline: readonly TimelineLine[],
  deliveries: readonly DeliveryLine[],
  log: readonly Logged<RequestEntry>[],
): readonly string[] {
  const taken = log.filter(({ accepted }) => accepted);
  const seen = new Set(taken.flatMap(({ providerMessageId }) => providerMessageId ?? []));
  const outside = deliveries.filter(({ channel }) => channel !== "in_app");
  const doubts = timeline.filter(({ kind }) => kind === "delivery_unknown").length;
  const handOvers = timeline.filter(({ kind }) => kind === "failed_over").length;
  const channels = new Set(outside.map(({ channel }) => channel)).size;
  const known = new Set(outside.flatMap(({ providerMessageId }) => providerMessageId ?? []));
  const unknownToRecord = [...seen].filter((id) => !known.has(id)).length;
  const neverTaken = outside.filter(
    ({ providerMessageId, status }) =>
      TAKEN.has(status) && (providerMessageId === null || !seen.has(providerMessageId)),
  );
  return [
    ...(notification?.["outcome"] ? [] : ["1: it has no outcome"]),
    ...(taken.length <= channels + doubts + handOvers
      ? []
      : [
          `4: ${taken.length} messages for ${channels} channels, ${doubts} doubts, ${handOvers} hand-overs`,
        ]),
    ...(neverTaken.length === 0 ? [] : [`5: ${neverTaken.length} called taken that were not`]),
    ...(unknownToRecord <= doubts ? [] : [`37: ${unknownToRecord} messages unknown to the record`]),
  ];
}

/** The lines that tell an operator what went wrong, and how it went on. */
const TELLING = new Set([
  "delivery_failed",
  "delivery_unknown",
  "failed_over",
  "pulled_forward",
  "receipt",
]);
const STORY_LINES_MAX = 4;

function storyOf(timeline: readonly TimelineLine[], names: Names): string {
  const lines = timeline
    .filter(({ kind }) => TELLING.has(kind))
    .flatMap((line) => inWords(line, names) ?? []);
  const distinct = [...new Set(lines)];
  const shown = distinct.slice(0, STORY_LINES_MAX).join("; ");
  return distinct.length > STORY_LINES_MAX ? `${shown}; …` : shown;
}

/** Everything is well again: banned numbers, devices, health. */
async function recover({ accounts, api, stack }: Scene): Promise<void> {
  const { sandbox } = stack.vendors;
  sandbox.faults.clear();
  for (const { id, isBanned, isOnline } of [...sandbox.world.accounts.values()]) {
    if (isBanned) sandbox.setBanned(id, false);
    if (!isOnline) sandbox.setDevice(id, true);
  }
  await rest();
  for (const { id } of accounts) {
    await api.send("POST", `/v1/provider-accounts/${String(id)}/resume`, undefined);
  }
}

function tableOf(rows: readonly Row[]): string {
  const head = ["vendor", "misfortune", "outcome", "promises", "what the timeline says"];
  const cells = rows.map(({ broken, misfortune, outcome, story, victim }) => [
    victim,
    misfortune,
    outcome,
    broken.length === 0 ? "hold" : `BROKEN ${broken.join(", ")}`,
    story,
  ]);
  const widths = head.map((title, column) =>
    Math.max(title.length, ...cells.map((row) => row[column]?.length ?? 0)),
  );
  const line = (row: readonly string[]): string =>
    row
      .map((cell, column) => (column === row.length - 1 ? cell : cell.padEnd(widths[column] ?? 0)))
      .join("  ");
  const broken = rows.filter((row) => row.broken.length > 0).length;
  return [
    line(head),
    line(
      widths.map((width, column) =>
        "-".repeat(column === head.length - 1 ? (head[column]?.length ?? 0) : width),
      ),
    ),
    ...cells.map(line),
    "",
    broken === 0
      ? `${rows.length} misfortunes, every promise held.`
      : `${rows.length} misfortunes, ${broken} with a broken promise.`,
  ].join("\n");
}

const { values } = parseArgs({
  options: { vendor: { type: "string" }, json: { type: "boolean", default: false } },
});
process.exitCode = await main(
  VICTIMS.filter(({ provider }) => values.vendor === undefined || provider === values.vendor),
);
process.exit();
