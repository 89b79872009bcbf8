import { randomBytes } from "node:crypto";
import type pg from "pg";

import { newId } from "../../db/new-id.ts";
import { sealSecret } from "../../db/sealed-secret.ts";
import type { PolicyRules } from "../../domain/escalation-policy.ts";

/** Rows that are valid and boring; a test sets only what its title is about. */

export const SECRET_KEY = new Uint8Array(32).fill(7);

export const MEDIUM_RULES: PolicyRules = {
  settledBy: "delivered",
  quietHours: "hold",
  whenAlwaysQuiet: "hold",
  acknowledgment: "any",
  passes: 1,
  roleUp: false,
  tracksResolution: false,
  resolutionSeconds: null,
  reopenAfterSeconds: null,
  lifetimeSeconds: 259_200,
  calls: "all",
  emailOnlyIfOptedIn: true,
  ignoresChannelSwitches: false,
  countsStrangers: false,
  raisesNotice: true,
  steps: [
    {
      channels: ["whatsapp_personal", "in_app"],
      groups: "primary",
      attempts: 1,
      spacingSeconds: null,
      windowSeconds: 1800,
      undeliveredAfterSeconds: null,
      roleUp: false,
      enabled: true,
    },
  ],
};

let counter = 0;

/** A number of the fictional range, different at each call. */
export function fictionalNumber(): string {
  counter += 1;
  return `+6281234${String(100_000 + counter).padStart(6, "0")}`.slice(0, 14);
}

export async function insertPolicy(
  db: pg.Pool,
  policy: { readonly code?: string; readonly rules?: Partial<PolicyRules> } = {},
): Promise<string> {
  const id = newId("pol", Date.now());
  await db.query(
    `insert into escalation_policies (id, code, name, priority) values ($1, $2, 'A policy', 'medium')`,
    [id, policy.code ?? null],
  );
  await db.query(
    `insert into escalation_policy_versions (policy_id, version, rules) values ($1, 1, $2)`,
    [id, { ...MEDIUM_RULES, ...policy.rules }],
  );
  return id;
}

export async function insertUser(
  db: pg.Pool,
  user: {
    readonly role?: string;
    readonly name?: string;
    readonly zones?: readonly string[];
    readonly phone?: string | null;
  } = {},
): Promise<{ readonly id: string; readonly phone: string }> {
  const id = newId("usr", Date.now());
  const phone = user.phone ?? fictionalNumber();
  await db.query(`insert into users (id, name, role, zones) values ($1, $2, $3, $4)`, [
    id,
    user.name ?? "Somebody",
    user.role ?? "technician",
    user.zones ?? [],
  ]);
  if (user.phone !== null) {
    await db.query(
      `insert into contacts (id, user_id, kind, value, verified_at, verified_by) values ($1, $2, 'phone', $3, now(), 'admin')`,
      [newId("con", Date.now()), id, phone],
    );
  }
  return { id, phone };
}

export async function insertAccount(
  db: pg.Pool,
  account: {
    readonly provider?: string;
    readonly channel?: string;
    readonly deviceKey?: string;
    readonly perSecond?: number;
    readonly minGapSeconds?: number;
    readonly pairGapSeconds?: number;
    readonly dailyCap?: number;
    readonly baseUrl?: string;
    readonly sender?: string;
    readonly credentials?: Readonly<Record<string, string>>;
    readonly settings?: Readonly<Record<string, unknown>>;
    readonly webhookToken?: string;
  } = {},
): Promise<string> {
  const id = newId("acc", Date.now());
  const sealed = (text: string, purpose: "provider_credentials" | "webhook_token"): Buffer =>
    sealSecret(text, SECRET_KEY, { purpose, accountId: id });
  await db.query(
    `insert into provider_accounts (id, provider, channel, name, base_url, sender, device_key, credentials_encrypted, settings, pacing, daily_cap,
       receipt_deadline_seconds, webhook_token_encrypted)
     values ($1, $2, $3, 'An account', $4, $5, $6, $7, $8, $9, $10, 30, $11)`,
    [
      id,
      account.provider ?? "fonnte",
      account.channel ?? "whatsapp_personal",
      account.baseUrl ?? null,
      account.sender ?? "6281234000900",
      account.deviceKey ?? `device-${randomBytes(4).toString("hex")}`,
      sealed(JSON.stringify(account.credentials ?? { token: "t" }), "provider_credentials"),
      account.settings ?? {},
      {
        perSecond: account.perSecond ?? 1000,
        minGapSeconds: account.minGapSeconds ?? 0,
        pairGapSeconds: account.pairGapSeconds ?? 0,
      },
      account.dailyCap ?? null,
      sealed(account.webhookToken ?? "webhook-token", "webhook_token"),
    ],
  );
  return id;
}

