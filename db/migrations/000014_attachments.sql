-- What goes with a notification beside its text: [{kind: image|document, url, fileName} | {kind: location, latitude, longitude, name, address}].
-- Files are not kept; whoever sends a message fetches them.
alter table notifications add column attachments jsonb not null default '[]';
-- How a message showed each of them, in their order: [{as: media|link|none, reason}]; null: nothing was attached, or nothing has been sent yet.
alter table deliveries add column attachments jsonb;
