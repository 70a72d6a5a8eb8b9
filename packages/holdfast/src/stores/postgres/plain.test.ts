/** A batch decided all at once comes to what it comes to one by one: the same outcomes, the same rows. */
import { expect, it } from "vitest";

import type { Change } from "../../record/change.ts";
import { ownerOf } from "../../record/ids.ts";
import type { CommitOptions, Committed } from "../../store/contract.ts";
import { seededRandom } from "../../testing/conformance/seeded.ts";
import type { SingleConnection } from "./driver.ts";
import { migrate } from "./migrate.ts";
import { committedFromPlain, PlainBatch, type PlainOutcome } from "./plain.ts";
import { connectFor, freshDatabase } from "./temporary.test-kit.ts";
import { commitToWire, committedFromWire, knownFromWire, type WireKnown, type WireOutcome } from "./wire.ts";

type Commit = { readonly owner: string; readonly changes: readonly Change[]; readonly options: CommitOptions };
type Answered = Exclude<WireOutcome, { readonly blocked: string }>;
type Seen = { readonly committed: readonly Committed[]; readonly rows: unknown; readonly plain: number };

const owners = ["ann", "bob"].map((subject) => ownerOf({ issuer: "test", subject }));
const stopped = 1_000_000_000_000;

it("comes to the same as one by one, whatever the batch", async () => {
  const seed = Date.now() % 2 ** 31;
  const random = seededRandom(seed);
  const connection = await connectFor(await freshDatabase());
  await migrate(connection);
  await connection.query(
    "create or replace function holdfast.now_1(_ahead bigint) returns bigint language sql volatile as $$ select _ahead $$",
  );
  for (const owner of owners) {
    const made = ["a", "b", "c"].map((id) => ({ owner, changes: [creation(id)], options: {} }));
    await oneByOne(connection, made, stopped);
  }
  let plain = 0;
  for (let round = 0; round < 150; round += 1) {
    const at = stopped + round * 1_000;
    const batch = Array.from({ length: 1 + random(12) }, (_, place) => someCommit(random, round, place));
    const [together, apart] = [
      await within(connection, () => allAtOnce(connection, batch, at), "rollback"),
      await within(connection, () => oneByOne(connection, batch, at), "commit"),
    ];
    expect(together.committed, `seed ${seed}, round ${round}: ${JSON.stringify(batch)}`).toEqual(apart.committed);
    expect(together.rows, `seed ${seed}, round ${round}: ${JSON.stringify(batch)}`).toEqual(apart.rows);
    plain += together.plain;
  }
  // The test would prove little if what it compares were decided in one way both times.
  expect(plain).toBeGreaterThan(150);
});

function creation(id: string): Change {
  return {
    kind: "note",
    id,
    expect: "absent",
    create: { text: "{}", lifetime: { idleMs: 60_000, absoluteMs: 900_000 } },
  };
}

function someCommit(random: (below: number) => number, round: number, place: number): Commit {
  const pick = <T>(...from: readonly [T, ...T[]]): T => from[random(from.length)] ?? from[0];
  const maybe = (share: number): boolean => random(100) < share * 100;
  const counter = { name: pick("n", "m"), by: pick(1, -1, 3), ...(maybe(0.2) && { min: -2, max: pick(2, 5) }) };
  const stream = pick("log", "other");
  const append = { stream, data: maybe(0.3) ? ["one", "é"] : ["x"], ...(maybe(0.1) && { keep: pick(1, 40) }) };
  const document = {
    text: `{"at":${round}}`,
    ...(maybe(0.3) && { fields: { at: round } }),
    ...(maybe(0.2) && { position: 3 }),
  };
  const change: Change = {
    kind: "note",
    id: pick("a", "a", "b", "c", "missing"),
    expect: pick<Change["expect"]>("present", "present", 1 + Math.floor(round / 8)),
    ...(maybe(0.3) && { document }),
    ...(maybe(0.6) && { counters: maybe(0.1) ? [counter, { name: "k", by: 1 }] : [counter] }),
    ...(maybe(0.6) && { appends: [append] }),
    ...(maybe(0.5) && { slide: true }),
    ...(maybe(0.05) && { lifetime: { idleMs: 60_000 } }),
  };
  return {
    owner: owners[random(owners.length)] ?? "",
    changes: [change],
    options: {
      ...(maybe(0.7) && { commitId: { id: `c${round}-${place}`, digest: "d", origin: "internal" as const } }),
      ...(maybe(0.5) && { quota: { records: 10, bytes: pick(100_000, 1_500) } }),
    },
  };
}

async function allAtOnce(connection: SingleConnection, batch: readonly Commit[], at: number): Promise<Seen> {
  const plain = new PlainBatch();
  const rest: object[] = [];
  for (const [place, commit] of batch.entries()) {
    const { owner, changes, options } = commit;
    if (plain.take(place, { ...commit, lockOwner: false })) continue;
    rest.push({ ...commitToWire(owner, changes, options, false), p: place });
  }
  const { rows } = await connection.query("select holdfast.commit_3($1, $2, $3, $4, false, $5) as answer", [
    plain.rows.length === 0 ? null : JSON.stringify(plain.rows),
    JSON.stringify(plain.owners),
    plain.several,
    rest.length === 0 ? null : JSON.stringify(rest),
    at,
  ]);
  const [row] = rows;
  if (row === undefined) throw new Error("the function gave no answer");
  const { done, outcomes } = row["answer"] as { done: readonly PlainOutcome[]; outcomes: Record<string, Answered> };
  const committed = batch.map(({ changes: [change] }, place) => {
    const own = done.find(([which]) => which === place);
    if (own !== undefined && change !== undefined) return committedFromPlain(at, own, change);
    const outcome = outcomes[place];
    if (outcome === undefined) throw new Error("no outcome");
    return committedFromWire(outcome, "d");
  });
  return { committed, rows: await everything(connection), plain: done.length };
}

async function oneByOne(connection: SingleConnection, batch: readonly Commit[], at: number): Promise<Seen> {
  const wire = batch.map(({ owner, changes, options }) => commitToWire(owner, changes, options, false));
  const { rows } = await connection.query("select holdfast.commit_2($1, false, $2) as answer", [
    JSON.stringify(wire),
    at,
  ]);
  const answer = rows[0]?.["answer"] as readonly Answered[];
  const committed = answer.map((outcome) => committedFromWire(outcome, "d"));
  return { committed, rows: await everything(connection), plain: 0 };
}

async function everything(connection: SingleConnection): Promise<unknown> {
  const all = async (query: string): Promise<readonly Readonly<Record<string, unknown>>[]> =>
    (await connection.query(query)).rows;
  const commits = await all("select * from holdfast.commits order by owner, id");
  return {
    records: await all("select * from holdfast.records order by record"),
    documents: await all("select * from holdfast.documents order by record"),
    events: await all("select * from holdfast.events order by record, stream, position"),
    commits: commits.map(({ results, ...row }) => {
      const known = { digest: "d", at: 0, results: results as WireKnown["results"] };
      return { ...row, results: knownFromWire(known).results };
    }),
    usages: await all("select u.* from holdfast.owners o, holdfast.usage_1(o.owner, 0) u order by o.owner"),
  };
}

async function within(
  connection: SingleConnection,
  work: () => Promise<Seen>,
  end: "commit" | "rollback",
): Promise<Seen> {
  await connection.query("begin");
  try {
    return await work();
  } finally {
    await connection.query(end);
  }
}
