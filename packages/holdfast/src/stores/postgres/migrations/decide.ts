/**
 * The decision about one change, as `record/decide.ts` takes it; the model test holds the two together.
 *
 * A change as JSON: `k` kind, `i` id, `e` expect, `n` creation and `d` document (`t` text, `b` bytes, `p` position,
 * `f` fields, `l` lifetime, `v` version to begin at), `l` lifetime (`i` idle, `a` absolute, `r` retained), `s` slide, `x` end, `c` counters
 * (`n` name, `by`, `min`, `max`), `a` appends (`s` stream, `d` data, `b` bytes of each, `h` expected head, `k` keep),
 * `t` trims (`s` stream, `p` through). Streams are kept as `{name: [head, first]}`.
 */
const parts = `
create type holdfast.decision_1 as (
  refusal jsonb,
  next holdfast.records,
  created boolean,
  dropped boolean,
  trimmed boolean,
  -- Position of the first event of each append.
  froms jsonb,
  result jsonb
);

create function holdfast.name_count_1(_names jsonb) returns bigint language sql immutable as $$
  select count(*) from jsonb_object_keys(_names)
$$;

create function holdfast.drop_through_1(_streams jsonb, _stream text, _through bigint) returns jsonb
language plpgsql immutable as $$
declare
  _head bigint := coalesce((_streams->_stream->>0)::bigint, 0);
  _first bigint := coalesce((_streams->_stream->>1)::bigint, 1);
  _last bigint := least(_through, _head);
begin
  if _last < _first then return _streams; end if;
  return _streams || jsonb_build_object(_stream, jsonb_build_array(_head, _last + 1));
end
$$;

create function holdfast.with_lifetime_1(_record holdfast.records, _lifetime jsonb, _now bigint)
returns holdfast.records language plpgsql immutable as $$
begin
  _record.idle_ms := (_lifetime->>'i')::bigint;
  _record.absolute_ms := (_lifetime->>'a')::bigint;
  _record.retain_ms := (_lifetime->>'r')::bigint;
  _record.deadline_at := _now + _record.absolute_ms;
  -- least() leaves nulls aside: the earlier of those there are.
  _record.expires_at := least(_now + _record.idle_ms, _record.deadline_at);
  return _record;
end
$$;

`;

