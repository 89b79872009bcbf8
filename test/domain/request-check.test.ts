import { describe, expect, test } from "vitest";

import {
  ATTACHMENT_URL_CHARS_MAX,
  ATTACHMENTS_MAX,
  FILE_NAME_CHARS_MAX,
} from "../../domain/attachment.ts";
import type { RequestFacts } from "../../domain/plan-snapshot.ts";
import { judgeRequest, readRequest, snapshotOfStored } from "../../domain/request-check.ts";
import type { JudgeContext, Judgement } from "../../domain/request-check.ts";
import { DATA_BYTES_MAX, RECIPIENTS_MAX, VALUE_CHARS_MAX } from "../../domain/request.ts";
import type { NotificationRequest } from "../../domain/request.ts";
import {
  planSnapshot,
  policyOf,
  someAccount,
  somebody,
  someGroup,
  someRule,
  someTicket,
  T0,
} from "../support/plan-snapshot.ts";

const PHONE = "+6281234000001";
const LATER = "2026-03-02T04:00:00Z";
const EARLIER = "2026-03-02T03:00:00Z"; // T0 itself

function candidate(code: Parameters<typeof policyOf>[0], over: object = {}) {
  return { ...policyOf(code), isDefault: true, isActive: true, isCurrent: true, ...over };
}

function judge(
  request: Partial<NotificationRequest>,
  facts: Partial<RequestFacts> = {},
  context: Partial<JudgeContext> = {},
): Judgement {
  const read = readRequest({ type: "ticket_urgent", ...request }, T0);
  const { policy: _policy, request: _request, ...snapshot } = planSnapshot();
  return judgeRequest(
    read,
    {
      ...snapshot,
      request: read.raw,
      isZoneKnown: true,
      policies: [candidate("high"), candidate("critical")],
      persons: [{ ...somebody("usr_1"), externalId: "T-1" }],
      groups: [{ ...someGroup("grp_1"), externalId: "G-1" }],
      knownAccountIds: ["acc_1"],
      userIdByPhone: {},
      texts: { typeNames: null, zone: null, ticket: null, assigneeName: null, customer: null },
      ...facts,
    },
    {
      now: T0,
      ticketMustExist: false,
      missingVariables: () => [],
      fileUrlProblem: (url) => (url.startsWith("https://") ? null : "not https"),
      ...context,
    },
  );
}

function problems(judgement: Judgement): readonly string[] {
  return judgement.ok ? [] : judgement.problems.map(({ path, code }) => `${path} ${code}`);
}

