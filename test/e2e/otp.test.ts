import { describe, expect, it } from "vitest";

import { useStory, type Story } from "../support/story.ts";

const story = useStory();

/** The run that tells the newest code. */
async function notificationOf({ world }: Story, phone: string): Promise<string> {
  const { rows } = await world.pool.query<{ id: string }>(
    "select notification_id as id from otp_challenges where phone = $1 and notification_id is not null order by created_at desc limit 1",
    [phone],
  );
  const [row] = rows;
  if (row === undefined) throw new Error("no notification tells a code");
  return row.id;
}

async function ask({ world }: Story, phone: string): Promise<string> {
  const { status, body } = await world.call("POST", "/v1/otp", { phone });
  expect(status, JSON.stringify(body)).toBe(202);
  return notificationOf(story(), phone);
}

function codeIn(text: string | null): string {
  const code = /\b\d{6}\b/.exec(text ?? "")?.[0];
  if (code === undefined) throw new Error("no code in the message");
  return code;
}

describe("a code", () => {
  it("goes by WhatsApp, proves the number, and works once", async () => {
    const { world, person, toldOf, settled, deliveries } = story();
    const { id: userId, phone } = await person("T-1");
    await world.pool.query(
      "update contacts set verified_at = null, verified_by = null where user_id = $1 and kind = 'phone'",
      [userId],
    );
    const id = await ask(story(), phone);
    const { text } = await toldOf("whatsapp_personal T-1");
    const code = codeIn(text);
    const right = await world.call("POST", "/v1/otp/verify", { phone, code });
    expect(right).toMatchObject({ status: 200, body: { verified: true, userId } });
    const again = await world.call("POST", "/v1/otp/verify", { phone, code });
    expect(again.body).toMatchObject({ verified: false, reason: "no_valid_code" });
    const { body } = await world.call("GET", `/v1/users/${userId}`);
    expect(body["contacts"]).toMatchObject([{ kind: "phone", verifiedBy: "otp" }, {}]);
    await settled(id);
    const [delivery] = await deliveries(id);
    expect(delivery?.message).toContain("xxxxxx");
    expect(delivery?.message).not.toContain(code);
  });
});
