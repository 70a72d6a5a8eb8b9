/** Nothing acknowledged is lost, nothing is applied twice, and nobody has to help, whoever is killed by -9. */
import { expect, it } from "vitest";

import { explain } from "../histories/explain.ts";
import { durableStores } from "../lib/durable-stores.ts";
import { killAndRecover } from "./kill-campaign.ts";

const kills = { node: 10, "all nodes": 5, server: 10 };

it.each(durableStores)(
  "%s loses and repeats nothing through kill -9 of nodes and of its server",
  { timeout: 300_000 },
  async (store) => {
    const seed = Number(process.env["HOLDFAST_SEED"] ?? Date.now() % 1_000_000);
    console.log(`${store}: seed ${seed} (repeat with HOLDFAST_SEED=${seed})`);
    const run = await killAndRecover({ store, seed, kills });
    console.log(
      `${store}: ${run.kills} kills, ${run.acknowledged} commits acknowledged, ${run.cutOff} cut off, of which ` +
        `${run.unknown} stay unknown; ${run.history.length} operations`,
    );
    await explain(`${store}-kills-${seed}`, run.history);
    expect(run.cutOff, "kills that cut nothing off prove nothing").toBeGreaterThanOrEqual(run.kills);
  },
);
