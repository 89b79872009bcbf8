-- The same rules with less work for PostgreSQL: what happens to every message takes few small statements, and no row is written twice.

-- What a report changes of a delivery stands in no index, so that none of the table's eight is written with it; the room is for the row's next versions. Questions
-- to vendors (db/asking.ts) find their deliveries by the open notifications.
drop index deliveries_in_doubt;
drop index deliveries_unreported;
alter table deliveries set (fillfactor = 75);

-- The key under which everybody who reports of a message or records its answer meets. Of a second id: p_id = 'alias:<id>'.
create function message_key(p_device_key text, p_id text) returns bigint language sql immutable as $$
  select hashtextextended(p_device_key || ':' || p_id, 0)
$$;

-- What a report did, as far as whoever keeps the report needs it.
create type applied_receipt as (
  note text,
  member_id text,
  member_user_id text,
  signalled_at timestamptz, -- null: a run must be told
  signals jsonb -- what the runs must be told, an array; null: nothing
);

-- As in 000020, of a report that need not be stored yet: the caller keeps it together with what is answered here.
--
-- Moves a message and the deliveries that share it by a report. To be called under the message's key. Early: the report came before the vendor's answer to the
-- send, and the run learns of it with that answer.
create function apply_receipt(p_receipt receipts, p_message_id text, p_merges jsonb, p_is_early boolean) returns applied_receipt language plpgsql as $$
declare
  v_applied applied_receipt;
  -- What it proves of the message. That a group's member has it proves that it left, and nothing of the others.
  v_status text := case when p_receipt.member is null then p_receipt.status when p_receipt.status <> 'failed' then 'sent' end;
  v_has_left boolean := coalesce(v_status, 'failed') <> 'failed';
  v_has_arrived boolean := coalesce(v_status in ('delivered', 'read'), false);
  v_merges jsonb := coalesce(p_merges -> v_status, '{}');
  -- When it happened, as well as we can know: by the vendor's clock when the report came late, else when we heard of it. Vendors report whole seconds.
  v_at timestamptz := case
    when p_receipt.reported_at is null or p_receipt.received_at - p_receipt.reported_at < interval '2 seconds' then p_receipt.received_at
    else p_receipt.reported_at
  end;
  v_delivery record;
  v_merged jsonb;
  v_after text;
  v_note text;
