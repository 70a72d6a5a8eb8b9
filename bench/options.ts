/** The words of `npm run bench -- …`. */
import { parseArgs } from "node:util";

export type BenchOptions = {
  readonly short: boolean;
  readonly write: boolean;
  readonly render: boolean;
  /** The parts to measure; every one where none is named. */
  readonly parts: readonly string[];
};

const options = {
  short: { type: "boolean" },
  write: { type: "boolean" },
  render: { type: "boolean" },
  help: { type: "boolean", short: "h" },
} as const;

/** Answers "help" where that is asked for. Throws an `Error` that says what is wrong with the words. */
export function readOptions(words: readonly string[], names: readonly string[]): BenchOptions | "help" {
  const { values, positionals } = parseArgs({ args: [...words], options, allowPositionals: true });
  if (values.help === true) return "help";
  const { short = false, write = false, render = false } = values;
  if (short && write) throw new Error("--write needs the full rounds: leave out --short");
  if (render && (short || write || positionals.length > 0))
    throw new Error("--render stands alone: it measures nothing");
  const unknown = positionals.find((name) => !names.includes(name));
  if (unknown !== undefined) throw new Error(`there is no part "${unknown}", only ${names.join(", ")}`);
  return { short, write, render, parts: positionals };
}

export function helpText(names: readonly string[]): string {
  return `Usage: npm run bench -- [PART …] [--short | --write | --render]

Measures holdfast beside its references, in one run, in turn, and prints medians with their spread. Without a PART every
part is measured, which takes a quarter of an hour; leave the machine alone meanwhile.

Parts:
  ${names.join(" ")}

Options:
  --short     fewer and shorter rounds, two or three minutes: to see that everything runs; its figures are rougher
  --write     also make docs/benchmarks.md and its charts; parts that were not measured stay there as they were
  --render    only make docs/benchmarks.md and its charts, of what was measured last; measures nothing
  -h, --help  this page

Environment:
  HOLDFAST_BENCH_POSTGRES_URL  a PostgreSQL to measure on, instead of one that is started for it
  HOLDFAST_BENCH_REDIS_URL     a Redis to measure on, instead of one that is started for it
  TMPDIR                       where the folder holdfast-bench-… is made; it is removed at the end, but not after kill -9

Each run is kept as JSON in .cache/bench. A part whose server is not installed is left out, and says so.

Examples:
  npm run bench -- --short
      whether everything still runs
  npm run bench -- http-redis http-postgres
      calls over HTTP on these stores alone
  npm run bench -- --write
      everything, and the page anew

Exit codes:
  0         measured, whatever the figures: timing decides nothing
  1         a part could not be measured
  2         was asked wrongly
  130, 143  stopped by Ctrl-C or SIGTERM; nothing is left behind
`;
}
