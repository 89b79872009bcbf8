/**
 * The only sender. One run of it hands one message to one account:
 *
 * - `intended`: surely not sent. A slot is taken, the delivery becomes `sending` in the same statement that looks whether the notification is stopped, and
 *   the vendor is asked at once.
 * - `sending` on entry: an earlier execution died between that statement and the record. Nobody knows whether the vendor has it: `unknown`, never sent again.
 * - anything else: an earlier execution recorded what came of it; the answer is read from the row.
 *
 * States decide, never Temporal's attempt number. Order of writes: row, slot + `sending` + message, vendor, outcome.
 */
import type pg from "pg";

import {
  forgetWindow,
  NOT_NEEDED,
  openDelivery,
  recordAccepted,
  recordAttachments,
  recordRefused,
  reserveSlot,
  spareDelivery,
  takeReplyCode,
  type AccountRow,
  type AttachmentShown,
  type DeliveryContext,
  type DeliveryEvent,
} from "../db/deliveries.ts";
import { changeCircuit } from "../db/account-health.ts";
import type { AckLink } from "../db/ack-link.ts";
import { recordEarlyOptOut, recordVendorOptOut } from "../db/opt-outs.ts";
import { recordTemplateState } from "../db/provider-templates.ts";
import type { StaleRun } from "../db/stale-plans.ts";
import { recordCopies, reservePushSlots, type CopyOutcome } from "../db/push-copies.ts";
import { gapSecondsOf } from "../db/pace.ts";
import { withTransaction } from "../db/transaction.ts";
import { newId } from "../db/new-id.ts";
import type { StoredAttachment } from "../domain/attachment.ts";
import { afterAnswer, afterFailure, takeTrial } from "../domain/circuit.ts";
import { capsAt } from "../domain/number-protection.ts";
import { NO_SENT_RECEIPT } from "../domain/orders.ts";
import { isOtp, OTP_MASK } from "../domain/otp.ts";
import type { TemplateFault, TemplateState } from "../domain/provider-template.ts";
import {
  countsAgainstHealth,
  FAILURE_KINDS,
  isResultKind,
  retryOf,
  VERDICTS,
  type FailureKind,
  type SendFailure,
} from "../domain/result-kind.ts";
import { ProviderError } from "../providers/errors.ts";
import type { OutboundMessage, Provider, SendResult } from "../providers/provider.ts";
import { capabilitiesOf, type ProviderRegistry } from "../providers/registry.ts";
import type { OpenedAccount } from "../db/opened-account.ts";
import type { CodeToSend } from "../db/otp-challenges.ts";
import type { FileClient } from "../providers/file-client.ts";
import { smsParts } from "../rendering/sms-parts.ts";
import { composeAttached, REFUSED_BY_VENDOR } from "./attach.ts";
import { closeWithoutChat } from "./close-without-chat.ts";
import type { DeliverAnswer, DeliverInput } from "./contract.ts";
import { deliveryFailure, tryAgain } from "./failure.ts";
import { devicesOf, sendToDevices, type Device, type OpenDestination } from "./push-devices.ts";
import {
  composeClosingMessage,
  composeLadderMessage,
  destinationOf,
  judgeTemplateOf,
  linkOf,
  toOutbound,
  type MessageSettings,
} from "./outbound-message.ts";

