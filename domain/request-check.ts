/**
 * Whether a request can be accepted: every bad field is named at once. What is accepted has its ids resolved and its policy pinned.
 */
import { attachmentCarriage } from "./attachment-carriage.ts";
import { readAttachments } from "./attachment-check.ts";
import type { FileUrlProblem } from "./attachment.ts";
import { CLOSING_TYPE } from "./closing-message.ts";
import { isOtp } from "./otp.ts";
import { normalisePhone } from "./phone-number.ts";
import type {
  CandidatePolicy,
  MessageFacts,
  PlannedRequest,
  PlanSnapshot,
  RawRequest,
  RequestFacts,
  SnapshotPerson,
  SnapshotTemplate,
  SnapshotType,
} from "./plan-snapshot.ts";
import { PRIORITIES } from "./priority.ts";
import type { Priority } from "./priority.ts";
import { DATA_BYTES_MAX, parseInstant, RECIPIENTS_MAX, VALUE_CHARS_MAX } from "./request.ts";
import type { CheckedRequest, FieldProblem, NotificationRequest } from "./request.ts";
import { ROLES } from "./role.ts";
import type { Role } from "./role.ts";
import { matchingRules, planAudience, withTicket } from "./routing.ts";

/** What can be read without the database: the shape that the facts are loaded for, and what is wrong already. */
export interface ReadRequest {
  readonly raw: RawRequest;
  readonly problems: readonly FieldProblem[];
}

export function readRequest(request: NotificationRequest, now: number): ReadRequest {
  const problems: FieldProblem[] = [];
  const problem = (path: string, code: FieldProblem["code"], message: string): void => {
    problems.push({ path, code, message });
  };
  if (request.type === "") problem("type", "required", "type is required");
  if (isOtp(request.type)) {
    problem("type", "not_available", "one-time passwords are asked for at /v1/otp");
  }
  if (request.type === CLOSING_TYPE) {
    problem("type", "not_available", "closing messages are told by the notification that ends");
  }

  const priority = request.priority ?? null;
  if (priority !== null && toPriority(priority) === null) {
    problem("priority", "invalid", `priority is one of ${PRIORITIES.join(", ")}`);
  }
  const instant = (path: "notBefore" | "notAfter"): number | null => {
    const text = request[path] ?? null;
    if (text === null) return null;
    const value = parseInstant(text);
    if (value === null) {
      problem(
        path,
        "invalid",
        `${path} is an ISO 8601 time with an offset, such as 2026-01-31T08:00:00Z`,
      );
    }
    return value;
  };
  const notBefore = instant("notBefore");
  const notAfter = instant("notAfter");
  if (notAfter !== null && notAfter <= now) problem("notAfter", "in_the_past", "notAfter is over");
  if (notAfter !== null && notBefore !== null && notAfter <= notBefore) {
    problem("notAfter", "invalid", "notAfter is later than notBefore");
  }
  if (JSON.stringify(request.data ?? {}).length > DATA_BYTES_MAX) {
    problem("data", "too_large", `data has at most ${DATA_BYTES_MAX} characters as JSON`);
  }
  const { attachments, problems: attachmentProblems } = readAttachments(request.attachments ?? []);
  problems.push(...attachmentProblems);
  if ((request.dedupKey ?? null) !== null) {
    problem("dedupKey", "not_available", "dedupKey isn't supported yet; use an Idempotency-Key");
  }
  for (const path of [
    "type",
    "zone",
    "ticketId",
    "assigneeId",
    "customerId",
    "actorId",
    "category",
    "policyId",
  ] as const) {
    if ((request[path] ?? "").length > VALUE_CHARS_MAX) {
      problem(path, "too_large", `${path} has at most ${VALUE_CHARS_MAX} characters`);
    }
  }

  const recipients = request.recipients ?? null;
  const phones: string[] = [];
  (recipients?.phones ?? []).forEach((text, index) => {
    const result = normalisePhone(text);
    if (result.ok) phones.push(result.phone);
    else
      problem(
        `recipients.phones.${index}`,
        "invalid_phone",
        `not a phone number: ${result.reason}`,
      );
  });
  const named = recipients && {
    userIds: recipients.userIds ?? [],
    groupIds: recipients.groupIds ?? [],
    roles: recipients.roles ?? [],
    phones: [...new Set(phones)],
  };
  if (recipients !== null && countNamed(recipients) === 0) {
    problem(
      "recipients",
      "required",
      "recipients names nobody; leave it out to follow the routing rules",
    );
  }
  named?.roles.forEach((role, index) => {
    const path = `recipients.roles.${index}`;
    if (toRole(role) === null) problem(path, "unknown", `a role is one of ${ROLES.join(", ")}`);
    if (role === "customer")
      problem(path, "not_available", "all customers are told by a broadcast");
  });

  return {
    problems,
    raw: {
      notificationId: null,
      type: request.type,
      priority,
      zone: request.zone ?? null,
      ticketId: request.ticketId ?? null,
      assigneeId: request.assigneeId ?? null,
      customerId: request.customerId ?? null,
      actorId: request.actorId ?? null,
      category: request.category ?? null,
      data: request.data ?? {},
      recipients: named,
      policyId: request.policyId ?? null,
      policyVersion: null,
      attachments,
      avoidAccountIds: request.avoidAccountIds ?? [],
      acceptedAt: null,
      notBefore,
      notAfter,
    },
  };
}

