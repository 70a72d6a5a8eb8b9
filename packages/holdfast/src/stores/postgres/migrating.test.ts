/** What was released stays as it was, and what it wrote is served by what came after. */
import { readFile, writeFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";

import type { Change } from "../../record/change.ts";
import { ownerOf } from "../../record/ids.ts";
import type { Owner } from "../../record/record.ts";
import type { SingleConnection } from "./driver.ts";
import { migrate } from "./migrate.ts";
import { schemaVersion } from "./migrations/index.ts";
import { describeSchema } from "./schema.test-kit.ts";
import { connectFor, freshDatabase, openFor, owner } from "./temporary.test-kit.ts";
import { commitToWire } from "./wire.ts";

const stranger = ownerOf({ issuer: "test", subject: "stranger" });
const numbers = Array.from({ length: schemaVersion }, (_, index) => index + 1);
const older = numbers.slice(0, -1);

/** A commit as the first release sends it. */
async function commitAsFirstRelease(
  connection: SingleConnection,
  change: Change,
  whose: Owner = owner,
): Promise<unknown> {
  const batch = JSON.stringify([commitToWire(whose, [change], { quota: { records: 1_000 } }, false)]);
  const { rows } = await connection.query("select holdfast.commit_1($1, true, 0) as outcomes", [batch]);
  return rows[0]?.["outcomes"];
}

const making = (id: string): Change => ({
  kind: "note",
  id,
  expect: "any",
  create: { text: `{"id":"${id}"}`, lifetime: { retainMs: 1_000 }, fields: { id } },
  counters: [{ name: "n", by: 1 }],
  appends: [{ stream: "log", data: ["é", "two"] }],
});

describe.each(numbers)("schema %i", (number) => {
  it("is what it was when it was released", async () => {
    const connection = await connectFor(await freshDatabase());
    await migrate(connection, number);
    const seen = await describeSchema(connection);
    const file = new URL(`./migrations/released/schema-${number}.txt`, import.meta.url);
    // A new schema's snapshot is written once, by hand: HOLDFAST_SNAPSHOT=1 npx vitest run migrating
    if (process.env["HOLDFAST_SNAPSHOT"] === String(number)) await writeFile(file, seen);
    expect(seen).toBe(await readFile(file, "utf8"));
  });
});

describe.each(older)("data of schema %i", (number) => {
  it("is served after the migration, and its release goes on beside this one", async () => {
    const url = await freshDatabase();
    const old = await connectFor(url);
    await migrate(old, number);
    for (const id of ["a", "b", "gone"]) await commitAsFirstRelease(old, making(id));
    await commitAsFirstRelease(old, { kind: "note", id: "gone", expect: "present", end: true });

    const store = await openFor({ url });
    const { record, tails } = await store.read(
      owner,
      { kind: "note", id: "a" },
      { tails: [{ stream: "log", after: 0, limit: 9 }] },
    );
    expect(record).toMatchObject({ version: 1, document: '{"id":"a"}', fields: { id: "a" } });
    expect(record?.counters.get("n")).toBe(1);
    expect(tails[0]?.map(({ data }) => data)).toEqual(["é", "two"]);
    expect((await store.list(owner, "note", { limit: 9, order: "oldest" })).records.map(({ id }) => id)).toEqual([
      "a",
      "b",
    ]);
    expect((await store.usage(owner)).records).toBe(2);
    expect((await store.admin.inspect(owner, { kind: "note", id: "gone" }))?.endedAt).toBeDefined();

    expect(await commitAsFirstRelease(old, making("c"))).toMatchObject([{ results: [{ version: 1, created: true }] }]);
    expect(await commitAsFirstRelease(old, { ...making("a"), expect: 1 })).toMatchObject([
      { results: [{ created: false }] },
    ]);
    const quota = { records: 3 };
    expect((await store.commit(owner, [making("d")], { quota })).ok).toBe(false);
    await commitAsFirstRelease(old, { kind: "note", id: "c", expect: "present", end: true });
    expect((await store.commit(owner, [making("d")], { quota })).ok).toBe(true);
    const read = await old.query(
      "select record->>'version' as version from holdfast.read_1($1, 'note', 'd', null, null, 0)",
      [owner],
    );
    expect(read.rows).toEqual([{ version: "1" }]);
    expect((await store.usage(owner)).records).toBe(3);
    await store.admin.erase(owner);
    expect((await store.usage(owner)).bytes).toBe(0);
  });
});

it("lets a commit of an older release finish, and does not hold up others while it waits", async () => {
  const url = await freshDatabase();
  const [old, other] = [await connectFor(url), await connectFor(url)];
  await migrate(old, 1);
  await old.query("begin");
  await commitAsFirstRelease(old, making("a"));
  const migrating = connectFor(url).then((connection) => migrate(connection));
  let waiting = true;
  void migrating.finally(() => {
    waiting = false;
  });
  // Longer than a step waits for a table before it lets others pass.
  const until = performance.now() + 3_000;
  while (performance.now() < until) {
    expect(waiting).toBe(true);
    await commitAsFirstRelease(other, making("b"), stranger);
  }
  await old.query("commit");
  await migrating;
  const store = await openFor({ url });
  expect([(await store.usage(owner)).records, (await store.usage(stranger)).records]).toEqual([1, 1]);
});