begin
  if p_receipt.member is not null then
    select f.member_id, f.user_id into v_applied.member_id, v_applied.member_user_id
      from messages m, find_group_member(m.address, p_receipt.member) f where m.id = p_message_id;
  end if;
  for v_delivery in
    select d.id, d.notification_id, d.purpose, d.pass, d.step, d.target, d.channel, d.attempt, d.hand_over, d.status as before, d.evidence, d.created_at,
      n.workflow_id, n.stopped_at is not null or n.settled_at is not null as is_over,
      exists (
        select from deliveries o
        where o.notification_id = d.notification_id and o.purpose = d.purpose and o.pass = d.pass and o.step = d.step and o.target = d.target
          and o.channel = d.channel and o.attempt = d.attempt and o.hand_over > d.hand_over and o.status <> 'skipped'
      ) as is_replaced
    from deliveries d join notifications n on n.id = d.notification_id
    where d.message_id = p_message_id
    -- Reports under either of the message's ids do not meet at a key: the second one sees what the first made of the delivery.
    for no key update of d
  loop
    v_merged := v_merges -> case when v_delivery.is_replaced or (v_delivery.before = 'unknown' and exists (
        select from deliveries o
        where o.notification_id = v_delivery.notification_id and o.purpose = v_delivery.purpose and o.pass = v_delivery.pass
          and o.target = v_delivery.target and o.channel <> v_delivery.channel and o.order_reason = 'pulled_forward'
          and o.created_at >= v_delivery.created_at and o.status <> 'skipped'
      )) then 'replaced' else 'copy' end -> v_delivery.before;
    v_after := coalesce(v_merged ->> 0, v_delivery.before);
    v_note := v_merged ->> 1;
    v_applied.note := coalesce(v_applied.note, v_note);
    update deliveries d set status = v_after, note = coalesce(v_note, d.note),
      accepted_at = coalesce(d.accepted_at, case when v_after <> 'failed' then v_at end),
      sent_at = case when v_has_left then least(coalesce(d.sent_at, v_at), v_at) else d.sent_at end,
      delivered_at = case when v_has_arrived then coalesce(d.delivered_at, v_at) else d.delivered_at end,
      read_at = case when v_status = 'read' then coalesce(d.read_at, v_at) else d.read_at end,
      failed_at = case when v_after = 'failed' then coalesce(d.failed_at, v_at) else d.failed_at end,
      reason = case when v_after = 'failed' and v_delivery.before <> 'failed' then coalesce(p_receipt.reason, d.reason) else d.reason end,
      error = case when v_after = 'failed' and p_receipt.error is not null then p_receipt.error else d.error end
    where d.id = v_delivery.id;
    insert into notification_events (notification_id, entry_key, at, kind, pass, step, target, channel, account_id, delivery_id, reason, detail)
      values (v_delivery.notification_id, 'r:' || p_receipt.id || ':' || v_delivery.id, p_receipt.received_at, 'receipt', v_delivery.pass, v_delivery.step,
        v_delivery.target, v_delivery.channel, p_receipt.account_id, v_delivery.id, p_receipt.status,
        jsonb_strip_nulls(jsonb_build_object('status', p_receipt.status, 'note', v_note, 'cause', p_receipt.reason,
          'early', case when p_is_early then true end,
          -- Null: of no member, or of one who is nobody here.
          'member', coalesce(v_applied.member_user_id, v_applied.member_id))))
      on conflict on constraint notification_events_once do nothing;
    if not p_is_early and v_delivery.purpose = 'ladder' and not v_delivery.is_over
      and (v_status = 'failed' or v_status = any(v_delivery.evidence))
      and (v_after <> v_delivery.before or (v_status = 'failed' and not p_receipt.final))
    then
      v_applied.signals := coalesce(v_applied.signals, '[]') || jsonb_build_array(jsonb_build_object(
        'receiptId', p_receipt.id, 'workflowId', v_delivery.workflow_id, 'fact', jsonb_build_object('kind', 'receipt', 'pass', v_delivery.pass,
          'step', v_delivery.step, 'target', v_delivery.target, 'channel', v_delivery.channel, 'attempt', v_delivery.attempt,
          'handOver', v_delivery.hand_over, 'status', v_status, 'final', p_receipt.final,
          -- The ladder's clocks are ours: a vendor's may be wrong.
          'at', floor(extract(epoch from p_receipt.received_at) * 1000)::bigint, 'reason', p_receipt.reason)));
    end if;
  end loop;
  update messages m set status = coalesce(v_merges -> 'copy' -> m.status ->> 0, m.status),
    provider_message_id = coalesce(m.provider_message_id, p_receipt.provider_message_id),
    provider_alias = coalesce(m.provider_alias, p_receipt.provider_alias),
    accepted_at = coalesce(m.accepted_at, v_at),
    sent_at = case when v_has_left then least(coalesce(m.sent_at, v_at), v_at) else m.sent_at end,
    delivered_at = case when v_has_arrived then coalesce(m.delivered_at, v_at) else m.delivered_at end,
    read_at = case when v_status = 'read' then coalesce(m.read_at, v_at) else m.read_at end,
    failed_at = case when v_status = 'failed' then coalesce(m.failed_at, v_at) else m.failed_at end,
    -- Each the same whatever comes first.
    is_billed = case when m.is_billed or p_receipt.is_billed then true else coalesce(m.is_billed, p_receipt.is_billed) end,
    billing_class = greatest(m.billing_class, p_receipt.billing_class),
    call_seconds = greatest(m.call_seconds, p_receipt.call_seconds)
  where m.id = p_message_id;
  if v_applied.signals is null then
    v_applied.signalled_at := v_at;
  end if;
  return v_applied;
end $$;

-- Applies what was stored before its message was known, and answers what the runs must be told after it, oldest first.
create function apply_parked(p_receipt_ids text[], p_message_id text, p_merges jsonb, p_is_early boolean) returns jsonb language plpgsql as $$
declare
  v_receipt receipts;
  v_applied applied_receipt;
  v_signals jsonb := '[]';
begin
  for v_receipt in
    select r.* from unnest(p_receipt_ids) with ordinality as p(id, place) join receipts r on r.id = p.id order by p.place
  loop
    v_applied := apply_receipt(v_receipt, p_message_id, p_merges, p_is_early);
    update receipts r set message_id = p_message_id, note = v_applied.note, signalled_at = v_applied.signalled_at,
      member_id = v_applied.member_id, member_user_id = v_applied.member_user_id
    where r.id = v_receipt.id;
    v_signals := v_signals || coalesce(v_applied.signals, '[]');
  end loop;
  return v_signals;
end $$;

