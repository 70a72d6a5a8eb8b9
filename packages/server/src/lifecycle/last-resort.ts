import type { Log } from "../log/logger.ts";

/**
 * Ends the process if an orderly stop takes far too long, for want of the store's lock say: whoever asked it to stop
 * would otherwise kill it. What was acknowledged is safe either way.
 */
export class LastResort implements Disposable {
  readonly #log: Log;
  #timer: NodeJS.Timeout | undefined;

  constructor(log: Log) {
    this.#log = log;
  }

  /** Ends the process with 1 unless this is disposed of within `afterMs`. */
  arm(afterMs: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#log.error({ afterMs }, "stopping took too long; what was waiting to be written is given up");
      process.exit(1);
    }, afterMs);
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
  }
}
