import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { decideReply, NO_TIE } from "../../domain/reply-decision.ts";
import type {
  ReplyDecision,
  ReplyFacts,
  Tie,
  TiedNotification,
} from "../../domain/reply-decision.ts";
import type { Said } from "../../domain/reply.ts";

const N1: TiedNotification = {
  id: "ntf_1",
  priority: "high",
  answers: "acknowledge",
  isOpen: true,
  mayAnswer: true,
  countsStrangers: false,
  messageClass: "urgent",
};
const N2: TiedNotification = { ...N1, id: "ntf_2" };
const CRITICAL: TiedNotification = { ...N1, id: "ntf_c", priority: "critical" };
const SURVEY: TiedNotification = { ...N1, id: "ntf_r", answers: "rate" };
const NEWS: TiedNotification = {
  ...N1,
  id: "ntf_n",
  answers: "none",
  messageClass: "type:maintenance",
};

const one = (notification: TiedNotification): Tie => ({ kind: "one", notification });
const several = (...notifications: TiedNotification[]): Tie => ({ kind: "several", notifications });
const UNKNOWN: Tie = { kind: "unknown" };

const says = (fields: Partial<Extract<Said, { kind: "answer" }>> = {}): Said => ({
  kind: "answer",
  meaning: "acknowledge",
  digit: null,
  code: null,
  hasComment: false,
  ...fields,
});
const YES = says();
const NO = says({ meaning: "refuse" });
const YES_CODE = says({ code: "4821" });
const CODE = says({ meaning: null, code: "4821" });
const UNCLEAR: Said = { kind: "unclear", code: null };

const facts = (fields: Partial<ReplyFacts> = {}): ReplyFacts => ({
  chat: "personal",
  via: "reply",
  isSigned: true,
  writer: "known",
  said: YES,
  quoted: NO_TIE,
  coded: NO_TIE,
  last: NO_TIE,
  open: [],
  prompt: null,
  consent: NO_CONSENT,
  ...fields,
});

const NO_CONSENT: ReplyFacts["consent"] = { lastTold: NO_TIE, optedOut: [], hasHolder: true };

/** "acknowledge ntf_1 by quote", "ask which_one ntf_1 ntf_2", "ignore chatter", … */
function inWords(decision: ReplyDecision): string {
  switch (decision.kind) {
    case "act":
      return `${decision.act}${decision.rating === null ? "" : ` ${decision.rating}`} ${decision.notificationId} by ${decision.tiedBy}`;
    case "act_all":
      return `acknowledge all ${decision.notificationIds.join(" ")}`;
    case "opt_out":
    case "opt_in":
      return `${decision.kind} ${decision.classes.join(" ")} of ${decision.notificationId ?? "none"} by ${decision.tiedBy}`;
    case "ask":
    case "unmatched": {
      const said = decision.situations.map((situation) =>
        [
          situation.kind,
          ...("notificationIds" in situation ? situation.notificationIds : []),
          ...("notificationId" in situation ? [situation.notificationId] : []),
          ...("code" in situation ? [situation.code] : []),
        ].join(" "),
      );
      return `${decision.kind} ${said.join(", ")}`;
    }
    case "ignore":
      return `ignore ${decision.reason}`;
  }
}

