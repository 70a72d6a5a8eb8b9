/**
 * A process that opens a store, works on it when it is told to, and may be killed at any moment. Goes when the one who
 * started it goes.
 */

import type { Store } from "holdfast/contract";

import { openAlone } from "../../lib/durable-stores.ts";
import { seeded } from "../../lib/random.ts";
import { RecordingClient } from "./client.ts";
import type { Order, Report, Work } from "./protocol.ts";
import { FileRecorder } from "./recorder.ts";
import { Writer } from "./writer.ts";

let store: Store | undefined;
let stop = new AbortController();

function say(report: Report): void {
  if (process.connected) process.send?.(report);
}

async function obey(order: Order): Promise<void> {
  switch (order.order) {
    case "open":
      store = await openAlone(order.url);
      return say({ report: "open" });
    case "work":
      stop = new AbortController();
      if (store === undefined) throw new Error("there is no store to work on yet");
      await work(store, order.work, stop.signal);
      return say({ report: "done" });
    case "stop":
      return stop.abort();
  }
}

async function work(
  store: Store,
  { file, origin, seed, name, owners, operations, unresolved, ...rest }: Work,
  signal: AbortSignal,
): Promise<void> {
  using recorder = new FileRecorder(file, BigInt(origin));
  const client = new RecordingClient(store, recorder);
  const random = seeded(seed);
  const writers = Array.from({ length: rest.writers }, (_, index) => {
    return new Writer({ client, name: `${name}.${index}`, owners, random: random.fork(), operations, stop: signal });
  });
  const heir = new Writer({ client, name: `${name}.heir`, owners, random: random.fork(), operations: 0, stop: signal });
  await Promise.all([heir.settle(unresolved), ...writers.map((writer) => writer.work())]);
}

process.on("message", (order: Order) => {
  obey(order).catch((error: unknown) =>
    say({ report: "failed", message: String(error instanceof Error ? error.stack : error) }),
  );
});
process.on("disconnect", () => process.exit());
