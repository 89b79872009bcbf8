/**
 * One phone call: dialled, rings, is answered by a person or a machine (or is not), then carries out TwiML until somebody
 * hangs up. Status callbacks go out for the events that were asked for. A call waits for one thing at a time (`#wait`);
 * what ends it, from either side and at any moment, interrupts that wait.
 */
import { readTwiml } from "./twiml.ts";
import { twilioDraft } from "./twilio-webhook.ts";
import type { CallStatus, PhoneCall } from "../calls.ts";
import type { Misfortune } from "../faults.ts";
import type { Handset, Phones } from "../phones.ts";
import type { Cancel, WorldTime } from "../time.ts";
import { WorldCleared } from "../time.ts";
import type { Courier, ReceiptLane } from "../webhooks.ts";
import type { Account, ConfigOf } from "../world.ts";
import type { TwilioParameters } from "./twilio-webhook.ts";
import type { Verb } from "./twiml.ts";

type FinalStatus = Exclude<CallStatus, "queued" | "ringing" | "in-progress">;

export const CALL_EVENTS = ["initiated", "ringing", "answered", "completed"] as const;
export type CallEvent = (typeof CALL_EVENTS)[number];

export type CallOrder = {
  readonly to: string;
  readonly from: string;
  /** Where instructions come from; `url` wins over `twiml`. */
  readonly url: string | null;
  readonly urlMethod: "GET" | "POST";
  readonly twiml: string | null;
  readonly callback: {
    readonly url: string;
    readonly method: "GET" | "POST";
    readonly events: readonly CallEvent[];
  } | null;
  readonly timeoutSeconds: number;
  readonly timeLimitSeconds: number;
  readonly machineDetection: "Enable" | "DetectMessageEnd" | null;
  readonly asyncDetection: { readonly url: string | null; readonly method: "GET" | "POST" } | null;
  readonly deliveryKey: string | null;
};

/** World ms, and what they stand for. */
const DIALLING_MS = 200;
const REACHING_MS = 400;
/** "Some call flows add 5 seconds to the timeout". */
const RING_BUFFER_MS = 5_000;
const DETECTION_MS = { human: 2_000, machine: 4_000, machineEnd: 8_000 } as const;
const SPEECH_MS_PER_CHAR = 60;
const SPEECH_LOOPS_MAX = 10;
const GATHER_TIMEOUT_SECONDS = 5;
/** A machine stops recording. */
const VOICEMAIL_MS_MAX = 60_000;
/** Documents per call: a loop of redirects ends here. */
const DOCUMENTS_MAX = 50;

type CallNews =
  | { readonly kind: "answer" }
  | { readonly kind: "decline" }
  | { readonly kind: "keys" }
  | { readonly kind: "wake" }
  | { readonly kind: "over"; readonly status: FinalStatus };

/** What has been pressed: nothing new, something, or all that was asked for. */
type Taken = "none" | "some" | "all";

/** Ends the flow of a call, wherever it stands. */
class CallOver extends Error {
  override readonly name = "CallOver";
  readonly status: FinalStatus;

  constructor(status: FinalStatus) {
    super(`the call ended as ${status}`);
    this.status = status;
  }
}

export type CallParts = {
  readonly time: WorldTime;
  readonly phones: Phones;
  readonly courier: Courier;
};

export class CallSession implements PhoneCall {
  readonly id: string;
  readonly createdAt: number;
  status: CallStatus = "queued";
  startedAt: number | null = null;
  answeredAt: number | null = null;
  endedAt: number | null = null;
  answeredBy: string | null = null;
  sipCode: number | null = null;
  readonly spoken: string[] = [];
  pressed = "";
  isAsking = false;
  readonly warnings: number[] = [];
  readonly #parts: CallParts;
  readonly #account: Account<ConfigOf<"twilio">>;
  readonly #order: CallOrder;
  readonly #misfortune: Misfortune;
  readonly #lane: ReceiptLane;
  readonly #news: CallNews[] = [];
  #listener: ((news: CallNews) => void) | null = null;
  #keys = "";
  #keyAfterMs = 0;
  #isByMachine = false;
  #sequence = 0;
  #documents = 0;
  #base: string | null = null;