export interface DeliverDeps {
  readonly pool: pg.Pool;
  readonly providers: ProviderRegistry;
  readonly openAccount: (row: AccountRow) => OpenedAccount;
  readonly openDestination: OpenDestination;
  /** The code of a one-time password's notification; null when it is of no use any more. */
  readonly readCode: (asked: {
    readonly notificationId: string;
    readonly deviceKey: string | null;
    readonly nowMs: number;
  }) => Promise<CodeToSend | null>;
  readonly settings: MessageSettings;
  /** Fetches what is attached, past the address guard. */
  readonly files: FileClient;
  /** A signed link by which the recipient answers; null when nobody can reach us. */
  readonly ackLink: (link: AckLink) => string | null;
  /** Null: no limit. Otherwise the only numbers, group ids, e-mail addresses and, for push, users that a message may go to. */
  readonly sendOnlyTo: ReadonlySet<string> | null;
  readonly now: () => number;
  readonly random: () => number;
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
  readonly writeProgress: (input: DeliverInput) => Promise<void>;
  /** Runs that a withdrawn consent outdates; left to the sweep if not given. */
  readonly tellReplan?: (runs: readonly StaleRun[], reason: string) => Promise<void>;
  /** What an earlier execution of this activity left for this one after the vendor had accepted. */
  readonly keepAcceptance: {
    readonly save: (kept: KeptAcceptance) => void;
    readonly read: () => KeptAcceptance | null;
  };
  /** Drills kill the process here. */
  readonly crashPoint: (name: DeliverCrashPoint) => void;
  /** Fires when the worker shuts down or the run no longer wants the message; a request that has begun is not torn down by it. */
  readonly cancelled: () => AbortSignal;
}

export type DeliverCrashPoint =
  | "after_intent_before_send"
  | "after_sending_before_vendor"
  | "after_vendor_accepted"
  | "after_record";

/** Enough to record an acceptance that PostgreSQL could not take at the time. */
export interface KeptAcceptance {
  readonly deliveryId: string;
  readonly result: SendResult;
  readonly at: number;
  /** Of a message to several devices: what became of each, and which of them speaks for the delivery. */
  readonly devices?: { readonly outcomes: readonly CopyOutcome[]; readonly speaker: string };
}

/** A slot this near is waited for here; beyond it the activity is tried again, so that it holds no worker slot. Critical may reach further ahead. */
const AHEAD_SECONDS = 2;
const AHEAD_SECONDS_CRITICAL = 4;
/** A slot comes later than it was given by as much as those before it left late; more often than this it is asked for anew. */
const WAITS_MAX = 5;
/** Somebody asks whether this very account works. */
const TEST_TYPE = "test_message";
/** A closing message that the vendor can't take is not worth more than this. */
const CLOSING_DEADLINE_MS = 600_000;
const CLOSING_VALID_FOR_SECONDS = 3_600;
const RECORD_TRIES_MAX = 4;
const RECORD_PAUSE_MS = 500;

export function createDeliverMessage(deps: DeliverDeps) {
  return async function deliverMessage(input: DeliverInput): Promise<DeliverAnswer> {
    if (input.progress) await deps.writeProgress(input);
    const job = await open(deps, input);
    if (job.kind === "answered") return job.answer;
    return send(deps, input, job);
  };
}

interface Job {
  readonly kind: "job";
  readonly context: DeliveryContext;
  readonly event: DeliveryEvent;
  readonly deadlineAt: number;
  readonly validForSeconds: number;
}

type Opened = Job | { readonly kind: "answered"; readonly answer: DeliverAnswer };

async function open(deps: DeliverDeps, input: DeliverInput): Promise<Opened> {
  const { order, notificationId } = input;
  const now = deps.now();
  const key =
    order.purpose === "ladder"
      ? order
      : { ...order, pass: order.closing, step: 0, attempt: 1, handOver: 0 };
  const context = await openDelivery(deps.pool, {
    ...key,
    deliveryId: newId("dlv", now),
    notificationId,
    orderReason: order.purpose === "ladder" ? order.reason : "closing",
    because: order.purpose === "ladder" ? order.because : null,
    evidence: order.purpose === "ladder" ? order.evidence : [],
    now,
  });
  if (!context) return answered("", now, { kind: "not_sent", reason: "stopped" });
  deps.crashPoint("after_intent_before_send");
  const job: Job = {
    kind: "job",
    context,
    event: {
      pass: key.pass,
      step: key.step,
      target: order.target,
      channel: order.channel,
      attempt: key.attempt,
      purpose: order.purpose,
    },
    deadlineAt: order.purpose === "ladder" ? order.deadlineAt : now + CLOSING_DEADLINE_MS,
    validForSeconds: order.purpose === "ladder" ? order.validForSeconds : CLOSING_VALID_FOR_SECONDS,
  };
  return alreadyAnswered(deps, input, job);
}

