/** Whoever dies between two appends, or in the middle of one: what the events come to is never in doubt. */
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { holdfast, localUser } from "holdfast";
import { expect, onTestFinished, test } from "vitest";

import { durableStores, openAlone, openDurable } from "../lib/durable-stores.ts";
import { seeded } from "../lib/random.ts";
import { poll } from "../lib/waiting.ts";
import { findRoot } from "../tools/root.ts";
import { snapshotEvery, tallyKind } from "./tally.ts";

const writers = 3;
/** More of them with `HOLDFAST_KILLS`. */
const kills = Number(process.env["HOLDFAST_KILLS"] ?? 4);
/** Acknowledged between two kills: each one interrupts real work. */
const acksBetween = 30;

type Writer = {
  readonly name: string;
  readonly child: ChildProcessWithoutNullStreams;
  readonly ended: Promise<unknown>;
};

test.each(durableStores)("%s: a fold survives kill -9 between appends", { timeout: 180_000 }, async (name) => {
  const seed = Number(process.env["HOLDFAST_SEED"] ?? Date.now() % 1_000_000);
  console.log(`${name}: seed ${seed} (repeat with HOLDFAST_SEED=${seed})`);
  const random = seeded(seed);
  await using durable = await openDurable(name);
  const main = join(await findRoot(), ".cache", "build", "test", "events", "writer.js");
  const acked = new Map<string, Set<number>>();
  let count = 0;
  let made = 0;

  const begin = (): Writer => {
    const writer = `w${made++}`;
    const turns = new Set<number>();
    acked.set(writer, turns);
    const child = spawn(process.execPath, [main, durable.url, writer, String(seed + made)]);
    child.stderr.pipe(process.stderr);
    const ended = new Promise((resolve) => child.once("close", resolve));
    createInterface({ input: child.stdout }).on("line", (line) => {
      const [said, from, to] = line.split(" ");
      if (said !== "acked") return;
      for (let turn = Number(from); turn <= Number(to); turn++) turns.add(turn);
      count += 1;
    });
    onTestFinished(async () => {
      child.kill("SIGKILL");
      await ended;
    });
    return { name: writer, child, ended };
  };

  let running = Array.from({ length: writers }, begin);
  for (let kill = 0; kill < kills; kill++) {
    const target = count + acksBetween;
    await poll(() => (count >= target ? true : undefined), `${acksBetween} more appends`, 60_000);
    const victim = running[random.below(running.length)];
    victim?.child.kill("SIGKILL");
    await victim?.ended;
    running = [...running.filter((one) => one !== victim), begin()];
  }
  const target = count + acksBetween;
  await poll(() => (count >= target ? true : undefined), "the last appends", 60_000);
  for (const { child } of running) child.kill("SIGKILL");
  await Promise.all(running.map(({ ended }) => ended));

  await using hold = await holdfast({ store: await openAlone(durable.url), kinds: [tallyKind()], reap: false });
  const tally = hold.state(localUser).tally.open("hot");
  const { value, position, version } = await tally.get();
  expect(value.n).toBe(position);
  expect(version, "snapshots were written").toBeGreaterThan(position / (snapshotEvery * 3));

  // Gapless, in order, each acknowledged event exactly once, and nothing but whole appends.
  const seen = new Map<string, number[]>();
  let after = 0;
  for (let expected = 1; after < position; ) {
    const page = await tally.history({ after, limit: 1_000 });
    for (const event of page.events) {
      expect(event.position).toBe(expected++);
      seen.set(event.payload.writer, [...(seen.get(event.payload.writer) ?? []), event.payload.turn]);
    }
    after = page.next ?? position;
  }
  for (const [writer, turns] of acked) {
    const found = seen.get(writer) ?? [];
    expect(found, `${writer}: in its own order, none twice`).toEqual([...new Set(found)].sort((a, b) => a - b));
    for (const turn of turns) expect(found.includes(turn), `${writer}'s event ${turn} was acknowledged`).toBe(true);
  }

  // From the snapshot, from the beginning, and at every step between.
  await using fresh = await holdfast({ store: await openAlone(durable.url), kinds: [tallyKind(2)], reap: false });
  expect((await fresh.state(localUser).tally.open("hot").get()).value).toEqual(value);
  expect((await tally.at(position)).value).toEqual(value);
  for (let step = 0; step < 10; step++) {
    const at = random.below(position + 1);
    expect((await tally.at(at)).value.n).toBe(at);
  }
  expect((await tally.repair()).position).toBe(position);
  expect((await tally.get()).value).toEqual(value);
});
