import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";

import type { Logged, RequestEntry } from "../../providers/simulated/log.ts";
import {
  registerWaha,
  WAHA_API_KEY,
  WAHA_HMAC_KEY,
  WAHA_NUMBER,
} from "../providers/simulated/support.ts";
import { PNG, startFileServer } from "../support/file-server.ts";
import type { FileServer } from "../support/file-server.ts";
import { insertAccount } from "../support/rows.ts";
import { useStory } from "../support/story.ts";
import type { Story } from "../support/story.ts";

/** What is attached, as each channel shows it: in the message, as a link in its words, or not at all; a file that can't be had never costs the message. */
const story = useStory();

let files: FileServer;
beforeAll(async () => {
  files = await startFileServer();
});
afterAll(() => files.close());

const PICTURE = { headers: { "content-type": "image/png" }, body: PNG } as const;
const PLACE = { kind: "location", latitude: -6.3, longitude: 107.3, name: "POP Klari" } as const;
const MAP = "https://www.google.com/maps/search/?api=1&query=-6.3,107.3";

let photo: { readonly kind: "image"; readonly url: string };
let pictures = 0;
let hasGateway = false;
beforeEach(async () => {
  if (!hasGateway) await addGateway(story());
  hasGateway = true;
  // Answers are remembered for a while, so that each test has files of its own.
  pictures += 1;
  photo = { kind: "image", url: files.answer(`/odp-${pictures}.png`, PICTURE) };
});

interface Raised {
  readonly id: string;
  readonly message: Logged<RequestEntry>;
  readonly delivery: Readonly<Record<string, unknown>>;
}

/** Tells one person by one channel over this provider alone; answers what the vendor took and what the record says of it. */
async function tell(
  current: Story,
  attachments: readonly unknown[],
  by: {
    readonly provider: string;
    readonly channel?: "whatsapp_personal" | "sms" | "email";
    readonly windowSeconds?: number;
  },
): Promise<Raised> {
  const { channel = "whatsapp_personal", provider, windowSeconds = 2 } = by;
  const policyId = await current.policy(
    {
      settledBy: "sent",
      emailOnlyIfOptedIn: false,
      // What carries the attachment is on the ladder, though it is never reached.
      steps: [
        { channels: [channel], windowSeconds },
        { channels: ["whatsapp_personal"], enabled: channel !== "whatsapp_personal" },
      ],
    },
    "medium",
  );
  const { rows } = await current.world.pool.query<{ id: string }>(
    "select id from provider_accounts where channel = 'whatsapp_personal' and provider <> $1",
    [provider],
  );
  const id = await current.raise({
    policyId,
    priority: "medium",
    recipients: { userIds: ["ext:T-1"] },
    avoidAccountIds: channel === "whatsapp_personal" ? rows.map((row) => row.id) : [],
    attachments,
  });
  await current.toldOf(`${channel} T-1`);
  expect(await current.settled(id)).toMatchObject({
    outcome: expect.stringMatching(/sent|delivered/) as string,
  });
  const message = current.requests().findLast(({ accepted }) => accepted);
  if (message === undefined) throw new Error("no vendor took anything");
  const deliveries = await current.deliveries(id);
  const delivery = deliveries.find((one) => one.channel === channel);
  return { id, message, delivery: { ...delivery } };
}

describe("a picture", () => {
  it("goes by its address over a vendor that fetches it, and is asked for before", async () => {
    const { message, delivery } = await tell(story(), [photo], { provider: "fonnte" });
    expect(message.attachment).toEqual({ kind: "image", url: photo.url, fileName: null });
    expect(message.text).toContain("POP Klari");
    expect(message.text).not.toContain(photo.url);
    expect(delivery).toMatchObject({ attachments: [{ as: "media", reason: null }] });
    expect(files.asked.filter(({ path }) => photo.url.endsWith(path))).toHaveLength(1);
  });

  it("goes as bytes over a gateway of one's own", async () => {
    const { message, delivery } = await tell(story(), [photo], { provider: "waha" });
    expect(message).toMatchObject({ vendor: "waha", attachment: { kind: "image", url: null } });
    expect(message.attachment).toMatchObject({ fileName: photo.url.split("/").at(-1) });
    expect(delivery).toMatchObject({ attachments: [{ as: "media", reason: null }] });
  });

  it("is left out of a template, and the record says so", async () => {
    const { message, delivery } = await tell(story(), [photo], { provider: "meta" });
    expect(message).toMatchObject({ template: { language: "id" }, attachment: null });
    expect(delivery).toMatchObject({ attachments: [{ as: "none", reason: "template" }] });
    expect(
      files.asked.filter(({ path }) => photo.url.endsWith(path)),
      "nobody asks for it",
    ).toEqual([]);
  });

  it("is a link in an SMS", async () => {
    const { message, delivery } = await tell(story(), [photo], {
      provider: "twilio-sms",
      channel: "sms",
    });
    expect(message.text).toContain(`Lampiran: ${photo.url}`);
    expect(delivery).toMatchObject({ attachments: [{ as: "link", reason: null }] });
  });

  it("goes as a file of an e-mail", async () => {
    const url = files.answer("/laporan.pdf", {
      headers: { "content-type": "application/pdf" },
      body: "%PDF-1.4",
    });
    const attachments = [{ kind: "document", url, fileName: "laporan.pdf" }, PLACE];
    const { message, delivery } = await tell(story(), attachments, {
      provider: "smtp",
      channel: "email",
    });
    expect(message.attachment).toMatchObject({ kind: "document", fileName: "laporan.pdf" });
    expect(message.text).toContain(`POP Klari: ${MAP}`);
    expect(delivery).toMatchObject({
      attachments: [
        { as: "media", reason: null },
        { as: "link", reason: null },
      ],
    });
  });

  it("is a link in the inbox and in the notification", async () => {
    const current = story();
    const policyId = await current.policy(
      { settledBy: "sent", steps: [{ channels: ["whatsapp_personal", "in_app"] }] },
      "medium",
    );
    const attachments = [{ ...photo, fileName: "odp.png" }, PLACE];
    const id = await current.raise({
      policyId,
      priority: "medium",
      recipients: { userIds: ["ext:T-2"] },
      attachments,
    });
    expect(await current.settled(id)).toMatchObject({
      attachments: [
        { kind: "image", url: photo.url, fileName: "odp.png" },
        { ...PLACE, address: null },
      ],
    });
    const { rows } = await current.world.pool.query<{ body: string }>(
      "select body from in_app_messages where notification_id = $1",
      [id],
    );
    expect(rows).toHaveLength(1);
    expect(rows[0]?.body).toContain(`odp.png: ${photo.url}\nPOP Klari: ${MAP}`);
  });
});

