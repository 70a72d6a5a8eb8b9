/**
 * Every kind of state against a model of it, on every store: random steps through either of two processes, each of which has
 * to answer what a few lines of plain JavaScript do. What runs at once is elsewhere (`test/histories`, `fold.property.test.ts`).
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { durableStores } from "../lib/durable-stores.ts";
import { everything } from "../lib/extent.ts";
import { seeded } from "../lib/random.ts";
import { documents } from "./documents.ts";
import { events } from "./events.ts";
import { locks } from "./locks.ts";
import { named } from "./named.ts";
import { sessions } from "./sessions.ts";
import { type Doors, type Model, openDoors, type World, walk } from "./world.ts";

const models: readonly (readonly [string, (world: World) => Model])[] = [
  ["documents", documents],
  ["named and single documents", named],
  ["event-sourced records", events],
  ["sessions", sessions],
  ["locks", locks],
];

const [walks, steps] = everything ? [20, 100] : [4, 60];
const seed = Number(process.env["HOLDFAST_SEED"] ?? Date.now() % 1_000_000);

describe.each(["memory", ...durableStores])("on %s", (store) => {
  let doors: Doors;
  beforeAll(async () => {
    doors = await openDoors(store);
  });
  afterAll(async () => {
    await doors[Symbol.asyncDispose]();
  });

  it.each(models)(`%s do what their model does (seed ${seed})`, { timeout: 600_000 }, async (name, model) => {
    const random = seeded(seed);
    let taken = 0;
    for (let count = 0; count < walks; count += 1) {
      // People of their own for each walk, so that one knows nothing of another.
      const person = (who: string): World["owner"] => ({
        issuer: "models",
        subject: `${who} ${name} ${count}`,
        scopes: [],
      });
      const world: World = {
        random,
        door: () => random.pick([doors.one, doors.other]),
        owner: person("alice"),
        stranger: person("bob"),
      };
      taken += await walk(world, model(world), steps);
    }
    expect(taken).toBe(walks * steps);
  });
});
