/** A sweep that also says how long what it removed had lived. Folds counts in as `reap_2` does. */
export const reap3 = `
-- Leaves out what is locked: the next sweep finds it.
create function holdfast.reap_3(_limit bigint, _ahead bigint) returns jsonb language plpgsql
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off as $$
declare
  _now bigint := holdfast.now_1(_ahead);
  _due bigint[];
  _owners text[];
  _record holdfast.records;
  _fields jsonb;
  _account holdfast.owners;
  _removed jsonb[] := '{}';
begin
  with old as (
    select c.owner, c.id, c.caller from holdfast.commits c
    where c.forget_at <= _now and exists (select from holdfast.owners o where o.owner = c.owner for update skip locked)
    order by c.forget_at limit 1000
  ), gone as (
    delete from holdfast.commits c using old where c.owner = old.owner and c.id = old.id returning c.owner, c.caller
  )
  update holdfast.owners o set commit_ids = o.commit_ids - g.callers
  from (select owner, count(*) filter (where caller) as callers from gone group by owner) g where o.owner = g.owner;

  -- One more than may go tells whether another sweep would find more.
  _due := array(select record from holdfast.records
    where coalesce(ended_at, expires_at) + coalesce(retain_ms, 0) <= _now
      and coalesce(ended_at, expires_at) is not null
    order by coalesce(ended_at, expires_at) + coalesce(retain_ms, 0) limit _limit + 1);
  _owners := array(select o.owner from holdfast.owners o
    where o.owner in (select r.owner from holdfast.records r where r.record = any (_due[:_limit]))
    order by o.owner for update skip locked);
  for _record in
    select * from holdfast.records r where r.record = any (_due[:_limit]) and r.owner = any (_owners)
      and coalesce(ended_at, expires_at) + coalesce(retain_ms, 0) <= _now
    order by r.owner, r.kind, r.id for update skip locked
  loop
    select fields into _fields from holdfast.documents where record = _record.record;
    update holdfast.owners set floor = greatest(floor, _record.version),
      import_floor = greatest(import_floor, _record.version) where owner = _record.owner;
    perform holdfast.remove_1(_record.record);
    _removed := array_append(_removed, jsonb_build_object('owner', _record.owner, 'kind', _record.kind,
      'id', _record.id, 'cause', case when _record.ended_at is null then 'expired' else 'ended' end, 'fields', _fields,
      'livedMs', greatest(0, coalesce(_record.ended_at, _record.expires_at) - _record.created_at)));
  end loop;

  for _account in select * from holdfast.owners o
    where o.owner in (select owner from (select owner from holdfast.growth limit 10000) part)
    order by o.owner for update skip locked
  loop
    perform holdfast.fold_1(_account);
  end loop;
  return jsonb_build_object('removed', to_jsonb(_removed), 'more',
    cardinality(_due) > _limit or exists (select from holdfast.commits where forget_at <= _now));
end
$$;
`;
