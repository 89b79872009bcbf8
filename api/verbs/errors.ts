/**
 * Why a request is refused, without a word of HTTP: verbs and routes throw these, api/errors.ts alone knows what each
 * becomes. A domain "no" (already acknowledged, not possible now) is never one of them: it is an answer.
 *
 * Privacy: messages reach the caller and the log, so they name fields, ids and rules, never a value that was sent.
 */

/** One thing that is wrong with a request. `path` as in JSON: `recipients.phones.0`, a query parameter's or header's name. */
export type Problem = {
  readonly path: string;
  /** Stable, for programs. */
  readonly code: string;
  readonly message: string;
};

abstract class RequestRefused extends Error {
  abstract readonly kind: string;
  /** Stable, for programs. */
  abstract readonly code: string;
}

/** Every class below; nothing else extends RequestRefused. */
export type Refusal =
  | InvalidInput
  | Malformed
  | NotFound
  | Unauthenticated
  | Forbidden
  | Conflict
  | Outdated
  | LimitExceeded
  | Unavailable;

export function isRefusal(error: unknown): error is Refusal {
  return error instanceof RequestRefused;
}

/** The request can be read, but what it says can't be: every bad field at once. */
export class InvalidInput extends RequestRefused {
  readonly kind = "invalid_input";
  readonly code: string;
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[], code = "invalid_input") {
    super("Some fields are not valid; see errors.");
    this.name = "InvalidInput";
    this.code = code;
    this.problems = problems;
  }
}

/** The request can't be read at all. */
export class Malformed extends RequestRefused {
  readonly kind = "malformed";
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.name = "Malformed";
    this.code = code;
  }
}

/** Unknown, or hidden from this actor: the two must look alike. */
export class NotFound extends RequestRefused {
  readonly kind = "not_found";
  readonly code = "not_found";

  constructor(what: string) {
    super(`There is no such ${what}.`);
    this.name = "NotFound";
  }
}

export class Unauthenticated extends RequestRefused {
  readonly kind = "unauthenticated";
  readonly code = "unauthenticated";

  constructor(message = "Send a valid key: Authorization: Bearer <api key>.") {
    super(message);
    this.name = "Unauthenticated";
  }
}

/** Known, seen, but not allowed to this actor. */
export class Forbidden extends RequestRefused {
  readonly kind = "forbidden";
  readonly code = "forbidden";

  constructor(message = "This key or role may not do that.") {
    super(message);
    this.name = "Forbidden";
  }
}

/** Another request is in the way, or the thing has changed meanwhile. */
export class Conflict extends RequestRefused {
  readonly kind = "conflict";
  readonly code: string;
  readonly retryAfterSeconds: number | null;

  constructor(code: string, message: string, retryAfterSeconds: number | null = null) {
    super(message);
    this.name = "Conflict";
    this.code = code;
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

/** The thing changed since the caller read it (`If-Match`). */
export class Outdated extends RequestRefused {
  readonly kind = "outdated";
  readonly code = "outdated";

  constructor() {
    super("It was changed meanwhile: read it again, then repeat the change with the new ETag.");
    this.name = "Outdated";
  }
}

export class LimitExceeded extends RequestRefused {
  readonly kind = "limit_exceeded";
  readonly code = "rate_limited";
  readonly retryAfterSeconds: number;

  constructor(retryAfterSeconds: number, message = "Too many requests with this key.") {
    super(message);
    this.name = "LimitExceeded";
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

/** Something that this process needs can't be asked now; nothing was half-done. */
export class Unavailable extends RequestRefused {
  readonly kind = "unavailable";
  readonly code: string;
  readonly retryAfterSeconds: number;

  constructor(code: string, message: string, retryAfterSeconds = 5) {
    super(message);
    this.name = "Unavailable";
    this.code = code;
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

/** An Idempotency-Key that stands for another request. */
export function keyReused(): InvalidInput {
  return new InvalidInput(
    [
      {
        path: "Idempotency-Key",
        code: "key_reused",
        message: "This key was used with another request.",
      },
    ],
    "idempotency_key_reused",
  );
}
