/**
 * Who is told of what: the table of default routing, one rule for each audience that differs in channels or rank.
 *
 * The table's in-app and e-mail columns become rules like this: a person of the audience gets what the policy's step
 * names, so only differences stand here. Somebody who is to find it in the inbox alone has a rule with
 * `only: ["in_app"]`; a report by e-mail alone `only: ["email"]`; where the table leaves e-mail empty and the policy has
 * it, the rule removes it. Customers have no inbox.
 */
import type { RuleAudience, RuleChannels } from "../../domain/plan-snapshot.ts";
import type { Role } from "../../domain/role.ts";

export type GroupCategory =
  "technicians" | "supervisors" | "managers" | "noc" | "customer_service" | "all";

export type SeedRule = {
  /** Unique; the rule's id comes from it. */
  readonly name: string;
  readonly type: string;
  readonly conditions: Readonly<Record<string, unknown>>;
  readonly audience: readonly RuleAudience[];
  readonly groupCategories: readonly GroupCategory[];
  /** The groups are told in the first step, whatever the priority. */
  readonly primary: boolean;
  readonly channels: RuleChannels;
};

const ASSIGNEE: RuleAudience = { kind: "assignee", role: null, zone: "request" };
const CUSTOMER: RuleAudience = { kind: "customer", role: null, zone: "request" };
const OPERATORS: RuleAudience = { kind: "operators", role: null, zone: "request" };

function onDuty(role: Role): RuleAudience {
  return { kind: "on_duty", role, zone: "request" };
}

function everyone(role: Role, zone: "request" | "all"): RuleAudience {
  return { kind: "role", role, zone };
}

const AS_POLICY: RuleChannels = { add: [], remove: [], only: null };
const IN_APP_ONLY: RuleChannels = { add: [], remove: [], only: ["in_app"] };
const EMAIL_ONLY: RuleChannels = { add: [], remove: [], only: ["email"] };
const NO_EMAIL: RuleChannels = { add: [], remove: ["email"], only: null };
const EMAIL_TOO: RuleChannels = { add: ["email"], remove: [], only: null };
const NO_INBOX: RuleChannels = { add: [], remove: ["in_app"], only: null };
/** Low priority rings no phone by itself; these messages are for people who have nothing else. */
const WHATSAPP_NO_INBOX: RuleChannels = {
  add: ["whatsapp_personal"],
  remove: ["in_app"],
  only: null,
};

function persons(
  type: string,
  part: string,
  audience: readonly RuleAudience[],
  channels: RuleChannels = AS_POLICY,
): SeedRule {
  return {
    name: `${type}/${part}`,
    type,
    conditions: {},
    audience,
    groupCategories: [],
    primary: false,
    channels,
  };
}

function groups(
  type: string,
  rank: "primary" | "other",
  groupCategories: readonly GroupCategory[],
): SeedRule {
  return {
    name: `${type}/${rank} groups`,
    type,
    conditions: {},
    audience: [],
    groupCategories,
    primary: rank === "primary",
    channels: AS_POLICY,
  };
}

export const RULES: readonly SeedRule[] = [
  persons("ticket_assigned", "assignee", [ASSIGNEE], EMAIL_TOO),

  persons("ticket_urgent", "assignee", [ASSIGNEE]),
  persons("ticket_urgent", "supervisors' inbox", [everyone("supervisor", "request")], IN_APP_ONLY),
  groups("ticket_urgent", "primary", ["supervisors"]),

  persons("ticket_status_changed", "assignee", [ASSIGNEE]),
  persons("ticket_status_changed", "customer", [CUSTOMER], NO_INBOX),

  persons("new_ticket", "technicians' inbox", [everyone("technician", "request")], IN_APP_ONLY),
  groups("new_ticket", "primary", ["technicians"]),

  persons("sla_warning", "assignee", [ASSIGNEE]),
  persons("sla_warning", "supervisors' inbox", [everyone("supervisor", "request")], IN_APP_ONLY),
  groups("sla_warning", "other", ["supervisors"]),

  persons("sla_breach", "supervisor", [onDuty("supervisor")]),
  persons("sla_breach", "supervisors' inbox", [everyone("supervisor", "request")], IN_APP_ONLY),
  groups("sla_breach", "primary", ["supervisors"]),

  persons("escalation", "supervisor", [onDuty("supervisor")]),

  persons("registration_approved", "customer", [CUSTOMER], {
    add: ["email"],
    remove: ["in_app"],
    only: null,
  }),

  persons(
    "new_registration",
    "customer service's inbox",
    [everyone("customer_service", "all")],
    IN_APP_ONLY,
  ),
  groups("new_registration", "primary", ["customer_service"]),
  persons(
    "customer_complaint",
    "customer service's inbox",
    [everyone("customer_service", "all")],
    IN_APP_ONLY,
  ),
  groups("customer_complaint", "primary", ["customer_service"]),

  persons("payment_received", "customer", [CUSTOMER], NO_INBOX),
  persons("invoice_reminder", "customer", [CUSTOMER], NO_INBOX),
  persons("service_update", "customer", [CUSTOMER], NO_INBOX),

  persons("installation_schedule", "customer", [CUSTOMER], WHATSAPP_NO_INBOX),
  persons("maintenance", "customer", [CUSTOMER], WHATSAPP_NO_INBOX),
  persons("welcome", "customer", [CUSTOMER], WHATSAPP_NO_INBOX),
  persons("satisfaction_survey", "customer", [CUSTOMER], WHATSAPP_NO_INBOX),
  persons("upgrade_offer", "customer", [CUSTOMER], WHATSAPP_NO_INBOX),
  persons("promotion", "customer", [CUSTOMER], WHATSAPP_NO_INBOX),

  persons("system_alert", "noc", [onDuty("noc")], NO_EMAIL),
  persons("system_alert", "admins' inbox", [everyone("admin", "all")], IN_APP_ONLY),
  groups("system_alert", "primary", ["noc"]),

  persons("outage", "noc", [onDuty("noc")]),
  persons(
    "outage",
    "noc's and admins' inbox",
    [everyone("noc", "all"), everyone("admin", "all")],
    IN_APP_ONLY,
  ),
  groups("outage", "primary", ["noc"]),
  groups("outage", "other", ["technicians", "supervisors"]),

  persons("critical_incident", "noc and supervisor", [onDuty("noc"), onDuty("supervisor")]),
  persons("critical_incident", "admins' inbox", [everyone("admin", "all")], IN_APP_ONLY),
  groups("critical_incident", "primary", ["noc"]),
  groups("critical_incident", "other", ["supervisors"]),

  persons("kpi_alert", "managers", [everyone("manager", "all")], NO_EMAIL),
  persons("performance_issue", "managers", [everyone("manager", "all")], NO_EMAIL),

  persons(
    "daily_summary",
    "report",
    [everyone("manager", "all"), everyone("supervisor", "all")],
    EMAIL_ONLY,
  ),
  groups("daily_summary", "primary", ["managers", "supervisors"]),

  persons("weekly_report", "report", [everyone("manager", "all")], EMAIL_ONLY),
  groups("weekly_report", "primary", ["managers"]),

  persons("technician_performance", "technician", [ASSIGNEE], {
    add: ["whatsapp_personal"],
    remove: ["in_app", "email"],
    only: null,
  }),

  persons("operator_notice", "operators", [OPERATORS]),
  persons("operator_notice", "admins' inbox", [everyone("admin", "all")], IN_APP_ONLY),
  groups("operator_notice", "primary", ["noc"]),
];
