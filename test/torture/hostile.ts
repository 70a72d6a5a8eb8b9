/** The long forms of what is hostile: odd inputs, a flood, and two answers whose times are compared. */
import { flood, type Latency } from "../flood/flood.ts";
import { fuzz } from "../fuzz/campaign.ts";
import { openDurable } from "../lib/durable-stores.ts";
import { compareIds } from "../timing/ids.ts";

export type HostileOptions = {
  readonly seed: number;
  /** When nothing new is begun, by `performance.now()`. */
  readonly until: number;
  readonly inputs: number;
  readonly floodMinutes: number;
  readonly timingPairs: number;
};

/**
 * How much slower a call may get while everything is flooded from the same machine, whose processors the attackers take
 * their part of; and how long one may take in any case.
 */
const maxRatio = 40;
const fastEnoughMs = 500;
/** Most memory of a process whose heap has 192 MiB: a leak of what is refused goes beyond it within minutes. */
const maxBytes = 640 * 1024 ** 2;
/** How much more the second half of a flood may take than the first. */
const maxGrowth = 1.5;

export async function runHostile(name: string, options: HostileOptions): Promise<void> {
  if (options.inputs > 0 && performance.now() < options.until) await runFuzzer(name, options);
  if (options.floodMinutes > 0 && performance.now() < options.until) await runFlood(name, options);
  if (options.timingPairs > 0 && performance.now() < options.until) await runTiming(name, options);
}

async function runFuzzer(name: string, { seed, until, inputs }: HostileOptions): Promise<void> {
  await using store = await openDurable(name);
  const result = await fuzz({ inputs, seed, store: store.url, until });
  refuse(name, result.complaints);
  const answers = [...result.statuses].map(([status, count]) => `${status || "none"} ${count}`);
  const stall = Math.round(result.longestStallMs);
  console.log(`${name}: ${result.inputs} odd inputs, longest stall ${stall} ms, answers ${answers.join(", ")}`);
}

async function runFlood(name: string, { until, floodMinutes }: HostileOptions): Promise<void> {
  await using store = await openDurable(name);
  const floodMs = Math.floor(Math.min(floodMinutes * 60_000, until - performance.now()));
  const { complaints, before, during, tally, memory } = await flood({ calmMs: 20_000, floodMs, store: store.url });
  for (const [attack, answers] of tally) {
    const counts = [...answers].map(([status, count]) => `${status === 0 ? "closed" : status} ${count}`);
    console.log(`  ${attack}: ${counts.join(", ")}`);
  }
  const ratio = during.p95Ms / before.p95Ms;
  console.log(
    `${name}: flooded for ${Math.round(floodMs / 1000)} s; who means well: ${words(before)} before, ${words(during)} during, ` +
      `${ratio.toFixed(1)} times as long; memory ${megabytes(memory.before)} before, ` +
      `${megabytes(memory.early)} in the first half of the flood and ${megabytes(memory.late)} in the second`,
  );
  const slow = ratio > maxRatio && during.p95Ms > fastEnoughMs;
  const grows = memory.late > maxBytes || memory.late > memory.early * maxGrowth;
  refuse(name, [
    ...complaints,
    ...(slow ? [`who means well waits ${ratio.toFixed(1)} times as long as before`] : []),
    ...(grows ? [`the process came to take ${megabytes(memory.late)}`] : []),
  ]);
}

async function runTiming(name: string, { seed, timingPairs: pairs }: HostileOptions): Promise<void> {
  await using store = await openDurable(name);
  const { complaints, seen } = await compareIds({ pairs, seed, store: store.url });
  for (const [what, { score, medianUs }] of seen) {
    const sigma = `${score.toFixed(1)} standard deviations`;
    console.log(`${name}: ${what}: in ${pairs} pairs ${medianUs.toFixed(0)} µs apart, ${sigma}`);
  }
  refuse(name, complaints);
}

function refuse(name: string, complaints: readonly string[]): void {
  for (const complaint of complaints) console.error(complaint);
  if (complaints.length > 0) throw new Error(`${name}: ${complaints.length} complaints`);
}

function words({ calls, medianMs, p95Ms }: Latency): string {
  return `${calls} calls of ${medianMs.toFixed(1)} ms, 95 in 100 below ${p95Ms.toFixed(1)} ms`;
}

function megabytes(bytes: number): string {
  return `${Math.round(bytes / 1024 ** 2)} MiB`;
}
