import type { Role } from "./role.ts";

/** What a system's API key may be given. A key holds what its client needs and nothing more. */
export const API_SCOPES = {
  "notifications:write": "Create notifications and ask what a request would do (explain).",
  "notifications:read":
    "Read notifications, timelines and deliveries; texts and full addresses stay hidden.",
  "messages:read": "See the text and the full address of deliveries, beside notifications:read.",
  "acts:write":
    "Acknowledge, refuse, escalate, snooze, cancel, resolve, reprioritise, reassign, resend, move, rate, close; answer or close inbound messages, beside messages:read.",
  "events:write": "Report ticket system events and monitoring alerts.",
  "otp:write": "Send one-time passwords and check them.",
  "broadcasts:write": "Create and steer broadcasts.",
  "master:read": "Read users, groups, duty, rules, templates, policies, zones, types.",
  "master:write": "Change users, groups, duty, rules, templates, policies, zones, types, mutes.",
  "accounts:read": "Read provider accounts, prices and budgets.",
  "analytics:read": "Read analytics and costs.",
  admin: "Everything, API keys and provider accounts included.",
} as const satisfies Readonly<Record<string, string>>;
export type ApiScope = keyof typeof API_SCOPES;

export function isApiScope(text: string): text is ApiScope {
  return Object.hasOwn(API_SCOPES, text);
}

/** Who asks. `sender` names the client system; an Idempotency-Key is the sender's. */
export type Actor = SystemActor | UserActor;

/** A system with an API key: may what the key's scopes say, everywhere. */
export interface SystemActor {
  readonly kind: "system";
  readonly keyId: string;
  readonly sender: string;
  /** The key's name, for the record. */
  readonly name: string;
  readonly scopes: readonly ApiScope[];
}

/** A person: may what the role says, within the zones. */
export interface UserActor {
  readonly kind: "user";
  readonly userId: string;
  readonly role: Role;
  readonly zones: readonly string[];
  readonly name: string | null;
  readonly sender: string;
  /** Null when the person signed in without a key. */
  readonly keyId: string | null;
}
