import { describe, expect, test } from "vitest";

import { DEFAULT_POLICIES } from "../../domain/default-policies.ts";
import {
  ATTEMPTS_PER_STEP_MAX,
  LIFETIME_SECONDS_MAX,
  parsePolicy,
  PASSES_MAX,
  STEPS_MAX,
  WINDOW_SECONDS_MAX,
} from "../../domain/escalation-policy.ts";
import { PRIORITIES } from "../../domain/priority.ts";

const STEP = { channels: ["whatsapp_personal"], windowSeconds: 300 };
const POLICY = { settledBy: "acknowledged", quietHours: "hold", steps: [STEP] };

function pathsOf(input: unknown): readonly string[] {
  const parsed = parsePolicy(input);
  return parsed.ok ? [] : parsed.errors.map(({ path }) => path);
}

test("what is left out has the value of the API document", () => {
  expect(parsePolicy(POLICY)).toEqual({
    ok: true,
    rules: {
      settledBy: "acknowledged",
      quietHours: "hold",
      whenAlwaysQuiet: "hold",
      acknowledgment: "any",
      passes: 1,
      roleUp: false,
      tracksResolution: false,
      resolutionSeconds: null,
      reopenAfterSeconds: null,
      lifetimeSeconds: 86_400,
      calls: "all",
      emailOnlyIfOptedIn: true,
      ignoresChannelSwitches: false,
      countsStrangers: false,
      raisesNotice: true,
      steps: [
        {
          channels: ["whatsapp_personal"],
          groups: "none",
          attempts: 1,
          spacingSeconds: null,
          windowSeconds: 300,
          undeliveredAfterSeconds: null,
          roleUp: false,
          enabled: true,
        },
      ],
    },
  });
});

test("parsing what was parsed changes nothing", () => {
  const parsed = parsePolicy(POLICY);
  if (!parsed.ok) throw new Error("the policy is valid");
  expect(parsePolicy(parsed.rules)).toEqual(parsed);
});

test("every bad field is named at once", () => {
  const paths = pathsOf({
    settledBy: "seen",
    quietHours: 7,
    passes: 0,
    roleUp: "yes",
    surprise: true,
    steps: [
      { ...STEP, channels: ["whatsapp_group"], windowSeconds: 0 },
      { ...STEP, windowSeconds: "300", typo: 1 },
    ],
  });
  expect(paths).toEqual(
    expect.arrayContaining([
      "settledBy",
      "quietHours",
      "passes",
      "roleUp",
      "surprise",
      "steps.0.channels",
      "steps.0.windowSeconds",
      "steps.1.windowSeconds",
      "steps.1.typo",
    ]),
  );
});

const SHAPES: readonly [why: string, input: unknown, path: string][] = [
  ["not an object", null, ""],
  ["a list is no object", [POLICY], ""],
  ["no steps at all", { ...POLICY, steps: [] }, "steps"],
  ["steps left out", { settledBy: "sent", quietHours: "hold" }, "steps"],
  ["steps that are no list", { ...POLICY, steps: "all" }, "steps"],
  ["a step that is no object", { ...POLICY, steps: ["wa"] }, "steps.0"],
  [
    "groups are not among a step's channels",
    step({ channels: ["whatsapp_group"] }),
    "steps.0.channels",
  ],
  ["a channel twice", step({ channels: ["sms", "sms"] }), "steps.0.channels"],
  ["channels that are no list", step({ channels: "sms" }), "steps.0.channels"],
  ["half a second is not a whole number", step({ windowSeconds: 1.5 }), "steps.0.windowSeconds"],
  ["not a number", step({ windowSeconds: Number.NaN }), "steps.0.windowSeconds"],
  ["no window", step({ windowSeconds: null }), "steps.0.windowSeconds"],
];

test.each(SHAPES)("refuses %s", (_why, input, path) => {
  expect(pathsOf(input)).toContain(path);
});

function step(over: Record<string, unknown>): unknown {
  return { ...POLICY, steps: [{ ...STEP, ...over }] };
}

function policy(over: Record<string, unknown>): unknown {
  return { ...POLICY, ...over };
}

