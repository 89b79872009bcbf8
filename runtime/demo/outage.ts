import { DEFAULT_POLICIES } from "../../domain/default-policies.ts";
import type { PolicyRules } from "../../domain/escalation-policy.ts";
import { PEOPLE } from "../../db/seed/people.ts";
import type { DemoApi, Json, TimelineLine } from "./api-client.ts";
import { readDeliveries, readNotices } from "./api-client.ts";
import { compareWithVendors } from "./compare.ts";
import { createNarrator, type Names } from "./narrator.ts";
import type { Stack } from "./stack.ts";
import { firstDevice, type VendorChoice } from "./vendor-choice.ts";

/** What a story found: nothing in `problems` is what its reader wants to see. */
export interface StoryEnd {
  readonly problems: readonly string[];
}

/** The default critical policy tells its story in ten minutes; the demo has half a minute. The same steps, a tenth of the time. */
const SPEED = 10;
const LOOK_EVERY_MS = 250;
const STORY_MS_MAX = 120_000;
const LOOKS_MAX = 20;
/** Closing messages leave a second apart, one after the other; when nothing has happened for this long, they are out. */
const QUIET_MS = 3_000;

/** A policy's own rules with shorter times: data, like any other policy. */
export function hurried(rules: PolicyRules): PolicyRules {
  const shorter = (seconds: number): number => Math.max(1, Math.round(seconds / SPEED));
  return {
    ...rules,
    steps: rules.steps.map((step) => ({
      ...step,
      windowSeconds: shorter(step.windowSeconds),
      spacingSeconds: step.spacingSeconds === null ? null : shorter(step.spacingSeconds),
      undeliveredAfterSeconds:
        step.undeliveredAfterSeconds === null ? null : shorter(step.undeliveredAfterSeconds),
    })),
  };
}

/** The demo's own policy of that name, made once. */
export async function demoPolicy(
  api: DemoApi,
  name: string,
  of: "critical" | "high",
): Promise<string> {
  const list = await api.get("/v1/policies?limit=100");
  const known = (list["items"] as readonly Json[]).find((policy) => policy["name"] === name);
  if (known) return String(known["id"]);
  const { priority, rules } = DEFAULT_POLICIES[of];
  const made = await api.send("POST", "/v1/policies", { name, priority, ...hurried(rules) });
  return String(made["id"]);
}

/** Puts the world into the state that the story needs: one device is offline, one phone is off, one person answers calls. */
export function setOutageScene(stack: Stack, { whatsapp }: VendorChoice): void {
  const { sandbox } = stack.vendors;
  const [first, second] = PEOPLE.filter(({ role }) => role === "noc");
  if (!first || !second) throw new Error("the seed has two people of the NOC");
  // The vendor does not tell beforehand: that the account can't send shows when a message is to leave.
  const failing = { vendor: whatsapp, account: firstDevice(whatsapp) } as const;
  sandbox.faults.add(
    whatsapp === "fonnte"
      ? { ...failing, kind: "refuse", code: "request invalid on disconnected device" }
      : { ...failing, kind: "unauthorized" },
  );
  sandbox.phones.configure(first.phone, { isOnline: true, calls: { kind: "ring" } });
  sandbox.phones.configure(second.phone, { isOnline: false });
}

/** Who answers the call in the end. */
export function letSomebodyAnswer(stack: Stack): void {
  const [first] = PEOPLE.filter(({ role }) => role === "noc");
  if (!first) throw new Error("the seed has people of the NOC");
  stack.vendors.sandbox.phones.configure(first.phone, {
    calls: { kind: "answer", keys: "1", afterMs: 1_500, keyAfterMs: 2_000 },
  });
}

export async function raiseOutage(api: DemoApi, policyId: string): Promise<string> {
  const accepted = await api.send("POST", "/v1/notifications", {
    type: "outage",
    zone: "karawang",
    policyId,
    data: {
      location: "POP Klari",
      description: "OLT-2 tidak merespons, 312 pelanggan terdampak",
      affected_customers: 312,
    },
  });
  return String(accepted["id"]);
}

/**
 * Tells the ladder until the notification is settled and its closing messages are out. Without a person at the keyboard it is resolved once everybody knows who
 * has it, and must come to its end in time.
 */
