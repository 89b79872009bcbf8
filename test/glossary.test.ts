import { readFile } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import { CHANNELS, isPhoneChannel } from "../domain/channel.ts";
import { DELIVERY_STATUSES } from "../domain/delivery.ts";
import { HANDLING_REFUSALS, INBOUND_STATES } from "../domain/inbound.ts";
import {
  ACT_REFUSALS,
  ACTS,
  ANSWERS,
  NOTIFICATION_STATUSES,
  OUTCOMES,
  STEERING_ACTS,
  STOP_ACTS,
  UNANSWERED_OUTCOMES,
} from "../domain/notification.ts";
import { PRIORITIES, PRIORITY_KEYS } from "../domain/priority.ts";
import { TEMPLATE_FAULTS } from "../domain/provider-template.ts";
import { RESULT_KINDS } from "../domain/result-kind.ts";
import { roleRank, ROLES } from "../domain/role.ts";

/** docs/glossary.md is the public copy of the code's closed sets; whoever changes a set changes its table. */

const glossary = await readFile(new URL("../docs/glossary.md", import.meta.url), "utf8");

/** The text below a heading of the second level, up to the next one. */
function section(heading: string): string {
  const parts = glossary.split(/^## /m).slice(1);
  const found = parts.find((part) => part.startsWith(`${heading}\n`));
  if (found === undefined) throw new Error(`docs/glossary.md has no section ${heading}`);
  return found;
}

/** Rows of the section's table, without its head, as cells. */
function rows(heading: string): readonly (readonly string[])[] {
  return section(heading)
    .split("\n")
    .filter((line) => line.startsWith("| `"))
    .map((line) =>
      line
        .slice(1, -1)
        .split("|")
        .map((cell) => cell.trim()),
    );
}

function words(heading: string): readonly string[] {
  return rows(heading).map(([first = ""]) => first.replaceAll("`", ""));
}

describe("the glossary lists exactly", () => {
  const sets: readonly (readonly [string, readonly string[]])[] = [
    ["Notification status", NOTIFICATION_STATUSES],
    ["Outcome", OUTCOMES],
    ["Answer", ANSWERS],
    ["Act", ACTS],
    ["Why an act was not applied", ACT_REFUSALS],
    ["Inbound state", INBOUND_STATES],
    ["Why an inbound message was not handled", HANDLING_REFUSALS],
    ["Why a template can't be sent", TEMPLATE_FAULTS],
    ["Delivery status", DELIVERY_STATUSES],
    ["Result kind", RESULT_KINDS],
    ["Channels", CHANNELS],
    ["Priorities", PRIORITIES],
    ["Roles", ROLES],
  ];

  test.each(sets)("%s", (heading, constants) => {
    expect(words(heading)).toEqual([...constants]);
  });

  test("every kind of act as the code sorts it", () => {
    const kinds = rows("Act").map(([act = "", kind = ""]) => [act.replaceAll("`", ""), kind]);
    expect(kinds).toEqual([
      ...STOP_ACTS.map((act) => [act, "stop"]),
      ...STEERING_ACTS.map((act) => [act, "steering"]),
      ["rate", "record"],
      ["close", "record"],
    ]);
  });

  test("the outcomes that count as unanswered", () => {
    const sentence = /^(.+) are the \*unanswered\* outcomes/m.exec(section("Outcome"))?.[1] ?? "";
    const named = [...sentence.matchAll(/`(\w+)`/g)].map((match) => match[1]);
    expect(named).toEqual([...UNANSWERED_OUTCOMES]);
  });

  test("which channels ring a phone, each priority's key and each role's rank", () => {
    expect(rows("Channels").map(([, rings]) => rings)).toEqual(
      CHANNELS.map((channel) => (isPhoneChannel(channel) ? "yes" : "no")),
    );
    expect(rows("Priorities").map(([, key]) => key)).toEqual(
      PRIORITIES.map((priority) => String(PRIORITY_KEYS[priority])),
    );
    expect(rows("Roles").map(([, rank]) => rank)).toEqual(
      ROLES.map((role) => (roleRank(role) === 0 ? "none" : String(roleRank(role)))),
    );
  });
});
