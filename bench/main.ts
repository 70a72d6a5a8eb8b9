/**
 * `npm run bench`: holdfast beside its references, in one run, in turn. `--short` does fewer and shorter rounds (to
 * see that everything still runs; its figures are rougher). Exit code 0 whatever the figures: timing decides no test.
 */
import { callRows } from "./http/calls.ts";
import { idleSessionCost } from "./http/idle-sessions.ts";
import { machine, render } from "./lib/report.ts";
import { historyRow } from "./store/history.ts";
import { postgresRows } from "./store/postgres.ts";
import { sqliteRows } from "./store/sqlite.ts";

const short = process.argv.includes("--short");
const rounds = short ? 3 : 7;
const roundMs = short ? 500 : 2000;
const sessions = short ? 5000 : 100_000;

console.log(`${machine()}\n${rounds} pairs of rounds of ${roundMs} ms each, in turn; medians (least to most)\n`);
console.log(render(await sqliteRows(rounds, roundMs)), "\n");
console.log(render(await postgresRows(rounds, roundMs)), "\n");
console.log(render([await historyRow(rounds, roundMs)]), "\n");
console.log(render(await callRows(rounds, roundMs)), "\n");

const { heapBytes, rssBytes } = await idleSessionCost(sessions);
console.log(
  [
    `P7  ${sessions.toLocaleString("en")} idle sessions beyond the warm cache`,
    `    heap ${mebibytes(heapBytes)}, resident ${mebibytes(rssBytes)}; goal: under 20 MiB for 100,000`,
    `    per session: ${Math.round(heapBytes / sessions)} bytes of heap`,
  ].join("\n"),
);

function mebibytes(bytes: number): string {
  return `${(bytes / 1024 / 1024).toFixed(1)} MiB`;
}