export async function tellUntilSettled(
  api: DemoApi,
  id: string,
  names: Names,
  print: (line: string) => void,
  { isLive }: { readonly isLive: boolean } = { isLive: false },
): Promise<readonly TimelineLine[]> {
  const narrator = createNarrator(api, id, names, print);
  const endAt = Date.now() + STORY_MS_MAX;
  let isResolved = false;
  let quietSince = Date.now();
  let known = 0;
  for (;;) {
    const lines = await narrator.tell();
    if (lines.length !== known) quietSince = Date.now();
    known = lines.length;
    const isQuiet = Date.now() - quietSince > QUIET_MS;
    const has = (kind: string): boolean => lines.some((line) => line.kind === kind);
    if (has("settled") && isQuiet) return lines;
    if (has("acknowledged") && isQuiet && !isResolved && !isLive) {
      isResolved = true;
      await api.send("POST", `/v1/notifications/${id}/resolve`, { note: "OLT-2 is back" });
    }
    if (Date.now() > endAt && !isLive) throw new Error("the story did not come to its end in time");
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
}

/** The critical outage from its acceptance to its closing messages. */
export async function outageStory(
  stack: Stack,
  api: DemoApi,
  names: Names,
  choice: VendorChoice,
  print: (line: string) => void,
): Promise<StoryEnd> {
  setOutageScene(stack, choice);
  letSomebodyAnswer(stack);
  const afterSeq = stack.vendors.sandbox.log.lastSeq;
  const beganAt = new Date().toISOString();
  const id = await raiseOutage(
    api,
    await demoPolicy(api, "demo: critical, ten times faster", "critical"),
  );
  print(`  notification ${id}`);
  const lines = await tellUntilSettled(api, id, names, print);
  const { differences, count, notices } = await compareRecord(stack, api, id, beganAt, afterSeq);
  print("");
  for (const notice of notices) print(`  The operators were told: ${notice}.`);
  print(
    `  The vendors took ${count} messages and calls; the record has ${differences.length === 0 ? "exactly these" : "others"}.`,
  );
  return { problems: [...differences, ...missing(lines, choice)] };
}

/** The record of the story and of the notices that it raised, against the vendors' log. A notice may be on its way at this very moment: the last look counts. */
async function compareRecord(
  stack: Stack,
  api: DemoApi,
  id: string,
  beganAt: string,
  afterSeq: number,
) {
  for (let looks = 1; ; looks += 1) {
    const notices = await readNotices(api, beganAt);
    const records = await Promise.all(
      [id, ...notices.map((notice) => notice.id)].map((each) => readDeliveries(api, each)),
    );
    const compared = compareWithVendors(stack.vendors, afterSeq, records.flat());
    if (compared.differences.length === 0 || looks === LOOKS_MAX) {
      return { ...compared, notices: notices.map(({ data }) => String(data["notice"])) };
    }
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
}

/** What this story must have shown; each is a promise of the product. */
function missing(lines: readonly TimelineLine[], { whatsapp }: VendorChoice): readonly string[] {
  const has = (fits: (line: TimelineLine) => boolean): boolean => lines.some(fits);
  const wanted: readonly (readonly [string, boolean])[] = [
    [
      "a personal WhatsApp was taken",
      has((l) => l.kind === "delivery_accepted" && l.channel === "whatsapp_personal"),
    ],
    ["the offline device was failed over", has((l) => l.kind === "failed_over")],
    [
      "the silent phone was pulled forward",
      // Nothing is undelivered where nothing is ever reported.
      whatsapp === "woowa" || has((l) => l.kind === "pulled_forward"),
    ],
    [
      "a group was told",
      has((l) => l.kind === "delivery_accepted" && l.channel === "whatsapp_group"),
    ],
    ["an SMS was taken", has((l) => l.kind === "delivery_accepted" && l.channel === "sms")],
    ["a call was placed", has((l) => l.kind === "delivery_accepted" && l.channel === "call")],
    [
      "the key press acknowledged",
      has((l) => l.kind === "acknowledged" && l.reason === "keypress"),
    ],
    ["closing messages went out", has((l) => l.kind === "closing_sent")],
    [
      "it settled as resolved",
      has((l) => l.kind === "settled" && l.detail?.["outcome"] === "resolved"),
    ],
  ];
  return wanted.filter(([, isThere]) => !isThere).map(([promise]) => `not seen: ${promise}`);
}
