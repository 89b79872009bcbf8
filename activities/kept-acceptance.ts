import { Context } from "@temporalio/activity";

import type { DeliverDeps, KeptAcceptance } from "./deliver-message.ts";

/**
 * Keeps a vendor's acceptance in the activity's heartbeat until PostgreSQL has it, so that the next execution knows what this one could not record.
 * Privacy: sealed, because a vendor's message id may contain the recipient's number.
 */
export function createKeptAcceptance(seal: {
  readonly close: (text: string) => string;
  readonly open: (sealed: string) => string;
}): DeliverDeps["keepAcceptance"] {
  return {
    save: (kept) => {
      Context.current().heartbeat(seal.close(JSON.stringify(kept)));
    },
    read: () => {
      const details: unknown = Context.current().info.heartbeatDetails;
      return typeof details === "string" ? parseKept(seal.open(details)) : null;
    },
  };
}

/** Written by `save` of this or an earlier release, and authenticated by its seal. */
function parseKept(json: string): KeptAcceptance {
  return JSON.parse(json) as KeptAcceptance;
}
