/**
 * Real stores for tests of what is above them: one memory, or one SQLite file in a folder of its own, opened as often
 * as a test wants processes, with a clock the test may move.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { Store } from "../../packages/holdfast/src/store/contract.ts";
import { memoryStore } from "../../packages/holdfast/src/stores/memory/index.ts";
import { sqliteStore } from "../../packages/holdfast/src/stores/sqlite/index.ts";

export interface Backing extends AsyncDisposable {
  readonly clock: TestClock;
  /** Whether a hint published through one door reaches another as it was, and not only as "something changed". */
  readonly hintsCarryText: boolean;
  /** The store, and each further time the same data through another door, as another process would have it. */
  open(): Promise<Store>;
}

export type TestClock = { readonly now: () => number; advance(ms: number): void };

function testClock(): TestClock {
  let ahead = 0;
  return {
    now: () => Date.now() + ahead,
    advance: (ms) => {
      ahead += ms;
    },
  };
}

async function memoryBacking(): Promise<Backing> {
  const clock = testClock();
  const store = await memoryStore({ clock: clock.now });
  return {
    clock,
    hintsCarryText: true,
    open: async () => store,
    [Symbol.asyncDispose]: () => store.close(),
  };
}

async function sqliteBacking(): Promise<Backing> {
  const clock = testClock();
  const folder = await mkdtemp(join(tmpdir(), "holdfast-"));
  const opened: Store[] = [];
  return {
    clock,
    hintsCarryText: false,
    open: async () => {
      const store = await sqliteStore({ path: join(folder, "state.db"), clock: clock.now });
      opened.push(store);
      return store;
    },
    [Symbol.asyncDispose]: async () => {
      await Promise.all(opened.map((store) => store.close()));
      await rm(folder, { recursive: true, force: true });
    },
  };
}

export const backings: readonly (readonly [string, () => Promise<Backing>])[] = [
  ["memory", memoryBacking],
  ["sqlite", sqliteBacking],
];
