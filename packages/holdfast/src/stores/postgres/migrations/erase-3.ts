/** Erasing in parts: a principal with very many records would outlast the deadline of a statement. */
export const erase3 = `
-- With no limit (null) all goes. What is kept besides records goes with the last part, which is shorter than the limit.
create function holdfast.erase_3(_owner text, _limit bigint) returns bigint language plpgsql
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off as $$
declare
  _account holdfast.owners;
  _records bigint[];
  _top bigint;
begin
  perform from holdfast.owners where owner = _owner for update;
  select array_agg(record), max(version) into _records, _top from (
    select record, version from holdfast.records where owner = _owner order by kind, id limit _limit for update
  ) part;
  delete from holdfast.events where record = any (_records);
  delete from holdfast.documents where record = any (_records);
  delete from holdfast.records where record = any (_records);
  update holdfast.owners set floor = greatest(floor, _top) where owner = _owner;
  if _limit is null or coalesce(cardinality(_records), 0) < _limit then
    delete from holdfast.commits where owner = _owner;
    -- Who was erased may be restored: its dumps are measured against what is reaped from now on.
    update holdfast.owners set commit_ids = 0, import_floor = 0 where owner = _owner;
  end if;
  select * into _account from holdfast.owners where owner = _owner;
  if found then perform holdfast.fold_1(_account); end if;
  return coalesce(cardinality(_records), 0);
end
$$;
`;
