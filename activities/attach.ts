/**
 * What is attached, in a message: one file or pin as the carrier shows it, the rest as links in the text. Decided, and files asked for, before a slot is taken:
 * a file that can't be had costs a message its picture, never its place, and never leaves its outcome unknown.
 */
import type { AttachmentShown, DeliveryContext } from "../db/deliveries.ts";
import type { FileAttachment, StoredAttachment } from "../domain/attachment.ts";
import { FileUnavailable, type FileClient, type FetchedFile } from "../providers/file-client.ts";
import type { Attachment, AttachmentLimit, Provider } from "../providers/provider.ts";
import { carriageOf } from "../providers/registry.ts";
import type { ComposedMessage } from "../rendering/compose.ts";

export interface AttachRequest {
  readonly context: DeliveryContext;
  readonly provider: Provider;
  /** How long a file may take: the message waits for it. */
  readonly timeoutMs: number;
  readonly files: FileClient;
  /** The message with these attachments as links. */
  readonly compose: (linked: readonly StoredAttachment[]) => ComposedMessage | null;
}

export interface Attached {
  readonly message: ComposedMessage;
  readonly attachment: Attachment | null;
  /** In the notification's order; empty when nothing is attached. */
  readonly shown: readonly AttachmentShown[];
}

/** For vendors that name no limit: what Fonnte takes, and far more than a picture for a phone needs. */
export const FILE_BYTES_MAX = 4_000_000;
/** The vendor said no to the file or pin, so the rest of this delivery's tries go without. */
export const REFUSED_BY_VENDOR = "refused_by_vendor";

/** Null when the type has no text any more. */
export async function composeAttached(request: AttachRequest): Promise<Attached | null> {
  const { compose, context } = request;
  const { attachments } = context.notification;
  const candidate = chooseOne(request);
  const message = compose(attachments.filter((one) => one !== candidate?.stored));
  if (message === null) return null;
  if (isTemplateSent(message, context)) {
    const shown = attachments.map(() => ({ as: "none", reason: "template" }) as const);
    return { message, attachment: null, shown };
  }
  if (candidate === null) {
    const shown = shownOf(attachments, message);
    return { message, attachment: null, shown: keepRefusal(shown, context) };
  }
  const { limit, stored } = candidate;
  const had = isTooLong(message, limit) ? "text_too_long" : await get(request, candidate);
  if (typeof had !== "string") {
    return { message, attachment: had, shown: shownOf(attachments, message, stored) };
  }
  const linked = compose(attachments);
  if (linked === null) return null;
  const shown = shownOf(attachments, linked).map((one, index) =>
    attachments[index] === stored ? { ...one, reason: had } : one,
  );
  return { message: linked, attachment: null, shown };
}

/** What the vendor refused once stays out of later tries, too. */
function keepRefusal(
  shown: readonly AttachmentShown[],
  { delivery }: DeliveryContext,
): readonly AttachmentShown[] {
  return shown.map((one, index) =>
    delivery.attachments?.[index]?.reason === REFUSED_BY_VENDOR
      ? { ...one, reason: REFUSED_BY_VENDOR }
      : one,
  );
}

interface Candidate {
  readonly stored: StoredAttachment;
  readonly limit: AttachmentLimit;
}

/** The first that this account can show beside a text. */
function chooseOne({ context, provider }: AttachRequest): Candidate | null {
  const { account, delivery, notification } = context;
  const isRefused = delivery.attachments?.some(({ reason }) => reason === REFUSED_BY_VENDOR);
  if (account === null || isRefused === true) return null;
  const carriage = carriageOf(provider, account);
  for (const stored of notification.attachments) {
    const limit = provider.attachmentLimits[stored.kind];
    if (limit !== null && carriage[stored.kind] === "with_text") return { stored, limit };
  }
  return null;
}

/** Meta's templates have no place for a file; the provider sends one unless the window is known to be open. */
function isTemplateSent(message: ComposedMessage, { recipient }: DeliveryContext): boolean {
  return message.template !== undefined && recipient?.windowOpen !== true;
}

/** The text is worth more than the picture: it is never cut to fit below one. */
function isTooLong({ isCut, text }: ComposedMessage, { textCharsMax }: AttachmentLimit): boolean {
  return isCut || text.length > textCharsMax;
}

/** The attachment as the vendor takes it, or why it can't be had. */
async function get(
  { files, provider, timeoutMs }: AttachRequest,
  { limit, stored }: Candidate,
): Promise<Attachment | string> {
  if (stored.kind === "location") return stored;
  const { kind, url } = stored;
  const file = { url, kind, timeoutMs, bytesMax: limit.bytesMax ?? FILE_BYTES_MAX };
  try {
    let content: FetchedFile | null = null;
    if (provider.attachmentsAs === "bytes") content = await files.fetch(file);
    else await files.check(file);
    return { kind, url, fileName: fileNameOf(stored), content };
  } catch (error) {
    if (error instanceof FileUnavailable) return error.reason;
    throw error;
  }
}

const NAMES = { image: "gambar", document: "dokumen" } as const;

/** As given, else the last part of the address. */
function fileNameOf({ fileName, kind, url }: FileAttachment): string {
  if (fileName !== null) return fileName;
  const last = new URL(url).pathname.split("/").at(-1) ?? "";
  return /^[\w.-]{1,100}$/.test(last) ? last : NAMES[kind];
}

function shownOf(
  attachments: readonly StoredAttachment[],
  { hasLinks }: ComposedMessage,
  media?: StoredAttachment,
): readonly AttachmentShown[] {
  return attachments.map((stored) => {
    if (stored === media) return { as: "media", reason: null };
    return hasLinks ? { as: "link", reason: null } : { as: "none", reason: "no_room" };
  });
}
