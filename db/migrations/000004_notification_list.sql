-- What the list of notifications looks for beside its first columns.

-- Words: of the ticket, type, zone, category and data. The expression stands in db/notification-list.ts letter by letter.
create index notifications_search on notifications using gin ((
  to_tsvector('simple', coalesce(ticket_id, '') || ' ' || type || ' ' || coalesce(zone, '') || ' ' || coalesce(category, ''))
  || jsonb_to_tsvector('simple', data, '["string", "numeric"]')
));

create index notifications_by_outcome on notifications (outcome, accepted_at desc, id desc) where outcome is not null;

-- Those that concern a person, or told a group that the person is in.
create index notifications_by_assignee on notifications (assignee_id, accepted_at desc, id desc) where assignee_id is not null;
create index notifications_by_customer on notifications (customer_id, accepted_at desc, id desc) where customer_id is not null;
create index notification_targets_by_group on notification_targets (group_id, notification_id) where group_id is not null;
