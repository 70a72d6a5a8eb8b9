import { expect, it } from "vitest";

import { eventually } from "../../../../../test/lib/eventually.ts";
import { isHoldfastError } from "../../record/errors.ts";
import type { CommitId, Store } from "../../store/contract.ts";
import { connectFor, databaseForThisFile, openFor, owner, proxyFor } from "./temporary.test-kit.ts";

const database = databaseForThisFile();
const count = {
  kind: "note",
  expect: "any",
  create: { text: "{}", lifetime: {} },
  counters: [{ name: "n", by: 1 }],
} as const;

function internalId(id: string): CommitId {
  return { id, digest: "d", origin: "internal" };
}

async function counted(store: Store, id: string): Promise<number | undefined> {
  return (await store.read(owner, { kind: "note", id })).record?.counters.get("n");
}

it("resolves a commit whose reply was lost by its commit id, and applies it once", async () => {
  const proxy = await proxyFor(database());
  const store = await openFor({ url: proxy.url, directUrl: database() });
  const other = await openFor({ url: database() });
  await counted(store, "reply");
  proxy.lose("replies");
  const commit = store.commit(owner, [{ ...count, id: "reply" }], { commitId: internalId("reply") });
  await eventually("the commit reached the database", async () => (await counted(other, "reply")) === 1);
  proxy.reset();
  await proxy.heal();
  expect(await commit).toMatchObject({ ok: true, replayed: true });
  expect(await counted(other, "reply")).toBe(1);
});

it("sends a commit again whose request was lost, and applies it once", async () => {
  const proxy = await proxyFor(database());
  const store = await openFor({ url: proxy.url, directUrl: database() });
  await counted(store, "request");
  proxy.lose("requests");
  const commit = store.commit(owner, [{ ...count, id: "request" }], { commitId: internalId("request") });
  await new Promise((resolve) => setImmediate(resolve));
  proxy.reset();
  await proxy.heal();
  expect(await commit).toMatchObject({ ok: true });
  expect(await counted(store, "request")).toBe(1);
});

it("says that the outcome is unknown where a commit without an id lost its reply", async () => {
  const proxy = await proxyFor(database());
  const store = await openFor({ url: proxy.url, directUrl: database() });
  const other = await openFor({ url: database() });
  await counted(store, "unknown");
  proxy.lose("replies");
  const commit = store.commit(owner, [{ ...count, id: "unknown" }]).catch((error: unknown) => error);
  await eventually("the commit reached the database", async () => (await counted(other, "unknown")) === 1);
  proxy.reset();
  await proxy.heal();
  expect(isHoldfastError(await commit, "OUTCOME_UNKNOWN")).toBe(true);
});

it("loses and repeats nothing while the server throws sessions out", async () => {
  // A commit that others' progress is thrown out with is patient: on a slow machine it takes many tries.
  const store = await openFor({ url: database(), maxConnections: 4, statementTimeoutMs: 50_000 });
  const connection = await connectFor(database());
  const writers = 16;
  const each = 20;
  let writing = true;
  let settled = 0;
  const writingAll = Promise.all(
    Array.from({ length: writers }, async (_, writer) => {
      for (let index = 0; index < each; index += 1) {
        const options = { commitId: internalId(`thrown-${writer}-${index}`) };
        const answer = await store.commit(owner, [{ ...count, id: `thrown${writer % 4}` }], options);
        expect(answer.ok).toBe(true);
        settled += 1;
      }
    }),
  ).finally(() => {
    writing = false;
  });
  // Looked at below; until then its failure is nobody's surprise.
  writingAll.catch(() => undefined);
  let thrownOut = 0;
  let seen = -1;
  while (writing) {
    // Only what gets anywhere is thrown out again, however slow the machine is.
    if (settled === seen) {
      await new Promise((resolve) => setTimeout(resolve, 5));
      continue;
    }
    seen = settled;
    const { rows } = await connection.query(
      "select count(pg_terminate_backend(pid)) as thrown from pg_stat_activity " +
        "where application_name = 'holdfast' and datname = current_database()",
    );
    thrownOut += Number(rows[0]?.["thrown"]);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  await writingAll;
  expect(thrownOut).toBeGreaterThan(0);
  const counts = await Promise.all([0, 1, 2, 3].map((index) => counted(store, `thrown${index}`)));
  expect(counts).toEqual([80, 80, 80, 80]);
});

it("answers UNAVAILABLE, in time, while nothing can be reached, and works again afterwards", async () => {
  const proxy = await proxyFor(database());
  const store = await openFor({ url: proxy.url, directUrl: database(), connectTimeoutMs: 200 });
  proxy.lose("replies");
  const beganAt = performance.now();
  await expect(counted(store, "late")).rejects.toMatchObject({ code: "UNAVAILABLE" });
  expect(performance.now() - beganAt).toBeLessThan(2_000);
  expect((await store.health()).ok).toBe(false);
  proxy.reset();
  await proxy.heal();
  expect(await counted(store, "late")).toBeUndefined();
  expect((await store.health()).ok).toBe(true);
});
