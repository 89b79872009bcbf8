import { readTimeline, type DemoApi, type TimelineLine } from "./api-client.ts";

/** Tells a notification's timeline as it grows, in words for somebody who sees it for the first time. */
export interface Narrator {
  /** Prints what is new and answers the whole timeline. */
  readonly tell: () => Promise<readonly TimelineLine[]>;
}

export interface Names {
  readonly of: (id: string | null) => string;
}

const CHANNEL_WORDS: Readonly<Record<string, string>> = {
  whatsapp_personal: "WhatsApp",
  whatsapp_group: "group WhatsApp",
  sms: "SMS",
  call: "phone call",
  in_app: "in-app",
  push: "push",
  email: "e-mail",
};

export function createNarrator(
  api: DemoApi,
  id: string,
  names: Names,
  print: (line: string) => void,
): Narrator {
  const told = new Set<string>();
  return {
    tell: async () => {
      const lines = await readTimeline(api, id);
      for (const line of lines) {
        const key = JSON.stringify(line);
        if (told.has(key)) continue;
        told.add(key);
        const text = inWords(line, names);
        if (text) print(`  ${clock(line.at)}  ${text}`);
      }
      return lines;
    },
  };
}

function clock(at: string): string {
  return new Date(at).toLocaleTimeString("en-GB", {
    timeZone: "Asia/Jakarta",
    hour12: false,
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
    fractionalSecondDigits: 1,
  });
}

/** Null for what only repeats another line. */
export function inWords(line: TimelineLine, names: Names): string | null {
  const channel = CHANNEL_WORDS[line.channel ?? ""] ?? "";
  const whom = names.of(line.target);
  const by = line.accountId ? ` by ${names.of(line.accountId)}` : "";
  const because = line.reason ? ` (${line.reason.replaceAll("_", " ")})` : "";
  switch (line.kind) {
    case "accepted":
      return "accepted: stored, answered 202";
    case "planned":
      return "planned: who is told, when, by what";
    case "step_started":
      return `STEP ${line.step}${line.pass !== null && line.pass > 1 ? `, pass ${line.pass}` : ""}`;
    case "step_ended":
      return `step ${line.step} is over${because}`;
    case "delivery_attempted":
      return null;
    case "delivery_accepted":
      return `${channel} to ${whom}: ✓ taken${by}`;
    case "delivery_failed":
      return `${channel} to ${whom}: ✗ refused${by}${because}`;
    case "delivery_unknown":
      return `${channel} to ${whom}: ? nobody knows${because}`;
    case "receipt":
      return `${channel} to ${whom}: ${TICKS[line.reason ?? ""] ?? ""} ${line.reason ?? ""}${causeOf(line)}`;
    case "failed_over":
      return `${channel} to ${whom}: goes to the next account${because}`;
    case "pulled_forward":
      return `${whom}: ${channel || "the next channel"} is pulled forward${because}`;
    case "acknowledged":
      return `ACKNOWLEDGED by ${actor(line) ?? whom} (${line.reason ?? ""})`;
    case "resolved":
      return `RESOLVED by ${actor(line) ?? whom}`;
    case "closing_sent":
      return `${channel} to ${whom}: closing message${by}`;
    case "call_hung_up":
      return `${channel} to ${whom}: hung up`;
    case "held":
      return `held${because}${untilOf(line)}`;
    case "resumed":
      return `wakes up${because}`;
    case "settled":
      return `SETTLED: ${outcomeOf(line)}`;
    default:
      return `${line.kind.replaceAll("_", " ")} ${whom}${because}`.trim();
  }
}

const TICKS: Readonly<Record<string, string>> = {
  sent: "✓",
  delivered: "✓✓",
  read: "✓✓ (blue)",
  failed: "✗",
};

function causeOf(line: TimelineLine): string {
  const cause = line.detail?.["cause"];
  return typeof cause === "string" ? ` (${cause.replaceAll("_", " ")})` : "";
}

function untilOf(line: TimelineLine): string {
  const until = line.detail?.["until"];
  return typeof until === "number" ? ` until ${clock(new Date(until).toISOString())}` : "";
}

function actor(line: TimelineLine): string | null {
  const by = line.detail?.["by"];
  const name = typeof by === "object" && by !== null && "name" in by ? by.name : null;
  return typeof name === "string" ? name : null;
}

function outcomeOf(line: TimelineLine): string {
  const outcome = line.detail?.["outcome"];
  return typeof outcome === "string" ? outcome : "";
}