describe("what is refused", () => {
  test.each<[Partial<NotificationRequest>, Partial<RequestFacts>, string, string]>([
    [{ type: "nothing" }, { type: null }, "type unknown", "a type that nobody has added"],
    [{ type: "" }, { type: null }, "type required", "no type"],
    [{ type: "otp" }, {}, "type not_available", "one-time passwords have their own lane"],
    [{ type: "closing_message" }, {}, "type not_available", "told by the run that ends"],
    [
      {},
      { type: { ...planSnapshot().type, isActive: false } },
      "type inactive",
      "a type switched off",
    ],
    [{}, { templates: [] }, "type not_available", "a type without any text"],
    [{ priority: "urgent" }, {}, "priority invalid", "no such priority"],
    [{ zone: "atlantis" }, { isZoneKnown: false }, "zone unknown", "no such zone"],
    [{ assigneeId: "usr_2" }, {}, "assigneeId unknown", "no such user"],
    [{ assigneeId: "T-1" }, {}, "assigneeId unknown", "an external id without its prefix"],
    [{ customerId: "ext:T-2" }, {}, "customerId unknown", "no such external id"],
    [{ actorId: "usr_2" }, {}, "actorId unknown", "no such actor"],
    [{ recipients: {} }, {}, "recipients required", "recipients that name nobody"],
    [
      { recipients: { userIds: ["usr_1", "usr_2"] } },
      {},
      "recipients.userIds.1 unknown",
      "by its place",
    ],
    [{ recipients: { groupIds: ["grp_2"] } }, {}, "recipients.groupIds.0 unknown", "no such group"],
    [
      { recipients: { roles: ["customer"] } },
      {},
      "recipients.roles.0 not_available",
      "that is a broadcast",
    ],
    [{ recipients: { roles: ["noc", "boss"] } }, {}, "recipients.roles.1 unknown", "no such role"],
    [{ recipients: { phones: ["0812"] } }, {}, "recipients.phones.0 invalid_phone", "too short"],
    [
      { recipients: { phones: ["120363020000000001@g.us"] } },
      {},
      "recipients.phones.0 invalid_phone",
      "a group id is no phone",
    ],
    [{ policyId: "pol_other" }, {}, "policyId unknown", "no such policy"],
    [
      { policyId: "pol_high" },
      { policies: [candidate("high", { isActive: false })] },
      "policyId inactive",
      "a policy switched off",
    ],
    [{ priority: "low" }, {}, "policyId not_available", "a priority without a policy"],
    [{ avoidAccountIds: ["acc_1", "acc_2"] }, {}, "avoidAccountIds.1 unknown", "no such account"],
    [{ dedupKey: "pop" }, {}, "dedupKey not_available", "not yet"],
    [{ notBefore: "tomorrow" }, {}, "notBefore invalid", "no instant"],
    [{ notBefore: "2026-03-02T04:00:00" }, {}, "notBefore invalid", "a time without an offset"],
    [{ notAfter: EARLIER }, {}, "notAfter in_the_past", "over at this very moment"],
    [{ notBefore: LATER, notAfter: LATER }, {}, "notAfter invalid", "over when it begins"],
    [
      { data: { text: "x".repeat(DATA_BYTES_MAX) } },
      {},
      "data too_large",
      "more than a message needs",
    ],
    [{ category: "x".repeat(VALUE_CHARS_MAX + 1) }, {}, "category too_large", "more than a name"],
  ])("%j %j → %s: %s", (request, facts, problem, _why) => {
    expect(problems(judge(request, facts))).toEqual([problem]);
  });

  test("everything at once", () => {
    const request = {
      type: "nothing",
      priority: "urgent",
      zone: "atlantis",
      assigneeId: "usr_9",
      recipients: { userIds: ["usr_8"], phones: ["1"] },
      policyId: "pol_x",
      dedupKey: "k",
    };
    expect(problems(judge(request, { type: null, isZoneKnown: false }))).toEqual([
      "priority invalid",
      "dedupKey not_available",
      "recipients.phones.0 invalid_phone",
      "type unknown",
      "zone unknown",
      "assigneeId unknown",
      "recipients.userIds.0 unknown",
      "policyId unknown",
    ]);
  });

  test.each([
    [true, ["ticketId unknown"], "a direct start takes its variables from the ticket"],
    [false, [], "over HTTP a ticket is a reference"],
  ])("an unknown ticket where it must exist: %s → %j: %s", (ticketMustExist, expected, _why) => {
    expect(problems(judge({ ticketId: "TKT-9" }, {}, { ticketMustExist }))).toEqual(expected);
  });

  test("each missing variable once, whatever texts need it", () => {
    const templates = (["id", "en"] as const).map((locale) => ({
      channel: "whatsapp_personal" as const,
      locale,
      subject: null,
      body: "{{ location }}",
    }));
    const judgement = judge({}, { templates }, { missingVariables: () => ["location"] });
    expect(problems(judgement)).toEqual(["data.location missing_variable"]);
  });

  test.each([
    [RECIPIENTS_MAX - 1, [], "just below"],
    [RECIPIENTS_MAX, [], "at the limit"],
    [RECIPIENTS_MAX + 1, ["recipients too_many_recipients"], "just above: that is a broadcast"],
  ])("%d recipients → %j: %s", (count, expected, _why) => {
    const persons = Array.from({ length: count }, (_, index) => ({
      ...somebody(`usr_${index}`),
      externalId: null,
    }));
    const rules = [
      someRule("rul_1", { audience: [{ kind: "role", role: "technician", zone: "all" }] }),
    ];
    expect(problems(judge({}, { persons, rules }))).toEqual(expected);
  });

  test("new phones count as recipients", () => {
    const persons = Array.from({ length: RECIPIENTS_MAX }, (_, index) => ({
      ...somebody(`usr_${index}`),
      externalId: null,
    }));
    const recipients = { userIds: persons.map(({ id }) => id), phones: [PHONE] };
    expect(problems(judge({ recipients }, { persons }))).toEqual([
      "recipients too_many_recipients",
    ]);
  });

  test("a number never comes back in a message", () => {
    const number = PHONE.slice(1);
    const judgement = judge({
      assigneeId: number,
      recipients: { userIds: [PHONE], phones: ["0812-34"] },
    });
    expect(problems(judgement)).toHaveLength(3);
    expect(JSON.stringify(judgement)).not.toMatch(/6281234000001|0812/);
  });
});

