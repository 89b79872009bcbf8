import { isPhoneChannel, PERSON_CHANNELS } from "./channel.ts";
import type { PersonChannel } from "./channel.ts";
import type { Priority } from "./priority.ts";

export const SETTLED_BY = ["sent", "delivered", "read", "acknowledged"] as const;
export type SettledBy = (typeof SETTLED_BY)[number];
export const QUIET_HOURS_TREATMENTS = ["hold", "next_awake", "override"] as const;
export type QuietHoursTreatment = (typeof QUIET_HOURS_TREATMENTS)[number];
export const WHEN_ALWAYS_QUIET = ["hold", "send", "skip"] as const;
export type WhenAlwaysQuiet = (typeof WHEN_ALWAYS_QUIET)[number];
export const STEP_GROUPS = ["none", "primary", "other"] as const;
export type StepGroups = (typeof STEP_GROUPS)[number];
export const ACKNOWLEDGMENTS = ["any", "all"] as const;
export const CALL_ORDERS = ["all", "one_by_one"] as const;

/** More steps than channels times two are repeats, and those are what passes are for. */
export const STEPS_MAX = 12;
/** Beyond this a person is pestered, not told: a number banned for it reaches nobody. */
export const ATTEMPTS_PER_STEP_MAX = 10;
export const PASSES_MAX = 10;
/** Short windows are data for demo and tests; nobody answers within less than a second. */
export const WINDOW_SECONDS_MIN = 1;
/** A day: whoever has not looked by then is not escalating but archiving. */
export const WINDOW_SECONDS_MAX = 86_400;
export const LIFETIME_SECONDS_MIN = 1;
/** A week: below Temporal's usual retention and the time for which idempotency keys are kept. */
export const LIFETIME_SECONDS_MAX = 604_800;
/** A week, as the lifetime. */
export const RESOLUTION_SECONDS_MAX = 604_800;

/** One rung. `attempts` and `spacingSeconds` count for whatsapp_personal, sms and call; all else goes once per step and pass. */
export interface PolicyStep {
  readonly channels: readonly PersonChannel[];
  readonly groups: StepGroups;
  readonly attempts: number;
  readonly spacingSeconds: number | null;
  readonly windowSeconds: number;
  readonly undeliveredAfterSeconds: number | null;
  /** The step's persons are the next role up instead of the run's persons. */
  readonly roleUp: boolean;
  readonly enabled: boolean;
}

/** The rules of one escalation policy, without its identity: what a version stores and a run pins. */
export interface PolicyRules {
  readonly settledBy: SettledBy;
  readonly quietHours: QuietHoursTreatment;
  readonly whenAlwaysQuiet: WhenAlwaysQuiet;
  readonly acknowledgment: (typeof ACKNOWLEDGMENTS)[number];
  /** Runs through the steps before role-up: 1 is once. */
  readonly passes: number;
  /** After the last pass, one pass for each next role up. */
  readonly roleUp: boolean;
  readonly tracksResolution: boolean;
  readonly resolutionSeconds: number | null;
  readonly reopenAfterSeconds: number | null;
  /** From acceptance to the first answer. */
  readonly lifetimeSeconds: number;
  readonly calls: (typeof CALL_ORDERS)[number];
  readonly emailOnlyIfOptedIn: boolean;
  readonly ignoresChannelSwitches: boolean;
  /** A stranger's answer in a group counts as an answer. */
  readonly countsStrangers: boolean;
  /** Unanswered ends raise an operator_notice. */
  readonly raisesNotice: boolean;
  readonly steps: readonly PolicyStep[];
}

export interface Policy extends PolicyRules {
  readonly id: string;
  readonly version: number;
  readonly name: string;
  readonly priority: Priority;
}

/** `path` names the field as in `steps.0.windowSeconds`; `rule` says what it must be. */
export interface PolicyError {
  readonly path: string;
  readonly rule: string;
}

export type ParsedPolicy =
  | { readonly ok: true; readonly rules: PolicyRules }
  | { readonly ok: false; readonly errors: readonly PolicyError[] };

/**
 * Reads a policy's rules, in the shape of the API without `id`, `version`, `name` and `priority`. Every bad field is named at
 * once; unknown ones are refused, so that a misspelt limit is not silently missing. What may be left out has the value
 * of the API document.
 */
