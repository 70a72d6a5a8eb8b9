/** One process with a cache in front of its store, which reads and writes prices as it is told by lines on its stdin. */
import { cached, holdfast, kind, localUser, openStore } from "holdfast";
import { z } from "zod";

import { obey } from "../lib/obey.ts";

export type Command =
  | { readonly do: "create"; readonly cents: number }
  /** As the cache has it, if it has it. */
  | { readonly do: "read"; readonly id: string }
  | { readonly do: "write"; readonly id: string; readonly cents: number }
  /** Only where the price is still at the version that the cache shows. */
  | { readonly do: "write as seen"; readonly id: string; readonly cents: number }
  /** An update, ten times. */
  | { readonly do: "raise"; readonly id: string }
  | { readonly do: "invalidate"; readonly id: string }
  | { readonly do: "counts" };

export type Seen = { readonly cents: number; readonly version: number };
export type Counts = { readonly hits: number; readonly misses: number; readonly size: number };

const [, , url = "", maxStaleMs = ""] = process.argv;
const Price = kind("price", { schema: z.object({ cents: z.number() }) });
await using store = cached(await openStore(url), { maxStaleMs: Number(maxStaleMs) });
await using hold = await holdfast({ store, kinds: [Price] });
const { price } = hold.state(localUser);

// Written by the test that started this.
await obey((command) => carryOut(command as Command));

async function carryOut(command: Command): Promise<unknown> {
  switch (command.do) {
    case "create":
      return (await price.create({ cents: command.cents })).id;
    case "read":
      return await seen(command.id);
    case "write":
      return (await price.update(command.id, () => ({ cents: command.cents }))).version;
    case "write as seen": {
      const { version } = await seen(command.id);
      return (await price.update(command.id, () => ({ cents: command.cents }), { ifVersion: version })).version;
    }
    case "raise":
      for (let n = 0; n < 10; n += 1) await price.update(command.id, ({ cents }) => ({ cents: cents + 1 }));
      return null;
    case "invalidate":
      store.cache.invalidate(command.id);
      return null;
    case "counts": {
      const { hits, misses, size } = store.cache;
      return { hits, misses, size };
    }
  }
}

async function seen(id: string): Promise<Seen> {
  const { value, version } = await price.get(id, { replica: true });
  return { cents: value.cents, version };
}