describe("attachments", () => {
  const URL = "https://files.example/odp.jpg";
  const carrying: Partial<RequestFacts> = {
    accounts: [
      someAccount("whatsapp_personal", {
        carries: { image: "with_text", document: "with_text", location: "alone" },
      }),
    ],
  };

  test.each<[unknown, readonly string[], string]>([
    [{ kind: "image", url: URL }, [], "a picture"],
    [{ kind: "document", url: URL, fileName: "denah.pdf" }, [], "a document with its name"],
    [{ kind: "location", latitude: -6.3, longitude: 107.3 }, [], "a place"],
    [{ kind: "location", latitude: -90, longitude: 180, name: "P", address: "J" }, [], "the last"],
    [{}, ["attachments.0.kind invalid"], "of no kind"],
    ["image", ["attachments.0.kind invalid"], "no object"],
    [null, ["attachments.0.kind invalid"], "nothing"],
    [{ kind: "video", url: URL }, ["attachments.0.kind invalid"], "a kind that nobody sends"],
    [{ kind: "image" }, ["attachments.0.url required"], "no address"],
    [{ kind: "image", url: 1 }, ["attachments.0.url invalid"], "no text"],
    [{ kind: "image", url: "http://x" }, ["attachments.0.url invalid"], "what the guard refuses"],
    [
      { kind: "image", url: `${URL}?${"x".repeat(ATTACHMENT_URL_CHARS_MAX)}` },
      ["attachments.0.url too_large"],
      "a message has no room for it",
    ],
    [
      { kind: "document", url: URL, fileName: "../denah.pdf" },
      ["attachments.0.fileName invalid"],
      "a path",
    ],
    [
      { kind: "document", url: URL, fileName: "x".repeat(FILE_NAME_CHARS_MAX + 1) },
      ["attachments.0.fileName too_large"],
      "just above",
    ],
    [{ kind: "image", url: URL, name: "x" }, ["attachments.0.name unknown"], "another field"],
    [
      { kind: "location", latitude: 90.1, longitude: -180.1 },
      ["attachments.0.latitude invalid", "attachments.0.longitude invalid"],
      "not on earth",
    ],
    [
      { kind: "location", latitude: "1" },
      ["attachments.0.latitude invalid", "attachments.0.longitude required"],
      "half a place",
    ],
    [
      { kind: "location", latitude: NaN, longitude: 1 },
      ["attachments.0.latitude invalid"],
      "no number",
    ],
  ])("%j → %j: %s", (attachment, expected, _why) => {
    expect(problems(judge({ attachments: [attachment] }, carrying))).toEqual(expected);
  });

  test.each([
    [ATTACHMENTS_MAX, [], "at the limit"],
    [ATTACHMENTS_MAX + 1, ["attachments too_large"], "just above"],
  ])("%d of them → %j: %s", (count, expected, _why) => {
    const attachments = Array.from({ length: count }, () => ({ kind: "image", url: URL }));
    expect(problems(judge({ attachments }, carrying))).toEqual(expected);
  });

  test.each<[Partial<RequestFacts>, Partial<NotificationRequest>, readonly string[], string]>([
    [carrying, {}, [], "an account carries all of them"],
    [
      { accounts: [someAccount("email", { carries: { image: "with_text" } })] },
      {},
      ["attachments.1.kind not_available", "attachments.2.kind not_available"],
      "mail carries the picture alone",
    ],
    [
      { accounts: [someAccount("whatsapp_personal")] },
      {},
      [
        "attachments.0.kind not_available",
        "attachments.1.kind not_available",
        "attachments.2.kind not_available",
      ],
      "an account that carries texts alone",
    ],
    [
      { accounts: [] },
      {},
      [
        "attachments.0.kind not_available",
        "attachments.1.kind not_available",
        "attachments.2.kind not_available",
      ],
      "no account",
    ],
    [
      { ...carrying, knownAccountIds: ["whatsapp_personal"] },
      { avoidAccountIds: ["whatsapp_personal"] },
      [
        "attachments.0.kind not_available",
        "attachments.1.kind not_available",
        "attachments.2.kind not_available",
      ],
      "the account is to be avoided",
    ],
    [
      {
        accounts: [
          someAccount("sms", {
            carries: { image: "with_text", document: "with_text", location: "alone" },
          }),
        ],
      },
      {},
      [
        "attachments.0.kind not_available",
        "attachments.1.kind not_available",
        "attachments.2.kind not_available",
      ],
      "a channel of a step that is switched off",
    ],
  ])("that %j can or can't carry with %j → %j: %s", (facts, request, expected, _why) => {
    const attachments = [
      { kind: "image", url: URL },
      { kind: "document", url: URL },
      { kind: "location", latitude: -6.3, longitude: 107.3 },
    ];
    expect(problems(judge({ attachments, ...request }, facts))).toEqual(expected);
  });

  test("an address never comes back in a message", () => {
    const judgement = judge({ attachments: [{ kind: "image", url: "http://10.0.0.1/secret" }] });
    expect(JSON.stringify(judgement)).not.toMatch(/10\.0|secret/);
  });
});