describe("in a personal chat", () => {
  it.each<[given: Partial<ReplyFacts>, decision: string, reason: string]>([
    [{ quoted: one(N1) }, "acknowledge ntf_1 by quote", "a quote ties"],
    [{ quoted: one(N1), last: one(N2) }, "acknowledge ntf_1 by quote", "before the last message"],
    [
      { said: YES_CODE, quoted: one(N1), coded: one(N1) },
      "acknowledge ntf_1 by quote",
      "quote and code agree",
    ],
    [
      { said: YES_CODE, quoted: one(N1), coded: one(N2), open: [N1, N2] },
      "ask which_one ntf_1 ntf_2",
      "quote and code contradict each other",
    ],
    [
      { via: "button", said: YES_CODE, quoted: one(N1), coded: one(N2) },
      "acknowledge ntf_1 by quote",
      "a button's code was given out again since: its message decides",
    ],
    [{ said: YES_CODE, coded: one(N1) }, "acknowledge ntf_1 by code", "a code ties"],
    [{ said: CODE, coded: one(N1) }, "acknowledge ntf_1 by code", "a code alone says: mine"],
    [
      { said: says({ meaning: "refuse", code: "4821" }), coded: one(N1) },
      "refuse ntf_1 by code",
      "a refusal",
    ],
    [
      {
        said: CODE,
        coded: one(N1),
        prompt: { kind: "which_one", meaning: "refuse", notificationIds: ["ntf_1", "ntf_2"] },
      },
      "refuse ntf_1 by code",
      "a code alone completes the refusal that we asked about",
    ],
    [
      {
        said: CODE,
        coded: one(N1),
        prompt: { kind: "which_one", meaning: "refuse", notificationIds: ["ntf_2"] },
      },
      "acknowledge ntf_1 by code",
      "but not one that we did not ask about",
    ],
    [
      { said: YES_CODE, quoted: UNKNOWN, coded: one(N1) },
      "acknowledge ntf_1 by code",
      "a quote of something else leaves it to the code",
    ],
    [{ said: YES_CODE, coded: UNKNOWN }, "ask unknown_code 4821", "a code that is nobody's"],
    [
      { said: YES_CODE, coded: one({ ...N1, mayAnswer: false }) },
      "ask unknown_code 4821",
      "somebody else's code is as good as none",
    ],
    [{ last: one(N1) }, "acknowledge ntf_1 by last_message", "a bare word after its message"],
    [
      { last: one(N1), open: [N1, N2] },
      "acknowledge ntf_1 by last_message",
      "though another one is open",
    ],
    [{ said: NO, last: one(N1) }, "refuse ntf_1 by last_message", "a bare refusal"],
    [
      { open: [N1] },
      "ask which_one ntf_1",
      "the last message was something else: even one is asked",
    ],
    [{ open: [N1, N2] }, "ask which_one ntf_1 ntf_2", "several are open"],
    [
      { last: several(N1, N2), open: [N1, N2, SURVEY] },
      "ask which_one ntf_1 ntf_2",
      "one message carried two",
    ],
    [
      { quoted: several(N1, N2), open: [N1, N2, SURVEY] },
      "ask which_one ntf_1 ntf_2",
      "a quote of such a message",
    ],
    [
      { quoted: UNKNOWN, last: one(N1), open: [N1] },
      "ask which_one ntf_1",
      "a quote of something else forbids the last message",
    ],
    [{}, "unmatched nothing_open", "nothing waits for this person"],
    [{ last: one(NEWS) }, "ignore asks_nothing", "an okay to something that asks nothing"],
    [{ last: one(NEWS), open: [N1] }, "ask which_one ntf_1", "it may have meant the open one"],
    [
      { last: one({ ...N1, isOpen: false }) },
      "acknowledge ntf_1 by last_message",
      "one that is over is left to the referee, who says so",
    ],
    [{ said: { kind: "polite" }, last: one(N1) }, "ignore polite", "thanks"],
    [{ said: UNCLEAR, last: one(N1), open: [N1] }, "unmatched which_one ntf_1", "not understood"],
    [{ said: UNCLEAR }, "unmatched nothing_open", "not understood, nothing open"],
    [
      { said: UNCLEAR, quoted: one(N1), open: [N1, N2] },
      "ask which_one ntf_1",
      "a question about a quoted one",
    ],
    [
      { said: { kind: "unclear", code: "4821" }, coded: one(N2), open: [N1, N2] },
      "ask which_one ntf_2",
      "a question that names its code",
    ],
    [
      { said: says({ meaning: null, digit: 7 }), last: one(N1), open: [N1] },
      "ask which_one ntf_1",
      "a number that answers nothing",
    ],
    [
      { said: says({ meaning: null, digit: 5 }), last: one(SURVEY) },
      "rate 5 ntf_r by last_message",
      "a rating",
    ],
    [
      { said: says({ digit: 1 }), last: one(SURVEY) },
      "rate 1 ntf_r by last_message",
      "for a survey 1 is a rating",
    ],
    [
      {
        said: says({ meaning: null, digit: 5, code: "4821" }),
        coded: one({ ...SURVEY, isOpen: false }),
      },
      "rate 5 ntf_r by code",
      "a rating works after the end too",
    ],
    [
      { said: says({ meaning: null, digit: 0 }), last: one(SURVEY) },
      "ask rate_range ntf_r",
      "just below the range",
    ],
    [
      { said: says({ meaning: null, digit: 6 }), last: one(SURVEY) },
      "ask rate_range ntf_r",
      "just above the range",
    ],
    [{ last: one(SURVEY) }, "ask rate_range ntf_r", "a word is no rating"],
  ])("%o → %s (%s)", (given, decision) => {
    expect(inWords(decideReply(facts(given)))).toBe(decision);
  });
});

