import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";

import { ownerOf } from "../../record/ids.ts";
import type { Owner } from "../../record/record.ts";
import type { Store } from "../../store/contract.ts";
import { type SqliteOptions, sqliteStore } from "./index.ts";

export const owner: Owner = ownerOf({ issuer: "test", subject: "sqlite" });

/** A folder that goes when the test is over. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "holdfast-sqlite-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** A store that is closed when the test is over, before its folder goes. */
export async function openFor(options: SqliteOptions): Promise<Store> {
  const store = await sqliteStore(options);
  onTestFinished(() => store.close());
  return store;
}

/** Polls until `probe` answers true; fails after the deadline. */
export async function eventually(what: string, probe: () => boolean, withinMs = 5_000): Promise<void> {
  const until = performance.now() + withinMs;
  while (!probe()) {
    if (performance.now() > until) throw new Error(`${what}: not within ${withinMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