export interface JudgeContext {
  /** Epoch ms. */
  readonly now: number;
  readonly ticketMustExist: boolean;
  readonly missingVariables: MissingVariables;
  readonly fileUrlProblem: FileUrlProblem;
}

/** Names of variables that the template can't do without and these facts don't fill. */
export type MissingVariables = (
  template: SnapshotTemplate,
  facts: MessageFacts,
) => readonly string[];

export type Judgement =
  | {
      readonly ok: true;
      readonly request: CheckedRequest;
      readonly snapshot: PlanSnapshot;
      /** Places among the request's phones of numbers that nobody has yet. */
      readonly newPhones: readonly number[];
    }
  | { readonly ok: false; readonly problems: readonly FieldProblem[] };

/** The rest of the check, with everything that the request names at hand. */
export function judgeRequest(
  read: ReadRequest,
  facts: RequestFacts,
  context: JudgeContext,
): Judgement {
  const problems = [
    ...read.problems,
    ...fileUrlProblems(read.raw, context),
    ...referenceProblems(read.raw, facts, context),
  ];
  const { type } = facts;
  if (type === null) return { ok: false, problems };

  const request = resolveRequest(read.raw, facts, type, context.now);
  const policy = choosePolicy(request, read.raw, facts, type);
  if (policy === null && read.raw.policyId === null) {
    problems.push({
      path: "policyId",
      code: "not_available",
      message: `no escalation policy for priority ${request.priority}`,
    });
  }
  problems.push(...templateProblems(request, facts, type, context));
  if (policy === null) return { ok: false, problems };

  const snapshot = toSnapshot(request, facts, type, policy);
  const phones = read.raw.recipients?.phones ?? [];
  const newPhones = phones.flatMap((phone, index) =>
    facts.userIdByPhone[phone] === undefined ? [index] : [],
  );
  problems.push(...countProblems(snapshot, newPhones.length), ...carriageProblems(snapshot));
  if (problems.length > 0) return { ok: false, problems };
  const { notificationId: _id, acceptedAt: _at, ...rest } = request;
  return {
    ok: true,
    snapshot,
    newPhones,
    request: {
      ...rest,
      phones,
      policyId: policy.id,
      policyVersion: policy.version,
      answers: type.answers,
    },
  };
}

/** A stored request needs no judging: what it named was there when it was accepted. Null: its type or policy is gone. */
export function snapshotOfStored(facts: RequestFacts): PlanSnapshot | null {
  const { type, request: raw } = facts;
  if (type === null) return null;
  const request = resolveRequest(raw, facts, type, raw.acceptedAt ?? 0);
  const policy = choosePolicy(request, raw, facts, type);
  return policy === null ? null : toSnapshot(request, facts, type, policy);
}

export function messageFacts(
  request: PlannedRequest,
  type: SnapshotType,
  facts: RequestFacts,
): MessageFacts {
  const { typeNames, ...texts } = facts.texts;
  return {
    ...texts,
    type: { code: type.code, names: typeNames ?? { id: type.code, en: type.code } },
    answers: type.answers,
    priority: request.priority,
    category: request.category,
    ticketId: request.ticketId,
    data: request.data,
    attachments: request.attachments,
  };
}

function fileUrlProblems(
  { attachments }: RawRequest,
  { fileUrlProblem }: JudgeContext,
): readonly FieldProblem[] {
  return attachments.flatMap((attachment, index): FieldProblem[] => {
    const message = attachment.kind === "location" ? null : fileUrlProblem(attachment.url);
    return message === null ? [] : [{ path: `attachments.${index}.url`, code: "invalid", message }];
  });
}

