import { expect, test } from "vitest";

import { durableStores, openDurable } from "../lib/durable-stores.ts";
import { startFleet } from "./fleet.ts";
import { resumeUnderKills } from "./resumes.ts";

const timeout = 300_000;

// `npm run torture` does it at length.
test.each(durableStores)(
  "200 resumes under kills, on %s: nothing missed, doubled or foreign",
  { timeout },
  async (name) => {
    const seed = Date.now() % 1_000_000;
    await using store = await openDurable(name);
    await using cluster = await startFleet(store.url);
    const tally = await resumeUnderKills(cluster, { seed, resumes: 200, perKill: 50 });
    console.log(`seed ${seed}: ${JSON.stringify(tally)}`);
    expect(tally.resumes).toBeGreaterThanOrEqual(200);
    expect(tally.kills).toBeGreaterThanOrEqual(4);
    expect(tally.results).toBeGreaterThan(5);
    expect(tally.messages).toBeGreaterThan(200);
  },
);
