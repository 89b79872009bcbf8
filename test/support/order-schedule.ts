import fc from "fast-check";

import { WHO, type ModelChannel, type ModelPolicy, type Who } from "./serial-model.ts";

/** What is done to one run, and when: lanes go on side by side, within a lane each thing waits for the answer to the one before. */
export interface Schedule {
  readonly policy: PolicyName;
  /** Done while no worker is there, one after another, before anything else. */
  readonly early?: readonly PlannedAct[];
  readonly lanes: readonly (readonly Planned[])[];
}

export interface Planned {
  readonly what: PlannedAct;
  readonly when: Moment;
}

export type ReceiptStatus = "sent" | "delivered" | "read" | "failed";

export type PlannedAct =
  | { readonly kind: "acknowledge"; readonly by: Who; readonly via: "api" | "reply" }
  | { readonly kind: "refuse"; readonly by: Who }
  | { readonly kind: "cancel" }
  | { readonly kind: "resolve" }
  | { readonly kind: "escalate" }
  | { readonly kind: "snooze" }
  | { readonly kind: "reprioritise"; readonly to: "high" | "critical" }
  /** The vendor's word about this person's WhatsApp message. */
  | { readonly kind: "receipt"; readonly of: Who; readonly status: ReceiptStatus };

export type Moment =
  /** Right behind what came before it in its lane; the first thing: right behind the request. */
  | { readonly kind: "at_once" }
  /** While a vendor is being asked to tell A on this channel. */
  | { readonly kind: "asked"; readonly channel: ModelChannel; readonly afterMs: number }
  /** When the window of that message is over, or a little before or after that. */
  | { readonly kind: "window_end"; readonly channel: ModelChannel; readonly offsetMs: number }
  /** When one that is acknowledged is asked again, or a little before or after that. */
  | { readonly kind: "reopening"; readonly offsetMs: number };

/** Long enough for a message to leave in it on a loaded machine. */
export const WINDOW_SECONDS = 2;
export const SNOOZE_MS = 700;
/** How long a tracked run waits to be resolved. */
export const RESOLUTION_SECONDS = 2;
/** How long one that is asked again stays acknowledged. */
export const REOPEN_SECONDS = 1;

export const POLICIES = {
  any: {
    priority: "high",
    steps: ["whatsapp_personal", "sms"],
    acknowledgment: "any",
    tracksResolution: false,
    reopens: false,
  },
  all: {
    priority: "high",
    steps: ["whatsapp_personal", "sms"],
    acknowledgment: "all",
    tracksResolution: false,
    reopens: false,
  },
  tracked: {
    priority: "high",
    steps: ["whatsapp_personal", "sms"],
    acknowledgment: "any",
    tracksResolution: true,
    reopens: false,
  },
  reopening: {
    priority: "high",
    steps: ["whatsapp_personal", "sms"],
    acknowledgment: "any",
    tracksResolution: true,
    reopens: true,
  },
} as const satisfies Readonly<Record<string, ModelPolicy>>;
export type PolicyName = keyof typeof POLICIES;

/** What reprioritising leads to. */
export const PRIORITY_POLICIES = {
  high: POLICIES.any,
  critical: {
    priority: "critical",
    steps: ["whatsapp_personal", "call"],
    acknowledgment: "any",
    tracksResolution: true,
    reopens: false,
  },
} as const satisfies Readonly<Record<string, ModelPolicy>>;

const AT_ONCE: Moment = { kind: "at_once" };
const ASKED: Moment = { kind: "asked", channel: "whatsapp_personal", afterMs: 0 };

