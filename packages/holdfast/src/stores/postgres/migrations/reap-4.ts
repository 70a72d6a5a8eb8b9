/**
 * A sweep that also closes what expired and is retained: `ended_at` becomes `expires_at`, and who ends a record does that
 * before. Closing needs no lock of an owner: the triggers add to `growth`, which is folded in at the end.
 *
 * Sweeps of earlier releases go on as they did; what was closed they tell as ended once they remove it.
 */
export const reap4 = `
create index records_closing on holdfast.records (expires_at)
  where ended_at is null and expires_at is not null and retain_ms > 0;

-- When somebody ended a record: not where it expired and was closed.
create function holdfast.end_1(_ended_at bigint, _expires_at bigint) returns bigint language sql immutable as $$
  select case when _ended_at >= _expires_at then null else _ended_at end
$$;

-- Leaves out what is locked: the next sweep finds it.
create function holdfast.reap_4(_limit bigint, _ahead bigint) returns jsonb language plpgsql
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off as $$
declare
  _now bigint := holdfast.now_1(_ahead);
  _due bigint[];
  _owners text[];
  _record holdfast.records;
  _fields jsonb;
  _account holdfast.owners;
  _removed jsonb[] := '{}';
  _closing bigint[];
  _closed jsonb;
  _room bigint;
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
      'id', _record.id, 'cause', case when holdfast.end_1(_record.ended_at, _record.expires_at) is null then 'expired' else 'ended' end,
      'closed', coalesce(_record.ended_at >= _record.expires_at, false), 'fields', _fields,
      'livedMs', greatest(0, coalesce(_record.ended_at, _record.expires_at) - _record.created_at)));
  end loop;

  _room := _limit - cardinality(_removed);
  _closing := array(select record from holdfast.records
    where ended_at is null and expires_at is not null and retain_ms > 0 and expires_at <= _now
    order by expires_at limit _room + 1);
  with due as (
    select record from holdfast.records
    where record = any (_closing[:_room]) and ended_at is null and retain_ms > 0 and expires_at <= _now
    order by record for update skip locked
  ), closed as (
    update holdfast.records r set ended_at = r.expires_at from due where r.record = due.record
    returning r.record, r.owner, r.kind, r.id, r.expires_at - r.created_at as lived
  )
  select coalesce(jsonb_agg(jsonb_build_object('owner', c.owner, 'kind', c.kind, 'id', c.id, 'fields', d.fields,
    'livedMs', greatest(0, c.lived))), '[]') into _closed
  from closed c join holdfast.documents d on d.record = c.record;

  for _account in select * from holdfast.owners o
    where o.owner in (select owner from (select owner from holdfast.growth limit 10000) part)
    order by o.owner for update skip locked
  loop
    perform holdfast.fold_1(_account);
  end loop;
  return jsonb_build_object('removed', to_jsonb(_removed), 'closed', _closed, 'more',
    cardinality(_due) > _limit or cardinality(_closing) > _room or exists (select from holdfast.commits where forget_at <= _now));
end
$$;

-- What people see of a record stays as it was when it is closed.
create or replace view holdfast.shown_records as
select r.owner, r.kind, r.id, r.version, r.incarnation,
  case when holdfast.end_1(r.ended_at, r.expires_at) is not null then 'ended'
    when holdfast.live_1(null, r.expires_at, holdfast.now_1(0)) then 'live' else 'expired' end as state,
  holdfast.point_1(r.created_at) as created_at, holdfast.point_1(r.updated_at) as updated_at,
  holdfast.point_1(r.touched_at) as touched_at, holdfast.point_1(r.expires_at) as expires_at,
  holdfast.point_1(holdfast.end_1(r.ended_at, r.expires_at)) as ended_at,
  holdfast.shown_1(d.document) as document, holdfast.shown_names_1(d.fields) as fields,
  holdfast.shown_names_1(r.counters) as counters, r.document_bytes, r.event_bytes
from holdfast.records r join holdfast.documents d on d.record = r.record
where r.kind not like 'holdfast.%';
`;
