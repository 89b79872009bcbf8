-- Which request used a code up: its repeat, after a process that died before it could answer, gets the answer of the first.
alter table otp_challenges add column used_by_request bytea; -- SHA-256 of whose Idempotency-Key it was, and the key; null: it had none
create index otp_challenges_by_request on otp_challenges (used_by_request) where used_by_request is not null;