/** @param beginning what is asked once it is known at which version a record begins. */
const decision = (verb: string, beginning: string): string => `${verb} function holdfast.decide_1(
  _standing holdfast.records, _change jsonb, _index integer, _now bigint, _floor bigint
) returns holdfast.decision_1 language plpgsql stable as $$
declare
  _decision holdfast.decision_1;
  _next holdfast.records := _standing;
  _live boolean := _standing.record is not null
    and holdfast.live_1(_standing.ended_at, _standing.expires_at, _now);
  _expect text := _change->>'e';
  _met boolean;
  _new jsonb := _change->'n';
  _document jsonb := _change->'d';
  _item jsonb;
  _name text;
  _value numeric;
  _sum numeric;
  _head bigint;
  _length bigint;
  _slid bigint;
  _named jsonb := '{}';
  _heads jsonb := '{}';
  _froms jsonb := '[]';
  _before jsonb;
  _bytes bigint := 0;
begin
  _met := case _expect when 'any' then true when 'present' then _live when 'absent' then not _live
    else _live and _standing.version = _expect::bigint end;
  if not _met or (not _live and _new is null) then
    _decision.refusal := jsonb_build_object('reason', 'version', 'index', _index, 'expected', _change->'e',
      'actual', case when _live then _standing.version end);
    return _decision;
  end if;

  if not _live then
    _next.owner := _change->>'o';
    _next.kind := _change->>'k';
    _next.id := _change->>'i';
    _next.version := greatest(coalesce(_standing.version, 0), _floor) + 1;
    _next.incarnation := _next.version;${beginning}
    _next.created_at := _now;
    _next.updated_at := _now;
    _next.touched_at := _now;
    _next.ended_at := null;
    _next := holdfast.with_lifetime_1(_next, coalesce(_change->'l', _new->'l'), _now);
    _next.counters := '{}';
    _next.streams := '{}';
    _next.event_bytes := 0;
    _next.document_position := coalesce((_new->>'p')::bigint, 0);
    _next.document_bytes := (_new->>'b')::bigint;
  else
    -- A clock that steps back must not make a record look younger than it is.
    _next.touched_at := greatest(_next.touched_at, _now);
    if _document is not null then
      _next.version := _next.version + 1;
      _next.updated_at := greatest(_next.updated_at, _now);
      _next.document_position := coalesce((_document->>'p')::bigint, _next.document_position);
      _next.document_bytes := (_document->>'b')::bigint;
    end if;
    if _change ? 'l' then
      _next := holdfast.with_lifetime_1(_next, _change->'l', _now);
    elsif _change ? 's' and _next.idle_ms is not null and _next.expires_at is not null then
      _slid := least(_now + _next.idle_ms, _next.deadline_at);
      if (_slid - _next.expires_at) * 20 > _next.idle_ms then _next.expires_at := _slid; end if;
    end if;
  end if;

  if _change ? 'c' then
    _before := _next.counters;
    for _item in select value from jsonb_array_elements(_change->'c') loop
      _name := _item->>'n';
      _value := coalesce((_next.counters->>_name)::numeric, 0);
      _sum := _value + (_item->>'by')::numeric;
      if abs(_sum) > 9007199254740991 or _sum < (_item->>'min')::numeric or _sum > (_item->>'max')::numeric then
        _decision.refusal := jsonb_build_object('reason', 'bounds', 'index', _index, 'counter', _name,
          'value', _value, 'by', _item->'by');
        return _decision;
      end if;
      _next.counters := _next.counters || jsonb_build_object(_name, _sum);
      _named := _named || jsonb_build_object(_name, _sum);
    end loop;
    if not _before ?& array(select jsonb_object_keys(_named)) and holdfast.name_count_1(_next.counters) > 1000 then
      _decision.refusal := jsonb_build_object('reason', 'quota', 'quota', 'counters', 'limit', 1000);
      return _decision;
    end if;
  end if;

  _before := _next.streams;
  if _change ? 'a' then
    for _item in select value from jsonb_array_elements(_change->'a') loop
      _name := _item->>'s';
      _head := coalesce((_next.streams->_name->>0)::bigint, 0);
      if (_item->>'h')::bigint <> _head then
        _decision.refusal := jsonb_build_object('reason', 'position', 'index', _index, 'stream', _name,
          'expected', _item->'h', 'actual', _head);
        return _decision;
      end if;
      _froms := _froms || to_jsonb(_head + 1);
      _length := jsonb_array_length(_item->'d');
      _head := _head + _length;
      _next.streams := _next.streams || jsonb_build_object(_name,
        jsonb_build_array(_head, coalesce((_next.streams->_name->>1)::bigint, 1)));
      _heads := _heads || jsonb_build_object(_name, _head);
      if _item ? 'k' then
        _next.streams := holdfast.drop_through_1(_next.streams, _name, _head - (_item->>'k')::bigint);
      end if;
    end loop;
  end if;
  if _change ? 't' then
    for _item in select value from jsonb_array_elements(_change->'t') loop
      _next.streams := holdfast.drop_through_1(_next.streams, _item->>'s', (_item->>'p')::bigint);
    end loop;
  end if;
  if _change ? 'a' and not _before ?& array(select jsonb_object_keys(_heads))
    and holdfast.name_count_1(_next.streams) > 1000 then
    _decision.refusal := jsonb_build_object('reason', 'quota', 'quota', 'streams', 'limit', 1000);
    return _decision;
  end if;

  _decision.trimmed := false;
  if _change ? 't' or jsonb_path_exists(_change, '$.a[*].k') then
    _decision.trimmed := true;
    select coalesce(sum(e.bytes), 0) into _bytes
    from jsonb_each(_before) s join holdfast.events e on e.record = _next.record and e.stream = s.key
    where _live and e.position < (_next.streams->s.key->>1)::bigint;
    _next.event_bytes := _next.event_bytes - _bytes;
  end if;
  if _change ? 'a' then
    -- What this very change trims again is never kept, and so never counted.
    select coalesce(sum(b.value::bigint), 0) into _bytes
    from jsonb_array_elements(_change->'a') with ordinality a (value, nth),
      jsonb_array_elements_text(a.value->'b') with ordinality b (value, nth)
    where (_froms->>(a.nth - 1)::integer)::bigint + b.nth - 1 >= (_next.streams->(a.value->>'s')->>1)::bigint;
    _next.event_bytes := _next.event_bytes + _bytes;
  end if;

  _decision.dropped := false;
  if _change ? 'x' then
    _next.ended_at := _now;
    if coalesce(_next.retain_ms, 0) = 0 then
      _decision.dropped := true;
      _next.counters := '{}';
      _next.streams := '{}';
      _next.event_bytes := 0;
      _next.document_position := 0;
      _next.document_bytes := 0;
    end if;
  end if;

  _decision.next := _next;
  _decision.created := not _live;
  _decision.froms := _froms;
  _decision.result := jsonb_build_object('version', _next.version, 'incarnation', _next.incarnation,
    'created', not _live, 'counters', _named, 'heads', _heads, 'expiresAt', _next.expires_at);
  return _decision;
end
$$;
`;

export const decide: string = parts + decision("create", "");

/** Also keeps `create.version`, which earlier releases never send: so they may go on calling what calls this. */
export const decideBeginning: string = decision(
  "create or replace",
  `
    if (_new->>'v')::bigint <> _next.version then
      _decision.refusal := jsonb_build_object('reason', 'beginning', 'index', _index, 'expected', _new->'v',
        'actual', _next.version);
      return _decision;
    end if;`,
);
