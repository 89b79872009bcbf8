/**
 * The table of requirements section 1, written out by hand for one ticket of zone Karawang: who is told at which step. T-1 is the assigned technician, T-2 and T-3
 * are the zone's others, S-1 its supervisor, C-1 the customer.
 */
import { expect, test } from "vitest";

import { TYPES } from "../../db/seed/types.ts";
import { isPhoneChannel } from "../../domain/channel.ts";
import { planRun } from "../../domain/planner.ts";
import type { Plan } from "../../domain/planner.ts";
import { seededSnapshot, T0 } from "../support/plan-snapshot.ts";

/** "1.2" is pass 1, step 2, in person or in the group; "inbox 1.1" is nothing but a row there. */
type Table = Readonly<Record<string, Readonly<Record<string, string>>>>;

const CUSTOMER_ALONE = { "C-1": "1.1" };

const TOLD: Table = {
  ticket_assigned: { "T-1": "1.1", "G-TEKNISI-KARAWANG": "1.1", "S-1": "1.2" },
  ticket_urgent: { "T-1": "1.1", "G-SUPERVISOR": "1.1", "S-1": "1.3" },
  ticket_status_changed: { "T-1": "1.1", "C-1": "1.1" },
  new_ticket: {
    "G-TEKNISI-KARAWANG": "1.1",
    "T-1": "inbox 1.1",
    "T-2": "inbox 1.1",
    "T-3": "inbox 1.1",
    "S-1": "1.2",
  },
  sla_warning: { "T-1": "1.1", "G-SUPERVISOR": "1.2", "G-TEKNISI-KARAWANG": "1.2", "S-1": "1.3" },
  sla_breach: { "S-1": "1.1", "G-SUPERVISOR": "1.1", "M-1": "1.3", "M-2": "1.3" },
  escalation: { "S-1": "1.1", "G-SUPERVISOR": "1.2", "M-1": "1.3", "M-2": "1.3" },
  registration_approved: CUSTOMER_ALONE,
  new_registration: { "G-CS": "1.1", "CS-1": "inbox 1.1", "CS-2": "inbox 1.1" },
  customer_complaint: { "G-CS": "1.1", "CS-1": "inbox 1.1", "CS-2": "inbox 1.1" },
  payment_received: CUSTOMER_ALONE,
  invoice_reminder: CUSTOMER_ALONE,
  service_update: CUSTOMER_ALONE,
  installation_schedule: CUSTOMER_ALONE,
  maintenance: CUSTOMER_ALONE,
  welcome: CUSTOMER_ALONE,
  satisfaction_survey: CUSTOMER_ALONE,
  upgrade_offer: CUSTOMER_ALONE,
  promotion: CUSTOMER_ALONE,
  system_alert: {
    "N-1": "1.1",
    "N-2": "1.1",
    "G-NOC": "1.1",
    "A-1": "inbox 1.1",
    "S-1": "1.3",
  },
  outage: {
    "N-1": "1.1",
    "N-2": "1.1",
    "G-NOC": "1.1",
    "A-1": "inbox 1.1",
    "G-TEKNISI-KARAWANG": "1.2",
    "G-SUPERVISOR": "1.2",
    "S-1": "3.1",
    "M-1": "4.1",
    "M-2": "4.1",
  },
  critical_incident: {
    "N-1": "1.1",
    "N-2": "1.1",
    "S-1": "1.1",
    "G-NOC": "1.1",
    "A-1": "inbox 1.1",
    "G-SUPERVISOR": "1.2",
    "M-1": "3.1",
    "M-2": "3.1",
  },
  kpi_alert: { "M-1": "1.1", "M-2": "1.1", "G-MANAGEMENT": "1.1" },
  performance_issue: { "M-1": "1.1", "M-2": "1.1" },
  // The report itself goes by e-mail to those who want it; there is no e-mail provider yet.
  daily_summary: { "G-MANAGEMENT": "1.1", "G-SUPERVISOR": "1.1" },
  weekly_report: { "G-MANAGEMENT": "1.1" },
  technician_performance: { "T-1": "1.1" },
  operator_notice: {
    "N-1": "1.1",
    "N-2": "1.1",
    "G-NOC": "1.1",
    "A-1": "inbox 1.1",
    "S-1": "1.3",
  },
};

function toldIn(plan: Plan): Readonly<Record<string, string>> {
  const told: Record<string, string> = {};
  for (const { pass, step, targets } of plan.steps) {
    for (const target of targets) {
      const key = "userId" in target ? target.userId : target.groupId;
      const place = `${pass}.${step}`;
      if (target.channel === "whatsapp_group" || isPhoneChannel(target.channel)) {
        if (told[key]?.startsWith("inbox") !== false) told[key] = place;
      } else told[key] ??= `inbox ${place}`;
    }
  }
  return told;
}

/** One-time passwords and closing messages are never planned; a test message goes to whom its request names. */
const ROUTED = TYPES.map(({ code }) => code).filter(
  (code) => !["otp", "closing_message", "test_message"].includes(code),
);

test.each(ROUTED)("%s reaches the groups and roles of the table", (type) => {
  const snapshot = seededSnapshot(type, { assigneeId: "T-1", customerId: "C-1" });
  const { plan } = planRun(snapshot, T0);
  expect(toldIn(plan)).toEqual(TOLD[type]);
});

test("the table has a row for every seeded type and for no other", () => {
  expect(Object.keys(TOLD).sort()).toEqual(ROUTED.sort());
});

test("a zone without a technicians' group has its technicians told in person, and the supervisors' group", () => {
  const seeded = seededSnapshot("new_ticket");
  const groups = seeded.groups.filter(({ id }) => id !== "G-TEKNISI-KARAWANG");
  const { plan } = planRun({ ...seeded, groups }, T0);
  expect(toldIn(plan)).toEqual({
    "T-1": "1.1",
    "T-2": "1.1",
    "T-3": "1.1",
    "G-SUPERVISOR": "1.1",
    "S-1": "1.2",
  });
  expect(plan.warnings).toContainEqual({ code: "no_technicians_group", zone: "karawang" });
  expect(plan.recipients.map(({ because }) => because.at(-1)?.kind)).toEqual(
    Array(4).fill("no_technicians_group"),
  );
});