-- As in 000020. Stores a report and applies it. Verdicts: `recorded` with what the runs must be told, `duplicate`, `parked` (no message has that id yet).
create or replace function record_receipt(
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
  p_call_seconds integer default null,
  p_member jsonb default null
) returns table (verdict text, signals jsonb) language plpgsql as $$
declare
  v_device text := coalesce((select a.device_key from provider_accounts a where a.id = p_account_id), p_account_id);
  v_is_known boolean;
  v_message_id text;
  v_parked text[];
  v_receipt receipts;
  v_applied applied_receipt;
begin
  -- Both ids are locked: a report that knows one id only meets the report or the answer that ties them.
  perform pg_advisory_xact_lock(message_key(v_device, p_provider_message_id)), pg_advisory_xact_lock(message_key(v_device, 'alias:' || p_alias));
  select exists (select from receipts r where r.device_key = v_device and r.event_key = p_event_key),
    coalesce(
      (select m.id from messages m where m.device_key = v_device and m.provider_message_id = p_provider_message_id),
      (select m.id from messages m where m.device_key = v_device and m.provider_alias = p_alias limit 1),
      -- The answer to the send was lost, and the vendor gives our delivery's id back.
      (
        select m.id from deliveries d join messages m on m.id = d.message_id
        where d.id = p_delivery_key and m.device_key = v_device and m.provider_message_id is null
      )
    ),
    -- Came under the second id alone, before this report tied it to the message.
    array(
      select r.id from receipts r where r.device_key = v_device and r.provider_alias = p_alias and r.message_id is null order by r.received_at
    )
    into v_is_known, v_message_id, v_parked;
  if v_is_known then
    return query select 'duplicate', '[]'::jsonb;
    return;
  end if;

  v_receipt.id := p_receipt_id;
  v_receipt.account_id := p_account_id;
  v_receipt.provider_message_id := p_provider_message_id;
  v_receipt.provider_alias := p_alias;
  v_receipt.status := p_status;
  v_receipt.final := p_final;
  v_receipt.reason := p_reason;
  v_receipt.error := p_error;
  v_receipt.reported_at := p_reported_at;
  v_receipt.received_at := p_received_at;
  v_receipt.is_billed := p_is_billed;
  v_receipt.billing_class := p_billing_class;
  v_receipt.call_seconds := p_call_seconds;
  v_receipt.member := p_member;

  if v_message_id is not null then
    v_applied := apply_receipt(v_receipt, v_message_id, p_merges, false);
  end if;
  insert into receipts (id, account_id, device_key, provider_message_id, provider_alias, status, final, event_key, reason, error, reported_at, received_at,
      is_billed, billing_class, call_seconds, member, message_id, note, member_id, member_user_id, signalled_at)
    values (p_receipt_id, p_account_id, v_device, p_provider_message_id, p_alias, p_status, p_final, p_event_key, p_reason, p_error, p_reported_at,
      p_received_at, p_is_billed, p_billing_class, p_call_seconds, p_member, v_message_id, v_applied.note, v_applied.member_id,
      v_applied.member_user_id, v_applied.signalled_at)
    on conflict on constraint receipts_once do nothing;
  if not found then
    -- The same event under another id, at the same instant: nothing of this one has happened, and the next try finds it stored.
    raise exception 'the event is being stored' using errcode = 'serialization_failure';
  end if;
  if v_message_id is null then
    return query select 'parked', '[]'::jsonb;
    return;
  end if;
  if v_parked <> '{}' then
    v_applied.signals := coalesce(v_applied.signals, '[]') || apply_parked(v_parked, v_message_id, p_merges, false);
  end if;
  return query select 'recorded', coalesce(v_applied.signals, '[]');
end $$;

-- As in 000005.
create or replace function link_alias(p_account_id text, p_provider_message_id text, p_alias text, p_merges jsonb) returns jsonb language plpgsql as $$
declare
  v_device text := coalesce((select a.device_key from provider_accounts a where a.id = p_account_id), p_account_id);
  v_message_id text;
begin
  perform lock_message(v_device, array[p_provider_message_id, 'alias:' || p_alias]);
  update messages m set provider_alias = p_alias where m.device_key = v_device and m.provider_message_id = p_provider_message_id
    returning m.id into v_message_id;
  if v_message_id is null then
    insert into message_links (device_key, provider_alias, provider_message_id) values (v_device, p_alias, p_provider_message_id)
      on conflict do nothing;
    return '[]'::jsonb;
  end if;
  return apply_parked(
    array(
      select r.id from receipts r where r.device_key = v_device and r.provider_alias = p_alias and r.message_id is null order by r.received_at
    ),
    v_message_id, p_merges, false
  );
end $$;

