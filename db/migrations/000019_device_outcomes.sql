-- Why a device's copy of a push was not taken; null while nothing speaks against it.
alter table push_copies add column reason text, add column error jsonb;