/** What no channel of the ladder can show is refused now: as a mere link it would be a text that the template lacks. */
function carriageProblems(snapshot: PlanSnapshot): readonly FieldProblem[] {
  return attachmentCarriage(snapshot).flatMap(({ kind, isCarried }, index): FieldProblem[] =>
    isCarried
      ? []
      : [
          {
            path: `attachments.${index}.kind`,
            code: "not_available",
            message: `no account on this policy's channels can carry ${INDEFINITE[kind]}`,
          },
        ],
  );
}

const INDEFINITE = { image: "an image", document: "a document", location: "a location" } as const;

function referenceProblems(
  raw: RawRequest,
  facts: RequestFacts,
  context: JudgeContext,
): readonly FieldProblem[] {
  const problems: FieldProblem[] = [];
  const unknown = (path: string, what: string, id: string): void => {
    problems.push({ path, code: "unknown", message: `no ${what} ${shown(id)}` });
  };
  if (facts.type === null) {
    if (raw.type !== "") unknown("type", "notification type", raw.type);
  } else if (!facts.type.isActive) {
    problems.push({ path: "type", code: "inactive", message: `type ${raw.type} is switched off` });
  }
  if (!facts.isZoneKnown && raw.zone !== null) unknown("zone", "zone", raw.zone);
  if (context.ticketMustExist && raw.ticketId !== null && facts.ticket === null) {
    unknown("ticketId", "ticket", raw.ticketId);
  }
  for (const path of ["assigneeId", "customerId", "actorId"] as const) {
    const ref = raw[path];
    if (ref !== null && findPerson(facts, ref) === null) unknown(path, "user", ref);
  }
  raw.recipients?.userIds.forEach((ref, index) => {
    if (findPerson(facts, ref) === null) unknown(`recipients.userIds.${index}`, "user", ref);
  });
  raw.recipients?.groupIds.forEach((ref, index) => {
    if (findGroup(facts, ref) === null) unknown(`recipients.groupIds.${index}`, "group", ref);
  });
  raw.avoidAccountIds.forEach((id, index) => {
    if (!facts.knownAccountIds.includes(id)) {
      unknown(`avoidAccountIds.${index}`, "provider account", id);
    }
  });
  const policy = facts.policies.find(({ id }) => id === raw.policyId);
  if (raw.policyId !== null && policy === undefined) {
    unknown("policyId", "escalation policy", raw.policyId);
  } else if (policy?.isActive === false) {
    problems.push({
      path: "policyId",
      code: "inactive",
      message: `escalation policy ${policy.id} is switched off`,
    });
  }
  return problems;
}

/** Ids are short; what is longer was mistyped and is not repeated. */
function shown(id: string): string {
  // Privacy: a number given as an id must not come back in an error.
  return id.length <= 64 && !/^\+?[\d\s()-]{8,}$/.test(id) ? JSON.stringify(id) : "of that id";
}

function templateProblems(
  request: PlannedRequest,
  facts: RequestFacts,
  type: SnapshotType,
  context: JudgeContext,
): readonly FieldProblem[] {
  if (facts.templates.length === 0) {
    return [{ path: "type", code: "not_available", message: `type ${type.code} has no template` }];
  }
  const filling = messageFacts(request, type, facts);
  const missing = facts.templates.flatMap((template) =>
    context.missingVariables(template, filling),
  );
  return [...new Set(missing)].map((name) => ({
    path: `data.${name}`,
    code: "missing_variable",
    message: `the texts of ${type.code} need ${name}`,
  }));
}

function countProblems(snapshot: PlanSnapshot, newcomers: number): readonly FieldProblem[] {
  const audience = planAudience(snapshot);
  const count = audience.persons.length + audience.groups.length + newcomers;
  if (count <= RECIPIENTS_MAX) return [];
  return [
    {
      path: "recipients",
      code: "too_many_recipients",
      message: `${count} recipients: one notification has at most ${RECIPIENTS_MAX}; more is a broadcast`,
    },
  ];
}