export function parsePolicy(input: unknown): ParsedPolicy {
  const errors: PolicyError[] = [];
  const fields = new Fields(input, "", errors);
  const steps = fields
    .list("steps", { min: 1, max: STEPS_MAX })
    .map((step, index) => readStep(new Fields(step, `steps.${index}.`, errors)));
  const rules: PolicyRules = {
    settledBy: fields.oneOf("settledBy", SETTLED_BY),
    quietHours: fields.oneOf("quietHours", QUIET_HOURS_TREATMENTS),
    whenAlwaysQuiet: fields.oneOf("whenAlwaysQuiet", WHEN_ALWAYS_QUIET, "hold"),
    acknowledgment: fields.oneOf("acknowledgment", ACKNOWLEDGMENTS, "any"),
    passes: fields.whole("passes", { min: 1, max: PASSES_MAX }, 1),
    roleUp: fields.flag("roleUp", false),
    tracksResolution: fields.flag("tracksResolution", false),
    resolutionSeconds: fields.wholeOrNull("resolutionSeconds", {
      min: 1,
      max: RESOLUTION_SECONDS_MAX,
    }),
    reopenAfterSeconds: fields.wholeOrNull("reopenAfterSeconds", {
      min: 1,
      max: RESOLUTION_SECONDS_MAX,
    }),
    lifetimeSeconds: fields.whole(
      "lifetimeSeconds",
      { min: LIFETIME_SECONDS_MIN, max: LIFETIME_SECONDS_MAX },
      86_400,
    ),
    calls: fields.oneOf("calls", CALL_ORDERS, "all"),
    emailOnlyIfOptedIn: fields.flag("emailOnlyIfOptedIn", true),
    ignoresChannelSwitches: fields.flag("ignoresChannelSwitches", false),
    countsStrangers: fields.flag("countsStrangers", false),
    raisesNotice: fields.flag("raisesNotice", true),
    steps,
  };
  fields.refuseUnknown();
  checkTogether(rules, errors);
  return errors.length === 0 ? { ok: true, rules } : { ok: false, errors };
}

function readStep(fields: Fields): PolicyStep {
  const step: PolicyStep = {
    channels: fields.setOf("channels", PERSON_CHANNELS),
    groups: fields.oneOf("groups", STEP_GROUPS, "none"),
    attempts: fields.whole("attempts", { min: 1, max: ATTEMPTS_PER_STEP_MAX }, 1),
    spacingSeconds: fields.wholeOrNull("spacingSeconds", { min: 1, max: WINDOW_SECONDS_MAX }),
    windowSeconds: fields.whole("windowSeconds", {
      min: WINDOW_SECONDS_MIN,
      max: WINDOW_SECONDS_MAX,
    }),
    undeliveredAfterSeconds: fields.wholeOrNull("undeliveredAfterSeconds", {
      min: 1,
      max: WINDOW_SECONDS_MAX,
    }),
    roleUp: fields.flag("roleUp", false),
    enabled: fields.flag("enabled", true),
  };
  fields.refuseUnknown();
  return step;
}

/** Rules between fields. A field that is wrong by itself has its error already; these hold for the values that are left. */
function checkTogether(rules: PolicyRules, errors: PolicyError[]): void {
  const refuse = (path: string, rule: string): void => {
    errors.push({ path, rule });
  };
  rules.steps.forEach((step, index) => {
    checkStep(step, rules, (field, rule) => refuse(`steps.${index}.${field}`, rule));
  });
  if (rules.steps.length > 0 && !rules.steps.some((step) => step.enabled)) {
    refuse("steps", "at least one step is enabled");
  }
  const isAcknowledged = rules.settledBy === "acknowledged";
  if (rules.acknowledgment === "all" && !isAcknowledged) {
    refuse("acknowledgment", "all needs settledBy acknowledged");
  }
  if (rules.roleUp && !isAcknowledged) refuse("roleUp", "needs settledBy acknowledged");
  if (rules.roleUp && !rules.steps.some(tellsPersons)) {
    refuse("roleUp", "needs an enabled step with channels that is not a role-up step");
  }
  if (rules.tracksResolution && !isAcknowledged) {
    refuse("tracksResolution", "needs settledBy acknowledged");
  }
  if (rules.tracksResolution && rules.resolutionSeconds === null) {
    refuse("resolutionSeconds", "is needed with tracksResolution");
  }
  if (!rules.tracksResolution && rules.resolutionSeconds !== null) {
    refuse("resolutionSeconds", "needs tracksResolution");
  }
  if (rules.reopenAfterSeconds === null) return;
  if (!rules.tracksResolution) refuse("reopenAfterSeconds", "needs tracksResolution");
  else if (rules.reopenAfterSeconds >= (rules.resolutionSeconds ?? Infinity)) {
    refuse("reopenAfterSeconds", "is shorter than resolutionSeconds");
  }
}

function tellsPersons(step: PolicyStep): boolean {
  return step.enabled && !step.roleUp && step.channels.length > 0;
}

