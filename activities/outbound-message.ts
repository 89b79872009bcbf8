import type { DeliveryContext } from "../db/deliveries.ts";
import type { StoredAttachment } from "../domain/attachment.ts";
import type { Channel } from "../domain/channel.ts";
import { CLOSING_VARIABLE } from "../domain/closing-message.ts";
import type { Locale } from "../domain/locale.ts";
import { isOtp, OTP_VARIABLE } from "../domain/otp.ts";
import { judgeTemplate, type TemplateVerdict } from "../domain/provider-template.ts";
import type { Attachment, Destination, OutboundMessage, Provider } from "../providers/provider.ts";
import { chooseTemplate } from "../domain/template-choice.ts";
import { closingText } from "../rendering/closing.ts";
import {
  composeMessage,
  fillTemplate,
  type ApprovedTemplate,
  type ComposedMessage,
  type FilledTemplate,
  type Mark,
} from "../rendering/compose.ts";
import { templateScope } from "../rendering/scope.ts";
import type { TemplateData } from "../rendering/template.ts";

/** What every message of an installation has in common. */
export interface MessageSettings {
  readonly installationTimeZone: string;
  /** Without a slash at its end; null: no ticket links. */
  readonly portalUrl: string | null;
}

/** The values that this notification's texts may name, in one language. */
export function scopeOf(
  notification: DeliveryContext["notification"],
  locale: Locale,
  settings: MessageSettings,
  now: number,
): TemplateData {
  return templateScope({
    type: { code: notification.type, name: notification.typeNames[locale] },
    priority: notification.priority,
    zone: notification.zone,
    category: notification.category,
    ticketId: notification.ticketId,
    ticket: notification.ticket,
    assigneeName: notification.assigneeName,
    customer: notification.customer,
    data: notification.data,
    portalUrl: settings.portalUrl,
    locale,
    now,
  });
}

export interface ComposeRequest {
  readonly context: DeliveryContext;
  readonly channel: Channel;
  readonly provider: Provider | null;
  /** By which a reply names the notification. */
  readonly code: string | null;
  /** The password that the message is there to tell; null for every type but one. */
  readonly oneTimeCode?: string | null;
  /** For a number that can't be answered. */
  readonly answerUrl: string | null;
  readonly settings: MessageSettings;
  /** Attachments that the message doesn't show itself. */
  readonly linked: readonly StoredAttachment[];
  /** Epoch ms. */
  readonly now: number;
}

/** The ladder's message to this recipient, or null when the type has no text any more. */
export function composeLadderMessage(request: ComposeRequest): ComposedMessage | null {
  const { context, settings } = request;
  const { notification, recipient } = context;
  if (!recipient) return null;
  const template = chooseTemplate(context.templates, request.channel, recipient.locale);
  if (!template) return null;
  return composeMessage({
    notification: {
      answers: notification.answers,
      typeName: notification.typeNames[recipient.locale],
    },
    template: { ...template, approvedTemplate: approvedTemplateOf(context, template) },
    data: {
      ...scopeOf(notification, template.locale, settings, request.now),
      ...(request.oneTimeCode ? { [OTP_VARIABLE]: request.oneTimeCode } : {}),
    },
    channel: request.channel,
    locale: recipient.locale,
    timeZone: recipient.timeZone ?? settings.installationTimeZone,
    code: request.code,
    answerUrl: request.answerUrl,
    target: recipient.kind,
    toldBefore: notification.toldBefore,
    marks: marksOf(context),
    linkedAttachments: request.linked,
    carrier: request.provider,
  });
}

/** Whether the ladder's message can leave as a template of the account's vendor; null when the type has no text any more. */
export function judgeTemplateOf(
  context: DeliveryContext,
  channel: Channel,
): TemplateVerdict | null {
  const { recipient, templates } = context;
  const text = recipient && chooseTemplate(templates, channel, recipient.locale);
  return text && judge(context, text);
}

/** A template that has no place for the code would tell somebody who waits for one that there is one. */
function judge(
  { notification, vendorTemplates }: DeliveryContext,
  { locale, providerTemplate }: DeliveryContext["templates"][number],
): TemplateVerdict {
  const verdict = judgeTemplate(providerTemplate, locale, vendorTemplates);
  const lacksCode =
    verdict.ok && isOtp(notification.type) && !verdict.parameters.includes(OTP_VARIABLE);
  return lacksCode ? { ok: false, fault: "template_parameters" } : verdict;
}

