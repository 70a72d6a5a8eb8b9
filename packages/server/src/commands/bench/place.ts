import { mkdirSync, rmdirSync, rmSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { HoldfastError } from "holdfast/contract";

/** Where a store is measured. What was made for that goes with it. */
export interface Place extends Disposable {
  readonly url: string;
  /** Of a SQLite file. */
  readonly folder: string | undefined;
}

/**
 * A file of its own beside a SQLite database, in a folder that is made where it is missing; any other store itself. File and
 * folder are removed when it is disposed, and also where a second signal ends the process at once. Throws `CONFIGURATION`
 * for a folder that cannot be made.
 */
export function placeFor(url: string): Place {
  if (!url.startsWith("sqlite:")) return { url, folder: undefined, [Symbol.dispose]: () => undefined };
  const folder = dirname(resolve(url.slice("sqlite:".length)));
  const made = makeFolder(folder);
  const path = join(folder, `holdfast-bench-${process.pid}.db`);
  const remove = (): void => {
    for (const suffix of ["", "-wal", "-shm", "-hint", ".fsync"]) rmSync(`${path}${suffix}`, { force: true });
    if (made !== undefined) removeIfEmpty(folder, made);
  };
  process.once("exit", remove);
  return {
    url: `sqlite:${path}`,
    folder,
    [Symbol.dispose]: () => {
      process.off("exit", remove);
      remove();
    },
  };
}

/** The outermost folder that had to be made, if any. */
function makeFolder(folder: string): string | undefined {
  try {
    return mkdirSync(folder, { recursive: true, mode: 0o700 });
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    const told = `the folder ${folder} cannot be made: ${reason}; name a store elsewhere with --store`;
    throw new HoldfastError("CONFIGURATION", told, { cause });
  }
}

/** From the innermost outwards. Somebody else may have put something there meanwhile: it stays. */
function removeIfEmpty(innermost: string, outermost: string): void {
  for (let folder = innermost; folder.length >= outermost.length; folder = dirname(folder)) {
    try {
      rmdirSync(folder);
    } catch {
      return;
    }
  }
}
