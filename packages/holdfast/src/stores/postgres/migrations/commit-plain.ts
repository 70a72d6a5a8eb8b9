/**
 * Commits that are decided for a whole batch at once. Those are *plain*: one change of one record that is there, replacing
 * the document, adding to a counter, appending to a stream, sliding; under no commit id of a caller's, no fence, and no
 * quota but of bytes. `plain.ts` says which they are and sends them as flat rows.
 *
 * `commit_plain_1` carries out what it is sure of, in a few statements over all of them. A record whose commits may have to
 * be refused, or to trim, is left out with all of them, and so is what others hold, and what belongs to an owner who may
 * be near its quota: `commit_one_2` decides those one by one. Where a commit id is there already, the whole batch fails
 * for it, and each of its commits is sent by itself.
 *
 * A plain commit as JSON: `p` place in the batch, `o` owner, `k` kind, `i` id, `e` version it expects, `t` document with
 * its bytes `b`, position `dp` and fields `f`, counter `c` with `y` what to add, `min` and `max`, stream `a` with events
 * `d`, the bytes of each `z` and of all `g`, and how many to keep `h`, `s` slide, `q` bytes the owner may have, commit id
 * `ci` with digest `cd`. The owners: `{owner: [bytes its commits add at most, bytes it may have]}`.
 */
import { commitIdWindowMs } from "../../../record/commit-ids.ts";

const columns = `p integer, o text, k text, i text, e bigint, t text, b bigint, dp bigint, f jsonb, c text, y bigint,
    min numeric, max numeric, a text, d text[], z bigint[], g bigint, h bigint, s boolean, q numeric, ci text, cd text`;

/** What decides and writes, with the sums that several commits of one record need, or without. */
function carriedOut(several: boolean): string {
  const sum = (added: string, by: string): string =>
    several ? `sum(${added}) over (partition by s.record, s.${by} order by s.place)` : added;
  const ofRecord = (aggregate: string, value: string, order = ""): string =>
    several ? `${aggregate}(${value}) over (partition by s.record ${order})` : `(${value})`;
  const joined = several
    ? `select d.record, max(d.next_version) as version, max(d.ends) as ends, bool_or(d.document is not null) as replaced,
        max(d.bytes) as bytes, max(d.position) as position, sum(d.appended) as appended,
        jsonb_object_agg(d.counter, d.total order by d.place) filter (where d.counter is not null) as counters,
        jsonb_object_agg(d.stream, jsonb_build_array(d.head, d.first) order by d.place)
          filter (where d.stream is not null) as streams
      from done d group by d.record`
    : `select d.record, d.next_version as version, d.ends, d.document is not null as replaced, d.bytes, d.position,
        d.appended, case when d.counter is not null then jsonb_build_object(d.counter, d.total) end as counters,
        case when d.stream is not null then jsonb_build_object(d.stream, jsonb_build_array(d.head, d.first)) end as streams
      from done d`;
  return `with summed as materialized (
      select s.*, least(_now + s.idle_ms, s.deadline_at) as slid,
        (coalesce((s.counters->>s.counter)::bigint, 0) + ${sum("s.added", "counter")})::numeric as total,
        coalesce((s.streams->s.stream->>0)::bigint, 0) + ${sum("cardinality(s.events)", "stream")} as head,
        coalesce((s.streams->s.stream->>1)::bigint, 1) as first
      from unnest(_standing) s
    ), judged as (
      select s.*,
        s.version + ${ofRecord("bool_or", "s.document is not null")}::integer as next_version,
        ${ofRecord(
          "bool_and",
          `holdfast.live_1(s.ended_at, s.expires_at, _now) and (s.expected is null or s.expected = s.version)
          and (s.counter is null or (abs(s.total) <= 9007199254740991 and (s.least is null or s.total >= s.least)
            and (s.most is null or s.total <= s.most)
            and (s.counters ? s.counter or holdfast.name_count_1(s.counters) + cardinality(_standing) <= 1000)))
          and (s.stream is null or ((s.kept is null or s.head - s.kept < s.first)
            and (s.streams ? s.stream or holdfast.name_count_1(s.streams) + cardinality(_standing) <= 1000)))`,
        )} as sure,
        case when ${ofRecord("bool_or", "s.slide", "order by s.place")} and s.idle_ms is not null and s.expires_at is not null
          and (s.slid - s.expires_at) * 20 > s.idle_ms then s.slid else s.expires_at end as ends
      from summed s
    ), done as materialized (
      select * from judged j where j.sure
    ), claimed as (
      insert into holdfast.commits (owner, id, digest, at, forget_at, results, caller)
      select d.owner, d.commit, d.digest, _now, _now + ${commitIdWindowMs.internal},
        jsonb_build_array(d.next_version, d.incarnation, d.counter, d.total, d.stream, d.head, d.ends), false
      from done d where d.commit is not null
    ), joined as (
      ${joined}
    ), recorded as (
      update holdfast.records r set version = j.version,
        updated_at = case when j.replaced then greatest(r.updated_at, _now) else r.updated_at end,
        touched_at = greatest(r.touched_at, _now), expires_at = j.ends,
        document_position = coalesce(j.position, r.document_position),
        document_bytes = coalesce(j.bytes, r.document_bytes), event_bytes = r.event_bytes + j.appended,
        counters = case when j.counters is null then r.counters else r.counters || j.counters end,
        streams = case when j.streams is null then r.streams else r.streams || j.streams end
      from joined j where r.record = j.record
    ), documented as (
      update holdfast.documents o set document = d.document, fields = coalesce(d.fields, o.fields)
      from done d where d.document is not null and o.record = d.record
    ), appended as (
      insert into holdfast.events (record, stream, position, at, bytes, data)
      select d.record, d.stream, d.head - cardinality(d.events) + e.nth, _now, e.size, e.data
      from done d, unnest(d.events, d.sizes) with ordinality e (data, size, nth) where d.stream is not null
    )
    select _now, count(*), json_agg(json_build_array(d.place, d.next_version, d.incarnation, d.total, d.head, d.ends)), (
      select jsonb_object_agg(b.owner, b.book) from (
        select g.owner, jsonb_build_object('b', sum(g.appended + coalesce(g.bytes - g.document_bytes, 0)), 'k', '{}'::jsonb)
          || case when g.owner = any (_held) then '{"l": true, "f": true}'::jsonb else '{}' end as book
        from done g where g.document is not null or g.stream is not null group by g.owner
      ) b
    ) into _answer from done d;`;
}

