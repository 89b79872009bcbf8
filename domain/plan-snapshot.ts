/**
 * What the planner knows: everything that decides who is told, when and by what, as it was at one moment. Loaded in one statement (db/plan-snapshot.ts), so it
 * is consistent; only rows that can matter are in it.
 *
 * Privacy: whether somebody has a verified number stands here, the number does not.
 */
import type { HealthState } from "./account.ts";
import type { AttachmentKind, StoredAttachment } from "./attachment.ts";
import type { Channel, PersonChannel } from "./channel.ts";
import type { ContactState, PreferenceClass, SettingsPatch } from "./effective-settings.ts";
import type { Policy } from "./escalation-policy.ts";
import type { Locale } from "./locale.ts";
import type { AnswerKind } from "./notification.ts";
import type { Price } from "./price.ts";
import type { Priority } from "./priority.ts";
import type { TemplateFault } from "./provider-template.ts";
import type { QuietHours } from "./quiet-hours.ts";
import type { Role } from "./role.ts";

/** What is asked for, every id resolved. Absent values are null; the priority is the request's or the type's. */
export interface PlannedRequest {
  /** Null while only explained. */
  readonly notificationId: string | null;
  readonly type: string;
  readonly priority: Priority;
  readonly zone: string | null;
  readonly ticketId: string | null;
  readonly assigneeId: string | null;
  readonly customerId: string | null;
  readonly actorId: string | null;
  readonly category: string | null;
  readonly data: Readonly<Record<string, unknown>>;
  /** Replaces routing. */
  readonly recipients: Recipients | null;
  readonly attachments: readonly StoredAttachment[];
  readonly avoidAccountIds: readonly string[];
  /** Epoch ms. */
  readonly acceptedAt: number;
  readonly notBefore: number | null;
  readonly notAfter: number | null;
}

export interface Recipients {
  readonly userIds: readonly string[];
  readonly groupIds: readonly string[];
  readonly roles: readonly Role[];
}

export interface SnapshotType {
  readonly code: string;
  readonly priority: Priority;
  readonly policyId: string | null;
  readonly answers: AnswerKind;
  readonly isCustomer: boolean;
  readonly isOperational: boolean;
  /** "HH:MM" from (inclusive) to (exclusive) in the customer's zone; null where the hour does not matter. */
  readonly sendWindow: { readonly from: string; readonly to: string } | null;
  readonly preferenceClass: PreferenceClass | null;
  /** Needs recorded consent of this class. */
  readonly consentClass?: string | null;
  readonly isActive: boolean;
}

export interface SnapshotTicket {
  readonly id: string;
  readonly zone: string | null;
  readonly category: string | null;
  readonly isClosed: boolean;
  readonly assigneeId: string | null;
  readonly customerId: string | null;
  /** Epoch ms. */
  readonly updatedAt: number;
}

export const AUDIENCE_KINDS = ["assignee", "customer", "on_duty", "role", "operators"] as const;
export type AudienceKind = (typeof AUDIENCE_KINDS)[number];

export interface RuleAudience {
  readonly kind: AudienceKind;
  /** For `on_duty` and `role`. */
  readonly role: Role | null;
  /** `request`, `all`, or a zone's code. */
  readonly zone: string;
}

/** Changes to the channels of the first step; `only` holds for the whole ladder. */
export interface RuleChannels {
  readonly add: readonly PersonChannel[];
  readonly remove: readonly PersonChannel[];
  readonly only: readonly PersonChannel[] | null;
}

export interface RoutingRule {
  readonly id: string;
  readonly conditions: Readonly<Record<string, unknown>>;
  readonly audience: readonly RuleAudience[];
  readonly groupIds: readonly string[];
  readonly groupCategories: readonly string[];
  readonly primary: boolean;
  readonly policyId: string | null;
  readonly channels: RuleChannels;
}

