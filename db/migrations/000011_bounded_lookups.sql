-- Recording that a vendor took a message asks which second ids were reported for it before: without this by reading every report of the sending device.
create index receipts_tied on receipts (device_key, provider_message_id) where provider_alias is not null;

-- What one person wrote, newest first: the inbound list of a person.
create index inbound_messages_by_user on inbound_messages (user_id, received_at desc, id desc) where user_id is not null;
