-- One-time passwords: what was sent to prove a number, how often it was guessed at, and what came of it. The code itself stands here alone, sealed, and only
-- while it may still be sent and entered. Rows go after a day: the limits look back an hour.
create table otp_challenges (
  id text primary key,
  phone text not null, -- E.164: what is to be proven
  -- Whom the code goes to, and who has the number by it. Null: nobody that the caller may reach has this number, so nothing was sent; the row is there so that
  -- the answers and the limits are the same.
  user_id text constraint otp_challenges_user references users (id) on delete cascade,
  is_claim boolean not null default false, -- nobody has the number yet: the person gets it with the proof
  caller text not null, -- who asked: an API key or a user
  -- Set: heard of by this caller alone. What somebody asks about numbers out of their reach uses up and replaces nothing of their owners'.
  apart text,
  notification_id text constraint otp_challenges_notification references notifications (id) on delete set null,
  code_hash bytea not null, -- HMAC-SHA-256
  code_encrypted bytea, -- null: used, replaced, guessed at too often or over
  checks integer not null default 0 constraint otp_challenges_checks_bounded check (checks between 0 and 5),
  created_at timestamptz not null,
  expires_at timestamptz not null,
  replaced_at timestamptz, -- a newer one of the number was asked for
  used_at timestamptz,
  constraint otp_challenges_claims_somebody check (not is_claim or user_id is not null)
);
-- The one that counts; expired ones among them are told by their time.
create unique index otp_challenges_open on otp_challenges (phone, coalesce(apart, '')) where used_at is null and replaced_at is null;
-- Sends of the last hour, by number and by caller.
create index otp_challenges_by_phone on otp_challenges (phone, created_at);
create index otp_challenges_by_caller on otp_challenges (caller, created_at);
create index otp_challenges_by_notification on otp_challenges (notification_id) where notification_id is not null;
create index otp_challenges_by_user on otp_challenges (user_id) where user_id is not null;
-- The sweep: codes to wipe, rows to remove.
create index otp_challenges_sealed on otp_challenges (expires_at) where code_encrypted is not null;
create index otp_challenges_by_age on otp_challenges (created_at);
