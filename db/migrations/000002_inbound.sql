-- What comes in, and what we answer to people who write.

-- Receipts are matched on the sending device: two accounts may share one number (its chats with persons and its groups), and the vendor reports both to
-- one address. A message id is unique there, and so is an event.
alter table receipts add column device_key text;
update receipts r set device_key = coalesce((select a.device_key from provider_accounts a where a.id = r.account_id), r.account_id);
alter table receipts alter column device_key set not null;
alter table receipts drop constraint receipts_once;
alter table receipts add constraint receipts_once unique (device_key, event_key);
drop index receipts_parked;
create index receipts_parked on receipts (device_key, provider_message_id) where message_id is null;
drop index receipts_parked_by_alias;
create index receipts_parked_by_alias on receipts (device_key, provider_alias) where message_id is null and provider_alias is not null;
drop index messages_by_provider_id;
create unique index messages_by_provider_id on messages (device_key, provider_message_id) where provider_message_id is not null;
drop index messages_by_alias;
create index messages_by_alias on messages (device_key, provider_alias) where provider_alias is not null;
alter table inbound_messages drop constraint inbound_messages_once;
alter table inbound_messages add constraint inbound_messages_once unique (device_key, event_key);

-- Second ids that a vendor told before its answer to the send was recorded.
create table message_links (
  device_key text not null,
  provider_alias text not null,
  provider_message_id text not null,
  created_at timestamptz not null default now(),
  primary key (device_key, provider_alias)
);
create index message_links_by_message on message_links (device_key, provider_message_id);
