/** A process with a hold whose reaper sweeps often. Says what it finds to be over, one line for each record. */
import { holdfast } from "holdfast";

import { openAlone } from "../lib/durable-stores.ts";

const [url = ""] = process.argv.slice(2);
const store = await openAlone(url);
const hold = await holdfast({ store, reap: { every: "200ms", batch: 20 } });
hold.onEnded(({ kind, id, cause }) => {
  // Only sessions are heard of from other processes, and what expires here is none.
  if (cause === "expired") process.stdout.write(`over ${kind} ${id}\n`);
});
process.stdout.write("ready\n");
// A reaper keeps no process alive, and neither does a SQLite file. This one ends when it is killed.
setInterval(() => undefined, 60_000);
