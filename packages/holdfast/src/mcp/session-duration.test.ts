/** How long sessions lived is told of each once in the whole fleet, whichever way it was over. */
import { expect, it } from "vitest";

import { holdfast } from "../hold.ts";
import { localUser } from "../security/principal.ts";
import { memoryStore } from "../stores/memory/index.ts";
import { Sdk } from "./telemetry.test-kit.ts";

const minute = 60_000;
const duration = "mcp.server.session.duration";

it("tells how long a session lived that expired, or that was ended, by one node of those that sweep", async () => {
  await using sdk = new Sdk();
  let now = 1_000_000;
  await using store = await memoryStore({ clock: () => now });
  const options = {
    store,
    telemetry: sdk.options,
    sessions: { idle: "10m" },
    reap: { every: "10ms" },
    kinds: [],
  } as const;
  await using one = await holdfast(options);
  await using other = await holdfast(options);
  const { id } = await one.sessions(localUser).create();
  for (let index = 0; index < 5; index += 1) await other.sessions(localUser).create();
  now += 5 * minute;
  await one.sessions(localUser).open(id).end();
  expect(await sdk.histogram(duration)).toEqual({ count: 1, sum: 5 * 60 });
  // Nobody looks for half an hour: what was over in between lived no longer for that.
  now += 30 * minute;
  await expect.poll(() => one.counts.reaped + other.counts.reaped, { timeout: 10_000, interval: 5 }).toBe(6);
  expect(await sdk.histogram(duration)).toEqual({ count: 6, sum: 5 * 60 + 5 * 10 * 60 });
});
