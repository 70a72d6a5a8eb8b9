/** Reads on a real streaming replica, whose replay is stopped and let go on. */
import { afterAll, beforeAll, expect, it } from "vitest";
import { z } from "zod";

import { eventually } from "../../../../../test/lib/eventually.ts";
import { type PostgresServer, startPostgres } from "../../../../../test/lib/servers/postgres.ts";
import { type PostgresStandby, startStandby } from "../../../../../test/lib/servers/postgres-standby.ts";
import { holdfast } from "../../hold.ts";
import { localUser } from "../../security/principal.ts";
import { kind } from "../../state/kind.ts";
import type { Store } from "../../store/contract.ts";
import { connectFor, openFor, owner } from "./temporary.test-kit.ts";

let primary: PostgresServer | undefined;
let standby: PostgresStandby | undefined;

beforeAll(async () => {
  primary = await startPostgres();
  standby = await startStandby(primary.url);
}, 120_000);
afterAll(async () => {
  await standby?.stop();
  await primary?.stop();
});

function urls(): { readonly url: string; readonly replicaUrl: string } {
  if (primary === undefined || standby === undefined) throw new Error("the servers are not there yet");
  return { url: primary.url, replicaUrl: standby.url };
}

async function opened(): Promise<Store> {
  const { url, replicaUrl } = urls();
  return await openFor({ url, replicaUrls: [replicaUrl], connectTimeoutMs: 5_000 });
}

const key = { kind: "note", id: "a" } as const;
const making = { ...key, expect: "any", create: { text: "1", lifetime: {}, fields: { a: 1 } } } as const;
const rewriting = { ...key, expect: "present", document: { text: "2" } } as const;

async function counts(store: Store): Promise<readonly [answers: number, fallbacks: number]> {
  const { details } = await store.health();
  return [Number(details["replicaAnswers"]), Number(details["replicaFallbacks"])];
}

/** Until the replica answers for this owner: it has what the store wrote, and is not at rest after a failure. */
async function untilItAnswers(store: Store): Promise<void> {
  await eventually(
    "the replica answers",
    async () => {
      const [before] = await counts(store);
      await store.list(owner, "note", { limit: 1, order: "oldest", replica: true });
      return (await counts(store))[0] > before;
    },
    30_000,
  );
}

it("a caller sees its own writes though the replica has not; others may see what was, and no version below a floor", async () => {
  const { url, replicaUrl } = urls();
  const [writer, reader] = [await opened(), await opened()];
  await eventually("the replica serves", async () => {
    return await connectFor(replicaUrl).then(
      () => true,
      () => false,
    );
  });
  const control = await connectFor(replicaUrl);
  await writer.commit(owner, [making, { ...making, id: "b" }]);
  await untilItAnswers(writer);
  await untilItAnswers(reader);

  await control.query("select pg_wal_replay_pause()");
  const { at } = await writer.read(owner, key);
  await writer.commit(owner, [
    { ...rewriting, appends: [{ stream: "log", data: ["x"] }] },
    { kind: "note", id: "b", expect: "present", end: true },
  ]);
  const own = await writer.read(owner, key, { replica: true });
  expect([own.record?.version, own.record?.document]).toEqual([2, "2"]);
  const ids = async (store: Store): Promise<unknown> =>
    (await store.list(owner, "note", { limit: 9, order: "oldest", replica: true })).records.map(({ id }) => id);
  expect(await ids(writer)).toEqual(["a"]);
  expect((await writer.events(owner, key, "log", { limit: 9, replica: true }))?.head).toBe(1);

  const [answersBefore] = await counts(reader);
  expect((await reader.read(owner, key, { replica: true })).record?.version).toBe(1);
  expect(await ids(reader)).toEqual(["a", "b"]);
  expect((await reader.events(owner, key, "log", { limit: 9, replica: true }))?.head).toBe(0);
  expect((await counts(reader))[0]).toBe(answersBefore + 3);
  expect((await reader.read(owner, key, { replica: true, minVersion: 2 })).record?.version).toBe(2);
  expect((await reader.events(owner, key, "log", { limit: 9, after: 1, replica: true }))?.head).toBe(1);
  expect((await reader.read(owner, key)).record?.version).toBe(2);
  expect(at).toBeGreaterThan(0);

  // What others have made meanwhile is not there on the replica, and so is looked for on the primary.
  const third = await openFor({ url });
  await third.commit(owner, [{ ...making, id: "new" }]);
  expect((await reader.read(owner, { kind: "note", id: "new" }, { replica: true })).record?.version).toBe(1);

  await control.query("select pg_wal_replay_resume()");
  await untilItAnswers(writer);
  expect(await ids(writer)).toEqual(["a", "new"]);
});

it("gives authors their own writes, in views, events and listings, while the replica stands still", async () => {
  const { url, replicaUrl } = urls();
  const control = await connectFor(replicaUrl);
  const Note = kind("note", {
    schema: z.object({ n: z.number().default(0) }),
    scope: "named",
    index: ({ n }) => ({ n }),
  });
  await using writing = await holdfast({ store: await opened(), kinds: [Note], reap: false });
  await using elsewhere = await holdfast({ store: await openFor({ url }), kinds: [Note], reap: false });
  const { note } = writing.state(localUser);
  const [mine, theirs] = [note.open("mine"), elsewhere.state(localUser).note.open("theirs")];
  const { id } = await theirs.get();

  await control.query("select pg_wal_replay_pause()");
  await mine.update((draft, tx) => {
    draft.n = 7;
    tx.append("log", "x");
  });
  expect((await mine.get({ replica: true })).value).toEqual({ n: 7 });
  expect((await mine.events("log", { replica: true })).head).toBe(1);
  expect((await note.find({ n: 7 }, { replica: true })).records.map(({ name }) => name)).toEqual(["mine"]);
  const { version } = await theirs.patch({ n: 8 });
  expect((await note.get(id, { replica: true, minVersion: version })).value).toEqual({ n: 8 });

  // A record begun anew elsewhere: the cursor is of that one, which the replica does not have.
  await theirs.destroy();
  await theirs.append("log", "first");
  const page = await theirs.events("log");
  const next = await note.events(id, "log", { after: 1, incarnation: page.incarnation, replica: true });
  expect(next).toMatchObject({ events: [], head: 1, incarnation: page.incarnation });
  await control.query("select pg_wal_replay_resume()");
});

it("asks the primary where the replica cannot be reached, or is none", async () => {
  const { url } = urls();
  for (const replicaUrl of ["postgres://nobody@127.0.0.1:1/none", url]) {
    const store = await openFor({ url, replicaUrls: [replicaUrl] });
    await store.commit(owner, [{ ...making, id: "c" }]);
    for (let round = 0; round < 3; round += 1) {
      const read = await store.read(owner, { kind: "note", id: "c" }, { replica: true });
      expect(read.record?.document).toBe("1");
    }
    expect(await counts(store)).toEqual([0, 3]);
  }
});

it("is refused as the database itself, as it takes no writes", async () => {
  await expect(openFor({ url: urls().replicaUrl })).rejects.toMatchObject({
    code: "STORE_UNSAFE",
    message: expect.stringContaining("in recovery"),
  });
});
