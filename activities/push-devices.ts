/**
 * One delivery of channel push: the same message to every device that the person has at the account. It counts as accepted when one device's service took it;
 * what became of the others stands in the record beside it. See docs/adr/0041-one-push-to-all-devices.md.
 */
import type { DeliveryContext } from "../db/deliveries.ts";
import { newId } from "../db/new-id.ts";
import { gapSecondsOf } from "../db/pace.ts";
import type { CopyOutcome, PushCopy } from "../db/push-copies.ts";
import type { PushDestination } from "../db/push-subscriptions.ts";
import { SecretNotOpened } from "../db/sealed-secret.ts";
import type { FailureKind } from "../domain/result-kind.ts";
import { ProviderError } from "../providers/errors.ts";
import type { SendResult } from "../providers/provider.ts";

/** Privacy: `to` is where the device is reached; it goes to the provider and nowhere else. */
export interface Device extends PushCopy {
  readonly to: PushDestination;
}

export type OpenDestination = (subscriptionId: string, sealed: Uint8Array) => PushDestination;

/** A device spreads the others' messages by the account's gap; beyond this the last ones could not be answered within the time of a send. */
const SPREAD_MS_MAX = 4_000;

/** The devices that this delivery is for, best first; those of an earlier try keep their message. */
export function devicesOf(
  { devices, account }: Pick<DeliveryContext, "devices" | "account">,
  openDestination: OpenDestination,
  now: number,
): readonly Device[] {
  const gapMs = account ? gapSecondsOf(account.pacing) * 1_000 : 0;
  const most = gapMs === 0 ? devices.length : Math.floor(SPREAD_MS_MAX / gapMs) + 1;
  return devices.slice(0, most).flatMap(({ subscriptionId, destinationEncrypted, messageId }) => {
    const to = opened(() => openDestination(subscriptionId, destinationEncrypted));
    return to === null ? [] : [{ subscriptionId, messageId: messageId ?? newId("msg", now), to }];
  });
}

/** Null for one that was sealed with a key that is no more: nobody can reach that device until it subscribes again. */
function opened(open: () => PushDestination): PushDestination | null {
  try {
    return open();
  } catch (error) {
    if (error instanceof SecretNotOpened) return null;
    throw error;
  }
}

export interface DevicesResult {
  readonly outcomes: readonly CopyOutcome[];
  /** The message that speaks for the delivery. */
  readonly speaker: string;
  /** Of the speaker; a failure only when no service took the message for any device. */
  readonly said:
    | { readonly kind: "accepted"; readonly result: SendResult }
    | { readonly kind: "failed"; readonly error: ProviderError };
}

type Answer = DevicesResult["said"];

/**
 * Asks for every device, one gap after the other and without waiting for answers in between.
 *
 * @throws whatever is no ProviderError, once every device was asked
 */
export async function sendToDevices(
  devices: readonly Device[],
  options: {
    readonly gapMs: number;
    readonly sleep: (ms: number) => Promise<void>;
    readonly send: (device: Device) => Promise<SendResult>;
  },
): Promise<DevicesResult> {
  const settled = await Promise.allSettled(
    devices.map(async (device, place) => {
      await options.sleep(place * options.gapMs);
      return { device, answer: await ask(device, options.send) };
    }),
  );
  const answers = settled.map((end) => {
    if (end.status === "rejected") throw end.reason;
    return end.value;
  });
  const [speaker] = answers.toSorted((a, b) => weight(a.answer) - weight(b.answer));
  if (speaker === undefined) throw new Error("a push message has no device to go to");
  return {
    outcomes: answers.map(({ device, answer }) => outcomeOf(device, answer)),
    speaker: speaker.device.messageId,
    said: speaker.answer,
  };
}

async function ask(device: Device, send: (device: Device) => Promise<SendResult>): Promise<Answer> {
  try {
    return { kind: "accepted", result: await send(device) };
  } catch (error) {
    if (!(error instanceof ProviderError)) throw error;
    return { kind: "failed", error };
  }
}

/**
 * Who speaks when no device could be reached: a doubt before any failure, because it may have arrived; then what a repeat or another account can mend; a
 * device that is gone last.
 */
const SPEAKS: readonly FailureKind[] = [
  "unknown_outcome",
  "rate_limited",
  "unavailable",
  "unauthorized",
  "malformed",
  "opted_out",
  "rejected",
];

function weight(answer: Answer): number {
  if (answer.kind === "accepted") return -1;
  return SPEAKS.indexOf(answer.error.kind) + (isGone(answer.error) ? SPEAKS.length : 0);
}

function isGone(error: ProviderError): boolean {
  return error.reason === "subscription_gone";
}

function outcomeOf({ subscriptionId, messageId }: Device, answer: Answer): CopyOutcome {
  if (answer.kind === "accepted") {
    const { status, providerMessageId, providerResponse } = answer.result;
    return {
      subscriptionId,
      messageId,
      status,
      providerMessageId,
      providerResponse,
      refusal: null,
      isGone: false,
    };
  }
  const { kind, scope, reason, message, providerResponse } = answer.error;
  return {
    subscriptionId,
    messageId,
    status: kind === "unknown_outcome" ? "unknown" : "failed",
    providerMessageId: null,
    providerResponse,
    refusal: { reason, error: { kind, scope, message } },
    isGone: isGone(answer.error),
  };
}
