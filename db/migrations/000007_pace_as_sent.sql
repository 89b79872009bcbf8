-- A slot says when a message may leave at the earliest; a busy worker lets it leave later, and the next one in time would follow it too closely. What a vendor
-- counts is when messages leave, so that is noted, and nothing leaves nearer to it than the gap.
alter table device_pace add column last_sent_at timestamptz;
alter table pair_pace add column last_sent_at timestamptz;

-- Null: it may leave now, and that is noted. Otherwise the instant from which on it may. A gap below a tenth of a second is a rate: its slots alone keep it, and
-- its device's row is not locked for every message. Locks in the order pair, device.
create function leave_now(
  p_device_key text,
  p_address text,
  p_gap interval,
  p_pair_gap interval
) returns timestamptz language plpgsql as $$
declare
  v_is_gap constant boolean := p_gap >= interval '100 milliseconds';
  v_is_pair constant boolean := p_pair_gap > interval '0';
  v_pair timestamptz;
  v_device timestamptz;
begin
  if v_is_pair then
    select p.last_sent_at + p_pair_gap into v_pair from pair_pace p
      where p.device_key = p_device_key and p.destination = p_address for update;
  end if;
  if v_is_gap then
    select p.last_sent_at + p_gap into v_device from device_pace p where p.device_key = p_device_key for update;
  end if;
  if greatest(v_pair, v_device) > clock_timestamp() then
    return greatest(v_pair, v_device);
  end if;
  if v_is_pair then
    update pair_pace p set last_sent_at = clock_timestamp() where p.device_key = p_device_key and p.destination = p_address;
  end if;
  if v_is_gap then
    update device_pace p set last_sent_at = clock_timestamp() where p.device_key = p_device_key;
  end if;
  return null;
end $$;

-- As in 000002, but a recipient whose own gap is not over keeps nobody else waiting: nothing is taken of the device for it.
create or replace function take_slot(
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
  v_slot := greatest(v_device, clock_timestamp());
  if v_pair > v_slot then
    return query select 'later', v_pair;
    return;
  end if;
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

-- As in 000002, and nothing leaves too close behind what left last; the address is the delivery's again, as the owner's view shows it.
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
    select * into v_slot from take_slot(p_device_key, p_address, p_gap, p_pair_gap, p_ahead, p_daily_cap);
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
    select * into v_slot from take_slot(p_device_key, p_address, p_gap, p_pair_gap, p_ahead, p_daily_cap);
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