  constructor(
    parts: CallParts,
    id: string,
    account: Account<ConfigOf<"twilio">>,
    order: CallOrder,
    misfortune: Misfortune,
    lane: ReceiptLane,
  ) {
    this.#parts = parts;
    this.id = id;
    this.#account = account;
    this.#order = order;
    this.#misfortune = misfortune;
    this.#lane = lane;
    this.createdAt = parts.time.now();
  }

  get accountId(): string {
    return this.#account.id;
  }

  get from(): string {
    return this.#order.from;
  }

  get to(): string {
    return this.#order.to;
  }

  get deliveryKey(): string | null {
    return this.#order.deliveryKey;
  }

  get isOver(): boolean {
    return this.endedAt !== null;
  }

  get durationSeconds(): number {
    if (this.answeredAt === null || this.endedAt === null) return 0;
    const scale = this.#parts.time.timeScale;
    return scale === 0 ? 1 : Math.ceil((this.endedAt - this.answeredAt) / scale / 1_000);
  }

  /** Begins the call. Early: resolves when the first callback has been answered. */
  async start(isEarly: boolean): Promise<void> {
    const { isLost, heldBy } = this.#misfortune.message;
    if (isLost || heldBy !== null) return;
    if (isEarly) await this.#tell("initiated", "initiated");
    this.#parts.time.spawn(() => this.#run(isEarly));
  }

  answer(keys: string): boolean {
    if (this.status !== "ringing") return false;
    this.#keys = keys;
    this.#keyAfterMs = 0;
    this.#hear({ kind: "answer" });
    return true;
  }

  press(keys: string): boolean {
    if (this.status !== "in-progress") return false;
    this.#keys += keys;
    this.#hear({ kind: "keys" });
    return true;
  }

  leave(): boolean {
    if (this.status !== "ringing" && this.status !== "in-progress") return false;
    const isTalking = this.status === "in-progress";
    this.#hear(isTalking ? { kind: "over", status: "completed" } : { kind: "decline" });
    return true;
  }

  end(): boolean {
    if (this.isOver) return false;
    const status = this.status === "in-progress" ? "completed" : "canceled";
    this.#hear({ kind: "over", status });
    return true;
  }

  async #run(hasBegun: boolean): Promise<void> {
    let status: FinalStatus;
    try {
      await this.#pause(DIALLING_MS);
      if (!hasBegun) void this.#tell("initiated", "initiated");
      if (this.#misfortune.message.failsWith !== null) throw this.#failed(503);
      await this.#pause(REACHING_MS);
      await this.#reach();
      await this.#talk();
      status = "completed";
    } catch (error) {
      if (!(error instanceof CallOver)) throw error;
      status = error.status;
    }
    this.status = status;
    this.isAsking = false;
    this.endedAt = this.#parts.time.now();
    await this.#tell("completed", status);
  }

  /** Rings until somebody or something answers. */
  async #reach(): Promise<void> {
    const { phones, time } = this.#parts;
    const handset = phones.handset(this.#order.to);
    if (!handset.settings.isOnline) throw this.#failed(480);
    const isTalking = handset.calls.some((call) => call !== this && !call.isOver);
    phones.ring(handset, this);
    if (isTalking) throw this.#ended("busy", 486);
    this.status = "ringing";
    this.startedAt = time.now();
    void this.#tell("ringing", "ringing");
    await this.#ring(handset);
    this.status = "in-progress";
    this.answeredAt = time.now();
    this.sipCode = 200;
    void this.#tell("answered", "in-progress");
    const limitMs = this.#isByMachine ? VOICEMAIL_MS_MAX : this.#order.timeLimitSeconds * 1_000;
    time.limitInWorld(limitMs, () => {
      if (!this.isOver) this.#hear({ kind: "over", status: "completed" });
    });
  }

