import type { Client } from "@temporalio/client";
import type pg from "pg";
import type { ProviderRegistry } from "../providers/registry.ts";
import type { Change } from "../db/changes.ts";
import type { Logger } from "../runtime/logger.ts";
import type { Authenticate } from "./authenticate.ts";
import type { RateLimit } from "./middleware/rate-limit.ts";
import type { Starter } from "./starter.ts";
import type { PlanningContext } from "./verbs/accept-notification.ts";
import type { Background } from "./verbs/background.ts";
import type { EventDeps, InboundSettings } from "./verbs/inbound-deps.ts";
import type { Replanner } from "./verbs/replanner.ts";
import type { StartInventory } from "./verbs/see-account-lists.ts";
import type { WebhookAccounts } from "./verbs/webhook-accounts.ts";

/** What the routes need, in small parts; a verb names the parts that it uses. */

export type Clock = { readonly now: () => number };
export type Randomness = { readonly randomBytes: (count: number) => Uint8Array };
export type Database = { readonly pool: pg.Pool };
export type Temporal = { readonly temporal: Client };

export type Links = {
  /** Where people find a run; null: no links. Without a slash at its end. */
  readonly temporalUiUrl: string | null;
  readonly temporalNamespace: string;
};

/** For accepting and for vendors' reports, whose statements go by keys: on its connections each is planned once. */
type KeyedDatabase = { readonly keyedPool: pg.Pool };

export type AppDeps = Clock &
  Randomness &
  Database &
  KeyedDatabase &
  Temporal & {
    readonly authenticate: Authenticate;
    readonly starter: Starter;
    readonly background: Background;
    readonly planning: PlanningContext;
    readonly links: Links;
    readonly log: Logger;
    readonly version: string;
    readonly rateLimit?: RateLimit;
    /** SIAGA_PUBLIC_URL, without a slash at its end. */
    readonly publicUrl: string;
    readonly webhookAccounts: WebhookAccounts;
    readonly markReceipts: EventDeps["markReceipts"];
    readonly inbound: InboundSettings;
    readonly replanner: Replanner;
    readonly startInventory: StartInventory;
    /** Tells whoever watches; nobody is told if not given. */
    readonly announce?: (change: Change) => void;
    readonly providers: ProviderRegistry;
    /** Forgets what this process knows of keys and their holders. */
    readonly forgetKeys: () => void;
    /** SIAGA_SECRET_KEY, 32 bytes: seals the secrets of provider accounts. */
    readonly secretKey: Uint8Array;
    /** SIAGA_SIMULATED. */
    readonly isSimulated: boolean;
    /** Where the simulated vendors listen, without a slash at its end; null: vendors are real, and there is no sandbox. */
    readonly sandboxUrl: string | null;
  };
