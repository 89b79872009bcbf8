-- Health moves by what accounts do: see domain/circuit.ts. The numbers are the circuit's; a person reads `health_state`, `health_since` and `health_reason`.
alter table provider_accounts
  add column failed_tries integer not null default 0, -- since it went out
  add column next_try_at timestamptz, -- set while it is out and may be tried again
  add column trial_delivery_id text, -- while it is probing: the one message that tries it
  add column noticed_at timestamptz, -- when the operators were last told of it
  add column is_standby boolean not null default false, -- API name: standby
  add column quota_left integer, -- messages left in its package, as the vendor last told
  add column probed_at timestamptz,
  add column new_contact_cap integer, -- first messages to new contacts, per UTC day
  add column warm_up jsonb; -- {"startedOn": date, "caps": [messages on day 1, day 2, …]}

-- Workers open and close queues by these columns; counters that move with every message would wake them for nothing.
drop trigger provider_accounts_changed on provider_accounts;
create trigger provider_accounts_changed after insert or delete or update of pacing, enabled on provider_accounts
  for each row execute function notify_provider_accounts();

create index provider_accounts_ill on provider_accounts (health_state) where health_state <> 'healthy';

-- First messages of a sending device to somebody it never wrote to, and who never wrote to it: what gets new numbers banned.
alter table device_pace
  add column new_contacts_on date, -- UTC day that new_contacts counts
  add column new_contacts integer not null default 0;

-- As in 000007, with a cap on first messages. The caps are the day's, whatever curve they come from; null where none holds.
drop function take_slot(text, text, interval, interval, interval, integer);
create function take_slot(
  p_device_key text,
  p_address text,
  p_gap interval,
  p_pair_gap interval,
  p_ahead interval,
  p_daily_cap integer,
  p_new_contact_cap integer
) returns table (verdict text, slot_at timestamptz) language plpgsql as $$
declare
  v_today constant date := (clock_timestamp() at time zone 'UTC')::date;
  v_pace device_pace%rowtype;
  v_sent_today integer;
  v_new_contacts integer;
  v_is_new boolean := false;
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
  select p.* into v_pace from device_pace p where p.device_key = p_device_key for update;
  v_sent_today := case when v_pace.sent_on = v_today then v_pace.sent_today else 0 end;
  v_new_contacts := case when v_pace.new_contacts_on = v_today then v_pace.new_contacts else 0 end;
  if v_sent_today >= p_daily_cap then
    return query select 'capped', null::timestamptz;
    return;
  end if;
  if p_new_contact_cap is not null then
    v_is_new := not exists (select from messages m where m.device_key = p_device_key and m.address = p_address)
      and not exists (select from contact_windows w where w.device_key = p_device_key and w.address = p_address);
    if v_is_new and v_new_contacts >= p_new_contact_cap then
      return query select 'capped_new_contact', null::timestamptz;
      return;
    end if;
  end if;
  v_slot := greatest(v_pace.next_free_at, clock_timestamp());
  if v_pair > v_slot then
    return query select 'later', v_pair;
    return;
  end if;
  if v_slot > clock_timestamp() + p_ahead then
    return query select 'later', v_slot;
    return;
  end if;
  update device_pace p set next_free_at = v_slot + p_gap, sent_on = v_today, sent_today = v_sent_today + 1,
    new_contacts_on = v_today, new_contacts = v_new_contacts + v_is_new::integer
    where p.device_key = p_device_key;
  if p_pair_gap > interval '0' then
    update pair_pace p set next_free_at = v_slot + p_pair_gap
      where p.device_key = p_device_key and p.destination = p_address;
  end if;
  return query select case when v_slot > clock_timestamp() then 'wait' else 'now' end, v_slot;
end $$;

drop function reserve_slot(text, boolean, text, boolean, text, text, text, text, text, interval, interval, interval, integer, text, text, text, boolean);
create function reserve_slot(
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
  p_new_contact_cap integer,
  p_message_id text,
  p_body text,
  p_reply_code text,
  p_answerable boolean
) returns table (verdict text, slot_at timestamptz, message_id text) language plpgsql as $$
declare
  v_status text;
  v_message_id text;
  v_slot record;
  v_leaves_at timestamptz;
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
    select * into v_slot from take_slot(p_device_key, p_address, p_gap, p_pair_gap, p_ahead, p_daily_cap, p_new_contact_cap);
    if v_slot.verdict <> 'now' then
      return query select v_slot.verdict, v_slot.slot_at, null::text;
      return;
    end if;
  end if;
  v_leaves_at := leave_now(p_device_key, p_address, p_gap, p_pair_gap);
  if v_leaves_at is not null then
    return query select 'wait', v_leaves_at, null::text;
    return;
  end if;

  insert into messages (id, account_id, provider, channel, device_key, address, body, status, reply_code, answerable)
    values (p_message_id, p_account_id, p_provider, p_channel, p_device_key, p_address, p_body, 'sending', p_reply_code, p_answerable)
    on conflict (id) do update set status = 'sending', body = excluded.body;
  update deliveries d set status = 'sending', sending_at = coalesce(d.sending_at, clock_timestamp()), message_id = p_message_id, address = p_address,
    tries = d.tries + 1
    where d.id = p_delivery_id;
  return query select 'send', clock_timestamp(), p_message_id;
end $$;

-- Whoever is answered has written first: no cap on new contacts.
create or replace function reserve_answer_slot(
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
  v_leaves_at timestamptz;
begin
  select a.status into v_status from answers a where a.inbound_message_id = p_inbound_message_id for update;
  if v_status is distinct from 'intended' then
    return query select 'not_intended', null::timestamptz, null::text;
    return;
  end if;

  if not p_reserved then
    select * into v_slot from take_slot(p_device_key, p_address, p_gap, p_pair_gap, p_ahead, p_daily_cap, null);
    if v_slot.verdict <> 'now' then
      return query select v_slot.verdict, v_slot.slot_at, null::text;
      return;
    end if;
  end if;
  v_leaves_at := leave_now(p_device_key, p_address, p_gap, p_pair_gap);
  if v_leaves_at is not null then
    return query select 'wait', v_leaves_at, null::text;
    return;
  end if;

  insert into messages (id, account_id, provider, channel, device_key, address, body, status)
    values (p_message_id, p_account_id, p_provider, p_channel, p_device_key, p_address, p_body, 'sending')
    on conflict (id) do update set status = 'sending', body = excluded.body;
  update answers a set status = 'sending', sending_at = coalesce(a.sending_at, clock_timestamp()), message_id = p_message_id, tries = a.tries + 1
    where a.inbound_message_id = p_inbound_message_id;
  return query select 'send', clock_timestamp(), p_message_id;
end $$;
