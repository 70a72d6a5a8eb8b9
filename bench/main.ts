/**
 * `npm run bench`: holdfast beside its references, in one run, in turn. `npm run bench -- postgres redis` measures those
 * parts only. `--short` does fewer and shorter rounds (to see that everything still runs; its figures are rougher).
 * Exit code 0 whatever the figures: timing decides no test.
 */
import { parseArgs } from "node:util";

import { callRows } from "./http/calls.ts";
import { idleSessionCost } from "./http/idle-sessions.ts";
import { machine, render } from "./lib/report.ts";
import { historyRow } from "./store/history.ts";
import { postgresRows } from "./store/postgres.ts";
import { redisRows } from "./store/redis.ts";
import { sqliteRows } from "./store/sqlite.ts";
import { tieredRows } from "./store/tiered.ts";

type Part = (rounds: number, roundMs: number, short: boolean) => Promise<string>;

const parts: Readonly<Record<string, Part>> = {
  sqlite: async (rounds, roundMs) => render(await sqliteRows(rounds, roundMs)),
  postgres: async (rounds, roundMs) => render(await postgresRows(rounds, roundMs)),
  redis: async (rounds, roundMs) => render(await redisRows(rounds, roundMs)),
  tiered: async (rounds, roundMs) => render(await tieredRows(rounds, roundMs)),
  history: async (rounds, roundMs) => render([await historyRow(rounds, roundMs)]),
  http: async (rounds, roundMs) => render(await callRows(rounds, roundMs)),
  idle: (_rounds, _roundMs, short) => idle(short ? 5000 : 100_000),
};

const { values, positionals } = parseArgs({ options: { short: { type: "boolean" } }, allowPositionals: true });
const short = values.short === true;
const rounds = short ? 3 : 7;
const roundMs = short ? 300 : 2000;
const unknown = positionals.find((name) => parts[name] === undefined);
if (unknown !== undefined) throw new Error(`there is no part "${unknown}", only ${Object.keys(parts).join(", ")}`);

console.log(`${machine()}\n${rounds} pairs of rounds of ${roundMs} ms each, in turn; medians (least to most)\n`);
for (const [name, part] of Object.entries(parts)) {
  if (positionals.length > 0 && !positionals.includes(name)) continue;
  console.log((await part(rounds, roundMs, short)) || `${name}: its server is not installed`, "\n");
}

async function idle(sessions: number): Promise<string> {
  const { heapBytes, rssBytes } = await idleSessionCost(sessions);
  return [
    `P7  ${sessions.toLocaleString("en")} idle sessions beyond the warm cache`,
    `    heap ${mebibytes(heapBytes)}, resident ${mebibytes(rssBytes)}; goal: under 20 MiB for 100,000`,
    `    per session: ${Math.round(heapBytes / sessions)} bytes of heap`,
  ].join("\n");
}

function mebibytes(bytes: number): string {
  return `${(bytes / 1024 / 1024).toFixed(1)} MiB`;
}
