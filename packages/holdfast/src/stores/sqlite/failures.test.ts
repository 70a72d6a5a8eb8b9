import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";

import type { Change } from "../../record/change.ts";
import { HoldfastError } from "../../record/errors.ts";
import { loadDriver, type SqliteDatabase } from "./client.ts";
import { commitIn } from "./commit.ts";
import { Connection } from "./connection.ts";
import { translate } from "./failures.ts";
import { resolveOptions } from "./options.ts";
import { openFor, owner, temporaryFolder } from "./temporary.test-kit.ts";
import { Writer } from "./writer.ts";

const making = (id: string, text = "{}"): Change => ({
  kind: "note",
  id,
  expect: "absent",
  create: { text, lifetime: {} },
});

async function locked(path: string): Promise<SqliteDatabase> {
  const database = (await loadDriver()).open(path);
  database.exec("begin immediate");
  return database;
}

it("waits for a foreign lock without holding the thread, and goes on once it is free", async () => {
  const path = join(await temporaryFolder(), "state.db");
  const store = await openFor({ path });
  const foreign = await locked(path);
  const commits = Array.from({ length: 20 }, (_, index) => store.commit(owner, [making(`r${index}`)]));
  // Readers are never in a writer's way.
  expect((await store.read(owner, { kind: "note", id: "r1" })).record).toBeUndefined();
  await new Promise((resolve) => setTimeout(resolve, 100));
  foreign.exec("commit");
  foreign.close();
  expect((await Promise.all(commits)).every(({ ok }) => ok)).toBe(true);
});

it("gives up on a foreign lock at its deadline with UNAVAILABLE, having written nothing", async () => {
  const path = join(await temporaryFolder(), "state.db");
  const store = await openFor({ path, busyTimeoutMs: 50 });
  const foreign = await locked(path);
  const answers = await Promise.allSettled([store.commit(owner, [making("a")]), store.commit(owner, [making("b")])]);
  for (const answer of answers) expect(answer).toMatchObject({ reason: { code: "UNAVAILABLE", retryable: true } });
  foreign.close();
  expect(await store.usage(owner)).toEqual({ records: 0, bytes: 0, byKind: {} });
  expect((await store.commit(owner, [making("a")])).ok).toBe(true);
});

it("ends an aborted commit at once, while it waits for a foreign lock, and does not carry it out later", async () => {
  const path = join(await temporaryFolder(), "state.db");
  const store = await openFor({ path });
  const foreign = await locked(path);
  const controller = new AbortController();
  const aborted = store.commit(owner, [making("a")], { signal: controller.signal });
  const waiting = store.commit(owner, [making("b")]);
  await new Promise((resolve) => setImmediate(resolve));
  controller.abort(new Error("enough"));
  await expect(aborted).rejects.toMatchObject({ code: "ABORTED" });
  foreign.close();
  expect((await waiting).ok).toBe(true);
  expect((await store.usage(owner)).records).toBe(1);
});

it("adds one listener to a signal that many calls share, and leaves none behind", async () => {
  const store = await openFor({ path: join(await temporaryFolder(), "state.db") });
  const { signal } = new AbortController();
  const warnings: Error[] = [];
  const onWarning = (warning: Error): number => warnings.push(warning);
  process.on("warning", onWarning);
  await Promise.all(Array.from({ length: 50 }, (_, index) => store.commit(owner, [making(`r${index}`)], { signal })));
  await Promise.all(
    Array.from({ length: 50 }, (_, index) => store.read(owner, { kind: "note", id: `r${index}` }, { signal })),
  );
  await new Promise((resolve) => setImmediate(resolve));
  process.off("warning", onWarning);
  expect(warnings).toEqual([]);
});

it("answers STORE_FULL when there is no room, keeps neighbours that fit, and works again when there is", async () => {
  const path = join(await temporaryFolder(), "state.db");
  const options = resolveOptions({ path });
  const connection = await Connection.open(options);
  const writer = new Writer(connection, options);
  const commit = (change: Change): Promise<unknown> =>
    writer.share((transaction) => commitIn(transaction, owner, [change], {}, connection.now()));
  const limit = (pages: number): unknown => connection.statements.sql(`pragma max_page_count = ${pages}`).get();

  await commit(making("before"));
  limit(Number(connection.statements.sql("pragma page_count").get()?.["page_count"]) + 8);
  const [small, huge, other] = await Promise.allSettled([
    commit(making("small")),
    commit({ ...making("huge", "x".repeat(1_000_000)), appends: [{ stream: "log", data: ["kept?"] }] }),
    commit(making("other")),
  ]);
  expect(small).toMatchObject({ status: "fulfilled", value: { ok: true } });
  expect(huge).toMatchObject({ status: "rejected", reason: { code: "STORE_FULL" } });
  expect(other).toMatchObject({ status: "fulfilled", value: { ok: true } });
  limit(1_000_000);
  expect(await commit(making("huge", "x".repeat(1_000_000)))).toMatchObject({ ok: true });
  connection.close();

  const again = await openFor({ path });
  expect(await again.usage(owner)).toEqual({ records: 4, bytes: 1_000_006, byKind: { note: 4 } });
});

