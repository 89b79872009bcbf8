-- What was written to one account, of one state, newest first: an account that few write to is not looked for among all of them.
create index inbound_messages_by_account on inbound_messages (account_id, state, received_at desc, id desc);
