import type { ReplyEvent } from "../../providers/provider.ts";
import type { EventDeps, Received } from "./inbound-deps.ts";

export async function recordReply(deps: EventDeps, received: Received<ReplyEvent>): Promise<void> {
  await Promise.resolve([deps, received]);
}
