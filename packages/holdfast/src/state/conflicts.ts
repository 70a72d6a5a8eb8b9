/**
 * Conflicts of one process: counted, reported one by one, and, where they are many, told to whoever runs the server
 * once a minute, since no retrying mends work that is divided badly.
 */
import type { ConflictReport, HoldWarning } from "./hold.ts";

const windowMs = 60_000;
/** Below this many updates in a window a share says nothing. */
const minUpdates = 100;
const tolerable = 0.05;
/** Updates that needed 0, 1, … 9 retries, and 10 or more. */
const buckets = 11;

export type ConflictLogOptions = {
  readonly onConflict: ((report: ConflictReport) => void) | undefined;
  readonly onWarning: ((warning: HoldWarning) => void) | undefined;
  readonly onError: (error: unknown) => void;
  readonly now?: () => number;
};

export class ConflictLog {
  conflicts = 0;
  retries = 0;
  /** Changes that depended on what was read before. */
  updates = 0;
  readonly retriesPerUpdate: number[] = Array.from({ length: buckets }, () => 0);
  readonly #options: ConflictLogOptions;
  #window = { since: Number.NEGATIVE_INFINITY, updates: 0, conflicts: 0, warned: false };

  constructor(options: ConflictLogOptions) {
    this.#options = options;
  }

  /** A change that depends on what was read is about to be committed. */
  tried(): void {
    this.updates += 1;
    this.#current().updates += 1;
  }

  conflict(report: ConflictReport): void {
    this.conflicts += 1;
    const window = this.#current();
    window.conflicts += 1;
    this.#tell(() => this.#options.onConflict?.(report));
    const { updates, conflicts } = window;
    if (window.warned || updates < minUpdates || conflicts <= updates * tolerable) return;
    window.warned = true;
    this.#tell(() => this.#options.onWarning?.(warningOf(updates, conflicts, report)));
  }

  /** An update is through. */
  settled(retries: number): void {
    const bucket = Math.min(retries, buckets - 1);
    this.retriesPerUpdate[bucket] = (this.retriesPerUpdate[bucket] ?? 0) + 1;
  }

  #current(): { updates: number; conflicts: number; warned: boolean } {
    const now = this.#options.now?.() ?? performance.now();
    if (now - this.#window.since >= windowMs) this.#window = { since: now, updates: 0, conflicts: 0, warned: false };
    return this.#window;
  }

  #tell(tell: () => void): void {
    try {
      tell();
    } catch (error) {
      this.#options.onError(error);
    }
  }
}

function warningOf(updates: number, conflicts: number, { kind, tool }: ConflictReport): HoldWarning {
  const percent = Math.round((conflicts / updates) * 100);
  const where = tool === undefined ? `kind "${kind}"` : `kind "${kind}" in tool "${tool}"`;
  return {
    code: "many-conflicts",
    message:
      `${percent} in a hundred updates of the last minute met another process at the same record (lately ${where}). ` +
      "Retries keep this right but slow: divide the work over more records, or use counters and appends, which never conflict.",
    details: { updates, conflicts, kind, ...(tool !== undefined && { tool }) },
  };
}
