import { expect, it } from "vitest";
import { z } from "zod";

import { holdfast } from "../hold.ts";
import { localUser } from "../security/principal.ts";
import { kind } from "../state/kind.ts";
import { cached } from "../store/cached.ts";
import { memoryStore } from "../stores/memory/index.ts";
import { Sdk } from "./telemetry.test-kit.ts";

const Price = kind("price", { schema: z.object({ cents: z.number().default(0) }) });

it("tells how many reads a cache in front of the store has answered", async () => {
  await using sdk = new Sdk();
  await using store = cached(await memoryStore());
  await using hold = await holdfast({ store, kinds: [Price], telemetry: sdk.options });
  const { price } = hold.state(localUser);
  const { id } = await price.create();
  for (let round = 0; round < 4; round += 1) await price.get(id, { replica: true });
  await price.get(id);
  const points = await sdk.points();
  expect(points.get("holdfast.cache.lookups{result=hit}")).toBe(3);
  expect(points.get("holdfast.cache.lookups{result=miss}")).toBe(1);
});