export const commitPlain: string = `
-- A plain commit beside what stands of its record.
create type holdfast.plain_1 as (
  place integer, expected bigint, document text, bytes bigint, position bigint, fields jsonb, counter text, added bigint,
  least numeric, most numeric, stream text, events text[], sizes bigint[], appended bigint, kept bigint, slide boolean,
  commit text, digest text,
  record bigint, owner text, version bigint, incarnation bigint, idle_ms bigint, deadline_at bigint, expires_at bigint,
  ended_at bigint, document_bytes bigint, counters jsonb, streams jsonb
);
create type holdfast.carried_out_1 as (at bigint, count bigint, done json, books jsonb);

-- \`_several\`: some record has more than one of them.
create function holdfast.commit_plain_1(_plain json, _owners jsonb, _several boolean, _ahead bigint)
returns holdfast.carried_out_1 language plpgsql as $$
declare
  _account holdfast.owners;
  _held text[] := '{}';
  _standing holdfast.plain_1[];
  _now bigint;
  _answer holdfast.carried_out_1;
begin
  for _account in select * from holdfast.owners where owner = any (array(select jsonb_object_keys(_owners)))
    order by owner for update skip locked
  loop
    _account := holdfast.fold_1(_account);
    if _account.bytes + (_owners->_account.owner->>0)::numeric <= (_owners->_account.owner->>1)::numeric then
      _held := array_append(_held, _account.owner);
    end if;
  end loop;

  -- Each record is looked up by itself: planned as a join, tables without statistics are scanned.
  select array_agg(locked.plain) into _standing from (
    select row(g.p, g.e, g.t, g.b, g.dp, g.f, g.c, g.y, g.min, g.max, g.a, g.d, g.z, coalesce(g.g, 0), g.h, g.s, g.ci, g.cd,
      r.record, r.owner, r.version, r.incarnation, r.idle_ms, r.deadline_at, r.expires_at, r.ended_at, r.document_bytes,
      r.counters, r.streams)::holdfast.plain_1 as plain
    from json_to_recordset(_plain) as g(${columns})
    cross join lateral (
      select * from holdfast.records r where r.owner = g.o and r.kind = g.k and r.id = g.i for update skip locked
    ) r where g.q is null or g.o = any (_held)
  ) locked;

  -- The time is taken under the locks: what is decided later never has an earlier time.
  _now := holdfast.now_1(_ahead);
  if _several then
    ${carriedOut(true)}
  else
    ${carriedOut(false)}
  end if;
  return _answer;
end
$$;

-- The locks of plain commits, in the order of \`wait_for_1\`.
create function holdfast.wait_for_plain_1(_plain json, _owners jsonb) returns void language plpgsql as $$
begin
  perform from holdfast.owners where owner = any (array(select jsonb_object_keys(_owners))) order by owner for update;
  perform from holdfast.records r join (
    select distinct g.o, g.k, g.i from json_to_recordset(_plain) as g(o text, k text, i text)
  ) named on r.owner = named.o and r.kind = named.k and r.id = named.i
  order by r.owner, r.kind, r.id for update of r;
end
$$;

-- Plain commits as \`commit_one_2\` takes them, those aside that are carried out.
create function holdfast.plain_left_1(_plain json, _done json) returns setof jsonb language sql stable as $$
  select jsonb_build_object('p', g.p, 'o', g.o, 'c', jsonb_build_array(
      jsonb_build_object('k', g.k, 'i', g.i, 'e', coalesce(to_jsonb(g.e), '"present"'))
      || case when g.t is null then '{}' else jsonb_build_object('d', jsonb_build_object('t', g.t, 'b', g.b)
        || case when g.dp is null then '{}' else jsonb_build_object('p', g.dp) end
        || case when g.f is null then '{}' else jsonb_build_object('f', g.f) end) end
      || case when g.c is null then '{}' else jsonb_build_object('c', jsonb_build_array(
        jsonb_strip_nulls(jsonb_build_object('n', g.c, 'by', g.y, 'min', g.min, 'max', g.max)))) end
      || case when g.a is null then '{}' else jsonb_build_object('a', jsonb_build_array(
        jsonb_strip_nulls(jsonb_build_object('s', g.a, 'd', g.d, 'b', g.z, 'k', g.h)))) end
      || case when g.s then '{"s": true}'::jsonb else '{}' end))
    || case when g.ci is null then '{}' else jsonb_build_object('i',
      jsonb_build_object('id', g.ci, 'digest', g.cd, 'window', ${commitIdWindowMs.internal})) end
    || case when g.q is null then '{}' else jsonb_build_object('q', jsonb_build_object('bytes', g.q)) end
  from json_to_recordset(_plain) as g(${columns})
  where g.p <> all (array(select (value->>0)::integer from json_array_elements(coalesce(_done, '[]')))) order by g.p
$$;
`;
