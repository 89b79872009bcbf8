-- A report about a message costs one statement: everything that belongs together, under the locks that it needs, in one trip.
--
-- What a report does to a status is decided in domain/delivery.ts and handed in as a table (`p_merges`): report -> copy | replaced -> status before ->
-- [status after, note]; a missing entry changes nothing.

-- One key per message of a sending device, and per second id of it. Ordering: taken in the order given; everybody names a message's id before its second id.
create function lock_message(p_device_key text, p_keys text[]) returns void language plpgsql as $$
begin
  perform pg_advisory_xact_lock(hashtextextended(p_device_key || ':' || k.key, 0)) from unnest(p_keys) as k(key);
end $$;

-- Moves a message and the deliveries that share it by a stored report, and answers what became of each; `signals`: its run must be told. To be called under
-- lock_message. Early: the report came before the vendor's answer to the send, and the run learns of it with that answer.
create function apply_receipt(p_receipt_id text, p_message_id text, p_merges jsonb, p_is_early boolean)
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
        ) then 'replaced' else 'copy' end -> d.status as merged
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
        failed_at = case when v_receipt.status = 'failed' then coalesce(m.failed_at, v_at) else m.failed_at end
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

-- What the runs must be told after these reports, oldest first.
create function apply_receipts(p_receipt_ids text[], p_message_id text, p_merges jsonb) returns jsonb language plpgsql as $$
declare
  v_id text;
  v_signals jsonb := '[]';
begin
  foreach v_id in array p_receipt_ids loop
    v_signals := v_signals || (
      select coalesce(jsonb_agg(jsonb_build_object('receiptId', v_id, 'workflowId', a.workflow_id, 'fact', a.fact)), '[]')
      from apply_receipt(v_id, p_message_id, p_merges, false) a where a.signals
    );
  end loop;
  return v_signals;
end $$;

-- Stores a report and applies it. Verdicts: `recorded` with what the runs must be told, `duplicate`, `parked` (no message has that id yet).
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
  p_merges jsonb
) returns table (verdict text, signals jsonb) language plpgsql as $$
declare
  v_device text := coalesce((select a.device_key from provider_accounts a where a.id = p_account_id), p_account_id);
  v_message_id text;
begin
  -- Both ids are locked: a report that knows one id only meets the report or the answer that ties them.
  perform lock_message(v_device, array_remove(array[p_provider_message_id, 'alias:' || p_alias], null));
  insert into receipts (id, account_id, device_key, provider_message_id, provider_alias, status, final, event_key, reason, error, reported_at, received_at)
    values (p_receipt_id, p_account_id, v_device, p_provider_message_id, p_alias, p_status, p_final, p_event_key, p_reason, p_error, p_reported_at,
      p_received_at)
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

-- Ties a vendor's second id to a message and applies what came under that id alone; a tie that comes before the vendor's answer is kept until then.
create function link_alias(p_account_id text, p_provider_message_id text, p_alias text, p_merges jsonb) returns jsonb language plpgsql as $$
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
  return apply_receipts(
    array(
      select r.id from receipts r where r.device_key = v_device and r.provider_alias = p_alias and r.message_id is null order by r.received_at
    ),
    v_message_id, p_merges
  );
end $$;

-- Records that the vendor took the message and applies the reports that came before this answer. Answers the delivery's status after those, and whether a
-- failure among them is the message's last word. An earlier execution may have recorded the same.
create function record_accepted(
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
  v_applied record;
  v_final boolean := true;
begin
  perform lock_message(v_device, array[p_provider_message_id]);
  v_aliases := array(
    select r.provider_alias from receipts r
    where r.device_key = v_device and r.provider_message_id = p_provider_message_id and r.provider_alias is not null
    union
    select l.provider_alias from message_links l where l.device_key = v_device and l.provider_message_id = p_provider_message_id
  );
  -- Whoever holds a second id's lock does not see the tie that is being made; what it parks is looked for once it is done.
  perform lock_message(v_device, array(select 'alias:' || a.alias from unnest(v_aliases) as a(alias) order by 1));
  update messages m set provider_message_id = p_provider_message_id,
    status = case when m.status = 'sending' then p_status else m.status end,
    provider_alias = coalesce(m.provider_alias, v_aliases[1]), provider_response = p_provider_response, segments = p_segments,
    accepted_at = coalesce(m.accepted_at, p_at), sent_at = case when p_status = 'sent' then coalesce(m.sent_at, p_at) else m.sent_at end
  where m.id = p_message_id and not exists (
    select from messages other
    where other.device_key = v_device and other.provider_message_id = p_provider_message_id and other.id <> p_message_id
  );
  update deliveries d set status = case when d.status in ('sending', 'intended') then p_status else d.status end,
    accepted_at = coalesce(d.accepted_at, p_at), error = null,
    sent_at = case when p_status = 'sent' then coalesce(d.sent_at, p_at) else d.sent_at end
  where d.id = p_delivery_id
  returning d.status into status;
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
    for v_applied in select * from apply_receipt(v_receipt.id, p_message_id, p_merges, true) loop
      if v_applied.delivery_id = p_delivery_id then
        status := v_applied.status;
        if v_applied.changed and v_receipt.status = 'failed' then v_final := v_receipt.final; end if;
      end if;
    end loop;
  end loop;
  final := v_final;
  return next;
end $$;
