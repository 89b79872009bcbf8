-- Codes of links are forgotten by the sweep, a day after their time, and not only when the same person asks again.
create index phone_verifications_by_end on phone_verifications (expires_at);
