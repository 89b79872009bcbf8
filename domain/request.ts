/**
 * A request to tell people something, as a caller writes it, and what it comes to once every id is resolved. HTTP and the direct start share these rules, so
 * both roads meet the same refusals.
 */
import type { AnswerKind } from "./notification.ts";
import type { PlannedRequest, Recipients } from "./plan-snapshot.ts";

/** One notification has at most this many recipients; more is a broadcast. */
export const RECIPIENTS_MAX = 100;
/** Text, numbers and links for templates; what is larger belongs behind a link. */
export const DATA_BYTES_MAX = 32_768;
/** No id, code or category is longer; what is longer was never one. */
export const VALUE_CHARS_MAX = 200;

/** Where an id is taken, `ext:<externalId>` works too. Instants are ISO 8601 with an offset. */
export interface NotificationRequest {
  readonly type: string;
  readonly priority?: string | null | undefined;
  readonly zone?: string | null | undefined;
  readonly ticketId?: string | null | undefined;
  readonly assigneeId?: string | null | undefined;
  readonly customerId?: string | null | undefined;
  readonly actorId?: string | null | undefined;
  readonly category?: string | null | undefined;
  readonly data?: Readonly<Record<string, unknown>> | undefined;
  readonly recipients?:
    | {
        readonly userIds?: readonly string[] | undefined;
        readonly groupIds?: readonly string[] | undefined;
        readonly roles?: readonly string[] | undefined;
        readonly phones?: readonly string[] | undefined;
      }
    | null
    | undefined;
  /** Read by domain/attachment-check.ts: images and documents by address, locations. */
  readonly attachments?: readonly unknown[] | undefined;
  readonly policyId?: string | null | undefined;
  readonly avoidAccountIds?: readonly string[] | undefined;
  readonly dedupKey?: string | null | undefined;
  readonly notBefore?: string | null | undefined;
  readonly notAfter?: string | null | undefined;
}

export const FIELD_CODES = [
  "required",
  "unknown",
  "inactive",
  "invalid",
  "invalid_phone",
  "not_available",
  "missing_variable",
  "too_many_recipients",
  "too_large",
  "in_the_past",
] as const;
export type FieldCode = (typeof FIELD_CODES)[number];

/** One bad field. Privacy: the message names ids, never a number or a text of the request. */
export interface FieldProblem {
  /** As in JSON: `recipients.userIds.0`, `data.location`. */
  readonly path: string;
  readonly code: FieldCode;
  readonly message: string;
}

/** A request that can be stored: ids resolved, policy pinned, phones normalised. */
export interface CheckedRequest extends Omit<
  PlannedRequest,
  "notificationId" | "acceptedAt" | "recipients"
> {
  readonly recipients: Recipients | null;
  /** E.164, each once; they become users when the request is stored. */
  readonly phones: readonly string[];
  readonly policyId: string;
  readonly policyVersion: number;
  readonly answers: AnswerKind;
}

export type RequestCheck =
  | { readonly ok: true; readonly request: CheckedRequest }
  | { readonly ok: false; readonly problems: readonly FieldProblem[] };

/** ISO 8601 with seconds and an offset → epoch ms; anything else → null. A time without an offset would be the host's. */
export function parseInstant(text: string): number | null {
  if (!/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:\d{2})$/.test(text)) {
    return null;
  }
  const instant = Date.parse(text);
  return Number.isNaN(instant) ? null : instant;
}