/** What an earlier execution has decided stands. */
async function alreadyAnswered(deps: DeliverDeps, input: DeliverInput, job: Job): Promise<Opened> {
  const { id, status, messageId } = job.context.delivery;
  switch (status) {
    case "intended":
      return (await isSpared(deps, input, job)) ||
        (await closeWithoutChat(deps, input.notificationId, job))
        ? answered(id, deps.now(), { kind: "not_sent", reason: NOT_NEEDED })
        : job;
    case "sending": {
      const kept = deps.keepAcceptance.read();
      if (kept?.deliveryId === id && messageId) {
        return { kind: "answered", answer: await recordSuccess(deps, input, job, kept, messageId) };
      }
      await recordRefused(deps.pool, {
        notificationId: input.notificationId,
        deliveryId: id,
        accountId: input.order.accountId,
        status: "unknown",
        reason: "sender_died",
        error: null,
        at: deps.now(),
        event: { ...job.event, kind: "delivery_unknown" },
      });
      throw deliveryFailure("unknown_outcome", {
        scope: "recipient",
        reason: "sender_died",
        at: deps.now(),
      });
    }
    case "unknown":
      throw deliveryFailure("unknown_outcome", {
        scope: "recipient",
        reason: "unknown",
        at: deps.now(),
      });
    case "failed": {
      const error = job.context.delivery.error;
      const kind =
        error && isResultKind(error.kind) && error.kind !== "accepted" ? error.kind : "rejected";
      if (VERDICTS[kind].recordsOptOut) await keepEarlyOptOut(deps, id);
      throw deliveryFailure(kind, {
        scope: error?.scope === "account" ? "account" : "recipient",
        reason: job.context.delivery.reason ?? "failed",
        at: deps.now(),
      });
    }
    case "skipped":
      return answered(id, deps.now(), {
        kind: "not_sent",
        reason: job.context.delivery.reason === NOT_NEEDED ? NOT_NEEDED : "stopped",
      });
    case "accepted":
    case "sent":
    case "delivered":
    case "read":
    case "superseded":
      return answered(id, deps.now(), {
        kind: "accepted",
        status: status === "superseded" ? "sent" : status,
      });
  }
}

/** The run is not told of each `sent`; it asks for the next account at the deadline, and here the record says whether that is needed. */
async function isSpared(deps: DeliverDeps, { order }: DeliverInput, job: Job): Promise<boolean> {
  if (order.purpose !== "ladder" || order.because !== NO_SENT_RECEIPT) return false;
  const { id, hasLeftBefore } = job.context.delivery;
  return hasLeftBefore && (await spareDelivery(deps.pool, id));
}

function answered(
  deliveryId: string,
  at: number,
  result: DeliverAnswer["result"],
): Extract<Opened, { kind: "answered" }> {
  return { kind: "answered", answer: { deliveryId, at, result, earlyFailure: null } };
}

interface Ready {
  readonly provider: Provider;
  readonly account: AccountRow;
  readonly opened: OpenedAccount;
  readonly outbound: OutboundMessage;
  /** The text as the record keeps it: without the code, where there is one. */
  readonly recordedText: string;
  /** Empty on every channel but push. */
  readonly devices: readonly Device[];
  readonly address: string;
  readonly code: string | null;
  readonly answerable: boolean;
  /** How the message shows what is attached; empty when nothing is. */
  readonly shown: readonly AttachmentShown[];
}

