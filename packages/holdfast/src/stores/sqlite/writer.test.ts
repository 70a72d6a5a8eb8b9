import { join } from "node:path";
import { expect, it } from "vitest";

import { loadDriver } from "./client.ts";
import { sqliteStore } from "./index.ts";
import { eventually, openFor, owner, temporaryFolder } from "./temporary.test-kit.ts";

const make = { kind: "note", id: "a", expect: "absent", create: { text: "{}", lifetime: {} } } as const;

it("closes only once commits whose callers gave up are out of the way too", async () => {
  const path = join(await temporaryFolder(), "state.db");
  const store = await sqliteStore({ path });
  const other = (await loadDriver()).open(path);
  other.exec("begin immediate");
  const giveUp = new AbortController();
  const outcome = store.commit(owner, [make], { signal: giveUp.signal }).catch((error: unknown) => error);
  const patient = store.commit(owner, [{ ...make, id: "b" }]);
  // The batch is under way, waiting for the lock.
  await new Promise((resolve) => setImmediate(resolve));
  giveUp.abort();
  expect(await outcome).toMatchObject({ code: "ABORTED" });
  let closed = false;
  const closing = store.close().then(() => {
    closed = true;
  });
  await new Promise((resolve) => setImmediate(resolve));
  expect(closed).toBe(false);
  other.exec("rollback");
  other.close();
  await eventually("the store is closed", () => closed);
  await closing;
  expect(await patient).toMatchObject({ ok: true });
  const again = await openFor({ path });
  expect((await again.read(owner, make)).record).toBeUndefined();
  expect((await again.read(owner, { kind: "note", id: "b" })).record?.document).toBe("{}");
});

it("answers reads and commits made in the tick that closes it", async () => {
  const path = join(await temporaryFolder(), "state.db");
  const store = await sqliteStore({ path });
  const commits = Array.from({ length: 300 }, (_, index) => store.commit(owner, [{ ...make, id: `r${index}` }]));
  const read = store.read(owner, { kind: "note", id: "r0" });
  await store.close();
  expect((await Promise.all(commits)).every(({ ok }) => ok)).toBe(true);
  expect((await read).tails).toEqual([]);
  await expect(store.commit(owner, [make])).rejects.toMatchObject({ code: "CLOSED" });
  await expect(store.read(owner, make)).rejects.toMatchObject({ code: "CLOSED" });
});
