import type { Connection } from "./driver.ts";

/** Everything in the schema that makes a difference, in words that every supported server gives alike. */
const described = `
select line from (
  select 1 as part, format('table %s column %s %s%s%s', table_name, column_name, data_type,
    case when is_nullable = 'NO' then ' not null' else '' end, coalesce(' default ' || column_default, '')) as line
  from information_schema.columns where table_schema = 'holdfast' and table_name in (
    select table_name from information_schema.tables where table_schema = 'holdfast' and table_type = 'BASE TABLE')
  union all
  select 2, format('index %s %s', tablename, indexdef) from pg_indexes where schemaname = 'holdfast'
  union all
  select 3, format('trigger %s on %s calls %s', t.tgname, c.relname, p.proname)
  from pg_trigger t join pg_class c on c.oid = t.tgrelid join pg_proc p on p.oid = t.tgfoid
  where c.relnamespace = 'holdfast'::regnamespace and not t.tgisinternal
  union all
  select 4, format('view %s column %s %s', table_name, column_name, data_type)
  from information_schema.columns where table_schema = 'holdfast' and table_name in (
    select table_name from information_schema.views where table_schema = 'holdfast')
  union all
  select 5, format('function %s(%s) returns %s %s', proname, pg_get_function_identity_arguments(oid),
    pg_get_function_result(oid), md5(prosrc || coalesce(proconfig::text, '')))
  from pg_proc where pronamespace = 'holdfast'::regnamespace
) lines order by part, line`;

export async function describeSchema(connection: Connection): Promise<string> {
  // Names are given with their schema or without it by whether it is searched, which by default goes by the user's name.
  await connection.query("set search_path = holdfast");
  const { rows } = await connection.query(described);
  return `${rows.map((row) => String(row["line"])).join("\n")}\n`;
}
