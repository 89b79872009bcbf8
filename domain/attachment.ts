/**
 * What goes with a notification beside its text: pictures and documents by address, and places. Nothing of it is ever kept; whoever sends a message fetches
 * what its carrier takes as bytes.
 */
export const ATTACHMENT_KINDS = ["image", "document", "location"] as const;
export type AttachmentKind = (typeof ATTACHMENT_KINDS)[number];

/** As stored; `fileName` is what the phone shows of a document. */
export type FileAttachment = {
  readonly kind: "image" | "document";
  readonly url: string;
  readonly fileName: string | null;
};

/** Degrees of WGS 84. */
export type LocationAttachment = {
  readonly kind: "location";
  readonly latitude: number;
  readonly longitude: number;
  readonly name: string | null;
  readonly address: string | null;
};

export type StoredAttachment = FileAttachment | LocationAttachment;

/** As a caller writes it. */
export type GivenAttachment =
  | {
      readonly kind: "image" | "document";
      readonly url: string;
      readonly fileName?: string;
    }
  | {
      readonly kind: "location";
      readonly latitude: number;
      readonly longitude: number;
      readonly name?: string;
      readonly address?: string;
    };

/** A message carries one file; the others are links below its text, and more than these push the text aside. */
export const ATTACHMENTS_MAX = 5;
/** Signed addresses of object stores have about a thousand; a value of a message has no more than this. */
export const ATTACHMENT_URL_CHARS_MAX = 1_500;
/** Every phone's file system takes it. */
export const FILE_NAME_CHARS_MAX = 120;
export const PLACE_CHARS_MAX = 200;

/** Whether a file may be fetched from there, as far as the address alone says: why not, in English and without the address; null: yes. */
export type FileUrlProblem = (url: string) => string | null;