export interface SnapshotPerson {
  readonly id: string;
  readonly role: Role;
  readonly zones: readonly string[];
  readonly locale: Locale;
  readonly timeZone: string | null;
  readonly isActive: boolean;
  /** Raised by every change of the person, their settings and contacts: a plan made from an older one is not saved. */
  readonly version: number;
  /** What the person changed of the role's defaults. */
  readonly settings: SettingsPatch;
  readonly phone: ContactState;
  /** First digits of the number, as many as prices tell apart; absent: none. Privacy: for costs only, never for a plan. */
  readonly phoneDigits?: string | null;
  readonly email: ContactState;
  /** Accounts at which a browser or app of this person is subscribed to push messages, the most recently used first. */
  readonly pushAccountIds: readonly string[];
  /** Where the person has withdrawn consent to messages of this type's class. */
  readonly optedOutChannels: readonly PersonChannel[];
  /** Devices of accounts that the person wrote to within the last 24 hours; absent: none. */
  readonly openDeviceKeys?: readonly string[];
  /** Groups of the snapshot that the person is an active member of. */
  readonly groupIds: readonly string[];
}

export interface SnapshotGroup {
  readonly id: string;
  readonly category: string;
  /** Null: all zones. */
  readonly zone: string | null;
  readonly serviceTypes: readonly string[];
  readonly types: readonly string[];
  readonly minPriority: Priority | null;
  readonly timeZone: string | null;
  readonly quietHours: QuietHours | null;
  readonly isActive: boolean;
  /** Raised by every change of the group, as a person's is. */
  readonly version: number;
  readonly hasChat: boolean;
  /** Accounts whose number is a proven member. */
  readonly provenAccountIds: readonly string[];
}

export interface SnapshotAccount {
  readonly id: string;
  readonly channel: Channel;
  readonly purposes: readonly string[];
  readonly health: HealthState;
  /** Carries only what no other account of its channel can. */
  readonly isStandby: boolean;
  /** By the provider's capabilities for this channel. */
  readonly givesSent: boolean;
  readonly givesDelivered: boolean;
  /** What its provider can show beside or instead of a text; absent: nothing. */
  readonly carries?: AttachmentCarriage;
  /** Why texts of the type can't go out by a template, by the recipient's language; absent where the provider needs none. */
  readonly templateFaults?: Readonly<Partial<Record<Locale, TemplateFault>>>;
  readonly receiptDeadlineMs: number;
  /** Accounts of one sending device share its pace. */
  readonly deviceKey: string;
  /** Least distance between two messages of the device. */
  readonly gapMs: number;
  /** Prices that hold now or will; absent: none. */
  readonly prices?: readonly Price[];
}

/** By kind: `with_text` in the message itself, `alone` only in one without text, absent not at all. */
export type AttachmentCarriage = Readonly<Partial<Record<AttachmentKind, "with_text" | "alone">>>;

export interface PlanSnapshot {
  readonly request: PlannedRequest;
  readonly type: SnapshotType;
  readonly policy: Policy;
  readonly ticket: SnapshotTicket | null;
  readonly rules: readonly RoutingRule[];
  readonly persons: readonly SnapshotPerson[];
  readonly groups: readonly SnapshotGroup[];
  /** Enabled accounts, best first per channel. */
  readonly accounts: readonly SnapshotAccount[];
  /** The type's current texts. */
  readonly templates: readonly SnapshotTemplate[];
  /** Parts that an SMS of the type has; absent: one. */
  readonly smsSegments?: number;
  /** Time zones of the work zones by code. */
  readonly zoneTimeZones: Readonly<Record<string, string>>;
  /** Dates (YYYY-MM-DD) by zone code; `*` for all. */
  readonly holidays: Readonly<Record<string, readonly string[]>>;
  readonly installationTimeZone: string;
}

