/**
 * A short flood, judged by what is right and never by how long it takes: `npm run torture` has the long one, with latency
 * and memory. HOLDFAST_FLOOD_SECONDS says how long.
 */
import { expect, it } from "vitest";

import { attacks } from "./attackers.ts";
import { flood } from "./flood.ts";

const seconds = Number(process.env["HOLDFAST_FLOOD_SECONDS"] ?? 12);

it(`serves who means well in a flood of ${seconds} seconds, and keeps every limit`, {
  timeout: 10 * 60_000,
}, async () => {
  const { complaints, during, tally } = await flood({ calmMs: 500, floodMs: seconds * 1_000 });
  expect(complaints).toEqual([]);
  expect(during.calls).toBeGreaterThan(0);
  for (const { name } of attacks)
    expect([...(tally.get(name) ?? [])].length, `nobody tried: ${name}`).toBeGreaterThan(0);
  const answered = (name: string, status: number): number => tally.get(name)?.get(status) ?? 0;
  // The guards were reached, not only the door.
  expect(answered("guessed session ids", 429)).toBeGreaterThan(0);
  expect(answered("new sessions without end", 429)).toBeGreaterThan(0);
  expect(answered("wrong tokens", 401)).toBeGreaterThan(0);
  expect(
    answered("bodies that are too large, in pieces", 413) + answered("bodies that are too large, and say so", 413),
  ).toBeGreaterThan(0);
});