  async #ring(handset: Handset): Promise<void> {
    const rule = this.#parts.phones.takeCallRule(handset);
    const patienceMs = this.#order.timeoutSeconds * 1_000 + RING_BUFFER_MS;
    const actsAfterMs = "afterMs" in rule ? rule.afterMs : Infinity;
    const news = await this.#wait(Math.min(actsAfterMs, patienceMs));
    if (news?.kind === "answer") return;
    if (news?.kind === "decline") throw this.#ended("busy", 486);
    if (actsAfterMs > patienceMs) throw this.#ended("no-answer", 487);
    switch (rule.kind) {
      case "busy":
        throw this.#ended("busy", 486);
      case "voicemail":
        this.#isByMachine = true;
        return;
      case "answer":
        this.#keys = rule.keys;
        this.#keyAfterMs = rule.keyAfterMs;
        return;
      case "ring":
      case "no_answer":
        throw this.#ended("no-answer", 487);
    }
  }

  async #talk(): Promise<void> {
    const { asyncDetection, machineDetection, url, urlMethod, twiml } = this.#order;
    if (machineDetection !== null) {
      if (asyncDetection === null) {
        await this.#pause(this.#detectionMs());
        this.answeredBy = this.#detected();
      } else this.#detectBeside();
    }
    const verbs =
      url !== null
        ? await this.#fetchDocument(url, urlMethod, "twiml", {})
        : this.#readDocument(twiml ?? "");
    await this.#carryOut(verbs);
  }

  async #carryOut(verbs: readonly Verb[]): Promise<void> {
    for (const verb of verbs) {
      switch (verb.name) {
        case "Say":
        case "Play":
          await this.#say(verb);
          break;
        case "Pause":
          await this.#pause(speechMs(verb));
          break;
        case "Gather": {
          const next = await this.#gather(verb);
          if (next === null) break;
          return this.#carryOut(next);
        }
        case "Redirect": {
          const next = await this.#fetchDocument(verb.text, methodOf(verb), "twiml", {});
          return this.#carryOut(next);
        }
        case "Hangup":
        case "Reject":
          return;
        default:
          // Schema validation warning: the verb is passed over.
          this.warnings.push(12_200);
      }
    }
  }

  async #say(verb: Verb): Promise<void> {
    const times = Math.min(Math.max(1, seconds(verb.attributes["loop"], 1)), SPEECH_LOOPS_MAX);
    for (let time = 0; time < times; time += 1) {
      this.spoken.push(verb.text);
      await this.#pause(speechMs(verb));
    }
  }

  /** Keys pressed meanwhile are kept for the next question. */
  async #pause(ms: number): Promise<void> {
    const { time } = this.#parts;
    const until = time.elapsedMs() + ms * time.timeScale;
    for (;;) {
      const leftMs = (until - time.elapsedMs()) / time.timeScale;
      if (leftMs <= 0 || (await this.#wait(leftMs)) === null) return;
    }
  }

  /** The verbs to go on with; null to go on with the next verb of the present document. */
  async #gather(verb: Verb): Promise<readonly Verb[] | null> {
    const wanted = seconds(verb.attributes["numDigits"], Infinity);
    const finishKey = verb.attributes["finishOnKey"] ?? "#";
    const timeoutMs = seconds(verb.attributes["timeout"], GATHER_TIMEOUT_SECONDS) * 1_000;
    this.isAsking = true;
    const digits = await this.#collect(verb.verbs, wanted, finishKey, timeoutMs);
    this.isAsking = false;
    this.pressed += digits;
    if (digits === "" && verb.attributes["actionOnEmptyResult"] !== "true") return null;
    const action = verb.attributes["action"] ?? this.#base;
    if (action === null) throw this.#brokenInstructions(11_100);
    return this.#fetchDocument(action, methodOf(verb), "gather", { Digits: digits });
  }

  /** Asks; a key interrupts the prompts. "" when nothing was pressed in time. */
  async #collect(
    prompts: readonly Verb[],
    wanted: number,
    finishKey: string,
    timeoutMs: number,
  ): Promise<string> {
    let digits = "";
    let canPress = false;
    const cancel = this.#parts.time.inWorld(this.#keyAfterMs, () => {
      canPress = true;
      this.#hear({ kind: "keys" });
    });
    const take = (): Taken => {
      const before = digits;
      while (canPress && this.#keys !== "") {
        const key = this.#keys.slice(0, 1);
        this.#keys = this.#keys.slice(1);
        if (key === finishKey) return "all";
        digits += key;
        if (digits.length >= wanted) return "all";
      }
      return digits === before ? "none" : "some";
    };
    try {
      for (const prompt of prompts) {
        this.spoken.push(prompt.text);
        const taken = await this.#awaitKeys(speechMs(prompt), take);
        if (taken === "all") return digits;
        if (taken === "some") break;
      }
      while ((await this.#awaitKeys(timeoutMs, take)) === "some") continue;
      return digits;
    } finally {
      cancel();
    }
  }

  async #awaitKeys(ms: number, take: () => Taken): Promise<Taken> {
    const { time } = this.#parts;
    const until = time.elapsedMs() + ms * time.timeScale;
    for (;;) {
      const taken = take();
      if (taken !== "none") return taken;
      const leftMs = (until - time.elapsedMs()) / time.timeScale;
      if (leftMs <= 0 || (await this.#wait(leftMs)) === null) return take();
    }
  }

  async #fetchDocument(
    address: string,
    method: "GET" | "POST",
    kind: "twiml" | "gather",
    extra: TwilioParameters,
  ): Promise<readonly Verb[]> {
    this.#documents += 1;
    if (this.#documents > DOCUMENTS_MAX) throw this.#brokenInstructions(12_400);
    if (!URL.canParse(address, this.#base ?? undefined)) throw this.#brokenInstructions(11_100);
    const url = new URL(address, this.#base ?? undefined).href;
    this.#base = url;
    const answer = await this.#interruptible(
      this.#parts.courier.fetch(
        twilioDraft(this.#account, {
          kind,
          url,
          method,
          parameters: { ...this.#parameters("in-progress"), ...extra },
          providerMessageId: this.id,
        }),
      ),
    );
    if (answer.status === null || answer.status < 200 || answer.status > 299) {
      throw this.#brokenInstructions(11_200);
    }
    if (!/^(text|application)\/(xml|html)\b/i.test(answer.contentType)) {
      throw this.#brokenInstructions(12_300);
    }
    return this.#readDocument(answer.body);
  }

  #readDocument(text: string): readonly Verb[] {
    const verbs = readTwiml(text);
    if (verbs === undefined) throw this.#brokenInstructions(12_100);
    return verbs;
  }

  /** Waits for an answer from outside, unless the call ends before. */
  async #interruptible<T>(answer: Promise<T>): Promise<T> {
    const arrival = { isThere: false };
    const arrive = (): void => {
      arrival.isThere = true;
      this.#hear({ kind: "wake" });
    };
    answer.then(arrive, arrive);
    while (!arrival.isThere) await this.#wait(Infinity);
    return answer;
  }

  /** The next news, or null after so many world ms; throws when the call is over. */
  async #wait(ms: number): Promise<CallNews | null> {
    const news = this.#news.shift() ?? (await this.#listen(ms));
    if (news?.kind === "over") throw this.#ended(news.status, null);
    return news;
  }

  #listen(ms: number): Promise<CallNews | null> {
    return new Promise((resolve, reject) => {
      const settle = (news: CallNews | null): void => {
        this.#listener = null;
        cancel();
        resolve(news);
      };
      const cancel: Cancel = this.#parts.time.inWorld(
        ms,
        () => settle(null),
        () => reject(new WorldCleared("the simulated world was cleared")),
      );
      this.#listener = settle;
    });
  }

  #hear(news: CallNews): void {
    if (this.#listener === null) this.#news.push(news);
    else this.#listener(news);
  }

  #detectionMs(): number {
    if (!this.#isByMachine) return DETECTION_MS.human;
    return this.#order.machineDetection === "DetectMessageEnd"
      ? DETECTION_MS.machineEnd
      : DETECTION_MS.machine;
  }

  #detected(): string {
    if (!this.#isByMachine) return "human";
    return this.#order.machineDetection === "DetectMessageEnd"
      ? "machine_end_beep"
      : "machine_start";
  }

  #detectBeside(): void {
    const target = this.#order.asyncDetection;
    this.#parts.time.inWorld(this.#detectionMs(), () => {
      if (this.isOver) return;
      const answeredBy = this.#detected();
      this.answeredBy = answeredBy;
      const url = target?.url ?? null;
      if (url === null) return;
      const { accountSid } = this.#account.config.credentials;
      const draft = twilioDraft(this.#account, {
        kind: "call",
        url,
        method: target?.method ?? "POST",
        parameters: {
          CallSid: this.id,
          AccountSid: accountSid,
          AnsweredBy: answeredBy,
          MachineDetectionDuration: String(this.#detectionMs()),
        },
        providerMessageId: this.id,
      });
      this.#parts.time.spawn(async () => {
        await this.#parts.courier.post(draft);
      });
    });
  }

  /** Tells the caller of an event, if it was asked for; resolves when that has been answered. */
  async #tell(event: CallEvent, status: CallStatus | "initiated"): Promise<void> {
    const { callback } = this.#order;
    const sequence = this.#sequence;
    this.#sequence += 1;
    if (callback?.events.includes(event) !== true || this.#lane.fate.dropped === "all") return;
    const draft = twilioDraft(this.#account, {
      kind: "call",
      url: callback.url,
      method: callback.method,
      parameters: {
        ...this.#parameters(status),
        Timestamp: new Date(this.#parts.time.now()).toUTCString().replace("GMT", "+0000"),
        CallbackSource: "call-progress-events",
        SequenceNumber: String(sequence),
        ...(event === "completed"
          ? {
              CallDuration: String(this.durationSeconds),
              Duration: String(Math.ceil(this.durationSeconds / 60)),
              ...(this.sipCode === null ? {} : { SipResponseCode: String(this.sipCode) }),
            }
          : {}),
      },
      providerMessageId: this.id,
      signing: this.#lane.fate.signing,
    });
    const posting = this.#lane.post(draft).catch((error: unknown) => {
      if (!(error instanceof WorldCleared)) throw error;
    });
    this.#parts.time.spawn(() => posting);
    await posting;
  }

  #parameters(status: CallStatus | "initiated"): TwilioParameters {
    return {
      CallSid: this.id,
      AccountSid: this.#account.config.credentials.accountSid,
      From: this.#order.from,
      To: this.#order.to,
      Caller: this.#order.from,
      Called: this.#order.to,
      CallStatus: status,
      ApiVersion: "2010-04-01",
      Direction: "outbound-api",
      ...(this.answeredBy === null ? {} : { AnsweredBy: this.answeredBy }),
    };
  }

  #failed(sipCode: number): CallOver {
    return this.#ended("failed", sipCode);
  }

  #ended(status: FinalStatus, sipCode: number | null): CallOver {
    if (sipCode !== null) this.sipCode = sipCode;
    return new CallOver(status);
  }

  /** The person hears "an application error has occurred", and the line is dead. */
  #brokenInstructions(code: number): CallOver {
    this.warnings.push(code);
    return new CallOver("completed");
  }
}

function speechMs(verb: Verb): number {
  return verb.name === "Pause"
    ? seconds(verb.attributes["length"], 1) * 1_000
    : verb.text.length * SPEECH_MS_PER_CHAR;
}

function methodOf(verb: Verb): "GET" | "POST" {
  return verb.attributes["method"]?.toUpperCase() === "GET" ? "GET" : "POST";
}

/** A count or a number of seconds; the fallback for what is missing or no number ("auto"). */
function seconds(text: string | undefined, fallback: number): number {
  const value = Number(text ?? "");
  return text === undefined || text.trim() === "" || !Number.isFinite(value) ? fallback : value;
}