export async function insertType(
  db: pg.Pool,
  type: { readonly code?: string; readonly answers?: string; readonly priority?: string } = {},
): Promise<string> {
  const code = type.code ?? `type_${randomBytes(3).toString("hex")}`;
  await db.query(
    `insert into notification_types (code, name_id, name_en, priority, answers) values ($1, 'Jenis', 'A type', $2, $3)`,
    [code, type.priority ?? "medium", type.answers ?? "none"],
  );
  await db.query(
    `insert into templates (id, version, type, channel, locale, body) values ($1, 1, $2, 'whatsapp_personal', 'id', 'Halo')`,
    [newId("tpl", Date.now()), code],
  );
  return code;
}

export async function insertNotificationRow(
  db: pg.Pool,
  notification: {
    readonly type: string;
    readonly policyId: string;
    readonly priority?: string;
    readonly answers?: string;
    readonly status?: string;
  },
): Promise<string> {
  const id = newId("ntf", Date.now());
  await db.query(
    `insert into notifications (id, ref, workflow_id, sender, body_hash, type, priority, policy_id, policy_version, answers, status)
     values ($1, $1, $2, 'test', '\\x00', $3, $4, $5, 1, $6, $7)`,
    [
      id,
      `notification/${notification.type}/${id}`,
      notification.type,
      notification.priority ?? "medium",
      notification.policyId,
      notification.answers ?? "none",
      notification.status ?? "notifying",
    ],
  );
  return id;
}

export async function insertTarget(
  db: pg.Pool,
  notificationId: string,
  target: {
    readonly target: string;
    readonly origin?: string;
    readonly firstAsked?: boolean;
  },
): Promise<void> {
  const isPerson = target.target.startsWith("usr_");
  await db.query(
    `insert into notification_targets (notification_id, target, kind, user_id, group_id, origin, first_asked)
     values ($1, $2, $3, $4, $5, $6, $7)`,
    [
      notificationId,
      target.target,
      isPerson ? "person" : "group",
      isPerson ? target.target : null,
      isPerson ? null : target.target,
      target.origin ?? "audience",
      target.firstAsked ?? true,
    ],
  );
}

/** A delivery of a notification, by an account of its own whose vendor bills this much (rupiah) for each message. */
export async function insertPaidDelivery(
  db: pg.Pool,
  notificationId: string,
  cost: number,
): Promise<string> {
  const [deliveryId, messageId, now] = [
    newId("dlv", Date.now()),
    newId("msg", Date.now()),
    Date.now(),
  ];
  const accountId = await insertAccount(db);
  await db.query(
    `insert into price_book (id, account_id, unit, amount, valid_from) values ($1, $2, 'message', $3, '2025-01-01Z')`,
    [newId("prc", now), accountId, cost],
  );
  await db.query(
    `insert into messages (id, account_id, provider, channel, device_key, address, body, status, accepted_at, sent_at)
     values ($1, $2, 'fonnte', 'whatsapp_personal', $2, '+6281234000900', 'Halo', 'sent', now(), now())`,
    [messageId, accountId],
  );
  await db.query(
    `insert into deliveries (id, notification_id, pass, step, target, channel, attempt, hand_over, account_id, message_id, status)
     values ($1, $2, 1, 1, $1, 'whatsapp_personal', 1, 0, $3, $4, 'sent')`,
    [deliveryId, notificationId, accountId, messageId],
  );
  return deliveryId;
}