it("undoes a commit whole when something fails in its middle, and keeps its neighbours", async () => {
  const path = join(await temporaryFolder(), "state.db");
  const options = resolveOptions({ path });
  const connection = await Connection.open(options);
  const writer = new Writer(connection, options);
  const share = (id: string, fail: boolean): Promise<unknown> =>
    writer.share((transaction) => {
      const answer = commitIn(transaction, owner, [making(id)], {}, connection.now());
      if (fail) throw new HoldfastError("UNAVAILABLE", "planned");
      return answer;
    });
  const answers = await Promise.allSettled([share("a", false), share("b", true), share("c", false)]);
  expect(answers.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
  connection.close();
  const again = await openFor({ path });
  expect((await again.list(owner, "note", { limit: 10, order: "oldest" })).records.map(({ id }) => id)).toEqual([
    "a",
    "c",
  ]);
});

it("refuses new commits, rather than grow, once too many are waiting", async () => {
  const path = join(await temporaryFolder(), "state.db");
  const store = await openFor({ path, maxQueue: 5, maxBatch: 2 });
  const answers = await Promise.allSettled(
    Array.from({ length: 30 }, (_, index) => store.commit(owner, [making(`r${index}`)])),
  );
  const failed = answers.filter(({ status }) => status === "rejected");
  expect(failed.length).toBeGreaterThan(0);
  for (const answer of failed) expect(answer).toMatchObject({ reason: { code: "UNAVAILABLE" } });
  expect((await store.usage(owner)).records).toBe(30 - failed.length);
});

it("lets timers and sockets have their turn under a load that never pauses", async () => {
  const store = await openFor({ path: join(await temporaryFolder(), "state.db"), synchronous: "normal" });
  await store.commit(owner, [making("a")]);
  let ticks = 0;
  const timer = setInterval(() => {
    ticks += 1;
  }, 1);
  const until = performance.now() + 10_000;
  const key = { kind: "note", id: "a" };
  const busy = async (call: () => Promise<unknown>): Promise<void> => {
    while (ticks < 20 && performance.now() < until) await call();
  };
  await Promise.all([
    busy(() => store.read(owner, key)),
    busy(() => store.commit(owner, [{ ...key, expect: "present", counters: [{ name: "n", by: 1 }] }])),
  ]);
  clearInterval(timer);
  expect(ticks).toBeGreaterThanOrEqual(20);
});

it.each([8, 264, 14])("says who has to be let at the file where SQLite may not write it (%i)", (errcode) => {
  const thrown = Object.assign(new Error("attempt to write a readonly database"), { errcode });
  expect(translate(thrown)).toMatchObject({
    code: "UNAVAILABLE",
    message: expect.stringContaining("this user cannot write to the database file and its folder") as string,
    details: { sqlite: errcode },
  });
});

it("says that a damaged file is damaged, whichever way it is read", async () => {
  const path = join(await temporaryFolder(), "state.db");
  const store = await openFor({ path });
  const ids = Array.from({ length: 300 }, (_, index) => `r${index}`);
  await Promise.all(ids.map((id) => store.commit(owner, [making(id, JSON.stringify({ text: "x".repeat(200) }))])));
  await store.close();
  // All but the schema, which lies on the first pages: as a disk loses a part of a file.
  const bytes = await readFile(path);
  await writeFile(path, bytes.fill(0xff, bytes.length / 4));

  const damaged = await openFor({ path });
  const reads = await Promise.allSettled([
    ...ids.map((id) => damaged.read(owner, { kind: "note", id })),
    damaged.list(owner, "note", { limit: 300, order: "oldest" }),
    damaged.admin.scan({ limit: 300 }),
    damaged.admin.scan({ owner, limit: 300 }),
    damaged.admin.stats(),
  ]);
  const reasons = reads.flatMap((read) => (read.status === "rejected" ? [read.reason as unknown] : []));
  expect(reasons.length).toBeGreaterThan(0);
  for (const reason of reasons) expect(reason).toMatchObject({ code: "STORE_CORRUPT" });
});