/** Small sets of what may meet, each to be done in every order. */
export const SETS: readonly (readonly [PolicyName, ...PlannedAct[]])[] = [
  ["any", acknowledged("A"), acknowledged("B"), { kind: "cancel" }],
  ["any", acknowledged("A"), { kind: "cancel" }, { kind: "resolve" }],
  ["any", acknowledged("A"), { kind: "escalate" }, { kind: "refuse", by: "A" }],
  ["any", acknowledged("B"), { kind: "snooze" }, { kind: "reprioritise", to: "critical" }],
  ["any", { kind: "refuse", by: "A" }, { kind: "refuse", by: "B" }, { kind: "escalate" }],
  ["any", { kind: "snooze" }, { kind: "escalate" }, { kind: "reprioritise", to: "critical" }],
  ["any", { kind: "resolve" }, { kind: "reprioritise", to: "critical" }, acknowledged("A")],
  ["any", receipt("A", "failed"), { kind: "refuse", by: "B" }, { kind: "escalate" }],
  ["any", receipt("A", "read"), receipt("A", "failed"), receipt("A", "delivered")],
  ["any", receipt("A", "failed"), { kind: "snooze" }, acknowledged("A", "reply")],
  ["all", acknowledged("A"), acknowledged("B"), { kind: "refuse", by: "B" }],
  ["all", acknowledged("A"), { kind: "refuse", by: "A" }, { kind: "cancel" }],
  ["all", acknowledged("B"), { kind: "reprioritise", to: "critical" }, { kind: "resolve" }],
  ["tracked", acknowledged("A"), { kind: "resolve" }, { kind: "cancel" }],
  ["reopening", acknowledged("A"), { kind: "refuse", by: "A" }, { kind: "escalate" }],
];

function acknowledged(by: Who, via: "api" | "reply" = "api"): PlannedAct {
  return { kind: "acknowledge", by, via };
}

function receipt(of: Who, status: ReceiptStatus): PlannedAct {
  return { kind: "receipt", of, status };
}

/** Each set in every order, one after another and all at the same instant, before the run's first task and while a vendor is being asked. */
export function allOrders(): readonly Schedule[] {
  return SETS.flatMap(([policy, ...acts]) =>
    [AT_ONCE, ASKED].flatMap((first): readonly Schedule[] => {
      const oneByOne = permutations(acts).map((order): Schedule => ({
        policy,
        lanes: [order.map((what, index) => ({ what, when: index === 0 ? first : AT_ONCE }))],
      }));
      return [...oneByOne, { policy, lanes: acts.map((what) => [{ what, when: first }]) }];
    }),
  );
}

function permutations<Item>(items: readonly Item[]): readonly (readonly Item[])[] {
  if (items.length <= 1) return [items];
  return items.flatMap((item, index) =>
    permutations(items.filter((_other, place) => place !== index)).map((rest) => [item, ...rest]),
  );
}

const who = fc.constantFrom(...WHO);

const plannedAct: fc.Arbitrary<PlannedAct> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("acknowledge"),
      by: who,
      via: fc.constantFrom("api", "api", "reply"),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("cancel") }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("resolve") }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("refuse"), by: who }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("escalate") }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("snooze") }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant("reprioritise"),
      to: fc.constantFrom("critical", "critical", "high"),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("receipt"),
      of: who,
      status: fc.constantFrom("sent", "delivered", "read", "failed", "failed"),
    }),
  },
);

/** Around the end of a window every millisecond is tried: there an act meets the timeout. */
const moment: fc.Arbitrary<Moment> = fc.oneof(
  { weight: 3, arbitrary: fc.constant(AT_ONCE) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("asked"),
      channel: fc.constantFrom("whatsapp_personal", "sms", "call"),
      afterMs: fc.constantFrom(0, 0, 3, 10, 40, 300),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant("window_end"),
      channel: fc.constantFrom("whatsapp_personal", "whatsapp_personal", "sms"),
      offsetMs: fc.integer({ min: -15, max: 35 }),
    }),
  },
);

function lanesAt(moments: fc.Arbitrary<Moment>): fc.Arbitrary<Schedule["lanes"]> {
  const lane = fc.array(fc.record({ what: plannedAct, when: moments }), {
    minLength: 1,
    maxLength: 3,
  });
  return fc.array(lane, { minLength: 1, maxLength: 3 });
}

export const schedule: fc.Arbitrary<Schedule> = fc.record({
  policy: fc.constantFrom("any", "any", "all", "tracked"),
  lanes: lanesAt(moment),
});