-- As in 000021.
--
-- Records that the vendor took the message and applies the reports that came before this answer. Answers the delivery's status after those, and whether a
-- failure among them is the message's last word. An earlier execution may have recorded the same.
create or replace function record_accepted(
  p_notification_id text,
  p_delivery_id text,
  p_message_id text,
  p_account_id text,
  p_provider_message_id text,
  p_status text,
  p_segments integer,
  p_at timestamptz,
  p_provider_response jsonb,
  p_pass integer,
  p_step integer,
  p_target text,
  p_channel text,
  p_attempt integer,
  p_purpose text,
  p_merges jsonb
) returns table (status text, final boolean) language plpgsql as $$
declare
  v_device text := (select m.device_key from messages m where m.id = p_message_id);
  v_aliases text[];
  v_receipt record;
  v_before text;
begin
  perform pg_advisory_xact_lock(message_key(v_device, p_provider_message_id));
  v_aliases := array(
    select r.provider_alias from receipts r
    where r.device_key = v_device and r.provider_message_id = p_provider_message_id and r.provider_alias is not null
    union
    select l.provider_alias from message_links l where l.device_key = v_device and l.provider_message_id = p_provider_message_id
  );
  if v_aliases <> '{}' then
    -- Whoever holds a second id's lock does not see the tie that is being made; what it parks is looked for once it is done.
    perform lock_message(v_device, array(select 'alias:' || a.alias from unnest(v_aliases) as a(alias) order by 1));
  end if;
  update messages m set provider_message_id = p_provider_message_id,
    status = case when m.status = 'sending' then p_status else m.status end,
    provider_alias = coalesce(m.provider_alias, v_aliases[1]), provider_response = p_provider_response, segments = p_segments,
    accepted_at = coalesce(m.accepted_at, p_at), sent_at = case when p_status = 'sent' then coalesce(m.sent_at, p_at) else m.sent_at end
  where m.id = p_message_id and not exists (
    select from messages other
    where other.device_key = v_device and other.provider_message_id = p_provider_message_id and other.id <> p_message_id
  );
  update deliveries d set status = case when d.status in ('sending', 'intended') then p_status else d.status end,
    accepted_at = coalesce(d.accepted_at, p_at), error = case when d.status = 'failed' then d.error end,
    sent_at = case when p_status = 'sent' then coalesce(d.sent_at, p_at) else d.sent_at end
  where d.id = p_delivery_id
  returning d.status into status;
  final := true;
  if status = 'failed' then
    select r.final into final from receipts r
    where r.message_id = p_message_id and r.status = 'failed' order by r.received_at desc limit 1;
    final := coalesce(final, true);
  end if;
  insert into notification_events (notification_id, entry_key, at, kind, pass, step, target, channel, account_id, delivery_id, detail)
    values
      (p_notification_id, 'd:' || p_delivery_id || ':attempted', p_at, 'delivery_attempted', p_pass, p_step, p_target, p_channel, p_account_id,
        p_delivery_id, jsonb_build_object('attempt', p_attempt)),
      (p_notification_id, 'd:' || p_delivery_id || ':accepted', p_at,
        case when p_purpose = 'closing' then 'closing_sent' else 'delivery_accepted' end, p_pass, p_step, p_target, p_channel, p_account_id,
        p_delivery_id, jsonb_build_object('attempt', p_attempt))
    on conflict on constraint notification_events_once do nothing;
  for v_receipt in
    select r.id, r.status, r.final from receipts r
    where r.device_key = v_device and r.message_id is null
      and (r.provider_message_id = p_provider_message_id or r.provider_alias = any(v_aliases))
    order by r.received_at
  loop
    v_before := status;
    perform apply_parked(array[v_receipt.id], p_message_id, p_merges, true);
    status := coalesce((select d.status from deliveries d where d.id = p_delivery_id), status);
    if status <> v_before and v_receipt.status = 'failed' then final := v_receipt.final; end if;
  end loop;
  return next;
end $$;

drop function apply_receipts(text[], text, jsonb);
drop function apply_receipt(text, text, jsonb, boolean);

create type slot as (verdict text, slot_at timestamptz);

-- As in 000008: a device that has sent before, which is every one but the first time, has its row. The caps are the day's, whatever curve they come from; null
-- where none holds.
drop function take_slot(text, text, interval, interval, interval, integer, integer);
create function take_slot(
  p_device_key text,
  p_address text,
  p_gap interval,
  p_pair_gap interval,
  p_ahead interval,
  p_daily_cap integer,
  p_new_contact_cap integer
) returns slot language plpgsql as $$
declare
  v_today constant date := (clock_timestamp() at time zone 'UTC')::date;
  v_pace device_pace%rowtype;
  v_sent_today integer;
  v_new_contacts integer;
  v_is_new boolean := false;
  v_pair timestamptz;
  v_slot slot;