async function send(deps: DeliverDeps, input: DeliverInput, opened: Job): Promise<DeliverAnswer> {
  const { job, code } = await withCode(deps, input, opened);
  const ready = await prepare(deps, input, job, code);
  const messageId = await waitForSlot(deps, input, job, ready);
  if (messageId === null) {
    return answered(job.context.delivery.id, deps.now(), { kind: "not_sent", reason: "stopped" })
      .answer;
  }
  deps.crashPoint("after_sending_before_vendor");
  if (ready.devices.length > 0) return sendToAllDevices(deps, input, job, ready);
  let result: SendResult;
  try {
    result = await handOver(deps, job, ready, ready.outbound, job.context.delivery.id);
  } catch (error) {
    if (!(error instanceof ProviderError)) throw error;
    return refused(deps, input, job, ready, error);
  }
  deps.crashPoint("after_vendor_accepted");
  const kept = {
    deliveryId: job.context.delivery.id,
    result: withSegments(result, job, ready),
    at: deps.now(),
  };
  return recordSuccess(deps, input, job, kept, messageId);
}

/** Not every gateway counts the parts that it bills. */
function withSegments(result: SendResult, { event }: Job, { outbound }: Ready): SendResult {
  return event.channel !== "sms" || result.segments !== null
    ? result
    : { ...result, segments: smsParts(outbound.text).segments };
}

function handOver(
  deps: DeliverDeps,
  job: Job,
  { provider, opened }: Ready,
  outbound: OutboundMessage,
  deliveryKey: string,
): Promise<SendResult> {
  return provider.send(opened.context, outbound, {
    // A request that has begun is never torn down: its outcome would be unknown for nothing.
    signal: AbortSignal.timeout(provider.defaults.sendTimeoutMs),
    timeoutMs: provider.defaults.sendTimeoutMs,
    deliveryKey,
    webhookUrl: opened.webhookUrl,
    validForSeconds: Math.max(
      1,
      Math.min(job.validForSeconds, (job.deadlineAt - deps.now()) / 1000),
    ),
    now: deps.now(),
  });
}

async function sendToAllDevices(
  deps: DeliverDeps,
  input: DeliverInput,
  job: Job,
  ready: Ready,
): Promise<DeliverAnswer> {
  const deliveryId = job.context.delivery.id;
  const { outcomes, speaker, said } = await sendToDevices(ready.devices, {
    gapMs: gapSecondsOf(ready.account.pacing) * 1_000,
    sleep: (ms) => deps.sleep(ms, NEVER),
    // A key of its own for each: a repeat replaces what that device shows, and no two messages of the account have one name.
    send: ({ to, messageId }) => handOver(deps, job, ready, { ...ready.outbound, to }, messageId),
  });
  const at = deps.now();
  if (said.kind === "accepted") {
    deps.crashPoint("after_vendor_accepted");
    const kept = { deliveryId, result: said.result, at, devices: { outcomes, speaker } };
    return recordSuccess(deps, input, job, kept, speaker);
  }
  await recordCopies(deps.pool, { deliveryId, speaker, outcomes, at });
  return refused(deps, input, job, ready, said.error);
}

/** Once the first device was asked, all of them are. */
const NEVER = new AbortController().signal;

