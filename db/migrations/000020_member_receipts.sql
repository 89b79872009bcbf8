-- What a vendor says of one member of a group: kept with the message and credited to that member, and no proof for the others.
alter table receipts
  add column member jsonb, -- [{"kind": "phone|lid|bsuid", "value"}], the phone first; empty: a member that the vendor doesn't name; null: the message as a whole
  add column member_id text,
  add column member_user_id text;

-- Whom these ids name in the group with this chat id; one row, with nulls for somebody who is nobody here.
create function find_group_member(p_group_chat_id text, p_ids jsonb) returns table (member_id text, user_id text) language sql stable as $$
  with sender as (select s.kind, s.value from jsonb_to_recordset(p_ids) as s(kind text, value text)),
  contact as (
    select c.user_id from contacts c join sender s on s.kind = c.kind and s.value = c.value
    where c.is_active order by c.kind = 'phone' desc limit 1
  ),
  member as (
    select m.id, m.user_id from whatsapp_groups g join whatsapp_group_members m on m.group_id = g.id
    where g.group_chat_id = p_group_chat_id and m.is_active
      and (
        m.user_id = (select c.user_id from contact c) or m.phone_number in (select s.value from sender s where s.kind = 'phone')
        or m.aliases && array(select s.value from sender s where s.kind <> 'phone')
      )
    order by m.user_id is not null desc limit 1
  )
  select (select m.id from member m), coalesce((select c.user_id from contact c), (select m.user_id from member m))
$$;

-- As in 000015, with the member of a group.
drop function record_receipt(text, text, text, text, text, text, boolean, text, text, jsonb, timestamptz, timestamptz, jsonb, boolean, text, integer);
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
  p_call_seconds integer default null,
  p_member jsonb default null
) returns table (verdict text, signals jsonb) language plpgsql as $$
declare
  v_device text := coalesce((select a.device_key from provider_accounts a where a.id = p_account_id), p_account_id);
  v_message_id text;
begin
  -- Both ids are locked: a report that knows one id only meets the report or the answer that ties them.
  perform lock_message(v_device, array_remove(array[p_provider_message_id, 'alias:' || p_alias], null));
  insert into receipts (id, account_id, device_key, provider_message_id, provider_alias, status, final, event_key, reason, error, reported_at, received_at,
      is_billed, billing_class, call_seconds, member)
    values (p_receipt_id, p_account_id, v_device, p_provider_message_id, p_alias, p_status, p_final, p_event_key, p_reason, p_error, p_reported_at,
      p_received_at, p_is_billed, p_billing_class, p_call_seconds, p_member)
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

-- As in 000015, where a report about a member of a group proves no more than that the message left.
create or replace function apply_receipt(p_receipt_id text, p_message_id text, p_merges jsonb, p_is_early boolean)
returns table (delivery_id text, status text, changed boolean, signals boolean, workflow_id text, fact jsonb) language plpgsql as $$
declare
  v_receipt receipts;
  v_merges jsonb;
  -- When it happened, as well as we can know: by the vendor's clock when the report came late, else when we heard of it. Vendors report whole seconds.
  v_at timestamptz;
  -- What it proves of the message. That a group's member has it proves that it left, and nothing of the others.
  v_status text;
  v_member_id text;
  v_user_id text;
  -- Null: of no member, or of one who is nobody here.
  v_named text;
begin
  select * into strict v_receipt from receipts r where r.id = p_receipt_id;
  v_status := case when v_receipt.member is null then v_receipt.status when v_receipt.status <> 'failed' then 'sent' end;
  if v_receipt.member is not null then
    select f.member_id, f.user_id into v_member_id, v_user_id
      from messages m, find_group_member(m.address, v_receipt.member) f where m.id = p_message_id;
    v_named := coalesce(v_user_id, v_member_id);
  end if;
  v_merges := coalesce(p_merges -> v_status, '{}');
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
          and (v_status = 'failed' or v_status = any(f.evidence))
          and (coalesce(f.merged ->> 0, f.before) <> f.before or (v_status = 'failed' and not v_receipt.final)) as signals
      from found f
    ),
    receipt as (
      update receipts r set message_id = p_message_id, note = (select m.note from moved m where m.note is not null limit 1),
        signalled_at = case when exists (select from moved m where m.signals) then null else v_at end,
        member_id = v_member_id, member_user_id = v_user_id
      where r.id = p_receipt_id
    ),
    message as (
      update messages m set status = coalesce(v_merges -> 'copy' -> m.status ->> 0, m.status),
        provider_message_id = coalesce(m.provider_message_id, v_receipt.provider_message_id),
        provider_alias = coalesce(m.provider_alias, v_receipt.provider_alias),
        accepted_at = coalesce(m.accepted_at, v_at),
        sent_at = case when coalesce(v_status, 'failed') = 'failed' then m.sent_at else least(coalesce(m.sent_at, v_at), v_at) end,
        delivered_at = case when v_status in ('delivered', 'read') then coalesce(m.delivered_at, v_at) else m.delivered_at end,
        read_at = case when v_status = 'read' then coalesce(m.read_at, v_at) else m.read_at end,
        failed_at = case when v_status = 'failed' then coalesce(m.failed_at, v_at) else m.failed_at end,
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
          'early', case when p_is_early then true end, 'member', v_named))
      from moved m
      on conflict on constraint notification_events_once do nothing
    ),
    delivery as (
      update deliveries d set status = m.after, note = coalesce(m.note, d.note),
        accepted_at = coalesce(d.accepted_at, case when m.after <> 'failed' then v_at end),
        sent_at = case when coalesce(v_status, 'failed') = 'failed' then d.sent_at else least(coalesce(d.sent_at, v_at), v_at) end,
        delivered_at = case when v_status in ('delivered', 'read') then coalesce(d.delivered_at, v_at) else d.delivered_at end,
        read_at = case when v_status = 'read' then coalesce(d.read_at, v_at) else d.read_at end,
        failed_at = case when m.after = 'failed' then coalesce(d.failed_at, v_at) else d.failed_at end,
        reason = case when m.after = 'failed' and m.before <> 'failed' then coalesce(v_receipt.reason, d.reason) else d.reason end,
        error = case when m.after = 'failed' and v_receipt.error is not null then v_receipt.error else d.error end
      from moved m where d.id = m.id
    )
    select m.id, m.after, m.after <> m.before, m.signals, m.workflow_id,
      jsonb_build_object('kind', 'receipt', 'pass', m.pass, 'step', m.step, 'target', m.target, 'channel', m.channel, 'attempt', m.attempt,
        'handOver', m.hand_over, 'status', v_status, 'final', v_receipt.final,
        -- The ladder's clocks are ours: a vendor's may be wrong.
        'at', floor(extract(epoch from v_receipt.received_at) * 1000)::bigint, 'reason', v_receipt.reason)
    from moved m;
end $$;