/** Ids as rows have them; a reference that is unknown becomes null and has its problem. */
function resolveRequest(
  raw: RawRequest,
  facts: RequestFacts,
  type: SnapshotType,
  now: number,
): PlannedRequest {
  const { recipients } = raw;
  const knownPhones = (recipients?.phones ?? []).flatMap((phone) => {
    const userId = facts.userIdByPhone[phone];
    return userId === undefined ? [] : [userId];
  });
  return {
    notificationId: raw.notificationId,
    type: type.code,
    priority: (raw.priority === null ? null : toPriority(raw.priority)) ?? type.priority,
    zone: raw.zone,
    ticketId: facts.ticket?.id ?? withoutPrefix(raw.ticketId),
    assigneeId: resolvePerson(facts, raw.assigneeId),
    customerId: resolvePerson(facts, raw.customerId),
    actorId: resolvePerson(facts, raw.actorId),
    category: raw.category,
    data: raw.data,
    recipients: recipients && {
      userIds: [
        ...new Set([
          ...recipients.userIds.flatMap((ref) => findPerson(facts, ref)?.id ?? []),
          ...knownPhones,
        ]),
      ],
      groupIds: [...new Set(recipients.groupIds.flatMap((ref) => findGroup(facts, ref)?.id ?? []))],
      roles: [...new Set(recipients.roles.flatMap((role) => toRole(role) ?? []))],
    },
    attachments: raw.attachments,
    avoidAccountIds: raw.avoidAccountIds,
    acceptedAt: raw.acceptedAt ?? now,
    notBefore: raw.notBefore,
    notAfter: raw.notAfter,
  };
}

/** The pinned one of a stored request; else the request's, a matching rule's, the type's, the priority's default. */
function choosePolicy(
  request: PlannedRequest,
  raw: RawRequest,
  facts: RequestFacts,
  type: SnapshotType,
): CandidatePolicy | null {
  const byId = (id: string | null): CandidatePolicy | null =>
    (id === null
      ? undefined
      : facts.policies.find((policy) => policy.id === id && policy.isActive && policy.isCurrent)) ??
    null;
  if (raw.policyId !== null) {
    const named = facts.policies.find(
      ({ id, version, isCurrent }) =>
        id === raw.policyId &&
        (raw.policyVersion === null ? isCurrent : version === raw.policyVersion),
    );
    // What is pinned and gone all the same is replaced by what the priority would have had.
    return named ?? (raw.policyVersion === null ? null : defaultPolicy(facts, request.priority));
  }
  const rules = matchingRules(facts.rules, withTicket(request, facts.ticket));
  const ruled = rules.map((rule) => byId(rule.policyId)).find((policy) => policy !== null);
  return ruled ?? byId(type.policyId) ?? defaultPolicy(facts, request.priority);
}

export function defaultPolicy(facts: RequestFacts, priority: Priority): CandidatePolicy | null {
  return (
    facts.policies.find(
      (policy) =>
        policy.isDefault && policy.isActive && policy.isCurrent && policy.priority === priority,
    ) ?? null
  );
}

export function toSnapshot(
  request: PlannedRequest,
  facts: RequestFacts,
  type: SnapshotType,
  policy: CandidatePolicy,
): PlanSnapshot {
  const { isDefault: _isDefault, isActive: _isActive, isCurrent: _isCurrent, ...pinned } = policy;
  return {
    request,
    type,
    policy: pinned,
    ticket: facts.ticket,
    rules: facts.rules,
    persons: facts.persons,
    groups: facts.groups,
    accounts: facts.accounts,
    templates: facts.templates,
    zoneTimeZones: facts.zoneTimeZones,
    holidays: facts.holidays,
    ...(facts.smsSegments === undefined ? {} : { smsSegments: facts.smsSegments }),
    installationTimeZone: facts.installationTimeZone,
  };
}

function findPerson(facts: RequestFacts, ref: string): SnapshotPerson | null {
  return facts.persons.find(({ id, externalId }) => isRefTo(ref, id, externalId)) ?? null;
}

function resolvePerson(facts: RequestFacts, ref: string | null): string | null {
  return ref === null ? null : (findPerson(facts, ref)?.id ?? null);
}

function findGroup(facts: RequestFacts, ref: string): { readonly id: string } | null {
  return facts.groups.find(({ id, externalId }) => isRefTo(ref, id, externalId)) ?? null;
}

function isRefTo(ref: string, id: string, externalId: string | null): boolean {
  return ref === id || (externalId !== null && ref === `ext:${externalId}`);
}

function withoutPrefix(ticketId: string | null): string | null {
  return ticketId === null ? null : ticketId.replace(/^ext:/, "");
}

function countNamed(recipients: NonNullable<NotificationRequest["recipients"]>): number {
  const { userIds = [], groupIds = [], roles = [], phones = [] } = recipients;
  return userIds.length + groupIds.length + roles.length + phones.length;
}

function toPriority(text: string): Priority | null {
  return PRIORITIES.find((priority) => priority === text) ?? null;
}

function toRole(text: string): Role | null {
  return ROLES.find((role) => role === text) ?? null;
}
