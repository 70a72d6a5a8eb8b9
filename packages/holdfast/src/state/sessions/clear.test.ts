/** What comes between the reading and the committing of a clearance, made to happen every time. */
import { expect, test } from "vitest";

import { holdfast } from "../../hold.ts";
import { localUser } from "../../security/principal.ts";
import type { Store } from "../../store/contract.ts";
import { memoryStore } from "../../stores/memory/index.ts";
import type { Session } from "../types.ts";

/** Does something else first whenever a commit trims or takes counters back, as often as told. */
function intruded(store: Store, intrude: () => Promise<unknown>, times: number): Store {
  let left = times;
  const commit: Store["commit"] = async (owner, changes, options) => {
    if (changes.some(({ trims }) => trims !== undefined) && left-- > 0) await intrude();
    return await store.commit(owner, changes, options);
  };
  return new Proxy(store, {
    get: (target, name) => {
      if (name === "commit") return commit;
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

test.each<[string, (other: Session) => Promise<unknown>]>([
  ["an increment of a counter that was read", (other) => other.increment("n", 5)],
  ["an action", (other) => other.record("late")],
  ["a value", (other) => other.set("late", Math.random())],
  ["a preference", (other) => other.setPreference("late", Math.random())],
])("%s that comes in between is cleared as well, and by the same commit", async (_what, intrude) => {
  await using memory = await memoryStore();
  await using other = await holdfast({ store: memory, reap: false });
  const { id } = await other.sessions(localUser).create();
  const theirs = other.sessions(localUser).open(id);
  await theirs.increment("n", 2);
  await theirs.record("early");
  await theirs.set("early", true);
  await using hold = await holdfast({ store: intruded(memory, () => intrude(theirs), 3), reap: false });
  await hold.sessions(localUser).open(id).clear();
  const { view, events } = await theirs.context();
  expect([view.counters.size, view.totalEvents, events]).toEqual([0, 0, []]);
  expect(view.value).toMatchObject({ data: {}, preferences: {} });
  expect(hold.counts.retries).toBe(3);
});

test("a session that is changed all the while is left as it is, with CONTENTION", async () => {
  await using memory = await memoryStore();
  await using other = await holdfast({ store: memory, reap: false });
  const { id } = await other.sessions(localUser).create();
  const theirs = other.sessions(localUser).open(id);
  await theirs.increment("n");
  await using hold = await holdfast({
    store: intruded(memory, () => theirs.increment("n"), Number.POSITIVE_INFINITY),
    reap: false,
  });
  await expect(hold.sessions(localUser).open(id).clear()).rejects.toMatchObject({ code: "CONTENTION" });
  expect((await theirs.view()).counters.get("n")).toBeGreaterThan(1);
});
