-- Browsers and apps that a person lets us push to. Each belongs to the account whose key it subscribed with; no other account can reach it.
create table push_subscriptions (
  id text primary key,
  user_id text not null constraint push_subscriptions_user references users (id) on delete cascade,
  account_id text not null constraint push_subscriptions_account references provider_accounts (id) on delete cascade,
  -- Where it is reached, sealed: whoever knows a push service's address of a browser can write to it. Gone once the vendor says that nobody is there.
  destination_encrypted bytea,
  -- Of the address or token, so that one device is in here once without being readable.
  destination_hash bytea not null,
  device_name text,
  created_at timestamptz not null default now(),
  last_used_at timestamptz, -- when a push service last took a message for it
  expired_at timestamptz,
  constraint push_subscriptions_reachable check ((expired_at is null) = (destination_encrypted is not null))
);
-- A browser in which somebody else signs in is theirs from then on.
create unique index push_subscriptions_one_device on push_subscriptions (account_id, destination_hash) where expired_at is null;
create index push_subscriptions_by_user on push_subscriptions (user_id) where expired_at is null;

-- One delivery of channel push is a message to each device that the person has at the account; deliveries.message_id is the one that speaks for all.
create table push_copies (
  delivery_id text not null constraint push_copies_delivery references deliveries (id) on delete cascade,
  subscription_id text not null, -- may be gone by now
  message_id text not null constraint push_copies_message references messages (id),
  primary key (delivery_id, subscription_id)
);
create index push_copies_by_message on push_copies (message_id);

-- reserve_slot for a delivery to several devices: their slots are taken together, one gap apart, and every message stands before the first one leaves.
-- p_copies: [{"subscriptionId", "messageId"}], at least one; a copy's address is its subscription's id.
create function reserve_push_slots(
  p_notification_id text,
  p_is_ladder boolean,
  p_delivery_id text,
  p_reserved boolean,
  p_account_id text,
  p_provider text,
  p_channel text,
  p_device_key text,
  p_gap interval,
  p_pair_gap interval,
  p_ahead interval,
  p_daily_cap integer,
  p_new_contact_cap integer,
  p_copies jsonb,
  p_body text
) returns table (verdict text, slot_at timestamptz, message_id text) language plpgsql as $$
declare
  v_count constant integer := jsonb_array_length(p_copies);
  v_slot record;
begin
  select * into v_slot from reserve_slot(p_notification_id, p_is_ladder, p_delivery_id, p_reserved, p_account_id, p_provider, p_channel, p_device_key,
    p_copies -> 0 ->> 'subscriptionId', p_gap * v_count, p_pair_gap, p_ahead, p_daily_cap, p_new_contact_cap, p_copies -> 0 ->> 'messageId', p_body,
    null, false);
  -- The slot that was taken counts as one message.
  if not p_reserved and v_slot.verdict in ('send', 'wait') and v_count > 1 then
    update device_pace p set sent_today = p.sent_today + v_count - 1 where p.device_key = p_device_key;
  end if;
  if v_slot.verdict = 'send' then
    insert into messages (id, account_id, provider, channel, device_key, address, body, status)
      select c ->> 'messageId', p_account_id, p_provider, p_channel, p_device_key, c ->> 'subscriptionId', p_body, 'sending'
      from jsonb_array_elements(p_copies - 0) c
      on conflict (id) do update set status = 'sending', body = excluded.body;
    insert into push_copies (delivery_id, subscription_id, message_id)
      select p_delivery_id, c ->> 'subscriptionId', c ->> 'messageId' from jsonb_array_elements(p_copies) c
      on conflict do nothing;
  end if;
  return query select v_slot.verdict, v_slot.slot_at, v_slot.message_id;
end $$;

-- Payloads of the real-time rooms that are too long for a NOTIFY; kept for half a minute. The shape is the library's.
create table socket_io_attachments (
  id bigserial primary key,
  created_at timestamptz not null default now(),
  payload bytea
);
