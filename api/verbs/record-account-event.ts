import { changeDeviceCircuits } from "../../db/account-health.ts";
import { insertInbound } from "../../db/inbound.ts";
import { newId } from "../../db/new-id.ts";
import { askTemplatesAnew, recordTemplateState } from "../../db/provider-templates.ts";
import { withTransaction } from "../../db/transaction.ts";
import { afterReport } from "../../domain/circuit.ts";
import type {
  AccountStateEvent,
  RawWebhook,
  TemplateStateEvent,
  UnrecognisedEvent,
} from "../../providers/provider.ts";
import type { EventDeps, Received } from "./inbound-deps.ts";

/** A number that was cut off or came back. Repeats of an old report change nothing. */
export async function recordAccountStateEvent(
  deps: EventDeps,
  { account, event, receivedAt }: Received<AccountStateEvent>,
): Promise<void> {
  const { row } = account;
  const changed = await withTransaction(deps.pool, async (client) => {
    const isNew = await insertInbound(
      client,
      withoutWriter({ account, event, receivedAt }, `account ${event.state}`),
    );
    if (!isNew) return [];
    return changeDeviceCircuits(client, row, (circuit) =>
      afterReport(circuit, event.state, receivedAt),
    );
  });
  if (changed.length > 0) {
    const accountIds = changed.map(({ accountId }) => accountId);
    deps.log.warn({ accountIds, state: event.state }, "a vendor reported on a number");
  }
}

export async function recordTemplateStateEvent(
  deps: EventDeps,
  { account, event, receivedAt }: Received<TemplateStateEvent>,
): Promise<void> {
  await withTransaction(deps.pool, async (client) => {
    const what = `template ${event.name} ${event.languageCode} ${event.state}`;
    const accountId = account.row.id;
    const isNew = await insertInbound(client, withoutWriter({ account, event, receivedAt }, what));
    if (!isNew) {
      // The same words as before: an old report that comes late, or news that reads like an old one. The vendor's list tells which.
      await askTemplatesAnew(client, accountId);
      return;
    }
    const { name, languageCode, state } = event;
    const at = new Date(receivedAt);
    await recordTemplateState(client, { accountId, name, languageCode, state, at });
  });
}

const RAW_BODY_CHARS_MAX = 8_000;

/** Authentic, but in words that this release doesn't know: kept as it came, without the account's secrets. */
export async function recordUnrecognised(
  deps: EventDeps,
  { account, event, receivedAt }: Received<UnrecognisedEvent>,
  request: RawWebhook,
): Promise<void> {
  const secrets = [...Object.values(account.context.credentials), account.webhookToken];
  const raw = withoutSecrets(Buffer.from(request.body).toString("utf8"), secrets);
  const body = `${event.what}\n${raw.slice(0, RAW_BODY_CHARS_MAX)}`;
  await withTransaction(deps.pool, (client) =>
    insertInbound(client, withoutWriter({ account, event, receivedAt }, body)),
  );
  deps.log.warn(
    { accountId: account.row.id, provider: account.row.provider },
    "a vendor sent what this release does not understand",
  );
}

function withoutSecrets(text: string, secrets: readonly string[]): string {
  return secrets
    .flatMap((secret) => [secret, encodeURIComponent(secret), JSON.stringify(secret).slice(1, -1)])
    .filter((secret) => secret !== "")
    .reduce((rest, secret) => rest.replaceAll(secret, "[redacted]"), text);
}

function withoutWriter(
  { account, event, receivedAt }: Received<{ readonly eventKey: string }>,
  body: string,
): Parameters<typeof insertInbound>[1] {
  return {
    id: newId("inb", receivedAt),
    accountId: account.row.id,
    deviceKey: account.row.deviceKey,
    eventKey: event.eventKey,
    address: "",
    groupChatId: null,
    kind: "other",
    body,
    quotedProviderMessageId: null,
    state: "ignored",
    receivedAt,
  };
}