describe("a critical one over a provider that signs nothing", () => {
  const unsigned = { isSigned: false } as const;
  it.each<[given: Partial<ReplyFacts>, decision: string, reason: string]>([
    [{ said: YES_CODE, coded: one(CRITICAL) }, "acknowledge ntf_c by code", "its code"],
    [{ said: CODE, coded: one(CRITICAL) }, "acknowledge ntf_c by code", "its code alone"],
    [
      { last: one(CRITICAL), open: [CRITICAL] },
      "ask code_needed ntf_c",
      "a bare word is not enough",
    ],
    [{ quoted: one(CRITICAL) }, "ask code_needed ntf_c", "nor is a quote"],
    [{ said: NO, last: one(CRITICAL) }, "ask code_needed ntf_c", "nor to refuse"],
    [{ chat: "group", quoted: one(CRITICAL) }, "ask code_needed ntf_c", "nor in a group"],
    [
      { chat: "group", via: "reaction", quoted: one(CRITICAL) },
      "ignore no_meaning",
      "a reaction is no question to a group",
    ],
    [{ last: one(N1) }, "acknowledge ntf_1 by last_message", "others are answered as ever"],
    [
      { said: { kind: "all", meaning: "acknowledge" }, open: [CRITICAL, N1] },
      "ask confirm_all ntf_1, code_needed ntf_c",
      "all but the critical one",
    ],
    [
      { said: { kind: "all", meaning: "acknowledge" }, open: [CRITICAL] },
      "ask which_one ntf_c",
      "the critical one alone",
    ],
    [
      {
        prompt: {
          kind: "confirm_all",
          meaning: "acknowledge",
          notificationIds: ["ntf_c", "ntf_1"],
        },
        open: [CRITICAL, N1],
      },
      "acknowledge all ntf_1",
      "no confirmation takes it either",
    ],
  ])("%o → %s (%s)", (given, decision) => {
    expect(inWords(decideReply(facts({ ...unsigned, ...given })))).toBe(decision);
  });

  it("is answered by a bare word where the provider signs", () => {
    expect(inWords(decideReply(facts({ last: one(CRITICAL) })))).toBe(
      "acknowledge ntf_c by last_message",
    );
  });
});

describe("all of them", () => {
  const all: Said = { kind: "all", meaning: "acknowledge" };
  const prompt = {
    kind: "confirm_all",
    meaning: "acknowledge",
    notificationIds: ["ntf_1", "ntf_2"],
  } as const;
  it.each<[given: Partial<ReplyFacts>, decision: string, reason: string]>([
    [{ said: all, open: [N1, N2] }, "ask confirm_all ntf_1 ntf_2", "listed and asked once more"],
    [{ said: all, open: [N1, SURVEY] }, "ask confirm_all ntf_1", "a survey wants a number"],
    [{ said: all }, "unmatched nothing_open", "there are none"],
    [
      { said: { kind: "all", meaning: "refuse" }, open: [N1, N2] },
      "ask which_one ntf_1 ntf_2",
      "refusing is for each",
    ],
    [{ said: { kind: "all", meaning: null }, open: [N1] }, "ask which_one ntf_1", "all of what?"],
    [{ prompt, open: [N1, N2] }, "acknowledge all ntf_1 ntf_2", "confirmed"],
    [{ prompt, open: [N2] }, "acknowledge all ntf_2", "one was taken meanwhile"],
    [
      { prompt, open: [N1, N2, { ...N1, id: "ntf_3" }] },
      "acknowledge all ntf_1 ntf_2",
      "what was not listed is not taken",
    ],
    [{ prompt, said: NO, open: [N1, N2] }, "ask which_one ntf_1 ntf_2", "not confirmed"],
    [{ prompt, open: [] }, "ask nothing_open", "all were taken meanwhile"],
    [{ chat: "group", said: all, open: [N1] }, "ignore chatter", "never in a group"],
  ])("%o → %s (%s)", (given, decision) => {
    expect(inWords(decideReply(facts(given)))).toBe(decision);
  });
});

