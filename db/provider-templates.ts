import type pg from "pg";

import type { Channel } from "../domain/channel.ts";
import type { Locale } from "../domain/locale.ts";
import { findVendorTemplate, judgeTemplate } from "../domain/provider-template.ts";
import type {
  TemplateFault,
  TemplateMapping,
  TemplateState,
  VendorTemplate,
} from "../domain/provider-template.ts";
import { recordListed } from "./provider-inventories.ts";
import { withTransaction } from "./transaction.ts";

/** Templates as a vendor has them, and which texts of ours go out by them. */

export interface ListedTemplate extends VendorTemplate {
  readonly category: string | null;
  readonly body: string | null;
}

/** Names that texts of ours are mapped to. A mapping without a language has its text's. */
const MAPPED = `
  select t.provider_template ->> 'name' as name, coalesce(t.provider_template ->> 'language', t.locale) as language_code
  from templates t where t.is_current and t.channel like 'whatsapp\\_%' and t.provider_template ->> 'name' is not null`;

/** A `VendorTemplate` from provider_templates `p`. */
export const VENDOR_TEMPLATE_JSON = `jsonb_build_object('name', p.name, 'languageCode', p.language_code, 'state', p.state, 'parameters', to_jsonb(p.parameters),
  'quickReplies', p.quick_replies, 'unfillable', to_jsonb(p.unfillable))`;

/** Replaces what is known of an account's templates. What a text of ours names and the vendor doesn't have is kept as `unknown`. */
export async function recordTemplateList(
  pool: pg.Pool,
  input: {
    readonly accountId: string;
    readonly templates: readonly ListedTemplate[];
    readonly at: Date;
  },
): Promise<void> {
  await withTransaction(pool, async (client) => {
    await recordListed(client, { ...input, kind: "templates", isComplete: true });
    await client.query({
      name: "templates-listed",
      text: `
        insert into provider_templates (account_id, name, language_code, state, state_since, category, body, parameters, quick_replies, unfillable, synced_at)
        select $1, l.name, l."languageCode", l.state, $3, l.category, l.body, l.parameters, l."quickReplies", l.unfillable, $3
        from jsonb_to_recordset($2::jsonb) as l(name text, "languageCode" text, state text, category text, body text, parameters text[],
          "quickReplies" integer, unfillable text[])
        on conflict (account_id, name, language_code) do update set
          state = excluded.state, category = excluded.category, body = excluded.body, parameters = excluded.parameters,
          quick_replies = excluded.quick_replies, unfillable = excluded.unfillable, synced_at = excluded.synced_at,
          state_since = case when provider_templates.state = excluded.state then provider_templates.state_since else excluded.state_since end`,
      values: [input.accountId, JSON.stringify(input.templates), input.at],
    });
    await client.query({
      name: "templates-not-listed",
      text: `
        with mapped as (${MAPPED}),
        gone as (
          delete from provider_templates p where p.account_id = $1 and p.synced_at < $2
            and (p.name, p.language_code) not in (select name, language_code from mapped)
        ),
        lost as (
          update provider_templates p set state = 'unknown', synced_at = $2,
            state_since = case when p.state = 'unknown' then p.state_since else $2 end
          where p.account_id = $1 and p.synced_at < $2 and (p.name, p.language_code) in (select name, language_code from mapped)
        )
        insert into provider_templates (account_id, name, language_code, state, state_since, synced_at)
        select distinct $1, m.name, m.language_code, 'unknown', $2::timestamptz, $2::timestamptz from mapped m
        where not exists (
          select from provider_templates p
          where p.account_id = $1 and p.name = m.name and m.language_code in (p.language_code, split_part(p.language_code, '_', 1))
        )
        on conflict do nothing`,
      values: [input.accountId, input.at],
    });
  });
}

/**
 * The vendor's word on one template, between two lists. Accounts of the same provider may share the template without being told: they are asked anew. The
 * mapping keeps the word for accounts whose list nobody has read yet.
 */
export async function recordTemplateState(
  client: pg.Pool | pg.PoolClient,
  report: {
    readonly accountId: string;
    readonly name: string;
    readonly languageCode: string;
    readonly state: TemplateState;
    readonly at: Date;
  },
): Promise<void> {
  const { accountId, name, languageCode, state, at } = report;
  await client.query({
    name: "template-state",
    text: `
      insert into provider_templates (account_id, name, language_code, state, state_since, synced_at) values ($1, $2, $3, $4, $5, $5)
      on conflict (account_id, name, language_code) do update set state = excluded.state, state_since = excluded.state_since, synced_at = excluded.synced_at
      where provider_templates.state <> excluded.state`,
    values: [accountId, name, languageCode, state, at],
  });
  await askTemplatesAnew(client, accountId);
  await client.query({
    name: "template-state-mapped",
    text: `
      update templates set provider_template = jsonb_set(provider_template, '{status}', to_jsonb($3::text))
      where provider_template ->> 'name' = $1
        and coalesce(provider_template ->> 'language', locale) in ($2, split_part($2, '_', 1))
        and provider_template ->> 'status' is distinct from $3`,
    values: [name, languageCode, state],
  });
}

