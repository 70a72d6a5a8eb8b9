/**
 * owners: one row per principal that ever wrote. `floor` outlives everything else; `places` counts creations, so that
 * the order of creation is the order of commits. Locked by whoever creates records or has a quota to keep, and by
 * nobody else.
 * records: narrow, so that counters, stream heads and expiries change without rewriting documents. Points in time are
 * milliseconds since the epoch.
 * `import_floor` is the part of the floor that imports are measured against; `commit_ids` counts callers' ids in `commits`.
 * commits: outcomes of commit ids, until `forget_at`.
 */
export const tables = `
create table holdfast.owners (
  owner text collate "C" primary key,
  floor bigint not null default 0,
  places bigint not null default 0,
  import_floor bigint not null default 0,
  commit_ids bigint not null default 0
);

create table holdfast.records (
  record bigserial primary key,
  owner text collate "C" not null,
  kind text collate "C" not null,
  id text collate "C" not null,
  place bigint not null,
  version bigint not null,
  incarnation bigint not null,
  created_at bigint not null,
  updated_at bigint not null,
  touched_at bigint not null,
  idle_ms bigint,
  absolute_ms bigint,
  retain_ms bigint,
  deadline_at bigint,
  expires_at bigint,
  ended_at bigint,
  document_position bigint not null,
  document_bytes bigint not null,
  event_bytes bigint not null,
  counters jsonb not null,
  streams jsonb not null
) with (fillfactor = 80);
create unique index records_key on holdfast.records (owner, kind, id);
create index records_listed on holdfast.records (owner, kind, place);
create index records_due on holdfast.records ((coalesce(ended_at, expires_at) + coalesce(retain_ms, 0)))
  where coalesce(ended_at, expires_at) is not null;

create table holdfast.documents (
  record bigint primary key,
  document text not null,
  fields jsonb not null
) with (fillfactor = 80);
create index documents_fields on holdfast.documents using gin (fields jsonb_path_ops);

create table holdfast.events (
  record bigint not null,
  stream text collate "C" not null,
  position bigint not null,
  at bigint not null,
  bytes bigint not null,
  data text not null,
  primary key (record, stream, position)
);

create table holdfast.commits (
  owner text collate "C" not null,
  id text collate "C" not null,
  digest text not null,
  at bigint not null,
  forget_at bigint not null,
  results jsonb not null,
  caller boolean not null,
  primary key (owner, id)
);
create index commits_due on holdfast.commits (forget_at);

create table holdfast.secrets (
  name text primary key,
  value bytea not null
);

create function holdfast.now_1(_ahead bigint) returns bigint language sql volatile as $$
  select floor(extract(epoch from clock_timestamp()) * 1000)::bigint + _ahead
$$;

create function holdfast.live_1(_ended_at bigint, _expires_at bigint, _now bigint) returns boolean
language sql immutable as $$
  select _ended_at is null and (_expires_at is null or _now < _expires_at)
$$;
`;
