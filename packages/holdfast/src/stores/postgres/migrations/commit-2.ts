/**
 * Commits as in `commit.ts`, with quotas decided by what is kept of an owner (`counts.ts`) instead of by counting.
 *
 * A batch keeps a book per owner: `b` bytes and `k` records by kind that its commits have added so far, `l` whether it
 * holds the owner's row, `f` whether it folded in what others had added. Books are written at the end, once per owner.
 */
export const commit2 = `
create type holdfast.booked_1 as (outcome jsonb, book jsonb);

create function holdfast.broken_quota_2(
  _account holdfast.owners, _quota jsonb, _pending jsonb, _growth jsonb, _bytes bigint, _now bigint
) returns jsonb language plpgsql as $$
declare
  _kinds jsonb;
  _expired jsonb;
  _kind text;
  _grown bigint;
  _records bigint := 0;
begin
  if (_quota ? 'records' or _quota ? 'kinds') and jsonb_path_exists(_growth, '$.* ? (@ > 0)') then
    _expired := holdfast.expired_kinds_1(_account.owner, _now);
    _kinds := holdfast.sum_kinds_1(holdfast.sum_kinds_1(_account.kinds, _pending), _expired);
    if (select sum(value::bigint) from jsonb_each_text(_expired)) < -100 then
      perform holdfast.settle_1(_account.owner, _now);
    end if;
    for _kind, _grown in select key, value::bigint from jsonb_each_text(_growth) loop
      continue when _kind like 'holdfast.%';
      _records := _records + _grown;
      if _grown > 0 and coalesce((_kinds->>_kind)::bigint, 0) + _grown > (_quota->'kinds'->>_kind)::numeric then
        return jsonb_build_object('reason', 'quota', 'quota', 'kind', 'limit', _quota->'kinds'->_kind);
      end if;
    end loop;
    if _records > 0 and _quota ? 'records' and _records + (
      select coalesce(sum(value::bigint), 0) from jsonb_each_text(_kinds) where key not like 'holdfast.%'
    ) > (_quota->>'records')::numeric then
      return jsonb_build_object('reason', 'quota', 'quota', 'records', 'limit', _quota->'records');
    end if;
  end if;
  return null;
end
$$;

create function holdfast.commit_one_2(_commit jsonb, _ahead bigint, _book jsonb) returns holdfast.booked_1
language plpgsql as $$
declare
  _booked holdfast.booked_1;
  _owner text := _commit->>'o';
  _account holdfast.owners;
  _change jsonb;
  _record holdfast.records;
  _standing holdfast.records[] := '{}';
  _decision holdfast.decision_1;
  _decisions holdfast.decision_1[] := '{}';
  _next holdfast.records;
  _results jsonb := '[]';
  _refusal jsonb;
  _now bigint := holdfast.now_1(_ahead);
  _actual bigint;
  _caller boolean;
  _grown integer;
  _counted jsonb := '{}';
  _growth jsonb := '{}';
  _bytes bigint := 0;
begin
  _booked.book := _book;
  if _commit ? 'i' then
    select jsonb_build_object('digest', digest, 'at', at, 'results', results) into _results from holdfast.commits
    where owner = _owner and id = _commit->'i'->>'id' and forget_at > _now;
    if found then
      _booked.outcome := jsonb_build_object('at', _now, 'known', _results);
      return _booked;
    end if;
    _results := '[]';
  end if;

  if _commit ? 'q' or _commit ? 'w' or _commit->'i' ? 'limit' then
    _account := holdfast.lock_owner_1(_owner);
    if _account.owner is null then
      _booked.outcome := jsonb_build_object('blocked', _owner, 'owner', true);
      return _booked;
    end if;
  end if;
  if _commit ? 'f' then
    select * into _record from holdfast.lock_record_1(_owner, _commit->'f'->>'k', _commit->'f'->>'i');
    if _record.version = -1 then
      _booked.outcome := jsonb_build_object('blocked', _record.id);
      return _booked;
    end if;
    _now := holdfast.now_1(_ahead);
    _actual := case when _record.record is not null and holdfast.live_1(_record.ended_at, _record.expires_at, _now)
      then _record.version end;
    if _actual is distinct from (_commit->'f'->>'token')::bigint then
      _booked.outcome := jsonb_build_object('at', _now, 'refusal',
        jsonb_build_object('reason', 'fence', 'token', _commit->'f'->'token', 'actual', _actual));
      return _booked;
    end if;
  end if;
  for _change in select value from jsonb_array_elements(_commit->'c') loop
    select * into _record from holdfast.lock_record_1(_owner, _change->>'k', _change->>'i');
    if _change ? 'n' and _account.owner is null and (_record.record is null
      or not holdfast.live_1(_record.ended_at, _record.expires_at, holdfast.now_1(_ahead))) then
      _account := holdfast.lock_owner_1(_owner);
      if _account.owner is null then
        _booked.outcome := jsonb_build_object('blocked', _owner, 'owner', true);
        return _booked;
      end if;
      -- Whoever creates holds the owner: only now is what is absent sure to stay absent.
      select * into _record from holdfast.lock_record_1(_owner, _change->>'k', _change->>'i');
    end if;
    if _record.version = -1 then
      _booked.outcome := jsonb_build_object('blocked', _record.id);
      return _booked;
    end if;
    _standing := array_append(_standing, _record);
  end loop;
  if _account.owner is not null then
    _booked.book := _booked.book || '{"l": true}';
    if _commit ? 'q' and not _booked.book ? 'f' then
      _account := holdfast.fold_1(_account);
      _booked.book := _booked.book || '{"f": true}';
    end if;
  end if;

  -- The time is taken under the locks: what is decided later never has an earlier time.
  _now := holdfast.now_1(_ahead);
  for _i in 1 .. cardinality(_standing) loop
    _record := _standing[_i];
    if _account.owner is null and _commit->'c'->(_i - 1) ? 'n' and not holdfast.live_1(_record.ended_at, _record.expires_at, _now) then
      _booked.outcome := jsonb_build_object('blocked', _owner, 'owner', true);
      return _booked;
    end if;
    _decision := holdfast.decide_1(_record, _commit->'c'->(_i - 1) || jsonb_build_object('o', _owner),
      _i - 1, _now, coalesce(_account.floor, 0));
    if _decision.refusal is not null then
      _booked.outcome := jsonb_build_object('at', _now, 'refusal', _decision.refusal);
      return _booked;
    end if;
    _decisions := array_append(_decisions, _decision);
    _results := _results || _decision.result;

    _next := _decision.next;
    _bytes := _bytes + _next.document_bytes + _next.event_bytes
      - coalesce(_record.document_bytes + _record.event_bytes, 0);
    _grown := (_next.ended_at is null)::integer - holdfast.is_counted_1(_record)::integer;
    if _grown <> 0 then
      _counted := _counted || jsonb_build_object(_next.kind, coalesce((_counted->>_next.kind)::bigint, 0) + _grown);
    end if;
    if _commit ? 'q' then
      _grown := (holdfast.live_1(_next.ended_at, _next.expires_at, _now))::integer
        - (_record.record is not null and holdfast.live_1(_record.ended_at, _record.expires_at, _now))::integer;
      _growth := _growth || jsonb_build_object(_next.kind, coalesce((_growth->>_next.kind)::bigint, 0) + _grown);
    end if;
  end loop;
  if _commit ? 'q' then
    _refusal := holdfast.broken_quota_2(_account, _commit->'q', _booked.book->'k', _growth, _bytes, _now);
    if _refusal is null and _bytes > 0 and _commit->'q' ? 'bytes' and
      _account.bytes + (_booked.book->>'b')::bigint + _bytes > (_commit->'q'->>'bytes')::numeric then
      _refusal := jsonb_build_object('reason', 'quota', 'quota', 'bytes', 'limit', _commit->'q'->'bytes');
    end if;
    if _refusal is not null then
      _booked.outcome := jsonb_build_object('at', _now, 'refusal', _refusal);
      return _booked;
    end if;
  end if;

  if _commit->'i' ? 'limit' and not holdfast.has_room_1(_account, (_commit->'i'->>'limit')::bigint, _now) then
    _booked.outcome := jsonb_build_object('at', _now, 'refusal',
      jsonb_build_object('reason', 'quota', 'quota', 'commitIds', 'limit', _commit->'i'->'limit'));
    return _booked;
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
      _booked.outcome := jsonb_build_object('at', _now, 'known', _results);
      return _booked;
    end if;
    if _grown <> 0 then update holdfast.owners set commit_ids = commit_ids + _grown where owner = _owner; end if;
  end if;
  for _i in 1 .. cardinality(_standing) loop
    perform holdfast.write_1(_commit->'c'->(_i - 1), _standing[_i], _decisions[_i], _now);
  end loop;
  if _bytes <> 0 or _counted <> '{}' then
    _booked.book := _booked.book || jsonb_build_object('b', (_booked.book->>'b')::bigint + _bytes,
      'k', holdfast.sum_kinds_1(_booked.book->'k', _counted));
  end if;
  _booked.outcome := jsonb_build_object('at', _now, 'results', _results);
  return _booked;
end
$$;

create function holdfast.keep_books_1(_books jsonb) returns void language plpgsql as $$
declare
  _owner text;
  _book jsonb;
  _bytes bigint;
begin
  for _owner, _book in select key, value from jsonb_each(_books) order by key collate "C" loop
    _bytes := (_book->>'b')::bigint;
    continue when _bytes = 0 and _book->'k' = '{}';
    if _book ? 'l' then
      update holdfast.owners set bytes = bytes + _bytes, kinds = case _book->'k' when '{}' then kinds
        else holdfast.sum_kinds_1(kinds, _book->'k') end where owner = _owner;
    else
      insert into holdfast.growth select _owner, '', 0, _bytes where _bytes <> 0
      union all select _owner, key, value::bigint, 0 from jsonb_each_text(_book->'k');
    end if;
  end loop;
end
$$;

create function holdfast.commit_2(_batch jsonb, _wait boolean, _ahead bigint) returns jsonb language plpgsql
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off
set holdfast.counts = 'kept' as $$
declare
  _outcomes jsonb[] := '{}';
  _commit jsonb;
  _books jsonb := '{}';
  _booked holdfast.booked_1;
begin
  if _wait then perform holdfast.wait_for_1(_batch); end if;
  for _commit in select value from jsonb_array_elements(_batch) loop
    _booked := holdfast.commit_one_2(_commit, _ahead, coalesce(_books->(_commit->>'o'), '{"b": 0, "k": {}}'));
    _outcomes := array_append(_outcomes, _booked.outcome);
    _books := _books || jsonb_build_object(_commit->>'o', _booked.book);
  end loop;
  perform holdfast.keep_books_1(_books);
  return to_jsonb(_outcomes);
end
$$;
`;