/** The next sweep reads the lists of this provider's accounts. */
export async function askTemplatesAnew(
  db: pg.Pool | pg.PoolClient,
  accountId: string,
): Promise<void> {
  await db.query({
    name: "templates-ask-anew",
    text: `
      update provider_inventories i set asked_at = null
      from provider_accounts a
      where i.kind = 'templates' and a.id = i.account_id
        and a.provider = (select o.provider from provider_accounts o where o.id = $1)`,
    values: [accountId],
  });
}

/** Where a text of ours goes out by a template, and what hinders it. */
export interface TemplateUse {
  readonly templateId: string;
  readonly type: string;
  readonly channel: Channel;
  readonly locale: Locale;
  readonly parameters: readonly string[];
  readonly fault: TemplateFault | null;
}

export interface ProviderTemplateRow extends ListedTemplate {
  readonly stateSince: Date;
  readonly syncedAt: Date;
  readonly toldFault: string | null;
  readonly usedBy: readonly TemplateUse[];
}

interface MappedText {
  readonly templateId: string;
  readonly type: string;
  readonly channel: Channel;
  readonly locale: Locale;
  readonly mapping: TemplateMapping;
}

/** By name and language. */
export async function readProviderTemplates(
  db: pg.Pool | pg.PoolClient,
  accountId: string,
): Promise<readonly ProviderTemplateRow[]> {
  const { rows } = await db.query<Omit<ProviderTemplateRow, "usedBy">>({
    name: "templates-of-account",
    text: `
      select p.name, p.language_code as "languageCode", p.state, p.state_since as "stateSince", p.category, p.body, p.parameters,
        p.quick_replies as "quickReplies", p.unfillable, p.synced_at as "syncedAt", p.told_fault as "toldFault"
      from provider_templates p where p.account_id = $1 order by p.name, p.language_code`,
    values: [accountId],
  });
  if (rows.length === 0) return [];
  const { rows: texts } = await db.query<MappedText>({
    name: "templates-mapped",
    text: `
      select t.id as "templateId", t.type, t.channel, t.locale, t.provider_template as mapping from templates t
      where t.is_current and t.channel like 'whatsapp\\_%' and t.provider_template ->> 'name' is not null
      order by t.type, t.channel, t.locale`,
  });
  return rows.map((row) => ({ ...row, usedBy: texts.flatMap((text) => useOf(text, row, rows)) }));
}

function useOf(
  { mapping, ...text }: MappedText,
  row: VendorTemplate,
  all: readonly VendorTemplate[],
): readonly TemplateUse[] {
  const language = mapping.language ?? text.locale;
  if (findVendorTemplate(all, mapping.name ?? "", language) !== row) return [];
  const verdict = judgeTemplate(mapping, text.locale, [row]);
  return [
    { ...text, parameters: mapping.parameters ?? [], fault: verdict.ok ? null : verdict.fault },
  ];
}

/** A template of ours that an account can't send, and that the operators have not heard of. */
export interface TemplateTrouble {
  readonly accountId: string;
  readonly accountName: string;
  readonly name: string;
  readonly languageCode: string;
  readonly fault: TemplateFault;
  /** Epoch ms. */
  readonly since: number;
}

/** What only waits for the vendor is no trouble. */
const EXPECTED: readonly TemplateFault[] = ["template_pending", "template_unmapped"];

/** One for each template; forgets what was told of those that are well again. */
export async function untoldTemplateTroubles(pool: pg.Pool): Promise<readonly TemplateTrouble[]> {
  const { rows: accounts } = await pool.query<{ id: string; name: string }>({
    name: "templates-accounts",
    text: `select a.id, a.name from provider_accounts a
      where a.enabled and exists (select from provider_templates p where p.account_id = a.id) order by a.id`,
  });
  const troubles: TemplateTrouble[] = [];
  for (const { id, name: accountName } of accounts) {
    for (const row of await readProviderTemplates(pool, id)) {
      const fault = row.usedBy.find((use) => use.fault !== null)?.fault ?? null;
      const { name, languageCode, toldFault } = row;
      if (fault === null || EXPECTED.includes(fault)) {
        if (toldFault !== null) {
          await markTemplateTold(pool, { accountId: id, name, languageCode, fault: null });
        }
      } else if (fault !== toldFault) {
        const since = row.stateSince.getTime();
        troubles.push({ accountId: id, accountName, name, languageCode, fault, since });
      }
    }
  }
  return troubles;
}

export async function markTemplateTold(
  pool: pg.Pool,
  told: Pick<TemplateTrouble, "accountId" | "name" | "languageCode"> & {
    readonly fault: TemplateFault | null;
  },
): Promise<void> {
  await pool.query({
    name: "template-told",
    text: "update provider_templates set told_fault = $4 where account_id = $1 and name = $2 and language_code = $3",
    values: [told.accountId, told.name, told.languageCode, told.fault],
  });
}
