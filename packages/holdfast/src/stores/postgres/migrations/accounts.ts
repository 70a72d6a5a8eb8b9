/** Taking in what an owner had besides records elsewhere. Like commits, it locks the owner first. */
export const accounts = `
create function holdfast.import_account_1(
  _owner text, _floor bigint, _import_floor bigint, _commits jsonb, _window bigint, _ahead bigint
) returns void language plpgsql set enable_seqscan = off set jit = off as $$
declare
  _now bigint := holdfast.now_1(_ahead);
  _added bigint;
  _gone bigint;
begin
  insert into holdfast.owners (owner) values (_owner) on conflict do nothing;
  perform from holdfast.owners where owner = _owner for update;
  -- An outcome whose time is over is still counted, and makes room for the new one of its id.
  with gone as (
    delete from holdfast.commits c using jsonb_array_elements(_commits) e
    where c.owner = _owner and c.id = e->>'id' and c.forget_at <= _now returning c.caller
  )
  select count(*) filter (where caller) into _gone from gone;
  with added as (
    insert into holdfast.commits (owner, id, digest, at, forget_at, results, caller)
    select _owner, e->>'id', e->>'digest', (e->>'at')::bigint, (e->>'at')::bigint + _window, e->'results', true
    from jsonb_array_elements(_commits) e where (e->>'at')::bigint + _window > _now
    on conflict do nothing returning 1
  )
  select count(*) into _added from added;
  update holdfast.owners set floor = greatest(floor, _floor), import_floor = greatest(import_floor, _import_floor),
    commit_ids = commit_ids + _added - _gone where owner = _owner;
end
$$;
`;
