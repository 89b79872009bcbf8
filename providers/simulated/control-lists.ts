/** The two logs as the control API lists them: filtered, paged by number, and waiting for what is still to come. */
import { REQUEST_KINDS, VENDORS } from "./seen.ts";
import { z } from "zod";
import { iso, maskedUrl } from "./control-views.ts";
import { WEBHOOK_KINDS } from "./log.ts";
import type { EventLog, Logged, RequestEntry, WebhookEntry } from "./log.ts";
import type { Sandbox } from "./sandbox.ts";

export const LIST_LIMIT = { default: 100, max: 10_000 } as const;

const WAIT_MS_MAX = 60_000;

const text = z.string().min(1);

const listQuery = {
  vendor: z.enum(VENDORS).optional(),
  account: text.optional(),
  after: z.coerce.number().int().min(0).optional(),
  limit: z.coerce.number().int().min(1).max(LIST_LIMIT.max).default(LIST_LIMIT.default),
  wait: z.coerce.number().int().min(0).max(WAIT_MS_MAX).default(0),
};

export const logQuerySchema = z.strictObject({
  ...listQuery,
  kind: z.enum(REQUEST_KINDS).optional(),
  to: text.optional(),
  group: text.optional(),
  accepted: z.enum(["true", "false"]).optional(),
  deliveryKey: text.optional(),
  providerMessageId: text.optional(),
  fault: text.optional(),
});

export const webhookQuerySchema = z.strictObject({
  ...listQuery,
  kind: z.enum(WEBHOOK_KINDS).optional(),
  providerMessageId: text.optional(),
});

export async function listRequests(
  sandbox: Sandbox,
  query: z.output<typeof logQuerySchema>,
): Promise<unknown> {
  const accountId = query.account === undefined ? undefined : sandbox.account(query.account).id;
  const isWanted = (entry: RequestEntry): boolean =>
    (query.vendor === undefined || entry.vendor === query.vendor) &&
    (accountId === undefined || entry.accountId === accountId) &&
    (query.kind === undefined || entry.kind === query.kind) &&
    (query.to === undefined || samePhone(entry.to, query.to)) &&
    (query.group === undefined || entry.group === query.group) &&
    (query.accepted === undefined || String(entry.accepted) === query.accepted) &&
    (query.deliveryKey === undefined || entry.deliveryKey === query.deliveryKey) &&
    (query.providerMessageId === undefined ||
      entry.providerMessageId === query.providerMessageId) &&
    (query.fault === undefined || entry.faults.some((kind) => kind === query.fault));
  return list(sandbox.log, isWanted, query, (entry) => ({ ...entry, at: iso(entry.at) }));
}

export async function listWebhooks(
  sandbox: Sandbox,
  query: z.output<typeof webhookQuerySchema>,
): Promise<unknown> {
  const accountId = query.account === undefined ? undefined : sandbox.account(query.account).id;
  const isWanted = (entry: WebhookEntry): boolean =>
    (query.vendor === undefined || entry.vendor === query.vendor) &&
    (accountId === undefined || entry.accountId === accountId) &&
    (query.kind === undefined || entry.kind === query.kind) &&
    (query.providerMessageId === undefined || entry.providerMessageId === query.providerMessageId);
  return list(sandbox.webhooks, isWanted, query, (entry) => ({
    ...entry,
    at: iso(entry.at),
    url: maskedUrl(entry.url),
  }));
}

/** With `after`: the first ones after it; without: the newest. Always oldest first. */
export async function list<F extends object>(
  log: EventLog<F>,
  isWanted: (entry: Logged<F>) => boolean,
  query: { readonly after?: number | undefined; readonly limit: number; readonly wait: number },
  show: (entry: Logged<F>) => unknown,
): Promise<unknown> {
  const afterSeq = query.after ?? 0;
  if (query.wait > 0) {
    // Nothing in time is an answer too: the empty list.
    await log.waitFor(isWanted, { afterSeq, timeoutMs: query.wait }).catch(() => undefined);
  }
  const entries =
    query.after === undefined
      ? log.entries(isWanted).slice(-query.limit)
      : log.entries(isWanted, { afterSeq, limit: query.limit });
  return { items: entries.map(show), lastSeq: log.lastSeq, dropped: log.dropped };
}

function samePhone(given: string | null, wanted: string): boolean {
  const bare = (phone: string): string => phone.replace(/[\s+()-]/g, "").toLowerCase();
  return given !== null && bare(given) === bare(wanted);
}
