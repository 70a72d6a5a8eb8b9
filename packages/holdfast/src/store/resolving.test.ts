/** Stores that can lose a reply, made of a real one whose requests or replies are lost on the way. */
import { describe, expect, test } from "vitest";

import type { Change } from "../record/change.ts";
import { HoldfastError } from "../record/errors.ts";
import { ownerOf } from "../record/ids.ts";
import { memoryStore } from "../stores/memory/index.ts";
import type { CommitOptions, Store } from "./contract.ts";
import { resolving } from "./resolving.ts";

const owner = ownerOf({ issuer: "test", subject: "resolving" });
const key = { kind: "thing", id: "t1" };
const creation: Change = { ...key, expect: "absent", create: { text: "{}", lifetime: {} } };
const counting: Change = { ...key, expect: "present", counters: [{ name: "n", by: 1 }] };
const lost = new HoldfastError("OUTCOME_UNKNOWN", "the connection was lost");

type Fate = "request lost" | "reply lost" | "refused" | "hangs" | "fine";

/** Gives the next commits these fates; remembers the options of all. */
function unreliable(store: Store, fates: Fate[], seen: CommitOptions[] = []): Store {
  const commit: Store["commit"] = async (of, changes, options = {}) => {
    seen.push(options);
    const fate = fates.shift() ?? "fine";
    if (fate === "refused") throw new HoldfastError("UNAVAILABLE", "not now");
    if (fate === "request lost") throw lost;
    if (fate === "hangs") {
      await new Promise((resolve) => options.signal?.addEventListener("abort", resolve, { once: true }));
      throw new HoldfastError("ABORTED", "the caller gave up");
    }
    const committed = await store.commit(of, changes, options);
    if (fate === "reply lost") throw lost;
    return committed;
  };
  const traits = { ...store.traits, outcomeCanBeUnknown: true };
  return new Proxy(store, {
    get: (target, name) => {
      if (name === "commit") return commit;
      if (name === "traits") return traits;
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

describe("a resolving store", () => {
  test("is the store itself where no reply can be lost", async () => {
    await using store = await memoryStore();
    expect(resolving(store)).toBe(store);
  });

  test.each<Fate>(["request lost", "reply lost"])("%s: applies a commit without an id once", async (fate) => {
    await using memory = await memoryStore();
    const seen: CommitOptions[] = [];
    const store = resolving(unreliable(memory, [], seen));
    await store.commit(owner, [creation]);
    const flaky = resolving(unreliable(memory, [fate], seen));
    const committed = await flaky.commit(owner, [counting], { quota: { bytes: 1_000 } });
    // The caller asked once: whichever try it was, this is its first outcome.
    expect(committed).toMatchObject({ ok: true, replayed: false });
    expect(committed.ok && committed.results[0]?.counters.get("n")).toBe(1);
    expect((await memory.read(owner, key)).record?.counters.get("n")).toBe(1);
    const ids = seen.map(({ commitId }) => commitId);
    expect(ids).toMatchObject([{ origin: "internal" }, { origin: "internal" }, { origin: "internal" }]);
    expect(ids[1]).toEqual(ids[2]);
    expect(ids[0]?.id).not.toBe(ids[1]?.id);
    expect(seen[2]?.quota).toEqual({ bytes: 1_000 });
  });

  test.each<Fate>(["request lost", "reply lost"])("%s: repeats a caller's id as it is", async (fate) => {
    await using memory = await memoryStore();
    await memory.commit(owner, [creation]);
    const seen: CommitOptions[] = [];
    const store = resolving(unreliable(memory, [fate], seen));
    const commitId = { id: "mine", digest: "d", origin: "caller" } as const;
    expect(await store.commit(owner, [counting], { commitId })).toMatchObject({ ok: true });
    expect(seen.map((options) => options.commitId)).toEqual([commitId, commitId]);
    expect(await store.commit(owner, [counting], { commitId })).toMatchObject({ ok: true, replayed: true });
    expect((await memory.read(owner, key)).record?.counters.get("n")).toBe(1);
  });

  test("answers a refusal of the repetition: the first try was not applied", async () => {
    await using memory = await memoryStore();
    const store = resolving(unreliable(memory, ["request lost"]));
    expect(await store.commit(owner, [counting])).toMatchObject({ ok: false, refusal: { reason: "version" } });
  });

  test.each<[string, Fate[], number]>([
    ["lost twice", ["request lost", "reply lost"], 1],
    ["lost before the store goes away", ["reply lost", "refused"], 1],
    ["lost before the store hangs", ["reply lost", "hangs"], 1],
  ])("says that the outcome is unknown when replies are %s", async (_what, fates, applied) => {
    await using memory = await memoryStore();
    await memory.commit(owner, [creation]);
    const seen: CommitOptions[] = [];
    const store = resolving(unreliable(memory, fates, seen), { repeatWithinMs: 50 });
    await expect(store.commit(owner, [counting])).rejects.toBe(lost);
    expect(seen).toHaveLength(2);
    expect((await memory.read(owner, key)).record?.counters.get("n")).toBe(applied);
  });

  test("a caller that gives up meanwhile is told that the outcome is unknown, not that nothing happened", async () => {
    await using memory = await memoryStore();
    await memory.commit(owner, [creation]);
    const seen: CommitOptions[] = [];
    const store = resolving(unreliable(memory, ["reply lost", "hangs"], seen));
    const caller = new AbortController();
    const committing = store.commit(owner, [counting], { signal: caller.signal });
    const thrown = committing.catch((error: unknown) => error);
    await expect.poll(() => seen.length, { timeout: 5_000, interval: 1 }).toBe(2);
    caller.abort();
    expect(await thrown).toBe(lost);
    expect((await memory.read(owner, key)).record?.counters.get("n")).toBe(1);
  });

  test("does not repeat what was refused for certain", async () => {
    await using memory = await memoryStore();
    const seen: CommitOptions[] = [];
    const store = resolving(unreliable(memory, ["refused"], seen));
    await expect(store.commit(owner, [creation])).rejects.toMatchObject({ code: "UNAVAILABLE" });
    expect(seen).toHaveLength(1);
  });

  test("passes everything else through, and closes the store it stands for", async () => {
    await using memory = await memoryStore();
    const store = resolving(unreliable(memory, []));
    await store.commit(owner, [{ ...creation, appends: [{ stream: "s", data: ["e"] }] }]);
    expect((await store.read(owner, key)).record?.document).toBe("{}");
    expect((await store.events(owner, key, "s", { limit: 1 }))?.events).toHaveLength(1);
    expect((await store.list(owner, "thing", { limit: 1, order: "oldest" })).records).toHaveLength(1);
    expect(await store.usage(owner)).toMatchObject({ records: 1 });
    expect(await store.health()).toMatchObject({ ok: true });
    expect(await store.admin.stats()).toMatchObject({ records: 1 });
    const heard = new Promise((resolve) => store.subscribe("t", resolve));
    store.publish("t", "hint");
    expect(await heard).toBe("hint");
    await store[Symbol.asyncDispose]();
    await expect(memory.health()).rejects.toMatchObject({ code: "CLOSED" });
  });
});