describe("limits", () => {
  const rows: readonly [why: string, make: (value: number) => unknown, max: number][] = [
    ["passes", (passes) => policy({ passes }), PASSES_MAX],
    ["lifetime", (lifetimeSeconds) => policy({ lifetimeSeconds }), LIFETIME_SECONDS_MAX],
    ["window", (windowSeconds) => step({ windowSeconds }), WINDOW_SECONDS_MAX],
    ["steps", (count) => policy({ steps: Array.from({ length: count }, () => STEP) }), STEPS_MAX],
    [
      "attempts",
      (attempts) => step({ attempts, spacingSeconds: 1, windowSeconds: 300 }),
      ATTEMPTS_PER_STEP_MAX,
    ],
  ];
  test.each(rows)(
    "%s: one below and at the limit are allowed, one above is not",
    (_why, make, max) => {
      expect(parsePolicy(make(max - 1)).ok).toBe(true);
      expect(parsePolicy(make(max)).ok).toBe(true);
      expect(parsePolicy(make(max + 1)).ok).toBe(false);
    },
  );
  test.each(rows)("%s: nought is refused", (_why, make) => {
    expect(parsePolicy(make(0)).ok).toBe(false);
  });
});

const CROSS: readonly [why: string, input: unknown, path: string][] = [
  ["attempts without spacing", step({ attempts: 2 }), "steps.0.spacingSeconds"],
  [
    "attempts that a window as long as their spacing cuts off",
    step({ attempts: 3, spacingSeconds: 150, windowSeconds: 300 }),
    "steps.0.windowSeconds",
  ],
  [
    "attempts on channels that ring no phone",
    step({ channels: ["email"], attempts: 2, spacingSeconds: 10 }),
    "steps.0.attempts",
  ],
  ["a step that tells nobody", step({ channels: [] }), "steps.0.channels"],
  ["a role-up step without channels", step({ channels: [], roleUp: true }), "steps.0.channels"],
  ["a role-up step with groups", step({ roleUp: true, groups: "other" }), "steps.0.groups"],
  [
    "role-up where no answer is awaited",
    policy({ settledBy: "sent", steps: [{ ...STEP, roleUp: true }] }),
    "steps.0.roleUp",
  ],
  [
    "role-up passes where no answer is awaited",
    policy({ settledBy: "sent", roleUp: true }),
    "roleUp",
  ],
  [
    "role-up passes without a step for persons",
    policy({ roleUp: true, steps: [{ groups: "primary", windowSeconds: 60 }] }),
    "roleUp",
  ],
  [
    "undeliveredAfter without a phone channel",
    step({ channels: ["email"], undeliveredAfterSeconds: 60 }),
    "steps.0.undeliveredAfterSeconds",
  ],
  [
    "undeliveredAfter beyond the window",
    step({ undeliveredAfterSeconds: 301 }),
    "steps.0.undeliveredAfterSeconds",
  ],
  [
    "all where no answer is awaited",
    policy({ settledBy: "read", acknowledgment: "all" }),
    "acknowledgment",
  ],
  ["resolution tracking without its time", policy({ tracksResolution: true }), "resolutionSeconds"],
  [
    "resolution tracking where no answer is awaited",
    policy({ settledBy: "sent", tracksResolution: true, resolutionSeconds: 60 }),
    "tracksResolution",
  ],
  ["a resolution time that nobody tracks", policy({ resolutionSeconds: 60 }), "resolutionSeconds"],
  [
    "reopening without resolution tracking",
    policy({ reopenAfterSeconds: 60 }),
    "reopenAfterSeconds",
  ],
  [
    "reopening when the resolution time is over",
    policy({ tracksResolution: true, resolutionSeconds: 60, reopenAfterSeconds: 60 }),
    "reopenAfterSeconds",
  ],
  ["steps that are all switched off", policy({ steps: [{ ...STEP, enabled: false }] }), "steps"],
];

test.each(CROSS)("refuses %s", (_why, input, path) => {
  expect(pathsOf(input)).toEqual([path]);
});

const ALLOWED: readonly [why: string, input: unknown][] = [
  [
    "the last attempt one second before the window's end",
    step({ attempts: 3, spacingSeconds: 149, windowSeconds: 299 }),
  ],
  ["undeliveredAfter at the window's end", step({ undeliveredAfterSeconds: 300 })],
  ["a step of groups alone", step({ channels: [], groups: "other" })],
  ["spacing beside a single attempt", step({ spacingSeconds: 10 })],
  [
    "reopening one second before the resolution time is over",
    policy({ tracksResolution: true, resolutionSeconds: 60, reopenAfterSeconds: 59 }),
  ],
];

