/** Taking the locks of commits; the order is described in `commit.ts`. None of these waits for a row but `wait_for_1`. */
export const locks = `
create function holdfast.lock_owner_1(_owner text) returns holdfast.owners language plpgsql as $$
declare
  _account holdfast.owners;
begin
  select * into _account from holdfast.owners where owner = _owner for update skip locked;
  if not found and not exists (select from holdfast.owners where owner = _owner) then
    insert into holdfast.owners (owner) values (_owner) on conflict do nothing;
    select * into _account from holdfast.owners where owner = _owner for update skip locked;
  end if;
  return _account;
end
$$;

-- All null where there is no such record; version -1 where somebody else holds it.
create function holdfast.lock_record_1(_owner text, _kind text, _id text) returns holdfast.records
language plpgsql as $$
declare
  _record holdfast.records;
begin
  select * into _record from holdfast.records where owner = _owner and kind = _kind and id = _id
  for update skip locked;
  if not found and exists (select from holdfast.records where owner = _owner and kind = _kind and id = _id) then
    _record.version := -1;
    _record.id := concat_ws('/', _owner, _kind, _id);
  end if;
  return _record;
end
$$;

create function holdfast.wait_for_1(_batch jsonb) returns void language plpgsql as $$
declare
  _owners text[] := array(select distinct b.value->>'o' from jsonb_array_elements(_batch) b
    where b.value ? 'q' or b.value ? 'w' or b.value->'i' ? 'limit');
begin
  if cardinality(_owners) > 0 then
    insert into holdfast.owners (owner) select o from unnest(_owners) o order by o collate "C" on conflict do nothing;
    perform from holdfast.owners where owner = any (_owners) order by owner for update;
  end if;
  perform from holdfast.records r join (
    select b.value->>'o' as owner, c.value->>'k' as kind, c.value->>'i' as id
    from jsonb_array_elements(_batch) b, jsonb_array_elements(b.value->'c') c
    union
    select b.value->>'o', b.value->'f'->>'k', b.value->'f'->>'i' from jsonb_array_elements(_batch) b where b.value ? 'f'
  ) named on r.owner = named.owner and r.kind = named.kind and r.id = named.id
  order by r.owner, r.kind, r.id for update of r;
end
$$;
`;
