import { expect, it } from "vitest";

import { DEVICES, inWords, useStory } from "../support/story.ts";

const story = useStory();

it("a critical incident climbs from WhatsApp over groups and SMS to calls; a pressed key ends it for everybody who was told", async () => {
  const { world, policy, raise, person, told, toldOf, timeline, settled, act, happened, requests } =
    story();
  const { sandbox } = world.vendors;
  const [noc, silent, supervisor] = [await person("N-1"), await person("N-2"), await person("S-1")];
  // The device that is first in line accepts everything and sends nothing. One phone is off; one rings and rings; one is answered.
  sandbox.faults.add({ kind: "offline_queue", account: DEVICES.primary });
  await world.pool.query("update provider_accounts set receipt_deadline_seconds = 1");
  sandbox.phones.configure(silent.phone, { isOnline: false });
  sandbox.phones.configure(supervisor.phone, { calls: { kind: "ring" } });
  sandbox.phones.configure(noc.phone, {
    calls: { kind: "answer", keys: "1", afterMs: 20_000, keyAfterMs: 2_000 },
  });
  const policyId = await policy(
    {
      tracksResolution: true,
      resolutionSeconds: 600,
      steps: [
        {
          channels: ["whatsapp_personal", "in_app"],
          groups: "primary",
          windowSeconds: 4,
          undeliveredAfterSeconds: 3,
        },
        { channels: [], groups: "other", windowSeconds: 1 },
        { channels: ["sms"], windowSeconds: 1 },
        { channels: ["call"], windowSeconds: 6 },
      ],
    },
    "critical",
  );

  const id = await raise({ type: "critical_incident", policyId, data: { title: "Kebakaran" } });
  const acknowledged = await happened(id, ({ kind }) => kind === "acknowledged");
  await toldOf("whatsapp_personal N-1", 3);
  await toldOf("whatsapp_personal N-2", 3);
  await toldOf("whatsapp_personal S-1", 3);
  await toldOf("whatsapp_group G-NOC", 3);
  await toldOf("whatsapp_group G-SUPERVISOR", 2);

  expect(acknowledged).toMatchObject({ reason: "keypress", target: noc.id });
  const firstStep = [
    "whatsapp_group G-NOC",
    "whatsapp_personal N-1",
    "whatsapp_personal N-2",
    "whatsapp_personal S-1",
  ];
  const heard = [...told()];
  const stage = (length: number): readonly string[] => heard.splice(0, length).toSorted();
  expect(stage(4), "step 1, on the device that keeps everything").toEqual(firstStep);
  expect(stage(4), "step 1, on the next device").toEqual(firstStep);
  expect(stage(1), "whose phone is off gets its next channel at once").toEqual(["sms N-2"]);
  expect(stage(1), "step 2").toEqual(["whatsapp_group G-SUPERVISOR"]);
  expect(stage(2), "step 3 without whom it was pulled forward for").toEqual(["sms N-1", "sms S-1"]);
  expect(stage(3), "step 4").toEqual(["call N-1", "call N-2", "call S-1"]);
  expect(stage(5), "closing messages on the same chats").toEqual([
    "whatsapp_group G-NOC",
    "whatsapp_group G-SUPERVISOR",
    "whatsapp_personal N-1",
    "whatsapp_personal N-2",
    "whatsapp_personal S-1",
  ]);
  expect(heard).toEqual([]);

  const lines = await timeline(id);
  const of = (kind: string) => lines.filter((line) => line.kind === kind);
  expect(of("failed_over").map(({ reason }) => reason)).toEqual(
    Array.from({ length: 4 }, () => "no_sent_receipt"),
  );
  expect(of("pulled_forward")).toMatchObject([
    { target: silent.id, reason: "undelivered", detail: { toStep: 3, toChannel: "sms" } },
  ]);
  expect(of("step_ended").map(({ reason }) => reason)).toEqual([
    "window_elapsed",
    "window_elapsed",
    "window_elapsed",
  ]);
  const hungUp = sandbox.log.entries(({ kind, accepted }) => kind === "hangup" && accepted);
  expect(hungUp.map(({ to }) => to)).toEqual([supervisor.phone]);
  await happened(id, ({ kind }) => kind === "call_hung_up");
  const closings = requests().slice(-5);
  expect(
    closings.filter(({ accountId }) => accountId === DEVICES.primary).map(inWords),
    "a closing message takes the device that took the last message of its chat",
  ).toEqual(["whatsapp_group G-SUPERVISOR"]);

  await act(id, "resolve", { note: "Padam" });
  expect(await settled(id)).toMatchObject({ outcome: "resolved", status: "settled" });
  expect(told().slice(-5).toSorted(), "the same people hear that it is over").toEqual([
    "whatsapp_group G-NOC",
    "whatsapp_group G-SUPERVISOR",
    "whatsapp_personal N-1",
    "whatsapp_personal N-2",
    "whatsapp_personal S-1",
  ]);
  expect(told()).toHaveLength(25);
});