test.each(ALLOWED)("allows %s", (_why, input) => {
  expect(pathsOf(input)).toEqual([]);
});

describe("the default policies", () => {
  const all = Object.entries(DEFAULT_POLICIES);

  test.each(all)("%s parses to itself", (_name, { rules }) => {
    expect(parsePolicy(JSON.parse(JSON.stringify(rules)))).toEqual({ ok: true, rules });
  });

  test("each priority has exactly one default of its own name", () => {
    const defaults = all.filter(([, policy]) => policy.isPriorityDefault);
    expect(defaults.map(([name]) => name).sort()).toEqual([...PRIORITIES].sort());
    for (const [name, policy] of defaults) expect(policy.priority).toBe(name);
  });

  // The short form of the API document: settledBy quietHours lifetime | channels | groups | attempts/spacing window undeliveredAfter.
  const SHORT: readonly [
    name: keyof typeof DEFAULT_POLICIES,
    head: string,
    steps: readonly string[],
  ][] = [
    ["low", "sent hold w72h", ["in_app email | primary | w1800"]],
    ["medium", "delivered hold w72h", ["whatsapp_personal in_app email | primary | w1800"]],
    [
      "high",
      "acknowledged next_awake w24h",
      [
        "whatsapp_personal in_app push email | primary | w300 u180",
        "– | other | w600",
        "whatsapp_personal in_app push email | roleUp | w600",
        "sms | disabled | w600",
      ],
    ],
    [
      "critical",
      "acknowledged override w24h passes 2, roleUp, tracksResolution 24h, ignoresChannelSwitches",
      [
        "whatsapp_personal in_app push email | primary | a3/60 w180 u60",
        "– | other | w60",
        "sms | w60",
        "call | a3/120 w360",
      ],
    ],
    [
      "assignment",
      "acknowledged hold w24h",
      [
        "whatsapp_personal in_app | primary | a2/600 w1200",
        "whatsapp_personal in_app | roleUp | w1800",
      ],
    ],
    [
      "claim",
      "acknowledged hold w24h",
      ["in_app | primary | w900", "whatsapp_personal in_app | roleUp | w1800"],
    ],
    [
      "notice",
      "acknowledged override w24h raisesNotice false",
      [
        "whatsapp_personal in_app push email | primary | w300 u180",
        "– | other | w600",
        "whatsapp_personal in_app push email | roleUp | w600",
        "sms | disabled | w600",
      ],
    ],
  ];

  test.each(SHORT)("%s is as the API document gives it", (name, head, steps) => {
    const { rules } = DEFAULT_POLICIES[name];
    const parsed = parsePolicy(rules);
    if (!parsed.ok) throw new Error("default policies parse");
    expect(shortHead(parsed.rules)).toBe(head);
    expect(parsed.rules.steps.map(shortStep)).toEqual(steps);
  });
});

type Rules = Extract<ReturnType<typeof parsePolicy>, { ok: true }>["rules"];

function shortHead(rules: Rules): string {
  const extras = [
    ...(rules.passes > 1 ? [`passes ${rules.passes}`] : []),
    ...(rules.roleUp ? ["roleUp"] : []),
    ...(rules.tracksResolution
      ? [`tracksResolution ${(rules.resolutionSeconds ?? 0) / 3_600}h`]
      : []),
    ...(rules.ignoresChannelSwitches ? ["ignoresChannelSwitches"] : []),
    ...(rules.raisesNotice ? [] : ["raisesNotice false"]),
  ].join(", ");
  const head = `${rules.settledBy} ${rules.quietHours} w${rules.lifetimeSeconds / 3_600}h`;
  return extras === "" ? head : `${head} ${extras}`;
}

function shortStep(step: Rules["steps"][number]): string {
  const attempts = step.attempts > 1 ? `a${step.attempts}/${step.spacingSeconds ?? 0} ` : "";
  const undelivered =
    step.undeliveredAfterSeconds === null ? "" : ` u${step.undeliveredAfterSeconds}`;
  return [
    step.channels.join(" ") || "–",
    ...(step.groups === "none" ? [] : [step.groups]),
    ...(step.roleUp ? ["roleUp"] : []),
    ...(step.enabled ? [] : ["disabled"]),
    `${attempts}w${step.windowSeconds}${undelivered}`,
  ].join(" | ");
}
