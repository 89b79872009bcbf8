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

-- Polite words say nothing by themselves: "terima kasih" holds the word "terima" and is no acceptance.
alter table reply_words drop constraint reply_words_meaning_known;
alter table reply_words add constraint reply_words_meaning_known check (meaning in ('acknowledge', 'refuse', 'all', 'polite'));

-- A question keeps what was answered already ("tolak" – which one? – "4821"), and ends when we say something else in that chat.
alter table reply_prompts add column meaning text constraint reply_prompts_meaning_known check (meaning in ('acknowledge', 'refuse'));
alter table reply_prompts add column asked_at timestamptz not null default now();

-- A code is looked for in the chat that it was sent to first: it may have been given to another notification since.
create index messages_by_code on messages (address, reply_code, created_at desc) where reply_code is not null;
-- A group's message comes once from each of our numbers in the group.
create index inbound_messages_by_group on inbound_messages (group_chat_id, received_at desc) where group_chat_id is not null;
create index inbound_messages_by_state on inbound_messages (state, received_at desc, id desc);

-- What Siaga says by itself to somebody who wrote: at most one answer to one message, and written together with it.
create table answers (
  inbound_message_id text primary key constraint answers_inbound_message references inbound_messages (id) on delete cascade,
  account_id text not null, -- carries it
  device_key text not null,
  address text not null, -- number or group id
  locale text not null,
  time_zone text not null,
  to_name text, -- in a group: who is meant
  situations jsonb not null, -- domain AnswerSituation[]: ids; the text is made when it is sent
  is_unmatched boolean not null default false, -- to something that was not understood: at most one a day
  status text not null default 'intended' constraint answers_status_known check (
    status in ('intended', 'sending', 'accepted', 'failed', 'unknown', 'dropped')
  ),
  message_id text constraint answers_message references messages (id),
  reason text,
  tries integer not null default 0,
  created_at timestamptz not null default now(),
  started_at timestamptz, -- its workflow was started; null: the sweep starts it
  sending_at timestamptz
);
create index answers_unstarted on answers (created_at) where started_at is null and status = 'intended';
create index answers_by_chat on answers (device_key, address, created_at desc);

-- Takes the next slot of a device and, where they have a gap, of a device and destination. `now`: it is this moment; `wait`: taken, at slot_at; `later`:
-- nothing taken, free at slot_at at the earliest; `capped`. Locks in the order pair, device.
create function take_slot(
  p_device_key text,
  p_address text,
  p_gap interval,
  p_pair_gap interval,
  p_ahead interval,
  p_daily_cap integer
) returns table (verdict text, slot_at timestamptz) language plpgsql as $$
declare
  v_device timestamptz;
  v_sent_on date;
  v_sent_today integer;
  v_pair timestamptz;
  v_slot timestamptz;
begin
  if p_pair_gap > interval '0' then
    insert into pair_pace (device_key, destination, next_free_at) values (p_device_key, p_address, clock_timestamp())
      on conflict do nothing;
    select p.next_free_at into v_pair from pair_pace p
      where p.device_key = p_device_key and p.destination = p_address for update;
  end if;
  insert into device_pace (device_key) values (p_device_key) on conflict do nothing;
  select p.next_free_at, p.sent_on, p.sent_today into v_device, v_sent_on, v_sent_today
    from device_pace p where p.device_key = p_device_key for update;
  if v_sent_on is distinct from (clock_timestamp() at time zone 'UTC')::date then
    v_sent_today := 0;
  end if;
  if p_daily_cap is not null and v_sent_today >= p_daily_cap then
    return query select 'capped', null::timestamptz;
    return;
  end if;
  v_slot := greatest(v_device, coalesce(v_pair, v_device), clock_timestamp());
  if v_slot > clock_timestamp() + p_ahead then
    return query select 'later', v_slot;
    return;
  end if;
  update device_pace p set next_free_at = v_slot + p_gap, sent_on = (clock_timestamp() at time zone 'UTC')::date, sent_today = v_sent_today + 1
    where p.device_key = p_device_key;
  if p_pair_gap > interval '0' then
    update pair_pace p set next_free_at = v_slot + p_pair_gap
      where p.device_key = p_device_key and p.destination = p_address;
  end if;
  return query select case when v_slot > clock_timestamp() then 'wait' else 'now' end, v_slot;
