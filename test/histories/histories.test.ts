/** Several processes do a bit of everything at once; whatever each was answered has to fit together. */
import { expect, it } from "vitest";

import { durableStores, openDurable } from "../lib/durable-stores.ts";
import { Fleet } from "./driver/fleet.ts";
import { explain } from "./explain.ts";

const histories = 10;
const operations = 2_000;

it.each(durableStores)("%s explains ten histories of three processes", { timeout: 300_000 }, async (name) => {
  const seed = Number(process.env["HOLDFAST_SEED"] ?? Date.now() % 1_000_000);
  console.log(`${name}: seed ${seed} (repeat with HOLDFAST_SEED=${seed})`);
  await using store = await openDurable(name);
  await using fleet = await Fleet.open({ url: store.url, nodes: 3, writers: 8 });
  let recorded = 0;
  for (let index = 0; index < histories; index += 1) {
    const history = await fleet.history(seed + index, operations);
    await explain(`${name}-${seed + index}`, history);
    recorded += history.length;
  }
  console.log(`${name}: ${histories} histories with ${recorded} operations, none without an explanation`);
  expect(recorded).toBeGreaterThan(histories * operations * 0.9);
});
