import { describe, expect, it } from "vitest";
import { DERIVED_VARIABLES, mapLink, templateScope } from "../../rendering/scope.ts";
import type { ScopeFacts, TicketFacts } from "../../rendering/scope.ts";

const TICKET: TicketFacts = {
  id: "TKT-1042",
  title: "Internet mati total",
  category: "repair",
  priority: "high",
  status: "assigned",
  slaHours: 4,
  deadlineAt: Date.UTC(2025, 9, 15, 11),
  locationText: "Karawang",
  latitude: -6.3636,
  longitude: 107.3081,
  url: null,
};

function facts(changes: Partial<ScopeFacts> = {}): ScopeFacts {
  return {
    type: { code: "ticket_assigned", name: "Tiket ditugaskan" },
    priority: "medium",
    zone: { code: "karawang", name: "Karawang" },
    category: null,
    ticketId: "TKT-1042",
    ticket: TICKET,
    assigneeName: "Ahmad Contoh",
    customer: { name: "PT. ABC Contoh", externalId: "C-1", phone: "+6281234000071" },
    data: {},
    portalUrl: "https://portal.example",
    locale: "id",
    ...changes,
  };
}

describe("what a template may name", () => {
  it("is everything that is known of ticket, people and type", () => {
    const scope = templateScope(facts({ now: Date.UTC(2025, 9, 15, 9) }));
    expect(scope).toEqual({
      type: "Tiket ditugaskan",
      priority: "Tinggi",
      zone: "Karawang",
      zone_code: "karawang",
      category: "repair",
      ticket_id: "TKT-1042",
      ticket_title: "Internet mati total",
      ticket_url: "https://portal.example/tickets/TKT-1042",
      issue_type: "Internet mati total",
      status: "assigned",
      sla_hours: 4,
      sla_deadline: TICKET.deadlineAt,
      remaining_time: "2 jam",
      location: "Karawang",
      address: mapLink({ latitude: -6.3636, longitude: 107.3081 }),
      map_url: "https://www.google.com/maps/search/?api=1&query=-6.3636,107.3081",
      technician_name: "Ahmad Contoh",
      customer_name: "PT. ABC Contoh",
      customer_id: "C-1",
      customer_phone: "+6281234000071",
      subject_line: "Tiket ditugaskan TKT-1042, Karawang",
    });
    expect(Object.keys(scope).sort()).toEqual([...DERIVED_VARIABLES].sort());
  });

  it("lacks what nobody knows", () => {
    const scope = templateScope(
      facts({ zone: null, ticketId: null, ticket: null, assigneeName: null, customer: null }),
    );
    expect(Object.keys(scope).sort()).toEqual(["priority", "subject_line", "type"]);
  });

  it("takes the request's own words before what is known", () => {
    const scope = templateScope(facts({ data: { location: "Gerbang timur", priority: "High" } }));
    expect(scope).toMatchObject({ location: "Gerbang timur", priority: "High" });
  });

  it("ignores a null in the request", () => {
    expect(templateScope(facts({ data: { location: null } }))["location"]).toBe("Karawang");
  });

  it("finds camelCase data under its snake_case name", () => {
    expect(templateScope(facts({ data: { customerName: "Toko" } }))).toMatchObject({
      customer_name: "Toko",
      customerName: "Toko",
    });
  });

  it.each<{ data: ScopeFacts["data"]; url: string | undefined; reason: string }>([
    { data: {}, url: undefined, reason: "unknown" },
    { data: { latitude: -6.3, longitude: 107.3 }, url: "-6.3,107.3", reason: "in the data" },
    { data: { latitude: 91, longitude: 0 }, url: undefined, reason: "not on earth" },
    { data: { latitude: 90, longitude: -180 }, url: "90,-180", reason: "at the edge of the map" },
    { data: { latitude: "-6.3", longitude: "107.3" }, url: undefined, reason: "text is no number" },
  ])("links a map to $url when coordinates are $reason", ({ data, url }) => {
    const shown = templateScope(facts({ ticket: null, data }))["map_url"];
    expect(shown).toBe(url && `https://www.google.com/maps/search/?api=1&query=${url}`);
  });

  it.each<{ location: unknown; shown: string; reason: string }>([
    {
      location: "-6.3636, 107.3081",
      shown: "https://www.google.com/maps/search/?api=1&query=-6.3636,107.3081",
      reason: "a pair of coordinates",
    },
    {
      location: { name: "POP Klari", latitude: -6.3, longitude: 107.3 },
      shown: "POP Klari https://www.google.com/maps/search/?api=1&query=-6.3,107.3",
      reason: "a named place",
    },
    { location: "Blok 6.30, 107", shown: "Blok 6.30, 107", reason: "an address with numbers" },
    { location: "99.12, 200.50", shown: "99.12, 200.50", reason: "not on earth" },
  ])("shows a location that is $reason as $shown", ({ location, shown }) => {
    expect(templateScope(facts({ data: { location } }))["location"]).toBe(shown);
  });

  it.each<{
    id: string | null;
    url: string | null;
    portal: string | null;
    link: unknown;
    reason: string;
  }>([
    {
      id: "TKT-1",
      url: null,
      portal: "https://p.example",
      link: "https://p.example/tickets/TKT-1",
      reason: "below the portal",
    },
    {
      id: "1/2",
      url: null,
      portal: "https://p.example",
      link: "https://p.example/tickets/TKT1%2F2",
      reason: "a strange id stays one part of the path",
    },
    {
      id: "TKT-1",
      url: "https://t.example/1",
      portal: "https://p.example",
      link: "https://t.example/1",
      reason: "the ticket system's own",
    },
    {
      id: "TKT-1",
      url: "javascript:alert(1)",
      portal: "https://p.example",
      link: "https://p.example/tickets/TKT-1",
      reason: "no web address",
    },
    { id: "TKT-1", url: null, portal: null, link: undefined, reason: "no portal" },
    { id: null, url: null, portal: "https://p.example", link: undefined, reason: "no ticket" },
  ])("links to the ticket: $reason", ({ id, url, portal, link }) => {
    const ticket = id === null ? null : { ...TICKET, id, url };
    const scope = templateScope(facts({ ticketId: id, ticket, portalUrl: portal }));
    expect(scope["ticket_url"]).toBe(link);
  });

  it.each<{ minutes: number; text: string }>([
    { minutes: -1, text: "0 menit" },
    { minutes: 0, text: "0 menit" },
    { minutes: 45, text: "45 menit" },
    { minutes: 60, text: "1 jam" },
    { minutes: 135, text: "2 jam 15 menit" },
    { minutes: 1_440 + 180 + 5, text: "1 hari 3 jam" },
    { minutes: 1_440 + 5, text: "1 hari" },
  ])("tells $minutes minutes to the deadline as $text", ({ minutes, text }) => {
    const now = Date.UTC(2025, 9, 15, 11) - minutes * 60_000;
    expect(templateScope(facts({ now }))["remaining_time"]).toBe(text);
  });

  it("works out the time left from a deadline in the data", () => {
    const data = { sla_deadline: "2025-10-15T18:00:00+07:00" };
    const scope = templateScope(facts({ ticket: null, data, now: Date.UTC(2025, 9, 15, 9) }));
    expect(scope["remaining_time"]).toBe("2 jam");
  });
});
