/**
 * Commits without end, many at once, and prints every id once it is acknowledged. Each commit touches two records, so
 * that half of one would show. What may or may not have happened is repeated under its id. Begins by repeating the ids it
 * is given: nobody knows whether those were committed.
 * Usage: node writer-process.mjs <url> <owner> <prefix> [ids, comma separated]
 */
import { postgresStore } from "holdfast/stores/postgres";

const [url, owner, prefix, unknown = ""] = process.argv.slice(2);
const store = await postgresStore({ url, maxConnections: 4, connectTimeoutMs: 1_000 });
let last = 0;

async function commit(id) {
  const changes = ["left", "right"].map((name) => ({
    kind: "pair",
    id: name,
    expect: "any",
    create: { text: "{}", lifetime: {} },
    counters: [{ name: "n", by: 1 }],
    appends: [{ stream: "ids", data: [id] }],
  }));
  for (;;) {
    try {
      await store.commit(owner, changes, { commitId: { id, digest: id, origin: "caller" } });
      process.stdout.write(`ack ${id}\n`);
      return;
    } catch (error) {
      if (error.code !== "UNAVAILABLE" && error.code !== "OUTCOME_UNKNOWN") throw error;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

for (const id of unknown.split(",").filter(Boolean)) await commit(id);
process.stdout.write("ready\n");
await Promise.all(
  Array.from({ length: 11 }, async () => {
    for (;;) {
      const id = `${prefix}-${(last += 1)}`;
      process.stdout.write(`try ${id}\n`);
      await commit(id);
    }
  }),
);