describe("in a group", () => {
  const group = { chat: "group" } as const;
  const counted = { ...N1, countsStrangers: true };
  it.each<[given: Partial<ReplyFacts>, decision: string, reason: string]>([
    [{ quoted: one(N1) }, "acknowledge ntf_1 by quote", "a quote"],
    [{ said: YES_CODE, coded: one(N1) }, "acknowledge ntf_1 by code", "a code"],
    [{ said: CODE, coded: one(N1) }, "acknowledge ntf_1 by code", "a code alone"],
    [{ via: "reaction", quoted: one(N1) }, "acknowledge ntf_1 by quote", "a reaction"],
    [
      { via: "reaction", said: NO, quoted: one(N1) },
      "refuse ntf_1 by quote",
      "a refusing reaction",
    ],
    [{ last: one(N1), open: [N1] }, "ignore chatter", "a bare word never"],
    [{ said: YES_CODE, coded: UNKNOWN }, "ask unknown_code 4821", "asked by code, and it fails"],
    [{ said: CODE, coded: UNKNOWN }, "ignore chatter", "any four digits"],
    [
      { said: { kind: "unclear", code: "4821" }, coded: one(N1) },
      "ignore chatter",
      "talk about it",
    ],
    [{ said: UNCLEAR, quoted: one(N1) }, "ignore chatter", "talk below it"],
    [{ quoted: UNKNOWN }, "ignore chatter", "an okay to somebody else"],
    [
      { said: YES_CODE, quoted: one(N1), coded: one(N2) },
      "ignore chatter",
      "quote and code contradict each other",
    ],
    [{ writer: "stranger", quoted: one(N1) }, "ignore stranger", "a stranger, by the policy"],
    [
      { writer: "stranger", quoted: one(counted) },
      "acknowledge ntf_1 by quote",
      "counted by the policy",
    ],
    [
      { writer: "stranger", said: YES_CODE, coded: UNKNOWN },
      "ignore chatter",
      "a stranger is not corrected",
    ],
    [
      { quoted: one({ ...N1, mayAnswer: false }) },
      "ignore chatter",
      "a message of another group, forwarded",
    ],
  ])("%o → %s (%s)", (given, decision) => {
    expect(inWords(decideReply(facts({ ...group, ...given })))).toBe(decision);
  });
});

describe("consent", () => {
  const STOP: Said = { kind: "stop", code: null };
  const START: Said = { kind: "start", code: null };
  const consent = (fields: Partial<ReplyFacts["consent"]>) => ({
    consent: { ...NO_CONSENT, ...fields },
  });
  it.each<[given: Partial<ReplyFacts>, decision: string, reason: string]>([
    [
      { said: STOP, quoted: one(NEWS), ...consent({ lastTold: one(N1) }) },
      "opt_out type:maintenance of ntf_n by quote",
      "what is quoted is what was meant",
    ],
    [
      { said: STOP, ...consent({ lastTold: one(N1) }) },
      "opt_out urgent of ntf_1 by last_message",
      "else the last message there",
    ],
    [
      { said: STOP, quoted: UNKNOWN, ...consent({ lastTold: one(N1) }) },
      "opt_out urgent of ntf_1 by last_message",
      "a quote of what we did not send says nothing of ours",
    ],
    [
      { said: { kind: "stop", code: "4821" }, coded: one(NEWS), ...consent({ lastTold: one(N1) }) },
      "opt_out type:maintenance of ntf_n by code",
      "a code of one's own",
    ],
    [
      {
        said: { kind: "stop", code: "4821" },
        coded: one({ ...NEWS, mayAnswer: false }),
        ...consent({ lastTold: one(N1) }),
      },
      "opt_out urgent of ntf_1 by last_message",
      "somebody else's code says nothing",
    ],
    [
      { said: STOP, quoted: several(N1, N2, NEWS) },
      "opt_out type:maintenance urgent of none by quote",
      "one message may be of several classes",
    ],
    [{ said: STOP }, "unmatched which_stop", "nothing was ever told there"],
    [
      { said: STOP, writer: "stranger", ...consent({ lastTold: one(NEWS) }) },
      "opt_out type:maintenance of ntf_n by last_message",
      "a number that nobody has may withdraw it too",
    ],
    [
      { said: STOP, writer: "alias", ...consent({ hasHolder: false }) },
      "unmatched which_stop",
      "whose consent is not guessed",
    ],
    [
      { said: STOP, prompt: { kind: "confirm_all", meaning: null, notificationIds: ["ntf_1"] } },
      "unmatched which_stop",
      "it confirms nothing",
    ],
    [{ chat: "group", said: STOP, quoted: one(N1) }, "ignore chatter", "a group has no consent"],
    [
      { said: START, ...consent({ optedOut: ["promotion", "urgent"] }) },
      "opt_in promotion urgent of none by chat",
      "everything comes back",
    ],
    [
      { said: START, quoted: one(N1), ...consent({ optedOut: ["promotion", "urgent"] }) },
      "opt_in urgent of ntf_1 by quote",
      "or what is quoted alone",
    ],
    [
      { said: START, open: [N1] },
      "unmatched which_one ntf_1",
      "who has stopped nothing has said something else",
    ],
    [
      { said: START, quoted: one(N1), ...consent({ optedOut: ["promotion"] }) },
      "unmatched nothing_open",
      "what is quoted was never stopped",
    ],
  ])("%o → %s (%s)", (given, decision) => {
    expect(inWords(decideReply(facts(given)))).toBe(decision);
  });
});