/** As a caller wrote it (ids may be `ext:` ids) or as the row has it. Phones are E.164. Instants are epoch ms. */
export interface RawRequest {
  readonly notificationId: string | null;
  readonly type: string;
  readonly priority: string | null;
  readonly zone: string | null;
  readonly ticketId: string | null;
  readonly assigneeId: string | null;
  readonly customerId: string | null;
  readonly actorId: string | null;
  readonly category: string | null;
  readonly data: Readonly<Record<string, unknown>>;
  readonly recipients: {
    readonly userIds: readonly string[];
    readonly groupIds: readonly string[];
    readonly roles: readonly string[];
    readonly phones: readonly string[];
  } | null;
  readonly policyId: string | null;
  /** Of a stored request: the pinned one. */
  readonly policyVersion: number | null;
  readonly attachments: readonly StoredAttachment[];
  readonly avoidAccountIds: readonly string[];
  readonly acceptedAt: number | null;
  readonly notBefore: number | null;
  readonly notAfter: number | null;
}

/** Every row that a request names or may lead to, before anything is judged. */
export interface RequestFacts {
  readonly request: RawRequest;
  readonly type: SnapshotType | null;
  readonly isZoneKnown: boolean;
  readonly ticket: SnapshotTicket | null;
  readonly rules: readonly RoutingRule[];
  /** Of the request, its type, its rules and its priority. */
  readonly policies: readonly CandidatePolicy[];
  readonly persons: readonly CandidatePerson[];
  readonly groups: readonly CandidateGroup[];
  readonly accounts: readonly SnapshotAccount[];
  /** Disabled ones too. */
  readonly knownAccountIds: readonly string[];
  readonly templates: readonly SnapshotTemplate[];
  /** Users who have one of the request's phones, by number. */
  readonly userIdByPhone: Readonly<Record<string, string>>;
  readonly texts: TextFacts;
  readonly zoneTimeZones: Readonly<Record<string, string>>;
  readonly holidays: Readonly<Record<string, readonly string[]>>;
  /** Parts that an SMS of the type has; absent: one. */
  readonly smsSegments?: number;
  readonly installationTimeZone: string;
}

export interface CandidatePolicy extends Policy {
  readonly isDefault: boolean;
  readonly isActive: boolean;
  /** The newest version; older ones are here only where they were asked for. */
  readonly isCurrent: boolean;
}

export interface CandidatePerson extends SnapshotPerson {
  readonly externalId: string | null;
}

export interface CandidateGroup extends SnapshotGroup {
  readonly externalId: string | null;
}

export interface SnapshotTemplate {
  readonly channel: Channel;
  readonly locale: Locale;
  readonly subject: string | null;
  readonly body: string;
}

/** What texts may name besides the request's own words. Privacy: names and places; for rendering only, never for a plan, a log or a history. */
export interface TextFacts {
  readonly typeNames: Readonly<Record<Locale, string>> | null;
  readonly zone: { readonly code: string; readonly name: string } | null;
  readonly ticket: TicketTexts | null;
  readonly assigneeName: string | null;
  readonly customer: {
    readonly name: string | null;
    readonly externalId: string | null;
    readonly phone: string | null;
  } | null;
}

export interface TicketTexts {
  readonly id: string;
  readonly title: string | null;
  readonly category: string | null;
  readonly priority: string | null;
  readonly status: string | null;
  readonly slaHours: number | null;
  /** Epoch ms. */
  readonly deadlineAt: number | null;
  readonly locationText: string | null;
  readonly latitude: number | null;
  readonly longitude: number | null;
  readonly url: string | null;
}

/** Everything that fills a template; acceptance and sending see the same. Privacy: as for TextFacts. */
export interface MessageFacts extends Omit<TextFacts, "typeNames"> {
  readonly type: { readonly code: string; readonly names: Readonly<Record<Locale, string>> };
  readonly answers: AnswerKind;
  readonly priority: Priority;
  readonly category: string | null;
  readonly ticketId: string | null;
  readonly data: Readonly<Record<string, unknown>>;
  readonly attachments: readonly StoredAttachment[];
}
