import { existsSync } from "node:fs";
import { resolve } from "node:path";
import type { SealingKeys } from "holdfast";
import { openedStore, openStore } from "holdfast/admin";
import { HoldfastError, isHoldfastError, type Store } from "holdfast/contract";

import { withoutPassword } from "../settings/without-password.ts";

const sqlite = "sqlite:";

/**
 * Opens a store for a command that looks into one. Throws `CONFIGURATION` for a file that is not there: opening it would
 * make an empty one, and a mistyped path would look like a store that lost everything. With keys, what they open is shown.
 */
export async function openExisting(url: string, keys?: SealingKeys): Promise<Store> {
  if (url.startsWith("memory:")) {
    throw new HoldfastError(
      "CONFIGURATION",
      "what a memory: store holds is out of reach of every process but its own; name another store with --store",
    );
  }
  if (url.startsWith(sqlite)) {
    const path = resolve(url.slice(sqlite.length));
    if (!existsSync(path)) {
      throw new HoldfastError("CONFIGURATION", `there is no file ${path}; name the store with --store URL`);
    }
  }
  const store = await openNamed(url);
  return keys === undefined ? store : openedStore(store, keys);
}

/** Opens a store, making it where it is missing. Errors say which store it was, without its password. */
export async function openNamed(url: string): Promise<Store> {
  try {
    return await openStore(url);
  } catch (error) {
    throw cannotOpen(url, error);
  }
}

/** The error of a store that could not be opened. */
export function cannotOpen(url: string, error: unknown): HoldfastError {
  const reason = error instanceof Error ? error.message : String(error);
  const code = isHoldfastError(error) ? error.code : "UNAVAILABLE";
  return new HoldfastError(code, `the store ${withoutPassword(url)} cannot be opened: ${reason}`, { cause: error });
}
