/** Increments one counter as fast as it can for so many milliseconds, from many callers, and prints how often. */
import { sqliteStore } from "holdfast/stores/sqlite";

const [path, owner, ms] = process.argv.slice(2);
const store = await sqliteStore({ path });
const change = {
  kind: "hot",
  id: "one",
  expect: "any",
  create: { text: "{}", lifetime: {} },
  counters: [{ name: "n", by: 1 }],
};
process.stdout.write("ready\n");
await new Promise((resolve) => process.stdin.once("data", resolve));
let done = 0;
const until = performance.now() + Number(ms);
await Promise.all(
  Array.from({ length: 16 }, async () => {
    while (performance.now() < until) {
      await store.commit(owner, [change]);
      done += 1;
    }
  }),
);
await store.close();
process.stdout.write(`${JSON.stringify({ done })}\n`);
process.stdin.destroy();
