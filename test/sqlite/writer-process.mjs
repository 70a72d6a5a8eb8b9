/**
 * Commits without end, many at once, and prints every id once it is acknowledged. Each commit touches two records, so
 * that half of one would show. Begins by repeating the ids it is given: nobody knows whether those were committed.
 * Usage: node writer-process.mjs <path> <owner> <prefix> [ids, comma separated]
 */
import { sqliteStore } from "holdfast/stores/sqlite";

const [path, owner, prefix, unknown = ""] = process.argv.slice(2);
const store = await sqliteStore({ path });
const lifetime = {};
let last = 0;

async function commit(id) {
  const changes = ["left", "right"].map((name) => ({
    kind: "pair",
    id: name,
    expect: "any",
    create: { text: "{}", lifetime },
    counters: [{ name: "n", by: 1 }],
    appends: [{ stream: "ids", data: [id] }],
  }));
  for (;;) {
    try {
      await store.commit(owner, changes, { commitId: { id, digest: id, origin: "caller" } });
      process.stdout.write(`ack ${id}\n`);
      return;
    } catch (error) {
      if (error.code !== "UNAVAILABLE") throw error;
    }
  }
}

for (const id of unknown.split(",").filter(Boolean)) await commit(id);
process.stdout.write("ready\n");
await Promise.all(
  Array.from({ length: 32 }, async () => {
    for (;;) {
      const id = `${prefix}-${(last += 1)}`;
      process.stdout.write(`try ${id}\n`);
      await commit(id);
    }
  }),
);
