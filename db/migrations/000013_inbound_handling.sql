-- Files that people send are kept by reference. Privacy: the reference opens the file for whoever has it, so it is sealed; nothing else of it is secret.
alter table inbound_messages add column media jsonb; -- {type, contentType, fileName}
alter table inbound_messages add column media_reference_encrypted bytea;

-- What was not understood is answered or closed by people.
alter table inbound_messages drop constraint inbound_messages_state_known;
alter table inbound_messages add constraint inbound_messages_state_known check (
  state in ('applied', 'asked', 'unmatched', 'ignored', 'answered', 'closed')
);
alter table inbound_messages add column handled_at timestamptz;
alter table inbound_messages add column handled_by jsonb; -- {userId, name}
alter table inbound_messages add column handling_note text;

-- A message may be answered twice: by Siaga at once, and by a person.
alter table answers add column id text;
update answers set id = inbound_message_id;
create function answer_id() returns trigger language plpgsql as $$
begin
  new.id := coalesce(new.id, new.inbound_message_id);
  return new;
end $$;
-- The automatic answer goes by its message, also where a process of the release before this one writes it.
create trigger answers_id before insert on answers for each row execute function answer_id();
alter table answers alter column id set not null;
alter table answers drop constraint answers_pkey;
alter table answers add primary key (id);
create index answers_by_message on answers (inbound_message_id);
alter table answers add column written_text text; -- what a person wrote; null: made from the situations
drop index answers_by_chat;
create index answers_by_chat on answers (device_key, address, created_at desc) where written_text is null;

-- As in 000008, by the answer's own id.
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
  select a.status into v_status from answers a where a.id = p_inbound_message_id for update;
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
    where a.id = p_inbound_message_id;
  return query select 'send', clock_timestamp(), p_message_id;
end $$;