/** Everything that can be known before a slot is taken; what makes the send impossible ends it here. */
async function prepare(
  deps: DeliverDeps,
  input: DeliverInput,
  job: Job,
  oneTimeCode: string | null,
): Promise<Ready> {
  const { context, event } = job;
  const { account, recipient, notification } = context;
  if (!account) throw await giveUp(deps, input, job, "unavailable", "account", "account_deleted");
  if (!account.enabled || account.healthState === "draining") {
    throw await giveUp(deps, input, job, "unavailable", "account", "account_disabled");
  }
  if (!(await isAdmitted(deps, context, account))) {
    throw await giveUp(deps, input, job, "unavailable", "account", "account_out");
  }
  if (!recipient?.isActive) {
    throw await giveUp(deps, input, job, "rejected", "recipient", "inactive");
  }
  const isPush = job.event.channel === "push";
  const devices = isPush ? devicesOf(context, deps.openDestination, deps.now()) : [];
  const address = isPush ? devices[0]?.subscriptionId : recipient.address;
  if (!address) {
    const reason = isPush ? "no_subscription" : "no_contact";
    throw await giveUp(deps, input, job, "rejected", "recipient", reason);
  }
  if (deps.sendOnlyTo && !deps.sendOnlyTo.has(isPush ? recipient.id : address)) {
    throw await giveUp(deps, input, job, "rejected", "recipient", "not_in_send_only_to");
  }
  const provider = deps.providers.get(account.provider, job.event.channel as Provider["channel"]);
  const { channel } = provider;
  const fault = templateFaultOf(job, provider, account);
  if (fault !== null) throw await giveUp(deps, input, job, "unavailable", "account", fault);
  const answerable = event.purpose === "ladder" && notification.answers !== "none";
  const code =
    answerable && capabilitiesOf(provider, account).replies
      ? (context.replyCode ??
        (await takeReplyCode(deps.pool, {
          deviceKey: account.deviceKey,
          notificationId: notification.id,
          random: deps.random,
        })))
      : null;
  const answerUrl =
    answerable && code === null ? ackLinkOf(deps, notification.id, recipient) : null;
  const compose = (linked: readonly StoredAttachment[], shownCode: string | null) =>
    composeLadderMessage({
      context,
      channel,
      provider,
      code,
      oneTimeCode: shownCode,
      answerUrl,
      settings: deps.settings,
      linked,
      now: deps.now(),
    });
  const composed =
    event.purpose === "closing"
      ? withoutAttachments(
          composeClosingMessage(context, channel, deps.settings, deps.now(), provider),
        )
      : await composeAttached({
          context,
          provider,
          timeoutMs: fileTimeoutMs(job, deps.now()),
          files: deps.files,
          compose: (linked) => compose(linked, oneTimeCode),
        });
  if (!composed) throw await giveUp(deps, input, job, "rejected", "recipient", "no_text");
  const { message, attachment, shown } = composed;
  if (shown.length > 0) await recordAttachments(deps.pool, context.delivery.id, shown);
  return {
    provider,
    account,
    opened: deps.openAccount(account),
    recordedText: oneTimeCode === null ? message.text : (compose([], OTP_MASK)?.text ?? OTP_MASK),
    outbound: {
      ...toOutbound(
        channel,
        recipient,
        devices[0]?.to ?? destinationOf(channel, recipient.kind, address),
        message,
        linkOf(channel, context, answerUrl, deps.settings, deps.now()),
        attachment,
      ),
      ...(oneTimeCode === null ? {} : { tellsCode: true }),
    },
    devices,
    address,
    code,
    answerable,
    shown,
  };
}

/**
 * A code goes to the number that it is to prove, whichever the person uses else, and to that person alone, whomever the run may tell. Privacy: from here on it is in
 * memory only, on its way to the vendor.
 */
async function withCode(
  deps: DeliverDeps,
  input: DeliverInput,
  job: Job,
): Promise<{ readonly job: Job; readonly code: string | null }> {
  const { context, event } = job;
  const { account, notification, recipient } = context;
  if (!isOtp(notification.type) || event.purpose !== "ladder") return { job, code: null };
  const found = await deps.readCode({
    notificationId: notification.id,
    deviceKey: account?.deviceKey ?? null,
    nowMs: deps.now(),
  });
  if (found === null || recipient?.id !== found.userId) {
    throw await giveUp(deps, input, job, "rejected", "recipient", "code_over");
  }
  const { code, isWindowOpen, phone } = found;
  if (event.channel === "email") return { job, code };
  const told = { ...recipient, address: phone, windowOpen: isWindowOpen };
  return { job: { ...job, context: { ...context, recipient: told } }, code };
}

/** Outside the recipient's window only a template may go out: without one that can be sent, nothing is asked of the vendor, and the next account takes over. */
function templateFaultOf(
  { context, event }: Job,
  provider: Provider,
  account: AccountRow,
): TemplateFault | null {
  const { recipient } = context;
  if (event.purpose !== "ladder" || recipient?.kind !== "person" || recipient.windowOpen) {
    return null;
  }
  if (!capabilitiesOf(provider, account).templates) return null;
  const verdict = judgeTemplateOf(context, provider.channel);
  return verdict === null || verdict.ok ? null : verdict.fault;
}

