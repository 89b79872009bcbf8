/**
 * Reads and checks what a client asks FCM to send. Fields as in the API's description, unknown ones are refused as Google
 * does. https://firebase.google.com/docs/reference/fcm/rest/v1/projects.messages, checked September 2026.
 */
import { z } from "zod";

import { isRecord } from "./vendor.ts";

const texts = z.record(z.string(), z.string());
const duration = z.string().regex(/^\d{1,7}(\.\d{1,9})?s$/, "is no duration such as 3.5s");
const options = z.strictObject({ analytics_label: z.string().optional() });

const notification = z.strictObject({
  title: z.string().optional(),
  body: z.string().optional(),
  image: z.string().optional(),
});

const androidNotification = z.strictObject({
  title: z.string().optional(),
  body: z.string().optional(),
  icon: z.string().optional(),
  color: z.string().optional(),
  sound: z.string().optional(),
  tag: z.string().optional(),
  click_action: z.string().optional(),
  channel_id: z.string().optional(),
  ticker: z.string().optional(),
  sticky: z.boolean().optional(),
  local_only: z.boolean().optional(),
  notification_priority: z.string().optional(),
  visibility: z.string().optional(),
  image: z.string().optional(),
  title_loc_key: z.string().optional(),
  title_loc_args: z.array(z.string()).optional(),
  body_loc_key: z.string().optional(),
  body_loc_args: z.array(z.string()).optional(),
  event_time: z.string().optional(),
  default_sound: z.boolean().optional(),
  default_vibrate_timings: z.boolean().optional(),
  default_light_settings: z.boolean().optional(),
  vibrate_timings: z.array(duration).optional(),
  light_settings: z.looseObject({}).optional(),
  notification_count: z.int().optional(),
  proxy: z.string().optional(),
});

const android = z.strictObject({
  collapse_key: z.string().optional(),
  // In capitals by the description; both are taken.
  priority: z.enum(["HIGH", "NORMAL", "high", "normal"]).optional(),
  ttl: duration.optional(),
  restricted_package_name: z.string().optional(),
  data: texts.optional(),
  notification: androidNotification.optional(),
  fcm_options: options.optional(),
  direct_boot_ok: z.boolean().optional(),
});

const apns = z.strictObject({
  headers: texts.optional(),
  payload: z.looseObject({}).optional(),
  live_activity_token: z.string().optional(),
  fcm_options: options.extend({ image: z.string().optional() }).optional(),
});

const webpush = z.strictObject({
  headers: texts.optional(),
  data: texts.optional(),
  notification: z.looseObject({}).optional(),
  fcm_options: options
    .extend({ link: z.url({ protocol: /^https$/, error: "must be an HTTPS URL" }).optional() })
    .optional(),
});

const message = z.strictObject({
  token: z.string().optional(),
  topic: z.string().optional(),
  condition: z.string().optional(),
  fid: z.string().optional(),
  data: texts.optional(),
  notification: notification.optional(),
  android: android.optional(),
  apns: apns.optional(),
  webpush: webpush.optional(),
  fcm_options: options.optional(),
});

const request = z.strictObject({ validate_only: z.boolean().optional(), message });
export type FcmRequest = z.output<typeof request>;

const MESSAGE_BYTES_MAX = 4_096;

export type Violation = { readonly field: string; readonly description: string };

/** What is wrong, or the request. */
export function readRequest(body: string): FcmRequest | Violation {
  const read = request.safeParse(withSnakeCase(parseJson(body)));
  if (!read.success) {
    const [issue] = read.error.issues;
    return { field: (issue?.path ?? []).join("."), description: issue?.message ?? "invalid" };
  }
  const { token, topic, condition, fid } = read.data.message;
  const targets = [token, topic, condition, fid].filter((target) => target !== undefined);
  if (targets.length !== 1) {
    return { field: "message", description: "Exactly one recipient of the message must be set." };
  }
  if (Buffer.byteLength(JSON.stringify(read.data.message)) > MESSAGE_BYTES_MAX) {
    return { field: "message", description: "The message is too big." };
  }
  return read.data;
}

/** Keys of these belong to whoever reads the message. */
const FREE: readonly string[] = ["data", "headers", "payload"];

/** Google's APIs take the names of fields in both spellings. */
function withSnakeCase(value: unknown, parent = ""): unknown {
  if (!isRecord(value) || FREE.includes(parent)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => {
      const name = key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
      return [name, withSnakeCase(inner, name)];
    }),
  );
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