function checkStep(
  step: PolicyStep,
  rules: PolicyRules,
  refuse: (field: string, rule: string) => void,
): void {
  const hasPhone = step.channels.some(isPhoneChannel);
  if (step.channels.length === 0 && step.groups === "none") {
    refuse(
      "channels",
      step.roleUp ? "a role-up step has channels" : "a step has channels or groups",
    );
  } else if (step.roleUp && step.channels.length === 0) {
    refuse("channels", "a role-up step has channels");
  }
  if (step.roleUp && step.groups !== "none") {
    refuse("groups", "a role-up step tells persons only: none");
  }
  if (step.roleUp && rules.settledBy !== "acknowledged") {
    refuse("roleUp", "needs settledBy acknowledged");
  }
  if (step.attempts > 1 && !hasPhone) {
    refuse("attempts", "counts for whatsapp_personal, sms and call only: 1");
  }
  if (step.attempts > 1 && step.spacingSeconds === null) {
    refuse("spacingSeconds", "is needed with more than one attempt");
  }
  if (
    step.spacingSeconds !== null &&
    (step.attempts - 1) * step.spacingSeconds >= step.windowSeconds
  ) {
    refuse(
      "windowSeconds",
      "is longer than attempts and spacing need: the last attempt begins in it",
    );
  }
  if (step.undeliveredAfterSeconds === null) return;
  if (!hasPhone) refuse("undeliveredAfterSeconds", "needs a channel that rings a phone");
  if (step.undeliveredAfterSeconds > step.windowSeconds) {
    refuse("undeliveredAfterSeconds", "is at most windowSeconds");
  }
}

/** Reads one object's fields, noting what is wrong and going on with a value that breaks nothing further. */
class Fields {
  readonly #values: ReadonlyMap<string, unknown>;
  readonly #prefix: string;
  readonly #errors: PolicyError[];
  readonly #read = new Set<string>();

  constructor(input: unknown, prefix: string, errors: PolicyError[]) {
    this.#prefix = prefix;
    this.#errors = errors;
    const isObject = typeof input === "object" && input !== null && !Array.isArray(input);
    this.#values = new Map(isObject ? Object.entries(input) : []);
    if (!isObject) errors.push({ path: prefix.slice(0, -1), rule: "is an object" });
  }

  oneOf<Value extends string>(
    field: string,
    allowed: readonly [Value, ...(readonly Value[])],
    otherwise?: Value,
  ): Value {
    const value = this.#take(field);
    if (value === undefined && otherwise !== undefined) return otherwise;
    const found = allowed.find((candidate) => candidate === value);
    if (found === undefined) this.#refuse(field, `is one of ${allowed.join(", ")}`);
    return found ?? otherwise ?? allowed[0];
  }

  flag(field: string, otherwise: boolean): boolean {
    const value = this.#take(field);
    if (typeof value === "boolean") return value;
    if (value !== undefined) this.#refuse(field, "is true or false");
    return otherwise;
  }

  whole(
    field: string,
    { min, max }: { readonly min: number; readonly max: number },
    otherwise?: number,
  ): number {
    const value = this.#take(field);
    if (value === undefined && otherwise !== undefined) return otherwise;
    if (typeof value === "number" && Number.isInteger(value) && value >= min && value <= max) {
      return value;
    }
    this.#refuse(field, `is a whole number from ${min} to ${max}`);
    // As large as it may be: rules between fields then find no fault that this one has not caused.
    return otherwise ?? max;
  }

  wholeOrNull(
    field: string,
    bounds: { readonly min: number; readonly max: number },
  ): number | null {
    if ((this.#values.get(field) ?? null) === null) {
      this.#take(field);
      return null;
    }
    const before = this.#errors.length;
    const value = this.whole(field, bounds);
    return this.#errors.length > before ? null : value;
  }

  setOf<Value extends string>(field: string, allowed: readonly Value[]): readonly Value[] {
    const value = this.#take(field) ?? [];
    const isList = Array.isArray(value);
    const found = isList
      ? value.flatMap((item: unknown) => allowed.filter((candidate) => candidate === item))
      : [];
    if (!isList || found.length < value.length || new Set(found).size < found.length) {
      this.#refuse(field, `lists each of these at most once: ${allowed.join(", ")}`);
    }
    return found;
  }

  list(
    field: string,
    { min, max }: { readonly min: number; readonly max: number },
  ): readonly unknown[] {
    const value = this.#take(field);
    if (!Array.isArray(value) || value.length < min || value.length > max) {
      this.#refuse(field, `is a list of ${min} to ${max}`);
    }
    const items: readonly unknown[] = Array.isArray(value) ? value : [];
    return items.slice(0, max);
  }

  refuseUnknown(): void {
    for (const field of this.#values.keys()) {
      if (!this.#read.has(field)) this.#refuse(field, "is not a field of a policy");
    }
  }

  #take(field: string): unknown {
    this.#read.add(field);
    return this.#values.get(field);
  }

  #refuse(field: string, rule: string): void {
    this.#errors.push({ path: `${this.#prefix}${field}`, rule });
  }
}
