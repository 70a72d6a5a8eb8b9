/**
 * Commits. `commit_1` takes a batch and gives each commit its own outcome: `{at, results}`, `{at, refusal}`, `{known}`
 * (the remembered outcome of its commit id), or `{blocked}` where a row was locked by somebody else. Everything is
 * decided before anything of a commit is written, so none ever has to be taken back.
 *
 * Locks: owners first, then records, each in key order. A batch that does not wait skips what is locked and so never
 * takes part in a deadlock; one that waits (`_wait`) locks all it names beforehand, in that order.
 *
 * A commit as JSON: `o` owner, `c` changes, `i` commit id (`id`, `digest`, `window` in ms, `limit` of a caller's), `f` fence (`k`, `i`,
 * `token`), `q` quota (`records`, `kinds`, `bytes`), `w` lock the owner beforehand.
 */
export const commit = `
create function holdfast.broken_quota_1(
  _owner text, _quota jsonb, _standing holdfast.records[], _decisions holdfast.decision_1[], _now bigint
) returns jsonb language plpgsql as $$
declare
  _growth jsonb := '{}';
  _kinds jsonb;
  _kind text;
  _grown bigint;
  _records bigint := 0;
  _bytes bigint := 0;
  _was holdfast.records;
  _next holdfast.records;
begin
  for _i in 1 .. cardinality(_decisions) loop
    _was := _standing[_i];
    _next := (_decisions[_i]).next;
    _grown := (holdfast.live_1(_next.ended_at, _next.expires_at, _now))::integer
      - (_was.record is not null and holdfast.live_1(_was.ended_at, _was.expires_at, _now))::integer;
    _growth := _growth || jsonb_build_object(_next.kind, coalesce((_growth->>_next.kind)::bigint, 0) + _grown);
    _bytes := _bytes + _next.document_bytes + _next.event_bytes
      - coalesce(_was.document_bytes + _was.event_bytes, 0);
    if _next.kind not like 'holdfast.%' then _records := _records + _grown; end if;
  end loop;

  if jsonb_path_exists(_growth, '$.* ? (@ > 0)') and (_quota ? 'records' or _quota ? 'kinds') then
    select coalesce(jsonb_object_agg(kind, count), '{}') into _kinds from (
      select kind, count(*) from holdfast.records
      where owner = _owner and kind not like 'holdfast.%' and holdfast.live_1(ended_at, expires_at, _now) group by kind
    ) counted;
    for _kind, _grown in select key, value::bigint from jsonb_each_text(_growth) loop
      if _kind not like 'holdfast.%' and _grown > 0
        and coalesce((_kinds->>_kind)::bigint, 0) + _grown > (_quota->'kinds'->>_kind)::numeric then
        return jsonb_build_object('reason', 'quota', 'quota', 'kind', 'limit', _quota->'kinds'->_kind);
      end if;
    end loop;
    if _records > 0 and (select coalesce(sum(value::bigint), 0) from jsonb_each_text(_kinds)) + _records
      > (_quota->>'records')::numeric then
      return jsonb_build_object('reason', 'quota', 'quota', 'records', 'limit', _quota->'records');
    end if;
  end if;

  if _bytes > 0 and _quota ? 'bytes' and _bytes + (
    select coalesce(sum(document_bytes + event_bytes), 0) from holdfast.records where owner = _owner
  ) > (_quota->>'bytes')::numeric then
    return jsonb_build_object('reason', 'quota', 'quota', 'bytes', 'limit', _quota->'bytes');
  end if;
  return null;
end
$$;

create function holdfast.write_1(_change jsonb, _standing holdfast.records, _decision holdfast.decision_1, _now bigint)
returns void language plpgsql as $$
declare
  _next holdfast.records := _decision.next;
  _document jsonb := case when _decision.created then _change->'n' else _change->'d' end;
begin
  if _decision.created then
    -- What was erased counts for imports as soon as something is made since.
    update holdfast.owners set places = places + 1, import_floor = case
      when exists (select from holdfast.records where owner = _next.owner) then import_floor else floor end
    where owner = _next.owner returning places into strict _next.place;
  end if;
  if _standing.record is null then
    _next.record := nextval('holdfast.records_record_seq');
    insert into holdfast.records values ((_next).*);
  else
    update holdfast.records set place = _next.place, version = _next.version, incarnation = _next.incarnation,
      created_at = _next.created_at, updated_at = _next.updated_at, touched_at = _next.touched_at,
      idle_ms = _next.idle_ms, absolute_ms = _next.absolute_ms, retain_ms = _next.retain_ms,
      deadline_at = _next.deadline_at, expires_at = _next.expires_at, ended_at = _next.ended_at,
      document_position = _next.document_position, document_bytes = _next.document_bytes,
      event_bytes = _next.event_bytes, counters = _next.counters, streams = _next.streams
    where record = _next.record;
  end if;

  if _document is not null or _decision.dropped then
    insert into holdfast.documents as d values (_next.record,
      case when _decision.dropped then '' else _document->>'t' end, coalesce(_document->'f', '{}'))
    on conflict (record) do update set document = excluded.document,
      fields = case when _decision.created or _document ? 'f' then excluded.fields else d.fields end;
  end if;

  if _standing.record is not null and (_decision.created or _decision.dropped) then
    delete from holdfast.events where record = _next.record;
  elsif _standing.record is not null and _decision.trimmed then
    delete from holdfast.events e using jsonb_each(_next.streams) s
    where e.record = _next.record and e.stream = s.key and e.position < (s.value->>1)::bigint;
  end if;
  if _change ? 'a' and not _decision.dropped then
    insert into holdfast.events (record, stream, position, at, bytes, data)
    select _next.record, appended.stream, appended.position, _now, appended.bytes, appended.data from (
      select a.value->>'s' as stream, (_decision.froms->>(a.nth - 1)::integer)::bigint + d.nth - 1 as position,
        (a.value->'b'->>(d.nth - 1)::integer)::bigint as bytes, d.value as data
      from jsonb_array_elements(_change->'a') with ordinality a (value, nth),
        jsonb_array_elements_text(a.value->'d') with ordinality d (value, nth)
    ) appended where appended.position >= (_next.streams->appended.stream->>1)::bigint;
  end if;
end
$$;

-- Whether one more id of a caller fits; forgets the owner's that are past their time where it otherwise would not.
create function holdfast.has_room_1(_account holdfast.owners, _limit bigint, _now bigint) returns boolean
language plpgsql as $$
declare
  _gone bigint;
begin
  if _account.commit_ids < _limit then return true; end if;
  with gone as (
    delete from holdfast.commits where owner = _account.owner and caller and forget_at <= _now returning 1
  ) select count(*) into _gone from gone;
  update holdfast.owners set commit_ids = commit_ids - _gone where owner = _account.owner;
  return _account.commit_ids - _gone < _limit;
end
$$;

create function holdfast.commit_one_1(_commit jsonb, _ahead bigint) returns jsonb language plpgsql as $$
declare
  _owner text := _commit->>'o';
  _account holdfast.owners;
  _change jsonb;
  _record holdfast.records;
  _standing holdfast.records[] := '{}';
  _decision holdfast.decision_1;
  _decisions holdfast.decision_1[] := '{}';
  _results jsonb := '[]';
  _refusal jsonb;
  _now bigint := holdfast.now_1(_ahead);
  _actual bigint;
  _caller boolean;
  _grown integer;
begin
  if _commit ? 'i' then
    select jsonb_build_object('digest', digest, 'at', at, 'results', results) into _results from holdfast.commits
    where owner = _owner and id = _commit->'i'->>'id' and forget_at > _now;
    if found then return jsonb_build_object('at', _now, 'known', _results); end if;
    _results := '[]';
  end if;

  if _commit ? 'q' or _commit ? 'w' or _commit->'i' ? 'limit' then
    _account := holdfast.lock_owner_1(_owner);
    if _account.owner is null then return jsonb_build_object('blocked', _owner, 'owner', true); end if;
  end if;
  if _commit ? 'f' then
    select * into _record from holdfast.lock_record_1(_owner, _commit->'f'->>'k', _commit->'f'->>'i');
    if _record.version = -1 then return jsonb_build_object('blocked', _record.id); end if;
    _now := holdfast.now_1(_ahead);
    _actual := case when _record.record is not null and holdfast.live_1(_record.ended_at, _record.expires_at, _now)
      then _record.version end;
    if _actual is distinct from (_commit->'f'->>'token')::bigint then
      return jsonb_build_object('at', _now, 'refusal',
        jsonb_build_object('reason', 'fence', 'token', _commit->'f'->'token', 'actual', _actual));
    end if;
  end if;
  for _change in select value from jsonb_array_elements(_commit->'c') loop
    select * into _record from holdfast.lock_record_1(_owner, _change->>'k', _change->>'i');
    if _change ? 'n' and _account.owner is null and (_record.record is null
      or not holdfast.live_1(_record.ended_at, _record.expires_at, holdfast.now_1(_ahead))) then
      _account := holdfast.lock_owner_1(_owner);
      if _account.owner is null then return jsonb_build_object('blocked', _owner, 'owner', true); end if;
      -- Whoever creates holds the owner: only now is what is absent sure to stay absent.
      select * into _record from holdfast.lock_record_1(_owner, _change->>'k', _change->>'i');
    end if;
    if _record.version = -1 then return jsonb_build_object('blocked', _record.id); end if;
    _standing := array_append(_standing, _record);
  end loop;

  -- The time is taken under the locks: what is decided later never has an earlier time.
  _now := holdfast.now_1(_ahead);
  for _i in 1 .. cardinality(_standing) loop
    _record := _standing[_i];
    if _account.owner is null and _commit->'c'->(_i - 1) ? 'n' and not holdfast.live_1(_record.ended_at, _record.expires_at, _now) then
      return jsonb_build_object('blocked', _owner, 'owner', true);
    end if;
    _decision := holdfast.decide_1(_record, _commit->'c'->(_i - 1) || jsonb_build_object('o', _owner),
      _i - 1, _now, coalesce(_account.floor, 0));
    if _decision.refusal is not null then
      return jsonb_build_object('at', _now, 'refusal', _decision.refusal);
    end if;
    _decisions := array_append(_decisions, _decision);
    _results := _results || _decision.result;
  end loop;
  if _commit ? 'q' then
    _refusal := holdfast.broken_quota_1(_owner, _commit->'q', _standing, _decisions, _now);
    if _refusal is not null then return jsonb_build_object('at', _now, 'refusal', _refusal); end if;
  end if;

  if _commit->'i' ? 'limit' and not holdfast.has_room_1(_account, (_commit->'i'->>'limit')::bigint, _now) then
    return jsonb_build_object('at', _now, 'refusal',
      jsonb_build_object('reason', 'quota', 'quota', 'commitIds', 'limit', _commit->'i'->'limit'));
  end if;
  if _commit ? 'i' then
    -- What is past its time counts until it is gone; whoever brings a new outcome of the same id finds none.
    delete from holdfast.commits where owner = _owner and id = _commit->'i'->>'id' and forget_at <= _now
    returning caller into _caller;
    _grown := (_commit->'i' ? 'limit')::integer - coalesce(_caller, false)::integer;
    -- Claimed before anything is written: an earlier attempt that is still under way is waited for here.
    insert into holdfast.commits values (_owner, _commit->'i'->>'id', _commit->'i'->>'digest', _now,
      _now + (_commit->'i'->>'window')::bigint, _results, _commit->'i' ? 'limit')
    on conflict (owner, id) do nothing;
    if not found then
      select jsonb_build_object('digest', digest, 'at', at, 'results', results) into strict _results
      from holdfast.commits where owner = _owner and id = _commit->'i'->>'id';
      return jsonb_build_object('at', _now, 'known', _results);
    end if;
    if _grown <> 0 then update holdfast.owners set commit_ids = commit_ids + _grown where owner = _owner; end if;
  end if;
  for _i in 1 .. cardinality(_standing) loop
    perform holdfast.write_1(_commit->'c'->(_i - 1), _standing[_i], _decisions[_i], _now);
  end loop;
  return jsonb_build_object('at', _now, 'results', _results);
end
$$;

create function holdfast.commit_1(_batch jsonb, _wait boolean, _ahead bigint) returns jsonb language plpgsql
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off as $$
declare
  _outcomes jsonb[] := '{}';
begin
  if _wait then perform holdfast.wait_for_1(_batch); end if;
  for _i in 0 .. jsonb_array_length(_batch) - 1 loop
    _outcomes := array_append(_outcomes, holdfast.commit_one_1(_batch->_i, _ahead));
  end loop;
  return to_jsonb(_outcomes);
end
$$;
`;