/** A file server that takes longer is not worth a message's wait. */
const FILE_TIMEOUT_MS_MAX = 5_000;
const FILE_TIMEOUT_MS_MIN = 250;

/** Most of what is left of the window belongs to the message. */
function fileTimeoutMs({ deadlineAt }: Job, now: number): number {
  return Math.max(FILE_TIMEOUT_MS_MIN, Math.min(FILE_TIMEOUT_MS_MAX, (deadlineAt - now) / 4));
}

function withoutAttachments<Message>(message: Message | null) {
  return message && { message, attachment: null, shown: [] };
}

/**
 * An account that is ill gets nothing while a well one can carry it: nobody waits for its failure. Where there is no other, it is a better hope than none.
 * One message at a time may try it; a critical one and a code never do.
 */
async function isAdmitted(
  { pool }: DeliverDeps,
  { delivery, hasHealthier, notification }: DeliveryContext,
  account: AccountRow,
): Promise<boolean> {
  if (!hasHealthier || notification.type === TEST_TYPE) return true;
  const isNoTest = notification.priority === "critical" || isOtp(notification.type);
  if (account.healthState !== "probing" || isNoTest) return false;
  const change = await changeCircuit(pool, account.id, (circuit) =>
    takeTrial(circuit, delivery.id),
  );
  return change?.after.state === "healthy" || change?.after.trialId === delivery.id;
}

/** Longer than any run waits: what closes the page sooner is the notification's own end. */
const ACK_LINK_LASTS_MS = 7 * 86_400_000;

/** For a number that can't be answered. */
function ackLinkOf(
  { ackLink, now }: DeliverDeps,
  notificationId: string,
  { id, kind }: NonNullable<DeliveryContext["recipient"]>,
): string | null {
  return ackLink({
    notificationId,
    target: { kind: kind === "group" ? "group" : "user", id },
    expiresAt: now() + ACK_LINK_LASTS_MS,
  });
}

/** The message's id once the delivery is `sending`; null when the notification was stopped first. */
async function waitForSlot(
  deps: DeliverDeps,
  input: DeliverInput,
  job: Job,
  ready: Ready,
): Promise<string | null> {
  const { delivery } = job.context;
  const request = {
    notificationId: input.notificationId,
    purpose: job.event.purpose,
    deliveryId: delivery.id,
    account: ready.account,
    address: ready.address,
    aheadSeconds: input.priorityKey === 1 ? AHEAD_SECONDS_CRITICAL : AHEAD_SECONDS,
    caps: capsAt(ready.account, job.context.notification.priority, deps.now()),
    messageId: delivery.messageId ?? newId("msg", deps.now()),
    body: ready.recordedText,
    replyCode: ready.code,
    answerable: ready.answerable,
  };
  if (deps.now() >= job.deadlineAt) {
    throw await giveUp(deps, input, job, "unavailable", "account", "pace");
  }
  const reserve = (isReserved: boolean) =>
    ready.devices.length > 0
      ? reservePushSlots(deps.pool, { ...request, isReserved }, ready.devices)
      : reserveSlot(deps.pool, { ...request, isReserved });
  let slot = await reserve(false);
  for (let waits = 0; slot.kind === "wait" && waits < WAITS_MAX; waits += 1) {
    await deps.sleep(slot.slotAt - deps.now(), deps.cancelled());
    slot = await reserve(true);
  }
  switch (slot.kind) {
    case "send":
      return slot.messageId;
    case "stopped":
      return null;
    case "capped":
      throw await giveUp(deps, input, job, "unavailable", "account", "daily_cap");
    case "capped_new_contact":
      throw await giveUp(deps, input, job, "unavailable", "account", "new_contact_cap");
    case "wait":
    case "later": {
      if (slot.slotAt >= job.deadlineAt) {
        throw await giveUp(deps, input, job, "unavailable", "account", "pace");
      }
      throw tryAgain("the account has no free slot yet", slot.slotAt - deps.now());
    }
    case "not_intended":
      throw tryAgain("another execution of this delivery is at work", 1_000);
  }
}

