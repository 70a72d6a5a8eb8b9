/**
 * Reads of several records in one statement: documents without their tails, as most readers want them.
 *
 * Each record is looked up by itself (`offset 0`): planned as a join, tables without statistics are scanned, or looked
 * through by the wrong index.
 */
export const reads = `
create function holdfast.reads_1(_keys json, _ahead bigint)
returns table (place integer, at bigint, record json, document text, fields jsonb)
language plpgsql stable set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off
set plan_cache_mode = force_generic_plan as $$
declare
  _now bigint := holdfast.now_1(_ahead);
begin
  return query select k.p, _now, row_to_json(s), d.document, d.fields
  from json_to_recordset(_keys) as k(p integer, o text, k text, i text)
  left join lateral (
    select * from holdfast.records r where r.owner = k.o and r.kind = k.k and r.id = k.i
      and holdfast.live_1(r.ended_at, r.expires_at, _now) offset 0
  ) s on true
  left join lateral (select * from holdfast.documents d where d.record = s.record offset 0) d on true;
end
$$;
`;
