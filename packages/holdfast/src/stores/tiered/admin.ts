/** The privileged door is PostgreSQL's; the cache is told what goes through it. */
import { isHoldfastError } from "../../record/errors.ts";
import type { StoreAdmin } from "../../store/contract.ts";
import type { RecordCache } from "./cache.ts";

export function cacheAdmin(truth: StoreAdmin, cache: RecordCache): StoreAdmin {
  return {
    scan: (options) => truth.scan(options),
    inspect: (owner, key, options) => truth.inspect(owner, key, options),
    // What it removes had ended or expired, and was an answer for nobody any more.
    reap: (options) => truth.reap(options),
    erase: (owner, options) =>
      telling(
        () => truth.erase(owner, options),
        () => cache.erased(owner),
      ),
    export: (owner, key, options) => truth.export(owner, key, options),
    import: (owner, dump, options) =>
      telling(
        () => truth.import(owner, dump, options),
        () => cache.changed(owner, [dump.record]),
      ),
    owners: (options) => truth.owners(options),
    exportAccount: (owner, options) => truth.exportAccount(owner, options),
    importAccount: (owner, dump, options) => truth.importAccount(owner, dump, options),
    stats: (options) => truth.stats(options),
  };
}

/** The cache hears of what was done, and of what may have been. */
async function telling<T>(change: () => Promise<T>, tell: () => Promise<void>): Promise<T> {
  try {
    const done = await change();
    await tell();
    return done;
  } catch (error) {
    if (isHoldfastError(error, "OUTCOME_UNKNOWN")) await tell();
    throw error;
  }
}
