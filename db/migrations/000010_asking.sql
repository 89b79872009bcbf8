-- What no receipt tells is asked for, where the vendor has an answer; see activities/ask-vendor.ts.
alter table deliveries
  add column asks integer not null default 0,
  add column asked_at timestamptz;
create index deliveries_in_doubt on deliveries (created_at) where status = 'unknown';
create index deliveries_unreported on deliveries (accepted_at) where status in ('accepted', 'sent');

-- As in 000005, and a copy in doubt is replaced too when another channel was pulled forward for its sake: it counts as superseded if it arrives after all.
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
