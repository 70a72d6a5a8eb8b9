/** What operators and sweeps do. Like commits, all of it locks owners first, then records. */
export const upkeep = `
create function holdfast.remove_1(_record bigint) returns void language plpgsql as $$
begin
  delete from holdfast.events where record = _record;
  delete from holdfast.documents where record = _record;
  delete from holdfast.records where record = _record;
end
$$;

-- Leaves out what is locked: the next sweep finds it.
create function holdfast.reap_1(_limit bigint, _ahead bigint) returns jsonb language plpgsql
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off as $$
declare
  _now bigint := holdfast.now_1(_ahead);
  _due bigint[];
  _owners text[];
  _record holdfast.records;
  _fields jsonb;
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
      'id', _record.id, 'cause', case when _record.ended_at is null then 'expired' else 'ended' end, 'fields', _fields));
  end loop;
  return jsonb_build_object('removed', to_jsonb(_removed), 'more',
    cardinality(_due) > _limit or exists (select from holdfast.commits where forget_at <= _now));
end
$$;

create function holdfast.erase_1(_owner text) returns bigint language plpgsql
set enable_seqscan = off set jit = off as $$
declare
  _record holdfast.records;
  _count bigint := 0;
begin
  perform from holdfast.owners where owner = _owner for update;
  for _record in select * from holdfast.records where owner = _owner order by kind, id for update loop
    update holdfast.owners set floor = greatest(floor, _record.version) where owner = _owner;
    perform holdfast.remove_1(_record.record);
    _count := _count + 1;
  end loop;
  delete from holdfast.commits where owner = _owner;
  -- Who was erased may be restored: its dumps are measured against what is reaped from now on.
  update holdfast.owners set commit_ids = 0, import_floor = 0 where owner = _owner;
  return _count;
end
$$;

-- Answers null where the dump is in, and otherwise what keeps it out: a higher version that stands, or the floor.
create function holdfast.import_1(_owner text, _incoming jsonb, _document text, _fields jsonb, _events jsonb)
returns jsonb language plpgsql set enable_seqscan = off set jit = off as $$
declare
  _floor bigint;
  _next holdfast.records := jsonb_populate_record(null::holdfast.records, _incoming);
  _standing holdfast.records;
begin
  insert into holdfast.owners (owner) values (_owner) on conflict do nothing;
  perform from holdfast.owners where owner = _owner for update;
  select * into _standing from holdfast.records where owner = _owner and kind = _next.kind and id = _next.id for update;
  if _standing.version > _next.version then return jsonb_build_object('standing', _standing.version); end if;
  select import_floor into _floor from holdfast.owners where owner = _owner;
  if _standing.record is null and _next.incarnation <= _floor then return jsonb_build_object('floor', _floor); end if;
  _next.owner := _owner;
  -- The same incarnation keeps its place in listings.
  if _standing.incarnation is distinct from _next.incarnation then
    update holdfast.owners set places = places + 1 where owner = _owner returning places into strict _next.place;
  else
    _next.place := _standing.place;
  end if;
  _next.record := coalesce(_standing.record, nextval('holdfast.records_record_seq'));
  perform holdfast.remove_1(_next.record);
  insert into holdfast.records values ((_next).*);
  insert into holdfast.documents values (_next.record, _document, _fields);
  insert into holdfast.events (record, stream, position, at, bytes, data)
  select _next.record, e->>0, (e->>1)::bigint, (e->>2)::bigint, (e->>3)::bigint, e->>4
  from jsonb_array_elements(_events) e;
  return null;
end
$$;
`;