async function refused(
  deps: DeliverDeps,
  input: DeliverInput,
  job: Job,
  ready: Ready,
  error: ProviderError,
): Promise<never> {
  const now = deps.now();
  const { delivery } = job.context;
  const failure = { kind: error.kind, scope: error.scope, retryAfterMs: error.retryAfterMs };
  const isMediaRefused = isRefusedForItsMedia(error, ready);
  const templateState = reportedTemplateState(error, ready);
  const repeat =
    isWindowMisjudged(error, ready) || templateState !== null || isMediaRefused
      ? ({ retry: true, afterMs: 1 } as const)
      : retryOf(failure, {
          retriesUsed: delivery.tries,
          elapsedMs: now - (delivery.firstSendingAt ?? now),
          windowLeftMs: job.deadlineAt - now,
        });
  const status = repeat.retry ? "intended" : VERDICTS[error.kind].status;
  const recorded = await recordRefused(deps.pool, {
    notificationId: input.notificationId,
    deliveryId: delivery.id,
    accountId: ready.account.id,
    status,
    reason: error.reason,
    error: { kind: error.kind, scope: error.scope, message: error.message },
    at: now,
    event: {
      ...job.event,
      kind: status === "unknown" ? "delivery_unknown" : "delivery_failed",
    },
  });
  if (isWindowMisjudged(error, ready)) {
    await forgetWindow(deps.pool, ready.account.deviceKey, ready.address);
  }
  if (isMediaRefused) await recordAttachments(deps.pool, delivery.id, withoutMedia(ready.shown));
  if (templateState !== null) await keepTemplateState(deps, ready, templateState);
  // A template's fault is no fault of the account: what needs none goes on.
  else await moveCircuit(deps, ready.account, failure);
  if (recorded !== status) throw tryAgain("a receipt came for the lost answer", 1);
  if (VERDICTS[error.kind].recordsOptOut && error.scope === "recipient") {
    const stale = await recordVendorOptOut(deps.pool, { deliveryIds: [delivery.id], now });
    await deps.tellReplan?.(stale, "consent_changed");
  }
  if (repeat.retry) throw tryAgain(`${error.kind}: ${error.reason}`, repeat.afterMs);
  throw deliveryFailure(error.kind, { scope: error.scope, reason: error.reason, at: now });
}

/** The account's health by what its vendor has just done; nothing is asked of PostgreSQL while all is well. */
async function moveCircuit(
  { pool, now }: DeliverDeps,
  { id, consecutiveFailures, healthState }: AccountRow,
  failure: SendFailure | null,
): Promise<void> {
  if (failure !== null && countsAgainstHealth(failure)) {
    await changeCircuit(pool, id, (circuit) => afterFailure(circuit, failure.kind, now()));
    return;
  }
  if (healthState === "healthy" && consecutiveFailures === 0) return;
  await changeCircuit(pool, id, (circuit) => afterAnswer(circuit, now()));
}

/** We believed that the recipient's 24 hours were open and the vendor says no: nothing was sent, a template can go, by this account or by the next. */
function isWindowMisjudged(error: ProviderError, { outbound, provider }: Ready): boolean {
  return (
    error.reason === "window_closed" &&
    outbound.isWindowOpen === true &&
    provider.capabilities.templates
  );
}

/** What the vendor says of the template that it has just refused; the next try sees it and leaves the message to another account. */
function reportedTemplateState(
  { reason }: ProviderError,
  { outbound }: Ready,
): TemplateState | null {
  if (outbound.template === undefined) return null;
  switch (reason) {
    case "template_paused":
      return "paused";
    case "template_disabled":
      return "disabled";
    case "template_unknown":
      return "unknown";
    default:
      return null;
  }
}

