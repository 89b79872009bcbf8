-- Withdrawn consent: what a person no longer wants on a channel. A number that nobody has yet may withdraw it too; whoever has that number later is bound by it.
create table opt_outs (
  id text primary key,
  user_id text constraint opt_outs_user references users (id) on delete cascade,
  address text, -- E.164
  holder text not null generated always as (coalesce(user_id, address)) stored,
  message_class text not null, -- of notification_types
  channel text not null,
  since timestamptz not null,
  -- The message that said so, or the delivery that the vendor refused because the person had told the vendor.
  inbound_message_id text,
  delivery_id text,
  ended_at timestamptz, -- the person wants it again
  ended_by_inbound_message_id text,
  noticed_at timestamptz, -- operators were told
  constraint opt_outs_of_somebody check (num_nonnulls(user_id, address) = 1)
);
-- What stands, of one holder; asked for everybody whom a plan may tell.
create unique index opt_outs_standing on opt_outs (holder, channel, message_class) where ended_at is null;
-- Withdrawn by staff, and the operators don't know yet.
create index opt_outs_unnoticed on opt_outs (since) where noticed_at is null and ended_at is null and user_id is not null;

-- What a message is of, for who wants to hear no more like it: the consent that its type needs, else the box of the settings page, else the type alone.
alter table notification_types add column message_class text not null generated always as (
  coalesce(consent_class, preference_class, 'type:' || code)
) stored;

-- Words that withdraw consent and give it again are data, as the others are. An installation that has words gets these; a new one gets them from its seed.
alter table reply_words drop constraint reply_words_meaning_known;
alter table reply_words add constraint reply_words_meaning_known check (
  meaning in ('acknowledge', 'refuse', 'all', 'polite', 'stop', 'start')
);
insert into reply_words (locale, word, meaning)
  select w.locale, w.word, w.meaning
  from (values
    ('id', 'stop', 'stop'), ('id', 'berhenti', 'stop'), ('id', 'berhenti berlangganan', 'stop'), ('id', 'hentikan promosi', 'stop'),
    ('id', 'start', 'start'), ('id', 'mulai', 'start'),
    ('en', 'stop', 'stop'), ('en', 'unsubscribe', 'stop'), ('en', 'stop promotions', 'stop'),
    ('en', 'start', 'start'), ('en', 'subscribe', 'start')
  ) as w(locale, word, meaning)
  where exists (select from reply_words r where r.locale = w.locale)
  on conflict do nothing;

-- A group may hide its members' numbers: a member without a user is then known by the alias that once came with the number.
alter table whatsapp_group_members add column aliases text[] not null default '{}';
