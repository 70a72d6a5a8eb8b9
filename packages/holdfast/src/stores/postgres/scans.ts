/** The statements of a scan: every record of everybody, or of one owner in the order they were created. */

export const scanStatement = `select n.now as at, page.* from (select holdfast.now_1($4::bigint) as now) n left join lateral (
    select to_jsonb(r) as record, d.fields from holdfast.records r join holdfast.documents d on d.record = r.record
    where r.record > $1 and ($2::text is null or r.kind = $2) order by r.record limit $3
  ) page on true`;

/**
 * The index has an owner's records by kind, and by place only within one: a page is merged from the next of each kind.
 * Asked for by place alone, all of the owner's records would be read and sorted for each page. What is on the page is chosen
 * first: with everything in them, they would be made JSON to be thrown away.
 */
const mergedPage = `chosen as (
    select next.record, next.place from kinds k cross join lateral (
      select record, place from holdfast.records
      where owner = $3 and kind = k.kind and place > $1 order by place limit $2
    ) next order by next.place limit $2
  )
  select n.now as at, page.* from (select holdfast.now_1($4::bigint) as now) n left join lateral (
    select to_jsonb(r) as record, d.fields
    from chosen join holdfast.records r on r.record = chosen.record join holdfast.documents d on d.record = r.record
    order by chosen.place
  ) page on true`;
const oneKind = `with kinds as (select $5::text as kind), ${mergedPage}`;
/** An owner's kinds, few and hopped through in the index: each step finds the next one after the last. */
const everyKind = `with recursive kinds as (
    (select kind from holdfast.records where owner = $3 order by kind limit 1)
    union all
    select (select r.kind from holdfast.records r where r.owner = $3 and r.kind > k.kind order by r.kind limit 1)
    from kinds k where k.kind is not null
  ), ${mergedPage}`;

/** Its values: the place to go on after, how many, whose, how far ahead the clock is set, and the kind if one is named. */
export function scanOwnerStatement(kind: string | undefined): string {
  return kind === undefined ? everyKind : oneKind;
}