async function keepTemplateState(
  { pool, now }: DeliverDeps,
  { account, outbound }: Ready,
  state: TemplateState,
): Promise<void> {
  if (outbound.template === undefined) return;
  const { name, languageCode } = outbound.template;
  await recordTemplateState(pool, {
    accountId: account.id,
    name,
    languageCode,
    state,
    at: new Date(now()),
  });
}

/** The message may go, its file or pin may not: nothing was sent, and the text can go with a link. */
function isRefusedForItsMedia(error: ProviderError, { outbound }: Ready): boolean {
  return (
    outbound.attachment !== undefined &&
    error.surelyNotSent &&
    error.scope === "recipient" &&
    (error.reason === "media" || error.reason === "unsupported_content")
  );
}

function withoutMedia(shown: readonly AttachmentShown[]): readonly AttachmentShown[] {
  return shown.map((one) => (one.as === "media" ? { as: "link", reason: REFUSED_BY_VENDOR } : one));
}

/** Decided without asking the vendor. */
async function giveUp(
  deps: DeliverDeps,
  input: DeliverInput,
  job: Job,
  kind: FailureKind,
  scope: "recipient" | "account",
  reason: string,
): Promise<Error> {
  const at = deps.now();
  await recordRefused(deps.pool, {
    notificationId: input.notificationId,
    deliveryId: job.context.delivery.id,
    accountId: input.order.accountId,
    status: "failed",
    reason,
    error: { kind, scope, message: reason },
    at,
    event: { ...job.event, kind: "delivery_failed" },
  });
  return deliveryFailure(kind, { scope, reason, at });
}

async function recordSuccess(
  deps: DeliverDeps,
  input: DeliverInput,
  job: Job,
  kept: KeptAcceptance,
  messageId: string,
): Promise<DeliverAnswer> {
  const { result, at, deliveryId, devices } = kept;
  const accountId = input.order.accountId;
  const accepted = {
    notificationId: input.notificationId,
    deliveryId,
    messageId: devices?.speaker ?? messageId,
    accountId,
    providerMessageId: result.providerMessageId,
    status: result.status,
    segments: result.segments,
    providerResponse: result.providerResponse,
    at,
    event: job.event,
  };
  const record = () =>
    devices === undefined
      ? recordAccepted(deps.pool, accepted)
      : withTransaction(deps.pool, async (client) => {
          await recordCopies(client, { deliveryId, at, ...devices });
          return recordAccepted(client, accepted);
        });
  const { status, final } = await persist(deps, kept, record);
  deps.crashPoint("after_record");
  if (job.context.account) await moveCircuit(deps, job.context.account, null);
  if (status === "failed") await keepEarlyOptOut(deps, deliveryId);
  const evidence =
    status === "accepted" || status === "sent" || status === "delivered" || status === "read";
  return {
    deliveryId,
    at,
    result: { kind: "accepted", status: evidence ? status : result.status },
    earlyFailure: status === "failed" ? { final, reason: "reported_early" } : null,
  };
}

/** An opt-out that the vendor had reported before it answered. Idempotency: once for a person, channel and class. */
async function keepEarlyOptOut(deps: DeliverDeps, deliveryId: string): Promise<void> {
  const stale = await recordEarlyOptOut(deps.pool, {
    deliveryId,
    kinds: FAILURE_KINDS.filter((kind) => VERDICTS[kind].recordsOptOut),
    now: deps.now(),
  });
  await deps.tellReplan?.(stale, "consent_changed");
}

/**
 * The vendor has the message: losing that knowledge would make it unknown. PostgreSQL gets a few seconds to come back; from its first absence on the next
 * execution can know it too. Not before: it would be one more request to Temporal for each message.
 */
async function persist<T>(
  deps: DeliverDeps,
  kept: KeptAcceptance,
  record: () => Promise<T>,
): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await record();
    } catch (error) {
      if (tries === 1) deps.keepAcceptance.save(kept);
      if (tries >= RECORD_TRIES_MAX) throw error;
      await deps.sleep(RECORD_PAUSE_MS * 2 ** tries, deps.cancelled());
    }
  }
}
