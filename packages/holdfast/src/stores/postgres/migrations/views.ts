/**
 * What people may query by themselves: everything that authors stored, in words, and nothing of the engine's own. Text
 * that PostgreSQL cannot keep (NUL, lone surrogates) shows as U+FFFD.
 */
export const views = `
create function holdfast.shown_1(_text text) returns text language sql immutable as $$
  select case when strpos(_text, chr(1)) = 0 then _text else
    replace(regexp_replace(_text, chr(1) || '(?!0001)[0-9a-f]{4}', chr(65533), 'g'), chr(1) || '0001', chr(1)) end
$$;

create function holdfast.shown_names_1(_object jsonb) returns jsonb language sql immutable as $$
  select case when strpos(_object::text, '\\u0001') = 0 then _object else (
    select jsonb_object_agg(holdfast.shown_1(key),
      case jsonb_typeof(value) when 'string' then to_jsonb(holdfast.shown_1(value #>> '{}')) else value end)
    from jsonb_each(_object)
  ) end
$$;

create function holdfast.point_1(_ms bigint) returns timestamptz language sql immutable as $$
  select to_timestamp(_ms / 1000.0)
$$;

create view holdfast.shown_records as
select r.owner, r.kind, r.id, r.version, r.incarnation,
  case when r.ended_at is not null then 'ended'
    when holdfast.live_1(null, r.expires_at, holdfast.now_1(0)) then 'live' else 'expired' end as state,
  holdfast.point_1(r.created_at) as created_at, holdfast.point_1(r.updated_at) as updated_at,
  holdfast.point_1(r.touched_at) as touched_at, holdfast.point_1(r.expires_at) as expires_at,
  holdfast.point_1(r.ended_at) as ended_at,
  holdfast.shown_1(d.document) as document, holdfast.shown_names_1(d.fields) as fields,
  holdfast.shown_names_1(r.counters) as counters, r.document_bytes, r.event_bytes
from holdfast.records r join holdfast.documents d on d.record = r.record
where r.kind not like 'holdfast.%';

create view holdfast.shown_events as
select r.owner, r.kind, r.id, r.incarnation, holdfast.shown_1(e.stream) as stream, e.position,
  holdfast.point_1(e.at) as at, holdfast.shown_1(e.data) as data
from holdfast.records r join holdfast.events e on e.record = r.record
where r.kind not like 'holdfast.%';
`;
