-- The engine's tables: master data, the record of notifications, and what decides races.
-- Three rules: a fact is written once and never changed; states only move forward by conditional statements; every page's list has its index.
-- Ids are text with a visible prefix and sort by time of creation.

-- Master data ---------------------------------------------------------------------------------------------------------------------------------

create table zones (
  code text primary key,
  name text not null,
  time_zone text not null,
  created_at timestamptz not null default now()
);

create table users (
  id text primary key,
  external_id text constraint users_external_id_unique unique,
  name text,
  role text not null constraint users_role_known check (
    role in ('admin', 'manager', 'supervisor', 'noc', 'customer_service', 'technician', 'customer')
  ),
  zones text[] not null default '{}',
  locale text not null default 'id' constraint users_locale_known check (locale in ('id', 'en')),
  time_zone text,
  is_active boolean not null default true,
  version integer not null default 1,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index users_by_role on users (role) where is_active;
-- Whom a role names: a handful among any number of customers.
create index users_staff on users (role) where is_active and role <> 'customer';

-- A person's numbers, addresses and aliases. `is_active` follows the user's, so that one number is one active person.
create table contacts (
  id text primary key,
  user_id text not null constraint contacts_user references users (id) on delete cascade,
  kind text not null constraint contacts_kind_known check (kind in ('phone', 'email', 'lid', 'bsuid')),
  value text not null,
  verified_at timestamptz,
  verified_by text constraint contacts_verified_by_known check (verified_by in ('otp', 'inbound', 'admin', 'import', 'api')),
  is_primary boolean not null default true,
  is_active boolean not null default true,
  created_at timestamptz not null default now()
);
create unique index contacts_one_active_person on contacts (kind, value) where is_active;
create index contacts_by_user on contacts (user_id);

-- Only what a person changed; everything else is the role's default (domain/effective-settings.ts).
create table notification_settings (
  user_id text primary key constraint notification_settings_user references users (id) on delete cascade,
  settings jsonb not null default '{}',
  version integer not null default 1,
  updated_at timestamptz not null default now()
);

create table holidays (
  date date not null,
  zone text not null default '*', -- a zone's code, or * for all
  name text not null,
  primary key (zone, date)
);

create table whatsapp_groups (
  id text primary key,
  external_id text constraint whatsapp_groups_external_id_unique unique,
  name text not null,
  description text,
  group_chat_id text constraint whatsapp_groups_chat_unique unique,
  phone_number text,
  category text not null constraint whatsapp_groups_category_known check (
    category in ('technicians', 'supervisors', 'managers', 'noc', 'customer_service', 'all')
  ),
  work_zone text constraint whatsapp_groups_zone references zones (code), -- null: all zones
  service_types text[] not null default '{}',
  types text[] not null default '{}',
  min_priority text constraint whatsapp_groups_min_priority_known check (min_priority in ('critical', 'high', 'medium', 'low')),
  locale text not null default 'id' constraint whatsapp_groups_locale_known check (locale in ('id', 'en')),
  time_zone text,
  quiet_hours jsonb,
  is_active boolean not null default true,
  version integer not null default 1,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);

create table whatsapp_group_members (
  id text primary key,
  group_id text not null constraint whatsapp_group_members_group references whatsapp_groups (id) on delete cascade,
  user_id text constraint whatsapp_group_members_user references users (id) on delete set null,
  phone_number text,
  name text,
  role text,
  is_active boolean not null default true,
  joined_at timestamptz not null default now()
);
create index whatsapp_group_members_by_group on whatsapp_group_members (group_id);
create index whatsapp_group_members_by_user on whatsapp_group_members (user_id);

create table escalation_policies (
  id text primary key,
  code text constraint escalation_policies_code_unique unique, -- low, medium, high, critical, assignment, claim, notice for the seeded defaults
  name text not null,
  priority text not null constraint escalation_policies_priority_known check (priority in ('critical', 'high', 'medium', 'low')),
  is_default boolean not null default false, -- the policy of its priority when neither request nor type names one
  current_version integer not null default 1,
  is_active boolean not null default true,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create unique index escalation_policies_one_default on escalation_policies (priority) where is_default;

create table escalation_policy_versions (
  policy_id text not null constraint escalation_policy_versions_policy references escalation_policies (id) on delete cascade,
  version integer not null,
  rules jsonb not null, -- domain PolicyRules
  created_at timestamptz not null default now(),
  created_by text,
  primary key (policy_id, version)
);

create table notification_types (
  code text primary key,
  name_id text not null,
  name_en text not null,
  priority text not null constraint notification_types_priority_known check (priority in ('critical', 'high', 'medium', 'low')),
  policy_id text constraint notification_types_policy references escalation_policies (id),
  answers text not null default 'none' constraint notification_types_answers_known check (answers in ('none', 'acknowledge', 'accept', 'claim', 'rate')),
  is_customer boolean not null default false,
  is_operational boolean not null default true,
  send_window jsonb, -- {"from": "08:00", "to": "20:00"} in the recipient's zone, for customer types
  consent_class text,
  preference_class text constraint notification_types_preference_class_known check (
    preference_class in ('assigned', 'status', 'sla', 'urgent', 'daily', 'weekly')
  ),
  is_active boolean not null default true
);

create table notification_group_rules (
  id text primary key,
  notification_type text not null constraint notification_group_rules_type references notification_types (code),
  enabled boolean not null default true,
  conditions jsonb not null default '{}',
  audience jsonb not null default '[]', -- [{kind, role, zone}]
  group_ids text[] not null default '{}',
  group_categories text[] not null default '{}',
  is_primary boolean not null default false,
  template_id text,
  policy_id text constraint notification_group_rules_policy references escalation_policies (id),
  channels jsonb not null default '{"add": [], "remove": [], "only": null}',
  position integer not null default 0,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index notification_group_rules_by_type on notification_group_rules (notification_type) where enabled;

create table templates (
  id text not null,
  version integer not null,
  type text not null constraint templates_type references notification_types (code),
  channel text not null,
  locale text not null,
  subject text, -- e-mail subject or in-app title
  body text not null, -- Liquid
  variables text[] not null default '{}',
  provider_template jsonb, -- {"name", "status", "language", "parameters": [variable names in order]}
  is_current boolean not null default true,
  created_at timestamptz not null default now(),
  primary key (id, version)
);
create unique index templates_current on templates (type, channel, locale) where is_current;

-- Words that acknowledge and refuse, as data per language.
create table reply_words (
  locale text not null,
  word text not null,
  meaning text not null constraint reply_words_meaning_known check (meaning in ('acknowledge', 'refuse', 'all')),
  primary key (locale, word)
);

create table provider_accounts (
  id text primary key,
  provider text not null,
  channel text not null,
  name text not null,
  base_url text,
  sender text not null, -- E.164 number, phone number id, or messaging service: what the vendor sends as
  device_key text not null, -- accounts with the same key share one number and so one pace
  credentials_encrypted bytea not null,
  settings jsonb not null default '{}',
  position integer not null default 1, -- API name: order
  purposes text[] not null default '{critical,operational}',
  pacing jsonb not null, -- {"perSecond", "minGapSeconds", "pairGapSeconds"}
  daily_cap integer,
  receipt_deadline_seconds integer not null,
  enabled boolean not null default true,
  health_state text not null default 'healthy' constraint provider_accounts_health_known check (
    health_state in ('healthy', 'probing', 'out', 'draining')
  ),
  health_since timestamptz not null default now(),
  health_reason text,
  consecutive_failures integer not null default 0,
  webhook_token_encrypted bytea not null,
  version integer not null default 1,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index provider_accounts_by_channel on provider_accounts (channel, position) where enabled;

-- Workers follow the accounts live: they open, drain and close one activity queue per account.
create function notify_provider_accounts() returns trigger language plpgsql as $$
begin
  perform pg_notify('provider_accounts', coalesce(new.id, old.id));
  return null;
end $$;
create trigger provider_accounts_changed after insert or update or delete on provider_accounts
  for each row execute function notify_provider_accounts();

-- Groups that an account's number is a proven member of: only such an account may carry a group.
create table provider_account_groups (
  account_id text not null constraint provider_account_groups_account references provider_accounts (id) on delete cascade,
  group_id text not null constraint provider_account_groups_group references whatsapp_groups (id) on delete cascade,
  proven_at timestamptz not null default now(),
  primary key (account_id, group_id)
);

-- Pacing: the next free slot of a sending device, and of a device and destination pair.
create table device_pace (
  device_key text primary key,
  next_free_at timestamptz not null default now(),
  sent_on date, -- UTC day that sent_today counts
  sent_today integer not null default 0
);
create table pair_pace (
  device_key text not null,
  destination text not null,
  next_free_at timestamptz not null,
  primary key (device_key, destination)
);

-- When a contact last wrote to our number: Meta allows free-form messages for 24 hours from then.
create table contact_windows (
  device_key text not null,
  address text not null,
  last_inbound_at timestamptz not null,
  primary key (device_key, address)
);

create table tickets (
  id text primary key, -- the ticket system's id
  title text,
  category text,
  priority text,
  zone text,
  status text not null default 'open' constraint tickets_status_known check (status in ('open', 'assigned', 'in_progress', 'resolved', 'closed')),
  assignee_id text constraint tickets_assignee references users (id),
  customer_id text constraint tickets_customer references users (id),
  sla_hours integer,
  deadline_at timestamptz,
  location_text text,
  latitude double precision,
  longitude double precision,
  url text,
  data jsonb not null default '{}',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);

-- Access ----------------------------------------------------------------------------------------------------------------------------------------

create table api_keys (
  id text primary key,
  name text not null,
  sender text not null, -- the client system; keys may share it
  key_hash bytea not null constraint api_keys_hash_unique unique,
  key_prefix text not null,
  scopes text[] not null,
  user_id text constraint api_keys_user references users (id), -- set: acts with that user's role and zones
  created_at timestamptz not null default now(),
  last_used_at timestamptz,
  revoked_at timestamptz
);

create table setup_links (
  token_hash bytea primary key,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null,
  used_at timestamptz
);

create table idempotency_keys (
  sender text not null,
  key text not null,
  route text not null,
  body_hash bytea not null,
  state text not null default 'in_flight' constraint idempotency_keys_state_known check (state in ('in_flight', 'done')),
  response_status integer,
  response_headers jsonb,
  response_body jsonb,
  locked_until timestamptz not null, -- an owner that died is taken over after this
  created_at timestamptz not null default now(),
  primary key (sender, route, key)
);
create index idempotency_keys_by_age on idempotency_keys (created_at);

-- The record --------------------------------------------------------------------------------------------------------------------------------------

create table notifications (
  id text primary key,
  ref text not null constraint notifications_ref_unique unique, -- base32 of sha256(sender, key), or the id itself without a key
  workflow_id text not null constraint notifications_workflow_unique unique,
  run_id text,
  sender text not null,
  api_key_id text,
  idempotency_key text,
  body_hash bytea not null,
  type text not null,
  priority text not null,
  zone text,
  ticket_id text,
  assignee_id text,
  customer_id text,
  actor_id text,
  category text,
  data jsonb not null default '{}',
  recipients jsonb, -- {userIds, groupIds, roles}; replaces routing; phones were turned into users at acceptance
  policy_id text,
  policy_version integer,
  avoid_account_ids text[] not null default '{}',
  notice_of text constraint notifications_notice_of references notifications (id), -- an operator_notice points to what it is about
  not_before timestamptz,
  not_after timestamptz,
  answers text not null default 'none',

  status text not null default 'accepted' constraint notifications_status_known check (
    status in ('accepted', 'planned', 'holding', 'notifying', 'waiting', 'acknowledged', 'settled')
  ),
  outcome text constraint notifications_outcome_known check (
    outcome in ('acknowledged', 'resolved', 'delivered', 'sent', 'undeliverable', 'exhausted', 'expired', 'cancelled', 'suppressed', 'superseded', 'rejected')
  ),
  reason text,
  outcome_detail jsonb,
  answer text,
  pass integer not null default 0,
  step integer not null default 0,
  next_step_at timestamptz,
  waiting_for jsonb,
  progress_sequence integer not null default 0, -- the newest progress written; an older one never overwrites it

  -- The referee's row: a stop-act wins by setting stopped_at where it is null.
  stopped_at timestamptz,
  stop_kind text constraint notifications_stop_kind_known check (stop_kind in ('acknowledge', 'cancel', 'resolve')),
  stop_act_id text,
  acknowledged_by jsonb, -- {kind, userId, groupId, name, via}
  acknowledged_at timestamptz,
  resolved_at timestamptz,
  unresolved boolean not null default false,
  closed_by jsonb,
  closed_at timestamptz,
  close_note text,
  rating integer,

  plan jsonb, -- for people: who, when, by what, why not (the API's shape)
  run_plan jsonb, -- for the run: domain RunPlan
  accepted_at timestamptz not null default now(),
  start_claimed_at timestamptz, -- a starter took the row; taken again after 15 s if started_at is still null
  started_at timestamptz,
  planned_at timestamptz,
  settled_at timestamptz,
  constraint notifications_settled_has_outcome check ((status = 'settled') = (outcome is not null and settled_at is not null)),
  -- A direct start that was refused has none.
  constraint notifications_has_policy check (outcome = 'rejected' or (policy_id is not null and policy_version is not null))
);
create index notifications_newest on notifications (accepted_at desc, id desc);
create index notifications_open on notifications (accepted_at desc, id desc) where settled_at is null;
create index notifications_unanswered on notifications (accepted_at desc, id desc) where closed_at is null and outcome in ('undeliverable', 'exhausted', 'expired');
create index notifications_unstarted on notifications (accepted_at) where started_at is null and settled_at is null;
create index notifications_by_status on notifications (status, accepted_at desc, id desc);
create index notifications_by_type on notifications (type, accepted_at desc, id desc);
create index notifications_by_zone on notifications (zone, accepted_at desc, id desc);
create index notifications_by_ticket on notifications (ticket_id, accepted_at desc, id desc) where ticket_id is not null;
create index notifications_by_priority on notifications (priority, accepted_at desc, id desc);

create table notification_targets (
  notification_id text not null constraint notification_targets_notification references notifications (id) on delete cascade,
  target text not null, -- user or group id
  kind text not null constraint notification_targets_kind_known check (kind in ('person', 'group')),
  user_id text,
  group_id text,
  origin text not null default 'audience' constraint notification_targets_origin_known check (origin in ('audience', 'role_up', 'reassigned', 'added')),
  first_asked boolean not null default true,
  -- left_out: nothing can or may be sent to this person as things stand; a change of settings or contacts is a reason to decide again.
  state text not null default 'open' constraint notification_targets_state_known check (
    state in ('open', 'answered', 'refused', 'out', 'left_out')
  ),
  answer_act_id text,
  answered_at timestamptz,
  resume_at timestamptz,
  plan_stale_at timestamptz, -- a change of settings, zone, contact or holiday: decided again; swept when the signal was lost
  primary key (notification_id, target)
);
create index notification_targets_by_user on notification_targets (user_id, notification_id) where user_id is not null;
create index notification_targets_stale on notification_targets (plan_stale_at) where plan_stale_at is not null;

-- Who wakes when: runs whose quiet hours end together take places, so that they wake one after the other.
create table wake_places (
  window_end timestamptz not null,
  band text not null constraint wake_places_band_known check (band in ('urgent', 'other')),
  taken integer not null,
  primary key (window_end, band)
);

create table notification_events (
  id bigint generated always as identity primary key,
  notification_id text not null constraint notification_events_notification references notifications (id) on delete cascade,
  -- Unique per notification: `r<sequence>` for the run's own entries, `d<delivery>.<kind>` and the like for others, so that a rerun writes nothing twice.
  entry_key text not null,
  at timestamptz not null,
  kind text not null,
  pass integer,
  step integer,
  target text,
  channel text,
  account_id text,
  delivery_id text,
  reason text,
  detail jsonb,
  constraint notification_events_once unique (notification_id, entry_key)
);

create table acts (
  id text primary key,
  notification_id text not null constraint acts_notification references notifications (id) on delete cascade,
  kind text not null,
  at timestamptz not null default now(),
  by jsonb not null, -- {kind: user|api_key|group|stranger|link|temporal_ui|system, userId, name, …}
  via text not null,
  note text,
  params jsonb not null default '{}',
  applied boolean, -- null: stored, the run has not answered yet
  reason text, -- why it was not applied
  answer text,
  signalled_at timestamptz, -- null: the sweep tells the run
  created_at timestamptz not null default now()
);
create index acts_by_notification on acts (notification_id, at);
create index acts_unsignalled on acts (created_at) where signalled_at is null;

-- What a vendor saw: one row for each request that may have put a message on somebody's phone.
create table messages (
  id text primary key,
  account_id text not null,
  provider text not null,
  channel text not null,
  device_key text not null,
  address text not null,
  body text not null,
  provider_message_id text,
  provider_alias text, -- Fonnte's stateid
  provider_response jsonb,
  status text not null,
  reply_code text,
  answerable boolean not null default false,
  segments integer,
  created_at timestamptz not null default now(),
  accepted_at timestamptz,
  sent_at timestamptz,
  delivered_at timestamptz,
  read_at timestamptz,
  failed_at timestamptz
);
create unique index messages_by_provider_id on messages (account_id, provider_message_id) where provider_message_id is not null;
create index messages_by_alias on messages (account_id, provider_alias) where provider_alias is not null;
create index messages_by_chat on messages (device_key, address, created_at desc);

-- One message handed to one account on behalf of one notification.
create table deliveries (
  id text primary key,
  notification_id text not null constraint deliveries_notification references notifications (id) on delete cascade,
  purpose text not null default 'ladder' constraint deliveries_purpose_known check (purpose in ('ladder', 'closing')),
  pass integer not null,
  step integer not null,
  target text not null,
  user_id text,
  group_id text,
  channel text not null,
  attempt integer not null,
  hand_over integer not null,
  account_id text,
  provider text,
  message_id text constraint deliveries_message references messages (id),
  address text,
  status text not null constraint deliveries_status_known check (
    status in ('intended', 'sending', 'accepted', 'sent', 'delivered', 'read', 'failed', 'unknown', 'superseded', 'skipped')
  ),
  order_reason text,
  reason text,
  error jsonb, -- {kind, scope, message}
  tries integer not null default 0,
  evidence text[] not null default '{}', -- receipt kinds that the run must be told of; `failed` always
  note text,
  cost numeric,
  created_at timestamptz not null default now(),
  sending_at timestamptz,
  accepted_at timestamptz,
  sent_at timestamptz,
  delivered_at timestamptz,
  read_at timestamptz,
  failed_at timestamptz,
  constraint deliveries_once unique (notification_id, purpose, pass, step, target, channel, attempt, hand_over)
);
create index deliveries_newest on deliveries (created_at desc, id desc);
create index deliveries_by_message on deliveries (message_id) where message_id is not null;
create index deliveries_by_user on deliveries (user_id, created_at desc) where user_id is not null;
create index deliveries_by_group on deliveries (group_id, created_at desc) where group_id is not null;
create index deliveries_by_account on deliveries (account_id, created_at desc) where account_id is not null;

create table receipts (
  id text primary key,
  account_id text not null,
  provider_message_id text,
  provider_alias text,
  status text not null constraint receipts_status_known check (status in ('sent', 'delivered', 'read', 'failed')),
  final boolean not null default true,
  event_key text not null,
  reason text,
  error jsonb,
  reported_at timestamptz,
  received_at timestamptz not null default now(),
  message_id text constraint receipts_message references messages (id), -- null: parked until the message is known
  note text, -- a contradiction, kept
  signalled_at timestamptz, -- null: the sweep tells the run, where the run must know
  constraint receipts_once unique (account_id, event_key)
);
create index receipts_parked on receipts (account_id, provider_message_id) where message_id is null;
create index receipts_parked_by_alias on receipts (account_id, provider_alias) where message_id is null and provider_alias is not null;
create index receipts_unsignalled on receipts (received_at) where signalled_at is null and message_id is not null;
create index receipts_by_message on receipts (message_id) where message_id is not null;

create table inbound_messages (
  id text primary key,
  account_id text not null,
  device_key text not null,
  event_key text not null,
  address text not null, -- who wrote, as the vendor says
  group_chat_id text,
  user_id text,
  group_id text,
  kind text not null constraint inbound_messages_kind_known check (kind in ('text', 'button', 'reaction', 'keypress', 'other')),
  body text not null default '',
  quoted_provider_message_id text,
  state text not null constraint inbound_messages_state_known check (state in ('applied', 'asked', 'unmatched', 'ignored')),
  interpretation jsonb,
  notification_id text,
  act_id text,
  received_at timestamptz not null default now(),
  constraint inbound_messages_once unique (account_id, event_key)
);
create index inbound_messages_newest on inbound_messages (received_at desc, id desc);
create index inbound_messages_by_address on inbound_messages (device_key, address, received_at desc);

-- Four digits that name an open notification on one sending device.
create table reply_codes (
  device_key text not null,
  code text not null,
  notification_id text not null constraint reply_codes_notification references notifications (id) on delete cascade,
  created_at timestamptz not null default now(),
  released_at timestamptz, -- the notification settled: the code may be given out again after a rest
  primary key (device_key, code)
);
create unique index reply_codes_by_notification on reply_codes (notification_id, device_key);

-- A question that we asked in a chat and whose answer is awaited ("1 semua" lists, then is confirmed).
create table reply_prompts (
  device_key text not null,
  address text not null,
  kind text not null constraint reply_prompts_kind_known check (kind in ('confirm_all', 'which_one')),
  notification_ids text[] not null,
  expires_at timestamptz not null,
  primary key (device_key, address)
);

create table in_app_messages (
  id text primary key,
  notification_id text not null constraint in_app_messages_notification references notifications (id) on delete cascade,
  user_id text not null constraint in_app_messages_user references users (id) on delete cascade,
  purpose text not null default 'ladder' constraint in_app_messages_purpose_known check (purpose in ('ladder', 'closing')),
  purpose_key text not null default '', -- which closing, so that each is written once
  title text not null,
  body text not null,
  created_at timestamptz not null default now(),
  read_at timestamptz,
  constraint in_app_messages_once unique (notification_id, user_id, purpose, purpose_key)
);
create index in_app_messages_by_user on in_app_messages (user_id, created_at desc, id desc);

-- The owner's table, kept by name: every attempt on WhatsApp with the columns of the brief.
create view whatsapp_notifications as
select
  d.id,
  d.notification_id,
  d.user_id,
  d.group_id,
  d.address as phone_number,
  m.body as message,
  d.status,
  d.provider,
  m.provider_message_id,
  m.provider_response,
  d.error,
  d.tries as retries,
  d.sent_at,
  d.delivered_at,
  d.read_at,
  d.failed_at,
  d.created_at
from deliveries d
left join messages m on m.id = d.message_id
where d.channel in ('whatsapp_personal', 'whatsapp_group');

-- (000002 replaces this function's body: change it there.)
-- The only pacer and the last check before a vendor is asked. In one statement: the notification is not stopped (ladder messages only), the delivery is
-- still to be sent, and the device's and the pair's next slots are near enough. Locks in the order notification, delivery, pair, device.
-- Verdicts: `send` (the delivery is `sending` now, the message row stands), `wait` (slot taken, ask again at slot_at with p_reserved), `later` (nothing
-- taken, the device or pair is free at slot_at at the earliest), `capped`, `stopped`, `not_intended`.
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
  p_message_id text,
  p_body text,
  p_reply_code text,
  p_answerable boolean
) returns table (verdict text, slot_at timestamptz, message_id text) language plpgsql as $$
declare
  v_status text;
  v_message_id text;
  v_device timestamptz;
  v_sent_on date;
  v_sent_today integer;
  v_pair timestamptz;
  v_slot timestamptz;
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
      return query select 'capped', null::timestamptz, null::text;
      return;
    end if;
    v_slot := greatest(v_device, coalesce(v_pair, v_device), clock_timestamp());
    if v_slot > clock_timestamp() + p_ahead then
      return query select 'later', v_slot, null::text;
      return;
    end if;
    update device_pace p set next_free_at = v_slot + p_gap, sent_on = (clock_timestamp() at time zone 'UTC')::date, sent_today = v_sent_today + 1
      where p.device_key = p_device_key;
    if p_pair_gap > interval '0' then
      update pair_pace p set next_free_at = v_slot + p_pair_gap
        where p.device_key = p_device_key and p.destination = p_address;
    end if;
    if v_slot > clock_timestamp() then
      return query select 'wait', v_slot, null::text;
      return;
    end if;
  end if;

  insert into messages (id, account_id, provider, channel, device_key, address, body, status, reply_code, answerable)
    values (p_message_id, p_account_id, p_provider, p_channel, p_device_key, p_address, p_body, 'sending', p_reply_code, p_answerable)
    on conflict (id) do update set status = 'sending', body = excluded.body;
  update deliveries d set status = 'sending', sending_at = coalesce(d.sending_at, clock_timestamp()), message_id = p_message_id, address = p_address,
    tries = d.tries + 1
    where d.id = p_delivery_id;
  return query select 'send', clock_timestamp(), p_message_id;
end $$;
