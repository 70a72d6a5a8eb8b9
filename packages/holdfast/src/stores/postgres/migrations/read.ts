/** Reads. The functions are STABLE, so that all their statements see the one snapshot of the statement that called them. */
export const read = `
create function holdfast.tail_1(_record holdfast.records, _tail jsonb) returns jsonb language plpgsql stable as $$
declare
  _stream text := _tail->>'s';
  _first bigint := coalesce((_record.streams->_stream->>1)::bigint, 1);
  _limit bigint := (_tail->>'limit')::bigint;
  _after bigint := case when _tail ? 'last'
    then coalesce((_record.streams->_stream->>0)::bigint, 0) - least((_tail->>'last')::bigint, _limit)
    else coalesce((_tail->>'after')::bigint, _record.document_position) end;
begin
  return coalesce((select jsonb_agg(jsonb_build_array(p.position, p.at, p.data) order by p.position) from (
    select e.*, row_number() over nearest as nth, sum(e.bytes) over nearest - e.bytes as before from (
      select f.position, f.at, f.data, f.bytes from holdfast.events f
      where f.record = _record.record and f.stream = _stream and f.position > _after and f.position >= _first
      order by f.position limit _limit
    ) e window nearest as (order by case when _tail ? 'last' then -e.position else e.position end)
  ) p where p.nth = 1 or not _tail ? 'bytes' or p.before < (_tail->>'bytes')::bigint), '[]');
end
$$;

create function holdfast.read_1(_owner text, _kind text, _id text, _tails jsonb, _commit text, _ahead bigint)
returns table (at bigint, record jsonb, document text, fields jsonb, tails jsonb, outcome jsonb)
language plpgsql stable set enable_seqscan = off set jit = off as $$
declare
  _record holdfast.records;
begin
  at := holdfast.now_1(_ahead);
  select * into _record from holdfast.records r
  where r.owner = _owner and r.kind = _kind and r.id = _id and holdfast.live_1(r.ended_at, r.expires_at, at);
  if found then
    record := to_jsonb(_record);
    select d.document, d.fields into document, fields from holdfast.documents d where d.record = _record.record;
    if _tails is not null then
      select jsonb_agg(holdfast.tail_1(_record, t.value) order by t.nth) into tails
      from jsonb_array_elements(_tails) with ordinality t (value, nth);
    end if;
  end if;
  if _commit is not null then
    select jsonb_build_object('digest', c.digest, 'at', c.at, 'results', c.results) into outcome
    from holdfast.commits c where c.owner = _owner and c.id = _commit and c.forget_at > read_1.at;
  end if;
  return next;
end
$$;

create function holdfast.events_1(
  _owner text, _kind text, _id text, _stream text, _after bigint, _before bigint, _limit bigint, _bytes bigint,
  _newest boolean, _ahead bigint
) returns table (head bigint, first bigint, incarnation bigint, events jsonb)
language plpgsql stable set enable_seqscan = off set jit = off as $$
declare
  _record holdfast.records;
begin
  select * into _record from holdfast.records r
  where r.owner = _owner and r.kind = _kind and r.id = _id
    and holdfast.live_1(r.ended_at, r.expires_at, holdfast.now_1(_ahead));
  if not found then return; end if;
  head := coalesce((_record.streams->_stream->>0)::bigint, 0);
  first := coalesce((_record.streams->_stream->>1)::bigint, 1);
  incarnation := _record.incarnation;
  if _newest then
    select jsonb_agg(jsonb_build_array(p.position, p.at, p.data) order by p.position desc) into events from (
      select e.position, e.at, e.data, row_number() over (order by e.position desc) as nth,
        sum(e.bytes) over (order by e.position desc) - e.bytes as before from (
        select * from holdfast.events f where f.record = _record.record and f.stream = _stream
          and f.position > _after and f.position < coalesce(_before, head + 1) order by f.position desc limit _limit
      ) e
    ) p where p.nth = 1 or _bytes is null or p.before < _bytes;
  else
    select jsonb_agg(jsonb_build_array(p.position, p.at, p.data) order by p.position) into events from (
      select e.position, e.at, e.data, row_number() over (order by e.position) as nth,
        sum(e.bytes) over (order by e.position) - e.bytes as before from (
        select * from holdfast.events f where f.record = _record.record and f.stream = _stream
          and f.position > _after and f.position < coalesce(_before, head + 1) order by f.position limit _limit
      ) e
    ) p where p.nth = 1 or _bytes is null or p.before < _bytes;
  end if;
  return next;
end
$$;
`;
