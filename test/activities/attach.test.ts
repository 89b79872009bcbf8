import { describe, expect, it } from "vitest";

import type { StoredAttachment } from "../../domain/attachment.ts";
import { ProviderError } from "../../providers/errors.ts";
import { FileUnavailable } from "../../providers/file-client.ts";
import type { FileClient, FileRequest } from "../../providers/file-client.ts";
import type { OutboundMessage } from "../../providers/provider.ts";
import { useFreshDatabase } from "../support/database.ts";
import { deliverWorker, firstMessage, takenAs } from "../support/deliver-worker.ts";
import {
  insertAccount,
  insertNotificationRow,
  insertPolicy,
  insertTarget,
  insertType,
  insertUser,
} from "../support/rows.ts";

const database = useFreshDatabase();

const PHOTO = { kind: "image", url: "https://files.example/odp.jpg", fileName: null } as const;
const PLACE = {
  kind: "location",
  latitude: -6.3,
  longitude: 107.3,
  name: null,
  address: null,
} as const;
const BYTES = { bytes: new Uint8Array([1, 2, 3]), contentType: "image/jpeg" };

interface Told {
  readonly sent: readonly OutboundMessage[];
  readonly asked: readonly string[];
  /** As the record has it after each try. */
  readonly shown: readonly unknown[];
}

interface Scene {
  readonly provider: string;
  readonly attachments: readonly StoredAttachment[];
  readonly body?: string;
  /** The person wrote to the account a moment ago. */
  readonly isWindowOpen?: boolean;
  readonly file?: FileUnavailable;
  /** What the vendor says, one for each try; afterwards it accepts. */
  readonly answers?: readonly ProviderError[];
  readonly tries?: number;
}

async function tell(scene: Scene): Promise<Told> {
  const { attachments, provider, tries = 1 } = scene;
  const { pool } = database();
  const type = await insertType(pool);
  if (scene.body !== undefined) {
    await pool.query("update templates set body = $2 where type = $1", [type, scene.body]);
  }
  const policyId = await insertPolicy(pool);
  const notificationId = await insertNotificationRow(pool, { type, policyId });
  await pool.query("update notifications set attachments = $2 where id = $1", [
    notificationId,
    JSON.stringify(attachments),
  ]);
  const user = await insertUser(pool);
  await insertTarget(pool, notificationId, { target: user.id });
  const deviceKey = `device-${notificationId}`;
  const accountId = await insertAccount(pool, { provider, deviceKey });
  if (scene.isWindowOpen === true) {
    await pool.query(
      "insert into contact_windows (device_key, address, last_inbound_at) values ($1, $2, now())",
      [deviceKey, user.phone],
    );
  }
  const sent: OutboundMessage[] = [];
  const asked: string[] = [];
  const answers = [...(scene.answers ?? [])];
  const deliver = worker(sent, answers, filesOf(asked, scene.file));
  const shown: unknown[] = [];
  for (let done = 0; done < tries; done += 1) {
    const end = deliver(
      firstMessage({ notificationId, target: user.id, accountId }, "whatsapp_personal"),
    );
    await (done < tries - 1 ? expect(end).rejects.toThrow() : end);
    const { rows } = await pool.query<{ attachments: unknown }>(
      "select attachments from deliveries where notification_id = $1",
      [notificationId],
    );
    shown.push(rows[0]?.attachments);
  }
  return { sent, asked, shown };
}

function worker(sent: OutboundMessage[], answers: ProviderError[], files: FileClient) {
  const answer = (message: OutboundMessage) => {
    sent.push(message);
    const failure = answers.shift();
    return failure === undefined
      ? Promise.resolve(takenAs(`vendor-${Math.random()}`))
      : Promise.reject(failure);
  };
  return deliverWorker(database().pool, answer, { files });
}

function filesOf(asked: string[], failure: FileUnavailable | undefined): FileClient {
  const ask = (way: string, { bytesMax, kind }: FileRequest): Promise<void> => {
    asked.push(`${way} ${kind} ${bytesMax}`);
    return failure === undefined ? Promise.resolve() : Promise.reject(failure);
  };
  return {
    check: (request) => ask("check", request),
    fetch: async (request) => {
      await ask("fetch", request);
      return BYTES;
    },
  };
}

function refusal(reason: "media" | "unsupported_content" | "no_connection"): ProviderError {
  const isMedia = reason !== "no_connection";
  return new ProviderError({
    provider: "fonnte",
    attempted: "send a message",
    kind: isMedia ? "rejected" : "unavailable",
    scope: isMedia ? "recipient" : "account",
    reason,
  });
}

