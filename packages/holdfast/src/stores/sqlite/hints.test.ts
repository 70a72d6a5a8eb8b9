import { join } from "node:path";
import { expect, it } from "vitest";

import type { Change } from "../../record/change.ts";
import { loadDriver } from "./client.ts";
import { eventually, openFor, owner, temporaryFolder } from "./temporary.test-kit.ts";

const making = (id: string): Change => ({ kind: "note", id, expect: "absent", create: { text: "{}", lifetime: {} } });

it("hands hints on inside the process as they are, and wakes listeners of other openings without their words", async () => {
  const path = join(await temporaryFolder(), "state.db");
  const [one, other] = [await openFor({ path }), await openFor({ path })];
  const heard: (string | undefined)[][] = [[], []];
  one.subscribe("topic", (hint) => heard[0]?.push(hint));
  other.subscribe("topic", (hint) => heard[1]?.push(hint));
  one.publish("topic", "hello");
  expect(heard).toEqual([[], []]);
  await eventually("both heard", () => heard.every((list) => list.length > 0));
  expect(heard).toEqual([["hello"], [undefined]]);
});

it("wakes listeners of other openings when something is committed, and not those of its own", async () => {
  const path = join(await temporaryFolder(), "state.db");
  const [one, other] = [await openFor({ path }), await openFor({ path })];
  let woken = 0;
  let own = 0;
  other.subscribe("topic", () => (woken += 1));
  one.subscribe("topic", () => (own += 1));
  await one.commit(owner, [making("a")]);
  await eventually("the other was woken", () => woken > 0);
  expect(own).toBe(0);
});

it("goes on waking after the WAL file was deleted and made anew", async () => {
  const path = join(await temporaryFolder(), "state.db");
  const listening = await openFor({ path });
  let woken = 0;
  listening.subscribe("topic", () => (woken += 1));
  for (let round = 1; round <= 3; round += 1) {
    const database = (await loadDriver()).open(path);
    database.exec("pragma wal_checkpoint(truncate)");
    database.close();
    const before = woken;
    const store = await openFor({ path });
    await store.commit(owner, [making(`r${round}`)]);
    await store.close();
    await eventually(`woken in round ${round}`, () => woken > before);
  }
  expect(woken).toBeGreaterThanOrEqual(3);
});

it("finds commits by looking now and then where no file event tells", async () => {
  const path = join(await temporaryFolder(), "state.db");
  const listening = await openFor({ path, pollMs: 20 });
  let woken = 0;
  listening.subscribe("topic", () => (woken += 1));
  const database = (await loadDriver()).open(path);
  // A commit that changes no page of ours is a commit all the same.
  database.exec("begin immediate; update owners set floor = floor; commit");
  const store = await openFor({ path });
  await store.commit(owner, [making("a")]);
  await eventually("woken", () => woken > 0);
  expect(woken).toBeLessThanOrEqual(4);
  database.close();
});

it("runs nothing while nobody listens, and ends what it ran with the last subscription", async () => {
  const store = await openFor({ path: join(await temporaryFolder(), "state.db") });
  const running = (): number =>
    process.getActiveResourcesInfo().filter((name) => name === "Timeout" || name === "FSEventWrap").length;
  const before = running();
  const ends = [store.subscribe("a", () => undefined), store.subscribe("b", () => undefined)];
  expect(running()).toBeGreaterThanOrEqual(before);
  for (const end of ends) end();
  for (const end of ends) end();
  expect(running()).toBe(before);
});

it("calls a listener no more once its subscription ended, and bears one that throws", async () => {
  const store = await openFor({ path: join(await temporaryFolder(), "state.db") });
  const heard: string[] = [];
  const end = store.subscribe("topic", () => heard.push("ended"));
  store.subscribe("topic", () => {
    throw new Error("a listener's own fault");
  });
  store.subscribe("topic", (hint) => heard.push(hint ?? ""));
  store.publish("topic", "x");
  end();
  await eventually("heard", () => heard.length > 0);
  expect(heard).toEqual(["x"]);
});