describe("a file that can't be had", () => {
  it.each([
    ["is not there", { status: 404 }, "refused"],
    ["is no picture", { headers: { "content-type": "text/html" }, body: "<p>" }, "content_type"],
    ["breaks off", "reset", "unreachable"],
    ["never comes", "silent", "timeout"],
    ["leads inside", { status: 302, headers: { location: "http://10.0.0.1/" } }, "address_refused"],
  ] as const)(
    "because it %s costs the message nothing but the picture",
    async (_why, answer, reason) => {
      for (const provider of ["fonnte", "waha"]) {
        const url = files.answer(`/bad-${reason}-${provider}.png`, answer);
        const { message, delivery } = await tell(story(), [{ kind: "image", url }], { provider });
        expect(message).toMatchObject({ attachment: null });
        expect(message.text).toContain(`Lampiran: ${url}`);
        expect(delivery).toMatchObject({
          status: expect.stringMatching(/accepted|sent|delivered|read/) as string,
          attachments: [{ as: "link", reason }],
        });
      }
    },
  );

  it("because the vendor refuses it goes as a link, once, in the same delivery", async () => {
    const { world, requests, timeline } = story();
    world.vendors.sandbox.faults.add({
      kind: "refuse",
      vendor: "fonnte",
      code: "url unreachable",
      count: 1,
    });
    // Another try of an activity begins a second after the first.
    const by = { provider: "fonnte", windowSeconds: 4 };
    const { id, message, delivery } = await tell(story(), [photo], by);
    expect(message).toMatchObject({ attachment: null });
    expect(message.text).toContain(`Lampiran: ${photo.url}`);
    expect(delivery).toMatchObject({ attachments: [{ as: "link", reason: "refused_by_vendor" }] });
    expect(requests().map(({ accepted }) => accepted)).toEqual([false, true]);
    expect((await timeline(id)).filter(({ reason }) => reason === "media")).toHaveLength(1);
  });
});

describe("a place", () => {
  it("is a pin where one can stand beside a text", async () => {
    const { message, delivery } = await tell(story(), [PLACE], { provider: "fonnte" });
    expect(message.attachment).toMatchObject({
      kind: "location",
      latitude: -6.3,
      longitude: 107.3,
    });
    expect(message.text).toContain("GANGGUAN");
    expect(delivery).toMatchObject({ attachments: [{ as: "media", reason: null }] });
  });

  it("is a link to the map where a pin goes alone", async () => {
    const { message, delivery } = await tell(story(), [PLACE], { provider: "waha" });
    expect(message.attachment).toBeNull();
    expect(message.text).toContain(`POP Klari: ${MAP}`);
    expect(delivery).toMatchObject({ attachments: [{ as: "link", reason: null }] });
  });
});

it("of several attachments the first goes in the message and the others as links", async () => {
  const second = {
    kind: "document",
    url: files.answer("/plan.pdf", PICTURE),
    fileName: "denah.pdf",
  };
  const { message, delivery } = await tell(story(), [photo, second, PLACE], { provider: "fonnte" });
  expect(message.attachment).toMatchObject({ kind: "image", url: photo.url });
  expect(message.text).toContain(`denah.pdf: ${second.url}\nPOP Klari: ${MAP}`);
  expect(delivery).toMatchObject({
    attachments: [
      { as: "media", reason: null },
      { as: "link", reason: null },
      { as: "link", reason: null },
    ],
  });
});

/** One that the company hosts itself, beside the seeded vendors. */
async function addGateway({ world }: Story): Promise<void> {
  registerWaha(world.vendors);
  await insertAccount(world.pool, {
    provider: "waha",
    baseUrl: world.vendors.baseUrls.waha,
    sender: `+${WAHA_NUMBER}`,
    credentials: { apiKey: WAHA_API_KEY, webhookHmacKey: WAHA_HMAC_KEY },
    settings: { engine: "GOWS" },
  });
}
