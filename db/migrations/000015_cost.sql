-- What accounts cost. A message notes which price holds for it; what it costs is worked out when somebody reads it, so that sending and receipts write no sums.
create table price_book (
  id text primary key,
  account_id text not null constraint price_book_account references provider_accounts (id) on delete cascade,
  unit text not null constraint price_book_unit_known check (unit in ('message', 'segment', 'minute', 'month')),
  billing_class text collate "C" constraint price_book_class_known check (billing_class in ('utility', 'authentication', 'marketing', 'service')), -- null: any
  prefix text not null default '' constraint price_book_prefix_digits check (prefix ~ '^[0-9]{0,6}$'), -- of the number, from its country code; '': any
  amount numeric not null constraint price_book_amount_positive check (amount >= 0),
  currency text not null default 'IDR' constraint price_book_currency_code check (currency ~ '^[A-Z]{3}$'),
  exchange_rate numeric not null default 1 constraint price_book_rate_positive check (exchange_rate > 0), -- rupiah for one of the currency
  -- Of one unit, in rupiah; costs have no more digits than this.
  unit_cost numeric not null generated always as (round(amount * exchange_rate, 6)) stored,
  charged_on text not null default 'accepted' constraint price_book_charged_on_known check (charged_on in ('accepted', 'sent', 'delivered')),
  increment_seconds integer not null default 60 constraint price_book_increment_positive check (increment_seconds > 0), -- of a minute's price: begun ones count
  quota integer constraint price_book_quota_positive check (quota > 0), -- messages in a month's package; null: no package
  valid_from timestamptz not null,
  note text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint price_book_rupiah check (currency <> 'IDR' or exchange_rate = 1),
  constraint price_book_fee_is_plain check (unit <> 'month' or (billing_class is null and prefix = '')),
  constraint price_book_quota_of_month check (quota is null or unit = 'month')
);
-- One price at a time for what it is of; the monthly fee stands beside the others.
create unique index price_book_once on price_book (account_id, (unit = 'month'), coalesce(billing_class, ''), prefix, valid_from);
create index price_book_newest on price_book (created_at desc, id desc);

alter table messages
  add column price_id text, -- of price_book; null: its account had no price
  add column billing_class text collate "C", -- as the vendor says
  add column is_billed boolean, -- as the vendor says; null: it does not
  add column call_seconds integer;
alter table receipts
  add column is_billed boolean,
  add column billing_class text collate "C",
  add column call_seconds integer;
-- Sums are over spans of time; rows come in that order, so this costs a write almost nothing.
create index messages_in_time on messages using brin (created_at) with (pages_per_range = 32, autosummarize = on);

-- The price that holds for a message: of its class, else of any; by the longest prefix; the newest. What no vendor has classed yet counts as utility.
-- The same rule, for plans, is `priceFor` in domain/price.ts.
create function price_for(p_account_id text, p_billing_class text, p_address text, p_at timestamptz) returns text language sql stable as $$
  select p.id from price_book p
  where p.account_id = p_account_id and p.unit <> 'month' and p.valid_from <= p_at
    and (p.billing_class is null or p.billing_class = coalesce(p_billing_class, 'utility'))
    and (p.prefix = '' or starts_with(p_address, '+' || p.prefix))
  order by p.billing_class is null, length(p.prefix) desc, p.valid_from desc limit 1
$$;

-- Also for messages that a process of the release before this one writes.
create function price_message() returns trigger language plpgsql as $$
begin
  new.price_id := price_for(new.account_id, new.billing_class, new.address, new.created_at);
  return new;
end $$;
create trigger messages_price before insert on messages for each row execute function price_message();
create trigger messages_reprice before update of billing_class on messages for each row
  when (new.billing_class is distinct from old.billing_class) execute function price_message();

-- What each message cost in rupiah, as far as is known; null: its account had no price. The vendor's own word goes first, except that nobody pays for the
-- delivery of what has failed; a call is paid by what it lasted.
create view message_costs as
select m.id as message_id, m.account_id, m.channel, m.created_at, m.status,
  round(case
    when p.id is null then null
    when m.is_billed is false then 0
    when p.unit = 'minute' and m.call_seconds is not null then
      p.unit_cost * ceil(m.call_seconds::numeric / p.increment_seconds) * p.increment_seconds / 60
    when (m.is_billed and not (p.charged_on = 'delivered' and m.status = 'failed'))
      or case p.charged_on
        when 'accepted' then m.accepted_at is not null
        when 'sent' then coalesce(m.sent_at, m.delivered_at, m.read_at) is not null
        when 'delivered' then coalesce(m.delivered_at, m.read_at) is not null
      end
    then p.unit_cost * case p.unit
      when 'segment' then greatest(m.segments, 1)
      when 'minute' then p.increment_seconds / 60.0
      else 1
    end
    else 0
  end, 6) as cost
