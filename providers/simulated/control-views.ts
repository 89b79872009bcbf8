/** What the control API shows of things: times as ISO 8601, no credentials, no secret parts of addresses. */

import type { PhoneCall } from "./calls.ts";
import { subscriptionOf } from "./push-addresses.ts";
import type { PushAddress } from "./push-addresses.ts";
import type { Vendor } from "./seen.ts";
import type { Fault } from "./faults.ts";
import type { Handset, HandsetMessage } from "./phones.ts";
import type { Account, Group, Message } from "./world.ts";

export function showPhone(handset: Handset): unknown {
  const { calls, messages, phone, settings, waiting } = handset;
  const call = calls.findLast((entry) => !entry.isOver);
  return {
    phone,
    settings,
    messages: messages.length,
    unread: messages.filter(({ isRead }) => !isRead).length,
    waiting: waiting.length,
    call: call === undefined ? null : showCall(call),
  };
}

export function showHandsetMessage(message: HandsetMessage): unknown {
  return { ...message, at: iso(message.at) };
}

export function showCall(call: PhoneCall): unknown {
  return {
    id: call.id,
    accountId: call.accountId,
    from: call.from,
    to: call.to,
    status: call.status,
    isAsking: call.isAsking,
    spoken: call.spoken,
    pressed: call.pressed,
    answeredBy: call.answeredBy,
    warnings: call.warnings,
    deliveryKey: call.deliveryKey,
    createdAt: iso(call.createdAt),
    answeredAt: isoOrNull(call.answeredAt),
    endedAt: isoOrNull(call.endedAt),
  };
}

export function showMessage(message: Message): unknown {
  return {
    id: message.id,
    vendor: message.vendor,
    accountId: message.accountId,
    to: message.to,
    group: message.group,
    title: message.title,
    text: message.text,
    link: message.link,
    status: message.status,
    failure: message.failure,
    deliveryKey: message.deliveryKey,
    acceptedAt: iso(message.acceptedAt),
    sentAt: isoOrNull(message.sentAt),
    updatedAt: iso(message.updatedAt),
    deliveredTo: [...message.deliveredTo],
    readBy: [...message.readBy],
  };
}

export function showAccount(account: Account, baseUrls: Readonly<Record<Vendor, string>>): unknown {
  const { config, id, isBanned, isOnline, outbox } = account;
  const common = {
    id,
    vendor: config.vendor,
    sender: config.sender,
    name: config.name,
    baseUrl: baseUrls[config.vendor],
    isOnline,
    isBanned,
    waiting: outbox.length,
    webhookUrl: config.webhookUrl === null ? null : maskedUrl(config.webhookUrl),
  };
  switch (config.vendor) {
    case "fonnte":
      return { ...common, package: config.package, quota: config.quota };
    case "woowa":
      return { ...common, tellsInbound: config.inbound !== null };
    case "wablas":
      return { ...common, deviceId: config.deviceId, quota: config.quota };
    case "meta":
      return {
        ...common,
        phoneNumberId: config.phoneNumberId,
        wabaId: config.wabaId,
        templates: config.templates,
      };
    case "evolution":
      return { ...common, instance: config.instance, release: config.release };
    case "zenziva":
      return { ...common, balance: config.balance };
    case "nusasms":
      return { ...common, maskingNames: config.maskingNames };
    case "smtp":
      return { ...common, user: config.credentials.user };
    case "web-push":
      return { ...common, publicKey: config.credentials.publicKey };
    case "fcm":
      return common;
    case "waha":
      return { ...common, session: config.session, engine: config.engine };
    case "gowa":
      return { ...common, deviceId: config.deviceId };
    case "twilio":
      return {
        ...common,
        accountSid: config.credentials.accountSid,
        messagingServiceSid: config.messagingServiceSid,
      };
  }
}

export function showPushAddress(
  address: PushAddress,
  baseUrls: Readonly<Record<Vendor, string>>,
): unknown {
  const { accountId, id, isGone, phone, vendor } = address;
  return { id, vendor, accountId, phone, isGone, subscription: subscriptionOf(address, baseUrls) };
}

export function showGroup({ accountIds, id, members, name }: Group): unknown {
  return { id, name, members, accounts: accountIds };
}

export function showFault({ hits, id, remaining, spec }: Fault): unknown {
  return { id, ...spec, remaining, hits };
}

/** Privacy: the last part of a webhook's path is a secret. */
export function maskedUrl(url: string): string {
  return url.replace(/(\/webhooks\/[^/]+\/[^/]+\/)[^/?#]+/, "$1•••");
}

export function iso(ms: number): string {
  return new Date(ms).toISOString();
}

function isoOrNull(ms: number | null): string | null {
  return ms === null ? null : iso(ms);
}