describe("somebody who isn't known", () => {
  it.each<[given: Partial<ReplyFacts>, decision: string, reason: string]>([
    [
      { writer: "alias", said: YES_CODE, coded: one({ ...N1, mayAnswer: false }) },
      "acknowledge ntf_1 by code",
      "an alias that nobody has is believed by the code",
    ],
    [
      { writer: "alias", quoted: one({ ...N1, mayAnswer: false }) },
      "ask code_needed ntf_1",
      "what it quotes tells where to ask for the code",
    ],
    [
      { writer: "alias", quoted: one({ ...N1, mayAnswer: false, isOpen: false }) },
      "unmatched nothing_open",
      "there is no code of what is over",
    ],
    [
      { writer: "alias", last: one({ ...N1, mayAnswer: false }) },
      "unmatched nothing_open",
      "and is believed by nothing else",
    ],
    [
      { writer: "stranger", said: YES_CODE, coded: one(N1) },
      "unmatched nothing_open",
      "an unknown number may have guessed four digits",
    ],
    [{ writer: "stranger" }, "unmatched nothing_open", "anything else it says"],
  ])("%o → %s (%s)", (given, decision) => {
    expect(inWords(decideReply(facts(given)))).toBe(decision);
  });
});

describe("whatever is written", () => {
  const aNotification: fc.Arbitrary<TiedNotification> = fc.record({
    id: fc.constantFrom("ntf_1", "ntf_2", "ntf_3"),
    priority: fc.constantFrom("critical", "high", "medium", "low"),
    answers: fc.constantFrom("none", "acknowledge", "accept", "claim", "rate"),
    isOpen: fc.boolean(),
    mayAnswer: fc.boolean(),
    countsStrangers: fc.boolean(),
    messageClass: fc.constantFrom("urgent", "promotion"),
  });
  const aTie: fc.Arbitrary<Tie> = fc.oneof(
    fc.constant(NO_TIE),
    fc.constant(UNKNOWN),
    aNotification.map(one),
    fc.array(aNotification, { minLength: 2, maxLength: 3 }).map((list) => several(...list)),
  );
  const aSaid: fc.Arbitrary<Said> = fc.oneof(
    fc.record({
      kind: fc.constant("answer" as const),
      meaning: fc.constantFrom("acknowledge" as const, "refuse" as const, null),
      digit: fc.option(fc.integer({ min: 0, max: 9 }), { nil: null }),
      code: fc.option(fc.constant("4821"), { nil: null }),
      hasComment: fc.boolean(),
    }),
    fc.record({
      kind: fc.constant("all" as const),
      meaning: fc.constantFrom("acknowledge" as const, "refuse" as const, null),
    }),
    fc.record({
      kind: fc.constantFrom("stop" as const, "start" as const),
      code: fc.option(fc.constant("4821"), { nil: null }),
    }),
    fc.constant<Said>({ kind: "polite" }),
    fc.constant<Said>({ kind: "nothing" }),
    fc.record({
      kind: fc.constant("unclear" as const),
      code: fc.option(fc.constant("4821"), { nil: null }),
    }),
  );
  const anyFacts: fc.Arbitrary<ReplyFacts> = fc
    .record({
      chat: fc.constantFrom("personal", "group"),
      via: fc.constantFrom("reply", "reaction", "button"),
      isSigned: fc.boolean(),
      writer: fc.constantFrom("known", "alias", "stranger"),
      said: aSaid,
      quoted: aTie,
      coded: aTie,
      last: aTie,
      open: fc.uniqueArray(
        aNotification.map((notification) => ({ ...notification, isOpen: true, mayAnswer: true })),
        { selector: ({ id }) => id, maxLength: 3 },
      ),
      prompt: fc.option(
        fc.record({
          kind: fc.constantFrom("confirm_all", "which_one"),
          meaning: fc.constantFrom("acknowledge", "refuse", null),
          notificationIds: fc.subarray(["ntf_1", "ntf_2", "ntf_3"]),
        }),
        { nil: null },
      ),
      consent: fc.record({
        lastTold: aTie,
        optedOut: fc.subarray(["urgent", "promotion"]),
        hasHolder: fc.boolean(),
      }),
    })
    // Only a code that was said is looked up.
    .map((given) => ({
      ...given,
      coded: "code" in given.said && given.said.code !== null ? given.coded : NO_TIE,
    }));

  it("invariant 24: a reply is tied by quote, else code, else the last message of a personal chat; otherwise nothing is done", () => {
    fc.assert(
      fc.property(anyFacts, (given) => {
        const decision = decideReply(given);
        if (decision.kind !== "act") return;
        const tie = { quote: given.quoted, code: given.coded, last_message: given.last }[
          decision.tiedBy
        ];
        expect(tie).toMatchObject({ kind: "one", notification: { id: decision.notificationId } });
        if (decision.tiedBy !== "quote") expect(given.quoted.kind).not.toBe("one");
        if (decision.tiedBy === "last_message") expect(given.said).toMatchObject({ code: null });
      }),
      { numRuns: 5_000 },
    );
  });

  it("invariant 24: in a group a bare word never acts, and nothing acts on all", () => {
    fc.assert(
      fc.property(anyFacts, (given) => {
        const decision = decideReply({ ...given, chat: "group", quoted: NO_TIE, coded: NO_TIE });
        expect(["act", "act_all"]).not.toContain(decision.kind);
      }),
      { numRuns: 2_000 },
    );
  });

  it("invariant 24: a critical one over a provider that signs nothing is answered by its code alone", () => {
    fc.assert(
      fc.property(anyFacts, (given) => {
        const decision = decideReply({ ...given, isSigned: false });
        const ids =
          decision.kind === "act_all"
            ? decision.notificationIds
            : decision.kind === "act" && decision.tiedBy !== "code"
              ? [decision.notificationId]
              : [];
        const ties = [given.quoted, given.last].flatMap((tie) =>
          tie.kind === "one" ? [tie.notification] : [],
        );
        const candidates = decision.kind === "act_all" ? given.open : ties;
        const chosen =
          decision.kind === "act" && decision.tiedBy !== "code"
            ? ties.filter(
                (_tie, index) => index === (decision.tiedBy === "quote" ? 0 : ties.length - 1),
              )
            : candidates.filter(({ id }) => ids.includes(id));
        for (const { priority } of chosen) expect(priority).not.toBe("critical");
      }),
      { numRuns: 5_000 },
    );
  });

  it("invariant 25: a stranger's words act in a group alone, and only where the policy counts them", () => {
    fc.assert(
      fc.property(anyFacts, (given) => {
        const decision = decideReply({ ...given, writer: "stranger" });
        if (decision.kind === "act") {
          expect(given.chat === "group" || given.via === "reaction").toBe(true);
          const tie = decision.tiedBy === "quote" ? given.quoted : given.coded;
          expect(tie).toMatchObject({ notification: { countsStrangers: true } });
        }
        expect(decision.kind).not.toBe("act_all");
      }),
      { numRuns: 5_000 },
    );
  });
});
