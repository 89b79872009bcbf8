-- A person proves a number by writing to one of ours: the message carries a code that stands for that person, once and for a short time.
create table phone_verifications (
  code_hash bytea primary key, -- SHA-256; the code itself is in the link and nowhere else
  user_id text not null constraint phone_verifications_user references users (id) on delete cascade,
  created_at timestamptz not null,
  expires_at timestamptz not null,
  ended_at timestamptz,
  -- used: it has verified a number; replaced: newer ones took its place; shown: it was written into a group, for everybody there to read
  ended_by text constraint phone_verifications_ended_by_known check (ended_by in ('used', 'replaced', 'shown')),
  constraint phone_verifications_end_has_cause check ((ended_at is null) = (ended_by is null))
);
create index phone_verifications_by_user on phone_verifications (user_id, created_at desc);

-- The person said from this very number that it may be written to. Belongs to the number: who has it next has agreed to nothing.
alter table contacts add column consented_at timestamptz;
alter table contacts add column consent_inbound_message_id text; -- the message that said so
alter table contacts add constraint contacts_consent_has_message check ((consented_at is null) = (consent_inbound_message_id is null));

-- The number of an account whose sender is an id of the vendor's, as that vendor tells it; null: the sender is the number, or nobody has told it yet.
alter table provider_accounts add column phone_number text; -- E.164