const EARLY_POLICIES = ["any", "all", "all", "tracked", "reopening"] as const;

/** Some of it is done before any worker has seen the run. */
export const earlySchedule: fc.Arbitrary<Schedule> = fc.record({
  policy: fc.constantFrom(...EARLY_POLICIES),
  early: fc.array(
    plannedAct.filter((what) => what.kind !== "receipt" && !isReply(what)),
    { minLength: 1, maxLength: 3 },
  ),
  lanes: lanesAt(moment),
});

function isReply(what: PlannedAct): boolean {
  return what.kind === "acknowledge" && what.via === "reply";
}

/** Taken by somebody, and asked again when nobody resolves it; the rest happens before, around and after that. */
export const reopeningSchedule: fc.Arbitrary<Schedule> = fc
  .tuple(
    who,
    moment,
    lanesAt(
      fc.oneof(
        { weight: 1, arbitrary: moment },
        {
          weight: 2,
          arbitrary: fc.record({
            kind: fc.constant("reopening"),
            offsetMs: fc.oneof(
              fc.integer({ min: -15, max: 60 }),
              fc.integer({ min: 100, max: 2_500 }),
            ),
          }),
        },
      ),
    ),
  )
  .map(([by, when, lanes]) => ({
    policy: "reopening",
    lanes: [[{ what: acknowledged(by), when }], ...lanes],
  }));

function at(channel: ModelChannel, offsetMs: number): Moment {
  return { kind: "window_end", channel, offsetMs };
}

/** Orders that have ended otherwise before. */
export const REMEMBERED: readonly Schedule[] = [
  // A new priority when the last step ends while its beginning is still being written.
  {
    policy: "any",
    lanes: [
      [
        { what: receipt("B", "read"), when: at("whatsapp_personal", 27) },
        { what: { kind: "reprioritise", to: "critical" }, when: AT_ONCE },
      ],
      [
        { what: { kind: "escalate" }, when: at("whatsapp_personal", 13) },
        { what: { kind: "refuse", by: "A" }, when: at("whatsapp_personal", 17) },
      ],
      [
        { what: receipt("A", "failed"), when: AT_ONCE },
        { what: receipt("B", "failed"), when: AT_ONCE },
      ],
    ],
  },
  {
    policy: "all",
    lanes: [
      [
        { what: acknowledged("A", "reply"), when: at("sms", -3) },
        { what: { kind: "reprioritise", to: "critical" }, when: AT_ONCE },
      ],
      [{ what: { kind: "escalate" }, when: AT_ONCE }],
    ],
  },
  // The message that failed may be the second that was ordered, when it has overtaken the first.
  {
    policy: "tracked",
    lanes: [
      [{ what: acknowledged("A"), when: at("sms", -1) }],
      [
        { what: { kind: "escalate" }, when: AT_ONCE },
        { what: { kind: "refuse", by: "A" }, when: AT_ONCE },
      ],
      [
        { what: { kind: "reprioritise", to: "high" }, when: AT_ONCE },
        { what: receipt("B", "failed"), when: AT_ONCE },
        { what: { kind: "reprioritise", to: "high" }, when: AT_ONCE },
      ],
    ],
  },
];

export const REMEMBERED_EARLY: readonly Schedule[] = [
  {
    policy: "all",
    early: [acknowledged("A")],
    lanes: [
      [{ what: acknowledged("B"), when: AT_ONCE }],
      [{ what: { kind: "refuse", by: "B" }, when: AT_ONCE }],
    ],
  },
  { policy: "all", early: [acknowledged("A"), acknowledged("B")], lanes: [] },
  { policy: "all", early: [acknowledged("A"), { kind: "refuse", by: "B" }], lanes: [] },
];

export const REMEMBERED_REOPENING: readonly Schedule[] = [
  {
    policy: "reopening",
    lanes: [
      [{ what: acknowledged("A"), when: ASKED }],
      [{ what: acknowledged("B"), when: { kind: "reopening", offsetMs: 15 } }],
    ],
  },
];