function approvedTemplateOf(
  context: DeliveryContext,
  text: DeliveryContext["templates"][number],
): ApprovedTemplate | null {
  const verdict = judge(context, text);
  return verdict.ok ? verdict : null;
}

function marksOf({ notification }: DeliveryContext): readonly Mark[] {
  const marks: Mark[] = [];
  // The same code on another channel is no reminder, and no harm if it comes twice.
  if (isOtp(notification.type)) return marks;
  if (notification.targetOrigin === "role_up") marks.push({ kind: "escalated" });
  if (notification.toldTimes > 0) {
    marks.push({ kind: "reminder", count: notification.toldTimes + 1 });
  }
  if (notification.hasUnknown) marks.push({ kind: "maybe_duplicate" });
  return marks;
}

/**
 * What tells those who were told that it is taken or over: Siaga's own words, and beside them the vendor's template for them where there is one that can be sent.
 */
export function composeClosingMessage(
  context: DeliveryContext,
  channel: Channel,
  settings: MessageSettings,
  now: number,
  carrier: Pick<Provider, "capabilities"> | null,
): {
  readonly title: string;
  readonly text: string;
  readonly template?: FilledTemplate;
} | null {
  const { recipient, templates } = context;
  if (!recipient) return null;
  const message = closingIn(recipient.locale, channel, context, settings, now);
  if (message === null || carrier?.capabilities.templates !== true) return message;
  const text = chooseTemplate(templates, channel, recipient.locale);
  const approved = text && approvedTemplateOf(context, text);
  if (text === null || approved === null) return message;
  const line = closingIn(text.locale, "in_app", context, settings, now);
  const template = fillTemplate(approved, {
    data: { [CLOSING_VARIABLE]: line?.text.replace(/\.$/u, "") },
    locale: text.locale,
    timeZone: recipient.timeZone ?? settings.installationTimeZone,
    buttons: [],
  });
  return { ...message, template };
}

function closingIn(
  locale: Locale,
  channel: Channel,
  { notification }: DeliveryContext,
  settings: MessageSettings,
  now: number,
): ReturnType<typeof closingText> | null {
  if (!notification.stopKind) return null;
  const isTaken = notification.stopKind === "acknowledge";
  return closingText({
    kind: isTaken ? notification.answers : "resolve",
    by: isTaken ? notification.acknowledgedByName : notification.stoppedByName,
    data: scopeOf(notification, locale, settings, now),
    channel,
    locale,
  });
}

/** Where a channel's messages go. */
export function destinationOf(
  channel: Channel,
  kind: "person" | "group",
  address: string,
): Destination {
  if (kind === "group") return { kind: "group", groupChatId: address };
  return channel === "email" ? { kind: "email", address } : { kind: "phone", e164: address };
}

/** Address, text and what goes with it, in the provider's terms. */
export function toOutbound(
  channel: Channel,
  recipient: NonNullable<DeliveryContext["recipient"]>,
  to: Destination,
  message: {
    readonly title: string;
    readonly text: string;
    readonly locale?: Locale;
    readonly buttons?: ComposedMessage["buttons"];
    readonly template?: ComposedMessage["template"];
  },
  link: string | null,
  attachment: Attachment | null,
): OutboundMessage {
  return {
    to,
    text: message.text,
    language: message.locale ?? recipient.locale,
    isWindowOpen: recipient.windowOpen,
    ...(hasSubject(channel) ? { subject: message.title } : {}),
    ...(link === null ? {} : { link }),
    ...(message.buttons ? { buttons: message.buttons } : {}),
    ...(message.template ? { template: message.template } : {}),
    ...(attachment === null ? {} : { attachment }),
  };
}

/** Channels that show a title above the text and lead somewhere when it is clicked. */
function hasSubject(channel: Channel): boolean {
  return channel === "email" || channel === "push";
}

/** Where a click on the message leads: to the answer where one is asked for, else to the ticket. Null: it leads nowhere. */
export function linkOf(
  channel: Channel,
  { notification, recipient }: DeliveryContext,
  answerUrl: string | null,
  settings: MessageSettings,
  now: number,
): string | null {
  if (!hasSubject(channel)) return null;
  if (answerUrl !== null || !recipient) return answerUrl;
  const ticketUrl = scopeOf(notification, recipient.locale, settings, now)["ticket_url"];
  return typeof ticketUrl === "string" && ticketUrl !== "" ? ticketUrl : null;
}
