/** A history made inside this process, to try the instruments on stores of which the fault is known. */
import type { Store } from "holdfast/contract";

import { seeded } from "../../lib/random.ts";
import type { Answer, History, Operation, Request } from "../history.ts";
import { RecordingClient } from "./client.ts";
import type { Recorder } from "./recorder.ts";
import { everyKey, streams, Writer } from "./writer.ts";

export type LocalOptions = {
  readonly store: Store;
  readonly seed: number;
  readonly writers: number;
  readonly operations: number;
};

export async function localHistory({ store, seed, writers, operations }: LocalOptions): Promise<History> {
  const recorder = new MemoryRecorder();
  const client = new RecordingClient(store, recorder);
  const random = seeded(seed);
  const owners = ["x", "y"].map((letter) => `${letter}-${seed}`.padEnd(32, "0"));
  const stop = new AbortController().signal;
  const each = Math.ceil(operations / writers);
  await Promise.all(
    Array.from({ length: writers }, (_, index) =>
      new Writer({ client, name: `w${index}`, owners, random: random.fork(), operations: each, stop }).work(),
    ),
  );
  const tails = streams.map((stream) => ({ stream, after: 0, limit: 10_000 }));
  for (const [index, owner] of owners.entries()) {
    for (const key of everyKey) await client.read(`final.${index}.${key}`, { what: "read", owner, key, tails });
  }
  return recorder.operations;
}

class MemoryRecorder implements Recorder {
  readonly operations: Operation[] = [];

  async record(name: string, request: Request, call: () => Promise<Answer>): Promise<Answer> {
    const begunAt = performance.now();
    const answer = await call();
    const endedAt = answer.kind === "unknown" ? Number.POSITIVE_INFINITY : performance.now();
    this.operations.push({ name, begunAt, endedAt, request, answer });
    return answer;
  }
}
