import { createHash, randomBytes } from "node:crypto";
import type { Client } from "@temporalio/client";
import { canonicalJson } from "../domain/canonical-json.ts";
import { ID_RANDOM_BYTES, makeId, notificationRef, notificationRefText } from "../domain/ids.ts";
import { PRIORITIES } from "../domain/priority.ts";
import { notificationWorkflowId } from "../workflows/contract.ts";
import type { NotificationInput } from "../workflows/contract.ts";
import { startRun } from "./start-run.ts";

/**
 * Starting without HTTP: the same run as `POST /v1/notifications` starts, by the same workflow id, so that both roads
 * with one sender and key meet the same record. What the record has to say against the request is the run's outcome
 * (`rejected`, with the list), because nobody has looked at it before.
 */

type DirectRequest = NonNullable<NotificationInput["direct"]>;
type DirectRecipients = NonNullable<DirectRequest["recipients"]>;

/** As the body of `POST /v1/notifications`, absent fields left out. */
export interface StartRequest extends Omit<
  DirectRequest,
  "sender" | "key" | "bodyHash" | "recipients"
> {
  readonly recipients?: DirectRecipients & { readonly phones?: readonly string[] };
}

export interface DirectNotification {
  /** The client system, as its API keys name it: a key is the sender's. */
  readonly sender: string;
  /** Makes repeats the same notification, on both roads; null: every call is another one. */
  readonly key: string | null;
  readonly request: StartRequest;
}

export interface StartedNotification {
  readonly workflowId: string;
  /** Null: the run of this sender and key is over, and nothing was started. */
  readonly runId: string | null;
}

/** The request can't be handed over as it is; nothing was started. */
export class NotStartable extends Error {
  readonly fields: readonly string[];

  constructor(fields: readonly string[]) {
    super(
      `${fields.join(" and ")} would stand in Temporal's history in plain text: configure a payload codec, or use HTTP.`,
    );
    this.name = "NotStartable";
    this.fields = fields;
  }
}

/** @throws NotStartable */
export async function startNotification(
  client: Client,
  { sender, key, request }: DirectNotification,
): Promise<StartedNotification> {
  refusePlainPersonalData(client, request);
  const ref =
    key === null
      ? makeId("ntf", Date.now(), randomBytes(ID_RANDOM_BYTES))
      : notificationRef(sha256(notificationRefText(sender, key)));
  const { type, priority, zone, ticketId } = request;
  const workflowId = notificationWorkflowId(type, ref);
  const answer = await startRun(client, {
    workflowId,
    type,
    priority: PRIORITIES.find((known) => known === priority) ?? null,
    zone: zone ?? null,
    ticketId: ticketId ?? null,
    direct: {
      ...request,
      sender,
      key,
      bodyHash: Buffer.from(sha256(canonicalJson(request))).toString("hex"),
    },
  });
  return { workflowId, runId: answer.kind === "started" ? answer.runId : null };
}

/** Privacy: whatever a start carries is readable in Temporal's UI and kept as long as its history, unless it is encrypted. */
function refusePlainPersonalData(client: Client, request: StartRequest): void {
  if (client.options.loadedDataConverter.payloadCodecs.length > 0) return;
  const fields = [
    ...(request.data === undefined || Object.keys(request.data).length === 0 ? [] : ["data"]),
    ...((request.recipients?.phones ?? []).length === 0 ? [] : ["recipients.phones"]),
    // A signed address opens the file for whoever has it.
    ...((request.attachments ?? []).length === 0 ? [] : ["attachments"]),
  ];
  if (fields.length > 0) throw new NotStartable(fields);
}

function sha256(text: string): Uint8Array {
  return createHash("sha256").update(text).digest();
}
