import { join } from "node:path";
import { expect, it } from "vitest";

import { utf8Length } from "../../record/text.ts";
import type { EventsOptions, Store } from "../../store/contract.ts";
import { loadDriver } from "./client.ts";
import { sqliteStore } from "./index.ts";
import { owner, temporaryFolder } from "./temporary.test-kit.ts";

const key = { kind: "note", id: "a" } as const;
const streams = ["log", "__proto__", "out"] as const;
const odd = ["", "x", '{"type":"updated"}', "\0", 'a "quoted" \\ line\nand another', "é😀", "[1,2]", "y".repeat(2_000)];

/** What one stream should hold: the positions retained, and their data. */
type Expected = { first: number; data: string[] };

function seeded(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return Math.floor((state / 2_147_483_648) * below);
  };
}

function pageOf({ first, data }: Expected, options: EventsOptions): readonly string[] {
  const { after = 0, before = Number.MAX_SAFE_INTEGER, limit, maxBytes = Number.MAX_SAFE_INTEGER, order } = options;
  const range = data
    .map((text, index) => ({ position: first + index, text }))
    .filter(({ position }) => position > after && position < before);
  if (order === "newest") range.reverse();
  const page: string[] = [];
  let gathered = 0;
  for (const { position, text } of range) {
    if (page.length >= limit || (page.length > 0 && gathered >= maxBytes)) break;
    page.push(`${position} ${text}`);
    gathered += utf8Length(text);
  }
  return page;
}

async function compareAll(
  store: Store,
  expected: ReadonlyMap<string, Expected>,
  random: (below: number) => number,
): Promise<void> {
  let bytes = utf8Length("{}");
  for (const [stream, held] of expected) {
    for (const text of held.data) bytes += utf8Length(text);
    const head = held.first + held.data.length - 1;
    const some = (): number => Math.max(0, held.first - 2 + random(held.data.length + 4));
    const asked: readonly EventsOptions[] = [
      { limit: 10_000 },
      { limit: 10_000, order: "newest" },
      { limit: 1 + random(5), after: some(), before: some() + 1 },
      { limit: 1 + random(40), after: some(), order: "newest" },
      { limit: 1 + random(40), before: some() + 1, order: "newest", maxBytes: random(300) },
      { limit: 1 + random(40), after: some(), maxBytes: random(3_000) },
    ];
    for (const options of asked) {
      const page = await store.events(owner, key, stream, options);
      expect({ head: page?.head, first: page?.first }).toEqual({ head, first: held.first });
      expect(
        page?.events.map(({ position, data }) => `${position} ${data}`),
        JSON.stringify(options),
      ).toEqual(pageOf(held, options));
    }
  }
  expect((await store.usage(owner)).bytes).toBe(bytes);
}

const seed = Number(process.env["HOLDFAST_SEED"] ?? Date.now() % 1_000_000);

for (const used of [7, seed]) {
  it(`gives back what was appended, wherever runs were cut by trims (seed ${used})`, async () => {
    const random = seeded(used);
    const path = join(await temporaryFolder(), "state.db");
    let now = 1_000_000;
    const open = (): Promise<Store> => sqliteStore({ path, clock: () => now });
    let store = await open();
    await store.commit(owner, [{ ...key, expect: "absent", create: { text: "{}", lifetime: {} } }]);
    const expected = new Map<string, Expected>();
    for (let step = 0; step < 300; step += 1) {
      now += random(50);
      const stream = streams[random(streams.length)] ?? "log";
      const held = expected.get(stream) ?? { first: 1, data: [] };
      expected.set(stream, held);
      const data = Array.from({ length: random(10) === 0 ? 40 : random(4) }, () => odd[random(odd.length)] ?? "");
      const head = held.first + held.data.length + data.length - 1;
      const through = random(4) === 0 ? Math.min(head, held.first - 1 + random(30)) : 0;
      await store.commit(owner, [
        {
          ...key,
          expect: "present",
          appends: [{ stream, data }],
          ...(through > 0 && { trims: [{ stream, through }] }),
        },
      ]);
      held.data.push(...data);
      if (through >= held.first) {
        held.data.splice(0, through - held.first + 1);
        held.first = through + 1;
      }
      if (step % 30 === 29) await compareAll(store, expected, random);
      if (step % 70 !== 69) continue;
      // Nothing is remembered by a store that was just opened.
      await store.close();
      store = await open();
      await compareAll(store, expected, random);
    }
    await store.close();
  });
}

it("leaves no row behind once every event of a run is trimmed", async () => {
  const path = join(await temporaryFolder(), "state.db");
  const store = await sqliteStore({ path });
  await store.commit(owner, [{ ...key, expect: "absent", create: { text: "{}", lifetime: {} } }]);
  for (let round = 0; round < 50; round += 1) {
    const data = Array.from({ length: 20 }, () => "z".repeat(50));
    await store.commit(owner, [{ ...key, expect: "present", appends: [{ stream: "log", data, keep: 30 }] }]);
  }
  await store.commit(owner, [{ ...key, expect: "present", trims: [{ stream: "log", through: 960 }] }]);
  await store.close();
  const database = (await loadDriver()).open(path);
  const rows = database.prepare("select count(*) as rows, min(last) as oldest from events").get();
  database.close();
  expect(Number(rows?.["oldest"])).toBeGreaterThan(960);
  expect(Number(rows?.["rows"])).toBeLessThan(10);
});
