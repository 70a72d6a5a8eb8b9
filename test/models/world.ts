/** What the models act on: kinds of every sort, on one store that two processes have open. */
import { eventSourced, type Hold, holdfast, kind, openStore, type Principal } from "holdfast";
import { expect } from "vitest";
import { z } from "zod";

import { openDurable } from "../lib/durable-stores.ts";
import type { Random } from "../lib/random.ts";

const Doc = z.object({ n: z.int().default(0), tags: z.array(z.string()).default([]) });
export type DocValue = z.output<typeof Doc>;

const Item = kind("item", { schema: Doc, index: ({ n }) => ({ even: n % 2 === 0 }), idle: "24h" });
const Note = kind("note", { schema: Doc, scope: "named" });
const Profile = kind("profile", { schema: Doc, scope: "principal" });
const Flow = eventSourced("flow", {
  initial: (): { sum: number; last: string } => ({ sum: 0, last: "" }),
  events: { added: z.object({ by: z.int() }), named: z.object({ name: z.string() }) },
  evolve: (flow, event) => {
    if (event.type === "added") flow.sum += event.payload.by;
    else flow.last = event.payload.name;
  },
  snapshotEvery: 3,
});

const kinds = [Item, Note, Profile, Flow] as const;
export type Models = Hold<typeof kinds>;

export type World = {
  readonly random: Random;
  /** Two processes on one store: each step goes through either. */
  readonly door: () => Models;
  readonly owner: Principal;
  readonly stranger: Principal;
};

/** One thing that may be done, and what the model says of it. */
export type Step = () => Promise<void>;
export type Model = Readonly<Record<string, Step>>;

export interface Doors extends AsyncDisposable {
  readonly one: Models;
  readonly other: Models;
}

/** Memory is shared within the process; all other stores are opened twice. */
export async function openDoors(name: string): Promise<Doors> {
  if (name === "memory") {
    const store = await openStore("memory:");
    const [one, other] = [await holdfast({ store, kinds }), await holdfast({ store, kinds })];
    return {
      one,
      other,
      async [Symbol.asyncDispose]() {
        await Promise.all([one.close(), other.close()]);
        await store.close();
      },
    };
  }
  const durable = await openDurable(name);
  const open = (): Promise<Models> => holdfast({ store: durable.url, kinds, reap: { every: "1s" } });
  const [one, other] = [await open(), await open()];
  return {
    one,
    other,
    async [Symbol.asyncDispose]() {
      await Promise.all([one.close(), other.close()]);
      await durable[Symbol.asyncDispose]();
    },
  };
}

/** Takes steps at random, and says how many. What differs from the model is told with the way that led there. */
export async function walk({ random }: World, model: Model, steps: number): Promise<number> {
  const names = Object.keys(model);
  const taken: string[] = [];
  for (let count = 0; count < steps; count += 1) {
    const name = random.pick(names);
    taken.push(name);
    try {
      await model[name]?.();
    } catch (error) {
      throw new Error(`differs from the model after: ${taken.join(", ")}`, { cause: error });
    }
  }
  return taken.length;
}

/** Expects an error with this code. */
export async function refused(promise: Promise<unknown>, code: string): Promise<void> {
  await expect(promise).rejects.toMatchObject({ code });
}
