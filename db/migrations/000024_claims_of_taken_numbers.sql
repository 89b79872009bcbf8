-- A claim of a number that somebody else has is one, too, though nothing is sent for it: claims of a number are bounded together, whether it is free or taken, so
-- that the bound tells nobody which.
alter table otp_challenges drop constraint otp_challenges_claims_somebody;
