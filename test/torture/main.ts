/**
 * The long form of the histories, the kills, the resumes, the fuzzer and the flood: `npm run torture -- --store postgres
 * --kills 100 --inputs 1000000 --flood-minutes 10 --minutes 30`. Ends with the first history that has no explanation, and leaves it in `.cache/histories/`,
 * or with the first thing that is answered wrongly; otherwise when all is done or the time is over. `0` leaves a part out.
 */
import { parseArgs } from "node:util";

import { startFleet } from "../cluster/fleet.ts";
import { resumeUnderKills } from "../cluster/resumes.ts";
import { Fleet } from "../histories/driver/fleet.ts";
import { explain } from "../histories/explain.ts";
import { killAndRecover } from "../kills/kill-campaign.ts";
import { durableStores, openDurable } from "../lib/durable-stores.ts";
import { runHostile } from "./hostile.ts";

const { values } = parseArgs({
  options: {
    store: { type: "string", multiple: true, default: [...durableStores] },
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
    histories: { type: "string", default: "100" },
    operations: { type: "string", default: "2000" },
    kills: { type: "string", default: "100" },
    resumes: { type: "string", default: "20000" },
    inputs: { type: "string", default: "1000000" },
    "flood-minutes": { type: "string", default: "10" },
    "timing-pairs": { type: "string", default: "20000" },
    minutes: { type: "string", default: "60" },
  },
});
const seed = whole("seed");
const until = performance.now() + whole("minutes") * 60_000;
/** Kills of each kind in one history: more would make it too long to be checked at once. */
const killsAtOnce = 20;
/** Resumes on one cluster, so that a fault is found near its seed. */
const resumesAtOnce = 2_000;

function whole(name: Exclude<keyof typeof values, "store">): number {
  const number = Number(values[name]);
  if (!Number.isSafeInteger(number) || number < 0)
    throw new Error(`--${name} is a whole number, not "${values[name]}"`);
  return number;
}

async function runHistories(name: string): Promise<void> {
  await using store = await openDurable(name);
  await using fleet = await Fleet.open({ url: store.url, nodes: 3, writers: 8 });
  let [done, recorded] = [0, 0];
  for (; done < whole("histories") && performance.now() < until; done += 1) {
    const history = await fleet.history(seed + done, whole("operations"));
    await explain(`${name}-${seed + done}`, history);
    recorded += history.length;
  }
  console.log(`${name}: ${done} histories, ${recorded} operations, all explained`);
}

async function runKills(name: string): Promise<void> {
  const total = { kills: 0, acknowledged: 0, cutOff: 0, unknown: 0 };
  for (let left = whole("kills"), run = 0; left > 0 && performance.now() < until; left -= killsAtOnce, run += 1) {
    const count = Math.min(left, killsAtOnce);
    const kills = { node: count, "all nodes": Math.ceil(count / 4), server: count };
    const result = await killAndRecover({ store: name, seed: seed + run, kills });
    await explain(`${name}-kills-${seed + run}`, result.history);
    for (const key of ["kills", "acknowledged", "cutOff", "unknown"] as const) total[key] += result[key];
    console.log(`${name}: ${total.kills} kills so far`);
  }
  const { kills, acknowledged, cutOff, unknown } = total;
  console.log(
    `${name}: ${kills} kills, ${acknowledged} commits acknowledged, ${cutOff} cut off, ${unknown} of them unknown for ` +
      "ever; none lost, none applied twice",
  );
}

async function runResumes(name: string): Promise<void> {
  const total = { resumes: 0, kills: 0, results: 0, repeatable: 0, messages: 0 };
  for (let run = 0; total.resumes < whole("resumes") && performance.now() < until; run += 1) {
    await using store = await openDurable(name);
    await using cluster = await startFleet(store.url);
    const resumes = Math.min(whole("resumes") - total.resumes, resumesAtOnce);
    const result = await resumeUnderKills(cluster, { seed: seed + run, resumes, perKill: 100 });
    for (const key of ["resumes", "kills", "results", "repeatable", "messages"] as const) total[key] += result[key];
    console.log(`${name}: ${total.resumes} resumes so far`);
  }
  const { resumes, kills, results, repeatable, messages } = total;
  console.log(
    `${name}: ${resumes} resumes under ${kills} kills, ${messages} messages; ${results} calls with their result, ` +
      `${repeatable} told to be repeated; nothing missed, doubled or foreign`,
  );
}

console.log(`seed ${seed} (repeat with --seed ${seed})`);
for (const name of values.store) {
  await runHistories(name);
  await runKills(name);
  await runResumes(name);
  await runHostile(name, {
    seed,
    until,
    inputs: whole("inputs"),
    floodMinutes: whole("flood-minutes"),
    timingPairs: whole("timing-pairs"),
  });
}
