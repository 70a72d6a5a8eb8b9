/**
 * The built server under steady use for a long time: `npm run soak` (an hour), `npm run soak:short` (five minutes), `-- --minutes 30
 * --store URL --clients 8 --seed 7`. What it holds has to be level in the end: heap, handles, records in the store, connections,
 * streams, warm instances. Ends with 1 where it is not, or where a call failed.
 */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { parseArgs } from "node:util";

import { openStore } from "holdfast";

import { valueOf } from "../clients/caller.ts";
import { seeded } from "../lib/random.ts";
import { removeFolder, type ServerProcess, startServer, temporaryFolder } from "../lib/server-process.ts";
import { connect } from "../server/connect.ts";
import { type Sample, verdicts } from "./verdict.ts";
import { keepVisiting, type Tally } from "./visitor.ts";

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "60" },
    clients: { type: "string", default: "8" },
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
    store: { type: "string" },
  },
});
const minutes = Number(values.minutes);
if (!(minutes >= 1 && minutes <= 24 * 60)) throw new Error(`--minutes is from 1 to 1440, not "${values.minutes}"`);
const everyMs = Math.max(2_000, Math.min(10_000, (minutes * 60_000) / 90));

const dir = await temporaryFolder();
const store = values.store ?? `sqlite:${join(dir, "state.db")}`;
// Sessions and workflows nobody ends are over soon, so that what there is becomes level while we watch.
const server = await startServer({
  dir,
  store,
  // A heap in which the garbage collector has to look at everything often: what it leaves is what is held.
  env: { NODE_OPTIONS: "--max-old-space-size=192" },
  args: ["--session-idle", "20s", "--max-sessions", "100000", "--max-records", "1000000"],
});
console.log(`seed ${values.seed}, ${minutes} minutes, a sample every ${everyMs / 1000} s, server ${server.pid}`);

const tally: Tally = { calls: 0, visits: 0, errors: [] };
const stop = AbortSignal.timeout(minutes * 60_000);
const random = seeded(Number(values.seed));
const visitors = Array.from({ length: Number(values.clients) }, () =>
  keepVisiting(server.url, random.fork(), tally, stop),
);
const samples: Sample[] = [];
const startedAt = Date.now();
try {
  while (!stop.aborted) {
    const sample = await look(server);
    samples.push(sample);
    const { heapBytes, handles, records, connections, streams, warm } = sample;
    console.log(
      `${String(Math.round(sample.atMs / 1000)).padStart(5)} s  heap ${(heapBytes / 1024 ** 2).toFixed(1)} MiB  handles ${handles}  ` +
        `records ${records}  connections ${connections}  streams ${streams}  warm ${warm}  calls ${tally.calls}  errors ${tally.errors.length}`,
    );
    await pause(everyMs, undefined, { signal: stop }).catch(() => undefined);
  }
  await Promise.all(visitors);
} finally {
  await server.stop();
  await removeFolder(dir);
}

let good = tally.errors.length === 0 && tally.calls > 0;
for (const error of tally.errors.slice(0, 5)) console.log(`failed: ${error}`);
for (const { what, before, after, level } of verdicts(samples)) {
  console.log(`${level ? "level " : "GROWS "} ${what}: ${before} in the middle third, ${after} in the last`);
  good &&= level;
}
console.log(
  `${tally.visits} visits, ${tally.calls} calls, ${tally.errors.length} errors: ${good ? "level" : "NOT level"}`,
);
process.exitCode = good ? 0 : 1;

async function look({ url, pid }: ServerProcess): Promise<Sample> {
  await using connection = await connect(url, "2026");
  const stats = await valueOf(connection.call("server_stats"));
  // The tool answers in exactly this shape to the local user.
  const { memory, connections, streams, warm } = stats as {
    readonly memory: { readonly heap_used: number };
    readonly connections: number;
    readonly streams: number;
    readonly warm: number;
  };
  await using opened = await openStore(store);
  const { records } = await opened.admin.stats();
  const handles = (await readdir(`/proc/${pid}/fd`)).length;
  return { atMs: Date.now() - startedAt, heapBytes: memory.heap_used, handles, records, connections, streams, warm };
}