from messages m left join price_book p on p.id = m.price_id;

-- What a delivery's messages cost: its own, which the first of those that share it bears, and the copies of a push. A row of the inbox is free.
create function delivery_cost(p_delivery_id text) returns numeric language sql stable as $$
  select coalesce(sum(c.cost), (select 0 from deliveries d where d.id = p_delivery_id and d.channel = 'in_app')) from message_costs c
  where c.message_id in (
    select d.message_id from deliveries d
    where d.id = p_delivery_id and not exists (select from deliveries o where o.message_id = d.message_id and o.id < d.id)
    union
    select y.message_id from push_copies y where y.delivery_id = p_delivery_id
  )
$$;

-- Never written; a process of the release before this one still reads it.
comment on column deliveries.cost is 'unused, see delivery_cost()';

-- As in 000005, with what the vendor says of its bill.
drop function record_receipt(text, text, text, text, text, text, boolean, text, text, jsonb, timestamptz, timestamptz, jsonb);
create function record_receipt(
  p_receipt_id text,
  p_account_id text,
  p_provider_message_id text,
  p_alias text,
  p_delivery_key text,
  p_status text,
  p_final boolean,
  p_event_key text,
  p_reason text,
  p_error jsonb,
  p_reported_at timestamptz,
  p_received_at timestamptz,
  p_merges jsonb,
  p_is_billed boolean default null,
  p_billing_class text default null,
  p_call_seconds integer default null
) returns table (verdict text, signals jsonb) language plpgsql as $$
declare
  v_device text := coalesce((select a.device_key from provider_accounts a where a.id = p_account_id), p_account_id);
  v_message_id text;
begin
  -- Both ids are locked: a report that knows one id only meets the report or the answer that ties them.
  perform lock_message(v_device, array_remove(array[p_provider_message_id, 'alias:' || p_alias], null));
  insert into receipts (id, account_id, device_key, provider_message_id, provider_alias, status, final, event_key, reason, error, reported_at, received_at,
      is_billed, billing_class, call_seconds)
    values (p_receipt_id, p_account_id, v_device, p_provider_message_id, p_alias, p_status, p_final, p_event_key, p_reason, p_error, p_reported_at,
      p_received_at, p_is_billed, p_billing_class, p_call_seconds)
    on conflict on constraint receipts_once do nothing;
  if not found then
    return query select 'duplicate', '[]'::jsonb;
    return;
  end if;
  select f.id into v_message_id from (
    select m.id, 1 as place from messages m where m.device_key = v_device and m.provider_message_id = p_provider_message_id
    union all
    select m.id, 2 from messages m where m.device_key = v_device and m.provider_alias = p_alias
    union all
    -- The answer to the send was lost, and the vendor gives our delivery's id back.
    select m.id, 3 from deliveries d join messages m on m.id = d.message_id
    where d.id = p_delivery_key and m.device_key = v_device and m.provider_message_id is null
  ) f order by f.place limit 1;
  if v_message_id is null then
    return query select 'parked', '[]'::jsonb;
    return;
  end if;
  return query select 'recorded', apply_receipts(
    array[p_receipt_id] || array(
      -- Came under the second id alone, before this report tied it to the message.
      select r.id from receipts r
      where r.device_key = v_device and r.provider_alias = p_alias and r.message_id is null and r.id <> p_receipt_id order by r.received_at
    ),
    v_message_id, p_merges
  );
end $$;

-- As in 000010, with what the vendor says of its bill.
create or replace function apply_receipt(p_receipt_id text, p_message_id text, p_merges jsonb, p_is_early boolean)
returns table (delivery_id text, status text, changed boolean, signals boolean, workflow_id text, fact jsonb) language plpgsql as $$
declare
  v_receipt receipts;
  v_merges jsonb;
  -- When it happened, as well as we can know: by the vendor's clock when the report came late, else when we heard of it. Vendors report whole seconds.
  v_at timestamptz;