begin
  if p_pair_gap > interval '0' then
    insert into pair_pace (device_key, destination, next_free_at) values (p_device_key, p_address, clock_timestamp())
      on conflict do nothing;
    select p.next_free_at into v_pair from pair_pace p
      where p.device_key = p_device_key and p.destination = p_address for update;
  end if;
  select p.* into v_pace from device_pace p where p.device_key = p_device_key for update;
  if not found then
    insert into device_pace (device_key) values (p_device_key) on conflict do nothing;
    select p.* into v_pace from device_pace p where p.device_key = p_device_key for update;
  end if;
  v_sent_today := case when v_pace.sent_on = v_today then v_pace.sent_today else 0 end;
  v_new_contacts := case when v_pace.new_contacts_on = v_today then v_pace.new_contacts else 0 end;
  if v_sent_today >= p_daily_cap then
    v_slot.verdict := 'capped';
    return v_slot;
  end if;
  if p_new_contact_cap is not null then
    v_is_new := not exists (select from messages m where m.device_key = p_device_key and m.address = p_address)
      and not exists (select from contact_windows w where w.device_key = p_device_key and w.address = p_address);
    if v_is_new and v_new_contacts >= p_new_contact_cap then
      v_slot.verdict := 'capped_new_contact';
      return v_slot;
    end if;
  end if;
  v_slot.slot_at := greatest(v_pace.next_free_at, clock_timestamp());
  if v_pair > v_slot.slot_at or v_slot.slot_at > clock_timestamp() + p_ahead then
    v_slot.verdict := 'later';
    v_slot.slot_at := greatest(v_slot.slot_at, v_pair);
    return v_slot;
  end if;
  update device_pace p set next_free_at = v_slot.slot_at + p_gap, sent_on = v_today, sent_today = v_sent_today + 1,
    new_contacts_on = v_today, new_contacts = v_new_contacts + v_is_new::integer
    where p.device_key = p_device_key;
  if p_pair_gap > interval '0' then
    update pair_pace p set next_free_at = v_slot.slot_at + p_pair_gap
      where p.device_key = p_device_key and p.destination = p_address;
  end if;
  v_slot.verdict := case when v_slot.slot_at > clock_timestamp() then 'wait' else 'now' end;
  return v_slot;
end $$;

-- As in 000008.
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
  p_new_contact_cap integer,
  p_message_id text,
  p_body text,
  p_reply_code text,
  p_answerable boolean
) returns table (verdict text, slot_at timestamptz, message_id text) language plpgsql as $$
declare
  v_status text;
  v_message_id text;
  v_slot slot;
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
    v_slot := take_slot(p_device_key, p_address, p_gap, p_pair_gap, p_ahead, p_daily_cap, p_new_contact_cap);
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

-- What a settled run leaves behind: no delivery still intended, and none still being sent. A run settles when none of its sends is in flight any more; what is
-- `sending` then was begun by a worker that died, and the run stopped before another execution could say so.
create function end_deliveries(p_intended text[], p_sending text[], p_at timestamptz) returns void language plpgsql as $$
begin
  with unsent as (
    update deliveries d set status = 'skipped', reason = coalesce(d.reason, 'withdrawn')
    where d.id = any(p_intended) and d.status = 'intended'
  ),
  abandoned as (
    update deliveries d set status = 'unknown', reason = 'sender_died'
    where d.id = any(p_sending) and d.status = 'sending'
    returning d.*
  ),
  messages_in_doubt as (
    update messages m set status = 'unknown' from abandoned a where m.id = a.message_id and m.status = 'sending'
  ),
  copies_in_doubt as (
    update messages m set status = 'unknown' from abandoned a join push_copies c on c.delivery_id = a.id
    where m.id = c.message_id and c.message_id <> a.message_id and m.status = 'sending'
  )
  insert into notification_events (notification_id, entry_key, at, kind, pass, step, target, channel, account_id, delivery_id, reason, detail)
  select a.notification_id, 'd:' || a.id || ':' || a.tries || ':' || k.kind, p_at, k.kind, a.pass, a.step, a.target, a.channel,
    a.account_id, a.id, k.reason, jsonb_build_object('attempt', a.attempt, 'try', a.tries)
  from abandoned a, (values ('delivery_attempted', null), ('delivery_unknown', 'sender_died')) as k(kind, reason)
  on conflict on constraint notification_events_once do nothing;
end $$;
