import { expect, it } from "vitest";

import { useWorld } from "../support/world.ts";

const world = useWorld();

it("a medium notification reaches the technician's phone and settles as delivered", async () => {
  const { call, vendors } = world();
  const accepted = await call("POST", "/v1/notifications", {
    type: "ticket_status_changed",
    ticketId: "TKT-1042",
    recipients: { userIds: ["ext:T-1"] },
    data: { status: "in_progress", previous_status: "assigned" },
  });
  expect(accepted.status, JSON.stringify(accepted.body)).toBe(202);
  const sent = await vendors.sandbox.log.waitFor((entry) => entry.kind === "message", {
    timeoutMs: 15_000,
  });
  expect(sent.accepted).toBe(true);
  const id = String(accepted.body["id"]);
  const settled = await world().settled(id);
  expect(settled["outcome"]).toBe("delivered");
});