describe("what is attached", () => {
  it.each<[Scene, object, readonly string[], string, string]>([
    [
      { provider: "fonnte", attachments: [PHOTO] },
      { attachment: { ...PHOTO, fileName: "odp.jpg", content: null }, text: "Halo" },
      ["check image 4000000"],
      "media null",
      "the vendor fetches it",
    ],
    [
      { provider: "gowa", attachments: [PHOTO] },
      { attachment: { ...PHOTO, fileName: "odp.jpg", content: BYTES }, text: "Halo" },
      ["fetch image 4000000"],
      "media null",
      "a gateway is handed its bytes",
    ],
    [
      { provider: "wablas", attachments: [{ ...PHOTO, kind: "document", fileName: "a.pdf" }] },
      { attachment: { kind: "document", url: PHOTO.url, fileName: "a.pdf", content: null } },
      ["check document 2000000"],
      "media null",
      "this vendor takes less",
    ],
    [
      { provider: "meta", attachments: [PHOTO], isWindowOpen: true },
      { attachment: { kind: "image", url: PHOTO.url }, isWindowOpen: true },
      ["check image 5000000"],
      "media null",
      "the person's 24 hours are open",
    ],
    [
      { provider: "woowa", attachments: [{ ...PHOTO, kind: "document" }, PHOTO] },
      { attachment: { kind: "image" }, text: `Halo\n\nLampiran: ${PHOTO.url}` },
      ["check image 4000000"],
      "link null, media null",
      "the first that the vendor takes",
    ],
    [
      { provider: "waha", attachments: [PLACE] },
      { text: expect.stringContaining("Lokasi: https://www.google.com/maps/") as string },
      [],
      "link null",
      "a pin goes alone",
    ],
    [
      { provider: "fonnte", attachments: [PLACE] },
      { attachment: PLACE, text: "Halo" },
      [],
      "media null",
      "a pin beside a text",
    ],
    [
      { provider: "gowa", attachments: [PHOTO], body: "x".repeat(1_024) },
      { attachment: { kind: "image" } },
      ["fetch image 4000000"],
      "media null",
      "a text at the limit below a picture",
    ],
    [
      { provider: "gowa", attachments: [PHOTO], body: "x".repeat(1_025) },
      { text: `${"x".repeat(1_025)}\n\nLampiran: ${PHOTO.url}` },
      [],
      "link text_too_long",
      "just above: the text is worth more",
    ],
    [
      { provider: "fonnte", attachments: [PHOTO, PLACE], file: new FileUnavailable("timeout") },
      { text: expect.stringContaining(`Lampiran: ${PHOTO.url}\nLokasi: `) as string },
      ["check image 4000000"],
      "link timeout, link null",
      "a file that can't be had",
    ],
    [{ provider: "fonnte", attachments: [] }, { text: "Halo" }, [], "", "nothing"],
  ])("%j goes as %j after %j: %s: %s", async (scene, message, asked, shown, _why) => {
    const told = await tell(scene);
    expect(told.sent).toHaveLength(1);
    expect(told.sent[0]).toMatchObject(message);
    if (!("attachment" in message)) expect(told.sent[0]).not.toHaveProperty("attachment");
    expect(told.asked).toEqual(asked);
    const [record] = told.shown;
    expect(record === null ? "" : inWords(record)).toBe(shown);
  });

  it.each(["media", "unsupported_content"] as const)(
    "that the vendor refuses for its %s goes as a link, and stays one when that fails too",
    async (reason) => {
      const { sent, shown } = await tell({
        provider: "fonnte",
        attachments: [PHOTO],
        answers: [refusal(reason), refusal("no_connection")],
        tries: 3,
      });
      expect(sent.map(({ attachment }) => attachment?.kind ?? null)).toEqual(["image", null, null]);
      expect(sent[2]?.text).toContain(PHOTO.url);
      expect(shown.map(inWords)).toEqual(Array(3).fill("link refused_by_vendor"));
    },
  );

  it("that the vendor refuses for another reason is tried as it was", async () => {
    const { sent } = await tell({
      provider: "fonnte",
      attachments: [PHOTO],
      answers: [refusal("no_connection")],
      tries: 2,
    });
    expect(sent.map(({ attachment }) => attachment?.kind)).toEqual(["image", "image"]);
  });
});

/** As the record has it: a list of how and why. */
function inWords(record: unknown): string {
  if (!Array.isArray(record)) throw new Error("the record says how each was shown");
  return record
    .map(({ as, reason }: { as: string; reason: string | null }) => `${as} ${reason}`)
    .join(", ");
}
