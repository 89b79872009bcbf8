-- As in 000005. A failure may be reported with our own id of the delivery before the vendor has answered the send: what it said of the failure stays.
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
    accepted_at = coalesce(d.accepted_at, p_at), error = case when d.status = 'failed' then d.error end,
    sent_at = case when p_status = 'sent' then coalesce(d.sent_at, p_at) else d.sent_at end
  where d.id = p_delivery_id
  returning d.status into status;
  if status = 'failed' then
    select r.final into v_final from receipts r
    where r.message_id = p_message_id and r.status = 'failed' order by r.received_at desc limit 1;
    v_final := coalesce(v_final, true);
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
