import { PEOPLE } from "../../db/seed/people.ts";
import type { DemoApi, Json, TimelineLine } from "./api-client.ts";
import { readTimeline } from "./api-client.ts";
import { createNarrator, type Names } from "./narrator.ts";
import { demoPolicy, type StoryEnd } from "./outage.ts";
import type { Stack } from "./stack.ts";

/**
 * The same alert with priority high: one person sleeps, one is awake. The ladder goes on to who is awake; the sleeper is told when the window ends, which for
 * the demo is at the next full minute but one.
 */
export async function quietNightStory(
  stack: Stack,
  api: DemoApi,
  names: Names,
  print: (line: string) => void,
): Promise<StoryEnd> {
  const [awake, sleeper] = PEOPLE.filter(({ role }) => role === "noc");
  if (!awake || !sleeper) throw new Error("the seed has two people of the NOC");
  stack.vendors.sandbox.phones.configure(awake.phone, { isOnline: true });
  stack.vendors.sandbox.phones.configure(sleeper.phone, { isOnline: true });
  const endsAt = nextMinute(Date.now() + 15_000);
  await sleepUntil(api, sleeper.externalId, endsAt);
  print(`  ${sleeper.name} sleeps until ${clock(endsAt)}; ${awake.name} is awake`);
  const accepted = await api.send("POST", "/v1/notifications", {
    type: "outage",
    priority: "high",
    zone: "karawang",
    recipients: { userIds: [`ext:${awake.externalId}`, `ext:${sleeper.externalId}`] },
    policyId: await demoPolicy(api, "demo: high, ten times faster", "high"),
    data: {
      location: "POP Klari",
      description: "Daya cadangan tinggal 20 menit",
      affected_customers: 312,
    },
  });
  const id = String(accepted["id"]);
  print(`  notification ${id}`);
  const users = {
    awake: await userId(api, awake.externalId),
    sleeper: await userId(api, sleeper.externalId),
  };
  const lines = await tellUntilToldOrSettled(api, id, users.sleeper, names, print);
  await wake(api, sleeper.externalId);
  await api.send("POST", `/v1/notifications/${id}/acknowledge`, { note: "end of the demo" });
  return { problems: judge(lines, users, endsAt) };
}

const LOOK_EVERY_MS = 250;
const STORY_MS_MAX = 150_000;

async function tellUntilToldOrSettled(
  api: DemoApi,
  id: string,
  sleeper: string,
  names: Names,
  print: (line: string) => void,
): Promise<readonly TimelineLine[]> {
  const narrator = createNarrator(api, id, names, print);
  const endAt = Date.now() + STORY_MS_MAX;
  for (;;) {
    const lines = await narrator.tell();
    if (lines.some((line) => isTold(line, sleeper))) return lines;
    if (lines.some((line) => line.kind === "settled")) return lines;
    if (Date.now() > endAt) return readTimeline(api, id);
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
}

function isTold(line: TimelineLine, userId: string): boolean {
  return (
    line.kind === "delivery_accepted" &&
    line.target === userId &&
    line.channel === "whatsapp_personal"
  );
}

function judge(
  lines: readonly TimelineLine[],
  users: { readonly awake: string; readonly sleeper: string },
  endsAt: number,
): readonly string[] {
  const awakeAt = lines.find((line) => isTold(line, users.awake))?.at;
  const sleeperAt = lines.find((line) => isTold(line, users.sleeper))?.at;
  const problems: string[] = [];
  if (!awakeAt || Date.parse(awakeAt) >= endsAt)
    problems.push("not seen: who is awake was told at once");
  if (!sleeperAt) problems.push("not seen: the sleeper was told at the window's end");
  else if (Date.parse(sleeperAt) < endsAt)
    problems.push("the sleeper was told inside the quiet hours");
  return problems;
}

async function sleepUntil(api: DemoApi, externalId: string, endsAt: number): Promise<void> {
  await api.send("PATCH", `/v1/users/ext:${externalId}/settings`, {
    quietHours: {
      enabled: true,
      from: clock(endsAt - 4 * 3_600_000),
      to: clock(endsAt),
      days: ["mon", "tue", "wed", "thu", "fri", "sat", "sun"],
      timeZone: "Asia/Jakarta",
    },
  });
}

async function wake(api: DemoApi, externalId: string): Promise<void> {
  await api.send("PATCH", `/v1/users/ext:${externalId}/settings`, {
    quietHours: { enabled: false },
  });
}

async function userId(api: DemoApi, externalId: string): Promise<string> {
  const user: Json = await api.get(`/v1/users/ext:${externalId}`);
  return String(user["id"]);
}

function nextMinute(at: number): number {
  return Math.ceil(at / 60_000) * 60_000;
}

/** "HH:MM" on the sleeper's clock. */
function clock(at: number): string {
  return new Date(at).toLocaleTimeString("en-GB", {
    timeZone: "Asia/Jakarta",
    hour12: false,
    hour: "2-digit",
    minute: "2-digit",
  });
}
