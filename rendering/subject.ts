import { cutText } from "./cut.ts";
import { printValue } from "./printed-value.ts";
import type { TextStyle } from "./printed-value.ts";
import type { TemplateData } from "./template.ts";
import { ticketNumber } from "./ticket-number.ts";

/** A line of a list on a phone; more wraps and hides the next code. */
const SUBJECT_CHARS_MAX = 100;

/** What a notification is about, in a few words: "Gangguan massal, POP Klari". From the scope of `templateScope`. */
export function subjectOf(scope: TemplateData, style: TextStyle = "plain"): string {
  const print = (name: string): string => printValue(scope[name], style);
  const ticket = print("ticket_id");
  const what = [print("type"), ticket === "" ? "" : ticketNumber(ticket)];
  const where = print("location") || print("title") || print("zone");
  const subject = [what.filter((part) => part !== "").join(" "), where];
  return cutText(subject.filter((part) => part !== "").join(", "), SUBJECT_CHARS_MAX);
}
