import type { AnswerKind, NotificationStatus, Outcome } from "../domain/notification.ts";
import type { Priority } from "../domain/priority.ts";
import type { NotificationRequest } from "../domain/request.ts";

/** A typed client of Siaga's HTTP API, for systems that tell people things. It needs `fetch` and nothing else. */

export interface SiagaClientOptions {
  /** `https://siaga.example.com`, with or without a slash at its end. */
  readonly baseUrl: string;
  /** `sg_live_…` */
  readonly apiKey: string;
  /** For one request. */
  readonly timeoutMs?: number;
  readonly fetch?: typeof fetch;
}

export interface Links {
  readonly self: string;
  readonly timeline: string;
  readonly temporal: string | null;
}

export interface Accepted {
  readonly id: string;
  readonly status: "accepted";
  readonly workflowId: string;
  readonly links: Links;
}

export interface ActedBy {
  readonly kind: string;
  readonly userId: string | null;
  readonly groupId: string | null;
  readonly name: string | null;
  readonly via: string | null;
}

/** What most callers look at; the OpenAPI document has every field. */
export interface Notification {
  readonly id: string;
  readonly type: string;
  readonly priority: Priority;
  readonly zone: string | null;
  readonly ticketId: string | null;
  readonly answers: AnswerKind;
  readonly status: NotificationStatus;
  readonly outcome: Outcome | null;
  readonly reason: string | null;
  readonly answer: string | null;
  readonly pass: number;
  readonly step: number;
  readonly nextStepAt: string | null;
  readonly acknowledgedBy: ActedBy | null;
  readonly acknowledgedAt: string | null;
  readonly acceptedAt: string;
  readonly settledAt: string | null;
  readonly workflowId: string;
  readonly links: Links;
}

export interface TimelineEntry {
  readonly at: string;
  readonly kind: string;
  readonly pass: number | null;
  readonly step: number | null;
  readonly target: string | null;
  readonly channel: string | null;
  readonly accountId: string | null;
  readonly reason: string | null;
}

export interface Page<Item> {
  readonly items: readonly Item[];
  readonly nextCursor: string | null;
}

export interface ListFilter {
  readonly status?: NotificationStatus;
  readonly outcome?: Outcome;
  readonly type?: string;
  readonly priority?: Priority;
  readonly zone?: string;
  readonly ticketId?: string;
  readonly userId?: string;
  readonly from?: string;
  readonly to?: string;
  readonly q?: string;
  readonly open?: boolean;
  readonly limit?: number;
  readonly cursor?: string;
}

/** Each act with what it says beside its note. */
export interface Acts {
  readonly acknowledge: object;
  readonly refuse: object;
  readonly escalate: object;
  readonly cancel: object;
  readonly resolve: object;
  readonly snooze: { readonly until: string };
  readonly rate: { readonly rating: number };
  readonly reprioritise: { readonly priority: Priority };
  readonly reassign: { readonly userId: string; readonly fromUserId?: string };
  readonly resend: { readonly deliveryId: string };
  readonly move: { readonly policyVersion?: number };
  readonly close: { readonly note: string };
}

export interface ActOptions {
  /** Makes a repeat the same act. */
  readonly actId?: string;
  /** The user on whose behalf: an id or `ext:<externalId>`. */
  readonly by?: string;
  readonly note?: string;
}

/** A domain "no" is an answer; `pending` means stored, the run could not answer now. */
export type ActAnswer =
  | { readonly applied: true; readonly notification: Notification }
  | {
      readonly applied: false;
      readonly reason: string;
      readonly by: ActedBy | null;
      readonly at: string | null;
    }
  | { readonly applied: null; readonly pending: true; readonly actId: string };

/** The API refused, as an RFC 9457 problem. */
export class SiagaProblem extends Error {
  readonly status: number;
  /** Stable, for programs. */
  readonly code: string;
  readonly requestId: string | null;
  readonly errors: readonly {
    readonly path: string;
    readonly code: string;
    readonly message: string;
  }[];
  /** When a repeat makes sense; null: it doesn't, or nobody knows. */
  readonly retryAfterSeconds: number | null;

  constructor(status: number, problem: Problem, retryAfterSeconds: number | null) {
    super(`${status} ${problem.code ?? "unknown"}: ${problem.detail ?? "no detail"}`);
    this.name = "SiagaProblem";
    this.status = status;
    this.code = problem.code ?? "unknown";
    this.requestId = problem.requestId ?? null;
    this.errors = problem.errors ?? [];
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

interface Problem {
  readonly code?: string;
  readonly detail?: string;
  readonly requestId?: string;
  readonly errors?: SiagaProblem["errors"];
}

export interface SiagaClient {
  /** With a key a repeat after a lost answer is the same notification. */
  createNotification(
    request: NotificationRequest,
    options?: { readonly idempotencyKey?: string },
  ): Promise<Accepted>;
  /** The plan of a request, without sending. `at`: ISO 8601. */
  explain(request: NotificationRequest, options?: { readonly at?: string }): Promise<unknown>;
  getNotification(id: string): Promise<Notification>;
  listNotifications(filter?: ListFilter): Promise<Page<Notification>>;
  timeline(id: string): Promise<Page<TimelineEntry>>;
  act<Verb extends keyof Acts>(
    id: string,
    verb: Verb,
    body: Acts[Verb] & ActOptions,
  ): Promise<ActAnswer>;
}

const TIMEOUT_MS = 30_000;

/** Every method rejects with SiagaProblem when the API refuses, and with what `fetch` says when it can't be reached. */
export function createSiagaClient(options: SiagaClientOptions): SiagaClient {
  const { apiKey, timeoutMs = TIMEOUT_MS } = options;
  const baseUrl = options.baseUrl.replace(/\/+$/, "");
  const send = options.fetch ?? fetch;

  async function call<Answer>(
    method: "GET" | "POST",
    path: string,
    body?: unknown,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<Answer> {
    const response = await send(`${baseUrl}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${apiKey}`,
        accept: "application/json",
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(timeoutMs),
    });
    return readAnswer<Answer>(response);
  }

  const pathOf = (id: string, suffix = ""): string =>
    `/v1/notifications/${encodeURIComponent(id)}${suffix}`;

  return {
    createNotification: (request, { idempotencyKey } = {}) =>
      call("POST", "/v1/notifications", request, {
        ...(idempotencyKey === undefined ? {} : { "idempotency-key": idempotencyKey }),
      }),
    explain: (request, { at } = {}) =>
      call("POST", `/v1/notifications/explain${queryOf({ at })}`, request),
    getNotification: (id) => call("GET", pathOf(id)),
    listNotifications: (filter = {}) => call("GET", `/v1/notifications${queryOf({ ...filter })}`),
    timeline: (id) => call("GET", pathOf(id, "/timeline")),
    act: (id, verb, body) => call("POST", pathOf(id, `/${verb}`), body),
  };
}

/** The API's own schemas stand behind `Answer`; they are checked on its side, in its tests. */
async function readAnswer<Answer>(response: Response): Promise<Answer> {
  const body: unknown = await response.json().catch(() => ({}));
  if (response.ok) return body as Answer;
  const retryAfter = Number(response.headers.get("retry-after") ?? Number.NaN);
  throw new SiagaProblem(
    response.status,
    typeof body === "object" && body !== null ? body : {},
    Number.isFinite(retryAfter) ? retryAfter : null,
  );
}

function queryOf(
  parameters: Readonly<Record<string, string | number | boolean | undefined>>,
): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== undefined) query.set(name, String(value));
  }
  return query.size === 0 ? "" : `?${query.toString()}`;
}
