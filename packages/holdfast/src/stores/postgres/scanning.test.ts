import { expect, it } from "vitest";

import { scanOwnerStatement } from "./scans.ts";
import { connectFor, databaseForThisFile, openFor, owner } from "./temporary.test-kit.ts";

const database = databaseForThisFile();
const kinds = ["basket", "holdfast.lease", "note"];

/** What 12,000 creations would have written, kinds in turn, of one owner, and 600 of others between them. */
async function fill(): Promise<(statement: string, values: readonly unknown[]) => Promise<readonly unknown[]>> {
  const connection = await connectFor(database());
  await connection.query(
    `with made as (insert into holdfast.records (owner, kind, id, place, version, incarnation, created_at, updated_at,
        touched_at, document_position, document_bytes, event_bytes, counters, streams)
      select case when n % 21 > 0 then $1 else 'other' || n % 50 end, ($2::text[])[1 + n % 3], 'n' || n, n, 1, 1, 0, 0, 0, 0, 2, 0, '{}', '{}'
      from generate_series(1, 12600) n returning record)
    insert into holdfast.documents select record, '{}', '{}' from made`,
    [owner, kinds],
  );
  await connection.query("vacuum analyze holdfast.records, holdfast.documents");
  return async (statement, values) => {
    const { rows } = await connection.query(`explain (analyze, format json) ${statement}`, values);
    return rows.map((row) => row["QUERY PLAN"]);
  };
}

type Plan = Readonly<Record<string, unknown>> & { readonly Plans?: readonly Plan[] };

/** The most rows that any one step of a plan had to do with. */
function mostRows(plan: Plan): number {
  const own =
    (Number(plan["Actual Rows"]) + Number(plan["Rows Removed by Filter"] ?? 0)) * Number(plan["Actual Loops"]);
  return Math.max(own, ...(plan.Plans ?? []).map(mostRows));
}

it("reads no more for a page of one owner's records than the page times its kinds, wherever the page is", async () => {
  const store = await openFor({ url: database() });
  const explain = await fill();
  for (const after of [0, 6_000, 12_000]) {
    for (const [kind, most] of [
      [undefined, 11 * kinds.length],
      ["note", 11],
    ] as const) {
      const [answer] = await explain(scanOwnerStatement(kind), [
        after,
        11,
        owner,
        0,
        ...(kind === undefined ? [] : [kind]),
      ]);
      const [{ Plan: plan }] = answer as readonly [{ readonly Plan: Plan }];
      expect(mostRows(plan), `${kind} after ${after}`).toBeLessThanOrEqual(most);
    }
  }

  const ids: string[] = [];
  let after: string | undefined;
  do {
    const page = await store.admin.scan({ owner, limit: 1_000, after });
    ids.push(...page.records.map(({ id }) => id));
    after = page.next;
  } while (after !== undefined);
  const created = Array.from({ length: 12_600 }, (_, index) => index + 1).filter((n) => n % 21 > 0);
  expect(ids).toEqual(created.map((n) => `n${n}`));

  const notes = await store.admin.scan({ owner, kind: "note", limit: 4 });
  expect(notes.records.map(({ id }) => id)).toEqual(["n2", "n5", "n8", "n11"]);
  expect((await store.admin.scan({ owner, kind: "nothing", limit: 4 })).records).toEqual([]);
});
