-- What the list of users looks for when customers make it a million rows long.

create index users_by_role_newest on users (role, created_at desc, id desc);
create index users_by_zones on users using gin (zones);
create index users_off on users (created_at desc, id desc) where not is_active;
-- Beginnings of the words of a name. The expression stands in db/users.ts letter by letter.
create index users_search on users using gin (to_tsvector('simple', coalesce(name, '')));
-- Also of people who are switched off: their numbers are no longer unique.
create index contacts_by_value on contacts (value);
-- How many messages somebody has not read.
create index in_app_messages_unread on in_app_messages (user_id) where read_at is null;
