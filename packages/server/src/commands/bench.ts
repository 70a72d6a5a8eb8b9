import { randomUUID } from "node:crypto";
import { closeSync, fsyncSync, openSync, rmSync, writeSync } from "node:fs";
import { availableParallelism, cpus } from "node:os";
import { join } from "node:path";
import { ownerOfIdentity } from "holdfast/admin";
import type { Store } from "holdfast/contract";

import { type Command, defineCommand } from "../cli/command.ts";
import { json } from "../cli/common-flags.ts";
import { createProgress, type Progress } from "../cli/progress.ts";
import { duration } from "../settings/row.ts";
import { withoutPassword } from "../settings/without-password.ts";
import { type Measured, measure } from "./bench/measure.ts";
import { placeFor } from "./bench/place.ts";
import { openNamed } from "./open-store.ts";

const records = 64;
const text = JSON.stringify({ text: "x".repeat(280) });
const event = JSON.stringify({ type: "measured", payload: { text: "x".repeat(80) } });

type Measurement = { readonly what: string; readonly beside: string | undefined } & Measured;

export const benchCommand: Command = defineCommand({
  name: "bench",
  summary: "a quick measurement of a store on this machine, beside what the machine itself can do",
  about: [
    "Writes documents of 300 bytes with an event each, one after another and 64 at once, and reads them. A SQLite",
    "store is measured in a file of its own beside yours, any other in a partition that is erased afterwards.",
  ],
  settings: ["store", "config"],
  flags: {
    time: duration({
      default: 2_000,
      min: 100,
      max: 600_000,
      group: "This command",
      help: "How long each row is measured",
    }),
    json,
  },
  examples: [["holdfast bench --store postgres://app@db/app", "what this network and that database give"]],
  run: async ({ flags, resolved, out, signal }) => {
    using place = placeFor(resolved.settings.store);
    await using store = await openNamed(place.url);
    const rows = await measureStore(store, place.folder, flags.time, signal, createProgress(out, { tellShort: false }));
    if (signal.aborted) {
      out.note("interrupted; what was measured is no answer");
      return 1;
    }
    if (out.json) {
      const machine = {
        node: process.versions.node,
        processors: availableParallelism(),
        model: cpus()[0]?.model ?? "unknown",
      };
      out.value({ store: withoutPassword(resolved.settings.store), kind: store.traits.name, machine, rows });
      return 0;
    }
    out.table(
      [
        { title: "what" },
        { title: "a second", align: "right" },
        { title: "p50 ms", align: "right" },
        { title: "p99 ms", align: "right" },
        { title: "beside" },
      ],
      rows.map(({ what, perSecond, p50Ms, p99Ms, beside }) => [
        what,
        Math.round(perSecond),
        p50Ms.toFixed(2),
        p99Ms.toFixed(2),
        beside,
      ]),
    );
    out.note(
      `${withoutPassword(resolved.settings.store)}, Node ${process.versions.node}, ${availableParallelism()} processors`,
    );
    return 0;
  },
});

async function measureStore(
  store: Store,
  folder: string | undefined,
  forMs: number,
  signal: AbortSignal,
  progress: Progress,
): Promise<readonly Measurement[]> {
  const owner = ownerOfIdentity({ issuer: "bench", subject: randomUUID() });
  const keys = Array.from({ length: records }, (_, index) => ({ kind: "bench", id: `bench_${index}` }));
  const keyAt = (index: number): (typeof keys)[number] => keys[index % records] ?? { kind: "bench", id: "bench_0" };
  let measuredRows = 0;
  const measuring = (): void => progress.step({ what: "measuring", done: measuredRows++, of: 5, unit: "rows" });
  measuring();
  try {
    for (const key of keys) await store.commit(owner, [{ ...key, expect: "absent", create: { text, lifetime: {} } }]);
    const write = (index: number): Promise<unknown> => {
      const appends = [{ stream: "log", data: [event], keep: 100 }];
      return store.commit(owner, [{ ...keyAt(index), expect: "present", document: { text }, appends }]);
    };
    const read = (index: number): Promise<unknown> => store.read(owner, keyAt(index));
    const floor = folder === undefined ? await roundTrip(store, forMs, signal) : await fsyncs(folder, forMs, signal);
    const beside = ({ perSecond }: Measured): string => `${(perSecond / floor.perSecond).toFixed(2)} of the first row`;
    const rows: Measurement[] = [{ ...floor, beside: "the machine itself" }];
    measuring();
    for (const [what, atOnce, work] of [
      ["write, one after another", 1, write],
      ["write, 64 at once", records, write],
      ["read, one after another", 1, read],
      ["read, 64 at once", records, read],
    ] as const) {
      if (signal.aborted) break;
      const measured = await measure(forMs, atOnce, signal, work);
      // A file is read from memory: flushing says nothing about that.
      const compared = folder === undefined || work === write;
      rows.push({ what, ...measured, beside: compared ? beside(measured) : undefined });
      measuring();
    }
    return rows;
  } finally {
    progress.end();
    await store.admin.erase(owner);
  }
}

/** What the disk does for anybody: 400 bytes appended and flushed, one after another. */
async function fsyncs(
  folder: string,
  forMs: number,
  signal: AbortSignal,
): Promise<Measured & { readonly what: string }> {
  const path = join(folder, `holdfast-bench-${process.pid}.db.fsync`);
  const file = openSync(path, "wx", 0o600);
  const bytes = Buffer.alloc(400);
  try {
    const measured = await measure(forMs, 1, signal, async () => {
      writeSync(file, bytes);
      fsyncSync(file);
    });
    return { what: "400 bytes and fsync", ...measured };
  } finally {
    closeSync(file);
    rmSync(path, { force: true });
  }
}

/** The least that any answer of the store costs: a question about nothing. */
async function roundTrip(
  store: Store,
  forMs: number,
  signal: AbortSignal,
): Promise<Measured & { readonly what: string }> {
  const owner = ownerOfIdentity({ issuer: "bench", subject: "nobody" });
  const measured = await measure(forMs, 1, signal, () => store.read(owner, { kind: "bench", id: "nothing" }));
  return { what: "round trip for nothing", ...measured };
}