describe("what is accepted", () => {
  function accepted(...args: Parameters<typeof judge>) {
    const judgement = judge(...args);
    if (!judgement.ok) throw new Error(problems(judgement).join(", "));
    return judgement;
  }

  test("has its ids resolved, absent values null, and the type's priority, answer and default policy", () => {
    expect(accepted({ assigneeId: "ext:T-1", zone: "karawang" }).request).toEqual({
      type: "ticket_urgent",
      priority: "high",
      zone: "karawang",
      ticketId: null,
      assigneeId: "usr_1",
      customerId: null,
      actorId: null,
      category: null,
      data: {},
      recipients: null,
      phones: [],
      policyId: "pol_high",
      policyVersion: 1,
      answers: "acknowledge",
      attachments: [],
      avoidAccountIds: [],
      notBefore: null,
      notAfter: null,
    });
  });

  test("names each recipient once, however it was written", () => {
    const { request, newPhones } = accepted(
      {
        recipients: {
          userIds: ["usr_1", "ext:T-1"],
          groupIds: ["grp_1", "ext:G-1"],
          roles: ["noc", "noc"],
          phones: ["0812-3400-0001", PHONE, "+62 812 3400 0002"],
        },
      },
      { userIdByPhone: { [PHONE]: "usr_1" } },
    );
    expect(request.recipients).toEqual({ userIds: ["usr_1"], groupIds: ["grp_1"], roles: ["noc"] });
    expect(request.phones).toEqual([PHONE, "+6281234000002"]);
    expect(newPhones).toEqual([1]);
  });

  test("may name its ticket by ext: too", () => {
    expect(accepted({ ticketId: "ext:TKT-7" }).request.ticketId).toBe("TKT-7");
    expect(accepted({ ticketId: "TKT-1" }, { ticket: someTicket() }).request.ticketId).toBe(
      "TKT-1",
    );
  });

  test.each([
    [{ policyId: "pol_critical" }, {}, "pol_critical", "the request's own"],
    [
      {},
      { rules: [someRule("rul_1", { policyId: "pol_notice" })] },
      "pol_notice",
      "a matching rule's",
    ],
    [
      {},
      { rules: [someRule("rul_1", { policyId: "pol_notice", conditions: { zone: "x" } })] },
      "pol_claim",
      "not that of a rule that doesn't match",
    ],
    [{}, {}, "pol_claim", "the type's"],
    [{ priority: "critical" }, {}, "pol_claim", "the type's, whatever the priority"],
    [{}, { type: planSnapshot().type }, "pol_high", "the default of the type's priority"],
    [
      { priority: "critical" },
      { type: planSnapshot().type },
      "pol_critical",
      "the default of the request's",
    ],
  ] as const)("%j %j takes policy %s: %s", (request, facts, policyId, _why) => {
    const policies = [
      candidate("high"),
      candidate("high", { version: 2, isCurrent: false }),
      candidate("critical"),
      candidate("claim", { isDefault: false }),
      candidate("notice", { isDefault: false }),
    ];
    const type = { ...planSnapshot().type, policyId: "pol_claim" };
    expect(accepted(request, { policies, type, ...facts }).request).toMatchObject({
      policyId,
      policyVersion: 1,
    });
  });
});

describe("a stored request", () => {
  const stored = (over: Partial<RequestFacts>, policyVersion: number | null = 1) => {
    const judgement = judge({});
    if (!judgement.ok) throw new Error("the fixture is accepted");
    const { policy: _policy, request: _request, ...snapshot } = planSnapshot();
    const { raw } = readRequest({ type: "ticket_urgent", policyId: "pol_high" }, T0);
    return snapshotOfStored({
      ...snapshot,
      request: { ...raw, notificationId: "ntf_1", priority: "high", policyVersion, acceptedAt: T0 },
      isZoneKnown: true,
      policies: [candidate("high"), candidate("high", { version: 2, isCurrent: false })],
      persons: [],
      groups: [],
      knownAccountIds: [],
      userIdByPhone: {},
      texts: { typeNames: null, zone: null, ticket: null, assigneeName: null, customer: null },
      ...over,
    });
  };

  test("keeps the policy version that it was accepted with, current or not", () => {
    expect(stored({}, 2)?.policy).toMatchObject({ id: "pol_high", version: 2 });
  });

  test("goes on under its priority's default when its policy is gone", () => {
    const policies = [candidate("high", { id: "pol_new" })];
    expect(stored({ policies })?.policy.id).toBe("pol_new");
  });

  test("can't be planned without a type", () => {
    expect(stored({ type: null })).toBeNull();
  });
});
