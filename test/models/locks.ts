import type { Fence } from "holdfast";
import { expect } from "vitest";

import { type Model, refused, type World } from "./world.ts";

/** Locks: one holder, tokens that only grow, and changes that only the present holder makes. */
export function locks({ random, door, owner, stranger }: World): Model {
  const held = new Map<string, Fence>();
  const past: Fence[] = [];
  const highest = new Map<string, number>();
  let written = 0;
  const state = () => door().state(owner);
  const name = (): string => random.pick(["a", "b"]);

  return {
    take: async () => {
      const wanted = name();
      const taking = state().lock(wanted, { ttlMs: 600_000 });
      if (held.has(wanted)) return refused(taking, "CONTENTION");
      const { token } = await taking;
      expect(token).toBeGreaterThan(highest.get(wanted) ?? 0);
      highest.set(wanted, token);
      held.set(wanted, { name: wanted, token });
    },
    release: async () => {
      const fence = held.get(name());
      if (fence === undefined) return;
      // Through another process than took it.
      expect(await state().heldLock(fence).release()).toBe(true);
      held.delete(fence.name);
      past.push(fence);
    },
    renew: async () => {
      for (const fence of held.values()) expect(await state().heldLock(fence).renew()).toBe(true);
      if (past.length > 0) expect(await state().heldLock(random.pick(past)).renew()).toBe(false);
    },
    "release again": async () => {
      if (past.length > 0) expect(await state().heldLock(random.pick(past)).release()).toBe(false);
    },
    "write as holder": async () => {
      const fence = held.get(name());
      if (fence === undefined) return;
      const view = await state().profile.update(
        (draft) => {
          draft.n += 1;
        },
        { fence },
      );
      written += 1;
      expect(view.value.n).toBe(written);
    },
    "write as one who was": async () => {
      if (past.length === 0) return;
      const change = (draft: { n: number }): void => {
        draft.n += 1;
      };
      await refused(state().profile.update(change, { fence: random.pick(past) }), "FENCED");
      expect((await state().profile.get()).value.n).toBe(written);
    },
    "a stranger": async () => {
      // Names are the principal's own.
      const theirs = await door().state(stranger).lock(name(), { ttlMs: 600_000 });
      expect(await theirs.release()).toBe(true);
    },
  };
}
