import { beforeAll, describe, expect, it } from "vitest";

import { insertAccount, insertUser } from "../support/rows.ts";
import { objectAt, problemsOf, useApi } from "./harness.ts";

const api = useApi();

const PHOTO = { kind: "image", url: "https://files.example/odp.jpg" } as const;
const PLACE = { kind: "location", latitude: -6.3, longitude: 107.3, name: "POP" } as const;

let userId = "";
beforeAll(async () => {
  ({ id: userId } = await insertUser(api().pool, { role: "noc" }));
  await insertAccount(api().pool, { provider: "fonnte" });
});

function create(attachments: unknown, path = "/v1/notifications") {
  return api().request("POST", path, {
    body: {
      type: "outage",
      zone: "karawang",
      data: { location: "POP Klari" },
      recipients: { userIds: [userId] },
      attachments,
    },
  });
}

describe("attachments", () => {
  it("are stored and shown with what was not given as null", async () => {
    const accepted = await create([PHOTO, PLACE]);
    expect(accepted.status, accepted.text).toBe(202);
    const id = String(accepted.body["id"]);
    const { body } = await api().request("GET", `/v1/notifications/${id}`);
    expect(body["attachments"]).toEqual([
      { ...PHOTO, fileName: null },
      { ...PLACE, address: null },
    ]);
    const list = await api().request("GET", "/v1/notifications?limit=1");
    expect(objectAt(list.body, "items", 0, "attachments")).toEqual(body["attachments"]);
  });

  it("are none when none are given", async () => {
    const { body } = await api().request("GET", `/v1/notifications/${await api().accept()}`);
    expect(body["attachments"]).toEqual([]);
  });

  it("belong to what a key stands for", async () => {
    const send = (attachments: unknown) =>
      api().request("POST", "/v1/notifications", {
        body: {
          type: "outage",
          recipients: { userIds: [userId] },
          data: { location: "x" },
          attachments,
        },
        headers: { "Idempotency-Key": "with-a-picture" },
      });
    expect((await send([PHOTO])).status).toBe(202);
    expect((await send([PHOTO])).status, "the same once more").toBe(202);
    expect((await send([PLACE])).status, "another one").toBe(422);
  });

  it("are explained by channel: seen in the message, as a link, or left out", async () => {
    const { status, body, text } = await create([PHOTO, PLACE], "/v1/notifications/explain");
    expect(status, text).toBe(200);
    const channels = [
      { channel: "whatsapp_personal", as: "media" },
      { channel: "whatsapp_group", as: "link" },
      { channel: "in_app", as: "link" },
    ];
    expect(body["attachments"]).toEqual([
      { kind: "image", channels },
      { kind: "location", channels },
    ]);
    const without = await create([], "/v1/notifications/explain");
    expect(without.body).not.toHaveProperty("attachments");
  });

  it.each<[unknown, readonly string[], string]>([
    [[{ kind: "image" }], ["attachments.0.url: required"], "no address"],
    [[PHOTO, { kind: "video", url: PHOTO.url }], ["attachments.1.kind: invalid"], "no such kind"],
    [[{ ...PHOTO, name: "x" }], ["attachments.0.name: unknown_field"], "no such field"],
    [
      [{ kind: "location", latitude: 91, longitude: 181 }],
      ["attachments.0.latitude: too_large", "attachments.0.longitude: too_large"],
      "not on earth",
    ],
    [Array.from({ length: 6 }, () => PHOTO), ["attachments: too_large"], "too many"],
    [[{ ...PHOTO, url: "http://files.example/" }], ["attachments.0.url: invalid"], "not encrypted"],
    [[{ ...PHOTO, url: "http://127.0.0.1/" }], ["attachments.0.url: invalid"], "this machine"],
    [[{ ...PHOTO, url: "https://10.0.0.1/" }], ["attachments.0.url: invalid"], "inside"],
    [[{ ...PHOTO, url: "https://0x0a000001/" }], ["attachments.0.url: invalid"], "inside, in hex"],
    [[{ ...PHOTO, url: "https://[::ffff:10.0.0.1]/" }], ["attachments.0.url: invalid"], "inside"],
    [
      [{ ...PHOTO, url: "https://a:b@files.example/" }],
      ["attachments.0.url: invalid"],
      "a password",
    ],
    [[{ ...PHOTO, url: "odp.jpg" }], ["attachments.0.url: invalid"], "no address at all"],
  ])("%j → 422 %j: %s", async (attachments, expected, _why) => {
    const answer = await create(attachments);
    expect(answer.status, answer.text).toBe(422);
    expect(problemsOf(answer)).toEqual(expected);
  });

  it("that no account on the ladder can carry are refused by their kind", async () => {
    const { rows } = await api().pool.query<{ id: string }>("select id from provider_accounts");
    const answer = await api().request("POST", "/v1/notifications", {
      body: {
        type: "outage",
        data: { location: "POP Klari" },
        recipients: { userIds: [userId] },
        avoidAccountIds: rows.map(({ id }) => id),
        attachments: [PHOTO],
      },
    });
    expect(answer.status, answer.text).toBe(422);
    expect(problemsOf(answer)).toEqual(["attachments.0.kind: not_available"]);
  });
});
