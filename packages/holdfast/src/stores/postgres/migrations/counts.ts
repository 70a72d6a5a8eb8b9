/**
 * What an owner has: how many records of each kind, and how many bytes, so that a quota is checked without counting.
 *
 * `owners.kinds` and `owners.bytes`, together with the owner's rows in `growth`, are exact: the records that were not
 * ended and are not `settled`, by kind, and the bytes of all. Who holds the owner's row writes to it; everybody else adds
 * a row to `growth`, which waits for nobody, and whoever next needs the sums under the lock folds those in. What expired
 * is still counted there until somebody settles it, so whoever asks what is live takes off what the index
 * `records_expiring` shows as expired; once that is much, it is settled.
 *
 * `commit_2` keeps these counts itself, once per batch and owner, and says so by the setting `holdfast.counts`. For
 * everything else that writes records, releases that know nothing of them included, triggers do.
 */
export const counts = `
lock table holdfast.owners, holdfast.records in access exclusive mode;
alter table holdfast.owners add column bytes bigint not null default 0, add column kinds jsonb not null default '{}';
alter table holdfast.records add column settled boolean;
create index records_expiring on holdfast.records (owner, expires_at)
  where ended_at is null and settled is not true and expires_at is not null;

-- While a table has no statistics, indexes that begin with the same columns look equally cheap, and the planner takes the
-- one made last: that has to be the one that finds a single record, or the first records are looked for one by one.
drop index holdfast.records_key;
create unique index records_key on holdfast.records (owner, kind, id);

create table holdfast.growth (
  owner text collate "C" not null,
  kind text collate "C" not null,
  records bigint not null,
  bytes bigint not null
);
create index growth_owner on holdfast.growth (owner);

insert into holdfast.growth
select owner, kind, count(*) filter (where ended_at is null), sum(document_bytes + event_bytes)
from holdfast.records group by owner, kind;

create function holdfast.is_counted_1(_record holdfast.records) returns boolean language sql immutable as $$
  select _record.record is not null and _record.ended_at is null and _record.settled is not true
$$;

create function holdfast.grow_1() returns trigger language plpgsql as $$
begin
  if tg_op = 'INSERT' then
    insert into holdfast.growth values (new.owner, new.kind, holdfast.is_counted_1(new)::integer,
      new.document_bytes + new.event_bytes);
  elsif tg_op = 'DELETE' then
    insert into holdfast.growth values (old.owner, old.kind, -holdfast.is_counted_1(old)::integer,
      -(old.document_bytes + old.event_bytes));
  else
    insert into holdfast.growth values (new.owner, new.kind,
      holdfast.is_counted_1(new)::integer - holdfast.is_counted_1(old)::integer,
      new.document_bytes + new.event_bytes - old.document_bytes - old.event_bytes);
  end if;
  return null;
end
$$;

create trigger records_made after insert on holdfast.records for each row
  when (current_setting('holdfast.counts', true) is distinct from 'kept') execute function holdfast.grow_1();
create trigger records_gone after delete on holdfast.records for each row
  when (current_setting('holdfast.counts', true) is distinct from 'kept') execute function holdfast.grow_1();
create trigger records_changed after update on holdfast.records for each row
  when (current_setting('holdfast.counts', true) is distinct from 'kept' and (
    old.document_bytes + old.event_bytes <> new.document_bytes + new.event_bytes
    or (old.ended_at is null and old.settled is not true) <> (new.ended_at is null and new.settled is not true)
  )) execute function holdfast.grow_1();

-- A record that is made again is another one.
create function holdfast.unsettle_1() returns trigger language plpgsql as $$
begin
  new.settled := null;
  return new;
end
$$;
create trigger records_made_again before update on holdfast.records for each row
  when (old.settled and new.incarnation <> old.incarnation) execute function holdfast.unsettle_1();

create function holdfast.sum_kinds_1(_one jsonb, _other jsonb) returns jsonb language sql immutable as $$
  select coalesce(jsonb_object_agg(key, total), '{}') from (
    select key, sum(value::bigint) as total
    from (select * from jsonb_each_text(_one) union all select * from jsonb_each_text(_other)) both_of_them group by key
  ) summed where total <> 0
$$;

-- Needs the owner's row locked.
create function holdfast.fold_1(_account holdfast.owners) returns holdfast.owners language plpgsql as $$
declare
  _bytes bigint;
  _kinds jsonb;
begin
  with gone as (
    delete from holdfast.growth where owner = _account.owner returning kind, records, bytes
  ), by_kind as (
    select kind, sum(records) as records, sum(bytes) as bytes from gone group by kind
  )
  select sum(bytes), jsonb_object_agg(kind, records) into _bytes, _kinds from by_kind;
  if _kinds is null then return _account; end if;
  update holdfast.owners o set bytes = o.bytes + _bytes, kinds = holdfast.sum_kinds_1(o.kinds, _kinds)
  where o.owner = _account.owner returning o.* into _account;
  return _account;
end
$$;

create function holdfast.expired_kinds_1(_owner text, _now bigint) returns jsonb language sql stable as $$
  select coalesce(jsonb_object_agg(kind, -count), '{}') from (
    select kind, count(*) from holdfast.records
    where owner = _owner and ended_at is null and settled is not true and expires_at is not null and expires_at <= _now
    group by kind
  ) expired
$$;

-- Needs the owner's row locked. Passes over what others hold: it stays counted, and taken off, until the next time.
create function holdfast.settle_1(_owner text, _now bigint) returns void language plpgsql as $$
declare
  _kinds jsonb;
begin
  with expired as (
    select record from holdfast.records
    where owner = _owner and ended_at is null and settled is not true and expires_at is not null and expires_at <= _now
    limit 1000 for update skip locked
  ), settled as (
    update holdfast.records r set settled = true from expired where r.record = expired.record returning r.kind
  )
  select jsonb_object_agg(kind, -count) into _kinds from (select kind, count(*) from settled group by kind) by_kind;
  update holdfast.owners set kinds = holdfast.sum_kinds_1(kinds, _kinds) where owner = _owner and _kinds is not null;
end
$$;

create function holdfast.usage_1(_owner text, _ahead bigint) returns table (bytes bigint, kinds jsonb)
language sql stable set enable_seqscan = off set jit = off as $$
  select coalesce(o.bytes, 0) + coalesce(g.bytes, 0)::bigint,
    holdfast.sum_kinds_1(holdfast.sum_kinds_1(coalesce(o.kinds, '{}'), coalesce(g.kinds, '{}')),
      holdfast.expired_kinds_1(_owner, holdfast.now_1(_ahead)))
  from (select sum(k.bytes) as bytes, jsonb_object_agg(k.kind, k.records) as kinds from (
    select kind, sum(records) as records, sum(bytes) as bytes from holdfast.growth where owner = _owner group by kind
  ) k) g left join holdfast.owners o on o.owner = _owner
$$;

create function holdfast.reap_2(_limit bigint, _ahead bigint) returns jsonb language plpgsql
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off as $$
declare
  _answer jsonb := holdfast.reap_1(_limit, _ahead);
  _account holdfast.owners;
begin
  for _account in select * from holdfast.owners o
    where o.owner in (select owner from (select owner from holdfast.growth limit 10000) part)
    order by o.owner for update skip locked
  loop
    perform holdfast.fold_1(_account);
  end loop;
  return _answer;
end
$$;

create function holdfast.erase_2(_owner text) returns bigint language plpgsql
set enable_seqscan = off set jit = off as $$
declare
  _count bigint := holdfast.erase_1(_owner);
  _account holdfast.owners;
begin
  -- Locked by erase_1.
  select * into _account from holdfast.owners where owner = _owner;
  if found then perform holdfast.fold_1(_account); end if;
  return _count;
end
$$;
`;
