-- An administrator may write down that somebody wants messages again, or that an opt-out was never said. Who, why and in which words stands with it.
alter table opt_outs add column ended_by jsonb; -- {kind, userId, name}
alter table opt_outs add column ended_basis text constraint opt_outs_ended_basis_known check (ended_basis in ('person_asked', 'recorded_in_error'));
alter table opt_outs add column ended_note text;
alter table opt_outs add constraint opt_outs_ended_by_hand check (
  num_nonnulls(ended_by, ended_basis, ended_note) in (0, 3) and (ended_basis is null or ended_at is not null)
);
