import type pg from "pg";
import type { Locale } from "../../domain/locale.ts";
import type { WordRow } from "../../domain/reply.ts";
import type { Replanner } from "./replanner.ts";
import type { TellDeps } from "./tell-run.ts";
import type { WebhookAccount } from "./webhook-accounts.ts";

/** What storing and applying a vendor's event takes. */
export type EventDeps = TellDeps & {
  /** For receipts, which are by far the most of it; see api/deps.ts. */
  readonly keyedPool: pg.Pool;
  /** Resolves when it is written that the runs have been told of these receipts. */
  readonly markReceipts: (receiptIds: readonly string[]) => Promise<void>;
  readonly now: () => number;
  readonly inbound: InboundSettings;
  readonly replanner: Pick<Replanner, "tell">;
  /** SIAGA_SECRET_KEY, 32 bytes. */
  readonly secretKey: Uint8Array;
};

export type InboundSettings = {
  /** IANA; for people and zones without one of their own. */
  readonly timeZone: string;
  /** For people whom nobody knows. */
  readonly locale: Locale;
  /** Words that acknowledge, refuse, stop and start, in every language. */
  readonly readWords: () => Promise<readonly WordRow[]>;
  /** Starts the workflow that sends an answer; throws when Temporal could not be asked. */
  readonly startAnswer: (answer: {
    readonly inboundMessageId: string;
    readonly accountId: string;
  }) => Promise<void>;
};

/** An event of a vendor's request that was believed. */
export type Received<Event> = {
  readonly account: WebhookAccount;
  readonly event: Event;
  /** Epoch ms. */
  readonly receivedAt: number;
};
