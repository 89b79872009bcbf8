-- What a vendor says that an account has: its approved templates, and the groups that its number is in. Read by errands on the account's queue and kept here,
-- because names and group ids are personal data and the API never calls a vendor.

-- One row for each list of each account: when its vendor was asked, and when it last answered.
create table provider_inventories (
  account_id text not null constraint provider_inventories_account references provider_accounts (id) on delete cascade,
  kind text not null constraint provider_inventories_kind_known check (kind in ('templates', 'groups')),
  asked_at timestamptz, -- the latest question, answered or not; null: to be asked at once
  listed_at timestamptz, -- the latest answer
  is_complete boolean not null default false, -- what the latest answer lacks is not there
  failure text, -- why the latest question has no answer
  primary key (account_id, kind)
);

create table provider_templates (
  account_id text not null constraint provider_templates_account references provider_accounts (id) on delete cascade,
  name text not null,
  language_code text not null, -- the vendor's: id, en_US
  state text not null constraint provider_templates_state_known check (
    state in ('pending', 'approved', 'paused', 'disabled', 'rejected', 'unknown')
  ),
  state_since timestamptz not null,
  category text,
  body text,
  parameters text[], -- placeholders of the body: "1", "2" …, or names; null: the vendor has not shown the body
  quick_replies integer,
  unfillable text[] not null default '{}', -- parts that want values we have none for
  synced_at timestamptz not null,
  told_fault text, -- the fault that the operators were told of
  primary key (account_id, name, language_code)
);

create table provider_groups (
  account_id text not null constraint provider_groups_account references provider_accounts (id) on delete cascade,
  group_chat_id text not null,
  name text not null,
  primary key (account_id, group_chat_id)
);
