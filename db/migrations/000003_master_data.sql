-- Who changed what of the master data, and what its pages and its changes look for.

-- Privacy: names fields and ids, never values: what a number or a token was does not outlive the row that held it.
create table audit_log (
  id text primary key,
  at timestamptz not null,
  by jsonb not null, -- {kind: user|api_key|setup_link, userId, apiKeyId, name}
  action text not null, -- user.created, settings.changed, policy.versioned, ...
  subject text not null, -- id of what was changed
  detail jsonb not null default '{}'
);
create index audit_log_newest on audit_log (at desc, id desc);
create index audit_log_by_subject on audit_log (subject, at desc, id desc);

-- The list of users, newest first; customers make it long.
create index users_newest on users (created_at desc, id desc);
create index whatsapp_groups_newest on whatsapp_groups (created_at desc, id desc);
create index escalation_policies_newest on escalation_policies (created_at desc, id desc);
create index provider_accounts_newest on provider_accounts (created_at desc, id desc);
create index api_keys_newest on api_keys (created_at desc, id desc);

-- A change of a person or group finds the runs that it outdates.
create index notification_targets_waiting on notification_targets (target) where state in ('open', 'left_out');
-- What a group was told, page by page.
create index deliveries_by_group_page on deliveries (group_id, created_at desc, id desc) where group_id is not null;
drop index deliveries_by_group;
