/** Commits that share a script call come to what they come to one by one: the same outcomes, the same keys. */
import { expect, it } from "vitest";

import type { Change } from "../../record/change.ts";
import type { CommitOptions, Committed, Store } from "../../store/contract.ts";
import { seededRandom } from "../../testing/conformance/seeded.ts";
import type { Line } from "./dial.ts";
import { Keys } from "./keys.ts";
import { connectFor, openFor, owner, storeForThisFile } from "./temporary.test-kit.ts";

type Commit = { readonly changes: readonly Change[]; readonly options: CommitOptions };
type Random = (below: number) => number;

const options = storeForThisFile();
const started = 1_000_000_000_000;
const rounds = 120;

it("comes to the same as one by one, whatever shares a call", async () => {
  const seed = Number(process.env["HOLDFAST_SEED"] ?? Date.now() % 2 ** 31);
  const random = seededRandom(seed);
  let at = started;
  const { url, prefix = "" } = options();
  const places = [`${prefix}together:`, `${prefix}apart:`];
  const [together, apart] = await Promise.all(places.map((own) => openFor({ url, prefix: own }, () => `@${at}`)));
  if (together === undefined || apart === undefined) throw new Error("two stores");
  const line = await connectFor(url);
  // An owner is registered before its first commit, and a script that the server does not know yet is sent whole: what is
  // sent once more may come after its neighbours. So both happen before.
  const lifetime = { idleMs: 900_000 };
  const first: Change = { kind: "note", id: "a", expect: "absent", create: { text: "{}", lifetime } };
  const freeing: Change = { kind: "note", id: "a", expect: "present", trims: [{ stream: "log", through: 1 }] };
  for (const store of [together, apart]) {
    await store.commit(owner, [first]);
    await store.commit(owner, [freeing]);
  }
  let shared = 0;
  let applied = 0;
  for (let round = 0; round < rounds; round += 1) {
    at += random(3) === 0 ? 400_000 : 1_000;
    const batch = Array.from({ length: 1 + random(12) }, (_, place) => someCommit(random, round, place));
    const before = sizesOf(together);
    const outcomes = await Promise.all(batch.map((commit) => commitTo(together, commit)));
    shared += sizesOf(together) - before === 1 && batch.length > 1 ? 1 : 0;
    const expected: Committed[] = [];
    for (const commit of batch) expected.push(await commitTo(apart, commit));
    const what = `seed ${seed}, round ${round}: ${JSON.stringify(batch)}`;
    expect(outcomes, what).toEqual(expected);
    const [here, there] = [await everything(line, together, places[0]), await everything(line, apart, places[1])];
    expect(here, what).toEqual(there);
    applied += outcomes.filter(({ ok }) => ok).length;
    if (random(10) === 0) {
      expect(await together.admin.reap({ limit: 100 }), what).toEqual(await apart.admin.reap({ limit: 100 }));
    }
  }
  // The test would prove little if commits went one by one both times, or came to nothing.
  expect(shared).toBeGreaterThan(rounds / 2);
  expect(applied).toBeGreaterThan(rounds);
});

function commitTo(store: Store, { changes, options: given }: Commit): Promise<Committed> {
  return store.commit(owner, changes, given);
}

/** How many batches there were. */
function sizesOf(store: Store): number {
  return store.figures?.().batches?.reduce((sum, count) => sum + count, 0) ?? 0;
}

function someCommit(random: Random, round: number, place: number): Commit {
  const pick = <T>(...from: readonly [T, ...T[]]): T => from[random(from.length)] ?? from[0];
  const maybe = (percent: number): boolean => random(100) < percent;
  const ids = maybe(15) ? ["a", "b"] : [pick("a", "a", "a", "b", "c", "d")];
  const changes = ids.map((id) => someChange(pick, maybe, id, round));
  // An id of a caller's may come again, within a batch too; an internal one likewise.
  const callers = { id: `caller${random(40)}`, digest: pick("one", "other"), origin: "caller" as const };
  const internal = { id: `c${round}-${maybe(10) ? 0 : place}`, digest: "internal", origin: "internal" as const };
  return {
    changes,
    options: {
      ...(maybe(80) && { commitId: maybe(20) ? callers : internal }),
      ...(maybe(10) && { fence: { key: { kind: "note", id: "b" }, token: 1 + random(3) } }),
      ...(maybe(50) && { quota: { records: pick(2, 10), bytes: pick(100_000, 1_500), commitIds: pick(5, 1_000) } }),
    },
  };
}

function someChange(
  pick: <T>(...from: readonly [T, ...T[]]) => T,
  maybe: (percent: number) => boolean,
  id: string,
  round: number,
): Change {
  const counter = {
    name: pick("n", "m"),
    by: pick(1, -1, 3),
    ...(maybe(20) && { min: -2, max: pick(2, 5, Infinity) }),
  };
  const append = {
    stream: pick("log", "other"),
    data: pick(["x"], ["one", "é"]),
    ...(maybe(30) && { keep: pick(1, 5) }),
  };
  const document = {
    text: `{"at":${round}}`,
    ...(maybe(30) && { fields: { at: round % 3 } }),
    ...(maybe(20) && { position: 3 }),
  };
  const lifetime = { idleMs: pick(300_000, 900_000), ...(maybe(20) && { retainMs: 500_000 }) };
  return {
    kind: "note",
    id,
    expect: pick<Change["expect"]>("present", "present", "any", "any", "any", 1 + Math.floor(round / 8)),
    ...(maybe(60) && { create: { ...document, text: '{"new":true}', lifetime } }),
    ...(maybe(30) && { document }),
    ...(maybe(60) && { counters: maybe(10) ? [counter, { name: "k", by: 1 }] : [counter] }),
    ...(maybe(60) && { appends: maybe(10) ? [append, { stream: "log", data: ["more"] }] : [append] }),
    ...(maybe(10) && { trims: [{ stream: "log", through: pick(1, 5, 100) }] }),
    ...(maybe(40) && { slide: true }),
    ...(maybe(10) && { lifetime }),
    ...(maybe(8) && { end: true }),
  };
}

/** All there is of the owner; counts by kind have no order of their own, and are asked for. */
async function everything(line: Line, store: Store, prefix: string | undefined): Promise<unknown> {
  const [hash, ...sorted] = new Keys(prefix ?? "").ofOwner(owner);
  const pairs = (await line.send(["HGETALL", hash])) as Readonly<Record<string, string>>;
  const fields = Object.entries(pairs).filter(([field]) => field !== "k");
  const sets = sorted.map((key) => line.send(["ZRANGE", key, "0", "-1", "WITHSCORES"]));
  return { fields: new Map(fields), sets: await Promise.all(sets), usage: await store.usage(owner) };
}
