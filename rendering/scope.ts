/**
 * The values that a template may name: what the request brought, over what Siaga knows of the ticket, the people and
 * the type. Acceptance and sending build the same scope, so a variable that is there at noon is there at 3 a.m.
 */
import type { Locale } from "../domain/locale.ts";
import { PRIORITIES } from "../domain/priority.ts";
import type { Priority } from "../domain/priority.ts";
import { durationText } from "./duration.ts";
import { inWordsOf } from "./notice.ts";
import { subjectOf } from "./subject.ts";
import { TEXTS } from "./texts.ts";
import { ticketUrl } from "./ticket-number.ts";
import type { TemplateData } from "./template.ts";

export type TicketFacts = {
  readonly id: string;
  readonly title: string | null;
  readonly category: string | null;
  readonly priority: string | null;
  readonly status: string | null;
  readonly slaHours: number | null;
  /** Epoch ms. */
  readonly deadlineAt: number | null;
  readonly locationText: string | null;
  readonly latitude: number | null;
  readonly longitude: number | null;
  readonly url: string | null;
};

export type ScopeFacts = {
  readonly type: { readonly code: string; readonly name: string };
  readonly priority: Priority;
  readonly zone: { readonly code: string; readonly name: string } | null;
  readonly category: string | null;
  /** The request's ticket id, whether or not the ticket is known. */
  readonly ticketId: string | null;
  readonly ticket: TicketFacts | null;
  readonly assigneeName: string | null;
  readonly customer: {
    readonly name: string | null;
    readonly externalId: string | null;
    readonly phone: string | null;
  } | null;
  /** The request's `data`. */
  readonly data: TemplateData;
  /** SIAGA_PORTAL_URL, without a slash at its end. */
  readonly portalUrl: string | null;
  readonly locale: Locale;
  /** Epoch ms of the sending, for `remaining_time`; left out where only the names matter. */
  readonly now?: number;
};

/** Names that a template may count on being looked for beside the request's own data; for the editor's list. */
export const DERIVED_VARIABLES = [
  "type",
  "priority",
  "zone",
  "zone_code",
  "category",
  "ticket_id",
  "ticket_title",
  "ticket_url",
  "issue_type",
  "status",
  "sla_hours",
  "sla_deadline",
  "remaining_time",
  "location",
  "address",
  "map_url",
  "technician_name",
  "customer_name",
  "customer_id",
  "customer_phone",
  "subject_line",
] as const;

/**
 * Values by name; unknown ones are absent. Data in camelCase is found under its snake_case name too (`customerName` as
 * `customer_name`). Coordinates, as an object or as text, become a map link; what has a word for each language is
 * said in this one.
 */
export function templateScope(facts: ScopeFacts): TemplateData {
  const given = Object.entries(facts.data).flatMap(([name, value]): [string, unknown][] => {
    if (value === null || value === undefined) return [];
    const printable = withMapLinks(inWordsOf(facts.locale, value));
    const snake = name.replace(/(?<=[a-z0-9])[A-Z]/gu, (letter) => `_${letter}`).toLowerCase();
    return snake === name
      ? [[name, printable]]
      : [
          [snake, printable],
          [name, printable],
        ];
  });
  const data: TemplateData = Object.fromEntries(given);
  const derived = derivedValues(facts, data);
  const scope = { ...derived, ...data };
  return { ...scope, subject_line: subjectOf(scope) };
}

function derivedValues(facts: ScopeFacts, data: TemplateData): TemplateData {
  const { ticket, customer, zone, locale } = facts;
  const ticketId = ticket?.id ?? facts.ticketId ?? textOf(data["ticket_id"]);
  const deadline = ticket?.deadlineAt ?? instantOf(data["sla_deadline"]);
  const coordinates = coordinatesOf(data) ?? (ticket === null ? null : coordinatesOf(ticket));
  return withoutAbsent({
    type: facts.type.name,
    priority: priorityLabel(ticket?.priority ?? facts.priority, locale),
    zone: zone?.name,
    zone_code: zone?.code,
    category: facts.category ?? ticket?.category,
    ticket_id: ticketId,
    ticket_title: ticket?.title,
    ticket_url: ticketUrl(ticketId, ticket?.url ?? null, facts.portalUrl),
    issue_type: ticket?.title ?? facts.category ?? ticket?.category,
    status: ticket?.status,
    sla_hours: ticket?.slaHours,
    sla_deadline: ticket?.deadlineAt,
    remaining_time:
      deadline === null || facts.now === undefined
        ? null
        : durationText(deadline - facts.now, locale),
    location: ticket?.locationText,
    address: coordinates === null ? null : mapLink(coordinates),
    map_url: coordinates === null ? null : mapLink(coordinates),
    technician_name: facts.assigneeName,
    customer_name: customer?.name,
    customer_id: customer?.externalId,
    customer_phone: customer?.phone,
  });
}

type Coordinates = { readonly latitude: number; readonly longitude: number };

const COORDINATE_PAIR = /^\s*(-?\d{1,2}\.\d{2,})\s*[,;]\s*(-?\d{1,3}\.\d{2,})\s*$/u;

/** Google's own form of a link to a point, which opens the map application on phones (developers.google.com/maps/documentation/urls). */
export function mapLink({ latitude, longitude }: Coordinates): string {
  return `https://www.google.com/maps/search/?api=1&query=${latitude},${longitude}`;
}

function withMapLinks(value: unknown): unknown {
  if (typeof value === "string") {
    const pair = COORDINATE_PAIR.exec(value);
    if (pair === null) return value;
    const coordinates = { latitude: Number(pair[1]), longitude: Number(pair[2]) };
    return isOnEarth(coordinates) ? mapLink(coordinates) : value;
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  const coordinates = coordinatesOf(value);
  if (coordinates === null) return value;
  const label = "name" in value ? value.name : "text" in value ? value.text : null;
  return typeof label === "string" && label !== ""
    ? `${label} ${mapLink(coordinates)}`
    : mapLink(coordinates);
}

function coordinatesOf(value: object): Coordinates | null {
  if (!("latitude" in value) || !("longitude" in value)) return null;
  const { latitude, longitude } = value;
  if (typeof latitude !== "number" || typeof longitude !== "number") return null;
  return isOnEarth({ latitude, longitude }) ? { latitude, longitude } : null;
}

function isOnEarth({ latitude, longitude }: Coordinates): boolean {
  return Math.abs(latitude) <= 90 && Math.abs(longitude) <= 180;
}

function priorityLabel(priority: string, locale: Locale): string {
  const known = PRIORITIES.find((name) => name === priority);
  return known === undefined ? priority : TEXTS[locale].priority[known];
}

/** Epoch ms from ISO 8601 with an offset, or from epoch ms; null for words like "hari ini". */
function instantOf(value: unknown): number | null {
  if (typeof value === "number") return value;
  if (typeof value !== "string" || !/T.*(Z|[+-]\d{2}:\d{2})$/u.test(value)) return null;
  const instant = Date.parse(value);
  return Number.isNaN(instant) ? null : instant;
}

function textOf(value: unknown): string | null {
  return typeof value === "string" || typeof value === "number" ? String(value) : null;
}

function withoutAbsent(values: TemplateData): TemplateData {
  return Object.fromEntries(
    Object.entries(values).filter(([, value]) => value !== null && value !== undefined),
  );
}
