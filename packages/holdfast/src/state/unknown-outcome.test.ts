/** Stores that can lose a reply, made of a real one whose replies are lost on the way back. */
import { describe, expect, test } from "vitest";
import { z } from "zod";

import { holdfast } from "../hold.ts";
import { HoldfastError } from "../record/errors.ts";
import { localUser, ownerOfPrincipal } from "../security/principal.ts";
import type { CommitOptions, Store } from "../store/contract.ts";
import { memoryStore } from "../stores/memory/index.ts";
import { kind } from "./kind.ts";
import { servingHold } from "./open-hold.ts";

const Basket = kind("basket", { schema: z.object({ n: z.number().default(0) }) });

type Loss = "request" | "reply" | "refused";

/** Loses the next commits as told; remembers the options of all. */
function lossy(store: Store, plan: Loss[], seen: CommitOptions[]): Store {
  const lost = new HoldfastError("OUTCOME_UNKNOWN", "the connection was lost");
  const commit: Store["commit"] = async (owner, changes, options = {}) => {
    seen.push(options);
    const loss = plan.shift();
    if (loss === "refused") throw new HoldfastError("UNAVAILABLE", "not now");
    if (loss === "request") throw lost;
    const committed = await store.commit(owner, changes, options);
    if (loss === "reply") throw lost;
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

describe("a lost reply", () => {
  test.each<[string, Loss]>([
    ["whose commit was applied", "reply"],
    ["whose commit never arrived", "request"],
  ])("%s is resolved by one repetition, and nothing counts twice", async (_what, loss) => {
    await using memory = await memoryStore();
    const plan: Loss[] = [];
    const seen: CommitOptions[] = [];
    await using hold = await holdfast({ store: lossy(memory, plan, seen), kinds: [Basket], reap: false });
    const { basket } = hold.state(localUser);
    plan.push(loss);
    const { id } = await basket.create();
    plan.push(loss);
    // Nobody has repeated this call, as far as its caller knows.
    expect(await basket.increment(id, "n")).toMatchObject({ value: 1, replayed: false });
    plan.push(loss);
    expect(await basket.append(id, "s", 1)).toMatchObject({ position: 1 });
    plan.push(loss);
    const updated = await basket.update(id, (draft) => {
      draft.n += 1;
    });
    expect(updated).toMatchObject({ version: 2, value: { n: 1 } });
    plan.push(loss);
    expect(await basket.increment(id, "n", 1, { idempotency: { key: "k" } })).toMatchObject({ value: 2 });
    expect((await basket.get(id)).counters.get("n")).toBe(2);
    plan.push(loss);
    expect(await basket.destroy(id)).toBe(true);
    const ids = seen.map(({ commitId }) => commitId?.id);
    expect(ids).not.toContain(undefined);
    // Each was sent twice, the second time under the same id.
    expect(new Set(ids).size).toBe(ids.length / 2);
  });

  test.each<[string, Loss[]]>([
    ["twice", ["request", "reply"]],
    ["before the store goes away", ["reply", "refused"]],
  ])("%s stays unknown", async (_what, losses) => {
    await using memory = await memoryStore();
    const plan: Loss[] = [];
    await using hold = await holdfast({ store: lossy(memory, plan, []), kinds: [Basket], reap: false });
    const { basket } = hold.state(localUser);
    const { id } = await basket.create();
    plan.push(...losses);
    await expect(basket.increment(id, "n")).rejects.toMatchObject({ code: "OUTCOME_UNKNOWN", retryable: true });
    expect((await basket.get(id)).counters.get("n")).toBe(1);
  });

  test("is resolved for the serving layer as well, which commits without ids", async () => {
    await using memory = await memoryStore();
    const plan: Loss[] = ["reply"];
    await using hold = await holdfast({ store: lossy(memory, plan, []), reap: false });
    const { store } = servingHold(hold);
    const owner = ownerOfPrincipal(localUser);
    const key = { kind: "holdfast.transport", id: "t" };
    const create = { text: "{}", lifetime: {} };
    expect(await store.commit(owner, [{ ...key, expect: "absent", create }])).toMatchObject({ ok: true });
    const append = { stream: "out", data: ["a", "b"] };
    plan.push("reply");
    expect(await store.commit(owner, [{ ...key, expect: "present", appends: [append] }])).toMatchObject({ ok: true });
    expect(plan).toEqual([]);
    expect((await memory.events(owner, key, "out", { limit: 10 }))?.events).toHaveLength(2);
  });

  test("does not happen to a store that cannot lose one, which is sent no ids", async () => {
    await using memory = await memoryStore();
    const seen: CommitOptions[] = [];
    const sure = lossy(memory, [], seen);
    const store = new Proxy(sure, {
      get: (target, name) => (name === "traits" ? memory.traits : Reflect.get(target, name, target)),
    });
    await using hold = await holdfast({ store, kinds: [Basket], reap: false });
    await hold.state(localUser).basket.create();
    expect(seen).toMatchObject([{ commitId: undefined }]);
  });
});
