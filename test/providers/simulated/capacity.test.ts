/** What the simulator must carry in a second, sent at once. */
import http from "node:http";

import { expect, it } from "vitest";

import {
  BUDI,
  TWILIO_NUMBER,
  TWILIO_SID,
  TWILIO_TOKEN,
  registerTwilio,
  startReceiver,
  startVendors,
} from "./support.ts";

const REQUESTS = 500;

it("takes 500 messages at once and posts every receipt, losing none", async () => {
  const receiver = await startReceiver();
  const vendors = await startVendors();
  registerTwilio(vendors);
  const agent = new http.Agent({ keepAlive: true, maxSockets: 50 });
  const send = (number: number): Promise<number> =>
    new Promise((resolve, reject) => {
      const body = new URLSearchParams({
        To: BUDI,
        From: TWILIO_NUMBER,
        Body: `Alarm ${number}`,
        StatusCallback: `${receiver.url}/sms?delivery=dlv_${number}`,
      }).toString();
      const call = http.request(
        `${vendors.baseUrls.twilio}/2010-04-01/Accounts/${TWILIO_SID}/Messages.json`,
        {
          method: "POST",
          agent,
          headers: {
            "content-type": "application/x-www-form-urlencoded",
            authorization: `Basic ${Buffer.from(`${TWILIO_SID}:${TWILIO_TOKEN}`).toString("base64")}`,
          },
        },
        (response) => {
          response.resume();
          response.on("end", () => resolve(response.statusCode ?? 0));
        },
      );
      call.on("error", reject);
      call.end(body);
    });
  const statuses = await Promise.all(
    Array.from({ length: REQUESTS }, (_unused, index) => send(index)),
  );
  await vendors.sandbox.idle();
  agent.destroy();
  expect(statuses.every((status) => status === 201)).toBe(true);
  expect(vendors.sandbox.log.count(({ accepted }) => accepted)).toBe(REQUESTS);
  expect(receiver.received).toHaveLength(REQUESTS * 2);
});
