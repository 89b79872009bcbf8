import type pg from "pg";

import type { DeliverInput } from "../../activities/contract.ts";
import { createDeliverMessage, type DeliverDeps } from "../../activities/deliver-message.ts";
import { createOpenAccount } from "../../db/opened-account.ts";
import type { OutboundMessage, SendOptions, SendResult } from "../../providers/provider.ts";
import { createProviders, createRegistry } from "../../providers/registry.ts";
import { SECRET_KEY } from "./rows.ts";

/** The sender on a real database. Providers are the product's own, but for the request to the vendor, which the test answers. */
export function deliverWorker(
  pool: pg.Pool,
  send: (message: OutboundMessage, options: SendOptions) => Promise<SendResult>,
  over: Partial<DeliverDeps> = {},
) {
  const real = createProviders(() => Promise.reject(new Error("no vendor is asked")));
  return createDeliverMessage({
    pool,
    providers: createRegistry(
      real.all.map((provider) => ({
        ...provider,
        send: (_account: unknown, message: OutboundMessage, options: SendOptions) =>
          send(message, options),
      })),
    ),
    openAccount: createOpenAccount({ secretKey: SECRET_KEY, publicUrl: "https://siaga.test" }),
    readCode: () => Promise.resolve(null),
    openDestination: () => {
      throw new Error("no device is told");
    },
    settings: { installationTimeZone: "Asia/Jakarta", portalUrl: null },
    files: {
      check: () => Promise.reject(new Error("nothing is attached")),
      fetch: () => Promise.reject(new Error("nothing is attached")),
    },
    ackLink: () => null,
    sendOnlyTo: null,
    now: () => Date.now(),
    random: Math.random,
    sleep: () => Promise.resolve(),
    writeProgress: () => Promise.resolve(),
    keepAcceptance: { save: () => undefined, read: () => null },
    crashPoint: () => undefined,
    cancelled: () => new AbortController().signal,
    ...over,
  });
}

export function takenAs(providerMessageId: string): SendResult {
  return {
    providerMessageId,
    status: "accepted",
    segments: null,
    isHeldForQuality: false,
    providerResponse: null,
  };
}

interface Addressed {
  readonly notificationId: string;
  readonly target: string;
  readonly accountId: string;
}

/** The first message of a ladder, to be sent within a minute. */
export function firstMessage(
  { notificationId, target, accountId }: Addressed,
  channel: "whatsapp_personal" | "push",
): DeliverInput {
  return {
    notificationId,
    priorityKey: 2,
    progress: null,
    order: {
      purpose: "ladder",
      pass: 1,
      step: 1,
      target,
      channel,
      attempt: 1,
      handOver: 0,
      accountId,
      reason: "step",
      because: null,
      evidence: [],
      deadlineAt: Date.now() + 60_000,
      validForSeconds: 300,
    },
  };
}

export function closingMessage({ notificationId, target, accountId }: Addressed): DeliverInput {
  return {
    notificationId,
    priorityKey: 2,
    progress: null,
    order: {
      purpose: "closing",
      closing: 1,
      target,
      channel: "whatsapp_personal",
      accountId,
      at: null,
    },
  };
}
