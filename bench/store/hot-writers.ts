/** A process of its own with writers: on one counter that everybody has, or each on one of its own. */
import { holdfast, kind, type Principal } from "holdfast";
import { z } from "zod";

import { throughput } from "../lib/compare.ts";

const [store = "", nodeName = "", writers = "1"] = process.argv.slice(2);
const principal: Principal = { issuer: "bench", subject: "hot", scopes: [] };
const Counter = kind("counter", { schema: z.object({}), scope: "named" });

const hold = await holdfast({ store, kinds: [Counter], reap: false });
const { counter } = hold.state(principal);

process.on("message", (task: { readonly hot: boolean; readonly ms: number }) => {
  const name = (worker: number): string => (task.hot ? "hot" : `${nodeName}-${worker}`);
  void throughput(Number(writers), task.ms, (worker) => counter.open(name(worker)).increment("hits")).then(
    (perSecond) => process.send?.({ perSecond }),
  );
});
process.on("disconnect", () => void hold.close());
process.send?.({ ready: true });