begin
  select * into strict v_receipt from receipts r where r.id = p_receipt_id;
  v_merges := p_merges -> v_receipt.status;
  v_at := case
    when v_receipt.reported_at is null or v_receipt.received_at - v_receipt.reported_at < interval '2 seconds' then v_receipt.received_at
    else v_receipt.reported_at
  end;
  return query
    with found as (
      select d.id, d.notification_id, d.purpose, d.pass, d.step, d.target, d.channel, d.attempt, d.hand_over, d.status as before, d.evidence,
        n.workflow_id, n.stopped_at is not null or n.settled_at is not null as is_over,
        v_merges -> case when exists (
          select from deliveries o
          where o.notification_id = d.notification_id and o.purpose = d.purpose and o.pass = d.pass and o.step = d.step and o.target = d.target
            and o.channel = d.channel and o.attempt = d.attempt and o.hand_over > d.hand_over and o.status <> 'skipped'
        ) or (d.status = 'unknown' and exists (
          select from deliveries o
          where o.notification_id = d.notification_id and o.purpose = d.purpose and o.pass = d.pass and o.target = d.target
            and o.channel <> d.channel and o.order_reason = 'pulled_forward' and o.created_at >= d.created_at and o.status <> 'skipped'
        )) then 'replaced' else 'copy' end -> d.status as merged
      from deliveries d join notifications n on n.id = d.notification_id
      where d.message_id = p_message_id
    ),
    moved as (
      select f.*, coalesce(f.merged ->> 0, f.before) as after, f.merged ->> 1 as note,
        not p_is_early and f.purpose = 'ladder' and not f.is_over
          and (v_receipt.status = 'failed' or v_receipt.status = any(f.evidence))
          and (coalesce(f.merged ->> 0, f.before) <> f.before or (v_receipt.status = 'failed' and not v_receipt.final)) as signals
      from found f
    ),
    receipt as (
      update receipts r set message_id = p_message_id, note = (select m.note from moved m where m.note is not null limit 1),
        signalled_at = case when exists (select from moved m where m.signals) then null else v_at end
      where r.id = p_receipt_id
    ),
    message as (
      update messages m set status = coalesce(v_merges -> 'copy' -> m.status ->> 0, m.status),
        provider_message_id = coalesce(m.provider_message_id, v_receipt.provider_message_id),
        provider_alias = coalesce(m.provider_alias, v_receipt.provider_alias),
        accepted_at = coalesce(m.accepted_at, v_at),
        sent_at = case when v_receipt.status = 'failed' then m.sent_at else least(coalesce(m.sent_at, v_at), v_at) end,
        delivered_at = case when v_receipt.status in ('delivered', 'read') then coalesce(m.delivered_at, v_at) else m.delivered_at end,
        read_at = case when v_receipt.status = 'read' then coalesce(m.read_at, v_at) else m.read_at end,
        failed_at = case when v_receipt.status = 'failed' then coalesce(m.failed_at, v_at) else m.failed_at end,
        -- Each the same whatever comes first.
        is_billed = case when m.is_billed or v_receipt.is_billed then true else coalesce(m.is_billed, v_receipt.is_billed) end,
        billing_class = greatest(m.billing_class, v_receipt.billing_class),
        call_seconds = greatest(m.call_seconds, v_receipt.call_seconds)
      where m.id = p_message_id
    ),
    event as (
      insert into notification_events (notification_id, entry_key, at, kind, pass, step, target, channel, account_id, delivery_id, reason, detail)
      select m.notification_id, 'r:' || p_receipt_id || ':' || m.id, v_receipt.received_at, 'receipt', m.pass, m.step, m.target, m.channel,
        v_receipt.account_id, m.id, v_receipt.status,
        jsonb_strip_nulls(jsonb_build_object('status', v_receipt.status, 'note', m.note, 'cause', v_receipt.reason,
          'early', case when p_is_early then true end))
      from moved m
      on conflict on constraint notification_events_once do nothing
    ),
    delivery as (
      update deliveries d set status = m.after, note = coalesce(m.note, d.note),
        accepted_at = coalesce(d.accepted_at, case when m.after <> 'failed' then v_at end),
        sent_at = case when v_receipt.status = 'failed' then d.sent_at else least(coalesce(d.sent_at, v_at), v_at) end,
        delivered_at = case when v_receipt.status in ('delivered', 'read') then coalesce(d.delivered_at, v_at) else d.delivered_at end,
        read_at = case when v_receipt.status = 'read' then coalesce(d.read_at, v_at) else d.read_at end,
        failed_at = case when m.after = 'failed' then coalesce(d.failed_at, v_at) else d.failed_at end,
        reason = case when m.after = 'failed' and m.before <> 'failed' then coalesce(v_receipt.reason, d.reason) else d.reason end,
        error = case when m.after = 'failed' and v_receipt.error is not null then v_receipt.error else d.error end
      from moved m where d.id = m.id
    )
    select m.id, m.after, m.after <> m.before, m.signals, m.workflow_id,
      jsonb_build_object('kind', 'receipt', 'pass', m.pass, 'step', m.step, 'target', m.target, 'channel', m.channel, 'attempt', m.attempt,
        'handOver', m.hand_over, 'status', v_receipt.status, 'final', v_receipt.final,
        -- The ladder's clocks are ours: a vendor's may be wrong.
        'at', floor(extract(epoch from v_receipt.received_at) * 1000)::bigint, 'reason', v_receipt.reason)
    from moved m;
end $$;
