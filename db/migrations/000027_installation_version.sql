-- What planning needs of the installation is the same from one notification to the next: processes keep it, and each snapshot says by this whether it still holds.
-- The version is the rows together, more than one where changes met. Random, so that no state ever has the version of another one.
create table installation_versions (
  id uuid primary key default gen_random_uuid()
);
insert into installation_versions default values;

-- Nobody waits for a version: changes that meet leave a row each, and whoever comes next removes both. So no writer of these tables can deadlock over it, and an
-- account that breaks is not kept waiting by somebody who edits holidays.
create function change_installation_version() returns trigger language plpgsql as $$
begin
  delete from installation_versions where id in (select v.id from installation_versions v for update skip locked);
  insert into installation_versions default values;
  return null;
end $$;

create trigger zones_installation after insert or update or delete or truncate on zones
  for each statement execute function change_installation_version();
create trigger holidays_installation after insert or update or delete or truncate on holidays
  for each statement execute function change_installation_version();
create trigger notification_types_installation after insert or update or delete or truncate on notification_types
  for each statement execute function change_installation_version();
create trigger notification_group_rules_installation after insert or update or delete or truncate on notification_group_rules
  for each statement execute function change_installation_version();
create trigger escalation_policies_installation after insert or update or delete or truncate on escalation_policies
  for each statement execute function change_installation_version();
create trigger escalation_policy_versions_installation after insert or update or delete or truncate on escalation_policy_versions
  for each statement execute function change_installation_version();
create trigger templates_installation after insert or update or delete or truncate on templates
  for each statement execute function change_installation_version();
create trigger provider_templates_installation after insert or update or delete or truncate on provider_templates
  for each statement execute function change_installation_version();
create trigger price_book_installation after insert or update or delete or truncate on price_book
  for each statement execute function change_installation_version();
create trigger whatsapp_groups_installation after insert or update or delete or truncate on whatsapp_groups
  for each statement execute function change_installation_version();
create trigger provider_account_groups_installation after insert or update or delete or truncate on provider_account_groups
  for each statement execute function change_installation_version();
create trigger provider_accounts_installation after insert or delete or truncate on provider_accounts
  for each statement execute function change_installation_version();
-- Counts of failures, probes and notices are written all the time; a plan reads none of them.
create trigger provider_accounts_installation_update after update on provider_accounts
  for each row when (
    (old.provider, old.channel, old.sender, old.device_key, old.settings, old.position, old.purposes, old.pacing, old.receipt_deadline_seconds, old.enabled,
      old.health_state, old.is_standby)
    is distinct from
    (new.provider, new.channel, new.sender, new.device_key, new.settings, new.position, new.purposes, new.pacing, new.receipt_deadline_seconds, new.enabled,
      new.health_state, new.is_standby)
  ) execute function change_installation_version();
