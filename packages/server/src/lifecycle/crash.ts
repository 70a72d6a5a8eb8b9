import type { Log } from "../log/logger.ts";

/** Puts what nobody caught into the log, scrubbed like everything else there, before the process ends with 1. */
export function logCrashes(log: Log): Disposable {
  const crashed = (err: unknown): void => {
    log.error({ err }, "this should not have happened; the process ends");
    process.exit(1);
  };
  // A rejection that nobody handles arrives here as well.
  process.on("uncaughtException", crashed);
  return {
    [Symbol.dispose]() {
      process.off("uncaughtException", crashed);
    },
  };
}
