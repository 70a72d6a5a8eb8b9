import { expect, it } from "vitest";

import { findStatements } from "./queries.ts";
import { connectFor, databaseForThisFile, openFor, owner } from "./temporary.test-kit.ts";

const database = databaseForThisFile();

it("finds few of many records by the index of the fields, and few records of an owner by the owner's", async () => {
  const store = await openFor({ url: database() });
  const connection = await connectFor(database());
  // What 20,000 commits would have written, of one owner, and 500 of others with the same value.
  await connection.query(
    `with made as (insert into holdfast.records (owner, kind, id, place, version, incarnation, created_at, updated_at,
        touched_at, document_position, document_bytes, event_bytes, counters, streams)
      select case when n <= 20000 then $1 else 'small' || n % 50 end, 'note', 'n' || n, n, 1, 1, 0, 0, 0, 0, 2, 0, '{}', '{}'
      from generate_series(1, 20500) n returning record, place)
    insert into holdfast.documents select record, repeat('x', 300),
      jsonb_build_object('sku', 'sku-' || place % 4000, 'open', place % 2 = 0, 'size', place) from made`,
    [owner],
  );
  await connection.query("vacuum analyze holdfast.records, holdfast.documents");
  const planOf = async (whose: string, where: object): Promise<string> => {
    const values = [whose, "note", 0, 11, 0, JSON.stringify(where)];
    const { rows } = await connection.query(`explain ${findStatements.oldest}`, values);
    return rows.map((row) => String(row["QUERY PLAN"])).join("\n");
  };
  expect(await planOf(owner, { sku: "sku-17" })).toContain("documents_fields");
  expect(await planOf("small7", { open: true })).not.toContain("documents_fields");

  const { records } = await store.list(owner, "note", { limit: 10, order: "oldest", where: { sku: "sku-17" } });
  expect(records.map(({ id }) => id)).toEqual(["n17", "n4017", "n8017", "n12017", "n16017"]);
  const half = await store.list(owner, "note", { limit: 3, order: "newest", where: { open: true, size: 19_998 } });
  expect(half.records.map(({ id }) => id)).toEqual(["n19998"]);
});