end $$;

-- As in 000001, on take_slot: every kind of message is paced by the same statement.
create or replace function reserve_slot(
  p_notification_id text,
  p_is_ladder boolean,
  p_delivery_id text,
  p_reserved boolean,
  p_account_id text,
  p_provider text,
  p_channel text,
  p_device_key text,
  p_address text,
  p_gap interval,
  p_pair_gap interval,
  p_ahead interval,
  p_daily_cap integer,
  p_message_id text,
  p_body text,
  p_reply_code text,
  p_answerable boolean
) returns table (verdict text, slot_at timestamptz, message_id text) language plpgsql as $$
declare
  v_status text;
  v_message_id text;
  v_slot record;
begin
  if p_is_ladder then
    perform from notifications n where n.id = p_notification_id and n.stopped_at is null and n.settled_at is null for share;
    if not found then
      return query select 'stopped', null::timestamptz, null::text;
      return;
    end if;
  end if;

  select d.status, d.message_id into v_status, v_message_id from deliveries d where d.id = p_delivery_id for update;
  if v_status is distinct from 'intended' then
    return query select 'not_intended', null::timestamptz, v_message_id;
    return;
  end if;

  if not p_reserved then
    select * into v_slot from take_slot(p_device_key, p_address, p_gap, p_pair_gap, p_ahead, p_daily_cap);
    if v_slot.verdict <> 'now' then
      return query select v_slot.verdict, v_slot.slot_at, null::text;
      return;
    end if;
  end if;

  insert into messages (id, account_id, provider, channel, device_key, address, body, status, reply_code, answerable)
    values (p_message_id, p_account_id, p_provider, p_channel, p_device_key, p_address, p_body, 'sending', p_reply_code, p_answerable)
    on conflict (id) do update set status = 'sending', body = excluded.body;
  update deliveries d set status = 'sending', sending_at = coalesce(d.sending_at, clock_timestamp()), message_id = p_message_id, tries = d.tries + 1
    where d.id = p_delivery_id;
  return query select 'send', clock_timestamp(), p_message_id;
end $$;

-- The same for an answer. An answer that is `sending` already may have left: it is not sent again.
create function reserve_answer_slot(
  p_inbound_message_id text,
  p_reserved boolean,
  p_account_id text,
  p_provider text,
  p_channel text,
  p_device_key text,
  p_address text,
  p_gap interval,
  p_pair_gap interval,
  p_ahead interval,
  p_daily_cap integer,
  p_message_id text,
  p_body text
) returns table (verdict text, slot_at timestamptz, message_id text) language plpgsql as $$
declare
  v_status text;
  v_slot record;
begin
  select a.status into v_status from answers a where a.inbound_message_id = p_inbound_message_id for update;
  if v_status is distinct from 'intended' then
    return query select 'not_intended', null::timestamptz, null::text;
    return;
  end if;

  if not p_reserved then
    select * into v_slot from take_slot(p_device_key, p_address, p_gap, p_pair_gap, p_ahead, p_daily_cap);
    if v_slot.verdict <> 'now' then
      return query select v_slot.verdict, v_slot.slot_at, null::text;
      return;
    end if;
  end if;

  insert into messages (id, account_id, provider, channel, device_key, address, body, status)
    values (p_message_id, p_account_id, p_provider, p_channel, p_device_key, p_address, p_body, 'sending')
    on conflict (id) do update set status = 'sending', body = excluded.body;
  update answers a set status = 'sending', sending_at = coalesce(a.sending_at, clock_timestamp()), message_id = p_message_id, tries = a.tries + 1
    where a.inbound_message_id = p_inbound_message_id;
  return query select 'send', clock_timestamp(), p_message_id;
end $$;
